/* Workers, and the tables of everything about them. */
#include "catalog/worker.h"

#include "catalog/worker_int.h"

/* Large columns stand last in a row: lists that leave them out do not read their pages. */
const char slv_catalog_worker_schema_[] =
    "CREATE TABLE worker(account TEXT NOT NULL, dispatch TEXT NOT NULL, name TEXT NOT NULL,"
    " tag TEXT NOT NULL, migration_tag TEXT NOT NULL, workers_dev INTEGER NOT NULL,"
    " previews INTEGER NOT NULL, version_count INTEGER NOT NULL, created INTEGER NOT NULL,"
    " modified INTEGER NOT NULL, crons TEXT NOT NULL, settings TEXT NOT NULL,"
    " objects TEXT NOT NULL, PRIMARY KEY(account,dispatch,name)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE version(account TEXT NOT NULL, dispatch TEXT NOT NULL, worker TEXT NOT NULL,"
    " number INTEGER NOT NULL, secrets_since INTEGER NOT NULL, id TEXT NOT NULL, created INTEGER "
    "NOT NULL, source TEXT NOT NULL,"
    " author TEXT NOT NULL, alias TEXT NOT NULL, etag TEXT NOT NULL, code TEXT NOT NULL,"
    " startup INTEGER NOT NULL, deployable INTEGER NOT NULL, handlers TEXT NOT NULL,"
    " annotations TEXT NOT NULL, metadata TEXT NOT NULL, secrets BLOB NOT NULL,"
    " assets TEXT NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX version_number ON version(account,dispatch,worker,number);"
    "CREATE UNIQUE INDEX version_id ON version(account,dispatch,worker,id);"
    "CREATE INDEX version_code ON version(account,code);"
    "CREATE TABLE deployment(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL,"
    " account TEXT NOT NULL, dispatch TEXT NOT NULL, worker TEXT NOT NULL,"
    " created INTEGER NOT NULL, source TEXT NOT NULL, author TEXT NOT NULL,"
    " version1 TEXT NOT NULL, percent1 REAL NOT NULL, version2 TEXT NOT NULL,"
    " percent2 REAL NOT NULL, annotations TEXT NOT NULL) STRICT;"
    "CREATE INDEX deployment_worker ON deployment(account,dispatch,worker,seq);"
    "CREATE TABLE route(id TEXT PRIMARY KEY NOT NULL, account TEXT NOT NULL, worker TEXT NOT NULL,"
    " domain INTEGER NOT NULL, pattern TEXT NOT NULL, match TEXT NOT NULL, zone TEXT NOT NULL,"
    " created INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX route_match ON route(domain,match);"
    "CREATE INDEX route_worker ON route(account,worker,domain,pattern);"
    "CREATE INDEX route_zone ON route(zone,domain);"
    "CREATE TABLE namespace(account TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL,"
    " author TEXT NOT NULL, created INTEGER NOT NULL, modified INTEGER NOT NULL,"
    " PRIMARY KEY(account,name)) STRICT, WITHOUT ROWID;";

/* ---- what the files share ---- */

slv_code slv_catalog_take_(sqlite3_stmt *st, int *at, slv_arena *arena, slv_str *ret, slv_err *err)
{
    slv_code code = slv_arena_dup(arena, slv_stmt_str(st, (*at)++), ret);

    if (code != SLV_OK)
        return slv_fail(err, code, "what was asked for is too large to be listed");
    return SLV_OK;
}

void slv_catalog_bind_key_(sqlite3_stmt *st, const slv_worker_key *key)
{
    slv_stmt_bind_text(st, 1, key->account);
    slv_stmt_bind_text(st, 2, key->dispatch);
    slv_stmt_bind_text(st, 3, key->name);
}

slv_code slv_catalog_no_worker_(const slv_worker_key *key, slv_err *err)
{
    return slv_fail(err, SLV_E_NOTFOUND, "there is no worker '%.*s'", SLV_STR_ARGS(key->name));
}

slv_code slv_catalog_count_(slv_catalog *c, const char *sql, const slv_worker_key *key,
                            uint64_t *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    *ret = 0;
    SLV_TRY(slv_db_stmt(c->db, sql, &st, err));
    slv_stmt_bind_text(st, 1, key->account);
    if (sqlite3_bind_parameter_count(st) > 1)
        slv_stmt_bind_text(st, 2, key->dispatch);
    if (sqlite3_bind_parameter_count(st) > 2)
        slv_stmt_bind_text(st, 3, key->name);
    code = slv_stmt_step(c->db, st, err);
    if (code == SLV_OK)
        *ret = (uint64_t)slv_stmt_int(st, 0);
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_catalog_run_(slv_catalog *c, const char *sql, const slv_worker_key *key, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(c->db, sql, &st, err));
    slv_catalog_bind_key_(st, key);
    return slv_stmt_run(c->db, st, err);
}

