/*
 * sight_int.h - what the files of the sight share. Private.
 *
 *     sight.c     its life; where a trace goes
 *     filter.c    filters of sessions
 *     tail.c      sessions of `tail`: their WebSockets
 *     take.c      requests of the control listener
 *     keep.c      kept logs on disk; logs.c: batches and searches; entry.c: traces as lines
 *     line.c      the server's own log
 *     metrics.c   figures as a text for Prometheus
 *     otlp.c      traces as OTLP; export.c: batches, retries
 */
#ifndef SLV_SIGHT_SIGHT_INT_H
#define SLV_SIGHT_SIGHT_INT_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "edge/figures.h"
#include "sight/filter.h"
#include "sight/sight.h"

typedef struct slv_logs slv_logs;     /* logs.c */
typedef struct slv_export slv_export; /* export.c */

struct slv_sight {
    slv_loop *loop;
    slv_state *state;
    slv_server *server; /* NULL until it is set */
    slv_line_format lines;
    FILE *out;
    slv_buf line; /* within one call */
    slv_list tails;
    slv_logs *logs;        /* NULL: none are kept */
    slv_export *exporter;  /* NULL: nothing is sent anywhere */
    slv_str metrics_token; /* owned */
    uint64_t lines_lost;
    int64_t began_ms;
    bool stopping;
    unsigned stops; /* parts that have not stopped yet */
    void (*stopped)(void *arg);
    void *stopped_arg;
};

/* ---- entry.c, line.c ---- */

/* Appends the lines of kept logs. */
SLV_NODISCARD slv_code slv_sight_put_entries(slv_buf *out, slv_trace *t);
/* A few words on the event as a JSON string. */
SLV_NODISCARD slv_code slv_sight_put_summary(slv_buf *out, const slv_trace *t);
/* One line with its newline. */
SLV_NODISCARD slv_code slv_sight_put_line(slv_buf *out, const slv_trace *t, slv_line_format format);

/* ---- tail.c ---- */

void slv_tails_take(slv_sight *s, slv_trace *t);
/* An exchange for the path of a session; answers it. */
void slv_tails_connect(slv_sight *s, slv_exchange *ex, slv_str id, slv_str secret);
/* Closes every session; none is left. */
void slv_tails_stop(slv_sight *s);

/* ---- logs.c ---- */

SLV_NODISCARD slv_code slv_logs_new(slv_sight *s, uint32_t days, uint64_t bytes, slv_logs **ret,
                                    slv_err *err);
void slv_logs_take(slv_logs *l, slv_trace *t);
void slv_logs_search(slv_logs *l, slv_str tenant, const slv_keep_query *q, slv_sight_found done,
                     void *arg);
/* Writes what waits; slv_sight_part_stopped follows. */
void slv_logs_stop(slv_logs *l);
slv_logs *slv_logs_free(slv_logs *l);
uint64_t slv_logs_lost(const slv_logs *l);

/* ---- export.c ---- */

SLV_NODISCARD slv_code slv_export_new(slv_sight *s, const slv_sight_options *o, slv_export **ret,
                                      slv_err *err);
void slv_export_take(slv_export *x, slv_trace *t);
/* Sends what waits, for timeout_ms at most; slv_sight_part_stopped follows. */
void slv_export_stop(slv_export *x, uint32_t timeout_ms);
slv_export *slv_export_free(slv_export *x);
uint64_t slv_export_lost(const slv_export *x);

/* ---- otlp.c ---- */

/* Appends the objects of scopeSpans.spans, or of scopeLogs.logRecords, separated by commas. */
SLV_NODISCARD slv_code slv_otlp_put_spans(slv_buf *out, const slv_trace *t);
SLV_NODISCARD slv_code slv_otlp_put_records(slv_buf *out, slv_trace *t);
/* The resource: whose they are. */
SLV_NODISCARD slv_code slv_otlp_put_resource(slv_buf *out, const slv_trace *t, slv_str service);

/* ---- metrics.c ---- */

typedef struct slv_metrics_more {
    uint64_t logs_lost, export_lost;
    size_t tails;
    int64_t began_ms;
    slv_state_figures state;
} slv_metrics_more;
SLV_NODISCARD slv_code slv_metrics_put(slv_buf *out, const slv_figures *figures,
                                       const slv_metrics_more *more);

void slv_sight_part_stopped(slv_sight *s);

#endif
