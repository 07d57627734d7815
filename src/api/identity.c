/*
 * Who a token is: /user, /accounts, /memberships; zones, which we do not have; what a deployment
 * asks of the account. Where there are no accounts (dev) the answers are those of one account of
 * the name "local".
 */
#include <stdio.h>

#include "api/api_int.h"
#include "api/routes.h"
#include "catalog/account.h"
#include "fmt/json.h"
#include "fmt/sum.h"

#define TEXT_MAX ((size_t)4 << 20)

/* ---- the account of the call ---- */

typedef struct lookup {
    slv_call call;
    slv_api_call *api;
    slv_account_row *rows;
    size_t count;
    void (*then)(struct lookup *l);
} lookup;

static slv_code run_lookup(slv_call *call, void *service, slv_err *err)
{
    lookup *l = slv_container_of(call, lookup, call);

    /* A token has one account; the owner of the directory all of them. */
    if (l->api->tenant.len == 0)
        return slv_catalog_account_list(service, l->api->arena, &l->rows, &l->count, err);
    l->rows = slv_arena_try_alloc0(l->api->arena, sizeof *l->rows);
    l->count = 1;
    return l->rows ? slv_catalog_account_get(service, l->api->tenant, l->api->arena, l->rows, err)
                   : SLV_E_LIMIT;
}

static void on_lookup(slv_call *call)
{
    lookup *l = slv_container_of(call, lookup, call);

    if (call->code == SLV_OK)
        l->then(l);
    else
        slv_api_fail(l->api, &call->err, 0);
}

/* l lives in the call's arena: the call ends only when the answer is known. */
static void look_up(slv_api_call *call, void (*then)(lookup *l))
{
    static slv_account_row local = {
        .id = {"local", 5}, .name = {"local", 5}, .email = {"local@localhost", 15}};
    lookup *l = slv_arena_try_alloc0(call->arena, sizeof *l);
    slv_store *catalog = slv_api_catalog(call->api);

    if (!l) {
        slv_api_abort(call);
        return;
    }
    l->api = call;
    l->then = then;
    l->call = (slv_call){.kind = SLV_CALL_READ, .run = run_lookup, .done = on_lookup};
    if (catalog) {
        slv_store_call(catalog, slv_api_loop(call->api), &l->call);
        return;
    }
    l->rows = &local;
    l->count = 1;
    then(l);
}

static void answer(slv_api_call *call, slv_code code, const slv_buf *result, const slv_buf *info)
{
    if (code != SLV_OK)
        slv_api_abort(call);
    else if (info)
        slv_api_ok_info(call, slv_buf_view(result), slv_buf_view(info));
    else
        slv_api_ok(call, slv_buf_view(result));
}

/* ---- user ---- */

static void get_verify(slv_api_call *call)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    slv_code code =
        slv_buf_printf(&out, "{\"id\":\"%.*s\",\"status\":\"active\"}",
                       SLV_STR_ARGS(call->token.len > 0 ? call->token : SLV_STR("owner")));

    answer(call, code, &out, NULL);
}

static void tell_user(lookup *l)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    slv_str email = l->api->actor.len > 0 ? l->api->actor
                    : l->count > 0        ? l->rows[0].email
                                          : SLV_STR("");
    slv_code code = slv_buf_append(&out, SLV_STR("{\"id\":\"owner\",\"email\":"));

    if (code == SLV_OK)
        code = slv_json_put_string(&out, email);
    if (code == SLV_OK)
        code = slv_buf_append(&out, SLV_STR("}"));
    answer(l->api, code, &out, NULL);
}

static void get_user(slv_api_call *call)
{
    look_up(call, tell_user);
}

/* ---- accounts ---- */

static slv_code put_account(slv_buf *out, const slv_account_row *row)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"id\":")));
    SLV_TRY(slv_json_put_string(out, row->id));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"name\":")));
    SLV_TRY(slv_json_put_string(out, row->name));
    return slv_buf_append(out, SLV_STR(",\"type\":\"standard\"}"));
}

static slv_code put_accounts(const lookup *l, bool members, uint64_t page, uint64_t per_page,
                             slv_buf *out)
{
    size_t at = (size_t)((page - 1) * per_page), end = at + (size_t)per_page;

    SLV_TRY(slv_buf_append_byte(out, '['));
    for (size_t i = at; i < end && i < l->count; i++) {
        if (i > at)
            SLV_TRY(slv_buf_append_byte(out, ','));
        if (members)
            SLV_TRY(slv_buf_printf(out, "{\"id\":\"%.*s\",\"status\":\"accepted\",\"account\":",
                                   SLV_STR_ARGS(l->rows[i].id)));
        SLV_TRY(put_account(out, &l->rows[i]));
        if (members)
            SLV_TRY(slv_buf_append(
                out, SLV_STR(",\"roles\":[\"Super Administrator - All Privileges\"]}")));
    }
    return slv_buf_append_byte(out, ']');
}

