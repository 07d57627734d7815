#include "store/usersql_int.h"

typedef struct code_name {
    int code;
    const char *name;
} code_name;

#define ROW(c)                                                                                     \
    {                                                                                              \
        c, #c                                                                                      \
    }

static const code_name primary[] = {
    ROW(SQLITE_OK),       ROW(SQLITE_ERROR),     ROW(SQLITE_INTERNAL), ROW(SQLITE_PERM),
    ROW(SQLITE_ABORT),    ROW(SQLITE_BUSY),      ROW(SQLITE_LOCKED),   ROW(SQLITE_NOMEM),
    ROW(SQLITE_READONLY), ROW(SQLITE_INTERRUPT), ROW(SQLITE_IOERR),    ROW(SQLITE_CORRUPT),
    ROW(SQLITE_NOTFOUND), ROW(SQLITE_FULL),      ROW(SQLITE_CANTOPEN), ROW(SQLITE_PROTOCOL),
    ROW(SQLITE_EMPTY),    ROW(SQLITE_SCHEMA),    ROW(SQLITE_TOOBIG),   ROW(SQLITE_CONSTRAINT),
    ROW(SQLITE_MISMATCH), ROW(SQLITE_MISUSE),    ROW(SQLITE_NOLFS),    ROW(SQLITE_AUTH),
    ROW(SQLITE_FORMAT),   ROW(SQLITE_RANGE),     ROW(SQLITE_NOTADB),   ROW(SQLITE_NOTICE),
    ROW(SQLITE_WARNING),  ROW(SQLITE_ROW),       ROW(SQLITE_DONE),
};

static const code_name extended[] = {
    ROW(SQLITE_ABORT_ROLLBACK),
    ROW(SQLITE_AUTH_USER),
    ROW(SQLITE_BUSY_RECOVERY),
    ROW(SQLITE_BUSY_SNAPSHOT),
    ROW(SQLITE_BUSY_TIMEOUT),
    ROW(SQLITE_CANTOPEN_CONVPATH),
    ROW(SQLITE_CANTOPEN_DIRTYWAL),
    ROW(SQLITE_CANTOPEN_FULLPATH),
    ROW(SQLITE_CANTOPEN_ISDIR),
    ROW(SQLITE_CANTOPEN_NOTEMPDIR),
    ROW(SQLITE_CANTOPEN_SYMLINK),
    ROW(SQLITE_CONSTRAINT_CHECK),
    ROW(SQLITE_CONSTRAINT_COMMITHOOK),
    ROW(SQLITE_CONSTRAINT_DATATYPE),
    ROW(SQLITE_CONSTRAINT_FOREIGNKEY),
    ROW(SQLITE_CONSTRAINT_FUNCTION),
    ROW(SQLITE_CONSTRAINT_NOTNULL),
    ROW(SQLITE_CONSTRAINT_PINNED),
    ROW(SQLITE_CONSTRAINT_PRIMARYKEY),
    ROW(SQLITE_CONSTRAINT_ROWID),
    ROW(SQLITE_CONSTRAINT_TRIGGER),
    ROW(SQLITE_CONSTRAINT_UNIQUE),
    ROW(SQLITE_CONSTRAINT_VTAB),
    ROW(SQLITE_CORRUPT_INDEX),
    ROW(SQLITE_CORRUPT_SEQUENCE),
    ROW(SQLITE_CORRUPT_VTAB),
    ROW(SQLITE_ERROR_MISSING_COLLSEQ),
    ROW(SQLITE_ERROR_RETRY),
    ROW(SQLITE_ERROR_SNAPSHOT),
    ROW(SQLITE_IOERR_ACCESS),
    ROW(SQLITE_IOERR_AUTH),
    ROW(SQLITE_IOERR_BEGIN_ATOMIC),
    ROW(SQLITE_IOERR_BLOCKED),
    ROW(SQLITE_IOERR_CHECKRESERVEDLOCK),
    ROW(SQLITE_IOERR_CLOSE),
    ROW(SQLITE_IOERR_COMMIT_ATOMIC),
    ROW(SQLITE_IOERR_CONVPATH),
    ROW(SQLITE_IOERR_CORRUPTFS),
    ROW(SQLITE_IOERR_DATA),
    ROW(SQLITE_IOERR_DELETE),
    ROW(SQLITE_IOERR_DELETE_NOENT),
    ROW(SQLITE_IOERR_DIR_CLOSE),
    ROW(SQLITE_IOERR_DIR_FSYNC),
    ROW(SQLITE_IOERR_FSTAT),
    ROW(SQLITE_IOERR_FSYNC),
    ROW(SQLITE_IOERR_GETTEMPPATH),
    ROW(SQLITE_IOERR_LOCK),
    ROW(SQLITE_IOERR_MMAP),
    ROW(SQLITE_IOERR_NOMEM),
    ROW(SQLITE_IOERR_RDLOCK),
    ROW(SQLITE_IOERR_READ),
    ROW(SQLITE_IOERR_ROLLBACK_ATOMIC),
    ROW(SQLITE_IOERR_SEEK),
    ROW(SQLITE_IOERR_SHMLOCK),
    ROW(SQLITE_IOERR_SHMMAP),
    ROW(SQLITE_IOERR_SHMOPEN),
    ROW(SQLITE_IOERR_SHMSIZE),
    ROW(SQLITE_IOERR_SHORT_READ),
    ROW(SQLITE_IOERR_TRUNCATE),
    ROW(SQLITE_IOERR_UNLOCK),
    ROW(SQLITE_IOERR_VNODE),
    ROW(SQLITE_IOERR_WRITE),
    ROW(SQLITE_LOCKED_SHAREDCACHE),
    ROW(SQLITE_LOCKED_VTAB),
    ROW(SQLITE_READONLY_CANTINIT),
    ROW(SQLITE_READONLY_CANTLOCK),
    ROW(SQLITE_READONLY_DBMOVED),
    ROW(SQLITE_READONLY_DIRECTORY),
    ROW(SQLITE_READONLY_RECOVERY),
    ROW(SQLITE_READONLY_ROLLBACK),
};

