/*
 * sight.h - seeing what a server does: traces of its events (edge/trace.h) go from here to sessions
 * of `tail`, to kept logs, to a line of the server's own log and to an exporter; figures become
 * metrics.
 *
 * Threading: everything on the control loop's thread. Callbacks come there, never from inside.
 *
 * Nothing here holds a request back: what does not keep up loses traces, and says how many.
 */
#ifndef SLV_SIGHT_SIGHT_H
#define SLV_SIGHT_SIGHT_H

#include <stdio.h>

#include "aio/loop.h"
#include "edge/server.h"
#include "edge/trace.h"
#include "fmt/doc.h"
#include "sight/keep.h"
#include "state/state.h"

typedef struct slv_sight slv_sight;

typedef enum slv_line_format {
    SLV_LINES_NONE,
    SLV_LINES_TEXT, /* for people */
    SLV_LINES_JSON, /* one object a line */
} slv_line_format;

typedef struct slv_sight_options {
    slv_loop *loop;
    slv_state *state;    /* where logs are kept; NULL: they are not */
    uint32_t keep_days;  /* 0: SLV_KEEP_DAYS */
    uint64_t keep_bytes; /* of one account; 0: SLV_KEEP_BYTES */
    slv_line_format lines;
    FILE *out; /* where lines go; NULL: standard output */
    /* OTLP/HTTP with JSON: "http://127.0.0.1:4318"; /v1/traces and /v1/logs are added. Empty: none.
     */
    slv_str otlp_endpoint, otlp_service; /* service: empty: the name of the worker */
    const slv_str *otlp_headers;         /* "name: value" */
    size_t otlp_header_count;
    const char *ca_file;
} slv_sight_options;

/* Strings are copied. */
SLV_NODISCARD slv_code slv_sight_new(const slv_sight_options *options, slv_sight **ret,
                                     slv_err *err);
/* What is asked of every event: slv_server_options.trace_all. */
unsigned slv_sight_wants(const slv_sight *sight);
/* hooks.trace, with the sight as user. */
void slv_sight_trace(void *sight, slv_trace *trace);
/* Whose workers are watched, and whose figures these are; before anything is asked. */
void slv_sight_set_server(slv_sight *sight, slv_server *server);
/* Ends sessions, sends and writes what waits (timeout_ms at most), then calls done. */
void slv_sight_stop(slv_sight *sight, uint32_t timeout_ms, void (*done)(void *arg), void *arg);
/* After stop's done, before the server and the state are freed. Accepts NULL, returns NULL. */
slv_sight *slv_sight_free(slv_sight *sight);

/* ---- sessions of `tail` ---- */

#define SLV_TAILS_MAX 10 /* of one worker */
#define SLV_TAIL_ID_LEN 32

typedef struct slv_tail_spec {
    slv_str tenant, worker;
    slv_str dispatch;        /* namespace of the worker; empty: none */
    slv_str version;         /* only events of this version; empty: of all */
    const slv_node *filters; /* filter.h; NULL: none */
    slv_str peer;            /* address of whoever opens it */
} slv_tail_spec;

typedef struct slv_tail_info {
    char id[SLV_TAIL_ID_LEN + 1];
    /* Where its WebSocket is: a path, with the capability in it. */
    char path[SLV_TAIL_ID_LEN * 2 + 32];
    int64_t expires_ms;
} slv_tail_info;

/* SLV_E_INVAL: a filter; SLV_E_LIMIT: there are SLV_TAILS_MAX. A session that nobody connects to
 * within a minute is gone. */
SLV_NODISCARD slv_code slv_sight_tail_open(slv_sight *sight, const slv_tail_spec *spec,
                                           slv_tail_info *ret, slv_err *err);
/* SLV_E_NOTFOUND. */
SLV_NODISCARD slv_code slv_sight_tail_close(slv_sight *sight, slv_str tenant, slv_str worker,
                                            slv_str id);
/* The sessions of a worker. */
void slv_sight_tail_each(slv_sight *sight, slv_str tenant, slv_str dispatch, slv_str worker,
                         void (*fn)(void *arg, const slv_tail_info *info), void *arg);

/* What is answered on the control listener beside the API: WebSockets of sessions, /metrics. A
 * slv_server_extension's `take`. */
bool slv_sight_take(void *sight, slv_loop *loop, slv_exchange *ex);
/* Whoever asks for /metrics from elsewhere than this machine must show it as a bearer token; empty:
 * only this machine may ask. Copied. */
SLV_NODISCARD slv_code slv_sight_set_metrics_token(slv_sight *sight, slv_str token);

/* ---- kept logs ---- */

/* done comes once; entries and error are borrowed for the call. */
typedef void (*slv_sight_found)(void *arg, const slv_kept *found, const slv_err *err);
void slv_sight_logs(slv_sight *sight, slv_str tenant, const slv_keep_query *query,
                    slv_sight_found done, void *arg);

/* ---- metrics ---- */

/* The text exposition of everything that is counted. done comes once. */
void slv_sight_metrics(slv_sight *sight, void (*done)(void *arg, slv_str text), void *arg);

#endif
