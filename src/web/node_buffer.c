#include "web/node_buffer.h"

#include <stdlib.h>

#include "base/utf8.h"
#include "fmt/base64.h"
#include "fmt/sum.h"

/*
 * N.bufferFrom(string, encoding)                    Uint8Array
 * N.bufferWrite(view, string, offset, length, encoding)  bytes written
 * N.bufferText(view, start, end, encoding)          string
 * N.bufferCompare(a, b)                             -1, 0, 1
 * N.bufferIndexOf(view, needle, from, last, step)   index or -1
 * N.bufferSwap(view, 2 | 4 | 8)                     in place
 * N.bufferIs(view, 0)  ASCII, (view, 1) UTF-8
 * N.bufferUtf8Length(string)
 */

#define TEXT_MAX ((size_t)1 << 31)

/* ---- text to bytes ---- */

size_t slv_node_bytes_max(slv_node_encoding encoding, size_t units)
{
    switch (encoding) {
    case SLV_NODE_UTF8:
        return units * 3;
    case SLV_NODE_UTF16LE:
        return units * 2;
    case SLV_NODE_LATIN1:
    case SLV_NODE_ASCII:
        return units;
    case SLV_NODE_HEX:
        return units / 2;
    case SLV_NODE_BASE64:
    case SLV_NODE_BASE64URL:
        break;
    }
    return units / 4 * 3 + units % 4;
}

static size_t write_utf8(const uint16_t *units, size_t n, uint8_t *out, size_t room)
{
    size_t at = 0;

    for (size_t i = 0; i < n;) {
        uint32_t cp = units[i++];
        char bytes[4];
        size_t len;

        if (cp < 0x80) {
            if (at == room)
                break;
            out[at++] = (uint8_t)cp;
            continue;
        }
        if (cp >= 0xD800 && cp <= 0xDFFF) {
            bool pair = cp < 0xDC00 && i < n && units[i] >= 0xDC00 && units[i] <= 0xDFFF;

            cp = pair ? 0x10000 + ((cp - 0xD800) << 10) + (units[i] - 0xDC00u) : 0xFFFD;
            i += pair;
        }
        len = slv_utf8_put(cp, bytes);
        if (len > room - at)
            break;
        memcpy(out + at, bytes, len);
        at += len;
    }
    return at;
}

/* Both alphabets count; anything else but '=' is passed over, '=' ends the text. */
static int base64_value(uint16_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static size_t write_base64(const uint16_t *units, size_t n, uint8_t *out, size_t room)
{
    uint32_t bits = 0;
    size_t at = 0;
    int held = 0;

    for (size_t i = 0; i < n && units[i] != '='; i++) {
        int v = base64_value(units[i]);

        if (v < 0)
            continue;
        bits = bits << 6 | (uint32_t)v;
        held += 6;
        if (held < 8)
            continue;
        if (at == room)
            break;
        held -= 8;
        out[at++] = (uint8_t)(bits >> held);
    }
    return at;
}

static size_t write_hex(const uint16_t *units, size_t n, uint8_t *out, size_t room)
{
    size_t at = 0;

    for (size_t i = 0; i + 1 < n && at < room; i += 2) {
        int high = units[i] < 0x80 ? slv_hex_value((char)units[i]) : -1;
        int low = units[i + 1] < 0x80 ? slv_hex_value((char)units[i + 1]) : -1;

        if (high < 0 || low < 0)
            break;
        out[at++] = (uint8_t)(high << 4 | low);
    }
    return at;
}

size_t slv_node_write(slv_node_encoding encoding, const uint16_t *units, size_t n, uint8_t *out,
                      size_t room)
{
    switch (encoding) {
    case SLV_NODE_UTF8:
        return write_utf8(units, n, out, room);
    case SLV_NODE_UTF16LE:
        n = n < room / 2 ? n : room / 2;
        memcpy(out, units, n * 2);
        return n * 2;
    case SLV_NODE_LATIN1:
    case SLV_NODE_ASCII:
        n = n < room ? n : room;
        for (size_t i = 0; i < n; i++)
            out[i] = (uint8_t)units[i];
        return n;
    case SLV_NODE_HEX:
        return write_hex(units, n, out, room);
    case SLV_NODE_BASE64:
    case SLV_NODE_BASE64URL:
        break;
    }
    return write_base64(units, n, out, room);
}

static bool encoding_arg(JSContextRef ctx, JSValueRef v, slv_node_encoding *ret, JSValueRef *exc)
{
    uint32_t number;

    if (!slv_js_u32_arg(ctx, v, &number, exc))
        return false;
    SLV_ASSERT(number <= SLV_NODE_HEX);
    *ret = (slv_node_encoding)number;
    return true;
}

static JSValueRef too_long(JSContextRef ctx, JSValueRef *exc)
{
    return slv_js_throw_range(ctx, exc, "Out of memory");
}

SLV_NATIVE(native_from)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    SLV_UNITS(units);
    slv_node_encoding encoding;
    size_t max;
    uint8_t *room;

    if (!slv_js_units_arg(ctx, SLV_ARG(0), &units, exc) ||
        !encoding_arg(ctx, SLV_ARG(1), &encoding, exc))
        return NULL;
    if (encoding == SLV_NODE_UTF8) {
        if (slv_utf16_to_utf8(units.ptr, units.len, &out) != SLV_OK)
            return too_long(ctx, exc);
        return slv_js_bytes_take_buf(ctx, &out, exc);
    }
    max = slv_node_bytes_max(encoding, units.len);
    room = malloc(max ? max : 1);
    if (!room)
        return too_long(ctx, exc);
    return slv_js_bytes_take(ctx, room, slv_node_write(encoding, units.ptr, units.len, room, max),
                             exc);
}

