#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/db_int.h"

/* 3.51.3 repaired the WAL-reset bug and is the first that is safe with spilled savepoints here. */
#define OLDEST_LIBRARY 3051003
/* Only another handle's recovery of the WAL can make us wait, and it is short. */
#define BUSY_MS 10000
#define CACHE_DEFAULT ((unsigned)256 << 10)
#define PAGE_DEFAULT 4096u
/* Below this much room SQLITE_FULL is the disk's, not the limit's. */
#define DISK_ROOM_MIN ((uint64_t)1 << 20)
/* Pages of a transaction are in the file, in the WAL, or among at most so many bytes of memory. */
#define UNWRITTEN_MAX ((uint64_t)64 << 20)
#define RESCUE_CHUNK ((size_t)64 << 10)

static int wal_pages = SLV_DB_WAL_PAGES;

void slv_db_set_wal_pages(unsigned pages)
{
    wal_pages = (int)pages;
}

slv_code slv_db_heap_limit(uint64_t bytes, slv_err *err)
{
    char byte;

    if (sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 1) != SQLITE_OK ||
        sqlite3_initialize() != SQLITE_OK)
        return slv_fail(err, SLV_E_STATE, "SQLite cannot count its memory");
    (void)sqlite3_hard_heap_limit64((sqlite3_int64)bytes);
    sqlite3_randomness(1, &byte); /* its seed comes from a file */
    return SLV_OK;
}

slv_code slv_db_library_check(slv_err *err)
{
    if (sqlite3_libversion_number() >= OLDEST_LIBRARY)
        return SLV_OK;
    return slv_fail(err, SLV_E_UNSUPPORTED, "SQLite %s is too old, 3.51.3 is needed",
                    sqlite3_libversion());
}

/* A quota or a reserve may refuse while there is room: then what was written says that the limit
 * was never reached. */
bool slv_db_disk_full(const slv_db *db)
{
    uint64_t bytes = UNWRITTEN_MAX;
    char wal[PATH_MAX];
    struct statvfs fs;
    struct stat st;

    if (statvfs(db->path, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < DISK_ROOM_MIN)
        return true;
    (void)snprintf(wal, sizeof wal, "%s-wal", db->path);
    bytes += stat(db->path, &st) == 0 ? (uint64_t)st.st_size : 0;
    bytes += stat(wal, &st) == 0 ? (uint64_t)st.st_size : 0;
    return bytes < db->max_bytes;
}

static slv_code code_of(slv_db *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return db->max_bytes && !slv_db_disk_full(db) ? SLV_E_LIMIT : SLV_E_IO;
    case SQLITE_TOOBIG:
        return SLV_E_LIMIT;
    case SQLITE_NOMEM:
        return SLV_E_NOMEM;
    case SQLITE_CONSTRAINT:
        return SLV_E_EXISTS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return SLV_E_AGAIN;
    case SQLITE_INTERRUPT:
        return SLV_E_CANCELED;
    case SQLITE_AUTH:
    case SQLITE_PERM:
        return SLV_E_DENIED;
    case SQLITE_READONLY:
        if (db->read_only)
            return SLV_E_DENIED;
        /* The WAL could not be opened for writing: SQLite made do with reading it. */
        db->broken = true;
        return SLV_E_IO;
    case SQLITE_ERROR:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
        return SLV_E_INVAL;
    default:
        return SLV_E_IO;
    }
}

slv_code slv_db_fail(slv_db *db, slv_err *err, const char *what)
{
    int rc = sqlite3_extended_errcode(db->handle);
    slv_code code = slv_fail(err, code_of(db, rc), "%s: %s", what, sqlite3_errmsg(db->handle));

    if (err)
        err->detail = rc;
    return code;
}

/* As slv_db_fail, for a code that SQLite does not remember. */
static slv_code fail_with(slv_db *db, int rc, slv_err *err, const char *what)
{
    slv_code code = slv_fail(err, code_of(db, rc), "%s: %s", what, sqlite3_errstr(rc));

    if (err)
        err->detail = rc;
    return code;
}

