/*
 * heir.h - connections that pass from one main to the next: those that wait for their next request.
 * Their clients notice nothing of an upgrade; what they send meanwhile waits in the socket.
 *
 * The way is a socket pair of the supervisor's, which keeps messages apart: it gives one end to
 * each. Whoever takes speaks first and says its version of the format (net/handed.h); whoever gives
 * and has another one gives nothing. Each message is a kind and what goes with it, beside one
 * descriptor:
 *
 *     'H' u16 version       from the one who takes
 *     'C' slv_handed        a connection
 *     'S'                   state of a WebSocket that hibernates (edge/handed_socket.h): the file
 *     'F'                   its connection; 'G': it has none, and the message no descriptor
 *
 * Giving: any thread. Taking: the loop thread; what comes before slv_heir_open is kept
 * (SLV_HEIR_MAX connections, then the giver closes them). A message that is none ends the socket
 * pair, not the process.
 */
#ifndef SLV_DAEMON_HEIR_H
#define SLV_DAEMON_HEIR_H

#include <pthread.h>

#include "aio/poll.h"
#include "base/vec.h"
#include "edge/server.h"

#define SLV_HEIR_MAX ((size_t)20000)
#define SLV_HEIR_STATE_MAX ((size_t)256 << 20) /* of one socket */

/* ---- who gives ---- */

typedef struct slv_bequest {
    pthread_mutex_t lock; /* held for: */
    int fd;               /* -1: nobody takes */
} slv_bequest;

void slv_bequest_init(slv_bequest *b);
void slv_bequest_done(slv_bequest *b);
/* Somebody takes from now on, by the socket, which is owned; -1: nobody. False: it speaks another
 * version, or does not speak, and is closed. */
bool slv_bequest_set(slv_bequest *b, int fd);
/* arg: a slv_bequest. A slv_server_options.hand_over, and its hand_socket. */
bool slv_bequest_give(void *arg, int fd, const slv_handed *about);
bool slv_bequest_give_socket(void *arg, slv_str state, int fd);
/* Nobody takes, and whoever did has gone. */
bool slv_bequest_is_over(slv_bequest *b);

/* ---- who takes ---- */

typedef struct slv_heir_kept {
    int fd;
    slv_handed about;
    char *received;
} slv_heir_kept;

typedef struct slv_heir_socket {
    slv_buf state;
    int fd; /* -1: none */
} slv_heir_socket;

typedef struct slv_heir {
    slv_loop *loop;
    slv_list sources;
    slv_server *server;
    slv_tls_server *tls; /* for connections whose TLS is yet to begin */
    SLV_VEC(slv_heir_kept) kept;
    SLV_VEC(slv_heir_socket) sockets;
    bool took_sockets;
} slv_heir;

void slv_heir_init(slv_heir *heir, slv_loop *loop);
/* Another one gives. Takes fd, also when it fails. */
SLV_NODISCARD slv_code slv_heir_add(slv_heir *heir, int fd, slv_err *err);
/* The server takes sockets that hibernate: those that came; there will be no others. */
void slv_heir_open_sockets(slv_heir *heir, slv_server *server);
/* The server takes connections: those that came, and those that still come. */
void slv_heir_open(slv_heir *heir, slv_server *server, slv_tls_server *tls);
void slv_heir_stop(slv_heir *heir);

#endif
