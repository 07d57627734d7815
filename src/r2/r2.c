#include "r2/r2.h"

#include "base/mem.h"
#include "base/rand.h"
#include "r2/r2_int.h"

/* ---- errors ---- */

typedef struct error_row {
    int number;
    const char *name;
    int status;
    const char *text;
} error_row;

static const error_row errors[] = {
#define X(name, number, s3, status, text) {number, #s3, status, text},
    SLV_R2_ERRORS(X)
#undef X
};

static const error_row *row_of(int number)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(errors); i++) {
        if (errors[i].number == number)
            return &errors[i];
    }
    return &errors[0];
}

static slv_code code_of(slv_r2_error error)
{
    switch ((int)error) {
    case SLV_R2_INTERNAL:
        return SLV_E_IO;
    case SLV_R2_NO_SUCH_BUCKET:
    case SLV_R2_NO_SUCH_KEY:
    case SLV_R2_NO_SUCH_UPLOAD:
        return SLV_E_NOTFOUND;
    case SLV_R2_PRECONDITION:
    case SLV_R2_LOCKED:
        return SLV_E_STATE;
    case SLV_R2_METADATA_TOO_LARGE:
    case SLV_R2_TOO_LARGE:
        return SLV_E_LIMIT;
    case SLV_R2_WRONG_KEY:
        return SLV_E_DENIED;
    default:
        return SLV_E_INVAL;
    }
}

slv_code slv_r2_fail(slv_err *err, slv_r2_error error)
{
    slv_code code = slv_fail(err, code_of(error), "%s", row_of((int)error)->text);

    if (err)
        err->detail = (int)error;
    return code;
}

int slv_r2_error_number(const slv_err *err)
{
    return row_of(err->detail)->number;
}

const char *slv_r2_error_name(int number)
{
    return row_of(number)->name;
}

int slv_r2_error_status(int number)
{
    return row_of(number)->status;
}

const char *slv_r2_error_text(int number)
{
    return row_of(number)->text;
}

/* ---- files ---- */

static pthread_mutex_t files_mutex = PTHREAD_MUTEX_INITIALIZER;
static slv_list all_files = {&all_files, &all_files};

void slv_r2_files_lock(void)
{
    SLV_ASSERT(pthread_mutex_lock(&files_mutex) == 0);
}

void slv_r2_files_unlock(void)
{
    SLV_ASSERT(pthread_mutex_unlock(&files_mutex) == 0);
}

static slv_r2_files *find_files(const char *dir)
{
    SLV_LIST_EACH (node, &all_files) {
        slv_r2_files *files = slv_container_of(node, slv_r2_files, node);

        if (strcmp(files->dir, dir) == 0)
            return files;
    }
    return NULL;
}

/* One object for a directory, so that whoever sweeps knows of every reader. */
static slv_code open_files(const char *dir, int64_t now_ms, slv_r2_files **ret, slv_err *err)
{
    slv_code code = SLV_OK;

    slv_r2_files_lock();
    slv_r2_files *files = find_files(dir);
    if (files) {
        files->refs++;
    } else {
        slv_blobs *blobs = NULL;

        code = slv_blobs_open(dir, &blobs, err);
        if (code == SLV_OK) {
            files = slv_new0(slv_r2_files);
            files->dir = slv_strdup(dir);
            files->blobs = blobs;
            files->since_ms = now_ms;
            files->refs = 1;
            slv_list_init(&files->readers);
            files->lifecycle_at = SLV_BUF(2 * SLV_R2_KEY_MAX);
            slv_list_push(&all_files, &files->node);
        }
    }
    slv_r2_files_unlock();
    *ret = files;
    return code;
}

slv_r2_files *slv_r2_files_ref(slv_r2_files *files)
{
    slv_r2_files_lock();
    files->refs++;
    slv_r2_files_unlock();
    return files;
}

slv_r2_files *slv_r2_files_unref(slv_r2_files *files)
{
    if (!files)
        return NULL;
    slv_r2_files_lock();
    bool last = --files->refs == 0;
    if (last)
        slv_list_remove(&files->node);
    slv_r2_files_unlock();
    if (last) {
        (void)slv_blobs_free(files->blobs);
        slv_buf_done(&files->lifecycle_at);
        free(files->dir);
        free(files);
    }
    return NULL;
}

slv_r2_files *slv_r2_files_of(slv_r2 *r2)
{
    return slv_r2_files_ref(r2->files);
}

/* ---- the database ---- */

