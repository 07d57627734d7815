#include "assets/headers.h"

#include "assets/rules_int.h"

#define FILE_NAME "_headers"
#define VALUE_MAX ((size_t)64 << 10)

typedef struct parser {
    slv_arena *arena;
    slv_buf *warnings;
    slv_header_rules *ret;
    slv_header_rule rule; /* being read */
    bool open;            /* there is one */
    unsigned line, begun; /* the line of its path */
} parser;

static void rule_done(slv_header_rule *rule)
{
    slv_vec_done(&rule->set);
    slv_vec_done(&rule->unset);
}

/* ---- parsing ---- */

static slv_code lower(slv_arena *arena, slv_str name, slv_str *ret)
{
    SLV_TRY(slv_arena_dup(arena, name, ret));
    for (size_t i = 0; i < name.len; i++)
        ((char *)(size_t)ret->ptr)[i] = slv_ascii_lower(name.ptr[i]);
    return SLV_OK;
}

static slv_header_field *find(const slv_header_list *list, slv_str name)
{
    for (size_t i = 0; i < list->len; i++)
        if (slv_str_eq(list->items[i].name, name))
            return &list->items[i];
    return NULL;
}

static slv_code join(slv_arena *arena, slv_header_field *field, slv_str value)
{
    SLV_CLEANUP(slv_buf_done) slv_buf both = SLV_BUF(VALUE_MAX);

    SLV_TRY(slv_buf_printf(&both, "%.*s, %.*s", SLV_STR_ARGS(field->value), SLV_STR_ARGS(value)));
    return slv_arena_dup(arena, slv_buf_view(&both), &field->value);
}

/* The rule is complete; one for the same path takes the place of the earlier. */
static slv_code close_rule(parser *p)
{
    if (!p->open)
        return SLV_OK;
    p->open = false;
    slv_header_rule rule = p->rule;
    p->rule = (slv_header_rule){.path = SLV_STR_NULL};
    if (rule.set.len == 0 && rule.unset.len == 0) {
        rule_done(&rule);
        return slv_rule_warn(p->warnings, FILE_NAME, p->begun, rule.path, "no headers specified");
    }
    if (slv_pattern_parse(rule.path, p->arena, &rule.pattern) != SLV_OK) {
        rule_done(&rule);
        return slv_rule_warn(p->warnings, FILE_NAME, p->begun, rule.path,
                             "a rule may have one \"*\", and each name once");
    }
    for (size_t i = 0; i < p->ret->rules.len; i++) {
        if (slv_str_eq(p->ret->rules.items[i].path, rule.path)) {
            rule_done(&p->ret->rules.items[i]);
            p->ret->rules.items[i] = rule;
            return SLV_OK;
        }
    }
    slv_vec_push(&p->ret->rules, rule);
    return SLV_OK;
}

static slv_code open_rule(parser *p, slv_str line)
{
    const char *why;

    SLV_TRY(close_rule(p));
    p->begun = p->line;
    if (slv_rule_url(line, SLV_RULE_NO_PORT, p->arena, &p->rule.path, &why) != SLV_OK)
        return slv_rule_warn(p->warnings, FILE_NAME, p->line, line, "%s", why);
    p->open = true;
    return SLV_OK;
}

static slv_code add_unset(parser *p, slv_str name)
{
    slv_str kept;

    SLV_TRY(lower(p->arena, name, &kept));
    slv_vec_push(&p->rule.unset, kept);
    return SLV_OK;
}

static bool is_token(slv_str name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < name.len; i++)
        if (!slv_is_alpha(name.ptr[i]) && !slv_is_digit(name.ptr[i]) &&
            !memchr(others, name.ptr[i], sizeof others - 1))
            return false;
    return name.len > 0;
}

static bool is_value(slv_str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.ptr[i] < 0x20 && value.ptr[i] != '\t') || value.ptr[i] == 0x7f)
            return false;
    return true;
}

static slv_code add_field(parser *p, slv_str line, size_t colon)
{
    slv_str name = slv_str_trim(slv_str_sub(line, 0, colon));
    slv_str value = slv_str_trim(slv_str_skip(line, colon + 1)), kept;
    slv_header_field *field;
    const char *why = NULL;

    if (slv_str_chr(name, ' ', 0) < name.len)
        why = "a header's name cannot include spaces";
    else if (name.len == 0)
        why = "no header name specified";
    else if (value.len == 0)
        why = "no header value specified";
    else if (!is_token(name))
        why = "this is no valid header name";
    else if (!is_value(value))
        why = "the header's value has control characters";
    else if (!p->open)
        why = "a path should come before headers";
    if (why)
        return slv_rule_warn(p->warnings, FILE_NAME, p->line, line, "%s", why);
    SLV_TRY(lower(p->arena, name, &kept));
    SLV_TRY(slv_arena_dup(p->arena, value, &value));
    if ((field = find(&p->rule.set, kept)) != NULL)
        return join(p->arena, field, value);
    slv_vec_push(&p->rule.set, ((slv_header_field){kept, value}));
    return SLV_OK;
}

