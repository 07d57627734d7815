/* Custom domains by HTTP: hosts of which a worker answers every request. */
#include "api/routes.h"
#include "api/script_int.h"
#include "fmt/sum.h"

static void put_domain(slv_json_writer *w, const slv_route_row *row)
{
    uint8_t sum[SLV_SUM_MAX];
    char zone[33] = {0};

    slv_sum_of(SLV_SUM_SHA256, row->zone, sum);
    slv_hex_put(slv_str_make(sum, 16), zone);
    slv_json_open(w, '{');
    slv_json_put_text(w, "id", row->id);
    slv_json_put_text(w, "hostname", row->pattern);
    slv_json_put_text(w, "service", row->worker);
    slv_json_put_text(w, "environment", SLV_STR("production"));
    slv_json_put_text(w, "zone_name", row->zone);
    slv_json_put_text(w, "zone_id", slv_str_from(zone));
    slv_json_close(w, '}');
}

static bool host_char(char c)
{
    return slv_is_alpha(c) || slv_is_digit(c) || c == '-' || c == '.' || c == '_';
}

/* {"hostname", "zone_name"?} as a row; the host in lower case. */
static slv_code take_domain(script_rest *r, const slv_node *item, slv_route_row *row, slv_err *err)
{
    slv_str host = slv_node_str(slv_node_get(item, "hostname")), kept;
    char id[33], *lower;

    if (!host.ptr)
        return slv_script_refuse(r, err, 400, SCRIPT_BAD_ROUTE, "hostname must be a string");
    if (slv_route_domain_check(host, err) != SLV_OK)
        return slv_script_refuse(r, err, 400, SCRIPT_BAD_ROUTE, "%s", slv_err_text(err));
    if (slv_script_host_is_ours(r, host))
        return slv_script_refuse(r, err, 400, SCRIPT_BAD_ROUTE,
                                 "custom domain '%.*s': hosts of the server's own domain belong to "
                                 "Workers by name",
                                 SLV_STR_ARGS(host));
    lower = slv_arena_try_alloc(&r->arena, host.len + 1);
    if (!lower)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < host.len; i++) {
        SLV_ASSERT(host_char(host.ptr[i])); /* slv_route_domain_check */
        lower[i] = slv_ascii_lower(host.ptr[i]);
    }
    host = slv_str_make(lower, host.len);
    slv_script_hex_id(id);
    SLV_TRY(slv_arena_dup(&r->arena, slv_str_from(id), &kept));
    *row = (slv_route_row){
        .account = r->key.account,
        .worker = r->key.name,
        .pattern = host,
        .domain = true,
        .id = kept,
        .zone = slv_script_zone_name(slv_node_str(slv_node_get(item, "zone_name")), host),
        .created_ms = r->now_ms};
    return SLV_OK;
}

static slv_code take_list(script_rest *r, const slv_node *list, slv_route_row **ret, slv_err *err)
{
    slv_route_row *rows = slv_arena_try_alloc0(&r->arena, (list->count + 1) * sizeof *rows);
    size_t n = 0;

    if (!rows)
        return slv_fail(err, SLV_E_LIMIT, "there are too many custom domains");
    for (const slv_node *item = list->first; item; item = item->next)
        SLV_TRY(take_domain(r, item, &rows[n++], err));
    *ret = rows;
    return SLV_OK;
}

static slv_code put_domains_of(script_rest *r, slv_catalog *c, slv_str worker, slv_err *err)
{
    slv_route_list list = {0};

    SLV_TRY(slv_catalog_route_list(c, r->key.account, worker, &r->arena, &list, err));
    slv_json_open(&r->json, '[');
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].domain)
            put_domain(&r->json, &list.items[i]);
    slv_json_close(&r->json, ']');
    return SLV_OK;
}

/* The account's domain of a host, or NULL. */
static const slv_route_row *domain_of(const slv_route_list *all, slv_str host)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].domain && slv_str_eq(all->items[i].pattern, host))
            return &all->items[i];
    return NULL;
}

/* ---- PUT scripts/:script/domains/records ---- */

