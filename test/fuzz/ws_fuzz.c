/* WebSocket frames, extension offers and compressed bytes: pieces are seen as the whole is, and
 * nothing is read outside. */
#include "net/ws_codec.h"
#include "net/ws_deflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct seen {
    slv_code code;
    const char *error;
    uint64_t hash; /* of kinds, bytes and ends, in order */
} seen;

static void mix(seen *s, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s->hash = (s->hash ^ (uint8_t)p[i]) * 0x100000001b3u;
}

static seen run(slv_str bytes, bool client, size_t step)
{
    SLV_CLEANUP(slv_buf_done) slv_buf copy = SLV_BUF(1 << 20);
    seen s = {.code = SLV_OK, .hash = 1};
    slv_ws_decoder d;
    size_t at = 0;

    SLV_ASSERT(slv_buf_set(&copy, bytes) == SLV_OK);
    slv_ws_decoder_init(&d, client, true);
    while (at < copy.len && s.code == SLV_OK) {
        size_t len = SLV_MIN(step, copy.len - at), used;
        slv_ws_event ev;

        s.code = slv_ws_decode(&d, copy.ptr + at, len, step, &used, &ev);
        if (s.code != SLV_OK)
            break;
        SLV_ASSERT(used <= len && (used > 0 || ev.kind != SLV_WS_NOTHING));
        at += used;
        if (ev.kind != SLV_WS_NOTHING)
            mix(&s, ev.bytes.ptr, ev.bytes.len);
        if (ev.kind == SLV_WS_DATA)
            mix(&s, ev.text ? "T" : "B", ev.fin ? 1 : 0);
        else if (ev.kind != SLV_WS_NOTHING)
            mix(&s, &"?DPOC"[ev.kind], 1);
    }
    s.error = d.error;
    return s;
}

static void inflate_all(slv_str in, size_t step)
{
    slv_inflater *f = slv_inflater_get();
    char out[512];
    size_t total = 0;

    for (size_t at = 0;;) {
        size_t n = SLV_MIN(step, in.len - at), used, len;
        bool fin = at + n == in.len;

        if (slv_inflater_run(f, slv_str_make(in.ptr + at, n), fin, out, sizeof out, &used, &len) !=
            SLV_OK)
            break;
        SLV_ASSERT(used <= n && len <= sizeof out);
        at += used;
        total += len;
        if ((fin && at == in.len && len < sizeof out) || total > 1 << 20)
            break;
    }
    slv_inflater_put(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char answer[128];
    slv_str bytes;
    slv_ws_deflate_offer offer;

    if (size < 2 || size > 1 << 16)
        return 0;
    bytes = slv_str_make(data + 1, size - 1);
    for (int client = 0; client < 2; client++) {
        seen whole = run(bytes, client, SIZE_MAX), split = run(bytes, client, 1 + data[0] % 16);

        SLV_ASSERT(whole.code == split.code && whole.error == split.error);
        SLV_ASSERT(whole.code != SLV_OK || whole.hash == split.hash);
    }
    offer = slv_ws_deflate_choose(bytes, answer);
    SLV_ASSERT(offer.window_bits >= 8 && offer.window_bits <= 15);
    SLV_ASSERT(slv_ws_deflate_confirm(bytes, true, &offer, NULL) == SLV_OK || !offer.agreed);
    inflate_all(bytes, 1 + data[0] % 64);
    return 0;
}
