#include <errno.h>

#include "base/mem.h"
#include "net/h2_int.h"

/* Streams.
 * ----------------------------------------------------------------------------------------------------------------
 */

static void on_stream_work(slv_task *task)
{
    slv_h2_stream *st = slv_container_of(task, slv_h2_stream, work);
    slv_h2 *h2 = st->h2;

    h2->busy++;
    slv_h2_deliver(st);
    h2->busy--;
    slv_h2_flush_later(h2); /* windows that opened */
}

static slv_h2_stream *stream_new(slv_h2 *h2, int32_t id)
{
    slv_h2_stream *st = slv_new0(slv_h2_stream);

    st->h2 = h2;
    st->id = id;
    st->arena = SLV_ARENA((size_t)1 << 20);
    st->base = (slv_exchange){.ops = &slv_h2_exchange_ops, .arena = &st->arena};
    st->work.fn = on_stream_work;
    st->in = SLV_BUF(2 * SLV_H2_WINDOW);
    st->out.pool = h2->server->pool;
    st->headers = slv_arena_try_alloc(&st->arena, SLV_HTTP1_HEADERS_MAX * sizeof *st->headers);
    if (!st->headers)
        st->refuse = 503;
    slv_list_push(&h2->streams, &st->node);
    h2->stream_count++;
    return st;
}

static void stream_free(slv_h2_stream *st)
{
    slv_task_cancel(&st->work);
    slv_list_remove(&st->node);
    st->h2->stream_count--;
    slv_outq_clear(&st->out);
    slv_buf_done(&st->in);
    slv_arena_done(&st->arena);
    free(st);
}

static void stream_gone(slv_h2_stream *st, slv_gone_reason reason)
{
    st->closed = true;
    st->h2->sweep = true;
    if (st->given && !st->ended) {
        st->ended = true;
        st->h2->server->options.handlers->gone(&st->base, reason);
    }
    st->ended = true;
}

void slv_h2_deliver(slv_h2_stream *st)
{
    const slv_exchange_handlers *handlers = st->h2->server->options.handlers;

    while (st->given && !st->ended && !st->last_given) {
        size_t n = SLV_MIN(st->in.len, st->credit);

        if (n == 0 && !(st->in_end && st->in.len == 0))
            break;
        st->credit -= n;
        st->last_given = st->in_end && n == st->in.len;
        if (!st->closed)
            nghttp2_session_consume_stream(st->h2->ng, st->id, n);
        handlers->body(&st->base, slv_str_make(st->in.ptr, n), st->last_given);
        slv_buf_consume(&st->in, n);
    }
    if (st->ended && st->in.len > 0) { /* nobody wants it: the client may go on to its end */
        if (!st->closed)
            nghttp2_session_consume_stream(st->h2->ng, st->id, st->in.len);
        slv_buf_reset(&st->in);
    }
    if (st->in.len == 0)
        slv_buf_done(&st->in);
}

static void give_request(slv_h2_stream *st)
{
    slv_http_server *s = st->h2->server;
    const char *why = NULL;
    int status = slv_h2_head_make(st, &why);

    if (status) {
        slv_h2_refuse(st, status, why);
        return;
    }
    st->given = true;
    st->last_given = st->in_end;
    s->options.handlers->request(s->options.ctx, &st->base);
}

/* nghttp2's callbacks.
 * ------------------------------------------------------------------------------------------------------
 */

static slv_h2_stream *find(nghttp2_session *ng, int32_t id)
{
    return nghttp2_session_get_stream_user_data(ng, id);
}

/* Takes one from a bucket that holds `most` and gets another each `each_ms`; true: it was empty. */
static bool overflows(slv_h2 *h2, uint64_t *level_ms, uint64_t each_ms, uint64_t most)
{
    uint64_t now = slv_loop_now_ms(h2->server->loop);

    *level_ms = SLV_MAX(*level_ms, now) + each_ms;
    return *level_ms - now > each_ms * most;
}

