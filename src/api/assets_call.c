/* A call that takes static files: its steps, its body, its answer. */
#include <stdio.h>

#include "api/assets_int.h"
#include "fmt/json.h"
#include "state/kinds.h"

#define ARENA_MAX ((size_t)256 << 20)
#define OUT_MAX ((size_t)64 << 20)
#define WINDOW ((size_t)1 << 20) /* of a body that is not eaten yet */
#define TYPE_MAX ((size_t)256)

asset_rest *slv_asset_rest_new(slv_api_call *call)
{
    slv_host *host = slv_api_host(call->api);

    if (!host) {
        slv_api_error(call, 404, SLV_API_NO_ROUTE, "Static files are uploaded to a server");
        return NULL;
    }
    asset_rest *r = slv_new0(asset_rest);
    r->api = call;
    r->files = slv_host_assets(host);
    r->now_ms = slv_loop_wall_ms(slv_api_loop(call->api));
    r->arena = SLV_ARENA(ARENA_MAX);
    r->out = SLV_BUF(OUT_MAX);
    r->json = SLV_JSON_WRITER(&r->out);
    r->incoming = r->working = SLV_BUF(WINDOW * 2);
    r->store = slv_state_store(slv_api_state(call->api), &slv_catalog_store,
                               SLV_STR(SLV_CATALOG_TENANT), SLV_STR(SLV_CATALOG_ID));
    return r;
}

void slv_asset_rest_free(asset_rest *r)
{
    if (r->reader)
        r->reader_free(r->reader);
    (void)slv_asset_batch_free(r->batch);
    (void)slv_store_unref(r->store);
    slv_vec_done(&r->wanted);
    slv_vec_done(&r->sizes);
    slv_map_done(&r->seen);
    slv_vec_done(&r->parts);
    slv_buf_done(&r->incoming);
    slv_buf_done(&r->working);
    slv_buf_done(&r->out);
    slv_arena_done(&r->arena);
    free(r);
}

bool slv_asset_rest_token(asset_rest *r, slv_asset_token_kind kind)
{
    slv_str field = slv_api_header(r->api, "authorization");
    slv_err err = {0};

    if (slv_str_eq_nocase(slv_str_sub(field, 0, 7), SLV_STR("Bearer ")) &&
        slv_asset_token_get(r->files, kind, slv_str_trim(slv_str_skip(field, 7)), r->now_ms / 1000,
                            &r->arena, &r->token, &err) == SLV_OK)
        return true;
    slv_asset_error(
        r, 403, kind == SLV_ASSET_PAGES ? ASSETS_TOKEN_REFUSED_PAGES : ASSETS_TOKEN_REFUSED,
        "Authorization failed: %s", err.code != SLV_OK ? slv_err_text(&err) : "a token is missing");
    return false;
}

/* ---- steps ---- */

static void went(asset_rest *r, slv_code code, const slv_err *err)
{
    if (code != SLV_OK)
        slv_asset_fail(r, err);
    else
        r->then(r);
}

static void run_job(slv_job *job)
{
    asset_rest *r = slv_container_of(job, asset_rest, job);

    r->err = (slv_err){0};
    r->code = r->run(r, NULL, &r->err);
    r->err.code = r->code;
}

static void on_job(slv_job *job)
{
    asset_rest *r = slv_container_of(job, asset_rest, job);

    went(r, r->code, &r->err);
}

void slv_asset_job(asset_rest *r, asset_step run, void (*then)(asset_rest *r))
{
    r->run = run;
    r->then = then;
    r->status = 0;
    r->job = (slv_job){.run = run_job, .done = on_job};
    slv_state_work(slv_api_state(r->api->api), slv_api_loop(r->api->api), &r->job);
}

static slv_code run_call(slv_call *call, void *service, slv_err *err)
{
    asset_rest *r = slv_container_of(call, asset_rest, call);

    return r->run(r, service, err);
}

static void on_call(slv_call *call)
{
    slv_err err = call->err;

    err.code = call->code;
    went(slv_container_of(call, asset_rest, call), call->code, &err);
}

static void start_call(asset_rest *r, slv_call_kind kind, asset_step run,
                       void (*then)(asset_rest *r))
{
    r->run = run;
    r->then = then;
    r->status = 0;
    r->call = (slv_call){.kind = kind, .run = run_call, .done = on_call};
    slv_store_call(r->store, slv_api_loop(r->api->api), &r->call);
}

