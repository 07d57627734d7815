/*
 * poll.h - readiness of a file descriptor (socket, pipe, pidfd, eventfd, terminal),
 * level-triggered. Loop thread only.
 *
 * The descriptor stays the caller's. slv_poll_stop is synchronous: no callback follows, the struct
 * may be freed and the descriptor closed (stop first, then close). Regular files cannot be polled
 * (SLV_E_IO with errno EPERM).
 */
#ifndef SLV_AIO_POLL_H
#define SLV_AIO_POLL_H

#include "aio/loop.h"

enum {
    SLV_POLL_READ = 1,
    SLV_POLL_WRITE = 2,
    SLV_POLL_HUP = 4, /* the peer closed its side; delivered only when asked for */
};

typedef struct slv_poll_handle slv_poll_handle;

typedef struct slv_poll {
    /* events: what is ready. On an error of the descriptor READ and WRITE are both set, and the
       next read or write tells which error it is. */
    void (*fn)(struct slv_poll *poll, unsigned events);
    slv_poll_handle *handle; /* NULL: stopped */
    unsigned events;
    int fd;
} slv_poll;

/* fn must be set. Starts, or changes events of a started one (same fd; free of charge when they are
   equal). events 0 keeps the registration but reports nothing. */
SLV_NODISCARD slv_code slv_poll_start(slv_poll *poll, slv_loop *loop, int fd, unsigned events,
                                      slv_err *err);
/* Changes the events of a started poll. */
void slv_poll_set(slv_poll *poll, unsigned events);
void slv_poll_stop(slv_poll *poll);
static inline bool slv_poll_started(const slv_poll *poll)
{
    return poll->handle != NULL;
}

#endif