/* "/path", or anything without a space up to "://". */
static bool is_path(slv_str line)
{
    size_t scheme = slv_str_find(line, SLV_STR("://"), 0);

    if (line.ptr[0] == '/')
        return true;
    if (scheme >= line.len || scheme == 0)
        return false;
    for (size_t i = 0; i < scheme; i++)
        if (line.ptr[i] == ' ' || line.ptr[i] == '\t')
            return false;
    return true;
}

static slv_code parse_line(parser *p, slv_str line, bool *stop)
{
    if (is_path(line)) {
        if (p->ret->rules.len + (p->open ? 1 : 0) >= SLV_HEADERS_RULES_MAX) {
            *stop = true;
            return slv_rule_warn(p->warnings, FILE_NAME, p->line, line,
                                 "more than %d rules; the rest of the file is left out",
                                 SLV_HEADERS_RULES_MAX);
        }
        return open_rule(p, line);
    }
    size_t colon = slv_str_chr(line, ':', 0);
    if (colon < line.len)
        return add_field(p, line, colon);
    if (!p->open)
        return slv_rule_warn(p->warnings, FILE_NAME, p->line, line,
                             "expected a path that begins with a slash");
    if (slv_str_starts(line, SLV_STR("! ")))
        return add_unset(p, slv_str_trim(slv_str_skip(line, 2)));
    return slv_rule_warn(p->warnings, FILE_NAME, p->line, line,
                         "expected a header (\"name: value\")");
}

slv_code slv_header_rules_parse(slv_str text, slv_arena *arena, slv_header_rules *ret,
                                slv_buf *warnings)
{
    parser p = {.arena = arena, .warnings = warnings, .ret = ret};
    slv_code code;
    bool stop = false;
    slv_str line;

    do {
        code = slv_rule_next(&text, FILE_NAME, &p.line, &line, warnings);
        if (code == SLV_OK && line.ptr)
            code = parse_line(&p, line, &stop);
    } while (code == SLV_OK && line.ptr && !stop);
    if (code == SLV_OK)
        code = close_rule(&p);
    rule_done(&p.rule);
    return code;
}

void slv_header_rules_done(slv_header_rules *r)
{
    for (size_t i = 0; i < r->rules.len; i++)
        rule_done(&r->rules.items[i]);
    slv_vec_done(&r->rules);
}

/* ---- applying ---- */

static void take_away(slv_header_list *fields, slv_str name)
{
    size_t n = 0;

    for (size_t i = 0; i < fields->len; i++)
        if (!slv_str_eq(fields->items[i].name, name))
            fields->items[n++] = fields->items[i];
    fields->len = n;
}

static slv_code apply_rule(const slv_header_rule *rule, const slv_pattern_match *m,
                           slv_header_list *fields, slv_header_list *ours, slv_arena *arena)
{
    for (size_t i = 0; i < rule->unset.len; i++)
        take_away(fields, rule->unset.items[i]);
    for (size_t i = 0; i < rule->set.len; i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(VALUE_MAX);
        slv_header_field field = {.name = rule->set.items[i].name};

        SLV_TRY(slv_pattern_fill(&rule->pattern, m, rule->set.items[i].value, &text));
        SLV_TRY(slv_arena_dup(arena, slv_buf_view(&text), &field.value));
        bool again = find(ours, field.name) != NULL;
        slv_header_field *there = find(fields, field.name);
        if (again && there && !slv_str_is(field.name, "set-cookie")) {
            SLV_TRY(join(arena, there, field.value));
            continue;
        }
        if (!again) {
            take_away(fields, field.name);
            slv_vec_push(ours, field);
        }
        slv_vec_push(fields, field);
    }
    return SLV_OK;
}

slv_code slv_header_rules_apply(const slv_header_rules *r, slv_str host, slv_str path,
                                slv_header_list *fields, slv_arena *arena)
{
    SLV_CLEANUP(slv_buf_done) slv_buf whole = SLV_BUF((size_t)1 << 20);
    slv_header_list ours = {0};
    slv_code code = SLV_OK;
    slv_pattern_match m;

    if (r->rules.len == 0)
        return SLV_OK;
    SLV_TRY(slv_buf_printf(&whole, "https://%.*s%.*s", SLV_STR_ARGS(host), SLV_STR_ARGS(path)));
    for (size_t i = 0; code == SLV_OK && i < r->rules.len; i++) {
        const slv_header_rule *rule = &r->rules.items[i];

        if (slv_pattern_run(&rule->pattern, rule->pattern.with_host ? slv_buf_view(&whole) : path,
                            &m))
            code = apply_rule(rule, &m, fields, &ours, arena);
    }
    slv_vec_done(&ours);
    return code;
}
