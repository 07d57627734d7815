/*
 * server_int.h - layout of the HTTP/1 server: a server of a loop, its connections, and the exchange
 * of a request.
 *
 * A connection is a state machine:
 *
 *     PROXY ──header of the PROXY protocol, where the listener wants one──> IDLE
 *     IDLE ──first byte──> HEAD ──head complete──> ACTIVE ──response sent, body read──> IDLE
 *      │ any state: error answered, or told to close ──> LINGER ──> CLOSED
 *
 * Bytes are read into a buffer of the server and handled from there; only what cannot be handled
 * yet (part of a head, body without credit, a pipelined request) is copied into conn->in. An
 * exchange object is taken from the server's pool with the first byte of a request and goes back
 * when both the handler has let go of it and the request's body is over.
 */
#ifndef SLV_NET_SERVER_INT_H
#define SLV_NET_SERVER_INT_H

#include "aio/timer.h"
#include "base/buf.h"
#include "net/http1.h"
#include "net/http1_write.h"
#include "net/server.h"
#include "net/tls.h"

#define SLV_CONN_READ_SIZE ((size_t)64 << 10) /* one read, and a client's share of a turn */
#define SLV_CONN_DISCARD_MAX ((size_t)64 << 10)
#define SLV_CONN_LINGER_MS 2000
/* A client that ended its side during its request has mostly gone. It may also have said all that
   it had to say, likely so when it asked for "Connection: close": responses that come within this
   time are still sent. */
#define SLV_CONN_HALF_CLOSE_MS 250
#define SLV_CONN_HALF_CLOSE_LAST_MS 1000
#define SLV_CONN_POOL_MAX 256 /* exchange objects kept */

typedef struct slv_conn slv_conn;
typedef struct slv_conn_exchange slv_conn_exchange;

struct slv_exchange_ops {
    bool (*take_body)(slv_exchange *ex, slv_str *ret_body);
    void (*credit)(slv_exchange *ex, size_t n);
    slv_code (*respond)(slv_exchange *ex, const slv_response_head *head, slv_err *err);
    bool (*write)(slv_exchange *ex, slv_str bytes);
    ssize_t (*send_file)(slv_exchange *ex, int fd, uint64_t offset, size_t n); /* may be NULL */
    size_t (*queued)(const slv_exchange *ex);
    void (*end)(slv_exchange *ex);
    void (*abort)(slv_exchange *ex);
    slv_code (*upgrade)(slv_exchange *ex, slv_str headers, const slv_ws_options *options,
                        const slv_ws_handlers *handlers, void *user, slv_ws **ret_ws, slv_err *err);
};

/* Of a client whose TLS another process speaks. */
typedef struct slv_conn_told {
    char version[sizeof((slv_handed *)0)->tls_version], cipher[sizeof((slv_handed *)0)->tls_cipher];
    bool h2;
} slv_conn_told;

enum slv_conn_state { CONN_PROXY, CONN_IDLE, CONN_HEAD, CONN_ACTIVE, CONN_LINGER, CONN_CLOSED };

struct slv_conn {
    slv_wire wire;
    slv_list node; /* server->conns */
    slv_http_server *server;
    slv_conn_exchange *ex; /* from HEAD until the request is over */
    slv_timer timer;
    uint64_t deadline_ms; /* 0: none; the timer may be due before it and then looks again */
    slv_task flush, work;
    slv_buf in;
    slv_outq out;
    uint8_t state;
    bool secure, feeding, read_eof;
    bool direct;       /* the socket tells who the client is: nothing of a proxy's header is lost */
    bool begun;        /* bytes came: it is known which HTTP this is */
    bool hup_seen;     /* the client ended its side behind bytes that were not read yet */
    bool blocked;      /* the socket took not all of out */
    bool broken;       /* the response cannot be completed: cut at the next flush */
    bool close_after;  /* no further request is read; the connection ends when out is empty */
    bool linger_after; /* ... with a linger: the client may still be sending */
    bool grace;        /* the client ended its side during a request and may have gone */
    size_t discarded;
    slv_tls_server *tls; /* while its handshake has not begun */
    slv_conn_told *told; /* what another process said of its TLS; NULL: nothing */
    uint16_t peer_port, local_port, redirect_port;
    char peer[46], local[46];
};

/* Whether it goes to another process instead of being closed when it has nothing to do. */
bool slv_conn_has_heir(const slv_conn *c);
/* To the heir, or closed. Idle, and all that was answered is written. A TLS handshake that is under
 * way ends first: it is not handed over yet. */
