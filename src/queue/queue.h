/*
 * queue.h - one queue: messages that wait, each with the time from which it may be delivered.
 *
 * A message leaves by slv_queue_remove or slv_queue_purge, or when its retention is over. Two ways
 * of delivery:
 *
 *   push   slv_queue_take reads what is due. Nothing is written: who delivers remembers what is
 *          under way (and names it as busy), so that a crash gives every message back by itself.
 *          Then slv_queue_remove for what was acknowledged, slv_queue_retry for the rest.
 *   pull   slv_queue_pull leases messages: a lease is in the file, hides the message for its time,
 *          and names it in slv_queue_settle. A lease whose time is over still counts until the
 *          message is leased anew.
 *
 * Delivery is at least once, in the order of due time, then of arrival.
 *
 * No transaction begins or ends here: whoever runs the strand does that (state/state.h), and time
 * is passed in. Threading: one strand. Calls block on disk.
 * Format: docs/formats/queue.md. Rules: platform specification, "Queues".
 */
#ifndef SLV_QUEUE_QUEUE_H
#define SLV_QUEUE_QUEUE_H

#include "base/buf.h"
#include "base/vec.h"
#include "store/db.h"

#define SLV_QUEUE_MESSAGE_MAX ((size_t)128000)     /* bytes of a body */
#define SLV_QUEUE_BATCH_BYTES_MAX ((size_t)288000) /* bodies of one call of send */
#define SLV_QUEUE_BATCH_MAX ((size_t)100)          /* messages of one call, of send and of take */
#define SLV_QUEUE_DELAY_MAX 86400                  /* seconds */
#define SLV_QUEUE_RETENTION_MIN 60                 /* seconds */
#define SLV_QUEUE_RETENTION_MAX 1209600
#define SLV_QUEUE_RETENTION 345600
#define SLV_QUEUE_BACKLOG_MAX ((uint64_t)25 << 30) /* bytes; then SLV_E_LIMIT */
#define SLV_QUEUE_LEASE_MAX_MS ((int64_t)12 * 3600 * 1000)
#define SLV_QUEUE_LEASE_MS 30000
#define SLV_QUEUE_ID_LEN ((size_t)32)
#define SLV_QUEUE_LEASE_LEN ((size_t)48)
#define SLV_QUEUE_NAME_MAX ((size_t)63)
#define SLV_QUEUE_CONSUMER_MAX ((size_t)16 << 10) /* bytes of a consumer's JSON */

typedef struct slv_queue slv_queue;

typedef enum slv_queue_type {
    SLV_QUEUE_JSON = 1,
    SLV_QUEUE_TEXT = 2,
    SLV_QUEUE_BYTES = 3,
    SLV_QUEUE_V8 = 4, /* structured clone, docs/formats/clone.md */
} slv_queue_type;
const char *slv_queue_type_name(slv_queue_type type); /* "json"; NULL for another number */
bool slv_queue_type_parse(slv_str name, slv_queue_type *ret);

typedef struct slv_queue_options {
    bool create, read_only;
} slv_queue_options;

/* path without ".sqlite". SLV_E_NOTFOUND: not there, and create is false. */
SLV_NODISCARD slv_code slv_queue_open(const char *path, const slv_queue_options *options,
                                      slv_queue **ret, slv_err *err);
slv_queue *slv_queue_free(slv_queue *q);
SLV_DEFINE_CLEANUP(slv_queue *, slv_queue_free);
slv_db *slv_queue_db(slv_queue *q);

/* ---- sending ---- */

typedef struct slv_queue_new {
    slv_str body;
    slv_queue_type type;
    int64_t delay_s; /* -1: the queue's own */
    /* Of a message that comes from another queue: id.len is SLV_QUEUE_ID_LEN, and its time is kept;
     * id.len 0: a new message. */
    slv_str id;
    int64_t timestamp_ms;
} slv_queue_new;

typedef struct slv_queue_metrics {
    uint64_t count, bytes;
    int64_t oldest_ms; /* 0: none */
} slv_queue_metrics;

/* All or none. ret_before (may be NULL): what waited before them. SLV_E_LIMIT: too large, too many,
 * or the backlog is full (err->detail 1). SLV_E_INVAL: no message, or a delay out of range. */
SLV_NODISCARD slv_code slv_queue_send(slv_queue *q, const slv_queue_new *messages, size_t count,
                                      int64_t now_ms, slv_queue_metrics *ret_before, slv_err *err);
/* Checks what send checks without a file: sizes, counts, delays. batch: how to speak of it. */
SLV_NODISCARD slv_code slv_queue_check(const slv_queue_new *messages, size_t count, bool batch,
                                       slv_err *err);
SLV_NODISCARD slv_code slv_queue_get_metrics(slv_queue *q, slv_queue_metrics *ret, slv_err *err);

/* ---- delivery ---- */

