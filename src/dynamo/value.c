#include "dynamo/value.h"

#include <stdlib.h>

#include "dynamo/value_int.h"

static const char *const type_names[SLV_DYN_TYPES] = {
    [SLV_DYN_S] = "S",       [SLV_DYN_N] = "N",       [SLV_DYN_B] = "B", [SLV_DYN_SS] = "SS",
    [SLV_DYN_NS] = "NS",     [SLV_DYN_BS] = "BS",     [SLV_DYN_M] = "M", [SLV_DYN_L] = "L",
    [SLV_DYN_BOOL] = "BOOL", [SLV_DYN_NULL] = "NULL",
};

const char *slv_dyn_type_name(slv_dyn_type t)
{
    return type_names[t];
}

bool slv_dyn_type_parse(slv_str text, slv_dyn_type *ret)
{
    for (size_t i = 0; i < SLV_DYN_TYPES; i++)
        if (slv_str_is(text, type_names[i])) {
            *ret = (slv_dyn_type)i;
            return true;
        }
    return false;
}

/* ---- sizes ---- */

static size_t members_size(const slv_dyn_value *map)
{
    size_t size = 0;

    for (uint32_t i = 0; i < map->count; i++)
        size += map->members[i].name.len + slv_dyn_value_size(&map->members[i].value);
    return size;
}

size_t slv_dyn_value_size(const slv_dyn_value *v)
{
    size_t size = 0;

    switch ((slv_dyn_type)v->type) {
    case SLV_DYN_S:
    case SLV_DYN_N:
    case SLV_DYN_B:
        return v->bytes.len;
    case SLV_DYN_SS:
    case SLV_DYN_NS:
    case SLV_DYN_BS:
        for (uint32_t i = 0; i < v->count; i++)
            size += v->set[i].len;
        return size;
    case SLV_DYN_L:
        size = 3 + (size_t)v->count;
        for (uint32_t i = 0; i < v->count; i++)
            size += slv_dyn_value_size(&v->list[i]);
        return size;
    case SLV_DYN_M:
        return 3 + (size_t)v->count + members_size(v);
    case SLV_DYN_BOOL:
    case SLV_DYN_NULL:
        return 1;
    case SLV_DYN_TYPES:
        break;
    }
    SLV_UNREACHABLE();
}

size_t slv_dyn_item_size(const slv_dyn_value *item)
{
    return members_size(item);
}

bool slv_dyn_value_too_deep(const slv_dyn_value *v, uint32_t level)
{
    if (level > SLV_DYN_DEPTH_MAX)
        return true;
    for (uint32_t i = 0; v->type == SLV_DYN_L && i < v->count; i++)
        if (slv_dyn_value_too_deep(&v->list[i], level + 1))
            return true;
    for (uint32_t i = 0; v->type == SLV_DYN_M && i < v->count; i++)
        if (slv_dyn_value_too_deep(&v->members[i].value, level + 1))
            return true;
    return false;
}

/* ---- comparison ---- */

bool slv_dyn_value_eq(const slv_dyn_value *a, const slv_dyn_value *b)
{
    if (a->type != b->type)
        return false;
    switch ((slv_dyn_type)a->type) {
    case SLV_DYN_S:
    case SLV_DYN_N:
    case SLV_DYN_B:
        return slv_str_eq(a->bytes, b->bytes);
    case SLV_DYN_BOOL:
        return a->boolean == b->boolean;
    case SLV_DYN_NULL:
        return true;
    case SLV_DYN_SS:
    case SLV_DYN_NS:
    case SLV_DYN_BS:
    case SLV_DYN_L:
    case SLV_DYN_M:
    case SLV_DYN_TYPES:
        break;
    }
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        bool eq = a->type == SLV_DYN_L ? slv_dyn_value_eq(&a->list[i], &b->list[i])
                  : a->type == SLV_DYN_M
                      ? slv_str_eq(a->members[i].name, b->members[i].name) &&
                            slv_dyn_value_eq(&a->members[i].value, &b->members[i].value)
                      : slv_str_eq(a->set[i], b->set[i]);
        if (!eq)
            return false;
    }
    return true;
}

