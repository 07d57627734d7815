/*
 * queues_int.h - what the verbs of queues share: cmd_queues.c (queues), cmd_queues_consumer.c
 * (consumers). Private to cli.
 */
#ifndef SLV_CLI_QUEUES_INT_H
#define SLV_CLI_QUEUES_INT_H

#include "cli/rest.h"

/* One run of a verb on the queue that its first argument names. */
typedef struct queue_verb {
    const slv_args *args;
    slv_rest *rest;
    const char *name;      /* first argument */
    const slv_node *queue; /* what the stores say of it, when it was looked up */
    slv_buf path, body;
} queue_verb;

/* Opens the stores, calls work, tells what failed; returns the exit code. lookup: the queue must
 * exist. */
int slv_queue_verb_run(const slv_args *args, bool lookup,
                       slv_code (*work)(queue_verb *v, slv_err *err));
/* "/queues/ID" and what follows, in v->path. */
SLV_NODISCARD slv_code slv_queue_verb_path(queue_verb *v, const char *rest, slv_err *err);
SLV_NODISCARD slv_code slv_queue_verb_send(queue_verb *v, const char *method, slv_node **ret,
                                           slv_err *err);
/* Appends ,"name":VALUE of a number flag, when it was given (the first without its comma). */
SLV_NODISCARD slv_code slv_queue_verb_put_number(queue_verb *v, const char *flag, const char *name,
                                                 uint64_t min, uint64_t max, uint64_t factor,
                                                 bool *first, slv_err *err);

#endif
