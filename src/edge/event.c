#include "edge/object_int.h"
#include "edge/trace_int.h"

/* Operations that one event may have open at once: what it makes main hold is limited. */
#define OPS_MAX 4096

static slv_event *of_pool(slv_pool_event *pe)
{
    return pe ? slv_container_of(pe, slv_event, pe) : NULL;
}

slv_link *slv_event_link(const slv_event *ev)
{
    return slv_isolate_link(ev->pe.isolate);
}

/* ---- operations ---- */

void slv_op_open(slv_op *op, slv_event *ev, uint32_t id, const slv_op_ops *ops)
{
    op->ops = ops;
    op->event = ev;
    op->id = id;
    slv_list_push(&ev->op_list, &op->node);
    ev->op_count++;
    slv_op_timed(op);
}

void slv_op_close(slv_op *op)
{
    if (!op->event)
        return;
    slv_op_timed_end(op);
    op->event->op_count--;
    op->event = NULL;
    slv_list_remove(&op->node);
}

slv_op *slv_op_find(slv_event *ev, uint32_t id)
{
    SLV_LIST_EACH (node, &ev->op_list) {
        slv_op *op = slv_container_of(node, slv_op, node);

        if (op->id == id)
            return op;
    }
    return NULL;
}

void slv_op_reject_json(slv_event *ev, uint32_t id, slv_str json)
{
    slv_link *link = slv_event_link(ev);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, SLV_FRAME_ERROR, id);

    slv_op_rejected(ev, id);
    slv_link_end(link, slv_msg_str_put(out, json));
}

void slv_op_abort(slv_op *op, bool answer)
{
    if (answer)
        slv_op_reject(op->event, op->id, SLV_STR("AbortError"),
                      SLV_STR("The operation was aborted"));
    slv_op_close(op);
}

void slv_op_answer_empty(slv_event *ev, uint32_t id)
{
    slv_link *link = slv_event_link(ev);

    (void)slv_link_begin(link, SLV_FRAME_RESULT, 0, id);
    slv_link_end(link, SLV_OK);
}

void slv_op_reject(slv_event *ev, uint32_t id, slv_str name, slv_str message)
{
    slv_buf *json = &ev->shard->scratch;

    slv_buf_reset(json);
    if (slv_error_put(json, name, message) != SLV_OK)
        slv_buf_reset(json);
    slv_op_reject_json(ev, id, slv_buf_view(json));
}

/* ---- the end of an event ---- */

static void stop_ops(slv_event *ev)
{
    while (!slv_list_empty(&ev->op_list)) {
        slv_op *op = slv_container_of(ev->op_list.next, slv_op, node);

        op->ops->cancel(op, false);
    }
}

/* Everything that the event still had is over; its owner hears of it last. */
static void finish(slv_event *ev, const slv_event_end *end)
{
    slv_version *version = ev->version;

    ev->state = SLV_EVENT_ENDING;
    slv_list_remove(&ev->node);
    slv_list_remove(&ev->linger);
    stop_ops(ev);
    slv_connections_end(ev);
    if (ev->pe.isolate && slv_isolate_user(ev->pe.isolate))
        slv_peer_event_ended(slv_isolate_user(ev->pe.isolate), ev->pe.id);
    slv_streams_end(&ev->streams, SLV_STR("The event that this body belonged to has ended."));
    if (ev->object && !ev->resident)
        slv_object_left(ev);
    slv_event_trace_end(ev, end);
    ev->state = SLV_EVENT_IDLE;
    ev->ops->ended(ev, end); /* may free ev */
    (void)slv_version_unref(version);
}

/* ---- placement ---- */

static void start(slv_event *ev)
{
    ev->state = SLV_EVENT_RUNNING;
    ev->ops->send(ev);
}

static void on_placed(slv_pool_event *pe, const slv_err *err)
{
    slv_event *ev = of_pool(pe);

    if (!err) {
        start(ev);
        return;
    }
    const slv_event_end end = {.outcome = SLV_OUTCOME_EXCEPTION, .start_err = err};
    finish(ev, &end);
}

static slv_outcome outcome_of(slv_lost why)
{
    switch (why) {
    case SLV_LOST_CPU:
        return SLV_OUTCOME_CPU;
    case SLV_LOST_MEMORY:
        return SLV_OUTCOME_MEMORY;
    case SLV_LOST_SHUTDOWN:
        return SLV_OUTCOME_CANCELED;
    case SLV_LOST_WALL:
    case SLV_LOST_CRASHED:
    case SLV_LOST_VIOLATION:
    case SLV_LOST_NEIGHBOUR:
        break;
    }
    return SLV_OUTCOME_ABORTED;
}

