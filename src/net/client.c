#include "net/client.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/client_int.h"

/* A socket of curl's, watched. */
typedef struct watched {
    slv_poll poll;
    slv_client *client;
} watched;

static void collect_done(slv_client *c)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(c->multi, &left))) {
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result;
        slv_transfer *t = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
        t->done(t, result);
    }
}

static void on_socket_ready(slv_poll *poll, unsigned events)
{
    watched *w = slv_container_of(poll, watched, poll);
    slv_client *c = w->client; /* w may be gone after the call */
    int mask = (events & SLV_POLL_READ ? CURL_CSELECT_IN : 0) |
               (events & SLV_POLL_WRITE ? CURL_CSELECT_OUT : 0);
    int running;

    curl_multi_socket_action(c->multi, w->poll.fd, mask, &running);
    collect_done(c);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *per_socket)
{
    slv_client *c = user;
    watched *w = per_socket;
    unsigned events =
        (what & CURL_POLL_IN ? SLV_POLL_READ : 0u) | (what & CURL_POLL_OUT ? SLV_POLL_WRITE : 0u);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            slv_poll_stop(&w->poll);
            free(w);
            curl_multi_assign(c->multi, fd, NULL);
        }
        return 0;
    }
    if (!w) {
        w = slv_new0(watched);
        w->client = c;
        w->poll.fn = on_socket_ready;
        curl_multi_assign(c->multi, fd, w);
    }
    return slv_poll_start(&w->poll, c->loop, fd, events, NULL) == SLV_OK ? 0 : -1;
}

static int on_curl_timer(CURLM *multi, long ms, void *user)
{
    slv_client *c = user;

    (void)multi;
    if (ms < 0)
        slv_timer_stop(&c->timer);
    else
        slv_timer_start(&c->timer, c->loop, (uint64_t)ms);
    return 0;
}

static void on_timer(slv_timer *timer)
{
    slv_client *c = slv_container_of(timer, slv_client, timer);
    int running;

    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_done(c);
}

static char *env_copy(const char *lower, const char *upper)
{
    const char *v = getenv(lower);

    if (!v && upper)
        v = getenv(upper);
    return v && v[0] ? slv_strdup(v) : NULL;
}

slv_code slv_client_new(slv_loop *loop, const slv_client_options *options, slv_client **ret_client,
                        slv_err *err)
{
    SLV_CLEANUP(slv_client_free) slv_client *c = slv_new0(slv_client);

    slv_list_init(&c->fetches);
    slv_list_init(&c->sockets);
    c->loop = loop;
    c->options = *options;
    if (options->ca_file)
        c->ca_file = slv_strdup(options->ca_file);
    if (options->unix_path)
        c->unix_path = slv_strdup(options->unix_path);
    if (!c->options.connect_timeout_ms)
        c->options.connect_timeout_ms = 30000;
    if (!c->options.idle_connections)
        c->options.idle_connections = 64;
    c->timer.fn = on_timer;
    c->pool = slv_outpool_new();
    /* HTTP_PROXY is not read: a CGI's client could set it by a header. */
    c->http_proxy = env_copy("http_proxy", NULL);
    c->https_proxy = env_copy("https_proxy", "HTTPS_PROXY");
    if (!c->http_proxy)
        c->http_proxy = env_copy("all_proxy", "ALL_PROXY");
    if (!c->https_proxy)
        c->https_proxy = env_copy("all_proxy", "ALL_PROXY");
    c->no_proxy = env_copy("no_proxy", "NO_PROXY");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(c->multi = curl_multi_init()))
        return slv_fail(err, SLV_E_NOMEM, "cannot start the HTTP client");
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)c->options.idle_connections);
    *ret_client = SLV_STEAL(c);
    return SLV_OK;
}

slv_client *slv_client_free(slv_client *c)
{
    if (!c)
        return NULL;
    while (!slv_list_empty(&c->fetches))
        slv_fetch_abort(slv_container_of(c->fetches.next, slv_fetch, node));
    while (!slv_list_empty(&c->sockets))
        slv_socket_client_freed(c->sockets.next);
    if (c->multi)
        curl_multi_cleanup(c->multi);
    slv_timer_stop(&c->timer);
    slv_tls_client_free(c->tls);
    slv_outpool_unref(c->pool);
    free(c->http_proxy);
    free(c->https_proxy);
    free(c->no_proxy);
    free(c->ca_file);
    free(c->unix_path);
    free(c);
    return NULL;
}

slv_code slv_client_tls(slv_client *c, slv_tls_client **ret, slv_err *err)
{
    if (!c->tls)
        SLV_TRY(slv_tls_client_new(c->ca_file, &c->tls, err));
    *ret = c->tls;
    return SLV_OK;
}

/* Transfers.
 * ------------------------------------------------------------------------------------------------------------
 */

