#include "daemon/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

#define BACKLOG 4096
#define SYSTEMD_FIRST 3

static const char *const kind_names[SLV_LISTENER_KINDS] = {"http", "https", "proxy", "control"};

static slv_code add(slv_listeners *l, int fd, slv_listener_kind kind, slv_err *err)
{
    if (l->count == SLV_LISTENERS_MAX) {
        close(fd);
        return slv_fail(err, SLV_E_LIMIT, "more than %d sockets to listen on", SLV_LISTENERS_MAX);
    }
    l->items[l->count].fd = fd;
    l->items[l->count++].kind = kind;
    return SLV_OK;
}

static slv_code open_address(const struct sockaddr *address, socklen_t len, const char *what,
                             slv_listener_kind kind, slv_listeners *l, slv_err *err)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    slv_code code;

    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot listen on %s", what);
    if (address->sa_family != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, address, len) != 0 || listen(fd, BACKLOG) != 0) {
        code = slv_fail_errno(err, errno == EADDRINUSE ? SLV_E_EXISTS : SLV_E_IO,
                              "cannot listen on %s", what);
        close(fd);
        return code;
    }
    return add(l, fd, kind, err);
}

/* ---- unix:PATH ---- */

static slv_code open_unix(slv_str path, slv_listener_kind kind, slv_listeners *l, slv_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;

    if (path.len == 0 || path.len >= sizeof address.sun_path)
        return slv_fail(err, SLV_E_INVAL, "the path of a socket is 1 to %zu bytes long",
                        sizeof address.sun_path - 1);
    memcpy(address.sun_path, path.ptr, path.len);
    if (lstat(address.sun_path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        /* a file that nobody answers on is a left-over */
        if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 &&
            errno == ECONNREFUSED)
            unlink(address.sun_path);
        if (fd >= 0)
            close(fd);
    }
    return open_address((const struct sockaddr *)&address, sizeof address, address.sun_path, kind,
                        l, err);
}

/* ---- HOST:PORT ---- */

static slv_code split(slv_str text, slv_str *ret_host, uint16_t *ret_port, slv_err *err)
{
    size_t colon = slv_str_rchr(text, ':');
    slv_str host = colon == SIZE_MAX ? SLV_STR("127.0.0.1") : slv_str_sub(text, 0, colon);
    slv_str port = colon == SIZE_MAX ? text : slv_str_skip(text, colon + 1);
    uint64_t n;

    if (slv_str_starts(host, SLV_STR("[")) && slv_str_ends(host, SLV_STR("]")))
        host = slv_str_sub(host, 1, host.len - 1);
    else if (slv_str_chr(host, ':', 0) != SIZE_MAX)
        return slv_fail(err, SLV_E_INVAL,
                        "'%.*s' is no address to listen on; write [ADDRESS]:PORT for IPv6",
                        SLV_STR_ARGS(text));
    if (slv_parse_u64(port, &n) != SLV_OK || n > 65535 || host.len > 255)
        return slv_fail(err, SLV_E_INVAL,
                        "'%.*s' is no address to listen on; ADDRESS:PORT is expected",
                        SLV_STR_ARGS(text));
    *ret_host = slv_str_is(host, "*") ? SLV_STR("") : host;
    *ret_port = (uint16_t)n;
    return SLV_OK;
}

uint16_t slv_listener_port(int fd)
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof a;

    if (getsockname(fd, (struct sockaddr *)&a, &len) != 0 ||
        (a.ss_family != AF_INET && a.ss_family != AF_INET6))
        return 0;
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                         : ((struct sockaddr_in *)&a)->sin_port);
}

static slv_code open_hosts(struct addrinfo *list, uint16_t port, const char *text,
                           slv_listener_kind kind, slv_listeners *l, slv_err *err)
{
    slv_code code = SLV_E_NOTFOUND;
    size_t before = l->count;

    for (struct addrinfo *a = list; a; a = a->ai_next) {
        if (a->ai_family == AF_INET)
            ((struct sockaddr_in *)(void *)a->ai_addr)->sin_port = htons(port);
        else if (a->ai_family == AF_INET6)
            ((struct sockaddr_in6 *)(void *)a->ai_addr)->sin6_port = htons(port);
        code = open_address(a->ai_addr, a->ai_addrlen, text, kind, l, err);
        /* A name may have an address of a family that this machine has not. */
        if (code == SLV_E_EXISTS || code == SLV_E_LIMIT)
            return code;
        if (code == SLV_OK && port == 0)
            port =
                slv_listener_port(l->items[l->count - 1].fd); /* the same one for every address */
    }
    return l->count > before ? SLV_OK : code;
}

static slv_code open_one(slv_str text, slv_listener_kind kind, slv_listeners *l, slv_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *list = NULL;
    SLV_CLEANUP(slv_charp_free) char *host = NULL;
    SLV_CLEANUP(slv_charp_free) char *shown = slv_strndup(text.ptr, text.len);
    slv_str name = SLV_STR("");
    uint16_t port = 0;
    int rc;

    if (slv_str_starts(text, SLV_STR("unix:")))
        return open_unix(slv_str_skip(text, 5), kind, l, err);
    SLV_TRY(split(text, &name, &port, err));
    host = slv_strndup(name.ptr, name.len);
    rc = getaddrinfo(host[0] ? host : NULL, "0", &hints, &list);
    if (rc != 0)
        return slv_fail(err, SLV_E_NOTFOUND, "cannot listen on %s: %s", shown, gai_strerror(rc));
    slv_code code = open_hosts(list, port, shown, kind, l, err);
    freeaddrinfo(list);
    return code;
}

