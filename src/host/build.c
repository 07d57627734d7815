/*
 * An upload on its way to a version: metadata resolved, modules bundled, the code file written, the
 * worker started once. One at a time: bundling takes memory, and a machine's cores.
 */
#include <stdio.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "host/host_int.h"
#include "plat/stack.h"

#define ARENA_MAX ((size_t)1 << 30)
#define SECRETS_MAX ((size_t)4 << 20)
#define BUILD_MS 60000
#define BUILD_MEMORY ((uint64_t)2 << 30)
#define BUNDLER_IDLE_MS 60000

typedef struct host_build {
    slv_list node; /* host->builds */
    slv_host *host;
    const slv_upload *u;
    slv_build_done done;
    void *arg;
    slv_mail mail;
    slv_fault fault;
    slv_built *built;
    slv_resolved resolved;
    slv_node *metadata; /* resolved.metadata as a tree */
    host_parts parts;
    slv_bundle_spec spec;
    char *main;
    slv_bundle *bundle;
    host_code_parts code_parts;
    slv_job job; /* writes the file, makes the version that is started */
    slv_code code;
    slv_err err;
    char name[SLV_CODE_NAME + 1];
    slv_version *version;
} host_build;

slv_built *slv_built_free(slv_built *b)
{
    if (!b)
        return NULL;
    slv_arena_done(&b->arena);
    free(b);
    return NULL;
}

/* ---- the end ---- */

static void finish(host_build *b)
{
    slv_host *host = b->host;
    const slv_build_error error = {
        .status = b->fault.status, .code = b->fault.code, .message = slv_buf_view(&b->fault.text)};

    if (b->fault.code)
        b->built = slv_built_free(b->built);
    host->building = NULL;
    (void)slv_bundle_free(b->bundle);
    (void)slv_version_unref(b->version);
    slv_host_parts_done(&b->parts);
    slv_vec_done(&b->code_parts);
    free(b->main);
    b->done(b->arg, b->built, b->fault.code ? &error : NULL);
    slv_fault_done(&b->fault);
    free(b);
    slv_host_build_next(host);
    slv_host_settle(host);
}

static void on_finish(slv_mail *mail)
{
    finish(slv_container_of(mail, host_build, mail));
}

/* Callbacks come from the loop. */
static void finish_later(host_build *b)
{
    b->mail.fn = on_finish;
    slv_loop_post(b->host->loop, &b->mail);
}

static void fail(host_build *b, int code, const slv_err *err)
{
    (void)slv_fault_set(&b->fault, code, "%s", slv_err_text(err));
    finish_later(b);
}

/* ---- the start ---- */

/* "Uncaught Error: text\n    at index.js:1:2": the stack in the modules that were uploaded. */
static slv_code put_failure(host_build *b, const slv_node *e, slv_buf *out)
{
    slv_str name = slv_node_str(slv_node_get(e, "name"));
    slv_str message = slv_node_str(slv_node_get(e, "message"));
    slv_str stack = slv_node_str(slv_node_get(e, "stack"));
    SLV_CLEANUP(slv_buf_done) slv_buf mapped = SLV_BUF((size_t)1 << 20);
    size_t frames;

    SLV_TRY(slv_buf_printf(out, "Uncaught %.*s: %.*s", SLV_STR_ARGS(name), SLV_STR_ARGS(message)));
    if (slv_stack_map(b->version, stack, &mapped) != SLV_OK)
        return SLV_OK;
    frames = slv_str_find(slv_buf_view(&mapped), SLV_STR("\n    at "), 0);
    return frames == SIZE_MAX ? SLV_OK
                              : slv_buf_append(out, slv_str_skip(slv_buf_view(&mapped), frames));
}

static void start_failed(host_build *b, const slv_probe_result *r)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)1 << 20);
    slv_node *e = NULL;

    if (r->err->code == SLV_E_LIMIT) {
        (void)slv_fault_set(&b->fault, SLV_FAULT_INVALID,
                            "Script startup exceeded CPU time limit.\n%s", slv_err_text(r->err));
        return;
    }
    if (r->failure.len == 0 ||
        slv_json_parse(r->failure, SLV_JSON_STRICT, &arena, &e, NULL) != SLV_OK ||
        put_failure(b, e, &text) != SLV_OK) {
        (void)slv_fault_set(&b->fault, SLV_FAULT_INVALID, "The Worker does not start: %s",
                            slv_err_text(r->err));
        return;
    }
    (void)slv_fault_set(&b->fault, SLV_FAULT_INVALID, "%s", "");
    if (slv_buf_set(&b->fault.text, slv_buf_view(&text)) != SLV_OK)
        slv_buf_reset(&b->fault.text);
}

