#include "js/js.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "js/builtins.h"
#include "js/engine_int.h"

#define LOOP_FDS_MAX 16

static slv_js *the_engine;

/* Of a DataView, or of a typed array that the C API does not know (Float16Array). */
static const char view_of_text[] =
    "(() => {\n"
    "  const getters = (of, names) => names.map(name => "
    "Function.prototype.call.bind(Object.getOwnPropertyDescriptor(of, name).get));\n"
    "  const names = ['buffer', 'byteOffset', 'byteLength'], U8 = Uint8Array;\n"
    "  const [buffer, offset, length] = getters(DataView.prototype, names);\n"
    "  const [itsBuffer, itsOffset, itsLength] = getters(Object.getPrototypeOf(U8.prototype), "
    "names);\n"
    "  const ofTyped = v => { try { return new U8(itsBuffer(v), itsOffset(v), itsLength(v)); } "
    "catch { return undefined; } };\n"
    "  return v => { try { return new U8(buffer(v), offset(v), length(v)); } catch { return "
    "ofTyped(v); } };\n"
    "})()";

slv_js *slv_js_current(void)
{
    return the_engine;
}

/* Options are read from the environment when the first VM is made; what an operator set stays. */
static void set_options(void)
{
    static const char *const options[][2] = {
        /* The engine collects by what it takes for the machine's memory. An isolate's memory is its
           limit: the nearer it comes, the less garbage may gather beside what lives. */
        {"JSC_forceRAMSize", "134217728"},
        {"JSC_smallHeapRAMFraction", "0.5"},
        {"JSC_mediumHeapRAMFraction", "0.75"},
        {"JSC_largeHeapGrowthFactor", "1.15"},
        /* A fresh context counts as a small heap, which the engine collects after each megabyte
           that it hands out: up to a third of the CPU time of a busy worker. What is idle is
           collected by us. */
        {"JSC_smallHeapSize", "16777216"},
        {"JSC_mediumHeapSize", "16777216"},
        /* A collector that runs beside JavaScript falls behind on a busy machine, and garbage
           passes any limit meanwhile. Helpers are one for a process, however large the machine. */
        {"JSC_useConcurrentGC", "0"},
        {"JSC_numberOfGCMarkers", "2"},
        /* The engine's timer for full collections asks for the process's main run loop, which an
           embedder cannot make: it would crash. So it never fires; collections are due by size,
           and we ask for one when nothing goes on. */
        {"JSC_percentCPUPerMBForFullTimer", "1e-12"},
        {"JSC_useSharedArrayBuffer", "1"}, /* the platform has the constructor */
        {"JSC_useTailCalls", "0"},         /* else `return f()` leaves no frame in stacks */
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(options); i++)
        (void)setenv(options[i][0], options[i][1], 0);
}

static JSObjectRef must_eval(slv_js *js, const char *text)
{
    JSStringRef s = JSStringCreateWithUTF8CString(text);
    JSValueRef thrown = NULL;
    JSValueRef v = JSEvaluateScript(js->ctx, s, NULL, NULL, 1, &thrown);

    JSStringRelease(s);
    SLV_ASSERT(v && !thrown);
    return (JSObjectRef)(size_t)v;
}

slv_js *slv_js_new(void)
{
    slv_js *js = slv_new0(slv_js);

    SLV_ASSERT(!the_engine);
    the_engine = js;
    set_options();
    /* Without a loop of its own, pushed before the VM exists, finalisation registries and the
       collector's timers would wait for a loop that nobody runs. */
    js->loop = g_main_context_new();
    g_main_context_push_thread_default(js->loop);
    js->ctx = JSGlobalContextCreate(NULL);
    SLV_ASSERT(js->ctx);
    slv_js_init_numbers(js->ctx);
    slv_js_init_handles(js);
    js->natives = JSObjectMake(js->ctx, NULL, NULL);
    JSValueProtect(js->ctx, js->natives);
    js->view_of = must_eval(js, view_of_text);
    JSValueProtect(js->ctx, js->view_of);
    return js;
}

slv_js *slv_js_free(slv_js *js)
{
    if (!js)
        return NULL;
    SLV_ASSERT(js->depth == 0);
    if (js->load)
        JSValueUnprotect(js->ctx, js->load);
    JSValueUnprotect(js->ctx, js->view_of);
    JSValueUnprotect(js->ctx, js->natives);
    JSGlobalContextRelease(js->ctx);
    JSClassRelease(js->handle_class);
    g_main_context_pop_thread_default(js->loop);
    g_main_context_unref(js->loop);
    the_engine = NULL;
    free(js);
    return NULL;
}