static int on_commit(void *arg, sqlite3 *handle, const char *name, int frames)
{
    slv_db *db = arg;

    (void)handle;
    (void)name;
    db->dirty = true;
    db->wal_frames = frames;
    return SQLITE_OK;
}

slv_code slv_db_exec(slv_db *db, const char *sql, slv_err *err)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK
               ? SLV_OK
               : slv_db_fail(db, err, "sqlite");
}

slv_code slv_db_stmt(slv_db *db, const char *text, sqlite3_stmt **ret, slv_err *err)
{
    sqlite3_stmt **known = slv_imap_get(&db->stmts, (uintptr_t)text);
    sqlite3_stmt *st = NULL;

    if (known) {
        *ret = *known;
        return SLV_OK;
    }
    if (sqlite3_prepare_v3(db->handle, text, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL))
        return slv_db_fail(db, err, "prepare");
    slv_imap_set(&db->stmts, (uintptr_t)text, st);
    *ret = st;
    return SLV_OK;
}

static slv_code read_pragma(slv_db *db, const char *sql, int64_t *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code = SLV_OK;

    if (sqlite3_prepare_v2(db->handle, sql, -1, &st, NULL))
        return slv_db_fail(db, err, "open");
    if (sqlite3_step(st) == SQLITE_ROW)
        *ret = sqlite3_column_int64(st, 0);
    else
        code = slv_db_fail(db, err, "open");
    sqlite3_finalize(st);
    return code;
}

static slv_code execf(slv_db *db, slv_err *err, const char *fmt, ...) SLV_PRINTF(3, 4);
static slv_code execf(slv_db *db, slv_err *err, const char *fmt, ...)
{
    SLV_CLEANUP(slv_buf_done) slv_buf sql = SLV_BUF(512);
    va_list ap;

    va_start(ap, fmt);
    slv_code code = slv_buf_vprintf(&sql, fmt, ap);
    va_end(ap);
    SLV_TRY(code);
    const char *text = slv_buf_cstr(&sql);
    return text ? slv_db_exec(db, text, err) : slv_fail(err, SLV_E_NOMEM, " ");
}

/* ---- opening ---- */

/* The file's and its WAL's names survive a power cut. */
static slv_code sync_directory(const char *path, slv_err *err)
{
    const char *slash = strrchr(path, '/');
    SLV_CLEANUP(slv_charp_free)
    char *dir = slash ? slv_strndup(path, (size_t)(slash - path) + 1) : slv_strdup(".");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    slv_code code = SLV_OK;

    if (fd < 0 || fsync(fd) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "open: %s", dir);
    if (fd >= 0)
        close(fd);
    return code;
}

static slv_code migrate(slv_db *db, const slv_db_schema *schema, size_t version, slv_err *err)
{
    SLV_TRY(slv_db_exec(db, "BEGIN IMMEDIATE", err));
    for (size_t i = version; i < schema->count; i++) {
        slv_code code = slv_db_exec(db, schema->steps[i], err);

        if (code != SLV_OK) {
            slv_db_rollback(db);
            return code;
        }
    }
    slv_code code = execf(db, err, "PRAGMA application_id=%d; PRAGMA user_version=%zu; COMMIT",
                          (int)schema->application_id, schema->count);
    if (code != SLV_OK)
        slv_db_rollback(db);
    return code;
}

/* What the file is, and how old. */
static slv_code check_format(slv_db *db, const slv_db_options *o, bool *ret_behind,
                             size_t *ret_from, slv_err *err)
{
    int64_t kind = 0, version = 0, pages = 0;

    SLV_TRY(read_pragma(db, "PRAGMA application_id", &kind, err));
    SLV_TRY(read_pragma(db, "PRAGMA user_version", &version, err));
    SLV_TRY(read_pragma(db, "PRAGMA page_count", &pages, err));
    /* A file whose making was cut short has no tables yet: page 1 at most. */
    bool fresh = kind == 0 && version == 0 && pages <= 1;
    if (fresh && o->schema->count > 0 && (!o->create || o->read_only))
        return slv_fail(err, SLV_E_NOTFOUND, "%s is empty", db->path);
    if (!fresh && (uint32_t)kind != o->schema->application_id)
        return slv_fail(err, SLV_E_IO, "%s is of another kind (application id %" PRId64 ")",
                        db->path, kind);
    if (version < 0 || (uint64_t)version > o->schema->count)
        return slv_fail(err, SLV_E_STATE,
                        "%s has format %" PRId64 ", written by a newer selvage; this one knows %zu",
                        db->path, version, o->schema->count);
    *ret_from = (size_t)version;
    *ret_behind = (size_t)version < o->schema->count;
    if (*ret_behind && o->read_only)
        return slv_fail(err, SLV_E_STATE, "%s has an older format", db->path);
    return SLV_OK;
}

