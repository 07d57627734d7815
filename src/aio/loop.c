#include "aio/loop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "aio/loop_int.h"
#include "base/clock.h"
#include "base/mem.h"

static _Thread_local slv_loop *current;

slv_loop *slv_loop_current(void)
{
    return current;
}

bool slv_loop_here(const slv_loop *loop)
{
    return pthread_equal(atomic_load_explicit(&loop->thread, memory_order_relaxed), pthread_self());
}

void slv_loop_own_(const slv_loop *loop)
{
    SLV_ASSERT(slv_loop_here(loop));
}

uint64_t slv_loop_now_ms(const slv_loop *loop)
{
    return uv_now(&loop->uv);
}

int64_t slv_loop_wall_ms(slv_loop *loop)
{
    uint64_t now = uv_now(&loop->uv);

    if (loop->wall_at_ms != now || loop->wall_ms == 0) {
        loop->wall_at_ms = now;
        loop->wall_ms = slv_clock_wall_ms();
    }
    return loop->wall_ms;
}

/* ---- mail ---- */

void slv_loop_post(slv_loop *loop, slv_mail *mail)
{
    slv_mail *head = atomic_load_explicit(&loop->mail, memory_order_relaxed);

    do
        mail->next = head;
    while (!atomic_compare_exchange_weak_explicit(&loop->mail, &head, mail, memory_order_release,
                                                  memory_order_relaxed));
    /* Whoever found the box empty wakes the loop; it takes everything at once. */
    if (!head)
        SLV_ASSERT(uv_async_send(&loop->wake) == 0);
}

static void deliver(slv_loop *loop)
{
    slv_mail *stack = atomic_exchange_explicit(&loop->mail, NULL, memory_order_acquire);
    slv_mail *queue = NULL;

    while (stack) { /* newest first becomes oldest first */
        slv_mail *next = stack->next;

        stack->next = queue;
        queue = stack;
        stack = next;
    }
    while (queue) {
        slv_mail *mail = queue;

        queue = mail->next;
        mail->fn(mail);
    }
}

static void on_wake(uv_async_t *handle)
{
    slv_loop *loop = handle->data;

    deliver(loop);
    if (atomic_load(&loop->stop))
        uv_stop(&loop->uv);
}

void slv_loop_stop(slv_loop *loop)
{
    atomic_store(&loop->stop, true);
    SLV_ASSERT(uv_async_send(&loop->wake) == 0);
}

/* ---- the end of a turn ---- */

void slv_loop_later(slv_loop *loop, slv_task *task)
{
    slv_loop_own_(loop);
    if (!slv_list_linked(&task->node))
        slv_list_push(&loop->tasks, &task->node);
}

void slv_loop_flush(slv_loop *loop, slv_task *task)
{
    slv_loop_own_(loop);
    if (!slv_list_linked(&task->node))
        slv_list_push(&loop->flushes, &task->node);
}

void slv_task_cancel(slv_task *task)
{
    slv_list_remove(&task->node);
}

/* Runs what is on the list now; what is added meanwhile waits for the next round. */
static void run_list(slv_list *list)
{
    slv_list batch;
    slv_list *node;

    if (slv_list_empty(list))
        return;
    batch = *list;
    batch.next->prev = &batch;
    batch.prev->next = &batch;
    slv_list_init(list);
    while ((node = slv_list_pop(&batch)) != NULL) {
        slv_task *task = slv_container_of(node, slv_task, node);

        task->fn(task);
    }
}

static void on_idle(uv_idle_t *handle)
{
    (void)handle;
}

static void end_turn(slv_loop *loop)
{
    for (int round = 0; round < SLV_LOOP_ROUNDS_MAX; round++) {
        if (slv_list_empty(&loop->tasks) && slv_list_empty(&loop->flushes))
            break;
        if (!slv_list_empty(&loop->tasks))
            run_list(&loop->tasks);
        else
            run_list(&loop->flushes);
    }
    bool more = !slv_list_empty(&loop->tasks) || !slv_list_empty(&loop->flushes);
    if (more && !uv_is_active((uv_handle_t *)&loop->idle))
        uv_idle_start(&loop->idle, on_idle);
    else if (!more && uv_is_active((uv_handle_t *)&loop->idle))
        uv_idle_stop(&loop->idle);
    slv_timers_arm_(loop);
}

/* Before waiting: what ran outside of a turn, or in timers. */
static void on_prepare(uv_prepare_t *handle)
{
    slv_loop *loop = handle->data;

    end_turn(loop);
    /* What slv_loop_run_until waits for has come about just now: nothing may ever wake us again. */
    if (loop->until && loop->until(loop->until_arg))
        uv_idle_start(&loop->idle, on_idle);
}

