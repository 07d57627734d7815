/* Rate limits: counted in memory, over all loops. */
#include "edge/resource_int.h"
#include "meter/ratelimit.h"

enum {
    OP_LIMIT = 120,
};

slv_code slv_ratelimit_op(const slv_resource_call *c, slv_err *err)
{
    slv_event *ev = c->ev;
    slv_reader r = slv_reader_make(c->rest);
    slv_ratelimit_use use = {
        .tenant = ev->version->tenant,
        .id = c->binding->id,
        .key = slv_read_str(&r),
        .now_ms = slv_loop_wall_ms(ev->shard->loop),
    };

    use.limit = (double)(int64_t)slv_read_u64(&r);
    use.period_s = slv_read_u32(&r);
    if (c->kind != OP_LIMIT || c->stream || !slv_reader_end(&r) ||
        (use.period_s != 10 && use.period_s != 60))
        return slv_fail(err, SLV_E_PROTOCOL, "malformed rate limit");
    if (!slv_event_subrequest(ev, c->op))
        return SLV_OK;
    slv_link *link = slv_event_link(ev);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_RESULT, 0, c->op);
    slv_link_end(link,
                 slv_buf_append_u8(out, slv_ratelimit_take(ev->shard->server->ratelimits, &use)));
    return SLV_OK;
}
