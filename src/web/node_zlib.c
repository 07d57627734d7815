#include "web/node_zlib.h"

#define ZLIB_CONST 1 /* next_in is const */
#define ZSTD_STATIC_LINKING_ONLY 1
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/mem.h"

#define PIECE ((size_t)1 << 30) /* zlib counts in unsigned int */
/* How much room out is given at a time: as much as there is already, within these. */
#define STEP_MIN ((size_t)1 << 10)
#define STEP ((size_t)256 << 10)

struct slv_nodejs_zip {
    slv_nodejs_zip_mode mode;
    /* zlib */
    z_stream z;
    slv_nodejs_zlib_options o;
    char *dictionary;
    unsigned magic_seen; /* of UNZIP: bytes of gzip's two */
    bool open;
    int status, flush;
    /* the others */
    BrotliEncoderState *brotli;
    BrotliDecoderState *unbrotli;
    ZSTD_CCtx *zstd;
    ZSTD_DCtx *unzstd;
    uint64_t pledged;
    bool ended, in_frame;
};

static bool fail(slv_nodejs_zip_error *e, const char *message, const char *code, int errnum)
{
    e->message = message;
    e->code = code;
    e->errnum = errnum;
    return false;
}

/* ---- zlib ---- */

static bool is_inflate(slv_nodejs_zip_mode mode)
{
    return mode == SLV_NODEJS_INFLATE || mode == SLV_NODEJS_GUNZIP ||
           mode == SLV_NODEJS_INFLATE_RAW || mode == SLV_NODEJS_UNZIP;
}

static bool is_deflate(slv_nodejs_zip_mode mode)
{
    return mode == SLV_NODEJS_DEFLATE || mode == SLV_NODEJS_GZIP || mode == SLV_NODEJS_DEFLATE_RAW;
}

static bool zlib_fail(const slv_nodejs_zip *z, slv_nodejs_zip_error *e, const char *message)
{
    static const char *const codes[] = {"Z_NEED_DICT", "Z_STREAM_END",   "Z_OK",
                                        "Z_ERRNO",     "Z_STREAM_ERROR", "Z_DATA_ERROR",
                                        "Z_MEM_ERROR", "Z_BUF_ERROR",    "Z_VERSION_ERROR"};
    int at = 2 - z->status;

    return fail(e, z->z.msg ? z->z.msg : message,
                at >= 0 && (size_t)at < SLV_ARRAY_LEN(codes) ? codes[at] : "Z_ERRNO", z->status);
}

slv_nodejs_zip *slv_nodejs_zip_zlib(slv_nodejs_zip_mode mode, const slv_nodejs_zlib_options *o)
{
    slv_nodejs_zip *z = slv_new0(slv_nodejs_zip);

    z->mode = mode;
    z->o = *o;
    if (o->dictionary.len > 0) {
        z->dictionary = malloc(o->dictionary.len);
        SLV_ASSERT(z->dictionary);
        memcpy(z->dictionary, o->dictionary.ptr, o->dictionary.len);
        z->o.dictionary.ptr = z->dictionary;
    }
    return z;
}

/* zlib writes the dictionary's check in front of the data, or, raw, needs it at once. */
static int set_dictionary(slv_nodejs_zip *z)
{
    const Bytef *bytes = (const Bytef *)z->o.dictionary.ptr;
    uInt len = (uInt)z->o.dictionary.len;

    if (len == 0)
        return Z_OK;
    if (z->mode == SLV_NODEJS_DEFLATE || z->mode == SLV_NODEJS_DEFLATE_RAW)
        return deflateSetDictionary(&z->z, bytes, len);
    return z->mode == SLV_NODEJS_INFLATE_RAW ? inflateSetDictionary(&z->z, bytes, len) : Z_OK;
}

/* The library's state is made when it is first needed: it is large. */
static bool zlib_open(slv_nodejs_zip *z, slv_nodejs_zip_error *e)
{
    int bits = z->o.window_bits;

    if (z->open)
        return true;
    if (z->mode == SLV_NODEJS_GZIP || z->mode == SLV_NODEJS_GUNZIP)
        bits += 16;
    else if (z->mode == SLV_NODEJS_UNZIP)
        bits += 32;
    else if (z->mode == SLV_NODEJS_DEFLATE_RAW || z->mode == SLV_NODEJS_INFLATE_RAW)
        bits = -bits;
    z->status = is_deflate(z->mode) ? deflateInit2(&z->z, z->o.level, Z_DEFLATED, bits,
                                                   z->o.mem_level, z->o.strategy)
                                    : inflateInit2(&z->z, bits);
    if (z->status != Z_OK)
        return zlib_fail(z, e, "Init error");
    z->open = true;
    z->status = set_dictionary(z);
    return z->status == Z_OK ? true : zlib_fail(z, e, "Failed to set dictionary");
}

