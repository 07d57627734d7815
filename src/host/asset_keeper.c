/*
 * The sweep of static files: what versions, deployments and open uploads name is gathered; rows
 * that are old and not among it go, then their files.
 */
#include "base/log.h"
#include "base/mem.h"
#include "catalog/asset.h"
#include "host/host_int.h"

#define KEY_MAX ((size_t)4 << 10)
#define ROWS_MAX 2000u /* of one sweep; the next one goes on */
#define ARENA_MAX ((size_t)64 << 20)

typedef struct asset_sweep {
    slv_call call;
    slv_job job;
    slv_host *host;
    slv_arena arena;
    int64_t now_ms;
    SLV_MAP(bool) named; /* "account/hash" */
    SLV_VEC(slv_asset_old) gone;
} asset_sweep;

static void note(void *arg, slv_str account, slv_str hash)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(KEY_MAX);
    asset_sweep *s = arg;

    if (slv_buf_printf(&key, "%.*s/%.*s", SLV_STR_ARGS(account), SLV_STR_ARGS(hash)) == SLV_OK &&
        !slv_map_get(&s->named, slv_buf_view(&key)))
        slv_map_set(&s->named, slv_buf_view(&key), true);
}

static bool is_named(const asset_sweep *s, const slv_asset_old *row)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(KEY_MAX);

    return slv_buf_printf(&key, "%.*s/%.*s", SLV_STR_ARGS(row->account), SLV_STR_ARGS(row->hash)) !=
               SLV_OK ||
           slv_map_get(&s->named, slv_buf_view(&key)) != NULL;
}

/* A manifest that cannot be read ends the sweep: what it names is not known. */
static slv_code each_row(void *arg, slv_str account, slv_str assets_json, slv_err *err)
{
    asset_sweep *s = arg;

    return slv_asset_named(s->host->assets, account, assets_json, note, s, err);
}

static slv_code each_session(void *arg, slv_str account, slv_str manifest, slv_err *err)
{
    asset_sweep *s = arg;

    return slv_asset_named_by(s->host->assets, account, manifest, note, s, err);
}

static slv_code run_read(slv_call *call, void *service, slv_err *err)
{
    asset_sweep *s = slv_container_of(call, asset_sweep, call);
    slv_asset_old behind = {SLV_STR(""), SLV_STR("")};
    slv_asset_old_list page;

    SLV_TRY(slv_catalog_asset_each(service, each_row, s, err));
    SLV_TRY(slv_catalog_session_each(service, s->now_ms, each_session, s, err));
    do {
        SLV_TRY(slv_catalog_asset_old(service, s->now_ms - SLV_ASSET_GRACE_MS, &behind, 1000,
                                      &s->arena, &page, err));
        for (size_t i = 0; i < page.count; i++)
            if (!is_named(s, &page.items[i]) && s->gone.len < ROWS_MAX)
                slv_vec_push(&s->gone, page.items[i]);
        if (page.count > 0)
            behind = page.items[page.count - 1];
    } while (page.count > 0 && s->gone.len < ROWS_MAX);
    return SLV_OK;
}

static slv_code run_remove(slv_call *call, void *service, slv_err *err)
{
    asset_sweep *s = slv_container_of(call, asset_sweep, call);

    for (size_t i = s->gone.len; i-- > 0;) {
        bool gone;

        SLV_TRY(slv_catalog_asset_remove(service, s->gone.items[i].account, s->gone.items[i].hash,
                                         s->now_ms - SLV_ASSET_GRACE_MS, &gone, err));
        if (!gone)
            slv_vec_swap_remove(&s->gone, i);
    }
    return SLV_OK;
}

static void run_files(slv_job *job)
{
    asset_sweep *s = slv_container_of(job, asset_sweep, job);

    for (size_t i = 0; i < s->gone.len; i++)
        slv_asset_sweep_remove(s->host->assets, s->gone.items[i].account, s->gone.items[i].hash);
    slv_asset_sweep_end(s->host->assets, s->now_ms);
}

static void on_files(slv_job *job)
{
    asset_sweep *s = slv_container_of(job, asset_sweep, job);
    slv_host *host = s->host;

    slv_map_done(&s->named);
    slv_vec_done(&s->gone);
    slv_arena_done(&s->arena);
    free(s);
    slv_host_settle(host);
}

static void end(asset_sweep *s)
{
    s->job = (slv_job){.run = run_files, .done = on_files};
    slv_state_work(s->host->state, s->host->loop, &s->job);
}

static void on_removed(slv_call *call)
{
    asset_sweep *s = slv_container_of(call, asset_sweep, call);

    if (call->code != SLV_OK) {
        slv_log(SLV_LOG_WARN, "static files are not swept: %s", slv_err_text(&call->err));
        s->gone.len = 0;
    }
    end(s);
}

static void on_read(slv_call *call)
{
    asset_sweep *s = slv_container_of(call, asset_sweep, call);

    if (call->code != SLV_OK) {
        if (call->code != SLV_E_NOTFOUND)
            slv_log(SLV_LOG_WARN, "static files are not swept: %s", slv_err_text(&call->err));
        s->gone.len = 0;
    }
    if (s->gone.len == 0) {
        end(s);
        return;
    }
    s->call = (slv_call){.kind = SLV_CALL_WRITE, .run = run_remove, .done = on_removed};
    slv_store_call(s->host->catalog, s->host->loop, &s->call);
}

void slv_host_sweep_assets(slv_host *host)
{
    asset_sweep *s = slv_new0(asset_sweep);

    s->host = host;
    s->arena = SLV_ARENA(ARENA_MAX);
    s->now_ms = slv_loop_wall_ms(host->loop);
    host->pending++;
    slv_asset_sweep_begin(host->assets);
    s->call = (slv_call){.kind = SLV_CALL_READ, .run = run_read, .done = on_read};
    slv_store_call(host->catalog, host->loop, &s->call);
}
