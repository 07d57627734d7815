/* KeyConditionExpression: a condition of which only a few forms are left. */
#include "dynamo/parse_int.h"

#define CONDITIONS_MAX 2

static const char *op_text(slv_dyn_op op)
{
    switch ((int)op) {
    case SLV_DYN_OP_OR:
        return "OR";
    case SLV_DYN_OP_NOT:
        return "NOT";
    case SLV_DYN_OP_IN:
        return "IN";
    case SLV_DYN_OP_NE:
        return "<>";
    case SLV_DYN_OP_EXISTS:
        return "attribute_exists";
    case SLV_DYN_OP_NOT_EXISTS:
        return "attribute_not_exists";
    case SLV_DYN_OP_ATTRIBUTE_TYPE:
        return "attribute_type";
    case SLV_DYN_OP_CONTAINS:
        return "contains";
    default:
        return NULL;
    }
}

static slv_dyn_op mirrored(slv_dyn_op op)
{
    switch ((int)op) {
    case SLV_DYN_OP_LT:
        return SLV_DYN_OP_GT;
    case SLV_DYN_OP_LE:
        return SLV_DYN_OP_GE;
    case SLV_DYN_OP_GT:
        return SLV_DYN_OP_LT;
    case SLV_DYN_OP_GE:
        return SLV_DYN_OP_LE;
    default:
        return op;
    }
}

static slv_code convert_simple(slv_dyn_scope *sc, const slv_dyn_expr *e, slv_dyn_key_conds *ret)
{
    const slv_dyn_path *path = NULL;
    const slv_dyn_value *values[2] = {NULL};
    uint32_t at = 0, n = 0;
    slv_dyn_key_cond *c;

    for (uint32_t i = 0; i < e->count; i++) {
        const slv_dyn_expr *arg = e->args[i];

        if (arg->op == SLV_DYN_OP_SIZE)
            return slv_dyn_invalid(sc, "KeyConditionExpressions cannot contain nested operations");
        if (arg->op == SLV_DYN_OP_VALUE) {
            if (n < 2)
                values[n++] = arg->value;
            continue;
        }
        if (path)
            return slv_dyn_invalid(sc, "Invalid condition in KeyConditionExpression: Multiple "
                                       "attribute names used in one condition");
        if (arg->path.len > 1)
            return slv_dyn_invalid(
                sc, "KeyConditionExpressions cannot have conditions on nested attributes");
        path = &arg->path;
        at = i;
    }
    if (!path)
        return slv_dyn_invalid(
            sc, "Invalid condition in KeyConditionExpression: No key attribute specified");
    for (uint32_t i = 0; i < ret->count; i++)
        if (slv_str_eq(ret->items[i].name, path->steps[0].name))
            return slv_dyn_invalid(
                sc, "KeyConditionExpressions must only contain one condition per key");
    c = &ret->items[ret->count++];
    *c = (slv_dyn_key_cond){.name = path->steps[0].name,
                            .op = at ? mirrored(e->op) : e->op,
                            .a = values[0],
                            .b = values[1]};
    return SLV_OK;
}

static slv_code convert(slv_dyn_scope *sc, const slv_dyn_expr *e, slv_dyn_key_conds *ret)
{
    const char *refused = op_text(e->op);

    if (refused)
        return slv_dyn_invalid(sc, "Invalid operator used in KeyConditionExpression: %s", refused);
    if (e->op == SLV_DYN_OP_AND) {
        for (uint32_t i = 0; i < e->count; i++)
            SLV_TRY(convert(sc, e->args[i], ret));
        return SLV_OK;
    }
    if ((e->op == SLV_DYN_OP_BETWEEN || e->op == SLV_DYN_OP_BEGINS_WITH) &&
        e->args[0]->op != SLV_DYN_OP_PATH)
        return slv_dyn_invalid(sc,
                               "Invalid condition in KeyConditionExpression: %s operator must have "
                               "the key attribute as its first operand",
                               e->op == SLV_DYN_OP_BETWEEN ? "BETWEEN" : "begins_with");
    return convert_simple(sc, e, ret);
}

static uint32_t count_conditions(const slv_dyn_expr *e)
{
    uint32_t n = 0;

    if (e->op != SLV_DYN_OP_AND)
        return 1;
    for (uint32_t i = 0; i < e->count; i++)
        n += count_conditions(e->args[i]);
    return n;
}

slv_code slv_dyn_key_conds_from(slv_dyn_scope *sc, const slv_dyn_expr *e, slv_dyn_key_conds *ret)
{
    *ret = (slv_dyn_key_conds){.legacy = false};
    SLV_DYN_NEW_N(sc, &ret->items, count_conditions(e));
    SLV_TRY(convert(sc, e, ret));
    return slv_dyn_key_conds_check(sc, ret);
}

slv_code slv_dyn_key_condition_parse(slv_dyn_scope *sc, slv_dyn_subst *subst, slv_str text,
                                     slv_dyn_key_conds *ret)
{
    slv_dyn_expr *e = NULL;

    SLV_TRY(slv_dyn_condition_parse(sc, subst, "KeyConditionExpression", text, &e));
    return slv_dyn_key_conds_from(sc, e, ret);
}

/* ---- checks ---- */

static const char *legacy_name(slv_dyn_op op)
{
    switch ((int)op) {
    case SLV_DYN_OP_EQ:
        return "EQ";
    case SLV_DYN_OP_LT:
        return "LT";
    case SLV_DYN_OP_LE:
        return "LE";
    case SLV_DYN_OP_GT:
        return "GT";
    case SLV_DYN_OP_GE:
        return "GE";
    case SLV_DYN_OP_BETWEEN:
        return "BETWEEN";
    default:
        return "BEGINS_WITH";
    }
}