static bool zlib_reset(slv_nodejs_zip *z, slv_nodejs_zip_error *e)
{
    if (!zlib_open(z, e))
        return false;
    z->status = is_deflate(z->mode) ? deflateReset(&z->z) : inflateReset(&z->z);
    if (z->status != Z_OK)
        return zlib_fail(z, e, "Failed to reset stream");
    z->magic_seen = 0;
    z->ended = false;
    z->status = set_dictionary(z);
    return z->status == Z_OK ? true : zlib_fail(z, e, "Failed to set dictionary");
}

/* What the first two bytes say: gzip's members may follow one another, a zlib stream ends. */
static void look_at_magic(slv_nodejs_zip *z)
{
    static const uint8_t magic[2] = {0x1F, 0x8B};

    for (size_t i = 0; z->mode == SLV_NODEJS_UNZIP && z->magic_seen < 2 && i < z->z.avail_in; i++) {
        if (z->z.next_in[i] != magic[z->magic_seen])
            z->mode = SLV_NODEJS_INFLATE;
        else if (++z->magic_seen == 2)
            z->mode = SLV_NODEJS_GUNZIP;
    }
}

static void inflate_some(slv_nodejs_zip *z)
{
    if (z->mode == SLV_NODEJS_UNZIP)
        look_at_magic(z);
    z->status = inflate(&z->z, z->flush);
    if (z->mode != SLV_NODEJS_INFLATE_RAW && z->status == Z_NEED_DICT && z->o.dictionary.len > 0) {
        z->status = inflateSetDictionary(&z->z, (const Bytef *)z->o.dictionary.ptr,
                                         (uInt)z->o.dictionary.len);
        if (z->status == Z_OK)
            z->status = inflate(&z->z, z->flush);
        else if (z->status == Z_DATA_ERROR) /* a dictionary that is not the right one */
            z->status = Z_NEED_DICT;
    }
    /* more members; zeros behind the last are padding */
    while (z->z.avail_in > 0 && z->mode == SLV_NODEJS_GUNZIP && z->status == Z_STREAM_END &&
           z->z.next_in[0] != 0) {
        z->status = inflateReset(&z->z);
        if (z->status == Z_OK)
            z->status = inflate(&z->z, z->flush);
    }
}

static bool zlib_judge(slv_nodejs_zip *z, slv_nodejs_zip_error *e)
{
    switch (z->status) {
    case Z_OK:
    case Z_BUF_ERROR:
        if (z->z.avail_out != 0 && z->flush == Z_FINISH) {
            z->status = Z_BUF_ERROR;
            z->z.msg = NULL;
            return zlib_fail(z, e, "unexpected end of file");
        }
        return true;
    case Z_STREAM_END:
        z->ended = true;
        return true;
    case Z_NEED_DICT:
        return zlib_fail(z, e, z->o.dictionary.len == 0 ? "Missing dictionary" : "Bad dictionary");
    default:
        return zlib_fail(z, e, "Zlib error");
    }
}

static bool zlib_write(slv_nodejs_zip *z, int flush, slv_nodejs_zip_io *io, slv_nodejs_zip_error *e)
{
    size_t in = io->in_len < PIECE ? io->in_len : PIECE,
           out = io->out_len < PIECE ? io->out_len : PIECE;

    if (!zlib_open(z, e))
        return false;
    z->z.next_in = io->in;
    z->z.avail_in = (uInt)in;
    z->z.next_out = io->out;
    z->z.avail_out = (uInt)out;
    z->flush = in < io->in_len ? Z_NO_FLUSH : flush;
    if (is_deflate(z->mode))
        z->status = deflate(&z->z, z->flush);
    else
        inflate_some(z);
    bool ok = zlib_judge(z, e);
    io->in += in - z->z.avail_in;
    io->in_len -= in - z->z.avail_in;
    io->out += out - z->z.avail_out;
    io->out_len -= out - z->z.avail_out;
    z->z.next_in = NULL;
    z->z.next_out = NULL;
    z->z.avail_in = z->z.avail_out = 0;
    return ok;
}

bool slv_nodejs_zip_params(slv_nodejs_zip *z, int level, int strategy, slv_nodejs_zip_error *e)
{
    uint8_t nowhere[1];

    if (!is_deflate(z->mode))
        return true;
    if (!zlib_open(z, e))
        return false;
    z->z.next_out =
        nowhere; /* all is flushed: nothing comes out, but the library looks for a place */
    z->status = deflateParams(&z->z, level, strategy);
    z->z.next_out = NULL;
    return z->status == Z_OK || z->status == Z_BUF_ERROR
               ? true
               : zlib_fail(z, e, "Failed to set parameters");
}

/* ---- brotli ---- */

