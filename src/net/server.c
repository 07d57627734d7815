#include "net/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/server_int.h"

#define BACKLOG 1024
#define ACCEPTS_MAX 64 /* in a turn */
#define ACCEPT_AGAIN_MS 100

static uint32_t or_default(uint32_t v, uint32_t def)
{
    return v ? v : def;
}

static void end_drain(slv_http_server *s)
{
    void (*done)(void *) = s->drain_done;

    slv_timer_stop(&s->drain_timer);
    slv_task_cancel(&s->drain_task);
    s->drain_done = NULL;
    if (done)
        done(s->drain_arg);
}

static void on_drain_task(slv_task *task)
{
    end_drain(slv_container_of(task, slv_http_server, drain_task));
}

static void on_drain_timer(slv_timer *timer)
{
    slv_http_server *s = slv_container_of(timer, slv_http_server, drain_timer);

    SLV_LIST_EACH (node, &s->conns)
        slv_conn_close(slv_container_of(node, slv_conn, node), SLV_GONE_SERVER);
    SLV_LIST_EACH (node, &s->h2s)
        slv_h2_close(node, false);
    slv_loop_later(s->loop, &s->drain_task);
}

static void on_accept_timer(slv_timer *timer);

slv_http_server *slv_http_server_new(slv_loop *loop, const slv_http_options *options)
{
    slv_http_server *s = slv_new0(slv_http_server);

    SLV_ASSERT(options->handlers && options->handlers->request && options->handlers->body &&
               options->handlers->writable && options->handlers->gone);
    s->loop = loop;
    s->options = *options;
    s->options.header_timeout_ms = or_default(options->header_timeout_ms, 15000);
    s->options.idle_timeout_ms = or_default(options->idle_timeout_ms, 75000);
    s->options.body_timeout_ms = or_default(options->body_timeout_ms, 60000);
    s->options.write_timeout_ms = or_default(options->write_timeout_ms, 60000);
    s->options.max_connections = or_default(options->max_connections, 20000);
    if (options->hsts_seconds > 0) {
        (void)snprintf(s->hsts, sizeof s->hsts, "max-age=%u", (unsigned)options->hsts_seconds);
        (void)snprintf(s->hsts_line, sizeof s->hsts_line, "Strict-Transport-Security: %s\r\n",
                       s->hsts);
    }
    s->pool = slv_outpool_new();
    s->drain_timer.fn = on_drain_timer;
    s->drain_task.fn = on_drain_task;
    s->accept_timer.fn = on_accept_timer;
    slv_list_init(&s->listeners);
    slv_list_init(&s->conns);
    slv_list_init(&s->h2s);
    return s;
}

slv_str slv_server_date(slv_http_server *s)
{
    int64_t now = slv_loop_wall_ms(s->loop);

    if (s->date_second != now / 1000) {
        s->date_second = now / 1000;
        slv_http_date(now, s->date);
    }
    return slv_str_make(s->date, sizeof s->date - 1);
}

/* Listeners.
 * -------------------------------------------------------------------------------------------------------
 */

static void listener_watch(slv_listener *l, bool accept)
{
    l->paused = !accept;
    slv_poll_set(&l->poll, accept ? SLV_POLL_READ : 0);
}

static void on_accept(slv_poll *poll, unsigned events)
{
    slv_listener *l = slv_container_of(poll, slv_listener, poll);
    slv_http_server *s = l->server;

    (void)events;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd;

        if (s->conn_count >= s->options.max_connections) {
            listener_watch(l, false);
            return;
        }
        fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            /* Without descriptors or memory the connection stays in the kernel's queue, which would
               wake us again at once. */
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                listener_watch(l, false);
                slv_timer_start(&s->accept_timer, s->loop, ACCEPT_AGAIN_MS);
            }
            return;
        }
        if (!s->options.pass_on || !s->options.pass_on(s->options.ctx, fd, &l->traits))
            slv_conn_open(s, fd, &l->traits);
    }
}

void slv_http_server_adopt(slv_http_server *s, int fd, const slv_listener_traits *traits)
{
    if (s->draining || s->closing)
        (void)close(fd);
    else
        slv_conn_open(s, fd, traits);
}

