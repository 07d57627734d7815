/*
 * outq.h - bytes that wait to be written to a socket, in blocks from a pool of the loop. Loop
 * thread only. Private to net.
 *
 * An empty queue holds no memory. Sizes are bounded by the users (SLV_EXCHANGE_QUEUE_MAX).
 */
#ifndef SLV_NET_OUTQ_H
#define SLV_NET_OUTQ_H

#include <sys/uio.h>

#include "base/str.h"
#include "net/wire.h"

#define SLV_OUTQ_BLOCK ((size_t)16 << 10) /* with its header */

typedef struct slv_outblock {
    struct slv_outblock *next;
    uint32_t start, end, cap;
    char data[];
} slv_outblock;

/* Shared by the queues of a loop, which may outlive the server or client that made it. */
typedef struct slv_outpool {
    slv_outblock *free;
    size_t count; /* of free ones; at most 64 are kept */
    size_t refs;
} slv_outpool;

typedef struct slv_outq {
    slv_outblock *first, *last;
    size_t bytes;
    slv_outpool *pool;
} slv_outq;

slv_outpool *slv_outpool_new(void);
slv_outpool *slv_outpool_ref(slv_outpool *pool);
void slv_outpool_unref(slv_outpool *pool);
/* Room for n bytes in one piece; commit says how many were used. */
char *slv_outq_reserve(slv_outq *q, size_t n);
static inline void slv_outq_commit(slv_outq *q, size_t n)
{
    q->last->end += (uint32_t)n;
    q->bytes += n;
}
void slv_outq_append(slv_outq *q, slv_str s);
void slv_outq_consume(slv_outq *q, size_t n);
void slv_outq_clear(slv_outq *q);
/* Writes what the socket takes. Bytes written, or a negative errno (never -EAGAIN: that is 0). */
ssize_t slv_outq_write(slv_outq *q, slv_wire *w);
/* The same with `extra` after the queue's bytes; *ret_taken of extra are gone. */
ssize_t slv_outq_write_with(slv_outq *q, slv_wire *w, slv_str extra, size_t *ret_taken);

#endif
