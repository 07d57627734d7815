/* Slots that were missed, and the file that remembers the last ones. */
#include "edge/cron_book.h"

#include <stdio.h>

#include "support/tap.h"

#define MINUTE ((int64_t)60000)
#define DAY (1440 * MINUTE)
/* 2026-01-01T00:00Z */
#define YEAR ((int64_t)1767225600000)

static bool parse(const char *text, slv_cron *ret)
{
    return slv_cron_parse(slv_str_from(text), ret, NULL) == SLV_OK;
}

TEST(the_latest_slot_is_the_last_that_next_gives)
{
    static const char *const texts[] = {"* * * * *",  "*/5 * * * *", "0 * * * *",
                                        "30 4 * * *", "0 0 1 * *",   "0 0 29 2 *"};
    static const int64_t spans[] = {0, 1, MINUTE, 59 * MINUTE, 61 * MINUTE, 3 * DAY, 70 * DAY};

    for (size_t t = 0; t < SLV_ARRAY_LEN(texts); t++) {
        for (size_t s = 0; s < SLV_ARRAY_LEN(spans); s++) {
            int64_t from = YEAR + 12345, to = from + spans[s], want = -1, slot = from;
            slv_cron cron;

            CHECK(parse(texts[t], &cron));
            while ((slot = slv_cron_next(&cron, slot)) >= 0 && slot <= to)
                want = slot;
            CHECK_INT(slv_cron_book_latest(&cron, from, to), want);
        }
    }
}

/* A slot at the very end counts, the one that ran does not count again. */
TEST(both_ends_of_the_span)
{
    slv_cron cron;

    CHECK(parse("0 * * * *", &cron));
    CHECK_INT(slv_cron_book_latest(&cron, YEAR, YEAR + 60 * MINUTE), YEAR + 60 * MINUTE);
    CHECK_INT(slv_cron_book_latest(&cron, YEAR, YEAR + 60 * MINUTE - 1), -1);
}

static bool wait_for(void *arg)
{
    FILE *f = fopen(arg, "r");

    if (f)
        fclose(f);
    return f != NULL;
}

TEST(a_missed_slot_is_made_up_for_once_after_a_restart)
{
    SLV_CLEANUP(slv_version_unref) slv_version *version = NULL;
    const slv_version_spec spec = {.name = SLV_STR("w"),
                                   .compatibility_date = SLV_STR("2026-01-01"),
                                   .main_name = SLV_STR("index.js"),
                                   .limits = SLV_LIMITS_DEFAULT};
    const slv_str text = SLV_STR("0 * * * *");
    char dir[512], path[600];
    slv_cron cron;
    slv_err err;

    CHECK(parse("0 * * * *", &cron));
    CHECK(slv_version_new(&spec, &version, &err) == SLV_OK);
    snprintf(dir, sizeof dir, "%s/state", tap_tmpdir());
    snprintf(path, sizeof path, "%s/v1/cron.json", dir);
    for (int run = 0; run < 3; run++) {
        SLV_CLEANUP(slv_loop_free) slv_loop *loop = NULL;
        SLV_CLEANUP(slv_state_free) slv_state *state = NULL;
        const slv_state_options options = {0};
        int64_t now = YEAR + run * DAY;
        slv_cron_book *book;

        CHECK(slv_loop_new(&loop, &err) == SLV_OK);
        CHECK(slv_state_open(dir, &options, &state, &err) == SLV_OK);
        book = slv_cron_book_open(state, loop);
        int64_t missed = slv_cron_book_missed(book, version, text, &cron, now + MINUTE);
        int64_t again = slv_cron_book_missed(book, version, text, &cron, now + DAY);
        if (missed >= 0)
            slv_cron_book_ran(book, version, text, missed);
        bool written = slv_loop_run_until(loop, wait_for, path, 20000);
        slv_cron_book_close(book);
        slv_state_forget_loop(state, loop);
        (void)slv_loop_run_until(loop, wait_for, path, 20000);
        loop = slv_loop_free(loop);
        book = slv_cron_book_free(book);
        CHECK(written);
        CHECK_INT(again, -1);
        CHECK_INT(missed, run == 0 ? -1 : now);
    }
}

TEST(a_damaged_file_is_an_empty_one)
{
    char path[600];
    SLV_CLEANUP(slv_state_free) slv_state *state = NULL;
    const slv_state_options options = {0};
    slv_cron_book *book;
    slv_err err;
    FILE *f;

    snprintf(path, sizeof path, "%s/damaged", tap_tmpdir());
    CHECK(slv_state_open(path, &options, &state, &err) == SLV_OK);
    snprintf(path, sizeof path, "%s/damaged/v1/cron.json", tap_tmpdir());
    f = fopen(path, "w");
    CHECK(f != NULL);
    fputs("[{\"tenant\":\"local\",\"wor", f);
    fclose(f);
    book = slv_cron_book_open(state, NULL);
    CHECK(book != NULL);
    (void)slv_cron_book_free(book);
}

TAP_MAIN()
