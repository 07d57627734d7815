#include "net/ws.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/utf8.h"
#include "net/ws_int.h"

#define READ_SIZE ((size_t)64 << 10)
#define READS_MAX 4
#define INFLATE_SIZE ((size_t)64 << 10)
#define COMPRESS_MIN ((size_t)128) /* smaller messages would not shrink */
#define DIRECT_MIN ((size_t)16 << 10)
#define CLOSE_TIMEOUT_MS 10000
#define LINGER_MS 2000

void *slv_ws_user(const slv_ws *ws)
{
    return ws->user;
}

void slv_ws_set_user(slv_ws *ws, void *user)
{
    ws->user = user;
}

void slv_ws_set_handlers(slv_ws *ws, const slv_ws_handlers *handlers)
{
    ws->handlers = handlers;
}

size_t slv_ws_queued(const slv_ws *ws)
{
    return ws->out.bytes;
}

/* The end.
 * -----------------------------------------------------------------------------------------------------------
 */

static void end_receiving(slv_ws *ws)
{
    ws->inflater = slv_inflater_put(ws->inflater);
    ws->squeezed_fin = false;
    slv_buf_done(&ws->squeezed);
    slv_buf_done(&ws->in);
}

/* The connection is over, whatever the owner thinks. */
static void die(slv_ws *ws)
{
    if (ws->state == WS_DEAD)
        return;
    ws->state = WS_DEAD;
    slv_timer_stop(&ws->timer);
    slv_wire_close(&ws->wire, false);
    slv_task_cancel(&ws->flush);
    slv_outq_clear(&ws->out);
    slv_loop_later(ws->loop, &ws->work);
}

static void fail(slv_ws *ws, const char *why)
{
    bool tell = ws->owned && !ws->got_close;

    die(ws);
    if (tell) { /* after a close of the peer there is nothing left to tell: the owner still has to
                   close */
        ws->owned = false;
        ws->handlers->failed(ws, slv_str_from(why));
    }
}

void slv_ws_free(slv_ws *ws)
{
    end_receiving(ws);
    ws->deflater = slv_deflater_put(ws->deflater);
    slv_outq_clear(&ws->out);
    slv_outpool_unref(ws->out.pool);
    slv_task_cancel(&ws->work);
    slv_task_cancel(&ws->flush);
    slv_timer_stop(&ws->timer);
    free(ws);
}

/* Both sides have closed, or the owner has been told: sends what is queued, then waits a moment for
   the peer's end, so that a close frame is not lost to a reset. */
static void let_go(slv_ws *ws)
{
    ws->owned = false;
    if (ws->state == WS_DEAD) {
        slv_loop_later(ws->loop, &ws->work);
        return;
    }
    ws->state = WS_ENDING;
    slv_timer_start(&ws->timer, ws->loop, LINGER_MS);
    slv_loop_flush(ws->loop, &ws->flush);
}

/* Sending.
 * -----------------------------------------------------------------------------------------------------------
 */

static void queue_frame(slv_ws *ws, unsigned opcode, bool fin, bool compressed, slv_str payload)
{
    uint8_t mask[4];
    char *p = slv_outq_reserve(&ws->out, SLV_WS_HEADER_MAX);
    size_t taken = 0;

    if (ws->client)
        slv_rand_bytes(mask, sizeof mask);
    slv_outq_commit(&ws->out, slv_ws_encode_header(p, opcode, fin, compressed, payload.len,
                                                   ws->client ? mask : NULL));
    slv_loop_flush(ws->loop, &ws->flush);
    if (ws->client) {
        for (size_t at = 0; at < payload.len;) {
            size_t n = SLV_MIN(payload.len - at, (size_t)8192);

            p = slv_outq_reserve(&ws->out, n);
            memcpy(p, payload.ptr + at, n);
            slv_ws_mask(p, n, mask, at);
            slv_outq_commit(&ws->out, n);
            at += n;
        }
        return;
    }
    /* Large payloads are offered to the socket before they are copied; an error shows again at the
     * flush. */
    if (payload.len >= DIRECT_MIN && !ws->blocked && !ws->wire.ssl &&
        ws->out.bytes < SLV_EXCHANGE_LOW)
        (void)slv_outq_write_with(&ws->out, &ws->wire, payload, &taken);
    slv_outq_append(&ws->out, slv_str_skip(payload, taken));
}