/* [start, end) of the bytes, both clamped. */
static bool range_args(JSContextRef ctx, JSValueRef from, JSValueRef to, slv_js_bytes *bytes,
                       JSValueRef *exc)
{
    double start, end, len = (double)bytes->len;

    if (!slv_js_f64_arg(ctx, from, &start, exc) || !slv_js_f64_arg(ctx, to, &end, exc))
        return false;
    start = start > 0 ? (start < len ? start : len) : 0;
    end = end > start ? (end < len ? end : len) : start;
    bytes->ptr += (size_t)start;
    bytes->len = (size_t)end - (size_t)start;
    return true;
}

SLV_NATIVE(native_write)
{
    SLV_UNITS(units);
    slv_node_encoding encoding;
    slv_js_bytes to;
    double offset, length;

    if (!slv_js_units_arg(ctx, SLV_ARG(1), &units, exc) ||
        !slv_js_f64_arg(ctx, SLV_ARG(2), &offset, exc) ||
        !slv_js_f64_arg(ctx, SLV_ARG(3), &length, exc) ||
        !encoding_arg(ctx, SLV_ARG(4), &encoding, exc) ||
        !slv_js_bytes_arg(ctx, SLV_ARG(0), &to, exc))
        return NULL;
    if (!(offset >= 0 && length >= 0 && offset <= (double)to.len))
        return slv_js_num(ctx, 0);
    to.ptr += (size_t)offset;
    to.len -= (size_t)offset;
    if (length < (double)to.len)
        to.len = (size_t)length;
    return slv_js_num(ctx, (double)slv_node_write(encoding, units.ptr, units.len, to.ptr, to.len));
}

SLV_NATIVE(native_utf8_length)
{
    SLV_UNITS(units);
    size_t n = 0;

    if (!slv_js_units_arg(ctx, SLV_ARG(0), &units, exc))
        return NULL;
    for (size_t i = 0; i < units.len; i++) {
        uint16_t u = units.ptr[i];
        bool pair = u >= 0xD800 && u < 0xDC00 && i + 1 < units.len && units.ptr[i + 1] >= 0xDC00 &&
                    units.ptr[i + 1] <= 0xDFFF;

        n += u < 0x80 ? 1 : u < 0x800 ? 2 : pair ? 4 : 3;
        i += pair;
    }
    return slv_js_num(ctx, (double)n);
}

/* ---- bytes to text ---- */

static JSValueRef text_ascii(JSContextRef ctx, slv_str bytes, JSValueRef *exc)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);

    for (size_t i = 0; i < bytes.len; i++)
        if (slv_buf_append_byte(&out, (char)(bytes.ptr[i] & 0x7f)) != SLV_OK)
            return too_long(ctx, exc);
    return slv_js_string_latin1(ctx, slv_buf_view(&out));
}

static JSValueRef text_utf16(JSContextRef ctx, slv_str bytes, JSValueRef *exc)
{
    uint16_t *units;
    JSValueRef text;

    if (((uintptr_t)bytes.ptr & 1) == 0)
        return slv_js_string_units(ctx, (const uint16_t *)(const void *)bytes.ptr, bytes.len / 2);
    units = malloc(bytes.len + 1); /* of nothing it may be NULL */
    if (!units)
        return too_long(ctx, exc);
    memcpy(units, bytes.ptr, bytes.len / 2 * 2);
    text = slv_js_string_units(ctx, units, bytes.len / 2);
    free(units);
    return text;
}

static JSValueRef text_encoded(JSContextRef ctx, slv_str bytes, slv_node_encoding encoding,
                               JSValueRef *exc)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    slv_code code;

    if (encoding == SLV_NODE_HEX)
        code = slv_hex_append(&out, bytes);
    else
        code = slv_base64_encode(
            bytes, encoding == SLV_NODE_BASE64 ? SLV_BASE64_STD : SLV_BASE64_URL, &out);
    return code == SLV_OK ? slv_js_string_latin1(ctx, slv_buf_view(&out)) : too_long(ctx, exc);
}

