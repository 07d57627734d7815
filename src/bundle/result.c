/* What esbuild gives back: output, metafile, messages. */
#include "base/file.h"
#include "base/mem.h"
#include "bundle/bundle_int.h"
#include "fmt/json.h"

/* ---- messages ---- */

static slv_str dup_text(slv_bundle *r, const slv_node *n)
{
    slv_str s = slv_node_str(n);

    return slv_arena_dup(&r->arena, s, &s) == SLV_OK ? s : SLV_STR_NULL;
}

static uint32_t number(const slv_node *n)
{
    int64_t v = 0;

    return slv_node_i64(n, &v) && v >= 0 && v < UINT32_MAX ? (uint32_t)v : 0;
}

static slv_note take_note(slv_bundle *r, const slv_node *message)
{
    const slv_node *at = slv_node_get(message, "location");
    slv_note note = {.text = dup_text(r, slv_node_get(message, "text"))};

    if (slv_node_is(at, SLV_NODE_OBJECT)) {
        note.file = dup_text(r, slv_node_get(at, "file"));
        note.line_text = dup_text(r, slv_node_get(at, "lineText"));
        note.suggestion = dup_text(r, slv_node_get(at, "suggestion"));
        note.line = number(slv_node_get(at, "line"));
        note.col = number(slv_node_get(at, "column")) + 1;
        note.length = number(slv_node_get(at, "length"));
    }
    return note;
}

static slv_diagnostic take_message(slv_bundle *r, const slv_node *message)
{
    const slv_node *notes = slv_node_get(message, "notes");
    size_t count = slv_node_is(notes, SLV_NODE_ARRAY) ? notes->count : 0, i = 0;
    slv_diagnostic d = {.main = take_note(r, message)};
    slv_note *list = slv_arena_try_alloc0(&r->arena, (count + 1) * sizeof *list);

    if (!list)
        return d;
    for (const slv_node *n = count ? notes->first : NULL; n; n = n->next)
        list[i++] = take_note(r, n);
    d.notes = list;
    d.note_count = count;
    return d;
}

void slv_bundle_take_messages(slv_bundler *b, const slv_node *value)
{
    slv_bundle *r = b->result;
    const slv_node *errors = slv_node_get(value, "errors"),
                   *warnings = slv_node_get(value, "warnings");

    for (const slv_node *n = errors ? errors->first : NULL; n; n = n->next)
        slv_vec_push(&r->errors, take_message(r, n));
    for (size_t i = 0; i < r->errors.len; i++)
        slv_bundle_node_notes(b, &r->errors.items[i]);
    for (const slv_node *n = warnings ? warnings->first : NULL; n; n = n->next)
        slv_vec_push(&r->warnings, take_message(r, n));
}

/* ---- output ---- */

static slv_str output_file(const slv_node *value, const char *suffix)
{
    const slv_node *files = slv_node_get(value, "outputFiles");

    for (const slv_node *n = files ? files->first : NULL; n; n = n->next)
        if (slv_str_ends(slv_node_str(slv_node_get(n, "path")), slv_str_from(suffix)))
            return slv_node_str(slv_node_get(n, "contents"));
    return SLV_STR_NULL;
}

/* Inputs of our own namespaces: data files are named by their path, the others are no files. */
static void take_inputs(slv_bundler *b, const slv_node *inputs)
{
    slv_bundle *r = b->result;

    for (const slv_node *n = inputs ? inputs->first : NULL; n; n = n->next) {
        slv_str path = n->key;

        if (slv_str_starts(path, SLV_STR("selvage-builtin:")) ||
            slv_str_starts(path, SLV_STR("selvage-table:")) ||
            slv_str_starts(path, SLV_STR("selvage-entry:")) ||
            slv_str_starts(path, SLV_STR("(disabled):")))
            continue;
        if (slv_str_starts(path, SLV_STR("selvage-data:")))
            path = slv_str_skip(path, 13);
        SLV_CLEANUP(slv_charp_free) char *full = slv_path_join(b->spec->project_dir, path);

        if (slv_arena_dup(&r->arena, slv_str_from(full), &path) == SLV_OK)
            slv_vec_push(&r->inputs, path);
    }
}

static bool is_commonjs(const slv_node *inputs, slv_str path)
{
    for (const slv_node *n = inputs ? inputs->first : NULL; n; n = n->next)
        if (slv_str_eq(n->key, path))
            return slv_str_eq(slv_node_str(slv_node_get(n, "format")), SLV_STR("cjs"));
    return false;
}

static bool take_metafile(slv_bundler *b, slv_str text, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(4 * SLV_BUNDLE_MAX);
    slv_bundle *r = b->result;
    const slv_node *outputs, *exports = NULL, *entry = NULL;
    slv_node *root;

    if (slv_json_parse(text, SLV_JSON_STRICT, &arena, &root, err) != SLV_OK)
        return false;
    take_inputs(b, slv_node_get(root, "inputs"));
    outputs = slv_node_get(root, "outputs");
    for (const slv_node *n = outputs ? outputs->first : NULL; n; n = n->next)
        if (slv_node_get(n, "entryPoint")) {
            exports = slv_node_get(n, "exports");
            entry = slv_node_get(n, "entryPoint");
        }
    for (const slv_node *n = exports ? exports->first : NULL; n; n = n->next)
        slv_vec_push(&r->exports, dup_text(r, n));
    /* A CommonJS entry (a package with "type": "commonjs", or a require() in it) gets a default
     * export from the bundler; the author wrote none. */
    r->service_worker =
        r->exports.len == 0 || is_commonjs(slv_node_get(root, "inputs"), slv_node_str(entry));
    return true;
}

static slv_code take_output(slv_bundler *b, const slv_node *value, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf script = SLV_BUF(SLV_BUNDLE_MAX);
    slv_bundle *r = b->result;
    slv_str text = output_file(value, ".js"), map = output_file(value, ".js.map");

    if (!text.ptr)
        return slv_fail(err, SLV_E_IO, "esbuild gave no output");
    if (!take_metafile(b, slv_node_str(slv_node_get(value, "metafile")), err))
        return SLV_E_PARSE;
    if (b->spec->portable)
        SLV_TRY(slv_buf_append(&script, text));
    else
        SLV_TRY(slv_bundle_return(text, r->exports.len != 0, &script, err));
    if (b->spec->no_bundle && !b->spec->portable)
        slv_bundle_hide_require(&script);
    if (slv_arena_dup(&r->arena, slv_buf_view(&script), &r->script) != SLV_OK ||
        slv_arena_dup(&r->arena, map, &r->source_map) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "the bundle is too large");
    if (b->spec->portable && b->spec->config->find_additional_modules &&
        slv_bundle_add_found(b) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT,
                        "too many files for find_additional_modules, or too large ones; set "
                        "base_dir to fewer");
    r->ok = true;
    return SLV_OK;
}

void slv_bundle_take_result(slv_bundler *b, const slv_node *value)
{
    slv_err err = {0};

    slv_bundle_take_messages(b, value);
    slv_bundle_node_warnings(b);
    if (b->result->errors.len == 0) {
        slv_code code = take_output(b, value, &err);

        if (code != SLV_OK)
            slv_bundle_fail(b, code, slv_err_text(&err));
    }
}
