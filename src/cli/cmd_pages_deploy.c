/* selvage pages deploy, pages functions build: a project's files and Functions on their way. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "assets/assets.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/build.h"
#include "cli/form.h"
#include "cli/metadata.h"
#include "cli/pages_verb.h"
#include "cli/project_args.h"
#include "cli/project_pages.h"
#include "cli/table.h"
#include "cli/term.h"
#include "cli/verbs.h"
#include "fmt/base64.h"

#define FORM_MAX ((size_t)256 << 20)
#define TEXT_MAX ((size_t)8 << 20)
#define BATCH_BYTES ((uint64_t)28 << 20)
#define BATCH_FILES 2000u
#define MAIN_MODULE "functionsWorker.js"

typedef struct pages_deploy {
    slv_pages_verb v;
    const slv_args *args;
    slv_project_lists lists;
    slv_pages_options pages;
    slv_project_options options;
    slv_project project;
    slv_bundle *bundle; /* NULL: static files alone */
    slv_assets *assets;
    char (*hashes)[33];
    slv_str jwt;
    char branch[256], commit[128], message[512];
    bool dirty;
} pages_deploy;

static void deploy_done(pages_deploy *d)
{
    free(d->hashes);
    (void)slv_assets_unref(d->assets);
    (void)slv_bundle_free(d->bundle);
    slv_project_done(&d->project);
    slv_project_lists_done(&d->lists);
    slv_pages_verb_done(&d->v);
}
SLV_DEFINE_CLEANUP_DONE(pages_deploy, deploy_done);

/* ---- what is deployed ---- */

static void ask_git(const pages_deploy *d, const char *command, char *out, size_t size)
{
    slv_git_line(d->project.dir ? d->project.dir : ".", command, out, size);
}

static void about(pages_deploy *d)
{
    const char *branch = slv_args_string(d->args, "branch");
    const char *commit = slv_args_string(d->args, "commit-hash");
    const char *message = slv_args_string(d->args, "commit-message");
    char changed[64];

    ask_git(d, "rev-parse --abbrev-ref HEAD", d->branch, sizeof d->branch);
    ask_git(d, "rev-parse HEAD", d->commit, sizeof d->commit);
    ask_git(d, "show -s --format=%s HEAD", d->message, sizeof d->message);
    ask_git(d, "status --porcelain", changed, sizeof changed);
    if (branch)
        (void)snprintf(d->branch, sizeof d->branch, "%s", branch);
    if (commit)
        (void)snprintf(d->commit, sizeof d->commit, "%s", commit);
    if (message)
        (void)snprintf(d->message, sizeof d->message, "%s", message);
    d->dirty = slv_args_bool(d->args, "commit-dirty", changed[0] != '\0');
}

/* The configuration's environment is that of the branch, where it has one of its own. */
static const char *environment_of(const pages_deploy *d, const slv_node *project)
{
    slv_str branch = slv_node_str(slv_node_get(project, "production_branch"));
    const char *name =
        d->branch[0] == '\0' || slv_str_is(branch, d->branch) ? "production" : "preview";
    const slv_config *config = slv_rest_config(d->v.rest);

    return config && slv_node_get(slv_node_get(config->root, "env"), name) ? name : NULL;
}

static slv_code load(pages_deploy *d, const char *env, slv_err *err)
{
    SLV_TRY(slv_project_lists_read(d->args, &d->lists, err));
    slv_project_args(d->args, &d->lists, &d->options);
    d->pages.directory = d->args->positional.len > 0 ? d->args->positional.items[0] : NULL;
    d->options.pages = &d->pages;
    d->options.env = env;
    d->options.no_secrets = true;
    d->options.config = slv_args_string(d->args, "config");
    SLV_TRY(slv_project_load(&d->options, &d->project, err));
    return d->project.main ? slv_build_project(&d->project, &d->bundle, err) : SLV_OK;
}

/* ---- files ---- */

static slv_code read_asset(const slv_asset *asset, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *file = slv_strndup(asset->file.ptr, asset->file.len);

    return slv_file_read(file, out, err);
}

