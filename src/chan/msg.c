#include "chan/msg.h"

#include "base/utf8.h"
#include "chan/queuemsg_int.h"

/* ---- helpers ---- */

slv_code slv_msg_str_put(slv_buf *out, slv_str s)
{
    if (s.len > UINT32_MAX)
        return SLV_E_LIMIT;
    SLV_TRY(slv_buf_append_u32(out, (uint32_t)s.len));
    return slv_buf_append(out, s);
}

slv_code slv_msg_str_get(slv_str payload, slv_str *ret)
{
    slv_reader r = slv_reader_make(payload);
    slv_str s = slv_read_str(&r);

    if (!slv_reader_end(&r))
        return SLV_E_PROTOCOL;
    *ret = s;
    return SLV_OK;
}

slv_code slv_msg_u32_put(slv_buf *out, uint32_t v)
{
    return slv_buf_append_u32(out, v);
}

slv_code slv_msg_u32_get(slv_str payload, uint32_t *ret)
{
    slv_reader r = slv_reader_make(payload);
    uint32_t v = slv_read_u32(&r);

    if (!slv_reader_end(&r))
        return SLV_E_PROTOCOL;
    *ret = v;
    return SLV_OK;
}

static slv_code finish(const slv_reader *r, bool valid)
{
    return valid && slv_reader_end(r) ? SLV_OK : SLV_E_PROTOCOL;
}

/* ---- start ---- */

slv_code slv_msg_ready_put(slv_buf *out, const slv_msg_ready *m)
{
    SLV_TRY(slv_buf_append_u64(out, m->cpu_us));
    return slv_msg_str_put(out, m->json);
}

slv_code slv_msg_ready_get(slv_str payload, slv_msg_ready *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->cpu_us = slv_read_u64(&r);
    ret->json = slv_read_str(&r);
    return finish(&r, true);
}

/* ---- capabilities ---- */

slv_msg_cap slv_msg_cap_at(const slv_msg_caps *caps, size_t i)
{
    SLV_ASSERT(i < caps->count);
    slv_reader r =
        slv_reader_make(slv_str_sub(caps->raw, i * SLV_CAP_SIZE, (i + 1) * SLV_CAP_SIZE));
    slv_msg_cap cap = {(slv_cap_kind)slv_read_u8(&r), 0};

    cap.number = slv_read_u32(&r);
    return cap;
}

slv_code slv_msg_cap_add(slv_buf *raw, slv_cap_kind kind, uint32_t number)
{
    SLV_TRY(slv_buf_reserve(raw, SLV_CAP_SIZE));
    SLV_TRY(slv_buf_append_u8(raw, (uint8_t)kind));
    return slv_buf_append_u32(raw, number);
}

static slv_code caps_put(slv_buf *out, const slv_msg_caps *caps)
{
    SLV_ASSERT(caps->raw.len == caps->count * SLV_CAP_SIZE);
    SLV_TRY(slv_buf_append_u16(out, caps->count));
    return slv_buf_append(out, caps->raw);
}

static bool caps_read(slv_reader *r, slv_msg_caps *ret)
{
    ret->count = slv_read_u16(r);
    ret->raw = slv_read_bytes(r, ret->count * SLV_CAP_SIZE);
    if (r->bad)
        return false;
    for (size_t i = 0; i < ret->count; i++) {
        slv_msg_cap cap = slv_msg_cap_at(ret, i);

        if (cap.kind < SLV_CAP_CALLABLE || cap.kind > SLV_CAP_SOCKET || cap.number == 0)
            return false;
    }
    return true;
}

slv_code slv_msg_cap_drop_put(slv_buf *out, const slv_msg_cap_drop *m)
{
    SLV_TRY(slv_buf_append_u32(out, m->cap));
    return slv_buf_append_u32(out, m->refs);
}