slv_code slv_catalog_row_(slv_catalog *c, sqlite3_stmt *st, slv_catalog_read_ read,
                          slv_arena *arena, void *row, slv_err *err)
{
    slv_code code = slv_stmt_step(c->db, st, err);

    if (code == SLV_OK)
        code = read(st, arena, row, err);
    slv_stmt_done(st);
    return code;
}

static slv_code more_room(slv_arena *arena, size_t size, char **items, size_t count, size_t *cap)
{
    size_t want = *cap ? *cap * 2 : 8;
    char *moved = want <= SIZE_MAX / size ? slv_arena_try_alloc0(arena, want * size) : NULL;

    if (!moved)
        return SLV_E_LIMIT;
    if (count > 0)
        memcpy(moved, *items, count * size);
    *items = moved;
    *cap = want;
    return SLV_OK;
}

slv_code slv_catalog_rows_(slv_catalog *c, sqlite3_stmt *st, size_t size, slv_catalog_read_ read,
                           slv_arena *arena, void **ret, size_t *ret_count, slv_err *err)
{
    char *items = NULL;
    size_t count = 0, cap = 0;
    slv_code code;

    while ((code = slv_stmt_step(c->db, st, err)) == SLV_OK) {
        if (count == cap && more_room(arena, size, &items, count, &cap) != SLV_OK)
            code = slv_fail(err, SLV_E_LIMIT, "what was asked for is too large to be listed");
        if (code == SLV_OK)
            code = read(st, arena, items + count * size, err);
        if (code != SLV_OK)
            break;
        count++;
    }
    slv_stmt_done(st);
    if (code != SLV_E_NOTFOUND)
        return code;
    *ret = items;
    *ret_count = count;
    return SLV_OK;
}

/* ---- names ---- */

bool slv_worker_name_valid(slv_str name, bool dispatch)
{
    if (name.len == 0 || name.len > (dispatch ? 255u : 63u) || name.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char ch = name.ptr[i];

        if (!slv_is_alpha(ch) && !slv_is_digit(ch) && ch != '-' && ch != '_')
            return false;
    }
    return true;
}

/* ---- rows ---- */

#define COLUMNS                                                                                    \
    "account,dispatch,name,tag,migration_tag,workers_dev,previews,version_count,created,modified," \
    "crons,settings,objects"

static slv_code read_worker(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err)
{
    slv_worker_row *w = row;
    int at = 0;

    *w = (slv_worker_row){0};
    SLV_TRY(slv_catalog_take_(st, &at, arena, &w->account, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &w->dispatch, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &w->name, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &w->tag, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &w->migration_tag, err));
    w->workers_dev = slv_stmt_int(st, at++) != 0;
    w->previews = slv_stmt_int(st, at++) != 0;
    w->version_count = (uint64_t)slv_stmt_int(st, at++);
    w->created_ms = slv_stmt_int(st, at++);
    w->modified_ms = slv_stmt_int(st, at++);
    SLV_TRY(slv_catalog_take_(st, &at, arena, &w->crons, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &w->settings, err));
    return slv_catalog_take_(st, &at, arena, &w->objects, err);
}

static const char get_sql[] =
    "SELECT " COLUMNS " FROM worker WHERE account=?1 AND dispatch=?2 AND name=?3";

slv_code slv_catalog_worker_get(slv_catalog *c, const slv_worker_key *key, slv_arena *arena,
                                slv_worker_row *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    SLV_TRY(slv_db_stmt(c->db, get_sql, &st, err));
    slv_catalog_bind_key_(st, key);
    code = slv_catalog_row_(c, st, read_worker, arena, ret, err);
    return code == SLV_E_NOTFOUND ? slv_catalog_no_worker_(key, err) : code;
}

static const char list_all_sql[] = "SELECT " COLUMNS " FROM worker ORDER BY account,dispatch,name";
static const char list_account_sql[] =
    "SELECT " COLUMNS " FROM worker WHERE account=?1 ORDER BY dispatch,name";
static const char list_dispatch_sql[] =
    "SELECT " COLUMNS " FROM worker WHERE account=?1 AND dispatch=?2 ORDER BY name";

