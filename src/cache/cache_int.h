/*
 * cache_int.h - the inside of a cache. Private to cache.
 */
#ifndef SLV_CACHE_CACHE_INT_H
#define SLV_CACHE_CACHE_INT_H

#include "cache/cache.h"

struct slv_cache {
    slv_db *db;
    char *blob_dir;
    slv_blobs *blobs;    /* opened when the first content file is touched */
    sqlite3_stmt *reads; /* of the entry that was handed out; NULL: none */
    uint64_t bytes_max;
    bool swept; /* files that no row ever named were looked for */
};

SLV_NODISCARD slv_code slv_cache_blobs_(slv_cache *cache, slv_blobs **ret, slv_err *err);
/* Runs a statement that gives no rows, with up to two numbers and a text bound in this order. */
SLV_NODISCARD slv_code slv_cache_change_(slv_cache *cache, const char *sql, int64_t a, int64_t b,
                                         int *ret_rows, slv_err *err);

#endif
