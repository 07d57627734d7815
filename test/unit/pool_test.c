/*
 * The pool against isolates that do what the test says (support/pool_isolate.h).
 */
#include "pool/budget.h"
#include "support/pool_isolate.h"

TEST(an_event_starts_an_isolate_and_the_next_one_finds_it)
{
    slv_version *v = version_of("", 128);
    try_event a = {0}, b = {0};
    slv_pool_stats stats;

    CHECK(v && set_up(1, 0, false));
    CHECK_INT(start(&a, v, "ok", 0), SLV_E_AGAIN);
    CHECK(wait_over(&a));
    CHECK(a.ended);
    CHECK_INT(a.e.cpu_us, 7); /* END's figure counts */
    CHECK_INT(start(&b, v, "ok", 0), SLV_OK);
    CHECK(wait_over(&b));
    CHECK(b.ended);
    CHECK(b.e.id != a.e.id);
    CHECK_INT(opened, 1);
    slv_pool_get_stats(pool, &stats);
    tap_note("exec to READY: %llu us", (unsigned long long)stats.last_start_us);
    CHECK_INT(stats.started_exec, 1);
    CHECK_INT(stats.open_events, 0);
    CHECK(tear_down(v));
    CHECK_INT(gone, 1);
}

TEST(a_turn_that_does_not_end_is_killed_and_its_neighbour_is_told_apart)
{
    slv_version *v = version_of("", 128);
    try_event hold = {0}, spin = {0}, next = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&hold, v, "hold", 0);
    CHECK(slv_loop_run_until(loop, has_isolate, &hold, 20000));
    CHECK_INT(start(&spin, v, "spin", 50), SLV_OK);
    CHECK(wait_over(&spin));
    CHECK(spin.lost);
    CHECK_INT(spin.why, SLV_LOST_CPU);
    CHECK(spin.cpu_us > 50000);
    CHECK(hold.lost);
    CHECK_INT(hold.why, SLV_LOST_NEIGHBOUR);
    CHECK(hold.cpu_us < 30000);
    tap_note("50 ms limit: %llu us charged", (unsigned long long)spin.cpu_us);
    CHECK_STR(slv_str_from(slv_lost_outcome(spin.why)), SLV_STR("exceededCpu"));
    (void)start(&next, v, "ok", 0); /* and life goes on */
    CHECK(wait_over(&next));
    CHECK(next.ended);
    CHECK(tear_down(v));
}

TEST(work_below_the_limit_is_charged_and_ends_well)
{
    slv_version *v = version_of("", 128);
    try_event a = {0}, hold = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&hold, v, "hold", 0);
    CHECK(slv_loop_run_until(loop, has_isolate, &hold, 20000));
    for (int i = 0; i < 50 && a.e.cpu_ns < 15 * 1000000; i++) {
        a = (try_event){0}; /* on a busy machine all of it may fall between two samples */
        (void)start(&a, v, "work", 1000);
        CHECK(wait_over(&a));
        CHECK(a.ended);
    }
    CHECK(a.e.cpu_ns > 15 * 1000000);
    CHECK(hold.e.cpu_ns < 15 * 1000000);
    CHECK(tear_down(v));
    CHECK(hold.lost);
    CHECK_INT(hold.why, SLV_LOST_SHUTDOWN);
}

TEST(turns_of_neighbours_are_not_charged_to_each_other)
{
    slv_version *v = version_of("", 128);
    try_event a[8] = {0};
    unsigned lost = 0;

    CHECK(v && set_up(1, 0, false));
    for (size_t i = 0; i < 8; i++)
        (void)start(&a[i], v, "work", 100); /* 40 ms each: none may be charged for the others */
    for (size_t i = 0; i < 8; i++) {
        CHECK(wait_over(&a[i]));
        lost += a[i].lost;
        if (a[i].lost)
            tap_note("%zu: %s after %llu us", i, a[i].text, (unsigned long long)a[i].e.cpu_us);
    }
    CHECK_INT(lost, 0);
    CHECK(tear_down(v));
}

