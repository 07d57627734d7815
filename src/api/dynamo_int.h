/*
 * dynamo_int.h - one request over HTTP on its way. Private to api: dynamo.c (from the exchange to
 * the answer), dynamo_auth.c (who signed it).
 */
#ifndef SLV_API_DYNAMO_INT_H
#define SLV_API_DYNAMO_INT_H

#include "api/dynamo.h"
#include "api/keyring.h"
#include "base/mem.h"
#include "base/vec.h"
#include "edge/server.h"

typedef struct dynamo_extra_key {
    slv_str id, secret;
} dynamo_extra_key;

struct slv_dynamo_http {
    slv_dynamo_face *face;
    slv_s3_keys *keys;
    slv_keyring *ring; /* of a server; NULL: keys are the face's tenant's */
    bool verify, any_page;
    SLV_VEC(dynamo_extra_key) extra;
};

typedef struct dynamo_call {
    slv_answerer answerer;
    slv_dynamo_http *http;
    slv_loop *loop;
    slv_exchange *ex;      /* NULL: answered, or the client left */
    slv_dynamo_face *face; /* of the tenant */
    slv_dynamo_ask ask;
    bool asking;
    slv_arena arena;
    slv_str path, query;
    slv_str region; /* of the scope of its signature */
    size_t taken;   /* bytes of the body */
    slv_buf body, out, head;
    const char *type; /* of the answer */
} dynamo_call;

/* The value of a header, by lower-case name; ptr NULL: absent. */
slv_str slv_dynamo_header(const dynamo_call *c, const char *name);
/* Answers with an error of the service's framework. */
void slv_dynamo_refuse(dynamo_call *c, const char *error, slv_str message);
/* Judges who signed, and sets c->region. False: answered. */
bool slv_dynamo_authenticate(dynamo_call *c, slv_str body);

#endif
