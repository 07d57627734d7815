/* The processes: started when a call wants one, looked at, ended. Control thread but where it says
 * so. */
#include "keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "keeper/keeper_int.h"
#include "keeper/wire.h"
#include "sandbox/sandbox.h"
#include "state/kinds.h"

#define START_MS 20000 /* from exec to its byte */
#define END_MS 10000   /* from the end of its control socket to its own */

static void say(const keeper *p, const char *text)
{
    char line[512];

    if (!p->k->o.notice)
        return;
    snprintf(line, sizeof line, "keeper %s: %s", p->tenant, text);
    p->k->o.notice(p->k->o.user, line);
}

/* ---- one process ---- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Those who wait see the end of their connection. */
static void refuse_waiting(keeper *p)
{
    for (size_t i = 0; i < p->waiting.len; i++)
        close(p->waiting.items[i]);
    p->waiting.len = 0;
}

static void begin_end(keeper *p)
{
    p->state = KEEPER_ENDING;
    slv_keeper_gone_(p);
    slv_poll_stop(&p->poll);
    close_fd(&p->control);
    slv_timer_start(&p->timer, p->k->o.control, END_MS);
}

static void break_off(keeper *p)
{
    p->broken = true;
    begin_end(p);
    slv_proc_signal(&p->proc, SIGKILL);
}

static bool send_end(keeper *p, int fd)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte = 'C';
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *c;

    memset(&control, 0, sizeof control);
    msg.msg_control = control.space;
    msg.msg_controllen = sizeof control.space;
    c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    return sendmsg(p->control, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

/* False: it is not there any more. What it was not given waits for the next. */
static bool hand_over(keeper *p)
{
    while (p->waiting.len > 0) {
        if (!send_end(p, p->waiting.items[0]))
            return false;
        close(p->waiting.items[0]);
        p->waiting.len--;
        memmove(p->waiting.items, p->waiting.items + 1, p->waiting.len * sizeof(int));
    }
    return true;
}

static slv_code verify(keeper *p, slv_err *err)
{
    slv_sandbox_expect expect = {
        .mode = slv_sandbox_mode_env(), .channel = p->socket_name, .keeper_file = p->k->lock_path};

    return slv_sandbox_verify(p->proc.pid, &expect, err);
}

/* It has locked itself down: nothing of anybody's goes there before we have seen it. */
static void on_control(slv_poll *poll, SLV_UNUSED unsigned events)
{
    keeper *p = slv_container_of(poll, keeper, poll);
    slv_err err = {0};
    char byte = 0;
    ssize_t n = recv(p->control, &byte, 1, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n == 1 && p->state == KEEPER_UP) {
        slv_keeper_stood_(p);
        return;
    }
    if (n == 1 && p->state == KEEPER_STARTING && verify(p, &err) == SLV_OK) {
        p->state = KEEPER_UP;
        slv_timer_stop(&p->timer);
        if (byte != 'L' && !p->told_weak)
            say(p, "the kernel has no Landlock: a system call filter alone holds it");
        p->told_weak = true;
        slv_keeper_came_(p);
        if (hand_over(p))
            return;
    }
    if (err.message[0])
        say(p, slv_err_text(&err));
    if (p->state == KEEPER_STARTING)
        refuse_waiting(p);
    break_off(p);
}

static bool start(keeper *p);

static void last_words(keeper *p, char *out, size_t size)
{
    char text[400];
    ssize_t n = p->errors >= 0 ? read(p->errors, text, sizeof text - 1) : 0;

    text[n > 0 ? n : 0] = 0;
    for (char *c = text; *c; c++) /* nothing that drives a terminal */
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = ' ';
    snprintf(out, size, "%s%s", *text ? ": " : "", text);
}

static void on_ended(slv_proc *proc, int status)
{
    keeper *p = slv_container_of(proc, keeper, proc);
    bool by_itself = p->state != KEEPER_ENDING || p->broken;
    char words[420], text[500];

    slv_poll_stop(&p->poll);
    slv_timer_stop(&p->timer);
    slv_keeper_gone_(p);
    if (by_itself) {
        last_words(p, words, sizeof words);
        snprintf(text, sizeof text, "ended: %s%s",
                 WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it failed", words);
        p->k->crashed++;
        say(p, text);
    }
    if (p->state == KEEPER_STARTING)
        refuse_waiting(p); /* the next would fare no better */
    close_fd(&p->control);
    close_fd(&p->errors);
    p->state = KEEPER_NONE;
    p->broken = false;
    if (p->waiting.len > 0 && !start(p))
        refuse_waiting(p);
}

static void on_timer(slv_timer *timer)
{
    keeper *p = slv_container_of(timer, keeper, timer);

    switch (p->state) {
    case KEEPER_STARTING:
        say(p, "did not come up");
        refuse_waiting(p);
        break_off(p);
        break;
    case KEEPER_UP:
        if (p->conns == 0)
            begin_end(p);
        break;
    case KEEPER_ENDING:
        say(p, "did not end");
        p->broken = true;
        slv_proc_signal(&p->proc, SIGKILL);
        break;
    case KEEPER_NONE:
        break;
    }
}

static void socket_name(int fd, char *out, size_t size)
{
    struct stat st = {0};

    (void)fstat(fd, &st);
    snprintf(out, size, "socket:[%lu]", (unsigned long)st.st_ino);
}

static slv_code spawn(keeper *p, int null, int theirs, int words, slv_err *err)
{
    const slv_keepers_options *o = &p->k->o;
    char title[128], parent[16], memory[24];
    const char *argv[] = {title,     "__keeper", parent, slv_state_dir(o->state),
                          p->tenant, memory,     NULL};
    const int fds[SLV_KEEPER_FDS] = {null, null, words, theirs, slv_state_lock_fd(o->state)};
    slv_proc_options options = {.path = o->program ? o->program : "/proc/self/exe",
                                .argv = argv,
                                .envp = o->envp,
                                .fds = fds,
                                .fd_count = SLV_KEEPER_FDS,
                                .own_group = true};

    snprintf(title, sizeof title, "selvage: keeper %.100s", p->tenant);
    snprintf(parent, sizeof parent, "%d", (int)getpid());
    snprintf(memory, sizeof memory, "%" PRIu64, o->memory_bytes);
    return slv_proc_start(&p->proc, o->control, &options, err);
}

static slv_code start_process(keeper *p, slv_err *err)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), pair[2] = {-1, -1}, words[2] = {-1, -1};
    slv_code code = SLV_OK;

    if (null < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 ||
        pipe2(words, O_CLOEXEC | O_NONBLOCK) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "descriptors");
    if (code == SLV_OK) {
        socket_name(pair[1], p->socket_name, sizeof p->socket_name);
        code = spawn(p, null, pair[1], words[1], err);
    }
    close_fd(&null);
    close_fd(&pair[1]);
    close_fd(&words[1]);
    if (code == SLV_OK) {
        p->control = pair[0];
        p->errors = words[0];
        code = slv_poll_start(&p->poll, p->k->o.control, p->control, SLV_POLL_READ, err);
        if (code != SLV_OK)
            slv_proc_signal(&p->proc, SIGKILL);
        return SLV_OK; /* its end is told */
    }
    close_fd(&pair[0]);
    close_fd(&words[0]);
    return code;
}