static slv_code set_up_connection(slv_db *db, const slv_db_options *o, slv_err *err)
{
    unsigned cache = o->cache_bytes ? o->cache_bytes : CACHE_DEFAULT;
    int on = 1;

    sqlite3_busy_timeout(db->handle, BUSY_MS);
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    /* The page size counts for a new file alone, and before anything else. */
    SLV_TRY(execf(db, err, "PRAGMA page_size=%u; PRAGMA cache_size=-%u",
                  o->page_size ? o->page_size : PAGE_DEFAULT, cache / 1024));
    sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
    return SLV_OK;
}

static slv_code be_wal(slv_db *db, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    bool wal = false;

    if (sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode=WAL", -1, &st, NULL))
        return slv_db_fail(db, err, "journal_mode");
    if (sqlite3_step(st) == SQLITE_ROW) {
        const char *mode = (const char *)sqlite3_column_text(st, 0);

        /* The change is committed after the row that tells of it. */
        wal = mode && strcmp(mode, "wal") == 0 && sqlite3_step(st) == SQLITE_DONE;
    }
    slv_code code = wal ? SLV_OK : slv_db_fail(db, err, "journal_mode");
    sqlite3_finalize(st);
    return code;
}

static slv_code open_writer(slv_db *db, const slv_db_options *o, slv_err *err)
{
    bool behind = false;
    size_t from = 0;
    int64_t version = 0;

    SLV_TRY(check_format(db, o, &behind, &from, err));
    SLV_TRY(be_wal(db, err));
    SLV_TRY(slv_db_exec(db, "PRAGMA synchronous=NORMAL", err));
    sqlite3_wal_hook(db->handle, on_commit, db); /* in place of the automatic checkpoint */
    if (o->max_bytes) {
        int64_t page = 0;

        SLV_TRY(read_pragma(db, "PRAGMA page_size", &page, err));
        SLV_TRY(execf(
            db, err, "PRAGMA max_page_count=%" PRIu64,
            /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): a page has 512 bytes at least */
            SLV_MAX(o->max_bytes / (uint64_t)page, (uint64_t)1)));
    }
    /* Reading makes the WAL's file. SQLite tries to make its name durable too, but does not tell
     * when that fails. */
    SLV_TRY(read_pragma(db, "PRAGMA schema_version", &version, err));
    SLV_TRY(sync_directory(db->path, err));
    if (!behind)
        return SLV_OK;
    SLV_TRY(migrate(db, o->schema, from, err));
    return slv_db_sync(db, err);
}

static slv_code open_reader(slv_db *db, const slv_db_options *o, slv_err *err)
{
    bool behind = false;
    size_t from = 0;

    SLV_TRY(check_format(db, o, &behind, &from, err));
    return slv_db_exec(db, "PRAGMA query_only=ON", err);
}

