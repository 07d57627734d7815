/* What a shared cache keeps, for how long, and what a request gets of it; the store of it. */
#include <stdio.h>

#include "base/mem.h"
#include "cache/cache.h"
#include "cache/policy.h"
#include "support/tap.h"

#define NOW ((int64_t)1800000000000)

/* ---- dates ---- */

TEST(cache_dates_are_imf_fixdates_and_nothing_else)
{
    static const char *const bad[] = {
        "",
        "Mon, 01 Jan 2024 00:00:00",
        "Mon, 01 Jan 2024 00:00:00 UTC",
        "Mon, 01 Foo 2024 00:00:00 GMT",
        "Xyz, 01 Jan 2024 00:00:00 GMT",
        "Mon, 00 Jan 2024 00:00:00 GMT",
        "Mon, 01 Jan 2024 24:00:00 GMT",
        "Monday, 01-Jan-24 00:00:00 GMT",
        "2024-01-01",
    };
    char text[30];
    int64_t s;

    CHECK(slv_cache_date_parse(SLV_STR("Mon, 01 Jan 2024 00:00:00 GMT"), &s) == SLV_OK);
    CHECK_INT(s, 1704067200);
    slv_cache_date_format(1704067200, text);
    CHECK_STR(slv_str_from(text), SLV_STR("Mon, 01 Jan 2024 00:00:00 GMT"));
    slv_cache_date_format(951782399, text); /* before a leap day */
    CHECK_STR(slv_str_from(text), SLV_STR("Mon, 28 Feb 2000 23:59:59 GMT"));
    for (size_t i = 0; i < SLV_ARRAY_LEN(bad); i++)
        CHECK(slv_cache_date_parse(slv_str_from(bad[i]), &s) == SLV_E_PARSE);
}

/* ---- what is kept ---- */

typedef struct judge_row {
    const char *request;
    int status;
    const char *response;
    int64_t life_s; /* -1: not stored */
} judge_row;

TEST(cache_life_comes_from_the_headers_then_from_the_status)
{
    static const judge_row rows[] = {
        {"", 200, "cache-control:max-age=100\n", 100},
        {"", 200, "Cache-Control:Max-Age=100\n", 100},
        {"", 200, "cache-control:max-age=0, s-maxage=\"100\"\n", 100},
        {"", 200, "cache-control:s-maxage=0, max-age=100\n", 0},
        {"", 200, "cache-control:max-age=100\nage:40\n", 60},
        {"", 200, "cache-control:max-age=99999999999999999999\n", (int64_t)1 << 31},
        {"", 200, "cache-control:max-age=x\n", 0},
        {"", 200, "cache-control:max-age=0, stale-while-revalidate=100\n", 0},
        {"", 200, "expires:Fri, 15 Jan 2027 08:01:40 GMT\n", 100},
        {"", 200, "expires:0\n", 0},
        {"", 200, "expires:Fri, 15 Jan 2027 08:01:40 GMT\ncache-control:max-age=5\n", 5},
        {"", 200, "", 7200},
        {"", 301, "", 7200},
        {"", 302, "", 1200},
        {"", 404, "", 180},
        {"", 410, "", 180},
        {"", 203, "", 0},
        {"", 200, "cache-control:immutable\n", 86400},
        {"", 500, "cache-control:max-age=100\n", -1},
        {"", 201, "cache-control:max-age=100\n", -1},
        {"", 304, "cache-control:max-age=100\n", -1},
        {"", 200, "cache-control:no-store, max-age=100\n", -1},
        {"", 200, "cache-control:no-cache\n", -1},
        {"", 200, "cache-control:private, max-age=100\n", -1},
        {"", 200, "pragma:no-cache\n", -1},
        {"", 200, "pragma:no-cache\ncache-control:max-age=100\n", 100},
        {"", 200, "set-cookie:a=1\ncache-control:max-age=100\n", -1},
        {"", 200, "set-cookie:a=1\ncache-control:max-age=100, private=Set-Cookie\n", 100},
        {"", 200, "set-cookie:a=1\ncache-control:max-age=9, private=\"x, set-cookie\"\n", 9},
        {"", 200, "vary:a, *\n", -1},
        {"authorization:x\n", 200, "cache-control:max-age=100\n", -1},
        {"authorization:x\n", 200, "cache-control:public, max-age=100\n", 100},
        {"authorization:x\n", 200, "cache-control:s-maxage=100\n", 100},
        {"cache-control:no-store\n", 200, "cache-control:max-age=100\n", 100},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf kept = SLV_BUF(4096);
        slv_cache_verdict v;

        tap_note("%d %s", rows[i].status, rows[i].response);
        CHECK(slv_cache_judge(slv_str_from(rows[i].request), (uint16_t)rows[i].status,
                              slv_str_from(rows[i].response), -1, NOW, &v, &kept) == SLV_OK);
        CHECK_INT(v.store, rows[i].life_s >= 0);
        if (v.store)
            CHECK_INT((v.expires_ms - NOW) / 1000, rows[i].life_s);
    }
}

