#include "support/isolate_rig.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt/rt.h"
#include "support/tap.h"

#define WAIT_MS 60000

void rig_done(rig *r)
{
    if (r->fd > 0)
        close(r->fd);
    if (r->pid > 0)
        waitpid(r->pid, NULL, 0);
    slv_frame_reader_done(&r->reader);
    slv_buf_done(&r->out);
    slv_buf_done(&r->last);
}

bool rig_flush(rig *r)
{
    size_t at = 0;

    while (at < r->out.len) {
        ssize_t n = write(r->fd, r->out.ptr + at, r->out.len - at);

        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    slv_buf_reset(&r->out);
    return true;
}

static bool more(rig *r)
{
    struct pollfd fd = {r->fd, POLLIN, 0};
    char *ptr;
    size_t room;
    ssize_t n;

    if (poll(&fd, 1, WAIT_MS) <= 0 ||
        slv_frame_reader_room(&r->reader, 65536, &ptr, &room) != SLV_OK)
        return false;
    n = read(r->fd, ptr, room);
    if (n <= 0)
        return false;
    slv_frame_reader_got(&r->reader, (size_t)n);
    return true;
}

bool rig_read(rig *r, slv_frame *ret)
{
    slv_err err = {0};
    slv_code code;

    (void)rig_flush(r);
    do {
        while ((code = slv_frame_reader_next(&r->reader, ret, &err)) == SLV_E_AGAIN) {
            if (!more(r))
                return false;
        }
        if (code != SLV_OK) {
            tap_note("%s", slv_err_text(&err));
            return false;
        }
    } while (ret->type == SLV_FRAME_HELLO);
    if (slv_buf_set(&r->last, ret->payload) != SLV_OK)
        return false;
    ret->payload = slv_buf_view(&r->last);
    return true;
}

bool put(rig *r, slv_frame_type type, uint8_t flags, uint32_t id, slv_str payload)
{
    return slv_frame_put(&r->out, type, flags, id, payload) == SLV_OK;
}

bool put_u32(rig *r, slv_frame_type type, uint32_t id, uint32_t v)
{
    return put(r, type, 0, id, slv_str_make(&v, sizeof v));
}

bool put_event(rig *r, uint32_t id, const slv_msg_event *m)
{
    size_t at;

    return slv_frame_begin(&r->out, SLV_FRAME_EVENT, 0, id, &at) == SLV_OK &&
           slv_msg_event_put(&r->out, m) == SLV_OK && slv_frame_end(&r->out, at) == SLV_OK;
}

bool rig_spawn(rig *r, const char *script, slv_str config)
{
    int pair[2];

    *r = (rig){.out = SLV_BUF((size_t)64 << 20), .last = SLV_BUF((size_t)64 << 20)};
    slv_frame_reader_init(&r->reader, SLV_CHAN_ISOLATE);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return false;
    fflush(stdout);
    r->pid = fork();
    if (r->pid == 0) {
        slv_err err = {0};

        close(pair[0]);
        alarm(200);
        slv_code code = slv_rt_run(slv_rt_prepare(), pair[1], NULL, &err);
        if (code != SLV_OK && code != SLV_E_JS)
            fprintf(stderr, "isolate: %s\n", slv_err_text(&err));
        _exit(code == SLV_OK ? 0 : 1);
    }
    close(pair[1]);
    r->fd = pair[0];
    return put_u32(r, SLV_FRAME_HELLO, 0, SLV_CHAN_VERSION) &&
           put(r, SLV_FRAME_BLOB, SLV_FRAME_FIN, 1, slv_str_from(script)) &&
           put(r, SLV_FRAME_BLOB, SLV_FRAME_FIN, 9, config) && put_u32(r, SLV_FRAME_START, 0, 9);
}
