/*
 * zygote_wire.h - what main and a zygote say to each other: SOCK_SEQPACKET, one struct for each
 * message, descriptors beside it. Both ends are the same executable, so the layout needs no
 * version. Header only.
 *
 *     control socket (descriptor 3 of the zygote)   main: CONNECT + one end of a new connection
 *     connection, one for each pool                 zygote: STATE, at once and when it changes
 *                                                   main: FORK + descriptors 0..4     zygote:
 * FORKED + pidfd
 *                                                   main: FORK_APP + descriptors 0..5; the child
 * loads a worker from channel 3 and is then the zygote of connection 5
 */
#ifndef SLV_CHAN_ZYGOTE_WIRE_H
#define SLV_CHAN_ZYGOTE_WIRE_H

#include <stdint.h>

#define SLV_ZYGOTE_FDS 6  /* the most beside one message */
#define SLV_ISOLATE_FDS 5 /* null, null, errors, channel, page */
#define SLV_APP_FDS 6     /* and the connection that the app zygote serves */
#define SLV_ZYGOTE_TEXT 160
#define SLV_ZYGOTE_FD 3

typedef enum slv_zygote_message_type {
    SLV_ZYGOTE_CONNECT = 1,
    SLV_ZYGOTE_STATE = 2,
    SLV_ZYGOTE_FORK = 3,
    SLV_ZYGOTE_FORKED = 4,
    SLV_ZYGOTE_FORK_APP = 5,
} slv_zygote_message_type;

typedef enum slv_zygote_state {
    SLV_ZYGOTE_WARMING = 0, /* engine not up, or helper threads still there */
    SLV_ZYGOTE_QUIET = 1,   /* forks */
    SLV_ZYGOTE_BROKEN = 2,  /* self-test failed: never forks */
} slv_zygote_state;

typedef struct slv_zygote_message {
    uint32_t type;
    uint32_t number; /* FORK, FORKED: which request; STATE: slv_zygote_state */
    uint32_t ok;     /* FORKED: 1, a pidfd is beside it; STATE: 1, namespaces of its own */
    char text[SLV_ZYGOTE_TEXT]; /* FORK: title; STATE: for people */
} slv_zygote_message;

#endif
