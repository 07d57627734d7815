#include <stdlib.h>

#include "rt/rt_int.h"

/*
 * Streams and sockets as the isolate sees them. Bytes that arrive wait here until JavaScript reads
 * them, so a body that is passed on to main again never enters JavaScript. Everything belongs to an
 * event and goes when that ends.
 */

#define MESSAGE_MAX ((size_t)32 << 20) /* a WebSocket message; main has checked it too */

/* ---- life ---- */

rt_stream *slv_rt_stream_open(slv_rt *rt, rt_stream_kind kind, uint32_t number, rt_event *event)
{
    rt_stream *st;

    if (number == 0) {
        do
            rt->last_stream += 2; /* odd numbers are ours */
        while (slv_imap_get(&rt->streams, rt->last_stream));
        number = rt->last_stream;
    }
    if (slv_imap_get(&rt->streams, number)) {
        slv_rt_violation(rt, "a stream number that is in use");
        return NULL;
    }
    st = slv_new0(rt_stream);
    st->kind = kind;
    st->number = number;
    st->event = event;
    /* Main sends nothing on what it named (streams, even sockets) before it is asked for it: until
     * then it can be handed back. */
    st->in = slv_flow_in_open(kind == RT_STREAM_SOCKET && number & 1 ? SLV_FLOW_WINDOW : 0);
    st->out = slv_flow_out_open(SLV_FLOW_WINDOW);
    slv_list_init(&st->arrived);
    slv_list_init(&st->queued);
    st->failure.limit = st->our_reason.limit = st->their_reason.limit = SLV_FRAME_PAYLOAD_MAX;
    st->message.limit = MESSAGE_MAX;
    slv_list_push(&event->streams, &st->node);
    slv_imap_set(&rt->streams, number, st);
    if (kind == RT_STREAM_SOCKET) {
        st->counted = true;
        event->waits++;
    }
    return st;
}

static void count(rt_stream *st, bool waits)
{
    if (waits && !st->counted)
        st->event->waits++;
    if (!waits && st->counted)
        st->event->waits--;
    st->counted = waits;
}

static void drop_chunks(slv_list *chunks)
{
    slv_list *n;

    while ((n = slv_list_pop(chunks)))
        free(slv_container_of(n, rt_chunk, node));
}

static void stream_free(slv_rt *rt, rt_stream *st)
{
    count(st, false);
    slv_imap_remove(&rt->streams, st->number);
    slv_list_remove(&st->node);
    slv_list_remove(&st->wake);
    drop_chunks(&st->arrived);
    drop_chunks(&st->queued);
    slv_buf_done(&st->failure);
    slv_buf_done(&st->our_reason);
    slv_buf_done(&st->their_reason);
    slv_buf_done(&st->message);
    free(st);
}

void slv_rt_streams_drop(slv_rt *rt, rt_event *event)
{
    while (!slv_list_empty(&event->streams))
        stream_free(rt, slv_container_of(event->streams.next, rt_stream, node));
}

/* The stream of a native's first argument, NULL when its event has ended or it is of another kind.
 */
static rt_stream *stream_arg(slv_rt *rt, JSContextRef ctx, JSValueRef v, rt_stream_kind kind)
{
    JSValueRef thrown = NULL;
    uint32_t number;
    rt_stream **found;

    if (!slv_js_u32_arg(ctx, v, &number, &thrown))
        return NULL;
    found = slv_imap_get(&rt->streams, number);
    return found && (*found)->kind == kind ? *found : NULL;
}

static rt_chunk *chunk_new(slv_str bytes)
{
    rt_chunk *c = slv_alloc(sizeof *c + bytes.len);

    *c = (rt_chunk){.len = bytes.len};
    if (bytes.len)
        memcpy(c->bytes, bytes.ptr, bytes.len);
    return c;
}

static void consumed(slv_rt *rt, rt_stream *st, size_t n)
{
    uint32_t grant = slv_flow_in_consume(&st->in, n);
    size_t at;

    if (grant) {
        slv_buf *out = slv_rt_frame_begin(rt, SLV_FRAME_CREDIT, 0, st->number, &at);

        slv_rt_frame_end(rt, at, slv_buf_append_u32(out, grant));
    }
}

