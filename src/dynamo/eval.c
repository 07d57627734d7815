/* What a condition says about an item. */
#include "base/utf8.h"
#include "dynamo/parse_int.h"

/* An operand's value; a size has none to point at and is kept here. */
typedef struct operand {
    const slv_dyn_value *v; /* NULL: there is none */
    slv_dyn_value size;
    slv_dyn_num num;
} operand;

static bool size_of(const slv_dyn_value *v, uint64_t *ret)
{
    switch ((slv_dyn_type)v->type) {
    case SLV_DYN_S:
        *ret = slv_utf16_len(v->bytes);
        return true;
    case SLV_DYN_B:
        *ret = v->bytes.len;
        return true;
    case SLV_DYN_SS:
    case SLV_DYN_NS:
    case SLV_DYN_BS:
    case SLV_DYN_L:
    case SLV_DYN_M:
        *ret = v->count;
        return true;
    case SLV_DYN_N:
    case SLV_DYN_BOOL:
    case SLV_DYN_NULL:
    case SLV_DYN_TYPES:
        break;
    }
    return false;
}

static const slv_dyn_value *resolve(const slv_dyn_expr *e, const slv_dyn_value *item, operand *o)
{
    operand inner;
    uint64_t size;

    o->v = NULL;
    if (e->op == SLV_DYN_OP_VALUE) {
        o->v = e->value;
    } else if (e->op == SLV_DYN_OP_PATH) {
        o->v = slv_dyn_path_get(item, &e->path);
    } else if (e->op == SLV_DYN_OP_SIZE) {
        if (!resolve(e->args[0], item, &inner) || !size_of(inner.v, &size))
            return NULL;
        slv_dyn_num_from_u64(size, &o->num);
        o->size = (slv_dyn_value){.type = SLV_DYN_N, .bytes = slv_dyn_num_view(&o->num)};
        o->v = &o->size;
    }
    return o->v;
}

static bool ordered(const slv_dyn_value *a, const slv_dyn_value *b)
{
    return a && b && a->type == b->type && slv_dyn_type_scalar_key((slv_dyn_type)a->type);
}

static bool test_order(slv_dyn_op op, const slv_dyn_value *a, const slv_dyn_value *b)
{
    int c;

    if (!ordered(a, b))
        return false;
    c = slv_dyn_value_cmp(a, b);
    switch ((int)op) {
    case SLV_DYN_OP_LT:
        return c < 0;
    case SLV_DYN_OP_LE:
        return c <= 0;
    case SLV_DYN_OP_GT:
        return c > 0;
    default:
        return c >= 0;
    }
}

static bool contains(const slv_dyn_value *a, const slv_dyn_value *b)
{
    if (!a || !b)
        return false;
    switch ((slv_dyn_type)a->type) {
    case SLV_DYN_S:
    case SLV_DYN_B:
        return b->type == a->type && slv_str_find(a->bytes, b->bytes, 0) != SIZE_MAX;
    case SLV_DYN_SS:
        return b->type == SLV_DYN_S && slv_dyn_set_has(a, b->bytes);
    case SLV_DYN_NS:
        return b->type == SLV_DYN_N && slv_dyn_set_has(a, b->bytes);
    case SLV_DYN_BS:
        return b->type == SLV_DYN_B && slv_dyn_set_has(a, b->bytes);
    case SLV_DYN_L:
        for (uint32_t i = 0; i < a->count; i++)
            if (slv_dyn_value_eq(&a->list[i], b))
                return true;
        return false;
    case SLV_DYN_N:
    case SLV_DYN_M:
    case SLV_DYN_BOOL:
    case SLV_DYN_NULL:
    case SLV_DYN_TYPES:
        break;
    }
    return false;
}

static bool test_in(const slv_dyn_expr *e, const slv_dyn_value *a, const slv_dyn_value *item)
{
    for (uint32_t i = 1; a && i < e->count; i++) {
        operand o;

        if (resolve(e->args[i], item, &o) && slv_dyn_value_eq(a, o.v))
            return true;
    }
    return false;
}

static bool begins_with(const slv_dyn_value *a, const slv_dyn_value *b)
{
    return a && b && ordered(a, b) && a->type != SLV_DYN_N && slv_str_starts(a->bytes, b->bytes);
}

static bool is_type(const slv_dyn_value *a, const slv_dyn_value *name)
{
    slv_dyn_type t;

    return a && name && name->type == SLV_DYN_S && slv_dyn_type_parse(name->bytes, &t) &&
           t == (slv_dyn_type)a->type;
}

static bool test_simple(const slv_dyn_expr *e, const slv_dyn_value *item)
{
    operand x, y, z;
    const slv_dyn_value *a = resolve(e->args[0], item, &x);
    const slv_dyn_value *b = e->count > 1 ? resolve(e->args[1], item, &y) : NULL;

    switch ((int)e->op) {
    case SLV_DYN_OP_EQ:
        return a && b && slv_dyn_value_eq(a, b);
    case SLV_DYN_OP_NE:
        return !a || !b || !slv_dyn_value_eq(a, b);
    case SLV_DYN_OP_BETWEEN:
        return test_order(SLV_DYN_OP_GE, a, b) &&
               test_order(SLV_DYN_OP_LE, a, resolve(e->args[2], item, &z));
    case SLV_DYN_OP_IN:
        return test_in(e, a, item);
    case SLV_DYN_OP_EXISTS:
        return a != NULL;
    case SLV_DYN_OP_NOT_EXISTS:
        return a == NULL;
    case SLV_DYN_OP_ATTRIBUTE_TYPE:
        return is_type(a, b);
    case SLV_DYN_OP_BEGINS_WITH:
        return begins_with(a, b);
    case SLV_DYN_OP_CONTAINS:
        return contains(a, b);
    case SLV_DYN_OP_NOT_CONTAINS:
        return !contains(a, b);
    default:
        return test_order(e->op, a, b);
    }
}

bool slv_dyn_expr_test(const slv_dyn_expr *cond, const slv_dyn_value *item)
{
    if (!cond)
        return true;
    switch ((int)cond->op) {
    case SLV_DYN_OP_OR:
    case SLV_DYN_OP_AND:
        for (uint32_t i = 0; i < cond->count; i++)
            if (slv_dyn_expr_test(cond->args[i], item) == (cond->op == SLV_DYN_OP_OR))
                return cond->op == SLV_DYN_OP_OR;
        return cond->op == SLV_DYN_OP_AND;
    case SLV_DYN_OP_NOT:
        return !slv_dyn_expr_test(cond->args[0], item);
    default:
        return test_simple(cond, item);
    }
}

slv_code slv_dyn_expr_paths(const slv_dyn_expr *e,
                            slv_code (*visit)(void *arg, const slv_dyn_path *path), void *arg)
{
    if (!e || e->op == SLV_DYN_OP_VALUE)
        return SLV_OK;
    if (e->op == SLV_DYN_OP_PATH)
        return visit(arg, &e->path);
    for (uint32_t i = 0; i < e->count; i++)
        SLV_TRY(slv_dyn_expr_paths(e->args[i], visit, arg));
    return SLV_OK;
}
