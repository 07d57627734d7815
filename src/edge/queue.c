/*
 * Feeds: a queue whose messages a worker of this server takes. A feed looks for messages when it is
 * told that some came, when a batch has ended, and when its timer says that some are due. A batch
 * goes out when it is full, or when its first message has waited long enough.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "edge/queue_int.h"
#include "edge/trace_int.h"
#include "edge/worker_int.h"
#include "state/kinds.h"

/* How far ahead of a batch messages are counted: more than one batch at a time is then known of. */
#define COUNT_AHEAD 4
/* Batches at once where nothing is configured; one in dev, which keeps the order of messages. */
#define BATCHES_AUTO 10
#define RETRY_AFTER_MS 1000 /* a store that failed */
#define TIMER_MAX_MS 60000  /* the wall clock may be set meanwhile */

/* ---- life ---- */

void slv_feed_unref(slv_feed *f)
{
    SLV_ASSERT(f->refs > 0);
    slv_shard *shard = f->shard;

    if (--f->refs > 0)
        return;
    slv_list_remove(&f->node);
    slv_imap_done(&f->busy);
    (void)slv_store_unref(f->store);
    (void)slv_version_unref(f->version);
    free(f->consumer);
    free(f->old);
    free(f);
    if (shard->feeds_over && slv_list_empty(&shard->feeds))
        shard->feeds_over(shard);
}

void slv_queue_close(slv_shard *shard, void (*over)(slv_shard *shard))
{
    if (slv_list_empty(&shard->feeds))
        over(shard);
    else
        shard->feeds_over = over;
}

static void close_feed(slv_feed *f)
{
    f->closed = true;
    slv_timer_stop(&f->timer);
    slv_feed_unref(f);
}

static size_t batches_max(const slv_feed *f)
{
    if (f->consumer->concurrency > 0)
        return f->consumer->concurrency;
    return f->version->dev ? 1 : BATCHES_AUTO;
}

void slv_feed_release(slv_feed *f, const slv_queue_batch *batch)
{
    for (size_t i = 0; i < batch->messages.len; i++) {
        slv_busy *busy = slv_imap_get(&f->busy, (uint64_t)batch->messages.items[i].seq);

        if (!busy)
            continue;
        f->busy_bytes -= busy->bytes;
        (void)slv_imap_remove(&f->busy, (uint64_t)batch->messages.items[i].seq);
    }
}

static void hold(slv_feed *f, const slv_queue_batch *batch)
{
    for (size_t i = 0; i < batch->messages.len; i++) {
        const slv_queue_message *m = &batch->messages.items[i];

        slv_imap_set(&f->busy, (uint64_t)m->seq, ((slv_busy){m->seq, m->body.len}));
        f->busy_bytes += m->body.len;
    }
}

/* ---- a batch in a handler ---- */

typedef struct delivery {
    slv_event ev;
    slv_feed *feed;
    slv_queue_batch batch;
    slv_feed_outcome outcome;
    uint64_t began_ns;
    bool settled;
} delivery;

static delivery *of_event(slv_event *ev)
{
    return slv_container_of(ev, delivery, ev);
}

static slv_code put_messages(const slv_queue_batch *batch, slv_buf *out)
{
    for (size_t i = 0; i < batch->messages.len; i++) {
        const slv_queue_message *m = &batch->messages.items[i];
        const slv_msg_queue_message wire = {
            .id = slv_str_from(m->id),
            .timestamp_ms = m->timestamp_ms,
            .type = (uint8_t)m->type,
            .attempts = m->attempts + 1,
            .body = m->body,
        };

        SLV_TRY(slv_msg_queue_message_put(out, &wire));
    }
    return SLV_OK;
}

