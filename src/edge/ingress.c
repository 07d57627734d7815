#include "base/clock.h"
#include "base/mem.h"
#include "edge/asset_int.h"
#include "edge/edge_int.h"
#include "edge/recode_int.h"
#include "edge/route_int.h"
#include "edge/trace_int.h"
#include "edge/wire_int.h"
#include "edge/worker_int.h"
#include "fmt/json.h"
#include "fmt/url.h"
#include "net/door.h"

#define IDLE_MAX ((size_t)256)
#define HEADERS_MAX ((size_t)256 << 10)

/* A client's request: the event that it became, and the exchange that it came from. Lives until
 * both are over. */
typedef struct ingress {
    slv_answerer answerer;
    slv_event ev;
    slv_list idle;    /* shard->idle_ingress, while unused */
    slv_exchange *ex; /* NULL: answered, or the client left */
    slv_source in;    /* the request's body */
    slv_sink out;     /* the response's */
    size_t owed;      /* bytes that the client has not taken yet */
    uint64_t body_seen;
    slv_str body;
    slv_buf tail; /* what the platform adds to the response's body */
    bool body_inline, responded;
    int status;
    uint64_t began_ns;
    int64_t wall_ms;
} ingress;

static ingress *of_event(slv_event *ev)
{
    return slv_container_of(ev, ingress, ev);
}

static ingress *make(slv_shard *shard)
{
    slv_list *node = slv_list_pop(&shard->idle_ingress);
    ingress *ing;

    if (!node)
        return slv_new0(ingress);
    shard->idle_count--;
    ing = slv_container_of(node, ingress, idle);
    memset(ing, 0, sizeof *ing);
    return ing;
}

static void release(ingress *ing)
{
    slv_shard *shard = ing->ev.shard;

    if (ing->ex || ing->ev.state != SLV_EVENT_IDLE)
        return;
    slv_buf_done(&ing->tail);
    if (shard->idle_count >= IDLE_MAX) {
        free(ing);
        return;
    }
    shard->idle_count++;
    slv_list_push_front(&shard->idle_ingress, &ing->idle);
}

void slv_ingress_free_idle(slv_shard *shard)
{
    slv_list *node;

    while ((node = slv_list_pop(&shard->idle_ingress)) != NULL)
        free(slv_container_of(node, ingress, idle));
}

/* ---- the end of the exchange ---- */

/* Before the call that ends it: what its head says is still there. */
static void log_line(ingress *ing, slv_str outcome)
{
    slv_shard *shard = ing->ev.shard;

    if (!shard->server->o.hooks.request)
        return;
    const slv_request_line line = {
        .method = ing->ex->head.method,
        .target = ing->ex->head.target,
        .worker = ing->ev.version ? ing->ev.version->name : SLV_STR_NULL,
        .status = ing->status,
        .wall_ms = ing->wall_ms,
        .time_us = (slv_clock_mono_ns() - ing->began_ns) / 1000,
        .cpu_us = ing->ev.pe.cpu_us,
        .outcome = outcome,
    };
    slv_hook_request(shard, &line);
}

/* The exchange has ended, or is about to. */
static void part(ingress *ing)
{
    ing->ex = NULL;
    slv_source_fail(&ing->in, SLV_STR("Network connection lost."));
}

static void finished(ingress *ing)
{
    part(ing);
    slv_event_linger(&ing->ev, ing->ev.version ? ing->ev.version->limits.wait_until_ms : 0);
    release(ing);
}

static void reply_page(ingress *ing, const slv_page_spec *page, slv_str outcome)
{
    slv_exchange *ex = ing->ex;

    ing->status = page->status;
    log_line(ing, outcome);
    part(ing);
    slv_page_reply(ex, page);
}

/* ---- the request's body ---- */

static void in_credit(slv_source *src, size_t n)
{
    ingress *ing = slv_container_of(src, ingress, in);

    ing->ev.effects = true; /* bytes go to this isolate: they cannot go to another */
    if (ing->ex)
        slv_exchange_credit(ing->ex, n);
}

static void in_cancel(slv_source *src, slv_str reason)
{
    (void)src; /* without credit the connection drops what comes, or closes */
    (void)reason;
}

static const slv_source_ops in_ops = {.credit = in_credit, .cancel = in_cancel};