static slv_code scan(pages_deploy *d, slv_err *err)
{
    const slv_assets_config config = {.pages = true, .has_worker = d->project.main != NULL};
    SLV_CLEANUP(slv_buf_done) slv_buf warnings = SLV_BUF(TEXT_MAX);

    SLV_TRY(slv_assets_scan(&config, d->project.assets, &d->assets, &warnings, err));
    if (warnings.len > 0)
        slv_term_warn("%.*s", SLV_STR_ARGS(slv_str_trim(slv_buf_view(&warnings))));
    d->hashes = slv_alloc0((slv_assets_count(d->assets) + 1) * sizeof *d->hashes);
    for (size_t i = 0; i < slv_assets_count(d->assets); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF((size_t)SLV_ASSETS_FILE_MAX + 1);
        const slv_asset *asset = slv_assets_at(d->assets, i);

        SLV_TRY(read_asset(asset, &bytes, err));
        SLV_TRY(
            slv_assets_hash(slv_buf_view(&bytes), slv_assets_extension(asset->path), d->hashes[i]));
    }
    return SLV_OK;
}

/* A call with the upload's token; d->v.json is the body. */
static slv_code files_call(pages_deploy *d, const char *what, slv_node **ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF((size_t)64 << 10);
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(256);
    slv_code code;

    SLV_TRY(slv_buf_printf(&headers, "content-type:application/json\nauthorization:Bearer %.*s\n",
                           SLV_STR_ARGS(d->jwt)));
    SLV_TRY(slv_buf_printf(&path, "/client/v4/pages/assets/%s", what));
    const slv_rest_request request = {.method = "POST",
                                      .path = slv_buf_view(&path),
                                      .headers = slv_buf_view(&headers),
                                      .body = slv_buf_view(&d->v.json)};
    code = slv_rest_envelope(d->v.rest, &request, ret, err);
    slv_buf_reset(&d->v.json);
    return code;
}

static slv_code put_hashes(pages_deploy *d)
{
    slv_json_writer w = SLV_JSON_WRITER(&d->v.json);

    slv_json_open(&w, '{');
    slv_json_key(&w, "hashes");
    slv_json_open(&w, '[');
    for (size_t i = 0; i < slv_assets_count(d->assets); i++)
        slv_json_text(&w, slv_str_from(d->hashes[i]));
    slv_json_close(&w, ']');
    slv_json_close(&w, '}');
    return w.code;
}

static slv_code put_file(pages_deploy *d, size_t i, slv_json_writer *w, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF((size_t)SLV_ASSETS_FILE_MAX + 1);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)SLV_ASSETS_FILE_MAX * 2);
    const slv_asset *asset = slv_assets_at(d->assets, i);

    SLV_TRY(read_asset(asset, &bytes, err));
    SLV_TRY(slv_base64_encode(slv_buf_view(&bytes), SLV_BASE64_STD, &text));
    slv_json_open(w, '{');
    slv_json_put_text(w, "key", slv_str_from(d->hashes[i]));
    slv_json_put_text(w, "value", slv_buf_view(&text));
    slv_json_key(w, "metadata");
    slv_json_open(w, '{');
    slv_json_put_text(w, "contentType",
                      asset->type.len > 0 ? asset->type : SLV_STR("application/octet-stream"));
    slv_json_close(w, '}');
    slv_json_put_bool(w, "base64", true);
    slv_json_close(w, '}');
    return SLV_OK;
}

static bool is_missing(const slv_node *missing, const char *hash)
{
    for (const slv_node *n = missing->first; n; n = n->next)
        if (slv_str_is(n->text, hash))
            return true;
    return false;
}

static slv_code send_files(pages_deploy *d, const slv_node *missing, slv_err *err)
{
    slv_progress progress = {.what = "Uploading static files", .total = missing->count};
    size_t i = 0, count = slv_assets_count(d->assets);

    while (i < count) {
        slv_json_writer w = SLV_JSON_WRITER(&d->v.json);
        unsigned files = 0;
        uint64_t bytes = 0;
        slv_node *none;

        slv_json_open(&w, '[');
        for (; i < count && files < BATCH_FILES; i++) {
            const slv_asset *asset = slv_assets_at(d->assets, i);

            if (!is_missing(missing, d->hashes[i]))
                continue;
            if (files > 0 && bytes + asset->size > BATCH_BYTES)
                break;
            SLV_TRY(put_file(d, i, &w, err));
            bytes += asset->size;
            files++;
        }
        slv_json_close(&w, ']');
        SLV_TRY(w.code);
        if (files > 0)
            SLV_TRY(files_call(d, "upload", &none, err));
        slv_buf_reset(&d->v.json);
        slv_progress_step(&progress, files);
    }
    slv_progress_done(&progress);
    return SLV_OK;
}

