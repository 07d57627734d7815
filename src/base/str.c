#include "base/str.h"

bool slv_str_eq_nocase(slv_str a, slv_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (slv_ascii_lower(a.ptr[i]) != slv_ascii_lower(b.ptr[i]))
            return false;
    return true;
}

bool slv_str_starts(slv_str s, slv_str prefix)
{
    return s.len >= prefix.len && slv_str_eq(slv_str_sub(s, 0, prefix.len), prefix);
}

bool slv_str_ends(slv_str s, slv_str suffix)
{
    return s.len >= suffix.len && slv_str_eq(slv_str_skip(s, s.len - suffix.len), suffix);
}

int slv_str_cmp(slv_str a, slv_str b)
{
    size_t n = SLV_MIN(a.len, b.len);
    int c = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;

    if (c != 0)
        return c;
    return a.len < b.len ? -1 : a.len > b.len;
}

size_t slv_str_find(slv_str s, slv_str needle, size_t from)
{
    if (from > s.len || needle.len > s.len - from)
        return SIZE_MAX;
    if (needle.len == 0)
        return from;
    const char *hit = memmem(s.ptr + from, s.len - from, needle.ptr, needle.len);
    return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

size_t slv_str_chr(slv_str s, char c, size_t from)
{
    if (from >= s.len)
        return SIZE_MAX;
    const char *hit = memchr(s.ptr + from, c, s.len - from);
    return hit ? (size_t)(hit - s.ptr) : SIZE_MAX;
}

size_t slv_str_rchr(slv_str s, char c)
{
    for (size_t i = s.len; i > 0; i--)
        if (s.ptr[i - 1] == c)
            return i - 1;
    return SIZE_MAX;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

slv_str slv_str_trim(slv_str s)
{
    while (s.len > 0 && is_space(s.ptr[0]))
        s = slv_str_skip(s, 1);
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

bool slv_str_split(slv_str *rest, char sep, slv_str *ret_head)
{
    if (!rest->ptr)
        return false;
    size_t at = slv_str_chr(*rest, sep, 0);
    if (at == SIZE_MAX) {
        *ret_head = *rest;
        *rest = SLV_STR_NULL;
    } else {
        *ret_head = slv_str_sub(*rest, 0, at);
        *rest = slv_str_skip(*rest, at + 1);
    }
    return true;
}

slv_code slv_parse_u64(slv_str s, uint64_t *ret)
{
    uint64_t v = 0;

    if (s.len == 0)
        return SLV_E_PARSE;
    for (size_t i = 0; i < s.len; i++) {
        if (!slv_is_digit(s.ptr[i]))
            return SLV_E_PARSE;
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v))
            return SLV_E_LIMIT;
    }
    *ret = v;
    return SLV_OK;
}

slv_code slv_parse_i64(slv_str s, int64_t *ret)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    uint64_t v;

    SLV_TRY(slv_parse_u64(negative ? slv_str_skip(s, 1) : s, &v));
    if (v > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return SLV_E_LIMIT;
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return SLV_OK;
}

slv_code slv_parse_hex_u64(slv_str s, uint64_t *ret)
{
    uint64_t v = 0;

    if (s.len == 0)
        return SLV_E_PARSE;
    if (s.len > 16)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < s.len; i++) {
        int d = slv_hex_value(s.ptr[i]);

        if (d < 0)
            return SLV_E_PARSE;
        v = v << 4 | (uint64_t)d;
    }
    *ret = v;
    return SLV_OK;
}
