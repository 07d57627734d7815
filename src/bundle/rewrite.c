#include "bundle/rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aio/poll.h"
#include "aio/proc.h"
#include "aio/timer.h"
#include "base/bytes.h"
#include "base/mem.h"

#define TEXT_MAX ((size_t)1 << 30)
#define READ_SIZE ((size_t)256 << 10)

struct slv_rewrite {
    slv_loop *loop;
    slv_rewrite_done done;
    void *user;
    slv_proc proc;
    int to_fd, from_fd;
    slv_poll to_poll, from_poll;
    slv_timer timer;
    slv_buf out, in;
    bool whole, ended, reported;
};

bool slv_rewrite_wanted(slv_str script)
{
    return slv_str_find(script, SLV_STR("async_hooks"), 0) != SIZE_MAX ||
           slv_str_find(script, SLV_STR("selvage:bao"), 0) != SIZE_MAX ||
           slv_str_find(script, SLV_STR("withEnv"), 0) != SIZE_MAX ||
           slv_str_find(script, SLV_STR("withExports"), 0) != SIZE_MAX;
}

static void report(slv_rewrite *r, slv_str script, slv_str map, const slv_err *err)
{
    if (r->reported)
        return;
    r->reported = true;
    slv_poll_stop(&r->to_poll);
    slv_poll_stop(&r->from_poll);
    slv_timer_stop(&r->timer);
    r->done(r->user, script, map, err);
}

static void fail(slv_rewrite *r, slv_code code, const char *text)
{
    slv_err err = {0};

    (void)slv_fail(&err, code, "asynchronous context: %s", text);
    report(r, SLV_STR_NULL, SLV_STR_NULL, &err);
}

/* The child has ended and what it wrote is here. */
static void advance(slv_rewrite *r)
{
    slv_reader reader = slv_reader_make(slv_buf_view(&r->in));
    slv_str script, map;

    if (!r->whole || !r->ended)
        return;
    if (slv_read_u8(&reader) == 1) {
        script = slv_read_str(&reader);
        map = slv_read_str(&reader);
        if (slv_reader_end(&reader)) {
            report(r, script, map, NULL);
            return;
        }
    } else if (!reader.bad) {
        char text[400];

        snprintf(text, sizeof text, "%.*s", SLV_STR_ARGS(reader.rest));
        fail(r, SLV_E_INVAL, text);
        return;
    }
    fail(r, SLV_E_CLOSED, "the process that rewrites the script ended unexpectedly");
}

static void on_writable(slv_poll *poll, SLV_UNUSED unsigned events)
{
    slv_rewrite *r = slv_container_of(poll, slv_rewrite, to_poll);

    while (r->out.len > 0) {
        ssize_t n = write(r->to_fd, r->out.ptr, r->out.len);

        if (n > 0)
            slv_buf_consume(&r->out, (size_t)n);
        else if (errno == EAGAIN)
            return;
        else if (errno != EINTR)
            break; /* it ended: that is reported */
    }
    slv_poll_stop(&r->to_poll);
    close(r->to_fd);
    r->to_fd = -1;
}

