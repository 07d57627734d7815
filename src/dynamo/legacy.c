/* The parameters that expressions replaced, turned into the same trees. */
#include "dynamo/request_int.h"

#include <limits.h>

typedef struct comparison {
    const char *name;
    slv_dyn_op op;
    uint32_t min, max; /* how many values */
    unsigned types;    /* of the values, in a filter; a bit for each slv_dyn_type */
} comparison;

#define BIT(t) (1U << SLV_DYN_##t)
#define SCALARS (BIT(S) | BIT(N) | BIT(B))
#define EVERY UINT_MAX

static const comparison comparisons[] = {
    {"EQ", SLV_DYN_OP_EQ, 1, 1, EVERY},
    {"NE", SLV_DYN_OP_NE, 1, 1, EVERY},
    {"LE", SLV_DYN_OP_LE, 1, 1, SCALARS},
    {"LT", SLV_DYN_OP_LT, 1, 1, SCALARS},
    {"GE", SLV_DYN_OP_GE, 1, 1, SCALARS},
    {"GT", SLV_DYN_OP_GT, 1, 1, SCALARS},
    {"CONTAINS", SLV_DYN_OP_CONTAINS, 1, 1, SCALARS},
    {"NOT_CONTAINS", SLV_DYN_OP_NOT_CONTAINS, 1, 1, SCALARS},
    {"BEGINS_WITH", SLV_DYN_OP_BEGINS_WITH, 1, 1, BIT(S) | BIT(B)},
    {"NOT_NULL", SLV_DYN_OP_EXISTS, 0, 0, EVERY},
    {"NULL", SLV_DYN_OP_NOT_EXISTS, 0, 0, EVERY},
    {"IN", SLV_DYN_OP_IN, 1, UINT32_MAX, SCALARS},
    {"BETWEEN", SLV_DYN_OP_BETWEEN, 2, 2, SCALARS},
};

/* The constraints of the request have made sure that there is such a name. */
static const comparison *find_comparison(slv_str name)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(comparisons); i++)
        if (slv_str_is(name, comparisons[i].name))
            return &comparisons[i];
    return NULL;
}

typedef struct values {
    slv_dyn_value *items;
    uint32_t count;
} values;

static slv_code parse_list(slv_dyn_scope *sc, const slv_node *list, values *ret)
{
    *ret = (values){NULL, 0};
    if (!list)
        return SLV_OK;
    SLV_DYN_NEW_N(sc, &ret->items, list->count);
    for (const slv_node *n = list->first; n; n = n->next)
        if (n->type != SLV_NODE_NULL)
            SLV_TRY(slv_dyn_value_parse(sc, n, &ret->items[ret->count++]));
    return SLV_OK;
}

static slv_code check_count(slv_dyn_scope *sc, const comparison *c, uint32_t count)
{
    if (count >= c->min && count <= c->max)
        return SLV_OK;
    return slv_dyn_invalid(sc,
                           "One or more parameter values were invalid: Invalid number of "
                           "argument(s) for the %s ComparisonOperator",
                           c->name);
}

static slv_code check_same_type(slv_dyn_scope *sc, const values *v)
{
    for (uint32_t i = 1; i < v->count; i++)
        if (v->items[i].type != v->items[0].type)
            return slv_dyn_invalid(sc, "One or more parameter values were invalid: AttributeValues "
                                       "inside AttributeValueList must be of same type");
    return SLV_OK;
}

static slv_code check_bounds(slv_dyn_scope *sc, const comparison *c, const values *v)
{
    if (c->op == SLV_DYN_OP_BETWEEN && v->items &&
        slv_dyn_type_scalar_key((slv_dyn_type)v->items[0].type) &&
        slv_dyn_value_cmp(&v->items[0], &v->items[1]) > 0)
        return slv_dyn_invalid(sc, "The BETWEEN condition was provided a range where the lower "
                                   "bound is greater than the upper bound");
    return SLV_OK;
}

