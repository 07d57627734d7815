#include "bao/yaml_doc.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <yaml.h>

#include "base/map.h"

typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the one that is being looked at */
    bool has_event;
    slv_arena *arena;
    SLV_MAP(const slv_node *) anchors;
    unsigned depth;
    slv_err *err;
} reader;

static slv_code read_node(reader *r, slv_node **ret);

static void reader_done(reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    yaml_parser_delete(&r->parser);
    slv_map_done(&r->anchors);
}
SLV_DEFINE_CLEANUP_DONE(reader, reader_done);

/* ---- errors ---- */

static slv_code fail_at(const reader *r, yaml_mark_t mark, slv_code code, const char *text)
{
    return slv_fail(r->err, code, "%zu:%zu: %s", mark.line + 1, mark.column + 1, text);
}

static slv_code fail_node(const reader *r, const slv_node *n, slv_code code, const char *text)
{
    return slv_fail(r->err, code, "%u:%u: %s", n->line, n->col, text);
}

static slv_code fail_parser(const reader *r)
{
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "the text cannot be read";
    char text[256];

    if (p->error == YAML_MEMORY_ERROR)
        return slv_fail(r->err, SLV_E_NOMEM, "out of memory");
    if (p->error == YAML_READER_ERROR)
        return slv_fail(r->err, SLV_E_PARSE, "byte %zu: %s", p->problem_offset, problem);
    if (p->context)
        snprintf(text, sizeof text, "%s %s", problem, p->context);
    else
        snprintf(text, sizeof text, "%s", problem);
    return fail_at(r, p->problem_mark, SLV_E_PARSE, text);
}

static slv_code next_event(reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = yaml_parser_parse(&r->parser, &r->event) != 0;
    return r->has_event ? SLV_OK : fail_parser(r);
}

static slv_code new_node(reader *r, slv_node_type type, slv_node **ret)
{
    *ret = slv_node_new(r->arena, type, (uint32_t)r->event.start_mark.line + 1,
                        (uint32_t)r->event.start_mark.column + 1);
    return *ret ? SLV_OK : slv_fail(r->err, SLV_E_LIMIT, "the document is too large");
}

/* ---- scalars ---- */

static bool is_one_of(slv_str s, const char *const *words)
{
    for (; *words; words++)
        if (slv_str_is(s, *words))
            return true;
    return false;
}

/* Digits of a base, with '_' between them dropped as the JavaScript parser does. */
static bool digits_of(slv_str s, unsigned base, uint64_t *ret)
{
    uint64_t value = 0;
    bool any = false;

    for (size_t i = 0; i < s.len; i++) {
        int digit = slv_hex_value(s.ptr[i]);

        if (s.ptr[i] == '_' && any)
            continue;
        if (digit < 0 || (unsigned)digit >= base || value > (UINT64_MAX - (unsigned)digit) / base)
            return false;
        value = value * base + (unsigned)digit;
        any = true;
    }
    *ret = value;
    return any && s.ptr[s.len - 1] != '_';
}

static bool is_float(slv_str s)
{
    size_t i = 0, digits = 0;
    bool dot = false, exponent = false;

    for (; i < s.len; i++) {
        if (slv_is_digit(s.ptr[i])) {
            digits++;
        } else if (s.ptr[i] == '_' && digits > 0) {
            continue;
        } else if (s.ptr[i] == '.' && !dot) {
            dot = true;
        } else {
            break;
        }
    }
    if (digits > 0 && i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        i++;
        if (i < s.len && (s.ptr[i] == '+' || s.ptr[i] == '-'))
            i++;
        exponent = i < s.len;
        while (i < s.len && slv_is_digit(s.ptr[i]))
            i++;
    }
    return digits > 0 && i == s.len && (dot || exponent) && s.ptr[s.len - 1] != '_';
}

/* The text of a number as JSON writes it; empty: s is none. */
static void number_text(slv_str s, char *out, size_t size)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    slv_str rest = s.len > 0 && (negative || s.ptr[0] == '+') ? slv_str_skip(s, 1) : s;
    slv_str body = slv_str_skip(rest, 2);
    uint64_t value;
    char digits[64];
    size_t n = 0;

    out[0] = '\0';
    if ((slv_str_starts(rest, SLV_STR("0x")) && digits_of(body, 16, &value)) ||
        (slv_str_starts(rest, SLV_STR("0o")) && digits_of(body, 8, &value)) ||
        (slv_str_starts(rest, SLV_STR("0b")) && digits_of(body, 2, &value)) ||
        digits_of(rest, 10, &value)) {
        snprintf(out, size, "%s%" PRIu64, negative ? "-" : "", value);
        return;
    }
    if (!is_float(rest) || rest.len >= sizeof digits)
        return;
    for (size_t i = 0; i < rest.len; i++)
        if (rest.ptr[i] != '_')
            digits[n++] = rest.ptr[i];
    digits[n] = '\0';
    double d = strtod(digits, NULL);
    for (int precision = 15; precision <= 17 && isfinite(d); precision++) {
        snprintf(out, size, "%s%.*g", negative ? "-" : "", precision, d);
        if (strtod(out, NULL) == (negative ? -d : d))
            break;
    }
}