TEST(a_long_lived_event_is_not_charged_for_the_traffic_beside_it)
{
    slv_version *v = version_of("", 128);
    try_event hold = {0};
    uint64_t traffic_us = 0;

    CHECK(v && set_up(1, 0, false));
    (void)start(&hold, v, "hold", 300);
    CHECK(slv_loop_run_until(loop, has_isolate, &hold, 20000));
    for (unsigned i = 0; i < 300; i++) {
        try_event t = {0};

        CHECK_INT(start(&t, v, "tiny", 0), SLV_OK);
        CHECK(wait_over(&t));
        CHECK(t.ended);
        traffic_us += 2000;
    }
    tap_note("%llu us charged beside %llu us of others", (unsigned long long)hold.e.cpu_us,
             (unsigned long long)traffic_us);
    CHECK(!hold.lost);
    CHECK(hold.e.cpu_us < traffic_us / 10);
    CHECK(tear_down(v));
}

TEST(memory_over_the_limit_ends_the_isolate)
{
    slv_version *v = version_of("", 128);
    try_event grow_event = {0}, hold = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&hold, v, "hold", 0);
    CHECK(slv_loop_run_until(loop, has_isolate, &hold, 20000));
    (void)start(&grow_event, v, "grow", 0);
    CHECK(wait_over(&grow_event));
    CHECK(grow_event.lost);
    CHECK_INT(grow_event.why, SLV_LOST_MEMORY);
    CHECK_INT(hold.why, SLV_LOST_NEIGHBOUR);
    CHECK(strstr(grow_event.text, "128 MB allowed"));
    tap_note("%s", grow_event.text);
    CHECK(tear_down(v));
}

TEST(memory_below_the_limit_and_memory_given_back_do_not)
{
    slv_version *v = version_of("", 128);
    try_event some = {0}, churn = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&some, v, "some", 0);
    CHECK(wait_over(&some));
    CHECK(some.ended);
    (void)start(&churn, v, "churn", 0);
    CHECK(wait_over(&churn));
    CHECK(churn.ended);
    CHECK_INT(opened, 1);
    CHECK(tear_down(v));
}

static bool fresh_one(void *arg)
{
    (void)arg;
    return gone == 1;
}

TEST(an_isolate_left_above_its_limit_is_replaced_and_nobody_is_harmed)
{
    slv_version *v = version_of("", 128);
    try_event heavy = {0}, next = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&heavy, v, "burst", 0); /* above the limit within a few milliseconds, then idle */
    CHECK(wait_over(&heavy));
    CHECK(heavy.ended);
    CHECK(slv_loop_run_until(loop, fresh_one, NULL, 8000));
    CHECK_STR(slv_str_from(gone_text), SLV_STR(""));
    (void)start(&next, v, "ok", 0);
    CHECK(wait_over(&next));
    CHECK(next.ended);
    CHECK_INT(opened, 2);
    CHECK(tear_down(v));
}

TEST(a_crash_is_told_with_its_signal)
{
    slv_version *v = version_of("", 128);
    try_event crash = {0}, quit = {0}, shut = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&crash, v, "crash", 0);
    CHECK(wait_over(&crash));
    CHECK_INT(crash.why, SLV_LOST_CRASHED);
    CHECK(strstr(crash.text, "Aborted"));
    (void)start(&quit, v, "exit", 0);
    CHECK(wait_over(&quit));
    CHECK(strstr(quit.text, "status 3"));
    (void)start(&shut, v, "close", 0);
    CHECK(wait_over(&shut));
    CHECK(strstr(shut.text, "closed its channel"));
    CHECK(slv_loop_run_until(loop, all_gone, NULL, 5000));
    CHECK_INT(gone, 3);
    CHECK(tear_down(v));
}

TEST(a_peer_that_forges_or_speaks_out_of_turn_is_killed)
{
    static const char *const ways[] = {"forge", "again", "event"};
    slv_version *v = version_of("", 128);

    CHECK(v && set_up(1, 0, false));
    for (size_t i = 0; i < SLV_ARRAY_LEN(ways); i++) {
        try_event t = {0};

        (void)start(&t, v, ways[i], 0);
        CHECK(wait_over(&t));
        CHECK(t.lost);
        CHECK_INT(t.why, SLV_LOST_VIOLATION);
        tap_note("%s: %s", ways[i], t.text);
    }
    CHECK(tear_down(v));
}

