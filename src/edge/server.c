#include "edge/server.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "edge/notify_int.h"
#include "edge/object_int.h"
#include "edge/pack_int.h"
#include "edge/release_int.h"
#include "edge/route_int.h"
#include "edge/worker_int.h"
#include "meter/ratelimit.h"
#include "state/state.h"

#define ORDER_TEXT_MAX ((size_t)16 << 20)

/* ---- orders to a loop ---- */

typedef enum order_kind {
    ORDER_DEPLOY,
    ORDER_UNDEPLOY,
    ORDER_TRIGGERS,
    ORDER_SITE,
    ORDER_NOTHING,
    ORDER_PAGE,
    ORDER_RELEASE,
    ORDER_CLOSE,
} order_kind;

typedef struct order {
    slv_mail mail;
    order_kind kind;
    slv_shard *shard;
    slv_deploy deploy; /* with references */
    slv_deploy_job *job;
    slv_site *site; /* a reference */
    bool report, remove;
    slv_arena arena; /* of the strings */
    slv_str tenant, text;
    slv_str *crons;
    slv_consumer *consumers;
    size_t cron_count, consumer_count;
    uint32_t timeout_ms;
} order;

static void on_shard_closed(slv_shard *shard);
static void on_shard_released(slv_shard *shard);
static void on_shard_left(slv_shard *shard);

static void set_triggers(slv_shard *shard, const order *o)
{
    slv_worker *w = slv_worker_find(shard, o->tenant, o->text);

    if (!w || w->count == 0 || shard->closed)
        return;
    slv_cron_set(shard, o->tenant, o->text, o->crons, o->cron_count);
    slv_queue_set(shard, w->versions[0], o->consumers, o->consumer_count);
}

static void on_order(slv_mail *mail)
{
    order *o = slv_container_of(mail, order, mail);
    slv_shard *shard = o->shard;

    switch (o->kind) {
    case ORDER_DEPLOY:
        slv_shard_deploy(shard, &o->deploy, o->report, o->job);
        break;
    case ORDER_UNDEPLOY:
        slv_shard_undeploy(shard, o->tenant, o->text, o->remove);
        break;
    case ORDER_TRIGGERS:
        set_triggers(shard, o);
        break;
    case ORDER_SITE:
        slv_route_set_site(shard, SLV_STEAL(o->site));
        break;
    case ORDER_NOTHING:
        slv_deploy_job_done(o->job);
        break;
    case ORDER_PAGE:
        if (slv_buf_set(&shard->notice_page, o->text) != SLV_OK)
            slv_buf_reset(&shard->notice_page);
        break;
    case ORDER_RELEASE:
        slv_shard_release(shard, o->timeout_ms, on_shard_released, on_shard_left);
        break;
    case ORDER_CLOSE:
        slv_shard_close(shard, o->timeout_ms, on_shard_closed);
        break;
    }
    for (size_t i = 0; i < o->deploy.count; i++)
        (void)slv_version_unref(o->deploy.versions[i]);
    slv_arena_done(&o->arena);
    free(o);
}

static order *order_new(slv_shard *shard, order_kind kind)
{
    order *o = slv_new0(order);

    *o = (order){
        .mail.fn = on_order, .kind = kind, .shard = shard, .arena = SLV_ARENA(ORDER_TEXT_MAX)};
    return o;
}

/* What does not fit is not what it was: no such order is given. */
static void give_order(order *o, slv_code code)
{
    if (code == SLV_OK && !o->shard->server->over) {
        slv_loop_post(o->shard->loop, &o->mail);
        return;
    }
    if (code != SLV_OK)
        slv_log(SLV_LOG_ERROR, "an order to a loop is too large");
    (void)slv_site_unref(o->site);
    slv_arena_done(&o->arena);
    free(o);
}

static void give_deploy(slv_server *server, const slv_deploy *deploy, bool report,
                        slv_deploy_job *job)
{
    if (server->over) {
        slv_deploy_jobs_over(server);
        return;
    }
    for (unsigned i = 0; i < server->count; i++) {
        order *o = order_new(server->shards[i], ORDER_DEPLOY);

        o->deploy = *deploy;
        for (size_t k = 0; k < deploy->count; k++)
            (void)slv_version_ref(deploy->versions[k]);
        o->report = report && i == 0;
        o->job = job;
        give_order(o, SLV_OK);
    }
}

void slv_server_deploy(slv_server *server, slv_version *version)
{
    const slv_deploy deploy = {.versions = {version}, .percent = {100}, .count = 1};

    give_deploy(server, &deploy, true, NULL);
}

