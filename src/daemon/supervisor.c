/*
 * The supervisor: holds the listeners, keeps one main running, and hands signals on. It reads
 * nothing that a client sent and has no store open, so that little can end it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aio/proc.h"
#include "aio/signal.h"
#include "aio/timer.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon.h"
#include "daemon/link.h"
#include "daemon/listen.h"

/* A main that dies young is started again later and later. */
#define YOUNG_MS 5000
#define AGAIN_MS UINT64_C(100)
#define AGAIN_MAX_MS UINT64_C(5000)
/* A main that was told to end and does not, this long after its time. */
#define KILL_AFTER_MS 10000

typedef struct supervisor supervisor;

/* A process that serves, or will, or did. */
typedef struct child {
    supervisor *s;
    slv_proc proc;
    slv_link link;
    uint64_t born_ms;
    bool ready, failed;
} child;

struct supervisor {
    const slv_daemon_options *o;
    slv_loop *loop;
    slv_listeners listeners;
    int lock_fd;
    child *main;
    slv_timer again, kill;
    uint64_t again_ms;
    bool stopping, was_ready;
    slv_code code;
    slv_err *err;
    slv_signal on_int, on_term, on_hup, on_usr2;
};

/* ---- one supervisor for a directory ---- */

static slv_code in_use(const char *dir, int fd, slv_err *err)
{
    char text[32] = {0};
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    uint64_t pid = 0;

    if (n <= 0 || slv_parse_u64(slv_str_trim(slv_str_make(text, (size_t)n)), &pid) != SLV_OK)
        return slv_fail(err, SLV_E_STATE, "%s is served already", dir);
    return slv_fail(err, SLV_E_STATE,
                    "%s is served already, by process %llu; stop that one first, or give this one "
                    "a directory of its own with --data",
                    dir, (unsigned long long)pid);
}

static slv_code make_dir(const char *path, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *up = slv_path_dir(path);

    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return SLV_OK;
    if (errno != ENOENT || strcmp(up, path) == 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot make the folder %s", path);
    SLV_TRY(make_dir(up, err));
    return mkdir(path, 0700) == 0 || errno == EEXIST
               ? SLV_OK
               : slv_fail_errno(err, SLV_E_IO, "cannot make the folder %s", path);
}

static slv_code take_directory(supervisor *s, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free)
    char *dir = slv_strndup(s->o->config->data.ptr, s->o->config->data.len);
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, SLV_STR("serve.pid"));
    char text[24];

    SLV_TRY(make_dir(dir, err));
    s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock_fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? in_use(dir, s->lock_fd, err)
                                    : slv_fail_errno(err, SLV_E_IO, "cannot lock %s", path);
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(s->lock_fd, 0) != 0 || pwrite(s->lock_fd, text, (size_t)len, 0) != len)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    return SLV_OK;
}

/* ---- main ---- */

static void free_child(child *c)
{
    slv_link_stop(&c->link);
    slv_proc_release(&c->proc);
    free(c);
}

static void start_main(supervisor *s);

static void on_again(slv_timer *timer)
{
    start_main(slv_container_of(timer, supervisor, again));
}

static void again(supervisor *s, bool young)
{
    s->again_ms = !young ? 0 : s->again_ms == 0 ? AGAIN_MS : SLV_MIN(2 * s->again_ms, AGAIN_MAX_MS);
    slv_timer_start(&s->again, s->loop, s->again_ms);
}

static void end(supervisor *s, slv_code code)
{
    s->code = code;
    slv_loop_stop(s->loop);
}

static void tell_end(const child *c, int status)
{
    if (WIFSIGNALED(status))
        slv_log(SLV_LOG_ERROR, "main (process %d) was killed by signal %d; it is started again",
                (int)c->proc.pid, WTERMSIG(status));
    else
        slv_log(SLV_LOG_ERROR, "main (process %d) ended with status %d; it is started again",
                (int)c->proc.pid, WEXITSTATUS(status));
}

static void on_main_ended(slv_proc *proc, int status)
{
    child *c = slv_container_of(proc, child, proc);
    supervisor *s = c->s;
    bool young = slv_loop_now_ms(s->loop) - c->born_ms < YOUNG_MS;
    bool failed = c->failed;

    s->main = NULL;
    if (s->stopping) {
        end(s, SLV_OK);
    } else if (failed && !s->was_ready) {
        end(s, s->err->code); /* wrong from the beginning: another try would be no better */
    } else {
        tell_end(c, status);
        again(s, young);
    }
    free_child(c);
}

