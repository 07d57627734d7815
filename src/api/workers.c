/*
 * Workers as newer clients ask for them: /workers/workers. The same rows as scripts (scripts.c), by
 * name or by tag.
 */
#include "api/routes.h"
#include "api/script_int.h"

static void put_list(slv_json_writer *w, const char *key, const slv_node *list)
{
    slv_json_key(w, key);
    if (slv_node_is(list, SLV_NODE_ARRAY))
        slv_json_node(w, list);
    else
        slv_json_raw(w, SLV_STR("[]"));
}

static void put_worker(script_rest *r, const slv_worker_row *row)
{
    slv_json_writer *w = &r->json;
    const slv_node *settings = slv_script_parse(row->settings, &r->arena);
    const slv_node *logpush = slv_node_get(settings, "logpush");

    slv_json_open(w, '{');
    slv_json_put_text(w, "id", row->tag);
    slv_json_put_text(w, "name", row->name);
    slv_script_put_time(w, "created_on", row->created_ms);
    slv_script_put_time(w, "updated_on", row->modified_ms);
    slv_json_put_bool(w, "logpush", logpush && logpush->boolean);
    put_list(w, "tags", slv_node_get(settings, "tags"));
    put_list(w, "tail_consumers", slv_node_get(settings, "tail_consumers"));
    slv_json_put_node(w, "observability", slv_node_get(settings, "observability"));
    slv_json_key(w, "subdomain");
    slv_json_open(w, '{');
    slv_json_put_bool(w, "enabled", row->workers_dev);
    slv_json_put_bool(w, "previews_enabled", row->previews);
    slv_json_close(w, '}');
    slv_json_close(w, '}');
}

/* A tag stands for the name. */
static slv_code find(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_worker_list list = {0};
    slv_code code = slv_catalog_worker_get(c, &r->key, &r->arena, &r->row, err);

    if (code != SLV_E_NOTFOUND)
        return code;
    SLV_TRY(slv_catalog_worker_list(c, r->key.account, SLV_STR(""), &r->arena, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        if (!slv_str_eq(list.items[i].tag, r->key.name))
            continue;
        r->row = list.items[i];
        r->key.name = r->row.name;
        return SLV_OK;
    }
    return slv_script_row(r, c, err);
}

/* ---- GET ---- */

static slv_code work_list(script_rest *r, slv_catalog *c, slv_err *err)
{
    uint64_t first = (r->page - 1) * r->per_page, n = 0;
    slv_worker_list list = {0};

    SLV_TRY(slv_catalog_worker_list(c, r->key.account, SLV_STR(""), &r->arena, &list, err));
    slv_json_open(&r->json, '[');
    for (uint64_t i = first; i < list.count && n < r->per_page; i++, n++)
        put_worker(r, &list.items[i]);
    slv_json_close(&r->json, ']');
    return slv_buf_printf(&r->info,
                          "{\"page\":%llu,\"per_page\":%llu,\"count\":%llu,\"total_count\":%zu,"
                          "\"total_pages\":%llu}",
                          (unsigned long long)r->page, (unsigned long long)r->per_page,
                          (unsigned long long)n, list.count,
                          (unsigned long long)((list.count + r->per_page - 1) / r->per_page));
}

static void get_workers(slv_api_call *call)
{
    uint64_t page, per_page;
    script_rest *r;

    if (!slv_api_query_number(call, "page", 1, 1000000, 1, &page) ||
        !slv_api_query_number(call, "per_page", 1, 100, 20, &per_page))
        return;
    r = slv_script_new(call);
    r->page = page;
    r->per_page = per_page;
    slv_script_read(r, work_list, NULL);
}

static slv_code work_get(script_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_TRY(find(r, c, err));
    put_worker(r, &r->row);
    return SLV_OK;
}

static void get_worker(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_get, NULL);
}

/* ---- POST, PATCH, PUT: a worker without code yet; what is its own ---- */

static slv_code apply_body(script_rest *r)
{
    const slv_node *subdomain = slv_node_get(r->body, "subdomain"),
                   *enabled = slv_node_get(subdomain, "enabled"),
                   *previews = slv_node_get(subdomain, "previews_enabled");

    if (slv_node_is(enabled, SLV_NODE_BOOL))
        r->row.workers_dev = enabled->boolean;
    if (slv_node_is(previews, SLV_NODE_BOOL))
        r->row.previews = previews->boolean;
    else if (slv_node_is(enabled, SLV_NODE_BOOL))
        r->row.previews = enabled->boolean;
    r->row.modified_ms = r->now_ms;
    r->settings = r->body;
    return slv_script_merge_settings(r, &r->row.settings);
}

static slv_code work_post(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_code code = slv_catalog_worker_get(c, &r->key, &r->arena, &r->row, err);
    char tag[33];

    if (code == SLV_OK)
        return slv_script_refuse(r, err, 409, SCRIPT_BAD_NAME, "There is a Worker '%.*s' already",
                                 SLV_STR_ARGS(r->key.name));
    if (code != SLV_E_NOTFOUND)
        return code;
    slv_script_hex_id(tag);
    r->row = (slv_worker_row){.account = r->key.account,
                              .name = r->key.name,
                              .tag = slv_str_from(tag),
                              .crons = SLV_STR("[]"),
                              .settings = SLV_STR("{}"),
                              .created_ms = r->now_ms};
    SLV_TRY(apply_body(r));
    SLV_TRY(slv_catalog_worker_put(c, &r->row, err));
    put_worker(r, &r->row);
    return SLV_OK;
}

static slv_code work_patch(script_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_TRY(find(r, c, err));
    SLV_TRY(apply_body(r));
    SLV_TRY(slv_catalog_worker_put(c, &r->row, err));
    put_worker(r, &r->row);
    return SLV_OK;
}

static script_rest *with_body(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    script_rest *r;

    if (!body)
        return NULL;
    r = slv_script_new(call);
    r->body = body;
    if (body->type != SLV_NODE_OBJECT)
        slv_script_error(r, 400, SCRIPT_INVALID, "The body must be an object");
    else if (slv_script_check_settings(r, body))
        return r;
    return NULL;
}

static void post_worker(slv_api_call *call)
{
    script_rest *r = with_body(call);

    if (!r)
        return;
    r->key.name = slv_node_str(slv_node_get(r->body, "name"));
    if (slv_worker_name_valid(r->key.name, false))
        slv_script_write(r, work_post, NULL);
    else
        slv_script_error(r, 400, SCRIPT_BAD_NAME,
                         "name must have 1 to 63 letters, digits, \"-\" and \"_\", the first no "
                         "hyphen");
}

static void patch_worker(slv_api_call *call)
{
    script_rest *r = with_body(call);

    if (r)
        slv_script_write(r, work_patch, slv_script_apply);
}

static slv_code work_delete(script_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_TRY(find(r, c, err));
    return slv_catalog_worker_delete(c, &r->key, err);
}

static void delete_worker(slv_api_call *call)
{
    slv_script_write(slv_script_new(call), work_delete, slv_script_apply);
}

#define ALL "/accounts/:account/workers/workers"

const slv_api_route slv_api_worker_routes[] = {
    {.method = "GET", .pattern = ALL, .handle = get_workers},
    {.method = "POST", .pattern = ALL, .handle = post_worker},
    {.method = "GET", .pattern = ALL "/:script", .handle = get_worker},
    {.method = "PATCH", .pattern = ALL "/:script", .handle = patch_worker},
    {.method = "PUT", .pattern = ALL "/:script", .handle = patch_worker},
    {.method = "DELETE", .pattern = ALL "/:script", .handle = delete_worker},
    {0},
};
