/*
 * worker.h - workers, their versions and deployments, and what leads to them: hosts, routes, crons.
 *
 * A worker belongs to an account and has a name there, or in one of the account's dispatch
 * namespaces. A version is immutable: what was uploaded (metadata as JSON, in which resources are
 * resolved and secrets stand by name only), the sealed values of its secrets, and the names of its
 * content: a code file (host/code_file.h) and a manifest of static files. A deployment says which
 * versions answer, by percentage; the newest is in force.
 *
 * Functions that add or change say what they check; what they do not name is stored as it comes.
 * Several of them in one store call are one change: when one fails, so does the call, and nothing
 * of it stays.
 *
 * Threading and errors: catalog.h. Lists come in memory of the arena, whose limit bounds them.
 *
 * Rules: platform specification 12 (numbers), 17, 22; the control API's contract, sections 5 to 9.
 */
#ifndef SLV_CATALOG_WORKER_H
#define SLV_CATALOG_WORKER_H

#include "catalog/catalog.h"

#define SLV_CATALOG_VERSIONS_KEPT 100u
#define SLV_CATALOG_WORKERS_MAX 500u            /* of an account, without dispatch namespaces */
#define SLV_CATALOG_SPLIT_MAX 2u                /* versions in one deployment */
#define SLV_CATALOG_ROUTES_MAX 1000u            /* patterns of one zone */
#define SLV_CATALOG_DOMAINS_MAX 100u            /* custom domains of one zone */
#define SLV_CATALOG_CRONS_MAX 250u              /* of an account */
#define SLV_CATALOG_NAMESPACES_MAX 100u         /* dispatch namespaces of an account */
#define SLV_CATALOG_DISPATCH_WORKERS_MAX 10000u /* workers in dispatch namespaces of an account */

/* Which worker is meant; dispatch is empty for one that has hosts of its own. */
typedef struct slv_worker_key {
    slv_str account, dispatch, name;
} slv_worker_key;

typedef struct slv_worker_row {
    slv_str account, name;
    /* Dispatch namespace that it was uploaded to; empty: none, it has hosts of its own. */
    slv_str dispatch;
    slv_str tag;           /* opaque, 32 hexadecimal digits */
    slv_str migration_tag; /* of its Durable Objects; empty: none */
    slv_str objects;  /* JSON: {"classes":[{"name","key","sql"}],"steps":[{"tag","deleted"}]} */
    slv_str settings; /* JSON: {"logpush","tail_consumers","observability","tags"} */
    slv_str crons;    /* JSON: ["* * * * *"] */
    bool workers_dev; /* <name>.<domain> leads to it */
    bool previews;    /* <version>-<name>.<domain> too */
    uint64_t version_count; /* number of the last one */
    int64_t created_ms, modified_ms;
} slv_worker_row;

typedef struct slv_version_row {
    slv_str id; /* UUID */
    slv_str account, worker;
    slv_str dispatch; /* of the worker */
    uint64_t number;
    /* Number of the version with which its secrets came: two versions of one worker that have the
     * same have the same secrets. */
    uint64_t secrets_since;
    int64_t created_ms;
    slv_str source, author; /* "wrangler", an e-mail address */
    slv_str annotations;    /* JSON: {"workers/message", ...} */
    slv_str alias;          /* "workers/alias" of them: a preview host; empty: none */
    slv_str metadata;       /* JSON of the upload: bindings, compatibility_date, limits ... */
    slv_str secrets;        /* sealed JSON object of the values; empty: none */
    slv_str code;           /* name of the code file; empty: static files only */
    slv_str assets;   /* JSON: {"manifest":{"/a":{"hash","size"}},"config":{...}}; empty: none */
    slv_str handlers; /* JSON: ["fetch"] */
    slv_str etag;
    uint32_t startup_ms;
    bool deployable; /* false: a draft without code of its own */
} slv_version_row;

typedef struct slv_split {
    slv_str version;
    double percentage;
} slv_split;

typedef struct slv_deployment_row {
    slv_str id;
    slv_str account, worker, dispatch;
    int64_t created_ms;
    slv_str source, author, annotations;
    slv_split versions[SLV_CATALOG_SPLIT_MAX];
    size_t version_count;
} slv_deployment_row;