static const char *const steps[] = {
    "CREATE TABLE settings(name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT,"
    " WITHOUT ROWID;"
    "CREATE TABLE objects(key TEXT PRIMARY KEY NOT NULL, version TEXT NOT NULL,"
    " size INTEGER NOT NULL, etag TEXT NOT NULL, uploaded INTEGER NOT NULL, class INTEGER NOT NULL,"
    " http TEXT NOT NULL, custom TEXT NOT NULL, checksums TEXT NOT NULL, ssec TEXT NOT NULL,"
    " parts INTEGER NOT NULL, upload TEXT NOT NULL, body ANY) STRICT, WITHOUT ROWID;"
    "CREATE INDEX objects_file ON objects(body) WHERE typeof(body)='text';"
    "CREATE TABLE bodies(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE uploads(id TEXT PRIMARY KEY NOT NULL, key TEXT NOT NULL, state INTEGER NOT NULL,"
    " began INTEGER NOT NULL, class INTEGER NOT NULL, http TEXT NOT NULL, custom TEXT NOT NULL,"
    " ssec TEXT NOT NULL, sum TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX uploads_open ON uploads(key, id) WHERE state=0;"
    "CREATE INDEX uploads_age ON uploads(began);"
    "CREATE TABLE parts(upload TEXT NOT NULL, n INTEGER NOT NULL, size INTEGER NOT NULL,"
    " etag TEXT NOT NULL, checksums TEXT NOT NULL, uploaded INTEGER NOT NULL, body ANY,"
    " PRIMARY KEY(upload, n)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX parts_file ON parts(body) WHERE typeof(body)='text';"
    "CREATE TABLE garbage(file TEXT PRIMARY KEY NOT NULL, since INTEGER NOT NULL) STRICT,"
    " WITHOUT ROWID;"
    "CREATE INDEX garbage_since ON garbage(since);",
    "CREATE TABLE events(seq INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL,"
    " body TEXT NOT NULL) STRICT;",
};
static const slv_db_schema schema = {
    .application_id = 0x736c7232, /* "slr2" */
    .steps = steps,
    .count = SLV_ARRAY_LEN(steps),
};

slv_code slv_r2_files_open(const char *path, int64_t now_ms, slv_r2_files **ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(4096);

    SLV_TRY(slv_buf_printf(&name, "%s.blobs", path));
    const char *text = slv_buf_cstr(&name);
    return text ? open_files(text, now_ms, ret, err) : SLV_E_LIMIT;
}

slv_code slv_r2_open(const char *path, bool create, bool read_only, int64_t now_ms, slv_r2 **ret,
                     slv_err *err)
{
    SLV_CLEANUP(slv_r2_free) slv_r2 *r2 = slv_new0(slv_r2);
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(4096);
    const slv_db_options options = {
        .schema = &schema, .create = create && !read_only, .read_only = read_only, .alone = true};

    SLV_TRY(slv_buf_printf(&name, "%s.sqlite", path));
    const char *text = slv_buf_cstr(&name);
    SLV_TRY(text ? slv_db_open(text, &options, &r2->db, err) : SLV_E_LIMIT);
    SLV_TRY(slv_r2_files_open(path, now_ms, &r2->files, err));
    if (!read_only)
        SLV_TRY(slv_r2_remember_(r2, err));
    *ret = SLV_STEAL(r2);
    return SLV_OK;
}

slv_r2 *slv_r2_free(slv_r2 *r2)
{
    if (r2) {
        (void)slv_db_free(r2->db);
        (void)slv_r2_files_unref(r2->files);
        free(r2);
    }
    return NULL;
}

slv_db *slv_r2_db(slv_r2 *r2)
{
    return r2->db;
}

/* ---- settings ---- */

slv_code slv_r2_setting(slv_r2 *r2, const char *name, slv_arena *arena, slv_str *ret, slv_err *err)
{
    sqlite3_stmt *st;
    slv_code code;

    *ret = SLV_STR_NULL;
    SLV_TRY(slv_db_stmt(r2->db, "SELECT value FROM settings WHERE name=?1", &st, err));
    slv_stmt_bind_text(st, 1, slv_str_from(name));
    code = slv_stmt_step(r2->db, st, err);
    if (code == SLV_OK)
        code = slv_arena_dup(arena, slv_stmt_str(st, 0), ret);
    else if (code == SLV_E_NOTFOUND)
        code = SLV_OK;
    slv_stmt_done(st);
    return code;
}

slv_code slv_r2_setting_set(slv_r2 *r2, const char *name, slv_str value, slv_err *err)
{
    sqlite3_stmt *st;

    if (value.len > 0)
        SLV_TRY(slv_db_stmt(r2->db, "INSERT OR REPLACE INTO settings(name,value) VALUES(?1,?2)",
                            &st, err));
    else
        SLV_TRY(slv_db_stmt(r2->db, "DELETE FROM settings WHERE name=?1", &st, err));
    slv_stmt_bind_text(st, 1, slv_str_from(name));
    if (value.len > 0)
        slv_stmt_bind_text(st, 2, value);
    slv_code code = slv_stmt_step(r2->db, st, err);
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

slv_code slv_r2_usage(slv_r2 *r2, uint64_t *ret_objects, uint64_t *ret_bytes, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(r2->db, "SELECT count(*), coalesce(sum(size),0) FROM objects", &st, err));
    slv_code code = slv_stmt_step(r2->db, st, err);
    if (code == SLV_OK) {
        *ret_objects = (uint64_t)slv_stmt_int(st, 0);
        *ret_bytes = (uint64_t)slv_stmt_int(st, 1);
    }
    slv_stmt_done(st);
    return code;
}

void slv_r2_random_hex(char out[33])
{
    uint8_t bytes[16];

    slv_rand_bytes(bytes, sizeof bytes);
    slv_hex_put(slv_str_make(bytes, sizeof bytes), out);
    out[32] = '\0';
}
