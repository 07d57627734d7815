/* Deployments of Pages projects that are there; custom domains. */
#include "api/pages_int.h"
#include "api/routes.h"
#include "api/tails.h"
#include "fmt/json.h"

/* ---- list, get ---- */

static slv_code run_list(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);
    slv_pages_deployment_list list;

    SLV_TRY(slv_pages_project_row(r, c, err));
    p->page.offset = (p->page_number - 1) * p->per_page;
    p->page.limit = p->per_page;
    SLV_TRY(
        slv_catalog_pages_list(c, p->account, p->name, &p->page, &r->arena, &list, &p->total, err));
    slv_json_open(&r->json, '[');
    for (size_t i = 0; i < list.count; i++)
        SLV_TRY(slv_pages_put_deployment(r, &p->project, &list.items[i], err));
    slv_json_close(&r->json, ']');
    p->page.limit = list.count;
    return SLV_OK;
}

static void list(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);
    slv_str environment = slv_api_query(call, "env");

    if (!r || !slv_pages_take_page(r, 25))
        return;
    if (environment.len > 0 && !slv_str_is(environment, "production") &&
        !slv_str_is(environment, "preview")) {
        slv_asset_error(r, 400, PAGES_INVALID, "env must be production or preview, not '%.*s'",
                        SLV_STR_ARGS(slv_str_sub(environment, 0, 64)));
        return;
    }
    slv_pages_of(r)->page.environment = environment;
    slv_asset_read(r, run_list, slv_pages_answer_page);
}

/* The project's row, and that of the deployment in the path. */
static slv_code both_rows(asset_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_TRY(slv_pages_project_row(r, c, err));
    return slv_pages_deployment_row(r, c, r->api->params[2], err);
}

static slv_code run_get(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);

    SLV_TRY(both_rows(r, c, err));
    return slv_pages_put_deployment(r, &p->project, &p->deployment, err);
}

static void get(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (r)
        slv_asset_read(r, run_get, slv_asset_answer);
}

static void put_line(asset_rest *r, const char *text, int64_t ms)
{
    slv_json_open(&r->json, '{');
    slv_pages_put_time(&r->json, "ts", ms);
    slv_json_put_text(&r->json, "line", slv_str_from(text));
    slv_json_close(&r->json, '}');
}

static slv_code run_logs(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);
    bool functions;

    SLV_TRY(both_rows(r, c, err));
    functions = p->deployment.code.len > 0;
    slv_json_open(&r->json, '{');
    slv_json_put_number(&r->json, "total", functions ? 3 : 2);
    slv_json_put_bool(&r->json, "includes_container_logs", false);
    slv_json_key(&r->json, "data");
    slv_json_open(&r->json, '[');
    put_line(r, "Static files are there", p->deployment.created_ms);
    if (functions)
        put_line(r, "Functions have started", p->deployment.created_ms);
    put_line(r, "Success: the deployment is in effect", p->deployment.created_ms);
    slv_json_close(&r->json, ']');
    slv_json_close(&r->json, '}');
    return SLV_OK;
}

static void logs(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (r)
        slv_asset_read(r, run_logs, slv_asset_answer);
}

/* ---- delete ---- */

/* Whether it is the newest of its branch, whose host it has. */
static slv_code is_aliased(asset_rest *r, slv_catalog *c, bool *ret, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);
    slv_pages_deployment newest;
    slv_code code;

    *ret = false;
    if (p->deployment.alias.len == 0 || p->deployment.production)
        return SLV_OK;
    code = slv_catalog_pages_preview(c, p->account, p->name, p->deployment.alias, &r->arena,
                                     &newest, err);
    *ret = code == SLV_OK && slv_str_eq(newest.id, p->deployment.id);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code run_delete(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);
    bool aliased;

    SLV_TRY(both_rows(r, c, err));
    if (slv_str_eq(p->project.production, p->deployment.id))
        return slv_asset_refuse(r, err, 400, PAGES_ACTIVE,
                                "The deployment that is in production cannot be deleted; deploy "
                                "or roll back to another one first");
    SLV_TRY(is_aliased(r, c, &aliased, err));
    if (aliased && !p->force)
        return slv_asset_refuse(r, err, 400, PAGES_ALIASED,
                                "The deployment has the alias '%.*s'; ?force=true deletes it all "
                                "the same",
                                SLV_STR_ARGS(p->deployment.alias));
    slv_json_raw(&r->json, SLV_STR("null"));
    return slv_catalog_pages_delete(c, p->account, p->name, p->deployment.id, err);
}

