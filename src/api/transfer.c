/*
 * One account as a file, and back, for the owner of the data directory alone:
 *
 *     POST /server/export {"account","to","passphrase"}
 *     POST /server/import {"from","passphrase","account"?,"name"?,"without_hosts"?}
 *
 * A passphrase is any bytes, as hexadecimal digits.
 *
 * An import asks twice whether the account may be there: before anything is read, and in the
 * transaction that makes it.
 */
#include "state/transfer.h"

#include "aio/strand.h"
#include "api/api_int.h"
#include "api/routes.h"
#include "base/mem.h"
#include "catalog/pages.h"
#include "catalog/worker.h"
#include "fmt/json_write.h"
#include "fmt/sum.h"
#include "host/host.h"
#include "host/pages.h"

#define TEXT_MAX ((size_t)64 << 10)
#define LIST_MAX ((size_t)256 << 20)

typedef struct transfer {
    slv_job job;
    slv_call row;
    slv_api_call *call;
    slv_str file, passphrase;
    slv_account_row account; /* that it becomes, or is */
    slv_transfer_report report;
    slv_err err;
    /* in */
    slv_import *import;
    slv_catalog_import_options options;
    slv_str wanted; /* id that was asked for; "new": any */
    char id[SLV_ACCOUNT_ID_LEN + 1];
    slv_token_row token;
    char text[SLV_TOKEN_LEN + 1];
    size_t accounts;
    bool original; /* the account that was exported is here, under its own id */
    slv_arena arena;
    slv_worker_list workers;
    slv_pages_project_list projects;
    size_t waiting, stopped; /* refreshes; those that a fault kept from running */
} transfer;

static void finish(transfer *t)
{
    t->import = slv_import_free(t->import);
    slv_arena_done(&t->arena);
    explicit_bzero(t->text, sizeof t->text);
    free(t);
}

static void fail(transfer *t, const slv_err *err)
{
    slv_api_fail(t->call, err, 0);
    finish(t);
}

/* NULL: the call was ended. file: the member that names it. */
static transfer *start(slv_api_call *call, const char *file, slv_node **ret_body)
{
    slv_node *body = slv_api_body_json(call);
    transfer *t;
    slv_str path = slv_node_str(slv_node_get(body, file));
    slv_str passphrase = slv_node_str(slv_node_get(body, "passphrase"));

    if (!body)
        return NULL;
    if (!slv_api_catalog(call->api)) {
        slv_api_error(call, 404, SLV_API_NO_ROUTE,
                      "There are no accounts here: this is a local run, not a server");
        return NULL;
    }
    if (!slv_str_starts(path, SLV_STR("/")) || path.len < 2) {
        slv_api_error(call, 400, SLV_API_BAD_JSON, "'%s' must be the absolute path of a file",
                      file);
        return NULL;
    }
    if (passphrase.len == 0 || passphrase.len > SLV_EXPORT_PASSPHRASE_MAX) {
        slv_api_error(call, 400, SLV_API_BAD_JSON, "'passphrase' must have 1 to %zu bytes",
                      SLV_EXPORT_PASSPHRASE_MAX / 2);
        return NULL;
    }
    t = slv_new0(transfer);
    t->call = call;
    t->file = path;
    t->arena = SLV_ARENA(LIST_MAX);
    uint8_t *key = slv_arena_try_alloc0(&t->arena, passphrase.len);
    if (!key || !slv_hex_get(passphrase, key, passphrase.len / 2)) {
        slv_api_error(call, 400, SLV_API_BAD_JSON, "'passphrase' is not in hexadecimal digits");
        slv_arena_done(&t->arena);
        free(t);
        return NULL;
    }
    t->passphrase = slv_str_make(key, passphrase.len / 2);
    *ret_body = body;
    return t;
}

static void work(transfer *t, void (*run)(slv_job *job), void (*done)(slv_job *job))
{
    t->job = (slv_job){.run = run, .done = done};
    slv_state_work(slv_api_state(t->call->api), slv_api_loop(t->call->api), &t->job);
}

static void ask(transfer *t, slv_call_kind kind, slv_code (*run)(slv_call *, void *, slv_err *),
                void (*done)(slv_call *))
{
    t->row = (slv_call){.kind = kind, .create = true, .run = run, .done = done};
    slv_api_catalog_call(t->call, slv_api_catalog(t->call->api), &t->row);
}

/* Strings of a call are not terminated; paths go to the system. */
static char *path_of(const transfer *t)
{
    return slv_strndup(t->file.ptr, t->file.len);
}

/* ---- out ---- */

static void run_export(slv_job *job)
{
    transfer *t = slv_container_of(job, transfer, job);
    SLV_CLEANUP(slv_charp_free) char *to = path_of(t);
    const slv_export_options options = {
        .to = to, .account = t->account.id, .passphrase = t->passphrase};

    t->err.code = slv_state_export(slv_api_state(t->call->api), &options, &t->report, &t->err);
}

