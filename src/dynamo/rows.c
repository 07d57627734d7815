/* Items and index entries as rows. Bounds of ranges are always inclusive below and exclusive above:
 * a place just behind a key is the key with a zero byte behind it. */
#include "dynamo/store_int.h"

static const uint8_t range_end[SLV_DYN_RANGE_KEY_MAX + 1] = {[0 ... SLV_DYN_RANGE_KEY_MAX] = 0xff};

slv_str slv_dyn_range_end(void)
{
    return slv_str_make(range_end, sizeof range_end);
}

static void bind_place(sqlite3_stmt *st, int i, const slv_dyn_place *at)
{
    slv_stmt_bind_blob(st, i, at->h);
    slv_stmt_bind_blob(st, i + 1, at->r);
}

static void bind_entry(sqlite3_stmt *st, int i, const slv_dyn_entry_place *at)
{
    bind_place(st, i, &at->at);
    slv_stmt_bind_blob(st, i + 2, at->tie);
    bind_place(st, i + 3, &at->item);
}

/* ---- one row ---- */

slv_code slv_dyn_row_get(slv_dynamo *d, int64_t space, const slv_dyn_place *at,
                         sqlite3_stmt **ret_st, slv_str *ret_bytes, size_t *ret_size, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db, "SELECT data, size FROM item WHERE space = ?1 AND h = ?2 AND r = ?3",
                        &st, err));
    slv_stmt_bind_int(st, 1, space);
    bind_place(st, 2, at);
    slv_code code = slv_stmt_step(d->db, st, err);
    if (code != SLV_OK) {
        slv_stmt_done(st);
        return code;
    }
    *ret_bytes = slv_stmt_str(st, 0);
    if (ret_size)
        *ret_size = (size_t)slv_stmt_int(st, 1);
    *ret_st = st;
    return SLV_OK;
}

slv_code slv_dyn_row_put(slv_dynamo *d, int64_t space, const slv_dyn_place *at, size_t size,
                         slv_str bytes, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db,
                        "INSERT INTO item(space, h, r, size, data) VALUES(?1, ?2, ?3, ?4, ?5)"
                        " ON CONFLICT DO UPDATE SET size = excluded.size, data = excluded.data",
                        &st, err));
    slv_stmt_bind_int(st, 1, space);
    bind_place(st, 2, at);
    slv_stmt_bind_int(st, 4, (int64_t)size);
    slv_stmt_bind_blob(st, 5, bytes);
    return slv_stmt_run(d->db, st, err);
}

slv_code slv_dyn_row_delete(slv_dynamo *d, int64_t space, const slv_dyn_place *at, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(
        slv_db_stmt(d->db, "DELETE FROM item WHERE space = ?1 AND h = ?2 AND r = ?3", &st, err));
    slv_stmt_bind_int(st, 1, space);
    bind_place(st, 2, at);
    return slv_stmt_run(d->db, st, err);
}

slv_code slv_dyn_entry_put(slv_dynamo *d, int64_t space, const slv_dyn_entry_place *at, size_t size,
                           slv_str bytes, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db,
                        "INSERT INTO entry(space, h, r, tie, ih, ir, size, data)"
                        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
                        " ON CONFLICT DO UPDATE SET size = excluded.size, data = excluded.data",
                        &st, err));
    slv_stmt_bind_int(st, 1, space);
    bind_entry(st, 2, at);
    slv_stmt_bind_int(st, 7, (int64_t)size);
    slv_stmt_bind_blob(st, 8, bytes);
    return slv_stmt_run(d->db, st, err);
}

slv_code slv_dyn_entry_delete(slv_dynamo *d, int64_t space, const slv_dyn_entry_place *at,
                              slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db,
                        "DELETE FROM entry WHERE space = ?1 AND h = ?2 AND r = ?3 AND tie = ?4"
                        " AND ih = ?5 AND ir = ?6",
                        &st, err));
    slv_stmt_bind_int(st, 1, space);
    bind_entry(st, 2, at);
    return slv_stmt_run(d->db, st, err);
}

static slv_code change_expiry(slv_dynamo *d, const char *sql, int64_t space, int64_t at_s,
                              const slv_dyn_place *at, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db, sql, &st, err));
    slv_stmt_bind_int(st, 1, space);
    slv_stmt_bind_int(st, 2, at_s);
    bind_place(st, 3, at);
    return slv_stmt_run(d->db, st, err);
}

