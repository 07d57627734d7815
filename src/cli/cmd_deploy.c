/*
 * selvage deploy, triggers deploy, versions upload: a project's worker on a server.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/deploy_int.h"
#include "cli/term.h"
#include "cli/verbs.h"

/* ---- --outdir ---- */

static slv_code write_file(const char *dir, slv_str name, slv_str bytes, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, name);
    SLV_CLEANUP(slv_charp_free) char *above = slv_path_dir(path);
    FILE *f;
    bool ok;

    for (char *at = above + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        (void)mkdir(above, 0777);
        *at = '/';
    }
    (void)mkdir(above, 0777);
    f = fopen(path, "we");
    if (!f)
        return slv_fail_errno(err, SLV_E_IO, "cannot write %s", path);
    ok = fwrite(bytes.ptr ? bytes.ptr : "", 1, bytes.len, f) == bytes.len;
    ok &= fclose(f) == 0;
    return ok ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "cannot write %s", path);
}

static slv_code write_out(const slv_deploy *d, slv_err *err)
{
    const char *out = slv_args_string(d->args, "outdir");
    SLV_CLEANUP(slv_charp_free) char *cwd = getcwd(NULL, 0);
    SLV_CLEANUP(slv_charp_free) char *dir = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf map = SLV_BUF(4096);

    if (!out || !d->bundle)
        return SLV_OK;
    dir = slv_path_join(cwd ? cwd : "/", slv_str_from(out));
    SLV_TRY(write_file(dir, d->metadata.main_name, d->bundle->script, err));
    SLV_TRY(slv_buf_printf(&map, "%.*s.map", SLV_STR_ARGS(d->metadata.main_name)));
    SLV_TRY(write_file(dir, slv_buf_view(&map), d->bundle->source_map, err));
    for (size_t i = 0; i < d->bundle->modules.len; i++)
        SLV_TRY(write_file(dir, d->bundle->modules.items[i].name, d->bundle->modules.items[i].bytes,
                           err));
    return SLV_OK;
}

/* ---- deploy ---- */

static double seconds_since(uint64_t began_ns)
{
    return (double)(slv_clock_mono_ns() - began_ns) / 1e9;
}

static slv_code deploy(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_deploy_done) slv_deploy d;
    uint64_t began_ns = slv_clock_mono_ns();

    SLV_TRY(slv_deploy_open(&d, args, err));
    SLV_TRY(write_out(&d, err));
    if (!d.rest) {
        printf("--dry-run: nothing was sent\n");
        return SLV_OK;
    }
    SLV_TRY(slv_deploy_upload(&d, true, err));
    printf("Uploaded %s (%.2f sec)\n", d.project.name, seconds_since(began_ns));
    SLV_TRY(slv_deploy_triggers(&d, err));
    printf("Current Version ID: %.*s\n", SLV_STR_ARGS(d.version_id));
    return SLV_OK;
}

static int deploy_exec(const slv_args *args)
{
    slv_err err = {0};

    return deploy(args, &err) == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static const slv_flag deploy_flags[] = {SLV_DEPLOY_FLAGS};

const slv_cmd slv_cmd_deploy_verb = {
    .name = "deploy",
    .args = "[script]",
    .usage = "build the worker and put it on a server",
    .flags = deploy_flags,
    .flag_count = SLV_ARRAY_LEN(deploy_flags),
    .max_positional = 1,
    .exec = deploy_exec,
};

/* ---- versions upload ---- */

static slv_code upload(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_deploy_done) slv_deploy d;
    uint64_t began_ns = slv_clock_mono_ns();

    SLV_TRY(slv_deploy_open(&d, args, err));
    d.metadata.alias = slv_args_string(args, "preview-alias");
    SLV_TRY(write_out(&d, err));
    if (!d.rest) {
        printf("--dry-run: nothing was sent\n");
        return SLV_OK;
    }
    SLV_TRY(slv_deploy_upload(&d, false, err));
    printf("Uploaded %s (%.2f sec)\n", d.project.name, seconds_since(began_ns));
    printf("Worker Version ID: %.*s\n", SLV_STR_ARGS(d.version_id));
    printf("\nTo send requests to it:\n  selvage versions deploy %.*s@100%%\n",
           SLV_STR_ARGS(d.version_id));
    return SLV_OK;
}

static int upload_exec(const slv_args *args)
{
    slv_err err = {0};

    return upload(args, &err) == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static const slv_flag upload_flags[] = {
    SLV_DEPLOY_FLAGS,
    {"preview-alias", SLV_FLAG_STRING, 0, "NAME", "a host of its own: NAME-worker.domain"},
};

const slv_cmd slv_cmd_versions_upload_verb = {
    .name = "versions upload",
    .args = "[script]",
    .usage = "build the worker and keep it on a server, without sending requests to it",
    .flags = upload_flags,
    .flag_count = SLV_ARRAY_LEN(upload_flags),
    .max_positional = 1,
    .exec = upload_exec,
};

/* ---- triggers deploy ---- */

static slv_code triggers(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_deploy_done) slv_deploy d;

    SLV_TRY(slv_deploy_open_config(&d, args, err));
    return slv_deploy_triggers(&d, err);
}

static int triggers_exec(const slv_args *args)
{
    slv_err err = {0};

    return triggers(args, &err) == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static const slv_flag triggers_flags[] = {
    SLV_REST_FLAGS,
    {"name", SLV_FLAG_STRING, 0, "NAME", "name of the worker"},
};

const slv_cmd slv_cmd_triggers_deploy_verb = {
    .name = "triggers deploy",
    .usage = "routes, hosts, crons and queues of a worker that is on a server",
    .flags = triggers_flags,
    .flag_count = SLV_ARRAY_LEN(triggers_flags),
    .exec = triggers_exec,
};
