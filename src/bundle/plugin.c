/* esbuild's questions: where an import leads, and what stands there. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "bundle/bundle_int.h"
#include "fmt/glob.h"
#include "fmt/json.h"

#define PLUGIN "selvage"
#define TABLE_FILES_MAX 10000
#define WALK_DEPTH_MAX 32
/* A path that is being resolved for us: not to be answered by us again. */
#define RESOLVING 1

/* Numbers of the callbacks. Those of rules follow, one for each glob. */
enum { ON_BUILTIN = 1, ON_NODE_NAME, ON_BAO, ON_TABLE, ON_SOURCE, ON_ENTRY, ON_RULE };
enum { LOAD_BUILTIN = 1, LOAD_DATA, LOAD_TABLE, LOAD_SOURCE, LOAD_ENTRY };

static bool is_js(slv_rule_type type)
{
    return type == SLV_RULE_ESM || type == SLV_RULE_CJS;
}

/* ---- registration ---- */

static void put_key_string(slv_buf *out, const char *key, slv_str value)
{
    slv_esbuild_put_key(out, key);
    slv_esbuild_put_string(out, value);
}

static void put_callback(slv_buf *out, uint32_t id, slv_str filter, const char *namespace)
{
    slv_esbuild_put_map(out, 3);
    slv_esbuild_put_key(out, "id");
    slv_esbuild_put_number(out, id);
    put_key_string(out, "filter", filter);
    put_key_string(out, "namespace", slv_str_from(namespace));
}

static uint32_t rule_glob_count(const slv_config *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->rules.len; i++)
        n += is_js(c->rules.items[i].type) ? 0 : c->rules.items[i].glob_count;
    return (uint32_t)n;
}

static void put_rules(const slv_bundler *b, slv_buf *out)
{
    const slv_config *c = b->spec->config;
    uint32_t id = ON_RULE;

    for (size_t i = 0; i < c->rules.len; i++) {
        const slv_rule *rule = &c->rules.items[i];

        for (size_t k = 0; !is_js(rule->type) && k < rule->glob_count; k++) {
            SLV_CLEANUP(slv_buf_done) slv_buf filter = SLV_BUF((size_t)64 << 10);

            if (slv_glob_regexp(rule->globs[k], &filter) != SLV_OK)
                out->limit = 0;
            put_callback(out, id++, slv_buf_view(&filter), "");
        }
    }
}

/* Rule of a callback number. */
static const slv_rule *rule_of(const slv_bundler *b, uint32_t callback)
{
    const slv_config *c = b->spec->config;
    size_t n = ON_RULE;

    for (size_t i = 0; i < c->rules.len; i++) {
        n += is_js(c->rules.items[i].type) ? 0 : c->rules.items[i].glob_count;
        if (callback < n)
            return &c->rules.items[i];
    }
    return NULL;
}

void slv_bundle_put_plugins(const slv_bundler *b, slv_buf *out)
{
    uint32_t sources = b->spec->source_count > 0, table = b->js_table,
             node = b->spec->node == SLV_NODE_V2 && !sources, entry = b->spec->main_text.len > 0;

    slv_esbuild_put_array(out, 1);
    slv_esbuild_put_map(out, 5);
    put_key_string(out, "name", SLV_STR(PLUGIN));
    slv_esbuild_put_key(out, "onStart");
    slv_esbuild_put_bool(out, false);
    slv_esbuild_put_key(out, "onEnd");
    slv_esbuild_put_bool(out, false);
    slv_esbuild_put_key(out, "onResolve");
    slv_esbuild_put_array(out,
                          2 + node + table + sources + entry + rule_glob_count(b->spec->config));
    put_callback(out, ON_BUILTIN,
                 SLV_STR("^((cloudflare|workerd|node|selvage:names):|selvage:bao($|/))"), "");
    put_callback(out, ON_BAO, SLV_STR("^dynamo-bao($|/src/)"), "");
    if (node)
        put_callback(out, ON_NODE_NAME, SLV_STR("^[a-z_0-9]+(/[a-z_0-9]+)?$"), "");
    if (table)
        put_callback(out, ON_TABLE, SLV_STR("^selvage:table$"), "");
    if (sources)
        put_callback(out, ON_SOURCE, SLV_STR(".*"), "");
    if (entry)
        put_callback(out, ON_ENTRY, SLV_STR("^" SLV_BUNDLE_ENTRY "$"), "");
    put_rules(b, out);
    slv_esbuild_put_key(out, "onLoad");
    slv_esbuild_put_array(out, 3 + sources + entry);
    put_callback(out, LOAD_BUILTIN, SLV_STR(".*"), "selvage-builtin");
    put_callback(out, LOAD_DATA, SLV_STR(".*"), "selvage-data");
    put_callback(out, LOAD_TABLE, SLV_STR(".*"), "selvage-table");
    if (sources)
        put_callback(out, LOAD_SOURCE, SLV_STR(".*"), "file");
    if (entry)
        put_callback(out, LOAD_ENTRY, SLV_STR(".*"), "selvage-entry");
}

