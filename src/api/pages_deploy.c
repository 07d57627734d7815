/*
 * A new deployment of a Pages project: the form, the manifest of its files, its worker.
 *
 * Steps: the form is read and the project's row with it; files are verified and the manifest is
 * stored; the worker is built, where there is one; the row is added; the project follows.
 */
#include "api/pages_int.h"
#include "api/routes.h"
#include "assets/routes.h"
#include "fmt/json.h"
#include "fmt/multipart.h"

#define FORM_MAX ((size_t)160 << 20)
#define PARTS_MAX 5000u
#define ALIAS_MAX 28u
#define RULES_TEXT_MAX ((size_t)1 << 20)

/* ---- the form ---- */

static slv_code bad_form(asset_rest *r, slv_err *err, const char *what)
{
    return slv_asset_refuse(r, err, 400, PAGES_INVALID, "%s", what);
}

/* {"/path": "hash"} */
static slv_code read_manifest(asset_rest *r, slv_str text, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);

    if (slv_json_parse(text, SLV_JSON_STRICT, &r->arena, &p->manifest, err) != SLV_OK ||
        p->manifest->type != SLV_NODE_OBJECT)
        return bad_form(r, err, "manifest must be an object of paths and hashes");
    if (p->manifest->count > SLV_PAGES_FILES_MAX)
        return slv_asset_refuse(r, err, 400, PAGES_INVALID,
                                "The manifest names %zu files; a deployment may have %u",
                                p->manifest->count, SLV_PAGES_FILES_MAX);
    for (const slv_node *n = p->manifest->first; n; n = n->next)
        if (!slv_str_starts(n->key, SLV_STR("/")) || !slv_assets_hash_valid(slv_node_str(n)))
            return slv_asset_refuse(r, err, 400, PAGES_INVALID,
                                    "manifest: '%.*s' must begin with a slash and have a hash of "
                                    "32 hexadecimal digits",
                                    SLV_STR_ARGS(slv_str_sub(n->key, 0, 200)));
    return SLV_OK;
}

typedef struct form {
    slv_str manifest, branch, message, commit, dirty, config_hash;
} form;

static void take_part(asset_rest *r, const slv_multipart_part *part, form *f)
{
    pages_rest *p = slv_pages_of(r);
    const struct {
        const char *name;
        slv_str *to;
    } fields[] = {
        {"manifest", &f->manifest},
        {"branch", &f->branch},
        {"commit_message", &f->message},
        {"commit_hash", &f->commit},
        {"commit_dirty", &f->dirty},
        {"wrangler_config_hash", &f->config_hash},
        {"_headers", &p->headers},
        {"_redirects", &p->redirects},
        {"_worker.bundle", &p->bundle},
        {"_worker.js", &p->bundle},
        {"_routes.json", &p->deployment.routes},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(fields); i++)
        if (slv_str_is(part->name, fields[i].name))
            *fields[i].to = part->body;
}

static slv_code put_trigger(asset_rest *r, const form *f)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(PAGES_CONFIG_MAX);
    slv_json_writer w = SLV_JSON_WRITER(&text);
    pages_rest *p = slv_pages_of(r);

    slv_json_open(&w, '{');
    slv_json_put_text(&w, "branch", p->deployment.branch);
    slv_json_put_text(&w, "commit_hash", slv_str_sub(f->commit, 0, 64));
    slv_json_put_text(&w, "commit_message", slv_str_sub(f->message, 0, 384));
    slv_json_put_bool(&w, "commit_dirty", slv_str_is(f->dirty, "true"));
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    return slv_arena_dup(&r->arena, slv_buf_view(&text), &p->deployment.trigger);
}

/* "Feature/Ünique_x" is "feature-nique-x": what may stand in a host's label. */
static slv_code make_alias(asset_rest *r, slv_str branch, slv_str *ret)
{
    char text[ALIAS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < branch.len && n < ALIAS_MAX; i++) {
        char c = slv_ascii_lower(branch.ptr[i]);

        if ((c >= 'a' && c <= 'z') || slv_is_digit(c))
            text[n++] = c;
        else if ((unsigned char)c < 0x80 && n > 0 && text[n - 1] != '-')
            text[n++] = '-';
    }
    while (n > 0 && text[n - 1] == '-')
        n--;
    return slv_arena_dup(&r->arena, slv_str_make(text, n), ret);
}

