#include "cli/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/vec.h"
#include "chan/frame.h"
#include "chan/page.h"
#include "chan/record.h"

#define NOTES_MAX 10

typedef struct seen_frame {
    uint8_t type, flags;
    uint32_t id;
    uint64_t payload; /* hash, of what is compared */
} seen_frame;

typedef SLV_VEC(seen_frame) frame_list;

typedef struct replay {
    pid_t pid;
    int fd;
    slv_frame_reader to, then, now; /* what main said, what came back then, what comes back now */
    frame_list recorded, got;
    size_t events;
    bool over; /* the isolate has closed its end */
    void (*note)(void *user, const char *line);
    void *user;
} replay;

/* ---- the isolate ---- */

static void child(int channel, int page)
{
    char parent[16];
    int null = open("/dev/null", O_RDWR);

    snprintf(parent, sizeof parent, "%d", (int)getppid());
    /* out of the way of the numbers that are given away next */
    channel = fcntl(channel, F_DUPFD, 10);
    page = fcntl(page, F_DUPFD, 10);
    if (null < 0 || channel < 0 || page < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
        dup2(channel, SLV_CHANNEL_FD) < 0 || dup2(page, SLV_PAGE_FD) < 0)
        _exit(127);
    close_range(5, ~0u, 0);
    execl("/proc/self/exe", "selvage: replay", "__isolate", parent, (char *)NULL);
    _exit(127);
}

static slv_code start(replay *r, slv_err *err)
{
    int pair[2], page;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return slv_fail_errno(err, SLV_E_IO, "socketpair");
    r->fd = pair[0];
    page = memfd_create("selvage-page", MFD_CLOEXEC);
    if (page < 0 || ftruncate(page, SLV_PAGE_SIZE) != 0) {
        close(pair[1]);
        return slv_fail_errno(err, SLV_E_IO, "shared page");
    }
    r->pid = fork();
    if (r->pid == 0)
        child(pair[1], page);
    close(pair[1]);
    close(page);
    if (r->pid < 0)
        return slv_fail_errno(err, SLV_E_IO, "fork");
    fcntl(r->fd, F_SETFL, O_NONBLOCK);
    return SLV_OK;
}

static void stop(replay *r)
{
    if (r->fd >= 0)
        close(r->fd);
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    slv_frame_reader_done(&r->to);
    slv_frame_reader_done(&r->then);
    slv_frame_reader_done(&r->now);
    slv_vec_done(&r->recorded);
    slv_vec_done(&r->got);
}
SLV_DEFINE_CLEANUP_DONE(replay, stop);

/* ---- frames ---- */

/* The part of a payload that a second run can repeat: CPU figures are cut out. */
static uint64_t comparable(const slv_frame *f)
{
    slv_str s = f->payload;

    if (f->type == SLV_FRAME_READY)
        return slv_hash(slv_str_skip(s, 8));
    if (f->type == SLV_FRAME_END)
        return slv_hash(slv_str_sub(s, 0, 1)) ^ slv_hash(slv_str_skip(s, 9));
    return slv_hash(s);
}

static slv_code take(slv_frame_reader *reader, slv_str bytes, frame_list *list, size_t *events,
                     slv_err *err)
{
    slv_frame f;
    slv_code code;

    while (bytes.len > 0) {
        char *room;
        size_t n;

        SLV_TRY(slv_frame_reader_room(reader, 1, &room, &n));
        n = SLV_MIN(n, bytes.len);
        memcpy(room, bytes.ptr, n);
        slv_frame_reader_got(reader, n);
        bytes = slv_str_skip(bytes, n);
        while ((code = slv_frame_reader_next(reader, &f, err)) == SLV_OK) {
            if (events && f.type == SLV_FRAME_EVENT)
                ++*events;
            if (list)
                slv_vec_push(list, ((seen_frame){(uint8_t)f.type, f.flags, f.id, comparable(&f)}));
        }
        if (code != SLV_E_AGAIN)
            return code;
    }
    return SLV_OK;
}

