/*
 * bundle.h - from a project's sources, or the modules of an upload, to what a version needs: one
 * script, its modules, its source map.
 *
 * esbuild does the work as a service; its plugin callbacks are answered here. What comes out has no
 * import left: built-in modules (cloudflare:*, workerd:*, node:*) become small modules that read
 * from the host object `__selvage`, files that a rule names become modules of the version, and the
 * trailing export list becomes the script's return value (docs/internals/channel.md, "The script").
 *
 * Threads: loop only. A bundler runs one build at a time; it keeps esbuild's parsed files between
 * builds that have the same flags.
 *
 * Limits: SLV_BUNDLE_MAX bytes of script or source map, SLV_BUNDLE_FILE_MAX of one module.
 */
#ifndef SLV_BUNDLE_BUNDLE_H
#define SLV_BUNDLE_BUNDLE_H

#include "aio/loop.h"
#include "bundle/esbuild.h"
#include "plat/config.h"
#include "plat/version.h"

#define SLV_BUNDLE_MAX ((size_t)128 << 20)
#define SLV_BUNDLE_FILE_MAX ((size_t)64 << 20)

/* How modules of Node are resolved. */
typedef enum slv_node_mode {
    SLV_NODE_OFF, /* node:* is left to the start of the worker, with a warning */
    SLV_NODE_ALS, /* node:async_hooks alone, without one */
    SLV_NODE_V1,  /* node:* without a warning */
    SLV_NODE_V2,  /* names without "node:" too, and the bundler's polyfills */
} slv_node_mode;

typedef struct slv_bundler slv_bundler;

/* Borrowed until the build is done. Paths are absolute. */
typedef struct slv_bundle_spec {
    const char *project_dir; /* what relative paths, aliases and source names are relative to */
    const char *main;
    slv_str main_text; /* the entry itself, which imports by absolute paths; empty: a file */
    const char
        *base_dir; /* where find_additional_modules looks, and what module names are relative to */
    const slv_config *config;
    const slv_pair *define, *alias; /* beside those of the configuration */
    size_t define_count, alias_count;
    const char *tsconfig, *jsx_factory, *jsx_fragment; /* NULL: as the configuration says */
    bool minify, no_bundle;
    /* The result is for another server, as one that runs anything would take it: an ES module that
       imports built-in modules and the files of `modules` ("./name") by name. */
    bool portable;
    slv_node_mode node;
    /* An upload: these are all the modules there are, no file is read; `main` is the name of one of
       them, directories and config are ignored. Names are paths; an import leads from one to
       another as a path does. */
    const slv_module *sources;
    size_t source_count;
    /* 0: no bound. Beyond them esbuild is ended, and the build has failed with SLV_E_LIMIT. */
    uint32_t time_ms;
    uint64_t memory_bytes; /* resident, of the process */
} slv_bundle_spec;

typedef struct slv_note {
    slv_str text;
    slv_str file, line_text;    /* file empty: no place */
    uint32_t line, col, length; /* from 1 */
    slv_str suggestion;
} slv_note;

typedef struct slv_diagnostic {
    slv_note main;
    const slv_note *notes;
    size_t note_count;
} slv_diagnostic;

/* What a build gives. Strings live in the arena. */
typedef struct slv_bundle {
    slv_arena arena;
    bool ok;
    bool
        wants_node; /* it failed because dynamo-bao names modules of Node, which spec.node denies */
    slv_str script, source_map;
    bool service_worker; /* the entry exports nothing: an ES module always does */
    SLV_VEC(slv_module) modules;
    SLV_VEC(slv_str) inputs; /* absolute paths of every file that was read; empty when !ok */
    SLV_VEC(slv_str) exports;
    SLV_VEC(slv_diagnostic) errors, warnings;
} slv_bundle;

slv_bundle *slv_bundle_free(slv_bundle *b);
SLV_DEFINE_CLEANUP(slv_bundle *, slv_bundle_free);

/* The result is the callee's. err: the bundler itself failed (esbuild died, a file is too large);
 * result is NULL then. */
typedef void (*slv_bundle_done)(void *user, slv_bundle *result, const slv_err *err);

/* Starts esbuild at once, so that it is up when the first build comes. */
SLV_NODISCARD slv_code slv_bundler_new(slv_loop *loop, const slv_esbuild_place *place,
                                       slv_bundle_done done, void *user, slv_bundler **ret,
                                       slv_err *err);
/* Not inside a done callback. Accepts NULL, returns NULL. */
slv_bundler *slv_bundler_free(slv_bundler *b);
SLV_DEFINE_CLEANUP(slv_bundler *, slv_bundler_free);
/* done comes once, later. No build may be under way. */
void slv_bundler_build(slv_bundler *b, const slv_bundle_spec *spec);

/* Rewrites the trailing export list of bundled module text. SLV_E_PARSE when has_exports and there
 * is none. */
SLV_NODISCARD slv_code slv_bundle_return(slv_str text, bool has_exports, slv_buf *out,
                                         slv_err *err);
/* Makes `typeof require` of a module that is not bundled "undefined", as on the platform: esbuild
 * has put a function of its own there. In place; columns stay. */
void slv_bundle_hide_require(slv_buf *script);
/* The module text that stands for a built-in module. `name` may carry a prefix, see text.c.
   polyfills: what the worker lacks may be a polyfill. */
#define SLV_BUNDLE_NAMES "selvage:names:"
#define SLV_BUNDLE_REQUIRE "selvage:require:"
SLV_NODISCARD slv_code slv_bundle_shim(slv_str name, bool polyfills, slv_buf *out);
/* True for "fs", "fs/promises" ...: what Node knows without "node:". */
bool slv_node_module_name(slv_str name);

#endif