static void calm(slv_h2 *h2)
{
    (void)nghttp2_session_terminate_session(h2->ng, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* Streams that are opened only to be reset make us work for nothing, whoever resets them. */
static void count_reset(slv_h2 *h2)
{
    if (overflows(h2, &h2->reset_level_ms, SLV_H2_RESET_MS, SLV_H2_RESETS_MAX))
        calm(h2);
}

static void count_chatter(slv_h2 *h2)
{
    if (overflows(h2, &h2->chatter_level_ms, SLV_H2_CHATTER_MS, SLV_H2_CHATTER_MAX))
        calm(h2);
}

static int on_begin_frame(nghttp2_session *ng, const nghttp2_frame_hd *hd, void *user)
{
    slv_h2 *h2 = user;

    (void)ng;
    if (hd->type != NGHTTP2_CONTINUATION)
        h2->continuations = 0;
    else if (++h2->continuations > SLV_H2_CONTINUATIONS_MAX)
        calm(h2);
    return 0;
}

static int on_begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    slv_h2 *h2 = user;

    h2->block_bytes = 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        nghttp2_session_set_stream_user_data(ng, frame->hd.stream_id,
                                             stream_new(user, frame->hd.stream_id));
    return 0;
}

static int on_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    slv_h2_stream *st = find(ng, frame->hd.stream_id);
    slv_h2 *h2 = user;

    (void)flags;
    h2->block_bytes += name_len + value_len + 32;
    if (h2->block_bytes > SLV_H2_BLOCK_MAX) {
        calm(h2);
        return 0;
    }
    if (st && frame->headers.cat == NGHTTP2_HCAT_REQUEST) /* trailers are dropped */
        (void)slv_h2_add_field(st, slv_str_make(name, name_len), slv_str_make(value, value_len));
    return 0;
}

static int on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
                   void *user)
{
    slv_h2_stream *st = find(ng, id);

    (void)flags;
    (void)user;
    nghttp2_session_consume_connection(ng, len);
    if (!st || st->ended) {
        nghttp2_session_consume_stream(ng, id, len);
        return 0;
    }
    if (slv_buf_append(&st->in, slv_str_make(data, len)) != SLV_OK)
        return NGHTTP2_ERR_CALLBACK_FAILURE; /* cannot be: the window is smaller */
    slv_h2_deliver(st);
    return 0;
}

/* A frame that carries nothing. */
static bool is_chatter(const nghttp2_frame *frame)
{
    switch (frame->hd.type) {
    case NGHTTP2_DATA:
        return frame->hd.length == 0 && !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    case NGHTTP2_WINDOW_UPDATE:
        return frame->window_update.window_size_increment < SLV_H2_WINDOW_STEP_MIN;
    case NGHTTP2_HEADERS:
    case NGHTTP2_RST_STREAM: /* counted by itself */
    case NGHTTP2_GOAWAY:
        return false;
    default:
        return true;
    }
}

static void refuse_further(slv_h2 *h2);

static int on_frame(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    slv_h2 *h2 = user;
    slv_h2_stream *st = frame->hd.stream_id ? find(ng, frame->hd.stream_id) : NULL;

    if (frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK && h2->going) {
        refuse_further(h2);
        return 0;
    }
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        count_reset(h2);
    else if (is_chatter(frame))
        count_chatter(h2);
    if (!st || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA))
        return 0;
    st->in_end |= (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        give_request(st);
    else if (st->in_end)
        slv_h2_deliver(st);
    return 0;
}

/* A response that is complete before its request: the client is told that it need not go on. */
static int on_sent(nghttp2_session *ng, const nghttp2_frame *frame, void *user)
{
    slv_h2_stream *st = frame->hd.stream_id ? find(ng, frame->hd.stream_id) : NULL;

    if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
        frame->rst_stream.error_code != NGHTTP2_INTERNAL_ERROR &&
        frame->rst_stream.error_code != NGHTTP2_CANCEL)
        count_reset(user); /* what the client sent made it necessary */
    if (st && !st->in_end && frame->hd.flags & NGHTTP2_FLAG_END_STREAM &&
        (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA))
        nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_NO_ERROR);
    return 0;
}

static int on_stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *user)
{
    slv_h2_stream *st = find(ng, id);

    (void)code;
    (void)user;
    if (st)
        stream_gone(st, SLV_GONE_CLIENT);
    return 0;
}

/* The connection.
 * -----------------------------------------------------------------------------------------------------------
 */

