#include <math.h>

#include "base/utf8.h"
#include "rt/rt_int.h"

#define I64_SAFE 9007199254740992.0

/* A length that is filled in once the bytes behind it are known. */
static bool begin_length(slv_buf *out, size_t *ret_at)
{
    *ret_at = out->len;
    return slv_buf_append_u32(out, 0) == SLV_OK;
}

static void end_length(slv_buf *out, size_t at)
{
    uint32_t len = (uint32_t)(out->len - at - 4);

    memcpy(out->ptr + at, &len, sizeof len); /* little-endian machines only */
}

static bool out_of_room(JSContextRef ctx, JSValueRef *exc)
{
    slv_js_throw_range(ctx, exc, "Out of memory");
    return false;
}

bool slv_rt_put_text(JSContextRef ctx, JSValueRef v, slv_buf *out, JSValueRef *exc)
{
    size_t at;

    if (!begin_length(out, &at))
        return out_of_room(ctx, exc);
    if (!slv_js_append_arg(ctx, v, out, exc))
        return false;
    end_length(out, at);
    return true;
}

bool slv_rt_put_bytes(JSContextRef ctx, JSValueRef v, slv_buf *out, JSValueRef *exc)
{
    slv_js_bytes b;

    if (JSValueIsString(ctx, v))
        return slv_rt_put_text(ctx, v, out, exc);
    if (!slv_js_bytes_arg(ctx, v, &b, exc))
        return false;
    if (b.len > UINT32_MAX || slv_buf_append_u32(out, (uint32_t)b.len) != SLV_OK ||
        slv_buf_append(out, slv_js_bytes_str(b)) != SLV_OK)
        return out_of_room(ctx, exc);
    return true;
}

/* ---- capabilities ---- */

/* Flat array [kind, number, …]. The numbers are of streams that JavaScript has opened already. */
static bool put_caps(JSContextRef ctx, JSValueRef v, slv_buf *out, JSValueRef *exc)
{
    JSObjectRef array = (JSObjectRef)(size_t)v;
    uint32_t n = 0;

    if (!JSValueIsObject(ctx, v)) {
        slv_js_throw_type(ctx, exc, "capabilities are an array");
        return false;
    }
    if (!slv_js_u32_arg(ctx, slv_js_get(ctx, array, "length", exc), &n, exc))
        return false;
    if (n / 2 > UINT16_MAX || slv_buf_append_u16(out, (uint16_t)(n / 2)) != SLV_OK)
        return out_of_room(ctx, exc);
    for (uint32_t i = 0; i + 1 < n; i += 2) {
        uint32_t kind;
        uint32_t number;

        if (!slv_js_u32_arg(ctx, JSObjectGetPropertyAtIndex(ctx, array, i, exc), &kind, exc) ||
            !slv_js_u32_arg(ctx, JSObjectGetPropertyAtIndex(ctx, array, i + 1, exc), &number, exc))
            return false;
        if (slv_buf_append_u8(out, (uint8_t)kind) != SLV_OK ||
            slv_buf_append_u32(out, number) != SLV_OK)
            return out_of_room(ctx, exc);
    }
    return true;
}

static JSValueRef get_caps(slv_rt *rt, JSContextRef ctx, slv_reader *r, rt_event *event)
{
    uint16_t count = slv_read_u16(r);
    JSObjectRef array = slv_js_array(ctx, 0, NULL);

    for (unsigned i = 0; i < count && !r->bad; i++) {
        uint8_t kind = slv_read_u8(r);
        uint32_t number = slv_read_u32(r);

        if (!r->bad && kind == SLV_CAP_READ && number != 0)
            slv_rt_stream_open(rt, RT_STREAM_IN, number, event);
        else if (!r->bad && kind == SLV_CAP_SOCKET && number != 0)
            slv_rt_stream_open(rt, RT_STREAM_SOCKET, number, event);
        JSObjectSetPropertyAtIndex(ctx, array, 2 * i, slv_js_num(ctx, kind), NULL);
        JSObjectSetPropertyAtIndex(ctx, array, 2 * i + 1, slv_js_num(ctx, number), NULL);
    }
    return array;
}

/* ---- fields ---- */

static bool put_number(JSContextRef ctx, char letter, JSValueRef v, slv_buf *out, JSValueRef *exc)
{
    slv_code code = SLV_E_INVAL;
    double n;

    if (!slv_js_f64_arg(ctx, v, &n, exc))
        return false;
    if (n != trunc(n) || fabs(n) > I64_SAFE || (n < 0 && letter != 'q')) {
        slv_js_throw_range(ctx, exc, "a field of an operation is out of range");
        return false;
    }
    if (letter == 'b' && n <= UINT8_MAX)
        code = slv_buf_append_u8(out, (uint8_t)n);
    else if (letter == 'h' && n <= UINT16_MAX)
        code = slv_buf_append_u16(out, (uint16_t)n);
    else if (letter == 'q')
        code = slv_buf_append_u64(out, (uint64_t)(int64_t)n);
    else if (letter != 'b' && letter != 'h' && n <= UINT32_MAX)
        code = slv_buf_append_u32(out, (uint32_t)n);
    if (code == SLV_OK)
        return true;
    slv_js_throw_range(ctx, exc, "a field of an operation is out of range");
    return false;
}

