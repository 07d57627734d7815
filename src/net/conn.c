#include "net/server_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/proxy.h"

#define IN_MAX (SLV_HTTP1_HEAD_MAX + 2 * SLV_CONN_READ_SIZE)

/* Time.
 * ----------------------------------------------------------------------------------------------------------
 */

/* Moving a deadline later leaves the timer alone: it looks again when it fires. */
static void set_deadline(slv_conn *c, uint64_t ms)
{
    if (ms == 0) {
        c->deadline_ms = 0;
        return;
    }
    c->deadline_ms = slv_loop_now_ms(c->server->loop) + ms;
    if (!slv_timer_started(&c->timer) || c->timer.due_ms > c->deadline_ms)
        slv_timer_start(&c->timer, c->server->loop, ms);
}

/* The time that the state allows from now on. */
static void arm(slv_conn *c)
{
    const slv_http_options *o = &c->server->options;

    if (c->blocked) {
        set_deadline(c, o->write_timeout_ms);
        return;
    }
    switch (c->state) {
    case CONN_IDLE:
        set_deadline(c, o->idle_timeout_ms);
        break;
    case CONN_PROXY:
    case CONN_HEAD:
        set_deadline(c, o->header_timeout_ms);
        break;
    case CONN_ACTIVE:
        if (c->grace && !c->ex->responded) /* writing tells better whether anyone is there */
            set_deadline(c,
                         c->ex->keep_alive ? SLV_CONN_HALF_CLOSE_MS : SLV_CONN_HALF_CLOSE_LAST_MS);
        else
            set_deadline(c, !c->ex->body_done && (c->ex->credit > 0 || c->ex->ended)
                                ? o->body_timeout_ms
                                : 0);
        break;
    default:
        set_deadline(c, SLV_CONN_LINGER_MS);
        break;
    }
}

static void on_timer(slv_timer *timer)
{
    slv_conn *c = slv_container_of(timer, slv_conn, timer);
    uint64_t now = slv_loop_now_ms(c->server->loop);

    if (c->deadline_ms == 0)
        return;
    if (now < c->deadline_ms) {
        slv_timer_start(&c->timer, c->server->loop, c->deadline_ms - now);
        return;
    }
    if (c->state == CONN_ACTIVE && c->grace && c->ex->responded && !c->blocked)
        return;
    if (c->state == CONN_HEAD && !c->blocked && c->ex->parse.pos > 0)
        slv_conn_refuse(c, 408, "the request's head did not come in time");
    else
        slv_conn_close(c, c->grace ? SLV_GONE_CLIENT : SLV_GONE_TIMEOUT);
}

/* The end of a connection.
 * ----------------------------------------------------------------------------------------- */

void slv_conn_free(slv_conn *c)
{
    if (c->ex)
        slv_conn_exchange_done(c);
    slv_task_cancel(&c->work);
    slv_task_cancel(&c->flush);
    slv_timer_stop(&c->timer);
    slv_outq_clear(&c->out);
    slv_buf_done(&c->in);
    slv_list_remove(&c->node);
    slv_server_conn_closed(c->server);
    free(c->told);
    free(c);
}

static void close_wire(slv_conn *c, slv_gone_reason reason, bool reset)
{
    slv_conn_exchange *ex = c->ex;

    if (c->state == CONN_CLOSED)
        return;
    c->state = CONN_CLOSED;
    slv_timer_stop(&c->timer);
    slv_wire_close(&c->wire, reset);
    slv_task_cancel(&c->flush);
    slv_loop_later(c->server->loop,
                   &c->work); /* frees: callers up the stack still look at the state */
    if (ex && ex->head_given && !ex->ended) {
        ex->ended = true;
        c->server->options.handlers->gone(&ex->base, reason);
    }
}

void slv_conn_close(slv_conn *c, slv_gone_reason reason)
{
    /* A response that ends where the connection does must not look complete. */
    close_wire(c, reason,
               c->ex && c->ex->responded && !c->ex->ended && c->ex->framing == OUT_TO_CLOSE);
}

void slv_conn_gone(slv_conn *c)
{
    c->state = CONN_CLOSED;
    slv_timer_stop(&c->timer);
    slv_task_cancel(&c->flush);
    slv_loop_later(c->server->loop, &c->work);
}

