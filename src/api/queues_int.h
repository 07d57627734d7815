/*
 * queues_int.h - what queues.c (queues themselves), queue_messages.c (messages by HTTP),
 * queue_consumers.c and queue_workers.c (consumers that are workers of a server) share. Private to
 * api.
 */
#ifndef SLV_API_QUEUES_INT_H
#define SLV_API_QUEUES_INT_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/api.h"
#include "base/mem.h"
#include "base/vec.h"
#include "catalog/consumer.h"
#include "edge/server.h"
#include "queue/queue.h"
#include "state/kinds.h"

/* Codes that wrangler knows, and others of the platform's. */
#define QUEUE_EXISTS 11009
#define QUEUE_NOT_FOUND 11000
#define QUEUE_BAD_NAME 11003
#define QUEUE_CONSUMER_EXISTS 11004
#define QUEUE_CONSUMER_NOT_FOUND 11005
#define QUEUE_NO_WORKER 10007
#define QUEUE_BAD_CONSUMER 100127
#define QUEUE_INVALID 100128

/* One call while it runs; whoever answers it frees it. */
typedef struct queue_producer {
    slv_str queue, worker;
} queue_producer;

typedef struct queue_rest queue_rest;
struct queue_rest {
    slv_call call;
    slv_api_call *api;
    slv_store *store;
    char name[256]; /* of the queue that store is */
    SLV_VEC(char *) names;
    size_t at; /* of names: which to look at next */
    slv_str wanted;
    void (*found)(queue_rest *r);
    void (*gone)(slv_api_call *call);
    int64_t now_ms;
    slv_queue_settings settings;
    slv_buf consumer; /* JSON; empty: none */
    /* workers that are deployed with a binding to a queue, of the whole account: queue_workers.c */
    struct {
        slv_arena arena;
        bool known;
        SLV_VEC(queue_producer) items;
    } producers;
    /* a worker that consumes: queue_workers.c */
    slv_arena arena;
    slv_consumer_row row; /* id empty: none */
    slv_str worker_before;
    void (*then)(queue_rest *r);
    slv_node *body;
    slv_buf out; /* the result */
    /* lists */
    uint64_t page;
    size_t listed, total;
    /* messages */
    slv_queue_new messages[SLV_QUEUE_BATCH_MAX];
    size_t count;
    slv_queue_metrics metrics;
    slv_queue_batch batch, dead;
    slv_queue_pull_options pull;
    slv_store *dead_store;
    size_t acked, retried, unknown;
};

queue_rest *slv_queue_rest_new(slv_api_call *call);
void slv_queue_rest_free(queue_rest *r);
/* Finds the queue that the path's second parameter names; answers 404 when there is none. */
void slv_queue_rest_find(slv_api_call *call, void (*found)(queue_rest *r));
/* The same by a name or id that stands elsewhere. gone (may be NULL) is told
 * before the call ends without it. */
void slv_queue_rest_find_named(slv_api_call *call, slv_str wanted, void (*found)(queue_rest *r),
                               void (*gone)(slv_api_call *call));
void slv_queue_rest_call(queue_rest *r, slv_call_kind kind, bool create,
                         slv_code (*run)(slv_call *, void *, slv_err *), void (*then)(slv_call *));
/* Each ends the call and frees r. */
void slv_queue_rest_answer(queue_rest *r, slv_code code); /* r->out as the result */
void slv_queue_rest_fail(queue_rest *r, const slv_err *err);
/* Answers with an error and frees r. */
void slv_queue_rest_refuse(queue_rest *r, int status, int code, const char *text);
/* The queue was found: r->consumer has the consumer, and r->row when it is a worker. */
void slv_queue_rest_consumer(queue_rest *r, void (*then)(queue_rest *r));
/* What r->body says becomes the queue's consumer; ends the call. */
void slv_queue_rest_put_worker(queue_rest *r, slv_str id);
/* r->row is removed, if there is one. */
void slv_queue_rest_remove_worker(queue_rest *r, void (*then)(queue_rest *r));
/* Consumers of a running server look again. */
void slv_queue_rest_changed(queue_rest *r);
/* A time as JSON, "2026-01-01T00:00:00.000Z". */
SLV_NODISCARD slv_code slv_queue_rest_put_time(slv_buf *out, int64_t ms);
SLV_NODISCARD slv_code slv_queue_rest_put_metrics(slv_buf *out, const slv_queue_metrics *m);

#endif
