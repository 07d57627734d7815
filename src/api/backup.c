/*
 * Copies of the whole directory, for its owner alone: POST /server/backup {"to":"/absolute/path"},
 * and back, POST /server/restore {"from":"/absolute/path"}: the copy takes the place of the data
 * when main has been started again, which is ordered behind the answer.
 */
#include "state/backup.h"

#include "aio/strand.h"
#include "api/api_int.h"
#include "api/routes.h"
#include "base/mem.h"

typedef struct backup {
    slv_job job;
    slv_api_call *call;
    slv_state *state;
    char *to, *id; /* id: of what was restored */
    slv_backup_report report;
    slv_code code;
    slv_err err;
} backup;

static void run(slv_job *job)
{
    backup *b = slv_container_of(job, backup, job);

    b->code = slv_state_backup(b->state, b->to, &b->report, &b->err);
}

static void done(slv_job *job)
{
    backup *b = slv_container_of(job, backup, job);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1024);

    if (b->code != SLV_OK)
        slv_api_fail(b->call, &b->err, 0);
    else if (slv_buf_printf(
                 &out, "{\"files\":%llu,\"bytes\":%llu,\"taken_ms\":%lld,\"paused_us\":%llu}",
                 (unsigned long long)b->report.files, (unsigned long long)b->report.bytes,
                 (long long)b->report.taken_ms, (unsigned long long)b->report.paused_us) != SLV_OK)
        slv_api_abort(b->call);
    else
        slv_api_ok(b->call, slv_buf_view(&out));
    free(b->to);
    free(b);
}

static void take(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    slv_str to = slv_node_str(slv_node_get(body, "to"));
    backup *b;

    if (!body)
        return;
    if (!slv_str_starts(to, SLV_STR("/")) || to.len < 2) {
        slv_api_error(call, 400, SLV_API_BAD_JSON,
                      "'to' must be the absolute path of a directory "
                      "that does not exist yet");
        return;
    }
    b = slv_new0(backup);
    *b = (backup){.job = {.run = run, .done = done},
                  .call = call,
                  .state = slv_api_state(call->api),
                  .to = slv_strndup(to.ptr, to.len)};
    slv_state_work(b->state, slv_api_loop(call->api), &b->job);
}

/* ---- back ---- */

static void run_restore(slv_job *job)
{
    backup *b = slv_container_of(job, backup, job);

    b->code = slv_backup_stage(b->state, b->to, &b->report, &b->id, &b->err);
}

static void on_restored(slv_job *job)
{
    backup *b = slv_container_of(job, backup, job);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1024);
    slv_api *api = b->call->api;
    slv_err none = {0};
    bool restarts = false;

    if (b->code == SLV_OK)
        restarts = slv_api_give_order(api, SLV_API_RESTART, &none) == SLV_OK;
    if (b->code != SLV_OK)
        slv_api_fail(b->call, &b->err, 0);
    else if (slv_buf_printf(
                 &out,
                 "{\"files\":%llu,\"bytes\":%llu,\"taken_ms\":%lld,\"id\":\"%s\",\"restarts\":%s}",
                 (unsigned long long)b->report.files, (unsigned long long)b->report.bytes,
                 (long long)b->report.taken_ms, b->id, restarts ? "true" : "false") != SLV_OK)
        slv_api_abort(b->call);
    else
        slv_api_ok(b->call, slv_buf_view(&out));
    free(b->to);
    free(b->id);
    free(b);
}

static void put_back(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    slv_str from = slv_node_str(slv_node_get(body, "from"));
    backup *b;

    if (!body)
        return;
    if (!slv_str_starts(from, SLV_STR("/")) || from.len < 2) {
        slv_api_error(call, 400, SLV_API_BAD_JSON, "'from' must be the absolute path of a copy");
        return;
    }
    b = slv_new0(backup);
    *b = (backup){.job = {.run = run_restore, .done = on_restored},
                  .call = call,
                  .state = slv_api_state(call->api),
                  .to = slv_strndup(from.ptr, from.len)};
    slv_state_work(b->state, slv_api_loop(call->api), &b->job);
}

const slv_api_route slv_api_backup_routes[] = {
    {.method = "POST", .pattern = "/server/restore", .handle = put_back, .access = SLV_API_OWNER},
    {.method = "POST", .pattern = "/server/backup", .handle = take, .access = SLV_API_OWNER},
    {.method = NULL},
};