static const char *find(const code_name *rows, size_t n, int code)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].code == code)
            return rows[i].name;
    return NULL;
}

const char *slv_usersql_code_name(int rc)
{
    return find(primary, SLV_ARRAY_LEN(primary), rc);
}

const char *slv_usersql_extended_name(int rc)
{
    return find(extended, SLV_ARRAY_LEN(extended), rc);
}

slv_code slv_usersql_say(slv_usersql *u, slv_err *err, slv_code code, slv_str text)
{
    slv_buf_reset(&u->message);
    if (slv_buf_append(&u->message, slv_str_sub(text, 0, USERSQL_MESSAGE_MAX)) != SLV_OK)
        slv_buf_reset(&u->message);
    return slv_fail(err, code, "%.*s", SLV_STR_ARGS(text));
}

static slv_code code_of(const slv_usersql *u, int rc)
{
    switch (rc) {
    case SQLITE_INTERRUPT:
        return u->stopped ? SLV_E_CANCELED : SLV_E_TIMEOUT;
    case SQLITE_FULL:
        return SLV_E_LIMIT;
    case SQLITE_NOMEM:
        return SLV_E_NOMEM;
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_BUSY:
    case SQLITE_PROTOCOL:
    case SQLITE_READONLY:
        return SLV_E_IO;
    default:
        return SLV_E_INVAL;
    }
}

slv_code slv_usersql_fail(slv_usersql *u, int rc, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(USERSQL_MESSAGE_MAX + 256);
    int primary_rc = rc & 0xff;
    /* A bind that fails before it reaches the connection leaves no text there. */
    bool on_db = (sqlite3_errcode(u->db) & 0xff) == primary_rc;
    slv_str said = slv_str_from(on_db ? sqlite3_errmsg(u->db) : sqlite3_errstr(primary_rc));
    int offset = on_db ? sqlite3_error_offset(u->db) : -1;
    int extended_rc = on_db ? sqlite3_extended_errcode(u->db) : rc;
    const char *name = slv_usersql_code_name(primary_rc);
    const char *more = extended_rc == primary_rc ? NULL : slv_usersql_extended_name(extended_rc);
    slv_code code = slv_buf_append(&text, slv_str_sub(said, 0, USERSQL_MESSAGE_MAX));

    if (code == SLV_OK && offset >= 0)
        code = slv_buf_printf(&text, " at offset %d", offset);
    if (code == SLV_OK && name)
        code = slv_buf_printf(&text, ": %s", name);
    else if (code == SLV_OK)
        code = slv_buf_printf(&text, ": SQLITE_UNKNOWN_ERROR_CODE(%d)", primary_rc);
    if (code == SLV_OK && more)
        /* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): there is room for all of it */
        code = slv_buf_printf(&text, " (extended: %s)", more);
    code = slv_usersql_say(u, err, code_of(u, primary_rc), slv_buf_view(&text));
    if (err)
        err->detail = extended_rc;
    return code;
}

slv_code slv_usersql_wrong_count(slv_usersql *u, slv_err *err)
{
    return slv_usersql_say(u, err, SLV_E_INVAL,
                           SLV_STR("Wrong number of parameter bindings for SQL query."));
}

slv_str slv_usersql_message(slv_usersql *u)
{
    return slv_buf_view(&u->message);
}
