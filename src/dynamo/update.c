/*
 * Applying an update.
 *
 * First, in the order they are written, each action says what it makes of the value at its path:
 * everything that can be wrong is found here, and everything is computed from the old item. Then
 * the new item is built in one walk, in which paths that begin alike go together.
 */
#include "dynamo/update.h"

#include "dynamo/parse_int.h"

typedef struct effect {
    const slv_dyn_path *path;
    bool drop;
    const slv_dyn_value *value; /* what stands there after; NULL with drop false: nothing changes */
} effect;

/* ---- values ---- */

static slv_code fail_type(slv_dyn_scope *sc, bool legacy)
{
    return slv_dyn_invalid(sc, legacy ? "Type mismatch for attribute to update"
                                      : "An operand in the update expression has an incorrect data "
                                        "type");
}

static slv_code evaluate(slv_dyn_scope *sc, const slv_dyn_expr *e, const slv_dyn_value *old,
                         const slv_dyn_value **ret);

static slv_code new_number(slv_dyn_scope *sc, slv_str a, slv_str b, bool minus,
                           const slv_dyn_value **ret)
{
    slv_dyn_value *v = NULL;
    slv_dyn_num num;

    SLV_TRY(slv_dyn_num_add(sc, a, b, minus, &num));
    SLV_DYN_NEW(sc, &v);
    v->type = SLV_DYN_N;
    *ret = v;
    return slv_arena_dup(sc->arena, slv_dyn_num_view(&num), &v->bytes);
}

static slv_code append_lists(slv_dyn_scope *sc, const slv_dyn_value *a, const slv_dyn_value *b,
                             const slv_dyn_value **ret)
{
    slv_dyn_value *v = NULL, *items = NULL;

    SLV_DYN_NEW(sc, &v);
    SLV_DYN_NEW_N(sc, &items, (size_t)a->count + b->count);
    if (a->count)
        memcpy(items, a->list, a->count * sizeof *items);
    if (b->count)
        memcpy(items + a->count, b->list, b->count * sizeof *items);
    *v = (slv_dyn_value){.type = SLV_DYN_L, .count = a->count + b->count, .list = items};
    *ret = v;
    return SLV_OK;
}

static slv_code evaluate_pair(slv_dyn_scope *sc, const slv_dyn_expr *e, const slv_dyn_value *old,
                              const slv_dyn_value **ret)
{
    const slv_dyn_value *args[2];
    slv_dyn_type wanted = e->op == SLV_DYN_OP_LIST_APPEND ? SLV_DYN_L : SLV_DYN_N;

    for (size_t i = 0; i < 2; i++) {
        SLV_TRY(evaluate(sc, e->args[i], old, &args[i]));
        if (args[i]->type != wanted)
            return fail_type(sc, false);
    }
    if (wanted == SLV_DYN_L)
        return append_lists(sc, args[0], args[1], ret);
    return new_number(sc, args[0]->bytes, args[1]->bytes, e->op == SLV_DYN_OP_MINUS, ret);
}

static slv_code evaluate(slv_dyn_scope *sc, const slv_dyn_expr *e, const slv_dyn_value *old,
                         const slv_dyn_value **ret)
{
    switch ((int)e->op) {
    case SLV_DYN_OP_VALUE:
        *ret = e->value;
        return SLV_OK;
    case SLV_DYN_OP_PATH:
        *ret = slv_dyn_path_get(old, &e->path);
        if (*ret)
            return SLV_OK;
        return slv_dyn_invalid(sc, "The provided expression refers to an attribute that does not "
                                   "exist in the item");
    case SLV_DYN_OP_IF_NOT_EXISTS:
        *ret = slv_dyn_path_get(old, &e->args[0]->path);
        return *ret ? SLV_OK : evaluate(sc, e->args[1], old, ret);
    default:
        return evaluate_pair(sc, e, old, ret);
    }
}

static bool is_set(const slv_dyn_value *v)
{
    return v->type == SLV_DYN_SS || v->type == SLV_DYN_NS || v->type == SLV_DYN_BS;
}

/* a with the members of b added, or without them. NULL where nothing is left. */
static slv_code merge_sets(slv_dyn_scope *sc, const slv_dyn_value *a, const slv_dyn_value *b,
                           bool remove, const slv_dyn_value **ret)
{
    slv_dyn_value *v = NULL;
    slv_str *strs = NULL;
    uint32_t i = 0, k = 0, n = 0;

    SLV_DYN_NEW(sc, &v);
    SLV_DYN_NEW_N(sc, &strs, (size_t)a->count + b->count);
    while (i < a->count || (!remove && k < b->count)) {
        int c = i == a->count ? 1 : k == b->count ? -1 : slv_str_cmp(a->set[i], b->set[k]);

        if (c > 0 && remove) {
            k++;
            continue;
        }
        if (c != 0 || !remove)
            strs[n++] = c > 0 ? b->set[k] : a->set[i];
        i += c <= 0;
        k += c >= 0;
    }
    *v = (slv_dyn_value){.type = a->type, .count = n, .set = strs};
    *ret = n ? v : NULL;
    return SLV_OK;
}