slv_code slv_catalog_worker_list(slv_catalog *c, slv_str account, slv_str dispatch,
                                 slv_arena *arena, slv_worker_list *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    void *items = NULL;

    SLV_TRY(slv_db_stmt(c->db,
                        account.len == 0 ? list_all_sql
                        : dispatch.ptr   ? list_dispatch_sql
                                         : list_account_sql,
                        &st, err));
    if (account.len > 0)
        slv_stmt_bind_text(st, 1, account);
    if (account.len > 0 && dispatch.ptr)
        slv_stmt_bind_text(st, 2, dispatch);
    SLV_TRY(slv_catalog_rows_(c, st, sizeof(slv_worker_row), read_worker, arena, &items,
                              &ret->count, err));
    ret->items = items;
    return SLV_OK;
}

static const char exists_sql[] =
    "SELECT 1 FROM worker WHERE account=?1 AND dispatch=?2 AND name=?3";
static const char count_sql[] = "SELECT count(*) FROM worker WHERE account=?1 AND dispatch=?2";
static const char count_dispatch_sql[] =
    "SELECT count(*) FROM worker WHERE account=?1 AND dispatch<>''";
static const char namespace_sql[] = "SELECT 1 FROM namespace WHERE account=?1 AND name=?2";

static slv_code room_for(slv_catalog *c, const slv_worker_key *key, slv_err *err)
{
    bool dispatch = key->dispatch.len > 0;
    uint64_t max = dispatch ? SLV_CATALOG_DISPATCH_WORKERS_MAX : SLV_CATALOG_WORKERS_MAX, n;

    SLV_TRY(slv_catalog_count_(c, exists_sql, key, &n, err));
    if (n > 0)
        return SLV_OK;
    if (dispatch) {
        SLV_TRY(slv_catalog_count_(c, namespace_sql, key, &n, err));
        if (n == 0)
            return slv_fail(err, SLV_E_NOTFOUND, "there is no dispatch namespace '%.*s'",
                            SLV_STR_ARGS(key->dispatch));
    }
    SLV_TRY(slv_catalog_count_(c, dispatch ? count_dispatch_sql : count_sql, key, &n, err));
    if (n >= max)
        return slv_fail(err, SLV_E_LIMIT, "an account has at most %llu workers%s",
                        (unsigned long long)max, dispatch ? " in dispatch namespaces" : "");
    return SLV_OK;
}

static const char put_sql[] =
    "INSERT OR REPLACE INTO worker(" COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)";

slv_code slv_catalog_worker_put(slv_catalog *c, const slv_worker_row *row, slv_err *err)
{
    const slv_worker_key key = slv_worker_row_key(row);
    sqlite3_stmt *st = NULL;

    SLV_TRY(room_for(c, &key, err));
    SLV_TRY(slv_db_stmt(c->db, put_sql, &st, err));
    slv_catalog_bind_key_(st, &key);
    slv_stmt_bind_text(st, 4, row->tag);
    slv_stmt_bind_text(st, 5, row->migration_tag);
    slv_stmt_bind_int(st, 6, row->workers_dev);
    slv_stmt_bind_int(st, 7, row->previews);
    slv_stmt_bind_int(st, 8, (int64_t)row->version_count);
    slv_stmt_bind_int(st, 9, row->created_ms);
    slv_stmt_bind_int(st, 10, row->modified_ms);
    slv_stmt_bind_text(st, 11, row->crons);
    slv_stmt_bind_text(st, 12, row->settings);
    slv_stmt_bind_text(st, 13, row->objects);
    return slv_stmt_run(c->db, st, err);
}

static const char *const delete_sql[] = {
    "DELETE FROM version WHERE account=?1 AND dispatch=?2 AND worker=?3",
    "DELETE FROM deployment WHERE account=?1 AND dispatch=?2 AND worker=?3",
    "DELETE FROM route WHERE account=?1 AND ?2='' AND worker=?3",
    "DELETE FROM consumer WHERE account=?1 AND ?2='' AND worker=?3",
    "DELETE FROM worker WHERE account=?1 AND dispatch=?2 AND name=?3",
};

slv_code slv_catalog_worker_delete(slv_catalog *c, const slv_worker_key *key, slv_err *err)
{
    uint64_t n;

    SLV_TRY(slv_catalog_count_(c, exists_sql, key, &n, err));
    if (n == 0)
        return slv_catalog_no_worker_(key, err);
    for (size_t i = 0; i < SLV_ARRAY_LEN(delete_sql); i++)
        SLV_TRY(slv_catalog_run_(c, delete_sql[i], key, err));
    return SLV_OK;
}
