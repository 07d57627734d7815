/*
 * utf8.h - UTF-8 and UTF-16 as the WHATWG encoding standard decodes them: maximal-subpart
 * replacement with U+FFFD, lone surrogates become U+FFFD on the way out. Explicit lengths, NUL is a
 * character. Any thread.
 */
#ifndef SLV_BASE_UTF8_H
#define SLV_BASE_UTF8_H

#include "base/buf.h"

bool slv_utf8_valid(slv_str s);
bool slv_utf8_ascii(slv_str s); /* all bytes below 0x80 */
/* Decodes one code point at *pos and advances; 0xFFFD and the right step for what is malformed.
 * *pos < s.len. */
uint32_t slv_utf8_next(slv_str s, size_t *pos, bool *ret_malformed);
/* Number of bytes written to out[4]. cp must be a scalar value. */
size_t slv_utf8_put(uint32_t cp, char out[4]);
/* UTF-16 units that s decodes to. */
size_t slv_utf16_len(slv_str s);
/* Decodes into out (room for slv_utf16_len(s) units); returns units written. */
size_t slv_utf8_to_utf16(slv_str s, uint16_t *out);
/* Appends units as UTF-8. */
SLV_NODISCARD slv_code slv_utf16_to_utf8(const uint16_t *units, size_t n, slv_buf *out);

#endif