/* A frame whose payload is one string. */
static void send_text(slv_rt *rt, slv_frame_type type, uint32_t number, slv_str text)
{
    size_t at;
    slv_buf *out = slv_rt_frame_begin(rt, type, 0, number, &at);

    slv_rt_frame_end(rt, at, slv_msg_str_put(out, slv_str_sub(text, 0, 4096)));
}

/* ---- reading ---- */

static void release_chunk(void *ptr, void *arg)
{
    (void)ptr;
    free(arg);
}

/* The first CREDIT of a stream that main sends. */
static void ask_for_bytes(slv_rt *rt, rt_stream *st)
{
    size_t at;
    slv_buf *out;

    if (st->asked)
        return;
    st->asked = true;
    slv_flow_in_grant(&st->in, SLV_FLOW_WINDOW);
    out = slv_rt_frame_begin(rt, SLV_FRAME_CREDIT, 0, st->number, &at);
    slv_rt_frame_end(rt, at, slv_buf_append_u32(out, SLV_FLOW_WINDOW));
}

/* streamRead(number) -> Uint8Array; null at the end; undefined when nothing is there: readable()
 * follows. Throws after FAIL. */
SLV_NATIVE(stream_read)
{
    slv_rt *rt = slv_rt_current();
    rt_stream *st = stream_arg(rt, ctx, SLV_ARG(0), RT_STREAM_IN);
    slv_list *n;

    if (!st)
        return slv_js_null(ctx);
    n = slv_list_pop(&st->arrived);
    if (n) {
        rt_chunk *c = slv_container_of(n, rt_chunk, node);

        consumed(rt, st, c->len);
        return slv_js_bytes_take_with(ctx, c->bytes, c->len, release_chunk, c, exc);
    }
    if (st->failed) {
        slv_js_throw_error(ctx, exc, "%.*s", SLV_STR_ARGS(slv_buf_view(&st->failure)));
        stream_free(rt, st);
        return NULL;
    }
    if (st->fin) {
        stream_free(rt, st);
        return slv_js_null(ctx);
    }
    ask_for_bytes(rt, st);
    st->wanted = true;
    count(st, true);
    return slv_js_undefined(ctx);
}

/* streamCancel(number, reason) */
SLV_NATIVE(stream_cancel)
{
    slv_rt *rt = slv_rt_current();
    rt_stream *st = stream_arg(rt, ctx, SLV_ARG(0), RT_STREAM_IN);
    SLV_TEXT(reason);

    if (!st)
        return slv_js_undefined(ctx);
    if (!slv_js_text_arg(ctx, SLV_ARG(1), &reason, exc))
        return NULL;
    if (st->fin || st->failed) {
        stream_free(rt, st);
        return slv_js_undefined(ctx);
    }
    send_text(rt, SLV_FRAME_CANCEL_READ, st->number, reason.str);
    st->in.canceled = true;
    st->wanted = false;
    count(st, false);
    drop_chunks(&st->arrived);
    return slv_js_undefined(ctx);
}

/* streamTake(number): a stream or socket that main gets back by its number. */
SLV_NATIVE(stream_take)
{
    slv_rt *rt = slv_rt_current();
    rt_stream *st = stream_arg(rt, ctx, SLV_ARG(0), RT_STREAM_IN);

    if (!st)
        st = stream_arg(rt, ctx, SLV_ARG(0), RT_STREAM_SOCKET);
    if (st)
        stream_free(rt, st);
    return slv_js_undefined(ctx);
}

static void enter_number(slv_rt *rt, rt_event *event, JSObjectRef entry, uint32_t number,
                         const slv_str *text)
{
    JSContextRef ctx = slv_js_context(rt->js);
    JSValueRef args[2];

    slv_rt_turn_begin(rt, event);
    args[0] = slv_js_num(ctx, number);
    args[1] = text ? slv_js_string(ctx, *text) : slv_js_undefined(ctx);
    slv_rt_turn_call(rt, entry, 2, args);
    slv_rt_turn_end(rt);
}

