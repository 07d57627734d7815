/*
 * The Cache API (docs/internals/stores.md). A cache is a store of the tenant's, made by the first
 * put; what cannot be kept is taken and dropped, as the platform does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "cache/cache.h"
#include "cache/policy.h"
#include "edge/file_int.h"
#include "edge/resource_int.h"
#include "state/kinds.h"

enum {
    OP_MATCH = 112,
    OP_PUT = 113,
    OP_DELETE = 114,
};

#define NAME_MAX_BYTES ((size_t)1024 + 6)
#define PARTS_MAX ((uint64_t)8 << 20) /* of an answer with several ranges; more: the whole */
#define BODY_MAX ((size_t)9 << 20)
#define PATH_BYTES 4096

/* What a match gives. */
typedef struct found {
    slv_cache_entry entry; /* fd is its content file */
    slv_cache_plan plan;
    slv_buf headers;
    slv_buf body;        /* of the answer, unless it is a piece of the file */
    uint64_t from, size; /* the piece */
} found;

typedef struct cache_op {
    slv_op op;
    slv_call call;
    slv_shard *shard;
    slv_store *store;
    slv_upload *upload;
    uint16_t kind;
    slv_arena arena;
    int64_t now_ms;
    bool called, drop; /* drop: the body is only taken */
    bool had;
    slv_str key, request;
    slv_cache_put_args put;
    found found;
    bool hit;
} cache_op;

static void found_done(found *f)
{
    if (f->entry.fd >= 0)
        (void)close(f->entry.fd);
    slv_buf_done(&f->headers);
    slv_buf_done(&f->body);
}

static found found_new(void)
{
    return (found){
        .entry.fd = -1, .headers = SLV_BUF(2 * SLV_CACHE_HEADERS_MAX), .body = SLV_BUF(BODY_MAX)};
}

static void op_free(cache_op *k)
{
    found_done(&k->found);
    (void)slv_upload_free(k->upload);
    (void)slv_store_unref(k->store);
    slv_arena_done(&k->arena);
    free(k);
}

static void on_cancel(slv_op *op, bool answer)
{
    cache_op *k = slv_container_of(op, cache_op, op);

    slv_op_abort(op, answer);
    if (!k->called)
        op_free(k);
}

static const slv_op_ops op_ops = {on_cancel};

static slv_store *store_of(const slv_resource_call *c, slv_str name)
{
    return slv_state_store(c->ev->shard->server->o.state, &slv_cache_store, c->ev->version->tenant,
                           name.len > 0 ? name : SLV_STR("default"));
}

static void on_done(slv_call *call);

static cache_op *op_new(const slv_resource_call *c, slv_str name)
{
    cache_op *k = slv_new0(cache_op);

    k->shard = c->ev->shard;
    k->store = store_of(c, name);
    k->kind = c->kind;
    k->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    k->found = found_new();
    k->now_ms = slv_loop_wall_ms(k->shard->loop);
    k->call.done = on_done;
    slv_op_open(&k->op, c->ev, c->op, &op_ops);
    return k;
}

static void call_store(cache_op *k, slv_call_kind kind, bool create,
                       slv_code (*run)(slv_call *call, void *service, slv_err *err))
{
    k->call.kind = kind;
    k->call.create = create;
    k->call.run = run;
    k->called = true;
    slv_store_call(k->store, k->shard->loop, &k->call);
}

static slv_code run_delete(slv_call *call, void *service, slv_err *err)
{
    cache_op *k = slv_container_of(call, cache_op, call);

    return slv_cache_delete(service, k->key, k->now_ms, &k->had, err);
}

/* ---- match ---- */

static slv_code read_at(int fd, uint64_t from, uint64_t n, slv_buf *out, slv_err *err)
{
    SLV_TRY(slv_buf_reserve(out, n));
    while (n > 0) {
        ssize_t got = pread(fd, out->ptr + out->len, n, (off_t)from);

        if (got <= 0)
            return slv_fail_errno(err, SLV_E_IO, "cache: a content file could not be read");
        out->len += (size_t)got;
        from += (uint64_t)got;
        n -= (uint64_t)got;
    }
    return SLV_OK;
}

static slv_code put_part(found *f, const slv_cache_range *r, slv_str boundary, slv_str type,
                         slv_err *err)
{
    SLV_TRY(slv_buf_printf(&f->body, "--%.*s\r\n", SLV_STR_ARGS(boundary)));
    if (type.len > 0)
        SLV_TRY(slv_buf_printf(&f->body, "Content-Type: %.*s\r\n", SLV_STR_ARGS(type)));
    SLV_TRY(slv_buf_printf(&f->body,
                           "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n\r\n",
                           r->from, r->to, f->entry.size));
    if (f->entry.fd >= 0)
        SLV_TRY(read_at(f->entry.fd, r->from, r->to - r->from + 1, &f->body, err));
    else
        SLV_TRY(slv_buf_append(&f->body, slv_str_sub(f->entry.body, r->from, r->to + 1)));
    return slv_buf_append(&f->body, SLV_STR("\r\n"));
}

