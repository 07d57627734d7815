/*
 * project.h - a Workers project on disk: its configuration, its secrets, its entry, and the version
 * that a bundle of it makes.
 *
 * Threads: any, one at a time; blocks on the disk. Errors are one line that names the file and what
 * to do.
 */
#ifndef SLV_CLI_PROJECT_H
#define SLV_CLI_PROJECT_H

#include "bundle/bundle.h"
#include "plat/compat.h"
#include "plat/config.h"

/* What makes it a project of Pages. Borrowed as the options below. */
typedef struct slv_pages_options {
    const char *directory; /* of static files; NULL: as configured */
    const char *functions; /* directory; NULL: "functions" beside the configuration */
    const slv_binding *bindings;
    size_t binding_count;
    bool build_variables; /* CF_PAGES and its like are bound */
} slv_pages_options;

/* From the command line; NULL and 0 mean not given. Borrowed for the life of the project. */
typedef struct slv_project_options {
    const char *config;             /* file */
    const char *script;             /* instead of main */
    const slv_pages_options *pages; /* NULL: it is a worker */
    const char *env;
    const char *name;
    const char *host; /* that requests seem to be for */
    const char *compatibility_date;
    bool latest; /* the newest compatibility date */
    const char *const *compatibility_flags;
    size_t compatibility_flag_count;
    const char *const *env_files;
    size_t env_file_count;
    const slv_pair *vars, *define, *alias;
    size_t var_count, define_count, alias_count;
    const char *tsconfig, *jsx_factory, *jsx_fragment;
    const char *assets;    /* directory of static files */
    int minify, no_bundle; /* -1: as the configuration says */
    bool allow_unsupported;
    bool no_secrets; /* .dev.vars and .env are for runs on this machine: they are not read */
    slv_config_warn warn;
    void *warn_arg;
} slv_project_options;

typedef struct slv_project {
    const slv_project_options *options;
    char *config_path; /* NULL: a script without configuration */
    char *dir;         /* of the configuration, or the working directory */
    char *home;     /* where state lies: dir, or the project whose build made the configuration */
    char *main;     /* absolute; NULL: there are static files only */
    char *assets;   /* their directory, absolute; NULL: there are none */
    char *base_dir; /* absolute */
    char *tsconfig; /* absolute; NULL: none */
    char *name;
    slv_config config;
    slv_compat compat;
    slv_bundle_spec bundle; /* of the fields above */
    bool node_added;        /* slv_project_add_node */
    bool redirected;        /* config_path is what .wrangler/deploy/config.json names */
    struct {
        char *functions;  /* directory in use; NULL: none */
        char *worker_dir; /* _worker.js, when that is a directory */
        slv_buf entry;    /* the module that sends requests to functions */
        slv_buf routes;   /* text of _routes.json; empty: none */
        bool own_routes;  /* it is the user's */
    } pages;
    SLV_VEC(char *) watched;   /* configuration and env files, also those that do not exist */
    SLV_VEC(char *) env_files; /* that were read */
} slv_project;

/* *ret is overwritten; free also after a failure with slv_project_done. */
SLV_NODISCARD slv_code slv_project_load(const slv_project_options *options, slv_project *ret,
                                        slv_err *err);
/* The configuration alone: no entry, secrets or flags are looked for. A project without one is
 * fine: config_path is then NULL and dir the working directory. Else as slv_project_load. */
SLV_NODISCARD slv_code slv_project_load_config(const slv_project_options *options, slv_project *ret,
                                               slv_err *err);
void slv_project_done(slv_project *p);
SLV_DEFINE_CLEANUP_DONE(slv_project, slv_project_done);

/* The flags that later dates have for Node's modules, for dynamo-bao, which asks for them by names
 * that only those dates know. False: the configuration has a word against it. */
bool slv_project_add_node(slv_project *p);

/* bundle->ok must be true; NULL where there is no main. warnings gets a line for each rule of
 * `_headers` and `_redirects` that is none. */
SLV_NODISCARD slv_code slv_project_version(const slv_project *p, const slv_bundle *bundle,
                                           slv_version **ret, slv_buf *warnings, slv_err *err);

#endif