static slv_code work_put(script_rest *r, slv_catalog *c, slv_err *err)
{
    const slv_node *list = slv_node_get(r->body, "origins"),
                   *take = slv_node_get(r->body, "override_existing_origin");
    slv_route_row *rows = NULL;
    slv_route_list all = {0};

    SLV_TRY(slv_script_row(r, c, err));
    SLV_TRY(take_list(r, list, &rows, err));
    SLV_TRY(slv_catalog_route_list(c, r->key.account, SLV_STR(""), &r->arena, &all, err));
    for (size_t i = 0; i < list->count; i++) {
        const slv_route_row *had = domain_of(&all, rows[i].pattern);

        if (had && !slv_str_eq(had->worker, r->key.name))
            r->also = had->worker; /* it loses a host */
    }
    SLV_TRY(slv_script_route_failed(
        r,
        slv_catalog_route_replace(c, &r->key, true, rows, list->count, take && take->boolean, err),
        SCRIPT_DOMAIN_TAKEN, err));
    return put_domains_of(r, c, r->key.name, err);
}

static void put_records(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    script_rest *r;

    if (!body)
        return;
    r = slv_script_new(call);
    r->body = body;
    if (!slv_node_is(slv_node_get(body, "origins"), SLV_NODE_ARRAY))
        slv_script_error(r, 400, SCRIPT_BAD_ROUTE, "origins must be an array of {hostname}");
    else
        slv_script_write(r, work_put, slv_script_apply);
}

/* ---- POST scripts/:script/domains/changeset: what that would change ---- */

/* theirs: another worker has the domain. */
static void put_change(slv_json_writer *w, const slv_route_row *row, bool theirs)
{
    slv_json_open(w, '{');
    slv_json_put_text(w, "id", row->id);
    slv_json_put_text(w, "hostname", row->pattern);
    slv_json_put_text(w, "zone_name", row->zone);
    slv_json_put_text(w, "service", row->worker);
    slv_json_put_text(w, "environment", SLV_STR("production"));
    slv_json_put_bool(w, "modified", theirs);
    slv_json_close(w, '}');
}

static bool is_among(const slv_route_row *rows, size_t count, slv_str host)
{
    for (size_t i = 0; i < count; i++)
        if (slv_str_eq(rows[i].pattern, host))
            return true;
    return false;
}

static slv_code work_changeset(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_json_writer *w = &r->json;
    slv_route_row *rows = NULL;
    slv_route_list all = {0};
    size_t count = r->body->count;

    SLV_TRY(take_list(r, r->body, &rows, err));
    SLV_TRY(slv_catalog_route_list(c, r->key.account, SLV_STR(""), &r->arena, &all, err));
    SLV_ASSERT(rows); /* take_list refuses with a code that is none of success */
    slv_json_open(w, '{');
    slv_json_key(w, "added");
    slv_json_open(w, '[');
    for (size_t i = 0; i < count; i++)
        if (!domain_of(&all, rows[i].pattern))
            put_change(w, &rows[i], false);
    slv_json_close(w, ']');
    slv_json_key(w, "removed");
    slv_json_open(w, '[');
    for (size_t i = 0; r->force && i < all.count; i++)
        if (all.items[i].domain && slv_str_eq(all.items[i].worker, r->key.name) &&
            !is_among(rows, count, all.items[i].pattern))
            put_change(w, &all.items[i], false);
    slv_json_close(w, ']');
    slv_json_key(w, "updated");
    slv_json_open(w, '[');
    for (size_t i = 0; i < all.count; i++)
        if (all.items[i].domain && is_among(rows, count, all.items[i].pattern))
            put_change(w, &all.items[i], !slv_str_eq(all.items[i].worker, r->key.name));
    slv_json_close(w, ']');
    slv_json_key(w, "conflicting");
    slv_json_raw(w, SLV_STR("[]")); /* DNS records are not ours to keep */
    slv_json_close(w, '}');
    return SLV_OK;
}