static slv_code put_parts(found *f, slv_str boundary, slv_err *err)
{
    slv_str type = slv_cache_field(f->entry.headers, "content-type");

    for (size_t i = 0; i < f->plan.range_count; i++)
        SLV_TRY(put_part(f, &f->plan.ranges[i], boundary, type, err));
    return slv_buf_printf(&f->body, "--%.*s--", SLV_STR_ARGS(boundary));
}

static void limit_parts(found *f)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < f->plan.range_count; i++)
        sum += f->plan.ranges[i].to - f->plan.ranges[i].from + 1;
    if (f->plan.range_count > 1 && sum > PARTS_MAX) {
        f->plan.range_count = 0;
        f->plan.status = f->entry.status;
    }
}

/* Fills in the answer from f->entry, whose strings need not outlive the call. inline_only: files
 * are not read; SLV_E_AGAIN when that would have to be. */
static slv_code make_answer(found *f, slv_str request, int64_t now_ms, bool inline_only,
                            slv_err *err)
{
    slv_cache_entry *e = &f->entry;
    slv_cache_plan *p = &f->plan;
    char boundary[40];

    slv_cache_plan_match(request, e->status, e->headers, e->size, p);
    limit_parts(f);
    if (p->range_count > 1 && e->fd >= 0 && inline_only)
        return SLV_E_AGAIN;
    (void)snprintf(boundary, sizeof boundary, "selvage-%016" PRIx64 "%08x", slv_rand_u64(),
                   (unsigned)slv_rand_u64());
    int64_t age = e->age_s + (now_ms - e->stored_ms) / 1000;
    SLV_TRY(
        slv_cache_answer_headers(p, e->headers, e->size, age, slv_str_from(boundary), &f->headers));
    if (p->status == 304 || p->status == 416)
        return SLV_OK;
    if (p->range_count > 1)
        return put_parts(f, slv_str_from(boundary), err);
    f->from = p->range_count == 1 ? p->ranges[0].from : 0;
    f->size = p->range_count == 1 ? p->ranges[0].to - f->from + 1 : e->size;
    return e->fd >= 0 ? SLV_OK
                      : slv_buf_append(&f->body, slv_str_sub(e->body, f->from, f->from + f->size));
}

static slv_code put_match(slv_buf *out, const found *f, uint32_t stream)
{
    SLV_TRY(slv_buf_append_u8(out, f ? 1 : 0));
    SLV_TRY(slv_buf_append_u16(out, f ? f->plan.status : 0));
    SLV_TRY(slv_msg_str_put(out, f ? slv_buf_view(&f->headers) : SLV_STR_NULL));
    SLV_TRY(slv_buf_append_u32(out, stream));
    SLV_TRY(slv_buf_append_u64(out, f ? stream ? f->size : f->body.len : 0));
    return slv_msg_str_put(out, f ? slv_buf_view(&f->body) : SLV_STR_NULL);
}

/* f NULL: a miss. Takes the file. */
static void send_match(slv_event *ev, uint32_t op, found *f)
{
    bool file = f && f->entry.fd >= 0 && f->size > 0;
    slv_link *link = slv_event_link(ev);
    slv_sink *sink = NULL;
    uint32_t stream = 0;

    if (file && slv_link_sink_open(link, &stream, ev->pe.id, &ev->streams, &sink, NULL) != SLV_OK) {
        slv_op_reject(ev, op, SLV_STR("Error"), SLV_STR("Too many streams are open."));
        return;
    }
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, op);
    slv_link_end(link, put_match(out, f, stream));
    if (sink) {
        slv_body_join(slv_file_source_new_take(ev->shard, f->entry.fd, f->from, f->size), sink);
        f->entry.fd = -1;
    }
}

/* SLV_E_NOTFOUND: a miss. The entry's strings are not valid after. */
static slv_code look_up(slv_cache *cache, slv_str key, slv_str request, int64_t now_ms,
                        bool inline_only, found *f, slv_err *err)
{
    SLV_TRY(slv_cache_get(cache, key, now_ms, &f->entry, err));
    slv_code code = slv_cache_refused(request, f->entry.headers)
                        ? SLV_E_NOTFOUND
                        : make_answer(f, request, now_ms, inline_only, err);

    slv_cache_release(cache);
    f->entry.body = f->entry.headers = SLV_STR_NULL;
    return code;
}

