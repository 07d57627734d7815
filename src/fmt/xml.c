#include "fmt/xml.h"

#include "base/utf8.h"

typedef struct parser {
    slv_str text;
    size_t at;
    slv_arena *arena;
    slv_err *err;
} parser;

static slv_code bad(parser *p, const char *what)
{
    return slv_fail(p->err, SLV_E_PARSE, "byte %zu: %s", p->at, what);
}

static bool starts(const parser *p, slv_str what)
{
    return slv_str_starts(slv_str_skip(p->text, p->at), what);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(parser *p)
{
    while (p->at < p->text.len && is_space(p->text.ptr[p->at]))
        p->at++;
}

/* Past the end of something that ends with `end`. */
static slv_code skip_past(parser *p, slv_str end, const char *what)
{
    size_t found = slv_str_find(p->text, end, p->at);

    if (found == SIZE_MAX)
        return bad(p, what);
    p->at = found + end.len;
    return SLV_OK;
}

/* Comments and processing instructions; *ret false: there is none here. */
static slv_code skip_other(parser *p, bool *ret)
{
    *ret = true;
    if (starts(p, SLV_STR("<!--")))
        return skip_past(p, SLV_STR("-->"), "a comment does not end");
    if (starts(p, SLV_STR("<?")))
        return skip_past(p, SLV_STR("?>"), "an instruction does not end");
    if (starts(p, SLV_STR("<!DOCTYPE")))
        return bad(p, "a document type is not allowed");
    *ret = false;
    return SLV_OK;
}

static bool name_char(char c)
{
    return slv_is_alpha(c) || slv_is_digit(c) || c == '-' || c == '_' || c == '.' || c == ':' ||
           (unsigned char)c >= 0x80;
}

static slv_code parse_name(parser *p, slv_str *ret)
{
    size_t from = p->at;

    while (p->at < p->text.len && name_char(p->text.ptr[p->at]))
        p->at++;
    if (p->at == from)
        return bad(p, "a name was expected");
    slv_str name = slv_str_sub(p->text, from, p->at);
    size_t colon = slv_str_rchr(name, ':');
    *ret = colon == SIZE_MAX ? name : slv_str_skip(name, colon + 1);
    return SLV_OK;
}

static slv_code skip_attributes(parser *p)
{
    slv_str name;

    for (;;) {
        skip_space(p);
        if (p->at == p->text.len)
            return bad(p, "a tag does not end");
        if (p->text.ptr[p->at] == '>' || p->text.ptr[p->at] == '/')
            return SLV_OK;
        SLV_TRY(parse_name(p, &name));
        skip_space(p);
        if (!starts(p, SLV_STR("=")))
            return bad(p, "'=' was expected");
        p->at++;
        skip_space(p);
        char quote = p->at < p->text.len ? p->text.ptr[p->at] : '\0';
        if (quote != '"' && quote != '\'')
            return bad(p, "a quoted value was expected");
        p->at++;
        SLV_TRY(skip_past(p, slv_str_make(&quote, 1), "a value does not end"));
    }
}

/* A reference at p->at, appended. */
static slv_code parse_reference(parser *p, slv_buf *out)
{
    static const struct {
        slv_str name;
        char c;
    } named[] = {{{"&lt;", 4}, '<'},
                 {{"&gt;", 4}, '>'},
                 {{"&amp;", 5}, '&'},
                 {{"&quot;", 6}, '"'},
                 {{"&apos;", 6}, '\''}};
    uint64_t cp = 0;
    char utf8[4];

    for (size_t i = 0; i < SLV_ARRAY_LEN(named); i++) {
        if (starts(p, named[i].name)) {
            p->at += named[i].name.len;
            return slv_buf_append_byte(out, named[i].c);
        }
    }
    size_t end = slv_str_chr(p->text, ';', p->at);
    if (!starts(p, SLV_STR("&#")) || end == SIZE_MAX || end - p->at > 12)
        return bad(p, "an unknown reference");
    slv_str digits = slv_str_sub(p->text, p->at + 2, end);
    slv_code code = digits.len > 0 && digits.ptr[0] == 'x'
                        ? slv_parse_hex_u64(slv_str_skip(digits, 1), &cp)
                        : slv_parse_u64(digits, &cp);
    if (code != SLV_OK || cp == 0 || cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000))
        return bad(p, "a reference to no character");
    p->at = end + 1;
    return slv_buf_append(out, slv_str_make(utf8, slv_utf8_put((uint32_t)cp, utf8)));
}

/* Text up to the next tag, appended. */
static slv_code parse_text(parser *p, slv_buf *out)
{
    while (p->at < p->text.len && p->text.ptr[p->at] != '<') {
        size_t from = p->at;

        if (p->text.ptr[from] == '&') {
            SLV_TRY(parse_reference(p, out));
            continue;
        }
        while (p->at < p->text.len && p->text.ptr[p->at] != '<' && p->text.ptr[p->at] != '&')
            p->at++;
        SLV_TRY(slv_buf_append(out, slv_str_sub(p->text, from, p->at)));
    }
    return SLV_OK;
}

static slv_code parse_cdata(parser *p, slv_buf *out)
{
    size_t from = p->at + 9;

    SLV_TRY(skip_past(p, SLV_STR("]]>"), "CDATA does not end"));
    return slv_buf_append(out, slv_str_sub(p->text, from, p->at - 3));
}

static slv_code parse_element(parser *p, int depth, slv_xml **ret);

