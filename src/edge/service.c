/*
 * Calls between workers: SERVICE_FETCH becomes a fetch event of the bound worker, its response the
 * operation's result. Bodies go from isolate to isolate as streams joined here; so does a
 * WebSocket.
 */
#include "base/mem.h"
#include "edge/asset_int.h"
#include "edge/loader_int.h"
#include "edge/object_int.h"
#include "edge/trace_int.h"

#define HOPS_MAX 32

typedef struct call {
    slv_relay base; /* first */
    slv_msg_op_fetch m;
    slv_source *body; /* not joined yet */
} call;

static call *of_event(slv_event *ev)
{
    return slv_container_of(slv_relay_of(ev), call, base);
}

static void free_call(slv_relay *base)
{
    call *c = slv_container_of(base, call, base);

    if (c->body)
        c->body->ops->cancel(c->body, SLV_STR("The call has ended."));
    free(c);
}

/* ---- the callee ---- */

static void on_send(slv_event *ev)
{
    call *c = of_event(ev);
    slv_msg_event m = {.kind = SLV_EVENT_FETCH};
    slv_msg_event_fetch *f = &m.fetch;
    slv_link *link = slv_event_link(ev);
    slv_sink *sink;

    f->bits = c->m.bits & (SLV_FETCH_INLINE | SLV_FETCH_UPGRADE);
    f->body_length = c->m.body_length;
    f->method = c->m.method;
    f->url = c->m.url;
    f->headers = c->m.headers;
    f->cf = c->m.cf;
    if (ev->object) {
        f->bits |= SLV_FETCH_OBJECT;
        f->object = ev->object->home.pe.id;
    } else {
        f->entrypoint = c->base.entrypoint;
        f->props = slv_relay_props(&c->base);
    }
    f->body = c->m.body;
    if (c->body) {
        if (slv_link_sink_open(link, &f->body_stream, ev->pe.id, &ev->streams, &sink, NULL) !=
            SLV_OK) {
            slv_link_violate(link, SLV_E_LIMIT, "too many streams are open");
            return;
        }
        slv_source *body = c->body;

        c->body = NULL;
        slv_body_join(body, sink);
        ev->effects = true; /* it cannot be sent a second time */
        f->bits |= SLV_FETCH_STREAM;
    }
    slv_buf *out = slv_link_begin(link, SLV_FRAME_EVENT, 0, ev->pe.id);
    slv_link_end(link, slv_event_say(ev, &m, out));
}

/* Gives the callee's body or socket to the caller; fills in the numbers of the result. */
static slv_code hand_over(call *c, const slv_msg_response *m, slv_msg_result_fetch *r, slv_err *err)
{
    slv_event *caller = c->base.op.event;
    slv_source *src;
    slv_sink *sink;
    slv_wire *from, *to;

    if (m->body_kind >= SLV_BODY_SOCKET) {
        if (m->body_kind == SLV_BODY_SOCKET)
            SLV_TRY(slv_wire_of_event(&c->base.ev, m->number, &from, err));
        else if (c->base.ev.object)
            SLV_TRY(slv_object_socket_wire(c->base.ev.object, m->number, &from, err));
        else
            return slv_fail(err, SLV_E_PROTOCOL, "a socket of an object that is not there");
        r->body_length = 0;
        if (!from || !caller || slv_wire_to_event(caller, &to, &r->socket, NULL) != SLV_OK) {
            if (from)
                slv_wire_drop(from, SLV_STR("The caller has ended."));
            return SLV_OK;
        }
        slv_wire_join(from, to);
        return SLV_OK;
    }
    SLV_TRY(slv_event_body(&c->base.ev, m->number, &src, err));
    if (!caller || slv_link_sink_open(slv_event_link(caller), &r->body_stream, caller->pe.id,
                                      &caller->streams, &sink, NULL) != SLV_OK)
        src->ops->cancel(src, SLV_STR("The caller has ended."));
    else
        slv_body_join(src, sink);
    return SLV_OK;
}

/* Workers are given names in lower case, however another one wrote them; in scratch. */
static slv_str lower_names(slv_shard *shard, slv_str block)
{
    slv_buf *out = &shard->scratch;
    bool name = true;

    if (slv_buf_set(out, block) != SLV_OK)
        return block;
    for (size_t i = 0; i < out->len; i++) {
        if (name)
            out->ptr[i] = slv_ascii_lower(out->ptr[i]);
        name = out->ptr[i] == '\n' || (name && out->ptr[i] != ':');
    }
    return slv_buf_view(out);
}

