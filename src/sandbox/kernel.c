#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/sandbox_int.h"

/* Runs fn in a child and says whether it succeeded: for things that cannot be undone. */
static bool try_in_child(bool (*fn)(uint64_t arg), uint64_t arg)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0)
        _exit(fn(arg) ? 0 : 1);
    if (pid < 0)
        return false;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return false;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Making them is not all: a new pid namespace must also take a first process. */
static bool try_namespaces(uint64_t flags)
{
    int status = -1;
    pid_t pid;

    if (unshare((int)flags) != 0)
        return false;
    pid = fork();
    if (pid == 0)
        _exit(0);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

uint64_t slv_sandbox_namespaces(void)
{
    uint64_t all = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

    if (geteuid() != 0)
        all |= CLONE_NEWUSER;
    return try_in_child(try_namespaces, all) ? all : 0;
}

static bool try_seccomp(uint64_t unused)
{
    slv_sandbox_options options = {.role = SLV_SANDBOX_ISOLATE, .mode = SLV_SANDBOX_ERRNO};
    slv_sandbox_report report;

    (void)unused;
    if (slv_sandbox_enter(&options, &report, NULL) != SLV_OK)
        return false;
    errno = 0;
    return syscall(SYS_socket, 1, 1, 0) < 0 && errno == EPERM;
}

bool slv_sandbox_seccomp_works(void)
{
    return try_in_child(try_seccomp, 0);
}

slv_code slv_sandbox_floor(slv_err *err)
{
    if (!slv_sandbox_seccomp_works())
        return slv_fail(
            err, SLV_E_DENIED,
            "the kernel gives no system call filter (seccomp), which keeps workers from "
            "files, sockets and each other");
    if (slv_sandbox_landlock_abi() == 0)
        return slv_fail(err, SLV_E_DENIED,
                        "the kernel has no Landlock, which holds each account's D1 process to the "
                        "account's own directory");
    return SLV_OK;
}
