#include "base/clock.h"
#include "base/utf8.h"
#include "rt/rt_int.h"

#define SCRIPT_MAX ((size_t)256 << 20)
#define BLOBS_MAX 10000
/* What stands before a worker's script, on its first line, padded to SLV_JS_WRAP_COLUMNS. An ES
 * module is strict; a service worker is a classic script, and is what it says itself. */
#define SCRIPT_HEAD "(async function (__selvage) { "
#define MODULE_HEAD SCRIPT_HEAD "\"use strict\"; "

static rt_blob *blob_find(slv_rt *rt, uint32_t id)
{
    for (size_t i = rt->blobs.len; i > 0;
         i--) { /* pieces of the last one are what is looked for most */
        if (rt->blobs.items[i - 1].id == id)
            return &rt->blobs.items[i - 1];
    }
    return NULL;
}

static void blob_frame(slv_rt *rt, const slv_frame *frame)
{
    rt_blob *b = blob_find(rt, frame->id);

    if (!b && rt->blobs.len < BLOBS_MAX) {
        slv_vec_push(&rt->blobs, ((rt_blob){frame->id, false, SLV_BUF(SCRIPT_MAX)}));
        b = &rt->blobs.items[rt->blobs.len - 1];
    }
    if (!b || b->whole || rt->state != RT_NEW ||
        slv_buf_append(&b->bytes, frame->payload) != SLV_OK) {
        slv_rt_violation(rt, "BLOB that was not allowed");
        return;
    }
    b->whole = frame->flags & SLV_FRAME_FIN;
}

void slv_rt_blobs_drop(slv_rt *rt)
{
    for (size_t i = 0; i < rt->blobs.len; i++)
        slv_buf_done(&rt->blobs.items[i].bytes);
    slv_vec_done(&rt->blobs);
}

static void start_frame(slv_rt *rt, const slv_frame *frame)
{
    JSContextRef ctx = slv_js_context(rt->js);
    rt_blob *config;
    uint32_t id;
    JSValueRef arg;

    if (rt->state != RT_NEW || slv_msg_u32_get(frame->payload, &id) != SLV_OK ||
        !(config = blob_find(rt, id)) || !config->whole) {
        slv_rt_violation(rt, "START that was not allowed");
        return;
    }
    rt->start_cpu_ns = slv_clock_thread_cpu_ns();
    /* At module scope the clock stands at 0. */
    rt->clock[0] = rt->clock[1] = 0;
    slv_rt_turn_begin(rt, NULL);
    arg = slv_js_string(ctx, slv_buf_view(&config->bytes));
    slv_rt_turn_call(rt, rt->entries.start, 1, &arg);
    slv_rt_turn_end(rt);
    if (rt->state == RT_NEW) { /* nothing at module scope can make an await go on later */
        slv_rt_turn_begin(rt, NULL);
        slv_rt_turn_call(rt, rt->entries.stuck, 0, NULL);
        slv_rt_turn_end(rt);
    }
    slv_rt_tick(rt);
}

void slv_rt_start_frame(slv_rt *rt, const slv_frame *frame)
{
    if (frame->type == SLV_FRAME_BLOB)
        blob_frame(rt, frame);
    else
        start_frame(rt, frame);
}

static rt_blob *blob_arg(slv_rt *rt, JSContextRef ctx, JSValueRef v, JSValueRef *exc)
{
    uint32_t id;
    rt_blob *b;

    if (!slv_js_u32_arg(ctx, v, &id, exc))
        return NULL;
    b = blob_find(rt, id);
    if (!b || !b->whole)
        slv_js_throw_error(ctx, exc, "blob %u of the start configuration is missing", id);
    return b && b->whole ? b : NULL;
}

/* blobText(id) -> string */
SLV_NATIVE(blob_text)
{
    rt_blob *b = blob_arg(slv_rt_current(), ctx, SLV_ARG(0), exc);

    return b ? slv_js_string(ctx, slv_buf_view(&b->bytes)) : NULL;
}

