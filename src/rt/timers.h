/*
 * timers.h - the deadlines of setTimeout and its kin: a heap beside the poll loop. JavaScript keeps
 * the functions.
 *
 * Threads: the engine's. Count: JavaScript limits what one event may have open (10,000). Ids are
 * never used again. Time is passed in; timers with one deadline fire in the order in which they
 * were started.
 */
#ifndef SLV_RT_TIMERS_H
#define SLV_RT_TIMERS_H

#include <stdint.h>

#include "js/js.h"

typedef struct slv_timers slv_timers;

slv_timers *slv_timers_new(void);
slv_timers *slv_timers_free(slv_timers *t);
SLV_DEFINE_CLEANUP(slv_timers *, slv_timers_free);

/* Starts a timer that is due at due_ms; returns its id, never 0. */
uint32_t slv_timers_start(slv_timers *t, int64_t due_ms);
/* The same id again, at a new time; it must not be in the heap. */
void slv_timers_restart(slv_timers *t, uint32_t id, int64_t due_ms);
/* Nothing when there is no such timer. */
void slv_timers_stop(slv_timers *t, uint32_t id);
/* When the next one is due; INT64_MAX when there is none. */
int64_t slv_timers_next(const slv_timers *t);
/* Takes the first one that is due at now_ms out of the heap; 0 when there is none. `limit` is the
   start counter from slv_timers_mark: what was started later waits for the next round, so that a
   timer of 0 ms cannot starve the rest. */
uint32_t slv_timers_pop(slv_timers *t, int64_t now_ms, uint64_t limit);
uint64_t slv_timers_mark(const slv_timers *t);

#endif