static void on_readable(slv_poll *poll, SLV_UNUSED unsigned events)
{
    slv_rewrite *r = slv_container_of(poll, slv_rewrite, from_poll);

    for (;;) {
        ssize_t n;

        if (slv_buf_reserve(&r->in, READ_SIZE) != SLV_OK) {
            fail(r, SLV_E_LIMIT, "the script is too large");
            return;
        }
        n = read(r->from_fd, r->in.ptr + r->in.len, READ_SIZE);
        if (n > 0) {
            r->in.len += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        slv_poll_stop(&r->from_poll);
        r->whole = true;
        advance(r);
        return;
    }
}

static void on_ended(slv_proc *proc, SLV_UNUSED int status)
{
    slv_rewrite *r = slv_container_of(proc, slv_rewrite, proc);

    r->ended = true;
    advance(r);
}

static void on_late(slv_timer *timer)
{
    fail(slv_container_of(timer, slv_rewrite, timer), SLV_E_TIMEOUT,
         "rewriting the script takes too long");
}

/* What the engine looks at, and nothing of ours. */
static const char *const *environment(void)
{
    static const char *const none[] = {"TZ=UTC", "LANG=en_US.UTF-8", NULL};
    static const char *list[8];
    static const char *const kept[] = {"SELVAGE_SANDBOX", "ASAN_OPTIONS", "UBSAN_OPTIONS",
                                       "LSAN_OPTIONS", "LD_LIBRARY_PATH"};
    static char text[SLV_ARRAY_LEN(kept)][512];
    size_t n = 0;

    list[n++] = none[0];
    list[n++] = none[1];
    for (size_t i = 0; i < SLV_ARRAY_LEN(kept); i++) {
        const char *value = getenv(kept[i]);

        if (value &&
            (size_t)snprintf(text[i], sizeof text[i], "%s=%s", kept[i], value) < sizeof text[i])
            list[n++] = text[i];
    }
    list[n] = NULL;
    return list;
}

static slv_code start_child(slv_rewrite *r, slv_err *err)
{
    char parent[16];
    const char *program = getenv("SELVAGE_PROGRAM");
    const char *argv[] = {"selvage", "__rewrite", parent, NULL};
    int to[2], from[2];
    slv_code code;

    snprintf(parent, sizeof parent, "%d", (int)getpid());
    if (pipe2(to, O_CLOEXEC) < 0)
        return slv_fail_errno(err, SLV_E_IO, "pipe");
    r->to_fd = to[1];
    if (pipe2(from, O_CLOEXEC) < 0) {
        code = slv_fail_errno(err, SLV_E_IO, "pipe");
        close(to[0]);
        return code;
    }
    r->from_fd = from[0];
    fcntl(r->to_fd, F_SETFL, O_NONBLOCK);
    fcntl(r->from_fd, F_SETFL, O_NONBLOCK);
    int fds[] = {to[0], from[1], STDERR_FILENO};
    slv_proc_options options = {.path = program ? program : "/proc/self/exe",
                                .argv = argv,
                                .envp = environment(),
                                .fds = fds,
                                .fd_count = 3,
                                .own_group = true};

    code = slv_proc_start(&r->proc, r->loop, &options, err);
    close(to[0]);
    close(from[1]);
    return code;
}

slv_code slv_rewrite_start(slv_loop *loop, slv_str script, slv_str map, slv_rewrite_done done,
                           void *user, slv_rewrite **ret, slv_err *err)
{
    SLV_CLEANUP(slv_rewrite_free) slv_rewrite *r = slv_new0(slv_rewrite);

    r->loop = loop;
    r->done = done;
    r->user = user;
    r->proc.pidfd = r->to_fd = r->from_fd = -1;
    r->proc.ended = on_ended;
    r->to_poll.fn = on_writable;
    r->from_poll.fn = on_readable;
    r->timer.fn = on_late;
    r->out = SLV_BUF(TEXT_MAX);
    r->in = SLV_BUF(TEXT_MAX);
    if (slv_buf_append_u32(&r->out, (uint32_t)script.len) != SLV_OK ||
        slv_buf_append(&r->out, script) != SLV_OK ||
        slv_buf_append_u32(&r->out, (uint32_t)map.len) != SLV_OK ||
        slv_buf_append(&r->out, map) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "the script is too large");
    SLV_TRY(start_child(r, err));
    SLV_TRY(slv_poll_start(&r->to_poll, loop, r->to_fd, SLV_POLL_WRITE, err));
    SLV_TRY(slv_poll_start(&r->from_poll, loop, r->from_fd, SLV_POLL_READ, err));
    slv_timer_start(&r->timer, loop, SLV_REWRITE_MS);
    *ret = SLV_STEAL(r);
    return SLV_OK;
}

uint64_t slv_rewrite_memory(const slv_rewrite *r)
{
    return slv_proc_resident(&r->proc);
}

slv_rewrite *slv_rewrite_free(slv_rewrite *r)
{
    if (!r)
        return NULL;
    slv_poll_stop(&r->to_poll);
    slv_poll_stop(&r->from_poll);
    slv_timer_stop(&r->timer);
    if (r->proc.pidfd >= 0) {
        slv_proc_signal(&r->proc, SIGKILL);
        slv_proc_release(&r->proc);
        if (!r->ended)
            (void)waitpid(r->proc.pid, NULL, 0); /* at once: it was killed */
    }
    if (r->to_fd >= 0)
        close(r->to_fd);
    if (r->from_fd >= 0)
        close(r->from_fd);
    slv_buf_done(&r->out);
    slv_buf_done(&r->in);
    free(r);
    return NULL;
}