static void wake_reader(slv_rt *rt, rt_stream *st)
{
    if (!st->wanted)
        return;
    st->wanted = false;
    count(st, false);
    enter_number(rt, st->event, rt->entries.readable, st->number, NULL);
}

static void data_frame(slv_rt *rt, rt_stream *st, const slv_frame *frame)
{
    bool fin = frame->flags & SLV_FRAME_FIN;

    if (st->kind != RT_STREAM_IN ||
        slv_flow_in_arrive(&st->in, frame->payload.len, fin) != SLV_OK) {
        slv_rt_violation(rt, "DATA that was not allowed");
        return;
    }
    if (st->in.canceled) {
        if (fin)
            stream_free(rt, st);
        return;
    }
    st->fin = fin;
    if (frame->payload.len)
        slv_list_push(&st->arrived, &chunk_new(frame->payload)->node);
    wake_reader(rt, st);
}

/* FAIL of a stream and WS_FAIL. */
static void fail_frame(slv_rt *rt, rt_stream *st, const slv_frame *frame)
{
    slv_str text;

    if (slv_msg_str_get(frame->payload, &text) != SLV_OK) {
        slv_rt_violation(rt, "FAIL that cannot be read");
        return;
    }
    if (st->in.canceled) {
        stream_free(rt, st);
        return;
    }
    if (st->kind == RT_STREAM_SOCKET && !st->close_sent && !st->failed)
        send_text(rt, SLV_FRAME_WS_FAIL, st->number, SLV_STR("")); /* our direction ends as well */
    st->failed = true;
    if (slv_buf_set(&st->failure, text) != SLV_OK)
        slv_buf_reset(&st->failure);
    if (st->kind == RT_STREAM_IN)
        wake_reader(rt, st);
    else if (st->wanted && !slv_list_linked(&st->wake))
        slv_list_push(&rt->woken, &st->wake);
}

/* ---- writing ---- */

/* Sends as much of bytes as there is credit for, in frames; returns how much. fin goes with the
 * last byte of all. */
static size_t send_credited(slv_rt *rt, rt_stream *st, slv_str bytes, bool text, bool fin)
{
    slv_frame_type type = st->kind == RT_STREAM_SOCKET ? SLV_FRAME_WS_DATA : SLV_FRAME_DATA;
    size_t total = slv_flow_out_spend(&st->out, bytes.len);
    size_t sent = 0;

    do {
        size_t n = SLV_MIN(total - sent, SLV_FRAME_PAYLOAD_MAX);
        bool last = fin && sent + n == bytes.len;

        if (n == 0 && !last)
            break;
        slv_rt_frame_send(rt, type,
                          (uint8_t)((last ? SLV_FRAME_FIN : 0) | (text ? SLV_FRAME_TEXT : 0)),
                          st->number, slv_str_sub(bytes, sent, sent + n));
        sent += n;
    } while (sent < total);
    return total;
}

static void queue_chunk(rt_stream *st, slv_str bytes, bool text, bool fin)
{
    rt_chunk *c = chunk_new(bytes);

    c->text = text;
    c->fin = fin;
    slv_list_push(&st->queued, &c->node);
    st->queued_bytes += bytes.len;
}

static void send_close(slv_rt *rt, rt_stream *st)
{
    const slv_msg_ws_close close = {st->our_code, slv_buf_view(&st->our_reason)};
    size_t at;
    slv_buf *out = slv_rt_frame_begin(rt, SLV_FRAME_WS_CLOSE, 0, st->number, &at);

    slv_rt_frame_end(rt, at, slv_msg_ws_close_put(out, &close));
    st->close_sent = true;
}

