/*
 * CPU and memory of isolates, measured from outside: no engine watchdog stops microtask chains,
 * wasm loops or regexes, and none is needed.
 *
 * One timer samples all isolates that have an open event or are starting. While a child runs, its
 * clock moves in steps of the scheduler's tick (up to 10 ms); when it sleeps the value is exact.
 * The process clock counts the engine's helper threads, so nobody is killed by it alone: the
 * JavaScript thread's own figure (/proc/<pid>/task/<pid>/schedstat) decides.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "pool/pool_int.h"

#define NS_PER_MS ((uint64_t)1000000)
#define BUSY_WINDOW_NS (100 * NS_PER_MS)
#define BUSY_PERCENT 80
#define SOFT_PERCENT 80  /* of the memory limit: main asks for a collection */
#define STEP_PERCENT 12  /* and again with each such step */
#define HARD_PERCENT 150 /* killed at the first sight */
#define SETTLE_MS 3000   /* for which an idle isolate is watched: it collects after two seconds */
#define STUCK_MS 1000    /* for a turn to end whose event has passed its wall time */
#define MARGIN_NS (50 * NS_PER_MS)
#define TIMELY_NS (SLV_POOL_TICK_MAX_MS * NS_PER_MS) /* what a sample that is not late may span */
#define HEAVY_CPU_NS (500 * NS_PER_MS) /* for open events to finish, in the isolate's own CPU */

void slv_meter_init(slv_meter *m)
{
    m->statm = m->schedstat = -1;
}

void slv_meter_done(slv_meter *m)
{
    if (m->statm >= 0)
        close(m->statm);
    if (m->schedstat >= 0)
        close(m->schedstat);
    m->statm = m->schedstat = -1;
}

static uint64_t read_clock(slv_meter *m)
{
    struct timespec ts;

    /* a process that has just died has no clock: its last figure stays */
    if (!m->has_clock || clock_gettime(m->clock, &ts) != 0)
        return m->cpu_ns;
    return (uint64_t)ts.tv_sec * 1000 * NS_PER_MS + (uint64_t)ts.tv_nsec;
}

/* The first number of schedstat: nanoseconds that the main thread ran. 0 when the kernel does not
 * say. */
static uint64_t read_main(const slv_meter *m)
{
    char text[96];
    ssize_t n = m->schedstat >= 0 ? pread(m->schedstat, text, sizeof text - 1, 0) : 0;

    if (n <= 0)
        return 0;
    text[n] = 0;
    return strtoull(text, NULL, 10);
}

