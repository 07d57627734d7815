/*
 * What caches keep, taken away by HTTP: /zones/:zone/purge_cache. Zones are not told apart: a purge
 * is of all caches of the tenant, named ones too.
 */
#include "cache/cache.h"
#include "api/api_int.h"
#include "api/routes.h"
#include "base/mem.h"
#include "base/vec.h"
#include "fmt/json.h"
#include "fmt/url.h"
#include "state/kinds.h"

#define BAD_PURGE 1012
#define FILES_MAX 500u
#define OTHERS_MAX 100u

typedef struct target {
    slv_cache_purge_by by;
    slv_str what; /* in the call's arena */
} target;

typedef struct purge {
    slv_api_call *api;
    slv_call call;
    slv_store *store;
    SLV_VEC(char *) names; /* of the caches */
    size_t at;
    SLV_VEC(target) targets;
} purge;

static void purge_free(purge *p)
{
    (void)slv_store_unref(p->store);
    for (size_t i = 0; i < p->names.len; i++)
        free(p->names.items[i]);
    slv_vec_done(&p->names);
    slv_vec_done(&p->targets);
    free(p);
}

/* ---- what is asked for ---- */

/* As the caches have it: normalised, without its fragment. */
static slv_code put_file(purge *p, slv_str text, slv_err *err)
{
    SLV_CLEANUP(slv_url_done) slv_url url = SLV_URL_INIT;
    target t = {.by = SLV_CACHE_PURGE_KEY};

    if (slv_url_parse(text, NULL, &url) != SLV_OK ||
        (url.scheme != SLV_URL_HTTP && url.scheme != SLV_URL_HTTPS))
        return slv_fail(err, SLV_E_INVAL, "\"%.*s\" is not a URL with http:// or https://",
                        SLV_STR_ARGS(slv_str_sub(text, 0, 200)));
    slv_str href = slv_buf_view(&url.href);
    SLV_TRY(slv_arena_dup(p->api->arena, slv_str_sub(href, 0, slv_str_find(href, SLV_STR("#"), 0)),
                          &t.what));
    slv_vec_push(&p->targets, t);
    return SLV_OK;
}

static slv_code put_other(purge *p, slv_cache_purge_by by, slv_str text, slv_err *err)
{
    size_t scheme = slv_str_find(text, SLV_STR("://"), 0);

    if (by == SLV_CACHE_PURGE_PREFIX && scheme != SIZE_MAX)
        text = slv_str_skip(text, scheme + 3);
    if (text.len == 0)
        return slv_fail(err, SLV_E_INVAL, "an empty name cannot be purged");
    if (by == SLV_CACHE_PURGE_HOST) {
        char *lower = slv_arena_try_alloc(p->api->arena, text.len);

        if (!lower)
            return slv_fail(err, SLV_E_NOMEM, "too many hosts");
        for (size_t i = 0; i < text.len; i++)
            lower[i] = slv_ascii_lower(text.ptr[i]);
        text = slv_str_make(lower, text.len);
    }
    slv_vec_push(&p->targets, ((target){by, text}));
    return SLV_OK;
}

typedef struct way {
    const char *name;
    slv_cache_purge_by by;
    unsigned max;
} way;

static const way ways[] = {
    {"files", SLV_CACHE_PURGE_KEY, FILES_MAX},
    {"tags", SLV_CACHE_PURGE_TAG, OTHERS_MAX},
    {"hosts", SLV_CACHE_PURGE_HOST, OTHERS_MAX},
    {"prefixes", SLV_CACHE_PURGE_PREFIX, OTHERS_MAX},
};

/* A file may stand with the headers that it was asked for with: {"url": ..., "headers": ...}. */
static slv_str text_of(const way *w, const slv_node *n)
{
    if (w->by == SLV_CACHE_PURGE_KEY && slv_node_is(n, SLV_NODE_OBJECT))
        return slv_node_str(slv_node_get(n, "url"));
    return slv_node_str(n);
}

