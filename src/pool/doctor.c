#include "pool/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pool/environment.h"
#include "sandbox/sandbox.h"

#define NOFILE_WANTED 8192 /* an isolate costs main four, a connection one */

typedef struct doctor {
    const slv_doctor_options *options;
    void (*row)(void *user, const slv_doctor_row *row);
    void *user;
    slv_doctor_level worst;
} doctor;

const char *slv_doctor_level_name(slv_doctor_level level)
{
    return level == SLV_DOCTOR_OK ? "ok" : level == SLV_DOCTOR_WARN ? "warn" : "fail";
}

static void give(doctor *d, slv_doctor_row *row)
{
    if (row->level > d->worst)
        d->worst = row->level;
    d->row(d->user, row);
}

#define SET(field, ...) (void)snprintf((field), sizeof(field), __VA_ARGS__)

static bool read_small(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, size - 1) : -1;

    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = 0;
    out[strcspn(out, "\n")] = 0;
    return n > 0;
}

static void check_kernel(doctor *d)
{
    slv_doctor_row row = {.check = "kernel"};
    struct utsname u;
    unsigned major = 0, minor = 0;

    if (uname(&u) == 0) /* NOLINTNEXTLINE(cert-err34-c): the kernel writes it */
        (void)sscanf(u.release, "%u.%u", &major, &minor);
    SET(row.text, "Linux %s on %s", u.release, u.machine);
    if (major < 5 || (major == 5 && minor < 9)) {
        row.level = SLV_DOCTOR_FAIL;
        SET(row.hint, "selvage needs Linux 5.9 or later (pidfd, close_range, clone3)");
    }
    give(d, &row);
}

static void check_pidfd(doctor *d)
{
    slv_doctor_row row = {.check = "pidfd"};
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

    if (fd >= 0) {
        SET(row.text, "processes are named by descriptors");
        close(fd);
    } else {
        row.level = SLV_DOCTOR_FAIL;
        SET(row.text, "pidfd_open: %s", strerror(errno));
        SET(row.hint, "a container's seccomp profile may forbid it: allow pidfd_open and "
                      "pidfd_send_signal");
    }
    give(d, &row);
}

static void check_seccomp(doctor *d)
{
    slv_doctor_row row = {.check = "seccomp"};

    if (slv_sandbox_seccomp_works()) {
        SET(row.text, "isolates have no call that opens a file, a socket or a process");
    } else {
        row.level = SLV_DOCTOR_FAIL;
        SET(row.text, "a system call filter cannot be loaded");
        SET(row.hint, "the kernel needs CONFIG_SECCOMP_FILTER, and a container must not forbid "
                      "seccomp and prctl; without it no isolate starts");
    }
    give(d, &row);
}

/* What `serve` asks before it takes a second account. */
static void check_accounts(doctor *d)
{
    slv_doctor_row row = {.check = "several accounts"};
    slv_err err = {.code = SLV_OK};

    if (slv_sandbox_floor(&err) == SLV_OK) {
        SET(row.text, "kept apart: system call filter, and Landlock for their databases");
    } else {
        row.level = SLV_DOCTOR_WARN;
        SET(row.text, "%s", slv_err_text(&err));
        SET(row.hint, "serve refuses a second account, unless --allow-weak-sandbox");
    }
    give(d, &row);
}

static void check_landlock(doctor *d)
{
    slv_doctor_row row = {.check = "Landlock"};
    int abi = slv_sandbox_landlock_abi();

    if (abi >= 6) {
        SET(row.text, "ABI %d: files, TCP, signals and abstract sockets", abi);
    } else if (abi > 0) {
        SET(row.text, "ABI %d: files%s; seccomp covers the rest", abi, abi >= 4 ? " and TCP" : "");
    } else {
        row.level = SLV_DOCTOR_WARN;
        SET(row.text, "not there; seccomp alone keeps isolates from files");
        SET(row.hint, "kernel 5.13 or later with \"landlock\" in the lsm= boot parameter");
    }
    give(d, &row);
}

