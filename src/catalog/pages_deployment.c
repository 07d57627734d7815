/* Deployments of Pages projects. */
#include "catalog/pages_int.h"

#define COLUMNS                                                                                    \
    "account,project,id,production,branch,alias,created,author,code,etag,startup,handlers,cause,"  \
    "routes,metadata,secrets,assets"
#define WHERE " FROM pages_deployment WHERE account=?1 AND project=?2"

static slv_code read_one(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err)
{
    slv_pages_deployment *d = row;
    int at = 0;

    *d = (slv_pages_deployment){0};
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->account, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->project, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->id, err));
    d->production = slv_stmt_int(st, at++) != 0;
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->branch, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->alias, err));
    d->created_ms = slv_stmt_int(st, at++);
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->author, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->code, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->etag, err));
    d->startup_ms = (uint32_t)slv_stmt_int(st, at++);
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->handlers, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->trigger, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->routes, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->metadata, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->secrets, err));
    return slv_catalog_take_(st, &at, arena, &d->assets, err);
}

static slv_code no_deployment(slv_str id, slv_err *err)
{
    return slv_fail(err, SLV_E_NOTFOUND, "the project has no deployment '%.*s'", SLV_STR_ARGS(id));
}

slv_code slv_catalog_pages_get(slv_catalog *c, slv_str account, slv_str project, slv_str id,
                               slv_arena *arena, slv_pages_deployment *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_catalog_pages_stmt_(c, "SELECT " COLUMNS WHERE " AND id=?3", account, project, &st,
                                    err));
    slv_stmt_bind_text(st, 3, id);
    slv_code code = slv_catalog_row_(c, st, read_one, arena, ret, err);
    return code == SLV_E_NOTFOUND ? no_deployment(id, err) : code;
}

slv_code slv_catalog_pages_preview(slv_catalog *c, slv_str account, slv_str project, slv_str label,
                                   slv_arena *arena, slv_pages_deployment *ret, slv_err *err)
{
    /* Ids are lower-case: what begins with the label is a range of the index. */
    static const char *const sql[] = {
        "SELECT " COLUMNS WHERE " AND length(?3)=8 AND id>=?3 AND id<?3||'.' LIMIT 1",
        "SELECT " COLUMNS WHERE " AND alias=?3 AND ?3<>'' ORDER BY seq DESC LIMIT 1",
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(sql); i++) {
        sqlite3_stmt *st = NULL;

        SLV_TRY(slv_catalog_pages_stmt_(c, sql[i], account, project, &st, err));
        slv_stmt_bind_text(st, 3, label);
        slv_code code = slv_catalog_row_(c, st, read_one, arena, ret, err);
        if (code != SLV_E_NOTFOUND)
            return code;
    }
    return no_deployment(label, err);
}

/* ---- lists ---- */

static void bind_environment(sqlite3_stmt *st, slv_str environment)
{
    slv_stmt_bind_int(st, 3,
                      environment.len == 0                    ? -1
                      : slv_str_is(environment, "production") ? 1
                                                              : 0);
}

slv_code slv_catalog_pages_list(slv_catalog *c, slv_str account, slv_str project,
                                const slv_pages_page *page, slv_arena *arena,
                                slv_pages_deployment_list *ret, uint64_t *ret_total, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    void *items = NULL;

    if (ret_total) {
        SLV_TRY(slv_catalog_pages_stmt_(c, "SELECT count(*)" WHERE " AND (?3<0 OR production=?3)",
                                        account, project, &st, err));
        bind_environment(st, page->environment);
        slv_code code = slv_stmt_step(c->db, st, err);
        *ret_total = code == SLV_OK ? (uint64_t)slv_stmt_int(st, 0) : 0;
        slv_stmt_done(st);
        SLV_TRY(code);
    }
    SLV_TRY(slv_catalog_pages_stmt_(c,
                                    "SELECT " COLUMNS WHERE " AND (?3<0 OR production=?3)"
                                    " ORDER BY seq DESC LIMIT ?4 OFFSET ?5",
                                    account, project, &st, err));
    bind_environment(st, page->environment);
    slv_stmt_bind_int(st, 4, page->limit == 0 ? -1 : (int64_t)page->limit);
    slv_stmt_bind_int(st, 5, (int64_t)page->offset);
    SLV_TRY(slv_catalog_rows_(c, st, sizeof(slv_pages_deployment), read_one, arena, &items,
                              &ret->count, err));
    ret->items = items;
    return SLV_OK;
}

