/*
 * Asks as bytes. Integers are little-endian, a str is a u32 length and that many bytes.
 *
 *     ask      u8 kind, then
 *              ROWS     u8 bits (1 figures alone, 2 bookmark), str json, str blobs
 *              JSON     u8 bits (1 arrays), u32 statements, for each: str sql, u32 values, for
 * each: u8 kind, u64 bits of a double, or str INFO     i64 now or 0, str name IMPORT   nothing
 *              EXPORT   u8 bits (1 no schema, 2 no data), u32 tables, for each: str
 *              TRAVEL   u8 bits (1 restore, 2 by time), i64 time, str bookmark
 *              INSIGHTS i64 from, i64 to, u8 order, u8 bits (1 average, 2 ascending, 4 totals), u32
 * limit answer   str message, str before, str after, then ROWS     str block, str text, u64 rows
 * read, u64 rows written JSON     str INFO     str name, i64 created, u64 bytes, u32 tables IMPORT
 * u64 statements, rows read, rows written, size after, bits of a double (ms) EXPORT   u64 size
 *              INSIGHTS str
 */
#include <stdio.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "d1/ask.h"

#define MESSAGE_MAX ((size_t)1 << 20)
#define ARENA_MAX ((size_t)132 << 20)

enum { BIT_1 = 1, BIT_2 = 2, BIT_3 = 4 };

static slv_code put_str(slv_buf *out, slv_str s)
{
    SLV_TRY(slv_buf_append_u32(out, (uint32_t)s.len));
    return slv_buf_append(out, s);
}

static slv_code put_double(slv_buf *out, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    return slv_buf_append_u64(out, bits);
}

static double read_double(slv_reader *r)
{
    uint64_t bits = slv_read_u64(r);
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

/* ---- asks ---- */

static slv_code put_statements(const slv_d1_ask *ask, slv_buf *out)
{
    SLV_TRY(slv_buf_append_u32(out, (uint32_t)ask->count));
    for (size_t i = 0; i < ask->count; i++) {
        const slv_d1_statement *s = &ask->statements[i];

        SLV_TRY(put_str(out, s->sql));
        SLV_TRY(slv_buf_append_u32(out, (uint32_t)s->param_count));
        for (size_t k = 0; k < s->param_count; k++) {
            const slv_d1_value *v = &s->params[k];

            SLV_TRY(slv_buf_append_u8(out, (uint8_t)v->kind));
            if (v->kind == SLV_D1_NUMBER)
                SLV_TRY(put_double(out, v->number));
            else if (v->kind != SLV_D1_NULL)
                SLV_TRY(put_str(out, v->bytes));
        }
    }
    return SLV_OK;
}

static slv_code put_export(const slv_d1_export_options *o, slv_buf *out)
{
    SLV_TRY(
        slv_buf_append_u8(out, (uint8_t)((o->no_schema ? BIT_1 : 0) | (o->no_data ? BIT_2 : 0))));
    SLV_TRY(slv_buf_append_u32(out, (uint32_t)o->table_count));
    for (size_t i = 0; i < o->table_count; i++)
        SLV_TRY(put_str(out, o->tables[i]));
    return SLV_OK;
}

static slv_code put_insights(const slv_d1_insights_ask *i, slv_buf *out)
{
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)i->from_ms));
    SLV_TRY(slv_buf_append_u64(out, (uint64_t)i->to_ms));
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)i->order));
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)((i->average ? BIT_1 : 0) | (i->ascending ? BIT_2 : 0) |
                                             (i->totals ? BIT_3 : 0))));
    return slv_buf_append_u32(out, i->limit);
}

