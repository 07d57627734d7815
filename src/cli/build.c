#include "cli/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/diag.h"
#include "cli/term.h"

#define PROGRAMS_MAX ((size_t)64 << 10) /* what a PATH may grow by */

/* ---- the command ---- */

/* Where packages of the project keep their programs: node_modules/.bin of dir and of every
 * directory above it, as npm has it for the scripts of a package. */
static slv_code program_dirs(const char *dir, slv_buf *out)
{
    SLV_CLEANUP(slv_charp_free) char *at = slv_strdup(dir);

    for (;;) {
        SLV_CLEANUP(slv_charp_free) char *bin = slv_path_join(at, SLV_STR("node_modules/.bin"));

        if (slv_dir_exists(bin))
            SLV_TRY(slv_buf_printf(out, "%s%s", out->len > 0 ? ":" : "", bin));
        if (strcmp(at, "/") == 0)
            return SLV_OK;
        char *up = slv_path_dir(at);
        free(at);
        at = up;
    }
}

slv_code slv_build_command_start(const slv_project *p, slv_loop *loop, slv_proc *proc, slv_err *err)
{
    static const char with_programs[] = "PATH=\"$1${PATH:+:$PATH}\" && export PATH && "
                                        "exec /bin/sh -c \"$2\"";
    const slv_config *c = &p->config;
    SLV_CLEANUP(slv_charp_free)
    char *command = slv_strndup(c->build.command.ptr, c->build.command.len);
    SLV_CLEANUP(slv_charp_free) char *cwd = slv_path_join(p->dir, c->build.cwd);
    SLV_CLEANUP(slv_buf_done) slv_buf dirs = SLV_BUF(PROGRAMS_MAX);
    const char *argv[] = {"/bin/sh", "-c", command, NULL, NULL, NULL, NULL};
    int fds[] = {-1, STDOUT_FILENO, STDERR_FILENO};
    slv_proc_options options = {
        .path = "/bin/sh", .argv = argv, .cwd = cwd, .fds = fds, .fd_count = 3};

    if (program_dirs(cwd, &dirs) == SLV_OK && dirs.len > 0) {
        argv[2] = with_programs;
        argv[3] = "sh";
        argv[4] = slv_buf_cstr(&dirs);
        argv[5] = command;
    }
    slv_term_news("Running the build command: %s", command);
    return slv_proc_start(proc, loop, &options, err);
}

slv_code slv_build_command_check(const slv_project *p, int status, slv_err *err)
{
    bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;

    if (ok && p->main && !slv_file_exists(p->main))
        return slv_fail(err, SLV_E_NOTFOUND, "the build command did not make the entry %s",
                        p->main);
    if (ok)
        return SLV_OK;
    return slv_fail(err, SLV_E_INVAL, "the build command '%.*s' failed (%s %d)",
                    SLV_STR_ARGS(p->config.build.command), WIFEXITED(status) ? "status" : "signal",
                    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

/* ---- both ---- */

typedef struct build {
    slv_proc command;
    int status;
    slv_bundle *bundle;
    slv_err err;
    bool over;
} build;

static void on_command_end(slv_proc *proc, int status)
{
    build *b = slv_container_of(proc, build, command);

    slv_proc_release(proc);
    b->status = status;
    b->over = true;
}

static void on_bundle(void *user, slv_bundle *result, const slv_err *err)
{
    build *b = user;

    b->bundle = result;
    if (err)
        b->err = *err;
    b->over = true;
}

static bool is_over(void *arg)
{
    const build *b = arg;

    return b->over;
}

static void wait_for(slv_loop *loop, build *b)
{
    b->over = false;
    while (!slv_loop_run_until(loop, is_over, b, (uint64_t)60 * 60 * 1000))
        continue;
}

static slv_code run_command(const slv_project *p, slv_loop *loop, build *b, slv_err *err)
{
    if (p->config.build.command.len == 0)
        return SLV_OK;
    b->command.ended = on_command_end;
    SLV_TRY(slv_build_command_start(p, loop, &b->command, err));
    wait_for(loop, b);
    return slv_build_command_check(p, b->status, err);
}

static slv_code run_bundler(slv_project *p, slv_loop *loop, build *b, slv_err *err)
{
    SLV_CLEANUP(slv_bundler_free) slv_bundler *bundler = NULL;
    slv_esbuild_place place;

    SLV_TRY(slv_esbuild_find(p->dir, &place, err));
    SLV_TRY(slv_bundler_new(loop, &place, on_bundle, b, &bundler, err));
    p->bundle.config = &p->config;
    p->bundle.portable = true;
    slv_bundler_build(bundler, &p->bundle);
    wait_for(loop, b);
    if (!b->bundle)
        return slv_fail(err, b->err.code, "%s", slv_err_text(&b->err));
    if (b->bundle->wants_node && slv_project_add_node(p)) {
        b->bundle = slv_bundle_free(b->bundle);
        slv_bundler_build(bundler, &p->bundle);
        wait_for(loop, b);
    }
    return SLV_OK;
}

static slv_code make_models(const slv_project *p, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)1 << 20);
    slv_code code = slv_build_models(p, &text);

    return code == SLV_OK ? SLV_OK : slv_fail(err, code, "%.*s", SLV_STR_ARGS(slv_buf_view(&text)));
}

slv_code slv_build_project(slv_project *p, slv_bundle **ret, slv_err *err)
{
    build b = {.command.pidfd = -1};
    slv_loop *loop;
    slv_code code;

    SLV_TRY(make_models(p, err));
    SLV_TRY(slv_loop_new(&loop, err));
    code = run_command(p, loop, &b, err);
    if (code == SLV_OK)
        code = run_bundler(p, loop, &b, err);
    slv_loop_free(loop);
    if (code == SLV_OK && b.bundle) {
        slv_diag_print(b.bundle);
        if (!b.bundle->ok)
            code = slv_fail(err, SLV_E_INVAL, "the sources have errors");
    }
    if (code != SLV_OK)
        b.bundle = slv_bundle_free(b.bundle);
    *ret = b.bundle;
    return code;
}
