/* From a bundle to a version. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cli/project.h"
#include "cli/project_pages.h"
#include "fmt/json.h"

typedef struct parts {
    slv_arena arena;
    SLV_VEC(slv_module) modules;
    SLV_VEC(slv_binding) bindings;
} parts;

static void parts_done(parts *p)
{
    slv_vec_done(&p->modules);
    slv_vec_done(&p->bindings);
    slv_arena_done(&p->arena);
}
SLV_DEFINE_CLEANUP_DONE(parts, parts_done);

/* [wasm_modules], [text_blobs], [data_blobs]: files that become bindings. */
static slv_code add_files(const slv_project *p, parts *out, const slv_pair *list, size_t n,
                          slv_module_type type, slv_err *err)
{
    for (size_t i = 0; i < n; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(SLV_BUNDLE_FILE_MAX);
        SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(p->dir, list[i].value);
        slv_module m = {.name = list[i].value, .type = type};

        SLV_TRY(slv_file_read(path, &bytes, err));
        if (slv_arena_dup(&out->arena, slv_buf_view(&bytes), &m.bytes) != SLV_OK)
            return slv_fail(err, SLV_E_LIMIT, "the modules are too large");
        slv_vec_push(&out->modules, m);
        slv_vec_push(&out->bindings,
                     ((slv_binding){
                         .name = list[i].key, .type = SLV_BINDING_MODULE, .text = list[i].value}));
    }
    return SLV_OK;
}

static slv_code add_version_metadata(const slv_project *p, parts *out, slv_err *err)
{
    slv_binding b = {.name = p->config.version_metadata, .type = SLV_BINDING_JSON};
    time_t now = time(NULL);
    struct tm tm;
    char when[32], text[128];

    if (b.name.len == 0)
        return SLV_OK;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S.000Z", gmtime_r(&now, &tm));
    snprintf(text, sizeof text,
             "{\"id\":\"00000000-0000-4000-8000-%012llx\",\"tag\":\"\",\"timestamp\":\"%s\"}",
             (unsigned long long)(slv_rand_u64() >> 16), when);
    if (slv_arena_dup(&out->arena, slv_str_from(text), &b.text) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "the worker is too large");
    slv_vec_push(&out->bindings, b);
    return SLV_OK;
}

static bool uses_bao(const slv_bundle *bundle)
{
    for (size_t i = 0; i < bundle->inputs.len; i++)
        if (slv_str_find(bundle->inputs.items[i], SLV_STR("/node_modules/dynamo-bao/"), 0) !=
            SIZE_MAX)
            return true;
    return false;
}

static bool has_binding(const slv_config *c, const char *name)
{
    for (size_t i = 0; i < c->bindings.len; i++)
        if (slv_str_is(c->bindings.items[i].name, name))
            return true;
    return false;
}

/* dynamo-bao takes its credentials from process.env alone; the table store of `selvage dev` takes
 * any. */
static slv_str process_env(const slv_project *p, const slv_bundle *bundle)
{
    return uses_bao(bundle) && !has_binding(&p->config, "AWS_ACCESS_KEY_ID")
               ? SLV_STR("{\"AWS_ACCESS_KEY_ID\":\"local\",\"AWS_SECRET_ACCESS_KEY\":\"local\"}")
               : SLV_STR_NULL;
}

static slv_code gather(const slv_project *p, const slv_bundle *bundle, parts *out, slv_err *err)
{
    const slv_config *c = &p->config;

    for (size_t i = 0; i < bundle->modules.len; i++)
        slv_vec_push(&out->modules, bundle->modules.items[i]);
    for (size_t i = 0; i < c->bindings.len; i++)
        slv_vec_push(&out->bindings, c->bindings.items[i]);
    SLV_TRY(add_files(p, out, c->wasm_modules.items, c->wasm_modules.len, SLV_MODULE_WASM, err));
    SLV_TRY(add_files(p, out, c->text_blobs.items, c->text_blobs.len, SLV_MODULE_TEXT, err));
    SLV_TRY(add_files(p, out, c->data_blobs.items, c->data_blobs.len, SLV_MODULE_DATA, err));
    SLV_TRY(add_version_metadata(p, out, err));
    return SLV_OK;
}

/* "index.js" for src/index.ts: the name in stacks of what is not mapped. */
static void script_name(const char *main, char *out, size_t size)
{
    const char *base = slv_path_base(main), *dot = strrchr(base, '.');

    snprintf(out, size, "%.*s.js", dot && dot > base ? (int)(dot - base) : (int)strlen(base), base);
}

static slv_code scan_assets(const slv_project *p, slv_assets **ret, slv_buf *warnings, slv_err *err)
{
    slv_assets_config c = p->config.assets;

    *ret = NULL;
    if (!p->assets)
        return SLV_OK;
    c.has_worker = p->main != NULL;
    c.pages = p->options->pages != NULL;
    c.routes = slv_pages_routes(p);
    c.navigation_prefers_it = slv_compat_has(&p->compat, "assets_navigation_prefers_asset_serving");
    return slv_assets_scan(&c, p->assets, ret, warnings, err);
}

slv_code slv_project_version(const slv_project *p, const slv_bundle *bundle, slv_version **ret,
                             slv_buf *warnings, slv_err *err)
{
    static const slv_bundle nothing = {.ok = true};
    SLV_CLEANUP(slv_assets_unref) slv_assets *assets = NULL;
    SLV_CLEANUP(parts_done)
    parts all = {.arena = SLV_ARENA(4 * SLV_BUNDLE_FILE_MAX)};
    char main_name[256];

    SLV_TRY(scan_assets(p, &assets, warnings, err));
    if (!bundle)
        bundle = &nothing;
    SLV_TRY(gather(p, bundle, &all, err));
    script_name(p->main ? p->main : "index.js", main_name, sizeof main_name);
    slv_version_spec spec = {
        .name = slv_str_from(p->name),
        .compatibility_date = slv_str_from(p->compat.date),
        .flags = p->compat.on.items,
        .flag_count = p->compat.on.len,
        .main_name = slv_str_from(main_name),
        .script = bundle->script,
        .service_worker = bundle->service_worker,
        .source_map = bundle->source_map,
        .source_root = slv_str_from(p->dir),
        .modules = all.modules.items,
        .module_count = all.modules.len,
        .bindings = all.bindings.items,
        .binding_count = all.bindings.len,
        .crons = p->config.crons.items,
        .cron_count = p->config.crons.len,
        .consumers = p->config.consumers.items,
        .consumer_count = p->config.consumers.len,
        .classes = p->config.classes.items,
        .class_count = p->config.classes.len,
        .object_steps = p->config.object_steps.items,
        .object_step_count = p->config.object_steps.len,
        .assets = assets,
        .process_env = process_env(p, bundle),
        .limits = p->config.limits,
        .observe = p->config.observe,
        .host = p->options->host             ? slv_str_from(p->options->host)
                : p->config.dev.host.len > 0 ? p->config.dev.host
                                             : p->config.route_host,
        .dev = true,
    };
    return slv_version_new(&spec, ret, err);
}
