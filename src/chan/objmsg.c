#include "chan/objmsg.h"

#include "base/utf8.h"

static slv_code finish(const slv_reader *r, bool valid)
{
    return valid && slv_reader_end(r) ? SLV_OK : SLV_E_PROTOCOL;
}

/* A byte that is 0 or 1. */
static bool read_bool(slv_reader *r, bool *ret)
{
    uint8_t v = slv_read_u8(r);

    *ret = v == 1;
    return v <= 1;
}

/* ---- residence ---- */

slv_code slv_msg_object_open_put(slv_buf *out, const slv_msg_object_open *m)
{
    SLV_TRY(slv_msg_str_put(out, m->class_name));
    SLV_TRY(slv_msg_str_put(out, m->id));
    SLV_TRY(slv_buf_append_u8(out, m->bits));
    SLV_TRY(slv_msg_str_put(out, m->name));
    SLV_TRY(slv_msg_str_put(out, m->jurisdiction));
    SLV_TRY(slv_buf_append_u64(out, m->epoch));
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)m->alarm_ms));
    SLV_TRY(slv_buf_append_u32(out, m->next_socket));
    SLV_TRY(slv_buf_append_u32(out, m->sockets));
    SLV_TRY(slv_buf_append_u8(out, m->depth));
    return slv_msg_str_put(out, m->props);
}

/* The id of a facet is what its parent calls it. */
static bool open_id_valid(const slv_msg_object_open *m)
{
    if (!(m->bits & SLV_OBJECT_FACET))
        return m->id.len == SLV_OBJECT_ID_LEN && m->depth == 0 && m->props.len == 0;
    return m->id.len <= SLV_FACET_ID_MAX && m->depth > 0 && m->depth <= SLV_FACET_DEPTH_MAX &&
           m->alarm_ms == SLV_OBJECT_NO_ALARM;
}

slv_code slv_msg_object_open_get(slv_str payload, slv_msg_object_open *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->class_name = slv_read_str(&r);
    ret->id = slv_read_str(&r);
    ret->bits = slv_read_u8(&r);
    ret->name = slv_read_str(&r);
    ret->jurisdiction = slv_read_str(&r);
    ret->epoch = slv_read_u64(&r);
    ret->alarm_ms = (int64_t)slv_read_u64(&r);
    ret->next_socket = slv_read_u32(&r);
    ret->sockets = slv_read_u32(&r);
    ret->depth = slv_read_u8(&r);
    ret->props = slv_read_str(&r);
    return finish(&r, ret->class_name.len > 0 && open_id_valid(ret) && ret->bits <= 7 &&
                          ret->alarm_ms >= SLV_OBJECT_NO_ALARM && ret->next_socket != 0 &&
                          (ret->name.len == 0 || ret->bits & SLV_OBJECT_NAMED));
}

slv_code slv_msg_object_opened_put(slv_buf *out, int64_t alarm_ms)
{
    return slv_buf_append_u64(out, (uint64_t)alarm_ms);
}

slv_code slv_msg_object_opened_get(slv_str payload, int64_t *ret_alarm_ms)
{
    slv_reader r = slv_reader_make(payload);

    *ret_alarm_ms = (int64_t)slv_read_u64(&r);
    return finish(&r, *ret_alarm_ms >= SLV_OBJECT_NO_ALARM);
}

slv_code slv_msg_object_close_put(slv_buf *out, const slv_msg_object_close *m)
{
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)m->reason));
    return slv_msg_str_put(out, m->error);
}

slv_code slv_msg_object_close_get(slv_str payload, slv_msg_object_close *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->reason = (slv_close_reason)slv_read_u8(&r);
    ret->error = slv_read_str(&r);
    return finish(&r, ret->reason >= SLV_CLOSE_IDLE && ret->reason <= SLV_CLOSE_SHUTDOWN &&
                          (ret->error.len == 0) == (ret->reason == SLV_CLOSE_IDLE));
}

slv_code slv_msg_facet_over_put(slv_buf *out, uint32_t run, slv_str error)
{
    SLV_TRY(slv_buf_append_u32(out, run));
    return slv_msg_str_put(out, error);
}

slv_code slv_msg_facet_over_get(slv_str payload, uint32_t *ret_run, slv_str *ret_error)
{
    slv_reader r = slv_reader_make(payload);

    *ret_run = slv_read_u32(&r);
    *ret_error = slv_read_str(&r);
    return finish(&r, *ret_run != 0);
}

