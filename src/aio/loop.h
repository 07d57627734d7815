/*
 * loop.h - one event loop for each thread: turns, tasks, end-of-turn flushes, time, and the
 * mailbox.
 *
 * A turn: expired timers, then what the kernel reports (fds, mail), then tasks, then flushes. Tasks
 * (slv_loop_later) are how an operation completes "from the loop, never inside the call that
 * started it". Flushes (slv_loop_flush) run once when everything of the turn is handled: that is
 * where gathered bytes leave in one write. Tasks and flushes queued while they run still belong to
 * the same turn, up to a bound that keeps the kernel's news from starving.
 *
 * The mailbox is the only door between threads: slv_loop_post hands a message that the sender
 * embeds in its own struct to another loop; messages of one sender arrive in order; one wake-up
 * serves a whole batch.
 *
 * Threading: everything is for the loop's own thread (asserted) except what says "any thread".
 * Before slv_loop_run, the thread that made the loop counts as its own. Objects embedded by callers
 * (tasks, flushes, timers, polls, mail) must stay in place while queued or started; zeroed ones are
 * idle.
 */
#ifndef SLV_AIO_LOOP_H
#define SLV_AIO_LOOP_H

#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

typedef struct slv_loop slv_loop;

typedef struct slv_task {
    slv_list node;
    void (*fn)(struct slv_task *task);
} slv_task;

typedef struct slv_mail {
    struct slv_mail *next;
    void (*fn)(struct slv_mail *mail); /* on the receiving loop; owns the message from then on */
} slv_mail;

SLV_NODISCARD slv_code slv_loop_new(slv_loop **ret_loop, slv_err *err);
/* After slv_loop_run returned (or before it began): delivers mail that still waits, then frees.
   Timers, polls and signals must be stopped before. Accepts NULL, returns NULL. */
slv_loop *slv_loop_free(slv_loop *loop);
SLV_DEFINE_CLEANUP(slv_loop *, slv_loop_free);

/* Runs turns on the calling thread until slv_loop_stop. */
void slv_loop_run(slv_loop *loop);
/* Any thread: the turn under way is completed. Before slv_loop_run: it returns after one turn. */
void slv_loop_stop(slv_loop *loop);
/* Runs turns until fn(arg) is true or ms have passed; false when the time ran out. For tests and
 * for start-up. */
bool slv_loop_run_until(slv_loop *loop, bool (*fn)(void *arg), void *arg, uint64_t ms);

/* A thread that runs the loop, named for ps; join waits for its end (call slv_loop_stop first). */
SLV_NODISCARD slv_code slv_loop_start_thread(slv_loop *loop, const char *name, slv_err *err);
void slv_loop_join_thread(slv_loop *loop);

/* The loop that runs on this thread, NULL when none does. Any thread. */
slv_loop *slv_loop_current(void);
/* True on the loop's own thread. Any thread. */
bool slv_loop_here(const slv_loop *loop);

/* Time at the start of the turn (cheap): monotonic, and by the wall clock. */
uint64_t slv_loop_now_ms(const slv_loop *loop);
int64_t slv_loop_wall_ms(slv_loop *loop);

/* Queues task->fn for later in this turn, or in the next when tasks already run. Queued already:
 * nothing. */
void slv_loop_later(slv_loop *loop, slv_task *task);
/* Queues task->fn for the end of the turn, after all tasks. Queued already: nothing. */
void slv_loop_flush(slv_loop *loop, slv_task *task);
/* Takes a task or flush back. Nothing when it is not queued. */
void slv_task_cancel(slv_task *task);

/* Any thread: mail->fn runs on loop's thread in its next turn. The loop must outlive the call. */
void slv_loop_post(slv_loop *loop, slv_mail *mail);

#endif
