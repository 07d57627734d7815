/* Tables by name, their definitions kept parsed: a lookup reads one row to see that the one that is
 * kept is still the newest, since another handle may have changed it. */
#include "base/rand.h"
#include "dynamo/store_int.h"

/* ---- kept definitions ---- */

static slv_dyn_table **kept(slv_dynamo *d, slv_str name)
{
    for (size_t i = 0; i < SLV_DYN_CACHE_TABLES; i++)
        if (d->tables[i] && slv_str_eq(d->tables[i]->name, name))
            return &d->tables[i];
    return NULL;
}

static void keep(slv_dynamo *d, slv_dyn_table *t)
{
    slv_dyn_table **slot = &d->tables[0];

    for (size_t i = 0; i < SLV_DYN_CACHE_TABLES && *slot; i++)
        if (!d->tables[i] || d->tables[i]->used < (*slot)->used)
            slot = &d->tables[i];
    (void)slv_dyn_table_free(*slot);
    *slot = t;
}

static slv_code load(slv_dynamo *d, slv_str name, sqlite3_stmt *st, slv_dyn_table **ret,
                     slv_err *err)
{
    SLV_CLEANUP(slv_dyn_table_free) slv_dyn_table *t = NULL;

    SLV_TRY(slv_dyn_table_parse(slv_stmt_str(st, 2), &t, err));
    SLV_TRY(slv_arena_dup(&t->arena, name, &t->name));
    t->space = slv_stmt_int(st, 0);
    t->generation = slv_stmt_int(st, 1);
    keep(d, t);
    *ret = SLV_STEAL(t);
    return SLV_OK;
}

static slv_code find(slv_dynamo *d, slv_str name, sqlite3_stmt *st, slv_dyn_table **ret,
                     slv_err *err)
{
    slv_dyn_table **known = kept(d, name);

    SLV_TRY(slv_stmt_step(d->db, st, err));
    if (known && (*known)->space == slv_stmt_int(st, 0) &&
        (*known)->generation == slv_stmt_int(st, 1)) {
        *ret = *known;
        return SLV_OK;
    }
    if (known)
        *known = slv_dyn_table_free(*known);
    return load(d, name, st, ret, err);
}

slv_code slv_dyn_catalog_find(slv_dynamo *d, slv_str name, const slv_dyn_table **ret, slv_err *err)
{
    sqlite3_stmt *st;
    slv_dyn_table *t = NULL;

    SLV_TRY(
        slv_db_stmt(d->db, "SELECT space, generation, def FROM catalog WHERE name = ?1", &st, err));
    slv_stmt_bind_text(st, 1, name);
    slv_code code = find(d, name, st, &t, err);
    slv_stmt_done(st);
    if (code == SLV_OK) {
        t->used = ++d->clock;
        *ret = t;
    }
    return code;
}

/* ---- changes ---- */

/* Drawn, not counted: a change that was rolled back must not leave a definition here that the next
 * change's number fits. */
static int64_t new_generation(void)
{
    return (int64_t)(slv_rand_u64() >> 1);
}

static slv_code space_new(slv_dynamo *d, int64_t *ret, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db, "INSERT INTO space(items, bytes, gone) VALUES(0, 0, 0) RETURNING id",
                        &st, err));
    slv_code code = slv_stmt_step(d->db, st, err);
    if (code == SLV_OK)
        *ret = slv_stmt_int(st, 0);
    slv_stmt_done(st);
    return code;
}

static slv_code index_spaces(slv_dynamo *d, slv_dyn_table *t, slv_err *err)
{
    for (size_t i = 0; i < t->index_count; i++)
        if (t->indexes[i].space == 0)
            SLV_TRY(space_new(d, &t->indexes[i].space, err));
    return SLV_OK;
}

static slv_code write_row(slv_dynamo *d, const char *sql, const slv_dyn_table *t, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)4 << 20);
    sqlite3_stmt *st;

    SLV_TRY(slv_dyn_table_put(t, &json));
    SLV_TRY(slv_db_stmt(d->db, sql, &st, err));
    slv_stmt_bind_text(st, 1, t->name);
    slv_stmt_bind_int(st, 2, t->space);
    slv_stmt_bind_int(st, 3, t->generation);
    slv_stmt_bind_text(st, 4, slv_buf_view(&json));
    return slv_stmt_run(d->db, st, err);
}

