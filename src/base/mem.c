#include "base/mem.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* Segments that nobody may write hold nothing that the file does not. */
static int drop_clean(struct dl_phdr_info *info, size_t size, void *page_size)
{
    uintptr_t page = *(uintptr_t *)page_size;

    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        uintptr_t from = (info->dlpi_addr + ph->p_vaddr + page - 1) & ~(page - 1);
        uintptr_t to = (info->dlpi_addr + ph->p_vaddr + ph->p_filesz) & ~(page - 1);

        if (ph->p_type == PT_LOAD && !(ph->p_flags & PF_W) && to > from)
            (void)madvise((void *)from, to - from, MADV_DONTNEED); /* refused: it stays */
    }
    return 0;
}

void slv_mem_settle(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)malloc_trim(0);
    (void)dl_iterate_phdr(drop_clean, &page);
}
