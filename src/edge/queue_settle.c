/*
 * What follows from a batch: messages that are done are removed, the others come again later, and
 * those that had their last try go to the dead letter queue, or away. A dead letter is in its queue
 * before it leaves this one: a crash between doubles it, and never loses it.
 */
#include <stdio.h>

#include "base/mem.h"
#include "edge/queue_int.h"
#include "state/kinds.h"

#define SEND_PIECE_BYTES SLV_QUEUE_BATCH_BYTES_MAX

typedef struct settle {
    slv_call call;
    slv_feed *feed;
    slv_store *dead_store; /* of the dead letter queue */
    slv_queue_batch batch;
    int64_t now_ms;
    size_t acked;
    uint64_t taken_us;
    /* by place in the batch */
    enum { DONE, AGAIN, DEAD } fate[SLV_QUEUE_BATCH_MAX];
    int64_t due_ms[SLV_QUEUE_BATCH_MAX];
    size_t dead;
} settle;

/* ---- what is to be done ---- */

static bool fails(const slv_feed_outcome *o, size_t i)
{
    if (!o->told)
        return true;
    if (o->each[i].said != SLV_SAID_NOTHING)
        return o->each[i].said == SLV_SAID_RETRY;
    if (o->ack_all || o->retry_all)
        return o->retry_all;
    return o->failed;
}

static int64_t delay_of(const slv_feed *f, const slv_feed_outcome *o, size_t i)
{
    if (o->told && o->each[i].said == SLV_SAID_RETRY && o->each[i].delay_s >= 0)
        return SLV_MIN(o->each[i].delay_s, (int64_t)SLV_QUEUE_DELAY_MAX);
    if (o->told && o->retry_all && o->delay_s >= 0)
        return SLV_MIN(o->delay_s, (int64_t)SLV_QUEUE_DELAY_MAX);
    return f->consumer->retry_delay_s;
}

static void say(slv_feed *f, const settle *s, size_t i)
{
    const char *id = s->batch.messages.items[i].id;
    slv_str queue = f->consumer->queue, dead = f->consumer->dead_letter_queue;
    unsigned tries = f->consumer->retries + 1;
    const char *plural = tries == 1 ? "" : "s";
    slv_msg_log line = {.level = SLV_CONSOLE_WARN};
    char text[512];

    if (dead.len > 0)
        snprintf(text, sizeof text,
                 "Moving message \"%s\" on queue \"%.*s\" to dead letter queue \"%.*s\" after %u "
                 "failed attempt%s...",
                 id, SLV_STR_ARGS(queue), SLV_STR_ARGS(dead), tries, plural);
    else
        snprintf(text, sizeof text,
                 "Dropped message \"%s\" on queue \"%.*s\" after %u failed attempt%s!", id,
                 SLV_STR_ARGS(queue), tries, plural);
    line.text = slv_str_from(text);
    slv_hook_console(f->shard, f->version, &line);
}

static void decide(settle *s, const slv_feed_outcome *o)
{
    slv_feed *f = s->feed;

    for (size_t i = 0; i < s->batch.messages.len; i++) {
        s->fate[i] = DONE;
        if (!fails(o, i)) {
            s->acked++;
        } else if (s->batch.messages.items[i].attempts < f->consumer->retries) {
            s->fate[i] = AGAIN;
            s->due_ms[i] = s->now_ms + delay_of(f, o, i) * 1000;
        } else {
            s->fate[i] = DEAD;
            s->dead++;
            say(f, s, i);
        }
    }
}

/* ---- the end ---- */

static void say_batch(const settle *s)
{
    slv_feed *f = s->feed;
    char text[256];
    slv_request_line line = {
        .method = SLV_STR("QUEUE"),
        .worker = f->version->name,
        .status = SLV_LINE_BATCH,
        .wall_ms = s->now_ms,
        .time_us = s->taken_us,
        .outcome = s->acked > 0 ? SLV_STR("ok") : SLV_STR("exception"),
    };

    snprintf(text, sizeof text, "%.*s %zu/%zu", SLV_STR_ARGS(f->consumer->queue), s->acked,
             s->batch.messages.len);
    line.target = slv_str_from(text);
    slv_hook_request(f->shard, &line);
}

