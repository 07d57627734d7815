/*
 * The sandbox, tried from inside by native code: whatever an attacker who took the engine over
 * could attempt, one row for each. A child locks itself down as an isolate does and reports through
 * memory shared with the test.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/sandbox.h"
#include "support/tap.h"

static pid_t outside; /* stands for main */
static int held;      /* a descriptor that the child has */

static bool call(long number, long a, long b, long c, long d, long e)
{
    return syscall(number, a, b, c, d, e) >= 0;
}

#define ADDR(x) ((long)(intptr_t)(x))

static bool read_file(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0;
}
static bool read_maps(void)
{
    return open("/proc/self/maps", O_RDONLY) >= 0;
}
static bool read_main(void)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/mem", (int)outside);
    return open(path, O_RDONLY) >= 0;
}
static bool make_file(void)
{
    return open("/tmp/selvage-sandbox-test", O_CREAT | O_WRONLY, 0600) >= 0;
}
static bool path_only(void)
{
    return open("/etc/passwd", O_PATH) >= 0;
}
static bool stat_path(void)
{
    struct stat st;

    return stat("/etc/passwd", &st) == 0;
}
static bool try_rename(void)
{
    return rename("/tmp/a", "/tmp/b") == 0 || errno == ENOENT;
}
static bool try_unlink(void)
{
    return unlink("/tmp/selvage-none") == 0 || errno == ENOENT;
}
static bool try_chdir(void)
{
    return chdir("/") == 0;
}
static bool try_openat2(void)
{
    struct {
        uint64_t flags, mode, resolve;
    } how = {O_RDONLY, 0, 0};

    return call(SYS_openat2, AT_FDCWD, ADDR("/etc/passwd"), ADDR(&how), sizeof how, 0);
}
static bool socket_inet(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}
static bool socket_inet6(void)
{
    return socket(AF_INET6, SOCK_DGRAM, 0) >= 0;
}
static bool socket_unix(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}
static bool socket_netlink(void)
{
    return socket(AF_NETLINK, SOCK_RAW, 0) >= 0;
}
static bool socket_pair(void)
{
    int fds[2];

    return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0;
}
static bool make_pipe(void)
{
    int fds[2];

    return pipe(fds) == 0;
}
static bool trace_main(void)
{
    return ptrace(PTRACE_ATTACH, outside, NULL, NULL) == 0;
}
static bool trace_me(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
}
static bool kill_main(void)
{
    return kill(outside, 0) == 0;
}
static bool tgkill_main(void)
{
    return call(SYS_tgkill, outside, outside, 0, 0, 0);
}
static bool kill_all(void)
{
    return kill(-1, 0) == 0;
}
static bool pidfd_main(void)
{
    return call(SYS_pidfd_open, outside, 0, 0, 0, 0);
}
static bool read_memory_of_main(void)
{
    char byte;
    struct iovec local = {&byte, 1}, remote = {&held, 1};

    return process_vm_readv(outside, &local, 1, &remote, 1, 0) >= 0;
}
static bool limit_main(void)
{
    struct rlimit limit;

    return prlimit(outside, RLIMIT_NOFILE, NULL, &limit) == 0;
}
static bool priority_main(void)
{
    return setpriority(PRIO_PROCESS, (id_t)outside, 5) == 0;
}
static bool affinity_main(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(0, &set);
    return sched_setaffinity(outside, sizeof set, &set) == 0;
}
static bool plain_fork(void)
{
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (pid == 0)
        _exit(0);
    return pid > 0;
}
static bool clone_user(void)
{
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER, 0, 0, 0, 0);

    if (pid == 0)
        _exit(0);
    return pid > 0;
}
static bool clone_three(void)
{
    uint64_t args[11] = {0};

    args[4] = SIGCHLD;
    pid_t pid = (pid_t)syscall(SYS_clone3, args, sizeof args);
    if (pid == 0)
        _exit(0);
    return pid > 0;
}
static bool try_unshare(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}
static bool try_setns(void)
{
    return setns(held, 0) == 0 || errno == EINVAL;
}
static bool try_exec(void)
{
    char *argv[] = {(char *)(size_t) "true", NULL};

    (void)execve("/bin/true", argv, NULL);
    return errno != EPERM;
}
static bool try_uring(void)
{
    struct io_uring_params params = {0};

    return call(SYS_io_uring_setup, 1, ADDR(&params), 0, 0, 0);
}
static bool try_userfault(void)
{
    return call(SYS_userfaultfd, 0, 0, 0, 0, 0);
}
static bool try_keyctl(void)
{
    return call(SYS_keyctl, 0, -3, 1, 0, 0);
}
static bool try_memfd(void)
{
    return memfd_create("x", 0) >= 0;
}
static bool try_shm(void)
{
    return shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600) >= 0;
}
static bool try_personality(void)
{
    return personality(0xffffffff) >= 0;
}
static bool try_inotify(void)
{
    return call(SYS_inotify_init1, 0, 0, 0, 0, 0);
}
static bool try_perf(void)
{
    char attr[128] = {0};

    return call(SYS_perf_event_open, ADDR(attr), 0, -1, -1, 0);
}
static bool try_bpf(void)
{
    char attr[128] = {0};

    return call(SYS_bpf, 0, ADDR(attr), sizeof attr, 0, 0);
}
static bool try_mount(void)
{
    return mount("none", "/tmp", "tmpfs", 0, NULL) == 0;
}
static bool try_chroot(void)
{
    return chroot("/") == 0;
}
static bool try_root(void)
{
    return setresuid(0, 0, 0) == 0;
}
static bool exec_pages(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) != MAP_FAILED;
}
static bool make_exec(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}
static bool own_signals_to_main(void)
{
    return fcntl(held, F_SETOWN, outside) == 0;
}
static bool terminal_input(void)
{
    return ioctl(held, TIOCSTI, "x") == 0 || errno == ENOTTY;
}
static bool duplicate(void)
{
    return dup(held) >= 0;
}
static bool raise_limit(void)
{
    struct rlimit limit = {4096, 4096};

    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}
