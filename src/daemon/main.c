/*
 * The main of a server: from the first word of the supervisor to the last.
 *
 * A supervisor that is killed is no end: main starts another one, which adopts it and has the same
 * listeners, so that the next death of either is survived too.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/main_int.h"
#include "daemon/restored.h"

#define ADOPT_AFTER_MS 50
/* The longest that an upgrade waits for requests which are open: those that come wait for it. */
#define RELEASE_MS UINT64_C(10000)
#define SIGHT_MS 2000
#define FOREVER_MS (UINT64_C(1) << 40)

/* ---- the end ---- */

/* In this order: no more requests, no more calls of the control API; then what they had begun; then
 * what was seen of it. */
static void on_sight_stopped(void *arg)
{
    slv_main *m = arg;

    m->sight_stopped = true;
    slv_loop_stop(m->loop);
}

static void on_host_stopped(void *arg)
{
    slv_main *m = arg;

    m->host_stopped = true;
    slv_sight_stop(m->sight, SIGHT_MS, on_sight_stopped, m);
}

static void maybe_over(slv_main *m)
{
    if (m->drained && m->answered)
        slv_host_stop(m->host, on_host_stopped, m);
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
    uint32_t ms = (uint32_t)m->drain_ms;

    if (!m->serving) { /* nothing is open yet */
        slv_loop_stop(m->loop);
        return;
    }
    if (m->released)
        slv_server_release(m->server, ms, on_drained, slv_main_left_over, m);
    else
        slv_server_drain(m->server, ms, on_drained, m);
    slv_api_http_drain(m->api_http, ms, on_answered, m);
}

static void stop_within(slv_main *m, uint64_t ms)
{
    if (m->stopping)
        return;
    m->stopping = true;
    m->ready = false;
    m->drain_ms = ms;
    slv_loop_later(m->loop, &m->stop_task);
}

void slv_main_stop(slv_main *m)
{
    stop_within(m, m->config->drain_seconds * 1000);
}

void slv_main_fail(slv_main *m, const slv_err *err)
{
    if (m->code == SLV_OK)
        m->code = slv_fail(m->err, err->code, "%s", slv_err_text(err));
    slv_main_stop(m);
}

/* ---- the supervisor ---- */

/* Its end is seen on the link. */
static void on_adopter_ended(slv_proc *proc, int status)
{
    (void)proc;
    (void)status;
}

static void on_adopt(slv_timer *timer)
{
    slv_main *m = slv_container_of(timer, slv_main, adopt_timer);
    slv_err err = {0};

    if (m->stopping)
        return;
    slv_proc_release(&m->adopter);
    m->adopter.ended = on_adopter_ended;
    if (slv_daemon_spawn(m->o, SLV_DAEMON_ADOPTER, &m->listeners, -1, m->loop, &m->adopter,
                         &m->link, &err) != SLV_OK) {
        slv_log(SLV_LOG_ERROR, "cannot start a supervisor: %s", slv_err_text(&err));
        slv_timer_start(&m->adopt_timer, m->loop, ADOPT_AFTER_MS);
    }
}

static void orphaned(slv_main *m)
{
    if (m->front) { /* it goes on as long as the main that it gives to */
        slv_main_front_alone(m);
        return;
    }
    if (m->stopping || m->o->role == SLV_DAEMON_NEXT) {
        if (!m->serving)
            slv_main_stop(m);
        if (m->stopping)
            return;
    }
    slv_log(SLV_LOG_ERROR, "the supervisor is gone; another one is started");
    slv_timer_start(&m->adopt_timer, m->loop, ADOPT_AFTER_MS);
}

static void reload(slv_main *m)
{
    const slv_serve_config *config;
    slv_err err = {0};

    if (m->o->reload(m->o->reload_arg, &config, &err) != SLV_OK) {
        slv_link_say(&m->link, "reloaded %s", slv_err_text(&err));
        return;
    }
    m->config = config;
    slv_daemon_log_level(config);
    slv_link_say(&m->link, "reloaded ");
}

/* Another main waits: what it can go on with is given to it. */
static void release(slv_main *m, int heir)
{
    if (m->stopping) {
        if (heir >= 0)
            close(heir);
        return;
    }
    m->released = slv_bequest_set(&m->bequest, heir);
    stop_within(m, SLV_MIN(m->config->drain_seconds * 1000, RELEASE_MS));
}

/* A front, which has what an upgrade did not take, may have something for us. */
static void take_from(slv_main *m, int fd)
{
    slv_err err = {0};

    if (fd >= 0 && slv_heir_add(&m->heir, fd, &err) != SLV_OK)
        slv_log(SLV_LOG_WARN, "%s", slv_err_text(&err));
}