slv_code slv_msg_cap_drop_get(slv_str payload, slv_msg_cap_drop *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->cap = slv_read_u32(&r);
    ret->refs = slv_read_u32(&r);
    return finish(&r, ret->cap != 0 && ret->refs != 0);
}

slv_code slv_msg_cap_broken_put(slv_buf *out, const slv_msg_cap_broken *m)
{
    SLV_TRY(slv_buf_append_u32(out, m->cap));
    return slv_msg_str_put(out, m->error);
}

slv_code slv_msg_cap_broken_get(slv_str payload, slv_msg_cap_broken *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->cap = slv_read_u32(&r);
    ret->error = slv_read_str(&r);
    return finish(&r, ret->cap != 0);
}

/* ---- bodies: what EVENT FETCH and OP FETCH have in common ---- */

/* The bits say where the body is; number and text must agree. */
static bool body_valid(uint8_t bits, uint32_t stream, int64_t length, slv_str body)
{
    bool streamed = bits & SLV_FETCH_STREAM, inlined = bits & SLV_FETCH_INLINE;

    if (streamed && inlined)
        return false;
    if (streamed != (stream != 0) || (!inlined && body.len > 0) || length < -1)
        return false;
    return !inlined || length == (int64_t)body.len;
}

/* ---- events ---- */

static slv_code event_fetch_put(slv_buf *out, const slv_msg_event_fetch *m)
{
    SLV_TRY(slv_buf_append_u8(out, m->bits));
    SLV_TRY(slv_buf_append_u32(out, m->body_stream));
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)m->body_length));
    SLV_TRY(slv_msg_str_put(out, m->method));
    SLV_TRY(slv_msg_str_put(out, m->url));
    SLV_TRY(slv_msg_str_put(out, m->headers));
    SLV_TRY(slv_msg_str_put(out, m->cf));
    SLV_TRY(slv_msg_str_put(out, m->entrypoint));
    SLV_TRY(slv_msg_str_put(out, m->props));
    SLV_TRY(slv_msg_str_put(out, m->body));
    return m->bits & SLV_FETCH_OBJECT ? slv_buf_append_u32(out, m->object) : SLV_OK;
}

static bool event_fetch_read(slv_reader *r, slv_msg_event_fetch *ret)
{
    ret->bits = slv_read_u8(r);
    ret->body_stream = slv_read_u32(r);
    ret->body_length = (int64_t)slv_read_u64(r);
    ret->method = slv_read_str(r);
    ret->url = slv_read_str(r);
    ret->headers = slv_read_str(r);
    ret->cf = slv_read_str(r);
    ret->entrypoint = slv_read_str(r);
    ret->props = slv_read_str(r);
    ret->body = slv_read_str(r);
    if (ret->bits & SLV_FETCH_OBJECT) {
        ret->object = slv_read_u32(r);
        if (ret->object == 0)
            return false;
    }
    return ret->bits <= 31 && body_valid(ret->bits, ret->body_stream, ret->body_length, ret->body);
}

static slv_code rpc_rest_put(slv_buf *out, const slv_msg_rpc *m)
{
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)m->action));
    SLV_TRY(slv_msg_str_put(out, m->path));
    SLV_TRY(slv_msg_str_put(out, m->args));
    return caps_put(out, &m->caps);
}

static bool rpc_rest_read(slv_reader *r, slv_msg_rpc *ret)
{
    ret->action = (slv_rpc_action)slv_read_u8(r);
    ret->path = slv_read_str(r);
    ret->args = slv_read_str(r);
    if (ret->action > SLV_RPC_GET || !caps_read(r, &ret->caps))
        return false;
    return ret->action == SLV_RPC_CALL || (ret->args.len == 0 && ret->caps.count == 0);
}

