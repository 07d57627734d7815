#include "fmt/dotenv.h"

#define EXPANSIONS_MAX 200 /* of one value: a variable may name itself */

/* ---- reading ---- */

typedef struct cursor {
    slv_str s;
    size_t at;
} cursor;

static int at_byte(const cursor *c, size_t at)
{
    return at < c->s.len ? (unsigned char)c->s.ptr[at] : -1;
}

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_line_end(int c)
{
    return c == -1 || c == '\n' || c == '\r';
}

static bool is_name(int c)
{
    return c > 0 &&
           (slv_is_alpha((char)c) || slv_is_digit((char)c) || c == '_' || c == '.' || c == '-');
}

static size_t skip_blanks(const cursor *c, size_t at)
{
    while (is_space(at_byte(c, at)) && !is_line_end(at_byte(c, at)))
        at++;
    return at;
}

static size_t skip_line(const cursor *c, size_t at)
{
    while (!is_line_end(at_byte(c, at)))
        at++;
    return at;
}

/* "export " in front of a name. */
static size_t skip_export(const cursor *c, size_t at)
{
    slv_str rest = slv_str_skip(c->s, at);

    if (!slv_str_starts(rest, SLV_STR("export")) || !is_space(at_byte(c, at + 6)))
        return at;
    return skip_blanks(c, at + 6);
}

/* The quoted value at `at`, when nothing but a comment follows it on its line: end of the line in
 * *ret_end. */
static bool quoted(const cursor *c, size_t at, slv_str *ret, size_t *ret_end)
{
    int quote = at_byte(c, at);
    size_t end = at + 1, after;

    if (quote != '"' && quote != '\'' && quote != '`')
        return false;
    while (at_byte(c, end) != quote) {
        if (at_byte(c, end) == -1)
            return false;
        if (at_byte(c, end) == '\\' && at_byte(c, end + 1) == quote)
            end++;
        end++;
    }
    after = skip_blanks(c, end + 1);
    if (at_byte(c, after) == '#')
        after = skip_line(c, after);
    if (!is_line_end(at_byte(c, after)))
        return false;
    *ret = slv_str_sub(c->s, at + 1, end);
    *ret_end = after;
    return true;
}

/* Bare values lose white space and one pair of quotes around them. */
static slv_str bare(const cursor *c, size_t at, size_t *ret_end)
{
    size_t end = at;
    slv_str s;

    while (!is_line_end(at_byte(c, end)) && at_byte(c, end) != '#')
        end++;
    s = slv_str_trim(slv_str_sub(c->s, at, end));
    *ret_end = skip_line(c, end);
    if (s.len >= 2 && s.ptr[0] == s.ptr[s.len - 1] && strchr("'\"`", s.ptr[0]))
        s = slv_str_sub(s, 1, s.len - 1);
    return s;
}

/* In double quotes \n and \r are escapes, and nothing else is. */
static slv_code unescape(slv_str s, slv_arena *arena, slv_str *ret)
{
    char *out = slv_arena_try_alloc(arena, s.len + 1);
    size_t n = 0;

    if (!out)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < s.len; i++) {
        char next = i + 1 < s.len ? s.ptr[i + 1] : '\0';

        if (s.ptr[i] == '\\' && (next == 'n' || next == 'r')) {
            out[n++] = next == 'n' ? '\n' : '\r';
            i++;
        } else {
            out[n++] = s.ptr[i];
        }
    }
    *ret = slv_str_make(out, n);
    return SLV_OK;
}

/* The value of NAME, behind its '=' or ':'. */
static slv_code value(cursor *c, slv_arena *arena, slv_str *ret)
{
    size_t at = skip_blanks(c, c->at), end;
    bool escapes = at_byte(c, at) == '"';
    slv_str s;

    if (!quoted(c, at, &s, &end)) {
        s = bare(c, at, &end);
        escapes = escapes && s.ptr == c->s.ptr + at + 1; /* its quotes were taken off */
    }
    c->at = end;
    if (escapes)
        return unescape(s, arena, ret);
    return slv_arena_dup(arena, s, ret);
}

static slv_code set(slv_node *object, slv_arena *arena, slv_str name, slv_str text, slv_err *err)
{
    slv_node *n = slv_node_find(object, name);
    slv_str key;

    if (n) {
        n->text = text;
        return SLV_OK;
    }
    if (object->count == SLV_DOTENV_NAMES_MAX)
        return slv_fail(err, SLV_E_LIMIT, "more than %d names", SLV_DOTENV_NAMES_MAX);
    n = slv_node_new(arena, SLV_NODE_STRING, 0, 0);
    if (!n)
        return slv_fail(err, SLV_E_LIMIT, "the file is too large");
    SLV_TRY(slv_arena_dup(arena, name, &key));
    n->key = key;
    n->text = text;
    slv_node_append(object, n);
    return SLV_OK;
}

