/* From a parsed HTTP/1 head to slv_request_head: what the connection layer demands of a request
 * beyond its syntax. */
#include <string.h>

#include "net/server_int.h"

bool slv_http_valid_authority(slv_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!slv_is_digit(s.ptr[i]) && !slv_is_alpha(s.ptr[i]) &&
            slv_str_chr(SLV_STR("-._~!$&'()*+,;=:[]%"), s.ptr[i], 0) == SIZE_MAX)
            return false;
    return true;
}

static bool prefix_nocase(slv_str s, slv_str prefix)
{
    return slv_str_eq_nocase(slv_str_sub(s, 0, prefix.len), prefix);
}

/* Splits the target; true unless it has no form that we serve. */
static bool split_target(slv_conn_exchange *ex, slv_request_head *h, slv_str *ret_authority)
{
    slv_str rest = h->target;
    size_t end = 0;

    *ret_authority = SLV_STR_NULL;
    h->path = h->target;
    if (rest.ptr[0] == '/')
        return true;
    if (prefix_nocase(rest, SLV_STR("http://")))
        rest = slv_str_skip(rest, 7);
    else if (prefix_nocase(rest, SLV_STR("https://")))
        rest = slv_str_skip(rest, 8);
    else
        return false;
    while (end < rest.len && !strchr("/?#", rest.ptr[end]))
        end++;
    *ret_authority = slv_str_sub(rest, 0, end);
    h->path = slv_str_skip(rest, end);
    if (h->path.len == 0 || h->path.ptr[0] != '/') {
        char *path = slv_arena_try_alloc(&ex->arena, h->path.len + 1);

        if (!path)
            return false;
        path[0] = '/';
        memcpy(path + 1, h->path.ptr, h->path.len);
        h->path = slv_str_make(path, h->path.len + 1);
    }
    return ret_authority->len > 0;
}

/* RFC 6455 section 4.2.1. */
static bool wants_websocket(const slv_conn_exchange *ex, slv_str upgrade, slv_str key,
                            slv_str version)
{
    const slv_http1_head *p = &ex->parse;

    return ex->base.head.version == 11 && slv_str_is(ex->base.head.method, "GET") &&
           p->flags & SLV_HTTP1_CONNECTION_UPGRADE &&
           slv_http1_list_has(upgrade, SLV_STR("websocket")) && key.len == 24 &&
           slv_str_is(version, "13") && p->framing == SLV_HTTP1_NO_BODY;
}

/* Leaves out the fields that a Connection field names. */
static size_t drop_named(slv_http_header *headers, size_t count, const slv_http1_head *p,
                         const char *copy)
{
    for (uint32_t f = 0; f < p->field_count; f++) {
        size_t kept = 0;

        if (!slv_str_is(slv_http1_text(p->fields[f].name, copy), "connection"))
            continue;
        for (size_t i = 0; i < count; i++)
            if (slv_str_is(headers[i].name, "host") || slv_str_is(headers[i].name, "upgrade") ||
                !slv_http1_list_has(slv_http1_text(p->fields[f].value, copy), headers[i].name))
                headers[kept++] = headers[i];
        count = kept;
    }
    return count;
}

