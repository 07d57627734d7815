/* Requests from outside find their version: by the site, by percentage, by preview host. */
#include "edge/route_int.h"

#include <stdio.h>

#include "base/mem.h"
#include "edge/worker_int.h"

#define SWEEP_MS 30000

/* A host that was asked for. */
typedef struct preview {
    slv_list node;        /* previews->list, the one used last at the end */
    slv_version *version; /* a reference; NULL: the answer has not come */
    slv_list parked;
    uint64_t used_ms;
    bool stale;   /* the table has changed since it was asked for: asked again when it comes */
    slv_str host; /* owned */
} preview;

typedef struct parked {
    slv_answerer answerer;
    slv_list node; /* preview->parked */
    slv_shard *shard;
    slv_exchange *ex;
} parked;

struct slv_previews {
    slv_shard *shard;
    SLV_MAP(preview *) hosts;
    slv_list list;
    size_t parked;
    slv_timer sweep;
    bool closed;
};

/* ---- pages ---- */

static void nothing_here(slv_shard *shard, slv_exchange *ex, slv_str host, slv_str why)
{
    slv_page_spec page = {.status = 404};
    slv_buf *text = &shard->notice_text;

    slv_buf_reset(text);
    if (why.len > 0)
        page.title = why;
    else if (host.len > 0 &&
             slv_buf_printf(text, "Nothing is deployed at %.*s", SLV_STR_ARGS(host)) == SLV_OK)
        page.title = slv_buf_view(text);
    else
        page.title = SLV_STR("Nothing is deployed here");
    slv_page_reply(ex, &page);
}

static void busy(slv_exchange *ex)
{
    const slv_page_spec page = {.status = 503,
                                .title = SLV_STR("Too many previews are waited for")};

    slv_page_reply(ex, &page);
}

/* ---- which of two versions ---- */

/* name="id", other="id2": the id for the worker; empty: none. */
static slv_str override_of(slv_str list, slv_str worker)
{
    slv_str item;

    while (slv_str_split(&list, ',', &item)) {
        size_t eq = slv_str_chr(item, '=', 0);

        if (eq == SIZE_MAX || !slv_str_eq(slv_str_trim(slv_str_sub(item, 0, eq)), worker))
            continue;
        slv_str id = slv_str_trim(slv_str_skip(item, eq + 1));
        if (id.len >= 2 && id.ptr[0] == '"' && id.ptr[id.len - 1] == '"')
            id = slv_str_sub(id, 1, id.len - 1);
        return id;
    }
    return SLV_STR_NULL;
}

static slv_version *version_for(slv_shard *shard, const slv_worker *w, const slv_exchange *ex)
{
    const slv_http_header *h;
    slv_version *version = NULL;

    if (SLV_LIKELY(w->count <= 1))
        return w->count == 1 ? w->versions[0] : NULL;
    h = slv_exchange_header(ex, SLV_STR("cloudflare-workers-version-overrides"));
    if (h)
        version = slv_worker_version(w, override_of(h->value, w->name));
    h = version ? NULL : slv_exchange_header(ex, SLV_STR("cloudflare-workers-version-key"));
    if (h && h->value.len > 0)
        version = slv_worker_for(w, h->value);
    return version ? version : slv_worker_any(shard, w);
}

/* ---- previews ---- */

static void preview_free(slv_previews *p, preview *v)
{
    SLV_ASSERT(slv_list_empty(&v->parked));
    (void)slv_map_remove(&p->hosts, v->host);
    slv_list_remove(&v->node);
    if (v->version) {
        if (p->shard->pool)
            slv_pool_retire(p->shard->pool, v->version);
        (void)slv_version_unref(v->version);
    }
    free((void *)(uintptr_t)v->host.ptr);
    free(v);
}

static void on_parked_gone(slv_answerer *a)
{
    parked *k = slv_container_of(a, parked, answerer);

    k->shard->previews->parked--;
    slv_list_remove(&k->node);
    free(k);
}

static void park(slv_previews *p, preview *v, slv_exchange *ex)
{
    parked *k = slv_new0(parked);

    *k = (parked){.answerer.gone = on_parked_gone, .shard = p->shard, .ex = ex};
    ex->user = &k->answerer;
    slv_list_push(&v->parked, &k->node);
    p->parked++;
}

