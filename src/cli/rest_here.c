/* The router in this process: a carrier whose other end is the verb. */
#include "api/carrier.h"
#include "base/mem.h"
#include "cli/rest_int.h"

typedef struct here {
    slv_rest *rest;
    slv_api_call *call;
    slv_task feed;
    size_t credit, at; /* at: of a body in memory */
    bool fed;
} here;

static void on_feed(slv_task *task)
{
    here *h = slv_container_of(task, here, feed);
    const slv_rest_request *r = h->rest->request;
    slv_str piece;

    if (!h->call || h->fed || h->credit == 0)
        return;
    if (r->from) {
        SLV_CLEANUP(slv_free) void *buf = slv_alloc(SLV_REST_PIECE);
        size_t n = slv_rest_next_piece(h->rest, buf);

        h->credit -= n < h->credit ? n : h->credit;
        h->fed = n == 0;
        if (h->credit > 0 && !h->fed)
            slv_loop_later(h->rest->loop, &h->feed);
        slv_api_call_body(h->call, slv_str_make(buf, n), h->fed);
        return;
    }
    piece = slv_str_sub(r->body, h->at, h->at + h->credit);
    h->at += piece.len;
    h->credit -= piece.len;
    h->fed = h->at == r->body.len;
    slv_api_call_body(h->call, piece, h->fed);
}

static void on_credit(void *arg, size_t n)
{
    here *h = arg;

    h->credit += n;
    slv_loop_later(h->rest->loop, &h->feed);
}

static void on_begin(void *arg, int status, slv_str headers, int64_t length)
{
    here *h = arg;

    (void)length;
    slv_rest_took_head(h->rest, status, headers);
}

static bool on_write(void *arg, slv_str bytes)
{
    here *h = arg;

    slv_rest_took_body(h->rest, bytes);
    return true;
}

static void on_end(void *arg)
{
    here *h = arg;

    h->call = NULL;
    slv_rest_ended(h->rest, SLV_OK, "");
}

static void on_abort(void *arg)
{
    here *h = arg;

    h->call = NULL;
    slv_rest_ended(h->rest, SLV_E_IO, "the answer was cut");
}

static const slv_api_carrier carrier = {
    .credit = on_credit,
    .begin = on_begin,
    .write = on_write,
    .end = on_end,
    .abort = on_abort,
};

static bool is_done(void *arg)
{
    here *h = arg;

    /* What the handler still does behind its answer belongs to the call. */
    return h->rest->done && slv_api_open_calls(h->rest->api) == 0;
}

void slv_rest_call_here(slv_rest *rest)
{
    here h = {.rest = rest, .feed.fn = on_feed};
    const slv_api_head head = {
        .method = slv_str_from(rest->request->method),
        .target = slv_buf_view(&rest->target),
        .headers = rest->request->headers,
        .length = slv_rest_body_length(rest),
        .owner = true,
    };

    slv_api_call_start(rest->api, &head, &carrier, &h, &h.call);
    while (!slv_loop_run_until(rest->loop, is_done, &h, 60 * 60 * 1000))
        continue;
    slv_task_cancel(&h.feed);
}
