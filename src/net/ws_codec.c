#include "net/ws_codec.h"

#include "net/ws.h"

enum state { WS_HEADER, WS_PAYLOAD, WS_CONTROL, WS_FAILED };

void slv_ws_decoder_init(slv_ws_decoder *d, bool client, bool deflate)
{
    *d = (slv_ws_decoder){.client = client, .deflate = deflate, .need = 2};
}

static slv_code bad(slv_ws_decoder *d, uint16_t code, const char *why)
{
    d->state = WS_FAILED;
    d->error = why;
    d->error_code = code;
    return SLV_E_PARSE;
}

bool slv_ws_valid_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

/* The first two bytes: everything but long lengths and the mask. */
static slv_code first_bytes(slv_ws_decoder *d)
{
    uint8_t a = d->header[0], b = d->header[1], length = b & 0x7f;
    bool control = (a & 8) != 0;

    d->fin = (a & 0x80) != 0;
    d->opcode = a & 0x0f;
    d->masked = (b & 0x80) != 0;
    if (a & 0x30)
        return bad(d, 1002, "reserved bits are set");
    if (d->opcode > SLV_WS_OP_PONG || (d->opcode > SLV_WS_OP_BINARY && d->opcode < SLV_WS_OP_CLOSE))
        return bad(d, 1002, "unknown opcode");
    if (d->masked == d->client && (d->client || !d->unmasked))
        return bad(d, 1002,
                   d->client ? "a server's frame is masked" : "a client's frame is not masked");
    if (a & 0x40 && (!d->deflate || control || d->opcode == SLV_WS_OP_CONT))
        return bad(d, 1002, "compressed where nothing may be");
    if (control && (!d->fin || length > 125))
        return bad(d, 1002, "a control frame is fragmented or too long");
    if (!control && (d->opcode == SLV_WS_OP_CONT) != d->in_message)
        return bad(d, 1002,
                   d->in_message ? "a message begins within another"
                                 : "continuation of no message");
    d->need = (uint8_t)(2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + (d->masked ? 4 : 0));
    return SLV_OK;
}

static slv_code whole_header(slv_ws_decoder *d)
{
    uint8_t length = d->header[1] & 0x7f;
    unsigned extra = length == 126 ? 2 : length == 127 ? 8 : 0;

    d->left = length;
    if (extra) {
        d->left = 0;
        for (unsigned i = 0; i < extra; i++)
            d->left = d->left << 8 | d->header[2 + i];
        if (d->left >> 63)
            return bad(d, 1002, "a frame's length has its highest bit set");
        if (d->left < (extra == 2 ? 126 : 65536))
            return bad(d, 1002, "a frame's length is not in its shortest form");
    }
    if (d->masked)
        memcpy(d->mask, d->header + 2 + extra, 4);
    d->mask_at = 0;
    if (d->opcode >= SLV_WS_OP_CLOSE) {
        d->control_len = 0;
        d->state = WS_CONTROL;
        return SLV_OK;
    }
    if (d->opcode != SLV_WS_OP_CONT) {
        d->text = d->opcode == SLV_WS_OP_TEXT;
        d->compressed = (d->header[0] & 0x40) != 0;
    }
    d->in_message = !d->fin;
    d->state = WS_PAYLOAD;
    return SLV_OK;
}

static void frame_done(slv_ws_decoder *d)
{
    d->state = WS_HEADER;
    d->have = 0;
    d->need = 2;
}

static slv_code control_done(slv_ws_decoder *d, slv_ws_event *ev)
{
    slv_str payload = slv_str_make(d->control, d->control_len);
    slv_ws_check check = {0};

    frame_done(d);
    ev->bytes = payload;
    ev->kind = d->opcode == SLV_WS_OP_PING   ? SLV_WS_PING
               : d->opcode == SLV_WS_OP_PONG ? SLV_WS_PONG
                                             : SLV_WS_CLOSE;
    if (ev->kind != SLV_WS_CLOSE)
        return SLV_OK;
    ev->code = SLV_WS_NO_CODE;
    if (payload.len == 0)
        return SLV_OK;
    ev->code =
        (uint16_t)(payload.len < 2 ? 0 : (uint8_t)payload.ptr[0] << 8 | (uint8_t)payload.ptr[1]);
    if (!slv_ws_valid_code(ev->code))
        return bad(d, 1002, "bad close code");
    ev->bytes = slv_str_skip(payload, 2);
    if (slv_ws_check_piece(&check, ev->bytes, true, true, SLV_WS_REASON_MAX))
        return bad(d, 1007, "a close reason is not UTF-8");
    return SLV_OK;
}

static void unmask(slv_ws_decoder *d, char *data, size_t n)
{
    if (!d->masked)
        return;
    slv_ws_mask(data, n, d->mask, d->mask_at);
    d->mask_at = (uint8_t)((d->mask_at + n) & 3);
}

bool slv_ws_decoder_at_rest(const slv_ws_decoder *d, slv_str *ret_begun)
{
    *ret_begun = slv_str_make(d->header, d->have);
    return d->state == WS_HEADER && !d->in_message;
}