static void queue_piece(slv_ws *ws, slv_str piece, bool text, bool fin)
{
    unsigned opcode = ws->began ? SLV_WS_OP_CONT : text ? SLV_WS_OP_TEXT : SLV_WS_OP_BINARY;
    bool first = !ws->began;

    ws->began = true;
    queue_frame(ws, opcode, fin, ws->compressing && first, piece);
}

/* Breaks the connection; the owner is told from the loop, as of every break. */
static void give_up(slv_ws *ws)
{
    shutdown(ws->wire.fd, SHUT_RDWR);
    slv_loop_flush(ws->loop, &ws->flush);
}

static void compress_piece(slv_ws *ws, slv_str piece, bool text, bool fin)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(2 * SLV_WS_MESSAGE_MAX);

    if (!ws->deflater)
        ws->deflater = slv_deflater_get(ws->window_bits);
    if (slv_deflater_add(ws->deflater, piece, fin, &out) != SLV_OK) {
        give_up(ws);
        return;
    }
    if (out.len > 0 || fin)
        queue_piece(ws, slv_buf_view(&out), text, fin);
    if (fin)
        ws->deflater = slv_deflater_put(ws->deflater);
}

bool slv_ws_send(slv_ws *ws, slv_str piece, bool text, bool fin)
{
    SLV_ASSERT(ws->owned && !ws->sent_close);
    if (ws->state != WS_OPEN)
        return true; /* gone behind the peer's close: nothing can be sent any more */
    if (ws->out.bytes + piece.len > SLV_EXCHANGE_QUEUE_MAX) {
        give_up(ws);
        return false;
    }
    if (!ws->in_message) {
        ws->in_message = true;
        ws->began = false;
        ws->compressing = ws->window_bits > 0 && (!fin || piece.len >= COMPRESS_MIN);
    }
    if (ws->compressing)
        compress_piece(ws, piece, text, fin);
    else
        queue_piece(ws, piece, text, fin);
    if (fin)
        ws->in_message = false;
    if (ws->out.bytes <= SLV_EXCHANGE_HIGH)
        return true;
    ws->want_writable = true;
    return false;
}

static void queue_close(slv_ws *ws, uint16_t code, slv_str reason)
{
    char payload[2 + SLV_WS_REASON_MAX];

    payload[0] = (char)(code >> 8);
    payload[1] = (char)code;
    if (reason.len)
        memcpy(payload + 2, reason.ptr, reason.len);
    queue_frame(ws, SLV_WS_OP_CLOSE, true, false,
                code == SLV_WS_NO_CODE ? SLV_STR_NULL : slv_str_make(payload, 2 + reason.len));
    ws->sent_close = true;
}

slv_code slv_ws_close(slv_ws *ws, uint16_t code, slv_str reason, slv_err *err)
{
    SLV_ASSERT(ws->owned && !ws->sent_close);
    if (code != SLV_WS_NO_CODE && !slv_ws_valid_code(code))
        return slv_fail(err, SLV_E_INVAL, "WebSocket close code %u cannot be sent", (unsigned)code);
    if (reason.len > SLV_WS_REASON_MAX || (code == SLV_WS_NO_CODE && reason.len > 0) ||
        !slv_utf8_valid(reason))
        return slv_fail(err, SLV_E_INVAL, "this WebSocket close reason cannot be sent");
    if (ws->state == WS_OPEN)
        queue_close(ws, code, reason);
    ws->sent_close = true;
    if (ws->got_close)
        let_go(ws);
    else
        slv_timer_start(&ws->timer, ws->loop, CLOSE_TIMEOUT_MS);
    return SLV_OK;
}

void slv_ws_abort(slv_ws *ws)
{
    if (!ws->owned)
        return; /* inside the last callback */
    ws->owned = false;
    die(ws);
    if (ws->busy == 0)
        slv_ws_free(ws);
    else
        slv_loop_later(ws->loop, &ws->work);
}