static slv_code take_list(purge *p, const way *w, const slv_node *list, slv_err *err)
{
    if (!slv_node_is(list, SLV_NODE_ARRAY) || !list->first)
        return slv_fail(err, SLV_E_INVAL, "%s must be a list that is not empty", w->name);
    for (const slv_node *n = list->first; n; n = n->next) {
        slv_str text = text_of(w, n);

        if (!text.ptr)
            return slv_fail(err, SLV_E_INVAL, "%s must be a list of strings", w->name);
        if (p->targets.len == w->max)
            return slv_fail(err, SLV_E_INVAL, "%s has more than %u items", w->name, w->max);
        SLV_TRY(w->by == SLV_CACHE_PURGE_KEY ? put_file(p, text, err)
                                             : put_other(p, w->by, text, err));
    }
    return SLV_OK;
}

static slv_code take_body(purge *p, const slv_node *body, slv_err *err)
{
    const slv_node *all = slv_node_get(body, "purge_everything");
    bool everything = slv_node_is(all, SLV_NODE_BOOL) && all->boolean;
    unsigned given = everything;

    if (everything)
        slv_vec_push(&p->targets, ((target){SLV_CACHE_PURGE_ALL, SLV_STR_NULL}));
    for (size_t i = 0; i < SLV_ARRAY_LEN(ways); i++) {
        const slv_node *list = slv_node_get(body, ways[i].name);

        if (!list)
            continue;
        if (++given > 1)
            break;
        SLV_TRY(take_list(p, &ways[i], list, err));
    }
    return given == 1 ? SLV_OK
                      : slv_fail(err, SLV_E_INVAL,
                                 "Request must contain one of \"purge_everything\", \"files\", "
                                 "\"tags\", \"hosts\" or \"prefixes\"");
}

/* ---- cache after cache ---- */

static slv_code run_purge(slv_call *call, void *service, slv_err *err)
{
    purge *p = slv_container_of(call, purge, call);

    for (size_t i = 0; i < p->targets.len; i++) {
        uint64_t count;

        SLV_TRY(slv_cache_purge(service, p->targets.items[i].by, p->targets.items[i].what, &count,
                                err));
    }
    return SLV_OK;
}

static void answer(purge *p)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_API_PATH_MAX * 6 + 16);
    slv_api_call *call = p->api;

    purge_free(p);
    if (slv_buf_append(&out, SLV_STR("{\"id\":")) == SLV_OK &&
        slv_json_put_string(&out, call->params[0]) == SLV_OK &&
        slv_buf_append_byte(&out, '}') == SLV_OK)
        slv_api_ok(call, slv_buf_view(&out));
    else
        slv_api_abort(call);
}

static void next_cache(purge *p);

static void on_purged(slv_call *call)
{
    purge *p = slv_container_of(call, purge, call);
    slv_api_call *api = p->api;

    if (call->code == SLV_OK || call->code == SLV_E_NOTFOUND) {
        next_cache(p);
        return;
    }
    slv_err err = call->err;
    purge_free(p);
    slv_api_fail(api, &err, 0);
}

static void next_cache(purge *p)
{
    p->store = slv_store_unref(p->store);
    if (p->at == p->names.len) {
        answer(p);
        return;
    }
    p->store = slv_state_store(slv_api_state(p->api->api), &slv_cache_store, p->api->tenant,
                               slv_str_from(p->names.items[p->at++]));
    p->call = (slv_call){.kind = SLV_CALL_WRITE, .run = run_purge, .done = on_purged};
    slv_store_call(p->store, slv_api_loop(p->api->api), &p->call);
}

static void on_name(void *arg, slv_str id)
{
    purge *p = arg;

    slv_vec_push(&p->names, slv_strndup(id.ptr, id.len));
}

static void post_purge(slv_api_call *call)
{
    const slv_node *body = slv_api_body_json(call);
    slv_err err = {0};

    if (!body || !slv_api_one_account(call))
        return;
    purge *p = slv_new0(purge);
    p->api = call;
    if (take_body(p, body, &err) != SLV_OK) {
        purge_free(p);
        slv_api_fail(call, &err, BAD_PURGE);
    } else if (slv_state_list(slv_api_state(call->api), &slv_cache_store, call->tenant, on_name, p,
                              &err) != SLV_OK) {
        purge_free(p);
        slv_api_fail(call, &err, 0);
    } else {
        next_cache(p);
    }
}

const slv_api_route slv_api_cache_routes[] = {
    {"POST", "/zones/:zone/purge_cache", post_purge, 0, false, SLV_API_TOKEN},
    {0},
};