static void over(settle *s, bool written)
{
    slv_feed *f = s->feed;

    slv_feed_release(f, &s->batch);
    if (written)
        slv_feed_wake(f);
    else
        slv_feed_wake_later(f);
    slv_feed_unref(f);
    (void)slv_store_unref(s->dead_store);
    slv_queue_batch_done(&s->batch);
    free(s);
}

/* ---- this queue ---- */

static slv_code run_settle(slv_call *call, void *service, slv_err *err)
{
    settle *s = slv_container_of(call, settle, call);
    int64_t gone[SLV_QUEUE_BATCH_MAX];
    size_t count = 0;

    for (size_t i = 0; i < s->batch.messages.len; i++) {
        int64_t seq = s->batch.messages.items[i].seq;

        if (s->fate[i] == AGAIN)
            SLV_TRY(slv_queue_retry(service, seq, s->due_ms[i], err));
        else
            gone[count++] = seq;
    }
    return slv_queue_remove(service, gone, count, err);
}

static void on_settled(slv_call *call)
{
    settle *s = slv_container_of(call, settle, call);

    /* Nothing was written: every message comes again, as it was. */
    if (call->code != SLV_OK)
        slv_hook_notice(s->feed->shard, slv_str_from(slv_err_text(&call->err)));
    over(s, call->code == SLV_OK);
}

static void settle_here(settle *s)
{
    slv_feed *f = s->feed;

    s->call.kind = SLV_CALL_WRITE;
    s->call.create = false;
    s->call.run = run_settle;
    s->call.done = on_settled;
    slv_store_call(f->store, f->shard->loop, &s->call);
}

/* ---- the dead letter queue ---- */

static slv_code send_piece(slv_queue *q, const slv_queue_new *list, size_t count, int64_t now_ms,
                           slv_err *err)
{
    return count > 0 ? slv_queue_send(q, list, count, now_ms, NULL, err) : SLV_OK;
}

static slv_code run_bury(slv_call *call, void *service, slv_err *err)
{
    settle *s = slv_container_of(call, settle, call);
    slv_queue_new list[SLV_QUEUE_BATCH_MAX];
    size_t count = 0, bytes = 0;

    for (size_t i = 0; i < s->batch.messages.len; i++) {
        const slv_queue_message *m = &s->batch.messages.items[i];

        if (s->fate[i] != DEAD)
            continue;
        if (bytes + m->body.len > SEND_PIECE_BYTES) {
            SLV_TRY(send_piece(service, list, count, s->now_ms, err));
            count = bytes = 0;
        }
        bytes += m->body.len;
        list[count++] = (slv_queue_new){
            .body = m->body,
            .type = m->type,
            .delay_s = -1,
            .id = slv_str_from(m->id),
            .timestamp_ms = m->timestamp_ms,
        };
    }
    return send_piece(service, list, count, s->now_ms, err);
}

static void on_buried(slv_call *call)
{
    settle *s = slv_container_of(call, settle, call);
    slv_feed *f = s->feed;

    if (call->code == SLV_OK) {
        slv_queue_news(f->shard->server, f->version->tenant, f->consumer->dead_letter_queue,
                       s->dead);
    } else {
        slv_hook_notice(f->shard, slv_str_from(slv_err_text(&call->err)));
        for (size_t i = 0; i < s->batch.messages.len; i++) {
            if (s->fate[i] != DEAD)
                continue;
            s->fate[i] = AGAIN; /* it is still here, and dies another time */
            s->due_ms[i] = s->now_ms + f->consumer->retry_delay_s * 1000 + 1000;
        }
    }
    settle_here(s);
}

void slv_feed_settle(slv_feed *f, slv_queue_batch *batch_take, const slv_feed_outcome *outcome)
{
    settle *s = slv_new0(settle);
    slv_str dead = f->consumer->dead_letter_queue;

    s->feed = f;
    f->refs++;
    s->batch = *batch_take;
    *batch_take = (slv_queue_batch){0};
    s->now_ms = slv_loop_wall_ms(f->shard->loop);
    s->taken_us = outcome->taken_us;
    decide(s, outcome);
    say_batch(s);
    if (s->dead == 0 || dead.len == 0) {
        settle_here(s);
        return;
    }
    s->dead_store =
        slv_state_store(f->shard->server->o.state, &slv_queue_store, f->version->tenant, dead);
    s->call.kind = SLV_CALL_WRITE;
    s->call.create = true;
    s->call.run = run_bury;
    s->call.done = on_buried;
    slv_store_call(s->dead_store, f->shard->loop, &s->call);
}
