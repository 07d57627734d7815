/*
 * r2_int.h - what the verbs of R2 share: cmd_r2.c (buckets, objects, access keys), cmd_r2_rules.c
 * (locks, lifecycle, notifications, domains). Private to cli.
 */
#ifndef SLV_CLI_R2_INT_H
#define SLV_CLI_R2_INT_H

#include "cli/rest.h"

typedef struct r2_verb {
    const slv_args *args;
    slv_rest *rest;
    const char *bucket; /* first argument, where the verb has one */
    slv_buf path, body, headers;
    slv_str key; /* of an object */
} r2_verb;

/* Opens the stores, calls work, tells what failed; returns the exit code. */
int slv_r2_verb_run(const slv_args *args, slv_code (*work)(r2_verb *v, slv_err *err));
/* "/r2/buckets/NAME" and what follows, in v->path. */
SLV_NODISCARD slv_code slv_r2_verb_path(r2_verb *v, const char *rest);
/* v->body to v->path; ret may be NULL. */
SLV_NODISCARD slv_code slv_r2_verb_send(r2_verb *v, const char *method, slv_node **ret,
                                        slv_err *err);

#endif
