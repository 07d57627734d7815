/* Rate limits and data points. */
#include <stdio.h>

#include "base/mem.h"
#include "meter/analytics.h"
#include "meter/ratelimit.h"
#include "support/tap.h"

#define NOW ((int64_t)1800000000000)

/* ---- rate limits ---- */

static bool take(slv_ratelimits *all, const char *id, const char *key, double limit,
                 uint32_t period_s, int64_t now_ms)
{
    const slv_ratelimit_use use = {
        .tenant = SLV_STR("t"),
        .id = slv_str_from(id),
        .key = slv_str_from(key),
        .limit = limit,
        .period_s = period_s,
        .now_ms = now_ms,
    };

    return slv_ratelimit_take(all, &use);
}

TEST(ratelimit_counts_keys_of_a_window)
{
    slv_ratelimits *all = slv_ratelimits_new();
    bool ok = take(all, "n", "a", 2, 60, NOW) && take(all, "n", "a", 2, 60, NOW + 59999);

    ok = ok && !take(all, "n", "a", 2, 60, NOW + 59999); /* one past the limit */
    ok = ok && take(all, "n", "b", 2, 60, NOW);
    ok = ok && take(all, "other", "a", 2, 60, NOW);
    ok = ok && take(all, "n", "a", 2, 10, NOW); /* another period is another window */
    ok = ok && take(all, "n", "a", 2, 60, NOW + 60000);
    ok = ok && !take(all, "n", "zero", 0, 60, NOW + 60000);
    slv_ratelimits_free(all);
    CHECK(ok);
}

TEST(ratelimit_keys_past_the_limit_are_not_counted)
{
    slv_ratelimits *all = slv_ratelimits_new();
    char key[20];
    bool ok = true;

    for (size_t i = 0; i < SLV_RATELIMIT_KEYS_MAX; i++) {
        (void)snprintf(key, sizeof key, "%zu", i);
        ok = take(all, "n", key, 1, 60, NOW) && ok;
    }
    bool counted = !take(all, "n", "0", 1, 60, NOW);
    bool open = take(all, "n", "more", 1, 60, NOW) && take(all, "n", "more", 1, 60, NOW);
    slv_ratelimits_free(all);
    CHECK(ok);
    CHECK(counted);
    CHECK(open);
}

/* ---- data points ---- */

static slv_analytics *open_new(void)
{
    static int n;
    char path[512];
    slv_analytics *a = NULL;

    (void)snprintf(path, sizeof path, "%s/ds%d", tap_tmpdir(), n++);
    if (slv_analytics_open(path, true, false, &a, NULL) != SLV_OK)
        tap_failed(__FILE__, __LINE__, "cannot open");
    return a;
}

static slv_code point(slv_analytics *a, int64_t at, const char *index, const char *blob, double d)
{
    const slv_analytics_point p = {
        .time_ms = at,
        .index = slv_str_from(index),
        .blobs = {slv_str_from(blob)},
        .blob_count = 1,
        .doubles = {d},
        .double_count = 1,
    };

    return slv_analytics_write(a, &p, NULL);
}

static slv_code ask(slv_analytics *a, const char *sql, slv_buf *out, slv_err *err)
{
    slv_buf_reset(out);
    return slv_analytics_query(a, SLV_STR("my-ds"), slv_str_from(sql), NOW, out, err);
}

TEST(analytics_questions)
{
    static const struct {
        const char *sql, *data;
    } rows[] = {
        {"SELECT index1, sum(double1) AS s FROM \"my-ds\" GROUP BY index1 ORDER BY index1",
         "[{\"index1\":\"a\",\"s\":3},{\"index1\":\"b\",\"s\":10}]"},
        {"select count() as n from `my-ds` where timestamp > NOW() - INTERVAL '1' HOUR;",
         "[{\"n\":2}]"},
        {"SELECT timestamp FROM \"my-ds\" WHERE double1 = 1 FORMAT JSON",
         "[{\"timestamp\":\"2027-01-15 06:00:00\"}]"},
        {"SELECT intDiv(7, 2) AS d, if(1, 'y', 'n') AS i FROM \"my-ds\" LIMIT 1",
         "[{\"d\":3,\"i\":\"y\"}]"},
        {"SELECT toStartOfInterval(timestamp, INTERVAL '1' DAY) AS timestamp, "
         "sum(_sample_interval * double1) AS s FROM \"my-ds\" GROUP BY 1",
         "[{\"timestamp\":\"2027-01-15 00:00:00\",\"s\":13}]"},
        {"WITH x AS (SELECT max(double1) AS m FROM \"my-ds\") SELECT m, dataset FROM x, \"my-ds\" "
         "LIMIT 1",
         "[{\"m\":10,\"dataset\":\"my-ds\"}]"},
        {"SELECT count() AS n FROM \"my-ds\" WHERE timestamp >= toDateTime('2027-01-15 07:30:00')",
         "[{\"n\":2}]"},
        {"SELECT blob2 AS e, double20 AS z FROM \"my-ds\" LIMIT 1", "[{\"e\":\"\",\"z\":0}]"},
    };
    SLV_CLEANUP(slv_analytics_free) slv_analytics *a = open_new();
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(10000);
    slv_err err = {0};

    CHECK(point(a, NOW - 7200 * 1000, "a", "x", 1) == SLV_OK);
    CHECK(point(a, NOW - 60 * 1000, "a", "y", 2) == SLV_OK);
    CHECK(point(a, NOW, "b", "z", 10) == SLV_OK);
    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        slv_code code = ask(a, rows[i].sql, &out, &err);

        tap_note("%s: %s", rows[i].sql, code == SLV_OK ? "" : slv_err_text(&err));
        CHECK_INT(code, SLV_OK);
        size_t from = slv_str_find(slv_buf_view(&out), SLV_STR("\"data\":"), 0);
        CHECK(from != SIZE_MAX);
        CHECK(
            slv_str_starts(slv_str_skip(slv_buf_view(&out), from + 7), slv_str_from(rows[i].data)));
    }
}

