/*
 * Who calls, where there are accounts: by a token (Authorization: Bearer, or X-Auth-Key), by the
 * socket that only the owner of the data directory can open, or by a URL that was given for one
 * purpose. The catalog knows tokens; a call waits for its answer before anything of it is read.
 *
 * Failures are counted for each address. One that goes on failing is answered 429, which costs it
 * nothing but says that it is seen; tokens are 256 random bits, so the count protects the log and
 * the catalog, not the tokens, and a token that is right is taken from any address.
 */
#include <stdio.h>

#include "api/api_int.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"
#include "catalog/account.h"
#include "fmt/sum.h"

#define GRANT_MS INT64_C(3600000)
#define KEY_LEN ((size_t)32)
#define ARENA_MAX ((size_t)1 << 20)
#define PEERS_MAX ((size_t)10000)
#define FAILURES_MAX 20 /* at once; then FAILURES_EACH_MS for one more */
#define FAILURES_EACH_MS 3000

typedef struct failures {
    double count;
    int64_t at_ms;
} failures;

struct slv_auth {
    slv_api *api;
    uint8_t key[KEY_LEN]; /* of grants */
    SLV_MAP(failures) peers;
};

typedef struct slv_auth_op {
    slv_call call;
    slv_auth *auth;
    slv_api_call *api; /* NULL: it ended meanwhile */
    slv_arena arena;
    slv_str secret;  /* what was presented; empty: the owner */
    slv_str account; /* of the path; empty: none */
    slv_str peer;
    slv_token_row token;
    slv_account_row found;
    size_t accounts;
} slv_auth_op;

slv_auth *slv_auth_new(slv_api *api)
{
    slv_auth *auth = slv_new0(slv_auth);

    auth->api = api;
    slv_rand_bytes(auth->key, sizeof auth->key);
    return auth;
}

slv_auth *slv_auth_free(slv_auth *auth)
{
    if (auth) {
        slv_map_done(&auth->peers);
        free(auth);
    }
    return NULL;
}

/* ---- failures ---- */

/* False: the address has failed too often. */
static bool count_failure(slv_auth *auth, slv_str peer)
{
    int64_t now = slv_loop_wall_ms(auth->api->loop);
    failures *f = slv_map_get(&auth->peers, peer), fresh = {.at_ms = now};

    if (!f) {
        if (auth->peers.len >= PEERS_MAX)
            slv_map_done(&auth->peers); /* so many addresses: counting them one by one is no use */
        slv_map_set(&auth->peers, peer, fresh);
        f = slv_map_get(&auth->peers, peer);
    }
    if (now > f->at_ms)
        f->count -= (double)(now - f->at_ms) / FAILURES_EACH_MS;
    f->count = f->count < 0 ? 0 : f->count;
    f->at_ms = now;
    if (f->count >= FAILURES_MAX)
        return false;
    f->count += 1;
    return true;
}

static void refuse(slv_auth_op *op, slv_api_call *call, const char *why)
{
    if (count_failure(op->auth, op->peer))
        slv_api_error(call, 401, SLV_API_AUTH, "Authentication error: %s", why);
    else
        slv_api_error(call, 429, 971,
                      "Authentication error: this address has failed too often; wait a moment");
}

/* ---- grants ---- */

static void grant_of(const slv_auth *auth, slv_str path, int64_t expires_ms, char out[static 65])
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_API_PATH_MAX + 64);
    uint8_t mac[32];

    memset(mac, 0, sizeof mac);
    if (slv_buf_printf(&text, "%lld %.*s", (long long)expires_ms, SLV_STR_ARGS(path)) == SLV_OK)
        slv_hmac_sha256(slv_str_make(auth->key, sizeof auth->key), slv_buf_view(&text), mac);
    slv_hex_put(slv_str_make(mac, sizeof mac), out);
    out[64] = 0;
}

slv_code slv_api_put_grant(slv_api_call *call, slv_str path, slv_buf *out)
{
    char grant[65];

    if (!call->api->auth)
        return SLV_OK;
    int64_t expires_ms = slv_loop_wall_ms(call->api->loop) + GRANT_MS;
    grant_of(call->api->auth, path, expires_ms, grant);
    return slv_buf_printf(out, "expires=%lld&grant=%s", (long long)expires_ms, grant);
}

