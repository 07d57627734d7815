/*
 * wire_int.h - WebSockets on their way through main: two ends joined, each a client, an origin or
 * an isolate.
 *
 * What one end receives the other sends. An end takes everything that it is given, and credits what
 * it has passed on. Each direction ends by a close or by a failure; an end is gone when both of its
 * directions have ended, or when it failed. Loop thread only.
 */
#ifndef SLV_EDGE_WIRE_INT_H
#define SLV_EDGE_WIRE_INT_H

#include "edge/edge_int.h"
#include "net/ws.h"

typedef struct slv_wire slv_wire;
typedef struct slv_wire_rest slv_wire_rest;

typedef struct slv_wire_ops {
    void (*message)(slv_wire *w, slv_str piece, bool text, bool fin);
    void (*credit)(slv_wire *w, size_t n); /* n more bytes may be received */
    void (*close)(slv_wire *w, uint16_t code, slv_str reason);
    void (*fail)(slv_wire *w, slv_str message); /* w is gone after */
} slv_wire_ops;

struct slv_wire {
    const slv_wire_ops *ops;
    slv_wire *peer;      /* NULL: not joined yet, or gone */
    bool lazy;           /* an isolate that has not asked for messages yet */
    slv_wire_rest *rest; /* what it said to an isolate that handed it on unread; NULL: nothing */
};

/* Both begin to receive, first what the other has said before. One of them is new. */
void slv_wire_join(slv_wire *a, slv_wire *b);
/* Nobody will ever be at the other end. */
void slv_wire_drop(slv_wire *w, slv_str message);

/* The socket of a RESPONSE: one that the isolate opens, or one of ours that it hands back; NULL
 * when that has broken meanwhile. */
SLV_NODISCARD slv_code slv_wire_of_event(slv_event *ev, uint32_t number, slv_wire **ret,
                                         slv_err *err);
/* A socket given to the isolate; *ret_number is ours. */
SLV_NODISCARD slv_code slv_wire_to_event(slv_event *ev, slv_wire **ret, uint32_t *ret_number,
                                         slv_err *err);
/* The upstream connection of a fetch, joined to a new socket of the isolate. Takes ws, also on
 * failure. */
SLV_NODISCARD slv_code slv_wire_client(slv_event *ev, slv_ws *ws, uint32_t *ret_number);
/* Answers 101 and joins the client's connection to w. False: it could not be answered so, and w was
 * dropped. */
bool slv_wire_upgrade(slv_shard *shard, slv_exchange *ex, slv_str headers, bool compress,
                      slv_wire *w);
/* The connection of a client, if that is what w is, to be given to another process: true, and w is
 * gone. False: it is not at rest, and nothing has changed. */
bool slv_wire_hand(slv_wire *w, slv_pumps *pumps, slv_ws_parts *ret);
/* One that came from there, to be joined. Takes parts. */
slv_wire *slv_wire_adopt(slv_shard *shard, slv_ws_parts *parts);

#endif
