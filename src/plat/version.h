/*
 * version.h - one deployed worker, immutable: code, modules, bindings, limits and the start
 * configuration that an isolate receives (docs/internals/channel.md).
 *
 * Threads: any. The object never changes after slv_version_new; references are counted atomically.
 * Every slv_str that it hands out lives as long as a reference is held.
 *
 * Limits: limits.worker_bytes bounds script and modules together, limits.bindings the number of
 * bindings; beyond them slv_version_new returns SLV_E_LIMIT.
 */
#ifndef SLV_PLAT_VERSION_H
#define SLV_PLAT_VERSION_H

#include "assets/assets.h"
#include "base/err.h"
#include "base/str.h"
#include "plat/limits.h"
#include "plat/observe.h"

typedef enum slv_module_type {
    SLV_MODULE_ESM,
    SLV_MODULE_CJS,
    SLV_MODULE_WASM,
    SLV_MODULE_TEXT,
    SLV_MODULE_DATA,
    SLV_MODULE_JSON,
} slv_module_type;

/* "esm", "cjs", "wasm", "text", "data", "json": the names of the start configuration. */
const char *slv_module_type_name(slv_module_type type);

typedef struct slv_module {
    slv_str name;
    slv_module_type type;
    slv_str bytes;
} slv_module;

typedef enum slv_binding_type {
    SLV_BINDING_TEXT,    /* text: the string */
    SLV_BINDING_SECRET,  /* text: the string; never printed */
    SLV_BINDING_JSON,    /* text: JSON */
    SLV_BINDING_SERVICE, /* service, entrypoint, props */
    SLV_BINDING_MODULE, /* text: name of a module whose value is the binding (wasm, text or data) */
    SLV_BINDING_ENV,    /* text: name of a module, a structured clone as text: all of env, see
                           channel.md */
    SLV_BINDING_UNSUPPORTED, /* text: what the configuration calls it, "kv_namespaces"; every use
                                throws */
    /* Resources: id and options say which; they are numbered together by index. */
    SLV_BINDING_KV,        /* id: namespace */
    SLV_BINDING_R2,        /* id: bucket */
    SLV_BINDING_D1,        /* id: database */
    SLV_BINDING_OBJECTS,   /* id: class; service: worker that has it, empty: this one */
    SLV_BINDING_QUEUE,     /* id: queue */
    SLV_BINDING_RATELIMIT, /* id: namespace */
    SLV_BINDING_ANALYTICS, /* id: dataset */
    SLV_BINDING_EMAIL,
    SLV_BINDING_LOADER,
    SLV_BINDING_DISPATCH, /* id: namespace */
    SLV_BINDING_ASSETS,   /* the static files of the version itself */
} slv_binding_type;

/* A secret of a store that workers share: an entry of the KV namespace with this and the store's
 * id. */
#define SLV_SECRETS_STORE_PREFIX "secrets-store-"

/* A store or another thing of main's that operations name by binding index. */
static inline bool slv_binding_is_resource(slv_binding_type type)
{
    return type >= SLV_BINDING_KV;
}
/* "kv_namespace", "service" ...: as the start configuration and the control API call it. */
const char *slv_binding_type_name(slv_binding_type type);

typedef struct slv_binding {
    slv_str name;
    slv_binding_type type;
    slv_str text;
    slv_str service;    /* worker that is called; the empty string is never one */
    slv_str entrypoint; /* empty: default */
    slv_str props;      /* JSON, empty: none */
    slv_str id;         /* of a resource */
    slv_str options;    /* of a resource: its table of the configuration as JSON */
    uint32_t index;     /* among the services, or among the resources, counted from 0 */
} slv_binding;

/* A queue whose messages the worker takes: [[queues.consumers]]. */
typedef struct slv_consumer {
    slv_str queue;
    bool pull;                 /* messages are fetched by REST, none are delivered to the worker */
    slv_str dead_letter_queue; /* empty: none; messages are dropped after their last try */
    uint32_t batch_size;       /* 1 to 100 */
    uint32_t batch_timeout_ms;
    uint32_t retries;
    uint32_t concurrency; /* batches at once; 0: as many as is useful */
    int64_t retry_delay_s;
    int64_t visibility_ms; /* of a pulled message's lease; 0: the default */
} slv_consumer;

/* A class of Durable Objects. In a version its key is what ids and files are derived from,
 * "WORKER-ORIGIN"; in a spec and a configuration the origin alone: the name under which it was
 * first created. */
typedef struct slv_object_class {
    slv_str name, key;
    bool sql; /* SQLite storage; else the older key-value storage alone */
} slv_object_class;

