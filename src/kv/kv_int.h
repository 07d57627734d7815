/*
 * kv_int.h - the inside of a namespace. Private to kv.
 */
#ifndef SLV_KV_KV_INT_H
#define SLV_KV_KV_INT_H

#include "kv/kv.h"

struct slv_kv {
    slv_db *db;
    char *blob_dir;
    slv_blobs *blobs;    /* opened when the first content file is touched */
    sqlite3_stmt *reads; /* of the entry that was handed out; NULL: none */
    bool swept;          /* files that no row ever named were looked for */
};

SLV_NODISCARD slv_code slv_kv_blobs_(slv_kv *kv, slv_blobs **ret, slv_err *err);

static inline int64_t slv_kv_seconds(int64_t ms)
{
    return ms / 1000;
}

#endif
