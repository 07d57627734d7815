/* A build: context, rebuild, report. */
#include "bundle/bundle.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bundle/bundle_int.h"

/*
 * esbuild turns import(x) into __toESM(require(x)) inside a promise. Returning an object whose own
 * "then" leads to the namespace makes that promise resolve to the namespace itself. User code that
 * declares its own `require` is renamed by esbuild.
 */
#define BANNER                                                                                     \
    "const require = (n) => { n = `${n}`; const m = __selvage.require(n.startsWith(\"./\") ? "     \
    "n.slice(2) : n); return Object.create(Object(m), { then: { value: (a, b) => "                 \
    "Promise.resolve(m).then(a, b) } }); };"

slv_bundle *slv_bundle_free(slv_bundle *b)
{
    if (b) {
        slv_vec_done(&b->modules);
        slv_vec_done(&b->inputs);
        slv_vec_done(&b->exports);
        slv_vec_done(&b->errors);
        slv_vec_done(&b->warnings);
        slv_arena_done(&b->arena);
        free(b);
    }
    return NULL;
}

static slv_bundle *bundle_new(void)
{
    slv_bundle *r = slv_new0(slv_bundle);

    r->arena = SLV_ARENA(4 * SLV_BUNDLE_MAX);
    return r;
}

/* ---- flags ---- */

typedef struct flag_list {
    slv_buf body;
    uint32_t count;
} flag_list;

static void flag(flag_list *f, const char *fmt, ...) SLV_PRINTF(2, 3);
static void flag(flag_list *f, const char *fmt, ...)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(BUNDLE_FLAG_BYTES_MAX);
    va_list ap;

    va_start(ap, fmt);
    if (slv_buf_vprintf(&text, fmt, ap) != SLV_OK)
        f->body.limit = 0;
    va_end(ap);
    slv_esbuild_put_string(&f->body, slv_buf_view(&text));
    f->count++;
}

static void pairs(flag_list *f, const char *name, const slv_pair *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        flag(f, "--%s:%.*s=%.*s", name, SLV_STR_ARGS(list[i].key), SLV_STR_ARGS(list[i].value));
}

static void text_flag(flag_list *f, const char *name, const char *given, slv_str configured)
{
    if (given)
        flag(f, "--%s=%s", name, given);
    else if (configured.len > 0)
        flag(f, "--%s=%.*s", name, SLV_STR_ARGS(configured));
}

static void output_flags(flag_list *f, const slv_bundle_spec *s)
{
    static const char *const fixed[] = {
        "--color=false",     "--log-level=silent",
        "--log-limit=0",     "--log-override:empty-import-meta=silent",
        "--bundle",          "--format=esm",
        "--target=es2024",   "--sourcemap=external",
        "--metafile",        "--allow-overwrite",
        "--charset=utf8",    "--legal-comments=none",
        "--loader:.js=jsx",  "--loader:.mjs=jsx",
        "--loader:.cjs=jsx",
    };
    /* What the engine and the form of our scripts lack. */
    static const char *const own[] = {
        "--supported:dynamic-import=false",
        "--supported:import-meta=false",
        /* The engine's own never ends when a promise of a synchronous iterable rejects. */
        "--supported:for-await=false",
        "--banner:js=" BANNER,
    };
    const char *platform = getenv("WRANGLER_BUILD_PLATFORM");
    const char *conditions = getenv("WRANGLER_BUILD_CONDITIONS");

    for (size_t i = 0; i < SLV_ARRAY_LEN(fixed); i++)
        flag(f, "%s", fixed[i]);
    for (size_t i = 0; !s->portable && i < SLV_ARRAY_LEN(own); i++)
        flag(f, "%s", own[i]);
    flag(f, "--platform=%s", platform && platform[0] ? platform : "browser");
    flag(f, "--conditions=%s", conditions ? conditions : "workerd,worker,browser");
    flag(f, "--outdir=%s",
         s->project_dir); /* nothing is written; source names are relative to it */
    if (s->minify)
        flag(f, "--minify");
    /* Also where nothing is minified: a class whose name another module imports is renamed, and
     * programs look at constructor.name. */
    if (!s->no_bundle && s->config->keep_names)
        flag(f, "--keep-names");
}

