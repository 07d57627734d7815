/*
 * The file, version 1 (docs/formats/cache.md):
 *
 *     entry(id, key, host, path, status, stored, expires, age, size, headers, blob, body)
 *         times in ms; exactly one of blob and body is not NULL; host and path (host + path +
 * query) are what a purge may name tag(name, entry)     names in lower case total(bytes) one row:
 * sizes of all entries with their headers, kept by triggers garbage(blob, since) as in KV
 */
#include "cache/cache.h"

#include <stdio.h>

#include "base/mem.h"
#include "cache/cache_int.h"
#include "cache/policy_int.h"

#define EVICT_PIECE 32

static const char *const steps[] = {
    "CREATE TABLE entry("
    " id INTEGER PRIMARY KEY,"
    " key TEXT NOT NULL UNIQUE,"
    " host TEXT NOT NULL,"
    " path TEXT NOT NULL,"
    " status INTEGER NOT NULL,"
    " stored INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " age INTEGER NOT NULL,"
    " size INTEGER NOT NULL,"
    " headers TEXT NOT NULL,"
    " blob TEXT,"
    " body BLOB,"
    " CHECK((blob IS NULL) <> (body IS NULL))) STRICT;"
    "CREATE INDEX entry_expires ON entry(expires);"
    "CREATE INDEX entry_stored ON entry(stored);"
    "CREATE INDEX entry_path ON entry(path);"
    "CREATE INDEX entry_blob ON entry(blob) WHERE blob IS NOT NULL;"
    "CREATE TABLE tag(name TEXT NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY(name, entry))"
    " STRICT, WITHOUT ROWID;"
    "CREATE INDEX tag_entry ON tag(entry);"
    "CREATE TABLE total(bytes INTEGER NOT NULL) STRICT;"
    "INSERT INTO total VALUES(0);"
    "CREATE TABLE garbage(blob TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER entry_made AFTER INSERT ON entry BEGIN"
    " UPDATE total SET bytes = bytes + NEW.size + length(NEW.headers); END;"
    "CREATE TRIGGER entry_gone AFTER DELETE ON entry BEGIN"
    " UPDATE total SET bytes = bytes - OLD.size - length(OLD.headers);"
    " DELETE FROM tag WHERE entry = OLD.id; END;"
    "CREATE TRIGGER blob_gone AFTER DELETE ON entry WHEN OLD.blob IS NOT NULL BEGIN"
    " INSERT OR REPLACE INTO garbage VALUES(OLD.blob, 0); END;",
};

static const slv_db_schema schema = {
    .application_id = 0x736c6361, /* "slca" */
    .steps = steps,
    .count = SLV_ARRAY_LEN(steps),
};

static char *with_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path) + strlen(suffix) + 1;
    char *s = slv_alloc(n);

    (void)snprintf(s, n, "%s%s", path, suffix);
    return s;
}

slv_code slv_cache_open(const char *path, bool create, bool read_only, slv_cache **ret,
                        slv_err *err)
{
    SLV_CLEANUP(slv_cache_free) slv_cache *cache = slv_new0(slv_cache);
    SLV_CLEANUP(slv_charp_free) char *file = with_suffix(path, ".sqlite");
    const slv_db_options options = {.schema = &schema, .create = create, .read_only = read_only};

    cache->bytes_max = SLV_CACHE_BYTES_MAX;
    cache->blob_dir = with_suffix(path, ".blobs");
    SLV_TRY(slv_db_open(file, &options, &cache->db, err));
    *ret = SLV_STEAL(cache);
    return SLV_OK;
}

slv_cache *slv_cache_free(slv_cache *cache)
{
    if (cache) {
        slv_cache_release(cache);
        (void)slv_db_free(cache->db);
        (void)slv_blobs_free(cache->blobs);
        free(cache->blob_dir);
        free(cache);
    }
    return NULL;
}

slv_db *slv_cache_db(slv_cache *cache)
{
    return cache->db;
}

void slv_cache_set_bytes_max(slv_cache *cache, uint64_t bytes)
{
    cache->bytes_max = bytes;
}

slv_code slv_cache_blobs_(slv_cache *cache, slv_blobs **ret, slv_err *err)
{
    if (!cache->blobs)
        SLV_TRY(slv_blobs_open(cache->blob_dir, &cache->blobs, err));
    *ret = cache->blobs;
    return SLV_OK;
}

slv_code slv_cache_change_(slv_cache *cache, const char *sql, int64_t a, int64_t b, int *ret_rows,
                           slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(cache->db, sql, &st, err));
    int parameters = sqlite3_bind_parameter_count(st);
    if (parameters > 0)
        slv_stmt_bind_int(st, 1, a);
    if (parameters > 1)
        slv_stmt_bind_int(st, 2, b);
    slv_code code = slv_stmt_step(cache->db, st, err);
    slv_stmt_done(st);
    *ret_rows = code == SLV_E_NOTFOUND ? sqlite3_changes(slv_db_handle(cache->db)) : 0;
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* ---- entries ---- */

