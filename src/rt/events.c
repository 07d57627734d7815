#include <stdlib.h>

#include "base/clock.h"
#include "rt/rt_int.h"

#define ERROR_JSON_MAX ((size_t)256 << 10)

static const char *const method_names[] = {"GET",   "POST", "PUT",    "DELETE",
                                           "PATCH", "HEAD", "OPTIONS"};

/* ---- life ---- */

rt_event *slv_rt_event_find(slv_rt *rt, uint32_t id)
{
    rt_event **found = slv_imap_get(&rt->events, id);

    return found ? *found : NULL;
}

rt_event *slv_rt_event_new(slv_rt *rt, uint32_t id)
{
    rt_event *event;

    if (slv_rt_event_find(rt, id)) {
        slv_rt_violation(rt, "an event number that is in use");
        return NULL;
    }
    event = rt->spare_event ? SLV_STEAL(rt->spare_event) : slv_alloc(sizeof *event);
    *event = (rt_event){.id = id};
    event->error.limit = ERROR_JSON_MAX;
    slv_list_init(&event->streams);
    slv_imap_set(&rt->events, id, event);
    return event;
}

static void send_end(slv_rt *rt, rt_event *event)
{
    const slv_msg_end end = {event->outcome, event->cpu_ns / 1000, slv_buf_view(&event->error)};
    size_t at;
    slv_buf *out = slv_rt_frame_begin(rt, SLV_FRAME_END, 0, event->id, &at);

    slv_rt_frame_end(rt, at, slv_msg_end_put(out, &end));
}

void slv_rt_event_forget(slv_rt *rt, rt_event *event)
{
    slv_rt_streams_drop(rt, event);
    if (event->ops)
        slv_rt_ops_drop(rt, event->id);
    slv_imap_remove(&rt->events, event->id);
    slv_buf_done(&event->error);
    if (rt->spare_event)
        free(event);
    else
        rt->spare_event = event;
}

static void event_end(slv_rt *rt, rt_event *event)
{
    send_end(rt, event);
    slv_rt_event_forget(rt, event);
}

void slv_rt_event_settle(slv_rt *rt, rt_event *event)
{
    if (event->ended) {
        event_end(rt, event);
        return;
    }
    /* An object can always be entered by another call, which may answer this one. */
    if (event->waits || rt->idle_turn || event->resident || event->object)
        return;
    /* Nothing can enter JavaScript for this event any more: it hangs, or has only promises left
       that nobody keeps. It stays open when others hold what it exported. */
    rt->idle_turn = true;
    slv_rt_turn_begin(rt, event);
    JSValueRef arg = slv_js_num(slv_js_context(rt->js), event->id);
    slv_rt_turn_call(rt, rt->entries.idle, 1, &arg);
    slv_rt_turn_end(rt); /* settles again */
    rt->idle_turn = false;
}

/* END goes out once the turn is over. */
static void mark_ended(slv_rt *rt, rt_event *event, slv_outcome outcome)
{
    event->ended = true;
    event->outcome = outcome;
    if (event != rt->turn)
        slv_vec_push(&rt->finished, event->id);
}

/* ---- what main sends ---- */

static JSValueRef text_or_empty(slv_rt *rt, JSContextRef ctx, slv_str s)
{
    return s.len ? slv_js_string(ctx, s) : rt->empty;
}

#define CACHED_MAX ((size_t)16 << 10)

/* The value of a text that the last message may have carried already: cf objects, and headers of
 * one client. */
static JSValueRef cached_value(JSContextRef ctx, rt_cached *c, slv_str s)
{
    JSValueRef v;

    if (c->value && slv_str_eq(slv_buf_view(&c->bytes), s))
        return c->value;
    v = slv_js_string(ctx, s);
    if (c->value)
        JSValueUnprotect(ctx, SLV_STEAL(c->value));
    c->bytes.limit = CACHED_MAX;
    if (slv_buf_set(&c->bytes, s) == SLV_OK) {
        JSValueProtect(ctx, v);
        c->value = v;
    }
    return v;
}

static JSValueRef method_value(slv_rt *rt, JSContextRef ctx, slv_str method)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(method_names); i++) {
        if (slv_str_is(method, method_names[i]))
            return rt->methods[i];
    }
    return slv_js_string(ctx, method);
}

