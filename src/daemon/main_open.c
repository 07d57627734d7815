/* The parts of main, in the order in which they need each other, and their end in the other one. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/main_int.h"

/* Isolates of a main that was killed end a moment after it. */
#define LOCK_WAIT_MS 15000
#define CUT_MS 5000 /* what is left of control calls when the edge is drained */

/* ---- state ---- */

slv_code slv_main_open_state(slv_main *m, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *dir = slv_strndup(m->config->data.ptr, m->config->data.len);
    const slv_state_options options = {.control = m->loop, .lock_wait_ms = LOCK_WAIT_MS};

    SLV_TRY(slv_state_open(dir, &options, &m->state, err));
    SLV_TRY(slv_first_key(dir, m->key, err));
    m->catalog = slv_state_store(m->state, &slv_catalog_store, SLV_STR(SLV_CATALOG_TENANT),
                                 SLV_STR(SLV_CATALOG_ID));
    return slv_first_account(m->catalog, m->loop, SLV_STR("owner@localhost"), &m->first, err);
}

/* ---- door ---- */

static void on_notice(void *user, slv_str text)
{
    (void)user;
    slv_log(SLV_LOG_WARN, "%.*s", SLV_STR_ARGS(text));
}

static slv_code open_door(slv_main *m, slv_err *err)
{
    const slv_serve_config *c = m->config;
    SLV_CLEANUP(slv_charp_free) char *dir = slv_strndup(c->data.ptr, c->data.len);
    SLV_CLEANUP(slv_charp_free) char *acme = slv_path_join(dir, SLV_STR("acme"));
    SLV_CLEANUP(slv_charp_free)
    char *ca = slv_strndup(c->acme_ca_file.ptr ? c->acme_ca_file.ptr : "", c->acme_ca_file.len);
    const slv_door_options options = {
        .loop = m->loop,
        .cert_dir = c->tls_certificates,
        .default_host = c->domain,
        .acme_directory = c->acme_directory,
        .acme_email = c->acme_email,
        .acme_ca_file = ca[0] ? ca : NULL,
        .acme_terms_agreed = c->acme_accept_terms,
        .acme_dir = acme,
        .trusted_proxies = c->proxy_trusted.items,
        .trusted_proxy_count = c->proxy_trusted.count,
        .notice = on_notice,
        .user = m,
    };

    SLV_TRY(slv_door_open(&options, &m->door, err));
    for (size_t i = 0; i < c->acme_hosts.count; i++)
        slv_door_want(m->door, c->acme_hosts.items[i]);
    return SLV_OK;
}

/* ---- edge ---- */

static bool take_other(void *arg, slv_loop *loop, slv_exchange *ex)
{
    slv_main *m = arg;

    return slv_dynamo_http_take(m->tables_http, loop, ex) || slv_s3_take(m->s3, loop, ex);
}

static uint16_t https_port(const slv_main *m)
{
    int fd = slv_listeners_first(&m->listeners, SLV_LISTENER_HTTPS);

    return fd < 0 || !m->config->tls_redirect ? 0 : slv_listener_port(fd);
}

static slv_code listen_all(slv_main *m, slv_err *err)
{
    for (size_t i = 0; i < m->listeners.count; i++) {
        slv_listener_kind kind = m->listeners.items[i].kind;
        bool tls = kind == SLV_LISTENER_HTTPS, proxied = kind == SLV_LISTENER_PROXY;
        const slv_listener_traits traits = {
            .tls = tls ? slv_door_tls(m->door) : NULL,
            .proxied = proxied,
            .proxies = proxied ? slv_door_proxies(m->door) : NULL,
            .redirect_port = tls ? 0 : https_port(m),
        };

        if (kind == SLV_LISTENER_CONTROL)
            continue;
        if (tls && !traits.tls)
            return slv_fail(err, SLV_E_INVAL,
                            "an address for HTTPS needs certificates: --certificates DIR, or "
                            "[acme] in selvage.toml");
        SLV_TRY(slv_server_listen_fd(m->server, m->listeners.items[i].fd, &traits, err));
    }
    return SLV_OK;
}