static slv_code plain_scalar(reader *r, slv_str text, slv_node *n)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const yes[] = {"true", "True", "TRUE", NULL};
    static const char *const no[] = {"false", "False", "FALSE", NULL};
    char number[80];

    if (is_one_of(text, nulls)) {
        n->type = SLV_NODE_NULL;
        return SLV_OK;
    }
    if (is_one_of(text, yes) || is_one_of(text, no)) {
        n->type = SLV_NODE_BOOL;
        n->boolean = is_one_of(text, yes);
        return SLV_OK;
    }
    number_text(text, number, sizeof number);
    if (number[0]) {
        n->type = SLV_NODE_NUMBER;
        text = slv_str_from(number);
    }
    return slv_arena_dup(r->arena, text, &n->text);
}

static slv_code read_scalar(reader *r, slv_node **ret)
{
    static const char core[] = "tag:yaml.org,2002:";
    const char *tag = (const char *)r->event.data.scalar.tag;
    slv_str text = {(const char *)r->event.data.scalar.value, r->event.data.scalar.length};
    bool plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

    if (tag && strncmp(tag, core, sizeof core - 1) != 0 && strcmp(tag, "!") != 0)
        return fail_at(r, r->event.start_mark, SLV_E_PARSE, "a tag that is not known");
    SLV_TRY(new_node(r, SLV_NODE_STRING, ret));
    SLV_ASSERT(*ret);
    if (tag)
        plain = strcmp(tag, "!") != 0 && strcmp(tag + sizeof core - 1, "str") != 0;
    if (plain ? plain_scalar(r, text, *ret) != SLV_OK
              : slv_arena_dup(r->arena, text, &(*ret)->text) != SLV_OK)
        return slv_fail(r->err, SLV_E_LIMIT, "the document is too large");
    return SLV_OK;
}

/* ---- collections ---- */

static slv_code enter(reader *r)
{
    if (++r->depth > SLV_YAML_DEPTH_MAX)
        return fail_at(r, r->event.start_mark, SLV_E_LIMIT, "nested too deeply");
    return SLV_OK;
}

