/* Which versions answer for a worker, and how others take over. */
#include "edge/worker_int.h"

#include "base/mem.h"
#include "edge/object_int.h"

#define KEY_MAX ((size_t)1024)

/* A deploy that waits for its versions to be up. */
typedef struct slv_takeover {
    slv_shard *shard;
    slv_worker *worker; /* NULL: another deploy has come, or the worker has gone */
    slv_deploy_job *job;
    slv_version *versions[SLV_SPLIT_MAX]; /* references */
    double percent[SLV_SPLIT_MAX];
    size_t count;
    unsigned starting;
} takeover;

/* ---- which there are ---- */

static slv_str key_of(slv_str tenant, slv_str name, char out[KEY_MAX])
{
    if (tenant.len + name.len >= KEY_MAX)
        return SLV_STR_NULL;
    if (tenant.len > 0)
        memcpy(out, tenant.ptr, tenant.len);
    out[tenant.len] = '\0';
    if (name.len > 0)
        memcpy(out + tenant.len + 1, name.ptr, name.len);
    return slv_str_make(out, tenant.len + 1 + name.len);
}

slv_worker *slv_worker_find(slv_shard *shard, slv_str tenant, slv_str name)
{
    char text[KEY_MAX];
    slv_str key = key_of(tenant, name, text);
    slv_worker **found = key.len > 0 ? slv_map_get(&shard->workers, key) : NULL;

    return found ? *found : NULL;
}

/* Spread over 0 to 100, the same in every process. */
static double place_of(slv_str key)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < key.len; i++)
        h = (h ^ (unsigned char)key.ptr[i]) * 0x100000001b3u;
    h ^= h >> 33; /* the end of murmur3: short keys differ in few bits */
    h *= 0xff51afd7ed558ccdu;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53u;
    h ^= h >> 33;
    return (double)(h >> 11) / 0x1p53 * 100;
}

static slv_version *at_place(const slv_worker *w, double place)
{
    double sum = 0;

    for (size_t i = 0; i + 1 < w->count; i++) {
        sum += w->percent[i];
        if (place < sum)
            return w->versions[i];
    }
    return w->count > 0 ? w->versions[w->count - 1] : NULL;
}

slv_version *slv_worker_any(slv_shard *shard, const slv_worker *w)
{
    if (SLV_LIKELY(w->count == 1))
        return w->versions[0];
    return at_place(w, (double)(slv_prng_next(&shard->prng) >> 11) / 0x1p53 * 100);
}

slv_version *slv_worker_for(const slv_worker *w, slv_str key)
{
    return at_place(w, w->count > 1 ? place_of(key) : 0);
}

slv_version *slv_worker_version(const slv_worker *w, slv_str id)
{
    for (size_t i = 0; i < w->count; i++) {
        if (slv_str_eq_nocase(w->versions[i]->id, id))
            return w->versions[i];
    }
    return NULL;
}

bool slv_worker_may_call_objects(const slv_version *version)
{
    if (version->service_count > 0 || version->class_count > 0)
        return true;
    for (size_t i = 0; i < version->resource_count; i++) {
        if (version->resources[i]->type == SLV_BINDING_OBJECTS ||
            version->resources[i]->type == SLV_BINDING_DISPATCH)
            return true;
    }
    return false;
}

slv_version *slv_shard_worker(slv_shard *shard, slv_str tenant, slv_str name)
{
    const slv_worker *w = slv_worker_find(shard, tenant, name);

    return w ? slv_worker_any(shard, w) : NULL;
}

slv_version *slv_shard_worker_for(slv_shard *shard, slv_str tenant, slv_str name, slv_str key)
{
    const slv_worker *w = slv_worker_find(shard, tenant, name);

    return w ? slv_worker_for(w, key) : NULL;
}

slv_version *slv_shard_main(slv_shard *shard)
{
    return shard->main_worker ? slv_worker_any(shard, shard->main_worker) : NULL;
}

/* ---- jobs: what the control loop waits for ---- */

