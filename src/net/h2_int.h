/*
 * h2_int.h - HTTP/2 server connections over nghttp2: one session for each connection, one exchange
 * for each stream. Private to net.
 *
 * A connection becomes one when TLS agreed on "h2", or when its first bytes are HTTP/2's preface
 * (prior knowledge). It takes the socket over from the slv_conn that accepted it.
 *
 * Flow control: a stream's window is SLV_H2_WINDOW; it opens again as the handler's credit takes
 * bytes, so that a body nobody wants stays with the client. The connection's window opens at once,
 * so that one such stream does not stop the others: it can hold back SLV_H2_STREAMS_MAX windows of
 * memory at most.
 *
 * Limits: SLV_H2_STREAMS_MAX streams at once, further ones are refused; head as for HTTP/1 (431),
 * and of a header block of SLV_H2_BLOCK_MAX bytes, decoded, or SLV_H2_CONTINUATIONS_MAX frames the
 * connection ends, trailers included. It also ends when a client makes work for nothing, each
 * beyond a burst and a rate: SLV_H2_RESETS_MAX streams that it reset, or that had to be reset or
 * refused because of it, beyond one in 30 ms; SLV_H2_CHATTER_MAX frames that carry nothing (PING,
 * SETTINGS, PRIORITY, empty DATA, windows opened by less than SLV_H2_WINDOW_STEP_MIN)
 * beyond one in 5 ms. A stream whose response waits for its window longer than the write timeout is
 * reset, the others go on.
 */
#ifndef SLV_NET_H2_INT_H
#define SLV_NET_H2_INT_H

#include <nghttp2/nghttp2.h>

#include "net/server_int.h"

#define SLV_H2_WINDOW 131072
#define SLV_H2_STREAMS_MAX 128
#define SLV_H2_RESETS_MAX 500
#define SLV_H2_RESET_MS 30u
#define SLV_H2_CHATTER_MAX 2000
#define SLV_H2_CHATTER_MS 5u
#define SLV_H2_WINDOW_STEP_MIN 256
#define SLV_H2_CONTINUATIONS_MAX 16u
#define SLV_H2_BLOCK_MAX (4 * SLV_EXCHANGE_HEAD_MAX)
/* From a client's asking not to begin streams to refusing them, when it does not answer the PING
 * between the two. */
#define SLV_H2_GOING_MS 1000
#define SLV_H2_OUT_HIGH ((size_t)256 << 10)

typedef struct slv_h2 slv_h2;

/* An exchange on a stream. Lives until nghttp2 has closed the stream and the handler has let go. */
typedef struct slv_h2_stream {
    slv_exchange base;
    slv_h2 *h2;
    slv_list node; /* h2->streams */
    int32_t id;
    slv_arena arena;
    slv_task work; /* delivers body for credit that came outside of a callback */
    /* request */
    slv_http_header *headers;
    size_t count, head_bytes, cookie_at; /* cookie_at: position + 1 of the cookie field, 0: none */
    slv_str path, host;
    slv_buf in; /* body without credit, at most a window */
    size_t credit;
    int refuse; /* status to answer with instead of asking the handler */
    bool in_end, given, last_given;
    /* response */
    slv_outq out;
    uint64_t out_left;
    uint64_t waits_since_ms; /* for its window, with bytes to send; 0: it does not */
    bool responded, no_body, sized, blocked, ended, closed;
} slv_h2_stream;

struct slv_h2 {
    slv_wire wire;
    slv_list node; /* server->h2s */
    slv_http_server *server;
    nghttp2_session *ng;
    slv_outq out;
    slv_timer timer;
    uint64_t deadline_ms;
    uint64_t stall_ms; /* when a stream has waited too long for its window; 0: none waits */
    slv_task flush, work;
    slv_list streams;
    size_t stream_count;
    unsigned busy;
    uint64_t reset_level_ms, chatter_level_ms; /* leaky buckets */
    size_t block_bytes;                        /* of the header block under way, decoded */
    unsigned continuations;                    /* of its frames */
    bool secure, blocked, dead, sweep;
    bool going; /* the client was asked to open no more streams ... */
    bool gone;  /* ... and those that it opens from now on are refused */
    slv_timer last;
    slv_conn_told *told; /* server_int.h */
    uint16_t peer_port, local_port, redirect_port;
    char peer[46], local[46];
};

/* h2.c */
void slv_h2_flush_later(slv_h2 *h2);
void slv_h2_deliver(slv_h2_stream *st);
/* h2_head.c: fields of a head into st, and the finished head. add: false refuses the stream
 * (st->refuse says how). */
bool slv_h2_add_field(slv_h2_stream *st, slv_str name, slv_str value);
int slv_h2_head_make(slv_h2_stream *st, const char **ret_why);
/* h2_exchange.c */
extern const slv_exchange_ops slv_h2_exchange_ops;
/* An answer of our own to a stream that is not given to the handler. */
void slv_h2_refuse(slv_h2_stream *st, int status, const char *why);

#endif
