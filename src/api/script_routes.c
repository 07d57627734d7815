/*
 * Routes by HTTP: patterns of a worker, and those of a zone.
 *
 * There are no zones here (identity.c): a zone's id is made of its name, and a route is in each
 * zone whose name its host ends with.
 */
#include <stdio.h>

#include "api/routes.h"
#include "api/script_int.h"
#include "fmt/sum.h"

/* ---- zones ---- */

static bool is_zone(slv_str name, slv_str id)
{
    uint8_t sum[SLV_SUM_MAX];
    char hex[33] = {0};

    slv_sum_of(SLV_SUM_SHA256, name, sum);
    slv_hex_put(slv_str_make(sum, 16), hex);
    return slv_str_is(id, hex) || slv_str_eq(id, name);
}

bool slv_script_zone_has(slv_str id, const slv_route_row *row)
{
    slv_str host = row->pattern;

    if (is_zone(row->zone, id))
        return true;
    if (!row->domain && slv_route_pattern_check(row->pattern, &host, NULL, NULL) != SLV_OK)
        return false;
    while (slv_str_starts(host, SLV_STR("*")) || slv_str_starts(host, SLV_STR(".")))
        host = slv_str_skip(host, 1);
    while (host.len > 0) {
        size_t dot = slv_str_chr(host, '.', 0);

        if (is_zone(host, id))
            return true;
        host = dot == SIZE_MAX ? SLV_STR("") : slv_str_skip(host, dot + 1);
    }
    return false;
}

/* The last two labels, where nothing was said. */
slv_str slv_script_zone_name(slv_str given, slv_str host)
{
    size_t dots = 0;

    if (given.len > 0)
        return given;
    while (slv_str_starts(host, SLV_STR("*")) || slv_str_starts(host, SLV_STR(".")))
        host = slv_str_skip(host, 1);
    for (size_t i = host.len; i > 0; i--)
        if (host.ptr[i - 1] == '.' && ++dots == 2)
            return slv_str_skip(host, i);
    return host;
}

/* Hosts of the server's own domain belong to workers by name; no account takes others' away. */
bool slv_script_host_is_ours(const script_rest *r, slv_str host)
{
    const slv_host *server = slv_api_host(r->api->api);
    slv_str domain = server ? slv_host_domain(server) : SLV_STR(""), literal = host;
    bool wild = slv_str_starts(host, SLV_STR("*"));

    if (domain.len == 0)
        return false;
    if (wild)
        literal = slv_str_skip(host, 1);
    if (wild && slv_str_starts(literal, SLV_STR(".")))
        literal = slv_str_skip(literal, 1);
    if (literal.len > domain.len) {
        slv_str end = slv_str_skip(literal, literal.len - domain.len);

        return slv_str_eq_nocase(end, domain) && literal.ptr[literal.len - domain.len - 1] == '.';
    }
    if (literal.len == domain.len)
        return slv_str_eq_nocase(literal, domain);
    return wild && slv_str_eq_nocase(slv_str_skip(domain, domain.len - literal.len), literal) &&
           domain.ptr[domain.len - literal.len - 1] == '.';
}

/* ---- rows ---- */

static void put_route(slv_json_writer *w, const slv_route_row *row)
{
    slv_json_open(w, '{');
    slv_json_put_text(w, "id", row->id);
    slv_json_put_text(w, "pattern", row->pattern);
    slv_json_put_some(w, "script", row->worker);
    slv_json_put_text(w, "zone_name", row->zone);
    slv_json_close(w, '}');
}

/* The route that an item of a request means. */
static slv_code take_route(script_rest *r, const slv_node *item, slv_route_row *row, slv_err *err)
{
    slv_str host;
    char id[33];
    slv_str kept;

    *row = (slv_route_row){.account = r->key.account,
                           .worker = r->key.name,
                           .pattern = item->type == SLV_NODE_STRING
                                          ? item->text
                                          : slv_node_str(slv_node_get(item, "pattern")),
                           .created_ms = r->now_ms};
    if (!row->pattern.ptr)
        return slv_script_refuse(r, err, 400, SCRIPT_BAD_ROUTE, "pattern must be a string");
    if (slv_route_pattern_check(row->pattern, &host, NULL, err) != SLV_OK)
        return slv_script_refuse(r, err, 400, SCRIPT_BAD_ROUTE, "%s", slv_err_text(err));
    if (slv_script_host_is_ours(r, host))
        return slv_script_refuse(r, err, 400, SCRIPT_BAD_ROUTE,
                                 "route pattern '%.*s': hosts of the server's own domain belong to "
                                 "Workers by name",
                                 SLV_STR_ARGS(row->pattern));
    row->zone = slv_script_zone_name(slv_node_str(slv_node_get(item, "zone_name")), host);
    slv_script_hex_id(id);
    SLV_TRY(slv_arena_dup(&r->arena, slv_str_from(id), &kept));
    row->id = kept;
    return SLV_OK;
}