void slv_http_server_take(slv_http_server *s, int fd, const slv_handed *about, slv_tls_server *tls)
{
    if (s->draining || s->closing)
        (void)close(fd);
    else
        slv_conn_open_handed(s, fd, about, tls);
}

static void accept_again(slv_http_server *s)
{
    SLV_LIST_EACH (node, &s->listeners) {
        slv_listener *l = slv_container_of(node, slv_listener, node);

        if (l->paused)
            listener_watch(l, true);
    }
}

static void on_accept_timer(slv_timer *timer)
{
    accept_again(slv_container_of(timer, slv_http_server, accept_timer));
}

void slv_server_conn_closed(slv_http_server *s)
{
    s->conn_count--;
    if (s->closing)
        return;
    if (!s->draining)
        accept_again(s);
    else if (s->conn_count == 0 && s->drain_done)
        slv_loop_later(s->loop, &s->drain_task);
}

slv_code slv_http_server_listen_fd(slv_http_server *s, int fd, const slv_listener_traits *traits,
                                   slv_err *err)
{
    slv_listener *l = slv_new0(slv_listener);
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;

    l->server = s;
    l->traits = *traits;
    l->fd = fd;
    l->poll.fn = on_accept;
    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0) {
        if (address.ss_family == AF_INET)
            l->port = ntohs(((struct sockaddr_in *)&address)->sin_port);
        else if (address.ss_family == AF_INET6)
            l->port = ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    }
    slv_code code = slv_poll_start(&l->poll, s->loop, fd, SLV_POLL_READ, err);
    if (code != SLV_OK) {
        free(l);
        return code;
    }
    slv_list_push(&s->listeners, &l->node);
    return SLV_OK;
}

static slv_code listen_address(slv_http_server *s, const struct sockaddr *address, socklen_t len,
                               const char *what, const slv_listen_options *o, slv_err *err)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    slv_code code;

    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot listen on %s", what);
    if (address->sa_family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (o->reuse_port)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int));
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){1}, sizeof(int));
    if (bind(fd, address, len) != 0 || listen(fd, BACKLOG) != 0) {
        code = slv_fail_errno(err, errno == EADDRINUSE ? SLV_E_EXISTS : SLV_E_IO,
                              "cannot listen on %s", what);
        close(fd);
        return code;
    }
    code = slv_http_server_listen_fd(s, fd, &o->traits, err);
    if (code != SLV_OK)
        close(fd);
    return code;
}

/* A socket file that nobody answers on is a left-over. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat st;
    int fd;

    if (lstat(address->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
        errno == ECONNREFUSED)
        unlink(address->sun_path);
    close(fd);
}

static slv_code listen_unix(slv_http_server *s, const slv_listen_options *o, slv_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    slv_listener *l;

    if (o->unix_path.len >= sizeof address.sun_path)
        return slv_fail(err, SLV_E_INVAL, "the socket path is longer than %zu bytes",
                        sizeof address.sun_path - 1);
    memcpy(address.sun_path, o->unix_path.ptr, o->unix_path.len);
    remove_stale(&address);
    SLV_TRY(listen_address(s, (const struct sockaddr *)&address, sizeof address, address.sun_path,
                           o, err));
    l = slv_container_of(s->listeners.prev, slv_listener, node);
    l->unix_path = slv_strdup(address.sun_path);
    return SLV_OK;
}

slv_code slv_http_server_listen(slv_http_server *s, const slv_listen_options *o, slv_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *list = NULL;
    char service[8], what[300];
    uint16_t port = o->port;
    slv_code code = SLV_E_NOTFOUND;
    bool listening = false;
    int rc;

    if (o->unix_path.len > 0)
        return listen_unix(s, o, err);
    SLV_CLEANUP(slv_charp_free) char *host = slv_strndup(o->host.ptr, o->host.len);
    snprintf(service, sizeof service, "%u", (unsigned)port);
    rc = getaddrinfo(host, service, &hints, &list);
    if (rc != 0)
        return slv_fail(err, SLV_E_NOTFOUND, "cannot listen on %s: %s", host, gai_strerror(rc));
    for (struct addrinfo *a = list; a && code != SLV_E_EXISTS; a = a->ai_next) {
        if (a->ai_family == AF_INET)
            ((struct sockaddr_in *)(void *)a->ai_addr)->sin_port = htons(port);
        else if (a->ai_family == AF_INET6)
            ((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_port = htons(port);
        snprintf(what, sizeof what, a->ai_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
                 (unsigned)port);
        code = listen_address(s, a->ai_addr, a->ai_addrlen, what, o, err);
        if (code != SLV_OK)
            continue;
        listening = true;
        if (port == 0) /* the same one for every address */
            port = slv_container_of(s->listeners.prev, slv_listener, node)->port;
    }
    freeaddrinfo(list);
    /* A name may have an address of a family that this machine has not; a port in use is another
     * matter. */
    return listening && code != SLV_E_EXISTS ? SLV_OK : code;
}

