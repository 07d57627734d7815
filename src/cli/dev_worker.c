/* One worker of a dev session: load, run its command, bundle, deploy, and again at each change. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/bao.h"
#include "cli/build.h"
#include "cli/dev_int.h"
#include "cli/diag.h"
#include "cli/project_pages.h"
#include "cli/term.h"

#define PAGE_MAX ((size_t)4 << 20)

/* ---- errors ---- */

static void show_page(dev_worker *w, slv_str html)
{
    w->showing_error = html.len > 0;
    if (w->d->server)
        slv_server_set_notice_page(w->d->server, html);
}

static void say_waiting(dev_worker *w)
{
    if (!w->deployed && !w->d->ready)
        slv_term_news("Listening on %s; waiting for a change", w->d->url);
    else if (w->deployed)
        slv_term_news("The last version that worked keeps running");
}

static void fail_text(dev_worker *w, const char *text)
{
    SLV_CLEANUP(slv_buf_done) slv_buf page = SLV_BUF(PAGE_MAX);

    slv_term_error("%s", text);
    if (slv_diag_text_page(slv_str_from(text), &page) == SLV_OK)
        show_page(w, slv_buf_view(&page));
    say_waiting(w);
}

/* ---- watching ---- */

static void watch_models(dev_worker *w)
{
    SLV_CLEANUP(slv_bao_place_done) slv_bao_place place;

    slv_bao_place_find(w->project.dir, &place);
    if (slv_dir_exists(place.definitions))
        slv_watch_tree(w->watch, place.definitions);
    else
        slv_watch_file(w->watch, slv_str_from(place.definitions));
}

static void watch_config(dev_worker *w)
{
    for (size_t i = 0; i < w->project.watched.len; i++)
        slv_watch_file(w->watch, slv_str_from(w->project.watched.items[i]));
    if (w->project.tsconfig)
        slv_watch_file(w->watch, slv_str_from(w->project.tsconfig));
    watch_models(w);
}

static void watch_command(dev_worker *w)
{
    const slv_config *c = &w->project.config;

    if (c->build.command.len == 0)
        return;
    for (size_t i = 0; i < c->build.watch_dirs.len; i++) {
        SLV_CLEANUP(slv_charp_free)
        char *dir = slv_path_join(w->project.dir, c->build.watch_dirs.items[i]);

        slv_watch_tree(w->watch, dir);
    }
    if (c->build.watch_dirs.len == 0) {
        SLV_CLEANUP(slv_charp_free) char *dir = slv_path_join(w->project.dir, SLV_STR("src"));

        slv_watch_tree(w->watch, dir);
    }
}

/* bundle NULL or failed: what was watched stays, and anything beside it counts. */
static void watch_sources(dev_worker *w, const slv_bundle *bundle)
{
    bool ok = (bundle && bundle->ok) || !w->project.main;

    if (ok)
        slv_watch_begin(w->watch);
    watch_config(w);
    watch_command(w);
    if (w->project.main)
        slv_watch_file(w->watch, slv_str_from(w->project.main));
    if (w->project.assets)
        slv_watch_tree(w->watch, w->project.assets);
    if (w->project.pages.functions)
        slv_watch_tree(w->watch, w->project.pages.functions);
    for (size_t i = 0; ok && bundle && i < bundle->inputs.len; i++)
        slv_watch_file(w->watch, bundle->inputs.items[i]);
    if (ok)
        slv_watch_commit(w->watch);
    slv_watch_anything(w->watch, !ok);
}

static bool is_config(const dev_worker *w, const char *path)
{
    for (size_t i = 0; i < w->project.watched.len; i++)
        if (strcmp(w->project.watched.items[i], path) == 0)
            return true;
    return false;
}

