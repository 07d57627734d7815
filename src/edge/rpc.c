/*
 * RPC between isolates: an operation becomes an RPC event of the isolate that has the target, its
 * RPC_RESULT the operation's result. Capabilities are translated on the way (peer.c). A callee's
 * event stays open for as long as somebody holds what it gave out; that is the isolate's doing,
 * which ends it.
 */
#include "base/mem.h"
#include "edge/object_int.h"

typedef struct call {
    slv_op op;    /* of the caller; op.event NULL: answered */
    slv_event ev; /* of the callee */
    slv_arena arena;
    slv_msg_rpc m;
    slv_cargo cargo;
    slv_version *caller; /* holds the binding's text */
    bool over;
} call;

static call *of_event(slv_event *ev)
{
    return slv_container_of(ev, call, ev);
}

static void release(call *c)
{
    if (c->op.event || c->ev.state != SLV_EVENT_IDLE || !c->over)
        return;
    slv_cargo_drop(&c->cargo);
    (void)slv_version_unref(c->caller);
    slv_arena_done(&c->arena);
    free(c);
}

static void on_cancel(slv_op *op, bool answer)
{
    call *c = slv_container_of(op, call, op);

    if (answer)
        slv_op_reject(op->event, op->id, SLV_STR("AbortError"),
                      SLV_STR("The operation was aborted"));
    slv_op_close(op);
    if (slv_event_withdraw(&c->ev))
        return; /* `ended` has released it */
    slv_event_cancel(&c->ev, SLV_CANCEL_CLIENT);
    release(c);
}

static const slv_op_ops op_ops = {on_cancel};

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
    }
    if (slv_cargo_unload(&c->cargo, ev, &raw, &m.rpc.caps) != SLV_OK) {
        slv_cargo_drop(&c->cargo);
        slv_link_violate(link, SLV_E_LIMIT, "too many streams or capabilities are open");
        return;
    }
    slv_buf *out = slv_link_begin(link, SLV_FRAME_EVENT, 0, ev->pe.id);
    slv_link_end(link, slv_msg_event_put(out, &m));
    slv_cargo_sent(&c->cargo, ev, &m.rpc.caps);
}

/* RESULT to the caller, with what the callee gave out. */
static slv_code pass_result(call *c, slv_str payload, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF(SLV_CARGO_MAX * SLV_CAP_SIZE);
    slv_event *caller = c->op.event;
    slv_msg_result_rpc m;
    slv_cargo cargo;

    if (slv_msg_result_rpc_get(payload, &m) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed RPC_RESULT");
    SLV_TRY(slv_cargo_load(&cargo, &c->ev, &m.caps, err));
    if (cargo.count == 0)
        slv_event_linger(&c->ev, c->ev.version->limits.wait_until_ms);
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
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, c->op.id);
    slv_link_end(link, slv_msg_result_rpc_put(out, &m));
    slv_cargo_sent(&cargo, caller, &m.caps);
    return SLV_OK;
}

static void pass_error(call *c, slv_str json)
{
    slv_event *caller = c->op.event;

    if (!caller)
        return;
    slv_buf *out =
        slv_link_begin(slv_event_link(caller), SLV_FRAME_RESULT, SLV_FRAME_ERROR, c->op.id);
    slv_link_end(slv_event_link(caller), slv_msg_str_put(out, json));
}

static slv_code on_rpc_result(slv_event *ev, const slv_frame *f, slv_err *err)
{
    call *c = of_event(ev);
    slv_str json;

    if (c->over)
        return slv_fail(err, SLV_E_PROTOCOL, "a second RPC_RESULT");
    c->over = true;
    if (!(f->flags & SLV_FRAME_ERROR)) {
        SLV_TRY(pass_result(c, f->payload, err));
    } else {
        if (slv_msg_str_get(f->payload, &json) != SLV_OK)
            return slv_fail(err, SLV_E_PROTOCOL, "malformed RPC_RESULT");
        pass_error(c, json);
        slv_event_linger(ev, ev->version->limits.wait_until_ms);
    }
    slv_op_close(&c->op);
    return SLV_OK;
}

static void on_ended(slv_event *ev, const slv_event_end *end)
{
    call *c = of_event(ev);

    c->over = true;
    if (c->op.event) {
        slv_service_reject(&c->op, ev, end);
        slv_op_close(&c->op);
    }
    release(c);
}

