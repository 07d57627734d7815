/*
 * relay_int.h - a call of one worker by another: an operation of the caller that is an event of the
 * callee. service.c (HTTP) and rpc.c put one into theirs.
 *
 * Loop thread only. A call lives until its operation is answered and its event has ended.
 */
#ifndef SLV_EDGE_RELAY_INT_H
#define SLV_EDGE_RELAY_INT_H

#include "edge/tie_int.h"

/* Whom to call, and how; all borrowed. */
typedef struct slv_callee {
    slv_version *version; /* NULL: nobody; the operation was refused */
    slv_str entrypoint;
    const slv_gift *props;
    slv_str json_props;           /* in place of props */
    uint32_t cpu_ms, subrequests; /* 0: as the version has them */
    slv_outbound *outbound;       /* where its requests go; NULL: as its version says */
    slv_object *object;
    slv_isolate *on;
} slv_callee;

typedef struct slv_relay {
    slv_op op;    /* of the caller; op.event NULL: answered */
    slv_event ev; /* of the callee */
    slv_arena arena;
    slv_version *caller; /* a reference; holds what was borrowed from bindings */
    slv_str entrypoint;
    slv_gift props;
    slv_outbound *outbound;
    bool over;
    void (*free)(struct slv_relay *c); /* what embeds it: drops its own parts, then the memory */
} slv_relay;

static inline slv_relay *slv_relay_of(slv_event *ev)
{
    return slv_container_of(ev, slv_relay, ev);
}

/* NULL: the operation is none of a relay. */
slv_relay *slv_relay_of_op(slv_op *op);
/* The struct is zeroed, embeds the call first, and has `free` set. */
void slv_relay_init(slv_relay *c, slv_event *caller);
/* Copies what the callee's event will say. SLV_E_LIMIT. */
SLV_NODISCARD slv_code slv_relay_aim(slv_relay *c, const slv_callee *callee);
/* Opens the operation alone: whom to call is not known yet. It goes by slv_relay_begin, or ends by
   slv_relay_release. */
void slv_relay_hold(slv_relay *c, slv_event *caller, uint32_t op);
/* Opens the operation, unless it is held, and the event; ops of the event are the embedder's. */
void slv_relay_begin(slv_relay *c, slv_event *caller, uint32_t op, const slv_callee *callee,
                     const slv_event_ops *ops);
/* Nothing was begun. */
void slv_relay_drop(slv_relay *c);
/* Ends it once it is answered and over; c may be gone after. */
void slv_relay_release(slv_relay *c);
/* What the event's `ended` does. */
void slv_relay_ended(slv_event *ev, const slv_event_end *end);
/* The props for the callee's isolate, in shard->notice_text. */
slv_str slv_relay_props(slv_relay *c);

/* Service binding or tie `index` of ev: fills in whom it means. SLV_E_PROTOCOL: none. Without a
   version when the worker does not run; *ret_name says which. For an object: ret->object or, when
   it was refused, nothing. */
SLV_NODISCARD slv_code slv_relay_find(slv_event *ev, uint32_t op, uint32_t index, slv_callee *ret,
                                      slv_str *ret_name, slv_err *err);

/* The same for a tie; without a version when its worker does not run, or the object was refused. */
void slv_call_find_tie(slv_event *ev, uint32_t op, const slv_tie *tie, slv_callee *ret);

/* {"name","props":TEXT,"ties":[],"cpuMs","subRequests","params":TEXT}; json empty: as ret is. props
   is the caller's to end, strings live in the arena. SLV_E_PROTOCOL. */
SLV_NODISCARD slv_code slv_callee_read(slv_event *ev, slv_str json, slv_arena *arena,
                                       slv_gift *props, slv_callee *ret, slv_str *ret_params,
                                       slv_err *err);
/* A member that limits something; 0: it does not. */
uint32_t slv_callee_limit(const slv_node *n, const char *key);

/* service.c and rpc.c: the operation becomes a call. Without a version it was refused, and what it
   brought is let go of. */
SLV_NODISCARD slv_code slv_relay_fetch(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m,
                                       const slv_callee *callee, slv_err *err);
SLV_NODISCARD slv_code slv_relay_rpc(slv_event *ev, uint32_t op, const slv_msg_rpc *m,
                                     const slv_callee *callee, slv_err *err);

#endif
