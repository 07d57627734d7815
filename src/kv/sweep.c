/*
 * What is due by itself. A content file goes in steps, each durable before the next: no row names
 * it (a trigger notes it), a sweep notes when it saw that, a later sweep removes file and note.
 */
#include <unistd.h>

#include "base/mem.h"
#include "kv/kv_int.h"

#define EXPIRED_PIECE 500
#define FILES_PIECE 64
#define ORPHAN_MS ((int64_t)3600 * 1000) /* no upload takes longer */

/* Runs a statement of up to two numbers; how many rows it changed. */
static slv_code change(slv_kv *kv, const char *sql, int64_t a, int64_t b, int *ret_rows,
                       slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(kv->db, sql, &st, err));
    slv_stmt_bind_int(st, 1, a);
    if (sqlite3_bind_parameter_count(st) > 1)
        slv_stmt_bind_int(st, 2, b);
    slv_code code = slv_stmt_step(kv->db, st, err);
    slv_stmt_done(st);
    *ret_rows = code == SLV_E_NOTFOUND ? sqlite3_changes(slv_db_handle(kv->db)) : 0;
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* *ret: the first column, 0 when there is no row or it is NULL. */
static slv_code number(slv_kv *kv, const char *sql, int64_t *ret, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(kv->db, sql, &st, err));
    slv_code code = slv_stmt_step(kv->db, st, err);
    *ret = code == SLV_OK ? slv_stmt_int(st, 0) : 0;
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* *ret_id is empty when there is none. */
static slv_code next_file(slv_kv *kv, int64_t before_ms, slv_blob_id *ret_id, slv_err *err)
{
    sqlite3_stmt *st;

    ret_id->text[0] = '\0';
    SLV_TRY(slv_db_stmt(kv->db, "SELECT blob FROM garbage WHERE since > 0 AND since <= ?1 LIMIT 1",
                        &st, err));
    slv_stmt_bind_int(st, 1, before_ms);
    slv_code code = slv_stmt_step(kv->db, st, err);
    if (code == SLV_OK) {
        slv_str id = slv_str_sub(slv_stmt_str(st, 0), 0, SLV_BLOB_ID_LEN);

        memcpy(ret_id->text, id.ptr, id.len);
        ret_id->text[id.len] = '\0';
    }
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code remove_files(slv_kv *kv, int64_t now_ms, bool *ret_more, slv_err *err)
{
    slv_blobs *blobs;
    slv_blob_id id;
    sqlite3_stmt *st;

    *ret_more = false;
    for (int i = 0; i < FILES_PIECE; i++) {
        SLV_TRY(next_file(kv, now_ms - SLV_KV_GRACE_MS, &id, err));
        if (!id.text[0])
            return SLV_OK;
        SLV_TRY(slv_kv_blobs_(kv, &blobs, err));
        SLV_TRY(slv_blob_remove(blobs, slv_str_from(id.text), err));
        SLV_TRY(slv_db_stmt(kv->db, "DELETE FROM garbage WHERE blob = ?1", &st, err));
        slv_stmt_bind_text(st, 1, slv_str_from(id.text));
        slv_code code = slv_stmt_step(kv->db, st, err);
        slv_stmt_done(st);
        if (code != SLV_E_NOTFOUND)
            return code;
    }
    *ret_more = true;
    return SLV_OK;
}

static bool is_named(void *arg, slv_str id)
{
    slv_kv *kv = arg;
    sqlite3_stmt *st;
    bool named = true; /* when in doubt */

    if (slv_db_stmt(kv->db,
                    "SELECT 1 FROM entry WHERE blob = ?1 UNION ALL"
                    " SELECT 1 FROM garbage WHERE blob = ?1",
                    &st, NULL) == SLV_OK) {
        slv_stmt_bind_text(st, 1, id);
        named = slv_stmt_step(kv->db, st, NULL) != SLV_E_NOTFOUND;
        slv_stmt_done(st);
    }
    return named;
}

/* Files of uploads that a crash cut off: once, when the namespace has been opened. */
static slv_code remove_orphans(slv_kv *kv, int64_t now_ms, slv_err *err)
{
    slv_blobs *blobs;

    if (kv->swept || access(kv->blob_dir, F_OK) < 0)
        return SLV_OK;
    kv->swept = true;
    SLV_TRY(slv_kv_blobs_(kv, &blobs, err));
    return slv_blobs_sweep(blobs, now_ms - ORPHAN_MS, is_named, kv, err);
}

slv_code slv_kv_sweep(slv_kv *kv, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    int64_t expires, since;
    int expired, seen;
    bool more;

    SLV_TRY(remove_orphans(kv, now_ms, err));
    SLV_TRY(change(kv,
                   "DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE expires > 0 AND"
                   " expires <= ?1 ORDER BY expires LIMIT ?2)",
                   slv_kv_seconds(now_ms), EXPIRED_PIECE, &expired, err));
    SLV_TRY(change(kv, "UPDATE garbage SET since = ?1 WHERE since = 0", now_ms, 0, &seen, err));
    SLV_TRY(remove_files(kv, now_ms, &more, err));
    if (more || expired == EXPIRED_PIECE) {
        *ret_next_ms = now_ms + 1;
        return SLV_OK;
    }
    SLV_TRY(number(kv, "SELECT min(expires) FROM entry WHERE expires > 0", &expires, err));
    SLV_TRY(number(kv, "SELECT min(since) FROM garbage", &since, err));
    int64_t next = expires > 0 && expires < INT64_MAX / 1000 ? expires * 1000 : 0;
    if (since > 0 && (next == 0 || since + SLV_KV_GRACE_MS < next))
        next = since + SLV_KV_GRACE_MS;
    *ret_next_ms = next > 0 && next <= now_ms ? now_ms + 1 : next;
    return SLV_OK;
}
