/* ws_int.h - how the two handshakes make a slv_ws out of a connection. */
#ifndef SLV_NET_WS_INT_H
#define SLV_NET_WS_INT_H

#include "aio/timer.h"
#include "net/outq.h"
#include "net/ws.h"
#include "net/ws_codec.h"

typedef struct slv_ws_start {
    slv_loop *loop;
    slv_wire *wire; /* taken over; must not be watched */
    slv_outpool *pool;
    slv_outq *queued; /* bytes to be sent first (the handshake's answer), of the same pool: moved;
                         may be NULL */
    slv_str received; /* bytes that came behind the handshake */
    bool client, unmasked;
    slv_ws_deflate_offer deflate;
    const slv_ws_handlers *handlers;
    void *user;
} slv_ws_start;

slv_ws *slv_ws_new(const slv_ws_start *start);

#endif