static void on_exported(slv_job *job)
{
    transfer *t = slv_container_of(job, transfer, job);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    slv_json_writer w = SLV_JSON_WRITER(&out);

    if (t->err.code != SLV_OK) {
        fail(t, &t->err);
        return;
    }
    slv_json_open(&w, '{');
    slv_json_put_text(&w, "account", t->account.id);
    slv_json_put_text(&w, "name", t->account.name);
    slv_json_put_number(&w, "files", (int64_t)t->report.files);
    slv_json_put_number(&w, "bytes", (int64_t)t->report.bytes);
    slv_json_put_number(&w, "taken_ms", t->report.taken_ms);
    slv_json_put_number(&w, "paused_us", (int64_t)t->report.paused_us);
    slv_json_close(&w, '}');
    slv_api_ok(t->call, slv_buf_view(&out));
    finish(t);
}

static slv_code run_find(slv_call *call, void *service, slv_err *err)
{
    transfer *t = slv_container_of(call, transfer, row);

    return slv_catalog_account_get(service, t->wanted, &t->arena, &t->account, err);
}

static void on_found(slv_call *call)
{
    transfer *t = slv_container_of(call, transfer, row);

    if (call->code != SLV_OK)
        fail(t, &call->err);
    else
        work(t, run_export, on_exported);
}

static void post_export(slv_api_call *call)
{
    slv_node *body;
    transfer *t = start(call, "to", &body);

    if (!t)
        return;
    t->wanted = slv_node_str(slv_node_get(body, "account"));
    ask(t, SLV_CALL_READ, run_find, on_found);
}

/* ---- in: the account runs ---- */

static void answer(transfer *t)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    const slv_transfer_report *report = slv_import_report(t->import);
    slv_json_writer w = SLV_JSON_WRITER(&out);

    slv_json_open(&w, '{');
    slv_json_put_text(&w, "account", t->account.id);
    slv_json_put_text(&w, "name", t->account.name);
    slv_json_put_text(&w, "token", slv_str_from(t->text));
    slv_json_put_number(&w, "files", (int64_t)report->files);
    slv_json_put_number(&w, "bytes", (int64_t)report->bytes);
    slv_json_put_number(&w, "taken_ms", slv_import_head_of(t->import)->taken_ms);
    slv_json_put_number(&w, "workers", (int64_t)t->workers.count);
    slv_json_put_number(&w, "projects", (int64_t)t->projects.count);
    slv_json_put_number(&w, "faults", (int64_t)t->stopped);
    slv_json_put_bool(&w, "without_keys", t->original);
    slv_json_close(&w, '}');
    slv_api_ok(t->call, slv_buf_view(&out));
    finish(t);
}

static void on_running(void *arg, const slv_err *err)
{
    transfer *t = arg;

    t->stopped += err != NULL;
    if (--t->waiting == 0)
        answer(t);
}

static void run_everything(transfer *t)
{
    slv_host *host = slv_api_host(t->call->api);

    t->waiting = 1;
    for (size_t i = 0; host && i < t->workers.count; i++) {
        t->waiting++;
        slv_host_refresh(host, t->account.id, t->workers.items[i].name,
                         t->workers.items[i].dispatch, on_running, t);
    }
    for (size_t i = 0; host && i < t->projects.count; i++) {
        t->waiting++;
        slv_host_pages_refresh(host, t->account.id, t->projects.items[i].name, on_running, t);
    }
    on_running(t, NULL);
}

/* ---- in: the account is made ---- */

static slv_code run_make(slv_call *call, void *service, slv_err *err)
{
    transfer *t = slv_container_of(call, transfer, row);

    SLV_TRY(slv_catalog_import(service, &t->account, slv_import_rows(t->import), &t->options, err));
    t->token = (slv_token_row){.account = t->account.id,
                               .name = SLV_STR("import"),
                               .email = SLV_STR(""),
                               .scopes = SLV_SCOPE_ALL,
                               .created_ms = t->report.taken_ms};
    SLV_TRY(slv_catalog_token_create(service, &t->token, &t->arena, t->text, err));
    SLV_TRY(
        slv_catalog_worker_list(service, t->account.id, SLV_STR_NULL, &t->arena, &t->workers, err));
    return slv_catalog_project_list(service, t->account.id, 0, 0, &t->arena, &t->projects, NULL,
                                    err);
}

static void run_undo(slv_job *job)
{
    transfer *t = slv_container_of(job, transfer, job);

    t->import = slv_import_free(t->import);
}

static void on_undone(slv_job *job)
{
    transfer *t = slv_container_of(job, transfer, job);

    fail(t, &t->err);
}

/* What lies aside or in place goes, on a thread: it may be much. */
static void undo(transfer *t, const slv_err *err)
{
    slv_err why = *err;

    t->err = why;
    work(t, run_undo, on_undone);
}

