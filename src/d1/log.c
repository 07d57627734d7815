#include "d1/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "store/wal.h"

#define WAL_HEADER SLV_WAL_HEADER
#define PAGE_MAX_BYTES SLV_WAL_PAGE_MAX

struct d1_log {
    char *dir, *file, *wal;
    int wal_fd;
    d1_place place;
    uint8_t salt[8];
    bool salted;       /* salt is the current WAL's */
    uint32_t base_due; /* the segment that a new chain begins with; 0: none is due */
    uint32_t page;
    uint32_t base; /* the current chain begins there; 0: there is none */
    uint64_t chain_bytes;
    bool dir_kept; /* the folder's own name was synced */
    int times_fd;
    struct {
        d1_place place;
        int64_t ms;
    } pending; /* the last commit, not in `times` yet; ms 0: none */
};

/* ---- small things ---- */

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Of a WAL that is there; *ret_any false: it has no head yet. */
static slv_code read_head(const d1_log *log, uint8_t head[static WAL_HEADER], bool *ret_any,
                          slv_err *err)
{
    ssize_t n = log->wal_fd >= 0 ? pread(log->wal_fd, head, WAL_HEADER, 0) : 0;

    *ret_any = n == (ssize_t)WAL_HEADER;
    return n < 0 ? slv_fail_errno(err, SLV_E_IO, "%s", log->wal) : SLV_OK;
}

static bool read_at(int fd, void *out, size_t len, uint64_t at)
{
    return fd >= 0 && pread(fd, out, len, (off_t)at) == (ssize_t)len;
}

static bool write_at(int fd, const void *bytes, size_t len, uint64_t at)
{
    return pwrite(fd, bytes, len, (off_t)at) == (ssize_t)len;
}

/* ---- opening ---- */

/* What the file looked like when this log was closed last. */
static void stamp_text(const d1_log *log, char out[static 64])
{
    struct stat st;

    out[0] = '\0';
    if (stat(log->file, &st) == 0)
        snprintf(out, 64, "%lld %lld.%09ld", (long long)st.st_size, (long long)st.st_mtim.tv_sec,
                 st.st_mtim.tv_nsec);
}

static void write_stamp(const d1_log *log)
{
    char path[4096], text[64];
    int fd;

    stamp_text(log, text);
    snprintf(path, sizeof path, "%s/stamp", log->dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return; /* a new base is made then */
    if (write(fd, text, strlen(text)) < 0)
        (void)unlink(path);
    (void)close(fd);
}

static bool same_stamp(const d1_log *log)
{
    char path[4096], text[64], was[64] = "";
    int fd;

    stamp_text(log, text);
    snprintf(path, sizeof path, "%s/stamp", log->dir);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, was, sizeof was - 1);
    (void)close(fd);
    return n > 0 && strcmp(was, text) == 0;
}

slv_code slv_d1_log_open(const char *dir, const char *file, d1_log **ret, slv_err *err)
{
    d1_log *log = slv_new0(d1_log);

    (void)err;
    log->dir = slv_strdup(dir);
    log->file = slv_strdup(file);
    log->wal_fd = log->times_fd = -1;
    if (asprintf(&log->wal, "%s-wal", file) < 0)
        log->wal = NULL;
    *ret = log;
    return log->wal ? SLV_OK : SLV_E_NOMEM;
}

static void put_time(d1_log *log);

d1_log *slv_d1_log_free(d1_log *log)
{
    if (log) {
        struct stat st;

        if (stat(log->dir, &st) == 0) {
            put_time(log);
            write_stamp(log);
        }
        if (log->wal_fd >= 0)
            (void)close(log->wal_fd);
        if (log->times_fd >= 0)
            (void)close(log->times_fd);
        free(log->dir);
        free(log->file);
        free(log->wal);
        free(log);
    }
    return NULL;
}