TEST(a_flood_costs_the_event_its_cpu_and_main_no_memory)
{
    slv_version *v = version_of("", 128);
    try_event t = {0}, other = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&t, v, "flood", 50);
    CHECK(wait_over(&t));
    CHECK(t.lost);
    tap_note("%u lines, %s", logs, t.text);
    CHECK(logs > 10);
    (void)start(&other, v, "ok", 0);
    CHECK(wait_over(&other));
    CHECK(other.ended);
    CHECK(tear_down(v));
}

TEST(a_worker_that_cannot_start_says_why)
{
    slv_version *v = version_of("fail", 128);
    try_event a = {0}, b = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&a, v, "ok", 0);
    (void)start(&b, v, "ok", 0);
    CHECK(wait_over(&a));
    CHECK(wait_over(&b));
    CHECK(a.refused && b.refused);
    CHECK_INT(a.code, SLV_E_JS);
    CHECK(strstr(a.text, "\"no\""));
    CHECK_STR(slv_pool_failure(pool, v), SLV_STR("{\"name\":\"Error\",\"message\":\"no\"}"));
    CHECK_INT(opened, 0);
    CHECK(tear_down(v));
}

TEST(start_up_has_a_cpu_limit)
{
    slv_version *v = version_of("spin", 128), *w = version_of("slow", 128);
    try_event a = {0}, b = {0};

    CHECK(v && w && set_up(1, 0, false));
    (void)start(&a, v, "ok", 0);
    CHECK(wait_over(&a));
    CHECK_INT(a.code, SLV_E_LIMIT);
    CHECK(strstr(a.text, "1000 ms of CPU"));
    (void)start(&b, w, "ok", 0); /* it says so itself */
    CHECK(wait_over(&b));
    CHECK_INT(b.code, SLV_E_LIMIT);
    slv_version_unref(w);
    CHECK(tear_down(v));
}

TEST(a_process_that_did_not_lock_itself_down_gets_no_code)
{
    slv_version *v = version_of("", 128);
    try_event a = {0};

    setenv("SELVAGE_TEST_NAKED", "1", 1);
    CHECK(v && set_up(1, 0, false));
    (void)start(&a, v, "ok", 0);
    CHECK(wait_over(&a));
    unsetenv("SELVAGE_TEST_NAKED");
    CHECK(a.refused);
    CHECK_INT(a.code, SLV_E_DENIED);
    CHECK(strstr(a.text, "sandbox:"));
    CHECK(tear_down(v));
}

TEST(caps_bound_further_isolates_never_the_first_nor_one_called_from_inside)
{
    slv_version *v = version_of("", 128), *w = version_of("", 128);
    try_event apart[3] = {0}, inside = {0};

    CHECK(v && w && set_up(1, 0, false));
    for (size_t i = 0; i < 3; i++) {
        apart[i].e.flags = SLV_POOL_APART;
        (void)start(&apart[i], v, "hold", 0);
    }
    CHECK(slv_loop_run_until(loop, has_isolate, &apart[1], 20000)); /* the cap and one more */
    inside.e.flags = SLV_POOL_INSIDE;
    (void)start(&inside, v, "ok", 0);
    CHECK(wait_over(&inside));
    CHECK(inside.ended);
    CHECK(!apart[2].placed || apart[2].e.isolate != apart[0].e.isolate);
    slv_version_unref(w);
    CHECK(tear_down(v));
}

static bool none_left(void *arg)
{
    slv_pool_stats stats;

    (void)arg;
    slv_pool_get_stats(pool, &stats);
    return stats.isolates == 0;
}

TEST(a_retired_version_stops_when_its_last_event_has_ended)
{
    slv_version *v = version_of("", 128);
    try_event hold = {0}, next = {0};

    CHECK(v && set_up(1, 0, false));
    (void)start(&hold, v, "hold", 0);
    CHECK(slv_loop_run_until(loop, has_isolate, &hold, 20000));
    slv_pool_retire(pool, v);
    CHECK(!slv_loop_run_until(loop, none_left, NULL, 100));
    slv_pool_end(&hold.e, 0);
    CHECK(slv_loop_run_until(loop, none_left, NULL, 5000));
    CHECK(!hold.lost);
    CHECK(slv_loop_run_until(loop, all_gone, NULL, 5000));
    CHECK_STR(slv_str_from(gone_text), SLV_STR(""));
    (void)start(&next, v, "ok", 0); /* a retry is still served */
    CHECK(wait_over(&next));
    CHECK(next.ended);
    CHECK(tear_down(v));
}

