/*
 * archive.h - a folder of archived logs, which with copies of the database (bases) are the way back
 * to any commit of the last days. One for each database; who fills it decides when.
 *
 *     SSSSSSSS.wal    the log of segment S: one life of it from reset to reset
 *     SSSSSSSS.base   the database as it was before segment S
 *     times           records of 16 bytes: u32 segment, u32 frame, i64 ms, little-endian
 *
 * From a base on, segments follow without a gap. Threading: one thread at a time for each folder.
 * Calls block on disk. Format: docs/formats/d1.md.
 */
#ifndef SLV_STORE_ARCHIVE_H
#define SLV_STORE_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define SLV_ARCHIVE_DAYS 30
#define SLV_ARCHIVE_PATH 4096
/* A chain ends with so many segments, or when its logs have so many bytes and twice the database's.
 */
#define SLV_ARCHIVE_SEGMENTS 1000u
#define SLV_ARCHIVE_CHAIN_MIN ((uint64_t)64 << 20)

typedef struct slv_place {
    uint32_t segment, frame;
} slv_place;

/* suffix: "wal", "base", "new". */
void slv_archive_name(const char *dir, uint32_t segment, const char *suffix,
                      char out[static SLV_ARCHIVE_PATH]);
/* The highest segment of which there is such a file, at most max; 0: none. */
uint32_t slv_archive_highest(const char *dir, const char *suffix, uint32_t max);
SLV_NODISCARD slv_code slv_archive_sync(const char *dir, slv_err *err);
/* Removes chains that ended before the days that are kept; the last one stays, however old. */
void slv_archive_prune(const char *dir);
/* Bytes of the logs from segment `base` to `last`. */
uint64_t slv_archive_bytes(const char *dir, uint32_t base, uint32_t last);

/* Appends to `times`, opened into *fd (-1: not yet) and the folder made when needed. Not synced:
 * what is lost makes times coarser, never wrong. */
bool slv_archive_time_put(const char *dir, int *fd, slv_place place, int64_t ms);
/* The last place that was reached at or before a time. False: none is known. */
bool slv_archive_time_find(const char *dir, int64_t ms, slv_place *ret);

/* From the start of one file to the start of another. */
SLV_NODISCARD slv_code slv_archive_copy(int from, int to, slv_err *err);

#endif
