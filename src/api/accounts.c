/*
 * Accounts and tokens, for the owner of the data directory alone (the socket in it, or a verb while
 * no server runs): /server/accounts, /server/audit.
 */
#include <stdio.h>
#include <unistd.h>

#include "aio/strand.h"
#include "api/api_int.h"
#include "api/routes.h"
#include "base/vec.h"
#include "catalog/account.h"
#include "catalog/worker.h"
#include "edge/registry.h"
#include "fmt/json.h"
#include "host/host.h"
#include "state/kinds.h"

#define TEXT_MAX ((size_t)64 << 20)
#define AUDIT_LIMIT 1000u

/* One call on the catalog; lives in the call's arena. */
typedef struct admin {
    slv_call call;
    slv_api_call *api;
    slv_buf out; /* the result */
    void (*then)(struct admin *a);
    /* what is asked */
    slv_account_row account;
    slv_token_row token;
    char text[SLV_TOKEN_LEN + 1];
    int64_t now_ms;
    uint64_t before, limit;
    slv_str which;
    size_t accounts;
    slv_worker_list workers;
} admin;

static void free_admin(void *arg)
{
    slv_buf_done(&((admin *)arg)->out);
}

static void on_done(slv_call *call)
{
    admin *a = slv_container_of(call, admin, call);
    slv_api_call *api = a->api;

    if (call->code != SLV_OK)
        slv_api_fail(api, &call->err, 0);
    else if (a->then)
        a->then(a);
    else
        slv_api_ok(api, slv_buf_view(&a->out));
}

/* NULL: the call was ended. */
static admin *new_admin(slv_api_call *call)
{
    admin *a = slv_arena_try_alloc0(call->arena, sizeof *a);

    if (!slv_api_catalog(call->api)) {
        slv_api_error(call, 404, SLV_API_NO_ROUTE,
                      "There are no accounts here: this is a local run, not a server");
        return NULL;
    }
    if (!a || slv_arena_defer(call->arena, free_admin, a) != SLV_OK) {
        slv_api_abort(call);
        return NULL;
    }
    a->api = call;
    a->out = SLV_BUF(TEXT_MAX);
    a->now_ms = slv_loop_wall_ms(slv_api_loop(call->api));
    return a;
}

static void ask(admin *a, slv_call_kind kind, slv_code (*run)(slv_call *, void *, slv_err *))
{
    a->call = (slv_call){.kind = kind, .create = true, .run = run, .done = on_done};
    slv_api_catalog_call(a->api, slv_api_catalog(a->api->api), &a->call);
}

static slv_code put_member(slv_buf *out, const char *name, slv_str text)
{
    SLV_TRY(slv_buf_printf(out, "\"%s\":", name));
    return slv_json_put_string(out, text);
}

/* ---- accounts ---- */

static slv_code put_account(slv_buf *out, const slv_account_row *row)
{
    SLV_TRY(slv_buf_append_byte(out, '{'));
    SLV_TRY(put_member(out, "id", row->id));
    SLV_TRY(slv_buf_append_byte(out, ','));
    SLV_TRY(put_member(out, "name", row->name));
    SLV_TRY(slv_buf_append_byte(out, ','));
    SLV_TRY(put_member(out, "email", row->email));
    return slv_buf_printf(out, ",\"created_ms\":%lld}", (long long)row->created_ms);
}

static slv_code run_list(slv_call *call, void *service, slv_err *err)
{
    admin *a = slv_container_of(call, admin, call);
    slv_account_row *rows;
    size_t n;

    SLV_TRY(slv_catalog_account_list(service, a->api->arena, &rows, &n, err));
    SLV_TRY(slv_buf_append_byte(&a->out, '['));
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            SLV_TRY(slv_buf_append_byte(&a->out, ','));
        SLV_TRY(put_account(&a->out, &rows[i]));
    }
    return slv_buf_append_byte(&a->out, ']');
}

static void get_accounts(slv_api_call *call)
{
    admin *a = new_admin(call);

    if (a)
        ask(a, SLV_CALL_READ, run_list);
}

static slv_code run_count(slv_call *call, void *service, slv_err *err)
{
    admin *a = slv_container_of(call, admin, call);
    slv_account_row *rows;

    return slv_catalog_account_list(service, a->api->arena, &rows, &a->accounts, err);
}

static slv_code run_create(slv_call *call, void *service, slv_err *err)
{
    admin *a = slv_container_of(call, admin, call);
    char id[SLV_ACCOUNT_ID_LEN + 1];

    slv_catalog_account_id_draw(id);
    a->account.id = slv_str_from(id);
    a->account.created_ms = a->now_ms;
    SLV_TRY(slv_catalog_account_create(service, &a->account, err));
    return put_account(&a->out, &a->account);
}

