/*
 * notify.h - what systemd is told of a service (sd_notify's protocol, plainly written to its
 * socket). Any thread after init; nothing happens where nobody listens.
 */
#ifndef SLV_DAEMON_NOTIFY_H
#define SLV_DAEMON_NOTIFY_H

#include "base/attr.h"

/* Reads NOTIFY_SOCKET and takes it out of the environment: children do not speak for us. */
void slv_notify_init(void);
/* "READY=1\nSTATUS=..." */
void slv_notify(const char *fmt, ...) SLV_PRINTF(1, 2);
/* RELOADING=1 with the time that goes with it. */
void slv_notify_reloading(void);

#endif
