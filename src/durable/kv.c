#include "durable/durable_int.h"

static const char make_kv[] = "CREATE TABLE _cf_KV(key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID";
static const char make_metadata[] =
    "CREATE TABLE _cf_METADATA(key INTEGER PRIMARY KEY, value BLOB)";

static slv_code exec_own(slv_durable *d, const char *text, slv_err *err)
{
    if (sqlite3_exec(d->db, text, NULL, NULL, NULL) != SQLITE_OK)
        return slv_durable_fail(d, err);
    return SLV_OK;
}

/* The text is bound as what it is: never NULL, NUL bytes included. SQLITE_TOOBIG is remembered by
 * nobody: whoever binds looks at the result. */
static int bind_key(sqlite3_stmt *st, int i, slv_str key)
{
    return sqlite3_bind_text64(st, i, key.len ? key.ptr : "", key.len, SQLITE_STATIC, SQLITE_UTF8);
}

/* Steps once, if binding went well. */
static int run_bound(sqlite3_stmt *st, int rc)
{
    return rc == SQLITE_OK ? sqlite3_step(st) : rc;
}

static slv_str column_bytes(sqlite3_stmt *st, int i)
{
    const void *ptr = sqlite3_column_blob(st, i);

    return slv_str_make(ptr, (size_t)sqlite3_column_bytes(st, i));
}

/* ---- one key ---- */

slv_code slv_durable_kv_get(slv_durable *d, slv_str key, slv_str *ret, slv_err *err)
{
    sqlite3_stmt *st;
    int rc;

    SLV_TRY(slv_durable_tables(d, err));
    if (!d->has_kv)
        return SLV_E_NOTFOUND;
    st = slv_durable_stmt(d, ST_KV_GET, err);
    if (!st)
        return err ? err->code : SLV_E_IO;
    (void)sqlite3_reset(st); /* the value of the last get was borrowed until now */
    rc = run_bound(st, bind_key(st, 1, key));
    if (rc == SQLITE_ROW) {
        *ret = column_bytes(st, 0);
        return SLV_OK;
    }
    slv_code code = rc == SQLITE_DONE ? SLV_E_NOTFOUND : slv_durable_fail_rc(d, rc, err);
    (void)sqlite3_reset(st);
    return code;
}

void slv_durable_kv_got(slv_durable *d)
{
    if (d->statements[ST_KV_GET])
        (void)sqlite3_reset(d->statements[ST_KV_GET]);
}

slv_code slv_durable_kv_put(slv_durable *d, slv_str key, slv_str value, slv_err *err)
{
    sqlite3_stmt *st;
    int rc;

    slv_durable_kv_got(d);
    SLV_TRY(slv_durable_write(d, err));
    SLV_TRY(slv_durable_tables(d, err));
    if (!d->has_kv) {
        SLV_TRY(exec_own(d, make_kv, err));
        d->has_kv = true;
    }
    st = slv_durable_stmt(d, ST_KV_PUT, err);
    if (!st)
        return err ? err->code : SLV_E_IO;
    rc = bind_key(st, 1, key);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob64(st, 2, value.len ? value.ptr : "", value.len, SQLITE_STATIC);
    rc = run_bound(st, rc);
    slv_code code = rc == SQLITE_DONE ? SLV_OK : slv_durable_fail_rc(d, rc, err);
    (void)sqlite3_reset(st);
    (void)sqlite3_clear_bindings(st);
    return code;
}

slv_code slv_durable_kv_delete(slv_durable *d, slv_str key, bool *ret_was_there, slv_err *err)
{
    sqlite3_stmt *st;
    int rc;

    slv_durable_kv_got(d);
    *ret_was_there = false;
    SLV_TRY(slv_durable_tables(d, err));
    if (!d->has_kv)
        return SLV_OK;
    SLV_TRY(slv_durable_write(d, err));
    st = slv_durable_stmt(d, ST_KV_DELETE, err);
    if (!st)
        return err ? err->code : SLV_E_IO;
    rc = run_bound(st, bind_key(st, 1, key));
    slv_code code = rc == SQLITE_DONE ? SLV_OK : slv_durable_fail_rc(d, rc, err);
    *ret_was_there = code == SLV_OK && sqlite3_changes(d->db) > 0;
    (void)sqlite3_reset(st);
    (void)sqlite3_clear_bindings(st);
    return code;
}

/* ---- listing ---- */

void slv_durable_kv_list_end(slv_durable *d)
{
    slv_durable_kv_got(d);
    if (!d->listing)
        return;
    (void)sqlite3_reset(d->listing);
    (void)sqlite3_clear_bindings(d->listing);
    d->listing = NULL;
}

slv_code slv_durable_kv_list(slv_durable *d, const slv_durable_range *range, slv_err *err)
{
    durable_statement which = ST_KV_LIST;
    sqlite3_stmt *st;

    slv_durable_kv_list_end(d);
    d->list_left = 0;
    d->list_cut = false;
    SLV_TRY(slv_durable_tables(d, err));
    if (!d->has_kv)
        return SLV_OK;
    if (range->reverse)
        which = range->has_end ? ST_KV_LIST_END_REVERSE : ST_KV_LIST_REVERSE;
    else if (range->has_end)
        which = ST_KV_LIST_END;
    st = slv_durable_stmt(d, which, err);
    if (!st)
        return err ? err->code : SLV_E_IO;
    /* Copied: the listing may outlive the caller's texts. */
    (void)sqlite3_bind_text64(st, 1, range->start.len ? range->start.ptr : "", range->start.len,
                              SQLITE_TRANSIENT, SQLITE_UTF8);
    if (range->has_end)
        (void)sqlite3_bind_text64(st, 2, range->end.len ? range->end.ptr : "", range->end.len,
                                  SQLITE_TRANSIENT, SQLITE_UTF8);
    d->listing = st;
    d->list_left = range->limit ? range->limit : UINT64_MAX;
    return SLV_OK;
}

