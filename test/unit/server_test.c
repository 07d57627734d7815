/* The server on a real loop and a Unix socket: allocations that fail, terms of the exchange, TLS
 * certificates. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "aio/loop.h"
#include "base/fault.h"
#include "net/server.h"
#include "net/tls.h"
#include "support/tap.h"

typedef struct world {
    slv_loop *loop;
    slv_http_server *server;
    int fd;          /* the client's end */
    char text[8192]; /* what came back; not a slv_buf, whose allocations may be made to fail */
    size_t len;
    bool closed;
    unsigned requests, gone;
} world;

static world *now;

static void on_request(void *ctx, slv_exchange *ex)
{
    world *w = ctx;
    slv_response_head head = {.status = 200, .headers = SLV_STR("a:b\n"), .length = -1};
    slv_str body;

    w->requests++;
    if (slv_exchange_take_body(ex, &body)) {
        if (slv_exchange_reply(ex, &head, body, NULL) != SLV_OK)
            slv_exchange_abort(ex);
        return;
    }
    if (slv_exchange_respond(ex, &head, NULL) != SLV_OK)
        slv_exchange_abort(ex);
    else if (!ex->head.has_body)
        slv_exchange_end(ex);
    else
        slv_exchange_credit(ex, 1 << 20);
}

static void on_body(slv_exchange *ex, slv_str bytes, bool last)
{
    (void)slv_exchange_write(ex, bytes);
    if (last)
        slv_exchange_end(ex);
}

static void on_writable(slv_exchange *ex)
{
    (void)ex;
}

static void on_gone(slv_exchange *ex, slv_gone_reason reason)
{
    (void)ex;
    (void)reason;
    now->gone++;
}

static bool open_world(world *w)
{
    static const slv_exchange_handlers handlers = {on_request, on_body, on_writable, on_gone};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    slv_http_options options = {.handlers = &handlers, .ctx = w};
    slv_listen_options listen = {0};

    *w = (world){.fd = -1};
    now = w;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", tap_tmpdir());
    listen.unix_path = slv_str_from(address.sun_path);
    if (slv_loop_new(&w->loop, NULL) != SLV_OK)
        return false;
    w->server = slv_http_server_new(w->loop, &options);
    if (slv_http_server_listen(w->server, &listen, NULL) != SLV_OK)
        return false;
    w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(w->fd, (struct sockaddr *)&address, sizeof address) == 0 &&
           fcntl(w->fd, F_SETFL, O_NONBLOCK) == 0;
}

static void close_world(world *w)
{
    slv_http_server_free(w->server);
    slv_loop_free(w->loop);
    close(w->fd);
}

/* Reads what is there; true once the text ends as wanted or the server closed. */
static bool progress(void *arg)
{
    world *w = arg;
    ssize_t n;

    while ((n = read(w->fd, w->text + w->len, sizeof w->text - w->len)) > 0)
        w->len += (size_t)n;
    w->closed |= n == 0 || (n < 0 && errno != EAGAIN);
    return w->closed || slv_str_ends(slv_str_make(w->text, w->len), SLV_STR("world\r\n0\r\n\r\n"));
}

static bool turns(void *arg)
{
    return --*(int *)arg < 0;
}

/* A conversation in pieces: a head in two, a body that comes with its head, a chunked one,
 * pipelined. */
static bool converse(world *w)
{
    static const char *const pieces[] = {
        "POST /taken HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloPOST /chu",
        "nked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "5\r\nworld\r\n0\r\n\r\n",
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(pieces); i++) {
        int few = 3;

        if (send(w->fd, pieces[i], strlen(pieces[i]), MSG_NOSIGNAL) < 0)
            break;
        slv_loop_run_until(w->loop, turns, &few, 50);
    }
    return slv_loop_run_until(w->loop, progress, w, 2000);
}

TEST(a_conversation_in_pieces)
{
    world w;

    CHECK(open_world(&w) && converse(&w));
    CHECK(slv_str_find(slv_str_make(w.text, w.len), SLV_STR("hello"), 0) != SIZE_MAX);
    CHECK_INT(w.requests, 2);
    CHECK_INT(w.gone, 0);
    close_world(&w);
}