static const slv_page_spec too_large = {.status = 413, .title = {"Payload too large", 17}};

static void on_body(slv_answerer *a, slv_str bytes, bool last)
{
    ingress *ing = slv_container_of(a, ingress, answerer);
    slv_exchange *ex = ing->ex;

    ing->body_seen += bytes.len;
    if (ing->body_seen <= ing->ev.version->limits.request_body_bytes) {
        slv_source_push(&ing->in, bytes, last);
        return;
    }
    slv_event_cancel(&ing->ev, SLV_CANCEL_LIMIT);
    if (ing->responded) {
        slv_sink_cancel(&ing->out, SLV_STR("The request body is too large."));
        ing->status = 0;
        log_line(ing, SLV_STR("canceled"));
        part(ing);
        slv_exchange_abort(ex);
    } else {
        reply_page(ing, &too_large, SLV_STR("canceled"));
    }
    release(ing);
}

/* ---- the response's body ---- */

static void out_joined(slv_sink *sink)
{
    slv_sink_credit(sink, SLV_FLOW_WINDOW);
}

static void out_data(slv_sink *sink, slv_str bytes, bool fin)
{
    ingress *ing = slv_container_of(sink, ingress, out);
    slv_exchange *ex = ing->ex;

    if (!ex)
        return;
    bool more = bytes.len == 0 || slv_exchange_write(ex, bytes);
    if (fin) {
        if (ing->tail.len > 0)
            (void)slv_exchange_write(ex, slv_buf_view(&ing->tail));
        log_line(ing, SLV_STR("ok"));
        part(ing);
        slv_exchange_end(ex);
        finished(ing);
    } else if (more) {
        slv_sink_credit(sink, bytes.len);
    } else {
        ing->owed += bytes.len;
    }
}

static void out_fail(slv_sink *sink, slv_str message)
{
    ingress *ing = slv_container_of(sink, ingress, out);
    slv_exchange *ex = ing->ex;

    (void)message; /* half a response is cut, so that the client sees that it is half */
    if (!ex)
        return;
    log_line(ing, SLV_STR("exception"));
    part(ing);
    slv_exchange_abort(ex);
    finished(ing);
}

static const slv_sink_ops out_ops = {out_data, out_fail, out_joined};

static void on_writable(slv_answerer *a)
{
    ingress *ing = slv_container_of(a, ingress, answerer);
    size_t owed = ing->owed;

    ing->owed = 0;
    slv_sink_credit(&ing->out, owed);
}

static void on_gone(slv_answerer *a)
{
    ingress *ing = slv_container_of(a, ingress, answerer);

    log_line(ing, SLV_STR("canceled"));
    part(ing);
    ing->ev.cut_short = true;
    slv_sink_cancel(&ing->out, SLV_STR("The client has disconnected."));
    if (slv_event_withdraw(&ing->ev))
        return; /* `ended` has released it */
    slv_event_cancel(&ing->ev, SLV_CANCEL_CLIENT);
    release(ing);
}

/* Header fields as the worker (in) or the client is to see them; where hosts do not differ nothing
 * is copied. */
static slv_code rewrite(const ingress *ing, slv_str block, bool in, slv_buf *out, slv_str *ret)
{
    const slv_origin outer = {ing->ex->head.scheme, ing->ex->head.authority};
    const slv_origin inner = {SLV_STR("http"), ing->ev.version->host};

    if (outer.host.len == 0 || slv_str_eq(outer.host, inner.host))
        return SLV_OK;
    SLV_TRY(slv_origin_rewrite(block, in ? &outer : &inner, in ? &inner : &outer, out));
    *ret = slv_buf_view(out);
    return SLV_OK;
}

/* ---- the response ---- */

static bool body_allowed(const ingress *ing, const slv_msg_response *m)
{
    return !(m->bits & SLV_RESPONSE_NO_BODY) && m->status != 204 && m->status != 304 &&
           !slv_str_eq(ing->ex->head.method, SLV_STR("HEAD"));
}

static void bad_response(ingress *ing, const slv_err *err)
{
    const slv_page_spec page = {.status = 500,
                                .code = 1101,
                                .title = SLV_STR("Worker threw exception"),
                                .detail = slv_str_from(slv_err_text(err))};

    reply_page(ing, &page, SLV_STR("exception"));
    slv_event_linger(&ing->ev, ing->ev.version->limits.wait_until_ms);
}

