#include "store/db_int.h"

static void bound(sqlite3_stmt *st, int rc)
{
    slv_db *db;

    if (SLV_LIKELY(rc == SQLITE_OK))
        return;
    db = sqlite3_get_clientdata(sqlite3_db_handle(st), SLV_DB_CLIENT);
    SLV_ASSERT(db);
    db->bind_failed = rc;
}

/* An empty text or blob is a value: only a pointer that is not NULL says so to SQLite. */
static const char *bytes_of(slv_str s)
{
    return s.ptr ? s.ptr : "";
}

void slv_stmt_bind_text(sqlite3_stmt *st, int i, slv_str text)
{
    bound(st, sqlite3_bind_text64(st, i, bytes_of(text), text.len, SQLITE_STATIC, SQLITE_UTF8));
}

void slv_stmt_bind_blob(sqlite3_stmt *st, int i, slv_str bytes)
{
    bound(st, sqlite3_bind_blob64(st, i, bytes_of(bytes), bytes.len, SQLITE_STATIC));
}

void slv_stmt_bind_int(sqlite3_stmt *st, int i, int64_t v)
{
    bound(st, sqlite3_bind_int64(st, i, v));
}

void slv_stmt_bind_null(sqlite3_stmt *st, int i)
{
    bound(st, sqlite3_bind_null(st, i));
}

slv_code slv_stmt_step(slv_db *db, sqlite3_stmt *st, slv_err *err)
{
    if (SLV_UNLIKELY(db->bind_failed)) {
        int rc = db->bind_failed;

        db->bind_failed = SQLITE_OK;
        slv_code code = slv_fail(err, (rc & 0xff) == SQLITE_NOMEM ? SLV_E_NOMEM : SLV_E_LIMIT,
                                 "bind: %s", sqlite3_errstr(rc));
        if (err)
            err->detail = rc;
        return code;
    }
    switch (sqlite3_step(st)) {
    case SQLITE_ROW:
        return SLV_OK;
    case SQLITE_DONE:
        return SLV_E_NOTFOUND;
    default:
        return slv_db_fail(db, err, "sqlite");
    }
}

slv_code slv_stmt_run(slv_db *db, sqlite3_stmt *st, slv_err *err)
{
    slv_code code;

    do
        code = slv_stmt_step(db, st, err);
    while (code == SLV_OK);
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_str slv_stmt_str(sqlite3_stmt *st, int column)
{
    /* The bytes first: asking for the length first would convert twice. */
    const void *ptr = sqlite3_column_blob(st, column);

    return slv_str_make(ptr, (size_t)sqlite3_column_bytes(st, column));
}

int64_t slv_stmt_int(sqlite3_stmt *st, int column)
{
    return sqlite3_column_int64(st, column);
}

bool slv_stmt_is_null(sqlite3_stmt *st, int column)
{
    return sqlite3_column_type(st, column) == SQLITE_NULL;
}

void slv_stmt_done(sqlite3_stmt *st)
{
    slv_db *db = sqlite3_get_clientdata(sqlite3_db_handle(st), SLV_DB_CLIENT);

    if (db)
        db->bind_failed = SQLITE_OK;
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
}
