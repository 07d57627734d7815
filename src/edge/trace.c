#include "edge/trace.h"

#include <stdlib.h>

#include "base/mem.h"
#include "edge/trace_int.h"

/* Beside what counts in SLV_TRACE_MAX: nodes, and what arenas waste. */
#define ARENA_MAX (SLV_TRACE_MAX * 4)
#define SPANS_MAX 1000

/* ---- life ---- */

slv_trace *slv_trace_new(slv_version *version, unsigned want)
{
    slv_trace *t = slv_new0(slv_trace);

    t->refs = 1;
    t->arena = SLV_ARENA(ARENA_MAX);
    t->version = slv_version_ref(version);
    t->want = want;
    t->outcome = "unknown";
    return t;
}

slv_trace *slv_trace_ref(slv_trace *t)
{
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

slv_trace *slv_trace_unref(slv_trace *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return NULL;
    (void)slv_version_unref(t->version);
    slv_arena_done(&t->arena);
    free(t);
    return NULL;
}

const char *slv_trace_kind_name(slv_trace_kind kind)
{
    static const char *const names[] = {
        [SLV_TRACED_NOTHING] = "unknown",     [SLV_TRACED_FETCH] = "fetch",
        [SLV_TRACED_SCHEDULED] = "scheduled", [SLV_TRACED_QUEUE] = "queue",
        [SLV_TRACED_ALARM] = "alarm",         [SLV_TRACED_RPC] = "rpc",
        [SLV_TRACED_SOCKET] = "websocket",    [SLV_TRACED_EMAIL] = "email",
        [SLV_TRACED_TAIL] = "tail",
    };

    return names[kind];
}

/* ---- what is put into it ---- */

/* Room for a part of that many bytes; false: it is left out, and the trace says so. */
static bool room(slv_trace *t, size_t bytes)
{
    if (t->used + bytes > SLV_TRACE_MAX) {
        t->truncated = true;
        return false;
    }
    t->used += bytes;
    return true;
}

static void keep(slv_trace *t, slv_str text, slv_str *ret)
{
    if (!room(t, text.len) || slv_arena_dup(&t->arena, text, ret) != SLV_OK) {
        *ret = SLV_STR_NULL;
        t->truncated = true;
    }
}

static void *node(slv_trace *t, size_t size)
{
    void *n = slv_arena_try_alloc0(&t->arena, size);

    if (!n)
        t->truncated = true;
    return n;
}

/* Every node begins with the link to the next one. */
static void push(slv_trace_list *list, void *n)
{
    if (list->last)
        *(void **)list->last = n;
    else
        list->first = n;
    list->last = n;
    list->count++;
}

static slv_str ray_of(slv_str headers)
{
    slv_str name, value;
    bool bad;

    while (slv_header_next(&headers, &name, &value, &bad)) {
        if (slv_str_is(name, "cf-ray"))
            return slv_str_sub(value, 0, slv_str_chr(value, '-', 0));
    }
    return SLV_STR_NULL;
}

static void describe_rpc(slv_trace *t, const slv_msg_rpc *m)
{
    t->kind = SLV_TRACED_RPC;
    keep(t, m->entrypoint, &t->entrypoint);
    keep(t, m->path, &t->text);
    /* path: names joined by NUL */
    char *p = slv_arena_try_alloc(&t->arena, t->text.len + 1);
    for (size_t i = 0; p && i < t->text.len; i++)
        p[i] = t->text.ptr[i] ? t->text.ptr[i] : '.';
    if (p)
        t->text.ptr = p;
}

static void describe_socket(slv_trace *t, const slv_msg_event_socket *m)
{
    t->kind = SLV_TRACED_SOCKET;
    t->size = m->code;
    t->clean = m->clean;
    t->text = m->what == SLV_SOCKET_CLOSED  ? SLV_STR("close")
              : m->what == SLV_SOCKET_ERROR ? SLV_STR("error")
                                            : SLV_STR("message");
}

void slv_trace_describe(slv_trace *t, const slv_msg_event *m)
{
    switch (m->kind) {
    case SLV_EVENT_FETCH:
        t->kind = SLV_TRACED_FETCH;
        keep(t, m->fetch.method, &t->method);
        keep(t, m->fetch.url, &t->url);
        keep(t, m->fetch.entrypoint, &t->entrypoint);
        keep(t, m->fetch.headers, &t->headers);
        keep(t, m->fetch.cf, &t->cf);
        t->ray = ray_of(t->headers);
        return;
    case SLV_EVENT_SCHEDULED:
        t->kind = SLV_TRACED_SCHEDULED;
        t->time_ms = m->scheduled.slot_ms;
        keep(t, m->scheduled.cron, &t->text);
        return;
    case SLV_EVENT_RPC:
        describe_rpc(t, &m->rpc);
        return;
    case SLV_EVENT_ALARM:
        t->kind = SLV_TRACED_ALARM;
        t->time_ms = m->alarm.scheduled_ms;
        return;
    case SLV_EVENT_SOCKET:
        describe_socket(t, &m->socket);
        return;
    case SLV_EVENT_QUEUE:
        t->kind = SLV_TRACED_QUEUE;
        t->size = m->queue.count;
        keep(t, m->queue.queue, &t->text);
        return;
    case SLV_EVENT_TAIL:
        t->kind = SLV_TRACED_TAIL;
        return;
    }
}

void slv_trace_log_line(slv_trace *t, int64_t wall_ms, const slv_msg_log *m)
{
    bool channel = m->level == SLV_CONSOLE_CHANNEL;
    slv_trace_log *log;

    if (m->values.len == 0)
        return;
    if (t->logs.count >= t->version->limits.log_lines) {
        t->truncated = true;
        return;
    }
    if (!room(t, m->values.len + (channel ? m->text.len : 0)) ||
        (log = node(t, sizeof *log)) == NULL)
        return;
    log->wall_ms = wall_ms;
    log->level = m->level;
    if (slv_arena_dup(&t->arena, m->values, &log->values) != SLV_OK ||
        (channel && slv_arena_dup(&t->arena, m->text, &log->name) != SLV_OK))
        t->truncated = true;
    else
        push(&t->logs, log);
}

void slv_trace_exception(slv_trace *t, int64_t wall_ms, slv_str error)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)8 << 20);
    slv_error_text e = {0};
    slv_trace_error *x;

    if (!slv_error_parse(error, &arena, &e))
        e = (slv_error_text){SLV_STR("Error"), error, SLV_STR_NULL};
    if (!room(t, e.name.len + e.message.len + e.stack.len) || (x = node(t, sizeof *x)) == NULL)
        return;
    x->wall_ms = wall_ms;
    if (slv_arena_dup(&t->arena, e.name, &x->name) != SLV_OK ||
        slv_arena_dup(&t->arena, e.message, &x->message) != SLV_OK ||
        slv_arena_dup(&t->arena, e.stack, &x->stack) != SLV_OK)
        t->truncated = true;
    else
        push(&t->errors, x);
}

