/*
 * Tables for workers: the operation of `selvage:bao`, and requests to AWS's host names, which are
 * answered here unless the project says otherwise. Both are asks of the server's face
 * (edge/dynamo.h).
 */
#include "base/mem.h"
#include "dynamo/model.h"
#include "edge/dynamo.h"
#include "edge/dynamo_int.h"
#include "edge/resource_int.h"

enum {
    OP_CALL = 144,
    OP_TASK = 145,
};

#define RESULT_MAX ((size_t)33 << 20)

typedef struct dynamo_op {
    slv_op op;
    slv_shard *shard;
    slv_dynamo_ask ask;
    bool asking;
    slv_dynamo_task *task; /* of TASK */
    bool http;             /* the answer is a response */
    slv_sink body;         /* of the request, while it comes */
    bool body_open;
    slv_arena arena;
    slv_buf text; /* the request's body */
    slv_str operation, region, url, type;
} dynamo_op;

static void op_free(dynamo_op *k)
{
    slv_dynamo_ask_end(&k->ask);
    (void)slv_dynamo_task_free(k->task);
    slv_buf_done(&k->text);
    slv_arena_done(&k->arena);
    free(k);
}

static void on_cancel(slv_op *op, bool answer)
{
    dynamo_op *k = slv_container_of(op, dynamo_op, op);

    slv_op_abort(op, answer);
    if (k->body_open)
        slv_sink_cancel(&k->body, SLV_STR("The operation was aborted"));
    k->body_open = false;
    if (!k->asking)
        op_free(k);
}

static const slv_op_ops op_ops = {on_cancel};

static dynamo_op *op_new(slv_event *ev, uint32_t id)
{
    dynamo_op *k = slv_new0(dynamo_op);

    k->shard = ev->shard;
    k->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    k->text = SLV_BUF(SLV_DYNAMO_BODY_MAX);
    slv_op_open(&k->op, ev, id, &op_ops);
    return k;
}

static void fail_op(dynamo_op *k, slv_str name, slv_str message)
{
    slv_op_reject(k->op.event, k->op.id, name, message);
    slv_op_close(&k->op);
    op_free(k);
}

/* ---- answers ---- */

static slv_code put_call(slv_buf *out, int status, slv_str body)
{
    SLV_TRY(slv_buf_append_u16(out, (uint16_t)status));
    return slv_msg_str_put(out, body);
}

static slv_code put_response(dynamo_op *k, slv_buf *out, int status, slv_str body)
{
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(1024);
    char id[52];

    slv_dynamo_request_id(id);
    SLV_TRY(slv_buf_printf(&headers,
                           "content-type:%.*s\ncontent-length:%zu\nx-amzn-requestid:%.52s\n"
                           "x-amz-crc32:%u\n",
                           SLV_STR_ARGS(k->type), body.len, id, slv_dynamo_crc32(body)));
    const slv_msg_result_fetch m = {
        .status = (uint16_t)status,
        .status_text = status == 200   ? SLV_STR("OK")
                       : status == 400 ? SLV_STR("Bad Request")
                                       : SLV_STR("Internal Server Error"),
        .url = k->url,
        .headers = slv_buf_view(&headers),
        .body_length = (int64_t)body.len,
        .body = body,
    };
    return slv_msg_result_fetch_put(out, &m);
}

static void send_answer(dynamo_op *k)
{
    slv_link *link = slv_event_link(k->op.event);
    int status;
    slv_str body;

    if (k->task)
        slv_dynamo_task_answer(k->task, k->ask.request, &status, &body);
    else
        slv_dynamo_request_answer(k->ask.request, &status, &body);
    if (body.len > RESULT_MAX - 4096) { /* what an isolate would not hold either */
        fail_op(k, SLV_STR("Error"), SLV_STR("The answer of the table store is too large."));
        return;
    }
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, k->op.id);
    slv_link_end(link, k->http ? put_response(k, out, status, body) : put_call(out, status, body));
    slv_op_close(&k->op);
    op_free(k);
}

static slv_dynamo_face *face_of(const dynamo_op *k)
{
    return slv_dynamo_face_of(k->shard->server->o.dynamo, k->op.event->version->tenant);
}

/* The requests of a task, one after another, then its answer. A task whose event has ended stops
 * between two requests: the one that writes is a whole. */
static void go_on(dynamo_op *k)
{
    for (;;) {
        slv_dynamo_request *next = slv_dynamo_task_step(k->task, k->ask.request);

        if (!next) {
            send_answer(k);
            return;
        }
        slv_dynamo_ask_end(&k->ask);
        k->asking = true;
        if (!slv_dynamo_ask_request(&k->ask, face_of(k), k->shard->loop, next))
            return;
        k->asking = false;
    }
}

static void on_asked(slv_dynamo_ask *ask)
{
    dynamo_op *k = slv_container_of(ask, dynamo_op, ask);

    k->asking = false;
    if (!k->op.event)
        op_free(k);
    else if (k->task)
        go_on(k);
    else
        send_answer(k);
}

static void ask(dynamo_op *k, slv_str json)
{
    slv_dynamo_face *face = face_of(k);

    k->asking = true;
    k->ask.done = on_asked;
    if (!slv_dynamo_ask_start(&k->ask, face, k->shard->loop, k->operation, json, k->region))
        return;
    k->asking = false;
    send_answer(k);
}

/* ---- the operation ---- */

/* Status 0: the project wants its requests to reach AWS. The library then goes there by itself. */
static slv_code answer_elsewhere(const slv_resource_call *c)
{
    slv_link *link = slv_event_link(c->ev);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, c->op);

    slv_link_end(link, put_call(out, 0, SLV_STR("")));
    return SLV_OK;
}

