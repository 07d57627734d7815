/*
 * scan_int.h - the place of a parser in its text, with line and column. Private to fmt.
 */
#ifndef SLV_FMT_SCAN_INT_H
#define SLV_FMT_SCAN_INT_H

#include "base/str.h"

typedef struct slv_scan {
    slv_str text;
    size_t at;
    uint32_t line;     /* of at, from 1 */
    size_t line_start; /* offset of the first byte of the line */
    size_t col_at;     /* col is the column of this offset */
    uint32_t col;
} slv_scan;

static inline slv_scan slv_scan_make(slv_str text) /* past a byte order mark */
{
    size_t start = slv_str_starts(text, SLV_STR("\xEF\xBB\xBF")) ? 3 : 0;

    return (slv_scan){text, start, 1, start, start, 1};
}
/* The byte at `ahead` from here, -1 past the end. */
static inline int slv_scan_peek(const slv_scan *s, size_t ahead)
{
    return s->at + ahead < s->text.len ? (unsigned char)s->text.ptr[s->at + ahead] : -1;
}
static inline bool slv_scan_sees(const slv_scan *s, const char *word)
{
    return slv_str_starts(slv_str_skip(s->text, s->at), slv_str_from(word));
}
/* Call when at is the first byte of a new line. */
static inline void slv_scan_newline(slv_scan *s)
{
    s->line++;
    s->line_start = s->at;
}
/* Column of an offset of the line. Mostly asked for in ascending order, so that one long line costs
 * one pass. */
static inline uint32_t slv_scan_col(slv_scan *s, size_t at)
{
    if (s->col_at < s->line_start || s->col_at > at) {
        s->col_at = s->line_start;
        s->col = 1;
    }
    for (; s->col_at < at; s->col_at++)
        s->col += ((unsigned char)s->text.ptr[s->col_at] & 0xC0) != 0x80;
    return s->col;
}

#endif
