/*
 * What is deployed: everything at the start, and one worker when its rows have changed.
 *
 * A change is one call on the catalog that reads the rows and makes the versions (on a thread of
 * the pool), then the orders to the server. Changes are made one after the other, so that an older
 * state never follows a newer one.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "catalog/consumer.h"
#include "fmt/json.h"
#include "host/host_int.h"

#define ARENA_MAX ((size_t)1 << 30)
#define TEXT_MAX ((size_t)4 << 20)
/* Where a consumer's row says nothing. */
#define CONSUMER_BATCH 10
#define CONSUMER_CONCURRENCY 0

/* What one worker is to become. */
typedef struct target {
    slv_worker_row row;
    slv_deploy deploy; /* with references */
    slv_str *crons;
    size_t cron_count;
    slv_consumer *consumers;
    size_t consumer_count;
} target;

typedef struct host_change {
    slv_list node;
    slv_call call;
    slv_host *host;
    slv_arena arena;
    bool all;           /* every worker: the start */
    slv_worker_key key; /* else this one */
    /* what is in force now: versions that stay are not made anew */
    slv_deploy old;
    slv_str old_settings, old_objects;
    SLV_VEC(target) targets; /* none: the worker is not deployed */
    bool gone;               /* there is no such worker any more */
    slv_route_list routes;
    slv_err failed;
    void (*done)(void *arg, const slv_err *err);
    void *arg;
} host_change;

slv_str slv_host_key(const slv_worker_key *key, slv_buf *out)
{
    slv_buf_reset(out);
    if (slv_buf_printf(out, "%.*s/%.*s/%.*s", SLV_STR_ARGS(key->account),
                       SLV_STR_ARGS(key->dispatch), SLV_STR_ARGS(key->name)) != SLV_OK)
        slv_buf_reset(out);
    return slv_buf_view(out);
}

static void deploy_done(slv_deploy *d)
{
    for (size_t i = 0; i < d->count; i++)
        (void)slv_version_unref(d->versions[i]);
    d->count = 0;
}

static void worker_free(host_worker *w)
{
    deploy_done(&w->deploy);
    slv_arena_done(&w->arena);
    free(w);
}

static void forget_names(slv_host *host)
{
    slv_map_done(&host->by_name);
    host->by_name = (__typeof__(host->by_name)){0};
}

void slv_host_workers_free(slv_host *host)
{
    forget_names(host);
    SLV_MAP_EACH (&host->workers, i)
        worker_free(host->workers.values[i]);
    slv_map_done(&host->workers);
}

/* ---- reading, on a thread of the pool ---- */

static slv_code read_crons(host_change *c, target *t, slv_err *err)
{
    slv_node *list = NULL;

    if (t->row.crons.len == 0)
        return SLV_OK;
    SLV_TRY(slv_json_parse(t->row.crons, SLV_JSON_STRICT, &c->arena, &list, err));
    t->crons = slv_arena_try_alloc0(&c->arena, (list->count + 1) * sizeof *t->crons);
    if (!t->crons)
        return slv_fail(err, SLV_E_LIMIT, "too many crons");
    for (const slv_node *n = list->first; n; n = n->next) {
        if (slv_node_str(n).len > 0)
            t->crons[t->cron_count++] = n->text;
    }
    return SLV_OK;
}

static uint32_t setting(int64_t value, int64_t otherwise)
{
    return (uint32_t)(value < 0 || value > UINT32_MAX ? otherwise : value);
}

static slv_code read_consumers(host_change *c, slv_catalog *catalog, target *t, slv_err *err)
{
    slv_consumer_list list = {0};

    if (t->row.dispatch.len > 0)
        return SLV_OK;
    SLV_TRY(slv_catalog_consumers_of(catalog, t->row.account, t->row.name, &c->arena, &list, err));
    t->consumers = slv_arena_try_alloc0(&c->arena, (list.count + 1) * sizeof *t->consumers);
    if (!t->consumers)
        return slv_fail(err, SLV_E_LIMIT, "too many consumers");
    for (size_t i = 0; i < list.count; i++) {
        const slv_consumer_row *r = &list.items[i];
        uint32_t batch = setting(r->batch_size, CONSUMER_BATCH);

        t->consumers[t->consumer_count++] = (slv_consumer){
            .queue = r->queue,
            .dead_letter_queue = r->dead_letter_queue,
            .batch_size = batch > 0 ? batch : 1,
            .batch_timeout_ms = setting(r->wait_ms, SLV_CONSUMER_WAIT_MS),
            .retries = setting(r->retries, SLV_CONSUMER_RETRIES),
            .concurrency = setting(r->concurrency, CONSUMER_CONCURRENCY),
            .retry_delay_s = r->retry_delay_s < 0 ? 0 : r->retry_delay_s,
        };
    }
    return SLV_OK;
}

