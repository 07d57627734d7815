/*
 * path.h - document paths (a.b[3].c, with #names replaced), and the projections made of them.
 *
 * Threads: any. Ownership: everything in the arena of the scope, names borrow from the request.
 */
#ifndef SLV_DYNAMO_PATH_H
#define SLV_DYNAMO_PATH_H

#include "dynamo/value.h"

typedef struct slv_dyn_step {
    slv_str name; /* ptr NULL: an index */
    uint64_t index;
} slv_dyn_step;

typedef struct slv_dyn_path {
    slv_dyn_step *steps; /* the first is always a name */
    uint32_t len;
} slv_dyn_path;

typedef struct slv_dyn_paths {
    const slv_dyn_path *items;
    uint32_t count;
} slv_dyn_paths;

static inline bool slv_dyn_step_is_index(const slv_dyn_step *s)
{
    return !s->name.ptr;
}
/* NULL where the item (may be NULL) has nothing there. */
const slv_dyn_value *slv_dyn_path_get(const slv_dyn_value *item, const slv_dyn_path *path);
/* "[a, [3], c]": as AWS writes paths in messages. */
SLV_NODISCARD slv_code slv_dyn_path_put(const slv_dyn_path *path, slv_buf *out);

/* The item with only what the paths name; elements of lists move together. Paths must not overlap.
   Also what UPDATED_OLD and UPDATED_NEW return. */
SLV_NODISCARD slv_code slv_dyn_project(slv_dyn_scope *sc, const slv_dyn_paths *paths,
                                       const slv_dyn_value *item, slv_dyn_value *ret);

#endif