slv_code slv_msg_object_closed_put(slv_buf *out, bool refused)
{
    return slv_buf_append_u8(out, refused);
}

slv_code slv_msg_object_closed_get(slv_str payload, bool *ret_refused)
{
    slv_reader r = slv_reader_make(payload);
    bool valid = read_bool(&r, ret_refused);

    return finish(&r, valid);
}

/* ---- commits ---- */

slv_code slv_msg_object_checkpointed_put(slv_buf *out, bool changed)
{
    return slv_buf_append_u8(out, changed);
}
slv_code slv_msg_object_checkpointed_get(slv_str payload, bool *ret_changed)
{
    slv_reader r = slv_reader_make(payload);
    bool valid = read_bool(&r, ret_changed);

    return finish(&r, valid);
}

slv_code slv_msg_object_commit_put(slv_buf *out, const slv_msg_object_commit *m)
{
    SLV_TRY(slv_buf_append_u64(out, m->seq));
    SLV_TRY(slv_buf_append_u8(out, m->unconfirmed));
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)m->alarm));
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)m->alarm_ms));
    return slv_buf_append_u32(out, m->frames);
}

slv_code slv_msg_object_commit_get(slv_str payload, slv_msg_object_commit *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->seq = slv_read_u64(&r);
    bool valid = read_bool(&r, &ret->unconfirmed);
    ret->alarm = (slv_alarm_change)slv_read_u8(&r);
    ret->alarm_ms = (int64_t)slv_read_u64(&r);
    ret->frames = slv_read_u32(&r);
    return finish(&r, valid && ret->seq != 0 && ret->alarm <= SLV_ALARM_NONE &&
                          ret->alarm_ms >= 0 &&
                          (ret->alarm == SLV_ALARM_SET || ret->alarm_ms == 0));
}

slv_code slv_msg_object_durable_put(slv_buf *out, uint64_t seq)
{
    return slv_buf_append_u64(out, seq);
}

slv_code slv_msg_object_durable_get(slv_str payload, uint64_t *ret_seq)
{
    slv_reader r = slv_reader_make(payload);

    *ret_seq = slv_read_u64(&r);
    return finish(&r, *ret_seq != 0);
}

/* ---- sockets ---- */

/* count strings that follow, as one borrowed run. */
static bool read_tags(slv_reader *r, uint16_t *ret_count, slv_str *ret_tags)
{
    uint16_t count = slv_read_u16(r);
    const char *from = r->rest.ptr;
    bool valid = !r->bad && count <= SLV_SOCKET_TAGS_MAX;

    for (uint16_t i = 0; valid && i < count; i++) {
        slv_str tag = slv_read_str(r);

        valid = !r->bad && tag.len <= SLV_SOCKET_TAG_MAX && slv_utf8_valid(tag);
    }
    if (!valid || r->bad)
        return false;
    *ret_count = count;
    *ret_tags = count > 0 ? slv_str_make(from, (size_t)(r->rest.ptr - from)) : SLV_STR_NULL;
    return true;
}

slv_code slv_msg_socket_accept_put(slv_buf *out, const slv_msg_socket_accept *m)
{
    SLV_TRY(slv_buf_append_u32(out, m->socket));
    SLV_TRY(slv_buf_append_u16(out, m->count));
    return slv_buf_append(out, m->tags);
}

slv_code slv_msg_socket_accept_get(slv_str payload, slv_msg_socket_accept *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->socket = slv_read_u32(&r);
    bool valid = read_tags(&r, &ret->count, &ret->tags);
    return finish(&r, valid && ret->socket != 0);
}

slv_code slv_msg_socket_send_put(slv_buf *out, const slv_msg_socket_bytes *m)
{
    SLV_TRY(slv_buf_append_u32(out, m->socket));
    return slv_buf_append(out, m->bytes);
}

slv_code slv_msg_socket_send_get(slv_str payload, slv_msg_socket_bytes *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->socket = slv_read_u32(&r);
    ret->bytes = slv_read_bytes(&r, r.rest.len);
    return finish(&r, ret->socket != 0);
}

slv_code slv_msg_socket_attach_put(slv_buf *out, const slv_msg_socket_bytes *m)
{
    SLV_TRY(slv_buf_append_u32(out, m->socket));
    return slv_msg_str_put(out, m->bytes);
}