/* True when nothing is queued any more. */
static bool flush_queue(slv_rt *rt, rt_stream *st)
{
    while (!slv_list_empty(&st->queued)) {
        rt_chunk *c = slv_container_of(st->queued.next, rt_chunk, node);
        slv_str rest = slv_str_make(c->bytes + st->queued_at, c->len - st->queued_at);
        size_t n = send_credited(rt, st, rest, c->text, c->fin);

        st->queued_at += n;
        st->queued_bytes -= n;
        if (st->queued_at < c->len)
            return false;
        st->queued_at = 0;
        slv_list_remove(&c->node);
        free(c);
    }
    return true;
}

static void credit_frame(slv_rt *rt, rt_stream *st, const slv_frame *frame)
{
    uint32_t number = st->number;
    rt_event *event = st->event;
    uint32_t n;

    if (st->kind == RT_STREAM_IN || slv_msg_u32_get(frame->payload, &n) != SLV_OK ||
        slv_flow_out_grant(&st->out, n) != SLV_OK) {
        slv_rt_violation(rt, "CREDIT that was not allowed");
        return;
    }
    if (!flush_queue(rt, st))
        return;
    if (st->kind == RT_STREAM_SOCKET) {
        if (st->end_queued && !st->close_sent)
            send_close(rt, st);
        if (st->close_sent && st->close_delivered)
            stream_free(rt, st);
        return;
    }
    if (!st->blocked)
        return;
    st->blocked = false;
    count(st, false);
    if (st->end_queued) {
        slv_rt_frame_send(rt, SLV_FRAME_DATA, SLV_FRAME_FIN, number, SLV_STR(""));
        stream_free(rt, st);
    }
    enter_number(rt, event, rt->entries.writable, number, NULL);
}

static void cancel_read_frame(slv_rt *rt, rt_stream *st, const slv_frame *frame)
{
    uint32_t number = st->number;
    rt_event *event = st->event;
    slv_str reason;

    if (st->kind != RT_STREAM_OUT || slv_msg_str_get(frame->payload, &reason) != SLV_OK) {
        slv_rt_violation(rt, "CANCEL_READ that was not allowed");
        return;
    }
    slv_rt_frame_send(rt, SLV_FRAME_DATA, SLV_FRAME_FIN, number, SLV_STR(""));
    stream_free(rt, st);
    enter_number(rt, event, rt->entries.writable, number, &reason);
}

/* streamOpen(event) -> number, to be named to main before the first write */
SLV_NATIVE(stream_open)
{
    slv_rt *rt = slv_rt_current();
    uint32_t id;
    rt_event *event;
    rt_stream *st;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &id, exc))
        return NULL;
    event = slv_rt_event_find(rt, id);
    if (!event)
        return slv_js_throw_error(ctx, exc, "The event of this stream has ended.");
    st = slv_rt_stream_open(rt, JSValueToBoolean(ctx, SLV_ARG(1)) ? RT_STREAM_IN : RT_STREAM_OUT, 0,
                            event);
    return slv_js_num(ctx, st ? st->number : 0);
}

/* streamWrite(number, bytes or how many of N.staging) -> true: all is on its way; false: writable()
   follows */
SLV_NATIVE(stream_write)
{
    slv_rt *rt = slv_rt_current();
    rt_stream *st = stream_arg(rt, ctx, SLV_ARG(0), RT_STREAM_OUT);
    slv_js_bytes b = {.ptr = rt->staging};
    uint32_t staged;
    slv_str bytes;
    size_t n;

    if (JSValueIsNumber(ctx, SLV_ARG(1))) {
        if (!slv_js_u32_arg(ctx, SLV_ARG(1), &staged, exc))
            return NULL;
        b.len = SLV_MIN((size_t)staged, SLV_RT_STAGING_SIZE);
    } else if (!slv_js_bytes_arg(ctx, SLV_ARG(1), &b, exc)) {
        return NULL;
    }
    if (!st || b.len == 0)
        return slv_js_bool(ctx, true);
    bytes = slv_js_bytes_str(b);
    n = slv_list_empty(&st->queued) ? send_credited(rt, st, bytes, false, false) : 0;
    if (n == b.len)
        return slv_js_bool(ctx, true);
    queue_chunk(st, slv_str_skip(bytes, n), false, false);
    st->blocked = true;
    count(st, true);
    return slv_js_bool(ctx, false);
}

