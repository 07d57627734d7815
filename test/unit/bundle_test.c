/* The bundler: its text work always, whole builds where esbuild is installed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "bundle/bundle.h"
#include "rt/roles.h"
#include "support/tap.h"

#define MB ((size_t)1 << 20)

/* ---- the export list ---- */

TEST(bundle_turns_the_export_list_into_a_return_value)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"var a = 1;\nexport {\n  a as default,\n  a as \"x y\",\n  a\n};\n",
         "var a = 1;\nreturn { get default() { return a; }, get \"x y\"() { return a; }, get a() { "
         "return a; }, };\n"},
        {"var t=1;export{t as a,t as b};\n",
         "var t=1;return { get a() { return t; }, get b() { return t; }, };\n"},
        {"x();\nexport default require_cjs();\n", "x();\nreturn { default: require_cjs(), };\n"},
        {"var s = \"export { a };\";\nexport { s as as };\n",
         "var s = \"export { a };\";\nreturn { get as() { return s; }, };\n"},
        {"export {\n};\n", "return { };\n"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(MB);

        CHECK(slv_bundle_return(slv_str_from(rows[i].in), true, &out, NULL) == SLV_OK);
        CHECK_STR(slv_buf_view(&out), slv_str_from(rows[i].out));
    }
}

TEST(bundle_without_an_export_list_is_an_error_only_when_there_are_exports)
{
    static const char *const bad[] = {
        "", "exports", "export { a", "export { a } b", "x.export { a };", "export default 1;"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(MB);

        CHECK_INT(slv_bundle_return(slv_str_from(bad[i]), true, &out, NULL), SLV_E_PARSE);
        CHECK_INT(slv_bundle_return(slv_str_from(bad[i]), false, &out, NULL), SLV_OK);
        CHECK_STR(slv_buf_view(&out), slv_str_from(bad[i]));
    }
}

TEST(bundle_shims_of_unknown_modules_fail_when_evaluated)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(MB);

    CHECK(slv_bundle_shim(SLV_STR("workerd:unknown"), true, &out) == SLV_OK);
    CHECK_STR(slv_buf_view(&out),
              SLV_STR("module.exports = __selvage.module(\"workerd:unknown\");\n"));
}

TEST(bundle_shims_of_node_tell_import_from_require)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(MB);

    CHECK(slv_bundle_shim(SLV_STR("node:fs"), false, &out) == SLV_OK);
    CHECK_STR(slv_buf_view(&out),
              SLV_STR("export * from \"selvage:names:node:fs\";\n"
                      "export default __selvage.module(\"node:fs\").default;\n"));
    slv_buf_reset(&out);
    CHECK(slv_bundle_shim(SLV_STR("selvage:names:node:fs"), true, &out) == SLV_OK);
    CHECK_STR(slv_buf_view(&out),
              SLV_STR("module.exports = __selvage.module(\"node:fs\", true);\n"));
    slv_buf_reset(&out);
    CHECK(slv_bundle_shim(SLV_STR("selvage:require:node:fs"), true, &out) == SLV_OK);
    CHECK_STR(slv_buf_view(&out),
              SLV_STR("module.exports = __selvage.builtin(\"node:fs\", true);\n"));
    CHECK(slv_node_module_name(SLV_STR("fs/promises")) && !slv_node_module_name(SLV_STR("fsx")));
}

TEST(bundle_hides_require_where_nothing_was_bundled)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(MB);

    CHECK(slv_buf_append(&out, SLV_STR("a(typeof __require); __require(x); typeof __require;")) ==
          SLV_OK);
    slv_bundle_hide_require(&out);
    CHECK_STR(slv_buf_view(&out), SLV_STR("a(typeof $_require); __require(x); typeof $_require;"));
}

/* ---- esbuild's values ---- */

