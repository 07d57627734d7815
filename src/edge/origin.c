/*
 * A worker that is to see another host than the one that clients ask for: its URL, and every header
 * field that names a host, are rewritten on the way in, and back again on the way out, so that
 * redirects and cookies lead to where the client is.
 */
#include "edge/edge_int.h"

static slv_code put_replaced(slv_buf *out, slv_str text, slv_str from, slv_str to)
{
    size_t at = 0, hit;

    while (from.len > 0 && (hit = slv_str_find(text, from, at)) != SIZE_MAX) {
        SLV_TRY(slv_buf_append(out, slv_str_sub(text, at, hit)));
        SLV_TRY(slv_buf_append(out, to));
        at = hit + from.len;
    }
    return slv_buf_append(out, slv_str_skip(text, at));
}

static slv_str without_port(slv_str host)
{
    size_t colon = slv_str_rchr(host, ':');

    return colon == SIZE_MAX || slv_str_ends(host, SLV_STR("]")) ? host
                                                                 : slv_str_sub(host, 0, colon);
}

/* Only the Domain attribute of a cookie names a host. */
static slv_code put_cookie(slv_buf *out, slv_str value, slv_str from, slv_str to)
{
    SLV_CLEANUP(slv_buf_done) slv_buf was = SLV_BUF(512), now = SLV_BUF(512);

    SLV_TRY(slv_buf_printf(&was, "Domain=%.*s", SLV_STR_ARGS(without_port(from))));
    SLV_TRY(slv_buf_printf(&now, "Domain=%.*s", SLV_STR_ARGS(without_port(to))));
    return put_replaced(out, value, slv_buf_view(&was), slv_buf_view(&now));
}

static slv_code put_value(slv_buf *out, slv_str value, const slv_origin *from, const slv_origin *to)
{
    SLV_CLEANUP(slv_buf_done)
    slv_buf was = SLV_BUF(512), now = SLV_BUF(512), half = SLV_BUF(value.len * 8 + 512);

    if (slv_str_find(value, from->host, 0) == SIZE_MAX)
        return slv_buf_append(out, value);
    SLV_TRY(
        slv_buf_printf(&was, "%.*s://%.*s", SLV_STR_ARGS(from->scheme), SLV_STR_ARGS(from->host)));
    SLV_TRY(slv_buf_printf(&now, "%.*s://%.*s", SLV_STR_ARGS(to->scheme), SLV_STR_ARGS(to->host)));
    SLV_TRY(put_replaced(&half, value, slv_buf_view(&was), slv_buf_view(&now)));
    if (slv_str_find(to->host, from->host, 0) !=
        SIZE_MAX) /* "localhost" in "localhost.example": once is enough */
        return slv_buf_append(out, slv_buf_view(&half));
    return put_replaced(out, slv_buf_view(&half), from->host, to->host);
}

slv_code slv_origin_rewrite(slv_str block, const slv_origin *from, const slv_origin *to,
                            slv_buf *out)
{
    slv_str line;

    while (block.len > 0 && slv_str_split(&block, '\n', &line)) {
        size_t colon = slv_str_chr(line, ':', 0);

        if (colon == SIZE_MAX) {
            if (line.len > 0)
                return SLV_E_PARSE;
            continue;
        }
        slv_str name = slv_str_sub(line, 0, colon), value = slv_str_skip(line, colon + 1);

        SLV_TRY(slv_buf_append(out, name));
        SLV_TRY(slv_buf_append_byte(out, ':'));
        if (slv_str_eq_nocase(name, SLV_STR("set-cookie")))
            SLV_TRY(put_cookie(out, value, from->host, to->host));
        else
            SLV_TRY(put_value(out, value, from, to));
        SLV_TRY(slv_buf_append_byte(out, '\n'));
    }
    return SLV_OK;
}
