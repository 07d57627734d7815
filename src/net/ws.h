/*
 * ws.h - one WebSocket connection (RFC 6455, permessage-deflate RFC 7692), server or client side.
 *
 * Made by slv_exchange_upgrade (server) or slv_fetch with upgrade (net/client.h). Loop thread only.
 * Messages travel in pieces, so that none is ever held whole here. Pings are answered here; pongs
 * are consumed here.
 *
 * Receiving: nothing is delivered before slv_ws_credit granted it (payload bytes after
 * decompression; pieces may be empty at the end of a message, which costs nothing). At a credit of
 * 0 the connection is not read. Sending: as slv_exchange_write: always taken, false says to wait
 * for `writable`. Closing: `closed` reports the peer's close frame (code 1005 when it had none);
 * nothing more is received. The close is not answered by itself: the owner calls slv_ws_close, now
 * or after it has sent what it had (half-open). When both have been sent the connection ends by
 * itself and the owner must forget it: no callback comes. A peer that does not answer our close
 * within 10 s is cut, which the owner learns by `failed`. Failing: `failed` says that the
 * connection broke without a close handshake (peer gone, protocol violation - which is told to the
 * peer with 1002, 1007 or 1009 -, timeout). Last callback.
 *
 * The socket is valid until: slv_ws_abort was called; `failed` returned; or both closes were given
 * (slv_ws_close called and `closed` returned, in whichever order). After that it must not be
 * touched.
 *
 * Limits: message 32 MiB (1009), control frame 125 bytes, close reason 123 bytes, queue
 * SLV_EXCHANGE_QUEUE_MAX.
 */
#ifndef SLV_NET_WS_H
#define SLV_NET_WS_H

#include "base/buf.h"
#include "net/exchange.h"

typedef struct slv_pumps slv_pumps;             /* net/pump.h */
typedef struct slv_http_server slv_http_server; /* net/server.h */

#define SLV_WS_MESSAGE_MAX ((size_t)32 << 20)
#define SLV_WS_REASON_MAX 123
#define SLV_WS_NO_CODE 1005 /* a close frame without a code */

struct slv_ws_handlers {
    /* A piece of a message; fin with its last one. text is the same on every piece of a message,
       and the message as a whole is valid UTF-8 (a piece may end inside a character). Borrowed for
       the call. */
    void (*message)(slv_ws *ws, slv_str piece, bool text, bool fin);
    void (*writable)(slv_ws *ws);
    void (*closed)(slv_ws *ws, uint16_t code, slv_str reason);
    void (*failed)(slv_ws *ws, slv_str message);
};

struct slv_ws_options {
    bool compress; /* permessage-deflate when the client offers it (a client: offer it) */
    bool unmasked; /* server: frames of the client need not be masked (RFC 6455 says they must) */
    slv_str
        protocol; /* server: the subprotocol chosen, sent as Sec-WebSocket-Protocol; may be empty */
};

void *slv_ws_user(const slv_ws *ws);
void slv_ws_set_user(slv_ws *ws, void *user);
void slv_ws_set_handlers(slv_ws *ws, const slv_ws_handlers *handlers); /* e.g. while hibernating */

void slv_ws_credit(slv_ws *ws, size_t n);
/* One piece of a message, fin with the last. Not after slv_ws_close. Text must be valid UTF-8 as a
 * whole: the caller's duty. */
bool slv_ws_send(slv_ws *ws, slv_str piece, bool text, bool fin);
size_t slv_ws_queued(const slv_ws *ws);
/* Sends a close frame after what is queued. code SLV_WS_NO_CODE sends an empty one. SLV_E_INVAL for
   a code that may not be sent (below 1000, 1004, 1006, 1015, 1016 to 2999 ... above 4999), a reason
   that is too long, not UTF-8, or without a code. */
SLV_NODISCARD slv_code slv_ws_close(slv_ws *ws, uint16_t code, slv_str reason, slv_err *err);
/* Cuts the connection. In any state. */
void slv_ws_abort(slv_ws *ws);

/* A server's socket on its way to another process. */
typedef struct slv_ws_parts {
    int fd;          /* of plain bytes; owned */
    int window_bits; /* of what is compressed; 0: nothing is */
    bool unmasked;
    slv_buf received, to_send; /* that came and was not decoded; that is to go out first */
} slv_ws_parts;

void slv_ws_parts_done(slv_ws_parts *parts);
SLV_DEFINE_CLEANUP_DONE(slv_ws_parts, slv_ws_parts_done);
/* Takes the socket apart: true, and ws must not be touched. False: it is in the middle of a message
 * or of its end, and nothing has changed. pumps: for one that speaks TLS. Not inside a callback of
 * the socket. */
bool slv_ws_hand(slv_ws *ws, slv_pumps *pumps, slv_ws_parts *ret);
/* And puts it together, on the loop of the server. Takes parts. */
slv_ws *slv_ws_take(slv_http_server *server, slv_ws_parts *parts, const slv_ws_handlers *handlers,
                    void *user);

#endif
