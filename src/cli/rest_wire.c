/* Calls to a server, or to the process that has the state over its socket. */
#include <stdio.h>

#include "base/mem.h"
#include "cli/rest_int.h"
#include "net/client.h"

#define WINDOW ((size_t)1 << 20)

typedef struct wire {
    slv_rest *rest;
    slv_fetch *fetch;
    slv_task feed;
} wire;

/* As much of the body as the connection takes. */
static void on_feed(slv_task *task)
{
    wire *w = slv_container_of(task, wire, feed);
    SLV_CLEANUP(slv_free) void *buf = slv_alloc(SLV_REST_PIECE);
    size_t n;

    if (!w->fetch)
        return;
    do {
        n = slv_rest_next_piece(w->rest, buf);
        if (n == 0) {
            slv_fetch_write_end(w->fetch, true);
            return;
        }
    } while (slv_fetch_write(w->fetch, slv_str_make(buf, n)));
}

static void on_response(slv_fetch *fetch, const slv_fetch_response *response)
{
    wire *w = slv_fetch_user(fetch);

    slv_rest_took_head(w->rest, response->status, response->headers);
    slv_fetch_credit(fetch, WINDOW);
}

static void on_data(slv_fetch *fetch, slv_str bytes)
{
    wire *w = slv_fetch_user(fetch);

    slv_rest_took_body(w->rest, bytes);
    slv_fetch_credit(fetch, bytes.len);
}

static void on_end(slv_fetch *fetch)
{
    wire *w = slv_fetch_user(fetch);

    w->fetch = NULL;
    slv_rest_ended(w->rest, SLV_OK, "");
}

static void on_fail(slv_fetch *fetch, slv_code code, slv_str message)
{
    wire *w = slv_fetch_user(fetch);
    const slv_remote *remote = slv_rest_remote(w->rest);
    char text[400];

    w->fetch = NULL;
    snprintf(text, sizeof text, "%s%s did not answer: %.*s", remote ? "" : "the process that has ",
             remote ? remote->base_url : w->rest->state_dir, SLV_STR_ARGS(message));
    slv_rest_ended(w->rest, code, text);
}

static void on_writable(slv_fetch *fetch)
{
    wire *w = slv_fetch_user(fetch);

    slv_loop_later(w->rest->loop, &w->feed);
}

static const slv_fetch_handlers handlers = {
    .response = on_response,
    .data = on_data,
    .end = on_end,
    .fail = on_fail,
    .writable = on_writable,
};

static bool is_done(void *arg)
{
    wire *w = arg;

    return w->rest->done;
}

/* The target's own prefix stands in the base URL already. */
static slv_code put_url(const slv_rest *rest, slv_buf *out)
{
    const slv_remote *remote = slv_rest_remote(rest);
    slv_str target = slv_buf_view(&rest->target);

    if (!remote)
        return slv_buf_printf(out, "http://localhost%.*s", SLV_STR_ARGS(target));
    target = slv_str_skip(target, strlen(SLV_API_PREFIX));
    return slv_buf_printf(out, "%s%.*s", remote->base_url, SLV_STR_ARGS(target));
}

static slv_code put_headers(const slv_rest *rest, slv_buf *out)
{
    const slv_remote *remote = slv_rest_remote(rest);

    slv_str given = rest->request->headers;

    SLV_TRY(slv_buf_append(out, given));
    if (slv_str_starts(given, SLV_STR("authorization:")) ||
        slv_str_find(given, SLV_STR("\nauthorization:"), 0) != SIZE_MAX)
        return SLV_OK; /* some calls have a token of their own */
    return remote ? slv_buf_printf(out, "authorization:Bearer %s\n", remote->token) : SLV_OK;
}

void slv_rest_call_wire(slv_rest *rest)
{
    wire w = {.rest = rest, .feed.fn = on_feed};
    SLV_CLEANUP(slv_buf_done) slv_buf url = SLV_BUF(SLV_API_PATH_MAX + 4096);
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(SLV_EXCHANGE_HEAD_MAX * 2);
    int64_t length = slv_rest_body_length(rest);
    slv_fetch_request request = {
        .method = slv_str_from(rest->request->method),
        .body = rest->request->body,
        .stream_body = rest->request->from != NULL,
        .length = length,
        .redirect = SLV_REDIRECT_MANUAL,
        .raw_body = true,
    };
    slv_err err = {0};

    if (put_url(rest, &url) != SLV_OK || put_headers(rest, &headers) != SLV_OK) {
        slv_rest_ended(rest, SLV_E_LIMIT, "the path is too long");
        return;
    }
    request.url = slv_buf_view(&url);
    request.headers = slv_buf_view(&headers);
    if (slv_fetch_start(rest->client, &request, &handlers, &w, &w.fetch, &err) != SLV_OK) {
        slv_rest_ended(rest, err.code, slv_err_text(&err));
        return;
    }
    if (request.stream_body)
        slv_loop_later(rest->loop, &w.feed);
    while (!slv_loop_run_until(rest->loop, is_done, &w, 60 * 60 * 1000))
        continue;
    slv_task_cancel(&w.feed);
}