static slv_exchange *unpark(slv_previews *p, preview *v)
{
    slv_list *node = slv_list_pop(&v->parked);
    slv_exchange *ex;

    if (!node)
        return NULL;
    ex = slv_container_of(node, parked, node)->ex;
    p->parked--;
    free(slv_container_of(node, parked, node));
    return ex;
}

static void use(slv_previews *p, preview *v)
{
    v->used_ms = slv_loop_now_ms(p->shard->loop);
    slv_list_remove(&v->node);
    slv_list_push(&p->list, &v->node);
}

static void on_sweep(slv_timer *timer)
{
    slv_previews *p = slv_container_of(timer, slv_previews, sweep);
    uint64_t now = slv_loop_now_ms(p->shard->loop);

    SLV_LIST_EACH (node, &p->list) {
        preview *v = slv_container_of(node, preview, node);

        if (v->version && now >= v->used_ms + SLV_PREVIEW_IDLE_MS)
            preview_free(p, v);
    }
    if (!slv_list_empty(&p->list))
        slv_timer_start(timer, p->shard->loop, SWEEP_MS);
}

static void make_room(slv_previews *p)
{
    SLV_LIST_EACH (node, &p->list) {
        preview *v = slv_container_of(node, preview, node);

        if (p->hosts.len < SLV_PREVIEWS_MAX)
            return;
        if (v->version)
            preview_free(p, v);
    }
}

/* An answer that came from the control loop. */
typedef struct preview_mail {
    slv_mail mail;
    slv_server *server;
    unsigned shard;
    slv_version *version; /* a reference; NULL: there is none, and `why` says so */
    char *why;
    char host[SLV_SITE_HOST_MAX + 1];
} preview_mail;

static void ask(slv_shard *shard, slv_str host);

static void on_answer(slv_mail *mail)
{
    preview_mail *m = slv_container_of(mail, preview_mail, mail);
    slv_shard *shard = m->server->shards[m->shard];
    slv_previews *p = shard->previews;
    preview **found = slv_map_get(&p->hosts, slv_str_from(m->host));
    preview *v = found && !(*found)->version ? *found : NULL;
    slv_exchange *ex;

    if (v && v->stale && !p->closed) {
        v->stale = false;
        ask(shard, v->host);
        v = NULL;
    }
    if (v && m->version && !p->closed) {
        v->version = SLV_STEAL(m->version);
        while ((ex = unpark(p, v)) != NULL) {
            shard->url_of = NULL;
            slv_ingress_serve(shard, ex, v->version, false);
        }
    } else if (v) {
        while ((ex = unpark(p, v)) != NULL)
            nothing_here(shard, ex, v->host, m->why ? slv_str_from(m->why) : SLV_STR_NULL);
        preview_free(p, v);
    }
    (void)slv_version_unref(m->version);
    free(m->why);
    free(m);
}

void slv_server_preview_answer(slv_server *server, slv_preview_ask *ask_take, slv_version *version,
                               const char *why)
{
    preview_mail *m = slv_container_of((slv_mail *)(void *)ask_take, preview_mail, mail);

    m->version = version ? slv_version_ref(version) : NULL;
    m->why = why ? slv_strdup(why) : NULL;
    m->mail.fn = on_answer;
    slv_loop_post(server->shards[m->shard]->loop, &m->mail);
}

static void on_asked(slv_mail *mail)
{
    preview_mail *m = slv_container_of(mail, preview_mail, mail);
    if (m->server->preview)
        m->server->preview(m->server->preview_user, (slv_preview_ask *)(void *)&m->mail,
                           slv_str_from(m->host));
    else
        slv_server_preview_answer(m->server, (slv_preview_ask *)(void *)&m->mail, NULL, NULL);
}

static void ask(slv_shard *shard, slv_str host)
{
    preview_mail *m = slv_new0(preview_mail);

    m->mail.fn = on_asked;
    m->server = shard->server;
    m->shard = shard->index;
    memcpy(m->host, host.ptr, host.len);
    slv_loop_post(shard->server->o.control, &m->mail);
}

