#include "fmt/jsonpush.h"

#include <inttypes.h>

#include "base/utf8.h"

enum state {
    VALUE,        /* is due */
    FIRST_ITEM,   /* a value or "]" */
    FIRST_MEMBER, /* a name or "}" */
    MEMBER,       /* a name */
    COLON,
    NEXT, /* "," or the end of the level */
    STRING,
    ESCAPE, /* behind a backslash */
    LITERAL,
    OVER, /* nothing but white space */
};

void slv_jsonpush_init(slv_jsonpush *p, const slv_jsonpush_ops *ops, void *arg)
{
    *p = (slv_jsonpush){.ops = ops, .arg = arg, .state = VALUE};
}

static slv_code expected(const slv_jsonpush *p, const char *what, slv_err *err)
{
    return slv_fail(err, SLV_E_PARSE, "byte %" PRIu64 ": %s was expected", p->at, what);
}

static bool in_array(const slv_jsonpush *p)
{
    return p->arrays >> (p->depth - 1) & 1;
}

/* A value is complete. */
static void value_over(slv_jsonpush *p)
{
    p->state = p->depth == 0 ? OVER : NEXT;
}

static slv_code open_level(slv_jsonpush *p, bool array, slv_err *err)
{
    if (p->depth == SLV_JSONPUSH_DEPTH)
        return slv_fail(err, SLV_E_LIMIT, "more than %d levels of JSON", SLV_JSONPUSH_DEPTH);
    p->arrays = (p->arrays & ~(UINT32_C(1) << p->depth)) | (uint32_t)array << p->depth;
    p->depth++;
    p->state = array ? FIRST_ITEM : FIRST_MEMBER;
    return p->ops->open(p->arg, array, err);
}

static slv_code close_level(slv_jsonpush *p, slv_err *err)
{
    bool array = in_array(p);

    p->depth--;
    value_over(p);
    return p->ops->close(p->arg, array, err);
}

static void begin_string(slv_jsonpush *p, enum state after)
{
    p->state = STRING;
    p->after = (uint8_t)after;
    p->held_len = 0;
    p->high = 0;
}

/* ---- strings ---- */

static slv_code put_piece(slv_jsonpush *p, slv_str piece, slv_err *err)
{
    if (p->after != COLON)
        return piece.len > 0 ? p->ops->text(p->arg, piece, false, err) : SLV_OK;
    if (piece.len > sizeof p->held - 1 - p->held_len)
        return slv_fail(err, SLV_E_LIMIT, "a name in the JSON has more than %zu bytes",
                        sizeof p->held - 1);
    memcpy(p->held + p->held_len, piece.ptr, piece.len);
    p->held_len = (uint8_t)(p->held_len + piece.len);
    return SLV_OK;
}

/* A surrogate that has no other half. */
static slv_code put_lone(slv_jsonpush *p, slv_err *err)
{
    if (p->high == 0)
        return SLV_OK;
    p->high = 0;
    return put_piece(p, SLV_STR("\xEF\xBF\xBD"), err);
}

static slv_code end_string(slv_jsonpush *p, slv_err *err)
{
    SLV_TRY(put_lone(p, err));
    if (p->after == COLON) {
        p->state = COLON;
        return p->ops->name(p->arg, slv_str_make(p->held, p->held_len), err);
    }
    value_over(p);
    return p->ops->text(p->arg, SLV_STR(""), true, err);
}

static slv_code take_string(slv_jsonpush *p, slv_str *bytes, slv_err *err)
{
    size_t n = 0;

    while (n < bytes->len && bytes->ptr[n] != '"' && bytes->ptr[n] != '\\' &&
           (unsigned char)bytes->ptr[n] >= 0x20)
        n++;
    if (n > 0) {
        SLV_TRY(put_lone(p, err));
        SLV_TRY(put_piece(p, slv_str_sub(*bytes, 0, n), err));
    }
    *bytes = slv_str_skip(*bytes, n);
    p->at += n;
    if (bytes->len == 0)
        return SLV_OK;
    char c = bytes->ptr[0];
    *bytes = slv_str_skip(*bytes, 1);
    p->at++;
    if (c == '"')
        return end_string(p, err);
    if (c != '\\')
        return expected(p, "an escape for a control character", err);
    p->state = ESCAPE;
    p->escape_len = 0;
    return SLV_OK;
}

static slv_code put_unit(slv_jsonpush *p, uint32_t unit, slv_err *err)
{
    char utf8[4];
    uint32_t high = p->high;

    if (high != 0 && unit >= 0xDC00 && unit <= 0xDFFF) {
        p->high = 0;
        unit = 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00);
    } else {
        SLV_TRY(put_lone(p, err));
        if (unit >= 0xD800 && unit <= 0xDBFF) {
            p->high = unit;
            return SLV_OK;
        }
        if (unit >= 0xDC00 && unit <= 0xDFFF)
            unit = 0xFFFD;
    }
    return put_piece(p, slv_str_make(utf8, slv_utf8_put(unit, utf8)), err);
}

