/*
 * script_int.h - what the files of the control API for workers share: a call on the catalog, the
 * way of an upload, and how rows look as JSON. Private to api.
 *
 * A script_rest is one REST call while it runs. Its work is done in calls on the catalog: `work`
 * runs on a thread of the pool and writes the result to r->json; what it refuses with
 * slv_script_refuse is answered as it says. All that one request changes is one such call.
 */
#ifndef SLV_API_SCRIPT_INT_H
#define SLV_API_SCRIPT_INT_H

#include "api/api.h"
#include "base/mem.h"
#include "catalog/worker.h"
#include "fmt/json_write.h"
#include "host/host.h"
#include "state/state.h"

/* Codes that wrangler knows, and others of the platform's. */
#define SCRIPT_NOT_FOUND 10007
#define SCRIPT_NOT_IN_NAMESPACE 10092
#define SCRIPT_INVALID 10021
#define SCRIPT_TOO_LARGE 10027
#define SCRIPT_BAD_NAME 10016
#define SCRIPT_LIMIT 10037
#define SCRIPT_SECRET_LATEST 10215
#define SCRIPT_SECRETS_CHANGED 10220
#define SCRIPT_SERVICE_NOT_FOUND 10143
#define SCRIPT_SECRET_NOT_FOUND 10056
#define SCRIPT_NO_CLASS 10066
#define SCRIPT_REFERENCED 10064
#define SCRIPT_NO_VERSION 10088
#define SCRIPT_BAD_DEPLOYMENT 10211
#define SCRIPT_ROUTE_TAKEN 10020
#define SCRIPT_BAD_ROUTE 10022
#define SCRIPT_NO_ROUTE 10009
#define SCRIPT_DOMAIN_TAKEN 100117
#define SCRIPT_BAD_CRON 100331
#define SCRIPT_NAMESPACE_NOT_FOUND 100119
#define SCRIPT_NAMESPACE_EXISTS 100118

#define SCRIPT_METADATA_MAX ((size_t)1 << 20)
#define SCRIPT_SIZE_MAX ((size_t)64 << 20)    /* of all modules, source maps left out */
#define SCRIPT_UPLOAD_MAX ((size_t)160 << 20) /* of the body, source maps too */
#define SCRIPT_PARTS_MAX 5000u
#define SCRIPT_VAR_MAX ((size_t)5 << 10)
#define SCRIPT_BINDINGS_MAX 5000u
#define SCRIPT_UUID_LEN 36

typedef struct script_rest script_rest;
typedef slv_code (*script_work)(script_rest *r, slv_catalog *c, slv_err *err);

struct script_rest {
    slv_call call;
    slv_api_call *api;
    slv_store *store;
    slv_worker_key key;
    int64_t now_ms;
    script_work work;
    void (*then)(script_rest *r);
    void (*again)(script_rest *r); /* instead of failing with SLV_E_AGAIN; may be NULL */
    int status, code;              /* of what work refused */
    slv_arena arena;               /* rows; reset when an upload begins again */
    slv_buf out, info;
    slv_json_writer json; /* to out */
    slv_node *body;
    slv_str name;            /* of a secret, a version, a route: what the path's last part says */
    slv_str zone;            /* id, of the path */
    slv_str also;            /* another worker that the change concerns */
    slv_worker_list touched; /* of a dispatch namespace */
    size_t applied;
    const slv_node *over; /* of slv_script_compose */
    uint64_t page, per_page;
    bool force;

    /* ---- an upload, or a change that makes a version (upload.c) ---- */
    slv_node *metadata;
    slv_upload_part *parts;
    size_t part_count;
    bool deploy;     /* the version is put into effect at once */
    bool may_be_new; /* the worker need not be there */
    bool keep_code;
    /* Of a change: writes metadata that stands for the whole, from what there is. Ends the call and
     * returns false when that cannot be. */
    bool (*compose)(script_rest *r);
    bool needs_latest; /* secrets: the newest version must be the one that is deployed */
    const char *triggered_by;
    const slv_node *settings; /* members for the worker's row */
    bool replace_settings;    /* what settings do not name goes, but tags */
    slv_upload upload;
    slv_worker_row row;
    slv_version_row previous;
    slv_deployment_row current;
    bool has_row, has_previous, has_current;
    slv_built *built;
    unsigned tries;
    slv_arena metadata_arena;
    slv_buf metadata_text;
    char version_id[SCRIPT_UUID_LEN + 1], deployment_id[SCRIPT_UUID_LEN + 1];
    slv_version_row added;
    void (*finish)(script_rest *r); /* writes r->json and answers */
};

/* ---- script_call.c ---- */

