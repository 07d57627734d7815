/* The host's life, what it seals, and what it sweeps away. */
#include "host/host.h"

#include <dirent.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "catalog/pages.h"
#include "fmt/seal.h"
#include "host/host_int.h"
#include "state/kinds.h"

#define SWEEP_FIRST_MS 60000
#define SWEEP_MS ((uint64_t)6 * 3600 * 1000)
#define SWEEP_GRACE_MS ((int64_t)3600 * 1000) /* from a file to the row that names it */

/* ---- sealing ---- */

slv_code slv_host_seal(const slv_host *host, slv_str plain, slv_buf *out)
{
    return slv_seal_text(host->key, plain, out);
}

slv_code slv_host_unseal(const slv_host *host, slv_str sealed, slv_buf *out, slv_err *err)
{
    slv_code code = slv_unseal_text(host->key, sealed, out);

    if (code == SLV_E_DENIED)
        return slv_fail(err, SLV_E_DENIED,
                        "secrets cannot be opened: the server's key is not the one that they "
                        "were sealed with, or they are damaged");
    return code;
}

/* ---- sweeping ---- */

typedef struct sweep {
    slv_call call;
    slv_host *host;
    SLV_MAP(bool) named; /* "ACCOUNT/FILE" */
    int64_t before_ms;
    slv_str account; /* that is being swept */
} sweep;

static void note(void *arg, slv_str account, slv_str code)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(4096);
    sweep *s = arg;

    if (slv_buf_printf(&key, "%.*s/%.*s", SLV_STR_ARGS(account), SLV_STR_ARGS(code)) == SLV_OK)
        slv_map_set(&s->named, slv_buf_view(&key), true);
}

static bool is_named(void *arg, slv_str name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(4096);
    sweep *s = arg;

    return slv_buf_printf(&key, "%.*s/%.*s", SLV_STR_ARGS(s->account), SLV_STR_ARGS(name)) !=
               SLV_OK ||
           slv_map_get(&s->named, slv_buf_view(&key)) != NULL;
}

static slv_code run_sweep(slv_call *call, void *service, slv_err *err)
{
    sweep *s = slv_container_of(call, sweep, call);
    const char *dir = slv_state_dir(s->host->state);
    struct dirent *e;
    DIR *d;

    SLV_TRY(slv_catalog_code_each(service, SLV_STR_NULL, note, s, err));
    SLV_TRY(slv_catalog_pages_code_each(service, SLV_STR_NULL, note, s, err));
    d = opendir(dir);
    if (!d)
        return slv_fail_errno(err, SLV_E_IO, "cannot read %s", dir);
    while ((e = readdir(d)) != NULL) {
        slv_err why = {0};

        s->account = slv_str_from(e->d_name);
        if (e->d_name[0] != '.' && e->d_name[0] != '@' &&
            slv_code_file_sweep(dir, s->account, s->before_ms, is_named, s, &why) != SLV_OK)
            slv_log(SLV_LOG_WARN, "%s", slv_err_text(&why));
    }
    (void)closedir(d);
    return SLV_OK;
}

static void on_swept(slv_call *call)
{
    sweep *s = slv_container_of(call, sweep, call);
    slv_host *host = s->host;

    if (call->code != SLV_OK && call->code != SLV_E_NOTFOUND)
        slv_log(SLV_LOG_WARN, "%s", slv_err_text(&call->err));
    slv_map_done(&s->named);
    free(s);
    slv_host_settle(host);
}

static void on_sweep(slv_timer *timer)
{
    slv_host *host = slv_container_of(timer, slv_host, sweep);
    sweep *s = slv_new0(sweep);

    s->host = host;
    s->before_ms = slv_loop_wall_ms(host->loop) - SWEEP_GRACE_MS;
    s->call = (slv_call){.kind = SLV_CALL_READ, .run = run_sweep, .done = on_swept};
    host->pending++;
    slv_store_call(host->catalog, host->loop, &s->call);
    slv_host_sweep_assets(host);
    slv_timer_start(timer, host->loop, SWEEP_MS);
}

