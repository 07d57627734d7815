/*
 * The main of a server: state, edge, host and control API on one control loop, from the first
 * signal of the supervisor to the last.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/main_int.h"

#define ZYGOTE_AFTER_MS 1500
/* Isolates of a main that was killed end a moment after it. */
#define LOCK_WAIT_MS 10000
#define CUT_MS 5000 /* what is left of control calls when the edge is drained */

/* ---- the end ---- */

static void maybe_over(slv_main *m)
{
    if (m->drained && m->answered && m->host_stopped)
        slv_loop_stop(m->loop);
}

static void on_drained(void *arg)
{
    slv_main *m = arg;

    m->drained = true;
    maybe_over(m);
}

static void on_answered(void *arg)
{
    slv_main *m = arg;

    m->answered = true;
    maybe_over(m);
}

static void stop_now(slv_task *task)
{
    slv_main *m = slv_container_of(task, slv_main, stop_task);
    uint32_t ms = (uint32_t)m->o->config->drain_seconds * 1000;

    m->host_stopped = true;
    if (m->serving)
        slv_server_drain(m->server, ms, on_drained, m);
    else
        m->drained = true;
    if (m->api_http)
        slv_api_http_drain(m->api_http, ms, on_answered, m);
    else
        m->answered = true;
    maybe_over(m);
}

void slv_main_stop(slv_main *m)
{
    if (m->stopping)
        return;
    m->stopping = true;
    slv_loop_later(m->loop, &m->stop_task);
}

/* ---- the supervisor ---- */

static void on_said(slv_link *link, slv_str word, slv_str rest)
{
    slv_main *m = slv_container_of(link, slv_main, link);

    (void)rest;
    if (slv_str_is(word, "stop") || word.len == 0)
        slv_main_stop(m);
    else if (slv_str_is(word, "go"))
        m->may_go = true;
}

/* The terminal's ^C goes to the whole group; the supervisor says what to do about it. */
static void ignore_signals(void)
{
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGUSR2, SIG_IGN);
}

/* ---- the parts ---- */

static slv_code open_state(slv_main *m, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free)
    char *dir = slv_strndup(m->o->config->data.ptr, m->o->config->data.len);
    const slv_state_options options = {.control = m->loop, .lock_wait_ms = LOCK_WAIT_MS};

    SLV_TRY(slv_state_open(dir, &options, &m->state, err));
    SLV_TRY(slv_first_key(dir, m->key, err));
    m->catalog = slv_state_store(m->state, &slv_catalog_store, SLV_STR(SLV_CATALOG_TENANT),
                                 SLV_STR(SLV_CATALOG_ID));
    return slv_first_account(m->catalog, m->loop, SLV_STR("owner@localhost"), &m->first, err);
}

static bool take_other(void *arg, slv_loop *loop, slv_exchange *ex)
{
    slv_main *m = arg;

    return slv_dynamo_http_take(m->tables_http, loop, ex) || slv_s3_take(m->s3, loop, ex);
}

static slv_code open_server(slv_main *m, slv_err *err)
{
    const slv_serve_config *c = m->o->config;
    const slv_zygote_options zygote = {.start_after_ms = ZYGOTE_AFTER_MS};
    const slv_dynamo_face_options face = {.state = m->state};
    const slv_s3_options s3 = {.state = m->state};
    slv_server_options options = {
        .control = m->loop,
        .loops = (unsigned)c->loops,
        .state = m->state,
        .isolates = (unsigned)c->version_isolates,
        .allow_private = c->allow_private,
        .extension = {.take = take_other, .arg = m},
    };

    m->zygote = slv_zygote_new(&zygote);
    m->tables = slv_dynamo_face_new(&face);
    const slv_dynamo_http_options http = {.face = m->tables, .verify = true};
    m->tables_http = slv_dynamo_http_new(&http);
    m->s3 = slv_s3_new(&s3);
    options.zygote = m->zygote;
    options.dynamo = m->tables;
    SLV_TRY(slv_server_new(&options, &m->server, err));
    for (size_t i = 0; i < m->listeners.count; i++) {
        const slv_listener_traits traits = {
            .proxied = m->listeners.items[i].kind == SLV_LISTENER_PROXY,
        };

        if (m->listeners.items[i].kind != SLV_LISTENER_CONTROL &&
            m->listeners.items[i].kind != SLV_LISTENER_HTTPS)
            SLV_TRY(slv_server_listen_fd(m->server, m->listeners.items[i].fd, &traits, err));
    }
    return SLV_OK;
}

