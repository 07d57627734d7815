/*
 * r2_int.h - what r2.c (buckets), r2_objects.c and r2_keys.c (access keys of S3) share: one call
 * while it runs. Private to api.
 */
#ifndef SLV_API_R2_INT_H
#define SLV_API_R2_INT_H

#include "api/api.h"
#include "api/s3_int.h"

#define R2_NOT_FOUND 10006
#define R2_EXISTS 10004
#define R2_NOT_EMPTY 10008
#define R2_NO_KEY 10007
#define R2_BAD 10005
#define R2_BUCKETS "/accounts/:account/r2/buckets"

/* Whoever answers the call frees it. */
typedef struct r2_rest r2_rest;
struct r2_rest {
    slv_api_call *api;
    slv_call call;
    slv_store *store;
    slv_arena arena;
    slv_buf out, headers;
    slv_str bucket, key, value;
    const char *setting;
    void (*then)(r2_rest *r);
    bool existed;
    slv_r2_push *push;
    slv_r2_pull *pull;
    slv_r2_put_options put;
    slv_r2_get_options get;
    slv_r2_found found;
    slv_r2_list_options page;
    size_t owed;
};

static inline r2_rest *slv_r2_rest_of(slv_call *call)
{
    return slv_container_of(call, r2_rest, call);
}

/* The bucket and the key are those of the path, where it names them. */
r2_rest *slv_r2_rest_new(slv_api_call *call);
void slv_r2_rest_free(r2_rest *r);
int64_t slv_r2_rest_now(const r2_rest *r);
void slv_r2_rest_call(r2_rest *r, slv_call_kind kind, bool create,
                      slv_code (*run)(slv_call *, void *, slv_err *), void (*then)(r2_rest *r));
/* Each ends the call and frees r. */
void slv_r2_rest_refuse(r2_rest *r, int status, int code, const char *text);
void slv_r2_rest_fail(r2_rest *r, slv_code code, const slv_err *err);
void slv_r2_rest_ok(r2_rest *r); /* r->out as the result */
void slv_r2_rest_ok_empty(r2_rest *r);
/* A time as JSON. */
SLV_NODISCARD slv_code slv_r2_rest_put_time(slv_buf *out, int64_t ms);

#endif
