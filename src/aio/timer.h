/*
 * timer.h - one-shot timers on a loop, embedded by their owner. Loop thread only.
 *
 * Resolution is a millisecond. Starting a started timer moves it; moving it later, as idle timeouts
 * do for each request, costs next to nothing. A timer never fires early, and not inside
 * slv_timer_start.
 */
#ifndef SLV_AIO_TIMER_H
#define SLV_AIO_TIMER_H

#include "aio/loop.h"

typedef struct slv_timer {
    void (*fn)(struct slv_timer *timer);
    slv_loop *loop;
    uint64_t due_ms;    /* when it should fire; 0: not started */
    uint64_t queued_ms; /* its place in the heap: at or before due_ms */
    uint32_t slot;      /* position in the heap + 1; 0: in no heap */
} slv_timer;

/* fn must be set. Fires once, after_ms from the start of this turn (0: next turn). */
void slv_timer_start(slv_timer *timer, slv_loop *loop, uint64_t after_ms);
/* Synchronous; the memory may be freed after. Nothing when not started. */
void slv_timer_stop(slv_timer *timer);
static inline bool slv_timer_started(const slv_timer *timer)
{
    return timer->due_ms != 0;
}

#endif
