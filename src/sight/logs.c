/*
 * Kept logs: traces become lines on the control loop, and are written and searched on threads of
 * their own. What cannot be written soon is dropped and counted: nobody waits for a log.
 */
#include <stdlib.h>

#include "aio/strand.h"
#include "aio/timer.h"
#include "base/log.h"
#include "base/mem.h"
#include "sight/sight_int.h"

#define FLUSH_MS 300
#define BATCH_BYTES ((size_t)1 << 20) /* written before the timer */
#define WAITING_BYTES ((size_t)32 << 20)

static const slv_store_type logs_folder = {.kind = "logs"};

/* One account. `keep` belongs to the writer's strand. */
typedef struct book {
    char *tenant;
    slv_buf gathered;
    slv_keep *keep;
    bool complained;
} book;

struct slv_logs {
    slv_sight *sight;
    uint32_t days;
    uint64_t bytes;
    slv_threads *threads;
    slv_strand *writer;    /* searches too: they see what was written before */
    SLV_MAP(book *) books; /* by tenant */
    slv_timer timer;
    size_t waiting; /* bytes that were gathered and are not written yet */
    uint64_t lost;
    unsigned jobs;
    slv_task flushed;
    bool stopping;
};

slv_code slv_logs_new(slv_sight *s, uint32_t days, uint64_t bytes, slv_logs **ret, slv_err *err)
{
    slv_logs *l = slv_new0(slv_logs);
    slv_code code = slv_threads_new(1, "logs", &l->threads, err);

    if (code != SLV_OK) {
        free(l);
        return code;
    }
    l->sight = s;
    l->days = days;
    l->bytes = bytes;
    l->writer = slv_strand_new(l->threads);
    *ret = l;
    return SLV_OK;
}

static void book_free(book *b)
{
    (void)slv_keep_close(b->keep);
    slv_buf_done(&b->gathered);
    free(b->tenant);
    free(b);
}

slv_logs *slv_logs_free(slv_logs *l)
{
    if (!l)
        return NULL;
    SLV_ASSERT(l->jobs == 0);
    slv_timer_stop(&l->timer);
    slv_strand_free(l->writer);
    slv_threads_free(l->threads);
    SLV_MAP_EACH (&l->books, i)
        book_free(l->books.values[i]);
    slv_map_done(&l->books);
    free(l);
    return NULL;
}

uint64_t slv_logs_lost(const slv_logs *l)
{
    return l->lost;
}

static void job_done(slv_logs *l)
{
    l->jobs--;
    if (l->stopping && l->jobs == 0)
        slv_sight_part_stopped(l->sight);
}

/* ---- writing ---- */

typedef struct write_job {
    slv_job job;
    slv_logs *logs;
    book *book;
    slv_buf lines;
    int64_t now_ms;
    slv_code code;
    slv_err err;
} write_job;

static slv_code write_now(write_job *w)
{
    SLV_CLEANUP(slv_buf_done) slv_buf dir = SLV_BUF((size_t)16 << 10);
    slv_logs *l = w->logs;

    if (!w->book->keep) {
        SLV_TRY(slv_state_folder(l->sight->state, &logs_folder, slv_str_from(w->book->tenant), &dir,
                                 &w->err));
        if (!slv_buf_cstr(&dir))
            return SLV_E_LIMIT;
        SLV_TRY(slv_keep_open(dir.ptr, l->days, l->bytes, &w->book->keep, &w->err));
    }
    return slv_keep_append(w->book->keep, slv_buf_view(&w->lines), w->now_ms, &w->err);
}

static void run_write(slv_job *job)
{
    write_job *w = slv_container_of(job, write_job, job);

    w->code = write_now(w);
}

static void on_written(slv_job *job)
{
    write_job *w = slv_container_of(job, write_job, job);
    slv_logs *l = w->logs;

    l->waiting -= w->lines.len;
    if (w->code != SLV_OK) {
        l->lost++;
        if (!w->book->complained)
            slv_log(SLV_LOG_ERROR, "logs of %s are lost: %s", w->book->tenant,
                    slv_err_text(&w->err));
        w->book->complained = true;
    } else {
        w->book->complained = false;
    }
    slv_buf_done(&w->lines);
    free(w);
    job_done(l);
}

static void flush_book(slv_logs *l, book *b)
{
    if (b->gathered.len == 0)
        return;
    write_job *w = slv_new0(write_job);
    w->job.run = run_write;
    w->job.done = on_written;
    w->logs = l;
    w->book = b;
    w->lines = b->gathered;
    w->now_ms = slv_loop_wall_ms(l->sight->loop);
    b->gathered = SLV_BUF(WAITING_BYTES);
    l->jobs++;
    slv_strand_submit(l->writer, l->sight->loop, &w->job);
}

