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

/* "url:1:column" with the wrapper's columns taken off; other places as they are. */
static slv_code put_place(slv_str url, slv_buf *out)
{
    size_t colon = slv_str_rchr(url, ':');
    slv_str place = slv_str_sub(url, 0, colon);
    uint64_t column;

    if (colon == SIZE_MAX || !slv_str_ends(place, SLV_STR(":1")) ||
        slv_parse_u64(slv_str_skip(url, colon + 1), &column) != SLV_OK ||
        column <= SLV_JS_WRAP_COLUMNS)
        return slv_buf_append(out, url);
    return slv_buf_printf(out, "%.*s:%u", SLV_STR_ARGS(place),
                          (unsigned)(column - SLV_JS_WRAP_COLUMNS));
}

slv_code slv_js_stack_frames(slv_str jsc_stack, slv_buf *out)
{
    slv_str line;

    while (slv_str_split(&jsc_stack, '\n', &line)) {
        size_t at = slv_str_rchr(line, '@');
        slv_str name = at == SIZE_MAX ? SLV_STR("") : slv_str_sub(line, 0, at);
        slv_str url = at == SIZE_MAX ? line : slv_str_skip(line, at + 1);

        if (is_plumbing(url))
            continue;
        if (slv_str_starts(name, SLV_STR("async ")) && is_nameless(slv_str_skip(name, 6)))
            name = SLV_STR("");
        SLV_TRY(slv_buf_append(out, SLV_STR("\n    at ")));
        if (!is_nameless(name))
            SLV_TRY(slv_buf_printf(out, "%.*s (", SLV_STR_ARGS(name)));
        SLV_TRY(put_place(url, out));
        if (!is_nameless(name))
            SLV_TRY(slv_buf_append(out, SLV_STR(")")));
    }
    return SLV_OK;
}
