/* metadata_int.h - what the two halves of the metadata share. Private to host. */
#ifndef SLV_HOST_METADATA_INT_H
#define SLV_HOST_METADATA_INT_H

#include "host/metadata.h"
#include "plat/classes.h"

#define SLV_METADATA_SUBREQUESTS_MAX 10000000

/* A type of binding, as uploads call it. */
typedef struct slv_binding_row {
    const char *name;
    slv_binding_type type;
    const char *needs; /* member that must be there; NULL: none */
} slv_binding_row;

/* NULL: a type that this program has nothing for. */
const slv_binding_row *slv_binding_row_of(slv_str type);

/* The `objects` of a worker's row; empty text: no classes. Strings live in the arena. */
SLV_NODISCARD slv_code slv_objects_read(slv_str json, slv_arena *arena, slv_classes *ret,
                                        slv_err *err);

#endif
