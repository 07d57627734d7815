/*
 * Outgoing requests: an operation of an isolate becomes a request of the loop's client, its answer
 * a RESULT whose body nothing flows on before somebody asks. At most limits.open_connections of an
 * event wait for headers at once; the others wait here.
 */
#include "base/mem.h"
#include "edge/dynamo_int.h"
#include "edge/tie_int.h"
#include "edge/trace_int.h"
#include "edge/wire_int.h"

/* What a request holds while it waits for its turn. */
#define HELD_MAX ((size_t)1 << 20)

typedef struct request {
    slv_op op;
    slv_shard *shard;
    slv_list wait;    /* event->fetch_wait */
    slv_fetch *fetch; /* NULL: not started, or over */
    slv_source down;  /* the response's body */
    slv_sink up;      /* the request's */
    size_t owed;
    slv_arena arena; /* of what waits */
    slv_msg_op_fetch m;
    slv_buf held;
    bool held_fin, counted, up_open;
} request;

static request *of_op(slv_op *op)
{
    return slv_container_of(op, request, op);
}

static void start(request *req, const slv_msg_op_fetch *m);

/* The operation is answered: the next one of its event may have its place. */
static void settle(request *req, bool next)
{
    slv_event *ev = req->op.event;

    if (!ev)
        return;
    slv_op_close(&req->op);
    slv_list_remove(&req->wait);
    if (req->counted)
        ev->fetches--;
    req->counted = false;
    slv_list *node = next ? slv_list_pop(&ev->fetch_wait) : NULL;
    if (node) {
        request *waiting = slv_container_of(node, request, wait);

        start(waiting, &waiting->m);
    }
}

/* The request is over in every respect. */
static void release(request *req)
{
    settle(req, true);
    slv_sink_cancel(&req->up, SLV_STR("The request has ended."));
    slv_arena_done(&req->arena);
    slv_buf_done(&req->held);
    free(req);
}

static void reject(request *req, slv_str name, slv_str message)
{
    if (req->op.event)
        slv_op_reject(req->op.event, req->op.id, name, message);
}

static void on_cancel(slv_op *op, bool answer)
{
    request *req = of_op(op);

    if (answer)
        reject(req, SLV_STR("AbortError"), SLV_STR("The operation was aborted"));
    settle(req, answer);
    if (req->fetch)
        slv_fetch_abort(req->fetch);
    release(req);
}

static const slv_op_ops op_ops = {on_cancel};

/* ---- the response's body ---- */

static void down_credit(slv_source *src, size_t n)
{
    request *req = slv_container_of(src, request, down);

    slv_fetch_credit(req->fetch, n);
}

static void down_cancel(slv_source *src, slv_str reason)
{
    request *req = slv_container_of(src, request, down);

    (void)reason;
    slv_fetch_abort(req->fetch);
    release(req);
}

static const slv_source_ops down_ops = {.credit = down_credit, .cancel = down_cancel};

/* ---- the request's body ---- */

static void up_data(slv_sink *sink, slv_str bytes, bool fin)
{
    request *req = slv_container_of(sink, request, up);

    if (!req->fetch) { /* its turn has not come: what fits the window waits */
        req->held_fin = fin;
        if (slv_buf_append(&req->held, bytes) != SLV_OK)
            slv_sink_cancel(sink, SLV_STR("too much was sent at once"));
        return;
    }
    if (bytes.len > 0) {
        if (slv_fetch_write(req->fetch, bytes))
            slv_sink_credit(sink, bytes.len);
        else
            req->owed += bytes.len;
    }
    if (fin) {
        req->up_open = false;
        slv_fetch_write_end(req->fetch, true);
    }
}

static void up_fail(slv_sink *sink, slv_str message)
{
    request *req = slv_container_of(sink, request, up);

    (void)message;
    if (req->fetch && req->up_open) {
        req->up_open = false;
        slv_fetch_write_end(req->fetch, false); /* `fail` follows */
    } else if (!req->fetch) {
        reject(req, SLV_STR("TypeError"), SLV_STR("The request body failed."));
        release(req);
    }
}

static const slv_sink_ops up_ops = {.data = up_data, .fail = up_fail};

static void on_writable(slv_fetch *fetch)
{
    request *req = slv_fetch_user(fetch);
    size_t owed = req->owed;

    req->owed = 0;
    slv_sink_credit(&req->up, owed);
}

