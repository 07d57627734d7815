/* Headers of the PROXY protocol: what is read stays inside the bytes, and pieces of a header are
 * never taken for all of it. */
#include "net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_str in = slv_str_make(data, size);
    slv_proxy_header whole, part;
    const char *why;
    slv_code code = slv_proxy_parse(in, &whole, &why);

    if (code != SLV_OK)
        return 0;
    SLV_ASSERT(whole.length <= in.len && whole.length <= SLV_PROXY_HEADER_MAX);
    for (size_t n = 0; n < whole.length; n++)
        SLV_ASSERT(slv_proxy_parse(slv_str_sub(in, 0, n), &part, &why) == SLV_E_AGAIN);
    SLV_ASSERT(slv_proxy_parse(slv_str_sub(in, 0, whole.length), &part, &why) == SLV_OK);
    SLV_ASSERT(part.known == whole.known && part.peer_port == whole.peer_port);
    return 0;
}