static slv_deploy_job *job_new(slv_server *server, void (*done)(void *arg), void *arg)
{
    slv_deploy_job *job = slv_new0(slv_deploy_job);

    job->control = server->o.control;
    job->done = done;
    job->arg = arg;
    atomic_init(&job->left, server->count);
    slv_list_push(&server->jobs, &job->node);
    return job;
}

void slv_server_deploy_split(slv_server *server, const slv_deploy *deploy, void (*done)(void *arg),
                             void *arg)
{
    SLV_ASSERT(deploy->count >= 1 && deploy->count <= SLV_SPLIT_MAX);
    give_deploy(server, deploy, false, done ? job_new(server, done, arg) : NULL);
}

void slv_server_barrier(slv_server *server, void (*done)(void *arg), void *arg)
{
    slv_deploy_job *job = job_new(server, done, arg);

    if (server->over)
        slv_deploy_jobs_over(server);
    for (unsigned i = 0; i < server->count && !server->over; i++) {
        order *o = order_new(server->shards[i], ORDER_NOTHING);

        o->job = job;
        give_order(o, SLV_OK);
    }
}

void slv_server_undeploy(slv_server *server, slv_str tenant, slv_str name, bool remove)
{
    for (unsigned i = 0; i < server->count; i++) {
        order *o = order_new(server->shards[i], ORDER_UNDEPLOY);
        slv_code code = slv_arena_dup(&o->arena, tenant, &o->tenant);

        o->remove = remove;
        if (code == SLV_OK)
            code = slv_arena_dup(&o->arena, name, &o->text);
        give_order(o, code);
    }
}

static slv_code copy_triggers(order *o, const slv_str *crons, const slv_consumer *consumers)
{
    o->crons = slv_arena_try_alloc0(&o->arena, (o->cron_count + 1) * sizeof *o->crons);
    o->consumers = slv_arena_try_alloc0(&o->arena, (o->consumer_count + 1) * sizeof *o->consumers);
    if (!o->crons || !o->consumers)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < o->cron_count; i++)
        SLV_TRY(slv_arena_dup(&o->arena, crons[i], &o->crons[i]));
    for (size_t i = 0; i < o->consumer_count; i++) {
        o->consumers[i] = consumers[i];
        SLV_TRY(slv_arena_dup(&o->arena, consumers[i].queue, &o->consumers[i].queue));
        SLV_TRY(slv_arena_dup(&o->arena, consumers[i].dead_letter_queue,
                              &o->consumers[i].dead_letter_queue));
    }
    return SLV_OK;
}

void slv_server_set_triggers(slv_server *server, slv_str tenant, slv_str name, const slv_str *crons,
                             size_t cron_count, const slv_consumer *consumers,
                             size_t consumer_count)
{
    order *o = order_new(server->shards[0], ORDER_TRIGGERS); /* one loop runs them all */
    slv_code code = slv_arena_dup(&o->arena, tenant, &o->tenant);

    o->cron_count = cron_count;
    o->consumer_count = consumer_count;
    if (code == SLV_OK)
        code = slv_arena_dup(&o->arena, name, &o->text);
    if (code == SLV_OK)
        code = copy_triggers(o, crons, consumers);
    give_order(o, code);
}

void slv_server_on_preview(slv_server *server,
                           void (*fn)(void *user, slv_preview_ask *ask, slv_str host), void *user)
{
    server->preview = fn;
    server->preview_user = user;
}

void slv_server_set_site(slv_server *server, slv_site *site)
{
    for (unsigned i = 0; i < server->count; i++) {
        order *o = order_new(server->shards[i], ORDER_SITE);

        o->site = slv_site_ref(site);
        give_order(o, SLV_OK);
    }
}

void slv_server_set_notice_page(slv_server *server, slv_str html)
{
    for (unsigned i = 0; i < server->count; i++) {
        order *o = order_new(server->shards[i], ORDER_PAGE);

        give_order(o, slv_arena_dup(&o->arena, html, &o->text));
    }
}

/* ---- figures ---- */

typedef struct stats_ask {
    slv_mail mail;
    slv_server *server;
    unsigned at;
    slv_server_stats sum;
    void (*fn)(void *user, const slv_server_stats *stats);
    void *user;
} stats_ask;

static void on_stats_done(slv_mail *mail)
{
    stats_ask *ask = slv_container_of(mail, stats_ask, mail);

    ask->fn(ask->user, &ask->sum);
    free(ask);
}