static bool is_below(const char *dir, const char *path)
{
    size_t n = dir ? strlen(dir) : 0;

    return dir && strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* What a build command writes there must not run it again. */
static bool is_asset(const dev_worker *w, const char *path)
{
    return is_below(w->project.assets, path) || is_below(w->project.pages.functions, path);
}

static void on_change(void *user, const char *path, bool tree)
{
    dev_worker *w = user;

    if (w->d->stopping)
        return;
    w->dirty_config |= is_config(w, path);
    w->dirty_command |= tree && !is_asset(w, path);
    slv_dev_worker_build(w);
}

/* ---- building ---- */

static void next(dev_worker *w)
{
    malloc_trim(0); /* a build takes many times what it leaves */
    w->state = DEV_IDLE;
    w->tried = true;
    slv_dev_begin(w->d);
    if (w->dirty)
        slv_dev_worker_build(w);
}

static void show_warnings(slv_str lines)
{
    slv_str line;

    while (slv_str_split(&lines, '\n', &line))
        if (line.len > 0)
            slv_term_warn("%.*s", SLV_STR_ARGS(line));
}

static void deploy(dev_worker *w, const slv_bundle *bundle)
{
    SLV_CLEANUP(slv_buf_done) slv_buf warnings = SLV_BUF(PAGE_MAX);
    slv_version *version;
    slv_err err;

    if (slv_project_version(&w->project, bundle, &version, &warnings, &err) != SLV_OK) {
        fail_text(w, slv_err_text(&err));
        return;
    }
    show_warnings(slv_buf_view(&warnings));
    if (w->showing_error)
        show_page(w, SLV_STR(""));
    slv_version_unref(w->version);
    w->version = version;
    w->pending = true;
    if (w->d->started)
        slv_dev_deploy(w->d);
}

static void on_bundle(void *user, slv_bundle *result, const slv_err *err)
{
    dev_worker *w = user;
    SLV_CLEANUP(slv_bundle_free) slv_bundle *bundle = result;
    SLV_CLEANUP(slv_buf_done) slv_buf page = SLV_BUF(PAGE_MAX);

    if (w->d->stopping)
        return;
    watch_sources(w, bundle);
    if (err) {
        fail_text(w, slv_err_text(err));
    } else if (w->dirty) {
        /* what was built is out of date already */
    } else if (bundle->wants_node && slv_project_add_node(&w->project)) {
        slv_term_warn(
            "dynamo-bao needs Node's modules as dates from 2024-09-23 on have them, so %s "
            "runs with these; write compatibility_flags = [\"nodejs_compat\"] and such a "
            "compatibility_date",
            w->project.name);
        w->state = DEV_IDLE;
        slv_dev_worker_build(w);
        return;
    } else {
        if (w->project.bundle.no_bundle) /* the sources are to be taken as they are */
            bundle->warnings.len = 0;
        slv_diag_print(bundle);
        if (bundle->ok) {
            deploy(w, bundle);
        } else {
            if (slv_diag_page(bundle, &page) == SLV_OK)
                show_page(w, slv_buf_view(&page));
            say_waiting(w);
        }
    }
    next(w);
}

/* Static files alone: there is nothing to bundle. */
static void deploy_assets(slv_timer *timer)
{
    dev_worker *w = slv_container_of(timer, dev_worker, no_bundle);

    watch_sources(w, NULL);
    deploy(w, NULL);
    next(w);
}

/* Later than the build began: the server may not be there yet then. */
static void models_failed(slv_task *task)
{
    dev_worker *w = slv_container_of(task, dev_worker, models_failed);

    if (w->d->stopping)
        return;
    watch_sources(w, NULL);
    fail_text(w, slv_buf_cstr(&w->models_text) ? w->models_text.ptr : "models cannot be made");
    next(w);
}

static void bundle(dev_worker *w)
{
    slv_err err = {0};

    w->state = DEV_BUNDLE;
    slv_buf_reset(&w->models_text);
    if (slv_pages_refresh(&w->project, &err) != SLV_OK) {
        if (slv_buf_append(&w->models_text, slv_str_from(slv_err_text(&err))) != SLV_OK)
            slv_buf_reset(&w->models_text);
        w->models_failed.fn = models_failed;
        slv_loop_later(w->d->loop, &w->models_failed);
        return;
    }
    if (slv_build_models(&w->project, &w->models_text) != SLV_OK) {
        w->models_failed.fn = models_failed;
        slv_loop_later(w->d->loop, &w->models_failed);
        return;
    }
    if (!w->project.main) {
        w->no_bundle.fn = deploy_assets;
        slv_timer_start(&w->no_bundle, w->d->loop, 0);
        return;
    }
    slv_bundler_build(w->bundler, &w->project.bundle);
}

static void on_command_end(slv_proc *proc, int status)
{
    dev_worker *w = slv_container_of(proc, dev_worker, command);
    slv_err err;

    slv_proc_release(proc);
    if (w->d->stopping)
        return;
    if (slv_build_command_check(&w->project, status, &err) == SLV_OK) {
        bundle(w);
        return;
    }
    watch_sources(w, NULL);
    fail_text(w, slv_err_text(&err));
    next(w);
}

static void run_command(dev_worker *w)
{
    slv_err err;

    w->command.ended = on_command_end;
    w->state = DEV_COMMAND;
    if (slv_build_command_start(&w->project, w->d->loop, &w->command, &err) != SLV_OK) {
        fail_text(w, slv_err_text(&err));
        next(w);
    }
}

/* The configuration again; the one in use stays when it cannot be read. */
static bool reload_config(dev_worker *w)
{
    slv_project fresh;
    slv_err err;

    if (slv_project_load(w->options, &fresh, &err) != SLV_OK) {
        slv_project_done(&fresh);
        fail_text(w, slv_err_text(&err));
        return false;
    }
    slv_project_done(&w->project);
    w->project = fresh;
    w->project.bundle.config = &w->project.config; /* it has moved */
    return true;
}

void slv_dev_worker_build(dev_worker *w)
{
    bool command;

    if (w->state != DEV_IDLE) {
        w->dirty = true;
        return;
    }
    w->dirty = false;
    w->began_ns = slv_clock_mono_ns();
    if (w->dirty_config) {
        w->dirty_config = false;
        w->dirty_command = true;
        if (!reload_config(w))
            return;
    }
    command = w->project.config.build.command.len > 0 && w->dirty_command;
    w->dirty_command = false;
    if (command)
        run_command(w);
    else
        bundle(w);
}

/* ---- life ---- */

/* The version before, which did start, answers again. */
static void start_failed(dev_worker *w, slv_version *version, const slv_err *err, slv_str failure)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(PAGE_MAX), page = SLV_BUF(PAGE_MAX);

    if (slv_dev_start_failure(version, err, failure, &text) != SLV_OK)
        return;
    slv_term_error("%.*s", SLV_STR_ARGS(slv_buf_view(&text)));
    if (w->good && w->good != version) {
        if (slv_diag_text_page(slv_buf_view(&text), &page) == SLV_OK)
            show_page(w, slv_buf_view(&page));
        slv_server_deploy(w->d->server, w->good);
    }
    say_waiting(w);
}