/* What most requests do not have: [stream, length, inline body, entrypoint, props]. */
static JSValueRef fetch_extra(slv_rt *rt, JSContextRef ctx, const slv_msg_event_fetch *m)
{
    if (!(m->bits & (SLV_FETCH_STREAM | SLV_FETCH_INLINE)) && m->entrypoint.len == 0 &&
        m->props.len == 0)
        return slv_js_undefined(ctx);
    return SLV_TUPLE(ctx, slv_js_num(ctx, m->body_stream), slv_js_num(ctx, (double)m->body_length),
                     m->bits & SLV_FETCH_INLINE ? slv_rt_body_value(rt, ctx, m->body)
                                                : slv_js_undefined(ctx),
                     text_or_empty(rt, ctx, m->entrypoint), text_or_empty(rt, ctx, m->props));
}

/* At most eight arguments: more would cost the engine an allocation. */
static void enter_fetch(slv_rt *rt, rt_event *event, const slv_msg_event_fetch *m)
{
    JSContextRef ctx = slv_js_context(rt->js);
    JSValueRef args[8];

    if (m->bits & SLV_FETCH_STREAM)
        slv_rt_stream_open(rt, RT_STREAM_IN, m->body_stream, event);
    args[0] = slv_js_num(ctx, event->id);
    args[1] = slv_js_num(ctx, m->bits);
    args[2] = method_value(rt, ctx, m->method);
    args[3] = slv_js_string(ctx, m->url);
    args[4] = cached_value(ctx, &rt->headers, m->headers);
    args[5] = m->cf.len ? cached_value(ctx, &rt->cf, m->cf) : rt->empty;
    args[6] = fetch_extra(rt, ctx, m);
    args[7] = slv_js_num(ctx, m->object);
    slv_rt_turn_call(rt, rt->entries.fetch, 8, args);
}

static void enter_alarm(slv_rt *rt, rt_event *event, const slv_msg_event_alarm *m)
{
    JSContextRef ctx = slv_js_context(rt->js);
    JSValueRef args[5];

    args[0] = slv_js_num(ctx, event->id);
    args[1] = slv_js_num(ctx, m->object);
    args[2] = slv_js_num(ctx, (double)m->scheduled_ms);
    args[3] = slv_js_num(ctx, m->retries);
    args[4] = slv_js_bool(ctx, m->last);
    slv_rt_turn_call(rt, rt->entries.alarm, 5, args);
}

static void enter_socket(slv_rt *rt, rt_event *event, const slv_msg_event_socket *m)
{
    JSContextRef ctx = slv_js_context(rt->js);
    JSValueRef args[7];

    args[0] = slv_js_num(ctx, event->id);
    args[1] = slv_js_num(ctx, m->object);
    args[2] = slv_js_num(ctx, m->socket);
    args[3] = slv_js_num(ctx, m->what);
    args[4] = m->what == SLV_SOCKET_BINARY ? slv_js_bytes_copy(ctx, m->data, NULL)
                                           : slv_js_string(ctx, m->data);
    args[5] = slv_js_num(ctx, m->code);
    args[6] = slv_js_bool(ctx, m->clean);
    slv_rt_turn_call(rt, rt->entries.socket_event, 7, args);
}

/* The object that an event names; 0: none. */
static uint32_t object_of(const slv_msg_event *m)
{
    switch (m->kind) {
    case SLV_EVENT_FETCH:
        return m->fetch.bits & SLV_FETCH_OBJECT ? m->fetch.object : 0;
    case SLV_EVENT_RPC:
        return m->rpc.target_kind == SLV_RPC_OBJECT ? m->rpc.target : 0;
    case SLV_EVENT_ALARM:
        return m->alarm.object;
    case SLV_EVENT_SOCKET:
        return m->socket.object;
    case SLV_EVENT_SCHEDULED:
    case SLV_EVENT_QUEUE:
    case SLV_EVENT_TAIL:
        break;
    }
    return 0;
}

static void enter_scheduled(slv_rt *rt, rt_event *event, const slv_msg_event_scheduled *m)
{
    JSContextRef ctx = slv_js_context(rt->js);
    JSValueRef args[3];

    args[0] = slv_js_num(ctx, event->id);
    args[1] = slv_js_num(ctx, (double)m->slot_ms);
    args[2] = slv_js_string(ctx, m->cron);
    slv_rt_turn_call(rt, rt->entries.scheduled, 3, args);
}

