#include "web/zip.h"

#define ZLIB_CONST 1 /* next_in is const */
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <limits.h>
#include <zlib.h>

#include "base/mem.h"

#define STEP ((size_t)64 << 10) /* how much room out is given at a time */

/* A quality that keeps up with a network, and the window of the encoders of browsers' peers. */
#define BROTLI_QUALITY 5

struct slv_zip {
    z_stream z;
    BrotliDecoderState *unbrotli; /* one of the two, for brotli */
    BrotliEncoderState *brotli;
    bool compress, failed, ended;
};

static void brotli_open(slv_zip *zip)
{
    if (zip->compress) {
        zip->brotli = BrotliEncoderCreateInstance(NULL, NULL, NULL);
        SLV_ASSERT(zip->brotli);
        (void)BrotliEncoderSetParameter(zip->brotli, BROTLI_PARAM_QUALITY, BROTLI_QUALITY);
    } else {
        zip->unbrotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
        SLV_ASSERT(zip->unbrotli);
    }
}

slv_zip *slv_zip_new(slv_zip_format format, bool compress)
{
    static const int window_bits[] = {MAX_WBITS + 16, MAX_WBITS, -MAX_WBITS};
    slv_zip *zip = slv_new0(slv_zip);
    int bits = format < SLV_ZIP_BROTLI ? window_bits[format] : 0;
    int rc;

    zip->compress = compress;
    if (format == SLV_ZIP_BROTLI) {
        brotli_open(zip);
        return zip;
    }
    if (compress)
        rc = deflateInit2(&zip->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
    else
        rc = inflateInit2(&zip->z, bits);
    SLV_ASSERT(rc == Z_OK); /* anything else is a lack of memory or a wrong library */
    return zip;
}

slv_zip *slv_zip_free(slv_zip *zip)
{
    if (zip) {
        if (zip->brotli)
            BrotliEncoderDestroyInstance(zip->brotli);
        else if (zip->unbrotli)
            BrotliDecoderDestroyInstance(zip->unbrotli);
        else if (zip->compress)
            (void)deflateEnd(&zip->z);
        else
            (void)inflateEnd(&zip->z);
        free(zip);
    }
    return NULL;
}

/* One step into the STEP bytes at `to`. */
static slv_code brotli_step(slv_zip *zip, slv_str *in, bool finish, uint8_t *to, size_t *ret_len,
                            bool *ret_wants_input)
{
    const uint8_t *next_in = (const uint8_t *)in->ptr;
    size_t avail_in = in->len, avail_out = STEP;

    if (zip->compress) {
        BrotliEncoderOperation op = finish ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS;

        if (!BrotliEncoderCompressStream(zip->brotli, op, &avail_in, &next_in, &avail_out, &to,
                                         NULL))
            return SLV_E_NOMEM;
        zip->ended = BrotliEncoderIsFinished(zip->brotli);
        *ret_wants_input = avail_in == 0 && !BrotliEncoderHasMoreOutput(zip->brotli);
    } else {
        BrotliDecoderResult rc = BrotliDecoderDecompressStream(zip->unbrotli, &avail_in, &next_in,
                                                               &avail_out, &to, NULL);

        if (rc == BROTLI_DECODER_RESULT_ERROR)
            return SLV_E_PARSE;
        zip->ended = rc == BROTLI_DECODER_RESULT_SUCCESS;
        *ret_wants_input = rc == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT;
    }
    *in = slv_str_skip(*in, in->len - avail_in);
    *ret_len = STEP - avail_out;
    return SLV_OK;
}

static slv_code brotli_run(slv_zip *zip, slv_str in, bool finish, slv_buf *out, slv_zip_result *ret)
{
    size_t start = out->len, given = in.len, len;
    bool wants_input = false;

    *ret = (slv_zip_result){.ended = zip->ended};
    while (!zip->ended && !wants_input) {
        if (out->len - start >= SLV_ZIP_OUT_MAX) {
            ret->more = true;
            break;
        }
        SLV_TRY(slv_buf_reserve(out, STEP));
        slv_code code =
            brotli_step(zip, &in, finish, (uint8_t *)out->ptr + out->len, &len, &wants_input);
        if (code != SLV_OK) {
            zip->failed = true;
            return code;
        }
        out->len += len;
        ret->ended = zip->ended;
    }
    ret->consumed = given - in.len;
    return SLV_OK;
}

slv_code slv_zip_run(slv_zip *zip, slv_str in, bool finish, slv_buf *out, slv_zip_result *ret)
{
    static const unsigned char nothing[1] = {0};
    size_t start = out->len;
    int rc = Z_OK;

    if (zip->failed)
        return SLV_E_PARSE;
    if (zip->brotli || zip->unbrotli)
        return brotli_run(zip, in, finish, out, ret);
    size_t len = SLV_MIN(in.len, (size_t)UINT_MAX);
    zip->z.next_in = len > 0 ? (const unsigned char *)in.ptr : nothing;
    zip->z.avail_in = (unsigned)len;
    *ret = (slv_zip_result){.ended = zip->ended};
    while (!zip->ended) {
        if (out->len - start >= SLV_ZIP_OUT_MAX) {
            ret->more = true;
            break;
        }
        SLV_TRY(slv_buf_reserve(out, STEP));
        zip->z.next_out = (unsigned char *)out->ptr + out->len;
        zip->z.avail_out = (unsigned)STEP;
        if (zip->compress)
            rc = deflate(&zip->z, finish && len == in.len ? Z_FINISH : Z_NO_FLUSH);
        else
            rc = inflate(&zip->z, Z_NO_FLUSH);
        out->len += STEP - zip->z.avail_out;
        if (rc == Z_STREAM_END)
            zip->ended = ret->ended = true;
        else if (rc == Z_BUF_ERROR || (rc == Z_OK && zip->z.avail_out > 0))
            break; /* wants more input */
        else if (rc != Z_OK) {
            zip->failed = true;
            return rc == Z_MEM_ERROR ? SLV_E_NOMEM : SLV_E_PARSE;
        }
    }
    ret->consumed = len - zip->z.avail_in;
    if (len < in.len && ret->consumed == len && !zip->ended)
        ret->more = true;
    return SLV_OK;
}