static bool exports(const slv_node *ready, slv_str class)
{
    const slv_node *list = slv_node_get(ready, "entrypoints");

    for (const slv_node *n = list ? list->first : NULL; n; n = n->next) {
        if (slv_str_eq(slv_node_str(slv_node_get(n, "name")), class))
            return true;
    }
    list = slv_node_get(ready, "classes"); /* those that extend nothing of ours */
    for (const slv_node *n = list ? list->first : NULL; n; n = n->next) {
        if (slv_str_eq(slv_node_str(n), class))
            return true;
    }
    return false;
}

/* Classes that objects depend on, or that bindings name, must be there. */
static slv_code check_classes(host_build *b, const slv_node *ready)
{
    for (size_t i = 0; i < b->version->class_count; i++) {
        slv_str class = b->version->classes[i].name;

        if (!exports(ready, class))
            return slv_fault_set(&b->fault, SLV_FAULT_CLASS_GONE,
                                 "New version of script does not export class '%.*s' which is "
                                 "depended on by existing Durable Objects. If you want to delete "
                                 "the class's existing Durable Objects, use a delete-class "
                                 "migration.",
                                 SLV_STR_ARGS(class));
    }
    return SLV_OK;
}

static slv_code put_handlers(host_build *b, const slv_node *ready)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)64 << 10);
    const slv_node *list = slv_node_get(ready, "handlers");

    SLV_TRY(list ? slv_json_put(&text, list) : slv_buf_append(&text, SLV_STR("[]")));
    return slv_arena_dup(&b->built->arena, slv_buf_view(&text), &b->built->version.handlers);
}

static void on_probed(void *arg, const slv_probe_result *r)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 20);
    host_build *b = arg;
    slv_node *ready = NULL;
    slv_err err = {0};

    if (!r->ok) {
        start_failed(b, r);
    } else if (slv_json_parse(r->handlers, SLV_JSON_STRICT, &arena, &ready, &err) != SLV_OK ||
               put_handlers(b, ready) != SLV_OK) {
        (void)slv_fault_set(&b->fault, SLV_FAULT_INTERNAL, "what the worker exports: %s",
                            slv_err_text(&err));
    } else if (check_classes(b, ready) == SLV_OK) {
        b->built->version.startup_ms = (uint32_t)((r->cpu_us + 999) / 1000);
    }
    finish(b);
}

/* ---- the file, and the version as it will run; on a thread of the pool ---- */

static slv_code write_file(host_build *b, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_CODE_FILE_MAX);

    SLV_TRY(slv_code_file_put(b->code_parts.items, b->code_parts.len, &text, err));
    return slv_code_file_write(slv_state_dir(b->host->state), b->u->account, slv_buf_view(&text),
                               b->name, err);
}

static void run_write(slv_job *job)
{
    host_build *b = slv_container_of(job, host_build, job);
    slv_version_row row = b->built->version;
    slv_worker_row worker = {.account = b->u->account,
                             .dispatch = b->u->dispatch,
                             .name = b->u->worker,
                             .objects = b->resolved.objects};

    if (b->u->row)
        worker.settings = b->u->row->settings;
    b->code = write_file(b, &b->err);
    if (b->code != SLV_OK)
        return;
    row.account = b->u->account;
    row.worker = b->u->worker;
    row.dispatch = b->u->dispatch;
    row.id = SLV_STR("00000000-0000-4000-8000-000000000000"); /* it has none yet */
    row.code = slv_str_from(b->name);
    b->code = slv_host_load(b->host, &worker, &row, false, &b->version, &b->err);
}

static void on_written(slv_job *job)
{
    host_build *b = slv_container_of(job, host_build, job);
    slv_built *built = b->built;

    if (b->code != SLV_OK) {
        (void)slv_fault_set(&b->fault, b->code == SLV_E_IO ? SLV_FAULT_INTERNAL : SLV_FAULT_INVALID,
                            "%s", slv_err_text(&b->err));
        finish(b);
        return;
    }
    if (slv_arena_dup(&built->arena, slv_str_from(b->name), &built->version.code) != SLV_OK) {
        (void)slv_fault_set(&b->fault, SLV_FAULT_INTERNAL, "out of memory");
        finish(b);
        return;
    }
    built->version.etag = built->version.code;
    slv_server_probe(b->host->server, b->version, on_probed, b);
}

/* ---- bundling ---- */

