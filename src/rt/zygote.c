/*
 * The base zygote: an engine that is up and warm, and does nothing but fork. It never runs user
 * code, holds no file and no socket but those to main, and ends when main does.
 *
 * It forks only while it has exactly one thread: a child of a fork has one, and an engine that
 * believes in helper threads which do not exist hangs in its next collection. The helpers end some
 * eleven seconds after the last activity.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "chan/zygote_wire.h"
#include "js/version.h"
#include "rt/forktest.h"
#include "rt/title.h"
#include "rt/zygote_int.h"

#define QUIET_POLL_MS 500
#define WARM_TICKS 3 /* of QUIET_POLL_MS */

/* ---- namespaces ---- */

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return ok;
}

/* Its own user stays what it is, so that nothing outside changes hands. */
static bool map_user(uid_t uid, gid_t gid)
{
    char line[64];

    (void)write_file("/proc/self/setgroups", "deny"); /* older kernels have no such file */
    snprintf(line, sizeof line, "%u %u 1", (unsigned)uid, (unsigned)uid);
    if (!write_file("/proc/self/uid_map", line))
        return false;
    snprintf(line, sizeof line, "%u %u 1", (unsigned)gid, (unsigned)gid);
    return write_file("/proc/self/gid_map", line);
}

/*
 * Gives the zygote, and with it every isolate, pid, network, ipc and uts namespaces of its own. The
 * process that main knows stays outside and only waits; the zygote proper is process 1 within, and
 * its end takes all its isolates along. Returns in the process that goes on; false when the kernel
 * does not allow it.
 */
static bool enter_namespaces(void)
{
    uint64_t flags = slv_sandbox_namespaces();
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int status = 0;
    pid_t pid;

    if (flags == 0 || unshare((int)flags) != 0)
        return false;
    if ((flags & CLONE_NEWUSER) && !map_user(uid, gid))
        _exit(1); /* half a namespace is none: main starts by exec */
    pid = fork();
    if (pid == 0)
        return true;
    close(SLV_ZYGOTE_FD);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* ---- messages ---- */

static bool send_message(int fd, const slv_zygote_message *m, int beside)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = (void *)(size_t)m, .iov_len = sizeof *m};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (beside >= 0) {
        struct cmsghdr *c;

        memset(&control, 0, sizeof control);
        msg.msg_control = control.space;
        msg.msg_controllen = sizeof control.space;
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &beside, sizeof(int));
    }
    return sendmsg(fd, &msg, MSG_NOSIGNAL) == (ssize_t)sizeof *m;
}

/* False at the end of the socket. */
static bool receive_message(int fd, slv_zygote_message *ret, int *fds, unsigned *ret_count)
{
    union {
        char space[CMSG_SPACE(sizeof(int) * SLV_ZYGOTE_FDS)];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = ret, .iov_len = sizeof *ret};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    ssize_t n;
    const struct cmsghdr *c;

    *ret_count = 0;
    do {
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
    if (c && c->cmsg_type == SCM_RIGHTS) {
        *ret_count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(c), *ret_count * sizeof(int));
    }
    if (n != (ssize_t)sizeof *ret)
        return false;
    ret->text[SLV_ZYGOTE_TEXT - 1] = 0;
    return true;
}

static void send_state(const zygote *z, int conn)
{
    slv_zygote_message m = {
        .type = SLV_ZYGOTE_STATE, .number = z->state, .ok = z->namespaces ? 1 : 0};

    snprintf(m.text, sizeof m.text, "%s", z->text);
    (void)send_message(conn, &m, -1); /* one that is gone shows at the next poll */
}

static void set_state(zygote *z, slv_zygote_state state, const char *text)
{
    z->state = state;
    snprintf(z->text, sizeof z->text, "%s", text);
    for (size_t i = 0; i < z->conns.len; i++)
        send_state(z, z->conns.items[i]);
}

/* ---- forks ---- */

/* Through a directory that stays open: an app zygote can open none. */
static unsigned thread_count(zygote *z)
{
    unsigned n = 0;

    if (!z->tasks)
        return 0;
    rewinddir(z->tasks);
    for (struct dirent *e; (e = readdir(z->tasks));)
        n += e->d_name[0] != '.';
    return n;
}

/* The engine's allocator keeps /proc/<zygote>/statm open and would go by our memory: the child's
 * own takes its number. */
static void renew_statm(void)
{
    char path[32], target[64];

    for (int fd = RESERVED_FDS; fd < ZYGOTE_FDS; fd++) {
        ssize_t n;
        int own;

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        n = readlink(path, target, sizeof target - 1);
        if (n < 6 || memcmp(target + n - 6, "/statm", 6) != 0)
            continue;
        own = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
        if (own >= 0) {
            (void)dup3(own, fd, O_CLOEXEC);
            close(own);
        }
    }
}

