#include "web/html_selector.h"

#include "base/arena.h"
#include "base/utf8.h"
#include "base/vec.h"

#define NOT_DEPTH_MAX 16

typedef enum simple_kind {
    SIMPLE_TYPE,
    SIMPLE_CLASS,
    SIMPLE_ID,
    SIMPLE_ATTR, /* op 0: it exists */
    SIMPLE_NTH_CHILD,
    SIMPLE_NTH_OF_TYPE,
    SIMPLE_NOT,
} simple_kind;

/* A simple selector; those of a compound stand side by side. */
typedef struct simple {
    simple_kind kind;
    char op; /* = ~ | ^ $ * */
    bool nocase;
    slv_str name, value;
    int32_t a, b;                 /* an+b */
    uint32_t not_from, not_count; /* rows of s->nots */
} simple;

typedef struct compound { /* simples [from, from + count) */
    uint32_t from, count;
} compound;

typedef struct state_row {
    compound c;
    slv_html_step step;
} state_row;

struct slv_html_selectors {
    SLV_VEC(simple) simples;
    SLV_VEC(compound) nots;
    SLV_VEC(state_row) states;
    slv_arena arena; /* names and values */
    bool count_types;
};

slv_html_selectors *slv_html_selectors_new(void)
{
    slv_html_selectors *s = slv_new0(slv_html_selectors);

    s->arena = SLV_ARENA((size_t)4 << 20);
    return s;
}

slv_html_selectors *slv_html_selectors_free(slv_html_selectors *s)
{
    if (s) {
        slv_vec_done(&s->simples);
        slv_vec_done(&s->nots);
        slv_vec_done(&s->states);
        slv_arena_done(&s->arena);
        free(s);
    }
    return NULL;
}

uint32_t slv_html_selectors_states(const slv_html_selectors *s)
{
    return (uint32_t)s->states.len;
}

bool slv_html_selectors_count_types(const slv_html_selectors *s)
{
    return s->count_types;
}

slv_html_step slv_html_selectors_step(const slv_html_selectors *s, uint32_t state)
{
    return s->states.items[state].step;
}

/* ---- parsing ---- */

static const char text_end[] = "Unexpected end of selector.";
static const char text_token[] = "Unexpected token in selector.";
static const char text_empty[] = "The selector is empty.";
static const char text_namespace[] = "Selectors with explicit namespaces are not supported.";
static const char text_pseudo[] = "Unsupported pseudo-class or pseudo-element in selector.";
static const char text_attr[] = "Unexpected token in the attribute selector.";

typedef SLV_VEC(simple) simple_vec;

typedef struct parser {
    slv_html_selectors *s;
    slv_str text;
    size_t at;
    int depth; /* of :not() */
    slv_err *err;
} parser;

static slv_code refuse(parser *p, const char *why)
{
    return slv_fail(p->err, SLV_E_PARSE, "%s", why);
}

static char peek(const parser *p)
{
    return p->at < p->text.len ? p->text.ptr[p->at] : '\0';
}

static bool at_end(const parser *p)
{
    return p->at >= p->text.len;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void skip_comments(parser *p)
{
    while (slv_str_starts(slv_str_skip(p->text, p->at), SLV_STR("/*"))) {
        size_t end = slv_str_find(p->text, SLV_STR("*/"), p->at + 2);

        p->at = end == SIZE_MAX ? p->text.len : end + 2;
    }
}

static bool skip_space(parser *p)
{
    bool any = false;

    skip_comments(p);
    while (!at_end(p) && is_space(peek(p))) {
        p->at++;
        any = true;
        skip_comments(p);
    }
    return any;
}

static bool is_name_start(char c)
{
    return slv_is_alpha(c) || c == '_' || (unsigned char)c >= 0x80 || c == '\\';
}

static bool is_name(char c)
{
    return is_name_start(c) || slv_is_digit(c) || c == '-';
}

static bool at_ident(const parser *p)
{
    size_t at = p->at;

    if (at < p->text.len && p->text.ptr[at] == '-')
        at++;
    if (at >= p->text.len)
        return false;
    char c = p->text.ptr[at];
    if (c == '\\')
        return at + 1 < p->text.len && p->text.ptr[at + 1] != '\n';
    return is_name_start(c) || (c == '-' && at > p->at);
}

/* After a backslash: one character, or up to six hexadecimal digits and a space. */
static slv_code read_escape(parser *p, slv_buf *out)
{
    uint32_t code = 0;
    int digits = 0;

    if (at_end(p))
        return slv_buf_append(out, SLV_STR("\xef\xbf\xbd"));
    while (digits < 6 && slv_hex_value(peek(p)) >= 0) {
        code = code * 16 + (uint32_t)slv_hex_value(peek(p));
        p->at++;
        digits++;
    }
    if (digits == 0)
        return slv_buf_append_byte(out, p->text.ptr[p->at++]);
    if (is_space(peek(p)))
        p->at++;
    if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        code = 0xfffd;
    char bytes[4];
    size_t n = slv_utf8_put(code, bytes);
    return slv_buf_append(out, slv_str_make(bytes, n));
}

static slv_code keep(parser *p, slv_buf *text, slv_str *ret)
{
    return slv_arena_dup(&p->s->arena, slv_buf_view(text), ret);
}

/* An identifier, or the name of a hash; the caller has seen that one begins here. */
static slv_code read_ident(parser *p, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_HTML_SELECTOR_MAX);

    while (!at_end(p) && is_name(peek(p))) {
        char c = p->text.ptr[p->at++];

        if (c == '\\')
            SLV_TRY(read_escape(p, &out));
        else
            SLV_TRY(slv_buf_append_byte(&out, c));
    }
    return keep(p, &out, ret);
}