slv_code slv_script_route_failed(script_rest *r, slv_code code, int taken, slv_err *err)
{
    if (code == SLV_E_EXISTS)
        return slv_script_refuse(r, err, 409, taken, "%s", slv_err_text(err));
    if (code == SLV_E_INVAL && r->status == 0)
        return slv_script_refuse(r, err, 400, SCRIPT_BAD_ROUTE, "%s", slv_err_text(err));
    return code;
}

/* ---- PUT scripts/:script/routes ---- */

static slv_code work_put(script_rest *r, slv_catalog *c, slv_err *err)
{
    size_t n = 0, count = r->body->count;
    slv_route_row *rows = slv_arena_try_alloc0(&r->arena, (count + 1) * sizeof *rows);
    slv_route_list list = {0};

    SLV_TRY(slv_script_row(r, c, err));
    if (!rows)
        return slv_fail(err, SLV_E_LIMIT, "there are too many routes");
    for (const slv_node *item = r->body->first; item; item = item->next)
        SLV_TRY(take_route(r, item, &rows[n++], err));
    SLV_TRY(slv_script_route_failed(
        r, slv_catalog_route_replace(c, &r->key, false, rows, count, false, err),
        SCRIPT_ROUTE_TAKEN, err));
    SLV_TRY(slv_catalog_route_list(c, r->key.account, r->key.name, &r->arena, &list, err));
    slv_json_open(&r->json, '[');
    for (size_t i = 0; i < list.count; i++)
        if (!list.items[i].domain)
            put_route(&r->json, &list.items[i]);
    slv_json_close(&r->json, ']');
    return SLV_OK;
}

static void put_routes(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    script_rest *r;

    if (!body)
        return;
    r = slv_script_new(call);
    r->body = body;
    if (body->type != SLV_NODE_ARRAY)
        slv_script_error(r, 400, SCRIPT_BAD_ROUTE, "The body must be an array of {pattern}");
    else
        slv_script_write(r, work_put, slv_script_apply);
}

static slv_code work_get(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_route_list list = {0};

    SLV_TRY(slv_script_row(r, c, err));
    SLV_TRY(slv_catalog_route_list(c, r->key.account, r->key.name, &r->arena, &list, err));
    slv_json_open(&r->json, '[');
    for (size_t i = 0; i < list.count; i++)
        if (!list.items[i].domain)
            put_route(&r->json, &list.items[i]);
    slv_json_close(&r->json, ']');
    return SLV_OK;
}

static void get_routes(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_get, NULL);
}

/* ---- /zones/:zone/workers/routes ---- */

/* NULL: the call was ended. The path names no account: it is the token's. */
static script_rest *new_zoned(slv_api_call *call)
{
    script_rest *r = slv_script_new(call);

    r->zone = call->params[0];
    r->key.name = SLV_STR_NULL;
    if (call->param_count > 1)
        r->name = call->params[1];
    if (r->key.account.len > 0)
        return r;
    slv_script_error(r, 400, SCRIPT_INVALID, "It is not said whose routes: use an account's token");
    return NULL;
}

static void read_zoned(slv_api_call *call, script_work work)
{
    script_rest *r = new_zoned(call);

    if (r)
        slv_script_read(r, work, NULL);
}

static slv_code work_zone(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_route_list list = {0};

    SLV_TRY(slv_catalog_route_list(c, r->key.account, SLV_STR(""), &r->arena, &list, err));
    slv_json_open(&r->json, '[');
    for (size_t i = 0; i < list.count; i++)
        if (!list.items[i].domain && slv_script_zone_has(r->zone, &list.items[i]))
            put_route(&r->json, &list.items[i]);
    slv_json_close(&r->json, ']');
    return slv_buf_append(&r->info, SLV_STR("{\"cursor\":\"\"}"));
}

static void get_zone_routes(slv_api_call *call)
{
    read_zoned(call, work_zone);
}

