#include "net/handed.h"

#include <string.h>

#include "base/bytes.h"

enum { FLAG_SECURE = 1, FLAG_FRESH = 2, FLAG_H2 = 4, FLAGS_ALL = 7 };

static slv_code put_text(slv_buf *out, const char *text)
{
    size_t n = strlen(text);

    SLV_TRY(slv_buf_append_u8(out, (uint8_t)n));
    return slv_buf_append(out, slv_str_make(text, n));
}

/* Printable ASCII that fits with its NUL. */
static bool get_text(slv_reader *r, char *to, size_t size)
{
    slv_str s = slv_read_bytes(r, slv_read_u8(r));

    if (r->bad || s.len >= size)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    if (s.len > 0)
        memcpy(to, s.ptr, s.len);
    to[s.len] = 0;
    return true;
}

slv_code slv_handed_put(const slv_handed *h, slv_buf *out)
{
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)((h->secure ? FLAG_SECURE : 0) |
                                             (h->fresh ? FLAG_FRESH : 0) | (h->h2 ? FLAG_H2 : 0))));
    SLV_TRY(slv_buf_append_u16(out, h->peer_port));
    SLV_TRY(slv_buf_append_u16(out, h->local_port));
    SLV_TRY(slv_buf_append_u16(out, h->redirect_port));
    SLV_TRY(put_text(out, h->peer));
    SLV_TRY(put_text(out, h->local));
    SLV_TRY(put_text(out, h->tls_version));
    SLV_TRY(put_text(out, h->tls_cipher));
    return slv_buf_append(out, h->received);
}

slv_code slv_handed_get(slv_str bytes, slv_handed *ret)
{
    slv_reader r = slv_reader_make(bytes);
    unsigned flags = slv_read_u8(&r);
    slv_handed h = {
        .secure = flags & FLAG_SECURE,
        .fresh = flags & FLAG_FRESH,
        .h2 = flags & FLAG_H2,
    };

    h.peer_port = slv_read_u16(&r);
    h.local_port = slv_read_u16(&r);
    h.redirect_port = slv_read_u16(&r);
    if (flags & ~(unsigned)FLAGS_ALL || !get_text(&r, h.peer, sizeof h.peer) ||
        !get_text(&r, h.local, sizeof h.local) ||
        !get_text(&r, h.tls_version, sizeof h.tls_version) ||
        !get_text(&r, h.tls_cipher, sizeof h.tls_cipher))
        return SLV_E_PARSE;
    h.received = r.rest;
    if (((h.fresh || h.h2) && !h.secure) || (h.fresh && h.received.len > 0))
        return SLV_E_PARSE;
    *ret = h;
    return SLV_OK;
}
