/*
 * zygote.h - main's side of the zygotes: processes that have an engine up and warm, and fork
 * isolates from it.
 *
 * A slv_zygote is shared by the pools of a server (any thread; its lock stays inside). Each pool
 * opens its own connection, so that answers arrive on its own loop. The process is started by exec
 * at the first connection and replaced when it dies; until it is quiet (one thread left, some
 * eleven seconds) and its self-test has passed, a request is answered SLV_E_AGAIN, and the pool
 * starts by exec. SELVAGE_ZYGOTE=off, or never making one, keeps exec for ever.
 *
 * Protocol: docs/internals/isolates.md, "Zygotes". The zygote itself: src/rt/zygote.c.
 */
#ifndef SLV_POOL_ZYGOTE_H
#define SLV_POOL_ZYGOTE_H

#include <sys/types.h>

#include "aio/loop.h"
#include "base/err.h"
#include "base/list.h"
#include "base/str.h"

typedef struct slv_zygote slv_zygote;
typedef struct slv_zygotes slv_zygotes;
typedef struct slv_zygote_conn slv_zygote_conn;
typedef struct slv_fork_request slv_fork_request;

/* Embedded by the one who asks; completes exactly once, from the loop. */
struct slv_fork_request {
    slv_list node;
    uint32_t number;
    /* SLV_OK: pidfd (the callee owns it) and the pid in our own numbering. Otherwise pidfd is -1:
       SLV_E_AGAIN not quiet yet, SLV_E_CLOSED the zygote is gone. */
    void (*done)(slv_fork_request *req, int pidfd, pid_t pid, slv_code code);
};

typedef struct slv_zygote_options {
    const char *program;     /* NULL: /proc/self/exe */
    const char *const *envp; /* NULL: what isolates get */
    uint32_t start_after_ms; /* connections wait so long, and with the first of them the process:
                                the first isolate has the processors for itself */
    bool no_namespaces;      /* do not try to give it pid, net, ipc and uts namespaces of its own */
} slv_zygote_options;

/* Never fails: a process that cannot be started shows as SLV_E_CLOSED of each request. Any thread.
 */
slv_zygote *slv_zygote_new(const slv_zygote_options *options);
/* Ends the process and with it every isolate that it forked. All connections must be closed. */
slv_zygote *slv_zygote_free(slv_zygote *zygote);
/* What the process says of itself, for doctor and the log: "quiet", "warming", "self-test failed:
 * …". Any thread. */
void slv_zygote_describe(slv_zygote *zygote, char *out, size_t size);
/* The process that main knows; 0 when there is none. For display and tests. Any thread. */
pid_t slv_zygote_pid(slv_zygote *zygote);
/* True when its isolates have namespaces of their own. Any thread. */
bool slv_zygote_has_namespaces(slv_zygote *zygote);

/* ---- one for each account ---- */

#define SLV_ZYGOTES_MAX 32

/* Each has the options. max: at once (0: SLV_ZYGOTES_MAX); accounts beyond start theirs by exec. */
slv_zygotes *slv_zygotes_new(const slv_zygote_options *options, unsigned max);
slv_zygotes *slv_zygotes_free(slv_zygotes *set); /* all were put back; accepts NULL, returns NULL */
/* The account's, counted: put it back, and when the last one has, its process ends. NULL: there are
 * too many. Any thread. */
slv_zygote *slv_zygotes_get(slv_zygotes *set, slv_str account);
void slv_zygotes_put(slv_zygotes *set, slv_zygote *zygote); /* zygote may be NULL */
unsigned slv_zygotes_count(slv_zygotes *set);

/* ---- one pool's connection; loop thread only ---- */

slv_zygote_conn *slv_zygote_connect(slv_zygote *zygote, slv_loop *loop);
/* Requests under way complete from inside, with SLV_E_CLOSED. Accepts NULL, returns NULL. */
slv_zygote_conn *slv_zygote_disconnect(slv_zygote_conn *conn);
/* True when a fork would be tried now; false: start by exec. */
bool slv_zygote_quiet(const slv_zygote_conn *conn);
/* The connection to an app zygote, whose other end went to it at birth. When it ends, that is all:
   slv_zygote_quiet is false from then on. Takes fd over. */
slv_zygote_conn *slv_zygote_adopt(slv_loop *loop, int fd);
/* Forks an app zygote: as below, and a sixth descriptor, the other end of a connection
 * (SOCK_SEQPACKET) to adopt. */
void slv_zygote_fork_app(slv_zygote_conn *conn, slv_fork_request *req, const char *title,
                         const int *fds, unsigned fd_count);
/* Forks an isolate: fds are those of slv_proc_options (0, 1, 2, channel, page), duplicated. title:
 * for ps. */
void slv_zygote_fork(slv_zygote_conn *conn, slv_fork_request *req, const char *title,
                     const int *fds, unsigned fd_count);

#endif