static slv_code run_match(slv_call *call, void *service, slv_err *err)
{
    cache_op *k = slv_container_of(call, cache_op, call);
    slv_code code = look_up(service, k->key, k->request, k->now_ms, false, &k->found, err);

    k->hit = code == SLV_OK;
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static bool match_now(const slv_resource_call *c, slv_store *store, slv_str key, slv_str request)
{
    slv_loop *loop = c->ev->shard->loop;
    slv_cache *cache = slv_store_reader(store, loop);
    found f = found_new();

    if (!cache)
        return false;
    slv_code code = look_up(cache, key, request, slv_loop_wall_ms(loop), true, &f, NULL);
    if (code == SLV_OK || code == SLV_E_NOTFOUND)
        send_match(c->ev, c->op, code == SLV_OK ? &f : NULL);
    found_done(&f);
    return code == SLV_OK || code == SLV_E_NOTFOUND;
}

static void fail_op(cache_op *k, const slv_err *err)
{
    slv_hook_notice(k->shard, slv_str_from(slv_err_text(err)));
    slv_op_reject(k->op.event, k->op.id, SLV_STR("Error"),
                  SLV_STR("internal error; reference = cache"));
    slv_op_close(&k->op);
    op_free(k);
}

static slv_code op_match(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    slv_str name = slv_read_str(&r), key = slv_read_str(&r), request = slv_read_str(&r);

    if (!slv_reader_end(&r) || name.len > NAME_MAX_BYTES)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed cache match");
    slv_store *store = store_of(c, name);
    bool answered = match_now(c, store, key, request);
    (void)slv_store_unref(store);
    if (answered)
        return SLV_OK;
    cache_op *k = op_new(c, name);
    slv_err why = {0};
    if (slv_arena_dup(&k->arena, key, &k->key) == SLV_OK &&
        slv_arena_dup(&k->arena, request, &k->request) == SLV_OK)
        call_store(k, SLV_CALL_READ, false, run_match);
    else
        fail_op(k, &why);
    return SLV_OK;
}

/* ---- put ---- */

static slv_code run_put(slv_call *call, void *service, slv_err *err)
{
    cache_op *k = slv_container_of(call, cache_op, call);

    return slv_cache_put(service, &k->put, err);
}

static void send_nothing(cache_op *k)
{
    slv_link_send(slv_event_link(k->op.event), SLV_FRAME_RESULT, 0, k->op.id, SLV_STR_NULL);
    slv_op_close(&k->op);
    op_free(k);
}

/* The body is here. */
static void store_body(cache_op *k)
{
    k->now_ms = slv_loop_wall_ms(k->shard->loop);
    if (k->drop)
        send_nothing(k);
    else if (k->put.expires_ms <= k->now_ms)
        call_store(k, SLV_CALL_WRITE, false, run_delete); /* what was there is older still */
    else
        call_store(k, SLV_CALL_WRITE, true, run_put);
}

static void on_uploaded(slv_upload *up)
{
    cache_op *k = up->user;

    if (up->code == SLV_E_CANCELED) { /* the isolate knows what went wrong */
        slv_op_reject(k->op.event, k->op.id, SLV_STR("TypeError"), slv_str_from(up->err.message));
        slv_op_close(&k->op);
        op_free(k);
        return;
    }
    if (up->code != SLV_OK) { /* too large, or no disk: a cache need not keep anything */
        if (up->code != SLV_E_LIMIT)
            slv_hook_notice(k->shard, slv_str_from(slv_err_text(&up->err)));
        k->drop = true;
    }
    k->put.body = slv_buf_view(&up->bytes);
    k->put.blob = slv_str_from(up->blob.text);
    k->put.size = up->size;
    store_body(k);
}

static void start_upload(cache_op *k, slv_source *body)
{
    char dir[PATH_BYTES];

    (void)snprintf(dir, sizeof dir, "%s.blobs", slv_store_path(k->store));
    const slv_upload_options options = {
        .shard = k->shard,
        .dir = dir,
        .memory = k->drop ? 0 : SLV_CACHE_INLINE_MAX,
        .max = k->drop ? 0 : SLV_CACHE_BODY_MAX,
        .done = on_uploaded,
        .user = k,
    };

    k->upload = slv_upload_new(&options);
    slv_body_join(body, &k->upload->sink); /* may be all there is */
}

typedef struct put_message {
    slv_str name, key, request, headers, body;
    uint16_t status;
    int64_t length;
} put_message;

static slv_code read_put(const slv_resource_call *c, put_message *m, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);

    m->name = slv_read_str(&r);
    m->key = slv_read_str(&r);
    m->request = slv_read_str(&r);
    m->status = slv_read_u16(&r);
    m->headers = slv_read_str(&r);
    m->length = (int64_t)slv_read_u64(&r);
    m->body = slv_read_str(&r);
    if (slv_reader_end(&r) && m->name.len <= NAME_MAX_BYTES && m->body.len <= SLV_CACHE_INLINE_MAX)
        return SLV_OK;
    return slv_fail(err, SLV_E_PROTOCOL, "malformed cache put");
}