static void delete (slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (!r)
        return;
    slv_pages_of(r)->force = slv_str_is(slv_api_query(call, "force"), "true");
    slv_asset_write(r, run_delete, slv_pages_apply);
}

/* ---- rollback, retry ---- */

static slv_code run_rollback(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);

    SLV_TRY(both_rows(r, c, err));
    if (!p->deployment.production)
        return slv_asset_refuse(r, err, 400, PAGES_INVALID,
                                "Only a production deployment can be rolled back to");
    SLV_TRY(slv_catalog_pages_promote(c, p->account, p->name, p->deployment.id, err));
    return slv_pages_put_deployment(r, &p->project, &p->deployment, err);
}

static void rollback(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (r)
        slv_asset_write(r, run_rollback, slv_pages_apply);
}

/* The same once more, as a deployment of its own. */
static slv_code run_retry(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);

    SLV_TRY(both_rows(r, c, err));
    p->deployment.id = slv_str_from(p->id);
    p->deployment.created_ms = r->now_ms;
    p->deployment.author = r->api->actor;
    SLV_TRY(slv_catalog_pages_add(c, &p->deployment, err));
    return slv_pages_put_deployment(r, &p->project, &p->deployment, err);
}

static void retry(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (!r)
        return;
    slv_pages_uuid(slv_pages_of(r)->id);
    slv_asset_write(r, run_retry, slv_pages_apply);
}

/* ---- tails ---- */

static void rows_there(asset_rest *r)
{
    SLV_CLEANUP(slv_buf_done) slv_buf worker = SLV_BUF(256);
    pages_rest *p = slv_pages_of(r);
    slv_api_call *call = r->api;
    slv_str name, id;

    if (slv_host_pages_worker(p->name, &worker) != SLV_OK ||
        slv_arena_dup(call->arena, slv_buf_view(&worker), &name) != SLV_OK ||
        slv_arena_dup(call->arena, p->deployment.id, &id) != SLV_OK) {
        slv_asset_error(r, 500, SLV_API_INTERNAL, "The answer is too large");
        return;
    }
    slv_asset_rest_free(r);
    slv_api_tail_open(call, SLV_STR_NULL, name, id);
}

static void open_tail(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (r)
        slv_asset_read(r, both_rows, rows_there);
}

static void close_tail(slv_api_call *call)
{
    SLV_CLEANUP(slv_buf_done) slv_buf worker = SLV_BUF(256);

    if (slv_host_pages_worker(slv_str_sub(call->params[1], 0, 100), &worker) != SLV_OK)
        slv_buf_reset(&worker);
    slv_api_tail_close(call, slv_buf_view(&worker), call->params[3]);
}

/* ---- domains ---- */

static void put_domain(asset_rest *r, const slv_pages_domain *d)
{
    slv_json_writer *w = &r->json;

    slv_json_open(w, '{');
    slv_json_put_text(w, "id", d->id);
    slv_json_put_text(w, "domain_id", d->id);
    slv_json_put_text(w, "name", d->name);
    slv_json_put_text(w, "status", SLV_STR("active"));
    slv_json_put_raw(w, "verification_data", SLV_STR("{\"status\":\"active\"}"));
    slv_json_put_raw(w, "validation_data", SLV_STR("{\"status\":\"active\",\"method\":\"http\"}"));
    slv_json_put_text(w, "certificate_authority", SLV_STR(""));
    slv_json_put_text(w, "zone_tag", SLV_STR(""));
    slv_pages_put_time(w, "created_on", d->created_ms);
    slv_json_close(w, '}');
}

static slv_code run_domains(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);
    slv_pages_domain_list list;

    SLV_TRY(slv_pages_project_row(r, c, err));
    SLV_TRY(slv_catalog_domain_list(c, p->account, p->name, &r->arena, &list, err));
    slv_json_open(&r->json, '[');
    for (size_t i = 0; i < list.count; i++)
        put_domain(r, &list.items[i]);
    slv_json_close(&r->json, ']');
    return SLV_OK;
}

static void list_domains(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (r)
        slv_asset_read(r, run_domains, slv_asset_answer);
}