slv_code slv_msg_event_put(slv_buf *out, const slv_msg_event *m)
{
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)m->kind));
    switch (m->kind) {
    case SLV_EVENT_FETCH:
        return event_fetch_put(out, &m->fetch);
    case SLV_EVENT_SCHEDULED:
        SLV_TRY(slv_buf_append_u64(out, (uint64_t)m->scheduled.slot_ms));
        return slv_msg_str_put(out, m->scheduled.cron);
    case SLV_EVENT_RPC:
        SLV_TRY(slv_buf_append_u8(out, (uint8_t)m->rpc.target_kind));
        SLV_TRY(slv_buf_append_u32(out, m->rpc.target));
        SLV_TRY(slv_msg_str_put(out, m->rpc.entrypoint));
        SLV_TRY(slv_msg_str_put(out, m->rpc.props));
        return rpc_rest_put(out, &m->rpc);
    case SLV_EVENT_ALARM:
        SLV_TRY(slv_buf_append_u32(out, m->alarm.object));
        SLV_TRY(slv_buf_append_u64(out, (uint64_t)m->alarm.scheduled_ms));
        SLV_TRY(slv_buf_append_u32(out, m->alarm.retries));
        return slv_buf_append_u8(out, m->alarm.last);
    case SLV_EVENT_SOCKET:
        SLV_TRY(slv_buf_append_u32(out, m->socket.object));
        SLV_TRY(slv_buf_append_u32(out, m->socket.socket));
        SLV_TRY(slv_buf_append_u8(out, (uint8_t)m->socket.what));
        SLV_TRY(slv_buf_append_u16(out, m->socket.code));
        SLV_TRY(slv_buf_append_u8(out, m->socket.clean));
        return slv_msg_str_put(out, m->socket.data);
    case SLV_EVENT_QUEUE:
        return slv_msg_event_queue_put_(out, &m->queue);
    case SLV_EVENT_TAIL:
        return slv_msg_str_put(out, m->tail);
    }
    SLV_UNREACHABLE();
}

static bool event_alarm_read(slv_reader *r, slv_msg_event_alarm *ret)
{
    ret->object = slv_read_u32(r);
    ret->scheduled_ms = (int64_t)slv_read_u64(r);
    ret->retries = slv_read_u32(r);
    uint8_t bits = slv_read_u8(r);
    ret->last = bits == 1;
    return bits <= 1 && ret->object != 0;
}

static bool event_socket_read(slv_reader *r, slv_msg_event_socket *ret)
{
    ret->object = slv_read_u32(r);
    ret->socket = slv_read_u32(r);
    ret->what = (slv_socket_what)slv_read_u8(r);
    ret->code = slv_read_u16(r);
    uint8_t clean = slv_read_u8(r);
    ret->clean = clean == 1;
    ret->data = slv_read_str(r);
    return clean <= 1 && ret->object != 0 && ret->socket != 0 && ret->what >= SLV_SOCKET_TEXT &&
           ret->what <= SLV_SOCKET_ERROR && (ret->what == SLV_SOCKET_CLOSED || ret->code == 0);
}

static bool event_rpc_read(slv_reader *r, slv_msg_rpc *ret)
{
    ret->target_kind = (slv_rpc_target)slv_read_u8(r);
    ret->target = slv_read_u32(r);
    ret->entrypoint = slv_read_str(r);
    ret->props = slv_read_str(r);
    if (ret->target_kind == SLV_RPC_BINDING && ret->target != 0)
        return false;
    if (ret->target_kind != SLV_RPC_BINDING &&
        (ret->target == 0 || ret->entrypoint.len > 0 || ret->props.len > 0))
        return false;
    return ret->target_kind <= SLV_RPC_PENDING && rpc_rest_read(r, ret);
}

