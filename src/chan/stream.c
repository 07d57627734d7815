#include "chan/stream.h"

#include "base/mem.h"
#include "chan/link_int.h"

static slv_stream *find(slv_link *link, uint32_t number)
{
    slv_stream **p = slv_imap_get(&link->streams, number);

    return p ? *p : NULL;
}

/* The number is free: nobody speaks of it any more. */
static void detach(slv_stream *st)
{
    (void)slv_imap_remove(&st->link->streams, st->number);
    st->kind = SLV_STREAM_NONE;
    if (!st->ops) {
        slv_list_remove(&st->node);
        free(st);
    }
}

/* The owner lets go while the peer may still speak: an object of our own takes its place. */
static void leave_behind(slv_stream *st)
{
    slv_stream *ghost = slv_new0(slv_stream);

    *ghost = *st;
    ghost->ops = NULL;
    ghost->node = (slv_list){NULL, NULL};
    slv_list_push(&st->link->let_go, &ghost->node);
    slv_imap_set(&st->link->streams, st->number, ghost);
    st->kind = SLV_STREAM_NONE;
}

static uint32_t draw(slv_link *link)
{
    uint32_t number;

    do {
        number = link->next_number;
        link->next_number += 2;
        if (link->next_number == 0) /* even numbers wrap to 0, which is none */
            link->next_number = 2;
    } while (find(link, number));
    return number;
}

slv_code slv_stream_open(slv_stream *st, slv_link *link, slv_stream_kind kind, uint32_t number,
                         slv_err *err)
{
    SLV_ASSERT(st->ops && st->kind == SLV_STREAM_NONE && kind != SLV_STREAM_NONE);
    if (link->closed)
        return slv_fail(err, SLV_E_CLOSED, "the channel is closed");
    if (link->streams.len >= SLV_LINK_STREAMS_MAX)
        return slv_fail(err, SLV_E_LIMIT, "%zu streams are open", link->streams.len);
    if (number == 0)
        number = draw(link);
    else if ((number & 1) != (link->o.side == SLV_CHAN_MAIN))
        return slv_fail(err, SLV_E_PROTOCOL, "stream %u is not the peer's to open", number);
    else if (find(link, number))
        return slv_fail(err, SLV_E_PROTOCOL, "stream %u is open already", number);
    st->link = link;
    st->number = number;
    st->kind = kind;
    /* what main sends, and what it sends on sockets that it named, waits until it is asked for, so
       that it can still be spliced */
    bool we_are_main = link->o.side == SLV_CHAN_MAIN;
    bool lazy = kind == SLV_STREAM_SOCKET ? !(number & 1)
                                          : kind == (we_are_main ? SLV_STREAM_OUT : SLV_STREAM_IN);
    st->in = slv_flow_in_open(lazy && !we_are_main ? 0 : SLV_FLOW_WINDOW);
    st->out = slv_flow_out_open(lazy && we_are_main ? 0 : SLV_FLOW_WINDOW);
    st->reader_gone = st->in_message = st->text = false;
    slv_imap_set(&link->streams, number, st);
    return SLV_OK;
}

static void send_text(slv_stream *st, slv_frame_type type, slv_str text)
{
    if (st->link->closed)
        return;
    slv_buf *out = slv_link_begin(st->link, type, 0, st->number);
    slv_link_end(st->link, slv_msg_str_put(out, slv_str_sub(text, 0, 1024)));
}

void slv_stream_close(slv_stream *st)
{
    switch (st->kind) {
    case SLV_STREAM_NONE:
        return;
    case SLV_STREAM_IN:
        slv_stream_cancel(st, SLV_STR("canceled"));
        return;
    case SLV_STREAM_OUT:
        slv_stream_fail(st, SLV_STR("canceled"));
        return;
    case SLV_STREAM_SOCKET:
        if (!st->out.ended)
            send_text(st, SLV_FRAME_WS_FAIL, SLV_STR("closed"));
        st->out.ended = true;
        if (st->in.ended)
            detach(st);
        else
            leave_behind(st);
        return;
    }
}

void slv_stream_forget(slv_stream *st)
{
    if (st->kind != SLV_STREAM_NONE)
        detach(st);
}

void slv_link_event_ended(slv_link *link, uint32_t event)
{
    SLV_LIST_EACH (node, &link->let_go) {
        slv_stream *ghost = slv_container_of(node, slv_stream, node);

        if (ghost->event == event)
            detach(ghost);
    }
}

