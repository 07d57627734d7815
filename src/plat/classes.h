/*
 * classes.h - what migrations make of a worker's classes of Durable Objects.
 *
 * A class has an *origin*, the name under which it was first created: it stands in the key that ids
 * and files are derived from, so that a renamed class keeps its objects. A class that takes the
 * name of one that was renamed or deleted gets another origin.
 *
 * Pure; any thread, one at a time. Names are borrowed, keys that are made live in the arena.
 */
#ifndef SLV_PLAT_CLASSES_H
#define SLV_PLAT_CLASSES_H

#include "base/arena.h"
#include "base/vec.h"
#include "plat/version.h"

typedef struct slv_classes {
    slv_arena *arena;
    SLV_VEC(slv_object_class) classes; /* after what was done so far; key: the origin */
    SLV_VEC(slv_object_step) steps;
} slv_classes;

void slv_classes_done(slv_classes *c);
SLV_DEFINE_CLEANUP_DONE(slv_classes, slv_classes_done);

/* NULL: there is none of that name. */
slv_object_class *slv_classes_find(slv_classes *c, slv_str name);
/* SLV_E_EXISTS. */
SLV_NODISCARD slv_code slv_classes_create(slv_classes *c, slv_str name, bool sql, slv_err *err);
/* tag: of the migration. SLV_E_NOTFOUND. */
SLV_NODISCARD slv_code slv_classes_delete(slv_classes *c, slv_str name, slv_str tag, slv_err *err);
/* SLV_E_NOTFOUND; SLV_E_EXISTS: `to` is there. */
SLV_NODISCARD slv_code slv_classes_rename(slv_classes *c, slv_str from, slv_str to, slv_err *err);
/* A tag was reached; deleted: the key of a class that went on the way, empty: none. */
void slv_classes_step(slv_classes *c, slv_str tag, slv_str deleted);

#endif
