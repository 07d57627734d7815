/*
 * bundle_int.h - the parts of the bundler: bundle.c (builds), plugin.c (esbuild's questions),
 * sources.c (those about an upload), result.c (what it gives). Private to bundle.
 */
#ifndef SLV_BUNDLE_BUNDLE_INT_H
#define SLV_BUNDLE_BUNDLE_INT_H

#include "aio/timer.h"
#include "bundle/bundle.h"
#include "bundle/rewrite.h"

#define SLV_BUNDLE_ENTRY "selvage:entry" /* stands for spec.main_text */
#define BUNDLE_FLAG_BYTES_MAX ((size_t)4 << 20)

typedef enum bundle_state {
    BUNDLE_IDLE,
    BUNDLE_DISPOSE, /* of the context with other flags */
    BUNDLE_CONTEXT, /* being made */
    BUNDLE_REBUILD, /* under way */
    BUNDLE_REWRITE, /* of the script it gave */
    BUNDLE_DONE,    /* to be reported */
} bundle_state;

/* An import whose path esbuild was asked for. */
typedef struct bundle_resolve {
    uint32_t ask, question, callback;
    slv_rule_type type;
    bool used;
} bundle_resolve;

/* An import of a module of Node that only the worker's start can judge. In the result's arena. */
typedef struct bundle_import {
    slv_str path, importer;
} bundle_import;

struct slv_bundler {
    slv_loop *loop;
    slv_esbuild_place place;
    slv_esbuild *esbuild; /* NULL after it died, until the next build */
    slv_bundle_done done;
    void *user;

    const slv_bundle_spec *spec; /* own, during a build */
    slv_bundle_spec own;
    char source_main[4096];
    slv_arena patches; /* sources that differ from what was given, and their texts */
    bool patched;
    slv_timer watch; /* looks at the bounds */
    uint64_t begun_ms;
    bundle_state state;
    uint32_t waiting; /* the answer that moves the state on */
    uint32_t key;     /* of the context */
    bool has_context;
    bool js_table;      /* the script imports what is only known when it runs */
    slv_buf context;    /* the request that made it, without command and key */
    slv_bundle *result; /* being made */
    SLV_VEC(bundle_resolve) resolves;
    SLV_VEC(bundle_import) imports;
    slv_rewrite *rewrite; /* NULL: none */
    slv_task report;
    slv_err err;
    bool failed;
};

/* plugin.c */
void slv_bundle_put_plugins(const slv_bundler *b, slv_buf *out);
void slv_bundle_question(slv_bundler *b, uint32_t id, const slv_node *value);
/* True when the answer belonged to a question of the plugin. */
bool slv_bundle_resolved(slv_bundler *b, uint32_t id, const slv_node *value);

void slv_bundle_answer_path(slv_bundler *b, uint32_t id, uint32_t callback, slv_str path,
                            const char *namespace, uint32_t data, bool pure);
void slv_bundle_answer_error(slv_bundler *b, uint32_t id, uint32_t callback, slv_str text);
void slv_bundle_answer_contents(slv_bundler *b, uint32_t id, uint32_t callback, slv_str contents);
/* node:fs, or fs where that is the same (bare). */
void slv_bundle_answer_node(slv_bundler *b, uint32_t id, uint32_t callback, const slv_node *q,
                            bool bare);

/* Portable: adds the modules that find_additional_modules finds to the result. */
SLV_NODISCARD slv_code slv_bundle_add_found(slv_bundler *b);

/* sources.c: modules of an upload */
void slv_bundle_source_resolve(slv_bundler *b, uint32_t id, uint32_t callback, const slv_node *q);
void slv_bundle_source_load(slv_bundler *b, uint32_t id, uint32_t callback, slv_str path);
/* Where they seem to be: below what is no directory, so that esbuild finds no file there whatever
 * it looks for (patterns in import() make it list directories). */
#define SOURCE_DIR "/dev/null/upload"
/* The one at a path of esbuild's; NULL: none. */
const slv_module *slv_bundle_source(const slv_bundle_spec *spec, slv_str path);
/* After a build that failed for patterns in import(): changes what esbuild takes for one. True:
 * build again. */
bool slv_bundle_source_patch(slv_bundler *b);
/* Rows of the table of modules. */
SLV_NODISCARD slv_code slv_bundle_source_table(const slv_bundle_spec *spec, slv_buf *out);

/* result.c */
void slv_bundle_take_result(slv_bundler *b, const slv_node *value);
void slv_bundle_take_messages(slv_bundler *b, const slv_node *value);

/* node.c */
void slv_bundle_node_import(slv_bundler *b, slv_str path, slv_str importer);
void slv_bundle_node_warnings(slv_bundler *b);
/* Says in place of esbuild's notes what a project of this kind does about a module of Node. */
void slv_bundle_node_notes(const slv_bundler *b, slv_diagnostic *d);

void slv_bundle_fail(slv_bundler *b, slv_code code, const char *text);

#endif
