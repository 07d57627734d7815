#include "fmt/json.h"

#include "base/map.h"
#include "base/utf8.h"
#include "fmt/scan_int.h"

typedef struct parser {
    slv_scan s;
    bool comments;
    int depth;
    slv_arena *arena;
    slv_err *err;
} parser;

static slv_code fail_at(parser *p, size_t at, const char *what)
{
    return slv_fail(p->err, SLV_E_PARSE, "%u:%u: %s", p->s.line, slv_scan_col(&p->s, at), what);
}

static slv_code fail_memory(parser *p)
{
    return slv_fail(p->err, SLV_E_LIMIT, "%u:%u: the document is too large", p->s.line,
                    slv_scan_col(&p->s, p->s.at));
}

static int peek(const parser *p)
{
    return slv_scan_peek(&p->s, 0);
}

static int peek2(const parser *p)
{
    return slv_scan_peek(&p->s, 1);
}

static slv_code skip_comment(parser *p)
{
    size_t start = p->s.at;
    uint32_t line = p->s.line;
    size_t line_start = p->s.line_start;

    if (peek2(p) == '/') {
        while (peek(p) != -1 && peek(p) != '\n')
            p->s.at++;
        return SLV_OK;
    }
    for (p->s.at += 2; p->s.at < p->s.text.len; p->s.at++) {
        if (peek(p) == '*' && peek2(p) == '/') {
            p->s.at += 2;
            return SLV_OK;
        }
        if (peek(p) == '\n') {
            p->s.line++;
            p->s.line_start = p->s.at + 1;
        }
    }
    p->s.line = line;
    p->s.line_start = line_start;
    return fail_at(p, start, "this comment does not end");
}

static slv_code skip_space(parser *p)
{
    for (;;) {
        int c = peek(p);

        if (c == '\n') {
            p->s.at++;
            slv_scan_newline(&p->s);
        } else if (c == ' ' || c == '\t' || c == '\r') {
            p->s.at++;
        } else if (c == '/' && p->comments && (peek2(p) == '/' || peek2(p) == '*')) {
            SLV_TRY(skip_comment(p));
        } else if (c == '/' && (peek2(p) == '/' || peek2(p) == '*')) {
            return fail_at(p, p->s.at, "comments are not allowed here");
        } else {
            return SLV_OK;
        }
    }
}

static bool hex4(const parser *p, size_t at, uint32_t *ret)
{
    uint32_t v = 0;

    for (size_t i = 0; i < 4; i++) {
        int digit = at + i < p->s.text.len ? slv_hex_value(p->s.text.ptr[at + i]) : -1;

        if (digit < 0)
            return false;
        v = v << 4 | (uint32_t)digit;
    }
    *ret = v;
    return true;
}

/* At the four digits after "\u". */
static slv_code unicode_escape(parser *p, char **out)
{
    uint32_t cp, low;

    if (!hex4(p, p->s.at, &cp))
        return fail_at(p, p->s.at, "expected four hexadecimal digits after \\u");
    p->s.at += 4;
    if (cp >= 0xD800 && cp < 0xDC00 && peek(p) == '\\' && peek2(p) == 'u' &&
        hex4(p, p->s.at + 2, &low) && low >= 0xDC00 && low < 0xE000) {
        cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
        p->s.at += 6;
    } else if (cp >= 0xD800 && cp < 0xE000) {
        cp = 0xFFFD;
    }
    *out += slv_utf8_put(cp, *out);
    return SLV_OK;
}

static slv_code escape(parser *p, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *hit;
    int c;

    p->s.at++;
    c = peek(p);
    if (c == 'u') {
        p->s.at++;
        return unicode_escape(p, out);
    }
    hit = c > 0 ? strchr(from, c) : NULL;
    if (!hit)
        return fail_at(p, p->s.at - 1, "unknown escape in a string");
    *(*out)++ = to[hit - from];
    p->s.at++;
    return SLV_OK;
}

