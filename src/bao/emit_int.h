/*
 * emit_int.h - what text.c (classes) and types.c (declarations) share: the methods that a model
 * gets from its own definition and from those of others. Private to bao.
 */
#ifndef SLV_BAO_EMIT_INT_H
#define SLV_BAO_EMIT_INT_H

#include "bao/codegen.h"

typedef enum bao_method_kind {
    BAO_QUERY_OWN,     /* static: an index over all of the model */
    BAO_QUERY_PRIMARY, /* another model's items whose partition key names this one */
    BAO_QUERY_INDEX,   /* the same by an index */
    BAO_MAPPED,        /* what a mapping model relates this one to */
    BAO_UNIQUE,        /* static: by a unique constraint */
    BAO_RELATED,       /* what a field of this one refers to */
} bao_method_kind;

typedef struct bao_method {
    bao_method_kind kind;
    const slv_bao_model *other; /* whose items are queried */
    slv_str index;              /* or constraint, or field */
    slv_str target;             /* BAO_MAPPED: the field; BAO_RELATED: the model */
    slv_buf name;
} bao_method;

typedef struct bao_methods {
    SLV_VEC(bao_method) list;
} bao_methods;

void slv_bao_methods_done(bao_methods *methods);
SLV_DEFINE_CLEANUP_DONE(bao_methods, slv_bao_methods_done);
/* In the order in which a class has them: later ones of a name replace earlier ones. */
SLV_NODISCARD slv_code slv_bao_methods_of(const slv_bao_models *m, const slv_bao_model *model,
                                          bao_methods *ret);

/* Appends; after a failure nothing, and `code` keeps it. */
typedef struct bao_text {
    slv_buf *out;
    slv_code code;
} bao_text;
void slv_bao_put(bao_text *t, const char *fmt, ...) SLV_PRINTF(2, 3);
void slv_bao_put_string(bao_text *t, slv_str text); /* as a literal with its quotes */

#endif
