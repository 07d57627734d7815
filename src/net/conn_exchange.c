/* What a handler does with an exchange, on an HTTP/1 connection; and the pool of exchanges. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>

#include "base/mem.h"
#include "net/server_int.h"

/* From this size on bytes are offered to the socket at once, so that they need not be copied. */
#define DIRECT_MIN ((size_t)16 << 10)

static slv_conn_exchange *of(slv_exchange *ex)
{
    return slv_container_of(ex, slv_conn_exchange, base);
}

static bool take_body(slv_exchange *base, slv_str *ret_body)
{
    slv_conn_exchange *ex = of(base);
    slv_str copy;

    if (ex->body_done || ex->parse.framing != SLV_HTTP1_LENGTH || ex->credit > 0 ||
        ex->ahead.len < ex->body_left)
        return false;
    if (slv_arena_dup(&ex->arena, slv_str_sub(ex->ahead, 0, (size_t)ex->body_left), &copy) !=
        SLV_OK)
        return false;
    ex->taken = copy;
    ex->body_left = 0;
    ex->body_done = true;
    ex->expects = false;
    *ret_body = copy;
    return true;
}

static void credit(slv_exchange *base, size_t n)
{
    slv_conn_exchange *ex = of(base);
    slv_conn *c = ex->conn;

    if (ex->body_done || ex->ended)
        return;
    ex->credit += SLV_MIN(n, SIZE_MAX / 2 - ex->credit);
    if (ex->expects && !ex->responded && ex->ahead.len == 0) {
        slv_outq_append(&c->out, SLV_STR("HTTP/1.1 100 Continue\r\n\r\n"));
        slv_conn_flush_later(c);
        ex->expects = false;
    }
    slv_conn_body_wanted(c);
}

static slv_code respond(slv_exchange *base, const slv_response_head *head, slv_err *err)
{
    slv_conn_exchange *ex = of(base);
    slv_conn *c = ex->conn;
    slv_response_head sized = *head;
    bool bare = slv_response_is_bare(head, ex->is_head);
    bool to_close = !bare && !ex->is_head && head->length < 0 && ex->base.head.version == 10;
    slv_http1_write how = {
        .version = ex->base.head.version,
        .keep_alive = ex->keep_alive && (!c->server->draining || slv_conn_has_heir(c)) &&
                      !to_close && !ex->expects && !c->grace,
        .bare = bare,
        .keeps_length = ex->is_head || head->status == 304,
        .chunked = head->length < 0 && ex->base.head.version == 11,
        .date = slv_server_date(c->server),
        .hsts = ex->base.head.scheme.len == 5 ? slv_str_from(c->server->hsts_line) : SLV_STR_NULL,
    };

    if (ex->responded)
        return slv_fail(err, SLV_E_STATE, "the response has begun already");
    if (head->status < 200 || head->status > 599)
        return slv_fail(err, SLV_E_INVAL, "response status %d cannot be sent", head->status);
    SLV_TRY(slv_http1_write_head(&c->out, &sized, &how, err));
    ex->responded = true;
    ex->keep_alive = how.keep_alive;
    if (ex->expects)
        c->linger_after = true;
    if (bare || ex->is_head)
        ex->framing = OUT_NONE;
    else if (head->length >= 0)
        ex->framing = OUT_LENGTH;
    else
        ex->framing = to_close ? OUT_TO_CLOSE : OUT_CHUNKED;
    ex->out_left = head->length > 0 ? (uint64_t)head->length : 0;
    slv_conn_flush_later(c);
    return SLV_OK;
}

static void queue(slv_conn *c, slv_str bytes)
{
    size_t taken = 0;

    if (bytes.len >= DIRECT_MIN && !c->blocked && c->out.bytes < SLV_EXCHANGE_LOW &&
        !(c->secure && c->out.bytes > 0)) {
        /* An error shows again when the queue is flushed, which may call back. */
        (void)slv_outq_write_with(&c->out, &c->wire, bytes, &taken);
    }
    slv_outq_append(&c->out, slv_str_skip(bytes, taken));
}

static bool write_body(slv_exchange *base, slv_str bytes)
{
    slv_conn_exchange *ex = of(base);
    slv_conn *c = ex->conn;

    SLV_ASSERT(ex->responded && !ex->ended);
    if (c->state == CONN_CLOSED || c->broken || bytes.len == 0 || ex->framing == OUT_NONE)
        return true;
    if (ex->framing == OUT_LENGTH && bytes.len > ex->out_left)
        c->broken = true;
    if (c->out.bytes + bytes.len > SLV_EXCHANGE_QUEUE_MAX)
        c->broken = true;
    slv_conn_flush_later(c);
    if (c->broken)
        return false;
    if (ex->framing == OUT_CHUNKED) {
        char *p = slv_outq_reserve(&c->out, 24);

        slv_outq_commit(&c->out, (size_t)snprintf(p, 24, "%zx\r\n", bytes.len));
    } else if (ex->framing == OUT_LENGTH) {
        ex->out_left -= bytes.len;
    }
    queue(c, bytes);
    if (ex->framing == OUT_CHUNKED)
        slv_outq_append(&c->out, SLV_STR("\r\n"));
    if (c->out.bytes <= SLV_EXCHANGE_HIGH)
        return true;
    ex->blocked = true;
    return false;
}