/* Texts arrive as strings, other bodies as bytes. */
static JSValueRef queue_message_value(slv_rt *rt, JSContextRef ctx, rt_event *event,
                                      const slv_msg_queue_message *m)
{
    enum { JSON = 1, TEXT = 2 };
    const char *format = m->type == JSON || m->type == TEXT ? "sqbws" : "sqbwy";
    JSObjectRef fields = slv_rt_wire_get(rt, ctx, format, m->raw, event);

    return fields ? fields : slv_js_undefined(ctx);
}

static void enter_queue(slv_rt *rt, rt_event *event, const slv_msg_event_queue *m)
{
    JSContextRef ctx = slv_js_context(rt->js);
    JSObjectRef list = slv_js_array(ctx, 0, NULL);
    slv_str rest = m->messages;
    slv_msg_queue_message message;
    JSValueRef args[6];

    for (unsigned i = 0; slv_msg_queue_message_next(&rest, &message) == SLV_OK; i++)
        JSObjectSetPropertyAtIndex(ctx, list, i, queue_message_value(rt, ctx, event, &message),
                                   NULL);
    args[0] = slv_js_num(ctx, event->id);
    args[1] = slv_js_string(ctx, m->queue);
    args[2] = slv_js_num(ctx, (double)m->backlog_count);
    args[3] = slv_js_num(ctx, (double)m->backlog_bytes);
    args[4] = slv_js_num(ctx, (double)m->oldest_ms);
    args[5] = list;
    slv_rt_turn_call(rt, rt->entries.queue, 6, args);
}

/* Capabilities that the message carries, as [kind, number, …]; streams and sockets are opened. */
static JSValueRef caps_value(slv_rt *rt, JSContextRef ctx, const slv_msg_caps *caps,
                             rt_event *event)
{
    char head[2] = {(char)(caps->count & 0xff), (char)(caps->count >> 8)};
    SLV_CLEANUP(slv_buf_done) slv_buf whole = SLV_BUF((size_t)1 << 20);
    JSObjectRef fields;

    if (slv_buf_append(&whole, slv_str_make(head, 2)) != SLV_OK ||
        slv_buf_append(&whole, caps->raw) != SLV_OK)
        return slv_js_array(ctx, 0, NULL);
    fields = slv_rt_wire_get(rt, ctx, "c", slv_buf_view(&whole), event);
    return fields ? JSObjectGetPropertyAtIndex(ctx, fields, 0, NULL) : slv_js_array(ctx, 0, NULL);
}

static void enter_rpc(slv_rt *rt, rt_event *event, const slv_msg_rpc *m)
{
    JSContextRef ctx = slv_js_context(rt->js);
    JSValueRef args[9];

    args[0] = slv_js_num(ctx, event->id);
    args[1] = slv_js_num(ctx, m->target_kind);
    args[2] = slv_js_num(ctx, m->target);
    args[3] = text_or_empty(rt, ctx, m->entrypoint);
    args[4] = text_or_empty(rt, ctx, m->props);
    args[5] = slv_js_num(ctx, m->action);
    args[6] = text_or_empty(rt, ctx, m->path);
    args[7] = slv_js_bytes_copy(ctx, m->args, NULL);
    args[8] = caps_value(rt, ctx, &m->caps, event);
    slv_rt_turn_call(rt, rt->entries.rpc, 9, args);
}

static void enter_tail(slv_rt *rt, rt_event *event, slv_str items)
{
    JSContextRef ctx = slv_js_context(rt->js);
    JSValueRef args[2];

    args[0] = slv_js_num(ctx, event->id);
    args[1] = slv_js_string(ctx, items);
    slv_rt_turn_call(rt, rt->entries.tail, 2, args);
}

