/*
 * loader_int.h - dynamic workers: those that a worker loads while it runs (a worker_loaders
 * binding).
 *
 * A loader is a loop's. A *slot* is one dynamic worker: the modules as they come, what they bundle
 * to, and the version. A slot with a name serves every event that asks its loader for that name;
 * one without a name serves the event that made it. Isolates name a slot by its number, and only
 * slots of their own worker's bindings.
 *
 * Bundling is a process of its own (bundle/bundle.h), one build at a time; nothing of a dynamic
 * worker runs in main.
 *
 * Loop thread only. Limits: SLV_LOADER_CODE_MAX bytes of modules in a slot, SLV_LOADER_ENV_MAX of
 * env, SLV_LOADER_SLOTS_MAX named slots that nobody uses and SLV_LOADER_KEPT_MAX bytes of them, of
 * which the one used longest ago goes first.
 */
#ifndef SLV_EDGE_LOADER_INT_H
#define SLV_EDGE_LOADER_INT_H

#include "base/vec.h"
#include "edge/relay_int.h"
#include "edge/resource_int.h"

#define SLV_LOADER_CODE_MAX ((size_t)64 << 20)
#define SLV_LOADER_ENV_MAX ((size_t)1 << 20)
#define SLV_LOADER_MODULES_MAX 10000
#define SLV_LOADER_SLOTS_MAX 1000
#define SLV_LOADER_KEPT_MAX ((size_t)256 << 20)
#define SLV_LOADER_BUILD_MS 20000
#define SLV_LOADER_BUILD_MEMORY ((uint64_t)2 << 30)

typedef struct slv_loader slv_loader;
typedef struct slv_slot slv_slot;

typedef enum slv_slot_state {
    SLOT_EMPTY,   /* some event has been asked for the code */
    SLOT_WAITING, /* for the bundler */
    SLOT_BUILDING,
    SLOT_READY,
    SLOT_FAILED, /* `error` says why */
} slv_slot_state;

struct slv_slot {
    slv_loader *loader;
    uint32_t number;
    slv_slot_state state;
    slv_str key;              /* in arena; empty: no name */
    const slv_binding *owner; /* of the version `owner_id` */
    slv_str owner_id, tenant; /* tenant: the owner's */
    bool dead;                /* not found by its name any more */
    uint64_t used_ms;
    size_t bytes;
    slv_arena arena; /* modules until they are bundled, and the rest */
    SLV_VEC(slv_module) modules;
    slv_str name, main, date; /* name: of the version */
    SLV_VEC(slv_str) flags;
    uint32_t cpu_ms, subrequests;
    slv_str env_text;
    slv_dynamic *dynamic; /* until the version has it */
    slv_version *version;
    slv_buf error;    /* JSON */
    slv_list holders; /* hold.node: operations that wait, and events that have the number */
    slv_list build_node;
};

slv_loader *slv_loader_new(slv_shard *shard);
/* Its isolates may still run; nothing is built any more. */
void slv_loader_close(slv_loader *loader);
slv_loader *slv_loader_free(slv_loader *loader);

/* The slot of that key, or a new one; empty: always a new one. Who makes it is to bring the code.
 */
slv_slot *slv_loader_slot(slv_loader *loader, slv_str key, bool *ret_new);
slv_slot *slv_loader_find(slv_loader *loader, uint32_t number);
/* The worker of a slot of ev's worker, `resource` being the binding; NULL: gone, or not ready. */
slv_version *slv_loader_version(slv_event *ev, uint32_t resource, uint32_t number);
/* All has come: bundles it, and tells the holders. */
void slv_slot_build(slv_slot *slot);
/* Fails with a message, or with a whole error's JSON. */
void slv_slot_fail(slv_slot *slot, slv_str name, slv_str message);
/* A holder has come or gone: unused slots may have to go. */
void slv_slot_released(slv_slot *slot);
/* op_loader.c: the slot is ready or has failed. */
void slv_slot_tell(slv_slot *slot);
/* An event cannot begin because the module scope failed: that error as callers see it, JSON in out;
 * false: it is no dynamic worker's. */
bool slv_loader_start_error(slv_shard *shard, slv_version *version, slv_buf *out);

#endif
