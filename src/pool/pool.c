#include "pool/pool.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool/pool_int.h"

#define HOUSEKEEPING_MS 1000
#define SPARE_FROM 2          /* isolates started, before one is kept ready */
#define SPARE_KEEP_MS 300000  /* a spare that nobody took */
#define RETIRED_KEEP_MS 60000 /* a retry of an old event finds its group for so long */

const char *slv_lost_outcome(slv_lost why)
{
    static const char *const names[] = {
#define X(name, outcome) outcome,
        SLV_LOST(X)
#undef X
    };

    return names[why];
}

void slv_pool_later(slv_pool *pool)
{
    slv_loop_later(pool->loop, &pool->task);
}

void slv_pool_notice(slv_pool *pool, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    if (!pool->options.notice)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    pool->options.notice(pool->options.user, text);
}

/* ---- groups ---- */

static slv_group *find_group(slv_pool *pool, const slv_version *version)
{
    SLV_LIST_EACH (n, &pool->groups) {
        slv_group *group = slv_container_of(n, slv_group, node);

        if (group->version == version)
            return group;
    }
    return NULL;
}

static slv_group *get_group(slv_pool *pool, slv_version *version)
{
    slv_group *group = find_group(pool, version);

    if (group)
        return group;
    group = slv_new0(slv_group);
    group->pool = pool;
    group->version = slv_version_ref(version);
    group->account = slv_account_get(pool, version->tenant);
    group->account->groups++;
    group->failure = SLV_BUF(SLV_POOL_TEXT_MAX);
    slv_list_init(&group->isolates);
    slv_list_init(&group->waiting);
    slv_list_init(&group->refused);
    slv_list_push(&pool->groups, &group->node);
    return group;
}

static bool group_empty(const slv_group *group)
{
    return group->isolate_count == 0 && group->dying_count == 0 && !group->app &&
           slv_list_empty(&group->waiting) && slv_list_empty(&group->refused) &&
           group->warms.len == 0;
}

static void free_group(slv_group *group)
{
    slv_list_remove(&group->node);
    group->account->groups--;
    slv_account_tidy(group->account);
    slv_version_unref(group->version);
    slv_buf_done(&group->failure);
    slv_vec_done(&group->warms);
    free(group);
}

static unsigned group_cap(const slv_pool *pool)
{
    long processors;

    if (pool->options.cap_per_version)
        return pool->options.cap_per_version;
    if (pool->options.keep_one)
        return 1;
    processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors > 1 ? (unsigned)processors : 1;
}

/* ---- choice ---- */

static slv_isolate *choose(const slv_group *group, unsigned flags)
{
    slv_isolate *best = NULL;

    SLV_LIST_EACH (n, &group->isolates) {
        slv_isolate *iso = slv_container_of(n, slv_isolate, node);

        if (iso->state != SLV_ISOLATE_READY || iso->apart || iso->draining)
            continue;
        if ((flags & SLV_POOL_APART) && iso->events.len > 0)
            continue;
        if (!best || iso->events.len < best->events.len)
            best = iso;
    }
    if (best && best->events.len - best->residents >= SLV_POOL_PER_ISOLATE &&
        !(flags & SLV_POOL_INSIDE))
        return NULL;
    return best;
}

/* Those that take no events for their memory stand outside the cap: they are about to end, or to
 * recover. */
static unsigned heavy_count(const slv_group *group)
{
    unsigned n = 0;

    SLV_LIST_EACH (i, &group->isolates) {
        n += slv_container_of(i, slv_isolate, node)->heavy;
    }
    return n;
}

/* A cap that is reached makes something go that has nothing to do; its end lets those who wait have
 * their turn. */
static bool has_room(const slv_group *group)
{
    slv_pool *pool = group->pool;

    if (!pool->options.budget) {
        unsigned total = pool->options.cap_total ? pool->options.cap_total : 256;

        return group->isolate_count == 0 || pool->isolate_count < total;
    }
    switch (slv_budget_room_for(pool->options.budget, slv_str_from(group->account->name))) {
    case SLV_BUDGET_ROOM:
        return true;
    case SLV_BUDGET_ACCOUNT_FULL:
        if (group->isolate_count == 0)
            (void)slv_account_make_room(pool, group->account);
        break;
    case SLV_BUDGET_SERVER_FULL:
        if (group->isolate_count == 0)
            (void)slv_account_make_room(pool, NULL);
        break;
    }
    return false;
}

