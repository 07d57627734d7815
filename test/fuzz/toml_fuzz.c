/* TOML: never fails in another way than with an error; what parses can be written as JSON. */
#include "fmt/json.h"
#include "fmt/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)64 << 20);
    slv_node *root;
    slv_err err;

    if (slv_toml_parse(slv_str_make(data, size), &arena, &root, &err) != SLV_OK)
        return 0;
    SLV_ASSERT(slv_json_put(&out, root) == SLV_OK);
    SLV_ASSERT(slv_json_parse(slv_buf_view(&out), SLV_JSON_STRICT, &arena, &root, &err) == SLV_OK);
    return 0;
}