/* What migrations did, in order: a tag that was reached, and the key of a class that was deleted
 * on the way (empty: none). */
typedef struct slv_object_step {
    slv_str tag, deleted;
} slv_object_step;

/* Everything that makes a version; all borrowed for the call and copied. */
typedef struct slv_version_spec {
    slv_str tenant;             /* account that owns the worker and its stores; empty: "local" */
    slv_str name;               /* of the worker */
    slv_str id;                 /* of the version; empty: a random one */
    slv_str compatibility_date; /* "2026-01-01" */
    const slv_str *flags;       /* every flag that is on, from date or by name; sorted or not */
    size_t flag_count;
    slv_str main_name; /* "index.js": for stacks */
    slv_str script;    /* function body: docs/internals/channel.md, "The script" */
    bool service_worker;
    slv_str source_map;  /* of the script, JSON; empty: none */
    slv_str source_root; /* directory that the map's relative sources are relative to */
    const slv_module *modules;
    size_t module_count;
    const slv_binding *bindings; /* index is set by slv_version_new */
    size_t binding_count;
    const slv_str *crons;
    size_t cron_count;
    const slv_consumer *consumers;
    size_t consumer_count;
    const slv_object_class *classes; /* those that bindings name are added */
    size_t class_count;
    const slv_object_step *object_steps;
    size_t object_step_count;
    slv_assets *assets;  /* a reference is taken; NULL: it has no static files */
    slv_str process_env; /* what process.env has beside the bindings: JSON object, empty: {} */
    slv_str host; /* that requests from outside seem to be for; empty: the one that they are for */
    slv_limits limits;
    slv_observe observe;
    /* What traces say of it: the annotations of the version, the worker's tags, the dispatch
     * namespace that it was uploaded to. All may be empty. */
    slv_str tag, message, dispatch;
    const slv_str *tags;
    size_t tag_count;
    slv_str parent; /* of a dynamic worker: the id of the version that has loaded it; else empty */
    bool dev;
    /* Of whoever makes it: the version's once that is made, and freed with it on the thread that
       lets go last. */
    void *extra;
    void (*extra_free)(void *extra);
    /* Not NULL: script, source_map, and names and bytes of modules are not copied, but stay where
       they are for as long as `keep`, which is treated as `extra` is, and may be told that nobody
       is likely to read them soon. */
    void *keep;
    void (*keep_free)(void *keep);
    void (*keep_cool)(void *keep);
} slv_version_spec;

typedef struct slv_version {
    slv_str tenant, name, id, compatibility_date, main_name;
    const slv_str *flags; /* sorted */
    size_t flag_count;
    slv_str script;
    bool service_worker, dev;
    slv_str source_map, source_root, host;
    const slv_module *modules;
    size_t module_count;
    const slv_binding *bindings;
    size_t binding_count;
    const slv_binding *const *services; /* by index */
    size_t service_count;
    const slv_binding *const *resources; /* by index; after those of `bindings` come the namespaces
                                            of ctx.exports, one for each class */
    size_t resource_count;
    const slv_str *crons;
    size_t cron_count;
    const slv_consumer *consumers;
    size_t consumer_count;
    const slv_object_class *classes;
    size_t class_count;
    const slv_object_step *object_steps;
    size_t object_step_count;
    slv_limits limits;
    slv_observe observe;
    slv_str tag, message, dispatch, parent;
    const slv_str *tags;
    size_t tag_count;
    slv_assets *assets; /* NULL: none */
    void *extra;        /* of the spec */
    /* Start configuration: JSON for START. Blob 1 is the script, blob i + 2 is modules[i]. */
    slv_str start_json;
} slv_version;

/* The caller owns one reference of *ret. */
SLV_NODISCARD slv_code slv_version_new(const slv_version_spec *spec, slv_version **ret,
                                       slv_err *err);
/* Returns v. */
slv_version *slv_version_ref(slv_version *v);
/* Accepts NULL, returns NULL. */
slv_version *slv_version_unref(slv_version *v);
SLV_DEFINE_CLEANUP(slv_version *, slv_version_unref);

/* Script and modules have been read and are not needed soon: their memory may be given back. */
void slv_version_cool(const slv_version *v);
/* True when the compatibility flag is on. */
bool slv_version_flag(const slv_version *v, const char *flag);
/* Number of blobs of the start configuration, and the bytes of blob number `blob` (1 <= blob <=
 * count). */
size_t slv_version_blob_count(const slv_version *v);
slv_str slv_version_blob(const slv_version *v, size_t blob);

#endif