/* streamEnd(number) -> true: FIN is on its way; false: after what is queued, writable() follows */
SLV_NATIVE(stream_end)
{
    slv_rt *rt = slv_rt_current();
    rt_stream *st = stream_arg(rt, ctx, SLV_ARG(0), RT_STREAM_OUT);

    if (st && !slv_list_empty(&st->queued)) {
        st->end_queued = st->blocked = true;
        count(st, true);
        return slv_js_bool(ctx, false);
    }
    if (st) {
        slv_rt_frame_send(rt, SLV_FRAME_DATA, SLV_FRAME_FIN, st->number, SLV_STR(""));
        stream_free(rt, st);
    }
    return slv_js_bool(ctx, true);
}

/* streamFail(number, text) */
SLV_NATIVE(stream_fail)
{
    slv_rt *rt = slv_rt_current();
    rt_stream *st = stream_arg(rt, ctx, SLV_ARG(0), RT_STREAM_OUT);
    SLV_TEXT(text);

    if (!slv_js_text_arg(ctx, SLV_ARG(1), &text, exc))
        return NULL;
    if (st) {
        send_text(rt, SLV_FRAME_FAIL, st->number, text.str);
        stream_free(rt, st);
    }
    return slv_js_undefined(ctx);
}

/* ---- sockets ---- */

static void message_frame(slv_rt *rt, rt_stream *st, const slv_frame *frame)
{
    bool fin = frame->flags & SLV_FRAME_FIN;
    slv_str piece = frame->payload;

    if (st->kind != RT_STREAM_SOCKET || st->close_came ||
        (piece.len && slv_flow_in_arrive(&st->in, piece.len, false) != SLV_OK) ||
        slv_buf_append(&st->message, piece) != SLV_OK) {
        slv_rt_violation(rt, "WS_DATA that was not allowed");
        return;
    }
    if (st->wanted && piece.len) /* else it stays within the window until somebody listens */
        consumed(rt, st, piece.len);
    if (!fin)
        return;
    rt_chunk *c = chunk_new(slv_buf_view(&st->message));
    c->text = frame->flags & SLV_FRAME_TEXT;
    slv_list_push(&st->arrived, &c->node);
    slv_buf_reset(&st->message);
    if (st->wanted && !slv_list_linked(&st->wake))
        slv_list_push(&rt->woken, &st->wake);
}

static void close_frame(slv_rt *rt, rt_stream *st, const slv_frame *frame)
{
    slv_msg_ws_close close;

    if (st->kind != RT_STREAM_SOCKET || st->close_came ||
        slv_msg_ws_close_get(frame->payload, &close) != SLV_OK) {
        slv_rt_violation(rt, "WS_CLOSE that was not allowed");
        return;
    }
    st->close_came = true;
    st->their_code = close.code;
    if (slv_buf_set(&st->their_reason, close.reason) != SLV_OK)
        slv_buf_reset(&st->their_reason);
    if (st->wanted && !slv_list_linked(&st->wake))
        slv_list_push(&rt->woken, &st->wake);
}

static JSValueRef message_value(JSContextRef ctx, rt_chunk *c)
{
    JSValueRef thrown = NULL;
    JSValueRef v;

    if (c->text) {
        v = slv_js_string(ctx, slv_str_make(c->bytes, c->len));
        free(c);
        return v;
    }
    if (c->len == 0) {
        free(c);
        return JSObjectGetTypedArrayBuffer(
            ctx, JSObjectMakeTypedArray(ctx, kJSTypedArrayTypeUint8Array, 0, NULL), NULL);
    }
    v = JSObjectMakeArrayBufferWithBytesNoCopy(ctx, c->bytes, c->len, release_chunk, c, &thrown);
    return thrown ? slv_js_undefined(ctx) : v;
}

/* One turn for each thing that came, in order; the close or the failure last. The socket may go
 * away in any of them. */
