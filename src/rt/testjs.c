#include "rt/testjs.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "rt/rt_int.h"

#define FILE_MAX ((size_t)8 << 20)

typedef struct run {
    slv_rt rt;
    const slv_testjs_options *options;
    JSObjectRef reporter; /* report(error) of the running test */
    bool reported;
    bool failed;
    slv_js_error error;
    int number; /* TAP */
    int failures;
} run;

static run *the_run; /* the reporter has no other way to its run */

static slv_code read_file(const char *path, slv_buf *out, slv_err *err)
{
    FILE *f = fopen(path, "rbe");
    size_t n;

    if (!f)
        return slv_fail_errno(err, SLV_E_NOTFOUND, "%s", path);
    do {
        if (slv_buf_reserve(out, 65536) != SLV_OK) {
            (void)fclose(f);
            return slv_fail(err, SLV_E_LIMIT, "%s: larger than %zu bytes", path, FILE_MAX);
        }
        n = fread(out->ptr + out->len, 1, 65536, f);
        out->len += n;
    } while (n > 0);
    (void)fclose(f);
    return SLV_OK;
}

SLV_NATIVE(report)
{
    run *r = the_run;

    if (r->reported)
        return slv_js_undefined(ctx);
    r->reported = true;
    if (!JSValueIsUndefined(ctx, SLV_ARG(0))) {
        r->failed = true;
        slv_js_describe(r->rt.js, SLV_ARG(0), &r->error, NULL);
    }
    return slv_js_undefined(ctx);
}

/* (promise, reason), from the engine, and uncaught errors of timers and microtasks. */
SLV_NATIVE(unhandled)
{
    run *r = the_run;

    if (!r->failed)
        slv_js_describe(r->rt.js, argc > 1 ? argv[1] : SLV_ARG(0), &r->error, NULL);
    r->failed = r->reported = true;
    return slv_js_undefined(ctx);
}

/* Console lines of the tests; other frames have nobody to go to. */
static void print_logs(run *r)
{
    SLV_CLEANUP(slv_frame_reader_done) slv_frame_reader reader;
    slv_frame frame;
    char *ptr;
    size_t room;

    slv_frame_reader_init(&reader, SLV_CHAN_ISOLATE);
    if (r->rt.out.len == 0)
        return;
    if (slv_frame_reader_room(&reader, r->rt.out.len, &ptr, &room) == SLV_OK &&
        room >= r->rt.out.len) {
        memcpy(ptr, r->rt.out.ptr, r->rt.out.len);
        slv_frame_reader_got(&reader, r->rt.out.len);
        while (slv_frame_reader_next(&reader, &frame, NULL) == SLV_OK) {
            slv_msg_log log;
            slv_str line;

            if (frame.type != SLV_FRAME_LOG || slv_msg_log_get(frame.payload, &log) != SLV_OK)
                continue;
            while (slv_str_split(&log.text, '\n', &line))
                printf("# %.*s\n", SLV_STR_ARGS(line));
        }
    }
    slv_buf_reset(&r->rt.out);
}

static void after_turn(run *r)
{
    print_logs(r);
    if (r->options->gc_stress)
        slv_js_collect(r->rt.js);
    slv_js_pump(r->rt.js);
}

/* Until the test has reported, or nothing can make it report any more. */
static void pump_until_reported(run *r)
{
    int64_t deadline = slv_rt_mono_ms() + SLV_TESTJS_TEST_MS;

    while (!r->reported && slv_rt_mono_ms() < deadline) {
        int64_t next = slv_timers_next(r->rt.timers);
        int64_t wait = next == INT64_MAX ? 50 : next - slv_rt_mono_ms();

        /* Jobs of WebAssembly and finalisation arrive through the engine's loop, from its own
         * threads. */
        if (wait > 0)
            (void)poll(NULL, 0, (int)SLV_MIN(wait, (int64_t)10));
        slv_js_pump(r->rt.js);
        slv_rt_fire_timers(&r->rt);
        print_logs(r);
        if (r->options->gc_stress)
            slv_js_collect(r->rt.js);
    }
}

static void print_failure(run *r)
{
    slv_str text = slv_buf_view(r->error.stack.len ? &r->error.stack : &r->error.message);
    slv_str line;

    while (slv_str_split(&text, '\n', &line))
        printf("# %.*s\n", SLV_STR_ARGS(line));
}

