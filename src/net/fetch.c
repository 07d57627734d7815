/* The life of a fetch: what its hops gather is delivered from here, in order, as far as credit
 * goes. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/client_int.h"
#include "net/http1.h"
#include "net/http1_write.h"

#define IN_HIGH ((size_t)128 << 10)
#define PIECE ((size_t)64 << 10)
#define DISCARD_MAX ((size_t)64 << 10) /* of a redirect's body, to keep the connection */

void *slv_fetch_user(const slv_fetch *f)
{
    return f->user;
}

void slv_fetch_set_user(slv_fetch *f, void *user)
{
    f->user = user;
}

void slv_fetch_set_handlers(slv_fetch *f, const slv_fetch_handlers *handlers)
{
    f->handlers = handlers;
}

void slv_fetch_wake(slv_fetch *f)
{
    slv_loop_later(f->client->loop, &f->work);
}

static void end_hop(slv_fetch *f)
{
    slv_transfer_end(&f->t);
    slv_fetch_ws_end(f);
    curl_slist_free_all(f->lines);
    f->lines = NULL;
}

static void fetch_free(slv_fetch *f)
{
    end_hop(f);
    slv_task_cancel(&f->work);
    slv_list_remove(&f->node);
    slv_decoder_free(f->decoder);
    slv_outq_clear(&f->out);
    slv_outpool_unref(f->out.pool);
    slv_url_done(&f->url);
    slv_buf *bufs[] = {&f->method, &f->headers,  &f->body,     &f->protocol, &f->head,
                       &f->reason, &f->location, &f->encoding, &f->in,       &f->message};
    for (size_t i = 0; i < SLV_ARRAY_LEN(bufs); i++)
        slv_buf_done(bufs[i]);
    free(f);
}

void slv_fetch_abort(slv_fetch *f)
{
    if (f->busy == 0) {
        fetch_free(f);
        return;
    }
    f->dead = true;
    end_hop(f);
    slv_fetch_wake(f);
}

/* Head.
 * ------------------------------------------------------------------------------------------------------------------
 */

/* "HTTP/1.1 200 OK", "HTTP/2 200 ". */
static slv_code status_line(slv_fetch *f, slv_str line)
{
    size_t space = slv_str_chr(line, ' ', 0);
    uint64_t status;

    slv_buf_reset(&f->head);
    slv_buf_reset(&f->reason);
    slv_buf_reset(&f->location);
    slv_buf_reset(&f->encoding);
    f->content_length = -1;
    if (space == SIZE_MAX ||
        slv_parse_u64(slv_str_sub(line, space + 1, space + 4), &status) != SLV_OK)
        return SLV_E_PROTOCOL;
    f->status = (int)status;
    return slv_buf_set(&f->reason, slv_str_trim(slv_str_skip(line, space + 4)));
}

static slv_code field_line(slv_fetch *f, slv_str line)
{
    size_t colon = slv_str_chr(line, ':', 0), start = f->head.len;
    slv_str name, value;

    if (line.len > 0 &&
        (line.ptr[0] == ' ' ||
         line.ptr[0] == '\t')) { /* a folded line goes on with the value before it */
        if (f->head.len == 0)
            return SLV_OK;
        f->head.len--;
        SLV_TRY(slv_buf_append_byte(&f->head, ' '));
        SLV_TRY(slv_buf_append(&f->head, slv_str_trim(line)));
        return slv_buf_append_byte(&f->head, '\n');
    }
    if (colon == SIZE_MAX)
        return SLV_OK; /* curl passes on what it did not understand either */
    name = slv_str_sub(line, 0, colon);
    value = slv_str_trim(slv_str_skip(line, colon + 1));
    if (!slv_http1_is_token(name) || !slv_http1_is_field_value(value) || slv_http_hop_by_hop(name))
        return SLV_OK;
    SLV_TRY(slv_buf_append(&f->head, name));
    for (size_t i = start; i < f->head.len; i++)
        f->head.ptr[i] = slv_ascii_lower(f->head.ptr[i]);
    SLV_TRY(slv_buf_append_byte(&f->head, ':'));
    SLV_TRY(slv_buf_append(&f->head, value));
    if (slv_str_eq_nocase(name, SLV_STR("location")) && f->location.len == 0)
        SLV_TRY(slv_buf_set(&f->location, value));
    if (slv_str_eq_nocase(name, SLV_STR("content-length"))) {
        uint64_t n;

        if (slv_parse_u64(value, &n) == SLV_OK && n <= INT64_MAX)
            f->content_length = (int64_t)n;
    }
    if (slv_str_eq_nocase(name, SLV_STR("content-encoding"))) {
        if (f->encoding.len > 0)
            SLV_TRY(slv_buf_append(&f->encoding, SLV_STR(",")));
        SLV_TRY(slv_buf_append(&f->encoding, value));
    }
    return slv_buf_append_byte(&f->head, '\n');
}

