/*
 * KV (docs/internals/stores.md). A get is answered on the loop where the namespace is open here; a
 * value that is a content file goes out as a stream that nothing flows on before somebody asks.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "edge/file_int.h"
#include "edge/resource_int.h"
#include "kv/kv.h"
#include "state/kinds.h"

enum {
    OP_GET = 16,
    OP_GET_BULK = 17,
    OP_PUT = 18,
    OP_DELETE = 19,
    OP_LIST = 20,
};

enum {
    FOUND_NOT = 0,
    FOUND_INLINE = 1,
    FOUND_STREAM = 2,
};

enum {
    PUT_TTL = 1,
    PUT_EXPIRATION = 2,
};

#define RESULT_MAX ((size_t)33 << 20) /* of a RESULT */
#define PATH_MAX_LEN 4096

/* ---- an operation that waits for a thread ---- */

typedef struct kv_op {
    slv_op op;
    slv_call call;
    slv_shard *shard;
    slv_store *store;
    slv_upload *upload;
    const char *name; /* "GET": as errors say it */
    uint16_t kind;
    slv_arena arena;
    int64_t now_ms;
    bool called; /* the call is under way */
    /* get, bulk */
    slv_str key;
    slv_str *keys;
    size_t key_count;
    bool want_json; /* of a list: nothing; of a bulk get: values must be JSON */
    slv_kv_entry entry;
    slv_buf out; /* the RESULT, or what of it is known */
    bool found;
    /* put */
    slv_kv_put_args put;
    /* list */
    slv_kv_query query;
} kv_op;

static void op_free(kv_op *k)
{
    if (k->entry.fd >= 0)
        (void)close(k->entry.fd);
    (void)slv_upload_free(k->upload);
    (void)slv_store_unref(k->store);
    slv_arena_done(&k->arena);
    slv_buf_done(&k->out);
    free(k);
}

static void on_cancel(slv_op *op, bool answer)
{
    kv_op *k = slv_container_of(op, kv_op, op);

    slv_op_abort(op, answer);
    if (!k->called)
        op_free(k);
}

static const slv_op_ops op_ops = {on_cancel};

/* "KV PUT failed: 413 Value length of ..." */
static void reject(slv_event *ev, uint32_t op, const char *name, slv_code code, const slv_err *err)
{
    slv_err text = {0};
    int status = err->detail >= 400 && err->detail < 500 ? err->detail : 500;

    if (code == SLV_E_AGAIN && status == 500) /* too much waits for this namespace */
        status = 429;
    if (status == 500) { /* the worker learns little, its developer the cause */
        const slv_msg_log log = {.level = SLV_CONSOLE_ERROR,
                                 .text = slv_str_from(slv_err_text(err))};

        slv_hook_console(ev->shard, ev->version, &log);
    }
    (void)slv_fail(&text, code, "KV %s failed: %d %s", name, status,
                   status == 500                               ? "Internal Server Error"
                   : code == SLV_E_AGAIN && err->detail != 429 ? "Too Many Requests"
                                                               : slv_err_text(err));
    slv_op_reject(ev, op, SLV_STR("Error"), slv_str_from(text.message));
}

static slv_store *store_of(const slv_resource_call *c)
{
    return slv_state_store(c->ev->shard->server->o.state, &slv_kv_store, c->ev->version->tenant,
                           c->binding->id);
}

static void on_done(slv_call *call);

static kv_op *op_new(const slv_resource_call *c, const char *name)
{
    kv_op *k = slv_new0(kv_op);

    k->shard = c->ev->shard;
    k->store = store_of(c);
    k->name = name;
    k->kind = c->kind;
    k->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    k->out = SLV_BUF(RESULT_MAX);
    k->entry.fd = -1;
    k->now_ms = slv_loop_wall_ms(k->shard->loop);
    k->call.done = on_done;
    slv_op_open(&k->op, c->ev, c->op, &op_ops);
    return k;
}

static void call_store(kv_op *k, slv_call_kind kind,
                       slv_code (*run)(slv_call *call, void *service, slv_err *err))
{
    k->call.kind = kind;
    k->call.create = k->kind == OP_PUT;
    k->call.run = run;
    k->called = true;
    slv_store_call(k->store, k->shard->loop, &k->call);
}

static void fail_op(kv_op *k, slv_code code, const slv_err *err)
{
    reject(k->op.event, k->op.id, k->name, code, err);
    slv_op_close(&k->op);
    op_free(k);
}

/* ---- get ---- */

