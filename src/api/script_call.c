/* A call of the control API for workers: work on the catalog, and its answer. */
#include <stdio.h>

#include "api/script_int.h"
#include "base/rand.h"
#include "state/kinds.h"

#define ARENA_MAX ((size_t)256 << 20)
#define OUT_MAX ((size_t)256 << 20)

script_rest *slv_script_new(slv_api_call *call)
{
    script_rest *r = slv_new0(script_rest);
    bool dispatch =
        slv_str_find(slv_str_from(call->route->pattern), SLV_STR("/dispatch/"), 0) != SIZE_MAX;

    r->api = call;
    r->now_ms = slv_loop_wall_ms(slv_api_loop(call->api));
    r->arena = SLV_ARENA(ARENA_MAX);
    r->metadata_arena = SLV_ARENA(ARENA_MAX);
    r->metadata_text = SLV_BUF(SCRIPT_METADATA_MAX * 2);
    r->out = SLV_BUF(OUT_MAX);
    r->info = SLV_BUF(256);
    r->json = SLV_JSON_WRITER(&r->out);
    r->key.account = call->tenant;
    if (dispatch && call->param_count > 1)
        r->key.dispatch = call->params[1];
    if (call->param_count > (dispatch ? 2u : 1u))
        r->key.name = call->params[dispatch ? 2 : 1];
    r->store = slv_state_store(slv_api_state(call->api), &slv_catalog_store,
                               SLV_STR(SLV_CATALOG_TENANT), SLV_STR(SLV_CATALOG_ID));
    return r;
}

void slv_script_free(script_rest *r)
{
    (void)slv_store_unref(r->store);
    (void)slv_built_free(r->built);
    slv_arena_done(&r->arena);
    slv_arena_done(&r->metadata_arena);
    slv_buf_done(&r->metadata_text);
    slv_buf_done(&r->out);
    slv_buf_done(&r->info);
    free(r->parts);
    free(r);
}

script_rest *slv_script_new_named(slv_api_call *call)
{
    script_rest *r = slv_script_new(call);

    if (slv_worker_name_valid(r->key.name, r->key.dispatch.len > 0))
        return r;
    slv_script_error(r, 400, SCRIPT_BAD_NAME,
                     "A Worker's name has 1 to %d letters, digits, \"-\" and \"_\", the first no "
                     "hyphen: '%.*s'",
                     r->key.dispatch.len > 0 ? 255 : 63, SLV_STR_ARGS(r->key.name));
    return NULL;
}

/* ---- work ---- */

/* A read sees one moment, however many statements it has: a writer is beside it. */
static slv_code run_work(slv_call *call, void *service, slv_err *err)
{
    script_rest *r = slv_container_of(call, script_rest, call);
    slv_db *db = slv_catalog_db(service);
    slv_code code;

    if (call->kind != SLV_CALL_READ)
        return r->work(r, service, err);
    SLV_TRY(slv_db_savepoint(db, err));
    code = r->work(r, service, err);
    slv_db_rollback_to(db);
    return code;
}

static void on_worked(slv_call *call)
{
    script_rest *r = slv_container_of(call, script_rest, call);

    if (call->code == SLV_E_AGAIN && r->again)
        r->again(r);
    else if (call->code != SLV_OK)
        slv_script_fail(r, &call->err);
    else if (r->then)
        r->then(r);
    else
        slv_script_answer(r);
}

static void start(script_rest *r, slv_call_kind kind, script_work work,
                  void (*then)(script_rest *r))
{
    r->work = work;
    r->then = then;
    r->status = 0;
    r->call = (slv_call){.kind = kind, .run = run_work, .done = on_worked};
    slv_api_catalog_call(r->api, r->store, &r->call);
}

void slv_script_read(script_rest *r, script_work work, void (*then)(script_rest *r))
{
    start(r, SLV_CALL_READ, work, then);
}

void slv_script_write(script_rest *r, script_work work, void (*then)(script_rest *r))
{
    start(r, SLV_CALL_WRITE, work, then);
}

