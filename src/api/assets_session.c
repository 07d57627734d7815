/* Which of a worker's static files have to be uploaded. */
#include "api/assets_int.h"
#include "api/routes.h"
#include "base/rand.h"
#include "fmt/json.h"
#include "fmt/sum.h"

#define MANIFEST_BODY_MAX ((size_t)32 << 20)
/* What one request brings: base64 of so many bytes, and so many parts. */
#define BUCKET_BYTES ((uint64_t)28 << 20)
#define BUCKET_FILES 1000u

/* ---- the manifest ---- */

static slv_code bad_entry(asset_rest *r, slv_err *err, slv_str path, const char *what)
{
    return slv_asset_refuse(r, err, 400, ASSETS_INVALID, "manifest: '%.*s': %s",
                            SLV_STR_ARGS(slv_str_sub(path, 0, 200)), what);
}

/* Checks an entry, and notes each content once. */
static slv_code read_entry(asset_rest *r, const slv_node *n, slv_json_writer *w, slv_err *err)
{
    slv_str hash = slv_node_str(slv_node_get(n, "hash"));
    int64_t size;

    if (!slv_str_starts(n->key, SLV_STR("/")))
        return bad_entry(r, err, n->key, "a path begins with a slash");
    if (!slv_assets_hash_valid(hash))
        return bad_entry(r, err, n->key, "hash must be 32 lower-case hexadecimal digits");
    if (!slv_node_i64(slv_node_get(n, "size"), &size) || size < 0)
        return bad_entry(r, err, n->key, "size must be a whole number of bytes");
    if ((uint64_t)size > SLV_ASSETS_FILE_MAX)
        return bad_entry(r, err, n->key, "a file may have up to 25 MiB");
    slv_json_key_str(w, n->key);
    slv_json_open(w, '{');
    slv_json_put_text(w, "hash", hash);
    slv_json_put_number(w, "size", size);
    slv_json_close(w, '}');
    if (slv_map_get(&r->seen, hash))
        return SLV_OK;
    slv_map_set(&r->seen, hash, true);
    slv_vec_push(&r->wanted, ((slv_asset_wanted){hash, slv_assets_extension(n->key)}));
    slv_vec_push(&r->sizes, (uint64_t)size);
    return SLV_OK;
}

static slv_code read_manifest(asset_rest *r, SLV_UNUSED slv_catalog *c, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_ASSET_MANIFEST_MAX);
    slv_json_writer w = SLV_JSON_WRITER(&text);
    slv_node *body = NULL;
    const slv_node *manifest;

    if (slv_json_parse(r->api->body, SLV_JSON_STRICT, &r->arena, &body, err) != SLV_OK)
        return slv_asset_refuse(r, err, 400, SLV_API_BAD_JSON,
                                "Could not parse the request's body as JSON: %s",
                                slv_err_text(err));
    manifest = slv_node_get(body, "manifest");
    if (!slv_node_is(manifest, SLV_NODE_OBJECT))
        return slv_asset_refuse(r, err, 400, ASSETS_INVALID, "manifest must be an object");
    if (manifest->count > SLV_ASSETS_FILES_MAX)
        return slv_asset_refuse(r, err, 400, ASSETS_INVALID,
                                "The manifest names %zu files; a version may have %u",
                                manifest->count, SLV_ASSETS_FILES_MAX);
    slv_json_open(&w, '{');
    for (const slv_node *n = manifest->first; n; n = n->next)
        SLV_TRY(read_entry(r, n, &w, err));
    slv_json_close(&w, '}');
    if (w.code != SLV_OK)
        return slv_fail(err, w.code, "The manifest is too large");
    return slv_asset_manifest_put(r->files, r->session.account, slv_buf_view(&text),
                                  r->manifest_hash, err);
}

/* ---- the session ---- */

