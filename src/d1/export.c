/*
 * A database as SQL text, line for line what wrangler's export writes: tables with their rows in
 * the order in which they were made, then indexes, triggers and views.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "d1/d1_int.h"

#define LINE_MAX_BYTES ((size_t)64 << 20)

typedef struct dump {
    slv_d1 *d1;
    const slv_d1_export_options *o;
    slv_code (*write)(void *arg, slv_str bytes, slv_err *err);
    void *arg;
    slv_buf line;
    bool begun;
} dump;

static slv_code put_line(dump *d, slv_err *err)
{
    if (d->begun)
        SLV_TRY(d->write(d->arg, SLV_STR("\n"), err));
    d->begun = true;
    slv_code code = d->write(d->arg, slv_buf_view(&d->line), err);
    slv_buf_reset(&d->line);
    return code;
}

static slv_code put_name(slv_buf *out, slv_str name)
{
    SLV_TRY(slv_buf_append_byte(out, '"'));
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"')
            SLV_TRY(slv_buf_append_byte(out, '"'));
        SLV_TRY(slv_buf_append_byte(out, name.ptr[i]));
    }
    return slv_buf_append_byte(out, '"');
}

/* As JavaScript writes a number. */
static slv_code put_number(slv_buf *out, double v)
{
    char text[400], *exponent;

    if (isnan(v))
        return slv_buf_append(out, SLV_STR("NULL"));
    if (isinf(v)) /* a literal that reads back as infinite */
        return slv_buf_append(out, v > 0 ? SLV_STR("9e999") : SLV_STR("-9e999"));
    if (trunc(v) == v && fabs(v) < 1e21)
        return slv_buf_printf(out, "%.0f", v == 0 ? 0.0 : v);
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    exponent = strchr(text, 'e');
    if (exponent) { /* "1e-07" is "1e-7" */
        char *digits = exponent + 2;

        while (digits[0] == '0' && digits[1])
            memmove(digits, digits + 1, strlen(digits));
    }
    return slv_buf_append(out, slv_str_from(text));
}

/* Line breaks are written as escapes that replace() undoes. */
static slv_code put_text(slv_buf *out, slv_str s)
{
    bool lf = slv_str_chr(s, '\n', 0) != SIZE_MAX, cr = slv_str_chr(s, '\r', 0) != SIZE_MAX;

    if (lf)
        SLV_TRY(slv_buf_append(out, SLV_STR("replace(")));
    if (cr)
        SLV_TRY(slv_buf_append(out, SLV_STR("replace(")));
    SLV_TRY(slv_buf_append_byte(out, '\''));
    for (size_t i = 0; i < s.len; i++)
        SLV_TRY(s.ptr[i] == '\''   ? slv_buf_append(out, SLV_STR("''"))
                : s.ptr[i] == '\n' ? slv_buf_append(out, SLV_STR("\\n"))
                : s.ptr[i] == '\r' ? slv_buf_append(out, SLV_STR("\\r"))
                                   : slv_buf_append_byte(out, s.ptr[i]));
    SLV_TRY(slv_buf_append_byte(out, '\''));
    if (cr)
        SLV_TRY(slv_buf_append(out, SLV_STR(",'\\r',char(13))")));
    return lf ? slv_buf_append(out, SLV_STR(",'\\n',char(10))")) : SLV_OK;
}

static slv_code put_cell(slv_buf *out, sqlite3_stmt *st, int i)
{
    slv_str s;

    switch (sqlite3_column_type(st, i)) {
    case SQLITE_INTEGER:
        return slv_buf_printf(out, "%lld", sqlite3_column_int64(st, i));
    case SQLITE_FLOAT:
        return put_number(out, sqlite3_column_double(st, i));
    case SQLITE_TEXT:
        return put_text(out, slv_stmt_str(st, i));
    case SQLITE_BLOB:
        s = slv_stmt_str(st, i);
        SLV_TRY(slv_buf_append(out, SLV_STR("X'")));
        for (size_t at = 0; at < s.len; at++)
            SLV_TRY(slv_buf_printf(out, "%02x", (unsigned char)s.ptr[at]));
        return slv_buf_append_byte(out, '\'');
    default:
        return slv_buf_append(out, SLV_STR("NULL"));
    }
}

static slv_code prepare(dump *d, slv_buf *sql, sqlite3_stmt **ret, slv_err *err)
{
    if (sqlite3_prepare_v2(slv_db_handle(d->d1->db), sql->ptr, (int)sql->len, ret, NULL))
        return slv_db_fail(d->d1->db, err, "export");
    return SLV_OK;
}

static slv_code put_row(dump *d, slv_str table, sqlite3_stmt *st, slv_err *err)
{
    int n = sqlite3_column_count(st);
    slv_buf *line = &d->line;

    SLV_TRY(slv_buf_append(line, SLV_STR("INSERT INTO ")));
    SLV_TRY(put_name(line, table));
    SLV_TRY(slv_buf_append(line, SLV_STR(" VALUES(")));
    for (int i = 0; i < n; i++) {
        if (i)
            SLV_TRY(slv_buf_append_byte(line, ','));
        SLV_TRY(put_cell(line, st, i));
    }
    SLV_TRY(slv_buf_append(line, SLV_STR(");")));
    return put_line(d, err);
}