static slv_code read_string(parser *p, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_HTML_SELECTOR_MAX);
    char quote = p->text.ptr[p->at++];

    while (!at_end(p) && peek(p) != quote) {
        char c = p->text.ptr[p->at++];

        if (c == '\n')
            return refuse(p, text_attr);
        if (c != '\\')
            SLV_TRY(slv_buf_append_byte(&out, c));
        else if (peek(p) == '\n')
            p->at++;
        else
            SLV_TRY(read_escape(p, &out));
    }
    if (!at_end(p))
        p->at++;
    return keep(p, &out, ret);
}

/* Attributes whose values HTML compares without regard to case. */
static bool html_nocase(slv_str name)
{
    static const char names[] = " accept accept-charset align alink axis bgcolor charset checked "
                                "clear codetype color compact declare defer"
                                " dir direction disabled enctype face frame hreflang http-equiv "
                                "lang language link media method multiple"
                                " nohref noresize noshade nowrap readonly rel rev rules scope "
                                "scrolling selected shape target text type"
                                " valign valuetype vlink ";
    size_t at = 0;

    while ((at = slv_str_find(slv_str_make(names, sizeof names - 1), name, at)) != SIZE_MAX) {
        if (name.len && names[at - 1] == ' ' && names[at + name.len] == ' ')
            return true;
        at++;
    }
    return false;
}

static bool has_upper(slv_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z')
            return true;
    }
    return false;
}

static slv_code parse_attr_value(parser *p, simple *out)
{
    bool flag_seen = false;

    skip_space(p);
    if (at_end(p) || peek(p) == ']')
        return refuse(p, text_end);
    if (peek(p) == '"' || peek(p) == '\'')
        SLV_TRY(read_string(p, &out->value));
    else if (at_ident(p))
        SLV_TRY(read_ident(p, &out->value));
    else
        return refuse(p, text_attr);
    out->nocase = html_nocase(out->name);
    skip_space(p);
    if (peek(p) == 'i' || peek(p) == 'I' || peek(p) == 's' || peek(p) == 'S') {
        out->nocase = slv_ascii_lower(peek(p)) == 'i';
        p->at++;
        flag_seen = true;
        skip_space(p);
    }
    if (!at_end(p) && peek(p) != ']')
        return refuse(p, flag_seen && is_name(peek(p)) ? text_attr : text_token);
    return SLV_OK;
}

static slv_code parse_attr(parser *p, simple *out)
{
    out->kind = SIMPLE_ATTR;
    p->at++;
    skip_space(p);
    if (at_end(p))
        return refuse(p, text_end);
    if (slv_str_starts(slv_str_skip(p->text, p->at), SLV_STR("*|"))) /* any namespace */
        p->at += 2;
    else if (peek(p) == '|') /* no namespace, which is all that attributes have */
        p->at++;
    if (!at_ident(p))
        return refuse(p, "Missing attribute name in attribute selector.");
    SLV_TRY(read_ident(p, &out->name));
    if (peek(p) == '|' && !(p->at + 1 < p->text.len && p->text.ptr[p->at + 1] == '='))
        return refuse(p, text_namespace);
    if (has_upper(out->name)) /* as the reference says it, strange as it is */
        return refuse(p, text_namespace);
    skip_space(p);
    if (!at_end(p) && peek(p) != ']') {
        char c = peek(p);

        if (c == '=') {
            out->op = '=';
        } else if (memchr("~|^$*", c, 5) && p->at + 1 < p->text.len &&
                   p->text.ptr[p->at + 1] == '=') {
            out->op = c;
            p->at++;
        } else {
            return refuse(p, text_attr);
        }
        p->at++;
        SLV_TRY(parse_attr_value(p, out));
    }
    if (!at_end(p))
        p->at++;
    return SLV_OK;
}