/* The worker that the path names: :script, in :namespace where the path has one. */
script_rest *slv_script_new(slv_api_call *call);
void slv_script_free(script_rest *r);
/* The worker's key with the name checked; ends the call and returns NULL when it is none. */
script_rest *slv_script_new_named(slv_api_call *call);
/* then NULL: r->out is the answer. */
void slv_script_read(script_rest *r, script_work work, void (*then)(script_rest *r));
void slv_script_write(script_rest *r, script_work work, void (*then)(script_rest *r));
/* In work: what is answered. Returns SLV_E_INVAL. */
slv_code slv_script_refuse(script_rest *r, slv_err *err, int status, int code, const char *fmt, ...)
    SLV_PRINTF(5, 6);
/* Each ends the call and frees r. */
void slv_script_answer(script_rest *r); /* r->out as the result, r->info as its result_info */
void slv_script_error(script_rest *r, int status, int code, const char *fmt, ...) SLV_PRINTF(4, 5);
void slv_script_fail(script_rest *r, const slv_err *err);
/* What was changed is put into effect; then the answer. */
void slv_script_apply(script_rest *r);
/* The same for r->touched, each under the namespace it was in and, where there is one, under
 * r->name. */
void slv_script_apply_namespace(script_rest *r);
/* The worker's row into r->row; 10007 when there is none. */
SLV_NODISCARD slv_code slv_script_row(script_rest *r, slv_catalog *c, slv_err *err);

void slv_script_uuid(char out[static SCRIPT_UUID_LEN + 1]);
void slv_script_hex_id(char out[static 33]);
/* The actor, or a name for whoever owns the directory. */
slv_str slv_script_author(const script_rest *r);

/* ---- script_json.c ---- */

void slv_script_put_time(slv_json_writer *w, const char *key, int64_t ms);
/* A column of JSON parsed into the arena; NULL: it is empty, or no memory. */
slv_node *slv_script_parse(slv_str json, slv_arena *arena);
void slv_script_put_version(slv_json_writer *w, const slv_version_row *v, slv_arena *arena);
void slv_script_put_deployment(slv_json_writer *w, const slv_deployment_row *d);
/* A worker in a list of scripts, or as the answer to an upload. latest may be NULL. */
void slv_script_put_worker(slv_json_writer *w, const slv_worker_row *row,
                           const slv_version_row *latest, slv_arena *arena);
bool slv_script_is_secret(const slv_node *binding); /* NULL: false */
void slv_script_put_bindings(slv_json_writer *w, const slv_node *metadata);

/* ---- versions.c ---- */

slv_code slv_script_no_version(script_rest *r, slv_str id, slv_err *err);

/* ---- script_routes.c ---- */

/* Whether the host of a route lies in the zone of that id. */
bool slv_script_zone_has(slv_str id, const slv_route_row *row);
slv_str slv_script_zone_name(slv_str given, slv_str host);
/* A host, or a pattern's, below the server's own domain. */
bool slv_script_host_is_ours(const script_rest *r, slv_str host);
/* In work: SLV_E_EXISTS and SLV_E_INVAL of a route as answers. */
slv_code slv_script_route_failed(script_rest *r, slv_code code, int taken, slv_err *err);

/* ---- script_references.c ---- */

/* Names a worker that has a binding to r's; empty: none has. */
SLV_NODISCARD slv_code slv_script_first_reference(script_rest *r, slv_catalog *c, slv_buf *out,
                                                  slv_err *err);

/* ---- upload.c ---- */

/* Reads, composes (where r->compose says so), builds, stores and puts into effect; then r->finish.
 * A change by somebody else in between begins it anew. */
void slv_script_build(script_rest *r);

/* The JSON of r->row's settings with r->settings over them, in r->arena. */
SLV_NODISCARD slv_code slv_script_merge_settings(script_rest *r, slv_str *ret);

/* ---- upload_parts.c ---- */

/* metadata and parts of the body. False: the call was ended. */
bool slv_script_take_upload(script_rest *r);
/* bindings and annotations of r->metadata, as far as they can be judged without what is there. */
bool slv_script_check_metadata(script_rest *r);

/* ---- script_settings.c ---- */

/* logpush, tail_consumers, observability and tags. False: the call was ended. */
bool slv_script_check_settings(script_rest *r, const slv_node *settings);

/* ---- script_compose.c: metadata of a change, from the version before ---- */

/* One binding of a change; value NULL: it goes. */
typedef struct script_change {
    slv_str name;
    const slv_node *binding;
} script_change;
/* All bindings stay but those that changes name; members of `over` (may be NULL) stand for the
 * metadata's own. r->metadata. */
SLV_NODISCARD slv_code slv_script_compose(script_rest *r, const script_change *changes,
                                          size_t count, const slv_node *over);
/* An object with that member of the object alone, or with none. */
const slv_node *slv_script_only(const slv_node *object, const char *key, slv_arena *arena);
/* {NAME: binding without a name | null} as changes: room for env->count of them. */
SLV_NODISCARD slv_code slv_script_env_changes(const slv_node *env, slv_arena *arena,
                                              script_change *changes, size_t *ret_count);
const slv_node *slv_script_binding(const slv_node *metadata, slv_str name);

#endif
