/* Content codings: strangers' bytes end in text or in an error, and pieces give what the whole
 * gives. */
#include "net/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct result {
    slv_code code;
    size_t bytes;
    uint64_t hash;
} result;

static result run(const char *encoding, slv_str in, size_t step, size_t cap)
{
    slv_decoder *d = slv_decoder_new(slv_str_from(encoding));
    result r = {.code = SLV_OK, .hash = 1};
    char out[4096];
    size_t at = 0;

    while (r.code == SLV_OK && r.bytes < 1 << 20) {
        size_t n = SLV_MIN(step, in.len - at), used, len = 0;
        bool last = at + n == in.len;

        r.code =
            slv_decoder_run(d, slv_str_make(in.ptr + at, n), last, out, cap, &used, &len, NULL);
        if (r.code != SLV_OK)
            break;
        SLV_ASSERT(used <= n && len <= cap);
        for (size_t i = 0; i < len; i++)
            r.hash = (r.hash ^ (uint8_t)out[i]) * 0x100000001b3u;
        at += used;
        r.bytes += len;
        if (last && at == in.len && len < cap)
            break;
    }
    slv_decoder_free(d);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const encodings[] = {"gzip", "deflate", "br", "br, gzip"};
    const char *encoding;
    result whole, split;
    slv_str in;

    if (size < 2 || size > 1 << 16)
        return 0;
    encoding = encodings[data[0] & 3];
    in = slv_str_make(data + 1, size - 1);
    whole = run(encoding, in, in.len, 4096);
    split = run(encoding, in, 1 + data[0] / 4, 64);
    if (whole.bytes < 1 << 20 && split.bytes < 1 << 20) {
        SLV_ASSERT(whole.code == split.code);
        SLV_ASSERT(whole.code != SLV_OK ||
                   (whole.bytes == split.bytes && whole.hash == split.hash));
    }
    return 0;
}