static slv_code read_form(asset_rest *r, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 10);
    pages_rest *p = slv_pages_of(r);
    slv_str boundary = slv_multipart_boundary(slv_api_header(r->api, "content-type"), &r->arena);
    slv_multipart_part part;
    slv_routes routes;
    form f = {.branch = SLV_STR_NULL};
    size_t at = 0;

    while (slv_multipart_next(r->api->body, boundary, &at, &r->arena, &part))
        take_part(r, &part, &f);
    if (at == SIZE_MAX)
        return bad_form(r, err, "The body is no multipart/form-data");
    if (!f.manifest.ptr)
        return bad_form(r, err,
                        "A \"manifest\" field was expected in the request body but was not "
                        "provided.");
    SLV_TRY(read_manifest(r, f.manifest, err));
    if (p->headers.len > RULES_TEXT_MAX || p->redirects.len > RULES_TEXT_MAX ||
        p->deployment.routes.len > RULES_TEXT_MAX)
        return bad_form(r, err, "_headers, _redirects or _routes.json is too large");
    if (p->deployment.routes.len > 0 &&
        slv_routes_parse(p->deployment.routes, &arena, &routes, err) != SLV_OK) {
        const slv_err why = *err;

        return slv_asset_refuse(r, err, 400, PAGES_INVALID, "%s", slv_err_text(&why));
    }
    p->deployment.production = f.branch.len == 0 || slv_str_eq(f.branch, p->project.branch);
    p->deployment.branch = f.branch.len > 0 ? f.branch : p->project.branch;
    SLV_TRY(make_alias(r, p->deployment.branch, &p->deployment.alias));
    return put_trigger(r, &f);
}

/* ---- the files ---- */

static slv_code put_entry(asset_rest *r, slv_catalog *c, const slv_node *n, slv_json_writer *w,
                          slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 10);
    pages_rest *p = slv_pages_of(r);
    slv_str hash = slv_node_str(n);
    slv_asset_row row;
    slv_code code = slv_catalog_asset_get(c, p->account, hash, &arena, &row, err);

    if (code == SLV_E_NOTFOUND)
        return slv_asset_refuse(r, err, 400, PAGES_INVALID,
                                "manifest: the file of '%.*s' (%.*s) was not uploaded",
                                SLV_STR_ARGS(slv_str_sub(n->key, 0, 200)), SLV_STR_ARGS(hash));
    SLV_TRY(code);
    if (!row.checked) {
        code = slv_asset_verify(r->files, p->account, hash, slv_assets_extension(n->key), err);
        if (code == SLV_E_DENIED)
            return slv_asset_refuse(r, err, 400, PAGES_INVALID,
                                    "manifest: the content of '%.*s' has another hash than %.*s",
                                    SLV_STR_ARGS(slv_str_sub(n->key, 0, 200)), SLV_STR_ARGS(hash));
        SLV_TRY(code);
        slv_vec_push(&r->parts, ((asset_part){.hash = hash, .size = row.size}));
        SLV_TRY(slv_arena_dup(&r->arena, row.type, &r->parts.items[r->parts.len - 1].type));
    }
    slv_json_key_str(w, n->key);
    slv_json_open(w, '{');
    slv_json_put_text(w, "hash", hash);
    slv_json_put_number(w, "size", (int64_t)row.size);
    slv_json_put_some(w, "type", row.type);
    slv_json_close(w, '}');
    return SLV_OK;
}

static slv_code run_files(asset_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf typed = SLV_BUF(SLV_ASSET_MANIFEST_MAX);
    slv_json_writer w = SLV_JSON_WRITER(&typed);
    pages_rest *p = slv_pages_of(r);

    SLV_TRY(slv_pages_project_row(r, c, err));
    SLV_TRY(read_form(r, err));
    slv_json_open(&w, '{');
    for (const slv_node *n = p->manifest->first; n; n = n->next)
        SLV_TRY(put_entry(r, c, n, &w, err));
    slv_json_close(&w, '}');
    if (w.code != SLV_OK)
        return slv_fail(err, w.code, "The manifest is too large");
    SLV_TRY(slv_asset_manifest_put(r->files, p->account, slv_buf_view(&typed), r->complete, err));
    const slv_asset_pages about = {
        .manifest = slv_str_from(r->complete),
        .files = p->manifest->count,
        .headers = p->headers,
        .redirects = p->redirects,
        .routes = p->bundle.len > 0 ? p->deployment.routes : SLV_STR(""),
    };
    if (slv_asset_pages_row(&about, &r->arena, &p->deployment.assets) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "The rules are too large");
    return SLV_OK;
}

/* ---- the worker ---- */

/* The bundle is a form of its own, without the field that names its boundary. A plain script is
 * what older clients send. */
