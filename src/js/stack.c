#include "js/engine_int.h"

/*
 * The engine writes a stack as lines "name@url:line:column" (name and @ absent at top level,
 * "[native code]" for its own functions). People and tools know V8's form: the error's headline,
 * then "    at name (url:line:column)". Frames of our built-ins ("selvage:…") and of the engine are
 * left out: they say nothing about the user's code.
 */

static bool is_plumbing(slv_str url)
{
    return url.len == 0 || slv_str_starts(url, SLV_STR("selvage:")) ||
           slv_str_is(url, "[native code]");
}

/* Names that the engine gives to what has none. */
static bool is_nameless(slv_str name)
{
    static const char *const code[] = {"",          "global code",         "module code",
                                       "eval code", "asyncFunctionResume", "anonymous"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(code); i++) {
        if (slv_str_is(name, code[i]))
            return true;
    }
    return false;
}

typedef struct frame {
    slv_str name, url; /* "index.js:1:2" */
    slv_str place;     /* "index.js" */
    uint64_t line, column;
} frame;

/* False for lines that say nothing about the user's code. */
static bool parse_frame(slv_str text, frame *f)
{
    size_t at = slv_str_rchr(text, '@');
    size_t colon;
    slv_str rest;

    f->name = at == SIZE_MAX ? SLV_STR("") : slv_str_sub(text, 0, at);
    f->url = at == SIZE_MAX ? text : slv_str_skip(text, at + 1);
    if (is_plumbing(f->url))
        return false;
    if (slv_str_starts(f->name, SLV_STR("async ")) && is_nameless(slv_str_skip(f->name, 6)))
        f->name = SLV_STR("");
    f->line = f->column = 0;
    colon = slv_str_rchr(f->url, ':');
    rest = slv_str_sub(f->url, 0, colon == SIZE_MAX ? 0 : colon);
    if (colon != SIZE_MAX && slv_parse_u64(slv_str_skip(f->url, colon + 1), &f->column) == SLV_OK) {
        colon = slv_str_rchr(rest, ':');
        if (colon == SIZE_MAX || slv_parse_u64(slv_str_skip(rest, colon + 1), &f->line) != SLV_OK)
            f->line = 0;
    }
    f->place = slv_str_sub(rest, 0, colon);
    return f->line != 0;
}

static bool next_frame(slv_str *rest, frame *f)
{
    slv_str line;

    while (slv_str_split(rest, '\n', &line)) {
        if (parse_frame(line, f))
            return true;
    }
    return false;
}

static bool same_function(const frame *a, const frame *b)
{
    return slv_str_eq(a->name, b->name) && slv_str_eq(a->place, b->place);
}

static bool is_before(const frame *a, const frame *b)
{
    return a->line < b->line || (a->line == b->line && a->column < b->column);
}

/* The column, without the wrapper that stood before the first line. */
static slv_code put_place(const frame *f, slv_buf *out)
{
    if (f->line != 1 || f->column <= SLV_JS_WRAP_COLUMNS)
        return slv_buf_append(out, f->url);
    return slv_buf_printf(out, "%.*s:1:%u", SLV_STR_ARGS(f->place),
                          (unsigned)(f->column - SLV_JS_WRAP_COLUMNS));
}

static slv_code put_frame(const frame *f, slv_buf *out)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("\n    at ")));
    if (is_nameless(f->name))
        return put_place(f, out);
    SLV_TRY(slv_buf_printf(out, "%.*s (", SLV_STR_ARGS(f->name)));
    SLV_TRY(put_place(f, out));
    return slv_buf_append(out, SLV_STR(")"));
}

slv_code slv_js_stack_frames(slv_str jsc_stack, slv_buf *out)
{
    size_t at = slv_str_find(jsc_stack, SLV_STR("\n    at "), 0);
    frame f;
    frame next;
    bool more;

    if (at != SIZE_MAX) /* in V8's form already: the headline is not ours to repeat */
        return slv_buf_append(out, slv_str_skip(jsc_stack, at));
    more = next_frame(&jsc_stack, &f);

    while (more) {
        SLV_TRY(put_frame(&f, out));
        more = next_frame(&jsc_stack, &next);
        /* An async function has two frames in the engine: where it stands, and its head. Recursion
           looks the same for one level, and is told by its second level, which stands where the
           first does. */
        if (more && same_function(&f, &next) && is_before(&next, &f)) {
            frame after;

            more = next_frame(&jsc_stack, &after);
            if (more && same_function(&next, &after) && slv_str_eq(next.url, after.url))
                SLV_TRY(put_frame(&next, out));
            next = after;
        }
        f = next;
    }
    return SLV_OK;
}