static slv_code read_sequence(reader *r, slv_node **ret)
{
    slv_node *list, *item = NULL;

    SLV_TRY(new_node(r, SLV_NODE_ARRAY, &list));
    SLV_TRY(enter(r));
    for (;;) {
        SLV_TRY(next_event(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        SLV_TRY(read_node(r, &item));
        slv_node_append(list, item);
    }
    r->depth--;
    *ret = list;
    return SLV_OK;
}

/* A node of its own with the children of another. */
static slv_code share(reader *r, const slv_node *n, slv_node **ret)
{
    slv_node *copy = slv_node_new(r->arena, n->type, n->line, n->col);

    if (!copy)
        return slv_fail(r->err, SLV_E_LIMIT, "the document is too large");
    *copy = *n;
    copy->next = NULL;
    copy->key = SLV_STR_NULL;
    *ret = copy;
    return SLV_OK;
}

/* Members that the mapping has not said itself. */
static slv_code merge(reader *r, slv_node *into, const slv_node *from)
{
    if (from->type == SLV_NODE_ARRAY) {
        for (const slv_node *n = from->first; n; n = n->next) {
            if (n->type != SLV_NODE_OBJECT)
                return fail_node(r, n, SLV_E_PARSE, "only mappings can be merged");
            SLV_TRY(merge(r, into, n));
        }
        return SLV_OK;
    }
    if (from->type != SLV_NODE_OBJECT)
        return fail_node(r, from, SLV_E_PARSE, "only mappings can be merged");
    for (const slv_node *n = from->first; n; n = n->next) {
        slv_node *copy;

        if (slv_node_find(into, n->key))
            continue;
        if (into->count >= SLV_YAML_MEMBERS_MAX)
            return fail_node(r, into, SLV_E_LIMIT, "too many members in a mapping");
        SLV_TRY(share(r, n, &copy));
        copy->key = n->key;
        slv_node_append(into, copy);
    }
    return SLV_OK;
}

static slv_code read_member(reader *r, slv_node *object, slv_node **ret_merged)
{
    yaml_mark_t mark = r->event.start_mark;
    slv_str key;
    slv_node *value;
    bool is_merge;

    if (r->event.type != YAML_SCALAR_EVENT)
        return fail_at(r, mark, SLV_E_PARSE, "a key must be a plain name");
    key = slv_str_make(r->event.data.scalar.value, r->event.data.scalar.length);
    is_merge =
        r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && slv_str_eq(key, SLV_STR("<<"));
    if (slv_arena_dup(r->arena, key, &key) != SLV_OK)
        return slv_fail(r->err, SLV_E_LIMIT, "the document is too large");
    if (!is_merge && slv_node_find(object, key))
        return slv_fail(r->err, SLV_E_PARSE, "%zu:%zu: the key '%.*s' is given twice",
                        mark.line + 1, mark.column + 1, (int)(key.len > 64 ? 64 : key.len),
                        key.ptr);
    if (object->count >= SLV_YAML_MEMBERS_MAX)
        return fail_at(r, mark, SLV_E_LIMIT, "too many members in a mapping");
    SLV_TRY(next_event(r));
    SLV_TRY(read_node(r, &value));
    if (is_merge) {
        *ret_merged = value;
        return SLV_OK;
    }
    value->key = key;
    value->key_line = (uint32_t)mark.line + 1;
    value->key_col = (uint32_t)mark.column + 1;
    slv_node_append(object, value);
    return SLV_OK;
}

static slv_code read_mapping(reader *r, slv_node **ret)
{
    slv_node *object, *merged = NULL;

    SLV_TRY(new_node(r, SLV_NODE_OBJECT, &object));
    SLV_TRY(enter(r));
    for (;;) {
        SLV_TRY(next_event(r));
        if (r->event.type == YAML_MAPPING_END_EVENT)
            break;
        SLV_TRY(read_member(r, object, &merged));
    }
    r->depth--;
    if (merged)
        SLV_TRY(merge(r, object, merged));
    *ret = object;
    return SLV_OK;
}

static slv_code read_alias(reader *r, slv_node **ret)
{
    slv_str name = slv_str_from((const char *)r->event.data.alias.anchor);
    const slv_node **found = slv_map_get(&r->anchors, name);

    if (!found)
        return slv_fail(r->err, SLV_E_PARSE, "%zu:%zu: there is no anchor '%.*s' before this alias",
                        r->event.start_mark.line + 1, r->event.start_mark.column + 1,
                        SLV_STR_ARGS(name));
    return share(r, *found, ret);
}

/* The node that begins with the current event. */
static slv_code read_node(reader *r, slv_node **ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf anchor = SLV_BUF(SLV_YAML_MAX);
    const yaml_char_t *name = NULL;

    if (r->event.type == YAML_ALIAS_EVENT)
        return read_alias(r, ret);
    if (r->event.type == YAML_SCALAR_EVENT)
        name = r->event.data.scalar.anchor;
    else if (r->event.type == YAML_SEQUENCE_START_EVENT)
        name = r->event.data.sequence_start.anchor;
    else if (r->event.type == YAML_MAPPING_START_EVENT)
        name = r->event.data.mapping_start.anchor;
    if (name)
        SLV_TRY(slv_buf_append(&anchor, slv_str_from((const char *)name)));

    if (r->event.type == YAML_SCALAR_EVENT)
        SLV_TRY(read_scalar(r, ret));
    else if (r->event.type == YAML_SEQUENCE_START_EVENT)
        SLV_TRY(read_sequence(r, ret));
    else if (r->event.type == YAML_MAPPING_START_EVENT)
        SLV_TRY(read_mapping(r, ret));
    else
        return fail_at(r, r->event.start_mark, SLV_E_PARSE, "a value was expected");
    if (anchor.len > 0)
        slv_map_set(&r->anchors, slv_buf_view(&anchor), *ret);
    return SLV_OK;
}

static slv_code read_document(reader *r, slv_node **ret)
{
    SLV_TRY(next_event(r)); /* the stream's start */
    SLV_TRY(next_event(r));
    if (r->event.type == YAML_STREAM_END_EVENT)
        return new_node(r, SLV_NODE_NULL, ret);
    SLV_TRY(next_event(r));
    SLV_TRY(read_node(r, ret));
    SLV_TRY(next_event(r)); /* the document's end */
    SLV_TRY(next_event(r));
    if (r->event.type != YAML_STREAM_END_EVENT)
        return fail_at(r, r->event.start_mark, SLV_E_PARSE,
                       "a second document begins here; one was expected");
    return SLV_OK;
}

slv_code slv_yaml_parse(slv_str text, slv_arena *arena, slv_node **ret, slv_err *err)
{
    SLV_CLEANUP(reader_done) reader r = {.arena = arena, .err = err};

    if (text.len > SLV_YAML_MAX)
        return slv_fail(err, SLV_E_LIMIT, "the document has %zu bytes; %zu are allowed", text.len,
                        SLV_YAML_MAX);
    if (!yaml_parser_initialize(&r.parser))
        return slv_fail(err, SLV_E_NOMEM, "out of memory");
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const yaml_char_t *)(text.ptr ? text.ptr : ""),
                                 text.len);
    return read_document(&r, ret);
}