/* What was written before goes first. */
static ssize_t send_file(slv_exchange *base, int fd, uint64_t offset, size_t n)
{
    slv_conn_exchange *ex = of(base);
    slv_conn *c = ex->conn;
    off_t at = (off_t)offset;
    ssize_t sent = 0;

    if (c->wire.ssl || ex->framing != OUT_LENGTH || n > ex->out_left)
        return -1;
    if (c->state == CONN_CLOSED || c->broken)
        return 0; /* `gone` is on its way */
    if (c->out.bytes > 0)
        (void)slv_outq_write(&c->out, &c->wire); /* an error shows again below */
    if (c->out.bytes == 0 && !c->blocked) {
        do
            sent = sendfile(c->wire.fd, fd, &at, n);
        while (sent < 0 && errno == EINTR);
        if (sent == 0)
            return -2;
    }
    if (sent > 0) {
        ex->out_left -= (uint64_t)sent;
        return sent;
    }
    ex->blocked = true;
    if (sent < 0 && errno != EAGAIN) { /* the connection fails when it is looked at next */
        c->broken = true;
        slv_conn_flush_later(c);
    } else {
        slv_conn_full(c);
    }
    return 0;
}

static size_t queued(const slv_exchange *base)
{
    return slv_container_of(base, const slv_conn_exchange, base)->conn->out.bytes;
}

static void abort_exchange(slv_exchange *base)
{
    slv_conn_cut(of(base)->conn);
}

static void end(slv_exchange *base)
{
    slv_conn_exchange *ex = of(base);
    slv_conn *c = ex->conn;

    SLV_ASSERT(!ex->ended);
    if (!ex->responded || c->broken || (ex->framing == OUT_LENGTH && ex->out_left > 0)) {
        slv_conn_cut(c);
        return;
    }
    ex->ended = true;
    if (ex->framing == OUT_CHUNKED)
        slv_outq_append(&c->out, SLV_STR("0\r\n\r\n"));
    if (ex->framing == OUT_TO_CLOSE)
        ex->keep_alive = false;
    if (!ex->body_done && (ex->expects || (ex->parse.framing == SLV_HTTP1_LENGTH &&
                                           ex->body_left > SLV_CONN_DISCARD_MAX))) {
        /* Too much to read for nothing, or, after no "100 Continue", nobody knows whether the body
         * comes. */
        ex->body_done = true;
        ex->keep_alive = false;
        c->linger_after = true;
    }
    slv_conn_flush_later(c);
    slv_conn_advance(c);
}

const slv_exchange_ops slv_conn_exchange_ops = {
    .take_body = take_body,
    .credit = credit,
    .respond = respond,
    .write = write_body,
    .send_file = send_file,
    .queued = queued,
    .end = end,
    .abort = abort_exchange,
    .upgrade = slv_conn_upgrade,
};

/* ---- the pool ---- */

slv_conn_exchange *slv_conn_exchange_new(slv_conn *c)
{
    slv_http_server *s = c->server;
    slv_conn_exchange *ex = s->free_exchanges;

    if (ex) {
        s->free_exchanges = ex->next_free;
        s->free_count--;
    } else {
        ex = slv_alloc(sizeof *ex);
        ex->arena = SLV_ARENA((size_t)1 << 20);
    }
    slv_http1_head_init(&ex->parse, false, ex->fields);
    ex->conn = c;
    ex->base = (slv_exchange){.ops = &slv_conn_exchange_ops, .arena = &ex->arena};
    ex->body_left = ex->out_left = 0;
    ex->credit = 0;
    ex->body_done = ex->head_given = ex->expects = ex->keep_alive = ex->is_head = false;
    ex->responded = ex->ended = ex->blocked = false;
    ex->framing = OUT_NONE;
    ex->ahead = ex->taken = SLV_STR_NULL;
    return ex;
}

void slv_conn_exchange_done(slv_conn *c)
{
    slv_conn_exchange *ex = c->ex;
    slv_http_server *s = c->server;

    c->ex = NULL;
    if (s->free_count >= SLV_CONN_POOL_MAX) {
        slv_arena_done(&ex->arena);
        free(ex);
        return;
    }
    slv_arena_reset(&ex->arena);
    ex->next_free = s->free_exchanges;
    s->free_exchanges = ex;
    s->free_count++;
}
