/*
 * The little that is not SQL as SQLite knows it. A scanner over words, strings and the rest; what
 * it does not know stays as it is, and SQLite judges it.
 */
#include <inttypes.h>

#include "meter/analytics_int.h"

typedef struct token {
    enum { TOKEN_END, TOKEN_WORD, TOKEN_NAME, TOKEN_TEXT, TOKEN_BLANK, TOKEN_OTHER } kind;
    slv_str text; /* as it stands */
} token;

static bool is_word(char c)
{
    return slv_is_alpha(c) || slv_is_digit(c) || c == '_' || (unsigned char)c >= 0x80;
}

static size_t quoted_end(slv_str s, char quote)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.ptr[i] != quote)
            continue;
        if (i + 1 == s.len || s.ptr[i + 1] != quote)
            return i + 1;
        i++;
    }
    return s.len;
}

static size_t blank_end(slv_str s)
{
    size_t end;

    if (slv_str_starts(s, SLV_STR("--"))) {
        end = slv_str_chr(s, '\n', 0);
        return end == SIZE_MAX ? s.len : end + 1;
    }
    if (slv_str_starts(s, SLV_STR("/*"))) {
        end = slv_str_find(s, SLV_STR("*/"), 2);
        return end == SIZE_MAX ? s.len : end + 2;
    }
    for (end = 0; end < s.len && strchr(" \t\r\n\f", s.ptr[end]) && s.ptr[end];)
        end++;
    return end;
}

static token next_token(slv_str *rest)
{
    token t = {.kind = TOKEN_END};
    size_t n;

    if (rest->len == 0)
        return t;
    char c = rest->ptr[0];
    if ((n = blank_end(*rest)) > 0) {
        t.kind = TOKEN_BLANK;
    } else if (c == '\'') {
        t.kind = TOKEN_TEXT;
        n = quoted_end(*rest, c);
    } else if (c == '"' || c == '`') {
        t.kind = TOKEN_NAME;
        n = quoted_end(*rest, c);
    } else if (is_word(c)) {
        t.kind = TOKEN_WORD;
        for (n = 1; n < rest->len && is_word(rest->ptr[n]);)
            n++;
    } else {
        t.kind = TOKEN_OTHER;
        n = 1;
    }
    t.text = slv_str_sub(*rest, 0, n);
    *rest = slv_str_skip(*rest, n);
    return t;
}

static token next_solid(slv_str *rest)
{
    token t;

    do
        t = next_token(rest);
    while (t.kind == TOKEN_BLANK);
    return t;
}

static bool is(token t, const char *word)
{
    return t.kind == TOKEN_WORD && slv_str_eq_nocase(t.text, slv_str_from(word));
}

slv_str slv_analytics_dataset_of(slv_str sql)
{
    for (token t = next_solid(&sql); t.kind != TOKEN_END; t = next_solid(&sql)) {
        if (!is(t, "from"))
            continue;
        t = next_solid(&sql);
        if (t.kind == TOKEN_WORD)
            return t.text;
        if (t.kind == TOKEN_NAME && t.text.len > 2)
            return slv_str_sub(t.text, 1, t.text.len - 1);
    }
    return SLV_STR_NULL;
}

/* INTERVAL '5' MINUTE -> 300; 0: it is none. */
static int64_t interval(slv_str *rest)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"second", 1},    {"minute", 60},     {"hour", 3600},       {"day", 86400},
                 {"week", 604800}, {"month", 2592000}, {"quarter", 7776000}, {"year", 31536000}};
    slv_str at = *rest;
    token amount = next_solid(&at), unit = next_solid(&at);
    slv_str digits = amount.kind == TOKEN_TEXT && amount.text.len > 2
                         ? slv_str_sub(amount.text, 1, amount.text.len - 1)
                         : amount.text;
    uint64_t n;

    if (unit.kind != TOKEN_WORD || slv_parse_u64(digits, &n) != SLV_OK || n > 1000000)
        return 0;
    if (unit.text.len > 1 && slv_ascii_lower(unit.text.ptr[unit.text.len - 1]) == 's')
        unit.text.len--;
    for (size_t i = 0; i < SLV_ARRAY_LEN(units); i++) {
        if (is(unit, units[i].name)) {
            *rest = at;
            return (int64_t)n * units[i].seconds;
        }
    }
    return 0;
}

static slv_code put_table(slv_str dataset, slv_buf *out)
{
    SLV_TRY(slv_buf_append_byte(out, '"'));
    for (size_t i = 0; i < dataset.len; i++) {
        if (dataset.ptr[i] == '"')
            SLV_TRY(slv_buf_append_byte(out, '"'));
        SLV_TRY(slv_buf_append_byte(out, dataset.ptr[i]));
    }
    SLV_TRY(slv_buf_append(out, SLV_STR("\" AS (SELECT time/1000 AS timestamp, 1 AS "
                                        "_sample_interval, '")));
    for (size_t i = 0; i < dataset.len; i++) {
        if (dataset.ptr[i] == '\'')
            SLV_TRY(slv_buf_append_byte(out, '\''));
        SLV_TRY(slv_buf_append_byte(out, dataset.ptr[i]));
    }
    SLV_TRY(slv_buf_append(out, SLV_STR("' AS dataset, index1")));
    for (int i = 1; i <= SLV_ANALYTICS_ITEMS; i++)
        SLV_TRY(slv_buf_printf(out, ", blob%d, double%d", i, i));
    return slv_buf_append(out, SLV_STR(" FROM point)"));
}

slv_code slv_analytics_rewrite_(slv_str dataset, slv_str sql, slv_buf *out, slv_err *err)
{
    slv_str rest = sql;
    token t = next_solid(&rest);

    SLV_TRY(slv_buf_append(out, SLV_STR("WITH ")));
    SLV_TRY(put_table(dataset, out));
    if (is(t, "with"))
        SLV_TRY(slv_buf_append(out, SLV_STR(",")));
    else if (is(t, "select"))
        SLV_TRY(slv_buf_append(out, SLV_STR(" SELECT")));
    else
        return slv_fail(err, SLV_E_INVAL, "only SELECT statements can be run");
    for (t = next_token(&rest); t.kind != TOKEN_END; t = next_token(&rest)) {
        int64_t seconds;

        if (is(t, "interval") && (seconds = interval(&rest)) > 0) {
            SLV_TRY(slv_buf_printf(out, " %" PRId64, seconds));
        } else if (is(t, "format")) { /* JSON is all there is */
            slv_str at = rest;

            if (!is(next_solid(&at), "json"))
                return slv_fail(err, SLV_E_INVAL, "the only FORMAT is JSON");
            rest = at;
        } else if (t.kind == TOKEN_OTHER && t.text.ptr[0] == ';') {
            if (next_solid(&rest).kind != TOKEN_END)
                return slv_fail(err, SLV_E_INVAL, "only one statement can be run at a time");
            break;
        } else {
            SLV_TRY(slv_buf_append(out, t.text));
        }
    }
    return SLV_OK;
}
