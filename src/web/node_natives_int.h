/* node_natives_int.h - arguments and results that the natives of node_*_natives.c share. Private to
 * them. */
#ifndef SLV_WEB_NODE_NATIVES_INT_H
#define SLV_WEB_NODE_NATIVES_INT_H

#include "web/node_natives.h"

/* Bytes; undefined gives ptr NULL. */
static inline bool node_bytes(JSContextRef ctx, JSValueRef v, slv_str *ret, JSValueRef *exc)
{
    static const char nothing[1];
    slv_js_bytes bytes;

    *ret = SLV_STR_NULL;
    if (JSValueIsUndefined(ctx, v))
        return true;
    if (!slv_js_bytes_arg(ctx, v, &bytes, exc))
        return false;
    *ret = bytes.len ? slv_js_bytes_str(bytes) : slv_str_make(nothing, 0);
    return true;
}

/* Text, freed with `text`; undefined gives ptr NULL. */
static inline bool node_text(JSContextRef ctx, JSValueRef v, slv_js_text *text, slv_str *ret,
                             JSValueRef *exc)
{
    *ret = SLV_STR_NULL;
    if (JSValueIsUndefined(ctx, v))
        return true;
    if (!slv_js_text_arg(ctx, v, text, exc))
        return false;
    *ret = text->str;
    return true;
}

/* A number that JavaScript has checked, or `otherwise` for undefined. */
static inline bool node_number(JSContextRef ctx, JSValueRef v, double otherwise, double *ret,
                               JSValueRef *exc)
{
    *ret = otherwise;
    return JSValueIsUndefined(ctx, v) || slv_js_f64_arg(ctx, v, ret, exc);
}

/* Throws what failed, as node_crypto.h says. */
static inline JSValueRef node_throw(JSContextRef ctx, slv_code code, const slv_err *err,
                                    JSValueRef *exc)
{
    if (code == SLV_E_NOMEM)
        return slv_js_throw_range(ctx, exc, "Out of memory");
    if (code == SLV_E_LIMIT)
        return slv_js_throw_range(ctx, exc, "%s",
                                  err->message[0] ? err->message : "Memory limit exceeded");
    if (code == SLV_E_INVAL)
        return slv_js_throw_type(ctx, exc, "%s", err->message);
    return slv_js_throw_error(ctx, exc, "%s",
                              err->message[0] ? err->message : "The operation failed");
}

/* The bytes that were made, or the error. */
static inline JSValueRef node_made(JSContextRef ctx, slv_code code, slv_buf *out,
                                   const slv_err *err, JSValueRef *exc)
{
    return code == SLV_OK ? slv_js_bytes_take_buf(ctx, out, exc) : node_throw(ctx, code, err, exc);
}

#endif
