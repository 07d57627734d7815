/* What is said when a project imports modules of Node that its flags do not give it. */
#include "base/file.h"
#include "base/mem.h"
#include "bundle/bundle_int.h"

#define IMPORTERS_MAX 1000
#define DOCS "https://developers.cloudflare.com/workers/runtime-apis/nodejs/"

/* ---- imports that stay ---- */

void slv_bundle_node_import(slv_bundler *b, slv_str path, slv_str importer)
{
    slv_node_mode mode = b->spec->node;
    bundle_import i;

    if (mode == SLV_NODE_V1 || mode == SLV_NODE_V2 || b->spec->no_bundle ||
        (mode == SLV_NODE_ALS && slv_str_is(path, "node:async_hooks")))
        return;
    for (size_t k = 0; k < b->imports.len; k++)
        if (slv_str_eq(b->imports.items[k].path, path) &&
            slv_str_eq(b->imports.items[k].importer, importer))
            return;
    if (b->imports.len < IMPORTERS_MAX &&
        slv_arena_dup(&b->result->arena, path, &i.path) == SLV_OK &&
        slv_arena_dup(&b->result->arena, importer, &i.importer) == SLV_OK)
        slv_vec_push(&b->imports, i);
}

static slv_code put_warning(const slv_bundler *b, size_t first, slv_buf *out)
{
    slv_str path = b->imports.items[first].path;

    SLV_TRY(slv_buf_printf(
        out,
        "The package \"%.*s\" wasn't found on the file system but is built into node.\n"
        "  Your Worker may throw errors at runtime unless you enable the \"nodejs_compat\" "
        "compatibility flag. Refer to " DOCS " for more details. Imported from:",
        SLV_STR_ARGS(path)));
    for (size_t i = first; i < b->imports.len; i++) {
        slv_str importer = b->imports.items[i].importer;

        if (!slv_str_eq(b->imports.items[i].path, path))
            continue;
        SLV_CLEANUP(slv_charp_free) char *full = slv_strndup(importer.ptr, importer.len);
        SLV_CLEANUP(slv_charp_free) char *name = slv_path_relative(b->spec->project_dir, full);

        SLV_TRY(slv_buf_printf(out, "\n   - %s", name));
    }
    return SLV_OK;
}

static bool seen_before(const slv_bundler *b, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (slv_str_eq(b->imports.items[i].path, b->imports.items[at].path))
            return true;
    return false;
}

void slv_bundle_node_warnings(slv_bundler *b)
{
    for (size_t i = 0; i < b->imports.len; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)1 << 20);
        slv_diagnostic d = {0};

        if (!seen_before(b, i) && put_warning(b, i, &text) == SLV_OK &&
            slv_arena_dup(&b->result->arena, slv_buf_view(&text), &d.main.text) == SLV_OK)
            slv_vec_push(&b->result->warnings, d);
    }
}

/* ---- imports that fail ---- */

/* The name in esbuild's `Could not resolve "name"`, when that is one of Node's. */
static slv_str unresolved(slv_str text)
{
    static const char before[] = "Could not resolve \"";
    slv_str name, bare;

    if (!slv_str_starts(text, slv_str_from(before)) || !slv_str_ends(text, SLV_STR("\"")))
        return SLV_STR_NULL;
    name = slv_str_sub(text, strlen(before), text.len - 1);
    bare = slv_str_starts(name, SLV_STR("node:")) ? slv_str_skip(name, 5) : name;
    return slv_node_module_name(bare) ? name : SLV_STR_NULL;
}

void slv_bundle_node_notes(const slv_bundler *b, slv_diagnostic *d)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)4 << 10);
    slv_str name = unresolved(d->main.text);
    const char *advice = "";
    slv_note *note;

    if (!name.ptr)
        return;
    if (b->spec->node != SLV_NODE_V2 &&
        slv_str_find(d->main.file, SLV_STR("node_modules/dynamo-bao/"), 0) != SIZE_MAX)
        b->result->wants_node = true;
    if (b->spec->node == SLV_NODE_OFF || b->spec->node == SLV_NODE_ALS)
        advice = "- Add the \"nodejs_compat\" compatibility flag to your project.\n";
    else if (b->spec->node == SLV_NODE_V1 && !slv_str_starts(name, SLV_STR("node:")))
        advice = "- Make sure to prefix the module name with \"node:\" or update your "
                 "compatibility_date to 2024-09-23 or later.\n";
    note = slv_arena_try_alloc0(&b->result->arena, sizeof *note);
    if (!note ||
        slv_buf_printf(&text,
                       "The package \"%.*s\" wasn't found on the file system but is built into "
                       "node.\n%s",
                       SLV_STR_ARGS(name), advice) != SLV_OK ||
        slv_arena_dup(&b->result->arena, slv_buf_view(&text), &note->text) != SLV_OK)
        return;
    d->notes = note;
    d->note_count = 1;
}
