/* Tokens, notes, paths: what the expression grammars share. */
#include "dynamo/parse_int.h"

#include <stdio.h>

static bool is_word(char c)
{
    return slv_is_alpha(c) || c == '_' || slv_is_digit(c);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The token that starts at or after from. */
static slv_dyn_token lex(slv_str text, size_t from)
{
    size_t at = from, end;
    slv_dyn_token_kind kind = SLV_DYN_TOKEN_SIGN;

    while (at < text.len && is_space(text.ptr[at]))
        at++;
    if (at == text.len)
        return (slv_dyn_token){SLV_DYN_TOKEN_END, slv_str_sub(text, at, at)};
    char c = text.ptr[at];

    end = at + 1;
    if (slv_is_alpha(c) || c == '#' || c == ':') { /* no name begins with _ */
        kind = c == '#' ? SLV_DYN_TOKEN_NAME : c == ':' ? SLV_DYN_TOKEN_VALUE : SLV_DYN_TOKEN_WORD;
        while (end < text.len && is_word(text.ptr[end]))
            end++;
        if (end == at + 1 && (c == '#' || c == ':'))
            kind = SLV_DYN_TOKEN_SIGN; /* means nothing alone */
    } else if (slv_is_digit(c)) {
        kind = SLV_DYN_TOKEN_NUMBER;
        while (end < text.len && slv_is_digit(text.ptr[end]))
            end++;
    } else if ((c == '<' || c == '>') && end < text.len &&
               (text.ptr[end] == '=' || (c == '<' && text.ptr[end] == '>'))) {
        end++;
    } else if ((unsigned char)c >= 0x80) {
        while (end < text.len && ((unsigned char)text.ptr[end] & 0xC0) == 0x80)
            end++;
    }
    return (slv_dyn_token){kind, slv_str_sub(text, at, end)};
}

static size_t token_end(const slv_dyn_parser *p, const slv_dyn_token *t)
{
    return (size_t)(t->text.ptr - p->text.ptr) + t->text.len;
}

void slv_dyn_next(slv_dyn_parser *p)
{
    p->prev = p->cur;
    p->cur = lex(p->text, token_end(p, &p->cur));
}

slv_code slv_dyn_parser_start(slv_dyn_parser *p, slv_dyn_scope *sc, slv_dyn_subst *subst,
                              const char *param, slv_str text, const char *const *keywords)
{
    *p = (slv_dyn_parser){
        .sc = sc, .subst = subst, .param = param, .text = text, .keywords = keywords};
    if (text.len > SLV_DYN_EXPR_MAX)
        return slv_dyn_invalid(sc,
                               "Invalid %s: Expression size has exceeded the maximum allowed size; "
                               "expression size: %zu",
                               param, text.len);
    p->cur = lex(text, 0);
    if (p->cur.kind == SLV_DYN_TOKEN_END)
        return slv_dyn_invalid(sc, "Invalid %s: The expression can not be empty;", param);
    return SLV_OK;
}

slv_code slv_dyn_fail_syntax(slv_dyn_parser *p)
{
    slv_str near = p->cur.text;

    if (p->cur.kind == SLV_DYN_TOKEN_END)
        return slv_dyn_invalid(p->sc, "Invalid %s: Syntax error; token: \"<EOF>\", near: \"%.*s\"",
                               p->param, SLV_STR_ARGS(p->prev.text));
    slv_dyn_token next = lex(p->text, token_end(p, &p->cur));
    const char *start = p->prev.text.ptr ? p->prev.text.ptr : p->cur.text.ptr;

    if (next.kind != SLV_DYN_TOKEN_END)
        near = next.text;
    near = slv_str_make(start, (size_t)(near.ptr - start) + near.len);
    return slv_dyn_invalid(p->sc, "Invalid %s: Syntax error; token: \"%.*s\", near: \"%.*s\"",
                           p->param, SLV_STR_ARGS(p->cur.text), SLV_STR_ARGS(near));
}

bool slv_dyn_at_word(const slv_dyn_parser *p, const char *keyword)
{
    return p->cur.kind == SLV_DYN_TOKEN_WORD &&
           slv_str_eq_nocase(p->cur.text, slv_str_from(keyword));
}

bool slv_dyn_at_keyword(const slv_dyn_parser *p)
{
    for (const char *const *k = p->keywords; *k; k++)
        if (slv_dyn_at_word(p, *k))
            return true;
    return false;
}

slv_code slv_dyn_expect(slv_dyn_parser *p, const char *sign)
{
    if (!slv_dyn_at(p, sign))
        return slv_dyn_fail_syntax(p);
    slv_dyn_next(p);
    return SLV_OK;
}

slv_code slv_dyn_note(slv_dyn_parser *p, slv_dyn_slot slot, const char *fmt, ...)
{
    char small[256];
    char *text;
    va_list ap;
    int n;

    if (p->slots[slot].ptr)
        return SLV_OK;
    va_start(ap, fmt);
    n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0)
        return SLV_E_NOMEM;
    if ((size_t)n < sizeof small)
        return slv_arena_dup(p->sc->arena, slv_str_make(small, (size_t)n), &p->slots[slot]);
    text = slv_arena_try_alloc(p->sc->arena, (size_t)n + 1);
    if (!text)
        return SLV_E_LIMIT;
    va_start(ap, fmt);
    n = vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    p->slots[slot] = slv_str_make(text, (size_t)SLV_MAX(n, 0));
    return SLV_OK;
}

