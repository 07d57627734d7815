/*
 * R2 (docs/internals/stores.md): operations of isolates as calls on the bucket. What rows alone can
 * answer is answered on the loop where the bucket is open here; content of any size passes in
 * pieces.
 */
#include <stdio.h>

#include "base/mem.h"
#include "edge/op_r2_int.h"
#include "fmt/json.h"

typedef struct op_row {
    uint16_t kind;
    const char *name; /* the method, as errors say it */
    slv_call_kind call;
    bool create, body;
    slv_code (*read)(r2_op *k, slv_reader *r);
    slv_code (*run)(slv_call *call, void *service, slv_err *err);
    void (*answer)(r2_op *k);
    void (*absent)(r2_op *k); /* there is no such bucket yet */
} op_row;

/* ---- life ---- */

static void op_free(r2_op *k)
{
    (void)slv_r2_push_free(k->push);
    (void)slv_r2_reader_free(k->found.reader);
    (void)slv_store_unref(k->store);
    slv_arena_done(&k->arena);
    slv_buf_done(&k->text);
    explicit_bzero(k->ssec, sizeof k->ssec);
    free(k);
}

static void release(r2_op *k)
{
    k->dead = true;
    if (!k->joining)
        op_free(k);
}

static void on_cancel(slv_op *op, bool answer)
{
    r2_op *k = slv_container_of(op, r2_op, op);

    slv_op_abort(op, answer);
    slv_sink_cancel(&k->sink, SLV_STR("The operation was canceled."));
    if (!k->called)
        op_free(k);
}

static const slv_op_ops op_ops = {on_cancel};

static void reject(slv_event *ev, uint32_t op, const char *name, slv_code code, const slv_err *err)
{
    slv_err text = {0};
    int number = slv_r2_error_number(err);

    if (number == SLV_R2_INTERNAL && err->detail != SLV_R2_INTERNAL && code == SLV_E_AGAIN)
        (void)slv_fail(&text, code,
                       "%s: Reduce your concurrent request rate for the same bucket. (10058)",
                       name);
    else if (number == SLV_R2_INTERNAL) {
        if (err->detail != SLV_R2_INTERNAL)
            slv_hook_notice(ev->shard, slv_str_from(slv_err_text(err)));
        (void)slv_fail(&text, code, "%s: %s (%d)", name, slv_r2_error_text(number), number);
    } else {
        (void)slv_fail(&text, code, "%s: %s (%d)", name, slv_err_text(err), number);
    }
    slv_op_reject(ev, op, SLV_STR("Error"), slv_str_from(text.message));
}

static void fail_op(r2_op *k, slv_code code, const slv_err *err)
{
    if (k->op.event)
        reject(k->op.event, k->op.id, k->row->name, code, err);
    slv_op_close(&k->op);
    slv_sink_cancel(
        &k->sink,
        SLV_STR("Stream cancelled because the associated put operation encountered an error."));
    release(k);
}

static void on_done(slv_call *call)
{
    r2_op *k = slv_container_of(call, r2_op, call);
    bool absent = call->code == SLV_E_NOTFOUND && call->err.detail == 0;
    bool unmet = call->code == SLV_E_STATE && call->err.detail == SLV_R2_PRECONDITION;

    k->called = false;
    k->code = call->code;
    if (!k->op.event) {
        op_free(k);
        return;
    }
    bool missing = call->err.detail == SLV_R2_NO_SUCH_KEY && k->row->absent;
    if (absent || missing) {
        k->row->absent(k);
    } else if (call->code == SLV_OK || (unmet && k->has_cond)) {
        k->row->answer(k);
    } else {
        fail_op(k, call->code, &call->err);
        return;
    }
    slv_op_close(&k->op);
    op_free(k);
}

static void call_store(r2_op *k)
{
    k->call.kind = k->row->call;
    k->call.create = k->row->create;
    k->call.run = k->row->run;
    k->call.done = on_done;
    k->now_ms = slv_loop_wall_ms(k->shard->loop);
    k->called = true;
    slv_store_call(k->store, k->shard->loop, &k->call);
}

/* ---- fields ---- */

enum {
    COND_MATCH = 1,
    COND_NONE = 2,
    COND_BEFORE = 4,
    COND_AFTER = 8,
    COND_SECONDS = 16,
};

/* Copies into the operation's arena: what was read borrows from the frame. */
static slv_code keep(r2_op *k, slv_str *s)
{
    return slv_arena_dup(&k->arena, *s, s);
}