slv_code slv_d1_ask_put(const slv_d1_ask *ask, slv_buf *out)
{
    SLV_TRY(slv_buf_append_u8(out, (uint8_t)ask->kind));
    switch (ask->kind) {
    case SLV_D1_ASK_ROWS:
        SLV_TRY(slv_buf_append_u8(
            out, (uint8_t)((ask->rows->no_rows ? BIT_1 : 0) | (ask->want_bookmark ? BIT_2 : 0))));
        SLV_TRY(put_str(out, ask->json));
        return put_str(out, ask->blobs);
    case SLV_D1_ASK_JSON:
        SLV_TRY(slv_buf_append_u8(out, ask->out->arrays ? BIT_1 : 0));
        return put_statements(ask, out);
    case SLV_D1_ASK_INFO:
        SLV_TRY(slv_buf_append_u64(out, (uint64_t)ask->now_ms));
        return put_str(out, ask->name);
    case SLV_D1_ASK_IMPORT:
        return SLV_OK;
    case SLV_D1_ASK_EXPORT:
        return put_export(&ask->export, out);
    case SLV_D1_ASK_TRAVEL:
        SLV_TRY(slv_buf_append_u8(
            out, (uint8_t)((ask->restore ? BIT_1 : 0) | (ask->by_time ? BIT_2 : 0))));
        SLV_TRY(slv_buf_append_u64(out, (uint64_t)ask->ms));
        return put_str(out, ask->bookmark);
    case SLV_D1_ASK_INSIGHTS:
        return put_insights(&ask->insights, out);
    }
    return SLV_E_INVAL;
}

/* Room for `count` things that take at least `least` bytes each in what is left to read: a count
 * that cannot be true is none. */
static void *list_for(slv_reader *r, slv_arena *arena, uint32_t count, size_t least, size_t size)
{
    void *list = count <= r->rest.len / least
                     ? slv_arena_try_alloc0(arena, SLV_MAX(count, 1u) * size)
                     : NULL;

    r->bad |= !list;
    return list;
}

static void read_values(slv_reader *r, slv_arena *arena, slv_d1_statement *s)
{
    uint32_t count = slv_read_u32(r);
    slv_d1_value *values = list_for(r, arena, count, 1, sizeof *values);

    for (uint32_t i = 0; !r->bad && i < count; i++) {
        uint8_t kind = slv_read_u8(r);

        values[i].kind = (slv_d1_kind)kind;
        if (kind == SLV_D1_NUMBER)
            values[i].number = read_double(r);
        else if (kind == SLV_D1_TEXT || kind == SLV_D1_BLOB)
            values[i].bytes = slv_read_str(r);
        else if (kind != SLV_D1_NULL)
            r->bad = true;
    }
    s->params = values;
    s->param_count = count;
}

static void read_statements(slv_reader *r, slv_d1_ask *ask)
{
    uint32_t count = slv_read_u32(r);
    slv_d1_statement *list = list_for(r, ask->arena, count, 8, sizeof *list);

    for (uint32_t i = 0; !r->bad && i < count; i++) {
        list[i].sql = slv_read_str(r);
        read_values(r, ask->arena, &list[i]);
    }
    ask->statements = list;
    ask->count = count;
}

static void read_export(slv_reader *r, slv_d1_ask *ask)
{
    uint8_t bits = slv_read_u8(r);
    uint32_t count = slv_read_u32(r);
    slv_str *tables = list_for(r, ask->arena, count, 4, sizeof *tables);

    for (uint32_t i = 0; !r->bad && i < count; i++)
        tables[i] = slv_read_str(r);
    ask->export = (slv_d1_export_options){
        .no_schema = bits & BIT_1, .no_data = bits & BIT_2, .tables = tables, .table_count = count};
}

static void read_insights(slv_reader *r, slv_d1_insights_ask *ret)
{
    ret->from_ms = (int64_t)slv_read_u64(r);
    ret->to_ms = (int64_t)slv_read_u64(r);
    uint8_t order = slv_read_u8(r), bits = slv_read_u8(r);
    ret->limit = slv_read_u32(r);
    ret->order = (slv_d1_insight_order)order;
    ret->average = bits & BIT_1;
    ret->ascending = bits & BIT_2;
    ret->totals = bits & BIT_3;
    r->bad |= order > SLV_D1_BY_COUNT;
}

