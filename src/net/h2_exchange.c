/* What a handler does with an exchange, on an HTTP/2 stream. */
#include <stdio.h>

#include "net/h2_int.h"

static slv_h2_stream *of(slv_exchange *ex)
{
    return slv_container_of(ex, slv_h2_stream, base);
}

static bool take_body(slv_exchange *base, slv_str *ret_body)
{
    (void)base; /* DATA comes in frames of its own, behind the head's */
    (void)ret_body;
    return false;
}

static void credit(slv_exchange *base, size_t n)
{
    slv_h2_stream *st = of(base);

    st->credit += SLV_MIN(n, SIZE_MAX / 2 - st->credit);
    slv_loop_later(st->h2->server->loop, &st->work);
}

static void let_go(slv_h2_stream *st)
{
    st->ended = true;
    st->h2->sweep = true;
    slv_task_cancel(&st->work);
    slv_h2_flush_later(st->h2);
}

static void abort_exchange(slv_exchange *base)
{
    slv_h2_stream *st = of(base);

    if (!st->closed)
        nghttp2_submit_rst_stream(st->h2->ng, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_INTERNAL_ERROR);
    let_go(st);
}

/* nghttp2 wants body bytes for a DATA frame. */
static ssize_t on_body_wanted(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t cap,
                              uint32_t *flags, nghttp2_data_source *source, void *user)
{
    slv_h2_stream *st = source->ptr;
    size_t n = 0;

    (void)ng;
    (void)id;
    (void)user;
    while (n < cap && st->out.bytes > 0) {
        slv_outblock *b = st->out.first;
        size_t here = SLV_MIN(cap - n, (size_t)(b->end - b->start));

        memcpy(buf + n, b->data + b->start, here);
        slv_outq_consume(&st->out, here);
        n += here;
    }
    st->waits_since_ms = 0; /* its window is open */
    if (st->out.bytes == 0 && st->ended)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (n == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)n;
}

