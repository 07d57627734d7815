/*
 * directory.h - one supervisor for a data directory: the lock on DIR/serve.pid, in which it says
 * who it is.
 *
 * A supervisor that was killed is replaced by its main (supervisor.c), and that one says "adopted":
 * nobody started it on purpose, so a new `selvage serve` ends it and takes its place. One thread;
 * blocks.
 */
#ifndef SLV_DAEMON_DIRECTORY_H
#define SLV_DAEMON_DIRECTORY_H

#include "base/err.h"
#include "base/str.h"

/* Makes the directory when it is absent. SLV_E_STATE: it is served already; the message names the
 * process. ret_fd holds the lock. */
SLV_NODISCARD slv_code slv_directory_take(slv_str dir, bool adopted, int *ret_fd, slv_err *err);
/* Waits until no process has the stores of the directory open any more. SLV_E_STATE: one goes on.
 */
SLV_NODISCARD slv_code slv_directory_settle(slv_str dir, unsigned wait_ms, slv_err *err);

#endif
