#include "dynamo/number.h"

#define EXP_MIN (-130) /* of the first digit */
#define EXP_MAX 125
#define DIGITS_ROOM 300 /* from 10^126 down to 10^(-130 - 37), and a carry */

/* A number as its digits: (neg ? -1 : 1) * d[0].d[1]d[2]... * 10^exp. len 0 is zero. */
typedef struct digits {
    bool neg;
    int exp;
    size_t len;
    uint8_t d[DIGITS_ROOM];
} digits;

/* Takes zeros off both ends. */
static void trim(digits *n)
{
    size_t lead = 0;

    while (lead < n->len && !n->d[lead])
        lead++;
    while (n->len > lead && !n->d[n->len - 1])
        n->len--;
    n->len -= lead;
    if (lead && n->len)
        memmove(n->d, n->d + lead, n->len);
    n->exp -= (int)lead;
    if (!n->len) {
        n->exp = 0;
        n->neg = false;
    }
}

/* n is trimmed. */
static slv_code check_range(slv_dyn_scope *sc, int exp, size_t len)
{
    if (!len)
        return SLV_OK;
    if (exp > EXP_MAX)
        return slv_dyn_invalid(sc, "Number overflow. Attempting to store a number with magnitude "
                                   "larger than supported range");
    if (exp < EXP_MIN)
        return slv_dyn_invalid(sc, "Number underflow. Attempting to store a number with magnitude "
                                   "smaller than supported range");
    if (len > SLV_DYN_NUM_DIGITS)
        return slv_dyn_invalid(sc,
                               "Attempting to store more than 38 significant digits in a Number");
    return SLV_OK;
}

static void encode(const digits *n, slv_dyn_num *ret)
{
    size_t at = 0;
    unsigned odd = (unsigned)(n->exp + 1) & 1;
    unsigned x = (unsigned)((n->exp + 1 + (int)odd) / 2 + 64);

    if (!n->len) {
        ret->bytes[0] = 0x80;
        ret->len = 1;
        return;
    }
    ret->bytes[at++] = (uint8_t)(n->neg ? 0x7F - x : 0x80 + x);
    for (size_t i = 0; i < n->len;) {
        unsigned pair = 0;

        if (!(odd && i == 0))
            pair = n->d[i++] * 10U;
        if (i < n->len)
            pair += n->d[i++];
        ret->bytes[at++] = (uint8_t)(n->neg ? 101 - pair : 1 + pair);
    }
    if (n->neg)
        ret->bytes[at++] = 102;
    ret->len = (uint8_t)at;
}

static void decode(slv_str num, digits *ret)
{
    const uint8_t *b = (const uint8_t *)num.ptr;

    ret->len = 0;
    ret->exp = 0;
    ret->neg = b[0] < 0x80;
    if (num.len == 1) /* zero */
        return;
    unsigned x = ret->neg ? 0x7FU - b[0] : b[0] - 0x80U;
    size_t pairs = num.len - 1 - (ret->neg ? 1 : 0);

    for (size_t i = 0; i < pairs; i++) {
        unsigned pair = ret->neg ? 101U - b[1 + i] : b[1 + i] - 1U;

        ret->d[ret->len++] = (uint8_t)(pair / 10);
        ret->d[ret->len++] = (uint8_t)(pair % 10);
    }
    ret->exp = 2 * ((int)x - 64) - 1;
    trim(ret);
}

bool slv_dyn_num_valid(slv_str bytes)
{
    const uint8_t *b = (const uint8_t *)bytes.ptr;
    size_t pairs, count;

    if (bytes.len == 1)
        return b[0] == 0x80;
    if (bytes.len < 2 || bytes.len > SLV_DYN_NUM_MAX)
        return false;
    bool neg = b[0] < 0x80;

    pairs = bytes.len - 1 - (neg ? 1 : 0);
    if (!pairs || (neg && b[bytes.len - 1] != 102))
        return false;
    count = 2 * pairs;
    for (size_t i = 0; i < pairs; i++) {
        unsigned pair = neg ? 101U - b[1 + i] : b[1 + i] - 1U;

        if (b[1 + i] == 0 || pair > 99)
            return false;
        if (i == 0) {
            if (!pair)
                return false;
            count -= pair < 10;
        }
        if (i + 1 == pairs) {
            if (!pair)
                return false;
            count -= pair % 10 == 0;
        }
    }
    return count <= SLV_DYN_NUM_DIGITS;
}

static slv_code fail_text(slv_dyn_scope *sc, slv_str text)
{
    return slv_dyn_invalid(sc, "The parameter cannot be converted to a numeric value: %.*s",
                           SLV_STR_ARGS(text));
}

/* The exponent after e or E; saturates, since what is far out of range is an overflow anyhow. */
static bool scan_exponent(slv_str text, size_t at, int *ret)
{
    bool neg = false;
    int v = 0;

    if (at < text.len && (text.ptr[at] == '+' || text.ptr[at] == '-'))
        neg = text.ptr[at++] == '-';
    if (at == text.len)
        return false;
    for (; at < text.len; at++) {
        if (!slv_is_digit(text.ptr[at]))
            return false;
        if (v < 100000000)
            v = v * 10 + (text.ptr[at] - '0');
    }
    *ret = neg ? -v : v;
    return true;
}

