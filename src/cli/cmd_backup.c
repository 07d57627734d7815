/*
 * selvage backup, selvage restore: a copy of a server's data directory as it was at one moment, and
 * the way back. The server may run: it takes the copy itself, and puts one in place itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/rest.h"
#include "cli/verbs.h"
#include "fmt/json_write.h"
#include "state/backup.h"

#define STEP_MS 20
#define WAIT_MS 120000

static char *absolute(const char *path)
{
    SLV_CLEANUP(slv_charp_free) char *cwd = getcwd(NULL, 0);

    return slv_path_join(cwd ? cwd : "/", slv_str_from(path));
}

static uint64_t number(const slv_node *n, const char *key)
{
    int64_t v = 0;

    return slv_node_i64(slv_node_get(n, key), &v) && v > 0 ? (uint64_t)v : 0;
}

static void print_bytes(const char *before, uint64_t files, uint64_t bytes)
{
    printf("%s %llu files, %.1f MiB", before, (unsigned long long)files,
           (double)bytes / (1024 * 1024));
}

static slv_code backup(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF((size_t)64 << 10);
    SLV_CLEANUP(slv_charp_free) char *to = NULL;
    slv_json_writer w = SLV_JSON_WRITER(&body);
    const char *given;
    slv_node *result;

    SLV_TRY(slv_args_required(args, 0, "the directory of the copy", &given, err));
    SLV_TRY(slv_rest_open_data(args, &rest, err));
    to = absolute(given);
    slv_json_open(&w, '{');
    slv_json_put_text(&w, "to", slv_str_from(to));
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    SLV_TRY(slv_rest_json(rest, "POST", SLV_STR("/client/v4/server/backup"), slv_buf_view(&body),
                          &result, err));
    if (slv_args_bool(args, "json", false)) {
        slv_rest_print_json(stdout, result);
        return SLV_OK;
    }
    print_bytes("Copied", number(result, "files"), number(result, "bytes"));
    printf(", to %s; acknowledgements paused for %.1f ms\n", to,
           (double)number(result, "paused_us") / 1000);
    return SLV_OK;
}

static bool is_there(const char *data, const char *prefix, slv_str id)
{
    SLV_CLEANUP(slv_charp_free) char *path = NULL;

    if (asprintf(&path, "%s/%s%.*s", data, prefix, SLV_STR_ARGS(id)) < 0)
        abort();
    return access(path, F_OK) == 0;
}

/* The server moves what there is aside, and ends the trial when it serves on the copy. */
static slv_code wait_for_it(const char *data, slv_str id, slv_err *err)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000};

    for (unsigned waited_ms = 0; waited_ms < WAIT_MS; waited_ms += STEP_MS) {
        if (is_there(data, SLV_RESTORE_FAILED, id))
            return slv_fail(err, SLV_E_STATE,
                            "no server could be started on it: the data is what it was before, "
                            "and the copy is in %s/" SLV_RESTORE_FAILED "%.*s",
                            data, SLV_STR_ARGS(id));
        if (!is_there(data, SLV_RESTORE_READY, id) &&
            !is_there(data, SLV_RESTORE_TRIAL, SLV_STR("")) &&
            is_there(data, SLV_STATE_REPLACED, id))
            return SLV_OK;
        (void)nanosleep(&step, NULL);
    }
    return slv_fail(err, SLV_E_TIMEOUT, "the server has not come back within %d s: look at its log",
                    WAIT_MS / 1000);
}

/* A directory that a server has: it puts the copy in place itself. */
static slv_code restore_live(const slv_args *args, const char *from, const char *data, slv_err *err)
{
    SLV_CLEANUP(slv_rest_free) slv_rest *rest = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF((size_t)64 << 10);
    slv_json_writer w = SLV_JSON_WRITER(&body);
    const slv_node *restarts;
    slv_node *result;
    slv_str id;

    SLV_TRY(slv_rest_open_data(args, &rest, err));
    slv_json_open(&w, '{');
    slv_json_put_text(&w, "from", slv_str_from(from));
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    SLV_TRY(slv_rest_json(rest, "POST", SLV_STR("/client/v4/server/restore"), slv_buf_view(&body),
                          &result, err));
    id = slv_node_str(slv_node_get(result, "id"));
    restarts = slv_node_get(result, "restarts");
    if (restarts && restarts->boolean)
        SLV_TRY(wait_for_it(data, id, err));
    print_bytes(restarts && restarts->boolean ? "Restored" : "The next start restores",
                number(result, "files"), number(result, "bytes"));
    printf(", to %s. What was there is kept in %s/" SLV_STATE_REPLACED
           "%.*s: remove it when you do not need it\n",
           data, data, SLV_STR_ARGS(id));
    return SLV_OK;
}

static bool is_served(const char *data)
{
    SLV_CLEANUP(slv_charp_free) char *inside = slv_path_join(data, SLV_STR("v1/%40server"));

    return slv_dir_exists(inside);
}

/* Nothing of what is there is overwritten. */
static slv_code restore(const slv_args *args, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *from = NULL;
    SLV_CLEANUP(slv_charp_free) char *to = NULL;
    const char *given, *data = slv_args_string(args, "data");
    slv_backup_report report;

    SLV_TRY(slv_args_required(args, 0, "the directory of the copy", &given, err));
    if (!data || !data[0])
        return slv_fail(err, SLV_E_INVAL,
                        "name the directory that is to be a server's data: --data DIR");
    from = absolute(given);
    to = absolute(data);
    if (is_served(to))
        return restore_live(args, from, to, err);
    SLV_TRY(slv_backup_restore(from, to, &report, err));
    print_bytes("Restored", report.files, report.bytes);
    printf(", to %s. Start the server on it:\n  selvage serve --data %s\n", to, data);
    return SLV_OK;
}

static int backup_exec(const slv_args *args)
{
    slv_err err = {0};

    return backup(args, &err) == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static int restore_exec(const slv_args *args)
{
    slv_err err = {0};

    return restore(args, &err) == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static const slv_flag backup_flags[] = {
    SLV_REST_DATA_FLAGS,
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
};
static const slv_flag restore_flags[] = {
    {"data", SLV_FLAG_STRING, 0, "DIR", "where it goes: a server's data directory, or absent"},
};

const slv_cmd slv_cmd_backup_verb = {
    .name = "backup",
    .args = "DIR",
    .usage = "copy a server's data as it is at one moment, while it runs",
    .flags = backup_flags,
    .flag_count = SLV_ARRAY_LEN(backup_flags),
    .max_positional = 1,
    .exec = backup_exec,
};

const slv_cmd slv_cmd_restore_verb = {
    .name = "restore",
    .args = "DIR",
    .usage = "make a data directory of a copy",
    .flags = restore_flags,
    .flag_count = SLV_ARRAY_LEN(restore_flags),
    .max_positional = 1,
    .exec = restore_exec,
};
