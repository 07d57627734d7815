/*
 * Alarms: one for each object at most. What is in force stands in the object's database and in the
 * registry; this file runs it, at least once, and tries again when the handler fails.
 */
#include "base/mem.h"
#include "edge/object_int.h"
#include "edge/trace_int.h"

#define RETRIES_MAX 6
#define RETRY_MS 2000 /* after the first failure; doubled each time */
#define AGAIN_MS 2000 /* after a failure that is not the handler's */
#define WALL_MS (15u * 60 * 1000)
#define TIMER_MAX_MS ((int64_t)1 << 40)

typedef struct alarm_run {
    slv_event ev;
    slv_object *o;
    int64_t set_ms;
} alarm_run;

static alarm_run *of_event(slv_event *ev)
{
    return slv_container_of(ev, alarm_run, ev);
}

static void on_send(slv_event *ev)
{
    alarm_run *run = of_event(ev);
    const slv_msg_event m = {
        .kind = SLV_EVENT_ALARM,
        .alarm = {.object = run->o->home.pe.id,
                  .scheduled_ms = run->set_ms,
                  .retries = run->o->alarm.retries,
                  .last = run->o->alarm.retries >= RETRIES_MAX},
    };
    slv_buf *out = slv_link_begin(slv_event_link(ev), SLV_FRAME_EVENT, 0, ev->pe.id);

    slv_link_end(slv_event_link(ev), slv_event_say(ev, &m, out));
}

/* The alarm that ran is over: nothing was set in its place. */
static void drop_alarm(slv_object *o)
{
    if (o->alarm.set_ms == SLV_REGISTRY_NO_ALARM)
        return;
    o->alarm = (slv_registry_alarm){.set_ms = SLV_REGISTRY_NO_ALARM};
    slv_object_registry_save(o, NULL, NULL);
}

static void try_again(slv_object *o, bool counts)
{
    int64_t now = slv_loop_wall_ms(o->all->shard->loop);
    int64_t wait = counts ? (int64_t)RETRY_MS << o->alarm.retries : AGAIN_MS;

    if (counts && o->alarm.retries >= RETRIES_MAX) {
        drop_alarm(o);
        return;
    }
    if (counts)
        o->alarm.retries++;
    /* a quarter more or less, so that many objects do not come at once */
    wait += wait / 4 - (int64_t)slv_prng_below(&o->all->shard->prng, (uint64_t)wait / 2 + 1);
    o->alarm.next_ms = now + wait;
    slv_object_registry_save(o, NULL, NULL);
}

static void on_ended(slv_event *ev, const slv_event_end *end)
{
    alarm_run *run = of_event(ev);
    slv_object *o = run->o;

    o->alarm_running = false;
    if (!o->alarm_touched && o->alarm.set_ms == run->set_ms) {
        if (!end->lost && !end->start_err && end->outcome == SLV_OUTCOME_OK)
            drop_alarm(o);
        else
            try_again(o, !end->lost && !end->start_err && end->outcome == SLV_OUTCOME_EXCEPTION);
    }
    free(run);
    if (!o->all->closing)
        slv_object_alarm_arm(o);
    slv_object_release(o);
}

static const slv_event_ops event_ops = {.send = on_send, .ended = on_ended};

static void on_due(slv_timer *timer)
{
    slv_object *o = slv_container_of(timer, slv_object, alarm_timer);
    slv_shard *shard = o->all->shard;
    slv_version *version = slv_object_version(o);

    if (o->alarm_running || o->alarm.set_ms == SLV_REGISTRY_NO_ALARM || o->all->closing)
        return;
    if (o->alarm.next_ms > slv_loop_wall_ms(shard->loop)) {
        slv_object_alarm_arm(o);
        return;
    }
    if (!version) { /* it comes back with its worker */
        slv_timer_start(timer, shard->loop, AGAIN_MS);
        return;
    }
    alarm_run *run = slv_new0(alarm_run);
    run->o = o;
    run->set_ms = o->alarm.set_ms;
    run->ev.ops = &event_ops;
    run->ev.inside = true;
    run->ev.object = o;
    o->alarm_running = true;
    o->alarm_touched = false;
    slv_event_begin(&run->ev, shard, version, (uint64_t)version->limits.cpu_fetch_ms * 1000,
                    WALL_MS);
}

void slv_object_alarm_init(slv_object *o)
{
    o->alarm.set_ms = SLV_REGISTRY_NO_ALARM;
    o->alarm_timer.fn = on_due;
}

void slv_object_alarm_set(slv_object *o, slv_alarm_change change, int64_t ms)
{
    if (change == SLV_ALARM_SET)
        o->alarm = (slv_registry_alarm){.set_ms = ms, .next_ms = ms};
    else
        o->alarm = (slv_registry_alarm){.set_ms = SLV_REGISTRY_NO_ALARM};
    o->alarm_unsaved = true;
    o->alarm_touched = true;
}

void slv_object_alarm_arm(slv_object *o)
{
    slv_loop *loop = o->all->shard->loop;

    slv_timer_stop(&o->alarm_timer);
    if (o->alarm.set_ms == SLV_REGISTRY_NO_ALARM || o->alarm_running || o->all->closing)
        return;
    int64_t wait = o->alarm.next_ms - slv_loop_wall_ms(loop);
    slv_timer_start(&o->alarm_timer, loop, wait < 0 ? 0 : (uint64_t)SLV_MIN(wait, TIMER_MAX_MS));
}
