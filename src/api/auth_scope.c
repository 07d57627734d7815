/* What a token needs for a route, by the route's pattern. */
#include "api/api_int.h"
#include "catalog/account.h"

#define A "/accounts/:account"
#define ANY SLV_SCOPE_ALL
#define LOOK (SLV_SCOPE_READ | SLV_SCOPE_DEPLOY)

typedef struct rule {
    const char *prefix;
    const char *within; /* what the pattern also has */
    unsigned reads;     /* GET: any of these */
    unsigned changes;   /* other methods */
    bool quiet;         /* never a row of the log of changes */
} rule;

/* The first row that fits counts. What stores hold is `data`, and so is all that could destroy it;
 * making a store is `deploy` too, since a deployment makes what its worker binds to. */
static const rule rules[] = {
    {"/user", "", ANY, ANY, true},
    {"/memberships", "", ANY, ANY, true},
    {"/graphql", "", ANY, ANY, true},
    {A "/storage/kv/", "/values", SLV_SCOPE_DATA, SLV_SCOPE_DATA, true},
    {A "/storage/kv/", "/metadata", SLV_SCOPE_DATA, SLV_SCOPE_DATA, true},
    {A "/storage/kv/", "/bulk", SLV_SCOPE_DATA, SLV_SCOPE_DATA, true},
    {A "/storage/kv/", "/keys", SLV_SCOPE_DATA, SLV_SCOPE_DATA, true},
    {A "/r2/", "/objects", SLV_SCOPE_DATA, SLV_SCOPE_DATA, true},
    {A "/r2/", "/credentials", SLV_SCOPE_DATA, SLV_SCOPE_DATA, false},
    {A "/d1/", "/query", SLV_SCOPE_DATA, SLV_SCOPE_DATA, true},
    {A "/d1/", "/raw", SLV_SCOPE_DATA, SLV_SCOPE_DATA, true},
    {A "/d1/", "/export", SLV_SCOPE_DATA, SLV_SCOPE_DATA, true},
    {A "/d1/", "/import", SLV_SCOPE_DATA, SLV_SCOPE_DATA, false},
    {A "/d1/", "/time_travel", SLV_SCOPE_DATA, SLV_SCOPE_DATA, false},
    {A "/queues", "/messages", SLV_SCOPE_DATA, SLV_SCOPE_DATA, true},
    {A "/queues", "/purge", SLV_SCOPE_DATA, SLV_SCOPE_DATA, false},
    {A "/dynamodb/", "/credentials", SLV_SCOPE_DATA, SLV_SCOPE_DATA, false},
    {A "/dynamodb/", "", SLV_SCOPE_DATA, SLV_SCOPE_DATA, true},
    {A "/analytics_engine", "", SLV_SCOPE_DATA, SLV_SCOPE_DATA, true},
    {A "/storage/", "", ANY, SLV_SCOPE_DEPLOY | SLV_SCOPE_DATA, false},
    {A "/r2/", "", ANY, SLV_SCOPE_DEPLOY | SLV_SCOPE_DATA, false},
    {A "/d1/", "", ANY, SLV_SCOPE_DEPLOY | SLV_SCOPE_DATA, false},
    {A "/queues", "", ANY, SLV_SCOPE_DEPLOY | SLV_SCOPE_DATA, false},
    {A "/pages/", "/upload-token", SLV_SCOPE_DEPLOY, SLV_SCOPE_DEPLOY, true},
    {A "/", "/tails", LOOK, LOOK, true},
    {A "/", "assets-upload-session", SLV_SCOPE_DEPLOY, SLV_SCOPE_DEPLOY, true},
    {A "/", "/changeset", LOOK, LOOK, true},
    {A "/", "", LOOK, SLV_SCOPE_DEPLOY, false},
    {"/accounts", "", ANY, SLV_SCOPE_DEPLOY, false},
    {"/", "", LOOK, SLV_SCOPE_DEPLOY, false},
};

unsigned slv_auth_scopes(const slv_api_route *route, bool *ret_audited)
{
    slv_str pattern = slv_str_from(route->pattern), method = slv_str_from(route->method);
    bool reads = slv_str_is(method, "GET");

    for (size_t i = 0; i < SLV_ARRAY_LEN(rules); i++) {
        const rule *r = &rules[i];

        if (!slv_str_starts(pattern, slv_str_from(r->prefix)) ||
            slv_str_find(pattern, slv_str_from(r->within), 0) == SIZE_MAX)
            continue;
        *ret_audited = !reads && !r->quiet;
        /* A store that is deleted takes what it holds with it. */
        if (slv_str_is(method, "DELETE") && (r->changes & SLV_SCOPE_DATA))
            return SLV_SCOPE_DATA;
        return reads ? r->reads : r->changes;
    }
    *ret_audited = !reads;
    return SLV_SCOPE_DEPLOY;
}
