/*
 * The supervisor: holds the listeners, keeps one main running, and hands signals on. It reads
 * nothing that a client sent and has no store open, so that little can end it.
 *
 * An upgrade: a second main (`next`) is started from the executable on disk. It prepares what it
 * can without the state and says "waiting"; then the first one is told to stop. It takes no further
 * connection (they wait in the kernel's queues), gives those that wait for their next request to
 * `next`, ends what is open, gives up the state and ends; `next` is told to go, and is main from
 * then on. When `next` cannot even prepare, nothing has
 * changed. A main that says "front" has given up the state and keeps connections that could not be
 * handed over: it is on our list of fronts until it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aio/signal.h"
#include "aio/timer.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon_int.h"
#include "daemon/directory.h"
#include "daemon/notify.h"

/* A main that dies young is started again later and later. */
#define YOUNG_MS 5000
#define AGAIN_MS UINT64_C(100)
#define AGAIN_MAX_MS UINT64_C(5000)
/* A main that was told to end and does not, this long after its time. */
#define KILL_AFTER_MS 10000
/* Fronts at once: of more, the oldest is told to end. */
#define FRONTS_MAX 8
/* A main whose supervisor was killed, and another one was started by hand: it ends. */
#define SETTLE_MS 45000

typedef struct supervisor supervisor;

/* A process that serves, or will. */
typedef struct child {
    supervisor *s;
    slv_list node; /* s->fronts */
    slv_proc proc;
    slv_link link;
    uint64_t born_ms;
    pid_t heir_of; /* of a front: the main that it gives to */
    bool ready, failed, told;
} child;

struct supervisor {
    const slv_daemon_options *o;
    const slv_serve_config *config;
    slv_loop *loop;
    slv_listeners listeners;
    int lock_fd;
    child *main, *next;
    slv_list fronts; /* oldest first */
    size_t front_count;
    int heir; /* main's end of the socket to next; -1: there is no upgrade */
    slv_timer again, kill;
    uint64_t again_ms;
    bool stopping, was_ready;
    bool terminal; /* it was started from one: a hang-up of that one ends it */
    slv_code code;
    slv_err *err;
    slv_signal on_int, on_term, on_hup, on_usr2;
};

static void start_main(supervisor *s);
static void upgrade(supervisor *s);
static void reload(supervisor *s);

static void end(supervisor *s, slv_code code)
{
    s->code = code;
    slv_loop_stop(s->loop);
}

static void free_child(child *c)
{
    slv_list_remove(&c->node);
    slv_link_stop(&c->link);
    slv_proc_release(&c->proc);
    free(c);
}

/* ---- the end of a main ---- */

static void on_again(slv_timer *timer)
{
    start_main(slv_container_of(timer, supervisor, again));
}

static void again(supervisor *s, bool young)
{
    s->again_ms = !young ? 0 : s->again_ms == 0 ? AGAIN_MS : SLV_MIN(2 * s->again_ms, AGAIN_MAX_MS);
    slv_timer_start(&s->again, s->loop, s->again_ms);
}

static void on_kill(slv_timer *timer)
{
    supervisor *s = slv_container_of(timer, supervisor, kill);

    if (s->main)
        slv_proc_signal(&s->main->proc, SIGKILL);
    SLV_LIST_EACH (node, &s->fronts) {
        if (s->stopping)
            slv_proc_signal(&slv_container_of(node, child, node)->proc, SIGKILL);
    }
}

static void tell_end(const child *c, int status, const char *then)
{
    if (WIFSIGNALED(status))
        slv_log(SLV_LOG_ERROR, "main (process %d) was killed by signal %d; %s", (int)c->proc.pid,
                WTERMSIG(status), then);
    else
        slv_log(SLV_LOG_ERROR, "main (process %d) ended with status %d; %s", (int)c->proc.pid,
                WEXITSTATUS(status), then);
}

static void close_heir(supervisor *s)
{
    if (s->heir >= 0)
        close(s->heir);
    s->heir = -1;
}

static void next_ended(supervisor *s, child *c, int status)
{
    s->next = NULL;
    close_heir(s);
    tell_end(c, status, "the one that runs goes on");
    slv_notify("READY=1\nSTATUS=serving; the new executable did not start");
}

