/*
 * config.h - wrangler.toml, wrangler.json, wrangler.jsonc: a project's configuration for one
 * environment, checked.
 *
 * Pure: the text is passed in. Every string of a slv_config lives in its arena. Threads: any; one
 * at a time.
 *
 * Errors are one line, "FILE:LINE:COL: what, and what was expected": SLV_E_PARSE for syntax,
 * SLV_E_INVAL for wrong types, missing keys, unknown environments; SLV_E_UNSUPPORTED for keys that
 * this version has nothing for (unless allow_unsupported: the bindings then throw when they are
 * used). Warnings are lines of the same form.
 *
 * Limits: SLV_CONFIG_MAX bytes of text; plat/limits.h for the number of bindings.
 */
#ifndef SLV_PLAT_CONFIG_H
#define SLV_PLAT_CONFIG_H

#include "base/arena.h"
#include "base/vec.h"
#include "fmt/doc.h"
#include "plat/version.h"

#define SLV_CONFIG_MAX ((size_t)4 << 20)

typedef void (*slv_config_warn)(void *arg, const char *line);

typedef enum slv_rule_type {
    SLV_RULE_ESM,
    SLV_RULE_CJS,
    SLV_RULE_WASM,
    SLV_RULE_TEXT,
    SLV_RULE_DATA,
} slv_rule_type;

typedef struct slv_rule {
    slv_rule_type type;
    const slv_str *globs;
    size_t glob_count;
    bool ignored; /* an earlier rule of this type is no fallthrough: a file that matches is an error
                   */
    bool is_default;
} slv_rule;

typedef struct slv_pair {
    slv_str key, value;
} slv_pair;

typedef struct slv_config {
    slv_arena arena;
    slv_str name; /* of the worker, "-ENV" included; empty when none is given */
    slv_str main;
    slv_str compatibility_date;
    SLV_VEC(slv_str) compatibility_flags;
    slv_str base_dir, tsconfig, jsx_factory, jsx_fragment;
    bool no_bundle, minify, keep_names, find_additional_modules, preserve_file_names;
    SLV_VEC(slv_rule) rules; /* those of the file, then the default ones */
    struct {
        slv_str command, cwd;
        SLV_VEC(slv_str) watch_dirs;
    } build;
    SLV_VEC(slv_pair) define;
    SLV_VEC(slv_pair) alias;
    SLV_VEC(slv_pair) wasm_modules, text_blobs, data_blobs; /* binding name to path */
    SLV_VEC(slv_str) crons;
    SLV_VEC(slv_consumer) consumers;
    SLV_VEC(slv_object_class) classes; /* of Durable Objects, after all migrations */
    SLV_VEC(slv_object_step) object_steps;
    SLV_VEC(slv_binding) bindings;
    bool has_secrets; /* a "secrets" table: only the names in it are taken from files */
    SLV_VEC(slv_str) required_secrets;
    slv_str version_metadata; /* name of that binding, empty: none */
    slv_limits limits;
    struct {
        slv_str ip, local_protocol, host;
        slv_str dynamodb; /* "local", "verify", "remote"; empty: local */
        uint16_t port;    /* 0: not given */
    } dev;
    slv_assets_config assets; /* directory empty: none; has_worker is not set */
    slv_observe observe;
    slv_str route_host; /* host of the first route, without wildcards; empty: none */
    /* The checked tree and its environment's table (NULL: the top level), see slv_config_value. */
    const slv_node *root, *env;
} slv_config;

typedef struct slv_config_options {
    const char *file; /* as messages show it; what it ends with says the syntax */
    slv_str env;      /* empty: the top level */
    bool allow_unsupported;
    slv_config_warn warn; /* may be NULL */
    void *warn_arg;
} slv_config_options;

/* *ret is overwritten; call slv_config_done also after a failure. */
SLV_NODISCARD slv_code slv_config_parse(slv_str text, const slv_config_options *options,
                                        slv_config *ret, slv_err *err);
void slv_config_done(slv_config *c);
SLV_DEFINE_CLEANUP_DONE(slv_config, slv_config_done);
/* The configuration of a project without a file. */
void slv_config_default(slv_config *ret);

/* What stands in the file under a key of the first level, in the environment or, where it inherits
 * the key, above it. NULL: nothing. */
const slv_node *slv_config_value(const slv_config *c, const char *key);
/* NULL when there is none of that name. */
slv_binding *slv_config_binding(slv_config *c, slv_str name);
/* Sets or replaces a binding; strings are copied. */
SLV_NODISCARD slv_code slv_config_set_text(slv_config *c, slv_str name, slv_binding_type type,
                                           slv_str text);
/* Values from .dev.vars or .env, as secrets: all of the object, or only the required ones when the
 * file has "secrets". */
SLV_NODISCARD slv_code slv_config_set_secrets(slv_config *c, const slv_node *object);

#endif
