#include "pool/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aio/poll.h"
#include "aio/proc.h"
#include "aio/timer.h"
#include "base/clock.h"
#include "base/mem.h"
#include "chan/zygote_wire.h"
#include "pool/environment.h"

#define RESTART_MS 5000 /* a zygote that dies is not started again sooner */
#define AGAIN_MS 500
#define MESSAGES_PER_TURN 32

struct slv_zygote {
    slv_zygote_options options;
    pthread_mutex_t lock;
    /* under the lock */
    int pidfd, control; /* -1: no process */
    pid_t pid;
    uint64_t started_ms;
    slv_zygote_state state;
    bool namespaces;
    char text[SLV_ZYGOTE_TEXT];
};

struct slv_zygote_conn {
    slv_zygote *zygote; /* NULL: an app zygote's */
    slv_loop *loop;
    slv_poll poll;
    slv_timer again;
    slv_task told;     /* requests that failed at once */
    slv_list requests; /* sent, unanswered */
    slv_list failed;
    uint32_t next;
    int fd; /* -1: not connected */
    slv_zygote_state state;
};

/* ---- messages ---- */

static bool send_message(int fd, const slv_zygote_message *m, const int *fds, unsigned count)
{
    union {
        char space[CMSG_SPACE(sizeof(int) * SLV_ZYGOTE_FDS)];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = (void *)(size_t)m, .iov_len = sizeof *m};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (count > 0) {
        struct cmsghdr *c;

        memset(&control, 0, sizeof control);
        msg.msg_control = control.space;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
    }
    return sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof *m;
}

/* 1: a message; 0: none now; -1: the end. *ret_fd is the descriptor beside it, or -1. */
static int receive_message(int fd, slv_zygote_message *ret, int *ret_fd)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = ret, .iov_len = sizeof *ret};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.space,
                         .msg_controllen = sizeof control.space};
    ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *c;

    *ret_fd = -1;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    c = CMSG_FIRSTHDR(&msg);
    if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
    if (n != (ssize_t)sizeof *ret)
        return -1;
    ret->text[SLV_ZYGOTE_TEXT - 1] = 0;
    return 1;
}

/* ---- the process ---- */

static void set_text(slv_zygote *z, slv_zygote_state state, const char *text)
{
    z->state = state;
    snprintf(z->text, sizeof z->text, "%s", text);
}

static void forget_process(slv_zygote *z)
{
    siginfo_t info;

    if (z->control >= 0)
        close(z->control);
    if (z->pidfd >= 0) {
        (void)pidfd_send_signal(z->pidfd, SIGKILL, NULL, 0);
        (void)waitid(P_PIDFD, (id_t)z->pidfd, &info, WEXITED);
        close(z->pidfd);
    }
    z->control = z->pidfd = -1;
    z->pid = 0;
    set_text(z, SLV_ZYGOTE_WARMING, "ended");
}

static bool process_over(const slv_zygote *z)
{
    struct pollfd p = {.fd = z->pidfd, .events = POLLIN};

    return z->pidfd >= 0 && poll(&p, 1, 0) == 1;
}

static void nobody_waits(slv_proc *proc, int status)
{
    (void)proc;
    (void)status;
}

/* Under the lock. The process is watched by its connections' ends, not by a loop: pools come and
 * go. */