TEST(each_allocation_may_fail_and_only_that_connection_suffers)
{
    unsigned long n = 1;
    bool fired = true;

    for (; fired && n < 200; n++) {
        world w;

        CHECK(open_world(&w));
        slv_fault_arm(SLV_FAULT_ALLOC, n);
        CHECK(converse(&w)); /* answered, or closed */
        fired = slv_fault_fired(SLV_FAULT_ALLOC);
        slv_fault_arm(SLV_FAULT_ALLOC, 0);
        close_world(&w);
    }
    tap_note("%lu allocations", n - 2);
    CHECK(n > 2);
}

TEST(a_server_that_is_freed_tells_who_was_waiting)
{
    world w;
    int few = 5;

    CHECK(open_world(&w));
    CHECK(write(w.fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe", 49) == 49);
    slv_loop_run_until(w.loop, turns, &few, 50);
    CHECK_INT(w.requests, 1);
    slv_http_server_free(w.server);
    w.server = NULL;
    CHECK_INT(w.gone, 1);
    close_world(&w);
}

TEST(listening_says_what_is_wrong)
{
    static const slv_exchange_handlers handlers = {on_request, on_body, on_writable, on_gone};
    slv_http_options options = {.handlers = &handlers};
    slv_loop *loop;
    slv_http_server *one, *two;
    slv_listen_options o = {.host = SLV_STR("127.0.0.1")};
    slv_err err;
    char want[100];

    CHECK(slv_loop_new(&loop, NULL) == SLV_OK);
    one = slv_http_server_new(loop, &options);
    two = slv_http_server_new(loop, &options);
    CHECK_INT(slv_http_server_listen(one, &o, &err), SLV_OK);
    o.port = slv_http_server_port(one);
    CHECK(o.port != 0);
    CHECK_INT(slv_http_server_listen(two, &o, &err), SLV_E_EXISTS);
    snprintf(want, sizeof want, "cannot listen on 127.0.0.1:%u: Address already in use",
             (unsigned)o.port);
    CHECK_STR(slv_str_from(err.message), slv_str_from(want));
    o.host = SLV_STR("no such host.invalid");
    CHECK_INT(slv_http_server_listen(two, &o, &err), SLV_E_NOTFOUND);
    slv_http_server_free(one);
    slv_http_server_free(two);
    slv_loop_free(loop);
}

TEST(several_servers_share_a_port)
{
    static const slv_exchange_handlers handlers = {on_request, on_body, on_writable, on_gone};
    slv_http_options options = {.handlers = &handlers};
    slv_listen_options o = {.host = SLV_STR("127.0.0.1"), .reuse_port = true};
    slv_http_server *servers[3];
    slv_loop *loop;

    CHECK(slv_loop_new(&loop, NULL) == SLV_OK);
    for (size_t i = 0; i < 3; i++) {
        servers[i] = slv_http_server_new(loop, &options);
        CHECK_INT(slv_http_server_listen(servers[i], &o, NULL), SLV_OK);
        o.port = slv_http_server_port(servers[i]);
    }
    CHECK_INT(slv_http_server_port(servers[2]), slv_http_server_port(servers[0]));
    for (size_t i = 0; i < 3; i++)
        slv_http_server_free(servers[i]);
    slv_loop_free(loop);
}

TEST(certificates)
{
    SLV_CLEANUP(slv_tls_server_free) slv_tls_server *tls = NULL, *other = NULL;
    SLV_CLEANUP(slv_tls_client_free) slv_tls_client *client = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf pem = SLV_BUF(1 << 16);
    slv_str names[] = {SLV_STR("localhost"), SLV_STR("*.test"), SLV_STR("::1")},
            wrong = SLV_STR("a,DNS:b");
    slv_err err;

    CHECK_INT(slv_tls_server_self_signed(names, 3, &tls, &err), SLV_OK);
    CHECK_INT(slv_tls_server_certificate(tls, &pem, &err), SLV_OK);
    CHECK(slv_str_starts(slv_buf_view(&pem), SLV_STR("-----BEGIN CERTIFICATE-----")));
    CHECK_INT(slv_tls_server_self_signed(&wrong, 1, &other, &err), SLV_E_INVAL);
    CHECK_INT(slv_tls_server_pem(SLV_STR("no pem"), SLV_STR("no key"), &other, &err), SLV_E_PARSE);
    CHECK_INT(slv_tls_server_pem(slv_buf_view(&pem), SLV_STR("no key"), &other, &err), SLV_E_PARSE);
    CHECK(strstr(err.message, "private key") != NULL);
    CHECK_INT(slv_tls_client_new("/no/such/file", &client, &err), SLV_E_IO);
    CHECK(other == NULL && client == NULL);
}

TAP_MAIN()