static bool start(keeper *p)
{
    slv_err err = {0};

    if (start_process(p, &err) != SLV_OK) {
        say(p, slv_err_text(&err));
        return false;
    }
    p->k->started++;
    p->state = KEEPER_STARTING;
    slv_timer_start(&p->timer, p->k->o.control, START_MS);
    return true;
}

/* ---- what loops want ---- */

typedef struct order {
    slv_mail mail;
    slv_keepers *k;
    char *tenant;
    int fd; /* of a connection; -1: one has ended */
    bool broken;
} order;

static keeper *get_keeper(slv_keepers *k, const char *tenant)
{
    keeper **known = slv_map_get(&k->keepers, slv_str_from(tenant));

    if (known)
        return *known;
    keeper *p = slv_new0(keeper);
    p->k = k;
    p->tenant = slv_strdup(tenant);
    p->control = p->errors = -1;
    p->proc.pidfd = -1;
    p->proc.ended = on_ended;
    p->poll.fn = on_control;
    p->timer.fn = on_timer;
    slv_map_set(&k->keepers, slv_str_from(p->tenant), p);
    return p;
}

static void connect_to(keeper *p, int fd)
{
    p->conns++;
    slv_vec_push(&p->waiting, fd);
    if (p->state == KEEPER_UP && !hand_over(p))
        break_off(p);
    if (p->state == KEEPER_NONE && (p->k->ending || !start(p)))
        refuse_waiting(p);
}