/* Copies the head, with names in lower case, and lists its fields. False without memory. */
static bool copy_fields(slv_conn_exchange *ex, const char *data, slv_request_head *h,
                        slv_str *ret_host)
{
    const slv_http1_head *p = &ex->parse;
    slv_http_header *headers =
        slv_arena_try_alloc(&ex->arena, (p->field_count + 1) * sizeof *headers);
    char *copy = slv_arena_try_alloc(&ex->arena, p->length);
    slv_str upgrade = SLV_STR_NULL, key = SLV_STR_NULL, version = SLV_STR_NULL;
    size_t count = 0;

    if (!copy || !headers)
        return false;
    memcpy(copy, data, p->length);
    h->method = slv_http1_text(p->method, copy);
    h->target = slv_http1_text(p->target, copy);
    for (uint32_t i = 0; i < p->field_count; i++) {
        slv_str value = slv_http1_text(p->fields[i].value, copy);
        char *name = copy + p->fields[i].name.off;
        slv_str n = {name, p->fields[i].name.len};

        for (size_t k = 0; k < n.len; k++)
            name[k] = slv_ascii_lower(name[k]);
        if (n.len == 4 && memcmp(name, "host", 4) == 0)
            *ret_host = value;
        else if (slv_str_is(n, "upgrade"))
            upgrade = value;
        else if (slv_str_is(n, "sec-websocket-key"))
            key = value;
        else if (slv_str_is(n, "sec-websocket-version"))
            version = value;
        if (!slv_http_hop_by_hop(n) && !(n.len == 6 && memcmp(name, "expect", 6) == 0))
            headers[count++] = (slv_http_header){n, value};
    }
    h->wants_websocket = upgrade.len > 0 && wants_websocket(ex, upgrade, key, version);
    if (h->wants_websocket)
        headers[count++] = (slv_http_header){SLV_STR("upgrade"), SLV_STR("websocket")};
    if (p->flags & SLV_HTTP1_CONNECTION_OTHER)
        count = drop_named(headers, count, p, copy);
    h->headers = headers;
    h->header_count = count;
    return true;
}

int slv_request_head_make(slv_conn_exchange *ex, const char *data, const char **ret_why)
{
    const slv_http1_head *p = &ex->parse;
    slv_request_head *h = &ex->base.head;
    slv_str authority, host = SLV_STR_NULL;

    *h = (slv_request_head){.version = p->version};
    h->scheme = ex->conn->secure ? SLV_STR("https") : SLV_STR("http");
    h->has_body = p->framing == SLV_HTTP1_CHUNKED ||
                  (p->framing == SLV_HTTP1_LENGTH && p->content_length > 0);
    h->content_length = p->framing == SLV_HTTP1_CHUNKED ? -1 : (int64_t)p->content_length;
    h->expects_continue = p->version == 11 && p->flags & SLV_HTTP1_EXPECT_CONTINUE && h->has_body;
    h->peer = slv_str_from(ex->conn->peer);
    h->peer_port = ex->conn->peer_port;
    h->local = slv_str_from(ex->conn->local);
    h->local_port = ex->conn->local_port;
    h->redirect_port = ex->conn->redirect_port;
    h->tls_version = slv_conn_tls_version(&ex->conn->wire, ex->conn->told);
    h->tls_cipher = slv_conn_tls_cipher(&ex->conn->wire, ex->conn->told);
    h->rtt_ms = slv_wire_rtt_ms(&ex->conn->wire);

    *ret_why = "unknown HTTP version";
    if (p->version != 10 && p->version != 11)
        return 505;
    *ret_why = "the head does not fit";
    if (!copy_fields(ex, data, h, &host))
        return 431;
    *ret_why = "this method is not served";
    if (slv_str_is(h->method, "CONNECT") || slv_str_is(h->method, "TRACE"))
        return 405;
    *ret_why = "unrecognized request method";
    if (!slv_http1_known_method(h->method))
        return 501;
    *ret_why = "this request target is not served";
    if (!split_target(ex, h, &authority))
        return 400;
    *ret_why = "HTTP/1.1 needs one Host header";
    if (p->flags & SLV_HTTP1_HOST_TWICE || (p->version == 11 && !(p->flags & SLV_HTTP1_HOST)))
        return 400;
    h->authority = authority.len ? authority : host;
    *ret_why = "bad Host";
    if (!slv_http_valid_authority(h->authority) || !slv_http_valid_authority(host))
        return 400;
    *ret_why = "this transfer coding is not supported";
    if (p->flags & SLV_HTTP1_CODED)
        return 501;
    *ret_why = "this expectation cannot be met";
    if (p->flags & SLV_HTTP1_EXPECT_OTHER && p->version == 11)
        return 417;
    return 0;
}
