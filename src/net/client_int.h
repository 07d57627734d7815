/*
 * client_int.h - layout of the outgoing client.
 *
 * curl calls us back from inside its functions, where it must not be called for other transfers'
 * ends. So its callbacks only gather (bytes, head lines, results), and each fetch delivers from a
 * task of its own, outside of curl.
 *
 * A fetch is a series of hops, one for each redirect. A hop is a curl transfer, or, for a
 * WebSocket, a connection of our own (fetch_ws.c) that gathers into the same buffers. Raw TCP
 * connections come from curl, too (dial.c): it resolves, races addresses, and speaks to proxies.
 */
#ifndef SLV_NET_CLIENT_INT_H
#define SLV_NET_CLIENT_INT_H

#include <curl/curl.h>

#include "aio/poll.h"
#include "aio/timer.h"
#include "base/buf.h"
#include "fmt/url.h"
#include "net/client.h"
#include "net/decode.h"
#include "net/outq.h"
#include "net/tls.h"

/* One easy handle under way. */
typedef struct slv_transfer {
    CURL *easy;
    slv_client *client;
    /* Outside of curl's functions. slv_transfer_end is up to it, now or later. */
    void (*done)(struct slv_transfer *t, CURLcode result);
    bool denied, proxied;
    char denied_address[64];
    char error[CURL_ERROR_SIZE];
} slv_transfer;

struct slv_client {
    slv_loop *loop;
    CURLM *multi;
    slv_timer timer;
    slv_client_options options;
    slv_outpool *pool;
    slv_tls_client *tls; /* for what does not go through curl; made when first needed */
    slv_list fetches, sockets;
    char *http_proxy, *https_proxy, *no_proxy; /* NULL: none */
    char *ca_file;
    char *unix_path;
};

/* A handle with what all transfers share: addresses, proxy, timeouts, TLS. url: http or https;
   secure: which of the proxies. */
SLV_NODISCARD slv_code slv_transfer_new(slv_transfer *t, slv_client *client, const slv_url *url,
                                        bool secure, slv_err *err);
SLV_NODISCARD slv_code slv_transfer_start(slv_transfer *t, slv_err *err);
/* Stops and frees the handle. Nothing when there is none. */
void slv_transfer_end(slv_transfer *t);
/* Of a failed transfer: code and text for the user. */
slv_code slv_transfer_error(slv_transfer *t, CURLcode result, slv_buf *ret_message);
SLV_NODISCARD slv_code slv_client_tls(slv_client *client, slv_tls_client **ret, slv_err *err);

/* dial.c: a TCP connection to host and port, through a proxy's tunnel where the environment says so
 * for a scheme. */
typedef struct slv_dial {
    slv_transfer t;
    /* fd >= 0 is the caller's; else code and message. Once, from the loop. */
    void (*done)(struct slv_dial *dial, int fd, slv_code code, slv_str message);
} slv_dial;
SLV_NODISCARD slv_code slv_dial_start(slv_dial *dial, slv_client *client, slv_str host,
                                      uint16_t port, bool secure, slv_err *err);
void slv_dial_stop(slv_dial *dial);

typedef struct slv_fetch_ws slv_fetch_ws; /* fetch_ws.c */

struct slv_fetch {
    slv_list node; /* client->fetches */
    slv_client *client;
    const slv_fetch_handlers *handlers;
    void *user;
    slv_task work;
    slv_transfer t;
    slv_fetch_ws *ws;
    struct curl_slist *lines; /* request header lines of the hop */
    /* request */
    slv_url url;
    slv_buf method, headers, body, protocol;
    slv_outq out; /* streamed body that waits to be sent */
    size_t body_sent;
    int64_t length;
    slv_redirect redirect;
    bool has_body, empty_body, stream_body, raw_body, drop_authorization, websocket, compress;
    bool out_end, out_failed, send_paused, want_writable, was_written;
    unsigned redirects;
    /* response of the hop */
    int status;
    slv_buf head, reason, location, encoding;
    int64_t content_length;
    bool head_done, head_too_large, is_redirect;
    size_t discarded;
    slv_buf in; /* body bytes as they came */
    slv_decoder *decoder;
    bool decoder_ended;
    size_t credit;
    bool recv_paused, told;
    /* end */
    bool done;
    unsigned busy;
    bool dead; /* aborted inside a callback */
    slv_code code;
    slv_buf message;
};

/* fetch.c */
void slv_fetch_wake(slv_fetch *f); /* something was gathered */
void slv_fetch_hop_done(slv_fetch *f, slv_code code, slv_str message);
SLV_NODISCARD slv_code slv_fetch_hop(slv_fetch *f, slv_err *err); /* starts one */
/* A line of a response head, with or without its CRLF; "HTTP/1.1 200 OK" begins one, an empty one
 * ends it. */
SLV_NODISCARD slv_code slv_fetch_head_line(slv_fetch *f, slv_str line);
/* Takes body bytes: false when it has enough for now (nothing was taken). */
bool slv_fetch_take(slv_fetch *f, slv_str bytes);
void slv_fetch_response_of(slv_fetch *f, slv_fetch_response *r); /* views into f */
/* fetch_hop.c */
SLV_NODISCARD slv_code slv_fetch_curl_start(slv_fetch *f, slv_err *err);
void slv_fetch_unpause(slv_fetch *f);
/* Fields that describe the message as it will be sent, not as the caller thinks: they are left out.
 */
bool slv_fetch_is_framing(slv_str name);
/* fetch_redirect.c: prepares the next hop. */
bool slv_fetch_is_redirect(int status);
SLV_NODISCARD slv_code slv_fetch_follow(slv_fetch *f, slv_err *err);
/* fetch_ws.c */
SLV_NODISCARD slv_code slv_fetch_ws_start(slv_fetch *f, slv_err *err);
void slv_fetch_ws_resume(slv_fetch *f);
void slv_fetch_ws_end(slv_fetch *f);
/* After a 101: the socket, or NULL and why the handshake is refused. */
slv_ws *slv_fetch_ws_upgrade(slv_fetch *f, slv_err *err);
/* socket.c */
void slv_socket_client_freed(slv_list *node);

#endif