static void reply_whole(ingress *ing, const slv_response_head *head, slv_str body)
{
    slv_exchange *ex = ing->ex;
    slv_err err = {0};

    log_line(ing, SLV_STR("ok"));
    if (slv_exchange_reply(ex, head, body, &err) == SLV_OK)
        finished(ing);
    else
        bad_response(ing, &err);
}

static slv_code reply_stream(ingress *ing, const slv_response_head *head, const slv_msg_response *m,
                             slv_err *err)
{
    slv_source *src;
    slv_err bad = {0};

    SLV_TRY(slv_event_body(&ing->ev, m->number, &src, err));
    if (!body_allowed(ing, m)) {
        src->ops->cancel(src, SLV_STR("The response has no body."));
        reply_whole(ing, head, SLV_STR_NULL);
        return SLV_OK;
    }
    slv_response_head plain = *head;
    slv_str coding;
    slv_source *decoded =
        slv_recode_wanted(ing->ex, head->headers, &coding) ? slv_recode_source(coding, src) : NULL;
    if (decoded) {
        src = decoded;
        plain.length = -1;
        slv_buf_reset(&ing->ev.shard->scratch);
        SLV_TRY(slv_recode_headers(head->headers, &ing->ev.shard->scratch));
        plain.headers = slv_buf_view(&ing->ev.shard->scratch);
    }
    /* What is sent back as it comes is wanted: who waits for "100 Continue" hears it before the
     * head */
    if (src == &ing->in)
        slv_exchange_credit(ing->ex, 0);
    if (slv_exchange_respond(ing->ex, &plain, &bad) != SLV_OK) {
        src->ops->cancel(src, SLV_STR("The response cannot be sent."));
        bad_response(ing, &bad);
        return SLV_OK;
    }
    slv_body_join(src, &ing->out);
    return SLV_OK;
}

/* The event goes on for as long as its worker holds the socket. */
static slv_code reply_socket(ingress *ing, const slv_msg_response *m, slv_err *err)
{
    static const slv_page_spec unwanted = {
        .status = 500,
        .code = 1101,
        .title = {"Worker threw exception", 22},
        .detail = {"TypeError: Worker tried to return a WebSocket in a response to a request which "
                   "did not contain the header \"Upgrade: websocket\".",
                   127},
    };
    slv_wire *w;

    SLV_TRY(slv_wire_of_event(&ing->ev, m->number, &w, err));
    if (!ing->ex) {
        if (w)
            slv_wire_drop(w, SLV_STR("The client has disconnected."));
    } else if (!w) {
        static const slv_page_spec broken = {.status = 502,
                                             .title = {"Network connection lost.", 24}};

        reply_page(ing, &broken, SLV_STR("exception"));
    } else if (!ing->ex->head.wants_websocket) {
        slv_wire_drop(w, SLV_STR("The request did not ask for a WebSocket."));
        reply_page(ing, &unwanted, SLV_STR("exception"));
    } else {
        slv_exchange *ex = ing->ex;

        log_line(ing, SLV_STR("ok"));
        if (slv_wire_upgrade(ing->ev.shard, ex, m->headers,
                             slv_version_flag(ing->ev.version, "web_socket_compression"), w))
            part(ing);
        else
            reply_page(ing, &unwanted, SLV_STR("exception"));
    }
    return SLV_OK;
}

static slv_code add_script(ingress *ing, const slv_msg_response *m, slv_response_head *head)
{
    ing->tail = SLV_BUF((size_t)4 << 10);
    SLV_TRY(slv_live_script(ing->ev.shard, ing->ex, m, &ing->tail));
    if (head->length >= 0)
        head->length += (int64_t)ing->tail.len;
    return SLV_OK;
}

