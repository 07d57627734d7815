/*
 * model.h - what `selvage:bao` asks of the tables: models' items by id, by key, by index, and
 * saving them. The library sends a model's plan and the program's values; keys, attribute values
 * and expressions are made here, as the package dynamo-bao makes them in JavaScript, and answers
 * have plain values (value.h).
 *
 * A task is one call of the library: usually one request, some more where values are unique.
 *
 *     slv_dynamo_task *task = slv_dynamo_task_new(SLV_DYNAMO_TASK_FIND, plan, id, &origin);
 *     slv_dynamo_request *r = slv_dynamo_task_step(task, NULL), *next;
 *     for (; r; r = next) { ...run r...; next = slv_dynamo_task_step(task, r); }
 *
 * What a task cannot make (a value that JSON lacks, a condition of a field with code of its own) is
 * refused with SLV_DYNAMO_TASK_NOT_MINE before anything was written, and the library makes it
 * itself: what is wrong with a call is told there alone.
 *
 * A plan is text, a line for each part, of columns that tabs separate; '\n', '\t' are in no column:
 *
 *     TABLE TENANT PREFIX PK SK BUCKETS NAME TEST   first; PK, SK: names of fields, or
 * "modelPrefix" i INDEX PK SK                                 gsi1: an index with keys of its own
 *     u ID FIELD                                    _uc1: a unique constraint
 *     f KIND NAME                                   a field (slv_dyn_kind)
 *
 * Limits: the text of a call SLV_DYNAMO_BODY_MAX. Threads: one at a time.
 */
#ifndef SLV_DYNAMO_MODEL_H
#define SLV_DYNAMO_MODEL_H

#include "dynamo/dynamo.h"

typedef enum slv_dynamo_verb {
    SLV_DYNAMO_TASK_CALL,  /* plan: the operation; text: its JSON, with plain values */
    SLV_DYNAMO_TASK_FIND,  /* text: an id */
    SLV_DYNAMO_TASK_BATCH, /* text: ["id",...] */
    SLV_DYNAMO_TASK_QUERY, /* text: see model_query.c */
    SLV_DYNAMO_TASK_SAVE,  /* text: see model_save.c */
} slv_dynamo_verb;

/* Statuses beside those of HTTP. 0 is the channel's. */
#define SLV_DYNAMO_TASK_NOT_MINE 1
#define SLV_DYNAMO_TASK_TAKEN 2 /* the body names the field whose value belongs to another item */
#define SLV_DYNAMO_TASK_MARKED 201 /* 200, with names that begin with NUL (value.h) */

typedef struct slv_dynamo_task slv_dynamo_task;

/* Copies. Never NULL: what it cannot make is its answer. */
slv_dynamo_task *slv_dynamo_task_new(uint8_t verb, slv_str plan, slv_str text,
                                     const slv_dynamo_origin *origin);
/* Accepts NULL, returns NULL. The requests that it made are freed before. */
slv_dynamo_task *slv_dynamo_task_free(slv_dynamo_task *task);
SLV_DEFINE_CLEANUP(slv_dynamo_task *, slv_dynamo_task_free);
/* answered: the request of before, NULL at first. A new one, the caller's; NULL: it is over. */
slv_dynamo_request *slv_dynamo_task_step(slv_dynamo_task *task, const slv_dynamo_request *answered);
/* When it is over; last: the last request, NULL where there was none. Borrowed from both. */
void slv_dynamo_task_answer(const slv_dynamo_task *task, const slv_dynamo_request *last,
                            int *ret_status, slv_str *ret_body);

#endif
