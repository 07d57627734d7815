/*
 * update.h - UpdateExpression and AttributeUpdates as a list of actions, and their application.
 *
 * Threads: any. Ownership: in the arena of the scope; a new item shares what did not change with
 * the old one.
 */
#ifndef SLV_DYNAMO_UPDATE_H
#define SLV_DYNAMO_UPDATE_H

#include "dynamo/expr.h"

typedef enum slv_dyn_action_kind {
    SLV_DYN_SET,
    SLV_DYN_REMOVE,
    SLV_DYN_ADD,
    SLV_DYN_DELETE,
} slv_dyn_action_kind;

typedef struct slv_dyn_action {
    slv_dyn_action_kind kind;
    slv_dyn_path path;
    const slv_dyn_expr *value; /* NULL for REMOVE */
    bool typed;                /* the type of value is known before there is an item */
    slv_dyn_type type;
} slv_dyn_action;

typedef struct slv_dyn_update {
    const slv_dyn_action *actions; /* in the order they are written */
    uint32_t count;
    bool legacy;         /* from AttributeUpdates */
    slv_dyn_paths paths; /* of the actions */
} slv_dyn_update;

SLV_NODISCARD slv_code slv_dyn_update_parse(slv_dyn_scope *sc, slv_dyn_subst *subst, slv_str text,
                                            slv_dyn_update *ret);
/* *ret is the item after the update. old: the item before; where there was none (exists false), one
   that has only the key. Values are taken from old. Does not check keys
   (slv_dyn_update_check_key), nor the size of the result. */
SLV_NODISCARD slv_code slv_dyn_update_apply(slv_dyn_scope *sc, const slv_dyn_update *update,
                                            const slv_dyn_value *old, bool exists,
                                            slv_dyn_value *ret);
/* Fails where the update would change key attribute `name`. Keys of the table only. */
SLV_NODISCARD slv_code slv_dyn_update_check_key(slv_dyn_scope *sc, const slv_dyn_update *update,
                                                slv_str name);
/* Fails where the update would give a key attribute of an index a value of another type, as far as
   that shows before there is an item. */
SLV_NODISCARD slv_code slv_dyn_update_check_index_key(slv_dyn_scope *sc,
                                                      const slv_dyn_update *update,
                                                      const slv_dyn_key_attr *attr,
                                                      slv_str index_name);
/* The same about item, the result of the update: what did not show before. */
SLV_NODISCARD slv_code slv_dyn_update_check_index_result(slv_dyn_scope *sc,
                                                         const slv_dyn_update *update,
                                                         const slv_dyn_value *item,
                                                         const slv_dyn_key_attr *attr);

#endif