uint16_t slv_http_server_port(const slv_http_server *s)
{
    for (const slv_list *n = s->listeners.next; n != &s->listeners; n = n->next) {
        const slv_listener *l = slv_container_of((slv_list *)(size_t)n, slv_listener, node);

        if (l->port)
            return l->port;
    }
    return 0;
}

size_t slv_http_server_connections(const slv_http_server *s)
{
    return s->conn_count;
}

static void close_listeners(slv_http_server *s)
{
    slv_list *node;

    slv_timer_stop(&s->accept_timer);
    while ((node = slv_list_pop(&s->listeners))) {
        slv_listener *l = slv_container_of(node, slv_listener, node);

        slv_poll_stop(&l->poll);
        close(l->fd);
        if (l->unix_path)
            unlink(l->unix_path);
        free(l->unix_path);
        free(l);
    }
}

void slv_http_server_yield(slv_http_server *s)
{
    SLV_ASSERT(s->options.pass_on);
    s->yields = true;
    SLV_LIST_EACH (node, &s->conns) {
        slv_conn *c = slv_container_of(node, slv_conn, node);

        if (c->state == CONN_IDLE && slv_conn_has_heir(c))
            slv_conn_flush_later(c);
    }
}

void slv_http_server_drain(slv_http_server *s, uint32_t timeout_ms, void (*done)(void *arg),
                           void *arg)
{
    SLV_ASSERT(!s->draining);
    s->draining = true;
    s->heir = s->options.hand_over && s->options.hand_over(s->options.ctx, -1, NULL);
    s->drain_done = done;
    s->drain_arg = arg;
    close_listeners(s);
    SLV_LIST_EACH (node, &s->conns) {
        slv_conn *c = slv_container_of(node, slv_conn, node);

        if ((c->state == CONN_IDLE || c->state == CONN_HEAD) && slv_conn_has_heir(c))
            slv_conn_flush_later(c);
        else if ((c->state == CONN_PROXY && !s->heir) ||
                 (c->state == CONN_IDLE && c->out.bytes == 0))
            slv_conn_close(c, SLV_GONE_SERVER);
        else if (c->state == CONN_IDLE)
            c->close_after = true; /* behind what is still to be written */
    }
    SLV_LIST_EACH (node, &s->h2s)
        slv_h2_drain(node);
    if (timeout_ms != UINT32_MAX)
        slv_timer_start(&s->drain_timer, s->loop, timeout_ms);
    if (s->conn_count == 0)
        slv_loop_later(s->loop, &s->drain_task);
}

bool slv_http_server_begins_nothing(const slv_http_server *s)
{
    for (const slv_list *n = s->h2s.next; n != &s->h2s; n = n->next)
        if (slv_h2_may_begin((slv_list *)(size_t)n))
            return false;
    return s->draining;
}

slv_http_server *slv_http_server_free(slv_http_server *s)
{
    if (!s)
        return NULL;
    s->closing = true;
    close_listeners(s);
    slv_timer_stop(&s->drain_timer);
    slv_task_cancel(&s->drain_task);
    while (!slv_list_empty(&s->conns)) {
        slv_conn *c = slv_container_of(s->conns.next, slv_conn, node);

        slv_conn_close(c, SLV_GONE_SERVER);
        slv_conn_free(c);
    }
    while (!slv_list_empty(&s->h2s))
        slv_h2_close(s->h2s.next, true);
    while (s->free_exchanges) {
        slv_conn_exchange *ex = s->free_exchanges;

        s->free_exchanges = ex->next_free;
        slv_arena_done(&ex->arena);
        free(ex);
    }
    slv_outpool_unref(s->pool);
    free(s);
    return NULL;
}