static void check_namespaces(doctor *d)
{
    slv_doctor_row row = {.check = "namespaces"};

    if (slv_sandbox_namespaces() != 0) {
        SET(row.text, "zygotes and their isolates get their own pid, network, ipc and uts");
    } else {
        row.level = SLV_DOCTOR_WARN;
        SET(row.text, "not allowed here; nothing of the floor is lost");
        SET(row.hint,
            "as a plain user: sysctl kernel.unprivileged_userns_clone=1, or "
            "kernel.apparmor_restrict_unprivileged_userns=0; in a container: CAP_SYS_ADMIN");
    }
    give(d, &row);
}

static void check_user(doctor *d)
{
    slv_doctor_row row = {.check = "user"};

    if (geteuid() == 0)
        SET(row.text, "root: isolates run as uid %d", SLV_SANDBOX_UID);
    else
        SET(row.text, "uid %u: isolates share it; seccomp keeps them apart", (unsigned)geteuid());
    give(d, &row);
}

/* Version 2 lists its controllers; version 1 mounts each on its own. */
static void check_cgroup(doctor *d)
{
    slv_doctor_row row = {.check = "memory cgroup"};
    char controllers[256];

    if (read_small("/sys/fs/cgroup/cgroup.controllers", controllers, sizeof controllers) &&
        strstr(controllers, "memory")) {
        SET(row.text, "version 2, memory controller present");
    } else if (access("/sys/fs/cgroup/memory/memory.limit_in_bytes", R_OK) == 0) {
        SET(row.text, "version 1, memory controller mounted");
    } else {
        row.level = SLV_DOCTOR_WARN;
        SET(row.text, "no memory controller: only main's own sampling bounds an isolate");
        SET(row.hint, "boot with cgroup_enable=memory, or run in a slice that delegates memory");
    }
    give(d, &row);
}

static void check_files(doctor *d)
{
    slv_doctor_row row = {.check = "open files"};
    struct rlimit limit = {0};

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    SET(row.text, "%llu, can be raised to %llu", (unsigned long long)limit.rlim_cur,
        (unsigned long long)limit.rlim_max);
    if (limit.rlim_max < NOFILE_WANTED) {
        row.level = SLV_DOCTOR_WARN;
        SET(row.hint, "raise the hard limit (ulimit -Hn, LimitNOFILE= of the unit) to %d or more",
            NOFILE_WANTED);
    }
    give(d, &row);
}

static void check_accounting(doctor *d)
{
    slv_doctor_row row = {.check = "CPU accounting"};
    struct timespec ts;
    clockid_t clock;

    if (clock_getcpuclockid(getpid(), &clock) != 0 || clock_gettime(clock, &ts) != 0) {
        row.level = SLV_DOCTOR_FAIL;
        SET(row.text, "a process's CPU clock cannot be read");
        SET(row.hint, "CPU limits cannot be kept on this kernel");
    } else if (access("/proc/self/schedstat", R_OK) != 0) {
        row.level = SLV_DOCTOR_WARN;
        SET(row.text, "no schedstat: the engine's helper threads count as the event's CPU");
        SET(row.hint, "a kernel with CONFIG_SCHED_INFO tells them apart");
    } else {
        SET(row.text, "clocks and schedstat of isolates can be read");
    }
    give(d, &row);
}