/* ---- answers ---- */

static void answer(slv_bundler *b, uint32_t id, const slv_buf *out)
{
    if (slv_esbuild_put_ok(out))
        slv_esbuild_answer(b->esbuild, id, slv_buf_view(out));
    else
        slv_bundle_fail(b, SLV_E_LIMIT, "a file is too large to be bundled");
}

static void answer_nothing(slv_bundler *b, uint32_t id)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(16);

    slv_esbuild_put_map(&out, 0);
    answer(b, id, &out);
}

static void put_no_messages(slv_buf *out)
{
    slv_esbuild_put_key(out, "errors");
    slv_esbuild_put_array(out, 0);
    slv_esbuild_put_key(out, "warnings");
    slv_esbuild_put_array(out, 0);
}

static void answer_no_messages(slv_bundler *b, uint32_t id)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(64);

    slv_esbuild_put_map(&out, 2);
    put_no_messages(&out);
    answer(b, id, &out);
}

void slv_bundle_answer_error(slv_bundler *b, uint32_t id, uint32_t callback, slv_str text)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)8 << 10);

    slv_esbuild_put_map(&out, 2);
    slv_esbuild_put_key(&out, "id");
    slv_esbuild_put_number(&out, callback);
    slv_esbuild_put_key(&out, "errors");
    slv_esbuild_put_array(&out, 1);
    slv_esbuild_put_map(&out, 6);
    put_key_string(&out, "id", SLV_STR(""));
    put_key_string(&out, "pluginName", SLV_STR(""));
    put_key_string(&out, "text", text);
    slv_esbuild_put_key(&out, "location");
    slv_esbuild_put_null(&out);
    slv_esbuild_put_key(&out, "notes");
    slv_esbuild_put_array(&out, 0);
    slv_esbuild_put_key(&out, "detail");
    slv_esbuild_put_number(&out, 0);
    answer(b, id, &out);
}

void slv_bundle_answer_path(slv_bundler *b, uint32_t id, uint32_t callback, slv_str path,
                            const char *namespace, uint32_t data, bool pure)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)64 << 10);

    slv_esbuild_put_map(&out, 5);
    slv_esbuild_put_key(&out, "id");
    slv_esbuild_put_number(&out, callback);
    put_key_string(&out, "path", path);
    put_key_string(&out, "namespace", slv_str_from(namespace));
    slv_esbuild_put_key(&out, "sideEffects");
    slv_esbuild_put_bool(&out, !pure);
    slv_esbuild_put_key(&out, "pluginData");
    slv_esbuild_put_number(&out, data);
    answer(b, id, &out);
}

/* The import stays in the output, of that name. */
static void answer_external(slv_bundler *b, uint32_t id, uint32_t callback, slv_str path, bool pure)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)64 << 10);

    slv_esbuild_put_map(&out, 4);
    slv_esbuild_put_key(&out, "id");
    slv_esbuild_put_number(&out, callback);
    put_key_string(&out, "path", path);
    slv_esbuild_put_key(&out, "external");
    slv_esbuild_put_bool(&out, true);
    slv_esbuild_put_key(&out, "sideEffects");
    slv_esbuild_put_bool(&out, !pure);
    answer(b, id, &out);
}

