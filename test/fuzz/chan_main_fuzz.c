/* What an isolate sends, as main reads it: the codec, then the payload of each message, then the
 * rules of streams. */
#include <stddef.h>
#include <stdint.h>

#include "chan/objmsg.h"
#include "fuzz/chan_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Frames of objects. */
static slv_code decode_object(const slv_frame *f)
{
    union {
        slv_msg_object_commit commit;
        slv_msg_socket_accept accept;
        slv_msg_socket_bytes bytes;
        slv_msg_socket_close close;
        slv_msg_socket_options options;
        slv_str text;
        int64_t ms;
        bool refused;
    } m;
    slv_code code;

    switch ((int)f->type) {
    case SLV_FRAME_OBJECT_OPENED:
        return slv_msg_object_opened_get(f->payload, &m.ms);
    case SLV_FRAME_OBJECT_CLOSED:
        return slv_msg_object_closed_get(f->payload, &m.refused);
    case SLV_FRAME_OBJECT_COMMIT:
        return slv_msg_object_commit_get(f->payload, &m.commit);
    case SLV_FRAME_SOCKET_ACCEPT:
        code = slv_msg_socket_accept_get(f->payload, &m.accept);
        if (code == SLV_OK) {
            slv_reader r = slv_reader_make(m.accept.tags);

            for (uint16_t i = 0; i < m.accept.count; i++)
                (void)slv_read_str(&r);
            SLV_ASSERT(slv_reader_end(&r));
        }
        return code;
    case SLV_FRAME_SOCKET_SEND:
        return slv_msg_socket_send_get(f->payload, &m.bytes);
    case SLV_FRAME_SOCKET_ATTACH:
        return slv_msg_socket_attach_get(f->payload, &m.bytes);
    case SLV_FRAME_SOCKET_CLOSE:
        return slv_msg_socket_close_get(f->payload, &m.close);
    case SLV_FRAME_SOCKET_OPTIONS:
        return slv_msg_socket_options_get(f->payload, &m.options);
    default:
        return slv_msg_str_get(f->payload, &m.text);
    }
}

static void decode(const slv_frame *f)
{
    union {
        slv_msg_ready ready;
        slv_msg_response response;
        slv_msg_end end;
        slv_msg_op op;
        slv_msg_log log;
        slv_msg_result_rpc rpc;
        slv_msg_ask ask;
        slv_msg_ws_close ws_close;
        slv_msg_cap_drop drop;
        uint32_t number;
    } m;
    slv_code code = SLV_OK;

    switch ((int)f->type) {
    case SLV_FRAME_READY:
        code = slv_msg_ready_get(f->payload, &m.ready);
        break;
    case SLV_FRAME_RESPONSE:
        code = slv_msg_response_get(f->payload, &m.response);
        break;
    case SLV_FRAME_END:
        code = slv_msg_end_get(f->payload, &m.end);
        break;
    case SLV_FRAME_OP:
        code = slv_msg_op_get(f->payload, &m.op);
        if (code == SLV_OK && m.op.kind == SLV_OP_RPC) {
            for (size_t i = 0; i < m.op.rpc.caps.count; i++)
                SLV_ASSERT(slv_msg_cap_at(&m.op.rpc.caps, i).number != 0);
        }
        break;
    case SLV_FRAME_LOG:
        code = slv_msg_log_get(f->payload, &m.log);
        break;
    case SLV_FRAME_RPC_RESULT:
        code = slv_msg_result_rpc_get(f->payload, &m.rpc);
        break;
    case SLV_FRAME_ASK:
        code = slv_msg_ask_get(f->payload, &m.ask);
        if (code == SLV_OK) {
            slv_msg_ask_object object;

            code = slv_msg_ask_object_get((slv_ask_kind)m.ask.kind, m.ask.rest, &object);
        }
        break;
    case SLV_FRAME_WS_CLOSE:
        code = slv_msg_ws_close_get(f->payload, &m.ws_close);
        break;
    case SLV_FRAME_CAP_DROP:
        code = slv_msg_cap_drop_get(f->payload, &m.drop);
        break;
    case SLV_FRAME_CREDIT:
    case SLV_FRAME_HELLO:
        code = slv_msg_u32_get(f->payload, &m.number);
        break;
    default:
        code = decode_object(f);
        break;
    }
    SLV_ASSERT(code == SLV_OK || code == SLV_E_PROTOCOL);
}

/* The value of a batch's RPC_RESULT. */
static void decode_verdict(slv_str payload)
{
    slv_msg_verdict verdict;

    if (slv_msg_verdict_get(payload, &verdict) != SLV_OK)
        return;
    for (size_t i = 0; i < verdict.count; i++)
        (void)slv_msg_verdict_at(&verdict, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_str bytes = slv_str_make(data, size);

    decode_verdict(bytes);
    frames_agree(bytes, SLV_CHAN_ISOLATE, decode);
    return 0;
}