/* blobBytes(id) -> Uint8Array with the bytes; the blob is empty after */
SLV_NATIVE(blob_bytes)
{
    rt_blob *b = blob_arg(slv_rt_current(), ctx, SLV_ARG(0), exc);

    return b ? slv_js_bytes_take_buf(ctx, &b->bytes, exc) : NULL;
}

/* blobScript(id, name, strict) -> the async function whose body the blob is; the blob is empty
 * after */
SLV_NATIVE(blob_script)
{
    slv_rt *rt = slv_rt_current();
    rt_blob *b = blob_arg(rt, ctx, SLV_ARG(0), exc);
    SLV_CLEANUP(slv_buf_done) slv_buf whole = SLV_BUF(SCRIPT_MAX + 256);
    SLV_TEXT(name);
    JSStringRef source;
    JSStringRef url;
    JSValueRef fn;
    slv_code code;

    if (!b || !slv_js_text_arg(ctx, SLV_ARG(1), &name, exc))
        return NULL;
    code = slv_buf_printf(&whole, "%-*s", SLV_JS_WRAP_COLUMNS,
                          JSValueToBoolean(ctx, SLV_ARG(2)) ? MODULE_HEAD : SCRIPT_HEAD);
    if (code == SLV_OK)
        code = slv_buf_append(&whole, slv_buf_view(&b->bytes));
    if (code == SLV_OK)
        code = slv_buf_append(&whole, SLV_STR("\n})"));
    if (code != SLV_OK)
        return slv_js_throw_range(ctx, exc, "Out of memory");
    slv_buf_done(&b->bytes);
    source = slv_js_source(slv_buf_view(&whole));
    slv_buf_done(&whole);
    url = slv_js_jsstring(name.str);
    fn = JSEvaluateScript(ctx, source, NULL, url, 1, exc);
    JSStringRelease(url);
    JSStringRelease(source);
    return fn;
}

/* evalOff(message): eval, new Function and their like throw from now on */
SLV_NATIVE(eval_off)
{
    SLV_TEXT(message);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &message, exc))
        return NULL;
    SLV_ASSERT(message.str.len < sizeof message.small);
    message.small[message.str.len] = '\0';
    slv_js_disable_eval(slv_js_current(), message.small);
    return slv_js_undefined(ctx);
}

/* Keeps what READY or START_FAILED say, and says it. */
static void answer_start(slv_rt *rt, JSContextRef ctx, JSValueRef json, rt_state state)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_MESSAGE_SMALL_MAX / 2);
    JSValueRef thrown = NULL;
    slv_code code;

    if (rt->state != RT_NEW)
        return;
    rt->state = state;
    if (!slv_js_append_arg(ctx, json, &text, &thrown))
        slv_buf_reset(&text);
    rt->ready.limit = SLV_MESSAGE_SMALL_MAX;
    if (state == RT_STARTED) {
        const slv_msg_ready ready = {(slv_clock_thread_cpu_ns() - rt->start_cpu_ns) / 1000,
                                     slv_buf_view(&text)};

        code = slv_msg_ready_put(&rt->ready, &ready);
    } else {
        code = slv_msg_str_put(&rt->ready, slv_buf_view(&text));
    }
    SLV_ASSERT(code == SLV_OK);
    slv_rt_frame_send(rt, state == RT_STARTED ? SLV_FRAME_READY : SLV_FRAME_START_FAILED, 0, 0,
                      slv_buf_view(&rt->ready));
}

/* ready(json) */
SLV_NATIVE(ready)
{
    answer_start(slv_rt_current(), ctx, SLV_ARG(0), RT_STARTED);
    return slv_js_undefined(ctx);
}

/* startFailed(json) */
SLV_NATIVE(start_failed)
{
    answer_start(slv_rt_current(), ctx, SLV_ARG(0), RT_FAILED);
    return slv_js_undefined(ctx);
}

static const slv_native start_natives[] = {
    {"blobText", blob_text}, {"blobBytes", blob_bytes}, {"blobScript", blob_script},
    {"evalOff", eval_off},   {"ready", ready},          {"startFailed", start_failed},
};

void slv_rt_add_start_natives(slv_rt *rt)
{
    slv_js_add_natives(rt->js, start_natives, SLV_ARRAY_LEN(start_natives));
}
