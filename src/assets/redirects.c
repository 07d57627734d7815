#include "assets/redirects.h"

#include "assets/rules_int.h"

#define FILE_NAME "_redirects"
#define TARGET_MAX ((size_t)64 << 10)

typedef struct parser {
    slv_arena *arena;
    slv_buf *warnings;
    slv_redirects *ret;
    bool loops, patterns; /* patterns: one was seen */
    unsigned line;
    unsigned statics, dynamics;
} parser;

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Up to 4 tokens of a line, a comment behind them left out. */
static size_t split(slv_str line, slv_str tokens[4])
{
    size_t n = 0, at = 0;

    while (at < line.len && n < 4) {
        while (at < line.len && is_space(line.ptr[at]))
            at++;
        if (at == line.len || (n > 0 && line.ptr[at] == '#'))
            break;
        size_t from = at;
        while (at < line.len && !is_space(line.ptr[at]))
            at++;
        tokens[n++] = slv_str_sub(line, from, at);
    }
    return n;
}

static bool status_of(slv_str text, uint16_t *ret)
{
    static const uint16_t known[] = {200, 301, 302, 303, 307, 308};
    uint64_t n;

    if (slv_parse_u64(text, &n) != SLV_OK)
        return false;
    for (size_t i = 0; i < SLV_ARRAY_LEN(known); i++)
        if (n == known[i])
            *ret = known[i];
    return *ret != 0;
}

static bool ends_in_index(slv_str to)
{
    return slv_str_ends(to, SLV_STR("/index")) || slv_str_ends(to, SLV_STR("/index.html"));
}

/* What would lead to itself: the target is redirected to where the rule begins. */
static bool is_loop(const parser *p, const slv_redirect *rule)
{
    if (slv_rule_has_host(rule->to) || !ends_in_index(rule->to))
        return false;
    return slv_str_ends(rule->from, SLV_STR("/*")) ||
           (p->loops && slv_str_ends(rule->from, SLV_STR("/")));
}

/* Counts the rule; false: there are too many. *stop: nothing more of the file is read. */
static slv_code count(parser *p, slv_str from, slv_str line, bool *ok, bool *stop)
{
    *ok = false;
    if (!p->patterns && !slv_pattern_is_dynamic(from)) {
        if (p->statics++ < SLV_REDIRECTS_STATIC_MAX) {
            *ok = true;
            return SLV_OK;
        }
        return slv_rule_warn(p->warnings, FILE_NAME, p->line, line,
                             "more than %d static rules; this one is left out",
                             SLV_REDIRECTS_STATIC_MAX);
    }
    p->patterns = true;
    *ok = p->dynamics++ < SLV_REDIRECTS_DYNAMIC_MAX;
    *stop = !*ok;
    return *ok ? SLV_OK
               : slv_rule_warn(p->warnings, FILE_NAME, p->line, line,
                               "more than %d dynamic rules; the rest of the file is left out",
                               SLV_REDIRECTS_DYNAMIC_MAX);
}

static bool is_known(const slv_redirects *r, slv_str from)
{
    if (slv_map_get(&r->exact, from))
        return true;
    for (size_t i = r->dynamic; i < r->rules.len; i++)
        if (slv_str_eq(r->rules.items[i].from, from))
            return true;
    return false;
}

static slv_code keep(parser *p, slv_redirect *rule, slv_str line)
{
    bool dynamic = p->patterns;

    if (is_loop(p, rule))
        return slv_rule_warn(
            p->warnings, FILE_NAME, p->line, line,
            "infinite loop: the target leads back to this rule, which is left out");
    if (is_known(p->ret, rule->from))
        return slv_rule_warn(p->warnings, FILE_NAME, p->line, line,
                             "a rule for this path stands above; this one is left out");
    if (rule->status == 200 && slv_rule_has_host(rule->to))
        return slv_rule_warn(p->warnings, FILE_NAME, p->line, line,
                             "proxy (200) redirects can only point to relative paths");
    if (dynamic && slv_pattern_parse(rule->from, p->arena, &rule->pattern) != SLV_OK)
        return slv_rule_warn(p->warnings, FILE_NAME, p->line, line,
                             "a rule may have one \"*\", and each name once");
    if (!dynamic) {
        slv_map_set(&p->ret->exact, rule->from, (uint32_t)p->ret->rules.len);
        p->ret->dynamic = p->ret->rules.len + 1;
    }
    slv_vec_push(&p->ret->rules, *rule);
    return SLV_OK;
}

