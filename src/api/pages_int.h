/*
 * pages_int.h - what the routes of Pages share. A call is an asset_rest (assets_int.h) whose reader
 * is a pages_rest. Private to api.
 *
 *     pages_projects.c     projects and their settings
 *     pages_configs.c      settings: merged, secrets taken out, made into metadata
 *     pages_json.c         how rows look
 *     pages_upload.c       files
 *     pages_deploy.c       new deployments
 *     pages_deployments.c  those that are there; tails
 *     pages_domains.c      custom domains
 */
#ifndef SLV_API_PAGES_INT_H
#define SLV_API_PAGES_INT_H

#include "api/assets_int.h"
#include "host/pages.h"

#define PAGES_PROJECTS "/accounts/:account/pages/projects"
#define PAGES_PROJECT PAGES_PROJECTS "/:project"
#define PAGES_DEPLOYMENT PAGES_PROJECT "/deployments/:deployment"

#define PAGES_NO_PROJECT 8000007
#define PAGES_NO_DEPLOYMENT 8000009
#define PAGES_EXISTS 8000002
#define PAGES_INVALID 8000001
#define PAGES_NO_DOMAIN 8000021
#define PAGES_DOMAIN_TAKEN 8000018
#define PAGES_ACTIVE 8000034
#define PAGES_ALIASED 8000035
#define PAGES_BUILD 8000033

#define PAGES_CONFIG_MAX ((size_t)1 << 20)

typedef struct pages_rest {
    slv_host *host;
    slv_str account, name; /* of the project */
    slv_pages_project project;
    slv_pages_deployment deployment;
    slv_pages_domain domain;
    slv_node *body;
    slv_pages_page page;
    uint64_t page_number, per_page, total;
    bool force;
    /* a new deployment (pages_deploy.c) */
    char id[37];
    slv_node *manifest;                 /* path to hash */
    slv_str headers, redirects, bundle; /* texts of the form */
    slv_node *metadata;                 /* of the worker */
    slv_upload_part *parts;
    size_t part_count;
    slv_upload upload;
    slv_built *built;
} pages_rest;

static inline pages_rest *slv_pages_of(asset_rest *r)
{
    return r->reader;
}

/* NULL: the call was ended. The project is that of the path, where it has one. */
asset_rest *slv_pages_rest_new(slv_api_call *call);
/* In a step: the project's row. */
SLV_NODISCARD slv_code slv_pages_project_row(asset_rest *r, slv_catalog *c, slv_err *err);
SLV_NODISCARD slv_code slv_pages_deployment_row(asset_rest *r, slv_catalog *c, slv_str id,
                                                slv_err *err);
/* What was changed is put into effect; then the answer. */
void slv_pages_apply(asset_rest *r);
void slv_pages_uuid(char out[static 37]);
/* ?page= and ?per_page=; false: the call was ended. */
bool slv_pages_take_page(asset_rest *r, uint64_t otherwise);
/* r->out as a page of p->total, of which p->page.limit are shown. */
void slv_pages_answer_page(asset_rest *r);

/* ---- pages_json.c ---- */

/* In a step: reads the domains and the deployments that it names. */
SLV_NODISCARD slv_code slv_pages_put_project(asset_rest *r, slv_catalog *c,
                                             const slv_pages_project *row, slv_err *err);
SLV_NODISCARD slv_code slv_pages_put_deployment(asset_rest *r, const slv_pages_project *project,
                                                const slv_pages_deployment *row, slv_err *err);
void slv_pages_put_time(slv_json_writer *w, const char *key, int64_t ms);

/* ---- pages_configs.c ---- */

/* Changes row->configs, row->secrets (sealed) by a body's deployment_configs, in r's arena. */
SLV_NODISCARD slv_code slv_pages_configs_merge(asset_rest *r, slv_pages_project *row,
                                               const slv_node *patch, slv_err *err);
/* The metadata of a deployment's worker: what was uploaded, or else the project's settings of the
 * environment; secrets in clear, ASSETS and the variables of the build in any case. */
SLV_NODISCARD slv_code slv_pages_metadata(asset_rest *r, const slv_node *uploaded, slv_node **ret,
                                          slv_err *err);

#endif
