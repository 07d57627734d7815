#include "edge/handed_socket.h"

#include "base/utf8.h"
#include "edge/object_int.h"

enum { NAMED = 1, ATTACHED = 2, AUTOMATIC = 4, UNMASKED = 8, GONE = 16, FLAGS_ALL = 31 };

static slv_code put_str(slv_buf *out, slv_str s)
{
    SLV_TRY(slv_buf_append_u32(out, (uint32_t)s.len));
    return slv_buf_append(out, s);
}

slv_code slv_handed_event_put(const slv_handed_event *e, slv_buf *out)
{
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)e->what));
    SLV_TRY(slv_buf_append_u8(out, e->clean));
    SLV_TRY(slv_buf_append_u16(out, e->code));
    return put_str(out, e->data);
}

bool slv_handed_event_next(slv_reader *r, slv_handed_event *ret)
{
    if (r->bad || r->rest.len == 0)
        return false;
    unsigned what = slv_read_u8(r), clean = slv_read_u8(r);
    *ret = (slv_handed_event){.what = (slv_socket_what)what, .clean = clean == 1};
    ret->code = slv_read_u16(r);
    ret->data = slv_read_str(r);
    if (what < SLV_SOCKET_TEXT || what > SLV_SOCKET_ERROR || clean > 1 ||
        (what != SLV_SOCKET_BINARY && !slv_utf8_valid(ret->data)) ||
        (what != SLV_SOCKET_CLOSED && (clean || ret->code != 0)))
        r->bad = true;
    return !r->bad;
}

slv_code slv_handed_socket_put(const slv_handed_socket *s, slv_buf *out)
{
    const slv_str texts[] = {
        s->tenant,     s->worker,          s->class_name,       s->id,       s->name,    s->tags,
        s->attachment, s->options.request, s->options.response, s->received, s->to_send, s->events};

    SLV_TRY(slv_buf_append_u8(out, (uint8_t)((s->named ? NAMED : 0) | (s->attached ? ATTACHED : 0) |
                                             (s->options.automatic ? AUTOMATIC : 0) |
                                             (s->unmasked ? UNMASKED : 0) | (s->gone ? GONE : 0))));
    SLV_TRY(slv_buf_append_u8(out, s->window_bits));
    SLV_TRY(slv_buf_append_u16(out, s->tag_count));
    SLV_TRY(slv_buf_append_u32(out, s->socket));
    SLV_TRY(slv_buf_append_u32(out, s->options.timeout_ms));
    SLV_TRY(slv_buf_append_u32(out, s->event_count));
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)s->auto_ms));
    for (size_t i = 0; i < SLV_ARRAY_LEN(texts); i++)
        SLV_TRY(put_str(out, texts[i]));
    return SLV_OK;
}

/* The runs inside hold what their counts say, and nothing else. */
static bool is_sound(const slv_handed_socket *s)
{
    slv_reader tags = slv_reader_make(s->tags), events = slv_reader_make(s->events);
    slv_handed_event e = {0};
    uint32_t count = 0;
    bool over = false;

    for (uint16_t i = 0; i < s->tag_count && !tags.bad; i++)
        (void)slv_read_str(&tags);
    while (!over && slv_handed_event_next(&events, &e)) {
        over = e.what == SLV_SOCKET_CLOSED || e.what == SLV_SOCKET_ERROR;
        count++;
    }
    return slv_reader_end(&tags) && slv_reader_end(&events) && count == s->event_count &&
           over == s->gone;
}

slv_code slv_handed_socket_get(slv_str bytes, slv_handed_socket *ret)
{
    slv_reader r = slv_reader_make(bytes);
    unsigned flags = slv_read_u8(&r);
    slv_handed_socket s = {
        .named = flags & NAMED,
        .attached = flags & ATTACHED,
        .unmasked = flags & UNMASKED,
        .gone = flags & GONE,
        .options.automatic = flags & AUTOMATIC,
    };
    slv_str *const texts[] = {
        &s.tenant,     &s.worker,          &s.class_name,       &s.id,       &s.name,    &s.tags,
        &s.attachment, &s.options.request, &s.options.response, &s.received, &s.to_send, &s.events};

    s.window_bits = slv_read_u8(&r);
    s.tag_count = slv_read_u16(&r);
    s.socket = slv_read_u32(&r);
    s.options.timeout_ms = slv_read_u32(&r);
    s.event_count = slv_read_u32(&r);
    s.auto_ms = (int64_t)slv_read_u64(&r);
    for (size_t i = 0; i < SLV_ARRAY_LEN(texts); i++)
        *texts[i] = slv_read_str(&r);
    if (!slv_reader_end(&r) || flags & ~(unsigned)FLAGS_ALL || s.auto_ms < -1 || s.socket == 0 ||
        s.socket == UINT32_MAX || (s.window_bits != 0 && (s.window_bits < 9 || s.window_bits > 15)))
        return SLV_E_PARSE;
    if (s.tenant.len == 0 || s.worker.len == 0 || s.class_name.len == 0 ||
        !slv_object_id_valid(s.id) || (!s.named && s.name.len > 0) ||
        (!s.attached && s.attachment.len > 0) || s.options.request.len > SLV_SOCKET_AUTO_MAX ||
        s.options.response.len > SLV_SOCKET_AUTO_MAX || !is_sound(&s))
        return SLV_E_PARSE;
    *ret = s;
    return SLV_OK;
}
