#include "aio/timer.h"

#include "aio/loop_int.h"

static void place(slv_loop *loop, size_t i, slv_timer *timer)
{
    loop->timers.items[i] = timer;
    timer->slot = (uint32_t)i + 1;
}

static void sift_up(slv_loop *loop, size_t i, slv_timer *timer)
{
    while (i > 0) {
        size_t parent = (i - 1) / 2;

        if (loop->timers.items[parent]->queued_ms <= timer->queued_ms)
            break;
        place(loop, i, loop->timers.items[parent]);
        i = parent;
    }
    place(loop, i, timer);
}

static void sift_down(slv_loop *loop, size_t i, slv_timer *timer)
{
    size_t n = loop->timers.len;

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= n)
            break;
        if (child + 1 < n &&
            loop->timers.items[child + 1]->queued_ms < loop->timers.items[child]->queued_ms)
            child++;
        if (loop->timers.items[child]->queued_ms >= timer->queued_ms)
            break;
        place(loop, i, loop->timers.items[child]);
        i = child;
    }
    place(loop, i, timer);
}

static void heap_remove(slv_loop *loop, slv_timer *timer)
{
    size_t i = timer->slot - 1;
    slv_timer *last = slv_vec_pop(&loop->timers);

    timer->slot = 0;
    if (last == timer)
        return;
    if (i > 0 && loop->timers.items[(i - 1) / 2]->queued_ms > last->queued_ms)
        sift_up(loop, i, last);
    else
        sift_down(loop, i, last);
}

void slv_timer_start(slv_timer *timer, slv_loop *loop, uint64_t after_ms)
{
    uint64_t now = slv_loop_now_ms(loop), due;

    slv_loop_own_(loop);
    SLV_ASSERT(timer->fn);
    /* + 1: the turn's time may lie almost a millisecond back, and a timer never fires early */
    if (__builtin_add_overflow(now, after_ms, &due) || __builtin_add_overflow(due, 1, &due))
        due = UINT64_MAX;
    timer->due_ms = due;
    if (timer->slot != 0) {
        SLV_ASSERT(timer->loop == loop);
        if (due >= timer->queued_ms)
            return; /* found to be early when its old place comes up */
        timer->queued_ms = due;
        sift_up(loop, timer->slot - 1, timer);
        return;
    }
    timer->loop = loop;
    timer->queued_ms = due;
    slv_vec_push(&loop->timers, timer);
    sift_up(loop, loop->timers.len - 1, timer);
}

void slv_timer_stop(slv_timer *timer)
{
    if (timer->slot != 0) {
        slv_loop_own_(timer->loop);
        heap_remove(timer->loop, timer);
    }
    timer->due_ms = 0;
}

static void run_due(slv_loop *loop)
{
    uint64_t now = slv_loop_now_ms(loop);

    while (loop->timers.len > 0 && loop->timers.items[0]->queued_ms <= now) {
        slv_timer *timer = loop->timers.items[0];

        if (timer->due_ms > now) { /* was moved later meanwhile */
            timer->queued_ms = timer->due_ms;
            sift_down(loop, 0, timer);
            continue;
        }
        heap_remove(loop, timer);
        timer->due_ms = 0;
        timer->fn(timer); /* may free it; one that it starts is due after now */
    }
}

static void on_alarm(uv_timer_t *handle)
{
    slv_loop *loop = handle->data;

    loop->alarm_ms = 0;
    run_due(loop);
}

void slv_timers_arm_(slv_loop *loop)
{
    uint64_t first = loop->timers.len > 0 ? loop->timers.items[0]->queued_ms : 0;
    uint64_t now = slv_loop_now_ms(loop);

    if (first == loop->alarm_ms)
        return;
    loop->alarm_ms = first;
    if (first == 0)
        uv_timer_stop(&loop->alarm);
    else
        uv_timer_start(&loop->alarm, on_alarm, first > now ? first - now : 0, 0);
}
