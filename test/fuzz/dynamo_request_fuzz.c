/* Bodies of requests; the first byte says of which operation. */
#include <stdlib.h>

#include "dynamo/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA ((size_t)32 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_arena arena = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&arena);
    slv_dyn_request r;
    slv_code code;

    if (!size)
        return 0;
    code = slv_dyn_request_parse(&sc, (slv_dyn_operation)(data[0] % SLV_DYN_OPERATION_COUNT),
                                 slv_str_make(data + 1, size - 1), &r);
    if (code == SLV_E_INVAL && sc.error == SLV_DYN_ERROR_NONE)
        abort(); /* nothing to answer */
    if (code != SLV_OK && code != SLV_E_INVAL && code != SLV_E_LIMIT)
        abort();
    slv_arena_done(&arena);
    return 0;
}
