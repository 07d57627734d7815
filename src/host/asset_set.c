/* What a version has of the account's files. */
#include <inttypes.h>

#include "fmt/json.h"
#include "fmt/json_write.h"
#include "host/asset_store_int.h"

#define ROW_MAX ((size_t)8 << 20)
#define WARNINGS_MAX ((size_t)1 << 20)

/* ---- an upload's claim ---- */

/* The manifest that the token, or the version before, stands for. */
static slv_code find_manifest(const slv_asset_store *s, const slv_asset_claim *claim,
                              const slv_node *assets, slv_arena *arena, slv_str *ret_hash,
                              uint64_t *ret_files, slv_err *err)
{
    slv_str jwt = slv_node_str(slv_node_get(assets, "jwt"));
    slv_node *before;
    slv_asset_token token;
    int64_t files = 0;

    if (jwt.len == 0) {
        if (claim->previous.len == 0)
            return slv_fail(err, SLV_E_INVAL, "metadata.assets.jwt is missing");
        SLV_TRY(slv_json_parse(claim->previous, SLV_JSON_STRICT, arena, &before, err));
        *ret_hash = slv_node_str(slv_node_get(before, "manifest"));
        (void)slv_node_i64(slv_node_get(before, "files"), &files);
        *ret_files = (uint64_t)files;
        return SLV_OK;
    }
    if (slv_asset_token_get(s, SLV_ASSET_COMPLETE, jwt, claim->now_s, arena, &token, err) !=
        SLV_OK) {
        slv_err why = *err;

        return slv_fail(err, SLV_E_DENIED, "metadata.assets.jwt: %s", slv_err_text(&why));
    }
    if (!slv_str_eq(token.account, claim->account) || !slv_str_eq(token.name, claim->worker) ||
        !slv_str_eq(token.dispatch, claim->dispatch))
        return slv_fail(err, SLV_E_DENIED,
                        "metadata.assets.jwt: the token is for another worker ('%.*s')",
                        SLV_STR_ARGS(token.name));
    *ret_hash = token.id;
    *ret_files = token.files;
    return SLV_OK;
}

static slv_code put_row(slv_str manifest, uint64_t files, const slv_node *config, slv_arena *arena,
                        slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(ROW_MAX);

    SLV_TRY(slv_buf_printf(&out, "{\"manifest\":\"%.*s\",\"files\":%" PRIu64 ",\"config\":",
                           SLV_STR_ARGS(manifest), files));
    SLV_TRY(config ? slv_json_put(&out, config) : slv_buf_append(&out, SLV_STR("{}")));
    SLV_TRY(slv_buf_append_byte(&out, '}'));
    return slv_arena_dup(arena, slv_buf_view(&out), ret);
}

slv_code slv_asset_claim_check(const slv_asset_store *s, const slv_asset_claim *claim,
                               slv_arena *arena, slv_str *ret, slv_err *err)
{
    const slv_node *assets = slv_node_get(claim->metadata, "assets");
    const slv_node *keep = slv_node_get(claim->metadata, "keep_assets");
    const slv_node *config;
    slv_assets_upload upload;
    slv_str manifest = SLV_STR_NULL;
    uint64_t files = 0;

    *ret = SLV_STR("");
    if (!assets || assets->type == SLV_NODE_NULL) {
        if (slv_node_is(keep, SLV_NODE_BOOL) && keep->boolean)
            *ret = claim->previous;
        return SLV_OK;
    }
    if (assets->type != SLV_NODE_OBJECT)
        return slv_fail(err, SLV_E_INVAL, "metadata.assets must be an object");
    config = slv_node_get(assets, "config");
    SLV_TRY(slv_assets_upload_read(config, arena, &upload, err));
    SLV_TRY(find_manifest(s, claim, assets, arena, &manifest, &files, err));
    if (put_row(manifest, files, config, arena, ret) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "metadata.assets is too large");
    return SLV_OK;
}

slv_code slv_asset_pages_row(const slv_asset_pages *about, slv_arena *arena, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(ROW_MAX);
    slv_json_writer w = SLV_JSON_WRITER(&out);

    slv_json_open(&w, '{');
    slv_json_put_text(&w, "manifest", about->manifest);
    slv_json_put_number(&w, "files", (int64_t)about->files);
    slv_json_put_bool(&w, "pages", true);
    slv_json_put_some(&w, "routes", about->routes);
    slv_json_key(&w, "config");
    slv_json_open(&w, '{');
    slv_json_put_some(&w, "_headers", about->headers);
    slv_json_put_some(&w, "_redirects", about->redirects);
    slv_json_close(&w, '}');
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    return slv_arena_dup(arena, slv_buf_view(&out), ret);
}

/* ---- the set ---- */

slv_code slv_asset_set_load(const slv_asset_store *s, slv_str account, slv_str assets_json,
                            const slv_asset_set_options *options, slv_assets **ret, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(SLV_ASSET_MANIFEST_MAX * 4);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_ASSET_MANIFEST_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf warnings = SLV_BUF(WARNINGS_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf dir = SLV_BUF((size_t)8 << 10);
    slv_node *row, *manifest;
    const slv_node *pages;
    slv_assets_upload upload;

    SLV_TRY(slv_json_parse(assets_json, SLV_JSON_STRICT, &arena, &row, err));
    SLV_TRY(slv_assets_upload_read(slv_node_get(row, "config"), &arena, &upload, err));
    SLV_TRY(slv_asset_manifest_get(s, account, slv_node_str(slv_node_get(row, "manifest")), &text,
                                   err));
    SLV_TRY(slv_json_parse(slv_buf_view(&text), SLV_JSON_STRICT, &arena, &manifest, err));
    SLV_TRY(slv_asset_dir(s, account, &dir));
    upload.config.has_worker = options->has_worker;
    upload.config.navigation_prefers_it = options->navigation_prefers_it;
    pages = slv_node_get(row, "pages");
    upload.config.pages = slv_node_is(pages, SLV_NODE_BOOL) && pages->boolean;
    upload.config.routes = slv_node_str(slv_node_get(row, "routes"));
    return slv_assets_from_manifest(&upload, manifest, slv_buf_view(&dir), ret, &warnings, err);
}