static bool leave_parent(void)
{
    return prctl(PR_SET_PDEATHSIG, 0) == 0;
}
static bool set_clock(void)
{
    struct timespec ts = {0};

    return clock_settime(CLOCK_REALTIME, &ts) == 0;
}
static bool try_reboot(void)
{
    return call(SYS_reboot, 0, 0, 0, 0, 0);
}

/* clang-format off */
#define ATTEMPTS(X) \
    X(read_file) X(read_maps) X(read_main) X(make_file) \
    X(path_only) X(stat_path) X(try_rename) X(try_unlink) \
    X(try_chdir) X(try_openat2) X(socket_inet) X(socket_inet6) \
    X(socket_unix) X(socket_netlink) X(socket_pair) X(make_pipe) \
    X(trace_main) X(trace_me) X(kill_main) X(tgkill_main) \
    X(kill_all) X(pidfd_main) X(read_memory_of_main) X(limit_main) \
    X(priority_main) X(affinity_main) X(plain_fork) X(clone_user) \
    X(clone_three) X(try_unshare) X(try_setns) X(try_exec) \
    X(try_uring) X(try_userfault) X(try_keyctl) X(try_memfd) \
    X(try_shm) X(try_personality) X(try_inotify) X(try_perf) \
    X(try_bpf) X(try_mount) X(try_chroot) X(try_root) \
    X(exec_pages) X(make_exec) X(own_signals_to_main) X(terminal_input) \
    X(duplicate) X(raise_limit) X(leave_parent) X(set_clock) \
    X(try_reboot)
/* clang-format on */

static const struct {
    const char *name;
    bool (*run)(void);
} attempts[] = {
#define X(name) {#name, name},
    ATTEMPTS(X)
#undef X
};

/* What an isolate needs goes on working under the filter. */
static bool needs_work(void)
{
    struct timespec ts;
    unsigned char bytes[8];
    void *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p != MAP_FAILED && madvise(p, 1 << 20, MADV_DONTNEED) == 0 &&
           mprotect(p, 1 << 20, PROT_NONE) == 0 && munmap(p, 1 << 20) == 0 &&
           clock_gettime(CLOCK_MONOTONIC, &ts) == 0 && getpid() > 0 &&
           syscall(SYS_getrandom, bytes, sizeof bytes, 0) == sizeof bytes &&
           call(SYS_tgkill, getpid(), (long)syscall(SYS_gettid), 0, 0, 0);
}

