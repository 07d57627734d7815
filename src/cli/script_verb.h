/*
 * script_verb.h - what verbs on a worker of a server share: which worker, and calls on it.
 * Main thread only; everything blocks.
 */
#ifndef SLV_CLI_SCRIPT_VERB_H
#define SLV_CLI_SCRIPT_VERB_H

#include "cli/rest.h"
#include "fmt/json_write.h"

#define SLV_SCRIPT_FLAGS                                                                           \
    SLV_REST_FLAGS, {"name", SLV_FLAG_STRING, 0, "NAME", "name of the worker"},                    \
        {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},                                            \
    {                                                                                              \
        "yes", SLV_FLAG_BOOL, 'y', NULL, "ask nothing"                                             \
    }

typedef struct slv_script_verb {
    const slv_args *args;
    slv_rest *rest;
    const char *name; /* of the worker */
    char *owned_name;
    slv_buf path, json;
    bool as_json;
} slv_script_verb;

SLV_NODISCARD slv_code slv_script_open(slv_script_verb *v, const slv_args *args, slv_err *err);
void slv_script_done(slv_script_verb *v);
SLV_DEFINE_CLEANUP_DONE(slv_script_verb, slv_script_done);
/* On "/workers/scripts/NAME" and what follows; body: v->json, which is empty afterwards. */
SLV_NODISCARD slv_code slv_script_call(slv_script_verb *v, const char *method, slv_node **ret,
                                       slv_err *err, const char *fmt, ...) SLV_PRINTF(5, 6);
/* Asks on a terminal unless --yes was given; elsewhere the answer is yes. */
bool slv_script_confirm(const slv_script_verb *v, const char *fmt, ...) SLV_PRINTF(2, 3);
/* exec of a verb: opens, runs, says what failed. */
int slv_script_run(const slv_args *args, slv_code (*run)(slv_script_verb *v, slv_err *err));

#endif