TEST(esbuild_values_survive_the_wire)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(MB);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(MB);
    slv_node *root;
    int64_t n;

    slv_esbuild_put_map(&b, 3);
    slv_esbuild_put_key(&b, "a");
    slv_esbuild_put_array(&b, 2);
    slv_esbuild_put_number(&b, 4000000000u);
    slv_esbuild_put_bool(&b, true);
    slv_esbuild_put_key(&b, "b");
    slv_esbuild_put_bytes(&b, slv_str_make("\0x", 2));
    slv_esbuild_put_key(&b, "c");
    slv_esbuild_put_null(&b);
    CHECK(slv_esbuild_put_ok(&b));
    CHECK(slv_esbuild_decode(slv_buf_view(&b), &arena, &root, NULL) == SLV_OK);
    CHECK(slv_node_i64(slv_node_get(root, "a")->first, &n) && n == 4000000000);
    CHECK(slv_node_get(root, "a")->last->boolean);
    CHECK_STR(slv_node_get(root, "b")->text, slv_str_make("\0x", 2));
    CHECK(slv_node_get(root, "c")->type == SLV_NODE_NULL);
    for (size_t len = 0; len < b.len; len++)
        CHECK_INT(slv_esbuild_decode(slv_str_make(b.ptr, len), &arena, &root, NULL), SLV_E_PARSE);
}

/* ---- paths ---- */

TEST(paths_join_and_relate)
{
    static const struct {
        const char *base, *path, *joined, *back;
    } rows[] = {
        {"/a/b", "c", "/a/b/c", "c"},      {"/a/b", "../c//./d", "/a/c/d", "../c/d"},
        {"/a/b", "/x", "/x", "../../x"},   {"/a/b", "..", "/a", ".."},
        {"/", "x/y", "/x/y", "x/y"},       {"/a", ".", "/a", "."},
        {"/a/bc", "../b", "/a/b", "../b"}, {"/a", "../../..", "/", ".."},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        SLV_CLEANUP(slv_charp_free)
        char *joined = slv_path_join(rows[i].base, slv_str_from(rows[i].path));
        SLV_CLEANUP(slv_charp_free) char *back = slv_path_relative(rows[i].base, joined);

        CHECK_STR(slv_str_from(joined), slv_str_from(rows[i].joined));
        CHECK_STR(slv_str_from(back), slv_str_from(rows[i].back));
    }
}

/* ---- whole builds ---- */

typedef struct project {
    char dir[256];
    slv_loop *loop;
    slv_bundler *bundler;
    slv_bundle *result;
    slv_config config;
    slv_err err;
    bool done, failed;
} project;

static void on_done(void *user, slv_bundle *result, const slv_err *err)
{
    project *p = user;

    p->result = result;
    p->failed = err != NULL;
    if (err)
        p->err = *err;
    p->done = true;
}

static bool is_done(void *arg)
{
    return ((project *)arg)->done;
}

static void put_file(const project *p, const char *name, slv_str text)
{
    char path[512];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", p->dir, name);
    f = fopen(path, "wb");
    SLV_ASSERT(f && fwrite(text.ptr, 1, text.len, f) == text.len);
    fclose(f);
}

static bool sealed; /* of the bundlers that are made from now on */

/* False: the test is skipped. */
static bool project_open(project *p, const char *name, const char *config)
{
    slv_config_options options = {.file = "wrangler.toml"};
    slv_esbuild_place place;
    slv_err err;

    *p = (project){0};
    snprintf(p->dir, sizeof p->dir, "%s/%s", tap_tmpdir(), name);
    mkdir(p->dir, 0700);
    if (slv_esbuild_find(p->dir, &place, &err) != SLV_OK) {
        tap_skip("%s", slv_err_text(&err));
        return false;
    }
    SLV_ASSERT(slv_config_parse(slv_str_from(config), &options, &p->config, &err) == SLV_OK);
    SLV_ASSERT(slv_loop_new(&p->loop, &err) == SLV_OK);
    place.sealed = sealed;
    SLV_ASSERT(slv_bundler_new(p->loop, &place, on_done, p, &p->bundler, &err) == SLV_OK);
    return true;
}

