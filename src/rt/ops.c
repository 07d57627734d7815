#include "rt/rt_int.h"

#define OP_ARGS 4 /* of op(), before the fields */

/* opFormat(text) -> its index, by which op() names it from then on */
SLV_NATIVE(op_format)
{
    slv_rt *rt = slv_rt_current();
    SLV_TEXT(text);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &text, exc))
        return NULL;
    slv_vec_push(&rt->formats, slv_strndup(text.str.ptr, text.str.len));
    return slv_js_num(ctx, (double)(rt->formats.len - 1));
}

static const char *format_arg(slv_rt *rt, JSContextRef ctx, JSValueRef v, JSValueRef *exc)
{
    uint32_t index;

    if (!slv_js_u32_arg(ctx, v, &index, exc))
        return NULL;
    SLV_ASSERT(index < rt->formats.len);
    return rt->formats.items[index];
}

/* op(event, kind, format, resultFormat, field …) -> id */
SLV_NATIVE(op)
{
    slv_rt *rt = slv_rt_current();
    const char *format;
    uint32_t event_id;
    uint32_t kind;
    rt_event *event;
    rt_op op;
    size_t at;
    slv_buf *out;

    SLV_ASSERT(argc >= OP_ARGS);
    if (!slv_js_u32_arg(ctx, argv[0], &event_id, exc) ||
        !slv_js_u32_arg(ctx, argv[1], &kind, exc) ||
        !(format = format_arg(rt, ctx, argv[2], exc)) ||
        !(op.format = format_arg(rt, ctx, argv[3], exc)))
        return NULL;
    event = slv_rt_event_find(rt, event_id);
    if (!event || event->ended)
        return slv_js_throw_error(ctx, exc, "The event of this operation has ended.");

    do
        rt->last_op++;
    while (rt->last_op == 0 || slv_imap_get(&rt->ops, rt->last_op));
    out = slv_rt_frame_begin(rt, SLV_FRAME_OP, 0, rt->last_op, &at);
    if (slv_buf_append_u32(out, event_id) != SLV_OK ||
        slv_buf_append_u16(out, (uint16_t)kind) != SLV_OK) {
        slv_frame_undo(out, at);
        return slv_js_throw_range(ctx, exc, "Out of memory");
    }
    if (!slv_rt_wire_put(ctx, format, argc - OP_ARGS, argv + OP_ARGS, out, exc)) {
        slv_frame_undo(out, at);
        return NULL;
    }
    if (slv_rt_frame_try_end(rt, at) != SLV_OK)
        return slv_js_throw_range(ctx, exc, "The arguments of this operation are too large.");

    op.id = rt->last_op;
    op.event = event_id;
    slv_imap_set(&rt->ops, rt->last_op, op);
    event->waits++;
    event->ops++;
    return slv_js_num(ctx, rt->last_op);
}

/* opCancel(id) */
SLV_NATIVE(op_cancel)
{
    slv_rt *rt = slv_rt_current();
    uint32_t id;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &id, exc))
        return NULL;
    if (slv_imap_get(&rt->ops, id))
        slv_rt_frame_send(rt, SLV_FRAME_OP_CANCEL, 0, id, SLV_STR(""));
    return slv_js_undefined(ctx);
}

/* The error of a RESULT or ANSWER with the ERROR flag, as JSON text. */
static slv_str error_of(slv_str payload)
{
    slv_str json;

    if (slv_msg_str_get(payload, &json) != SLV_OK)
        json = SLV_STR("{\"name\":\"Error\",\"message\":\"internal error\"}");
    return json;
}

void slv_rt_result_frame(slv_rt *rt, const slv_frame *frame)
{
    JSContextRef ctx = slv_js_context(rt->js);
    rt_op *found = slv_imap_get(&rt->ops, frame->id);
    JSValueRef args[3];
    rt_event *event;
    rt_op op;

    if (!found)
        return; /* its event has ended */
    op = *found;
    slv_imap_remove(&rt->ops, frame->id);
    event = slv_rt_event_find(rt, op.event);
    if (!event)
        return;

    slv_rt_turn_begin(rt, event);
    event->waits--;
    event->ops--;
    args[0] = slv_js_num(ctx, frame->id);
    args[1] = args[2] = slv_js_undefined(ctx);
    if (frame->flags & SLV_FRAME_ERROR) {
        args[1] = slv_js_string(ctx, error_of(frame->payload));
    } else {
        JSObjectRef values = slv_rt_wire_get(rt, ctx, op.format, frame->payload, event);

        if (values)
            args[2] = values;
        else
            args[1] = slv_js_string(ctx, error_of(SLV_STR("")));
    }
    slv_rt_turn_call(rt, rt->entries.result, 3, args);
    slv_rt_turn_end(rt);
}

void slv_rt_ops_drop(slv_rt *rt, uint32_t event)
{
    for (size_t i = rt->ops.len; i > 0; i--) {
        rt_op op = rt->ops.values[i - 1];

        if (op.event == event)
            slv_imap_remove(&rt->ops, op.id);
    }
}

/* ask(event, kind, format, args, resultFormat) -> array of fields. Blocks the isolate. */
SLV_NATIVE(ask)
{
    slv_rt *rt = slv_rt_current();
    SLV_TEXT(format);
    SLV_TEXT(result);
    uint32_t event_id;
    uint32_t kind;
    rt_event *event;
    slv_frame answer;
    slv_err err = {0};
    size_t at;
    slv_buf *out;
    JSObjectRef values;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &event_id, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(1), &kind, exc) ||
        !slv_js_text_arg(ctx, SLV_ARG(2), &format, exc) ||
        !slv_js_text_arg(ctx, SLV_ARG(4), &result, exc))
        return NULL;
    event = slv_rt_event_find(rt, event_id);
    if (!event || event->ended)
        return slv_js_throw_error(ctx, exc, "The event of this operation has ended.");
    SLV_ASSERT(format.str.len < sizeof format.small && result.str.len <= SLV_RT_FORMAT_MAX);
    format.small[format.str.len] = '\0';

    if (++rt->last_question == 0)
        rt->last_question = 1;
    out = slv_rt_frame_begin(rt, SLV_FRAME_ASK, 0, rt->last_question, &at);
    if (slv_buf_append_u16(out, (uint16_t)kind) != SLV_OK ||
        !slv_rt_wire_put_array(ctx, format.small, SLV_ARG(3), out, exc)) {
        slv_frame_undo(out, at);
        return *exc ? NULL : slv_js_throw_range(ctx, exc, "Out of memory");
    }
    if (slv_rt_frame_try_end(rt, at) != SLV_OK)
        return slv_js_throw_range(ctx, exc, "The arguments of this operation are too large.");
    if (slv_rt_wait_answer(rt, rt->last_question, &answer, &err) != SLV_OK)
        return slv_js_throw_error(ctx, exc, "%s", slv_err_text(&err));

    if (answer.flags & SLV_FRAME_ERROR)
        return slv_js_string(ctx, error_of(answer.payload));
    result.small[result.str.len] = '\0';
    values = slv_rt_wire_get(rt, ctx, result.small, answer.payload, event);
    return values ? values : slv_js_throw_error(ctx, exc, "internal error");
}

static const slv_native op_natives[] = {
    {"op", op},
    {"opFormat", op_format},
    {"opCancel", op_cancel},
    {"ask", ask},
};

void slv_rt_add_op_natives(slv_rt *rt)
{
    slv_js_add_natives(rt->js, op_natives, SLV_ARRAY_LEN(op_natives));
}
