/* Queues of producers (docs/internals/stores.md): sending, and what waits. */
#include <stdio.h>

#include "base/mem.h"
#include "edge/resource_int.h"
#include "fmt/json.h"
#include "queue/queue.h"
#include "state/kinds.h"

enum {
    OP_SEND = 104,
    OP_METRICS = 105,
    OP_SEND_BATCH = 106,
};

typedef struct queue_op {
    slv_op op;
    slv_call call;
    slv_shard *shard;
    slv_store *store;
    slv_version *version; /* a reference: the binding's */
    const slv_binding *binding;
    slv_arena arena;
    int64_t now_ms;
    bool batch; /* sendBatch() */
    slv_queue_new *messages;
    size_t count;
    slv_queue_metrics metrics;
} queue_op;

static void op_free(queue_op *q)
{
    (void)slv_store_unref(q->store);
    (void)slv_version_unref(q->version);
    slv_arena_done(&q->arena);
    free(q);
}

static void on_cancel(slv_op *op, bool answer)
{
    slv_op_abort(op, answer); /* the call goes on; its done() frees */
}

static const slv_op_ops op_ops = {on_cancel};

static queue_op *op_new(const slv_resource_call *c)
{
    queue_op *q = slv_new0(queue_op);

    q->shard = c->ev->shard;
    q->version = slv_version_ref(c->ev->version);
    q->binding = c->binding;
    q->store = slv_state_store(q->shard->server->o.state, &slv_queue_store, q->version->tenant,
                               c->binding->id);
    q->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    q->now_ms = slv_loop_wall_ms(q->shard->loop);
    slv_op_open(&q->op, c->ev, c->op, &op_ops);
    return q;
}

static slv_code put_metrics(slv_buf *out, const slv_queue_metrics *m)
{
    SLV_TRY(slv_buf_append_u64(out, m->count));
    SLV_TRY(slv_buf_append_u64(out, m->bytes));
    return slv_buf_append_u64(out, (uint64_t)m->oldest_ms);
}

static void answer(queue_op *q)
{
    slv_event *ev = q->op.event;

    if (!ev)
        return;
    slv_link *link = slv_event_link(ev);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, q->op.id);
    slv_link_end(link, put_metrics(out, &q->metrics));
    slv_op_close(&q->op);
}

/* "Queue send failed: message length of ..." */
static void reject(queue_op *q, slv_code code, const slv_err *err)
{
    slv_event *ev = q->op.event;
    const char *verb = q->count == 0 ? "metrics" : q->batch ? "sendBatch" : "send";
    const char *why = slv_err_text(err);
    char text[SLV_ERR_MESSAGE_MAX + 64];

    if (code == SLV_E_AGAIN)
        why = "Too Many Requests";
    else if (code != SLV_E_LIMIT && code != SLV_E_INVAL)
        why = "Internal Server Error";
    if (code == SLV_E_IO)
        slv_hook_notice(q->shard, slv_str_from(slv_err_text(err)));
    if (!ev)
        return;
    snprintf(text, sizeof text, "Queue %s failed: %s", verb, why);
    slv_op_reject(ev, q->op.id, SLV_STR("Error"), slv_str_from(text));
    slv_op_close(&q->op);
}

static void on_done(slv_call *call)
{
    queue_op *q = slv_container_of(call, queue_op, call);

    if (call->code == SLV_OK || (call->code == SLV_E_NOTFOUND && q->count == 0)) {
        if (q->count > 0)
            slv_queue_news(q->shard->server, q->version->tenant, q->binding->id, q->count);
        answer(q);
    } else {
        reject(q, call->code, &call->err);
    }
    op_free(q);
}

/* ---- send ---- */

static slv_code run_send(slv_call *call, void *service, slv_err *err)
{
    queue_op *q = slv_container_of(call, queue_op, call);

    return slv_queue_send(service, q->messages, q->count, q->now_ms, &q->metrics, err);
}

