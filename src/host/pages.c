/*
 * Pages projects as they run. Changes are made one after the other, as live.c does it for workers:
 * one call on the catalog reads the rows and makes the version, then the server is told.
 */
#include "host/pages.h"

#include "base/log.h"
#include "base/mem.h"
#include "host/host_int.h"

#define ARENA_MAX ((size_t)256 << 20)
#define TEXT_MAX ((size_t)64 << 10)

/* A project that has a production deployment; strings are its own. */
typedef struct host_project {
    slv_arena arena;
    slv_str account, name, subdomain, worker;
    slv_version *version; /* a reference */
} host_project;

typedef struct host_domain {
    slv_str name, account, project;
} host_domain;

struct slv_host_pages {
    slv_host *host;
    SLV_MAP(host_project *) projects;     /* by "account/name" */
    SLV_MAP(host_project *) by_subdomain; /* the same */
    SLV_VEC(host_domain) domains;         /* strings in domain_arena */
    slv_arena domain_arena;
    slv_list changes;
    struct pages_change *changing;
};

/* ---- names ---- */

slv_code slv_host_pages_worker(slv_str project, slv_buf *out)
{
    return slv_buf_printf(out, "pages/%.*s", SLV_STR_ARGS(project));
}

slv_code slv_host_pages_name(const slv_host *host, slv_str subdomain, slv_str label, slv_buf *out)
{
    slv_str domain = slv_host_domain(host);

    if (domain.len == 0)
        return SLV_OK;
    return slv_buf_printf(out, "%.*s%s%.*s.%.*s", SLV_STR_ARGS(label), label.len > 0 ? "." : "",
                          SLV_STR_ARGS(subdomain), SLV_STR_ARGS(domain));
}

slv_code slv_host_pages_url(const slv_host *host, slv_str subdomain, slv_str label, slv_buf *out)
{
    SLV_TRY(slv_buf_append(out, host->https ? SLV_STR("https://") : SLV_STR("http://")));
    if (!*host->domain)
        return slv_buf_append(out, subdomain);
    SLV_TRY(slv_host_pages_name(host, subdomain, label, out));
    if (host->port == 0 || host->port == (host->https ? 443 : 80))
        return SLV_OK;
    return slv_buf_printf(out, ":%u", host->port);
}

static slv_str key_of(slv_str account, slv_str name, slv_buf *out)
{
    slv_buf_reset(out);
    if (slv_buf_printf(out, "%.*s/%.*s", SLV_STR_ARGS(account), SLV_STR_ARGS(name)) != SLV_OK)
        slv_buf_reset(out);
    return slv_buf_view(out);
}

void slv_host_pages_rows(const slv_pages_deployment *d, slv_str worker, slv_worker_row *ret_worker,
                         slv_version_row *ret_version)
{
    *ret_worker = (slv_worker_row){.account = d->account,
                                   .name = worker,
                                   .dispatch = SLV_STR(""),
                                   .created_ms = d->created_ms};
    *ret_version = (slv_version_row){
        .id = d->id,
        .account = d->account,
        .worker = worker,
        .dispatch = SLV_STR(""),
        .number = 1,
        .created_ms = d->created_ms,
        .source = SLV_STR("pages"),
        .author = d->author,
        .metadata = d->metadata,
        .secrets = d->secrets,
        .code = d->code,
        .assets = d->assets,
        .handlers = d->handlers,
        .etag = d->etag,
        .startup_ms = d->startup_ms,
        .deployable = true,
    };
}

/* ---- projects in memory ---- */

static host_project *project_free(host_project *p)
{
    if (!p)
        return NULL;
    (void)slv_version_unref(p->version);
    slv_arena_done(&p->arena);
    free(p);
    return NULL;
}

static host_project *find_project(struct slv_host_pages *pages, slv_str account, slv_str name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(TEXT_MAX);
    host_project **found = slv_map_get(&pages->projects, key_of(account, name, &key));

    return found ? *found : NULL;
}