void slv_conn_cut(slv_conn *c)
{
    slv_conn_exchange *ex = c->ex;

    ex->ended = true;
    if (c->state == CONN_CLOSED)
        return;
    (void)slv_outq_write(&c->out, &c->wire); /* what fits; an error changes nothing */
    close_wire(c, SLV_GONE_SERVER, ex->responded && ex->framing == OUT_TO_CLOSE);
}

static void finish_close(slv_conn *c)
{
    if (!c->linger_after || c->read_eof) {
        close_wire(c, SLV_GONE_SERVER, false);
        return;
    }
    /* Closing with unread bytes would reset the connection, and the client could lose the response.
     */
    slv_wire_shutdown(&c->wire);
    c->state = CONN_LINGER;
    c->discarded = 0;
    slv_buf_done(&c->in);
    arm(c);
    slv_conn_watch(c);
}

void slv_conn_refuse(slv_conn *c, int status, const char *why)
{
    char block[] = "content-type:text/plain\n";
    slv_response_head head = {
        .status = status, .headers = slv_str_from(block), .length = (int64_t)strlen(why) + 1};
    slv_http1_write how = {.version = 11, .date = slv_server_date(c->server)};

    if (slv_http1_write_head(&c->out, &head, &how, NULL) == SLV_OK) {
        slv_outq_append(&c->out, slv_str_from(why));
        slv_outq_append(&c->out, SLV_STR("\n"));
    }
    if (c->ex)
        slv_conn_exchange_done(c);
    c->state = CONN_IDLE;
    c->close_after = c->linger_after = true;
    arm(c);
    slv_conn_flush_later(c);
}

/* Requests.
 * ----------------------------------------------------------------------------------------------------------
 */

/* Response and request are over: the next request, or the end. */
static void exchange_over(slv_conn *c)
{
    bool heir = slv_conn_has_heir(c);

    if (!c->ex->keep_alive || (c->server->draining && !heir))
        c->close_after = true;
    slv_conn_exchange_done(c);
    c->state = CONN_IDLE;
    c->grace = false;
    arm(c);
    if (c->close_after || heir)
        slv_conn_flush_later(c);
}

static void give_request(slv_conn *c, const char *data, size_t len, size_t *used)
{
    slv_conn_exchange *ex = c->ex;
    const char *why = NULL;
    int status = slv_request_head_make(ex, data + *used, &why);

    *used += ex->parse.length;
    if (status) {
        slv_conn_refuse(c, status, why);
        return;
    }
    ex->body_done = !ex->base.head.has_body;
    ex->body_left = ex->parse.content_length;
    slv_http1_chunks_init(&ex->chunks);
    ex->expects = ex->base.head.expects_continue;
    ex->keep_alive = slv_http1_keeps_alive(&ex->parse);
    ex->is_head = slv_str_is(ex->base.head.method, "HEAD");
    ex->ahead = slv_str_make(data + *used, len - *used);
    ex->head_given = true;
    c->state = CONN_ACTIVE;
    c->discarded = 0;
    c->grace = c->read_eof;
    arm(c);
    c->server->options.handlers->request(c->server->options.ctx, &ex->base);
    ex->ahead = SLV_STR_NULL;
    *used += ex->taken.len;
}

/* The body bytes of as many chunks as there are, moved together in the buffer that they came in: a
   handler is not called for each of the tiny ones that a client may send. An error is reported when
   nothing precedes it. */
static slv_code join_chunks(slv_http1_chunks *chunks, slv_str in, size_t allowed, size_t *ret_used,
                            slv_str *ret_bytes)
{
    char *to = (char *)(size_t)in.ptr;
    size_t have = 0, used = 0, step;
    slv_str bytes;

    do {
        slv_code code =
            slv_http1_chunks_next(chunks, slv_str_skip(in, used), allowed - have, &step, &bytes);

        if (code != SLV_OK && used == 0)
            return code;
        if (bytes.len > 0)
            memmove(to + have, bytes.ptr, bytes.len);
        have += bytes.len;
        used += step;
    } while (step > 0 && used < in.len && !chunks->done);
    *ret_used = used;
    *ret_bytes = slv_str_make(to, have);
    return SLV_OK;
}