slv_code slv_d1_log_attach(d1_log *log, slv_db *db, slv_err *err)
{
    SLV_CLEANUP(slv_free) void *memory = slv_alloc(sizeof(slv_wal_reader));
    slv_wal_reader *live = memory;
    uint32_t last = slv_archive_highest(log->dir, "wal", UINT32_MAX),
             base = slv_archive_highest(log->dir, "base", UINT32_MAX);
    char path[4096];
    uint8_t head[WAL_HEADER];
    bool began, has_wal, continues = false;

    (void)db;
    log->wal_fd = open(log->wal, O_RDONLY | O_CLOEXEC);
    if (log->wal_fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", log->wal);
    began = slv_wal_begin(live, log->wal_fd);
    log->place.frame = began ? slv_wal_committed(live) : 0;
    if (live->failed)
        return slv_fail_errno(err, SLV_E_IO, "%s", log->wal);
    /* A head before which the power went: SQLite writes another with its next commit. */
    has_wal = log->place.frame > 0;
    log->place.segment = SLV_MAX(last, (uint32_t)1);
    if (last > 0) {
        slv_archive_name(log->dir, last, "wal", path);
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        ssize_t n = fd >= 0 ? pread(fd, head, sizeof head, 0) : -1;
        slv_code code = n < 0 ? slv_fail_errno(err, SLV_E_IO, "%s", path) : SLV_OK;
        if (fd >= 0)
            (void)close(fd);
        SLV_TRY(code);
        continues = n == (ssize_t)sizeof head;
        if (!continues || !has_wal || memcmp(head + 16, live->head.salt, 8) != 0)
            log->place.segment++;
        /* The next WAL counts its first salt up; after a clean end the file is as it was left. */
        if (continues && log->place.segment > last)
            continues = (began && be32(live->head.salt) == be32(head + 16) + 1) || same_stamp(log);
    }
    log->base = base;
    log->base_due = base == 0 || !continues ? log->place.segment : 0;
    log->chain_bytes += slv_archive_bytes(log->dir, base, last);
    if (has_wal) {
        memcpy(log->salt, live->head.salt, sizeof log->salt);
        log->salted = true;
        log->page = live->head.page;
    }
    return SLV_OK;
}

/* ---- positions ---- */

d1_place slv_d1_log_place(const d1_log *log)
{
    return log->place;
}

static void put_time(d1_log *log)
{
    if (log->pending.ms &&
        slv_archive_time_put(log->dir, &log->times_fd, log->pending.place, log->pending.ms))
        log->pending.ms = 0;
}

slv_code slv_d1_log_committed(d1_log *log, slv_db *db, int64_t now_ms, slv_err *err)
{
    uint8_t head[WAL_HEADER];
    bool any;

    SLV_TRY(read_head(log, head, &any, err));
    if (!any || (!log->salted && slv_db_wal_pages(db) == 0))
        return SLV_OK; /* no commit stands behind the head, and the next one changes it */
    if (log->salted && memcmp(head + 16, log->salt, 8) != 0)
        log->place.segment++;
    memcpy(log->salt, head + 16, 8);
    log->salted = true;
    log->page = be32(head + 8);
    uint32_t frames = slv_db_wal_pages(db);
    if (frames == log->place.frame && log->pending.ms)
        return SLV_OK; /* nothing was written */
    log->place.frame = frames ? frames : log->place.frame;
    if (log->pending.ms && log->pending.ms / 1000 != now_ms / 1000)
        put_time(log);
    log->pending.place = log->place;
    log->pending.ms = now_ms;
    return SLV_OK;
}

slv_code slv_d1_log_at(d1_log *log, int64_t ms, d1_place *ret, slv_err *err)
{
    bool found = slv_archive_time_find(log->dir, ms, ret);

    if (log->pending.ms && log->pending.ms <= ms) {
        *ret = log->pending.place;
        found = true;
    }
    return found ? SLV_OK
                 : slv_fail(err, SLV_E_NOTFOUND, "nothing is known of the database at that time");
}

/* ---- archiving ---- */

/* Through SQLite's own descriptor: closing another one would drop its locks. */
static slv_code copy_file(slv_db *db, int to, slv_err *err)
{
    SLV_CLEANUP(slv_free) void *memory = slv_alloc(PAGE_MAX_BYTES);
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;

    sqlite3_file_control(slv_db_handle(db), "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (!file || !file->pMethods || file->pMethods->xFileSize(file, &size) != SQLITE_OK)
        return slv_fail(err, SLV_E_IO, "the database's file cannot be read");
    for (sqlite3_int64 at = 0; at < size; at += (sqlite3_int64)PAGE_MAX_BYTES) {
        size_t n = (size_t)SLV_MIN((sqlite3_int64)PAGE_MAX_BYTES, size - at);

        if (file->pMethods->xRead(file, memory, (int)n, at) != SQLITE_OK)
            return slv_fail(err, SLV_E_IO, "the database's file cannot be read");
        if (!write_at(to, memory, n, (uint64_t)at))
            return slv_fail_errno(err, SLV_E_IO, "the database's file cannot be copied");
    }
    return SLV_OK;
}

static slv_code make_base(d1_log *log, slv_db *db, slv_err *err)
{
    char path[4096], temporary[4096];

    slv_archive_name(log->dir, log->place.segment, "base", path);
    slv_archive_name(log->dir, log->place.segment, "new", temporary);
    int fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", temporary);
    slv_code code = copy_file(db, fd, err);
    if (code == SLV_OK && fsync(fd) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "%s", temporary);
    (void)close(fd);
    SLV_TRY(code);
    if (rename(temporary, path) != 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    log->base = log->place.segment;
    log->base_due = 0;
    log->chain_bytes = 0;
    return slv_archive_sync(log->dir, err);
}

/* Whoever made the folder may have failed to sync its name, or not have tried. */
static slv_code make_dir(d1_log *log, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *up = NULL;

    if (mkdir(log->dir, 0700) != 0 && errno != EEXIST)
        return slv_fail_errno(err, SLV_E_IO, "%s", log->dir);
    if (log->dir_kept)
        return SLV_OK;
    if (asprintf(&up, "%s/..", log->dir) < 0)
        return slv_fail(err, SLV_E_NOMEM, "%s", log->dir);
    SLV_TRY(slv_archive_sync(up, err));
    log->dir_kept = true;
    return SLV_OK;
}

slv_code slv_d1_log_archive(void *arg, slv_db *db, slv_err *err)
{
    d1_log *log = arg;
    SLV_CLEANUP(slv_free) void *memory = slv_alloc(sizeof(slv_wal_reader));
    slv_wal_reader *live = memory;
    uint8_t head[WAL_HEADER];
    char path[4096], temporary[4096];
    slv_code code = SLV_OK;

    bool any = slv_wal_begin(live, log->wal_fd);
    if (live->failed)
        return slv_fail_errno(err, SLV_E_IO, "%s", log->wal);
    if (!any)
        return SLV_OK; /* the WAL is empty */
    if (log->salted && memcmp(live->head.salt, log->salt, 8) != 0)
        SLV_TRY(slv_d1_log_committed(log, db, log->pending.ms, err));
    SLV_TRY(make_dir(log, err));
    if (log->base_due && log->place.segment >= log->base_due)
        SLV_TRY(make_base(log, db, err));
    /* Under its name only when it is whole: its head tells which segment the live WAL is. */
    slv_archive_name(log->dir, log->place.segment, "wal", path);
    slv_archive_name(log->dir, log->place.segment, "new", temporary);
    int fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", temporary);
    if (!read_at(live->fd, head, sizeof head, 0) || !write_at(fd, head, sizeof head, 0))
        code = slv_fail_errno(err, SLV_E_IO, "%s", path);
    while (code == SLV_OK && slv_wal_next(live))
        if (!write_at(fd, live->frame, SLV_WAL_FRAME_HEADER + live->head.page,
                      slv_wal_frame_at(live->head.page, live->at - 1)))
            code = slv_fail_errno(err, SLV_E_IO, "%s", path);
    /* Frames that were not read must not be checkpointed. */
    if (code == SLV_OK && live->failed)
        code = slv_fail_errno(err, SLV_E_IO, "%s", log->wal);
    if (code == SLV_OK && fdatasync(fd) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "%s", path);
    (void)close(fd);
    SLV_TRY(code);
    if (rename(temporary, path) != 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    SLV_TRY(slv_archive_sync(log->dir, err));
    log->chain_bytes += slv_wal_frame_at(live->head.page, live->at);
    if (log->chain_bytes > SLV_MAX(SLV_ARCHIVE_CHAIN_MIN, 2 * slv_db_bytes(db)) ||
        log->place.segment - log->base >= SLV_ARCHIVE_SEGMENTS) {
        log->base_due = log->place.segment + 1; /* this one is in the file by then */
        slv_archive_prune(log->dir);
    }
    return SLV_OK;
}

/* ---- going back ---- */

static slv_code copy_base(const d1_log *log, slv_db *db, uint32_t base, int to, slv_err *err)
{
    char path[4096];

    if (base == 0)
        return copy_file(db, to, err);
    slv_archive_name(log->dir, base, "base", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    slv_code code = slv_archive_copy(fd, to, err);
    (void)close(fd);
    return code;
}

static slv_code rebuild(d1_log *log, slv_db *db, d1_place place, int to, slv_err *err)
{
    uint32_t base = slv_archive_highest(log->dir, "base", place.segment), from = base;
    static const uint8_t no_wal[2] = {1, 1}; /* versions of the format: without a WAL */
    char path[4096];

    if (place.segment > log->place.segment ||
        (place.segment == log->place.segment && place.frame > log->place.frame))
        return slv_fail(err, SLV_E_NOTFOUND, "that bookmark lies in the future");
    if (base == 0 || (log->base_due && place.segment >= log->base_due)) {
        /* Nothing of this segment is in the file yet. */
        if (place.segment != log->place.segment)
            return slv_fail(err, SLV_E_NOTFOUND, "that bookmark is not kept");
        base = 0;
        from = place.segment;
    }
    SLV_TRY(copy_base(log, db, base, to, err));
    for (uint32_t s = from; s <= place.segment; s++) {
        bool live = s == log->place.segment;
        slv_code code;

        slv_archive_name(log->dir, s, "wal", path);
        int fd = live ? log->wal_fd : open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return slv_fail(err, SLV_E_NOTFOUND, "that bookmark is not kept");
        code = slv_wal_apply(fd, to, s == place.segment ? place.frame : UINT32_MAX, err);
        if (!live)
            (void)close(fd);
        SLV_TRY(code);
    }
    return write_at(to, no_wal, sizeof no_wal, 18) ? SLV_OK
                                                   : slv_fail_errno(err, SLV_E_IO, "time travel");
}

slv_code slv_d1_log_rebuild(d1_log *log, slv_db *db, d1_place place, const char *path, slv_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    slv_code code = rebuild(log, db, place, fd, err);
    (void)close(fd);
    return code;
}
