/*
 * cache.h - one cache of the Cache API: responses by URL, for as long as they say.
 *
 * policy.h decides what may be kept and what a request gets; here the entries lie. Bodies up to
 * SLV_CACHE_INLINE_MAX are rows, larger ones content files (store/blob.h) that whoever puts them
 * has written before. All bodies and headers of a cache together are bounded (`bytes_max`): the
 * entries stored longest ago go first. The format of the file is docs/formats/cache.md.
 *
 * Threading: a slv_cache is used by one thread at a time; calls may block on disk. Times are passed
 * in. Writes are inside the transaction of whoever calls.
 */
#ifndef SLV_CACHE_CACHE_H
#define SLV_CACHE_CACHE_H

#include "base/buf.h"
#include "store/blob.h"
#include "store/db.h"

#define SLV_CACHE_INLINE_MAX ((size_t)64 << 10)
#define SLV_CACHE_BODY_MAX ((uint64_t)512 << 20)
#define SLV_CACHE_BYTES_MAX ((uint64_t)2 << 30) /* of one cache, unless it was told otherwise */
#define SLV_CACHE_KEY_MAX ((size_t)32 << 10)
#define SLV_CACHE_HEADERS_MAX ((size_t)128 << 10)
#define SLV_CACHE_TAG_MAX ((size_t)1024)      /* one tag */
#define SLV_CACHE_TAGS_MAX ((size_t)16 << 10) /* all tags of a response */
#define SLV_CACHE_GRACE_MS ((int64_t)60000)   /* how long a file that went stays */

typedef struct slv_cache slv_cache;

/* path without suffix: PATH.sqlite and PATH.blobs. SLV_E_NOTFOUND: absent, and create is false. */
SLV_NODISCARD slv_code slv_cache_open(const char *path, bool create, bool read_only,
                                      slv_cache **ret, slv_err *err);
/* Accepts NULL, returns NULL. */
slv_cache *slv_cache_free(slv_cache *cache);
SLV_DEFINE_CLEANUP(slv_cache *, slv_cache_free);
slv_db *slv_cache_db(slv_cache *cache);
void slv_cache_set_bytes_max(slv_cache *cache, uint64_t bytes);

typedef struct slv_cache_entry {
    uint16_t status;
    slv_str headers; /* block: name ":" value "\n" */
    slv_str body;    /* when fd is -1 */
    int fd;          /* of the content file, the caller closes it; -1: none */
    uint64_t size;
    int64_t stored_ms, expires_ms;
    int64_t age_s; /* that it had when it was stored */
} slv_cache_entry;

/* SLV_E_NOTFOUND: absent or expired. On SLV_OK the strings stay until slv_cache_release, which must
 * follow before anything else is asked of cache. */
SLV_NODISCARD slv_code slv_cache_get(slv_cache *cache, slv_str key, int64_t now_ms,
                                     slv_cache_entry *ret, slv_err *err);
void slv_cache_release(slv_cache *cache);

typedef struct slv_cache_put_args {
    slv_str key;
    uint16_t status;
    slv_str headers;
    slv_str tags; /* a Cache-Tag field; tags past the limits are left out */
    slv_str body; /* when blob is empty */
    slv_str blob; /* id of a finished content file, of `size` bytes */
    uint64_t size;
    int64_t now_ms, expires_ms, age_s;
} slv_cache_put_args;
/* Then removes what is too much, oldest first, this entry last. */
SLV_NODISCARD slv_code slv_cache_put(slv_cache *cache, const slv_cache_put_args *args,
                                     slv_err *err);
/* *ret_had: it was there, and had not expired. */
SLV_NODISCARD slv_code slv_cache_delete(slv_cache *cache, slv_str key, int64_t now_ms,
                                        bool *ret_had, slv_err *err);

typedef enum slv_cache_purge_by {
    SLV_CACHE_PURGE_ALL,
    SLV_CACHE_PURGE_KEY,    /* a whole URL */
    SLV_CACHE_PURGE_PREFIX, /* of a URL without its scheme: "example.com/images" */
    SLV_CACHE_PURGE_HOST,
    SLV_CACHE_PURGE_TAG, /* in any case */
} slv_cache_purge_by;
SLV_NODISCARD slv_code slv_cache_purge(slv_cache *cache, slv_cache_purge_by by, slv_str what,
                                       uint64_t *ret_count, slv_err *err);

/* A bounded piece of the work that is due by itself, as in kv.h. */
SLV_NODISCARD slv_code slv_cache_sweep(slv_cache *cache, int64_t now_ms, int64_t *ret_next_ms,
                                       slv_err *err);
/* Bytes of all bodies and headers. */
SLV_NODISCARD slv_code slv_cache_total(slv_cache *cache, uint64_t *ret_bytes, slv_err *err);

#endif