static void remove_project(struct slv_host_pages *pages, slv_str account, slv_str name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(TEXT_MAX);
    host_project *p = find_project(pages, account, name);

    if (!p)
        return;
    slv_server_undeploy(pages->host->server, p->account, p->worker, false);
    (void)slv_map_remove(&pages->by_subdomain, p->subdomain);
    (void)slv_map_remove(&pages->projects, key_of(account, name, &key));
    project_free(p);
}

/* ---- changes: reading, on a thread of the pool ---- */

typedef struct pages_target {
    slv_pages_project project;
    slv_version *version; /* a reference; NULL: nothing is in production */
} pages_target;

typedef struct pages_change {
    slv_list node;
    slv_call call;
    struct slv_host_pages *pages;
    slv_arena arena;
    bool all;
    slv_str account, name;
    slv_version *old; /* a reference: what is in force */
    SLV_VEC(pages_target) targets;
    slv_pages_domain_list domains;
    slv_err failed;
    void (*done)(void *arg, const slv_err *err);
    void *arg;
} pages_change;

static slv_code read_project(pages_change *c, slv_catalog *catalog, const slv_pages_project *row,
                             slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf worker = SLV_BUF(TEXT_MAX);
    pages_target t = {.project = *row};
    slv_pages_deployment d;
    slv_worker_row w;
    slv_version_row v;

    if (row->production.len > 0 && c->old && slv_str_eq(c->old->id, row->production)) {
        t.version = slv_version_ref(c->old);
    } else if (row->production.len > 0) {
        SLV_TRY(slv_catalog_pages_get(catalog, row->account, row->name, row->production, &c->arena,
                                      &d, err));
        SLV_TRY(slv_host_pages_worker(row->name, &worker));
        slv_host_pages_rows(&d, slv_buf_view(&worker), &w, &v);
        SLV_TRY(slv_host_version(c->pages->host, &w, &v, !c->all, &t.version, err));
    }
    slv_vec_push(&c->targets, t);
    return SLV_OK;
}

/* What is wrong with one project keeps no other from running. */
static slv_code read_all(pages_change *c, slv_catalog *catalog, slv_err *err)
{
    slv_pages_project_list list;

    SLV_TRY(slv_catalog_project_list(catalog, SLV_STR(""), 0, 0, &c->arena, &list, NULL, err));
    for (size_t i = 0; i < list.count; i++) {
        slv_err why = {0};

        if (read_project(c, catalog, &list.items[i], &why) != SLV_OK)
            slv_log(SLV_LOG_ERROR, "the Pages project %.*s of the account %.*s does not run: %s",
                    SLV_STR_ARGS(list.items[i].name), SLV_STR_ARGS(list.items[i].account),
                    slv_err_text(&why));
    }
    return SLV_OK;
}

static slv_code read_change(void *arg, slv_catalog *catalog, slv_err *err)
{
    pages_change *c = arg;
    slv_pages_project row;
    slv_code code;

    SLV_TRY(
        slv_catalog_domain_list(catalog, SLV_STR(""), SLV_STR(""), &c->arena, &c->domains, err));
    if (c->all)
        return read_all(c, catalog, err);
    code = slv_catalog_project_get(catalog, c->account, c->name, &c->arena, &row, err);
    if (code == SLV_E_NOTFOUND)
        return SLV_OK;
    return code == SLV_OK ? read_project(c, catalog, &row, err) : code;
}

static slv_code run_change(slv_call *call, void *service, slv_err *err)
{
    return slv_catalog_snapshot(service, read_change, slv_container_of(call, pages_change, call),
                                err);
}

/* ---- putting into effect ---- */

static void next_change(struct slv_host_pages *pages);