void slv_bundle_answer_contents(slv_bundler *b, uint32_t id, uint32_t callback, slv_str contents)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_BUNDLE_MAX);

    slv_esbuild_put_map(&out, 4);
    slv_esbuild_put_key(&out, "id");
    slv_esbuild_put_number(&out, callback);
    slv_esbuild_put_key(&out, "contents");
    slv_esbuild_put_bytes(&out, contents);
    put_key_string(&out, "loader", SLV_STR("js"));
    /* Without one esbuild looks for no file beside the module, as a source map that it names. */
    put_key_string(&out, "resolveDir",
                   b->spec->source_count > 0 ? SLV_STR("") : slv_str_from(b->spec->project_dir));
    answer(b, id, &out);
}

/* ---- where an import leads ---- */

/* "./add.wasm?module" is the file add.wasm. */
static slv_str without_query(slv_str path)
{
    return slv_str_sub(path, 0, slv_str_chr(path, '?', 0));
}

static void ask_resolve(slv_bundler *b, uint32_t id, uint32_t callback, const slv_node *q,
                        slv_rule_type type)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)64 << 10);
    bundle_resolve r = {.question = id, .callback = callback, .type = type, .used = true};

    slv_esbuild_put_map(&out, 9);
    put_key_string(&out, "command", SLV_STR("resolve"));
    slv_esbuild_put_key(&out, "key");
    slv_esbuild_put_number(&out, b->key);
    put_key_string(&out, "path", without_query(slv_node_str(slv_node_get(q, "path"))));
    put_key_string(&out, "pluginName", SLV_STR(PLUGIN));
    put_key_string(&out, "importer", slv_node_str(slv_node_get(q, "importer")));
    put_key_string(&out, "namespace", slv_node_str(slv_node_get(q, "namespace")));
    put_key_string(&out, "resolveDir", slv_node_str(slv_node_get(q, "resolveDir")));
    put_key_string(&out, "kind", slv_node_str(slv_node_get(q, "kind")));
    slv_esbuild_put_key(&out, "pluginData");
    slv_esbuild_put_number(&out, RESOLVING);
    if (!slv_esbuild_put_ok(&out)) {
        answer_nothing(b, id);
        return;
    }
    r.ask = slv_esbuild_ask(b->esbuild, slv_buf_view(&out));
    slv_vec_push(&b->resolves, r);
}

bool slv_bundle_resolved(slv_bundler *b, uint32_t id, const slv_node *value)
{
    for (size_t i = 0; i < b->resolves.len; i++) {
        bundle_resolve *r = &b->resolves.items[i];
        slv_str path = slv_node_str(slv_node_get(value, "path"));

        if (!r->used || r->ask != id)
            continue;
        r->used = false;
        if (path.len > 0)
            slv_bundle_answer_path(b, r->question, r->callback, path, "selvage-data", r->type,
                                   true);
        else
            answer_nothing(b, r->question); /* esbuild says itself what is wrong */
        return true;
    }
    return false;
}

static void resolve_rule(slv_bundler *b, uint32_t id, uint32_t callback, const slv_node *q)
{
    const slv_rule *rule = rule_of(b, callback);
    slv_str path = slv_node_str(slv_node_get(q, "path")), clean = without_query(path);
    slv_str dir = slv_node_str(slv_node_get(q, "resolveDir"));
    char text[512];

    if (!rule) {
        answer_nothing(b, id);
        return;
    }
    if (slv_str_is(slv_node_str(slv_node_get(q, "namespace")), "selvage-data")) {
        answer_external(b, id, callback, path, true); /* what load_data wrote */
        return;
    }
    if (rule->ignored) {
        snprintf(text, sizeof text,
                 "the file %.*s matches a module rule that is ignored, because an earlier rule of "
                 "the same type does not "
                 "say fallthrough = true",
                 SLV_STR_ARGS(path));
        slv_bundle_answer_error(b, id, callback, slv_str_from(text));
        return;
    }
    if (slv_str_starts(clean, SLV_STR("./")) || slv_str_starts(clean, SLV_STR("../")) ||
        slv_str_starts(clean, SLV_STR("/"))) {
        SLV_CLEANUP(slv_charp_free) char *base = slv_strndup(dir.ptr ? dir.ptr : "", dir.len);
        SLV_CLEANUP(slv_charp_free) char *full = slv_path_join(base, clean);

        if (slv_file_exists(full)) {
            slv_bundle_answer_path(b, id, callback, slv_str_from(full), "selvage-data", rule->type,
                                   true);
            return;
        }
    }
    ask_resolve(b, id, callback, q, rule->type);
}

