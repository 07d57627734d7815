/*
 * listen.h - the sockets that a server listens on: opened by the supervisor (or by systemd before
 * it), handed to each main that it starts. So a main that dies or is replaced loses no client: they
 * wait in the kernel's queue.
 *
 * Addresses: "HOST:PORT", "[::1]:PORT", ":PORT" (every address), "PORT" (127.0.0.1), "unix:PATH".
 * A host name is listened on at each of its addresses. Port 0 takes a free one.
 *
 * One thread. At most SLV_LISTENERS_MAX sockets.
 */
#ifndef SLV_DAEMON_LISTEN_H
#define SLV_DAEMON_LISTEN_H

#include "base/buf.h"
#include "daemon/config.h"

#define SLV_LISTENERS_MAX 32
#define SLV_LISTEN_PUBLIC "127.0.0.1:8080"
#define SLV_LISTEN_CONTROL "127.0.0.1:8788"

typedef enum slv_listener_kind {
    SLV_LISTENER_HTTP,
    SLV_LISTENER_HTTPS,
    SLV_LISTENER_PROXY, /* plain HTTP behind the PROXY protocol */
    SLV_LISTENER_CONTROL,
    SLV_LISTENER_KINDS,
} slv_listener_kind;

typedef struct slv_listeners {
    struct {
        int fd;
        slv_listener_kind kind;
    } items[SLV_LISTENERS_MAX];
    size_t count;
} slv_listeners;

/* Those that systemd passed (LISTEN_FDS; the names "https", "proxy" and "control" of LISTEN_FDNAMES
 * tell kinds apart, everything else is plain HTTP), and those of the configuration for kinds that
 * were not passed. SLV_E_EXISTS: an address is in use, the message names it. */
SLV_NODISCARD slv_code slv_listeners_open(const slv_serve_config *config, slv_listeners *ret,
                                          slv_err *err);
void slv_listeners_close(slv_listeners *l);
SLV_DEFINE_CLEANUP_DONE(slv_listeners, slv_listeners_close);

/* "control,http,http": the kinds in order, for the argument of another process, which has the
 * sockets as descriptors from `first` on; and back. */
SLV_NODISCARD slv_code slv_listeners_put(const slv_listeners *l, slv_buf *out);
SLV_NODISCARD slv_code slv_listeners_take(slv_str text, int first, slv_listeners *ret,
                                          slv_err *err);

/* "127.0.0.1:8080" of a socket; "localhost" stands for every address. */
void slv_listener_address(int fd, char out[static 128]);
uint16_t slv_listener_port(int fd); /* 0: none */
/* The first of that kind; -1: none. */
int slv_listeners_first(const slv_listeners *l, slv_listener_kind kind);

#endif