/* ---- life ---- */

slv_code slv_host_new(const slv_host_options *options, slv_host **ret, slv_err *err)
{
    slv_host *host;

    if (options->secret_key.len != sizeof host->key)
        return slv_fail(err, SLV_E_INVAL, "the secret key has %zu bytes; it must have %zu",
                        options->secret_key.len, sizeof host->key);
    host = slv_new0(slv_host);
    host->loop = options->loop;
    host->state = options->state;
    host->server = options->server;
    host->domain = slv_strndup(options->domain.ptr ? options->domain.ptr : "", options->domain.len);
    host->https = options->https;
    host->port = options->port;
    memcpy(host->key, options->secret_key.ptr, sizeof host->key);
    host->catalog = slv_state_store(host->state, &slv_catalog_store, SLV_STR(SLV_CATALOG_TENANT),
                                    SLV_STR(SLV_CATALOG_ID));
    host->assets = slv_asset_store_new(slv_state_dir(host->state), options->secret_key);
    host->route_arena = SLV_ARENA((size_t)256 << 20);
    slv_list_init(&host->changes);
    slv_list_init(&host->builds);
    slv_host_site_init(host);
    host->pages = slv_host_pages_new(host);
    host->sweep.fn = on_sweep;
    slv_timer_start(&host->sweep, host->loop, SWEEP_FIRST_MS);
    slv_server_on_preview(host->server, slv_host_preview, host);
    *ret = host;
    return SLV_OK;
}

void slv_host_settle(slv_host *host)
{
    SLV_ASSERT(host->pending > 0);
    if (--host->pending == 0 && host->stopped) {
        void (*stopped)(void *arg) = host->stopped;

        host->stopped = NULL;
        stopped(host->stopped_arg);
    }
}

static void stop_task(slv_mail *mail)
{
    slv_host *host = *(slv_host **)(void *)(mail + 1);

    free(mail);
    slv_host_settle(host);
}

void slv_host_stop(slv_host *host, void (*done)(void *arg), void *arg)
{
    slv_mail *mail = slv_alloc0(sizeof *mail + sizeof host);

    host->stopping = true;
    host->stopped = done;
    host->stopped_arg = arg;
    slv_timer_stop(&host->sweep);
    slv_timer_stop(&host->bundler_idle);
    /* never from inside */
    *(slv_host **)(void *)(mail + 1) = host;
    mail->fn = stop_task;
    host->pending++;
    slv_loop_post(host->loop, mail);
}

slv_host *slv_host_free(slv_host *host)
{
    if (!host)
        return NULL;
    SLV_ASSERT(host->pending == 0 && !host->building && !host->changing);
    slv_timer_stop(&host->sweep);
    slv_timer_stop(&host->bundler_idle);
    slv_task_cancel(&host->site_task);
    host->bundler = slv_bundler_free(host->bundler);
    slv_host_workers_free(host);
    host->pages = slv_host_pages_free(host->pages);
    slv_vec_done(&host->routes);
    slv_arena_done(&host->route_arena);
    host->assets = slv_asset_store_free(host->assets);
    (void)slv_store_unref(host->catalog);
    free(host->domain);
    explicit_bzero(host->key, sizeof host->key);
    (void)slv_site_unref(host->names);
    free(host);
    return NULL;
}

slv_store *slv_host_catalog(slv_host *host)
{
    return host->catalog;
}

slv_str slv_host_domain(const slv_host *host)
{
    return slv_str_from(host->domain);
}

slv_asset_store *slv_host_assets(slv_host *host)
{
    return host->assets;
}

void slv_host_add_source(slv_host *host, const slv_host_source *source)
{
    SLV_ASSERT(host->source_count < SLV_HOST_SOURCES_MAX);
    host->sources[host->source_count++] = *source;
}

void slv_host_routes_changed(slv_host *host)
{
    slv_host_site_soon(host);
}