slv_trace_span *slv_trace_begin_span(slv_trace *t, const char *kind, slv_str name, slv_str detail)
{
    slv_trace_span *s;

    if (t->spans.count >= SPANS_MAX || !room(t, name.len + detail.len) ||
        (s = node(t, sizeof *s)) == NULL)
        return NULL;
    s->kind = kind;
    if (slv_arena_dup(&t->arena, name, &s->name) != SLV_OK ||
        slv_arena_dup(&t->arena, detail, &s->detail) != SLV_OK)
        return NULL;
    push(&t->spans, s);
    return s;
}

/* ---- trace context ---- */

static bool read_hex(slv_str s, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < s.len; i++) {
        int v = slv_hex_value(s.ptr[i]);

        if (v < 0 || (s.ptr[i] >= 'A' && s.ptr[i] <= 'F'))
            return false;
        *ret = *ret << 4 | (uint64_t)v;
    }
    return true;
}

bool slv_traceparent_parse(slv_str text, slv_trace_context *ret)
{
    slv_trace_context c = {0};
    uint64_t version, flags;

    if (text.len < SLV_TRACEPARENT_LEN || text.ptr[2] != '-' || text.ptr[35] != '-' ||
        text.ptr[52] != '-' || !read_hex(slv_str_sub(text, 0, 2), &version) ||
        !read_hex(slv_str_sub(text, 3, 19), &c.high) ||
        !read_hex(slv_str_sub(text, 19, 35), &c.low) ||
        !read_hex(slv_str_sub(text, 36, 52), &c.parent) ||
        !read_hex(slv_str_sub(text, 53, 55), &flags))
        return false;
    /* later versions may say more behind a hyphen */
    if (version == 0xff || (version == 0 && text.len != SLV_TRACEPARENT_LEN) ||
        (text.len > SLV_TRACEPARENT_LEN && text.ptr[SLV_TRACEPARENT_LEN] != '-') ||
        (c.high == 0 && c.low == 0) || c.parent == 0)
        return false;
    c.unsampled = !(flags & 1);
    *ret = c;
    return true;
}

static char *put_hex(char *p, uint64_t v)
{
    static const char digits[] = "0123456789abcdef";

    for (int shift = 60; shift >= 0; shift -= 4)
        *p++ = digits[v >> shift & 15];
    return p;
}

void slv_traceparent_write(const slv_trace_context *c, char out[static SLV_TRACEPARENT_LEN + 1])
{
    char *p = out;

    *p++ = '0';
    *p++ = '0';
    *p++ = '-';
    p = put_hex(p, c->high);
    p = put_hex(p, c->low);
    *p++ = '-';
    p = put_hex(p, c->span);
    *p++ = '-';
    *p++ = '0';
    *p++ = c->unsampled ? '0' : '1';
    *p = '\0';
}