/* Whoever keeps accounts apart is asked first. */
static void create_counted(admin *a)
{
    slv_err err = {0};

    if (slv_api_more_accounts(a->api->api, a->accounts + 1, &err) != SLV_OK) {
        slv_api_fail(a->api, &err, 0);
        return;
    }
    a->then = NULL;
    ask(a, SLV_CALL_WRITE, run_create);
}

static void post_account(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    admin *a = body ? new_admin(call) : NULL;

    if (!a)
        return;
    a->account.name = slv_node_str(slv_node_get(body, "name"));
    a->account.email = slv_node_str(slv_node_get(body, "email"));
    if (a->account.email.len == 0)
        a->account.email = SLV_STR("owner@localhost");
    a->then = create_counted;
    ask(a, SLV_CALL_READ, run_count);
}

/* ---- the end of an account ---- */

/* What an account has outside of the catalog: first its workers stop, then its stores go one by
 * one, then whatever else lies in its folder. */
typedef struct removal {
    admin *a;
    slv_call call;
    slv_job job;
    const slv_store_type *kind; /* whose names are being read */
    SLV_VEC(slv_store *) stores;
    size_t at, waiting;
    slv_err err;
} removal;

static const slv_store_type *const kinds[] = {
    &slv_kv_store,     &slv_d1_store,    &slv_r2_store,
    &slv_queue_store,  &slv_cache_store, &slv_analytics_store,
    &slv_dynamo_store, &slv_email_store, &slv_object_registry_store};

static void on_tree_gone(slv_job *job)
{
    removal *r = slv_container_of(job, removal, job);
    slv_api_call *call = r->a->api;

    if (r->err.code != SLV_OK)
        slv_api_fail(call, &r->err, 0);
    else
        slv_api_ok(call, slv_buf_view(&r->a->out));
    slv_vec_done(&r->stores);
    free(r);
}

static void remove_tree(slv_job *job)
{
    removal *r = slv_container_of(job, removal, job);

    if (slv_state_remove_tenant(slv_api_state(r->a->api->api), r->a->account.id, &r->err) == SLV_OK)
        r->err.code = SLV_OK;
}

static void on_store_gone(slv_call *call);

static void next_store(removal *r)
{
    slv_api *api = r->a->api->api;

    if (r->at < r->stores.len) {
        r->call = (slv_call){.done = on_store_gone};
        slv_store_destroy(r->stores.items[r->at], slv_api_loop(api), &r->call);
        return;
    }
    r->job = (slv_job){.run = remove_tree, .done = on_tree_gone};
    slv_state_work(slv_api_state(api), slv_api_loop(api), &r->job);
}

/* What could not be removed as a store goes with the folder. */
static void on_store_gone(slv_call *call)
{
    removal *r = slv_container_of(call, removal, call);

    (void)slv_store_unref(r->stores.items[r->at++]);
    next_store(r);
}

static void on_name(void *arg, slv_str id)
{
    removal *r = arg;

    slv_vec_push(&r->stores,
                 slv_state_store(slv_api_state(r->a->api->api), r->kind, r->a->account.id, id));
}

static void remove_stores(removal *r)
{
    slv_err err = {0};

    for (size_t i = 0; i < SLV_ARRAY_LEN(kinds); i++) {
        r->kind = kinds[i];
        if (slv_state_list(slv_api_state(r->a->api->api), r->kind, r->a->account.id, on_name, r,
                           &err) != SLV_OK)
            continue;
    }
    next_store(r);
}

static void on_stopped(void *arg, const slv_err *err)
{
    removal *r = arg;

    (void)err; /* a worker that does not run is what we want */
    if (--r->waiting == 0)
        remove_stores(r);
}

/* The rows are gone: what runs follows, then what was stored. */
static void remove_rest(admin *a)
{
    removal *r = slv_new0(removal);
    slv_host *host = slv_api_host(a->api->api);

    r->a = a;
    r->waiting = 1;
    for (size_t i = 0; host && i < a->workers.count; i++) {
        r->waiting++;
        slv_host_refresh(host, a->account.id, a->workers.items[i].name,
                         a->workers.items[i].dispatch, on_stopped, r);
    }
    on_stopped(r, NULL);
}