/* Caps bound further isolates. One that an open event calls is never refused: it would be a
 * deadlock. */
static bool may_start(const slv_group *group, unsigned flags)
{
    unsigned cap = group_cap(group->pool) + ((flags & SLV_POOL_APART) != 0) + heavy_count(group);

    if (flags & SLV_POOL_INSIDE)
        return true;
    return (group->isolate_count == 0 || group->isolate_count < cap) &&
           slv_turn_may_start(group->account) && has_room(group);
}

static void start_for(slv_group *group)
{
    slv_list *blank = slv_list_pop(&group->account->blanks);

    slv_account_started(group->account);
    if (blank)
        slv_isolate_assign(slv_container_of(blank, slv_isolate, node), group);
    else
        (void)slv_isolate_start(group->account, group);
}

static void place(slv_isolate *iso, slv_pool_event *ev)
{
    slv_pool *pool = iso->pool;

    if (iso->events.len == 0)
        slv_meter_begin(iso);
    if (iso->next_event == 0) /* the numbers went round: 2^32 events in one process */
        iso->next_event = 1;
    while (slv_imap_get(&iso->events, iso->next_event))
        iso->next_event++;
    ev->isolate = iso;
    ev->id = iso->next_event++;
    ev->cpu_ns = ev->cpu_us = 0;
    ev->state = SLV_EVENT_OPEN;
    slv_imap_set(&iso->events, ev->id, ev);
    iso->residents += (ev->flags & SLV_POOL_RESIDENT) != 0;
    iso->apart = (ev->flags & SLV_POOL_APART) != 0;
    if (ev->wall_limit_ms) {
        ev->wall_end_ms = slv_loop_now_ms(pool->loop) + ev->wall_limit_ms;
        slv_list_push(&pool->timed, &ev->timed);
    }
    pool->open_events++;
    slv_meter_wake(pool);
}

static bool in_backoff(const slv_group *group)
{
    return group->failed.code != SLV_OK && slv_list_empty(&group->isolates) &&
           slv_loop_now_ms(group->pool->loop) < group->failed_ms + SLV_POOL_BACKOFF_MS;
}

/* What open events call goes before what comes from outside: those may be waiting for it. Returns
 * the node that it stands before. */
static slv_list *place_in_queue(slv_group *group, const slv_pool_event *ev)
{
    slv_list *node = &group->waiting;

    if (ev->flags & SLV_POOL_INSIDE) {
        node = node->next;
        while (node != &group->waiting &&
               slv_container_of(node, slv_pool_event, node)->flags & SLV_POOL_INSIDE)
            node = node->next;
    }
    return node;
}

static void enqueue(slv_group *group, slv_pool_event *ev)
{
    ev->state = SLV_EVENT_WAITING;
    ev->queued_ms = slv_loop_now_ms(group->pool->loop);
    slv_list_push(place_in_queue(group, ev), &ev->node);
    group->waiting_count++;
    group->pool->waiting_events++;
}

static void dequeue(slv_group *group, slv_pool_event *ev)
{
    slv_list_remove(&ev->node);
    group->waiting_count--;
    group->pool->waiting_events--;
}

static void refuse_event(slv_group *group, slv_pool_event *ev, slv_code code)
{
    ev->state = SLV_EVENT_REFUSED;
    ev->code = code;
    slv_list_push(&group->refused, &ev->node);
    slv_pool_later(group->pool);
}

static void wake_housekeeping(slv_pool *pool)
{
    if (!slv_timer_started(&pool->housekeeping))
        slv_timer_start(&pool->housekeeping, pool->loop, HOUSEKEEPING_MS);
}