static void project_done(project *p)
{
    slv_bundler_free(p->bundler);
    slv_bundle_free(p->result);
    slv_loop_free(p->loop);
    slv_config_done(&p->config);
}
SLV_DEFINE_CLEANUP_DONE(project, project_done);

static bool build_as(project *p, const char *entry, bool minify, slv_node_mode node)
{
    char main[512];
    slv_bundle_spec spec = {.project_dir = p->dir,
                            .main = main,
                            .base_dir = p->dir,
                            .config = &p->config,
                            .minify = minify,
                            .node = node};

    snprintf(main, sizeof main, "%s/%s", p->dir, entry);
    p->result = slv_bundle_free(p->result);
    p->done = false;
    slv_bundler_build(p->bundler, &spec);
    return slv_loop_run_until(p->loop, is_done, p, 20000);
}

static bool build(project *p, const char *entry, bool minify)
{
    return build_as(p, entry, minify, SLV_NODE_V2);
}

static bool has(slv_str text, const char *part)
{
    return slv_str_find(text, slv_str_from(part), 0) != SIZE_MAX;
}

TEST(bundler_makes_one_script_of_a_typescript_project)
{
    SLV_CLEANUP(project_done) project p;

    if (!project_open(&p, "ts", "main = 'index.ts'"))
        return;
    put_file(
        &p, "index.ts",
        SLV_STR("import { env } from 'cloudflare:workers'; import { readFileSync } from 'fs';\n"
                "import wasm from './add.wasm?module'; import text from './a.txt'; import * as j "
                "from './d.json';\n"
                "const x: number = 1;\nexport default { fetch() { return [env, wasm, text, j, x, "
                "readFileSync] } };\n"
                "export const lazy = () => import('./lazy.js');\n"));
    put_file(&p, "lazy.js", SLV_STR("export const v = await 1;\n"));
    put_file(&p, "add.wasm", slv_str_make("\0asm\1\0\0\0", 8));
    put_file(&p, "a.txt", SLV_STR("text"));
    put_file(&p, "d.json", SLV_STR("{\"k\":1}"));
    CHECK(build(&p, "index.ts", false));
    CHECK(!p.failed && p.result->ok);
    CHECK_INT(p.result->modules.len, 2);
    CHECK(!p.result->service_worker && p.result->exports.len == 2);
    CHECK(has(p.result->script, "get default() {") &&
          has(p.result->script, "__selvage.data(\"add.wasm\")"));
    CHECK(has(p.result->script, "__selvage.module(\"node:fs\", true)") &&
          !has(p.result->script, "v_waitUntil"));
    CHECK(has(p.result->source_map, "index.ts"));
    CHECK_INT(p.result->inputs.len, 5);

    CHECK(build(&p, "index.ts", true)); /* other flags: another context */
    CHECK(!p.failed && p.result->ok && has(p.result->script, "return {"));
}

TEST(bundler_says_where_an_error_is_and_builds_again)
{
    SLV_CLEANUP(project_done) project p;

    if (!project_open(&p, "err", "main = 'index.js'"))
        return;
    put_file(&p, "index.js", SLV_STR("import x from './missing.js';\nexport default x;\n"));
    CHECK(build(&p, "index.js", false));
    CHECK(!p.failed && !p.result->ok && p.result->errors.len == 1);
    CHECK_STR(p.result->errors.items[0].main.text, SLV_STR("Could not resolve \"./missing.js\""));
    CHECK_STR(p.result->errors.items[0].main.file, SLV_STR("index.js"));
    CHECK(p.result->errors.items[0].main.line == 1 && p.result->errors.items[0].main.col == 15);
    put_file(&p, "missing.js", SLV_STR("export default 1;\n"));
    CHECK(build(&p, "index.js", false));
    CHECK(p.result->ok && p.result->inputs.len == 2);
}