static void tell_list(lookup *l, bool members)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX), info = SLV_BUF(256);
    uint64_t page, per_page;
    slv_code code;

    if (!slv_api_query_number(l->api, "page", 1, 100000, 1, &page) ||
        !slv_api_query_number(l->api, "per_page", 1, 1000, 50, &per_page))
        return;
    code = put_accounts(l, members, page, per_page, &out);
    if (code == SLV_OK)
        code = slv_buf_printf(&info,
                              "{\"page\":%llu,\"per_page\":%llu,\"total_pages\":%llu,\"count\":%zu,"
                              "\"total_count\":%zu}",
                              (unsigned long long)page, (unsigned long long)per_page,
                              (unsigned long long)((l->count + per_page - 1) / per_page), l->count,
                              l->count);
    answer(l->api, code, &out, &info);
}

static void tell_accounts(lookup *l)
{
    tell_list(l, false);
}

static void tell_memberships(lookup *l)
{
    tell_list(l, true);
}

static void get_accounts(slv_api_call *call)
{
    look_up(call, tell_accounts);
}

static void get_memberships(slv_api_call *call)
{
    look_up(call, tell_memberships);
}

static void tell_account(lookup *l)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    slv_code code = l->count > 0 ? put_account(&out, &l->rows[0]) : SLV_E_NOTFOUND;

    answer(l->api, code, &out, NULL);
}

static void get_account(slv_api_call *call)
{
    look_up(call, tell_account);
}

/* ---- zones ---- */

/* There are none: whatever host a route names leads here or it does not, which DNS decides. A
 * deployment wants one for each route, so every name is the name of one, and its id is made of the
 * name. */
static slv_code put_zone(slv_buf *out, slv_api_call *call, slv_str name)
{
    uint8_t sum[SLV_SUM_MAX];
    char id[33] = {0};

    slv_sum_of(SLV_SUM_SHA256, name, sum);
    slv_hex_put(slv_str_make(sum, 16), id);
    SLV_TRY(slv_buf_printf(out, "{\"id\":\"%s\",\"name\":", id));
    SLV_TRY(slv_json_put_string(out, name));
    SLV_TRY(slv_buf_append(
        out, SLV_STR(",\"status\":\"active\",\"paused\":false,\"type\":\"full\",\"account\":{"
                     "\"id\":")));
    SLV_TRY(slv_json_put_string(out, call->tenant));
    return slv_buf_append(out, SLV_STR("}}"));
}

static void get_zones(slv_api_call *call)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX), info = SLV_BUF(256);
    slv_str name = slv_api_query(call, "name");
    bool one = name.len > 0;
    slv_code code = slv_buf_append_byte(&out, '[');

    if (code == SLV_OK && one)
        code = put_zone(&out, call, name);
    if (code == SLV_OK)
        code = slv_buf_append_byte(&out, ']');
    if (code == SLV_OK)
        code = slv_buf_printf(
            &info, "{\"page\":1,\"per_page\":50,\"total_pages\":1,\"count\":%d,\"total_count\":%d}",
            one, one);
    answer(call, code, &out, &info);
}

/* The name of a zone cannot be told from its id; only its id matters to those who ask. */
static void get_zone(slv_api_call *call)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    slv_code code = slv_buf_append(&out, SLV_STR("{\"id\":"));

    if (code == SLV_OK)
        code = slv_json_put_string(&out, call->params[0]);
    if (code == SLV_OK)
        code = slv_buf_append(&out, SLV_STR(",\"name\":"));
    if (code == SLV_OK)
        code = slv_json_put_string(&out, call->params[0]);
    if (code == SLV_OK)
        code = slv_buf_append(&out, SLV_STR(",\"status\":\"active\",\"paused\":false}"));
    answer(call, code, &out, NULL);
}

/* ---- the account's subdomain ---- */

/* Whoever asks to register another one is told the one that there is. */
static void get_subdomain(slv_api_call *call)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    slv_code code = slv_buf_append(&out, SLV_STR("{\"subdomain\":"));

    if (code == SLV_OK)
        code = slv_json_put_string(&out, slv_str_from(slv_api_subdomain(call->api)));
    if (code == SLV_OK)
        code = slv_buf_append_byte(&out, '}');
    answer(call, code, &out, NULL);
}

#define SUBDOMAIN "/accounts/:account/workers/subdomain"

const slv_api_route slv_api_identity_routes[] = {
    {.method = "GET", .pattern = SUBDOMAIN, .handle = get_subdomain},
    {.method = "PUT", .pattern = SUBDOMAIN, .handle = get_subdomain},
    {.method = "GET", .pattern = "/user/tokens/verify", .handle = get_verify},
    {.method = "GET", .pattern = "/accounts/:account/tokens/verify", .handle = get_verify},
    {.method = "GET", .pattern = "/user", .handle = get_user},
    {.method = "GET", .pattern = "/accounts", .handle = get_accounts},
    {.method = "GET", .pattern = "/accounts/:account", .handle = get_account},
    {.method = "GET", .pattern = "/memberships", .handle = get_memberships},
    {.method = "GET", .pattern = "/zones", .handle = get_zones},
    {.method = "GET", .pattern = "/zones/:zone", .handle = get_zone},
    {0},
};
