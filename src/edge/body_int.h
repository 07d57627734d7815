/*
 * body_int.h - bytes on their way through main: a source pushes to a sink, the sink says how much
 * it has passed on.
 *
 * Sources: the body of a client's request, a stream that an isolate sends, the body of an upstream
 * response, a raw socket. Sinks: the response to a client, a stream that an isolate reads, the body
 * of an outgoing request, a raw socket. Any source can be joined to any sink, so a body crosses
 * main without a copy of its whole.
 *
 * A source sends nothing before its first credit, except streams of isolates, which come with a
 * window of their own (SLV_FLOW_WINDOW). A sink takes everything that it is given, and credits what
 * it has passed on; so it holds at most the window and what it credited.
 *
 * After `data` with fin, after `fail`, and after `cancel`, the two ends have parted: neither speaks
 * of the other again. Loop thread only.
 */
#ifndef SLV_EDGE_BODY_INT_H
#define SLV_EDGE_BODY_INT_H

#include "chan/stream.h"

typedef struct slv_source slv_source;
typedef struct slv_sink slv_sink;

typedef struct slv_source_ops {
    void (*credit)(slv_source *src, size_t n);
    /* The sink wants no more. */
    void (*cancel)(slv_source *src, slv_str reason);
    /* Joined: push what is there already; may be NULL. */
    void (*joined)(slv_source *src);
} slv_source_ops;

typedef struct slv_sink_ops {
    void (*data)(slv_sink *sink, slv_str bytes, bool fin);
    void (*fail)(slv_sink *sink, slv_str message);
    /* Joined: credit what can be taken from the start; may be NULL. */
    void (*joined)(slv_sink *sink);
} slv_sink_ops;

struct slv_source {
    const slv_source_ops *ops;
    slv_sink *sink; /* NULL: parted, or not joined yet */
};

struct slv_sink {
    const slv_sink_ops *ops;
    slv_source *source; /* NULL: parted, or not joined yet */
};

/* The whole body may pass inside: look at neither after. */
void slv_body_join(slv_source *src, slv_sink *sink);
/* From the source's side: each parts when it ends the body. Nothing when parted. */
void slv_source_push(slv_source *src, slv_str bytes, bool fin);
void slv_source_fail(slv_source *src, slv_str message);
/* From the sink's side. Nothing when parted. */
void slv_sink_credit(slv_sink *sink, size_t n);
void slv_sink_cancel(slv_sink *sink, slv_str reason);
/* Takes the source away from its sink, which learns nothing of it. NULL when there is none. */
slv_source *slv_sink_take_source(slv_sink *sink);

/* ---- streams of isolates as ends of bodies ---- */

/* What belongs to one event and ends with it: streams and sockets open on the isolate. */
typedef struct slv_owned {
    slv_list node;
    /* The event has ended: nothing more is said to the isolate. Frees itself. */
    void (*ended)(struct slv_owned *owned, slv_str message);
} slv_owned;

typedef struct slv_streams {
    slv_list list; /* slv_owned.node */
} slv_streams;

/* A stream that the isolate sends, *number 0: we choose it. Lives until the body ends. */
SLV_NODISCARD slv_code slv_link_source_open(slv_link *link, uint32_t *number, uint32_t event,
                                            slv_streams *streams, slv_source **ret, slv_err *err);
/* A stream that the isolate reads, *number 0: we choose it. */
SLV_NODISCARD slv_code slv_link_sink_open(slv_link *link, uint32_t *number, uint32_t event,
                                          slv_streams *streams, slv_sink **ret, slv_err *err);
/* The source behind a stream that was given to the isolate and of which nothing was asked for yet;
   the stream is over then. NULL: no such stream, or it is being read. */
slv_source *slv_link_sink_splice(slv_streams *streams, uint32_t number);
/* The event has ended: what its streams still carried has failed. */
void slv_streams_end(slv_streams *streams, slv_str message);
#endif