/* Goes from loop to loop, then home. */
static void on_stats(slv_mail *mail)
{
    stats_ask *ask = slv_container_of(mail, stats_ask, mail);
    slv_shard *shard = ask->server->shards[ask->at];

    ask->sum.requests += shard->requests;
    if (shard->http)
        ask->sum.connections += slv_http_server_connections(shard->http);
    if (shard->pool) {
        slv_pool_stats s;

        slv_pool_get_stats(shard->pool, &s);
        ask->sum.pool.isolates += s.isolates;
        ask->sum.pool.starting += s.starting;
        ask->sum.pool.open_events += s.open_events;
        ask->sum.pool.waiting_events += s.waiting_events;
        ask->sum.pool.started_exec += s.started_exec;
        ask->sum.pool.started_zygote += s.started_zygote;
        ask->sum.pool.started_app_zygote += s.started_app_zygote;
        ask->sum.pool.killed_cpu += s.killed_cpu;
        ask->sum.pool.killed_memory += s.killed_memory;
        ask->sum.pool.crashed += s.crashed;
        ask->sum.pool.rss_bytes += s.rss_bytes;
        ask->sum.pool.last_start_us = SLV_MAX(ask->sum.pool.last_start_us, s.last_start_us);
    }
    if (++ask->at < ask->server->count) {
        slv_loop_post(ask->server->shards[ask->at]->loop, &ask->mail);
        return;
    }
    ask->mail.fn = on_stats_done;
    slv_loop_post(ask->server->o.control, &ask->mail);
}

void slv_server_get_stats(slv_server *server, void (*fn)(void *user, const slv_server_stats *stats),
                          void *user)
{
    stats_ask *ask = slv_new0(stats_ask);

    *ask = (stats_ask){.mail.fn = on_stats, .server = server, .fn = fn, .user = user};
    slv_loop_post(server->shards[0]->loop, &ask->mail);
}

/* ---- listening and starting ---- */

slv_code slv_server_listen(slv_server *server, const slv_listen_options *options,
                           uint16_t *ret_port, slv_err *err)
{
    slv_listen_options o = *options;

    SLV_ASSERT(!server->started);
    o.reuse_port = server->count > 1 && o.unix_path.len == 0;
    for (unsigned i = 0; i < server->count; i++) {
        if (o.unix_path.len > 0 && i > 0)
            break; /* a path has one listener */
        SLV_TRY(slv_http_server_listen(server->shards[i]->http, &o, err));
        if (o.unix_path.len == 0)
            o.port = slv_http_server_port(server->shards[i]->http); /* the others take the same */
    }
    if (ret_port)
        *ret_port = o.port;
    return SLV_OK;
}

/* A listening socket for a loop that runs. */
typedef struct listen_mail {
    slv_mail mail;
    slv_shard *shard;
    int fd;
    slv_listener_traits traits;
} listen_mail;

static void on_listen(slv_mail *mail)
{
    listen_mail *l = slv_container_of(mail, listen_mail, mail);
    slv_err err = {0};

    if (l->shard->draining) {
        close(l->fd);
    } else if (slv_http_server_listen_fd(l->shard->http, l->fd, &l->traits, &err) != SLV_OK) {
        slv_log(SLV_LOG_ERROR, "%s", slv_err_text(&err));
        close(l->fd);
    }
    free(l);
}

static slv_code listen_fd(slv_shard *shard, int own, const slv_listener_traits *traits,
                          slv_err *err)
{
    listen_mail *l;

    if (!shard->server->started)
        return slv_http_server_listen_fd(shard->http, own, traits, err);
    l = slv_new0(listen_mail);
    *l = (listen_mail){.mail.fn = on_listen, .shard = shard, .fd = own, .traits = *traits};
    slv_loop_post(shard->loop, &l->mail);
    return SLV_OK;
}

slv_code slv_server_listen_fd(slv_server *server, int fd, const slv_listener_traits *traits,
                              slv_err *err)
{
    for (unsigned i = 0; i < server->count; i++) {
        int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        slv_code code;

        if (own < 0)
            return slv_fail_errno(err, SLV_E_IO, "a listening socket");
        code = listen_fd(server->shards[i], own, traits, err);
        if (code != SLV_OK) {
            close(own);
            return code;
        }
    }
    return SLV_OK;
}

typedef struct adopt_mail {
    slv_mail mail;
    slv_shard *shard;
    int fd;
    slv_handed about;
    slv_tls_server *tls;
    char received[];
} adopt_mail;