static slv_code read_cond(r2_op *k, slv_reader *r)
{
    uint8_t bits = slv_read_u8(r);
    slv_r2_cond *c = &k->cond;

    c->match = slv_read_str(r);
    c->none = slv_read_str(r);
    c->before_ms = (int64_t)slv_read_u64(r);
    c->after_ms = (int64_t)slv_read_u64(r);
    c->has_match = bits & COND_MATCH;
    c->has_none = bits & COND_NONE;
    c->has_before = bits & COND_BEFORE;
    c->has_after = bits & COND_AFTER;
    c->seconds = bits & COND_SECONDS;
    k->has_cond = bits & (COND_MATCH | COND_NONE | COND_BEFORE | COND_AFTER);
    SLV_TRY(keep(k, &c->match));
    return keep(k, &c->none);
}

static slv_code read_key(r2_op *k, slv_reader *r)
{
    k->key = slv_read_str(r);
    return keep(k, &k->key);
}

static slv_code read_ssec(r2_op *k, slv_reader *r)
{
    slv_str key = slv_read_str(r);

    if (key.len != 0 && key.len != sizeof k->ssec)
        return SLV_E_PROTOCOL;
    k->has_ssec = key.len > 0;
    if (k->has_ssec)
        memcpy(k->ssec, key.ptr, sizeof k->ssec);
    return SLV_OK;
}

/* httpMetadata, customMetadata, storageClass. */
static slv_code read_options(r2_op *k, slv_reader *r)
{
    slv_str class;

    k->put.http = slv_read_str(r);
    k->put.custom = slv_read_str(r);
    class = slv_read_str(r);
    k->bad_class = !slv_r2_class_parse(class, &k->put.class);
    SLV_TRY(keep(k, &k->put.http));
    return keep(k, &k->put.custom);
}

static slv_code read_key_only(r2_op *k, slv_reader *r)
{
    return read_key(k, r);
}

static slv_code read_get(r2_op *k, slv_reader *r)
{
    slv_r2_range *range = &k->get.range;

    SLV_TRY(read_key(k, r));
    SLV_TRY(read_cond(k, r));
    range->kind = (slv_r2_range_kind)slv_read_u8(r);
    range->has_length = slv_read_u8(r);
    range->offset = slv_read_u64(r);
    range->length = slv_read_u64(r);
    range->header = slv_read_str(r);
    if (range->kind > SLV_R2_RANGE_HEADER)
        return SLV_E_PROTOCOL;
    SLV_TRY(keep(k, &range->header));
    return read_ssec(k, r);
}

static slv_code read_body(r2_op *k, slv_reader *r)
{
    SLV_TRY(read_ssec(k, r));
    k->length = slv_read_u64(r);
    k->bytes = slv_read_str(r); /* taken before the frame goes */
    if (!k->streams)
        k->length = k->bytes.len;
    return k->streams && k->bytes.len > 0 ? SLV_E_PROTOCOL : SLV_OK;
}

static slv_code read_put(r2_op *k, slv_reader *r)
{
    SLV_TRY(read_key(k, r));
    SLV_TRY(read_cond(k, r));
    SLV_TRY(read_options(k, r));
    k->sum_kind = slv_read_u8(r);
    k->sum = slv_read_str(r);
    if (k->sum.len > 0 &&
        (k->sum_kind > SLV_SUM_SHA512 || k->sum.len != slv_sum_len((slv_sum_kind)k->sum_kind)))
        return SLV_E_PROTOCOL;
    SLV_TRY(keep(k, &k->sum));
    return read_body(k, r);
}

static slv_code read_json(r2_op *k, slv_reader *r)
{
    slv_str text = slv_read_str(r);

    SLV_TRY(keep(k, &text));
    if (slv_json_parse(text, SLV_JSON_STRICT, &k->arena, &k->list, NULL) != SLV_OK ||
        !slv_node_is(k->list, SLV_NODE_ARRAY))
        return SLV_E_PROTOCOL;
    return SLV_OK;
}