/* A body that came whole, with the script of live reload behind it, decoded if it must be. */
static slv_code reply_inline(ingress *ing, slv_response_head *head, const slv_msg_response *m)
{
    SLV_CLEANUP(slv_buf_done) slv_buf all = SLV_BUF(m->body.len + ing->tail.len);
    SLV_CLEANUP(slv_buf_done) slv_buf plain = SLV_BUF(SLV_RECODE_MAX);
    slv_str body = m->body;

    if (head->length < 0 || m->body_kind == SLV_BODY_INLINE)
        head->length = (int64_t)body.len;
    if (ing->tail.len > 0) {
        SLV_TRY(slv_buf_append(&all, body));
        SLV_TRY(slv_buf_append(&all, slv_buf_view(&ing->tail)));
        body = slv_buf_view(&all);
        head->length = (int64_t)body.len;
    }
    slv_str coding;
    if (body.len > 0 && body_allowed(ing, m) &&
        slv_recode_wanted(ing->ex, head->headers, &coding)) {
        slv_buf *headers = &ing->ev.shard->scratch;

        slv_buf_reset(headers);
        if (slv_recode_whole(coding, body, &plain) == SLV_OK) {
            SLV_TRY(slv_recode_headers(head->headers, headers));
            head->headers = slv_buf_view(headers);
            body = slv_buf_view(&plain);
            head->length = (int64_t)body.len;
        }
    }
    reply_whole(ing, head, body);
    return SLV_OK;
}

/* A failure comes before anything is sent. */
static slv_code respond(ingress *ing, const slv_msg_response *m, slv_err *err)
{
    slv_event *ev = &ing->ev;
    SLV_CLEANUP(slv_buf_done) slv_buf rewritten = SLV_BUF(4 * HEADERS_MAX);
    slv_response_head head = {.status = m->status,
                              .reason = m->status_text,
                              .headers = m->headers,
                              .length = m->body_length};

    /* END says so too, once what waitUntil() was given has ended */
    if (m->bits & SLV_RESPONSE_FAILED) {
        const slv_event_end end = {.outcome = SLV_OUTCOME_EXCEPTION, .error = m->body};
        slv_page_spec page = slv_page_for_end(ev->shard, ev->version, &end);

        if (ing->ex)
            reply_page(ing, &page, slv_str_from(slv_outcome_name(end.outcome)));
        return SLV_OK;
    }
    if (m->body_kind == SLV_BODY_SOCKET)
        return reply_socket(ing, m, err);
    if (!ing->ex) { /* the client has left */
        slv_source *src;

        if (m->number == 0)
            return SLV_OK;
        SLV_TRY(slv_event_body(&ing->ev, m->number, &src, err));
        src->ops->cancel(src, SLV_STR("The client has disconnected."));
        return SLV_OK;
    }
    if (ev->version->host.len > 0)
        SLV_TRY(rewrite(ing, m->headers, false, &rewritten, &head.headers));
    if (ing->ev.shard->server->o.live_reload && body_allowed(ing, m))
        SLV_TRY(add_script(ing, m, &head));
    if (m->number != 0)
        return reply_stream(ing, &head, m, err);
    return reply_inline(ing, &head, m);
}

static slv_code on_response(slv_event *ev, const slv_msg_response *m, slv_err *err)
{
    ingress *ing = of_event(ev);
    slv_code code;

    if (ing->responded)
        return slv_fail(err, SLV_E_PROTOCOL, "a second RESPONSE");
    ing->responded = true;
    ing->status = m->status;
    code = respond(ing, m, err);
    if (code != SLV_OK)
        ing->responded = false; /* the client still waits: it gets the page of the event's end */
    return code;
}

static void on_ended(slv_event *ev, const slv_event_end *end)
{
    ingress *ing = of_event(ev);

    if (ing->ex && !ing->responded) {
        slv_page_spec page = slv_page_for_end(ev->shard, ev->version, end);

        reply_page(ing, &page,
                   end->lost ? slv_str_from(slv_lost_outcome(end->why))
                             : slv_str_from(slv_outcome_name(end->outcome)));
    }
    release(ing);
}

/* ---- the EVENT ---- */

/* Fields that the platform sets: clients could use them to pass for it. */
static bool is_ours(slv_str name)
{
    static const slv_str names[] = {
        {"cf-connecting-ip", 16}, {"cf-connecting-ipv6", 18}, {"cf-ray", 6},
        {"cf-visitor", 10},       {"cf-ipcountry", 12},       {"cf-ew-via", 9},
        {"cf-worker", 9},         {"cf-pseudo-ipv4", 14},     {"true-client-ip", 14},
        {"x-real-ip", 9},         {"x-forwarded-proto", 17},  {"accept-encoding", 15},
    };

    if (name.len < 6 || name.len > 18)
        return false;
    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++) {
        if (slv_str_eq(name, names[i]))
            return true;
    }
    return false;
}

