/*
 * What concerns all objects of a loop: those that are idle, threads for their files, deploys, the
 * end.
 */
#include "base/mem.h"
#include "edge/object_int.h"
#include "edge/worker_int.h"

#define SWEEP_MS 1000
#define ROOM_FROM ((size_t)SLV_OBJECTS_PER_ISOLATE / 2)

/* ---- idle objects ---- */

/* An isolate that is nearly full gives back first what has been idle longest. */
static void make_room(slv_objects *all, slv_isolate *iso)
{
    const slv_peer *peer = slv_isolate_user(iso);

    if (!peer || peer->objects.len < ROOM_FROM)
        return;
    SLV_LIST_EACH (node, &all->idle) {
        slv_object *o = slv_container_of(node, slv_object, idle);

        if (o->iso != iso)
            continue;
        slv_object_close(o, SLV_CLOSE_IDLE, SLV_STR_NULL);
        return;
    }
}

void slv_objects_idle(slv_object *o)
{
    slv_objects *all = o->all;

    o->idle_since_ms = slv_loop_now_ms(all->shard->loop);
    slv_list_push(&all->idle, &o->idle);
    make_room(all, o->iso);
    if (!slv_timer_started(&all->sweep))
        slv_timer_start(&all->sweep, all->shard->loop, SWEEP_MS);
}

static void on_sweep(slv_timer *timer)
{
    slv_objects *all = slv_container_of(timer, slv_objects, sweep);
    uint64_t now = slv_loop_now_ms(all->shard->loop);

    SLV_LIST_EACH (node, &all->idle) {
        slv_object *o = slv_container_of(node, slv_object, idle);

        if (o->idle_since_ms + SLV_OBJECT_IDLE_MS > now)
            break;
        slv_list_remove(&o->idle);
        slv_object_close(o, SLV_CLOSE_IDLE, SLV_STR_NULL);
    }
    if (!slv_list_empty(&all->idle))
        slv_timer_start(timer, all->shard->loop, SWEEP_MS);
}

/* ---- work and life ---- */

slv_objects *slv_objects_new(slv_shard *shard)
{
    slv_objects *all = slv_new0(slv_objects);

    all->shard = shard;
    all->sweep.fn = on_sweep;
    slv_list_init(&all->idle);
    slv_objects_sync_init(all);
    return all;
}

/* Syncs wait for the disk rather than for a processor, and many of them at once make the disk work
 * once for all: so there are more threads than for other work on files. */
static bool have_threads(slv_objects *all)
{
    slv_err err;

    if (!all->threads) {
        if (slv_threads_new(SLV_OBJECT_THREADS, "object", &all->threads, &err) != SLV_OK) {
            slv_hook_notice(all->shard, slv_str_from(slv_err_text(&err)));
            return false;
        }
        for (unsigned i = 0; i < SLV_OBJECT_THREADS; i++)
            all->strands[i] = slv_strand_new(all->threads);
    }
    return true;
}

void slv_objects_job(slv_objects *all, slv_job *job)
{
    all->pending++;
    if (have_threads(all))
        slv_strand_submit(all->strands[all->next_strand++ % SLV_OBJECT_THREADS], all->shard->loop,
                          job);
    else
        slv_state_work(all->shard->server->o.state, all->shard->loop, job);
}

static void settle_close(slv_objects *all)
{
    if (all->closing && all->pending == 0 && all->closed) {
        void (*closed)(slv_shard * shard) = all->closed;

        all->closed = NULL;
        closed(all->shard);
    }
}

void slv_objects_pending_done(slv_objects *all)
{
    all->pending--;
    settle_close(all);
}

void slv_objects_deploy(slv_shard *shard, const slv_worker *w)
{
    slv_objects *all = shard->objects;

    if (shard->index != 0)
        return;
    SLV_MAP_EACH (&all->map, i) {
        slv_object *o = all->map.values[i];

        if (slv_str_eq(o->worker, w->name) && slv_str_eq(o->tenant, w->tenant) &&
            o->home.version != slv_object_version(o))
            slv_object_close(o, SLV_CLOSE_UPDATE,
                             SLV_STR("Durable Object reset because its code was updated."));
    }
    /* two versions of one deployment have the same classes: migrations are not split */
    if (w->count > 0 && w->versions[0]->class_count > 0 && shard->server->o.state)
        slv_objects_load(shard, w->versions[0]);
}

void slv_objects_undeploy(slv_shard *shard, slv_version *version, bool remove)
{
    slv_objects *all = shard->objects;

    if (shard->index != 0 || shard->closed)
        return;
    SLV_MAP_EACH (&all->map, i) {
        slv_object *o = all->map.values[i];

        if (!slv_str_eq(o->worker, version->name) || !slv_str_eq(o->tenant, version->tenant))
            continue;
        if (remove) {
            o->alarm = (slv_registry_alarm){.set_ms = SLV_REGISTRY_NO_ALARM};
            slv_object_alarm_arm(o);
        }
        slv_object_close(o, SLV_CLOSE_UPDATE,
                         SLV_STR("Durable Object reset because its worker was removed."));
    }
    if (remove && version->class_count > 0 && shard->server->o.state)
        slv_objects_erase(shard, version);
}

/* Objects that still wait for an isolate, or hold sockets. */
static void drop_all(slv_objects *all)
{
    for (size_t i = all->map.len; i-- > 0;) {
        if (i >= all->map.len)
            continue;
        slv_object *o = all->map.values[i];

        slv_timer_stop(&o->alarm_timer);
        slv_timer_stop(&o->close_timer);
        slv_object_sockets_drop(o, SLV_STR("The server is shutting down."));
        slv_object_release(o);
    }
}

void slv_objects_close(slv_objects *all, void (*closed)(slv_shard *shard))
{
    all->closing = true;
    all->closed = closed;
    slv_timer_stop(&all->sweep);
    drop_all(all);
    settle_close(all);
}

slv_objects *slv_objects_free(slv_objects *all)
{
    if (!all)
        return NULL;
    drop_all(all);
    for (unsigned i = 0; all->threads && i < SLV_OBJECT_THREADS; i++)
        (void)slv_strand_free(all->strands[i]);
    all->threads = slv_threads_free(all->threads);
    slv_map_done(&all->map);
    slv_map_done(&all->loaded);
    slv_map_done(&all->migrating);
    slv_timer_stop(&all->sweep);
    free(all);
    return NULL;
}
