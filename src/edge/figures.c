/* Counters of events and operations on each loop, and how they are gathered. */
#include "edge/figures.h"

#include <stdlib.h>

#include "base/mem.h"
#include "edge/object_int.h"
#include "edge/queue_int.h"
#include "edge/sight_int.h"

#define ARENA_MAX ((size_t)16 << 20)

const uint32_t slv_figure_bounds_us[SLV_FIGURE_BUCKETS - 1] = {
    100,   250,    500,    1000,   2500,    5000,    10000,    25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 10000000, 60000000,
};

const char *slv_figure_outcome_name(slv_figure_outcome outcome)
{
    static const char *const names[] = {
#define X(name, text) [SLV_FIGURE_##name] = text,
        SLV_FIGURE_OUTCOMES(X)
#undef X
    };

    return names[outcome];
}

const char *slv_figure_op_name(slv_figure_op op)
{
    static const char *const names[] = {
#define X(name, text) [SLV_FIGURE_OP_##name] = text,
        SLV_FIGURE_OPS(X)
#undef X
    };

    return names[op];
}

slv_figure_op slv_figure_op_of(unsigned kind)
{
    static const struct {
        uint16_t first, last;
        slv_figure_op op;
    } ranges[] = {
        {1, 1, SLV_FIGURE_OP_FETCH},       {2, 2, SLV_FIGURE_OP_SERVICE},
        {3, 4, SLV_FIGURE_OP_CONNECT},     {5, 5, SLV_FIGURE_OP_SERVICE},
        {16, 31, SLV_FIGURE_OP_KV},        {32, 55, SLV_FIGURE_OP_R2},
        {56, 71, SLV_FIGURE_OP_D1},        {72, 103, SLV_FIGURE_OP_OBJECT},
        {104, 111, SLV_FIGURE_OP_QUEUE},   {112, 119, SLV_FIGURE_OP_CACHE},
        {140, 143, SLV_FIGURE_OP_SERVICE}, {144, 151, SLV_FIGURE_OP_DYNAMO},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(ranges); i++) {
        if (kind >= ranges[i].first && kind <= ranges[i].last)
            return ranges[i].op;
    }
    return SLV_FIGURE_OP_OTHER;
}

void slv_histogram_add(slv_histogram *h, uint64_t us)
{
    size_t i = 0;

    while (i < SLV_FIGURE_BUCKETS - 1 && us > slv_figure_bounds_us[i])
        i++;
    h->buckets[i]++;
    h->sum_us += us;
    h->count++;
}

/* ---- of one loop ---- */

static slv_worker_figures *find(slv_sights *s, slv_str tenant, slv_str name)
{
    slv_worker_figures **found;

    slv_buf_reset(&s->key);
    if (slv_buf_append(&s->key, tenant) != SLV_OK || slv_buf_append_byte(&s->key, '\0') != SLV_OK ||
        slv_buf_append(&s->key, name) != SLV_OK)
        return &s->others;
    found = slv_map_get(&s->figures, slv_buf_view(&s->key));
    if (found)
        return *found;
    if (s->figures.len >= SLV_FIGURES_WORKERS_MAX)
        return &s->others;
    slv_worker_figures *w = slv_new0(slv_worker_figures);
    slv_map_set(&s->figures, slv_buf_view(&s->key), w);
    return w;
}

slv_worker_figures *slv_sights_worker(slv_sights *s, slv_version *version)
{
    /* versions of a worker are counted together; the last one asked for is mostly asked for again
     */
    if (s->last_version != version) {
        (void)slv_version_unref(s->last_version);
        s->last_version = slv_version_ref(version);
        s->last_figures = find(s, version->tenant, version->name);
    }
    return s->last_figures;
}

void slv_sights_figures_done(slv_sights *s)
{
    s->last_version = slv_version_unref(s->last_version);
    SLV_MAP_EACH (&s->figures, i)
        free(s->figures.values[i]);
    slv_map_done(&s->figures);
}

/* ---- of all loops ---- */