static bool in_pairs(const slv_pair *list, size_t n, slv_str key)
{
    for (size_t i = 0; i < n; i++)
        if (slv_str_eq(list[i].key, key))
            return true;
    return false;
}

static bool is_installed(slv_str from_dir, const char *package)
{
    SLV_CLEANUP(slv_charp_free)
    char *dir = slv_strndup(from_dir.ptr ? from_dir.ptr : "", from_dir.len);

    while (dir[0] == '/') {
        SLV_CLEANUP(slv_charp_free) char *at = NULL, *found = NULL;

        if (asprintf(&at, "node_modules/%s", package) < 0)
            abort();
        found = slv_path_join(dir, slv_str_from(at));
        if (slv_dir_exists(found))
            return true;
        if (dir[1] == '\0')
            break;
        char *up = slv_path_dir(dir);
        free(dir);
        dir = up;
    }
    return false;
}

/* What stands for a package, by alias; NULL: nothing. */
static const slv_pair *alias_of(const slv_pair *list, size_t n, const char *package)
{
    for (size_t i = 0; i < n; i++)
        if (slv_str_is(list[i].key, package))
            return &list[i];
    return NULL;
}

/* dynamo-bao is the built-in selvage:bao where an alias says so, or where the package is not
 * installed. */
static bool is_our_bao(const slv_bundler *b, slv_str dir)
{
    const slv_bundle_spec *s = b->spec;
    const slv_pair *alias = alias_of(s->alias, s->alias_count, "dynamo-bao");

    if (!alias)
        alias = alias_of(s->config->alias.items, s->config->alias.len, "dynamo-bao");
    return alias ? slv_str_is(alias->value, "selvage:bao") : !is_installed(dir, "dynamo-bao");
}

static void answer_builtin(slv_bundler *b, uint32_t id, uint32_t callback, slv_str path, bool pure)
{
    if (b->spec->portable)
        answer_external(b, id, callback, path, pure);
    else
        slv_bundle_answer_path(b, id, callback, path, "selvage-builtin", 0, pure);
}

static void answer_bao(slv_bundler *b, uint32_t id, slv_str path)
{
    SLV_CLEANUP(slv_buf_done) slv_buf full = SLV_BUF((size_t)64 << 10);

    if (slv_buf_printf(&full, "selvage:bao%.*s",
                       SLV_STR_ARGS(slv_str_skip(path, strlen("dynamo-bao")))) != SLV_OK)
        answer_nothing(b, id);
    else
        answer_builtin(b, id, ON_BAO, slv_buf_view(&full), false);
}

/* esbuild replaces what has an alias itself, but asks plugins first. */
static bool has_alias(const slv_bundler *b, slv_str path)
{
    const slv_config *c = b->spec->config;

    return !b->spec->no_bundle && (in_pairs(c->alias.items, c->alias.len, path) ||
                                   in_pairs(b->spec->alias, b->spec->alias_count, path));
}