static bool read_int(parser *p, int32_t *ret)
{
    size_t from = p->at;
    int64_t n = 0;

    while (slv_is_digit(peek(p))) {
        n = n * 10 + (peek(p) - '0');
        if (n > INT32_MAX)
            n = INT32_MAX;
        p->at++;
    }
    *ret = (int32_t)n;
    return p->at > from;
}

/* an+b, even, odd */
static slv_code parse_nth(parser *p, simple *out)
{
    slv_str rest = slv_str_skip(p->text, p->at);
    int32_t sign = 1, n = 1;

    out->a = out->b = 0;
    if (slv_str_eq_nocase(slv_str_sub(rest, 0, 4), SLV_STR("even"))) {
        out->a = 2;
        p->at += 4;
        return SLV_OK;
    }
    if (slv_str_eq_nocase(slv_str_sub(rest, 0, 3), SLV_STR("odd"))) {
        out->a = 2;
        out->b = 1;
        p->at += 3;
        return SLV_OK;
    }
    if (peek(p) == '+' || peek(p) == '-')
        sign = p->text.ptr[p->at++] == '-' ? -1 : 1;
    bool number = read_int(p, &n);
    if (peek(p) != 'n' && peek(p) != 'N') {
        out->b = sign * n;
        return number ? SLV_OK : refuse(p, text_token);
    }
    out->a = sign * (number ? n : 1);
    p->at++;
    skip_space(p);
    if (peek(p) == '+' || peek(p) == '-') {
        sign = p->text.ptr[p->at++] == '-' ? -1 : 1;
        skip_space(p);
        if (!read_int(p, &n))
            return refuse(p, text_token);
        out->b = sign * n;
    }
    return SLV_OK;
}

static slv_code parse_compound(parser *p, simple_vec *out, bool *ret_any);

/* The arguments of :not(): of each only its last compound counts, as in the reference. */
static slv_code parse_not(parser *p, simple *out)
{
    SLV_VEC(compound) alternatives = {0};
    slv_code code = SLV_OK;

    if (++p->depth > NOT_DEPTH_MAX)
        return slv_fail(p->err, SLV_E_LIMIT, "The selector is nested too deeply.");
    for (;;) {
        simple_vec last = {0};
        bool any = false, some = false;

        do {
            last.len = 0;
            skip_space(p);
            code = parse_compound(p, &last, &any);
            some = some || any;
            skip_space(p);
            if (peek(p) == '>')
                p->at++;
        } while (code == SLV_OK && any && !at_end(p) && peek(p) != ',' && peek(p) != ')');
        if (code == SLV_OK && !some)
            code = refuse(p, text_empty);
        if (code == SLV_OK) {
            compound c = {(uint32_t)p->s->simples.len, (uint32_t)last.len};
            for (size_t i = 0; i < last.len; i++)
                slv_vec_push(&p->s->simples, last.items[i]);
            slv_vec_push(&alternatives, c);
        }
        slv_vec_done(&last);
        if (code != SLV_OK || peek(p) != ',')
            break;
        p->at++;
    }
    p->depth--;
    out->kind = SIMPLE_NOT;
    out->not_from = (uint32_t)p->s->nots.len;
    out->not_count = (uint32_t)alternatives.len;
    for (size_t i = 0; i < alternatives.len; i++)
        slv_vec_push(&p->s->nots, alternatives.items[i]);
    slv_vec_done(&alternatives);
    return code;
}

