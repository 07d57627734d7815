#include "rt/timers.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/vec.h"

typedef struct entry {
    int64_t due_ms;
    uint64_t order; /* of starting; breaks ties */
    uint32_t id;
} entry;

struct slv_timers {
    SLV_VEC(entry) heap;      /* the earliest at 0, children of i at 2i+1 and 2i+2 */
    SLV_IMAP(uint32_t) where; /* id -> index in the heap */
    uint64_t order;
    uint32_t last_id;
};

slv_timers *slv_timers_new(void)
{
    return slv_new0(slv_timers);
}

slv_timers *slv_timers_free(slv_timers *t)
{
    if (t) {
        slv_vec_done(&t->heap);
        slv_imap_done(&t->where);
        free(t);
    }
    return NULL;
}

static bool before(const entry *a, const entry *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void place(slv_timers *t, size_t i, entry e)
{
    t->heap.items[i] = e;
    slv_imap_set(&t->where, e.id, (uint32_t)i);
}

static void sift_up(slv_timers *t, size_t i, entry e)
{
    while (i > 0 && before(&e, &t->heap.items[(i - 1) / 2])) {
        place(t, i, t->heap.items[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(t, i, e);
}

static void sift_down(slv_timers *t, size_t i, entry e)
{
    size_t child;

    while ((child = 2 * i + 1) < t->heap.len) {
        if (child + 1 < t->heap.len && before(&t->heap.items[child + 1], &t->heap.items[child]))
            child++;
        if (!before(&t->heap.items[child], &e))
            break;
        place(t, i, t->heap.items[child]);
        i = child;
    }
    place(t, i, e);
}

void slv_timers_restart(slv_timers *t, uint32_t id, int64_t due_ms)
{
    entry e = {due_ms, t->order++, id};

    SLV_ASSERT(!slv_imap_get(&t->where, id));
    slv_vec_push(&t->heap, e);
    sift_up(t, t->heap.len - 1, e);
}

uint32_t slv_timers_start(slv_timers *t, int64_t due_ms)
{
    do
        t->last_id++;
    while (t->last_id == 0 || slv_imap_get(&t->where, t->last_id)); /* after 2^32 of them */
    slv_timers_restart(t, t->last_id, due_ms);
    return t->last_id;
}

static void remove_at(slv_timers *t, size_t i)
{
    entry last = slv_vec_pop(&t->heap);

    slv_imap_remove(&t->where, i < t->heap.len ? t->heap.items[i].id : last.id);
    if (i == t->heap.len)
        return;
    if (i > 0 && before(&last, &t->heap.items[(i - 1) / 2]))
        sift_up(t, i, last);
    else
        sift_down(t, i, last);
}

void slv_timers_stop(slv_timers *t, uint32_t id)
{
    uint32_t *i = slv_imap_get(&t->where, id);

    if (i)
        remove_at(t, *i);
}

int64_t slv_timers_next(const slv_timers *t)
{
    return t->heap.len ? t->heap.items[0].due_ms : INT64_MAX;
}

uint64_t slv_timers_mark(const slv_timers *t)
{
    return t->order;
}

uint32_t slv_timers_pop(slv_timers *t, int64_t now_ms, uint64_t limit)
{
    entry first;

    if (t->heap.len == 0)
        return 0;
    first = t->heap.items[0];
    if (first.due_ms > now_ms || first.order >= limit)
        return 0;
    remove_at(t, 0);
    return first.id;
}
