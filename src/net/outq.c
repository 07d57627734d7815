#include "net/outq.h"

#include <errno.h>

#include "base/mem.h"

#define POOL_MAX 64
#define BLOCK_CAP (SLV_OUTQ_BLOCK - sizeof(slv_outblock))
#define IOV_COUNT 16

slv_outpool *slv_outpool_new(void)
{
    slv_outpool *pool = slv_new0(slv_outpool);

    pool->refs = 1;
    return pool;
}

slv_outpool *slv_outpool_ref(slv_outpool *pool)
{
    pool->refs++;
    return pool;
}

void slv_outpool_unref(slv_outpool *pool)
{
    if (--pool->refs > 0)
        return;
    while (pool->free) {
        slv_outblock *b = pool->free;

        pool->free = b->next;
        free(b);
    }
    free(pool);
}

static slv_outblock *block_new(slv_outpool *pool, size_t n)
{
    slv_outblock *b = pool->free;

    if (b && n <= BLOCK_CAP) {
        pool->free = b->next;
        pool->count--;
    } else {
        size_t cap = SLV_MAX(n, BLOCK_CAP);

        b = slv_alloc(sizeof *b + cap);
        b->cap = (uint32_t)cap;
    }
    b->next = NULL;
    b->start = b->end = 0;
    return b;
}

static void block_free(slv_outpool *pool, slv_outblock *b)
{
    if (b->cap != BLOCK_CAP || pool->count >= POOL_MAX) {
        free(b);
        return;
    }
    b->next = pool->free;
    pool->free = b;
    pool->count++;
}

char *slv_outq_reserve(slv_outq *q, size_t n)
{
    if (!q->last || q->last->cap - q->last->end < n) {
        slv_outblock *b = block_new(q->pool, n);

        if (q->last)
            q->last->next = b;
        else
            q->first = b;
        q->last = b;
    }
    return q->last->data + q->last->end;
}

void slv_outq_append(slv_outq *q, slv_str s)
{
    while (s.len > 0) {
        size_t room = q->last ? q->last->cap - q->last->end : 0;
        size_t n = SLV_MIN(s.len, room ? room : BLOCK_CAP);

        memcpy(slv_outq_reserve(q, n), s.ptr, n);
        slv_outq_commit(q, n);
        s = slv_str_skip(s, n);
    }
}

void slv_outq_consume(slv_outq *q, size_t n)
{
    SLV_ASSERT(n <= q->bytes);
    q->bytes -= n;
    while (q->first) {
        slv_outblock *b = q->first;
        size_t here = SLV_MIN(n, (size_t)(b->end - b->start));

        b->start += (uint32_t)here;
        n -= here;
        if (b->start < b->end || (b == q->last && q->bytes > 0))
            break;
        q->first = b->next;
        if (!q->first)
            q->last = NULL;
        block_free(q->pool, b);
    }
}

void slv_outq_clear(slv_outq *q)
{
    slv_outq_consume(q, q->bytes);
}

ssize_t slv_outq_write_with(slv_outq *q, slv_wire *w, slv_str extra, size_t *ret_taken)
{
    ssize_t total = 0;

    *ret_taken = 0;
    while (q->bytes + extra.len > 0) {
        struct iovec iov[IOV_COUNT];
        size_t offered = 0;
        ssize_t n;
        int count = 0;

        for (slv_outblock *b = q->first; b && count < IOV_COUNT; b = b->next)
            if (b->end > b->start) {
                iov[count++] = (struct iovec){b->data + b->start, b->end - b->start};
                offered += b->end - b->start;
            }
        if (offered == q->bytes && extra.len > 0 && count < IOV_COUNT) {
            iov[count++] = (struct iovec){(char *)(size_t)extra.ptr, extra.len};
            offered += extra.len;
        }
        n = slv_wire_writev(w, iov, count);
        if (n == -EAGAIN)
            break;
        if (n < 0)
            return n;
        total += n;
        if ((size_t)n > q->bytes) {
            size_t of_extra = (size_t)n - q->bytes;

            *ret_taken += of_extra;
            extra = slv_str_skip(extra, of_extra);
            slv_outq_clear(q);
        } else {
            slv_outq_consume(q, (size_t)n);
        }
        if ((size_t)n < offered && !w->ssl)
            break; /* the socket is full: the next call would only say so */
    }
    return total;
}

ssize_t slv_outq_write(slv_outq *q, slv_wire *w)
{
    size_t taken;

    return slv_outq_write_with(q, w, SLV_STR_NULL, &taken);
}