static slv_code parse_string(parser *p, slv_str *ret)
{
    size_t start = ++p->s.at, end = start;
    bool escaped = false;
    char *out, *begin;

    while (end < p->s.text.len && p->s.text.ptr[end] != '"') {
        if ((unsigned char)p->s.text.ptr[end] < 0x20)
            return fail_at(p, end,
                           p->s.text.ptr[end] == '\n'
                               ? "this string does not end on its line"
                               : "control characters in strings must be escaped");
        if (p->s.text.ptr[end] == '\\') {
            escaped = true;
            end++;
        }
        end++;
    }
    if (end >= p->s.text.len)
        return fail_at(p, start - 1, "this string does not end");
    if (!escaped) {
        *ret = slv_str_sub(p->s.text, start, end);
        p->s.at = end + 1;
        return SLV_OK;
    }
    /* An escape is never shorter than what it stands for. */
    out = begin = slv_arena_try_alloc(p->arena, end - start + 1);
    if (!out)
        return fail_memory(p);
    while (p->s.at < end) {
        if (peek(p) == '\\')
            SLV_TRY(escape(p, &out));
        else
            *out++ = p->s.text.ptr[p->s.at++];
    }
    p->s.at = end + 1;
    *ret = slv_str_make(begin, (size_t)(out - begin));
    return SLV_OK;
}

static size_t digits(parser *p)
{
    size_t start = p->s.at;

    while (peek(p) != -1 && slv_is_digit((char)peek(p)))
        p->s.at++;
    return p->s.at - start;
}

static slv_code parse_number(parser *p, slv_node *n)
{
    size_t start = p->s.at;

    if (peek(p) == '-')
        p->s.at++;
    if (peek(p) == '0')
        p->s.at++;
    else if (digits(p) == 0)
        return fail_at(p, p->s.at, "expected a digit");
    if (peek(p) == '.') {
        p->s.at++;
        if (digits(p) == 0)
            return fail_at(p, p->s.at, "expected a digit after the decimal point");
    }
    if (peek(p) == 'e' || peek(p) == 'E') {
        p->s.at++;
        if (peek(p) == '+' || peek(p) == '-')
            p->s.at++;
        if (digits(p) == 0)
            return fail_at(p, p->s.at, "expected a digit in the exponent");
    }
    if (peek(p) != -1 && slv_is_digit((char)peek(p)))
        return fail_at(p, start, "a number does not begin with 0");
    n->type = SLV_NODE_NUMBER;
    n->text = slv_str_sub(p->s.text, start, p->s.at);
    return SLV_OK;
}

static slv_code parse_word(parser *p, slv_node *n)
{
    static const struct {
        const char *word;
        slv_node_type type;
        bool value;
    } words[] = {{"true", SLV_NODE_BOOL, true},
                 {"false", SLV_NODE_BOOL, false},
                 {"null", SLV_NODE_NULL, false}};

    for (size_t i = 0; i < SLV_ARRAY_LEN(words); i++) {
        slv_str word = slv_str_from(words[i].word);

        if (slv_str_starts(slv_str_skip(p->s.text, p->s.at), word)) {
            p->s.at += word.len;
            n->type = words[i].type;
            n->boolean = words[i].value;
            return SLV_OK;
        }
    }
    return fail_at(p, p->s.at,
                   peek(p) == -1 ? "the text ends where a value was expected" : "expected a value");
}

static slv_code parse_value(parser *p, slv_node **ret);

/* After an item: true in *ret_more when another follows. */
static slv_code separator(parser *p, int close, const char *expected, bool *ret_more)
{
    SLV_TRY(skip_space(p));
    *ret_more = false;
    if (peek(p) == close) {
        p->s.at++;
        return SLV_OK;
    }
    if (peek(p) != ',')
        return fail_at(p, p->s.at, expected);
    p->s.at++;
    SLV_TRY(skip_space(p));
    if (peek(p) == close) {
        if (!p->comments)
            return fail_at(p, p->s.at, "a comma is not allowed after the last item");
        p->s.at++;
        return SLV_OK;
    }
    *ret_more = true;
    return SLV_OK;
}