static slv_code read_list(r2_op *k, slv_reader *r)
{
    slv_r2_list_options *o = &k->page;

    o->prefix = slv_read_str(r);
    o->delimiter = slv_read_str(r);
    o->cursor = slv_read_str(r);
    o->start_after = slv_read_str(r);
    uint8_t bits = slv_read_u8(r);
    uint32_t limit = slv_read_u32(r);
    k->bad_limit = limit < 1 || limit > SLV_R2_LIST_MAX;
    o->limit = limit;
    o->http = bits & 4;
    o->custom = bits & 8;
    SLV_TRY(keep(k, &o->prefix));
    SLV_TRY(keep(k, &o->delimiter));
    SLV_TRY(keep(k, &o->cursor));
    SLV_TRY(keep(k, &o->start_after));
    if (!(bits & 1))
        o->cursor = SLV_STR_NULL;
    if (!(bits & 2))
        o->start_after = SLV_STR_NULL;
    return SLV_OK;
}

static slv_code read_create(r2_op *k, slv_reader *r)
{
    SLV_TRY(read_key(k, r));
    SLV_TRY(read_options(k, r));
    return read_ssec(k, r);
}

static slv_code read_upload(r2_op *k, slv_reader *r)
{
    SLV_TRY(read_key(k, r));
    k->upload = slv_read_str(r);
    return keep(k, &k->upload);
}

static slv_code read_part(r2_op *k, slv_reader *r)
{
    SLV_TRY(read_upload(k, r));
    k->part = slv_read_u32(r);
    return read_body(k, r);
}

static slv_code read_complete(r2_op *k, slv_reader *r)
{
    SLV_TRY(read_upload(k, r));
    return read_json(k, r);
}

/* ---- on the store's threads ---- */

static r2_op *of_call(slv_call *call)
{
    return slv_container_of(call, r2_op, call);
}

static slv_code run_head(slv_call *call, void *service, slv_err *err)
{
    r2_op *k = of_call(call);

    return slv_r2_head(service, k->key, NULL, &k->arena, &k->found.object, err);
}

static void get_options(r2_op *k)
{
    k->get.cond = k->has_cond ? &k->cond : NULL;
    k->get.ssec_key = k->has_ssec ? k->ssec : NULL;
    k->get.now_ms = slv_loop_wall_ms(k->shard->loop);
}

static slv_code run_get(slv_call *call, void *service, slv_err *err)
{
    r2_op *k = of_call(call);

    return slv_r2_get(service, k->key, &k->get, &k->arena, &k->found, err);
}

static slv_code run_put(slv_call *call, void *service, slv_err *err)
{
    r2_op *k = of_call(call);
    slv_r2_upload *up;

    k->put.now_ms = k->now_ms;
    k->put.cond = k->has_cond ? &k->cond : NULL;
    SLV_TRY(slv_r2_push_upload(k->push, service, &up, err));
    return slv_r2_put(service, k->key, up, &k->put, &k->arena, &k->found.object, err);
}

static slv_code run_delete(slv_call *call, void *service, slv_err *err)
{
    r2_op *k = of_call(call);

    for (const slv_node *n = k->list->first; n; n = n->next)
        SLV_TRY(slv_r2_check_key(slv_node_str(n), err));
    for (const slv_node *n = k->list->first; n; n = n->next)
        SLV_TRY(slv_r2_delete(service, slv_node_str(n), k->now_ms, NULL, err));
    return SLV_OK;
}

static slv_code run_list(slv_call *call, void *service, slv_err *err)
{
    r2_op *k = of_call(call);

    return slv_r2_list_json(service, &k->page, &k->text, err);
}

static slv_code run_create(slv_call *call, void *service, slv_err *err)
{
    r2_op *k = of_call(call);
    uint8_t md5[SLV_SUM_MAX];
    char hex[32];

    k->put.now_ms = k->now_ms;
    if (k->has_ssec) {
        slv_sum_of(SLV_SUM_MD5, slv_str_make(k->ssec, sizeof k->ssec), md5);
        slv_hex_put(slv_str_make(md5, 16), hex);
        k->put.ssec_md5 = slv_str_make(hex, sizeof hex);
    }
    return slv_r2_multipart_create(service, k->key, &k->put, &k->text, err);
}

static slv_code run_part(slv_call *call, void *service, slv_err *err)
{
    r2_op *k = of_call(call);
    slv_r2_upload *up;
    char etag[33];

    SLV_TRY(slv_r2_multipart_check(service, k->key, k->upload, &k->arena, NULL, NULL, err));
    SLV_TRY(slv_r2_push_upload(k->push, service, &up, err));
    SLV_TRY(slv_r2_part_put(service, k->key, k->upload, k->part, up, k->now_ms, etag, err));
    return slv_buf_set(&k->text, slv_str_make(etag, 32));
}

