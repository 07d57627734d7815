/*
 * native.h - how C functions are offered to the built-in JavaScript: tables, arguments, strings,
 * bytes, errors.
 *
 * A native is a plain JavaScriptCore callback, written with SLV_NATIVE, listed in a table and
 * registered before the built-ins are evaluated. The built-in JavaScript sees it as a property of
 * N. Natives do one flat thing over integers, strings and bytes; JavaScript owns API shape and
 * error texts.
 *
 *     SLV_NATIVE(native_hex)                       // N.hex(bytes) -> string
 *     {
 *         slv_js_bytes in;
 *
 *         if (!slv_js_bytes_arg(ctx, SLV_ARG(0), &in, exc))
 *             return NULL;
 *         ...
 *         return slv_js_string(ctx, slv_buf_view(&out));
 *     }
 *     static const slv_native hex_natives[] = {{"hex", native_hex}};
 *     void slv_web_hex_register(slv_js *js) { slv_js_add_natives(js, hex_natives,
 * SLV_ARRAY_LEN(hex_natives)); }
 *
 * Threads: everything here runs on the one thread of the engine. Only deallocators given to
 * slv_js_bytes_take_with may run on another thread. Ownership: JSValueRef and JSObjectRef live on
 * the C stack (the collector scans it) or in a protected reference (JSValueProtect), never bare in
 * a heap struct. Errors: a function that can throw takes `exc` and returns false or NULL after
 * setting *exc; the native returns NULL.
 */
#ifndef SLV_JS_NATIVE_H
#define SLV_JS_NATIVE_H

#include <JavaScriptCore/JavaScript.h>

#include "base/buf.h"
#include "base/str.h"

typedef struct slv_js slv_js; /* the engine, see js/js.h */

#define SLV_NATIVE_PARAMETERS                                                                      \
    JSContextRef ctx, SLV_UNUSED JSObjectRef callee, SLV_UNUSED JSObjectRef self,                  \
        SLV_UNUSED size_t argc, SLV_UNUSED const JSValueRef argv[], SLV_UNUSED JSValueRef *exc

/* The engine gives its lock up around every callback, and each call of its API takes it again:
   that costs more than most natives do. So it is taken once for the whole native. */
#define SLV_NATIVE(name)                                                                           \
    static JSValueRef name##_locked(SLV_NATIVE_PARAMETERS);                                        \
    static JSValueRef name(SLV_NATIVE_PARAMETERS)                                                  \
    {                                                                                              \
        JSValueRef result;                                                                         \
                                                                                                   \
        slv_js_lock(ctx);                                                                          \
        result = name##_locked(ctx, callee, self, argc, argv, exc);                                \
        slv_js_unlock(ctx);                                                                        \
        return result;                                                                             \
    }                                                                                              \
    static JSValueRef name##_locked(SLV_NATIVE_PARAMETERS)
/* A native whose usual way takes and returns nothing but small integers, booleans and undefined,
   which need no lock. It may call the API; each call then locks by itself. */
#define SLV_NATIVE_BRIEF(name) static JSValueRef name(SLV_NATIVE_PARAMETERS)

void slv_js_lock(JSContextRef ctx); /* nests; for SLV_NATIVE */
void slv_js_unlock(JSContextRef ctx);

/* Argument i, undefined when it was not given. */
#define SLV_ARG(i) ((i) < argc ? argv[(i)] : JSValueMakeUndefined(ctx))

typedef struct slv_native {
    const char *name; /* the property of N */
    JSObjectCallAsFunctionCallback call;
} slv_native;

/* Before the built-ins are evaluated. The table must be static. A name that is taken asserts. */
void slv_js_add_natives(slv_js *js, const slv_native *natives, size_t count);
/* N.name = value, for what is no function. */
void slv_js_add_value(slv_js *js, const char *name, JSValueRef value);
/* The engine of this process (there is one). */
slv_js *slv_js_current(void);

/* ---- plain values ---- */

static inline JSValueRef slv_js_undefined(JSContextRef ctx)
{
    return JSValueMakeUndefined(ctx);
}
static inline JSValueRef slv_js_null(JSContextRef ctx)
{
    return JSValueMakeNull(ctx);
}
static inline JSValueRef slv_js_bool(JSContextRef ctx, bool b)
{
    return JSValueMakeBoolean(ctx, b);
}
static inline JSValueRef slv_js_num(JSContextRef ctx, double n)
{
    return JSValueMakeNumber(ctx, n);
}
/* Arguments. Numbers follow ToNumber and ToInt32/ToUint32; an object with valueOf may run user code
 * and throw. */
