/*
 * handed_socket.h - a WebSocket of a Durable Object that hibernates, as bytes between two processes
 * (docs/internals/serve.md, "Upgrade"): whose it is, what is known of it, and what has come on it
 * and the object has not been told yet.
 *
 * Pure functions; any thread. The reader believes nothing: lengths, counts and flags are checked.
 * Limit: SLV_HANDED_SOCKET_MAX bytes.
 */
#ifndef SLV_EDGE_HANDED_SOCKET_H
#define SLV_EDGE_HANDED_SOCKET_H

#include "base/buf.h"
#include "base/bytes.h"
#include "chan/msg.h"
#include "chan/objmsg.h"

#define SLV_HANDED_SOCKET_MAX ((size_t)256 << 20)

typedef struct slv_handed_socket {
    slv_str tenant, worker, class_name, id, name;
    bool named;
    /* as the object knows it */
    uint32_t socket;
    uint16_t tag_count;
    slv_str tags; /* tag_count counted strings */
    int64_t auto_ms;
    bool attached;
    slv_str attachment;
    slv_msg_socket_options options; /* the object's, for all of its sockets */
    /* the connection */
    uint8_t window_bits; /* 0: nothing is compressed */
    bool gone;           /* there is none any more: the last event says how it ended */
    bool unmasked;
    slv_str received, to_send; /* frames that were not decoded; bytes that go out first */
    uint32_t event_count;
    slv_str events; /* read by slv_handed_event_next */
} slv_handed_socket;

/* What the object has still to be told. */
typedef struct slv_handed_event {
    slv_socket_what what;
    uint16_t code; /* of CLOSED */
    bool clean;
    slv_str data;
} slv_handed_event;

SLV_NODISCARD slv_code slv_handed_event_put(const slv_handed_event *e, slv_buf *out);
/* False: there is no other, or r->bad. */
bool slv_handed_event_next(slv_reader *r, slv_handed_event *ret);

/* Appends. SLV_E_LIMIT. */
SLV_NODISCARD slv_code slv_handed_socket_put(const slv_handed_socket *s, slv_buf *out);
/* Strings borrow from bytes. SLV_E_PARSE. */
SLV_NODISCARD slv_code slv_handed_socket_get(slv_str bytes, slv_handed_socket *ret);

#endif