static void start_task(const slv_resource_call *c, uint8_t verb, slv_str plan, slv_str text)
{
    dynamo_op *k = op_new(c->ev, c->op);
    const slv_dynamo_origin origin = {.now_ms = slv_loop_wall_ms(k->shard->loop)};

    k->ask.done = on_asked;
    k->task = slv_dynamo_task_new(verb, plan, text, &origin);
    go_on(k);
}

slv_code slv_dynamo_op(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    uint8_t verb = c->kind == OP_TASK ? slv_read_u8(&r) : 0;
    slv_str operation = slv_read_str(&r), json = slv_read_str(&r);

    if (!slv_reader_end(&r) || (c->kind != OP_CALL && c->kind != OP_TASK))
        return slv_fail(err, SLV_E_PROTOCOL, "malformed call of the table store");
    if (!c->ev->shard->server->o.dynamo) {
        slv_op_reject(c->ev, c->op, SLV_STR("Error"), SLV_STR("There are no tables here."));
        return SLV_OK;
    }
    if (slv_dynamo_face_is_remote(c->ev->shard->server->o.dynamo))
        return answer_elsewhere(c);
    if (!slv_event_subrequest(c->ev, c->op))
        return SLV_OK;
    if (c->kind == OP_TASK) {
        start_task(c, verb, operation, json);
        return SLV_OK;
    }
    dynamo_op *k = op_new(c->ev, c->op);
    if (slv_arena_dup(&k->arena, operation, &k->operation) != SLV_OK)
        fail_op(k, SLV_STR("Error"), SLV_STR("The call is too large."));
    else
        ask(k, json);
    return SLV_OK;
}

/* ---- requests to AWS ---- */

static slv_str header_of(slv_str block, const char *name)
{
    slv_str line, wanted = slv_str_from(name);

    while (block.len > 0 && slv_str_split(&block, '\n', &line)) {
        size_t colon = slv_str_chr(line, ':', 0);

        if (colon != SIZE_MAX && slv_str_eq_nocase(slv_str_sub(line, 0, colon), wanted))
            return slv_str_trim(slv_str_skip(line, colon + 1));
    }
    return SLV_STR_NULL;
}

/* "https://HOST/...": the host, without its port. */
static slv_str host_of(slv_str url)
{
    size_t slashes = slv_str_find(url, SLV_STR("://"), 0);
    slv_str host = slv_str_skip(url, slashes == SIZE_MAX ? url.len : slashes + 3);
    size_t end = 0;

    while (end < host.len && host.ptr[end] != '/' && host.ptr[end] != '?' && host.ptr[end] != ':' &&
           host.ptr[end] != '#')
        end++;
    return slv_str_sub(host, 0, end);
}

bool slv_dynamo_answers(const slv_event *ev, const slv_msg_op_fetch *m)
{
    const slv_dynamo_face *face = ev->shard->server->o.dynamo;
    slv_str region;

    return face && !slv_dynamo_face_is_remote(face) && slv_str_is(m->method, "POST") &&
           slv_dynamo_host_region(host_of(m->url), &region) &&
           header_of(m->headers, "x-amz-target").len > 0;
}

static void on_data(slv_sink *sink, slv_str bytes, bool fin)
{
    dynamo_op *k = slv_container_of(sink, dynamo_op, body);

    if (slv_buf_append(&k->text, bytes) != SLV_OK) {
        k->body_open = false;
        slv_sink_cancel(sink, SLV_STR("The request is too large."));
        fail_op(k, SLV_STR("Error"), SLV_STR("The request is too large."));
        return;
    }
    if (!fin) {
        slv_sink_credit(sink, bytes.len);
        return;
    }
    k->body_open = false;
    ask(k, slv_buf_view(&k->text));
}

static void on_fail(slv_sink *sink, slv_str message)
{
    dynamo_op *k = slv_container_of(sink, dynamo_op, body);

    (void)message;
    k->body_open = false;
    fail_op(k, SLV_STR("TypeError"), SLV_STR("The request body failed."));
}

static const slv_sink_ops body_ops = {.data = on_data, .fail = on_fail};

static slv_code copy_request(dynamo_op *k, const slv_msg_op_fetch *m)
{
    slv_str type = header_of(m->headers, "content-type"), operation, region;

    if (!slv_dynamo_target_operation(header_of(m->headers, "x-amz-target"), &operation))
        operation = SLV_STR("");
    if (!slv_dynamo_host_region(host_of(m->url), &region))
        return SLV_E_INVAL;
    k->type = slv_str_starts(type, SLV_STR("application/x-amz-json-1.0"))
                  ? SLV_STR("application/x-amz-json-1.0")
                  : SLV_STR("application/json");
    SLV_TRY(slv_arena_dup(&k->arena, operation, &k->operation));
    SLV_TRY(slv_arena_dup(&k->arena, region, &k->region));
    return slv_arena_dup(&k->arena, m->url, &k->url);
}

void slv_dynamo_fetch_take(slv_event *ev, uint32_t op, const slv_msg_op_fetch *m, slv_source *body)
{
    dynamo_op *k = op_new(ev, op);

    k->http = true;
    k->body.ops = &body_ops;
    if (body) {
        k->body_open = true;
        slv_body_join(body, &k->body);
    }
    if (copy_request(k, m) != SLV_OK) {
        on_cancel(&k->op, true);
        return;
    }
    if (body)
        slv_sink_credit(&k->body, SLV_FLOW_WINDOW);
    else
        ask(k, m->body);
}