static bool has_no_body(const slv_fetch *f)
{
    return slv_str_is(slv_buf_view(&f->method), "HEAD") || f->status == 204 || f->status == 304;
}

static void head_complete(slv_fetch *f)
{
    if (f->status < 200 && !(f->websocket && f->status == 101))
        return; /* an informational head: the real one follows */
    f->head_done = true;
    f->is_redirect = slv_fetch_is_redirect(f->status) && f->location.len > 0 &&
                     f->redirect != SLV_REDIRECT_MANUAL;
    if (!f->raw_body && !has_no_body(f))
        f->decoder = slv_decoder_new(slv_buf_view(&f->encoding));
    slv_fetch_wake(f);
}

slv_code slv_fetch_head_line(slv_fetch *f, slv_str line)
{
    slv_code code;

    if (f->head_done)
        return SLV_OK; /* trailers are dropped */
    while (line.len > 0 && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == '\n'))
        line.len--;
    if (line.len == 0) {
        head_complete(f);
        return SLV_OK;
    }
    code = slv_str_starts(line, SLV_STR("HTTP/")) ? status_line(f, line) : field_line(f, line);
    f->head_too_large |= code == SLV_E_LIMIT;
    return code;
}

bool slv_fetch_take(slv_fetch *f, slv_str bytes)
{
    if (f->is_redirect) {
        f->discarded += bytes.len;
        if (f->discarded > DISCARD_MAX)
            slv_fetch_wake(f);
        return true;
    }
    if (f->in.len + bytes.len > IN_HIGH && f->in.len > 0)
        return false;
    if (slv_buf_append(&f->in, bytes) != SLV_OK)
        return false;
    slv_fetch_wake(f);
    return true;
}

void slv_fetch_response_of(slv_fetch *f, slv_fetch_response *r)
{
    slv_str href = slv_buf_view(&f->url.href);

    r->status = f->status;
    r->reason = slv_buf_view(&f->reason);
    r->headers = slv_buf_view(&f->head);
    r->url = slv_str_sub(href, 0, href.len - slv_url_hash(&f->url).len);
    r->redirected = f->redirects > 0;
    r->length = has_no_body(f) ? 0 : f->decoder ? -1 : f->content_length;
}

/* Delivery.
 * -------------------------------------------------------------------------------------------------------------
 */

static void finish(slv_fetch *f, slv_code code, slv_str message)
{
    if (f->dead)
        return;
    f->dead = true;
    end_hop(f);
    slv_fetch_wake(f);
    if (code == SLV_OK)
        f->handlers->end(f);
    else
        f->handlers->fail(f, code, message);
}

/* A piece of the body, decoded. True when something was delivered. */
static bool deliver_piece(slv_fetch *f)
{
    static __thread char out[PIECE];
    size_t cap = SLV_MIN(f->credit, PIECE), used, len;
    slv_err err;

    if (cap == 0)
        return false;
    if (!f->decoder) {
        len = SLV_MIN(cap, f->in.len);
        if (len == 0)
            return false;
        f->credit -= len;
        /* the handler must not see bytes that move when it grants credit */
        memcpy(out, f->in.ptr, len);
        slv_buf_consume(&f->in, len);
        f->handlers->data(f, slv_str_make(out, len));
        return true;
    }
    if (slv_decoder_run(f->decoder, slv_buf_view(&f->in), f->done && f->code == SLV_OK, out, cap,
                        &used, &len, &err) != SLV_OK) {
        finish(f, SLV_E_PROTOCOL, slv_str_from(err.message));
        return false;
    }
    slv_buf_consume(&f->in, used);
    f->decoder_ended = f->done && f->in.len == 0 && len < cap;
    if (len > 0) {
        f->credit -= len;
        f->handlers->data(f, slv_str_make(out, len));
    }
    return len > 0;
}

