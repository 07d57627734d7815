/*
 * selvage export, selvage import: one account of a server as a file, and back, into the same server
 * or another one, which may run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli/rest.h"
#include "cli/secret_int.h"
#include "cli/verbs.h"
#include "fmt/json_write.h"
#include "state/transfer.h"

#define TEXT_MAX ((size_t)64 << 10)

typedef struct transfer {
    const slv_args *args;
    slv_rest *rest;
    slv_buf body, passphrase;
    slv_json_writer w;
    char *file;
    slv_node *result;
} transfer;

/* ---- the passphrase ---- */

/* A newline at the end of a file is an editor's. */
static slv_code read_key_file(transfer *t, const char *path, slv_err *err)
{
    SLV_TRY(slv_file_read(path, &t->passphrase, err));
    while (t->passphrase.len > 0 && (t->passphrase.ptr[t->passphrase.len - 1] == '\n' ||
                                     t->passphrase.ptr[t->passphrase.len - 1] == '\r'))
        t->passphrase.len--;
    return SLV_OK;
}

/* Bytes of a key file need not be text: what goes into JSON is their hexadecimal digits. */
static slv_code put_passphrase(transfer *t, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf digits = SLV_BUF(2 * SLV_EXPORT_PASSPHRASE_MAX);

    if (t->passphrase.len == 0)
        return slv_fail(err, SLV_E_INVAL, "the passphrase is empty");
    for (size_t i = 0; i < t->passphrase.len; i++)
        SLV_TRY(slv_buf_printf(&digits, "%02x", (unsigned char)t->passphrase.ptr[i]));
    slv_json_put_text(&t->w, "passphrase", slv_buf_view(&digits));
    return t->w.code;
}

static slv_code read_passphrase(transfer *t, bool twice, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf again = SLV_BUF(SLV_EXPORT_PASSPHRASE_MAX / 2);
    const char *file = slv_args_string(t->args, "key-file");
    const char *given = getenv("SELVAGE_EXPORT_PASSPHRASE");

    if (file)
        return read_key_file(t, file, err);
    if (given && given[0])
        return slv_buf_set(&t->passphrase, slv_str_from(given));
    if (!isatty(STDIN_FILENO))
        return slv_fail(err, SLV_E_INVAL,
                        "secrets are sealed with a passphrase: name a file that has it with "
                        "--key-file, or set SELVAGE_EXPORT_PASSPHRASE");
    SLV_TRY(slv_secret_read_value("the export's passphrase", &t->passphrase, err));
    if (!twice)
        return SLV_OK;
    SLV_TRY(slv_secret_read_value("the export's passphrase, again", &again, err));
    if (!slv_str_eq(slv_buf_view(&again), slv_buf_view(&t->passphrase)))
        return slv_fail(err, SLV_E_INVAL, "the two are not the same");
    return SLV_OK;
}

/* ---- the verbs ---- */

static slv_code begin(transfer *t, const char *member, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *cwd = getcwd(NULL, 0);
    const char *given;

    SLV_TRY(slv_args_required(t->args, 0, "the file", &given, err));
    t->file = slv_path_join(cwd ? cwd : "/", slv_str_from(given));
    SLV_TRY(slv_rest_open_data(t->args, &t->rest, err));
    slv_json_open(&t->w, '{');
    slv_json_put_text(&t->w, member, slv_str_from(t->file));
    return t->w.code;
}

static void put_flag(transfer *t, const char *flag)
{
    if (slv_args_has(t->args, flag))
        slv_json_put_text(&t->w, flag, slv_str_from(slv_args_string(t->args, flag)));
}

static slv_code send(transfer *t, const char *path, slv_err *err)
{
    slv_json_close(&t->w, '}');
    SLV_TRY(t->w.code);
    return slv_rest_json(t->rest, "POST", slv_str_from(path), slv_buf_view(&t->body), &t->result,
                         err);
}

static uint64_t number(const transfer *t, const char *key)
{
    int64_t v = 0;

    return slv_node_i64(slv_node_get(t->result, key), &v) && v > 0 ? (uint64_t)v : 0;
}

static slv_str text(const transfer *t, const char *key)
{
    return slv_node_str(slv_node_get(t->result, key));
}

/* The only account, when there is one alone. */
static slv_code put_account(transfer *t, slv_err *err)
{
    const char *named = slv_args_string(t->args, "account");

    if (named) {
        slv_json_put_text(&t->w, "account", slv_str_from(named));
        return t->w.code;
    }
    SLV_TRY(slv_rest_json(t->rest, "GET", SLV_STR("/client/v4/server/accounts"), SLV_STR_NULL,
                          &t->result, err));
    if (t->result->count != 1)
        return slv_fail(err, SLV_E_INVAL, "there are %zu accounts; say which with --account",
                        t->result->count);
    slv_json_put_text(&t->w, "account", slv_node_str(slv_node_get(t->result->first, "id")));
    return t->w.code;
}

