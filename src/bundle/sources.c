/* Modules of an upload: where imports lead among them, and what they are to esbuild. */
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "bundle/bundle_int.h"
#include "fmt/json.h"

/* The name that a path of esbuild's stands for. */
static slv_str name_of(slv_str path)
{
    return slv_str_starts(path, SLV_STR(SOURCE_DIR "/")) ? slv_str_skip(path, sizeof SOURCE_DIR)
                                                         : SLV_STR_NULL;
}

const slv_module *slv_bundle_source(const slv_bundle_spec *spec, slv_str path)
{
    slv_str name = name_of(path);

    for (size_t i = 0; i < spec->source_count; i++)
        if (slv_str_eq(spec->sources[i].name, name))
            return &spec->sources[i];
    return NULL;
}

static bool is_code(const slv_module *m)
{
    return m->type == SLV_MODULE_ESM || m->type == SLV_MODULE_CJS;
}

/* What `path` means in the module `importer`: also a bare name is looked for beside it. The names'
 * directory is their root; the result begins with a slash. */
static char *path_from(slv_str importer, slv_str path)
{
    slv_str from = name_of(importer);
    SLV_CLEANUP(slv_charp_free) char *file = slv_path_join("/", from);
    SLV_CLEANUP(slv_charp_free) char *dir = slv_path_dir(file);

    return slv_path_join(dir, slv_str_starts(path, SLV_STR(SOURCE_DIR "/"))
                                  ? slv_str_skip(path, sizeof SOURCE_DIR - 1)
                                  : path);
}

/* An import that must be there when the worker is linked; the others fail where they stand. */
static void answer_missing(slv_bundler *b, uint32_t id, uint32_t callback, const slv_node *q,
                           const char *full)
{
    slv_str kind = slv_node_str(slv_node_get(q, "kind")),
            importer = slv_node_str(slv_node_get(q, "importer"));
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)64 << 10);

    if (!slv_str_is(kind, "import-statement") && !slv_str_is(kind, "entry-point")) {
        slv_bundle_answer_path(b, id, callback, slv_str_from(full + 1), "selvage-builtin", 0,
                               false);
        return;
    }
    if (slv_buf_printf(&text, "No such module \"%s\".\n  imported from \"%.*s\"", full + 1,
                       SLV_STR_ARGS(name_of(importer))) != SLV_OK)
        slv_buf_reset(&text);
    slv_bundle_answer_error(b, id, callback, slv_buf_view(&text));
}

void slv_bundle_source_resolve(slv_bundler *b, uint32_t id, uint32_t callback, const slv_node *q)
{
    slv_str path = slv_node_str(slv_node_get(q, "path"));
    slv_str importer = slv_node_str(slv_node_get(q, "importer"));
    SLV_CLEANUP(slv_charp_free) char *full = path_from(importer, path);
    SLV_CLEANUP(slv_charp_free) char *place = slv_path_join(SOURCE_DIR, slv_str_from(full + 1));
    const slv_module *m = slv_bundle_source(b->spec, slv_str_from(place));

    if (m)
        slv_bundle_answer_path(b, id, callback, slv_str_from(place),
                               is_code(m) ? "file" : "selvage-data", 0, !is_code(m));
    else if (b->spec->node == SLV_NODE_V2 && slv_node_module_name(path))
        slv_bundle_answer_node(b, id, callback, q, true);
    else
        answer_missing(b, id, callback, q, full);
}

/* A comment that names a source map would have esbuild read that file; nothing of this machine is
 * an upload's to name. Maps that stand in the comment itself are fine. */
static void hide_source_maps(slv_buf *text)
{
    static const slv_str key = {"sourceMappingURL=", 17};
    slv_str s = slv_buf_view(text);

    for (size_t at = 0; (at = slv_str_find(s, key, at)) != SIZE_MAX; at += key.len) {
        slv_str before = slv_str_sub(s, at >= 4 ? at - 4 : 0, at),
                after = slv_str_skip(s, at + key.len);
        bool comment =
            slv_str_ends(before, SLV_STR("//# ")) || slv_str_ends(before, SLV_STR("//@ ")) ||
            slv_str_ends(before, SLV_STR("/*# ")) || slv_str_ends(before, SLV_STR("/*@ "));
        bool quoted =
            after.len == 0 || slv_str_chr(SLV_STR("\"'`$\\"), after.ptr[0], 0) != SIZE_MAX;

        if (comment && !quoted && !slv_str_starts(after, SLV_STR("data:")))
            text->ptr[at] = 'S';
    }
}