slv_code slv_db_open(const char *path, const slv_db_options *options, slv_db **ret, slv_err *err)
{
    static const slv_db_schema any = {0};
    slv_db_options o = *options;
    SLV_CLEANUP(slv_db_free) slv_db *db = slv_new0(slv_db);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

    if (!o.schema)
        o.schema = &any;
    db->path = slv_strdup(path);
    db->due_frames = wal_pages;
    db->max_bytes = o.max_bytes;
    db->read_only = o.read_only;
    db->hook = o.before_checkpoint;
    db->hook_arg = o.before_checkpoint_arg;
    if (o.create && !o.read_only)
        flags |= SQLITE_OPEN_CREATE;
    int rc = sqlite3_open_v2(path, &db->handle, flags, o.alone ? "unix-excl" : NULL);
    if (rc != SQLITE_OK) {
        struct stat st;

        if (!db->handle)
            return slv_fail(err, SLV_E_NOMEM, "open %s: out of memory", path);
        if (stat(path, &st) != 0 && errno == ENOENT && !(flags & SQLITE_OPEN_CREATE))
            return slv_fail(err, SLV_E_NOTFOUND, "%s does not exist", path);
        return slv_db_fail(db, err, path);
    }
    /* Where writing is refused for a moment, SQLite makes do with reading. */
    if (!o.read_only && sqlite3_db_readonly(db->handle, "main") == 1)
        return slv_fail(err, SLV_E_IO, "open %s: it cannot be written", path);
    if (sqlite3_set_clientdata(db->handle, SLV_DB_CLIENT, db, NULL))
        return slv_fail(err, SLV_E_NOMEM, "open %s: out of memory", path);
    SLV_TRY(set_up_connection(db, &o, err));
    SLV_TRY(o.read_only ? open_reader(db, &o, err) : open_writer(db, &o, err));
    *ret = SLV_STEAL(db);
    return SLV_OK;
}

slv_db *slv_db_free(slv_db *db)
{
    if (!db)
        return NULL;
    for (size_t i = 0; i < db->stmts.len; i++)
        sqlite3_finalize(db->stmts.values[i]);
    slv_imap_done(&db->stmts);
    /* A statement that somebody forgot keeps the connection alive: that is a leak of ours. */
    SLV_ASSERT(sqlite3_close(db->handle) == SQLITE_OK);
    free(db->path);
    free(db);
    return NULL;
}

sqlite3 *slv_db_handle(slv_db *db)
{
    return db->handle;
}

const char *slv_db_path(const slv_db *db)
{
    return db->path;
}

/* ---- transactions ---- */

static slv_code run_text(slv_db *db, const char *text, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(db, text, &st, err));
    int rc = sqlite3_step(st);
    slv_code code = rc == SQLITE_DONE ? SLV_OK : slv_db_fail(db, err, text);
    sqlite3_reset(st);
    return code;
}

static const char begin_sql[] = "BEGIN IMMEDIATE";
static const char commit_sql[] = "COMMIT";
static const char rollback_sql[] = "ROLLBACK";
static const char savepoint_sql[] = "SAVEPOINT call";
static const char release_sql[] = "RELEASE call";
static const char rollback_to_sql[] = "ROLLBACK TO call";

slv_code slv_db_begin(slv_db *db, slv_err *err)
{
    if (db->broken)
        return slv_fail(err, SLV_E_IO, "%s: an earlier write or sync failed", db->path);
    return run_text(db, begin_sql, err);
}

slv_code slv_db_commit(slv_db *db, slv_err *err)
{
    return run_text(db, commit_sql, err);
}

void slv_db_rollback(slv_db *db)
{
    /* SQLite may have rolled back by itself, after a failure of the disk. */
    if (slv_db_in_transaction(db) && run_text(db, rollback_sql, NULL) != SLV_OK)
        db->broken = true;
}

slv_code slv_db_savepoint(slv_db *db, slv_err *err)
{
    return run_text(db, savepoint_sql, err);
}

slv_code slv_db_release(slv_db *db, slv_err *err)
{
    return run_text(db, release_sql, err);
}

void slv_db_rollback_to(slv_db *db)
{
    if (!slv_db_in_transaction(db))
        return;
    if (run_text(db, rollback_to_sql, NULL) != SLV_OK || run_text(db, release_sql, NULL) != SLV_OK)
        slv_db_rollback(db);
}

bool slv_db_in_transaction(slv_db *db)
{
    return sqlite3_get_autocommit(db->handle) == 0;
}

/* ---- durability ---- */

static sqlite3_file *wal_file(slv_db *db)
{
    sqlite3_file *file = NULL;

    sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
    return file && file->pMethods ? file : NULL;
}

