/* The parts of main, in the order in which they need each other, and their end in the other one. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/main_int.h"
#include "daemon/restored.h"

/* Isolates of a main that was killed end a moment after it. */
#define LOCK_WAIT_MS 15000
#define CUT_MS 5000 /* what is left of control calls when the edge is drained */

/* ---- state ---- */

slv_code slv_main_open_state(slv_main *m, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *dir = slv_strndup(m->config->data.ptr, m->config->data.len);
    const slv_state_options options = {.control = m->loop, .lock_wait_ms = LOCK_WAIT_MS};

    SLV_TRY(slv_state_open(dir, &options, &m->state, err));
    SLV_TRY(slv_restored_settle(dir, err));
    SLV_TRY(slv_state_key(dir, m->key, err));
    m->catalog = slv_state_store(m->state, &slv_catalog_store, SLV_STR(SLV_CATALOG_TENANT),
                                 SLV_STR(SLV_CATALOG_ID));
    return slv_first_account(m->state, m->catalog, m->loop, SLV_STR("owner@localhost"), &m->first,
                             err);
}

/* ---- door ---- */

static void on_notice(void *user, slv_str text)
{
    (void)user;
    slv_log(SLV_LOG_WARN, "%.*s", SLV_STR_ARGS(text));
}

static bool on_known(void *user, slv_str name)
{
    const slv_main *m = user;

    for (size_t i = 0; i < m->config->acme_hosts.count; i++)
        if (slv_str_eq_nocase(m->config->acme_hosts.items[i], name))
            return true;
    return m->host && slv_host_serves(m->host, name);
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
        .known = on_known,
        .notice = on_notice,
        .user = m,
    };

    SLV_TRY(slv_door_open(&options, &m->door, err));
    for (size_t i = 0; i < c->acme_hosts.count; i++)
        slv_door_want(m->door, c->acme_hosts.items[i]);
    return SLV_OK;
}

/* ---- edge ---- */

/* What is seen of events is kept with the state: of those that go on without it, nothing is. */
static void on_trace(void *user, struct slv_trace *trace)
{
    slv_main *m = user;

    if (!m->drained)
        slv_sight_trace(m->sight, trace);
}

/* "NAME.DOMAIN", with or without a port. */
static bool is_host(const slv_main *m, slv_str host, slv_str name)
{
    slv_str domain = slv_str_from(m->domain);
    size_t n = name.len + domain.len;

    return domain.len > 0 && host.len >= n && (host.len == n || host.ptr[n] == ':') &&
           slv_str_eq_nocase(slv_str_sub(host, 0, name.len), name) &&
           slv_str_eq_nocase(slv_str_sub(host, name.len, n), domain);
}

/* Signed requests: the key says whose buckets and tables are meant. */
static bool take_other(void *arg, slv_loop *loop, slv_exchange *ex)
{
    slv_main *m = arg;

    if (is_host(m, ex->head.authority, SLV_STR("s3."))) {
        slv_s3_take_host(m->s3, loop, ex);
        return true;
    }
    if (is_host(m, ex->head.authority, SLV_STR("dynamodb."))) {
        slv_dynamo_http_take_host(m->tables_http, loop, ex);
        return true;
    }
    return slv_dynamo_http_take(m->tables_http, loop, ex) || slv_s3_take(m->s3, loop, ex);
}

static uint16_t https_port(const slv_main *m)
{
    int fd = slv_listeners_first(&m->listeners, SLV_LISTENER_HTTPS);

    return fd < 0 || !m->config->tls_redirect ? 0 : slv_listener_port(fd);
}

/* When all that is deployed answers: until then clients wait in the kernel's queues. */
slv_code slv_main_listen(slv_main *m, slv_err *err)
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

