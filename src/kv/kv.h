/*
 * kv.h - one KV namespace: keys to values with optional metadata and expiration.
 *
 * A key is 1 to SLV_KV_KEY_MAX bytes of UTF-8, not "." or ".."; a value has at most
 * SLV_KV_VALUE_MAX bytes. Values over SLV_KV_INLINE_MAX are content files (store/blob.h) that
 * whoever puts them has written before; smaller ones are rows. An entry is there as long as its
 * expiration lies in the future, whether or not the sweep has come by; a file that no row names any
 * more is kept for SLV_KV_GRACE_MS for those who have just looked it up.
 *
 * Errors of arguments carry the platform's text and, in err->detail, its HTTP status: 400, 413, 414
 * or 429. The format of the file is docs/formats/kv.md.
 *
 * Threading: a slv_kv is used by one thread at a time; calls may block on disk. Times are passed
 * in. Writes are inside the transaction of whoever calls (store/db.h).
 */
#ifndef SLV_KV_KV_H
#define SLV_KV_KV_H

#include "base/buf.h"
#include "store/blob.h"
#include "store/db.h"

#define SLV_KV_KEY_MAX ((size_t)512)
#define SLV_KV_VALUE_MAX ((size_t)25 << 20)
#define SLV_KV_META_MAX ((size_t)1024)
#define SLV_KV_INLINE_MAX ((size_t)64 << 10)
#define SLV_KV_LIST_MAX 1000u
#define SLV_KV_BULK_MAX 100u /* keys of one bulk read */
#define SLV_KV_BULK_BYTES ((size_t)25 << 20)
#define SLV_KV_EXPIRES_MIN_S 60 /* the shortest life */
#define SLV_KV_CACHE_TTL_MIN_S 30
#define SLV_KV_CURSOR_MAX ((size_t)700)
#define SLV_KV_TITLE_MAX ((size_t)512)
#define SLV_KV_BULK_PUT_MAX 10000u /* entries of one bulk write or delete */
#define SLV_KV_GRACE_MS ((int64_t)60000)

typedef struct slv_kv slv_kv;

/* path without suffix: PATH.sqlite and PATH.blobs. SLV_E_NOTFOUND: absent, and create is false. */
SLV_NODISCARD slv_code slv_kv_open(const char *path, bool create, bool read_only, slv_kv **ret,
                                   slv_err *err);
/* Accepts NULL, returns NULL. */
slv_kv *slv_kv_free(slv_kv *kv);
SLV_DEFINE_CLEANUP(slv_kv *, slv_kv_free);
slv_db *slv_kv_db(slv_kv *kv);

/* ---- checks, without a namespace ---- */

SLV_NODISCARD slv_code slv_kv_check_key(slv_str key, slv_err *err);
SLV_NODISCARD slv_code slv_kv_check_cache_ttl(int64_t seconds, slv_err *err);

typedef struct slv_kv_life {
    bool has_ttl, has_expiration;
    int64_t ttl_s, expiration_s; /* the first wins */
} slv_kv_life;
/* When an entry put now_ms ends, in seconds; 0: never. */
SLV_NODISCARD slv_code slv_kv_check_life(const slv_kv_life *life, int64_t now_ms,
                                         int64_t *ret_expires_s, slv_err *err);
/* Size, and that it is JSON. Empty: there is none. */
SLV_NODISCARD slv_code slv_kv_check_meta(slv_str meta, slv_err *err);
SLV_NODISCARD slv_code slv_kv_check_size(uint64_t size, slv_err *err);

/* ---- entries ---- */

typedef struct slv_kv_entry {
    slv_str value; /* when fd is -1 */
    int fd;        /* of the content file, the caller closes it; -1: none */
    uint64_t size;
    slv_str meta; /* JSON; empty: none */
    int64_t expires_s;
} slv_kv_entry;

/* SLV_E_NOTFOUND: absent or expired. On SLV_OK the strings stay until slv_kv_release, which must
 * follow before anything else is asked of kv. */
SLV_NODISCARD slv_code slv_kv_get(slv_kv *kv, slv_str key, int64_t now_ms, slv_kv_entry *ret,
                                  slv_err *err);
void slv_kv_release(slv_kv *kv);

typedef struct slv_kv_put_args {
    slv_str key;
    slv_str value;     /* when blob is empty */
    slv_str blob;      /* id of a finished content file, of `size` bytes */
    uint64_t size;     /* of the blob */
    slv_str meta;      /* JSON; empty: none */
    int64_t expires_s; /* 0: never; as slv_kv_check_life gave it */
    int64_t now_ms;
    int64_t interval_ms; /* a key written less than this ago is refused, 429; 0: never */
} slv_kv_put_args;
SLV_NODISCARD slv_code slv_kv_put(slv_kv *kv, const slv_kv_put_args *args, slv_err *err);
/* Absent is fine. */
SLV_NODISCARD slv_code slv_kv_delete(slv_kv *kv, slv_str key, slv_err *err);

/* ---- lists ---- */

typedef struct slv_kv_query {
    slv_str prefix;
    slv_str cursor; /* as a list gave it; what is none begins anew */
    uint32_t limit; /* 0: SLV_KV_LIST_MAX */
} slv_kv_query;
SLV_NODISCARD slv_code slv_kv_check_query(const slv_kv_query *query, slv_err *err);
/* Appends the array of keys as JSON, [{"name","expiration"?,"metadata"?}], in byte order. *ret_more
 * says whether there are more; then the cursor for them is appended to cursor. Expired entries are
 * neither shown nor counted. */
SLV_NODISCARD slv_code slv_kv_list(slv_kv *kv, const slv_kv_query *query, int64_t now_ms,
                                   slv_buf *json, slv_buf *cursor, bool *ret_more, slv_err *err);

/* ---- the namespace itself ---- */

/* Its name for people. SLV_E_NOTFOUND: it was never given one. */
SLV_NODISCARD slv_code slv_kv_title(slv_kv *kv, slv_buf *ret_title, slv_err *err);
SLV_NODISCARD slv_code slv_kv_set_title(slv_kv *kv, slv_str title, slv_err *err);

/* ---- upkeep ---- */

/* A bounded piece of the work that is due by itself: removes expired entries, and files that
 * nothing names. *ret_next_ms: when to come again; 0: not before the next write. */
SLV_NODISCARD slv_code slv_kv_sweep(slv_kv *kv, int64_t now_ms, int64_t *ret_next_ms, slv_err *err);
/* The number of entries, expired ones included. */
SLV_NODISCARD slv_code slv_kv_count(slv_kv *kv, uint64_t *ret, slv_err *err);

#endif