static slv_code run_delete(slv_call *call, void *service, slv_err *err)
{
    admin *a = slv_container_of(call, admin, call);

    SLV_TRY(slv_catalog_account_get(service, a->which, a->api->arena, &a->account, err));
    SLV_TRY(slv_catalog_worker_list(service, a->account.id, SLV_STR_NULL, a->api->arena,
                                    &a->workers, err));
    SLV_TRY(put_account(&a->out, &a->account));
    return slv_catalog_account_delete(service, a->account.id, err);
}

static void delete_account(slv_api_call *call)
{
    admin *a = new_admin(call);

    if (!a)
        return;
    a->which = call->params[0];
    a->then = remove_rest;
    ask(a, SLV_CALL_WRITE, run_delete);
}

/* ---- tokens ---- */

static slv_code put_token(admin *a, const slv_token_row *row, const char *text)
{
    slv_str scopes;

    SLV_TRY(slv_catalog_scopes_text(row->scopes, a->api->arena, &scopes));
    SLV_TRY(slv_buf_append_byte(&a->out, '{'));
    SLV_TRY(put_member(&a->out, "id", row->id));
    SLV_TRY(slv_buf_append_byte(&a->out, ','));
    SLV_TRY(put_member(&a->out, "account", row->account));
    SLV_TRY(slv_buf_append_byte(&a->out, ','));
    SLV_TRY(put_member(&a->out, "name", row->name));
    SLV_TRY(slv_buf_append_byte(&a->out, ','));
    SLV_TRY(put_member(&a->out, "email", row->email));
    SLV_TRY(slv_buf_append_byte(&a->out, ','));
    SLV_TRY(put_member(&a->out, "scopes", scopes));
    if (text) {
        SLV_TRY(slv_buf_append_byte(&a->out, ','));
        SLV_TRY(put_member(&a->out, "token", slv_str_from(text)));
    }
    return slv_buf_printf(&a->out,
                          ",\"live\":%s,\"created_ms\":%lld,\"expires_ms\":%lld,"
                          "\"revoked_ms\":%lld,\"used_ms\":%lld}",
                          slv_catalog_token_live(row, a->now_ms) ? "true" : "false",
                          (long long)row->created_ms, (long long)row->expires_ms,
                          (long long)row->revoked_ms, (long long)row->used_ms);
}

static slv_code run_tokens(slv_call *call, void *service, slv_err *err)
{
    admin *a = slv_container_of(call, admin, call);
    slv_token_row *rows;
    size_t n;

    SLV_TRY(slv_catalog_account_get(service, a->which, a->api->arena, &a->account, err));
    SLV_TRY(slv_catalog_token_list(service, a->account.id, a->api->arena, &rows, &n, err));
    SLV_TRY(slv_buf_append_byte(&a->out, '['));
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            SLV_TRY(slv_buf_append_byte(&a->out, ','));
        SLV_TRY(put_token(a, &rows[i], NULL));
    }
    return slv_buf_append_byte(&a->out, ']');
}

static void get_tokens(slv_api_call *call)
{
    admin *a = new_admin(call);

    if (!a)
        return;
    a->which = call->params[0];
    ask(a, SLV_CALL_READ, run_tokens);
}

static slv_code run_token(slv_call *call, void *service, slv_err *err)
{
    admin *a = slv_container_of(call, admin, call);

    SLV_TRY(slv_catalog_account_get(service, a->which, a->api->arena, &a->account, err));
    a->token.account = a->account.id;
    a->token.created_ms = a->now_ms;
    SLV_TRY(slv_catalog_token_create(service, &a->token, a->api->arena, a->text, err));
    return put_token(a, &a->token, a->text);
}

static void post_token(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    admin *a = body ? new_admin(call) : NULL;
    slv_str scopes = slv_node_str(slv_node_get(body, "scopes"));
    int64_t seconds = 0;
    slv_err err = {0};

    if (!a)
        return;
    a->which = call->params[0];
    a->token.name = slv_node_str(slv_node_get(body, "name"));
    a->token.email = slv_node_str(slv_node_get(body, "email"));
    a->token.email = a->token.email.ptr ? a->token.email : SLV_STR("");
    a->token.scopes = SLV_SCOPE_ALL;
    if (slv_node_i64(slv_node_get(body, "expires_in"), &seconds) && seconds > 0)
        a->token.expires_ms = a->now_ms + seconds * 1000;
    if (scopes.len > 0 && slv_catalog_scopes_parse(scopes, &a->token.scopes, &err) != SLV_OK)
        slv_api_fail(call, &err, 0);
    else if (seconds < 0 || seconds > INT64_C(3155760000))
        slv_api_error(call, 400, SLV_API_BAD_JSON, "expires_in is 1 second to 100 years");
    else
        ask(a, SLV_CALL_WRITE, run_token);
}

