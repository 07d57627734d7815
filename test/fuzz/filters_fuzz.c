/* Filters of a session of `tail`: what is read is bounded and never fails to be asked. */
#include "fmt/json.h"
#include "sight/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static slv_version version = {.id = {"v", 1}};
    static slv_trace_log line = {.level = SLV_CONSOLE_LOG, .values = {"[\"a\",{\"b\":1}]", 13}};
    static const slv_trace trace = {
        .version = &version,
        .outcome = "ok",
        .method = {"GET", 3},
        .headers = {"accept:*/*\ncf-connecting-ip:::1\n", 32},
        .logs = {&line, &line, 1},
    };
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)16 << 20);
    slv_filters filters;
    slv_node *root;
    slv_err err = {0};

    if (slv_json_parse(slv_str_make(data, size), SLV_JSON_STRICT, &arena, &root, &err) != SLV_OK ||
        slv_filters_read(root, SLV_STR("::1"), &arena, &filters, &err) != SLV_OK)
        return 0;
    SLV_ASSERT(filters.count <= SLV_FILTERS_MAX && filters.rate >= 0 && filters.rate <= 1);
    (void)slv_filters_pass(&filters, &trace);
    return 0;
}
