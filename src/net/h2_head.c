/* Request heads of HTTP/2. nghttp2 has checked their form: pseudo fields, names in lower case, no
 * connection fields. */
#include "net/h2_int.h"

static bool refuse(slv_h2_stream *st, int status)
{
    st->refuse = status;
    return false;
}

bool slv_h2_add_field(slv_h2_stream *st, slv_str name, slv_str value)
{
    slv_request_head *h = &st->base.head;
    slv_str n, v;

    if (st->refuse)
        return false;
    st->head_bytes += name.len + value.len + 32;
    if (st->head_bytes > SLV_EXCHANGE_HEAD_MAX || st->count + 2 > SLV_HTTP1_HEADERS_MAX ||
        slv_arena_dup(&st->arena, name, &n) != SLV_OK ||
        slv_arena_dup(&st->arena, value, &v) != SLV_OK)
        return refuse(st, 431);
    if (slv_str_is(n, ":method")) {
        h->method = v;
    } else if (slv_str_is(n, ":path")) {
        if (v.len > SLV_HTTP1_TARGET_MAX)
            return refuse(st, 414);
        st->path = v;
    } else if (slv_str_is(n, ":authority")) {
        h->authority = v;
    } else if (n.len > 0 && n.ptr[0] == ':') {
        return true;
    } else if (slv_str_is(n, "cookie") && st->cookie_at) {
        /* Clients may send a cookie field in pieces; they are one again for what is not HTTP/2. */
        slv_str *cookie = &st->headers[st->cookie_at - 1].value;
        char *joined = slv_arena_try_alloc(&st->arena, cookie->len + 2 + v.len);

        if (!joined)
            return refuse(st, 431);
        memcpy(joined, cookie->ptr, cookie->len);
        joined[cookie->len] = ';';
        joined[cookie->len + 1] = ' ';
        memcpy(joined + cookie->len + 2, v.ptr, v.len);
        *cookie = slv_str_make(joined, cookie->len + 2 + v.len);
    } else if (!slv_str_is(n, "expect") && !slv_http_hop_by_hop(n)) {
        if (slv_str_is(n, "host"))
            st->host = v;
        if (slv_str_is(n, "cookie"))
            st->cookie_at = st->count + 1;
        st->headers[st->count++] = (slv_http_header){n, v};
    }
    return true;
}

static int64_t content_length(const slv_h2_stream *st)
{
    const slv_http_header *field = slv_exchange_header(&st->base, SLV_STR("content-length"));
    uint64_t n;

    if (st->in_end)
        return 0;
    return field && slv_parse_u64(field->value, &n) == SLV_OK && n <= INT64_MAX ? (int64_t)n : -1;
}

int slv_h2_head_make(slv_h2_stream *st, const char **ret_why)
{
    slv_request_head *h = &st->base.head;
    slv_h2 *h2 = st->h2;

    *ret_why = "the request head is too large";
    if (st->refuse)
        return st->refuse;
    if (st->host.len == 0 && h->authority.len > 0)
        st->headers[st->count++] = (slv_http_header){SLV_STR("host"), h->authority};
    if (h->authority.len == 0)
        h->authority = st->host;
    h->target = h->path = st->path;
    h->scheme = h2->secure ? SLV_STR("https") : SLV_STR("http");
    h->headers = st->headers;
    h->header_count = st->count;
    h->version = 20;
    h->has_body = !st->in_end;
    h->content_length = content_length(st);
    h->peer = slv_str_from(h2->peer);
    h->peer_port = h2->peer_port;
    h->local = slv_str_from(h2->local);
    h->local_port = h2->local_port;
    h->redirect_port = h2->redirect_port;
    h->tls_version = slv_conn_tls_version(&h2->wire, h2->told);
    h->tls_cipher = slv_conn_tls_cipher(&h2->wire, h2->told);
    h->rtt_ms = slv_wire_rtt_ms(&h2->wire);
    *ret_why = "this method is not served";
    if (slv_str_is(h->method, "CONNECT") || slv_str_is(h->method, "TRACE"))
        return 405;
    *ret_why = "unrecognized request method";
    if (!slv_http1_known_method(h->method))
        return 501;
    *ret_why = "this request target is not served";
    if (st->path.len == 0 || st->path.ptr[0] != '/')
        return 400;
    for (size_t i = 0; i < st->path.len; i++)
        if (st->path.ptr[i] <= ' ' || st->path.ptr[i] >= 0x7f)
            return 400;
    *ret_why = "bad :authority";
    if (h->authority.len == 0 || !slv_http_valid_authority(h->authority) ||
        !slv_http_valid_authority(st->host))
        return 400;
    return 0;
}