static slv_code parse_end(parser *p, const slv_xml *node)
{
    slv_str name;

    p->at += 2;
    SLV_TRY(parse_name(p, &name));
    skip_space(p);
    if (!slv_str_eq(name, node->name) || !starts(p, SLV_STR(">")))
        return bad(p, "another end tag was expected");
    p->at++;
    return SLV_OK;
}

static slv_code parse_content(parser *p, int depth, slv_xml *node)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(p->text.len * 4 + 16);
    bool other;

    for (;;) {
        SLV_TRY(parse_text(p, &text));
        if (p->at == p->text.len)
            return bad(p, "an element does not end");
        if (starts(p, SLV_STR("</"))) {
            SLV_TRY(parse_end(p, node));
            return slv_arena_dup(p->arena, slv_buf_view(&text), &node->text);
        }
        if (starts(p, SLV_STR("<![CDATA["))) {
            SLV_TRY(parse_cdata(p, &text));
            continue;
        }
        SLV_TRY(skip_other(p, &other));
        if (other)
            continue;
        slv_xml *child;
        SLV_TRY(parse_element(p, depth + 1, &child));
        if (node->last)
            node->last->next = child;
        else
            node->first = child;
        node->last = child;
    }
}

static slv_code parse_element(parser *p, int depth, slv_xml **ret)
{
    slv_xml *node = slv_arena_try_alloc0(p->arena, sizeof *node);

    if (!node)
        return SLV_E_LIMIT;
    if (depth > SLV_XML_DEPTH_MAX)
        return bad(p, "elements are nested too deeply");
    if (!starts(p, SLV_STR("<")))
        return bad(p, "an element was expected");
    p->at++;
    SLV_TRY(parse_name(p, &node->name));
    SLV_TRY(skip_attributes(p));
    *ret = node;
    if (p->text.ptr[p->at] == '>') {
        p->at++;
        return parse_content(p, depth, node);
    }
    if (!starts(p, SLV_STR("/>")))
        return bad(p, "'>' was expected");
    p->at += 2;
    return SLV_OK;
}

/* White space, comments and instructions around the root. */
static slv_code skip_around(parser *p)
{
    bool other;

    do {
        skip_space(p);
        SLV_TRY(skip_other(p, &other));
    } while (other);
    return SLV_OK;
}

slv_code slv_xml_parse(slv_str text, slv_arena *arena, slv_xml **ret_root, slv_err *err)
{
    parser p = {.text = text, .arena = arena, .err = err};

    if (!slv_utf8_valid(text))
        return bad(&p, "it is not UTF-8");
    if (slv_str_starts(text, SLV_STR("\xef\xbb\xbf")))
        p.at = 3;
    SLV_TRY(skip_around(&p));
    SLV_TRY(parse_element(&p, 1, ret_root));
    SLV_TRY(skip_around(&p));
    return p.at == text.len ? SLV_OK : bad(&p, "something follows the root element");
}

const slv_xml *slv_xml_child(const slv_xml *node, const char *name)
{
    const slv_xml *child = node ? node->first : NULL;

    while (child && !slv_str_is(child->name, name))
        child = child->next;
    return child;
}

const slv_xml *slv_xml_again(const slv_xml *node)
{
    const slv_xml *next = node->next;

    while (next && !slv_str_eq(next->name, node->name))
        next = next->next;
    return next;
}

slv_str slv_xml_text(const slv_xml *node, const char *name)
{
    const slv_xml *child = slv_xml_child(node, name);

    return child ? slv_str_trim(child->text) : SLV_STR_NULL;
}

/* ---- writing ---- */

slv_code slv_xml_put_head(slv_buf *out)
{
    return slv_buf_append(out, SLV_STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"));
}

slv_code slv_xml_open(slv_buf *out, const char *name)
{
    return slv_buf_printf(out, "<%s>", name);
}

slv_code slv_xml_close(slv_buf *out, const char *name)
{
    return slv_buf_printf(out, "</%s>", name);
}

slv_code slv_xml_put_text(slv_buf *out, slv_str text)
{
    for (size_t i = 0, from = 0; i <= text.len; i++) {
        unsigned char c = i < text.len ? (unsigned char)text.ptr[i] : '&';

        if (i < text.len && c >= 0x20 && c != '&' && c != '<' && c != '>' && c != '"')
            continue;
        SLV_TRY(slv_buf_append(out, slv_str_sub(text, from, i)));
        from = i + 1;
        if (i == text.len)
            break;
        if (c == '&')
            SLV_TRY(slv_buf_append(out, SLV_STR("&amp;")));
        else if (c == '<')
            SLV_TRY(slv_buf_append(out, SLV_STR("&lt;")));
        else if (c == '>')
            SLV_TRY(slv_buf_append(out, SLV_STR("&gt;")));
        else if (c == '"')
            SLV_TRY(slv_buf_append(out, SLV_STR("&quot;")));
        else
            SLV_TRY(slv_buf_printf(out, "&#x%X;", c));
    }
    return SLV_OK;
}

slv_code slv_xml_put(slv_buf *out, const char *name, slv_str text)
{
    SLV_TRY(slv_xml_open(out, name));
    SLV_TRY(slv_xml_put_text(out, text));
    return slv_xml_close(out, name);
}

slv_code slv_xml_put_number(slv_buf *out, const char *name, uint64_t value)
{
    return slv_buf_printf(out, "<%s>%llu</%s>", name, (unsigned long long)value, name);
}
