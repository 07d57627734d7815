/*
 * edge_rig.h - a server whose workers are fake isolates, and a plain blocking HTTP client: for the
 * tests of the edge.
 *
 * The control loop is the test's thread; it runs only in rig_wait and rig_stop.
 */
#ifndef SLV_TEST_EDGE_RIG_H
#define SLV_TEST_EDGE_RIG_H

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "aio/loop.h"
#include "edge/server.h"
#include "support/tap.h"

typedef struct rig {
    slv_loop *control;
    slv_server *server;
    uint16_t port;
    int requests, consoles, exceptions, notices, deployed;
    bool drained;
    char last[512]; /* of whatever was told last */
} rig;

static void rig_request(void *user, const slv_request_line *line)
{
    rig *r = user;

    r->requests++;
    (void)snprintf(r->last, sizeof r->last, "%.*s %.*s %d %.*s", SLV_STR_ARGS(line->method),
                   SLV_STR_ARGS(line->target), line->status, SLV_STR_ARGS(line->outcome));
}

static void rig_console(void *user, const slv_console_line *line)
{
    rig *r = user;

    r->consoles++;
    (void)snprintf(r->last, sizeof r->last, "%d %.*s", line->level, SLV_STR_ARGS(line->text));
}

static void rig_exception(void *user, const slv_exception_line *line)
{
    rig *r = user;

    r->exceptions++;
    (void)snprintf(r->last, sizeof r->last, "%.*s: %.*s", SLV_STR_ARGS(line->name),
                   SLV_STR_ARGS(line->message));
}

static void rig_notice(void *user, slv_str text)
{
    rig *r = user;

    r->notices++;
    tap_note("%.*s", SLV_STR_ARGS(text));
}

static void rig_deployed(void *user, slv_version *version, const slv_err *err, slv_str failure)
{
    rig *r = user;

    (void)version;
    (void)failure;
    r->deployed++;
    if (err)
        tap_note("deploy: %s", slv_err_text(err));
}

static slv_limits rig_limits(void)
{
    return SLV_LIMITS_DEFAULT;
}

static slv_version *rig_version_with(const char *name, const char *id, slv_limits limits)
{
    static const slv_binding services[] = {
        {.name = {"SVC", 3}, .type = SLV_BINDING_SERVICE, .service = {"other", 5}},
    };
    const slv_version_spec spec = {.name = slv_str_from(name),
                                   .id = slv_str_from(id),
                                   .compatibility_date = SLV_STR("2026-01-01"),
                                   .main_name = SLV_STR("index.js"),
                                   .script = SLV_STR("fake"),
                                   .bindings = services,
                                   .binding_count = 1,
                                   .limits = limits,
                                   .dev = true};
    slv_version *v = NULL;

    return slv_version_new(&spec, &v, NULL) == SLV_OK ? v : NULL;
}

static slv_version *rig_version(const char *name, const char *id)
{
    return rig_version_with(name, id, rig_limits());
}

static bool rig_start(rig *r, unsigned loops, bool hooks)
{
    slv_server_options o = {.loops = loops, .dev = true};
    const slv_listen_options listen_on = {.host = SLV_STR("127.0.0.1")};
    slv_err err = {0};

    memset(r, 0, sizeof *r);
    if (slv_loop_new(&r->control, &err) != SLV_OK)
        return false;
    o.control = r->control;
    if (hooks)
        o.hooks = (slv_server_hooks){.user = r,
                                     .request = rig_request,
                                     .console = rig_console,
                                     .exception = rig_exception,
                                     .notice = rig_notice,
                                     .deployed = rig_deployed};
    if (slv_server_new(&o, &r->server, &err) != SLV_OK ||
        slv_server_listen(r->server, &listen_on, &r->port, &err) != SLV_OK ||
        slv_server_start(r->server, &err) != SLV_OK) {
        tap_note("%s", slv_err_text(&err));
        return false;
    }
    slv_version *v = rig_version("main", "v1");
    slv_server_deploy(r->server, v);
    (void)slv_version_unref(v);
    return true;
}

static void rig_drained(void *user)
{
    ((rig *)user)->drained = true;
}

static bool rig_is_drained(void *arg)
{
    return ((rig *)arg)->drained;
}

static bool rig_stop(rig *r)
{
    slv_server_drain(r->server, 2000, rig_drained, r);
    bool done = slv_loop_run_until(r->control, rig_is_drained, r, 20000);

    if (done) {
        r->server = slv_server_free(r->server);
        r->control = slv_loop_free(r->control);
    }
    return done;
}

static int rig_connect(const rig *r)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(r->port)};
    const struct timeval limit = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static bool rig_write(int fd, slv_str s)
{
    while (s.len > 0) {
        ssize_t n = send(fd, s.ptr, s.len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = slv_str_skip(s, (size_t)n);
    }
    return true;
}

/* Reads until the peer closes, or until out holds `until` (when given). */
static bool rig_read(int fd, slv_buf *out, const char *until)
{
    for (;;) {
        if (until && slv_str_find(slv_buf_view(out), slv_str_from(until), 0) != SIZE_MAX)
            return true;
        if (slv_buf_reserve(out, 65536) != SLV_OK)
            return false;
        ssize_t n = recv(fd, out->ptr + out->len, out->cap - out->len, 0);
        if (n < 0 && errno == EINTR) /* SIGCHLD: an isolate has ended */
            continue;
        if (n <= 0)
            return n == 0 && !until;
        out->len += (size_t)n;
    }
}

/* One request on a connection of its own; the whole answer. */
static bool rig_get(const rig *r, const char *request, slv_buf *out)
{
    int fd = rig_connect(r);
    bool ok = fd >= 0 && rig_write(fd, slv_str_from(request)) && rig_read(fd, out, NULL);

    if (fd >= 0)
        (void)close(fd);
    return ok;
}

SLV_UNUSED static slv_str rig_body(const slv_buf *answer)
{
    size_t at = slv_str_find(slv_buf_view(answer), SLV_STR("\r\n\r\n"), 0);

    return at == SIZE_MAX ? SLV_STR_NULL : slv_str_skip(slv_buf_view(answer), at + 4);
}

#endif
