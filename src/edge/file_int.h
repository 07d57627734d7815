/*
 * file_int.h - bodies that come from files and go to files.
 *
 * Reading never blocks the loop: what the kernel has in memory is pushed at once, the rest is read
 * by a thread of the state. Writing is a thread's work from the first byte that does not stay in
 * memory. Loop thread only; both hold themselves alive while a thread works for them.
 */
#ifndef SLV_EDGE_FILE_INT_H
#define SLV_EDGE_FILE_INT_H

#include "aio/strand.h"
#include "edge/edge_int.h"
#include "state/state.h"
#include "store/blob.h"

#define SLV_FILE_PIECE ((size_t)128 << 10) /* read or written at once */

/* A source of length bytes from offset on. Takes fd. Frees itself when it and its sink have parted;
 * one that is never joined is given back by its cancel op. */
slv_source *slv_file_source_new_take(slv_shard *shard, int fd, uint64_t offset, uint64_t length);

/*
 * A sink that keeps what it is given: up to `memory` bytes in memory, more as a content file.
 *
 *     slv_upload *up = slv_upload_new(&options);
 *     slv_body_join(source, &up->sink);
 *     ... done(up): up->code SLV_OK: the body is up->bytes (up->blob.text empty) or the file
 * up->blob slv_upload_free(up);
 *
 * SLV_E_LIMIT: it had more than `max` bytes; up->size tells how many, as far as they were counted
 * (SLV_UPLOAD_COUNT_MAX). SLV_E_CANCELED: the source failed, up->err has its message. done comes
 * once, from the loop, and may come from inside slv_body_join. A file that nobody names is the
 * store's garbage.
 */
#define SLV_UPLOAD_COUNT_MAX ((uint64_t)256 << 20)

typedef struct slv_upload slv_upload;

typedef struct slv_upload_options {
    slv_shard *shard;
    const char *dir; /* of the content files; copied */
    size_t memory;
    uint64_t max;
    void (*done)(slv_upload *up);
    void *user;
} slv_upload_options;

struct slv_upload {
    slv_sink sink;
    void *user;
    slv_code code;
    slv_err err;
    slv_buf bytes;
    slv_blob_id blob;
    uint64_t size;
    /* below: file.c's */
    slv_upload_options o;
    char *dir;
    slv_blobs *blobs;
    slv_blob_writer *writer;
    slv_job job;
    slv_buf piece; /* the thread's */
    slv_code job_code;
    slv_err job_err;
    size_t owed; /* received, not yet credited */
    bool busy;   /* a thread is at work */
    bool fin, finishing, settling, over, abandoned;
};

slv_upload *slv_upload_new(const slv_upload_options *options);
/* Before done: nobody wants it any more; done does not come. Accepts NULL, returns NULL. */
slv_upload *slv_upload_free(slv_upload *up);

#endif
