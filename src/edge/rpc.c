/*
 * RPC between isolates: an operation becomes an RPC event of the isolate that has the target, its
 * RPC_RESULT the operation's result. Capabilities are translated on the way (peer.c). A callee's
 * event stays open for as long as somebody holds what it gave out; that is the isolate's doing,
 * which ends it.
 */
#include "base/mem.h"
#include "edge/object_int.h"
#include "edge/relay_int.h"
#include "edge/trace_int.h"

typedef struct call {
    slv_relay base; /* first */
    slv_msg_rpc m;
    slv_cargo cargo;
    slv_list held;      /* pending.node: calls on its result that wait until it was sent */
    slv_list held_node; /* in the list of another */
    slv_task sent;
} call;

static call *of_event(slv_event *ev)
{
    return slv_container_of(slv_relay_of(ev), call, base);
}

static void answer_gone(slv_event *ev, uint32_t op);

static void free_call(slv_relay *base)
{
    call *c = slv_container_of(base, call, base);
    slv_list *node;

    slv_task_cancel(&c->sent);
    slv_list_remove(&c->held_node);
    while ((node = slv_list_pop(&c->held)) != NULL) {
        call *held = slv_container_of(node, call, held_node);

        answer_gone(held->base.op.event, held->base.op.id);
        slv_op_close(&held->base.op);
        slv_relay_release(&held->base);
    }
    slv_cargo_drop(&c->cargo);
    free(c);
}

/* ---- the callee ---- */

static void on_send(slv_event *ev)
{
    call *c = of_event(ev);
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF(SLV_CARGO_MAX * SLV_CAP_SIZE);
    slv_msg_event m = {.kind = SLV_EVENT_RPC, .rpc = c->m};
    slv_link *link = slv_event_link(ev);

    ev->effects = true;
    if (ev->object) {
        m.rpc.target_kind = SLV_RPC_OBJECT;
        m.rpc.target = ev->object->home.pe.id;
        m.rpc.entrypoint = SLV_STR_NULL;
    } else if (m.rpc.target_kind == SLV_RPC_BINDING) {
        m.rpc.props = slv_relay_props(&c->base);
    }
    if (slv_cargo_unload(&c->cargo, ev, &raw, &m.rpc.caps) != SLV_OK) {
        slv_cargo_drop(&c->cargo);
        slv_link_violate(link, SLV_E_LIMIT, "too many streams or capabilities are open");
        return;
    }
    slv_buf *out = slv_link_begin(link, SLV_FRAME_EVENT, 0, ev->pe.id);
    slv_link_end(link, slv_event_say(ev, &m, out));
    slv_cargo_sent(&c->cargo, ev, &m.rpc.caps);
    if (!slv_list_empty(&c->held))
        slv_loop_later(ev->shard->loop, &c->sent);
}

/* RESULT to the caller, with what the callee gave out. */
static slv_code pass_result(call *c, slv_str payload, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF(SLV_CARGO_MAX * SLV_CAP_SIZE);
    slv_event *caller = c->base.op.event;
    slv_msg_result_rpc m;
    slv_cargo cargo;

    if (slv_msg_result_rpc_get(payload, &m) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed RPC_RESULT");
    SLV_TRY(slv_cargo_load(&cargo, &c->base.ev, &m.caps, err));
    if (cargo.count == 0)
        slv_event_linger(&c->base.ev, c->base.ev.version->limits.wait_until_ms);
    if (!caller) {
        slv_cargo_drop(&cargo);
        return SLV_OK;
    }
    slv_link *link = slv_event_link(caller);
    if (slv_cargo_unload(&cargo, caller, &raw, &m.caps) != SLV_OK) {
        slv_cargo_drop(&cargo);
        slv_link_violate(link, SLV_E_LIMIT, "too many streams or capabilities are open");
        return SLV_OK;
    }
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, c->base.op.id);
    slv_link_end(link, slv_msg_result_rpc_put(out, &m));
    slv_cargo_sent(&cargo, caller, &m.caps);
    return SLV_OK;
}