slv_code slv_msg_event_get(slv_str payload, slv_msg_event *ret)
{
    slv_reader r = slv_reader_make(payload);
    bool valid = false;

    memset(ret, 0, sizeof *ret);
    ret->kind = (slv_event_kind)slv_read_u8(&r);
    switch ((unsigned)ret->kind) {
    case SLV_EVENT_FETCH:
        valid = event_fetch_read(&r, &ret->fetch);
        break;
    case SLV_EVENT_SCHEDULED:
        ret->scheduled.slot_ms = (int64_t)slv_read_u64(&r);
        ret->scheduled.cron = slv_read_str(&r);
        valid = true;
        break;
    case SLV_EVENT_RPC:
        valid = event_rpc_read(&r, &ret->rpc);
        break;
    case SLV_EVENT_ALARM:
        valid = event_alarm_read(&r, &ret->alarm);
        break;
    case SLV_EVENT_SOCKET:
        valid = event_socket_read(&r, &ret->socket);
        break;
    case SLV_EVENT_TAIL:
        ret->tail = slv_read_str(&r);
        valid = ret->tail.len > 0;
        break;
    case SLV_EVENT_QUEUE:
        valid = slv_msg_event_queue_read_(&r, &ret->queue);
        break;
    default:
        break;
    }
    return finish(&r, valid);
}

slv_code slv_msg_cancel_put(slv_buf *out, slv_cancel_reason reason)
{
    return slv_buf_append_u8(out, (uint8_t)reason);
}

slv_code slv_msg_cancel_get(slv_str payload, slv_cancel_reason *ret)
{
    slv_reader r = slv_reader_make(payload);

    *ret = (slv_cancel_reason)slv_read_u8(&r);
    return finish(&r, *ret >= SLV_CANCEL_CLIENT && *ret <= SLV_CANCEL_SHUTDOWN);
}

slv_code slv_msg_response_put(slv_buf *out, const slv_msg_response *m)
{
    SLV_TRY(slv_buf_append_u16(out, m->status));
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)m->body_kind));
    SLV_TRY(slv_buf_append_u8(out, m->bits));
    SLV_TRY(slv_buf_append_u32(out, m->number));
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)m->body_length));
    SLV_TRY(slv_msg_str_put(out, m->status_text));
    SLV_TRY(slv_msg_str_put(out, m->headers));
    return slv_msg_str_put(out, m->body);
}

slv_code slv_msg_response_get(slv_str payload, slv_msg_response *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->status = slv_read_u16(&r);
    ret->body_kind = (slv_body_kind)slv_read_u8(&r);
    ret->bits = slv_read_u8(&r);
    ret->number = slv_read_u32(&r);
    ret->body_length = (int64_t)slv_read_u64(&r);
    ret->status_text = slv_read_str(&r);
    ret->headers = slv_read_str(&r);
    ret->body = slv_read_str(&r);
    bool numbered = ret->body_kind >= SLV_BODY_STREAM;
    bool valid = ret->body_kind <= SLV_BODY_HIBERNATING && ret->bits <= 7 &&
                 ret->body_length >= -1 &&
                 (!(ret->bits & SLV_RESPONSE_FAILED) || ret->body_kind == SLV_BODY_INLINE) &&
                 (ret->number != 0) == numbered &&
                 (ret->body_kind == SLV_BODY_INLINE || ret->body.len == 0) &&
                 (ret->status >= 200 || ret->status == 101) && ret->status <= 999 &&
                 (ret->status == 101) == (ret->body_kind >= SLV_BODY_SOCKET);
    return finish(&r, valid && slv_header_block_valid(ret->headers));
}

const char *slv_outcome_name(slv_outcome outcome)
{
    static const char *const names[] = {
        [SLV_OUTCOME_OK] = "ok",
        [SLV_OUTCOME_EXCEPTION] = "exception",
        [SLV_OUTCOME_CANCELED] = "canceled",
        [SLV_OUTCOME_HUNG] = "exception",
        [SLV_OUTCOME_CPU] = "exceededCpu",
        [SLV_OUTCOME_MEMORY] = "exceededMemory",
        [SLV_OUTCOME_ABORTED] = "exception",
    };

    return names[outcome];
}

