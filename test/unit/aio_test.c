#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aio/loop.h"
#include "aio/poll.h"
#include "aio/proc.h"
#include "aio/signal.h"
#include "aio/strand.h"
#include "aio/timer.h"
#include "base/mem.h"
#include "support/tap.h"

static slv_loop *make_loop(void)
{
    slv_loop *loop = NULL;

    return slv_loop_new(&loop, NULL) == SLV_OK ? loop : NULL;
}

static bool is_set(void *arg)
{
    return *(int *)arg != 0;
}

/* ---- tasks and flushes ---- */

typedef struct trail {
    slv_task task, again, flush;
    slv_loop *loop;
    char order[16];
    size_t n;
    int done;
} trail;

static void on_task(slv_task *task)
{
    trail *t = slv_container_of(task, trail, task);

    t->order[t->n++] = 't';
    slv_loop_flush(t->loop, &t->flush);
    slv_loop_later(t->loop, &t->again);
}

static void on_again(slv_task *task)
{
    trail *t = slv_container_of(task, trail, again);

    t->order[t->n++] = 'a';
}

static void on_flush(slv_task *task)
{
    trail *t = slv_container_of(task, trail, flush);

    t->order[t->n++] = 'f';
    t->done = 1;
}

TEST(flushes_run_after_every_task_of_the_turn)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = make_loop();
    trail t = {.task.fn = on_task, .again.fn = on_again, .flush.fn = on_flush, .loop = loop};

    slv_loop_flush(loop, &t.flush);
    slv_loop_later(loop, &t.task);
    slv_loop_later(loop, &t.task); /* queued once */
    CHECK(slv_loop_run_until(loop, is_set, &t.done, 1000));
    CHECK_STR(slv_str_from(t.order), SLV_STR("taf"));
}

TEST(a_task_taken_back_does_not_run)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = make_loop();
    trail t = {.task.fn = on_task, .again.fn = on_again, .flush.fn = on_flush, .loop = loop};

    slv_loop_later(loop, &t.task);
    slv_task_cancel(&t.task);
    CHECK(!slv_loop_run_until(loop, is_set, &t.done, 5));
    CHECK_INT(t.n, 0);
}

typedef struct forever {
    slv_task task;
    slv_loop *loop;
    slv_timer timer;
    int fired;
    unsigned long rounds;
} forever;

static void on_forever(slv_task *task)
{
    forever *f = slv_container_of(task, forever, task);

    f->rounds++;
    slv_loop_later(f->loop, &f->task);
}

static void on_forever_timer(slv_timer *timer)
{
    slv_container_of(timer, forever, timer)->fired = 1;
}

TEST(a_task_that_queues_itself_does_not_starve_timers)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = make_loop();
    forever f = {.task.fn = on_forever, .loop = loop, .timer.fn = on_forever_timer};

    slv_loop_later(loop, &f.task);
    slv_timer_start(&f.timer, loop, 2);
    CHECK(slv_loop_run_until(loop, is_set, &f.fired, 5000));
    CHECK(f.rounds > 64);
    slv_task_cancel(&f.task);
}

/* ---- timers ---- */

typedef struct clocked {
    slv_timer timer;
    slv_loop *loop;
    uint64_t due, fired;
    int *count;
} clocked;

static void on_clocked(slv_timer *timer)
{
    clocked *c = slv_container_of(timer, clocked, timer);

    c->fired = slv_loop_now_ms(c->loop);
    ++*c->count;
}

typedef struct target {
    int got, want;
} target;

static bool reached(void *arg)
{
    const target *t = arg;

    return t->got >= t->want;
}

TEST(timers_fire_once_never_early_whatever_was_moved_or_stopped)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = make_loop();
    slv_prng rng;
    target t = {0, 0};
    clocked timers[200] = {0};
    bool live[200];

    slv_prng_seed(&rng, tap_seed());
    for (size_t i = 0; i < 200; i++) {
        timers[i] = (clocked){.timer.fn = on_clocked, .loop = loop, .count = &t.got};
        live[i] = false;
    }
    for (int step = 0; step < 2000; step++) {
        size_t i = slv_prng_below(&rng, 200);

        if (slv_prng_below(&rng, 4) == 0) {
            slv_timer_stop(&timers[i].timer);
            live[i] = false;
        } else {
            uint64_t after = slv_prng_below(&rng, 40);

            slv_timer_start(&timers[i].timer, loop, after);
            timers[i].due = slv_loop_now_ms(loop) + after;
            live[i] = true;
        }
    }
    for (size_t i = 0; i < 200; i++)
        t.want += live[i];
    CHECK(slv_loop_run_until(loop, reached, &t, 5000));
    CHECK_INT(t.got, t.want);
    for (size_t i = 0; i < 200; i++) {
        CHECK(!slv_timer_started(&timers[i].timer));
        CHECK(live[i] ? timers[i].fired >= timers[i].due : timers[i].fired == 0);
    }
}

