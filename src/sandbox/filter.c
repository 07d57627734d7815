#include "sandbox/sandbox_int.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

/*
 * The allow-list. Frequent calls stand without argument checks, because the kernel answers those
 * from a bitmap without running the program. What a library asks for and can do without (time zone
 * files, scheduling hints) is left to the default, EPERM.
 */
static const int plain_calls[] = {
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap),
    /* threads */
    SCMP_SYS(futex), SCMP_SYS(sched_yield), SCMP_SYS(gettid), SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq), SCMP_SYS(sched_getaffinity), SCMP_SYS(membarrier),
    /* signals: the engine suspends threads and catches wasm traps with them */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigsuspend), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall),
    /* clock, misc */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(getpid), SCMP_SYS(getrandom), SCMP_SYS(getrusage),
    SCMP_SYS(exit), SCMP_SYS(exit_group),
    /* channel */
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(close), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl),
    /* the engine's allocator reads an inherited statm; Durable Object storage works on passed
       descriptors */
    SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(ftruncate), SCMP_SYS(fstat),
    SCMP_SYS(fdatasync)};

static const int advices[] = {MADV_DONTNEED, MADV_FREE,     MADV_DONTDUMP,
                              MADV_DODUMP,   MADV_HUGEPAGE, MADV_NOHUGEPAGE};
static const int fcntl_commands[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL};

/* Bits of clone's flags that decide: a thread of ours, or a plain fork, and nothing else. */
#define CLONE_NEW_ANY                                                                              \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |  \
     CLONE_NEWNET)
#define CLONE_THREAD_BITS (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND)
#define CLONE_DECIDING                                                                             \
    (CLONE_THREAD_BITS | CLONE_NEW_ANY | CLONE_PTRACE | CLONE_UNTRACED | CLONE_VFORK |             \
     CLONE_PARENT | CLONE_FILES)

/* A call that this machine's architecture does not have needs no rule. */
static int plain_rule(scmp_filter_ctx ctx, uint32_t action, int number)
{
    int rc = seccomp_rule_add(ctx, action, number, 0);

    return rc == -EDOM ? 0 : rc;
}

static int add_argument_rules(scmp_filter_ctx ctx)
{
    int rc = 0;

    /* No new executable page: the engine's code pool exists before. This stops new code, not
     * injection into the pool. */
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                           SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                           SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    for (size_t i = 0; i < SLV_ARRAY_LEN(advices); i++)
        rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(madvise), 1,
                               SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)advices[i], 0));
    for (size_t i = 0; i < SLV_ARRAY_LEN(fcntl_commands); i++)
        rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                               SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)fcntl_commands[i], 0));
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                           SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
    /* fstat of newer C libraries; never by path */
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                           SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH, 0));
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                           SCMP_A0(SCMP_CMP_EQ, SLV_SANDBOX_PID_MARK, 0));
    rc |= seccomp_rule_add(
        ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_DECIDING, CLONE_THREAD_BITS | CLONE_FILES));
    /* clone3 hides its flags in memory; the C library falls back to clone */
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return rc;
}

/* What an app zygote does beyond an isolate: fork, learn of its children's end, and lock them down
 * further. */
static int add_zygote_rules(scmp_filter_ctx ctx)
{
    /* tgkill: a child has another pid than the one that stands in this filter; its own filter names
     * it again */
    static const int calls[] = {SCMP_SYS(wait4),   SCMP_SYS(waitid),     SCMP_SYS(seccomp),
                                SCMP_SYS(dup3),    SCMP_SYS(pidfd_open), SCMP_SYS(getppid),
                                SCMP_SYS(geteuid), SCMP_SYS(eventfd2),   SCMP_SYS(getdents64),
                                SCMP_SYS(tgkill),  SCMP_SYS(lseek)};
    static const int prctls[] = {PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS};
    int rc = 0;

    for (size_t i = 0; i < SLV_ARRAY_LEN(calls); i++)
        rc |= plain_rule(ctx, SCMP_ACT_ALLOW, calls[i]);
    for (size_t i = 0; i < SLV_ARRAY_LEN(prctls); i++)
        rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                               SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)prctls[i], 0));
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                           SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_DECIDING, 0));
    return rc;
}

/*
 * What a keeper does beyond an isolate: SQLite by path, below the one directory that Landlock
 * leaves it. It holds no socket but those that main gave it and can make none.
 */
