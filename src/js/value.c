#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "js/builtins.h"
#include "js/engine_int.h"

#define SAFE_INTEGER 9007199254740991.0

/* ---- numbers ---- */

/* Nearly all arguments of natives are small integers, and a call of the API for each costs more
   than the rest of a small native. The engine writes such a value as the integer below 32 bits of
   tag; how is not documented, so it is looked at once, and where it is otherwise the API does it.
 */
static uintptr_t int_tag;

#define TAG_BITS (~(uintptr_t)UINT32_MAX)
#define TAG_UNKNOWN ((uintptr_t)1) /* matches nothing: it has a bit that is no tag's */

void slv_js_init_numbers(JSContextRef ctx)
{
    static const int32_t probes[] = {0, 1, 2, 77, 65536, INT32_MAX, -1, INT32_MIN};
    uintptr_t tag = (uintptr_t)JSValueMakeNumber(ctx, 0) & TAG_BITS;

    int_tag = TAG_UNKNOWN;
    if (sizeof(uintptr_t) != 8 || tag == 0)
        return;
    for (size_t i = 0; i < SLV_ARRAY_LEN(probes); i++) {
        if ((uintptr_t)JSValueMakeNumber(ctx, probes[i]) != (tag | (uint32_t)probes[i]))
            return;
    }
    if (((uintptr_t)JSValueMakeNumber(ctx, 0.5) & TAG_BITS) != tag)
        int_tag = tag;
}

static bool small_integer(JSValueRef v, int32_t *ret)
{
    if (((uintptr_t)v & TAG_BITS) != int_tag)
        return false;
    *ret = (int32_t)(uint32_t)(uintptr_t)v;
    return true;
}

/* JSValueToNumber reports failure only by the exception. */
bool slv_js_f64_arg(JSContextRef ctx, JSValueRef v, double *ret, JSValueRef *exc)
{
    JSValueRef thrown = NULL;
    int32_t small;
    double n;

    if (SLV_LIKELY(small_integer(v, &small))) {
        *ret = small;
        return true;
    }
    n = JSValueToNumber(ctx, v, &thrown);
    if (thrown) {
        *exc = thrown;
        return false;
    }
    *ret = n;
    return true;
}

bool slv_js_i32_arg(JSContextRef ctx, JSValueRef v, int32_t *ret, JSValueRef *exc)
{
    JSValueRef thrown = NULL;
    int32_t n;

    if (SLV_LIKELY(small_integer(v, ret)))
        return true;
    n = JSValueToInt32(ctx, v, &thrown);
    if (thrown) {
        *exc = thrown;
        return false;
    }
    *ret = n;
    return true;
}

bool slv_js_u32_arg(JSContextRef ctx, JSValueRef v, uint32_t *ret, JSValueRef *exc)
{
    JSValueRef thrown = NULL;
    int32_t small;
    uint32_t n;

    if (SLV_LIKELY(small_integer(v, &small))) {
        *ret = (uint32_t)small;
        return true;
    }
    n = JSValueToUInt32(ctx, v, &thrown);
    if (thrown) {
        *exc = thrown;
        return false;
    }
    *ret = n;
    return true;
}

bool slv_js_size_arg(JSContextRef ctx, JSValueRef v, const char *what, uint64_t *ret,
                     JSValueRef *exc)
{
    double n;

    if (!slv_js_f64_arg(ctx, v, &n, exc))
        return false;
    if (!(n >= 0 && n <= SAFE_INTEGER) || n != floor(n)) {
        slv_js_throw_range(ctx, exc, "%s must be an integer from 0 to 2^53-1", what);
        return false;
    }
    *ret = (uint64_t)n;
    return true;
}

/* ---- bytes ---- */

static bool array_buffer_bytes(JSContextRef ctx, JSObjectRef o, slv_js_bytes *ret, JSValueRef *exc)
{
    JSValueRef thrown = NULL;

    ret->ptr = JSObjectGetArrayBufferBytesPtr(ctx, o, &thrown);
    ret->len = thrown ? 0 : JSObjectGetArrayBufferByteLength(ctx, o, &thrown);
    if (!thrown)
        return true;
    *exc = thrown;
    return false;
}

static bool typed_array_bytes(JSContextRef ctx, JSObjectRef o, slv_js_bytes *ret, JSValueRef *exc)
{
    JSValueRef thrown = NULL;
    uint8_t *base = JSObjectGetTypedArrayBytesPtr(ctx, o, &thrown);
    size_t offset = thrown ? 0 : JSObjectGetTypedArrayByteOffset(ctx, o, &thrown);
    size_t len = thrown ? 0 : JSObjectGetTypedArrayByteLength(ctx, o, &thrown);

    if (thrown) {
        *exc = thrown;
        return false;
    }
    ret->ptr = base ? base + offset : NULL; /* base is the buffer's start, NULL when detached */
    ret->len = base ? len : 0;
    return true;
}