slv_code slv_dotenv_parse(slv_str text, slv_arena *arena, slv_node *object, slv_err *err)
{
    cursor c = {text, slv_str_starts(text, SLV_STR("\xEF\xBB\xBF")) ? 3 : 0};

    if (text.len > SLV_DOTENV_MAX)
        return slv_fail(err, SLV_E_LIMIT, "%zu bytes; %zu are allowed", text.len, SLV_DOTENV_MAX);
    while (c.at < text.len) {
        size_t start, end;
        slv_str name, v;

        while (is_space(at_byte(&c, c.at)))
            c.at++;
        start = skip_export(&c, c.at);
        for (end = start; is_name(at_byte(&c, end)); end++)
            ;
        name = slv_str_sub(text, start, end);
        c.at = skip_blanks(&c, end);
        if (name.len == 0 ||
            (at_byte(&c, c.at) != '=' &&
             !(c.at == end && at_byte(&c, end) == ':' && is_space(at_byte(&c, end + 1))))) {
            c.at = skip_line(&c, c.at);
            continue;
        }
        c.at++;
        if (value(&c, arena, &v) != SLV_OK)
            return slv_fail(err, SLV_E_LIMIT, "the file is too large");
        SLV_TRY(set(object, arena, name, v, err));
    }
    return SLV_OK;
}

/* ---- expansion ---- */

typedef struct reference {
    size_t start, end; /* in the value */
    slv_str name, fallback;
    bool alternative; /* ${NAME:+x}: fallback stands for a set variable */
} reference;

static bool split_operator(slv_str body, reference *ret)
{
    for (size_t i = 0; i < body.len; i++) {
        bool colon = body.ptr[i] == ':' && i + 1 < body.len;
        char op = colon ? body.ptr[i + 1] : body.ptr[i];

        if (op != '-' && op != '+')
            continue;
        ret->name = slv_str_sub(body, 0, i);
        ret->fallback = slv_str_skip(body, i + (colon ? 2 : 1));
        ret->alternative = op == '+';
        return true;
    }
    ret->name = body;
    ret->fallback = SLV_STR("");
    ret->alternative = false;
    return true;
}

static bool is_word(char ch, bool first)
{
    return slv_is_alpha(ch) || ch == '_' || (!first && slv_is_digit(ch));
}

static bool reference_at(slv_str s, size_t at, reference *ret)
{
    size_t end = at + 1;

    if (s.ptr[at] != '$' || (at > 0 && s.ptr[at - 1] == '\\'))
        return false;
    ret->start = at;
    if (end < s.len && s.ptr[end] == '{') {
        for (end++; end < s.len && s.ptr[end] != '}' && s.ptr[end] != '{'; end++)
            ;
        if (end >= s.len || s.ptr[end] != '}' || end == at + 2)
            return false;
        ret->end = end + 1;
        return split_operator(slv_str_sub(s, at + 2, end), ret);
    }
    while (end < s.len && is_word(s.ptr[end], end == at + 1))
        end++;
    if (end == at + 1)
        return false;
    ret->end = end;
    return split_operator(slv_str_sub(s, at + 1, end), ret);
}

static slv_str variable(const slv_node *object, const slv_node *until, slv_str name,
                        slv_dotenv_outside outside, void *arg)
{
    slv_str v = outside ? outside(name, arg) : SLV_STR_NULL;

    if (v.ptr)
        return v;
    for (const slv_node *n = object->first; n && n != until; n = n->next)
        if (slv_str_eq(n->key, name))
            return n->text;
    return SLV_STR_NULL;
}

static slv_code replace(slv_buf *value, const reference *r, slv_str with)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_DOTENV_VALUE_MAX);
    slv_str s = slv_buf_view(value);

    SLV_TRY(slv_buf_append(&out, slv_str_sub(s, 0, r->start)));
    SLV_TRY(slv_buf_append(&out, with));
    SLV_TRY(slv_buf_append(&out, slv_str_skip(s, r->end)));
    return slv_buf_set(value, slv_buf_view(&out));
}

static slv_code expand_value(const slv_node *object, slv_node *n, slv_dotenv_outside outside,
                             void *arg, slv_buf *v)
{
    SLV_TRY(slv_buf_set(v, n->text));
    for (int i = 0; i < EXPANSIONS_MAX; i++) {
        reference r;
        size_t at = 0;
        slv_str found;

        while (at < v->len && !reference_at(slv_buf_view(v), at, &r))
            at++;
        if (at >= v->len)
            break;
        found = variable(object, n, r.name, outside, arg);
        if (r.alternative)
            found = found.len > 0 ? r.fallback : SLV_STR("");
        else if (found.len == 0)
            found = r.fallback;
        SLV_TRY(replace(v, &r, found));
    }
    for (size_t i = 0; i + 1 < v->len; i++)
        if (v->ptr[i] == '\\' && v->ptr[i + 1] == '$') {
            memmove(v->ptr + i, v->ptr + i + 1, v->len - i - 1);
            v->len--;
        }
    return SLV_OK;
}

slv_code slv_dotenv_expand(slv_node *object, slv_arena *arena, slv_dotenv_outside outside,
                           void *arg, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf v = SLV_BUF(SLV_DOTENV_VALUE_MAX);

    for (slv_node *n = object->first; n; n = n->next) {
        slv_str given = outside ? outside(n->key, arg) : SLV_STR_NULL;

        if (given.len > 0) {
            n->text = given;
            continue;
        }
        if (expand_value(object, n, outside, arg, &v) != SLV_OK)
            return slv_fail(err, SLV_E_LIMIT, "%.*s is longer than %zu bytes when expanded",
                            SLV_STR_ARGS(n->key), SLV_DOTENV_VALUE_MAX);
        if (slv_arena_dup(arena, slv_buf_view(&v), &n->text) != SLV_OK)
            return slv_fail(err, SLV_E_LIMIT, "the file is too large");
    }
    return SLV_OK;
}
