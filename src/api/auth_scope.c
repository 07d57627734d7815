/* What a token needs for a route, by the route's pattern. */
#include "api/api_int.h"
#include "catalog/account.h"

#define A "/accounts/:account"
#define ANY SLV_SCOPE_ALL
#define LOOK (SLV_SCOPE_READ | SLV_SCOPE_DEPLOY)

#define DATA SLV_SCOPE_DATA
#define DEPLOY SLV_SCOPE_DEPLOY
#define MAKE (SLV_SCOPE_DEPLOY | SLV_SCOPE_DATA)

typedef struct rule {
    const char *prefix;
    const char *within; /* what the pattern also has */
    unsigned reads;     /* GET: any of these */
    unsigned changes;   /* other methods */
    unsigned deletes;   /* DELETE */
    bool quiet;         /* never a row of the log of changes */
} rule;

/* The first row that fits counts. What stores hold is `data`, and so is all that could destroy it
 * or show it to everybody; making a store is `deploy` too, since a deployment makes what its worker
 * binds to. test/support/api_routes.txt has the outcome for each route. */
static const rule rules[] = {
    {"/user", "", ANY, ANY, ANY, true},
    {"/memberships", "", ANY, ANY, ANY, true},
    {"/graphql", "", ANY, ANY, ANY, true},
    {A "/tokens/verify", "", ANY, ANY, ANY, true},
    {A "/storage/kv/", "/values", DATA, DATA, DATA, true},
    {A "/storage/kv/", "/metadata", DATA, DATA, DATA, true},
    {A "/storage/kv/", "/bulk", DATA, DATA, DATA, true},
    {A "/storage/kv/", "/keys", DATA, DATA, DATA, true},
    {A "/r2/", "/objects", DATA, DATA, DATA, true},
    {A "/r2/", "/credentials", DATA, DATA, DATA, false},
    {A "/r2/", "/lifecycle", ANY, DATA, DATA, false},
    {A "/r2/", "/lock", ANY, DATA, DATA, false},
    {A "/r2/", "/domains", ANY, DATA, DATA, false},
    {A "/r2/", "/cors", ANY, MAKE, MAKE, false},
    {A "/d1/", "/query", DATA, DATA, DATA, true},
    {A "/d1/", "/raw", DATA, DATA, DATA, true},
    {A "/d1/", "/export", DATA, DATA, DATA, true},
    {A "/d1/", "/import", DATA, DATA, DATA, false},
    {A "/d1/", "/time_travel", DATA, DATA, DATA, false},
    {A "/queues", "/messages", DATA, DATA, DATA, true},
    {A "/queues", "/purge", DATA, DATA, DATA, false},
    {A "/queues", "/consumers", ANY, MAKE, MAKE, false},
    {A "/dynamodb/", "/credentials", DATA, DATA, DATA, false},
    {A "/dynamodb/", "", DATA, DATA, DATA, true},
    {A "/analytics_engine", "", DATA, DATA, DATA, true},
    /* A store that is deleted takes what it holds with it. */
    {A "/storage/", "", ANY, MAKE, DATA, false},
    {A "/r2/", "", ANY, MAKE, DATA, false},
    {A "/d1/", "", ANY, MAKE, DATA, false},
    {A "/queues", "", ANY, MAKE, DATA, false},
    {A "/pages/", "/upload-token", DEPLOY, DEPLOY, DEPLOY, true},
    {A "/", "/tails", LOOK, LOOK, LOOK, true},
    {A "/", "assets-upload-session", DEPLOY, DEPLOY, DEPLOY, true},
    {A "/", "/changeset", LOOK, LOOK, LOOK, true},
    {A "/", "", LOOK, DEPLOY, DEPLOY, false},
    {"/accounts", "", ANY, DEPLOY, DEPLOY, false},
    {"/", "", LOOK, DEPLOY, DEPLOY, false},
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
        return reads ? r->reads : slv_str_is(method, "DELETE") ? r->deletes : r->changes;
    }
    *ret_audited = !reads;
    return DEPLOY;
}
