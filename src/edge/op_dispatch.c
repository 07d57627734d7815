/*
 * Dispatch namespaces: a worker by its name, chosen by another while it runs. In a session every
 * worker of it can be named.
 */
#include "edge/resource_int.h"

enum {
    OP_DISPATCH_FETCH = 140,
};

slv_code slv_dispatch_op(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    slv_str name = slv_read_str(&r);
    slv_msg_op_fetch m;
    slv_version *target;

    if (c->kind != OP_DISPATCH_FETCH || r.bad || slv_msg_op_fetch_get(r.rest, &m) != SLV_OK ||
        m.body_stream != c->stream)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed dispatch");
    target = slv_shard_worker(c->ev->shard, name);
    if (!target)
        slv_op_reject(c->ev, c->op, SLV_STR("Error"), SLV_STR("Worker not found."));
    return slv_service_fetch_version(c->ev, c->op, &m, target, err);
}
