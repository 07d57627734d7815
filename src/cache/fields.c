#include "cache/policy_int.h"

bool slv_cache_next_field(slv_str *block, slv_str *ret_name, slv_str *ret_value)
{
    slv_str line;

    while (block->len > 0 && slv_str_split(block, '\n', &line)) {
        size_t colon = slv_str_chr(line, ':', 0);

        if (colon == SIZE_MAX || colon == 0)
            continue;
        *ret_name = slv_str_sub(line, 0, colon);
        *ret_value = slv_str_trim(slv_str_skip(line, colon + 1));
        return true;
    }
    return false;
}

slv_str slv_cache_field(slv_str block, const char *name)
{
    slv_str n, v;

    while (slv_cache_next_field(&block, &n, &v)) {
        if (slv_str_eq_nocase(n, slv_str_from(name)))
            return v.ptr ? v : SLV_STR("");
    }
    return SLV_STR_NULL;
}

bool slv_cache_next_item(slv_str *list, slv_str *ret_item)
{
    bool quoted = false;
    size_t i = 0;

    if (!list->ptr || list->len == 0)
        return false;
    for (; i < list->len && (quoted || list->ptr[i] != ','); i++) {
        if (list->ptr[i] == '"')
            quoted = !quoted;
        else if (quoted && list->ptr[i] == '\\' && i + 1 < list->len)
            i++;
    }
    *ret_item = slv_str_trim(slv_str_sub(*list, 0, i));
    *list = slv_str_skip(*list, i + 1);
    return true;
}