static slv_code parse_array(parser *p, slv_node *n)
{
    bool more;

    n->type = SLV_NODE_ARRAY;
    p->s.at++;
    SLV_TRY(skip_space(p));
    if (peek(p) == ']') {
        p->s.at++;
        return SLV_OK;
    }
    do {
        slv_node *item = NULL;

        SLV_TRY(parse_value(p, &item));
        slv_node_append(n, item);
        SLV_TRY(separator(p, ']', "expected ',' or ']'", &more));
    } while (more);
    return SLV_OK;
}

typedef SLV_MAP(slv_node *) node_map;

/* Small objects are searched, large ones have a table: strangers choose the size. */
#define SEARCH_MAX 16

static void add_member(slv_node *object, node_map *seen, slv_node *member)
{
    slv_node *old = NULL;

    if (object->count < SEARCH_MAX) {
        old = slv_node_find(object, member->key);
    } else {
        if (seen->len == 0)
            for (slv_node *m = object->first; m; m = m->next)
                slv_map_set(seen, m->key, m);
        slv_node **hit = slv_map_get(seen, member->key);
        old = hit ? *hit : NULL;
    }
    if (old) {
        slv_node *next = old->next;

        *old = *member;
        old->next = next;
        return;
    }
    slv_node_append(object, member);
    if (seen->len > 0)
        slv_map_set(seen, member->key, member);
}

static slv_code parse_members(parser *p, slv_node *n, node_map *seen)
{
    bool more;

    do {
        slv_node *member = NULL;
        slv_str key = SLV_STR_NULL;
        uint32_t line = p->s.line, col = slv_scan_col(&p->s, p->s.at);

        if (peek(p) != '"')
            return fail_at(p, p->s.at, "expected a name in double quotes");
        SLV_TRY(parse_string(p, &key));
        SLV_TRY(skip_space(p));
        if (peek(p) != ':')
            return fail_at(p, p->s.at, "expected ':' after the name");
        p->s.at++;
        SLV_TRY(parse_value(p, &member));
        SLV_ASSERT(member);
        member->key = key;
        member->key_line = line;
        member->key_col = col;
        add_member(n, seen, member);
        SLV_TRY(separator(p, '}', "expected ',' or '}'", &more));
    } while (more);
    return SLV_OK;
}

static slv_code parse_object(parser *p, slv_node *n)
{
    node_map seen = {0};
    slv_code code;

    n->type = SLV_NODE_OBJECT;
    p->s.at++;
    SLV_TRY(skip_space(p));
    if (peek(p) == '}') {
        p->s.at++;
        return SLV_OK;
    }
    code = parse_members(p, n, &seen);
    slv_map_done(&seen);
    return code;
}

static slv_code parse_value(parser *p, slv_node **ret)
{
    slv_code code;
    slv_node *n;

    SLV_TRY(skip_space(p));
    n = slv_node_new(p->arena, SLV_NODE_NULL, p->s.line, slv_scan_col(&p->s, p->s.at));
    if (!n)
        return fail_memory(p);
    if (p->depth == SLV_JSON_DEPTH_MAX)
        return fail_at(p, p->s.at, "nested too deeply");
    p->depth++;
    switch (peek(p)) {
    case '{':
        code = parse_object(p, n);
        break;
    case '[':
        code = parse_array(p, n);
        break;
    case '"':
        n->type = SLV_NODE_STRING;
        code = parse_string(p, &n->text);
        break;
    case '-':
    case '0' ... '9':
        code = parse_number(p, n);
        break;
    default:
        code = parse_word(p, n);
        break;
    }
    p->depth--;
    *ret = n;
    return code;
}