TEST(cache_keeps_what_belongs_to_the_response_and_not_to_its_connection)
{
    SLV_CLEANUP(slv_buf_done) slv_buf kept = SLV_BUF(4096);
    slv_cache_verdict v;

    CHECK(slv_cache_judge(SLV_STR(""), 200,
                          SLV_STR("X-A:1\nConnection:x-b, keep-alive\nx-b:2\nKeep-Alive:5\nAge:7\n"
                                  "date:Mon, 01 Jan 2024 00:00:00 GMT\nset-cookie:a=1\n"
                                  "Cache-Control:max-age=100, private=Set-Cookie, public\n"),
                          3, NOW, &v, &kept) == SLV_OK);
    CHECK(v.store);
    CHECK_INT(v.age_s, 7);
    CHECK_STR(slv_buf_view(&kept),
              SLV_STR("x-a:1\ncache-control:max-age=100, public\ncontent-length:3\n"
                      "date:Fri, 15 Jan 2027 08:00:00 GMT\n"));
}

/* ---- what a request gets ---- */

typedef struct plan_row {
    const char *request;
    int status;
    const char *ranges; /* "0-1,5-6" */
} plan_row;

TEST(cache_ranges_and_conditions)
{
    static const char response[] =
        "etag:\"v1\"\nlast-modified:Mon, 01 Jan 2024 00:00:00 GMT\ncontent-type:text/plain\n";
    static const plan_row rows[] = {
        {"", 200, ""},
        {"range:bytes=2-4\n", 206, "2-4"},
        {"range:bytes=5-\n", 206, "5-9"},
        {"range:bytes=-3\n", 206, "7-9"},
        {"range:bytes=0-100\n", 206, "0-9"},
        {"range:Bytes= 1-2\n", 206, "1-2"},
        {"range:bytes=9-\n", 206, "9-9"},
        {"range:bytes=10-\n", 416, ""},
        {"range:bytes=5-4\n", 416, ""},
        {"range:bytes=-0\n", 200, ""},
        {"range:bytes=-20\n", 200, ""},
        {"range:junk\n", 416, ""},
        {"range:items=1-2\n", 416, ""},
        {"range:bytes=1-2,\n", 416, ""},
        {"range:bytes=0-1,5-6\n", 206, "0-1,5-6"},
        {"range:bytes=0-99999999999999999999999\n", 206, "0-9"},
        {"range:\n", 200, ""},
        {"if-none-match:\"v1\"\n", 304, ""},
        {"if-none-match:W/\"v1\"\n", 304, ""},
        {"if-none-match:\"a\", \"v1\"\n", 304, ""},
        {"if-none-match:*\n", 304, ""},
        {"if-none-match:\"v2\"\n", 200, ""},
        {"if-none-match:v1\n", 200, ""},
        {"if-modified-since:Mon, 01 Jan 2024 00:00:00 GMT\n", 304, ""},
        {"if-modified-since:Sun, 31 Dec 2023 23:59:59 GMT\n", 200, ""},
        {"if-modified-since:2025-01-01\n", 200, ""},
        {"range:bytes=0-0\nif-none-match:\"v1\"\n", 304, ""},
        {"range:bytes=20-\nif-none-match:\"v1\"\n", 416, ""},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(rows); i++) {
        SLV_CLEANUP(slv_buf_done) slv_buf ranges = SLV_BUF(1000);
        slv_cache_plan plan;

        tap_note("%s", rows[i].request);
        slv_cache_plan_match(slv_str_from(rows[i].request), 200, slv_str_from(response), 10, &plan);
        CHECK_INT(plan.status, rows[i].status);
        for (size_t k = 0; k < plan.range_count; k++)
            CHECK(slv_buf_printf(&ranges, "%s%d-%d", k ? "," : "", (int)plan.ranges[k].from,
                                 (int)plan.ranges[k].to) == SLV_OK);
        CHECK_STR(slv_buf_view(&ranges), slv_str_from(rows[i].ranges));
    }
}

