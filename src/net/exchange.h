/*
 * exchange.h - one HTTP request and its response, whatever HTTP version carries them.
 *
 * A server (net/server.h) calls `request` of its handler table for each request whose head is
 * complete. From then on the handler owns the exchange's progress: it grants credit for the request
 * body, responds, and ends it.
 *
 * Thread: the loop thread of the connection, for every function and every callback.
 *
 * Life. An exchange is valid from `request` until the handler ends it (slv_exchange_end, reply,
 * abort or upgrade) or `gone` has returned (the client went away, a timeout, the server closed).
 * Then it must not be touched, and no callback comes for it. ex->head and everything that it points
 * at, ex->arena and what was allocated from it live as long. A handler that holds the exchange past
 * `request` stores its own pointer in ex->user.
 *
 * Re-entrance. Functions of this header never call back from inside; callbacks come from the loop.
 * All of them may be called inside any callback, the terminal ones included.
 *
 * A client that leaves is noticed while it is read from or written to. When it ends its side behind
 * a complete request (it may still be reading: a half-close) the response has 250 ms to begin, a
 * second after "Connection: close".
 *
 * Request body. Nothing is delivered before slv_exchange_credit granted it, and never more than was
 * granted: at a credit of 0 the connection stops reading, and the client is held back by TCP
 * (HTTP/2: by its window). The first grant sends "100 Continue" to a client that waits for it.
 * `body` is not called for an exchange whose head.has_body is false. A body (or a rest of it) for
 * which no credit was granted when the response ends is discarded up to 64 KiB; beyond that the
 * connection closes after the response, lingering so that the client can read it. Limits on the
 * body's size are the handler's.
 *
 * Response. respond, then write any number of times, then end. Framing is ours: head.length >= 0
 * sends Content-Length (and writing another number of bytes aborts), -1 chunks it (HTTP/1.0: ends
 * it by closing). In answer to HEAD the same is said, unless the headers give a Content-Length or
 * the body is empty, which says nothing of GET's; nothing is said with 204 and 304. Nothing is
 * written to the socket before the end of the loop turn, where all that gathered leaves in one
 * write; a large write may go out at once. Bodies written in answer to HEAD, 1xx, 204 or 304 are
 * discarded.
 *
 * Back-pressure. Bytes given to write are always taken (copied). It returns false once more than
 * SLV_EXCHANGE_HIGH bytes wait; `writable` is then called once, when fewer than SLV_EXCHANGE_LOW
 * do. A handler that goes on writing regardless only costs memory, up to SLV_EXCHANGE_QUEUE_MAX,
 * where the exchange is aborted.
 *
 * Limits: request line 16 KiB (SLV_HTTP1_TARGET_MAX), head 128 KiB, SLV_HTTP1_HEADERS_MAX fields;
 * response head 128 KiB.
 */
#ifndef SLV_NET_EXCHANGE_H
#define SLV_NET_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/str.h"

#define SLV_EXCHANGE_HIGH ((size_t)256 << 10)
#define SLV_EXCHANGE_LOW ((size_t)64 << 10)
#define SLV_EXCHANGE_QUEUE_MAX ((size_t)64 << 20)
#define SLV_EXCHANGE_HEAD_MAX ((size_t)128 << 10)

typedef struct slv_exchange slv_exchange;
typedef struct slv_exchange_ops slv_exchange_ops; /* of the HTTP version; private to net */
typedef struct slv_ws slv_ws;                     /* net/ws.h */
typedef struct slv_ws_handlers slv_ws_handlers;
typedef struct slv_ws_options slv_ws_options;

typedef struct slv_http_header {
    slv_str name;  /* lower case */
    slv_str value; /* without surrounding white space; bytes 0x80 to 0xff as sent; no CR, LF, NUL */
} slv_http_header;

typedef struct slv_request_head {
    slv_str method; /* as sent, e.g. "GET"; a token */
    /* As sent: mostly "/path?query"; a client may also send "http://host/path". Visible ASCII only.
       CONNECT, TRACE, "OPTIONS *" and unknown methods are answered before. */
    slv_str target;
    slv_str path; /* the target without scheme and authority; begins with "/" */
    slv_str
        authority;  /* of an absolute target, else Host (":authority"); may be empty in HTTP/1.0 */
    slv_str scheme; /* "http" or "https", of the connection */
    const slv_http_header
        *headers; /* in the order sent, "host" too; hop-by-hop fields are removed */
    size_t header_count;
    int version;            /* 10, 11, 20 */
    int64_t content_length; /* -1 when the body is chunked (unknown) */
    bool has_body;
    bool expects_continue;
    bool wants_websocket; /* a valid RFC 6455 upgrade request: slv_exchange_upgrade may be used */
    slv_str peer; /* the client's address as text, "127.0.0.1" or "::1"; empty on a Unix socket */
    uint16_t peer_port;
    slv_str local; /* our address on this connection */
    uint16_t local_port;
    uint16_t redirect_port; /* of the listener: not 0 asks to send the client to https, there */
    slv_str tls_version, tls_cipher; /* "TLSv1.3", "TLS_AES_256_GCM_SHA384"; empty without TLS */
    uint32_t rtt_ms;                 /* of the connection when it began; 0: not known, or less */
} slv_request_head;