static void h2_free(slv_h2 *h2)
{
    while (!slv_list_empty(&h2->streams))
        stream_free(slv_container_of(h2->streams.next, slv_h2_stream, node));
    nghttp2_session_del(h2->ng);
    slv_timer_stop(&h2->timer);
    slv_timer_stop(&h2->last);
    slv_task_cancel(&h2->flush);
    slv_task_cancel(&h2->work);
    slv_outq_clear(&h2->out);
    slv_list_remove(&h2->node);
    slv_server_conn_closed(h2->server);
    free(h2->told);
    free(h2);
}

static void die(slv_h2 *h2, slv_gone_reason reason)
{
    if (h2->dead)
        return;
    h2->dead = true;
    slv_wire_close(&h2->wire, false);
    slv_timer_stop(&h2->timer);
    slv_timer_stop(&h2->last);
    slv_task_cancel(&h2->flush);
    slv_loop_later(h2->server->loop, &h2->work);
    h2->busy++;
    SLV_LIST_EACH (node, &h2->streams)
        stream_gone(slv_container_of(node, slv_h2_stream, node), reason);
    h2->busy--;
}

static void sweep(slv_h2 *h2)
{
    if (!h2->sweep || h2->busy)
        return;
    h2->sweep = false;
    SLV_LIST_EACH (node, &h2->streams) {
        slv_h2_stream *st = slv_container_of(node, slv_h2_stream, node);

        if (st->closed && st->ended)
            stream_free(st);
    }
}

static void set_deadline(slv_h2 *h2, uint64_t ms)
{
    h2->deadline_ms = ms ? slv_loop_now_ms(h2->server->loop) + ms : 0;
    if (ms && (!slv_timer_started(&h2->timer) || h2->timer.due_ms > h2->deadline_ms))
        slv_timer_start(&h2->timer, h2->server->loop, ms);
}

/* After each sign of life: how long the next may take. */
static void arm(slv_h2 *h2)
{
    const slv_http_options *o = &h2->server->options;
    uint64_t now = slv_loop_now_ms(h2->server->loop), first = 0;
    bool body = false, head = false;

    SLV_LIST_EACH (node, &h2->streams) {
        slv_h2_stream *st = slv_container_of(node, slv_h2_stream, node);

        head |= !st->given && !st->ended;
        body |= st->given && !st->ended && !st->in_end && st->credit > 0;
        if (st->closed || st->out.bytes == 0 || h2->blocked)
            st->waits_since_ms = 0;
        else if (st->waits_since_ms == 0)
            st->waits_since_ms = now;
        if (st->waits_since_ms && (first == 0 || st->waits_since_ms < first))
            first = st->waits_since_ms;
    }
    if (h2->blocked)
        set_deadline(h2, o->write_timeout_ms);
    else if (h2->stream_count == 0)
        set_deadline(h2, o->idle_timeout_ms);
    else if (head)
        set_deadline(h2, o->header_timeout_ms);
    else
        set_deadline(h2, body ? o->body_timeout_ms : 0);
    h2->stall_ms = first && !h2->blocked ? first + o->write_timeout_ms : 0;
    if (h2->stall_ms && (!slv_timer_started(&h2->timer) || h2->timer.due_ms > h2->stall_ms))
        slv_timer_start(&h2->timer, h2->server->loop, h2->stall_ms > now ? h2->stall_ms - now : 0);
}

/* Resets the streams whose client does not open their windows. */
static void reset_stalled(slv_h2 *h2, uint64_t now)
{
    SLV_LIST_EACH (node, &h2->streams) {
        slv_h2_stream *st = slv_container_of(node, slv_h2_stream, node);

        if (st->waits_since_ms && !st->closed &&
            now >= st->waits_since_ms + h2->server->options.write_timeout_ms) {
            slv_outq_clear(&st->out);
            (void)nghttp2_submit_rst_stream(h2->ng, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_CANCEL);
        }
    }
    h2->stall_ms = 0;
    slv_h2_flush_later(h2); /* which arms the next */
}