static nghttp2_nv field(slv_str name, slv_str value)
{
    return (nghttp2_nv){(uint8_t *)(size_t)name.ptr, (uint8_t *)(size_t)value.ptr, name.len,
                        value.len, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

static slv_code lower(slv_arena *arena, slv_str name, slv_str *ret)
{
    char *copy = slv_arena_try_alloc(arena, name.len + 1);

    if (!copy)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < name.len; i++)
        copy[i] = slv_ascii_lower(name.ptr[i]);
    *ret = slv_str_make(copy, name.len);
    return SLV_OK;
}

/* The head's fields in arena memory, which lives until the frame is sent. */
static slv_code make_fields(slv_h2_stream *st, const slv_response_head *head, bool is_head,
                            nghttp2_nv **ret, size_t *ret_count, slv_err *err)
{
    slv_str block = head->headers, name, value, text, date;
    bool malformed = false, dated = false, length_given = false, strict = false;
    bool bare = slv_response_is_bare(head, is_head), keeps_length = is_head || head->status == 304;
    size_t rows = 0, n = 0;
    nghttp2_nv *nv;
    char number[24];

    for (size_t i = 0; i < block.len; i++)
        rows += block.ptr[i] == '\n';
    nv = slv_arena_try_alloc(&st->arena, (rows + 5) * sizeof *nv);
    if (!nv || block.len > SLV_EXCHANGE_HEAD_MAX)
        return slv_fail(err, SLV_E_LIMIT, "the response's head is larger than %zu bytes",
                        SLV_EXCHANGE_HEAD_MAX);
    snprintf(number, sizeof number, "%d", head->status);
    SLV_TRY(slv_arena_dup(&st->arena, slv_str_from(number), &text));
    nv[n++] = field(SLV_STR(":status"), text);
    while (slv_http_block_next(&block, &name, &value, &malformed)) {
        if (slv_http_hop_by_hop(name) ||
            (!keeps_length && slv_str_eq_nocase(name, SLV_STR("content-length"))))
            continue;
        SLV_TRY(lower(&st->arena, name, &name));
        SLV_TRY(slv_arena_dup(&st->arena, value, &value));
        dated |= slv_str_is(name, "date");
        length_given |= slv_str_is(name, "content-length");
        strict |= slv_str_is(name, "strict-transport-security");
        nv[n++] = field(name, value);
    }
    if (malformed)
        return slv_fail(err, SLV_E_INVAL, "a response header cannot be sent");
    if (!strict && st->h2->server->hsts[0] && st->base.head.scheme.len == 5)
        nv[n++] = field(SLV_STR("strict-transport-security"), slv_str_from(st->h2->server->hsts));
    if (!dated) {
        SLV_TRY(slv_arena_dup(&st->arena, slv_server_date(st->h2->server), &date));
        nv[n++] = field(SLV_STR("date"), date);
    }
    if (head->length >= 0 && !bare && !length_given) {
        snprintf(number, sizeof number, "%lld", (long long)head->length);
        SLV_TRY(slv_arena_dup(&st->arena, slv_str_from(number), &text));
        nv[n++] = field(SLV_STR("content-length"), text);
    }
    *ret = nv;
    *ret_count = n;
    return SLV_OK;
}

static slv_code respond(slv_exchange *base, const slv_response_head *head, slv_err *err)
{
    slv_h2_stream *st = of(base);
    bool is_head = slv_str_is(base->head.method, "HEAD");
    nghttp2_data_provider body = {.source.ptr = st, .read_callback = on_body_wanted};
    nghttp2_nv *nv = NULL;
    size_t count = 0;

    if (st->responded)
        return slv_fail(err, SLV_E_STATE, "the response has begun already");
    if (head->status < 200 || head->status > 599)
        return slv_fail(err, SLV_E_INVAL, "response status %d cannot be sent", head->status);
    st->no_body = is_head || head->status == 204 || head->status == 304;
    SLV_TRY(make_fields(st, head, is_head, &nv, &count, err));
    st->responded = true;
    st->sized = head->length >= 0 && !st->no_body;
    st->out_left = st->sized ? (uint64_t)head->length : 0;
    if (!st->closed &&
        nghttp2_submit_response(st->h2->ng, st->id, nv, count, st->no_body ? NULL : &body) != 0)
        nghttp2_submit_rst_stream(st->h2->ng, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_INTERNAL_ERROR);
    slv_h2_flush_later(st->h2);
    return SLV_OK;
}

static bool write_body(slv_exchange *base, slv_str bytes)
{
    slv_h2_stream *st = of(base);

    SLV_ASSERT(st->responded && !st->ended);
    if (st->closed || st->no_body || bytes.len == 0)
        return true;
    if ((st->sized && bytes.len > st->out_left) ||
        st->out.bytes + bytes.len > SLV_EXCHANGE_QUEUE_MAX) {
        /* `gone` follows from the loop, when the stream has closed */
        nghttp2_submit_rst_stream(st->h2->ng, NGHTTP2_FLAG_NONE, st->id, NGHTTP2_INTERNAL_ERROR);
        slv_h2_flush_later(st->h2);
        return false;
    }
    st->out_left -= st->sized ? bytes.len : 0;
    slv_outq_append(&st->out, bytes);
    nghttp2_session_resume_data(st->h2->ng, st->id);
    slv_h2_flush_later(st->h2);
    if (st->out.bytes <= SLV_EXCHANGE_HIGH)
        return true;
    st->blocked = true;
    return false;
}

static size_t queued(const slv_exchange *base)
{
    const slv_h2_stream *st = slv_container_of(base, const slv_h2_stream, base);

    return st->out.bytes + st->h2->out.bytes;
}

static void end(slv_exchange *base)
{
    slv_h2_stream *st = of(base);

    if (!st->responded || (st->sized && st->out_left > 0)) {
        abort_exchange(base);
        return;
    }
    let_go(st);
    if (!st->closed && !st->no_body)
        nghttp2_session_resume_data(st->h2->ng, st->id);
}

void slv_h2_refuse(slv_h2_stream *st, int status, const char *why)
{
    slv_response_head head = {.status = status,
                              .headers = SLV_STR("content-type:text/plain\n"),
                              .length = (int64_t)strlen(why) + 1};

    if (respond(&st->base, &head, NULL) != SLV_OK) {
        abort_exchange(&st->base);
        return;
    }
    (void)write_body(&st->base, slv_str_from(why));
    (void)write_body(&st->base, SLV_STR("\n"));
    end(&st->base);
}

const slv_exchange_ops slv_h2_exchange_ops = {
    .take_body = take_body,
    .credit = credit,
    .respond = respond,
    .write = write_body,
    .queued = queued,
    .end = end,
    .abort = abort_exchange,
};
