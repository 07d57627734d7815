/* What statements cost: texts without values, sums by the hour, the file, limits. */
#include "d1/insights.h"

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "support/tap.h"

#define HOUR ((int64_t)3600000)
#define NOW (HOUR * 500000)

static const char *normal(const char *sql)
{
    static char kept[4096];
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)8192);

    if (slv_d1_insights_normalise(slv_str_from(sql), &out) != SLV_OK)
        return "?!";
    snprintf(kept, sizeof kept, "%.*s", SLV_STR_ARGS(slv_buf_view(&out)));
    return kept;
}

static bool becomes(const char *sql, const char *text)
{
    const char *is = normal(sql);

    if (strcmp(is, text) == 0)
        return true;
    tap_note("%s -> %s", sql, is);
    return false;
}

TEST(values_are_question_marks)
{
    CHECK(becomes("SELECT * FROM t WHERE a='it''s' AND b = 12.5e-3;",
                  "SELECT * FROM t WHERE a=? AND b = ?"));
    CHECK(becomes("  select\n\t1 , x'00ff' -- why\n, 0xFF /* not */ from t2 ; ",
                  "select ? , ? , ? from t2"));
    CHECK(becomes("SELECT \"a'1\", `b 2`, [c 3], d4, ?1, :n5, @x6, $y7 FROM t",
                  "SELECT \"a'1\", `b 2`, [c 3], d4, ?1, :n5, @x6, $y7 FROM t"));
    CHECK(becomes("SELECT 1e+5,-.5,1-2", "SELECT ?,-?,?-?"));
    CHECK(becomes("SELECT 'open", "SELECT ?"));
    CHECK(becomes("SELECT /* open", "SELECT"));
    CHECK(becomes("SELECT -- open", "SELECT"));
    CHECK(becomes("", ""));
    CHECK(becomes("SELECT é FROM ü", "SELECT é FROM ü"));
}

TEST(a_text_has_a_limit)
{
    SLV_CLEANUP(slv_buf_done) slv_buf sql = SLV_BUF((size_t)1 << 20), out = SLV_BUF((size_t)8192);
    int n;

    for (n = 0; sql.len < SLV_D1_INSIGHT_TEXT_MAX; n++)
        CHECK(slv_buf_append_byte(&sql, 'a') == SLV_OK);
    CHECK(slv_d1_insights_normalise(slv_buf_view(&sql), &out) == SLV_OK);
    CHECK(out.len == SLV_D1_INSIGHT_TEXT_MAX);
    CHECK(slv_buf_append_byte(&sql, 'a') == SLV_OK);
    CHECK(slv_d1_insights_normalise(slv_buf_view(&sql), &out) == SLV_OK);
    CHECK(out.len == SLV_D1_INSIGHT_TEXT_MAX);
    sql.len = SLV_D1_INSIGHT_TEXT_MAX - 1;
    CHECK(slv_buf_append(&sql, SLV_STR("é")) == SLV_OK); /* is not cut in two */
    CHECK(slv_d1_insights_normalise(slv_buf_view(&sql), &out) == SLV_OK);
    CHECK(out.len == SLV_D1_INSIGHT_TEXT_MAX - 1);
}

static void add(slv_d1_insights *ins, const char *sql, uint64_t us, uint64_t read, int64_t ms)
{
    const slv_d1_cost cost = {1, us, read, 2, 1};

    slv_d1_insights_add(ins, slv_str_from(sql), &cost, ms);
}

static const char *told(slv_d1_insights *ins, slv_d1_insights_ask ask)
{
    static char kept[1 << 20];
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);

    if (ask.limit == 0)
        ask.limit = 100;
    if (ask.to_ms == 0)
        ask.to_ms = NOW + HOUR;
    if (slv_d1_insights_put(ins, &ask, &out) != SLV_OK)
        return "?!";
    snprintf(kept, sizeof kept, "%.*s", SLV_STR_ARGS(slv_buf_view(&out)));
    return kept;
}

static bool first_is(slv_d1_insights *ins, slv_d1_insights_ask ask, const char *text)
{
    char wanted[200];
    const char *all = told(ins, ask), *at = strstr(all, "\"query\":");

    snprintf(wanted, sizeof wanted, "\"query\":\"%s\"", text);
    if (at && strncmp(at, wanted, strlen(wanted)) == 0)
        return true;
    tap_note("%s", all);
    return false;
}

static const char *path_of(const char *name)
{
    static char path[512];

    snprintf(path, sizeof path, "%s/%s", tap_tmpdir(), name);
    return path;
}

