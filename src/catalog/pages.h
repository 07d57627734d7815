/*
 * pages.h - Pages projects: their settings, deployments and domains.
 *
 * A project belongs to an account; its subdomain is its alone on the server. A deployment is
 * immutable like a worker's version (worker.h) and has its own host; the project names the one that
 * answers in production, and the newest of a branch answers for that branch.
 *
 * Threading and errors: catalog.h. Rules: the control API's contract, section 15; platform
 * specification 10.4.
 */
#ifndef SLV_CATALOG_PAGES_H
#define SLV_CATALOG_PAGES_H

#include "catalog/catalog.h"

#define SLV_PAGES_NAME_MAX ((size_t)58)
#define SLV_PAGES_PROJECTS_MAX 100u /* of an account */
#define SLV_PAGES_DEPLOYMENTS_KEPT                                                                 \
    500u                           /* of a project; older previews go, and what no host leads to */
#define SLV_PAGES_DOMAINS_MAX 100u /* of a project */

typedef struct slv_pages_project {
    slv_str account, name;
    slv_str id;         /* UUID */
    slv_str subdomain;  /* label below the server's domain */
    slv_str branch;     /* whose deployments are production */
    slv_str production; /* id of the deployment in force; empty: none yet */
    slv_str configs;    /* JSON: {"production":{...},"preview":{...}}; secrets by name only */
    slv_str extra;      /* JSON: other members that a client gave (build_config, source ...) */
    slv_str secrets;    /* sealed JSON: {"production":{"K":"v"},"preview":{}}; empty: none */
    int64_t created_ms, modified_ms;
} slv_pages_project;

typedef struct slv_pages_deployment {
    slv_str account, project;
    slv_str id; /* UUID */
    bool production;
    slv_str branch; /* empty: none was named */
    slv_str alias;  /* label of the branch's host; empty: it has none */
    int64_t created_ms;
    slv_str author;
    slv_str trigger; /* JSON: {"branch","commit_hash","commit_message","commit_dirty"} */
    slv_str routes;  /* text of _routes.json; empty: none */
    /* As of a worker's version. */
    slv_str code, etag, handlers, metadata, secrets, assets;
    uint32_t startup_ms;
} slv_pages_deployment;

typedef struct slv_pages_domain {
    slv_str name; /* host, in lower case */
    slv_str account, project;
    slv_str id;
    int64_t created_ms;
} slv_pages_domain;

typedef struct slv_pages_project_list {
    slv_pages_project *items;
    size_t count;
} slv_pages_project_list;
typedef struct slv_pages_deployment_list {
    slv_pages_deployment *items;
    size_t count;
} slv_pages_deployment_list;
typedef struct slv_pages_domain_list {
    slv_pages_domain *items;
    size_t count;
} slv_pages_domain_list;

/* ---- projects ---- */

/* 1 to 58 lower-case letters, digits and hyphens, none at either end. */
bool slv_pages_name_valid(slv_str name);

SLV_NODISCARD slv_code slv_catalog_project_get(slv_catalog *c, slv_str account, slv_str name,
                                               slv_arena *arena, slv_pages_project *ret,
                                               slv_err *err);
SLV_NODISCARD slv_code slv_catalog_project_by_subdomain(slv_catalog *c, slv_str subdomain,
                                                        slv_arena *arena, slv_pages_project *ret,
                                                        slv_err *err);
/* By name; account empty: everybody's. limit 0: all. *ret_total may be NULL. */
SLV_NODISCARD slv_code slv_catalog_project_list(slv_catalog *c, slv_str account, uint64_t offset,
                                                uint64_t limit, slv_arena *arena,
                                                slv_pages_project_list *ret, uint64_t *ret_total,
                                                slv_err *err);
/* SLV_E_EXISTS: the account has one of that name. row->subdomain is what is wanted: when it is
 * taken, four digits of the id follow it (in the arena). SLV_E_LIMIT: the account has too many. */
SLV_NODISCARD slv_code slv_catalog_project_add(slv_catalog *c, slv_pages_project *row,
                                               slv_arena *arena, slv_err *err);
/* Name and subdomain do not change. */
SLV_NODISCARD slv_code slv_catalog_project_update(slv_catalog *c, const slv_pages_project *row,
                                                  slv_err *err);
/* With its deployments and domains. */
SLV_NODISCARD slv_code slv_catalog_project_delete(slv_catalog *c, slv_str account, slv_str name,
                                                  slv_err *err);

/* ---- deployments ---- */

/* The project's newest; with row->production, the one that answers from now on. The oldest beyond
 * SLV_PAGES_DEPLOYMENTS_KEPT that no host of the project leads to but their own go. */
SLV_NODISCARD slv_code slv_catalog_pages_add(slv_catalog *c, const slv_pages_deployment *row,
                                             slv_err *err);
SLV_NODISCARD slv_code slv_catalog_pages_get(slv_catalog *c, slv_str account, slv_str project,
                                             slv_str id, slv_arena *arena,
                                             slv_pages_deployment *ret, slv_err *err);
/* Newest first. environment: "production", "preview", or empty for both. limit 0: all. */
typedef struct slv_pages_page {
    slv_str environment;
    uint64_t offset, limit;
} slv_pages_page;
SLV_NODISCARD slv_code slv_catalog_pages_list(slv_catalog *c, slv_str account, slv_str project,
                                              const slv_pages_page *page, slv_arena *arena,
                                              slv_pages_deployment_list *ret, uint64_t *ret_total,
                                              slv_err *err);
/* Makes an earlier production deployment the one that answers. */
SLV_NODISCARD slv_code slv_catalog_pages_promote(slv_catalog *c, slv_str account, slv_str project,
                                                 slv_str id, slv_err *err);
SLV_NODISCARD slv_code slv_catalog_pages_delete(slv_catalog *c, slv_str account, slv_str project,
                                                slv_str id, slv_err *err);
/* Code files that deployments name, as slv_catalog_code_each. */
SLV_NODISCARD slv_code slv_catalog_pages_code_each(slv_catalog *c, slv_str account,
                                                   void (*each)(void *arg, slv_str account,
                                                                slv_str code),
                                                   void *arg, slv_err *err);
/* What a host of the project names: the first 8 digits of a deployment's id, or else the alias of
 * a branch, whose newest it is. */
SLV_NODISCARD slv_code slv_catalog_pages_preview(slv_catalog *c, slv_str account, slv_str project,
                                                 slv_str label, slv_arena *arena,
                                                 slv_pages_deployment *ret, slv_err *err);

/* ---- domains ---- */

/* project empty: of all; account empty: everybody's. */
SLV_NODISCARD slv_code slv_catalog_domain_list(slv_catalog *c, slv_str account, slv_str project,
                                               slv_arena *arena, slv_pages_domain_list *ret,
                                               slv_err *err);
/* SLV_E_EXISTS: some project has it already, or a worker has it as a custom domain. */
SLV_NODISCARD slv_code slv_catalog_domain_add(slv_catalog *c, const slv_pages_domain *row,
                                              slv_err *err);
SLV_NODISCARD slv_code slv_catalog_domain_delete(slv_catalog *c, slv_str account, slv_str project,
                                                 slv_str name, slv_err *err);

#endif