slv_code slv_db_sync(slv_db *db, slv_err *err)
{
    int moved = 0;

    if (db->broken)
        return slv_fail(err, SLV_E_IO, "%s: an earlier write or sync failed", db->path);
    if (!db->dirty)
        return SLV_OK;
    sqlite3_file *wal = wal_file(db);
    int rc = wal ? wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY)
                 : SQLITE_IOERR_FSYNC;
    if (rc != SQLITE_OK) {
        db->broken = true;
        return fail_with(db, rc, err, "sync");
    }
    if (sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
        moved) {
        db->broken = true;
        return slv_fail(err, SLV_E_IO, "%s was removed or replaced while it was open", db->path);
    }
    db->dirty = false;
    return SLV_OK;
}

bool slv_db_checkpoint_due(const slv_db *db)
{
    return db->wal_frames >= db->due_frames && !db->broken;
}

unsigned slv_db_wal_pages(const slv_db *db)
{
    return (unsigned)db->wal_frames;
}

slv_code slv_db_checkpoint(slv_db *db, bool empty, slv_err *err)
{
    int frames = 0, moved = 0;

    if (db->broken)
        return slv_fail(err, SLV_E_IO, "%s: an earlier write or sync failed", db->path);
    if (db->hook) {
        SLV_TRY(slv_db_sync(db, err));
        SLV_TRY(db->hook(db->hook_arg, db, err));
    }
    int rc = sqlite3_wal_checkpoint_v2(
        db->handle, "main", empty ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &frames,
        &moved);
    bool in_the_way = (rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED;
    if (rc != SQLITE_OK && !in_the_way) {
        db->broken = true;
        return slv_db_fail(db, err, "checkpoint");
    }
    if (in_the_way || moved < frames) {
        db->due_frames = db->wal_frames + wal_pages;
        return slv_fail(err, SLV_E_AGAIN, "checkpoint: a reader is in the way");
    }
    db->wal_frames = 0;
    db->due_frames = wal_pages;
    return SLV_OK;
}

void slv_db_cool(slv_db *db)
{
    sqlite3_db_release_memory(db->handle);
}

/* Writes the first max bytes of a file anew, as they are. */
static slv_code write_anew(const char *path, int64_t max, slv_err *err)
{
    SLV_CLEANUP(slv_free) void *bytes = slv_alloc(RESCUE_CHUNK);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    slv_code code = SLV_OK;
    int64_t at = 0;

    if (fd < 0)
        return errno == ENOENT ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "%s", path);
    while (at < max) {
        ssize_t n = pread(fd, bytes, RESCUE_CHUNK, at);

        if (n == 0)
            break;
        if (n < 0 || pwrite(fd, bytes, (size_t)n, at) != n) {
            code = slv_fail_errno(err, SLV_E_IO, "%s", path);
            break;
        }
        at += n;
    }
    if (code == SLV_OK && fdatasync(fd) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "%s", path);
    close(fd);
    return code;
}

slv_code slv_db_rescue(const char *path, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *wal = NULL;

    if (asprintf(&wal, "%s-wal", path) < 0)
        return slv_fail(err, SLV_E_NOMEM, "out of memory");
    /* What a checkpoint wrote into the file is in the WAL still; only the first page of a new file
     * is not. */
    SLV_TRY(write_anew(path, RESCUE_CHUNK, err));
    return write_anew(wal, INT64_MAX, err);
}

uint64_t slv_db_bytes(slv_db *db)
{
    int64_t pages = 0, page = 0;
    sqlite3_int64 wal_bytes = 0;
    sqlite3_file *wal = wal_file(db);

    if (read_pragma(db, "PRAGMA page_count", &pages, NULL) != SLV_OK ||
        read_pragma(db, "PRAGMA page_size", &page, NULL) != SLV_OK)
        return 0;
    if (wal && wal->pMethods->xFileSize(wal, &wal_bytes) != SQLITE_OK)
        wal_bytes = 0;
    return (uint64_t)pages * (uint64_t)page + (uint64_t)wal_bytes;
}