void slv_conn_hand_over(slv_conn *c);
/* "TLSv1.3" and the cipher, whoever speaks it; empty: nobody. */
slv_str slv_conn_tls_version(const slv_wire *wire, const slv_conn_told *told);
slv_str slv_conn_tls_cipher(const slv_wire *wire, const slv_conn_told *told);

enum slv_conn_framing { OUT_NONE, OUT_LENGTH, OUT_CHUNKED, OUT_TO_CLOSE };

struct slv_conn_exchange {
    slv_exchange base;
    slv_conn *conn;
    slv_conn_exchange *next_free;
    slv_arena arena;
    /* request */
    uint64_t body_left; /* SLV_HTTP1_LENGTH */
    size_t credit;
    bool body_done, head_given, expects, keep_alive, is_head;
    /* response */
    uint8_t framing;
    bool responded, ended, blocked;
    uint64_t out_left; /* OUT_LENGTH */
    slv_str ahead;     /* inside `request`: bytes that came after the head */
    slv_str taken;     /* of them, what take_body gave away */
    slv_http1_chunks chunks;
    slv_http1_head parse;
    slv_http1_field fields[SLV_HTTP1_HEADERS_MAX];
};

typedef struct slv_listener {
    slv_poll poll;
    slv_list node;
    slv_http_server *server;
    slv_listener_traits traits;
    int fd;
    uint16_t port;
    bool paused;
    char *unix_path;
} slv_listener;

struct slv_http_server {
    slv_loop *loop;
    slv_http_options options;
    slv_list listeners, conns, h2s;
    size_t conn_count;
    slv_outpool *pool;
    slv_conn_exchange *free_exchanges;
    size_t free_count;
    bool draining, closing;
    bool heir;   /* draining: another process takes connections (options.hand_over) */
    bool yields; /* another server of this process does (options.pass_on) */
    void (*drain_done)(void *arg);
    void *drain_arg;
    slv_timer drain_timer, accept_timer;
    slv_task drain_task;
    int64_t date_second;
    char date[30];
    char hsts[64]; /* the value; empty: nothing is said */
    char hsts_line[128];
    char read_buf[SLV_CONN_READ_SIZE];
};

/* conn.c */
void slv_conn_open(slv_http_server *server, int fd, const slv_listener_traits *traits);
void slv_conn_open_handed(slv_http_server *server, int fd, const slv_handed *about,
                          slv_tls_server *tls);
/* Closes at once; `gone` is called when a handler holds the exchange. The memory goes later in the
 * turn. */
void slv_conn_close(slv_conn *c, slv_gone_reason reason);
/* The socket has been given away: ends the connection's object. */
void slv_conn_gone(slv_conn *c);
/* Cuts the response, with what the socket takes at once of what waits. Calls nobody. */
void slv_conn_cut(slv_conn *c);
/* After slv_conn_close; not inside a callback of the connection. */
void slv_conn_free(slv_conn *c);
void slv_conn_flush_later(slv_conn *c);
/* The socket takes no more: `writable` comes when it does. */
void slv_conn_full(slv_conn *c);
/* Credit for the body was granted. */
void slv_conn_body_wanted(slv_conn *c);
/* After the response ended, or credit came: goes on with what the state allows. */
void slv_conn_advance(slv_conn *c);
/* What to watch the socket for now. */
void slv_conn_watch(slv_conn *c);
slv_conn_exchange *slv_conn_exchange_new(slv_conn *c); /* from the pool of the server */
void slv_conn_exchange_done(slv_conn *c);              /* gives it back */
void slv_conn_refuse(slv_conn *c, int status, const char *why);
slv_str slv_server_date(slv_http_server *server);
void slv_server_conn_closed(slv_http_server *server);
/* request_head.c: fills ex->base.head from ex->parse. 0, or the status to refuse it with and
 * *ret_why. */
int slv_request_head_make(slv_conn_exchange *ex, const char *data, const char **ret_why);
/* Host or :authority: no user, path or white space in it; may be empty. */
bool slv_http_valid_authority(slv_str s);
/* conn_exchange.c */
extern const slv_exchange_ops slv_conn_exchange_ops;
/* h2.c: the connection speaks HTTP/2; received: what came so far. */
void slv_h2_start(slv_conn *c, slv_str received);
void slv_h2_drain(slv_list *node);     /* of server->h2s */
bool slv_h2_may_begin(slv_list *node); /* a stream that the client begins is taken */
void slv_h2_close(slv_list *node, bool free_now);
/* conn_upgrade.c */
slv_code slv_conn_upgrade(slv_exchange *base, slv_str headers, const slv_ws_options *options,
                          const slv_ws_handlers *handlers, void *user, slv_ws **ret_ws,
                          slv_err *err);

#endif