static slv_code add_effect(slv_dyn_scope *sc, bool legacy, const slv_dyn_value *by,
                           const slv_dyn_value *now, effect *ret)
{
    ret->value = by;
    if (!now)
        return SLV_OK;
    if (now->type != by->type)
        return fail_type(sc, legacy);
    if (by->type == SLV_DYN_N)
        return new_number(sc, now->bytes, by->bytes, false, &ret->value);
    if (by->type == SLV_DYN_L)
        return append_lists(sc, now, by, &ret->value);
    SLV_ASSERT(is_set(by));
    return merge_sets(sc, now, by, false, &ret->value);
}

static slv_code effect_of(slv_dyn_scope *sc, const slv_dyn_action *a, bool legacy,
                          const slv_dyn_value *old, const slv_dyn_value *now, effect *ret)
{
    ret->path = &a->path;
    switch (a->kind) {
    case SLV_DYN_SET:
        return evaluate(sc, a->value, old, &ret->value);
    case SLV_DYN_REMOVE:
        ret->drop = now != NULL;
        return SLV_OK;
    case SLV_DYN_ADD:
        return add_effect(sc, legacy, a->value->value, now, ret);
    case SLV_DYN_DELETE:
        if (!now)
            return SLV_OK;
        if (now->type != a->value->value->type)
            return fail_type(sc, legacy);
        SLV_TRY(merge_sets(sc, now, a->value->value, true, &ret->value));
        ret->drop = !ret->value;
        return SLV_OK;
    }
    SLV_UNREACHABLE();
}

static slv_code check_parent(slv_dyn_scope *sc, const slv_dyn_path *path, const slv_dyn_value *old)
{
    slv_dyn_path above = {path->steps, path->len - 1};
    const slv_dyn_value *parent = slv_dyn_path_get(old, &above);
    slv_dyn_type wanted =
        slv_dyn_step_is_index(&path->steps[path->len - 1]) ? SLV_DYN_L : SLV_DYN_M;

    if (parent && parent->type == wanted)
        return SLV_OK;
    return slv_dyn_invalid(
        sc, "The document path provided in the update expression is invalid for update");
}

/* ---- the new item ---- */

static slv_code rebuild(slv_dyn_scope *sc, const slv_dyn_value *from, effect *effects, uint32_t n,
                        uint32_t depth, slv_dyn_value *ret);

static int cmp_step(const slv_dyn_step *a, const slv_dyn_step *b)
{
    if (slv_dyn_step_is_index(a))
        return a->index < b->index ? -1 : a->index > b->index;
    return slv_str_cmp(a->name, b->name);
}

/* By their step at depth; within a container all steps are of one kind. */
static void sort_effects(effect *e, uint32_t n, uint32_t depth)
{
    for (uint32_t i = 1; i < n; i++) {
        effect x = e[i];
        uint32_t k = i;

        for (; k > 0 && cmp_step(&e[k - 1].path->steps[depth], &x.path->steps[depth]) > 0; k--)
            e[k] = e[k - 1];
        e[k] = x;
    }
}

static uint32_t group_end(const effect *e, uint32_t from, uint32_t n, uint32_t depth)
{
    uint32_t end = from + 1;

    while (end < n && !cmp_step(&e[end].path->steps[depth], &e[from].path->steps[depth]))
        end++;
    return end;
}

/* The value of one place after a group of effects; false: nothing stands there. */
static slv_code settle(slv_dyn_scope *sc, const slv_dyn_value *now, effect *group, uint32_t n,
                       uint32_t depth, slv_dyn_value *ret, bool *ret_any)
{
    bool leaf = group[0].path->len == depth + 1;

    *ret_any = true;
    if (!leaf) {
        SLV_ASSERT(now); /* check_parent */
        return rebuild(sc, now, group, n, depth + 1, ret);
    }
    if (group[0].value)
        *ret = *group[0].value;
    else if (now && !group[0].drop)
        *ret = *now;
    else
        *ret_any = false;
    return SLV_OK;
}

static slv_code rebuild_map(slv_dyn_scope *sc, const slv_dyn_value *from, effect *e, uint32_t n,
                            uint32_t depth, slv_dyn_value *ret)
{
    slv_dyn_member *members = NULL;
    uint32_t i = 0, k = 0, count = 0;

    SLV_DYN_NEW_N(sc, &members, (size_t)from->count + n);
    while (i < from->count || k < n) {
        int c = i == from->count ? 1
                : k == n         ? -1
                                 : slv_str_cmp(from->members[i].name, e[k].path->steps[depth].name);

        if (c < 0) {
            members[count++] = from->members[i++];
            continue;
        }
        const slv_dyn_value *now = c == 0 ? &from->members[i++].value : NULL;
        uint32_t end = group_end(e, k, n, depth);
        bool any;

        members[count].name = e[k].path->steps[depth].name;
        SLV_TRY(settle(sc, now, e + k, end - k, depth, &members[count].value, &any));
        count += any;
        k = end;
    }
    *ret = (slv_dyn_value){.type = SLV_DYN_M, .count = count, .members = members};
    return SLV_OK;
}

