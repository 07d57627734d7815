#include "base/buf.h"

#include <stdio.h>

#include "base/mem.h"

void slv_buf_done(slv_buf *b)
{
    free(b->ptr);
    b->ptr = NULL;
    b->len = b->cap = 0;
}

slv_code slv_buf_reserve(slv_buf *b, size_t n)
{
    size_t need, cap;
    char *p;

    if (__builtin_add_overflow(b->len, n, &need) || need > b->limit)
        return SLV_E_LIMIT;
    if (need <= b->cap)
        return SLV_OK;
    cap = SLV_MAX(b->cap * 2, (size_t)64);
    cap = SLV_MIN(SLV_MAX(cap, need), b->limit);
    p = slv_try_realloc(b->ptr, cap);
    if (!p)
        return SLV_E_NOMEM;
    b->ptr = p;
    b->cap = cap;
    return SLV_OK;
}

slv_code slv_buf_append(slv_buf *b, slv_str s)
{
    SLV_TRY(slv_buf_reserve(b, s.len));
    if (s.len > 0)
        memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
    return SLV_OK;
}

slv_code slv_buf_append_byte(slv_buf *b, char c)
{
    return slv_buf_append(b, slv_str_make(&c, 1));
}

slv_code slv_buf_set(slv_buf *b, slv_str s)
{
    size_t old = b->len;

    b->len = 0;
    slv_code code = slv_buf_append(b, s);
    if (code != SLV_OK)
        b->len = old;
    return code;
}

slv_code slv_buf_vprintf(slv_buf *b, const char *fmt, va_list ap)
{
    va_list again;

    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return SLV_E_INVAL;
    /* vsnprintf wants room for its NUL, which must not count against the limit */
    size_t room = (size_t)n + 1;
    size_t limit = b->limit;
    if (limit - b->len < (size_t)n)
        return SLV_E_LIMIT;
    b->limit = limit + 1;
    slv_code code = slv_buf_reserve(b, room);
    b->limit = limit;
    SLV_TRY(code);
    (void)vsnprintf(b->ptr + b->len, room, fmt, ap);
    b->len += (size_t)n;
    return SLV_OK;
}

slv_code slv_buf_printf(slv_buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    slv_code code = slv_buf_vprintf(b, fmt, ap);
    va_end(ap);
    return code;
}

slv_code slv_buf_append_u8(slv_buf *b, uint8_t v)
{
    return slv_buf_append(b, slv_str_make(&v, 1));
}

slv_code slv_buf_append_u16(slv_buf *b, uint16_t v)
{
    const unsigned char le[2] = {(unsigned char)v, (unsigned char)(v >> 8)};

    return slv_buf_append(b, slv_str_make(le, sizeof le));
}

slv_code slv_buf_append_u32(slv_buf *b, uint32_t v)
{
    const unsigned char le[4] = {(unsigned char)v, (unsigned char)(v >> 8),
                                 (unsigned char)(v >> 16), (unsigned char)(v >> 24)};

    return slv_buf_append(b, slv_str_make(le, sizeof le));
}

slv_code slv_buf_append_u64(slv_buf *b, uint64_t v)
{
    SLV_TRY(slv_buf_reserve(b, 8));
    for (int i = 0; i < 8; i++)
        b->ptr[b->len + (size_t)i] = (char)(unsigned char)(v >> (8 * i));
    b->len += 8;
    return SLV_OK;
}

void slv_buf_consume(slv_buf *b, size_t n)
{
    SLV_ASSERT(n <= b->len);
    b->len -= n;
    if (b->len > 0 && n > 0)
        memmove(b->ptr, b->ptr + n, b->len);
}

const char *slv_buf_cstr(slv_buf *b)
{
    size_t limit = b->limit;

    b->limit = limit == SIZE_MAX ? limit : limit + 1;
    slv_code code = slv_buf_reserve(b, 1);
    b->limit = limit;
    if (code != SLV_OK)
        return NULL;
    b->ptr[b->len] = '\0';
    return b->ptr;
}

char *slv_buf_take(slv_buf *b, size_t *ret_len)
{
    char *p = b->ptr;

    *ret_len = b->len;
    b->ptr = NULL;
    b->len = b->cap = 0;
    return p;
}