static curl_socket_t on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    slv_transfer *t = user;
    slv_client *c = t->client;

    (void)purpose;
    /* The address of a proxy is the operator's choice; behind it names are the proxy's matter. */
    if (!t->proxied && c->options.allow_address &&
        !c->options.allow_address(c->options.ctx, &address->addr)) {
        t->denied = true;
        if (address->family == AF_INET)
            inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)&address->addr)->sin_addr,
                      t->denied_address, sizeof t->denied_address);
        else if (address->family == AF_INET6)
            inet_ntop(AF_INET6, &((struct sockaddr_in6 *)(void *)&address->addr)->sin6_addr,
                      t->denied_address, sizeof t->denied_address);
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* no_proxy: "*", or names and addresses; a name covers its subdomains. */
static bool goes_direct(slv_str list, slv_str host)
{
    slv_str item;

    while (slv_str_split(&list, ',', &item)) {
        item = slv_str_trim(item);
        if (slv_str_is(item, "*"))
            return true;
        if (item.len > 0 && item.ptr[0] == '.')
            item = slv_str_skip(item, 1);
        if (item.len == 0 || item.len > host.len)
            continue;
        if (slv_str_eq_nocase(item, slv_str_skip(host, host.len - item.len)) &&
            (item.len == host.len || host.ptr[host.len - item.len - 1] == '.'))
            return true;
    }
    return false;
}

static const char *proxy_for(const slv_client *c, const slv_url *url, bool secure)
{
    const char *proxy = secure ? c->https_proxy : c->http_proxy;
    slv_str host = slv_url_hostname(url);

    if (!proxy || goes_direct(slv_str_from(c->no_proxy), host))
        return "";
    return proxy;
}

/* The URL as curl is to have it: without credentials and fragment. */
static slv_code set_url(CURL *easy, const slv_url *url)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_URL_MAX);
    const char *cstr;

    SLV_TRY(slv_buf_append(&text, slv_url_protocol(url)));
    SLV_TRY(slv_buf_append(&text, SLV_STR("//")));
    SLV_TRY(slv_buf_append(&text, slv_url_host(url)));
    SLV_TRY(slv_buf_append(&text, slv_url_pathname(url)));
    SLV_TRY(slv_buf_append(&text, slv_url_search(url)));
    cstr = slv_buf_cstr(&text);
    return cstr && curl_easy_setopt(easy, CURLOPT_URL, cstr) == CURLE_OK ? SLV_OK : SLV_E_NOMEM;
}

slv_code slv_transfer_new(slv_transfer *t, slv_client *c, const slv_url *url, bool secure,
                          slv_err *err)
{
    const char *proxy = c->unix_path ? "" : proxy_for(c, url, secure);
    CURL *e = curl_easy_init();

    t->easy = e;
    t->client = c;
    t->denied = false;
    t->proxied = proxy[0] != 0;
    t->error[0] = 0;
    if (!e || set_url(e, url) != SLV_OK)
        return slv_fail(err, SLV_E_NOMEM, "out of memory");
    curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(e, CURLOPT_PROXY, proxy);
    curl_easy_setopt(e, CURLOPT_NOPROXY, "");
    if (c->unix_path)
        curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, c->unix_path);
    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)c->options.connect_timeout_ms);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
    if (c->ca_file) {
        curl_easy_setopt(e, CURLOPT_CAINFO, c->ca_file);
        curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
    } else {
        const char *file = getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");

        if (file && file[0])
            curl_easy_setopt(e, CURLOPT_CAINFO, file);
        if (dir && dir[0])
            curl_easy_setopt(e, CURLOPT_CAPATH, dir);
    }
    return SLV_OK;
}

slv_code slv_transfer_start(slv_transfer *t, slv_err *err)
{
    CURLMcode rc = curl_multi_add_handle(t->client->multi, t->easy);

    return rc == CURLM_OK ? SLV_OK : slv_fail(err, SLV_E_IO, "%s", curl_multi_strerror(rc));
}

void slv_transfer_end(slv_transfer *t)
{
    if (!t->easy)
        return;
    curl_multi_remove_handle(t->client->multi, t->easy); /* nothing when it is out already */
    curl_easy_cleanup(t->easy);
    t->easy = NULL;
}

static slv_code code_of(CURLcode result)
{
    switch ((int)result) {
    case CURLE_OPERATION_TIMEDOUT:
        return SLV_E_TIMEOUT;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
        return SLV_E_PROTOCOL;
    case CURLE_URL_MALFORMAT:
        return SLV_E_INVAL;
    case CURLE_OUT_OF_MEMORY:
        return SLV_E_NOMEM;
    default:
        return SLV_E_IO;
    }
}

slv_code slv_transfer_error(slv_transfer *t, CURLcode result, slv_buf *ret_message)
{
    const char *text = t->error[0] ? t->error : curl_easy_strerror(result);

    slv_buf_reset(ret_message);
    if (t->denied) {
        if (slv_buf_printf(ret_message, "the address %s may not be reached from here",
                           t->denied_address) != SLV_OK)
            return SLV_E_NOMEM;
        return SLV_E_DENIED;
    }
    if (slv_buf_printf(ret_message, "%s", text) != SLV_OK)
        return SLV_E_NOMEM;
    return code_of(result);
}