static slv_code on_response(slv_event *ev, const slv_msg_response *m, slv_err *err)
{
    call *c = of_event(ev);
    slv_msg_result_fetch r = {.status = m->status,
                              .status_text = m->status_text,
                              .url = c->m.url,
                              .headers = m->headers,
                              .body_length = m->body_length,
                              .body = m->body};

    if (c->base.over)
        return slv_fail(err, SLV_E_PROTOCOL, "a second RESPONSE");
    c->base.over = true;
    if (m->bits & SLV_RESPONSE_FAILED) {
        const slv_event_end end = {.outcome = SLV_OUTCOME_EXCEPTION, .error = m->body};

        if (c->base.op.event) {
            slv_service_reject(&c->base.op, ev, &end);
            slv_op_close(&c->base.op);
        }
        return SLV_OK;
    }
    if (m->number != 0) {
        slv_code code = hand_over(c, m, &r, err);

        c->base.over = code == SLV_OK; /* else the caller still waits, for the end of the callee */
        SLV_TRY(code);
    } else if (m->body_kind == SLV_BODY_NONE && r.body_length < 0) {
        r.body_length = 0;
    }
    if (c->base.op.event) {
        slv_link *link = slv_event_link(c->base.op.event);
        slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, c->base.op.id);

        r.headers = lower_names(ev->shard, r.headers);
        slv_link_end(link, slv_msg_result_fetch_put(out, &r));
        slv_op_close(&c->base.op);
    }
    /* what the callee still does is waitUntil; a body that the caller reads keeps it open */
    if (m->body_kind == SLV_BODY_NONE || m->body_kind == SLV_BODY_INLINE)
        slv_event_linger(ev, ev->version->limits.wait_until_ms);
    return SLV_OK;
}

/* The error of a callee is what the caller's promise rejects with. */
void slv_service_reject(slv_op *op, slv_event *callee, const slv_event_end *end)
{
    slv_str error = callee->object ? slv_object_call_error(callee, end) : SLV_STR_NULL;

    if (error.len == 0)
        error = end->error;
    if (error.len == 0 && end->start_err &&
        slv_loader_start_error(callee->shard, callee->version, &callee->shard->notice_text))
        error = slv_buf_view(&callee->shard->notice_text);
    if (error.len > 0) {
        slv_op_reject_json(op->event, op->id, error);
        return;
    }
    slv_page_spec page = slv_page_for_end(callee->shard, callee->version, end);
    slv_buf *text = &callee->shard->notice_text; /* the detail may stand in scratch */

    if (slv_buf_set(text, slv_str_sub(page.detail.len > 0 ? page.detail : page.title, 0, 60000)) !=
        SLV_OK)
        slv_buf_reset(text);
    slv_op_reject(op->event, op->id, SLV_STR("Error"), slv_buf_view(text));
}

static const slv_event_ops event_ops = {
    .send = on_send, .response = on_response, .ended = slv_relay_ended};

/* ---- the caller ---- */

static bool has_length(slv_str block)
{
    slv_str name, value;
    bool bad = false;

    while (slv_header_next(&block, &name, &value, &bad)) {
        if (slv_str_eq(name, SLV_STR("content-length")))
            return true;
    }
    return false;
}

/* The callee sees how its body is framed, as it does when a client calls. */
static slv_code frame_headers(call *c, slv_str block)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(block.len + 64);
    const bool stream = (c->m.bits & SLV_FETCH_STREAM) != 0;
    const bool any = stream || (c->m.bits & SLV_FETCH_INLINE);

    if (!any || has_length(block))
        return slv_arena_dup(&c->base.arena, block, &c->m.headers);
    if (stream && c->m.body_length < 0)
        SLV_TRY(slv_buf_append(&out, SLV_STR("transfer-encoding:chunked\n")));
    else
        SLV_TRY(slv_buf_printf(&out, "content-length:%lld\n",
                               (long long)(stream ? c->m.body_length : (int64_t)c->m.body.len)));
    SLV_TRY(slv_buf_append(&out, block));
    return slv_arena_dup(&c->base.arena, slv_buf_view(&out), &c->m.headers);
}