/* [[number, etag], ...] */
static slv_code run_complete(slv_call *call, void *service, slv_err *err)
{
    r2_op *k = of_call(call);
    size_t count = k->list->count, i = 0;
    slv_r2_part *parts = slv_arena_try_alloc0(&k->arena, (count + 1) * sizeof *parts);

    if (!parts)
        return SLV_E_NOMEM;
    for (const slv_node *n = k->list->first; n; n = n->next, i++) {
        int64_t number = 0;

        (void)slv_node_i64(n->first, &number);
        parts[i].number = number > 0 && number <= SLV_R2_PARTS_MAX ? (uint32_t)number : 0;
        parts[i].etag = n->first ? slv_node_str(n->first->next) : SLV_STR_NULL;
    }
    return slv_r2_multipart_complete(service, k->key, k->upload, parts, count, NULL, SLV_STR_NULL,
                                     k->now_ms, &k->arena, &k->found.object, err);
}

static slv_code run_abort(slv_call *call, void *service, slv_err *err)
{
    r2_op *k = of_call(call);

    return slv_r2_multipart_abort(service, k->key, k->upload, k->now_ms, err);
}

/* ---- answers ---- */

static slv_buf *begin(r2_op *k)
{
    return slv_link_begin(slv_event_link(k->op.event), SLV_FRAME_RESULT, 0, k->op.id);
}

static void end(r2_op *k, slv_code code)
{
    slv_link_end(slv_event_link(k->op.event), code);
}

static slv_code put_meta(slv_buf *out, uint8_t what, const slv_r2_object *o)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)1 << 20);

    SLV_TRY(slv_buf_append_u8(out, what));
    if (what)
        SLV_TRY(slv_r2_object_json(&json, o));
    return slv_msg_str_put(out, slv_buf_view(&json));
}

static void answer_meta(r2_op *k)
{
    end(k, put_meta(begin(k), k->code == SLV_OK, &k->found.object));
}

static void absent_meta(r2_op *k)
{
    end(k, put_meta(begin(k), 0, NULL));
}

static slv_code put_found(slv_buf *out, uint8_t what, const slv_r2_found *f, uint32_t stream)
{
    SLV_TRY(put_meta(out, what, &f->object));
    SLV_TRY(slv_buf_append_u64(out, f->offset));
    SLV_TRY(slv_buf_append_u64(out, f->length));
    SLV_TRY(slv_buf_append_u32(out, stream));
    return slv_msg_str_put(out, f->bytes);
}

static void absent_get(r2_op *k)
{
    const slv_r2_found none = {0};

    end(k, put_found(begin(k), 0, &none, 0));
}

static void answer_get(r2_op *k)
{
    slv_event *ev = k->op.event;
    slv_sink *sink = NULL;
    uint32_t stream = 0;

    if (k->code != SLV_OK) { /* the condition does not hold: metadata alone */
        k->found.length = k->found.object.size;
        end(k, put_found(begin(k), 2, &k->found, 0));
        return;
    }
    if (k->found.reader && slv_link_sink_open(slv_event_link(ev), &stream, ev->pe.id, &ev->streams,
                                              &sink, NULL) != SLV_OK) {
        slv_op_reject(ev, k->op.id, SLV_STR("Error"), SLV_STR("Too many streams are open."));
        return;
    }
    end(k, put_found(begin(k), 1, &k->found, stream));
    if (sink)
        slv_body_join(slv_r2_source_new_take(k->shard, SLV_STEAL(k->found.reader)), sink);
}

static void answer_text(r2_op *k)
{
    end(k, slv_msg_str_put(begin(k), slv_buf_view(&k->text)));
}

static void answer_nothing(r2_op *k)
{
    (void)begin(k);
    end(k, SLV_OK);
}

static void absent_list(r2_op *k)
{
    end(k, slv_msg_str_put(begin(k), SLV_STR("{\"objects\":[],\"prefixes\":[]}")));
}

static void absent_upload(r2_op *k)
{
    slv_err err = {0};
    slv_code code = slv_r2_fail(&err, SLV_R2_NO_SUCH_UPLOAD);

    reject(k->op.event, k->op.id, k->row->name, code, &err);
}

/* ---- bodies that come in ---- */

static void push_taken(void *user, size_t n)
{
    slv_sink_credit(&((r2_op *)user)->sink, n);
}

static void push_done(void *user, slv_code code, const slv_err *err)
{
    r2_op *k = user;
    slv_err why = *err;

    if (code == SLV_OK)
        call_store(k);
    else
        fail_op(k, code, &why);
}

