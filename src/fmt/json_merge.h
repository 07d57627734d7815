/*
 * json_merge.h - one JSON tree changed by another, as JSON merge patches do (RFC 7396). Any thread.
 */
#ifndef SLV_FMT_JSON_MERGE_H
#define SLV_FMT_JSON_MERGE_H

#include "fmt/doc.h"

/* The result shares nodes' strings, and nodes that do not change, with both; new ones live in the
 * arena. target may be NULL. SLV_E_LIMIT: the arena's. */
SLV_NODISCARD slv_code slv_json_merge(const slv_node *target, const slv_node *patch,
                                      slv_arena *arena, slv_node **ret);
/* A copy of the node itself, with its children or without; for changing it. NULL at the arena's
 * limit. */
slv_node *slv_json_copy(const slv_node *n, bool children, slv_arena *arena);
/* Sets, replaces or (value NULL) removes a member of an object; the value, which is changed to have
 * the key, must be in no tree. */
void slv_json_set(slv_node *object, slv_str key, slv_node *value);

#endif
