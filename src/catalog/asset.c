#include "catalog/asset.h"

#include "catalog/worker_int.h"

/* A row that was touched so lately is not written again. */
#define TOUCH_EVERY_MS 3600000

/* ---- files ---- */

slv_code slv_catalog_asset_put(slv_catalog *c, slv_str account, const slv_asset_row *row,
                               int64_t now_ms, slv_err *err)
{
    static const char sql[] =
        "INSERT INTO asset(account,hash,size,checked,touched,type) VALUES(?1,?2,?3,?4,?5,?6)"
        " ON CONFLICT(account,hash) DO UPDATE SET type=excluded.type, touched=excluded.touched,"
        " checked=max(checked,excluded.checked), size=excluded.size";
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(c->db, sql, &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, row->hash);
    slv_stmt_bind_int(st, 3, (int64_t)row->size);
    slv_stmt_bind_int(st, 4, row->checked);
    slv_stmt_bind_int(st, 5, now_ms);
    slv_stmt_bind_text(st, 6, row->type);
    return slv_stmt_run(c->db, st, err);
}

slv_code slv_catalog_asset_get(slv_catalog *c, slv_str account, slv_str hash, slv_arena *arena,
                               slv_asset_row *ret, slv_err *err)
{
    sqlite3_stmt *st;
    int at = 0;

    SLV_TRY(slv_db_stmt(c->db, "SELECT type,size,checked FROM asset WHERE account=?1 AND hash=?2",
                        &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, hash);
    slv_code code = slv_stmt_step(c->db, st, err);
    if (code == SLV_OK)
        code = slv_catalog_take_(st, &at, arena, &ret->type, err);
    ret->hash = hash;
    ret->size = code == SLV_OK ? (uint64_t)slv_stmt_int(st, 1) : 0;
    ret->checked = code == SLV_OK && slv_stmt_int(st, 2);
    slv_stmt_done(st);
    return code;
}

slv_code slv_catalog_asset_touch(slv_catalog *c, slv_str account, slv_str hash, int64_t now_ms,
                                 bool *ret_has, slv_err *err)
{
    sqlite3_stmt *st;
    int64_t touched = 0;

    SLV_TRY(slv_db_stmt(c->db, "SELECT touched FROM asset WHERE account=?1 AND hash=?2", &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, hash);
    slv_code code = slv_stmt_step(c->db, st, err);
    *ret_has = code == SLV_OK;
    if (*ret_has)
        touched = slv_stmt_int(st, 0);
    slv_stmt_done(st);
    if (!*ret_has || touched > now_ms - TOUCH_EVERY_MS)
        return code == SLV_E_NOTFOUND ? SLV_OK : code;
    SLV_TRY(
        slv_db_stmt(c->db, "UPDATE asset SET touched=?3 WHERE account=?1 AND hash=?2", &st, err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, hash);
    slv_stmt_bind_int(st, 3, now_ms);
    return slv_stmt_run(c->db, st, err);
}

static slv_code read_old(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err)
{
    slv_asset_old *old = row;
    int at = 0;

    SLV_TRY(slv_catalog_take_(st, &at, arena, &old->account, err));
    return slv_catalog_take_(st, &at, arena, &old->hash, err);
}

slv_code slv_catalog_asset_old(slv_catalog *c, int64_t before_ms, const slv_asset_old *behind,
                               uint64_t limit, slv_arena *arena, slv_asset_old_list *ret,
                               slv_err *err)
{
    sqlite3_stmt *st;
    void *items = NULL;

    SLV_TRY(slv_db_stmt(c->db,
                        "SELECT account,hash FROM asset WHERE (account,hash)>(?1,?2) AND"
                        " touched<?3 ORDER BY account,hash LIMIT ?4",
                        &st, err));
    slv_stmt_bind_text(st, 1, behind->account);
    slv_stmt_bind_text(st, 2, behind->hash);
    slv_stmt_bind_int(st, 3, before_ms);
    slv_stmt_bind_int(st, 4, (int64_t)limit);
    SLV_TRY(
        slv_catalog_rows_(c, st, sizeof(slv_asset_old), read_old, arena, &items, &ret->count, err));
    ret->items = items;
    return SLV_OK;
}

slv_code slv_catalog_asset_remove(slv_catalog *c, slv_str account, slv_str hash, int64_t before_ms,
                                  bool *ret_gone, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(c->db, "DELETE FROM asset WHERE account=?1 AND hash=?2 AND touched<?3", &st,
                        err));
    slv_stmt_bind_text(st, 1, account);
    slv_stmt_bind_text(st, 2, hash);
    slv_stmt_bind_int(st, 3, before_ms);
    SLV_TRY(slv_stmt_run(c->db, st, err));
    *ret_gone = sqlite3_changes(slv_db_handle(c->db)) > 0;
    return SLV_OK;
}

/* ---- sessions ---- */

static slv_code drop_expired(slv_catalog *c, int64_t now_ms, slv_err *err)
{
    static const char *const sql[] = {
        "DELETE FROM asset_wanted WHERE session IN"
        " (SELECT id FROM asset_session WHERE expires<=?1)",
        "DELETE FROM asset_session WHERE expires<=?1",
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(sql); i++) {
        sqlite3_stmt *st;

        SLV_TRY(slv_db_stmt(c->db, sql[i], &st, err));
        slv_stmt_bind_int(st, 1, now_ms);
        SLV_TRY(slv_stmt_run(c->db, st, err));
    }
    return SLV_OK;
}

static slv_code add_wanted(slv_catalog *c, slv_str session, const slv_asset_wanted *w, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(c->db,
                        "INSERT OR IGNORE INTO asset_wanted(session,hash,extension)"
                        " VALUES(?1,?2,?3)",
                        &st, err));
    slv_stmt_bind_text(st, 1, session);
    slv_stmt_bind_text(st, 2, w->hash);
    slv_stmt_bind_text(st, 3, w->extension);
    return slv_stmt_run(c->db, st, err);
}

slv_code slv_catalog_session_add(slv_catalog *c, const slv_asset_session *session,
                                 const slv_asset_wanted *wanted, size_t count, int64_t now_ms,
                                 slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(drop_expired(c, now_ms, err));
    SLV_TRY(slv_db_stmt(c->db,
                        "INSERT INTO asset_session(id,account,dispatch,worker,manifest,expires)"
                        " VALUES(?1,?2,?3,?4,?5,?6)",
                        &st, err));
    slv_stmt_bind_text(st, 1, session->id);
    slv_stmt_bind_text(st, 2, session->account);
    slv_stmt_bind_text(st, 3, session->dispatch);
    slv_stmt_bind_text(st, 4, session->worker);
    slv_stmt_bind_text(st, 5, session->manifest);
    slv_stmt_bind_int(st, 6, session->expires_ms);
    SLV_TRY(slv_stmt_run(c->db, st, err));
    for (size_t i = 0; i < count; i++)
        SLV_TRY(add_wanted(c, session->id, &wanted[i], err));
    return SLV_OK;
}

static slv_code read_session(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err)
{
    slv_asset_session *s = row;
    int at = 0;

    SLV_TRY(slv_catalog_take_(st, &at, arena, &s->account, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &s->dispatch, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &s->worker, err));
    SLV_TRY(slv_catalog_take_(st, &at, arena, &s->manifest, err));
    s->expires_ms = slv_stmt_int(st, at);
    return SLV_OK;
}

slv_code slv_catalog_session_get(slv_catalog *c, slv_str id, slv_arena *arena,
                                 slv_asset_session *ret, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(c->db,
                        "SELECT account,dispatch,worker,manifest,expires FROM asset_session"
                        " WHERE id=?1",
                        &st, err));
    slv_stmt_bind_text(st, 1, id);
    ret->id = id;
    return slv_catalog_row_(c, st, read_session, arena, ret, err);
}

