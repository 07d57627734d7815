/*
 * The file, version 1 (docs/formats/kv.md):
 *
 *     entry(id, key, expires, written, size, meta, blob, value)
 *         expires: seconds, 0 never; written: ms; exactly one of blob and value is not NULL
 *     garbage(blob, since)
 *         content files that no entry names any more, filled by triggers; since: ms when the sweep
 *         first saw it, 0 before
 *     info(title)
 *         one row when the namespace was given a name
 *
 * The value stands last, so that lists and expiry read the first page of a row only.
 */
#include "kv/kv.h"

#include <stdio.h>

#include "base/mem.h"
#include "kv/kv_int.h"

static const char *const steps[] = {
    "CREATE TABLE entry("
    " id INTEGER PRIMARY KEY,"
    " key BLOB NOT NULL UNIQUE,"
    " expires INTEGER NOT NULL,"
    " written INTEGER NOT NULL,"
    " size INTEGER NOT NULL,"
    " meta TEXT,"
    " blob TEXT,"
    " value BLOB,"
    " CHECK((blob IS NULL) <> (value IS NULL))) STRICT;"
    "CREATE INDEX entry_expires ON entry(expires) WHERE expires > 0;"
    "CREATE INDEX entry_blob ON entry(blob) WHERE blob IS NOT NULL;"
    "CREATE TABLE garbage(blob TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER blob_replaced AFTER UPDATE OF blob ON entry WHEN OLD.blob IS NOT NULL "
    "BEGIN INSERT OR REPLACE INTO garbage VALUES(OLD.blob, 0); END;"
    "CREATE TRIGGER blob_deleted AFTER DELETE ON entry WHEN OLD.blob IS NOT NULL "
    "BEGIN INSERT OR REPLACE INTO garbage VALUES(OLD.blob, 0); END;"
    "CREATE TABLE info(title TEXT NOT NULL) STRICT;",
};

static const slv_db_schema schema = {
    .application_id = 0x736c6b76, /* "slkv" */
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

slv_code slv_kv_open(const char *path, bool create, bool read_only, slv_kv **ret, slv_err *err)
{
    SLV_CLEANUP(slv_kv_free) slv_kv *kv = slv_new0(slv_kv);
    SLV_CLEANUP(slv_charp_free) char *file = with_suffix(path, ".sqlite");
    const slv_db_options options = {
        .schema = &schema, .create = create, .read_only = read_only, .alone = true};

    kv->blob_dir = with_suffix(path, ".blobs");
    SLV_TRY(slv_db_open(file, &options, &kv->db, err));
    *ret = SLV_STEAL(kv);
    return SLV_OK;
}

slv_kv *slv_kv_free(slv_kv *kv)
{
    if (kv) {
        slv_kv_release(kv);
        (void)slv_db_free(kv->db);
        (void)slv_blobs_free(kv->blobs);
        free(kv->blob_dir);
        free(kv);
    }
    return NULL;
}

slv_db *slv_kv_db(slv_kv *kv)
{
    return kv->db;
}

slv_code slv_kv_blobs_(slv_kv *kv, slv_blobs **ret, slv_err *err)
{
    if (!kv->blobs)
        SLV_TRY(slv_blobs_open(kv->blob_dir, &kv->blobs, err));
    *ret = kv->blobs;
    return SLV_OK;
}

/* ---- entries ---- */

void slv_kv_release(slv_kv *kv)
{
    if (kv->reads)
        slv_stmt_done(kv->reads);
    kv->reads = NULL;
}

static slv_code open_blob(slv_kv *kv, slv_str id, int *ret_fd, slv_err *err)
{
    slv_blobs *blobs;

    SLV_TRY(slv_kv_blobs_(kv, &blobs, err));
    slv_code code = slv_blob_open(blobs, id, ret_fd, err);
    if (code == SLV_E_NOTFOUND) /* a row without its file: the store is damaged, not empty */
        return slv_fail(err, SLV_E_IO, "kv: the content file %.*s is missing", SLV_STR_ARGS(id));
    return code;
}

slv_code slv_kv_get(slv_kv *kv, slv_str key, int64_t now_ms, slv_kv_entry *ret, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_ASSERT(!kv->reads);
    SLV_TRY(slv_kv_check_key(key, err));
    SLV_TRY(slv_db_stmt(kv->db,
                        "SELECT expires, size, meta, blob, value FROM entry WHERE key = ?1 AND"
                        " (expires = 0 OR expires > ?2)",
                        &st, err));
    slv_stmt_bind_blob(st, 1, key);
    slv_stmt_bind_int(st, 2, slv_kv_seconds(now_ms));
    slv_code code = slv_stmt_step(kv->db, st, err);
    if (code != SLV_OK) {
        slv_stmt_done(st);
        return code;
    }
    *ret = (slv_kv_entry){
        .fd = -1,
        .expires_s = slv_stmt_int(st, 0),
        .size = (uint64_t)slv_stmt_int(st, 1),
        .meta = slv_stmt_str(st, 2),
    };
    if (slv_stmt_is_null(st, 3))
        ret->value = slv_stmt_str(st, 4);
    else
        code = open_blob(kv, slv_stmt_str(st, 3), &ret->fd, err);
    if (code == SLV_OK)
        kv->reads = st;
    else
        slv_stmt_done(st);
    return code;
}

/* One write a second for each key, where somebody asks for that. */
static slv_code check_interval(slv_kv *kv, const slv_kv_put_args *args, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(kv->db, "SELECT 1 FROM entry WHERE key = ?1 AND written > ?2", &st, err));
    slv_stmt_bind_blob(st, 1, args->key);
    slv_stmt_bind_int(st, 2, args->now_ms - args->interval_ms);
    slv_code code = slv_stmt_step(kv->db, st, err);
    slv_stmt_done(st);
    if (code == SLV_E_NOTFOUND)
        return SLV_OK;
    if (code != SLV_OK)
        return code;
    code = slv_fail(err, SLV_E_AGAIN, "Too Many Requests");
    if (err)
        err->detail = 429;
    return code;
}