/* ---- mailbox ---- */

#define SENDERS 4
#define PER_SENDER 20000

typedef struct letter {
    slv_mail mail;
    int sender, number;
} letter;

static struct {
    slv_loop *loop;
    int next[SENDERS];
    int bad, got;
} office;

static void on_letter(slv_mail *mail)
{
    letter *l = slv_container_of(mail, letter, mail);

    if (office.next[l->sender] != l->number)
        office.bad++;
    office.next[l->sender] = l->number + 1;
    office.got++;
    free(l);
}

static void *send_letters(void *arg)
{
    for (int i = 0; i < PER_SENDER; i++) {
        letter *l = slv_new0(letter);

        *l = (letter){.mail.fn = on_letter, .sender = (int)(size_t)arg, .number = i};
        slv_loop_post(office.loop, &l->mail);
    }
    return NULL;
}

static bool all_letters(void *arg)
{
    (void)arg;
    return office.got == SENDERS * PER_SENDER;
}

TEST(mail_of_each_sender_arrives_complete_and_in_order)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = make_loop();
    pthread_t threads[SENDERS];

    memset(&office, 0, sizeof office);
    office.loop = loop;
    for (size_t i = 0; i < SENDERS; i++)
        CHECK(pthread_create(&threads[i], NULL, send_letters, (void *)i) == 0);
    bool done = slv_loop_run_until(loop, all_letters, NULL, 20000);
    for (size_t i = 0; i < SENDERS; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK(done);
    CHECK_INT(office.bad, 0);
}

TEST(a_loop_thread_stops_when_told)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = make_loop();

    CHECK(slv_loop_start_thread(loop, "test-loop", NULL) == SLV_OK);
    slv_loop_stop(loop);
    slv_loop_join_thread(loop);
    CHECK(slv_loop_here(loop));
}

/* ---- polls ---- */

typedef struct watched {
    slv_poll poll;
    unsigned seen;
    int count;
} watched;

static void on_watched(slv_poll *poll, unsigned events)
{
    watched *w = slv_container_of(poll, watched, poll);

    w->seen |= events;
    w->count++;
    slv_poll_set(poll, 0);
}

TEST(a_poll_reports_what_was_asked_for_until_it_is_stopped)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = make_loop();
    watched w = {.poll.fn = on_watched};
    int fds[2], never = 0;

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    CHECK(slv_poll_start(&w.poll, loop, fds[0], SLV_POLL_READ, NULL) == SLV_OK);
    CHECK(!slv_loop_run_until(loop, is_set, &w.count, 5));
    CHECK(write(fds[1], "x", 1) == 1);
    CHECK(slv_loop_run_until(loop, is_set, &w.count, 1000));
    CHECK_INT(w.seen, SLV_POLL_READ);
    w.count = 0;
    slv_poll_set(&w.poll, SLV_POLL_READ | SLV_POLL_WRITE);
    CHECK(slv_loop_run_until(loop, is_set, &w.count, 1000));
    CHECK_INT(w.seen, SLV_POLL_READ | SLV_POLL_WRITE);
    slv_poll_stop(&w.poll);
    (void)close(fds[0]);
    (void)close(fds[1]);
    CHECK(!slv_loop_run_until(loop, is_set, &never, 2));
}

/* ---- strands ---- */

static atomic_int running_together, most_together;

typedef struct counted {
    slv_job job;
    int *plain; /* touched by one strand only: no lock */
    target *t;
} counted;

static void run_counted(slv_job *job)
{
    counted *c = slv_container_of(job, counted, job);
    int now = atomic_fetch_add(&running_together, 1) + 1;
    int most = atomic_load(&most_together);

    while (now > most && !atomic_compare_exchange_weak(&most_together, &most, now))
        ;
    ++*c->plain;
    atomic_fetch_sub(&running_together, 1);
}

static void done_counted(slv_job *job)
{
    counted *c = slv_container_of(job, counted, job);

    c->t->got++;
    free(c);
}

TEST(jobs_of_a_strand_run_one_after_the_other_and_complete_once)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = make_loop();
    slv_threads *threads = NULL;
    slv_strand *strands[3];
    int plain[3] = {0};
    target t = {0, 3 * 1000};

    CHECK(slv_threads_new(3, "test", &threads, NULL) == SLV_OK);
    for (size_t i = 0; i < 3; i++)
        strands[i] = slv_strand_new(threads);
    for (int n = 0; n < 3000; n++) {
        counted *c = slv_new0(counted);

        c->job.run = run_counted;
        c->job.done = done_counted;
        c->plain = &plain[n % 3];
        c->t = &t;
        slv_strand_submit(strands[n % 3], loop, &c->job);
    }
    bool done = slv_loop_run_until(loop, reached, &t, 20000);
    for (size_t i = 0; i < 3; i++)
        strands[i] = slv_strand_free(strands[i]);
    threads = slv_threads_free(threads);
    CHECK(done);
    for (size_t i = 0; i < 3; i++)
        CHECK_INT(plain[i], 1000);
    CHECK(atomic_load(&most_together) <= 3);
}

