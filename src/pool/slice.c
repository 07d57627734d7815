/*
 * Who waits how long for a processor. The kernel gives each runnable thread its turn of some
 * milliseconds, and lets who wakes up interrupt a turn only when its own is shorter. So, while
 * several accounts have traffic, loop threads and isolates that use little ask for short turns:
 * a neighbour that computes on every processor then costs them no wait. What computes keeps the
 * long ones. Nothing is taken from anybody's share, and no privilege is needed.
 *
 * Linux 6.12 and later; elsewhere nothing happens. With one account alone nothing is changed: short
 * turns break up batches.
 */
#include <linux/sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pool/pool_int.h"

#define SHORT_NS 300000u

struct attributes { /* linux/sched/types.h, whose header clashes with the library's */
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

/* tid 0: this thread. runtime 0: the kernel's own. */
static void set_slice(pid_t tid, uint64_t runtime)
{
    struct attributes a;

    memset(&a, 0, sizeof a);
    if (syscall(SYS_sched_getattr, tid, &a, (unsigned)sizeof a, 0u) != 0 || a.policy != 0)
        return;
    a.size = sizeof a;
    a.runtime = runtime;
    (void)syscall(SYS_sched_setattr, tid, &a, 0u); /* an older kernel does not look at it */
}

void slv_slice_isolate(slv_isolate *iso)
{
    bool wanted = iso->pool->short_turns && !iso->meter.busy;

    if (wanted == iso->short_turns || !iso->has_proc)
        return;
    iso->short_turns = wanted;
    set_slice(iso->proc.pid, wanted ? SHORT_NS : 0);
}

void slv_slice_pool(slv_pool *pool)
{
    bool wanted = slv_loop_now_ms(pool->loop) < pool->contended_ms;

    if (wanted == pool->short_turns)
        return;
    pool->short_turns = wanted;
    set_slice(0, wanted ? SHORT_NS : 0);
    SLV_LIST_EACH (n, &pool->all) {
        slv_isolate *iso = slv_container_of(n, slv_isolate, all);

        if (iso->state == SLV_ISOLATE_READY)
            slv_slice_isolate(iso);
    }
}
