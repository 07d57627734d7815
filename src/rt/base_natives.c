#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "rt/rt_int.h"
#include "rt/web_natives.h"

int64_t slv_rt_mono_ms(void)
{
    return (int64_t)(slv_clock_mono_ns() / 1000000);
}

void slv_rt_tick(slv_rt *rt)
{
    rt->clock[0] = (double)slv_clock_wall_ms();
    rt->clock[1] = (double)(slv_rt_mono_ms() - rt->started_ms);
}

slv_rt *slv_rt_current(void)
{
    return slv_js_user(slv_js_current());
}

JSObjectRef slv_rt_export(slv_rt *rt, const char *module, const char *name)
{
    JSContextRef ctx = slv_js_context(rt->js);
    slv_err err = {0};
    JSValueRef thrown = NULL;
    JSObjectRef exports = slv_js_load(rt->js, module, &thrown);
    JSValueRef f = exports ? slv_js_get(ctx, exports, name, &thrown) : NULL;

    if (thrown) {
        slv_js_describe(rt->js, thrown, NULL, &err);
        slv_assert_fail(err.message, module, 0, name);
    }
    SLV_ASSERT(f && JSValueIsObject(ctx, f));
    JSValueProtect(ctx, f);
    return (JSObjectRef)(size_t)f;
}

/* Whether the program waits for the timer: counted ones keep their event from being idle. */
static void count_timer(slv_rt *rt, uint32_t id, uint32_t event_id, bool counted)
{
    rt_event *event = slv_rt_event_find(rt, event_id);
    rt_timer t = {event_id, counted};

    slv_imap_set(&rt->timer_events, id, t);
    if (event && counted)
        event->waits++;
}

/* The event of a timer that fires or is stopped. */
static uint32_t uncount_timer(slv_rt *rt, uint32_t id)
{
    rt_timer *found = slv_imap_get(&rt->timer_events, id);
    rt_timer t;
    rt_event *event;

    if (!found)
        return 0;
    t = *found;
    slv_imap_remove(&rt->timer_events, id);
    event = slv_rt_event_find(rt, t.event);
    if (event && t.counted)
        event->waits--;
    return t.event;
}

static int64_t due_in(double ms)
{
    return slv_rt_mono_ms() + (int64_t)ms;
}

/* timerStart(ms, event, counted) -> id */
SLV_NATIVE(timer_start)
{
    slv_rt *rt = slv_rt_current();
    double ms;
    uint32_t event;
    uint32_t id;

    if (!slv_js_f64_arg(ctx, SLV_ARG(0), &ms, exc) || !slv_js_u32_arg(ctx, SLV_ARG(1), &event, exc))
        return NULL;
    id = slv_timers_start(rt->timers, due_in(ms));
    count_timer(rt, id, event, JSValueToBoolean(ctx, SLV_ARG(2)));
    return slv_js_num(ctx, id);
}

/* timerRestart(id, ms, event): one that has just fired */
SLV_NATIVE(timer_restart)
{
    slv_rt *rt = slv_rt_current();
    uint32_t id;
    uint32_t event;
    double ms;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &id, exc) || !slv_js_f64_arg(ctx, SLV_ARG(1), &ms, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(2), &event, exc))
        return NULL;
    slv_timers_restart(rt->timers, id, due_in(ms));
    count_timer(rt, id, event, true);
    return slv_js_undefined(ctx);
}

/* timerStop(id) */
SLV_NATIVE(timer_stop)
{
    slv_rt *rt = slv_rt_current();
    uint32_t id;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &id, exc))
        return NULL;
    slv_timers_stop(rt->timers, id);
    uncount_timer(rt, id);
    return slv_js_undefined(ctx);
}

/* One turn for each timer that is due now; what those start waits for the next round. */
void slv_rt_fire_timers(slv_rt *rt)
{
    JSContextRef ctx = slv_js_context(rt->js);
    uint64_t mark = slv_timers_mark(rt->timers);
    uint32_t id;

    if (slv_timers_next(rt->timers) == INT64_MAX)
        return;
    while ((id = slv_timers_pop(rt->timers, slv_rt_mono_ms(), mark))) {
        JSValueRef arg;

        slv_rt_tick(rt);
        slv_rt_turn_begin(rt, slv_rt_event_find(rt, uncount_timer(rt, id)));
        arg = slv_js_num(ctx, id);
        slv_rt_turn_call(rt, rt->entries.timer, 1, &arg);
        slv_rt_turn_end(rt);
    }
}

static void keep(void *ptr, void *arg)
{
    (void)ptr;
    (void)arg;
}

/* clock: Float64Array [wall ms, ms since the isolate began], written by C */
static JSValueRef clock_view(slv_rt *rt)
{
    JSContextRef ctx = slv_js_context(rt->js);
    JSValueRef thrown = NULL;
    JSValueRef view = JSObjectMakeTypedArrayWithBytesNoCopy(
        ctx, kJSTypedArrayTypeFloat64Array, rt->clock, sizeof rt->clock, keep, NULL, &thrown);

    SLV_ASSERT(view && !thrown);
    return view;
}

