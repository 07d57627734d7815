#include "net/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/client_int.h"

#define READ_SIZE ((size_t)64 << 10)
#define READS_MAX 4

/* DIALING ─TCP─> (HANDSHAKE ─TLS─>) OPEN ─both ends, or failure─> OVER. STARTTLS goes from OPEN
   back to HANDSHAKE once the queue is empty. */
enum state { SO_DIALING, SO_HANDSHAKE, SO_OPEN, SO_OVER };

struct slv_socket {
    slv_list node; /* client->sockets */
    slv_client *client;
    slv_dial dial;
    slv_wire wire;
    slv_outq out;
    slv_timer timer;
    slv_task work, flush;
    const slv_socket_handlers *handlers;
    void *user;
    char *host, *server_name;
    size_t credit;
    unsigned busy;
    uint8_t state;
    bool tls, start_tls, blocked, want_writable, got_end, shut, dead, tell_closed;
    slv_code code;
    char message[300];
};

void *slv_socket_user(const slv_socket *s)
{
    return s->user;
}

void slv_socket_set_user(slv_socket *s, void *user)
{
    s->user = user;
}

static void socket_free(slv_socket *s)
{
    slv_dial_stop(&s->dial);
    slv_timer_stop(&s->timer);
    slv_task_cancel(&s->work);
    slv_task_cancel(&s->flush);
    slv_wire_close(&s->wire, false);
    slv_outq_clear(&s->out);
    slv_list_remove(&s->node);
    free(s->host);
    free(s->server_name);
    free(s);
}

void slv_socket_client_freed(slv_list *node)
{
    socket_free(slv_container_of(node, slv_socket, node));
}

void slv_socket_abort(slv_socket *s)
{
    if (s->busy == 0) {
        socket_free(s);
        return;
    }
    s->dead = true;
    s->state = SO_OVER;
    slv_wire_close(&s->wire, false);
    slv_loop_later(s->client->loop, &s->work);
}

/* Both ends are over, or it broke: `closed` comes from a task. */
static void over(slv_socket *s, slv_code code, slv_str message)
{
    if (s->state == SO_OVER)
        return;
    s->state = SO_OVER;
    s->code = code;
    s->tell_closed = true;
    snprintf(s->message, sizeof s->message, "%.*s", SLV_STR_ARGS(message));
    slv_timer_stop(&s->timer);
    slv_task_cancel(&s->flush);
    slv_wire_close(&s->wire, false);
    slv_loop_later(s->client->loop, &s->work);
}

static void lost(slv_socket *s, ssize_t result)
{
    char text[200];
    slv_str why = slv_str_from(slv_wire_error(&s->wire, result, text, sizeof text));

    over(s, result == -EPROTO ? SLV_E_PROTOCOL : SLV_E_IO, why);
}

static void watch(slv_socket *s)
{
    unsigned events = 0;

    if (s->state != SO_OPEN && s->state != SO_HANDSHAKE)
        return;
    if (s->state == SO_HANDSHAKE)
        events = SLV_POLL_READ;
    else if (s->credit > 0 && !s->got_end && !s->start_tls)
        events = SLV_POLL_READ;
    else if (!s->got_end)
        events = 0;
    slv_wire_watch(&s->wire, s->client->loop, events | (s->blocked ? SLV_POLL_WRITE : 0));
}

static void address_text(const struct sockaddr_storage *sa, char out[64])
{
    char host[INET6_ADDRSTRLEN] = "";

    if (sa->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)sa;

        inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(out, 64, "%s:%u", host, (unsigned)ntohs(in->sin_port));
    } else if (sa->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)sa;

        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        snprintf(out, 64, "[%s]:%u", host, (unsigned)ntohs(in->sin6_port));
    }
}

static void opened(slv_socket *s)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    char remote[64] = "", local[64] = "";

    s->state = SO_OPEN;
    slv_timer_stop(&s->timer);
    if (getpeername(s->wire.fd, (struct sockaddr *)&address, &len) == 0)
        address_text(&address, remote);
    len = sizeof address;
    if (getsockname(s->wire.fd, (struct sockaddr *)&address, &len) == 0)
        address_text(&address, local);
    slv_loop_flush(s->client->loop, &s->flush);
    s->handlers->open(s, slv_str_from(remote), slv_str_from(local));
}

