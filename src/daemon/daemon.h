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
 * take over. Should the supervisor die, main starts another one, which adopts it.
 * docs/internals/serve.md tells the whole.
 *
 * Each function blocks until its process is to end. Main thread.
 */
#ifndef SLV_DAEMON_DAEMON_H
#define SLV_DAEMON_DAEMON_H

#include "daemon/config.h"

/* How one process of the server starts another: `selvage serve ARGUMENTS --as=ROLE:LISTENERS`, with
 * the link to it as descriptor 3 and the listeners from 4 on (listen.h). */
typedef enum slv_daemon_role {
    SLV_DAEMON_FIRST,   /* started by a person: becomes the supervisor */
    SLV_DAEMON_MAIN,    /* serves */
    SLV_DAEMON_NEXT,    /* a main that prepares, and serves when the other one has ended */
    SLV_DAEMON_ADOPTER, /* a supervisor for the main that started it */
} slv_daemon_role;

typedef struct slv_daemon_options {
    const slv_serve_config *config; /* as it is at the start */
    /* Reads flags and file again, for a reload. The result lives until the call after the next. */
    slv_code (*reload)(void *arg, const slv_serve_config **ret, slv_err *err);
    void *reload_arg;
    const char *program;              /* path of the executable on disk */
    const char *const *argv;          /* program, "serve", its flags; NULL-terminated */
    void (*title)(const char *title); /* what ps shows; may be NULL */
    slv_daemon_role role;
    slv_str handed; /* kinds of the listeners that are passed; of all roles but the first */
} slv_daemon_options;

#define SLV_DAEMON_LINK_FD 3
#define SLV_DAEMON_FIRST_FD 4
#define SLV_DAEMON_ARGS_MAX 250

/* "main:http,control": the value of --as. SLV_E_INVAL: it is none. */
SLV_NODISCARD slv_code slv_daemon_role_parse(slv_str text, slv_daemon_options *ret, slv_err *err);

SLV_NODISCARD slv_code slv_daemon_run(const slv_daemon_options *options, slv_err *err);

#endif
