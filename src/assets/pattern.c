#include "assets/pattern.h"

#define HTTPS SLV_STR("https://")

static bool is_word(char c)
{
    return slv_is_alpha(c) || slv_is_digit(c) || c == '_';
}

/* The length of the name behind a colon at `at`; 0: there is none. */
static size_t name_len(slv_str s, size_t at)
{
    size_t end = at + 1;

    if (end >= s.len || s.ptr[at] != ':' || !slv_is_alpha(s.ptr[end]))
        return 0;
    while (end < s.len && is_word(s.ptr[end]))
        end++;
    return end - at - 1;
}

bool slv_pattern_is_dynamic(slv_str rule)
{
    for (size_t i = 0; i < rule.len; i++)
        if (rule.ptr[i] == '*' || name_len(rule, i) > 0)
            return true;
    return false;
}

/* ---- parsing ---- */

typedef struct builder {
    slv_pattern_part parts[SLV_PATTERN_PARTS_MAX];
    size_t count;
} builder;

static slv_code add(builder *b, slv_pattern_kind kind, slv_str text)
{
    if (kind == SLV_PATTERN_TEXT && text.len == 0)
        return SLV_OK;
    for (size_t i = 0; kind != SLV_PATTERN_TEXT && i < b->count; i++)
        if (b->parts[i].kind != SLV_PATTERN_TEXT && slv_str_eq(b->parts[i].text, text))
            return SLV_E_PARSE;
    if (b->count == SLV_PATTERN_PARTS_MAX)
        return SLV_E_LIMIT;
    b->parts[b->count++] = (slv_pattern_part){kind, text};
    return SLV_OK;
}

slv_code slv_pattern_parse(slv_str rule, slv_arena *arena, slv_pattern *ret)
{
    builder b = {.count = 0};
    size_t from = 0, at = 0, host_end = 0;
    bool with_host = slv_str_starts(rule, HTTPS);

    if (with_host) {
        host_end = slv_str_chr(rule, '/', HTTPS.len);
        at = HTTPS.len;
    }
    while (at < rule.len) {
        size_t len = name_len(rule, at);
        bool splat = rule.ptr[at] == '*';

        if (!splat && len == 0) {
            at++;
            continue;
        }
        SLV_TRY(add(&b, SLV_PATTERN_TEXT, slv_str_sub(rule, from, at)));
        if (splat)
            SLV_TRY(add(&b, SLV_PATTERN_SPLAT, SLV_STR("splat")));
        else
            SLV_TRY(add(&b, with_host && at < host_end ? SLV_PATTERN_LABEL : SLV_PATTERN_PIECE,
                        slv_str_sub(rule, at + 1, at + 1 + len)));
        at += splat ? 1 : len + 1;
        from = at;
    }
    SLV_TRY(add(&b, SLV_PATTERN_TEXT, slv_str_skip(rule, from)));
    slv_pattern_part *parts = slv_arena_try_alloc(arena, b.count * sizeof *parts + 1);
    if (!parts)
        return SLV_E_NOMEM;
    if (b.count > 0)
        memcpy(parts, b.parts, b.count * sizeof *parts);
    *ret = (slv_pattern){parts, b.count, with_host};
    return SLV_OK;
}

/* ---- matching ---- */

typedef struct run {
    const slv_pattern *p;
    slv_str text;
    slv_pattern_match *m;
    unsigned steps;
} run;

static bool may_hold(slv_pattern_kind kind, char c)
{
    return kind == SLV_PATTERN_SPLAT || (c != '/' && (kind == SLV_PATTERN_PIECE || c != '.'));
}

/* As deep as there are parts. */
static bool match_from(run *r, size_t part, size_t at)
{
    if (++r->steps > SLV_PATTERN_STEPS_MAX)
        return false;
    if (part == r->p->count)
        return at == r->text.len;
    const slv_pattern_part *p = &r->p->parts[part];
    if (p->kind == SLV_PATTERN_TEXT) {
        r->m->values[part] = p->text;
        return slv_str_starts(slv_str_skip(r->text, at), p->text) &&
               match_from(r, part + 1, at + p->text.len);
    }
    size_t most = at, least = at + (p->kind == SLV_PATTERN_SPLAT ? 0 : 1);
    while (most < r->text.len && may_hold(p->kind, r->text.ptr[most]))
        most++;
    for (size_t end = most; end >= least; end--) {
        r->m->values[part] = slv_str_sub(r->text, at, end);
        if (match_from(r, part + 1, end))
            return true;
        if (end == 0 || r->steps > SLV_PATTERN_STEPS_MAX)
            return false;
    }
    return false;
}

bool slv_pattern_run(const slv_pattern *p, slv_str text, slv_pattern_match *ret)
{
    run r = {.p = p, .text = text, .m = ret};

    return match_from(&r, 0, 0);
}

slv_code slv_pattern_fill(const slv_pattern *p, const slv_pattern_match *m, slv_str text,
                          slv_buf *out)
{
    size_t from = 0;

    for (size_t at = 0; at < text.len;) {
        size_t len = name_len(text, at), part = p->count;

        for (size_t i = 0; len > 0 && i < p->count; i++)
            if (p->parts[i].kind != SLV_PATTERN_TEXT &&
                slv_str_eq(p->parts[i].text, slv_str_sub(text, at + 1, at + 1 + len)))
                part = i;
        if (part == p->count) {
            at++;
            continue;
        }
        SLV_TRY(slv_buf_append(out, slv_str_sub(text, from, at)));
        SLV_TRY(slv_buf_append(out, m->values[part]));
        at += len + 1;
        from = at;
    }
    return slv_buf_append(out, slv_str_skip(text, from));
}