/* The state is free: the other one may have it. */
static void promote(supervisor *s)
{
    s->main = s->next;
    s->next = NULL;
    close_heir(s);
    s->main->born_ms = slv_loop_now_ms(s->loop);
    slv_link_say(&s->main->link, "go");
}

static void end_if_alone(supervisor *s)
{
    if (!s->main && s->front_count == 0)
        end(s, SLV_OK);
}

static void front_ended(supervisor *s, const child *c, int status)
{
    s->front_count--;
    if (status != 0 && !s->stopping)
        slv_log(SLV_LOG_ERROR, "a front (process %d) died; the connections that it had are cut",
                (int)c->proc.pid);
    if (s->stopping)
        end_if_alone(s);
}

static void main_ended(supervisor *s, child *c, int status)
{
    bool young = slv_loop_now_ms(s->loop) - c->born_ms < YOUNG_MS;

    s->main = NULL;
    slv_timer_stop(&s->kill);
    if (s->stopping) {
        end_if_alone(s);
    } else if (s->next) {
        if (!c->told)
            tell_end(c, status, "the new one takes over");
        promote(s);
    } else if (c->failed && !s->was_ready) {
        end(s, s->err->code); /* wrong from the beginning: another try would be no better */
    } else if (c->told && status == 0) {
        again(s, false); /* as it was asked to */
    } else {
        tell_end(c, status, "it is started again");
        again(s, young);
    }
}

static void on_ended(slv_proc *proc, int status)
{
    child *c = slv_container_of(proc, child, proc);

    if (c == c->s->next)
        next_ended(c->s, c, status);
    else if (c != c->s->main)
        front_ended(c->s, c, status);
    else
        main_ended(c->s, c, status);
    free_child(c);
}

/* ---- what a main says ---- */

/* A socket between one who gives connections and one who takes them; ends[0] gives. */
static bool heir_pair(int ends[static 2])
{
    const struct timeval patience = {.tv_sec = 1};

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        slv_log(SLV_LOG_ERROR, "upgrade: %s", strerror(errno));
        return false;
    }
    (void)setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return true;
}

static void tell_stop(supervisor *s, child *c)
{
    c->told = true;
    if (s->next)
        slv_link_say_fd(&c->link, "release", s->heir);
    else
        slv_link_say(&c->link, "stop");
    close_heir(s);
    slv_timer_start(&s->kill, s->loop, s->config->drain_seconds * 1000 + KILL_AFTER_MS);
}

/* The state is free, and some connections are left. */
static void on_front(supervisor *s, child *c)
{
    child *oldest;

    s->main = NULL;
    slv_timer_stop(&s->kill);
    slv_list_push(&s->fronts, &c->node);
    if (++s->front_count > FRONTS_MAX) {
        oldest = slv_container_of(s->fronts.next, child, node);
        slv_link_say(&oldest->link, "stop");
    }
    if (s->stopping) {
        tell_stop(s, c);
    } else if (s->next) {
        c->heir_of = s->next->proc.pid; /* it was told so with its release */
        promote(s);
    } else {
        again(s, false);
    }
}

/* A main that is new to the fronts: what they have left may go there. */
static void join_fronts(supervisor *s)
{
    SLV_LIST_EACH (node, &s->fronts) {
        child *front = slv_container_of(node, child, node);
        int ends[2];

        if (front->heir_of == s->main->proc.pid || !heir_pair(ends))
            continue;
        front->heir_of = s->main->proc.pid;
        slv_link_say_fd(&s->main->link, "front", ends[1]);
        slv_link_say_fd(&front->link, "heir", ends[0]);
        close(ends[0]);
        close(ends[1]);
    }
}

static void on_failed(supervisor *s, child *c, slv_str why)
{
    c->failed = true;
    if (!s->was_ready)
        (void)slv_fail(s->err, SLV_E_STATE, "%.*s", SLV_STR_ARGS(why));
    else
        slv_log(SLV_LOG_ERROR, "main cannot start: %.*s", SLV_STR_ARGS(why));
}