static void change_free(pages_change *c)
{
    for (size_t i = 0; i < c->targets.len; i++)
        (void)slv_version_unref(c->targets.items[i].version);
    slv_vec_done(&c->targets);
    (void)slv_version_unref(c->old);
    slv_arena_done(&c->arena);
    free(c);
}

static void on_seen(void *arg)
{
    pages_change *c = arg;
    slv_host *host = c->pages->host;

    if (c->done)
        c->done(c->arg, c->failed.code == SLV_OK ? NULL : &c->failed);
    change_free(c);
    slv_host_settle(host);
}

/* The version has taken over; the table of this turn was ordered meanwhile. */
static void on_in_effect(void *arg)
{
    pages_change *c = arg;

    slv_server_barrier(c->pages->host->server, on_seen, c);
}

static void at_once(slv_mail *mail)
{
    on_in_effect(slv_container_of(mail, pages_change, call.mail));
}

static slv_code new_project(const pages_target *t, host_project **ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf worker = SLV_BUF(TEXT_MAX);
    host_project *p = slv_new0(host_project);
    slv_code code = slv_host_pages_worker(t->project.name, &worker);

    p->arena = SLV_ARENA(TEXT_MAX);
    p->version = slv_version_ref(t->version);
    if (code == SLV_OK)
        code = slv_arena_dup(&p->arena, t->project.account, &p->account);
    if (code == SLV_OK)
        code = slv_arena_dup(&p->arena, t->project.name, &p->name);
    if (code == SLV_OK)
        code = slv_arena_dup(&p->arena, t->project.subdomain, &p->subdomain);
    if (code == SLV_OK)
        code = slv_arena_dup(&p->arena, slv_buf_view(&worker), &p->worker);
    if (code != SLV_OK)
        p = project_free(p);
    *ret = p;
    return code;
}

/* True when a deploy was ordered, which `in_effect` follows when it is given. */
static bool put(struct slv_host_pages *pages, const pages_target *t, void (*in_effect)(void *arg),
                void *arg)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(TEXT_MAX);
    host_project *old = find_project(pages, t->project.account, t->project.name), *p;

    if (!t->version) {
        remove_project(pages, t->project.account, t->project.name);
        return false;
    }
    if (old && old->version == t->version)
        return false;
    if (new_project(t, &p) != SLV_OK) {
        slv_log(SLV_LOG_ERROR, "the rows of the Pages project %.*s are too large",
                SLV_STR_ARGS(t->project.name));
        return false;
    }
    const slv_deploy deploy = {.versions = {p->version}, .percent = {100}, .count = 1};
    slv_server_deploy_split(pages->host->server, &deploy, in_effect, arg);
    slv_map_set(&pages->projects, key_of(p->account, p->name, &key), p);
    slv_map_set(&pages->by_subdomain, p->subdomain, p);
    project_free(old);
    return true;
}

static void keep_domains(struct slv_host_pages *pages, const pages_change *c)
{
    slv_arena_reset(&pages->domain_arena);
    pages->domains.len = 0;
    for (size_t i = 0; i < c->domains.count; i++) {
        const slv_pages_domain *from = &c->domains.items[i];
        host_domain d;

        if (slv_arena_dup(&pages->domain_arena, from->name, &d.name) == SLV_OK &&
            slv_arena_dup(&pages->domain_arena, from->account, &d.account) == SLV_OK &&
            slv_arena_dup(&pages->domain_arena, from->project, &d.project) == SLV_OK)
            slv_vec_push(&pages->domains, d);
    }
}