static slv_code run_domain(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);
    slv_pages_domain_list list;

    SLV_TRY(slv_pages_project_row(r, c, err));
    SLV_TRY(slv_catalog_domain_list(c, p->account, p->name, &r->arena, &list, err));
    for (size_t i = 0; i < list.count; i++)
        if (slv_str_eq_nocase(list.items[i].name, r->api->params[2])) {
            put_domain(r, &list.items[i]);
            return SLV_OK;
        }
    return slv_asset_refuse(r, err, 404, PAGES_NO_DOMAIN, "The project has no domain '%.*s'",
                            SLV_STR_ARGS(slv_str_sub(r->api->params[2], 0, 253)));
}

static void get_domain(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (r)
        slv_asset_read(r, run_domain, slv_asset_answer);
}

static slv_code run_add_domain(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);
    slv_code code;

    SLV_TRY(slv_pages_project_row(r, c, err));
    code = slv_catalog_domain_add(c, &p->domain, err);
    if (code == SLV_E_EXISTS) {
        const slv_err why = *err;

        return slv_asset_refuse(r, err, 409, PAGES_DOMAIN_TAKEN, "%s", slv_err_text(&why));
    }
    put_domain(r, &p->domain);
    return code;
}

static void add_domain(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    slv_str name = slv_node_str(slv_node_get(body, "name"));
    asset_rest *r = body ? slv_pages_rest_new(call) : NULL;
    slv_err err = {0};
    char *lower;

    if (!r)
        return;
    if (slv_route_domain_check(name, &err) != SLV_OK) {
        slv_asset_error(r, 400, PAGES_INVALID, "%s", slv_err_text(&err));
        return;
    }
    lower = slv_arena_try_alloc(&r->arena, name.len + 1);
    if (!lower) {
        slv_asset_error(r, 500, SLV_API_INTERNAL, "The name is too long");
        return;
    }
    for (size_t i = 0; i < name.len; i++)
        lower[i] = slv_ascii_lower(name.ptr[i]);
    pages_rest *p = slv_pages_of(r);
    slv_pages_uuid(p->id);
    p->domain = (slv_pages_domain){.name = slv_str_make(lower, name.len),
                                   .account = p->account,
                                   .project = p->name,
                                   .id = slv_str_from(p->id),
                                   .created_ms = r->now_ms};
    slv_asset_write(r, run_add_domain, slv_pages_apply);
}

static slv_code run_delete_domain(asset_rest *r, slv_catalog *c, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);

    SLV_TRY(slv_pages_project_row(r, c, err));
    slv_json_raw(&r->json, SLV_STR("null"));
    slv_code code = slv_catalog_domain_delete(c, p->account, p->name, r->api->params[2], err);
    if (code != SLV_E_NOTFOUND)
        return code;
    return slv_asset_refuse(r, err, 404, PAGES_NO_DOMAIN, "The project has no domain '%.*s'",
                            SLV_STR_ARGS(slv_str_sub(r->api->params[2], 0, 253)));
}

static void delete_domain(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (r)
        slv_asset_write(r, run_delete_domain, slv_pages_apply);
}

#define DOMAIN PAGES_PROJECT "/domains/:domain"

const slv_api_route slv_api_pages_deployment_routes[] = {
    {.method = "GET", .pattern = PAGES_PROJECT "/deployments", .handle = list},
    {.method = "GET", .pattern = PAGES_DEPLOYMENT, .handle = get},
    {.method = "DELETE", .pattern = PAGES_DEPLOYMENT, .handle = delete},
    {.method = "GET", .pattern = PAGES_DEPLOYMENT "/history/logs", .handle = logs},
    {.method = "POST", .pattern = PAGES_DEPLOYMENT "/rollback", .handle = rollback},
    {.method = "POST", .pattern = PAGES_DEPLOYMENT "/retry", .handle = retry},
    {.method = "POST", .pattern = PAGES_DEPLOYMENT "/tails", .handle = open_tail},
    {.method = "DELETE", .pattern = PAGES_DEPLOYMENT "/tails/:tail", .handle = close_tail},
    {.method = "GET", .pattern = PAGES_PROJECT "/domains", .handle = list_domains},
    {.method = "POST", .pattern = PAGES_PROJECT "/domains", .handle = add_domain},
    {.method = "GET", .pattern = DOMAIN, .handle = get_domain},
    {.method = "PATCH", .pattern = DOMAIN, .handle = get_domain},
    {.method = "DELETE", .pattern = DOMAIN, .handle = delete_domain},
    {0},
};
