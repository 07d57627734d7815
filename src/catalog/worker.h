/*
 * worker.h - workers, their versions and deployments, and what leads to them: hosts, routes, crons.
 *
 * A worker belongs to an account and has a name there. A version is immutable: what was uploaded
 * (metadata as JSON, in which resources are resolved and secrets stand by name only), the sealed
 * values of its secrets, and the names of its content: a code file (host/code_file.h) and a
 * manifest of static files. A deployment says which versions answer, by percentage; the newest is
 * in force.
 *
 * Rules: platform specification 12 (numbers), 17, 22; the control API's contract, sections 5 to 9.
 */
#ifndef SLV_CATALOG_WORKER_H
#define SLV_CATALOG_WORKER_H

#include "catalog/catalog.h"

#define SLV_CATALOG_VERSIONS_KEPT 100u
#define SLV_CATALOG_WORKERS_MAX 500u /* of an account */
#define SLV_CATALOG_SPLIT_MAX 2u     /* versions in one deployment */

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
    int64_t created_ms;
    slv_str source, author; /* "wrangler", an e-mail address */
    slv_str annotations;    /* JSON: {"workers/message", ...} */
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
    slv_str account, worker;
    slv_str pattern; /* of a custom domain: the host alone */
    bool domain;
    slv_str id, zone;
} slv_route_row;

#endif