static void build_flags(const slv_bundler *b, flag_list *f)
{
    const slv_bundle_spec *s = b->spec;
    const slv_config *c = s->config;

    output_flags(f, s);
    if (s->source_count > 0)
        flag(f, "--tsconfig-raw={}");
    if (!s->no_bundle) {
        const char *env = getenv("NODE_ENV");

        env = env && env[0] && !strpbrk(env, "\"\\\n") ? env : "development";
        flag(f, "--define:process.env.NODE_ENV=\"%s\"", env);
        flag(f, "--define:global.process.env.NODE_ENV=\"%s\"", env);
        flag(f, "--define:globalThis.process.env.NODE_ENV=\"%s\"", env);
        pairs(f, "define", c->define.items, c->define.len);
        pairs(f, "define", s->define, s->define_count);
        pairs(f, "alias", c->alias.items, c->alias.len);
        pairs(f, "alias", s->alias, s->alias_count);
        text_flag(f, "tsconfig", s->tsconfig, c->tsconfig);
        text_flag(f, "jsx-factory", s->jsx_factory, c->jsx_factory);
        text_flag(f, "jsx-fragment", s->jsx_fragment, c->jsx_fragment);
    }
    if (b->js_table)
        flag(f, "--inject:selvage:table");
}

/* ---- requests ---- */

static void put_key_string(slv_buf *out, const char *key, slv_str value)
{
    slv_esbuild_put_key(out, key);
    slv_esbuild_put_string(out, value);
}

static void put_command(slv_buf *out, uint32_t fields, const char *command, uint32_t key)
{
    slv_esbuild_put_map(out, fields);
    put_key_string(out, "command", slv_str_from(command));
    slv_esbuild_put_key(out, "key");
    slv_esbuild_put_number(out, key);
}

/* Everything that a context is made of. The same request for the same context: only its files may
 * have changed. */
static void put_context(slv_bundler *b, slv_buf *out, slv_str flags, uint32_t flag_count)
{
    slv_esbuild_put_key(out, "entries");
    slv_esbuild_put_array(out, 1);
    slv_esbuild_put_array(out, 2);
    slv_esbuild_put_string(out, SLV_STR("selvage-main"));
    slv_esbuild_put_string(out, b->spec->main_text.len > 0 ? SLV_STR(SLV_BUNDLE_ENTRY)
                                                           : slv_str_from(b->spec->main));
    slv_esbuild_put_key(out, "flags");
    slv_esbuild_put_array(out, flag_count);
    if (slv_buf_append(out, flags) != SLV_OK)
        out->limit = 0;
    slv_esbuild_put_key(out, "write");
    slv_esbuild_put_bool(out, false);
    slv_esbuild_put_key(out, "stdinContents");
    slv_esbuild_put_null(out);
    slv_esbuild_put_key(out, "stdinResolveDir");
    slv_esbuild_put_null(out);
    put_key_string(out, "absWorkingDir", slv_str_from(b->spec->project_dir));
    slv_esbuild_put_key(out, "nodePaths");
    slv_esbuild_put_array(out, 0);
    slv_esbuild_put_key(out, "context");
    slv_esbuild_put_bool(out, true);
    slv_esbuild_put_key(out, "plugins");
    slv_bundle_put_plugins(b, out);
}

static void ask_context(slv_bundler *b)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(2 * BUNDLE_FLAG_BYTES_MAX);

    b->key++;
    put_command(&out, 11, "build", b->key);
    if (slv_buf_append(&out, slv_buf_view(&b->context)) != SLV_OK) {
        slv_bundle_fail(b, SLV_E_LIMIT, "the bundler's options are too large");
        return;
    }
    b->state = BUNDLE_CONTEXT;
    b->waiting = slv_esbuild_ask(b->esbuild, slv_buf_view(&out));
}

static void ask(slv_bundler *b, const char *command, bundle_state state)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(256);

    put_command(&out, 2, command, b->key);
    b->state = state;
    b->waiting = slv_esbuild_ask(b->esbuild, slv_buf_view(&out));
}

/* ---- the course of a build ---- */

static void report(slv_task *task)
{
    slv_bundler *b = slv_container_of(task, slv_bundler, report);
    slv_bundle *result = SLV_STEAL(b->result);

    b->rewrite = slv_rewrite_free(b->rewrite);
    slv_timer_stop(&b->watch);
    b->state = BUNDLE_IDLE;
    b->spec = NULL;
    if (b->failed)
        result = slv_bundle_free(result);
    b->done(b->user, result, b->failed ? &b->err : NULL);
}

