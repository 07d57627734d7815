#include "support/net_proxy.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/socket.h"

#define WINDOW ((size_t)256 << 10)

static slv_client *client;

/* An exchange and what it is joined to: a fetch, or a socket. */
typedef struct joint {
    slv_exchange *ex; /* NULL once answered */
    slv_fetch *fetch;
    slv_socket *socket;
    size_t owed_up, owed_down; /* credit that waits for the other side to drain */
    bool responded, up_done;
    char tls_at[64];
} joint;

typedef struct ws_joint {
    slv_ws *ws[2];
    size_t owed[2];
    unsigned closed; /* bits: that side's close was passed on */
} ws_joint;

static bool loopback_denied(void *ctx, const struct sockaddr *address)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

    (void)ctx;
    return address->sa_family != AF_INET || ntohl(in->sin_addr.s_addr) >> 24 != 127;
}

bool proxy_start(slv_loop *loop, const char *ca_file, bool private_too)
{
    slv_client_options options = {.allow_address = private_too ? NULL : loopback_denied,
                                  .ca_file = ca_file,
                                  .connect_timeout_ms = 3000};
    slv_err err;

    if (slv_client_new(loop, &options, &client, &err) == SLV_OK)
        return true;
    fprintf(stderr, "client: %s\n", slv_err_text(&err));
    return false;
}

void proxy_stop(void)
{
    client = slv_client_free(client);
}

static slv_str option(slv_exchange *ex, slv_str name)
{
    const slv_http_header *h = slv_exchange_header(ex, name);

    return h ? h->value : SLV_STR_NULL;
}

static void answer(slv_exchange *ex, int status, const char *code, slv_str message)
{
    slv_response_head head = {.status = status, .headers = SLV_STR("content-type:text/plain\n")};
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 16);
    slv_err err;

    if (slv_buf_printf(&text, "%s: %.*s", code, SLV_STR_ARGS(message)) != SLV_OK ||
        slv_exchange_reply(ex, &head, slv_buf_view(&text), &err) != SLV_OK)
        abort();
}

/* Fetch.
 * ------------------------------------------------------------------------------------------------------------
 */

static void fetch_response(slv_fetch *f, const slv_fetch_response *r)
{
    joint *j = slv_fetch_user(f);
    SLV_CLEANUP(slv_buf_done) slv_buf block = SLV_BUF(1 << 20);
    slv_response_head head = {.status = r->status, .reason = r->reason, .length = r->length};
    slv_err err;

    if (slv_buf_append(&block, r->headers) != SLV_OK ||
        slv_buf_printf(&block, "x-final-url:%.*s\nx-redirected:%d\nx-length:%lld\n",
                       SLV_STR_ARGS(r->url), (int)r->redirected, (long long)r->length) != SLV_OK)
        abort();
    head.headers = slv_buf_view(&block);
    j->responded = true;
    if (slv_exchange_respond(j->ex, &head, &err) != SLV_OK) {
        fprintf(stderr, "proxy: %s\n", slv_err_text(&err));
        abort();
    }
    slv_fetch_credit(f, WINDOW);
}

static void fetch_data(slv_fetch *f, slv_str bytes)
{
    joint *j = slv_fetch_user(f);

    if (slv_exchange_write(j->ex, bytes))
        slv_fetch_credit(f, bytes.len);
    else
        j->owed_down += bytes.len;
}

static void fetch_end(slv_fetch *f)
{
    joint *j = slv_fetch_user(f);

    slv_exchange_end(j->ex);
    free(j);
}

static void fetch_fail(slv_fetch *f, slv_code code, slv_str message)
{
    joint *j = slv_fetch_user(f);

    if (j->responded)
        slv_exchange_abort(j->ex);
    else
        answer(j->ex, 502, slv_code_name(code), message);
    free(j);
}

static void fetch_writable(slv_fetch *f)
{
    joint *j = slv_fetch_user(f);

    slv_exchange_credit(j->ex, j->owed_up);
    j->owed_up = 0;
}

static void fetch_upgraded(slv_fetch *f, const slv_fetch_response *r, slv_ws *ws);

static const slv_fetch_handlers fetch_handlers = {fetch_response, fetch_data,     fetch_end,
                                                  fetch_fail,     fetch_writable, fetch_upgraded};

/* The request's fields but those that steer us. */
static void pass_headers(slv_exchange *ex, slv_buf *block)
{
    for (size_t i = 0; i < ex->head.header_count; i++) {
        const slv_http_header *h = &ex->head.headers[i];

        if (slv_str_is(h->name, "host") || slv_str_is(h->name, "upgrade") ||
            slv_str_starts(h->name, SLV_STR("x-fetch-")) ||
            slv_str_starts(h->name, SLV_STR("sec-websocket-")))
            continue;
        if (slv_buf_printf(block, "%.*s:%.*s\n", SLV_STR_ARGS(h->name), SLV_STR_ARGS(h->value)) !=
            SLV_OK)
            abort();
    }
}

