/* Source maps: the input is the whole JSON when it begins with '{', else the mappings of a small
 * map. */
#include "fmt/json.h"
#include "fmt/sourcemap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)16 << 20);
    SLV_CLEANUP(slv_sourcemap_free) slv_sourcemap *m = NULL;
    slv_str text = slv_str_make(data, size);
    slv_source_place place;
    slv_err err;

    if (size > 0 && data[0] == '{') {
        SLV_ASSERT(slv_buf_append(&json, text) == SLV_OK);
    } else if (slv_buf_append(&json, SLV_STR("{\"version\":3,\"sources\":[\"a\",\"b\"],\"names\":["
                                             "\"n\"],\"mappings\":")) != SLV_OK ||
               slv_json_put_string(&json, text) != SLV_OK ||
               slv_buf_append_byte(&json, '}') != SLV_OK) {
        return 0;
    }
    if (slv_sourcemap_new(slv_buf_view(&json), &m, &err) != SLV_OK)
        return 0;
    for (uint32_t line = 0; line < 70; line++)
        if (slv_sourcemap_find(m, line, line * 7 + 1, &place))
            SLV_ASSERT(place.line > 0 && place.col > 0);
    return 0;
}
