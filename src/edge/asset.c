#include "edge/asset_int.h"

#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "edge/file_int.h"

#define PIECE ((uint64_t)256 << 10)
#define PIECES_IN_TURN 4

/* An answer on its way to a client. */
typedef struct reply {
    slv_answerer answerer;
    slv_sink out;
    slv_shard *shard;
    slv_exchange *ex;
    slv_version *version; /* a reference */
    size_t owed;          /* bytes that the client has not taken yet */
    int fd;               /* of a file that is sent as it lies; -1: none */
    uint64_t at, end;     /* of it */
    uint16_t status;
    uint64_t began_ns;
    slv_buf tail;  /* what the platform adds to the body */
    slv_task more; /* the next pieces of fd */
} reply;

/* ---- to a client ---- */

static void log_line(const reply *r, slv_exchange *ex, const char *outcome)
{
    if (!r->shard->server->o.hooks.request)
        return;
    const slv_request_line line = {
        .method = ex->head.method,
        .target = ex->head.target,
        .worker = r->version->name,
        .status = r->status,
        .wall_ms = slv_loop_wall_ms(r->shard->loop),
        .time_us = (slv_clock_mono_ns() - r->began_ns) / 1000,
        .outcome = slv_str_from(outcome),
    };
    slv_hook_request(r->shard, &line);
}

static void reply_free(reply *r)
{
    if (r->fd >= 0)
        (void)close(r->fd);
    slv_buf_done(&r->tail);
    (void)slv_version_unref(r->version);
    free(r);
}

static void out_joined(slv_sink *sink)
{
    slv_sink_credit(sink, SLV_FLOW_WINDOW);
}

static void out_data(slv_sink *sink, slv_str bytes, bool fin)
{
    reply *r = slv_container_of(sink, reply, out);
    slv_exchange *ex = r->ex;
    bool more = slv_exchange_write(ex, bytes);

    if (fin) {
        if (r->tail.len > 0)
            (void)slv_exchange_write(ex, slv_buf_view(&r->tail));
        log_line(r, ex, "ok");
        slv_exchange_end(ex);
        reply_free(r);
    } else if (more) {
        slv_sink_credit(sink, bytes.len);
    } else {
        r->owed += bytes.len;
    }
}

static void out_fail(slv_sink *sink, slv_str message)
{
    reply *r = slv_container_of(sink, reply, out);

    (void)message;
    log_line(r, r->ex, "exception");
    slv_exchange_abort(r->ex);
    reply_free(r);
}

static const slv_sink_ops out_ops = {out_data, out_fail, out_joined};

/* ---- files as they lie ---- */

/* Whether the kernel has the piece in memory, as far as its first and last byte tell: sending what
 * it has not would wait for the disk. */
static bool is_near(const reply *r, size_t n)
{
    char byte;
    struct iovec to = {.iov_base = &byte, .iov_len = 1};

    return preadv2(r->fd, &to, 1, (off_t)r->at, RWF_NOWAIT) == 1 &&
           preadv2(r->fd, &to, 1, (off_t)(r->at + n - 1), RWF_NOWAIT) == 1;
}

static void fail(reply *r)
{
    log_line(r, r->ex, "exception");
    slv_exchange_abort(r->ex);
    reply_free(r);
}

/* May end r. */
static void send_pieces(reply *r)
{
    ssize_t sent = 1;

    for (int i = 0; i < PIECES_IN_TURN && r->at < r->end && sent > 0; i++) {
        size_t n = (size_t)SLV_MIN(r->end - r->at, PIECE);

        sent = is_near(r, n) ? slv_exchange_send_file(r->ex, r->fd, r->at, n) : -1;
        if (sent > 0)
            r->at += (uint64_t)sent;
    }
    if (sent == -2) { /* it has become shorter */
        fail(r);
    } else if (sent == -1) { /* the rest is read by a thread, or must be sealed by TLS */
        slv_source *rest = slv_file_source_new_take(r->shard, r->fd, r->at, r->end - r->at);

        r->fd = -1;
        slv_body_join(rest, &r->out);
    } else if (r->at == r->end) {
        log_line(r, r->ex, "ok");
        slv_exchange_end(r->ex);
        reply_free(r);
    } else if (sent > 0) { /* others have their turn */
        slv_loop_later(r->shard->loop, &r->more);
    }
}

static void on_more(slv_task *task)
{
    send_pieces(slv_container_of(task, reply, more));
}

