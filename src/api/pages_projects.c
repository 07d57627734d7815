/* Pages projects. */
#include <stdio.h>

#include "api/pages_int.h"
#include "api/routes.h"
#include "base/rand.h"
#include "fmt/json.h"
#include "fmt/json_merge.h"
#include "fmt/sum.h"

/* ---- what the files share ---- */

static void free_rest(void *arg)
{
    pages_rest *p = arg;

    (void)slv_built_free(p->built);
    free(p->parts);
    free(p);
}

asset_rest *slv_pages_rest_new(slv_api_call *call)
{
    asset_rest *r = slv_asset_rest_new(call);
    pages_rest *p;

    if (!r)
        return NULL;
    p = slv_new0(pages_rest);
    p->host = slv_api_host(call->api);
    p->account = call->tenant;
    if (call->param_count > 1)
        p->name = call->params[1];
    r->reader = p;
    r->reader_free = free_rest;
    return r;
}

slv_code slv_pages_project_row(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);
    slv_code code = slv_catalog_project_get(c, p->account, p->name, &r->arena, &p->project, err);

    if (code != SLV_E_NOTFOUND)
        return code;
    return slv_asset_refuse(r, err, 404, PAGES_NO_PROJECT,
                            "Project not found. The specified project name does not match any of "
                            "your existing projects: '%.*s'",
                            SLV_STR_ARGS(slv_str_sub(p->name, 0, 100)));
}

slv_code slv_pages_deployment_row(asset_rest *r, slv_catalog *c, slv_str id, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);
    slv_code code =
        slv_catalog_pages_get(c, p->account, p->name, id, &r->arena, &p->deployment, err);

    if (code != SLV_E_NOTFOUND)
        return code;
    return slv_asset_refuse(r, err, 404, PAGES_NO_DEPLOYMENT,
                            "The project has no deployment '%.*s'",
                            SLV_STR_ARGS(slv_str_sub(id, 0, 64)));
}

static void on_applied(void *arg, const slv_err *err)
{
    asset_rest *r = arg;

    if (err)
        slv_asset_error(r, 500, PAGES_BUILD,
                        "What was asked for is stored, but the project does not run: %s",
                        slv_err_text(err));
    else
        slv_asset_answer(r);
}

void slv_pages_apply(asset_rest *r)
{
    pages_rest *p = slv_pages_of(r);

    slv_host_pages_refresh(p->host, p->account, p->name, on_applied, r);
}

void slv_pages_uuid(char out[static 37])
{
    uint8_t b[16];
    char hex[32];

    slv_rand_bytes(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    slv_hex_put(slv_str_make(b, sizeof b), hex);
    (void)snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
}

/* ---- settings that are no configuration of deployments ---- */

static slv_code merge_extra(asset_rest *r, slv_pages_project *row, slv_err *err)
{
    static const char *const names[] = {"build_config", "source"};
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(PAGES_CONFIG_MAX);
    const slv_node *body = slv_pages_of(r)->body;
    slv_node *extra, *merged;

    SLV_TRY(slv_json_parse(row->extra.len > 0 ? row->extra : SLV_STR("{}"), SLV_JSON_STRICT,
                           &r->arena, &extra, err));
    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++) {
        const slv_node *n = slv_node_get(body, names[i]);

        if (!n)
            continue;
        SLV_TRY(slv_json_merge(slv_node_get(extra, names[i]), n, &r->arena, &merged));
        slv_json_set(extra, slv_str_from(names[i]), merged);
    }
    if (slv_json_put(&text, extra) != SLV_OK ||
        slv_arena_dup(&r->arena, slv_buf_view(&text), &row->extra) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "The settings are too large");
    return SLV_OK;
}

static slv_code merge_branch(asset_rest *r, slv_pages_project *row, slv_err *err)
{
    const slv_node *n = slv_node_get(slv_pages_of(r)->body, "production_branch");

    if (!n)
        return SLV_OK;
    if (slv_node_str(n).len == 0)
        return slv_asset_refuse(r, err, 400, PAGES_INVALID,
                                "production_branch must be the name of a branch");
    row->branch = n->text;
    return SLV_OK;
}

static slv_code merge_body(asset_rest *r, slv_pages_project *row, slv_err *err)
{
    SLV_TRY(merge_branch(r, row, err));
    SLV_TRY(merge_extra(r, row, err));
    return slv_pages_configs_merge(r, row,
                                   slv_node_get(slv_pages_of(r)->body, "deployment_configs"), err);
}

/* ---- create ---- */

static slv_code run_create(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);
    slv_pages_project *row = &p->project;
    slv_code code;

    *row = (slv_pages_project){
        .account = p->account,
        .name = p->name,
        .id = slv_str_from(p->id),
        .subdomain = p->name,
        .branch = SLV_STR("main"),
        .created_ms = r->now_ms,
        .modified_ms = r->now_ms,
    };
    SLV_TRY(merge_body(r, row, err));
    code = slv_catalog_project_add(c, row, &r->arena, err);
    if (code == SLV_E_EXISTS)
        return slv_asset_refuse(r, err, 409, PAGES_EXISTS,
                                "A project with this name already exists. Choose a different "
                                "project name.");
    SLV_TRY(code);
    return slv_pages_put_project(r, c, row, err);
}