static void on_send(slv_event *ev)
{
    delivery *d = of_event(ev);
    const slv_queue_metrics *left = &d->batch.left;
    SLV_CLEANUP(slv_buf_done) slv_buf messages = SLV_BUF(SLV_MESSAGE_MAX);
    slv_msg_event m = {.kind = SLV_EVENT_QUEUE};
    slv_link *link = slv_event_link(ev);

    if (put_messages(&d->batch, &messages) != SLV_OK) {
        slv_link_violate(link, SLV_E_LIMIT, "a batch that is too large");
        return;
    }
    m.queue = (slv_msg_event_queue){
        .queue = d->feed->consumer->queue,
        .backlog_count = left->count,
        .backlog_bytes = left->bytes,
        .oldest_ms = left->oldest_ms,
        .count = (uint16_t)d->batch.messages.len,
        .messages = slv_buf_view(&messages),
    };
    d->began_ns = slv_clock_mono_ns();
    slv_buf *out = slv_link_begin(link, SLV_FRAME_EVENT, 0, ev->pe.id);
    slv_link_end(link, slv_event_say(ev, &m, out));
}

/* The handler has said all that it will say: the next batch may go out. */
static void settle(delivery *d)
{
    slv_feed *f = d->feed;

    if (d->settled)
        return;
    d->settled = true;
    d->outcome.taken_us = d->began_ns ? (slv_clock_mono_ns() - d->began_ns) / 1000 : 0;
    f->batches--;
    slv_feed_settle(f, &d->batch, &d->outcome);
    slv_feed_wake(f);
}

static slv_code take_verdict(slv_feed_outcome *o, const slv_msg_verdict *v, size_t count)
{
    if ((v->bits & (SLV_VERDICT_ACK_ALL | SLV_VERDICT_RETRY_ALL)) ==
        (SLV_VERDICT_ACK_ALL | SLV_VERDICT_RETRY_ALL))
        return SLV_E_PROTOCOL;
    o->told = true;
    o->failed = v->bits & SLV_VERDICT_FAILED;
    o->ack_all = v->bits & SLV_VERDICT_ACK_ALL;
    o->retry_all = v->bits & SLV_VERDICT_RETRY_ALL;
    o->delay_s = v->bits & SLV_VERDICT_DELAY ? (int64_t)v->delay_s : -1;
    for (size_t i = 0; i < v->count; i++) {
        slv_msg_verdict_item item = slv_msg_verdict_at(v, i);

        if (item.index >= count)
            return SLV_E_PROTOCOL;
        o->each[item.index].said = item.retry ? SLV_SAID_RETRY : SLV_SAID_ACK;
        o->each[item.index].delay_s = item.has_delay ? (int64_t)item.delay_s : -1;
    }
    return SLV_OK;
}

/* No handler is to blame: the messages wait as before, and no try is counted. */
static void give_back(delivery *d)
{
    slv_feed *f = d->feed;

    d->settled = true;
    f->batches--;
    slv_feed_release(f, &d->batch);
    slv_queue_batch_done(&d->batch);
    slv_feed_wake_later(f);
}

static slv_code on_verdict(slv_event *ev, const slv_frame *f, slv_err *err)
{
    delivery *d = of_event(ev);
    slv_msg_result_rpc result;
    slv_msg_verdict verdict;

    if (d->settled || (f->flags & SLV_FRAME_ERROR) ||
        slv_msg_result_rpc_get(f->payload, &result) != SLV_OK || result.caps.count > 0 ||
        slv_msg_verdict_get(result.value, &verdict) != SLV_OK ||
        take_verdict(&d->outcome, &verdict, d->batch.messages.len) != SLV_OK)
        return slv_fail(err, SLV_E_PROTOCOL, "malformed verdict on a batch");
    if (d->outcome.failed && ev->canceled && d->feed->shard->draining)
        give_back(d); /* it was stopped in the middle, not wrong */
    else
        settle(d);
    return SLV_OK;
}

static void on_ended(slv_event *ev, const slv_event_end *end)
{
    delivery *d = of_event(ev);

    if (!d->settled && (end->start_err || d->feed->shard->draining))
        give_back(d);
    settle(d); /* lost before it could say anything: all is tried again */
    slv_feed_unref(d->feed);
    free(d);
}