static slv_code keep(call *c, slv_shard *shard, const slv_msg_op_fetch *m)
{
    c->m = *m;
    SLV_TRY(slv_arena_dup(&c->base.arena, m->method, &c->m.method));
    SLV_TRY(slv_arena_dup(&c->base.arena, m->url, &c->m.url));
    SLV_TRY(frame_headers(c, lower_names(shard, m->headers)));
    SLV_TRY(slv_arena_dup(&c->base.arena, m->body, &c->m.body));
    return slv_arena_dup(&c->base.arena, m->cf, &c->m.cf);
}

/* As the reference's `dev` answers for a worker that does not run. */
static void answer_missing(slv_event *ev, uint32_t op, slv_str name, slv_str url)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(4096);

    if (slv_buf_printf(&text, "Worker \"%.*s\" not found. Make sure it is running locally.",
                       SLV_STR_ARGS(name)) != SLV_OK)
        slv_buf_reset(&text);
    const slv_msg_result_fetch r = {.status = 503,
                                    .status_text = SLV_STR("Service Unavailable"),
                                    .url = url,
                                    .headers = SLV_STR("content-type:text/plain;charset=UTF-8\n"),
                                    .body_length = (int64_t)text.len,
                                    .body = slv_buf_view(&text)};
    slv_buf *out = slv_link_begin(slv_event_link(ev), SLV_FRAME_RESULT, 0, op);
    slv_link_end(slv_event_link(ev), slv_msg_result_fetch_put(out, &r));
}

bool slv_event_may_call(slv_event *ev, uint32_t op)
{
    if (!slv_event_subrequest(ev, op))
        return false;
    if (ev->hops < HOPS_MAX)
        return true;
    slv_op_reject(ev, op, SLV_STR("Error"),
                  SLV_STR("Subrequest depth limit exceeded. This request recursed through Workers "
                          "too many times. This can happen e.g. if you have a Worker or Durable "
                          "Object that calls other Workers or objects recursively."));
    return false;
}

static void begin(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m, slv_source *body,
                  const slv_callee *callee)
{
    call *c = slv_new0(call);

    c->base.free = free_call;
    c->body = body;
    slv_relay_init(&c->base, ev);
    if (keep(c, ev->shard, m) != SLV_OK || slv_relay_aim(&c->base, callee) != SLV_OK) {
        slv_op_reject(ev, op, SLV_STR("Error"), SLV_STR("The request is too large."));
        slv_relay_drop(&c->base);
        return;
    }
    slv_relay_begin(&c->base, ev, op, callee, &event_ops);
}

slv_code slv_relay_fetch(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m,
                         const slv_callee *callee, slv_err *err)
{
    slv_source *body = NULL;

    if (m->bits & SLV_FETCH_STREAM)
        SLV_TRY(slv_event_body(ev, m->body_stream, &body, err));
    if (!callee->version || !slv_event_may_call(ev, op)) {
        if (body)
            body->ops->cancel(body, SLV_STR("The call was refused."));
        return SLV_OK;
    }
    begin(ev, op, m, body, callee);
    return SLV_OK;
}

/* A worker with assets is called past them, as from outside. *ret_taken: they have answered. */
static slv_code ask_assets(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m,
                           const slv_callee *callee, bool *ret_taken, slv_err *err)
{
    slv_source *body = NULL;

    *ret_taken = false;
    if (!callee->version || !callee->version->assets || callee->entrypoint.len > 0 ||
        callee->object)
        return SLV_OK;
    SLV_TRY(slv_asset_call(ev, op, m, callee->version, true, ret_taken, err));
    if (*ret_taken && m->bits & SLV_FETCH_STREAM)
        SLV_TRY(slv_event_body(ev, m->body_stream, &body, err));
    if (body)
        body->ops->cancel(body, SLV_STR("Assets take no body."));
    return SLV_OK;
}

slv_code slv_service_fetch(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m, slv_err *err)
{
    bool taken;

    slv_callee callee;
    slv_str name;

    SLV_TRY(slv_relay_find(ev, op, m->binding, &callee, &name, err));
    if (!callee.version && name.len > 0 && slv_event_subrequest(ev, op))
        answer_missing(ev, op, name, m->url);
    SLV_TRY(ask_assets(ev, op, m, &callee, &taken, err));
    return taken ? SLV_OK : slv_relay_fetch(ev, op, m, &callee, err);
}