static slv_code parse_line(parser *p, slv_str line, bool *stop)
{
    slv_str tokens[4];
    slv_redirect rule = {.status = 0};
    const char *why;
    bool ok;
    size_t n = split(line, tokens);

    if (n < 2 || n > 3)
        return slv_rule_warn(p->warnings, FILE_NAME, p->line, line,
                             "expected FROM TO [STATUS], got %zu word%s", n, n == 1 ? "" : "s");
    if (slv_rule_url(tokens[0], SLV_RULE_RELATIVE | SLV_RULE_NO_PORT, p->arena, &rule.from, &why) !=
        SLV_OK)
        return slv_rule_warn(p->warnings, FILE_NAME, p->line, line, "%s", why);
    SLV_TRY(count(p, rule.from, line, &ok, stop));
    if (!ok)
        return SLV_OK;
    if (slv_rule_url(tokens[1], SLV_RULE_REST, p->arena, &rule.to, &why) != SLV_OK)
        return slv_rule_warn(p->warnings, FILE_NAME, p->line, line, "%s", why);
    if (!status_of(n == 3 ? tokens[2] : SLV_STR("302"), &rule.status))
        return slv_rule_warn(p->warnings, FILE_NAME, p->line, line,
                             "valid status codes are 200, 301, 302 (default), 303, 307 and 308");
    return keep(p, &rule, line);
}

slv_code slv_redirects_parse(slv_str text, bool loops, slv_arena *arena, slv_redirects *ret,
                             slv_buf *warnings)
{
    parser p = {.arena = arena, .warnings = warnings, .ret = ret, .loops = loops};
    slv_code code;
    bool stop = false;
    slv_str line;

    do {
        code = slv_rule_next(&text, FILE_NAME, &p.line, &line, warnings);
        if (code == SLV_OK && line.ptr)
            code = parse_line(&p, line, &stop);
    } while (code == SLV_OK && line.ptr && !stop);
    return code;
}

void slv_redirects_done(slv_redirects *r)
{
    slv_map_done(&r->exact);
    slv_vec_done(&r->rules);
}

/* Slashes that follow each other become one, but for those of "https://". */
static slv_code put_target(slv_str to, slv_buf *out)
{
    size_t scheme = slv_str_find(to, SLV_STR("://"), 0);

    slv_buf_reset(out);
    if (scheme < to.len && scheme > 0 && slv_str_chr(to, '/', 0) > scheme)
        return slv_buf_append(out, to);
    for (size_t i = 0; i < to.len; i++)
        if (to.ptr[i] != '/' || i == 0 || to.ptr[i - 1] != '/')
            SLV_TRY(slv_buf_append_byte(out, to.ptr[i]));
    return SLV_OK;
}

const slv_redirect *slv_redirects_find(const slv_redirects *r, slv_str path, slv_buf *to)
{
    SLV_CLEANUP(slv_buf_done) slv_buf filled = SLV_BUF(TARGET_MAX);
    const uint32_t *exact = slv_map_get(&r->exact, path);
    slv_pattern_match m;

    if (exact) {
        slv_buf_reset(to);
        return slv_buf_append(to, r->rules.items[*exact].to) == SLV_OK ? &r->rules.items[*exact]
                                                                       : NULL;
    }
    for (size_t i = r->dynamic; i < r->rules.len; i++) {
        const slv_redirect *rule = &r->rules.items[i];

        if (!slv_pattern_run(&rule->pattern, path, &m))
            continue;
        if (slv_pattern_fill(&rule->pattern, &m, rule->to, &filled) != SLV_OK ||
            put_target(slv_buf_view(&filled), to) != SLV_OK)
            return NULL;
        return rule;
    }
    return NULL;
}