TEST(bundler_knows_service_workers_and_commonjs)
{
    SLV_CLEANUP(project_done) project p;

    if (!project_open(&p, "sw", "main = 'sw.js'"))
        return;
    put_file(&p, "sw.js", SLV_STR("addEventListener('fetch', () => {});\n"));
    put_file(&p, "cjs.js", SLV_STR("module.exports = { fetch() {} };\n"));
    CHECK(build(&p, "sw.js", false));
    CHECK(p.result->ok && p.result->service_worker);
    CHECK(build(&p, "cjs.js", false));
    CHECK(p.result->ok && has(p.result->script, "return { default: require_cjs(), };"));
}

TEST(bundler_gives_a_table_to_scripts_that_import_by_variable)
{
    SLV_CLEANUP(project_done) project p;

    if (!project_open(&p, "table",
                      "main = 'index.js'\nfind_additional_modules = true\n"
                      "rules = [{ type = 'ESModule', globs = ['**/*.js'], fallthrough = true }]"))
        return;
    put_file(&p, "index.js", SLV_STR("export default { f: (n) => import(n) };\n"));
    put_file(&p, "other.js", SLV_STR("export const v = 1;\n"));
    put_file(&p, "a.txt", SLV_STR("text"));
    CHECK(build(&p, "index.js", false));
    CHECK(!p.failed && p.result->ok);
    CHECK(has(p.result->script, "__selvage.table(") && has(p.result->script, "\"other.js\": "));
    CHECK(has(p.result->script, "\"a.txt\": ") && p.result->modules.len == 1);
}

TEST(bundler_lets_aliases_replace_built_in_modules)
{
    SLV_CLEANUP(project_done) project p;

    if (!project_open(
            &p, "alias",
            "main = 'index.js'\nalias = { \"node:fs\" = \"./fs.js\", \"os\" = \"./os.js\" }"))
        return;
    put_file(&p, "index.js",
             SLV_STR("import f from 'node:fs'; import o from 'os'; import p from 'path';\nexport "
                     "default [f, o, p];\n"));
    put_file(&p, "fs.js", SLV_STR("export default 'mine';\n"));
    put_file(&p, "os.js", SLV_STR("export default 'mine too';\n"));
    CHECK(build(&p, "index.js", false));
    CHECK(!p.failed && p.result->ok);
    CHECK(!has(p.result->script, "node:fs\")") && !has(p.result->script, "node:os") &&
          has(p.result->script, "mine too"));
    CHECK(has(p.result->script, "__selvage.module(\"node:path\", true)"));
}

TEST(bundler_says_which_flag_modules_of_node_want)
{
    SLV_CLEANUP(project_done) project p;

    if (!project_open(&p, "node", "main = 'index.js'"))
        return;
    put_file(&p, "index.js",
             SLV_STR("import f from 'node:fs'; import './other.js';\nexport default f;\n"));
    put_file(&p, "other.js", SLV_STR("import 'node:fs'; import 'node:async_hooks';\n"));
    CHECK(build_as(&p, "index.js", false, SLV_NODE_OFF));
    CHECK(p.result->ok && p.result->warnings.len == 2);
    CHECK(has(p.result->warnings.items[0].main.text, "The package \"node:fs\" wasn't found") &&
          has(p.result->warnings.items[0].main.text, "\n   - index.js\n   - other.js"));
    CHECK(build_as(&p, "index.js", false, SLV_NODE_ALS));
    CHECK(p.result->ok && p.result->warnings.len == 1);
    CHECK(build_as(&p, "index.js", false, SLV_NODE_V1));
    CHECK(p.result->ok && p.result->warnings.len == 0);

    put_file(&p, "index.js", SLV_STR("import f from 'fs'; export default f;\n"));
    CHECK(build_as(&p, "index.js", false, SLV_NODE_OFF));
    CHECK(!p.result->ok && p.result->errors.items[0].note_count == 1);
    CHECK(has(p.result->errors.items[0].notes[0].text, "- Add the \"nodejs_compat\""));
    CHECK(build_as(&p, "index.js", false, SLV_NODE_V1));
    CHECK(has(p.result->errors.items[0].notes[0].text, "prefix the module name with \"node:\""));
    CHECK(build_as(&p, "index.js", false, SLV_NODE_V2));
    CHECK(p.result->ok);
}

