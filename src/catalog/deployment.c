/* Deployments: which versions answer. */
#include <math.h>

#include "catalog/worker_int.h"

#define COLUMNS                                                                                    \
    "id,account,worker,dispatch,created,source,author,annotations,version1,percent1,version2,"     \
    "percent2"
#define WHERE " FROM deployment WHERE account=?1 AND dispatch=?2 AND worker=?3"

static slv_code read_deployment(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err)
{
    slv_deployment_row *d = row;
    int at = 0;

    *d = (slv_deployment_row){0};
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->id, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->account, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->worker, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->dispatch, err));
    d->created_ms = slv_stmt_int(st, at++);
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->source, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->author, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &d->annotations, err));
    for (size_t i = 0; i < SLV_CATALOG_SPLIT_MAX; i++) {
        SLV_TRY(slv_catalog_take_(st, &at, arena, &d->versions[i].version, err));
        d->versions[i].percentage = sqlite3_column_double(st, at++);
        if (d->versions[i].version.len > 0)
            d->version_count = i + 1;
    }
    return SLV_OK;
}

/* ---- reading ---- */

static const char list_sql[] = "SELECT " COLUMNS WHERE " ORDER BY seq DESC LIMIT ?4";

static slv_code prepare_list(slv_catalog *c, const slv_worker_key *key, int64_t limit,
                             sqlite3_stmt **ret, slv_err *err)
{
    SLV_TRY(slv_db_stmt(c->db, list_sql, ret, err));
    slv_catalog_bind_key_(*ret, key);
    slv_stmt_bind_int(*ret, 4, limit);
    return SLV_OK;
}

slv_code slv_catalog_deployment_current(slv_catalog *c, const slv_worker_key *key, slv_arena *arena,
                                        slv_deployment_row *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code;

    SLV_TRY(prepare_list(c, key, 1, &st, err));
    code = slv_catalog_row_(c, st, read_deployment, arena, ret, err);
    if (code != SLV_E_NOTFOUND)
        return code;
    return slv_fail(err, code, "worker '%.*s' is not deployed", SLV_STR_ARGS(key->name));
}

slv_code slv_catalog_deployment_list(slv_catalog *c, const slv_worker_key *key, uint64_t limit,
                                     slv_arena *arena, slv_deployment_list *ret, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    void *items = NULL;

    SLV_TRY(prepare_list(c, key, limit > 0 ? (int64_t)limit : -1, &st, err));
    SLV_TRY(slv_catalog_rows_(c, st, sizeof(slv_deployment_row), read_deployment, arena, &items,
                              &ret->count, err));
    ret->items = items;
    return SLV_OK;
}

/* ---- deploying ---- */

static const char usable_sql[] = "SELECT deployable FROM version"
                                 " WHERE account=?1 AND dispatch=?2 AND worker=?3 AND id=?4";

static slv_code check_version(slv_catalog *c, const slv_worker_key *key, slv_str id, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    bool deployable = false;
    slv_code code;

    SLV_TRY(slv_db_stmt(c->db, usable_sql, &st, err));
    slv_catalog_bind_key_(st, key);
    slv_stmt_bind_text(st, 4, id);
    code = slv_stmt_step(c->db, st, err);
    if (code == SLV_OK)
        deployable = slv_stmt_int(st, 0) != 0;
    slv_stmt_done(st);
    if (code == SLV_E_NOTFOUND)
        return slv_fail(err, SLV_E_INVAL, "worker '%.*s' has no version '%.*s'",
                        SLV_STR_ARGS(key->name), SLV_STR_ARGS(id));
    if (code == SLV_OK && !deployable)
        return slv_fail(err, SLV_E_INVAL, "version '%.*s' cannot be deployed: it has no code",
                        SLV_STR_ARGS(id));
    return code;
}

static slv_code check_split(const slv_deployment_row *row, slv_err *err)
{
    double sum = 0;

    if (row->version_count == 0 || row->version_count > SLV_CATALOG_SPLIT_MAX)
        return slv_fail(err, SLV_E_INVAL, "a deployment has 1 or %u versions, not %zu",
                        SLV_CATALOG_SPLIT_MAX, row->version_count);
    for (size_t i = 0; i < row->version_count; i++) {
        double p = row->versions[i].percentage;

        if (!(p >= 0 && p <= 100))
            return slv_fail(err, SLV_E_INVAL, "a percentage must be from 0 to 100, not %g", p);
        sum += p;
    }
    /* Fractions such as 33.3 and 66.7 have no exact sum. */
    if (fabs(sum - 100) > 0.001)
        return slv_fail(err, SLV_E_INVAL,
                        "the percentages of a deployment must add up to 100; "
                        "these are %g",
                        sum);
    if (row->version_count == 2 && slv_str_eq(row->versions[0].version, row->versions[1].version))
        return slv_fail(err, SLV_E_INVAL, "version '%.*s' is there twice",
                        SLV_STR_ARGS(row->versions[0].version));
    return SLV_OK;
}

static const char add_sql[] =
    "INSERT INTO deployment(" COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)";
/* Those that went back and forth between few versions are not kept for ever. */
static const char prune_sql[] =
    "DELETE FROM deployment WHERE account=?1 AND dispatch=?2 AND worker=?3 AND seq NOT IN"
    " (SELECT seq FROM deployment WHERE account=?1 AND dispatch=?2 AND worker=?3"
    " ORDER BY seq DESC LIMIT 100)";

slv_code slv_catalog_deploy(slv_catalog *c, const slv_deployment_row *row, slv_err *err)
{
    const slv_worker_key key = {row->account, row->dispatch, row->worker};
    sqlite3_stmt *st = NULL;

    SLV_TRY(check_split(row, err));
    for (size_t i = 0; i < row->version_count; i++)
        SLV_TRY(check_version(c, &key, row->versions[i].version, err));
    SLV_TRY(slv_db_stmt(c->db, add_sql, &st, err));
    slv_stmt_bind_text(st, 1, row->id);
    slv_stmt_bind_text(st, 2, row->account);
    slv_stmt_bind_text(st, 3, row->worker);
    slv_stmt_bind_text(st, 4, row->dispatch);
    slv_stmt_bind_int(st, 5, row->created_ms);
    slv_stmt_bind_text(st, 6, row->source);
    slv_stmt_bind_text(st, 7, row->author);
    slv_stmt_bind_text(st, 8, row->annotations);
    for (size_t i = 0; i < SLV_CATALOG_SPLIT_MAX; i++) {
        bool there = i < row->version_count;

        slv_stmt_bind_text(st, 9 + (int)i * 2, there ? row->versions[i].version : SLV_STR(""));
        if (sqlite3_bind_double(st, 10 + (int)i * 2, there ? row->versions[i].percentage : 0) !=
            SQLITE_OK)
            return slv_db_fail(c->db, err, "catalog: deployment");
    }
    SLV_TRY(slv_stmt_run(c->db, st, err));
    return slv_catalog_run_(c, prune_sql, &key, err);
}
