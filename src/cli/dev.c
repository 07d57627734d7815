/* The server, and the beginning and end of a session. */
#include "cli/dev.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/dev_int.h"
#include "cli/term.h"
#include "pool/zygote.h"

#define DEFAULT_PORT 8787
#define DRAIN_MS 3000
#define ZYGOTE_AFTER_MS 1500
#define PEM_MAX ((size_t)1 << 20)

/* ---- end ---- */

static void on_told(void *user)
{
    (void)user;
    fflush(stdout);
}

static void drained(void *user)
{
    dev *d = user;

    slv_loop_stop(d->loop);
}

/* Not inside the handler that asked for it. */
static void stop_now(slv_task *task)
{
    dev *d = slv_container_of(task, dev, stop_task);

    slv_dev_keys_stop(d);
    if (d->started)
        slv_server_drain(d->server, DRAIN_MS, drained, d);
    else
        slv_loop_stop(d->loop);
}

void slv_dev_stop(dev *d)
{
    if (d->stopping)
        return;
    d->stopping = true;
    slv_loop_later(d->loop, &d->stop_task);
}

static void signaled(dev *d, int number)
{
    if (d->stopping)
        exit(128 + number); /* asked twice */
    slv_dev_stop(d);
}

static void on_int(slv_signal *sig, int number)
{
    signaled(slv_container_of(sig, dev, on_int), number);
}

static void on_term(slv_signal *sig, int number)
{
    signaled(slv_container_of(sig, dev, on_term), number);
}

static void on_hup(slv_signal *sig, int number)
{
    signaled(slv_container_of(sig, dev, on_hup), number);
}

static slv_code watch_signals(dev *d, slv_err *err)
{
    d->on_int.fn = on_int;
    d->on_term.fn = on_term;
    d->on_hup.fn = on_hup;
    SLV_TRY(slv_signal_start(&d->on_int, d->loop, SIGINT, err));
    SLV_TRY(slv_signal_start(&d->on_term, d->loop, SIGTERM, err));
    return slv_signal_start(&d->on_hup, d->loop, SIGHUP, err);
}

/* ---- listening ---- */

static slv_code make_tls(dev *d, slv_str host, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf chain = SLV_BUF(PEM_MAX), key = SLV_BUF(PEM_MAX);
    slv_str names[] = {SLV_STR("localhost"), SLV_STR("127.0.0.1"), SLV_STR("::1"), host};

    if (!d->o->https_cert && !d->o->https_key)
        return slv_tls_server_self_signed(names, SLV_ARRAY_LEN(names), &d->tls, err);
    if (!d->o->https_cert || !d->o->https_key)
        return slv_fail(err, SLV_E_INVAL, "--https-key-path and --https-cert-path belong together");
    SLV_TRY(slv_file_read(d->o->https_cert, &chain, err));
    SLV_TRY(slv_file_read(d->o->https_key, &key, err));
    return slv_tls_server_pem(slv_buf_view(&chain), slv_buf_view(&key), &d->tls, err);
}

static slv_code listen_at(dev *d, slv_str host, uint16_t port, uint16_t *ret_port, slv_err *err)
{
    slv_listen_options options = {
        .host = host, .port = port, .reuse_port = true, .traits.tls = d->tls};

    return slv_server_listen(d->server, &options, ret_port, err);
}

/* SO_REUSEPORT lets a second session of the same user take the port as well, so ask without it
 * first. */
static bool port_is_free(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1;
    bool ok;

    if (fd < 0)
        return true;
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    ok = bind(fd, (const struct sockaddr *)(const void *)&addr, sizeof addr) == 0 ||
         errno != EADDRINUSE;
    close(fd);
    return ok;
}

static slv_code listen_somewhere(dev *d, slv_str host, uint16_t *ret_port, slv_err *err)
{
    const slv_config *c = &d->workers[0].project.config;
    bool chosen = d->o->port >= 0 || c->dev.port != 0;
    uint16_t port = d->o->port >= 0      ? (uint16_t)d->o->port
                    : c->dev.port        ? c->dev.port
                    : d->o->default_port ? d->o->default_port
                                         : DEFAULT_PORT;
    slv_err inner = {0};
    slv_code code = SLV_E_EXISTS;

    if (port == 0 || port_is_free(port)) {
        code = listen_at(d, host, port, ret_port, &inner);
        if (code == SLV_OK)
            return SLV_OK;
    }
    if (code != SLV_E_EXISTS && inner.detail != EADDRINUSE)
        return slv_fail(err, code, "%s", slv_err_text(&inner));
    if (chosen)
        return slv_fail(err, SLV_E_EXISTS,
                        "port %u is in use; stop what listens there, or choose another with --port",
                        port);
    return listen_at(d, host, 0, ret_port, err);
}

