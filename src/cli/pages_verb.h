/*
 * pages_verb.h - what verbs on Pages projects of a server share: which project, and calls on it.
 * Private to cli. Main thread only; everything blocks.
 */
#ifndef SLV_CLI_PAGES_VERB_H
#define SLV_CLI_PAGES_VERB_H

#include "cli/rest.h"
#include "fmt/json_write.h"

#define SLV_PAGES_FLAGS                                                                            \
    SLV_REST_FLAGS, {"project-name", SLV_FLAG_STRING, 0, "NAME", "name of the project"},           \
        {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},                                            \
    {                                                                                              \
        "yes", SLV_FLAG_BOOL, 'y', NULL, "ask nothing"                                             \
    }

typedef struct slv_pages_verb {
    const slv_args *args;
    slv_rest *rest;
    slv_str name; /* of the project; empty: none was named */
    slv_buf path, json;
    slv_arena arena;
} slv_pages_verb;

/* The project: --project-name, else that of the configuration. */
SLV_NODISCARD slv_code slv_pages_open(slv_pages_verb *v, const slv_args *args, slv_err *err);
void slv_pages_verb_done(slv_pages_verb *v);
SLV_DEFINE_CLEANUP_DONE(slv_pages_verb, slv_pages_verb_done);
/* SLV_E_INVAL: no project was named. */
SLV_NODISCARD slv_code slv_pages_need_name(const slv_pages_verb *v, slv_err *err);
/* On "/pages/projects" and what follows; body: v->json, which is empty afterwards. */
SLV_NODISCARD slv_code slv_pages_call(slv_pages_verb *v, const char *method, slv_node **ret,
                                      slv_err *err, const char *fmt, ...) SLV_PRINTF(5, 6);
/* exec of a verb: opens, runs, says what failed. */
int slv_pages_run(const slv_args *args, slv_code (*run)(slv_pages_verb *v, slv_err *err));

#endif
