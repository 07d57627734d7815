#include "daemon/first.h"

#include "state/transfer.h"

#define START_MS 60000
#define ARENA_MAX ((size_t)1 << 20)

typedef struct first_call {
    slv_call call;
    slv_state *state;
    slv_arena arena;
    slv_str email;
    int64_t now_ms;
    slv_first *out;
    bool done;
} first_call;

typedef struct rows {
    slv_account_row *items;
    size_t count;
} rows;

static bool is_known(void *arg, slv_str account)
{
    const rows *r = arg;

    for (size_t i = 0; i < r->count; i++)
        if (slv_str_eq(r->items[i].id, account))
            return true;
    return false;
}

static slv_code run_first(slv_call *call, void *service, slv_err *err)
{
    first_call *f = slv_container_of(call, first_call, call);
    slv_account_row row = {.name = SLV_STR("main"), .email = f->email};
    slv_token_row token = {.name = SLV_STR("first"), .email = SLV_STR(""), .scopes = SLV_SCOPE_ALL};
    rows all;

    SLV_TRY(slv_catalog_account_list(service, &f->arena, &all.items, &all.count, err));
    SLV_TRY(slv_import_settle(f->state, is_known, &all, err));
    f->out->accounts = SLV_MAX(all.count, (size_t)1);
    if (all.count > 0)
        return SLV_OK;
    slv_catalog_account_id_draw(f->out->account);
    row.id = token.account = slv_str_from(f->out->account);
    row.created_ms = token.created_ms = f->now_ms;
    SLV_TRY(slv_catalog_account_create(service, &row, err));
    SLV_TRY(slv_catalog_token_create(service, &token, &f->arena, f->out->token, err));
    f->out->made = true;
    return SLV_OK;
}

static void on_first(slv_call *call)
{
    first_call *f = slv_container_of(call, first_call, call);

    f->done = true;
}

static bool is_done(void *arg)
{
    return ((first_call *)arg)->done;
}

slv_code slv_first_account(slv_state *state, slv_store *catalog, slv_loop *loop, slv_str email,
                           slv_first *ret, slv_err *err)
{
    first_call f = {
        .call = {.kind = SLV_CALL_WRITE, .create = true, .run = run_first, .done = on_first},
        .state = state,
        .arena = SLV_ARENA(ARENA_MAX),
        .email = email,
        .now_ms = slv_loop_wall_ms(loop),
        .out = ret,
    };

    *ret = (slv_first){0};
    slv_store_call(catalog, loop, &f.call);
    while (!slv_loop_run_until(loop, is_done, &f, START_MS))
        continue; /* the call is on our stack */
    slv_arena_done(&f.arena);
    if (f.call.code != SLV_OK)
        return slv_fail(err, f.call.code, "the catalog of accounts: %s", slv_err_text(&f.call.err));
    return SLV_OK;
}
