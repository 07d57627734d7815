/*
 * Batches: statements in one transaction, each with its figures.
 */
#include "base/clock.h"
#include "d1/d1_int.h"

static const char timed_out[] =
    "D1 DB storage operation exceeded timeout which caused object to be reset.";
static const char too_large[] = "D1 DB query result is too large. Read fewer rows at once (LIMIT).";
static const char full[] = "Exceeded maximum DB size: SQLITE_FULL";

/* ---- what is nothing to execute ---- */

static size_t blanks(slv_str s, size_t at)
{
    size_t n = 0;

    while (at + n < s.len &&
           (s.ptr[at + n] == ' ' || (s.ptr[at + n] >= '\t' && s.ptr[at + n] <= '\r')))
        n++;
    return n;
}

/* Nothing but blanks, and comments to the end of the line that something blank stands before: as
 * the reference decides it. */
static bool nothing_in(slv_str s)
{
    size_t at = 0;

    for (;;) {
        size_t n = blanks(s, at);

        at += n;
        if (at >= s.len)
            return true;
        if (n == 0 || at + 1 >= s.len || s.ptr[at] != '-' || s.ptr[at + 1] != '-')
            return false;
        at = slv_str_chr(s, '\n', at);
        if (at == SIZE_MAX)
            return true;
        at++;
    }
}

bool slv_d1_looks_read(const slv_d1_statement *statements, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!slv_usersql_looks_read(statements[i].sql) && !nothing_in(statements[i].sql))
            return false;
    return true;
}

/* ---- figures ---- */

static slv_code read_number(slv_d1 *d1, const char *text, uint64_t *ret, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d1->db, text, &st, err));
    slv_code code = slv_stmt_step(d1->db, st, err);
    if (code == SLV_OK)
        *ret = (uint64_t)slv_stmt_int(st, 0);
    slv_stmt_done(st);
    return code;
}

static const char page_count_sql[] = "PRAGMA page_count";
static const char free_count_sql[] = "PRAGMA freelist_count";
static const char page_size_sql[] = "PRAGMA page_size";

static slv_code size_now(slv_d1 *d1, slv_err *err)
{
    uint64_t pages = 0, unused = 0, page = 0;

    SLV_TRY(read_number(d1, page_count_sql, &pages, err));
    SLV_TRY(read_number(d1, free_count_sql, &unused, err));
    SLV_TRY(read_number(d1, page_size_sql, &page, err));
    d1->size_after = (pages - SLV_MIN(unused, pages)) * page;
    return SLV_OK;
}

/* The size again when another connection may have changed it. */
static slv_code refresh_size(slv_d1 *d1, slv_err *err)
{
    unsigned version = 0;

    sqlite3_file_control(slv_db_handle(d1->db), "main", SQLITE_FCNTL_DATA_VERSION, &version);
    if (version != 0 && version == d1->data_version)
        return SLV_OK;
    SLV_TRY(size_now(d1, err));
    sqlite3_file_control(slv_db_handle(d1->db), "main", SQLITE_FCNTL_DATA_VERSION, &version);
    d1->data_version = version;
    return SLV_OK;
}

/* ---- one statement ---- */