TEST(jobs_of_a_freed_strand_still_run_and_their_mail_is_delivered_at_the_loops_end)
{
    slv_loop *loop = make_loop();
    slv_threads *threads = NULL;
    int plain = 0;
    target t = {0, 100};

    CHECK(slv_threads_new(1, "test", &threads, NULL) == SLV_OK);
    slv_strand *strand = slv_strand_new(threads);
    for (int n = 0; n < 100; n++) {
        counted *c = slv_new0(counted);

        *c = (counted){.job = {.run = run_counted, .done = done_counted}, .plain = &plain, .t = &t};
        slv_strand_submit(strand, loop, &c->job);
    }
    strand = slv_strand_free(strand);
    threads = slv_threads_free(threads);
    loop = slv_loop_free(loop);
    CHECK_INT(plain, 100);
    CHECK_INT(t.got, 100);
}

/* ---- processes and signals ---- */

typedef struct child {
    slv_proc proc;
    int ended, status;
} child;

static void on_ended(slv_proc *proc, int status)
{
    child *c = slv_container_of(proc, child, proc);

    c->ended = 1;
    c->status = status;
}

TEST(a_child_gets_its_descriptors_in_any_order_and_its_status_is_told)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = make_loop();
    child c = {.proc.ended = on_ended};
    int a[2], b[2];
    char text[3] = "";

    CHECK(pipe(a) == 0 && pipe(b) == 0);
    /* 3 and 4 crosswise, whatever numbers the pipes have here */
    const int fds[] = {0, 1, 2, b[1], a[1]};
    const char *argv[] = {"sh", "-c", "printf B >&3; printf A >&4; exit 7", NULL};
    const slv_proc_options opts = {.path = "sh", .argv = argv, .fds = fds, .fd_count = 5};

    CHECK(slv_proc_start(&c.proc, loop, &opts, NULL) == SLV_OK);
    CHECK(slv_loop_run_until(loop, is_set, &c.ended, 5000));
    CHECK(WIFEXITED(c.status) && WEXITSTATUS(c.status) == 7);
    CHECK(read(a[0], text, 1) == 1 && read(b[0], text + 1, 1) == 1);
    CHECK_STR(slv_str_from(text), SLV_STR("AB"));
    for (int i = 0; i < 2; i++) {
        (void)close(a[i]);
        (void)close(b[i]);
    }
}

TEST(a_signal_through_the_pidfd_ends_the_child)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = make_loop();
    child c = {.proc.ended = on_ended};
    const char *argv[] = {"sleep", "100", NULL};
    const slv_proc_options opts = {.path = "sleep", .argv = argv};

    CHECK(slv_proc_start(&c.proc, loop, &opts, NULL) == SLV_OK);
    slv_proc_signal(&c.proc, SIGKILL);
    CHECK(slv_loop_run_until(loop, is_set, &c.ended, 5000));
    CHECK(WIFSIGNALED(c.status) && WTERMSIG(c.status) == SIGKILL);
    slv_proc_signal(&c.proc, SIGKILL); /* nothing is left to signal */
}

TEST(a_program_that_is_not_there_is_told_by_name)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = make_loop();
    child c = {.proc.ended = on_ended};
    const char *argv[] = {"no-such-program", NULL};
    const slv_proc_options opts = {.path = "/nowhere/no-such-program", .argv = argv};
    slv_err err = {0};

    CHECK_INT(slv_proc_start(&c.proc, loop, &opts, &err), SLV_E_NOTFOUND);
    CHECK(strstr(err.message, "/nowhere/no-such-program"));
}

typedef struct caught {
    slv_signal sig;
    int number;
} caught;

static void on_caught(slv_signal *sig, int number)
{
    slv_container_of(sig, caught, sig)->number = number;
}

TEST(a_signal_of_the_process_arrives_on_the_loop)
{
    SLV_CLEANUP(slv_loop_free) slv_loop *loop = make_loop();
    caught c = {.sig.fn = on_caught};

    CHECK(slv_signal_start(&c.sig, loop, SIGUSR1, NULL) == SLV_OK);
    (void)raise(SIGUSR1);
    CHECK(slv_loop_run_until(loop, is_set, &c.number, 1000));
    CHECK_INT(c.number, SIGUSR1);
    slv_signal_stop(&c.sig);
}

TAP_MAIN()
