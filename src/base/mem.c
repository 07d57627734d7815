#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#include "base/fault.h"

static void *must(void *p, size_t size)
{
    if (!p) {
        (void)fprintf(stderr, "selvage: out of memory (%zu bytes)\n", size);
        abort();
    }
    return p;
}

void *slv_alloc0(size_t size)
{
    return must(calloc(1, size ? size : 1), size);
}

void *slv_alloc(size_t size)
{
    return must(malloc(size ? size : 1), size);
}

void *slv_realloc(void *p, size_t size)
{
    return must(realloc(p, size ? size : 1), size);
}

void *slv_try_alloc(size_t size)
{
    return slv_fault_hit(SLV_FAULT_ALLOC) ? NULL : malloc(size ? size : 1);
}

void *slv_try_realloc(void *p, size_t size)
{
    return slv_fault_hit(SLV_FAULT_ALLOC) ? NULL : realloc(p, size ? size : 1);
}

char *slv_strndup(const char *s, size_t len)
{
    char *copy = slv_alloc(len + 1);

    if (len > 0)
        memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *slv_strdup(const char *s)
{
    return slv_strndup(s, strlen(s));
}

void *slv_free(void *p)
{
    free(p);
    return NULL;
}