slv_code slv_json_parse(slv_str text, slv_json_dialect dialect, slv_arena *arena, slv_node **ret,
                        slv_err *err)
{
    parser p = {.s = slv_scan_make(text),
                .comments = dialect == SLV_JSON_COMMENTS,
                .arena = arena,
                .err = err};
    slv_node *root = NULL;

    if (!slv_utf8_valid(text))
        return slv_fail(err, SLV_E_PARSE, "1:1: the text is not valid UTF-8");
    SLV_TRY(parse_value(&p, &root));
    SLV_TRY(skip_space(&p));
    if (p.s.at < text.len)
        return fail_at(&p, p.s.at, "unexpected text after the value");
    *ret = root;
    return SLV_OK;
}

/* ---- writing ---- */

static slv_code put_escape(slv_buf *out, uint32_t cp)
{
    switch (cp) {
    case '"':
        return slv_buf_append(out, SLV_STR("\\\""));
    case '\\':
        return slv_buf_append(out, SLV_STR("\\\\"));
    case '\n':
        return slv_buf_append(out, SLV_STR("\\n"));
    case '\r':
        return slv_buf_append(out, SLV_STR("\\r"));
    case '\t':
        return slv_buf_append(out, SLV_STR("\\t"));
    default:
        return slv_buf_printf(out, "\\u%04x", cp);
    }
}

/* Eight bytes of which none needs a second look: ASCII, no control character, quote or backslash.
 */
static bool is_plain8(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    uint64_t v, quote, slash;

    memcpy(&v, p, sizeof v);
    quote = v ^ (ones * '"');
    slash = v ^ (ones * '\\');
    return ((v | ((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) &
            high) == 0;
}

slv_code slv_json_put_string(slv_buf *out, slv_str text)
{
    size_t plain = 0; /* start of the run that needs no escape */

    SLV_TRY(slv_buf_append_byte(out, '"'));
    for (size_t at = 0; at < text.len;) {
        if (at + 8 <= text.len && is_plain8(text.ptr + at)) {
            at += 8;
            continue;
        }
        size_t start = at;
        bool malformed = false;
        unsigned char c = (unsigned char)text.ptr[at];
        uint32_t cp = c;

        if (c < 0x80)
            at++;
        else
            cp = slv_utf8_next(text, &at, &malformed);
        if (cp >= 0x20 && cp != '"' && cp != '\\' && cp != 0x2028 && cp != 0x2029 && !malformed)
            continue;
        SLV_TRY(slv_buf_append(out, slv_str_sub(text, plain, start)));
        SLV_TRY(malformed ? slv_buf_append(out, SLV_STR("\xEF\xBF\xBD")) : put_escape(out, cp));
        plain = at;
    }
    SLV_TRY(slv_buf_append(out, slv_str_skip(text, plain)));
    return slv_buf_append_byte(out, '"');
}

static slv_code put_children(slv_buf *out, const slv_node *node)
{
    bool object = node->type == SLV_NODE_OBJECT;

    SLV_TRY(slv_buf_append_byte(out, object ? '{' : '['));
    for (const slv_node *n = node->first; n; n = n->next) {
        if (object) {
            SLV_TRY(slv_json_put_string(out, n->key));
            SLV_TRY(slv_buf_append_byte(out, ':'));
        }
        SLV_TRY(slv_json_put(out, n));
        if (n->next)
            SLV_TRY(slv_buf_append_byte(out, ','));
    }
    return slv_buf_append_byte(out, object ? '}' : ']');
}

slv_code slv_json_put(slv_buf *out, const slv_node *node)
{
    switch (node->type) {
    case SLV_NODE_NULL:
        return slv_buf_append(out, SLV_STR("null"));
    case SLV_NODE_BOOL:
        return slv_buf_append(out, node->boolean ? SLV_STR("true") : SLV_STR("false"));
    case SLV_NODE_NUMBER:
        if (slv_str_ends(node->text, SLV_STR("n")) || slv_str_ends(node->text, SLV_STR("f")))
            return slv_buf_append(out, SLV_STR("null"));
        return slv_buf_append(out, node->text);
    case SLV_NODE_STRING:
        return slv_json_put_string(out, node->text);
    case SLV_NODE_ARRAY:
    case SLV_NODE_OBJECT:
        return put_children(out, node);
    }
    SLV_UNREACHABLE();
}