/* Nothing of the worker that is part of a version has changed. */
static slv_version *same_version(const host_change *c, const target *t, slv_str id)
{
    if (c->all || !slv_str_eq(c->old_settings, t->row.settings) ||
        !slv_str_eq(c->old_objects, t->row.objects))
        return NULL;
    for (size_t i = 0; i < c->old.count; i++) {
        if (slv_str_eq(c->old.versions[i]->id, id))
            return c->old.versions[i];
    }
    return NULL;
}

/* The newest first: its share is the one that grows. */
static slv_code read_versions(host_change *c, slv_catalog *catalog, target *t,
                              const slv_deployment_row *d, slv_err *err)
{
    const slv_worker_key key = slv_worker_row_key(&t->row);
    uint64_t numbers[SLV_SPLIT_MAX] = {0};

    for (size_t i = 0; i < d->version_count; i++) {
        slv_version_row row;
        slv_version *version;

        SLV_TRY(
            slv_catalog_version_get(catalog, &key, d->versions[i].version, &c->arena, &row, err));
        version = same_version(c, t, row.id);
        if (version)
            (void)slv_version_ref(version);
        else
            SLV_TRY(slv_host_load(c->host, &t->row, &row, !c->all, &version, err));
        size_t at = t->deploy.count++;
        if (at == 1 && row.number > numbers[0]) {
            t->deploy.versions[1] = t->deploy.versions[0];
            t->deploy.percent[1] = t->deploy.percent[0];
            at = 0;
        }
        numbers[at] = row.number;
        t->deploy.versions[at] = version;
        t->deploy.percent[at] = d->versions[i].percentage;
    }
    return SLV_OK;
}

/* What is wrong with one worker keeps no other from running. */
static slv_code read_worker(host_change *c, slv_catalog *catalog, const slv_worker_row *row,
                            slv_err *err)
{
    const slv_worker_key key = slv_worker_row_key(row);
    target t = {.row = *row};
    slv_deployment_row d;
    slv_code code = slv_catalog_deployment_current(catalog, &key, &c->arena, &d, err);

    if (code == SLV_E_NOTFOUND)
        return SLV_OK; /* nothing of it is deployed */
    if (code == SLV_OK)
        code = read_versions(c, catalog, &t, &d, err);
    if (code == SLV_OK)
        code = read_crons(c, &t, err);
    if (code == SLV_OK)
        code = read_consumers(c, catalog, &t, err);
    if (code == SLV_OK && t.deploy.count > 0)
        slv_vec_push(&c->targets, t);
    else
        deploy_done(&t.deploy);
    return code;
}