/* Generated columns have no values of their own: PRAGMA table_info leaves them out. */
static slv_code column_names(dump *d, slv_str table, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf sql = SLV_BUF(1 << 20);
    sqlite3_stmt *st = NULL;
    slv_code code;
    bool first = true;

    SLV_TRY(slv_buf_append(&sql, SLV_STR("PRAGMA table_info=")));
    SLV_TRY(put_name(&sql, table));
    SLV_TRY(prepare(d, &sql, &st, err));
    while ((code = slv_stmt_step(d->d1->db, st, err)) == SLV_OK) {
        code = first ? SLV_OK : slv_buf_append(out, SLV_STR(", "));
        if (code == SLV_OK)
            code = put_name(out, slv_stmt_str(st, 1));
        if (code != SLV_OK)
            break;
        first = false;
    }
    sqlite3_finalize(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code put_rows(dump *d, slv_str table, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf sql = SLV_BUF(2 << 20);
    sqlite3_stmt *st = NULL;
    slv_code code;

    SLV_TRY(slv_buf_append(&sql, SLV_STR("SELECT ")));
    SLV_TRY(column_names(d, table, &sql, err));
    SLV_TRY(slv_buf_append(&sql, SLV_STR(" FROM ")));
    SLV_TRY(put_name(&sql, table));
    SLV_TRY(prepare(d, &sql, &st, err));
    while ((code = slv_stmt_step(d->d1->db, st, err)) == SLV_OK)
        if ((code = put_row(d, table, st, err)) != SLV_OK)
            break;
    sqlite3_finalize(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static bool wanted(const dump *d, slv_str name)
{
    for (size_t i = 0; i < d->o->table_count; i++)
        if (slv_str_eq(d->o->tables[i], name))
            return true;
    return d->o->table_count == 0;
}

static slv_code put_schema(dump *d, slv_str name, slv_str sql, slv_err *err)
{
    slv_str head = SLV_STR("CREATE TABLE ");
    bool quoted = slv_str_starts(sql, head) && sql.len > head.len &&
                  (sql.ptr[head.len] == '"' || sql.ptr[head.len] == '\'');

    if (slv_str_is(name, "sqlite_sequence")) {
        SLV_TRY(slv_buf_append(&d->line, SLV_STR("DELETE FROM sqlite_sequence;")));
    } else if (slv_str_starts(name, SLV_STR("sqlite_stat"))) {
        SLV_TRY(slv_buf_append(&d->line, SLV_STR("ANALYZE sqlite_schema;")));
    } else if (quoted) {
        SLV_TRY(slv_buf_printf(&d->line, "CREATE TABLE IF NOT EXISTS %.*s;",
                               SLV_STR_ARGS(slv_str_skip(sql, head.len))));
    } else {
        SLV_TRY(slv_buf_printf(&d->line, "%.*s;", SLV_STR_ARGS(sql)));
    }
    return put_line(d, err);
}

static slv_code put_table(dump *d, slv_str name, slv_str sql, slv_err *err)
{
    bool special =
        slv_str_is(name, "sqlite_sequence") || slv_str_starts(name, SLV_STR("sqlite_stat"));

    if (!wanted(d, name))
        return SLV_OK;
    if (!special && slv_str_starts(sql, SLV_STR("CREATE VIRTUAL TABLE")))
        return slv_d1_say(
            d->d1, err, SLV_E_INVAL,
            SLV_STR("D1 Export error: cannot export databases with Virtual Tables (fts5)"));
    if (!special &&
        (slv_str_starts(name, SLV_STR("_cf_")) || slv_str_starts(name, SLV_STR("sqlite_"))))
        return SLV_OK;
    if (!d->o->no_schema)
        SLV_TRY(put_schema(d, name, sql, err));
    return d->o->no_data ? SLV_OK : put_rows(d, name, err);
}

static slv_code put_all(dump *d, slv_err *err)
{
    static const char tables[] = "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql "
                                 "NOT NULL ORDER BY tbl_name = 'sqlite_sequence', rowid";
    static const char others[] =
        "SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL AND type IN ('index', 'trigger', "
        "'view') ORDER BY type COLLATE NOCASE";
    sqlite3_stmt *st;
    slv_code code;

    SLV_TRY(slv_buf_append(&d->line, SLV_STR("PRAGMA defer_foreign_keys=TRUE;")));
    SLV_TRY(put_line(d, err));
    SLV_TRY(slv_db_stmt(d->d1->db, tables, &st, err));
    while ((code = slv_stmt_step(d->d1->db, st, err)) == SLV_OK)
        if ((code = put_table(d, slv_stmt_str(st, 0), slv_stmt_str(st, 1), err)) != SLV_OK)
            break;
    slv_stmt_done(st);
    if (code != SLV_E_NOTFOUND || d->o->no_schema)
        return code == SLV_E_NOTFOUND ? SLV_OK : code;
    SLV_TRY(slv_db_stmt(d->d1->db, others, &st, err));
    while ((code = slv_stmt_step(d->d1->db, st, err)) == SLV_OK) {
        if (!wanted(d, slv_stmt_str(st, 0)))
            continue;
        code = slv_buf_printf(&d->line, "%.*s;", SLV_STR_ARGS(slv_stmt_str(st, 1)));
        if (code == SLV_OK)
            code = put_line(d, err);
        if (code != SLV_OK)
            break;
    }
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_d1_export(slv_d1 *d1, const slv_d1_export_options *options,
                       slv_code (*write)(void *arg, slv_str bytes, slv_err *err), void *arg,
                       slv_err *err)
{
    dump d = {.d1 = d1, .o = options, .write = write, .arg = arg, .line = SLV_BUF(LINE_MAX_BYTES)};
    sqlite3_stmt *st;

    slv_buf_reset(&d1->own_message);
    SLV_TRY(slv_db_exec(d1->db, "BEGIN", err));
    slv_code code = put_all(&d, err);
    slv_buf_done(&d.line);
    if (slv_db_stmt(d1->db, "COMMIT", &st, NULL) != SLV_OK ||
        slv_stmt_run(d1->db, st, NULL) != SLV_OK)
        slv_db_rollback(d1->db);
    return code;
}