static slv_code put_found(slv_buf *out, uint8_t found, const slv_kv_entry *e, uint32_t stream,
                          slv_str inline_value)
{
    SLV_TRY(slv_buf_append_u8(out, found));
    SLV_TRY(slv_msg_str_put(out, e->meta));
    SLV_TRY(slv_buf_append_u64(out, e->size));
    SLV_TRY(slv_buf_append_u32(out, stream));
    return slv_msg_str_put(out, inline_value);
}

/* Answers with what was found; takes e->fd. */
static void send_entry(slv_event *ev, uint32_t op, slv_kv_entry *e, bool found)
{
    slv_link *link = slv_event_link(ev);
    slv_sink *sink = NULL;
    uint32_t stream = 0;
    static const slv_kv_entry nothing = {.fd = -1};

    if (found && e->fd >= 0 &&
        slv_link_sink_open(link, &stream, ev->pe.id, &ev->streams, &sink, NULL) != SLV_OK) {
        slv_op_reject(ev, op, SLV_STR("Error"), SLV_STR("Too many streams are open."));
        return;
    }
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, op);
    if (!found)
        slv_link_end(link, put_found(out, FOUND_NOT, &nothing, 0, SLV_STR_NULL));
    else if (sink)
        slv_link_end(link, put_found(out, FOUND_STREAM, e, stream, SLV_STR_NULL));
    else
        slv_link_end(link, put_found(out, FOUND_INLINE, e, 0, e->value));
    if (sink) {
        slv_body_join(slv_file_source_new_take(ev->shard, e->fd, 0, e->size), sink);
        e->fd = -1;
    }
}

static slv_code run_get(slv_call *call, void *service, slv_err *err)
{
    kv_op *k = slv_container_of(call, kv_op, call);
    slv_kv_entry *e = &k->entry;
    slv_code code = slv_kv_get(service, k->key, k->now_ms, e, err);

    if (code == SLV_E_NOTFOUND)
        return SLV_OK;
    if (code != SLV_OK)
        return code;
    k->found = true;
    code = slv_arena_dup(&k->arena, e->meta, &e->meta);
    if (code == SLV_OK)
        code = slv_arena_dup(&k->arena, e->value, &e->value);
    slv_kv_release(service);
    return code;
}

/* True when it was answered. */
static bool get_now(const slv_resource_call *c, slv_store *store, slv_str key)
{
    slv_loop *loop = c->ev->shard->loop;
    slv_kv *kv = slv_store_reader(store, loop);
    slv_kv_entry e = {.fd = -1};
    slv_err err = {0};

    if (!kv)
        return false;
    slv_code code = slv_kv_get(kv, key, slv_loop_wall_ms(loop), &e, &err);
    if (code != SLV_OK && code != SLV_E_NOTFOUND)
        return false; /* a thread tries again, and tells */
    send_entry(c->ev, c->op, &e, code == SLV_OK);
    if (e.fd >= 0)
        (void)close(e.fd);
    slv_kv_release(kv);
    return true;
}

static slv_code op_get(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    slv_str key = slv_read_str(&r);
    slv_err why = {0};

    if (!slv_reader_end(&r))
        return slv_fail(err, SLV_E_PROTOCOL, "malformed KV get");
    slv_code code = slv_kv_check_key(key, &why);
    if (code != SLV_OK) {
        reject(c->ev, c->op, "GET", code, &why);
        return SLV_OK;
    }
    slv_store *store = store_of(c);
    bool answered = get_now(c, store, key);
    (void)slv_store_unref(store);
    if (answered)
        return SLV_OK;
    kv_op *k = op_new(c, "GET");
    code = slv_arena_dup(&k->arena, key, &k->key);
    if (code == SLV_OK)
        call_store(k, SLV_CALL_READ, run_get);
    else
        fail_op(k, code, &why);
    return SLV_OK;
}

/* ---- bulk get ---- */

static slv_code read_file(int fd, uint64_t size, slv_buf *out, slv_err *err)
{
    SLV_TRY(slv_buf_reserve(out, size));
    while (size > 0) {
        ssize_t n = read(fd, out->ptr + out->len, size);

        if (n <= 0)
            return slv_fail_errno(err, SLV_E_IO, "kv: a content file could not be read");
        out->len += (size_t)n;
        size -= (uint64_t)n;
    }
    return SLV_OK;
}