static void on_made(slv_call *call)
{
    transfer *t = slv_container_of(call, transfer, row);

    if (call->code != SLV_OK) {
        if (call->err.code == SLV_OK)
            call->err.code = call->code;
        undo(t, &call->err);
        return;
    }
    slv_import_keep(t->import);
    run_everything(t);
}

static void run_read(slv_job *job)
{
    transfer *t = slv_container_of(job, transfer, job);

    t->err.code = slv_import_read(t->import, &t->err);
    if (t->err.code == SLV_OK)
        t->err.code = slv_import_place(t->import, t->account.id, &t->err);
}

static void on_placed(slv_job *job)
{
    transfer *t = slv_container_of(job, transfer, job);

    if (t->err.code != SLV_OK) {
        undo(t, &t->err);
        return;
    }
    t->options.reseal = slv_import_reseal(t->import);
    t->report.taken_ms = slv_loop_wall_ms(slv_api_loop(t->call->api));
    t->options.now_ms = t->report.taken_ms;
    ask(t, SLV_CALL_WRITE, run_make, on_made);
}

/* ---- in: may it be there? ---- */

static slv_code run_check(slv_call *call, void *service, slv_err *err)
{
    transfer *t = slv_container_of(call, transfer, row);
    slv_account_row *rows;

    SLV_TRY(slv_catalog_account_list(service, &t->arena, &rows, &t->accounts, err));
    for (size_t i = 0; i < t->accounts; i++) {
        if (slv_str_eq(rows[i].id, t->account.id))
            return slv_fail(err, SLV_E_EXISTS,
                            "the account %.*s (%.*s) is here already; --account new imports it "
                            "under another id",
                            SLV_STR_ARGS(rows[i].id), SLV_STR_ARGS(rows[i].name));
        if (slv_str_eq(rows[i].name, t->account.name))
            return slv_fail(err, SLV_E_EXISTS,
                            "there is an account of the name '%.*s' already; --name gives this "
                            "one another",
                            SLV_STR_ARGS(t->account.name));
        t->original |= slv_str_eq(rows[i].id, slv_import_head_of(t->import)->account.id);
    }
    return SLV_OK;
}

static void on_checked(slv_call *call)
{
    transfer *t = slv_container_of(call, transfer, row);
    slv_err err = {0};

    if (call->code == SLV_E_NOTFOUND)
        call->code = SLV_OK; /* there is no catalog yet */
    if (call->code != SLV_OK) {
        fail(t, &call->err);
        return;
    }
    if (slv_api_more_accounts(t->call->api, t->accounts + 1, &err) != SLV_OK) {
        fail(t, &err);
        return;
    }
    if (t->original)
        slv_import_without_keys(t->import);
    work(t, run_read, on_placed);
}

static void run_open(slv_job *job)
{
    transfer *t = slv_container_of(job, transfer, job);
    SLV_CLEANUP(slv_charp_free) char *from = path_of(t);

    t->err.code =
        slv_import_open(slv_api_state(t->call->api), from, t->passphrase, &t->import, &t->err);
}

static void on_opened(slv_job *job)
{
    transfer *t = slv_container_of(job, transfer, job);
    slv_str name = t->account.name;

    if (t->err.code != SLV_OK) {
        fail(t, &t->err);
        return;
    }
    t->account = slv_import_head_of(t->import)->account;
    if (name.len > 0)
        t->account.name = name;
    if (slv_str_is(t->wanted, "new")) {
        slv_catalog_account_id_draw(t->id);
        t->account.id = slv_str_from(t->id);
    } else if (t->wanted.len > 0) {
        t->account.id = t->wanted;
    }
    ask(t, SLV_CALL_READ, run_check, on_checked);
}

static void post_import(slv_api_call *call)
{
    slv_node *body;
    transfer *t = start(call, "from", &body);
    const slv_node *without = slv_node_get(body, "without_hosts");

    if (!t)
        return;
    t->wanted = slv_node_str(slv_node_get(body, "account"));
    t->account.name = slv_node_str(slv_node_get(body, "name"));
    t->options.without_hosts = without && without->boolean;
    if (t->wanted.len > 0 && !slv_str_is(t->wanted, "new") &&
        !slv_catalog_account_id_ok(t->wanted)) {
        slv_api_error(call, 400, SLV_API_BAD_JSON,
                      "'account' must be 32 lower-case hexadecimal digits, or \"new\"");
        finish(t);
        return;
    }
    work(t, run_open, on_opened);
}

const slv_api_route slv_api_transfer_routes[] = {
    {.method = "POST", .pattern = "/server/export", .handle = post_export, .access = SLV_API_OWNER},
    {.method = "POST", .pattern = "/server/import", .handle = post_import, .access = SLV_API_OWNER},
    {.method = NULL},
};