SLV_NODISCARD bool slv_js_f64_arg(JSContextRef ctx, JSValueRef v, double *ret, JSValueRef *exc);
SLV_NODISCARD bool slv_js_i32_arg(JSContextRef ctx, JSValueRef v, int32_t *ret, JSValueRef *exc);
SLV_NODISCARD bool slv_js_u32_arg(JSContextRef ctx, JSValueRef v, uint32_t *ret, JSValueRef *exc);
/* An integer from 0 to 2^53-1; anything else throws a RangeError that names `what`. */
SLV_NODISCARD bool slv_js_size_arg(JSContextRef ctx, JSValueRef v, const char *what, uint64_t *ret,
                                   JSValueRef *exc);

/* A buffer on the stack that is written before it is read: the compiler need not clear it on each
 * call. */
#define SLV_UNINITIALIZED __attribute__((uninitialized))

/* ---- strings in ---- */

/* UTF-8 of a JavaScript string (lone surrogates become U+FFFD). View: valid until slv_js_text_done.
 */
typedef struct slv_js_text {
    slv_str str;
    bool replaced; /* a lone surrogate was replaced */
    char *heap;
    char small[256];
} slv_js_text;

/* ToString(v), converted. Declare the text with SLV_TEXT below. */
SLV_NODISCARD bool slv_js_text_arg(JSContextRef ctx, JSValueRef v, slv_js_text *ret,
                                   JSValueRef *exc);
void slv_js_text_done(slv_js_text *t);
SLV_DEFINE_CLEANUP_DONE(slv_js_text, slv_js_text_done);
/* SLV_TEXT(name); declares a text that frees itself. */
#define SLV_TEXT(name)                                                                             \
    SLV_CLEANUP(slv_js_text_done) SLV_UNINITIALIZED slv_js_text name;                              \
    name.heap = NULL;                                                                              \
    name.str = SLV_STR_NULL

/* The UTF-16 units of ToString(v), NUL and lone surrogates intact, not copied. View: valid until
 * slv_js_units_done. */
typedef struct slv_js_units {
    const uint16_t *ptr;
    size_t len;
    JSStringRef held;
} slv_js_units;

SLV_NODISCARD bool slv_js_units_arg(JSContextRef ctx, JSValueRef v, slv_js_units *ret,
                                    JSValueRef *exc);
void slv_js_units_done(slv_js_units *u);
SLV_DEFINE_CLEANUP_DONE(slv_js_units, slv_js_units_done);
#define SLV_UNITS(name) SLV_CLEANUP(slv_js_units_done) slv_js_units name = {NULL, 0, NULL}

/* Each unit as one byte (a "binary string"); false without exception when a unit is above 255.
 * Appends to out. */
SLV_NODISCARD bool slv_js_latin1_arg(JSContextRef ctx, JSValueRef v, slv_buf *out, JSValueRef *exc);
/* Appends the UTF-8 of ToString(v) to out; a limit that is hit throws a RangeError. */
SLV_NODISCARD bool slv_js_append_arg(JSContextRef ctx, JSValueRef v, slv_buf *out, JSValueRef *exc);

/* ---- strings out ---- */

/* From UTF-8; what is malformed becomes U+FFFD as the encoding standard says. */
JSValueRef slv_js_string(JSContextRef ctx, slv_str utf8);
JSValueRef slv_js_string_latin1(JSContextRef ctx, slv_str bytes); /* byte n becomes U+00nn */
JSValueRef slv_js_string_units(JSContextRef ctx, const uint16_t *units, size_t len);
/* A JSStringRef of UTF-8 text: the caller releases it. */
JSStringRef slv_js_jsstring(slv_str utf8);

/* ---- bytes ---- */

/* Bytes of an ArrayBuffer or any view of one (DataView included). The view is valid until
   JavaScript runs again. Reading them pins the buffer: it can never be detached after, so what must
   detach does so (transfer()) before. */
typedef struct slv_js_bytes {
    uint8_t *ptr;
    size_t len;
} slv_js_bytes;