TEST(cache_more_ranges_than_allowed_get_the_whole)
{
    SLV_CLEANUP(slv_buf_done) slv_buf request = SLV_BUF(1000);
    slv_cache_plan plan;

    CHECK(slv_buf_append(&request, SLV_STR("range:bytes=0-0")) == SLV_OK);
    for (size_t i = 1; i <= SLV_CACHE_RANGES_MAX; i++) {
        slv_cache_plan_match(slv_buf_view(&request), 200, SLV_STR(""), 10, &plan);
        CHECK_INT(plan.status, 206);
        CHECK_INT(plan.range_count, i);
        CHECK(slv_buf_append(&request, SLV_STR(",0-0")) == SLV_OK);
    }
    slv_cache_plan_match(slv_buf_view(&request), 200, SLV_STR(""), 10, &plan);
    CHECK_INT(plan.status, 200);
    CHECK_INT(plan.range_count, 0);
}

TEST(cache_a_coding_that_the_request_does_not_take_is_a_miss_where_the_response_varies)
{
    const slv_str gzip = SLV_STR("content-encoding:gzip\nvary:Accept-Encoding\n");

    CHECK(!slv_cache_refused(SLV_STR(""), gzip));
    CHECK(!slv_cache_refused(SLV_STR("accept-encoding:br, gzip;q=0.5\n"), gzip));
    CHECK(slv_cache_refused(SLV_STR("accept-encoding:br\n"), gzip));
    CHECK(slv_cache_refused(SLV_STR("accept-encoding:gzip;q=0\n"), gzip));
    CHECK(!slv_cache_refused(SLV_STR("accept-encoding:br\n"), SLV_STR("content-encoding:gzip\n")));
    CHECK(!slv_cache_refused(SLV_STR("accept-language:de\n"), SLV_STR("vary:Accept-Language\n")));
}

TEST(cache_answer_headers)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1000);
    slv_cache_plan plan = {.status = 206, .range_count = 1, .ranges = {{2, 4}}};
    const slv_str stored = SLV_STR("content-type:text/plain\ncontent-length:10\n");

    CHECK(slv_cache_answer_headers(&plan, stored, 10, 5, SLV_STR("b"), &out) == SLV_OK);
    CHECK_STR(slv_buf_view(&out),
              SLV_STR("content-type:text/plain\ncontent-range:bytes 2-4/10\ncontent-length:3\n"
                      "age:5\ncf-cache-status:HIT\n"));
    slv_buf_reset(&out);
    plan = (slv_cache_plan){.status = 416};
    CHECK(slv_cache_answer_headers(&plan, stored, 10, 5, SLV_STR("b"), &out) == SLV_OK);
    CHECK_STR(slv_buf_view(&out), SLV_STR("content-range:bytes */10\ncf-cache-status:HIT\n"));
}

/* ---- the store ---- */

static slv_cache *open_new(void)
{
    static int n;
    char path[512];
    slv_cache *cache = NULL;

    (void)snprintf(path, sizeof path, "%s/cache%d", tap_tmpdir(), n++);
    if (slv_cache_open(path, true, false, &cache, NULL) != SLV_OK)
        tap_failed(__FILE__, __LINE__, "cannot open");
    return cache;
}

static slv_code put(slv_cache *cache, const char *key, slv_str body, const char *tags,
                    int64_t now_ms, int64_t life_ms)
{
    const slv_cache_put_args args = {
        .key = slv_str_from(key),
        .status = 200,
        .headers = SLV_STR("a:b\n"),
        .tags = slv_str_from(tags),
        .body = body,
        .now_ms = now_ms,
        .expires_ms = now_ms + life_ms,
    };

    return slv_cache_put(cache, &args, NULL);
}

static bool has(slv_cache *cache, const char *key, int64_t now_ms)
{
    slv_cache_entry e;
    slv_code code = slv_cache_get(cache, slv_str_from(key), now_ms, &e, NULL);

    slv_cache_release(cache);
    return code == SLV_OK;
}

TEST(cache_entry_is_there_until_it_expires)
{
    SLV_CLEANUP(slv_cache_free) slv_cache *cache = open_new();
    slv_cache_entry e;
    int64_t next;
    uint64_t bytes;
    bool had;

    CHECK(put(cache, "http://a/1", SLV_STR("one"), "", NOW, 1000) == SLV_OK);
    CHECK(slv_cache_get(cache, SLV_STR("http://a/1"), NOW + 999, &e, NULL) == SLV_OK);
    CHECK_STR(e.body, SLV_STR("one"));
    CHECK_STR(e.headers, SLV_STR("a:b\n"));
    slv_cache_release(cache);
    CHECK(!has(cache, "http://a/1", NOW + 1000));
    CHECK(slv_cache_delete(cache, SLV_STR("http://a/1"), NOW + 1000, &had, NULL) == SLV_OK);
    CHECK(!had);
    CHECK(put(cache, "http://a/1", SLV_STR("two"), "", NOW, 1000) == SLV_OK);
    CHECK(slv_cache_total(cache, &bytes, NULL) == SLV_OK);
    CHECK_INT(bytes, 7);
    CHECK(slv_cache_sweep(cache, NOW, &next, NULL) == SLV_OK);
    CHECK_INT(next, NOW + 1000);
    CHECK(slv_cache_sweep(cache, NOW + 1000, &next, NULL) == SLV_OK);
    CHECK_INT(next, 0);
    CHECK(slv_cache_total(cache, &bytes, NULL) == SLV_OK);
    CHECK_INT(bytes, 0);
}

