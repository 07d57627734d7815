/*
 * Format 1 of registry.sqlite:
 *
 *   objects    key, id      the class (its key) and the object (64 hex digits)
 *              name         NULL: none, or not known
 *              epoch        residences so far
 *              open         1 from enter to leave
 *              alarm, next  ms; NULL: no alarm
 *              retries      failures of this alarm so far
 *   workers    worker, tag  the last migration that was applied
 */
#include "objects/registry.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

#define TEXT_MAX ((size_t)1 << 20)

struct slv_registry {
    slv_db *db;
    slv_buf text; /* what rows that were handed out borrow */
};

static const char *const steps[] = {
    "CREATE TABLE objects(key TEXT NOT NULL, id TEXT NOT NULL, name TEXT, epoch INTEGER NOT NULL,"
    " open INTEGER NOT NULL, alarm INTEGER, next INTEGER, retries INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY(key, id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX objects_alarm ON objects(alarm) WHERE alarm IS NOT NULL;"
    "CREATE INDEX objects_open ON objects(open) WHERE open = 1;"
    "CREATE TABLE workers(worker TEXT PRIMARY KEY NOT NULL, tag TEXT NOT NULL)"
    " STRICT, WITHOUT ROWID;",
};

static const slv_db_schema schema = {
    .application_id = 0x534c5652, /* "SLVR" */
    .steps = steps,
    .count = SLV_ARRAY_LEN(steps),
};

slv_code slv_registry_open(const char *path, bool create, bool read_only, slv_registry **ret,
                           slv_err *err)
{
    SLV_CLEANUP(slv_registry_free) slv_registry *r = slv_new0(slv_registry);
    const slv_db_options options = {.schema = &schema, .create = create, .read_only = read_only};
    SLV_CLEANUP(slv_buf_done) slv_buf file = SLV_BUF(8192);

    r->text = SLV_BUF(TEXT_MAX);
    SLV_TRY(slv_buf_printf(&file, "%s.sqlite", path));
    SLV_TRY(slv_buf_append_byte(&file, '\0'));
    SLV_TRY(slv_db_open(file.ptr, &options, &r->db, err));
    *ret = SLV_STEAL(r);
    return SLV_OK;
}

slv_registry *slv_registry_free(slv_registry *r)
{
    if (r) {
        (void)slv_db_free(r->db);
        slv_buf_done(&r->text);
        free(r);
    }
    return NULL;
}

slv_db *slv_registry_db(slv_registry *r)
{
    return r->db;
}

/* Columns: key, id, name, epoch, alarm, next, retries. Strings borrow from the statement. */
static void read_row(sqlite3_stmt *st, slv_registry_row *ret)
{
    *ret = (slv_registry_row){
        .key = slv_stmt_str(st, 0),
        .id = slv_stmt_str(st, 1),
        .name = slv_stmt_str(st, 2),
        .named = !slv_stmt_is_null(st, 2),
        .epoch = (uint64_t)slv_stmt_int(st, 3),
        .alarm = {.set_ms = SLV_REGISTRY_NO_ALARM},
    };
    if (!slv_stmt_is_null(st, 4))
        ret->alarm = (slv_registry_alarm){.set_ms = slv_stmt_int(st, 4),
                                          .next_ms = slv_stmt_int(st, 5),
                                          .retries = (uint32_t)slv_stmt_int(st, 6)};
}

#define COLUMNS "key, id, name, epoch, alarm, next, retries"

slv_code slv_registry_enter(slv_registry *r, slv_str key, slv_str id, bool named, slv_str name,
                            slv_registry_row *ret, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(r->db,
                        "INSERT INTO objects(key, id, name, epoch, open) VALUES(?1, ?2, ?3, 1, 1)"
                        " ON CONFLICT DO UPDATE SET epoch = epoch + 1, open = 1,"
                        " name = coalesce(name, excluded.name) RETURNING " COLUMNS,
                        &st, err));
    slv_stmt_bind_text(st, 1, key);
    slv_stmt_bind_text(st, 2, id);
    if (named)
        slv_stmt_bind_text(st, 3, name);
    else
        slv_stmt_bind_null(st, 3);
    slv_code code = slv_stmt_step(r->db, st, err);
    if (code == SLV_OK) {
        read_row(st, ret);
        code = slv_buf_set(&r->text, ret->name);
        ret->name = slv_buf_view(&r->text);
        ret->key = key;
        ret->id = id;
    }
    slv_stmt_done(st);
    return code;
}

