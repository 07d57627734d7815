/* From a project to a version on a server. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/build.h"
#include "cli/deploy_int.h"
#include "cli/term.h"
#include "fmt/dotenv.h"
#include "fmt/json.h"
#include "fmt/json_write.h"

#define SECRETS_MAX ((size_t)8 << 20)

/* ---- calls ---- */

slv_code slv_deploy_path(slv_deploy *d, const char *fmt, ...)
{
    va_list ap;
    slv_code code;

    slv_buf_reset(&d->path);
    SLV_TRY(slv_buf_append(&d->path, SLV_STR("/workers/scripts/")));
    SLV_TRY(slv_rest_put_escaped(&d->path, slv_str_from(d->project.name)));
    va_start(ap, fmt);
    code = slv_buf_vprintf(&d->path, fmt, ap);
    va_end(ap);
    return code;
}

slv_code slv_deploy_call(slv_deploy *d, const char *method, slv_node **ret, slv_err *err)
{
    slv_code code =
        slv_rest_json(d->rest, method, slv_buf_view(&d->path), slv_buf_view(&d->json), ret, err);

    slv_buf_reset(&d->json);
    return code;
}

/* ---- begin ---- */

static slv_code read_secrets(slv_deploy *d, slv_err *err)
{
    const char *file = slv_args_string(d->args, "secrets-file");
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SECRETS_MAX);
    SLV_VEC(slv_pair) pairs = {0};
    slv_node *object;
    slv_str copy;
    slv_err why = {0};
    slv_code code;

    if (!file)
        return SLV_OK;
    SLV_TRY(slv_file_read(file, &text, err));
    SLV_TRY(slv_arena_dup(&d->arena, slv_buf_view(&text), &copy));
    if (slv_str_starts(slv_str_trim(copy), SLV_STR("{"))) {
        code = slv_json_parse(copy, SLV_JSON_STRICT, &d->arena, &object, &why);
    } else {
        object = slv_node_new(&d->arena, SLV_NODE_OBJECT, 1, 1);
        code = object ? slv_dotenv_parse(copy, &d->arena, object, &why) : SLV_E_LIMIT;
    }
    if (code != SLV_OK)
        return slv_fail(err, code, "%s: %s", file, slv_err_text(&why));
    for (const slv_node *n = object->first; n && code == SLV_OK; n = n->next) {
        if (n->type != SLV_NODE_STRING)
            code = slv_fail(err, SLV_E_INVAL, "%s: the secret %.*s must be a string", file,
                            SLV_STR_ARGS(n->key));
        slv_vec_push(&pairs, ((slv_pair){n->key, n->text}));
    }
    slv_pair *kept = slv_arena_try_alloc0(&d->arena, (pairs.len + 1) * sizeof *kept);

    if (kept && pairs.len > 0)
        memcpy(kept, pairs.items, pairs.len * sizeof *kept);
    d->metadata.secrets = kept;
    d->metadata.secret_count = kept ? pairs.len : 0;
    slv_vec_done(&pairs);
    return code == SLV_OK && !kept ? SLV_E_LIMIT : code;
}

/* The name of the entry's part: as esbuild's output of src/index.ts, "index.js". */
static slv_code entry_name(slv_deploy *d)
{
    const char *base = slv_path_base(d->project.main), *dot = strrchr(base, '.');
    int n = dot && dot > base ? (int)(dot - base) : (int)strlen(base);
    char name[256];

    (void)snprintf(name, sizeof name, "%.*s.js", n, base);
    return slv_arena_dup(&d->arena, slv_str_from(name), &d->metadata.main_name);
}

static slv_code build(slv_deploy *d, slv_err *err)
{
    const slv_args *a = d->args;
    const char *cwd = slv_args_string(a, "cwd");

    if (cwd && chdir(cwd) != 0)
        return slv_fail_errno(err, SLV_E_NOTFOUND, "cannot go to %s", cwd);
    SLV_TRY(slv_project_lists_read(a, &d->lists, err));
    slv_project_args(a, &d->lists, &d->options);
    d->options.config = slv_args_string(a, "config");
    d->options.name = slv_args_string(a, "name");
    d->options.script = a->positional.len > 0 ? a->positional.items[0] : NULL;
    d->options.no_secrets = true;
    SLV_TRY(slv_project_load(&d->options, &d->project, err));
    if (d->project.main) {
        SLV_TRY(slv_build_project(&d->project, &d->bundle, err));
        SLV_TRY(entry_name(d));
        d->metadata.service_worker = d->bundle->service_worker;
    }
    return read_secrets(d, err);
}

static void print_sizes(const slv_deploy *d)
{
    uint64_t total = d->bundle->script.len, packed;

    for (size_t i = 0; i < d->bundle->modules.len; i++)
        total += d->bundle->modules.items[i].bytes.len;
    packed = compressBound(d->bundle->script.len);
    SLV_CLEANUP(slv_free) void *room = slv_alloc(packed);
    uLongf n = packed;

    if (compress2(room, &n, (const Bytef *)d->bundle->script.ptr, d->bundle->script.len, 6) != Z_OK)
        n = d->bundle->script.len;
    printf("Total Upload: %.2f KiB / gzip: %.2f KiB\n", (double)total / 1024,
           (double)(total - d->bundle->script.len + n) / 1024);
}