int slv_dyn_value_cmp(const slv_dyn_value *a, const slv_dyn_value *b)
{
    return slv_str_cmp(a->bytes, b->bytes);
}

const slv_dyn_value *slv_dyn_value_get(const slv_dyn_value *map, slv_str name)
{
    uint32_t lo = 0, hi;

    if (!map || map->type != SLV_DYN_M)
        return NULL;
    hi = map->count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int c = slv_str_cmp(map->members[mid].name, name);

        if (c == 0)
            return &map->members[mid].value;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

bool slv_dyn_set_has(const slv_dyn_value *set, slv_str member)
{
    uint32_t lo = 0, hi = set->count;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int c = slv_str_cmp(set->set[mid], member);

        if (c == 0)
            return true;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

/* ---- order ---- */

static int cmp_members(const void *a, const void *b)
{
    return slv_str_cmp(((const slv_dyn_member *)a)->name, ((const slv_dyn_member *)b)->name);
}

uint32_t slv_dyn_members_sort(slv_dyn_member *members, uint32_t count)
{
    uint32_t kept = 0;
    bool sorted = true;

    for (uint32_t i = 1; sorted && i < count; i++)
        sorted = cmp_members(&members[i - 1], &members[i]) < 0;
    if (sorted)
        return count;
    if (count <= 16) { /* the usual item */
        for (uint32_t i = 1; i < count; i++) {
            slv_dyn_member m = members[i];
            uint32_t j = i;

            for (; j > 0 && cmp_members(&members[j - 1], &m) > 0; j--)
                members[j] = members[j - 1];
            members[j] = m;
        }
    } else {
        qsort(members, count, sizeof *members, cmp_members);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (kept && slv_str_eq(members[kept - 1].name, members[i].name))
            kept--;
        members[kept++] = members[i];
    }
    return kept;
}

static int cmp_strs(const void *a, const void *b)
{
    return slv_str_cmp(*(const slv_str *)a, *(const slv_str *)b);
}

uint32_t slv_dyn_strs_sort(slv_str *strs, uint32_t count)
{
    uint32_t kept = 0;

    qsort(strs, count, sizeof *strs, cmp_strs);
    for (uint32_t i = 0; i < count; i++)
        if (!kept || !slv_str_eq(strs[kept - 1], strs[i]))
            strs[kept++] = strs[i];
    return kept;
}

/* ---- key bytes ---- */

slv_code slv_dyn_key_append(const slv_dyn_value *v, bool more, slv_buf *out)
{
    SLV_ASSERT(slv_dyn_type_scalar_key((slv_dyn_type)v->type));
    if (!more)
        return slv_buf_append(out, v->bytes);
    if (v->type == SLV_DYN_N) {
        SLV_TRY(slv_buf_append(out, v->bytes));
        /* negative ones end with a mark of their own */
        return (uint8_t)v->bytes.ptr[0] < 0x80 ? SLV_OK : slv_buf_append_byte(out, 0);
    }
    for (size_t at = 0; at < v->bytes.len;) {
        size_t nul = SLV_MIN(slv_str_chr(v->bytes, '\0', at), v->bytes.len);

        SLV_TRY(slv_buf_append(out, slv_str_sub(v->bytes, at, nul)));
        if (nul < v->bytes.len)
            SLV_TRY(slv_buf_append(out, SLV_STR("\0\xff")));
        at = nul + 1;
    }
    return slv_buf_append(out, SLV_STR("\0\0"));
}

slv_code slv_dyn_key_prefix_end(slv_str prefix, slv_buf *out, bool *ret_bounded)
{
    while (prefix.len && (uint8_t)prefix.ptr[prefix.len - 1] == 0xFF)
        prefix.len--;
    *ret_bounded = prefix.len > 0;
    if (!prefix.len)
        return SLV_OK;
    SLV_TRY(slv_buf_append(out, prefix));
    out->ptr[out->len - 1]++;
    return SLV_OK;
}
