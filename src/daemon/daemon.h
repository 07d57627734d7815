/*
 * daemon.h - `selvage serve`: a supervisor that holds the listeners and keeps a main running, and
 * the main that serves.
 *
 *     supervisor   the process that was started. Opens the listeners, parses nothing that comes
 *                  from them, starts main, starts it again when it dies, and hands signals on.
 *     main         has the state directory, the edge, the host, the control API.
 *
 * They speak over a socket pair in short texts (link.h). Signals to the supervisor: SIGTERM and
 * SIGINT end the server (open requests may finish, config.drain_seconds), SIGHUP reloads
 * configuration and certificates, SIGUSR2 starts a new main from the executable on disk and lets it
 * take over. docs/internals/serve.md tells the whole.
 *
 * Each function blocks until its process is to end. Main thread.
 */
#ifndef SLV_DAEMON_DAEMON_H
#define SLV_DAEMON_DAEMON_H

#include "daemon/config.h"

typedef struct slv_daemon_options {
    const slv_serve_config *config; /* as it is at the start */
    /* Reads flags and file again, for a reload. The result lives until the next call. */
    slv_code (*reload)(void *arg, const slv_serve_config **ret, slv_err *err);
    void *reload_arg;
    const char *program;              /* path of the executable on disk */
    const char *const *argv;          /* of `serve`, program and verb included; NULL-terminated */
    void (*title)(const char *title); /* what ps shows; may be NULL */
    bool quiet;                       /* nothing on standard output but first secrets */
} slv_daemon_options;

SLV_NODISCARD slv_code slv_daemon_supervise(const slv_daemon_options *options, slv_err *err);
/* handed: the kinds of the listeners (listen.h), which are descriptors from SLV_DAEMON_FIRST_FD on;
 * waits: another main has the state still, and gives it up. */
SLV_NODISCARD slv_code slv_daemon_main(const slv_daemon_options *options, slv_str handed,
                                       slv_err *err);

#define SLV_DAEMON_LINK_FD 3
#define SLV_DAEMON_FIRST_FD 4

#endif
