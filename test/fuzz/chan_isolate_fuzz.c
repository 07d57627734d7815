/* What main sends, as an isolate reads it: the codec, then the payload of each message. */
#include <stddef.h>
#include <stdint.h>

#include "chan/objmsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const slv_frame *f)
{
    union {
        slv_msg_event event;
        slv_cancel_reason reason;
        slv_msg_result_fetch fetch;
        slv_msg_result_connect connect;
        slv_msg_result_rpc rpc;
        slv_msg_ws_close ws_close;
        slv_msg_cap_drop drop;
        slv_msg_cap_broken broken;
        slv_msg_object_open open;
        slv_msg_object_close close;
        slv_msg_socket_info info;
        slv_msg_socket_options options;
        uint64_t seq;
        slv_str text;
        uint32_t number;
    } m;
    slv_code code = SLV_OK;

    switch ((int)f->type) {
    case SLV_FRAME_EVENT:
        code = slv_msg_event_get(f->payload, &m.event);
        break;
    case SLV_FRAME_CANCEL:
        code = slv_msg_cancel_get(f->payload, &m.reason);
        break;
    case SLV_FRAME_RESULT:
        code = slv_msg_result_fetch_get(f->payload, &m.fetch);
        SLV_ASSERT(code == SLV_OK || code == SLV_E_PROTOCOL);
        code = slv_msg_result_connect_get(f->payload, &m.connect);
        SLV_ASSERT(code == SLV_OK || code == SLV_E_PROTOCOL);
        code = slv_msg_result_rpc_get(f->payload, &m.rpc);
        break;
    case SLV_FRAME_WS_CLOSE:
        code = slv_msg_ws_close_get(f->payload, &m.ws_close);
        break;
    case SLV_FRAME_CAP_DROP:
        code = slv_msg_cap_drop_get(f->payload, &m.drop);
        break;
    case SLV_FRAME_CAP_BROKEN:
        code = slv_msg_cap_broken_get(f->payload, &m.broken);
        break;
    case SLV_FRAME_OBJECT_OPEN:
        code = slv_msg_object_open_get(f->payload, &m.open);
        break;
    case SLV_FRAME_OBJECT_CLOSE:
        code = slv_msg_object_close_get(f->payload, &m.close);
        break;
    case SLV_FRAME_OBJECT_DURABLE:
        code = slv_msg_object_durable_get(f->payload, &m.seq);
        break;
    case SLV_FRAME_ANSWER:
        code = slv_msg_socket_info_get(f->payload, &m.info);
        SLV_ASSERT(code == SLV_OK || code == SLV_E_PROTOCOL);
        code = slv_msg_socket_options_get(f->payload, &m.options);
        break;
    case SLV_FRAME_CREDIT:
    case SLV_FRAME_HELLO:
    case SLV_FRAME_START:
        code = slv_msg_u32_get(f->payload, &m.number);
        break;
    default:
        code = slv_msg_str_get(f->payload, &m.text);
        break;
    }
    SLV_ASSERT(code == SLV_OK || code == SLV_E_PROTOCOL);
}

/* Reads in pieces of `piece` bytes; the number of frames, and whether they ended in an error. */
static size_t run(slv_str bytes, size_t piece, bool *ret_bad)
{
    SLV_CLEANUP(slv_frame_reader_done) slv_frame_reader r;
    slv_code code = SLV_E_AGAIN;
    size_t count = 0;
    slv_frame f;

    slv_frame_reader_init(&r, SLV_CHAN_MAIN);
    while (bytes.len > 0 && code == SLV_E_AGAIN) {
        size_t n = SLV_MIN(bytes.len, piece), room;
        char *to;

        if (slv_frame_reader_room(&r, n, &to, &room) != SLV_OK)
            break;
        memcpy(to, bytes.ptr, n);
        slv_frame_reader_got(&r, n);
        bytes = slv_str_skip(bytes, n);
        while ((code = slv_frame_reader_next(&r, &f, NULL)) == SLV_OK) {
            decode(&f);
            count++;
        }
    }
    *ret_bad = code == SLV_E_PROTOCOL;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_str bytes = slv_str_make(data, size);
    bool bad, bad_again;

    if (size == 0)
        return 0;
    size_t count = run(bytes, SIZE_MAX, &bad);
    SLV_ASSERT(run(bytes, 1 + data[0] % 50, &bad_again) == count && bad == bad_again);
    return 0;
}