typedef struct gather {
    slv_mail mail;
    slv_server *server;
    unsigned at;
    slv_figures sum;
    size_t cap;
    SLV_MAP(size_t) places; /* by the key of `find` */
    void (*fn)(void *user, slv_figures *figures_take);
    void *user;
} gather;

void slv_figures_done(slv_figures *f)
{
    free(f->workers);
    free(f->queues);
    slv_arena_done(&f->arena);
    *f = (slv_figures){0};
}

static void add_histogram(slv_histogram *to, const slv_histogram *from)
{
    for (size_t i = 0; i < SLV_FIGURE_BUCKETS; i++)
        to->buckets[i] += from->buckets[i];
    to->sum_us += from->sum_us;
    to->count += from->count;
}

static void add_numbers(uint64_t *to, const uint64_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] += from[i];
}

static void add_worker(slv_worker_figures *to, const slv_worker_figures *from)
{
    add_numbers(to->kinds, from->kinds, SLV_ARRAY_LEN(to->kinds));
    add_numbers(to->outcomes, from->outcomes, SLV_ARRAY_LEN(to->outcomes));
    add_numbers(to->statuses, from->statuses, SLV_ARRAY_LEN(to->statuses));
    add_numbers(to->ops, from->ops, SLV_ARRAY_LEN(to->ops));
    add_numbers(to->op_failures, from->op_failures, SLV_ARRAY_LEN(to->op_failures));
    add_numbers(to->op_us, from->op_us, SLV_ARRAY_LEN(to->op_us));
    to->subrequests += from->subrequests;
    to->rows_read += from->rows_read;
    to->rows_written += from->rows_written;
    to->isolates += from->isolates;
    to->isolate_bytes += from->isolate_bytes;
    to->log_lines += from->log_lines;
    to->exceptions += from->exceptions;
    to->cron_ms = SLV_MAX(to->cron_ms, from->cron_ms);
    add_histogram(&to->cpu, &from->cpu);
    add_histogram(&to->wall, &from->wall);
}

/* key: "tenant\0name"; empty: the others. */
static void take_worker(gather *g, slv_str key, const slv_worker_figures *from)
{
    size_t *place = slv_map_get(&g->places, key);

    if (!place) {
        size_t nul = slv_str_chr(key, '\0', 0);
        slv_worker_figures fresh = {0};

        if (slv_arena_dup(&g->sum.arena, slv_str_sub(key, 0, nul), &fresh.tenant) != SLV_OK ||
            slv_arena_dup(&g->sum.arena, nul == SIZE_MAX ? SLV_STR("") : slv_str_skip(key, nul + 1),
                          &fresh.name) != SLV_OK)
            return;
        if (g->sum.worker_count == g->cap) {
            g->cap = g->cap ? g->cap * 2 : 16;
            g->sum.workers = slv_realloc(g->sum.workers, g->cap * sizeof *g->sum.workers);
        }
        g->sum.workers[g->sum.worker_count] = fresh;
        slv_map_set(&g->places, key, g->sum.worker_count++);
        place = slv_map_get(&g->places, key);
    }
    add_worker(&g->sum.workers[*place], from);
}

void slv_figures_limit(slv_figures *f, size_t most)
{
    if (f->worker_count <= most)
        return;
    slv_worker_figures *rest = &f->workers[most];
    for (size_t i = most + 1; i < f->worker_count; i++)
        add_worker(rest, &f->workers[i]);
    rest->tenant = rest->name = SLV_STR("");
    f->worker_count = most + 1;
}

static void count_objects(gather *g, const slv_objects *objects)
{
    for (size_t i = 0; objects && i < objects->map.len; i++) {
        const slv_object *o = objects->map.values[i];

        g->sum.objects += o->state == SLV_OBJECT_RESIDENT;
        g->sum.object_sockets += o->socket_ids.len;
        g->sum.object_alarms += o->alarm.set_ms != SLV_REGISTRY_NO_ALARM;
    }
}

typedef struct isolates {
    gather *g;
    slv_buf key;
} isolates;

