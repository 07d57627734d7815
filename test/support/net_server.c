/*
 * net_server.c - the HTTP server and client layers as a program of their own, for integration
 * tests.
 *
 * net_server [--tls] [--sni PATTERN CERT KEY] [--unix PATH] [--short-timeouts] [--ca FILE]
 * [--public-only] prints "port N" (and with --tls its certificate as PEM) on stdout. SIGTERM ends
 * it at once, SIGINT after a drain.
 *
 * - /hello: "hello\n"; /head: the request head as text; /stat: counters as JSON
 * - /echo: the body streamed back (?pause=MS grants credit only after that time)
 * - /taken: "taken" when the body came with the head, else "streamed"; /ignore: reads no body
 * - /big?bytes=N: N bytes, chunked (&length=1: with Content-Length), written as the client reads
 * - /slow?ms=N: answers after that time; /cut?bytes=N: aborts after N bytes; /short: promises 10
 *   bytes and sends 5; /badhead: a header that cannot be sent, then 500
 * - /ws: echoes messages (?compress=1; ?push=N: sends N bytes in messages of 64 KiB first)
 * - /fetch: passes the request on to the URL in x-fetch-url (x-fetch-redirect: manual or error;
 *   x-fetch-raw, x-fetch-drop: 1) and the response back; 502 "CODE: message" when that fails
 * - /fetchws: the same for a WebSocket; messages are passed both ways (x-fetch-compress: 1)
 * - /connect: the request's body to x-fetch-host, x-fetch-port (x-fetch-tls: 1; TLS begins after
 *   the text in x-fetch-starttls-at); what comes back is the response
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aio/signal.h"
#include "aio/timer.h"
#include "base/mem.h"
#include "net/server.h"
#include "net/tls.h"
#include "net/ws.h"
#include "support/net_proxy.h"

static slv_loop *loop;
static slv_http_server *server;
static struct {
    unsigned requests, gone_client, gone_timeout, gone_server, writable, ws_code;
    char ws_failed[200];
} stat;

typedef struct request {
    slv_exchange *ex;
    slv_timer timer;
    enum { ECHO, BIG, SLOW, CUT } kind;
    uint64_t left;
    bool slow_credit;
} request;

static uint64_t number(slv_str path, const char *name, uint64_t otherwise)
{
    size_t at = slv_str_find(path, slv_str_from(name), 0), end;
    uint64_t v;

    if (at == SIZE_MAX)
        return otherwise;
    at += strlen(name);
    for (end = at; end < path.len && slv_is_digit(path.ptr[end]); end++)
        ;
    return slv_parse_u64(slv_str_sub(path, at, end), &v) == SLV_OK ? v : otherwise;
}

static void reply(slv_exchange *ex, int status, slv_str body)
{
    slv_response_head head = {.status = status,
                              .headers = SLV_STR("content-type:text/plain\nx-test:yes\n")};
    slv_err err;

    if (slv_exchange_reply(ex, &head, body, &err) != SLV_OK) {
        fprintf(stderr, "reply: %s\n", slv_err_text(&err));
        slv_exchange_abort(ex);
    }
}

static void respond(slv_exchange *ex, int64_t length)
{
    slv_response_head head = {
        .status = 200, .headers = SLV_STR("content-type:text/plain\n"), .length = length};
    slv_err err;

    if (slv_exchange_respond(ex, &head, &err) != SLV_OK) {
        fprintf(stderr, "respond: %s\n", slv_err_text(&err));
        abort();
    }
}

static void finish(request *r)
{
    slv_timer_stop(&r->timer);
    free(r);
}

static void push(request *r)
{
    static char block[64 << 10];

    if (!block[0])
        memset(block, 'x', sizeof block);
    while (r->left > 0) {
        size_t n = (size_t)SLV_MIN(r->left, (uint64_t)sizeof block);

        r->left -= n;
        if (!slv_exchange_write(r->ex, slv_str_make(block, n)))
            return;
    }
    if (r->kind == CUT)
        slv_exchange_abort(r->ex);
    else
        slv_exchange_end(r->ex);
    finish(r);
}

static void on_timer(slv_timer *timer)
{
    request *r = slv_container_of(timer, request, timer);

    if (r->kind == SLOW) {
        reply(r->ex, 200, SLV_STR("slow\n"));
        finish(r);
    } else {
        slv_exchange_credit(r->ex, (size_t)1 << 20);
    }
}

static void show_head(slv_exchange *ex)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(1 << 20);
    const slv_request_head *h = &ex->head;
    slv_code code =
        slv_buf_printf(&b,
                       "%.*s %.*s %d\nscheme=%.*s authority=%.*s path=%.*s length=%" PRId64
                       " peer=%.*s tls=%.*s\n",
                       SLV_STR_ARGS(h->method), SLV_STR_ARGS(h->target), h->version,
                       SLV_STR_ARGS(h->scheme), SLV_STR_ARGS(h->authority), SLV_STR_ARGS(h->path),
                       h->content_length, SLV_STR_ARGS(h->peer), SLV_STR_ARGS(h->tls_version));

    for (size_t i = 0; i < h->header_count && code == SLV_OK; i++)
        code = slv_buf_printf(&b, "%.*s: %.*s\n", SLV_STR_ARGS(h->headers[i].name),
                              SLV_STR_ARGS(h->headers[i].value));
    reply(ex, code == SLV_OK ? 200 : 500, slv_buf_view(&b));
}

static void show_stat(slv_exchange *ex)
{
    char text[600];

    snprintf(text, sizeof text,
             "{\"requests\":%u,\"goneClient\":%u,\"goneTimeout\":%u,\"goneServer\":%u,\"writable\":"
             "%u,\"connections\":%zu,\"wsCode\":%u,\"wsFailed\":\"%s\"}\n",
             stat.requests, stat.gone_client, stat.gone_timeout, stat.gone_server, stat.writable,
             slv_http_server_connections(server), stat.ws_code, stat.ws_failed);
    reply(ex, 200, slv_str_from(text));
}

static void bad_head(slv_exchange *ex)
{
    slv_response_head head = {.status = 200, .headers = SLV_STR("good:1\nbad name:x\n")};
    slv_err err;
    slv_code code = slv_exchange_respond(ex, &head, &err);

    reply(ex, code == SLV_E_INVAL ? 500 : 200, slv_str_from(err.message));
}

static void start_echo(slv_exchange *ex, slv_str path)
{
    request *r = slv_new0(request);
    uint64_t pause = number(path, "pause=", 0);

    r->ex = ex;
    r->kind = ECHO;
    r->timer.fn = on_timer;
    ex->user = r;
    respond(ex, ex->head.content_length);
    if (!ex->head.has_body) {
        slv_exchange_end(ex);
        finish(r);
    } else if (pause) {
        slv_timer_start(&r->timer, loop, pause);
    } else {
        slv_exchange_credit(ex, (size_t)256 << 10);
    }
}

static void start(slv_exchange *ex, slv_str path, int kind)
{
    request *r = slv_new0(request);

    r->ex = ex;
    r->kind = kind;
    r->timer.fn = on_timer;
    ex->user = r;
    r->left = number(path, "bytes=", 0);
    if (kind == SLOW) {
        slv_timer_start(&r->timer, loop, number(path, "ms=", 100));
        return;
    }
    respond(ex, slv_str_find(path, SLV_STR("length=1"), 0) != SIZE_MAX ? (int64_t)r->left : -1);
    push(r);
}

/* WebSocket echo, piece by piece. */
typedef struct socket {
    slv_ws *ws;
    uint64_t owed, push;
    bool closed;
} socket_;

