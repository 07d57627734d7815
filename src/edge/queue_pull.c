/*
 * Consumers that stand in a worker's configuration: the queue is told of them when the worker is
 * deployed, as the control API tells it of others that pull. Of workers this is for showing alone.
 */
#include <inttypes.h>

#include "base/mem.h"
#include "edge/queue_int.h"
#include "fmt/json.h"
#include "state/kinds.h"

/* All consumers of configurations have it: there is one for each queue. */
#define CONSUMER_ID "00000000000000000000000000000000"

typedef struct declaration {
    slv_call call;
    slv_shard *shard;
    slv_store *store;
    slv_buf json;
    int64_t now_ms;
} declaration;

static slv_code put_type(slv_buf *out, const slv_consumer *c, slv_str worker)
{
    if (c->pull)
        return slv_buf_append(out, SLV_STR("\"http_pull\""));
    SLV_TRY(slv_buf_append(out, SLV_STR("\"worker\",\"script\":")));
    return slv_json_put_string(out, worker);
}

static slv_code put_consumer(slv_buf *out, const slv_consumer *c, slv_str worker)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"consumer_id\":\"" CONSUMER_ID "\",\"type\":")));
    SLV_TRY(put_type(out, c, worker));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"queue_name\":")));
    SLV_TRY(slv_json_put_string(out, c->queue));
    if (c->dead_letter_queue.len > 0) {
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"dead_letter_queue\":")));
        SLV_TRY(slv_json_put_string(out, c->dead_letter_queue));
    }
    SLV_TRY(slv_buf_printf(out,
                           ",\"settings\":{\"batch_size\":%u,\"max_retries\":%u,"
                           "\"retry_delay\":%" PRId64,
                           c->batch_size, c->retries, c->retry_delay_s));
    if (!c->pull)
        SLV_TRY(slv_buf_printf(out, ",\"max_wait_time_ms\":%u", c->batch_timeout_ms));
    if (!c->pull && c->concurrency > 0)
        SLV_TRY(slv_buf_printf(out, ",\"max_concurrency\":%u", c->concurrency));
    if (c->visibility_ms > 0)
        SLV_TRY(slv_buf_printf(out, ",\"visibility_timeout_ms\":%" PRId64, c->visibility_ms));
    return slv_buf_append(out, SLV_STR("}}"));
}

static slv_code run_declare(slv_call *call, void *service, slv_err *err)
{
    declaration *d = slv_container_of(call, declaration, call);
    SLV_CLEANUP(slv_buf_done) slv_buf before = SLV_BUF(SLV_QUEUE_CONSUMER_MAX);

    SLV_TRY(slv_queue_get_consumer(service, &before, err));
    if (slv_str_eq(slv_buf_view(&before), slv_buf_view(&d->json)))
        return SLV_OK; /* nothing is written at each start */
    return slv_queue_set_consumer(service, slv_buf_view(&d->json), d->now_ms, err);
}

static void on_declared(slv_call *call)
{
    declaration *d = slv_container_of(call, declaration, call);

    if (call->code != SLV_OK)
        slv_hook_notice(d->shard, slv_str_from(slv_err_text(&call->err)));
    (void)slv_store_unref(d->store);
    slv_buf_done(&d->json);
    free(d);
}

void slv_queue_declare(slv_shard *shard, const slv_version *version, const slv_consumer *consumer)
{
    declaration *d = slv_new0(declaration);

    d->shard = shard;
    d->now_ms = slv_loop_wall_ms(shard->loop);
    d->json = SLV_BUF(SLV_QUEUE_CONSUMER_MAX);
    if (put_consumer(&d->json, consumer, version->name) != SLV_OK) {
        slv_buf_done(&d->json);
        free(d);
        return;
    }
    d->store =
        slv_state_store(shard->server->o.state, &slv_queue_store, version->tenant, consumer->queue);
    d->call =
        (slv_call){.kind = SLV_CALL_WRITE, .create = true, .run = run_declare, .done = on_declared};
    slv_store_call(d->store, shard->loop, &d->call);
}
