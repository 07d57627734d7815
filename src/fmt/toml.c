/* Keys, tables, arrays: the shape of the document. */
#include "fmt/toml.h"

#include "base/utf8.h"
#include "fmt/toml_int.h"

#define KEY_PARTS_MAX 64

slv_code slv_toml_fail(toml *p, size_t at, const char *what)
{
    return slv_fail(p->err, SLV_E_PARSE, "%u:%u: %s", p->s.line, slv_scan_col(&p->s, at), what);
}

slv_code slv_toml_fail_memory(toml *p)
{
    return slv_fail(p->err, SLV_E_LIMIT, "%u:1: the document is too large", p->s.line);
}

/* ---- members ---- */

static slv_str member_key(toml *p, const slv_node *table, slv_str name)
{
    uintptr_t id = (uintptr_t)table;

    slv_buf_reset(&p->name);
    if (slv_buf_append_u64(&p->name, id) != SLV_OK || slv_buf_append(&p->name, name) != SLV_OK)
        return SLV_STR_NULL;
    return slv_buf_view(&p->name);
}

static slv_node *member(toml *p, const slv_node *table, slv_str name)
{
    slv_node **hit = slv_map_get(&p->members, member_key(p, table, name));

    return hit ? *hit : NULL;
}

typedef struct key_part {
    slv_str name;
    uint32_t line, col;
} key_part;

static void add_member(toml *p, slv_node *table, slv_node *value, const key_part *key)
{
    value->key = key->name;
    value->key_line = key->line;
    value->key_col = key->col;
    slv_node_append(table, value);
    slv_map_set(&p->members, member_key(p, table, key->name), value);
}

static slv_node *add_table(toml *p, slv_node *table, const key_part *key, toml_form form)
{
    slv_node *n = slv_node_new(p->arena, SLV_NODE_OBJECT, key->line, key->col);

    if (n) {
        n->form = (uint8_t)form;
        add_member(p, table, n, key);
    }
    return n;
}

static slv_code fail_key(toml *p, const key_part *key, const char *what)
{
    return slv_fail(p->err, SLV_E_PARSE, "%u:%u: '%.*s' %s", key->line, key->col,
                    SLV_STR_ARGS(key->name), what);
}

/* ---- white space ---- */

static void skip_blanks(toml *p)
{
    while (toml_peek(p) == ' ' || toml_peek(p) == '\t')
        p->s.at++;
}

static slv_code skip_comment(toml *p)
{
    if (toml_peek(p) != '#')
        return SLV_OK;
    for (; toml_peek(p) != -1 && toml_peek(p) != '\n'; p->s.at++) {
        int c = toml_peek(p);

        if ((c < 0x20 && c != '\t' && !(c == '\r' && slv_scan_peek(&p->s, 1) == '\n')) || c == 0x7F)
            return slv_toml_fail(p, p->s.at, "control characters are not allowed in comments");
    }
    return SLV_OK;
}

/* A line break; false when there is none. */
static bool line_break(toml *p)
{
    if (toml_peek(p) == '\r' && slv_scan_peek(&p->s, 1) == '\n')
        p->s.at++;
    if (toml_peek(p) != '\n')
        return false;
    p->s.at++;
    slv_scan_newline(&p->s);
    return true;
}

static slv_code skip_lines(toml *p)
{
    do {
        skip_blanks(p);
        SLV_TRY(skip_comment(p));
    } while (line_break(p));
    return SLV_OK;
}

static slv_code end_of_line(toml *p)
{
    skip_blanks(p);
    SLV_TRY(skip_comment(p));
    if (line_break(p) || toml_peek(p) == -1)
        return SLV_OK;
    return slv_toml_fail(p, p->s.at, "expected the end of the line");
}

/* ---- keys ---- */

static bool is_bare(int c)
{
    return c > 0 && (slv_is_alpha((char)c) || slv_is_digit((char)c) || c == '_' || c == '-');
}

static slv_code key_part_parse(toml *p, key_part *ret)
{
    size_t start = p->s.at;
    int c = toml_peek(p);

    ret->line = p->s.line;
    ret->col = slv_scan_col(&p->s, start);
    if (c == '"' || c == '\'')
        return slv_toml_string(p, false, &ret->name);
    while (is_bare(toml_peek(p)))
        p->s.at++;
    if (p->s.at == start)
        return slv_toml_fail(p, start, "expected a key");
    ret->name = slv_str_sub(p->s.text, start, p->s.at);
    return SLV_OK;
}