static void start_process(slv_zygote *z, slv_loop *loop)
{
    char parent[16];
    const char *argv[] = {"selvage: zygote", "__zygote", parent,
                          z->options.no_namespaces ? "-" : "ns", NULL};
    slv_proc proc = {.ended = nobody_waits};
    int pair[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
    slv_err err = {.code = SLV_OK};

    z->started_ms = slv_clock_mono_ns() / 1000000;
    set_text(z, SLV_ZYGOTE_WARMING, "warming");
    snprintf(parent, sizeof parent, "%d", (int)getpid());
    if (null < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        set_text(z, SLV_ZYGOTE_BROKEN, strerror(errno));
    } else {
        const int fds[] = {null, null, 2, pair[1]};
        slv_proc_options options = {
            .path = z->options.program ? z->options.program : "/proc/self/exe",
            .argv = argv,
            .envp = z->options.envp ? z->options.envp : slv_child_environment(),
            .fds = fds,
            .fd_count = SLV_ARRAY_LEN(fds),
            .own_group = true};

        if (slv_proc_start(&proc, loop, &options, &err) == SLV_OK) {
            z->pidfd = fcntl(proc.pidfd, F_DUPFD_CLOEXEC, 3);
            z->pid = proc.pid;
            z->control = pair[0];
            slv_proc_release(&proc);
        } else {
            set_text(z, SLV_ZYGOTE_BROKEN, slv_err_text(&err));
            close(pair[0]);
        }
        close(pair[1]);
    }
    if (null >= 0)
        close(null);
}

slv_zygote *slv_zygote_new(const slv_zygote_options *options)
{
    slv_zygote *z = slv_new0(slv_zygote);

    z->options = *options;
    z->pidfd = z->control = -1;
    pthread_mutex_init(&z->lock, NULL);
    set_text(z, SLV_ZYGOTE_WARMING, "not started");
    return z;
}

slv_zygote *slv_zygote_free(slv_zygote *zygote)
{
    if (zygote) {
        forget_process(zygote);
        pthread_mutex_destroy(&zygote->lock);
        free(zygote);
    }
    return NULL;
}

void slv_zygote_describe(slv_zygote *zygote, char *out, size_t size)
{
    pthread_mutex_lock(&zygote->lock);
    snprintf(out, size, "%s", zygote->text);
    pthread_mutex_unlock(&zygote->lock);
}

bool slv_zygote_has_namespaces(slv_zygote *zygote)
{
    bool has;

    pthread_mutex_lock(&zygote->lock);
    has = zygote->namespaces;
    pthread_mutex_unlock(&zygote->lock);
    return has;
}

pid_t slv_zygote_pid(slv_zygote *zygote)
{
    pid_t pid;

    pthread_mutex_lock(&zygote->lock);
    pid = zygote->pid;
    pthread_mutex_unlock(&zygote->lock);
    return pid;
}

/* ---- connections ---- */

static void lose_connection(slv_zygote_conn *conn)
{
    if (conn->fd < 0)
        return;
    slv_poll_stop(&conn->poll);
    close(conn->fd);
    conn->fd = -1;
    conn->state = SLV_ZYGOTE_WARMING;
    while (!slv_list_empty(&conn->requests))
        slv_list_push(&conn->failed, slv_list_pop(&conn->requests));
    slv_loop_later(conn->loop, &conn->told);
    if (conn->zygote)
        slv_timer_start(&conn->again, conn->loop, AGAIN_MS);
}

static void tell_failed(slv_task *task)
{
    slv_zygote_conn *conn = slv_container_of(task, slv_zygote_conn, told);

    while (!slv_list_empty(&conn->failed)) {
        slv_fork_request *req =
            slv_container_of(slv_list_pop(&conn->failed), slv_fork_request, node);

        req->done(req, -1, 0, SLV_E_CLOSED);
    }
}

static void on_state(slv_zygote_conn *conn, const slv_zygote_message *m)
{
    slv_zygote *z = conn->zygote;

    conn->state = (slv_zygote_state)m->number;
    if (!z)
        return;
    pthread_mutex_lock(&z->lock);
    set_text(z, conn->state, m->text);
    z->namespaces = m->ok != 0;
    pthread_mutex_unlock(&z->lock);
}

/* The zygote's own numbers are not ours when it has a namespace; a pidfd's information is in the
 * reader's numbering. */
static pid_t pid_of(int pidfd)
{
    char path[48], text[512];
    const char *line;
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    text[n] = 0;
    line = strstr(text, "\nPid:");
    return line ? (pid_t)strtol(line + 5, NULL, 10) : 0;
}

static slv_fork_request *find_request(slv_zygote_conn *conn, uint32_t number)
{
    SLV_LIST_EACH (n, &conn->requests) {
        slv_fork_request *req = slv_container_of(n, slv_fork_request, node);

        if (req->number == number)
            return req;
    }
    return NULL;
}

static void on_forked(slv_zygote_conn *conn, const slv_zygote_message *m, int pidfd)
{
    slv_fork_request *req = find_request(conn, m->number);
    pid_t pid = pidfd >= 0 ? pid_of(pidfd) : 0;

    if (!req || (m->ok && pid <= 0)) { /* it died already, or nobody asked */
        if (pidfd >= 0)
            close(pidfd);
        pidfd = -1;
    }
    if (!req)
        return;
    slv_list_remove(&req->node);
    req->done(req, pidfd, pid, pidfd >= 0 ? SLV_OK : m->ok ? SLV_E_CLOSED : SLV_E_AGAIN);
}

static void on_readable(slv_poll *poll, unsigned events)
{
    slv_zygote_conn *conn = slv_container_of(poll, slv_zygote_conn, poll);
    slv_zygote_message m;
    int rc, fd;

    (void)events;
    /* a few at a time: an app zygote may have gone mad */
    for (unsigned n = 0; n < MESSAGES_PER_TURN && conn->fd >= 0; n++) {
        rc = receive_message(conn->fd, &m, &fd);
        if (rc == 0)
            return;
        if (rc < 0) {
            lose_connection(conn);
            return;
        }
        if (m.type == SLV_ZYGOTE_FORKED) {
            on_forked(conn, &m, fd);
            continue;
        }
        if (fd >= 0)
            close(fd);
        if (m.type == SLV_ZYGOTE_STATE)
            on_state(conn, &m);
    }
}

static void open_connection(slv_zygote_conn *conn)
{
    slv_zygote_message m = {.type = SLV_ZYGOTE_CONNECT};
    slv_zygote *z = conn->zygote;
    int pair[2];
    bool sent;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        slv_timer_start(&conn->again, conn->loop, AGAIN_MS);
        return;
    }
    pthread_mutex_lock(&z->lock);
    if (process_over(z))
        forget_process(z);
    if (z->control < 0 &&
        (z->started_ms == 0 || slv_clock_mono_ns() / 1000000 - z->started_ms >= RESTART_MS))
        start_process(z, conn->loop);
    sent = z->control >= 0 && send_message(z->control, &m, &pair[1], 1);
    pthread_mutex_unlock(&z->lock);
    close(pair[1]);
    conn->fd = pair[0];
    conn->poll = (slv_poll){.fn = on_readable};
    if (!sent || slv_poll_start(&conn->poll, conn->loop, conn->fd, SLV_POLL_READ, NULL) != SLV_OK)
        lose_connection(conn);
}

