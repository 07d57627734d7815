/*
 * metadata.h - the metadata of an upload: checked, resolved against the version before, and made
 * into what a version needs.
 *
 * Two steps. *Resolving* happens once, at the upload: bindings that mean those of the previous
 * version become these, secrets are taken out, migrations change the classes; its result is what
 * the catalog keeps. *Reading* happens at each start, from what the catalog keeps: bindings,
 * classes, flags and limits as slv_version_new takes them.
 *
 * Pure; any thread. Results live in the arena that is passed in.
 *
 * Limits: plat/limits.h (variables, their size, bindings), SLV_METADATA_MAX.
 * Rules: the control API's contract, section 6; platform specification 5.8, 13, 17.
 */
#ifndef SLV_HOST_METADATA_H
#define SLV_HOST_METADATA_H

#include "catalog/worker.h"
#include "fmt/doc.h"
#include "plat/compat.h"
#include "plat/version.h"

#define SLV_METADATA_MAX ((size_t)1 << 20) /* as JSON, without secrets */

/* What is wrong, as the control API tells it. Begins with {.text = SLV_BUF(...)} or by
 * slv_fault_init. */
typedef struct slv_fault {
    int status, code;
    slv_buf text;
} slv_fault;
void slv_fault_init(slv_fault *f);
void slv_fault_done(slv_fault *f);
SLV_DEFINE_CLEANUP_DONE(slv_fault, slv_fault_done);
/* 400 and the code; returns SLV_E_INVAL. */
slv_code slv_fault_set(slv_fault *f, int code, const char *fmt, ...) SLV_PRINTF(3, 4);

/* Codes of the control API. */
enum {
    SLV_FAULT_INTERNAL = 10013,
    SLV_FAULT_INVALID = 10021, /* the worker, its metadata or its start */
    SLV_FAULT_TOO_LARGE = 10027,
    SLV_FAULT_INHERIT = 10057,
    SLV_FAULT_NO_CLASS = 10061,   /* a binding to a class that no migration created */
    SLV_FAULT_CLASS_GONE = 10064, /* a class that objects depend on is not exported */
    SLV_FAULT_CLASS_EXISTS = 10074,
    SLV_FAULT_TAG = 10079, /* old_tag is not the worker's */
};

typedef struct slv_resolve {
    const slv_node *metadata;
    slv_str previous_metadata, previous_secrets; /* JSON, the latter opened; empty: none */
    slv_str objects, migration_tag;              /* of the worker's row; empty: none */
    bool strict;                                 /* bindings_inherit=strict */
    const char *today;                           /* "YYYY-MM-DD" */
} slv_resolve;

typedef struct slv_resolved {
    slv_str metadata; /* JSON for the version's row */
    slv_str secrets;  /* JSON object of the values; empty: there are none */
    slv_str objects, migration_tag;
    slv_str main;        /* name of the main module, or of the script; empty: static files alone */
    bool service_worker; /* main is body_part */
} slv_resolved;

SLV_NODISCARD slv_code slv_metadata_resolve(const slv_resolve *in, slv_arena *arena,
                                            slv_resolved *ret, slv_fault *fault);

/* What a version is read from. */
typedef struct slv_metadata_in {
    const slv_worker_row *worker; /* objects, settings, dispatch */
    const slv_version_row *version;
    slv_str secrets; /* opened */
} slv_metadata_in;

/* Everything of the spec but its code, its static files and `keep`: tenant, name, id, date, flags,
 * bindings, classes, limits, observe, tags. What the version was uploaded with is valid; what is
 * not is SLV_E_INVAL, or SLV_E_UNSUPPORTED for a binding of a kind that this program has nothing
 * for. */
SLV_NODISCARD slv_code slv_metadata_read(const slv_metadata_in *in, slv_arena *arena,
                                         slv_version_spec *ret, slv_err *err);

/* The flags that a date and names switch on, as deploys take them: a date that is to come and an
 * unknown flag are errors. */
SLV_NODISCARD slv_code slv_metadata_compat(const slv_node *metadata, const char *today,
                                           slv_compat *ret, slv_err *err);

/* The name of a module without what only says that it is a path ("./a.js": "a.js"). Borrows. */
slv_str slv_metadata_module_name(slv_str name);
/* "YYYY-MM-DD" of a time. */
void slv_metadata_today(int64_t now_ms, char out[11]);

#endif
