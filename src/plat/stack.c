#include "plat/stack.h"

#include "fmt/sourcemap.h"
#include "plat/version_int.h"

/* ":LINE:COL" at *at. */
static bool place(slv_str text, size_t *at, uint32_t *ret_line, uint32_t *ret_col)
{
    uint32_t *both[] = {ret_line, ret_col};
    size_t i = *at;

    for (size_t k = 0; k < 2; k++) {
        size_t start;
        uint64_t v;

        if (i >= text.len || text.ptr[i] != ':')
            return false;
        for (start = ++i; i < text.len && slv_is_digit(text.ptr[i]); i++)
            ;
        if (slv_parse_u64(slv_str_sub(text, start, i), &v) != SLV_OK || v > UINT32_MAX)
            return false;
        *both[k] = (uint32_t)v;
    }
    *at = i;
    return true;
}

/* "a.js" must not be found in "data.js". */
static bool begins_a_word(slv_str text, size_t at)
{
    char c = at > 0 ? text.ptr[at - 1] : ' ';

    return !slv_is_alpha(c) && !slv_is_digit(c) && !strchr("_-./$", c);
}

slv_code slv_stack_map(slv_version *v, slv_str text, slv_buf *out)
{
    const slv_sourcemap *map = slv_version_sourcemap(v);
    size_t plain = 0;

    for (size_t at = 0; map && v->main_name.len > 0;) {
        size_t hit = slv_str_find(text, v->main_name, at), end = hit + v->main_name.len;
        slv_source_place p;
        uint32_t line, col;

        if (hit == SIZE_MAX)
            break;
        at = hit + v->main_name.len;
        if (!begins_a_word(text, hit) || !place(text, &end, &line, &col) ||
            !slv_sourcemap_find(map, line, col, &p))
            continue;
        SLV_TRY(slv_buf_append(out, slv_str_sub(text, plain, hit)));
        SLV_TRY(slv_buf_printf(out, "%.*s:%u:%u", SLV_STR_ARGS(p.source), p.line, p.col));
        at = plain = end;
    }
    return slv_buf_append(out, slv_str_skip(text, plain));
}