static bool read_ask(slv_str bytes, slv_d1_ask *ask)
{
    slv_reader r = slv_reader_make(bytes);
    uint8_t bits;

    ask->kind = (slv_d1_ask_kind)slv_read_u8(&r);
    switch (ask->kind) {
    case SLV_D1_ASK_ROWS:
        bits = slv_read_u8(&r);
        ask->rows->no_rows = bits & BIT_1;
        ask->want_bookmark = bits & BIT_2;
        ask->json = slv_read_str(&r);
        ask->blobs = slv_read_str(&r);
        break;
    case SLV_D1_ASK_JSON:
        ask->out->arrays = slv_read_u8(&r) & BIT_1;
        read_statements(&r, ask);
        break;
    case SLV_D1_ASK_INFO:
        ask->now_ms = (int64_t)slv_read_u64(&r);
        ask->name = slv_read_str(&r);
        break;
    case SLV_D1_ASK_IMPORT:
        break;
    case SLV_D1_ASK_EXPORT:
        read_export(&r, ask);
        break;
    case SLV_D1_ASK_TRAVEL:
        bits = slv_read_u8(&r);
        ask->restore = bits & BIT_1;
        ask->by_time = bits & BIT_2;
        ask->ms = (int64_t)slv_read_u64(&r);
        ask->bookmark = slv_read_str(&r);
        break;
    case SLV_D1_ASK_INSIGHTS:
        read_insights(&r, &ask->insights);
        break;
    default:
        return false;
    }
    return slv_reader_end(&r);
}

/* ---- answers ---- */

static slv_code put_answer(const slv_d1_ask *ask, slv_buf *out)
{
    SLV_TRY(put_str(out, slv_buf_view(ask->message)));
    SLV_TRY(put_str(out, slv_str_from(ask->before)));
    SLV_TRY(put_str(out, slv_str_from(ask->after)));
    switch (ask->kind) {
    case SLV_D1_ASK_ROWS:
        SLV_TRY(put_str(out, slv_buf_view(&ask->rows->block)));
        SLV_TRY(put_str(out, slv_buf_view(&ask->rows->text)));
        SLV_TRY(slv_buf_append_u64(out, ask->rows->rows_read));
        return slv_buf_append_u64(out, ask->rows->rows_written);
    case SLV_D1_ASK_JSON:
    case SLV_D1_ASK_INSIGHTS:
        return put_str(out, slv_buf_view(&ask->out->out));
    case SLV_D1_ASK_INFO:
        SLV_TRY(put_str(out, ask->info.name));
        SLV_TRY(slv_buf_append_u64(out, (uint64_t)ask->info.created_ms));
        SLV_TRY(slv_buf_append_u64(out, ask->info.file_bytes));
        return slv_buf_append_u32(out, ask->info.tables);
    case SLV_D1_ASK_IMPORT:
        SLV_TRY(slv_buf_append_u64(out, ask->import.statements));
        SLV_TRY(slv_buf_append_u64(out, ask->import.rows_read));
        SLV_TRY(slv_buf_append_u64(out, ask->import.rows_written));
        SLV_TRY(slv_buf_append_u64(out, ask->import.size_after));
        return put_double(out, ask->import.duration_ms);
    case SLV_D1_ASK_EXPORT:
        return slv_buf_append_u64(out, ask->size);
    case SLV_D1_ASK_TRAVEL:
        break;
    }
    return SLV_OK;
}

static void read_bookmark(slv_reader *r, char out[static SLV_D1_BOOKMARK_LEN + 1])
{
    slv_str s = slv_read_str(r);

    /* It goes into JSON and headers as it is. */
    for (size_t i = 0; i < s.len; i++)
        r->bad |= slv_hex_value(s.ptr[i]) < 0 && s.ptr[i] != '-';
    r->bad |= s.len > SLV_D1_BOOKMARK_LEN;
    if (!r->bad)
        snprintf(out, SLV_D1_BOOKMARK_LEN + 1, "%.*s", SLV_STR_ARGS(s));
}