/* ---- from systemd ---- */

static slv_listener_kind kind_named(slv_str name)
{
    for (size_t i = 0; i < SLV_LISTENER_KINDS; i++)
        if (slv_str_is(name, kind_names[i]))
            return (slv_listener_kind)i;
    return SLV_LISTENER_HTTP;
}

static slv_code take_passed(slv_listeners *l, slv_err *err)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    slv_str names = slv_str_from(getenv("LISTEN_FDNAMES")), name;
    uint64_t n = 0, whose = 0;

    if (!pid || !count || slv_parse_u64(slv_str_from(pid), &whose) != SLV_OK ||
        (pid_t)whose != getpid() || slv_parse_u64(slv_str_from(count), &n) != SLV_OK)
        return SLV_OK;
    for (int i = 0; (uint64_t)i < n; i++) {
        if (!names.ptr || !slv_str_split(&names, ':', &name))
            name = SLV_STR("");
        (void)fcntl(SYSTEMD_FIRST + i, F_SETFD, FD_CLOEXEC);
        (void)fcntl(SYSTEMD_FIRST + i, F_SETFL, fcntl(SYSTEMD_FIRST + i, F_GETFL) | O_NONBLOCK);
        SLV_TRY(add(l, SYSTEMD_FIRST + i, kind_named(name), err));
    }
    /* of this process alone */
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return SLV_OK;
}

/* ---- all ---- */

static slv_code open_kind(const slv_strs *texts, const char *otherwise, slv_listener_kind kind,
                          slv_listeners *l, slv_err *err)
{
    if (slv_listeners_first(l, kind) >= 0)
        return SLV_OK; /* passed */
    for (size_t i = 0; i < texts->count; i++)
        SLV_TRY(open_one(texts->items[i], kind, l, err));
    if (texts->count == 0 && otherwise)
        return open_one(slv_str_from(otherwise), kind, l, err);
    return SLV_OK;
}

slv_code slv_listeners_open(const slv_serve_config *c, slv_listeners *ret, slv_err *err)
{
    SLV_CLEANUP(slv_listeners_close) slv_listeners l = {0};
    bool elsewhere = c->tls_listen.count > 0 || c->proxy_protocol_listen.count > 0;

    SLV_TRY(take_passed(&l, err));
    elsewhere = elsewhere || l.count > 0;
    SLV_TRY(open_kind(&c->control_listen, SLV_LISTEN_CONTROL, SLV_LISTENER_CONTROL, &l, err));
    SLV_TRY(
        open_kind(&c->listen, elsewhere ? NULL : SLV_LISTEN_PUBLIC, SLV_LISTENER_HTTP, &l, err));
    SLV_TRY(open_kind(&c->tls_listen, NULL, SLV_LISTENER_HTTPS, &l, err));
    SLV_TRY(open_kind(&c->proxy_protocol_listen, NULL, SLV_LISTENER_PROXY, &l, err));
    *ret = l;
    l.count = 0;
    return SLV_OK;
}

void slv_listeners_close(slv_listeners *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i].fd >= 0)
            close(l->items[i].fd);
    l->count = 0;
}

slv_code slv_listeners_put(const slv_listeners *l, slv_buf *out)
{
    for (size_t i = 0; i < l->count; i++)
        SLV_TRY(slv_buf_printf(out, "%s%s", i ? "," : "", kind_names[l->items[i].kind]));
    return SLV_OK;
}

slv_code slv_listeners_take(slv_str text, int first, slv_listeners *ret, slv_err *err)
{
    slv_str name;

    *ret = (slv_listeners){0};
    while (text.len > 0 && slv_str_split(&text, ',', &name)) {
        (void)fcntl(first, F_SETFD, FD_CLOEXEC);
        SLV_TRY(add(ret, first++, kind_named(name), err));
    }
    return SLV_OK;
}

void slv_listener_address(int fd, char out[static 128])
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof a;
    char host[INET6_ADDRSTRLEN] = "";

    (void)snprintf(out, 128, "?");
    if (getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        return;
    if (a.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&a;

        (void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        (void)snprintf(out, 128, "%s:%u", in->sin_addr.s_addr == 0 ? "localhost" : host,
                       ntohs(in->sin_port));
    } else if (a.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&a;
        bool every = IN6_IS_ADDR_UNSPECIFIED(&in->sin6_addr);

        (void)inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        (void)snprintf(out, 128, every ? "%s:%u" : "[%s]:%u", every ? "localhost" : host,
                       ntohs(in->sin6_port));
    } else if (a.ss_family == AF_UNIX) {
        (void)snprintf(out, 128, "unix:%.107s", ((const struct sockaddr_un *)&a)->sun_path);
    }
}

int slv_listeners_first(const slv_listeners *l, slv_listener_kind kind)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i].kind == kind)
            return l->items[i].fd;
    return -1;
}
