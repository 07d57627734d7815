/* Static files: named by their content, and sent where the server lacks them. */
#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/deploy_int.h"
#include "cli/table.h"
#include "cli/term.h"
#include "fmt/base64.h"
#include "fmt/json_write.h"

#define RULES_MAX ((size_t)8 << 20)
#define BUCKET_MAX ((size_t)160 << 20) /* as base64 */

typedef struct sender {
    slv_deploy *d;
    slv_assets *assets;
    char (*hashes)[33]; /* of each file, in order */
    slv_str session;
    slv_progress progress;
} sender;

static slv_code read_rules(const slv_deploy *d, const char *name, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(d->project.assets, slv_str_from(name));

    return slv_file_exists(path) ? slv_file_read(path, out, err) : SLV_OK;
}

static slv_code read_asset(const slv_asset *asset, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *file = slv_strndup(asset->file.ptr, asset->file.len);

    return slv_file_read(file, out, err);
}

static slv_code hash_all(sender *s, slv_err *err)
{
    size_t n = slv_assets_count(s->assets);

    s->hashes = slv_alloc0((n + 1) * sizeof *s->hashes);
    for (size_t i = 0; i < n; i++) {
        const slv_asset *asset = slv_assets_at(s->assets, i);
        SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF((size_t)SLV_ASSETS_FILE_MAX + 1);

        SLV_TRY(read_asset(asset, &bytes, err));
        SLV_TRY(
            slv_assets_hash(slv_buf_view(&bytes), slv_assets_extension(asset->path), s->hashes[i]));
    }
    return SLV_OK;
}

static slv_code ask_session(sender *s, slv_node **ret, slv_err *err)
{
    slv_deploy *d = s->d;
    slv_json_writer w = SLV_JSON_WRITER(&d->json);

    slv_json_open(&w, '{');
    slv_json_key(&w, "manifest");
    slv_json_open(&w, '{');
    for (size_t i = 0; i < slv_assets_count(s->assets); i++) {
        const slv_asset *asset = slv_assets_at(s->assets, i);

        slv_json_key_str(&w, asset->path);
        slv_json_open(&w, '{');
        slv_json_put_text(&w, "hash", slv_str_from(s->hashes[i]));
        slv_json_put_number(&w, "size", (int64_t)asset->size);
        slv_json_close(&w, '}');
    }
    slv_json_close(&w, '}');
    slv_json_close(&w, '}');
    if (w.code != SLV_OK)
        return slv_fail(err, w.code, "the list of static files is too large");
    SLV_TRY(slv_deploy_path(d, "/assets-upload-session"));
    return slv_deploy_call(d, "POST", ret, err);
}

static slv_code add_file(sender *s, slv_str hash, slv_form *form, slv_err *err)
{
    for (size_t i = 0; i < slv_assets_count(s->assets); i++) {
        const slv_asset *asset = slv_assets_at(s->assets, i);
        SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF((size_t)SLV_ASSETS_FILE_MAX + 1);
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(BUCKET_MAX);

        if (!slv_str_is(hash, s->hashes[i]))
            continue;
        SLV_TRY(read_asset(asset, &bytes, err));
        SLV_TRY(slv_base64_encode(slv_buf_view(&bytes), SLV_BASE64_STD, &text));
        slv_form_file(form, hash, asset->type.len > 0 ? asset->type : SLV_STR("application/null"),
                      slv_buf_view(&text));
        slv_progress_step(&s->progress, 1);
        return SLV_OK;
    }
    return slv_fail(err, SLV_E_PROTOCOL, "the server asks for a file that it was not told of: %.*s",
                    SLV_STR_ARGS(hash));
}

/* One request with the files of a bucket; *ret_jwt: given with the last one. */
static slv_code send_bucket(sender *s, const slv_node *bucket, slv_str *ret_jwt, slv_err *err)
{
    SLV_CLEANUP(slv_form_done) slv_form form;
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF((size_t)64 << 10);
    slv_node *result;
    slv_str jwt;

    slv_form_init(&form, 2 * BUCKET_MAX);
    for (const slv_node *n = bucket->first; n; n = n->next)
        SLV_TRY(add_file(s, slv_node_str(n), &form, err));
    SLV_TRY(slv_form_end(&form, &headers, err));
    SLV_TRY(slv_buf_printf(&headers, "authorization:Bearer %.*s\n", SLV_STR_ARGS(s->session)));
    const slv_rest_request request = {.method = "POST",
                                      .path = SLV_STR("/workers/assets/upload?base64=true"),
                                      .headers = slv_buf_view(&headers),
                                      .body = slv_buf_view(&form.body)};
    SLV_TRY(slv_rest_envelope(s->d->rest, &request, &result, err));
    jwt = slv_node_str(slv_node_get(result, "jwt"));
    if (jwt.len > 0)
        *ret_jwt = jwt;
    return SLV_OK;
}

static slv_code send_all(sender *s, slv_err *err)
{
    slv_node *session;
    const slv_node *buckets;
    slv_str done = SLV_STR_NULL;
    size_t missing = 0;

    SLV_TRY(ask_session(s, &session, err));
    s->session = slv_node_str(slv_node_get(session, "jwt"));
    buckets = slv_node_get(session, "buckets");
    for (const slv_node *b = buckets ? buckets->first : NULL; b; b = b->next)
        missing += b->count;
    if (missing == 0) {
        slv_term_news("No new static files: the server has all %zu", slv_assets_count(s->assets));
        return slv_buf_set(&s->d->jwt, s->session);
    }
    s->progress = (slv_progress){.what = "Uploading static files", .total = missing};
    for (const slv_node *b = buckets->first; b; b = b->next)
        SLV_TRY(send_bucket(s, b, &done, err));
    slv_progress_done(&s->progress);
    slv_term_news("Uploaded %zu of %zu static files", missing, slv_assets_count(s->assets));
    if (done.len == 0)
        return slv_fail(err, SLV_E_PROTOCOL, "the server did not say that all files are there");
    return slv_buf_set(&s->d->jwt, done);
}

slv_code slv_deploy_assets(slv_deploy *d, slv_err *err)
{
    sender s = {.d = d};
    SLV_CLEANUP(slv_buf_done) slv_buf warnings = SLV_BUF(RULES_MAX);
    slv_assets_config c = d->project.config.assets;
    slv_code code;

    if (!d->project.assets)
        return SLV_OK;
    c.has_worker = d->project.main != NULL;
    SLV_TRY(slv_assets_scan(&c, d->project.assets, &s.assets, &warnings, err));
    code = hash_all(&s, err);
    if (code == SLV_OK)
        code = send_all(&s, err);
    if (code == SLV_OK)
        code = read_rules(d, "_headers", &d->headers_text, err);
    if (code == SLV_OK)
        code = read_rules(d, "_redirects", &d->redirects_text, err);
    d->metadata.assets_jwt = slv_buf_view(&d->jwt);
    d->metadata.headers_text = slv_buf_view(&d->headers_text);
    d->metadata.redirects_text = slv_buf_view(&d->redirects_text);
    slv_assets_unref(s.assets);
    free(s.hashes);
    return code;
}
