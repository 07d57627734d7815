#include <stddef.h>
#include <stdint.h>

#include "js/js.h"

/* The engine's stack text, into which programs can write anything: err.stack is an ordinary
 * property. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    slv_str rest;
    slv_str line;

    if (slv_js_stack_frames(slv_str_make(data, size), &out) != SLV_OK)
        return 0;
    rest = slv_buf_view(&out);
    if (rest.len == 0)
        return 0;
    SLV_ASSERT(slv_str_split(&rest, '\n', &line) && line.len == 0);
    while (slv_str_split(&rest, '\n', &line))
        SLV_ASSERT(slv_str_starts(line, SLV_STR("    at ")));
    return 0;
}
