/* Exchanges of a listener as calls. */
#include "api/http.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/carrier.h"
#include "base/mem.h"
#include "net/server.h"

struct slv_api_http {
    slv_api *api;
    slv_http_server *server;
    int dir; /* of the socket: its path may be longer than an address can be */
    bool owner;
    slv_server_extension extension;
};

/* One exchange and its call; either may be gone before the other. */
typedef struct carried {
    slv_answerer answerer;
    slv_exchange *ex;
    slv_api_call *call;
    unsigned busy; /* inside a function of the router */
} carried;

static void release(carried *c)
{
    if (c->busy == 0 && !c->ex && !c->call)
        free(c);
}

/* ---- answers ---- */

static void on_credit(void *arg, size_t n)
{
    carried *c = arg;

    if (c->ex)
        slv_exchange_credit(c->ex, n);
}

static void drop_exchange(carried *c)
{
    slv_exchange *ex = c->ex;

    c->ex = NULL;
    if (ex)
        slv_exchange_abort(ex);
}

static void on_begin(void *arg, int status, slv_str headers, int64_t length)
{
    carried *c = arg;
    const slv_response_head head = {.status = status, .headers = headers, .length = length};

    if (c->ex && slv_exchange_respond(c->ex, &head, NULL) != SLV_OK)
        drop_exchange(c);
}

static bool on_write(void *arg, slv_str bytes)
{
    carried *c = arg;

    return !c->ex || slv_exchange_write(c->ex, bytes);
}

static void on_end(void *arg)
{
    carried *c = arg;
    slv_exchange *ex = c->ex;

    c->call = NULL;
    c->ex = NULL;
    if (ex)
        slv_exchange_end(ex);
    release(c);
}

static void on_abort(void *arg)
{
    carried *c = arg;

    c->call = NULL;
    drop_exchange(c);
    release(c);
}

static const slv_api_carrier carrier = {
    .credit = on_credit,
    .begin = on_begin,
    .write = on_write,
    .end = on_end,
    .abort = on_abort,
};

/* ---- requests ---- */

static slv_code put_headers(const slv_exchange *ex, slv_buf *out)
{
    for (size_t i = 0; i < ex->head.header_count; i++) {
        SLV_TRY(slv_buf_append(out, ex->head.headers[i].name));
        SLV_TRY(slv_buf_append_byte(out, ':'));
        SLV_TRY(slv_buf_append(out, ex->head.headers[i].value));
        SLV_TRY(slv_buf_append_byte(out, '\n'));
    }
    return SLV_OK;
}

static void on_body(slv_answerer *a, slv_str bytes, bool last)
{
    carried *c = slv_container_of(a, carried, answerer);

    c->busy++;
    if (c->call)
        slv_api_call_body(c->call, bytes, last);
    c->busy--;
    release(c);
}

static void on_writable(slv_answerer *a)
{
    carried *c = slv_container_of(a, carried, answerer);

    c->busy++;
    if (c->call)
        slv_api_call_writable(c->call);
    c->busy--;
    release(c);
}

static void on_gone(slv_answerer *a)
{
    carried *c = slv_container_of(a, carried, answerer);
    slv_api_call *call = c->call;

    c->ex = NULL;
    c->call = NULL;
    c->busy++;
    if (call)
        slv_api_call_gone(call);
    c->busy--;
    release(c);
}

static void on_request(void *ctx, slv_exchange *ex)
{
    slv_api_http *http = ctx;
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(SLV_EXCHANGE_HEAD_MAX * 2);
    carried *c;
    slv_str body;

    if (http->extension.take && !slv_str_starts(ex->head.path, SLV_STR(SLV_API_PREFIX "/")) &&
        http->extension.take(http->extension.arg, slv_api_loop(http->api), ex))
        return;
    if (put_headers(ex, &headers) != SLV_OK) {
        slv_exchange_abort(ex);
        return;
    }
    const slv_api_head head = {
        .method = ex->head.method,
        .target = ex->head.path,
        .headers = slv_buf_view(&headers),
        .length = ex->head.has_body ? ex->head.content_length : 0,
        .peer = ex->head.peer,
        .owner = http->owner,
    };
    bool whole =
        !slv_api_waits(http->api) && ex->head.has_body && slv_exchange_take_body(ex, &body);

    c = slv_new0(carried);
    c->ex = ex;
    c->answerer = (slv_answerer){on_body, on_writable, on_gone};
    ex->user = &c->answerer;
    c->busy++;
    slv_api_call_start(http->api, &head, &carrier, c, &c->call);
    if (whole && c->call)
        slv_api_call_body(c->call, body, true);
    c->busy--;
    release(c);
}