void slv_asset_read(asset_rest *r, asset_step run, void (*then)(asset_rest *r))
{
    start_call(r, SLV_CALL_READ, run, then);
}

void slv_asset_write(asset_rest *r, asset_step run, void (*then)(asset_rest *r))
{
    start_call(r, SLV_CALL_WRITE, run, then);
}

slv_code slv_asset_refuse(asset_rest *r, slv_err *err, int status, int code, const char *fmt, ...)
{
    char text[SLV_ERR_MESSAGE_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    r->status = status;
    r->error = code;
    return slv_fail(err, SLV_E_INVAL, "%s", text);
}

/* ---- answers ---- */

void slv_asset_answer(asset_rest *r)
{
    slv_api_call *call = r->api;

    if (r->json.code == SLV_OK)
        slv_api_ok(call, slv_buf_view(&r->out));
    else
        slv_api_error(call, 500, SLV_API_INTERNAL, "The answer is too large");
    slv_asset_rest_free(r);
}

void slv_asset_error(asset_rest *r, int status, int code, const char *fmt, ...)
{
    slv_api_call *call = r->api;
    char text[SLV_ERR_MESSAGE_MAX * 2];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    slv_asset_rest_free(r);
    slv_api_error(call, status, code, "%s", text);
}

void slv_asset_fail(asset_rest *r, const slv_err *err)
{
    slv_api_call *call = r->api;
    const slv_err copy = *err;
    int status = r->status, code = r->error;

    if (status != 0) {
        slv_asset_error(r, status, code, "%s", slv_err_text(&copy));
        return;
    }
    slv_asset_rest_free(r);
    slv_api_fail(call, &copy,
                 copy.code == SLV_E_INVAL || copy.code == SLV_E_PARSE || copy.code == SLV_E_DENIED
                     ? ASSETS_INVALID
                     : 0);
}

/* ---- a body ---- */

static void feed(asset_rest *r);

static void too_large(asset_rest *r)
{
    slv_asset_error(r, 413, SLV_API_TOO_LARGE, "The request's body is too large");
}

static slv_code eat(asset_rest *r, SLV_UNUSED slv_catalog *c, slv_err *err)
{
    return r->eat(r, slv_buf_view(&r->working), r->final, err);
}

static void eaten(asset_rest *r)
{
    size_t n = r->working.len;

    r->busy = false;
    slv_buf_reset(&r->working);
    if (r->taken > r->taken_max) {
        too_large(r);
        return;
    }
    if (r->broken) {
        slv_asset_error(r, 400, ASSETS_INVALID, "The body was cut off");
        return;
    }
    if (r->final) {
        r->eaten(r);
        return;
    }
    slv_api_credit(r->api, n);
    feed(r);
}

/* While a piece is being eaten the next one gathers. */
static void feed(asset_rest *r)
{
    slv_buf swap = r->working;

    if (r->busy || (r->incoming.len == 0 && !r->last))
        return;
    r->working = r->incoming;
    r->incoming = swap;
    r->busy = true;
    r->final = r->last; /* nothing gathers any more */
    slv_asset_job(r, eat, eaten);
}

static void on_body(slv_api_call *call, slv_str bytes, bool last)
{
    asset_rest *r = call->user;

    r->taken += bytes.len;
    r->last = last;
    if (last)
        call->on_gone = NULL; /* the steps that follow answer it in any case */
    if (r->taken <= r->taken_max && slv_buf_append(&r->incoming, bytes) == SLV_OK) {
        feed(r);
        return;
    }
    r->taken_max = 0;
    if (!r->busy)
        too_large(r);
}

static void on_gone(slv_api_call *call)
{
    asset_rest *r = call->user;

    r->broken = true;
    if (!r->busy)
        slv_asset_error(r, 400, ASSETS_INVALID, "The body was cut off");
}

void slv_asset_stream(asset_rest *r, uint64_t max)
{
    slv_api_call *call = r->api;

    r->taken_max = max;
    if (call->gone) {
        slv_asset_error(r, 400, ASSETS_INVALID, "The body was cut off");
        return;
    }
    if (call->length > 0 && (uint64_t)call->length > max) {
        slv_asset_error(r, 413, SLV_API_TOO_LARGE, "The request's body is larger than %llu bytes",
                        (unsigned long long)max);
        return;
    }
    call->user = r;
    call->on_body = on_body;
    call->on_gone = on_gone;
    if (call->length == 0) {
        r->last = true;
        feed(r);
    } else {
        slv_api_credit(call, WINDOW);
    }
}

/* ---- files that came ---- */

static bool type_ok(slv_str type)
{
    for (size_t i = 0; i < type.len; i++)
        if ((unsigned char)type.ptr[i] < 0x20 || (unsigned char)type.ptr[i] >= 0x7f)
            return false;
    return type.len <= TYPE_MAX;
}

slv_code slv_asset_part_add(asset_rest *r, slv_str hash, slv_str type, uint64_t size, slv_err *err)
{
    asset_part part = {.size = size};

    if (slv_str_is(type, "application/null"))
        type = SLV_STR("");
    if (!type_ok(type))
        return slv_asset_refuse(r, err, 400, ASSETS_INVALID,
                                "The content type of file %.*s cannot be", SLV_STR_ARGS(hash));
    SLV_TRY(slv_arena_dup(&r->arena, hash, &part.hash));
    SLV_TRY(slv_arena_dup(&r->arena, type, &part.type));
    slv_vec_push(&r->parts, part);
    return SLV_OK;
}

/* ---- completion ---- */

/* One entry of the manifest that a version names. */
static slv_code put_entry(asset_rest *r, slv_catalog *c, const slv_node *n, slv_json_writer *w,
                          slv_err *err)
{
    slv_str hash = slv_node_str(slv_node_get(n, "hash"));
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 10);
    slv_asset_row row;
    slv_code code = slv_catalog_asset_get(c, r->session.account, hash, &arena, &row, err);

    if (code == SLV_E_NOTFOUND)
        return slv_asset_refuse(r, err, 400, ASSETS_INVALID, "File %.*s was not uploaded",
                                SLV_STR_ARGS(hash));
    SLV_TRY(code);
    slv_json_key_str(w, n->key);
    slv_json_open(w, '{');
    slv_json_put_text(w, "hash", hash);
    slv_json_put_number(w, "size", (int64_t)row.size);
    slv_json_put_some(w, "type", row.type);
    slv_json_close(w, '}');
    return SLV_OK;
}