static void post_changeset(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    script_rest *r;

    if (!body)
        return;
    r = slv_script_new(call);
    r->body = body;
    r->force = slv_str_is(slv_api_query(call, "replace_state"), "true");
    if (body->type != SLV_NODE_ARRAY)
        slv_script_error(r, 400, SCRIPT_BAD_ROUTE, "The body must be an array of {hostname}");
    else
        slv_script_read(r, work_changeset, NULL);
}

/* ---- domains of the account ---- */

static slv_code work_list(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_str service = slv_api_query(r->api, "service");

    return put_domains_of(r, c, r->key.name.len > 0 ? r->key.name : service, err);
}

static void get_domains(slv_api_call *call)
{
    script_rest *r = slv_script_new(call);

    slv_script_read(r, work_list, NULL);
}

static slv_code find_domain(script_rest *r, slv_catalog *c, slv_route_row *ret, slv_err *err)
{
    slv_code code = slv_catalog_route_get(c, r->key.account, r->name, &r->arena, ret, err);

    if (code == SLV_E_NOTFOUND || (code == SLV_OK && !ret->domain))
        return slv_script_refuse(r, err, 404, SCRIPT_NO_ROUTE, "Custom domain '%.*s' was not found",
                                 SLV_STR_ARGS(r->name));
    return code;
}

static slv_code work_one(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_route_row row;

    SLV_TRY(find_domain(r, c, &row, err));
    put_domain(&r->json, &row);
    return SLV_OK;
}

static void get_domain(slv_api_call *call)
{
    script_rest *r = slv_script_new(call);

    r->name = call->params[1];
    r->key.name = SLV_STR_NULL;
    slv_script_read(r, work_one, NULL);
}

static slv_code work_attach(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_route_row row = {0};
    slv_route_list list = {0};

    r->key.name = slv_node_str(slv_node_get(r->body, "service"));
    SLV_TRY(slv_script_row(r, c, err));
    SLV_TRY(take_domain(r, r->body, &row, err));
    SLV_TRY(slv_script_route_failed(r, slv_catalog_route_put(c, &row, false, err),
                                    SCRIPT_DOMAIN_TAKEN, err));
    SLV_TRY(slv_catalog_route_list(c, r->key.account, r->key.name, &r->arena, &list, err));
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].domain && slv_str_eq(list.items[i].pattern, row.pattern))
            put_domain(&r->json, &list.items[i]);
    return SLV_OK;
}

static void put_attached(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    script_rest *r;

    if (!body)
        return;
    r = slv_script_new(call);
    r->body = body;
    if (slv_node_str(slv_node_get(body, "service")).len == 0)
        slv_script_error(r, 400, SCRIPT_BAD_ROUTE, "service must be a string that is not empty");
    else
        slv_script_write(r, work_attach, slv_script_apply);
}

static slv_code work_detach(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_route_row row;

    SLV_TRY(find_domain(r, c, &row, err));
    SLV_TRY(slv_catalog_route_delete(c, r->key.account, r->name, err));
    r->key.name = row.worker;
    return SLV_OK;
}

static void delete_domain(slv_api_call *call)
{
    script_rest *r = slv_script_new(call);

    r->name = call->params[1];
    slv_script_write(r, work_detach, slv_script_apply);
}

#define ONE "/accounts/:account/workers/scripts/:script/domains"
#define ALL "/accounts/:account/workers/domains"

const slv_api_route slv_api_script_domain_routes[] = {
    {.method = "GET", .pattern = ONE "/records", .handle = get_domains},
    {.method = "PUT", .pattern = ONE "/records", .handle = put_records},
    {.method = "POST", .pattern = ONE "/changeset", .handle = post_changeset},
    {.method = "GET", .pattern = ALL "/records", .handle = get_domains},
    {.method = "GET", .pattern = ALL "/records/:domain", .handle = get_domain},
    {.method = "GET", .pattern = ALL, .handle = get_domains},
    {.method = "PUT", .pattern = ALL, .handle = put_attached},
    {.method = "GET", .pattern = ALL "/:domain", .handle = get_domain},
    {.method = "DELETE", .pattern = ALL "/:domain", .handle = delete_domain},
    {0},
};
