/*
 * Data points: taken at once, written when the store comes to it. Nobody waits for one, and none
 * fails an event.
 */
#include "base/mem.h"
#include "edge/resource_int.h"
#include "meter/analytics.h"
#include "state/kinds.h"
#include "state/state.h"

enum {
    OP_WRITE = 124,
};

typedef struct write_call {
    slv_call call;
    slv_shard *shard;
    slv_store *store;
    slv_arena arena;
    slv_analytics_point point;
} write_call;

static slv_code run_write(slv_call *call, void *service, slv_err *err)
{
    return slv_analytics_write(service, &slv_container_of(call, write_call, call)->point, err);
}

static void free_write(write_call *w)
{
    (void)slv_store_unref(w->store);
    slv_arena_done(&w->arena);
    free(w);
}

static void on_written(slv_call *call)
{
    write_call *w = slv_container_of(call, write_call, call);

    if (call->code != SLV_OK)
        slv_hook_notice(w->shard, slv_str_from(slv_err_text(&call->err)));
    free_write(w);
}

/* str index, u16 count and for each blob u8 present and str, str of doubles (8 bytes each). */
static slv_code read_point(slv_str payload, slv_analytics_point *p, slv_err *err)
{
    slv_reader r = slv_reader_make(payload);

    p->index = slv_read_str(&r);
    p->blob_count = slv_read_u16(&r);
    for (size_t i = 0; i < p->blob_count && i < SLV_ANALYTICS_ITEMS; i++) {
        bool present = slv_read_u8(&r) != 0;
        slv_str text = slv_read_str(&r);

        p->blobs[i] = present ? text : SLV_STR_NULL;
    }
    slv_str doubles = slv_read_str(&r);
    p->double_count = doubles.len / sizeof(double);
    if (!slv_reader_end(&r) || p->blob_count > SLV_ANALYTICS_ITEMS ||
        p->double_count > SLV_ANALYTICS_ITEMS || doubles.len % sizeof(double) != 0)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed data point");
    if (doubles.len > 0)
        memcpy(p->doubles, doubles.ptr, doubles.len);
    return SLV_OK;
}

static slv_code keep(write_call *w)
{
    SLV_TRY(slv_arena_dup(&w->arena, w->point.index, &w->point.index));
    for (size_t i = 0; i < w->point.blob_count; i++) {
        if (w->point.blobs[i].ptr)
            SLV_TRY(slv_arena_dup(&w->arena, w->point.blobs[i], &w->point.blobs[i]));
    }
    return SLV_OK;
}

slv_code slv_analytics_op(const slv_resource_call *c, slv_err *err)
{
    slv_event *ev = c->ev;
    slv_shard *shard = ev->shard;
    slv_analytics_point point = {.time_ms = slv_loop_wall_ms(shard->loop)};

    if (c->kind != OP_WRITE || c->stream)
        return slv_fail(err, SLV_E_PROTOCOL, "OP of unknown kind %u", c->kind);
    SLV_TRY(read_point(c->rest, &point, err));
    slv_link_send(slv_event_link(ev), SLV_FRAME_RESULT, 0, c->op, SLV_STR_NULL);

    write_call *w = slv_new0(write_call);
    w->shard = shard;
    w->arena = SLV_ARENA(SLV_MESSAGE_MAX);
    w->point = point;
    w->store = slv_state_store(shard->server->o.state, &slv_analytics_store, ev->version->tenant,
                               c->binding->id);
    w->call.kind = SLV_CALL_WRITE;
    w->call.create = true;
    w->call.run = run_write;
    w->call.done = on_written;
    if (keep(w) == SLV_OK)
        slv_store_call(w->store, shard->loop, &w->call);
    else
        free_write(w);
    return SLV_OK;
}