static void event_frame(slv_rt *rt, const slv_frame *frame)
{
    slv_msg_event m;
    rt_event *event;
    uint32_t object;

    if (rt->state != RT_STARTED || slv_msg_event_get(frame->payload, &m) != SLV_OK) {
        slv_rt_violation(rt, "EVENT that cannot be read");
        return;
    }
    object = object_of(&m);
    if (object && !slv_rt_object_is_open(rt, object))
        return; /* it crossed a RESET, which ends it */
    event = slv_rt_event_new(rt, frame->id);
    if (!event)
        return;
    event->object = object;
    slv_rt_turn_begin(rt, event);
    switch (m.kind) {
    case SLV_EVENT_FETCH:
        enter_fetch(rt, event, &m.fetch);
        break;
    case SLV_EVENT_SCHEDULED:
        enter_scheduled(rt, event, &m.scheduled);
        break;
    case SLV_EVENT_RPC:
        enter_rpc(rt, event, &m.rpc);
        break;
    case SLV_EVENT_QUEUE:
        enter_queue(rt, event, &m.queue);
        break;
    case SLV_EVENT_ALARM:
        enter_alarm(rt, event, &m.alarm);
        break;
    case SLV_EVENT_SOCKET:
        enter_socket(rt, event, &m.socket);
        break;
    case SLV_EVENT_TAIL:
        enter_tail(rt, event, m.tail);
        break;
    }
    slv_rt_turn_end(rt);
}

static void cancel_frame(slv_rt *rt, const slv_frame *frame)
{
    JSContextRef ctx = slv_js_context(rt->js);
    rt_event *event = slv_rt_event_find(rt, frame->id);
    slv_cancel_reason reason;
    JSValueRef args[2];

    if (!event || slv_msg_cancel_get(frame->payload, &reason) != SLV_OK)
        return;
    slv_rt_turn_begin(rt, event);
    args[0] = slv_js_num(ctx, frame->id);
    args[1] = slv_js_num(ctx, reason);
    slv_rt_turn_call(rt, rt->entries.cancel, 2, args);
    slv_rt_turn_end(rt);
}

static void cap_drop_frame(slv_rt *rt, const slv_frame *frame)
{
    JSContextRef ctx = slv_js_context(rt->js);
    slv_msg_cap_drop m;
    JSValueRef args[2];

    if (slv_msg_cap_drop_get(frame->payload, &m) != SLV_OK) {
        slv_rt_violation(rt, "CAP_DROP that cannot be read");
        return;
    }
    slv_rt_turn_begin(rt, NULL);
    args[0] = slv_js_num(ctx, m.cap);
    args[1] = slv_js_num(ctx, m.refs);
    slv_rt_turn_call(rt, rt->entries.cap_drop, 2, args);
    slv_rt_turn_end(rt);
}

static void cap_broken_frame(slv_rt *rt, const slv_frame *frame)
{
    JSContextRef ctx = slv_js_context(rt->js);
    slv_msg_cap_broken m;
    JSValueRef args[2];

    if (slv_msg_cap_broken_get(frame->payload, &m) != SLV_OK) {
        slv_rt_violation(rt, "CAP_BROKEN that cannot be read");
        return;
    }
    slv_rt_turn_begin(rt, NULL);
    args[0] = slv_js_num(ctx, m.cap);
    args[1] = slv_js_string(ctx, m.error);
    slv_rt_turn_call(rt, rt->entries.cap_broken, 2, args);
    slv_rt_turn_end(rt);
}

void slv_rt_event_frame(slv_rt *rt, const slv_frame *frame)
{
    if (frame->type == SLV_FRAME_EVENT)
        event_frame(rt, frame);
    else if (frame->type == SLV_FRAME_CANCEL)
        cancel_frame(rt, frame);
    else if (frame->type == SLV_FRAME_CAP_DROP)
        cap_drop_frame(rt, frame);
    else
        cap_broken_frame(rt, frame);
}

/* ---- what JavaScript answers ---- */

static rt_event *event_arg(slv_rt *rt, JSContextRef ctx, JSValueRef v)
{
    JSValueRef thrown = NULL;
    uint32_t id;

    return slv_js_u32_arg(ctx, v, &id, &thrown) ? slv_rt_event_find(rt, id) : NULL;
}

/* The header block of a response; undefined: that of the last one. */
static bool put_headers(slv_rt *rt, JSContextRef ctx, JSValueRef v, slv_buf *out, JSValueRef *exc)
{
    size_t at = out->len;

    if (JSValueIsUndefined(ctx, v))
        return slv_buf_append_u32(out, (uint32_t)rt->response_headers.len) == SLV_OK &&
               slv_buf_append(out, slv_buf_view(&rt->response_headers)) == SLV_OK;
    rt->response_headers.limit = SLV_MESSAGE_SMALL_MAX;
    return slv_rt_put_text(ctx, v, out, exc) &&
           slv_buf_set(&rt->response_headers, slv_str_make(out->ptr + at + 4, out->len - at - 4)) ==
               SLV_OK;
}

