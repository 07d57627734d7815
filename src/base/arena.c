#include "base/arena.h"

#include <stdalign.h>

#include "base/mem.h"

#define CHUNK_MIN ((size_t)4096 - 32)

struct slv_arena_chunk {
    slv_arena_chunk *next;
    size_t used, cap;
    alignas(max_align_t) char data[];
};

struct slv_arena_cleanup {
    slv_arena_cleanup *next;
    void (*fn)(void *arg);
    void *arg;
};

static void run_cleanups(slv_arena *a)
{
    while (a->cleanups) {
        slv_arena_cleanup *c = a->cleanups;

        a->cleanups = c->next; /* c itself lives in the arena */
        c->fn(c->arg);
    }
}

void slv_arena_done(slv_arena *a)
{
    run_cleanups(a);
    while (a->chunks) {
        slv_arena_chunk *c = a->chunks;

        a->chunks = c->next;
        free(c);
    }
    a->used = 0;
}

void slv_arena_reset(slv_arena *a)
{
    run_cleanups(a);
    while (a->chunks && a->chunks->next) {
        slv_arena_chunk *c = a->chunks;

        a->chunks = c->next;
        free(c);
    }
    if (a->chunks)
        a->chunks->used = 0;
    a->used = 0;
}

void *slv_arena_try_alloc(slv_arena *a, size_t size)
{
    slv_arena_chunk *c = a->chunks;
    size_t align = alignof(max_align_t);

    if (size > a->limit - a->used || size > SIZE_MAX - align)
        return NULL;
    size = (size + align - 1) & ~(align - 1);
    if (!c || size > c->cap - c->used) {
        size_t cap = SLV_MAX(size, c ? SLV_MIN(c->cap * 2, (size_t)1 << 20) : CHUNK_MIN);

        c = slv_try_alloc(sizeof *c + cap);
        if (!c)
            return NULL;
        c->next = a->chunks;
        c->used = 0;
        c->cap = cap;
        a->chunks = c;
    }
    void *p = c->data + c->used;
    c->used += size;
    a->used = SLV_MIN(a->used + size, a->limit);
    return p;
}

void *slv_arena_try_alloc0(slv_arena *a, size_t size)
{
    void *p = slv_arena_try_alloc(a, size);

    if (p)
        memset(p, 0, size);
    return p;
}

slv_code slv_arena_dup(slv_arena *a, slv_str s, slv_str *ret)
{
    char *p = slv_arena_try_alloc(a, s.len + 1);

    if (!p)
        return SLV_E_LIMIT;
    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    *ret = slv_str_make(p, s.len);
    return SLV_OK;
}

slv_code slv_arena_defer(slv_arena *a, void (*fn)(void *arg), void *arg)
{
    slv_arena_cleanup *c = slv_arena_try_alloc(a, sizeof *c);

    if (!c)
        return SLV_E_LIMIT;
    *c = (slv_arena_cleanup){a->cleanups, fn, arg};
    a->cleanups = c;
    return SLV_OK;
}
