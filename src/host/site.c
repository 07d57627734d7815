/* The routing table of what is deployed, and previews of what is not. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "host/host_int.h"

/* ---- the table ---- */

static int by_age(const void *a, const void *b)
{
    const host_worker *x = *(host_worker *const *)a, *y = *(host_worker *const *)b;

    if (x->created_ms != y->created_ms)
        return x->created_ms < y->created_ms ? -1 : 1;
    return slv_str_cmp(x->key.account, y->key.account);
}

static const host_worker *worker_of(slv_host *host, slv_str account, slv_str name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(4096);
    const slv_worker_key k = {account, SLV_STR(""), name};
    host_worker **found = slv_map_get(&host->workers, slv_host_key(&k, &key));

    return found ? *found : NULL;
}

/* "<worker>.<domain>"; where two accounts have the name, the worker that was there first. */
static void add_names(slv_host *host, slv_site *site)
{
    SLV_CLEANUP(slv_free) void *memory = slv_alloc0((host->workers.len + 1) * sizeof(void *));
    host_worker **list = memory;
    size_t n = 0;

    for (size_t i = 0; i < host->workers.len; i++) {
        host_worker *w = host->workers.values[i];

        if (w->key.dispatch.len == 0 && w->workers_dev && w->deploy.count > 0)
            list[n++] = w;
    }
    qsort(list, n, sizeof *list, by_age);
    for (size_t i = 0; i < n; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(4096);
        const slv_site_target target = {list[i]->key.account, list[i]->name};
        slv_err err = {0};

        if (slv_buf_printf(&name, "%.*s.%s", SLV_STR_ARGS(list[i]->key.name), host->domain) !=
                SLV_OK ||
            slv_site_add_host(site, slv_buf_view(&name), SLV_SITE_NAME, &target, &err) != SLV_OK)
            slv_log(SLV_LOG_WARN, "the worker %.*s of the account %.*s has no host of its own: %s",
                    SLV_STR_ARGS(list[i]->key.name), SLV_STR_ARGS(list[i]->key.account),
                    slv_err_text(&err));
    }
}

static void add_routes(slv_host *host, slv_site *site)
{
    for (size_t i = 0; i < host->routes.len; i++) {
        const slv_route_row *r = &host->routes.items[i];
        const slv_site_target target = {r->account, r->worker};
        slv_err err = {0};
        slv_code code;

        /* a worker that is not deployed leaves what is below its route to others */
        if (r->worker.len > 0 && !worker_of(host, r->account, r->worker))
            continue;
        if (r->domain)
            code = slv_site_add_host(site, r->pattern, SLV_SITE_DOMAIN, &target, &err);
        else
            code = slv_site_add_route(site, r->pattern, &target, &err);
        if (code != SLV_OK)
            slv_log(SLV_LOG_WARN, "a route is left out: %s", slv_err_text(&err));
    }
}

static void make_names(slv_host *host);

static void make_site(slv_task *task)
{
    slv_host *host = slv_container_of(task, slv_host, site_task);
    SLV_CLEANUP(slv_site_unref) slv_site *site = slv_site_new();
    slv_err err = {0};

    add_routes(host, site);
    if (*host->domain) {
        add_names(host, site);
        if (slv_site_add_asked(site, slv_str_from(host->domain), &err) != SLV_OK)
            slv_log(SLV_LOG_WARN, "%s", slv_err_text(&err));
    }
    for (size_t i = 0; i < host->source_count; i++)
        host->sources[i].add(host->sources[i].arg, site);
    slv_server_set_site(host->server, site);
    make_names(host);
}

/* The same without patterns, which may stand for any number of hosts. */
static void make_names(slv_host *host)
{
    SLV_CLEANUP(slv_site_unref) slv_site *names = slv_site_new();

    for (size_t i = 0; i < host->routes.len; i++) {
        const slv_route_row *r = &host->routes.items[i];
        const slv_site_target target = {r->account, r->worker};
        slv_str name = r->pattern;
        size_t at = slv_str_find(name, SLV_STR("://"), 0);

        if (!r->domain) {
            name = slv_str_skip(name, at == SIZE_MAX ? 0 : at + 3);
            name = slv_str_sub(name, 0, slv_str_chr(name, '/', 0));
        }
        /* several routes may have one host */
        if (r->worker.len > 0 && slv_str_chr(name, '*', 0) == SIZE_MAX &&
            slv_site_add_host(names, name, SLV_SITE_DOMAIN, &target, NULL) != SLV_OK)
            continue;
    }
    if (*host->domain)
        add_names(host, names);
    for (size_t i = 0; i < host->source_count; i++)
        host->sources[i].add(host->sources[i].arg, names);
    (void)slv_site_unref(host->names);
    host->names = SLV_STEAL(names);
}

bool slv_host_serves(const slv_host *host, slv_str name)
{
    char text[SLV_SITE_HOST_MAX + 1];
    slv_site_target target;
    slv_str found;

    return host->names && slv_site_find(host->names, name, true, SLV_STR("/"), text, &found,
                                        &target) == SLV_SITE_WORKER;
}

void slv_host_site_init(slv_host *host)
{
    host->site_task.fn = make_site;
}

void slv_host_site_soon(slv_host *host)
{
    if (!host->stopping)
        slv_loop_later(host->loop, &host->site_task);
}

/* ---- previews ---- */

#define CANDIDATES_MAX 32

