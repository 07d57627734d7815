#include "aio/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"

extern char **environ;

/* Sources move above every target first, so that placing one cannot overwrite another. */
#define HIGH_FD 64

static void on_end(slv_poll *poll, unsigned events)
{
    slv_proc *proc = slv_container_of(poll, slv_proc, poll);
    siginfo_t info = {0};
    int status = 0;

    (void)events;
    if (waitid(P_PIDFD, (id_t)proc->pidfd, &info, WEXITED | WNOHANG) == 0) {
        if (info.si_pid == 0)
            return; /* not yet */
        status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status & 0x7f;
    } else if (errno == EINTR) {
        return;
    } /* ECHILD: somebody else's child */
    slv_proc_release(proc);
    proc->ended(proc, status);
}

slv_code slv_proc_adopt(slv_proc *proc, slv_loop *loop, int pidfd, pid_t pid, slv_err *err)
{
    proc->pid = pid;
    proc->pidfd = pidfd;
    proc->poll = (slv_poll){.fn = on_end};
    return slv_poll_start(&proc->poll, loop, pidfd, SLV_POLL_READ, err);
}

static int add_fds(posix_spawn_file_actions_t *actions, const slv_proc_options *opts, int *high)
{
    for (unsigned i = 0; i < opts->fd_count; i++) {
        if (opts->fds[i] < 0)
            continue;
        high[i] = fcntl(opts->fds[i], F_DUPFD_CLOEXEC, HIGH_FD);
        if (high[i] < 0)
            return errno;
        int rc = posix_spawn_file_actions_adddup2(actions, high[i], (int)i);
        if (rc != 0)
            return rc;
    }
    for (unsigned i = 0; i < opts->fd_count; i++) {
        if (opts->fds[i] >= 0)
            continue;
        int rc = posix_spawn_file_actions_addclose(actions, (int)i);
        if (rc != 0)
            return rc;
    }
    return posix_spawn_file_actions_addclosefrom_np(actions, (int)opts->fd_count);
}

static int set_attributes(posix_spawnattr_t *attr, const slv_proc_options *opts)
{
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    sigset_t set;

    sigfillset(&set);
    int rc = posix_spawnattr_setsigdefault(attr, &set);
    sigemptyset(&set);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attr, &set);
    if (opts->own_group)
        flags |= POSIX_SPAWN_SETPGROUP; /* group 0: its own */
    return rc == 0 ? posix_spawnattr_setflags(attr, flags) : rc;
}

static int spawn(const slv_proc_options *opts, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int high[SLV_PROC_FDS_MAX];
    int rc;

    memset(high, -1, sizeof high);
    rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = set_attributes(&attr, opts);
        if (rc == 0 && opts->cwd)
            rc = posix_spawn_file_actions_addchdir_np(&actions, opts->cwd);
        if (rc == 0)
            rc = add_fds(&actions, opts, high);
        if (rc == 0)
            rc = posix_spawnp(ret_pid, opts->path, &actions, &attr,
                              (char *const *)(size_t)opts->argv,
                              opts->envp ? (char *const *)(size_t)opts->envp : environ);
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    for (unsigned i = 0; i < SLV_PROC_FDS_MAX; i++) {
        if (high[i] >= 0)
            (void)close(high[i]);
    }
    return rc;
}

slv_code slv_proc_start(slv_proc *proc, slv_loop *loop, const slv_proc_options *opts, slv_err *err)
{
    pid_t pid;

    SLV_ASSERT(proc->ended && opts->fd_count <= SLV_PROC_FDS_MAX);
    proc->pidfd = -1;
    int rc = spawn(opts, &pid);
    if (rc != 0) {
        errno = rc;
        return slv_fail_errno(err, rc == ENOENT ? SLV_E_NOTFOUND : SLV_E_IO, "%s", opts->path);
    }
    /* The child cannot be reaped before we ask, so its number is still its own. */
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0) {
        slv_code code = slv_fail_errno(err, SLV_E_IO, "pidfd_open");
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return code;
    }
    slv_code code = slv_proc_adopt(proc, loop, pidfd, pid, err);
    if (code != SLV_OK) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        (void)close(pidfd);
        proc->pidfd = -1;
    }
    return code;
}

uint64_t slv_proc_resident(const slv_proc *proc)
{
    char path[64], text[128];
    slv_str all, resident;
    uint64_t pages;
    ssize_t n;
    int fd;

    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)proc->pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    n = read(fd, text, sizeof text);
    close(fd);
    if (n <= 0)
        return 0;
    all = slv_str_make(text, (size_t)n);
    all = slv_str_skip(all, slv_str_chr(all, ' ', 0) + 1); /* what follows the first number */
    if (!slv_str_split(&all, ' ', &resident) || slv_parse_u64(resident, &pages) != SLV_OK)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void slv_proc_signal(slv_proc *proc, int number)
{
    if (proc->pidfd >= 0)
        (void)pidfd_send_signal(proc->pidfd, number, NULL, 0);
}

void slv_proc_release(slv_proc *proc)
{
    slv_poll_stop(&proc->poll);
    if (proc->pidfd >= 0)
        (void)close(proc->pidfd);
    proc->pidfd = -1;
}