static const slv_event_ops event_ops = {
    .send = on_send,
    .rpc_result = on_verdict,
    .ended = on_ended,
};

static void deliver(slv_feed *f, slv_queue_batch *batch_take)
{
    delivery *d = slv_new0(delivery);
    slv_version *version = slv_shard_worker(f->shard, f->version->tenant, f->version->name);

    if (!version)
        version = f->version;
    const slv_limits *limits = &version->limits;

    d->feed = f;
    d->batch = *batch_take;
    *batch_take = (slv_queue_batch){0};
    f->refs++;
    f->batches++;
    hold(f, &d->batch);
    d->ev.ops = &event_ops;
    slv_event_begin(&d->ev, f->shard, version, (uint64_t)limits->cpu_queue_ms * 1000,
                    limits->wall_background_ms);
}

/* ---- looking for messages ---- */

typedef struct take {
    slv_call call;
    slv_feed *feed;
    int64_t *busy;
    slv_queue_take_options options;
    slv_queue_batch batch;
    bool paused;
} take;

static slv_code run_take(slv_call *call, void *service, slv_err *err)
{
    take *t = slv_container_of(call, take, call);
    slv_queue_settings settings;

    SLV_TRY(slv_queue_get_settings(service, &settings, err));
    t->paused = settings.paused;
    return t->paused ? SLV_OK : slv_queue_take(service, &t->options, &t->batch, err);
}

static void arm(slv_feed *f, int64_t at_ms)
{
    int64_t now = slv_loop_wall_ms(f->shard->loop);
    int64_t in = SLV_MIN(SLV_MAX(at_ms - now, (int64_t)0), (int64_t)TIMER_MAX_MS);

    slv_timer_start(&f->timer, f->shard->loop, (uint64_t)in);
}

void slv_feed_wake_later(slv_feed *f)
{
    if (!f->closed && !f->shard->draining)
        arm(f, slv_loop_wall_ms(f->shard->loop) + RETRY_AFTER_MS);
}

static void on_timer(slv_timer *timer)
{
    slv_feed_wake(slv_container_of(timer, slv_feed, timer));
}

/* When to look again, if nobody tells before. */
static void arm_after(slv_feed *f, const take *t)
{
    int64_t at = t->batch.next_ms;

    if (t->batch.due > 0 && t->batch.messages.len == 0) {
        int64_t full = t->batch.first_ms + f->consumer->batch_timeout_ms;

        at = at > 0 ? SLV_MIN(at, full) : full;
    }
    if (at > 0)
        arm(f, at);
}

static void on_taken(slv_call *call)
{
    take *t = slv_container_of(call, take, call);
    slv_feed *f = t->feed;

    f->taking = false;
    if (call->code == SLV_E_NOTFOUND || t->paused || f->closed || f->shard->draining) {
        /* nothing was ever sent; or resuming tells us */
    } else if (call->code != SLV_OK) {
        slv_hook_notice(f->shard, slv_str_from(slv_err_text(&call->err)));
        slv_feed_wake_later(f);
    } else {
        f->backlog = t->batch.left.count;
        f->backlog_bytes = t->batch.left.bytes;
        f->oldest_ms = t->batch.left.oldest_ms;
        t->batch.left.count -= SLV_MIN(t->batch.left.count, (uint64_t)f->busy.len);
        t->batch.left.bytes -= SLV_MIN(t->batch.left.bytes, f->busy_bytes);
        f->due = t->batch.due - t->batch.messages.len;
        arm_after(f, t);
        if (t->batch.messages.len > 0) {
            f->again = f->again || f->due > 0;
            deliver(f, &t->batch);
        }
    }
    slv_queue_batch_done(&t->batch);
    free(t->busy);
    free(t);
    if (f->again && !f->closed)
        slv_feed_wake(f);
    slv_feed_unref(f);
}