static void on_read(slv_call *call)
{
    pages_change *c = slv_container_of(call, pages_change, call);
    struct slv_host_pages *pages = c->pages;
    bool waits = false;

    pages->changing = NULL;
    if (call->code == SLV_E_NOTFOUND && c->all)
        call->code = SLV_OK; /* there is no catalog yet */
    if (call->code != SLV_OK) {
        c->failed = call->err;
        c->failed.code = call->code;
    } else if (!pages->host->stopping) {
        keep_domains(pages, c);
        if (!c->all && c->targets.len == 0)
            remove_project(pages, c->account, c->name);
        for (size_t i = 0; i < c->targets.len; i++) {
            bool last = i + 1 == c->targets.len;

            waits = put(pages, &c->targets.items[i], last ? on_in_effect : NULL, c);
        }
        slv_host_routes_changed(pages->host);
    }
    next_change(pages);
    if (!waits) { /* after the table that this turn makes */
        c->call.mail.fn = at_once;
        slv_loop_post(pages->host->loop, &c->call.mail);
    }
}

static void next_change(struct slv_host_pages *pages)
{
    slv_list *node = pages->changing ? NULL : slv_list_pop(&pages->changes);
    const host_project *p;

    if (!node)
        return;
    pages_change *c = slv_container_of(node, pages_change, node);
    pages->changing = c;
    p = c->all ? NULL : find_project(pages, c->account, c->name);
    if (p)
        c->old = slv_version_ref(p->version);
    c->call = (slv_call){.kind = SLV_CALL_READ, .run = run_change, .done = on_read};
    slv_store_call(pages->host->catalog, pages->host->loop, &c->call);
}

static pages_change *new_change(slv_host *host, void (*done)(void *arg, const slv_err *err),
                                void *arg)
{
    pages_change *c = slv_new0(pages_change);

    c->pages = host->pages;
    c->arena = SLV_ARENA(ARENA_MAX);
    c->done = done;
    c->arg = arg;
    host->pending++;
    return c;
}

static void add_change(pages_change *c)
{
    slv_list_push(&c->pages->changes, &c->node);
    next_change(c->pages);
}

void slv_host_pages_start(slv_host *host, void (*done)(void *arg, const slv_err *err), void *arg)
{
    pages_change *c = new_change(host, done, arg);

    c->all = true;
    add_change(c);
}

void slv_host_pages_refresh(slv_host *host, slv_str account, slv_str project,
                            void (*done)(void *arg, const slv_err *err), void *arg)
{
    pages_change *c = new_change(host, done, arg);

    if (slv_arena_dup(&c->arena, account, &c->account) != SLV_OK ||
        slv_arena_dup(&c->arena, project, &c->name) != SLV_OK)
        c->account = c->name = SLV_STR("");
    add_change(c);
}

/* ---- hosts ---- */

static void add_host(slv_site *site, slv_str host, slv_site_source source,
                     const slv_site_target *target)
{
    slv_err err = {0};

    if (slv_site_add_host(site, host, source, target, &err) != SLV_OK)
        slv_log(SLV_LOG_WARN, "the host %.*s does not lead to its Pages project: %s",
                SLV_STR_ARGS(host), slv_err_text(&err));
}

static void source_add(void *arg, slv_site *site)
{
    struct slv_host_pages *pages = arg;

    SLV_MAP_EACH (&pages->projects, i) {
        SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(TEXT_MAX);
        const host_project *p = pages->projects.values[i];
        const slv_site_target target = {p->account, p->worker};

        if (slv_host_pages_name(pages->host, p->subdomain, SLV_STR(""), &name) == SLV_OK &&
            name.len > 0)
            add_host(site, slv_buf_view(&name), SLV_SITE_NAME, &target);
    }
    for (size_t i = 0; i < pages->domains.len; i++) {
        const host_domain *d = &pages->domains.items[i];
        const host_project *p = find_project(pages, d->account, d->project);

        if (p)
            add_host(site, d->name, SLV_SITE_DOMAIN, &(slv_site_target){p->account, p->worker});
    }
}

/* ---- previews ---- */

typedef struct pages_preview {
    slv_call call;
    slv_host *host;
    slv_preview_ask *ask;
    slv_arena arena;
    slv_str subdomain, label;
    slv_version *version;
} pages_preview;

