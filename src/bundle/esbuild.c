/* The process and its packets. */
#include "bundle/esbuild.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "aio/poll.h"
#include "aio/proc.h"
#include "base/bytes.h"
#include "base/mem.h"

#define READ_SIZE ((size_t)256 << 10)
#define KEPT_MAX (2 * READ_SIZE)

struct slv_esbuild {
    slv_loop *loop;
    slv_esbuild_handlers h;
    slv_proc proc;
    int to_fd, from_fd;
    slv_poll to_poll, from_poll;
    slv_buf out, in;
    slv_task ended_task;
    char ended_text[256];
    uint32_t next_id;
    bool greeted; /* the first packet is its version */
    bool dead;
};

static void end_reported(slv_task *task)
{
    slv_esbuild *e = slv_container_of(task, slv_esbuild, ended_task);

    e->h.ended(e->h.user, e->ended_text);
}

/* Reports from the loop, never inside a call of the owner. */
static void die(slv_esbuild *e, const char *text)
{
    if (e->dead)
        return;
    e->dead = true;
    slv_poll_stop(&e->to_poll);
    slv_poll_stop(&e->from_poll);
    slv_proc_signal(&e->proc, SIGKILL);
    snprintf(e->ended_text, sizeof e->ended_text, "%s", text);
    slv_loop_later(e->loop, &e->ended_task);
}

/* ---- writing ---- */

static void write_out(slv_esbuild *e)
{
    slv_err err;

    while (e->out.len > 0) {
        ssize_t n = write(e->to_fd, e->out.ptr, e->out.len);

        if (n > 0) {
            slv_buf_consume(&e->out, (size_t)n);
        } else if (errno == EAGAIN) {
            if (!slv_poll_started(&e->to_poll) &&
                slv_poll_start(&e->to_poll, e->loop, e->to_fd, SLV_POLL_WRITE, &err) != SLV_OK)
                die(e, slv_err_text(&err));
            return;
        } else if (errno != EINTR) {
            die(e, "esbuild does not take its input");
            return;
        }
    }
    slv_poll_stop(&e->to_poll);
}

static void on_writable(slv_poll *poll, SLV_UNUSED unsigned events)
{
    write_out(slv_container_of(poll, slv_esbuild, to_poll));
}

static void send_packet(slv_esbuild *e, uint32_t id_and_kind, slv_str value)
{
    if (e->dead)
        return;
    if (slv_buf_append_u32(&e->out, (uint32_t)value.len + 4) != SLV_OK ||
        slv_buf_append_u32(&e->out, id_and_kind) != SLV_OK ||
        slv_buf_append(&e->out, value) != SLV_OK) {
        die(e, "too much is waiting for esbuild");
        return;
    }
    write_out(e);
}

uint32_t slv_esbuild_ask(slv_esbuild *e, slv_str value)
{
    uint32_t id = e->next_id++;

    send_packet(e, id << 1, value);
    return id;
}

void slv_esbuild_answer(slv_esbuild *e, uint32_t id, slv_str value)
{
    send_packet(e, id << 1 | 1, value);
}

/* ---- reading ---- */

static void answer_ping(slv_esbuild *e, uint32_t id)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(64);

    slv_esbuild_put_map(&b, 0);
    slv_esbuild_answer(e, id, slv_buf_view(&b));
}

static void packet(slv_esbuild *e, slv_str bytes)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(2 * SLV_ESBUILD_PACKET_MAX);
    slv_reader r = slv_reader_make(bytes);
    uint32_t head = slv_read_u32(&r);
    slv_node *value;
    slv_err err;

    if (r.bad || slv_esbuild_decode(r.rest, &arena, &value, &err) != SLV_OK) {
        die(e, "esbuild sent a malformed packet");
        return;
    }
    if (head & 1)
        e->h.answer(e->h.user, head >> 1, value);
    else if (slv_str_is(slv_node_str(slv_node_get(value, "command")), "ping"))
        answer_ping(e, head >> 1);
    else
        e->h.question(e->h.user, head >> 1, value);
}

static void packets(slv_esbuild *e)
{
    size_t done = 0;

    while (!e->dead && e->in.len - done >= 4) {
        slv_reader r = slv_reader_make(slv_str_skip(slv_buf_view(&e->in), done));
        uint32_t len = slv_read_u32(&r);

        if (len > SLV_ESBUILD_PACKET_MAX) {
            die(e, "esbuild sent too large a packet");
            return;
        }
        if (r.rest.len < len)
            break;
        done += 4 + (size_t)len;
        if (!e->greeted)
            e->greeted = true;
        else
            packet(e, slv_str_sub(r.rest, 0, len));
    }
    slv_buf_consume(&e->in, done);
    if (e->in.len == 0 && e->in.cap > KEPT_MAX) /* a result came: the next may be long in coming */
        slv_buf_done(&e->in);
}