static slv_code take_escape(slv_jsonpush *p, char c, slv_err *err)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint32_t unit = 0;

    if (p->escape_len == 0 && c != 'u') {
        const char *at = c ? strchr(from, c) : NULL;

        if (!at)
            return expected(p, "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u", err);
        p->state = STRING;
        SLV_TRY(put_lone(p, err));
        return put_piece(p, slv_str_make(&to[at - from], 1), err);
    }
    if (p->escape_len > 0 && slv_hex_value(c) < 0)
        return expected(p, "a hexadecimal digit", err);
    p->escape[p->escape_len++] = c;
    if (p->escape_len < 5)
        return SLV_OK;
    for (int i = 1; i < 5; i++)
        unit = unit << 4 | (uint32_t)slv_hex_value(p->escape[i]);
    p->state = STRING;
    return put_unit(p, unit, err);
}

/* ---- literals ---- */

static bool is_number(slv_str s)
{
    size_t i = 0, from;

#define DIGITS                                                                                     \
    from = i;                                                                                      \
    while (i < s.len && slv_is_digit(s.ptr[i]))                                                    \
        i++;                                                                                       \
    if (i == from)                                                                                 \
    return false
    if (i < s.len && s.ptr[i] == '-')
        i++;
    DIGITS;
    if (i - from > 1 && s.ptr[from] == '0')
        return false;
    if (i < s.len && s.ptr[i] == '.') {
        i++;
        DIGITS;
    }
    if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        i++;
        if (i < s.len && (s.ptr[i] == '+' || s.ptr[i] == '-'))
            i++;
        DIGITS;
    }
#undef DIGITS
    return i == s.len;
}

static slv_code end_literal(slv_jsonpush *p, slv_err *err)
{
    slv_str text = slv_str_make(p->held, p->held_len);

    if (!slv_str_is(text, "true") && !slv_str_is(text, "false") && !slv_str_is(text, "null") &&
        !is_number(text))
        return expected(p, "a value", err);
    value_over(p);
    return p->ops->literal(p->arg, text, err);
}

static bool in_literal(char c)
{
    return slv_is_alpha(c) || slv_is_digit(c) || c == '-' || c == '+' || c == '.';
}

/* ---- between ---- */

static slv_code take_value(slv_jsonpush *p, char c, slv_err *err)
{
    if (c == '[' || c == '{')
        return open_level(p, c == '[', err);
    if (c == '"') {
        begin_string(p, NEXT);
        return SLV_OK;
    }
    if (c == ']' && p->state == FIRST_ITEM)
        return close_level(p, err);
    if (!in_literal(c))
        return expected(p, "a value", err);
    p->state = LITERAL;
    p->held[0] = c;
    p->held_len = 1;
    return SLV_OK;
}

static slv_code take_next(slv_jsonpush *p, char c, slv_err *err)
{
    bool array = in_array(p);

    if (c == (array ? ']' : '}'))
        return close_level(p, err);
    if (c != ',')
        return expected(p, array ? "\",\" or \"]\"" : "\",\" or \"}\"", err);
    p->state = array ? VALUE : MEMBER;
    return SLV_OK;
}

static slv_code take_between(slv_jsonpush *p, char c, slv_err *err)
{
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        return SLV_OK;
    switch ((enum state)p->state) {
    case VALUE:
    case FIRST_ITEM:
        return take_value(p, c, err);
    case FIRST_MEMBER:
    case MEMBER:
        if (c == '}' && p->state == FIRST_MEMBER)
            return close_level(p, err);
        if (c != '"')
            return expected(p, "a name in quotes", err);
        begin_string(p, COLON);
        return SLV_OK;
    case COLON:
        if (c != ':')
            return expected(p, "\":\"", err);
        p->state = VALUE;
        return SLV_OK;
    case NEXT:
        return take_next(p, c, err);
    case OVER:
    case STRING:
    case ESCAPE:
    case LITERAL:
        break;
    }
    return expected(p, "the end of the JSON", err);
}

slv_code slv_jsonpush_add(slv_jsonpush *p, slv_str bytes, slv_err *err)
{
    while (bytes.len > 0) {
        char c = bytes.ptr[0];

        if (p->state == STRING) {
            SLV_TRY(take_string(p, &bytes, err));
            continue;
        }
        if (p->state == LITERAL && !in_literal(c)) {
            SLV_TRY(end_literal(p, err));
            continue;
        }
        bytes = slv_str_skip(bytes, 1);
        p->at++;
        if (p->state == ESCAPE) {
            SLV_TRY(take_escape(p, c, err));
        } else if (p->state == LITERAL) {
            if (p->held_len == sizeof p->held - 1)
                return slv_fail(err, SLV_E_LIMIT, "a number in the JSON is too long");
            p->held[p->held_len++] = c;
        } else {
            SLV_TRY(take_between(p, c, err));
        }
    }
    return SLV_OK;
}

slv_code slv_jsonpush_end(slv_jsonpush *p, slv_err *err)
{
    if (p->state == LITERAL)
        SLV_TRY(end_literal(p, err));
    return p->state == OVER ? SLV_OK : slv_fail(err, SLV_E_PARSE, "the JSON is cut off");
}
