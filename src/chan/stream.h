/*
 * stream.h - the streams and sockets of a link: numbers, windows, ends.
 *
 * A stream flows one way: `in` (the peer sends) or `out` (we send). A socket carries WebSocket
 * messages both ways. Both are embedded by their owner and stay in place from open to close. An
 * object may be closed in any of its callbacks.
 *
 * in      data ... data with fin, or failed. A window that is opened further by slv_stream_consume.
 * out     slv_stream_write never takes more than the peer granted; `credited` follows when it took
 * less. canceled: the peer wants no more; end it with fin or slv_stream_fail (close does that).
 * socket  message pieces both ways under the same credits; then closed or failed.
 *
 * Numbers: those of our own side are drawn by open; a peer's is checked: wrong parity, or in use,
 * is SLV_E_PROTOCOL. When the link closes, every open object gets `failed` and counts as closed
 * then.
 *
 * Loop thread only.
 */
#ifndef SLV_CHAN_STREAM_H
#define SLV_CHAN_STREAM_H

#include "chan/flow.h"
#include "chan/link.h"

typedef struct slv_stream slv_stream;

typedef struct slv_stream_ops {
    /* in: bytes borrowed for the call; fin with the last (may be empty) */
    void (*data)(slv_stream *st, slv_str bytes, bool fin);
    /* socket: a piece of a message */
    void (*message)(slv_stream *st, slv_str piece, bool text, bool fin);
    /* out, socket: the peer takes n more bytes */
    void (*credited)(slv_stream *st, uint32_t n);
    /* out: the reader has gone */
    void (*canceled)(slv_stream *st, slv_str reason);
    /* socket: the peer's close; its direction is over */
    void (*closed)(slv_stream *st, uint16_t code, slv_str reason);
    /* in: the sender cannot go on; socket: broken; any: the link closed. Nothing follows. */
    void (*failed)(slv_stream *st, slv_str message);
} slv_stream_ops;

typedef enum slv_stream_kind {
    SLV_STREAM_NONE, /* not open */
    SLV_STREAM_IN,
    SLV_STREAM_OUT,
    SLV_STREAM_SOCKET,
} slv_stream_kind;

struct slv_stream {
    const slv_stream_ops *ops; /* NULL: let go, while the peer may still speak of it */
    slv_link *link;
    uint32_t number;
    uint32_t event; /* set by the owner before open: whose END ends it */
    slv_stream_kind kind;
    slv_flow_in in;
    slv_flow_out out;
    bool reader_gone; /* out: canceled was told */
    bool in_message, text;
    slv_list node; /* among those let go */
};

/* number 0: draws one of ours; else it must be one of the peer's that is free. ops must be set.
   SLV_E_PROTOCOL, SLV_E_LIMIT (too many), SLV_E_CLOSED. */
SLV_NODISCARD slv_code slv_stream_open(slv_stream *st, slv_link *link, slv_stream_kind kind,
                                       uint32_t number, slv_err *err);
static inline bool slv_stream_is_open(const slv_stream *st)
{
    return st->kind != SLV_STREAM_NONE;
}
/* Lets go: an in stream is canceled (what still comes is dropped), an out stream that has no fin
   fails with "canceled", a socket that is not through both closes breaks with "closed". Nothing
   when not open. */
void slv_stream_close(slv_stream *st);
/* Lets go without a word: the event that it belonged to has ended, so that the peer says nothing
 * more about it. */
void slv_stream_forget(slv_stream *st);
/* END of the event: forgets what was let go of earlier. Objects that are still open are their
 * owners' to forget. */
void slv_link_event_ended(slv_link *link, uint32_t event);

/* ---- in ---- */
/* n bytes were used up: grants the peer as many. Also for sockets. */
void slv_stream_consume(slv_stream *st, size_t n);
/* The first grant of a stream from main to an isolate, which opens with a window of 0. */
void slv_stream_grant(slv_stream *st, uint32_t n);
/* Wants no more; what still comes is dropped, `data` and `failed` are not called any more. */
void slv_stream_cancel(slv_stream *st, slv_str reason);

/* ---- out ---- */
/* Bytes that the peer takes now. Also for sockets. */
size_t slv_stream_credit(const slv_stream *st);
/* Sends as much as there is credit for and returns how much; fin goes along when all was taken, and
 * ends the stream (it is no longer open then). */
size_t slv_stream_write(slv_stream *st, slv_str bytes, bool fin);
/* Ends the stream with an error; it is no longer open then. Also for sockets (WS_FAIL). */
void slv_stream_fail(slv_stream *st, slv_str message);

/* ---- sockets ---- */
/* A piece of a message, fin with the last: as much as there is credit for; fin goes along when all
   was taken (an empty last piece always is). Returns how much was. */
size_t slv_stream_send(slv_stream *st, slv_str piece, bool text, bool fin);
/* Our close, after which nothing is sent. When the peer's has come as well the socket is no longer
   open. */
void slv_stream_send_close(slv_stream *st, uint16_t code, slv_str reason);

#endif
