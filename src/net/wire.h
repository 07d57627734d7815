/*
 * wire.h - a connected stream socket, plain or TLS, non-blocking. Loop thread only. Private to net.
 *
 * The owner embeds it, sets poll.fn, and moves it by value only while it is not watched.
 */
#ifndef SLV_NET_WIRE_H
#define SLV_NET_WIRE_H

#include <sys/types.h>
#include <sys/uio.h>

#include "aio/poll.h"
#include "base/str.h"

typedef struct slv_wire {
    slv_poll poll;
    struct ssl_st *ssl; /* NULL: plain */
    int fd;             /* -1: closed */
    bool want_write; /* TLS cannot go on before the socket takes bytes, whatever the owner does */
    bool write_wants_read; /* TLS cannot go on with a write before the socket gave bytes */
    bool write_shut;
    bool rtt_known;
    uint32_t rtt_ms;
} slv_wire;

/* Bytes read, 0 at the end of the stream, -EAGAIN, or another negative errno. */
ssize_t slv_wire_read(slv_wire *w, void *buf, size_t len);
ssize_t slv_wire_writev(slv_wire *w, const struct iovec *iov, int count);
/* True when bytes were decrypted that the socket will not report any more. */
bool slv_wire_pending(const slv_wire *w);
/* Events of poll.h. */
void slv_wire_watch(slv_wire *w, slv_loop *loop, unsigned events);
/* Whether a write that was held up may be tried again, at these events. */
static inline bool slv_wire_may_write(const slv_wire *w, unsigned events)
{
    return (events & (w->write_wants_read ? SLV_POLL_READ : SLV_POLL_WRITE)) != 0;
}
void slv_wire_unwatch(slv_wire *w);
/* Ends our direction (after close_notify with TLS). */
void slv_wire_shutdown(slv_wire *w);
/* reset: the peer sees an error rather than an end. */
void slv_wire_close(slv_wire *w, bool reset);
/* Takes over fd and TLS of src, which must not be watched. */
void slv_wire_take(slv_wire *w, slv_wire *src);
/* Of an established TLS connection; empty without. Static. */
slv_str slv_wire_tls_version(const slv_wire *w);
slv_str slv_wire_tls_cipher(const slv_wire *w);
/* The round trip as the kernel knew it at the first call; 0 where it knows none. */
uint32_t slv_wire_rtt_ms(slv_wire *w);
bool slv_wire_speaks_h2(const slv_wire *w); /* TLS agreed on it */
/* TLS failure in words, or strerror of -result. */
const char *slv_wire_error(const slv_wire *w, ssize_t result, char *buf, size_t cap);

#endif
