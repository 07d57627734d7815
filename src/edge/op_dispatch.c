/*
 * Dispatch namespaces: a worker by its name, chosen by another while it runs. It is the worker
 * "NAMESPACE:NAME" of the account; in a session of `selvage dev` every worker of it can be named.
 *
 *     140 FETCH  str name, str JSON, as FETCH -> as FETCH
 *     141 RPC    str name, str JSON, as RPC   -> as RPC
 *
 * The JSON, empty for none: {"props":TEXT,"ties":[],"cpuMs","subRequests","params":TEXT}. With an
 * outbound worker in the configuration, requests of the worker that is called go there.
 */
#include "edge/relay_int.h"
#include "edge/resource_int.h"
#include "fmt/json.h"

enum {
    OP_DISPATCH_FETCH = 140,
    OP_DISPATCH_RPC = 141,
};

static slv_outbound *outbound_of(const slv_resource_call *c, slv_str params)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    slv_node *options;

    if (c->binding->options.len == 0 ||
        slv_json_parse(c->binding->options, SLV_JSON_STRICT, &arena, &options, NULL) != SLV_OK)
        return NULL;
    slv_str service = slv_node_str(slv_node_get(slv_node_get(options, "outbound"), "service"));
    return service.len > 0 ? slv_outbound_new(slv_tie_of_worker(service), params) : NULL;
}

static slv_version *find(const slv_resource_call *c, slv_str name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf full = SLV_BUF((size_t)4096);
    slv_shard *shard = c->ev->shard;
    slv_str tenant = c->ev->version->tenant;
    slv_version *found = NULL;

    if (slv_buf_printf(&full, "%.*s:%.*s", SLV_STR_ARGS(c->binding->id), SLV_STR_ARGS(name)) ==
        SLV_OK)
        found = slv_shard_worker(shard, tenant, slv_buf_view(&full));
    return found || !shard->server->o.dev ? found : slv_shard_worker(shard, tenant, name);
}

slv_code slv_dispatch_op(const slv_resource_call *c, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(SLV_MESSAGE_MAX);
    slv_reader r = slv_reader_make(c->rest);
    slv_str name = slv_read_str(&r), json = slv_read_str(&r), params = SLV_STR_NULL;
    slv_callee callee = {0};
    slv_gift props = {0};

    if ((c->kind != OP_DISPATCH_FETCH && c->kind != OP_DISPATCH_RPC) || r.bad)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed dispatch");
    SLV_TRY(slv_callee_read(c->ev, json, &arena, &props, &callee, &params, err));
    callee.entrypoint = SLV_STR_NULL;
    callee.version = find(c, name);
    if (!callee.version)
        slv_op_reject(c->ev, c->op, SLV_STR("Error"), SLV_STR("Worker not found."));
    slv_outbound *out = callee.version ? outbound_of(c, params) : NULL;
    callee.outbound = out;
    slv_code code = slv_resource_call_pass(c, r.rest, c->kind == OP_DISPATCH_RPC, &callee, err);
    (void)slv_outbound_unref(out);
    slv_gift_done(&props);
    return code;
}
