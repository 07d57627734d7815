/* Operations on tables by HTTP, for verbs: POST /accounts/:account/dynamodb/operations/GetItem with
 * the operation's JSON. The answer is the table store's, not in an envelope. */
#include "api/routes.h"
#include "base/mem.h"
#include "edge/dynamo.h"

typedef struct operation {
    slv_dynamo_ask ask;
    slv_dynamo_face *face;
    slv_api_call *call;
} operation;

static void finish(operation *o)
{
    slv_str body;
    int status;

    slv_dynamo_request_answer(o->ask.request, &status, &body);
    slv_api_reply(o->call, status, SLV_STR("content-type:application/x-amz-json-1.0\n"), body);
    slv_dynamo_ask_end(&o->ask);
    slv_dynamo_face_free(o->face);
    free(o);
}

static void on_done(slv_dynamo_ask *ask)
{
    finish(slv_container_of(ask, operation, ask));
}

static void operate(slv_api_call *call)
{
    operation *o = slv_new0(operation);
    slv_dynamo_face_options options = {.state = slv_api_state(call->api), .tenant = call->tenant};

    o->call = call;
    o->ask.done = on_done;
    o->face = slv_dynamo_face_new(&options);
    if (slv_dynamo_ask_start(&o->ask, o->face, slv_api_loop(call->api), call->params[1], call->body,
                             SLV_STR_NULL))
        finish(o);
}

const slv_api_route slv_api_dynamo_operation_routes[] = {
    {.method = "POST",
     .pattern = "/accounts/:account/dynamodb/operations/:operation",
     .handle = operate,
     .body_max = SLV_DYNAMO_BODY_MAX},
    {0},
};
