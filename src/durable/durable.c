#include "durable/durable.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "durable/durable_int.h"
#include "durable/vfs.h"

#define CACHE_KIB 1024 /* of one object at most; an isolate has many */

static const char *const texts[ST_COUNT] = {
    [ST_BEGIN] = "BEGIN",
    [ST_COMMIT] = "COMMIT",
    [ST_ROLLBACK] = "ROLLBACK",
    /* Names may repeat: the innermost is meant. */
    [ST_SAVEPOINT] = "SAVEPOINT _cf_savepoint",
    [ST_RELEASE] = "RELEASE _cf_savepoint",
    [ST_ROLLBACK_TO] = "ROLLBACK TO _cf_savepoint",
    [ST_TABLES] = "SELECT count(*) FILTER (WHERE name='_cf_KV'),"
                  " count(*) FILTER (WHERE name='_cf_METADATA') FROM sqlite_schema"
                  " WHERE type='table'",
    [ST_SIZE] = "SELECT (SELECT page_count FROM pragma_page_count)"
                " - (SELECT freelist_count FROM pragma_freelist_count)",
    [ST_KV_GET] = "SELECT value FROM _cf_KV WHERE key=?1",
    [ST_KV_PUT] = "INSERT INTO _cf_KV(key,value) VALUES(?1,?2)"
                  " ON CONFLICT DO UPDATE SET value=excluded.value",
    [ST_KV_DELETE] = "DELETE FROM _cf_KV WHERE key=?1",
    [ST_KV_LIST] = "SELECT key,value FROM _cf_KV WHERE key>=?1 ORDER BY key",
    [ST_KV_LIST_END] = "SELECT key,value FROM _cf_KV WHERE key>=?1 AND key<?2 ORDER BY key",
    [ST_KV_LIST_REVERSE] = "SELECT key,value FROM _cf_KV WHERE key>=?1 ORDER BY key DESC",
    [ST_KV_LIST_END_REVERSE] =
        "SELECT key,value FROM _cf_KV WHERE key>=?1 AND key<?2 ORDER BY key DESC",
    [ST_ALARM_GET] = "SELECT value FROM _cf_METADATA WHERE key=1",
    [ST_ALARM_SET] = "INSERT INTO _cf_METADATA(key,value) VALUES(1,?1)"
                     " ON CONFLICT DO UPDATE SET value=excluded.value",
    [ST_ALARM_DELETE] = "DELETE FROM _cf_METADATA WHERE key=1",
};

/* ---- statements ---- */

slv_code slv_durable_fail_rc(slv_durable *d, int rc, slv_err *err)
{
    const char *name = slv_usersql_code_name(rc & 0xff);
    const char *extended = rc == (rc & 0xff) ? NULL : slv_usersql_extended_name(rc);
    bool known = sqlite3_extended_errcode(d->db) == rc;
    slv_code code;

    switch (rc & 0xff) {
    case SQLITE_FULL:
        code = SLV_E_LIMIT;
        break;
    case SQLITE_TOOBIG:
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
        code = SLV_E_INVAL;
        break;
    default:
        code = SLV_E_IO;
        break;
    }
    code = slv_fail(err, code, "%s: %s%s%s%s", known ? sqlite3_errmsg(d->db) : sqlite3_errstr(rc),
                    name ? name : "SQLITE_ERROR", extended ? " (extended: " : "",
                    extended ? extended : "", extended ? ")" : "");
    if (err)
        err->detail = rc;
    return code;
}

slv_code slv_durable_fail(slv_durable *d, slv_err *err)
{
    return slv_durable_fail_rc(d, sqlite3_extended_errcode(d->db), err);
}

sqlite3_stmt *slv_durable_stmt(slv_durable *d, durable_statement which, slv_err *err)
{
    sqlite3_stmt **st = &d->statements[which];

    if (!*st && sqlite3_prepare_v3(d->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, st, NULL) !=
                    SQLITE_OK)
        (void)slv_durable_fail(d, err);
    return *st;
}

slv_code slv_durable_run(slv_durable *d, durable_statement which, slv_err *err)
{
    sqlite3_stmt *st = slv_durable_stmt(d, which, err);
    int rc;

    if (!st)
        return err ? err->code : SLV_E_IO;
    rc = sqlite3_step(st);
    if (rc != SQLITE_DONE) {
        slv_code code = slv_durable_fail(d, err);

        (void)sqlite3_reset(st);
        return code;
    }
    (void)sqlite3_reset(st);
    return SLV_OK;
}

