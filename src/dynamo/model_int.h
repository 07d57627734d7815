/*
 * model_int.h - the inside of tasks. Private to dynamo: model.c (plans, keys, single requests),
 * model_filter.c (conditions), model_query.c, model_save.c.
 */
#ifndef SLV_DYNAMO_MODEL_INT_H
#define SLV_DYNAMO_MODEL_INT_H

#include "base/vec.h"
#include "dynamo/model.h"
#include "dynamo/store_int.h"

/* What a field's values are, stored and as part of a key. */
typedef enum slv_dyn_kind {
    SLV_DYN_KIND_TEXT = 'S',    /* as it is */
    SLV_DYN_KIND_ID = 'U',      /* a text */
    SLV_DYN_KIND_DATE = 'D',    /* milliseconds; a key has 20 digits */
    SLV_DYN_KIND_INTEGER = 'I', /* a key has 20 digits */
    SLV_DYN_KIND_COUNTER = 'C', /* the same; "+1" and "-1" are added */
    SLV_DYN_KIND_FLOAT = 'F',   /* a key is exponential */
    SLV_DYN_KIND_BOOL = 'B',    /* a key is 1 or 0 */
    SLV_DYN_KIND_SET = 'X',     /* of texts; no key */
    SLV_DYN_KIND_OTHER = 'O',   /* stored as it is; as part of a key or of a condition not ours */
} slv_dyn_kind;

typedef struct slv_dyn_model_field {
    slv_str name;
    slv_dyn_kind kind;
} slv_dyn_model_field;

typedef struct slv_dyn_model_index {
    slv_str id, pk, sk;
} slv_dyn_model_index;

typedef struct slv_dyn_model_unique {
    slv_str id, field;
} slv_dyn_model_unique;

typedef struct slv_dyn_model {
    slv_str table, tenant, prefix, pk, sk, name, test;
    uint32_t buckets; /* 0: it is not iterable */
    SLV_VEC(slv_dyn_model_field) fields;
    SLV_VEC(slv_dyn_model_index) indexes;
    SLV_VEC(slv_dyn_model_unique) uniques;
} slv_dyn_model;

typedef enum slv_dyn_save_phase {
    SLV_DYN_SAVE_CHECK,
    SLV_DYN_SAVE_WRITE,
    SLV_DYN_SAVE_READ,
} slv_dyn_save_phase;

struct slv_dynamo_task {
    slv_arena arena;
    slv_dynamo_verb verb;
    slv_dyn_model model;
    slv_dyn_operation op; /* of CALL */
    slv_str region, text;
    int64_t now_ms;
    slv_node *json; /* the text's */
    bool over;      /* status and body are the answer; else the last request's */
    int status;
    slv_str body;

    /* SAVE */
    slv_dyn_save_phase phase;
    slv_str id;     /* of the item */
    size_t unique;  /* the one that is looked at */
    bool transacts; /* entries of unique values change */
    slv_buf kept;   /* the answer as far as it is known */
};

/* Makes JSON in an arena; the first failure stays, and what is made from then on is of no use. */
typedef struct slv_dyn_maker {
    slv_arena *arena;
    bool failed;
    slv_node spare;
} slv_dyn_maker;

/* A new node, without a parent. */
slv_node *slv_dyn_make(slv_dyn_maker *m, slv_node_type type);
/* A new member of an object (key is borrowed), or an element where key is empty. */
slv_node *slv_dyn_make_in(slv_dyn_maker *m, slv_node *parent, slv_str key, slv_node_type type);
slv_node *slv_dyn_make_text(slv_dyn_maker *m, slv_node *parent, slv_str key, slv_str text);
/* {"key":{"S":text}} */
void slv_dyn_make_value(slv_dyn_maker *m, slv_node *parent, slv_str key, slv_str text);
/* A copy of a plain value, as the API has it. */
void slv_dyn_make_plain(slv_dyn_maker *m, slv_node *parent, slv_str key, const slv_node *value);
/* The parts as one text. */
#define slv_dyn_join(m, ...)                                                                       \
    slv_dyn_join_parts((m), (const slv_str[]){__VA_ARGS__},                                        \
                       sizeof((const slv_str[]){__VA_ARGS__}) / sizeof(slv_str))
slv_str slv_dyn_join_parts(slv_dyn_maker *m, const slv_str *parts, size_t count);
static inline slv_code slv_dyn_made(const slv_dyn_maker *m)
{
    return m->failed ? SLV_E_LIMIT : SLV_OK;
}

/* ---- models ---- */

/* NULL: it has no such field. */
const slv_dyn_model_field *slv_dyn_model_field_of(const slv_dyn_model *model, slv_str name);
/* The name stands for the prefix. */
bool slv_dyn_is_prefix(slv_str name);
/* A stored value as part of a key. False: not ours. name: of a field, or the prefix's. */
bool slv_dyn_key_part(slv_dyn_maker *m, const slv_dyn_model *model, slv_str name,
                      const slv_node *value, slv_str *ret);
/* "[tenant]#" or nothing, in front of a key. */
slv_str slv_dyn_tenant_key(slv_dyn_maker *m, const slv_dyn_model *model, slv_str key);
/* {"_pk":...,"_sk":...} of an id. False: it has no such key. */
bool slv_dyn_make_key(slv_dyn_maker *m, const slv_dyn_model *model, slv_node *parent, slv_str id);

/* Parameters of an expression while it is made. */
typedef struct slv_dyn_params {
    slv_dyn_maker *m;
    const slv_dyn_model *model;
    slv_node *names, *values; /* members are added */
    unsigned name_count, value_count;
    slv_buf *text; /* of the expression */
} slv_dyn_params;

/* Appends a condition to the text. False: not ours. */
bool slv_dyn_filter_put(slv_dyn_params *p, const slv_node *filter);
/* Makes a member `key` of request from a condition, and gives names and values those that are not
 * empty. */
bool slv_dyn_make_filter(slv_dyn_params *p, const slv_node *filter, slv_node *request, slv_str key);
/* Adds ExpressionAttributeNames and ExpressionAttributeValues where they have members. */
void slv_dyn_make_params(slv_dyn_params *p, slv_node *request);

slv_code slv_dyn_make_query(void *task, slv_arena *arena, slv_node **ret);
slv_dynamo_request *slv_dyn_save_step(slv_dynamo_task *task, const slv_dynamo_request *answered);

/* The next request, or (NULL) the answer that it is not ours. */
slv_dynamo_request *slv_dyn_task_ask(slv_dynamo_task *task, slv_dyn_operation op,
                                     slv_dyn_make_fn make);
/* It is over, with an answer of its own. */
slv_dynamo_request *slv_dyn_task_end(slv_dynamo_task *task, int status, slv_str body);

#endif
