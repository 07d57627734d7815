/*
 * queue_int.h - consumers of queues: batches for handlers, on the first loop.
 *
 * queue.c reads what is due (a store call) and makes a QUEUE event of it; queue_settle.c writes
 * what became of the messages. Messages that are under way are known here alone: whatever ends this
 * process gives them back. Private to edge.
 */
#ifndef SLV_EDGE_QUEUE_INT_H
#define SLV_EDGE_QUEUE_INT_H

#include "edge/edge_int.h"
#include "queue/queue.h"
#include "state/state.h"

typedef struct slv_busy {
    int64_t seq;
    size_t bytes;
} slv_busy;

/* One queue and the worker that takes its messages. */
typedef struct slv_feed {
    slv_list node; /* shard->feeds */
    slv_shard *shard;
    slv_version *version;   /* a reference: one of the worker's */
    slv_consumer *consumer; /* its own, with its strings behind it */
    slv_consumer *old;      /* the one before; what is under way may still read it */
    slv_store *store;
    SLV_IMAP(slv_busy) busy; /* by seq: what is under way */
    uint64_t busy_bytes;
    unsigned batches;                /* that handlers have */
    unsigned refs;                   /* calls and deliveries that are not over */
    uint64_t backlog, backlog_bytes; /* in the queue when it was last looked at */
    int64_t oldest_ms;               /* of them; 0: none */
    size_t due;                      /* messages that are due and not busy, as far as is known */
    slv_timer timer;
    bool taking, again, closed;
} slv_feed;

/* Looks for messages, now or when a batch has ended. */
void slv_feed_wake(slv_feed *f);
/* The same in a while: something failed that is not the messages' fault. */
void slv_feed_wake_later(slv_feed *f);
void slv_feed_unref(slv_feed *f);
/* The messages are no longer under way. */
void slv_feed_release(slv_feed *f, const slv_queue_batch *batch);

/* queue_pull.c: a consumer that pulls. */
void slv_queue_declare(slv_shard *shard, const slv_version *version, const slv_consumer *consumer);

/* What became of a batch. */
typedef struct slv_feed_outcome {
    bool told;   /* there was a verdict; else every message is tried again */
    bool failed; /* the handler threw, or was lost */
    bool ack_all, retry_all;
    int64_t delay_s;   /* of retryAll(); -1: none given */
    uint64_t taken_us; /* by the handler */
    struct {
        uint8_t said; /* SLV_SAID_... */
        int64_t delay_s;
    } each[SLV_QUEUE_BATCH_MAX];
} slv_feed_outcome;
enum {
    SLV_SAID_NOTHING,
    SLV_SAID_ACK,
    SLV_SAID_RETRY,
};

/* Writes what follows; takes the batch. Then its messages are released, and the feed woken. */
void slv_feed_settle(slv_feed *f, slv_queue_batch *batch_take, const slv_feed_outcome *outcome);

#endif