static slv_version *preview_of(slv_shard *shard, slv_exchange *ex, slv_str host)
{
    slv_previews *p = shard->previews;
    preview **found = slv_map_get(&p->hosts, host), *v = found ? *found : NULL;

    if (v && v->version) {
        use(p, v);
        return v->version;
    }
    if (p->parked >= SLV_PARKED_MAX || p->closed) {
        busy(ex);
        return NULL;
    }
    if (!v) {
        make_room(p);
        if (p->hosts.len >= SLV_PREVIEWS_MAX) {
            busy(ex);
            return NULL;
        }
        v = slv_new0(preview);
        slv_list_init(&v->parked);
        v->host = slv_str_make(slv_strndup(host.ptr, host.len), host.len);
        slv_map_set(&p->hosts, host, v);
        slv_list_push(&p->list, &v->node);
        if (!slv_timer_started(&p->sweep))
            slv_timer_start(&p->sweep, shard->loop, SWEEP_MS);
        ask(shard, host);
    }
    use(p, v);
    park(p, v, ex);
    return NULL;
}

slv_previews *slv_previews_new(slv_shard *shard)
{
    slv_previews *p = slv_new0(slv_previews);

    p->shard = shard;
    p->sweep.fn = on_sweep;
    slv_list_init(&p->list);
    return p;
}

void slv_previews_close(slv_previews *p)
{
    p->closed = true;
    slv_timer_stop(&p->sweep);
    SLV_LIST_EACH (node, &p->list) {
        preview *v = slv_container_of(node, preview, node);
        slv_exchange *ex;

        while ((ex = unpark(p, v)) != NULL)
            slv_exchange_abort(ex);
        preview_free(p, v);
    }
}

slv_previews *slv_previews_free(slv_previews *p)
{
    if (!p)
        return NULL;
    SLV_ASSERT(slv_list_empty(&p->list));
    slv_map_done(&p->hosts);
    free(p);
    return NULL;
}

void slv_route_set_site(slv_shard *shard, slv_site *site_take)
{
    (void)slv_site_unref(shard->site);
    shard->site = site_take;
    SLV_LIST_EACH (node, &shard->previews->list) {
        preview *v = slv_container_of(node, preview, node);

        if (v->version)
            preview_free(shard->previews, v);
        else
            v->stale = true;
    }
}

/* ---- requests ---- */

/* Patterns match what the worker will see; nearly every path is that already. */
static slv_str path_of(slv_shard *shard, const slv_request_head *head)
{
    slv_str path = head->path, url;
    bool plain = slv_str_starts(path, SLV_STR("/"));

    for (size_t i = 0; plain && i < path.len && path.ptr[i] != '?'; i++)
        plain = path.ptr[i] != '.' && path.ptr[i] != '%' && path.ptr[i] != '\\';
    if (plain || slv_shard_url(shard, head, NULL, &url) != SLV_OK)
        return path;
    size_t slash =
        slv_str_chr(url, '/', SLV_MIN(slv_str_find(url, SLV_STR("://"), 0), url.len) + 3);
    return slash == SIZE_MAX ? path : slv_str_skip(url, slash);
}

slv_version *slv_route_request(slv_shard *shard, slv_exchange *ex)
{
    const slv_request_head *head = &ex->head;
    const slv_site *site = shard->site;
    slv_site_target target;
    char text[SLV_SITE_HOST_MAX + 1];
    slv_str host;
    slv_str path = slv_site_has_routes(site) ? path_of(shard, head) : head->path;

    switch (
        slv_site_find(site, head->authority, head->scheme.len == 5, path, text, &host, &target)) {
    case SLV_SITE_ASK:
        return preview_of(shard, ex, host);
    case SLV_SITE_NOTHING:
        nothing_here(shard, ex, host, SLV_STR_NULL);
        return NULL;
    case SLV_SITE_WORKER:
        break;
    }
    const slv_worker *w = slv_worker_find(shard, target.tenant, target.worker);
    slv_version *version = w ? version_for(shard, w, ex) : NULL;
    if (!version)
        nothing_here(shard, ex, host, SLV_STR_NULL);
    return version;
}

unsigned slv_route_hops(const slv_exchange *ex)
{
    static const slv_str ours = {"selvage; loops=", 15};
    const slv_http_header *h = slv_exchange_header(ex, SLV_STR("cdn-loop"));
    slv_str rest = h ? h->value : SLV_STR_NULL, item;
    uint64_t most = 0, n;

    while (slv_str_split(&rest, ',', &item)) {
        item = slv_str_trim(item);
        if (slv_str_starts(item, ours) && slv_parse_u64(slv_str_skip(item, ours.len), &n) == SLV_OK)
            most = SLV_MAX(most, SLV_MIN(n, (uint64_t)1000));
    }
    return (unsigned)most;
}