TEST(an_idle_isolate_is_stopped)
{
    slv_version *v = version_of("", 128);
    try_event a = {0};

    CHECK(v && set_up(1, 100, false));
    (void)start(&a, v, "ok", 0);
    CHECK(wait_over(&a));
    CHECK(slv_loop_run_until(loop, none_left, NULL, 8000));
    CHECK(!a.lost);
    CHECK(tear_down(v));
}

static bool has_three(void *arg)
{
    slv_pool_stats stats;

    (void)arg;
    slv_pool_get_stats(pool, &stats);
    return stats.isolates == 3 && stats.starting == 0;
}

TEST(a_spare_process_waits_once_starts_have_earned_it)
{
    slv_version *v = version_of("", 128), *w = version_of("", 128), *x = version_of("", 128);
    try_event a = {0}, b = {0}, c = {0};
    slv_pool_stats stats;

    CHECK(v && w && x && set_up(1, 0, true));
    (void)start(&a, v, "ok", 0);
    CHECK(wait_over(&a));
    slv_pool_get_stats(pool, &stats);
    CHECK_INT(stats.isolates, 1); /* one that runs for ever needs none */
    (void)start(&b, w, "ok", 0);
    CHECK(wait_over(&b));
    CHECK(slv_loop_run_until(loop, has_three, NULL, 5000));
    (void)slv_loop_run_until(loop, none_left, NULL, 200); /* its HELLO */
    (void)start(&c, x, "ok", 0);
    CHECK(wait_over(&c));
    CHECK(c.ended);
    slv_pool_get_stats(pool, &stats);
    tap_note("from a spare process to READY: %llu us", (unsigned long long)stats.last_start_us);
    CHECK(stats.last_start_us < 50000);
    slv_version_unref(w);
    slv_version_unref(x);
    CHECK(tear_down(v));
}

/* ---- accounts ---- */

static slv_version *version_for(const char *tenant, const char *parent)
{
    slv_version *v;

    rig_tenant = tenant;
    rig_parent = parent;
    v = version_of("", 128);
    rig_tenant = rig_parent = "";
    return v;
}

static bool set_up_with(slv_budget_options budget, bool spare)
{
    bool ok;

    rig_budget = slv_budget_new(&budget);
    ok = set_up(4, 0, spare);
    return ok;
}

static bool tear_down_with(slv_version **versions, size_t count)
{
    bool ok = tear_down(NULL);

    for (size_t i = 0; i < count; i++)
        slv_version_unref(versions[i]);
    rig_budget = slv_budget_free(rig_budget);
    return ok;
}

/* With the account at its cap a worker of it waits until something has ended; another account's
 * does not. */
TEST(an_account_at_its_cap_waits_and_no_other_does)
{
    slv_version *v[] = {version_for("a", ""), version_for("a", ""), version_for("a", ""),
                        version_for("b", "")};
    try_event hold[2] = {0}, more = {0}, other = {0}, inside = {0};

    CHECK(set_up_with((slv_budget_options){.account_isolates = 2, .isolates = 10}, false));
    for (size_t i = 0; i < 2; i++) {
        (void)start(&hold[i], v[i], "hold", 0);
        CHECK(slv_loop_run_until(loop, has_isolate, &hold[i], 20000));
    }
    CHECK_INT(start(&more, v[2], "ok", 0), SLV_E_AGAIN);
    (void)start(&other, v[3], "ok", 0);
    CHECK(wait_over(&other));
    CHECK(other.ended);
    CHECK(!slv_loop_run_until(loop, has_isolate, &more, 300));
    inside.e.flags = SLV_POOL_INSIDE; /* who calls it would wait for ever */
    (void)start(&inside, v[2], "ok", 0);
    CHECK(wait_over(&inside));
    CHECK(inside.ended);
    CHECK(wait_over(&more)); /* its isolate is there now */
    CHECK(more.ended);
    CHECK(tear_down_with(v, SLV_ARRAY_LEN(v)));
}