static char *put(char *p, slv_str s)
{
    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    return p + s.len;
}

static char *put_header(char *p, slv_str name, slv_str value)
{
    p = put(p, name);
    *p++ = ':';
    p = put(p, value);
    *p++ = '\n';
    return p;
}

static char *put_ours(ingress *ing, char *p)
{
    static const char hex[] = "0123456789abcdef";
    const slv_request_head *head = &ing->ex->head;
    uint64_t ray = slv_prng_next(&ing->ev.shard->prng);
    slv_str colo = ing->ev.shard->server->o.colo;
    char text[17 + SLV_COLO_MAX];

    for (int i = 0; i < 16; i++)
        text[i] = hex[ray >> (60 - 4 * i) & 15];
    text[16] = '-';
    if (colo.len == 0)
        colo = SLV_STR("DEV");
    memcpy(text + 17, colo.ptr, colo.len);
    if (head->peer.len > 0) {
        p = put_header(p, SLV_STR("cf-connecting-ip"), head->peer);
        p = put_header(p, SLV_STR("x-real-ip"), head->peer);
    }
    /* as on the platform, whatever the client takes: that is in request.cf */
    p = put_header(p, SLV_STR("accept-encoding"), SLV_STR("br, gzip"));
    p = put_header(p, SLV_STR("cf-ray"), slv_str_make(text, 17 + colo.len));
    p = put_header(p, SLV_STR("cf-visitor"),
                   head->scheme.len == 5 ? SLV_STR("{\"scheme\":\"https\"}")
                                         : SLV_STR("{\"scheme\":\"http\"}"));
    p = put_header(p, SLV_STR("x-forwarded-proto"), head->scheme);
    if (head->wants_websocket) /* "upgrade" is among its fields already */
        p = put_header(p, SLV_STR("connection"), SLV_STR("Upgrade"));
    return p;
}

/* The header block that the worker sees, in the shard's scratch. */
static slv_code put_headers(ingress *ing, slv_str *ret)
{
    const slv_request_head *head = &ing->ex->head;
    slv_buf *out = &ing->ev.shard->scratch;
    size_t need = 512 + 2 * head->peer.len;

    for (size_t i = 0; i < head->header_count; i++)
        need += head->headers[i].name.len + head->headers[i].value.len + 2;
    if (need > HEADERS_MAX)
        return SLV_E_LIMIT;
    slv_buf_reset(out);
    SLV_TRY(slv_buf_reserve(out, need));
    char *p = out->ptr;
    for (size_t i = 0; i < head->header_count; i++) {
        const slv_http_header *h = &head->headers[i];

        if (SLV_LIKELY(!is_ours(h->name)))
            p = put_header(p, h->name, h->value);
        if (SLV_UNLIKELY(h->name.len == 11 && slv_str_is(h->name, "traceparent")))
            (void)slv_traceparent_parse(h->value, &ing->ev.context);
    }
    p = put_ours(ing, p);
    out->len = (size_t)(p - out->ptr);
    SLV_ASSERT(out->len <= need);
    *ret = slv_buf_view(out);
    return SLV_OK;
}

/* A body that did not come whole with the head: a stream, which nothing flows on before the worker
 * asks. */
static slv_code open_body(ingress *ing, slv_msg_event_fetch *m)
{
    slv_event *ev = &ing->ev;
    slv_sink *sink;

    SLV_TRY(slv_link_sink_open(slv_event_link(ev), &m->body_stream, ev->pe.id, &ev->streams, &sink,
                               NULL));
    slv_body_join(&ing->in, sink);
    m->bits |= SLV_FETCH_STREAM;
    m->body_length = ing->ex->head.content_length;
    return SLV_OK;
}