void slv_bundle_fail(slv_bundler *b, slv_code code, const char *text)
{
    if (b->state == BUNDLE_IDLE || b->state == BUNDLE_DONE)
        return;
    b->failed = true;
    slv_fail(&b->err, code, "%s", text);
    b->state = BUNDLE_DONE;
    slv_loop_later(b->loop, &b->report);
}

static void finish(slv_bundler *b)
{
    b->state = BUNDLE_DONE;
    slv_loop_later(b->loop, &b->report);
}

#define WATCH_MS 50

/* What a build may use. A process that is beyond it is ended; the next build starts another. */
static void on_watch(slv_timer *timer)
{
    slv_bundler *b = slv_container_of(timer, slv_bundler, watch);
    const char *why = NULL;

    if (b->state == BUNDLE_IDLE || b->state == BUNDLE_DONE || !b->esbuild)
        return;
    if (b->spec->time_ms && slv_loop_now_ms(b->loop) - b->begun_ms >= b->spec->time_ms)
        why = "bundling takes too long";
    else if (b->spec->memory_bytes &&
             (slv_esbuild_memory(b->esbuild) > b->spec->memory_bytes ||
              (b->rewrite && slv_rewrite_memory(b->rewrite) > b->spec->memory_bytes)))
        why = "bundling takes too much memory";
    if (!why) {
        slv_timer_start(timer, b->loop, WATCH_MS);
        return;
    }
    b->esbuild = slv_esbuild_free(b->esbuild);
    b->rewrite = slv_rewrite_free(b->rewrite);
    b->has_context = false;
    slv_bundle_fail(b, SLV_E_LIMIT, why);
}

static void watch(slv_bundler *b)
{
    b->begun_ms = slv_loop_now_ms(b->loop);
    if (b->spec->time_ms || b->spec->memory_bytes)
        slv_timer_start(&b->watch, b->loop, WATCH_MS);
}

/* Starts the build: on the context that is there when it is the same. */
static void begin(slv_bundler *b)
{
    flag_list f = {.body = SLV_BUF(BUNDLE_FLAG_BYTES_MAX)};
    SLV_CLEANUP(slv_buf_done) slv_buf wanted = SLV_BUF(BUNDLE_FLAG_BYTES_MAX);

    build_flags(b, &f);
    put_context(b, &wanted, slv_buf_view(&f.body), f.count);
    if (!slv_esbuild_put_ok(&f.body) || !slv_esbuild_put_ok(&wanted)) {
        slv_bundle_fail(b, SLV_E_LIMIT, "the bundler's options are too large");
    } else if (b->has_context && slv_str_eq(slv_buf_view(&wanted), slv_buf_view(&b->context))) {
        ask(b, "rebuild", BUNDLE_REBUILD);
    } else if (slv_buf_set(&b->context, slv_buf_view(&wanted)) != SLV_OK) {
        slv_bundle_fail(b, SLV_E_LIMIT, "the bundler's options are too large");
    } else if (b->has_context) {
        ask(b, "dispose", BUNDLE_DISPOSE);
    } else {
        ask_context(b);
    }
    slv_buf_done(&f.body);
}

static void fresh_result(slv_bundler *b)
{
    b->imports.len = 0; /* their strings are the result's */
    slv_bundle_free(b->result);
    b->result = bundle_new();
}

/* The script asks for modules by names that are only known when it runs: once more, with the table
 * of them. */
static bool needs_table(slv_bundler *b)
{
    return b->result->ok && !b->js_table && !b->spec->portable &&
           (b->spec->source_count > 0 || b->spec->config->find_additional_modules) &&
           slv_str_find(b->result->script, SLV_STR("Dynamic require of"), 0) != SIZE_MAX;
}

static void on_rewritten(void *user, slv_str script, slv_str map, const slv_err *err)
{
    slv_bundler *b = user;
    slv_bundle *r = b->result;

    if (err)
        slv_bundle_fail(b, err->code, slv_err_text(err));
    else if (slv_arena_dup(&r->arena, script, &r->script) != SLV_OK ||
             slv_arena_dup(&r->arena, map, &r->source_map) != SLV_OK)
        slv_bundle_fail(b, SLV_E_LIMIT, "the bundle is too large");
    else
        finish(b);
}

/* Scripts that can notice in which asynchronous context they run are made to carry it. */
static void rewrite(slv_bundler *b)
{
    slv_bundle *r = b->result;
    slv_err err;

    if (!r->ok || b->spec->portable || !slv_rewrite_wanted(r->script)) {
        finish(b);
        return;
    }
    b->state = BUNDLE_REWRITE;
    if (slv_rewrite_start(b->loop, r->script, r->source_map, on_rewritten, b, &b->rewrite, &err) !=
        SLV_OK)
        slv_bundle_fail(b, err.code, slv_err_text(&err));
}