/* For each key: u8 found, and for those found str metadata, str value. */
static slv_code put_item(kv_op *k, slv_kv *kv, slv_str key, uint64_t *total, slv_err *err)
{
    slv_kv_entry e = {.fd = -1};
    slv_code code = slv_kv_get(kv, key, k->now_ms, &e, err);

    if (code == SLV_E_NOTFOUND)
        return slv_buf_append_u8(&k->out, 0);
    if (code != SLV_OK)
        return code;
    *total += e.size;
    if (*total > SLV_KV_BULK_BYTES) {
        code = slv_fail(err, SLV_E_LIMIT, "Total size of request exceeds the limit of %zuMB",
                        SLV_KV_BULK_BYTES >> 20);
        if (err)
            err->detail = 413;
    }
    if (code == SLV_OK)
        code = slv_buf_append_u8(&k->out, 1);
    if (code == SLV_OK)
        code = slv_msg_str_put(&k->out, e.meta);
    if (code == SLV_OK && e.fd < 0)
        code = slv_msg_str_put(&k->out, e.value);
    if (code == SLV_OK && e.fd >= 0)
        code = slv_buf_append_u32(&k->out, (uint32_t)e.size);
    if (code == SLV_OK && e.fd >= 0)
        code = read_file(e.fd, e.size, &k->out, err);
    if (e.fd >= 0)
        (void)close(e.fd);
    slv_kv_release(kv);
    return code;
}

static slv_code run_bulk(slv_call *call, void *service, slv_err *err)
{
    kv_op *k = slv_container_of(call, kv_op, call);
    uint64_t total = 0;

    SLV_TRY(slv_buf_append_u32(&k->out, 0)); /* the block's length, known at the end */
    for (size_t i = 0; i < k->key_count; i++)
        SLV_TRY(put_item(k, service, k->keys[i], &total, err));
    return SLV_OK;
}

/* A namespace that does not exist has none of the keys. */
static slv_code bulk_of_nothing(kv_op *k)
{
    slv_buf_reset(&k->out);
    SLV_TRY(slv_buf_append_u32(&k->out, 0));
    for (size_t i = 0; i < k->key_count; i++)
        SLV_TRY(slv_buf_append_u8(&k->out, 0));
    return SLV_OK;
}

static void send_bulk(kv_op *k)
{
    slv_link *link = slv_event_link(k->op.event);
    uint32_t len = (uint32_t)(k->out.len - sizeof len);

    memcpy(k->out.ptr, &len, sizeof len);
    slv_link_send(link, SLV_FRAME_RESULT, 0, k->op.id, slv_buf_view(&k->out));
}

static slv_code op_bulk(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    uint16_t count = slv_read_u16(&r);
    slv_str keys[SLV_KV_BULK_MAX];
    slv_err why = {0};
    slv_code code = SLV_OK;

    if (count == 0 || count > SLV_KV_BULK_MAX)
        return slv_fail(err, SLV_E_PROTOCOL, "KV bulk get of %u keys", count);
    for (size_t i = 0; i < count; i++) {
        keys[i] = slv_read_str(&r);
        if (code == SLV_OK && !r.bad)
            code = slv_kv_check_key(keys[i], &why);
    }
    if (!slv_reader_end(&r))
        return slv_fail(err, SLV_E_PROTOCOL, "malformed KV bulk get");
    if (code != SLV_OK) {
        reject(c->ev, c->op, "GET_BULK", code, &why);
        return SLV_OK;
    }
    kv_op *k = op_new(c, "GET_BULK");
    k->keys = slv_arena_try_alloc0(&k->arena, count * sizeof *k->keys);
    code = k->keys ? SLV_OK : SLV_E_NOMEM;
    for (; code == SLV_OK && k->key_count < count; k->key_count++)
        code = slv_arena_dup(&k->arena, keys[k->key_count], &k->keys[k->key_count]);
    if (code == SLV_OK)
        call_store(k, SLV_CALL_READ, run_bulk);
    else
        fail_op(k, code, &why);
    return SLV_OK;
}

/* ---- put, delete ---- */

static slv_code run_put(slv_call *call, void *service, slv_err *err)
{
    kv_op *k = slv_container_of(call, kv_op, call);

    return slv_kv_put(service, &k->put, err);
}

static void on_uploaded(slv_upload *up)
{
    kv_op *k = up->user;
    slv_err why = up->err;
    slv_code code = up->code;

    if (code == SLV_E_LIMIT)
        code = slv_kv_check_size(up->size, &why);
    if (code != SLV_OK) {
        fail_op(k, code, &why);
        return;
    }
    k->put.value = slv_buf_view(&up->bytes);
    k->put.blob = slv_str_from(up->blob.text);
    k->put.size = up->size;
    k->put.now_ms = slv_loop_wall_ms(k->shard->loop);
    call_store(k, SLV_CALL_WRITE, run_put);
}

