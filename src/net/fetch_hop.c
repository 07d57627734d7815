/* One hop of a fetch as a transfer of curl's. */
#include <stdio.h>

#include "net/client_int.h"
#include "net/http1.h"
#include "net/http1_write.h"

static size_t on_head(char *data, size_t size, size_t count, void *user)
{
    slv_fetch *f = user;
    slv_code code = slv_fetch_head_line(f, slv_str_make(data, size * count));

    return code == SLV_OK ? size * count : 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    slv_fetch *f = user;
    slv_str bytes = slv_str_make(data, size * count);

    if (!slv_fetch_take(f, bytes)) {
        f->recv_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    return bytes.len;
}

static size_t on_send(char *to, size_t size, size_t count, void *user)
{
    slv_fetch *f = user;
    size_t cap = size * count, n = 0;

    if (!f->stream_body) {
        n = SLV_MIN(cap, f->body.len - f->body_sent);
        memcpy(to, f->body.ptr + f->body_sent, n);
        f->body_sent += n;
        return n;
    }
    while (n < cap && f->out.bytes > 0) {
        slv_outblock *b = f->out.first;
        size_t here = SLV_MIN(cap - n, (size_t)(b->end - b->start));

        memcpy(to + n, b->data + b->start, here);
        slv_outq_consume(&f->out, here);
        n += here;
    }
    if (n > 0) {
        f->body_sent += n;
        if (f->want_writable && f->out.bytes < SLV_FETCH_LOW)
            slv_fetch_wake(f);
        return n;
    }
    if (f->out_failed)
        return CURL_READFUNC_ABORT;
    if (f->out_end)
        return 0;
    f->send_paused = true;
    return CURL_READFUNC_PAUSE;
}

static void on_done(slv_transfer *t, CURLcode result)
{
    slv_fetch *f = slv_container_of(t, slv_fetch, t);
    SLV_CLEANUP(slv_buf_done) slv_buf message = SLV_BUF(4096);
    slv_code code = SLV_OK;

    if (result == CURLE_ABORTED_BY_CALLBACK && f->out_failed) {
        slv_fetch_hop_done(f, SLV_E_CANCELED, SLV_STR("the request's body could not be completed"));
        return;
    }
    if (result == CURLE_PARTIAL_FILE || result == CURLE_RECV_ERROR || result == CURLE_GOT_NOTHING ||
        result == CURLE_SEND_ERROR) {
        slv_fetch_hop_done(f, SLV_E_IO, SLV_STR("the connection was lost"));
        return;
    }
    if (result != CURLE_OK)
        code = slv_transfer_error(t, result, &message);
    slv_fetch_hop_done(f, code, slv_buf_view(&message));
}

void slv_fetch_unpause(slv_fetch *f)
{
    bool send = f->send_paused, recv = f->recv_paused;

    if (f->ws) {
        slv_fetch_ws_resume(f);
        return;
    }
    if (!f->t.easy)
        return;
    /* Both flags are set anew by the callbacks, which curl_easy_pause may call. */
    if (send && (f->out.bytes > 0 || f->out_end))
        f->send_paused = false;
    if (recv && f->in.len < (size_t)64 << 10)
        f->recv_paused = false;
    curl_easy_pause(f->t.easy,
                    (f->send_paused ? CURLPAUSE_SEND : 0) | (f->recv_paused ? CURLPAUSE_RECV : 0));
}

static slv_code add_text(slv_fetch *f, const char *text)
{
    struct curl_slist *lines = text ? curl_slist_append(f->lines, text) : NULL;

    if (!lines)
        return SLV_E_NOMEM;
    f->lines = lines;
    return SLV_OK;
}

static slv_code add_line(slv_fetch *f, slv_str name, slv_str value)
{
    SLV_CLEANUP(slv_buf_done) slv_buf line = SLV_BUF((size_t)1 << 20);

    /* "Name;" is how curl is told of an empty value */
    SLV_TRY(slv_buf_append(&line, name));
    SLV_TRY(slv_buf_append(&line, value.len ? SLV_STR(": ") : SLV_STR(";")));
    SLV_TRY(slv_buf_append(&line, value));
    return add_text(f, slv_buf_cstr(&line));
}

bool slv_fetch_is_framing(slv_str name)
{
    return slv_http_hop_by_hop(name) || slv_str_eq_nocase(name, SLV_STR("content-length")) ||
           slv_str_eq_nocase(name, SLV_STR("expect"));
}

static slv_code add_lines(slv_fetch *f)
{
    slv_str block = slv_buf_view(&f->headers), name, value;
    bool malformed = false, accept = false, encoding = false;

    while (slv_http_block_next(&block, &name, &value, &malformed)) {
        if (slv_fetch_is_framing(name))
            continue;
        accept |= slv_str_eq_nocase(name, SLV_STR("accept"));
        encoding |= slv_str_eq_nocase(name, SLV_STR("accept-encoding"));
        SLV_TRY(add_line(f, name, value));
    }
    SLV_TRY(add_text(
        f, "Expect:")); /* a name with a colon and nothing else takes curl's own field away */
    if (!accept)
        SLV_TRY(add_text(f, "Accept:"));
    if (!encoding && !f->raw_body)
        SLV_TRY(add_line(f, SLV_STR("Accept-Encoding"), SLV_STR("br, gzip")));
    return SLV_OK;
}

slv_code slv_fetch_curl_start(slv_fetch *f, slv_err *err)
{
    const char *method = slv_buf_cstr(&f->method);
    bool empty_body;
    CURL *e;

    SLV_TRY(slv_transfer_new(&f->t, f->client, &f->url, f->url.scheme == SLV_URL_HTTPS, err));
    e = f->t.easy;
    f->t.done = on_done;
    if (!method || add_lines(f) != SLV_OK)
        return slv_fail(err, SLV_E_NOMEM, "out of memory");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, 64L << 10);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 64L << 10);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, f);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(e, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, f->lines);
    /* A null body of POST and PUT has a length, 0, by the fetch standard. */
    empty_body =
        !f->has_body && (f->empty_body || !strcmp(method, "POST") || !strcmp(method, "PUT"));
    if (f->has_body || empty_body) {
        curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(e, CURLOPT_READFUNCTION, on_send);
        curl_easy_setopt(e, CURLOPT_READDATA, f);
        curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)(f->has_body ? f->length : 0));
    }
    if (!strcmp(method, "HEAD") && !f->has_body)
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    else if (strcmp(method, "GET") != 0 || f->has_body)
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
    return slv_transfer_start(&f->t, err);
}