/* Indexes are those of the old list; what is set beyond its end goes to the end, in order. */
static slv_code rebuild_list(slv_dyn_scope *sc, const slv_dyn_value *from, effect *e, uint32_t n,
                             uint32_t depth, slv_dyn_value *ret)
{
    slv_dyn_value *items = NULL;
    uint32_t i = 0, k = 0, count = 0;

    SLV_DYN_NEW_N(sc, &items, (size_t)from->count + n);
    while (i < from->count || k < n) {
        if (i < from->count && (k == n || e[k].path->steps[depth].index > i)) {
            items[count++] = from->list[i++];
            continue;
        }
        const slv_dyn_value *now = i < from->count ? &from->list[i++] : NULL;
        uint32_t end = group_end(e, k, n, depth);
        bool any;

        SLV_TRY(settle(sc, now, e + k, end - k, depth, &items[count], &any));
        count += any;
        k = end;
    }
    *ret = (slv_dyn_value){.type = SLV_DYN_L, .count = count, .list = items};
    return SLV_OK;
}

static slv_code rebuild(slv_dyn_scope *sc, const slv_dyn_value *from, effect *effects, uint32_t n,
                        uint32_t depth, slv_dyn_value *ret)
{
    sort_effects(effects, n, depth);
    if (from->type == SLV_DYN_M)
        return rebuild_map(sc, from, effects, n, depth, ret);
    SLV_ASSERT(from->type == SLV_DYN_L); /* check_parent */
    return rebuild_list(sc, from, effects, n, depth, ret);
}

slv_code slv_dyn_update_apply(slv_dyn_scope *sc, const slv_dyn_update *update,
                              const slv_dyn_value *old, bool exists, slv_dyn_value *ret)
{
    effect *effects = NULL;
    uint32_t n = 0;

    *ret = *old;
    if (!update->count)
        return SLV_OK;
    SLV_DYN_NEW_N(sc, &effects, update->count);
    for (uint32_t i = 0; i < update->count; i++) /* operands before paths */
        if (update->actions[i].kind == SLV_DYN_SET)
            SLV_TRY(effect_of(sc, &update->actions[i], update->legacy, old, NULL, &effects[i]));
    for (uint32_t i = 0; i < update->count; i++) {
        const slv_dyn_action *a = &update->actions[i];

        if (!exists && a->kind == SLV_DYN_REMOVE) /* from nothing, whatever the path */
            continue;
        effects[n] = effects[i];
        SLV_TRY(check_parent(sc, &a->path, old));
        if (a->kind != SLV_DYN_SET)
            SLV_TRY(effect_of(sc, a, update->legacy, old, slv_dyn_path_get(old, &a->path),
                              &effects[n]));
        if (effects[n].value && slv_dyn_value_too_deep(effects[n].value, a->path.len))
            return slv_dyn_fail_depth(sc);
        n++;
    }
    return n ? rebuild(sc, old, effects, n, 0, ret) : SLV_OK;
}

/* ---- keys ---- */

slv_code slv_dyn_update_check_key(slv_dyn_scope *sc, const slv_dyn_update *update, slv_str name)
{
    for (uint32_t i = 0; i < update->count; i++)
        if (slv_str_eq(update->actions[i].path.steps[0].name, name))
            return slv_dyn_invalid(sc,
                                   "One or more parameter values were invalid: Cannot update "
                                   "attribute %.*s. This attribute is part of the key",
                                   SLV_STR_ARGS(name));
    return SLV_OK;
}

slv_code slv_dyn_update_check_index_key(slv_dyn_scope *sc, const slv_dyn_update *update,
                                        const slv_dyn_key_attr *attr, slv_str index_name)
{
    for (uint32_t i = 0; i < update->count; i++) {
        const slv_dyn_action *a = &update->actions[i];

        if (a->path.len != 1 || !slv_str_eq(a->path.steps[0].name, attr->name))
            continue;
        if (!a->typed || a->type == attr->type)
            return SLV_OK;
        return slv_dyn_invalid(sc,
                               "One or more parameter values were invalid: Type mismatch for Index "
                               "Key %.*s Expected: %s Actual: %s IndexName: %.*s",
                               SLV_STR_ARGS(attr->name), slv_dyn_type_name(attr->type),
                               slv_dyn_type_name(a->type), SLV_STR_ARGS(index_name));
    }
    return SLV_OK;
}

slv_code slv_dyn_update_check_index_result(slv_dyn_scope *sc, const slv_dyn_update *update,
                                           const slv_dyn_value *item, const slv_dyn_key_attr *attr)
{
    const slv_dyn_value *v = slv_dyn_value_get(item, attr->name);

    for (uint32_t i = 0; v && v->type != attr->type && i < update->count; i++)
        if (slv_str_eq(update->actions[i].path.steps[0].name, attr->name))
            return slv_dyn_invalid(sc, "The update expression attempted to update the secondary "
                                       "index key to unsupported type");
    return SLV_OK;
}
