/*
 * link.h - what supervisor and main say to each other: texts over a socket pair that keeps messages
 * apart. Loop thread only.
 *
 *     main to supervisor     "ready"          requests are answered
 *                            "waiting"        everything is prepared but the state, which is taken
 *                            "failed TEXT"    it cannot start; it ends itself
 *                            "upgrade"        somebody asked for a new main
 *                            "restart"        it is to be ended and started again
 *                            "reload"         somebody asked for the configuration to be read again
 *                            "reloaded TEXT"  empty: it went well
 *                            "front"          the state is free; connections are still there
 *     supervisor to main     "stop"           drain and end
 *                            "release"        the same, since another main waits for the state;
 *                                             with a socket to it: connections that wait for their
 *                                             next request go there (heir.h)
 *                            "front"          with a socket: a front gives there
 *                            "heir"           to a front, with the other end of such a socket
 *                            "reload"
 *                            "go"             the other main has ended: the state is free
 */
#ifndef SLV_DAEMON_LINK_H
#define SLV_DAEMON_LINK_H

#include "aio/poll.h"
#include "base/str.h"

#define SLV_LINK_TEXT_MAX ((size_t)1024)

typedef struct slv_link {
    slv_poll poll;
    int fd; /* -1: none */
    /* word: up to the first space; rest: behind it. Both empty: the other end is gone (last). fd:
     * what came with it, the callee's; -1: nothing. */
    void (*said)(struct slv_link *link, slv_str word, slv_str rest, int fd);
} slv_link;

/* Owns fd from then on. said must be set. */
SLV_NODISCARD slv_code slv_link_start(slv_link *link, slv_loop *loop, int fd, slv_err *err);
/* Cut to SLV_LINK_TEXT_MAX; nothing when the other end is gone. */
void slv_link_say(slv_link *link, const char *fmt, ...) SLV_PRINTF(2, 3);
/* The same with a descriptor, which stays the caller's. */
void slv_link_say_fd(slv_link *link, const char *text, int fd);
void slv_link_stop(slv_link *link);
/* One message with a descriptor, and back; for sockets of this kind. False: errno says why;
 * received nothing: *ret_len 0. */
bool slv_fd_send(int socket, slv_str text, int fd, int flags);
bool slv_fd_receive(int socket, char *text, size_t size, size_t *ret_len, int *ret_fd);
/* Both ends, close-on-exec. */
SLV_NODISCARD slv_code slv_link_pair(int fds[static 2], slv_err *err);

#endif