slv_code slv_durable_tables(slv_durable *d, slv_err *err)
{
    sqlite3_stmt *st;

    if (d->tables_known)
        return SLV_OK;
    st = slv_durable_stmt(d, ST_TABLES, err);
    if (!st || sqlite3_step(st) != SQLITE_ROW)
        return slv_durable_fail(d, err);
    d->has_kv = sqlite3_column_int(st, 0) != 0;
    d->has_metadata = sqlite3_column_int(st, 1) != 0;
    d->tables_known = true;
    (void)sqlite3_reset(st);
    return SLV_OK;
}

void slv_durable_schema_changed(slv_durable *d)
{
    d->tables_known = false;
}

/* ---- opening ---- */

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    slv_durable *d = arg;

    (void)db;
    (void)name;
    d->wal_pages = (uint64_t)pages;
    return SQLITE_OK;
}

static slv_code configure(slv_durable *d, const slv_durable_options *options, slv_err *err)
{
    uint64_t max = options->max_bytes ? options->max_bytes : SLV_DURABLE_MAX_BYTES;
    char text[256];
    sqlite3_stmt *st = NULL;
    int rc;

    (void)sqlite3_extended_result_codes(d->db, 1);
    (void)sqlite3_db_config(d->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_db_config(d->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)snprintf(text, sizeof text,
                   "PRAGMA locking_mode=EXCLUSIVE; PRAGMA synchronous=NORMAL;"
                   "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-%d;",
                   CACHE_KIB);
    if (sqlite3_exec(d->db, text, NULL, NULL, NULL) != SQLITE_OK)
        return slv_durable_fail(d, err);

    rc = sqlite3_prepare_v2(d->db, "PRAGMA page_size", -1, &st, NULL);
    if (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
        d->page_size = (uint32_t)sqlite3_column_int(st, 0);
    (void)sqlite3_finalize(st);
    if (d->page_size == 0)
        return slv_durable_fail(d, err);
    (void)snprintf(text, sizeof text, "PRAGMA max_page_count=%llu",
                   (unsigned long long)(max / d->page_size));
    /* Reads the header, and recovers what the WAL has. */
    if (sqlite3_exec(d->db, text, NULL, NULL, NULL) != SQLITE_OK)
        return slv_durable_fail(d, err);
    SLV_TRY(slv_durable_tables(d, err));
    /* After that: setting it begins with a hook that checkpoints by itself. */
    (void)sqlite3_wal_hook(d->db, on_wal, d);
    return SLV_OK;
}

slv_code slv_durable_open_take(const slv_durable_options *options, slv_durable **ret, slv_err *err)
{
    SLV_CLEANUP(slv_durable_free) slv_durable *d = slv_new0(slv_durable);
    int rc;

    slv_durable_vfs_register();
    slv_durable_vfs_give(options->db_fd, options->wal_fd);
    rc = sqlite3_open_v2("object", &d->db,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                         SLV_DURABLE_VFS);
    slv_durable_vfs_take_back();
    if (rc != SQLITE_OK)
        return slv_fail(err, SLV_E_IO, "object storage: %s", sqlite3_errstr(rc));
    SLV_TRY(configure(d, options, err));
    d->sql = slv_usersql_new(d->db, NULL);
    *ret = SLV_STEAL(d);
    return SLV_OK;
}

slv_durable *slv_durable_free(slv_durable *d)
{
    if (!d)
        return NULL;
    slv_durable_kv_list_end(d);
    slv_usersql_free(d->sql);
    for (size_t i = 0; i < ST_COUNT; i++)
        (void)sqlite3_finalize(d->statements[i]);
    (void)sqlite3_close(d->db);
    free(d);
    return NULL;
}

slv_usersql *slv_durable_sql(slv_durable *d)
{
    return d->sql;
}

/* ---- transactions ---- */

bool slv_durable_in_transaction(const slv_durable *d)
{
    return !sqlite3_get_autocommit(d->db);
}

bool slv_durable_dirty(const slv_durable *d)
{
    return sqlite3_txn_state(d->db, "main") == SQLITE_TXN_WRITE;
}

slv_code slv_durable_write(slv_durable *d, slv_err *err)
{
    return slv_durable_in_transaction(d) ? SLV_OK : slv_durable_run(d, ST_BEGIN, err);
}

void slv_durable_rollback(slv_durable *d)
{
    slv_durable_kv_list_end(d);
    d->depth = 0;
    d->tables_known = false;
    if (slv_durable_in_transaction(d))
        (void)slv_durable_run(d, ST_ROLLBACK, NULL);
}

#define VIOLATED                                                                                   \
    "Durable Object was reset and rolled back to its last known good state because the "           \
    "application left the database in a state where constraints were violated: "

slv_code slv_durable_commit(slv_durable *d, slv_err *err)
{
    slv_err why = {0};
    slv_code code;

    if (!slv_durable_in_transaction(d))
        return SLV_OK;
    SLV_ASSERT(d->depth == 0);
    code = slv_durable_run(d, ST_COMMIT, &why);
    if (code != SLV_OK) {
        slv_durable_rollback(d);
        return slv_fail(err, code, "%s%s", (why.detail & 0xff) == SQLITE_CONSTRAINT ? VIOLATED : "",
                        slv_err_text(&why));
    }
    return SLV_OK;
}

slv_code slv_durable_savepoint(slv_durable *d, slv_err *err)
{
    SLV_TRY(slv_durable_write(d, err));
    SLV_TRY(slv_durable_run(d, ST_SAVEPOINT, err));
    d->depth++;
    return SLV_OK;
}

slv_code slv_durable_release(slv_durable *d, slv_err *err)
{
    SLV_ASSERT(d->depth > 0);
    d->depth--;
    if (!slv_durable_in_transaction(d))
        return slv_fail(err, SLV_E_STATE,
                        "The transaction was rolled back by one of its statements.");
    return slv_durable_run(d, ST_RELEASE, err);
}

void slv_durable_rollback_to(slv_durable *d)
{
    slv_durable_kv_list_end(d);
    d->tables_known = false;
    if (d->depth == 0) /* a failed statement has rolled everything back */
        return;
    d->depth--;
    if (!slv_durable_in_transaction(d))
        return;
    (void)slv_durable_run(d, ST_ROLLBACK_TO, NULL);
    (void)slv_durable_run(d, ST_RELEASE, NULL);
}

unsigned slv_durable_depth(const slv_durable *d)
{
    return d->depth;
}

/* ---- size ---- */

uint64_t slv_durable_wal_bytes(const slv_durable *d)
{
    return d->wal_pages * d->page_size;
}

uint32_t slv_durable_wal_frames(const slv_durable *d)
{
    return (uint32_t)d->wal_pages;
}

/* *ret_all: nothing of the log is missing in the database. */
static slv_code checkpoint(slv_durable *d, bool *ret_all, slv_err *err)
{
    int rc, in_log = 0, moved = 0;

    slv_durable_kv_got(d);
    if (d->listing && slv_durable_wal_bytes(d) > SLV_DURABLE_WAL_MAX) {
        slv_durable_kv_list_end(d);
        d->list_cut = true;
    }
    rc = sqlite3_wal_checkpoint_v2(d->db, "main", SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
    *ret_all = rc == SQLITE_OK && in_log >= 0 && in_log == moved;

    /* An open transaction or cursor is in the way: another time. */
    if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
        return SLV_OK;
    return slv_durable_fail(d, err);
}

slv_code slv_durable_checkpoint(slv_durable *d, slv_err *err)
{
    bool all;

    return checkpoint(d, &all, err);
}

slv_code slv_durable_change_wal(slv_durable *d, int wal_fd, bool *ret_changed, slv_err *err)
{
    slv_code code = checkpoint(d, ret_changed, err);

    if (*ret_changed) {
        slv_durable_vfs_change_wal(d->db, wal_fd);
        d->wal_pages = 0;
    } else {
        (void)close(wal_fd);
    }
    return code;
}

slv_code slv_durable_size(slv_durable *d, uint64_t *ret, slv_err *err)
{
    sqlite3_stmt *st = slv_durable_stmt(d, ST_SIZE, err);

    if (!st || sqlite3_step(st) != SQLITE_ROW)
        return slv_durable_fail(d, err);
    *ret = (uint64_t)sqlite3_column_int64(st, 0) * d->page_size;
    (void)sqlite3_reset(st);
    return SLV_OK;
}
