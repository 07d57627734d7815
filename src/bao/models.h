/*
 * models.h - the models that one or more YAML files define, checked.
 *
 *     models:
 *       User:
 *         modelPrefix: u
 *         fields: { userId: { type: UlidField, autoAssign: true } }
 *         primaryKey: { partitionKey: userId }       sortKey as well
 *         indexes: { postsForUser: { partitionKey, sortKey, indexId: gsi1 }, byTag: primaryKey }
 *         uniqueConstraints: { uniqueEmail: { field: email, uniqueConstraintId: uc1 } }
 *         iterable, iterationBuckets, tableType: mapping, mapping
 *
 * Everything that would make a generated class fail when it is loaded or registered is an error
 * here, with the place of the value at fault. A model of a later file replaces one of the same
 * name. Threads: any. Ownership: everything lives in the set.
 */
#ifndef SLV_BAO_MODELS_H
#define SLV_BAO_MODELS_H

#include "base/vec.h"
#include "fmt/doc.h"

#define SLV_BAO_MODELS_MAX 1000
#define SLV_BAO_PROBLEMS_MAX 20 /* further ones are counted only */

/* A field class that the library brings, and what TypeScript calls its values. */
typedef struct slv_bao_field_type {
    const char *name;
    const char *read;  /* the type of the property */
    const char *write; /* what may be assigned */
} slv_bao_field_type;

typedef struct slv_bao_model {
    slv_str name;
    slv_str file_name; /* "tagged-post", without suffix */
    slv_str source;    /* the YAML file, for messages */
    const slv_node *node, *fields, *indexes, *constraints;
    slv_str prefix, partition_key, sort_key; /* sort_key "modelPrefix": none */
    bool mapping;                            /* tableType: mapping */
    bool iterable;
    int64_t buckets;
} slv_bao_model;

typedef struct slv_bao_models {
    slv_arena arena;
    SLV_VEC(slv_bao_model) list;
    slv_buf problems, warnings; /* lines "FILE:LINE:COL: text" */
    size_t problem_count;
} slv_bao_models;

void slv_bao_models_init(slv_bao_models *m);
void slv_bao_models_done(slv_bao_models *m);
SLV_DEFINE_CLEANUP_DONE(slv_bao_models, slv_bao_models_done);

/* Adds the models of one file. source names it in messages. A text that is no YAML is a problem
 * like the others. SLV_E_LIMIT, SLV_E_NOMEM. */
SLV_NODISCARD slv_code slv_bao_models_add(slv_bao_models *m, slv_str source, slv_str text,
                                          slv_err *err);
/* Checks them together. fields_dir: where own field classes lie (EmailField in email-field.js),
 * NULL none. SLV_E_PARSE when there are problems; their text is in m->problems. */
SLV_NODISCARD slv_code slv_bao_models_check(slv_bao_models *m, const char *fields_dir,
                                            slv_err *err);

/* The class of that name that the library has; NULL: none. */
const slv_bao_field_type *slv_bao_field_type_find(slv_str name);
const slv_bao_model *slv_bao_models_find(const slv_bao_models *m, slv_str name);
/* The type of a field's definition: in mapping models without one RelatedField. */
slv_str slv_bao_field_type_of(const slv_bao_model *model, const slv_node *field);
/* 1 to 5 of "gsi1", "1" and 1; 1 to 3 of "uc1". 0: neither. */
unsigned slv_bao_id_number(const slv_node *id, const char *prefix, unsigned max);
/* "TaggedPost" -> "tagged-post". */
SLV_NODISCARD slv_code slv_bao_kebab(slv_str name, slv_buf *out);
/* The file of an own field class: "EmailField" -> "email-field.js". */
SLV_NODISCARD slv_code slv_bao_field_file(slv_str type, slv_buf *out);

#endif
