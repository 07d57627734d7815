/*
 * A program of others (esbuild) that works on what strangers sent, between two pipes: it reads its
 * own binary and no other file, writes none, has no socket, and starts nothing. Its own calls are
 * its runtime's affair, so this filter says what is refused, not what is allowed: less than what
 * isolates get, for code that nobody but its authors wrote.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "sandbox/sandbox_int.h"

#define DATA_MAX ((rlim_t)3 << 30)
#define NOFILE_MAX 256

static const int refused[] = {
    /* network and other processes */
    SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen),
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal), SCMP_SYS(kcmp), SCMP_SYS(fork), SCMP_SYS(vfork),
    /* the kernel's wider surface */
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(keyctl), SCMP_SYS(add_key),
    SCMP_SYS(request_key), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(fsopen), SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(pivot_root),
    SCMP_SYS(chroot), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at), SCMP_SYS(memfd_create), SCMP_SYS(shmget), SCMP_SYS(shmat),
    SCMP_SYS(msgget), SCMP_SYS(semget), SCMP_SYS(mq_open), SCMP_SYS(inotify_init),
    SCMP_SYS(inotify_init1), SCMP_SYS(fanotify_init), SCMP_SYS(init_module), SCMP_SYS(finit_module),
    SCMP_SYS(kexec_load), SCMP_SYS(quotactl), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(reboot),
    SCMP_SYS(personality), SCMP_SYS(setpriority), SCMP_SYS(sched_setaffinity), SCMP_SYS(prlimit64)};

static int add_rules(scmp_filter_ctx ctx)
{
    int rc = 0;

    for (size_t i = 0; i < SLV_ARRAY_LEN(refused); i++) {
        int added = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), refused[i], 0);

        rc |= added == -EDOM ? 0 : added;
    }
    /* a thread of its own, and no new process or namespace; clone3 hides its flags in memory */
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                           SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return rc;
}

slv_code slv_sandbox_tool(pid_t parent, const char *binary, int *ret_binary, slv_err *err)
{
    const char *const files[] = {binary, NULL};
    const slv_landlock_rules rules = {.read_execute = files};
    struct rlimit data = {DATA_MAX, DATA_MAX}, none = {0, 0}, open_files = {NOFILE_MAX, NOFILE_MAX};
    struct stat st;
    scmp_filter_ctx ctx;
    int rc;

    *ret_binary = open(binary, O_PATH | O_CLOEXEC);
    if (*ret_binary < 0 || fstat(*ret_binary, &st) != 0)
        return slv_fail_errno(err, SLV_E_NOTFOUND, "%s", binary);
    if (slv_sandbox_mode_env() == SLV_SANDBOX_OFF)
        return SLV_OK;
#ifdef __SANITIZE_ADDRESS__ /* whose shadow is larger than any limit */
    data.rlim_cur = data.rlim_max = RLIM_INFINITY;
#endif
    (void)setrlimit(RLIMIT_DATA, &data);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)setrlimit(RLIMIT_FSIZE, &none);
    (void)setrlimit(RLIMIT_NOFILE, &open_files);
    slv_sandbox_offer_to_oom_();
    /* a binary that its owner alone may run is run by him, without his powers */
    if ((st.st_mode & S_IXOTH) && (st.st_mode & S_IROTH))
        (void)slv_sandbox_leave_root_(SLV_SANDBOX_UID);
    (void)slv_sandbox_drop_capabilities();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        return slv_fail(err, SLV_E_CANCELED, "sandbox: the parent is gone");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return slv_fail_errno(err, SLV_E_DENIED, "sandbox: no_new_privs");
    (void)slv_landlock_restrict(&rules);
    ctx = seccomp_init(SCMP_ACT_ALLOW);
    if (!ctx)
        return slv_fail(err, SLV_E_NOMEM, "sandbox: seccomp_init");
    rc = add_rules(ctx);
    if (rc == 0)
        rc = seccomp_load(ctx);
    seccomp_release(ctx);
    return rc == 0 ? SLV_OK : slv_fail(err, SLV_E_DENIED, "sandbox: seccomp: %d", rc);
}