slv_code slv_script_refuse(script_rest *r, slv_err *err, int status, int code, const char *fmt, ...)
{
    char text[SLV_ERR_MESSAGE_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    r->status = status;
    r->code = code;
    return slv_fail(err, SLV_E_INVAL, "%s", text);
}

slv_code slv_script_row(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_code code = slv_catalog_worker_get(c, &r->key, &r->arena, &r->row, err);

    if (code != SLV_E_NOTFOUND)
        return code;
    /* wrangler takes one code as "deploy it for the first time", and in namespaces another. */
    return slv_script_refuse(
        r, err, 404, r->key.dispatch.len > 0 ? SCRIPT_NOT_IN_NAMESPACE : SCRIPT_NOT_FOUND,
        "This Worker does not exist on your account: '%.*s'", SLV_STR_ARGS(r->key.name));
}

/* ---- answers ---- */

void slv_script_answer(script_rest *r)
{
    slv_api_call *call = r->api;

    if (r->json.code == SLV_OK)
        slv_api_ok_info(call, slv_buf_view(&r->out), slv_buf_view(&r->info));
    else
        slv_api_error(call, 500, SLV_API_INTERNAL, "The answer is too large");
    slv_script_free(r);
}

void slv_script_error(script_rest *r, int status, int code, const char *fmt, ...)
{
    slv_api_call *call = r->api;
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    slv_script_free(r);
    slv_api_error(call, status, code, "%s", text);
}

void slv_script_fail(script_rest *r, const slv_err *err)
{
    int status = r->status, code = r->code;

    if (status == 0) {
        slv_api_call *call = r->api;
        const slv_err copy = *err;

        slv_script_free(r);
        slv_api_fail(call, &copy,
                     copy.code == SLV_E_NOTFOUND ? SCRIPT_NOT_FOUND
                     : copy.code == SLV_E_LIMIT  ? SCRIPT_LIMIT
                                                 : 0);
        return;
    }
    slv_script_error(r, status, code, "%s", slv_err_text(err));
}

static bool applied(script_rest *r, const slv_err *err)
{
    if (!err)
        return true;
    slv_script_error(r, 400, SCRIPT_INVALID,
                     "What was asked for is stored, but Worker '%.*s' does not run: %s",
                     SLV_STR_ARGS(r->key.name), slv_err_text(err));
    return false;
}

static void on_applied_also(void *arg, const slv_err *err)
{
    script_rest *r = arg;

    if (applied(r, err))
        slv_script_answer(r);
}

static void on_applied(void *arg, const slv_err *err)
{
    script_rest *r = arg;

    if (!applied(r, err))
        return;
    if (r->also.len > 0)
        slv_host_refresh(slv_api_host(r->api->api), r->key.account, r->also, SLV_STR(""),
                         on_applied_also, r);
    else
        slv_script_answer(r);
}

void slv_script_apply(script_rest *r)
{
    slv_host *host = slv_api_host(r->api->api);

    if (host)
        slv_host_refresh(host, r->key.account, r->key.name, r->key.dispatch, on_applied, r);
    else
        slv_script_answer(r);
}

/* Workers under their old namespace first, then under the new one. */
static void on_applied_next(void *arg, const slv_err *err)
{
    script_rest *r = arg;
    size_t i = r->applied++, rounds = r->name.len > 0 ? 2 : 1;

    if (!applied(r, err))
        return;
    if (i >= r->touched.count * rounds) {
        slv_script_answer(r);
        return;
    }
    slv_host_refresh(slv_api_host(r->api->api), r->key.account,
                     r->touched.items[i % r->touched.count].name,
                     i < r->touched.count ? r->key.dispatch : r->name, on_applied_next, r);
}

void slv_script_apply_namespace(script_rest *r)
{
    r->applied = 0;
    if (slv_api_host(r->api->api))
        on_applied_next(r, NULL);
    else
        slv_script_answer(r);
}

/* ---- names ---- */

void slv_script_uuid(char out[static SCRIPT_UUID_LEN + 1])
{
    uint8_t b[16];
    char *p = out;

    slv_rand_bytes(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof b; i++)
        p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
}

void slv_script_hex_id(char out[static 33])
{
    uint8_t b[16];

    slv_rand_bytes(b, sizeof b);
    for (size_t i = 0; i < sizeof b; i++)
        sprintf(out + i * 2, "%02x", b[i]);
}

slv_str slv_script_author(const script_rest *r)
{
    return r->api->actor.len > 0 ? r->api->actor : SLV_STR("owner@localhost");
}