/* The C API does not know DataView and Float16Array; JavaScript turns one into a Uint8Array over
 * the same bytes. */
static JSObjectRef other_view_bytes(JSContextRef ctx, JSValueRef v)
{
    JSValueRef thrown = NULL;
    JSValueRef u8 =
        JSObjectCallAsFunction(ctx, slv_js_current()->view_of, NULL, 1, (JSValueRef[]){v}, &thrown);

    return !thrown && JSValueIsObject(ctx, u8) ? (JSObjectRef)(size_t)u8 : NULL;
}

bool slv_js_bytes_arg(JSContextRef ctx, JSValueRef v, slv_js_bytes *ret, JSValueRef *exc)
{
    JSTypedArrayType type = JSValueGetTypedArrayType(ctx, v, NULL);
    JSObjectRef view;

    if (type == kJSTypedArrayTypeArrayBuffer)
        return array_buffer_bytes(ctx, (JSObjectRef)(size_t)v, ret, exc);
    if (type != kJSTypedArrayTypeNone)
        return typed_array_bytes(ctx, (JSObjectRef)(size_t)v, ret, exc);
    view = JSValueIsObject(ctx, v) ? other_view_bytes(ctx, v) : NULL;
    if (view)
        return typed_array_bytes(ctx, view, ret, exc);
    slv_js_throw_type(ctx, exc, "value is not an ArrayBuffer or a view of one");
    return false;
}

bool slv_js_is_bytes(JSContextRef ctx, JSValueRef v)
{
    if (!JSValueIsObject(ctx, v))
        return false;
    return JSValueGetTypedArrayType(ctx, v, NULL) != kJSTypedArrayTypeNone ||
           other_view_bytes(ctx, v);
}

static void release_malloc(void *ptr, void *arg)
{
    (void)arg;
    free(ptr);
}

JSValueRef slv_js_bytes_take_with(JSContextRef ctx, void *ptr, size_t len,
                                  void (*release)(void *ptr, void *arg), void *arg, JSValueRef *exc)
{
    if (len ==
        0) { /* the engine wants a pointer for a NoCopy buffer, and there is nothing to keep */
        if (ptr)
            release(ptr, arg);
        return JSObjectMakeTypedArray(ctx, kJSTypedArrayTypeUint8Array, 0, exc);
    }
    return JSObjectMakeTypedArrayWithBytesNoCopy(ctx, kJSTypedArrayTypeUint8Array, ptr, len,
                                                 release, arg, exc);
}

JSValueRef slv_js_bytes_take(JSContextRef ctx, void *ptr, size_t len, JSValueRef *exc)
{
    return slv_js_bytes_take_with(ctx, ptr, len, release_malloc, NULL, exc);
}

JSValueRef slv_js_bytes_take_buf(JSContextRef ctx, slv_buf *b, JSValueRef *exc)
{
    size_t len;
    char *ptr = slv_buf_take(b, &len);

    return slv_js_bytes_take(ctx, ptr, len, exc);
}

JSValueRef slv_js_bytes_copy(JSContextRef ctx, slv_str bytes, JSValueRef *exc)
{
    void *copy;

    if (bytes.len == 0)
        return JSObjectMakeTypedArray(ctx, kJSTypedArrayTypeUint8Array, 0, exc);
    copy = slv_try_alloc(bytes.len);
    if (!copy)
        return slv_js_throw_range(ctx, exc, "Out of memory");
    memcpy(copy, bytes.ptr, bytes.len);
    return slv_js_bytes_take(ctx, copy, bytes.len, exc);
}

/* ---- objects ---- */

JSValueRef slv_js_get(JSContextRef ctx, JSObjectRef object, const char *name, JSValueRef *exc)
{
    JSStringRef s = JSStringCreateWithUTF8CString(name);
    JSValueRef v = JSObjectGetProperty(ctx, object, s, exc);

    JSStringRelease(s);
    return v;
}

void slv_js_set(JSContextRef ctx, JSObjectRef object, const char *name, JSValueRef value)
{
    JSStringRef s = JSStringCreateWithUTF8CString(name);

    JSObjectSetProperty(ctx, object, s, value, kJSPropertyAttributeNone, NULL);
    JSStringRelease(s);
}

JSObjectRef slv_js_array(JSContextRef ctx, size_t count, const JSValueRef values[])
{
    return JSObjectMakeArray(ctx, count, values, NULL);
}

/* ---- handles ---- */

typedef struct handle {
    const slv_handle_kind *kind;
    void *ptr; /* NULL: closed */
} handle;

static void finalize_handle(JSObjectRef object)
{
    handle *h = JSObjectGetPrivate(object);

    if (!h)
        return;
    if (h->ptr)
        h->kind->free(h->ptr);
    free(h);
}

