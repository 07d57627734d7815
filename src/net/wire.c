#include "net/wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* An SSL_write that could not finish must be repeated with at least as many bytes in one piece: no
   more are offered at once than a queue's block holds in one piece. */
#define TLS_WRITE_MAX ((size_t)16000)

static ssize_t tls_result(slv_wire *w, int result)
{
    switch (SSL_get_error(w->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return -EAGAIN;
    case SSL_ERROR_WANT_WRITE:
        w->want_write = true;
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    case SSL_ERROR_SYSCALL:
        return errno ? -errno : -ECONNRESET;
    default:
        return -EPROTO;
    }
}

ssize_t slv_wire_read(slv_wire *w, void *buf, size_t len)
{
    ssize_t n;

    if (!w->ssl) {
        do
            n = recv(w->fd, buf, len, 0);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
    }
    w->want_write = false;
    ERR_clear_error();
    errno = 0;
    n = SSL_read(w->ssl, buf, (int)SLV_MIN(len, (size_t)INT32_MAX));
    return n > 0 ? n : tls_result(w, (int)n);
}

static ssize_t tls_writev(slv_wire *w, const struct iovec *iov, int count)
{
    ssize_t total = 0;

    for (int i = 0; i < count; i++)
        for (size_t at = 0; at < iov[i].iov_len;) {
            int n;

            ERR_clear_error();
            errno = 0;
            n = SSL_write(w->ssl, (const char *)iov[i].iov_base + at,
                          (int)SLV_MIN(iov[i].iov_len - at, TLS_WRITE_MAX));
            w->write_wants_read = n <= 0 && SSL_want_read(w->ssl);
            if (n <= 0) {
                ssize_t result = tls_result(w, n);

                if (total > 0)
                    return total;
                return result == 0 ? -EPIPE : result;
            }
            at += (size_t)n;
            total += n;
        }
    return total;
}

ssize_t slv_wire_writev(slv_wire *w, const struct iovec *iov, int count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(size_t)iov, .msg_iovlen = (size_t)count};
    ssize_t n;

    if (w->ssl)
        return tls_writev(w, iov, count);
    do
        n = count == 1 ? send(w->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL)
                       : sendmsg(w->fd, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

bool slv_wire_pending(const slv_wire *w)
{
    return w->ssl && SSL_has_pending(w->ssl);
}

void slv_wire_watch(slv_wire *w, slv_loop *loop, unsigned events)
{
    slv_err err;

    if (w->write_wants_read &&
        events & SLV_POLL_WRITE) /* being writable would not help, and is always true */
        events = (events & ~(unsigned)SLV_POLL_WRITE) | SLV_POLL_READ;
    if (w->want_write)
        events |= SLV_POLL_WRITE;
    if (slv_poll_started(&w->poll)) {
        if (w->poll.events != events)
            slv_poll_set(&w->poll, events);
        return;
    }
    /* Registering a socket that is open and not registered yet fails only without kernel memory. */
    if (slv_poll_start(&w->poll, loop, w->fd, events, &err) != SLV_OK)
        shutdown(w->fd, SHUT_RDWR);
}

void slv_wire_unwatch(slv_wire *w)
{
    slv_poll_stop(&w->poll);
}

void slv_wire_shutdown(slv_wire *w)
{
    if (w->fd < 0 || w->write_shut)
        return;
    w->write_shut = true;
    if (w->ssl && SSL_is_init_finished(w->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(w->ssl);
    }
    shutdown(w->fd, SHUT_WR);
}

void slv_wire_close(slv_wire *w, bool reset)
{
    if (w->fd < 0)
        return;
    slv_poll_stop(&w->poll);
    if (reset)
        setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    if (w->ssl) {
        if (!reset && !w->write_shut && SSL_is_init_finished(w->ssl)) {
            ERR_clear_error();
            (void)SSL_shutdown(w->ssl);
        }
        SSL_free(w->ssl);
        w->ssl = NULL;
    }
    close(w->fd);
    w->fd = -1;
}

void slv_wire_take(slv_wire *w, slv_wire *src)
{
    SLV_ASSERT(!slv_poll_started(&src->poll));
    w->ssl = src->ssl;
    w->fd = src->fd;
    w->want_write = src->want_write;
    w->write_wants_read = src->write_wants_read;
    w->write_shut = src->write_shut;
    src->ssl = NULL;
    src->fd = -1;
}

slv_str slv_wire_tls_version(const slv_wire *w)
{
    return w->ssl ? slv_str_from(SSL_get_version(w->ssl)) : SLV_STR_NULL;
}

slv_str slv_wire_tls_cipher(const slv_wire *w)
{
    return w->ssl ? slv_str_from(SSL_get_cipher_name(w->ssl)) : SLV_STR_NULL;
}

uint32_t slv_wire_rtt_ms(slv_wire *w)
{
    struct tcp_info info;
    socklen_t len = sizeof info;

    if (!w->rtt_known) {
        w->rtt_known = true;
        w->rtt_ms = getsockopt(w->fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0
                        ? (info.tcpi_rtt + 500) / 1000
                        : 0;
    }
    return w->rtt_ms;
}

bool slv_wire_speaks_h2(const slv_wire *w)
{
    const unsigned char *name = NULL;
    unsigned len = 0;

    if (w->ssl)
        SSL_get0_alpn_selected(w->ssl, &name, &len);
    return len == 2 && memcmp(name, "h2", 2) == 0;
}

const char *slv_wire_error(const slv_wire *w, ssize_t result, char *buf, size_t cap)
{
    if (w->ssl && result == -EPROTO) {
        long verify = SSL_get_verify_result(w->ssl);
        unsigned long code = ERR_peek_last_error();

        if (verify != X509_V_OK)
            snprintf(buf, cap, "TLS certificate: %s", X509_verify_cert_error_string(verify));
        else
            snprintf(buf, cap, "TLS: %s", code ? ERR_reason_error_string(code) : "protocol error");
        return buf;
    }
    if (result == 0)
        return "the peer closed the connection";
    return strerror_r((int)-result, buf, cap);
}