slv_code slv_main_open_server(slv_main *m, slv_err *err)
{
    const slv_serve_config *c = m->config;
    const slv_dynamo_face_options face = {.state = m->state};
    const slv_s3_options s3 = {.state = m->state};
    slv_server_options options = {
        .control = m->loop,
        .loops = (unsigned)c->loops,
        .state = m->state,
        .isolates = (unsigned)c->version_isolates,
        .allow_private = c->allow_private,
        .extension = {.take = take_other, .arg = m},
    };

    SLV_TRY(open_door(m, err));
    options.door = m->door;
    m->tenants = slv_tenants_new(c, m->loop, m->state, &options);
    SLV_TRY(slv_tenants_count(m->tenants, m->first.accounts, err));
    m->tables = slv_dynamo_face_new(&face);
    const slv_dynamo_http_options http = {.face = m->tables, .verify = true};
    m->tables_http = slv_dynamo_http_new(&http);
    m->s3 = slv_s3_new(&s3);
    options.dynamo = m->tables;
    SLV_TRY(slv_server_new(&options, &m->server, err));
    return listen_all(m, err);
}

/* ---- control API ---- */

static slv_code more_accounts(void *arg, size_t accounts, slv_err *err)
{
    slv_main *m = arg;

    return slv_tenants_count(m->tenants, accounts, err);
}

slv_code slv_main_open_api(slv_main *m, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *dir = slv_strndup(m->config->data.ptr, m->config->data.len);
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, SLV_STR(SLV_API_SOCKET));
    const slv_server_extension extension = {.take = slv_main_take_control, .arg = m};
    int fd = slv_listeners_first(&m->listeners, SLV_LISTENER_CONTROL), fds[SLV_LISTENERS_MAX];
    char address[128] = "";
    size_t count = 0;

    if (fd >= 0)
        slv_listener_address(fd, address);
    (void)snprintf(m->base_url, sizeof m->base_url, "http://%s", address);
    const slv_api_options options = {.loop = m->loop,
                                     .state = m->state,
                                     .server = m->server,
                                     .catalog = m->catalog,
                                     .more_accounts = more_accounts,
                                     .more_arg = m,
                                     .base_url = m->base_url};
    m->api = slv_api_new(&options);
    SLV_TRY(slv_api_http_new(m->api, slv_str_from(path), &m->owner_http, err));
    for (size_t i = 0; i < m->listeners.count; i++) {
        if (m->listeners.items[i].kind != SLV_LISTENER_CONTROL)
            continue;
        fds[count] = fcntl(m->listeners.items[i].fd, F_DUPFD_CLOEXEC, 0);
        if (fds[count++] < 0)
            return slv_fail_errno(err, SLV_E_IO, "a listening socket");
    }
    return slv_api_http_listen(m->api, fds, count, &extension, &m->api_http, err);
}

/* ---- the end ---- */

static bool no_calls(void *arg)
{
    return slv_api_open_calls(arg) == 0;
}

void slv_main_close(slv_main *m)
{
    slv_timer_stop(&m->adopt_timer);
    slv_signal_stop(&m->on_term);
    m->api_http = slv_api_http_free(m->api_http);
    m->owner_http = slv_api_http_free(m->owner_http);
    if (m->api && slv_loop_run_until(m->loop, no_calls, m->api, CUT_MS))
        m->api = slv_api_free(m->api);
    m->server = slv_server_free(m->server);
    if (m->state)
        slv_state_forget_loop(m->state, m->loop);
    slv_tenants_close(m->tenants);
    m->s3 = slv_s3_free(m->s3);
    m->tables_http = slv_dynamo_http_free(m->tables_http);
    m->tables = slv_dynamo_face_free(m->tables);
    m->catalog = slv_store_unref(m->catalog);
    m->state = slv_state_free(m->state);
    m->tenants = slv_tenants_free(m->tenants);
    m->door = slv_door_free(m->door);
    slv_listeners_close(&m->listeners);
    slv_link_stop(&m->link);
    slv_proc_release(&m->adopter);
    m->loop = slv_loop_free(m->loop);
}
