/*
 * Tail workers: traces of a worker's events become TAIL events of those that consume them. What
 * ends while a consumer is at work waits for it and goes in one batch. The producer has ended
 * before, so that nothing here reaches it.
 */
#include "base/mem.h"
#include "edge/sight_int.h"

#define BATCH_MAX 100
#define BATCH_BYTES_MAX ((size_t)8 << 20)
#define WAITING_MAX 1000 /* traces that wait for one consumer; more are dropped */
#define RUNNING_MAX 4    /* events of one consumer at once */

/* One consumer on this loop. */
typedef struct feed {
    slv_list node; /* sights->tails */
    slv_shard *shard;
    char *tenant, *worker;
    slv_list waiting; /* item */
    size_t waiting_count;
    unsigned running;
    bool missed; /* it was not there: said once */
    slv_task wake;
} feed;

typedef struct item {
    slv_list node;
    slv_trace *trace; /* a reference */
} item;

typedef struct delivery {
    slv_event ev;
    feed *f;
    slv_list items;
    size_t count;
} delivery;

static void item_free(item *it)
{
    (void)slv_trace_unref(it->trace);
    free(it);
}

static void drop_items(slv_list *list)
{
    slv_list *node;

    while ((node = slv_list_pop(list)) != NULL)
        item_free(slv_container_of(node, item, node));
}

/* ---- an event of the consumer ---- */

static delivery *of_event(slv_event *ev)
{
    return slv_container_of(ev, delivery, ev);
}

static slv_code put_items(delivery *d, slv_buf *out)
{
    size_t began;

    SLV_TRY(slv_buf_append_byte(out, '['));
    SLV_LIST_EACH (node, &d->items) {
        item *it = slv_container_of(node, item, node);

        began = out->len;
        if (began > 1)
            SLV_TRY(slv_buf_append_byte(out, ','));
        if (slv_trace_put(out, it->trace, SLV_TRACE_FOR_ITEM) != SLV_OK)
            out->len = began; /* too large to be told */
    }
    return slv_buf_append_byte(out, ']');
}

/* The names of whose events these are, for the consumer's own trace. */
static slv_code put_names(const delivery *d, slv_buf *out)
{
    SLV_LIST_EACH (node, &d->items) {
        SLV_TRY(slv_buf_append(out, slv_container_of(node, item, node)->trace->version->name));
        SLV_TRY(slv_buf_append_byte(out, '\n'));
    }
    return SLV_OK;
}

static void note_names(const delivery *d, slv_trace *t)
{
    SLV_CLEANUP(slv_buf_done) slv_buf names = SLV_BUF(SLV_TRACE_MAX);

    if (put_names(d, &names) != SLV_OK ||
        slv_arena_dup(&t->arena, slv_buf_view(&names), &t->text) != SLV_OK)
        t->truncated = true;
}

static void on_send(slv_event *ev)
{
    delivery *d = of_event(ev);
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(BATCH_BYTES_MAX * 2);
    slv_msg_event m = {.kind = SLV_EVENT_TAIL};
    slv_link *link = slv_event_link(ev);

    if (put_items(d, &json) != SLV_OK) {
        slv_buf_reset(&json);
        (void)!slv_buf_append(&json, SLV_STR("[]"));
    }
    m.tail = slv_buf_view(&json);
    slv_buf *out = slv_link_begin(link, SLV_FRAME_EVENT, 0, ev->pe.id);
    slv_link_end(link, slv_event_say(ev, &m, out));
    if (ev->trace)
        note_names(d, ev->trace);
}

static void wake(feed *f);

static void on_ended(slv_event *ev, const slv_event_end *end)
{
    delivery *d = of_event(ev);
    feed *f = d->f;

    (void)end; /* whatever became of it: nobody waits */
    drop_items(&d->items);
    free(d);
    f->running--;
    wake(f);
}

static const slv_event_ops event_ops = {.send = on_send, .ended = on_ended};

/* ---- what waits ---- */

static void say_missing(feed *f)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(2048);

    if (f->missed)
        return;
    f->missed = true;
    if (slv_buf_printf(&text, "the tail worker %s does not run; nobody is told of the events",
                       f->worker) == SLV_OK)
        slv_hook_notice(f->shard, slv_buf_view(&text));
}

static void take_batch(feed *f, delivery *d)
{
    size_t bytes = 0;

    slv_list_init(&d->items);
    while (d->count < BATCH_MAX && bytes < BATCH_BYTES_MAX && !slv_list_empty(&f->waiting)) {
        slv_list *node = slv_list_pop(&f->waiting);

        bytes += 2 * slv_trace_size(slv_container_of(node, item, node)->trace);
        slv_list_push(&d->items, node);
        d->count++;
        f->waiting_count--;
    }
}

static void deliver(feed *f, slv_version *version)
{
    delivery *d = slv_new0(delivery);

    d->f = f;
    f->running++;
    take_batch(f, d);
    d->ev.ops = &event_ops;
    d->ev.told_tail = true;
    slv_event_begin(&d->ev, f->shard, version, (uint64_t)version->limits.cpu_fetch_ms * 1000,
                    version->limits.wall_background_ms);
}

static void wake(feed *f)
{
    if (!slv_list_empty(&f->waiting) && f->running < RUNNING_MAX)
        slv_loop_later(f->shard->loop, &f->wake);
}

static void on_wake(slv_task *task)
{
    feed *f = slv_container_of(task, feed, wake);
    slv_version *version = NULL;

    if (!f->shard->closed)
        version = slv_shard_worker(f->shard, slv_str_from(f->tenant), slv_str_from(f->worker));
    if (!version) {
        say_missing(f);
        drop_items(&f->waiting);
        f->waiting_count = 0;
        return;
    }
    f->missed = false;
    while (!slv_list_empty(&f->waiting) && f->running < RUNNING_MAX)
        deliver(f, version);
}

static feed *feed_of(slv_shard *shard, slv_str tenant, slv_str worker)
{
    SLV_LIST_EACH (node, &shard->sights->tails) {
        feed *f = slv_container_of(node, feed, node);

        if (slv_str_is(worker, f->worker) && slv_str_is(tenant, f->tenant))
            return f;
    }
    feed *f = slv_new0(feed);
    f->shard = shard;
    f->tenant = slv_strndup(tenant.ptr, tenant.len);
    f->worker = slv_strndup(worker.ptr, worker.len);
    f->wake.fn = on_wake;
    slv_list_init(&f->waiting);
    slv_list_push(&shard->sights->tails, &f->node);
    return f;
}

void slv_tails_add(slv_shard *shard, slv_trace *t)
{
    const slv_version *v = t->version;

    for (size_t i = 0; i < v->observe.tail_count; i++) {
        feed *f = feed_of(shard, v->tenant, v->observe.tails[i]);

        if (f->waiting_count >= WAITING_MAX) {
            shard->sights->dropped++;
            continue;
        }
        item *it = slv_new0(item);
        it->trace = slv_trace_ref(t);
        slv_list_push(&f->waiting, &it->node);
        f->waiting_count++;
        wake(f);
    }
}

void slv_tails_free(slv_shard *shard)
{
    slv_list *node;

    while ((node = slv_list_pop(&shard->sights->tails)) != NULL) {
        feed *f = slv_container_of(node, feed, node);

        SLV_ASSERT(f->running == 0);
        slv_task_cancel(&f->wake);
        drop_items(&f->waiting);
        free(f->tenant);
        free(f->worker);
        free(f);
    }
}