static slv_code upload_files(pages_deploy *d, slv_err *err)
{
    slv_node *token, *missing, *none;

    SLV_TRY(scan(d, err));
    SLV_TRY(
        slv_pages_call(&d->v, "GET", &token, err, "/%.*s/upload-token", SLV_STR_ARGS(d->v.name)));
    d->jwt = slv_node_str(slv_node_get(token, "jwt"));
    SLV_TRY(put_hashes(d));
    SLV_TRY(files_call(d, "check-missing", &missing, err));
    SLV_TRY(send_files(d, missing, err));
    SLV_TRY(put_hashes(d));
    SLV_TRY(files_call(d, "upsert-hashes", &none, err));
    slv_term_news("Uploaded %zu of %zu static files", missing->count, slv_assets_count(d->assets));
    return SLV_OK;
}

/* ---- the form ---- */

static const char *part_type(slv_module_type type)
{
    return type == SLV_MODULE_ESM    ? "application/javascript+module"
           : type == SLV_MODULE_WASM ? "application/wasm"
           : type == SLV_MODULE_TEXT ? "text/plain"
                                     : "application/octet-stream";
}

/* The worker: a form in the form. */
static slv_code put_bundle(const pages_deploy *d, slv_form *out, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf metadata = SLV_BUF(TEXT_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(1024);
    const slv_metadata about_it = {.project = &d->project, .main_name = SLV_STR(MAIN_MODULE)};

    if (d->project.config_path)
        SLV_TRY(slv_metadata_write(&about_it, &metadata, err));
    else
        SLV_TRY(slv_buf_append(&metadata, SLV_STR("{\"main_module\":\"" MAIN_MODULE "\"}")));
    if (!slv_buf_cstr(&metadata))
        return SLV_E_LIMIT;
    slv_form_text(out, "metadata", slv_buf_view(&metadata));
    slv_form_file(out, SLV_STR(MAIN_MODULE), SLV_STR("application/javascript+module"),
                  d->bundle->script);
    for (size_t i = 0; i < d->bundle->modules.len; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF((size_t)8 << 10);
        const slv_module *m = &d->bundle->modules.items[i];

        SLV_TRY(slv_buf_printf(&name, "./%.*s", SLV_STR_ARGS(m->name)));
        slv_form_file(out, slv_buf_view(&name), slv_str_from(part_type(m->type)), m->bytes);
    }
    if (d->bundle->source_map.len > 0)
        slv_form_file(out, SLV_STR(MAIN_MODULE ".map"), SLV_STR("application/source-map"),
                      d->bundle->source_map);
    return slv_form_end(out, &headers, err);
}

static slv_code put_rules(const pages_deploy *d, const char *name, slv_form *form, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(d->project.assets, slv_str_from(name));
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(TEXT_MAX);

    if (!slv_file_exists(path))
        return SLV_OK;
    SLV_TRY(slv_file_read(path, &text, err));
    slv_form_file(form, slv_str_from(name), SLV_STR("text/plain"), slv_buf_view(&text));
    return SLV_OK;
}

static slv_code put_manifest(pages_deploy *d, slv_form *form)
{
    slv_json_writer w = SLV_JSON_WRITER(&d->v.json);

    slv_json_open(&w, '{');
    for (size_t i = 0; i < slv_assets_count(d->assets); i++) {
        slv_json_key_str(&w, slv_assets_at(d->assets, i)->path);
        slv_json_text(&w, slv_str_from(d->hashes[i]));
    }
    slv_json_close(&w, '}');
    slv_form_text(form, "manifest", slv_buf_view(&d->v.json));
    slv_buf_reset(&d->v.json);
    return w.code;
}

static slv_code put_form(pages_deploy *d, slv_form *form, slv_err *err)
{
    SLV_TRY(put_manifest(d, form));
    if (d->branch[0])
        slv_form_text(form, "branch", slv_str_from(d->branch));
    if (d->commit[0])
        slv_form_text(form, "commit_hash", slv_str_from(d->commit));
    if (d->message[0])
        slv_form_text(form, "commit_message", slv_str_from(d->message));
    slv_form_text(form, "commit_dirty", d->dirty ? SLV_STR("true") : SLV_STR("false"));
    SLV_TRY(put_rules(d, "_headers", form, err));
    SLV_TRY(put_rules(d, "_redirects", form, err));
    if (!d->bundle)
        return SLV_OK;
    slv_str routes = slv_pages_routes(&d->project);
    SLV_CLEANUP(slv_form_done) slv_form worker;
    slv_form_init(&worker, FORM_MAX);
    SLV_TRY(put_bundle(d, &worker, err));
    slv_form_file(form, SLV_STR("_worker.bundle"), SLV_STR("application/octet-stream"),
                  slv_buf_view(&worker.body));
    if (routes.len > 0)
        slv_form_file(form, SLV_STR("_routes.json"), SLV_STR("application/json"), routes);
    return SLV_OK;
}

static slv_code send_form(pages_deploy *d, slv_node **ret, slv_err *err)
{
    SLV_CLEANUP(slv_form_done) slv_form form;
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(1024);
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(1024);

    slv_form_init(&form, 2 * FORM_MAX);
    SLV_TRY(put_form(d, &form, err));
    SLV_TRY(slv_form_end(&form, &headers, err));
    SLV_TRY(slv_buf_printf(&path, "/pages/projects/%.*s/deployments", SLV_STR_ARGS(d->v.name)));
    const slv_rest_request request = {.method = "POST",
                                      .path = slv_buf_view(&path),
                                      .headers = slv_buf_view(&headers),
                                      .body = slv_buf_view(&form.body),
                                      .progress = "Uploading the deployment"};
    return slv_rest_envelope(d->v.rest, &request, ret, err);
}

/* ---- the verbs ---- */

static slv_code deploy(pages_deploy *d, slv_err *err)
{
    slv_node *project, *deployment;
    const slv_node *aliases;
    slv_code code;

    SLV_TRY(slv_pages_open(&d->v, d->args, err));
    SLV_TRY(slv_pages_need_name(&d->v, err));
    code = slv_pages_call(&d->v, "GET", &project, err, "/%.*s", SLV_STR_ARGS(d->v.name));
    if (code == SLV_E_NOTFOUND)
        return slv_fail(err, code,
                        "there is no project '%.*s'; make it by 'selvage pages project create "
                        "%.*s'",
                        SLV_STR_ARGS(d->v.name), SLV_STR_ARGS(d->v.name));
    SLV_TRY(code);
    about(d);
    SLV_TRY(load(d, environment_of(d, project), err));
    SLV_TRY(upload_files(d, err));
    SLV_TRY(send_form(d, &deployment, err));
    aliases = slv_node_get(deployment, "aliases");
    printf("Deployed %.*s (%.*s) at %.*s\n", SLV_STR_ARGS(d->v.name),
           SLV_STR_ARGS(slv_node_str(slv_node_get(deployment, "environment"))),
           SLV_STR_ARGS(slv_node_str(slv_node_get(deployment, "url"))));
    if (slv_node_is(aliases, SLV_NODE_ARRAY) && aliases->first)
        printf("Also at %.*s\n", SLV_STR_ARGS(aliases->first->text));
    return SLV_OK;
}

static int exec_deploy(const slv_args *a)
{
    SLV_CLEANUP(deploy_done) pages_deploy d = {.args = a};
    const char *cwd = slv_args_string(a, "cwd");
    slv_err err = {0};

    if (cwd && chdir(cwd) != 0)
        (void)slv_fail_errno(&err, SLV_E_NOTFOUND, "--cwd %s", cwd);
    if (err.code != SLV_OK || deploy(&d, &err) != SLV_OK)
        return slv_cmd_fail(a->cmd, &err);
    return 0;
}

static slv_code write_file(const char *path, slv_str text, slv_err *err)
{
    FILE *f = fopen(path, "we");

    if (!f || fwrite(text.ptr, 1, text.len, f) != text.len || fclose(f) != 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    printf("Wrote %s\n", path);
    return SLV_OK;
}

static slv_code write_build(pages_deploy *d, slv_err *err)
{
    const char *outfile = slv_args_string(d->args, "outfile");
    const char *outdir = slv_args_string(d->args, "outdir");
    const char *routes = slv_args_string(d->args, "output-routes-path");
    const char *dir = outdir ? outdir : ".";

    if (outdir && mkdir(outdir, 0777) != 0 && errno != EEXIST)
        return slv_fail_errno(err, SLV_E_IO, "%s", outdir);
    SLV_CLEANUP(slv_charp_free) char *script = slv_path_join(dir, SLV_STR("index.js"));
    SLV_TRY(write_file(outfile ? outfile : outdir ? script : "_worker.js", d->bundle->script, err));
    for (size_t i = 0; i < d->bundle->modules.len; i++) {
        SLV_CLEANUP(slv_charp_free)
        char *path = slv_path_join(dir, d->bundle->modules.items[i].name);

        SLV_TRY(write_file(path, d->bundle->modules.items[i].bytes, err));
    }
    return routes ? write_file(routes, slv_pages_routes(&d->project), err) : SLV_OK;
}

static slv_code functions_build(pages_deploy *d, slv_err *err)
{
    const char *assets = slv_args_string(d->args, "build-output-directory");

    SLV_TRY(slv_project_lists_read(d->args, &d->lists, err));
    slv_project_args(d->args, &d->lists, &d->options);
    d->pages.directory = assets ? assets : ".";
    d->pages.functions = d->args->positional.len > 0 ? d->args->positional.items[0] : "functions";
    d->options.pages = &d->pages;
    d->options.no_secrets = true;
    SLV_TRY(slv_project_load(&d->options, &d->project, err));
    if (!d->project.main)
        return slv_fail(err, SLV_E_NOTFOUND, "there is no directory %s", d->pages.functions);
    SLV_TRY(slv_build_project(&d->project, &d->bundle, err));
    return write_build(d, err);
}

static int exec_build(const slv_args *a)
{
    SLV_CLEANUP(deploy_done) pages_deploy d = {.args = a};
    slv_err err = {0};

    if (functions_build(&d, &err) != SLV_OK)
        return slv_cmd_fail(a->cmd, &err);
    return 0;
}

static const slv_flag deploy_flags[] = {
    {"config", SLV_FLAG_STRING, 'c', "FILE", "configuration file"},
    SLV_PROJECT_FLAGS,
    {"cwd", SLV_FLAG_STRING, 0, "DIR", "run as if started there"},
    {"project-name", SLV_FLAG_STRING, 0, "NAME", "name of the project"},
    {"branch", SLV_FLAG_STRING, 0, "BRANCH", "branch that is deployed (git's)"},
    {"commit-hash", SLV_FLAG_STRING, 0, "SHA", "commit that is deployed (git's)"},
    {"commit-message", SLV_FLAG_STRING, 0, "TEXT", "what the commit says (git's)"},
    {"commit-dirty", SLV_FLAG_BOOL, 0, NULL, "there are changes that are in no commit"},
    {"skip-caching", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"upload-source-maps", SLV_FLAG_BOOL, 0, NULL, NULL},
    {"remote", SLV_FLAG_BOOL, 0, NULL, NULL},
};
static const slv_flag build_flags[] = {
    SLV_PROJECT_FLAGS,
    {"outfile", SLV_FLAG_STRING, 0, "FILE", "where the worker is written (_worker.js)"},
    {"outdir", SLV_FLAG_STRING, 0, "DIR", "where the worker and its modules are written"},
    {"output-routes-path", SLV_FLAG_STRING, 0, "FILE", "where _routes.json is written"},
    {"build-output-directory", SLV_FLAG_STRING, 0, "DIR", "directory of static files"},
};

const slv_cmd slv_cmd_pages_deploy_verb = {
    .name = "pages deploy",
    .args = "[directory]",
    .usage = "send static files and Functions to a project of a server",
    .flags = deploy_flags,
    .flag_count = SLV_ARRAY_LEN(deploy_flags),
    .max_positional = 1,
    .exec = exec_deploy,
};
const slv_cmd slv_cmd_pages_functions_build_verb = {
    .name = "pages functions build",
    .args = "[directory]",
    .usage = "bundle the functions directory into one worker",
    .flags = build_flags,
    .flag_count = SLV_ARRAY_LEN(build_flags),
    .max_positional = 1,
    .exec = exec_build,
};