void slv_link_fail_streams_(slv_link *link, const char *text)
{
    while (link->streams.len > 0) {
        slv_stream *st = link->streams.values[link->streams.len - 1];
        const slv_stream_ops *ops = st->ops;

        detach(st);
        if (ops)
            ops->failed(st, slv_str_from(text));
    }
}

/* ---- in ---- */

static void send_credit(slv_stream *st, uint32_t n)
{
    if (n == 0 || st->link->closed)
        return;
    slv_buf *out = slv_link_begin(st->link, SLV_FRAME_CREDIT, 0, st->number);
    slv_link_end(st->link, slv_msg_u32_put(out, n));
}

void slv_stream_grant(slv_stream *st, uint32_t n)
{
    if (st->kind != SLV_STREAM_IN && st->kind != SLV_STREAM_SOCKET)
        return;
    slv_flow_in_grant(&st->in, n);
    send_credit(st, n);
}

void slv_stream_consume(slv_stream *st, size_t n)
{
    if (st->kind != SLV_STREAM_IN && st->kind != SLV_STREAM_SOCKET)
        return;
    send_credit(st, slv_flow_in_consume(&st->in, n));
}

void slv_stream_cancel(slv_stream *st, slv_str reason)
{
    if (st->kind != SLV_STREAM_IN)
        return;
    send_text(st, SLV_FRAME_CANCEL_READ, reason);
    st->in.canceled = true;
    leave_behind(st);
}

/* ---- out ---- */

size_t slv_stream_credit(const slv_stream *st)
{
    return st->kind == SLV_STREAM_OUT || st->kind == SLV_STREAM_SOCKET ? st->out.credit : 0;
}

/* Sends n bytes in as many frames as they need; last_flags go with the last one. */
static void send_bytes(slv_stream *st, slv_frame_type type, slv_str bytes, uint8_t flags,
                       uint8_t last_flags)
{
    do {
        size_t n = SLV_MIN(bytes.len, SLV_FRAME_PAYLOAD_MAX);

        slv_link_send(st->link, type, n == bytes.len ? flags | last_flags : flags, st->number,
                      slv_str_sub(bytes, 0, n));
        bytes = slv_str_skip(bytes, n);
    } while (bytes.len > 0);
}

size_t slv_stream_write(slv_stream *st, slv_str bytes, bool fin)
{
    SLV_ASSERT(st->kind == SLV_STREAM_OUT);
    size_t n = slv_flow_out_spend(&st->out, bytes.len);
    fin = fin && n == bytes.len;
    if (n > 0 || fin)
        send_bytes(st, SLV_FRAME_DATA, slv_str_sub(bytes, 0, n), 0, fin ? SLV_FRAME_FIN : 0);
    if (fin)
        detach(st);
    return n;
}

void slv_stream_fail(slv_stream *st, slv_str message)
{
    if (st->kind == SLV_STREAM_OUT) {
        send_text(st, SLV_FRAME_FAIL, message);
        detach(st);
    } else if (st->kind == SLV_STREAM_SOCKET) {
        if (!st->out.ended)
            send_text(st, SLV_FRAME_WS_FAIL, message);
        st->out.ended = true;
        slv_stream_close(st);
    }
}

/* ---- sockets ---- */

size_t slv_stream_send(slv_stream *st, slv_str piece, bool text, bool fin)
{
    uint8_t flags = text ? SLV_FRAME_TEXT : 0;

    SLV_ASSERT(st->kind == SLV_STREAM_SOCKET && !st->out.ended);
    size_t n = slv_flow_out_spend(&st->out, piece.len);
    fin = fin && n == piece.len;
    if (n > 0 || fin)
        send_bytes(st, SLV_FRAME_WS_DATA, slv_str_sub(piece, 0, n), flags, fin ? SLV_FRAME_FIN : 0);
    return n;
}

void slv_stream_send_close(slv_stream *st, uint16_t code, slv_str reason)
{
    SLV_ASSERT(st->kind == SLV_STREAM_SOCKET && !st->out.ended);
    st->out.ended = true;
    if (!st->link->closed) {
        const slv_msg_ws_close m = {code, reason};
        slv_buf *out = slv_link_begin(st->link, SLV_FRAME_WS_CLOSE, 0, st->number);

        slv_link_end(st->link, slv_msg_ws_close_put(out, &m));
    }
    if (st->in.ended)
        detach(st);
}

/* ---- what the peer sends ---- */