static slv_code key_parse(toml *p, key_part parts[static KEY_PARTS_MAX], size_t *ret_count)
{
    size_t n = 0;

    for (;;) {
        if (n == KEY_PARTS_MAX)
            return slv_toml_fail(p, p->s.at, "too many parts in a key");
        SLV_TRY(key_part_parse(p, &parts[n++]));
        skip_blanks(p);
        if (toml_peek(p) != '.')
            break;
        p->s.at++;
        skip_blanks(p);
    }
    *ret_count = n;
    return SLV_OK;
}

/* ---- values ---- */

static slv_code value_parse(toml *p, slv_node **ret);

static slv_code array_parse(toml *p, slv_node *n)
{
    n->type = SLV_NODE_ARRAY;
    p->s.at++;
    for (;;) {
        slv_node *item = NULL;

        SLV_TRY(skip_lines(p));
        if (toml_peek(p) == ']')
            break;
        SLV_TRY(value_parse(p, &item));
        slv_node_append(n, item);
        SLV_TRY(skip_lines(p));
        if (toml_peek(p) == ',')
            p->s.at++;
        else if (toml_peek(p) != ']')
            return slv_toml_fail(p, p->s.at, "expected ',' or ']'");
    }
    p->s.at++;
    return SLV_OK;
}

static slv_code key_value(toml *p, slv_node *table)
{
    key_part parts[KEY_PARTS_MAX] = {0};
    slv_node *value = NULL;
    size_t n = 0;

    SLV_TRY(key_parse(p, parts, &n));
    if (toml_peek(p) != '=')
        return slv_toml_fail(p, p->s.at, "expected '=' after the key");
    p->s.at++;
    skip_blanks(p);
    for (size_t i = 0; i + 1 < n; i++) {
        slv_node *next = member(p, table, parts[i].name);

        if (!next)
            next = add_table(p, table, &parts[i], TOML_DOTTED);
        else if (next->type != SLV_NODE_OBJECT || next->form != TOML_DOTTED)
            return fail_key(p, &parts[i],
                            next->type == SLV_NODE_OBJECT ? "is already defined elsewhere"
                                                          : "is no table");
        if (!next)
            return slv_toml_fail_memory(p);
        table = next;
    }
    if (member(p, table, parts[n - 1].name))
        return fail_key(p, &parts[n - 1], "is defined twice");
    SLV_TRY(value_parse(p, &value));
    add_member(p, table, value, &parts[n - 1]);
    return SLV_OK;
}

static slv_code inline_table(toml *p, slv_node *n)
{
    n->type = SLV_NODE_OBJECT;
    p->s.at++;
    skip_blanks(p);
    if (toml_peek(p) != '}') {
        for (;;) {
            SLV_TRY(key_value(p, n));
            skip_blanks(p);
            if (toml_peek(p) != ',')
                break;
            p->s.at++;
            skip_blanks(p);
        }
        if (toml_peek(p) != '}')
            return slv_toml_fail(p, p->s.at,
                                 "expected ',' or '}'; an inline table stands on one line");
    }
    p->s.at++;
    n->form = TOML_INLINE;
    return SLV_OK;
}

static slv_code value_parse(toml *p, slv_node **ret)
{
    slv_node *n = slv_node_new(p->arena, SLV_NODE_NULL, p->s.line, slv_scan_col(&p->s, p->s.at));
    slv_code code;

    if (!n)
        return slv_toml_fail_memory(p);
    if (p->depth == SLV_TOML_DEPTH_MAX)
        return slv_toml_fail(p, p->s.at, "nested too deeply");
    p->depth++;
    switch (toml_peek(p)) {
    case '"':
    case '\'':
        n->type = SLV_NODE_STRING;
        code = slv_toml_string(p, true, &n->text);
        break;
    case '[':
        code = array_parse(p, n);
        break;
    case '{':
        code = inline_table(p, n);
        break;
    default:
        code = slv_toml_scalar(p, n);
        break;
    }
    p->depth--;
    *ret = n;
    return code;
}

/* ---- headers ---- */