/* Decides, and copies what outlives the message. */
static slv_code prepare_put(cache_op *k, const put_message *m, bool streams)
{
    SLV_CLEANUP(slv_buf_done) slv_buf kept = SLV_BUF(SLV_CACHE_HEADERS_MAX);
    int64_t length = streams ? m->length : (int64_t)m->body.len;
    slv_cache_verdict verdict;

    SLV_TRY(slv_cache_judge(m->request, m->status, m->headers, length, k->now_ms, &verdict, &kept));
    k->drop =
        !verdict.store || m->key.len > SLV_CACHE_KEY_MAX || m->length > (int64_t)SLV_CACHE_BODY_MAX;
    k->put = (slv_cache_put_args){
        .status = m->status,
        .now_ms = k->now_ms,
        .expires_ms = verdict.expires_ms,
        .age_s = verdict.age_s,
        .size = m->body.len,
    };
    SLV_TRY(slv_arena_dup(&k->arena, m->key, &k->key));
    k->put.key = k->key;
    SLV_TRY(slv_arena_dup(&k->arena, slv_cache_field(m->headers, "cache-tag"), &k->put.tags));
    SLV_TRY(slv_arena_dup(&k->arena, slv_buf_view(&kept), &k->put.headers));
    return slv_arena_dup(&k->arena, m->body, &k->put.body);
}

static slv_code op_put(const slv_resource_call *c, slv_err *err)
{
    slv_source *body = NULL;
    put_message m;

    SLV_TRY(read_put(c, &m, err));
    if (c->stream)
        SLV_TRY(slv_event_body(c->ev, c->stream, &body, err));
    if (!slv_event_subrequest(c->ev, c->op)) {
        if (body)
            body->ops->cancel(body, SLV_STR("Too many subrequests."));
        return SLV_OK;
    }
    cache_op *k = op_new(c, m.name);
    if (prepare_put(k, &m, body != NULL) != SLV_OK)
        k->drop = true;                        /* headers larger than any cache keeps */
    if (body && k->drop && !(c->stream & 1)) { /* of main: nobody waits for its end */
        body->ops->cancel(body, SLV_STR("The response is not cached."));
        send_nothing(k);
    } else if (body) {
        start_upload(k, body);
    } else {
        store_body(k);
    }
    return SLV_OK;
}

/* ---- delete, and answers ---- */

static slv_code op_delete(const slv_resource_call *c, slv_err *err)
{
    slv_reader r = slv_reader_make(c->rest);
    slv_str name = slv_read_str(&r), key = slv_read_str(&r);
    slv_err why = {0};

    if (!slv_reader_end(&r) || name.len > NAME_MAX_BYTES)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed cache delete");
    cache_op *k = op_new(c, name);
    if (slv_arena_dup(&k->arena, key, &k->key) == SLV_OK)
        call_store(k, SLV_CALL_WRITE, false, run_delete);
    else
        fail_op(k, &why);
    return SLV_OK;
}

static void on_done(slv_call *call)
{
    cache_op *k = slv_container_of(call, cache_op, call);
    slv_code code = call->code == SLV_E_NOTFOUND ? SLV_OK : call->code; /* there is no such cache */

    k->called = false;
    if (!k->op.event) {
        op_free(k);
    } else if (k->kind == OP_PUT) {
        if (code != SLV_OK)
            slv_hook_notice(k->shard, slv_str_from(slv_err_text(&call->err)));
        send_nothing(k);
    } else if (code != SLV_OK) {
        fail_op(k, &call->err);
    } else if (k->kind == OP_MATCH) {
        send_match(k->op.event, k->op.id, k->hit ? &k->found : NULL);
        slv_op_close(&k->op);
        op_free(k);
    } else {
        slv_link *link = slv_event_link(k->op.event);
        slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, k->op.id);

        slv_link_end(link, slv_buf_append_u8(out, k->had));
        slv_op_close(&k->op);
        op_free(k);
    }
}

slv_code slv_cache_op(const slv_resource_call *c, slv_err *err)
{
    if (c->kind != OP_PUT && c->stream)
        return slv_fail(err, SLV_E_PROTOCOL, "OP %u with a stream", c->kind);
    if (c->kind != OP_PUT && !slv_event_subrequest(c->ev, c->op))
        return SLV_OK;
    switch (c->kind) {
    case OP_MATCH:
        return op_match(c, err);
    case OP_PUT:
        return op_put(c, err);
    case OP_DELETE:
        return op_delete(c, err);
    default:
        return slv_fail(err, SLV_E_PROTOCOL, "OP of unknown kind %u", c->kind);
    }
}