/* Whoever answers an exchange stands behind its user pointer. */

static void body_of(slv_exchange *ex, slv_str bytes, bool last)
{
    slv_answerer *a = ex->user;

    if (a->body)
        a->body(a, bytes, last);
}

static void writable_of(slv_exchange *ex)
{
    slv_answerer *a = ex->user;

    if (a->writable)
        a->writable(a);
}

static void gone_of(slv_exchange *ex, slv_gone_reason reason)
{
    slv_answerer *a = ex->user;

    (void)reason;
    a->gone(a);
}

static const slv_exchange_handlers handlers = {
    .request = on_request,
    .body = body_of,
    .writable = writable_of,
    .gone = gone_of,
};

/* ---- the socket ---- */

static slv_code listen_at(slv_api_http *http, slv_str path, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf dir = SLV_BUF(8192), near = SLV_BUF(256);
    size_t slash = slv_str_rchr(path, '/');
    slv_listen_options options = {0};
    mode_t mask;
    slv_code code;

    SLV_TRY(slv_buf_set(&dir, slash == SIZE_MAX ? SLV_STR(".") : slv_str_sub(path, 0, slash + 1)));
    if (!slv_buf_cstr(&dir))
        return SLV_E_LIMIT;
    http->dir = open(dir.ptr, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (http->dir < 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot open %s", dir.ptr);
    SLV_TRY(slv_buf_printf(&near, "/proc/self/fd/%d/%.*s", http->dir,
                           SLV_STR_ARGS(slv_str_skip(path, slash == SIZE_MAX ? 0 : slash + 1))));
    options.unix_path = slv_buf_view(&near);
    mask = umask(0177); /* the socket is made with mode 0600: there is no moment with another */
    code = slv_http_server_listen(http->server, &options, err);
    umask(mask);
    return code;
}

slv_code slv_api_http_new(slv_api *api, slv_str path, slv_api_http **ret, slv_err *err)
{
    SLV_CLEANUP(slv_api_http_free) slv_api_http *http = slv_new0(slv_api_http);
    const slv_http_options options = {.handlers = &handlers, .ctx = http};

    http->api = api;
    http->dir = -1;
    http->owner = true;
    http->server = slv_http_server_new(slv_api_loop(api), &options);
    SLV_TRY(listen_at(http, path, err));
    *ret = SLV_STEAL(http);
    return SLV_OK;
}

slv_code slv_api_http_listen(slv_api *api, const int *fds, size_t count,
                             const slv_server_extension *extension, slv_api_http **ret,
                             slv_err *err)
{
    SLV_CLEANUP(slv_api_http_free) slv_api_http *http = slv_new0(slv_api_http);
    const slv_http_options options = {.handlers = &handlers, .ctx = http};
    const slv_listener_traits plain = {0};

    http->api = api;
    http->dir = -1;
    if (extension)
        http->extension = *extension;
    http->server = slv_http_server_new(slv_api_loop(api), &options);
    for (size_t i = 0; i < count; i++)
        SLV_TRY(slv_http_server_listen_fd(http->server, fds[i], &plain, err));
    *ret = SLV_STEAL(http);
    return SLV_OK;
}

void slv_api_http_drain(slv_api_http *http, uint32_t timeout_ms, void (*done)(void *arg), void *arg)
{
    slv_http_server_drain(http->server, timeout_ms, done, arg);
}

slv_api_http *slv_api_http_free(slv_api_http *http)
{
    if (!http)
        return NULL;
    slv_http_server_free(http->server);
    if (http->dir >= 0)
        close(http->dir);
    free(http);
    return NULL;
}
