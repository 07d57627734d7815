/* What another process says of a connection that it hands over: whatever is taken says the same
 * when it is said again. */
#include <string.h>

#include "net/handed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_buf_done) slv_buf again = SLV_BUF(SLV_HANDED_MAX);
    slv_str in = slv_str_make(data, size);
    slv_handed h;

    if (slv_handed_get(in, &h) != SLV_OK)
        return 0;
    SLV_ASSERT(strlen(h.peer) < sizeof h.peer && strlen(h.tls_cipher) < sizeof h.tls_cipher);
    SLV_ASSERT(slv_handed_put(&h, &again) == SLV_OK && slv_str_eq(slv_buf_view(&again), in));
    return 0;
}
