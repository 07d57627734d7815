/*
 * host_int.h - what the files of the host share. Private to host.
 *
 *     host.c           its life; secrets; code files that nothing names
 *     load.c           rows made into a version                        any thread
 *     live.c           what is deployed: start, refresh
 *     site.c           the routing table of it; previews
 *     build.c          uploads: checked, bundled, started once, written
 *     build_parts.c    the modules of an upload
 *     metadata*.c      metadata of uploads, of versions
 *     code_file.c      code of versions
 *     asset_*.c        static files
 *     pages.c          Pages projects
 */
#ifndef SLV_HOST_HOST_INT_H
#define SLV_HOST_HOST_INT_H

#include "aio/strand.h"
#include "aio/timer.h"
#include "base/list.h"
#include "base/map.h"
#include "base/vec.h"
#include "bundle/bundle.h"
#include "host/code_file.h"
#include "host/host.h"
#include "host/metadata.h"

#define SLV_HOST_SOURCES_MAX 4

/* A worker as it is in force; all strings are its own. */
typedef struct host_worker {
    slv_arena arena;
    slv_worker_key key;
    slv_str name; /* in its account: "NAMESPACE:NAME" for one of a dispatch namespace */
    slv_str settings, objects;
    bool workers_dev, previews;
    int64_t created_ms;
    slv_deploy deploy; /* with references */
} host_worker;

struct slv_host {
    slv_loop *loop;
    slv_state *state;
    slv_server *server;
    slv_store *catalog;
    slv_asset_store *assets;
    struct slv_host_pages *pages;
    char *domain;
    bool https;
    uint16_t port;
    uint8_t key[32];
    SLV_MAP(host_worker *) workers; /* by account, dispatch and name */
    SLV_MAP(host_worker *) by_name; /* that may have hosts, in lower case; empty: not made yet */
    SLV_VEC(slv_route_row) routes;  /* strings in route_arena */
    slv_arena route_arena;
    slv_task site_task;
    slv_site *names; /* the table without route patterns; NULL: not made yet */
    slv_host_source sources[SLV_HOST_SOURCES_MAX];
    size_t source_count;
    /* changes, one after the other */
    slv_list changes;
    struct host_change *changing;
    /* builds, the same */
    slv_list builds;
    struct host_build *building;
    slv_bundler *bundler;
    slv_timer bundler_idle;
    slv_timer sweep;
    size_t pending; /* calls, jobs, probes and deploys under way */
    bool stopping;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

/* Something that was counted in `pending` is over. */
void slv_host_settle(slv_host *host);

/* ---- load.c ---- */

/* The version that rows describe. verify: the whole code file is checked. Any thread; blocks. */
SLV_NODISCARD slv_code slv_host_load(const slv_host *host, const slv_worker_row *worker,
                                     const slv_version_row *row, bool verify, slv_version **ret,
                                     slv_err *err);
/* The parts of a code file as slv_version_new takes them; modules live in the arena. */
SLV_NODISCARD slv_code slv_host_spec_code(const slv_code_file *file, slv_arena *arena,
                                          slv_version_spec *spec, slv_err *err);

/* ---- site.c ---- */

/* The table is made anew, once in this turn. */
void slv_host_site_soon(slv_host *host);
void slv_host_site_init(slv_host *host);
/* Hook of the server. */
void slv_host_preview(void *host, slv_preview_ask *ask, slv_str name);

/* ---- live.c ---- */

slv_str slv_host_key(const slv_worker_key *key, slv_buf *out);
void slv_host_workers_free(slv_host *host);

/* ---- asset_keeper.c ---- */

/* Static files that nothing names; not while another sweep of them is under way. */
void slv_host_sweep_assets(slv_host *host);

/* ---- pages.c ---- */

struct slv_host_pages *slv_host_pages_new(slv_host *host);
/* Accepts NULL, returns NULL. */
struct slv_host_pages *slv_host_pages_free(struct slv_host_pages *pages);
/* As slv_host_start, for the projects. */
void slv_host_pages_start(slv_host *host, void (*done)(void *arg, const slv_err *err), void *arg);

/* ---- build.c, build_parts.c ---- */

typedef struct host_parts {
    SLV_VEC(slv_module) modules; /* for the bundler; names normalised */
    slv_str main;
    uint64_t bytes; /* of modules */
} host_parts;

void slv_host_parts_done(host_parts *p);
/* The form's parts as modules; source maps are joined to the modules that they are of. Strings
 * borrow from the upload or live in the arena. */
SLV_NODISCARD slv_code slv_host_parts_read(const slv_upload *u, const slv_resolved *resolved,
                                           slv_arena *arena, host_parts *ret, slv_fault *fault);
/* Appends the parts of the code file: what was bundled, and what was uploaded. */
typedef SLV_VEC(slv_code_part) host_code_parts;
void slv_host_code_parts(const slv_upload *u, const host_parts *parts, const slv_bundle *bundle,
                         const slv_node *metadata, host_code_parts *out);
/* One build at a time: the next one that waits. */
void slv_host_build_next(slv_host *host);

#endif
