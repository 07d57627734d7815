/* The state of a WebSocket that another process hands over: whatever is taken is inside the bytes,
 * and says the same when it is said again. */
#include "edge/handed_socket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_buf_done) slv_buf again = SLV_BUF(SLV_HANDED_SOCKET_MAX);
    slv_str in = slv_str_make(data, size);
    slv_handed_socket s;
    slv_handed_event e;
    uint32_t count = 0;

    if (slv_handed_socket_get(in, &s) != SLV_OK)
        return 0;
    slv_reader r = slv_reader_make(s.events);
    while (slv_handed_event_next(&r, &e))
        count++;
    SLV_ASSERT(slv_reader_end(&r) && count == s.event_count);
    SLV_ASSERT(slv_handed_socket_put(&s, &again) == SLV_OK && slv_str_eq(slv_buf_view(&again), in));
    return 0;
}
