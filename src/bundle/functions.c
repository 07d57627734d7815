#include "bundle/functions.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"
#include "bundle/functions_text.h"
#include "fmt/json.h"
#include "fmt/json_write.h"

#define PATH_MAX_BYTES ((size_t)64 << 10)
#define RULES_MAX 100u         /* of _routes.json */
#define RULE_MAX ((size_t)100) /* characters of one */

typedef struct scan {
    const char *dir;
    slv_arena *arena;
    SLV_VEC(slv_function) found;
    SLV_VEC(char *) folders; /* relative, to be looked at; each ends with a slash */
    size_t files;
    slv_err *err;
} scan;

/* ---- routes ---- */

static bool is_name(slv_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!slv_is_alpha(s.ptr[i]) && !slv_is_digit(s.ptr[i]) && s.ptr[i] != '_')
            return false;
    return s.len > 0;
}

static slv_code put_param(slv_str name, bool catches_all, slv_buf *out, slv_err *err)
{
    if (!is_name(name))
        return slv_fail(err, SLV_E_INVAL,
                        "Invalid Pages function route parameter - \"%s%.*s%s\". Parameter names "
                        "must only contain alphanumeric and underscore characters.",
                        catches_all ? "[[" : "[", SLV_STR_ARGS(name), catches_all ? "]]" : "]");
    return slv_buf_printf(out, ":%.*s%s", SLV_STR_ARGS(name), catches_all ? "*" : "");
}

/* "/a/[b]/[[c]]" as "/a/:b/:c*". */
static slv_code put_route(slv_str path, slv_buf *out, slv_err *err)
{
    while (path.len > 0) {
        size_t open = slv_str_chr(path, '[', 0);
        bool twice = open < path.len && slv_str_starts(slv_str_skip(path, open), SLV_STR("[["));
        size_t from = open + (twice ? 2 : 1),
               close = open == SIZE_MAX
                           ? SIZE_MAX
                           : slv_str_find(path, twice ? SLV_STR("]]") : SLV_STR("]"), from);

        if (close == SIZE_MAX)
            return slv_buf_append(out, path);
        SLV_TRY(slv_buf_append(out, slv_str_sub(path, 0, open)));
        SLV_TRY(put_param(slv_str_sub(path, from, close), twice, out, err));
        path = slv_str_skip(path, close + (twice ? 2 : 1));
    }
    return SLV_OK;
}

/* The route of a path that is relative to the directory, in the arena. */
static slv_code make_route(scan *s, slv_str path, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(PATH_MAX_BYTES);

    SLV_TRY(slv_buf_append_byte(&text, '/'));
    SLV_TRY(put_route(path, &text, s->err));
    return slv_arena_dup(s->arena, slv_buf_view(&text), ret);
}

static slv_str folder_of(slv_str path)
{
    size_t slash = slv_str_rchr(path, '/');

    return slv_str_sub(path, 0, slash == SIZE_MAX ? 0 : slash);
}

/* ---- files ---- */

/* The extension with its dot when it is that of a script; empty otherwise. */
static slv_str script_extension(slv_str name)
{
    static const char *const known[] = {".js", ".ts", ".mjs", ".jsx", ".tsx"};

    if (slv_str_ends(name, SLV_STR(".d.ts")))
        return SLV_STR("");
    for (size_t i = 0; i < SLV_ARRAY_LEN(known); i++)
        if (slv_str_ends(name, slv_str_from(known[i])) && name.len > strlen(known[i]))
            return slv_str_from(known[i]);
    return SLV_STR("");
}

/* What never names a handler is a module that others import. */
static slv_code has_handlers(scan *s, const char *path, bool *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_FUNCTIONS_FILE_MAX);

    SLV_TRY(slv_file_read(path, &text, s->err));
    *ret = slv_str_find(slv_buf_view(&text), SLV_STR("onRequest"), 0) != SIZE_MAX ||
           slv_str_find(slv_buf_view(&text), SLV_STR("export *"), 0) != SIZE_MAX;
    return SLV_OK;
}