static void on_adopt(slv_mail *mail)
{
    adopt_mail *a = slv_container_of(mail, adopt_mail, mail);
    slv_shard *to = a->shard, *first = to->server->shards[0];

    if (to->on_first && to != first) { /* where the objects are that it may ask for */
        a->shard = first;
        slv_loop_post(first->loop, &a->mail);
        return;
    }
    if (to->http)
        slv_http_server_take(to->http, a->fd, &a->about, a->tls);
    else
        (void)close(a->fd);
    free(a);
}

void slv_server_adopt(slv_server *server, int fd, const slv_handed *about, slv_tls_server *tls)
{
    adopt_mail *a = slv_alloc(sizeof *a + about->received.len);

    *a = (adopt_mail){
        .mail.fn = on_adopt,
        .shard = server->shards[server->adopted++ % server->count],
        .fd = fd,
        .about = *about,
        .tls = tls,
    };
    if (about->received.len > 0)
        memcpy(a->received, about->received.ptr, about->received.len);
    a->about.received.ptr = a->received;
    slv_loop_post(a->shard->loop, &a->mail);
}

typedef struct socket_mail {
    slv_mail mail;
    slv_objects *objects;
    int fd;
    size_t len;
    char state[];
} socket_mail;

static void on_adopt_socket(slv_mail *mail)
{
    socket_mail *m = slv_container_of(mail, socket_mail, mail);

    slv_objects_adopt(m->objects, slv_str_make(m->state, m->len), m->fd);
    free(m);
}

static void on_adopted(slv_mail *mail)
{
    socket_mail *m = slv_container_of(mail, socket_mail, mail);

    slv_objects_adopted(m->objects);
    free(m);
}

static void post_socket(slv_server *server, slv_str state, int fd, void (*fn)(slv_mail *mail))
{
    slv_shard *first = server->shards[0];
    socket_mail *m = slv_alloc(sizeof *m + state.len);

    *m = (socket_mail){.mail.fn = fn, .objects = first->objects, .fd = fd, .len = state.len};
    if (state.len > 0)
        memcpy(m->state, state.ptr, state.len);
    slv_loop_post(first->loop, &m->mail);
}

void slv_server_adopt_socket(slv_server *server, slv_str state, int fd)
{
    post_socket(server, state, fd, on_adopt_socket);
}

void slv_server_adopted(slv_server *server)
{
    post_socket(server, SLV_STR_NULL, -1, on_adopted);
}

slv_code slv_server_start(slv_server *server, slv_err *err)
{
    SLV_ASSERT(!server->started);
    for (unsigned i = 0; i < server->count; i++) {
        char name[16];

        (void)snprintf(name, sizeof name, "loop-%u", i);
        SLV_TRY(slv_loop_start_thread(server->shards[i]->loop, name, err));
        server->shards[i]->threaded = true;
        server->started = true;
    }
    return SLV_OK;
}

/* ---- life ---- */

slv_code slv_server_new(const slv_server_options *options, slv_server **ret, slv_err *err)
{
    SLV_CLEANUP(slv_server_free) slv_server *server = slv_new0(slv_server);
    unsigned count = options->loops ? options->loops : 1;

    if (count > SLV_SERVER_LOOPS_MAX)
        return slv_fail(err, SLV_E_INVAL, "%u loop threads; 1 to %d are allowed", count,
                        SLV_SERVER_LOOPS_MAX);
    SLV_ASSERT(options->control);
    server->o = *options;
    slv_list_init(&server->jobs);
    slv_list_init(&server->probes);
    if (options->program)
        server->o.program = server->program = slv_strdup(options->program);
    if (options->project_dir)
        server->o.project_dir = server->project_dir = slv_strdup(options->project_dir);
    if (options->ca_file)
        server->o.ca_file = server->ca_file = slv_strdup(options->ca_file);
    if (options->cf_json.len > 0)
        server->cf = slv_strndup(options->cf_json.ptr, options->cf_json.len);
    server->o.cf_json = slv_str_make(server->cf, options->cf_json.len);
    server->o.colo = slv_str_make(server->colo, SLV_MIN(options->colo.len, sizeof server->colo));
    if (server->o.colo.len > 0)
        memcpy(server->colo, options->colo.ptr, server->o.colo.len);
    if (options->record)
        SLV_TRY(slv_record_create(options->record, &server->record, err));
    server->ratelimits = slv_ratelimits_new();
    if (options->state) {
        SLV_CLEANUP(slv_charp_free)
        char *packed = slv_path_join(slv_state_dir(options->state), SLV_STR("packed"));

        server->packer = slv_packer_new(packed);
    }
    if (options->state)
        server->notify = slv_notify_new(server, options->control, options->state);
    server->shards = slv_alloc0(count * sizeof *server->shards);
    for (; server->count < count; server->count++) {
        slv_code code = slv_shard_open(server, server->count, &server->shards[server->count], err);

        if (code != SLV_OK) {
            server->count++; /* the half-built one is freed with the others */
            return code;
        }
    }
    server->shards[0]->objects->adopting = options->adopts;
    *ret = SLV_STEAL(server);
    return SLV_OK;
}