static slv_code insert_entry(slv_kv *kv, const slv_kv_put_args *args, slv_err *err)
{
    bool in_file = args->blob.len > 0;
    uint64_t size = in_file ? args->size : args->value.len;
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(kv->db,
                        "INSERT INTO entry(key, expires, written, size, meta, blob, value)"
                        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(key) DO UPDATE SET"
                        " expires = excluded.expires, written = excluded.written,"
                        " size = excluded.size, meta = excluded.meta, blob = excluded.blob,"
                        " value = excluded.value",
                        &st, err));
    slv_stmt_bind_blob(st, 1, args->key);
    slv_stmt_bind_int(st, 2, args->expires_s);
    slv_stmt_bind_int(st, 3, args->now_ms);
    slv_stmt_bind_int(st, 4, (int64_t)size);
    if (args->meta.len > 0)
        slv_stmt_bind_text(st, 5, args->meta);
    else
        slv_stmt_bind_null(st, 5);
    if (in_file) {
        slv_stmt_bind_text(st, 6, args->blob);
        slv_stmt_bind_null(st, 7);
    } else {
        slv_stmt_bind_null(st, 6);
        /* no bytes at a NULL pointer would be NULL instead of empty */
        slv_stmt_bind_blob(st, 7, size > 0 ? args->value : SLV_STR(""));
    }
    slv_code code = slv_stmt_step(kv->db, st, err);
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

/* The value as a content file. */
static slv_code write_file(slv_kv *kv, slv_str value, slv_blob_id *ret_id, slv_err *err)
{
    SLV_CLEANUP(slv_blob_abort) slv_blob_writer *w = NULL;
    slv_blobs *blobs;

    SLV_TRY(slv_kv_blobs_(kv, &blobs, err));
    SLV_TRY(slv_blob_begin(blobs, &w, err));
    SLV_TRY(slv_blob_append(w, value, err));
    return slv_blob_finish(SLV_STEAL(w), ret_id, err);
}

slv_code slv_kv_put(slv_kv *kv, const slv_kv_put_args *args, slv_err *err)
{
    slv_kv_put_args filed = *args;
    slv_blob_id id;

    SLV_TRY(slv_kv_check_key(args->key, err));
    SLV_TRY(slv_kv_check_meta(args->meta, err));
    SLV_TRY(slv_kv_check_size(args->blob.len > 0 ? args->size : args->value.len, err));
    if (args->interval_ms > 0)
        SLV_TRY(check_interval(kv, args, err));
    if (args->blob.len == 0 && args->value.len > SLV_KV_INLINE_MAX) {
        SLV_TRY(write_file(kv, args->value, &id, err));
        filed.blob = slv_str_from(id.text);
        filed.size = args->value.len;
    }
    return insert_entry(kv, &filed, err);
}

slv_code slv_kv_delete(slv_kv *kv, slv_str key, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_kv_check_key(key, err));
    SLV_TRY(slv_db_stmt(kv->db, "DELETE FROM entry WHERE key = ?1", &st, err));
    slv_stmt_bind_blob(st, 1, key);
    slv_code code = slv_stmt_step(kv->db, st, err);
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_kv_count(slv_kv *kv, uint64_t *ret, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(kv->db, "SELECT count(*) FROM entry", &st, err));
    slv_code code = slv_stmt_step(kv->db, st, err);
    if (code == SLV_OK)
        *ret = (uint64_t)slv_stmt_int(st, 0);
    slv_stmt_done(st);
    return code;
}

/* ---- the namespace's own name ---- */

slv_code slv_kv_title(slv_kv *kv, slv_buf *ret_title, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(kv->db, "SELECT title FROM info", &st, err));
    slv_code code = slv_stmt_step(kv->db, st, err);
    if (code == SLV_OK)
        code = slv_buf_set(ret_title, slv_stmt_str(st, 0));
    slv_stmt_done(st);
    return code;
}

slv_code slv_kv_set_title(slv_kv *kv, slv_str title, slv_err *err)
{
    sqlite3_stmt *st;

    if (title.len == 0 || title.len > SLV_KV_TITLE_MAX)
        return slv_fail(err, SLV_E_INVAL, "a title has 1 to %zu bytes", SLV_KV_TITLE_MAX);
    SLV_TRY(slv_db_exec(kv->db, "DELETE FROM info", err));
    SLV_TRY(slv_db_stmt(kv->db, "INSERT INTO info VALUES(?1)", &st, err));
    slv_stmt_bind_text(st, 1, title);
    slv_code code = slv_stmt_step(kv->db, st, err);
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}
