#include "fmt/glob.h"

typedef enum token_kind {
    CHAR,
    STAR,     /* any run without '/' */
    ANY,      /* any run */
    GLOBSTAR, /* directories: a run that is empty or ends with '/' or with the text */
} token_kind;

typedef struct token {
    token_kind kind;
    char c;
} token;

static size_t compile(slv_str p, slv_glob_dialect dialect, token out[static SLV_GLOB_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < p.len; i++) {
        size_t start = i;
        bool before, after;

        if (p.ptr[i] != '*') {
            out[n++] = (token){CHAR, p.ptr[i]};
            continue;
        }
        while (i + 1 < p.len && p.ptr[i + 1] == '*')
            i++;
        before = start == 0 || p.ptr[start - 1] == '/';
        after = i + 1 == p.len || p.ptr[i + 1] == '/';
        if (dialect == SLV_GLOB_IMPORT) {
            out[n++] = (token){ANY, 0};
        } else if (i > start && before && after) {
            out[n++] = (token){GLOBSTAR, 0};
            i++; /* the slash belongs to it */
        } else {
            out[n++] = (token){STAR, 0};
        }
    }
    return n;
}

/* A set of positions in the pattern. A GLOBSTAR has two states: at a boundary, where it may be
 * left, and inside a name. */
typedef struct state {
    bool at[SLV_GLOB_MAX + 1];
    bool inside[SLV_GLOB_MAX];
} state;

/* Adds what is reached without consuming a character. */
static void close_over(state *s, const token *t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s->at[i] && t[i].kind != CHAR)
            s->at[i + 1] = true;
}

static void step(const state *from, state *to, const token *t, size_t n, char c)
{
    memset(to->at, 0, n + 1);
    memset(to->inside, 0, n);
    for (size_t i = 0; i < n; i++) {
        if (t[i].kind == GLOBSTAR && (from->at[i] || from->inside[i])) {
            if (c == '/')
                to->at[i] = true;
            else
                to->inside[i] = true;
            continue;
        }
        if (!from->at[i])
            continue;
        if (t[i].kind == CHAR)
            to->at[i + 1] |= t[i].c == c;
        else if (t[i].kind == ANY || c != '/')
            to->at[i] = true;
    }
    close_over(to, t, n);
}

bool slv_glob_match(slv_str pattern, slv_str text, slv_glob_dialect dialect)
{
    token t[SLV_GLOB_MAX] = {0};
    state a = {0}, b = {0};
    state *now = &a, *next = &b;
    size_t n;

    if (pattern.len > SLV_GLOB_MAX)
        return false;
    n = compile(pattern, dialect, t);
    now->at[0] = true;
    close_over(now, t, n);
    for (size_t i = 0; i < text.len; i++) {
        state *swap = now;

        step(now, next, t, n, text.ptr[i]);
        now = next;
        next = swap;
    }
    for (size_t i = 0; i < n; i++) /* the end of the text is the end of a name */
        if (t[i].kind == GLOBSTAR && now->inside[i])
            now->at[i] = true;
    close_over(now, t, n);
    return now->at[n];
}

slv_code slv_glob_regexp(slv_str pattern, slv_buf *out)
{
    SLV_TRY(slv_buf_append_byte(out, '^'));
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];

        if (c == '*') {
            while (i + 1 < pattern.len && pattern.ptr[i + 1] == '*')
                i++;
            SLV_TRY(slv_buf_append(out, SLV_STR(".*")));
            continue;
        }
        if (c != '\0' && strchr("\\^$.|?*+()[]{}/-", c))
            SLV_TRY(slv_buf_append_byte(out, '\\'));
        SLV_TRY(slv_buf_append_byte(out, c));
    }
    return slv_buf_append_byte(out, '$');
}