static slv_code take_data(slv_stream *st, const slv_frame *f, slv_err *err)
{
    bool fin = f->flags & SLV_FRAME_FIN;
    const slv_stream_ops *ops = st->ops;

    if (st->kind != SLV_STREAM_IN || slv_flow_in_arrive(&st->in, f->payload.len, fin) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "stream %u: %zu bytes that were not granted", f->id,
                        f->payload.len);
    if (fin)
        detach(st);
    if (ops)
        ops->data(st, f->payload, fin);
    return SLV_OK;
}

static slv_code take_credit(slv_stream *st, const slv_frame *f, slv_err *err)
{
    uint32_t n;

    if (slv_msg_u32_get(f->payload, &n) != SLV_OK || st->kind == SLV_STREAM_IN ||
        slv_flow_out_grant(&st->out, n) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "stream %u: malformed CREDIT", f->id);
    if (st->ops)
        st->ops->credited(st, n);
    return SLV_OK;
}

static slv_code take_fail(slv_stream *st, const slv_frame *f, slv_err *err)
{
    const slv_stream_ops *ops = st->ops;
    slv_str message;

    if (st->kind != SLV_STREAM_IN || slv_msg_str_get(f->payload, &message) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "stream %u: malformed FAIL", f->id);
    detach(st);
    if (ops)
        ops->failed(st, message);
    return SLV_OK;
}

static slv_code take_cancel(slv_stream *st, const slv_frame *f, slv_err *err)
{
    slv_str reason;

    if (st->kind != SLV_STREAM_OUT || slv_msg_str_get(f->payload, &reason) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "stream %u: malformed CANCEL_READ", f->id);
    if (!st->reader_gone) {
        st->reader_gone = true;
        st->ops->canceled(st, reason);
    }
    return SLV_OK;
}

static slv_code take_ws_data(slv_stream *st, const slv_frame *f, slv_err *err)
{
    bool fin = f->flags & SLV_FRAME_FIN, text = f->flags & SLV_FRAME_TEXT;
    size_t n = f->payload.len;

    if (st->kind != SLV_STREAM_SOCKET || st->in.ended || (st->in_message && text != st->text) ||
        (n == 0 ? !fin : slv_flow_in_arrive(&st->in, n, false) != SLV_OK))
        return slv_fail(err, SLV_E_PROTOCOL, "socket %u: %zu bytes that were not granted", f->id,
                        n);
    st->in_message = !fin;
    st->text = text;
    if (st->ops)
        st->ops->message(st, f->payload, text, fin);
    return SLV_OK;
}

static slv_code take_ws_close(slv_stream *st, const slv_frame *f, slv_err *err)
{
    const slv_stream_ops *ops = st->ops;
    slv_msg_ws_close m;

    if (st->kind != SLV_STREAM_SOCKET || st->in.ended || st->in_message ||
        slv_msg_ws_close_get(f->payload, &m) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "socket %u: malformed WS_CLOSE", f->id);
    st->in.ended = true;
    if (st->out.ended)
        detach(st);
    if (ops)
        ops->closed(st, m.code, m.reason);
    return SLV_OK;
}

static slv_code take_ws_fail(slv_stream *st, const slv_frame *f, slv_err *err)
{
    const slv_stream_ops *ops = st->ops;
    slv_str message;

    if (st->kind != SLV_STREAM_SOCKET || st->in.ended ||
        slv_msg_str_get(f->payload, &message) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "socket %u: malformed WS_FAIL", f->id);
    if (!st->out.ended) /* so that the peer may forget the number */
        send_text(st, SLV_FRAME_WS_FAIL, SLV_STR("closed"));
    detach(st);
    if (ops)
        ops->failed(st, message);
    return SLV_OK;
}

slv_code slv_link_stream_frame_(slv_link *link, const slv_frame *f, slv_err *err)
{
    slv_stream *st = find(link, f->id);

    if (!st) {
        if (f->type == SLV_FRAME_CREDIT || f->type == SLV_FRAME_CANCEL_READ)
            return SLV_OK; /* late: we have ended it meanwhile */
        return slv_fail(err, SLV_E_PROTOCOL, "%s for %u, which is not open",
                        slv_frame_type_name(f->type), f->id);
    }
    switch ((int)f->type) {
    case SLV_FRAME_DATA:
        return take_data(st, f, err);
    case SLV_FRAME_CREDIT:
        return take_credit(st, f, err);
    case SLV_FRAME_FAIL:
        return take_fail(st, f, err);
    case SLV_FRAME_CANCEL_READ:
        return take_cancel(st, f, err);
    case SLV_FRAME_WS_DATA:
        return take_ws_data(st, f, err);
    case SLV_FRAME_WS_CLOSE:
        return take_ws_close(st, f, err);
    default:
        return take_ws_fail(st, f, err);
    }
}
