#include "store/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define RECORD ((size_t)16)
#define COPY_BYTES ((size_t)64 << 10)

void slv_archive_name(const char *dir, uint32_t segment, const char *suffix,
                      char out[static SLV_ARCHIVE_PATH])
{
    snprintf(out, SLV_ARCHIVE_PATH, "%s/%08x.%s", dir, segment, suffix);
}

uint32_t slv_archive_highest(const char *path, const char *suffix, uint32_t max)
{
    DIR *dir = opendir(path);
    const struct dirent *e;
    uint32_t found = 0;

    while (dir && (e = readdir(dir))) {
        slv_str name = slv_str_from(e->d_name);
        uint64_t n = 0;

        if (name.len > 9 && slv_str_is(slv_str_skip(name, 9), suffix) &&
            slv_parse_hex_u64(slv_str_sub(name, 0, 8), &n) == SLV_OK && n > found && n <= max)
            found = (uint32_t)n;
    }
    if (dir)
        closedir(dir);
    return found;
}

slv_code slv_archive_sync(const char *dir, slv_err *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    slv_code code = fd >= 0 && fsync(fd) == 0 ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "%s", dir);

    if (fd >= 0)
        (void)close(fd);
    return code;
}

void slv_archive_prune(const char *dir)
{
    uint32_t base = slv_archive_highest(dir, "base", UINT32_MAX), next = 0;
    char path[SLV_ARCHIVE_PATH];
    struct stat st;

    for (; base > 0; base = slv_archive_highest(dir, "base", base - 1)) {
        slv_archive_name(dir, base, "base", path);
        if (stat(path, &st) == 0 && st.st_mtime < time(NULL) - (time_t)SLV_ARCHIVE_DAYS * 86400)
            break;
        next = base;
    }
    if (base == 0 || next == 0)
        return;
    /* What is needed for the oldest day that is kept begins at `base`. */
    for (uint32_t s = base - 1; s > 0; s--) {
        slv_archive_name(dir, s, "base", path);
        (void)unlink(path);
        slv_archive_name(dir, s, "wal", path);
        if (unlink(path) != 0)
            break;
    }
}

uint64_t slv_archive_bytes(const char *dir, uint32_t base, uint32_t last)
{
    uint64_t sum = 0;
    char path[SLV_ARCHIVE_PATH];
    struct stat st;

    for (uint32_t s = base; s > 0 && s <= last; s++) {
        slv_archive_name(dir, s, "wal", path);
        sum += stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
    }
    return sum;
}

bool slv_archive_time_put(const char *dir, int *fd, slv_place place, int64_t ms)
{
    uint8_t record[RECORD];
    char path[SLV_ARCHIVE_PATH];

    if (*fd < 0) {
        if (mkdir(dir, 0700) != 0 && errno != EEXIST)
            return false;
        snprintf(path, sizeof path, "%s/times", dir);
        *fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    }
    memcpy(record, &place.segment, 4); /* little-endian machines only */
    memcpy(record + 4, &place.frame, 4);
    memcpy(record + 8, &ms, 8);
    return *fd >= 0 && write(*fd, record, sizeof record) == (ssize_t)sizeof record;
}

bool slv_archive_time_find(const char *dir, int64_t ms, slv_place *ret)
{
    char path[SLV_ARCHIVE_PATH];
    uint8_t record[RECORD];
    bool found = false;

    snprintf(path, sizeof path, "%s/times", dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    for (off_t at = 0; fd >= 0 && pread(fd, record, sizeof record, at) == (ssize_t)sizeof record;
         at += (off_t)sizeof record) {
        int64_t when;

        memcpy(&when, record + 8, 8);
        if (when > ms)
            continue;
        memcpy(&ret->segment, record, 4);
        memcpy(&ret->frame, record + 4, 4);
        found = true;
    }
    if (fd >= 0)
        (void)close(fd);
    return found;
}

slv_code slv_archive_copy(int from, int to, slv_err *err)
{
    SLV_CLEANUP(slv_free) void *memory = slv_alloc(COPY_BYTES);
    off_t at = 0;
    ssize_t n;

    while ((n = pread(from, memory, COPY_BYTES, at)) > 0) {
        if (pwrite(to, memory, (size_t)n, at) != n)
            return slv_fail_errno(err, SLV_E_IO, "a database cannot be copied");
        at += n;
    }
    return n == 0 ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "a database cannot be read");
}