static void on_writable(slv_answerer *a)
{
    reply *r = slv_container_of(a, reply, answerer);
    size_t owed = r->owed;

    if (r->fd >= 0) {
        send_pieces(r);
        return;
    }

    r->owed = 0;
    slv_sink_credit(&r->out, owed);
}

static void on_gone(slv_answerer *a)
{
    reply *r = slv_container_of(a, reply, answerer);

    log_line(r, r->ex, "canceled");
    slv_task_cancel(&r->more);
    slv_sink_cancel(&r->out, SLV_STR("The client has disconnected."));
    reply_free(r);
}

static slv_str field_of(const slv_exchange *ex, const char *name)
{
    const slv_http_header *h = slv_exchange_header(ex, slv_str_from(name));

    return h ? h->value : SLV_STR_NULL;
}

static slv_code request_of(slv_shard *shard, const slv_exchange *ex, const slv_version *version,
                           slv_assets_request *ret)
{
    *ret = (slv_assets_request){
        .method = ex->head.method,
        .if_none_match = field_of(ex, "if-none-match"),
        .fetch_mode = field_of(ex, "sec-fetch-mode"),
        .authorization = slv_exchange_header(ex, SLV_STR("authorization")) != NULL,
        .range = slv_exchange_header(ex, SLV_STR("range")) != NULL,
    };
    return slv_shard_url(shard, &ex->head, version, &ret->url);
}

static slv_code add_script(reply *r, slv_response_head *head)
{
    const slv_msg_response like = {.status = (uint16_t)head->status, .headers = head->headers};

    r->tail = SLV_BUF((size_t)4 << 10);
    SLV_TRY(slv_live_script(r->shard, r->ex, &like, &r->tail));
    head->length += (int64_t)r->tail.len;
    return SLV_OK;
}

/* Takes r. */
static void send_answer(reply *r, slv_assets_answer *answer)
{
    slv_exchange *ex = r->ex;
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(2 * SLV_ASSET_HEADERS_MAX);
    slv_asset_body body = slv_asset_open_as(r->shard, ex, r->version->assets, answer, &headers);
    slv_response_head head = {
        .status = answer->status, .headers = answer->headers, .length = (int64_t)body.length};

    r->status = answer->status;
    r->fd = body.fd;
    r->at = body.from;
    r->end = body.from + body.length;
    if (body.source && r->shard->server->o.live_reload && add_script(r, &head) != SLV_OK)
        slv_buf_done(&r->tail);
    if (body.bytes.len > 0) {
        log_line(r, ex, "ok");
        if (slv_exchange_reply(ex, &head, body.bytes, NULL) != SLV_OK)
            slv_exchange_abort(ex);
        reply_free(r);
        return;
    }
    if (body.fd < 0 && !body.source) { /* in answer to HEAD the length is that of GET's body */
        log_line(r, ex, "ok");
        if (slv_exchange_respond(ex, &head, NULL) == SLV_OK)
            slv_exchange_end(ex);
        else
            slv_exchange_abort(ex);
        reply_free(r);
        return;
    }
    if (slv_exchange_respond(ex, &head, NULL) != SLV_OK) {
        if (body.source)
            body.source->ops->cancel(body.source, SLV_STR("The response cannot be sent."));
        slv_exchange_abort(ex);
        reply_free(r);
        return;
    }
    if (body.source)
        slv_body_join(body.source, &r->out);
    else
        send_pieces(r);
}

bool slv_asset_request(slv_shard *shard, slv_exchange *ex, slv_version *version)
{
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(SLV_ASSET_HEADERS_MAX);
    slv_assets_request request;
    slv_assets_answer answer;
    bool ours;

    if (request_of(shard, ex, version, &request) != SLV_OK ||
        slv_assets_route(version->assets, &request, &ours) != SLV_OK || !ours)
        return false;
    if (slv_assets_answer_to(version->assets, &request, &headers, &answer) != SLV_OK)
        answer = (slv_assets_answer){.status = 500};
    reply *r = slv_new0(reply);
    *r = (reply){.answerer = {.writable = on_writable, .gone = on_gone},
                 .out = {.ops = &out_ops},
                 .fd = -1,
                 .more.fn = on_more,
                 .shard = shard,
                 .ex = ex,
                 .version = slv_version_ref(version),
                 .began_ns = slv_clock_mono_ns()};
    ex->user = &r->answerer;
    send_answer(r, &answer);
    return true;
}
