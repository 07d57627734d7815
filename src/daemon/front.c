/*
 * A main after its time: what could not be handed over goes on here, and nothing else. It has given
 * up the state, so it opens no store and another main serves.
 */
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/main_int.h"

static void on_deadline(slv_timer *timer)
{
    slv_main *m = slv_container_of(timer, slv_main, front_timer);

    slv_log(SLV_LOG_WARN,
            "the time of connections that began before an upgrade is over: %zu are "
            "cut",
            slv_pumps_count(m->pumps));
    slv_loop_stop(m->loop);
}

static bool anything_left(const slv_main *m)
{
    return slv_pumps_count(m->pumps) > 0;
}

void slv_main_pumps_over(void *arg)
{
    slv_main *m = arg;

    if (m->front && !anything_left(m))
        slv_loop_stop(m->loop);
}

void slv_main_be_front(slv_main *m)
{
    slv_main_let_go(m);
    if (!anything_left(m))
        return;
    m->front = true;
    if (m->o->title)
        m->o->title("selvage: front");
    (void)malloc_trim(0);
    m->front_timer.fn = on_deadline;
    slv_timer_start(&m->front_timer, m->loop, m->config->upgrade_seconds * 1000);
    slv_link_say(&m->link, "front");
    slv_loop_run(m->loop);
    slv_timer_stop(&m->front_timer);
}