static slv_code read_put(const slv_resource_call *c, slv_kv_put_args *put, slv_kv_life *life,
                         int64_t *ret_length, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);

    put->key = slv_read_str(&r);
    uint8_t bits = slv_read_u8(&r);
    life->has_ttl = bits & PUT_TTL;
    life->has_expiration = bits & PUT_EXPIRATION;
    life->ttl_s = (int64_t)slv_read_u64(&r);
    life->expiration_s = (int64_t)slv_read_u64(&r);
    put->meta = slv_read_str(&r);
    *ret_length = (int64_t)slv_read_u64(&r);
    put->value = slv_read_str(&r);
    if (slv_reader_end(&r) && bits <= (PUT_TTL | PUT_EXPIRATION) &&
        put->value.len <= SLV_KV_INLINE_MAX)
        return SLV_OK;
    return slv_fail(err, SLV_E_PROTOCOL, "malformed KV put");
}

static slv_code check_put(slv_kv_put_args *put, const slv_kv_life *life, int64_t length,
                          int64_t now_ms, slv_err *why)
{
    SLV_TRY(slv_kv_check_key(put->key, why));
    SLV_TRY(slv_kv_check_life(life, now_ms, &put->expires_s, why));
    SLV_TRY(slv_kv_check_meta(put->meta, why));
    return length > 0 ? slv_kv_check_size((uint64_t)length, why) : SLV_OK;
}

/* Where the content files of a namespace lie. */
static char *blob_dir(slv_store *store)
{
    char path[PATH_MAX_LEN];

    (void)snprintf(path, sizeof path, "%s.blobs", slv_store_path(store));
    return slv_strdup(path);
}

static void start_upload(kv_op *k, slv_source *body)
{
    SLV_CLEANUP(slv_charp_free) char *dir = blob_dir(k->store);
    const slv_upload_options options = {
        .shard = k->shard,
        .dir = dir,
        .memory = SLV_KV_INLINE_MAX,
        .max = SLV_KV_VALUE_MAX,
        .done = on_uploaded,
        .user = k,
    };

    k->upload = slv_upload_new(&options);
    slv_body_join(body, &k->upload->sink); /* may be all there is */
}

static void drop_body(slv_source *body)
{
    if (body)
        body->ops->cancel(body, SLV_STR("The operation has failed."));
}

static slv_code op_put(const slv_resource_call *c, slv_err *err)
{
    slv_kv_put_args put = {.now_ms = slv_loop_wall_ms(c->ev->shard->loop)};
    slv_source *body = NULL;
    slv_kv_life life;
    int64_t length;
    slv_err why = {0};

    SLV_TRY(read_put(c, &put, &life, &length, err));
    if (c->stream)
        SLV_TRY(slv_event_body(c->ev, c->stream, &body, err));
    if (!slv_event_subrequest(c->ev, c->op)) {
        drop_body(body);
        return SLV_OK;
    }
    slv_code code = check_put(&put, &life, length, put.now_ms, &why);
    if (code != SLV_OK) {
        reject(c->ev, c->op, "PUT", code, &why);
        drop_body(body);
        return SLV_OK;
    }
    kv_op *k = op_new(c, "PUT");
    k->put = put;
    code = slv_arena_dup(&k->arena, put.key, &k->put.key);
    if (code == SLV_OK)
        code = slv_arena_dup(&k->arena, put.meta, &k->put.meta);
    if (code == SLV_OK)
        code = slv_arena_dup(&k->arena, put.value, &k->put.value);
    if (code != SLV_OK) {
        fail_op(k, code, &why);
        drop_body(body);
    } else if (body) {
        start_upload(k, body);
    } else {
        call_store(k, SLV_CALL_WRITE, run_put);
    }
    return SLV_OK;
}

static slv_code run_delete(slv_call *call, void *service, slv_err *err)
{
    kv_op *k = slv_container_of(call, kv_op, call);

    return slv_kv_delete(service, k->key, err);
}

