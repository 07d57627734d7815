#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "js/engine_int.h"

/* The engine's own converters stop at lone surrogates and lose whole strings to one bad byte, and
   are several times slower than these: most text is ASCII, and ASCII is a widening or a narrowing
   of eight units at a time. */

typedef uint16_t u16x8 __attribute__((vector_size(16), aligned(2)));
typedef uint8_t u8x8 __attribute__((vector_size(8), aligned(1)));

#define STACK_UNITS 512

static void widen(const char *in, size_t len, uint16_t *out)
{
    size_t i = 0;

    for (; i + 8 <= len; i += 8) {
        u8x8 v;

        memcpy(&v, in + i, sizeof v);
        u16x8 w = __builtin_convertvector(v, u16x8);
        memcpy(out + i, &w, sizeof w);
    }
    for (; i < len; i++)
        out[i] = (uint8_t)in[i];
}

/* Copies units below 0x100 to bytes; returns the bitwise or of all units. */
static uint16_t narrow(const uint16_t *in, size_t len, char *out)
{
    u16x8 seen = {0};
    uint16_t all = 0;
    size_t i = 0;

    for (; i + 8 <= len; i += 8) {
        u16x8 w;

        memcpy(&w, in + i, sizeof w);
        seen |= w;
        u8x8 v = __builtin_convertvector(w, u8x8);
        memcpy(out + i, &v, sizeof v);
    }
    for (; i < len; i++) {
        all |= in[i];
        out[i] = (char)in[i];
    }
    for (int k = 0; k < 8; k++)
        all |= seen[k];
    return all;
}

static bool has_lone_surrogate(const uint16_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((p[i] & 0xf800) != 0xd800)
            continue;
        if (p[i] >= 0xdc00 || i + 1 == len || (p[i + 1] & 0xfc00) != 0xdc00)
            return true;
        i++;
    }
    return false;
}

bool slv_js_units_arg(JSContextRef ctx, JSValueRef v, slv_js_units *ret, JSValueRef *exc)
{
    JSStringRef s = JSValueToStringCopy(ctx, v, exc);

    if (!s)
        return false;
    ret->held = s;
    ret->ptr = (const uint16_t *)JSStringGetCharactersPtr(s);
    ret->len = JSStringGetLength(s);
    return true;
}

void slv_js_units_done(slv_js_units *u)
{
    if (u->held)
        JSStringRelease(u->held);
    u->held = NULL;
}

bool slv_js_text_arg(JSContextRef ctx, JSValueRef v, slv_js_text *ret, JSValueRef *exc)
{
    SLV_UNITS(u);
    char *out = ret->small;
    SLV_CLEANUP(slv_buf_done) slv_buf wide = {0};

    ret->heap = NULL;
    ret->replaced = false;
    if (!slv_js_units_arg(ctx, v, &u, exc))
        return false;
    if (u.len > sizeof ret->small) {
        out = ret->heap = slv_try_alloc(u.len);
        if (!out)
            goto no_memory;
    }
    if (narrow(u.ptr, u.len, out) < 0x80) {
        ret->str = slv_str_make(out, u.len);
        return true;
    }

    wide.limit = u.len * 3;
    if (slv_buf_reserve(&wide, u.len * 3) != SLV_OK ||
        slv_utf16_to_utf8(u.ptr, u.len, &wide) != SLV_OK)
        goto no_memory;
    ret->replaced = has_lone_surrogate(u.ptr, u.len);
    free(ret->heap);
    ret->heap = slv_buf_take(&wide, &ret->str.len);
    ret->str.ptr = ret->heap;
    return true;

no_memory:
    free(ret->heap);
    ret->heap = NULL;
    slv_js_throw_range(ctx, exc, "Out of memory");
    return false;
}

void slv_js_text_done(slv_js_text *t)
{
    free(t->heap);
    t->heap = NULL;
    t->str = SLV_STR_NULL;
}

bool slv_js_append_arg(JSContextRef ctx, JSValueRef v, slv_buf *out, JSValueRef *exc)
{
    SLV_UNITS(u);
    slv_code code;

    if (!slv_js_units_arg(ctx, v, &u, exc))
        return false;
    code = slv_buf_reserve(out, u.len);
    if (code == SLV_OK) {
        if (narrow(u.ptr, u.len, out->ptr + out->len) < 0x80)
            out->len += u.len;
        else
            code = slv_utf16_to_utf8(u.ptr, u.len, out);
    }
    if (code == SLV_OK)
        return true;
    slv_js_throw_range(ctx, exc, "%s",
                       code == SLV_E_NOMEM ? "Out of memory" : "String is too long");
    return false;
}

bool slv_js_latin1_arg(JSContextRef ctx, JSValueRef v, slv_buf *out, JSValueRef *exc)
{
    SLV_UNITS(u);

    if (!slv_js_units_arg(ctx, v, &u, exc))
        return false;
    if (slv_buf_reserve(out, u.len) != SLV_OK) {
        slv_js_throw_range(ctx, exc, "String is too long");
        return false;
    }
    if (narrow(u.ptr, u.len, out->ptr + out->len) >= 0x100)
        return false;
    out->len += u.len;
    return true;
}

JSStringRef slv_js_widen(const char *ptr, size_t len)
{
    SLV_UNINITIALIZED uint16_t small[STACK_UNITS];
    uint16_t *units = small;
    JSStringRef s;

    if (len == 0)
        return JSStringCreateWithCharacters(NULL, 0);
    if (len > STACK_UNITS)
        units = slv_alloc(len * sizeof *units);
    widen(ptr, len, units);
    s = JSStringCreateWithCharacters((const JSChar *)units, len);
    if (units != small)
        free(units);
    return s;
}

JSStringRef slv_js_jsstring(slv_str utf8)
{
    SLV_UNINITIALIZED uint16_t small[STACK_UNITS];
    uint16_t *units = small;
    JSStringRef s;
    size_t n;

    if (slv_utf8_ascii(utf8))
        return slv_js_widen(utf8.ptr, utf8.len);
    if (utf8.len > STACK_UNITS) /* never more units than bytes */
        units = slv_alloc(utf8.len * sizeof *units);
    n = slv_utf8_to_utf16(utf8, units);
    s = JSStringCreateWithCharacters((const JSChar *)units, n);
    if (units != small)
        free(units);
    return s;
}

static JSValueRef give(JSContextRef ctx, JSStringRef s)
{
    JSValueRef v = JSValueMakeString(ctx, s);

    JSStringRelease(s);
    return v;
}

JSValueRef slv_js_string(JSContextRef ctx, slv_str utf8)
{
    return give(ctx, slv_js_jsstring(utf8));
}

JSValueRef slv_js_string_latin1(JSContextRef ctx, slv_str bytes)
{
    return give(ctx, slv_js_widen(bytes.ptr, bytes.len));
}

JSValueRef slv_js_string_units(JSContextRef ctx, const uint16_t *units, size_t len)
{
    return give(ctx, JSStringCreateWithCharacters((const JSChar *)units, len));
}
