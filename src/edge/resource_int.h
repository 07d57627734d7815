/*
 * resource_int.h - operations on resources: what the files op_*.c have in common.
 *
 * A resource is what a binding stands for in main: a KV namespace, a bucket, a queue. An OP frame
 * of kind SLV_OP_STORE_FIRST or above names it by its index in the version; resource.c checks the
 * index and the kind and hands the rest of the payload to the file that owns the kind.
 *
 * A handler reads its payload with slv_reader (docs/internals/channel.md has the fields), answers
 * at once or opens a slv_op and answers later: RESULT by slv_link_begin/slv_link_end, or
 * slv_op_reject. An error that it returns is a violation of the channel: the isolate is killed.
 * What a worker may do wrong is answered by slv_op_reject. Loop thread only.
 */
#ifndef SLV_EDGE_RESOURCE_INT_H
#define SLV_EDGE_RESOURCE_INT_H

#include "base/bytes.h"
#include "edge/edge_int.h"

/* One operation as a handler sees it. All borrowed for the call, but `binding`, which lives as long
 * as a reference to ev->version is held. */
typedef struct slv_resource_call {
    slv_event *ev;
    uint32_t op;                /* id, for the answer */
    uint16_t kind;              /* SLV_OP_... of the handler's range */
    const slv_binding *binding; /* NULL for kinds without one */
    uint32_t stream;            /* of the isolate's, by slv_event_body(); 0: none */
    slv_str rest;
} slv_resource_call;

typedef slv_code (*slv_resource_fn)(const slv_resource_call *call, slv_err *err);

/* FETCH's or RPC's fields stand in `rest`: they become a call. */
struct slv_callee;
slv_code slv_resource_call_pass(const slv_resource_call *c, slv_str rest, bool rpc,
                                const struct slv_callee *callee, slv_err *err);

slv_code slv_loader_op(const slv_resource_call *call, slv_err *err);
slv_code slv_d1_op(const slv_resource_call *call, slv_err *err);
slv_code slv_analytics_op(const slv_resource_call *call, slv_err *err);
slv_code slv_dynamo_op(const slv_resource_call *call, slv_err *err);
slv_code slv_email_op(const slv_resource_call *call, slv_err *err);
slv_code slv_ratelimit_op(const slv_resource_call *call, slv_err *err);
slv_code slv_cache_op(const slv_resource_call *call, slv_err *err);
slv_code slv_bookmark_op(const slv_resource_call *call, slv_err *err);
slv_code slv_facet_op(const slv_resource_call *call, slv_err *err);
slv_code slv_object_op(const slv_resource_call *call, slv_err *err);
slv_code slv_kv_op(const slv_resource_call *call, slv_err *err);
slv_code slv_asset_op(const slv_resource_call *call, slv_err *err);
slv_code slv_dispatch_op(const slv_resource_call *call, slv_err *err);
slv_code slv_queue_op(const slv_resource_call *call, slv_err *err);
slv_code slv_r2_op(const slv_resource_call *call, slv_err *err);

#endif