TEST(costs_are_summed_and_ordered)
{
    slv_d1_insights *ins = slv_d1_insights_open(path_of("sums"));

    add(ins, "SELECT 1", 1000, 5, NOW);
    add(ins, "SELECT 2", 3000, 7, NOW + HOUR);
    add(ins, "INSERT INTO t VALUES (1)", 10000, 1, NOW - 5 * HOUR);
    CHECK(first_is(ins, (slv_d1_insights_ask){0}, "INSERT INTO t VALUES (?)"));
    CHECK(first_is(ins, (slv_d1_insights_ask){.ascending = true}, "SELECT ?"));
    CHECK(first_is(ins, (slv_d1_insights_ask){.order = SLV_D1_BY_READS}, "SELECT ?"));
    CHECK(first_is(ins, (slv_d1_insights_ask){.order = SLV_D1_BY_COUNT}, "SELECT ?"));
    CHECK(first_is(ins, (slv_d1_insights_ask){.from_ms = NOW}, "SELECT ?"));
    CHECK(strcmp(
              told(ins, (slv_d1_insights_ask){.from_ms = NOW}),
              "[{\"sum\":{\"queryDurationMs\":4,\"rowsRead\":12,\"rowsWritten\":4,\"rowsReturned\":"
              "2},"
              "\"avg\":{\"queryDurationMs\":2,\"rowsRead\":6,\"rowsWritten\":2,\"rowsReturned\":1},"
              "\"count\":2,\"dimensions\":{\"query\":\"SELECT ?\"}}]") == 0);
    CHECK(
        strcmp(told(ins, (slv_d1_insights_ask){.from_ms = NOW + 3 * HOUR, .to_ms = NOW + 4 * HOUR}),
               "[]") == 0);
    const char *hours = told(ins, (slv_d1_insights_ask){.totals = true});
    CHECK(strstr(
        hours, "{\"sum\":{\"readQueries\":0,\"writeQueries\":1,\"rowsRead\":1,\"rowsWritten\":2}"));
    CHECK(strstr(
        hours, "{\"sum\":{\"readQueries\":1,\"writeQueries\":0,\"rowsRead\":7,\"rowsWritten\":2}"));
    slv_d1_insights_close(ins);
}

TEST(they_are_there_again)
{
    char path[512];

    snprintf(path, sizeof path, "%s", path_of("again"));
    slv_d1_insights *ins = slv_d1_insights_open(path);
    add(ins, "SELECT \"q\\u\" FROM t WHERE a = 'x'", 1000, 5, NOW);
    slv_d1_insights_close(ins);
    ins = slv_d1_insights_open(path);
    char before[2000];
    snprintf(before, sizeof before, "%s", told(ins, (slv_d1_insights_ask){0}));
    CHECK(strstr(before, "\"count\":1"));
    slv_d1_insights_keep(ins, NOW);
    add(ins, "SELECT \"q\\u\" FROM t WHERE a = 'y'", 1000, 5, NOW);
    slv_d1_insights_keep(ins, NOW + SLV_D1_INSIGHTS_SAVE_MS); /* written though it is open */
    slv_d1_insights *other = slv_d1_insights_open(path);
    CHECK(strstr(told(other, (slv_d1_insights_ask){0}), "\"count\":2"));
    slv_d1_insights_close(other);
    slv_d1_insights_close(ins);
}

TEST(a_file_that_is_damaged_is_read_as_far_as_it_makes_sense)
{
    char path[512], file[600];

    snprintf(path, sizeof path, "%s", path_of("damaged"));
    snprintf(file, sizeof file, "%s.insights", path);
    FILE *f = fopen(file, "w");
    CHECK(f != NULL);
    if (!f)
        return;
    fprintf(f,
            "selvage d1 insights 1\n%lld 1 2 3 4 5 \"SELECT ?\"\nrubbish\n1 2\n"
            "-1 1 1 1 1 1 \"x\"\n%lld 1 1 1 1 1 {}\n%lld 1 2 3 4 5 \"cut",
            (long long)(NOW / HOUR), (long long)(NOW / HOUR), (long long)(NOW / HOUR));
    fclose(f);
    slv_d1_insights *ins = slv_d1_insights_open(path);
    CHECK(first_is(ins, (slv_d1_insights_ask){0}, "SELECT ?"));
    CHECK(strstr(told(ins, (slv_d1_insights_ask){0}), "},{") == NULL);
    slv_d1_insights_close(ins);
}

TEST(old_hours_become_days_and_go)
{
    slv_d1_insights *ins = slv_d1_insights_open(path_of("old"));
    const int64_t day = 24 * HOUR, midnight = NOW - NOW % day;

    add(ins, "SELECT 1", 1, 1, midnight - 40 * day);
    add(ins, "SELECT 1", 1, 1, midnight - 10 * day + HOUR);
    add(ins, "SELECT 1", 1, 1, midnight - 10 * day + 5 * HOUR);
    add(ins, "SELECT 1", 1, 1, midnight);
    CHECK(strstr(told(ins, (slv_d1_insights_ask){.from_ms = midnight - 10 * day,
                                                 .to_ms = midnight - 10 * day}),
                 "\"count\":2"));
    CHECK(strstr(told(ins, (slv_d1_insights_ask){.from_ms = 0}), "\"count\":3"));
    slv_d1_insights_close(ins);
}

TEST(the_statement_that_was_not_run_for_longest_goes)
{
    slv_d1_insights *ins = slv_d1_insights_open(path_of("many"));
    char sql[64];

    add(ins, "SELECT old", 1, 1, NOW - HOUR);
    for (int i = 1; i < SLV_D1_INSIGHTS_MAX; i++) {
        snprintf(sql, sizeof sql, "SELECT a%d", i);
        add(ins, sql, 1, 1, NOW);
    }
    CHECK(strstr(told(ins, (slv_d1_insights_ask){.limit = 10000}), "SELECT old"));
    add(ins, "SELECT new", 1, 1, NOW);
    const char *all = told(ins, (slv_d1_insights_ask){.limit = 10000});
    CHECK(!strstr(all, "SELECT old") && strstr(all, "SELECT new") && strstr(all, "SELECT a1\""));
    slv_d1_insights_close(ins);
}

TAP_MAIN()