void slv_js_init_handles(slv_js *js)
{
    JSClassDefinition def = kJSClassDefinitionEmpty;

    def.className = "Handle";
    def.attributes = kJSClassAttributeNoAutomaticPrototype;
    def.finalize = finalize_handle;
    js->handle_class = JSClassCreate(&def);
}

JSValueRef slv_js_handle(JSContextRef ctx, const slv_handle_kind *kind, void *ptr, size_t bytes)
{
    handle *h = slv_new0(handle);

    h->kind = kind;
    h->ptr = ptr;
    if (bytes)
        JSReportExtraMemoryCost(ctx, bytes);
    return JSObjectMake(ctx, slv_js_current()->handle_class, h);
}

static handle *handle_of(JSContextRef ctx, JSValueRef v, const slv_handle_kind *kind)
{
    handle *h;

    if (!JSValueIsObjectOfClass(ctx, v, slv_js_current()->handle_class))
        return NULL;
    h = JSObjectGetPrivate((JSObjectRef)(size_t)v);
    return h && h->kind == kind ? h : NULL;
}

void *slv_js_handle_arg(JSContextRef ctx, JSValueRef v, const slv_handle_kind *kind,
                        JSValueRef *exc)
{
    handle *h = handle_of(ctx, v, kind);

    if (h && h->ptr)
        return h->ptr;
    slv_js_throw_type(ctx, exc, h ? "this %s is closed" : "value is not a %s", kind->name);
    return NULL;
}

void slv_js_handle_close(JSContextRef ctx, JSValueRef v, const slv_handle_kind *kind)
{
    handle *h = handle_of(ctx, v, kind);

    if (!h || !h->ptr)
        return;
    h->kind->free(SLV_STEAL(h->ptr));
}

/* ---- throwing ---- */

/* Constructs `global.class(message[, extra])`; user code may have replaced the global, so the
   intrinsics are asked for through the built-ins once those are up. */
static JSValueRef construct(JSContextRef ctx, const char *class, slv_str message, const char *extra)
{
    JSValueRef thrown = NULL;
    JSObjectRef errors = NULL;
    JSValueRef made = NULL;
    JSValueRef args[2];
    JSValueRef make;

    if (slv_js_current()->load)
        errors = slv_js_load(slv_js_current(), extra ? "errors" : "primordials", &thrown);
    if (!errors)
        errors = JSContextGetGlobalObject(ctx);
    thrown = NULL;
    make = slv_js_get(ctx, errors, class, &thrown);
    args[0] = slv_js_string(ctx, message);
    args[1] = slv_js_string(ctx, slv_str_from(extra));
    if (!thrown && JSValueIsObject(ctx, make))
        made =
            JSObjectCallAsConstructor(ctx, (JSObjectRef)(size_t)make, extra ? 2 : 1, args, &thrown);
    if (made && !thrown)
        return made;
    return JSObjectMakeError(ctx, 1, args, NULL);
}

SLV_PRINTF(5, 0)
static JSValueRef throw_v(JSContextRef ctx, JSValueRef *exc, const char *class, const char *extra,
                          const char *fmt, va_list ap)
{
    slv_err e;

    (void)vsnprintf(e.message, sizeof e.message, fmt, ap);
    *exc = construct(ctx, class, slv_str_from(e.message), extra);
    return NULL;
}

JSValueRef slv_js_throw_error(JSContextRef ctx, JSValueRef *exc, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    throw_v(ctx, exc, "Error", NULL, fmt, ap);
    va_end(ap);
    return NULL;
}

JSValueRef slv_js_throw_type(JSContextRef ctx, JSValueRef *exc, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    throw_v(ctx, exc, "TypeError", NULL, fmt, ap);
    va_end(ap);
    return NULL;
}

JSValueRef slv_js_throw_range(JSContextRef ctx, JSValueRef *exc, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    throw_v(ctx, exc, "RangeError", NULL, fmt, ap);
    va_end(ap);
    return NULL;
}

JSValueRef slv_js_throw_dom(JSContextRef ctx, JSValueRef *exc, const char *name, const char *fmt,
                            ...)
{
    va_list ap;

    va_start(ap, fmt);
    throw_v(ctx, exc, "DOMException", name, fmt, ap);
    va_end(ap);
    return NULL;
}

JSValueRef slv_js_throw_err(JSContextRef ctx, JSValueRef *exc, const slv_err *err)
{
    const char *class = "Error";

    if (err->code == SLV_E_INVAL || err->code == SLV_E_PARSE)
        class = "TypeError";
    else if (err->code == SLV_E_LIMIT || err->code == SLV_E_NOMEM)
        class = "RangeError";
    *exc = construct(ctx, class, slv_str_from(slv_err_text(err)), NULL);
    return NULL;
}
