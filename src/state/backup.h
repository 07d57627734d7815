/*
 * backup.h - a copy of a state directory as it was at one moment, taken while everything goes on.
 *
 * For the moment, acknowledgements pause while the lengths of all logs are noted (milliseconds);
 * then databases, the noted part of their logs and all other files are copied, while checkpoints
 * and removals wait. What was acknowledged before the moment is in the copy; nothing is in it that
 * follows from something acknowledged after.
 *
 *     TO/backup.json   {"format":1,"taken":MS,"files":N,"bytes":N}
 *     TO/...           the files of the directory, but its lock and its sockets
 *
 * TO appears whole or not at all: it is made as TO.partial, synced, and renamed. It is a state
 * directory itself: `selvage serve --data` runs on a copy of it.
 *
 * Threading: blocks; not on a loop's thread.
 */
#ifndef SLV_STATE_BACKUP_H
#define SLV_STATE_BACKUP_H

#include "state/state.h"

#define SLV_BACKUP_MANIFEST "backup.json"
#define SLV_BACKUP_FORMAT 1
/* Names in a directory that is served: a copy that is to take its place, and what became of it
 * (daemon/restored.h). */
#define SLV_RESTORE_READY "restore-"
#define SLV_RESTORE_FAILED "failed-restore-"
#define SLV_RESTORE_TRIAL "restore.trial"

typedef struct slv_backup_report {
    uint64_t files, bytes;
    uint64_t paused_us; /* for which nothing was acknowledged */
    int64_t taken_ms;   /* the moment */
} slv_backup_report;

/* to: absolute; must not exist. SLV_E_EXISTS, SLV_E_IO, SLV_E_TIMEOUT. Nothing is left of it after
 * a failure. */
SLV_NODISCARD slv_code slv_state_backup(slv_state *state, const char *to, slv_backup_report *ret,
                                        slv_err *err);
/* What a copy says of itself. SLV_E_NOTFOUND: it is none; SLV_E_STATE: of a newer program. */
SLV_NODISCARD slv_code slv_backup_read(const char *dir, slv_backup_report *ret, slv_err *err);
/* Copies a backup to where a state directory is to be; to must not exist, or be empty. */
SLV_NODISCARD slv_code slv_backup_restore(const char *from, const char *to, slv_backup_report *ret,
                                          slv_err *err);

/* The same beside the state that is open: it is to take its place at the next start, as
 * DIR/restore-ID. *ret_id: malloc()ed. SLV_E_AGAIN: another one waits already. */
SLV_NODISCARD slv_code slv_backup_stage(slv_state *state, const char *from, slv_backup_report *ret,
                                        char **ret_id, slv_err *err);

#endif