static void on_job_over(slv_mail *mail)
{
    slv_deploy_job *job = slv_container_of(mail, slv_deploy_job, mail);

    slv_list_remove(&job->node);
    job->done(job->arg);
    free(job);
}

void slv_deploy_jobs_over(slv_server *server)
{
    SLV_LIST_EACH (node, &server->jobs) {
        slv_deploy_job *job = slv_container_of(node, slv_deploy_job, node);

        /* of the others the mail is under way */
        if (atomic_load(&job->left) > 0) {
            atomic_store(&job->left, 1);
            slv_deploy_job_done(job);
        }
    }
}

void slv_deploy_job_done(slv_deploy_job *job)
{
    if (!job || atomic_fetch_sub_explicit(&job->left, 1, memory_order_acq_rel) != 1)
        return;
    job->mail.fn = on_job_over;
    slv_loop_post(job->control, &job->mail);
}

/* ---- taking over ---- */

typedef struct warm_report {
    slv_version *version;
    bool report;
} warm_report;

static void on_warm(void *user, void *arg, slv_isolate *iso, const slv_err *err)
{
    slv_shard *shard = user;
    warm_report *warm = arg;

    (void)iso;
    if (warm->report)
        slv_hook_deployed(shard, warm->version, err,
                          err ? slv_pool_failure(shard->pool, warm->version) : SLV_STR_NULL);
    (void)slv_version_unref(warm->version);
    free(warm);
}

/* A version without a script is all assets: no isolate is ever started. */
static bool has_script(const slv_version *version)
{
    return !version->assets || slv_assets_has_worker(version->assets);
}

static void warm(slv_shard *shard, slv_version *version, bool report)
{
    if (!has_script(version)) {
        if (report)
            slv_hook_deployed(shard, version, NULL, SLV_STR_NULL);
        return;
    }
    warm_report *w = slv_new0(warm_report);
    *w = (warm_report){slv_version_ref(version), report};
    slv_pool_warm(shard->pool, version, on_warm, w);
}

static slv_worker *worker_new(slv_shard *shard, slv_str tenant, slv_str name)
{
    char text[KEY_MAX];
    slv_str key = key_of(tenant, name, text);
    slv_worker *w;

    if (key.len == 0)
        return NULL;
    w = slv_new0(slv_worker);
    w->tenant = slv_str_make(slv_strndup(tenant.ptr, tenant.len), tenant.len);
    w->name = slv_str_make(slv_strndup(name.ptr, name.len), name.len);
    slv_map_set(&shard->workers, key, w);
    return w;
}

static bool has_version(slv_version *const *list, size_t n, const slv_version *v)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] == v)
            return true;
    }
    return false;
}

/* From here on the new versions answer. */
static void take_over(slv_shard *shard, slv_worker *w, const slv_deploy *d)
{
    slv_worker old = *w;

    w->count = d->count;
    for (size_t i = 0; i < d->count; i++) {
        w->versions[i] = slv_version_ref(d->versions[i]);
        w->percent[i] = d->percent[i];
        if (shard->server->o.dev) {
            slv_r2_deploy(shard, d->versions[i]);
            slv_cron_set(shard, w->tenant, w->name, d->versions[i]->crons,
                         d->versions[i]->cron_count);
            slv_queue_set(shard, d->versions[i], d->versions[i]->consumers,
                          d->versions[i]->consumer_count);
        }
        if (d->versions[i]->class_count > 0 && !shard->on_first) {
            shard->on_first = true;
            if (shard->index != 0 && shard->http)
                slv_http_server_yield(shard->http);
        }
    }
    slv_objects_deploy(shard, w);
    slv_queue_version(shard, w);
    for (size_t i = 0; i < old.count; i++) {
        if (!has_version(w->versions, w->count, old.versions[i]))
            slv_pool_retire(shard->pool, old.versions[i]);
        (void)slv_version_unref(old.versions[i]);
    }
}