slv_code slv_ws_decode(slv_ws_decoder *d, char *data, size_t len, size_t max_data, size_t *ret_used,
                       slv_ws_event *ev)
{
    size_t used = 0, n;

    *ret_used = 0;
    *ev = (slv_ws_event){.kind = SLV_WS_NOTHING};
    if (d->state == WS_FAILED)
        return SLV_E_PARSE;
    while (d->state == WS_HEADER) {
        for (; d->have < d->need; d->have++, used++) {
            if (used == len) {
                *ret_used = used;
                return SLV_OK;
            }
            d->header[d->have] = (uint8_t)data[used];
        }
        if (d->have == 2)
            SLV_TRY(first_bytes(d));
        if (d->have == d->need)
            SLV_TRY(whole_header(d));
    }
    n = (size_t)SLV_MIN((uint64_t)(len - used), d->left);
    if (d->state == WS_CONTROL) {
        unmask(d, data + used, n);
        memcpy(d->control + d->control_len, data + used, n);
        d->control_len = (uint8_t)(d->control_len + n);
        d->left -= n;
        *ret_used = used + n;
        return d->left == 0 ? control_done(d, ev) : SLV_OK;
    }
    n = SLV_MIN(n, max_data);
    *ret_used = used + n;
    if (n == 0 && d->left > 0)
        return SLV_OK;
    unmask(d, data + used, n);
    d->left -= n;
    *ev = (slv_ws_event){.kind = SLV_WS_DATA,
                         .bytes = {data + used, n},
                         .text = d->text,
                         .compressed = d->compressed};
    if (d->left == 0) {
        ev->fin = d->fin;
        frame_done(d);
    }
    return SLV_OK;
}

size_t slv_ws_encode_header(char out[SLV_WS_HEADER_MAX], unsigned opcode, bool fin, bool compressed,
                            uint64_t len, const uint8_t *mask)
{
    unsigned extra = len < 126 ? 0 : len < 65536 ? 2 : 8;

    out[0] = (char)(opcode | (fin ? 0x80 : 0) | (compressed ? 0x40 : 0));
    out[1] = (char)((mask ? 0x80u : 0u) | (extra == 0 ? (unsigned)len : extra == 2 ? 126u : 127u));
    for (unsigned i = 0; i < extra; i++)
        out[2 + i] = (char)(len >> (8 * (extra - 1 - i)));
    if (mask)
        memcpy(out + 2 + extra, mask, 4);
    return 2 + extra + (mask ? 4 : 0);
}

void slv_ws_mask(char *bytes, size_t len, const uint8_t mask[4], size_t offset)
{
    uint8_t turned[8];
    uint64_t wide;
    size_t i = 0;

    for (size_t k = 0; k < 8; k++)
        turned[k] = mask[(offset + k) & 3];
    memcpy(&wide, turned, 8);
    for (; i + 8 <= len; i += 8) {
        uint64_t x;

        memcpy(&x, bytes + i, 8);
        x ^= wide;
        memcpy(bytes + i, &x, 8);
    }
    for (; i < len; i++)
        bytes[i] = (char)((uint8_t)bytes[i] ^ turned[i & 7]);
}

/* UTF-8 in pieces. The state holds what may follow: bits 0-1 how many continuation bytes, and the
   range of the next one in bits 8-15 (low) and 16-23 (high). */
static bool utf8_next(uint32_t *state, uint8_t c)
{
    unsigned more = *state & 3;

    if (more > 0) {
        if (c < (*state >> 8 & 0xff) || c > (*state >> 16 & 0xff))
            return false;
        *state = more == 1 ? 0 : (more - 1) | 0x80u << 8 | 0xbfu << 16;
        return true;
    }
    if (c < 0x80)
        return true;
    if (c >= 0xc2 && c <= 0xdf)
        *state = 1 | 0x80u << 8 | 0xbfu << 16;
    else if (c >= 0xe0 && c <= 0xef)
        *state = 2 | (c == 0xe0 ? 0xa0u : 0x80u) << 8 | (c == 0xed ? 0x9fu : 0xbfu) << 16;
    else if (c >= 0xf0 && c <= 0xf4)
        *state = 3 | (c == 0xf0 ? 0x90u : 0x80u) << 8 | (c == 0xf4 ? 0x8fu : 0xbfu) << 16;
    else
        return false;
    return true;
}

static bool utf8_piece(uint32_t *state, slv_str s)
{
    size_t i = 0;

    while (i < s.len) {
        uint64_t x;

        if (*state == 0 && s.len - i >= 8) {
            memcpy(&x, s.ptr + i, 8);
            if (!(x & 0x8080808080808080u)) {
                i += 8;
                continue;
            }
        }
        if (!utf8_next(state, (uint8_t)s.ptr[i++]))
            return false;
    }
    return true;
}

uint16_t slv_ws_check_piece(slv_ws_check *c, slv_str piece, bool text, bool fin, uint64_t max)
{
    c->bytes += piece.len;
    if (c->bytes > max)
        return 1009;
    if (text && (!utf8_piece(&c->utf8, piece) || (fin && c->utf8 != 0)))
        return 1007;
    return 0;
}