/* Anything else throws a TypeError ("…is not an ArrayBuffer or a view of one"). A detached buffer
 * has no bytes. */
SLV_NODISCARD bool slv_js_bytes_arg(JSContextRef ctx, JSValueRef v, slv_js_bytes *ret,
                                    JSValueRef *exc);
static inline slv_str slv_js_bytes_str(slv_js_bytes b)
{
    return slv_str_make(b.ptr, b.len);
}
/* True when v is an ArrayBuffer or a view. */
bool slv_js_is_bytes(JSContextRef ctx, JSValueRef v);

/* Uint8Array with a copy. Out of memory throws a RangeError. */
JSValueRef slv_js_bytes_copy(JSContextRef ctx, slv_str bytes, JSValueRef *exc);
/* Uint8Array over malloc()ed memory that it then owns, also when it fails. */
JSValueRef slv_js_bytes_take(JSContextRef ctx, void *ptr, size_t len, JSValueRef *exc);
/* The content of b without a copy; b is empty after. */
JSValueRef slv_js_bytes_take_buf(JSContextRef ctx, slv_buf *b, JSValueRef *exc);
/* The same for memory of another kind; release(ptr, arg) may run on any thread and must not touch
 * JavaScript. */
JSValueRef slv_js_bytes_take_with(JSContextRef ctx, void *ptr, size_t len,
                                  void (*release)(void *ptr, void *arg), void *arg,
                                  JSValueRef *exc);

/* ---- objects ---- */

/* Property `name` (ASCII) of an object; undefined when absent. */
JSValueRef slv_js_get(JSContextRef ctx, JSObjectRef object, const char *name, JSValueRef *exc);
void slv_js_set(JSContextRef ctx, JSObjectRef object, const char *name, JSValueRef value);
JSObjectRef slv_js_array(JSContextRef ctx, size_t count, const JSValueRef values[]);
/* Array of two to a handful of results: return SLV_TUPLE(ctx, a, b, c); */
#define SLV_TUPLE(ctx, ...)                                                                        \
    slv_js_array((ctx), sizeof((JSValueRef[]){__VA_ARGS__}) / sizeof(JSValueRef),                  \
                 (JSValueRef[]){__VA_ARGS__})

/* ---- handles: a C object that JavaScript holds and the collector frees ---- */

/* One static instance for each kind of handle; its address is the kind. */
typedef struct slv_handle_kind {
    const char *name;
    void (*free)(void *ptr); /* runs inside the collector: must not touch JavaScript */
} slv_handle_kind;

/* Takes ptr. `bytes` tells the collector what the object weighs (0: little). */
JSValueRef slv_js_handle(JSContextRef ctx, const slv_handle_kind *kind, void *ptr, size_t bytes);
/* The object, or NULL with a TypeError when v is no handle of this kind or was closed. */
void *slv_js_handle_arg(JSContextRef ctx, JSValueRef v, const slv_handle_kind *kind,
                        JSValueRef *exc);
/* Frees the object now; the handle is closed. Nothing when v is no such handle. */
void slv_js_handle_close(JSContextRef ctx, JSValueRef v, const slv_handle_kind *kind);

/* ---- throwing: each sets *exc and returns NULL, so that a native can `return
 * slv_js_throw_type(…);` ---- */

JSValueRef slv_js_throw_error(JSContextRef ctx, JSValueRef *exc, const char *fmt, ...)
    SLV_PRINTF(3, 4);
JSValueRef slv_js_throw_type(JSContextRef ctx, JSValueRef *exc, const char *fmt, ...)
    SLV_PRINTF(3, 4);
JSValueRef slv_js_throw_range(JSContextRef ctx, JSValueRef *exc, const char *fmt, ...)
    SLV_PRINTF(3, 4);
/* A DOMException (export DOMException of jslib/errors.js) of that name, e.g. "DataError". */
JSValueRef slv_js_throw_dom(JSContextRef ctx, JSValueRef *exc, const char *name, const char *fmt,
                            ...) SLV_PRINTF(4, 5);
/* By err->code: E_INVAL, E_PARSE TypeError; E_LIMIT, E_NOMEM RangeError; the rest Error. */
JSValueRef slv_js_throw_err(JSContextRef ctx, JSValueRef *exc, const slv_err *err);

#endif
