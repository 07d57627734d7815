/* ProjectionExpression, and what a list of paths leaves of an item. */
#include "dynamo/parse_int.h"

slv_code slv_dyn_projection_parse(slv_dyn_scope *sc, slv_dyn_subst *subst, slv_str text,
                                  slv_dyn_paths *ret)
{
    static const char *const keywords[] = {NULL};
    static const slv_dyn_slot order[] = {SLV_DYN_SLOT_RESERVED, SLV_DYN_SLOT_NAME,
                                         SLV_DYN_SLOT_LIMIT, SLV_DYN_SLOT_OVERLAP,
                                         SLV_DYN_SLOT_CONFLICT};
    slv_dyn_parser p;
    slv_dyn_path *paths = NULL;
    uint32_t count = 0, room = 1;

    SLV_TRY(slv_dyn_parser_start(&p, sc, subst, "ProjectionExpression", text, keywords));
    for (size_t at = slv_str_chr(text, ',', 0); at != SIZE_MAX; at = slv_str_chr(text, ',', at + 1))
        room++;
    SLV_DYN_NEW_N(sc, &paths, room);
    for (;;) {
        SLV_ASSERT(count < room);
        SLV_TRY(slv_dyn_parse_path(&p, &paths[count]));
        SLV_TRY(slv_dyn_note_overlap(&p, paths, count, &paths[count]));
        count++;
        if (!slv_dyn_at(&p, ","))
            break;
        slv_dyn_next(&p);
    }
    if (p.cur.kind != SLV_DYN_TOKEN_END)
        return slv_dyn_fail_syntax(&p);
    SLV_TRY(slv_dyn_fail_noted(&p, order, SLV_ARRAY_LEN(order)));
    *ret = (slv_dyn_paths){paths, count};
    return SLV_OK;
}

const slv_dyn_value *slv_dyn_path_get(const slv_dyn_value *item, const slv_dyn_path *path)
{
    const slv_dyn_value *v = item;

    for (uint32_t i = 0; v && i < path->len; i++) {
        const slv_dyn_step *s = &path->steps[i];

        if (!slv_dyn_step_is_index(s))
            v = slv_dyn_value_get(v, s->name);
        else
            v = v->type == SLV_DYN_L && s->index < v->count ? &v->list[s->index] : NULL;
    }
    return v;
}

/* ---- projection ---- */

/* paths[i] of those that go on below from have their first `depth` steps in common. */
static slv_code project_below(slv_dyn_scope *sc, const slv_dyn_path *const *paths, uint32_t count,
                              uint32_t depth, const slv_dyn_value *from, slv_dyn_value *ret,
                              bool *ret_any);

static bool same_step(const slv_dyn_step *a, const slv_dyn_step *b)
{
    if (slv_dyn_step_is_index(a) != slv_dyn_step_is_index(b))
        return false;
    return slv_dyn_step_is_index(a) ? a->index == b->index : slv_str_eq(a->name, b->name);
}

/* The paths out of paths[first..] that take the same step there, moved into group. */
static uint32_t take_group(const slv_dyn_path *const *paths, uint32_t count, uint32_t first,
                           uint32_t depth, const slv_dyn_path **group)
{
    uint32_t n = 0;

    for (uint32_t i = first; i < count; i++)
        if (same_step(&paths[i]->steps[depth], &paths[first]->steps[depth]))
            group[n++] = paths[i];
    return n;
}

static bool seen_before(const slv_dyn_path *const *paths, uint32_t i, uint32_t depth)
{
    for (uint32_t k = 0; k < i; k++)
        if (same_step(&paths[k]->steps[depth], &paths[i]->steps[depth]))
            return true;
    return false;
}

typedef struct picked {
    uint64_t index; /* of lists */
    slv_dyn_member member;
} picked;

static slv_code project_list(slv_dyn_scope *sc, picked *found, uint32_t n, slv_dyn_value *ret)
{
    slv_dyn_value *items = NULL;

    SLV_DYN_NEW_N(sc, &items, n);
    for (uint32_t i = 1; i < n; i++) { /* in the order of the list */
        picked x = found[i];
        uint32_t k = i;

        for (; k > 0 && found[k - 1].index > x.index; k--)
            found[k] = found[k - 1];
        found[k] = x;
    }
    for (uint32_t i = 0; i < n; i++)
        items[i] = found[i].member.value;
    *ret = (slv_dyn_value){.type = SLV_DYN_L, .count = n, .list = items};
    return SLV_OK;
}

static slv_code project_map(slv_dyn_scope *sc, const picked *found, uint32_t n, slv_dyn_value *ret)
{
    slv_dyn_member *members = NULL;

    SLV_DYN_NEW_N(sc, &members, n);
    for (uint32_t i = 0; i < n; i++)
        members[i] = found[i].member;
    *ret = (slv_dyn_value){.type = SLV_DYN_M, .members = members};
    ret->count = slv_dyn_members_sort(members, n);
    return SLV_OK;
}

/* One step for a group of paths: the value there, whole or projected further. */
static slv_code project_step(slv_dyn_scope *sc, const slv_dyn_path *const *group, uint32_t n,
                             uint32_t depth, const slv_dyn_value *from, picked *ret, bool *ret_any)
{
    const slv_dyn_step *s = &group[0]->steps[depth];
    const slv_dyn_path one = {&group[0]->steps[depth], 1};
    const slv_dyn_value *v = slv_dyn_path_get(from, &one);

    *ret_any = false;
    if (!v)
        return SLV_OK;
    ret->index = s->index;
    ret->member.name = s->name;
    for (uint32_t i = 0; i < n; i++)
        if (group[i]->len == depth + 1) {
            ret->member.value = *v;
            *ret_any = true;
            return SLV_OK;
        }
    return project_below(sc, group, n, depth + 1, v, &ret->member.value, ret_any);
}

static slv_code project_below(slv_dyn_scope *sc, const slv_dyn_path *const *paths, uint32_t count,
                              uint32_t depth, const slv_dyn_value *from, slv_dyn_value *ret,
                              bool *ret_any)
{
    const slv_dyn_path **group = NULL;
    picked *found = NULL;
    uint32_t n = 0;

    *ret_any = false;
    if (from->type != SLV_DYN_M && from->type != SLV_DYN_L)
        return SLV_OK;
    SLV_DYN_NEW_N(sc, &group, count);
    SLV_DYN_NEW_N(sc, &found, count);
    for (uint32_t i = 0; i < count; i++) {
        bool any;

        if (seen_before(paths, i, depth))
            continue;
        SLV_TRY(project_step(sc, group, take_group(paths, count, i, depth, group), depth, from,
                             &found[n], &any));
        n += any;
    }
    *ret_any = n > 0;
    if (from->type == SLV_DYN_L)
        return project_list(sc, found, n, ret);
    return project_map(sc, found, n, ret);
}

slv_code slv_dyn_project(slv_dyn_scope *sc, const slv_dyn_paths *paths, const slv_dyn_value *item,
                         slv_dyn_value *ret)
{
    const slv_dyn_path **all = NULL;
    bool any;

    SLV_DYN_NEW_N(sc, &all, paths->count);
    for (uint32_t i = 0; i < paths->count; i++)
        all[i] = &paths->items[i];
    return project_below(sc, all, paths->count, 0, item, ret, &any);
}
