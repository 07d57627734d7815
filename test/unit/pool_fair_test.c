/* What keeps accounts fair in a pool: by order and by figures, not by the clock. */
#include <sys/resource.h>

#include "base/rand.h"
#include "pool/pool_int.h"
#include "support/pool_isolate.h"

#define ACCOUNTS 3
#define EVENTS_MAX 200

static const char *const names[ACCOUNTS] = {"a", "b", "c"};

/* ---- the turn ---- */

typedef struct queued {
    try_event t;
    unsigned account;
} queued;

static queued events[ACCOUNTS * EVENTS_MAX];
static unsigned total, placed_count, lengths[ACCOUNTS], placed_of[ACCOUNTS];
static bool unfair;
static slv_prng dice;

/* As long as two have events waiting, neither is a turn's share ahead of the other. */
static void note_placed(unsigned account)
{
    placed_of[account]++;
    placed_count++;
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        if (placed_of[i] < lengths[i] && placed_of[account] > placed_of[i] + SLV_POOL_TURN_EVENTS)
            unfair = true;
    }
}

static void on_queued_placed(slv_pool_event *ev, const slv_err *err)
{
    const queued *q = slv_container_of(ev, queued, t.e);

    if (err)
        unfair = true;
    else
        note_placed(q->account);
}

static bool all_placed(void *arg)
{
    (void)arg;
    return placed_count == total;
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static slv_version *ready_version(unsigned account)
{
    slv_version *v;
    try_event first = {0};

    rig_tenant = names[account];
    v = version_of("", 128);
    rig_tenant = "";
    if (!v)
        return NULL;
    (void)start(&first, v, "ok", 0);
    return wait_over(&first) && first.ended ? v : slv_version_unref(v);
}

/* Queues of any lengths, in any order of arrival. False: the machine stood still for so long that
 * nobody counted as busy any more. */
static bool fill_and_serve(slv_version **v)
{
    uint64_t began = slv_clock_mono_ns();
    unsigned left[ACCOUNTS];

    total = placed_count = 0;
    unfair = false;
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        left[i] = lengths[i] = 1 + (unsigned)slv_prng_below(&dice, EVENTS_MAX);
        placed_of[i] = 0;
        total += left[i];
    }
    /* begun in the midst of a turn, all at once: the length of each is known from the start */
    for (unsigned n = 0; n < total; n++) {
        unsigned a = (unsigned)slv_prng_below(&dice, ACCOUNTS);
        queued *q = &events[n];

        while (left[a] == 0)
            a = (a + 1) % ACCOUNTS;
        left[a]--;
        *q = (queued){.account = a,
                      .t.e = {.version = v[a], .placed = on_queued_placed, .lost = on_lost}};
        if (slv_pool_begin(pool, &q->t.e, NULL) == SLV_OK)
            note_placed(a);
    }
    if (!slv_loop_run_until(loop, all_placed, NULL, 20000))
        unfair = true;
    for (unsigned n = 0; n < total; n++)
        slv_pool_end(&events[n].t.e, 0);
    (void)slv_loop_run_until(loop, never, NULL, 1); /* the turn of the last ones is over */
    return slv_clock_mono_ns() - began < 800000000;
}

/* What it protects: with a queue in order of arrival the last of the long one goes before the first
 * of the short one. */
TEST(of_queues_of_any_length_none_is_served_more_than_a_turn_ahead)
{
    slv_version *v[ACCOUNTS];

    slv_prng_seed(&dice, tap_seed());
    CHECK(set_up(1, 0, false));
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        v[i] = ready_version(i);
        CHECK(v[i]);
    }
    for (int round = 0, tries = 0; round < 20 && tries < 100; tries++) {
        if (!fill_and_serve(v))
            continue;
        round++;
        CHECK(!unfair);
    }
    CHECK(tear_down(NULL));
    for (unsigned i = 0; i < ACCOUNTS; i++)
        slv_version_unref(v[i]);
}

TEST(one_account_alone_has_the_whole_turn)
{
    slv_version *v;

    CHECK(set_up(1, 0, false));
    v = ready_version(0);
    CHECK(v);
    for (unsigned n = 0; n < EVENTS_MAX; n++) {
        events[n] = (queued){.t.e = {.version = v, .placed = on_queued_placed, .lost = on_lost}};
        CHECK_INT(slv_pool_begin(pool, &events[n].t.e, NULL), SLV_OK);
    }
    for (unsigned n = 0; n < EVENTS_MAX; n++)
        slv_pool_end(&events[n].t.e, 0);
    CHECK(tear_down(v));
}