/* The engine's, of its own loop and of the library's: known before anything is locked down. */
static void find_eventfds(zygote *z)
{
    char path[32], target[64];

    for (int fd = RESERVED_FDS; fd < ZYGOTE_FDS; fd++) {
        ssize_t n;

        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        n = readlink(path, target, sizeof target - 1);
        target[n > 0 ? n : 0] = 0;
        if (strcmp(target, "anon_inode:[eventfd]") != 0)
            continue;
        SLV_ASSERT(z->eventfd_count < SLV_ARRAY_LEN(z->eventfds));
        z->eventfds[z->eventfd_count++] = fd;
    }
}

/* Siblings that share one wake each other up, and could talk through it: a new one takes each
 * number. */
static void renew_eventfds(const zygote *z)
{
    for (unsigned i = 0; i < z->eventfd_count; i++) {
        int own = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

        if (own < 0 || dup3(own, z->eventfds[i], O_CLOEXEC) < 0)
            _exit(1);
        close(own);
    }
}

/* fds take the numbers from 0 on. They move above everything first, so that none is overwritten;
   dup3 because an app zygote has no fcntl that duplicates. */
static void place_descriptors(const zygote *z, const int *fds, unsigned count)
{
    int high = z->app ? HIGH_FD_APP : HIGH_FD;

    for (unsigned i = 0; i < count; i++) {
        if (dup3(fds[i], high + (int)i, O_CLOEXEC) < 0)
            _exit(1);
        close(fds[i]);
    }
    for (size_t i = 0; i < z->conns.len; i++)
        close(z->conns.items[i]);
    for (unsigned i = 0; i < count; i++) {
        if (dup3(high + (int)i, (int)i, i < 3 ? 0 : O_CLOEXEC) < 0)
            _exit(1);
        close(high + (int)i);
    }
    if (z->tasks)
        closedir(z->tasks);
}

SLV_NORETURN static void child(zygote *z, const slv_zygote_message *m, const int *fds,
                               unsigned count, pid_t parent)
{
    uint32_t layers = z->layers | (z->namespaces ? (uint32_t)SLV_SANDBOX_NAMESPACES : 0);

    place_descriptors(z, fds, count);
    z->conns.len = 0;
    z->tasks = NULL;
    slv_title_set(m->text);
    (void)prctl(PR_SET_NAME, "isolate");
    (void)signal(SIGCHLD, SIG_DFL);
    slv_hash_reseed();
    renew_statm();
    renew_eventfds(z);
    slv_rt_after_fork(z->rt);
    if (m->type == SLV_ZYGOTE_FORK_APP)
        _exit(slv_app_zygote_life(z, parent));
    _exit(slv_isolate_life(z->rt, parent, &z->filter, layers));
}

static void serve_fork(zygote *z, int conn, const slv_zygote_message *m, const int *fds,
                       unsigned count)
{
    slv_zygote_message answer = {.type = SLV_ZYGOTE_FORKED, .number = m->number};
    pid_t self = getpid(), pid = -1;
    int pidfd = -1;

    if (z->state == SLV_ZYGOTE_QUIET && thread_count(z) != 1)
        set_state(z, SLV_ZYGOTE_WARMING, "helper threads are running");
    if (z->state == SLV_ZYGOTE_QUIET)
        pid = fork();
    if (pid == 0)
        child(z, m, fds, count, self);
    if (pid > 0)
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* not reaped yet: the number is its */
    answer.ok = pidfd >= 0;
    (void)send_message(conn, &answer, pidfd);
    if (pidfd >= 0)
        close(pidfd);
}

/* ---- the loop ---- */

/* False when that connection, or main, is over. */
static bool on_readable(zygote *z, int fd)
{
    slv_zygote_message m;
    int fds[SLV_ZYGOTE_FDS];
    unsigned count;
    bool ok = receive_message(fd, &m, fds, &count);

    if (ok && fd == z->control && m.type == SLV_ZYGOTE_CONNECT && count == 1) {
        slv_vec_push(&z->conns, fds[0]);
        send_state(z, fds[0]);
        return true;
    }
    if (ok && fd != z->control &&
        ((m.type == SLV_ZYGOTE_FORK && count == SLV_ISOLATE_FDS) ||
         (m.type == SLV_ZYGOTE_FORK_APP && count == SLV_APP_FDS && !z->app)))
        serve_fork(z, fd, &m, fds, count);
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
    return ok;
}