static bool same(const char *a, const char *b, size_t n)
{
    unsigned differs = 0;

    for (size_t i = 0; i < n; i++)
        differs |= (unsigned char)a[i] ^ (unsigned char)b[i];
    return differs == 0;
}

static bool is_granted(const slv_auth *auth, slv_api_call *call)
{
    slv_str grant = slv_api_query(call, "grant"), expires = slv_api_query(call, "expires");
    char right[65];
    int64_t at_ms;

    if (grant.len != 64 || slv_parse_i64(expires, &at_ms) != SLV_OK ||
        at_ms < slv_loop_wall_ms(auth->api->loop))
        return false;
    grant_of(auth, call->path, at_ms, right);
    return same(right, grant.ptr, 64);
}

/* ---- asking the catalog ---- */

static slv_auth_op *new_op(slv_auth *auth, slv_api_call *call)
{
    slv_auth_op *op = slv_new0(slv_auth_op);

    op->auth = auth;
    op->api = call;
    op->arena = SLV_ARENA(ARENA_MAX);
    auth->api->open++; /* it may outlive its call */
    return op;
}

static void free_op(slv_auth_op *op)
{
    op->auth->api->open--;
    slv_arena_done(&op->arena);
    free(op);
}

static slv_code find_alone(slv_auth_op *op, slv_catalog *c, slv_err *err)
{
    slv_account_row *rows;

    SLV_TRY(slv_catalog_account_list(c, &op->arena, &rows, &op->accounts, err));
    if (op->accounts == 1)
        op->found = rows[0];
    return SLV_OK;
}

static slv_code run_ask(slv_call *call, void *service, slv_err *err)
{
    slv_auth_op *op = slv_container_of(call, slv_auth_op, call);

    if (op->secret.len > 0) {
        SLV_TRY(slv_catalog_token_find(service, op->secret, &op->arena, &op->token, err));
        return slv_catalog_account_get(service, op->token.account, &op->arena, &op->found, err);
    }
    if (op->account.len == 0 || slv_str_is(op->account, "local"))
        return find_alone(op, service, err);
    op->accounts = 1;
    return slv_catalog_account_get(service, op->account, &op->arena, &op->found, err);
}

static slv_code run_used(slv_call *call, void *service, slv_err *err)
{
    slv_auth_op *op = slv_container_of(call, slv_auth_op, call);

    return slv_catalog_token_used(service, op->token.id, op->token.used_ms, err);
}

static void on_used(slv_call *call)
{
    slv_auth_op *op = slv_container_of(call, slv_auth_op, call);

    free_op(op);
}

/* To a few minutes: a write for each call would cost more than most calls. */
static void note_use(slv_auth_op *op)
{
    int64_t now = slv_loop_wall_ms(op->auth->api->loop);

    if (now - op->token.used_ms < SLV_TOKEN_USED_GRAIN_MS) {
        free_op(op);
        return;
    }
    op->token.used_ms = now;
    op->call = (slv_call){.kind = SLV_CALL_WRITE, .run = run_used, .done = on_used};
    slv_store_call(op->auth->api->catalog, op->auth->api->loop, &op->call);
}

static bool take_identity(slv_api_call *call, const slv_auth_op *op)
{
    slv_str email = op->token.email.len > 0 ? op->token.email : op->found.email;

    return slv_arena_dup(call->arena, op->found.id, &call->tenant) == SLV_OK &&
           slv_arena_dup(call->arena, email, &call->actor) == SLV_OK &&
           slv_arena_dup(call->arena, op->token.id.ptr ? op->token.id : SLV_STR(""),
                         &call->token) == SLV_OK;
}

static void scope_missing(slv_api_call *call, slv_auth_op *op, unsigned need)
{
    slv_str has = SLV_STR(""), wants = SLV_STR("");

    if (slv_catalog_scopes_text(op->token.scopes, &op->arena, &has) != SLV_OK ||
        slv_catalog_scopes_text(need, &op->arena, &wants) != SLV_OK) {
        slv_api_abort(call);
        return;
    }
    slv_api_error(call, 403, SLV_API_AUTH,
                  "Authentication error: the token has the scope %.*s; this call needs %s%.*s",
                  SLV_STR_ARGS(has), slv_str_chr(wants, ',', 0) == SIZE_MAX ? "" : "one of ",
                  SLV_STR_ARGS(wants));
}