TEST(what_has_nothing_to_do_makes_room_for_who_waits)
{
    slv_version *v[] = {version_for("a", ""), version_for("a", ""), version_for("b", "")};
    try_event first = {0}, second = {0}, third = {0};
    slv_pool_stats stats;

    CHECK(set_up_with((slv_budget_options){.account_isolates = 1, .isolates = 1}, false));
    (void)start(&first, v[0], "ok", 0);
    CHECK(wait_over(&first));
    (void)start(&second, v[1], "ok", 0);
    CHECK(wait_over(&second));
    CHECK(second.ended);
    (void)start(&third, v[2], "ok", 0); /* of another account: the server's cap */
    CHECK(wait_over(&third));
    CHECK(third.ended);
    slv_pool_get_stats(pool, &stats);
    CHECK_INT(stats.isolates, 1);
    CHECK(tear_down_with(v, SLV_ARRAY_LEN(v)));
}

TEST(who_has_fewest_isolates_gets_the_room_that_there_is)
{
    slv_version *v[] = {version_for("a", ""), version_for("a", ""), version_for("a", ""),
                        version_for("b", "")};
    try_event hold[2] = {0}, greedy = {0}, modest = {0};

    CHECK(set_up_with((slv_budget_options){.account_isolates = 9, .isolates = 2}, false));
    for (size_t i = 0; i < 2; i++) {
        (void)start(&hold[i], v[i], "hold", 0);
        CHECK(slv_loop_run_until(loop, has_isolate, &hold[i], 20000));
    }
    (void)start(&greedy, v[2], "hold", 0);
    (void)start(&modest, v[3], "hold", 0); /* came later */
    CHECK(!slv_loop_run_until(loop, has_isolate, &modest, 200));
    slv_isolate_kill(hold[0].e.isolate, SLV_LOST_SHUTDOWN, NULL);
    CHECK(slv_loop_run_until(loop, has_isolate, &modest, 20000));
    CHECK(modest.placed && !greedy.placed);
    CHECK(tear_down_with(v, SLV_ARRAY_LEN(v)));
}

/* The cap of the rig is two. */
TEST(a_worker_loads_so_many_others_and_no_more)
{
    slv_version *v[] = {version_for("a", "parent"), version_for("a", "parent"),
                        version_for("a", "parent"), version_for("a", "other")};
    try_event hold[2] = {0}, third = {0}, again = {0}, other = {0};
    slv_err err = {0};

    CHECK(set_up(4, 0, false));
    for (size_t i = 0; i < 2; i++) {
        hold[i].e.flags = SLV_POOL_INSIDE;
        (void)start(&hold[i], v[i], "hold", 0);
        CHECK(slv_loop_run_until(loop, has_isolate, &hold[i], 20000));
    }
    third.e.version = v[2];
    third.e.placed = on_placed;
    third.e.lost = on_lost;
    third.e.flags = other.e.flags = again.e.flags = SLV_POOL_INSIDE;
    CHECK_INT(slv_pool_begin(pool, &third.e, &err), SLV_E_LIMIT);
    (void)start(&other, v[3], "ok", 0); /* another parent's */
    CHECK(wait_over(&other));
    slv_pool_end(&hold[0].e, 0); /* idle now: it goes */
    (void)start(&again, v[2], "ok", 0);
    CHECK(wait_over(&again));
    CHECK(again.ended);
    CHECK(tear_down(NULL));
    for (size_t i = 0; i < SLV_ARRAY_LEN(v); i++)
        slv_version_unref(v[i]);
}

static bool one_left(void *arg)
{
    slv_pool_stats stats;

    (void)arg;
    slv_pool_get_stats(pool, &stats);
    return stats.isolates == 1;
}

TEST(under_pressure_what_is_idle_goes_and_what_works_stays)
{
    slv_version *v[] = {version_for("a", ""), version_for("b", ""), version_for("c", "")};
    try_event hold = {0}, idle[2] = {0};

    CHECK(set_up_with((slv_budget_options){.memory_bytes = 4096}, false));
    (void)start(&hold, v[0], "hold", 0);
    CHECK(slv_loop_run_until(loop, has_isolate, &hold, 20000));
    for (size_t i = 0; i < 2; i++) {
        (void)start(&idle[i], v[i + 1], "ok", 0);
        CHECK(wait_over(&idle[i]));
    }
    CHECK(slv_loop_run_until(loop, one_left, NULL, 10000));
    CHECK(!hold.lost);
    CHECK(tear_down_with(v, SLV_ARRAY_LEN(v)));
}

