/* What is due by itself: items whose time is over, indexes that are being filled, rows of tables
 * and indexes that were dropped, old tokens. A bounded piece of each at a time. */
#include "dynamo/store_int.h"

#define EXPIRE_PIECE 100
#define BUILD_PIECE 500
#define CLEAR_PIECE 1000
#define ROW_MAX ((size_t)64 << 20)
/* Items that should have ended longer ago than this are left alone, as AWS leaves them: the number
 * was hardly meant as a time. */
#define FORGIVEN_S (INT64_C(5) * 365 * 86400)

/* ---- the table of a space ---- */

static slv_code table_of(slv_dynamo *d, int64_t space, const slv_dyn_table **ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(1024);
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db, "SELECT name FROM catalog WHERE space = ?1", &st, err));
    slv_stmt_bind_int(st, 1, space);
    slv_code code = slv_stmt_step(d->db, st, err);
    if (code == SLV_OK)
        code = slv_buf_set(&name, slv_stmt_str(st, 0));
    slv_stmt_done(st);
    SLV_TRY(code);
    return slv_dyn_catalog_find(d, slv_buf_view(&name), ret, err);
}

/* ---- filling ---- */

static slv_code fill_row(slv_dynamo *d, const slv_dyn_table *t, const slv_dyn_index *x,
                         slv_dyn_scope *sc, const slv_dyn_place *at, slv_str bytes, slv_err *err)
{
    slv_dyn_value item;
    int64_t at_s;

    slv_code code = slv_dyn_item_decode(sc, bytes, &item);
    if (code == SLV_E_PARSE)
        return slv_fail(err, SLV_E_IO, "dynamo: an item is damaged");
    SLV_TRY(code);
    if (x)
        return slv_dyn_entry_fill(d, sc->arena, t, x, &item, err);
    return slv_dyn_item_expiry(t, &item, &at_s) ? slv_dyn_expiry_put(d, t->space, at_s, at, err)
                                                : SLV_OK;
}

/* Rows behind the place that was reached; moves it. */
static slv_code fill_rows(slv_dynamo *d, const slv_dyn_table *t, const slv_dyn_index *x, slv_buf *h,
                          slv_buf *r, unsigned rows, bool *ret_over, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(ROW_MAX);
    sqlite3_stmt *st;
    slv_code code = SLV_OK;

    SLV_TRY(slv_db_stmt(d->db,
                        "SELECT h, r, data FROM item WHERE space = ?1 AND (h, r) > (?2, ?3)"
                        " ORDER BY h, r",
                        &st, err));
    slv_stmt_bind_int(st, 1, t->space);
    slv_stmt_bind_blob(st, 2, slv_buf_view(h));
    slv_stmt_bind_blob(st, 3, slv_buf_view(r));
    while (rows > 0 && (code = slv_stmt_step(d->db, st, err)) == SLV_OK) {
        const slv_dyn_place at = {slv_stmt_str(st, 0), slv_stmt_str(st, 1)};
        slv_dyn_scope sc;

        slv_arena_reset(&arena);
        sc = SLV_DYN_SCOPE(&arena);
        code = fill_row(d, t, x, &sc, &at, slv_stmt_str(st, 2), err);
        if (code != SLV_OK)
            break;
        if (--rows == 0) {
            slv_buf next_h = SLV_BUF(SLV_DYN_H_MAX), next_r = SLV_BUF(SLV_DYN_RANGE_KEY_MAX);

            code = slv_buf_set(&next_h, at.h);
            if (code == SLV_OK)
                code = slv_buf_set(&next_r, at.r);
            slv_stmt_done(st); /* it borrows the old place */
            slv_buf_done(h);
            slv_buf_done(r);
            *h = next_h;
            *r = next_r;
            *ret_over = false;
            return code;
        }
    }
    slv_stmt_done(st);
    *ret_over = code == SLV_E_NOTFOUND;
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* It is complete: from now on it is read. */
static slv_code finish_build(slv_dynamo *d, const slv_dyn_table *t, int64_t space, slv_err *err)
{
    SLV_CLEANUP(slv_dyn_table_free) slv_dyn_table *copy = NULL;
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db, "DELETE FROM build WHERE space = ?1", &st, err));
    slv_stmt_bind_int(st, 1, space);
    SLV_TRY(slv_stmt_run(d->db, st, err));
    if (space == t->space)
        return SLV_OK;
    SLV_TRY(slv_dyn_table_copy(t, &copy, err));
    for (size_t i = 0; i < copy->index_count; i++)
        if (copy->indexes[i].space == space)
            copy->indexes[i].building = false;
    return slv_dyn_catalog_change(d, copy, err);
}