static void on_timer(slv_timer *timer)
{
    slv_h2 *h2 = slv_container_of(timer, slv_h2, timer);
    uint64_t now = slv_loop_now_ms(h2->server->loop);

    if (h2->deadline_ms && now >= h2->deadline_ms) {
        die(h2, SLV_GONE_TIMEOUT);
        return;
    }
    if (h2->stall_ms && now >= h2->stall_ms)
        reset_stalled(h2, now);
    uint64_t next = h2->deadline_ms;
    if (h2->stall_ms && (next == 0 || h2->stall_ms < next))
        next = h2->stall_ms;
    if (next)
        slv_timer_start(&h2->timer, h2->server->loop, next - now);
}

static void watch(slv_h2 *h2)
{
    if (!h2->dead)
        slv_wire_watch(&h2->wire, h2->server->loop,
                       SLV_POLL_READ | (h2->blocked ? SLV_POLL_WRITE : 0));
}

void slv_h2_flush_later(slv_h2 *h2)
{
    if (!h2->dead)
        slv_loop_flush(h2->server->loop, &h2->flush);
}

static void feed(slv_h2 *h2, const char *data, size_t len)
{
    h2->busy++;
    if (nghttp2_session_mem_recv(h2->ng, (const uint8_t *)data, len) < 0)
        die(h2, SLV_GONE_CLIENT);
    h2->busy--;
    slv_h2_flush_later(h2);
}

static void read_some(slv_h2 *h2)
{
    char *buf = h2->server->read_buf;

    for (size_t sum = 0; sum < SLV_CONN_READ_SIZE && !h2->dead;) {
        ssize_t n = slv_wire_read(&h2->wire, buf, SLV_CONN_READ_SIZE);

        if (n == -EAGAIN)
            return;
        if (n <= 0) {
            die(h2, SLV_GONE_CLIENT);
            return;
        }
        feed(h2, buf, (size_t)n);
        sum += (size_t)n;
        if ((size_t)n < SLV_CONN_READ_SIZE && !slv_wire_pending(&h2->wire))
            return;
    }
    if (!h2->dead && slv_wire_pending(&h2->wire))
        slv_loop_later(h2->server->loop, &h2->work);
}

static void on_ready(slv_poll *poll, unsigned events)
{
    slv_h2 *h2 = slv_container_of(poll, slv_h2, wire.poll);

    if (h2->blocked && slv_wire_may_write(&h2->wire, events))
        slv_h2_flush_later(h2);
    if (events & SLV_POLL_READ || h2->wire.want_write)
        read_some(h2);
    if (h2->dead)
        return;
    sweep(h2);
    arm(h2);
    watch(h2);
}

static void on_work(slv_task *task)
{
    slv_h2 *h2 = slv_container_of(task, slv_h2, work);

    if (h2->dead)
        h2_free(h2);
    else
        on_ready(&h2->wire.poll, SLV_POLL_READ);
}

/* Frames from nghttp2 to the socket, as long as it takes them. False when the connection is broken.
 */
static bool send_frames(slv_h2 *h2)
{
    for (;;) {
        const uint8_t *data;
        ssize_t n;

        while (h2->out.bytes < SLV_H2_OUT_HIGH) {
            n = nghttp2_session_mem_send(h2->ng, &data);
            if (n < 0)
                return false;
            if (n == 0)
                break;
            slv_outq_append(&h2->out, slv_str_make(data, (size_t)n));
        }
        if (h2->out.bytes == 0)
            return true;
        if (slv_outq_write(&h2->out, &h2->wire) < 0)
            return false;
        if (h2->out.bytes > 0)
            return true;
    }
}

static void on_flush(slv_task *task)
{
    slv_h2 *h2 = slv_container_of(task, slv_h2, flush);

    h2->busy++;
    if (!send_frames(h2)) {
        die(h2, SLV_GONE_CLIENT);
    } else {
        h2->blocked = h2->out.bytes > 0;
        SLV_LIST_EACH (node, &h2->streams) {
            slv_h2_stream *st = slv_container_of(node, slv_h2_stream, node);

            if (st->blocked && !st->ended && st->out.bytes < SLV_EXCHANGE_LOW) {
                st->blocked = false;
                h2->server->options.handlers->writable(&st->base);
            }
            if (h2->dead)
                break;
        }
    }
    h2->busy--;
    if (h2->dead)
        return;
    sweep(h2);
    if (!h2->blocked && !nghttp2_session_want_read(h2->ng) && !nghttp2_session_want_write(h2->ng)) {
        die(h2, SLV_GONE_SERVER);
        return;
    }
    arm(h2);
    watch(h2);
}

