#include "fmt/cron.h"
#include "support/tap.h"

#include <stdio.h>
#include <time.h>

static int64_t at(const char *text)
{
    struct tm tm = {0};

    if (sscanf(text, "%d-%d-%d %d:%d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min) != 5)
        return -1;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return (int64_t)timegm(&tm) * 1000;
}

/* The first slots after a time, as the test says. */
static bool slots(const char *expr, const char *after, const char *const *want, size_t count)
{
    slv_cron cron;
    slv_err err = {0};
    int64_t t = at(after);

    if (slv_cron_parse(slv_str_from(expr), &cron, &err) != SLV_OK) {
        tap_note("%s: %s", expr, err.message);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        t = slv_cron_next(&cron, t);
        if (t != at(want[i])) {
            tap_note("%s: slot %zu is %lld, not %s", expr, i, (long long)t / 1000, want[i]);
            return false;
        }
        if (!slv_cron_matches(&cron, t) || !slv_cron_matches(&cron, t + 59999) ||
            slv_cron_matches(&cron, t + 30 * 1000) != slv_cron_matches(&cron, t))
            return false;
    }
    return true;
}
#define SLOTS(expr, after, ...)                                                                    \
    do {                                                                                           \
        static const char *const want_[] = {__VA_ARGS__};                                          \
        CHECK(slots(expr, after, want_, SLV_ARRAY_LEN(want_)));                                    \
    } while (0)

TEST(minutes_hours_lists_ranges_and_steps)
{
    SLOTS("* * * * *", "2026-01-01 00:00", "2026-01-01 00:01", "2026-01-01 00:02");
    SLOTS("*/15 * * * *", "2026-01-01 00:01", "2026-01-01 00:15", "2026-01-01 00:30",
          "2026-01-01 00:45", "2026-01-01 01:00");
    SLOTS("5,50 8-9 * * *", "2026-01-01 09:00", "2026-01-01 09:05", "2026-01-01 09:50",
          "2026-01-02 08:05");
    SLOTS("10-20/5 0 * * *", "2026-01-01 00:00", "2026-01-01 00:10", "2026-01-01 00:15",
          "2026-01-01 00:20", "2026-01-02 00:10");
    SLOTS("40/10 3 * * *", "2026-01-01 00:00", "2026-01-01 03:40", "2026-01-01 03:50",
          "2026-01-02 03:40");
}

TEST(months_by_number_and_name)
{
    SLOTS("0 0 1 jan,JUL *", "2026-01-01 00:00", "2026-07-01 00:00", "2027-01-01 00:00");
    SLOTS("0 0 29 2 *", "2026-01-01 00:00", "2028-02-29 00:00", "2032-02-29 00:00");
}

TEST(weekdays_count_from_sunday_as_one)
{
    SLOTS("0 12 * * 1", "2026-01-01 00:00", "2026-01-04 12:00"); /* a Sunday */
    SLOTS("0 12 * * MON-FRI", "2026-01-02 13:00", "2026-01-05 12:00");
    SLOTS("0 12 * * sat", "2026-01-01 00:00", "2026-01-03 12:00");
}

TEST(last_days_and_nearest_weekdays)
{
    SLOTS("0 0 L * *", "2026-01-31 00:00", "2026-02-28 00:00", "2026-03-31 00:00");
    SLOTS("0 0 L-2 * *", "2026-01-31 00:00", "2026-02-26 00:00");
    SLOTS("0 0 LW * *", "2026-01-01 00:00", "2026-01-30 00:00", "2026-02-27 00:00");
    SLOTS("0 0 1W * *", "2026-02-01 00:00", "2026-02-02 00:00", "2026-03-02 00:00");
    SLOTS("0 0 15W * *", "2026-02-01 00:00", "2026-02-16 00:00"); /* the 15th is a Sunday */
    SLOTS("0 0 1W 8 *", "2026-07-01 00:00", "2026-08-03 00:00");  /* a Saturday: not in July */
}

TEST(nth_and_last_weekday_of_the_month)
{
    SLOTS("0 0 * * 6#2", "2026-01-01 00:00", "2026-01-09 00:00", "2026-02-13 00:00");
    SLOTS("0 0 * * 6L", "2026-01-01 00:00", "2026-01-30 00:00", "2026-02-27 00:00");
    SLOTS("0 0 * * MON#5", "2026-01-01 00:00", "2026-03-30 00:00");
}

TEST(either_day_field_matches_when_both_are_restricted)
{
    SLOTS("0 0 13 * FRI", "2026-01-01 00:00", "2026-01-02 00:00", "2026-01-09 00:00",
          "2026-01-13 00:00");
}

TEST(what_is_no_cron_expression_is_refused)
{
    static const char *const bad[] = {
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 0",
        "* * * * 8",
        "? * * * *",
        "* * ? * *",
        "*/0 * * * *",
        "5-1 * * * *",
        "1, * * * *",
        "a * * * *",
        "* * * FOO *",
        "* * * * 6#6",
        "* * L-0 * *",
        "-1 * * * *",
        "1-2-3 * * * *",
        "1//2 * * * *",
    };
    slv_cron cron;

    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++) {
        slv_err err = {0};

        if (slv_cron_parse(slv_str_from(bad[i]), &cron, &err) != SLV_E_PARSE)
            tap_failed(__FILE__, __LINE__, "\"%s\" was accepted", bad[i]);
    }
}

TEST(a_day_that_never_comes_has_no_slot)
{
    slv_cron cron;

    CHECK(slv_cron_parse(SLV_STR("0 0 31 2 *"), &cron, NULL) == SLV_OK);
    CHECK_INT(slv_cron_next(&cron, at("2026-01-01 00:00")), -1);
}

TEST(the_interval_is_the_shortest_one)
{
    slv_cron cron;

    CHECK(slv_cron_parse(SLV_STR("0,59 * * * *"), &cron, NULL) == SLV_OK);
    CHECK_INT(slv_cron_interval(&cron, at("2026-01-01 00:10")), 60000);
    CHECK(slv_cron_parse(SLV_STR("0 * * * *"), &cron, NULL) == SLV_OK);
    CHECK_INT(slv_cron_interval(&cron, at("2026-01-01 00:10")), 3600000);
}

/* next() against a walk over every minute with matches(). */
TEST(next_agrees_with_matches_minute_by_minute)
{
    static const char *const exprs[] = {"*/7 3-5 * * *", "0 0 LW * *", "30 6 10-12 * 2",
                                        "1 1 1W * 3L"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(exprs); i++) {
        slv_cron cron;
        int64_t t = at("2027-11-20 10:00"), end = t + 60LL * 86400000;

        CHECK(slv_cron_parse(slv_str_from(exprs[i]), &cron, NULL) == SLV_OK);
        int64_t next = slv_cron_next(&cron, t);
        for (t += 60000; t < end; t += 60000) {
            bool is = slv_cron_matches(&cron, t);

            CHECK(is == (t == next));
            if (is)
                next = slv_cron_next(&cron, t);
        }
    }
}

TAP_MAIN()