static slv_code on_rpc_result(slv_event *ev, const slv_frame *f, slv_err *err)
{
    call *c = of_event(ev);
    slv_str json;

    if (c->base.over)
        return slv_fail(err, SLV_E_PROTOCOL, "a second RPC_RESULT");
    c->base.over = true;
    if (!(f->flags & SLV_FRAME_ERROR)) {
        SLV_TRY(pass_result(c, f->payload, err));
    } else {
        if (slv_msg_str_get(f->payload, &json) != SLV_OK)
            return slv_fail(err, SLV_E_PROTOCOL, "malformed RPC_RESULT");
        if (c->base.op.event)
            slv_op_reject_json(c->base.op.event, c->base.op.id, json);
        slv_event_linger(ev, ev->version->limits.wait_until_ms);
    }
    slv_op_close(&c->base.op);
    return SLV_OK;
}

static const slv_event_ops event_ops = {
    .send = on_send, .rpc_result = on_rpc_result, .ended = slv_relay_ended};

/* ---- the caller ---- */

static slv_code keep(call *c, const slv_msg_rpc *m)
{
    c->m = *m;
    SLV_TRY(slv_arena_dup(&c->base.arena, m->path, &c->m.path));
    return slv_arena_dup(&c->base.arena, m->args, &c->m.args);
}

static void on_sent(slv_task *task);

/* A capability's home. Without a version: it is broken, and the operation was rejected. */
static slv_code find_export(slv_event *ev, call *c, uint32_t op, slv_callee *ret, slv_err *err)
{
    slv_export *x;

    SLV_TRY(slv_peer_target(slv_peer_of(ev), c->m.target, &x, err));
    if (!x) {
        slv_op_reject(ev, op, SLV_STR("Error"),
                      SLV_STR("The destination execution context for this RPC was canceled "
                              "while the call was still running."));
        return SLV_OK;
    }
    c->m.target = x->number;
    ret->on = x->home->iso;
    ret->version = slv_isolate_version(ret->on);
    return SLV_OK;
}

static slv_code find_service(slv_event *ev, call *c, uint32_t op, slv_callee *ret, slv_err *err)
{
    slv_buf *text = &ev->shard->notice_text;
    slv_str name;

    SLV_TRY(slv_relay_find(ev, op, c->m.target, ret, &name, err));
    c->m.target = 0;
    if (ret->version || name.len == 0)
        return SLV_OK;
    slv_buf_reset(text);
    if (slv_buf_printf(text, "Worker \"%.*s\" not found. Make sure it is running locally.",
                       SLV_STR_ARGS(name)) != SLV_OK)
        slv_buf_reset(text);
    slv_op_reject(ev, op, SLV_STR("Error"), slv_buf_view(text));
    return SLV_OK;
}

/* Fills in whom to call, unless the caller knows; without a version the operation was rejected. */
static slv_code prepare(slv_event *ev, call *c, uint32_t op, const slv_msg_rpc *m,
                        slv_callee *callee, bool known, slv_err *err)
{
    SLV_TRY(slv_cargo_load(&c->cargo, ev, &m->caps, err));
    if (known && !callee->version)
        return SLV_OK;
    if (!slv_event_may_call(ev, op)) {
        callee->version = NULL;
        return SLV_OK;
    }
    slv_code code = keep(c, m);
    if (code == SLV_OK && !known)
        SLV_TRY(c->m.target_kind == SLV_RPC_CAPABILITY ? find_export(ev, c, op, callee, err)
                                                       : find_service(ev, c, op, callee, err));
    if (code == SLV_OK)
        code = slv_relay_aim(&c->base, callee);
    if (code != SLV_OK) {
        slv_op_reject(ev, op, SLV_STR("Error"), SLV_STR("The arguments are too large."));
        callee->version = NULL;
    }
    c->m.entrypoint = c->base.entrypoint;
    return SLV_OK;
}