/* Receiving.
 * ---------------------------------------------------------------------------------------------------------
 */

/* Tells the peer what it did wrong, and the owner that it is over. */
static void violation(slv_ws *ws, uint16_t code, const char *why)
{
    bool tell = ws->owned && !ws->got_close;

    if (!ws->sent_close)
        queue_close(ws, code, slv_str_from(why));
    let_go(ws);
    if (tell)
        ws->handlers->failed(ws, slv_str_from(why));
    else
        ws->owned = false;
}

static void deliver(slv_ws *ws, slv_str piece, bool text, bool fin)
{
    uint16_t code = slv_ws_check_piece(&ws->check, piece, text, fin, SLV_WS_MESSAGE_MAX);

    if (code) {
        violation(ws, code,
                  code == 1009 ? "the message is longer than 32 MiB"
                               : "a text message is not UTF-8");
        return;
    }
    if (fin)
        ws->check = (slv_ws_check){0};
    ws->credit -= SLV_MIN(piece.len, ws->credit);
    if (piece.len > 0 || fin)
        ws->handlers->message(ws, piece, text, fin);
}

/* Decompresses what waits, as far as credit goes. True when all of it was delivered. */
static bool inflate_pending(slv_ws *ws)
{
    static __thread char buf[INFLATE_SIZE];

    while (ws->state == WS_OPEN) {
        size_t cap = SLV_MIN(ws->credit, sizeof buf), used, len;
        bool fin;

        if (cap == 0)
            return false;
        if (!ws->inflater)
            ws->inflater = slv_inflater_get();
        if (slv_inflater_run(ws->inflater, slv_buf_view(&ws->squeezed), ws->squeezed_fin, buf, cap,
                             &used, &len) != SLV_OK) {
            violation(ws, 1007, "a compressed message cannot be decompressed");
            return true;
        }
        slv_buf_consume(&ws->squeezed, used);
        if (len == cap) { /* there may be more */
            deliver(ws, slv_str_make(buf, len), ws->squeezed_text, false);
            continue;
        }
        fin = ws->squeezed_fin;
        if (fin) {
            ws->squeezed_fin = false;
            ws->inflater = slv_inflater_put(ws->inflater);
        }
        deliver(ws, slv_str_make(buf, len), ws->squeezed_text, fin);
        return true;
    }
    return true;
}

static void on_peer_close(slv_ws *ws, const slv_ws_event *ev)
{
    char reason[SLV_WS_REASON_MAX];
    size_t len = ev->bytes.len;

    memcpy(reason, ev->bytes.ptr ? ev->bytes.ptr : "", len);
    ws->got_close = true;
    ws->handlers->closed(ws, ev->code, slv_str_make(reason, len));
    if (ws->sent_close && ws->owned)
        let_go(ws);
}

static void on_event(slv_ws *ws, const slv_ws_event *ev)
{
    switch (ev->kind) {
    case SLV_WS_DATA:
        if (!ev->compressed) {
            deliver(ws, ev->bytes, ev->text, ev->fin);
            break;
        }
        if (slv_buf_append(&ws->squeezed, ev->bytes) != SLV_OK) {
            fail(ws, "out of memory");
            break;
        }
        ws->squeezed_text = ev->text;
        ws->squeezed_fin = ev->fin;
        (void)inflate_pending(ws);
        break;
    case SLV_WS_PING:
        if (!ws->sent_close && ws->out.bytes < SLV_EXCHANGE_HIGH) /* who floods gets no answers */
            queue_frame(ws, SLV_WS_OP_PONG, true, false, ev->bytes);
        break;
    case SLV_WS_CLOSE:
        on_peer_close(ws, ev);
        break;
    case SLV_WS_PONG:
    case SLV_WS_NOTHING:
        break;
    }
}