static slv_code add_file(scan *s, slv_str relative)
{
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(s->dir, relative);
    slv_str extension = script_extension(relative);
    slv_str stem = slv_str_sub(relative, 0, relative.len - extension.len);
    slv_str folder = folder_of(stem), name = slv_str_skip(stem, folder.len ? folder.len + 1 : 0);
    slv_function f = {.middleware =
                          slv_str_is(name, "_middleware") || slv_str_is(name, "_middleware_")};
    bool wanted;

    SLV_TRY(has_handlers(s, path, &wanted));
    if (!wanted)
        return SLV_OK;
    if (s->found.len == SLV_FUNCTIONS_FILES_MAX)
        return slv_fail(s->err, SLV_E_LIMIT, "%s has more than %u functions", s->dir,
                        SLV_FUNCTIONS_FILES_MAX);
    SLV_TRY(slv_arena_dup(s->arena, slv_str_from(path), &f.path));
    SLV_TRY(slv_arena_dup(s->arena, relative, &f.relative));
    SLV_TRY(make_route(s, f.middleware || slv_str_is(name, "index") ? folder : stem, &f.route));
    SLV_TRY(make_route(s, folder, &f.mount));
    slv_vec_push(&s->found, f);
    return SLV_OK;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_entry(const struct dirent *e)
{
    return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
           strcmp(e->d_name, "node_modules") != 0;
}

static slv_code visit(scan *s, slv_str folder, const char *name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf relative = SLV_BUF(PATH_MAX_BYTES);
    SLV_CLEANUP(slv_charp_free) char *path = NULL;

    SLV_TRY(slv_buf_printf(&relative, "%.*s%s", SLV_STR_ARGS(folder), name));
    path = slv_path_join(s->dir, slv_buf_view(&relative));
    if (slv_dir_exists(path)) {
        SLV_TRY(slv_buf_append_byte(&relative, '/'));
        slv_vec_push(&s->folders, slv_strndup(relative.ptr, relative.len));
        return SLV_OK;
    }
    if (script_extension(slv_buf_view(&relative)).len == 0 || !slv_file_exists(path))
        return SLV_OK;
    return add_file(s, slv_buf_view(&relative));
}

static slv_code list_folder(scan *s, const char *folder)
{
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(s->dir, slv_str_from(folder));
    struct dirent **entries = NULL;
    slv_code code = SLV_OK;
    int n = scandir(path, &entries, is_entry, by_name);

    if (n < 0)
        return slv_fail_errno(s->err, errno == ENOENT ? SLV_E_NOTFOUND : SLV_E_IO, "%s", path);
    for (int i = 0; i < n; i++) {
        if (code == SLV_OK)
            code = visit(s, slv_str_from(folder), entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return code;
}

static unsigned depth_of(const char *folder)
{
    unsigned n = 0;

    for (; *folder; folder++)
        n += *folder == '/';
    return n;
}

slv_code slv_functions_scan(const char *dir, slv_arena *arena, slv_functions *ret, slv_err *err)
{
    scan s = {.dir = dir, .arena = arena, .err = err};
    slv_code code = list_folder(&s, "");

    for (size_t i = 0; code == SLV_OK && i < s.folders.len; i++)
        code = depth_of(s.folders.items[i]) > SLV_FUNCTIONS_DEPTH_MAX
                   ? slv_fail(err, SLV_E_LIMIT, "%s: more than %d folders in each other", dir,
                              SLV_FUNCTIONS_DEPTH_MAX)
                   : list_folder(&s, s.folders.items[i]);
    if (code == SLV_OK) {
        ret->count = s.found.len;
        ret->items = slv_arena_try_alloc(arena, s.found.len * sizeof *ret->items + 1);
        if (ret->items && s.found.len > 0)
            memcpy(ret->items, s.found.items, s.found.len * sizeof *ret->items);
        code = ret->items ? SLV_OK : slv_fail(err, SLV_E_LIMIT, "%s has too many functions", dir);
    }
    for (size_t i = 0; i < s.folders.len; i++)
        free(s.folders.items[i]);
    slv_vec_done(&s.folders);
    slv_vec_done(&s.found);
    return code;
}

/* ---- the module ---- */

slv_code slv_functions_entry(const slv_functions *f, slv_str fallback, slv_buf *out)
{
    for (size_t i = 0; i < f->count; i++) {
        SLV_TRY(slv_buf_printf(out, "import * as file%zu from ", i));
        SLV_TRY(slv_json_put_string(out, f->items[i].path));
        SLV_TRY(slv_buf_append(out, SLV_STR(";\n")));
    }
    SLV_TRY(slv_buf_append(out, slv_str_from(slv_functions_text)));
    SLV_TRY(slv_buf_append(out, SLV_STR("\nexport default router([\n")));
    for (size_t i = 0; i < f->count; i++) {
        SLV_TRY(slv_buf_append_byte(out, '['));
        SLV_TRY(slv_json_put_string(out, f->items[i].route));
        SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(slv_json_put_string(out, f->items[i].mount));
        SLV_TRY(
            slv_buf_printf(out, ",%s,file%zu],\n", f->items[i].middleware ? "true" : "false", i));
    }
    SLV_TRY(slv_buf_append(out, SLV_STR("], ")));
    SLV_TRY(slv_json_put_string(out, fallback));
    return slv_buf_append(out, SLV_STR(");\n"));
}

/* ---- _routes.json ---- */

typedef SLV_VEC(slv_str) rule_list;

/* The route up to its first parameter, and a star where more may follow. */
static slv_code make_rule(const slv_function *f, slv_arena *arena, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(PATH_MAX_BYTES);
    size_t colon = slv_str_chr(f->route, ':', 0);
    slv_str plain = slv_str_sub(f->route, 0, colon);

    SLV_TRY(slv_buf_append(&text, plain));
    if (colon != SIZE_MAX)
        SLV_TRY(slv_buf_append_byte(&text, '*'));
    else if (f->middleware)
        SLV_TRY(slv_buf_append(&text,
                               slv_str_ends(plain, SLV_STR("/")) ? SLV_STR("*") : SLV_STR("/*")));
    if (text.len > RULE_MAX) { /* a wider one that is short enough */
        size_t at = slv_str_rchr(slv_str_sub(slv_buf_view(&text), 0, RULE_MAX - 1), '/');

        text.len = at == SIZE_MAX ? 0 : at;
        SLV_TRY(slv_buf_append(&text, SLV_STR("/*")));
    }
    return slv_arena_dup(arena, slv_buf_view(&text), ret);
}

static bool covers(slv_str wide, slv_str rule)
{
    return slv_str_eq(wide, rule) || (slv_str_ends(wide, SLV_STR("/*")) &&
                                      slv_str_starts(rule, slv_str_sub(wide, 0, wide.len - 1)));
}

static void add_rule(rule_list *rules, slv_str rule)
{
    for (size_t i = 0; i < rules->len; i++)
        if (covers(rules->items[i], rule))
            return;
    for (size_t i = rules->len; i-- > 0;)
        if (covers(rule, rules->items[i]))
            slv_vec_swap_remove(rules, i);
    slv_vec_push(rules, rule);
}

/* Fewer segments first. */
static int by_width(const void *a, const void *b)
{
    const slv_str *left = a, *right = b;
    unsigned segments[2] = {0};

    for (size_t i = 0; i < left->len; i++)
        segments[0] += left->ptr[i] == '/' && i + 1 < left->len;
    for (size_t i = 0; i < right->len; i++)
        segments[1] += right->ptr[i] == '/' && i + 1 < right->len;
    if (segments[0] != segments[1])
        return segments[0] < segments[1] ? -1 : 1;
    return slv_str_cmp(*left, *right);
}

static slv_code put_rules(rule_list *rules, slv_buf *out)
{
    slv_json_writer w = SLV_JSON_WRITER(out);

    if (rules->len > RULES_MAX) {
        rules->len = 0;
        slv_vec_push(rules, SLV_STR("/*"));
    }
    if (rules->len > 0)
        qsort(rules->items, rules->len, sizeof *rules->items, by_width);
    slv_json_open(&w, '{');
    slv_json_put_number(&w, "version", 1);
    slv_json_put_text(&w, "description", SLV_STR("Generated by selvage"));
    slv_json_key(&w, "include");
    slv_json_open(&w, '[');
    for (size_t i = 0; i < rules->len; i++)
        slv_json_text(&w, rules->items[i]);
    slv_json_close(&w, ']');
    slv_json_put_raw(&w, "exclude", SLV_STR("[]"));
    slv_json_close(&w, '}');
    return w.code;
}

slv_code slv_functions_routes(const slv_functions *f, slv_buf *out)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 20);
    rule_list rules = {0};
    slv_code code = SLV_OK;

    for (size_t i = 0; code == SLV_OK && i < f->count; i++) {
        slv_str rule;

        code = make_rule(&f->items[i], &arena, &rule);
        if (code == SLV_OK)
            add_rule(&rules, rule);
    }
    if (code == SLV_OK)
        code = put_rules(&rules, out);
    slv_vec_done(&rules);
    return code;
}
