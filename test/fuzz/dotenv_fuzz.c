/* dotenv: parsing and expansion end, within their limits. */
#include "fmt/dotenv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 20);
    slv_node *object = slv_node_new(&arena, SLV_NODE_OBJECT, 1, 1);
    slv_err err;

    if (slv_dotenv_parse(slv_str_make(data, size), &arena, object, &err) == SLV_OK &&
        slv_dotenv_expand(object, &arena, NULL, NULL, &err) == SLV_OK)
        for (slv_node *n = object->first; n; n = n->next)
            SLV_ASSERT(n->key.len > 0 && n->text.len <= SLV_DOTENV_VALUE_MAX + SLV_DOTENV_MAX);
    return 0;
}
