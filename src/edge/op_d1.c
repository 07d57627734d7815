/*
 * D1 (docs/internals/stores.md). What looks as if it only reads is tried on a reader, beside the
 * writer; what the reader refuses, and everything else, runs on the writer, one batch after the
 * other.
 *
 * A batch that nobody waits for any more is stopped: its flag is looked at while it runs.
 */
#include "base/mem.h"
#include "d1/d1.h"
#include "edge/resource_int.h"
#include "edge/sight_int.h"
#include "state/d1_call.h"
#include "state/kinds.h"

enum { OP_RUN = 56 };

enum {
    RUN_NO_ROWS = 1,  /* figures alone */
    RUN_BOOKMARK = 2, /* the caller wants to know where the database stands */
};

enum { DONE_OK = 0, DONE_ERROR = 1 };

/* A request of that size is read on the loop, to see what it asks for; a larger one by the thread.
 */
#define READ_HERE_MAX ((size_t)64 << 10)

typedef struct d1_op {
    slv_op op;
    slv_d1_call d;
    slv_shard *shard;
    slv_store *store;
    slv_buf request; /* JSON, then blobs */
    atomic_bool stop;
    slv_arena arena;
    slv_d1_rows rows;
    slv_buf message; /* what the user is told; empty: nothing failed */
} d1_op;

static void op_free(d1_op *d)
{
    (void)slv_store_unref(d->store);
    slv_buf_done(&d->request);
    slv_buf_done(&d->message);
    slv_d1_rows_done(&d->rows);
    slv_arena_done(&d->arena);
    free(d);
}

static void on_cancel(slv_op *op, bool answer)
{
    d1_op *d = slv_container_of(op, d1_op, op);

    atomic_store_explicit(&d->stop, true, memory_order_relaxed);
    slv_store_cancel(&d->d.call);
    slv_op_abort(op, answer); /* on_done frees it */
}

static const slv_op_ops op_ops = {on_cancel};

static slv_code put_result(const d1_op *d, slv_buf *out)
{
    bool failed = d->message.len > 0;
    slv_str none = SLV_STR("");

    SLV_TRY(slv_buf_append_u8(out, failed ? DONE_ERROR : DONE_OK));
    SLV_TRY(slv_msg_str_put(out, failed ? none : slv_buf_view(&d->rows.block)));
    SLV_TRY(slv_msg_str_put(out, slv_buf_view(failed ? &d->message : &d->rows.text)));
    return slv_msg_str_put(out, slv_str_from(d->d.ask.before));
}

static void answer(d1_op *d)
{
    slv_link *link = slv_event_link(d->op.event);

    slv_link_end(link, put_result(d, slv_link_begin(link, SLV_FRAME_RESULT, 0, d->op.id)));
}

static void on_done(slv_call *call);

static void call_store(d1_op *d, slv_call_kind kind)
{
    /* a database comes into being when it is first used */
    slv_d1_call_make(&d->d, d->store, d->shard->loop, kind, kind == SLV_CALL_SOLO, on_done);
}

static void on_done(slv_call *call)
{
    d1_op *d = slv_container_of(call, d1_op, d.call);

    if (!d->op.event) {
        op_free(d);
        return;
    }
    if (call->kind == SLV_CALL_READ &&
        (call->code == SLV_E_STATE || call->code == SLV_E_NOTFOUND)) {
        call_store(d, SLV_CALL_SOLO);
        return;
    }
    if (call->code != SLV_OK && d->message.len == 0) {
        if (call->code != SLV_E_AGAIN)
            slv_hook_notice(d->shard, slv_str_from(slv_err_text(&call->err)));
        if (slv_buf_set(&d->message,
                        call->code == SLV_E_AGAIN
                            ? SLV_STR("D1 DB is overloaded. Too many requests queued.")
                            : SLV_STR("Internal error in D1 DB storage caused object to be "
                                      "reset.")) != SLV_OK)
            slv_buf_reset(&d->message);
    }
    slv_worker_figures *figures = slv_sights_worker(d->shard->sights, d->op.event->version);
    figures->rows_read += d->rows.rows_read;
    figures->rows_written += d->rows.rows_written;
    answer(d);
    slv_op_close(&d->op);
    op_free(d);
}

static slv_code parse(d1_op *d, slv_err *err)
{
    slv_d1_statement *list = NULL;

    SLV_TRY(slv_d1_request_parse(d->d.ask.json, d->d.ask.blobs, &d->arena, &list, &d->d.ask.count,
                                 err));
    d->d.ask.statements = list;
    return SLV_OK;
}

static slv_code op_run(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    uint8_t bits = slv_read_u8(&r);
    slv_str json = slv_read_str(&r), blobs = slv_read_str(&r);

    if (!slv_reader_end(&r) || c->stream || bits > (RUN_NO_ROWS | RUN_BOOKMARK))
        return slv_fail(err, SLV_E_PROTOCOL, "malformed D1 batch");
    if (!slv_event_subrequest(c->ev, c->op))
        return SLV_OK;
    d1_op *d = slv_new0(d1_op);
    d->shard = c->ev->shard;
    d->store = slv_state_store(d->shard->server->o.state, &slv_d1_store, c->ev->version->tenant,
                               c->binding->id);
    d->request = SLV_BUF(SLV_MESSAGE_MAX);
    d->message = SLV_BUF((size_t)1 << 20);
    d->arena = SLV_ARENA(4 * SLV_MESSAGE_MAX);
    slv_d1_rows_init(&d->rows, bits & RUN_NO_ROWS);
    slv_op_open(&d->op, c->ev, c->op, &op_ops);
    slv_code code = slv_buf_append(&d->request, json);
    if (code == SLV_OK)
        code = slv_buf_append(&d->request, blobs);
    d->d.ask = (slv_d1_ask){
        .kind = SLV_D1_ASK_ROWS,
        .stop = &d->stop,
        .json = slv_str_sub(slv_buf_view(&d->request), 0, json.len),
        .blobs = slv_str_skip(slv_buf_view(&d->request), SLV_MIN(json.len, d->request.len)),
        .want_bookmark = bits & RUN_BOOKMARK,
        .arena = &d->arena,
        .message = &d->message,
        .rows = &d->rows,
    };
    if (code == SLV_OK && d->request.len <= READ_HERE_MAX) {
        code = parse(d, err);
        if (code == SLV_E_PARSE) {
            slv_op_close(&d->op);
            op_free(d);
            return SLV_E_PROTOCOL;
        }
    }
    if (code != SLV_OK) {
        slv_op_reject(c->ev, c->op, SLV_STR("Error"), SLV_STR("D1_ERROR: The batch is too large."));
        slv_op_close(&d->op);
        op_free(d);
        return SLV_OK;
    }
    call_store(d, d->d.ask.statements && slv_d1_looks_read(d->d.ask.statements, d->d.ask.count)
                      ? SLV_CALL_READ
                      : SLV_CALL_SOLO);
    return SLV_OK;
}

slv_code slv_d1_op(const slv_resource_call *call, slv_err *err)
{
    if (call->kind == OP_RUN)
        return op_run(call, err);
    return slv_fail(err, SLV_E_PROTOCOL, "OP of unknown kind %u", (unsigned)call->kind);
}