static void on_said(slv_link *link, slv_str word, slv_str rest, int fd)
{
    slv_main *m = slv_container_of(link, slv_main, link);

    (void)rest;
    if (word.len == 0) {
        orphaned(m);
    } else if (slv_str_is(word, "stop") && m->front) {
        slv_main_end_front(m);
    } else if (slv_str_is(word, "stop")) {
        slv_main_stop(m);
    } else if (slv_str_is(word, "release")) {
        release(m, fd);
        fd = -1;
    } else if (slv_str_is(word, "front")) {
        take_from(m, fd);
        fd = -1;
    } else if (slv_str_is(word, "heir")) {
        (void)slv_bequest_set(&m->bequest, fd);
        fd = -1;
    } else if (slv_str_is(word, "go")) {
        m->may_go = true;
    } else if (slv_str_is(word, "reload")) {
        reload(m);
    }
    if (fd >= 0)
        close(fd);
}

static void on_term(slv_signal *sig, int number)
{
    slv_main *m = slv_container_of(sig, slv_main, on_term);

    (void)number;
    if (m->front)
        slv_main_end_front(m);
    else
        slv_main_stop(m);
}

/* The terminal's ^C goes to the whole group; the supervisor says what to do about it. */
static slv_code watch_signals(slv_main *m, slv_err *err)
{
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGUSR2, SIG_IGN);
    m->on_term.fn = on_term;
    return slv_signal_start(&m->on_term, m->loop, SIGTERM, err);
}

/* ---- the beginning ---- */

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
}

void slv_main_ready(slv_main *m)
{
    char address[128] = "";
    int fd = slv_listeners_first(&m->listeners, SLV_LISTENER_HTTPS);
    const char *scheme = fd >= 0 ? "https" : "http";
    SLV_CLEANUP(slv_charp_free) char *dir = NULL;

    if (m->ready || m->stopping)
        return;
    m->ready = true;
    if (fd < 0)
        fd = slv_listeners_first(&m->listeners, SLV_LISTENER_HTTP);
    if (fd < 0)
        fd = slv_listeners_first(&m->listeners, SLV_LISTENER_PROXY);
    if (fd >= 0)
        slv_listener_address(fd, address);
    show_first(m);
    printf("selvage serve: ready on %s://%s, control API on %s/client/v4\n", scheme, address,
           m->base_url);
    (void)fflush(stdout);
    slv_link_say(&m->link, "ready");
    dir = slv_strndup(m->config->data.ptr, m->config->data.len);
    slv_restored_done(dir);
}

static void on_started(void *arg, const slv_err *why)
{
    slv_main *m = arg;
    slv_err err = {0};

    if (m->stopping)
        return;
    if (why) {
        slv_main_fail(m, why);
        return;
    }
    slv_heir_open_sockets(&m->heir, m->server); /* before anybody asks for their objects */
    if (slv_main_listen(m, &err) != SLV_OK) {
        slv_main_fail(m, &err);
    } else {
        slv_heir_open(&m->heir, m->server, slv_door_tls(m->door));
        slv_main_ready(m);
    }
}

static bool goes(void *arg)
{
    const slv_main *m = arg;

    return m->may_go || m->stopping;
}

static slv_code run(slv_main *m, slv_err *err)
{
    SLV_TRY(slv_loop_new(&m->loop, err));
    slv_heir_init(&m->heir, m->loop);
    m->pumps = slv_pumps_new(m->loop, slv_main_pumps_over, m);
    SLV_TRY(watch_signals(m, err));
    m->link.said = on_said;
    SLV_TRY(slv_link_start(&m->link, m->loop, SLV_DAEMON_LINK_FD, err));
    SLV_TRY(slv_listeners_take(m->o->handed, SLV_DAEMON_FIRST_FD, &m->listeners, err));
    if (m->o->role == SLV_DAEMON_NEXT) {
        SLV_TRY(slv_heir_add(&m->heir, SLV_DAEMON_FIRST_FD + (int)m->listeners.count, err));
        slv_link_say(&m->link, "waiting");
        (void)slv_loop_run_until(m->loop, goes, m, FOREVER_MS);
        if (m->stopping)
            return SLV_OK;
    }
    SLV_TRY(slv_main_open_state(m, err));
    SLV_TRY(slv_main_open_server(m, err));
    SLV_TRY(slv_main_open_api(m, err));
    SLV_TRY(slv_server_start(m->server, err));
    m->serving = true;
    slv_host_start(m->host, on_started, m);
    slv_loop_run(m->loop);
    return m->code;
}

slv_code slv_daemon_main(const slv_daemon_options *options, slv_err *err)
{
    slv_main *m = slv_new0(slv_main);
    slv_code code;

    if (options->title)
        options->title("selvage: main");
    m->o = options;
    m->config = options->config;
    m->err = err;
    m->link.fd = -1;
    slv_bequest_init(&m->bequest);
    m->adopter.pidfd = -1;
    m->adopt_timer.fn = on_adopt;
    m->stop_task.fn = stop_now;
    code = run(m, err);
    if (code != SLV_OK)
        slv_link_say(&m->link, "failed %s", slv_err_text(err));
    if (code == SLV_OK && m->released)
        slv_main_be_front(m);
    slv_main_close(m);
    free(m);
    return code;
}