static slv_code type_manifest(asset_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(SLV_ASSET_MANIFEST_MAX * 8);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_ASSET_MANIFEST_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf typed = SLV_BUF(SLV_ASSET_MANIFEST_MAX);
    slv_json_writer w = SLV_JSON_WRITER(&typed);
    slv_str account = r->session.account;
    slv_node *manifest;

    SLV_TRY(slv_asset_manifest_get(r->files, account, r->session.manifest, &text, err));
    SLV_TRY(slv_json_parse(slv_buf_view(&text), SLV_JSON_STRICT, &arena, &manifest, err));
    slv_json_open(&w, '{');
    for (const slv_node *n = manifest->first; n; n = n->next)
        SLV_TRY(put_entry(r, c, n, &w, err));
    slv_json_close(&w, '}');
    if (w.code != SLV_OK)
        return slv_fail(err, w.code, "The manifest is too large");
    r->file_count = manifest->count;
    return slv_asset_manifest_put(r->files, account, slv_buf_view(&typed), r->complete, err);
}

static slv_code put_manifest_row(asset_rest *r, slv_catalog *c, slv_err *err)
{
    const slv_asset_row row = {.hash = slv_str_from(r->complete), .checked = true};

    return slv_catalog_asset_put(c, r->session.account, &row, r->now_ms, err);
}

static void complete(asset_rest *r)
{
    SLV_CLEANUP(slv_buf_done) slv_buf jwt = SLV_BUF((size_t)16 << 10);
    const slv_asset_token token = {
        .kind = SLV_ASSET_COMPLETE,
        .account = r->session.account,
        .name = r->session.worker,
        .dispatch = r->session.dispatch,
        .id = slv_str_from(r->complete),
        .files = r->file_count,
        .expires_s = r->now_ms / 1000 + SLV_ASSET_SESSION_S,
    };
    slv_code code = slv_asset_token_put(r->files, &token, &jwt);

    if (code != SLV_OK)
        r->json.code = code;
    slv_json_open(&r->json, '{');
    slv_json_put_text(&r->json, "jwt", slv_buf_view(&jwt));
    slv_json_put_raw(&r->json, "buckets", SLV_STR("[]"));
    slv_json_close(&r->json, '}');
    slv_asset_answer(r);
}

static void typed(asset_rest *r)
{
    slv_asset_write(r, put_manifest_row, complete);
}

void slv_asset_complete(asset_rest *r)
{
    slv_asset_read(r, type_manifest, typed);
}
