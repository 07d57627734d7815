/*
 * clone.c - natives of jslib/clone.js: strings in and out of a serialised value.
 *
 * Positions come from our own JavaScript, but the bytes that are read may be anybody's: every range
 * is checked.
 */
#include "web/clone.h"

#include <string.h>

static bool range_arg(JSContextRef ctx, slv_js_bytes view, JSValueRef at, uint64_t need,
                      uint64_t *ret_at, JSValueRef *exc)
{
    if (!slv_js_size_arg(ctx, at, "position", ret_at, exc))
        return false;
    if (*ret_at > view.len || need > view.len - *ret_at) {
        slv_js_throw_range(ctx, exc, "clone: outside of the bytes");
        return false;
    }
    return true;
}

/* cloneLatin1(string, bytes, at) -> whether every unit is one byte; what it wrote counts only then
 */
SLV_NATIVE(clone_latin1)
{
    SLV_UNITS(units);
    slv_js_bytes out;
    uint64_t at;

    if (!slv_js_units_arg(ctx, SLV_ARG(0), &units, exc) ||
        !slv_js_bytes_arg(ctx, SLV_ARG(1), &out, exc) ||
        !range_arg(ctx, out, SLV_ARG(2), units.len, &at, exc))
        return NULL;
    uint8_t *to = out.ptr + at;
    unsigned seen = 0;
    for (size_t i = 0; i < units.len; i++) {
        seen |= units.ptr[i];
        to[i] = (uint8_t)units.ptr[i];
    }
    return slv_js_bool(ctx, seen <= 0xff);
}

/* cloneUnits(string, bytes, at): UTF-16, little-endian */
SLV_NATIVE(clone_units)
{
    SLV_UNITS(units);
    slv_js_bytes out;
    uint64_t at;

    if (!slv_js_units_arg(ctx, SLV_ARG(0), &units, exc) ||
        !slv_js_bytes_arg(ctx, SLV_ARG(1), &out, exc) ||
        !range_arg(ctx, out, SLV_ARG(2), (uint64_t)units.len * 2, &at, exc))
        return NULL;
    if (units.len)
        memcpy(out.ptr + at, units.ptr, units.len * 2);
    return slv_js_undefined(ctx);
}

/* cloneText(bytes, at, length, wide) -> string of that many units */
SLV_NATIVE(clone_text)
{
    slv_js_bytes in;
    uint64_t at, length;
    bool wide = JSValueToBoolean(ctx, SLV_ARG(3));

    if (!slv_js_bytes_arg(ctx, SLV_ARG(0), &in, exc) ||
        !slv_js_size_arg(ctx, SLV_ARG(2), "length", &length, exc) ||
        !range_arg(ctx, in, SLV_ARG(1), wide ? length * 2 : length, &at, exc))
        return NULL;
    const uint8_t *from = in.ptr + at;
    if (!wide)
        return slv_js_string_latin1(ctx, slv_str_make(from, (size_t)length));

    uint16_t small[256];
    SLV_CLEANUP(slv_buf_done) slv_buf big = SLV_BUF((size_t)1 << 31);
    uint16_t *units = small;
    if (length > SLV_ARRAY_LEN(small)) { /* the bytes may lie at an odd address */
        if (slv_buf_reserve(&big, (size_t)length * 2) != SLV_OK)
            return slv_js_throw_range(ctx, exc, "Out of memory");
        units = (uint16_t *)(void *)big.ptr;
    }
    if (length)
        memcpy(units, from, (size_t)length * 2);
    return slv_js_string_units(ctx, units, (size_t)length);
}

static const slv_native clone_natives[] = {
    {"cloneLatin1", clone_latin1},
    {"cloneUnits", clone_units},
    {"cloneText", clone_text},
};

void slv_web_clone_register(slv_js *js)
{
    slv_js_add_natives(js, clone_natives, SLV_ARRAY_LEN(clone_natives));
}