static void handshake(slv_socket *s)
{
    int rc = SSL_do_handshake(s->wire.ssl), reason;

    s->wire.want_write = false;
    if (rc == 1) {
        opened(s);
        return;
    }
    reason = SSL_get_error(s->wire.ssl, rc);
    if (reason == SSL_ERROR_WANT_WRITE)
        s->wire.want_write = true;
    else if (reason == SSL_ERROR_SYSCALL || reason == SSL_ERROR_ZERO_RETURN)
        over(s, SLV_E_IO, SLV_STR("the connection was closed during the TLS handshake"));
    else if (reason != SSL_ERROR_WANT_READ)
        lost(s, -EPROTO);
}

static void begin_tls(slv_socket *s)
{
    slv_str name = slv_str_from(s->server_name ? s->server_name : s->host);
    slv_tls_client *tls;
    slv_err err;
    slv_code code = slv_client_tls(s->client, &tls, &err);

    s->start_tls = false;
    if (name.len > 2 && name.ptr[0] == '[')
        name = slv_str_sub(name, 1, name.len - 1);
    if (code == SLV_OK) {
        s->wire.ssl = slv_tls_client_connect(tls, s->wire.fd, name, &err);
        code = s->wire.ssl ? SLV_OK : SLV_E_IO;
    }
    if (code != SLV_OK) {
        over(s, code, slv_str_from(slv_err_text(&err)));
        return;
    }
    s->state = SO_HANDSHAKE;
    slv_timer_start(&s->timer, s->client->loop, s->client->options.connect_timeout_ms);
    handshake(s);
}

/* Moving bytes.
 * ------------------------------------------------------------------------------------------------------------
 */

/* One read; false when there is nothing more for now. */
static bool read_once(slv_socket *s)
{
    static __thread char buf[READ_SIZE];
    size_t cap = SLV_MIN(s->credit, sizeof buf);
    ssize_t n = slv_wire_read(&s->wire, buf, cap);

    if (n == -EAGAIN)
        return false;
    if (n < 0) {
        lost(s, n);
        return false;
    }
    if (n == 0) {
        s->got_end = true;
        s->handlers->end(s);
        if (!s->dead && s->shut && s->out.bytes == 0)
            over(s, SLV_OK, SLV_STR_NULL);
        return false;
    }
    s->credit -= (size_t)n;
    s->handlers->data(s, slv_str_make(buf, (size_t)n));
    return (size_t)n == cap || slv_wire_pending(&s->wire);
}

static void read_some(slv_socket *s)
{
    for (int i = 0;
         i < READS_MAX && s->state == SO_OPEN && s->credit > 0 && !s->got_end && !s->start_tls; i++)
        if (!read_once(s))
            return;
    if (s->state == SO_OPEN && s->credit > 0 && slv_wire_pending(&s->wire))
        slv_loop_later(s->client->loop, &s->work);
}

static void on_ready(slv_poll *poll, unsigned events)
{
    slv_socket *s = slv_container_of(poll, slv_socket, wire.poll);

    s->busy++;
    if (s->state == SO_HANDSHAKE)
        handshake(s);
    if (s->state == SO_OPEN && s->blocked && slv_wire_may_write(&s->wire, events))
        slv_loop_flush(s->client->loop, &s->flush);
    if (s->state == SO_OPEN)
        read_some(s);
    s->busy--;
    watch(s);
}

static void flush_out(slv_socket *s)
{
    ssize_t n = slv_outq_write(&s->out, &s->wire);

    if (n < 0) {
        lost(s, n);
        return;
    }
    s->blocked = s->out.bytes > 0;
    if (!s->blocked && s->start_tls) {
        begin_tls(s);
        return;
    }
    if (!s->blocked && s->shut) {
        slv_wire_shutdown(&s->wire);
        if (s->got_end)
            over(s, SLV_OK, SLV_STR_NULL);
    }
    if (s->want_writable && s->out.bytes < SLV_EXCHANGE_LOW && !s->shut && s->state == SO_OPEN) {
        s->want_writable = false;
        s->handlers->writable(s);
    }
}