/* One way to a worker: a route pattern ("example.com/x*") or a custom domain. */
typedef struct slv_route_row {
    slv_str account;
    slv_str worker;  /* of a pattern: empty says that no worker answers there */
    slv_str pattern; /* of a custom domain: the host alone */
    bool domain;
    slv_str id;   /* 32 hexadecimal digits */
    slv_str zone; /* name of its zone, "example.com" */
    int64_t created_ms;
} slv_route_row;

typedef struct slv_namespace_row {
    slv_str account, name, id; /* id: a UUID */
    slv_str author;
    int64_t created_ms, modified_ms;
    uint64_t workers; /* that are in it */
} slv_namespace_row;

typedef struct slv_worker_list {
    slv_worker_row *items;
    size_t count;
} slv_worker_list;
typedef struct slv_version_list {
    slv_version_row *items;
    size_t count;
} slv_version_list;
typedef struct slv_deployment_list {
    slv_deployment_row *items;
    size_t count;
} slv_deployment_list;
typedef struct slv_route_list {
    slv_route_row *items;
    size_t count;
} slv_route_list;
typedef struct slv_namespace_list {
    slv_namespace_row *items;
    size_t count;
} slv_namespace_list;

/* ---- workers ---- */

static inline slv_worker_key slv_worker_row_key(const slv_worker_row *row)
{
    return (slv_worker_key){row->account, row->dispatch, row->name};
}
/* 1 to 63 letters, digits, "-" and "_" (255 in a dispatch namespace), the first no hyphen. */
bool slv_worker_name_valid(slv_str name, bool dispatch);

SLV_NODISCARD slv_code slv_catalog_worker_get(slv_catalog *c, const slv_worker_key *key,
                                              slv_arena *arena, slv_worker_row *ret, slv_err *err);
/* In the order of accounts, namespaces and names. account empty: everybody's. dispatch: ptr NULL:
 * of every namespace and of none; empty: of none; else of that one. */
SLV_NODISCARD slv_code slv_catalog_worker_list(slv_catalog *c, slv_str account, slv_str dispatch,
                                               slv_arena *arena, slv_worker_list *ret,
                                               slv_err *err);
/* Adds it, or replaces the row of that key. SLV_E_LIMIT: one worker more than the account may
 * have. SLV_E_NOTFOUND: no such dispatch namespace. */
SLV_NODISCARD slv_code slv_catalog_worker_put(slv_catalog *c, const slv_worker_row *row,
                                              slv_err *err);
/* With its versions, deployments, routes and domains. */
SLV_NODISCARD slv_code slv_catalog_worker_delete(slv_catalog *c, const slv_worker_key *key,
                                                 slv_err *err);

/* ---- versions ---- */

/* row->number becomes the next one of its worker, whose row must be there, and secrets_since the
 * same when it is 0. The oldest versions
 * beyond SLV_CATALOG_VERSIONS_KEPT go, with deployments that named them; versions of the
 * deployment in force and the one that is added stay. An alias leads to the newest that has it. */
SLV_NODISCARD slv_code slv_catalog_version_add(slv_catalog *c, slv_version_row *row, slv_err *err);
SLV_NODISCARD slv_code slv_catalog_version_get(slv_catalog *c, const slv_worker_key *key,
                                               slv_str id, slv_arena *arena, slv_version_row *ret,
                                               slv_err *err);
/* The newest. deployable: of those that can be deployed. */
SLV_NODISCARD slv_code slv_catalog_version_latest(slv_catalog *c, const slv_worker_key *key,
                                                  bool deployable, slv_arena *arena,
                                                  slv_version_row *ret, slv_err *err);
/* What a preview host names: an alias, or else the first 8 digits of an id. */
SLV_NODISCARD slv_code slv_catalog_version_preview(slv_catalog *c, const slv_worker_key *key,
                                                   slv_str name, slv_arena *arena,
                                                   slv_version_row *ret, slv_err *err);
typedef struct slv_version_page {
    bool deployable;
    uint64_t offset, limit; /* limit 0: all */
} slv_version_page;
/* Newest first. *ret_total (may be NULL): how many there are beyond the page too. */
SLV_NODISCARD slv_code slv_catalog_version_list(slv_catalog *c, const slv_worker_key *key,
                                                const slv_version_page *page, slv_arena *arena,
                                                slv_version_list *ret, uint64_t *ret_total,
                                                slv_err *err);