static void on_send(slv_event *ev)
{
    ingress *ing = of_event(ev);
    const slv_request_head *head = &ing->ex->head;
    slv_msg_event m = {.kind = SLV_EVENT_FETCH};
    slv_msg_event_fetch *f = &m.fetch;
    slv_link *link = slv_event_link(ev);
    SLV_CLEANUP(slv_buf_done) slv_buf rewritten = SLV_BUF(2 * HEADERS_MAX);

    f->bits = SLV_FETCH_OUTSIDE | (head->wants_websocket ? SLV_FETCH_UPGRADE : 0);
    f->method = head->method;
    if (ing->body_inline) {
        f->bits |= SLV_FETCH_INLINE;
        f->body = ing->body;
        f->body_length = (int64_t)ing->body.len;
    } else if (head->has_body && open_body(ing, f) != SLV_OK) {
        slv_link_violate(link, SLV_E_LIMIT, "too many streams are open");
        return;
    }
    slv_code code = slv_shard_url(ev->shard, head, ev->version, &f->url);
    slv_buf_reset(&ev->shard->cf_text);
    if (code == SLV_OK)
        code = slv_request_cf_put(ev->shard, ing->ex, &ev->shard->cf_text);
    f->cf = slv_buf_view(&ev->shard->cf_text);
    if (code == SLV_OK)
        code = put_headers(ing, &f->headers);
    if (code == SLV_OK && ev->version->host.len > 0)
        code = rewrite(ing, f->headers, true, &rewritten, &f->headers);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_EVENT, 0, ev->pe.id);
    slv_link_end(link, code == SLV_OK ? slv_event_say(ev, &m, out) : code);
}

static const slv_event_ops event_ops = {
    .send = on_send, .response = on_response, .ended = on_ended};

/* ---- the request ---- */

/* The URL as the worker sees it, normalised, in shard->url until the next call. */
slv_code slv_shard_url(slv_shard *shard, const slv_request_head *head, const slv_version *version,
                       slv_str *ret)
{
    slv_buf *text = &shard->scratch;
    slv_str own = version ? version->host : SLV_STR_NULL;

    if (shard->url_of == head) {
        *ret = slv_buf_view(&shard->url.href);
        return SLV_OK;
    }
    slv_buf_reset(text);
    SLV_TRY(slv_buf_append(text, own.len > 0 ? SLV_STR("http") : head->scheme));
    SLV_TRY(slv_buf_append(text, SLV_STR("://")));
    if (own.len > 0)
        SLV_TRY(slv_buf_append(text, own));
    else if (head->authority.len > 0)
        SLV_TRY(slv_buf_append(text, head->authority));
    else
        SLV_TRY(slv_buf_printf(text, "%.*s:%u", SLV_STR_ARGS(head->local), head->local_port));
    SLV_TRY(slv_buf_append(text, head->path));
    SLV_TRY(slv_url_parse(slv_buf_view(text), NULL, &shard->url));
    shard->url_of = head;
    *ret = slv_buf_view(&shard->url.href);
    return SLV_OK;
}

static void refuse(slv_exchange *ex, int status, slv_str title)
{
    const slv_page_spec page = {.status = status, .title = title};

    slv_page_reply(ex, &page);
}

static bool refused(slv_shard *shard, slv_exchange *ex, const slv_version *version)
{
    const slv_request_head *head = &ex->head;
    slv_str url;

    if (head->target.len > version->limits.url_bytes)
        refuse(ex, 414, SLV_STR("URI too long"));
    else if (head->content_length > 0 &&
             (uint64_t)head->content_length > version->limits.request_body_bytes)
        slv_page_reply(ex, &too_large);
    else if (slv_str_eq(head->path, SLV_STR("*")) || slv_str_eq(head->method, SLV_STR("TRACE")) ||
             slv_str_eq(head->method, SLV_STR("TRACK")))
        refuse(ex, 405, SLV_STR("Method not allowed"));
    else if (slv_shard_url(shard, head, version, &url) != SLV_OK)
        refuse(ex, 400, SLV_STR("Bad request: the URL is malformed"));
    else
        return false;
    return true;
}

static bool is_browser(const slv_exchange *ex)
{
    const slv_http_header *accept = slv_exchange_header(ex, SLV_STR("accept"));

    return accept && slv_str_find(accept->value, SLV_STR("text/html"), 0) != SIZE_MAX;
}

/* The page that the owner of the server wants people to see; programs see the worker while there is
 * one. */