static void *thread_body(void *arg)
{
    *(bool *)arg = open("/etc/passwd", O_RDONLY) < 0;
    return arg;
}

/* A thread that is made under the filter, and is under it. */
static bool thread_works(void)
{
    pthread_t thread;
    bool refused = false;

    return pthread_create(&thread, NULL, thread_body, &refused) == 0 &&
           pthread_join(thread, NULL) == 0 && refused;
}

struct report {
    slv_code entered;
    slv_sandbox_report sandbox;
    bool works, threads, done;
    bool succeeded[SLV_ARRAY_LEN(attempts)];
};

static struct report *share(void)
{
    return mmap(NULL, sizeof(struct report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                0);
}

static void run_inside(struct report *r, slv_sandbox_mode mode)
{
    slv_sandbox_options options = {.role = SLV_SANDBOX_ISOLATE, .mode = mode, .parent = outside};

    r->entered = slv_sandbox_enter(&options, &r->sandbox, NULL);
    if (r->entered != SLV_OK)
        return;
    r->works = needs_work();
    r->threads = thread_works();
    for (size_t i = 0; mode == SLV_SANDBOX_ERRNO && i < SLV_ARRAY_LEN(attempts); i++)
        r->succeeded[i] = attempts[i].run();
    r->done = true;
}

TEST(native_code_inside_reaches_nothing)
{
    struct report *r = share();
    pid_t pid;
    int status;

    CHECK(r != MAP_FAILED);
    outside = getpid();
    held = open("/dev/null", O_RDWR);
    pid = fork();
    if (pid == 0) {
        run_inside(r, SLV_SANDBOX_ERRNO);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_INT(status, 0);
    CHECK_INT(r->entered, SLV_OK);
    CHECK(r->done);
    CHECK(r->works);
    CHECK(r->threads);
    CHECK((r->sandbox.layers & (SLV_SANDBOX_NNP | SLV_SANDBOX_SECCOMP)) ==
          (SLV_SANDBOX_NNP | SLV_SANDBOX_SECCOMP));
    for (size_t i = 0; i < SLV_ARRAY_LEN(attempts); i++) {
        if (r->succeeded[i])
            tap_failed(__FILE__, __LINE__, "%s succeeded inside the sandbox", attempts[i].name);
    }
    tap_note("%zu attempts refused, layers %#x, Landlock ABI %d", SLV_ARRAY_LEN(attempts),
             r->sandbox.layers, r->sandbox.landlock_abi);
    close(held);
    munmap(r, sizeof *r);
}

TEST(without_the_sandbox_attempts_succeed_so_that_the_test_can_see)
{
    held = open("/dev/null", O_RDWR);
    outside = getpid();
    CHECK(read_file());
    CHECK(socket_unix());
    CHECK(plain_fork());
    CHECK(exec_pages());
    CHECK(kill_main());
    CHECK(limit_main());
    close(held);
}

TEST(kill_mode_ends_the_process_at_a_call_that_is_not_known)
{
    struct report *r = share();
    pid_t pid;
    int status;

    outside = getpid();
    pid = fork();
    if (pid == 0) {
        run_inside(r, SLV_SANDBOX_KILL);
        (void)socket_unix();
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(r->done);
    CHECK(r->works);
    CHECK(WIFSIGNALED(status));
    CHECK_INT(WTERMSIG(status), SIGSYS);
    munmap(r, sizeof *r);
}

TEST(a_parent_that_is_gone_is_noticed)
{
    slv_sandbox_options options = {.role = SLV_SANDBOX_ISOLATE, .parent = 1};
    pid_t pid = fork();
    slv_sandbox_report report;
    int status;

    if (pid == 0) /* our parent is not process 1 */
        _exit(slv_sandbox_enter(&options, &report, NULL) == SLV_E_CANCELED ? 0 : 1);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_INT(status, 0);
}

/* ---- a keeper: as an isolate, but for one directory ---- */

static char kept_dir[256];

static bool works_in_its_directory(void)
{
    char path[300], other[300];
    int fd;

    snprintf(path, sizeof path, "%s/a", kept_dir);
    snprintf(other, sizeof other, "%s/b", kept_dir);
    fd = open(path, O_CREAT | O_RDWR, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && rename(path, other) == 0 &&
           unlink(other) == 0 && mkdir(path, 0700) == 0 && rmdir(path) == 0;
}

/* These are not refused by the filter but by Landlock, or are what it may do. stat tells a keeper
 * that a path exists, and nothing of what stands there. */
static bool keepers_own(const char *name)
{
    static const char *const own[] = {"stat_path", "path_only", "duplicate", "try_rename",
                                      "try_unlink"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(own); i++)
        if (strcmp(name, own[i]) == 0)
            return true;
    return false;
}

TEST(a_keeper_works_in_its_directory_and_nowhere_else)
{
    slv_sandbox_options options = {.role = SLV_SANDBOX_KEEPER, .dir = kept_dir};
    struct report *r = share();
    char outside_file[300];
    pid_t pid;
    int status;

    snprintf(kept_dir, sizeof kept_dir, "%s/kept", tap_tmpdir());
    snprintf(outside_file, sizeof outside_file, "%s/neighbour", tap_tmpdir());
    CHECK(mkdir(kept_dir, 0700) == 0);
    CHECK(creat(outside_file, 0600) >= 0);
    outside = options.parent = getpid();
    held = open("/dev/null", O_RDWR);
    pid = fork();
    if (pid == 0) {
        r->entered = slv_sandbox_enter(&options, &r->sandbox, NULL);
        r->works = works_in_its_directory() && needs_work();
        r->threads = open(outside_file, O_RDWR) < 0 && unlink(outside_file) != 0 &&
                     open(tap_tmpdir(), O_RDONLY | O_DIRECTORY) < 0;
        for (size_t i = 0; i < SLV_ARRAY_LEN(attempts); i++)
            r->succeeded[i] = !keepers_own(attempts[i].name) && attempts[i].run();
        r->done = true;
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_INT(status, 0);
    CHECK_INT(r->entered, SLV_OK);
    CHECK(r->works);
    if (!(r->sandbox.layers & SLV_SANDBOX_LANDLOCK)) {
        tap_skip("no Landlock");
        return;
    }
    CHECK(r->threads);
    for (size_t i = 0; i < SLV_ARRAY_LEN(attempts); i++) {
        if (r->succeeded[i])
            tap_failed(__FILE__, __LINE__, "%s succeeded in a keeper", attempts[i].name);
    }
    close(held);
    munmap(r, sizeof *r);
}

/* ---- a tool: somebody else's program ---- */

TEST(a_tool_reads_itself_and_nothing_else)
{
    struct report *r = share();
    pid_t pid;
    int status, binary = -1;

    outside = getpid();
    pid = fork();
    if (pid == 0) {
        r->entered = slv_sandbox_tool(outside, "/bin/sleep", &binary, NULL);
        r->works = binary >= 0 && open("/bin/sleep", O_RDONLY) >= 0;
        r->threads = !read_file() && !make_file() && !socket_inet() && !socket_unix() &&
                     !socket_pair() && !trace_main() && !kill_main() && !plain_fork() &&
                     !try_unshare() && !try_uring() && !read_memory_of_main() &&
                     execl("/bin/true", "true", (char *)NULL) < 0;
        r->done = true;
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_INT(status, 0);
    CHECK_INT(r->entered, SLV_OK);
    CHECK(r->works);
    CHECK(r->threads || slv_sandbox_landlock_abi() == 0);
    munmap(r, sizeof *r);
}

TEST(the_floor_is_told)
{
    slv_err err = {0};
    slv_code code = slv_sandbox_floor(&err);

    CHECK(code == (slv_sandbox_landlock_abi() > 0 ? SLV_OK : SLV_E_DENIED));
}

/* ---- main's look at the process ---- */

struct look {
    int go[2], ready[2];
    pid_t pid;
};

enum { LOOK_LOCKED, LOOK_NAKED, LOOK_EXTRA_FILE, LOOK_EXTRA_SOCKET };

static void child_of_look(const struct look *l, int kind)
{
    slv_sandbox_options options = {.role = SLV_SANDBOX_ISOLATE};
    slv_sandbox_report report;
    char byte = 0;

    for (int fd = 3; fd < 256; fd++) {
        if (fd != l->go[0] && fd != l->ready[1])
            close(fd);
    }
    for (int fd = 0; fd < 3; fd++) {
        int null = open("/dev/null", O_RDWR);

        if (null >= 0 && null != fd) {
            dup2(null, fd);
            close(null);
        }
    }
    if (kind == LOOK_EXTRA_FILE && open("/etc/passwd", O_RDONLY) < 0)
        _exit(2);
    if (kind == LOOK_EXTRA_SOCKET && socket(AF_INET, SOCK_STREAM, 0) < 0)
        _exit(2);
    if (kind != LOOK_NAKED && slv_sandbox_enter(&options, &report, NULL) != SLV_OK)
        _exit(3);
    if (write(l->ready[1], &byte, 1) != 1 || read(l->go[0], &byte, 1) < 0)
        _exit(4);
    _exit(0);
}

static void name_of(int fd, const char *kind, char *out, size_t size)
{
    struct stat st = {0};

    (void)fstat(fd, &st);
    snprintf(out, size, "%s:[%lu]", kind, (unsigned long)st.st_ino);
}

static slv_code look_at(int kind, slv_err *err)
{
    slv_sandbox_expect expect = {.mode = SLV_SANDBOX_ERRNO};
    char errors[64], channel[64];
    struct look l;
    slv_code code = SLV_E_IO;
    char byte;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, l.go) != 0 || pipe(l.ready) != 0)
        return SLV_E_IO;
    name_of(l.ready[1], "pipe", errors, sizeof errors);
    name_of(l.go[0], "socket", channel, sizeof channel);
    expect.errors = errors;
    expect.channel = channel;
    l.pid = fork();
    if (l.pid == 0)
        child_of_look(&l, kind);
    close(l.ready[1]);
    close(l.go[0]);
    if (read(l.ready[0], &byte, 1) == 1)
        code = slv_sandbox_verify(l.pid, &expect, err);
    close(l.go[1]);
    close(l.ready[0]);
    waitpid(l.pid, NULL, 0);
    return code;
}

TEST(main_accepts_a_process_that_is_locked_down)
{
    slv_err err = {.code = SLV_OK};

    if (look_at(LOOK_LOCKED, &err) != SLV_OK)
        tap_failed(__FILE__, __LINE__, "refused: %s", slv_err_text(&err));
}

TEST(main_refuses_a_process_that_only_claims_it)
{
    slv_err err;

    CHECK_INT(look_at(LOOK_NAKED, &err), SLV_E_DENIED);
    CHECK(strstr(err.message, "filter"));
}

TEST(main_refuses_a_process_that_holds_a_file_or_a_socket)
{
    slv_err err;

    CHECK_INT(look_at(LOOK_EXTRA_FILE, &err), SLV_E_DENIED);
    CHECK(strstr(err.message, "/etc/passwd"));
    CHECK_INT(look_at(LOOK_EXTRA_SOCKET, &err), SLV_E_DENIED);
    CHECK(strstr(err.message, "socket:"));
}

TEST(an_app_zygote_may_fork_and_lock_its_children_down_further)
{
    slv_sandbox_options outer = {.role = SLV_SANDBOX_APP_ZYGOTE};
    slv_sandbox_filter inner = {0};
    slv_sandbox_report report;
    pid_t pid;
    int status;

    CHECK(slv_sandbox_filter_build(SLV_SANDBOX_ISOLATE, SLV_SANDBOX_ERRNO, &inner, NULL) == SLV_OK);
    pid = fork();
    if (pid == 0) {
        slv_sandbox_options again = {.role = SLV_SANDBOX_ISOLATE, .filter = &inner};
        pid_t child;

        if (slv_sandbox_enter(&outer, &report, NULL) != SLV_OK || socket_unix())
            _exit(2);
        child = fork();
        if (child == 0) {
            if (slv_sandbox_enter(&again, &report, NULL) != SLV_OK)
                _exit(3);
            _exit(plain_fork() || !needs_work() ? 4 : 0);
        }
        if (child < 0 || waitpid(child, &status, 0) != child)
            _exit(5);
        _exit(WEXITSTATUS(status));
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_INT(WEXITSTATUS(status), 0);
    slv_sandbox_filter_done(&inner);
}

TAP_MAIN()