static slv_code read_extension(sqlite3_stmt *st, slv_arena *arena, void *row, slv_err *err)
{
    int at = 0;

    return slv_catalog_take_(st, &at, arena, row, err);
}

slv_code slv_catalog_session_wants(slv_catalog *c, slv_str id, slv_str hash, slv_arena *arena,
                                   slv_str *ret_extension, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(c->db, "SELECT extension FROM asset_wanted WHERE session=?1 AND hash=?2",
                        &st, err));
    slv_stmt_bind_text(st, 1, id);
    slv_stmt_bind_text(st, 2, hash);
    return slv_catalog_row_(c, st, read_extension, arena, ret_extension, err);
}

slv_code slv_catalog_session_has(slv_catalog *c, slv_str id, slv_str hash, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(c->db, "DELETE FROM asset_wanted WHERE session=?1 AND hash=?2", &st, err));
    slv_stmt_bind_text(st, 1, id);
    slv_stmt_bind_text(st, 2, hash);
    return slv_stmt_run(c->db, st, err);
}

slv_code slv_catalog_session_left(slv_catalog *c, slv_str id, uint64_t *ret, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(c->db, "SELECT count(*) FROM asset_wanted WHERE session=?1", &st, err));
    slv_stmt_bind_text(st, 1, id);
    slv_code code = slv_stmt_step(c->db, st, err);
    *ret = code == SLV_OK ? (uint64_t)slv_stmt_int(st, 0) : 0;
    slv_stmt_done(st);
    return code;
}

/* ---- what is named ---- */

typedef slv_code (*each_pair)(void *arg, slv_str account, slv_str text, slv_err *err);

static slv_code each_row(slv_catalog *c, sqlite3_stmt *st, each_pair each, void *arg, slv_err *err)
{
    slv_code code;

    while ((code = slv_stmt_step(c->db, st, err)) == SLV_OK)
        if ((code = each(arg, slv_stmt_str(st, 0), slv_stmt_str(st, 1), err)) != SLV_OK)
            break;
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_catalog_asset_each(slv_catalog *c,
                                slv_code (*each)(void *arg, slv_str account, slv_str assets_json,
                                                 slv_err *err),
                                void *arg, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(c->db,
                        "SELECT account,assets FROM version WHERE assets<>'' UNION ALL"
                        " SELECT account,assets FROM pages_deployment WHERE assets<>''",
                        &st, err));
    return each_row(c, st, each, arg, err);
}

slv_code slv_catalog_session_each(slv_catalog *c, int64_t now_ms,
                                  slv_code (*each)(void *arg, slv_str account, slv_str manifest,
                                                   slv_err *err),
                                  void *arg, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(c->db, "SELECT account,manifest FROM asset_session WHERE expires>?1", &st,
                        err));
    slv_stmt_bind_int(st, 1, now_ms);
    return each_row(c, st, each, arg, err);
}