static call *call_new(slv_event *ev)
{
    call *c = slv_new0(call);

    c->base.free = free_call;
    c->sent.fn = on_sent;
    slv_list_init(&c->held);
    slv_relay_init(&c->base, ev);
    return c;
}

static slv_code begin(slv_event *ev, uint32_t op, const slv_msg_rpc *m, slv_callee *callee,
                      bool known, slv_err *err)
{
    call *c = call_new(ev);
    slv_code code = prepare(ev, c, op, m, callee, known, err);

    if (code != SLV_OK || !callee->version)
        slv_relay_drop(&c->base);
    else
        slv_relay_begin(&c->base, ev, op, callee, &event_ops);
    return code;
}

/* ---- calls on what another call gives ---- */

/* An empty value: the result is not pending any more, or the callee has forgotten it. The isolate
 * goes by the result itself, which it has, or has before this. */
static void answer_gone(slv_event *ev, uint32_t op)
{
    const slv_msg_result_rpc m = {0};

    if (!ev)
        return;
    slv_buf *out = slv_link_begin(slv_event_link(ev), SLV_FRAME_RESULT, 0, op);
    slv_link_end(slv_event_link(ev), slv_msg_result_rpc_put(out, &m));
}

static call *pending_call(slv_event *ev, uint32_t id)
{
    slv_op *op = slv_op_find(ev, id);
    slv_relay *c = op ? slv_relay_of_op(op) : NULL;

    return c && c->free == free_call ? slv_container_of(c, call, base) : NULL;
}

/* To the isolate that has, or will have, the result of `first`. */
static void begin_on_result(call *c, const call *first)
{
    const slv_callee callee = {.version = first->base.ev.version, .on = first->base.ev.pe.isolate};

    c->m.target = first->base.ev.pe.id;
    slv_relay_begin(&c->base, c->base.op.event, c->base.op.id, &callee, &event_ops);
}

static void on_sent(slv_task *task)
{
    call *first = slv_container_of(task, call, sent);
    slv_list *node;

    while (first->base.ev.state == SLV_EVENT_RUNNING && (node = slv_list_pop(&first->held)) != NULL)
        begin_on_result(slv_container_of(node, call, held_node), first);
}

static slv_code rpc_pending(slv_event *ev, uint32_t op, const slv_msg_rpc *m, slv_err *err)
{
    call *first = pending_call(ev, m->target);

    if (m->caps.count > 0)
        return slv_fail(err, SLV_E_PROTOCOL, "capabilities in a call on a pending result");
    if (!first || first->base.ev.state == SLV_EVENT_ENDING) {
        answer_gone(ev, op);
        return SLV_OK;
    }
    if (!slv_event_may_call(ev, op))
        return SLV_OK;
    call *c = call_new(ev);
    if (keep(c, m) != SLV_OK) {
        slv_op_reject(ev, op, SLV_STR("Error"), SLV_STR("The arguments are too large."));
        slv_relay_drop(&c->base);
        return SLV_OK;
    }
    slv_relay_hold(&c->base, ev, op);
    if (first->base.ev.state == SLV_EVENT_RUNNING && first->base.ev.pe.isolate)
        begin_on_result(c, first);
    else
        slv_list_push(&first->held, &c->held_node);
    return SLV_OK;
}

slv_code slv_relay_rpc(slv_event *ev, uint32_t op, const slv_msg_rpc *m, const slv_callee *callee,
                       slv_err *err)
{
    slv_callee whom = *callee;

    return begin(ev, op, m, &whom, true, err);
}

slv_code slv_rpc_op(slv_event *ev, uint32_t op, const slv_msg_rpc *m, slv_err *err)
{
    slv_callee whom = {0};

    if (m->target_kind == SLV_RPC_PENDING)
        return rpc_pending(ev, op, m, err);
    return begin(ev, op, m, &whom, false, err);
}
