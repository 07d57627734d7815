/*
 * wire.h - what main and a keeper say to each other. Private to keeper.
 *
 * Control socket (SOCK_SEQPACKET; descriptor 3 of the keeper): the keeper says one byte when it has
 * locked itself down; from then on each byte of main brings one end of a new connection. When main
 * closes it, the keeper finishes what it runs, closes its databases and ends.
 *
 * A connection is a channel (chan/link.h), in which the keeper plays main's part:
 *
 *     OP (id, bytes)     u8 bits (1 read, 2 solo, 4 create, 8 destroy, 16 a descriptor came along),
 *                        str id of the store, then what the service's `serve` reads
 *     OP_CANCEL (id)     nobody waits any more; the RESULT follows all the same
 *     RESULT (id)        u32 code, str message, then what `serve` answered
 */
#ifndef SLV_KEEPER_WIRE_H
#define SLV_KEEPER_WIRE_H

#define SLV_KEEPER_FD 3
#define SLV_KEEPER_LOCK_FD 4
#define SLV_KEEPER_FDS 5

enum {
    SLV_KEEPER_READ = 1,
    SLV_KEEPER_SOLO = 2,
    SLV_KEEPER_CREATE = 4,
    SLV_KEEPER_DESTROY = 8,
    SLV_KEEPER_HAS_FD = 16,
    SLV_KEEPER_BITS = 31,
};

#endif