static slv_code parse_pseudo(parser *p, simple *out)
{
    slv_str name;

    p->at++;
    if (at_end(p))
        return refuse(p, text_end);
    if (peek(p) == ':')
        return refuse(p, text_pseudo);
    if (!at_ident(p))
        return refuse(p, text_token);
    SLV_TRY(read_ident(p, &name));
    bool function = peek(p) == '(';
    bool child = slv_str_eq_nocase(name, SLV_STR("first-child"));
    if (!function && (child || slv_str_eq_nocase(name, SLV_STR("first-of-type")))) {
        out->kind = child ? SIMPLE_NTH_CHILD : SIMPLE_NTH_OF_TYPE;
        out->b = 1;
        p->s->count_types |= !child;
        return SLV_OK;
    }
    if (!function)
        return refuse(p, text_pseudo);
    p->at++;
    skip_space(p);
    if (slv_str_eq_nocase(name, SLV_STR("not"))) {
        SLV_TRY(parse_not(p, out));
    } else if (slv_str_eq_nocase(name, SLV_STR("nth-child")) ||
               slv_str_eq_nocase(name, SLV_STR("nth-of-type"))) {
        child = name.len == sizeof "nth-child" - 1;
        out->kind = child ? SIMPLE_NTH_CHILD : SIMPLE_NTH_OF_TYPE;
        p->s->count_types |= !child;
        SLV_TRY(parse_nth(p, out));
    } else {
        return refuse(p, text_pseudo);
    }
    skip_space(p);
    if (!at_end(p) && peek(p) != ')')
        return refuse(p, text_token);
    if (!at_end(p))
        p->at++;
    return SLV_OK;
}

/* An optional type, then whatever follows without space. */
static slv_code parse_compound(parser *p, simple_vec *out, bool *ret_any)
{
    *ret_any = false;
    if (peek(p) == '*' || at_ident(p)) {
        simple type = {.kind = SIMPLE_TYPE};
        bool star = peek(p) == '*';

        if (star)
            p->at++;
        else
            SLV_TRY(read_ident(p, &type.name));
        if (peek(p) == '|') { /* "*|name" is any namespace, which is all that there is */
            if (!star)
                return refuse(p, text_namespace);
            p->at++;
            star = peek(p) == '*';
            if (star)
                p->at++;
            else if (at_ident(p))
                SLV_TRY(read_ident(p, &type.name));
            else
                return refuse(p, text_token);
        }
        if (!star)
            slv_vec_push(out, type);
        *ret_any = true;
    } else if (peek(p) == '|') {
        return refuse(p, text_namespace);
    }
    while (!at_end(p)) {
        simple one = {0};
        char c = peek(p);

        if (c == '.' || c == '#') {
            size_t from = p->at++;

            if (c == '.' && at_end(p))
                return refuse(p, text_end);
            if (!at_ident(p)) {
                if (c == '.')
                    return refuse(p, "Invalid or unescaped class name in selector.");
                p->at = from;
                return SLV_OK;
            }
            one.kind = c == '.' ? SIMPLE_CLASS : SIMPLE_ID;
            SLV_TRY(read_ident(p, &one.value));
        } else if (c == '[') {
            SLV_TRY(parse_attr(p, &one));
        } else if (c == ':') {
            SLV_TRY(parse_pseudo(p, &one));
        } else {
            break;
        }
        slv_vec_push(out, one);
        *ret_any = true;
    }
    return SLV_OK;
}

/* One selector of the list: compounds and what stands between them. */
static slv_code parse_complex(parser *p, uint32_t selector)
{
    simple_vec simples = {0};
    bool any = false, first = true;
    slv_code code;

    skip_space(p);
    for (;;) {
        simples.len = 0;
        code = parse_compound(p, &simples, &any);
        if (code == SLV_OK && !any)
            code = refuse(p, first ? text_empty : "Dangling combinator in selector.");
        if (code == SLV_OK && p->s->states.len >= SLV_HTML_STATES_MAX)
            code = slv_fail(p->err, SLV_E_LIMIT, "Too many selectors.");
        if (code != SLV_OK)
            break;

        state_row row = {.c = {(uint32_t)p->s->simples.len, (uint32_t)simples.len}};
        row.step = (slv_html_step){selector, UINT32_MAX, false, first};
        for (size_t i = 0; i < simples.len; i++)
            slv_vec_push(&p->s->simples, simples.items[i]);
        slv_vec_push(&p->s->states, row);
        first = false;

        bool space = skip_space(p);
        char c = peek(p);
        if (at_end(p) || c == ',')
            break;
        if (c == '+' || c == '~') {
            code = slv_fail(p->err, SLV_E_PARSE, "Unsupported combinator `%c` in selector.", c);
            break;
        }
        if (c != '>' && !space) {
            code = refuse(p, text_token);
            break;
        }
        if (c == '>') {
            p->at++;
            skip_space(p);
        }
        state_row *last = &p->s->states.items[p->s->states.len - 1];
        last->step.next = (uint32_t)p->s->states.len;
        last->step.next_is_child = c == '>';
    }
    slv_vec_done(&simples);
    return code;
}