static void look_whether_quiet(zygote *z)
{
    char why[SLV_ZYGOTE_TEXT - 32] = "", text[SLV_ZYGOTE_TEXT];

    if (z->state != SLV_ZYGOTE_WARMING)
        return;
    if (!z->app && !z->warm) { /* a little later than the first isolate's own start */
        if (++z->ticks < WARM_TICKS)
            return;
        slv_rt_warm(z->rt);
        z->warm = true;
    }
    if (thread_count(z) != 1)
        return;
    if (!z->tested) {
        z->tested = true;
        if (!slv_forktest(z->rt, why, sizeof why)) {
            snprintf(text, sizeof text, "self-test failed: %s", why);
            set_state(z, SLV_ZYGOTE_BROKEN, text);
            return;
        }
    }
    set_state(z, SLV_ZYGOTE_QUIET, "quiet");
}

int slv_zygote_serve(zygote *z)
{
    for (;;) {
        struct pollfd polls[1 + 64];
        size_t n = SLV_MIN(z->conns.len, SLV_ARRAY_LEN(polls) - 1);

        polls[0] = (struct pollfd){.fd = z->control, .events = POLLIN}; /* -1: ignored */
        for (size_t i = 0; i < n; i++)
            polls[i + 1] = (struct pollfd){.fd = z->conns.items[i], .events = POLLIN};
        (void)poll(polls, n + 1, z->state == SLV_ZYGOTE_WARMING ? QUIET_POLL_MS : -1);
        for (size_t i = n; i > 0; i--) {
            if (polls[i].revents && !on_readable(z, polls[i].fd)) {
                close(polls[i].fd);
                slv_vec_swap_remove(&z->conns, i - 1);
            }
        }
        if (polls[0].revents && !on_readable(z, z->control))
            return 0; /* main is gone */
        if (z->app && z->conns.len == 0)
            return 0; /* the one pool that it was for has no use for it */
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        look_whether_quiet(z);
    }
}

static void on_child(int number)
{
    (void)number; /* interrupts poll, so that the dead are reaped */
}

void slv_zygote_watch_children(void)
{
    struct sigaction action = {.sa_handler = on_child};

    (void)sigaction(SIGCHLD, &action, NULL);
}

int slv_role_zygote(int argc, char **argv)
{
    zygote z = {.state = SLV_ZYGOTE_WARMING, .text = "warming", .control = SLV_ZYGOTE_FD};
    slv_err err = {.code = SLV_OK};
    pid_t parent;

    if (argc < 4 || !slv_role_parent(argc, argv, &parent)) {
        (void)slv_fail(&err, SLV_E_INVAL, "__zygote is started by selvage, not by people");
        return slv_role_fail(&err);
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        return 0; /* main is gone */
    if (strcmp(argv[3], "ns") == 0)
        z.namespaces = enter_namespaces();
    if (geteuid() != 0) /* root needs them to give its children another uid */
        (void)slv_sandbox_drop_capabilities();
    /* the engine's own descriptors shall not lie where a child's go */
    while (fcntl(RESERVED_FDS - 1, F_GETFD) < 0 && dup(0) >= 0)
        continue;
    slv_zygote_watch_children();
    if (slv_sandbox_mode_env() != SLV_SANDBOX_OFF &&
        (slv_sandbox_filter_build(SLV_SANDBOX_ISOLATE, slv_sandbox_mode_env(), &z.filter, &err) !=
             SLV_OK ||
         slv_sandbox_filter_build(SLV_SANDBOX_APP_ZYGOTE, slv_sandbox_mode_env(), &z.app_filter,
                                  &err) != SLV_OK))
        return slv_role_fail(&err);
    z.tasks = opendir("/proc/self/task");
    z.rt = slv_rt_prepare();
    find_eventfds(&z);
    _exit(slv_zygote_serve(&z)); /* no destructors of the engine */
}

/* For doctor: the same engine, the same wait, the same test, and an answer for people. */
int slv_role_selftest(int argc, char **argv)
{
    char why[200] = "helper threads did not end within 30 s";
    zygote z = {.tasks = opendir("/proc/self/task")};
    bool ok = false;

    (void)argc;
    (void)argv;
    z.rt = slv_rt_prepare();
    printf("engine %s\n", slv_js_version());
    fflush(stdout);
    for (int waited = 0; waited < 30000 && !ok; waited += QUIET_POLL_MS) {
        (void)poll(NULL, 0, QUIET_POLL_MS);
        if (thread_count(&z) != 1)
            continue;
        ok = slv_forktest(z.rt, why, sizeof why);
        break;
    }
    printf("fork %s\n", ok ? "ok" : why);
    fflush(stdout);
    return ok ? 0 : 1;
}
