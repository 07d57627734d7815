#include "base/utf8.h"
#include "fmt/url_int.h"

/* One bit for each percent-encode set; a byte's bits say which sets it belongs to. */
enum {
    C0 = 1 << SLV_URL_SET_C0,
    FRAGMENT = 1 << SLV_URL_SET_FRAGMENT,
    QUERY = 1 << SLV_URL_SET_QUERY,
    SPECIAL_QUERY = 1 << SLV_URL_SET_SPECIAL_QUERY,
    PATH = 1 << SLV_URL_SET_PATH,
    USERINFO = 1 << SLV_URL_SET_USERINFO,
    COMPONENT = 1 << SLV_URL_SET_COMPONENT,
    FORM = 1 << SLV_URL_SET_FORM,

    FROM_USERINFO = USERINFO | COMPONENT | FORM,
    FROM_PATH = PATH | FROM_USERINFO,
    FROM_QUERY = QUERY | SPECIAL_QUERY | FROM_PATH,
    ALL = C0 | FRAGMENT | FROM_QUERY,
};

static const uint8_t sets[128] = {
    [0x00 ... 0x1F] = ALL,
    [0x7F] = ALL,
    [' '] = FRAGMENT | FROM_QUERY,
    ['"'] = FRAGMENT | FROM_QUERY,
    ['<'] = FRAGMENT | FROM_QUERY,
    ['>'] = FRAGMENT | FROM_QUERY,
    ['`'] = FRAGMENT | FROM_PATH,
    ['#'] = FROM_QUERY,
    ['\''] = SPECIAL_QUERY | FORM,
    ['?'] = FROM_PATH,
    ['^'] = FROM_PATH,
    ['{'] = FROM_PATH,
    ['}'] = FROM_PATH,
    ['/'] = FROM_USERINFO,
    [':'] = FROM_USERINFO,
    [';'] = FROM_USERINFO,
    ['='] = FROM_USERINFO,
    ['@'] = FROM_USERINFO,
    ['['] = FROM_USERINFO,
    ['\\'] = FROM_USERINFO,
    [']'] = FROM_USERINFO,
    ['|'] = FROM_USERINFO,
    ['$'] = COMPONENT | FORM,
    ['%'] = COMPONENT | FORM,
    ['&'] = COMPONENT | FORM,
    ['+'] = COMPONENT | FORM,
    [','] = COMPONENT | FORM,
    ['!'] = FORM,
    ['('] = FORM,
    [')'] = FORM,
    ['~'] = FORM,
};

bool slv_url_in_set(slv_url_set_id set, unsigned char byte)
{
    return byte >= 0x80 || (sets[byte] >> set & 1);
}

static slv_code append_escaped(slv_buf *out, slv_str bytes)
{
    static const char digits[] = "0123456789ABCDEF";

    SLV_TRY(slv_buf_reserve(out, bytes.len * 3));
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];

        out->ptr[out->len++] = '%';
        out->ptr[out->len++] = digits[c >> 4];
        out->ptr[out->len++] = digits[c & 15];
    }
    return SLV_OK;
}

slv_code slv_url_percent_encode(slv_str s, slv_url_set_id set, slv_buf *out)
{
    size_t i = 0;

    while (i < s.len) {
        size_t start = i;

        while (i < s.len && !slv_url_in_set(set, (unsigned char)s.ptr[i]))
            i++;
        SLV_TRY(slv_buf_append(out, slv_str_sub(s, start, i)));
        if (i == s.len)
            break;
        if ((unsigned char)s.ptr[i] < 0x80) {
            SLV_TRY(append_escaped(out, slv_str_sub(s, i, i + 1)));
            i++;
        } else {
            bool malformed;
            char bytes[4];
            size_t n = slv_utf8_put(slv_utf8_next(s, &i, &malformed), bytes);

            SLV_TRY(append_escaped(out, slv_str_make(bytes, n)));
        }
    }
    return SLV_OK;
}

/* The byte that "%XX" at position i stands for, or -1. */
static int escaped_byte(slv_str s, size_t i)
{
    if (s.ptr[i] != '%' || s.len - i < 3)
        return -1;
    int high = slv_hex_value(s.ptr[i + 1]), low = slv_hex_value(s.ptr[i + 2]);

    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static slv_code decode(slv_str s, bool plus_is_space, slv_buf *out)
{
    SLV_TRY(slv_buf_reserve(out, s.len));
    for (size_t i = 0; i < s.len; i++) {
        int byte = escaped_byte(s, i);
        char c = s.ptr[i];

        if (byte >= 0) {
            c = (char)byte;
            i += 2;
        } else if (plus_is_space && c == '+') {
            c = ' ';
        }
        out->ptr[out->len++] = c;
    }
    return SLV_OK;
}

slv_code slv_url_percent_decode(slv_str s, slv_buf *out)
{
    return decode(s, false, out);
}

slv_code slv_form_decode(slv_str s, slv_buf *out)
{
    return decode(s, true, out);
}

slv_code slv_form_encode(slv_str s, slv_buf *out)
{
    size_t start = out->len;

    SLV_TRY(slv_url_percent_encode(s, SLV_URL_SET_FORM, out));
    /* a space is the only character that is written otherwise than the set says */
    size_t put = start;
    for (size_t i = start; i < out->len; i++) {
        if (out->ptr[i] == '%' && out->ptr[i + 1] == '2' && out->ptr[i + 2] == '0') {
            out->ptr[put++] = '+';
            i += 2;
        } else {
            out->ptr[put++] = out->ptr[i];
        }
    }
    out->len = put;
    return SLV_OK;
}