TEST(the_budget_counts_by_account_and_in_all)
{
    const slv_budget_options options = {
        .isolates = 3, .account_isolates = 2, .memory_bytes = 1000, .account_memory_bytes = 500};
    slv_budget *b = slv_budget_new(&options);

    CHECK_INT(slv_budget_room_for(b, SLV_STR("a")), SLV_BUDGET_ROOM);
    slv_budget_count(b, SLV_STR("a"), 1);
    slv_budget_count(b, SLV_STR("a"), 1);
    CHECK_INT(slv_budget_room_for(b, SLV_STR("a")), SLV_BUDGET_ACCOUNT_FULL);
    CHECK_INT(slv_budget_room_for(b, SLV_STR("b")), SLV_BUDGET_ROOM);
    slv_budget_count(b, SLV_STR("b"), 1);
    CHECK_INT(slv_budget_room_for(b, SLV_STR("b")), SLV_BUDGET_SERVER_FULL);
    slv_budget_count(b, SLV_STR("a"), -1);
    CHECK_INT(slv_budget_room_for(b, SLV_STR("a")), SLV_BUDGET_ROOM);
    unsigned one = slv_budget_join(b), two = slv_budget_join(b);
    slv_budget_use(b, one, 600);
    slv_budget_use(b, two, 400);
    CHECK_INT(slv_budget_over(b), 0);
    slv_budget_use(b, two, 401);
    CHECK_INT(slv_budget_over(b), 1);
    slv_budget_leave(b, one);
    CHECK_INT(slv_budget_over(b), 0);
    CHECK(slv_machine_memory() > 0);
    slv_budget_use_by(b, SLV_STR("b"), 500);
    CHECK_INT(slv_budget_over_by(b, SLV_STR("b")), 0);
    slv_budget_use_by(b, SLV_STR("b"), 1);
    CHECK_INT(slv_budget_over_by(b, SLV_STR("b")), 1);
    slv_budget_count(b, SLV_STR("a"), -1);
    CHECK_INT(slv_budget_room_for(b, SLV_STR("b")), SLV_BUDGET_ACCOUNT_FULL);
    CHECK_INT(slv_budget_room_for(b, SLV_STR("c")), SLV_BUDGET_ROOM);
    slv_budget_use_by(b, SLV_STR("b"), -501);
    slv_budget_count(b, SLV_STR("a"), 1);
    slv_budget_count(b, SLV_STR("a"), -1);
    slv_budget_count(b, SLV_STR("b"), -1);
    CHECK(slv_budget_free(b) == NULL);
}

TEST(an_event_can_be_given_up_in_every_state)
{
    slv_version *v = version_of("", 128);
    try_event waiting = {0}, open = {0};

    CHECK(v && set_up(1, 0, false));
    CHECK_INT(start(&waiting, v, "ok", 0), SLV_E_AGAIN);
    slv_pool_end(&waiting.e, 0);
    slv_pool_end(&waiting.e, 0);
    (void)start(&open, v, "hold", 0);
    CHECK(slv_loop_run_until(loop, has_isolate, &open, 20000));
    slv_pool_end(&open.e, 12);
    CHECK_INT(open.e.cpu_us, 12);
    slv_pool_end(&open.e, 99);
    CHECK_INT(open.e.cpu_us, 12);
    CHECK(!waiting.placed && !waiting.refused);
    CHECK(tear_down(v));
}

TEST(wall_time_ends_the_event_and_not_the_isolate)
{
    slv_version *v = version_of("", 128);
    try_event a = {0}, b = {0};

    CHECK(v && set_up(1, 0, false));
    a.e.wall_limit_ms = 100;
    (void)start(&a, v, "hold", 0);
    CHECK(wait_over(&a));
    CHECK(a.lost);
    CHECK_INT(a.why, SLV_LOST_WALL);
    CHECK_INT(start(&b, v, "ok", 0), SLV_OK);
    CHECK(wait_over(&b));
    CHECK(b.ended);
    CHECK(tear_down(v));
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc > 2 && strcmp(argv[1], "__isolate") == 0)
        return isolate_main((pid_t)atoi(argv[2]));
    return tap_main(argc, argv);
}