static bool brotli_open(slv_nodejs_zip *z)
{
    if (z->mode == SLV_NODEJS_BROTLI_ENCODE)
        return (z->brotli = BrotliEncoderCreateInstance(NULL, NULL, NULL)) != NULL;
    return (z->unbrotli = BrotliDecoderCreateInstance(NULL, NULL, NULL)) != NULL;
}

static bool brotli_write(slv_nodejs_zip *z, int flush, slv_nodejs_zip_io *io,
                         slv_nodejs_zip_error *e)
{
    if (z->brotli) {
        bool ok = BrotliEncoderCompressStream(z->brotli, (BrotliEncoderOperation)flush, &io->in_len,
                                              &io->in, &io->out_len, &io->out, NULL);

        z->ended = ok && BrotliEncoderIsFinished(z->brotli);
        return ok ? true : fail(e, "Compression failed", "ERR_BROTLI_COMPRESSION_FAILED", -1);
    }
    BrotliDecoderResult result = BrotliDecoderDecompressStream(z->unbrotli, &io->in_len, &io->in,
                                                               &io->out_len, &io->out, NULL);
    z->ended = result == BROTLI_DECODER_RESULT_SUCCESS;
    if (result == BROTLI_DECODER_RESULT_ERROR) {
        snprintf(e->text, sizeof e->text, "ERR_%s",
                 BrotliDecoderErrorString(BrotliDecoderGetErrorCode(z->unbrotli)));
        return fail(e, "Compression failed", e->text, -1);
    }
    if (flush == BROTLI_OPERATION_FINISH && result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT)
        return fail(e, "Unexpected end of file", "Z_BUF_ERROR", Z_BUF_ERROR);
    return true;
}

/* ---- Zstandard ---- */

static bool zstd_fail(slv_nodejs_zip_error *e, size_t result, const char *what, const char *code)
{
    snprintf(e->text, sizeof e->text, "%s: %s", what,
             ZSTD_getErrorString(ZSTD_getErrorCode(result)));
    return fail(e, e->text, code, -1);
}

static bool zstd_pledge(slv_nodejs_zip *z, slv_nodejs_zip_error *e)
{
    size_t result;

    if (z->pledged == UINT64_MAX)
        return true;
    result = ZSTD_CCtx_setPledgedSrcSize(z->zstd, z->pledged);
    return ZSTD_isError(result)
               ? zstd_fail(e, result, "Zstd compression failed", "ERR_ZSTD_COMPRESSION_FAILED")
               : true;
}

static bool zstd_write(slv_nodejs_zip *z, int flush, slv_nodejs_zip_io *io, slv_nodejs_zip_error *e)
{
    ZSTD_inBuffer in = {io->in, io->in_len, 0};
    ZSTD_outBuffer out = {io->out, io->out_len, 0};
    size_t result = z->zstd ? ZSTD_compressStream2(z->zstd, &out, &in, (ZSTD_EndDirective)flush)
                            : ZSTD_decompressStream(z->unzstd, &out, &in);

    io->in += in.pos;
    io->in_len -= in.pos;
    io->out += out.pos;
    io->out_len -= out.pos;
    if (ZSTD_isError(result))
        return z->zstd
                   ? zstd_fail(e, result, "Zstd compression failed", "ERR_ZSTD_COMPRESSION_FAILED")
                   : zstd_fail(e, result, "Zstd decompression failed",
                               "ERR_ZSTD_DECOMPRESSION_FAILED");
    if (z->zstd) {
        z->ended = result == 0 && flush == ZSTD_e_end;
        return true;
    }
    if (in.size > 0)
        z->in_frame = result > 0;
    z->ended = !z->in_frame && result == 0;
    if (flush == ZSTD_e_end && z->in_frame && io->out_len > 0)
        return fail(e, "unexpected end of file", "ERR_ZSTD_DECOMPRESSION_FAILED", -1);
    return true;
}

/* ---- all of them ---- */

slv_nodejs_zip *slv_nodejs_zip_new(slv_nodejs_zip_mode mode, uint64_t pledged,
                                   slv_nodejs_zip_error *e)
{
    SLV_CLEANUP(slv_nodejs_zip_free) slv_nodejs_zip *z = slv_new0(slv_nodejs_zip);
    bool ok = false;

    z->mode = mode;
    z->pledged = pledged;
    if (mode == SLV_NODEJS_BROTLI_DECODE || mode == SLV_NODEJS_BROTLI_ENCODE)
        ok = brotli_open(z);
    else if (mode == SLV_NODEJS_ZSTD_ENCODE)
        ok = (z->zstd = ZSTD_createCCtx()) != NULL;
    else if (mode == SLV_NODEJS_ZSTD_DECODE)
        ok = (z->unzstd = ZSTD_createDCtx()) != NULL;
    if (!ok) {
        (void)fail(e, "Initialization failed", "ERR_ZLIB_INITIALIZATION_FAILED", -1);
        return NULL;
    }
    if (z->zstd && !zstd_pledge(z, e))
        return NULL;
    return SLV_STEAL(z);
}