TEST(analytics_answers_nothing_but_questions)
{
    static const char *const bad[] = {
        "",
        "DELETE FROM \"my-ds\"",
        "DROP TABLE point",
        "INSERT INTO point(time) VALUES(1)",
        "SELECT 1 FROM \"my-ds\"; SELECT 2",
        "SELECT 1 FROM \"my-ds\"; DROP TABLE point",
        "SELECT name FROM sqlite_schema",
        "SELECT name FROM \"my-ds\", sqlite_master",
        "SELECT * FROM pragma_table_info('point')",
        "PRAGMA writable_schema = 1",
        "ATTACH 'x' AS y",
        "SELECT load_extension('x') FROM \"my-ds\"",
        "SELECT randomblob(1000000000) FROM \"my-ds\"",
        "WITH x AS (SELECT 1) DELETE FROM point",
        "SELECT 1 FROM \"my-ds\" FORMAT TabSeparated",
        "SELECT 1 FROM other",
        "EXPLAIN SELECT 1",
    };
    SLV_CLEANUP(slv_analytics_free) slv_analytics *a = open_new();
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(100000);

    CHECK(point(a, NOW, "a", "x", 1) == SLV_OK);
    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++) {
        tap_note("%s", bad[i]);
        CHECK_INT(ask(a, bad[i], &out, NULL), SLV_E_INVAL);
    }
    CHECK(ask(a, "SELECT count() AS n FROM \"my-ds\"", &out, NULL) == SLV_OK);
    CHECK(slv_str_find(slv_buf_view(&out), SLV_STR("{\"n\":1}"), 0) != SIZE_MAX);
}

TEST(analytics_a_question_that_never_ends_is_stopped)
{
    SLV_CLEANUP(slv_analytics_free) slv_analytics *a = open_new();
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(100000);

    CHECK(ask(a,
              "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count() FROM "
              "c, \"my-ds\"",
              &out, NULL) != SLV_OK);
}

TEST(analytics_point_limits)
{
    SLV_CLEANUP(slv_analytics_free) slv_analytics *a = open_new();
    SLV_CLEANUP(slv_buf_done) slv_buf big = SLV_BUF(SLV_ANALYTICS_BLOBS_MAX + 1);
    slv_analytics_point p = {
        .time_ms = NOW, .blob_count = SLV_ANALYTICS_ITEMS, .double_count = SLV_ANALYTICS_ITEMS};

    CHECK(slv_buf_reserve(&big, SLV_ANALYTICS_BLOBS_MAX + 1) == SLV_OK);
    memset(big.ptr, 'x', SLV_ANALYTICS_BLOBS_MAX + 1);
    p.index = slv_str_make(big.ptr, SLV_ANALYTICS_INDEX_MAX);
    p.blobs[3] = slv_str_make(big.ptr, SLV_ANALYTICS_BLOBS_MAX);
    CHECK(slv_analytics_write(a, &p, NULL) == SLV_OK);
    p.blobs[3].len++;
    CHECK(slv_analytics_write(a, &p, NULL) == SLV_E_LIMIT);
    p.blobs[3].len--;
    p.index.len++;
    CHECK(slv_analytics_write(a, &p, NULL) == SLV_E_LIMIT);
}

TEST(analytics_points_are_forgotten_after_three_months)
{
    SLV_CLEANUP(slv_analytics_free) slv_analytics *a = open_new();
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(10000);
    int64_t next;

    CHECK(point(a, NOW - SLV_ANALYTICS_KEPT_MS - 1, "old", "x", 1) == SLV_OK);
    CHECK(point(a, NOW - SLV_ANALYTICS_KEPT_MS, "kept", "x", 1) == SLV_OK);
    CHECK(slv_analytics_sweep(a, NOW, &next, NULL) == SLV_OK);
    CHECK(next > NOW);
    CHECK(ask(a, "SELECT index1 FROM \"my-ds\"", &out, NULL) == SLV_OK);
    CHECK(slv_str_find(slv_buf_view(&out), SLV_STR("\"data\":[{\"index1\":\"kept\"}]"), 0) !=
          SIZE_MAX);
}

TEST(analytics_dataset_is_the_name_behind_from)
{
    CHECK_STR(slv_analytics_dataset_of(SLV_STR("select 'from x' /* from y */ from  my_ds where 1")),
              SLV_STR("my_ds"));
    CHECK_STR(slv_analytics_dataset_of(SLV_STR("SELECT * FROM -- z\n \"my ds\"")),
              SLV_STR("my ds"));
    CHECK(slv_analytics_dataset_of(SLV_STR("SELECT 1")).ptr == NULL);
    CHECK(slv_analytics_dataset_of(SLV_STR("SELECT 1 FROM")).ptr == NULL);
    CHECK(slv_analytics_dataset_of(SLV_STR("SELECT 1 FROM (SELECT 2 FROM b)")).len == 1);
}

TAP_MAIN()