static slv_code no_route(script_rest *r, slv_err *err)
{
    return slv_script_refuse(r, err, 404, SCRIPT_NO_ROUTE, "Route '%.*s' was not found",
                             SLV_STR_ARGS(r->name));
}

static slv_code find_route(script_rest *r, slv_catalog *c, slv_route_row *ret, slv_err *err)
{
    slv_code code = slv_catalog_route_get(c, r->key.account, r->name, &r->arena, ret, err);

    if (code == SLV_OK && (ret->domain || !slv_script_zone_has(r->zone, ret)))
        code = SLV_E_NOTFOUND;
    return code == SLV_E_NOTFOUND ? no_route(r, err) : code;
}

static slv_code work_one(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_route_row row;

    SLV_TRY(find_route(r, c, &row, err));
    put_route(&r->json, &row);
    return SLV_OK;
}

static void get_zone_route(slv_api_call *call)
{
    read_zoned(call, work_one);
}

/* Of a route that is no worker's, that no worker answers there is the change to put into effect. */
static slv_code put_one(script_rest *r, slv_catalog *c, slv_route_row *row, slv_err *err)
{
    const slv_node *script = slv_node_get(r->body, "script");
    slv_route_list list = {0};

    r->key.name = slv_node_str(script);
    if (r->key.name.len > 0)
        SLV_TRY(slv_script_row(r, c, err));
    SLV_TRY(take_route(r, r->body, row, err));
    row->worker = r->key.name;
    SLV_TRY(slv_script_route_failed(r, slv_catalog_route_put(c, row, false, err),
                                    SCRIPT_ROUTE_TAKEN, err));
    SLV_TRY(slv_catalog_route_list(c, r->key.account, r->key.name, &r->arena, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].domain || !slv_str_eq_nocase(list.items[i].pattern, row->pattern))
            continue;
        put_route(&r->json, &list.items[i]);
        return SLV_OK;
    }
    put_route(&r->json, row);
    return SLV_OK;
}

static slv_code work_add(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_route_row row;

    return put_one(r, c, &row, err);
}

/* A route that is replaced may have been another worker's. */
static slv_code work_replace(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_route_row was, row;

    SLV_TRY(find_route(r, c, &was, err));
    r->also = was.worker;
    SLV_TRY(slv_catalog_route_delete(c, r->key.account, r->name, err));
    return put_one(r, c, &row, err);
}

static slv_code work_remove(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_route_row was;

    SLV_TRY(find_route(r, c, &was, err));
    SLV_TRY(slv_catalog_route_delete(c, r->key.account, r->name, err));
    r->key.name = was.worker;
    slv_json_open(&r->json, '{');
    slv_json_put_text(&r->json, "id", r->name);
    slv_json_close(&r->json, '}');
    return SLV_OK;
}

static void with_body(slv_api_call *call, script_work work)
{
    slv_node *body = slv_api_body_json(call);
    script_rest *r;

    if (!body)
        return;
    r = new_zoned(call);
    if (!r)
        return;
    r->body = body;
    if (body->type != SLV_NODE_OBJECT)
        slv_script_error(r, 400, SCRIPT_BAD_ROUTE, "The body must be an object with a pattern");
    else
        slv_script_write(r, work, slv_script_apply);
}

static void post_zone_route(slv_api_call *call)
{
    with_body(call, work_add);
}

static void put_zone_route(slv_api_call *call)
{
    with_body(call, work_replace);
}

static void delete_zone_route(slv_api_call *call)
{
    script_rest *r = new_zoned(call);

    if (r)
        slv_script_write(r, work_remove, slv_script_apply);
}

#define ONE "/accounts/:account/workers/scripts/:script"
#define SERVICE "/accounts/:account/workers/services/:script/environments/:environment"
#define ZONED "/zones/:zone/workers/routes"

const slv_api_route slv_api_script_route_routes[] = {
    {.method = "GET", .pattern = ONE "/routes", .handle = get_routes},
    {.method = "PUT", .pattern = ONE "/routes", .handle = put_routes},
    {.method = "GET", .pattern = SERVICE "/routes", .handle = get_routes},
    {.method = "GET", .pattern = ZONED, .handle = get_zone_routes},
    {.method = "POST", .pattern = ZONED, .handle = post_zone_route},
    {.method = "GET", .pattern = ZONED "/:route", .handle = get_zone_route},
    {.method = "PUT", .pattern = ZONED "/:route", .handle = put_zone_route},
    {.method = "DELETE", .pattern = ZONED "/:route", .handle = delete_zone_route},
    {0},
};