static slv_code read_bundle(asset_rest *r, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);
    slv_str boundary = slv_multipart_sniff(p->bundle);
    slv_multipart_part part;
    slv_node *uploaded = NULL;
    size_t at = 0;

    if (!boundary.ptr) {
        p->parts = slv_alloc0(sizeof *p->parts);
        p->parts[p->part_count++] = (slv_upload_part){
            SLV_STR("_worker.js"), SLV_STR("application/javascript+module"), p->bundle};
        SLV_TRY(slv_json_parse(SLV_STR("{\"main_module\":\"_worker.js\"}"), SLV_JSON_STRICT,
                               &r->arena, &uploaded, err));
        return slv_pages_metadata(r, uploaded, &p->metadata, err);
    }
    p->parts = slv_alloc0(PARTS_MAX * sizeof *p->parts);
    while (slv_multipart_next(p->bundle, boundary, &at, &r->arena, &part)) {
        if (slv_str_is(part.name, "metadata")) {
            if (slv_json_parse(part.body, SLV_JSON_STRICT, &r->arena, &uploaded, err) != SLV_OK)
                return bad_form(r, err, "_worker.bundle: its metadata is no JSON");
        } else if (p->part_count == PARTS_MAX) {
            return bad_form(r, err, "_worker.bundle: too many modules");
        } else {
            p->parts[p->part_count++] = (slv_upload_part){part.name, part.type, part.body};
        }
    }
    if (at == SIZE_MAX || !slv_node_is(uploaded, SLV_NODE_OBJECT))
        return bad_form(r, err, "_worker.bundle must be a multipart body with metadata");
    return slv_pages_metadata(r, uploaded, &p->metadata, err);
}

static slv_code run_bundle(asset_rest *r, SLV_UNUSED slv_catalog *c, slv_err *err)
{
    return read_bundle(r, err);
}

/* ---- the row ---- */

static slv_code run_add(asset_rest *r, slv_catalog *c, slv_err *err)
{
    const slv_asset_row manifest = {.hash = slv_str_from(r->complete), .checked = true};
    pages_rest *p = slv_pages_of(r);

    SLV_TRY(slv_pages_project_row(r, c, err)); /* it may have gone meanwhile */
    for (size_t i = 0; i < r->parts.len; i++) {
        const asset_part *part = &r->parts.items[i];
        const slv_asset_row row = {part->hash, part->type, part->size, true};

        SLV_TRY(slv_catalog_asset_put(c, p->account, &row, r->now_ms, err));
    }
    SLV_TRY(slv_catalog_asset_put(c, p->account, &manifest, r->now_ms, err));
    SLV_TRY(slv_catalog_pages_add(c, &p->deployment, err));
    p->project.modified_ms = r->now_ms;
    if (p->deployment.production)
        p->project.production = p->deployment.id;
    SLV_TRY(slv_catalog_project_update(c, &p->project, err));
    return slv_pages_put_deployment(r, &p->project, &p->deployment, err);
}

static void add(asset_rest *r)
{
    slv_asset_write(r, run_add, slv_pages_apply);
}

static void on_built(void *arg, slv_built *result, const slv_build_error *error)
{
    asset_rest *r = arg;
    pages_rest *p = slv_pages_of(r);

    if (error) {
        slv_asset_error(r, error->status, PAGES_BUILD,
                        "Failed to publish your Function. Got error: "
                        "%.*s",
                        SLV_STR_ARGS(error->message));
        return;
    }
    p->built = result;
    p->deployment.code = result->version.code;
    p->deployment.etag = result->version.etag;
    p->deployment.handlers = result->version.handlers;
    p->deployment.metadata = result->version.metadata;
    p->deployment.secrets = result->version.secrets;
    p->deployment.startup_ms = result->version.startup_ms;
    add(r);
}

static void build(asset_rest *r)
{
    SLV_CLEANUP(slv_buf_done) slv_buf worker = SLV_BUF(256);
    pages_rest *p = slv_pages_of(r);

    p->upload = (slv_upload){.account = p->account,
                             .dispatch = SLV_STR(""),
                             .metadata = p->metadata,
                             .parts = p->parts,
                             .part_count = p->part_count};
    if (slv_host_pages_worker(p->name, &worker) != SLV_OK ||
        slv_arena_dup(&r->arena, slv_buf_view(&worker), &p->upload.worker) != SLV_OK) {
        slv_asset_error(r, 500, SLV_API_INTERNAL, "The upload is too large");
        return;
    }
    slv_host_build(p->host, &p->upload, on_built, r);
}

static void files_there(asset_rest *r)
{
    if (slv_pages_of(r)->bundle.len > 0)
        slv_asset_job(r, run_bundle, build);
    else
        add(r);
}

static void create(slv_api_call *call)
{
    asset_rest *r = slv_pages_rest_new(call);

    if (!r)
        return;
    pages_rest *p = slv_pages_of(r);
    slv_pages_uuid(p->id);
    p->deployment = (slv_pages_deployment){
        .account = p->account,
        .project = p->name,
        .id = slv_str_from(p->id),
        .created_ms = r->now_ms,
        .author = call->actor,
        .handlers = SLV_STR("[]"),
        .metadata = SLV_STR("{}"),
        .routes = SLV_STR(""),
    };
    slv_asset_read(r, run_files, files_there);
}

const slv_api_route slv_api_pages_deploy_routes[] = {
    {.method = "POST",
     .pattern = PAGES_PROJECT "/deployments",
     .handle = create,
     .body_max = FORM_MAX},
    {0},
};
