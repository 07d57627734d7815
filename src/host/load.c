/* Rows of the catalog made into a version. */
#include "base/mem.h"
#include "host/host_int.h"

#define ARENA_MAX ((size_t)64 << 20)
#define SECRETS_MAX ((size_t)4 << 20)

static void keep_free(void *keep)
{
    (void)slv_code_file_unref(keep);
}

static void keep_cool(void *keep)
{
    slv_code_file_cool(keep);
}

slv_code slv_host_spec_code(const slv_code_file *file, slv_arena *arena, slv_version_spec *spec,
                            slv_err *err)
{
    const slv_code_part *script = slv_code_file_first(file, SLV_CODE_SCRIPT);
    const slv_code_part *map = slv_code_file_first(file, SLV_CODE_MAP);
    size_t count = slv_code_file_count(file), n = 0;
    slv_module *modules = slv_arena_try_alloc0(arena, (count + 1) * sizeof *modules);

    if (!script)
        return slv_fail(err, SLV_E_PARSE, "the code file of the version has no script");
    if (!modules)
        return slv_fail(err, SLV_E_LIMIT, "the worker has too many modules");
    for (size_t i = 0; i < count; i++) {
        const slv_code_part *p = slv_code_file_part(file, i);

        if (p->kind == SLV_CODE_MODULE)
            modules[n++] = (slv_module){p->name, (slv_module_type)p->type, p->bytes};
    }
    spec->main_name = script->name;
    spec->script = script->bytes;
    spec->service_worker = script->flags & SLV_CODE_SERVICE_WORKER;
    spec->source_map = map ? map->bytes : SLV_STR_NULL;
    spec->modules = modules;
    spec->module_count = n;
    /* what was uploaded was measured then; a bundle of it may be a little longer */
    spec->limits.worker_bytes *= 2;
    return SLV_OK;
}

static bool has_flag(const slv_version_spec *spec, const char *name)
{
    for (size_t i = 0; i < spec->flag_count; i++) {
        if (slv_str_is(spec->flags[i], name))
            return true;
    }
    return false;
}

slv_code slv_host_load(const slv_host *host, const slv_worker_row *worker,
                       const slv_version_row *row, bool verify, slv_version **ret, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(ARENA_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf secrets = SLV_BUF(SECRETS_MAX);
    SLV_CLEANUP(slv_code_file_unref) slv_code_file *file = NULL;
    SLV_CLEANUP(slv_assets_unref) slv_assets *assets = NULL;
    const char *dir = slv_state_dir(host->state);
    slv_version_spec spec;

    if (row->secrets.len > 0)
        SLV_TRY(slv_host_unseal(host, row->secrets, &secrets, err));
    const slv_metadata_in in = {
        .worker = worker, .version = row, .secrets = slv_buf_view(&secrets)};
    SLV_TRY(slv_metadata_read(&in, &arena, &spec, err));
    if (row->code.len > 0) {
        SLV_TRY(slv_code_file_open(dir, row->account, row->code, verify, &file, err));
        SLV_TRY(slv_host_spec_code(file, &arena, &spec, err));
    }
    if (row->assets.len > 0) {
        const slv_asset_set_options options = {
            .has_worker = row->code.len > 0,
            .navigation_prefers_it = has_flag(&spec, "assets_navigation_prefers_asset_serving"),
        };

        SLV_TRY(
            slv_asset_set_load(host->assets, row->account, row->assets, &options, &assets, err));
        spec.assets = assets;
    } else if (row->code.len == 0) {
        return slv_fail(err, SLV_E_STATE, "the version has neither code nor static files");
    }
    if (file) {
        spec.keep = file;
        spec.keep_free = keep_free;
        spec.keep_cool = keep_cool;
    }
    SLV_TRY(slv_version_new(&spec, ret, err));
    file = NULL; /* the version's now */
    return SLV_OK;
}

slv_code slv_host_version(const slv_host *host, const slv_worker_row *worker,
                          const slv_version_row *row, bool verify, slv_version **ret, slv_err *err)
{
    return slv_host_load(host, worker, row, verify, ret, err);
}

slv_code slv_host_modules(const slv_host *host, slv_str account, slv_str code, slv_arena *arena,
                          slv_upload_part **ret, size_t *ret_count, slv_str *ret_main, slv_err *err)
{
    SLV_CLEANUP(slv_code_file_unref) slv_code_file *file = NULL;
    const slv_code_part *script;
    slv_upload_part *parts;
    size_t n = 0;

    SLV_TRY(slv_code_file_open(slv_state_dir(host->state), account, code, true, &file, err));
    script = slv_code_file_first(file, SLV_CODE_SCRIPT);
    parts = slv_arena_try_alloc0(arena, (slv_code_file_count(file) + 1) * sizeof *parts);
    if (!parts || !script)
        return slv_fail(err, SLV_E_LIMIT, "the worker has too many modules");
    for (size_t i = 0; i < slv_code_file_count(file); i++) {
        const slv_code_part *p = slv_code_file_part(file, i);

        if (p->kind != SLV_CODE_UPLOAD ||
            slv_str_starts(p->note, SLV_STR("application/source-map")))
            continue;
        if (slv_arena_dup(arena, p->name, &parts[n].name) != SLV_OK ||
            slv_arena_dup(arena, p->note, &parts[n].type) != SLV_OK ||
            slv_arena_dup(arena, p->bytes, &parts[n].body) != SLV_OK)
            return slv_fail(err, SLV_E_LIMIT, "the worker's modules are too large");
        if (slv_str_eq(slv_metadata_module_name(p->name), script->name))
            *ret_main = parts[n].name;
        n++;
    }
    *ret = parts;
    *ret_count = n;
    return SLV_OK;
}
