/*
 * bytes.h - a cursor that reads little-endian integers and counted strings from bytes a stranger
 * sent.
 *
 * Reading past the end sets `bad` and yields zeroes, so that a decoder checks once, at its end. Any
 * thread.
 */
#ifndef SLV_BASE_BYTES_H
#define SLV_BASE_BYTES_H

#include "base/str.h"

typedef struct slv_reader {
    slv_str rest;
    bool bad;
} slv_reader;

static inline slv_reader slv_reader_make(slv_str s)
{
    return (slv_reader){s, false};
}
static inline slv_str slv_read_bytes(slv_reader *r, size_t n) /* borrows from the input */
{
    if (n > r->rest.len) {
        r->bad = true;
        r->rest.len = 0;
        return SLV_STR_NULL;
    }
    slv_str s = slv_str_sub(r->rest, 0, n);
    r->rest = slv_str_skip(r->rest, n);
    return s;
}
static inline uint64_t slv_read_le_(slv_reader *r, size_t n)
{
    slv_str s = slv_read_bytes(r, n);
    uint64_t v = 0;

    for (size_t i = s.len; i > 0; i--)
        v = v << 8 | (unsigned char)s.ptr[i - 1];
    return v;
}
static inline uint8_t slv_read_u8(slv_reader *r)
{
    return (uint8_t)slv_read_le_(r, 1);
}
static inline uint16_t slv_read_u16(slv_reader *r)
{
    return (uint16_t)slv_read_le_(r, 2);
}
static inline uint32_t slv_read_u32(slv_reader *r)
{
    return (uint32_t)slv_read_le_(r, 4);
}
static inline uint64_t slv_read_u64(slv_reader *r)
{
    return slv_read_le_(r, 8);
}
/* A u32 length, then that many bytes. */
static inline slv_str slv_read_str(slv_reader *r)
{
    return slv_read_bytes(r, slv_read_u32(r));
}
/* True when nothing was read past the end and nothing is left over. */
static inline bool slv_reader_end(const slv_reader *r)
{
    return !r->bad && r->rest.len == 0;
}

#endif