void slv_cache_release(slv_cache *cache)
{
    if (cache->reads)
        slv_stmt_done(cache->reads);
    cache->reads = NULL;
}

slv_code slv_cache_get(slv_cache *cache, slv_str key, int64_t now_ms, slv_cache_entry *ret,
                       slv_err *err)
{
    slv_blobs *blobs;
    sqlite3_stmt *st;

    SLV_ASSERT(!cache->reads);
    SLV_TRY(slv_db_stmt(cache->db,
                        "SELECT status, headers, size, stored, expires, age, blob, body FROM entry"
                        " WHERE key = ?1 AND expires > ?2",
                        &st, err));
    slv_stmt_bind_text(st, 1, key);
    slv_stmt_bind_int(st, 2, now_ms);
    slv_code code = slv_stmt_step(cache->db, st, err);
    if (code == SLV_OK) {
        *ret = (slv_cache_entry){
            .status = (uint16_t)slv_stmt_int(st, 0),
            .headers = slv_stmt_str(st, 1),
            .fd = -1,
            .size = (uint64_t)slv_stmt_int(st, 2),
            .stored_ms = slv_stmt_int(st, 3),
            .expires_ms = slv_stmt_int(st, 4),
            .age_s = slv_stmt_int(st, 5),
        };
        if (slv_stmt_is_null(st, 6)) {
            ret->body = slv_stmt_str(st, 7);
        } else {
            code = slv_cache_blobs_(cache, &blobs, err);
            if (code == SLV_OK)
                code = slv_blob_open(blobs, slv_stmt_str(st, 6), &ret->fd, err);
        }
    }
    if (code == SLV_OK)
        cache->reads = st;
    else
        slv_stmt_done(st);
    return code;
}

/* "https://example.com/a?b" is of the host "example.com" and has the path "example.com/a?b". */
static void parts_of(slv_str key, slv_str *ret_host, slv_str *ret_path)
{
    size_t at = slv_str_find(key, SLV_STR("://"), 0);
    slv_str rest = at == SIZE_MAX ? key : slv_str_skip(key, at + 3);
    size_t end = 0;

    while (end < rest.len && !strchr("/?#", rest.ptr[end]))
        end++;
    *ret_host = slv_str_sub(rest, 0, end);
    *ret_path = rest;
}