/* A condition of QueryFilter, ScanFilter or KeyConditions. */
static slv_code parse_condition(slv_dyn_scope *sc, const slv_node *json, bool key,
                                const comparison **ret, values *ret_values)
{
    const comparison *c = find_comparison(slv_dyn_string_of(json, "ComparisonOperator"));

    SLV_ASSERT(c);
    SLV_TRY(parse_list(sc, slv_dyn_member_of(json, "AttributeValueList"), ret_values));
    SLV_TRY(check_count(sc, c, ret_values->count));
    SLV_TRY(check_same_type(sc, ret_values));
    for (uint32_t i = 0; i < ret_values->count; i++) {
        slv_dyn_type t = (slv_dyn_type)ret_values->items[i].type;
        bool document = t == SLV_DYN_M || t == SLV_DYN_L || t == SLV_DYN_BOOL || t == SLV_DYN_NULL;

        if (!(c->types & 1U << t) || (key && document))
            return slv_dyn_invalid(sc,
                                   "One or more parameter values were invalid: ComparisonOperator "
                                   "%s is not valid for %s AttributeValue type",
                                   c->name, slv_dyn_type_name(t));
    }
    SLV_TRY(check_bounds(sc, c, ret_values));
    *ret = c;
    return SLV_OK;
}

/* ---- trees ---- */

static slv_code name_path(slv_dyn_scope *sc, slv_str name, slv_dyn_path *ret)
{
    SLV_DYN_NEW(sc, &ret->steps);
    ret->steps[0].name = name.ptr ? name : SLV_STR("");
    ret->len = 1;
    return SLV_OK;
}

static slv_code compare(slv_dyn_scope *sc, slv_str name, slv_dyn_op op, const values *v,
                        slv_dyn_expr **ret)
{
    slv_dyn_expr **args = NULL;

    SLV_DYN_NEW_N(sc, &args, (size_t)v->count + 1);
    SLV_TRY(slv_dyn_expr_new(sc, SLV_DYN_OP_PATH, &args[0]));
    SLV_TRY(name_path(sc, name, &args[0]->path));
    for (uint32_t i = 0; i < v->count; i++) {
        SLV_TRY(slv_dyn_expr_new(sc, SLV_DYN_OP_VALUE, &args[i + 1]));
        args[i + 1]->value = &v->items[i];
    }
    SLV_TRY(slv_dyn_expr_new(sc, op, ret));
    (*ret)->args = args;
    (*ret)->count = v->count + 1;
    return SLV_OK;
}

/* All of the conditions, or any of them. */
static slv_code combine(slv_dyn_scope *sc, const slv_node *request, slv_dyn_expr *const *all,
                        uint32_t count, const slv_dyn_expr **ret)
{
    slv_str how = slv_dyn_string_of(request, "ConditionalOperator");
    slv_dyn_expr *e;

    *ret = NULL;
    if (count == 0)
        return SLV_OK;
    SLV_TRY(slv_dyn_expr_call(sc, slv_str_is(how, "OR") ? SLV_DYN_OP_OR : SLV_DYN_OP_AND, all,
                              count, &e));
    *ret = e;
    return SLV_OK;
}

static slv_code check_operator(slv_dyn_scope *sc, const slv_node *request, const slv_node *map)
{
    if (!slv_dyn_member_of(request, "ConditionalOperator"))
        return SLV_OK;
    if (!map || !map->count)
        return slv_dyn_invalid(sc, "ConditionalOperator cannot be used without Filter or Expected");
    if (map->count == 1)
        return slv_dyn_invalid(sc, "ConditionalOperator can only be used when Filter or Expected "
                                   "has two or more elements");
    return SLV_OK;
}

slv_code slv_dyn_filter_parse(slv_dyn_scope *sc, const slv_node *json, const char *param,
                              const slv_dyn_expr **ret)
{
    const slv_node *map = slv_dyn_member_of(json, param);
    slv_dyn_expr **all = NULL;
    uint32_t count = 0;

    *ret = NULL;
    SLV_TRY(check_operator(sc, json, map));
    if (!map)
        return SLV_OK;
    SLV_DYN_NEW_N(sc, &all, map->count);
    for (const slv_node *n = map->first; n; n = n->next) {
        const comparison *c = NULL;
        values v;

        if (n->type == SLV_NODE_NULL)
            continue;
        SLV_TRY(parse_condition(sc, n, false, &c, &v));
        SLV_ASSERT(c);
        SLV_TRY(compare(sc, n->key, c->op, &v, &all[count++]));
    }
    return combine(sc, json, all, count, ret);
}

