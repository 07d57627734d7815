/* Versions of workers. */
#include "catalog/worker_int.h"

#define HEAD                                                                                       \
    "id,account,worker,dispatch,number,created,source,author,alias,etag,code,startup,deployable,"  \
    "handlers,annotations,secrets_since,metadata"
#define WHERE " FROM version WHERE account=?1 AND dispatch=?2 AND worker=?3"

static slv_code read_head(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err)
{
    slv_version_row *v = row;
    int at = 0;

    *v = (slv_version_row){0};
    SLV_TRY(slv_catalog_take_(st, &at, arena, &v->id, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &v->account, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &v->worker, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &v->dispatch, err));
    v->number = (uint64_t)slv_stmt_int(st, at++);
    v->created_ms = slv_stmt_int(st, at++);
    SLV_TRY(slv_catalog_take_(st, &at, arena, &v->source, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &v->author, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &v->alias, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &v->etag, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &v->code, err));
    v->startup_ms = (uint32_t)slv_stmt_int(st, at++);
    v->deployable = slv_stmt_int(st, at++) != 0;
    SLV_TRY(slv_catalog_take_(st, &at, arena, &v->handlers, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &v->annotations, err));
    v->secrets_since = (uint64_t)slv_stmt_int(st, at++);
    return slv_catalog_take_(st, &at, arena, &v->metadata, err);
}

static slv_code read_whole(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err)
{
    slv_version_row *v = row;
    int at = 17; /* behind the columns of HEAD */

    SLV_TRY(read_head(st, arena, row, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &v->secrets, err));
    return slv_catalog_take_(st, &at, arena, &v->assets, err);
}

/* ---- one ---- */

static const char get_sql[] = "SELECT " HEAD ",secrets,assets" WHERE " AND id=?4";
static const char latest_sql[] =
    "SELECT " HEAD ",secrets,assets" WHERE " AND deployable>=?4 ORDER BY number DESC LIMIT 1";
static const char alias_sql[] =
    "SELECT " HEAD ",secrets,assets" WHERE " AND alias=?4 AND ?4<>'' ORDER BY number DESC LIMIT 1";
/* Ids of eight digits: a prefix, as a range of the index. */
static const char prefix_sql[] =
    "SELECT " HEAD ",secrets,assets" WHERE " AND length(?4)=8 AND id>=?4 AND id<?4||'.' LIMIT 1";

static slv_code get_one(slv_catalog *c, const char *sql, const slv_worker_key *key, slv_str what,
                        slv_arena *arena, slv_version_row *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    SLV_TRY(slv_db_stmt(c->db, sql, &st, err));
    slv_catalog_bind_key_(st, key);
    slv_stmt_bind_text(st, 4, what);
    code = slv_catalog_row_(c, st, read_whole, arena, ret, err);
    if (code != SLV_E_NOTFOUND)
        return code;
    return slv_fail(err, code, "worker '%.*s' has no version '%.*s'", SLV_STR_ARGS(key->name),
                    SLV_STR_ARGS(what));
}

slv_code slv_catalog_version_get(slv_catalog *c, const slv_worker_key *key, slv_str id,
                                 slv_arena *arena, slv_version_row *ret, slv_err *err)
{
    return get_one(c, get_sql, key, id, arena, ret, err);
}

slv_code slv_catalog_version_preview(slv_catalog *c, const slv_worker_key *key, slv_str name,
                                     slv_arena *arena, slv_version_row *ret, slv_err *err)
{
    slv_code code = get_one(c, alias_sql, key, name, arena, ret, err);

    return code == SLV_E_NOTFOUND ? get_one(c, prefix_sql, key, name, arena, ret, err) : code;
}

slv_code slv_catalog_version_latest(slv_catalog *c, const slv_worker_key *key, bool deployable,
                                    slv_arena *arena, slv_version_row *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    SLV_TRY(slv_db_stmt(c->db, latest_sql, &st, err));
    slv_catalog_bind_key_(st, key);
    slv_stmt_bind_int(st, 4, deployable);
    code = slv_catalog_row_(c, st, read_whole, arena, ret, err);
    if (code != SLV_E_NOTFOUND)
        return code;
    return slv_fail(err, code, "worker '%.*s' has no version", SLV_STR_ARGS(key->name));
}

/* ---- many ---- */

static const char list_sql[] =
    "SELECT " HEAD WHERE " AND deployable>=?4 ORDER BY number DESC LIMIT ?5 OFFSET ?6";
static const char count_sql[] = "SELECT count(*)" WHERE;
static const char count_deployable_sql[] = "SELECT count(*)" WHERE " AND deployable";

slv_code slv_catalog_version_list(slv_catalog *c, const slv_worker_key *key,
                                  const slv_version_page *page, slv_arena *arena,
                                  slv_version_list *ret, uint64_t *ret_total, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    void *items = NULL;

    if (ret_total)
        SLV_TRY(slv_catalog_count_(c, page->deployable ? count_deployable_sql : count_sql, key,
                                   ret_total, err));
    SLV_TRY(slv_db_stmt(c->db, list_sql, &st, err));
    slv_catalog_bind_key_(st, key);
    slv_stmt_bind_int(st, 4, page->deployable);
    slv_stmt_bind_int(st, 5, page->limit > 0 ? (int64_t)page->limit : -1);
    slv_stmt_bind_int(st, 6, (int64_t)page->offset);
    SLV_TRY(slv_catalog_rows_(c, st, sizeof(slv_version_row), read_head, arena, &items, &ret->count,
                              err));
    ret->items = items;
    return SLV_OK;
}