slv_code slv_msg_socket_attach_get(slv_str payload, slv_msg_socket_bytes *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->socket = slv_read_u32(&r);
    ret->bytes = slv_read_str(&r);
    return finish(&r, ret->socket != 0 && ret->bytes.len <= SLV_SOCKET_ATTACHMENT_MAX);
}

slv_code slv_msg_socket_close_put(slv_buf *out, const slv_msg_socket_close *m)
{
    SLV_TRY(slv_buf_append_u32(out, m->socket));
    SLV_TRY(slv_buf_append_u16(out, m->code));
    return slv_msg_str_put(out, m->reason);
}

slv_code slv_msg_socket_close_get(slv_str payload, slv_msg_socket_close *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->socket = slv_read_u32(&r);
    ret->code = slv_read_u16(&r);
    ret->reason = slv_read_str(&r);
    return finish(&r, ret->socket != 0 && ret->reason.len <= 123 && slv_utf8_valid(ret->reason));
}

slv_code slv_msg_socket_options_put(slv_buf *out, const slv_msg_socket_options *m)
{
    SLV_TRY(slv_buf_append_u8(out, m->automatic));
    SLV_TRY(slv_msg_str_put(out, m->request));
    SLV_TRY(slv_msg_str_put(out, m->response));
    return slv_buf_append_u32(out, m->timeout_ms);
}

slv_code slv_msg_socket_options_get(slv_str payload, slv_msg_socket_options *ret)
{
    slv_reader r = slv_reader_make(payload);
    bool valid = read_bool(&r, &ret->automatic);

    ret->request = slv_read_str(&r);
    ret->response = slv_read_str(&r);
    ret->timeout_ms = slv_read_u32(&r);
    return finish(&r, valid && ret->request.len <= SLV_SOCKET_AUTO_MAX &&
                          ret->response.len <= SLV_SOCKET_AUTO_MAX &&
                          ret->timeout_ms <= SLV_SOCKET_TIMEOUT_MAX &&
                          (ret->automatic || ret->request.len + ret->response.len == 0));
}

/* ---- questions ---- */

slv_code slv_msg_ask_object_put(slv_buf *out, slv_ask_kind kind, const slv_msg_ask_object *m)
{
    SLV_TRY(slv_buf_append_u32(out, m->object));
    if (kind == SLV_ASK_SOCKET)
        return slv_buf_append_u32(out, m->socket);
    if (kind == SLV_ASK_OPTIONS)
        return SLV_OK;
    SLV_TRY(slv_buf_append_u8(out, m->tagged));
    return m->tagged ? slv_msg_str_put(out, m->tag) : SLV_OK;
}

slv_code slv_msg_ask_object_get(slv_ask_kind kind, slv_str rest, slv_msg_ask_object *ret)
{
    slv_reader r = slv_reader_make(rest);
    bool valid = true;

    *ret = (slv_msg_ask_object){.object = slv_read_u32(&r)};
    if (kind == SLV_ASK_SOCKET) {
        ret->socket = slv_read_u32(&r);
        valid = ret->socket != 0;
    } else if (kind == SLV_ASK_SOCKETS) {
        valid = read_bool(&r, &ret->tagged);
        if (ret->tagged)
            ret->tag = slv_read_str(&r);
    } else if (kind != SLV_ASK_OPTIONS) {
        valid = false;
    }
    return finish(&r, valid && ret->object != 0);
}

slv_code slv_msg_socket_info_put(slv_buf *out, const slv_msg_socket_info *m)
{
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)m->auto_ms));
    SLV_TRY(slv_buf_append_u8(out, m->attached));
    SLV_TRY(slv_msg_str_put(out, m->attachment));
    SLV_TRY(slv_buf_append_u16(out, m->count));
    return slv_buf_append(out, m->tags);
}

slv_code slv_msg_socket_info_get(slv_str payload, slv_msg_socket_info *ret)
{
    slv_reader r = slv_reader_make(payload);

    ret->auto_ms = (int64_t)slv_read_u64(&r);
    bool valid = read_bool(&r, &ret->attached);
    ret->attachment = slv_read_str(&r);
    bool tags = read_tags(&r, &ret->count, &ret->tags);
    return finish(&r, valid && tags && ret->auto_ms >= -1 &&
                          (ret->attached || ret->attachment.len == 0));
}
