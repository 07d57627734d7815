/*
 * Rows as an isolate reads them (docs/internals/stores.md): one block of tags, numbers and blobs,
 * one string of all texts. Taking a string apart by lengths is cheap in JavaScript, decoding many
 * small ones is not.
 */
#include "base/utf8.h"
#include "d1/d1_int.h"

enum { TAG_NULL = 0, TAG_INT = 1, TAG_NUMBER = 2, TAG_TEXT = 3, TAG_BLOB = 4 };

void slv_d1_rows_init(slv_d1_rows *r, bool no_rows)
{
    *r = (slv_d1_rows){
        .block = SLV_BUF(SLV_D1_RESULT_MAX),
        .text = SLV_BUF(SLV_D1_RESULT_MAX),
        .no_rows = no_rows,
    };
    slv_d1_rows_reset(r);
}

void slv_d1_rows_reset(slv_d1_rows *r)
{
    slv_buf_reset(&r->block);
    slv_buf_reset(&r->text);
    r->count = 0;
    r->rows_read = r->rows_written = 0;
}

void slv_d1_rows_done(slv_d1_rows *r)
{
    slv_buf_done(&r->block);
    slv_buf_done(&r->text);
}

/* A size: one byte, or 255 and four. */
static slv_code put_size(slv_buf *out, uint32_t v)
{
    if (v < 255)
        return slv_buf_append_u8(out, (uint8_t)v);
    SLV_TRY(slv_buf_append_u8(out, 255));
    return slv_buf_append_u32(out, v);
}

static slv_code put_double(slv_buf *out, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    return slv_buf_append_u64(out, bits);
}

/* The text, repaired where it is no UTF-8; its length in UTF-16 units. */
static slv_code put_text(slv_d1_rows *r, slv_str s, uint32_t *ret_units)
{
    size_t pos = 0;

    *ret_units = (uint32_t)(slv_utf8_ascii(s) ? s.len : slv_utf16_len(s));
    if (slv_utf8_valid(s))
        return slv_buf_append(&r->text, s);
    while (pos < s.len) {
        bool malformed;
        char bytes[4];
        size_t n = slv_utf8_put(slv_utf8_next(s, &pos, &malformed), bytes);

        SLV_TRY(slv_buf_append(&r->text, slv_str_make(bytes, n)));
    }
    return SLV_OK;
}

static slv_code put_int(slv_buf *out, int64_t v)
{
    if (v >= INT32_MIN && v <= INT32_MAX) {
        SLV_TRY(slv_buf_append_u8(out, TAG_INT));
        return slv_buf_append_u32(out, (uint32_t)(int32_t)v);
    }
    SLV_TRY(slv_buf_append_u8(out, TAG_NUMBER));
    return put_double(out, (double)v);
}

static slv_code put_cell(slv_d1_rows *r, sqlite3_stmt *st, int i)
{
    slv_buf *out = &r->block;
    uint32_t units;

    switch (sqlite3_column_type(st, i)) {
    case SQLITE_INTEGER:
        return put_int(out, sqlite3_column_int64(st, i));
    case SQLITE_FLOAT:
        SLV_TRY(slv_buf_append_u8(out, TAG_NUMBER));
        return put_double(out, sqlite3_column_double(st, i));
    case SQLITE_TEXT:
        SLV_TRY(slv_buf_append_u8(out, TAG_TEXT));
        SLV_TRY(put_text(r, slv_stmt_str(st, i), &units));
        return put_size(out, units);
    case SQLITE_BLOB: {
        slv_str s = slv_stmt_str(st, i);

        SLV_TRY(slv_buf_append_u8(out, TAG_BLOB));
        SLV_TRY(put_size(out, (uint32_t)s.len));
        return slv_buf_append(out, s);
    }
    default:
        return slv_buf_append_u8(out, TAG_NULL);
    }
}

static slv_code on_columns(void *arg, sqlite3_stmt *st, slv_err *err)
{
    slv_d1_rows *r = arg;
    uint32_t n = r->no_rows ? 0 : (uint32_t)sqlite3_column_count(st);

    (void)err;
    r->columns = n;
    r->rows = 0;
    SLV_TRY(put_size(&r->block, n));
    for (uint32_t i = 0; i < n; i++) {
        uint32_t units;

        SLV_TRY(put_text(r, slv_str_from(sqlite3_column_name(st, (int)i)), &units));
        SLV_TRY(put_size(&r->block, units));
    }
    r->at_rows = r->block.len;
    return slv_buf_append_u32(&r->block, 0);
}

static slv_code on_row(void *arg, sqlite3_stmt *st, slv_err *err)
{
    slv_d1_rows *r = arg;

    (void)err;
    if (r->no_rows)
        return SLV_OK;
    r->rows++;
    for (uint32_t i = 0; i < r->columns; i++)
        SLV_TRY(put_cell(r, st, (int)i));
    return r->block.len + r->text.len > SLV_D1_RESULT_MAX ? SLV_E_LIMIT : SLV_OK;
}

static slv_code on_end(void *arg, const slv_d1_meta *meta, slv_err *err)
{
    slv_d1_rows *r = arg;
    slv_buf *out = &r->block;

    (void)err;
    memcpy(out->ptr + r->at_rows, &r->rows, sizeof r->rows); /* little-endian machines only */
    r->count++;
    r->rows_read += meta->rows_read;
    r->rows_written += meta->rows_written;
    SLV_TRY(put_int(out, (int64_t)(meta->duration_ms * 10000)));
    SLV_TRY(put_int(out, meta->changes));
    SLV_TRY(put_int(out, meta->last_row_id));
    SLV_TRY(put_int(out, (int64_t)meta->size_after));
    SLV_TRY(put_int(out, (int64_t)meta->rows_read));
    SLV_TRY(put_int(out, (int64_t)meta->rows_written));
    return slv_buf_append_u8(out, meta->changed_db);
}

const slv_d1_sink slv_d1_rows_sink = {on_columns, on_row, on_end};
