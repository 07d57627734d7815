/*
 * proc.h - child processes: start with chosen descriptors, watch and signal through a pidfd. Loop
 * thread only.
 *
 * The child gets default signal handlers, an empty signal mask, and no descriptor but those named.
 * A pidfd never names another process than the one it was made for, so signals cannot go astray.
 */
#ifndef SLV_AIO_PROC_H
#define SLV_AIO_PROC_H

#include <sys/types.h>

#include "aio/poll.h"

#define SLV_PROC_FDS_MAX 48

typedef struct slv_proc_options {
    const char *path;        /* executable; searched in PATH when it holds no slash */
    const char *const *argv; /* NULL-terminated */
    const char *const *envp; /* NULL-terminated; NULL: this process's environment */
    const char *cwd;         /* NULL: unchanged */
    const int *fds;          /* fds[i] becomes descriptor i in the child; -1: closed */
    unsigned fd_count;       /* at most SLV_PROC_FDS_MAX */
    bool own_group; /* a process group of its own, so that the terminal's ^C does not reach it */
} slv_proc_options;

typedef struct slv_proc {
    pid_t pid;
    int pidfd; /* -1: no process */
    slv_poll poll;
    /* After the end of the process, which is reaped then: status as of waitpid(2). */
    void (*ended)(struct slv_proc *proc, int status);
} slv_proc;

/* Starts the child and watches it on loop. ended must be set. */
SLV_NODISCARD slv_code slv_proc_start(slv_proc *proc, slv_loop *loop, const slv_proc_options *opts,
                                      slv_err *err);
/* Watches a process made elsewhere (a zygote's child) by its pidfd, which the proc owns from then
   on. Where it is not our child its status is not known and given as 0. */
SLV_NODISCARD slv_code slv_proc_adopt(slv_proc *proc, slv_loop *loop, int pidfd, pid_t pid,
                                      slv_err *err);
/* Bytes of memory that it has resident; 0 when that cannot be told. */
uint64_t slv_proc_resident(const slv_proc *proc);
/* Sends a signal; nothing after the end. */
void slv_proc_signal(slv_proc *proc, int number);
/* Stops watching and closes the pidfd; a child that still runs is left to itself and reaped by
 * nobody. */
void slv_proc_release(slv_proc *proc);

#endif
