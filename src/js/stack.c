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
        if (is_nameless(name))
            SLV_TRY(slv_buf_printf(out, "\n    at %.*s", SLV_STR_ARGS(url)));
        else
            SLV_TRY(
                slv_buf_printf(out, "\n    at %.*s (%.*s)", SLV_STR_ARGS(name), SLV_STR_ARGS(url)));
    }
    return SLV_OK;
}