/* Ends the call when the body is none. */
static bool take_body(asset_rest *r)
{
    slv_err err = {0};

    if (slv_json_parse(r->api->body, SLV_JSON_STRICT, &r->arena, &slv_pages_of(r)->body, &err) ==
            SLV_OK &&
        slv_pages_of(r)->body->type == SLV_NODE_OBJECT)
        return true;
    slv_asset_error(r, 400, SLV_API_BAD_JSON, "Could not parse the request's body as JSON: %s",
                    err.code != SLV_OK ? slv_err_text(&err) : "it must be an object");
    return false;
}

static void create(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (!r || !take_body(r))
        return;
    pages_rest *p = slv_pages_of(r);
    p->name = slv_node_str(slv_node_get(p->body, "name"));
    if (!slv_pages_name_valid(p->name)) {
        slv_asset_error(r, 400, PAGES_INVALID,
                        "The project name must be 1-%d lowercase letters, digits or hyphens, with "
                        "none of the latter at either end: '%.*s'",
                        (int)SLV_PAGES_NAME_MAX, SLV_STR_ARGS(slv_str_sub(p->name, 0, 100)));
        return;
    }
    slv_pages_uuid(p->id);
    slv_asset_write(r, run_create, slv_asset_answer);
}

/* ---- list, get ---- */

static slv_code run_list(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);
    slv_pages_project_list list;

    SLV_TRY(slv_catalog_project_list(c, p->account, (p->page_number - 1) * p->per_page, p->per_page,
                                     &r->arena, &list, &p->total, err));
    slv_json_open(&r->json, '[');
    for (size_t i = 0; i < list.count; i++)
        SLV_TRY(slv_pages_put_project(r, c, &list.items[i], err));
    slv_json_close(&r->json, ']');
    p->page.limit = list.count;
    return SLV_OK;
}

void slv_pages_answer_page(asset_rest *r)
{
    pages_rest *p = slv_pages_of(r);
    SLV_CLEANUP(slv_buf_done) slv_buf info = SLV_BUF(256);
    uint64_t pages = (p->total + p->per_page - 1) / p->per_page;

    if (slv_buf_printf(&info,
                       "{\"page\":%llu,\"per_page\":%llu,\"count\":%llu,\"total_count\":%llu,"
                       "\"total_pages\":%llu}",
                       (unsigned long long)p->page_number, (unsigned long long)p->per_page,
                       (unsigned long long)p->page.limit, (unsigned long long)p->total,
                       (unsigned long long)pages) == SLV_OK &&
        r->json.code == SLV_OK) {
        slv_api_ok_info(r->api, slv_buf_view(&r->out), slv_buf_view(&info));
        slv_asset_rest_free(r);
    } else {
        slv_asset_answer(r);
    }
}

bool slv_pages_take_page(asset_rest *r, uint64_t otherwise)
{
    pages_rest *p = slv_pages_of(r);
    slv_api_call *call = r->api;

    if (slv_api_query_number(call, "page", 1, 1000000, 1, &p->page_number) &&
        slv_api_query_number(call, "per_page", 1, 100, otherwise, &p->per_page))
        return true;
    slv_asset_rest_free(r);
    return false;
}

static void list(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (r && slv_pages_take_page(r, 10))
        slv_asset_read(r, run_list, slv_pages_answer_page);
}

static slv_code run_get(asset_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_TRY(slv_pages_project_row(r, c, err));
    return slv_pages_put_project(r, c, &slv_pages_of(r)->project, err);
}

static void get(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (r)
        slv_asset_read(r, run_get, slv_asset_answer);
}

/* ---- change, delete ---- */

static slv_code run_patch(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);

    SLV_TRY(slv_pages_project_row(r, c, err));
    SLV_TRY(merge_body(r, &p->project, err));
    p->project.modified_ms = r->now_ms;
    SLV_TRY(slv_catalog_project_update(c, &p->project, err));
    return slv_pages_put_project(r, c, &p->project, err);
}

static void patch(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (r && take_body(r))
        slv_asset_write(r, run_patch, slv_asset_answer);
}

static slv_code run_delete(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);

    SLV_TRY(slv_pages_project_row(r, c, err));
    slv_json_raw(&r->json, SLV_STR("null"));
    return slv_catalog_project_delete(c, p->account, p->name, err);
}

static void delete (slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (r)
        slv_asset_write(r, run_delete, slv_pages_apply);
}

const slv_api_route slv_api_pages_project_routes[] = {
    {.method = "GET", .pattern = PAGES_PROJECTS, .handle = list},
    {.method = "POST", .pattern = PAGES_PROJECTS, .handle = create},
    {.method = "GET", .pattern = PAGES_PROJECT, .handle = get},
    {.method = "PATCH", .pattern = PAGES_PROJECT, .handle = patch},
    {.method = "DELETE", .pattern = PAGES_PROJECT, .handle = delete},
    {0},
};
