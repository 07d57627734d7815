/* Strings, numbers, booleans, dates. */
#include "base/utf8.h"
#include "fmt/toml_int.h"

/* ---- strings ---- */

static slv_code unicode_escape(toml *p, size_t digits, slv_buf *out)
{
    char utf8[4];
    uint32_t cp = 0;
    size_t start = p->s.at - 2;

    for (size_t i = 0; i < digits; i++) {
        int c = toml_peek(p), digit = c < 0 ? -1 : slv_hex_value((char)c);

        if (digit < 0)
            return slv_toml_fail(p, start,
                                 digits == 4 ? "\\u needs four hexadecimal digits"
                                             : "\\U needs eight hexadecimal digits");
        cp = cp << 4 | (uint32_t)digit;
        p->s.at++;
    }
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000))
        return slv_toml_fail(p, start, "this escape is no Unicode character");
    return slv_buf_append(out, slv_str_make(utf8, slv_utf8_put(cp, utf8)));
}

/* A backslash at the end of a line swallows the line break and the white space after it. */
static bool line_continuation(toml *p)
{
    size_t at = p->s.at + 1;

    while (at < p->s.text.len && (p->s.text.ptr[at] == ' ' || p->s.text.ptr[at] == '\t'))
        at++;
    if (at < p->s.text.len && p->s.text.ptr[at] == '\r')
        at++;
    if (at >= p->s.text.len || p->s.text.ptr[at] != '\n')
        return false;
    for (p->s.at = at; p->s.at < p->s.text.len; p->s.at++) {
        char c = p->s.text.ptr[p->s.at];

        if (c == '\n') {
            p->s.line++;
            p->s.line_start = p->s.at + 1;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            break;
        }
    }
    return true;
}

static slv_code escape(toml *p, bool multiline, slv_buf *out)
{
    static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
    const char *hit;
    int c;

    if (multiline && line_continuation(p))
        return SLV_OK;
    p->s.at++;
    c = toml_peek(p);
    p->s.at++;
    if (c == 'u' || c == 'U')
        return unicode_escape(p, c == 'u' ? 4 : 8, out);
    hit = c > 0 ? strchr(from, c) : NULL;
    if (!hit)
        return slv_toml_fail(p, p->s.at - 2, "unknown escape in a string");
    return slv_buf_append_byte(out, to[hit - from]);
}

/* Up to two quotes may stand right before the closing three. */
static bool closes(toml *p, char quote, bool multiline, slv_buf *out, slv_code *ret)
{
    size_t run = 0;

    *ret = SLV_OK;
    if (toml_peek(p) != quote)
        return false;
    if (!multiline) {
        p->s.at++;
        return true;
    }
    while (slv_scan_peek(&p->s, run) == quote && run < 5)
        run++;
    for (size_t i = 0; i < (run < 3 ? run : run - 3) && *ret == SLV_OK; i++)
        *ret = slv_buf_append_byte(out, quote);
    p->s.at += run;
    return run >= 3;
}

static slv_code string_body(toml *p, char quote, bool multiline, slv_buf *out)
{
    size_t start = p->s.at;
    uint32_t line = p->s.line;
    slv_code code;

    for (;;) {
        int c = toml_peek(p);

        if (c < 0 || (c == '\n' && !multiline)) {
            if (!multiline)
                return slv_toml_fail(p, start - 1, "this string does not end on its line");
            return slv_fail(p->err, SLV_E_PARSE, "%u:1: the string that starts here does not end",
                            line);
        }
        if (c == quote) {
            if (closes(p, quote, multiline, out, &code))
                return code;
            SLV_TRY(code);
        } else if (c == '\\' && quote == '"') {
            SLV_TRY(escape(p, multiline, out));
        } else if ((c < 0x20 && c != '\t' && c != '\n' &&
                    !(c == '\r' && slv_scan_peek(&p->s, 1) == '\n')) ||
                   c == 0x7F) {
            return slv_toml_fail(p, p->s.at, "control characters in strings must be escaped");
        } else {
            SLV_TRY(slv_buf_append_byte(out, (char)c));
            p->s.at++;
            if (c == '\n')
                slv_scan_newline(&p->s);
        }
    }
}