slv_code slv_msg_end_put(slv_buf *out, const slv_msg_end *m)
{
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)m->outcome));
    SLV_TRY(slv_buf_append_u64(out, m->cpu_us));
    return slv_msg_str_put(out, m->error);
}

slv_code slv_msg_end_get(slv_str payload, slv_msg_end *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->outcome = (slv_outcome)slv_read_u8(&r);
    ret->cpu_us = slv_read_u64(&r);
    ret->error = slv_read_str(&r);
    return finish(&r, ret->outcome <= SLV_OUTCOME_ABORTED);
}

slv_code slv_msg_log_put(slv_buf *out, const slv_msg_log *m)
{
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)m->level));
    SLV_TRY(slv_msg_str_put(out, m->text));
    SLV_TRY(slv_msg_str_put(out, m->place));
    return slv_msg_str_put(out, m->values);
}

slv_code slv_msg_log_get(slv_str payload, slv_msg_log *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->level = (slv_console_level)slv_read_u8(&r);
    ret->text = slv_read_str(&r);
    ret->place = slv_read_str(&r);
    ret->values = slv_read_str(&r);
    return finish(&r, ret->level <= SLV_CONSOLE_CHANNEL);
}

/* ---- operations ---- */

static slv_code op_fetch_put(slv_buf *out, const slv_msg_op_fetch *m, bool service)
{
    if (service)
        SLV_TRY(slv_buf_append_u32(out, m->binding));
    SLV_TRY(slv_buf_append_u8(out, m->bits));
    SLV_TRY(slv_buf_append_u32(out, m->body_stream));
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)m->body_length));
    SLV_TRY(slv_msg_str_put(out, m->method));
    SLV_TRY(slv_msg_str_put(out, m->url));
    SLV_TRY(slv_msg_str_put(out, m->headers));
    SLV_TRY(slv_msg_str_put(out, m->body));
    return slv_msg_str_put(out, m->cf);
}

static bool op_fetch_read(slv_reader *r, slv_msg_op_fetch *ret, bool service)
{
    if (service)
        ret->binding = slv_read_u32(r);
    ret->bits = slv_read_u8(r);
    ret->body_stream = slv_read_u32(r);
    ret->body_length = (int64_t)slv_read_u64(r);
    ret->method = slv_read_str(r);
    ret->url = slv_read_str(r);
    ret->headers = slv_read_str(r);
    ret->body = slv_read_str(r);
    ret->cf = slv_read_str(r);
    return ret->bits <= 63 &&
           (ret->bits & (SLV_FETCH_MANUAL | SLV_FETCH_ERROR)) !=
               (SLV_FETCH_MANUAL | SLV_FETCH_ERROR) &&
           body_valid(ret->bits, ret->body_stream, ret->body_length, ret->body) &&
           slv_header_block_valid(ret->headers);
}

slv_code slv_msg_op_put(slv_buf *out, const slv_msg_op *m)
{
    SLV_TRY(slv_buf_append_u32(out, m->event));
    SLV_TRY(slv_buf_append_u16(out, (uint16_t)m->kind));
    switch (m->kind) {
    case SLV_OP_FETCH:
    case SLV_OP_SERVICE_FETCH:
        return op_fetch_put(out, &m->fetch, m->kind == SLV_OP_SERVICE_FETCH);
    case SLV_OP_CONNECT:
        SLV_TRY(slv_msg_str_put(out, m->connect.host));
        SLV_TRY(slv_buf_append_u16(out, m->connect.port));
        return slv_buf_append_u8(out, (uint8_t)m->connect.tls);
    case SLV_OP_STARTTLS:
        return slv_buf_append_u32(out, m->starttls);
    case SLV_OP_RPC:
        SLV_TRY(slv_buf_append_u8(out, (uint8_t)m->rpc.target_kind));
        SLV_TRY(slv_buf_append_u32(out, m->rpc.target));
        return rpc_rest_put(out, &m->rpc);
    case SLV_OP_STORE_FIRST:
    case SLV_OP_STORE_LAST:
    default: /* every kind between them */
        SLV_TRY(slv_buf_append_u32(out, m->store.resource));
        SLV_TRY(slv_buf_append_u32(out, m->store.stream));
        return slv_buf_append(out, m->store.rest);
    }
}