static void sink_data(slv_sink *sink, slv_str bytes, bool fin)
{
    r2_op *k = slv_container_of(sink, r2_op, sink);
    uint64_t size = slv_r2_push_size(k->push) + bytes.len;
    slv_err err = {0};

    if (size > k->length || (fin && size < k->length)) {
        slv_code code = slv_r2_fail(&err, SLV_R2_INCOMPLETE);

        fail_op(k, code, &err);
        return;
    }
    slv_r2_push_write(k->push, bytes);
    if (fin)
        slv_r2_push_end(k->push);
}

static void sink_fail(slv_sink *sink, slv_str message)
{
    r2_op *k = slv_container_of(sink, r2_op, sink);

    if (k->op.event)
        slv_op_reject(k->op.event, k->op.id, SLV_STR("Error"), message);
    slv_op_close(&k->op);
    release(k);
}

static void sink_joined(slv_sink *sink)
{
    slv_sink_credit(sink, SLV_R2_WINDOW);
}

static const slv_sink_ops sink_ops = {sink_data, sink_fail, sink_joined};

static slv_code start_body(r2_op *k, slv_source *body)
{
    const slv_r2_push_options options = {
        .state = k->shard->server->o.state,
        .loop = k->shard->loop,
        .store = k->store,
        .upload = {.sums = k->sum.len > 0 ? 1u << k->sum_kind : 0,
                   .ssec_key = k->has_ssec ? k->ssec : NULL},
        .user = k,
        .taken = push_taken,
        .done = push_done,
    };

    k->push = slv_r2_push_new(&options);
    if (k->sum.len > 0)
        slv_r2_push_expect(k->push, (slv_sum_kind)k->sum_kind, k->sum);
    if (body) {
        k->sink.ops = &sink_ops;
        k->joining = true;
        slv_body_join(body, &k->sink); /* may be all there is */
        k->joining = false;
        if (k->dead)
            op_free(k);
        return SLV_OK;
    }
    slv_r2_push_write(k->push, k->bytes);
    if (k->bytes.len > SLV_R2_INLINE_MAX)
        slv_r2_push_end(k->push);
    else
        call_store(k);
    return SLV_OK;
}

/* ---- an operation ---- */

static const op_row rows[] = {
    {32, "head", SLV_CALL_READ, false, false, read_key_only, run_head, answer_meta, absent_meta},
    {33, "get", SLV_CALL_READ, false, false, read_get, run_get, answer_get, absent_get},
    {34, "put", SLV_CALL_WRITE, true, true, read_put, run_put, answer_meta, NULL},
    {35, "delete", SLV_CALL_WRITE, false, false, read_json, run_delete, answer_nothing,
     answer_nothing},
    {36, "list", SLV_CALL_READ, false, false, read_list, run_list, answer_text, absent_list},
    {37, "createMultipartUpload", SLV_CALL_WRITE, true, false, read_create, run_create, answer_text,
     NULL},
    {38, "uploadPart", SLV_CALL_WRITE, false, true, read_part, run_part, answer_text,
     absent_upload},
    {39, "completeMultipartUpload", SLV_CALL_WRITE, false, false, read_complete, run_complete,
     answer_meta, absent_upload},
    {40, "abortMultipartUpload", SLV_CALL_WRITE, false, false, read_upload, run_abort,
     answer_nothing, absent_upload},
    {41, "get", SLV_CALL_READ, false, false, read_key_only, run_get, answer_get, absent_get},
};

/* What can be told without the bucket. */
static slv_code check(r2_op *k, slv_err *err)
{
    if (k->key.ptr)
        SLV_TRY(slv_r2_check_key(k->key, err));
    if (k->bad_class)
        return slv_r2_fail(err, SLV_R2_BAD_ARGUMENT);
    if (k->bad_limit)
        return slv_r2_fail(err, SLV_R2_BAD_MAX_KEYS);
    if (k->row->call == SLV_CALL_WRITE && !k->upload.ptr)
        SLV_TRY(slv_r2_check_metadata(k->put.custom, SLV_R2_METADATA_MAX, err));
    if (k->row->body && k->length > SLV_R2_PART_MAX)
        return slv_r2_fail(err, SLV_R2_TOO_LARGE);
    if (k->list && !k->upload.ptr && k->list->count > SLV_R2_DELETE_MAX)
        return slv_r2_fail(err, SLV_R2_BAD_ARGUMENT);
    return SLV_OK;
}