static const char codes_sql[] =
    "SELECT DISTINCT account,code FROM version WHERE code<>'' ORDER BY account,code";
static const char codes_account_sql[] =
    "SELECT DISTINCT account,code FROM version WHERE account=?1 AND code<>'' ORDER BY code";

slv_code slv_catalog_code_each(slv_catalog *c, slv_str account,
                               void (*each)(void *arg, slv_str account, slv_str code), void *arg,
                               slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    SLV_TRY(slv_db_stmt(c->db, account.len > 0 ? codes_account_sql : codes_sql, &st, err));
    if (account.len > 0)
        slv_stmt_bind_text(st, 1, account);
    while ((code = slv_stmt_step(c->db, st, err)) == SLV_OK)
        each(arg, slv_stmt_str(st, 0), slv_stmt_str(st, 1));
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* ---- adding ---- */

static const char next_sql[] = "UPDATE worker SET version_count=version_count+1"
                               " WHERE account=?1 AND dispatch=?2 AND name=?3"
                               " RETURNING version_count";
static const char add_sql[] =
    "INSERT INTO version(" HEAD ",secrets,assets)"
    " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19)";
#define CURRENT                                                                                    \
    "WITH current AS (SELECT version1,version2 FROM deployment"                                    \
    " WHERE account=?1 AND dispatch=?2 AND worker=?3 ORDER BY seq DESC LIMIT 1) "
/* The oldest beyond ?4 that are kept, but none of the deployment in force and nothing newer than
 * ?5. */
static const char prune_sql[] =
    CURRENT "DELETE FROM version WHERE rowid IN (SELECT rowid" WHERE
            " AND id NOT IN (SELECT version1 FROM current UNION ALL SELECT version2 FROM current)"
            " AND number<?5 ORDER BY number LIMIT max(0,(SELECT count(*)" WHERE ")-?4))";
static const char forget_sql[] =
    "DELETE FROM deployment WHERE account=?1 AND dispatch=?2 AND worker=?3 AND seq IN"
    " (SELECT d.seq FROM deployment d WHERE d.account=?1 AND d.dispatch=?2 AND d.worker=?3"
    " AND (NOT EXISTS(SELECT 1" WHERE " AND id=d.version1)"
    " OR (d.version2<>'' AND NOT EXISTS(SELECT 1" WHERE " AND id=d.version2))))";

static slv_code next_number(slv_catalog *c, const slv_worker_key *key, uint64_t *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    SLV_TRY(slv_db_stmt(c->db, next_sql, &st, err));
    slv_catalog_bind_key_(st, key);
    code = slv_stmt_step(c->db, st, err);
    if (code == SLV_OK)
        *ret = (uint64_t)slv_stmt_int(st, 0);
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? slv_catalog_no_worker_(key, err) : code;
}

static slv_code prune(slv_catalog *c, const slv_worker_key *key, uint64_t newest, slv_err *err)
{
    sqlite3_stmt *st = NULL;

    SLV_TRY(slv_db_stmt(c->db, prune_sql, &st, err));
    slv_catalog_bind_key_(st, key);
    slv_stmt_bind_int(st, 4, SLV_CATALOG_VERSIONS_KEPT);
    slv_stmt_bind_int(st, 5, (int64_t)newest);
    SLV_TRY(slv_stmt_run(c->db, st, err));
    return slv_catalog_run_(c, forget_sql, key, err);
}

slv_code slv_catalog_version_add(slv_catalog *c, slv_version_row *row, slv_err *err)
{
    const slv_worker_key key = {row->account, row->dispatch, row->worker};
    sqlite3_stmt *st = NULL;

    SLV_TRY(next_number(c, &key, &row->number, err));
    if (row->secrets_since == 0)
        row->secrets_since = row->number;
    SLV_TRY(slv_db_stmt(c->db, add_sql, &st, err));
    slv_stmt_bind_text(st, 1, row->id);
    slv_stmt_bind_text(st, 2, row->account);
    slv_stmt_bind_text(st, 3, row->worker);
    slv_stmt_bind_text(st, 4, row->dispatch);
    slv_stmt_bind_int(st, 5, (int64_t)row->number);
    slv_stmt_bind_int(st, 6, row->created_ms);
    slv_stmt_bind_text(st, 7, row->source);
    slv_stmt_bind_text(st, 8, row->author);
    slv_stmt_bind_text(st, 9, row->alias);
    slv_stmt_bind_text(st, 10, row->etag);
    slv_stmt_bind_text(st, 11, row->code);
    slv_stmt_bind_int(st, 12, row->startup_ms);
    slv_stmt_bind_int(st, 13, row->deployable);
    slv_stmt_bind_text(st, 14, row->handlers);
    slv_stmt_bind_text(st, 15, row->annotations);
    slv_stmt_bind_int(st, 16, (int64_t)row->secrets_since);
    slv_stmt_bind_text(st, 17, row->metadata);
    slv_stmt_bind_blob(st, 18, row->secrets);
    slv_stmt_bind_text(st, 19, row->assets);
    SLV_TRY(slv_stmt_run(c->db, st, err));
    return prune(c, &key, row->number, err);
}
