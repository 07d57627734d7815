/*
 * restored.h - a copy of the data that takes the place of what is there (`selvage restore` on a
 * directory that is served).
 *
 * The control API makes the copy as DIR/restore-ID, whole and durable, and has main started again.
 * Before the next main opens anything, what is there moves to DIR/replaced-ID and the copy to DIR,
 * name by name; a kill between two of them is made good by the next start. DIR/restore.trial says
 * that no main has served on it yet: when SLV_RESTORED_TRIES of them could not, everything moves
 * back, and the copy lies in DIR/failed-restore-ID.
 *
 * Blocks; with the directory's lock, before any store is open.
 */
#ifndef SLV_DAEMON_RESTORED_H
#define SLV_DAEMON_RESTORED_H

#include "base/err.h"

#define SLV_RESTORED_TRIES 3

SLV_NODISCARD slv_code slv_restored_settle(const char *dir, slv_err *err);
/* All that was deployed answers: the copy is taken. */
void slv_restored_done(const char *dir);

#endif
