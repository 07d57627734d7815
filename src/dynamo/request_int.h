/*
 * request_int.h - the shape of requests as tables, and the readers of single operations. Private to
 * dynamo.
 */
#ifndef SLV_DYNAMO_REQUEST_INT_H
#define SLV_DYNAMO_REQUEST_INT_H

#include "dynamo/parse_int.h"
#include "dynamo/request.h"

typedef enum slv_dyn_kind {
    SLV_DYN_KIND_STRING,
    SLV_DYN_KIND_BOOL,
    SLV_DYN_KIND_INTEGER,
    SLV_DYN_KIND_LONG,
    SLV_DYN_KIND_VALUE,  /* an AttributeValue */
    SLV_DYN_KIND_ITEM,   /* a map of them */
    SLV_DYN_KIND_LIST,   /* of what the first of members says */
    SLV_DYN_KIND_MAP,    /* likewise */
    SLV_DYN_KIND_STRUCT, /* members, up to one without a name */
} slv_dyn_kind;

/* Flags of a rule. */
#define SLV_DYN_REQUIRED 1U    /* "Member must not be null" */
#define SLV_DYN_NAME_CHARS 2U  /* [a-zA-Z0-9_.-]+ */
#define SLV_DYN_TABLE_ARN 4U   /* may be an ARN as well; what is empty is only too short */
#define SLV_DYN_TABLE_KEYS 8U  /* of a map: its keys are table names */
#define SLV_DYN_TERSE_MIN 16U  /* messages about this bound name the member as it is written, */
#define SLV_DYN_TERSE_MAX 128U /* and not its value */
#define SLV_DYN_ELEMENT 32U /* stands in a list or map that the framework knows by its generics */
#define SLV_DYN_FIELD 64U   /* a member of a structure: changes a word of a message */

#define SLV_DYN_ANY INT64_C(-1) /* of min, max */

typedef struct slv_dyn_rule slv_dyn_rule;
struct slv_dyn_rule {
    const char *name; /* NULL: of an element, or the end of a structure */
    slv_dyn_kind kind;
    unsigned flags;
    int64_t min, max;      /* of the number, or of the length */
    const char *values;    /* "[A, B]": as the message has them */
    const char *type_name; /* of structures, and of what a map holds */
    const slv_dyn_rule *members;
    int64_t each_min, each_max; /* of the length of a map's values */
};

const slv_dyn_rule *slv_dyn_rules(slv_dyn_operation op); /* the members of the request */

/* Types: SerializationException. */
SLV_NODISCARD slv_code slv_dyn_shape_check(slv_dyn_scope *sc, const slv_dyn_rule *rules,
                                           const slv_node *json);
/* Constraints: "N validation errors detected: ...". */
SLV_NODISCARD slv_code slv_dyn_constraints_check(slv_dyn_scope *sc, const slv_dyn_rule *rules,
                                                 const slv_node *json);

/* Member that is there and not null. */
const slv_node *slv_dyn_member_of(const slv_node *json, const char *name);
slv_str slv_dyn_string_of(const slv_node *json, const char *name); /* empty: absent */
/* The name of a table out of a name or an ARN. */
slv_str slv_dyn_table_name(slv_str given);

/* ---- expressions and their legacy twins ---- */

typedef enum slv_dyn_param {
    SLV_DYN_PARAM_PROJECTION = 1,
    SLV_DYN_PARAM_FILTER = 2,
    SLV_DYN_PARAM_KEY = 4,
    SLV_DYN_PARAM_UPDATE = 8,
    SLV_DYN_PARAM_CONDITION = 16,
} slv_dyn_param;

/* The parameters of one request or element that expressions come from. */
typedef struct slv_dyn_expressions {
    slv_dyn_subst subst;
    slv_dyn_expr *key, *condition, *filter;
    slv_dyn_update update;
    slv_dyn_paths projection;
    bool has_update, has_projection;
} slv_dyn_expressions;

/* Parameters that exclude each other. legacy: names of the non-expression ones, NULL at the end. */
SLV_NODISCARD slv_code slv_dyn_mixing_check(slv_dyn_scope *sc, const slv_node *json,
                                            unsigned params, const char *const *legacy);
/* Parses what is there of params; names and values must all be used. */
SLV_NODISCARD slv_code slv_dyn_expressions_parse(slv_dyn_scope *sc, const slv_node *json,
                                                 unsigned params, slv_dyn_expressions *ret);

/* ---- legacy parameters: legacy.c ---- */

/* Expected with ConditionalOperator. */
SLV_NODISCARD slv_code slv_dyn_expected_parse(slv_dyn_scope *sc, const slv_node *json,
                                              const slv_dyn_expr **ret);
/* QueryFilter, ScanFilter. */
SLV_NODISCARD slv_code slv_dyn_filter_parse(slv_dyn_scope *sc, const slv_node *json,
                                            const char *param, const slv_dyn_expr **ret);
SLV_NODISCARD slv_code slv_dyn_key_conditions_parse(slv_dyn_scope *sc, const slv_node *json,
                                                    slv_dyn_key_conds *ret);
SLV_NODISCARD slv_code slv_dyn_attribute_updates_parse(slv_dyn_scope *sc, const slv_node *json,
                                                       slv_dyn_update *ret);
SLV_NODISCARD slv_code slv_dyn_attributes_to_get_parse(slv_dyn_scope *sc, const slv_node *json,
                                                       slv_dyn_paths *ret);

/* ---- readers ---- */

SLV_NODISCARD slv_code slv_dyn_read_table(slv_dyn_scope *sc, slv_dyn_request *r);  /* control */
SLV_NODISCARD slv_code slv_dyn_read_groups(slv_dyn_scope *sc, slv_dyn_request *r); /* batches */
SLV_NODISCARD slv_code slv_dyn_item_size_check(slv_dyn_scope *sc, const slv_dyn_value *item);

#endif