static slv_code read_all(host_change *c, slv_catalog *catalog, slv_err *err)
{
    slv_worker_list list;

    SLV_TRY(slv_catalog_worker_list(catalog, SLV_STR_NULL, SLV_STR_NULL, &c->arena, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        slv_err why = {0};

        if (read_worker(c, catalog, &list.items[i], &why) != SLV_OK)
            slv_log(SLV_LOG_ERROR, "the worker %.*s of the account %.*s does not run: %s",
                    SLV_STR_ARGS(list.items[i].name), SLV_STR_ARGS(list.items[i].account),
                    slv_err_text(&why));
    }
    return SLV_OK;
}

static slv_code read_change(void *arg, slv_catalog *catalog, slv_err *err)
{
    host_change *c = arg;
    slv_worker_row row;
    slv_code code;

    SLV_TRY(
        slv_catalog_route_list(catalog, SLV_STR_NULL, SLV_STR_NULL, &c->arena, &c->routes, err));
    if (c->all)
        return read_all(c, catalog, err);
    code = slv_catalog_worker_get(catalog, &c->key, &c->arena, &row, err);
    c->gone = code == SLV_E_NOTFOUND;
    if (c->gone)
        return SLV_OK;
    return code == SLV_OK ? read_worker(c, catalog, &row, err) : code;
}

/* Of one moment: a deployment that changes between two statements would name a version that the
 * other one has not seen. */
static slv_code run_change(slv_call *call, void *service, slv_err *err)
{
    return slv_catalog_snapshot(service, read_change, slv_container_of(call, host_change, call),
                                err);
}

/* ---- putting into effect ---- */

static void next_change(slv_host *host);

static void change_free(host_change *c)
{
    for (size_t i = 0; i < c->targets.len; i++)
        deploy_done(&c->targets.items[i].deploy);
    slv_vec_done(&c->targets);
    deploy_done(&c->old);
    slv_arena_done(&c->arena);
    free(c);
}

/* Every loop has what this change has brought. */
static void on_seen(void *arg)
{
    host_change *c = arg;
    slv_host *host = c->host;

    if (c->done)
        c->done(c->arg, c->failed.code == SLV_OK ? NULL : &c->failed);
    change_free(c);
    slv_host_settle(host);
}

/* The versions have taken over. The table of this turn was ordered meanwhile. */
static void on_in_effect(void *arg)
{
    host_change *c = arg;

    slv_server_barrier(c->host->server, on_seen, c);
}

static void at_once(slv_mail *mail)
{
    on_in_effect(slv_container_of(mail, host_change, call.mail));
}

static void remove_worker(slv_host *host, const slv_worker_key *key, bool gone)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(4096);
    slv_str k = slv_host_key(key, &text);
    host_worker **found = slv_map_get(&host->workers, k), *w = found ? *found : NULL;

    if (!w)
        return;
    slv_server_undeploy(host->server, w->key.account, w->name, gone);
    (void)slv_map_remove(&host->workers, k);
    forget_names(host);
    worker_free(w);
}

static slv_code keep_worker(const target *t, host_worker **ret)
{
    host_worker *w = slv_new0(host_worker);
    slv_code code;

    w->arena = SLV_ARENA(TEXT_MAX);
    w->workers_dev = t->row.workers_dev;
    w->previews = t->row.previews;
    w->created_ms = t->row.created_ms;
    w->deploy = t->deploy;
    for (size_t i = 0; i < w->deploy.count; i++)
        (void)slv_version_ref(w->deploy.versions[i]);
    code = slv_arena_dup(&w->arena, t->row.account, &w->key.account);
    if (code == SLV_OK)
        code = slv_arena_dup(&w->arena, t->row.dispatch, &w->key.dispatch);
    if (code == SLV_OK)
        code = slv_arena_dup(&w->arena, t->row.name, &w->key.name);
    if (code == SLV_OK)
        code = slv_arena_dup(&w->arena, t->deploy.versions[0]->name, &w->name);
    if (code == SLV_OK)
        code = slv_arena_dup(&w->arena, t->row.settings, &w->settings);
    if (code == SLV_OK)
        code = slv_arena_dup(&w->arena, t->row.objects, &w->objects);
    if (code != SLV_OK) {
        worker_free(w);
        return code;
    }
    *ret = w;
    return SLV_OK;
}

static bool same_deploy(const slv_deploy *a, const slv_deploy *b)
{
    for (size_t i = 0; i < a->count; i++) {
        if (i >= b->count || a->versions[i] != b->versions[i] || a->percent[i] != b->percent[i])
            return false;
    }
    return a->count == b->count;
}

/* True when a deploy was ordered, which `in_effect` follows when it is given. */
static bool put(slv_host *host, const target *t, void (*in_effect)(void *arg), void *arg)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(4096);
    const slv_worker_key key = slv_worker_row_key(&t->row);
    slv_str k = slv_host_key(&key, &text);
    host_worker **found = slv_map_get(&host->workers, k), *old = found ? *found : NULL, *w;
    bool deploys = !old || !same_deploy(&t->deploy, &old->deploy);

    if (keep_worker(t, &w) != SLV_OK) {
        slv_log(SLV_LOG_ERROR, "the rows of the worker %.*s are too large", SLV_STR_ARGS(key.name));
        return false;
    }
    if (deploys)
        slv_server_deploy_split(host->server, &t->deploy, in_effect, arg);
    slv_server_set_triggers(host->server, w->key.account, w->name, t->crons, t->cron_count,
                            t->consumers, t->consumer_count);
    slv_map_set(&host->workers, k, w);
    forget_names(host);
    if (old)
        worker_free(old);
    return deploys;
}

