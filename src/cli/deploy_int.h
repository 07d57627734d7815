/*
 * deploy_int.h - a project on its way to a server: deploy.c (build, upload), deploy_assets.c
 * (static files), deploy_provision.c (resources that bindings need), deploy_triggers.c (what leads
 * to the worker). Private to cli. Main thread only; everything blocks.
 */
#ifndef SLV_CLI_DEPLOY_INT_H
#define SLV_CLI_DEPLOY_INT_H

#include "cli/form.h"
#include "cli/metadata.h"
#include "cli/project_args.h"
#include "cli/rest.h"

#define SLV_DEPLOY_FORM_MAX ((size_t)256 << 20)
#define SLV_DEPLOY_JSON_MAX ((size_t)64 << 20)
#define SLV_SCRIPT_NOT_FOUND 10007

typedef struct slv_deploy {
    const slv_args *args;
    slv_project_lists lists;
    slv_project_options options;
    slv_project project;
    slv_bundle *bundle; /* NULL: static files alone */
    slv_rest *rest;
    slv_arena arena;
    slv_buf path, json; /* of the call that is being made */
    bool exists;        /* the worker, on the server */
    slv_metadata metadata;
    SLV_VEC(slv_provision) provisions;
    slv_buf jwt, headers_text, redirects_text;
    slv_str version_id;
    bool has_preview;
} slv_deploy;

/* Rows of flags for verbs that make a version. */
#define SLV_DEPLOY_FLAGS                                                                           \
    {"config", SLV_FLAG_STRING, 'c', "FILE", "configuration file"}, SLV_PROJECT_FLAGS,             \
        {"cwd", SLV_FLAG_STRING, 0, "DIR", "run as if started there"},                             \
        {"dry-run", SLV_FLAG_BOOL, 0, NULL, "build, and send nothing"},                            \
        {"outdir", SLV_FLAG_STRING, 0, "DIR", "write what would be sent into a directory"},        \
        {"keep-vars", SLV_FLAG_BOOL, 0, NULL, "keep variables that the configuration lacks"},      \
        {"tag", SLV_FLAG_STRING, 0, "TEXT", "a tag for the version"},                              \
        {"message", SLV_FLAG_STRING, 0, "TEXT", "a message for the version"},                      \
        {"secrets-file", SLV_FLAG_STRING, 0, "FILE", "secrets to set, as JSON or .env"},           \
        {"upload-source-maps", SLV_FLAG_BOOL, 0, NULL, NULL},                                      \
        {"strict", SLV_FLAG_BOOL, 0, NULL, NULL}, {"autoconfig", SLV_FLAG_BOOL, 0, NULL, NULL},    \
        {"experimental-autoconfig", SLV_FLAG_BOOL, 0, NULL, NULL},                                 \
        {"experimental-provision", SLV_FLAG_BOOL, 0, NULL, NULL},                                  \
    {                                                                                              \
        "experimental-auto-create", SLV_FLAG_BOOL, 0, NULL, NULL                                   \
    }

/* Reads the flags, builds the project and finds the server. With --dry-run rest stays NULL. */
SLV_NODISCARD slv_code slv_deploy_open(slv_deploy *d, const slv_args *args, slv_err *err);
/* The configuration alone: nothing is built. */
SLV_NODISCARD slv_code slv_deploy_open_config(slv_deploy *d, const slv_args *args, slv_err *err);
void slv_deploy_done(slv_deploy *d);
SLV_DEFINE_CLEANUP_DONE(slv_deploy, slv_deploy_done);

/* Static files, resources, the worker. in_force: and deployed at once. */
SLV_NODISCARD slv_code slv_deploy_upload(slv_deploy *d, bool in_force, slv_err *err);

/* "/workers/scripts/NAME" and what follows, in d->path. */
SLV_NODISCARD slv_code slv_deploy_path(slv_deploy *d, const char *fmt, ...) SLV_PRINTF(2, 3);
/* A call on d->path with d->json as its body. */
SLV_NODISCARD slv_code slv_deploy_call(slv_deploy *d, const char *method, slv_node **ret,
                                       slv_err *err);

SLV_NODISCARD slv_code slv_deploy_assets(slv_deploy *d, slv_err *err);
SLV_NODISCARD slv_code slv_deploy_provision(slv_deploy *d, slv_err *err);
SLV_NODISCARD slv_code slv_deploy_triggers(slv_deploy *d, slv_err *err);

#endif