static slv_code read_progress(slv_dynamo *d, int64_t space, slv_buf *h, slv_buf *r, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db, "SELECT h, r FROM build WHERE space = ?1", &st, err));
    slv_stmt_bind_int(st, 1, space);
    slv_code code = slv_stmt_step(d->db, st, err);
    if (code == SLV_OK)
        code = slv_buf_set(h, slv_stmt_str(st, 0));
    if (code == SLV_OK)
        code = slv_buf_set(r, slv_stmt_str(st, 1));
    slv_stmt_done(st);
    return code;
}

static slv_code write_progress(slv_dynamo *d, int64_t space, slv_str h, slv_str r, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db, "UPDATE build SET h = ?2, r = ?3 WHERE space = ?1", &st, err));
    slv_stmt_bind_int(st, 1, space);
    slv_stmt_bind_blob(st, 2, h);
    slv_stmt_bind_blob(st, 3, r);
    return slv_stmt_run(d->db, st, err);
}

slv_code slv_dyn_build_some(slv_dynamo *d, const slv_dyn_table *t, int64_t space, unsigned rows,
                            bool *ret_over, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf h = SLV_BUF(SLV_DYN_H_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf r = SLV_BUF(SLV_DYN_RANGE_KEY_MAX);
    const slv_dyn_index *index = NULL;

    for (size_t i = 0; i < t->index_count; i++)
        if (t->indexes[i].space == space)
            index = &t->indexes[i];
    *ret_over = true;
    if (!index && space != t->space)
        return SLV_OK;
    SLV_TRY(read_progress(d, space, &h, &r, err));
    SLV_TRY(fill_rows(d, t, index, &h, &r, rows, ret_over, err));
    if (*ret_over)
        return finish_build(d, t, space, err);
    return write_progress(d, space, slv_buf_view(&h), slv_buf_view(&r), err);
}

static slv_code build(slv_dynamo *d, bool *ret_more, slv_err *err)
{
    const slv_dyn_table *t;
    sqlite3_stmt *st;
    int64_t space = 0, of = 0;
    bool over;

    SLV_TRY(slv_db_stmt(d->db, "SELECT space, of FROM build LIMIT 1", &st, err));
    slv_code code = slv_stmt_step(d->db, st, err);
    if (code == SLV_OK) {
        space = slv_stmt_int(st, 0);
        of = slv_stmt_int(st, 1);
    }
    slv_stmt_done(st);
    if (code != SLV_OK)
        return code == SLV_E_NOTFOUND ? SLV_OK : code;
    *ret_more = true;
    SLV_TRY(table_of(d, of, &t, err));
    return slv_dyn_build_some(d, t, space, BUILD_PIECE, &over, err);
}

/* ---- time to live ---- */

typedef struct expired {
    int64_t space, at;
    slv_dyn_place place;
} expired;

static slv_code find_expired(slv_dynamo *d, int64_t now_s, slv_arena *arena, expired *all,
                             size_t *ret_count, slv_err *err)
{
    sqlite3_stmt *st;
    slv_code code = SLV_OK;
    size_t n = 0;

    SLV_TRY(slv_db_stmt(d->db,
                        "SELECT space, at, h, r FROM expiry WHERE at > ?1 AND at <= ?2"
                        " ORDER BY at LIMIT 100",
                        &st, err));
    slv_stmt_bind_int(st, 1, now_s - FORGIVEN_S);
    slv_stmt_bind_int(st, 2, now_s);
    while (n < EXPIRE_PIECE && (code = slv_stmt_step(d->db, st, err)) == SLV_OK) {
        expired *e = &all[n++];

        e->space = slv_stmt_int(st, 0);
        e->at = slv_stmt_int(st, 1);
        code = slv_arena_dup(arena, slv_stmt_str(st, 2), &e->place.h);
        if (code == SLV_OK)
            code = slv_arena_dup(arena, slv_stmt_str(st, 3), &e->place.r);
        if (code != SLV_OK)
            break;
    }
    slv_stmt_done(st);
    *ret_count = n;
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code expire(slv_dynamo *d, slv_arena *arena, const expired *e, slv_err *err)
{
    slv_dyn_scope sc = SLV_DYN_SCOPE(arena);
    slv_dyn_written units = {0};
    const slv_dyn_table *t;
    slv_dyn_value *item = NULL;
    int64_t at;

    slv_code code = table_of(d, e->space, &t, err);
    if (code == SLV_OK)
        code = slv_dyn_item_read(d, &sc, t, &e->place, &item, err);
    if (code != SLV_OK && code != SLV_E_NOTFOUND)
        return code;
    /* A row that does not speak of the item as it is now only goes itself. */
    if (item && slv_dyn_item_expiry(t, item, &at) && at == e->at)
        return slv_dyn_item_write(d, arena, t, &e->place, item, NULL, &units, err);
    return slv_dyn_expiry_delete(d, e->space, e->at, &e->place, err);
}

static slv_code expire_some(slv_dynamo *d, int64_t now_s, bool *ret_more, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(ROW_MAX * 4);
    expired all[EXPIRE_PIECE];
    size_t count = 0;

    SLV_TRY(find_expired(d, now_s, &arena, all, &count, err));
    for (size_t i = 0; i < count; i++)
        SLV_TRY(expire(d, &arena, &all[i], err));
    *ret_more = *ret_more || count == EXPIRE_PIECE;
    return SLV_OK;
}

/* ---- what was dropped ---- */

static slv_code clear(slv_dynamo *d, const char *sql, int64_t space, bool *ret_any, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db, sql, &st, err));
    slv_stmt_bind_int(st, 1, space);
    slv_stmt_bind_int(st, 2, CLEAR_PIECE);
    SLV_TRY(slv_stmt_run(d->db, st, err));
    *ret_any = *ret_any || sqlite3_changes(slv_db_handle(d->db)) > 0;
    return SLV_OK;
}

