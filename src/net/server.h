/*
 * server.h - listeners and HTTP server connections of one loop: HTTP/1.0 and 1.1; HTTP/2 where TLS
 * agrees on it, or where a client begins with its preface. WebSockets leave the server's care with
 * slv_exchange_upgrade: they are not counted here, nor ended by draining.
 *
 * A server belongs to a loop; every call and callback happens on that loop's thread. Several loops
 * listen on one port by SO_REUSEPORT, each with its own server. Connections stay on the loop that
 * accepted them.
 *
 * What it guarantees about clients: a head, a body and a read of the response each have a time
 * within which they must make progress; an idle connection holds no buffer; a connection that broke
 * the protocol gets one 4xx answer and is closed with a linger; pipelined requests are handled one
 * after the other, in order.
 */
#ifndef SLV_NET_SERVER_H
#define SLV_NET_SERVER_H

#include "base/str.h"
#include "net/exchange.h"
#include "net/handed.h"
#include "net/nets.h"

typedef struct slv_loop slv_loop;             /* aio/loop.h */
typedef struct slv_tls_server slv_tls_server; /* net/tls.h */
typedef struct slv_pumps slv_pumps;           /* net/pump.h */
typedef struct slv_http_server slv_http_server;

/* How the connections of a listener are taken. What it points at lives until the server is freed.
 */
typedef struct slv_listener_traits {
    slv_tls_server *tls; /* NULL: plain HTTP */
    /* Each connection begins with a header of the PROXY protocol (net/proxy.h), before TLS; one
     * that does not is cut. */
    bool proxied;
    const slv_nets *proxies; /* with proxied: who may connect; NULL: anyone */
    uint16_t redirect_port;  /* not 0: handlers see it in head.redirect_port */
} slv_listener_traits;

/* Zero means the default given. */
typedef struct slv_http_options {
    uint32_t header_timeout_ms; /* 15 s: from the first byte of a request to the end of its head */
    uint32_t idle_timeout_ms;   /* 75 s: between requests of a connection, and before its first */
    uint32_t body_timeout_ms;   /* 60 s: without a byte of the body while credit is there */
    uint32_t write_timeout_ms;  /* 60 s: without a byte taken while some wait */
    uint32_t max_connections;   /* 20,000: further ones wait in the kernel's queue */
    uint32_t hsts_seconds;      /* answers to https say Strict-Transport-Security, unless they do so
                                   themselves; 0: not */
    const slv_exchange_handlers *handlers; /* required; lives as long as the server */
    void *ctx;
    /* A connection was accepted: true when the caller has taken the descriptor, to give it to
     * another server by slv_http_server_adopt. NULL: all are kept. */
    bool (*pass_on)(void *ctx, int fd, const slv_listener_traits *traits);
    /* While draining: a connection of HTTP/1 that waits for its next request, of which no byte was
     * read. True: the caller has taken the descriptor, and another process goes on with it
     * (slv_http_server_take there), so the client notices nothing. NULL, or false: it is closed.
     * Asked with fd -1 when draining begins: whether there is such a process. */
    bool (*hand_over)(void *ctx, int fd, const slv_handed *about);
    slv_pumps *pumps; /* for TLS connections that are handed over; NULL: they are closed */
} slv_http_options;

typedef struct slv_listen_options {
    slv_str host;      /* "127.0.0.1", "::1", "0.0.0.0", "localhost"; or a path with unix_path */
    uint16_t port;     /* 0: any free one, see slv_http_server_port */
    slv_str unix_path; /* non-empty: a Unix socket; a stale one is replaced; removed when the server
                          closes */
    bool reuse_port;   /* several loops share the port */
    slv_listener_traits traits;
} slv_listen_options;

slv_http_server *slv_http_server_new(slv_loop *loop, const slv_http_options *options);
/* May be called several times. The message names the address. A host name listens on each of its
 * addresses. */
SLV_NODISCARD slv_code slv_http_server_listen(slv_http_server *server,
                                              const slv_listen_options *options, slv_err *err);
/* Takes a listening descriptor (from a supervisor); traits are copied. */
SLV_NODISCARD slv_code slv_http_server_listen_fd(slv_http_server *server, int fd,
                                                 const slv_listener_traits *traits, slv_err *err);
/* Takes a connection that a listener of another loop accepted, with that listener's traits. */
void slv_http_server_adopt(slv_http_server *server, int fd, const slv_listener_traits *traits);
/* Takes a connection that another process handed over. tls: for one whose TLS is yet to begin;
 * NULL: such are closed. */
void slv_http_server_take(slv_http_server *server, int fd, const slv_handed *about,
                          slv_tls_server *tls);
/* Port of the first TCP listener; 0 when there is none. */
uint16_t slv_http_server_port(const slv_http_server *server);
size_t slv_http_server_connections(const slv_http_server *server);

/* From now on connections without TLS go to options.pass_on, those that are open as soon as they
 * are idle; their clients see nothing of it. */
void slv_http_server_yield(slv_http_server *server);
/* Stops accepting, closes idle connections, answers the requests that are open with "Connection:
   close", and calls done when no connection is left, or after timeout_ms (UINT32_MAX: never), when
   those that are left are cut. Once. */
void slv_http_server_drain(slv_http_server *server, uint32_t timeout_ms, void (*done)(void *arg),
                           void *arg);
/* Draining, with hand_over: no request begins here any more. At first some of HTTP/2 do: those that
 * their clients have sent before they heard of the end (a second at most). */
bool slv_http_server_begins_nothing(const slv_http_server *server);
/* Cuts what is open (`gone` with SLV_GONE_SERVER comes from inside this call) and frees. Accepts
 * NULL, returns NULL. */
slv_http_server *slv_http_server_free(slv_http_server *server);

#endif