slv_code slv_registry_leave(slv_registry *r, slv_str key, slv_str id, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(r->db, "UPDATE objects SET open = 0 WHERE key = ?1 AND id = ?2", &st, err));
    slv_stmt_bind_text(st, 1, key);
    slv_stmt_bind_text(st, 2, id);
    return slv_stmt_run(r->db, st, err);
}

slv_code slv_registry_set_alarm(slv_registry *r, slv_str key, slv_str id,
                                const slv_registry_alarm *alarm, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(r->db,
                        "UPDATE objects SET alarm = ?3, next = ?4, retries = ?5"
                        " WHERE key = ?1 AND id = ?2",
                        &st, err));
    slv_stmt_bind_text(st, 1, key);
    slv_stmt_bind_text(st, 2, id);
    if (alarm->set_ms == SLV_REGISTRY_NO_ALARM) {
        slv_stmt_bind_null(st, 3);
        slv_stmt_bind_null(st, 4);
    } else {
        slv_stmt_bind_int(st, 3, alarm->set_ms);
        slv_stmt_bind_int(st, 4, alarm->next_ms);
    }
    slv_stmt_bind_int(st, 5, alarm->retries);
    return slv_stmt_run(r->db, st, err);
}

static slv_code each_row(slv_registry *r, const char *sql, const slv_str *key,
                         slv_registry_each each, void *arg, slv_err *err)
{
    slv_registry_row row;
    sqlite3_stmt *st;
    slv_code code;

    SLV_TRY(slv_db_stmt(r->db, sql, &st, err));
    if (key)
        slv_stmt_bind_text(st, 1, *key);
    while ((code = slv_stmt_step(r->db, st, err)) == SLV_OK) {
        read_row(st, &row);
        each(arg, &row);
    }
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_registry_alarms(slv_registry *r, slv_registry_each each, void *arg, slv_err *err)
{
    return each_row(r, "SELECT " COLUMNS " FROM objects WHERE alarm IS NOT NULL", NULL, each, arg,
                    err);
}

slv_code slv_registry_left_open(slv_registry *r, slv_registry_each each, void *arg, slv_err *err)
{
    return each_row(r, "SELECT " COLUMNS " FROM objects WHERE open = 1", NULL, each, arg, err);
}

slv_code slv_registry_list(slv_registry *r, slv_str key, slv_registry_each each, void *arg,
                           slv_err *err)
{
    return each_row(r, "SELECT " COLUMNS " FROM objects WHERE key = ?1 ORDER BY id", &key, each,
                    arg, err);
}

slv_code slv_registry_drop_class(slv_registry *r, slv_str key, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(r->db, "DELETE FROM objects WHERE key = ?1", &st, err));
    slv_stmt_bind_text(st, 1, key);
    return slv_stmt_run(r->db, st, err);
}

slv_code slv_registry_tag(slv_registry *r, slv_str worker, slv_str *ret, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(r->db, "SELECT tag FROM workers WHERE worker = ?1", &st, err));
    slv_stmt_bind_text(st, 1, worker);
    slv_code code = slv_stmt_step(r->db, st, err);
    if (code == SLV_OK)
        code = slv_buf_set(&r->text, slv_stmt_str(st, 0));
    slv_stmt_done(st);
    if (code == SLV_OK)
        *ret = slv_buf_view(&r->text);
    return code;
}

slv_code slv_registry_set_tag(slv_registry *r, slv_str worker, slv_str tag, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(
        slv_db_stmt(r->db, "INSERT OR REPLACE INTO workers(worker, tag) VALUES(?1, ?2)", &st, err));
    slv_stmt_bind_text(st, 1, worker);
    slv_stmt_bind_text(st, 2, tag);
    return slv_stmt_run(r->db, st, err);
}