static void place(slv_event *ev)
{
    slv_err err = {0};

    ev->state = SLV_EVENT_WAITING;
    slv_code code = slv_pool_begin(ev->shard->pool, &ev->pe, &err);
    if (code == SLV_OK) {
        start(ev);
    } else if (code != SLV_E_AGAIN) {
        const slv_event_end end = {.outcome = SLV_OUTCOME_EXCEPTION, .start_err = &err};
        /* a full queue; of a worker whose start-up passes a limit `placed` tells */
        err.code = code == SLV_E_LIMIT ? SLV_E_AGAIN : code;
        finish(ev, &end);
    }
}

/* Another event's limit or crash took the isolate down: what had no effect yet may run once more,
 * elsewhere. */
static bool try_again(slv_event *ev, slv_lost why)
{
    if (why != SLV_LOST_NEIGHBOUR || ev->retried || ev->effects || ev->canceled || ev->object ||
        ev->shard->closed)
        return false;
    ev->retried = true;
    slv_streams_end(&ev->streams, SLV_STR("canceled"));
    ev->pe.flags |= SLV_POOL_APART;
    place(ev);
    return true;
}

static void on_lost(slv_pool_event *pe, slv_lost why, const char *text)
{
    slv_event *ev = of_pool(pe);

    if (ev->state == SLV_EVENT_IDLE || ev->state == SLV_EVENT_ENDING || try_again(ev, why))
        return;
    if (why != SLV_LOST_SHUTDOWN && why != SLV_LOST_NEIGHBOUR) {
        slv_buf *json = &ev->shard->scratch;

        slv_buf_reset(json);
        if (slv_error_put(json, SLV_STR("Error"), slv_str_from(text ? text : "")) == SLV_OK)
            slv_hook_exception(ev->shard, ev->version, slv_buf_view(json));
    }
    if (why == SLV_LOST_WALL && ev->pe.isolate)
        slv_event_cancel(ev, SLV_CANCEL_LIMIT);
    const slv_event_end end = {.outcome = outcome_of(why),
                               .lost = true,
                               .why = why,
                               .cpu_us = pe->cpu_us,
                               .text = slv_str_from(text ? text : "")};
    finish(ev, &end);
}

void slv_event_begin(slv_event *ev, slv_shard *shard, slv_version *version, uint64_t cpu_limit_us,
                     uint64_t wall_limit_ms)
{
    SLV_ASSERT(ev->ops && ev->state == SLV_EVENT_IDLE);
    ev->shard = shard;
    ev->version = slv_version_ref(version);
    slv_list_init(&ev->streams.list);
    slv_list_init(&ev->op_list);
    slv_list_init(&ev->fetch_wait);
    slv_list_init(&ev->connections);
    slv_list_push(&shard->events, &ev->node);
    ev->pe = (slv_pool_event){.version = version,
                              .on = ev->on,
                              .flags = (ev->inside ? SLV_POOL_INSIDE : 0) |
                                       (ev->resident ? SLV_POOL_RESIDENT : 0),
                              .cpu_limit_us = cpu_limit_us,
                              .wall_limit_ms = wall_limit_ms,
                              .placed = on_placed,
                              .lost = on_lost};
    slv_event_trace(ev);
    if (ev->object && !ev->resident)
        slv_object_enter(ev);
    else
        place(ev);
}

void slv_event_place(slv_event *ev, slv_isolate *on)
{
    slv_version *version = slv_isolate_version(on);

    if (ev->version != version) { /* the object runs on another one by now */
        (void)slv_version_unref(ev->version);
        ev->version = slv_version_ref(version);
        ev->pe.version = version;
        slv_event_trace_moved(ev);
    }
    ev->pe.on = on;
    place(ev);
}

void slv_event_abandon(slv_event *ev, const slv_event_end *end)
{
    slv_link *link = ev->pe.isolate ? slv_event_link(ev) : NULL;

    if (ev->state == SLV_EVENT_IDLE || ev->state == SLV_EVENT_ENDING)
        return;
    if (ev->state == SLV_EVENT_RUNNING && link && !slv_link_is_closed(link))
        slv_link_event_ended(link, ev->pe.id);
    slv_pool_end(&ev->pe, 0);
    finish(ev, end);
}

bool slv_event_withdraw(slv_event *ev)
{
    if (ev->state != SLV_EVENT_WAITING)
        return false;
    slv_pool_end(&ev->pe, 0);
    const slv_event_end end = {.outcome = SLV_OUTCOME_CANCELED};
    finish(ev, &end);
    return true;
}

/* ---- ending early, and late ---- */

