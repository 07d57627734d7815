/*
 * daemon_int.h - what supervisor and main share. Private to daemon.
 */
#ifndef SLV_DAEMON_DAEMON_INT_H
#define SLV_DAEMON_DAEMON_INT_H

#include "aio/proc.h"
#include "daemon/daemon.h"
#include "daemon/link.h"
#include "daemon/listen.h"

SLV_NODISCARD slv_code slv_daemon_supervise(const slv_daemon_options *options, slv_err *err);
SLV_NODISCARD slv_code slv_daemon_main(const slv_daemon_options *options, slv_err *err);

/* Of the program's own lines on standard error. */
void slv_daemon_log_level(const slv_serve_config *c);
/* Starts a process of the server in that role and the link to it. Both must be prepared (ended,
 * said). link's other end and copies of the listeners go to it; of SLV_DAEMON_NEXT also `heir`,
 * behind the listeners, a socket that connections come by (heir.h). */
SLV_NODISCARD slv_code slv_daemon_spawn(const slv_daemon_options *o, slv_daemon_role role,
                                        const slv_listeners *listeners, int heir, slv_loop *loop,
                                        slv_proc *proc, slv_link *link, slv_err *err);

#endif