SLV_NATIVE(native_text)
{
    slv_node_encoding encoding;
    slv_js_bytes bytes;
    slv_str s;

    if (!encoding_arg(ctx, SLV_ARG(3), &encoding, exc) ||
        !slv_js_bytes_arg(ctx, SLV_ARG(0), &bytes, exc) ||
        !range_args(ctx, SLV_ARG(1), SLV_ARG(2), &bytes, exc))
        return NULL;
    s = slv_js_bytes_str(bytes);
    switch (encoding) {
    case SLV_NODE_UTF8:
        return slv_js_string(ctx, s);
    case SLV_NODE_UTF16LE:
        return text_utf16(ctx, s, exc);
    case SLV_NODE_LATIN1:
        return slv_js_string_latin1(ctx, s);
    case SLV_NODE_ASCII:
        return text_ascii(ctx, s, exc);
    case SLV_NODE_BASE64:
    case SLV_NODE_BASE64URL:
    case SLV_NODE_HEX:
        break;
    }
    return text_encoded(ctx, s, encoding, exc);
}

/* ---- bytes and bytes ---- */

SLV_NATIVE(native_compare)
{
    slv_js_bytes a, b;
    int order;

    if (!slv_js_bytes_arg(ctx, SLV_ARG(0), &a, exc) || !slv_js_bytes_arg(ctx, SLV_ARG(1), &b, exc))
        return NULL;
    order = slv_str_cmp(slv_js_bytes_str(a), slv_js_bytes_str(b));
    return slv_js_num(ctx, order < 0 ? -1 : order > 0);
}

static size_t last_index(slv_str haystack, slv_str needle, size_t from, size_t step)
{
    for (size_t at = from / step * step + step; at > 0;) {
        at -= step;
        if (memcmp(haystack.ptr + at, needle.ptr, needle.len) == 0)
            return at;
    }
    return SIZE_MAX;
}

size_t slv_node_index_of(slv_str haystack, slv_str needle, size_t from, bool last, size_t step)
{
    size_t end;

    if (needle.len > haystack.len || needle.len == 0 || needle.len % step)
        return SIZE_MAX;
    end = haystack.len - needle.len;
    if (last)
        return last_index(haystack, needle, from < end ? from : end, step);
    while (from <= end) {
        const char *found =
            memmem(haystack.ptr + from, haystack.len - from, needle.ptr, needle.len);

        if (!found)
            break;
        from = (size_t)(found - haystack.ptr);
        if (from % step == 0)
            return from;
        from++;
    }
    return SIZE_MAX;
}

SLV_NATIVE(native_index_of)
{
    slv_js_bytes haystack, needle;
    double from;
    uint32_t step;
    size_t at;

    if (!slv_js_f64_arg(ctx, SLV_ARG(2), &from, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(4), &step, exc) ||
        !slv_js_bytes_arg(ctx, SLV_ARG(0), &haystack, exc) ||
        !slv_js_bytes_arg(ctx, SLV_ARG(1), &needle, exc))
        return NULL;
    SLV_ASSERT((step == 1 || step == 2) && from >= 0);
    at = slv_node_index_of(slv_js_bytes_str(haystack), slv_js_bytes_str(needle), (size_t)from,
                           JSValueToBoolean(ctx, SLV_ARG(3)), step);
    return slv_js_num(ctx, at == SIZE_MAX ? -1 : (double)at);
}

SLV_NATIVE(native_swap)
{
    slv_js_bytes bytes;
    uint32_t width;

    if (!slv_js_u32_arg(ctx, SLV_ARG(1), &width, exc) ||
        !slv_js_bytes_arg(ctx, SLV_ARG(0), &bytes, exc))
        return NULL;
    SLV_ASSERT(width == 2 || width == 4 || width == 8);
    for (size_t i = 0; i + width <= bytes.len; i += width)
        for (size_t k = 0; k < width / 2; k++) {
            uint8_t held = bytes.ptr[i + k];

            bytes.ptr[i + k] = bytes.ptr[i + width - 1 - k];
            bytes.ptr[i + width - 1 - k] = held;
        }
    return slv_js_undefined(ctx);
}

SLV_NATIVE(native_is)
{
    slv_js_bytes bytes;
    uint32_t what;

    if (!slv_js_u32_arg(ctx, SLV_ARG(1), &what, exc) ||
        !slv_js_bytes_arg(ctx, SLV_ARG(0), &bytes, exc))
        return NULL;
    return slv_js_bool(ctx, what ? slv_utf8_valid(slv_js_bytes_str(bytes))
                                 : slv_utf8_ascii(slv_js_bytes_str(bytes)));
}

static const slv_native buffer_natives[] = {
    {"bufferFrom", native_from},
    {"bufferWrite", native_write},
    {"bufferText", native_text},
    {"bufferCompare", native_compare},
    {"bufferIndexOf", native_index_of},
    {"bufferSwap", native_swap},
    {"bufferIs", native_is},
    {"bufferUtf8Length", native_utf8_length},
};

void slv_web_node_buffer_register(slv_js *js)
{
    slv_js_add_natives(js, buffer_natives, SLV_ARRAY_LEN(buffer_natives));
}
