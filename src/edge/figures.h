/*
 * figures.h - what a server counts of the events of its workers: for /metrics.
 *
 * Each loop counts on its own, without locks; slv_server_get_figures adds them up. Counters only
 * grow. Histograms have the bounds of slv_figure_bounds_us, each bucket counting what fell between
 * two bounds (not what a Prometheus bucket says, which is added up when it is written).
 *
 * Limits: SLV_FIGURES_WORKERS_MAX workers on one loop; those beyond are counted together under an
 * empty name. SLV_FIGURES_QUEUES_MAX queues, the fullest ones.
 */
#ifndef SLV_EDGE_FIGURES_H
#define SLV_EDGE_FIGURES_H

#include "base/arena.h"
#include "edge/server.h"

#define SLV_FIGURES_WORKERS_MAX 2000
#define SLV_FIGURES_QUEUES_MAX 500
#define SLV_FIGURE_BUCKETS 17 /* the last: beyond every bound */

extern const uint32_t slv_figure_bounds_us[SLV_FIGURE_BUCKETS - 1];

typedef struct slv_histogram {
    uint64_t buckets[SLV_FIGURE_BUCKETS];
    uint64_t sum_us, count;
} slv_histogram;

/* Outcomes as metrics name them. */
#define SLV_FIGURE_OUTCOMES(X)                                                                     \
    X(OK, "ok")                                                                                    \
    X(EXCEPTION, "exception")                                                                      \
    X(CPU, "exceededCpu")                                                                          \
    X(MEMORY, "exceededMemory")                                                                    \
    X(WALL, "exceededWallTime")                                                                    \
    X(CANCELED, "canceled")                                                                        \
    X(DISCONNECTED, "responseStreamDisconnected")                                                  \
    X(SHED, "loadShed")                                                                            \
    X(INTERNAL, "internalError")

typedef enum slv_figure_outcome {
#define X(name, text) SLV_FIGURE_##name,
    SLV_FIGURE_OUTCOMES(X)
#undef X
        SLV_FIGURE_OUTCOME_COUNT
} slv_figure_outcome;

const char *slv_figure_outcome_name(slv_figure_outcome outcome);

/* What an operation of an event was for. */
#define SLV_FIGURE_OPS(X)                                                                          \
    X(FETCH, "fetch")                                                                              \
    X(CONNECT, "connect")                                                                          \
    X(SERVICE, "service")                                                                          \
    X(KV, "kv")                                                                                    \
    X(R2, "r2")                                                                                    \
    X(D1, "d1")                                                                                    \
    X(OBJECT, "durable_object")                                                                    \
    X(QUEUE, "queue")                                                                              \
    X(CACHE, "cache")                                                                              \
    X(DYNAMO, "dynamodb")                                                                          \
    X(OTHER, "other")

typedef enum slv_figure_op {
#define X(name, text) SLV_FIGURE_OP_##name,
    SLV_FIGURE_OPS(X)
#undef X
        SLV_FIGURE_OP_COUNT
} slv_figure_op;

const char *slv_figure_op_name(slv_figure_op op);
/* By its kind on the channel. */
slv_figure_op slv_figure_op_of(unsigned kind);

typedef struct slv_worker_figures {
    slv_str tenant, name;
    uint64_t kinds[9]; /* events by slv_trace_kind */
    uint64_t outcomes[SLV_FIGURE_OUTCOME_COUNT];
    uint64_t statuses[6]; /* answered fetch events by the first digit of the status */
    uint64_t subrequests, log_lines, exceptions;
    int64_t cron_ms; /* when a scheduled event last ended; 0: never */
    uint64_t ops[SLV_FIGURE_OP_COUNT], op_failures[SLV_FIGURE_OP_COUNT];
    uint64_t op_us[SLV_FIGURE_OP_COUNT];
    uint64_t rows_read, rows_written; /* of D1 */
    uint64_t isolates, isolate_bytes; /* that run now */
    slv_histogram cpu, wall;
} slv_worker_figures;

/* A queue that has a consumer, as its consumer last saw it. */
typedef struct slv_queue_figures {
    slv_str tenant, name;
    uint64_t messages, bytes;
    int64_t oldest_ms; /* 0: there is none */
} slv_queue_figures;

typedef struct slv_figures {
    slv_arena arena;
    slv_worker_figures *workers;
    size_t worker_count;
    slv_queue_figures *queues; /* the fullest SLV_FIGURES_QUEUES_MAX */
    size_t queue_count;
    slv_histogram ops[SLV_FIGURE_OP_COUNT];
    slv_server_stats stats;
    uint64_t objects, object_sockets, object_alarms; /* resident, that hibernate, that are set */
    uint64_t traces_dropped;                         /* the control loop did not keep up */
} slv_figures;

void slv_figures_done(slv_figures *f);
/* Workers from number `most` on become one without a name. */
void slv_figures_limit(slv_figures *f, size_t most);

/* Asks every loop; fn comes on the control loop, and owns what it is given. */
void slv_server_get_figures(slv_server *server, void (*fn)(void *user, slv_figures *figures_take),
                            void *user);

#endif