TEST(cache_the_oldest_go_when_there_is_too_much)
{
    SLV_CLEANUP(slv_cache_free) slv_cache *cache = open_new();
    char key[20];

    slv_cache_set_bytes_max(cache, 4 * 14); /* 10 of body, 4 of headers */
    for (int i = 0; i < 5; i++) {
        (void)snprintf(key, sizeof key, "http://a/%d", i);
        CHECK(put(cache, key, SLV_STR("0123456789"), "", NOW + i, 100000) == SLV_OK);
        CHECK_INT(has(cache, "http://a/0", NOW + i), i < 4);
    }
    CHECK(has(cache, "http://a/1", NOW + 5));
    CHECK(put(cache, "http://a/1", SLV_STR("9876543210"), "", NOW + 9, 100000) == SLV_OK);
    CHECK(put(cache, "http://a/9", SLV_STR("0123456789"), "", NOW + 10, 100000) == SLV_OK);
    CHECK(!has(cache, "http://a/2", NOW + 10));
    CHECK(has(cache, "http://a/1", NOW + 10));
}

TEST(cache_purges_by_tag_prefix_host_and_everything)
{
    SLV_CLEANUP(slv_cache_free) slv_cache *cache = open_new();
    uint64_t count;

    CHECK(put(cache, "http://a.x/1", SLV_STR("1"), "red, Blue", NOW, 100000) == SLV_OK);
    CHECK(put(cache, "https://a.x/im/2", SLV_STR("2"), "blue", NOW, 100000) == SLV_OK);
    CHECK(put(cache, "http://b.x/im/3", SLV_STR("3"), "red", NOW, 100000) == SLV_OK);
    CHECK(put(cache, "http://c.x/", SLV_STR("4"), NULL, NOW, 100000) == SLV_OK);
    CHECK(slv_cache_purge(cache, SLV_CACHE_PURGE_TAG, SLV_STR("BLUE"), &count, NULL) == SLV_OK);
    CHECK_INT(count, 2);
    CHECK(!has(cache, "http://a.x/1", NOW) && !has(cache, "https://a.x/im/2", NOW));
    CHECK(put(cache, "https://a.x/im/2", SLV_STR("2"), "", NOW, 100000) == SLV_OK);
    CHECK(slv_cache_purge(cache, SLV_CACHE_PURGE_PREFIX, SLV_STR("a.x/im"), &count, NULL) ==
          SLV_OK);
    CHECK_INT(count, 1);
    CHECK(slv_cache_purge(cache, SLV_CACHE_PURGE_HOST, SLV_STR("b.x"), &count, NULL) == SLV_OK);
    CHECK_INT(count, 1);
    CHECK(has(cache, "http://c.x/", NOW));
    CHECK(slv_cache_purge(cache, SLV_CACHE_PURGE_ALL, SLV_STR(""), &count, NULL) == SLV_OK);
    CHECK(!has(cache, "http://c.x/", NOW));
}

TEST(cache_tags_past_their_limits_are_left_out)
{
    SLV_CLEANUP(slv_cache_free) slv_cache *cache = open_new();
    char tag[SLV_CACHE_TAG_MAX + 2];
    uint64_t count;

    memset(tag, 't', sizeof tag);
    tag[SLV_CACHE_TAG_MAX] = '\0';
    CHECK(put(cache, "http://a/1", SLV_STR("1"), tag, NOW, 100000) == SLV_OK);
    CHECK(slv_cache_purge(cache, SLV_CACHE_PURGE_TAG, slv_str_from(tag), &count, NULL) == SLV_OK);
    CHECK_INT(count, 1);
    tag[SLV_CACHE_TAG_MAX] = 't';
    tag[SLV_CACHE_TAG_MAX + 1] = '\0';
    CHECK(put(cache, "http://a/1", SLV_STR("1"), tag, NOW, 100000) == SLV_OK);
    CHECK(slv_cache_purge(cache, SLV_CACHE_PURGE_TAG, slv_str_from(tag), &count, NULL) == SLV_OK);
    CHECK_INT(count, 0);
}

TAP_MAIN()