static void on_readable(slv_poll *poll, SLV_UNUSED unsigned events)
{
    slv_esbuild *e = slv_container_of(poll, slv_esbuild, from_poll);

    for (;;) {
        ssize_t n;

        if (slv_buf_reserve(&e->in, READ_SIZE) != SLV_OK) {
            die(e, "esbuild sent too large a packet");
            return;
        }
        n = read(e->from_fd, e->in.ptr + e->in.len, READ_SIZE);
        if (n > 0) {
            e->in.len += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        packets(e);
        die(e, e->greeted ? "esbuild ended unexpectedly" : "esbuild did not start");
        return;
    }
    packets(e);
}

/* ---- life ---- */

static void on_ended(slv_proc *proc, SLV_UNUSED int status)
{
    slv_esbuild *e = slv_container_of(proc, slv_esbuild, proc);

    if (!e->dead && !slv_poll_started(&e->from_poll))
        die(e, "esbuild ended unexpectedly");
    /* otherwise what it wrote is read to its end first */
}

static slv_code make_pipes(int to[2], int from[2], slv_err *err)
{
    if (pipe2(to, O_CLOEXEC) < 0)
        return slv_fail_errno(err, SLV_E_IO, "pipe");
    if (pipe2(from, O_CLOEXEC) < 0) {
        close(to[0]);
        close(to[1]);
        return slv_fail_errno(err, SLV_E_IO, "pipe");
    }
    fcntl(to[1], F_SETFL, O_NONBLOCK);
    fcntl(from[0], F_SETFL, O_NONBLOCK);
    return SLV_OK;
}

slv_code slv_esbuild_start(slv_loop *loop, const slv_esbuild_place *place,
                           const slv_esbuild_handlers *handlers, slv_esbuild **ret, slv_err *err)
{
    SLV_CLEANUP(slv_esbuild_free) slv_esbuild *e = slv_new0(slv_esbuild);
    char service[64], parent[16];
    const char *argv[] = {"selvage", "__tool", parent, place->binary, service, "--ping", NULL};
    int to[2] = {-1, -1}, from[2] = {-1, -1};
    slv_code code;

    snprintf(parent, sizeof parent, "%d", (int)getpid());
    snprintf(service, sizeof service, "--service=%s", place->version);
    e->loop = loop;
    e->h = *handlers;
    e->proc.pidfd = -1;
    e->to_fd = e->from_fd = -1;
    e->out = SLV_BUF(2 * SLV_ESBUILD_PACKET_MAX);
    e->in = SLV_BUF(2 * SLV_ESBUILD_PACKET_MAX);
    e->to_poll.fn = on_writable;
    e->from_poll.fn = on_readable;
    e->ended_task.fn = end_reported;
    e->proc.ended = on_ended;
    SLV_TRY(make_pipes(to, from, err));
    e->to_fd = to[1];
    e->from_fd = from[0];
    int fds[] = {to[0], from[1], STDERR_FILENO};
    slv_proc_options options = {.path = place->sealed ? "/proc/self/exe" : place->binary,
                                .argv = place->sealed ? argv : argv + 3,
                                .fds = fds,
                                .fd_count = 3,
                                .own_group = true};

    code = slv_proc_start(&e->proc, loop, &options, err);
    close(to[0]);
    close(from[1]);
    SLV_TRY(code);
    SLV_TRY(slv_poll_start(&e->from_poll, loop, e->from_fd, SLV_POLL_READ, err));
    *ret = SLV_STEAL(e);
    return SLV_OK;
}

slv_esbuild *slv_esbuild_free(slv_esbuild *e)
{
    if (!e)
        return NULL;
    slv_task_cancel(&e->ended_task);
    slv_poll_stop(&e->to_poll);
    slv_poll_stop(&e->from_poll);
    if (e->proc.pidfd >= 0) {
        slv_proc_signal(&e->proc, SIGKILL);
        slv_proc_release(&e->proc);
    }
    if (e->to_fd >= 0)
        close(e->to_fd);
    if (e->from_fd >= 0)
        close(e->from_fd);
    slv_buf_done(&e->out);
    slv_buf_done(&e->in);
    free(e);
    return NULL;
}

uint64_t slv_esbuild_memory(const slv_esbuild *e)
{
    return slv_proc_resident(&e->proc);
}