static void on_said(slv_link *link, slv_str word, slv_str rest)
{
    child *c = slv_container_of(link, child, link);
    supervisor *s = c->s;

    if (slv_str_is(word, "ready")) {
        c->ready = s->was_ready = true;
    } else if (slv_str_is(word, "failed")) {
        c->failed = true;
        if (!s->was_ready)
            (void)slv_fail(s->err, SLV_E_STATE, "%.*s", SLV_STR_ARGS(rest));
        else
            slv_log(SLV_LOG_ERROR, "main cannot start: %.*s", SLV_STR_ARGS(rest));
    }
}

static slv_code spawn(child *c, slv_err *err)
{
    supervisor *s = c->s;
    SLV_CLEANUP(slv_buf_done) slv_buf handed = SLV_BUF(4096);
    const char *argv[256];
    int fds[SLV_DAEMON_FIRST_FD + SLV_LISTENERS_MAX] = {0, 1, 2}, ends[2];
    size_t n = 0;
    slv_code code;

    SLV_TRY(slv_buf_append(&handed, SLV_STR("--as-main=")));
    SLV_TRY(slv_listeners_put(&s->listeners, &handed));
    while (s->o->argv[n] && n < SLV_ARRAY_LEN(argv) - 2) {
        argv[n] = s->o->argv[n];
        n++;
    }
    argv[n++] = slv_buf_cstr(&handed);
    argv[n] = NULL;
    SLV_TRY(slv_link_pair(ends, err));
    fds[SLV_DAEMON_LINK_FD] = ends[1];
    for (size_t i = 0; i < s->listeners.count; i++)
        fds[SLV_DAEMON_FIRST_FD + i] = s->listeners.items[i].fd;
    const slv_proc_options options = {
        .path = s->o->program,
        .argv = argv,
        .fds = fds,
        .fd_count = (unsigned)(SLV_DAEMON_FIRST_FD + s->listeners.count),
    };
    code = slv_proc_start(&c->proc, s->loop, &options, err);
    close(ends[1]);
    if (code != SLV_OK) {
        close(ends[0]);
        return code;
    }
    return slv_link_start(&c->link, s->loop, ends[0], err);
}

static void start_main(supervisor *s)
{
    child *c = slv_new0(child);
    slv_err err = {0};

    c->s = s;
    c->link.fd = -1;
    c->proc.pidfd = -1;
    c->link.said = on_said;
    c->proc.ended = on_main_ended;
    c->born_ms = slv_loop_now_ms(s->loop);
    if (spawn(c, &err) == SLV_OK) {
        s->main = c;
        return;
    }
    slv_log(SLV_LOG_ERROR, "cannot start main: %s", slv_err_text(&err));
    free_child(c);
    again(s, true);
}

/* ---- signals ---- */

static void on_kill(slv_timer *timer)
{
    supervisor *s = slv_container_of(timer, supervisor, kill);

    if (s->main)
        slv_proc_signal(&s->main->proc, SIGKILL);
}

static void stop(supervisor *s)
{
    if (s->stopping) { /* asked twice: now */
        on_kill(&s->kill);
        return;
    }
    s->stopping = true;
    slv_timer_stop(&s->again);
    if (!s->main) {
        end(s, SLV_OK);
        return;
    }
    slv_link_say(&s->main->link, "stop");
    slv_timer_start(&s->kill, s->loop, s->o->config->drain_seconds * 1000 + KILL_AFTER_MS);
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

static slv_code watch_signals(supervisor *s, slv_err *err)
{
    s->on_int.fn = on_int;
    s->on_term.fn = on_term;
    SLV_TRY(slv_signal_start(&s->on_int, s->loop, SIGINT, err));
    return slv_signal_start(&s->on_term, s->loop, SIGTERM, err);
}

/* ---- life ---- */

static slv_code run(supervisor *s, slv_err *err)
{
    SLV_TRY(take_directory(s, err));
    SLV_TRY(slv_listeners_open(s->o->config, &s->listeners, err));
    SLV_TRY(slv_loop_new(&s->loop, err));
    SLV_TRY(watch_signals(s, err));
    start_main(s);
    slv_loop_run(s->loop);
    return s->code;
}

slv_code slv_daemon_supervise(const slv_daemon_options *options, slv_err *err)
{
    supervisor *s = slv_new0(supervisor);
    slv_code code;

    if (options->title)
        options->title("selvage: supervisor");
    s->o = options;
    s->err = err;
    s->lock_fd = -1;
    s->again.fn = on_again;
    s->kill.fn = on_kill;
    code = run(s, err);
    slv_timer_stop(&s->again);
    slv_timer_stop(&s->kill);
    slv_signal_stop(&s->on_int);
    slv_signal_stop(&s->on_term);
    slv_signal_stop(&s->on_hup);
    slv_signal_stop(&s->on_usr2);
    if (s->main)
        free_child(s->main);
    slv_listeners_close(&s->listeners);
    s->loop = slv_loop_free(s->loop);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s);
    return code;
}
