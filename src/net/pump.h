/*
 * pump.h - TLS connections of a process that serves no more: their sessions cannot be given to
 * another process, so this one goes on to encrypt and decrypt, and another has the plain bytes, by
 * one end of a socket pair each.
 *
 * A pump ends when either side has gone: the client, or the process that serves it (which is why
 * the pumps of a process need nobody to end them: they go with the server). It knows nothing of
 * what passes. At most SLV_PUMP_QUEUE bytes wait in each direction, then the one who sends is not
 * read.
 *
 * slv_pumps_take: any thread. All else: the thread of the pumps' loop.
 */
#ifndef SLV_NET_PUMP_H
#define SLV_NET_PUMP_H

#include <stddef.h>

typedef struct slv_loop slv_loop; /* aio/loop.h */
typedef struct slv_pumps slv_pumps;

#define SLV_PUMP_QUEUE ((size_t)64 << 10)

/* over(arg) comes from the loop each time the last one has gone; may be NULL. */
slv_pumps *slv_pumps_new(slv_loop *loop, void (*over)(void *arg), void *arg);
/* That are there, or on their way. Any thread. */
size_t slv_pumps_count(const slv_pumps *pumps);
/* Cuts what is left. Accepts NULL, returns NULL. The loop must have run all mail that takes sent.
 */
slv_pumps *slv_pumps_free(slv_pumps *pumps);

#endif