TEST(bundler_refuses_files_of_ignored_rules)
{
    SLV_CLEANUP(project_done) project p;

    if (!project_open(&p, "rules",
                      "main = 'index.js'\nrules = [{ type = 'Text', globs = ['**/*.md'] }]"))
        return;
    put_file(&p, "index.js",
             SLV_STR("import a from './a.md'; import b from './b.txt';\nexport default [a, b];\n"));
    put_file(&p, "a.md", SLV_STR("a"));
    put_file(&p, "b.txt", SLV_STR("b"));
    CHECK(build(&p, "index.js", false));
    CHECK(!p.result->ok && p.result->errors.len == 1);
    CHECK(has(p.result->errors.items[0].main.text, "fallthrough = true"));
}

/* ---- uploads ---- */

static bool build_sources(project *p, const slv_module *sources, size_t n,
                          const slv_bundle_spec *more)
{
    slv_bundle_spec spec = *more;
    char main[256];

    snprintf(main, sizeof main, "%.*s", SLV_STR_ARGS(sources[0].name));
    spec.main = main;
    spec.sources = sources;
    spec.source_count = n;
    p->result = slv_bundle_free(p->result);
    p->done = p->failed = false;
    slv_bundler_build(p->bundler, &spec);
    return slv_loop_run_until(p->loop, is_done, p, 20000);
}

TEST(bundler_links_the_modules_of_an_upload_among_themselves)
{
    SLV_CLEANUP(project_done) project p;
    const slv_bundle_spec spec = {0};
    const slv_module modules[] = {
        {SLV_STR("d/main.js"), SLV_MODULE_ESM,
         SLV_STR("import t from './t.txt'; import c from '../c.cjs'; import e from 'e.js';\n"
                 "import { env } from 'cloudflare:workers';\n"
                 "export default { fetch() { return [t, c, e, env, import('./' + t)]; } };\n")},
        {SLV_STR("d/t.txt"), SLV_MODULE_TEXT, SLV_STR("text")},
        {SLV_STR("c.cjs"), SLV_MODULE_CJS, SLV_STR("globalThis.seen = 1;")},
        {SLV_STR("d/e.js"), SLV_MODULE_ESM, SLV_STR("export default 'E';")},
    };

    if (!project_open(&p, "upload", "main = 'x.js'"))
        return;
    CHECK(build_sources(&p, modules, SLV_ARRAY_LEN(modules), &spec));
    CHECK(!p.failed && p.result->ok);
    CHECK(has(p.result->script, "__selvage.data(\"d/t.txt\")"));
    CHECK(has(p.result->script, "\"d/e.js\": () =>") && has(p.result->script, "require_c()"));
    CHECK(has(p.result->script, "__selvage.at(\"d/main.js\") + \"./\" + t"));
    CHECK(has(p.result->source_map, "\"d/main.js\""));
    CHECK_INT(p.result->modules.len, 1);
    CHECK_STR(p.result->modules.items[0].bytes, SLV_STR("text"));
}

TEST(bundler_reads_no_file_for_an_upload)
{
    SLV_CLEANUP(project_done) project p;
    const slv_bundle_spec spec = {0};
    char text[600];

    if (!project_open(&p, "outside", "main = 'x.js'"))
        return;
    put_file(&p, "secret.txt", SLV_STR("secret"));
    put_file(&p, "secret.js", SLV_STR("export default 'secret';"));
    snprintf(text, sizeof text,
             "import a from '%s/secret.js'; import b from '../../etc/passwd';\n"
             "import 'fs'; export default [a, b];",
             p.dir);
    const slv_module m = {SLV_STR("main.js"), SLV_MODULE_ESM, slv_str_from(text)};
    CHECK(build_sources(&p, &m, 1, &spec));
    CHECK(!p.failed && !p.result->ok && p.result->errors.len == 3);
    CHECK(has(p.result->errors.items[1].main.text, "No such module \"etc/passwd\"."));
    CHECK_STR(p.result->errors.items[2].main.text,
              SLV_STR("No such module \"fs\".\n  imported from \"main.js\""));
}

