/* What calls between workers have in common. */
#include "edge/relay_int.h"

#include "base/mem.h"
#include "edge/object_int.h"
#include "edge/trace_int.h"
#include "fmt/json.h"

void slv_relay_init(slv_relay *c, slv_event *caller)
{
    c->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    c->caller = slv_version_ref(caller->version);
}

void slv_relay_drop(slv_relay *c)
{
    slv_gift_done(&c->props);
    (void)slv_outbound_unref(c->outbound);
    (void)slv_version_unref(c->caller);
    slv_arena_done(&c->arena);
    c->free(c);
}

void slv_relay_release(slv_relay *c)
{
    if (!c->op.event && c->ev.state == SLV_EVENT_IDLE && c->over)
        slv_relay_drop(c);
}

/* The caller has ended, or wants no answer any more. */
static void on_cancel(slv_op *op, bool answer)
{
    slv_relay *c = slv_container_of(op, slv_relay, op);

    slv_op_abort(op, answer);
    if (slv_event_withdraw(&c->ev))
        return; /* `ended` has released it */
    slv_event_cancel(&c->ev, SLV_CANCEL_CLIENT);
    slv_relay_release(c);
}

static const slv_op_ops op_ops = {on_cancel};

slv_relay *slv_relay_of_op(slv_op *op)
{
    return op->ops == &op_ops ? slv_container_of(op, slv_relay, op) : NULL;
}

slv_code slv_relay_aim(slv_relay *c, const slv_callee *callee)
{
    c->outbound = callee->outbound ? slv_outbound_ref(callee->outbound) : NULL;
    SLV_TRY(slv_arena_dup(&c->arena, callee->entrypoint, &c->entrypoint));
    if (callee->props)
        return slv_gift_copy(callee->props, &c->arena, &c->props);
    return slv_arena_dup(&c->arena, callee->json_props, &c->props.text);
}

void slv_relay_hold(slv_relay *c, slv_event *caller, uint32_t op)
{
    slv_op_open(&c->op, caller, op, &op_ops);
    c->over = true;
}

void slv_relay_begin(slv_relay *c, slv_event *caller, uint32_t op, const slv_callee *callee,
                     const slv_event_ops *ops)
{
    const slv_limits *l = &callee->version->limits;
    uint32_t cpu_ms =
        callee->cpu_ms && callee->cpu_ms < l->cpu_fetch_ms ? callee->cpu_ms : l->cpu_fetch_ms;

    if (!c->op.event)
        slv_op_open(&c->op, caller, op, &op_ops);
    c->over = false;
    c->ev.ops = ops;
    c->ev.inside = true;
    c->ev.hops = caller->hops + 1;
    slv_event_context_child(&c->ev, caller);
    c->ev.object = callee->object;
    c->ev.on = callee->on;
    c->ev.subrequest_limit = callee->subrequests;
    c->ev.outbound = c->outbound;
    slv_event_begin(&c->ev, caller->shard, callee->version, (uint64_t)cpu_ms * 1000, 0);
}

void slv_relay_ended(slv_event *ev, const slv_event_end *end)
{
    slv_relay *c = slv_relay_of(ev);

    c->over = true;
    if (c->op.event) {
        slv_service_reject(&c->op, ev, end);
        slv_op_close(&c->op);
    }
    slv_relay_release(c);
}

slv_str slv_relay_props(slv_relay *c)
{
    slv_buf *text = &c->ev.shard->notice_text;

    if (c->props.count == 0 && !slv_str_starts(c->props.text, SLV_STR("!")))
        return c->props.text; /* JSON, or none */
    slv_buf_reset(text);
    if (slv_gift_give(&c->props, &c->ev, text) != SLV_OK)
        slv_buf_reset(text);
    return slv_buf_view(text);
}

/* ---- whom an index means ---- */

static slv_version *worker_of(slv_event *ev, slv_str name)
{
    slv_version *target = slv_shard_worker(ev->shard, ev->version->tenant, name);

    if (!target && slv_str_eq(name, ev->version->name))
        target = ev->version; /* undeployed meanwhile; it still calls itself */
    return target;
}

static void find_object(slv_event *ev, uint32_t op, const slv_tie *tie, slv_callee *ret)
{
    const slv_object_target target = {.tenant = tie->tenant,
                                      .worker = tie->worker,
                                      .class_name = tie->class_name,
                                      .id = tie->id,
                                      .name = tie->name,
                                      .named = tie->named};

    ret->object = slv_object_for_call(ev, op, &target);
    ret->version = ret->object ? slv_object_version(ret->object) : NULL;
}

void slv_call_find_tie(slv_event *ev, uint32_t op, const slv_tie *tie, slv_callee *ret)
{
    *ret = (slv_callee){0};
    if (tie->object) {
        find_object(ev, op, tie, ret);
        return;
    }
    ret->entrypoint = tie->entrypoint;
    ret->props = &tie->props;
    ret->version = worker_of(ev, tie->worker);
}

slv_code slv_relay_find(slv_event *ev, uint32_t op, uint32_t index, slv_callee *ret,
                        slv_str *ret_name, slv_err *err)
{
    const slv_binding *b = index < ev->version->service_count ? ev->version->services[index] : NULL;
    slv_tie *tie = slv_event_tie(ev, index);

    *ret = (slv_callee){0};
    *ret_name = SLV_STR_NULL;
    if (tie) {
        slv_call_find_tie(ev, op, tie, ret);
        *ret_name = tie->object ? SLV_STR_NULL : tie->worker;
        return SLV_OK;
    }
    if (!b)
        return slv_fail(err, SLV_E_PROTOCOL, "service binding %u does not exist", index);
    *ret_name = b->service;
    ret->entrypoint = b->entrypoint;
    ret->json_props = b->props;
    ret->version = worker_of(ev, b->service);
    return SLV_OK;
}

/* ---- how to call ---- */

uint32_t slv_callee_limit(const slv_node *n, const char *key)
{
    int64_t v;

    if (!slv_node_i64(slv_node_get(n, key), &v) || v <= 0)
        return 0;
    return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

slv_code slv_callee_read(slv_event *ev, slv_str json, slv_arena *arena, slv_gift *props,
                         slv_callee *ret, slv_str *ret_params, slv_err *err)
{
    slv_node *root;

    *ret_params = SLV_STR_NULL;
    if (json.len == 0)
        return SLV_OK;
    if (slv_json_parse(json, SLV_JSON_STRICT, arena, &root, err) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed options of a call");
    SLV_TRY(slv_gift_read(ev, slv_node_str(slv_node_get(root, "props")), slv_node_get(root, "ties"),
                          arena, props, err));
    ret->entrypoint = slv_node_str(slv_node_get(root, "name"));
    ret->props = props;
    ret->cpu_ms = slv_callee_limit(root, "cpuMs");
    ret->subrequests = slv_callee_limit(root, "subRequests");
    *ret_params = slv_node_str(slv_node_get(root, "params"));
    return SLV_OK;
}