static void on_flush(slv_task *task)
{
    slv_socket *s = slv_container_of(task, slv_socket, flush);

    if (s->state != SO_OPEN)
        return;
    s->busy++;
    flush_out(s);
    s->busy--;
    watch(s);
}

static void on_work(slv_task *task)
{
    slv_socket *s = slv_container_of(task, slv_socket, work);

    if (s->dead) {
        socket_free(s);
        return;
    }
    s->busy++;
    if (s->tell_closed) {
        s->tell_closed = false;
        s->dead = true;
        s->handlers->closed(s, s->code, slv_str_from(s->message));
        socket_free(s);
        return;
    }
    if (s->state == SO_OPEN)
        read_some(s);
    s->busy--;
    watch(s);
}

void slv_socket_credit(slv_socket *s, size_t n)
{
    s->credit += SLV_MIN(n, SIZE_MAX / 2 - s->credit);
    if (s->state != SO_OPEN || s->busy)
        return;
    if (slv_wire_pending(&s->wire))
        slv_loop_later(s->client->loop, &s->work);
    watch(s);
}

bool slv_socket_write(slv_socket *s, slv_str bytes)
{
    SLV_ASSERT(!s->shut);
    if (s->state == SO_OVER)
        return true;
    if (s->out.bytes + bytes.len > SLV_EXCHANGE_QUEUE_MAX) {
        over(s, SLV_E_LIMIT, SLV_STR("too much was written to a connection that does not take it"));
        return false;
    }
    slv_outq_append(&s->out, bytes);
    if (s->state == SO_OPEN)
        slv_loop_flush(s->client->loop, &s->flush);
    if (s->out.bytes <= SLV_EXCHANGE_HIGH)
        return true;
    s->want_writable = true;
    return false;
}

void slv_socket_shutdown(slv_socket *s)
{
    if (s->shut)
        return;
    s->shut = true;
    if (s->state == SO_OPEN)
        slv_loop_flush(s->client->loop, &s->flush);
}

slv_code slv_socket_start_tls(slv_socket *s, slv_str server_name, slv_err *err)
{
    if (s->state != SO_OPEN || s->wire.ssl || s->start_tls || s->shut || s->got_end)
        return slv_fail(err, SLV_E_STATE, "TLS can only begin on an open connection without it");
    if (server_name.len > 0)
        s->server_name = slv_strndup(server_name.ptr, server_name.len);
    s->start_tls = true;
    slv_loop_flush(s->client->loop, &s->flush);
    return SLV_OK;
}

/* Start.
 * ---------------------------------------------------------------------------------------------------------------------
 */

static void on_dialed(slv_dial *dial, int fd, slv_code code, slv_str message)
{
    slv_socket *s = slv_container_of(dial, slv_socket, dial);

    s->busy++;
    if (fd < 0) {
        over(s, code, message);
    } else {
        s->wire.fd = fd;
        if (s->tls)
            begin_tls(s);
        else
            opened(s);
    }
    s->busy--;
    watch(s);
}

static void on_timer(slv_timer *timer)
{
    slv_socket *s = slv_container_of(timer, slv_socket, timer);

    over(s, SLV_E_TIMEOUT, SLV_STR("the TLS handshake did not complete in time"));
}

slv_code slv_socket_open(slv_client *client, const slv_socket_options *options,
                         const slv_socket_handlers *handlers, void *user, slv_socket **ret_socket,
                         slv_err *err)
{
    slv_socket *s = slv_new0(slv_socket);
    slv_code code;

    s->client = client;
    s->handlers = handlers;
    s->user = user;
    s->tls = options->tls;
    s->host = slv_strndup(options->host.ptr, options->host.len);
    s->wire.fd = -1;
    s->wire.poll.fn = on_ready;
    s->dial.done = on_dialed;
    s->timer.fn = on_timer;
    s->work.fn = on_work;
    s->flush.fn = on_flush;
    s->out.pool = client->pool;
    slv_list_push(&client->sockets, &s->node);
    code = options->host.len == 0
               ? slv_fail(err, SLV_E_INVAL, "the host is empty")
               : slv_dial_start(&s->dial, client, options->host, options->port, options->tls, err);
    if (code != SLV_OK) {
        socket_free(s);
        return code;
    }
    *ret_socket = s;
    return SLV_OK;
}