slv_code slv_pool_begin(slv_pool *pool, slv_pool_event *ev, slv_err *err)
{
    bool outside = !(ev->flags & SLV_POOL_INSIDE), later;
    slv_group *group;
    slv_isolate *iso;

    SLV_ASSERT(ev->state == SLV_EVENT_IDLE && ev->version && ev->placed && ev->lost);
    if (pool->closing)
        return slv_fail(err, SLV_E_CANCELED, "pool: closing");
    group = get_group(pool, ev->version);
    ev->pool = pool;
    ev->group = group;
    ev->isolate = NULL;
    if (ev->cpu_limit_us == 0)
        ev->cpu_limit_us = (uint64_t)ev->version->limits.cpu_fetch_ms * 1000;
    if (ev->on && ev->on->state != SLV_ISOLATE_READY)
        return slv_fail(err, SLV_E_CLOSED, "pool: the isolate is gone");
    if (ev->on) {
        place(ev->on, ev);
        return SLV_OK;
    }
    if (outside)
        slv_turn_note(pool, group->account);
    iso = choose(group, ev->flags);
    later = iso && outside && slv_turn_is_over(group->account);
    if (iso && !later) {
        if (outside)
            slv_turn_count(group->account);
        place(iso, ev);
        /* another one when this one's thread is the bottleneck */
        if (iso->meter.busy && iso->events.len > 1 && group->starting_count == 0 &&
            may_start(group, 0))
            start_for(group);
        return SLV_OK;
    }
    wake_housekeeping(pool);
    if (in_backoff(group)) {
        refuse_event(group, ev, group->failed.code);
        return SLV_E_AGAIN;
    }
    if (group->waiting_count >= SLV_POOL_QUEUE_MAX && !(ev->flags & SLV_POOL_INSIDE))
        return slv_fail(err, SLV_E_LIMIT, "pool: %u events wait for %.*s", group->waiting_count,
                        SLV_STR_ARGS(ev->version->name));
    if (group->starting_count == 0 && !slv_account_may_load(group))
        return slv_fail(err, SLV_E_LIMIT,
                        "pool: %d dynamic workers of one worker run at once, and no more",
                        SLV_POOL_LOADED_MAX);
    enqueue(group, ev);
    if (later)
        return SLV_E_AGAIN;
    if (group->starting_count * SLV_POOL_PER_ISOLATE < group->waiting_count &&
        may_start(group, ev->flags))
        start_for(group);
    return SLV_E_AGAIN;
}

static void event_closed(slv_isolate *iso, slv_pool_event *ev)
{
    (void)slv_imap_remove(&iso->events, ev->id);
    iso->residents -= (ev->flags & SLV_POOL_RESIDENT) != 0;
    slv_list_remove(&ev->timed);
    ev->state = SLV_EVENT_IDLE;
    iso->pool->open_events--;
}

void slv_pool_end(slv_pool_event *ev, uint64_t cpu_us)
{
    slv_group *group = ev->group;
    slv_isolate *iso = ev->isolate;

    switch (ev->state) {
    case SLV_EVENT_WAITING:
        dequeue(group, ev);
        break;
    case SLV_EVENT_REFUSED:
        slv_list_remove(&ev->node);
        break;
    case SLV_EVENT_OPEN:
        event_closed(iso, ev);
        ev->cpu_us = cpu_us ? cpu_us : ev->cpu_ns / 1000;
        iso->meter.unclaimed_ns = 0;
        if (iso->events.len == 0)
            slv_isolate_idle(iso);
        if (group->waiting_count > 0)
            slv_pool_later(group->pool);
        break;
    default:
        break;
    }
    ev->state = SLV_EVENT_IDLE;
}

void slv_pool_renew(slv_pool_event *ev)
{
    if (ev->state == SLV_EVENT_OPEN)
        ev->cpu_ns = ev->cpu_us = 0;
}

void slv_pool_lose(slv_isolate *iso, slv_pool_event *ev, slv_lost why, const char *text)
{
    event_closed(iso, ev);
    ev->cpu_us = ev->cpu_ns / 1000;
    ev->lost(ev, why, text);
}

/* ---- serving those who wait ---- */

void slv_pool_serve(slv_group *group)
{
    while (!slv_list_empty(&group->waiting)) {
        slv_pool_event *ev = slv_container_of(group->waiting.next, slv_pool_event, node);
        bool outside = !(ev->flags & SLV_POOL_INSIDE);
        slv_isolate *iso;

        if (outside && slv_turn_is_over(group->account))
            return;
        iso = choose(group, ev->flags);
        if (!iso) {
            if (group->starting_count == 0 && may_start(group, ev->flags))
                start_for(group);
            return;
        }
        dequeue(group, ev);
        if (outside)
            slv_turn_count(group->account);
        place(iso, ev);
        ev->placed(ev, NULL);
    }
}

static void tell_warms(slv_group *group, slv_isolate *iso, const slv_err *err)
{
    while (group->warms.len > 0) {
        slv_warm warm = group->warms.items[0];

        slv_vec_swap_remove(&group->warms, 0);
        warm.fn(group->pool->options.user, warm.user, iso, err);
    }
}

