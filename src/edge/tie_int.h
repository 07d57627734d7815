/*
 * tie_int.h - what a worker hands to another that it makes or calls: stubs in `env` and `props`,
 * and where the other's outgoing requests go.
 *
 * A *tie* names a worker's entrypoint (by the worker's name, so that it outlives deploys) or a
 * Durable Object. It is made of a description that the isolate sends as JSON and that can only name
 * what the isolate has itself:
 *
 *     {"k":"service","i":INDEX}                      a service binding
 *     {"k":"self","e":ENTRYPOINT,"p":TEXT,"t":[..]}  an entrypoint of its own, with props
 *     {"k":"object","i":RESOURCE,"id":HEX,"n":NAME}  an object of a namespace that it is bound to
 *     {"k":"tie","i":NUMBER}                         one that was given to it
 *
 * A *gift* is a structured clone, as text of which each character is a byte, and the ties that it
 * names by their places. Isolates know ties by numbers: those of a dynamic worker's `env` by their
 * place, those of the props of a call by numbers from SLV_TIE_GIVEN on, which end with the event.
 *
 * Threads: ties and outbounds are immutable and counted atomically (a version, which holds some, is
 * freed on any thread); all else is the loop's. Limits: SLV_TIES_MAX in one gift.
 */
#ifndef SLV_EDGE_TIE_INT_H
#define SLV_EDGE_TIE_INT_H

#include <stdatomic.h>

#include "edge/edge_int.h"
#include "fmt/doc.h"

#define SLV_TIES_MAX 1024
#define SLV_TIE_GIVEN 0x80000000u

typedef struct slv_tie slv_tie;

typedef struct slv_gift {
    slv_str text;    /* empty: nothing was given; in the arena of whoever has the gift */
    slv_tie **items; /* each a reference */
    size_t count;
} slv_gift;

struct slv_tie {
    atomic_uint refs;
    slv_arena arena;
    slv_str worker, entrypoint;
    slv_gift props; /* or JSON, of a service binding */
    bool object, named;
    slv_str tenant, class_name, id, name; /* of an object */
};

slv_tie *slv_tie_ref(slv_tie *tie);
slv_tie *slv_tie_unref(slv_tie *tie);

/* text and ties of a description, `ties` NULL for none; strings are copied to the arena. On failure
   the gift is empty. SLV_E_PROTOCOL: something that ev's isolate does not have. */
SLV_NODISCARD slv_code slv_gift_read(slv_event *ev, slv_str text, const slv_node *ties,
                                     slv_arena *arena, slv_gift *ret, slv_err *err);
SLV_NODISCARD slv_code slv_tie_read(slv_event *ev, const slv_node *n, slv_tie **ret, slv_err *err);
SLV_NODISCARD slv_code slv_gift_copy(const slv_gift *from, slv_arena *arena, slv_gift *ret);
void slv_gift_done(slv_gift *gift);
/* The default entrypoint of a worker. */
slv_tie *slv_tie_of_worker(slv_str name);

/* Appends what EVENT carries as props: "!NUMBERS!TEXT", the numbers of its ties in the event's
   isolate separated by commas. JSON is appended as it is. */
SLV_NODISCARD slv_code slv_gift_give(const slv_gift *gift, slv_event *ev, slv_buf *out);
/* The event has ended (0: every event), and with it the ties that were given to it. */
struct slv_peer;
void slv_ties_ended(struct slv_peer *peer, uint32_t event);
/* What a service index of ev's isolate means when it is a tie; NULL: it is none. */
slv_tie *slv_event_tie(const slv_event *ev, uint32_t index);

/* ---- outgoing requests ---- */

/* What global functions of a worker say that may not reach anything. */
#define SLV_OUTBOUND_BLOCKED                                                                       \
    "This worker is not permitted to access the internet via global functions like fetch(). It "   \
    "must use capabilities (such as bindings in 'env') to talk to the outside world."

/* Where fetch() and connect() lead. */
typedef struct slv_outbound {
    atomic_uint refs;
    slv_tie *tie; /* NULL: nowhere */
    slv_arena arena;
    slv_str params; /* "?" and a clone's text, or empty: variables of that worker's env */
} slv_outbound;

slv_outbound *slv_outbound_new(slv_tie *tie_take, slv_str params);
slv_outbound *slv_outbound_ref(slv_outbound *out);
slv_outbound *slv_outbound_unref(slv_outbound *out);
/* That of the event; NULL: the internet. */
slv_outbound *slv_outbound_of(const slv_event *ev);
/* True when the operation was taken, or refused. */
bool slv_outbound_fetch(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m, slv_code *ret,
                        slv_err *err);
bool slv_outbound_connect(slv_event *ev, uint32_t op);

/* ---- dynamic workers ---- */

/* What a dynamic version has beside its code: slv_version.extra. */
typedef struct slv_dynamic {
    slv_arena arena;
    slv_gift env;
    slv_outbound *outbound; /* NULL: the internet */
} slv_dynamic;

static inline const slv_dynamic *slv_dynamic_of(const slv_version *v)
{
    return v->extra;
}

#endif