static slv_code export_account(transfer *t, slv_err *err)
{
    SLV_TRY(begin(t, "to", err));
    SLV_TRY(put_account(t, err));
    SLV_TRY(read_passphrase(t, true, err));
    SLV_TRY(put_passphrase(t, err));
    SLV_TRY(send(t, "/client/v4/server/export", err));
    if (slv_args_bool(t->args, "json", false)) {
        slv_rest_print_json(stdout, t->result);
        return SLV_OK;
    }
    printf("Exported account %.*s (%.*s): %llu files, %.1f MiB, to %s; acknowledgements paused "
           "for %.1f ms\n",
           SLV_STR_ARGS(text(t, "name")), SLV_STR_ARGS(text(t, "account")),
           (unsigned long long)number(t, "files"), (double)number(t, "bytes") / (1024 * 1024),
           t->file, (double)number(t, "paused_us") / 1000);
    return SLV_OK;
}

static slv_code import_account(transfer *t, slv_err *err)
{
    const slv_node *without;

    SLV_TRY(begin(t, "from", err));
    put_flag(t, "account");
    put_flag(t, "name");
    slv_json_put_bool(&t->w, "without_hosts", slv_args_bool(t->args, "without-hosts", false));
    SLV_TRY(read_passphrase(t, false, err));
    SLV_TRY(put_passphrase(t, err));
    SLV_TRY(send(t, "/client/v4/server/import", err));
    if (slv_args_bool(t->args, "json", false)) {
        slv_rest_print_json(stdout, t->result);
        return SLV_OK;
    }
    without = slv_node_get(t->result, "without_keys");
    fprintf(stderr,
            "Imported account %.*s (%.*s): %llu files, %.1f MiB, %llu workers, %llu Pages "
            "projects\n",
            SLV_STR_ARGS(text(t, "name")), SLV_STR_ARGS(text(t, "account")),
            (unsigned long long)number(t, "files"), (double)number(t, "bytes") / (1024 * 1024),
            (unsigned long long)number(t, "workers"), (unsigned long long)number(t, "projects"));
    if (number(t, "faults") > 0)
        fprintf(stderr, "%llu of them do not run: the server's log says why\n",
                (unsigned long long)number(t, "faults"));
    if (without && without->boolean)
        fputs("Access keys of S3 and DynamoDB stay with the account that was exported, which is "
              "on this server too\n",
              stderr);
    fputs("Its token, which is shown only now:\n", stderr);
    printf("%.*s\n", SLV_STR_ARGS(text(t, "token")));
    return SLV_OK;
}

static int run(const slv_args *args, slv_code (*work)(transfer *t, slv_err *err))
{
    transfer t = {.args = args,
                  .body = SLV_BUF(TEXT_MAX),
                  .passphrase = SLV_BUF(SLV_EXPORT_PASSPHRASE_MAX / 2)};
    slv_err err = {0};
    slv_code code;

    t.w = SLV_JSON_WRITER(&t.body);
    code = work(&t, &err);
    slv_rest_free(t.rest);
    if (t.passphrase.len > 0)
        explicit_bzero(t.passphrase.ptr, t.passphrase.len);
    slv_buf_done(&t.passphrase);
    slv_buf_done(&t.body);
    free(t.file);
    return code == SLV_OK ? 0 : slv_cmd_fail(args->cmd, &err);
}

static int export_exec(const slv_args *args)
{
    return run(args, export_account);
}

static int import_exec(const slv_args *args)
{
    return run(args, import_account);
}

#define KEY_FLAG                                                                                   \
    {                                                                                              \
        "key-file", SLV_FLAG_STRING, 0, "FILE",                                                    \
            "a passphrase, or any bytes, that secrets are "                                        \
            "sealed with"                                                                          \
    }

static const slv_flag export_flags[] = {
    SLV_REST_DATA_FLAGS,
    {"account", SLV_FLAG_STRING, 0, "ACCOUNT", "id or name (not needed when there is one)"},
    KEY_FLAG,
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
};
static const slv_flag import_flags[] = {
    SLV_REST_DATA_FLAGS,
    {"account", SLV_FLAG_STRING, 0, "ID", "under this id, or a new one with 'new' (its own)"},
    {"name", SLV_FLAG_STRING, 0, "NAME", "of the account (its own)"},
    {"without-hosts", SLV_FLAG_BOOL, 0, NULL,
     "leave out routes and custom domains: for a copy beside the original"},
    KEY_FLAG,
    {"json", SLV_FLAG_BOOL, 0, NULL, "print JSON"},
};

const slv_cmd slv_cmd_export_verb = {
    .name = "export",
    .args = "FILE",
    .usage = "write one account of a server into a file, while it runs",
    .flags = export_flags,
    .flag_count = SLV_ARRAY_LEN(export_flags),
    .max_positional = 1,
    .exec = export_exec,
};

const slv_cmd slv_cmd_import_verb = {
    .name = "import",
    .args = "FILE",
    .usage = "make an account of what was exported",
    .flags = import_flags,
    .flag_count = SLV_ARRAY_LEN(import_flags),
    .max_positional = 1,
    .exec = import_exec,
};