/* The table that [a.b.c] stands in: a.b, made where it is missing. */
static slv_code header_parent(toml *p, const key_part *parts, size_t n, slv_node **table)
{
    for (size_t i = 0; i + 1 < n; i++) {
        slv_node *next = member(p, *table, parts[i].name);

        if (!next) {
            next = add_table(p, *table, &parts[i], TOML_IMPLICIT);
            if (!next)
                return slv_toml_fail_memory(p);
        } else if (next->type == SLV_NODE_ARRAY && next->form == TOML_TABLES) {
            next = next->last;
        } else if (next->type != SLV_NODE_OBJECT) {
            return fail_key(p, &parts[i], "is no table");
        } else if (next->form == TOML_INLINE) {
            return fail_key(p, &parts[i], "is an inline table, which cannot be extended");
        }
        *table = next;
    }
    return SLV_OK;
}

static slv_code open_table(toml *p, slv_node *parent, const key_part *key, slv_node **ret)
{
    slv_node *n = member(p, parent, key->name);

    if (n && (n->type != SLV_NODE_OBJECT || n->form != TOML_IMPLICIT))
        return fail_key(p, key, "is defined twice");
    if (!n)
        n = add_table(p, parent, key, TOML_HEADER);
    if (!n)
        return slv_toml_fail_memory(p);
    n->form = TOML_HEADER;
    n->line = n->key_line = key->line;
    n->col = n->key_col = key->col;
    *ret = n;
    return SLV_OK;
}

static slv_code open_array_item(toml *p, slv_node *parent, const key_part *key, slv_node **ret)
{
    slv_node *array = member(p, parent, key->name), *item;

    if (array && (array->type != SLV_NODE_ARRAY || array->form != TOML_TABLES))
        return fail_key(p, key, "is defined twice, once not as an array of tables");
    if (!array) {
        array = slv_node_new(p->arena, SLV_NODE_ARRAY, key->line, key->col);
        if (!array)
            return slv_toml_fail_memory(p);
        array->form = TOML_TABLES;
        add_member(p, parent, array, key);
    }
    item = slv_node_new(p->arena, SLV_NODE_OBJECT, key->line, key->col);
    if (!item)
        return slv_toml_fail_memory(p);
    item->form = TOML_HEADER;
    slv_node_append(array, item);
    *ret = item;
    return SLV_OK;
}

static slv_code header(toml *p, slv_node *root, slv_node **ret)
{
    key_part parts[KEY_PARTS_MAX] = {0};
    bool array = slv_scan_peek(&p->s, 1) == '[';
    slv_node *parent = root;
    size_t n = 0;

    p->s.at += array ? 2 : 1;
    skip_blanks(p);
    SLV_TRY(key_parse(p, parts, &n));
    if (toml_peek(p) != ']' || (array && slv_scan_peek(&p->s, 1) != ']'))
        return slv_toml_fail(p, p->s.at, array ? "expected ']]'" : "expected ']'");
    p->s.at += array ? 2 : 1;
    SLV_TRY(header_parent(p, parts, n, &parent));
    if (array)
        SLV_TRY(open_array_item(p, parent, &parts[n - 1], ret));
    else
        SLV_TRY(open_table(p, parent, &parts[n - 1], ret));
    return end_of_line(p);
}

static slv_code document(toml *p, slv_node *root)
{
    slv_node *table = root;

    for (;;) {
        SLV_TRY(skip_lines(p));
        if (toml_peek(p) == -1)
            return SLV_OK;
        if (toml_peek(p) == '[') {
            SLV_TRY(header(p, root, &table));
        } else {
            SLV_TRY(key_value(p, table));
            SLV_TRY(end_of_line(p));
        }
    }
}

slv_code slv_toml_parse(slv_str text, slv_arena *arena, slv_node **ret, slv_err *err)
{
    toml p = {
        .s = slv_scan_make(text), .arena = arena, .err = err, .name = SLV_BUF(SLV_TOML_MAX + 16)};
    slv_node *root;
    slv_code code;

    if (text.len > SLV_TOML_MAX)
        return slv_fail(err, SLV_E_LIMIT, "1:1: the document has %zu bytes; %zu are allowed",
                        text.len, SLV_TOML_MAX);
    if (!slv_utf8_valid(text))
        return slv_fail(err, SLV_E_PARSE, "1:1: the text is not valid UTF-8");
    root = slv_node_new(arena, SLV_NODE_OBJECT, 1, 1);
    if (!root)
        return slv_toml_fail_memory(&p);
    code = document(&p, root);
    slv_map_done(&p.members);
    slv_buf_done(&p.name);
    if (code == SLV_OK)
        *ret = root;
    return code;
}
