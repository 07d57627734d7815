/*
 * value_int.h - what the files of the pure half share about values. Private to dynamo.
 */
#ifndef SLV_DYNAMO_VALUE_INT_H
#define SLV_DYNAMO_VALUE_INT_H

#include "dynamo/value.h"

/* Whether v, standing at level (an attribute of an item: 1), has a level too many. */
bool slv_dyn_value_too_deep(const slv_dyn_value *v, uint32_t level);
slv_code slv_dyn_fail_depth(slv_dyn_scope *sc);
slv_code slv_dyn_fail_name(slv_dyn_scope *sc); /* longer than SLV_DYN_NAME_MAX */
/* Orders and drops duplicates; returns how many are left. */
uint32_t slv_dyn_strs_sort(slv_str *strs, uint32_t count);

/* {TYPE: ...} with TYPE's member checked by the framework's rules: what is not of the right JSON
   type is a SerializationException. field: the value is a member of a structure rather than an
   element of a list or a map, which changes a word. */
SLV_NODISCARD slv_code slv_dyn_value_shape(slv_dyn_scope *sc, const slv_node *json, bool field);
SLV_NODISCARD slv_code slv_dyn_item_shape(slv_dyn_scope *sc, const slv_node *json);

SLV_NODISCARD slv_code slv_dyn_shape_string(slv_dyn_scope *sc, const slv_node *n);
SLV_NODISCARD slv_code slv_dyn_shape_bool(slv_dyn_scope *sc, const slv_node *n);
/* A boolean, or a text that the framework takes for one. NULL: false. */
bool slv_dyn_node_bool(const slv_node *n);

/* Appends the JSON string of a value of type S, N, B, or of a member of a set. */
SLV_NODISCARD slv_code slv_dyn_put_scalar(slv_dyn_type t, slv_str bytes, slv_buf *out);
/* {"TYPE": - with plain, the mark of bytes. */
SLV_NODISCARD slv_code slv_dyn_put_type(slv_dyn_plain *plain, slv_dyn_type t, slv_buf *out);
SLV_NODISCARD slv_code slv_dyn_plain_put_name(slv_dyn_plain *plain, slv_str name, slv_buf *out);
/* As in messages: "{S:text}", sets "[a, b]". */
SLV_NODISCARD slv_code slv_dyn_value_put_text(const slv_dyn_value *v, slv_buf *out);

#endif
