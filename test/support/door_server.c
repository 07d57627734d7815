/*
 * door_server.c - the door of a server as a program of its own, for integration tests: two
 * listeners, one of https where there are certificates.
 *
 * door_server [--cert-dir DIR] [--default-host HOST] [--trust NET]... [--proxy] [--redirect]
 *     [--hsts SECONDS] [--acme URL --acme-dir DIR [--acme-ca FILE] [--email TEXT] [--terms]
 *     [--known HOST]... [--want HOST]...] [--http-port N]
 *
 * Prints "http PORT" and "https PORT", then "notice TEXT" for each notice. Answers every request
 * with whom it is from: "peer PORT scheme authority host-field path". SIGHUP reads certificates
 * again, SIGTERM ends it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aio/signal.h"
#include "base/mem.h"
#include "net/door.h"
#include "net/server.h"

#define LIST_MAX 16

typedef struct settings {
    slv_door_options door;
    slv_str trust[LIST_MAX], known[LIST_MAX], want[LIST_MAX];
    size_t known_count, want_count;
    slv_listener_traits traits;
    bool redirect;
    uint16_t http_port;
    uint32_t hsts;
} settings;

static slv_loop *loop;
static slv_door *door;
static settings set;

static void on_notice(void *user, slv_str text)
{
    (void)user;
    printf("notice %.*s\n", SLV_STR_ARGS(text));
    fflush(stdout);
}

static bool on_known(void *user, slv_str host)
{
    (void)user;
    for (size_t i = 0; i < set.known_count; i++)
        if (slv_str_eq(set.known[i], host))
            return true;
    return false;
}

static void on_request(void *ctx, slv_exchange *ex)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(1 << 20);
    const slv_response_head head = {.status = 200, .headers = SLV_STR("content-type:text/plain\n")};
    const slv_http_header *host;

    (void)ctx;
    if (slv_door_take(door, ex))
        return;
    host = slv_exchange_header(ex, SLV_STR("host"));
    if (slv_buf_printf(&text, "%.*s %u %.*s %.*s %.*s %.*s\n", SLV_STR_ARGS(ex->head.peer),
                       (unsigned)ex->head.peer_port, SLV_STR_ARGS(ex->head.scheme),
                       SLV_STR_ARGS(ex->head.authority),
                       SLV_STR_ARGS(host ? host->value : SLV_STR_NULL),
                       SLV_STR_ARGS(ex->head.path)) != SLV_OK ||
        slv_exchange_reply(ex, &head, slv_buf_view(&text), NULL) != SLV_OK)
        slv_exchange_abort(ex);
}

static void on_body(slv_exchange *ex, slv_str bytes, bool last)
{
    (void)ex;
    (void)bytes;
    (void)last;
}

static void on_writable(slv_exchange *ex)
{
    (void)ex;
}

static void on_gone(slv_exchange *ex, slv_gone_reason reason)
{
    (void)ex;
    (void)reason;
}

static void on_term(slv_signal *sig, int n)
{
    (void)sig;
    (void)n;
    slv_loop_stop(loop);
}

/* True: the argument after the name was used. */
static bool set_value(const char *name, const char *value)
{
    slv_str text = slv_str_from(value);

    if (strcmp(name, "--cert-dir") == 0)
        set.door.cert_dir = text;
    else if (strcmp(name, "--default-host") == 0)
        set.door.default_host = text;
    else if (strcmp(name, "--trust") == 0 && set.door.trusted_proxy_count < LIST_MAX)
        set.trust[set.door.trusted_proxy_count++] = text;
    else if (strcmp(name, "--known") == 0 && set.known_count < LIST_MAX)
        set.known[set.known_count++] = text;
    else if (strcmp(name, "--want") == 0 && set.want_count < LIST_MAX)
        set.want[set.want_count++] = text;
    else if (strcmp(name, "--acme") == 0)
        set.door.acme_directory = text;
    else if (strcmp(name, "--acme-dir") == 0)
        set.door.acme_dir = value;
    else if (strcmp(name, "--acme-ca") == 0)
        set.door.acme_ca_file = value;
    else if (strcmp(name, "--email") == 0)
        set.door.acme_email = text;
    else if (strcmp(name, "--http-port") == 0)
        set.http_port = (uint16_t)strtoul(value, NULL, 10);
    else if (strcmp(name, "--hsts") == 0)
        set.hsts = (uint32_t)strtoul(value, NULL, 10);
    else
        return false;
    return true;
}

static void read_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--proxy") == 0)
            set.traits.proxied = true;
        else if (strcmp(argv[i], "--redirect") == 0)
            set.redirect = true;
        else if (strcmp(argv[i], "--terms") == 0)
            set.door.acme_terms_agreed = true;
        else if (i + 1 < argc && set_value(argv[i], argv[i + 1]))
            i++;
    }
}

static slv_code open_all(slv_http_server **ret, slv_err *err)
{
    static const slv_exchange_handlers handlers = {on_request, on_body, on_writable, on_gone};
    const slv_http_options http = {
        .handlers = &handlers, .hsts_seconds = set.hsts, .header_timeout_ms = 2000};
    slv_listen_options listen = {.host = SLV_STR("127.0.0.1")};
    uint16_t secure = 0;

    set.door.loop = loop;
    set.door.trusted_proxies = set.trust;
    set.door.notice = on_notice;
    set.door.known = on_known;
    set.door.acme_retry_ms = 1000;
    set.door.acme_poll_ms = 50;
    SLV_TRY(slv_door_open(&set.door, &door, err));
    ret[0] = slv_http_server_new(loop, &http);
    ret[1] = slv_http_server_new(loop, &http);
    if (slv_door_tls(door)) {
        listen.traits = set.traits;
        listen.traits.tls = slv_door_tls(door);
        SLV_TRY(slv_http_server_listen(ret[1], &listen, err));
        secure = slv_http_server_port(ret[1]);
    }
    listen.traits = set.traits;
    listen.port = set.http_port;
    listen.traits.proxies = slv_door_proxies(door);
    if (set.redirect)
        listen.traits.redirect_port = secure ? secure : 443;
    SLV_TRY(slv_http_server_listen(ret[0], &listen, err));
    for (size_t i = 0; i < set.want_count; i++)
        slv_door_want(door, set.want[i]);
    printf("http %u\nhttps %u\n", (unsigned)slv_http_server_port(ret[0]), (unsigned)secure);
    fflush(stdout);
    return SLV_OK;
}

int main(int argc, char **argv)
{
    slv_signal on_sigterm = {.fn = on_term};
    slv_http_server *servers[2] = {NULL, NULL};
    slv_err err = {0};

    (void)signal(SIGPIPE, SIG_IGN);
    read_arguments(argc, argv);
    if (slv_loop_new(&loop, &err) != SLV_OK || open_all(servers, &err) != SLV_OK ||
        slv_signal_start(&on_sigterm, loop, SIGTERM, &err) != SLV_OK) {
        (void)fprintf(stderr, "door_server: %s\n", slv_err_text(&err));
        return 1;
    }
    slv_loop_run(loop);
    slv_signal_stop(&on_sigterm);
    for (size_t i = 0; i < 2; i++)
        (void)slv_http_server_free(servers[i]);
    (void)slv_door_free(door);
    (void)slv_loop_free(loop);
    return 0;
}