/* staging: Uint8Array, read by C */
static JSValueRef staging_view(slv_rt *rt)
{
    JSValueRef thrown = NULL;
    JSValueRef view = JSObjectMakeTypedArrayWithBytesNoCopy(
        slv_js_context(rt->js), kJSTypedArrayTypeUint8Array, rt->staging, SLV_RT_STAGING_SIZE, keep,
        NULL, &thrown);

    SLV_ASSERT(view && !thrown);
    return view;
}

/* sqlState: Float64Array [done, rows read, rows written, cursor], written by C */
static JSValueRef sql_state_view(slv_rt *rt)
{
    JSContextRef ctx = slv_js_context(rt->js);
    JSValueRef thrown = NULL;
    JSValueRef view =
        JSObjectMakeTypedArrayWithBytesNoCopy(ctx, kJSTypedArrayTypeFloat64Array, rt->sql_state,
                                              sizeof rt->sql_state, keep, NULL, &thrown);

    SLV_ASSERT(view && !thrown);
    return view;
}

/* randomSeed() -> Uint32Array of 4 words from the kernel */
SLV_NATIVE(random_seed)
{
    uint32_t *words = slv_alloc(4 * sizeof *words);

    slv_rand_bytes(words, 4 * sizeof *words);
    JSValueRef bytes = slv_js_bytes_take(ctx, words, 4 * sizeof *words, exc);
    if (!bytes)
        return NULL;
    JSObjectRef buffer = JSObjectGetTypedArrayBuffer(ctx, (JSObjectRef)(size_t)bytes, exc);
    return buffer ? JSObjectMakeTypedArrayWithArrayBuffer(ctx, kJSTypedArrayTypeUint32Array, buffer,
                                                          exc)
                  : NULL;
}

/* stackFrames(stack) -> "\n    at f (url:line:column)" for each frame of the program's own code */
SLV_NATIVE(stack_frames)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_JS_ERROR_TEXT_MAX);
    SLV_TEXT(stack);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &stack, exc))
        return NULL;
    if (slv_js_stack_frames(stack.str, &out) != SLV_OK)
        return slv_js_string(ctx, SLV_STR(""));
    return slv_js_string(ctx, slv_buf_view(&out));
}

static const slv_native base_natives[] = {
    {"timerStart", timer_start}, {"timerRestart", timer_restart}, {"timerStop", timer_stop},
    {"randomSeed", random_seed}, {"stackFrames", stack_frames},
};

void slv_rt_init(slv_rt *rt)
{
    rt->js = slv_js_new();
    slv_js_set_user(rt->js, rt);
    rt->timers = slv_timers_new();
    rt->page = &rt->no_page;
    rt->fd = -1;
    rt->out.limit = SLV_RT_OUT_MAX;
    rt->deferred.limit = SLV_RT_OUT_MAX;
    rt->last_stream = (uint32_t)-1; /* the first is 1 */
    slv_list_init(&rt->woken);
    slv_frame_reader_init(&rt->reader, SLV_CHAN_MAIN);
    rt->started_ms = slv_rt_mono_ms();
    slv_rt_tick(rt);

    slv_js_add_natives(rt->js, base_natives, SLV_ARRAY_LEN(base_natives));
    slv_js_add_value(rt->js, "clock", clock_view(rt));
    rt->staging = slv_alloc(SLV_RT_STAGING_SIZE);
    slv_js_add_value(rt->js, "staging", staging_view(rt));
    slv_js_add_value(rt->js, "sqlState", sql_state_view(rt));
    slv_rt_add_stream_natives(rt);
    slv_rt_add_op_natives(rt);
    slv_rt_add_event_natives(rt);
    slv_rt_add_start_natives(rt);
    slv_rt_add_object_natives(rt);
    slv_rt_add_web_natives(rt->js);
    slv_js_enter(rt->js);
    rt->entries.timer = slv_rt_export(rt, "timers", "fireTimer");
    slv_js_leave(rt->js);
}

void slv_rt_done(slv_rt *rt)
{
    slv_rt_objects_done(rt);
    slv_timers_free(rt->timers);
    slv_imap_done(&rt->timer_events);
    slv_imap_done(&rt->events);
    slv_imap_done(&rt->ops);
    for (size_t i = 0; i < rt->formats.len; i++)
        free(rt->formats.items[i]);
    slv_vec_done(&rt->formats);
    slv_imap_done(&rt->streams);
    slv_frame_reader_done(&rt->reader);
    slv_buf_done(&rt->out);
    slv_buf_done(&rt->deferred);
    slv_buf_done(&rt->ready);
    slv_vec_done(&rt->finished);
    slv_buf_done(&rt->cf.bytes);
    slv_buf_done(&rt->headers.bytes);
    slv_buf_done(&rt->response_headers);
    free(rt->spare_event);
    free(rt->staging);
    slv_rt_blobs_drop(rt);
}
