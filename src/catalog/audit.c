/* The audit log: what was changed, when, by whom. */
#include "catalog/account.h"
#include "catalog/catalog_int.h"

static slv_str cut(slv_str text)
{
    return slv_str_sub(text.ptr ? text : SLV_STR(""), 0, SLV_AUDIT_TEXT_MAX);
}

static slv_code run_with(slv_catalog *c, const char *sql, int64_t arg, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(c->db, sql, &st, err));
    slv_stmt_bind_int(st, 1, arg);
    return slv_stmt_run(c->db, st, err);
}

slv_code slv_catalog_audit(slv_catalog *c, const slv_audit_row *row, slv_err *err)
{
    sqlite3_stmt *st;
    int64_t last;

    SLV_TRY(slv_db_stmt(c->db,
                        "INSERT INTO audit(at,account,actor,token,action,resource,status)"
                        " VALUES(?1,?2,?3,?4,?5,?6,?7)",
                        &st, err));
    slv_stmt_bind_int(st, 1, row->at_ms);
    slv_stmt_bind_text(st, 2, cut(row->account));
    slv_stmt_bind_text(st, 3, cut(row->actor));
    slv_stmt_bind_text(st, 4, cut(row->token));
    slv_stmt_bind_text(st, 5, cut(row->action));
    slv_stmt_bind_text(st, 6, cut(row->resource));
    slv_stmt_bind_int(st, 7, row->status);
    SLV_TRY(slv_stmt_run(c->db, st, err));
    last = sqlite3_last_insert_rowid(slv_db_handle(c->db));
    SLV_TRY(run_with(c, "DELETE FROM audit WHERE number<=?1", last - SLV_AUDIT_ROWS_MAX, err));
    return run_with(c, "DELETE FROM audit WHERE at<?1", row->at_ms - SLV_AUDIT_AGE_MS, err);
}

static slv_code read_row(sqlite3_stmt *st, slv_arena *arena, slv_audit_row *ret)
{
    ret->number = (uint64_t)slv_stmt_int(st, 0);
    ret->at_ms = slv_stmt_int(st, 1);
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 2), &ret->account));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 3), &ret->actor));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 4), &ret->token));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 5), &ret->action));
    SLV_TRY(slv_arena_dup(arena, slv_stmt_str(st, 6), &ret->resource));
    ret->status = (int)slv_stmt_int(st, 7);
    return SLV_OK;
}

slv_code slv_catalog_audit_list(slv_catalog *c, slv_str account, uint64_t before, size_t limit,
                                slv_arena *arena, slv_audit_row **ret, size_t *ret_count,
                                slv_err *err)
{
    slv_audit_row *rows = slv_arena_try_alloc0(arena, (limit + 1) * sizeof *rows);
    bool all = account.len == 0;
    sqlite3_stmt *st;
    size_t n = 0;
    slv_code code;

    if (!rows)
        return SLV_E_LIMIT;
    SLV_TRY(slv_db_stmt(c->db,
                        all ? "SELECT number,at,account,actor,token,action,resource,status"
                              " FROM audit WHERE number<?1 ORDER BY number DESC LIMIT ?2"
                            : "SELECT number,at,account,actor,token,action,resource,status"
                              " FROM audit WHERE account=?3 AND number<?1"
                              " ORDER BY number DESC LIMIT ?2",
                        &st, err));
    slv_stmt_bind_int(st, 1, before > 0 && before < INT64_MAX ? (int64_t)before : INT64_MAX);
    slv_stmt_bind_int(st, 2, (int64_t)limit);
    if (!all)
        slv_stmt_bind_text(st, 3, account);
    while ((code = slv_stmt_step(c->db, st, err)) == SLV_OK && n < limit)
        if ((code = read_row(st, arena, &rows[n++])) != SLV_OK)
            break;
    slv_stmt_done(st);
    *ret = rows;
    *ret_count = n;
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}