void slv_pool_ready(slv_isolate *iso)
{
    slv_group *group = iso->group;

    group->failed = (slv_err){.code = SLV_OK};
    slv_buf_reset(&group->failure);
    tell_warms(group, iso, NULL);
    if (iso->group) /* the callback did not take it down */
        slv_pool_serve(group);
}

void slv_pool_refuse(slv_group *group, slv_code code, const char *text)
{
    group->failed_ms = slv_loop_now_ms(group->pool->loop);
    (void)slv_fail(&group->failed, code, "%s", text);
    SLV_LIST_EACH (n, &group->isolates) {
        /* who waits only for room is still served by these */
        if (slv_container_of(n, slv_isolate, node)->state == SLV_ISOLATE_READY)
            return;
    }
    while (!slv_list_empty(&group->waiting)) {
        slv_pool_event *ev = slv_container_of(group->waiting.next, slv_pool_event, node);

        dequeue(group, ev);
        refuse_event(group, ev, code);
    }
    slv_pool_later(group->pool);
}

static void tell_refused(slv_group *group)
{
    slv_err failed = group->failed;

    while (!slv_list_empty(&group->refused)) {
        slv_pool_event *ev = slv_container_of(slv_list_pop(&group->refused), slv_pool_event, node);
        slv_err err = failed;

        if (ev->code == SLV_E_TIMEOUT)
            (void)slv_fail(&err, ev->code, "no isolate was free within %d s",
                           SLV_POOL_QUEUE_AGE_MS / 1000);
        else if (ev->code == SLV_E_CANCELED)
            (void)slv_fail(&err, ev->code, "the server is closing");
        ev->state = SLV_EVENT_IDLE;
        ev->placed(ev, &err);
    }
}

static void finish_close(slv_pool *pool)
{
    void (*closed)(void *user) = pool->closed;
    void *user = pool->closed_user;

    slv_timer_stop(&pool->tick);
    slv_timer_stop(&pool->housekeeping);
    slv_turn_done(pool);
    slv_task_cancel(&pool->task);
    SLV_LIST_EACH (n, &pool->groups) {
        free_group(slv_container_of(n, slv_group, node));
    }
    if (pool->options.budget)
        slv_budget_leave(pool->options.budget, pool->budget_place);
    pool->zygote = slv_zygote_disconnect(pool->zygote);
    free(pool);
    if (closed)
        closed(user);
}

static uint64_t waits_since(const slv_group *group)
{
    return slv_container_of(group->waiting.next, slv_pool_event, node)->queued_ms;
}

static int by_share(const void *a, const void *b)
{
    const slv_group *x = *(slv_group *const *)a, *y = *(slv_group *const *)b;
    unsigned has = x->account->isolates, other = y->account->isolates;

    if (x->account == y->account)
        return (waits_since(x) > waits_since(y)) - (waits_since(x) < waits_since(y));
    return (has > other) - (has < other);
}

/* Who waits: what room there is goes to the accounts that have the fewest isolates. */
void slv_pool_serve_all(slv_pool *pool)
{
    SLV_VEC(slv_group *) waiting = {0};

    if (pool->waiting_events == 0)
        return;
    SLV_LIST_EACH (n, &pool->groups) {
        slv_group *group = slv_container_of(n, slv_group, node);

        if (group->waiting_count > 0)
            slv_vec_push(&waiting, group);
    }
    if (waiting.len > 1)
        qsort(waiting.items, waiting.len, sizeof waiting.items[0], by_share);
    for (size_t i = 0; i < waiting.len; i++)
        slv_pool_serve(waiting.items[i]);
    slv_vec_done(&waiting);
}

/* Tells what was decided since: never inside the call that decided it. */
static void run_task(slv_task *task)
{
    slv_pool *pool = slv_container_of(task, slv_pool, task);
    bool again;

    do { /* a callback may end what the list walk stands on: start over after each */
        again = false;
        SLV_LIST_EACH (n, &pool->dying) {
            slv_isolate *iso = slv_container_of(n, slv_isolate, node);

            if (!iso->told) {
                slv_isolate_tell(iso);
                again = true;
                break;
            }
        }
    } while (again);
    slv_pool_serve_all(pool);
    SLV_LIST_EACH (n, &pool->groups) {
        slv_group *group = slv_container_of(n, slv_group, node);

        if (!slv_list_empty(&group->refused))
            tell_refused(group);
        if (group->warms.len > 0 && group->failed.code != SLV_OK && group->starting_count == 0) {
            slv_err failed = group->failed;

            tell_warms(group, NULL, &failed);
        }
    }
    if (pool->closing && slv_list_empty(&pool->all))
        finish_close(pool);
}