static bool drained(const slv_fetch *f)
{
    return f->in.len == 0 && (!f->decoder || f->decoder_ended || f->code != SLV_OK);
}

static void redirect(slv_fetch *f)
{
    slv_err err;
    slv_code code;

    if (f->redirect == SLV_REDIRECT_ERROR) {
        finish(f, SLV_E_DENIED,
               SLV_STR("the response is a redirect, which the request does not allow"));
        return;
    }
    end_hop(f);
    code = slv_fetch_follow(f, &err);
    if (code == SLV_OK)
        code = slv_fetch_hop(f, &err);
    if (code != SLV_OK)
        finish(f, code, slv_str_from(slv_err_text(&err)));
}

static void upgrade(slv_fetch *f, const slv_fetch_response *r)
{
    slv_err err;
    slv_ws *ws = slv_fetch_ws_upgrade(f, &err);

    if (!ws) {
        finish(f, SLV_E_PROTOCOL, slv_str_from(slv_err_text(&err)));
        return;
    }
    f->dead = true;
    slv_fetch_wake(f);
    f->handlers->upgraded(f, r, ws);
}

static void deliver(slv_fetch *f)
{
    if (f->head_done && f->is_redirect) {
        /* A body that is long would cost more than a new connection. */
        if (f->done || f->redirect == SLV_REDIRECT_ERROR || f->discarded > DISCARD_MAX)
            redirect(f);
        return;
    }
    if (f->head_done && !f->told) {
        slv_fetch_response r;

        f->told = true;
        slv_fetch_response_of(f, &r);
        if (f->status == 101) {
            upgrade(f, &r);
            return;
        }
        f->handlers->response(f, &r);
    }
    while (!f->dead && f->told && deliver_piece(f))
        ;
    if (!f->dead && f->want_writable && f->out.bytes < SLV_FETCH_LOW && !f->done) {
        f->want_writable = false;
        f->handlers->writable(f);
    }
    if (!f->dead && f->in.len == 0)
        slv_buf_done(&f->in);
    if (!f->dead && f->recv_paused && f->in.len < IN_HIGH / 2 && !f->done)
        slv_fetch_unpause(f);
    if (!f->dead && f->done && (!f->told || drained(f)))
        finish(f, f->code, slv_buf_view(&f->message));
}

static void on_work(slv_task *task)
{
    slv_fetch *f = slv_container_of(task, slv_fetch, work);

    if (f->dead) {
        fetch_free(f);
        return;
    }
    f->busy++;
    deliver(f);
    f->busy--;
}

void slv_fetch_hop_done(slv_fetch *f, slv_code code, slv_str message)
{
    f->done = true;
    f->code = code;
    if (code == SLV_OK && !f->head_done) {
        f->code = SLV_E_PROTOCOL;
        message = SLV_STR("the server closed the connection without a response");
    }
    if (f->head_too_large) {
        f->code = SLV_E_LIMIT;
        message = SLV_STR("the response's head is larger than 128 KiB");
    }
    if (f->code != SLV_OK && slv_buf_set(&f->message, message) != SLV_OK)
        slv_buf_reset(&f->message);
    slv_fetch_wake(f);
}

void slv_fetch_credit(slv_fetch *f, size_t n)
{
    f->credit += SLV_MIN(n, SIZE_MAX / 2 - f->credit);
    if (f->told)
        slv_fetch_wake(f);
}

/* Request.
 * ----------------------------------------------------------------------------------------------------------------
 */

slv_code slv_fetch_hop(slv_fetch *f, slv_err *err)
{
    f->done = f->head_done = f->head_too_large = f->is_redirect = f->decoder_ended = false;
    f->recv_paused = f->send_paused = false;
    f->code = SLV_OK;
    f->status = 0;
    f->discarded = 0;
    f->body_sent = 0;
    slv_buf_reset(&f->message);
    return f->websocket ? slv_fetch_ws_start(f, err) : slv_fetch_curl_start(f, err);
}

