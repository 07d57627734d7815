/* Questions in SQL: whatever they say, they read the dataset, and nothing is written. */
#include <stdio.h>
#include <stdlib.h>

#include "fmt/json.h"
#include "meter/analytics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW ((int64_t)1800000000000)

static slv_analytics *a;
static char dir[] = "/tmp/selvage-analytics-fuzz-XXXXXX";

static void clean(void)
{
    static const char *const files[] = {"ds.sqlite", "ds.sqlite-wal", "ds.sqlite-shm", ""};
    char path[100];

    a = slv_analytics_free(a);
    for (size_t i = 0; i < SLV_ARRAY_LEN(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        (void)remove(path);
    }
}

static slv_analytics *dataset(void)
{
    char path[100];

    if (a)
        return a;
    SLV_ASSERT(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/ds", dir);
    (void)atexit(clean);
    SLV_ASSERT(slv_analytics_open(path, true, false, &a, NULL) == SLV_OK);
    for (int i = 0; i < 3; i++) {
        const slv_analytics_point p = {
            .time_ms = NOW, .index = SLV_STR("i"), .doubles = {i}, .double_count = 1};

        SLV_ASSERT(slv_analytics_write(a, &p, NULL) == SLV_OK);
    }
    return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20), count = SLV_BUF(1 << 16);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 20);
    slv_str sql = slv_str_make(data, size);
    slv_node *tree;

    (void)slv_analytics_dataset_of(sql);
    if (slv_analytics_query(dataset(), SLV_STR("ds"), sql, NOW, &out, NULL) == SLV_OK)
        SLV_ASSERT(slv_json_parse(slv_buf_view(&out), SLV_JSON_STRICT, &arena, &tree, NULL) ==
                   SLV_OK);
    SLV_ASSERT(slv_analytics_query(dataset(), SLV_STR("ds"), SLV_STR("SELECT count() AS n FROM ds"),
                                   NOW, &count, NULL) == SLV_OK);
    SLV_ASSERT(slv_str_find(slv_buf_view(&count), SLV_STR("{\"n\":3}"), 0) != SIZE_MAX);
    return 0;
}
