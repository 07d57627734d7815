/*
 * dynamo.h - DynamoDB's protocol over HTTP: POST with X-Amz-Target and JSON, as AWS's clients speak
 * it, on the tables of a face (edge/dynamo.h).
 *
 * Served below SLV_DYNAMO_PATH of a server's listeners (slv_dynamo_http_take), and on a listener of
 * its own (slv_dynamo_http_listen), where any path is the service.
 *
 * Requests must be signed in form; whether the signature is checked is an option, since a
 * developer's tools sign with whatever stands in their environment. When it is, access keys are the
 * tenant's (`selvage dynamodb credentials`) and those given by slv_dynamo_http_add_key.
 *
 * Besides the service: GET answers that it is there; GET and DELETE of PATH/log read and clear the
 * log of requests.
 *
 * Limits: a body SLV_DYNAMO_BODY_MAX (413); clocks may differ by SLV_DYNAMO_SKEW_MS.
 *
 * Threading: new, add_key and free on one thread, with no request open; the rest on any loop.
 */
#ifndef SLV_API_DYNAMO_H
#define SLV_API_DYNAMO_H

#include "api/s3_keys.h"
#include "edge/dynamo.h"
#include "net/exchange.h"

#define SLV_DYNAMO_PATH "/cdn-cgi/dynamodb"
#define SLV_DYNAMO_KEYS_FILE "dynamodb-credentials.json"
#define SLV_DYNAMO_SKEW_MS INT64_C(900000)

typedef struct slv_dynamo_http slv_dynamo_http;
typedef struct slv_dynamo_listener slv_dynamo_listener;

typedef struct slv_dynamo_http_options {
    slv_dynamo_face *face;
    bool verify;   /* signatures are checked */
    bool any_page; /* pages of any origin may ask (CORS); otherwise those of this machine */
    bool many;     /* a server's: the tenant is whoever's key signed the request; there is no log */
} slv_dynamo_http_options;

slv_dynamo_http *slv_dynamo_http_new(const slv_dynamo_http_options *options);
/* Accepts NULL, returns NULL. */
slv_dynamo_http *slv_dynamo_http_free(slv_dynamo_http *http);
SLV_DEFINE_CLEANUP(slv_dynamo_http *, slv_dynamo_http_free);
/* One more access key that signatures may be made with; copied. */
void slv_dynamo_http_add_key(slv_dynamo_http *http, slv_str id, slv_str secret);

/* True when the path is the service's: the exchange is taken, and its `user` points at a
 * slv_answerer (edge/server.h). arg is the slv_dynamo_http. */
bool slv_dynamo_http_take(void *arg, slv_loop *loop, slv_exchange *ex);

/* The same for every path of a host that is the service's alone. Takes it. */
void slv_dynamo_http_take_host(slv_dynamo_http *http, slv_loop *loop, slv_exchange *ex);

/* Serves on an address of its own, on this loop. *ret_port: the port in use. */
SLV_NODISCARD slv_code slv_dynamo_http_listen(slv_dynamo_http *http, slv_loop *loop, slv_str host,
                                              uint16_t port, slv_dynamo_listener **ret,
                                              uint16_t *ret_port, slv_err *err);
/* Cuts what is open. Accepts NULL, returns NULL. */
slv_dynamo_listener *slv_dynamo_listener_free(slv_dynamo_listener *listener);

#endif