/* Copies a request into f; SLV_E_INVAL for what cannot be sent. */
static slv_code take_request(slv_fetch *f, const slv_fetch_request *r, slv_err *err)
{
    static const char *const refused[] = {"CONNECT", "TRACE", "TRACK"};
    slv_str block = r->headers, name, value;
    bool malformed = false;

    if (!slv_http1_is_token(r->method))
        return slv_fail(err, SLV_E_INVAL, "\"%.*s\" is no HTTP method", SLV_STR_ARGS(r->method));
    for (size_t i = 0; i < SLV_ARRAY_LEN(refused); i++)
        if (slv_str_eq_nocase(r->method, slv_str_from(refused[i])))
            return slv_fail(err, SLV_E_INVAL, "the method %s cannot be used", refused[i]);
    if (slv_url_parse(r->url, NULL, &f->url) != SLV_OK)
        return slv_fail(err, SLV_E_INVAL, "\"%.*s\" is no URL",
                        SLV_STR_ARGS(slv_str_sub(r->url, 0, 200)));
    if (f->url.scheme != SLV_URL_HTTP && f->url.scheme != SLV_URL_HTTPS)
        return slv_fail(err, SLV_E_INVAL, "only http and https can be fetched");
    while (slv_http_block_next(&block, &name, &value, &malformed))
        ;
    if (malformed)
        return slv_fail(err, SLV_E_INVAL, "a request header cannot be sent");
    SLV_TRY(slv_buf_set(&f->method, r->method));
    SLV_TRY(slv_buf_set(&f->headers, r->headers));
    if (!r->stream_body)
        SLV_TRY(slv_buf_set(&f->body, r->body));
    SLV_TRY(slv_buf_set(&f->protocol, r->ws.protocol));
    f->empty_body = r->empty_body;
    f->stream_body = r->stream_body;
    f->has_body = r->stream_body || r->body.len > 0;
    f->length = r->stream_body ? r->length : (int64_t)r->body.len;
    f->redirect = r->redirect;
    f->raw_body = r->raw_body;
    f->drop_authorization = r->drop_authorization;
    f->websocket = r->websocket;
    f->compress = r->ws.compress;
    if (f->websocket && (f->has_body || !slv_str_is(r->method, "GET")))
        return slv_fail(err, SLV_E_INVAL, "a WebSocket is opened with GET and without a body");
    return SLV_OK;
}

slv_code slv_fetch_start(slv_client *client, const slv_fetch_request *request,
                         const slv_fetch_handlers *handlers, void *user, slv_fetch **ret_fetch,
                         slv_err *err)
{
    slv_fetch *f = slv_new0(slv_fetch);
    slv_code code;

    f->client = client;
    f->handlers = handlers;
    f->user = user;
    f->work.fn = on_work;
    f->out.pool = slv_outpool_ref(client->pool);
    f->url = SLV_URL_INIT;
    f->method = f->protocol = SLV_BUF(4096);
    f->headers = SLV_BUF((size_t)1 << 20);
    f->body = SLV_BUF((size_t)128 << 20);
    f->head = f->reason = f->location = f->encoding = SLV_BUF(SLV_FETCH_HEAD_MAX);
    f->in = SLV_BUF(2 * IN_HIGH + 2 * CURL_MAX_WRITE_SIZE);
    f->message = SLV_BUF(4096);
    slv_list_push(&client->fetches, &f->node);
    code = take_request(f, request, err);
    if (code == SLV_OK)
        code = slv_fetch_hop(f, err);
    if (code != SLV_OK) {
        fetch_free(f);
        return code;
    }
    *ret_fetch = f;
    return SLV_OK;
}

static void resume_send(slv_fetch *f)
{
    if (f->send_paused && !f->done)
        slv_fetch_unpause(f);
}

bool slv_fetch_write(slv_fetch *f, slv_str bytes)
{
    SLV_ASSERT(f->stream_body && !f->out_end);
    if (f->done || !f->has_body || f->dead)
        return true; /* nobody wants it any more */
    slv_outq_append(&f->out, bytes);
    f->was_written |= bytes.len > 0;
    resume_send(f);
    if (f->out.bytes <= SLV_FETCH_HIGH)
        return true;
    f->want_writable = true;
    return false;
}

void slv_fetch_write_end(slv_fetch *f, bool ok)
{
    SLV_ASSERT(f->stream_body && !f->out_end);
    f->out_end = true;
    f->out_failed = !ok;
    resume_send(f);
}