static void ws_push(socket_ *s)
{
    static char block[64 << 10];

    while (s->push > 0) {
        size_t n = (size_t)SLV_MIN(s->push, (uint64_t)sizeof block);

        s->push -= n;
        if (!slv_ws_send(s->ws, slv_str_make(block, n), false, true))
            return;
    }
}

static void ws_message(slv_ws *ws, slv_str piece, bool text, bool fin)
{
    socket_ *s = slv_ws_user(ws);

    if (slv_ws_send(ws, piece, text, fin)) {
        slv_ws_credit(ws, piece.len);
    } else {
        s->owed += piece.len;
    }
}

static void ws_writable(slv_ws *ws)
{
    socket_ *s = slv_ws_user(ws);

    stat.writable++;
    slv_ws_credit(ws, (size_t)s->owed);
    s->owed = 0;
    ws_push(s);
}

static void ws_closed(slv_ws *ws, uint16_t code, slv_str reason)
{
    slv_err err;

    stat.ws_code = code;
    if (slv_ws_close(ws, code, reason, &err) != SLV_OK)
        abort();
    free(slv_ws_user(ws));
}

static void ws_failed(slv_ws *ws, slv_str message)
{
    snprintf(stat.ws_failed, sizeof stat.ws_failed, "%.*s", SLV_STR_ARGS(message));
    free(slv_ws_user(ws));
}

