/*
 * host.h - what a server hosts: rows of the catalog made into versions that run, and uploads made
 * into versions that are stored.
 *
 * The control API (api) changes the catalog; the host puts into effect what stands there. A
 * worker's code is bundled once, when it is uploaded, and kept in a code file (code_file.h) that
 * running versions map: a version that nobody calls costs a row and an address range.
 *
 * Threading: everything on the control loop's thread; callbacks come there, never from inside.
 */
#ifndef SLV_HOST_HOST_H
#define SLV_HOST_HOST_H

#include "aio/loop.h"
#include "catalog/worker.h"
#include "edge/server.h"
#include "fmt/doc.h"
#include "host/asset_store.h"
#include "state/state.h"

typedef struct slv_host slv_host;

typedef struct slv_host_options {
    slv_loop *loop; /* control */
    slv_state *state;
    slv_server *server;
    slv_str domain; /* "example.com": <worker>.<domain>; empty: routes and custom domains alone */
    slv_str secret_key; /* 32 bytes: secrets are sealed with it */
    bool https;         /* how hosts of the domain are reached: for URLs in answers */
    uint16_t port;      /* 0: the usual one */
} slv_host_options;

SLV_NODISCARD slv_code slv_host_new(const slv_host_options *options, slv_host **ret, slv_err *err);
/* No build may be under way (slv_host_stop). Accepts NULL, returns NULL. */
slv_host *slv_host_free(slv_host *host);
/* Calls back when nothing of it is under way any more. */
void slv_host_stop(slv_host *host, void (*done)(void *arg), void *arg);
/* The store of the catalog: for calls of the control API. */
slv_store *slv_host_catalog(slv_host *host);
slv_str slv_host_domain(const slv_host *host);
/* Whether something answers under that very name: a worker's or a project's host, a custom domain,
 * or a route whose host has no wildcard. */
bool slv_host_serves(const slv_host *host, slv_str name);
/* Static files of accounts (asset_store.h). */
slv_asset_store *slv_host_assets(slv_host *host);

/* ---- what runs ---- */

/* Everything that the catalog has deployed; done when requests for all of it are answered. */
void slv_host_start(slv_host *host, void (*done)(void *arg, const slv_err *err), void *arg);
/* The worker's rows have changed (deployed, deleted, crons, routes, settings): what runs follows.
 * Also after an upload with an alias. dispatch: empty, or the namespace. done may be NULL: it comes
 * when what begins from now on sees the change; err: what kept it from running. */
void slv_host_refresh(slv_host *host, slv_str account, slv_str worker, slv_str dispatch,
                      void (*done)(void *arg, const slv_err *err), void *arg);

/* Who else has hosts on the server (Pages projects): asked when the routing table is made, and for
 * previews of hosts that are not in it. */
typedef struct slv_host_source {
    void *arg;
    /* Adds hosts, and slv_site_add_asked for those that are to be asked for. What cannot be added
     * is left out. */
    void (*add)(void *arg, slv_site *site);
    /* True: the question is taken, and will be answered by slv_server_preview_answer. */
    bool (*preview)(void *arg, slv_preview_ask *ask, slv_str host);
} slv_host_source;
void slv_host_add_source(slv_host *host, const slv_host_source *source);
/* The table is to be made anew. */
void slv_host_routes_changed(slv_host *host);

/* The version that rows describe; verify: the whole code file is read and checked. Any thread;
 * blocks. */
SLV_NODISCARD slv_code slv_host_version(const slv_host *host, const slv_worker_row *worker,
                                        const slv_version_row *row, bool verify, slv_version **ret,
                                        slv_err *err);
/* Sealing of what must not be read from the disk. Any thread. SLV_E_DENIED: another key's, or
 * damaged. */
SLV_NODISCARD slv_code slv_host_seal(const slv_host *host, slv_str plain, slv_buf *out);
SLV_NODISCARD slv_code slv_host_unseal(const slv_host *host, slv_str sealed, slv_buf *out,
                                       slv_err *err);

/* ---- uploads ---- */

typedef struct slv_upload_part {
    slv_str name, type, body; /* type: the part's Content-Type */
} slv_upload_part;

/* Borrowed until the build is done. */
typedef struct slv_upload {
    slv_str account, worker, dispatch;
    const slv_node *metadata; /* of the contract's section 6 */
    const slv_upload_part *parts;
    size_t part_count;
    const slv_version_row *previous; /* whose bindings `inherit`, keep_bindings and secrets mean */
    const slv_worker_row *row;       /* of the worker; NULL: it is new */
    bool inherit_strict;             /* bindings_inherit=strict: error 10057 */
    /* There are no parts: code, handlers and static files are those of previous (unless the
     * metadata has assets of its own), nothing is bundled or started. The metadata stands for the
     * whole; bindings that stay are there as `inherit`. How secrets and settings change. */
    bool keep_code;
} slv_upload;

/* What a version's row needs. Strings live in the arena; the code file is durable. */
typedef struct slv_built {
    slv_arena arena;
    slv_version_row version; /* metadata, secrets, code, assets, handlers, etag, startup_ms */
    slv_str objects, migration_tag; /* of the worker's row from now on */
} slv_built;
slv_built *slv_built_free(slv_built *b);

/* The modules that a version was uploaded with, as they came, source maps left out; *ret_main: the
 * entry's name. Any thread; blocks on the file. SLV_E_NOTFOUND: no such code file. */
SLV_NODISCARD slv_code slv_host_modules(const slv_host *host, slv_str account, slv_str code,
                                        slv_arena *arena, slv_upload_part **ret, size_t *ret_count,
                                        slv_str *ret_main, slv_err *err);

/* What is wrong with an upload, as the control API tells it. */
typedef struct slv_build_error {
    int status, code; /* 400 and 10021: it does not start; 10027: too large; 10057: inherit ... */
    slv_str message;  /* names the field, module or line; valid during the call */
} slv_build_error;

/* Checks the metadata, bundles, starts the worker once (its module scope runs in an isolate of its
 * own, with a fetch from nobody), and writes the code file. Exactly one of result (the callee's)
 * and error is not NULL. */
typedef void (*slv_build_done)(void *arg, slv_built *result, const slv_build_error *error);
void slv_host_build(slv_host *host, const slv_upload *upload, slv_build_done done, void *arg);

#endif