slv_code slv_dyn_expiry_put(slv_dynamo *d, int64_t space, int64_t at_s, const slv_dyn_place *at,
                            slv_err *err)
{
    return change_expiry(d, "INSERT OR IGNORE INTO expiry(space, at, h, r) VALUES(?1, ?2, ?3, ?4)",
                         space, at_s, at, err);
}

slv_code slv_dyn_expiry_delete(slv_dynamo *d, int64_t space, int64_t at_s, const slv_dyn_place *at,
                               slv_err *err)
{
    return change_expiry(d, "DELETE FROM expiry WHERE space = ?1 AND at = ?2 AND h = ?3 AND r = ?4",
                         space, at_s, at, err);
}

/* ---- ranges ---- */

slv_code slv_dyn_behind(slv_arena *arena, slv_str key, slv_str *ret)
{
    char *copy = slv_arena_try_alloc(arena, key.len + 1);

    if (!copy)
        return SLV_E_LIMIT;
    if (key.len > 0)
        memcpy(copy, key.ptr, key.len);
    copy[key.len] = '\0';
    *ret = slv_str_make(copy, key.len + 1);
    return SLV_OK;
}

#define ITEM_COLUMNS "SELECT data FROM item WHERE space = ?1 AND "
#define ENTRY_COLUMNS "SELECT data, ih, ir FROM entry WHERE space = ?1 AND "

static slv_code open_items(slv_dynamo *d, const slv_dyn_range *range, slv_arena *arena,
                           sqlite3_stmt **ret, slv_err *err)
{
    slv_dyn_place low = range->low, high = range->high;

    if (range->after && range->backward) {
        high.r = range->start.at.r;
    } else if (range->after) {
        low.h = range->start.at.h;
        SLV_TRY(slv_dyn_behind(arena, range->start.at.r, &low.r));
    }
    SLV_TRY(slv_db_stmt(d->db,
                        range->scan ? ITEM_COLUMNS "(h, r) >= (?2, ?3) AND h < ?4 ORDER BY h, r"
                        : range->backward ? ITEM_COLUMNS
                            "h = ?2 AND r >= ?3 AND r < ?4 ORDER BY r DESC"
                                          : ITEM_COLUMNS "h = ?2 AND r >= ?3 AND r < ?4 ORDER BY r",
                        ret, err));
    slv_stmt_bind_int(*ret, 1, range->space);
    bind_place(*ret, 2, &low);
    slv_stmt_bind_blob(*ret, 4, range->scan ? high.h : high.r);
    return SLV_OK;
}

static slv_code open_entries(slv_dynamo *d, const slv_dyn_range *range, sqlite3_stmt **ret,
                             slv_err *err)
{
    slv_dyn_entry_place from = {.at = range->low}; /* an empty tie stands before all */

    if (range->backward)
        from.at.r = range->high.r;
    if (range->after)
        from = range->start;
    SLV_TRY(slv_db_stmt(
        d->db,
        range->scan ? ENTRY_COLUMNS
            "(h, r, tie, ih, ir) > (?2, ?3, ?4, ?5, ?6) AND h < ?7 ORDER BY h, r, tie, ih, ir"
        : range->backward
            ? ENTRY_COLUMNS "h = ?2 AND (r, tie, ih, ir) < (?3, ?4, ?5, ?6) AND r >= ?7"
                            " ORDER BY r DESC, tie DESC, ih DESC, ir DESC"
            : ENTRY_COLUMNS "h = ?2 AND (r, tie, ih, ir) > (?3, ?4, ?5, ?6) AND r < ?7"
                            " ORDER BY r, tie, ih, ir",
        ret, err));
    slv_stmt_bind_int(*ret, 1, range->space);
    bind_entry(*ret, 2, &from);
    slv_stmt_bind_blob(*ret, 7,
                       range->scan       ? range->high.h
                       : range->backward ? range->low.r
                                         : range->high.r);
    return SLV_OK;
}

slv_code slv_dyn_range_open(slv_dynamo *d, const slv_dyn_range *range, slv_arena *arena,
                            sqlite3_stmt **ret, slv_err *err)
{
    return range->entries ? open_entries(d, range, ret, err)
                          : open_items(d, range, arena, ret, err);
}

slv_code slv_dyn_range_step(slv_dynamo *d, const slv_dyn_range *range, sqlite3_stmt *st,
                            slv_dyn_row *ret, slv_err *err)
{
    SLV_TRY(slv_stmt_step(d->db, st, err));
    *ret = (slv_dyn_row){.bytes = slv_stmt_str(st, 0)};
    if (range->entries)
        ret->item = (slv_dyn_place){slv_stmt_str(st, 1), slv_stmt_str(st, 2)};
    return SLV_OK;
}