static bool type_allowed(slv_dyn_op op, slv_dyn_type t)
{
    switch ((int)op) {
    case SLV_DYN_OP_EQ:
        return t <= SLV_DYN_BS;
    case SLV_DYN_OP_BEGINS_WITH:
        return t == SLV_DYN_S || t == SLV_DYN_B;
    default:
        return slv_dyn_type_scalar_key(t);
    }
}

slv_code slv_dyn_key_conds_check(slv_dyn_scope *sc, const slv_dyn_key_conds *conds)
{
    for (uint32_t i = 0; i < conds->count; i++) {
        const slv_dyn_key_cond *c = &conds->items[i];
        const slv_dyn_value *values[] = {c->a, c->b};

        if (c->b && c->a->type != c->b->type)
            return slv_dyn_invalid(sc, "One or more parameter values were invalid: "
                                       "AttributeValues inside AttributeValueList must be of same "
                                       "type");
        for (size_t k = 0; k < 2 && values[k]; k++)
            if (!type_allowed(c->op, (slv_dyn_type)values[k]->type))
                return slv_dyn_invalid(sc,
                                       "One or more parameter values were invalid: "
                                       "ComparisonOperator %s is not valid for %s AttributeValue "
                                       "type",
                                       legacy_name(c->op),
                                       slv_dyn_type_name((slv_dyn_type)values[k]->type));
        if (c->b && slv_dyn_value_cmp(c->a, c->b) > 0)
            return slv_dyn_invalid(sc, "The BETWEEN condition was provided a range where the lower "
                                       "bound is greater than the upper bound");
    }
    if (conds->count == 0 || conds->count > CONDITIONS_MAX)
        return slv_dyn_invalid(sc, "Conditions can be of length 1 or 2 only");
    return SLV_OK;
}

static const slv_dyn_key_cond *find_cond(const slv_dyn_key_conds *conds, slv_str name)
{
    for (uint32_t i = 0; i < conds->count; i++)
        if (slv_str_eq(conds->items[i].name, name))
            return &conds->items[i];
    return NULL;
}

static slv_code fail_key_size(slv_dyn_scope *sc, bool hash)
{
    return slv_dyn_invalid(sc, hash
                                   ? "One or more parameter values were invalid: Size of hashkey "
                                     "has exceeded the maximum size limit of2048 bytes"
                                   : "One or more parameter values were invalid: Aggregated size "
                                     "of all range keys has exceeded the size limit of 1024 bytes");
}

slv_code slv_dyn_key_size_check(slv_dyn_scope *sc, const slv_dyn_value *v, bool hash)
{
    if (v->type != SLV_DYN_N &&
        v->bytes.len > (hash ? SLV_DYN_HASH_KEY_MAX : SLV_DYN_RANGE_KEY_MAX))
        return fail_key_size(sc, hash);
    return SLV_OK;
}

static slv_code bind_one(slv_dyn_scope *sc, const slv_dyn_key_conds *conds,
                         const slv_dyn_key_attr *attr, bool hash, bool alone,
                         const slv_dyn_key_cond **ret)
{
    const slv_dyn_key_cond *c = find_cond(conds, attr->name);

    *ret = c;
    if (hash && alone && conds->count > 1)
        return slv_dyn_invalid(sc, "Query key condition not supported");
    if (!c) {
        if (hash || conds->count > 1)
            return slv_dyn_invalid(sc, "Query condition missed key schema element: %.*s",
                                   SLV_STR_ARGS(attr->name));
        return SLV_OK;
    }
    switch ((int)c->op) {
    case SLV_DYN_OP_EQ:
    case SLV_DYN_OP_LT:
    case SLV_DYN_OP_LE:
    case SLV_DYN_OP_GT:
    case SLV_DYN_OP_GE:
    case SLV_DYN_OP_BETWEEN:
    case SLV_DYN_OP_BEGINS_WITH:
        break;
    default:
        return slv_dyn_invalid(sc,
                               "Attempted conditional constraint is not an indexable operation");
    }
    if (c->a->type != attr->type || (c->b && c->b->type != attr->type))
        return slv_dyn_invalid(sc, "One or more parameter values were invalid: Condition parameter "
                                   "type does not match schema type");
    if (hash && c->op != SLV_DYN_OP_EQ)
        return slv_dyn_invalid(sc, "Query key condition not supported");
    if (c->a->type != SLV_DYN_N && !c->a->bytes.len && c->op == SLV_DYN_OP_EQ)
        return slv_dyn_invalid(sc,
                               "One or more parameter values are not valid. The AttributeValue for "
                               "a key attribute cannot contain an empty %s value. Key: %.*s",
                               c->a->type == SLV_DYN_S ? "string" : "binary",
                               SLV_STR_ARGS(attr->name));
    SLV_TRY(slv_dyn_key_size_check(sc, c->a, hash));
    return c->b ? slv_dyn_key_size_check(sc, c->b, hash) : SLV_OK;
}

slv_code slv_dyn_key_conds_bind(slv_dyn_scope *sc, const slv_dyn_key_conds *conds,
                                const slv_dyn_key_attr *hash, const slv_dyn_key_attr *range,
                                const slv_dyn_value **ret_hash, const slv_dyn_key_cond **ret_range)
{
    const slv_dyn_key_cond *h, *r = NULL;

    SLV_TRY(bind_one(sc, conds, hash, true, !range, &h));
    if (range)
        SLV_TRY(bind_one(sc, conds, range, false, false, &r));
    *ret_hash = h->a;
    *ret_range = r;
    return SLV_OK;
}