/* ---- the answer ---- */

static void send_result(request *req, const slv_msg_result_fetch *m)
{
    slv_link *link = slv_event_link(req->op.event);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, req->op.id);

    slv_link_end(link, slv_msg_result_fetch_put(out, m));
}

static slv_msg_result_fetch result_of(const slv_fetch_response *r)
{
    return (slv_msg_result_fetch){.status = (uint16_t)r->status,
                                  .status_text = r->reason,
                                  .url = r->url,
                                  .redirected = r->redirected,
                                  .headers = r->headers,
                                  .body_length = r->length};
}

static void on_response(slv_fetch *fetch, const slv_fetch_response *r)
{
    request *req = slv_fetch_user(fetch);
    slv_event *ev = req->op.event;
    slv_msg_result_fetch m = result_of(r);
    slv_sink *sink = NULL;

    SLV_ASSERT(ev);
    if (r->length != 0 && slv_link_sink_open(slv_event_link(ev), &m.body_stream, ev->pe.id,
                                             &ev->streams, &sink, NULL) != SLV_OK) {
        reject(req, SLV_STR("Error"), SLV_STR("Too many streams are open."));
        slv_fetch_abort(fetch);
        release(req);
        return;
    }
    send_result(req, &m);
    if (sink)
        slv_body_join(&req->down, sink);
    settle(req, true);
}

static void on_data(slv_fetch *fetch, slv_str bytes)
{
    request *req = slv_fetch_user(fetch);

    slv_source_push(&req->down, bytes, false);
}

static void on_end(slv_fetch *fetch)
{
    request *req = slv_fetch_user(fetch);

    req->fetch = NULL;
    slv_source_push(&req->down, SLV_STR_NULL, true);
    release(req);
}

static void on_fail(slv_fetch *fetch, slv_code code, slv_str message)
{
    request *req = slv_fetch_user(fetch);

    req->fetch = NULL;
    if (req->op.event) {
        bool lost = code == SLV_E_IO || code == SLV_E_TIMEOUT;

        reject(req, code == SLV_E_INVAL ? SLV_STR("TypeError") : SLV_STR("Error"),
               lost ? SLV_STR("Network connection lost.") : message);
    }
    slv_source_fail(&req->down, SLV_STR("Network connection lost."));
    release(req);
}

static void on_upgraded(slv_fetch *fetch, const slv_fetch_response *r, slv_ws *ws)
{
    request *req = slv_fetch_user(fetch);
    slv_event *ev = req->op.event;
    slv_msg_result_fetch m = result_of(r);

    req->fetch = NULL;
    m.body_length = 0;
    if (slv_wire_client(ev, ws, &m.socket) == SLV_OK)
        send_result(req, &m);
    else
        reject(req, SLV_STR("Error"), SLV_STR("Too many streams are open."));
    release(req);
}

static const slv_fetch_handlers handlers = {
    .response = on_response,
    .data = on_data,
    .end = on_end,
    .fail = on_fail,
    .writable = on_writable,
    .upgraded = on_upgraded,
};

/* ---- the start ---- */

/* How often a request has come through workers is told to whoever comes next; see slv_event.hops.
 */
static slv_code with_loop_header(slv_event *ev, slv_str headers, slv_buf *out)
{
    slv_buf_reset(out);
    SLV_TRY(slv_buf_append(out, headers));
    SLV_TRY(slv_event_put_traceparent(ev, headers, out));
    return slv_buf_printf(out, "cdn-loop:selvage; loops=%u\n", ev->hops + 1);
}

