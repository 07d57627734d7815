/*
 * Rows as JSON, as the REST calls answer.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "d1/d1_int.h"
#include "fmt/json.h"

void slv_d1_json_init(slv_d1_json *j, bool arrays)
{
    *j = (slv_d1_json){.out = SLV_BUF(2 * SLV_D1_RESULT_MAX), .arrays = arrays};
    slv_d1_json_reset(j);
}

static void drop_names(slv_d1_json *j)
{
    for (size_t i = 0; i < j->columns; i++)
        slv_buf_done(&j->names[i]);
    j->names = slv_free(j->names);
    j->columns = 0;
}

void slv_d1_json_reset(slv_d1_json *j)
{
    drop_names(j);
    slv_buf_reset(&j->out);
    j->first_result = j->first_row = true;
    j->duration_ms = 0;
}

void slv_d1_json_done(slv_d1_json *j)
{
    drop_names(j);
    slv_buf_done(&j->out);
}

/* The shortest digits that read back as v; what is no number is null. */
static slv_code put_number(slv_buf *out, double v)
{
    char text[40];

    if (!isfinite(v))
        return slv_buf_append(out, SLV_STR("null"));
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    return slv_buf_append(out, slv_str_from(text));
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
        return slv_json_put_string(out, slv_stmt_str(st, i));
    case SQLITE_BLOB:
        s = slv_stmt_str(st, i);
        SLV_TRY(slv_buf_append_byte(out, '['));
        for (size_t at = 0; at < s.len; at++)
            SLV_TRY(slv_buf_printf(out, "%s%u", at ? "," : "", (unsigned char)s.ptr[at]));
        return slv_buf_append_byte(out, ']');
    default:
        return slv_buf_append(out, SLV_STR("null"));
    }
}

static slv_code on_columns(void *arg, sqlite3_stmt *st, slv_err *err)
{
    slv_d1_json *j = arg;
    size_t n = (size_t)sqlite3_column_count(st);

    (void)err;
    drop_names(j);
    j->names = slv_alloc0(SLV_MAX(n, (size_t)1) * sizeof *j->names);
    j->columns = n;
    for (size_t i = 0; i < n; i++) {
        j->names[i] = SLV_BUF(1 << 20);
        SLV_TRY(slv_json_put_string(&j->names[i], slv_str_from(sqlite3_column_name(st, (int)i))));
    }
    SLV_TRY(slv_buf_append(&j->out, j->first_result ? SLV_STR("[{\"results\":")
                                                    : SLV_STR(",{\"results\":")));
    j->first_result = false;
    j->first_row = true;
    if (!j->arrays)
        return slv_buf_append_byte(&j->out, '[');
    SLV_TRY(slv_buf_append(&j->out, SLV_STR("{\"columns\":[")));
    for (size_t i = 0; i < n; i++) {
        if (i)
            SLV_TRY(slv_buf_append_byte(&j->out, ','));
        SLV_TRY(slv_buf_append(&j->out, slv_buf_view(&j->names[i])));
    }
    return slv_buf_append(&j->out, SLV_STR("],\"rows\":["));
}

/* Of columns with the same name the last one counts. */
static bool is_shadowed(const slv_d1_json *j, size_t i)
{
    for (size_t later = i + 1; later < j->columns; later++)
        if (slv_str_eq(slv_buf_view(&j->names[i]), slv_buf_view(&j->names[later])))
            return true;
    return false;
}

static slv_code on_row(void *arg, sqlite3_stmt *st, slv_err *err)
{
    slv_d1_json *j = arg;
    bool first = true;

    (void)err;
    if (!j->first_row)
        SLV_TRY(slv_buf_append_byte(&j->out, ','));
    j->first_row = false;
    SLV_TRY(slv_buf_append_byte(&j->out, j->arrays ? '[' : '{'));
    for (size_t i = 0; i < j->columns; i++) {
        if (!j->arrays && is_shadowed(j, i))
            continue;
        if (!first)
            SLV_TRY(slv_buf_append_byte(&j->out, ','));
        first = false;
        if (!j->arrays) {
            SLV_TRY(slv_buf_append(&j->out, slv_buf_view(&j->names[i])));
            SLV_TRY(slv_buf_append_byte(&j->out, ':'));
        }
        SLV_TRY(put_cell(&j->out, st, (int)i));
    }
    return slv_buf_append_byte(&j->out, j->arrays ? ']' : '}');
}

static slv_code on_end(void *arg, const slv_d1_meta *meta, slv_err *err)
{
    slv_d1_json *j = arg;

    (void)err;
    j->duration_ms += meta->duration_ms;
    SLV_TRY(slv_buf_append(&j->out, j->arrays ? SLV_STR("]}") : SLV_STR("]")));
    SLV_TRY(slv_buf_printf(
        &j->out,
        ",\"success\":true,\"meta\":{\"served_by\":\"selvage.db\",\"duration\":%.4f,"
        "\"changes\":%lld,\"last_row_id\":%lld,\"changed_db\":%s,"
        "\"size_after\":%llu,\"rows_read\":%llu,\"rows_written\":%llu",
        meta->duration_ms, (long long)meta->changes, (long long)meta->last_row_id,
        meta->changed_db ? "true" : "false", (unsigned long long)meta->size_after,
        (unsigned long long)meta->rows_read, (unsigned long long)meta->rows_written));
    if (j->bookmark[0])
        SLV_TRY(slv_buf_printf(&j->out, ",\"bookmark\":\"%s\"", j->bookmark));
    return slv_buf_append(&j->out, SLV_STR("}}"));
}

slv_code slv_d1_json_finish(slv_d1_json *j)
{
    return slv_buf_append(&j->out, j->first_result ? SLV_STR("[]") : SLV_STR("]"));
}

const slv_d1_sink slv_d1_json_sink = {on_columns, on_row, on_end};