static void start_fetch(slv_exchange *ex, bool websocket)
{
    SLV_CLEANUP(slv_buf_done) slv_buf block = SLV_BUF(1 << 20);
    slv_str mode = option(ex, SLV_STR("x-fetch-redirect"));
    slv_fetch_request r = {
        .method = ex->head.method,
        .url = option(ex, SLV_STR("x-fetch-url")),
        .redirect = slv_str_is(mode, "manual")  ? SLV_REDIRECT_MANUAL
                    : slv_str_is(mode, "error") ? SLV_REDIRECT_ERROR
                                                : SLV_REDIRECT_FOLLOW,
        .raw_body = option(ex, SLV_STR("x-fetch-raw")).len > 0,
        .drop_authorization = option(ex, SLV_STR("x-fetch-drop")).len > 0,
        .websocket = websocket,
        .ws.protocol = option(ex, SLV_STR("sec-websocket-protocol")),
        .ws.compress = option(ex, SLV_STR("x-fetch-compress")).len > 0,
        .length = ex->head.content_length,
    };
    joint *j = slv_new0(joint);
    slv_err err;

    pass_headers(ex, &block);
    r.headers = slv_buf_view(&block);
    r.empty_body = option(ex, SLV_STR("x-fetch-empty")).len > 0;
    if (ex->head.has_body && !slv_exchange_take_body(ex, &r.body))
        r.stream_body = true;
    if (option(ex, SLV_STR("x-fetch-stream")).len > 0 && ex->head.has_body && !r.stream_body) {
        answer(ex, 500, "TEST", SLV_STR("send a longer body"));
        free(j);
        return;
    }
    j->ex = ex;
    ex->user = j;
    if (slv_fetch_start(client, &r, &fetch_handlers, j, &j->fetch, &err) != SLV_OK) {
        ex->user = NULL;
        answer(ex, 400, slv_code_name(err.code), slv_str_from(slv_err_text(&err)));
        free(j);
        return;
    }
    if (r.stream_body)
        slv_exchange_credit(ex, WINDOW);
}

void proxy_fetch(slv_exchange *ex)
{
    start_fetch(ex, false);
}

/* Exchange side, for both kinds.
 * ------------------------------------------------------------------------------------- */

void proxy_body(slv_exchange *ex, slv_str bytes, bool last)
{
    joint *j = ex->user;
    bool more = j->fetch ? slv_fetch_write(j->fetch, bytes) : slv_socket_write(j->socket, bytes);

    if (last) {
        j->up_done = true;
        if (j->fetch)
            slv_fetch_write_end(j->fetch, true);
        else
            slv_socket_shutdown(j->socket);
    } else if (more) {
        slv_exchange_credit(ex, bytes.len);
    } else {
        j->owed_up += bytes.len;
    }
}

void proxy_writable(slv_exchange *ex)
{
    joint *j = ex->user;

    if (j->fetch)
        slv_fetch_credit(j->fetch, j->owed_down);
    else
        slv_socket_credit(j->socket, j->owed_down);
    j->owed_down = 0;
}

void proxy_gone(slv_exchange *ex)
{
    joint *j = ex->user;

    if (!j)
        return;
    if (j->fetch)
        slv_fetch_abort(j->fetch);
    else
        slv_socket_abort(j->socket);
    j->ex = NULL;
    free(j);
}

/* connect(): the request's body goes to the socket, what it sends is the response.
 * ---------------------------------------- */

static void socket_open(slv_socket *s, slv_str remote, slv_str local)
{
    joint *j = slv_socket_user(s);
    SLV_CLEANUP(slv_buf_done) slv_buf block = SLV_BUF(4096);
    slv_response_head head = {.status = 200, .length = -1};
    slv_err err;

    if (j->responded)
        return; /* STARTTLS done */
    if (slv_buf_printf(&block, "x-remote:%.*s\nx-local:%.*s\n", SLV_STR_ARGS(remote),
                       SLV_STR_ARGS(local)) != SLV_OK)
        abort();
    head.headers = slv_buf_view(&block);
    j->responded = true;
    if (slv_exchange_respond(j->ex, &head, &err) != SLV_OK)
        abort();
    slv_socket_credit(s, WINDOW);
    if (j->ex->head.has_body)
        slv_exchange_credit(j->ex, WINDOW);
}

static void socket_data(slv_socket *s, slv_str bytes)
{
    joint *j = slv_socket_user(s);
    slv_err err;

    if (j->tls_at[0] && slv_str_find(bytes, slv_str_from(j->tls_at), 0) != SIZE_MAX) {
        j->tls_at[0] = 0;
        if (slv_socket_start_tls(s, SLV_STR_NULL, &err) != SLV_OK)
            abort();
    }
    if (slv_exchange_write(j->ex, bytes))
        slv_socket_credit(s, bytes.len);
    else
        j->owed_down += bytes.len;
}