slv_code slv_durable_kv_next(slv_durable *d, slv_str *ret_key, slv_str *ret_value, slv_err *err)
{
    int rc;

    if (!d->listing && d->list_cut)
        return slv_fail(err, SLV_E_STATE,
                        "kv.list() iterator was invalidated: it was left open for too long.");
    if (!d->listing)
        return SLV_E_NOTFOUND;
    if (d->list_left == 0) {
        slv_durable_kv_list_end(d);
        return SLV_E_NOTFOUND;
    }
    d->list_left--;
    rc = sqlite3_step(d->listing);
    if (rc == SQLITE_ROW) {
        *ret_key = column_bytes(d->listing, 0);
        *ret_value = column_bytes(d->listing, 1);
        return SLV_OK;
    }
    slv_code code = rc == SQLITE_DONE ? SLV_E_NOTFOUND : slv_durable_fail(d, err);
    slv_durable_kv_list_end(d);
    return code;
}

/* ---- everything ---- */

static const char all_names[] =
    /* Virtual tables first, which drop what they consist of; the alarm stays unless asked for. */
    "SELECT type, name FROM sqlite_schema WHERE type IN ('table','view') AND name NOT LIKE "
    "'sqlite\\_%' ESCAPE '\\' AND (?1 OR name <> '_cf_METADATA')"
    " ORDER BY sql LIKE 'CREATE VIRTUAL%' DESC, type='view' DESC LIMIT 1";

/* Drops the first thing there is. SLV_E_NOTFOUND: there is none. */
static slv_code drop_one(slv_durable *d, bool with_alarm, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    char *text = NULL;
    slv_code code = SLV_OK;
    int rc = sqlite3_prepare_v2(d->db, all_names, -1, &st, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int(st, 1, with_alarm);
    rc = run_bound(st, rc);
    if (rc == SQLITE_ROW)
        text = sqlite3_mprintf("DROP %s \"%w\"", sqlite3_column_text(st, 0),
                               sqlite3_column_text(st, 1));
    else if (rc == SQLITE_DONE)
        code = SLV_E_NOTFOUND;
    else
        code = slv_durable_fail(d, err);
    (void)sqlite3_finalize(st);
    if (text && sqlite3_exec(d->db, text, NULL, NULL, NULL) != SQLITE_OK)
        code = slv_durable_fail(d, err);
    sqlite3_free(text);
    return code;
}

slv_code slv_durable_delete_all(slv_durable *d, bool with_alarm, slv_err *err)
{
    slv_code code;

    slv_durable_kv_list_end(d);
    SLV_TRY(slv_durable_write(d, err));
    d->tables_known = false;
    /* A table goes before what refers to it. */
    (void)sqlite3_db_config(d->db, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
    do
        code = drop_one(d, with_alarm, err);
    while (code == SLV_OK);
    (void)sqlite3_db_config(d->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* ---- alarm ---- */

slv_code slv_durable_alarm_get(slv_durable *d, int64_t *ret_ms, slv_err *err)
{
    sqlite3_stmt *st;
    int rc;

    *ret_ms = SLV_DURABLE_NO_ALARM;
    SLV_TRY(slv_durable_tables(d, err));
    if (!d->has_metadata)
        return SLV_OK;
    st = slv_durable_stmt(d, ST_ALARM_GET, err);
    if (!st)
        return err ? err->code : SLV_E_IO;
    rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *ret_ms = sqlite3_column_int64(st, 0);
    slv_code code = rc == SQLITE_ROW || rc == SQLITE_DONE ? SLV_OK : slv_durable_fail(d, err);
    (void)sqlite3_reset(st);
    return code;
}

slv_code slv_durable_alarm_set(slv_durable *d, int64_t ms, slv_err *err)
{
    sqlite3_stmt *st;
    int rc;

    SLV_TRY(slv_durable_tables(d, err));
    if (ms == SLV_DURABLE_NO_ALARM && !d->has_metadata)
        return SLV_OK;
    SLV_TRY(slv_durable_write(d, err));
    if (!d->has_metadata) {
        SLV_TRY(exec_own(d, make_metadata, err));
        d->has_metadata = true;
    }
    if (ms == SLV_DURABLE_NO_ALARM)
        return slv_durable_run(d, ST_ALARM_DELETE, err);
    st = slv_durable_stmt(d, ST_ALARM_SET, err);
    if (!st)
        return err ? err->code : SLV_E_IO;
    (void)sqlite3_bind_int64(st, 1, ms);
    rc = sqlite3_step(st);
    slv_code code = rc == SQLITE_DONE ? SLV_OK : slv_durable_fail(d, err);
    (void)sqlite3_reset(st);
    return code;
}
