/*
 * client.h - the outgoing HTTP client: requests of workers to origins, over libcurl, with streaming
 * bodies both ways.
 *
 * Threading: a client belongs to a loop; every call and callback happens on its thread. A client
 * keeps idle connections and finished TLS sessions for reuse; give each tenant (whatever must not
 * share them) its own.
 *
 * Life of a slv_fetch: from slv_fetch_start, which never calls back from inside, until one of
 * these: `end` or `fail` returned, `upgraded` returned, or slv_fetch_abort was called. Then it must
 * not be touched. Handlers may call any function of this header, slv_fetch_abort included.
 *
 * Response body: nothing before slv_fetch_credit granted it; without credit the transfer pauses
 * (HTTP/1: the socket is not read; HTTP/2: the stream's window closes). Request body
 * (options.stream_body): slv_fetch_write always takes (copies), returns false above SLV_FETCH_HIGH,
 * `writable` follows below SLV_FETCH_LOW.
 *
 * Redirects as the fetch standard has them: followed up to 20 times by a GET where the method
 * changes (301 and 302 of POST, 303 of all but GET and HEAD), without the body and its fields then;
 * a URL without fragment inherits it; a streamed body that would have to be sent again is an error;
 * other schemes than http and https are an error; with drop_authorization the field is dropped when
 * the origin changes.
 *
 * Decoding: unless raw_body, gzip, deflate and br bodies are decoded (several codings, too),
 * Accept-Encoding "gzip, br" is sent when the request has none, and the head keeps Content-Encoding
 * and Content-Length as they came.
 *
 * Protocols: HTTP/2 by ALPN on https, HTTP/1.1 else. Proxies: http_proxy, HTTPS_PROXY, NO_PROXY ...
 * of the environment, as curl reads them. TLS: verified with the system's store (SSL_CERT_FILE and
 * SSL_CERT_DIR are honoured).
 *
 * Addresses: options.allow_address decides on each address that a connection is about to use, also
 * after redirects, whatever DNS said. A connection that is kept has passed it.
 */
#ifndef SLV_NET_CLIENT_H
#define SLV_NET_CLIENT_H

#include <sys/socket.h>

#include "aio/loop.h"
#include "base/str.h"
#include "net/ws.h"

#define SLV_FETCH_HIGH ((size_t)256 << 10)
#define SLV_FETCH_LOW ((size_t)64 << 10)
#define SLV_FETCH_REDIRECTS_MAX 20
#define SLV_FETCH_HEAD_MAX ((size_t)128 << 10) /* of a response */

typedef struct slv_client slv_client;
typedef struct slv_fetch slv_fetch;

typedef enum slv_redirect {
    SLV_REDIRECT_FOLLOW,
    SLV_REDIRECT_MANUAL, /* a redirect is a response like any other */
    SLV_REDIRECT_ERROR,
} slv_redirect;

/* Zero means the default given. */
typedef struct slv_client_options {
    /* False refuses the address ("private address"). NULL: every address is allowed. */
    bool (*allow_address)(void *ctx, const struct sockaddr *address);
    void *ctx;
    uint32_t connect_timeout_ms; /* 30 s: name, TCP and TLS together */
    uint32_t idle_connections;   /* 64 kept for reuse */
    const char *ca_file;         /* NULL: the system's store */
    const char *unix_path;       /* every connection goes to this socket; NULL: to the URL's host */
} slv_client_options;

typedef struct slv_fetch_request {
    slv_str method;  /* as to be sent; TRACE, CONNECT and TRACK are refused */
    slv_str url;     /* serialised by the URL standard, http or https; user info is not sent */
    slv_str headers; /* a run of name ":" value "\n"; framing fields are left out */
    slv_str body;    /* with stream_body false; copied */
    bool stream_body;
    bool empty_body; /* without body and stream_body: "Content-Length: 0" is sent, as POST and PUT
                        always do */
    int64_t length;  /* with stream_body: -1 unknown (chunked) */
    slv_redirect redirect;
    bool raw_body;           /* no decoding, no Accept-Encoding of ours */
    bool drop_authorization; /* on a redirect to another origin */
    /* Upgrade to a WebSocket: the fields of the handshake are ours; a 101 calls `upgraded`, any
     * other status `response`. */
    bool websocket;
    slv_ws_options ws;
} slv_fetch_request;

typedef struct slv_fetch_response {
    int status;
    slv_str reason; /* may be empty (HTTP/2) */
    slv_str
        headers; /* a run of name ":" value "\n", names in lower case, hop-by-hop fields removed */
    slv_str url; /* the final one */
    bool redirected;
    int64_t length; /* of the body as it will be delivered; -1 unknown; 0 when there is none */
} slv_fetch_response;

typedef struct slv_fetch_handlers {
    void (*response)(slv_fetch *fetch,
                     const slv_fetch_response *response); /* borrowed for the call; once */
    void (*data)(slv_fetch *fetch, slv_str bytes);
    void (*end)(slv_fetch *fetch);
    /* Before or after `response`. code: E_IO no connection or a broken one, E_TIMEOUT, E_DENIED
       address or port refused, E_PROTOCOL not HTTP, TLS or encoding trouble, E_LIMIT, E_INVAL.
       message tells the user. */
    void (*fail)(slv_fetch *fetch, slv_code code, slv_str message);
    void (*writable)(slv_fetch *fetch);
    /* The socket is the caller's (slv_ws_set_user, slv_ws_set_handlers inside the call);
     * response->status is 101. */
    void (*upgraded)(slv_fetch *fetch, const slv_fetch_response *response, slv_ws *ws);
} slv_fetch_handlers;

SLV_NODISCARD slv_code slv_client_new(slv_loop *loop, const slv_client_options *options,
                                      slv_client **ret_client, slv_err *err);
/* Aborts what is open without calling back. Accepts NULL, returns NULL. */
slv_client *slv_client_free(slv_client *client);
SLV_DEFINE_CLEANUP(slv_client *, slv_client_free);

/* SLV_E_INVAL for a request that cannot be sent. user: see slv_fetch_user. */
SLV_NODISCARD slv_code slv_fetch_start(slv_client *client, const slv_fetch_request *request,
                                       const slv_fetch_handlers *handlers, void *user,
                                       slv_fetch **ret_fetch, slv_err *err);
void *slv_fetch_user(const slv_fetch *fetch);
void slv_fetch_set_user(slv_fetch *fetch, void *user);
void slv_fetch_set_handlers(slv_fetch *fetch, const slv_fetch_handlers *handlers);

void slv_fetch_credit(slv_fetch *fetch, size_t n);
/* Only with stream_body, before slv_fetch_write_end. */
bool slv_fetch_write(slv_fetch *fetch, slv_str bytes);
/* ok false: the body cannot be completed; the request is cut and `fail` called. */
void slv_fetch_write_end(slv_fetch *fetch, bool ok);
void slv_fetch_abort(slv_fetch *fetch);

#endif
