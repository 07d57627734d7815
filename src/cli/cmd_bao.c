/*
 * selvage bao codegen|watch: model classes from YAML definitions.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aio/signal.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/bao.h"
#include "cli/term.h"
#include "cli/verbs.h"
#include "cli/watch.h"

typedef struct codegen {
    const slv_args *args;
    char *dir;
    slv_bao_place place;
    slv_bao_options options;
    slv_loop *loop; /* of watch */
    slv_watch *watch;
    slv_signal on_int, on_term;
} codegen;

static void codegen_done(codegen *c)
{
    slv_bao_place_done(&c->place);
    free(c->dir);
}
SLV_DEFINE_CLEANUP_DONE(codegen, codegen_done);

static void use_path(const codegen *c, const char *given, char **into)
{
    if (!given)
        return;
    free(*into);
    *into = slv_path_join(c->dir, slv_str_from(given));
}

static slv_code read_options(codegen *c, slv_err *err)
{
    const slv_args *a = c->args;
    const char *cwd = slv_args_string(a, "cwd"), *system = slv_args_string(a, "module-system");

    if (cwd && chdir(cwd) != 0)
        return slv_fail_errno(err, SLV_E_NOTFOUND, "cannot go to %s", cwd);
    c->dir = getcwd(NULL, 0);
    if (!c->dir)
        return slv_fail_errno(err, SLV_E_IO, "cannot tell the working directory");
    slv_bao_place_find(c->dir, &c->place);
    use_path(c, a->positional.len > 0 ? a->positional.items[0] : NULL, &c->place.definitions);
    use_path(c, a->positional.len > 1 ? a->positional.items[1] : NULL, &c->place.out_dir);
    use_path(c, slv_args_string(a, "fields-dir"), &c->place.fields_dir);
    use_path(c, slv_args_string(a, "manifest"), &c->place.manifest);
    if (system && strcmp(system, "esm") != 0 && strcmp(system, "commonjs") != 0)
        return slv_fail(err, SLV_E_INVAL, "--module-system must be esm or commonjs, found '%s'",
                        system);
    if (system)
        c->place.esm = strcmp(system, "esm") == 0;
    slv_bao_place_options(&c->place, c->dir, &c->options);
    c->options.types = slv_args_bool(a, "types", true);
    c->options.package = slv_args_string(a, "package");
    if (!slv_args_bool(a, "manifest-file", true))
        c->options.manifest = NULL;
    return SLV_OK;
}

static slv_code generate(const codegen *c, slv_err *err)
{
    slv_bao_generated made;
    slv_code code = slv_bao_generate(&c->options, &made, err);

    if (code == SLV_OK)
        printf("%zu model%s in %s (%zu file%s written)\n", made.models, made.models == 1 ? "" : "s",
               c->options.out_dir, made.written, made.written == 1 ? "" : "s");
    fflush(stdout);
    return code;
}

static int codegen_exec(const slv_args *args)
{
    SLV_CLEANUP(codegen_done) codegen c = {.args = args};
    slv_err err = {0};

    if (read_options(&c, &err) != SLV_OK || generate(&c, &err) != SLV_OK)
        return slv_cmd_fail(args->cmd, &err);
    return 0;
}

/* ---- watch ---- */

static void again(void *user, const char *path, bool tree)
{
    codegen *c = user;
    slv_err err = {0};

    (void)path;
    (void)tree;
    if (generate(c, &err) != SLV_OK)
        (void)slv_cmd_fail(c->args->cmd, &err);
}

static void on_int(slv_signal *sig, int number)
{
    (void)number;
    slv_loop_stop(slv_container_of(sig, codegen, on_int)->loop);
}

static void on_term(slv_signal *sig, int number)
{
    (void)number;
    slv_loop_stop(slv_container_of(sig, codegen, on_term)->loop);
}

static slv_code watch(codegen *c, slv_err *err)
{
    SLV_TRY(slv_loop_new(&c->loop, err));
    c->on_int.fn = on_int;
    c->on_term.fn = on_term;
    SLV_TRY(slv_signal_start(&c->on_int, c->loop, SIGINT, err));
    SLV_TRY(slv_signal_start(&c->on_term, c->loop, SIGTERM, err));
    SLV_TRY(slv_watch_new(c->loop, again, c, &c->watch, err));
    slv_watch_begin(c->watch);
    if (slv_dir_exists(c->options.definitions))
        slv_watch_tree(c->watch, c->options.definitions);
    else
        slv_watch_file(c->watch, slv_str_from(c->options.definitions));
    slv_watch_commit(c->watch);
    again(c, NULL, false);
    printf("Watching %s\n", c->options.definitions);
    fflush(stdout);
    slv_loop_run(c->loop);
    return SLV_OK;
}

static int watch_exec(const slv_args *args)
{
    SLV_CLEANUP(codegen_done) codegen c = {.args = args};
    slv_err err = {0};
    slv_code code = read_options(&c, &err);

    if (code == SLV_OK)
        code = watch(&c, &err);
    if (c.loop) {
        slv_watch_free(c.watch);
        slv_signal_stop(&c.on_int);
        slv_signal_stop(&c.on_term);
        slv_loop_free(c.loop);
    }
    return code == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static const slv_flag codegen_flags[] = {
    {"module-system", SLV_FLAG_STRING, 0, "esm|commonjs", "what the models are written as"},
    {"fields-dir", SLV_FLAG_STRING, 0, "DIR", "own field classes (./fields)"},
    {"manifest", SLV_FLAG_STRING, 0, "FILE", "what collects the models (./.bao/models.js)"},
    {"manifest-file", SLV_FLAG_BOOL, 0, NULL, "write the manifest (--no-manifest-file: do not)"},
    {"types", SLV_FLAG_BOOL, 0, NULL, "write TypeScript declarations (--no-types: do not)"},
    {"package", SLV_FLAG_STRING, 0, "NAME", "what the models import (dynamo-bao)"},
    {"cwd", SLV_FLAG_STRING, 0, "DIR", "run as if started there"},
};

const slv_cmd slv_cmd_bao_codegen_verb = {
    .name = "bao codegen",
    .args = "[models.yaml] [models directory]",
    .usage = "write model classes from YAML definitions (a file, or a directory of them)",
    .flags = codegen_flags,
    .flag_count = SLV_ARRAY_LEN(codegen_flags),
    .max_positional = 2,
    .exec = codegen_exec,
};

const slv_cmd slv_cmd_bao_watch_verb = {
    .name = "bao watch",
    .args = "[models.yaml] [models directory]",
    .usage = "write model classes whenever their definitions change",
    .flags = codegen_flags,
    .flag_count = SLV_ARRAY_LEN(codegen_flags),
    .max_positional = 2,
    .exec = watch_exec,
};