void slv_bundle_answer_node(slv_bundler *b, uint32_t id, uint32_t callback, const slv_node *q,
                            bool bare)
{
    slv_str path = slv_node_str(slv_node_get(q, "path"));
    bool required = slv_str_is(slv_node_str(slv_node_get(q, "kind")), "require-call");
    SLV_CLEANUP(slv_buf_done) slv_buf full = SLV_BUF((size_t)64 << 10);

    if (slv_buf_printf(&full, "%s%s%.*s", required ? SLV_BUNDLE_REQUIRE : "", bare ? "node:" : "",
                       SLV_STR_ARGS(path)) != SLV_OK) {
        answer_nothing(b, id);
        return;
    }
    slv_bundle_node_import(b, path, slv_node_str(slv_node_get(q, "importer")));
    if (b->spec->portable && !required)
        answer_external(b, id, callback, slv_buf_view(&full), false);
    else
        slv_bundle_answer_path(b, id, callback, slv_buf_view(&full), "selvage-builtin", 0, false);
}

static bool asks(const slv_node *ids, int64_t callback)
{
    int64_t id;

    for (const slv_node *n = ids ? ids->first : NULL; n; n = n->next)
        if (slv_node_i64(n, &id) && id == callback)
            return true;
    return false;
}

static void on_resolve(slv_bundler *b, uint32_t id, const slv_node *q)
{
    const slv_node *ids = slv_node_get(q, "ids");
    slv_str path = slv_node_str(slv_node_get(q, "path"));
    int64_t data = 0;

    if (asks(ids, ON_BAO) && is_our_bao(b, slv_node_str(slv_node_get(q, "resolveDir")))) {
        answer_bao(b, id, path);
        return;
    }
    if ((slv_node_i64(slv_node_get(q, "pluginData"), &data) && data == RESOLVING) ||
        has_alias(b, path)) {
        answer_nothing(b, id);
        return;
    }
    for (const slv_node *n = ids ? ids->first : NULL; n; n = n->next) {
        int64_t callback;

        if (!slv_node_i64(n, &callback))
            continue;
        if (callback == ON_BUILTIN && !slv_str_starts(path, SLV_STR("node:"))) {
            answer_builtin(b, id, ON_BUILTIN, path, slv_str_starts(path, SLV_STR("cloudflare:")));
            return;
        }
        if (callback == ON_BUILTIN || (callback == ON_NODE_NAME && slv_node_module_name(path))) {
            slv_bundle_answer_node(b, id, (uint32_t)callback, q, callback == ON_NODE_NAME);
            return;
        }
        if (callback == ON_TABLE) {
            slv_bundle_answer_path(b, id, ON_TABLE, SLV_STR("table"), "selvage-table", 0, false);
            return;
        }
        if (callback == ON_ENTRY) {
            slv_bundle_answer_path(b, id, ON_ENTRY, SLV_STR("entry"), "selvage-entry", 0, false);
            return;
        }
        if (callback == ON_SOURCE) {
            slv_bundle_source_resolve(b, id, ON_SOURCE, q);
            return;
        }
        if (callback >= ON_RULE) {
            resolve_rule(b, id, (uint32_t)callback, q);
            return;
        }
    }
    answer_nothing(b, id);
}

/* ---- what stands there ---- */

static slv_module_type module_type(const slv_bundle_spec *spec, slv_str path, slv_rule_type type)
{
    const slv_module *source = slv_bundle_source(spec, path);

    if (source)
        return source->type;
    return type == SLV_RULE_WASM   ? SLV_MODULE_WASM
           : type == SLV_RULE_TEXT ? SLV_MODULE_TEXT
                                   : SLV_MODULE_DATA;
}

static const slv_module *add_module(slv_bundler *b, slv_str path, slv_module_type type,
                                    slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(SLV_BUNDLE_FILE_MAX);
    SLV_CLEANUP(slv_charp_free) char *full = slv_strndup(path.ptr, path.len);
    SLV_CLEANUP(slv_charp_free) char *name = slv_path_relative(b->spec->base_dir, full);
    slv_module m = {.type = type};

    for (size_t i = 0; i < b->result->modules.len; i++)
        if (slv_str_is(b->result->modules.items[i].name, name) &&
            b->result->modules.items[i].type == type)
            return &b->result->modules.items[i];
    const slv_module *source = slv_bundle_source(b->spec, path);
    if (!source && slv_file_read(full, &bytes, err) != SLV_OK)
        return NULL;
    if (slv_arena_dup(&b->result->arena, slv_str_from(name), &m.name) != SLV_OK ||
        slv_arena_dup(&b->result->arena, source ? source->bytes : slv_buf_view(&bytes), &m.bytes) !=
            SLV_OK) {
        slv_fail(err, SLV_E_LIMIT, "the modules are too large");
        return NULL;
    }
    slv_vec_push(&b->result->modules, m);
    return &b->result->modules.items[b->result->modules.len - 1];
}