/* The first error, and where it stands. */
static void bundle_failed(host_build *b, const slv_bundle *bundle)
{
    const slv_note *n = bundle->errors.len > 0 ? &bundle->errors.items[0].main : NULL;

    if (!n)
        (void)slv_fault_set(&b->fault, SLV_FAULT_INVALID, "The Worker cannot be bundled.");
    else if (slv_str_starts(n->text, SLV_STR("No such module")))
        (void)slv_fault_set(&b->fault, SLV_FAULT_INVALID, "Uncaught Error: %.*s",
                            SLV_STR_ARGS(n->text));
    else if (n->line > 0)
        (void)slv_fault_set(&b->fault, SLV_FAULT_INVALID,
                            "Uncaught SyntaxError: %.*s\n    at %.*s:%u:%u", SLV_STR_ARGS(n->text),
                            SLV_STR_ARGS(n->file), n->line, n->col);
    else
        (void)slv_fault_set(&b->fault, SLV_FAULT_INVALID, "Uncaught SyntaxError: %.*s",
                            SLV_STR_ARGS(n->text));
}

static void on_bundle(void *user, slv_bundle *bundle, const slv_err *err)
{
    slv_host *host = user;
    host_build *b = host->building;

    b->bundle = bundle;
    if (!bundle)
        (void)slv_fault_set(&b->fault,
                            err->code == SLV_E_LIMIT ? SLV_FAULT_INVALID : SLV_FAULT_INTERNAL, "%s",
                            slv_err_text(err));
    else if (!bundle->ok)
        bundle_failed(b, bundle);
    else if (bundle->service_worker && !b->resolved.service_worker)
        bundle->service_worker =
            true; /* a module without exports: it answers nothing, and starts */
    if (b->fault.code) {
        finish_later(b); /* the bundler is still at work in this call */
        return;
    }
    slv_host_code_parts(b->u, &b->parts, bundle, b->metadata, &b->code_parts);
    b->job = (slv_job){.run = run_write, .done = on_written};
    slv_state_work(host->state, host->loop, &b->job);
}

static void on_bundler_idle(slv_timer *timer)
{
    slv_host *host = slv_container_of(timer, slv_host, bundler_idle);

    if (!host->building)
        host->bundler = slv_bundler_free(host->bundler);
}

static slv_code start_bundler(slv_host *host, slv_err *err)
{
    slv_esbuild_place place;

    host->bundler_idle.fn = on_bundler_idle;
    slv_timer_stop(&host->bundler_idle);
    if (host->bundler)
        return SLV_OK;
    SLV_TRY(slv_esbuild_find("/", &place, err));
    place.sealed = true;
    return slv_bundler_new(host->loop, &place, on_bundle, host, &host->bundler, err);
}

static slv_node_mode node_mode(const slv_node *metadata)
{
    SLV_CLEANUP(slv_compat_done) slv_compat compat = {0};

    if (slv_metadata_compat(metadata, "9999-12-31", &compat, NULL) != SLV_OK)
        return SLV_NODE_OFF;
    return slv_compat_has(&compat, "nodejs_compat_v2") ? SLV_NODE_V2
           : slv_compat_has(&compat, "nodejs_compat")  ? SLV_NODE_V1
           : slv_compat_has(&compat, "nodejs_als")     ? SLV_NODE_ALS
                                                       : SLV_NODE_OFF;
}

static void bundle(host_build *b)
{
    slv_host *host = b->host;
    slv_err err = {0};

    if (start_bundler(host, &err) != SLV_OK) {
        fail(b, SLV_FAULT_INTERNAL, &err);
        return;
    }
    b->main = slv_strndup(b->parts.main.ptr, b->parts.main.len);
    b->spec = (slv_bundle_spec){.main = b->main,
                                .node = node_mode(b->metadata),
                                .no_bundle = true, /* nothing is defined or replaced */
                                .sources = b->parts.modules.items,
                                .source_count = b->parts.modules.len,
                                .time_ms = BUILD_MS,
                                .memory_bytes = BUILD_MEMORY};
    slv_bundler_build(host->bundler, &b->spec);
}

/* ---- the beginning ---- */

