/*
 * A main after its time: what could not be handed over goes on here, and nothing else. It has given
 * up the state, so it opens no store, and another main serves.
 */
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/main_int.h"

#define CLOSE_MS 10000
#define ALONE_MS 1000
/* Clients hear of the end before it comes. */
#define END_MS 500

static bool anything_left(const slv_main *m)
{
    return !m->left_over || slv_pumps_count(m->pumps) > 0;
}

static void settle_front(slv_main *m)
{
    if (m->front && !anything_left(m))
        slv_loop_stop(m->loop);
}

void slv_main_pumps_over(void *arg)
{
    settle_front(arg);
}

void slv_main_left_over(void *arg)
{
    slv_main *m = arg;

    m->left_over = true;
    settle_front(m);
}

/* As requests of a server that ends: they may finish. What passes through pumps ends with the main
 * that serves it. */
void slv_main_end_front(slv_main *m)
{
    slv_timer_start(&m->front_timer, m->loop, m->config->drain_seconds * 1000);
}

static void on_alone(slv_timer *timer)
{
    slv_main *m = slv_container_of(timer, slv_main, alone_timer);

    if (slv_bequest_is_over(&m->bequest))
        slv_main_end_front(m);
    else
        slv_timer_start(timer, m->loop, ALONE_MS);
}

/* It ends when the main that it gave to does. */
void slv_main_front_alone(slv_main *m)
{
    m->alone_timer.fn = on_alone;
    slv_timer_start(&m->alone_timer, m->loop, ALONE_MS);
}

static void on_deadline(slv_timer *timer)
{
    slv_main *m = slv_container_of(timer, slv_main, front_timer);

    slv_log(SLV_LOG_WARN,
            "the time of what an upgrade could not hand over is up: what is left of it is cut");
    slv_loop_stop(m->loop);
}

static void on_flag(void *arg)
{
    *(bool *)arg = true;
}

static bool is_set(void *arg)
{
    return *(bool *)arg;
}

static bool no_pumps(void *arg)
{
    return slv_pumps_count(arg) == 0;
}

void slv_main_be_front(slv_main *m)
{
    bool drained = false;

    slv_main_let_go(m);
    m->front = true;
    if (m->o->title)
        m->o->title("selvage: front");
    (void)malloc_trim(0);
    slv_link_say(&m->link, "front");
    m->front_timer.fn = on_deadline;
    slv_timer_start(&m->front_timer, m->loop, m->config->upgrade_seconds * 1000);
    if (anything_left(m))
        slv_loop_run(m->loop);
    slv_timer_stop(&m->front_timer);
    slv_timer_stop(&m->alone_timer);
    slv_server_drain(m->server, 0, on_flag, &drained);
    if (!slv_loop_run_until(m->loop, is_set, &drained, CLOSE_MS))
        _exit(EXIT_FAILURE); /* there is nothing that it could still spoil */
    (void)slv_loop_run_until(m->loop, no_pumps, m->pumps, END_MS);
}
