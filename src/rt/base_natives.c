#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "rt/rt_int.h"

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

/* timerStart(ms) -> id */
SLV_NATIVE(timer_start)
{
    slv_rt *rt = slv_rt_current();
    double ms;

    if (!slv_js_f64_arg(ctx, SLV_ARG(0), &ms, exc))
        return NULL;
    return slv_js_num(ctx, slv_timers_start(rt->timers, slv_rt_mono_ms() + (int64_t)ms));
}

/* timerRestart(id, ms): one that has just fired */
SLV_NATIVE(timer_restart)
{
    slv_rt *rt = slv_rt_current();
    uint32_t id;
    double ms;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &id, exc) || !slv_js_f64_arg(ctx, SLV_ARG(1), &ms, exc))
        return NULL;
    slv_timers_restart(rt->timers, id, slv_rt_mono_ms() + (int64_t)ms);
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
    return slv_js_undefined(ctx);
}

static void keep(void *ptr, void *arg)
{
    (void)ptr;
    (void)arg;
}

/* clock() -> Float64Array [wall ms, ms since the isolate began], written by C */
SLV_NATIVE(clock_view)
{
    slv_rt *rt = slv_rt_current();

    return JSObjectMakeTypedArrayWithBytesNoCopy(ctx, kJSTypedArrayTypeFloat64Array, rt->clock,
                                                 sizeof rt->clock, keep, NULL, exc);
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

/* collectSoon(): the collector may take a look */
SLV_NATIVE(collect_soon)
{
    slv_js_collect_soon(slv_js_current());
    return slv_js_undefined(ctx);
}

static const slv_native base_natives[] = {
    {"timerStart", timer_start},   {"timerRestart", timer_restart}, {"timerStop", timer_stop},
    {"clock", clock_view},         {"randomSeed", random_seed},     {"stackFrames", stack_frames},
    {"collectSoon", collect_soon},
};

void slv_rt_add_base_natives(slv_rt *rt)
{
    slv_js_add_natives(rt->js, base_natives, SLV_ARRAY_LEN(base_natives));
}
