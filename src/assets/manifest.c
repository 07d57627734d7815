/* The files of an upload as a set: what its metadata and its manifest say. */
#include "assets/assets_int.h"

/* ---- assets.config ---- */

static slv_code bad_field(slv_err *err, const char *name, const char *what)
{
    return slv_fail(err, SLV_E_INVAL, "assets.config.%s must be %s", name, what);
}

/* The place of the member's text among the words; the first when it is absent. */
static slv_code read_word(const slv_node *config, const char *name, const char *const *words,
                          size_t count, const char *what, size_t *ret, slv_err *err)
{
    const slv_node *n = slv_node_get(config, name);

    *ret = 0;
    if (!n || n->type == SLV_NODE_NULL)
        return SLV_OK;
    for (size_t i = 0; i < count; i++)
        if (slv_str_is(slv_node_str(n), words[i])) {
            *ret = i;
            return SLV_OK;
        }
    return bad_field(err, name, what);
}

static slv_code read_text(const slv_node *config, const char *name, slv_str *ret, slv_err *err)
{
    const slv_node *n = slv_node_get(config, name);

    *ret = slv_node_str(n);
    return !n || n->type == SLV_NODE_STRING || n->type == SLV_NODE_NULL
               ? SLV_OK
               : bad_field(err, name, "a string");
}

static slv_code read_worker_first(const slv_node *config, slv_arena *arena, slv_assets_config *c,
                                  slv_err *err)
{
    static const char name[] = "run_worker_first", what[] = "true, false or a list of rules";
    const slv_node *n = slv_node_get(config, name);

    if (!n || n->type == SLV_NODE_NULL)
        return SLV_OK;
    if (n->type == SLV_NODE_BOOL) {
        c->worker_first = n->boolean;
        return SLV_OK;
    }
    if (n->type != SLV_NODE_ARRAY)
        return bad_field(err, name, what);
    slv_str *rules = slv_arena_try_alloc(arena, n->count * sizeof *rules + 1);
    if (!rules)
        return slv_fail(err, SLV_E_LIMIT, "assets.config.%s is too large", name);
    c->worker_rules = rules;
    for (const slv_node *i = n->first; i; i = i->next) {
        if (i->type != SLV_NODE_STRING)
            return bad_field(err, name, what);
        rules[c->worker_rule_count++] = i->text;
    }
    return SLV_OK;
}

slv_code slv_assets_upload_read(const slv_node *config, slv_arena *arena, slv_assets_upload *ret,
                                slv_err *err)
{
    static const char *const html[] = {"auto-trailing-slash", "force-trailing-slash",
                                       "drop-trailing-slash", "none"};
    static const char *const lost[] = {"none", "404-page", "single-page-application"};
    size_t word;

    *ret = (slv_assets_upload){0};
    if (!config || config->type == SLV_NODE_NULL)
        return SLV_OK;
    if (config->type != SLV_NODE_OBJECT)
        return slv_fail(err, SLV_E_INVAL, "assets.config must be an object");
    SLV_TRY(read_word(config, "html_handling", html, SLV_ARRAY_LEN(html),
                      "\"auto-trailing-slash\", \"force-trailing-slash\", "
                      "\"drop-trailing-slash\" or \"none\"",
                      &word, err));
    ret->config.html = (slv_html_handling)word;
    SLV_TRY(read_word(config, "not_found_handling", lost, SLV_ARRAY_LEN(lost),
                      "\"none\", \"404-page\" or \"single-page-application\"", &word, err));
    ret->config.not_found = (slv_not_found_handling)word;
    SLV_TRY(read_text(config, "_headers", &ret->headers, err));
    SLV_TRY(read_text(config, "_redirects", &ret->redirects, err));
    SLV_TRY(read_worker_first(config, arena, &ret->config, err));
    return slv_assets_check(&ret->config, err);
}

/* ---- the manifest ---- */

static slv_code bad_entry(slv_err *err, slv_str path, const char *what)
{
    return slv_fail(err, SLV_E_INVAL, "manifest: '%.*s': %s", SLV_STR_ARGS(path), what);
}

static slv_code add_entry(slv_assets *a, const slv_node *n, slv_str dir, slv_buf *file,
                          slv_err *err)
{
    slv_str hash = slv_node_str(slv_node_get(n, "hash"));
    slv_asset asset = {.path = n->key, .type = slv_node_str(slv_node_get(n, "type"))};
    int64_t size;

    if (!slv_str_starts(n->key, SLV_STR("/")))
        return bad_entry(err, n->key, "paths begin with a slash");
    if (!slv_assets_hash_valid(hash))
        return bad_entry(err, n->key, "the hash must be 32 hexadecimal digits");
    if (!slv_node_i64(slv_node_get(n, "size"), &size) || size < 0)
        return bad_entry(err, n->key, "the size must be a whole number");
    if ((uint64_t)size > SLV_ASSETS_FILE_MAX)
        return slv_fail(err, SLV_E_LIMIT, "manifest: '%.*s' has more than 25 MiB",
                        SLV_STR_ARGS(n->key));
    asset.size = (uint64_t)size;
    SLV_ASSERT(hash.ptr); /* it is 32 digits */
    memcpy(asset.etag, hash.ptr, hash.len);
    slv_buf_reset(file);
    SLV_TRY(
        slv_buf_printf(file, "%.*s/%.2s/%.*s", SLV_STR_ARGS(dir), asset.etag, SLV_STR_ARGS(hash)));
    asset.file = slv_buf_view(file);
    return slv_assets_add(a, &asset);
}

slv_code slv_assets_from_manifest(const slv_assets_upload *upload, const slv_node *manifest,
                                  slv_str dir, slv_assets **ret, slv_buf *warnings, slv_err *err)
{
    SLV_CLEANUP(slv_assets_unref) slv_assets *a = slv_assets_new(&upload->config);
    SLV_CLEANUP(slv_buf_done) slv_buf file = SLV_BUF(dir.len + 128);

    a->immutable = true;
    if (!slv_node_is(manifest, SLV_NODE_OBJECT))
        return slv_fail(err, SLV_E_INVAL, "the manifest must be an object");
    if (manifest->count > SLV_ASSETS_FILES_MAX)
        return slv_fail(err, SLV_E_LIMIT, "the manifest names %zu files; %u are allowed",
                        manifest->count, SLV_ASSETS_FILES_MAX);
    for (const slv_node *n = manifest->first; n; n = n->next)
        SLV_TRY(add_entry(a, n, dir, &file, err));
    if (slv_assets_add_rules(a, upload->headers, upload->redirects, warnings) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "the rules take too much memory");
    *ret = SLV_STEAL(a);
    return SLV_OK;
}
