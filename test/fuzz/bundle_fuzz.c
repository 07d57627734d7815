/* What comes from esbuild: packets, and the export list at the end of a bundle. */
#include "bundle/bundle.h"
#include "bundle/esbuild.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)64 << 20);
    slv_str text = slv_str_make(data, size);
    slv_node *root;
    slv_err err;

    if (slv_esbuild_decode(text, &arena, &root, &err) == SLV_OK)
        SLV_ASSERT(slv_node_type_text(root->type) != NULL);
    if (slv_bundle_return(text, true, &out, &err) == SLV_OK)
        SLV_ASSERT(slv_str_find(slv_buf_view(&out), SLV_STR("return {"), 0) != SIZE_MAX);
    return 0;
}