slv_code slv_toml_string(toml *p, bool multiline, slv_str *ret)
{
    char quote = (char)toml_peek(p);
    bool triple = slv_scan_peek(&p->s, 1) == quote && slv_scan_peek(&p->s, 2) == quote;
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(p->s.text.len + 4);

    if (triple && !multiline)
        return slv_toml_fail(p, p->s.at, "a multi-line string is not allowed as a key");
    p->s.at += triple ? 3 : 1;
    if (triple && toml_peek(p) == '\r' && slv_scan_peek(&p->s, 1) == '\n')
        p->s.at++;
    if (triple && toml_peek(p) == '\n') { /* a line break right after the quotes does not count */
        p->s.at++;
        slv_scan_newline(&p->s);
    }
    SLV_TRY(string_body(p, quote, triple, &out));
    return slv_arena_dup(p->arena, slv_buf_view(&out), ret) == SLV_OK ? SLV_OK
                                                                      : slv_toml_fail_memory(p);
}

/* ---- numbers ---- */

/* Digits of a base with single underscores between them, appended to out without these. */
static bool read_digits(slv_str s, size_t *at, unsigned base, slv_buf *out)
{
    size_t start = *at;

    for (; *at < s.len; (*at)++) {
        char c = s.ptr[*at];
        int v = slv_hex_value(c);

        if (c == '_') {
            if (*at == start || s.ptr[*at - 1] == '_')
                return false;
            continue;
        }
        if (v < 0 || (unsigned)v >= base)
            break;
        if (slv_buf_append_byte(out, c) != SLV_OK)
            return false;
    }
    return *at > start && s.ptr[*at - 1] != '_';
}

static bool parse_based(slv_str s, slv_buf *out)
{
    unsigned base = s.ptr[1] == 'x' ? 16 : s.ptr[1] == 'o' ? 8 : 2;
    uint64_t v = 0;
    size_t at = 2;
    SLV_CLEANUP(slv_buf_done) slv_buf digits = SLV_BUF(s.len);

    if (!read_digits(s, &at, base, &digits) || at != s.len)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (v > (uint64_t)INT64_MAX / base)
            return false;
        v = v * base + (uint64_t)slv_hex_value(digits.ptr[i]);
    }
    return v <= (uint64_t)INT64_MAX && slv_buf_printf(out, "%llu", (unsigned long long)v) == SLV_OK;
}

static bool parse_decimal(slv_str s, slv_buf *out)
{
    size_t at = 0, first;
    bool is_float = false;
    int64_t whole;

    if (s.ptr[0] == '-' && slv_buf_append_byte(out, '-') != SLV_OK)
        return false;
    if (s.ptr[0] == '-' || s.ptr[0] == '+')
        at++;
    first = at;
    if (!read_digits(s, &at, 10, out) || (s.ptr[first] == '0' && at > first + 1))
        return false;
    if (at < s.len && s.ptr[at] == '.') {
        is_float = true;
        at++;
        if (slv_buf_append_byte(out, '.') != SLV_OK || !read_digits(s, &at, 10, out))
            return false;
    }
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        is_float = true;
        at++;
        if (slv_buf_append_byte(out, 'e') != SLV_OK)
            return false;
        if (at < s.len && (s.ptr[at] == '+' || s.ptr[at] == '-') &&
            slv_buf_append_byte(out, s.ptr[at++]) != SLV_OK)
            return false;
        if (!read_digits(s, &at, 10, out))
            return false;
    }
    if (at != s.len)
        return false;
    if (is_float)
        return true;
    if (slv_parse_i64(slv_buf_view(out), &whole) != SLV_OK)
        return false;
    return whole != 0 || slv_buf_set(out, SLV_STR("0")) == SLV_OK;
}

/* ---- dates ---- */

/* n digits at *at, as a number. */
static bool number(slv_str s, size_t *at, size_t n, unsigned *ret)
{
    *ret = 0;
    for (size_t i = 0; i < n; i++, (*at)++) {
        if (*at >= s.len || !slv_is_digit(s.ptr[*at]))
            return false;
        *ret = *ret * 10 + (unsigned)(s.ptr[*at] - '0');
    }
    return true;
}

static bool literal(slv_str s, size_t *at, const char *any_of)
{
    if (*at >= s.len || !strchr(any_of, s.ptr[*at]))
        return false;
    (*at)++;
    return true;
}

static bool date(slv_str s, size_t *at)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned y, m, d;
    bool leap;

    if (!number(s, at, 4, &y) || !literal(s, at, "-") || !number(s, at, 2, &m) ||
        !literal(s, at, "-") || !number(s, at, 2, &d) || m < 1 || m > 12)
        return false;
    leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return d >= 1 && d <= days[m - 1] + (m == 2 && leap);
}