static void on_check(uv_check_t *handle)
{
    end_turn(handle->data);
}

/* ---- life ---- */

slv_code slv_loop_new(slv_loop **ret_loop, slv_err *err)
{
    slv_loop *loop = slv_new0(slv_loop);
    int rc = uv_loop_init(&loop->uv);

    if (rc < 0) {
        free(loop);
        return slv_fail(err, SLV_E_IO, "loop: %s", uv_strerror(rc));
    }
    atomic_store(&loop->thread, pthread_self());
    slv_list_init(&loop->tasks);
    slv_list_init(&loop->flushes);
    loop->prepare.data = loop->check.data = loop->idle.data = loop->wake.data = loop->alarm.data =
        loop;
    rc = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (rc < 0) {
        (void)uv_loop_close(&loop->uv);
        free(loop);
        return slv_fail(err, SLV_E_IO, "loop: %s", uv_strerror(rc));
    }
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_prepare_start(&loop->prepare, on_prepare);
    uv_check_init(&loop->uv, &loop->check);
    uv_check_start(&loop->check, on_check);
    uv_idle_init(&loop->uv, &loop->idle);
    uv_timer_init(&loop->uv, &loop->alarm);
    *ret_loop = loop;
    return SLV_OK;
}

slv_loop *slv_loop_free(slv_loop *loop)
{
    if (!loop)
        return NULL;
    atomic_store(&loop->thread, pthread_self());
    SLV_ASSERT(!loop->running);
    /* messages own memory: their receivers run a last time, and what they queue as well */
    for (int round = 0; round < SLV_LOOP_ROUNDS_MAX; round++) {
        deliver(loop);
        end_turn(loop);
    }
    SLV_ASSERT(loop->timers.len == 0);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->alarm, NULL);
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    SLV_ASSERT(uv_loop_close(&loop->uv) == 0); /* a poll or signal was not stopped */
    slv_vec_done(&loop->timers);
    free(loop);
    return NULL;
}

static void one_turn(slv_loop *loop, uv_run_mode mode)
{
    (void)uv_run(&loop->uv, mode);
}

static slv_loop *enter(slv_loop *loop)
{
    slv_loop *outer = current;

    SLV_ASSERT(!loop->running);
    loop->running = true;
    atomic_store(&loop->thread, pthread_self());
    current = loop;
    return outer;
}

static void leave(slv_loop *loop, slv_loop *outer)
{
    loop->running = false;
    current = outer;
}

void slv_loop_run(slv_loop *loop)
{
    slv_loop *outer = enter(loop);
    do
        one_turn(loop, UV_RUN_ONCE);
    while (!atomic_load(&loop->stop));
    atomic_store(&loop->stop, false);
    leave(loop, outer);
}

static void on_limit(slv_timer *timer)
{
    (void)timer;
}

bool slv_loop_run_until(slv_loop *loop, bool (*fn)(void *arg), void *arg, uint64_t ms)
{
    slv_timer limit = {.fn = on_limit};
    slv_loop *outer = enter(loop);
    bool done;

    uv_update_time(&loop->uv);
    loop->until = fn;
    loop->until_arg = arg;
    slv_timer_start(&limit, loop, ms);
    while (!(done = fn(arg)) && slv_timer_started(&limit) && !atomic_load(&loop->stop))
        one_turn(loop, UV_RUN_ONCE);
    slv_timer_stop(&limit);
    loop->until = NULL;
    leave(loop, outer);
    return done;
}

static void *thread_main(void *arg)
{
    slv_loop_run(arg);
    return NULL;
}

slv_code slv_loop_start_thread(slv_loop *loop, const char *name, slv_err *err)
{
    sigset_t all, old;

    /* Signals of the process go to the thread that started it, so that system calls here see no
     * EINTR. */
    sigfillset(&all);
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&loop->joinable, NULL, thread_main, loop);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return slv_fail(err, SLV_E_IO, "loop: cannot start a thread: %s", strerror(rc));
    char cut[16];
    (void)snprintf(cut, sizeof cut, "%s", name);
    (void)pthread_setname_np(loop->joinable, cut);
    return SLV_OK;
}

void slv_loop_join_thread(slv_loop *loop)
{
    SLV_ASSERT(pthread_join(loop->joinable, NULL) == 0);
    atomic_store(&loop->thread, pthread_self());
}