static int add_keeper_rules(scmp_filter_ctx ctx)
{
    static const int calls[] = {SCMP_SYS(openat),
                                SCMP_SYS(open),
                                SCMP_SYS(newfstatat),
                                SCMP_SYS(statx),
                                SCMP_SYS(stat),
                                SCMP_SYS(lstat),
                                SCMP_SYS(lseek),
                                SCMP_SYS(unlink),
                                SCMP_SYS(unlinkat),
                                SCMP_SYS(fsync),
                                SCMP_SYS(readlink),
                                SCMP_SYS(readlinkat),
                                SCMP_SYS(getcwd),
                                SCMP_SYS(geteuid),
                                SCMP_SYS(getuid),
                                SCMP_SYS(access),
                                SCMP_SYS(faccessat),
                                SCMP_SYS(faccessat2),
                                SCMP_SYS(mkdir),
                                SCMP_SYS(mkdirat),
                                SCMP_SYS(rmdir),
                                SCMP_SYS(rename),
                                SCMP_SYS(renameat),
                                SCMP_SYS(renameat2),
                                SCMP_SYS(getdents64),
                                SCMP_SYS(fallocate),
                                SCMP_SYS(fchmod),
                                SCMP_SYS(fchown),
                                SCMP_SYS(copy_file_range),
                                SCMP_SYS(sendfile),
                                SCMP_SYS(utimensat),
                                SCMP_SYS(flock),
                                SCMP_SYS(dup3),
                                SCMP_SYS(eventfd2),
                                SCMP_SYS(pwritev),
                                SCMP_SYS(preadv),
                                SCMP_SYS(preadv2),
                                SCMP_SYS(shutdown),
                                SCMP_SYS(fadvise64),
                                SCMP_SYS(sysinfo)};
    static const int locks[] = {F_SETLK, F_SETLKW, F_GETLK, F_DUPFD_CLOEXEC};
    int rc = 0;

    for (size_t i = 0; i < SLV_ARRAY_LEN(calls); i++)
        rc |= plain_rule(ctx, SCMP_ACT_ALLOW, calls[i]);
    for (size_t i = 0; i < SLV_ARRAY_LEN(locks); i++)
        rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                               SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)locks[i], 0));
    /* it hides its memory once main has looked at it */
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 2,
                           SCMP_A0(SCMP_CMP_EQ, PR_SET_DUMPABLE, 0), SCMP_A1(SCMP_CMP_EQ, 0, 0));
    /* its loop makes what it was given non-blocking so */
    rc |=
        seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, FIONBIO, 0));
    return rc;
}

/* With KILL as the default these must still fail softly: libraries try them and go on without. */
static int add_soft_rules(scmp_filter_ctx ctx)
{
    static const int calls[] = {SCMP_SYS(sched_setscheduler),
                                SCMP_SYS(access),
                                SCMP_SYS(faccessat),
                                SCMP_SYS(faccessat2),
                                SCMP_SYS(openat),
                                SCMP_SYS(open),
                                SCMP_SYS(readlink),
                                SCMP_SYS(readlinkat),
                                SCMP_SYS(sysinfo),
                                SCMP_SYS(uname),
                                SCMP_SYS(stat),
                                SCMP_SYS(statx),
                                SCMP_SYS(landlock_create_ruleset),
                                SCMP_SYS(capset),
                                SCMP_SYS(getcwd),
                                SCMP_SYS(ioctl),
                                SCMP_SYS(prlimit64)};
    int rc = 0;

    for (size_t i = 0; i < SLV_ARRAY_LEN(calls); i++)
        rc |= plain_rule(ctx, SCMP_ACT_ERRNO(EPERM), calls[i]);
    return rc;
}

static slv_code export_program(scmp_filter_ctx ctx, slv_sandbox_filter *ret, slv_err *err)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    struct sock_filter *code = NULL;
    struct stat st;

    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "sandbox: memfd_create");
    if (seccomp_export_bpf(ctx, fd) == 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
        size_t size = (size_t)st.st_size;

        code = slv_alloc(size);
        if (pread(fd, code, size, 0) == (ssize_t)size) {
            ret->code = SLV_STEAL(code);
            ret->len = (unsigned short)(size / sizeof(struct sock_filter));
        }
    }
    close(fd);
    free(code);
    return ret->code ? SLV_OK : slv_fail(err, SLV_E_IO, "sandbox: cannot export the filter");
}

slv_code slv_sandbox_filter_build(slv_sandbox_role role, slv_sandbox_mode mode,
                                  slv_sandbox_filter *ret, slv_err *err)
{
    uint32_t otherwise = mode == SLV_SANDBOX_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM);
    scmp_filter_ctx ctx = seccomp_init(otherwise);
    slv_code code = SLV_OK;
    int rc = 0;

    if (!ctx)
        return slv_fail(err, SLV_E_NOMEM, "sandbox: seccomp_init");
    *ret = (slv_sandbox_filter){0};
    rc |= seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    for (size_t i = 0; i < SLV_ARRAY_LEN(plain_calls); i++)
        rc |= plain_rule(ctx, SCMP_ACT_ALLOW, plain_calls[i]);
    rc |= add_argument_rules(ctx);
    if (role == SLV_SANDBOX_APP_ZYGOTE)
        rc |= add_zygote_rules(ctx);
    if (role == SLV_SANDBOX_KEEPER)
        rc |= add_keeper_rules(ctx);
    if (mode == SLV_SANDBOX_KILL && role != SLV_SANDBOX_KEEPER)
        rc |= add_soft_rules(ctx);
    if (rc != 0)
        code = slv_fail(err, SLV_E_UNSUPPORTED, "sandbox: libseccomp does not take a rule");
    if (code == SLV_OK)
        code = export_program(ctx, ret, err);
    seccomp_release(ctx);
    return code;
}

void slv_sandbox_filter_done(slv_sandbox_filter *f)
{
    free(f->code);
    *f = (slv_sandbox_filter){0};
}