void slv_js_set_user(slv_js *js, void *user)
{
    js->user = user;
}

void *slv_js_user(slv_js *js)
{
    return js->user;
}

JSGlobalContextRef slv_js_context(slv_js *js)
{
    return js->ctx;
}

JSObjectRef slv_js_global(slv_js *js)
{
    return JSContextGetGlobalObject(js->ctx);
}

void slv_js_add_natives(slv_js *js, const slv_native *natives, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        JSStringRef name = JSStringCreateWithUTF8CString(natives[i].name);

        SLV_ASSERT(!JSObjectHasProperty(js->ctx, js->natives, name));
        JSObjectSetProperty(js->ctx, js->natives, name,
                            JSObjectMakeFunctionWithCallback(js->ctx, name, natives[i].call),
                            kJSPropertyAttributeNone, NULL);
        JSStringRelease(name);
    }
}

void slv_js_add_value(slv_js *js, const char *name, JSValueRef value)
{
    slv_js_set(js->ctx, js->natives, name, value);
}

void slv_js_enter(slv_js *js)
{
    js->depth++;
    JSLock(js->ctx);
}

void slv_js_leave(slv_js *js)
{
    SLV_ASSERT(js->depth > 0);
    js->depth--;
    JSUnlock(js->ctx);
}

void slv_js_lock(JSContextRef ctx)
{
    JSLock(ctx);
}

void slv_js_unlock(JSContextRef ctx)
{
    JSUnlock(ctx);
}

/* ---- exceptions ---- */

void slv_js_error_done(slv_js_error *e)
{
    slv_buf_done(&e->name);
    slv_buf_done(&e->message);
    slv_buf_done(&e->stack);
}

/* Cut to what out takes, at a character boundary; unlike an argument, a text for people may be cut.
 */
static void set_text(JSContextRef ctx, JSValueRef v, slv_buf *out)
{
    SLV_TEXT(t);
    JSValueRef thrown = NULL;

    slv_buf_reset(out);
    if (!v || !slv_js_text_arg(ctx, v, &t, &thrown))
        return;
    if (t.str.len > out->limit) {
        t.str.len = out->limit;
        while (t.str.len > 0 && (t.str.ptr[t.str.len] & 0xc0) == 0x80)
            t.str.len--;
    }
    if (slv_buf_set(out, t.str) != SLV_OK)
        slv_buf_reset(out);
}

static JSValueRef get_quietly(JSContextRef ctx, JSObjectRef o, const char *name)
{
    JSValueRef thrown = NULL;
    JSValueRef v = slv_js_get(ctx, o, name, &thrown);

    return thrown ? NULL : v;
}

static void describe_error(JSContextRef ctx, JSObjectRef o, slv_js_error *e)
{
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF(SLV_JS_ERROR_TEXT_MAX);
    JSValueRef name = get_quietly(ctx, o, "name");
    JSValueRef message = get_quietly(ctx, o, "message");
    JSValueRef stack = get_quietly(ctx, o, "stack");

    if (name && JSValueIsString(ctx, name))
        set_text(ctx, name, &e->name);
    if (message && JSValueIsString(ctx, message))
        set_text(ctx, message, &e->message);
    else if (e->name.len == 0)
        set_text(ctx, o, &e->message);
    if (!stack || !JSValueIsString(ctx, stack))
        return;
    set_text(ctx, stack, &raw);
    /* A stack that the program wrote itself, or that is in V8's form already, stays as it is. */
    if (slv_str_find(slv_buf_view(&raw), SLV_STR("\n    at "), 0) != SIZE_MAX) {
        set_text(ctx, stack, &e->stack);
        return;
    }
    if (slv_buf_append(&e->stack, slv_buf_view(&e->name)) != SLV_OK ||
        (e->message.len && e->name.len && slv_buf_append(&e->stack, SLV_STR(": ")) != SLV_OK) ||
        slv_buf_append(&e->stack, slv_buf_view(&e->message)) != SLV_OK ||
        slv_js_stack_frames(slv_buf_view(&raw), &e->stack) != SLV_OK)
        return; /* cut at the limit: what fitted is kept */
}