static void on_said(slv_link *link, slv_str word, slv_str rest, int fd)
{
    child *c = slv_container_of(link, child, link);
    supervisor *s = c->s;

    if (fd >= 0)
        close(fd);
    if (slv_str_is(word, "ready")) {
        c->ready = s->was_ready = true;
        if (c == s->main)
            join_fronts(s);
        slv_notify("READY=1\nSTATUS=serving");
    } else if (slv_str_is(word, "waiting") && c == s->next) {
        if (s->main)
            tell_stop(s, s->main);
        else
            promote(s);
    } else if (slv_str_is(word, "front") && c == s->main && c->told) {
        on_front(s, c);
    } else if (slv_str_is(word, "failed")) {
        on_failed(s, c, rest);
    } else if (slv_str_is(word, "upgrade")) {
        upgrade(s);
    } else if (slv_str_is(word, "restart")) {
        if (c == s->main && !s->next && !s->stopping)
            tell_stop(s, c);
    } else if (slv_str_is(word, "reload")) {
        reload(s);
    } else if (slv_str_is(word, "reloaded")) {
        if (rest.len > 0)
            slv_log(SLV_LOG_ERROR, "reload: %.*s", SLV_STR_ARGS(rest));
        slv_notify("READY=1\nSTATUS=serving");
    }
}

/* ---- starting ---- */

static child *new_child(supervisor *s)
{
    child *c = slv_new0(child);

    c->s = s;
    c->link.fd = -1;
    c->proc.pidfd = -1;
    c->link.said = on_said;
    c->proc.ended = on_ended;
    c->born_ms = slv_loop_now_ms(s->loop);
    return c;
}

static child *start(supervisor *s, slv_daemon_role role, int heir)
{
    child *c = new_child(s);
    slv_err err = {0};

    if (slv_daemon_spawn(s->o, role, &s->listeners, heir, s->loop, &c->proc, &c->link, &err) ==
        SLV_OK)
        return c;
    slv_log(SLV_LOG_ERROR, "cannot start main: %s", slv_err_text(&err));
    free_child(c);
    return NULL;
}

static void start_main(supervisor *s)
{
    s->main = start(s, SLV_DAEMON_MAIN, -1);
    if (!s->main)
        again(s, true);
}

static void upgrade(supervisor *s)
{
    int ends[2];

    if (s->stopping || s->next)
        return;
    if (!s->main) { /* it is about to be started anyway */
        slv_timer_start(&s->again, s->loop, 0);
        return;
    }
    if (!heir_pair(ends))
        return;
    slv_notify_reloading();
    s->heir = ends[0];
    s->next = start(s, SLV_DAEMON_NEXT, ends[1]);
    close(ends[1]);
    if (!s->next)
        close_heir(s);
    if (!s->next)
        slv_notify("READY=1\nSTATUS=serving; the new executable did not start");
}

/* The main that started us because our predecessor is gone. It is no child of ours, so its status
 * will not be known. */
static slv_code adopt(supervisor *s, slv_err *err)
{
    pid_t pid = getppid();
    int pidfd = pidfd_open(pid, 0);
    child *c = new_child(s);

    SLV_TRY(slv_link_start(&c->link, s->loop, SLV_DAEMON_LINK_FD, err));
    s->main = c;
    s->was_ready = c->ready = true;
    if (pidfd < 0)
        return slv_fail_errno(err, SLV_E_IO, "pidfd_open");
    return slv_proc_adopt(&c->proc, s->loop, pidfd, pid, err);
}

/* ---- signals ---- */

static void stop(supervisor *s)
{
    if (s->stopping) { /* asked twice: now */
        on_kill(&s->kill);
        return;
    }
    s->stopping = true;
    slv_notify("STOPPING=1");
    slv_timer_stop(&s->again);
    if (s->next) {
        slv_proc_signal(&s->next->proc, SIGKILL); /* it has nothing yet */
        free_child(s->next);
        s->next = NULL;
        close_heir(s);
    }
    SLV_LIST_EACH (node, &s->fronts)
        tell_stop(s, slv_container_of(node, child, node));
    if (s->main)
        tell_stop(s, s->main);
    end_if_alone(s);
}

static bool same_texts(const slv_strs *a, const slv_strs *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!slv_str_eq(a->items[i], b->items[i]))
            return false;
    return true;
}

static bool same_listeners(const slv_serve_config *a, const slv_serve_config *b)
{
    return same_texts(&a->listen, &b->listen) && same_texts(&a->tls_listen, &b->tls_listen) &&
           same_texts(&a->control_listen, &b->control_listen) &&
           same_texts(&a->proxy_protocol_listen, &b->proxy_protocol_listen);
}