static slv_code read_preview(void *arg, slv_catalog *service, slv_err *err)
{
    pages_preview *p = arg;
    SLV_CLEANUP(slv_buf_done) slv_buf worker = SLV_BUF(TEXT_MAX);
    slv_pages_project project;
    slv_pages_deployment d;
    slv_worker_row w;
    slv_version_row v;

    if (slv_catalog_project_by_subdomain(service, p->subdomain, &p->arena, &project, err) != SLV_OK)
        return slv_fail(err, SLV_E_NOTFOUND, "There is no such project");
    if (slv_catalog_pages_preview(service, project.account, project.name, p->label, &p->arena, &d,
                                  err) != SLV_OK)
        return slv_fail(err, SLV_E_NOTFOUND, "There is no such deployment of the project");
    SLV_TRY(slv_host_pages_worker(project.name, &worker));
    slv_host_pages_rows(&d, slv_buf_view(&worker), &w, &v);
    return slv_host_version(p->host, &w, &v, true, &p->version, err);
}

static slv_code run_preview(slv_call *call, void *service, slv_err *err)
{
    return slv_catalog_snapshot(service, read_preview, slv_container_of(call, pages_preview, call),
                                err);
}

static void on_preview(slv_call *call)
{
    pages_preview *p = slv_container_of(call, pages_preview, call);
    slv_host *host = p->host;

    slv_server_preview_answer(host->server, p->ask, p->version,
                              call->code == SLV_OK ? NULL : slv_err_text(&call->err));
    (void)slv_version_unref(p->version);
    slv_arena_done(&p->arena);
    free(p);
    slv_host_settle(host);
}

/* "label.subdomain.domain" is ours. */
static bool source_preview(void *arg, slv_preview_ask *ask, slv_str name)
{
    struct slv_host_pages *pages = arg;
    slv_str domain = slv_host_domain(pages->host);
    size_t dot;
    pages_preview *p;

    if (domain.len == 0 || name.len <= domain.len + 1 ||
        name.ptr[name.len - domain.len - 1] != '.' ||
        !slv_str_eq_nocase(slv_str_skip(name, name.len - domain.len), domain))
        return false;
    name = slv_str_sub(name, 0, name.len - domain.len - 1);
    dot = slv_str_chr(name, '.', 0);
    if (dot == SIZE_MAX)
        return false;
    p = slv_new0(pages_preview);
    p->host = pages->host;
    p->ask = ask;
    p->arena = SLV_ARENA(ARENA_MAX);
    if (slv_arena_dup(&p->arena, slv_str_sub(name, 0, dot), &p->label) != SLV_OK ||
        slv_arena_dup(&p->arena, slv_str_skip(name, dot + 1), &p->subdomain) != SLV_OK)
        p->label = p->subdomain = SLV_STR("");
    p->call = (slv_call){.kind = SLV_CALL_READ, .run = run_preview, .done = on_preview};
    pages->host->pending++;
    slv_store_call(pages->host->catalog, pages->host->loop, &p->call);
    return true;
}

/* ---- life ---- */

struct slv_host_pages *slv_host_pages_new(slv_host *host)
{
    struct slv_host_pages *pages = slv_new0(struct slv_host_pages);
    const slv_host_source source = {pages, source_add, source_preview};

    pages->host = host;
    pages->domain_arena = SLV_ARENA((size_t)64 << 20);
    slv_list_init(&pages->changes);
    slv_host_add_source(host, &source);
    return pages;
}

struct slv_host_pages *slv_host_pages_free(struct slv_host_pages *pages)
{
    if (!pages)
        return NULL;
    SLV_MAP_EACH (&pages->projects, i)
        project_free(pages->projects.values[i]);
    slv_map_done(&pages->projects);
    slv_map_done(&pages->by_subdomain);
    slv_vec_done(&pages->domains);
    slv_arena_done(&pages->domain_arena);
    free(pages);
    return NULL;
}