static slv_code op_delete(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    slv_str key = slv_read_str(&r);
    slv_err why = {0};

    if (!slv_reader_end(&r))
        return slv_fail(err, SLV_E_PROTOCOL, "malformed KV delete");
    slv_code code = slv_kv_check_key(key, &why);
    if (code != SLV_OK) {
        reject(c->ev, c->op, "DELETE", code, &why);
        return SLV_OK;
    }
    kv_op *k = op_new(c, "DELETE");
    code = slv_arena_dup(&k->arena, key, &k->key);
    if (code == SLV_OK)
        call_store(k, SLV_CALL_WRITE, run_delete);
    else
        fail_op(k, code, &why);
    return SLV_OK;
}

/* ---- list ---- */

/* {"keys": [...], "list_complete", "cursor"?, "cacheStatus": null}: what list() gives. */
static slv_code run_list(slv_call *call, void *service, slv_err *err)
{
    kv_op *k = slv_container_of(call, kv_op, call);
    SLV_CLEANUP(slv_buf_done) slv_buf cursor = SLV_BUF(SLV_KV_CURSOR_MAX);
    bool more;

    SLV_TRY(slv_buf_append(&k->out, SLV_STR("{\"keys\":")));
    SLV_TRY(slv_kv_list(service, &k->query, k->now_ms, &k->out, &cursor, &more, err));
    if (!more)
        return slv_buf_append(&k->out, SLV_STR(",\"list_complete\":true,\"cacheStatus\":null}"));
    return slv_buf_printf(&k->out,
                          ",\"list_complete\":false,\"cursor\":\"%.*s\",\"cacheStatus\":null}",
                          SLV_STR_ARGS(slv_buf_view(&cursor)));
}

static slv_code op_list(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    slv_kv_query q = {.prefix = slv_read_str(&r), .cursor = slv_read_str(&r)};
    slv_err why = {0};

    q.limit = slv_read_u32(&r);
    if (!slv_reader_end(&r))
        return slv_fail(err, SLV_E_PROTOCOL, "malformed KV list");
    kv_op *k = op_new(c, "GET");
    slv_code code = slv_kv_check_query(&q, &why);
    k->query.limit = q.limit;
    if (code == SLV_OK)
        code = slv_arena_dup(&k->arena, q.prefix, &k->query.prefix);
    if (code == SLV_OK)
        code = slv_arena_dup(&k->arena, q.cursor, &k->query.cursor);
    if (code == SLV_OK)
        call_store(k, SLV_CALL_READ, run_list);
    else
        fail_op(k, code, &why);
    return SLV_OK;
}

static void send_text(kv_op *k, slv_str text)
{
    slv_link *link = slv_event_link(k->op.event);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, k->op.id);

    slv_link_end(link, slv_msg_str_put(out, text));
}

/* ---- answers ---- */

static void answer(kv_op *k, bool absent)
{
    slv_event *ev = k->op.event;

    switch (k->kind) {
    case OP_GET:
        send_entry(ev, k->op.id, &k->entry, k->found);
        break;
    case OP_GET_BULK:
        if (!absent || bulk_of_nothing(k) == SLV_OK)
            send_bulk(k);
        break;
    case OP_LIST:
        send_text(k, absent ? SLV_STR("{\"keys\":[],\"list_complete\":true,\"cacheStatus\":null}")
                            : slv_buf_view(&k->out));
        break;
    default:
        slv_link_send(slv_event_link(ev), SLV_FRAME_RESULT, 0, k->op.id, SLV_STR_NULL);
        break;
    }
}

static void on_done(slv_call *call)
{
    kv_op *k = slv_container_of(call, kv_op, call);
    bool absent = call->code == SLV_E_NOTFOUND; /* the whole namespace */

    k->called = false;
    if (!k->op.event) {
        op_free(k);
    } else if (call->code != SLV_OK && !absent) {
        fail_op(k, call->code, &call->err);
    } else {
        answer(k, absent);
        slv_op_close(&k->op);
        op_free(k);
    }
}

slv_code slv_kv_op(const slv_resource_call *c, slv_err *err)
{
    if (c->kind != OP_PUT && c->stream)
        return slv_fail(err, SLV_E_PROTOCOL, "OP %u with a stream", c->kind);
    if (c->kind != OP_PUT && !slv_event_subrequest(c->ev, c->op))
        return SLV_OK;
    switch (c->kind) {
    case OP_GET:
        return op_get(c, err);
    case OP_GET_BULK:
        return op_bulk(c, err);
    case OP_PUT:
        return op_put(c, err);
    case OP_DELETE:
        return op_delete(c, err);
    case OP_LIST:
        return op_list(c, err);
    default:
        return slv_fail(err, SLV_E_PROTOCOL, "OP of unknown kind %u", c->kind);
    }
}
