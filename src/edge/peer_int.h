/*
 * peer_int.h - what the edge keeps for each isolate: its capabilities, and what travels in the
 * capability tables of RPC messages.
 *
 * Numbers in frames are those of one channel. An export is a number that the isolate chose (odd)
 * and gave out; an import one that main chose (even) and gave to it. An import points at an export
 * of some isolate. A message that names an export or brings an import counts one reference, which
 * CAP_DROP gives back. When the event that a capability belongs to ends, its exports are broken for
 * all who hold them and its imports are dropped.
 */
#ifndef SLV_EDGE_PEER_INT_H
#define SLV_EDGE_PEER_INT_H

#include "base/map.h"
#include "edge/wire_int.h"

typedef struct slv_peer slv_peer;
typedef struct slv_export slv_export;
typedef struct slv_import slv_import;

struct slv_export {
    slv_peer *home;
    uint32_t number, event;
    uint32_t named;   /* times that home has named it: given back at the end */
    slv_list holders; /* slv_import.node */
};

struct slv_import {
    slv_peer *holder; /* NULL: on its way in a message that waits */
    uint32_t number, event, refs;
    slv_export *target; /* NULL: broken */
    slv_list node;
};

/* A stub of another worker or object, see tie_int.h. */
typedef struct slv_given_tie {
    struct slv_tie *tie;
    uint32_t number, event;
} slv_given_tie;

struct slv_peer {
    slv_shard *shard;
    slv_isolate *iso;
    SLV_IMAP(slv_export *) exports;
    SLV_IMAP(slv_import *) imports;
    uint32_t next_import;
    SLV_IMAP(slv_given_tie *) ties;
    uint32_t last_tie;
    SLV_IMAP(slv_object *) objects;      /* that reside in it, by number */
    SLV_IMAP(slv_object *) held_numbers; /* streams that messages open which are held */
};

void slv_peer_init(slv_peer *peer, slv_shard *shard, slv_isolate *iso);
/* The isolate is gone: what others hold of it is broken, what it held is dropped. */
void slv_peer_done(slv_peer *peer);
slv_peer *slv_peer_of(const slv_event *ev);

/* ---- capabilities on their way from one isolate to another ---- */

typedef struct slv_cargo_item {
    slv_cap_kind kind;
    slv_import *import; /* CALLABLE */
    slv_source *source; /* READ: what the receiver reads */
    slv_wire *wire;     /* SOCKET; NULL when it has broken meanwhile */
} slv_cargo_item;

typedef struct slv_cargo {
    slv_cargo_item *items;
    size_t count;
} slv_cargo;

#define SLV_CARGO_MAX 1024

/* Takes what a message of ev names off its isolate. SLV_E_PROTOCOL. */
SLV_NODISCARD slv_code slv_cargo_load(slv_cargo *cargo, slv_event *ev, const slv_msg_caps *caps,
                                      slv_err *err);
/* Gives it to the isolate of ev; the table for the message is appended to raw. slv_cargo_sent
   follows when the message was sent, or slv_cargo_drop on failure. */
SLV_NODISCARD slv_code slv_cargo_unload(slv_cargo *cargo, slv_event *ev, slv_buf *raw,
                                        slv_msg_caps *ret);
void slv_cargo_sent(slv_cargo *cargo, slv_event *ev, const slv_msg_caps *caps);
/* Nobody takes (the rest of) it. */
void slv_cargo_drop(slv_cargo *cargo);

/* The export that a number in a message of ev means, whichever side chose it; NULL: broken.
 * SLV_E_PROTOCOL: never given. */
SLV_NODISCARD slv_code slv_peer_target(slv_peer *peer, uint32_t number, slv_export **ret,
                                       slv_err *err);
/* The event has ended: its exports break, its imports are dropped. */
void slv_peer_event_ended(slv_peer *peer, uint32_t event);

#endif