static void socket_end(slv_socket *s)
{
    joint *j = slv_socket_user(s);

    slv_exchange_end(j->ex);
    slv_socket_abort(s);
    free(j);
}

static void socket_writable(slv_socket *s)
{
    joint *j = slv_socket_user(s);

    slv_exchange_credit(j->ex, j->owed_up);
    j->owed_up = 0;
}

static void socket_closed(slv_socket *s, slv_code code, slv_str message)
{
    joint *j = slv_socket_user(s);

    if (j->responded)
        slv_exchange_abort(j->ex);
    else
        answer(j->ex, 502, slv_code_name(code), message);
    free(j);
}

void proxy_connect(slv_exchange *ex)
{
    static const slv_socket_handlers handlers = {socket_open, socket_data, socket_end,
                                                 socket_writable, socket_closed};
    slv_str port = option(ex, SLV_STR("x-fetch-port"));
    slv_socket_options options = {.host = option(ex, SLV_STR("x-fetch-host")),
                                  .tls = option(ex, SLV_STR("x-fetch-tls")).len > 0};
    joint *j = slv_new0(joint);
    uint64_t number = 0;
    slv_err err;

    if (slv_parse_u64(port, &number) != SLV_OK || number > UINT16_MAX) {
        answer(ex, 400, "TEST", SLV_STR("x-fetch-port is no port"));
        free(j);
        return;
    }
    options.port = (uint16_t)number;
    snprintf(j->tls_at, sizeof j->tls_at, "%.*s",
             SLV_STR_ARGS(option(ex, SLV_STR("x-fetch-starttls-at"))));
    j->ex = ex;
    ex->user = j;
    if (slv_socket_open(client, &options, &handlers, j, &j->socket, &err) != SLV_OK) {
        ex->user = NULL;
        answer(ex, 400, slv_code_name(err.code), slv_str_from(slv_err_text(&err)));
        free(j);
    }
}

/* WebSocket to WebSocket.
 * --------------------------------------------------------------------------------------------------
 */

static int side_of(const ws_joint *w, const slv_ws *ws)
{
    return w->ws[1] == ws;
}

static void ws_message(slv_ws *ws, slv_str piece, bool text, bool fin)
{
    ws_joint *w = slv_ws_user(ws);
    int side = side_of(w, ws);

    if (w->closed & 1u << side)
        return;
    if (slv_ws_send(w->ws[!side], piece, text, fin))
        slv_ws_credit(ws, piece.len);
    else
        w->owed[side] += piece.len;
}

static void ws_writable(slv_ws *ws)
{
    ws_joint *w = slv_ws_user(ws);
    int other = !side_of(w, ws);

    slv_ws_credit(w->ws[other], w->owed[other]);
    w->owed[other] = 0;
}

static void ws_closed(slv_ws *ws, uint16_t code, slv_str reason)
{
    ws_joint *w = slv_ws_user(ws);
    int side = side_of(w, ws);
    slv_err err;

    w->closed |= 1u << side;
    if (slv_ws_close(w->ws[!side], code, reason, &err) != SLV_OK)
        abort();
    if (w->closed == 3)
        free(w);
}

static void ws_failed(slv_ws *ws, slv_str message)
{
    ws_joint *w = slv_ws_user(ws);

    fprintf(stderr, "ws: %.*s\n", SLV_STR_ARGS(message));
    slv_ws_abort(w->ws[!side_of(w, ws)]);
    free(w);
}

static void fetch_upgraded(slv_fetch *f, const slv_fetch_response *r, slv_ws *upstream)
{
    static const slv_ws_handlers handlers = {ws_message, ws_writable, ws_closed, ws_failed};
    joint *j = slv_fetch_user(f);
    ws_joint *w = slv_new0(ws_joint);
    slv_str block = r->headers, line;
    slv_ws_options options = {0};
    slv_err err;

    while (slv_str_split(&block, '\n', &line))
        if (slv_str_starts(line, SLV_STR("sec-websocket-protocol:")))
            options.protocol = slv_str_skip(line, 23);
    if (slv_exchange_upgrade(j->ex, SLV_STR_NULL, &options, &handlers, w, &w->ws[0], &err) !=
        SLV_OK) {
        fprintf(stderr, "upgrade: %s\n", slv_err_text(&err));
        abort();
    }
    w->ws[1] = upstream;
    slv_ws_set_user(upstream, w);
    slv_ws_set_handlers(upstream, &handlers);
    slv_ws_credit(w->ws[0], WINDOW);
    slv_ws_credit(w->ws[1], WINDOW);
    free(j);
}

void proxy_socket(slv_exchange *ex)
{
    start_fetch(ex, true);
}