/* delivery_delay of the producer's configuration; -1: none. */
static int64_t producer_delay(queue_op *q)
{
    slv_node *options = NULL;
    int64_t delay = -1;

    if (q->binding->options.len > 0 &&
        slv_json_parse(q->binding->options, SLV_JSON_STRICT, &q->arena, &options, NULL) == SLV_OK)
        (void)slv_node_i64(slv_node_get(options, "delivery_delay"), &delay);
    return delay;
}

static slv_code read_messages(queue_op *q, uint16_t kind, slv_reader *r, slv_err *err)
{
    int64_t otherwise = producer_delay(q);

    slv_reader block;

    q->batch = kind == OP_SEND_BATCH;
    q->count = 1;
    if (q->batch) {
        q->count = slv_read_u16(r);
        block = slv_reader_make(slv_read_str(r));
        if (!slv_reader_end(r))
            return slv_fail(err, SLV_E_PROTOCOL, "malformed queue batch");
        r = &block;
    }
    q->messages = slv_arena_try_alloc0(&q->arena, (q->count + 1) * sizeof *q->messages);
    if (!q->messages)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < q->count && !r->bad; i++) {
        slv_queue_new *m = &q->messages[i];

        m->type = (slv_queue_type)slv_read_u8(r);
        m->delay_s = q->batch ? (int32_t)slv_read_u32(r) : (int64_t)slv_read_u64(r);
        m->body = slv_read_str(r);
        if (!slv_queue_type_name(m->type))
            return slv_fail(err, SLV_E_PROTOCOL, "a queue message of type %d", (int)m->type);
        if (m->delay_s < 0)
            m->delay_s = otherwise;
    }
    if (!slv_reader_end(r) || q->count == 0)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed queue send");
    return SLV_OK;
}

static slv_code op_send(const slv_resource_call *c, slv_err *err)
{
    queue_op *q = op_new(c);
    slv_reader r = slv_reader_make(c->rest);
    slv_err why = {0};
    slv_code code = read_messages(q, c->kind, &r, err);

    if (code == SLV_E_PROTOCOL) {
        slv_op_close(&q->op);
        op_free(q);
        return code;
    }
    if (code == SLV_OK) /* before the bodies are copied */
        code = slv_queue_check(q->messages, q->count, q->batch, &why);
    for (size_t i = 0; code == SLV_OK && i < q->count; i++)
        code = slv_arena_dup(&q->arena, q->messages[i].body, &q->messages[i].body);
    if (code != SLV_OK) {
        reject(q, code, &why);
        op_free(q);
        return SLV_OK;
    }
    q->call.kind = SLV_CALL_WRITE;
    q->call.create = true;
    q->call.run = run_send;
    q->call.done = on_done;
    slv_store_call(q->store, q->shard->loop, &q->call);
    return SLV_OK;
}

/* ---- metrics ---- */

static slv_code run_metrics(slv_call *call, void *service, slv_err *err)
{
    queue_op *q = slv_container_of(call, queue_op, call);

    return slv_queue_get_metrics(service, &q->metrics, err);
}

static void op_metrics(const slv_resource_call *c)
{
    queue_op *q = op_new(c);

    q->call.kind = SLV_CALL_READ;
    q->call.run = run_metrics;
    q->call.done = on_done;
    slv_store_call(q->store, q->shard->loop, &q->call);
}

slv_code slv_queue_op(const slv_resource_call *c, slv_err *err)
{
    if (!slv_event_subrequest(c->ev, c->op))
        return SLV_OK;
    switch (c->kind) {
    case OP_SEND:
    case OP_SEND_BATCH:
        return op_send(c, err);
    case OP_METRICS:
        if (c->rest.len > 0)
            break;
        op_metrics(c);
        return SLV_OK;
    default:
        break;
    }
    return slv_fail(err, SLV_E_PROTOCOL, "queue operation %u", c->kind);
}
