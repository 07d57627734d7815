/*
 * Who gets how much of the processors. The kernel gives every process the same, so an account with
 * sixty isolates that compute would have sixty times what another has with one. Instead, while
 * several accounts have traffic, isolates of an account weigh the less the more of the processors
 * it uses: main, and those who use little, then run as soon as they have something to do. Accounts
 * that use alike weigh alike. Weight is lost at once and comes back after a second.
 *
 * A nice value can be raised by anybody, and lowered again with CAP_SYS_NICE or RLIMIT_NICE alone.
 * Where that is not allowed nothing is changed: an account would stay punished. What is left then
 * is slice.c.
 */
#include <dirent.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "pool/pool_int.h"

#define WINDOW_NS ((uint64_t)100000000)
#define SECOND_NS ((uint64_t)1000000000)
#define COUNTS_NS (SECOND_NS / 100) /* an account that uses less of a processor uses none */
#define CALM_WINDOWS 10             /* of lower use, until the weight comes back */
#define AT_ONCE 8 /* processes that are weighed anew in one call: each takes some ten calls */
#define RLIMIT_NICE_ZERO 20 /* "a nice value of 0", as the limit counts */

static bool may_be_lowered(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    struct rlimit limit;

    if (getrlimit(RLIMIT_NICE, &limit) == 0 && limit.rlim_cur >= RLIMIT_NICE_ZERO)
        return true;
    return syscall(SYS_capget, &head, data) == 0 &&
           (data[CAP_TO_INDEX(CAP_SYS_NICE)].effective & CAP_TO_MASK(CAP_SYS_NICE));
}

void slv_share_init(slv_pool *pool)
{
    pool->may_weigh = getpriority(PRIO_PROCESS, 0) == 0 && may_be_lowered();
    pool->window_ns = slv_clock_mono_ns();
}

void slv_share_used(slv_isolate *iso, uint64_t cpu_ns)
{
    iso->account->cpu_ns += cpu_ns;
}

int slv_share_nice(uint64_t use, unsigned accounts, unsigned processors)
{
    uint64_t part = SECOND_NS * processors / SLV_MAX(accounts, 2u);

    if (use > part)
        return 15; /* a thirtieth of the weight */
    if (use > part / 4)
        return 10;                 /* a tenth */
    return use > part / 8 ? 5 : 0; /* a third */
}

/* Of every thread: the kernel knows no process here. */
static void set_nice(pid_t pid, int nice)
{
    char path[48];
    DIR *tasks;

    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    tasks = opendir(path);
    if (!tasks)
        return;
    for (const struct dirent *d;
         (d = readdir(tasks)) != NULL;) { /* NOLINT(concurrency-mt-unsafe) */
        uint64_t tid;

        if (slv_parse_u64(slv_str_from(d->d_name), &tid) == SLV_OK)
            (void)setpriority(PRIO_PROCESS, (id_t)tid, nice);
    }
    closedir(tasks);
}

void slv_share_isolate(slv_isolate *iso)
{
    if (!iso->has_proc || iso->nice == iso->account->nice)
        return;
    iso->nice = iso->account->nice;
    set_nice(iso->proc.pid, iso->nice);
}

/* Half of what is remembered is of the last window or two. */
static unsigned close_window(slv_pool *pool, uint64_t elapsed)
{
    unsigned active = 0;

    SLV_LIST_EACH (n, &pool->accounts) {
        slv_account *a = slv_container_of(n, slv_account, node);
        uint64_t now = a->cpu_ns * SECOND_NS / elapsed;

        a->use = elapsed > 8 * WINDOW_NS ? now : (a->use * 2 + now) / 3;
        a->cpu_ns = 0;
        active += a->use > COUNTS_NS;
    }
    return active;
}

static void judge(slv_account *a, int wanted, bool contended)
{
    a->calm_windows = wanted < a->nice ? a->calm_windows + 1 : 0;
    if (!contended)
        a->nice = 0;
    else if (wanted > a->nice || a->calm_windows >= CALM_WINDOWS)
        a->nice = wanted;
}

static void weigh(slv_pool *pool)
{
    unsigned changed = 0;

    SLV_LIST_EACH (n, &pool->all) {
        slv_isolate *iso = slv_container_of(n, slv_isolate, all);

        if (!iso->has_proc || iso->nice == iso->account->nice)
            continue;
        slv_share_isolate(iso);
        if (++changed == AT_ONCE) /* the others in the next tick */
            return;
    }
}

void slv_share_pool(slv_pool *pool)
{
    uint64_t now = slv_clock_mono_ns(), elapsed = now - pool->window_ns;
    bool contended = slv_loop_now_ms(pool->loop) < pool->contended_ms;

    if (!pool->may_weigh)
        return;
    if (elapsed >= WINDOW_NS) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        unsigned active = close_window(pool, elapsed);

        pool->window_ns = now;
        SLV_LIST_EACH (n, &pool->accounts) {
            slv_account *a = slv_container_of(n, slv_account, node);

            judge(a, slv_share_nice(a->use, active, (unsigned)SLV_MAX(processors, 1)), contended);
        }
    }
    weigh(pool);
}
