/* WebSockets that pass from one process to another, between two messages. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/pump_int.h"
#include "net/server_int.h"
#include "net/ws_int.h"

#define PARTS_MAX ((size_t)1 << 20)

void slv_ws_parts_done(slv_ws_parts *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    slv_buf_done(&p->received);
    slv_buf_done(&p->to_send);
}

static bool at_rest(const slv_ws *ws, slv_str *ret_begun)
{
    return ws->state == WS_OPEN && ws->owned && !ws->client && ws->busy == 0 && !ws->sent_close &&
           !ws->got_close && !ws->read_eof && !ws->in_message && ws->squeezed.len == 0 &&
           !ws->squeezed_fin && ws->check.bytes == 0 &&
           slv_ws_decoder_at_rest(&ws->decoder, ret_begun);
}

static slv_code copy_out(const slv_ws *ws, slv_str begun, slv_ws_parts *p)
{
    SLV_TRY(slv_buf_append(&p->received, begun));
    SLV_TRY(slv_buf_append(&p->received, slv_buf_view(&ws->in)));
    for (const slv_outblock *b = ws->wire.ssl ? NULL : ws->out.first; b; b = b->next)
        SLV_TRY(slv_buf_append(&p->to_send, slv_str_make(b->data + b->start, b->end - b->start)));
    return SLV_OK;
}

bool slv_ws_hand(slv_ws *ws, slv_pumps *pumps, slv_ws_parts *ret)
{
    SLV_CLEANUP(slv_ws_parts_done)
    slv_ws_parts p = {
        .fd = -1,
        .window_bits = ws->window_bits,
        .unmasked = ws->decoder.unmasked,
        .received = SLV_BUF(PARTS_MAX),
        .to_send = SLV_BUF(SLV_EXCHANGE_QUEUE_MAX + PARTS_MAX),
    };
    slv_str begun;
    int ends[2];

    if (!at_rest(ws, &begun) || (ws->wire.ssl && !pumps) || copy_out(ws, begun, &p) != SLV_OK)
        return false;
    if (ws->wire.ssl) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
            return false;
        slv_wire_unwatch(&ws->wire);
        slv_pumps_take(pumps, &ws->wire, &ws->out, ends[1]);
        p.fd = ends[0];
    } else {
        slv_wire_unwatch(&ws->wire);
        p.fd = ws->wire.fd;
        ws->wire.fd = -1;
    }
    slv_ws_free(ws);
    *ret = p;
    p = (slv_ws_parts){.fd = -1};
    return true;
}

slv_ws *slv_ws_take(slv_http_server *server, slv_ws_parts *parts, const slv_ws_handlers *handlers,
                    void *user)
{
    slv_wire wire = {.fd = parts->fd};
    slv_outq out = {.pool = server->pool};
    const slv_ws_start start = {
        .loop = server->loop,
        .wire = &wire,
        .pool = server->pool,
        .queued = &out,
        .received = slv_buf_view(&parts->received),
        .unmasked = parts->unmasked,
        .deflate = {.agreed = parts->window_bits > 0, .window_bits = parts->window_bits},
        .handlers = handlers,
        .user = user,
    };

    slv_outq_append(&out, slv_buf_view(&parts->to_send));
    slv_ws *ws = slv_ws_new(&start);
    parts->fd = -1;
    slv_ws_parts_done(parts);
    return ws;
}
