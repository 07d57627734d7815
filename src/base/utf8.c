#include "base/utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

bool slv_utf8_ascii(slv_str s)
{
    size_t i = 0;

    for (; i + 8 <= s.len; i += 8) {
        uint64_t w;

        memcpy(&w, s.ptr + i, 8);
        if (w & 0x8080808080808080ULL)
            return false;
    }
    for (; i < s.len; i++)
        if ((unsigned char)s.ptr[i] >= 0x80)
            return false;
    return true;
}

/* Bounds of the second byte for each lead byte: Unicode table 3-7. */
static unsigned lead_info(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = 0x80;
    *ret_high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF) {
        if (lead == 0xE0)
            *ret_low = 0xA0;
        if (lead == 0xED)
            *ret_high = 0x9F;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (lead == 0xF0)
            *ret_low = 0x90;
        if (lead == 0xF4)
            *ret_high = 0x8F;
        return 4;
    }
    return 0;
}

uint32_t slv_utf8_next(slv_str s, size_t *pos, bool *ret_malformed)
{
    unsigned char lead = (unsigned char)s.ptr[*pos], low, high;
    unsigned need;
    uint32_t cp;

    (*pos)++;
    *ret_malformed = false;
    if (lead < 0x80)
        return lead;
    need = lead_info(lead, &low, &high);
    if (need == 0) {
        *ret_malformed = true;
        return 0xFFFD;
    }
    cp = lead & (0xFFu >> (need + 1));
    for (unsigned i = 1; i < need; i++) {
        unsigned char c = *pos < s.len ? (unsigned char)s.ptr[*pos] : 0;

        if (c < low || c > high) {
            *ret_malformed = true;
            return 0xFFFD;
        }
        cp = cp << 6 | (c & 0x3Fu);
        (*pos)++;
        low = 0x80;
        high = 0xBF;
    }
    return cp;
}

bool slv_utf8_valid(slv_str s)
{
    bool bad = false;

    for (size_t i = 0; i < s.len;) {
        (void)slv_utf8_next(s, &i, &bad);
        if (bad)
            return false;
    }
    return true;
}

size_t slv_utf8_put(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

size_t slv_utf16_len(slv_str s)
{
    size_t n = 0;
    bool bad;

    for (size_t i = 0; i < s.len;)
        n += slv_utf8_next(s, &i, &bad) >= 0x10000 ? 2 : 1;
    return n;
}

/* Widens the ASCII bytes at the front of s; returns how many. */
static size_t widen_ascii(slv_str s, uint16_t *out)
{
    size_t i = 0;

#ifdef __SSE2__
    for (; i + 16 <= s.len; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s.ptr + i));

        if (_mm_movemask_epi8(v))
            break;
        _mm_storeu_si128((__m128i *)(void *)(out + i), _mm_unpacklo_epi8(v, _mm_setzero_si128()));
        _mm_storeu_si128((__m128i *)(void *)(out + i + 8),
                         _mm_unpackhi_epi8(v, _mm_setzero_si128()));
    }
#endif
    while (i < s.len && (unsigned char)s.ptr[i] < 0x80) {
        out[i] = (unsigned char)s.ptr[i];
        i++;
    }
    return i;
}

size_t slv_utf8_to_utf16(slv_str s, uint16_t *out)
{
    size_t n = 0, i = 0;
    bool bad;

    while (i < s.len) {
        size_t ascii = widen_ascii(slv_str_skip(s, i), out + n);

        i += ascii;
        n += ascii;
        if (i == s.len)
            break;
        uint32_t cp = slv_utf8_next(s, &i, &bad);
        if (cp >= 0x10000) {
            out[n++] = (uint16_t)(0xD800 + ((cp - 0x10000) >> 10));
            out[n++] = (uint16_t)(0xDC00 + ((cp - 0x10000) & 0x3FF));
        } else {
            out[n++] = (uint16_t)cp;
        }
    }
    return n;
}

/* Narrows the ASCII units at the front; returns how many. */
static size_t narrow_ascii(const uint16_t *units, size_t n, char *out)
{
    size_t i = 0;

#ifdef __SSE2__
    for (; i + 16 <= n; i += 16) {
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(units + i));
        __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(units + i + 8));
        __m128i high = _mm_and_si128(_mm_or_si128(a, b), _mm_set1_epi16((short)0xFF80));

        if (_mm_movemask_epi8(_mm_cmpeq_epi16(high, _mm_setzero_si128())) != 0xFFFF)
            break;
        _mm_storeu_si128((__m128i *)(void *)(out + i), _mm_packus_epi16(a, b));
    }
#endif
    while (i < n && units[i] < 0x80) {
        out[i] = (char)units[i];
        i++;
    }
    return i;
}

slv_code slv_utf16_to_utf8(const uint16_t *units, size_t n, slv_buf *out)
{
    size_t i = 0;

    while (i < n) {
        SLV_TRY(slv_buf_reserve(out, n - i)); /* at least a byte for each unit */
        size_t ascii = narrow_ascii(units + i, n - i, out->ptr + out->len);

        out->len += ascii;
        i += ascii;
        for (; i < n && units[i] >= 0x80; i++) {
            uint32_t cp = units[i];
            char bytes[4];

            if (cp >= 0xD800 && cp <= 0xDFFF) {
                bool pair =
                    cp < 0xDC00 && i + 1 < n && units[i + 1] >= 0xDC00 && units[i + 1] <= 0xDFFF;

                cp = pair ? 0x10000 + ((cp - 0xD800) << 10) + (units[i + 1] - 0xDC00u) : 0xFFFD;
                i += pair;
            }
            SLV_TRY(slv_buf_append(out, slv_str_make(bytes, slv_utf8_put(cp, bytes))));
        }
    }
    return SLV_OK;
}