static void init(slv_deploy *d, const slv_args *args)
{
    *d = (slv_deploy){
        .args = args,
        .arena = SLV_ARENA(SLV_DEPLOY_JSON_MAX),
        .path = SLV_BUF((size_t)64 << 10),
        .json = SLV_BUF(SLV_DEPLOY_JSON_MAX),
        .jwt = SLV_BUF((size_t)64 << 10),
        .headers_text = SLV_BUF((size_t)8 << 20),
        .redirects_text = SLV_BUF((size_t)8 << 20),
    };
    d->metadata.project = &d->project;
}

slv_code slv_deploy_open_config(slv_deploy *d, const slv_args *args, slv_err *err)
{
    init(d, args);
    d->options.config = slv_args_string(args, "config");
    d->options.env = slv_args_string(args, "env");
    d->options.name = slv_args_string(args, "name");
    d->options.allow_unsupported = true;
    SLV_TRY(slv_rest_open_remote(args, &d->rest, err));
    return slv_project_load_config(&d->options, &d->project, err);
}

slv_code slv_deploy_open(slv_deploy *d, const slv_args *args, slv_err *err)
{
    init(d, args);
    d->metadata.keep_vars = slv_args_bool(args, "keep-vars", false);
    d->metadata.message = slv_args_string(args, "message");
    d->metadata.tag = slv_args_string(args, "tag");
    SLV_TRY(build(d, err));
    const slv_node *keep = slv_config_value(&d->project.config, "keep_vars");

    d->metadata.keep_vars |= keep && keep->boolean;
    if (d->bundle)
        print_sizes(d);
    if (slv_args_bool(args, "dry-run", false))
        return SLV_OK;
    return slv_rest_open_remote(args, &d->rest, err);
}

void slv_deploy_done(slv_deploy *d)
{
    slv_bundle_free(d->bundle);
    slv_rest_free(d->rest);
    slv_vec_done(&d->provisions);
    slv_buf_done(&d->path);
    slv_buf_done(&d->json);
    slv_buf_done(&d->jwt);
    slv_buf_done(&d->headers_text);
    slv_buf_done(&d->redirects_text);
    slv_arena_done(&d->arena);
    slv_project_done(&d->project);
    slv_project_lists_done(&d->lists);
}

/* ---- the upload ---- */

static const char *content_type(slv_module_type type)
{
    switch (type) {
    case SLV_MODULE_ESM:
        return "application/javascript+module";
    case SLV_MODULE_CJS:
        return "application/javascript";
    case SLV_MODULE_WASM:
        return "application/wasm";
    case SLV_MODULE_TEXT:
        return "text/plain";
    case SLV_MODULE_DATA:
    case SLV_MODULE_JSON:
        break;
    }
    return "application/octet-stream";
}

/* Bindings of service workers that are files: a part each. */
static slv_code add_files(const slv_deploy *d, slv_form *f, const slv_pair *list, size_t n,
                          slv_module_type type, slv_err *err)
{
    for (size_t i = 0; i < n; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(SLV_BUNDLE_FILE_MAX);
        SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(d->project.dir, list[i].value);

        SLV_TRY(slv_file_read(path, &bytes, err));
        slv_form_file(f, list[i].key, slv_str_from(content_type(type)), slv_buf_view(&bytes));
    }
    return SLV_OK;
}

static slv_code add_parts(const slv_deploy *d, slv_form *f, slv_err *err)
{
    const slv_config *c = &d->project.config;
    const slv_bundle *b = d->bundle;
    slv_module_type type = d->metadata.service_worker ? SLV_MODULE_CJS : SLV_MODULE_ESM;

    if (!b)
        return SLV_OK;
    slv_form_file(f, d->metadata.main_name, slv_str_from(content_type(type)), b->script);
    for (size_t i = 0; i < b->modules.len; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF((size_t)64 << 10);

        SLV_TRY(slv_buf_printf(&name, "./%.*s", SLV_STR_ARGS(b->modules.items[i].name)));
        slv_form_file(f, slv_buf_view(&name), slv_str_from(content_type(b->modules.items[i].type)),
                      b->modules.items[i].bytes);
    }
    if (b->source_map.len > 0) {
        SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(4096);

        SLV_TRY(slv_buf_printf(&name, "%.*s.map", SLV_STR_ARGS(d->metadata.main_name)));
        slv_form_file(f, slv_buf_view(&name), SLV_STR("application/source-map"), b->source_map);
    }
    SLV_TRY(add_files(d, f, c->wasm_modules.items, c->wasm_modules.len, SLV_MODULE_WASM, err));
    SLV_TRY(add_files(d, f, c->text_blobs.items, c->text_blobs.len, SLV_MODULE_TEXT, err));
    return add_files(d, f, c->data_blobs.items, c->data_blobs.len, SLV_MODULE_DATA, err);
}

