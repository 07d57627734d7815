#include "edge/resource_int.h"

#include "edge/relay_int.h"
#include "edge/release_int.h"

/* Which file takes which kinds, and of which bindings; ranges of docs/internals/channel.md. */
typedef struct resource_row {
    uint16_t first, last;
    bool unbound; /* there is no binding, like caches: the index is 0 and means nothing */
    bool own;     /* of the object whose event it is: dynamic workers have it too */
    slv_binding_type type;
    slv_resource_fn take;
} resource_row;

static const resource_row rows[] = {
    {16, 31, false, false, SLV_BINDING_KV, slv_kv_op},
    {32, 55, false, false, SLV_BINDING_R2, slv_r2_op},
    {56, 71, false, false, SLV_BINDING_D1, slv_d1_op},
    {112, 119, true, false, SLV_BINDING_TEXT, slv_cache_op},
    {72, 73, false, false, SLV_BINDING_OBJECTS, slv_object_op},
    {74, 79, true, true, SLV_BINDING_TEXT, slv_facet_op},
    {100, 103, true, true, SLV_BINDING_TEXT, slv_bookmark_op},
    {104, 111, false, false, SLV_BINDING_QUEUE, slv_queue_op},
    {120, 123, false, false, SLV_BINDING_RATELIMIT, slv_ratelimit_op},
    {124, 127, false, false, SLV_BINDING_ANALYTICS, slv_analytics_op},
    {128, 131, false, false, SLV_BINDING_EMAIL, slv_email_op},
    {132, 139, false, false, SLV_BINDING_LOADER, slv_loader_op},
    {140, 143, false, false, SLV_BINDING_DISPATCH, slv_dispatch_op},
    {152, 155, false, false, SLV_BINDING_ASSETS, slv_asset_op},
    {144, 151, true, false, SLV_BINDING_TEXT, slv_dynamo_op},
    {0}, /* the end */
};

static slv_code refuse(slv_event *ev, uint32_t op, uint32_t stream, slv_str why, slv_err *err)
{
    slv_source *body = NULL;

    if (stream) {
        SLV_TRY(slv_event_body(ev, stream, &body, err));
        body->ops->cancel(body, why);
    }
    slv_op_reject(ev, op, SLV_STR("Error"), why);
    return SLV_OK;
}

static bool is_stored(const resource_row *row)
{
    return row->type != SLV_BINDING_RATELIMIT && row->type != SLV_BINDING_ASSETS &&
           row->type != SLV_BINDING_LOADER && row->type != SLV_BINDING_DISPATCH;
}

slv_code slv_resource_op(slv_event *ev, uint32_t op, const slv_msg_op *m, slv_err *err)
{
    const slv_version *v = ev->version;

    for (const resource_row *row = rows; row->take; row++) {
        if ((uint16_t)m->kind < row->first || (uint16_t)m->kind > row->last)
            continue;
        const slv_binding *b =
            m->store.resource < v->resource_count ? v->resources[m->store.resource] : NULL;

        if (row->unbound)
            b = NULL;
        else if (!b || b->type != row->type)
            return slv_fail(err, SLV_E_PROTOCOL, "OP %u on resource %u", (unsigned)m->kind,
                            m->store.resource);
        const slv_resource_call call = {
            .ev = ev,
            .op = op,
            .kind = (uint16_t)m->kind,
            .binding = b,
            .stream = m->store.stream,
            .rest = m->store.rest,
        };
        if (row->unbound && !row->own && slv_dynamic_of(v))
            return refuse(ev, op, call.stream,
                          row->type == SLV_BINDING_TEXT ? SLV_STR("No Cache was configured")
                                                        : SLV_STR(SLV_OUTBOUND_BLOCKED),
                          err);
        if (!ev->shard->server->o.state && is_stored(row))
            return refuse(ev, op, call.stream, SLV_STR("There are no stores: no state directory."),
                          err);
        if (ev->shard->released && is_stored(row))
            return refuse(ev, op, call.stream, SLV_STR(SLV_MOVED_AWAY), err);
        return row->take(&call, err);
    }
    return slv_fail(err, SLV_E_PROTOCOL, "OP of unknown kind %u", (unsigned)m->kind);
}

slv_code slv_resource_call_pass(const slv_resource_call *c, slv_str rest, bool rpc,
                                const slv_callee *callee, slv_err *err)
{
    slv_msg_op_fetch f;
    slv_msg_rpc m;

    if (rpc) {
        if (c->stream != 0 || slv_msg_rpc_get(rest, &m) != SLV_OK)
            return slv_fail(err, SLV_E_PROTOCOL, "malformed call");
        return slv_relay_rpc(c->ev, c->op, &m, callee, err);
    }
    if (slv_msg_op_fetch_get(rest, &f) != SLV_OK || f.body_stream != c->stream)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed call");
    return slv_relay_fetch(c->ev, c->op, &f, callee, err);
}