typedef struct slv_response_head {
    int status;     /* 200 to 599; 101 only through slv_exchange_upgrade */
    slv_str reason; /* empty: the standard phrase of the status */
    /* A run of name ":" value "\n" (the channel's header block). Fields that frame the message
       (connection, keep-alive, transfer-encoding, upgrade, te, trailer, proxy-connection) are left
       out; content-length too, except in answer to HEAD and with 304, where it says what GET would
       have given. Date is added when absent. */
    slv_str headers;
    int64_t length; /* of the body that will be written; -1 when not known */
} slv_response_head;

/* True when nothing is said of the body's length. */
static inline bool slv_response_is_bare(const slv_response_head *head, bool to_head)
{
    return head->status == 204 || head->status == 304 || (to_head && head->length == 0);
}

typedef enum slv_gone_reason {
    SLV_GONE_CLIENT,  /* closed or reset by the client, or it broke the protocol in the body */
    SLV_GONE_TIMEOUT, /* the client did not send its body, or not read the response, in time */
    SLV_GONE_SERVER,  /* the server was closed */
} slv_gone_reason;

typedef struct slv_exchange_handlers {
    /* A head is complete. ctx is the server's. Must arrange for a response, now or later. */
    void (*request)(void *ctx, slv_exchange *ex);
    /* Bytes of the body, borrowed for the call; last says that they end it (bytes may then be
     * empty). */
    void (*body)(slv_exchange *ex, slv_str bytes, bool last);
    void (*writable)(slv_exchange *ex);
    /* The exchange is over before its response was. Last callback. */
    void (*gone)(slv_exchange *ex, slv_gone_reason reason);
} slv_exchange_handlers;

struct slv_exchange {
    const slv_exchange_ops *ops;
    void *user; /* the handler's */
    slv_request_head head;
    slv_arena *arena; /* the request's memory, 1 MiB at most; gone with the exchange */
};

/* First header field of that (lower case) name; NULL when there is none. */
const slv_http_header *slv_exchange_header(const slv_exchange *ex, slv_str name);

/* The whole body, when it arrived together with the head (small POSTs mostly do): true, and
   *ret_body is borrowed until the exchange ends; no `body` call follows. Only inside `request`,
   before any credit was granted. */
bool slv_exchange_take_body(slv_exchange *ex, slv_str *ret_body);
/* The handler takes n more bytes of the body. */
void slv_exchange_credit(slv_exchange *ex, size_t n);

/* Starts the response. SLV_E_INVAL (and nothing was sent, so that another head may follow) when
   status, reason, a name or a value cannot be sent; SLV_E_LIMIT when the head is too large. */
SLV_NODISCARD slv_code slv_exchange_respond(slv_exchange *ex, const slv_response_head *head,
                                            slv_err *err);
/* False: enough for now, wait for `writable`. */
bool slv_exchange_write(slv_exchange *ex, slv_str bytes);
/* Sends bytes of a file that the kernel has in memory straight to the client, as far as the socket
   takes them; nothing is copied. Bytes sent; 0: none now, wait for `writable`; -1: this exchange
   cannot (TLS, HTTP/2, a body without a length), use slv_exchange_write. -2: the
   file has no bytes there. */
ssize_t slv_exchange_send_file(slv_exchange *ex, int fd, uint64_t offset, size_t n);
size_t slv_exchange_queued(
    const slv_exchange *ex); /* bytes of this connection that wait to be sent */
/* The body is complete. Terminal. */
void slv_exchange_end(slv_exchange *ex);
/* respond with head->length = body.len, write, end. Terminal when it returns SLV_OK. */
SLV_NODISCARD slv_code slv_exchange_reply(slv_exchange *ex, const slv_response_head *head,
                                          slv_str body, slv_err *err);
/* Cuts the response so that the client sees it: HTTP/1 closes with a reset (what was queued is
   dropped), HTTP/2 resets the stream. Terminal, in any state. */
void slv_exchange_abort(slv_exchange *ex);
/* Answers 101 and turns the connection into a WebSocket (net/ws.h). Needs head.wants_websocket and
   no response yet. Further response headers may be given as a block. Terminal when it returns
   SLV_OK; the socket is then the caller's. */
SLV_NODISCARD slv_code slv_exchange_upgrade(slv_exchange *ex, slv_str headers,
                                            const slv_ws_options *options,
                                            const slv_ws_handlers *handlers, void *user,
                                            slv_ws **ret_ws, slv_err *err);

#endif