/* The last stream that is taken is the last one that has come. */
static void refuse_further(slv_h2 *h2)
{
    if (h2->dead || !h2->going || h2->gone)
        return;
    h2->gone = true;
    slv_timer_stop(&h2->last);
    (void)nghttp2_submit_goaway(h2->ng, NGHTTP2_FLAG_NONE,
                                nghttp2_session_get_last_proc_stream_id(h2->ng), NGHTTP2_NO_ERROR,
                                NULL, 0);
    slv_h2_flush_later(h2);
}

static void on_last(slv_timer *timer)
{
    refuse_further(slv_container_of(timer, slv_h2, last));
}

/* In two steps (RFC 9113, 6.8): a stream that the client began before it heard of the end is still
 * taken. That it has heard of it is told by its answer to a PING behind the first GOAWAY. */
void slv_h2_drain(slv_list *node)
{
    slv_h2 *h2 = slv_container_of(node, slv_h2, node);

    if (h2->dead || h2->going)
        return;
    h2->going = true;
    h2->last.fn = on_last;
    (void)nghttp2_submit_shutdown_notice(h2->ng);
    (void)nghttp2_submit_ping(h2->ng, NGHTTP2_FLAG_NONE, NULL);
    slv_timer_start(&h2->last, h2->server->loop, SLV_H2_GOING_MS);
    slv_h2_flush_later(h2);
}

bool slv_h2_may_begin(slv_list *node)
{
    const slv_h2 *h2 = slv_container_of(node, slv_h2, node);

    return !h2->dead && !h2->gone;
}

void slv_h2_close(slv_list *node, bool free_now)
{
    slv_h2 *h2 = slv_container_of(node, slv_h2, node);

    die(h2, SLV_GONE_SERVER);
    if (free_now)
        h2_free(h2);
}

static nghttp2_session *session_new(slv_h2 *h2)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, SLV_H2_STREAMS_MAX},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, SLV_H2_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)SLV_EXCHANGE_HEAD_MAX},
    };
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *ng = NULL;
    nghttp2_option *option;

    SLV_ASSERT(nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    SLV_ASSERT(nghttp2_session_server_new2(&ng, callbacks, h2, option) == 0);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    SLV_ASSERT(nghttp2_submit_settings(ng, NGHTTP2_FLAG_NONE, settings, SLV_ARRAY_LEN(settings)) ==
               0);
    /* The connection's window: room for what all streams may have under way without waiting for
     * each other. */
    SLV_ASSERT(nghttp2_session_set_local_window_size(ng, NGHTTP2_FLAG_NONE, 0, 8 * SLV_H2_WINDOW) ==
               0);
    return ng;
}

void slv_h2_start(slv_conn *c, slv_str received)
{
    slv_http_server *s = c->server;
    slv_h2 *h2 = slv_new0(slv_h2);

    slv_wire_unwatch(&c->wire);
    slv_wire_take(&h2->wire, &c->wire);
    h2->wire.poll.fn = on_ready;
    h2->server = s;
    h2->secure = c->secure;
    h2->out.pool = s->pool;
    h2->timer.fn = on_timer;
    h2->flush.fn = on_flush;
    h2->work.fn = on_work;
    h2->peer_port = c->peer_port;
    h2->local_port = c->local_port;
    h2->redirect_port = c->redirect_port;
    h2->told = SLV_STEAL(c->told);
    memcpy(h2->peer, c->peer, sizeof h2->peer);
    memcpy(h2->local, c->local, sizeof h2->local);
    slv_list_init(&h2->streams);
    slv_list_push(&s->h2s, &h2->node);
    s->conn_count++;
    h2->ng = session_new(h2);
    slv_conn_gone(c);
    feed(h2, received.ptr, received.len);
    if (h2->dead)
        return;
    if (s->draining)
        slv_h2_drain(&h2->node);
    if (slv_wire_pending(&h2->wire))
        slv_loop_later(s->loop, &h2->work);
    arm(h2);
    watch(h2);
}