/* ---- starts ---- */

#define WORKERS (SLV_POOL_STARTS_MAX + 3)

static unsigned starting(void)
{
    slv_pool_stats stats;

    slv_pool_get_stats(pool, &stats);
    return stats.starting;
}

/* Many workers of one account are asked for at once, and then one of another. */
TEST(an_account_starts_so_many_at_once_and_another_need_not_wait)
{
    slv_version *v[WORKERS], *other;
    try_event cold[WORKERS] = {0}, warm = {0}, modest = {0};

    CHECK(set_up(1, 0, false));
    v[0] = ready_version(0);
    other = ready_version(1); /* both have traffic from here on */
    CHECK(v[0] && other);
    for (size_t i = 1; i < WORKERS; i++) {
        rig_tenant = names[0];
        v[i] = version_of("", 128);
        CHECK(v[i]);
    }
    rig_tenant = names[1];
    SLV_CLEANUP(slv_version_unref) slv_version *second = version_of("", 128);
    rig_tenant = "";
    (void)start(&warm, other, "ok", 0);
    (void)start(&cold[0], v[0], "ok", 0);
    for (size_t i = 1; i < WORKERS; i++) {
        CHECK_INT(start(&cold[i], v[i], "ok", 0), SLV_E_AGAIN);
        CHECK_INT(starting(), SLV_MIN(i, (size_t)SLV_POOL_STARTS_MAX));
    }
    CHECK_INT(start(&modest, second, "ok", 0), SLV_E_AGAIN);
    CHECK_INT(starting(), SLV_POOL_STARTS_MAX + 1);
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(wait_over(&cold[i])); /* each has its turn */
        CHECK(cold[i].ended);
    }
    CHECK(wait_over(&modest));
    CHECK(wait_over(&warm));
    CHECK(tear_down(NULL));
    for (size_t i = 0; i < WORKERS; i++)
        slv_version_unref(v[i]);
    slv_version_unref(other);
}

/* ---- processors ---- */

TEST(who_uses_more_than_its_part_weighs_less)
{
    const uint64_t s = 1000000000;

    CHECK_INT(slv_share_nice(0, 2, 2), 0);
    CHECK_INT(slv_share_nice(s / 8, 2, 2), 0); /* of two processors each has one */
    CHECK_INT(slv_share_nice(s / 8 + 1, 2, 2), 5);
    CHECK_INT(slv_share_nice(s / 4, 2, 2), 5);
    CHECK_INT(slv_share_nice(s / 4 + 1, 2, 2), 10);
    CHECK_INT(slv_share_nice(s, 2, 2), 10);
    CHECK_INT(slv_share_nice(s + 1, 2, 2), 15);
    CHECK_INT(slv_share_nice(s, 1, 2), 10);      /* alone it is never asked; as with two */
    CHECK_INT(slv_share_nice(s, 2, 16), 0);      /* of a large machine that is little */
    CHECK_INT(slv_share_nice(s / 9, 20, 2), 15); /* of twenty each has a tenth */
}

static bool weighs_less(void *arg)
{
    const try_event *t = arg;

    return t->e.isolate && getpriority(PRIO_PROCESS, (id_t)slv_isolate_pid(t->e.isolate)) >= 10;
}

/* The one that computes, while another account has traffic; and no longer than that. */
TEST(an_isolate_that_computes_beside_others_weighs_less_than_they)
{
    slv_version *busy, *calm;
    try_event spin = {0};

    CHECK(set_up(1, 0, false));
    if (!pool->may_weigh) {
        tap_note("skipped: nice values cannot be taken back here");
        CHECK(tear_down(NULL));
        return;
    }
    busy = ready_version(0);
    calm = ready_version(1);
    CHECK(busy && calm);
    (void)start(&spin, busy, "spin", 600000);
    for (int i = 0; i < 2000 && !weighs_less(&spin); i++) {
        try_event ask = {0};

        (void)start(&ask, calm, "ok", 0);
        CHECK(wait_over(&ask));
        CHECK(getpriority(PRIO_PROCESS, (id_t)slv_isolate_pid(ask.e.isolate)) == 0);
        (void)slv_loop_run_until(loop, weighs_less, &spin, 10);
    }
    CHECK(weighs_less(&spin));
    CHECK(tear_down(NULL));
    slv_version_unref(busy);
    slv_version_unref(calm);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2 && strcmp(argv[1], "__isolate") == 0)
        return isolate_main((pid_t)atoi(argv[2]));
    return tap_main(argc, argv);
}