/* Moves body bytes to the handler, or away. True when it may be called again at once. */
static bool feed_body(slv_conn *c, const char *data, size_t len, size_t *used)
{
    slv_conn_exchange *ex = c->ex;
    size_t allowed = ex->ended ? SIZE_MAX : ex->credit, step;
    slv_str in = slv_str_make(data + *used, len - *used), bytes;

    if (in.len == 0)
        return false;
    if (ex->parse.framing == SLV_HTTP1_CHUNKED) {
        if (join_chunks(&ex->chunks, in, allowed, &step, &bytes) != SLV_OK) {
            /* The response may be under way: all that can be said is an end. */
            if (!ex->responded && !ex->ended) {
                ex->ended = true;
                c->server->options.handlers->gone(&ex->base, SLV_GONE_CLIENT);
                slv_conn_refuse(c, 400, ex->chunks.error);
            } else {
                slv_conn_close(c, SLV_GONE_CLIENT);
            }
            return false;
        }
        ex->body_done = ex->chunks.done;
    } else {
        step = SLV_MIN(in.len, allowed);
        step = (size_t)SLV_MIN((uint64_t)step, ex->body_left);
        bytes = slv_str_sub(in, 0, step);
        ex->body_left -= step;
        ex->body_done = ex->body_left == 0;
    }
    *used += step;
    ex->expects = false; /* it sends without having been asked to */
    if (ex->ended) {
        c->discarded += step;
        if (!ex->body_done && c->discarded > SLV_CONN_DISCARD_MAX) {
            ex->keep_alive = false;
            c->linger_after = true;
            ex->body_done = true;
        }
    } else if (bytes.len > 0 || ex->body_done) {
        ex->credit -= bytes.len;
        arm(c);
        c->server->options.handlers->body(&ex->base, bytes, ex->body_done);
    }
    return step > 0;
}

/* At a connection's first bytes: true when they are HTTP/1's. */
static bool choose_http(slv_conn *c, slv_str data)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    size_t n = SLV_MIN(data.len, sizeof preface - 1);

    if (!slv_wire_speaks_h2(&c->wire) && !(c->told && c->told->h2) &&
        memcmp(data.ptr, preface, n) != 0) {
        c->begun = true;
        return true;
    }
    if (n == sizeof preface - 1)
        slv_h2_start(c, data);
    return false; /* or too little to tell yet */
}

/* One step over the bytes at hand; false when they have to wait, or are over. */
static bool feed_step(slv_conn *c, const char *data, size_t len, size_t *used)
{
    switch (c->state) {
    case CONN_IDLE:
        if (c->close_after)
            *used = len;
        if (*used == len)
            return false;
        if (c->server->heir && slv_conn_has_heir(c)) { /* who answers it, and takes the bytes */
            slv_conn_flush_later(c);
            return false;
        }
        if (!c->begun && !choose_http(c, slv_str_make(data + *used, len - *used)))
            return false;
        c->ex = slv_conn_exchange_new(c);
        c->state = CONN_HEAD;
        arm(c);
        return true;
    case CONN_HEAD: {
        slv_code code =
            slv_http1_head_parse(&c->ex->parse, slv_str_make(data + *used, len - *used));

        if (code == SLV_E_AGAIN)
            return false;
        if (code == SLV_OK)
            give_request(c, data, len, used);
        else
            slv_conn_refuse(c, c->ex->parse.error_status, c->ex->parse.error);
        return true;
    }
    case CONN_ACTIVE:
        if (!c->ex->body_done && feed_body(c, data, len, used))
            return true;
        if (c->state != CONN_ACTIVE || !c->ex->ended || !c->ex->body_done)
            return false;
        exchange_over(c);
        return true;
    default:
        *used = len;
        return false;
    }
}

static size_t feed(slv_conn *c, const char *data, size_t len)
{
    size_t used = 0;

    c->feeding = true;
    while (feed_step(c, data, len, &used))
        ;
    c->feeding = false;
    return used;
}

static void feed_pending(slv_conn *c)
{
    slv_buf_consume(&c->in, feed(c, c->in.ptr, c->in.len));
    if (c->in.len == 0)
        slv_buf_done(&c->in);
}