static void left(keeper *p, bool broken)
{
    p->conns--;
    if (broken && p->state == KEEPER_UP)
        break_off(p);
    else if (p->conns == 0 && p->state == KEEPER_UP) /* another loop may come at once */
        slv_timer_start(&p->timer, p->k->o.control, p->k->ending ? 0 : 1000);
}

static void on_order(slv_mail *mail)
{
    order *o = slv_container_of(mail, order, mail);
    keeper *p = get_keeper(o->k, o->tenant);

    if (o->fd >= 0)
        connect_to(p, o->fd);
    else
        left(p, o->broken);
    free(o->tenant);
    free(o);
}

static void tell(slv_keepers *k, const char *tenant, int fd, bool broken)
{
    order *o = slv_new0(order);

    *o = (order){
        .mail.fn = on_order, .k = k, .tenant = slv_strdup(tenant), .fd = fd, .broken = broken};
    slv_loop_post(k->o.control, &o->mail);
}

void slv_keeper_connect_(slv_keepers *k, const char *tenant, int fd_take)
{
    tell(k, tenant, fd_take, false);
}

void slv_keeper_left_(slv_keepers *k, const char *tenant, bool broken)
{
    tell(k, tenant, -1, broken);
}

/* ---- all of them ---- */

slv_keepers *slv_keepers_new(const slv_keepers_options *options)
{
    slv_keepers *k = slv_new0(slv_keepers);
    char path[48];
    ssize_t n;

    k->o = *options;
    if (k->o.memory_bytes == 0)
        k->o.memory_bytes = SLV_KEEPER_MEMORY;
    if (k->o.idle_ms == 0)
        k->o.idle_ms = SLV_KEEPER_IDLE_MS;
    k->there = (slv_state_elsewhere){k, slv_keeper_call_, slv_keeper_cancel_, slv_keeper_forget_,
                                     slv_keeper_still_};
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->paid, NULL);
    snprintf(path, sizeof path, "/proc/self/fd/%d", slv_state_lock_fd(options->state));
    n = readlink(path, k->lock_path, sizeof k->lock_path - 1);
    k->lock_path[n > 0 ? n : 0] = 0;
    return k;
}

void slv_keepers_move(slv_keepers *k)
{
    if (k->moved)
        return;
    k->moved = true;
    slv_state_move(k->o.state, &slv_d1_store, &k->there);
}

bool slv_keepers_moved(const slv_keepers *k)
{
    return k->moved;
}

static bool all_gone(void *arg)
{
    const slv_keepers *k = arg;

    for (size_t i = 0; i < k->keepers.len; i++)
        if (k->keepers.values[i]->state != KEEPER_NONE || k->keepers.values[i]->conns > 0)
            return false;
    return true;
}

slv_keepers *slv_keepers_free(slv_keepers *k)
{
    if (!k)
        return NULL;
    k->ending = true;
    slv_keeper_forget_(k, k->o.control);
    if (k->moved)
        slv_state_move(k->o.state, &slv_d1_store, NULL);
    for (size_t i = 0; i < k->keepers.len; i++)
        if (k->keepers.values[i]->state == KEEPER_UP)
            begin_end(k->keepers.values[i]);
    /* each is killed when its time is over */
    SLV_ASSERT(slv_loop_run_until(k->o.control, all_gone, k, 6 * (START_MS + END_MS)));
    for (size_t i = 0; i < k->keepers.len; i++) {
        keeper *p = k->keepers.values[i];

        slv_timer_stop(&p->timer);
        slv_vec_done(&p->waiting);
        free(p->tenant);
        free(p);
    }
    slv_map_done(&k->keepers);
    SLV_ASSERT(k->homes.len == 0);
    slv_vec_done(&k->homes);
    pthread_cond_destroy(&k->paid);
    pthread_mutex_destroy(&k->lock);
    free(k);
    return NULL;
}

void slv_keepers_get_stats(slv_keepers *k, slv_keepers_stats *ret)
{
    *ret = (slv_keepers_stats){.started = k->started, .crashed = k->crashed};
    for (size_t i = 0; i < k->keepers.len; i++) {
        if (k->keepers.values[i]->state == KEEPER_NONE)
            continue;
        ret->processes++;
        ret->rss_bytes += slv_proc_resident(&k->keepers.values[i]->proc);
    }
}

pid_t slv_keepers_pid(slv_keepers *k, slv_str tenant)
{
    keeper **known = slv_map_get(&k->keepers, tenant);

    return known && (*known)->state != KEEPER_NONE ? (*known)->proc.pid : 0;
}