void slv_bundle_source_load(slv_bundler *b, uint32_t id, uint32_t callback, slv_str path)
{
    const slv_module *m = slv_bundle_source(b->spec, path);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_BUNDLE_FILE_MAX);

    if (!m) {
        slv_bundle_answer_error(b, id, callback, SLV_STR("no such module"));
        return;
    }
    if (!is_code(m)) {
        slv_bundle_answer_contents(b, id, callback, m->bytes);
        return;
    }
    slv_code code = slv_buf_append(&text, m->bytes);
    hide_source_maps(&text);
    /* esbuild goes by what a file uses: one that mentions `module` is CommonJS. */
    if (code == SLV_OK && m->type == SLV_MODULE_CJS)
        code = slv_buf_append(&text, SLV_STR("\n;module.exports;"));
    if (code != SLV_OK) {
        slv_bundle_answer_error(b, id, callback, SLV_STR("the module is too large"));
        return;
    }
    slv_bundle_answer_contents(b, id, callback, slv_buf_view(&text));
}

slv_code slv_bundle_source_table(const slv_bundle_spec *spec, slv_buf *out)
{
    for (size_t i = 0; i < spec->source_count; i++) {
        slv_str name = spec->sources[i].name;

        if (slv_str_eq(name, name_of(slv_str_from(spec->main))))
            continue;
        SLV_TRY(slv_json_put_string(out, name));
        SLV_TRY(slv_buf_append(out, SLV_STR(": () => import(\"" SOURCE_DIR "/")));
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)64 << 10);
        SLV_TRY(slv_json_put_string(&text, name));
        SLV_TRY(slv_buf_append(out, slv_str_skip(slv_buf_view(&text), 1)));
        SLV_TRY(slv_buf_append(out, SLV_STR("),\n")));
    }
    return SLV_OK;
}

/* ---- patterns ---- */

/* The offset of a line and column, both from 1, in bytes; SIZE_MAX: there is none. */
static size_t offset_of(slv_str text, uint32_t line, uint32_t col)
{
    size_t at = 0;

    for (uint32_t i = 1; i < line; i++) {
        at = slv_str_chr(text, '\n', at);
        if (at >= text.len)
            return SIZE_MAX;
        at++;
    }
    at += col - 1;
    return at < text.len ? at : SIZE_MAX;
}

static int by_place(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

/* `"./" + x` becomes `__selvage.at("importer") + "./" + x`. */
static slv_code put_patched(slv_buf *out, const slv_module *m, const size_t *places, size_t n)
{
    size_t from = 0;

    for (size_t i = 0; i < n; i++) {
        SLV_TRY(slv_buf_append(out, slv_str_sub(m->bytes, from, places[i])));
        SLV_TRY(slv_buf_append(out, SLV_STR("__selvage.at(")));
        SLV_TRY(slv_json_put_string(out, m->name));
        SLV_TRY(slv_buf_append(out, SLV_STR(")+")));
        from = places[i];
    }
    return slv_buf_append(out, slv_str_skip(m->bytes, from));
}

static bool is_pattern_error(const slv_diagnostic *d)
{
    return slv_str_starts(d->main.text, SLV_STR("Could not resolve import(\".")) ||
           slv_str_starts(d->main.text, SLV_STR("Could not resolve require(\"."));
}

static bool patch_one(slv_bundler *b, slv_module *m)
{
    const slv_str quotes = SLV_STR("\"'`");
    SLV_VEC(size_t) places = {0};
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_BUNDLE_FILE_MAX);

    for (size_t i = 0; i < b->result->errors.len; i++) {
        const slv_diagnostic *d = &b->result->errors.items[i];
        size_t at = is_pattern_error(d) && slv_str_eq(d->main.file, m->name)
                        ? offset_of(m->bytes, d->main.line, d->main.col)
                        : SIZE_MAX;

        if (at != SIZE_MAX && slv_str_chr(quotes, m->bytes.ptr[at], 0) < quotes.len)
            slv_vec_push(&places, at);
    }
    if (places.len > 0)
        qsort(places.items, places.len, sizeof(size_t), by_place);
    bool ok = places.len > 0 && put_patched(&out, m, places.items, places.len) == SLV_OK &&
              slv_arena_dup(&b->patches, slv_buf_view(&out), &m->bytes) == SLV_OK;
    slv_vec_done(&places);
    return ok;
}

bool slv_bundle_source_patch(slv_bundler *b)
{
    size_t n = b->spec->source_count;
    bool any = false;

    if (b->patched || b->result->errors.len == 0)
        return false;
    slv_module *copies = slv_arena_try_alloc0(&b->patches, n * sizeof *copies);
    if (!copies)
        return false;
    b->patched = true;
    memcpy(copies, b->spec->sources, n * sizeof *copies);
    for (size_t i = 0; i < n; i++)
        any |= is_code(&copies[i]) && patch_one(b, &copies[i]);
    b->own.sources = copies;
    return any;
}
