/*
 * expr.h - conditions: ConditionExpression, FilterExpression, KeyConditionExpression and their
 * legacy parameters, as one tree, and what they say about an item.
 *
 * Threads: any. Ownership: trees live in the arena of the scope they were parsed in and borrow from
 * the request's nodes.
 *
 * Limits: an expression SLV_DYN_EXPR_MAX bytes, SLV_DYN_EXPR_OPERATORS operators and functions,
 * names and values of 255 bytes, SLV_DYN_EXPR_IN operands of IN, SLV_DYN_EXPR_DEPTH levels of
 * parentheses and NOT (so that recursion ends).
 */
#ifndef SLV_DYNAMO_EXPR_H
#define SLV_DYNAMO_EXPR_H

#include "dynamo/path.h"

#define SLV_DYN_EXPR_MAX ((size_t)4096)
#define SLV_DYN_EXPR_OPERATORS 300
#define SLV_DYN_EXPR_IN 100
#define SLV_DYN_EXPR_DEPTH 300

typedef enum slv_dyn_op {
    /* conditions */
    SLV_DYN_OP_OR,
    SLV_DYN_OP_AND,
    SLV_DYN_OP_NOT,
    SLV_DYN_OP_EQ,
    SLV_DYN_OP_NE,
    SLV_DYN_OP_LT,
    SLV_DYN_OP_LE,
    SLV_DYN_OP_GT,
    SLV_DYN_OP_GE,
    SLV_DYN_OP_BETWEEN,
    SLV_DYN_OP_IN,
    SLV_DYN_OP_EXISTS,
    SLV_DYN_OP_NOT_EXISTS,
    SLV_DYN_OP_ATTRIBUTE_TYPE,
    SLV_DYN_OP_BEGINS_WITH,
    SLV_DYN_OP_CONTAINS,
    SLV_DYN_OP_NOT_CONTAINS, /* legacy only: true where the attribute is missing */
    SLV_DYN_OP_UNKNOWN,      /* a function that does not exist; only while parsing */
    /* operands */
    SLV_DYN_OP_SIZE,
    SLV_DYN_OP_PATH,
    SLV_DYN_OP_VALUE,
    /* operands of updates */
    SLV_DYN_OP_PLUS,
    SLV_DYN_OP_MINUS,
    SLV_DYN_OP_IF_NOT_EXISTS,
    SLV_DYN_OP_LIST_APPEND,
} slv_dyn_op;

typedef struct slv_dyn_expr slv_dyn_expr;
struct slv_dyn_expr {
    slv_dyn_op op;
    uint32_t count; /* of args */
    union {
        slv_dyn_expr *const *args;
        slv_dyn_path path;          /* PATH */
        const slv_dyn_value *value; /* VALUE */
    };
};

/* Whether item (NULL: there is none) satisfies cond (NULL: everything does). */
bool slv_dyn_expr_test(const slv_dyn_expr *cond, const slv_dyn_value *item);
/* Calls visit for each path in the tree, in the order they are written; stops when it fails. */
SLV_NODISCARD slv_code slv_dyn_expr_paths(const slv_dyn_expr *e,
                                          slv_code (*visit)(void *arg, const slv_dyn_path *path),
                                          void *arg);

/* ---- names and values of a request ---- */

typedef struct slv_dyn_subst_slot {
    slv_str key; /* "#n" or ":v" */
    bool used;
    slv_str name;        /* of a # */
    slv_dyn_value value; /* of a : */
} slv_dyn_subst_slot;

typedef struct slv_dyn_subst {
    bool has_names, has_values;         /* the parameters were given */
    slv_dyn_subst_slot *names, *values; /* as given */
    uint32_t *name_order, *value_order; /* by key; NULL where there are few */
    uint32_t name_count, value_count;
} slv_dyn_subst;

/* ExpressionAttributeNames and ExpressionAttributeValues (either may be NULL): checks keys and
   values. Expressions that share them are parsed with one subst. */
SLV_NODISCARD slv_code slv_dyn_subst_init(slv_dyn_scope *sc, const slv_node *names,
                                          const slv_node *values, slv_dyn_subst *ret);
/* Fails where one was given that no expression used. */
SLV_NODISCARD slv_code slv_dyn_subst_check_used(slv_dyn_scope *sc, const slv_dyn_subst *subst);

/* param: "ConditionExpression" or "FilterExpression"; messages begin with "Invalid <param>: ". */
SLV_NODISCARD slv_code slv_dyn_condition_parse(slv_dyn_scope *sc, slv_dyn_subst *subst,
                                               const char *param, slv_str text, slv_dyn_expr **ret);
/* ProjectionExpression. */
SLV_NODISCARD slv_code slv_dyn_projection_parse(slv_dyn_scope *sc, slv_dyn_subst *subst,
                                                slv_str text, slv_dyn_paths *ret);

/* ---- key conditions ---- */

typedef struct slv_dyn_key_cond {
    slv_str name;
    slv_dyn_op op; /* EQ, LT, LE, GT, GE, BETWEEN, BEGINS_WITH; others only from legacy parameters,
                      and slv_dyn_key_conds_bind refuses them */
    const slv_dyn_value *a, *b; /* b: BETWEEN's upper bound */
} slv_dyn_key_cond;

typedef struct slv_dyn_key_conds {
    slv_dyn_key_cond *items;
    uint32_t count;
    bool legacy; /* from KeyConditions */
} slv_dyn_key_conds;

typedef struct slv_dyn_key_attr {
    slv_str name;
    slv_dyn_type type;
} slv_dyn_key_attr;

SLV_NODISCARD slv_code slv_dyn_key_condition_parse(slv_dyn_scope *sc, slv_dyn_subst *subst,
                                                   slv_str text, slv_dyn_key_conds *ret);
/* Matches the conditions with the keys of the table or index that is queried (range NULL: it has
   none). *ret_hash is the hash key's value; *ret_range NULL where nothing is asked of the range
   key. Types, number of conditions, operators, sizes, with AWS's messages. */
SLV_NODISCARD slv_code slv_dyn_key_conds_bind(slv_dyn_scope *sc, const slv_dyn_key_conds *conds,
                                              const slv_dyn_key_attr *hash,
                                              const slv_dyn_key_attr *range,
                                              const slv_dyn_value **ret_hash,
                                              const slv_dyn_key_cond **ret_range);

#endif