/* Decodes data; bytes used. Stops without credit, after the peer's close, and at the end. */
static size_t feed(slv_ws *ws, char *data, size_t len)
{
    size_t used = 0;

    ws->busy++;
    while (used < len && ws->state == WS_OPEN && !ws->got_close) {
        slv_ws_event ev;
        size_t step;

        if ((ws->squeezed.len > 0 || ws->squeezed_fin) && !inflate_pending(ws))
            break;
        if (ws->state != WS_OPEN)
            break;
        if (slv_ws_decode(&ws->decoder, data + used, len - used, ws->credit, &step, &ev) !=
            SLV_OK) {
            violation(ws, ws->decoder.error_code, ws->decoder.error);
            break;
        }
        if (step == 0 && ev.kind == SLV_WS_NOTHING)
            break;
        used += step;
        on_event(ws, &ev);
    }
    ws->busy--;
    return ws->state == WS_OPEN && !ws->got_close ? used : len;
}

static void feed_pending(slv_ws *ws)
{
    size_t used;

    ws->busy++;
    if ((ws->squeezed.len > 0 || ws->squeezed_fin) && ws->state == WS_OPEN)
        (void)inflate_pending(ws);
    used = feed(ws, ws->in.ptr, ws->in.len);
    ws->busy--;
    if (ws->state != WS_OPEN || ws->got_close) {
        end_receiving(ws);
        return;
    }
    slv_buf_consume(&ws->in, used);
    if (ws->in.len == 0)
        slv_buf_done(&ws->in);
    if (ws->squeezed.len == 0)
        slv_buf_done(&ws->squeezed);
}

static bool wants_read(const slv_ws *ws)
{
    if (ws->state == WS_DEAD || ws->read_eof)
        return false;
    if (ws->state == WS_ENDING || ws->got_close)
        return true; /* to notice the end */
    return ws->credit > 0;
}

static void watch(slv_ws *ws)
{
    if (ws->state != WS_DEAD)
        slv_wire_watch(&ws->wire, ws->loop,
                       (wants_read(ws) ? SLV_POLL_READ : 0) | (ws->blocked ? SLV_POLL_WRITE : 0));
}

/* False when the socket has no more for now. */
static bool read_once(slv_ws *ws)
{
    static __thread char shared[READ_SIZE];
    char *to = shared;
    size_t used;
    ssize_t n;

    if (ws->in.len > 0) {
        if (slv_buf_reserve(&ws->in, READ_SIZE) != SLV_OK) {
            fail(ws, "out of memory");
            return false;
        }
        to = ws->in.ptr + ws->in.len;
    }
    n = slv_wire_read(&ws->wire, to, READ_SIZE);
    if (n == -EAGAIN)
        return false;
    if (n <= 0) {
        char text[160];

        ws->read_eof = true;
        if (ws->state == WS_ENDING && ws->out.bytes > 0 && n == 0)
            return false;
        fail(ws, n == 0 ? "the connection was closed without a close frame"
                        : slv_wire_error(&ws->wire, n, text, sizeof text));
        return false;
    }
    if (ws->state != WS_OPEN || ws->got_close)
        return true; /* nothing is expected any more */
    if (ws->in.len > 0) {
        ws->in.len += (size_t)n;
        feed_pending(ws);
    } else {
        used = feed(ws, to, (size_t)n);
        if (used < (size_t)n &&
            slv_buf_append(&ws->in, slv_str_make(to + used, (size_t)n - used)) != SLV_OK) {
            fail(ws, "out of memory");
            return false;
        }
    }
    return (size_t)n == READ_SIZE || slv_wire_pending(&ws->wire);
}

static void on_ready(slv_poll *poll, unsigned events)
{
    slv_ws *ws = slv_container_of(poll, slv_ws, wire.poll);

    ws->busy++;
    if (ws->blocked && slv_wire_may_write(&ws->wire, events))
        slv_loop_flush(ws->loop, &ws->flush);
    if (events & SLV_POLL_READ || ws->wire.want_write) {
        for (int i = 0; i < READS_MAX && wants_read(ws) && read_once(ws); i++)
            ;
        if (wants_read(ws) && slv_wire_pending(&ws->wire))
            slv_loop_later(ws->loop, &ws->work);
    }
    ws->busy--;
    watch(ws);
}