static slv_code remove_key(slv_cache *cache, slv_str key, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(cache->db, "DELETE FROM entry WHERE key = ?1", &st, err));
    slv_stmt_bind_text(st, 1, key);
    slv_code code = slv_stmt_step(cache->db, st, err);
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code insert_entry(slv_cache *cache, const slv_cache_put_args *args, slv_err *err)
{
    bool in_file = args->blob.len > 0;
    slv_str host, path;
    sqlite3_stmt *st;

    parts_of(args->key, &host, &path);
    SLV_TRY(
        slv_db_stmt(cache->db,
                    "INSERT INTO entry(key, host, path, status, stored, expires, age, size,"
                    " headers, blob, body) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                    &st, err));
    slv_stmt_bind_text(st, 1, args->key);
    slv_stmt_bind_text(st, 2, host);
    slv_stmt_bind_text(st, 3, path);
    slv_stmt_bind_int(st, 4, args->status);
    slv_stmt_bind_int(st, 5, args->now_ms);
    slv_stmt_bind_int(st, 6, args->expires_ms);
    slv_stmt_bind_int(st, 7, args->age_s);
    slv_stmt_bind_int(st, 8, (int64_t)(in_file ? args->size : args->body.len));
    slv_stmt_bind_text(st, 9, args->headers);
    if (in_file) {
        slv_stmt_bind_text(st, 10, args->blob);
        slv_stmt_bind_null(st, 11);
    } else {
        slv_stmt_bind_null(st, 10);
        slv_stmt_bind_blob(st, 11, args->body.len > 0 ? args->body : SLV_STR(""));
    }
    slv_code code = slv_stmt_step(cache->db, st, err);
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code insert_tags(slv_cache *cache, slv_str tags, int64_t entry, slv_err *err)
{
    sqlite3_stmt *st;
    slv_str tag;

    tags = slv_str_sub(tags, 0, SLV_CACHE_TAGS_MAX);
    SLV_TRY(slv_db_stmt(cache->db, "INSERT OR IGNORE INTO tag VALUES(lower(?1), ?2)", &st, err));
    while (slv_cache_next_item(&tags, &tag)) {
        if (tag.len == 0 || tag.len > SLV_CACHE_TAG_MAX)
            continue;
        slv_stmt_bind_text(st, 1, tag);
        slv_stmt_bind_int(st, 2, entry);
        slv_code code = slv_stmt_step(cache->db, st, err);
        slv_stmt_done(st);
        if (code != SLV_E_NOTFOUND)
            return code;
    }
    return SLV_OK;
}

static slv_code evict(slv_cache *cache, slv_err *err)
{
    uint64_t bytes;
    int rows = 1;

    SLV_TRY(slv_cache_total(cache, &bytes, err));
    while (bytes > cache->bytes_max && rows > 0) {
        /* one by one towards the end, so that no more go than must */
        int64_t piece = bytes > 2 * cache->bytes_max ? EVICT_PIECE : 1;

        SLV_TRY(slv_cache_change_(cache,
                                  "DELETE FROM entry WHERE id IN"
                                  " (SELECT id FROM entry ORDER BY stored, id LIMIT ?1)",
                                  piece, 0, &rows, err));
        SLV_TRY(slv_cache_total(cache, &bytes, err));
    }
    return SLV_OK;
}

slv_code slv_cache_put(slv_cache *cache, const slv_cache_put_args *args, slv_err *err)
{
    if (args->key.len > SLV_CACHE_KEY_MAX || args->headers.len > SLV_CACHE_HEADERS_MAX ||
        args->size > SLV_CACHE_BODY_MAX)
        return slv_fail(err, SLV_E_LIMIT, "cache: the entry is too large");
    SLV_TRY(remove_key(cache, args->key, err));
    SLV_TRY(insert_entry(cache, args, err));
    if (args->tags.len > 0)
        SLV_TRY(insert_tags(cache, args->tags, sqlite3_last_insert_rowid(slv_db_handle(cache->db)),
                            err));
    return evict(cache, err);
}

slv_code slv_cache_delete(slv_cache *cache, slv_str key, int64_t now_ms, bool *ret_had,
                          slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(
        slv_db_stmt(cache->db, "SELECT 1 FROM entry WHERE key = ?1 AND expires > ?2", &st, err));
    slv_stmt_bind_text(st, 1, key);
    slv_stmt_bind_int(st, 2, now_ms);
    slv_code code = slv_stmt_step(cache->db, st, err);
    slv_stmt_done(st);
    if (code != SLV_OK && code != SLV_E_NOTFOUND)
        return code;
    *ret_had = code == SLV_OK;
    return remove_key(cache, key, err);
}

slv_code slv_cache_total(slv_cache *cache, uint64_t *ret_bytes, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(cache->db, "SELECT bytes FROM total", &st, err));
    slv_code code = slv_stmt_step(cache->db, st, err);
    if (code == SLV_OK)
        *ret_bytes = (uint64_t)slv_stmt_int(st, 0);
    slv_stmt_done(st);
    return code;
}

/* ---- purging ---- */

/* The first text behind all that begin with prefix, by bytes; "" when there is none. */
static slv_code behind(slv_str prefix, slv_buf *out)
{
    while (prefix.len > 0 && (unsigned char)prefix.ptr[prefix.len - 1] == 0xff)
        prefix.len--;
    if (prefix.len == 0)
        return SLV_OK;
    SLV_TRY(slv_buf_append(out, prefix));
    out->ptr[out->len - 1]++;
    return SLV_OK;
}

static const char *purge_sql(slv_cache_purge_by by)
{
    switch (by) {
    case SLV_CACHE_PURGE_ALL:
        return "DELETE FROM entry";
    case SLV_CACHE_PURGE_KEY:
        return "DELETE FROM entry WHERE key = ?1";
    case SLV_CACHE_PURGE_PREFIX:
        return "DELETE FROM entry WHERE path >= ?1 AND path < ?2";
    case SLV_CACHE_PURGE_HOST:
        return "DELETE FROM entry WHERE host = ?1";
    case SLV_CACHE_PURGE_TAG:
        return "DELETE FROM entry WHERE id IN (SELECT entry FROM tag WHERE name = lower(?1))";
    }
    SLV_UNREACHABLE();
}

slv_code slv_cache_purge(slv_cache *cache, slv_cache_purge_by by, slv_str what, uint64_t *ret_count,
                         slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf end = SLV_BUF(SLV_CACHE_KEY_MAX);
    sqlite3_stmt *st;

    if (by == SLV_CACHE_PURGE_PREFIX)
        SLV_TRY(behind(what, &end));
    SLV_TRY(slv_db_stmt(cache->db, purge_sql(by), &st, err));
    int parameters = sqlite3_bind_parameter_count(st);
    if (parameters > 0)
        slv_stmt_bind_text(st, 1, what);
    if (parameters > 1)
        slv_stmt_bind_text(st, 2, slv_buf_view(&end));
    slv_code code = slv_stmt_step(cache->db, st, err);
    slv_stmt_done(st);
    if (code != SLV_E_NOTFOUND)
        return code;
    *ret_count = (uint64_t)sqlite3_changes(slv_db_handle(cache->db));
    return SLV_OK;
}