/* What the worker is on the server, if it is there. */
static slv_code look_up(slv_deploy *d, slv_err *err)
{
    slv_node *result;
    slv_err why = {0};
    slv_code code;

    slv_buf_reset(&d->path);
    SLV_TRY(slv_buf_append(&d->path, SLV_STR("/workers/services/")));
    SLV_TRY(slv_rest_put_escaped(&d->path, slv_str_from(d->project.name)));
    code = slv_deploy_call(d, "GET", &result, &why);
    if (code == SLV_E_NOTFOUND && why.detail == SLV_SCRIPT_NOT_FOUND)
        return SLV_OK;
    if (code != SLV_OK)
        return slv_fail(err, code, "%s", slv_err_text(&why));
    d->exists = true;
    d->metadata.migration_tag = slv_node_str(slv_node_get(
        slv_node_get(slv_node_get(result, "default_environment"), "script"), "migration_tag"));
    return SLV_OK;
}

static slv_code send_form(slv_deploy *d, const char *method, slv_node **ret, slv_err *err)
{
    SLV_CLEANUP(slv_form_done) slv_form form;
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(4096);

    slv_form_init(&form, SLV_DEPLOY_FORM_MAX);
    d->metadata.provisions = d->provisions.items;
    d->metadata.provision_count = d->provisions.len;
    SLV_TRY(slv_metadata_write(&d->metadata, &d->json, err));
    slv_form_text(&form, "metadata", slv_buf_view(&d->json));
    slv_buf_reset(&d->json);
    SLV_TRY(add_parts(d, &form, err));
    SLV_TRY(slv_form_end(&form, &headers, err));
    const slv_rest_request request = {.method = method,
                                      .path = slv_buf_view(&d->path),
                                      .headers = slv_buf_view(&headers),
                                      .body = slv_buf_view(&form.body),
                                      .progress = "Uploading the worker"};
    return slv_rest_envelope(d->rest, &request, ret, err);
}

static slv_code deploy_version(slv_deploy *d, slv_err *err)
{
    slv_json_writer w = SLV_JSON_WRITER(&d->json);
    slv_node *result;

    slv_json_open(&w, '{');
    slv_json_put_text(&w, "strategy", SLV_STR("percentage"));
    slv_json_key(&w, "versions");
    slv_json_open(&w, '[');
    slv_json_open(&w, '{');
    slv_json_put_text(&w, "version_id", d->version_id);
    slv_json_put_number(&w, "percentage", 100);
    slv_json_close(&w, '}');
    slv_json_close(&w, ']');
    slv_json_key(&w, "annotations");
    slv_json_open(&w, '{');
    slv_json_put_some(&w, "workers/message",
                      slv_str_from(d->metadata.message ? d->metadata.message : ""));
    slv_json_close(&w, '}');
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    SLV_TRY(slv_deploy_path(d, "/deployments"));
    return slv_deploy_call(d, "POST", &result, err);
}

/* What belongs to the worker and not to a version of it. */
static slv_code send_settings(slv_deploy *d, slv_err *err)
{
    static const char *const keys[] = {"logpush", "tail_consumers", "observability"};
    slv_json_writer w = SLV_JSON_WRITER(&d->json);
    slv_node *result;

    slv_json_open(&w, '{');
    for (size_t i = 0; i < SLV_ARRAY_LEN(keys); i++)
        slv_json_put_node(&w, keys[i], slv_config_value(&d->project.config, keys[i]));
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    SLV_TRY(slv_deploy_path(d, "/script-settings"));
    return slv_deploy_call(d, "PATCH", &result, err);
}

slv_code slv_deploy_upload(slv_deploy *d, bool in_force, slv_err *err)
{
    slv_node *result, *preview;
    bool whole;

    SLV_TRY(look_up(d, err));
    whole = !d->exists || d->metadata.service_worker || slv_metadata_migrates(&d->metadata);
    if (!in_force && d->exists && slv_metadata_migrates(&d->metadata))
        return slv_fail(err, SLV_E_INVAL,
                        "migrations of Durable Objects wait, and they take effect with a "
                        "deployment alone; run 'selvage deploy'");
    SLV_TRY(slv_deploy_assets(d, err));
    SLV_TRY(slv_deploy_provision(d, err));
    if (in_force && whole) {
        SLV_TRY(slv_deploy_path(d, "?excludeScript=true&bindings_inherit=strict"));
        SLV_TRY(send_form(d, "PUT", &result, err));
        d->version_id = slv_node_str(slv_node_get(result, "deployment_id"));
        return SLV_OK;
    }
    d->metadata.keep_secrets = !in_force;
    SLV_TRY(slv_deploy_path(d, "/versions?bindings_inherit=strict"));
    SLV_TRY(send_form(d, "POST", &result, err));
    d->version_id = slv_node_str(slv_node_get(result, "id"));
    preview = slv_node_get(slv_node_get(result, "metadata"), "has_preview");
    d->has_preview = preview && preview->boolean;
    if (!in_force)
        return SLV_OK;
    SLV_TRY(deploy_version(d, err));
    return send_settings(d, err);
}
