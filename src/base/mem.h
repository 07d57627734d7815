/*
 * mem.h - two kinds of allocation, different functions on purpose. Any thread.
 *
 * slv_new0(T), slv_alloc: small objects of a size we chose; abort when memory is gone.
 * slv_try_alloc, slv_try_realloc: sizes that come from outside; return NULL, and can be made to
 * fail by slv_fault.
 */
#ifndef SLV_BASE_MEM_H
#define SLV_BASE_MEM_H

#include <stddef.h>
#include <stdlib.h>

#include "base/attr.h"

void *slv_alloc0(size_t size) __attribute__((malloc, returns_nonnull));
void *slv_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *slv_realloc(void *p, size_t size) __attribute__((returns_nonnull));
void *slv_try_alloc(size_t size) SLV_NODISCARD;
void *slv_try_realloc(void *p, size_t size) SLV_NODISCARD;
/* NUL-terminated copy of len bytes. */
char *slv_strndup(const char *s, size_t len) __attribute__((returns_nonnull));
char *slv_strdup(const char *s) __attribute__((returns_nonnull));
/* Accepts NULL, returns NULL. */
void *slv_free(void *p);
SLV_DEFINE_CLEANUP(void *, slv_free);
static inline void slv_charp_free_cleanup_(char **p)
{
    free(*p);
}

/* Gives back what starting took and nobody needs any more: free heap, and pages of the program and
   its libraries that were only read, which come back from the page cache when they are touched. */
void slv_mem_settle(void);

#define slv_new0(T) ((T *)slv_alloc0(sizeof(T)))

#endif