slv_code slv_dyn_catalog_add(slv_dynamo *d, slv_dyn_table *t, slv_err *err)
{
    SLV_TRY(space_new(d, &t->space, err));
    SLV_TRY(index_spaces(d, t, err));
    t->generation = new_generation();
    return write_row(d, "INSERT INTO catalog(name, space, generation, def) VALUES(?1, ?2, ?3, ?4)",
                     t, err);
}

slv_code slv_dyn_catalog_change(slv_dynamo *d, slv_dyn_table *t, slv_err *err)
{
    SLV_TRY(index_spaces(d, t, err));
    t->generation = new_generation();
    return write_row(d, "UPDATE catalog SET space = ?2, generation = ?3, def = ?4 WHERE name = ?1",
                     t, err);
}

slv_code slv_dyn_space_drop(slv_dynamo *d, int64_t space, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db, "UPDATE space SET gone = 1, items = 0, bytes = 0 WHERE id = ?1", &st,
                        err));
    slv_stmt_bind_int(st, 1, space);
    SLV_TRY(slv_stmt_run(d->db, st, err));
    SLV_TRY(slv_db_stmt(d->db, "DELETE FROM build WHERE space = ?1 OR of = ?1", &st, err));
    slv_stmt_bind_int(st, 1, space);
    return slv_stmt_run(d->db, st, err);
}

slv_code slv_dyn_catalog_drop(slv_dynamo *d, const slv_dyn_table *t, slv_err *err)
{
    sqlite3_stmt *st;

    for (size_t i = 0; i < t->index_count; i++)
        SLV_TRY(slv_dyn_space_drop(d, t->indexes[i].space, err));
    SLV_TRY(slv_dyn_space_drop(d, t->space, err));
    SLV_TRY(slv_db_stmt(d->db, "DELETE FROM tag WHERE space = ?1", &st, err));
    slv_stmt_bind_int(st, 1, t->space);
    SLV_TRY(slv_stmt_run(d->db, st, err));
    SLV_TRY(slv_db_stmt(d->db, "DELETE FROM catalog WHERE name = ?1", &st, err));
    slv_stmt_bind_text(st, 1, t->name);
    return slv_stmt_run(d->db, st, err);
}

/* ---- figures ---- */

slv_code slv_dyn_catalog_count(slv_dynamo *d, int64_t *ret, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db, "SELECT count(*) FROM catalog", &st, err));
    slv_code code = slv_stmt_step(d->db, st, err);
    if (code == SLV_OK)
        *ret = slv_stmt_int(st, 0);
    slv_stmt_done(st);
    return code;
}

slv_code slv_dyn_catalog_tally(slv_dynamo *d, int64_t space, slv_dyn_tally *ret, slv_err *err)
{
    sqlite3_stmt *st;

    *ret = (slv_dyn_tally){0};
    SLV_TRY(slv_db_stmt(d->db, "SELECT items, bytes FROM space WHERE id = ?1", &st, err));
    slv_stmt_bind_int(st, 1, space);
    slv_code code = slv_stmt_step(d->db, st, err);
    if (code == SLV_OK)
        *ret = (slv_dyn_tally){slv_stmt_int(st, 0), slv_stmt_int(st, 1)};
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_dyn_tally_add(slv_dynamo *d, int64_t space, int64_t items, int64_t bytes, slv_err *err)
{
    sqlite3_stmt *st;

    if (items == 0 && bytes == 0)
        return SLV_OK;
    SLV_TRY(slv_db_stmt(
        d->db, "UPDATE space SET items = items + ?2, bytes = bytes + ?3 WHERE id = ?1", &st, err));
    slv_stmt_bind_int(st, 1, space);
    slv_stmt_bind_int(st, 2, items);
    slv_stmt_bind_int(st, 3, bytes);
    return slv_stmt_run(d->db, st, err);
}