/* Answers from rows, on the loop; false: a thread must. */
static bool answer_now(r2_op *k)
{
    slv_r2 *r2 = slv_store_reader(k->store, k->shard->loop);
    slv_err err = {0};

    if (!r2)
        return false;
    if (k->row->run == run_head) {
        k->code = slv_r2_head(r2, k->key, NULL, &k->arena, &k->found.object, &err);
    } else {
        k->get.rows_only = true;
        k->code = slv_r2_get(r2, k->key, &k->get, &k->arena, &k->found, &err);
        k->get.rows_only = false;
    }
    if (err.detail == SLV_R2_NO_SUCH_KEY)
        k->row->absent(k);
    else if (k->code == SLV_OK || (err.detail == SLV_R2_PRECONDITION && k->has_cond))
        k->row->answer(k);
    else
        return false; /* a thread tries again, and tells */
    slv_op_close(&k->op);
    op_free(k);
    return true;
}

static slv_code begin_op(const slv_resource_call *c, const op_row *row, slv_source *body,
                         slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    slv_err why = {0};
    r2_op *k = slv_new0(r2_op);

    k->row = row;
    k->shard = c->ev->shard;
    k->streams = body != NULL;
    k->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    k->text = SLV_BUF(SLV_MESSAGE_MAX);
    k->store = slv_state_store(k->shard->server->o.state, &slv_r2_store, c->ev->version->tenant,
                               c->binding->id);
    slv_code code = row->read(k, &r);
    if (code != SLV_OK || !slv_reader_end(&r)) {
        op_free(k);
        if (body)
            body->ops->cancel(body, SLV_STR("The operation has failed."));
        return slv_fail(err, SLV_E_PROTOCOL, "malformed R2 %s", row->name);
    }
    slv_op_open(&k->op, c->ev, c->op, &op_ops);
    code = check(k, &why);
    if (code != SLV_OK) {
        if (body)
            body->ops->cancel(body, SLV_STR("Stream cancelled because the associated put operation "
                                            "encountered an error."));
        fail_op(k, code, &why);
        return SLV_OK;
    }
    get_options(k);
    if (row->body)
        return start_body(k, body);
    if ((row->run == run_head || row->run == run_get) && answer_now(k))
        return SLV_OK;
    call_store(k);
    return SLV_OK;
}

/* ---- buckets of a version ---- */

typedef struct opening {
    slv_call call;
    slv_store *store;
    int64_t now_ms;
} opening;

static slv_code run_open(slv_call *call, void *service, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 10);
    char now[24];
    slv_str known;

    SLV_TRY(slv_r2_setting(service, "created", &arena, &known, err));
    if (known.len > 0)
        return SLV_OK;
    (void)snprintf(now, sizeof now, "%lld",
                   (long long)slv_container_of(call, opening, call)->now_ms);
    return slv_r2_setting_set(service, "created", slv_str_from(now), err);
}

static void on_opened(slv_call *call)
{
    opening *o = slv_container_of(call, opening, call);

    (void)slv_store_unref(o->store);
    free(o);
}

void slv_r2_deploy(slv_shard *shard, slv_version *version)
{
    if (shard->index != 0 || !shard->server->o.state)
        return;
    for (size_t i = 0; i < version->resource_count; i++) {
        if (version->resources[i]->type != SLV_BINDING_R2)
            continue;
        opening *o = slv_new0(opening);
        o->store = slv_state_store(shard->server->o.state, &slv_r2_store, version->tenant,
                                   version->resources[i]->id);
        o->now_ms = slv_loop_wall_ms(shard->loop);
        o->call =
            (slv_call){.kind = SLV_CALL_WRITE, .create = true, .run = run_open, .done = on_opened};
        slv_store_call(o->store, shard->loop, &o->call);
    }
}

slv_code slv_r2_op(const slv_resource_call *c, slv_err *err)
{
    slv_source *body = NULL;

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        if (rows[i].kind != c->kind)
            continue;
        if (c->stream && !rows[i].body)
            return slv_fail(err, SLV_E_PROTOCOL, "OP %u with a stream", c->kind);
        if (c->stream)
            SLV_TRY(slv_event_body(c->ev, c->stream, &body, err));
        if (slv_event_subrequest(c->ev, c->op))
            return begin_op(c, &rows[i], body, err);
        if (body)
            body->ops->cancel(body, SLV_STR("The operation has failed."));
        return SLV_OK;
    }
    return slv_fail(err, SLV_E_PROTOCOL, "OP of unknown kind %u", c->kind);
}
