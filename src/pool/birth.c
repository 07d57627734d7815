/*
 * How a process comes to be an isolate of ours, and how main convinces itself that it is one.
 *
 * Descriptors of an isolate: 0 and 1 /dev/null, 2 a pipe of which main reads the end (last words of
 * a crash), 3 the channel, 4 the shared page. argv: title, "__isolate", the pid of main. Everything
 * that main holds is close-on-exec.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chan/zygote_wire.h"
#include "pool/environment.h"
#include "pool/pool_int.h"

const char *slv_birth_program(const slv_pool *pool)
{
    return pool->options.program ? pool->options.program : "/proc/self/exe";
}

/* Sealed: an isolate that could shrink the file would kill main with SIGBUS. */
static int make_page(slv_isolate *iso, slv_err *err)
{
    int fd = memfd_create("selvage-page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    void *p;

    if (fd >= 0 && ftruncate(fd, SLV_PAGE_SIZE) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
        p = mmap(NULL, SLV_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p != MAP_FAILED) {
            iso->page = p;
            return fd;
        }
    }
    (void)slv_fail_errno(err, SLV_E_IO, "shared page");
    if (fd >= 0)
        close(fd);
    return -1;
}

/* As /proc/<pid>/fd shows it. */
static void proc_name(int fd, const char *kind, char *out, size_t size)
{
    struct stat st = {0};

    (void)fstat(fd, &st);
    snprintf(out, size, "%s:[%lu]", kind, (unsigned long)st.st_ino);
}

/* fds[0..4] for the child; what main keeps goes into iso. */
static slv_code make_descriptors(slv_isolate *iso, int *fds, slv_err *err)
{
    int pair[2], pipe_ends[2];

    fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fds[0] < 0)
        return slv_fail_errno(err, SLV_E_IO, "/dev/null");
    fds[1] = fds[0];
    if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return slv_fail_errno(err, SLV_E_IO, "pipe");
    iso->errors = pipe_ends[0];
    fds[2] = pipe_ends[1];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return slv_fail_errno(err, SLV_E_IO, "socketpair");
    iso->channel = pair[0];
    fds[SLV_CHANNEL_FD] = pair[1];
    proc_name(pair[1], "socket", iso->socket_name, sizeof iso->socket_name);
    fds[SLV_PAGE_FD] = make_page(iso, err);
    return fds[SLV_PAGE_FD] < 0 ? SLV_E_IO : SLV_OK;
}

static void close_descriptors(int *fds)
{
    for (unsigned i = 0; i < SLV_APP_FDS; i++) {
        if (i != 1 && fds[i] >= 0) /* 1 is 0 again */
            close(fds[i]);
    }
}

static slv_code start_exec(slv_isolate *iso, const char *title, const int *fds, slv_err *err)
{
    char parent[16];
    const char *argv[] = {title, "__isolate", parent, NULL};
    slv_proc_options options = {.path = slv_birth_program(iso->pool),
                                .argv = argv,
                                .envp = slv_child_environment(),
                                .fds = fds,
                                .fd_count = SLV_ISOLATE_FDS,
                                .own_group = true};

    snprintf(parent, sizeof parent, "%d", (int)getpid());
    SLV_TRY(slv_proc_start(&iso->proc, iso->pool->loop, &options, err));
    iso->pool->stats.started_exec++;
    return slv_isolate_adopted(iso, err);
}

static void on_forked(slv_fork_request *req, int pidfd, pid_t pid, slv_code code)
{
    slv_isolate *iso = slv_container_of(req, slv_isolate, fork);

    slv_birth_forked(iso, pidfd, pid, code);
}

/*
 * An app zygote has run user code: it may name any process that it can see. Only its own child is
 * believed, because main kills what it does not like.
 */
static bool child_of(pid_t pid, pid_t parent)
{
    char path[48], text[2048];
    const char *line;
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    text[n] = 0;
    line = strstr(text, "\nPPid:");
    return line && strtol(line + 6, NULL, 10) == parent;
}

void slv_birth_forked(slv_isolate *iso, int pidfd, pid_t pid, slv_code code)
{
    slv_pool *pool = iso->pool;
    slv_err err = {.code = SLV_OK};

    iso->fork_pending = false;
    if (code == SLV_OK && iso->from_app &&
        !(iso->group->app && child_of(pid, iso->group->app->proc.pid))) {
        close(pidfd);
        code = SLV_E_DENIED;
    }
    if (code == SLV_OK)
        code = slv_proc_adopt(&iso->proc, pool->loop, pidfd, pid, &err);
    if (iso->state == SLV_ISOLATE_DYING) { /* given up meanwhile */
        iso->has_proc = code == SLV_OK;
        slv_proc_signal(&iso->proc, SIGKILL);
        if (!iso->has_proc && iso->told)
            slv_pool_gone(iso);
        return;
    }
    if (code == SLV_OK)
        code = slv_isolate_adopted(iso, &err);
    if (code == SLV_OK && iso->from_app)
        pool->stats.started_app_zygote++;
    else if (code == SLV_OK && !iso->app)
        pool->stats.started_zygote++;
    else if (code != SLV_OK)
        slv_isolate_fail(iso, SLV_LOST_CRASHED, 0, code, "zygote: %s", slv_code_text(code));
}