static void on_all_closed(slv_mail *mail);

/* On the shard's loop. */
static void on_shard_closed(slv_shard *shard)
{
    shard->over.fn = on_all_closed;
    slv_loop_post(shard->server->o.control, &shard->over);
}

/* On the control loop, once for each shard. */
static void on_all_closed(slv_mail *mail)
{
    slv_shard *shard = slv_container_of(mail, slv_shard, over);
    slv_server *server = shard->server;

    if (shard->threaded) {
        slv_loop_stop(shard->loop);
        slv_loop_join_thread(shard->loop);
        shard->threaded = false;
    }
    if (--server->closing > 0)
        return;
    server->over = true;
    slv_deploy_jobs_over(server);
    slv_probes_over(server);
    if (server->drained)
        server->drained(server->drained_user);
}

/* ---- giving way to another process ---- */

static void on_all_left(slv_mail *mail)
{
    slv_server *server = slv_container_of(mail, slv_shard, left_mail)->server;

    if (--server->left == 0 && !server->stopping)
        server->left_over(server->released_user);
}

/* On the shard's loop, as the next. */
static void on_shard_left(slv_shard *shard)
{
    shard->left_mail.fn = on_all_left;
    slv_loop_post(shard->server->o.control, &shard->left_mail);
}

static void on_all_released(slv_mail *mail)
{
    slv_server *server = slv_container_of(mail, slv_shard, released_mail)->server;

    if (--server->releasing == 0)
        server->released(server->released_user);
}

static void on_shard_released(slv_shard *shard)
{
    shard->released_mail.fn = on_all_released;
    slv_loop_post(shard->server->o.control, &shard->released_mail);
}

void slv_server_release(slv_server *server, uint32_t timeout_ms, void (*released)(void *user),
                        void (*over)(void *user), void *user)
{
    SLV_ASSERT(server->started && !server->stopping && server->o.hand_socket);
    server->released = released;
    server->left_over = over;
    server->released_user = user;
    server->releasing = server->left = server->count;
    for (unsigned i = 0; i < server->count; i++) {
        order *o = order_new(server->shards[i], ORDER_RELEASE);

        o->timeout_ms = timeout_ms;
        give_order(o, SLV_OK);
    }
}

void slv_server_drain(slv_server *server, uint32_t timeout_ms, void (*done)(void *user), void *user)
{
    SLV_ASSERT(server->started && !server->stopping);
    server->stopping = true;
    server->drained = done;
    server->drained_user = user;
    server->closing = server->count;
    for (unsigned i = 0; i < server->count; i++) {
        order *o = order_new(server->shards[i], ORDER_CLOSE);

        o->timeout_ms = timeout_ms;
        give_order(o, SLV_OK);
    }
}

static void on_early_close(slv_shard *shard)
{
    shard->pool = NULL;
}

static bool is_closed(void *arg)
{
    const slv_shard *shard = arg;

    return shard->settled;
}

slv_server *slv_server_free(slv_server *server)
{
    if (!server)
        return NULL;
    for (unsigned i = 0; i < server->count; i++) {
        slv_shard *shard = server->shards[i];

        SLV_ASSERT(!shard->threaded);
        if (shard->pool) { /* was never started */
            slv_shard_close(shard, 0, on_early_close);
            (void)slv_loop_run_until(shard->loop, is_closed, shard, 10000);
        }
        server->shards[i] = slv_shard_free(shard);
    }
    server->notify = slv_notify_free(server->notify);
    free(server->shards);
    slv_err err = {0};
    if (server->record && slv_record_close(server->record, &err) != SLV_OK)
        slv_log(SLV_LOG_ERROR, "%s", slv_err_text(&err));
    (void)slv_ratelimits_free(server->ratelimits);
    (void)slv_packer_free(server->packer);
    free(server->program);
    free(server->project_dir);
    free(server->ca_file);
    free(server->cf);
    free(server);
    return NULL;
}