/* Private resident memory: resident less file-backed and shared pages. */
static uint64_t read_memory(const slv_meter *m)
{
    char text[128], *end;
    ssize_t n = m->statm >= 0 ? pread(m->statm, text, sizeof text - 1, 0) : 0;
    uint64_t resident, shared;

    if (n <= 0)
        return 0;
    text[n] = 0;
    (void)strtoull(text, &end, 10);
    resident = strtoull(end, &end, 10);
    shared = strtoull(end, &end, 10);
    return resident > shared ? (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static int open_proc(pid_t pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

void slv_meter_birth(slv_isolate *iso)
{
    slv_meter *m = &iso->meter;
    char name[48];

    m->has_clock = clock_getcpuclockid(iso->proc.pid, &m->clock) == 0;
    m->statm = open_proc(iso->proc.pid, "statm");
    snprintf(name, sizeof name, "task/%d/schedstat", (int)iso->proc.pid);
    m->schedstat = open_proc(iso->proc.pid, name);
    m->base_bytes = read_memory(m);
    m->cpu_ns = read_clock(m);
    m->main_ns = read_main(m);
}

void slv_meter_start(slv_isolate *iso)
{
    slv_meter *m = &iso->meter;

    m->cpu_ns = read_clock(m);
    m->main_ns = read_main(m);
    m->start_ns = m->cpu_ns;
    m->start_main_ns = m->main_ns;
}

/* What the isolate did while it had no event is nobody's. */
void slv_meter_begin(slv_isolate *iso)
{
    slv_meter *m = &iso->meter;
    uint64_t before = m->cpu_ns;

    m->cpu_ns = read_clock(m);
    slv_share_used(iso, m->cpu_ns - before); /* but its account's all the same */
    m->main_ns = read_main(m);
    m->unclaimed_ns = 0;
    m->window_cpu_ns = m->cpu_ns;
    m->window_ns = slv_clock_mono_ns();
}

static void set_tick(slv_pool *pool, unsigned ms)
{
    pool->tick_ms = ms;
    slv_timer_start(&pool->tick, pool->loop, ms);
}

void slv_meter_wake(slv_pool *pool)
{
    if (!slv_timer_started(&pool->tick) || pool->tick_ms > SLV_POOL_TICK_MIN_MS)
        set_tick(pool, SLV_POOL_TICK_MIN_MS);
}

/* ---- memory ----
 *
 * What the kernel counts is what lives, garbage that no collection has looked at, and pages that
 * the engine's allocator has not given back yet. So it only tells when to ask, and bounds an
 * isolate that cannot or does not answer; whether the limit is passed is told by what lives after a
 * collection.
 */

static uint64_t percent_of_limit(const slv_isolate *iso, unsigned percent)
{
    return iso->group->version->limits.memory_bytes / 100 * percent;
}

static void ask_to_collect(slv_isolate *iso)
{
    iso->meter.asked = true;
    atomic_fetch_add_explicit(&iso->page->collect, 1, memory_order_relaxed);
}

static void take_answer(slv_isolate *iso)
{
    slv_meter *m = &iso->meter;
    uint32_t wish = atomic_load_explicit(&iso->page->collect, memory_order_relaxed);
    uint64_t live;

    if (atomic_load_explicit(&iso->page->collected, memory_order_acquire) != wish)
        return;
    live = (uint64_t)atomic_load_explicit(&iso->page->live_kib, memory_order_relaxed) << 10;
    m->asked = false;
    m->live_bytes = live;
    m->ask_bytes = m->used_bytes + percent_of_limit(iso, STEP_PERCENT);
    if (live > iso->group->version->limits.memory_bytes && !iso->heavy) {
        iso->heavy = iso->draining = true;
        m->heavy_cpu_ns = m->cpu_ns;
    }
}

/* Reads what it uses now. True when that is above the soft mark. */
static bool read_used(slv_isolate *iso)
{
    slv_meter *m = &iso->meter;
    uint64_t now = read_memory(m);

    m->used_bytes = now > m->base_bytes ? now - m->base_bytes : 0;
    if (m->asked)
        take_answer(iso);
    if (m->used_bytes <= percent_of_limit(iso, SOFT_PERCENT)) {
        m->ask_bytes = 0;
        return false;
    }
    if (!m->asked && m->used_bytes > m->ask_bytes)
        ask_to_collect(iso);
    return true;
}

void slv_meter_look(slv_isolate *iso)
{
    slv_meter *m = &iso->meter;
    uint64_t now = read_memory(m);

    m->used_bytes = now > m->base_bytes ? now - m->base_bytes : 0;
}

static void check_memory(slv_isolate *iso, slv_pool_event *turn)
{
    slv_meter *m = &iso->meter;
    bool hard = read_used(iso) && m->used_bytes > percent_of_limit(iso, HARD_PERCENT);

    if (hard || (iso->heavy && m->cpu_ns - m->heavy_cpu_ns > HEAVY_CPU_NS))
        slv_isolate_fail(iso, SLV_LOST_MEMORY, turn ? turn->id : 0, SLV_E_LIMIT,
                         "exceeded its memory limit: %" PRIu64 " MB used, %" PRIu64 " MB allowed",
                         (hard ? m->used_bytes : m->live_bytes) >> 20,
                         iso->group->version->limits.memory_bytes >> 20);
}

/* Its last event left it near the limit or above: it collects, and what lives then tells; or, when
   it does not answer, what it uses. True while that is open. */
static bool watch_idle(slv_isolate *iso)
{
    if (!iso->meter.asked || !read_used(iso))
        return false;
    if (iso->meter.asked && slv_loop_now_ms(iso->pool->loop) < iso->idle_ms + SETTLE_MS)
        return true;
    if (iso->heavy || (iso->meter.asked && iso->meter.used_bytes > percent_of_limit(iso, 100)))
        slv_isolate_stop(iso);
    return false;
}

/* ---- CPU ---- */

static void check_start(slv_isolate *iso)
{
    slv_meter *m = &iso->meter;
    uint64_t limit_ms = iso->group->version->limits.cpu_startup_ms;
    uint64_t main_ns, before = m->cpu_ns;

    m->cpu_ns = read_clock(m);
    slv_share_used(iso, m->cpu_ns - before);
    if (m->cpu_ns - m->start_ns <= limit_ms * NS_PER_MS)
        return;
    main_ns = read_main(m);
    if (main_ns && main_ns - m->start_main_ns <= limit_ms * NS_PER_MS)
        return;
    slv_isolate_fail(iso, SLV_LOST_CPU, 0, SLV_E_LIMIT,
                     "start-up took more than %" PRIu64 " ms of CPU in module scope", limit_ms);
}

static slv_pool_event *oldest_event(slv_isolate *iso)
{
    slv_pool_event *oldest = NULL;

    SLV_MAP_EACH (&iso->events, i) {
        if (!oldest || iso->events.values[i]->id < oldest->id)
            oldest = iso->events.values[i];
    }
    return oldest;
}

static void update_busy(slv_isolate *iso, uint64_t now)
{
    slv_meter *m = &iso->meter;

    if (now - m->window_ns < BUSY_WINDOW_NS)
        return;
    m->busy = (m->cpu_ns - m->window_cpu_ns) * 100 > (now - m->window_ns) * BUSY_PERCENT;
    m->window_ns = now;
    m->window_cpu_ns = m->cpu_ns;
    slv_slice_isolate(iso);
}

static void exceeded(slv_isolate *iso, const slv_pool_event *ev)
{
    slv_isolate_fail(iso, SLV_LOST_CPU, ev->id, SLV_E_LIMIT,
                     "exceeded its CPU limit of %" PRIu64 " ms", ev->cpu_limit_us / 1000);
}

/*
 * The last turn was of an event that has ended: frames are written and read, and its END has told
 * the figure. But CPU that is never claimed, sample after sample while no event ends, is not free:
 * a finaliser in a loop, or a lie.
 */
static void charge_nobody(slv_isolate *iso, uint64_t delta)
{
    const slv_pool_event *oldest = oldest_event(iso);

    iso->meter.unclaimed_ns += SLV_MIN(delta, TIMELY_NS);
    if (iso->meter.unclaimed_ns > oldest->cpu_limit_us * 1000)
        exceeded(iso, oldest);
    else
        check_memory(iso, NULL);
}

/*
 * A sample may span many turns, and gives all to the event whose turn it happens to be: right on
 * the average, which is what counts for long-lived events, but too much for a short one at times.
 * So the limit holds exactly within a turn that lasts from one sample to the next, and with a
 * margin otherwise. A sample that comes late, because main had to wait for a processor, may span so
 * much that no margin suffices: what is more than a timely one could hold is nobody's.
 */
static void charge(slv_isolate *iso, slv_pool_event *ev, uint64_t delta, bool same_turn)
{
    uint64_t limit = ev->cpu_limit_us * 1000;

    iso->meter.unclaimed_ns = 0;
    ev->cpu_ns += same_turn ? delta : SLV_MIN(delta, TIMELY_NS);
    ev->cpu_us = ev->cpu_ns / 1000;
    if (ev->cpu_ns > limit && (same_turn || ev->cpu_ns > limit + limit / 4 + MARGIN_NS))
        exceeded(iso, ev);
    else
        check_memory(iso, ev);
}

/*
 * Charges what was used since the last sample. The process clock tells cheaply that nothing was;
 * what is charged is the time of the JavaScript thread alone, where the kernel gives it: collecting
 * and compiling on another core shall not end an event early. Returns true when the isolate did
 * something.
 */
static bool sample(slv_isolate *iso)
{
    slv_meter *m = &iso->meter;
    uint64_t cpu = read_clock(m), delta = cpu - m->cpu_ns, main_now;
    uint32_t turn = atomic_load_explicit(&iso->page->turn, memory_order_relaxed);
    uint32_t current = atomic_load_explicit(&iso->page->event, memory_order_relaxed);
    uint32_t last = atomic_load_explicit(&iso->page->last, memory_order_relaxed);
    slv_pool_event *ev = slv_isolate_event(iso, current ? current : last);
    bool same_turn = current != 0 && turn == m->turn;

    update_busy(iso, iso->pool->now_ns);
    m->turn = turn;
    if (delta == 0)
        return false;
    m->cpu_ns = cpu;
    slv_share_used(iso, delta);
    main_now = read_main(m);
    if (main_now >= m->main_ns && main_now != 0)
        delta = SLV_MIN(delta, main_now - m->main_ns);
    m->main_ns = main_now;
    if (ev)
        charge(iso, ev, delta, same_turn);
    else
        charge_nobody(iso, delta);
    return true;
}

/* ---- wall time ---- */

/* The event was given up. When this is its turn, CANCEL can reach it only if the turn ends. */
static void note_turn(slv_isolate *iso, uint32_t id)
{
    if (atomic_load_explicit(&iso->page->event, memory_order_relaxed) != id)
        return;
    iso->meter.stuck_ms = slv_loop_now_ms(iso->pool->loop);
    iso->meter.stuck_turn = atomic_load_explicit(&iso->page->turn, memory_order_relaxed);
}

/* A turn whose event is over and that does not end: nobody is charged for it, and nothing else
   runs. True while that is open. */
static bool watch_stuck(slv_isolate *iso)
{
    slv_meter *m = &iso->meter;

    if (m->stuck_ms == 0)
        return false;
    if (atomic_load_explicit(&iso->page->event, memory_order_relaxed) == 0 ||
        atomic_load_explicit(&iso->page->turn, memory_order_relaxed) != m->stuck_turn) {
        m->stuck_ms = 0;
        return false;
    }
    if (slv_loop_now_ms(iso->pool->loop) < m->stuck_ms + STUCK_MS)
        return true;
    m->stuck_ms = 0;
    slv_isolate_fail(iso, SLV_LOST_WALL, UINT32_MAX, SLV_E_LIMIT,
                     "went on after its wall time limit");
    return false;
}

/* True when something was given up. */
static bool check_wall(slv_pool *pool)
{
    uint64_t now = slv_loop_now_ms(pool->loop);
    bool again, any = false;

    do { /* lost() may end others of the list */
        again = false;
        SLV_LIST_EACH (n, &pool->timed) {
            slv_pool_event *ev = slv_container_of(n, slv_pool_event, timed);
            slv_isolate *iso = ev->isolate;

            if (now < ev->wall_end_ms)
                continue;
            note_turn(iso, ev->id);
            slv_pool_lose(iso, ev, SLV_LOST_WALL, "exceeded its wall time limit");
            if (iso->events.len == 0)
                slv_isolate_idle(iso);
            again = any = true;
            break;
        }
    } while (again);
    return any;
}

void slv_meter_tick(slv_timer *timer)
{
    slv_pool *pool = slv_container_of(timer, slv_pool, tick);
    bool active = false, open = false;

    pool->now_ns = slv_clock_mono_ns();
    SLV_LIST_EACH (n, &pool->all) {
        slv_isolate *iso = slv_container_of(n, slv_isolate, all);

        if (iso->state == SLV_ISOLATE_READY)
            open = watch_stuck(iso) || open;
        if (iso->state == SLV_ISOLATE_STARTING) {
            check_start(iso);
            active = true;
        } else if (iso->state == SLV_ISOLATE_READY && iso->events.len > 0) {
            active = sample(iso) || active;
            open = true;
        } else if (iso->state == SLV_ISOLATE_READY && !iso->app) {
            open = watch_idle(iso) || open;
        }
    }
    open = check_wall(pool) || open;
    slv_share_pool(pool);
    if (active)
        set_tick(pool, SLV_POOL_TICK_MIN_MS);
    else if (open)
        set_tick(pool, SLV_MIN(pool->tick_ms * 2, (unsigned)SLV_POOL_TICK_MAX_MS));
}