static const slv_event_ops event_ops = {
    .send = on_send, .rpc_result = on_rpc_result, .ended = on_ended};

/* ---- the caller ---- */

static slv_code keep(call *c, const slv_msg_rpc *m)
{
    c->m = *m;
    SLV_TRY(slv_arena_dup(&c->arena, m->path, &c->m.path));
    return slv_arena_dup(&c->arena, m->args, &c->m.args);
}

/* Where the call goes: *ret_on NULL for any isolate of the version. False: it was rejected. */
static slv_code find_target(slv_event *ev, call *c, uint32_t op, slv_version **ret,
                            slv_isolate **ret_on, slv_err *err)
{
    slv_export *x;

    *ret = NULL;
    *ret_on = NULL;
    if (c->m.target_kind == SLV_RPC_CAPABILITY) {
        SLV_TRY(slv_peer_target(slv_peer_of(ev), c->m.target, &x, err));
        if (!x) {
            slv_op_reject(ev, op, SLV_STR("Error"),
                          SLV_STR("The destination execution context for this RPC was canceled "
                                  "while the call was still running."));
            return SLV_OK;
        }
        c->m.target = x->number;
        *ret_on = x->home->iso;
        *ret = slv_isolate_version(*ret_on);
        return SLV_OK;
    }
    const slv_binding *b = slv_service_binding(ev, c->m.target, ret);
    if (!b)
        return slv_fail(err, SLV_E_PROTOCOL, "service binding %u does not exist", c->m.target);
    c->m.target = 0;
    c->m.entrypoint = b->entrypoint;
    c->m.props = b->props;
    if (!*ret) {
        slv_buf *text = &ev->shard->notice_text;

        slv_buf_reset(text);
        if (slv_buf_printf(text, "Worker \"%.*s\" not found. Make sure it is running locally.",
                           SLV_STR_ARGS(b->service)) != SLV_OK)
            slv_buf_reset(text);
        slv_op_reject(ev, op, SLV_STR("Error"), slv_buf_view(text));
    }
    return SLV_OK;
}

static slv_code prepare(slv_event *ev, call *c, uint32_t op, const slv_msg_rpc *m,
                        slv_version **ret_target, slv_err *err)
{
    SLV_TRY(slv_cargo_load(&c->cargo, ev, &m->caps, err));
    *ret_target = NULL;
    if (!slv_event_may_call(ev, op))
        return SLV_OK;
    if (keep(c, m) != SLV_OK) {
        slv_op_reject(ev, op, SLV_STR("Error"), SLV_STR("The arguments are too large."));
        return SLV_OK;
    }
    if (c->ev.object) {
        *ret_target = slv_shard_worker(ev->shard, c->ev.object->worker);
        return SLV_OK;
    }
    return find_target(ev, c, op, ret_target, &c->ev.on, err);
}

static slv_code begin(slv_event *ev, uint32_t op, const slv_msg_rpc *m, slv_object *object,
                      bool refused, slv_err *err)
{
    call *c = slv_new0(call);
    slv_version *target = NULL;

    c->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    c->caller = slv_version_ref(ev->version);
    c->ev.object = object;
    slv_code code = refused ? slv_cargo_load(&c->cargo, ev, &m->caps, err)
                            : prepare(ev, c, op, m, &target, err);
    if (code != SLV_OK || !target) {
        c->over = true;
        release(c);
        return code;
    }
    slv_op_open(&c->op, ev, op, &op_ops);
    c->ev.ops = &event_ops;
    c->ev.inside = true;
    c->ev.hops = ev->hops + 1;
    slv_event_begin(&c->ev, ev->shard, target, (uint64_t)target->limits.cpu_fetch_ms * 1000, 0);
    return SLV_OK;
}

slv_code slv_rpc_object(slv_event *ev, uint32_t op, const slv_msg_rpc *m, slv_object *object,
                        slv_err *err)
{
    return begin(ev, op, m, object, !object, err);
}

slv_code slv_rpc_op(slv_event *ev, uint32_t op, const slv_msg_rpc *m, slv_err *err)
{
    return begin(ev, op, m, NULL, false, err);
}
