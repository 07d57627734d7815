/*
 * wal.h - SQLite's write-ahead log as bytes: reading its frames, and applying them to a database
 * file. For who archives logs and rebuilds databases from them without opening any.
 *
 * What does not match the checksums ends a log, as for SQLite itself. Nothing of a file is trusted.
 * Threading: one thread at a time for each reader. Calls block on disk.
 * Format: https://sqlite.org/fileformat2.html, "The Write-Ahead Log".
 */
#ifndef SLV_STORE_WAL_H
#define SLV_STORE_WAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define SLV_WAL_HEADER ((size_t)32)
#define SLV_WAL_FRAME_HEADER ((size_t)24)
#define SLV_WAL_PAGE_MAX ((size_t)65536)

/* A log lives from one reset to the next; salt[0..4), big-endian, counts the resets. */
typedef struct slv_wal_head {
    uint32_t page;
    uint8_t salt[8];
    uint32_t sum[2];
    bool big; /* checksums are over big-endian words */
} slv_wal_head;

typedef struct slv_wal_reader {
    int fd;
    slv_wal_head head;
    uint32_t sum[2];
    uint32_t at; /* frames read */
    bool failed; /* the log did not end: the disk could not be read, errno says why */
    uint8_t frame[SLV_WAL_FRAME_HEADER + SLV_WAL_PAGE_MAX];
} slv_wal_reader; /* large: on the heap */

/* False: there is no log in the file. */
bool slv_wal_head_read(int fd, slv_wal_head *ret);
/* One after another: `next` began where `before` was reset. */
bool slv_wal_follows(const slv_wal_head *before, const slv_wal_head *next);
bool slv_wal_begin(slv_wal_reader *r, int fd);
/* The next frame, into r->frame; false: no more that are of this log and whole, or r->failed. */
bool slv_wal_next(slv_wal_reader *r);
/* Pages of the database after the frame that was read, when it ends a commit; else 0. */
uint32_t slv_wal_commit(const slv_wal_reader *r);
/* Where frame number `frame` (from 0) begins in the file. */
uint64_t slv_wal_frame_at(uint32_t page, uint32_t frame);
/* Frames up to the last commit. */
uint32_t slv_wal_committed(slv_wal_reader *r);
/* Writes the pages of the first `frames` frames (UINT32_MAX: of all that were committed) into a
 * database file. SLV_E_NOTFOUND: no commit ends there. */
SLV_NODISCARD slv_code slv_wal_apply(int wal, int db, uint32_t frames, slv_err *err);

#endif
