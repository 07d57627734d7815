#include "fmt/json_merge.h"

slv_node *slv_json_copy(const slv_node *n, bool children, slv_arena *arena)
{
    slv_node *copy = slv_arena_try_alloc0(arena, sizeof *copy);

    if (!copy)
        return NULL;
    *copy = *n;
    copy->first = copy->last = copy->next = NULL;
    copy->count = 0;
    for (const slv_node *c = children ? n->first : NULL; c; c = c->next) {
        slv_node *child = slv_json_copy(c, true, arena);

        if (!child)
            return NULL;
        slv_node_append(copy, child);
    }
    return copy;
}

void slv_json_set(slv_node *object, slv_str key, slv_node *value)
{
    slv_node *n = object->first;

    if (value) {
        value->key = key;
        value->next = NULL;
    }
    object->first = object->last = NULL;
    object->count = 0;
    while (n) {
        slv_node *next = n->next;

        n->next = NULL;
        if (!slv_str_eq(n->key, key)) {
            slv_node_append(object, n);
        } else if (value) {
            slv_node_append(object, value);
            value = NULL;
        }
        n = next;
    }
    if (value)
        slv_node_append(object, value);
}

slv_code slv_json_merge(const slv_node *target, const slv_node *patch, slv_arena *arena,
                        slv_node **ret)
{
    slv_node *merged;

    if (patch->type != SLV_NODE_OBJECT) {
        *ret = slv_json_copy(patch, true, arena);
        return *ret ? SLV_OK : SLV_E_LIMIT;
    }
    if (slv_node_is(target, SLV_NODE_OBJECT))
        merged = slv_json_copy(target, true, arena);
    else
        merged = slv_json_copy(patch, false, arena);
    if (!merged)
        return SLV_E_LIMIT;
    for (const slv_node *p = patch->first; p; p = p->next) {
        slv_node *value = NULL;

        if (p->type != SLV_NODE_NULL)
            SLV_TRY(slv_json_merge(slv_node_find(merged, p->key), p, arena, &value));
        slv_json_set(merged, p->key, value);
    }
    *ret = merged;
    return SLV_OK;
}