void slv_event_linger(slv_event *ev, uint64_t ms)
{
    if (ev->state != SLV_EVENT_RUNNING)
        return;
    ev->linger_ms = slv_loop_now_ms(ev->shard->loop) + ms;
    if (!slv_list_linked(&ev->linger))
        slv_list_push(&ev->shard->lingering, &ev->linger);
    if (!slv_timer_started(&ev->shard->sweep))
        slv_timer_start(&ev->shard->sweep, ev->shard->loop, SLV_EDGE_SWEEP_MS);
}

void slv_event_cancel(slv_event *ev, slv_cancel_reason reason)
{
    if (ev->state != SLV_EVENT_RUNNING || ev->canceled)
        return;
    ev->canceled = true;
    slv_buf *out = slv_link_begin(slv_event_link(ev), SLV_FRAME_CANCEL, 0, ev->pe.id);
    slv_link_end(slv_event_link(ev), slv_msg_cancel_put(out, reason));
    /* the isolate may let waitUntil finish when it was the client that left */
    slv_event_linger(ev, reason == SLV_CANCEL_CLIENT ? ev->version->limits.wait_until_ms
                                                     : SLV_EDGE_END_MS);
}

void slv_event_sweep_(slv_shard *shard)
{
    uint64_t now = slv_loop_now_ms(shard->loop);

    SLV_LIST_EACH (node, &shard->lingering) {
        slv_event *ev = slv_container_of(node, slv_event, linger);

        if (ev->linger_ms > now)
            continue;
        slv_list_remove(&ev->linger);
        if (ev->canceled) {
            slv_isolate_kill(ev->pe.isolate, SLV_LOST_VIOLATION,
                             "an event that was canceled did not end");
        } else {
            ev->linger_ms = 0;
            slv_event_cancel(ev, SLV_CANCEL_LIMIT);
        }
    }
}

/* ---- frames ---- */

/* An event that main gave up while its isolate had not heard of it: what the isolate opens for it
 * is declined. */
static slv_code decline_stream(slv_isolate *iso, uint32_t event, slv_stream_kind kind,
                               uint32_t number, slv_err *err)
{
    static const slv_stream_ops none = {0};
    slv_stream st = {.ops = &none, .event = event};

    if (!(number & 1))
        return SLV_OK; /* ours: it ended with the event */
    SLV_TRY(slv_stream_open(&st, slv_isolate_link(iso), kind, number, err));
    slv_stream_close(&st);
    return SLV_OK;
}

static slv_code decline(slv_isolate *iso, const slv_frame *f, slv_err *err)
{
    slv_msg_response r;
    slv_msg_op op;

    if (f->type == SLV_FRAME_RESPONSE) {
        if (slv_msg_response_get(f->payload, &r) != SLV_OK)
            return slv_fail(err, SLV_E_PROTOCOL, "malformed RESPONSE");
        if (r.number != 0)
            return decline_stream(
                iso, f->id, r.body_kind == SLV_BODY_SOCKET ? SLV_STREAM_SOCKET : SLV_STREAM_IN,
                r.number, err);
    } else if (f->type == SLV_FRAME_OP) {
        if (slv_msg_op_get(f->payload, &op) != SLV_OK)
            return slv_fail(err, SLV_E_PROTOCOL, "malformed OP");
        if ((op.kind == SLV_OP_FETCH || op.kind == SLV_OP_SERVICE_FETCH) &&
            op.fetch.bits & SLV_FETCH_STREAM)
            return decline_stream(iso, op.event, SLV_STREAM_IN, op.fetch.body_stream, err);
        if (op.kind >= SLV_OP_STORE_FIRST && op.store.stream != 0)
            return decline_stream(iso, op.event, SLV_STREAM_IN, op.store.stream, err);
    }
    return SLV_OK;
}