static void expect_fork(slv_isolate *iso)
{
    iso->forked = iso->fork_pending = true;
    iso->fork.done = on_forked;
}

/* The one that has the worker loaded already, else the base zygote, else none. */
static slv_zygote_conn *forking_zygote(slv_isolate *iso)
{
    slv_pool *pool = iso->pool;
    slv_isolate *app = iso->group ? iso->group->app : NULL;

    slv_zygote_conn *base = slv_account_conn(iso->account);

    if (!base || slv_loop_now_ms(pool->loop) < pool->exec_until_ms)
        return NULL;
    if (app && app->serves && slv_zygote_quiet(app->serves)) {
        iso->from_app = true;
        return app->serves;
    }
    return slv_zygote_quiet(base) ? base : NULL;
}

static slv_code fork_app(slv_isolate *iso, const char *title, int *fds, slv_err *err)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return slv_fail_errno(err, SLV_E_IO, "socketpair");
    fds[SLV_APP_FDS - 1] = pair[1];
    proc_name(pair[1], "socket", iso->serves_name, sizeof iso->serves_name);
    iso->serves = slv_zygote_adopt(iso->pool->loop, pair[0]);
    expect_fork(iso);
    slv_zygote_fork_app(slv_account_conn(iso->account), &iso->fork, title, fds, SLV_APP_FDS);
    return SLV_OK;
}

slv_code slv_birth(slv_isolate *iso, slv_err *err)
{
    int fds[SLV_APP_FDS] = {-1, -1, -1, -1, -1, -1};
    slv_code code = make_descriptors(iso, fds, err);
    slv_zygote_conn *conn;
    char title[96];

    snprintf(title, sizeof title, "selvage: %s %s", iso->app ? "app zygote" : "isolate", iso->name);
    if (code == SLV_OK && iso->app) {
        code = fork_app(iso, title, fds, err);
    } else if (code == SLV_OK && (conn = forking_zygote(iso)) != NULL) {
        expect_fork(iso);
        slv_zygote_fork(conn, &iso->fork, title, fds, SLV_ISOLATE_FDS);
    } else if (code == SLV_OK) {
        iso->state = SLV_ISOLATE_BORN;
        code = start_exec(iso, title, fds, err);
    }
    close_descriptors(fds);
    return code;
}

/* The pidfd is readable once the process is over: then the pid may name another one already. */
static bool still_lives(const slv_isolate *iso)
{
    struct pollfd p = {.fd = iso->proc.pidfd, .events = POLLIN};

    return iso->has_proc && poll(&p, 1, 0) == 0;
}

slv_code slv_birth_verify(slv_isolate *iso, slv_err *err)
{
    char pipe_name[32];
    slv_zygote *zygote = slv_account_zygote(iso->account);
    slv_sandbox_expect expect = {.mode = iso->pool->sandbox,
                                 .namespaces =
                                     iso->forked && zygote && slv_zygote_has_namespaces(zygote),
                                 .channel = iso->socket_name,
                                 .errors = pipe_name,
                                 .app_zygote = iso->app ? iso->serves_name : NULL};
    slv_code code;

    proc_name(iso->errors, "pipe", pipe_name, sizeof pipe_name);
    code = slv_sandbox_verify(iso->proc.pid, &expect, err);

    if (!still_lives(iso))
        return slv_fail(err, SLV_E_CLOSED, "the process ended before it could be looked at");
    return code;
}

void slv_birth_last_words(slv_isolate *iso, char *out, size_t size)
{
    char text[4096];
    size_t len = 0, from;
    ssize_t n;

    out[0] = 0;
    if (iso->errors < 0)
        return;
    while ((n = read(iso->errors, text + len, sizeof text - len)) > 0) {
        len += (size_t)n;
        if (len == sizeof text) { /* keep the end */
            memmove(text, text + sizeof text / 2, sizeof text / 2);
            len = sizeof text / 2;
        }
    }
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == 0))
        len--;
    if (len == 0 || size < 8)
        return;
    from = len > size - 4 ? len - (size - 4) : 0;
    for (size_t i = from; i < len; i++) { /* a stranger wrote it: nothing that drives a terminal */
        if ((unsigned char)text[i] < ' ' || text[i] == 127)
            text[i] = ' ';
    }
    snprintf(out, size, ": %.*s", (int)(len - from), text + from);
}

void slv_birth_done(slv_isolate *iso)
{
    if (iso->channel >= 0)
        close(iso->channel);
    if (iso->errors >= 0)
        close(iso->errors);
    if (iso->page)
        munmap(iso->page, SLV_PAGE_SIZE);
    slv_proc_release(&iso->proc);
}
