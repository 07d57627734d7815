#include "edge/site.h"

#include <stdatomic.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"

/* A pattern, under the literal part of its host (without "*" and "*."). */
typedef struct route {
    slv_str path; /* literal: starts with "/" */
    slv_site_target target;
    uint8_t schemes; /* 1: http, 2: https */
    bool more;       /* anything may follow the path */
    enum { HOST_EXACT, HOST_BELOW, HOST_BOTH } host;
} route;

typedef struct node {
    slv_site_target domain, name; /* tenant ptr NULL: none */
    SLV_VEC(route) routes;        /* the best first */
    bool asked;
} node;

struct slv_site {
    atomic_uint refs;
    slv_arena arena;
    SLV_MAP(node *) hosts;
    size_t route_count;
    bool wild; /* some pattern has a wildcard in its host */
    bool asked;
};

slv_site *slv_site_new(void)
{
    slv_site *site = slv_new0(slv_site);

    atomic_init(&site->refs, 1);
    site->arena = SLV_ARENA(SLV_SITE_TEXT_MAX);
    return site;
}

slv_site *slv_site_ref(slv_site *site)
{
    atomic_fetch_add_explicit(&site->refs, 1, memory_order_relaxed);
    return site;
}

slv_site *slv_site_unref(slv_site *site)
{
    if (!site || atomic_fetch_sub_explicit(&site->refs, 1, memory_order_acq_rel) != 1)
        return NULL;
    SLV_MAP_EACH (&site->hosts, i) {
        slv_vec_done(&site->hosts.values[i]->routes);
        free(site->hosts.values[i]);
    }
    slv_map_done(&site->hosts);
    slv_arena_done(&site->arena);
    free(site);
    return NULL;
}

/* ---- hosts ---- */

/* Lower case, without port and last dot; empty: that is no host of ours. */
static slv_str host_of(slv_str authority, char out[SLV_SITE_HOST_MAX + 1])
{
    size_t n = 0;

    if (slv_str_starts(authority, SLV_STR("["))) { /* an IPv6 address */
        authority = slv_str_sub(authority, 0, slv_str_chr(authority, ']', 0));
    } else {
        size_t colon = slv_str_chr(authority, ':', 0);

        authority = slv_str_sub(authority, 0, SLV_MIN(colon, authority.len));
    }
    if (authority.len > 0 && authority.ptr[authority.len - 1] == '.')
        authority.len--;
    if (authority.len > SLV_SITE_HOST_MAX)
        return SLV_STR_NULL;
    for (; n < authority.len; n++) {
        char c = authority.ptr[n];

        out[n] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    out[n] = '\0';
    return slv_str_make(out, n);
}

static slv_code node_of(slv_site *site, slv_str host, node **ret, slv_err *err)
{
    char text[SLV_SITE_HOST_MAX + 1];
    slv_str key = host_of(host, text);
    node **found;

    if (key.len == 0)
        return slv_fail(err, SLV_E_INVAL, "'%.*s' is no host", SLV_STR_ARGS(host));
    found = slv_map_get(&site->hosts, key);
    if (found) {
        *ret = *found;
        return SLV_OK;
    }
    *ret = slv_new0(node);
    slv_map_set(&site->hosts, key, *ret);
    return SLV_OK;
}

static slv_code keep(slv_site *site, const slv_site_target *from, slv_site_target *to, slv_err *err)
{
    if (slv_arena_dup(&site->arena, from->tenant, &to->tenant) != SLV_OK ||
        slv_arena_dup(&site->arena, from->worker, &to->worker) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "the routing table is too large");
    if (!to->tenant.ptr)
        to->tenant = SLV_STR("");
    return SLV_OK;
}

slv_code slv_site_add_host(slv_site *site, slv_str host, slv_site_source source,
                           const slv_site_target *target, slv_err *err)
{
    slv_site_target *place;
    node *n;

    SLV_TRY(node_of(site, host, &n, err));
    place = source == SLV_SITE_DOMAIN ? &n->domain : &n->name;
    if (place->tenant.ptr)
        return slv_fail(err, SLV_E_EXISTS, "the host '%.*s' is the worker %.*s's",
                        SLV_STR_ARGS(host), SLV_STR_ARGS(place->worker));
    return keep(site, target, place, err);
}

slv_code slv_site_add_asked(slv_site *site, slv_str host, slv_err *err)
{
    node *n;

    SLV_TRY(node_of(site, host, &n, err));
    n->asked = site->asked = true;
    return SLV_OK;
}

/* ---- patterns ---- */

/* True when a stands before b in the node that both are of. */
static bool better(const route *a, const route *b)
{
    bool a_dot = a->host == HOST_BELOW, b_dot = b->host == HOST_BELOW;

    if (a_dot != b_dot) /* the dot is a character of the literal host */
        return a_dot;
    if (a->path.len != b->path.len)
        return a->path.len > b->path.len;
    if ((a->host == HOST_EXACT) != (b->host == HOST_EXACT))
        return a->host == HOST_EXACT;
    if (a->more != b->more)
        return !a->more;
    return a->schemes != 3 && b->schemes == 3;
}

slv_code slv_site_add_route(slv_site *site, slv_str pattern, const slv_site_target *target,
                            slv_err *err)
{
    route r = {.schemes = 3};
    slv_str rest = pattern, host;
    node *n;

    if (slv_str_starts(rest, SLV_STR("http://"))) {
        r.schemes = 1;
        rest = slv_str_skip(rest, 7);
    } else if (slv_str_starts(rest, SLV_STR("https://"))) {
        r.schemes = 2;
        rest = slv_str_skip(rest, 8);
    }
    host = slv_str_sub(rest, 0, slv_str_chr(rest, '/', 0));
    rest = slv_str_skip(rest, host.len);
    if (slv_str_starts(host, SLV_STR("*"))) {
        r.host = slv_str_starts(host, SLV_STR("*.")) ? HOST_BELOW : HOST_BOTH;
        host = slv_str_skip(host, r.host == HOST_BELOW ? 2 : 1);
        site->wild = true;
    }
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '*') {
        r.more = true;
        rest.len--;
    }
    if (slv_str_chr(rest, '*', 0) != SIZE_MAX || slv_str_chr(host, '*', 0) != SIZE_MAX)
        return slv_fail(err, SLV_E_INVAL,
                        "the route '%.*s' has a wildcard elsewhere than at the beginning of its "
                        "host and at the end of its path",
                        SLV_STR_ARGS(pattern));
    if (slv_arena_dup(&site->arena, rest.len > 0 ? rest : SLV_STR("/"), &r.path) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "the routing table is too large");
    SLV_TRY(node_of(site, host, &n, err));
    SLV_TRY(keep(site, target, &r.target, err));
    slv_vec_push(&n->routes, r);
    for (size_t i = n->routes.len - 1; i > 0 && better(&r, &n->routes.items[i - 1]); i--) {
        n->routes.items[i] = n->routes.items[i - 1];
        n->routes.items[i - 1] = r;
    }
    site->route_count++;
    return SLV_OK;
}