static slv_code take_response(slv_event *ev, const slv_frame *f, slv_err *err)
{
    slv_msg_response m;

    if (!ev->ops->response || slv_msg_response_get(f->payload, &m) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed RESPONSE");
    ev->effects = true; /* it lives on for a socket or waitUntil(), but was answered */
    ev->status = m.bits & SLV_RESPONSE_FAILED ? 0 : m.status;
    return ev->ops->response(ev, &m, err);
}

static slv_code take_end(slv_event *ev, const slv_frame *f, slv_err *err)
{
    slv_msg_end m;

    if (slv_msg_end_get(f->payload, &m) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed END");
    slv_link_event_ended(slv_event_link(ev), ev->pe.id);
    if (m.error.len > 0)
        slv_hook_exception(ev->shard, ev->version, m.error);
    slv_pool_end(&ev->pe, m.cpu_us);
    const slv_event_end end = {.outcome = m.outcome, .cpu_us = m.cpu_us, .error = m.error};
    finish(ev, &end);
    return SLV_OK;
}

static slv_code start_op(slv_event *ev, uint32_t id, const slv_msg_op *m, slv_err *err)
{
    switch (m->kind) {
    case SLV_OP_FETCH:
        return slv_egress_fetch(ev, id, &m->fetch, err);
    case SLV_OP_SERVICE_FETCH:
        return slv_service_fetch(ev, id, &m->fetch, err);
    case SLV_OP_CONNECT:
        return slv_egress_connect(ev, id, &m->connect, err);
    case SLV_OP_STARTTLS:
        return slv_egress_starttls(ev, id, m->starttls, err);
    case SLV_OP_RPC:
        return slv_rpc_op(ev, id, &m->rpc, err);
    case SLV_OP_STORE_FIRST:
    case SLV_OP_STORE_LAST:
    default: /* every kind between them; the decoder lets no other pass */
        return slv_resource_op(ev, id, m, err);
    }
}

static slv_code take_op(slv_event *ev, const slv_frame *f, slv_err *err)
{
    slv_msg_op m;

    if (slv_msg_op_get(f->payload, &m) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed OP");
    ev->effects = true;
    if (ev->op_count >= OPS_MAX) {
        slv_op_reject(ev, f->id, SLV_STR("Error"), SLV_STR("Too many operations are open."));
        return SLV_OK;
    }
    slv_event_op_begins(ev, &m);
    slv_code code = start_op(ev, f->id, &m, err);
    slv_event_op_taken(ev, f->id);
    return code;
}

/* OP names its event in the payload. */
static slv_event *event_of_op(slv_isolate *iso, slv_str payload)
{
    slv_reader r = slv_reader_make(payload);

    return of_pool(slv_isolate_event(iso, slv_read_u32(&r)));
}

static slv_code cancel_op(slv_shard *shard, slv_isolate *iso, uint32_t id)
{
    SLV_LIST_EACH (node, &shard->events) {
        slv_event *ev = slv_container_of(node, slv_event, node);
        slv_op *op = ev->pe.isolate == iso ? slv_op_find(ev, id) : NULL;

        if (op) {
            op->ops->cancel(op, true);
            break;
        }
    }
    return SLV_OK; /* it has been answered meanwhile */
}

static slv_code take_log(slv_shard *shard, slv_isolate *iso, const slv_frame *f, slv_err *err)
{
    slv_msg_log log;
    slv_str error;

    if (f->type == SLV_FRAME_LOG) {
        if (slv_msg_log_get(f->payload, &log) != SLV_OK)
            return slv_fail(err, SLV_E_PROTOCOL, "malformed LOG");
        if (log.level != SLV_CONSOLE_CHANNEL)
            slv_hook_console(shard, slv_isolate_version(iso), &log);
        slv_event_trace_log(shard, iso, f->id, &log);
        return SLV_OK;
    }
    if (slv_msg_str_get(f->payload, &error) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed EXCEPTION");
    slv_hook_exception(shard, slv_isolate_version(iso), error);
    slv_event_trace_error(shard, iso, f->id, error);
    return SLV_OK;
}

slv_code slv_edge_frame_(void *user, slv_isolate *iso, const slv_frame *f, slv_err *err)
{
    slv_event *ev;

    switch ((int)f->type) {
    case SLV_FRAME_LOG:
    case SLV_FRAME_EXCEPTION:
        return take_log(user, iso, f, err);
    case SLV_FRAME_OP:
        ev = event_of_op(iso, f->payload);
        return ev && ev->state == SLV_EVENT_RUNNING ? take_op(ev, f, err) : decline(iso, f, err);
    case SLV_FRAME_OP_CANCEL:
        return cancel_op(user, iso, f->id);
    case SLV_FRAME_CAP_DROP:
        return slv_rpc_drop(iso, f->payload, err);
    case SLV_FRAME_ASK:
        return slv_object_ask(iso, f, err);
    case SLV_FRAME_RESPONSE:
    case SLV_FRAME_RPC_RESULT:
    case SLV_FRAME_END:
        break;
    default:
        if (f->type >= SLV_FRAME_OBJECT_OPEN && f->type <= SLV_FRAME_SOCKET_OPTIONS)
            return slv_object_frame(iso, f, err);
        return slv_fail(err, SLV_E_PROTOCOL, "%s is not expected here",
                        slv_frame_type_name(f->type));
    }
    ev = of_pool(slv_isolate_event(iso, f->id));
    if (!ev || ev->state != SLV_EVENT_RUNNING)
        return decline(iso, f, err);
    if (f->type == SLV_FRAME_RESPONSE)
        return take_response(ev, f, err);
    if (f->type == SLV_FRAME_END)
        return take_end(ev, f, err);
    if (!ev->ops->rpc_result)
        return slv_fail(err, SLV_E_PROTOCOL, "RPC_RESULT of another event");
    return ev->ops->rpc_result(ev, f, err);
}