static void run_test(run *r, JSObjectRef testing, size_t index)
{
    JSContextRef ctx = slv_js_context(r->rt.js);
    JSValueRef args[2];
    SLV_TEXT(name);
    JSValueRef thrown = NULL;
    JSValueRef v;

    slv_js_enter(r->rt.js);
    args[0] = slv_js_num(ctx, (double)index);
    v = slv_js_call(r->rt.js, (JSObjectRef)(size_t)slv_js_get(ctx, testing, "name", NULL), 1, args,
                    NULL, NULL);
    if (!v || !slv_js_text_arg(ctx, v, &name, &thrown))
        name.str = SLV_STR("?");
    slv_js_leave(r->rt.js);
    if (r->options->filter &&
        slv_str_find(name.str, slv_str_from(r->options->filter), 0) == SIZE_MAX)
        return;

    r->reported = r->failed = false;
    slv_rt_tick(&r->rt);
    slv_js_enter(r->rt.js);
    args[0] = slv_js_num(ctx, (double)index);
    args[1] = r->reporter;
    v = slv_js_call(r->rt.js, (JSObjectRef)(size_t)slv_js_get(ctx, testing, "run", NULL), 2, args,
                    &r->error, NULL);
    if (!v)
        r->failed = r->reported = true;
    slv_js_leave(r->rt.js);
    after_turn(r);
    pump_until_reported(r);

    r->number++;
    if (r->reported && !r->failed) {
        printf("ok %d - %.*s\n", r->number, SLV_STR_ARGS(name.str));
    } else {
        r->failures++;
        printf("not ok %d - %.*s\n", r->number, SLV_STR_ARGS(name.str));
        if (r->reported)
            print_failure(r);
        else
            printf("# not finished after %d ms\n", SLV_TESTJS_TEST_MS);
    }
    (void)fflush(stdout);
}

/* The file's text as an async function, so that its top level may await. Line numbers stay. */
static slv_code eval_file(run *r, const char *path, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(FILE_MAX);
    slv_err reason = {0};
    JSValueRef made;

    SLV_TRY(slv_buf_printf(&text, "%-*s", SLV_JS_WRAP_COLUMNS,
                           "(async function (report) { \"use strict\"; try { "));
    SLV_TRY(read_file(path, &text, err));
    SLV_TRY(slv_buf_append(&text,
                           SLV_STR("\n} catch (e) { report(e); return; } report(undefined); })")));

    r->reported = r->failed = false;
    slv_js_enter(r->rt.js);
    made = slv_js_eval(r->rt.js, slv_buf_view(&text), path, 1, &r->error, &reason);
    if (made) {
        JSValueRef arg = r->reporter;
        made = slv_js_call(r->rt.js, (JSObjectRef)(size_t)made, 1, &arg, &r->error, &reason);
    }
    slv_js_leave(r->rt.js);
    if (!made)
        return slv_fail(err, SLV_E_JS, "%s: %s", path, reason.message);
    after_turn(r);
    pump_until_reported(r);
    if (!r->reported)
        return slv_fail(err, SLV_E_TIMEOUT, "%s: top level is not finished after %d ms", path,
                        SLV_TESTJS_TEST_MS);
    if (r->failed)
        return slv_fail(
            err, SLV_E_JS, "%s: %.*s", path,
            SLV_STR_ARGS(slv_buf_view(r->error.stack.len ? &r->error.stack : &r->error.message)));
    return SLV_OK;
}

static void set_up(run *r)
{
    JSContextRef ctx;

    slv_rt_init(&r->rt);
    ctx = slv_js_context(r->rt.js);
    slv_js_enter(r->rt.js);
    r->reporter = JSObjectMakeFunctionWithCallback(ctx, NULL, report);
    JSValueProtect(ctx, r->reporter);
    JSObjectRef on_unhandled = JSObjectMakeFunctionWithCallback(ctx, NULL, unhandled);
    slv_js_on_unhandled(r->rt.js, on_unhandled);
    JSValueRef arg = on_unhandled;
    JSObjectRef set = slv_rt_export(&r->rt, "testing", "install");
    SLV_ASSERT(slv_js_call(r->rt.js, set, 1, &arg, NULL, NULL));
    slv_js_leave(r->rt.js);
}

static size_t test_count(run *r, JSObjectRef testing)
{
    JSContextRef ctx = slv_js_context(r->rt.js);
    JSObjectRef count = (JSObjectRef)(size_t)slv_js_get(ctx, testing, "count", NULL);
    JSValueRef n = slv_js_call(r->rt.js, count, 0, NULL, NULL, NULL);

    return n ? (size_t)JSValueToNumber(ctx, n, NULL) : 0;
}

slv_code slv_testjs_run(const slv_testjs_options *options, int count, char *const files[],
                        int *ret_failed, slv_err *err)
{
    run r = {.options = options, .error = SLV_JS_ERROR_INIT};
    slv_code code = SLV_OK;
    JSObjectRef testing;
    size_t done = 0;
    size_t tests;

    if (options->gc_stress) {
        (void)setenv("JSC_slowPathAllocsBetweenGCs", "5", 1);
        (void)setenv("JSC_scribbleFreeCells", "1", 1);
    }
    the_run = &r;
    set_up(&r);
    slv_js_enter(r.rt.js);
    testing = slv_js_load(r.rt.js, "testing", NULL);
    slv_js_leave(r.rt.js);

    printf("TAP version 13\n");
    for (int i = 0; i < count && code == SLV_OK; i++) {
        printf("# %s\n", files[i]);
        code = eval_file(&r, files[i], err);
        for (tests = test_count(&r, testing); code == SLV_OK && done < tests; done++)
            run_test(&r, testing, done);
    }
    if (code == SLV_OK)
        printf("1..%d\n", r.number);
    else
        printf("Bail out! %s\n", slv_err_text(err));
    (void)fflush(stdout);
    *ret_failed = r.failures;
    slv_js_error_done(&r.error);
    slv_rt_done(&r.rt);
    the_run = NULL;
    return code;
}