static bool noticed(slv_shard *shard, slv_exchange *ex)
{
    const slv_response_head head = {
        .status = 500,
        .headers = SLV_STR("content-type:text/html;charset=UTF-8\ncache-control:no-store\n")};

    if (shard->notice_page.len == 0 || !is_browser(ex))
        return false;
    if (slv_exchange_reply(ex, &head, slv_buf_view(&shard->notice_page), NULL) != SLV_OK)
        slv_exchange_abort(ex);
    return true;
}

static void no_worker(const slv_shard *shard, slv_exchange *ex)
{
    if (shard->notice_page.len == 0)
        refuse(ex, 404, SLV_STR("No worker is deployed here"));
    else
        refuse(ex, 500, SLV_STR("The worker could not be built; see the terminal"));
}

/* "Content-Length: 0" is a body, though an empty one; no field at all is none. */
static bool has_empty_body(const slv_exchange *ex)
{
    slv_str method = ex->head.method;

    return !slv_str_eq(method, SLV_STR("GET")) && !slv_str_eq(method, SLV_STR("HEAD")) &&
           slv_exchange_header(ex, SLV_STR("content-length"));
}

static bool extended(slv_shard *shard, slv_exchange *ex)
{
    const slv_server_extension *e = &shard->server->o.extension;

    return e->take && (e->hosts || slv_str_starts(ex->head.path, SLV_STR("/cdn-cgi/"))) &&
           e->take(e->arg, shard->loop, ex);
}

static void on_request(void *ctx, slv_exchange *ex)
{
    slv_shard *shard = ctx;
    slv_version *version;

    shard->requests++;
    shard->url_of = NULL; /* a head's memory is used again */
    if (slv_door_take(shard->server->o.door, ex))
        return;
    if (slv_scheduled_request(shard, ex) || extended(shard, ex) || slv_live_request(shard, ex) ||
        noticed(shard, ex))
        return;
    version = shard->site ? slv_route_request(shard, ex) : slv_shard_main(shard);
    if (version)
        slv_ingress_serve(shard, ex, version, true);
    else if (!shard->site)
        no_worker(shard, ex);
}

void slv_ingress_serve(slv_shard *shard, slv_exchange *ex, slv_version *version, bool now)
{
    if (refused(shard, ex, version))
        return;
    if (shard->on_first && shard->index != 0 && slv_worker_may_call_objects(version)) {
        slv_exchange_abort(ex); /* a connection that could not be moved; the next one goes there */
        return;
    }
    unsigned hops = slv_route_hops(ex);
    if (hops > version->limits.service_hops) {
        const slv_page_spec page = {
            .status = 500,
            .code = 1019,
            .title = SLV_STR("The request has come through this worker too often")};

        slv_page_reply(ex, &page);
        return;
    }
    if (version->assets && slv_asset_request(shard, ex, version))
        return;
    ingress *ing = make(shard);
    ing->ex = ex;
    ing->answerer = (slv_answerer){on_body, on_writable, on_gone};
    ex->user = &ing->answerer;
    ing->in.ops = &in_ops;
    ing->out.ops = &out_ops;
    ing->ev.ops = &event_ops;
    ing->ev.hops = hops;
    ing->body_inline =
        ex->head.has_body ? now && slv_exchange_take_body(ex, &ing->body) : has_empty_body(ex);
    if (shard->server->o.hooks.request) {
        ing->began_ns = slv_clock_mono_ns();
        ing->wall_ms = slv_loop_wall_ms(shard->loop);
    }
    if (ing->body_inline && !slv_str_eq(ex->head.method, SLV_STR("GET")))
        ing->ev.effects = true; /* the worker has the body at once */
    slv_event_begin(&ing->ev, shard, version, (uint64_t)version->limits.cpu_fetch_ms * 1000, 0);
}

static void body(slv_exchange *ex, slv_str bytes, bool last)
{
    slv_answerer *a = ex->user;

    if (a->body)
        a->body(a, bytes, last);
}

static void writable(slv_exchange *ex)
{
    slv_answerer *a = ex->user;

    if (a->writable)
        a->writable(a);
}

static void gone(slv_exchange *ex, slv_gone_reason reason)
{
    slv_answerer *a = ex->user;

    (void)reason;
    a->gone(a);
}

const slv_exchange_handlers slv_ingress_handlers_ = {
    .request = on_request, .body = body, .writable = writable, .gone = gone};