/* The client sends no more, now that all that it sent was read. */
static void on_client_end(slv_conn *c)
{
    c->read_eof = true;
    switch (c->state) {
    case CONN_IDLE:
        if (c->in.len > 0 && slv_conn_has_heir(c)) /* whoever answers it hears of the end, too */
            slv_conn_flush_later(c);
        else if (c->out.bytes > 0)
            c->close_after = true;
        else
            slv_conn_close(c, SLV_GONE_CLIENT);
        break;
    case CONN_ACTIVE:
        if (!c->ex->body_done && c->in.len == 0 && !c->ex->ended) {
            slv_conn_close(c, SLV_GONE_CLIENT);
        } else if (!c->ex->body_done && c->ex->ended) {
            c->ex->body_done = true;
            c->ex->keep_alive = false;
            slv_conn_advance(c);
        } else {
            /* Gone, or only done sending? */
            c->grace = true;
            arm(c);
        }
        break;
    default:
        slv_conn_close(c, SLV_GONE_CLIENT);
        break;
    }
}

static bool wants_read(const slv_conn *c)
{
    if (c->read_eof || c->state == CONN_CLOSED)
        return false;
    if (c->state != CONN_ACTIVE)
        return true;
    if (!c->ex->body_done)
        return c->ex->ended || c->ex->credit > 0;
    return c->in.len == 0; /* further requests wait in the kernel; but an end is noticed */
}

void slv_conn_watch(slv_conn *c)
{
    unsigned events = 0;

    if (c->state == CONN_CLOSED)
        return;
    if (wants_read(c))
        events |= SLV_POLL_READ;
    else if (!c->read_eof && !c->hup_seen)
        events |= SLV_POLL_HUP;
    if (c->blocked)
        events |= SLV_POLL_WRITE;
    slv_wire_watch(&c->wire, c->server->loop, events);
}

/* One read: how much it was, 0 when the socket has no more at the moment. */
static size_t read_once(slv_conn *c)
{
    char *to = c->server->read_buf;
    size_t cap = SLV_CONN_READ_SIZE;
    ssize_t n;

    if (c->in.len > 0) { /* goes on behind what waits */
        cap = (size_t)16 << 10;
        if (slv_buf_reserve(&c->in, cap) != SLV_OK) {
            slv_conn_close(c, SLV_GONE_CLIENT);
            return 0;
        }
        to = c->in.ptr + c->in.len;
    }
    n = slv_wire_read(&c->wire, to, cap);
    if (n == -EAGAIN)
        return 0;
    if (n <= 0) {
        if (n < 0)
            slv_conn_close(c, SLV_GONE_CLIENT);
        else
            on_client_end(c);
        return 0;
    }
    if (c->state == CONN_LINGER) {
        c->discarded += (size_t)n;
        if (c->discarded < (size_t)16 << 20)
            return (size_t)n;
        close_wire(c, SLV_GONE_CLIENT, false);
        return 0;
    }
    if (c->in.len > 0) {
        c->in.len += (size_t)n;
        feed_pending(c);
    } else {
        size_t used = feed(c, to, (size_t)n);

        if (used < (size_t)n && c->state != CONN_CLOSED &&
            slv_buf_append(&c->in, slv_str_make(to + used, (size_t)n - used)) != SLV_OK) {
            slv_conn_close(c, SLV_GONE_CLIENT);
            return 0;
        }
    }
    return (size_t)n == cap || slv_wire_pending(&c->wire) ? (size_t)n : 0;
}

/* What came, but not more than a share: one client's upload starves nobody, and the rest is there
 * in the next turn. */
static void read_share(slv_conn *c, bool pending)
{
    size_t sum = 0, n = 1;

    while (sum < SLV_CONN_READ_SIZE && n > 0 && wants_read(c) &&
           (!pending || slv_wire_pending(&c->wire))) {
        n = read_once(c);
        sum += n;
    }
}