slv_code slv_dyn_key_conditions_parse(slv_dyn_scope *sc, const slv_node *json,
                                      slv_dyn_key_conds *ret)
{
    const slv_node *map = slv_dyn_member_of(json, "KeyConditions");

    *ret = (slv_dyn_key_conds){.legacy = true};
    SLV_DYN_NEW_N(sc, &ret->items, map->count);
    for (const slv_node *n = map->first; n; n = n->next) {
        slv_dyn_key_cond *k = &ret->items[ret->count];
        const comparison *c = NULL;
        values v;

        if (n->type == SLV_NODE_NULL)
            continue;
        SLV_TRY(parse_condition(sc, n, true, &c, &v));
        SLV_ASSERT(c);
        *k = (slv_dyn_key_cond){.name = n->key,
                                .op = c->op,
                                .a = v.count ? &v.items[0] : NULL,
                                .b = c->op == SLV_DYN_OP_BETWEEN ? &v.items[1] : NULL};
        ret->count++;
    }
    if (ret->count != 1 && ret->count != 2)
        return slv_dyn_invalid(sc, "Conditions can be of length 1 or 2 only");
    return SLV_OK;
}

/* ---- Expected ---- */

static slv_code fail_expected(slv_dyn_scope *sc, const char *what, const char *more, slv_str name)
{
    return slv_dyn_invalid(sc,
                           "One or more parameter values were invalid: %s%s for Attribute: %.*s",
                           what, more, SLV_STR_ARGS(name));
}

/* With ComparisonOperator. */
static slv_code expect_comparison(slv_dyn_scope *sc, const slv_node *n, const comparison *c,
                                  slv_dyn_expr **ret)
{
    const slv_node *list = slv_dyn_member_of(n, "AttributeValueList");
    const slv_node *value = slv_dyn_member_of(n, "Value");
    values v;

    if (slv_dyn_member_of(n, "Exists"))
        return fail_expected(sc, "Exists and ComparisonOperator cannot be used together", "",
                             n->key);
    if (c->max && !list && !value)
        return fail_expected(sc,
                             "Value or AttributeValueList must be used with "
                             "ComparisonOperator: ",
                             c->name, n->key);
    SLV_TRY(parse_list(sc, list, &v));
    if (value) {
        SLV_DYN_NEW(sc, &v.items);
        v.count = 1;
        SLV_TRY(slv_dyn_value_parse(sc, value, v.items));
    }
    SLV_TRY(check_count(sc, c, v.count));
    SLV_TRY(check_same_type(sc, &v));
    SLV_TRY(check_bounds(sc, c, &v));
    return compare(sc, n->key, c->op, &v, ret);
}

/* With Exists and Value. */
static slv_code expect_value(slv_dyn_scope *sc, const slv_node *n, slv_dyn_expr **ret)
{
    const slv_node *given = slv_dyn_member_of(n, "Exists");
    const slv_node *value = slv_dyn_member_of(n, "Value");
    bool exists = !given || slv_dyn_node_bool(given);
    values v = {NULL, 0};

    if (exists && !value)
        return fail_expected(sc, "Value must be provided when Exists is ", given ? "true" : "null",
                             n->key);
    if (!exists && value)
        return fail_expected(sc, "Value cannot be used when Exists is false", "", n->key);
    if (value) {
        SLV_DYN_NEW(sc, &v.items);
        v.count = 1;
        SLV_TRY(slv_dyn_value_parse(sc, value, v.items));
    }
    return compare(sc, n->key, exists ? SLV_DYN_OP_EQ : SLV_DYN_OP_NOT_EXISTS, &v, ret);
}

slv_code slv_dyn_expected_parse(slv_dyn_scope *sc, const slv_node *json, const slv_dyn_expr **ret)
{
    const slv_node *map = slv_dyn_member_of(json, "Expected");
    slv_dyn_expr **all = NULL;
    uint32_t count = 0;

    *ret = NULL;
    SLV_TRY(check_operator(sc, json, map));
    if (!map)
        return SLV_OK;
    SLV_DYN_NEW_N(sc, &all, map->count);
    for (const slv_node *n = map->first; n; n = n->next) {
        const comparison *c = find_comparison(slv_dyn_string_of(n, "ComparisonOperator"));
        bool list = slv_dyn_member_of(n, "AttributeValueList");

        if (n->type == SLV_NODE_NULL)
            continue;
        if (list && slv_dyn_member_of(n, "Value"))
            return fail_expected(sc, "Value and AttributeValueList cannot be used together", "",
                                 n->key);
        if (list && !c)
            return fail_expected(sc,
                                 "AttributeValueList can only be used with a "
                                 "ComparisonOperator",
                                 "", n->key);
        SLV_TRY(c ? expect_comparison(sc, n, c, &all[count]) : expect_value(sc, n, &all[count]));
        count++;
    }
    return combine(sc, json, all, count, ret);
}

