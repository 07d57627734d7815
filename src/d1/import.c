/*
 * A text of any size, run statement by statement in one transaction.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "d1/d1_int.h"
#include "store/sqlsplit.h"

#define PIECE ((size_t)64 << 10)

/* Dumps of SQLite stand in a transaction; there is one around all of it. */
static bool is_frame(slv_str sql)
{
    return slv_str_is(sql, "BEGIN TRANSACTION;") || slv_str_is(sql, "COMMIT;");
}

static slv_code run_statement(slv_d1 *d1, slv_d1_import *im, slv_str sql, slv_err *err)
{
    if (is_frame(sql))
        return SLV_OK;
    SLV_CLEANUP(slv_usersql_end) slv_usersql_query *q = NULL;
    slv_code code = slv_usersql_start(d1->sql, sql, 0, &q, err);

    if (code == SLV_OK && slv_usersql_parameters(q) > 0)
        code = slv_usersql_wrong_count(d1->sql, err);
    while (code == SLV_OK)
        code = slv_usersql_step(q, err);
    if (code != SLV_E_NOTFOUND) {
        slv_str why = slv_usersql_message(d1->sql);

        return slv_d1_say(d1, err, code, why);
    }
    im->statements++;
    im->rows_read += slv_usersql_rows_read(q);
    im->rows_written += slv_usersql_rows_written(q);
    return SLV_OK;
}

/* Feeds one piece: what ends in it is run, the rest is kept in `held`. */
static slv_code take_piece(slv_d1 *d1, slv_d1_import *im, slv_sqlsplit *split, slv_buf *held,
                           slv_str piece, slv_err *err)
{
    while (piece.len > 0) {
        bool ended = false;
        size_t n = slv_sqlsplit_feed(split, piece, &ended);

        if (slv_buf_append(held, slv_str_sub(piece, 0, n)) != SLV_OK)
            return slv_d1_say(d1, err, SLV_E_INVAL, SLV_STR("statement too long: SQLITE_TOOBIG"));
        piece = slv_str_skip(piece, n);
        if (!ended) {
            /* Long comments between statements are no part of one. */
            if (!slv_sqlsplit_pending(split))
                slv_buf_reset(held);
            continue;
        }
        slv_str rest = slv_buf_view(held), sql;

        if (slv_sqlsplit_next(&rest, &sql))
            SLV_TRY(run_statement(d1, im, sql, err));
        slv_buf_reset(held);
    }
    return SLV_OK;
}

static slv_code take_all(slv_d1 *d1, slv_d1_import *im, slv_buf *held, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *piece = slv_alloc(PIECE);
    slv_sqlsplit split = {0};
    size_t n = 0;

    do {
        SLV_TRY(im->read(im->arg, piece, PIECE, &n, err));
        SLV_TRY(take_piece(d1, im, &split, held, slv_str_make(piece, n), err));
    } while (n > 0);
    slv_str rest = slv_buf_view(held), sql;

    return slv_sqlsplit_next(&rest, &sql) ? run_statement(d1, im, sql, err) : SLV_OK;
}

slv_code slv_d1_import_run(slv_d1 *d1, slv_d1_import *im, slv_err *err)
{
    /* Room for the longest statement and what stands before it in its piece. */
    SLV_CLEANUP(slv_buf_done) slv_buf held = SLV_BUF(SLV_USERSQL_TEXT_MAX + 2 * PIECE);
    uint64_t began_ns = slv_clock_mono_ns();
    slv_d1_batch figures = {0};

    slv_buf_reset(&d1->own_message);
    SLV_TRY(slv_db_begin(d1->db, err));
    slv_usersql_guard(d1->sql, 0, im->stop);
    slv_code code = take_all(d1, im, &held, err);
    slv_usersql_guard(d1->sql, 0, NULL);
    if (code == SLV_OK)
        code = slv_d1_commit(d1, err);
    if (slv_db_in_transaction(d1->db))
        slv_db_rollback(d1->db);
    slv_code told = slv_d1_tell(d1, code == SLV_OK ? err : NULL);
    if (code == SLV_OK)
        code = told;
    if (code == SLV_OK)
        code = slv_d1_figures(d1, &figures.total, err);
    im->size_after = figures.total.size_after;
    im->duration_ms = (double)(slv_clock_mono_ns() - began_ns) / 1e6;
    return code;
}