TEST(bundler_does_not_follow_the_source_map_that_an_upload_names)
{
    SLV_CLEANUP(project_done) project p;
    const slv_bundle_spec spec = {0};
    char text[4096];

    if (!project_open(&p, "map", "main = 'x.js'"))
        return;
    put_file(&p, "secret.map",
             SLV_STR("{\"version\":3,\"sources\":[\"stolen.ts\"],\"mappings\":\"AAAA\"}"));
    snprintf(text, sizeof text, "export default 1;\n//# sourceMappingURL=../../../%s/secret.map\n",
             p.dir + 1);
    const slv_module m = {SLV_STR("main.js"), SLV_MODULE_ESM, slv_str_from(text)};
    CHECK(build_sources(&p, &m, 1, &spec));
    CHECK(!p.failed && p.result->ok);
    CHECK(!has(p.result->source_map, "stolen") && has(p.result->source_map, "main.js"));
}

TEST(bundler_ends_a_build_that_passes_its_bounds_and_builds_again)
{
    SLV_CLEANUP(project_done) project p;
    const slv_bundle_spec tight = {.memory_bytes = 1}, wide = {.memory_bytes = (uint64_t)4 << 30};
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(32 * MB);

    if (!project_open(&p, "bounds", "main = 'x.js'"))
        return;
    for (int i = 0; i < 200000; i++)
        SLV_ASSERT(slv_buf_printf(&text, "export const a%d = [%d, 'x' + %d];\n", i, i, i) ==
                   SLV_OK);
    slv_module m = {SLV_STR("main.js"), SLV_MODULE_ESM, slv_buf_view(&text)};
    CHECK(build_sources(&p, &m, 1, &tight));
    CHECK(p.failed && p.err.code == SLV_E_LIMIT);
    m.bytes = SLV_STR("export default 1;");
    CHECK(build_sources(&p, &m, 1, &wide));
    CHECK(!p.failed && p.result->ok);
}

/* What stands on the disk is as good as absent for it, and it works from memory as ever. */
TEST(a_sealed_bundler_reads_no_file)
{
    SLV_CLEANUP(project_done) project p;
    const slv_module memory[] = {
        {SLV_STR("main.js"), SLV_MODULE_ESM,
         SLV_STR("import v from './v.js'; export default { fetch() { return v; } };")},
        {SLV_STR("v.js"), SLV_MODULE_ESM, SLV_STR("export default 'from memory';")}};
    slv_bundle_spec none = {.no_bundle = true};
    bool open;

    sealed = true;
    open = project_open(&p, "sealed", "main = 'index.js'");
    sealed = false;
    if (!open)
        return;
    CHECK(build_sources(&p, memory, SLV_ARRAY_LEN(memory), &none));
    if (p.failed)
        tap_failed(__FILE__, __LINE__, "%s", slv_err_text(&p.err));
    CHECK(p.result->ok);
    CHECK(has(p.result->script, "from memory"));
    put_file(&p, "index.js", SLV_STR("import s from './secret.txt'; export default s;"));
    put_file(&p, "secret.txt", SLV_STR("secret"));
    CHECK(build(&p, "index.js", false));
    CHECK(p.failed || !p.result->ok);
}

/* Scripts that use node:async_hooks are rewritten by a child, which is this program. */
int main(int argc, char **argv)
{
    int status;

    signal(SIGPIPE, SIG_IGN);
    if (slv_role_run(argc, argv, &status))
        return status;
    return tap_main(argc, argv);
}
