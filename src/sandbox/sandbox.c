#include "sandbox/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "sandbox/sandbox_int.h"

slv_sandbox_mode slv_sandbox_mode_env(void)
{
    const char *mode = getenv("SELVAGE_SANDBOX");

    if (mode && strcmp(mode, "off") == 0)
        return SLV_SANDBOX_OFF;
    if (mode && strcmp(mode, "kill") == 0)
        return SLV_SANDBOX_KILL;
    return SLV_SANDBOX_ERRNO;
}

/* A parent that died before the prctl is not noticed by it: hence the second look. */
static bool tie_to_parent(pid_t parent)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

static bool set_rlimits(void)
{
    static const struct {
        __rlimit_resource_t what;
        rlim_t value;
    } rows[] = {
        {RLIMIT_NOFILE, SLV_SANDBOX_NOFILE},
        {RLIMIT_CORE, 0},
        {RLIMIT_MEMLOCK, 0},
        {RLIMIT_MSGQUEUE, 0},
    };
    bool ok = true;

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        struct rlimit limit = {rows[i].value, rows[i].value};

        ok = setrlimit(rows[i].what, &limit) == 0 && ok;
    }
    return ok;
}

/* Raised, which needs no privilege: when the machine runs out of memory an isolate goes before
 * main. */
void slv_sandbox_offer_to_oom_(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd >= 0) {
        ssize_t n = write(fd, "800", 3);

        (void)n; /* a kernel that refuses loses nothing but the preference */
        close(fd);
    }
}

/* Root keeps extras that no other layer takes away. Ids that a container does not map give EINVAL:
   nobody is mapped nearly everywhere. */
bool slv_sandbox_leave_root_(uid_t uid)
{
    gid_t gid = (gid_t)uid;

    if (geteuid() != 0)
        return false;
    if (setgroups(0, NULL) != 0 && errno != EPERM)
        return false;
    if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) {
        if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
            return false;
    }
    return geteuid() != 0;
}

bool slv_sandbox_drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    return syscall(SYS_capset, &head, none) == 0;
}

static unsigned thread_count(void)
{
    DIR *dir = opendir("/proc/self/task");
    unsigned n = 0;

    if (!dir)
        return 0;
    for (struct dirent *e; (e = readdir(dir));)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* Loads f with our own pid in it, on all threads at once. */
static slv_code load_filter(const slv_sandbox_filter *f, slv_err *err)
{
    size_t size = f->len * sizeof(struct sock_filter);
    SLV_CLEANUP(slv_free) void *copy = slv_alloc(size);
    struct sock_filter *code = copy;
    struct sock_fprog program = {f->len, code};

    memcpy(code, f->code, size);
    for (unsigned i = 0; i < f->len; i++) {
        if (code[i].k == SLV_SANDBOX_PID_MARK)
            code[i].k = (uint32_t)getpid();
    }
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
        return slv_fail_errno(err, SLV_E_DENIED, "sandbox: seccomp");
    return SLV_OK;
}

void slv_sandbox_hide(void)
{
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* fails for wrong arguments alone */
}

slv_code slv_sandbox_enter(const slv_sandbox_options *options, slv_sandbox_report *ret,
                           slv_err *err)
{
    SLV_CLEANUP(slv_sandbox_filter_done) slv_sandbox_filter own = {0};
    const slv_sandbox_filter *filter = options->filter;
    slv_sandbox_report report = {0};

    if (options->mode == SLV_SANDBOX_OFF) {
        *ret = report;
        return SLV_OK;
    }
    if (!filter) {
        SLV_TRY(slv_sandbox_filter_build(options->role, options->mode, &own, err));
        filter = &own;
    }
    slv_sandbox_offer_to_oom_();
    if (set_rlimits())
        report.layers |= SLV_SANDBOX_RLIMITS;
    bool keeps_uid = options->role == SLV_SANDBOX_KEEPER;
    if (!keeps_uid && slv_sandbox_leave_root_(options->uid ? options->uid : SLV_SANDBOX_UID))
        report.layers |= SLV_SANDBOX_OWN_UID;
    else if (!keeps_uid && geteuid() == 0)
        return slv_fail(err, SLV_E_DENIED, "sandbox: cannot stop being root");
    (void)slv_sandbox_drop_capabilities(); /* an app zygote's child has none, and no such call */
    /* after the change of uid, which clears it */
    if (options->parent != 0) {
        if (!tie_to_parent(options->parent))
            return slv_fail(err, SLV_E_CANCELED, "sandbox: the parent is gone");
        report.layers |= SLV_SANDBOX_PDEATH;
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return slv_fail_errno(err, SLV_E_DENIED, "sandbox: no_new_privs");
    report.layers |= SLV_SANDBOX_NNP;
    report.landlock_all_threads = thread_count() == 1;
    report.landlock_abi = slv_landlock_restrict(&(slv_landlock_rules){.dir = options->dir});
    if (report.landlock_abi > 0)
        report.layers |= SLV_SANDBOX_LANDLOCK;
    SLV_TRY(load_filter(filter, err));
    report.layers |= SLV_SANDBOX_SECCOMP;
    *ret = report;
    return SLV_OK;
}
