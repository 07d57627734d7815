/* Dispatch namespaces: workers of an account that a worker of it calls by name. */
#include "catalog/worker_int.h"

#define COLUMNS                                                                                    \
    "n.account,n.name,n.id,n.author,n.created,n.modified,"                                         \
    "(SELECT count(*) FROM worker w WHERE w.account=n.account AND w.dispatch=n.name)"

static slv_code read_namespace(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err)
{
    slv_namespace_row *n = row;
    int at = 0;

    *n = (slv_namespace_row){0};
    SLV_TRY(slv_catalog_take_(st, &at, arena, &n->account, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &n->name, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &n->id, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &n->author, err));
    n->created_ms = slv_stmt_int(st, at++);
    n->modified_ms = slv_stmt_int(st, at++);
    n->workers = (uint64_t)slv_stmt_int(st, at);
    return SLV_OK;
}

static slv_code no_namespace(slv_str name, slv_err *err)
{
    return slv_fail(err, SLV_E_NOTFOUND, "there is no dispatch namespace '%.*s'",
                    SLV_STR_ARGS(name));
}

static const char get_sql[] =
    "SELECT " COLUMNS " FROM namespace n WHERE n.account=?1 AND (n.name=?2 OR n.id=?2)";

slv_code slv_catalog_namespace_get(slv_catalog *c, slv_str account, slv_str name, slv_arena *arena,
                                   slv_namespace_row *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    SLV_TRY(slv_db_stmt(c->db, get_sql, &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, name);
    code = slv_catalog_row_(c, st, read_namespace, arena, ret, err);
    return code == SLV_E_NOTFOUND ? no_namespace(name, err) : code;
}

static const char list_sql[] =
    "SELECT " COLUMNS " FROM namespace n WHERE n.account=?1 ORDER BY n.name";

slv_code slv_catalog_namespace_list(slv_catalog *c, slv_str account, slv_arena *arena,
                                    slv_namespace_list *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    void *items = NULL;

    SLV_TRY(slv_db_stmt(c->db, list_sql, &st, err));
    slv_stmt_bind_text(st, 1, account);
    SLV_TRY(slv_catalog_rows_(c, st, sizeof(slv_namespace_row), read_namespace, arena, &items,
                              &ret->count, err));
    ret->items = items;
    return SLV_OK;
}

static const char exists_sql[] = "SELECT 1 FROM namespace WHERE account=?1 AND name=?2";
static const char count_sql[] = "SELECT count(*) FROM namespace WHERE account=?1";

static slv_code name_is_free(slv_catalog *c, slv_str account, slv_str name, slv_err *err)
{
    uint64_t n;

    if (!slv_worker_name_valid(name, false))
        return slv_fail(err, SLV_E_INVAL,
                        "a dispatch namespace has a name of 1 to 63 letters, "
                        "digits, \"-\" and \"_\", the first no hyphen: '%.*s'",
                        SLV_STR_ARGS(name));
    SLV_TRY(
        slv_catalog_count_(c, exists_sql, &(slv_worker_key){account, name, SLV_STR("")}, &n, err));
    if (n > 0)
        return slv_fail(err, SLV_E_EXISTS, "there is a dispatch namespace '%.*s' already",
                        SLV_STR_ARGS(name));
    return SLV_OK;
}

static const char add_sql[] =
    "INSERT INTO namespace(account,name,id,author,created,modified) VALUES(?1,?2,?3,?4,?5,?6)";

slv_code slv_catalog_namespace_add(slv_catalog *c, const slv_namespace_row *row, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    uint64_t n;

    SLV_TRY(name_is_free(c, row->account, row->name, err));
    SLV_TRY(slv_catalog_count_(c, count_sql, &(slv_worker_key){.account = row->account}, &n, err));
    if (n >= SLV_CATALOG_NAMESPACES_MAX)
        return slv_fail(err, SLV_E_LIMIT, "an account has at most %u dispatch namespaces",
                        SLV_CATALOG_NAMESPACES_MAX);
    SLV_TRY(slv_db_stmt(c->db, add_sql, &st, err));
    slv_stmt_bind_text(st, 1, row->account);
    slv_stmt_bind_text(st, 2, row->name);
    slv_stmt_bind_text(st, 3, row->id);
    slv_stmt_bind_text(st, 4, row->author);
    slv_stmt_bind_int(st, 5, row->created_ms);
    slv_stmt_bind_int(st, 6, row->modified_ms);
    return slv_stmt_run(c->db, st, err);
}

/* ---- what has the name in it ---- */

static slv_code run_named(slv_catalog *c, const char *sql, slv_str account, slv_str name,
                          slv_str new_name, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(c->db, sql, &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, name);
    if (new_name.ptr)
        slv_stmt_bind_text(st, 3, new_name);
    return slv_stmt_run(c->db, st, err);
}

static slv_code must_be_there(slv_catalog *c, slv_str account, slv_str name, slv_err *err)
{
    uint64_t n;

    SLV_TRY(
        slv_catalog_count_(c, exists_sql, &(slv_worker_key){account, name, SLV_STR("")}, &n, err));
    return n > 0 ? SLV_OK : no_namespace(name, err);
}

static const char *const rename_sql[] = {
    "UPDATE namespace SET name=?3 WHERE account=?1 AND name=?2",
    "UPDATE worker SET dispatch=?3 WHERE account=?1 AND dispatch=?2",
    "UPDATE version SET dispatch=?3 WHERE account=?1 AND dispatch=?2",
    "UPDATE deployment SET dispatch=?3 WHERE account=?1 AND dispatch=?2",
};
static const char touch_sql[] = "UPDATE namespace SET modified=?3 WHERE account=?1 AND name=?2";

slv_code slv_catalog_namespace_rename(slv_catalog *c, slv_str account, slv_str name,
                                      slv_str new_name, int64_t now_ms, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(must_be_there(c, account, name, err));
    if (!slv_str_eq(name, new_name)) {
        SLV_TRY(name_is_free(c, account, new_name, err));
        for (size_t i = 0; i < SLV_ARRAY_LEN(rename_sql); i++)
            SLV_TRY(run_named(c, rename_sql[i], account, name, new_name, err));
    }
    SLV_TRY(slv_db_stmt(c->db, touch_sql, &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, new_name);
    slv_stmt_bind_int(st, 3, now_ms);
    return slv_stmt_run(c->db, st, err);
}

static const char *const delete_sql[] = {
    "DELETE FROM version WHERE account=?1 AND dispatch=?2",
    "DELETE FROM deployment WHERE account=?1 AND dispatch=?2",
    "DELETE FROM worker WHERE account=?1 AND dispatch=?2",
    "DELETE FROM namespace WHERE account=?1 AND name=?2",
};

slv_code slv_catalog_namespace_delete(slv_catalog *c, slv_str account, slv_str name, slv_err *err)
{
    SLV_TRY(must_be_there(c, account, name, err));
    for (size_t i = 0; i < SLV_ARRAY_LEN(delete_sql); i++)
        SLV_TRY(run_named(c, delete_sql[i], account, name, SLV_STR_NULL, err));
    return SLV_OK;
}
