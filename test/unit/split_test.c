/* Which of two versions answers: shares, and what stays with one. */
#include <stdio.h>

#include "edge/worker_int.h"
#include "support/tap.h"

#define KEYS 20000

static slv_version old_version, new_version;

static slv_worker worker(double percent)
{
    return (slv_worker){
        .versions = {&new_version, &old_version}, .percent = {percent, 100 - percent}, .count = 2};
}

static unsigned count_new(const slv_worker *w)
{
    unsigned n = 0;

    for (int i = 0; i < KEYS; i++) {
        char key[32];

        snprintf(key, sizeof key, "user-%d", i);
        n += slv_worker_for(w, slv_str_from(key)) == &new_version;
    }
    return n;
}

TEST(keys_are_spread_by_the_shares)
{
    static const double shares[] = {0, 0.5, 10, 50, 90, 99.9, 100};

    for (size_t i = 0; i < SLV_ARRAY_LEN(shares); i++) {
        const slv_worker w = worker(shares[i]);
        double got = count_new(&w) * 100.0 / KEYS;

        tap_note("%g %% asked for, %g %% given", shares[i], got);
        CHECK(got > shares[i] - 1.5 && got < shares[i] + 1.5);
        CHECK(shares[i] != 0 || got == 0);
        CHECK(shares[i] != 100 || got == 100);
    }
}

TEST(a_share_that_grows_keeps_its_keys)
{
    for (int i = 0; i < KEYS; i++) {
        bool before = false;
        char key[32];

        snprintf(key, sizeof key, "k%d", i);
        for (int percent = 0; percent <= 100; percent += 10) {
            const slv_worker w = worker(percent);
            bool is_new = slv_worker_for(&w, slv_str_from(key)) == &new_version;

            CHECK(is_new || !before);
            before = is_new;
        }
        CHECK(before);
    }
}

TEST(events_are_drawn_by_the_shares)
{
    slv_shard shard = {0};
    const slv_worker w = worker(25);
    unsigned n = 0;

    slv_prng_seed(&shard.prng, tap_seed());
    for (int i = 0; i < KEYS; i++)
        n += slv_worker_any(&shard, &w) == &new_version;
    CHECK(n > KEYS * 23 / 100 && n < KEYS * 27 / 100);
}

TEST(a_version_is_named_by_its_id_while_it_is_deployed)
{
    const slv_worker w = worker(50);

    old_version.id = SLV_STR("aaaaaaaa-0000-4000-8000-000000000000");
    new_version.id = SLV_STR("bbbbbbbb-0000-4000-8000-000000000000");
    CHECK(slv_worker_version(&w, SLV_STR("AAAAAAAA-0000-4000-8000-000000000000")) == &old_version);
    CHECK(slv_worker_version(&w, new_version.id) == &new_version);
    CHECK(!slv_worker_version(&w, SLV_STR("bbbbbbbb")));
    CHECK(!slv_worker_version(&w, SLV_STR("")));
}

TEST(one_version_and_none)
{
    const slv_worker one = {.versions = {&old_version}, .percent = {100}, .count = 1};
    const slv_worker none = {0};

    CHECK(slv_worker_for(&one, SLV_STR("x")) == &old_version);
    CHECK(!slv_worker_for(&none, SLV_STR("x")));
}
TAP_MAIN()