static slv_code read_info(slv_reader *r, slv_d1_ask *ask)
{
    SLV_TRY(slv_arena_dup(ask->arena, slv_read_str(r), &ask->info.name));
    ask->info.created_ms = (int64_t)slv_read_u64(r);
    ask->info.file_bytes = slv_read_u64(r);
    ask->info.tables = slv_read_u32(r);
    return SLV_OK;
}

static slv_code read_result(slv_reader *r, slv_d1_ask *ask)
{
    switch (ask->kind) {
    case SLV_D1_ASK_ROWS:
        SLV_TRY(slv_buf_set(&ask->rows->block, slv_read_str(r)));
        SLV_TRY(slv_buf_set(&ask->rows->text, slv_read_str(r)));
        ask->rows->rows_read = slv_read_u64(r);
        ask->rows->rows_written = slv_read_u64(r);
        return SLV_OK;
    case SLV_D1_ASK_JSON:
    case SLV_D1_ASK_INSIGHTS:
        return slv_buf_set(&ask->out->out, slv_read_str(r));
    case SLV_D1_ASK_INFO:
        return read_info(r, ask);
    case SLV_D1_ASK_IMPORT:
        ask->import = (slv_d1_import){0};
        ask->import.statements = slv_read_u64(r);
        ask->import.rows_read = slv_read_u64(r);
        ask->import.rows_written = slv_read_u64(r);
        ask->import.size_after = slv_read_u64(r);
        ask->import.duration_ms = read_double(r);
        break;
    case SLV_D1_ASK_EXPORT:
        ask->size = slv_read_u64(r);
        break;
    case SLV_D1_ASK_TRAVEL:
        break;
    }
    return SLV_OK;
}

slv_code slv_d1_ask_get(slv_d1_ask *ask, slv_str bytes, slv_err *err)
{
    slv_reader r = slv_reader_make(bytes);
    slv_str message = slv_read_str(&r);

    if (ask->message)
        SLV_TRY(slv_buf_set(ask->message, message));
    read_bookmark(&r, ask->before);
    read_bookmark(&r, ask->after);
    SLV_TRY(read_result(&r, ask));
    return slv_reader_end(&r) ? SLV_OK : slv_fail(err, SLV_E_PARSE, "d1: a malformed answer");
}

/* ---- in the keeper ---- */

slv_code slv_d1_serve(slv_d1 *d1, bool read, slv_str bytes, int fd, const atomic_bool *stop,
                      slv_buf *answer, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(ARENA_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf message = SLV_BUF(MESSAGE_MAX);
    SLV_CLEANUP(slv_d1_rows_done) slv_d1_rows rows = {0};
    SLV_CLEANUP(slv_d1_json_done) slv_d1_json json = {0};
    slv_d1_ask ask = {.read = read,
                      .stop = stop,
                      .fd = fd,
                      .arena = &arena,
                      .message = &message,
                      .rows = &rows,
                      .out = &json,
                      .info = {.name = SLV_STR("")}};

    slv_d1_rows_init(&rows, false);
    slv_d1_json_init(&json, false);
    if (!read_ask(bytes, &ask) ||
        (fd < 0 && (ask.kind == SLV_D1_ASK_IMPORT || ask.kind == SLV_D1_ASK_EXPORT)))
        return slv_fail(err, SLV_E_PARSE, "d1: a malformed ask");
    slv_code code = slv_d1_ask_run(d1, &ask, err);
    slv_code put = put_answer(&ask, answer);
    if (put == SLV_OK)
        return code;
    slv_buf_reset(answer);
    return slv_fail(err, put, "d1: the answer is larger than a message");
}
