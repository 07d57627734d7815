/*
 * s3.h - S3 on R2: signed requests as operations on buckets, as R2 offers them.
 *
 * One slv_s3 serves every loop: requests come from a server's listeners (slv_s3_take, paths below
 * a prefix) or from a listener of its own (slv_s3_listen, where the first label of the host may
 * name the bucket as well). Requests are AWS Signature Version 4, in headers or presigned, by the
 * credentials of the tenant (api/s3_keys.h). Objects pass in constant memory.
 *
 * Limits: R2's (r2/r2.h); bodies in XML SLV_S3_XML_MAX; clocks may differ by SLV_S3_SKEW_MS;
 * presigned URLs live SLV_S3_EXPIRES_MAX seconds at most.
 *
 * Threading: new and free on one thread, with no request open; everything else on any loop.
 */
#ifndef SLV_API_S3_H
#define SLV_API_S3_H

#include "api/s3_keys.h"
#include "net/exchange.h"
#include "state/state.h"

#define SLV_S3_XML_MAX ((size_t)2 << 20)
#define SLV_S3_SKEW_MS INT64_C(900000)
#define SLV_S3_EXPIRES_MAX UINT64_C(604800)

/* Paths of `selvage dev`: "/cdn-cgi/local/r2/s3/BUCKET/KEY", signed;
 * "/cdn-cgi/local/r2/public/...", readable by everybody on a local host name. */
#define SLV_S3_PATH "/cdn-cgi/local/r2/s3"
#define SLV_S3_PUBLIC_PATH "/cdn-cgi/local/r2/public"

typedef struct slv_s3 slv_s3;
typedef struct slv_s3_listener slv_s3_listener;

typedef struct slv_s3_options {
    slv_state *state;
    slv_str tenant; /* copied; empty: "local" */
    bool many;      /* a server's: the tenant is whoever's key signed the request */
} slv_s3_options;

slv_s3 *slv_s3_new(const slv_s3_options *options);
/* Accepts NULL, returns NULL. */
slv_s3 *slv_s3_free(slv_s3 *s3);
SLV_DEFINE_CLEANUP(slv_s3 *, slv_s3_free);

/* True when the path is one of the two above: the exchange is taken, and its `user` points at a
 * slv_answerer (edge/server.h). arg is the slv_s3. */
bool slv_s3_take(void *arg, slv_loop *loop, slv_exchange *ex);

/* The same for every path of a host that is S3's alone ("s3.example.com/BUCKET/KEY"). Takes it. */
void slv_s3_take_host(slv_s3 *s3, slv_loop *loop, slv_exchange *ex);

/* Serves on an address of its own, on this loop. *ret_port: the port in use. */
SLV_NODISCARD slv_code slv_s3_listen(slv_s3 *s3, slv_loop *loop, slv_str host, uint16_t port,
                                     slv_s3_listener **ret, uint16_t *ret_port, slv_err *err);
/* Cuts what is open. Accepts NULL, returns NULL. */
slv_s3_listener *slv_s3_listener_free(slv_s3_listener *listener);

#endif