bool slv_rt_wire_put(JSContextRef ctx, const char *format, size_t count, const JSValueRef values[],
                     slv_buf *out, JSValueRef *exc)
{
    for (size_t i = 0; format[i]; i++) {
        JSValueRef v = i < count ? values[i] : slv_js_undefined(ctx);
        bool ok;

        switch (format[i]) {
        case 's':
            ok = slv_rt_put_text(ctx, v, out, exc);
            break;
        case 'y':
            ok = slv_rt_put_bytes(ctx, v, out, exc);
            break;
        case 'c':
            ok = put_caps(ctx, v, out, exc);
            break;
        default:
            ok = put_number(ctx, format[i], v, out, exc);
            break;
        }
        if (!ok)
            return false;
    }
    return true;
}

bool slv_rt_wire_put_array(JSContextRef ctx, const char *format, JSValueRef array, slv_buf *out,
                           JSValueRef *exc)
{
    JSObjectRef list = (JSObjectRef)(size_t)array;
    JSValueRef values[SLV_RT_ARRAY_MAX];
    size_t count = strlen(format);

    SLV_ASSERT(count <= SLV_RT_ARRAY_MAX && JSValueIsObject(ctx, array));
    for (unsigned i = 0; i < count; i++) {
        values[i] = JSObjectGetPropertyAtIndex(ctx, list, i, exc);
        if (!values[i])
            return false;
    }
    return slv_rt_wire_put(ctx, format, count, values, out, exc);
}

static JSValueRef get_stream(slv_rt *rt, JSContextRef ctx, slv_reader *r, rt_stream_kind kind,
                             rt_event *event)
{
    uint32_t number = slv_read_u32(r);

    if (number && !r->bad)
        slv_rt_stream_open(rt, kind, number, event);
    return slv_js_num(ctx, number);
}

/* u32 count, u32 each */
static JSValueRef get_numbers(JSContextRef ctx, slv_reader *r)
{
    uint32_t count = slv_read_u32(r);
    JSObjectRef array = slv_js_array(ctx, 0, NULL);

    for (uint32_t i = 0; i < count && !r->bad; i++)
        JSObjectSetPropertyAtIndex(ctx, array, i, slv_js_num(ctx, slv_read_u32(r)), NULL);
    return array;
}

/* u16 count, str each */
static JSValueRef get_texts(JSContextRef ctx, slv_reader *r)
{
    unsigned count = slv_read_u16(r);
    JSObjectRef array = slv_js_array(ctx, 0, NULL);

    for (unsigned i = 0; i < count && !r->bad; i++)
        JSObjectSetPropertyAtIndex(ctx, array, i, slv_js_string(ctx, slv_read_str(r)), NULL);
    return array;
}

/* Up to this a string costs the engine less than an array of bytes, which has a buffer for the
 * collector to free; a long one costs more, as it is copied twice at two bytes a character. */
#define BODY_TEXT_MAX ((size_t)512)

JSValueRef slv_rt_body_value(slv_rt *rt, JSContextRef ctx, slv_str bytes)
{
    if (bytes.len == 0)
        return rt->empty;
    return bytes.len <= BODY_TEXT_MAX && slv_utf8_ascii(bytes)
               ? slv_js_string_latin1(ctx, bytes)
               : slv_js_bytes_copy(ctx, bytes, NULL);
}

static JSValueRef get_field(slv_rt *rt, JSContextRef ctx, char letter, slv_reader *r,
                            rt_event *event)
{
    switch (letter) {
    case 'b':
        return slv_js_num(ctx, slv_read_u8(r));
    case 'h':
        return slv_js_num(ctx, slv_read_u16(r));
    case 'w':
        return slv_js_num(ctx, slv_read_u32(r));
    case 'q':
        return slv_js_num(ctx, (double)(int64_t)slv_read_u64(r));
    case 's': {
        slv_str text = slv_read_str(r);

        return text.len > 0 ? slv_js_string(ctx, text) : rt->empty;
    }
    case 'y':
        return slv_js_bytes_copy(ctx, slv_read_str(r), NULL);
    case 'a':
        return slv_rt_body_value(rt, ctx, slv_read_str(r));
    case 'r':
        return get_stream(rt, ctx, r, RT_STREAM_IN, event);
    case 'v':
        return get_stream(rt, ctx, r, RT_STREAM_OUT, event);
    case 'k':
        return get_stream(rt, ctx, r, RT_STREAM_SOCKET, event);
    case 'c':
        return get_caps(rt, ctx, r, event);
    case 'n':
        return get_numbers(ctx, r);
    case 't':
        return get_texts(ctx, r);
    default:
        SLV_UNREACHABLE();
    }
}

JSObjectRef slv_rt_wire_get(slv_rt *rt, JSContextRef ctx, const char *format, slv_str payload,
                            rt_event *event)
{
    JSValueRef fields[SLV_RT_FORMAT_MAX];
    slv_reader r = slv_reader_make(payload);
    size_t n = 0;

    for (; format[n]; n++) {
        fields[n] = get_field(rt, ctx, format[n], &r, event);
        if (!fields[n])
            fields[n] = slv_js_undefined(ctx); /* no memory for the bytes */
    }
    return slv_reader_end(&r) ? slv_js_array(ctx, n, fields) : NULL;
}
