/* What a redirect changes, as the fetch standard's "HTTP-redirect fetch" has it. */
#include "net/client_int.h"
#include "net/http1_write.h"

bool slv_fetch_is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool same_origin(const slv_url *a, const slv_url *b)
{
    return a->scheme == b->scheme && slv_str_eq(slv_url_hostname(a), slv_url_hostname(b)) &&
           slv_url_port_number(a) == slv_url_port_number(b);
}

/* Fields that describe a body that is no longer sent. */
static bool describes_body(slv_str name)
{
    return slv_str_eq_nocase(name, SLV_STR("content-encoding")) ||
           slv_str_eq_nocase(name, SLV_STR("content-language")) ||
           slv_str_eq_nocase(name, SLV_STR("content-location")) ||
           slv_str_eq_nocase(name, SLV_STR("content-type"));
}

static slv_code rewrite_headers(slv_fetch *f, bool body_gone, bool origin_changed)
{
    SLV_CLEANUP(slv_buf_done) slv_buf kept = SLV_BUF(f->headers.limit);
    slv_str block = slv_buf_view(&f->headers), name, value;
    bool malformed = false;

    while (slv_http_block_next(&block, &name, &value, &malformed)) {
        if ((body_gone && describes_body(name)) || slv_str_eq_nocase(name, SLV_STR("host")))
            continue;
        if (origin_changed && f->drop_authorization &&
            slv_str_eq_nocase(name, SLV_STR("authorization")))
            continue;
        SLV_TRY(slv_buf_append(&kept, name));
        SLV_TRY(slv_buf_append(&kept, SLV_STR(":")));
        SLV_TRY(slv_buf_append(&kept, value));
        SLV_TRY(slv_buf_append(&kept, SLV_STR("\n")));
    }
    return slv_buf_set(&f->headers, slv_buf_view(&kept));
}

slv_code slv_fetch_follow(slv_fetch *f, slv_err *err)
{
    SLV_CLEANUP(slv_url_done) slv_url next = SLV_URL_INIT;
    slv_str method = slv_buf_view(&f->method);
    bool to_get = ((f->status == 301 || f->status == 302) && slv_str_is(method, "POST")) ||
                  (f->status == 303 && !slv_str_is(method, "GET") && !slv_str_is(method, "HEAD"));
    bool origin_changed;

    if (f->redirects == SLV_FETCH_REDIRECTS_MAX)
        return slv_fail(err, SLV_E_LIMIT, "Too many redirects.");
    if (slv_url_parse(slv_buf_view(&f->location), &f->url, &next) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "Invalid Location header; unable to follow redirect.");
    if (next.scheme != SLV_URL_HTTP && next.scheme != SLV_URL_HTTPS)
        return slv_fail(err, SLV_E_DENIED, "Redirect to a scheme other than http and https.");
    if (f->status != 303 && f->stream_body && f->has_body)
        return slv_fail(
            err, SLV_E_INVAL,
            "A request with a one-time-use body (it was initialized from a stream, not a buffer) "
            "encountered a redirect requiring the body to be retransmitted. To avoid this error in "
            "the "
            "future, construct this request from a buffer-like body initializer.");
    if (slv_url_hash(&next).len == 0 && slv_url_hash(&f->url).len > 0)
        SLV_TRY(slv_url_set(&next, SLV_URL_HASH, slv_url_hash(&f->url)));
    origin_changed = !same_origin(&f->url, &next);
    if (to_get) {
        SLV_TRY(slv_buf_set(&f->method, SLV_STR("GET")));
        f->has_body = f->empty_body = false;
        slv_buf_done(&f->body);
        slv_outq_clear(&f->out);
    }
    SLV_TRY(rewrite_headers(f, to_get, origin_changed));
    f->redirects++;
    slv_url_done(&f->url);
    f->url = next;
    next = SLV_URL_INIT;
    return SLV_OK;
}
