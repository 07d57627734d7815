/*
 * assets_int.h - what the routes that take static files share: assets_session.c (which files of a
 * worker are wanted), assets_upload.c (files of a worker), pages_upload.c (files of a Pages
 * project). Private to api. Loop thread, but for `run` of a step.
 *
 * An asset_rest is one REST call while it runs, as a chain of steps, each on a thread of the pool:
 * work on files, or a call on the catalog (in which files may be read and written too).
 */
#ifndef SLV_API_ASSETS_INT_H
#define SLV_API_ASSETS_INT_H

#include "aio/strand.h"
#include "api/api.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "catalog/asset.h"
#include "fmt/json_write.h"
#include "host/host.h"

#define ASSETS_INVALID 10021
#define ASSETS_TOKEN_REFUSED 10000
#define ASSETS_TOKEN_REFUSED_PAGES 8000013

/* A file that came, by its place in the batch. */
typedef struct asset_part {
    slv_str hash, type; /* in the arena */
    uint64_t size;
    bool checked;
} asset_part;

typedef struct asset_rest asset_rest;
typedef slv_code (*asset_step)(asset_rest *r, slv_catalog *c, slv_err *err);

struct asset_rest {
    slv_call call;
    slv_job job;
    slv_api_call *api;
    slv_store *store;
    slv_asset_store *files;
    int64_t now_ms;
    asset_step run;
    void (*then)(asset_rest *r);
    slv_code code; /* of a step that is a job */
    slv_err err;
    int status, error; /* of what a step refused */
    slv_arena arena;
    slv_buf out;
    slv_json_writer json; /* to out */
    slv_asset_token token;
    /* a session */
    slv_asset_session session;
    SLV_VEC(slv_asset_wanted) wanted;
    SLV_VEC(uint64_t) sizes; /* of wanted */
    SLV_MAP(bool) seen;      /* hashes of the manifest */
    uint64_t left, file_count;
    char session_id[33];
    char manifest_hash[SLV_ASSET_HASH + 1];
    char complete[SLV_ASSET_HASH + 1]; /* hash of the manifest with types */
    /* a body on its way */
    slv_asset_batch *batch;
    SLV_VEC(asset_part) parts;
    slv_buf incoming, working;
    uint64_t taken, taken_max;
    bool busy, last, final, broken;
    slv_code (*eat)(asset_rest *r, slv_str bytes, bool last, slv_err *err);
    void (*eaten)(asset_rest *r); /* all of it */
    void *reader;                 /* eat's */
    void (*reader_free)(void *reader);
};

/* NULL: the call was ended, there is no host to take files. */
asset_rest *slv_asset_rest_new(slv_api_call *call);
void slv_asset_rest_free(asset_rest *r);
/* The token of the Authorization field; ends the call and returns false when it is not good. */
bool slv_asset_rest_token(asset_rest *r, slv_asset_token_kind kind);

void slv_asset_job(asset_rest *r, asset_step run, void (*then)(asset_rest *r)); /* c is NULL */
void slv_asset_read(asset_rest *r, asset_step run, void (*then)(asset_rest *r));
void slv_asset_write(asset_rest *r, asset_step run, void (*then)(asset_rest *r));
/* In run: what is answered. Returns SLV_E_INVAL. */
slv_code slv_asset_refuse(asset_rest *r, slv_err *err, int status, int code, const char *fmt, ...)
    SLV_PRINTF(5, 6);
/* Each ends the call and frees r. */
void slv_asset_answer(asset_rest *r); /* r->out as the result */
void slv_asset_error(asset_rest *r, int status, int code, const char *fmt, ...) SLV_PRINTF(4, 5);
void slv_asset_fail(asset_rest *r, const slv_err *err);

/* The body in pieces to r->eat, on a thread of the pool, one piece at a time. */
void slv_asset_stream(asset_rest *r, uint64_t max);
/* In eat: the file that the batch has just ended. type: as the client names it. */
SLV_NODISCARD slv_code slv_asset_part_add(asset_rest *r, slv_str hash, slv_str type, uint64_t size,
                                          slv_err *err);

/* All files of r->session are there: its manifest with their types is stored, and the token that
 * says so becomes the answer. */
void slv_asset_complete(asset_rest *r);

#endif
