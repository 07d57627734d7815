/*
 * project_args.h - the flags that say what a project is: shared by the verbs that build one.
 */
#ifndef SLV_CLI_PROJECT_ARGS_H
#define SLV_CLI_PROJECT_ARGS_H

#include "cli/cmd.h"
#include "cli/project.h"

/* Rows for slv_cmd.flags. "config" is the verb's own: some take several. */
#define SLV_PROJECT_FLAGS                                                                          \
    {"env", SLV_FLAG_STRING, 'e', "NAME", "environment of the configuration (or CLOUDFLARE_ENV)"}, \
        {"env-file", SLV_FLAG_LIST, 0, "FILE",                                                     \
         "read secrets from these files instead of .dev.vars and .env"},                           \
        {"name", SLV_FLAG_STRING, 0, "NAME", "name of the worker"},                                \
        {"var", SLV_FLAG_LIST, 0, "KEY:VALUE", "variables beside those of the configuration"},     \
        {"define", SLV_FLAG_LIST, 0, "KEY:VALUE",                                                  \
         "replace a name by an expression when bundling"},                                         \
        {"alias", SLV_FLAG_LIST, 0, "FROM:TO", "replace a module by another when bundling"},       \
        {"compatibility-date", SLV_FLAG_STRING, 0, "DATE",                                         \
         "behave as the platform did at YYYY-MM-DD"},                                              \
        {"compatibility-flags", SLV_FLAG_LIST, 0, "FLAG", "compatibility flags"},                  \
        {"compatibility-flag", SLV_FLAG_LIST, 0, "FLAG", NULL},                                    \
        {"latest", SLV_FLAG_BOOL, 0, NULL, "use the newest compatibility date"},                   \
        {"bundle", SLV_FLAG_BOOL, 0, NULL, "--no-bundle: take the sources as they are"},           \
        {"minify", SLV_FLAG_BOOL, 0, NULL, "minify the bundle"},                                   \
        {"tsconfig", SLV_FLAG_STRING, 0, "FILE", "tsconfig.json for the bundler"},                 \
        {"jsx-factory", SLV_FLAG_STRING, 0, "NAME", "function that JSX elements call"},            \
        {"jsx-fragment", SLV_FLAG_STRING, 0, "NAME", "what JSX fragments are"},                    \
        {"assets", SLV_FLAG_STRING, 0, "DIR", "serve the static files of a directory"},            \
    {                                                                                              \
        "allow-unsupported", SLV_FLAG_BOOL, 0, NULL,                                               \
            "go on although bindings are not supported yet; their use throws"                      \
    }

/* Lists that options borrow. */
typedef struct slv_project_lists {
    SLV_VEC(slv_pair) vars, define, alias;
    SLV_VEC(const char *) flags, env_files;
} slv_project_lists;

void slv_project_lists_done(slv_project_lists *l);
SLV_DEFINE_CLEANUP_DONE(slv_project_lists, slv_project_lists_done);
/* SLV_E_INVAL: no KEY:VALUE. */
SLV_NODISCARD slv_code slv_project_lists_read(const slv_args *a, slv_project_lists *ret,
                                              slv_err *err);
/* *ret is overwritten; config, script and name are left out, warnings go to the terminal. */
void slv_project_args(const slv_args *a, const slv_project_lists *lists, slv_project_options *ret);

#endif