/* "<label>-<worker>": which of the two a host means is not to be seen from its hyphens. */
typedef struct candidate {
    slv_str account, worker, label;
} candidate;

typedef struct host_preview {
    slv_call call;
    slv_host *host;
    slv_preview_ask *ask;
    slv_arena arena;
    candidate list[CANDIDATES_MAX];
    size_t count;
    slv_version *version;
} host_preview;

static slv_code read_preview(void *arg, slv_catalog *service, slv_err *err)
{
    host_preview *p = arg;

    for (size_t i = 0; i < p->count; i++) {
        const slv_worker_key key = {p->list[i].account, SLV_STR(""), p->list[i].worker};
        slv_worker_row worker;
        slv_version_row version;
        slv_code code =
            slv_catalog_version_preview(service, &key, p->list[i].label, &p->arena, &version, err);

        if (code == SLV_E_NOTFOUND)
            continue;
        SLV_TRY(code);
        SLV_TRY(slv_catalog_worker_get(service, &key, &p->arena, &worker, err));
        return slv_host_load(p->host, &worker, &version, true, &p->version, err);
    }
    return slv_fail(err, SLV_E_NOTFOUND, "There is no such version of the worker");
}

static slv_code run_preview(slv_call *call, void *service, slv_err *err)
{
    return slv_catalog_snapshot(service, read_preview, slv_container_of(call, host_preview, call),
                                err);
}

static void on_preview(slv_call *call)
{
    host_preview *p = slv_container_of(call, host_preview, call);
    slv_host *host = p->host;

    slv_server_preview_answer(host->server, p->ask, p->version,
                              call->code == SLV_OK ? NULL : slv_err_text(&call->err));
    (void)slv_version_unref(p->version);
    slv_arena_done(&p->arena);
    free(p);
    slv_host_settle(host);
}

static slv_str lower(slv_str name, char out[SLV_SITE_HOST_MAX + 1])
{
    size_t n = SLV_MIN(name.len, SLV_SITE_HOST_MAX);

    for (size_t i = 0; i < n; i++)
        out[i] = name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? (char)(name.ptr[i] + 32) : name.ptr[i];
    return slv_str_make(out, n);
}

/* The worker that has the host "<name>.<domain>", whether or not that is switched on. */
static const host_worker *named(slv_host *host, slv_str name)
{
    char text[SLV_SITE_HOST_MAX + 1];
    bool made = host->by_name.len > 0;
    host_worker **found;

    for (size_t i = 0; !made && i < host->workers.len; i++) {
        host_worker *w = host->workers.values[i];
        slv_str key = lower(w->key.name, text);

        if (w->key.dispatch.len > 0)
            continue;
        found = slv_map_get(&host->by_name, key);
        if (!found || by_age(&w, found) < 0)
            slv_map_set(&host->by_name, key, w);
    }
    found = slv_map_get(&host->by_name, lower(name, text));
    return found ? *found : NULL;
}

static slv_code find_candidates(host_preview *p, slv_str label, bool *ret_off)
{
    *ret_off = false;
    for (size_t i = 1; i + 1 < label.len && p->count < CANDIDATES_MAX; i++) {
        const host_worker *w =
            label.ptr[i] == '-' ? named(p->host, slv_str_skip(label, i + 1)) : NULL;
        candidate *c = &p->list[p->count];

        if (!w)
            continue;
        if (!w->previews) {
            *ret_off = true;
            continue;
        }
        SLV_TRY(slv_arena_dup(&p->arena, w->key.account, &c->account));
        SLV_TRY(slv_arena_dup(&p->arena, w->key.name, &c->worker));
        SLV_TRY(slv_arena_dup(&p->arena, slv_str_sub(label, 0, i), &c->label));
        p->count++;
    }
    return SLV_OK;
}

/* The one label before the domain; empty: there is another number of them. */
static slv_str label_of(const slv_host *host, slv_str name)
{
    slv_str domain = slv_str_from(host->domain);

    if (name.len <= domain.len + 1 ||
        !slv_str_eq_nocase(slv_str_skip(name, name.len - domain.len), domain))
        return SLV_STR_NULL;
    name = slv_str_sub(name, 0, name.len - domain.len - 1);
    return slv_str_chr(name, '.', 0) == SIZE_MAX ? name : SLV_STR_NULL;
}

void slv_host_preview(void *arg, slv_preview_ask *ask, slv_str name)
{
    slv_host *host = arg;
    host_preview *p;
    bool off;

    if (host->stopping) {
        slv_server_preview_answer(host->server, ask, NULL, NULL);
        return;
    }
    for (size_t i = 0; i < host->source_count; i++) {
        if (host->sources[i].preview && host->sources[i].preview(host->sources[i].arg, ask, name))
            return;
    }
    p = slv_new0(host_preview);
    p->host = host;
    p->ask = ask;
    p->arena = SLV_ARENA((size_t)64 << 20);
    if (find_candidates(p, label_of(host, name), &off) != SLV_OK || p->count == 0) {
        slv_server_preview_answer(host->server, ask, NULL,
                                  off ? "Previews of this worker are switched off" : NULL);
        slv_arena_done(&p->arena);
        free(p);
        return;
    }
    p->call = (slv_call){.kind = SLV_CALL_READ, .run = run_preview, .done = on_preview};
    host->pending++;
    slv_store_call(host->catalog, host->loop, &p->call);
}
