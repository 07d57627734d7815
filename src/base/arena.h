/*
 * arena.h - memory with one lifetime (a request, an event, a parse), freed at once, with a limit.
 *
 * Used by one thread. Cleanup callbacks run in reverse order of registration when the arena is
 * reset or freed.
 */
#ifndef SLV_BASE_ARENA_H
#define SLV_BASE_ARENA_H

#include "base/str.h"

typedef struct slv_arena_chunk slv_arena_chunk;
typedef struct slv_arena_cleanup slv_arena_cleanup;

typedef struct slv_arena {
    slv_arena_chunk *chunks;
    slv_arena_cleanup *cleanups;
    size_t used, limit;
} slv_arena;

#define SLV_ARENA(limit_bytes) ((slv_arena){NULL, NULL, 0, (limit_bytes)})

void slv_arena_done(slv_arena *a);
SLV_DEFINE_CLEANUP_DONE(slv_arena, slv_arena_done);
/* Runs the cleanups, forgets every allocation, keeps one chunk for the next use. */
void slv_arena_reset(slv_arena *a);
/* Aligned for any type, not zeroed. NULL past the limit or without memory. */
void *slv_arena_try_alloc(slv_arena *a, size_t size) SLV_NODISCARD;
/* As above, zeroed. */
void *slv_arena_try_alloc0(slv_arena *a, size_t size) SLV_NODISCARD;
/* Copies s; ret->ptr is NUL-terminated (the NUL does not count). */
SLV_NODISCARD slv_code slv_arena_dup(slv_arena *a, slv_str s, slv_str *ret);
SLV_NODISCARD slv_code slv_arena_defer(slv_arena *a, void (*fn)(void *arg), void *arg);

#endif
