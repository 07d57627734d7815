#include "state/name.h"

#include "fmt/sum.h"

/* Of a name that is too long this much stays readable. */
#define CUT ((size_t)90)
#define DIGEST_LEN ((size_t)32)

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || slv_is_digit(c) || c == '-' || c == '_';
}

static size_t encoded_len(slv_str name)
{
    size_t n = 0;

    for (size_t i = 0; i < name.len; i++)
        n += plain(name.ptr[i]) ? 1 : 3;
    return n;
}

static slv_code encode(slv_str name, size_t limit, slv_buf *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t used = 0;

    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];

        used += plain((char)c) ? 1 : 3;
        if (used > limit)
            break;
        if (plain((char)c)) {
            SLV_TRY(slv_buf_append_byte(out, (char)c));
            continue;
        }
        SLV_TRY(slv_buf_append_byte(out, '%'));
        SLV_TRY(slv_buf_append_byte(out, digits[c >> 4]));
        SLV_TRY(slv_buf_append_byte(out, digits[c & 15]));
    }
    return SLV_OK;
}

slv_code slv_name_encode(slv_str name, slv_buf *out)
{
    uint8_t digest[SLV_SUM_MAX];

    if (name.len == 0)
        return slv_buf_append_byte(out, '%');
    if (encoded_len(name) <= SLV_NAME_WHOLE)
        return encode(name, SLV_NAME_WHOLE, out);
    SLV_TRY(encode(name, CUT, out));
    SLV_TRY(slv_buf_append(out, SLV_STR("%%")));
    slv_sum_of(SLV_SUM_SHA256, name, digest);
    return slv_hex_append(out, slv_str_make(digest, DIGEST_LEN));
}

slv_code slv_name_decode(slv_str encoded, slv_buf *out)
{
    if (slv_str_is(encoded, "%"))
        return SLV_OK;
    if (encoded.len == 0 || encoded.len > SLV_NAME_MAX)
        return SLV_E_PARSE;
    for (size_t i = 0; i < encoded.len; i++) {
        char c = encoded.ptr[i];

        if (plain(c)) {
            SLV_TRY(slv_buf_append_byte(out, c));
            continue;
        }
        if (c != '%')
            return SLV_E_PARSE;
        slv_str rest = slv_str_skip(encoded, i + 1);
        if (rest.len == 1 + 2 * DIGEST_LEN && rest.ptr[0] == '%')
            return SLV_E_UNSUPPORTED;
        if (rest.len < 2)
            return SLV_E_PARSE;
        int high = slv_hex_value(rest.ptr[0]), low = slv_hex_value(rest.ptr[1]);
        if (high < 0 || low < 0 || plain((char)(high << 4 | low)))
            return SLV_E_PARSE;
        SLV_TRY(slv_buf_append_byte(out, (char)(high << 4 | low)));
        i += 2;
    }
    return SLV_OK;
}