slv_code slv_dyn_num_parse(slv_dyn_scope *sc, slv_str text, slv_dyn_num *ret)
{
    digits n = {.len = 0};
    size_t at = 0, seen = 0, significant = 0, kept_zeros = 0;
    int before_point = 0, exponent = 0; /* digits before the point, from the first that counts */
    bool point = false;

    if (!text.len)
        return slv_dyn_invalid(sc, "The parameter cannot be converted to a numeric value");
    if (text.ptr[0] == '-' || text.ptr[0] == '+')
        n.neg = text.ptr[at++] == '-';
    for (; at < text.len; at++) {
        char c = text.ptr[at];

        if (c == '.') {
            if (point)
                return fail_text(sc, text);
            point = true;
            continue;
        }
        if (!slv_is_digit(c))
            break;
        seen++;
        if (!significant && c == '0') { /* zeros in front only move the exponent */
            before_point -= point;
            continue;
        }
        significant++;
        before_point += !point;
        if (c == '0') {
            kept_zeros++; /* written only when a digit follows, so that trailing ones cost nothing
                           */
            continue;
        }
        for (; kept_zeros; kept_zeros--)
            if (n.len < DIGITS_ROOM)
                n.d[n.len++] = 0;
        if (n.len < DIGITS_ROOM) /* far more than 38: refused below in any case */
            n.d[n.len++] = (uint8_t)(c - '0');
    }
    if (!seen)
        return fail_text(sc, text);
    if (at < text.len) {
        if (text.ptr[at] != 'e' && text.ptr[at] != 'E')
            return fail_text(sc, text);
        if (!scan_exponent(text, at + 1, &exponent))
            return fail_text(sc, text);
    }
    n.exp = before_point - 1 + exponent;
    trim(&n);
    SLV_TRY(check_range(sc, n.exp, n.len));
    encode(&n, ret);
    return SLV_OK;
}

size_t slv_dyn_num_text(slv_str num, char out[SLV_DYN_NUM_TEXT_MAX])
{
    digits n = {.len = 0};
    size_t at = 0;

    decode(num, &n);
    if (!n.len) {
        out[0] = '0';
        return 1;
    }
    if (n.neg)
        out[at++] = '-';
    if (n.exp < 0) {
        out[at++] = '0';
        out[at++] = '.';
        for (int i = -1; i > n.exp; i--)
            out[at++] = '0';
        for (size_t i = 0; i < n.len; i++)
            out[at++] = (char)('0' + n.d[i]);
        return at;
    }
    for (size_t i = 0; i < n.len || i <= (size_t)n.exp; i++) {
        if (i == (size_t)n.exp + 1)
            out[at++] = '.';
        out[at++] = (char)('0' + (i < n.len ? n.d[i] : 0));
    }
    return at;
}

slv_code slv_dyn_num_put(slv_str num, slv_buf *out)
{
    SLV_TRY(slv_buf_reserve(out, SLV_DYN_NUM_TEXT_MAX));
    out->len += slv_dyn_num_text(num, out->ptr + out->len);
    return SLV_OK;
}

/* Position of 10^p in the column array of slv_dyn_num_add. */
static size_t column(int p)
{
    return (size_t)(p - (EXP_MIN - SLV_DYN_NUM_DIGITS + 1));
}

static void add_columns(int *columns, const digits *n, bool flip)
{
    int sign = n->neg != flip ? -1 : 1;

    for (size_t i = 0; i < n->len; i++)
        columns[column(n->exp - (int)i)] += sign * n->d[i];
}

slv_code slv_dyn_num_add(slv_dyn_scope *sc, slv_str a, slv_str b, bool minus, slv_dyn_num *ret)
{
    digits x = {.len = 0}, y = {.len = 0}, sum = {.len = 0};
    int columns[DIGITS_ROOM] = {0};
    size_t top = column(EXP_MAX + 1);
    int sign = 0;

    decode(a, &x);
    decode(b, &y);
    add_columns(columns, &x, false);
    add_columns(columns, &y, minus);
    for (size_t i = top + 1; i > 0 && !sign; i--) /* the first column that is not zero decides */
        sign = columns[i - 1] > 0 ? 1 : columns[i - 1] < 0 ? -1 : 0;
    for (size_t i = 0; i < top; i++) {
        int v = columns[i] * sign;
        int carry = v < 0 ? -1 : v / 10;

        columns[i] = v - carry * 10;
        columns[i + 1] += carry * sign;
    }
    columns[top] *= sign;
    sum.neg = sign < 0;
    sum.exp = EXP_MAX + 1;
    sum.len = top + 1;
    for (size_t i = 0; i <= top; i++)
        sum.d[i] = (uint8_t)columns[top - i];
    trim(&sum);
    SLV_TRY(check_range(sc, sum.exp, sum.len));
    encode(&sum, ret);
    return SLV_OK;
}

void slv_dyn_num_from_u64(uint64_t v, slv_dyn_num *ret)
{
    digits n = {.len = 20, .exp = 19};

    for (size_t i = 20; i > 0; i--, v /= 10)
        n.d[i - 1] = (uint8_t)(v % 10);
    trim(&n);
    encode(&n, ret);
}

bool slv_dyn_num_to_i64(slv_str num, int64_t *ret)
{
    digits n = {.len = 0};
    int64_t v = 0;

    decode(num, &n);
    if (n.len && (n.exp > 18 || n.exp + 1 < (int)n.len))
        return false;
    for (int i = 0; n.len && i <= n.exp; i++) {
        int64_t d = (size_t)i < n.len ? n.d[i] : 0;

        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, d, &v)) /* downwards: the least value has no positive twin */
            return false;
    }
    if (!n.neg && v == INT64_MIN)
        return false;
    *ret = n.neg ? v : -v;
    return true;
}