static void flush(slv_logs *l)
{
    slv_timer_stop(&l->timer);
    SLV_MAP_EACH (&l->books, i)
        flush_book(l, l->books.values[i]);
}

static void on_timer(slv_timer *timer)
{
    flush(slv_container_of(timer, slv_logs, timer));
}

static book *book_of(slv_logs *l, slv_str tenant)
{
    book **found = slv_map_get(&l->books, tenant);

    if (found)
        return *found;
    book *b = slv_new0(book);
    b->tenant = slv_strndup(tenant.ptr, tenant.len);
    b->gathered = SLV_BUF(WAITING_BYTES);
    slv_map_set(&l->books, tenant, b);
    return b;
}

void slv_logs_take(slv_logs *l, slv_trace *t)
{
    book *b = book_of(l, t->version->tenant);
    size_t at = b->gathered.len;

    if (l->stopping || l->waiting > WAITING_BYTES ||
        slv_sight_put_entries(&b->gathered, t) != SLV_OK) {
        b->gathered.len = at;
        l->lost++;
        return;
    }
    l->waiting += b->gathered.len - at;
    if (b->gathered.len >= BATCH_BYTES)
        flush_book(l, b);
    else if (!slv_timer_started(&l->timer)) {
        l->timer.fn = on_timer;
        slv_timer_start(&l->timer, l->sight->loop, FLUSH_MS);
    }
}

static void on_flushed(slv_task *task)
{
    job_done(slv_container_of(task, slv_logs, flushed));
}

void slv_logs_stop(slv_logs *l)
{
    flush(l);
    l->stopping = true;
    l->jobs++; /* so that the last is told of from the loop */
    l->flushed.fn = on_flushed;
    slv_loop_later(l->sight->loop, &l->flushed);
}

/* ---- searching ---- */

typedef struct search_job {
    slv_job job;
    slv_logs *logs;
    slv_arena arena;
    slv_str tenant;
    slv_keep_query query;
    slv_kept found;
    slv_code code;
    slv_err err;
    slv_sight_found done;
    void *arg;
} search_job;

static slv_code search_now(search_job *s)
{
    SLV_CLEANUP(slv_buf_done) slv_buf dir = SLV_BUF((size_t)16 << 10);

    SLV_TRY(slv_state_folder(s->logs->sight->state, &logs_folder, s->tenant, &dir, &s->err));
    if (!slv_buf_cstr(&dir))
        return SLV_E_LIMIT;
    return slv_keep_search(dir.ptr, &s->query, &s->found, &s->err);
}

static void run_search(slv_job *job)
{
    search_job *s = slv_container_of(job, search_job, job);

    s->code = search_now(s);
}

static void on_searched(slv_job *job)
{
    search_job *s = slv_container_of(job, search_job, job);
    slv_logs *l = s->logs;

    s->done(s->arg, s->code == SLV_OK ? &s->found : NULL, s->code == SLV_OK ? NULL : &s->err);
    slv_kept_done(&s->found);
    slv_arena_done(&s->arena);
    free(s);
    job_done(l);
}

static slv_code copy_query(search_job *s, slv_str tenant, const slv_keep_query *q)
{
    s->query = *q;
    SLV_TRY(slv_arena_dup(&s->arena, tenant, &s->tenant));
    SLV_TRY(slv_arena_dup(&s->arena, q->worker, &s->query.worker));
    SLV_TRY(slv_arena_dup(&s->arena, q->type, &s->query.type));
    SLV_TRY(slv_arena_dup(&s->arena, q->event, &s->query.event));
    SLV_TRY(slv_arena_dup(&s->arena, q->outcome, &s->query.outcome));
    SLV_TRY(slv_arena_dup(&s->arena, q->request, &s->query.request));
    return slv_arena_dup(&s->arena, q->search, &s->query.search);
}

/* What is gathered is written first: a search finds what happened before it. */
void slv_logs_search(slv_logs *l, slv_str tenant, const slv_keep_query *q, slv_sight_found done,
                     void *arg)
{
    search_job *s = slv_new0(search_job);

    s->arena = SLV_ARENA((size_t)1 << 20);
    s->logs = l;
    s->done = done;
    s->arg = arg;
    s->job.run = run_search;
    s->job.done = on_searched;
    l->jobs++;
    if (copy_query(s, tenant, q) != SLV_OK)
        s->query.limit = 1; /* cannot be: what is asked comes in less than a megabyte */
    flush(l);
    slv_strand_submit(l->writer, l->sight->loop, &s->job);
}
