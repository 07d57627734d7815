/*
 * record.h - a channel written to a file, and read back: what replays an isolate.
 *
 * Format: src/chan/record.c. The recorder takes what the link wrote or read at once as one record,
 * so that the direction (0 to the isolate, 1 from it), and length bytes: whole frames, as they
 * crossed. Little-endian. The recorder takes what the link wrote or read in a turn as one record,
 * so that the batches of the original run are kept. A file that ends inside a record (the writer
 * was killed) is good up to that record.
 *
 * Limits: a record is at most 64 MiB. One thread at a time.
 */
#ifndef SLV_CHAN_RECORD_H
#define SLV_CHAN_RECORD_H

#include "base/buf.h"

#define SLV_RECORD_MAX ((size_t)64 << 20)

typedef struct slv_record slv_record;

typedef enum slv_record_dir {
    SLV_RECORD_TO_ISOLATE = 0,
    SLV_RECORD_FROM_ISOLATE = 1,
} slv_record_dir;

/* Creates or replaces the file. */
SLV_NODISCARD slv_code slv_record_create(const char *path, slv_record **ret, slv_err *err);
/* Appends; errors of the disk are kept and told by slv_record_close. */
void slv_record_add(slv_record *rec, slv_record_dir dir, slv_str bytes);
SLV_NODISCARD slv_code slv_record_close(slv_record *rec, slv_err *err);

typedef struct slv_record_entry {
    uint64_t time_us;
    slv_record_dir dir;
    slv_str bytes;
} slv_record_entry;

typedef struct slv_record_reader {
    slv_str rest;
} slv_record_reader;

/* file: the whole file's bytes, borrowed. SLV_E_PARSE when it is no recording. */
SLV_NODISCARD slv_code slv_record_read(slv_str file, slv_record_reader *ret, slv_err *err);
/* SLV_E_NOTFOUND at the end (or in a record cut short), SLV_E_PARSE when malformed. */
SLV_NODISCARD slv_code slv_record_next(slv_record_reader *r, slv_record_entry *ret, slv_err *err);

#endif
