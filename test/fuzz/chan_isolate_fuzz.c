/* What main sends, as an isolate reads it: the codec, then the payload of each message. */
#include <stddef.h>
#include <stdint.h>

#include "chan/objmsg.h"
#include "fuzz/chan_frames.h"

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
    case SLV_FRAME_FACET_OVER:
        code = slv_msg_facet_over_get(f->payload, &m.number, &m.text);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_str bytes = slv_str_make(data, size);

    frames_agree(bytes, SLV_CHAN_MAIN, decode);
    return 0;
}