static void on_answer(void *user, uint32_t id, const slv_node *value)
{
    slv_bundler *b = user;
    slv_str error = slv_node_str(slv_node_get(value, "error"));

    if (slv_bundle_resolved(b, id, value) || id != b->waiting)
        return;
    if (error.len > 0) {
        char text[400];

        snprintf(text, sizeof text, "%.*s", SLV_STR_ARGS(error));
        b->has_context = b->has_context && b->state == BUNDLE_REBUILD;
        slv_bundle_fail(b, SLV_E_INVAL, text);
        return;
    }
    switch (b->state) {
    case BUNDLE_DISPOSE:
        b->has_context = false;
        ask_context(b);
        break;
    case BUNDLE_CONTEXT:
        slv_bundle_take_messages(b, value);
        b->has_context = b->result->errors.len == 0;
        if (b->has_context)
            ask(b, "rebuild", BUNDLE_REBUILD);
        else
            finish(b);
        break;
    case BUNDLE_REBUILD:
        if (needs_table(b) || (b->spec->source_count > 0 && slv_bundle_source_patch(b))) {
            b->js_table = true;
            fresh_result(b);
            begin(b);
        } else {
            rewrite(b);
        }
        break;
    case BUNDLE_REWRITE:
    case BUNDLE_IDLE:
    case BUNDLE_DONE:
        break;
    }
}

static void on_question(void *user, uint32_t id, const slv_node *value)
{
    slv_bundle_question(user, id, value);
}

static void on_ended(void *user, const char *text)
{
    slv_bundler *b = user;

    slv_bundle_fail(b, SLV_E_CLOSED, text); /* the text is the process's */
    b->esbuild = slv_esbuild_free(b->esbuild);
    b->has_context = false;
}

static slv_code start(slv_bundler *b, slv_err *err)
{
    slv_esbuild_handlers h = {
        .user = b, .answer = on_answer, .question = on_question, .ended = on_ended};

    b->has_context = false;
    return slv_esbuild_start(b->loop, &b->place, &h, &b->esbuild, err);
}

slv_code slv_bundler_new(slv_loop *loop, const slv_esbuild_place *place, slv_bundle_done done,
                         void *user, slv_bundler **ret, slv_err *err)
{
    SLV_CLEANUP(slv_bundler_free) slv_bundler *b = slv_new0(slv_bundler);

    b->loop = loop;
    b->place = *place;
    b->done = done;
    b->user = user;
    b->context = SLV_BUF(BUNDLE_FLAG_BYTES_MAX);
    b->report.fn = report;
    b->watch.fn = on_watch;
    SLV_TRY(start(b, err));
    *ret = SLV_STEAL(b);
    return SLV_OK;
}

slv_bundler *slv_bundler_free(slv_bundler *b)
{
    if (b) {
        slv_task_cancel(&b->report);
        slv_timer_stop(&b->watch);
        slv_esbuild_free(b->esbuild);
        slv_rewrite_free(b->rewrite);
        slv_bundle_free(b->result);
        slv_vec_done(&b->resolves);
        slv_vec_done(&b->imports);
        slv_arena_done(&b->patches);
        slv_buf_done(&b->context);
        free(b);
    }
    return NULL;
}

void slv_bundler_build(slv_bundler *b, const slv_bundle_spec *spec)
{
    SLV_ASSERT(b->state == BUNDLE_IDLE);
    static const slv_config none;

    b->own = *spec;
    b->spec = &b->own;
    if (spec->source_count > 0) {
        snprintf(b->source_main, sizeof b->source_main, SOURCE_DIR "/%s", spec->main);
        b->own.config = &none;
        b->own.main = b->source_main;
        b->own.project_dir = b->own.base_dir = SOURCE_DIR;
        b->js_table = b->patched = false; /* the modules are others each time */
        slv_arena_done(&b->patches);
        b->patches = SLV_ARENA(SLV_BUNDLE_MAX);
    }
    b->failed = false;
    b->resolves.len = 0;
    fresh_result(b);
    b->state = BUNDLE_CONTEXT;
    watch(b);
    if (!b->esbuild && start(b, &b->err) != SLV_OK) {
        slv_err err = b->err;

        slv_bundle_fail(b, err.code, slv_err_text(&err));
        return;
    }
    begin(b);
}
