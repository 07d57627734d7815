#include "aio/poll.h"

#include "aio/loop_int.h"
#include "base/mem.h"

/* uv's handles close asynchronously while ours stop at once: so they live apart from their owners.
 */
struct slv_poll_handle {
    uv_poll_t uv;
    slv_poll *owner; /* NULL: stopped */
    slv_loop *loop;
};

static void on_poll(uv_poll_t *uv, int status, int events)
{
    slv_poll_handle *handle = slv_container_of(uv, slv_poll_handle, uv);
    slv_poll *poll = handle->owner;
    unsigned what = 0;

    if (!poll)
        return;
    if (status <
        0) { /* uv has stopped the handle: the owner's next read or write finds the error */
        poll->events = 0;
        poll->fn(poll, SLV_POLL_READ | SLV_POLL_WRITE);
        return;
    }
    if (events & UV_READABLE)
        what |= SLV_POLL_READ;
    if (events & UV_WRITABLE)
        what |= SLV_POLL_WRITE;
    if (events & UV_DISCONNECT)
        what |= SLV_POLL_HUP;
    what &= poll->events;
    if (what)
        poll->fn(poll, what);
}

static int uv_events(unsigned events)
{
    return (events & SLV_POLL_READ ? UV_READABLE : 0) |
           (events & SLV_POLL_WRITE ? UV_WRITABLE : 0) |
           (events & SLV_POLL_HUP ? UV_DISCONNECT : 0);
}

slv_code slv_poll_start(slv_poll *poll, slv_loop *loop, int fd, unsigned events, slv_err *err)
{
    slv_loop_own_(loop);
    SLV_ASSERT(poll->fn);
    if (poll->handle) {
        SLV_ASSERT(poll->fd == fd && poll->handle->loop == loop);
        slv_poll_set(poll, events);
        return SLV_OK;
    }
    slv_poll_handle *handle = slv_new0(slv_poll_handle);
    int rc = uv_poll_init(&loop->uv, &handle->uv, fd);
    if (rc < 0) {
        free(handle);
        if (err)
            err->detail = -rc;
        return slv_fail(err, SLV_E_IO, "poll: %s", uv_strerror(rc));
    }
    handle->owner = poll;
    handle->loop = loop;
    poll->handle = handle;
    poll->fd = fd;
    poll->events = 0;
    slv_poll_set(poll, events);
    return SLV_OK;
}

void slv_poll_set(slv_poll *poll, unsigned events)
{
    SLV_ASSERT(poll->handle);
    slv_loop_own_(poll->handle->loop);
    if (poll->events == events)
        return;
    poll->events = events;
    if (events == 0)
        SLV_ASSERT(uv_poll_stop(&poll->handle->uv) == 0);
    else
        SLV_ASSERT(uv_poll_start(&poll->handle->uv, uv_events(events), on_poll) == 0);
}

static void on_closed(uv_handle_t *uv)
{
    free(slv_container_of((uv_poll_t *)uv, slv_poll_handle, uv));
}

void slv_poll_stop(slv_poll *poll)
{
    slv_poll_handle *handle = poll->handle;

    if (!handle)
        return;
    slv_loop_own_(handle->loop);
    handle->owner = NULL;
    poll->handle = NULL;
    poll->events = 0;
    uv_close((uv_handle_t *)&handle->uv, on_closed);
}
