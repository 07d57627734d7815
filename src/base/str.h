/*
 * str.h - slv_str: a borrowed run of bytes {ptr, len}, passed by value. May contain NUL, need not
 * be UTF-8, is not NUL-terminated. Who owns the bytes, and until when, is said where a slv_str is
 * handed out. Any thread.
 */
#ifndef SLV_BASE_STR_H
#define SLV_BASE_STR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

typedef struct slv_str {
    const char *ptr;
    size_t len;
} slv_str;

#define SLV_STR(literal) ((slv_str){"" literal, sizeof(literal) - 1})
#define SLV_STR_NULL ((slv_str){NULL, 0})
/* printf("%.*s", SLV_STR_ARGS(s)) */
#define SLV_STR_ARGS(s) ((int)(s).len), ((s).ptr ? (s).ptr : "")

static inline slv_str slv_str_make(const void *ptr, size_t len)
{
    return (slv_str){(const char *)ptr, len};
}
static inline slv_str slv_str_from(const char *cstr)
{
    return (slv_str){cstr, cstr ? strlen(cstr) : 0};
}
static inline bool slv_str_eq(slv_str a, slv_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
static inline bool slv_str_is(slv_str a, const char *cstr)
{
    return slv_str_eq(a, slv_str_from(cstr));
}
/* Bytes from position from to before position to, both clamped to the length. */
static inline slv_str slv_str_sub(slv_str s, size_t from, size_t to)
{
    if (to > s.len)
        to = s.len;
    if (from > to)
        from = to;
    return (slv_str){from ? s.ptr + from : s.ptr, to - from}; /* nothing is added to NULL */
}
static inline slv_str slv_str_skip(slv_str s, size_t n)
{
    return slv_str_sub(s, n, s.len);
}

bool slv_str_eq_nocase(slv_str a, slv_str b); /* ASCII letters only */
bool slv_str_starts(slv_str s, slv_str prefix);
bool slv_str_ends(slv_str s, slv_str suffix);
int slv_str_cmp(slv_str a, slv_str b); /* byte order, shorter first */
/* Position of the first occurrence at or after from; SIZE_MAX when there is none. */
size_t slv_str_find(slv_str s, slv_str needle, size_t from);
size_t slv_str_chr(slv_str s, char c, size_t from);
size_t slv_str_rchr(slv_str s, char c);
/* Without leading and trailing space, tab, CR, LF. */
slv_str slv_str_trim(slv_str s);
/* Splits at the first sep: *ret_head is what stands before it, *rest what follows (rest.ptr NULL
   after the last piece). False when rest is exhausted (rest->ptr == NULL). */
bool slv_str_split(slv_str *rest, char sep, slv_str *ret_head);
/* Decimal digits only, the whole of s. SLV_E_PARSE otherwise, SLV_E_LIMIT on overflow. */
SLV_NODISCARD slv_code slv_parse_u64(slv_str s, uint64_t *ret);
SLV_NODISCARD slv_code slv_parse_i64(slv_str s, int64_t *ret);
SLV_NODISCARD slv_code slv_parse_hex_u64(slv_str s, uint64_t *ret);

static inline char slv_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}
static inline bool slv_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool slv_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
/* -1 when c is no hexadecimal digit. */
static inline int slv_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

#endif