/* Readiness that was not asked for is how the socket tells of an error. */
static bool has_failed(const slv_conn *c)
{
    int error = 0;
    socklen_t len = sizeof error;

    return getsockopt(c->wire.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0;
}

static void on_ready(slv_poll *poll, unsigned events)
{
    slv_conn *c = slv_container_of(poll, slv_conn, wire.poll);

    if (c->blocked && slv_wire_may_write(&c->wire, events))
        slv_conn_flush_later(c);
    if (events & SLV_POLL_READ && !wants_read(c) && has_failed(c)) {
        slv_conn_close(c, SLV_GONE_CLIENT);
        return;
    }
    if (events & SLV_POLL_READ || c->wire.want_write) {
        read_share(c, false);
        if (slv_wire_pending(&c->wire) && wants_read(c))
            slv_loop_later(c->server->loop, &c->work);
    } else if (events & SLV_POLL_HUP) {
        c->hup_seen = true;
        if (c->state == CONN_ACTIVE && c->ex->body_done) {
            c->grace = true;
            arm(c);
        }
    }
    if ((c->state == CONN_IDLE || c->state == CONN_HEAD) && c->server->draining)
        slv_conn_flush_later(c);
    slv_conn_watch(c);
}

/* Goes on, outside of any callback, with bytes that waited; or ends the object of a closed
 * connection. */
static void on_work(slv_task *task)
{
    slv_conn *c = slv_container_of(task, slv_conn, work);

    if (c->state != CONN_CLOSED)
        feed_pending(c);
    if (c->state != CONN_CLOSED && c->read_eof && c->in.len > 0 && c->state == CONN_HEAD)
        slv_conn_close(c, SLV_GONE_CLIENT); /* a head that will never be complete */
    read_share(c, true);
    if (c->state == CONN_CLOSED) {
        slv_conn_free(c);
        return;
    }
    if (c->state == CONN_IDLE && c->read_eof) {
        c->close_after = c->in.len == 0 || !slv_conn_has_heir(c);
        slv_conn_flush_later(c);
    }
    slv_conn_watch(c);
}

void slv_conn_advance(slv_conn *c)
{
    if (c->feeding || c->state == CONN_CLOSED)
        return;
    if (c->state == CONN_ACTIVE && c->ex->ended && c->ex->body_done)
        exchange_over(c);
    if (c->in.len > 0 || c->read_eof || slv_wire_pending(&c->wire))
        slv_loop_later(c->server->loop, &c->work);
    slv_conn_watch(c);
}

void slv_conn_body_wanted(slv_conn *c)
{
    if (c->state == CONN_CLOSED)
        return;
    arm(c);
    slv_conn_advance(c);
}

/* Writing.
 * ------------------------------------------------------------------------------------------------------------
 */

static void on_flush(slv_task *task)
{
    slv_conn *c = slv_container_of(task, slv_conn, flush);
    slv_conn_exchange *ex = c->ex;
    ssize_t n;

    if (c->state == CONN_CLOSED)
        return;
    if (c->broken) {
        slv_conn_close(c, SLV_GONE_SERVER);
        return;
    }
    n = slv_outq_write(&c->out, &c->wire);
    if (n < 0) {
        slv_conn_close(c, SLV_GONE_CLIENT);
        return;
    }
    if (c->blocked != (c->out.bytes > 0) || (c->blocked && n > 0)) {
        c->blocked = c->out.bytes > 0;
        arm(c);
    }
    if (c->out.bytes == 0 && c->close_after && c->state == CONN_IDLE) {
        finish_close(c);
        return;
    }
    if (c->out.bytes == 0 && (!c->read_eof || c->in.len > 0) && slv_conn_has_heir(c) &&
        (c->state == CONN_IDLE || (c->state == CONN_HEAD && c->server->heir)) &&
        (c->in.len == 0 || c->server->heir)) {
        slv_conn_hand_over(c);
        return;
    }
    if (ex && ex->blocked && c->out.bytes < SLV_EXCHANGE_LOW && !ex->ended) {
        ex->blocked = false;
        c->server->options.handlers->writable(&ex->base);
    }
    slv_conn_watch(c);
}

void slv_conn_full(slv_conn *c)
{
    c->blocked = true;
    arm(c);
    slv_conn_watch(c);
}

void slv_conn_flush_later(slv_conn *c)
{
    if (c->state != CONN_CLOSED)
        slv_loop_flush(c->server->loop, &c->flush);
}

/* Birth.
 * --------------------------------------------------------------------------------------------------------------
 */

static void address_text(const struct sockaddr_storage *sa, char text[46], uint16_t *port)
{
    text[0] = 0;
    if (sa->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

        inet_ntop(AF_INET, &in->sin_addr, text, 46);
        *port = ntohs(in->sin_port);
    } else if (sa->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)sa;

        if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr))
            inet_ntop(AF_INET, in->sin6_addr.s6_addr + 12, text, 46);
        else
            inet_ntop(AF_INET6, &in->sin6_addr, text, 46);
        *port = ntohs(in->sin6_port);
    }
}

/* The client's own bytes begin. */
static void begin(slv_conn *c)
{
    c->state = CONN_IDLE;
    c->wire.poll.fn = on_ready;
    if (c->tls) {
        c->wire.ssl = slv_tls_server_accept(c->tls, c->wire.fd);
        c->tls = NULL;
        if (!c->wire.ssl) {
            slv_conn_close(c, SLV_GONE_SERVER);
            return;
        }
    }
    arm(c);
    if (c->server->draining && slv_conn_has_heir(c))
        slv_conn_flush_later(c);
    slv_conn_watch(c);
}