static slv_code clear_some(slv_dynamo *d, bool *ret_more, slv_err *err)
{
    sqlite3_stmt *st;
    int64_t space = 0;
    bool any = false;

    SLV_TRY(slv_db_stmt(d->db, "SELECT id FROM space WHERE gone <> 0 LIMIT 1", &st, err));
    slv_code code = slv_stmt_step(d->db, st, err);
    if (code == SLV_OK)
        space = slv_stmt_int(st, 0);
    slv_stmt_done(st);
    if (code != SLV_OK)
        return code == SLV_E_NOTFOUND ? SLV_OK : code;
    *ret_more = true;
    SLV_TRY(clear(d,
                  "DELETE FROM item WHERE (space, h, r) IN"
                  " (SELECT space, h, r FROM item WHERE space = ?1 LIMIT ?2)",
                  space, &any, err));
    SLV_TRY(clear(d,
                  "DELETE FROM entry WHERE (space, h, r, tie, ih, ir) IN"
                  " (SELECT space, h, r, tie, ih, ir FROM entry WHERE space = ?1 LIMIT ?2)",
                  space, &any, err));
    SLV_TRY(clear(d,
                  "DELETE FROM expiry WHERE (space, at, h, r) IN"
                  " (SELECT space, at, h, r FROM expiry WHERE space = ?1 LIMIT ?2)",
                  space, &any, err));
    if (any)
        return SLV_OK;
    SLV_TRY(slv_db_stmt(d->db, "DELETE FROM space WHERE id = ?1", &st, err));
    slv_stmt_bind_int(st, 1, space);
    return slv_stmt_run(d->db, st, err);
}

/* ---- when next ---- */

/* The least of a column, as ms; 0: there is none. */
static slv_code least(slv_dynamo *d, const char *sql, int64_t above, int64_t *ret, slv_err *err)
{
    sqlite3_stmt *st;

    *ret = 0;
    SLV_TRY(slv_db_stmt(d->db, sql, &st, err));
    slv_stmt_bind_int(st, 1, above);
    slv_code code = slv_stmt_step(d->db, st, err);
    if (code == SLV_OK && !slv_stmt_is_null(st, 0))
        *ret = slv_stmt_int(st, 0);
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_dynamo_sweep(slv_dynamo *d, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    int64_t now_s = now_ms / 1000, expiry, token;
    bool more = false;
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db, "DELETE FROM token WHERE at <= ?1", &st, err));
    slv_stmt_bind_int(st, 1, now_ms - SLV_DYNAMO_TOKEN_MS);
    SLV_TRY(slv_stmt_run(d->db, st, err));
    SLV_TRY(expire_some(d, now_s, &more, err));
    SLV_TRY(build(d, &more, err));
    SLV_TRY(clear_some(d, &more, err));
    *ret_next_ms = now_ms;
    if (more)
        return SLV_OK;
    SLV_TRY(least(d, "SELECT min(at) FROM expiry WHERE at > ?1", now_s, &expiry, err));
    SLV_TRY(least(d, "SELECT min(at) FROM token WHERE at > ?1", 0, &token, err));
    *ret_next_ms = expiry > INT64_MAX / 1000 ? 0 : expiry * 1000;
    if (token != 0 && (*ret_next_ms == 0 || token + SLV_DYNAMO_TOKEN_MS < *ret_next_ms))
        *ret_next_ms = token + SLV_DYNAMO_TOKEN_MS;
    return SLV_OK;
}