static void start_ws(slv_exchange *ex, slv_str path)
{
    static const slv_ws_handlers handlers = {ws_message, ws_writable, ws_closed, ws_failed};
    const slv_http_header *protocol = slv_exchange_header(ex, SLV_STR("sec-websocket-protocol"));
    slv_ws_options options = {.compress = slv_str_find(path, SLV_STR("compress=1"), 0) != SIZE_MAX};
    slv_str first = protocol ? protocol->value : SLV_STR_NULL;
    socket_ *s;
    slv_ws *ws;
    slv_err err;
    uint64_t push_bytes = number(path, "push=", 0);

    if (protocol)
        (void)slv_str_split(&first, ',', &options.protocol);
    s = slv_new0(socket_);
    if (slv_exchange_upgrade(ex, SLV_STR("x-upgraded:yes\n"), &options, &handlers, s, &ws, &err) !=
        SLV_OK) {
        free(s);
        reply(ex, 400, slv_str_from(slv_err_text(&err)));
        return;
    }
    s->ws = ws;
    s->push = push_bytes;
    slv_ws_credit(ws, (size_t)256 << 10);
    ws_push(s);
}

static void on_request(void *ctx, slv_exchange *ex)
{
    slv_str path = ex->head.path, body;

    (void)ctx;
    stat.requests++;
    if (slv_str_is(path, "/fetch"))
        proxy_fetch(ex);
    else if (slv_str_is(path, "/fetchws"))
        proxy_socket(ex);
    else if (slv_str_is(path, "/connect"))
        proxy_connect(ex);
    else if (slv_str_is(path, "/hello"))
        reply(ex, 200, SLV_STR("hello\n"));
    else if (slv_str_starts(path, SLV_STR("/head")))
        show_head(ex);
    else if (slv_str_starts(path, SLV_STR("/taken")) && slv_exchange_take_body(ex, &body))
        reply(ex, 200, SLV_STR("taken\n"));
    else if (slv_str_starts(path, SLV_STR("/taken")))
        reply(ex, 200, SLV_STR("streamed\n"));
    else if (slv_str_starts(path, SLV_STR("/echo")))
        start_echo(ex, path);
    else if (slv_str_is(path, "/ignore"))
        reply(ex, 200, SLV_STR("ignored\n"));
    else if (slv_str_starts(path, SLV_STR("/big")))
        start(ex, path, BIG);
    else if (slv_str_starts(path, SLV_STR("/slow")))
        start(ex, path, SLOW);
    else if (slv_str_starts(path, SLV_STR("/cut")))
        start(ex, path, CUT);
    else if (slv_str_is(path, "/short")) {
        respond(ex, 10);
        slv_exchange_write(ex, SLV_STR("12345"));
        slv_exchange_end(ex);
    } else if (slv_str_is(path, "/badhead"))
        bad_head(ex);
    else if (slv_str_starts(path, SLV_STR("/ws")))
        start_ws(ex, path);
    else if (slv_str_is(path, "/stat"))
        show_stat(ex);
    else
        reply(ex, 404, SLV_STR("not found\n"));
}

static bool proxied(const slv_exchange *ex)
{
    return slv_str_is(ex->head.path, "/fetch") || slv_str_is(ex->head.path, "/connect") ||
           slv_str_is(ex->head.path, "/fetchws");
}

static void on_body(slv_exchange *ex, slv_str bytes, bool last)
{
    request *r = ex->user;
    bool more;

    if (proxied(ex)) {
        proxy_body(ex, bytes, last);
        return;
    }
    more = slv_exchange_write(ex, bytes);

    r->left += bytes.len;
    if (last) {
        slv_exchange_end(ex);
        finish(r);
    } else if (more) {
        slv_exchange_credit(ex, (size_t)r->left);
        r->left = 0;
    }
}

static void on_writable(slv_exchange *ex)
{
    request *r = ex->user;

    if (proxied(ex)) {
        proxy_writable(ex);
        return;
    }
    stat.writable++;
    if (r->kind == ECHO) {
        slv_exchange_credit(ex, (size_t)r->left);
        r->left = 0;
    } else {
        push(r);
    }
}

static void on_gone(slv_exchange *ex, slv_gone_reason reason)
{
    if (reason == SLV_GONE_CLIENT)
        stat.gone_client++;
    else if (reason == SLV_GONE_TIMEOUT)
        stat.gone_timeout++;
    else
        stat.gone_server++;
    if (proxied(ex))
        proxy_gone(ex);
    else
        finish(ex->user);
}