void slv_ws_credit(slv_ws *ws, size_t n)
{
    SLV_ASSERT(ws->owned);
    ws->credit += SLV_MIN(n, SIZE_MAX / 2 - ws->credit);
    if (ws->state != WS_OPEN || ws->busy)
        return;
    if (ws->in.len > 0 || ws->squeezed.len > 0 || ws->squeezed_fin || slv_wire_pending(&ws->wire))
        slv_loop_later(ws->loop, &ws->work);
    watch(ws);
}

/* Tasks and time.
 * ------------------------------------------------------------------------------------------------------
 */

static void on_work(slv_task *task)
{
    slv_ws *ws = slv_container_of(task, slv_ws, work);

    if (ws->state == WS_DEAD) {
        if (!ws->owned)
            slv_ws_free(ws);
        return;
    }
    ws->busy++;
    if (ws->state == WS_OPEN)
        feed_pending(ws);
    for (int i = 0; i < READS_MAX && slv_wire_pending(&ws->wire) && wants_read(ws) && read_once(ws);
         i++)
        ;
    ws->busy--;
    watch(ws);
}

static void flush_out(slv_ws *ws)
{
    ssize_t n = slv_outq_write(&ws->out, &ws->wire);

    if (n < 0) {
        char text[160];

        fail(ws, slv_wire_error(&ws->wire, n, text, sizeof text));
        return;
    }
    ws->blocked = ws->out.bytes > 0;
    if (ws->state == WS_ENDING && !ws->blocked) {
        if (ws->read_eof) {
            die(ws);
            return;
        }
        if (!ws->client) /* the server's side ends the connection first */
            slv_wire_shutdown(&ws->wire);
    }
    if (ws->want_writable && ws->out.bytes < SLV_EXCHANGE_LOW && ws->owned && !ws->sent_close) {
        ws->want_writable = false;
        ws->handlers->writable(ws);
    }
}

static void on_flush(slv_task *task)
{
    slv_ws *ws = slv_container_of(task, slv_ws, flush);

    if (ws->state == WS_DEAD)
        return;
    ws->busy++;
    flush_out(ws);
    ws->busy--;
    watch(ws);
}

static void on_timer(slv_timer *timer)
{
    slv_ws *ws = slv_container_of(timer, slv_ws, timer);

    ws->busy++;
    if (ws->state == WS_OPEN)
        fail(ws, "the peer did not answer the close in time");
    else
        die(ws);
    ws->busy--;
}

slv_ws *slv_ws_new(const slv_ws_start *start)
{
    slv_ws *ws = slv_new0(slv_ws);
    int fd = start->wire->fd;

    slv_wire_take(&ws->wire, start->wire);
    ws->wire.poll.fn = on_ready;
    ws->loop = start->loop;
    ws->out.pool = slv_outpool_ref(start->pool);
    ws->in = SLV_BUF(4 * READ_SIZE);
    ws->squeezed = SLV_BUF(4 * READ_SIZE);
    ws->timer.fn = on_timer;
    ws->flush.fn = on_flush;
    ws->work.fn = on_work;
    ws->handlers = start->handlers;
    ws->user = start->user;
    ws->client = start->client;
    ws->owned = true;
    ws->window_bits = start->deflate.agreed ? (int8_t)start->deflate.window_bits : 0;
    slv_ws_decoder_init(&ws->decoder, start->client, start->deflate.agreed);
    ws->decoder.unmasked = start->unmasked;
    /* A peer that vanished without a word is noticed after two minutes. */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){60}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &(int){20}, sizeof(int));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &(int){3}, sizeof(int));
    if (start->queued) {
        ws->out.first = start->queued->first;
        ws->out.last = start->queued->last;
        ws->out.bytes = start->queued->bytes;
        start->queued->first = start->queued->last = NULL;
        start->queued->bytes = 0;
    }
    if (start->received.len > 0 && slv_buf_append(&ws->in, start->received) != SLV_OK)
        shutdown(fd, SHUT_RDWR); /* cannot be: it came in one read */
    slv_loop_flush(ws->loop, &ws->flush);
    return ws;
}
