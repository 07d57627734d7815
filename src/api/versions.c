/* Versions by HTTP: lists, one, and a change of the latest one's variables. */
#include "api/routes.h"
#include "api/script_int.h"
#include "fmt/json.h"

#define PER_PAGE 10

/* ---- GET versions ---- */

static slv_code work_list(script_rest *r, slv_catalog *c, slv_err *err)
{
    const bool deployable = slv_str_is(slv_api_query(r->api, "deployable"), "true");
    const slv_version_page page = {
        .deployable = deployable, .offset = (r->page - 1) * r->per_page, .limit = r->per_page};
    slv_version_list list;
    uint64_t total = 0;

    SLV_TRY(slv_script_row(r, c, err));
    SLV_TRY(slv_catalog_version_list(c, &r->key, &page, &r->arena, &list, &total, err));
    slv_json_open(&r->json, '{');
    slv_json_key(&r->json, "items");
    slv_json_open(&r->json, '[');
    for (size_t i = 0; i < list.count; i++)
        slv_script_put_version(&r->json, &list.items[i], &r->arena);
    slv_json_close(&r->json, ']');
    slv_json_close(&r->json, '}');
    return slv_buf_printf(&r->info,
                          "{\"page\":%llu,\"per_page\":%llu,\"count\":%zu,\"total_count\":%llu,"
                          "\"total_pages\":%llu}",
                          (unsigned long long)r->page, (unsigned long long)r->per_page, list.count,
                          (unsigned long long)total,
                          (unsigned long long)((total + r->per_page - 1) / r->per_page));
}

static void get_versions(slv_api_call *call)
{
    uint64_t page, per_page;
    script_rest *r;

    if (!slv_api_query_number(call, "page", 1, 1000000, 1, &page) ||
        !slv_api_query_number(call, "per_page", 1, 100, PER_PAGE, &per_page))
        return;
    r = slv_script_new(call);
    r->page = page;
    r->per_page = per_page;
    slv_script_read(r, work_list, NULL);
}

/* ---- GET versions/:version ---- */

slv_code slv_script_no_version(script_rest *r, slv_str id, slv_err *err)
{
    return slv_script_refuse(r, err, 404, SCRIPT_NO_VERSION,
                             "Version '%.*s' of Worker '%.*s' was not found", SLV_STR_ARGS(id),
                             SLV_STR_ARGS(r->key.name));
}

static slv_code work_one(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_version_row v;
    slv_code code;

    SLV_TRY(slv_script_row(r, c, err));
    code = slv_str_is(r->name, "latest")
               ? slv_catalog_version_latest(c, &r->key, false, &r->arena, &v, err)
               : slv_catalog_version_get(c, &r->key, r->name, &r->arena, &v, err);
    if (code == SLV_E_NOTFOUND)
        return slv_script_no_version(r, r->name, err);
    SLV_TRY(code);
    slv_script_put_version(&r->json, &v, &r->arena);
    return SLV_OK;
}

static void get_version(slv_api_call *call)
{
    script_rest *r = slv_script_new(call);

    r->name = call->params[call->param_count - 1];
    slv_script_read(r, work_one, NULL);
}

/* ---- PATCH /workers/workers/:script/versions/latest: {"env": {NAME: binding | null}} ---- */

static bool compose_env(script_rest *r)
{
    const slv_node *env = slv_node_get(r->body, "env");
    const size_t count = slv_node_is(env, SLV_NODE_OBJECT) ? env->count : 0;
    script_change *changes = slv_arena_try_alloc0(&r->arena, (count + 1) * sizeof *changes);
    size_t n = 0;

    if (!changes || slv_script_env_changes(env, &r->arena, changes, &n) != SLV_OK ||
        slv_script_compose(r, changes, n, r->over) != SLV_OK) {
        slv_script_error(r, 413, SCRIPT_TOO_LARGE, "env is too large");
        return false;
    }
    return true;
}

static void finish_env(script_rest *r)
{
    slv_script_put_version(&r->json, &r->added, &r->arena);
    slv_script_apply(r);
}

static bool check_env(script_rest *r)
{
    const slv_node *env = slv_node_get(r->body, "env");

    if (env && env->type != SLV_NODE_OBJECT) {
        slv_script_error(r, 400, SCRIPT_INVALID, "env must be an object");
        return false;
    }
    for (const slv_node *m = env ? env->first : NULL; m; m = m->next) {
        if (m->type == SLV_NODE_NULL)
            continue;
        if (m->type != SLV_NODE_OBJECT || !slv_node_is(slv_node_get(m, "type"), SLV_NODE_STRING)) {
            slv_script_error(r, 400, SCRIPT_INVALID,
                             "env.%.*s must be null or an object with a type",
                             SLV_STR_ARGS(m->key));
            return false;
        }
        if (slv_node_str(slv_node_get(m, "text")).len > SCRIPT_VAR_MAX) {
            slv_script_error(r, 400, SCRIPT_INVALID, "env.%.*s.text has more than %zu bytes",
                             SLV_STR_ARGS(m->key), SCRIPT_VAR_MAX);
            return false;
        }
    }
    return true;
}

static void patch_latest(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    script_rest *r;

    if (!body)
        return;
    r = slv_script_new(call);
    r->body = body;
    if (!check_env(r))
        return;
    r->over = slv_script_only(body, "annotations", call->arena);
    r->compose = compose_env;
    r->keep_code = true;
    r->triggered_by = "secret";
    r->finish = finish_env;
    slv_script_build(r);
}

#define VERSIONS "/accounts/:account/workers/scripts/:script/versions"
#define NEWER "/accounts/:account/workers/workers/:script/versions"

const slv_api_route slv_api_version_routes[] = {
    {.method = "GET", .pattern = VERSIONS, .handle = get_versions},
    {.method = "GET", .pattern = VERSIONS "/:version", .handle = get_version},
    {.method = "GET", .pattern = NEWER, .handle = get_versions},
    {.method = "GET", .pattern = NEWER "/:version", .handle = get_version},
    {.method = "PATCH",
     .pattern = NEWER "/latest",
     .handle = patch_latest,
     .body_max = (size_t)4 << 20},
    {0},
};