static void keep_routes(slv_host *host, const host_change *c)
{
    slv_arena_reset(&host->route_arena);
    host->routes.len = 0;
    for (size_t i = 0; i < c->routes.count; i++) {
        const slv_route_row *from = &c->routes.items[i];
        slv_route_row r = {.domain = from->domain};

        if (slv_arena_dup(&host->route_arena, from->account, &r.account) == SLV_OK &&
            slv_arena_dup(&host->route_arena, from->worker, &r.worker) == SLV_OK &&
            slv_arena_dup(&host->route_arena, from->pattern, &r.pattern) == SLV_OK)
            slv_vec_push(&host->routes, r);
    }
}

static void on_read(slv_call *call)
{
    host_change *c = slv_container_of(call, host_change, call);
    slv_host *host = c->host;
    bool waits = false;

    host->changing = NULL;
    if (call->code == SLV_E_NOTFOUND && c->all)
        call->code = SLV_OK; /* there is no catalog yet */
    if (call->code != SLV_OK) {
        c->failed = call->err;
        if (c->failed.code == SLV_OK)
            c->failed.code = call->code;
    } else if (!host->stopping) {
        keep_routes(host, c);
        if (!c->all && c->targets.len == 0)
            /* a namespace that is renamed takes its workers along: what they kept stays */
            remove_worker(host, &c->key, c->gone && c->key.dispatch.len == 0);
        /* orders reach a loop in order: the last one's end is everybody's */
        for (size_t i = 0; i < c->targets.len; i++) {
            bool last = i + 1 == c->targets.len;

            waits = put(host, &c->targets.items[i], last ? on_in_effect : NULL, c);
        }
        slv_host_site_soon(host);
    }
    next_change(host);
    if (!waits) { /* after the table that this turn makes */
        c->call.mail.fn = at_once;
        slv_loop_post(host->loop, &c->call.mail);
    }
}

/* ---- changes, one after the other ---- */

static void snapshot(host_change *c)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(4096);
    host_worker **found = slv_map_get(&c->host->workers, slv_host_key(&c->key, &text));

    if (!found || slv_arena_dup(&c->arena, (*found)->settings, &c->old_settings) != SLV_OK ||
        slv_arena_dup(&c->arena, (*found)->objects, &c->old_objects) != SLV_OK)
        return;
    c->old = (*found)->deploy;
    for (size_t i = 0; i < c->old.count; i++)
        (void)slv_version_ref(c->old.versions[i]);
}

static void next_change(slv_host *host)
{
    slv_list *node = host->changing ? NULL : slv_list_pop(&host->changes);

    if (!node)
        return;
    host_change *c = slv_container_of(node, host_change, node);
    host->changing = c;
    if (!c->all)
        snapshot(c);
    c->call = (slv_call){.kind = SLV_CALL_READ, .run = run_change, .done = on_read};
    slv_store_call(host->catalog, host->loop, &c->call);
}

static void add_change(slv_host *host, const slv_worker_key *key,
                       void (*done)(void *arg, const slv_err *err), void *arg)
{
    host_change *c = slv_new0(host_change);

    c->host = host;
    c->arena = SLV_ARENA(ARENA_MAX);
    c->all = !key;
    c->done = done;
    c->arg = arg;
    if (key && (slv_arena_dup(&c->arena, key->account, &c->key.account) != SLV_OK ||
                slv_arena_dup(&c->arena, key->dispatch, &c->key.dispatch) != SLV_OK ||
                slv_arena_dup(&c->arena, key->name, &c->key.name) != SLV_OK))
        c->key = (slv_worker_key){0};
    host->pending++;
    slv_list_push(&host->changes, &c->node);
    next_change(host);
}

typedef struct host_start {
    slv_host *host;
    void (*done)(void *arg, const slv_err *err);
    void *arg;
} host_start;

static void on_workers(void *arg, const slv_err *err)
{
    host_start *s = arg;

    if (err) {
        if (s->done)
            s->done(s->arg, err);
    } else {
        slv_host_pages_start(s->host, s->done, s->arg);
    }
    free(s);
}

/* The workers, then Pages projects. */
void slv_host_start(slv_host *host, void (*done)(void *arg, const slv_err *err), void *arg)
{
    host_start *s = slv_new0(host_start);

    *s = (host_start){host, done, arg};
    add_change(host, NULL, on_workers, s);
}

void slv_host_refresh(slv_host *host, slv_str account, slv_str worker, slv_str dispatch,
                      void (*done)(void *arg, const slv_err *err), void *arg)
{
    const slv_worker_key key = {account, dispatch.ptr ? dispatch : SLV_STR(""), worker};

    add_change(host, &key, done, arg);
}
