/* Batches of queue messages, and what became of them. */
#include "chan/queuemsg_int.h"

#define TYPE_MAX 4
#define VERDICT_ITEM ((size_t)7) /* u16 index, u8 bits, u32 delay */
#define ITEM_RETRY 1
#define ITEM_DELAY 2

slv_code slv_msg_event_queue_put_(slv_buf *out, const slv_msg_event_queue *m)
{
    SLV_TRY(slv_msg_str_put(out, m->queue));
    SLV_TRY(slv_buf_append_u64(out, m->backlog_count));
    SLV_TRY(slv_buf_append_u64(out, m->backlog_bytes));
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)m->oldest_ms));
    SLV_TRY(slv_buf_append_u16(out, m->count));
    return slv_msg_str_put(out, m->messages);
}

bool slv_msg_event_queue_read_(slv_reader *r, slv_msg_event_queue *ret)
{
    slv_msg_queue_message m;
    slv_str rest;
    size_t n = 0;
    slv_code code;

    ret->queue = slv_read_str(r);
    ret->backlog_count = slv_read_u64(r);
    ret->backlog_bytes = slv_read_u64(r);
    ret->oldest_ms = (int64_t)slv_read_u64(r);
    ret->count = slv_read_u16(r);
    ret->messages = slv_read_str(r);
    rest = ret->messages;
    while ((code = slv_msg_queue_message_next(&rest, &m)) == SLV_OK)
        n++;
    return code == SLV_E_NOTFOUND && n == ret->count;
}

slv_code slv_msg_queue_message_put(slv_buf *out, const slv_msg_queue_message *m)
{
    size_t len = 4 + m->id.len + 8 + 1 + 4 + 4 + m->body.len;

    if (len > UINT32_MAX)
        return SLV_E_LIMIT;
    SLV_TRY(slv_buf_append_u32(out, (uint32_t)len));
    SLV_TRY(slv_msg_str_put(out, m->id));
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)m->timestamp_ms));
    SLV_TRY(slv_buf_append_u8(out, m->type));
    SLV_TRY(slv_buf_append_u32(out, m->attempts));
    return slv_msg_str_put(out, m->body);
}

slv_code slv_msg_queue_message_next(slv_str *messages, slv_msg_queue_message *ret)
{
    slv_reader outer = slv_reader_make(*messages), r;

    if (messages->len == 0)
        return SLV_E_NOTFOUND;
    ret->raw = slv_read_str(&outer);
    if (outer.bad)
        return SLV_E_PROTOCOL;
    *messages = outer.rest;
    r = slv_reader_make(ret->raw);
    ret->id = slv_read_str(&r);
    ret->timestamp_ms = (int64_t)slv_read_u64(&r);
    ret->type = slv_read_u8(&r);
    ret->attempts = slv_read_u32(&r);
    ret->body = slv_read_str(&r);
    return slv_reader_end(&r) && ret->type >= 1 && ret->type <= TYPE_MAX ? SLV_OK : SLV_E_PROTOCOL;
}

/* ---- verdicts ---- */

slv_code slv_msg_verdict_put(slv_buf *out, const slv_msg_verdict *m)
{
    SLV_TRY(slv_buf_append_u8(out, m->bits));
    SLV_TRY(slv_buf_append_u32(out, m->delay_s));
    SLV_TRY(slv_buf_append_u16(out, m->count));
    return slv_buf_append(out, m->list);
}

slv_code slv_msg_verdict_item_put(slv_buf *list, const slv_msg_verdict_item *item)
{
    SLV_TRY(slv_buf_append_u16(list, item->index));
    SLV_TRY(slv_buf_append_u8(
        list, (uint8_t)((item->retry ? ITEM_RETRY : 0) | (item->has_delay ? ITEM_DELAY : 0))));
    return slv_buf_append_u32(list, item->delay_s);
}

slv_code slv_msg_verdict_get(slv_str payload, slv_msg_verdict *ret)
{
    slv_reader r = slv_reader_make(payload);
    const unsigned known =
        SLV_VERDICT_ACK_ALL | SLV_VERDICT_RETRY_ALL | SLV_VERDICT_DELAY | SLV_VERDICT_FAILED;

    ret->bits = slv_read_u8(&r);
    ret->delay_s = slv_read_u32(&r);
    ret->count = slv_read_u16(&r);
    ret->list = slv_read_bytes(&r, ret->count * VERDICT_ITEM);
    if (!slv_reader_end(&r) || (ret->bits & ~known))
        return SLV_E_PROTOCOL;
    for (size_t i = 0; i < ret->count; i++)
        if ((unsigned char)ret->list.ptr[i * VERDICT_ITEM + 2] > (ITEM_RETRY | ITEM_DELAY))
            return SLV_E_PROTOCOL;
    return SLV_OK;
}

slv_msg_verdict_item slv_msg_verdict_at(const slv_msg_verdict *m, size_t i)
{
    slv_reader r = slv_reader_make(slv_str_sub(m->list, i * VERDICT_ITEM, (i + 1) * VERDICT_ITEM));
    slv_msg_verdict_item item = {.index = slv_read_u16(&r)};
    uint8_t bits = slv_read_u8(&r);

    item.retry = bits & ITEM_RETRY;
    item.has_delay = bits & ITEM_DELAY;
    item.delay_s = slv_read_u32(&r);
    return item;
}