/* Portable: an import that resolve_rule leaves as it is. */
static slv_code put_data_text(const slv_bundler *b, slv_str name, slv_buf *out)
{
    if (b->spec->portable) {
        SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF((size_t)64 << 10);

        SLV_TRY(slv_buf_printf(&path, "./%.*s", SLV_STR_ARGS(name)));
        SLV_TRY(slv_buf_append(out, SLV_STR("import value from ")));
        SLV_TRY(slv_json_put_string(out, slv_buf_view(&path)));
        return slv_buf_append(out, SLV_STR(";\nexport default value;\n"));
    }
    SLV_TRY(slv_buf_append(out, SLV_STR("export default /* @__PURE__ */ __selvage.data(")));
    SLV_TRY(slv_json_put_string(out, name));
    return slv_buf_append(out, SLV_STR(");\n"));
}

/* What `require` of a module of Node gets where modules are imported. */
static slv_code put_required_text(slv_str name, slv_buf *out)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("import value from ")));
    SLV_TRY(slv_json_put_string(out, name));
    return slv_buf_append(out, SLV_STR(";\nmodule.exports = value;\n"));
}

static void load_data(slv_bundler *b, uint32_t id, const slv_node *q)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)64 << 10);
    int64_t type = SLV_RULE_DATA;
    const slv_module *m;
    slv_err err = {0};

    (void)slv_node_i64(slv_node_get(q, "pluginData"), &type);
    m = add_module(b, slv_node_str(slv_node_get(q, "path")),
                   module_type(b->spec, slv_node_str(slv_node_get(q, "path")), (slv_rule_type)type),
                   &err);
    if (!m) {
        slv_bundle_answer_error(b, id, LOAD_DATA, slv_str_from(slv_err_text(&err)));
        return;
    }
    if (put_data_text(b, m->name, &text) != SLV_OK)
        text.limit = 0;
    slv_bundle_answer_contents(b, id, LOAD_DATA, slv_buf_view(&text));
}

typedef struct walk {
    slv_bundler *b;
    slv_buf *out; /* the table's text; NULL: what is found is added to the result */
    size_t files;
} walk;

static const slv_rule *rule_of_file(const slv_bundler *b, const char *name)
{
    const slv_config *c = b->spec->config;

    for (size_t i = 0; i < c->rules.len; i++)
        for (size_t k = 0; !c->rules.items[i].ignored && k < c->rules.items[i].glob_count; k++)
            if (slv_glob_match(c->rules.items[i].globs[k], slv_str_from(name), SLV_GLOB_PATH))
                return &c->rules.items[i];
    return NULL;
}

static slv_code add_found(walk *w, const slv_rule *rule, slv_str full)
{
    slv_module_type type = rule->type == SLV_RULE_ESM   ? SLV_MODULE_ESM
                           : rule->type == SLV_RULE_CJS ? SLV_MODULE_CJS
                                                        : module_type(w->b->spec, full, rule->type);
    slv_err err = {0};

    return add_module(w->b, full, type, &err) ? SLV_OK : err.code;
}

static slv_code put_table_row(walk *w, const char *name, const char *full)
{
    const slv_rule *rule = rule_of_file(w->b, name);

    if (strcmp(full, w->b->spec->main) == 0 || !rule)
        return SLV_OK;
    if (++w->files > TABLE_FILES_MAX)
        return SLV_E_LIMIT;
    if (!w->out)
        return add_found(w, rule, slv_str_from(full));
    SLV_TRY(slv_json_put_string(w->out, slv_str_from(name)));
    SLV_TRY(slv_buf_append(w->out, SLV_STR(": () => import(")));
    SLV_TRY(slv_json_put_string(w->out, slv_str_from(full)));
    return slv_buf_append(w->out, SLV_STR("),\n"));
}