/* ---- housekeeping: waits that took too long, isolates without work, groups without use ---- */

static void expire_waits(slv_group *group, uint64_t now)
{
    SLV_LIST_EACH (n, &group->waiting) {
        slv_pool_event *ev = slv_container_of(n, slv_pool_event, node);

        if (now < ev->queued_ms + SLV_POOL_QUEUE_AGE_MS)
            break;
        dequeue(group, ev);
        refuse_event(group, ev, SLV_E_TIMEOUT);
    }
}

static void stop_idle(slv_group *group, uint64_t now)
{
    const slv_pool_options *o = &group->pool->options;
    uint64_t idle_ms = o->idle_ms ? o->idle_ms : 60000;

    SLV_LIST_EACH (n, &group->isolates) {
        slv_isolate *iso = slv_container_of(n, slv_isolate, node);
        /* one that a worker has loaded goes when it is idle: there may be a thousand */
        bool keep =
            o->keep_one && group->isolate_count == 1 && !group->retired && !group->version->extra;

        if (iso->state == SLV_ISOLATE_READY && iso->events.len == 0 && !keep &&
            now >= iso->idle_ms + idle_ms)
            slv_isolate_stop(iso);
    }
}

/* A spare is for those who come again: none stays when the account's last worker has gone. */
static bool stop_spares(slv_account *a, uint64_t now)
{
    SLV_LIST_EACH (n, &a->blanks) {
        slv_isolate *iso = slv_container_of(n, slv_isolate, node);

        if (now >= iso->idle_ms + SPARE_KEEP_MS || a->groups == 0)
            slv_isolate_kill(iso, SLV_LOST_SHUTDOWN, NULL);
    }
    return a->isolates > 0;
}

static void housekeeping(slv_timer *timer)
{
    slv_pool *pool = slv_container_of(timer, slv_pool, housekeeping);
    uint64_t now = slv_loop_now_ms(pool->loop);
    bool more = false;

    SLV_LIST_EACH (n, &pool->groups) {
        slv_group *group = slv_container_of(n, slv_group, node);

        expire_waits(group, now);
        stop_idle(group, now);
        /* after its instances: they would end with it */
        if (group->app && group->isolate_count == 0 && group->dying_count == 0)
            slv_isolate_kill(group->app, SLV_LOST_SHUTDOWN, NULL);
        if (group_empty(group) && now >= group->last_ms + RETIRED_KEEP_MS)
            free_group(group);
        else
            more = true;
    }
    SLV_LIST_EACH (n, &pool->accounts) {
        more = stop_spares(slv_container_of(n, slv_account, node), now) || more;
    }
    slv_account_watch_memory(pool);
    slv_slice_pool(pool);
    slv_share_pool(pool);
    if (pool->waiting_events > 0) /* a cap may have room that another pool made */
        slv_pool_later(pool);
    if (more)
        wake_housekeeping(pool);
}

void slv_isolate_idle(slv_isolate *iso)
{
    iso->apart = false;
    iso->idle_ms = slv_loop_now_ms(iso->pool->loop);
    iso->group->last_ms = iso->idle_ms;
    if (iso->state == SLV_ISOLATE_READY && (iso->group->retired || iso->draining))
        slv_isolate_stop(iso);
}

/* ---- the pool ---- */

slv_code slv_pool_new(const slv_pool_options *options, slv_pool **ret, slv_err *err)
{
    const char *zygote = getenv("SELVAGE_ZYGOTE");
    slv_pool *pool;

    if (!options->loop || !options->frame)
        return slv_fail(err, SLV_E_INVAL, "pool: loop and frame are needed");
    pool = slv_new0(slv_pool);
    pool->options = *options;
    pool->loop = options->loop;
    pool->sandbox = slv_sandbox_mode_env();
    pool->task.fn = run_task;
    pool->tick.fn = slv_meter_tick;
    pool->tick_ms = SLV_POOL_TICK_MIN_MS;
    pool->housekeeping.fn = housekeeping;
    slv_turn_init(pool);
    slv_share_init(pool);
    slv_list_init(&pool->groups);
    slv_list_init(&pool->all);
    slv_list_init(&pool->accounts);
    slv_list_init(&pool->dying);
    slv_list_init(&pool->timed);
    pool->zygotes_on = !(zygote && strcmp(zygote, "off") == 0);
    if (options->zygote && pool->zygotes_on)
        pool->zygote = slv_zygote_connect(options->zygote, pool->loop);
    if (options->budget)
        pool->budget_place = slv_budget_join(options->budget);
    *ret = pool;
    return SLV_OK;
}