/* ---- AttributeUpdates, AttributesToGet ---- */

static slv_code parse_update(slv_dyn_scope *sc, const slv_node *n, slv_dyn_action *ret)
{
    slv_str action = slv_dyn_string_of(n, "Action");
    const slv_node *json = slv_dyn_member_of(n, "Value");
    slv_dyn_value *value = NULL;
    slv_dyn_expr *e;
    slv_dyn_type t;

    ret->kind = slv_str_is(action, "ADD")      ? SLV_DYN_ADD
                : slv_str_is(action, "DELETE") ? SLV_DYN_DELETE
                                               : SLV_DYN_SET;
    SLV_TRY(name_path(sc, n->key, &ret->path));
    if (!json) {
        if (ret->kind != SLV_DYN_DELETE)
            return slv_dyn_invalid(sc, "One or more parameter values were invalid: Only DELETE "
                                       "action is allowed when no attribute value is specified");
        ret->kind = SLV_DYN_REMOVE;
        return SLV_OK;
    }
    SLV_DYN_NEW(sc, &value);
    SLV_TRY(slv_dyn_value_parse(sc, json, value));
    SLV_TRY(slv_dyn_expr_new(sc, SLV_DYN_OP_VALUE, &e));
    e->value = value;
    ret->value = e;
    ret->typed = true;
    ret->type = t = (slv_dyn_type)value->type;
    bool set = t == SLV_DYN_SS || t == SLV_DYN_NS || t == SLV_DYN_BS;

    if (ret->kind == SLV_DYN_DELETE && !set)
        return slv_dyn_invalid(sc,
                               "One or more parameter values were invalid: DELETE action with "
                               "value is not supported for the type %s",
                               slv_dyn_type_name(t));
    if (ret->kind == SLV_DYN_ADD && !set && t != SLV_DYN_N && t != SLV_DYN_L)
        return slv_dyn_invalid(sc,
                               "One or more parameter values were invalid: ADD action is not "
                               "supported for the type %s",
                               slv_dyn_type_name(t));
    return SLV_OK;
}

slv_code slv_dyn_attribute_updates_parse(slv_dyn_scope *sc, const slv_node *json,
                                         slv_dyn_update *ret)
{
    const slv_node *map = slv_dyn_member_of(json, "AttributeUpdates");
    slv_dyn_action *actions = NULL;
    slv_dyn_path *paths = NULL;
    uint32_t count = 0;

    *ret = (slv_dyn_update){.legacy = true};
    if (!map)
        return SLV_OK;
    SLV_DYN_NEW_N(sc, &actions, map->count);
    SLV_DYN_NEW_N(sc, &paths, map->count);
    for (const slv_node *n = map->first; n; n = n->next) {
        if (n->type == SLV_NODE_NULL)
            continue;
        SLV_TRY(parse_update(sc, n, &actions[count]));
        paths[count] = actions[count].path;
        count++;
    }
    ret->actions = actions;
    ret->count = count;
    ret->paths = (slv_dyn_paths){paths, count};
    return SLV_OK;
}

slv_code slv_dyn_attributes_to_get_parse(slv_dyn_scope *sc, const slv_node *json,
                                         slv_dyn_paths *ret)
{
    const slv_node *list = slv_dyn_member_of(json, "AttributesToGet");
    slv_dyn_path *paths = NULL;
    uint32_t count = 0;

    *ret = (slv_dyn_paths){NULL, 0};
    if (!list)
        return SLV_OK;
    SLV_DYN_NEW_N(sc, &paths, list->count);
    for (const slv_node *n = list->first; n; n = n->next) {
        if (n->type == SLV_NODE_NULL)
            continue;
        for (uint32_t i = 0; i < count; i++)
            if (slv_str_eq(paths[i].steps[0].name, n->text))
                return slv_dyn_invalid(sc,
                                       "One or more parameter values were invalid: Duplicate value "
                                       "in attribute name: %.*s",
                                       SLV_STR_ARGS(n->text));
        SLV_TRY(name_path(sc, n->text, &paths[count++]));
    }
    *ret = (slv_dyn_paths){paths, count};
    return SLV_OK;
}
