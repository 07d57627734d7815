/* JSON: what parses is written and parses again to the same text. */
#include "fmt/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(slv_str text, slv_json_dialect dialect)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf once = SLV_BUF((size_t)64 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf twice = SLV_BUF((size_t)64 << 20);
    slv_node *root;
    slv_err err;

    if (slv_json_parse(text, dialect, &arena, &root, &err) != SLV_OK)
        return;
    SLV_ASSERT(slv_json_put(&once, root) == SLV_OK);
    SLV_ASSERT(slv_json_parse(slv_buf_view(&once), SLV_JSON_STRICT, &arena, &root, &err) == SLV_OK);
    SLV_ASSERT(slv_json_put(&twice, root) == SLV_OK);
    SLV_ASSERT(slv_str_eq(slv_buf_view(&once), slv_buf_view(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_str text = slv_str_make(data, size);

    round_trip(text, SLV_JSON_STRICT);
    round_trip(text, SLV_JSON_COMMENTS);
    return 0;
}
