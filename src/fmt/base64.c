#include "fmt/base64.h"

static const char std_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

slv_code slv_base64_encode(slv_str bytes, slv_base64_mode mode, slv_buf *out)
{
    const char *digits = mode == SLV_BASE64_STD ? std_digits : url_digits;
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    size_t i = 0, n = bytes.len;

    if (n > SIZE_MAX / 4 * 3 - 3)
        return SLV_E_LIMIT;
    SLV_TRY(slv_buf_reserve(out, (n + 2) / 3 * 4 - (mode == SLV_BASE64_URL ? (3 - n % 3) % 3 : 0)));
    char *p = out->ptr + out->len;
    for (; n - i >= 3; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];

        *p++ = digits[v >> 18];
        *p++ = digits[v >> 12 & 63];
        *p++ = digits[v >> 6 & 63];
        *p++ = digits[v & 63];
    }
    if (i < n) {
        bool two = n - i == 2;
        uint32_t v = (uint32_t)in[i] << 16 | (two ? (uint32_t)in[i + 1] << 8 : 0);

        *p++ = digits[v >> 18];
        *p++ = digits[v >> 12 & 63];
        if (two)
            *p++ = digits[v >> 6 & 63];
        if (mode != SLV_BASE64_URL) {
            if (!two)
                *p++ = '=';
            *p++ = '=';
        }
    }
    if (n > 0)
        out->len = (size_t)(p - out->ptr);
    return SLV_OK;
}

/* -1: not of the alphabet. */
static int digit_value(char c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (url ? '-' : '+'))
        return 62;
    return c == (url ? '_' : '/') ? 63 : -1;
}

/* Decodes digits alone. strict: the bits that are left over must be zero. */
static slv_code decode_digits(slv_str text, bool url, bool strict, bool skip_white, slv_buf *out)
{
    size_t start = out->len, count = 0;
    uint32_t bits = 0;

    SLV_TRY(slv_buf_reserve(out, text.len / 4 * 3 + 3));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int value = digit_value(c, url);

        if (value < 0) {
            if (skip_white && (c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'))
                continue;
            out->len = start;
            return SLV_E_PARSE;
        }
        bits = bits << 6 | (uint32_t)value;
        if (++count % 4 == 0) {
            out->ptr[out->len++] = (char)(bits >> 16);
            out->ptr[out->len++] = (char)(bits >> 8);
            out->ptr[out->len++] = (char)bits;
            bits = 0;
        }
    }
    unsigned left = (unsigned)(count % 4);
    if (left == 1 || (strict && ((left == 2 && bits & 15) || (left == 3 && bits & 3)))) {
        out->len = start;
        return SLV_E_PARSE;
    }
    if (left == 2) {
        out->ptr[out->len++] = (char)(bits >> 4);
    } else if (left == 3) {
        out->ptr[out->len++] = (char)(bits >> 10);
        out->ptr[out->len++] = (char)(bits >> 2);
    }
    return SLV_OK;
}

slv_code slv_base64_decode(slv_str text, slv_base64_mode mode, slv_buf *out)
{
    if (mode != SLV_BASE64_URL) {
        if (text.len % 4 != 0)
            return SLV_E_PARSE;
        for (int i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++)
            text.len--;
    }
    return decode_digits(text, mode != SLV_BASE64_STD, true, false, out);
}

static bool white(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

slv_code slv_base64_decode_forgiving(slv_str text, slv_buf *out)
{
    size_t digits = 0, end = text.len, pads = 0;

    for (size_t i = 0; i < text.len; i++)
        digits += !white(text.ptr[i]);
    /* padding counts only when it makes the whole a multiple of four */
    if (digits % 4 == 0) {
        while (end > 0 && pads < 2 && (white(text.ptr[end - 1]) || text.ptr[end - 1] == '='))
            pads += text.ptr[--end] == '=';
    }
    return decode_digits(slv_str_sub(text, 0, end), false, false, true, out);
}
