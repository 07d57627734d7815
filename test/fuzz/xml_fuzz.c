/* The XML of S3: what is read can be written and read again. */
#include "fmt/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const slv_xml *node, slv_buf *out)
{
    size_t count = 1;

    SLV_ASSERT(slv_xml_put_text(out, node->text) == SLV_OK);
    for (const slv_xml *child = node->first; child; child = child->next)
        count += walk(child, out);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)16 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)64 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf again = SLV_BUF((size_t)64 << 20);
    slv_xml *root;
    slv_err err;

    if (slv_xml_parse(slv_str_make(data, size), &arena, &root, &err) != SLV_OK)
        return 0;
    SLV_ASSERT(walk(root, &out) > 0);
    SLV_ASSERT(slv_xml_put(&again, "a", root->text) == SLV_OK);
    SLV_CLEANUP(slv_arena_done) slv_arena second = SLV_ARENA((size_t)64 << 20);
    slv_xml *copy;
    if (slv_xml_parse(slv_buf_view(&again), &second, &copy, &err) == SLV_OK)
        SLV_ASSERT(slv_str_eq(copy->text, root->text));
    return 0;
}
