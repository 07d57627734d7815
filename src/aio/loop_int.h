/*
 * loop_int.h - the loop's layout, private to aio.
 */
#ifndef SLV_AIO_LOOP_INT_H
#define SLV_AIO_LOOP_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "aio/loop.h"
#include "aio/timer.h"
#include "base/vec.h"

/* Tasks and flushes that one turn runs before the kernel is asked again. */
#define SLV_LOOP_ROUNDS_MAX 64

struct slv_loop {
    uv_loop_t uv;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle; /* active while a turn must not wait */
    uv_async_t wake;
    uv_timer_t alarm; /* fires at the first of timers */

    slv_list tasks, flushes;
    SLV_VEC(slv_timer *) timers; /* binary heap by queued_ms */
    uint64_t alarm_ms;           /* what alarm is set to; 0: stopped */
    uint64_t wall_at_ms;         /* the turn that wall_ms belongs to */
    int64_t wall_ms;

    _Atomic(slv_mail *) mail; /* a stack, newest first */
    _Atomic(bool) stop;
    _Atomic(pthread_t) thread;
    pthread_t joinable;
    bool (*until)(void *arg); /* slv_loop_run_until */
    void *until_arg;
    bool running;
};

void slv_loop_own_(const slv_loop *loop); /* asserts that this is the loop's thread */
void slv_timers_arm_(slv_loop *loop);

#endif