void slv_js_describe(slv_js *js, JSValueRef thrown, slv_js_error *ret_error, slv_err *err)
{
    SLV_CLEANUP(slv_js_error_done) slv_js_error own = SLV_JS_ERROR_INIT;
    slv_js_error *e = ret_error ? ret_error : &own;

    slv_buf_reset(&e->name);
    slv_buf_reset(&e->message);
    slv_buf_reset(&e->stack);
    if (JSValueIsObject(js->ctx, thrown))
        describe_error(js->ctx, (JSObjectRef)(size_t)thrown, e);
    else
        set_text(js->ctx, thrown, &e->message);
    slv_fail(err, SLV_E_JS, "%.*s%s%.*s", SLV_STR_ARGS(slv_buf_view(&e->name)),
             e->name.len ? ": " : "", SLV_STR_ARGS(slv_buf_view(&e->message)));
}

static JSValueRef result(slv_js *js, JSValueRef v, JSValueRef thrown, slv_js_error *ret_error,
                         slv_err *err)
{
    if (!thrown)
        return v;
    slv_js_describe(js, thrown, ret_error, err);
    return NULL;
}

/* ASCII is kept with one byte for a character. */
JSStringRef slv_js_source(slv_str text)
{
    JSStringRef s;
    char *copy;

    if (!slv_utf8_ascii(text) || memchr(text.ptr ? text.ptr : "", 0, text.len))
        return slv_js_jsstring(text);
    copy = slv_strndup(text.ptr ? text.ptr : "", text.len);
    s = JSStringCreateWithUTF8CString(copy);
    free(copy);
    return s;
}

JSValueRef slv_js_eval(slv_js *js, slv_str text, const char *name, int first_line,
                       slv_js_error *ret_error, slv_err *err)
{
    JSStringRef source = slv_js_source(text);
    JSStringRef url = slv_js_jsstring(slv_str_from(name));
    JSValueRef thrown = NULL;
    JSValueRef v = JSEvaluateScript(js->ctx, source, NULL, url, first_line, &thrown);

    JSStringRelease(url);
    JSStringRelease(source);
    return result(js, v, thrown, ret_error, err);
}

JSValueRef slv_js_call(slv_js *js, JSObjectRef fn, size_t argc, const JSValueRef argv[],
                       slv_js_error *ret_error, slv_err *err)
{
    JSValueRef thrown = NULL;
    JSValueRef v = JSObjectCallAsFunction(js->ctx, fn, NULL, argc, argv, &thrown);

    return result(js, v, thrown, ret_error, err);
}

/* ---- the engine's settings and its loop ---- */

void slv_js_on_unhandled(slv_js *js, JSObjectRef function)
{
    JSValueRef thrown = NULL;

    JSGlobalContextSetUnhandledRejectionCallback(js->ctx, function, &thrown);
    SLV_ASSERT(!thrown);
}

void slv_js_disable_eval(slv_js *js, const char *message)
{
    JSStringRef s = JSStringCreateWithUTF8CString(message);

    JSGlobalContextSetEvalEnabled(js->ctx, false, s);
    JSStringRelease(s);
}

void slv_js_pump(slv_js *js)
{
    SLV_ASSERT(js->depth == 0);
    while (g_main_context_iteration(js->loop, FALSE))
        continue;
}

/* The eventfd that wakes the loop is shared with the parent: a new one takes its number. */
void slv_js_after_fork(slv_js *js)
{
    GPollFD fds[LOOP_FDS_MAX];
    int timeout;
    int n = g_main_context_query(js->loop, G_MAXINT, &timeout, fds, LOOP_FDS_MAX);

    for (int i = 0; i < n && i < LOOP_FDS_MAX; i++) {
        int fresh = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

        SLV_ASSERT(fresh >= 0);
        SLV_ASSERT(dup3(fresh, fds[i].fd, O_CLOEXEC) >= 0);
        close(fresh);
    }
}

void slv_js_collect(slv_js *js)
{
    JSSynchronousGarbageCollectForDebugging(js->ctx);
}

uint64_t slv_js_heap_bytes(slv_js *js)
{
    JSObjectRef figures = JSGetMemoryUsageStatistics(js->ctx);
    JSValueRef thrown = NULL;
    JSValueRef size = figures ? slv_js_get(js->ctx, figures, "heapSize", &thrown) : NULL;
    double bytes = size && !thrown ? JSValueToNumber(js->ctx, size, &thrown) : 0;

    return bytes > 0 && !thrown ? (uint64_t)bytes : 0;
}
