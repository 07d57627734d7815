/*
 * heir.h - connections that pass from one main to the next: those of plain HTTP/1 that wait for
 * their next request. Their clients notice nothing of an upgrade; what they send meanwhile waits in
 * the socket.
 *
 * The socket pair is the supervisor's: it gives one end to each. Giving: any thread. Taking: the
 * loop thread; what comes before slv_heir_open is kept (SLV_HEIR_MAX connections, then the giver
 * closes them).
 */
#ifndef SLV_DAEMON_HEIR_H
#define SLV_DAEMON_HEIR_H

#include "aio/poll.h"
#include "base/vec.h"
#include "edge/server.h"

#define SLV_HEIR_MAX ((size_t)20000)

/* arg: an int, the socket. A slv_server_options.hand_over. */
bool slv_heir_give(void *arg, int fd, uint16_t redirect_port);

typedef struct slv_heir {
    slv_poll poll;
    int fd; /* -1: nobody gives */
    slv_server *server;
    SLV_VEC(int) fds;
    SLV_VEC(uint16_t) ports;
} slv_heir;

SLV_NODISCARD slv_code slv_heir_start(slv_heir *heir, slv_loop *loop, int fd, slv_err *err);
/* The server takes connections: those that came, and those that still come. */
void slv_heir_open(slv_heir *heir, slv_server *server);
void slv_heir_stop(slv_heir *heir);

#endif