/* Leaves in r->wanted what is not there. */
static slv_code open_session(asset_rest *r, slv_catalog *c, slv_err *err)
{
    const slv_asset_row manifest = {.hash = slv_str_from(r->manifest_hash), .checked = true};
    slv_str account = r->session.account;
    size_t kept = 0;

    SLV_TRY(slv_catalog_asset_put(c, account, &manifest, r->now_ms, err));
    for (size_t i = 0; i < r->wanted.len; i++) {
        bool has;

        SLV_TRY(slv_catalog_asset_touch(c, account, r->wanted.items[i].hash, r->now_ms, &has, err));
        if (has)
            continue;
        r->wanted.items[kept] = r->wanted.items[i];
        r->sizes.items[kept++] = r->sizes.items[i];
    }
    r->wanted.len = r->sizes.len = kept;
    if (kept == 0)
        return SLV_OK;
    return slv_catalog_session_add(c, &r->session, r->wanted.items, kept, r->now_ms, err);
}

static void put_buckets(asset_rest *r)
{
    slv_json_writer *w = &r->json;
    uint64_t bytes = 0;
    unsigned files = 0;

    slv_json_key(w, "buckets");
    slv_json_open(w, '[');
    for (size_t i = 0; i < r->wanted.len; i++) {
        if (files == BUCKET_FILES || (files > 0 && bytes + r->sizes.items[i] > BUCKET_BYTES)) {
            slv_json_close(w, ']');
            files = 0;
            bytes = 0;
        }
        if (files++ == 0)
            slv_json_open(w, '[');
        bytes += r->sizes.items[i];
        slv_json_text(w, r->wanted.items[i].hash);
    }
    if (files > 0)
        slv_json_close(w, ']');
    slv_json_close(w, ']');
}

static void opened(asset_rest *r)
{
    SLV_CLEANUP(slv_buf_done) slv_buf jwt = SLV_BUF((size_t)16 << 10);
    const slv_asset_token token = {
        .kind = SLV_ASSET_SESSION,
        .account = r->session.account,
        .name = r->session.worker,
        .dispatch = r->session.dispatch,
        .id = r->session.id,
        .expires_s = r->session.expires_ms / 1000,
    };

    if (r->wanted.len == 0) {
        slv_asset_complete(r);
        return;
    }
    slv_code code = slv_asset_token_put(r->files, &token, &jwt);
    if (code != SLV_OK)
        r->json.code = code;
    slv_json_open(&r->json, '{');
    slv_json_put_text(&r->json, "jwt", slv_buf_view(&jwt));
    put_buckets(r);
    slv_json_close(&r->json, '}');
    slv_asset_answer(r);
}

static void manifest_read(asset_rest *r)
{
    uint8_t random[16];

    slv_rand_bytes(random, sizeof random);
    slv_hex_put(slv_str_make(random, sizeof random), r->session_id);
    r->session.id = slv_str_from(r->session_id);
    r->session.manifest = slv_str_from(r->manifest_hash);
    slv_asset_write(r, open_session, opened);
}

static void begin(slv_api_call *call, slv_str dispatch, slv_str worker)
{
    asset_rest *r = slv_asset_rest_new(call);

    if (!r)
        return;
    r->session = (slv_asset_session){
        .account = call->tenant,
        .dispatch = dispatch,
        .worker = worker,
        .expires_ms = r->now_ms + (int64_t)SLV_ASSET_SESSION_S * 1000,
    };
    if (!slv_worker_name_valid(worker, dispatch.len > 0)) {
        slv_asset_error(r, 400, 10016, "'%.*s' is no name of a Worker", SLV_STR_ARGS(worker));
        return;
    }
    slv_asset_job(r, read_manifest, manifest_read);
}

static void session(slv_api_call *call)
{
    begin(call, SLV_STR(""), call->params[1]);
}

static void dispatch_session(slv_api_call *call)
{
    begin(call, call->params[1], call->params[2]);
}

const slv_api_route slv_api_assets_session_routes[] = {
    {.method = "POST",
     .pattern = "/accounts/:account/workers/scripts/:script/assets-upload-session",
     .handle = session,
     .body_max = MANIFEST_BODY_MAX},
    {.method = "POST",
     .pattern = "/accounts/:account/workers/dispatch/namespaces/:namespace/scripts/:script/"
                "assets-upload-session",
     .handle = dispatch_session,
     .body_max = MANIFEST_BODY_MAX},
    {0},
};