static slv_code open_sight(slv_main *m, slv_err *err)
{
    const slv_serve_config *c = m->config;
    const slv_sight_options options = {
        .loop = m->loop,
        .state = m->state,
        .keep_days = (uint32_t)c->log_keep_days,
        .keep_bytes = c->log_keep_mb << 20,
        .lines = !c->log_requests                    ? SLV_LINES_NONE
                 : slv_str_is(c->log_format, "json") ? SLV_LINES_JSON
                                                     : SLV_LINES_TEXT,
        .otlp_endpoint = c->otlp_endpoint,
        .otlp_service = c->otlp_service,
        .otlp_headers = c->otlp_headers.items,
        .otlp_header_count = c->otlp_headers.count,
    };

    return slv_sight_new(&options, &m->sight, err);
}

static void open_faces(slv_main *m)
{
    const slv_dynamo_face_options face = {.state = m->state};
    const slv_s3_options s3 = {.state = m->state, .many = true};

    m->tables = slv_dynamo_face_new(&face);
    const slv_dynamo_http_options http = {.face = m->tables, .verify = true, .many = true};
    m->tables_http = slv_dynamo_http_new(&http);
    m->s3 = slv_s3_new(&s3);
}

static slv_code open_host(slv_main *m, slv_err *err)
{
    int https = slv_listeners_first(&m->listeners, SLV_LISTENER_HTTPS);
    int http = slv_listeners_first(&m->listeners, SLV_LISTENER_HTTP);
    int shown = https >= 0 ? https : http;
    const slv_host_options options = {
        .https = https >= 0,
        .port = shown >= 0 ? slv_listener_port(shown) : 0,
        .loop = m->loop,
        .state = m->state,
        .server = m->server,
        .domain = m->config->domain,
        .secret_key = slv_str_make(m->key, sizeof m->key),
    };

    return slv_host_new(&options, &m->host, err);
}

slv_code slv_main_open_server(slv_main *m, slv_err *err)
{
    const slv_serve_config *c = m->config;
    slv_server_options options = {
        .control = m->loop,
        .loops = (unsigned)c->loops,
        .asset_ranges = true,
        .colo = c->colo,
        .state = m->state,
        .isolates = (unsigned)c->version_isolates,
        .allow_private = c->allow_private,
        .extension = {.take = take_other, .hosts = true, .arg = m},
        .hand_over = slv_bequest_give,
        .hand_socket = slv_bequest_give_socket,
        .adopts = m->o->role == SLV_DAEMON_NEXT,
        .hand_over_arg = &m->bequest,
        .pumps = m->pumps,
    };

    SLV_TRY(open_door(m, err));
    SLV_TRY(open_sight(m, err));
    m->domain = slv_strndup(c->domain.ptr ? c->domain.ptr : "", c->domain.len);
    open_faces(m);
    options.door = m->door;
    options.http.hsts_seconds = (uint32_t)c->tls_hsts_seconds;
    options.dynamo = m->tables;
    options.hooks = (slv_server_hooks){.user = m, .trace = on_trace, .notice = on_notice};
    options.trace_all = slv_sight_wants(m->sight);
    m->tenants = slv_tenants_new(c, m->loop, m->state, &options);
    SLV_TRY(slv_tenants_count(m->tenants, m->first.accounts, err));
    SLV_TRY(slv_server_new(&options, &m->server, err));
    slv_sight_set_server(m->sight, m->server);
    return open_host(m, err);
}

/* ---- control API ---- */

static slv_code more_accounts(void *arg, size_t accounts, slv_err *err)
{
    slv_main *m = arg;

    return slv_tenants_count(m->tenants, accounts, err);
}

static slv_code take_order(void *arg, slv_api_order what, slv_err *err)
{
    slv_main *m = arg;

    if (m->link.fd < 0)
        return slv_fail(err, SLV_E_AGAIN, "the supervisor is being started again");
    slv_link_say(&m->link, "%s",
                 what == SLV_API_RELOAD    ? "reload"
                 : what == SLV_API_RESTART ? "restart"
                                           : "upgrade");
    return SLV_OK;
}

/* wrangler prints "https://<worker>.<subdomain>.workers.dev", whatever the server is. With the
 * domain, and a fragment that takes the rest, it is the worker's URL for whoever follows it. */