static slv_code start_listening(dev *d, slv_err *err)
{
    const slv_config *c = &d->workers[0].project.config;
    slv_str host = d->o->ip            ? slv_str_from(d->o->ip)
                   : c->dev.ip.len > 0 ? c->dev.ip
                                       : SLV_STR("localhost");
    slv_str protocol = d->o->protocol ? slv_str_from(d->o->protocol) : c->dev.local_protocol;
    bool https = slv_str_is(protocol, "https");
    slv_str shown = host;
    uint16_t port = 0;

    if (https)
        SLV_TRY(make_tls(d, host, err));
    SLV_TRY(listen_somewhere(d, host, &port, err));
    if (slv_str_is(host, "0.0.0.0") || slv_str_is(host, "::") || slv_str_is(host, "*"))
        shown = SLV_STR("localhost");
    snprintf(d->url, sizeof d->url,
             slv_str_chr(shown, ':', 0) == SIZE_MAX ? "%s://%.*s:%u" : "%s://[%.*s]:%u",
             https ? "https" : "http", SLV_STR_ARGS(shown), port);
    return SLV_OK;
}

/* ---- begin ---- */

static void on_deployed(void *user, slv_version *version, const slv_err *err, slv_str failure)
{
    dev *d = user;

    for (size_t i = 0; i < d->worker_count && !d->stopping; i++)
        if (d->workers[i].version == version || d->workers[i].good == version)
            slv_dev_worker_deployed(&d->workers[i], version, err, failure);
}

static slv_code start_server(dev *d, slv_err *err)
{
    slv_server_options options = {
        .control = d->loop,
        .loops = d->o->loops,
        .hooks = {.user = d,
                  .request = slv_term_shows(SLV_TERM_INFO) ? slv_dev_show_request : NULL,
                  .console = slv_dev_show_console,
                  .exception = slv_dev_show_exception,
                  .notice = slv_dev_show_notice,
                  .told = on_told,
                  .deployed = on_deployed},
        .dev = true,
        .project_dir = d->workers[0].project.dir,
        .test_scheduled = d->o->test_scheduled,
        .live_reload = d->o->live_reload,
        .asset_ranges = d->o->asset_ranges,
        .allow_private = true,
        .record = d->o->record,
    };
    slv_zygote_options zygote = {.start_after_ms = ZYGOTE_AFTER_MS};

    if (!d->o->no_zygote)
        d->zygote = slv_zygote_new(&zygote);
    options.zygote = d->zygote;
    SLV_TRY(slv_dev_state_open(d, err));
    options.state = d->state;
    options.dynamo = d->tables;
    if (d->state)
        options.extension = (slv_server_extension){.take = slv_dev_state_take, .arg = d};
    SLV_TRY(slv_server_new(&options, &d->server, err));
    SLV_TRY(start_listening(d, err));
    return slv_dev_state_listen(d, err);
}

void slv_dev_deploy(dev *d)
{
    for (size_t i = 0; i < d->worker_count && d->workers[0].version; i++) {
        dev_worker *w = &d->workers[i];

        if (!w->pending)
            continue;
        w->pending = false;
        slv_server_deploy(d->server, w->version);
    }
}

void slv_dev_begin(dev *d)
{
    slv_err err;

    for (size_t i = 0; i < d->worker_count; i++)
        if (!d->workers[i].tried)
            return;
    if (d->started || d->stopping)
        return;
    d->started = true;
    slv_dev_deploy(d);
    if (slv_server_start(d->server, &err) != SLV_OK) {
        slv_term_error("%s", slv_err_text(&err));
        exit(1);
    }
}

static slv_code open_workers(dev *d, slv_err *err)
{
    for (size_t i = 0; i < d->o->worker_count; i++) {
        d->worker_count = i + 1;
        SLV_TRY(slv_dev_worker_open(d, &d->workers[i], &d->o->workers[i], err));
        for (size_t k = 0; k < i; k++)
            if (strcmp(d->workers[k].project.name, d->workers[i].project.name) == 0)
                return slv_fail(err, SLV_E_INVAL,
                                "two configurations give the worker name '%s'; make them differ",
                                d->workers[i].project.name);
        slv_dev_worker_build(&d->workers[i]); /* runs while the server starts */
    }
    return SLV_OK;
}

static slv_code run(dev *d, slv_err *err)
{
    SLV_TRY(slv_loop_new(&d->loop, err));
    SLV_TRY(watch_signals(d, err));
    SLV_TRY(open_workers(d, err));
    SLV_TRY(start_server(d, err));
    slv_loop_run(d->loop);
    return SLV_OK;
}

slv_code slv_dev_run(const slv_dev_options *options, slv_err *err)
{
    dev *d = slv_new0(dev);
    slv_code code;

    d->o = options;
    d->stop_task.fn = stop_now;
    code = run(d, err);
    for (size_t i = 0; i < d->worker_count; i++)
        slv_dev_worker_close(&d->workers[i]);
    slv_dev_state_hang_up(d);
    slv_server_free(d->server);
    slv_dev_state_close(d);
    slv_zygote_free(d->zygote);
    slv_tls_server_free(d->tls);
    slv_signal_stop(&d->on_int);
    slv_signal_stop(&d->on_term);
    slv_signal_stop(&d->on_hup);
    slv_loop_free(d->loop);
    free(d);
    return code;
}
