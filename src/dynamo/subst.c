/* ExpressionAttributeNames and ExpressionAttributeValues. */
#include "dynamo/parse_int.h"

#include <stdlib.h>

#define LINEAR_MAX 16         /* up to this many are searched one by one */
#define KEY_MAX ((size_t)255) /* with # or : */

static bool key_ok(slv_str key, char first)
{
    if (key.len < 2 || key.ptr[0] != first)
        return false;
    for (size_t i = 1; i < key.len; i++)
        if (!slv_is_alpha(key.ptr[i]) && !slv_is_digit(key.ptr[i]) && key.ptr[i] != '_')
            return false;
    return true;
}

static int cmp_slots(const void *a, const void *b, void *arg)
{
    const slv_dyn_subst_slot *slots = arg;

    return slv_str_cmp(slots[*(const uint32_t *)a].key, slots[*(const uint32_t *)b].key);
}

static slv_code check_entry(slv_dyn_scope *sc, const slv_node *n, const char *param, char first)
{
    bool name = first == '#';

    if (n->key.len > KEY_MAX && name)
        return slv_dyn_invalid(sc,
                               "%s contains invalid key: The expression attribute map contains a "
                               "key that is too long; size of key: %zu",
                               param, n->key.len);
    if (n->key.len > KEY_MAX) /* of values the size is not told */
        return slv_dyn_invalid(sc,
                               "%s contains invalid key: The expression attribute map contains a "
                               "key that is too long;",
                               param);
    if (!key_ok(n->key, first))
        return slv_dyn_invalid(sc, "%s contains invalid key: Syntax error; key: \"%.*s\"", param,
                               SLV_STR_ARGS(n->key));
    if (name && n->type == SLV_NODE_STRING && !n->text.len)
        return slv_dyn_invalid(sc, "%s contains invalid value: Empty attribute name for key %.*s",
                               param, SLV_STR_ARGS(n->key));
    if (name && n->text.len > SLV_DYN_NAME_MAX)
        return slv_dyn_fail_name(sc);
    return SLV_OK;
}

static slv_code read_slots(slv_dyn_scope *sc, const slv_node *json, const char *param, char first,
                           slv_dyn_subst_slot **ret, uint32_t *ret_count, uint32_t **ret_order)
{
    uint32_t count = 0;

    if (!json->first)
        return slv_dyn_invalid(sc, "%s must not be empty", param);
    SLV_DYN_NEW_N(sc, ret, json->count);
    for (const slv_node *n = json->first; n; n = n->next) {
        SLV_TRY(check_entry(sc, n, param, first));
        if (n->type == SLV_NODE_NULL)
            continue;
        (*ret)[count].key = n->key;
        (*ret)[count++].name = n->text;
    }
    *ret_count = count;
    *ret_order = NULL;
    if (count <= LINEAR_MAX)
        return SLV_OK;
    SLV_DYN_NEW_N(sc, ret_order, count);
    for (uint32_t i = 0; i < count; i++)
        (*ret_order)[i] = i;
    qsort_r(*ret_order, count, sizeof **ret_order, cmp_slots, *ret);
    return SLV_OK;
}

static slv_code prefix_value_error(slv_dyn_scope *sc, slv_str key)
{
    slv_str text = sc->message;

    return slv_dyn_invalid(sc,
                           "ExpressionAttributeValues contains invalid value: %.*s for key "
                           "%.*s",
                           SLV_STR_ARGS(text), SLV_STR_ARGS(key));
}

slv_code slv_dyn_subst_init(slv_dyn_scope *sc, const slv_node *names, const slv_node *values,
                            slv_dyn_subst *ret)
{
    uint32_t i = 0;

    *ret = (slv_dyn_subst){.has_names = names && names->type == SLV_NODE_OBJECT,
                           .has_values = values && values->type == SLV_NODE_OBJECT};
    if (names && ret->has_names)
        SLV_TRY(read_slots(sc, names, "ExpressionAttributeNames", '#', &ret->names,
                           &ret->name_count, &ret->name_order));
    if (!values || !ret->has_values)
        return SLV_OK;
    SLV_TRY(read_slots(sc, values, "ExpressionAttributeValues", ':', &ret->values,
                       &ret->value_count, &ret->value_order));
    for (const slv_node *n = values->first; n; n = n->next) {
        slv_code code;

        if (n->type == SLV_NODE_NULL)
            continue;
        code = slv_dyn_value_parse(sc, n, &ret->values[i++].value);
        if (code == SLV_E_INVAL && sc->error == SLV_DYN_ERROR_VALIDATION)
            return prefix_value_error(sc, n->key);
        SLV_TRY(code);
    }
    return SLV_OK;
}

static slv_code check_used(slv_dyn_scope *sc, const slv_dyn_subst_slot *slots, uint32_t count,
                           const char *param)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(SLV_DYN_EXPR_MAX * 1024);
    uint32_t unused = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (slots[i].used)
            continue;
        if (unused++)
            SLV_TRY(slv_buf_append(&b, SLV_STR(", ")));
        SLV_TRY(slv_buf_append(&b, slots[i].key));
    }
    if (!unused)
        return SLV_OK;
    return slv_dyn_invalid(sc, "Value provided in %s unused in expressions: keys: {%.*s}", param,
                           SLV_STR_ARGS(slv_buf_view(&b)));
}

slv_code slv_dyn_subst_check_used(slv_dyn_scope *sc, const slv_dyn_subst *subst)
{
    SLV_TRY(check_used(sc, subst->names, subst->name_count, "ExpressionAttributeNames"));
    return check_used(sc, subst->values, subst->value_count, "ExpressionAttributeValues");
}