static void deliver(slv_rt *rt, uint32_t number)
{
    JSContextRef ctx = slv_js_context(rt->js);
    rt_stream **found;

    while (!rt->closed && (found = slv_imap_get(&rt->streams, number)) && (*found)->wanted) {
        rt_stream *st = *found;
        slv_list *n = slv_list_pop(&st->arrived);
        JSValueRef args[4];

        if (!n && !st->failed && (!st->close_came || st->close_delivered))
            return;
        slv_rt_turn_begin(rt, st->event);
        args[0] = slv_js_num(ctx, number);
        args[3] = slv_js_undefined(ctx);
        if (n) {
            args[1] = slv_js_num(ctx, 0);
            args[2] = message_value(ctx, slv_container_of(n, rt_chunk, node));
        } else if (st->close_came && !st->close_delivered) {
            args[1] = slv_js_num(ctx, 1);
            args[2] = slv_js_num(ctx, st->their_code);
            args[3] = slv_js_string(ctx, slv_buf_view(&st->their_reason));
            st->close_delivered = true;
            if (st->close_sent)
                stream_free(rt, st);
        } else {
            args[1] = slv_js_num(ctx, 2);
            args[2] = slv_js_string(ctx, slv_buf_view(&st->failure));
            stream_free(rt, st);
        }
        slv_rt_turn_call(rt, rt->entries.socket, 4, args);
        slv_rt_turn_end(rt);
    }
}

void slv_rt_streams_wake(slv_rt *rt)
{
    slv_list *n;

    while ((n = slv_list_pop(&rt->woken)))
        deliver(rt, slv_container_of(n, rt_stream, wake)->number);
}

/* socketOpen(event) -> number */
SLV_NATIVE(socket_open)
{
    slv_rt *rt = slv_rt_current();
    uint32_t id;
    rt_event *event;
    rt_stream *st;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &id, exc))
        return NULL;
    event = slv_rt_event_find(rt, id);
    if (!event)
        return slv_js_throw_error(ctx, exc, "The event of this WebSocket has ended.");
    st = slv_rt_stream_open(rt, RT_STREAM_SOCKET, 0, event);
    return slv_js_num(ctx, st ? st->number : 0);
}

/* socketStart(number): from now on messages are delivered */
SLV_NATIVE(socket_start)
{
    slv_rt *rt = slv_rt_current();
    rt_stream *st = stream_arg(rt, ctx, SLV_ARG(0), RT_STREAM_SOCKET);

    if (!st || st->wanted)
        return slv_js_undefined(ctx);
    st->wanted = true;
    consumed(rt, st, SLV_FLOW_WINDOW - st->in.window);
    if (!slv_list_linked(&st->wake))
        slv_list_push(&rt->woken, &st->wake);
    return slv_js_undefined(ctx);
}

/* socketSend(number, string or bytes) */
SLV_NATIVE(socket_send)
{
    slv_rt *rt = slv_rt_current();
    rt_stream *st = stream_arg(rt, ctx, SLV_ARG(0), RT_STREAM_SOCKET);
    SLV_CLEANUP(slv_buf_done) slv_buf utf8 = SLV_BUF(MESSAGE_MAX);
    bool text = JSValueIsString(ctx, SLV_ARG(1));
    slv_str bytes;
    size_t n = 0;

    if (text) {
        if (!slv_js_append_arg(ctx, SLV_ARG(1), &utf8, exc))
            return NULL;
        bytes = slv_buf_view(&utf8);
    } else {
        slv_js_bytes b;

        if (!slv_js_bytes_arg(ctx, SLV_ARG(1), &b, exc))
            return NULL;
        bytes = slv_js_bytes_str(b);
    }
    if (!st || st->close_sent || st->end_queued)
        return slv_js_undefined(ctx);
    if (slv_list_empty(&st->queued)) {
        if (bytes.len == 0)
            slv_rt_frame_send(rt, SLV_FRAME_WS_DATA,
                              (uint8_t)(SLV_FRAME_FIN | (text ? SLV_FRAME_TEXT : 0)), st->number,
                              bytes);
        else
            n = send_credited(rt, st, bytes, text, true);
        if (n == bytes.len)
            return slv_js_undefined(ctx);
    }
    queue_chunk(st, slv_str_skip(bytes, n), text, true);
    return slv_js_undefined(ctx);
}

