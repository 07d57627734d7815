/*
 * functions.h - the `functions/` directory of Pages: which file answers for which path, and the
 * module that sends each request to them.
 *
 * A file's place is its route: "api/[id].ts" answers "/api/:id", "[[path]]" any depth, "index" its
 * folder, "_middleware" everything below its folder. The handlers in a file are its exports
 * onRequest, onRequestGet, onRequestPost ... What they are is found out when the module runs.
 *
 * Threads: any; blocks on the disk. Limits: SLV_FUNCTIONS_FILES_MAX files,
 * SLV_FUNCTIONS_DEPTH_MAX folders in each other, SLV_FUNCTIONS_FILE_MAX bytes a file.
 * Rule: platform specification 10.4; where it says nothing, what wrangler makes of the directory.
 */
#ifndef SLV_BUNDLE_FUNCTIONS_H
#define SLV_BUNDLE_FUNCTIONS_H

#include "base/arena.h"
#include "base/buf.h"

#define SLV_FUNCTIONS_FILES_MAX 5000u
#define SLV_FUNCTIONS_DEPTH_MAX 32
#define SLV_FUNCTIONS_FILE_MAX ((size_t)16 << 20)

typedef struct slv_function {
    slv_str path;         /* absolute */
    slv_str relative;     /* "api/[id].ts" */
    slv_str route, mount; /* "/api/:id", "/api" */
    bool middleware;
} slv_function;

typedef struct slv_functions {
    slv_function *items;
    size_t count;
} slv_functions;

/* Files that have handlers, folders after the files beside them. dir is absolute. Strings live in
 * the arena. SLV_E_NOTFOUND: no such directory; SLV_E_INVAL: a parameter has no good name. */
SLV_NODISCARD slv_code slv_functions_scan(const char *dir, slv_arena *arena, slv_functions *ret,
                                          slv_err *err);
/* Appends the module: what slv_bundle_spec.main_text is made for. fallback: binding whose fetch
 * answers what no handler does; empty: the origin. */
SLV_NODISCARD slv_code slv_functions_entry(const slv_functions *f, slv_str fallback, slv_buf *out);
/* Appends _routes.json: the paths that may have handlers. */
SLV_NODISCARD slv_code slv_functions_routes(const slv_functions *f, slv_buf *out);

#endif
