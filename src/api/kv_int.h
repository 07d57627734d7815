/*
 * kv_int.h - one REST call on KV namespaces. Private to api.
 */
#ifndef SLV_API_KV_INT_H
#define SLV_API_KV_INT_H

#include "api/api.h"
#include "base/vec.h"
#include "kv/kv.h"

#define KV_NAMESPACE_NOT_FOUND 10013
#define KV_KEY_NOT_FOUND 10009
#define KV_TITLE_EXISTS 10014
#define KV_BAD_REQUEST 10012

typedef struct kv_item {
    slv_kv_put_args put;
    bool base64;
} kv_item;

typedef struct kv_rest {
    slv_api_call *api;
    slv_call call;
    slv_store *store;
    int64_t now_ms;
    slv_buf out; /* of the answer */
    slv_arena arena;
    /* namespaces */
    SLV_VEC(char *) ids;
    size_t at;
    slv_buf title;
    slv_str wanted; /* title that must not, or must, be there */
    uint64_t page, per_page, shown;
    /* entries */
    slv_str key;
    slv_kv_query query;
    slv_buf cursor;
    bool more, found, with_metadata, json;
    slv_kv_entry entry;
    slv_buf meta;
    SLV_VEC(kv_item) items;
    SLV_VEC(slv_str) keys;
} kv_rest;

kv_rest *slv_kv_rest_new(slv_api_call *call);
void slv_kv_rest_free(kv_rest *r);
/* Uses the namespace of the path's second parameter. */
void slv_kv_rest_open(kv_rest *r);
void slv_kv_rest_call(kv_rest *r, slv_call_kind kind, bool create,
                      slv_code (*run)(slv_call *, void *, slv_err *), void (*then)(slv_call *));
/* Each ends the call and frees r. */
void slv_kv_rest_fail(kv_rest *r, const slv_err *err);
void slv_kv_rest_refuse(kv_rest *r, int status, int code, const char *text);
void slv_kv_rest_ok(kv_rest *r);
/* True for a number of JSON that is a whole one, or a string of digits. */
bool slv_kv_rest_number(const slv_node *n, int64_t *ret);

/* kv_bulk.c */
void slv_kv_rest_bulk_put(slv_api_call *call);
void slv_kv_rest_bulk_delete(slv_api_call *call);
void slv_kv_rest_bulk_get(slv_api_call *call);

#endif