slv_code slv_html_selectors_add(slv_html_selectors *s, slv_str text, uint32_t selector,
                                slv_err *err)
{
    parser p = {.s = s, .text = text, .err = err};
    size_t simples = s->simples.len, nots = s->nots.len, states = s->states.len;
    slv_code code;

    if (text.len > SLV_HTML_SELECTOR_MAX)
        return slv_fail(err, SLV_E_LIMIT, "The selector is too long.");
    do {
        code = parse_complex(&p, selector);
    } while (code == SLV_OK && !at_end(&p) && p.at++ < text.len); /* past the comma */
    if (code != SLV_OK) {
        s->simples.len = simples;
        s->nots.len = nots;
        s->states.len = states;
    }
    return code;
}

/* ---- matching ---- */

static bool eq(slv_str a, slv_str b, bool nocase)
{
    return nocase ? slv_str_eq_nocase(a, b) : slv_str_eq(a, b);
}

static bool find_attr(const slv_html_token *tag, slv_str name, slv_str *ret)
{
    for (size_t i = 0; i < tag->attr_count; i++) {
        if (slv_str_eq_nocase(slv_html_part(tag, tag->attrs[i].name), name)) {
            *ret = slv_html_part(tag, tag->attrs[i].value);
            return true;
        }
    }
    return false;
}

static bool has_word(slv_str list, slv_str word, bool nocase)
{
    size_t at = 0;

    while (at < list.len) {
        while (at < list.len && is_space(list.ptr[at]))
            at++;
        size_t from = at;
        while (at < list.len && !is_space(list.ptr[at]))
            at++;
        if (at > from && eq(slv_str_sub(list, from, at), word, nocase))
            return true;
    }
    return false;
}

static bool contains(slv_str s, slv_str needle, bool nocase)
{
    for (size_t i = 0; needle.len && needle.len <= s.len && i <= s.len - needle.len; i++) {
        if (eq(slv_str_sub(s, i, i + needle.len), needle, nocase))
            return true;
    }
    return false;
}

static bool match_attr(const simple *m, const slv_html_token *tag)
{
    slv_str v, want = m->value;

    if (!find_attr(tag, m->name, &v))
        return false;
    switch (m->op) {
    case '\0':
        return true;
    case '=':
        return eq(v, want, m->nocase);
    case '~':
        return has_word(v, want, m->nocase);
    case '|':
        return eq(v, want, m->nocase) || (v.len > want.len && v.ptr[want.len] == '-' &&
                                          eq(slv_str_sub(v, 0, want.len), want, m->nocase));
    case '^': /* an empty part is part of nothing */
        return want.len && v.len >= want.len && eq(slv_str_sub(v, 0, want.len), want, m->nocase);
    case '$':
        return want.len && v.len >= want.len &&
               eq(slv_str_skip(v, v.len - want.len), want, m->nocase);
    default:
        return contains(v, want, m->nocase);
    }
}

/* Whether index = a*n + b for some n >= 0. */
static bool match_nth(int32_t a, int32_t b, uint32_t index)
{
    int64_t rest = (int64_t)index - b;

    return a == 0 ? rest == 0 : rest % a == 0 && rest / a >= 0;
}

static bool match_simple(const slv_html_selectors *s, const simple *m, const slv_html_element *e);

static bool match_compound(const slv_html_selectors *s, compound c, const slv_html_element *e)
{
    for (uint32_t i = 0; i < c.count; i++) {
        if (!match_simple(s, &s->simples.items[c.from + i], e))
            return false;
    }
    return true;
}

static bool match_simple(const slv_html_selectors *s, const simple *m, const slv_html_element *e)
{
    slv_str v;

    switch (m->kind) {
    case SIMPLE_TYPE:
        return slv_str_eq_nocase(e->name, m->name);
    case SIMPLE_CLASS:
        return find_attr(e->tag, SLV_STR("class"), &v) && has_word(v, m->value, false);
    case SIMPLE_ID:
        return find_attr(e->tag, SLV_STR("id"), &v) && slv_str_eq(v, m->value);
    case SIMPLE_ATTR:
        return match_attr(m, e->tag);
    case SIMPLE_NTH_CHILD:
        return match_nth(m->a, m->b, e->nth_child);
    case SIMPLE_NTH_OF_TYPE:
        return match_nth(m->a, m->b, e->nth_of_type);
    case SIMPLE_NOT:
        for (uint32_t i = 0; i < m->not_count; i++) {
            if (match_compound(s, s->nots.items[m->not_from + i], e))
                return false;
        }
        return true;
    }
    return false;
}

bool slv_html_selectors_match(const slv_html_selectors *s, uint32_t state,
                              const slv_html_element *element)
{
    return match_compound(s, s->states.items[state].c, element);
}