void slv_dev_worker_deployed(dev_worker *w, slv_version *version, const slv_err *err,
                             slv_str failure)
{
    uint64_t ms = (slv_clock_mono_ns() - w->began_ns) / 1000000;

    if (err) {
        start_failed(w, version, err, failure);
        return;
    }
    if (version == w->good)
        return; /* back again */
    slv_version_unref(w->good);
    w->good = slv_version_ref(version);
    slv_dev_show_ready(w->d);
    if (!w->deployed) {
        slv_dev_show_bindings(w);
        slv_dev_keys_start(w->d);
    } else {
        slv_term_news("%s⎔%s Reloaded %s%s(%llu ms)%s", slv_term_color(stdout, SLV_COLOR_GREEN),
                      slv_term_color(stdout, SLV_COLOR_RESET),
                      w->d->worker_count > 1 ? w->project.name : "",
                      slv_term_color(stdout, SLV_COLOR_DIM), (unsigned long long)ms,
                      slv_term_color(stdout, SLV_COLOR_RESET));
    }
    w->deployed = true;
}

slv_code slv_dev_worker_open(dev *d, dev_worker *w, const slv_project_options *options,
                             slv_err *err)
{
    slv_esbuild_place place;

    w->d = d;
    w->options = options;
    w->command.pidfd = -1;
    w->models_text = SLV_BUF(PAGE_MAX);
    w->dirty_command = true;
    w->loaded = true;
    SLV_TRY(slv_project_load(options, &w->project, err));
    w->project.bundle.config = &w->project.config;
    SLV_TRY(slv_esbuild_find(w->project.dir, &place, err));
    SLV_TRY(slv_bundler_new(d->loop, &place, on_bundle, w, &w->bundler, err));
    SLV_TRY(slv_watch_new(d->loop, on_change, w, &w->watch, err));
    watch_config(w); /* from now on, also while the first build still runs */
    return SLV_OK;
}

void slv_dev_worker_close(dev_worker *w)
{
    if (w->command.pidfd >= 0) {
        slv_proc_signal(&w->command, SIGTERM);
        slv_proc_release(&w->command);
    }
    slv_timer_stop(&w->no_bundle);
    w->bundler = slv_bundler_free(w->bundler);
    slv_buf_done(&w->models_text);
    w->watch = slv_watch_free(w->watch);
    w->version = slv_version_unref(w->version);
    w->good = slv_version_unref(w->good);
    if (w->loaded)
        slv_project_done(&w->project);
}
