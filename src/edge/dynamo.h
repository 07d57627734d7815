/*
 * dynamo.h - the tables of a tenant as all their faces reach them: HTTP (api/dynamo.h), requests of
 * workers to AWS's host names (egress.c), the operation of `selvage:bao` (op_dynamo.c).
 *
 * A face is made once for a process; it keeps the log of requests, which tests ask for. An ask is
 * one request on its way: what needs no table and small reads are answered at once, the rest by a
 * call on the store.
 *
 * Limits: the log counts everything and remembers the last SLV_DYNAMO_LOG_MAX requests.
 *
 * Threading: new and free on one thread, with nothing under way; the log on any thread; an ask
 * belongs to one loop.
 */
#ifndef SLV_EDGE_DYNAMO_H
#define SLV_EDGE_DYNAMO_H

#include "dynamo/dynamo.h"
#include "state/state.h"

#define SLV_DYNAMO_LOG_MAX 1000u

typedef struct slv_dynamo_face slv_dynamo_face;

typedef struct slv_dynamo_face_options {
    slv_state *state;
    slv_str tenant; /* empty: "local"; copied */
    bool remote;    /* workers' requests to dynamodb.REGION.amazonaws.com leave the machine */
} slv_dynamo_face_options;

slv_dynamo_face *slv_dynamo_face_new(const slv_dynamo_face_options *options);
/* Accepts NULL, returns NULL. */
slv_dynamo_face *slv_dynamo_face_free(slv_dynamo_face *face);
SLV_DEFINE_CLEANUP(slv_dynamo_face *, slv_dynamo_face_free);
/* The face of another tenant of the same state, made when it is first asked for and as long as this
 * one. Any thread. */
slv_dynamo_face *slv_dynamo_face_of(slv_dynamo_face *face, slv_str tenant);
slv_state *slv_dynamo_face_state(const slv_dynamo_face *face);
slv_str slv_dynamo_face_tenant(const slv_dynamo_face *face);
bool slv_dynamo_face_is_remote(const slv_dynamo_face *face);

/* ---- the log ---- */

/* Appends {"total":n,"counts":{"GetItem":3,...},"requests":[{"operation":"GetItem","tables":["t"],
 * "status":200},...]}, the oldest first. */
SLV_NODISCARD slv_code slv_dynamo_face_log(slv_dynamo_face *face, slv_buf *out);
void slv_dynamo_face_clear_log(slv_dynamo_face *face);

/* ---- asking ---- */

typedef struct slv_dynamo_ask slv_dynamo_ask;
struct slv_dynamo_ask {
    /* On the loop, never inside slv_dynamo_ask_start. The answer is the request's; then
     * slv_dynamo_ask_end. */
    void (*done)(slv_dynamo_ask *ask);
    slv_dynamo_request *request;
    /* below: private */
    slv_dynamo_face *face;
    slv_store *store;
    slv_call call;
};

/* done is set. True: it is answered, and done does not come. Otherwise the ask stays in place until
 * done. */
bool slv_dynamo_ask_start(slv_dynamo_ask *ask, slv_dynamo_face *face, slv_loop *loop,
                          slv_str operation, slv_str json, slv_str region);
/* The same with a request that was made elsewhere; takes it. */
bool slv_dynamo_ask_request(slv_dynamo_ask *ask, slv_dynamo_face *face, slv_loop *loop,
                            slv_dynamo_request *request);
/* Releases what the ask holds; it may be started again. */
void slv_dynamo_ask_end(slv_dynamo_ask *ask);

/* The region of "dynamodb.REGION.amazonaws.com" (or "dynamodb-fips", ".api.aws"). False: the host
 * is none of those. */
bool slv_dynamo_host_region(slv_str host, slv_str *ret_region);

/* What stands in x-amz-crc32. */
uint32_t slv_dynamo_crc32(slv_str body);
/* A request id as the service draws them: 52 characters. */
void slv_dynamo_request_id(char out[static 52]);
/* "DynamoDB_20120810.GetItem" to "GetItem". False: another API. */
bool slv_dynamo_target_operation(slv_str target, slv_str *ret);

#endif
