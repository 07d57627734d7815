/*
 * facet_int.h - facets: objects inside of an object, started by it, with databases of their own.
 *
 * A facet is an object (object_int.h) that has a parent, no row in the registry and no alarm. Its
 * parent starts it under a name, with a class of its own worker or of a dynamic one; a start is a
 * *run* and has a number, which calls name. A run that was idle is opened again as it was started;
 * one that broke, or was stopped by the parent, is over for good, and the next start is another.
 *
 * Files: PARENT's folder/PARENT's id.facets/SHA-256 of the name, in hex; the same again for facets
 * of facets. A facet is removed when nothing of it is open any more, its own facets with it; until
 * then the parent's gate is shut.
 *
 * facet.c has what becomes of one, op_facet.c what the parent asks. Loop thread only. Limits:
 * SLV_FACET_DEPTH_MAX below an object, SLV_FACET_NAME_MAX bytes in a name, SLV_FACETS_MAX of one
 * parent at a time.
 */
#ifndef SLV_EDGE_FACET_INT_H
#define SLV_EDGE_FACET_INT_H

#include "edge/object_int.h"
#include "edge/tie_int.h"

#define SLV_FACET_NAME_MAX ((size_t)1024) /* 256 characters */
#define SLV_FACETS_MAX 10000

struct slv_facet {
    slv_list node; /* parent->facets */
    slv_object *parent;
    slv_object *self;
    slv_str name; /* owned, as the rest of the text */
    unsigned depth;

    /* the last start; another one replaces it */
    uint32_t run;         /* 0: none, or it is over */
    slv_version *version; /* a reference; NULL: never started */
    slv_arena arena;      /* of what follows */
    slv_str id, id_name;
    bool id_named;
    slv_gift props;

    bool stopped; /* by the parent: the residence that there is ends */
    bool remove;  /* its files go once it is absent */
    slv_buf why;  /* JSON: what its open calls end with */
};

/* What a start gives; all borrowed. */
typedef struct slv_facet_start {
    slv_version *version;
    slv_str class_name, id, id_name;
    bool id_named;
    const slv_gift *props;
} slv_facet_start;

/* ---- for the parent ---- */

/* The facet of that name, made if need be; NULL: there are too many. */
slv_object *slv_facet_get(slv_object *parent, slv_str name);
/* The one that was started under that number; NULL: it is over. */
slv_object *slv_facet_of_run(slv_object *parent, uint32_t run);
/* ret_run: its number. SLV_E_AGAIN: it runs already; SLV_E_LIMIT. */
SLV_NODISCARD slv_code slv_facet_begin(slv_object *o, const slv_facet_start *start,
                                       uint32_t *ret_run);
/* Ends the run: open calls fail with the error (JSON). */
void slv_facet_abort(slv_object *o, slv_str error);
/* After slv_facet_abort(): its files go. */
void slv_facet_delete(slv_object *o);

/* ---- for object.c ---- */

/* NULL: it is no facet. */
slv_object *slv_facet_parent(const slv_object *o);
/* Something goes on in a facet of it. */
bool slv_facets_busy(const slv_object *o);
/* The parent's residence ends, and with it all of theirs. */
void slv_facets_end(slv_object *parent);
slv_version *slv_facet_version(const slv_object *o);
/* A residence begins; it is described to its isolate. */
void slv_facet_opening(slv_object *o);
SLV_NODISCARD slv_code slv_facet_describe(slv_object *o, slv_msg_object_open *m);
/* It was stopped before the isolate had it, or while it was asked whether it is idle. */
bool slv_facet_stopped(const slv_object *o);
void slv_facet_stop(slv_object *o);
/* The residence is over; error: why, empty when it was closed or its isolate went. */
void slv_facet_over(slv_object *o, slv_str error);
/* It is absent: true when its files are to be removed first; slv_object_settle follows. */
bool slv_facet_remove(slv_object *o);
/* It may be opened again without another start. */
bool slv_facet_is_kept(const slv_object *o);
/* The facet is freed: takes it from its parent, which slv_facet_dropped is to be told. */
slv_object *slv_facet_drop(slv_object *o);
void slv_facet_dropped(slv_object *parent);
/* Appends its folder, with a NUL that does not count. */
SLV_NODISCARD slv_code slv_facet_folder(slv_object *o, slv_buf *out);

#endif