static void judge_token(slv_auth_op *op, slv_api_call *call)
{
    bool audited;
    unsigned need = slv_auth_scopes(call->route, &audited);

    if (op->token.revoked_ms > 0) {
        refuse(op, call, "the token was revoked");
    } else if (!slv_catalog_token_live(&op->token, slv_loop_wall_ms(op->auth->api->loop))) {
        refuse(op, call, "the token has expired");
    } else if (op->account.len > 0 && !slv_str_eq(op->account, op->found.id)) {
        slv_api_error(call, 403, SLV_API_AUTH,
                      "Authentication error: the token is not of the account %.*s",
                      SLV_STR_ARGS(op->account));
    } else if (!(op->token.scopes & need)) {
        scope_missing(call, op, need);
    } else if (!take_identity(call, op)) {
        slv_api_abort(call);
    } else {
        call->audited = audited;
        call->scopes = op->token.scopes;
        slv_api_admit(call);
    }
}

static void judge_owner(slv_auth_op *op, slv_api_call *call)
{
    if (op->accounts > 1 && op->account.len > 0) {
        slv_api_error(call, 400, SLV_API_BAD_JSON,
                      "There are %zu accounts here; name the one that is meant", op->accounts);
        return;
    }
    if (op->accounts == 1 && !take_identity(call, op)) {
        slv_api_abort(call);
        return;
    }
    if (op->accounts != 1) {
        call->tenant = SLV_STR("");
        call->actor = SLV_STR("owner");
    }
    (void)slv_auth_scopes(call->route, &call->audited);
    call->scopes = SLV_SCOPE_ALL;
    slv_api_admit(call);
}

static void on_asked(slv_call *done)
{
    slv_auth_op *op = slv_container_of(done, slv_auth_op, call);
    slv_api_call *call = op->api;
    bool known = false;

    if (call) {
        call->asking = NULL;
        if (done->code == SLV_E_NOTFOUND && op->secret.len > 0)
            refuse(op, call, "no such token");
        else if (done->code == SLV_E_NOTFOUND)
            slv_api_error(call, 404, SLV_API_NO_ROUTE, "There is no account %.*s",
                          SLV_STR_ARGS(op->account));
        else if (done->code != SLV_OK)
            slv_api_fail(call, &done->err, 0);
        else if (op->secret.len > 0) {
            known = slv_catalog_token_live(&op->token, slv_loop_wall_ms(op->auth->api->loop));
            judge_token(op, call);
        } else
            judge_owner(op, call);
    }
    if (known)
        note_use(op);
    else
        free_op(op);
}

/* ---- what was presented ---- */

static slv_str presented(slv_api_call *call)
{
    slv_str key = slv_api_header(call, "x-auth-key");
    slv_str header = slv_api_header(call, "authorization");

    if (key.len > 0)
        return key;
    if (header.len < 7 || !slv_str_eq_nocase(slv_str_sub(header, 0, 7), SLV_STR("bearer ")))
        return SLV_STR("");
    return slv_str_trim(slv_str_skip(header, 7));
}

static slv_str account_of(const slv_api_call *call)
{
    return strncmp(call->route->pattern, "/accounts/:", 11) == 0 && call->param_count > 0
               ? call->params[0]
               : SLV_STR("");
}

void slv_auth_check(slv_auth *auth, slv_api_call *call, const slv_api_head *head)
{
    slv_auth_op *op;

    if (call->route->access == SLV_API_OWNER) {
        if (!head->owner) {
            slv_api_error(call, 403, SLV_API_AUTH,
                          "Authentication error: this is for the socket in the data directory");
            return;
        }
        call->tenant = SLV_STR("");
        call->actor = SLV_STR("owner");
        call->scopes = SLV_SCOPE_ALL;
        call->audited = !slv_str_is(call->method, "GET");
        slv_api_admit(call);
        return;
    }
    if (call->route->access != SLV_API_TOKEN) {
        if (call->route->access == SLV_API_GRANT && !head->owner && !is_granted(auth, call)) {
            slv_api_error(call, 403, SLV_API_AUTH,
                          "Authentication error: the URL is not one that was given, or is too old");
            return;
        }
        call->tenant = account_of(call);
        slv_api_admit(call);
        return;
    }
    op = new_op(auth, call);
    if (slv_arena_dup(&op->arena, head->peer, &op->peer) != SLV_OK ||
        slv_arena_dup(&op->arena, account_of(call), &op->account) != SLV_OK ||
        (!head->owner && slv_arena_dup(&op->arena, presented(call), &op->secret) != SLV_OK)) {
        free_op(op);
        slv_api_abort(call);
        return;
    }
    if (!head->owner && op->secret.len == 0) {
        refuse(op, call, "the call has no token (Authorization: Bearer ...)");
        free_op(op);
        return;
    }
    call->asking = op;
    op->call = (slv_call){.kind = SLV_CALL_READ, .run = run_ask, .done = on_asked};
    slv_store_call(auth->api->catalog, auth->api->loop, &op->call);
}

