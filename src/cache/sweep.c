/*
 * What is due by itself; files go as in KV: noted by a trigger, stamped by a sweep, removed by a
 * later one.
 */
#include <unistd.h>

#include "base/mem.h"
#include "cache/cache_int.h"

#define EXPIRED_PIECE 200
#define FILES_PIECE 64
#define ORPHAN_MS ((int64_t)3600 * 1000)

static slv_code number(slv_cache *cache, const char *sql, int64_t *ret, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(cache->db, sql, &st, err));
    slv_code code = slv_stmt_step(cache->db, st, err);
    *ret = code == SLV_OK ? slv_stmt_int(st, 0) : 0;
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code remove_files(slv_cache *cache, int64_t before_ms, bool *ret_more, slv_err *err)
{
    sqlite3_stmt *find, *forget;
    slv_blobs *blobs;

    *ret_more = false;
    SLV_TRY(slv_db_stmt(
        cache->db, "SELECT blob FROM garbage WHERE since > 0 AND since <= ?1 LIMIT 1", &find, err));
    SLV_TRY(slv_db_stmt(cache->db, "DELETE FROM garbage WHERE blob = ?1", &forget, err));
    for (int i = 0; i < FILES_PIECE; i++) {
        slv_stmt_bind_int(find, 1, before_ms);
        slv_code code = slv_stmt_step(cache->db, find, err);
        if (code == SLV_OK)
            code = slv_cache_blobs_(cache, &blobs, err);
        if (code == SLV_OK)
            code = slv_blob_remove(blobs, slv_stmt_str(find, 0), err);
        if (code == SLV_OK) {
            slv_stmt_bind_text(forget, 1, slv_stmt_str(find, 0));
            code = slv_stmt_step(cache->db, forget, err);
            slv_stmt_done(forget);
            code = code == SLV_E_NOTFOUND ? SLV_OK : code;
        } else if (code == SLV_E_NOTFOUND) {
            slv_stmt_done(find);
            return SLV_OK;
        }
        slv_stmt_done(find);
        SLV_TRY(code);
    }
    *ret_more = true;
    return SLV_OK;
}

static bool is_named(void *arg, slv_str id)
{
    slv_cache *cache = arg;
    sqlite3_stmt *st;
    bool named = true; /* when in doubt */

    if (slv_db_stmt(cache->db,
                    "SELECT 1 FROM entry WHERE blob = ?1 UNION ALL"
                    " SELECT 1 FROM garbage WHERE blob = ?1",
                    &st, NULL) == SLV_OK) {
        slv_stmt_bind_text(st, 1, id);
        named = slv_stmt_step(cache->db, st, NULL) != SLV_E_NOTFOUND;
        slv_stmt_done(st);
    }
    return named;
}

static slv_code remove_orphans(slv_cache *cache, int64_t now_ms, slv_err *err)
{
    slv_blobs *blobs;

    if (cache->swept || access(cache->blob_dir, F_OK) < 0)
        return SLV_OK;
    cache->swept = true;
    SLV_TRY(slv_cache_blobs_(cache, &blobs, err));
    return slv_blobs_sweep(blobs, now_ms - ORPHAN_MS, is_named, cache, err);
}

slv_code slv_cache_sweep(slv_cache *cache, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    int64_t expires, since;
    int expired, seen;
    bool more;

    SLV_TRY(remove_orphans(cache, now_ms, err));
    SLV_TRY(slv_cache_change_(cache,
                              "DELETE FROM entry WHERE id IN (SELECT id FROM entry WHERE"
                              " expires <= ?1 ORDER BY expires LIMIT ?2)",
                              now_ms, EXPIRED_PIECE, &expired, err));
    SLV_TRY(slv_cache_change_(cache, "UPDATE garbage SET since = ?1 WHERE since = 0", now_ms, 0,
                              &seen, err));
    SLV_TRY(remove_files(cache, now_ms - SLV_CACHE_GRACE_MS, &more, err));
    SLV_TRY(number(cache, "SELECT min(expires) FROM entry", &expires, err));
    SLV_TRY(number(cache, "SELECT min(since) FROM garbage", &since, err));
    int64_t next = expires;
    if (since > 0 && (next == 0 || since + SLV_CACHE_GRACE_MS < next))
        next = since + SLV_CACHE_GRACE_MS;
    if (more || expired == EXPIRED_PIECE || (next > 0 && next <= now_ms))
        next = now_ms + 1;
    *ret_next_ms = next;
    return SLV_OK;
}
