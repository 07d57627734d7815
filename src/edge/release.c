/*
 * A loop gives way to another process, which waits for the state:
 *
 *     1. no connection and no work of its own begins any more; what is idle is handed over; calls
 *        that have not been answered, and all that concerns objects and queues, may end
 *     2. objects are taken back, and the sockets that hibernate are handed over
 *     3. stores are let go of
 *     4. what is left - WebSockets and streams of isolates, calls that take long - goes on without
 *        stores, until it ends
 */
#include "edge/release_int.h"

#include "edge/object_int.h"
#include "edge/queue_int.h"
#include "edge/worker_int.h"
#include "state/state.h"

#define STEP_MS 5
#define SOCKETS_MS 1000 /* a message that is under way to an object may take so long */
#define LEFT_MS 100

/* A stream or a socket that its client has: answered, and the worker asks for nothing just now. */
static bool goes_on(slv_event *ev)
{
    return !ev->object && ev->state == SLV_EVENT_RUNNING && ev->status != 0 &&
           slv_list_empty(&ev->op_list) && !slv_list_empty(&ev->streams.list);
}

static bool is_answered(slv_shard *shard)
{
    SLV_LIST_EACH (node, &shard->events) {
        slv_event *ev = slv_container_of(node, slv_event, node);

        if (!ev->resident && !goes_on(ev))
            return false;
    }
    return slv_http_server_begins_nothing(shard->http);
}

/* A queue's batch, a cron, an alarm: they keep to the one who has the state, who begins them anew.
 */
static void cut_own_work(slv_shard *shard)
{
    SLV_LIST_EACH (node, &shard->events) {
        const slv_event *ev = slv_container_of(node, slv_event, node);

        if (ev->state == SLV_EVENT_RUNNING && !ev->resident && !ev->inside &&
            ev->traced_as != SLV_TRACED_FETCH && ev->pe.isolate)
            slv_isolate_kill(ev->pe.isolate, SLV_LOST_SHUTDOWN, "the server is being upgraded");
    }
}

/* ---- what is left ---- */

static void on_left(slv_timer *timer)
{
    slv_shard *shard = slv_container_of(timer, slv_shard, release);

    if (shard->http_over && shard->clients == 0 && slv_list_empty(&shard->events)) {
        shard->on_front_over(shard);
        return;
    }
    slv_timer_start(timer, shard->loop, LEFT_MS);
}

static void on_http_over(void *arg)
{
    slv_shard *shard = arg;

    shard->http_over = true;
}

static void on_feeds_over(slv_shard *shard)
{
    slv_state_forget_loop(shard->server->o.state, shard->loop);
    shard->released = true;
    shard->release.fn = on_left;
    slv_timer_start(&shard->release, shard->loop, LEFT_MS);
    shard->on_released(shard);
}

/* ---- objects and queues ---- */

static void on_objects_over(slv_shard *shard)
{
    slv_queue_close(shard, on_feeds_over);
}

static void on_objects(slv_timer *timer)
{
    slv_shard *shard = slv_container_of(timer, slv_shard, release);
    bool late = slv_loop_now_ms(shard->loop) >= shard->release_ms;

    if (!slv_objects_take_back(shard->objects) || !slv_objects_hand(shard->objects, late)) {
        slv_timer_start(timer, shard->loop, STEP_MS);
        return;
    }
    slv_objects_close(shard->objects, on_objects_over);
}

static void close_feeds(slv_shard *shard)
{
    SLV_MAP_EACH (&shard->workers, i) {
        slv_worker *w = shard->workers.values[i];

        if (w->count > 0)
            slv_queue_set(shard, w->versions[0], NULL, 0);
        for (size_t k = 0; k < w->count; k++)
            slv_pool_retire(shard->pool, w->versions[k]);
    }
}

static void on_step(slv_timer *timer)
{
    slv_shard *shard = slv_container_of(timer, slv_shard, release);

    if (!is_answered(shard) && slv_loop_now_ms(shard->loop) < shard->release_ms) {
        slv_timer_start(timer, shard->loop, STEP_MS);
        return;
    }
    cut_own_work(shard);
    close_feeds(shard);
    shard->objects->closing = true; /* none is opened, no alarm fires */
    shard->release_ms = slv_loop_now_ms(shard->loop) + SOCKETS_MS;
    timer->fn = on_objects;
    on_objects(timer);
}

void slv_shard_release(slv_shard *shard, uint32_t timeout_ms, void (*released)(slv_shard *shard),
                       void (*over)(slv_shard *shard))
{
    shard->on_released = released;
    shard->on_front_over = over;
    shard->draining = shard->leaving = shard->objects->leaving = true;
    shard->release_ms = slv_loop_now_ms(shard->loop) + timeout_ms;
    slv_cron_stop(shard);
    slv_http_server_drain(shard->http, UINT32_MAX, on_http_over, shard);
    shard->release.fn = on_step;
    on_step(&shard->release);
}