static void drained(void *arg)
{
    (void)arg;
    slv_loop_stop(loop);
}

static void on_int(slv_signal *sig, int n)
{
    (void)n;
    slv_signal_stop(sig);
    slv_http_server_drain(server, 3000, drained, NULL);
}

static void on_term(slv_signal *sig, int n)
{
    (void)sig;
    (void)n;
    slv_loop_stop(loop);
}

static bool read_file(const char *path, slv_buf *out)
{
    FILE *f = fopen(path, "re");
    bool ok = f && slv_buf_reserve(out, 1 << 16) == SLV_OK;

    if (ok)
        out->len = fread(out->ptr, 1, 1 << 16, f);
    if (f)
        fclose(f);
    return ok;
}

/* argv: certificate file, key file. */
static slv_code add_certificate(slv_tls_server *tls, char **argv, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf chain = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(1 << 20);

    if (!read_file(argv[0], &chain) || !read_file(argv[1], &key))
        return slv_fail(err, SLV_E_IO, "cannot read the certificate");
    return slv_tls_server_add(tls, slv_buf_view(&chain), slv_buf_view(&key), err);
}

static slv_code setup(int argc, char **argv, slv_tls_server **ret_tls, slv_err *err)
{
    static const slv_exchange_handlers handlers = {on_request, on_body, on_writable, on_gone};
    slv_http_options options = {.handlers = &handlers};
    slv_listen_options listen = {.host = SLV_STR("127.0.0.1")};
    slv_str names[] = {SLV_STR("localhost"), SLV_STR("127.0.0.1")};
    SLV_CLEANUP(slv_buf_done) slv_buf pem = SLV_BUF(1 << 16);
    const char *ca_file = NULL;
    bool private_too = true;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--tls")) {
            SLV_TRY(slv_tls_server_self_signed(names, 2, ret_tls, err));
            listen.traits.tls = *ret_tls;
        } else if (!strcmp(argv[i], "--unix") && i + 1 < argc) {
            listen.unix_path = slv_str_from(argv[++i]);
        } else if (!strcmp(argv[i], "--short-timeouts")) {
            options.header_timeout_ms = options.body_timeout_ms = options.write_timeout_ms = 300;
            options.idle_timeout_ms = 600;
        } else if (!strcmp(argv[i], "--sni") && i + 2 < argc && *ret_tls) {
            SLV_TRY(add_certificate(*ret_tls, argv + i + 1, err));
            i += 2;
        } else if (!strcmp(argv[i], "--ca") && i + 1 < argc) {
            ca_file = argv[++i];
        } else if (!strcmp(argv[i], "--public-only")) {
            private_too = false;
        } else if (!strcmp(argv[i], "--port") && i + 1 < argc) {
            listen.port = (uint16_t)atoi(argv[++i]);
        }
    }
    SLV_TRY(slv_loop_new(&loop, err));
    if (!proxy_start(loop, ca_file, private_too))
        return slv_fail(err, SLV_E_IO, "no client");
    server = slv_http_server_new(loop, &options);
    SLV_TRY(slv_http_server_listen(server, &listen, err));
    printf("port %u\n", (unsigned)slv_http_server_port(server));
    if (*ret_tls) {
        SLV_TRY(slv_tls_server_certificate(*ret_tls, &pem, err));
        printf("%.*s", SLV_STR_ARGS(slv_buf_view(&pem)));
    }
    fflush(stdout);
    return SLV_OK;
}

int main(int argc, char **argv)
{
    slv_signal on_sigint = {.fn = on_int}, on_sigterm = {.fn = on_term};
    slv_tls_server *tls = NULL;
    slv_err err;

    signal(SIGPIPE, SIG_IGN);
    if (setup(argc, argv, &tls, &err) != SLV_OK ||
        slv_signal_start(&on_sigint, loop, SIGINT, &err) != SLV_OK ||
        slv_signal_start(&on_sigterm, loop, SIGTERM, &err) != SLV_OK) {
        fprintf(stderr, "net_server: %s\n", slv_err_text(&err));
        return 1;
    }
    slv_loop_run(loop);
    slv_signal_stop(&on_sigint);
    slv_signal_stop(&on_sigterm);
    slv_http_server_free(server);
    proxy_stop();
    slv_tls_server_free(tls);
    slv_loop_free(loop);
    return 0;
}