slv_code slv_catalog_pages_code_each(slv_catalog *c, slv_str account,
                                     void (*each)(void *arg, slv_str account, slv_str code),
                                     void *arg, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    SLV_TRY(slv_db_stmt(c->db,
                        "SELECT DISTINCT account,code FROM pages_deployment WHERE"
                        " (account=?1 OR ?1='') AND code<>''",
                        &st, err));
    slv_stmt_bind_text(st, 1, account);
    while ((code = slv_stmt_step(c->db, st, err)) == SLV_OK)
        each(arg, slv_stmt_str(st, 0), slv_stmt_str(st, 1));
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* ---- changes ---- */

slv_code slv_catalog_pages_promote(slv_catalog *c, slv_str account, slv_str project, slv_str id,
                                   slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_catalog_pages_stmt_(
        c, "UPDATE pages_project SET production=?3 WHERE account=?1 AND name=?2", account, project,
        &st, err));
    slv_stmt_bind_text(st, 3, id);
    return slv_stmt_run(c->db, st, err);
}

/* Old previews that are no branch's newest, and old production deployments but the one in force. */
static slv_code drop_old(slv_catalog *c, slv_str account, slv_str project, slv_err *err)
{
    static const char sql[] =
        "DELETE FROM pages_deployment WHERE account=?1 AND project=?2 AND seq<=("
        "SELECT seq FROM pages_deployment WHERE account=?1 AND project=?2"
        " ORDER BY seq DESC LIMIT 1 OFFSET ?3)"
        " AND id<>(SELECT production FROM pages_project WHERE account=?1 AND name=?2)"
        " AND seq NOT IN (SELECT max(seq) FROM pages_deployment WHERE account=?1 AND project=?2"
        " AND alias<>'' GROUP BY alias)";
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_catalog_pages_stmt_(c, sql, account, project, &st, err));
    slv_stmt_bind_int(st, 3, SLV_PAGES_DEPLOYMENTS_KEPT);
    return slv_stmt_run(c->db, st, err);
}

slv_code slv_catalog_pages_add(slv_catalog *c, const slv_pages_deployment *row, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    int at = 3;

    SLV_TRY(slv_catalog_pages_stmt_(c,
                                    "INSERT INTO pages_deployment(" COLUMNS ") VALUES("
                                    "?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)",
                                    row->account, row->project, &st, err));
    slv_stmt_bind_text(st, at++, row->id);
    slv_stmt_bind_int(st, at++, row->production);
    slv_stmt_bind_text(st, at++, row->branch);
    slv_stmt_bind_text(st, at++, row->alias);
    slv_stmt_bind_int(st, at++, row->created_ms);
    slv_stmt_bind_text(st, at++, row->author);
    slv_stmt_bind_text(st, at++, row->code);
    slv_stmt_bind_text(st, at++, row->etag);
    slv_stmt_bind_int(st, at++, row->startup_ms);
    slv_stmt_bind_text(st, at++, row->handlers);
    slv_stmt_bind_text(st, at++, row->trigger);
    slv_stmt_bind_text(st, at++, row->routes);
    slv_stmt_bind_text(st, at++, row->metadata);
    slv_stmt_bind_blob(st, at++, row->secrets);
    slv_stmt_bind_text(st, at++, row->assets);
    SLV_TRY(slv_stmt_run(c->db, st, err));
    if (row->production)
        SLV_TRY(slv_catalog_pages_promote(c, row->account, row->project, row->id, err));
    return drop_old(c, row->account, row->project, err);
}

slv_code slv_catalog_pages_delete(slv_catalog *c, slv_str account, slv_str project, slv_str id,
                                  slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_catalog_pages_stmt_(c, "DELETE" WHERE " AND id=?3", account, project, &st, err));
    slv_stmt_bind_text(st, 3, id);
    SLV_TRY(slv_stmt_run(c->db, st, err));
    return sqlite3_changes(slv_db_handle(c->db)) == 0 ? no_deployment(id, err) : SLV_OK;
}
