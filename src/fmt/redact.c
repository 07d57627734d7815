#include "fmt/redact.h"

#define HEX_MIN 32
#define BASE64_MIN 21
#define EACH_MIN 2 /* digits, capital and small letters of base64 */

static bool contains_nocase(slv_str s, slv_str part)
{
    for (size_t i = 0; i + part.len <= s.len; i++) {
        if (slv_str_eq_nocase(slv_str_sub(s, i, i + part.len), part))
            return true;
    }
    return false;
}

bool slv_redact_header(slv_str name)
{
    static const slv_str words[] = {
        {"auth", 4}, {"jwt", 3}, {"key", 3}, {"secret", 6}, {"token", 5},
    };

    if (slv_str_eq_nocase(name, SLV_STR("cookie")) ||
        slv_str_eq_nocase(name, SLV_STR("set-cookie")))
        return true;
    for (size_t i = 0; i < SLV_ARRAY_LEN(words); i++) {
        if (contains_nocase(name, words[i]))
            return true;
    }
    return false;
}

typedef struct run {
    size_t begin;
    unsigned digits, upper, lower, hex;
    bool other; /* a letter that is no hexadecimal digit */
} run;

static bool is_key(const run *r, size_t len)
{
    if (r->hex >= HEX_MIN && !r->other)
        return true;
    return len >= BASE64_MIN && r->digits >= EACH_MIN && r->upper >= EACH_MIN &&
           r->lower >= EACH_MIN;
}

/* Counts a character of a run; false when it ends the run. */
static bool count(run *r, char c)
{
    bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';

    if (!upper && !lower && !digit)
        return c == '+' || c == '-' || c == '_';
    r->upper += upper;
    r->lower += lower;
    r->digits += digit;
    if (slv_hex_value(c) >= 0)
        r->hex++;
    else
        r->other = true;
    return true;
}

slv_code slv_redact_url(slv_str url, slv_buf *out, bool *ret_changed)
{
    run r = {0};
    bool changed = false;

    for (size_t i = 0; i <= url.len; i++) {
        if (i < url.len && count(&r, url.ptr[i]))
            continue;
        slv_str part = slv_str_sub(url, r.begin, i);

        if (is_key(&r, part.len)) {
            SLV_TRY(slv_buf_append(out, SLV_STR(SLV_REDACTED)));
            changed = true;
        } else {
            SLV_TRY(slv_buf_append(out, part));
        }
        if (i < url.len)
            SLV_TRY(slv_buf_append_byte(out, url.ptr[i]));
        r = (run){.begin = i + 1};
    }
    if (ret_changed)
        *ret_changed = changed;
    return SLV_OK;
}