static int bind_value(sqlite3_stmt *st, int i, const slv_d1_value *v)
{
    switch (v->kind) {
    case SLV_D1_NULL:
        return sqlite3_bind_null(st, i);
    case SLV_D1_NUMBER:
        return sqlite3_bind_double(st, i, v->number);
    case SLV_D1_TEXT:
        return sqlite3_bind_text64(st, i, v->bytes.ptr ? v->bytes.ptr : "", v->bytes.len,
                                   SQLITE_STATIC, SQLITE_UTF8);
    case SLV_D1_BLOB:
        return sqlite3_bind_blob64(st, i, v->bytes.ptr ? v->bytes.ptr : "", v->bytes.len,
                                   SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static slv_code from_sql(slv_d1 *d1, slv_code code, slv_err *err)
{
    (void)slv_d1_say(d1, NULL, code, slv_usersql_message(d1->sql));
    if (code == SLV_E_TIMEOUT)
        return slv_d1_say(d1, err, code, slv_str_from(timed_out));
    if (code == SLV_E_LIMIT && slv_db_disk_full(d1->db))
        return slv_d1_say(d1, err, SLV_E_IO, slv_usersql_message(d1->sql));
    if (code == SLV_E_LIMIT)
        return slv_d1_say(d1, err, code, slv_str_from(full));
    return code;
}

static slv_code from_sink(slv_d1 *d1, slv_code code, slv_err *err)
{
    return code == SLV_E_LIMIT ? slv_d1_say(d1, err, code, slv_str_from(too_large)) : code;
}

static slv_code step_all(slv_d1 *d1, slv_usersql_query *q, const slv_d1_batch *b,
                         uint64_t *ret_rows, slv_err *err)
{
    sqlite3_stmt *st = slv_usersql_stmt(q);
    slv_code code = slv_usersql_step(q, err);

    /* Now: a statement that the schema outdated was prepared anew by its first step. */
    if (code == SLV_OK || code == SLV_E_NOTFOUND) {
        slv_code told = b->sink->columns(b->sink_arg, st, err);

        if (told != SLV_OK)
            return from_sink(d1, told, err);
    }
    while (code == SLV_OK) {
        slv_code told = b->sink->row(b->sink_arg, st, err);

        if (told != SLV_OK)
            return from_sink(d1, told, err);
        ++*ret_rows;
        code = slv_usersql_step(q, err);
    }
    return code == SLV_E_NOTFOUND ? SLV_OK : from_sql(d1, code, err);
}

static slv_code run_query(slv_d1 *d1, const slv_d1_statement *s, const slv_d1_batch *b,
                          slv_d1_meta *meta, uint64_t *ret_rows, slv_err *err)
{
    SLV_CLEANUP(slv_usersql_end) slv_usersql_query *q = NULL;
    slv_code code = slv_usersql_start(d1->sql, s->sql, b->read ? SLV_USERSQL_READ : 0, &q, err);

    if (code != SLV_OK)
        return from_sql(d1, code, err);
    if (slv_usersql_parameters(q) != s->param_count)
        return from_sql(d1, slv_usersql_wrong_count(d1->sql, err), err);
    for (size_t i = 0; i < s->param_count; i++) {
        int rc = bind_value(slv_usersql_stmt(q), (int)i + 1, &s->params[i]);

        if (rc != SQLITE_OK)
            return from_sql(d1, slv_usersql_fail(d1->sql, rc, err), err);
    }
    SLV_TRY(step_all(d1, q, b, ret_rows, err));
    meta->rows_read = slv_usersql_rows_read(q);
    meta->rows_written = slv_usersql_rows_written(q);
    return SLV_OK;
}

static void count(slv_d1 *d1, const slv_d1_statement *s, const slv_d1_meta *meta, uint64_t rows)
{
    const slv_d1_cost cost = {.count = 1,
                              .us = (uint64_t)(meta->duration_ms * 1000),
                              .rows_read = meta->rows_read,
                              .rows_written = meta->rows_written,
                              .rows_returned = rows};

    slv_d1_insights_add(d1->board->insights, s->sql, &cost, slv_clock_wall_ms());
}

static slv_code run_one(slv_d1 *d1, const slv_d1_statement *s, slv_d1_batch *b, slv_err *err)
{
    sqlite3 *db = slv_db_handle(d1->db);
    uint64_t began_ns = slv_clock_mono_ns();
    int64_t changes = sqlite3_total_changes64(db), row = sqlite3_last_insert_rowid(db);
    uint64_t size = d1->size_after;
    slv_d1_meta meta = {0};
    uint64_t rows = 0;

    SLV_TRY(run_query(d1, s, b, &meta, &rows, err));
    if (b->read) {
        uint32_t segment, frame;

        SLV_TRY(refresh_size(d1, err));
        slv_d1_board_read(d1->board, &meta.last_row_id, &segment, &frame);
    } else {
        SLV_TRY(size_now(d1, err));
        meta.changes = sqlite3_total_changes64(db) - changes;
        meta.last_row_id = sqlite3_last_insert_rowid(db);
        meta.changed_db = meta.changes != 0 || meta.last_row_id != row || d1->size_after != size;
    }
    meta.size_after = d1->size_after;
    meta.duration_ms = (double)(slv_clock_mono_ns() - began_ns) / 1e6;
    count(d1, s, &meta, rows);
    b->total.changes += meta.changes;
    b->total.rows_read += meta.rows_read;
    b->total.rows_written += meta.rows_written;
    b->total.duration_ms += meta.duration_ms;
    b->total.changed_db |= meta.changed_db;
    b->total.size_after = meta.size_after;
    b->total.last_row_id = meta.last_row_id;
    return from_sink(d1, b->sink->end(b->sink_arg, &meta, err), err);
}

/* ---- a batch ---- */

static const char begin_read_sql[] = "BEGIN";
static const char end_read_sql[] = "COMMIT";

static slv_code run_text(slv_d1 *d1, const char *text, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d1->db, text, &st, err));
    return slv_stmt_run(d1->db, st, err);
}

/* Settings of a connection that a pragma changed hold for the batch. */
static slv_code restore_settings(slv_d1 *d1, slv_err *err)
{
    static const char text[] =
        "PRAGMA case_sensitive_like=OFF; PRAGMA recursive_triggers=OFF;"
        "PRAGMA reverse_unordered_selects=OFF; PRAGMA ignore_check_constraints=OFF;"
        "PRAGMA legacy_alter_table=OFF; PRAGMA foreign_keys=ON";

    return slv_db_exec(d1->db, text, err);
}

static slv_code run_statements(slv_d1 *d1, slv_d1_batch *b, slv_err *err)
{
    for (size_t i = 0; i < b->count; i++)
        if (!nothing_in(b->statements[i].sql))
            SLV_TRY(run_one(d1, &b->statements[i], b, err));
    return SLV_OK;
}

static slv_code run_read(slv_d1 *d1, slv_d1_batch *b, slv_err *err)
{
    bool one = b->count == 1;

    if (!one) /* all of them see the same */
        SLV_TRY(run_text(d1, begin_read_sql, err));
    slv_code code = run_statements(d1, b, err);
    if (!one && slv_db_in_transaction(d1->db)) {
        slv_code ended = run_text(d1, end_read_sql, code == SLV_OK ? err : NULL);

        if (code == SLV_OK)
            code = ended;
    }
    return code;
}

/* Constraints that were deferred are the user's: their failure is said in SQLite's words. */
slv_code slv_d1_commit(slv_d1 *d1, slv_err *err)
{
    sqlite3 *db = slv_db_handle(d1->db);
    sqlite3_stmt *st = NULL;
    slv_code code = slv_db_stmt(d1->db, end_read_sql, &st, err);

    if (code == SLV_OK && sqlite3_step(st) != SQLITE_DONE) {
        code = slv_usersql_fail(d1->sql, sqlite3_extended_errcode(db), err);
        code = from_sql(d1, code, err);
    }
    if (st)
        slv_stmt_done(st);
    return code;
}

slv_code slv_d1_figures(slv_d1 *d1, slv_d1_meta *ret, slv_err *err)
{
    SLV_TRY(size_now(d1, err));
    ret->size_after = d1->size_after;
    ret->last_row_id = sqlite3_last_insert_rowid(slv_db_handle(d1->db));
    return SLV_OK;
}

static slv_code run_write(slv_d1 *d1, slv_d1_batch *b, slv_err *err)
{
    slv_err why = {0};
    slv_code code = slv_db_begin(d1->db, &why);

    if (code != SLV_OK)
        return slv_d1_say(d1, err, code, slv_str_from(slv_err_text(&why)));
    code = size_now(d1, err);
    if (code == SLV_OK)
        code = run_statements(d1, b, err);
    if (code == SLV_OK)
        code = slv_d1_commit(d1, err);
    if (slv_db_in_transaction(d1->db))
        slv_db_rollback(d1->db);
    return code;
}

static bool has_pragma(const slv_d1_batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        for (size_t at = 0; at + 6 <= b->statements[i].sql.len; at++)
            if (slv_str_eq_nocase(slv_str_sub(b->statements[i].sql, at, at + 6), SLV_STR("pragma")))
                return true;
    return false;
}

slv_code slv_d1_run(slv_d1 *d1, slv_d1_batch *b, slv_err *err)
{
    size_t n = 0;
    slv_code code;

    slv_buf_reset(&d1->own_message);
    b->total = (slv_d1_meta){0};
    for (size_t i = 0; i < b->count; i++)
        n += !nothing_in(b->statements[i].sql);
    if (n == 0)
        return slv_d1_say(d1, err, SLV_E_INVAL, SLV_STR("No SQL statements detected."));
    slv_usersql_guard(d1->sql, slv_clock_mono_ns() + (uint64_t)SLV_D1_QUERY_MS * 1000000, b->stop);
    code = b->read ? run_read(d1, b, err) : run_write(d1, b, err);
    slv_usersql_guard(d1->sql, 0, NULL);
    slv_d1_insights_keep(d1->board->insights, slv_clock_wall_ms());
    if (!b->read) {
        if (has_pragma(b)) {
            slv_code restored = restore_settings(d1, code == SLV_OK ? err : NULL);

            if (code == SLV_OK)
                code = restored;
        }
        slv_code told = slv_d1_tell(d1, code == SLV_OK ? err : NULL);
        if (code == SLV_OK)
            code = told;
    }
    if (code != SLV_OK && slv_buf_view(&d1->own_message).len == 0)
        (void)slv_d1_say(d1, NULL, code, slv_str_from(slv_err_text(err)));
    return code;
}