/* undefined: what status 200 is called. */
static bool put_status_text(JSContextRef ctx, JSValueRef v, slv_buf *out, JSValueRef *exc)
{
    if (!JSValueIsUndefined(ctx, v))
        return slv_rt_put_text(ctx, v, out, exc);
    return slv_buf_append_u32(out, 2) == SLV_OK && slv_buf_append(out, SLV_STR("OK")) == SLV_OK;
}

/* respond(event, head, number, length, statusText, headers, body) -> true: RESPONSE, once. head is
   status | kind << 16 | bits << 20, and 1 << 28 when nothing else belongs to the event: END with
   outcome ok follows after this turn. body undefined: none. When it does not answer true, the
   header block of this call was not kept. */
SLV_NATIVE(respond)
{
    slv_rt *rt = slv_rt_current();
    rt_event *event = event_arg(rt, ctx, SLV_ARG(0));
    uint32_t head;
    uint32_t number;
    double length;
    slv_buf *out;
    size_t at;

    if (!event || event->responded)
        return slv_js_bool(ctx, false);
    SLV_ASSERT(argc == 7);
    if (!slv_js_u32_arg(ctx, argv[1], &head, exc) || !slv_js_u32_arg(ctx, argv[2], &number, exc) ||
        !slv_js_f64_arg(ctx, argv[3], &length, exc))
        return NULL;
    out = slv_rt_frame_begin(rt, SLV_FRAME_RESPONSE, 0, event->id, &at);
    if (slv_buf_append_u32(out, (head & 0xffff) | (head >> 16 & 15) << 16 |
                                    (head >> 20 & 255) << 24) != SLV_OK ||
        slv_buf_append_u32(out, number) != SLV_OK ||
        slv_buf_append_u64(out, (uint64_t)(int64_t)length) != SLV_OK ||
        !put_status_text(ctx, argv[4], out, exc) || !put_headers(rt, ctx, argv[5], out, exc) ||
        !(JSValueIsUndefined(ctx, argv[6]) ? slv_buf_append_u32(out, 0) == SLV_OK
                                           : slv_rt_put_bytes(ctx, argv[6], out, exc))) {
        slv_frame_undo(out, at);
        return *exc ? NULL
                    : slv_js_throw_range(ctx, exc, "The headers of this response are too large.");
    }
    if (slv_rt_frame_try_end(rt, at) != SLV_OK)
        return slv_js_throw_range(ctx, exc, "The headers of this response are too large.");
    event->responded = true;
    if (head & (uint32_t)1 << 28)
        mark_ended(rt, event, SLV_OUTCOME_OK);
    return slv_js_bool(ctx, true);
}

/* finish(event, outcome, error JSON or ""): END, after this turn. The first call counts. */
SLV_NATIVE(finish)
{
    slv_rt *rt = slv_rt_current();
    rt_event *event = event_arg(rt, ctx, SLV_ARG(0));
    uint32_t outcome;
    JSValueRef thrown = NULL;

    if (!event || event->ended)
        return slv_js_undefined(ctx);
    if (!slv_js_u32_arg(ctx, SLV_ARG(1), &outcome, exc))
        return NULL;
    mark_ended(rt, event, (slv_outcome)outcome);
    if (argc > 2 && !slv_js_append_arg(ctx, argv[2], &event->error, &thrown))
        slv_buf_reset(&event->error); /* too large to be told */
    return slv_js_undefined(ctx);
}

