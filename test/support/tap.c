#include "support/tap.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static tap_test *first, *last;
static enum { RUNNING, FAILED, SKIPPED } state;
static char skip_reason[256];
static uint64_t seed;
static char tmpdir[64];

void tap_register(tap_test *test)
{
    if (last)
        last->next = test;
    else
        first = test;
    last = test;
}

void tap_failed(const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    state = FAILED;
    printf("# %s:%d: ", file, line);
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
}

void tap_skip(const char *fmt, ...)
{
    va_list ap;

    if (state == RUNNING)
        state = SKIPPED;
    va_start(ap, fmt);
    (void)vsnprintf(skip_reason, sizeof skip_reason, fmt, ap);
    va_end(ap);
}

void tap_note(const char *fmt, ...)
{
    va_list ap;

    printf("# ");
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
}

uint64_t tap_seed(void)
{
    return seed;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void remove_tmpdir(void)
{
    (void)nftw(tmpdir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *tap_tmpdir(void)
{
    if (!tmpdir[0]) {
        (void)strcpy(tmpdir, "/tmp/selvage-test-XXXXXX");
        if (!mkdtemp(tmpdir)) {
            perror("mkdtemp");
            exit(2);
        }
        (void)atexit(remove_tmpdir);
    }
    return tmpdir;
}

bool tap_read_file(const char *path, slv_buf *out)
{
    char chunk[65536];
    size_t n;
    FILE *f = fopen(path, "rb");

    if (!f)
        return false;
    out->limit = (size_t)64 << 20;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        if (slv_buf_append(out, slv_str_make(chunk, n)) != SLV_OK)
            break;
    bool ok = feof(f) && !ferror(f);
    (void)fclose(f);
    return ok;
}

const char *tap_data(const char *name)
{
    static char path[1024];
    const char *dir = getenv("SLV_TEST_DATA");

    if (dir && *dir) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        if (access(path, R_OK) == 0)
            return path;
    }
    tap_skip("test vectors %s are not on this machine", name);
    return NULL;
}

int tap_main(int argc, char **argv)
{
    const char *env = getenv("SLV_TEST_SEED");
    int count = 0, failures = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    seed = env ? strtoull(env, NULL, 0) : slv_rand_u64();
    printf("TAP version 13\n# SLV_TEST_SEED=0x%llx\n", (unsigned long long)seed);
    for (tap_test *t = first; t; t = t->next) {
        if (argc > 1 && !strstr(t->name, argv[1]))
            continue;
        state = RUNNING;
        t->run();
        count++;
        if (state == FAILED)
            failures++;
        printf("%s %d - %s%s%s\n", state == FAILED ? "not ok" : "ok", count, t->name,
               state == SKIPPED ? " # SKIP " : "", state == SKIPPED ? skip_reason : "");
    }
    printf("1..%d\n", count);
    return failures > 0;
}
