#include "assets/ignore.h"

/* Spaces at the end do not count, unless a backslash stands before them. */
static slv_str trim_end(slv_str line)
{
    while (line.len > 0 && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == ' ' ||
                            line.ptr[line.len - 1] == '\t')) {
        if (line.len > 1 && line.ptr[line.len - 1] == ' ' && line.ptr[line.len - 2] == '\\')
            break;
        line.len--;
    }
    return line;
}

static void add_line(slv_ignore *ig, slv_str line)
{
    slv_ignore_rule rule = {.negated = false};

    line = trim_end(line);
    if (line.len == 0 || line.ptr[0] == '#' || line.len > SLV_IGNORE_LINE_MAX)
        return;
    if (line.ptr[0] == '!') {
        rule.negated = true;
        line = slv_str_skip(line, 1);
    }
    if (line.len > 0 && line.ptr[line.len - 1] == '/') {
        rule.folders = true;
        line.len--;
    }
    rule.anchored = slv_str_chr(line, '/', 0) < line.len;
    if (line.len > 0 && line.ptr[0] == '/')
        line = slv_str_skip(line, 1);
    rule.pattern = line;
    if (line.len > 0)
        slv_vec_push(&ig->rules, rule);
}

void slv_ignore_add(slv_ignore *ig, slv_str text)
{
    slv_str line;

    while (slv_str_split(&text, '\n', &line))
        add_line(ig, line);
}

void slv_ignore_done(slv_ignore *ig)
{
    slv_vec_done(&ig->rules);
}

/* ---- matching ---- */

/* A class "[a-z]" at *at, which moves behind it. Unclosed: the bracket stands for itself. */
static bool in_class(slv_str p, size_t *at, char c)
{
    size_t i = *at + 1;
    bool negated = i < p.len && (p.ptr[i] == '!' || p.ptr[i] == '^'), found = false;
    size_t first;

    i += negated ? 1 : 0;
    first = i;
    while (i < p.len && (p.ptr[i] != ']' || i == first)) {
        char low = p.ptr[i];

        if (low == '\\' && i + 1 < p.len)
            low = p.ptr[++i];
        char high = low;
        if (i + 2 < p.len && p.ptr[i + 1] == '-' && p.ptr[i + 2] != ']') {
            high = p.ptr[i + 2];
            i += 2;
        }
        found |= (unsigned char)c >= (unsigned char)low && (unsigned char)c <= (unsigned char)high;
        i++;
    }
    if (i >= p.len) { /* no "]" */
        *at += 1;
        return c == '[';
    }
    *at = i + 1;
    return found != negated && c != '/';
}

/* One character of the pattern that is no star. */
static bool one(slv_str p, size_t *at, char c)
{
    char want = p.ptr[*at];

    if (want == '[')
        return in_class(p, at, c);
    *at += 1;
    if (want == '?')
        return c != '/';
    if (want == '\\' && *at < p.len)
        want = p.ptr[(*at)++];
    return c == want;
}

/* Stars at `at`: how many, and whether they stand for folders ("**" between slashes or ends). */
static size_t stars(slv_str p, size_t at, bool *deep)
{
    size_t n = 0;

    while (at + n < p.len && p.ptr[at + n] == '*')
        n++;
    *deep =
        n == 2 && (at == 0 || p.ptr[at - 1] == '/') && (at + n == p.len || p.ptr[at + n] == '/');
    return n;
}

/*
 * The pattern as states, one for each of its bytes and one for the end; the set of states that the
 * text can be in moves on with every character of it.
 */
typedef struct states {
    bool on[SLV_IGNORE_LINE_MAX + 1];
} states;

/* What can be reached without a character: stars stand for nothing, too. edge: a name begins here.
 */
static void settle(slv_str p, states *s, bool edge)
{
    for (size_t i = 0; i < p.len; i++) {
        bool deep;
        size_t n = s->on[i] ? stars(p, i, &deep) : 0;

        if (n == 0)
            continue;
        s->on[i + n] = true;
        if (deep && edge && i + n < p.len)
            s->on[i + n + 1] = true; /* no folder at all: nor its slash */
    }
}

static void step(slv_str p, const states *from, char c, states *to)
{
    memset(to, 0, sizeof *to);
    for (size_t i = 0; i < p.len; i++) {
        bool deep;
        size_t n, next = i;

        if (!from->on[i])
            continue;
        n = stars(p, i, &deep);
        if (n > 0)
            to->on[i] |= deep || c != '/';
        else if (one(p, &next, c))
            to->on[next] = true;
    }
    settle(p, to, c == '/');
}

static bool match(slv_str p, slv_str text)
{
    states a = {{false}}, b;

    a.on[0] = true;
    settle(p, &a, true);
    for (size_t i = 0; i < text.len; i++) {
        step(p, &a, text.ptr[i], &b);
        a = b;
    }
    return a.on[p.len];
}

bool slv_ignore_has(const slv_ignore *ig, slv_str path, bool folder)
{
    size_t slash = slv_str_rchr(path, '/');
    slv_str name = slash < path.len ? slv_str_skip(path, slash + 1) : path;

    for (size_t i = ig->rules.len; i > 0; i--) { /* the last one counts */
        const slv_ignore_rule *rule = &ig->rules.items[i - 1];

        if ((!rule->folders || folder) && match(rule->pattern, rule->anchored ? path : name))
            return !rule->negated;
    }
    return false;
}