typedef struct slv_queue_message {
    int64_t seq; /* names it in its queue */
    char id[SLV_QUEUE_ID_LEN + 1];
    int64_t timestamp_ms;
    slv_queue_type type;
    uint32_t attempts;                   /* deliveries that failed so far */
    slv_str body;                        /* in the batch */
    char lease[SLV_QUEUE_LEASE_LEN + 1]; /* pull */
} slv_queue_message;

/* Filled by take, pull and read; done() after use, also after a failure. */
typedef struct slv_queue_batch {
    SLV_VEC(slv_queue_message) messages;
    slv_buf bodies;
    slv_queue_metrics left; /* what waits beside these; the busy ones count, but for oldest_ms */
    size_t due;             /* messages that are due and not busy, at most take's count_max */
    int64_t first_ms;       /* since when the first of those is due */
    int64_t next_ms;        /* when the next one will be due; 0: none waits */
} slv_queue_batch;
void slv_queue_batch_done(slv_queue_batch *b);
SLV_DEFINE_CLEANUP_DONE(slv_queue_batch, slv_queue_batch_done);

typedef struct slv_queue_take_options {
    int64_t now_ms;
    size_t max;          /* a full batch */
    int64_t partial_ms;  /* fewer are given when the first is due at or before this */
    size_t count_max;    /* how far to count ret->due */
    const int64_t *busy; /* seq of messages that are under way, ascending */
    size_t busy_count;
} slv_queue_take_options;

/* Reads messages that are due, without changing anything. */
SLV_NODISCARD slv_code slv_queue_take(slv_queue *q, const slv_queue_take_options *options,
                                      slv_queue_batch *ret, slv_err *err);
/* Messages by seq, those that are still there. */
SLV_NODISCARD slv_code slv_queue_read(slv_queue *q, const int64_t *seqs, size_t count,
                                      slv_queue_batch *ret, slv_err *err);
/* Acknowledged, or moved elsewhere. Those that are gone already are fine. */
SLV_NODISCARD slv_code slv_queue_remove(slv_queue *q, const int64_t *seqs, size_t count,
                                        slv_err *err);
/* A delivery has failed: due again at due_ms, attempts grows by one. */
SLV_NODISCARD slv_code slv_queue_retry(slv_queue *q, int64_t seq, int64_t due_ms, slv_err *err);

typedef struct slv_queue_pull_options {
    int64_t now_ms, lease_ms;
    size_t max;
    uint32_t attempts_max; /* deliveries; messages that had as many are given as dead. 0: any */
} slv_queue_pull_options;

/* Leases messages. dead: those that had their last delivery; not leased, for the caller to move or
 * remove. attempts of a message counts this delivery, too. */
SLV_NODISCARD slv_code slv_queue_pull(slv_queue *q, const slv_queue_pull_options *options,
                                      slv_queue_batch *ret, slv_queue_batch *ret_dead,
                                      slv_err *err);
/* By a lease: acknowledged, or due again in delay_s. SLV_E_NOTFOUND: no message has this lease. */
SLV_NODISCARD slv_code slv_queue_settle(slv_queue *q, slv_str lease, bool ack, int64_t due_ms,
                                        slv_err *err);

SLV_NODISCARD slv_code slv_queue_purge(slv_queue *q, slv_err *err);
/* Removes messages whose retention is over, a bounded piece. *ret_next_ms: when to come again; 0:
 * not before the next write. */
SLV_NODISCARD slv_code slv_queue_sweep(slv_queue *q, int64_t now_ms, int64_t *ret_next_ms,
                                       slv_err *err);

/* ---- what is known of the queue itself ---- */

typedef struct slv_queue_settings {
    char id[SLV_QUEUE_ID_LEN + 1];
    int64_t created_ms, modified_ms;
    int64_t delay_s, retention_s;
    bool paused;   /* push delivery rests; pulling and sending go on */
    bool declared; /* made by name (REST), not only by a first message */
} slv_queue_settings;

SLV_NODISCARD slv_code slv_queue_get_settings(slv_queue *q, slv_queue_settings *ret, slv_err *err);
/* id and created_ms stay. SLV_E_INVAL: a number out of range. */
SLV_NODISCARD slv_code slv_queue_set_settings(slv_queue *q, const slv_queue_settings *settings,
                                              int64_t now_ms, slv_err *err);
/* The consumer that was given to the queue by REST, as JSON of api's; empty: none. */
SLV_NODISCARD slv_code slv_queue_get_consumer(slv_queue *q, slv_buf *ret, slv_err *err);
SLV_NODISCARD slv_code slv_queue_set_consumer(slv_queue *q, slv_str json, int64_t now_ms,
                                              slv_err *err);

/* 1 to SLV_QUEUE_NAME_MAX of lower case letters, digits and hyphens, neither first nor last. */
bool slv_queue_name_valid(slv_str name);

#endif
