#include "net/decode.h"

#include <brotli/decode.h>
#include <zlib.h>

#include "base/mem.h"

#define STAGE_SIZE ((size_t)16 << 10)

enum coding { GZIP, DEFLATE, BROTLI };

/* One coding. Its input is the caller's for the first stage, else what the stage before wrote into
 * buf. */
typedef struct stage {
    enum coding coding;
    z_stream z;
    BrotliDecoderState *br;
    bool begun, ended;
    bool trailing; /* bytes behind the end that are no further member */
    size_t at, have;
    char *buf;
} stage;

struct slv_decoder {
    size_t count;
    bool any; /* an empty body needs no decoding */
    stage stages[SLV_DECODE_CHAIN_MAX];
};

static bool coding_of(slv_str name, enum coding *ret)
{
    if (slv_str_eq_nocase(name, SLV_STR("gzip")) || slv_str_eq_nocase(name, SLV_STR("x-gzip")))
        *ret = GZIP;
    else if (slv_str_eq_nocase(name, SLV_STR("deflate")))
        *ret = DEFLATE;
    else if (slv_str_eq_nocase(name, SLV_STR("br")))
        *ret = BROTLI;
    else
        return false;
    return true;
}

slv_decoder *slv_decoder_new(slv_str encoding)
{
    enum coding codings[SLV_DECODE_CHAIN_MAX];
    size_t count = 0;
    slv_str name;
    slv_decoder *d;

    while (slv_str_split(&encoding, ',', &name)) {
        name = slv_str_trim(name);
        if (name.len == 0 || slv_str_eq_nocase(name, SLV_STR("identity")))
            continue;
        if (count == SLV_DECODE_CHAIN_MAX || !coding_of(name, &codings[count]))
            return NULL;
        count++;
    }
    if (count == 0)
        return NULL;
    d = slv_new0(slv_decoder);
    d->count = count;
    for (size_t i = 0; i < count; i++) { /* the last coding applied is the first to undo */
        d->stages[i].coding = codings[count - 1 - i];
        if (i > 0)
            d->stages[i].buf = slv_alloc(STAGE_SIZE);
    }
    return d;
}

slv_decoder *slv_decoder_free(slv_decoder *d)
{
    if (!d)
        return NULL;
    for (size_t i = 0; i < d->count; i++) {
        stage *s = &d->stages[i];

        if (s->begun && s->coding != BROTLI)
            inflateEnd(&s->z);
        if (s->br)
            BrotliDecoderDestroyInstance(s->br);
        free(s->buf);
    }
    free(d);
    return NULL;
}

/* "deflate" means zlib's format; some servers send it raw. The first byte of zlib's tells. */
static void begin(stage *s, uint8_t first)
{
    int bits = s->coding == GZIP ? 15 + 16 : (first & 0x0f) == 8 && first >> 4 <= 7 ? 15 : -15;

    s->begun = true;
    if (s->coding == BROTLI)
        SLV_ASSERT((s->br = BrotliDecoderCreateInstance(NULL, NULL, NULL)) != NULL);
    else
        SLV_ASSERT(inflateInit2(&s->z, bits) == Z_OK);
}

static slv_code run_zlib(stage *s, slv_str in, char *out, size_t cap, size_t *ret_used,
                         size_t *ret_len, slv_err *err)
{
    int rc;

    s->z.next_in = (Bytef *)(size_t)in.ptr;
    s->z.avail_in = (uInt)SLV_MIN(in.len, (size_t)INT32_MAX);
    s->z.next_out = (Bytef *)out;
    s->z.avail_out = (uInt)cap;
    rc = inflate(&s->z, Z_NO_FLUSH);
    *ret_used = SLV_MIN(in.len, (size_t)INT32_MAX) - s->z.avail_in;
    *ret_len = cap - s->z.avail_out;
    s->ended = rc == Z_STREAM_END;
    if (rc != Z_OK && rc != Z_BUF_ERROR && rc != Z_STREAM_END)
        return slv_fail(err, SLV_E_PROTOCOL, "the response's %s body is malformed",
                        s->coding == GZIP ? "gzip" : "deflate");
    return SLV_OK;
}

static slv_code run_brotli(stage *s, slv_str in, char *out, size_t cap, size_t *ret_used,
                           size_t *ret_len, slv_err *err)
{
    const uint8_t *next_in = (const uint8_t *)in.ptr;
    uint8_t *next_out = (uint8_t *)out;
    size_t avail_in = in.len, avail_out = cap;
    BrotliDecoderResult rc =
        BrotliDecoderDecompressStream(s->br, &avail_in, &next_in, &avail_out, &next_out, NULL);

    *ret_used = in.len - avail_in;
    *ret_len = cap - avail_out;
    if (rc == BROTLI_DECODER_RESULT_ERROR)
        return slv_fail(err, SLV_E_PROTOCOL, "the response's br body is malformed");
    if (rc == BROTLI_DECODER_RESULT_SUCCESS)
        s->ended = true;
    return SLV_OK;
}

static slv_code run_stage(stage *s, slv_str in, char *out, size_t cap, size_t *ret_used,
                          size_t *ret_len, slv_err *err)
{
    *ret_used = *ret_len = 0;
    /* Further members of a gzip file follow at once; anything else behind the end is ignored. */
    if (s->ended && !s->trailing && in.len > 0) {
        s->trailing = s->coding != GZIP || in.ptr[0] != 0x1f || inflateReset(&s->z) != Z_OK;
        s->ended = s->trailing;
    }
    if (s->ended) {
        *ret_used = in.len;
        return SLV_OK;
    }
    if (!s->begun) {
        if (in.len == 0)
            return SLV_OK;
        begin(s, (uint8_t)in.ptr[0]);
    }
    return s->coding == BROTLI ? run_brotli(s, in, out, cap, ret_used, ret_len, err)
                               : run_zlib(s, in, out, cap, ret_used, ret_len, err);
}

/* Output of stage i; what it needs is pulled through the stages before it. */
static slv_code pull(slv_decoder *d, size_t i, slv_str *in, bool last, char *out, size_t cap,
                     size_t *ret_len, slv_err *err)
{
    stage *s = &d->stages[i];

    *ret_len = 0;
    while (*ret_len < cap) {
        slv_str source = i == 0 ? *in : slv_str_make(s->buf + s->at, s->have - s->at);
        size_t used, len;

        SLV_TRY(run_stage(s, source, out + *ret_len, cap - *ret_len, &used, &len, err));
        *ret_len += len;
        if (i == 0)
            *in = slv_str_skip(*in, used);
        else
            s->at += used;
        if (used > 0 || len > 0)
            continue;
        if (i == 0)
            break;
        s->at = 0;
        SLV_TRY(pull(d, i - 1, in, last, s->buf, STAGE_SIZE, &s->have, err));
        if (s->have == 0)
            break;
    }
    return SLV_OK;
}

slv_code slv_decoder_run(slv_decoder *d, slv_str in, bool last, char *out, size_t cap,
                         size_t *ret_used, size_t *ret_len, slv_err *err)
{
    slv_str rest = in;

    d->any |= in.len > 0;
    SLV_TRY(pull(d, d->count - 1, &rest, last, out, cap, ret_len, err));
    *ret_used = in.len - rest.len;
    if (last && rest.len == 0 && *ret_len < cap && d->any)
        for (size_t i = 0; i < d->count; i++)
            if (!d->stages[i].ended)
                return slv_fail(err, SLV_E_PROTOCOL, "the response's compressed body ended early");
    return SLV_OK;
}