/* The header of the PROXY protocol is taken off the socket and no byte more: TLS reads the rest. */
static void on_proxy(slv_poll *poll, unsigned events)
{
    slv_conn *c = slv_container_of(poll, slv_conn, wire.poll);
    char bytes[SLV_PROXY_HEADER_MAX];
    size_t had = c->in.len;
    slv_proxy_header header;
    const char *why;
    slv_code code = SLV_E_PARSE;
    ssize_t n = recv(c->wire.fd, bytes, sizeof bytes - had, MSG_PEEK);

    (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0 && slv_buf_append(&c->in, slv_str_make(bytes, (size_t)n)) == SLV_OK)
        code = slv_proxy_parse(slv_buf_view(&c->in), &header, &why);
    if (code == SLV_OK || code == SLV_E_AGAIN) {
        size_t take = code == SLV_OK ? header.length - had : (size_t)n;

        if (recv(c->wire.fd, bytes, take, 0) != (ssize_t)take)
            code = SLV_E_IO;
    }
    if (code == SLV_E_AGAIN)
        return;
    slv_buf_done(&c->in);
    if (code != SLV_OK) {
        slv_conn_close(c, SLV_GONE_CLIENT);
        return;
    }
    if (header.known) {
        memcpy(c->peer, header.peer, sizeof c->peer);
        memcpy(c->local, header.local, sizeof c->local);
        c->peer_port = header.peer_port;
        c->local_port = header.local_port;
    }
    c->secure |= header.tls;
    begin(c);
}

static slv_conn *conn_new(slv_http_server *server, int fd)
{
    slv_conn *c = slv_new0(slv_conn);

    c->server = server;
    c->wire.fd = fd;
    c->wire.poll.fn = on_proxy;
    c->timer.fn = on_timer;
    c->work.fn = on_work;
    c->flush.fn = on_flush;
    c->in = SLV_BUF(IN_MAX);
    c->out.pool = server->pool;
    slv_list_push(&server->conns, &c->node);
    server->conn_count++;
    return c;
}

void slv_conn_open(slv_http_server *server, int fd, const slv_listener_traits *traits)
{
    slv_conn *c = conn_new(server, fd);
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;

    if (getpeername(fd, (struct sockaddr *)&address, &len) == 0)
        address_text(&address, c->peer, &c->peer_port);
    len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
        address_text(&address, c->local, &c->local_port);
    if (c->peer[0])
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    c->secure = traits->tls != NULL;
    c->direct = !traits->proxied;
    c->tls = traits->tls;
    c->redirect_port = traits->redirect_port;
    if (!traits->proxied) {
        begin(c);
        return;
    }
    if (traits->proxies && !slv_nets_has(traits->proxies, slv_str_from(c->peer))) {
        slv_conn_close(c, SLV_GONE_CLIENT);
        return;
    }
    arm(c);
    slv_conn_watch(c);
}

void slv_conn_open_handed(slv_http_server *server, int fd, const slv_handed *about,
                          slv_tls_server *tls)
{
    slv_conn *c = conn_new(server, fd);

    memcpy(c->peer, about->peer, sizeof c->peer);
    memcpy(c->local, about->local, sizeof c->local);
    c->peer_port = about->peer_port;
    c->local_port = about->local_port;
    c->redirect_port = about->redirect_port;
    c->secure = about->secure;
    if (about->fresh && !tls) {
        slv_conn_close(c, SLV_GONE_SERVER);
        return;
    }
    c->tls = about->fresh ? tls : NULL;
    if (about->tls_version[0] && !about->fresh) {
        c->told = slv_new0(slv_conn_told);
        memcpy(c->told->version, about->tls_version, sizeof c->told->version);
        memcpy(c->told->cipher, about->tls_cipher, sizeof c->told->cipher);
        c->told->h2 = about->h2;
    }
    begin(c);
    if (about->received.len == 0 || c->state == CONN_CLOSED)
        return;
    if (slv_buf_append(&c->in, about->received) == SLV_OK)
        slv_loop_later(server->loop, &c->work);
    else
        slv_conn_close(c, SLV_GONE_SERVER);
}