static slv_code resolve(host_build *b)
{
    SLV_CLEANUP(slv_buf_done) slv_buf secrets = SLV_BUF(SECRETS_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf sealed = SLV_BUF(2 * SECRETS_MAX);
    slv_built *built = b->built;
    const slv_upload *u = b->u;
    char today[11];
    slv_err err = {0};

    slv_metadata_today(slv_loop_wall_ms(b->host->loop), today);
    slv_resolve in = {.metadata = u->metadata, .strict = u->inherit_strict, .today = today};
    if (u->previous) {
        in.previous_metadata = u->previous->metadata;
        if (u->previous->secrets.len > 0 &&
            slv_host_unseal(b->host, u->previous->secrets, &secrets, &err) != SLV_OK)
            return slv_fault_set(&b->fault, SLV_FAULT_INTERNAL, "%s", slv_err_text(&err));
        in.previous_secrets = slv_buf_view(&secrets);
    }
    if (u->row) {
        in.objects = u->row->objects;
        in.migration_tag = u->row->migration_tag;
    }
    SLV_TRY(slv_metadata_resolve(&in, &built->arena, &b->resolved, &b->fault));
    built->version.metadata = b->resolved.metadata;
    built->objects = b->resolved.objects;
    if (b->resolved.secrets.len > 0 &&
        (slv_host_seal(b->host, b->resolved.secrets, &sealed) != SLV_OK ||
         slv_arena_dup(&built->arena, slv_buf_view(&sealed), &built->version.secrets) != SLV_OK))
        return slv_fault_set(&b->fault, SLV_FAULT_INVALID, "the secrets are too large");
    if (slv_json_parse(b->resolved.metadata, SLV_JSON_STRICT, &built->arena, &b->metadata, &err) !=
            SLV_OK ||
        slv_arena_dup(&built->arena, b->resolved.migration_tag, &built->migration_tag) != SLV_OK)
        return slv_fault_set(&b->fault, SLV_FAULT_INTERNAL, "%s", slv_err_text(&err));
    return SLV_OK;
}

static slv_code claim_assets(host_build *b)
{
    const slv_upload *u = b->u;
    const slv_asset_claim claim = {
        .account = u->account,
        .worker = u->worker,
        .dispatch = u->dispatch,
        .metadata = u->metadata,
        .previous = u->previous ? u->previous->assets : SLV_STR_NULL,
        .now_s = slv_loop_wall_ms(b->host->loop) / 1000,
    };
    slv_err err = {0};

    if (slv_asset_claim_check(b->host->assets, &claim, &b->built->arena, &b->built->version.assets,
                              &err) != SLV_OK)
        return slv_fault_set(&b->fault, SLV_FAULT_INVALID, "%s", slv_err_text(&err));
    return SLV_OK;
}

/* Code that is there already: that of the version before. */
static slv_code keep_code(host_build *b)
{
    const slv_version_row *p = b->u->previous;
    slv_version_row *v = &b->built->version;
    slv_arena *arena = &b->built->arena;

    if (!p)
        return slv_fault_set(&b->fault, SLV_FAULT_INVALID,
                             "there is no version whose code could be kept");
    v->startup_ms = p->startup_ms;
    if (slv_arena_dup(arena, p->code, &v->code) != SLV_OK ||
        slv_arena_dup(arena, p->handlers, &v->handlers) != SLV_OK ||
        slv_arena_dup(arena, p->etag, &v->etag) != SLV_OK ||
        (v->assets.len == 0 && slv_arena_dup(arena, p->assets, &v->assets) != SLV_OK))
        return slv_fault_set(&b->fault, SLV_FAULT_INTERNAL, "out of memory");
    return SLV_OK;
}

static slv_code only_assets(host_build *b)
{
    slv_version_row *v = &b->built->version;

    if (v->assets.len == 0)
        return slv_fault_set(&b->fault, SLV_FAULT_INVALID,
                             "the metadata needs 'main_module', 'body_part' or 'assets'");
    v->handlers = SLV_STR("[]");
    v->etag = SLV_STR("");
    return SLV_OK;
}

static void begin(host_build *b)
{
    bool over = true;

    b->built = slv_new0(slv_built);
    b->built->arena = SLV_ARENA(ARENA_MAX);
    if (resolve(b) == SLV_OK && claim_assets(b) == SLV_OK) {
        if (b->u->keep_code)
            (void)keep_code(b);
        else if (b->resolved.main.len == 0)
            (void)only_assets(b);
        else
            over = slv_host_parts_read(b->u, &b->resolved, &b->built->arena, &b->parts,
                                       &b->fault) != SLV_OK;
    }
    if (over)
        finish_later(b);
    else
        bundle(b);
}

void slv_host_build_next(slv_host *host)
{
    slv_list *node = host->building ? NULL : slv_list_pop(&host->builds);

    if (node) {
        host->building = slv_container_of(node, host_build, node);
        begin(host->building);
    } else if (!host->building && host->bundler) {
        slv_timer_start(&host->bundler_idle, host->loop, BUNDLER_IDLE_MS);
    }
}

void slv_host_build(slv_host *host, const slv_upload *upload, slv_build_done done, void *arg)
{
    host_build *b = slv_new0(host_build);

    b->host = host;
    b->u = upload;
    b->done = done;
    b->arg = arg;
    slv_fault_init(&b->fault);
    host->pending++;
    slv_list_push(&host->builds, &b->node);
    slv_host_build_next(host);
}
