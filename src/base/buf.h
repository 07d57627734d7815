/*
 * buf.h - slv_buf: an owned, growable run of bytes that cannot be created without a maximum.
 *
 *     SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(64 * 1024);
 *     SLV_TRY(slv_buf_append(&b, SLV_STR("hello")));
 *
 * A zeroed slv_buf is empty with limit 0: every append fails. Growing past the limit, or failing to
 * allocate, returns SLV_E_LIMIT / SLV_E_NOMEM and leaves the content as it was. Used by one thread
 * at a time.
 */
#ifndef SLV_BASE_BUF_H
#define SLV_BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

typedef struct slv_buf {
    char *ptr;
    size_t len, cap, limit;
} slv_buf;

#define SLV_BUF(limit_bytes) ((slv_buf){NULL, 0, 0, (limit_bytes)})

void slv_buf_done(slv_buf *b); /* frees; keeps the limit; may be called again */
SLV_DEFINE_CLEANUP_DONE(slv_buf, slv_buf_done);

static inline slv_str slv_buf_view(const slv_buf *b) /* until the next change of b */
{
    return (slv_str){b->ptr, b->len};
}
static inline void slv_buf_reset(slv_buf *b) /* keeps the capacity */
{
    b->len = 0;
}
/* Room for n more bytes at b->ptr + b->len. */
SLV_NODISCARD slv_code slv_buf_reserve(slv_buf *b, size_t n);
SLV_NODISCARD slv_code slv_buf_append(slv_buf *b, slv_str s);
SLV_NODISCARD slv_code slv_buf_append_byte(slv_buf *b, char c);
SLV_NODISCARD slv_code slv_buf_set(slv_buf *b, slv_str s);
SLV_NODISCARD slv_code slv_buf_printf(slv_buf *b, const char *fmt, ...) SLV_PRINTF(2, 3);
SLV_NODISCARD slv_code slv_buf_vprintf(slv_buf *b, const char *fmt, va_list ap) SLV_PRINTF(2, 0);
/* Little-endian integers, as the channel and the disk formats use them. */
SLV_NODISCARD slv_code slv_buf_append_u8(slv_buf *b, uint8_t v);
SLV_NODISCARD slv_code slv_buf_append_u16(slv_buf *b, uint16_t v);
SLV_NODISCARD slv_code slv_buf_append_u32(slv_buf *b, uint32_t v);
SLV_NODISCARD slv_code slv_buf_append_u64(slv_buf *b, uint64_t v);
/* Removes n bytes from the front (n <= len); moves the rest. */
void slv_buf_consume(slv_buf *b, size_t n);
/* Appends a NUL that does not count in len and returns the text; NULL when that fails. */
const char *slv_buf_cstr(slv_buf *b);
/* Gives the bytes away (free() them); b is empty after. */
char *slv_buf_take(slv_buf *b, size_t *ret_len);

#endif