static slv_code run_revoke(slv_call *call, void *service, slv_err *err)
{
    admin *a = slv_container_of(call, admin, call);

    SLV_TRY(slv_catalog_account_get(service, a->which, a->api->arena, &a->account, err));
    return slv_catalog_token_revoke(service, a->account.id, a->api->params[1], a->now_ms, err);
}

static void delete_token(slv_api_call *call)
{
    admin *a = new_admin(call);

    if (!a)
        return;
    a->which = call->params[0];
    ask(a, SLV_CALL_WRITE, run_revoke);
}

/* ---- the audit log ---- */

static slv_code put_audit(slv_buf *out, const slv_audit_row *row)
{
    SLV_TRY(slv_buf_printf(out, "{\"number\":%llu,\"at_ms\":%lld,\"status\":%d,",
                           (unsigned long long)row->number, (long long)row->at_ms, row->status));
    SLV_TRY(put_member(out, "account", row->account));
    SLV_TRY(slv_buf_append_byte(out, ','));
    SLV_TRY(put_member(out, "actor", row->actor));
    SLV_TRY(slv_buf_append_byte(out, ','));
    SLV_TRY(put_member(out, "token", row->token));
    SLV_TRY(slv_buf_append_byte(out, ','));
    SLV_TRY(put_member(out, "action", row->action));
    SLV_TRY(slv_buf_append_byte(out, ','));
    SLV_TRY(put_member(out, "resource", row->resource));
    return slv_buf_append_byte(out, '}');
}

static slv_code run_audit(slv_call *call, void *service, slv_err *err)
{
    admin *a = slv_container_of(call, admin, call);
    slv_audit_row *rows;
    size_t n;

    if (a->which.len > 0)
        SLV_TRY(slv_catalog_account_get(service, a->which, a->api->arena, &a->account, err));
    SLV_TRY(slv_catalog_audit_list(service, a->account.id, a->before, (size_t)a->limit,
                                   a->api->arena, &rows, &n, err));
    SLV_TRY(slv_buf_append_byte(&a->out, '['));
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            SLV_TRY(slv_buf_append_byte(&a->out, ','));
        SLV_TRY(put_audit(&a->out, &rows[i]));
    }
    return slv_buf_append_byte(&a->out, ']');
}

static void get_audit(slv_api_call *call)
{
    admin *a = new_admin(call);

    if (!a)
        return;
    a->which = slv_api_query(call, "account");
    if (slv_api_query_number(call, "limit", 1, AUDIT_LIMIT, 100, &a->limit) &&
        slv_api_query_number(call, "before", 1, INT64_MAX, 0, &a->before))
        ask(a, SLV_CALL_READ, run_audit);
}

/* ---- the server itself ---- */

static void order(slv_api_call *call, slv_api_order what)
{
    slv_err err = {0};
    slv_code code = slv_api_give_order(call->api, what, &err);

    if (code == SLV_OK)
        slv_api_ok(call, SLV_STR(""));
    else
        slv_api_fail(call, &err, 0);
}

static void post_reload(slv_api_call *call)
{
    order(call, SLV_API_RELOAD);
}

static void post_upgrade(slv_api_call *call)
{
    order(call, SLV_API_UPGRADE);
}

#define ONE "/server/accounts/:account"

const slv_api_route slv_api_account_routes[] = {
    {.method = "GET",
     .pattern = "/server/accounts",
     .handle = get_accounts,
     .access = SLV_API_OWNER},
    {.method = "POST",
     .pattern = "/server/accounts",
     .handle = post_account,
     .access = SLV_API_OWNER},
    {.method = "DELETE", .pattern = ONE, .handle = delete_account, .access = SLV_API_OWNER},
    {.method = "GET", .pattern = ONE "/tokens", .handle = get_tokens, .access = SLV_API_OWNER},
    {.method = "POST", .pattern = ONE "/tokens", .handle = post_token, .access = SLV_API_OWNER},
    {.method = "DELETE",
     .pattern = ONE "/tokens/:token",
     .handle = delete_token,
     .access = SLV_API_OWNER},
    {.method = "GET", .pattern = "/server/audit", .handle = get_audit, .access = SLV_API_OWNER},
    {.method = "POST", .pattern = "/server/reload", .handle = post_reload, .access = SLV_API_OWNER},
    {.method = "POST",
     .pattern = "/server/upgrade",
     .handle = post_upgrade,
     .access = SLV_API_OWNER},
    {0},
};