/* The engine reserves tens of gigabytes of address space that it never touches. */
static void check_overcommit(doctor *d)
{
    slv_doctor_row row = {.check = "address space"};
    char mode[16];
    struct rlimit limit = {0};
    void *p =
        mmap(NULL, (size_t)72 << 30, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    (void)read_small("/proc/sys/vm/overcommit_memory", mode, sizeof mode);
    (void)getrlimit(RLIMIT_AS, &limit);
    if (p != MAP_FAILED) {
        munmap(p, (size_t)72 << 30);
        SET(row.text, "the engine can reserve what it wants (vm.overcommit_memory=%s)", mode);
    } else {
        row.level = SLV_DOCTOR_FAIL;
        SET(row.text, "72 GB cannot be reserved (vm.overcommit_memory=%s)", mode);
        SET(row.hint, "%s",
            limit.rlim_cur != RLIM_INFINITY ? "lift the address space limit (ulimit -v unlimited)"
                                            : "sysctl vm.overcommit_memory=0");
    }
    if (row.level == SLV_DOCTOR_OK && mode[0] == '2') {
        row.level = SLV_DOCTOR_WARN;
        SET(row.hint, "sysctl vm.overcommit_memory=0: with 2 isolates fail to start under load");
    }
    give(d, &row);
}

/* ---- the engine, in a process of its own ---- */

/* Runs `program __selftest` and reads what it prints. */
static bool run_selftest(const char *program, char *out, size_t size)
{
    char *argv[] = {(char *)(size_t) "selvage: self-test", (char *)(size_t) "__selftest", NULL};
    posix_spawn_file_actions_t actions;
    int fds[2], status = -1, rc;
    size_t len = 0;
    ssize_t n = 0;
    pid_t pid = -1;

    out[0] = 0;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    rc = posix_spawn_file_actions_init(&actions);
    if (rc == 0) {
        rc = posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
        if (rc == 0)
            rc = posix_spawn(&pid, program, &actions, NULL, argv,
                             (char *const *)(size_t)slv_child_environment());
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    close(fds[1]);
    while (rc == 0 && len < size - 1 && (n = read(fds[0], out + len, size - 1 - len)) != 0) {
        if (n > 0)
            len += (size_t)n;
        else if (errno != EINTR)
            break;
    }
    out[len] = 0;
    close(fds[0]);
    if (rc != 0)
        return false;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Two lines: "engine TEXT", "fork ok" or "fork WHY". */
static void check_engine(doctor *d)
{
    slv_doctor_row engine = {.check = "engine"}, forks = {.check = "zygote"};
    const char *program = d->options->program ? d->options->program : "/proc/self/exe";
    char out[600], *fork_line;
    bool ok = run_selftest(program, out, sizeof out);

    fork_line = strstr(out, "\nfork ");
    if (fork_line) {
        *fork_line = 0;
        fork_line += 6;
        fork_line[strcspn(fork_line, "\n")] = 0;
    }
    if (strncmp(out, "engine ", 7) == 0) {
        SET(engine.text, "%.*s", SLV_DOCTOR_TEXT - 1, out + 7);
    } else {
        engine.level = SLV_DOCTOR_FAIL;
        SET(engine.text, "the JavaScript engine does not start");
        SET(engine.hint, "install libjavascriptcoregtk-4.1-0; see \"address space\" above");
    }
    give(d, &engine);
    if (ok && fork_line && strcmp(fork_line, "ok") == 0) {
        SET(forks.text, "forks of a warm engine work");
    } else {
        forks.level = SLV_DOCTOR_WARN;
        SET(forks.text, "%.*s", SLV_DOCTOR_TEXT - 1, fork_line ? fork_line : "not tried");
        SET(forks.hint, "isolates start by exec, which takes some tens of milliseconds more");
    }
    give(d, &forks);
}

slv_doctor_level slv_doctor_kernel(const slv_doctor_options *options,
                                   void (*row)(void *user, const slv_doctor_row *row), void *user)
{
    doctor d = {options, row, user, SLV_DOCTOR_OK};

    check_kernel(&d);
    check_pidfd(&d);
    check_seccomp(&d);
    check_landlock(&d);
    check_accounts(&d);
    check_namespaces(&d);
    check_user(&d);
    check_cgroup(&d);
    check_files(&d);
    check_accounting(&d);
    check_overcommit(&d);
    if (options->engine)
        check_engine(&d);
    return d.worst;
}