slv_code slv_msg_op_get(slv_str payload, slv_msg_op *ret)
{
    slv_reader r = slv_reader_make(payload);
    bool valid = false;

    memset(ret, 0, sizeof *ret);
    ret->event = slv_read_u32(&r);
    ret->kind = (slv_op_kind)slv_read_u16(&r);
    switch ((unsigned)ret->kind) {
    case SLV_OP_FETCH:
    case SLV_OP_SERVICE_FETCH:
        valid = op_fetch_read(&r, &ret->fetch, ret->kind == SLV_OP_SERVICE_FETCH);
        break;
    case SLV_OP_CONNECT:
        ret->connect.host = slv_read_str(&r);
        ret->connect.port = slv_read_u16(&r);
        ret->connect.tls = (slv_connect_tls)slv_read_u8(&r);
        valid = ret->connect.tls <= SLV_CONNECT_STARTTLS;
        break;
    case SLV_OP_STARTTLS:
        ret->starttls = slv_read_u32(&r);
        valid = ret->starttls != 0;
        break;
    case SLV_OP_RPC:
        ret->rpc.target_kind = (slv_rpc_target)slv_read_u8(&r);
        ret->rpc.target = slv_read_u32(&r);
        valid = ret->rpc.target_kind <= SLV_RPC_PENDING && ret->rpc.target_kind != SLV_RPC_OBJECT &&
                rpc_rest_read(&r, &ret->rpc);
        break;
    default:
        if (ret->kind < SLV_OP_STORE_FIRST || ret->kind > SLV_OP_STORE_LAST)
            break;
        ret->store.resource = slv_read_u32(&r);
        ret->store.stream = slv_read_u32(&r);
        ret->store.rest = slv_read_bytes(&r, r.rest.len);
        valid = true;
        break;
    }
    return finish(&r, valid && ret->event != 0);
}

slv_code slv_msg_op_fetch_get(slv_str payload, slv_msg_op_fetch *ret)
{
    slv_reader r = slv_reader_make(payload);

    *ret = (slv_msg_op_fetch){0};
    bool valid = op_fetch_read(&r, ret, false);
    return finish(&r, valid);
}

slv_code slv_msg_rpc_get(slv_str payload, slv_msg_rpc *ret)
{
    slv_reader r = slv_reader_make(payload);

    *ret = (slv_msg_rpc){0};
    bool valid = rpc_rest_read(&r, ret);
    return finish(&r, valid);
}

slv_code slv_msg_result_fetch_put(slv_buf *out, const slv_msg_result_fetch *m)
{
    SLV_TRY(slv_buf_append_u16(out, m->status));
    SLV_TRY(slv_msg_str_put(out, m->status_text));
    SLV_TRY(slv_msg_str_put(out, m->url));
    SLV_TRY(slv_buf_append_u8(out, m->redirected));
    SLV_TRY(slv_msg_str_put(out, m->headers));
    SLV_TRY(slv_buf_append_u32(out, m->body_stream));
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)m->body_length));
    SLV_TRY(slv_buf_append_u32(out, m->socket));
    return slv_msg_str_put(out, m->body);
}

slv_code slv_msg_result_fetch_get(slv_str payload, slv_msg_result_fetch *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->status = slv_read_u16(&r);
    ret->status_text = slv_read_str(&r);
    ret->url = slv_read_str(&r);
    uint8_t redirected = slv_read_u8(&r);
    ret->redirected = redirected == 1;
    ret->headers = slv_read_str(&r);
    ret->body_stream = slv_read_u32(&r);
    ret->body_length = (int64_t)slv_read_u64(&r);
    ret->socket = slv_read_u32(&r);
    ret->body = slv_read_str(&r);
    return finish(&r, redirected <= 1 && ret->body_length >= -1 &&
                          !(ret->body_stream != 0 && ret->body.len > 0));
}

