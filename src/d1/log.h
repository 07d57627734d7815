/*
 * log.h - the archived WAL of a database, which is Time Travel: where it stood at any moment of the
 * last 30 days, and how to get back there. Private to d1.
 *
 * A WAL lives from one reset to the next: that is a *segment*, numbered from 1. Before a checkpoint
 * its frames are copied to PATH.log/SSSSSSSS.wal; PATH.log/SSSSSSSS.base is the database file as it
 * was before segment S. From a base on, segments follow without a gap; where one may have been
 * missed (the file was changed by another program) a new base begins a new chain. A position is
 * (segment, frame). PATH.log/times says when positions were reached, one for each second in which
 * something was committed. Formats: docs/formats/d1.md.
 *
 * Threading: that of the writer whose log it is.
 */
#ifndef SLV_D1_LOG_H
#define SLV_D1_LOG_H

#include "store/archive.h"
#include "store/db.h"

typedef struct d1_log d1_log;

typedef slv_place d1_place;

/* dir: PATH.log, made when something is archived. wal: PATH.sqlite-wal. Knows db from
 * slv_d1_log_attach on. */
SLV_NODISCARD slv_code slv_d1_log_open(const char *dir, const char *file, d1_log **ret,
                                       slv_err *err);
/* Accepts NULL, returns NULL. */
d1_log *slv_d1_log_free(d1_log *log);
/* Finds out where the database stands. */
SLV_NODISCARD slv_code slv_d1_log_attach(d1_log *log, slv_db *db, slv_err *err);
/* slv_db_options.before_checkpoint, with a d1_log. */
slv_code slv_d1_log_archive(void *log, slv_db *db, slv_err *err);

/* After a commit. SLV_E_IO: where it stands is not known before the next one. */
SLV_NODISCARD slv_code slv_d1_log_committed(d1_log *log, slv_db *db, int64_t now_ms, slv_err *err);
d1_place slv_d1_log_place(const d1_log *log);
/* The last place that was reached at or before a time. SLV_E_NOTFOUND: nothing is known of then. */
SLV_NODISCARD slv_code slv_d1_log_at(d1_log *log, int64_t ms, d1_place *ret, slv_err *err);
/* Writes the database as it was at a place into a new file. SLV_E_NOTFOUND: that place is not kept.
 */
SLV_NODISCARD slv_code slv_d1_log_rebuild(d1_log *log, slv_db *db, d1_place place, const char *path,
                                          slv_err *err);

#endif