static void on_again(slv_timer *timer)
{
    open_connection(slv_container_of(timer, slv_zygote_conn, again));
}

static slv_zygote_conn *new_connection(slv_zygote *zygote, slv_loop *loop)
{
    slv_zygote_conn *conn = slv_new0(slv_zygote_conn);

    conn->zygote = zygote;
    conn->loop = loop;
    conn->fd = -1;
    conn->again.fn = on_again;
    conn->told.fn = tell_failed;
    slv_list_init(&conn->requests);
    slv_list_init(&conn->failed);
    return conn;
}

slv_zygote_conn *slv_zygote_connect(slv_zygote *zygote, slv_loop *loop)
{
    slv_zygote_conn *conn = new_connection(zygote, loop);

    if (zygote->options.start_after_ms > 0)
        slv_timer_start(&conn->again, loop, zygote->options.start_after_ms);
    else
        open_connection(conn);
    return conn;
}

slv_zygote_conn *slv_zygote_adopt(slv_loop *loop, int fd)
{
    slv_zygote_conn *conn = new_connection(NULL, loop);

    conn->fd = fd;
    conn->poll = (slv_poll){.fn = on_readable};
    if (slv_poll_start(&conn->poll, loop, fd, SLV_POLL_READ, NULL) != SLV_OK)
        lose_connection(conn);
    return conn;
}

slv_zygote_conn *slv_zygote_disconnect(slv_zygote_conn *conn)
{
    if (!conn)
        return NULL;
    slv_poll_stop(&conn->poll);
    slv_timer_stop(&conn->again);
    slv_task_cancel(&conn->told);
    if (conn->fd >= 0)
        close(conn->fd);
    while (!slv_list_empty(&conn->requests))
        slv_list_push(&conn->failed, slv_list_pop(&conn->requests));
    tell_failed(&conn->told);
    free(conn);
    return NULL;
}

bool slv_zygote_quiet(const slv_zygote_conn *conn)
{
    return conn->fd >= 0 && conn->state == SLV_ZYGOTE_QUIET;
}

static void request(slv_zygote_conn *conn, slv_fork_request *req, slv_zygote_message_type type,
                    const char *title, const int *fds, unsigned count)
{
    slv_zygote_message m = {.type = type, .number = ++conn->next};

    snprintf(m.text, sizeof m.text, "%s", title);
    req->number = m.number;
    if (conn->fd >= 0 && send_message(conn->fd, &m, fds, count)) {
        slv_list_push(&conn->requests, &req->node);
        return;
    }
    slv_list_push(&conn->failed, &req->node);
    slv_loop_later(conn->loop, &conn->told);
}

void slv_zygote_fork(slv_zygote_conn *conn, slv_fork_request *req, const char *title,
                     const int *fds, unsigned fd_count)
{
    SLV_ASSERT(fd_count == SLV_ISOLATE_FDS);
    request(conn, req, SLV_ZYGOTE_FORK, title, fds, fd_count);
}

void slv_zygote_fork_app(slv_zygote_conn *conn, slv_fork_request *req, const char *title,
                         const int *fds, unsigned fd_count)
{
    SLV_ASSERT(fd_count == SLV_APP_FDS);
    request(conn, req, SLV_ZYGOTE_FORK_APP, title, fds, fd_count);
}