slv_code slv_msg_result_connect_put(slv_buf *out, const slv_msg_result_connect *m)
{
    SLV_TRY(slv_buf_append_u32(out, m->readable));
    SLV_TRY(slv_buf_append_u32(out, m->writable));
    return slv_msg_str_put(out, m->info);
}

slv_code slv_msg_result_connect_get(slv_str payload, slv_msg_result_connect *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->readable = slv_read_u32(&r);
    ret->writable = slv_read_u32(&r);
    ret->info = slv_read_str(&r);
    return finish(&r, ret->readable != 0 && ret->writable != 0);
}

slv_code slv_msg_result_rpc_put(slv_buf *out, const slv_msg_result_rpc *m)
{
    SLV_TRY(slv_msg_str_put(out, m->value));
    return caps_put(out, &m->caps);
}

slv_code slv_msg_result_rpc_get(slv_str payload, slv_msg_result_rpc *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->value = slv_read_str(&r);
    bool valid = caps_read(&r, &ret->caps);
    return finish(&r, valid);
}

/* ---- questions and sockets ---- */

slv_code slv_msg_ask_put(slv_buf *out, const slv_msg_ask *m)
{
    SLV_TRY(slv_buf_append_u16(out, m->kind));
    return slv_buf_append(out, m->rest);
}

slv_code slv_msg_ask_get(slv_str payload, slv_msg_ask *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->kind = slv_read_u16(&r);
    ret->rest = r.rest;
    return r.bad ? SLV_E_PROTOCOL : SLV_OK;
}

slv_code slv_msg_ws_close_put(slv_buf *out, const slv_msg_ws_close *m)
{
    SLV_TRY(slv_buf_append_u16(out, m->code));
    return slv_msg_str_put(out, m->reason);
}

slv_code slv_msg_ws_close_get(slv_str payload, slv_msg_ws_close *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->code = slv_read_u16(&r);
    ret->reason = slv_read_str(&r);
    return finish(&r, ret->reason.len <= 123 && slv_utf8_valid(ret->reason));
}

/* ---- header blocks ---- */

/* RFC 9110 tchar, one bit for each. */
static bool is_token_char(unsigned char c)
{
    static const uint64_t low = 0x03ff6cfa00000000u, high = 0x57ffffffc7fffffeu;

    return c < 64 ? low >> c & 1 : c < 128 && (high >> (c - 64) & 1);
}

bool slv_header_next(slv_str *block, slv_str *ret_name, slv_str *ret_value, bool *ret_bad)
{
    if (block->len == 0)
        return false;
    const char *end = memchr(block->ptr, '\n', block->len);
    const char *colon = end ? memchr(block->ptr, ':', (size_t)(end - block->ptr)) : NULL;
    if (!colon || colon == block->ptr) {
        *ret_bad = true;
        return false;
    }
    *ret_name = slv_str_make(block->ptr, (size_t)(colon - block->ptr));
    *ret_value = slv_str_make(colon + 1, (size_t)(end - colon - 1));
    *block = slv_str_skip(*block, (size_t)(end - block->ptr) + 1);
    return true;
}

bool slv_header_block_valid(slv_str block)
{
    slv_str name, value;
    bool bad = false;

    while (slv_header_next(&block, &name, &value, &bad)) {
        for (size_t i = 0; i < name.len; i++) {
            if (!is_token_char((unsigned char)name.ptr[i]))
                return false;
        }
        if (memchr(value.ptr, '\r', value.len) || memchr(value.ptr, '\0', value.len))
            return false;
    }
    return !bad;
}