static void start(request *req, const slv_msg_op_fetch *m)
{
    slv_event *ev = req->op.event;
    slv_buf *headers = &req->shard->scratch;
    slv_err err = {0};
    slv_code code = with_loop_header(ev, m->headers, headers);
    const slv_fetch_request r = {
        .method = m->method,
        .url = m->url,
        .headers = slv_buf_view(headers),
        .body = m->body,
        .stream_body = m->bits & SLV_FETCH_STREAM,
        .empty_body = m->bits & SLV_FETCH_INLINE,
        .length = m->body_length,
        .redirect = m->bits & SLV_FETCH_MANUAL  ? SLV_REDIRECT_MANUAL
                    : m->bits & SLV_FETCH_ERROR ? SLV_REDIRECT_ERROR
                                                : SLV_REDIRECT_FOLLOW,
        .raw_body = m->bits & SLV_FETCH_RAW,
        .drop_authorization =
            slv_version_flag(ev->version, "strip_authorization_on_cross_origin_redirect"),
        .websocket = m->bits & SLV_FETCH_UPGRADE,
        .ws = {.compress = slv_version_flag(ev->version, "web_socket_compression")},
    };

    ev->fetches++;
    req->counted = true;
    if (code == SLV_OK)
        code = slv_fetch_start(req->shard->client, &r, &handlers, req, &req->fetch, &err);
    if (code != SLV_OK) {
        reject(req, SLV_STR("TypeError"), slv_str_from(slv_err_text(&err)));
        release(req);
        return;
    }
    if (!r.stream_body)
        return;
    req->up_open = true;
    slv_sink_credit(&req->up, SLV_FLOW_WINDOW); /* a body that flows only when asked begins now */
    if (req->held.len > 0 || req->held_fin)
        up_data(&req->up, slv_buf_view(&req->held), req->held_fin);
    slv_buf_done(&req->held);
}

static slv_code hold(request *req, const slv_msg_op_fetch *m)
{
    req->m = *m;
    SLV_TRY(slv_arena_dup(&req->arena, m->method, &req->m.method));
    SLV_TRY(slv_arena_dup(&req->arena, m->url, &req->m.url));
    SLV_TRY(slv_arena_dup(&req->arena, m->headers, &req->m.headers));
    SLV_TRY(slv_arena_dup(&req->arena, m->body, &req->m.body));
    return slv_arena_dup(&req->arena, m->cf, &req->m.cf);
}

/* The source of a request's body: a stream of the isolate's, or one of ours that it hands back. */
slv_code slv_event_body(slv_event *ev, uint32_t number, slv_source **ret, slv_err *err)
{
    if (number & 1)
        return slv_link_source_open(slv_event_link(ev), &number, ev->pe.id, &ev->streams, ret, err);
    *ret = slv_link_sink_splice(&ev->streams, number);
    return *ret ? SLV_OK : slv_fail(err, SLV_E_PROTOCOL, "stream %u cannot be handed back", number);
}

bool slv_event_subrequest(slv_event *ev, uint32_t op)
{
    uint32_t limit = ev->version->limits.subrequests;

    if (ev->subrequest_limit && ev->subrequest_limit < limit)
        limit = ev->subrequest_limit;
    if (ev->subrequests < limit) {
        ev->subrequests++;
        return true;
    }
    slv_op_reject(ev, op, SLV_STR("Error"), SLV_STR("Too many subrequests."));
    return false;
}

slv_code slv_egress_fetch(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m, slv_err *err)
{
    slv_source *body = NULL;
    slv_code code;

    if (slv_outbound_fetch(ev, op, m, &code, err))
        return code;
    if (m->bits & SLV_FETCH_STREAM)
        SLV_TRY(slv_event_body(ev, m->body_stream, &body, err));
    if (!slv_event_subrequest(ev, op)) {
        if (body)
            body->ops->cancel(body, SLV_STR("Too many subrequests."));
        return SLV_OK;
    }
    if (slv_dynamo_answers(ev, m)) {
        slv_dynamo_fetch_take(ev, op, m, body);
        return SLV_OK;
    }
    request *req = slv_new0(request);
    req->shard = ev->shard;
    req->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    req->held = SLV_BUF(HELD_MAX);
    req->down.ops = &down_ops;
    req->up.ops = &up_ops;
    slv_op_open(&req->op, ev, op, &op_ops);
    if (body)
        slv_body_join(body, &req->up);
    if (ev->fetches < ev->version->limits.open_connections) {
        start(req, m);
    } else if (hold(req, m) == SLV_OK) {
        slv_list_push(&ev->fetch_wait, &req->wait);
    } else {
        reject(req, SLV_STR("Error"), SLV_STR("Too much waits to be sent."));
        release(req);
    }
    return SLV_OK;
}

slv_code slv_egress_open(slv_shard *shard, slv_err *err)
{
    const slv_client_options client = {
        .allow_address = slv_shard_may_reach, .ctx = shard, .ca_file = shard->server->o.ca_file};

    return slv_client_new(shard->loop, &client, &shard->client, err);
}

void slv_egress_close(slv_shard *shard)
{
    shard->client = slv_client_free(shard->client);
}
