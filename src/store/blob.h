/*
 * blob.h - content files: values too large for a row, one file each, never changed.
 *
 * A blob is written to a temporary name, synced, renamed to its own and its directory synced:
 * slv_blob_finish returns when it is durable, before any row names it. A blob that no row names is
 * garbage: the owner's sweep (slv_blobs_sweep) removes those older than a grace period. A blob file
 * that is being read may be removed; the reader keeps its descriptor.
 *
 * Layout: DIR/xx/ID, xx the first two characters of ID, 32 hex digits of randomness.
 * Threading: a slv_blobs is immutable and used from any thread; a writer by one thread at a time.
 * Calls block on disk.
 */
#ifndef SLV_STORE_BLOB_H
#define SLV_STORE_BLOB_H

#include "base/err.h"
#include "base/str.h"

#define SLV_BLOB_ID_LEN ((size_t)32)

typedef struct slv_blobs slv_blobs;
typedef struct slv_blob_writer slv_blob_writer;
typedef struct slv_blob_id {
    char text[SLV_BLOB_ID_LEN + 1];
} slv_blob_id;

SLV_NODISCARD slv_code slv_blobs_open(const char *dir, slv_blobs **ret, slv_err *err);
slv_blobs *slv_blobs_free(slv_blobs *blobs);
SLV_DEFINE_CLEANUP(slv_blobs *, slv_blobs_free);

SLV_NODISCARD slv_code slv_blob_begin(slv_blobs *blobs, slv_blob_writer **ret, slv_err *err);
SLV_NODISCARD slv_code slv_blob_append(slv_blob_writer *w, slv_str bytes, slv_err *err);
/* Durable under *ret_id; frees w, also on failure (then nothing is left). */
SLV_NODISCARD slv_code slv_blob_finish(slv_blob_writer *w, slv_blob_id *ret_id, slv_err *err);
/* Drops what was written. Accepts NULL, returns NULL. */
slv_blob_writer *slv_blob_abort(slv_blob_writer *w);
SLV_DEFINE_CLEANUP(slv_blob_writer *, slv_blob_abort);

/* A descriptor to read with pread. SLV_E_NOTFOUND when there is none. */
SLV_NODISCARD slv_code slv_blob_open(slv_blobs *blobs, slv_str id, int *ret_fd, slv_err *err);
/* Absent is fine. */
SLV_NODISCARD slv_code slv_blob_remove(slv_blobs *blobs, slv_str id, slv_err *err);
/* Removes blobs and temporary files older than before_ms that `named` says no to. */
SLV_NODISCARD slv_code slv_blobs_sweep(slv_blobs *blobs, int64_t before_ms,
                                       bool (*named)(void *arg, slv_str id), void *arg,
                                       slv_err *err);

#endif