static slv_code walk_dir(walk *w, const char *dir, int depth)
{
    DIR *d = depth < WALK_DEPTH_MAX ? opendir(dir) : NULL;
    slv_code code = SLV_OK;
    const struct dirent *entry;

    while (d && code == SLV_OK && (entry = readdir(d))) {
        SLV_CLEANUP(slv_charp_free) char *full = NULL;
        SLV_CLEANUP(slv_charp_free) char *name = NULL;

        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "node_modules") == 0)
            continue;
        full = slv_path_join(dir, slv_str_from(entry->d_name));
        name = slv_path_relative(w->b->spec->base_dir, full);
        if (slv_dir_exists(full))
            code = walk_dir(w, full, depth + 1);
        else
            code = put_table_row(w, name, full);
    }
    if (d)
        closedir(d);
    return code;
}

slv_code slv_bundle_add_found(slv_bundler *b)
{
    walk w = {.b = b};

    return walk_dir(&w, b->spec->base_dir, 0);
}

static void load_table(slv_bundler *b, uint32_t id)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)16 << 20);
    walk w = {b, &text, 0};

    if (slv_buf_append(&text, SLV_STR("__selvage.table({\n")) != SLV_OK ||
        (b->spec->source_count > 0 ? slv_bundle_source_table(b->spec, &text)
                                   : walk_dir(&w, b->spec->base_dir, 0)) != SLV_OK ||
        slv_buf_append(&text, SLV_STR("});\n")) != SLV_OK) {
        slv_bundle_answer_error(
            b, id, LOAD_TABLE,
            SLV_STR("too many files for find_additional_modules; set base_dir to fewer"));
        return;
    }
    slv_bundle_answer_contents(b, id, LOAD_TABLE, slv_buf_view(&text));
}

static void on_load(slv_bundler *b, uint32_t id, const slv_node *q)
{
    slv_str namespace = slv_node_str(slv_node_get(q, "namespace")),
            path = slv_node_str(slv_node_get(q, "path"));

    if (slv_str_is(namespace, "selvage-builtin")) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)64 << 10);

        if ((b->spec->portable
                 ? put_required_text(slv_str_skip(path, strlen(SLV_BUNDLE_REQUIRE)), &text)
                 : slv_bundle_shim(path, !b->spec->no_bundle && b->spec->node == SLV_NODE_V2,
                                   &text)) != SLV_OK)
            text.limit = 0;
        slv_bundle_answer_contents(b, id, LOAD_BUILTIN, slv_buf_view(&text));
    } else if (slv_str_is(namespace, "selvage-data")) {
        load_data(b, id, q);
    } else if (slv_str_is(namespace, "selvage-table")) {
        load_table(b, id);
    } else if (slv_str_is(namespace, "selvage-entry")) {
        slv_bundle_answer_contents(b, id, LOAD_ENTRY, b->spec->main_text);
    } else if (b->spec->source_count > 0) {
        slv_bundle_source_load(b, id, LOAD_SOURCE, path);
    } else {
        answer_nothing(b, id);
    }
}

void slv_bundle_question(slv_bundler *b, uint32_t id, const slv_node *q)
{
    slv_str command = slv_node_str(slv_node_get(q, "command"));

    if (!b->spec) {
        answer_nothing(b, id);
    } else if (slv_str_is(command, "on-start")) {
        answer_no_messages(b, id);
    } else if (slv_str_is(command, "on-resolve")) {
        on_resolve(b, id, q);
    } else if (slv_str_is(command, "on-load")) {
        on_load(b, id, q);
    } else if (slv_str_is(command, "on-end")) {
        slv_bundle_take_result(b, q);
        answer_no_messages(b, id);
    } else {
        answer_nothing(b, id);
    }
}
