/* ws_int.h - how the two handshakes make a slv_ws out of a connection, and what it is. Private to
 * net. */
#ifndef SLV_NET_WS_INT_H
#define SLV_NET_WS_INT_H

#include "aio/timer.h"
#include "net/outq.h"
#include "net/ws.h"
#include "net/ws_codec.h"
#include "net/ws_deflate.h"

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

/* OPEN: the owner holds the socket. ENDING: the owner has let go, what is queued still leaves and
   the peer's end is awaited. DEAD: the connection is closed and no callback comes; the memory goes
   with the next task, when the owner has let go. */
enum slv_ws_state { WS_OPEN, WS_ENDING, WS_DEAD };

struct slv_ws {
    slv_wire wire;
    slv_loop *loop;
    slv_outq out;
    slv_buf in; /* bytes that wait for credit, compressed or not yet decoded */
    slv_timer timer;
    slv_task flush, work;
    const slv_ws_handlers *handlers;
    void *user;
    slv_ws_decoder decoder;
    slv_ws_check check;
    slv_inflater *inflater;
    slv_deflater *deflater;
    slv_buf
        squeezed; /* compressed bytes of the message under way that wait for their decompression */
    size_t credit;
    uint8_t state;
    int8_t window_bits; /* 0: no compression */
    bool client, blocked, want_writable, read_eof;
    unsigned busy; /* callbacks may be on the stack: not freed now */
    bool owned;    /* the owner may still call */
    bool sent_close, got_close;
    bool in_message;         /* of ours: a message was begun */
    bool compressing, began; /* of our message: compressed; its first frame was queued */
    bool squeezed_fin, squeezed_text;
};

slv_ws *slv_ws_new(const slv_ws_start *start);
/* Whatever state it is in; no callback follows. */
void slv_ws_free(slv_ws *ws);

#endif
