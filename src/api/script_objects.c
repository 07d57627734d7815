/* Classes of Durable Objects by HTTP: one namespace for each that a worker has created. */
#include "api/routes.h"
#include "api/script_int.h"

static void put_name(slv_json_writer *w, const slv_worker_row *row, const slv_node *class)
{
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(1024);

    if (slv_buf_printf(&name, "%.*s_%.*s", SLV_STR_ARGS(row->name),
                       SLV_STR_ARGS(slv_node_str(slv_node_get(class, "name")))) == SLV_OK)
        slv_json_put_text(w, "name", slv_buf_view(&name));
}

static void put_class(slv_json_writer *w, const slv_worker_row *row, const slv_node *class)
{
    const slv_node *sql = slv_node_get(class, "sql");

    slv_json_open(w, '{');
    slv_json_put_node(w, "id", slv_node_get(class, "key"));
    put_name(w, row, class);
    slv_json_put_text(w, "script", row->name);
    slv_json_put_node(w, "class", slv_node_get(class, "name"));
    slv_json_put_bool(w, "use_sqlite", sql && sql->boolean);
    slv_json_close(w, '}');
}

/* Calls put for each class of the account's workers that it is asked for; *ret_count: of all. */
static slv_code each_class(script_rest *r, slv_catalog *c, uint64_t first, uint64_t max,
                           uint64_t *ret_count, slv_err *err)
{
    slv_worker_list list = {0};
    uint64_t n = 0;

    SLV_TRY(slv_catalog_worker_list(c, r->key.account, SLV_STR_NULL, &r->arena, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        const slv_node *classes =
            slv_node_get(slv_script_parse(list.items[i].objects, &r->arena), "classes");

        for (const slv_node *k = slv_node_is(classes, SLV_NODE_ARRAY) ? classes->first : NULL; k;
             k = k->next) {
            if (r->name.ptr && !slv_str_eq(slv_node_str(slv_node_get(k, "key")), r->name))
                continue;
            if (n >= first && n - first < max)
                put_class(&r->json, &list.items[i], k);
            n++;
        }
    }
    *ret_count = n;
    return SLV_OK;
}

static slv_code work_list(script_rest *r, slv_catalog *c, slv_err *err)
{
    uint64_t first = (r->page - 1) * r->per_page, total, left;

    slv_json_open(&r->json, '[');
    SLV_TRY(each_class(r, c, first, r->per_page, &total, err));
    slv_json_close(&r->json, ']');
    left = total > first ? total - first : 0;
    return slv_buf_printf(
        &r->info, "{\"page\":%llu,\"per_page\":%llu,\"count\":%llu,\"total_count\":%llu}",
        (unsigned long long)r->page, (unsigned long long)r->per_page,
        (unsigned long long)(left < r->per_page ? left : r->per_page), (unsigned long long)total);
}

static void get_classes(slv_api_call *call)
{
    uint64_t page, per_page;
    script_rest *r;

    if (!slv_api_query_number(call, "page", 1, 1000000, 1, &page) ||
        !slv_api_query_number(call, "per_page", 1, 1000, 20, &per_page))
        return;
    r = slv_script_new(call);
    r->page = page;
    r->per_page = per_page;
    slv_script_read(r, work_list, NULL);
}

static slv_code work_one(script_rest *r, slv_catalog *c, slv_err *err)
{
    uint64_t n;

    SLV_TRY(each_class(r, c, 0, 1, &n, err));
    if (n > 0)
        return SLV_OK;
    return slv_script_refuse(r, err, 404, SCRIPT_NO_CLASS,
                             "Durable Object namespace '%.*s' was not found",
                             SLV_STR_ARGS(r->name));
}

static void get_class(slv_api_call *call)
{
    script_rest *r = slv_script_new(call);

    r->name = call->params[1];
    slv_script_read(r, work_one, NULL);
}

#define ALL "/accounts/:account/workers/durable_objects/namespaces"

const slv_api_route slv_api_script_object_routes[] = {
    {.method = "GET", .pattern = ALL, .handle = get_classes},
    {.method = "GET", .pattern = ALL "/:class", .handle = get_class},
    {0},
};