/* socketBuffered(number) -> bytes that have no credit yet */
SLV_NATIVE(socket_buffered)
{
    rt_stream *st = stream_arg(slv_rt_current(), ctx, SLV_ARG(0), RT_STREAM_SOCKET);

    return slv_js_num(ctx, st ? (double)st->queued_bytes : 0);
}

/* socketClose(number, code, reason) */
SLV_NATIVE(socket_close)
{
    slv_rt *rt = slv_rt_current();
    rt_stream *st = stream_arg(rt, ctx, SLV_ARG(0), RT_STREAM_SOCKET);
    SLV_TEXT(reason);
    uint32_t code;

    if (!slv_js_u32_arg(ctx, SLV_ARG(1), &code, exc) ||
        !slv_js_text_arg(ctx, SLV_ARG(2), &reason, exc))
        return NULL;
    if (!st || st->close_sent || st->end_queued)
        return slv_js_undefined(ctx);
    st->our_code = (uint16_t)code;
    if (slv_buf_set(&st->our_reason, reason.str) != SLV_OK)
        slv_buf_reset(&st->our_reason);
    if (!slv_list_empty(&st->queued)) {
        st->end_queued = true;
        return slv_js_undefined(ctx);
    }
    send_close(rt, st);
    if (st->close_delivered)
        stream_free(rt, st);
    return slv_js_undefined(ctx);
}

/* socketFail(number, text) */
SLV_NATIVE(socket_fail)
{
    slv_rt *rt = slv_rt_current();
    rt_stream *st = stream_arg(rt, ctx, SLV_ARG(0), RT_STREAM_SOCKET);
    SLV_TEXT(text);

    if (!slv_js_text_arg(ctx, SLV_ARG(1), &text, exc))
        return NULL;
    if (st) {
        send_text(rt, SLV_FRAME_WS_FAIL, st->number, text.str);
        stream_free(rt, st);
    }
    return slv_js_undefined(ctx);
}

/* ---- frames ---- */

void slv_rt_stream_frame(slv_rt *rt, const slv_frame *frame)
{
    rt_stream **found = slv_imap_get(&rt->streams, frame->id);

    if (!found) /* its event has ended, or the two ends crossed */
        return;
    switch ((unsigned)frame->type) {
    case SLV_FRAME_DATA:
        data_frame(rt, *found, frame);
        break;
    case SLV_FRAME_CREDIT:
        credit_frame(rt, *found, frame);
        break;
    case SLV_FRAME_FAIL:
    case SLV_FRAME_WS_FAIL:
        fail_frame(rt, *found, frame);
        break;
    case SLV_FRAME_CANCEL_READ:
        cancel_read_frame(rt, *found, frame);
        break;
    case SLV_FRAME_WS_DATA:
        message_frame(rt, *found, frame);
        break;
    case SLV_FRAME_WS_CLOSE:
        close_frame(rt, *found, frame);
        break;
    default:
        SLV_UNREACHABLE();
    }
}

static const slv_native stream_natives[] = {
    {"streamRead", stream_read},         {"streamCancel", stream_cancel},
    {"streamTake", stream_take},         {"streamOpen", stream_open},
    {"streamWrite", stream_write},       {"streamEnd", stream_end},
    {"streamFail", stream_fail},         {"socketOpen", socket_open},
    {"socketStart", socket_start},       {"socketSend", socket_send},
    {"socketClose", socket_close},       {"socketFail", socket_fail},
    {"socketBuffered", socket_buffered},
};

void slv_rt_add_stream_natives(slv_rt *rt)
{
    slv_js_add_natives(rt->js, stream_natives, SLV_ARRAY_LEN(stream_natives));
}