/* ---- the log of changes ---- */

/* action: a text of 256 bytes that lives as long as the row. */
static slv_audit_row audit_row(const slv_api_call *call, int status, char *action)
{
    (void)snprintf(action, 256, "%s %s", call->route->method, call->route->pattern);
    return (slv_audit_row){.at_ms = slv_loop_wall_ms(call->api->loop),
                           .account = call->tenant,
                           .actor = call->actor,
                           .token = call->token,
                           .action = slv_str_from(action),
                           .resource = call->path,
                           .status = status};
}

/* A change of the catalog, with its row in the same transaction. */
typedef struct written_op {
    slv_call call, *inner;
    slv_api_call *api;
    slv_audit_row row;
    char action[256];
} written_op;

static slv_code run_written(slv_call *call, void *service, slv_err *err)
{
    written_op *op = slv_container_of(call, written_op, call);

    SLV_TRY(op->inner->run(op->inner, service, err));
    return slv_catalog_audit(service, &op->row, err);
}

static void on_written(slv_call *call)
{
    written_op *op = slv_container_of(call, written_op, call);
    slv_call *inner = op->inner;

    inner->code = call->code;
    inner->err = call->err;
    if (call->code == SLV_OK)
        op->api->audited = false; /* it is written down */
    free(op);
    inner->done(inner);
}

void slv_api_catalog_call(slv_api_call *api, slv_store *catalog, slv_call *call)
{
    written_op *op;

    if (call->kind != SLV_CALL_WRITE || !api->audited) {
        slv_store_call(catalog, api->api->loop, call);
        return;
    }
    op = slv_new0(written_op);
    op->inner = call;
    op->api = api;
    op->row = audit_row(api, 200, op->action);
    op->call = (slv_call){
        .kind = SLV_CALL_WRITE, .create = call->create, .run = run_written, .done = on_written};
    slv_store_call(catalog, api->api->loop, &op->call);
}

/* Changes of anything but the catalog are written down when they are done. */
typedef struct audit_op {
    slv_call call;
    slv_api *api;
    slv_arena arena;
    slv_audit_row row;
} audit_op;

static slv_code run_audit(slv_call *call, void *service, slv_err *err)
{
    audit_op *op = slv_container_of(call, audit_op, call);

    return slv_catalog_audit(service, &op->row, err);
}

static void on_audited(slv_call *call)
{
    audit_op *op = slv_container_of(call, audit_op, call);

    op->api->open--;
    slv_arena_done(&op->arena);
    free(op);
}

static void write_down(slv_api_call *call)
{
    audit_op *op = slv_new0(audit_op);
    char action[256];

    op->api = call->api;
    op->arena = SLV_ARENA((size_t)64 << 10);
    op->row = audit_row(call, call->status, action);
    if (slv_arena_dup(&op->arena, op->row.action, &op->row.action) != SLV_OK ||
        slv_arena_dup(&op->arena, op->row.account, &op->row.account) != SLV_OK ||
        slv_arena_dup(&op->arena, op->row.actor, &op->row.actor) != SLV_OK ||
        slv_arena_dup(&op->arena, op->row.token, &op->row.token) != SLV_OK ||
        slv_arena_dup(&op->arena, op->row.resource, &op->row.resource) != SLV_OK) {
        slv_arena_done(&op->arena);
        free(op);
        return;
    }
    op->call = (slv_call){.kind = SLV_CALL_WRITE, .run = run_audit, .done = on_audited};
    call->api->open++;
    slv_store_call(call->api->catalog, call->api->loop, &op->call);
}

void slv_auth_over(slv_api_call *call)
{
    if (call->asking)
        call->asking->api = NULL;
    if (call->audited && call->begun && call->status < 400)
        write_down(call);
}
