/*
 * isolate_start.c - how long an isolate takes from the decision to READY: by exec, forked from the
 * base zygote, forked from an app zygote. Prints one line a way: name, count, minimum, median and
 * maximum in microseconds. Some 40 seconds, most of them the wait until zygotes are quiet. The
 * program is main, zygote and isolate.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "pool/zygote.h"
#include "rt/roles.h"
#include "support/pool_rig.h"

#define ROUNDS 15

static const char script[] =
    "const handler = { async scheduled(c) {\n"
    "  if (c.cron === 'hold') await new Promise(r => setTimeout(r, 60000));\n"
    "} };\n"
    "return { get default() { return handler; } };\n";

static bool base_is_quiet(void *arg)
{
    (void)arg;
    return slv_pool_forks(pool);
}

static bool app_is_quiet(void *version)
{
    return slv_pool_app_quiet(pool, version);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void print(const char *way, uint64_t *us, size_t n)
{
    qsort(us, n, sizeof *us, by_value);
    printf("%s %zu %llu %llu %llu\n", way, n, (unsigned long long)us[0],
           (unsigned long long)us[n / 2], (unsigned long long)us[n - 1]);
}

static bool measure_one(slv_version *v, try_event *t, const char *what, uint64_t *ret_us)
{
    slv_pool_stats stats;

    t->e.flags = SLV_POOL_APART; /* an isolate of its own */
    if (start(t, v, what, 0) != SLV_OK && !slv_loop_run_until(loop, has_isolate, t, 20000))
        return false;
    slv_pool_get_stats(pool, &stats);
    *ret_us = stats.last_start_us;
    return t->placed;
}

/* Each start is of a version of its own, so that no isolate is there yet. */
static bool measure(const char *way)
{
    uint64_t us[ROUNDS];

    for (size_t i = 0; i < ROUNDS; i++) {
        slv_version *v = version_of(script, 128);
        try_event t = {0};

        if (!v || !measure_one(v, &t, "once", &us[i]) || !wait_over(&t))
            return false;
        slv_version_unref(v);
    }
    print(way, us, ROUNDS);
    return true;
}

static bool measure_app(void)
{
    slv_version *v = version_of(script, 128);
    try_event hold[2 + ROUNDS] = {0};
    uint64_t us[ROUNDS];

    for (size_t i = 0; i < 2; i++) /* traffic that earns a zygote */
        if (!measure_one(v, &hold[i], "hold", &us[0]))
            return false;
    if (!slv_loop_run_until(loop, app_is_quiet, v, 60000))
        return false;
    for (size_t i = 0; i < ROUNDS; i++)
        if (!measure_one(v, &hold[2 + i], "hold", &us[i]))
            return false;
    print("app-zygote", us, ROUNDS);
    return tear_down(v);
}

int main(int argc, char **argv)
{
    slv_zygote_options options = {0};
    int status;

    (void)signal(SIGPIPE, SIG_IGN);
    if (slv_role_run(argc, argv, &status))
        return status;
    if (!set_up(1, 0, false) || !measure("exec") || !tear_down(NULL))
        return 1;
    rig_zygote = slv_zygote_new(&options);
    bool ok = set_up(64, 0, true) && slv_loop_run_until(loop, base_is_quiet, NULL, 60000) &&
              measure("zygote") && measure_app();
    slv_zygote_free(rig_zygote);
    return ok ? 0 : 1;
}
