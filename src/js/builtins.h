/*
 * builtins.h - the built-in JavaScript modules of jslib/: evaluated at first use, kept by name.
 *
 * tools/embed_js.py turns each jslib/NAME.js into the text of a function (N, load, P) that returns
 * the module's exports; docs/internals/builtins.md says which JavaScript it accepts. `load` and `P`
 * are made here.
 *
 * Threads: the engine's. Ownership: exports are rooted for the life of the engine.
 */
#ifndef SLV_JS_BUILTINS_H
#define SLV_JS_BUILTINS_H

#include "base/str.h"
#include "js/native.h"

/* One row for each built-in, sorted by name. Text is ASCII (embed_js.py refuses else) and
 * NUL-terminated. */
typedef struct slv_builtin {
    const char *name;
    const char *text;
    size_t len;
} slv_builtin;

/* Generated. */
extern const slv_builtin slv_builtins[];
extern const size_t slv_builtin_count;

/* By exact name; NULL when there is none. */
const slv_builtin *slv_builtin_find(slv_str name);

/* Exports of a built-in, evaluated now if they were not. NULL with *exc set when it throws (unknown
   name, cycle). The engine lock is held. Call after all natives are registered. */
JSObjectRef slv_js_load(slv_js *js, const char *name, JSValueRef *exc);

#endif