bool slv_nodejs_zip_set(slv_nodejs_zip *z, int key, int value, slv_nodejs_zip_error *e)
{
    if (z->zstd || z->unzstd) {
        size_t result = z->zstd ? ZSTD_CCtx_setParameter(z->zstd, (ZSTD_cParameter)key, value)
                                : ZSTD_DCtx_setParameter(z->unzstd, (ZSTD_dParameter)key, value);

        return ZSTD_isError(result)
                   ? zstd_fail(e, result, "Setting parameter failed", "ERR_ZSTD_PARAM_SET_FAILED")
                   : true;
    }
    bool ok =
        z->brotli
            ? BrotliEncoderSetParameter(z->brotli, (BrotliEncoderParameter)key, (uint32_t)value)
            : BrotliDecoderSetParameter(z->unbrotli, (BrotliDecoderParameter)key, (uint32_t)value);
    return ok ? true : fail(e, "Setting parameter failed", "ERR_BROTLI_PARAM_SET_FAILED", -1);
}

slv_nodejs_zip *slv_nodejs_zip_free(slv_nodejs_zip *z)
{
    if (!z)
        return NULL;
    if (z->open) {
        if (is_deflate(z->mode))
            (void)deflateEnd(&z->z);
        else if (is_inflate(z->mode))
            (void)inflateEnd(&z->z);
    }
    if (z->brotli)
        BrotliEncoderDestroyInstance(z->brotli);
    if (z->unbrotli)
        BrotliDecoderDestroyInstance(z->unbrotli);
    ZSTD_freeCCtx(z->zstd);
    ZSTD_freeDCtx(z->unzstd);
    free(z->dictionary);
    free(z);
    return NULL;
}

bool slv_nodejs_zip_write(slv_nodejs_zip *z, int flush, slv_nodejs_zip_io *io,
                          slv_nodejs_zip_error *e)
{
    static const uint8_t nothing[1] = {0};

    if (io->in_len == 0)
        io->in = nothing;
    if (z->brotli || z->unbrotli)
        return brotli_write(z, flush, io, e);
    return z->zstd || z->unzstd ? zstd_write(z, flush, io, e) : zlib_write(z, flush, io, e);
}

bool slv_nodejs_zip_ended(const slv_nodejs_zip *z)
{
    return z->ended;
}

bool slv_nodejs_zip_reset(slv_nodejs_zip *z, slv_nodejs_zip_error *e)
{
    z->ended = z->in_frame = false;
    if (z->zstd) {
        (void)ZSTD_CCtx_reset(z->zstd, ZSTD_reset_session_only);
        return zstd_pledge(z, e);
    }
    if (z->unzstd) {
        (void)ZSTD_DCtx_reset(z->unzstd, ZSTD_reset_session_only);
        return true;
    }
    if (!z->brotli && !z->unbrotli)
        return zlib_reset(z, e);
    if (z->brotli)
        BrotliEncoderDestroyInstance(z->brotli);
    if (z->unbrotli)
        BrotliDecoderDestroyInstance(z->unbrotli);
    z->brotli = NULL;
    z->unbrotli = NULL;
    SLV_ASSERT(brotli_open(z));
    return true;
}

slv_code slv_nodejs_zip_all(slv_nodejs_zip *z, int flush, slv_str in, size_t max, slv_buf *out,
                            slv_nodejs_zip_error *e)
{
    slv_nodejs_zip_io io = {.in = (const uint8_t *)in.ptr, .in_len = in.len};
    size_t start = out->len;

    for (;;) {
        size_t made = out->len - start, room = made + STEP_MIN < STEP ? made + STEP_MIN : STEP;

        if (room > max - made)
            room = max - made;
        SLV_TRY(slv_buf_reserve(out, room ? room : 1));
        io.out = (uint8_t *)out->ptr + out->len;
        io.out_len = room;
        size_t in_before = io.in_len;
        bool ok = slv_nodejs_zip_write(z, flush, &io, e);
        out->len += room - io.out_len;
        if (!ok)
            return SLV_E_PARSE;
        if (io.out_len > 0 && (io.in_len == 0 || io.in_len == in_before || slv_nodejs_zip_ended(z)))
            return SLV_OK;
        if (out->len - start == max)
            return slv_nodejs_zip_ended(z) ? SLV_OK : SLV_E_LIMIT;
    }
}

uint32_t slv_nodejs_crc32(slv_str bytes, uint32_t value)
{
    return (uint32_t)crc32_z(value, (const Bytef *)bytes.ptr, bytes.len);
}