/* A file with a fault changes nothing: we go on with what we have. */
static void reload(supervisor *s)
{
    const slv_serve_config *config;
    slv_err err = {0};

    if (s->stopping || !s->main)
        return;
    if (s->o->reload(s->o->reload_arg, &config, &err) != SLV_OK) {
        slv_log(SLV_LOG_ERROR, "reload: %s; everything stays as it is", slv_err_text(&err));
        return;
    }
    if (!same_listeners(s->config, config))
        slv_log(SLV_LOG_WARN, "reload: addresses to listen on change with a restart only");
    s->config = config;
    slv_notify_reloading();
    slv_link_say(&s->main->link, "reload");
}

static void on_int(slv_signal *sig, int number)
{
    (void)number;
    stop(slv_container_of(sig, supervisor, on_int));
}

static void on_term(slv_signal *sig, int number)
{
    (void)number;
    stop(slv_container_of(sig, supervisor, on_term));
}

static bool has_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* The same signal says that the terminal was closed: who watched the server has gone. */
static void on_hup(slv_signal *sig, int number)
{
    supervisor *s = slv_container_of(sig, supervisor, on_hup);

    (void)number;
    if (s->terminal && !has_terminal())
        stop(s);
    else
        reload(s);
}

static void on_usr2(slv_signal *sig, int number)
{
    (void)number;
    upgrade(slv_container_of(sig, supervisor, on_usr2));
}

static slv_code watch_signals(supervisor *s, slv_err *err)
{
    s->on_int.fn = on_int;
    s->on_term.fn = on_term;
    s->on_hup.fn = on_hup;
    s->on_usr2.fn = on_usr2;
    s->terminal = has_terminal();
    SLV_TRY(slv_signal_start(&s->on_int, s->loop, SIGINT, err));
    SLV_TRY(slv_signal_start(&s->on_term, s->loop, SIGTERM, err));
    SLV_TRY(slv_signal_start(&s->on_hup, s->loop, SIGHUP, err));
    return slv_signal_start(&s->on_usr2, s->loop, SIGUSR2, err);
}

/* ---- life ---- */

static slv_code begin(supervisor *s, slv_err *err)
{
    SLV_TRY(slv_directory_take(s->config->data, false, &s->lock_fd, err));
    SLV_TRY(slv_directory_settle(s->config->data, SETTLE_MS, err));
    SLV_TRY(slv_listeners_open(s->config, &s->listeners, err));
    SLV_TRY(slv_loop_new(&s->loop, err));
    SLV_TRY(watch_signals(s, err));
    start_main(s);
    return SLV_OK;
}

static slv_code begin_adopted(supervisor *s, slv_err *err)
{
    slv_code code;

    SLV_TRY(slv_listeners_take(s->o->handed, SLV_DAEMON_FIRST_FD, &s->listeners, err));
    SLV_TRY(slv_loop_new(&s->loop, err));
    SLV_TRY(adopt(s, err));
    code = slv_directory_take(s->config->data, true, &s->lock_fd, err);
    if (code != SLV_OK) { /* somebody serves the directory anew: let this main end */
        slv_link_say(&s->main->link, "stop");
        return code;
    }
    return watch_signals(s, err);
}

slv_code slv_daemon_supervise(const slv_daemon_options *options, slv_err *err)
{
    supervisor *s = slv_new0(supervisor);
    slv_code code;

    if (options->title)
        options->title("selvage: supervisor");
    slv_notify_init();
    s->o = options;
    s->config = options->config;
    s->err = err;
    s->lock_fd = s->heir = -1;
    slv_list_init(&s->fronts);
    s->again.fn = on_again;
    s->kill.fn = on_kill;
    code = options->role == SLV_DAEMON_ADOPTER ? begin_adopted(s, err) : begin(s, err);
    if (code == SLV_OK) {
        slv_loop_run(s->loop);
        code = s->code;
    }
    slv_timer_stop(&s->again);
    slv_timer_stop(&s->kill);
    slv_signal_stop(&s->on_int);
    slv_signal_stop(&s->on_term);
    slv_signal_stop(&s->on_hup);
    slv_signal_stop(&s->on_usr2);
    if (s->main)
        free_child(s->main);
    if (s->next)
        free_child(s->next);
    SLV_LIST_EACH (n, &s->fronts)
        free_child(slv_container_of(n, child, node));
    close_heir(s);
    slv_listeners_close(&s->listeners);
    s->loop = slv_loop_free(s->loop);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s);
    return code;
}
