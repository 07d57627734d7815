/*
 * sight_int.h - what a loop keeps of the events that it has seen: counters, who watches which
 * worker, what waits for tail workers. Private to edge; loop thread only.
 */
#ifndef SLV_EDGE_SIGHT_INT_H
#define SLV_EDGE_SIGHT_INT_H

#include "edge/figures.h"
#include "edge/trace_int.h"

typedef struct slv_sights {
    slv_shard *shard;
    unsigned all;                          /* SLV_TRACE_ bits wanted of every event */
    SLV_MAP(unsigned) watched;             /* by slv_watch_key: sessions */
    slv_buf key;                           /* within one call */
    SLV_MAP(slv_worker_figures *) figures; /* by "tenant\0name" */
    slv_worker_figures others;
    slv_histogram ops[SLV_FIGURE_OP_COUNT];
    slv_version
        *last_version; /* that was asked for; a reference, so that no other takes its place */
    slv_worker_figures *last_figures;
    uint64_t dropped;
    atomic_size_t telling; /* bytes of traces that the control loop has not let go of yet */
    /* The operation that is being taken. */
    uint64_t op_began_ns;
    unsigned op_kind; /* 0: none */
    bool op_opened;
    slv_event *rejected_event; /* the operation that was rejected last */
    uint32_t rejected;
    slv_trace_span *op_span;
    slv_list tails; /* tails.c */
} slv_sights;

void slv_sights_open(slv_shard *shard);
void slv_sights_free(slv_shard *shard);

/* True when the control loop may be told: what it has not let go of is bounded. */
bool slv_sights_may_tell(slv_sights *s, const slv_trace *t);
/* The control loop has let go of it. Any thread. */
void slv_sights_told(slv_sights *s, const slv_trace *t);
/* "tenant\0dispatch\0worker" */
SLV_NODISCARD slv_code slv_watch_key(slv_buf *out, slv_str tenant, slv_str dispatch,
                                     slv_str worker);

void slv_histogram_add(slv_histogram *h, uint64_t us);
/* The version's worker; never NULL. */
slv_worker_figures *slv_sights_worker(slv_sights *s, slv_version *version);
void slv_sights_figures_done(slv_sights *s);

#endif