static void count_isolate(void *arg, const slv_version *version, uint64_t bytes)
{
    isolates *all = arg;
    const slv_worker_figures one = {.isolates = 1, .isolate_bytes = bytes};

    slv_buf_reset(&all->key);
    if (slv_buf_append(&all->key, version->tenant) == SLV_OK &&
        slv_buf_append_byte(&all->key, '\0') == SLV_OK &&
        slv_buf_append(&all->key, version->name) == SLV_OK)
        take_worker(all->g, slv_buf_view(&all->key), &one);
}

static void count_isolates(gather *g, const slv_pool *pool)
{
    isolates all = {g, SLV_BUF((size_t)4 << 10)};

    if (pool)
        slv_pool_each(pool, count_isolate, &all);
    slv_buf_done(&all.key);
}

static void count_queues(gather *g, const slv_shard *shard)
{
    SLV_LIST_EACH (node, &shard->feeds) {
        const slv_feed *f = slv_container_of(node, slv_feed, node);
        slv_queue_figures q = {
            .messages = f->backlog, .bytes = f->backlog_bytes, .oldest_ms = f->oldest_ms};

        if (f->closed ||
            slv_arena_dup(&g->sum.arena, slv_store_tenant(f->store), &q.tenant) != SLV_OK ||
            slv_arena_dup(&g->sum.arena, f->consumer->queue, &q.name) != SLV_OK)
            continue;
        g->sum.queues =
            slv_realloc(g->sum.queues, (g->sum.queue_count + 1) * sizeof *g->sum.queues);
        g->sum.queues[g->sum.queue_count++] = q;
    }
}

static int by_messages(const void *a, const void *b)
{
    const slv_queue_figures *x = a, *y = b;

    return (y->messages > x->messages) - (y->messages < x->messages);
}

static void limit_queues(slv_figures *f)
{
    if (f->queue_count > 1)
        qsort(f->queues, f->queue_count, sizeof *f->queues, by_messages);
    f->queue_count = SLV_MIN(f->queue_count, (size_t)SLV_FIGURES_QUEUES_MAX);
}

static void take_shard(gather *g, const slv_shard *shard)
{
    const slv_sights *s = shard->sights;

    SLV_MAP_EACH (&s->figures, i)
        take_worker(g, s->figures.keys[i], s->figures.values[i]);
    if (s->others.wall.count > 0)
        take_worker(g, SLV_STR(""), &s->others);
    for (size_t i = 0; i < SLV_FIGURE_OP_COUNT; i++)
        add_histogram(&g->sum.ops[i], &s->ops[i]);
    g->sum.traces_dropped += s->dropped;
    count_objects(g, shard->objects);
    count_isolates(g, shard->pool);
    count_queues(g, shard);
}

static void on_stats(void *user, const slv_server_stats *stats)
{
    gather *g = user;

    g->sum.stats = *stats;
    limit_queues(&g->sum);
    g->fn(g->user, &g->sum);
    free(g);
}

static void on_home(slv_mail *mail)
{
    gather *g = slv_container_of(mail, gather, mail);

    slv_map_done(&g->places);
    slv_server_get_stats(g->server, on_stats, g);
}

/* Goes from loop to loop, then home. */
static void on_shard(slv_mail *mail)
{
    gather *g = slv_container_of(mail, gather, mail);

    take_shard(g, g->server->shards[g->at]);
    if (++g->at < g->server->count) {
        slv_loop_post(g->server->shards[g->at]->loop, &g->mail);
        return;
    }
    g->mail.fn = on_home;
    slv_loop_post(g->server->o.control, &g->mail);
}

void slv_server_get_figures(slv_server *server, void (*fn)(void *user, slv_figures *figures_take),
                            void *user)
{
    gather *g = slv_new0(gather);

    *g = (gather){.mail.fn = on_shard, .server = server, .fn = fn, .user = user};
    g->sum.arena = SLV_ARENA(ARENA_MAX);
    slv_loop_post(server->shards[0]->loop, &g->mail);
}