void slv_pool_close(slv_pool *pool, void (*done)(void *user), void *user)
{
    SLV_ASSERT(!pool->closing);
    pool->closing = true;
    pool->closed = done;
    pool->closed_user = user;
    SLV_LIST_EACH (n, &pool->groups) {
        slv_group *group = slv_container_of(n, slv_group, node);

        group->failed = (slv_err){.code = SLV_E_CANCELED, .message = "the server is closing"};
        while (!slv_list_empty(&group->waiting)) {
            slv_pool_event *ev = slv_container_of(group->waiting.next, slv_pool_event, node);

            dequeue(group, ev);
            refuse_event(group, ev, SLV_E_CANCELED);
        }
    }
    SLV_LIST_EACH (n, &pool->all) {
        slv_isolate *iso = slv_container_of(n, slv_isolate, all);

        slv_isolate_fail(iso, SLV_LOST_SHUTDOWN, 0, SLV_E_CANCELED, "the server is closing");
    }
    slv_pool_later(pool);
}

void slv_pool_warm(slv_pool *pool, struct slv_version *version,
                   void (*ready)(void *user, void *arg, slv_isolate *iso, const slv_err *err),
                   void *arg)
{
    slv_group *group = get_group(pool, version);
    slv_warm warm = {ready, arg};

    wake_housekeeping(pool);
    group->last_ms = slv_loop_now_ms(pool->loop);
    if (ready)
        slv_vec_push(&group->warms, warm);
    group->failed = (slv_err){.code = SLV_OK};
    if (group->starting_count == 0)
        start_for(group);
}

void slv_pool_retire(slv_pool *pool, struct slv_version *version)
{
    slv_group *group = find_group(pool, version);

    if (!group)
        return;
    group->retired = true;
    group->last_ms = slv_loop_now_ms(pool->loop);
    wake_housekeeping(pool);
    SLV_LIST_EACH (n, &group->isolates) {
        slv_isolate *iso = slv_container_of(n, slv_isolate, node);

        if (iso->state == SLV_ISOLATE_READY && iso->events.len == 0)
            slv_isolate_stop(iso);
    }
}

bool slv_pool_has(slv_pool *pool, struct slv_version *version)
{
    const slv_group *group = find_group(pool, version);

    return group && group->isolate_count > 0;
}

slv_str slv_pool_failure(slv_pool *pool, struct slv_version *version)
{
    slv_group *group = find_group(pool, version);

    return group ? slv_buf_view(&group->failure) : SLV_STR_NULL;
}

static unsigned spares_of(const slv_account *account)
{
    unsigned n = 0;

    SLV_LIST_EACH (i, &account->blanks) {
        n++;
    }
    return n;
}

/* Earned by starts: a server that runs one isolate for ever needs none. Where forks are to be had
 * soon it waits for them. */
void slv_pool_spare(slv_account *account)
{
    slv_pool *pool = account->pool;
    const slv_pool_options *o = &pool->options;
    slv_budget *budget = o->budget;
    slv_zygote_conn *conn = slv_account_conn(account);
    bool forks_later = conn || (pool->options.zygotes && pool->zygotes_on);
    slv_isolate *iso;

    if (o->no_spare || pool->closing || spares_of(account) >= SLV_MAX(o->spares, 1u) ||
        account->blank_coming || account->starts < SPARE_FROM ||
        (forks_later && !(conn && slv_zygote_quiet(conn))))
        return;
    if (budget && (slv_budget_over(budget) > 0 ||
                   slv_budget_room_for(budget, slv_str_from(account->name)) != SLV_BUDGET_ROOM))
        return;
    iso = slv_isolate_start(account, NULL);
    account->blank_coming = iso != NULL && iso->state != SLV_ISOLATE_DYING;
}

bool slv_pool_app_quiet(slv_pool *pool, struct slv_version *version)
{
    slv_group *group = find_group(pool, version);

    return group && group->app && group->app->serves && slv_zygote_quiet(group->app->serves);
}
