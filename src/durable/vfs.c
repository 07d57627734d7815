#include "durable/vfs.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/rand.h"

#define SECTOR 4096
#define UNIX_EPOCH_JULIAN_MS INT64_C(210866760000000)

typedef struct object_file {
    sqlite3_file base;
    int fd;
    int wal_fd; /* of a database: the WAL's, until that is opened, or again after it was closed */
    struct object_file *database; /* of a WAL */
    bool empty;                   /* of a WAL that was changed: nothing was written yet */
} object_file;

static _Thread_local int given_db = -1, given_wal = -1;

static const slv_durable_calls system_calls = {pread, pwrite, ftruncate, fdatasync};
static const slv_durable_calls *calls = &system_calls;

void slv_durable_vfs_calls(const slv_durable_calls *replacement)
{
    calls = replacement ? replacement : &system_calls;
}

/* ---- one file ---- */

static int file_close(sqlite3_file *base)
{
    object_file *f = (object_file *)base;

    if (f->database) /* SQLite may open the WAL again: the database keeps the descriptor */
        f->database->wal_fd = f->fd;
    else {
        (void)close(f->fd);
        if (f->wal_fd >= 0)
            (void)close(f->wal_fd);
    }
    return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *to, int n, sqlite3_int64 at)
{
    object_file *f = (object_file *)base;
    size_t got = 0;

    while (got < (size_t)n) {
        ssize_t r = calls->pread(f->fd, (char *)to + got, (size_t)n - got, (off_t)at + (off_t)got);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return SQLITE_IOERR_READ;
        if (r == 0) {
            memset((char *)to + got, 0, (size_t)n - got);
            return SQLITE_IOERR_SHORT_READ;
        }
        got += (size_t)r;
    }
    return SQLITE_OK;
}

static int file_write(sqlite3_file *base, const void *from, int n, sqlite3_int64 at)
{
    object_file *f = (object_file *)base;
    size_t put = 0;

    if (f->empty && at != 0) /* SQLite did not begin anew: better no commit than a hole */
        return SQLITE_IOERR_WRITE;
    f->empty = false;

    while (put < (size_t)n) {
        ssize_t r =
            calls->pwrite(f->fd, (const char *)from + put, (size_t)n - put, (off_t)at + (off_t)put);

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? SQLITE_FULL
                                                                        : SQLITE_IOERR_WRITE;
        put += (size_t)r;
    }
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    return calls->ftruncate(((object_file *)base)->fd, (off_t)size) ? SQLITE_IOERR_TRUNCATE
                                                                    : SQLITE_OK;
}

static int file_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    return calls->fdatasync(((object_file *)base)->fd) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int fd_size(int fd, sqlite3_int64 *ret)
{
    struct stat st;

    if (fstat(fd, &st))
        return SQLITE_IOERR_FSTAT;
    *ret = st.st_size;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *ret)
{
    return fd_size(((object_file *)base)->fd, ret);
}

/* Main gives a database to one isolate at a time: nobody is there to lock out. */
static int file_lock(sqlite3_file *base, int level)
{
    (void)base;
    (void)level;
    return SQLITE_OK;
}

static int file_reserved(sqlite3_file *base, int *ret)
{
    (void)base;
    *ret = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int op, void *arg)
{
    (void)base;
    if (op == SQLITE_FCNTL_PERSIST_WAL) { /* always: main's descriptor is of this very inode */
        *(int *)arg = 1;
        return SQLITE_OK;
    }
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *base)
{
    (void)base;
    return SECTOR;
}

static int file_traits(sqlite3_file *base)
{
    (void)base;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE | SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN;
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_lock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
};

/* ---- the file system, which has none ---- */

static object_file *database_of(const char *wal_name)
{
    return (object_file *)sqlite3_database_file_object(wal_name);
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                    int *ret_flags)
{
    object_file *f = (object_file *)base;

    (void)vfs;
    f->base.pMethods = NULL;
    if (flags & SQLITE_OPEN_MAIN_DB && given_db >= 0) {
        f->fd = given_db;
        f->wal_fd = given_wal;
        f->database = NULL;
        f->empty = false;
        given_db = given_wal = -1;
    } else if (flags & SQLITE_OPEN_WAL && database_of(name)->wal_fd >= 0) {
        f->database = database_of(name);
        f->fd = f->database->wal_fd;
        f->wal_fd = -1;
        f->database->wal_fd = -1;
        f->empty = false;
    } else {
        return SQLITE_CANTOPEN;
    }
    f->base.pMethods = &file_methods;
    if (ret_flags)
        *ret_flags = flags;
    return SQLITE_OK;
}

static bool names_wal(const char *name)
{
    size_t n = strlen(name);

    return n > 4 && strcmp(name + n - 4, "-wal") == 0;
}

/* SQLite asks it to remove a WAL of length 0, or a journal that cannot be there. */
static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    (void)sync;
    if (!names_wal(name) || database_of(name)->wal_fd < 0)
        return SQLITE_OK;
    return calls->ftruncate(database_of(name)->wal_fd, 0) ? SQLITE_IOERR_DELETE : SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    sqlite3_int64 size = 0;

    (void)vfs;
    (void)flags;
    *ret = names_wal(name) && database_of(name)->wal_fd >= 0 &&
           fd_size(database_of(name)->wal_fd, &size) == SQLITE_OK && size > 0;
    return SQLITE_OK;
}

static int vfs_full_name(sqlite3_vfs *vfs, const char *name, int room, char *out)
{
    (void)vfs;
    sqlite3_snprintf(room, out, "%s", name);
    return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *vfs, int n, char *out)
{
    (void)vfs;
    slv_rand_bytes(out, (size_t)n);
    return n;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us; /* nobody to wait for */
}

static int vfs_now(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
    (void)vfs;
    *ret = UNIX_EPOCH_JULIAN_MS + (sqlite3_int64)slv_clock_wall_ms();
    return SQLITE_OK;
}

static int vfs_now_days(sqlite3_vfs *vfs, double *ret)
{
    sqlite3_int64 ms;

    (void)vfs_now(vfs, &ms);
    *ret = (double)ms / 86400000.0;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int n, char *out)
{
    (void)vfs;
    (void)n;
    (void)out;
    return errno;
}

static sqlite3_vfs object_vfs = {
    .iVersion = 2,
    .szOsFile = sizeof(object_file),
    .mxPathname = 64,
    .zName = SLV_DURABLE_VFS,
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_name,
    .xRandomness = vfs_random,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_now_days,
    .xGetLastError = vfs_last_error,
    .xCurrentTimeInt64 = vfs_now,
};

void slv_durable_vfs_register(void)
{
    if (!sqlite3_vfs_find(SLV_DURABLE_VFS))
        (void)sqlite3_vfs_register(&object_vfs, 0);
}

void slv_durable_vfs_give(int db_fd, int wal_fd)
{
    given_db = db_fd;
    given_wal = wal_fd;
}

void slv_durable_vfs_change_wal(sqlite3 *db, int fd)
{
    object_file *f = NULL;

    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &f);
    (void)close(f->fd);
    f->fd = fd;
    f->empty = true;
}

void slv_durable_vfs_take_back(void)
{
    if (given_db >= 0)
        (void)close(given_db);
    if (given_wal >= 0)
        (void)close(given_wal);
    given_db = given_wal = -1;
}