/* Names of code files that versions of the account name (empty: of any account), each once: what
 * else lies there belongs to nobody. */
SLV_NODISCARD slv_code slv_catalog_code_each(slv_catalog *c, slv_str account,
                                             void (*each)(void *arg, slv_str account, slv_str code),
                                             void *arg, slv_err *err);

/* ---- deployments ---- */

/* The newest from now on. Checks that there are one or two different versions of that worker, that
 * each can be deployed, and that the percentages are from 0 to 100 and add up to 100
 * (SLV_E_INVAL). */
SLV_NODISCARD slv_code slv_catalog_deploy(slv_catalog *c, const slv_deployment_row *row,
                                          slv_err *err);
/* The one in force. SLV_E_NOTFOUND: none was made yet. */
SLV_NODISCARD slv_code slv_catalog_deployment_current(slv_catalog *c, const slv_worker_key *key,
                                                      slv_arena *arena, slv_deployment_row *ret,
                                                      slv_err *err);
/* Newest first; limit 0: all. */
SLV_NODISCARD slv_code slv_catalog_deployment_list(slv_catalog *c, const slv_worker_key *key,
                                                   uint64_t limit, slv_arena *arena,
                                                   slv_deployment_list *ret, slv_err *err);

/* ---- routes and custom domains ---- */

/* What is wrong with a pattern, as SLV_E_INVAL: it names the pattern. *ret_host and *ret_path (may
 * be NULL) borrow from it; the path of "example.com" is "". */
SLV_NODISCARD slv_code slv_route_pattern_check(slv_str pattern, slv_str *ret_host,
                                               slv_str *ret_path, slv_err *err);
/* The same of the host of a custom domain: labels of letters, digits and hyphens, no wildcard. */
SLV_NODISCARD slv_code slv_route_domain_check(slv_str host, slv_err *err);

/* In the order of patterns. account, worker empty: of all. */
SLV_NODISCARD slv_code slv_catalog_route_list(slv_catalog *c, slv_str account, slv_str worker,
                                              slv_arena *arena, slv_route_list *ret, slv_err *err);
SLV_NODISCARD slv_code slv_catalog_route_get(slv_catalog *c, slv_str account, slv_str id,
                                             slv_arena *arena, slv_route_row *ret, slv_err *err);
/* Adds a route or domain, or gives the one of that pattern and kind to row->worker when take is
 * true. Checks the pattern; SLV_E_EXISTS: it is another worker's (the message names it, or says
 * that another account has it, which take does not change); SLV_E_LIMIT: the zone is full. What a
 * worker has already is no error and keeps its id. Patterns that differ in case of the host or in
 * a scheme are the same when they match the same. */
SLV_NODISCARD slv_code slv_catalog_route_put(slv_catalog *c, const slv_route_row *row, bool take,
                                             slv_err *err);
/* The worker's own patterns (or domains) that are not among the rows go, the others come as with
 * slv_catalog_route_put. */
SLV_NODISCARD slv_code slv_catalog_route_replace(slv_catalog *c, const slv_worker_key *key,
                                                 bool domain, const slv_route_row *rows,
                                                 size_t count, bool take, slv_err *err);
SLV_NODISCARD slv_code slv_catalog_route_delete(slv_catalog *c, slv_str account, slv_str id,
                                                slv_err *err);

/* ---- dispatch namespaces ---- */

SLV_NODISCARD slv_code slv_catalog_namespace_get(slv_catalog *c, slv_str account, slv_str name,
                                                 slv_arena *arena, slv_namespace_row *ret,
                                                 slv_err *err);
SLV_NODISCARD slv_code slv_catalog_namespace_list(slv_catalog *c, slv_str account, slv_arena *arena,
                                                  slv_namespace_list *ret, slv_err *err);
SLV_NODISCARD slv_code slv_catalog_namespace_add(slv_catalog *c, const slv_namespace_row *row,
                                                 slv_err *err);
/* Its workers come along. */
SLV_NODISCARD slv_code slv_catalog_namespace_rename(slv_catalog *c, slv_str account, slv_str name,
                                                    slv_str new_name, int64_t now_ms, slv_err *err);
/* With its workers. */
SLV_NODISCARD slv_code slv_catalog_namespace_delete(slv_catalog *c, slv_str account, slv_str name,
                                                    slv_err *err);

#endif