static int by_seq(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Numbers of what is under way, in order. */
static int64_t *busy_list(const slv_feed *f)
{
    int64_t *list = slv_alloc((f->busy.len + 1) * sizeof *list);

    for (size_t i = 0; i < f->busy.len; i++)
        list[i] = f->busy.values[i].seq;
    qsort(list, f->busy.len, sizeof *list, by_seq);
    return list;
}

void slv_feed_wake(slv_feed *f)
{
    if (f->closed || f->shard->draining)
        return;
    if (f->taking || f->batches >= batches_max(f)) {
        f->again = true;
        return;
    }
    take *t = slv_new0(take);
    int64_t now = slv_loop_wall_ms(f->shard->loop);

    slv_timer_stop(&f->timer);
    f->again = false;
    f->taking = true;
    f->refs++;
    t->feed = f;
    t->busy = busy_list(f);
    t->options = (slv_queue_take_options){
        .now_ms = now,
        .max = f->consumer->batch_size,
        .partial_ms = now - f->consumer->batch_timeout_ms,
        .count_max = (size_t)f->consumer->batch_size * COUNT_AHEAD,
        .busy = t->busy,
        .busy_count = f->busy.len,
    };
    t->call.kind = SLV_CALL_READ;
    t->call.run = run_take;
    t->call.done = on_taken;
    slv_store_call(f->store, f->shard->loop, &t->call);
}

/* ---- which queues have feeds ---- */

static slv_feed *feed_of(slv_shard *shard, slv_str tenant, slv_str queue)
{
    SLV_LIST_EACH (node, &shard->feeds) {
        slv_feed *f = slv_container_of(node, slv_feed, node);

        if (!f->closed && slv_str_eq(f->consumer->queue, queue) &&
            slv_str_eq(f->version->tenant, tenant))
            return f;
    }
    return NULL;
}

static const slv_consumer *consumer_of(const slv_consumer *list, size_t n, slv_str queue)
{
    for (size_t i = 0; i < n; i++)
        if (!list[i].pull && slv_str_eq(list[i].queue, queue))
            return &list[i];
    return NULL;
}

static slv_consumer *consumer_copy(const slv_consumer *from)
{
    slv_consumer *c = slv_alloc(sizeof *c + from->queue.len + from->dead_letter_queue.len + 1);
    char *text = (char *)(c + 1);

    *c = *from;
    if (from->queue.len > 0)
        memcpy(text, from->queue.ptr, from->queue.len);
    c->queue.ptr = text;
    text += from->queue.len;
    if (from->dead_letter_queue.len > 0)
        memcpy(text, from->dead_letter_queue.ptr, from->dead_letter_queue.len);
    c->dead_letter_queue.ptr = text;
    return c;
}

/* Only the numbers are exchanged where the names stay: calls under way read those. */
static void set_consumer(slv_feed *f, const slv_consumer *to)
{
    slv_consumer *now = f->consumer;

    if (now && slv_str_eq(now->dead_letter_queue, to->dead_letter_queue)) {
        slv_str queue = now->queue, dead = now->dead_letter_queue;

        *now = *to;
        now->queue = queue;
        now->dead_letter_queue = dead;
        return;
    }
    free(f->old);
    f->old = now;
    f->consumer = consumer_copy(to);
}

static void set_version(slv_feed *f, slv_version *version)
{
    slv_version *old = f->version;

    f->version = slv_version_ref(version);
    (void)slv_version_unref(old);
}

static void open_feed(slv_shard *shard, slv_version *version, const slv_consumer *consumer)
{
    slv_feed *f = slv_new0(slv_feed);

    f->shard = shard;
    f->version = slv_version_ref(version);
    set_consumer(f, consumer);
    f->store =
        slv_state_store(shard->server->o.state, &slv_queue_store, version->tenant, consumer->queue);
    f->timer.fn = on_timer;
    f->refs = 1;
    slv_list_push(&shard->feeds, &f->node);
    slv_feed_wake(f);
}

static void say_taken(slv_shard *shard, const slv_feed *f, const slv_version *version)
{
    char text[400];

    snprintf(
        text, sizeof text,
        "the queue %.*s is consumed by the worker %.*s already; %.*s gets none of its messages",
        SLV_STR_ARGS(f->consumer->queue), SLV_STR_ARGS(f->version->name),
        SLV_STR_ARGS(version->name));
    slv_hook_notice(shard, slv_str_from(text));
}

static bool is_of(const slv_feed *f, slv_str tenant, slv_str worker)
{
    return !f->closed && slv_str_eq(f->version->name, worker) &&
           slv_str_eq(f->version->tenant, tenant);
}

void slv_queue_set(slv_shard *shard, slv_version *version, const slv_consumer *list, size_t n)
{
    if (shard->index != 0 || !shard->server->o.state)
        return; /* one loop for all: what is under way is known in one place */
    SLV_LIST_EACH (node, &shard->feeds) {
        slv_feed *f = slv_container_of(node, slv_feed, node);

        if (!is_of(f, version->tenant, version->name))
            continue;
        const slv_consumer *consumer = consumer_of(list, n, f->consumer->queue);
        if (!consumer) {
            close_feed(f);
            continue;
        }
        set_version(f, version);
        set_consumer(f, consumer);
        slv_feed_wake(f);
    }
    for (size_t i = 0; i < n; i++) {
        const slv_consumer *consumer = &list[i];
        slv_feed *f = feed_of(shard, version->tenant, consumer->queue);

        if (f && f->version != version && shard->server->o.dev) {
            say_taken(shard, f, version);
        } else if (f && f->version != version) { /* the catalog knows one consumer only: this */
            close_feed(f);
            open_feed(shard, version, consumer);
        } else if (!f && !consumer->pull) {
            open_feed(shard, version, consumer);
        }
        if (consumer->pull || version->dev)
            slv_queue_declare(shard, version, consumer);
    }
}

void slv_queue_version(slv_shard *shard, const slv_worker *w)
{
    SLV_LIST_EACH (node, &shard->feeds) {
        slv_feed *f = slv_container_of(node, slv_feed, node);

        if (w->count > 0 && is_of(f, w->tenant, w->name))
            set_version(f, w->versions[0]);
    }
}

void slv_queue_undeploy(slv_shard *shard, slv_str tenant, slv_str worker)
{
    SLV_LIST_EACH (node, &shard->feeds) {
        slv_feed *f = slv_container_of(node, slv_feed, node);

        if (is_of(f, tenant, worker))
            close_feed(f);
    }
}

/* ---- news ---- */

typedef struct news {
    slv_mail mail;
    slv_shard *shard;
    char *tenant, *queue;
    size_t count;
} news;

static void tell(slv_shard *shard, slv_str tenant, slv_str queue, size_t count)
{
    slv_feed *f = feed_of(shard, tenant, queue);
    bool first;

    if (!f)
        return;
    first = f->due == 0;
    f->due += count;
    /* Behind a first message a timer runs, in time for what does not fill a batch. */
    if (count == 0 || first || f->due >= f->consumer->batch_size || !slv_timer_started(&f->timer))
        slv_feed_wake(f);
}

static void on_news(slv_mail *mail)
{
    news *n = slv_container_of(mail, news, mail);

    tell(n->shard, slv_str_from(n->tenant), slv_str_from(n->queue), n->count);
    free(n->tenant);
    free(n->queue);
    free(n);
}

void slv_queue_news(slv_server *server, slv_str tenant, slv_str queue, size_t count)
{
    slv_shard *shard = server->shards[0];
    news *n;

    if (slv_loop_here(shard->loop)) {
        tell(shard, tenant, queue, count);
        return;
    }
    n = slv_new0(news);
    n->mail.fn = on_news;
    n->shard = shard;
    n->tenant = slv_strndup(tenant.ptr, tenant.len);
    n->queue = slv_strndup(queue.ptr, queue.len);
    n->count = count;
    slv_loop_post(shard->loop, &n->mail);
}

void slv_server_queue_changed(slv_server *server, slv_str tenant, slv_str queue)
{
    slv_queue_news(server, tenant, queue, 0);
}