static slv_code read_some(replay *r, slv_err *err)
{
    char buf[65536];
    ssize_t n = read(r->fd, buf, sizeof buf);

    if (n > 0)
        return take(&r->now, slv_str_make(buf, (size_t)n), &r->got, NULL, err);
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        r->over = true;
    return SLV_OK;
}

/* Both sides always read, so this ends unless the isolate is stuck. */
static slv_code say(replay *r, slv_str bytes, slv_err *err)
{
    while (bytes.len > 0 && !r->over) {
        struct pollfd p = {r->fd, POLLIN | POLLOUT, 0};
        ssize_t n;

        if (poll(&p, 1, SLV_REPLAY_PATIENCE_MS) == 0)
            return slv_fail(err, SLV_E_TIMEOUT, "the isolate does not read");
        if (p.revents & POLLIN)
            SLV_TRY(read_some(r, err));
        if (!(p.revents & POLLOUT))
            continue;
        n = send(r->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n > 0)
            bytes = slv_str_skip(bytes, (size_t)n);
        else if (errno != EAGAIN && errno != EINTR)
            r->over = true;
    }
    return SLV_OK;
}

/* Until as much has come as had come then. */
static slv_code hear(replay *r, slv_err *err)
{
    while (r->got.len < r->recorded.len && !r->over) {
        struct pollfd p = {r->fd, POLLIN, 0};

        if (poll(&p, 1, SLV_REPLAY_PATIENCE_MS) == 0)
            return slv_fail(
                err, SLV_E_TIMEOUT,
                "the isolate has sent %zu frames and no more; %zu were recorded up to here",
                r->got.len, r->recorded.len);
        SLV_TRY(read_some(r, err));
    }
    return SLV_OK;
}

/* ---- comparison ---- */

static void note(const replay *r, size_t i, const char *what)
{
    const seen_frame *was = &r->recorded.items[i], *is = &r->got.items[i];
    char line[200];

    snprintf(line, sizeof line, "frame %zu: %s: %s %u was recorded, %s %u came", i + 1, what,
             slv_frame_type_name(was->type), was->id, slv_frame_type_name(is->type), is->id);
    r->note(r->user, line);
}

static void compare(const replay *r, slv_replay_result *ret)
{
    size_t n = SLV_MIN(r->recorded.len, r->got.len);

    for (size_t i = 0; i < n; i++) {
        const seen_frame *was = &r->recorded.items[i], *is = &r->got.items[i];

        if (was->type != is->type || was->id != is->id || was->flags != is->flags) {
            if (ret->different++ < NOTES_MAX)
                note(r, i, "another one");
        } else if (was->payload != is->payload) {
            if (ret->changed++ < NOTES_MAX)
                note(r, i, "other content");
        }
    }
    ret->different += r->recorded.len - n;
    ret->frames = r->recorded.len;
    ret->events = r->events;
}

slv_code slv_replay(slv_str recording, void (*note_fn)(void *user, const char *line), void *user,
                    slv_replay_result *ret, slv_err *err)
{
    SLV_CLEANUP(stop) replay r = {.fd = -1, .note = note_fn, .user = user};
    slv_record_reader reader;
    slv_record_entry entry;
    slv_code code;

    *ret = (slv_replay_result){0};
    SLV_TRY(slv_record_read(recording, &reader, err));
    slv_frame_reader_init(&r.to, SLV_CHAN_MAIN);
    slv_frame_reader_init(&r.then, SLV_CHAN_ISOLATE);
    slv_frame_reader_init(&r.now, SLV_CHAN_ISOLATE);
    SLV_TRY(start(&r, err));
    while ((code = slv_record_next(&reader, &entry, err)) == SLV_OK) {
        if (entry.dir == SLV_RECORD_TO_ISOLATE) {
            SLV_TRY(hear(&r, err));
            SLV_TRY(take(&r.to, entry.bytes, NULL, &r.events, err));
            SLV_TRY(say(&r, entry.bytes, err));
        } else {
            SLV_TRY(take(&r.then, entry.bytes, &r.recorded, NULL, err));
        }
    }
    if (code != SLV_E_NOTFOUND)
        return code;
    SLV_TRY(hear(&r, err));
    compare(&r, ret);
    return SLV_OK;
}