slv_code slv_dyn_fail_noted(slv_dyn_parser *p, const slv_dyn_slot *order, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p->slots[order[i]].ptr)
            return slv_dyn_invalid(p->sc, "Invalid %s: %.*s", p->param,
                                   SLV_STR_ARGS(p->slots[order[i]]));
    return SLV_OK;
}

slv_code slv_dyn_count_operator(slv_dyn_parser *p)
{
    p->operators++;
    if (p->operators <= SLV_DYN_EXPR_OPERATORS)
        return SLV_OK;
    return slv_dyn_note(p, SLV_DYN_SLOT_LIMIT,
                        "The expression contains too many operators; operator count: %u",
                        p->operators);
}

/* ---- names and values ---- */

static slv_dyn_subst_slot *find_slot(slv_dyn_subst_slot *slots, const uint32_t *order,
                                     uint32_t count, slv_str key)
{
    uint32_t lo = 0, hi = count;

    if (!order) {
        for (uint32_t i = 0; i < count; i++)
            if (slv_str_eq(slots[i].key, key))
                return &slots[i];
        return NULL;
    }
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int c = slv_str_cmp(slots[order[mid]].key, key);

        if (c == 0)
            return &slots[order[mid]];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

static slv_code resolve_name(slv_dyn_parser *p, slv_str key, slv_str *ret)
{
    slv_dyn_subst_slot *s =
        find_slot(p->subst->names, p->subst->name_order, p->subst->name_count, key);

    if (s && s->name.len) {
        s->used = true;
        *ret = s->name;
        return SLV_OK;
    }
    *ret = SLV_STR("");
    return slv_dyn_note(p, SLV_DYN_SLOT_NAME,
                        "An expression attribute name used in the document path is not defined; "
                        "attribute name: %.*s",
                        SLV_STR_ARGS(key));
}

slv_code slv_dyn_parse_value(slv_dyn_parser *p, slv_dyn_slot slot, const slv_dyn_value **ret)
{
    slv_str key = p->cur.text;
    slv_dyn_subst_slot *s =
        find_slot(p->subst->values, p->subst->value_order, p->subst->value_count, key);

    slv_dyn_next(p);
    *ret = NULL;
    if (s) {
        s->used = true;
        *ret = &s->value;
        return SLV_OK;
    }
    return slv_dyn_note(p, slot,
                        "An expression attribute value used in expression is not defined; "
                        "attribute value: %.*s",
                        SLV_STR_ARGS(key));
}

/* ---- paths ---- */

#define PATH_ROOM 8

static slv_code add_step(slv_dyn_parser *p, slv_dyn_path *path, slv_dyn_step step)
{
    slv_dyn_step *steps = NULL;

    /* Steps are grown by doubling, in the arena; a path of up to PATH_ROOM steps takes one. */
    if (path->len == 0 || (path->len >= PATH_ROOM && (path->len & (path->len - 1)) == 0)) {
        SLV_DYN_NEW_N(p->sc, &steps, path->len ? path->len * 2 : PATH_ROOM);
        if (path->len)
            memcpy(steps, path->steps, path->len * sizeof *steps);
        path->steps = steps;
    }
    path->steps[path->len++] = step;
    if (path->len > SLV_DYN_DEPTH_MAX)
        return slv_dyn_note(p, SLV_DYN_SLOT_LIMIT,
                            "The document path has too many nesting levels; nesting levels: %u",
                            path->len);
    return SLV_OK;
}

static slv_code parse_name(slv_dyn_parser *p, slv_dyn_path *path)
{
    slv_dyn_step step = {.name = p->cur.text};

    if (p->cur.kind == SLV_DYN_TOKEN_NAME) {
        SLV_TRY(resolve_name(p, p->cur.text, &step.name));
    } else if (p->cur.kind == SLV_DYN_TOKEN_WORD && !slv_dyn_at_keyword(p)) {
        if (slv_dyn_reserved(step.name))
            SLV_TRY(slv_dyn_note(p, SLV_DYN_SLOT_RESERVED,
                                 "Attribute name is a reserved keyword; reserved keyword: %.*s",
                                 SLV_STR_ARGS(step.name)));
    } else {
        return slv_dyn_fail_syntax(p);
    }
    slv_dyn_next(p);
    return add_step(p, path, step);
}

slv_code slv_dyn_parse_steps(slv_dyn_parser *p, slv_dyn_path *path)
{
    for (;;) {
        if (slv_dyn_at(p, ".")) {
            slv_dyn_next(p);
            SLV_TRY(parse_name(p, path));
        } else if (slv_dyn_at(p, "[")) {
            slv_dyn_step step = {.name = SLV_STR_NULL};

            slv_dyn_next(p);
            if (p->cur.kind != SLV_DYN_TOKEN_NUMBER)
                return slv_dyn_fail_syntax(p);
            if (slv_parse_u64(p->cur.text, &step.index) != SLV_OK)
                step.index = UINT64_MAX; /* nothing stands there */
            slv_dyn_next(p);
            SLV_TRY(slv_dyn_expect(p, "]"));
            SLV_TRY(add_step(p, path, step));
        } else {
            return SLV_OK;
        }
    }
}

slv_code slv_dyn_parse_path(slv_dyn_parser *p, slv_dyn_path *ret)
{
    *ret = (slv_dyn_path){NULL, 0};
    SLV_TRY(parse_name(p, ret));
    return slv_dyn_parse_steps(p, ret);
}

static bool step_eq(const slv_dyn_step *a, const slv_dyn_step *b)
{
    if (slv_dyn_step_is_index(a) || slv_dyn_step_is_index(b))
        return slv_dyn_step_is_index(a) && slv_dyn_step_is_index(b) && a->index == b->index;
    return slv_str_eq(a->name, b->name);
}

bool slv_dyn_path_eq(const slv_dyn_path *a, const slv_dyn_path *b)
{
    if (a->len != b->len)
        return false;
    for (uint32_t i = 0; i < a->len; i++)
        if (!step_eq(&a->steps[i], &b->steps[i]))
            return false;
    return true;
}

slv_code slv_dyn_path_put(const slv_dyn_path *path, slv_buf *out)
{
    SLV_TRY(slv_buf_append_byte(out, '['));
    for (uint32_t i = 0; i < path->len; i++) {
        const slv_dyn_step *s = &path->steps[i];

        if (i)
            SLV_TRY(slv_buf_append(out, SLV_STR(", ")));
        if (slv_dyn_step_is_index(s))
            SLV_TRY(slv_buf_printf(out, "[%llu]", (unsigned long long)s->index));
        else
            SLV_TRY(slv_buf_append(out, s->name));
    }
    return slv_buf_append_byte(out, ']');
}

#define TEXT_MAX ((size_t)1 << 20)

slv_code slv_dyn_path_text(slv_dyn_scope *sc, const slv_dyn_path *path, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(TEXT_MAX);

    SLV_TRY(slv_dyn_path_put(path, &b));
    return slv_arena_dup(sc->arena, slv_buf_view(&b), ret);
}

slv_code slv_dyn_value_text(slv_dyn_scope *sc, const slv_dyn_value *v, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(TEXT_MAX);

    SLV_TRY(slv_dyn_value_put_text(v, &b));
    return slv_arena_dup(sc->arena, slv_buf_view(&b), ret);
}

static slv_code note_pair(slv_dyn_parser *p, slv_dyn_slot slot, const char *what,
                          const slv_dyn_path *a, const slv_dyn_path *b)
{
    slv_str one, two;

    if (p->slots[slot].ptr)
        return SLV_OK;
    SLV_TRY(slv_dyn_path_text(p->sc, a, &one));
    SLV_TRY(slv_dyn_path_text(p->sc, b, &two));
    return slv_dyn_note(p, slot,
                        "Two document paths %s with each other; must remove or rewrite one of "
                        "these paths; path one: %.*s, path two: %.*s",
                        what, SLV_STR_ARGS(one), SLV_STR_ARGS(two));
}

slv_code slv_dyn_note_overlap(slv_dyn_parser *p, const slv_dyn_path *paths, uint32_t count,
                              const slv_dyn_path *path)
{
    for (uint32_t i = 0; i < count && !p->slots[SLV_DYN_SLOT_OVERLAP].ptr; i++) {
        const slv_dyn_path *other = &paths[i];
        uint32_t common = SLV_MIN(other->len, path->len), k = 0;

        while (k < common && step_eq(&other->steps[k], &path->steps[k]))
            k++;
        if (k == common)
            SLV_TRY(note_pair(p, SLV_DYN_SLOT_OVERLAP, "overlap", other, path));
        else if (slv_dyn_step_is_index(&other->steps[k]) != slv_dyn_step_is_index(&path->steps[k]))
            SLV_TRY(note_pair(p, SLV_DYN_SLOT_CONFLICT, "conflict", other, path));
    }
    return SLV_OK;
}

/* ---- trees ---- */

slv_code slv_dyn_expr_new(slv_dyn_scope *sc, slv_dyn_op op, slv_dyn_expr **ret)
{
    SLV_DYN_NEW(sc, ret);
    (*ret)->op = op;
    return SLV_OK;
}

slv_code slv_dyn_expr_call(slv_dyn_scope *sc, slv_dyn_op op, slv_dyn_expr *const *args, uint32_t n,
                           slv_dyn_expr **ret)
{
    slv_dyn_expr **copy = NULL;

    SLV_TRY(slv_dyn_expr_new(sc, op, ret));
    SLV_DYN_NEW_N(sc, &copy, n);
    memcpy(copy, args, n * sizeof *copy);
    (*ret)->args = copy;
    (*ret)->count = n;
    return SLV_OK;
}