static void make_subdomain(const slv_main *m, char out[static 300])
{
    static const char theirs[] = ".workers.dev";
    slv_str domain = m->config->domain;
    int fd = slv_listeners_first(&m->listeners, SLV_LISTENER_HTTPS);
    char port[8] = "";

    if (fd < 0)
        fd = slv_listeners_first(&m->listeners, SLV_LISTENER_HTTP);
    if (fd >= 0 && slv_listener_port(fd) != 0 && slv_listener_port(fd) != 443)
        (void)snprintf(port, sizeof port, ":%u", slv_listener_port(fd));
    if (slv_str_ends(domain, slv_str_from(theirs)))
        (void)snprintf(out, 300, "%.*s", (int)(domain.len - (sizeof theirs - 1)), domain.ptr);
    else
        (void)snprintf(out, 300, "%.*s%s/#", SLV_STR_ARGS(domain), port);
}

slv_code slv_main_open_api(slv_main *m, slv_err *err)
{
    char subdomain[300];
    SLV_CLEANUP(slv_charp_free) char *dir = slv_strndup(m->config->data.ptr, m->config->data.len);
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, SLV_STR(SLV_API_SOCKET));
    const slv_server_extension extension = {.take = slv_main_take_control, .arg = m};
    int fd = slv_listeners_first(&m->listeners, SLV_LISTENER_CONTROL), fds[SLV_LISTENERS_MAX];
    char address[128] = "";
    size_t count = 0;

    if (fd >= 0)
        slv_listener_address(fd, address);
    (void)snprintf(m->base_url, sizeof m->base_url, "http://%s", address);
    make_subdomain(m, subdomain);
    const slv_api_options options = {.loop = m->loop,
                                     .state = m->state,
                                     .server = m->server,
                                     .host = m->host,
                                     .sight = m->sight,
                                     .order = take_order,
                                     .order_arg = m,
                                     .catalog = m->catalog,
                                     .more_accounts = more_accounts,
                                     .more_arg = m,
                                     .base_url = m->base_url,
                                     .subdomain = subdomain};
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

static void on_flag(void *arg)
{
    *(bool *)arg = true;
}

static bool is_set(void *arg)
{
    return *(bool *)arg;
}

/* What was opened and never served. */
static void settle(slv_main *m)
{
    if (m->host && !m->host_stopped) {
        slv_host_stop(m->host, on_flag, &m->host_stopped);
        (void)slv_loop_run_until(m->loop, is_set, &m->host_stopped, CUT_MS);
    }
    if (m->sight && !m->sight_stopped) {
        slv_sight_stop(m->sight, 0, on_flag, &m->sight_stopped);
        (void)slv_loop_run_until(m->loop, is_set, &m->sight_stopped, CUT_MS);
    }
}

/* Server and host stay, for what goes on with them. */
void slv_main_let_go(slv_main *m)
{
    m->api_http = slv_api_http_free(m->api_http);
    m->owner_http = slv_api_http_free(m->owner_http);
    if (m->api && slv_loop_run_until(m->loop, no_calls, m->api, CUT_MS))
        m->api = slv_api_free(m->api);
    settle(m);
    slv_state_forget_loop(m->state, m->loop);
    slv_tenants_close(m->tenants);
    slv_state_retire(m->state);
    slv_listeners_close(&m->listeners);
    slv_heir_stop(&m->heir);
}

void slv_main_close(slv_main *m)
{
    slv_timer_stop(&m->adopt_timer);
    slv_signal_stop(&m->on_term);
    m->api_http = slv_api_http_free(m->api_http);
    m->owner_http = slv_api_http_free(m->owner_http);
    if (m->api && slv_loop_run_until(m->loop, no_calls, m->api, CUT_MS))
        m->api = slv_api_free(m->api);
    settle(m);
    m->host = slv_host_free(m->host);
    m->sight = slv_sight_free(m->sight);
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
    slv_heir_stop(&m->heir);
    m->pumps = slv_pumps_free(m->pumps);
    slv_bequest_done(&m->bequest);
    slv_link_stop(&m->link);
    slv_proc_release(&m->adopter);
    free(m->domain);
    m->loop = slv_loop_free(m->loop);
}