static void takeover_free(takeover *t)
{
    for (size_t i = 0; i < t->count; i++)
        (void)slv_version_unref(t->versions[i]);
    free(t);
}

static void takeover_step(takeover *t)
{
    if (--t->starting > 0)
        return;
    if (t->worker && !t->shard->closed) {
        slv_deploy d = {.count = t->count};

        t->worker->next = NULL;
        for (size_t i = 0; i < t->count; i++) {
            d.versions[i] = t->versions[i];
            d.percent[i] = t->percent[i];
        }
        take_over(t->shard, t->worker, &d);
    }
    slv_deploy_job_done(t->job);
    takeover_free(t);
}

/* Also when it cannot start: what was deployed answers, with that error. */
static void on_up(void *user, void *arg, slv_isolate *iso, const slv_err *err)
{
    (void)user;
    (void)iso;
    (void)err;
    takeover_step(arg);
}

/* The worker has isolates now: its next versions get theirs before they are called. */
static bool prepare(slv_shard *shard, slv_worker *w, const slv_deploy *d, slv_deploy_job *job)
{
    bool busy = false;

    for (size_t i = 0; i < w->count; i++)
        busy = busy || slv_pool_has(shard->pool, w->versions[i]);
    if (!busy)
        return false;
    takeover *t = slv_new0(takeover);
    *t = (takeover){.shard = shard, .worker = w, .job = job, .count = d->count, .starting = 1};
    for (size_t i = 0; i < d->count; i++) {
        t->versions[i] = slv_version_ref(d->versions[i]);
        t->percent[i] = d->percent[i];
        if (has_version(w->versions, w->count, d->versions[i]) || !has_script(d->versions[i]))
            continue;
        t->starting++;
        slv_pool_warm(shard->pool, d->versions[i], on_up, t);
    }
    w->next = t;
    takeover_step(t);
    return true;
}

static void forget_next(slv_worker *w)
{
    if (w->next)
        w->next->worker = NULL;
    w->next = NULL;
}

void slv_shard_deploy(slv_shard *shard, const slv_deploy *d, bool report, slv_deploy_job *job)
{
    slv_worker *w = slv_worker_find(shard, d->versions[0]->tenant, d->versions[0]->name);

    if (!w && !shard->closed)
        w = worker_new(shard, d->versions[0]->tenant, d->versions[0]->name);
    if (shard->closed || !w) {
        slv_deploy_job_done(job);
        return;
    }
    forget_next(w);
    if (!shard->server->o.dev && prepare(shard, w, d, job))
        return;
    if (shard->server->o.dev) {
        if (!shard->main_worker)
            shard->main_worker = w;
        warm(shard, d->versions[0], report);
    }
    take_over(shard, w, d);
    slv_deploy_job_done(job);
}

static void worker_drop(slv_shard *shard, slv_worker *w, bool remove)
{
    char text[KEY_MAX];

    forget_next(w);
    if (shard->main_worker == w)
        shard->main_worker = NULL;
    (void)slv_map_remove(&shard->workers, key_of(w->tenant, w->name, text));
    slv_cron_set(shard, w->tenant, w->name, NULL, 0);
    slv_queue_undeploy(shard, w->tenant, w->name);
    if (w->count > 0)
        slv_objects_undeploy(shard, w->versions[0], remove);
    for (size_t i = 0; i < w->count; i++) {
        slv_pool_retire(shard->pool, w->versions[i]);
        (void)slv_version_unref(w->versions[i]);
    }
    free((void *)(uintptr_t)w->tenant.ptr);
    free((void *)(uintptr_t)w->name.ptr);
    free(w);
}

void slv_shard_undeploy(slv_shard *shard, slv_str tenant, slv_str name, bool remove)
{
    slv_worker *w = slv_worker_find(shard, tenant, name);

    if (w)
        worker_drop(shard, w, remove);
}

void slv_shard_undeploy_all(slv_shard *shard)
{
    while (shard->workers.len > 0)
        worker_drop(shard, shard->workers.values[shard->workers.len - 1], false);
}