static slv_code open_api(slv_main *m, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free)
    char *dir = slv_strndup(m->o->config->data.ptr, m->o->config->data.len);
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, SLV_STR(SLV_API_SOCKET));
    int fd = slv_listeners_first(&m->listeners, SLV_LISTENER_CONTROL), fds[SLV_LISTENERS_MAX];
    char address[128] = "";
    size_t count = 0;

    if (fd >= 0)
        slv_listener_address(fd, address);
    (void)snprintf(m->base_url, sizeof m->base_url, "http://%s", address);
    const slv_api_options options = {.loop = m->loop,
                                     .state = m->state,
                                     .server = m->server,
                                     .catalog = m->catalog,
                                     .base_url = m->base_url};
    m->api = slv_api_new(&options);
    SLV_TRY(slv_api_http_new(m->api, slv_str_from(path), &m->owner_http, err));
    for (size_t i = 0; i < m->listeners.count; i++)
        if (m->listeners.items[i].kind == SLV_LISTENER_CONTROL) {
            fds[count++] = m->listeners.items[i].fd;
            m->listeners.items[i].fd = -1; /* the api's from here on */
        }
    return slv_api_http_listen(m->api, fds, count, NULL, &m->api_http, err);
}

static void show_first(const slv_main *m)
{
    if (!m->first.made)
        return;
    printf("\nThis is a new data directory. It has one account, with one token, which is shown "
           "only now:\n\n"
           "  account  %s\n"
           "  token    %s\n\n"
           "What wrangler (and every verb with --remote) needs, for .env or the CI's secrets:\n\n"
           "CLOUDFLARE_API_BASE_URL=%s/client/v4\n"
           "CLOUDFLARE_API_TOKEN=%s\n"
           "CLOUDFLARE_ACCOUNT_ID=%s\n\n",
           m->first.account, m->first.token, m->base_url, m->first.token, m->first.account);
    (void)fflush(stdout);
}

static void show_ready(slv_main *m)
{
    char address[128] = "nowhere";

    for (size_t i = 0; i < m->listeners.count; i++)
        if (m->listeners.items[i].kind == SLV_LISTENER_HTTP) {
            slv_listener_address(m->listeners.items[i].fd, address);
            break;
        }
    printf("selvage serve: ready on http://%s, control API on %s/client/v4\n", address,
           m->base_url);
    (void)fflush(stdout);
}

static slv_code run(slv_main *m, slv_str handed, slv_err *err)
{
    SLV_TRY(slv_loop_new(&m->loop, err));
    m->link.said = on_said;
    SLV_TRY(slv_link_start(&m->link, m->loop, SLV_DAEMON_LINK_FD, err));
    SLV_TRY(slv_listeners_take(handed, SLV_DAEMON_FIRST_FD, &m->listeners, err));
    SLV_TRY(open_state(m, err));
    SLV_TRY(open_server(m, err));
    SLV_TRY(open_api(m, err));
    SLV_TRY(slv_server_start(m->server, err));
    m->serving = true;
    show_first(m);
    show_ready(m);
    slv_link_say(&m->link, "ready");
    slv_loop_run(m->loop);
    return SLV_OK;
}

static bool no_calls(void *arg)
{
    return slv_api_open_calls(arg) == 0;
}

static void close_all(slv_main *m)
{
    m->api_http = slv_api_http_free(m->api_http);
    m->owner_http = slv_api_http_free(m->owner_http);
    if (m->api && slv_loop_run_until(m->loop, no_calls, m->api, CUT_MS))
        m->api = slv_api_free(m->api);
    m->server = slv_server_free(m->server);
    if (m->state)
        slv_state_forget_loop(m->state, m->loop);
    m->s3 = slv_s3_free(m->s3);
    m->tables_http = slv_dynamo_http_free(m->tables_http);
    m->tables = slv_dynamo_face_free(m->tables);
    m->catalog = slv_store_unref(m->catalog);
    m->state = slv_state_free(m->state);
    m->zygote = slv_zygote_free(m->zygote);
    slv_listeners_close(&m->listeners);
    slv_link_stop(&m->link);
    m->loop = slv_loop_free(m->loop);
}

slv_code slv_daemon_main(const slv_daemon_options *options, slv_str handed, slv_err *err)
{
    slv_main *m = slv_new0(slv_main);
    slv_code code;

    ignore_signals();
    if (options->title)
        options->title("selvage: main");
    m->o = options;
    m->link.fd = -1;
    m->stop_task.fn = stop_now;
    code = run(m, handed, err);
    if (code != SLV_OK)
        slv_link_say(&m->link, "failed %s", slv_err_text(err));
    close_all(m);
    free(m);
    return code;
}