static bool time_of_day(slv_str s, size_t *at)
{
    unsigned h, m, sec;

    if (!number(s, at, 2, &h) || !literal(s, at, ":") || !number(s, at, 2, &m) ||
        !literal(s, at, ":") || !number(s, at, 2, &sec) || h > 23 || m > 59 || sec > 60)
        return false;
    if (*at < s.len && s.ptr[*at] == '.') {
        size_t start = ++*at;

        while (*at < s.len && slv_is_digit(s.ptr[*at]))
            (*at)++;
        return *at > start;
    }
    return true;
}

static bool offset(slv_str s, size_t *at)
{
    unsigned h, m;

    if (literal(s, at, "Zz"))
        return true;
    return literal(s, at, "+-") && number(s, at, 2, &h) && literal(s, at, ":") &&
           number(s, at, 2, &m) && h <= 23 && m <= 59;
}

static bool is_date(slv_str s)
{
    size_t at = 0;

    if (s.len > 2 && s.ptr[2] == ':')
        return time_of_day(s, &at) && at == s.len;
    if (!date(s, &at))
        return false;
    if (at == s.len)
        return true;
    if (!literal(s, &at, "Tt ") || !time_of_day(s, &at))
        return false;
    return at == s.len || (offset(s, &at) && at == s.len);
}

static bool looks_like_date(slv_str s)
{
    return s.len >= 5 && slv_is_digit(s.ptr[0]) && (s.ptr[2] == ':' || s.ptr[4] == '-');
}

/* ---- */

static slv_str scalar_token(const toml *p)
{
    slv_str rest = slv_str_skip(p->s.text, p->s.at);
    size_t n = 0;

    while (n < rest.len && (slv_is_alpha(rest.ptr[n]) || slv_is_digit(rest.ptr[n]) ||
                            (rest.ptr[n] != '\0' && strchr("+-_.:", rest.ptr[n]))))
        n++;
    /* a date and its time may be parted by a space */
    if (n == 10 && looks_like_date(slv_str_sub(rest, 0, n)) && n + 3 < rest.len &&
        rest.ptr[n] == ' ' && slv_is_digit(rest.ptr[n + 1]) && slv_is_digit(rest.ptr[n + 2]) &&
        rest.ptr[n + 3] == ':') {
        for (n++; n < rest.len && (slv_is_digit(rest.ptr[n]) ||
                                   (rest.ptr[n] != '\0' && strchr("Zz:.+-", rest.ptr[n])));)
            n++;
    }
    return slv_str_sub(rest, 0, n);
}

static slv_code set_number(toml *p, slv_node *n, slv_str text)
{
    n->type = SLV_NODE_NUMBER;
    return slv_arena_dup(p->arena, text, &n->text) == SLV_OK ? SLV_OK : slv_toml_fail_memory(p);
}

slv_code slv_toml_scalar(toml *p, slv_node *n)
{
    slv_str s = scalar_token(p);
    slv_str unsigned_part = slv_str_skip(s, s.len && (s.ptr[0] == '+' || s.ptr[0] == '-') ? 1 : 0);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(s.len + 32);
    size_t start = p->s.at;

    p->s.at += s.len;
    if (s.len == 0)
        return slv_toml_fail(p, start, "expected a value");
    if (slv_str_is(s, "true") || slv_str_is(s, "false")) {
        n->type = SLV_NODE_BOOL;
        n->boolean = s.ptr[0] == 't';
        return SLV_OK;
    }
    if (slv_str_is(unsigned_part, "inf") || slv_str_is(unsigned_part, "nan"))
        return set_number(p, n, s.ptr[0] == '-' && unsigned_part.ptr[0] == 'i' ? s : unsigned_part);
    if (looks_like_date(s)) {
        if (!is_date(s))
            return slv_toml_fail(p, start, "this is no date or time");
        n->type = SLV_NODE_STRING;
        n->is_date = true;
        n->text = s;
        return SLV_OK;
    }
    if (unsigned_part.len == 0 || !slv_is_digit(unsigned_part.ptr[0]))
        return slv_toml_fail(p, start, "expected a value; strings need quotes");
    if (s.len > 2 && s.ptr[0] == '0' && strchr("xob", s.ptr[1])) {
        if (!parse_based(s, &out))
            return slv_toml_fail(p, start, "this is no number");
    } else if (!parse_decimal(s, &out)) {
        return slv_toml_fail(p, start, "this is no number");
    }
    return set_number(p, n, slv_buf_view(&out));
}