/* rpcResult(event, error JSON or undefined, value, capabilities) */
SLV_NATIVE(rpc_result)
{
    slv_rt *rt = slv_rt_current();
    rt_event *event = event_arg(rt, ctx, SLV_ARG(0));
    bool failed = !JSValueIsUndefined(ctx, SLV_ARG(1));
    JSValueRef fields[2] = {failed ? SLV_ARG(1) : SLV_ARG(2), SLV_ARG(3)};
    slv_buf *out;
    size_t at;

    if (!event || event->responded)
        return slv_js_undefined(ctx);
    out =
        slv_rt_frame_begin(rt, SLV_FRAME_RPC_RESULT, failed ? SLV_FRAME_ERROR : 0, event->id, &at);
    if (!slv_rt_wire_put(ctx, failed ? "s" : "yc", 2, fields, out, exc)) {
        slv_frame_undo(out, at);
        return NULL;
    }
    if (slv_rt_frame_try_end(rt, at) != SLV_OK)
        return slv_js_throw_range(ctx, exc, "The result of this call is too large.");
    event->responded = true;
    return slv_js_undefined(ctx);
}

/* True when somebody wants the values of console lines. */
SLV_NATIVE(is_traced)
{
    const slv_rt *rt = slv_rt_current();

    return slv_js_bool(ctx, atomic_load_explicit(&rt->page->trace, memory_order_relaxed) != 0);
}

/* log(event or 0, level, text, place, values) */
SLV_NATIVE(log_line)
{
    slv_rt *rt = slv_rt_current();
    uint32_t id;
    uint32_t level;
    slv_buf *out;
    size_t at;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &id, exc) || !slv_js_u32_arg(ctx, SLV_ARG(1), &level, exc))
        return NULL;
    out = slv_rt_frame_begin(rt, SLV_FRAME_LOG, 0, id, &at);
    if (slv_buf_append_u8(out, (uint8_t)level) != SLV_OK ||
        !slv_rt_put_text(ctx, SLV_ARG(2), out, exc) ||
        !slv_rt_put_text(ctx, SLV_ARG(3), out, exc) ||
        !slv_rt_put_text(ctx, SLV_ARG(4), out, exc)) {
        slv_frame_undo(out, at);
        return *exc ? NULL : slv_js_throw_range(ctx, exc, "Out of memory");
    }
    if (slv_rt_frame_try_end(rt, at) != SLV_OK)
        return slv_js_throw_range(ctx, exc, "The text is too long for a log.");
    return slv_js_undefined(ctx);
}

/* exception(event or 0, error JSON) */
SLV_NATIVE(exception)
{
    slv_rt *rt = slv_rt_current();
    uint32_t id;
    slv_buf *out;
    size_t at;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &id, exc))
        return NULL;
    out = slv_rt_frame_begin(rt, SLV_FRAME_EXCEPTION, 0, id, &at);
    if (!slv_rt_put_text(ctx, SLV_ARG(1), out, exc)) {
        slv_frame_undo(out, at);
        return NULL;
    }
    slv_rt_frame_end(rt, at,
                     SLV_OK); /* a text for people: dropped when it is too long for a message */
    return slv_js_undefined(ctx);
}

/* capDrop(capability, references): we let go of one that main gave us */
SLV_NATIVE(cap_drop)
{
    slv_rt *rt = slv_rt_current();
    slv_msg_cap_drop m;
    size_t at;
    slv_buf *out;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &m.cap, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(1), &m.refs, exc))
        return NULL;
    out = slv_rt_frame_begin(rt, SLV_FRAME_CAP_DROP, 0, 0, &at);
    slv_rt_frame_end(rt, at, slv_msg_cap_drop_put(out, &m));
    return slv_js_undefined(ctx);
}

static const slv_native event_natives[] = {
    {"respond", respond},    {"finish", finish},       {"rpcResult", rpc_result}, {"log", log_line},
    {"isTraced", is_traced}, {"exception", exception}, {"capDrop", cap_drop},
};

void slv_rt_add_event_natives(slv_rt *rt)
{
    slv_js_add_natives(rt->js, event_natives, SLV_ARRAY_LEN(event_natives));
}

void slv_rt_events_init(slv_rt *rt)
{
    JSContextRef ctx = slv_js_context(rt->js);

    SLV_ASSERT(SLV_ARRAY_LEN(method_names) <= SLV_ARRAY_LEN(rt->methods));
    rt->empty = slv_js_string(ctx, SLV_STR(""));
    JSValueProtect(ctx, rt->empty);
    for (size_t i = 0; i < SLV_ARRAY_LEN(method_names); i++) {
        rt->methods[i] = slv_js_string(ctx, slv_str_from(method_names[i]));
        JSValueProtect(ctx, rt->methods[i]);
    }
}