static const route *match(const node *n, bool same_host, bool https, slv_str path)
{
    for (size_t i = 0; i < n->routes.len; i++) {
        const route *r = &n->routes.items[i];

        if ((r->host == HOST_EXACT && !same_host) || (r->host == HOST_BELOW && same_host) ||
            !(r->schemes & (https ? 2 : 1)))
            continue;
        if (r->more ? slv_str_starts(path, r->path) : slv_str_eq(path, r->path))
            return r;
    }
    return NULL;
}

bool slv_site_has_routes(const slv_site *site)
{
    return site->route_count > 0;
}

/* From the whole host to its last label: the longest literal host wins. */
static const route *find_route(const slv_site *site, slv_str host, const node *own, bool https,
                               slv_str path)
{
    const route *r = own ? match(own, true, https, path) : NULL;

    for (size_t dot = slv_str_chr(host, '.', 0); !r && site->wild && dot != SIZE_MAX;
         dot = slv_str_chr(host, '.', dot + 1)) {
        node *const *above = slv_map_get(&site->hosts, slv_str_skip(host, dot + 1));

        if (above)
            r = match(*above, false, https, path);
    }
    return r;
}

static bool is_asked(const slv_site *site, slv_str host)
{
    size_t dot = slv_str_chr(host, '.', 0);

    for (int labels = 0; site->asked && labels < 2 && dot != SIZE_MAX; labels++) {
        node *const *above = slv_map_get(&site->hosts, slv_str_skip(host, dot + 1));

        if (above && (*above)->asked)
            return true;
        dot = slv_str_chr(host, '.', dot + 1);
    }
    return false;
}

slv_site_answer slv_site_find(const slv_site *site, slv_str authority, bool https, slv_str path,
                              char out[SLV_SITE_HOST_MAX + 1], slv_str *ret_host,
                              slv_site_target *ret)
{
    slv_str host = host_of(authority, out);
    node *const *own = host.len > 0 ? slv_map_get(&site->hosts, host) : NULL;

    *ret_host = host;
    if (own && (*own)->domain.tenant.ptr) {
        *ret = (*own)->domain;
        return SLV_SITE_WORKER;
    }
    if (site->route_count > 0) {
        const route *r = find_route(site, host, own ? *own : NULL, https, path);

        if (r) {
            *ret = r->target;
            return r->target.worker.len > 0 ? SLV_SITE_WORKER : SLV_SITE_NOTHING;
        }
    }
    if (own && (*own)->name.tenant.ptr) {
        *ret = (*own)->name;
        return SLV_SITE_WORKER;
    }
    return is_asked(site, host) ? SLV_SITE_ASK : SLV_SITE_NOTHING;
}
