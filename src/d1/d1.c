#include "d1/d1.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "d1/d1_int.h"

#define APPLICATION_ID 0x53443131u /* "SD11" */
#define CACHE_BYTES ((unsigned)2 << 20)

/* The table has the name, and the shape, of the one that databases have elsewhere: tools that list
 * tables know to pass over it. */
static const char *const steps[] = {
    "CREATE TABLE _cf_METADATA (key INTEGER PRIMARY KEY, value BLOB);",
};
static const slv_db_schema schema = {APPLICATION_ID, steps, SLV_ARRAY_LEN(steps)};

/* ---- what handles share ---- */

static pthread_mutex_t boards_lock = PTHREAD_MUTEX_INITIALIZER;
static d1_board *boards;

d1_board *slv_d1_board_ref(const char *path)
{
    d1_board *b;

    pthread_mutex_lock(&boards_lock);
    for (b = boards; b && strcmp(b->path, path) != 0; b = b->next) {
    }
    if (!b) {
        b = slv_new0(d1_board);
        b->path = slv_strdup(path);
        b->insights = slv_d1_insights_open(path);
        b->next = boards;
        boards = b;
    }
    b->refs++;
    pthread_mutex_unlock(&boards_lock);
    return b;
}

d1_board *slv_d1_board_unref(d1_board *b)
{
    d1_board **at = &boards;

    if (!b)
        return NULL;
    pthread_mutex_lock(&boards_lock);
    if (--b->refs == 0) {
        while (*at != b)
            at = &(*at)->next;
        *at = b->next;
        (void)slv_d1_insights_close(b->insights);
        free(b->path);
        free(b);
    }
    pthread_mutex_unlock(&boards_lock);
    return NULL;
}

void slv_d1_board_write(d1_board *b, int64_t last_row_id, uint32_t segment, uint32_t frame)
{
    pthread_mutex_lock(&boards_lock);
    b->last_row_id = last_row_id;
    b->segment = segment;
    b->frame = frame;
    pthread_mutex_unlock(&boards_lock);
}

void slv_d1_board_read(d1_board *b, int64_t *ret_last_row_id, uint32_t *ret_segment,
                       uint32_t *ret_frame)
{
    pthread_mutex_lock(&boards_lock);
    *ret_last_row_id = b->last_row_id;
    *ret_segment = b->segment;
    *ret_frame = b->frame;
    pthread_mutex_unlock(&boards_lock);
}

/* ---- metadata ---- */

static const char meta_get[] = "SELECT value FROM _cf_METADATA WHERE key = ?1";
static const char meta_set[] = "INSERT OR REPLACE INTO _cf_METADATA(key, value) VALUES(?1, ?2)";

static slv_code get_meta(slv_d1 *d1, int key, sqlite3_stmt **ret, slv_err *err)
{
    SLV_TRY(slv_db_stmt(d1->db, meta_get, ret, err));
    slv_stmt_bind_int(*ret, 1, key);
    return slv_stmt_step(d1->db, *ret, err);
}

static slv_code set_meta(slv_d1 *d1, int key, slv_str text, slv_err *err)
{
    sqlite3_stmt *st;
    int64_t row = sqlite3_last_insert_rowid(slv_db_handle(d1->db));
    slv_code code;

    SLV_TRY(slv_db_stmt(d1->db, meta_set, &st, err));
    slv_stmt_bind_int(st, 1, key);
    slv_stmt_bind_text(st, 2, text);
    code = slv_stmt_run(d1->db, st, err);
    /* Users see the row id of their own inserts. */
    sqlite3_set_last_insert_rowid(slv_db_handle(d1->db), row);
    return code;
}

/* A name that no other database has, for bookmarks. *ret_made: it was given one now. */
static slv_code read_identity(slv_d1 *d1, bool *ret_made, slv_err *err)
{
    sqlite3_stmt *st = NULL;
    slv_code code = get_meta(d1, META_IDENTITY, &st, err);

    if (code == SLV_OK) {
        slv_str text = slv_stmt_str(st, 0);

        snprintf(d1->identity, sizeof d1->identity, "%.*s", SLV_STR_ARGS(text));
        slv_stmt_done(st);
        return SLV_OK;
    }
    if (st)
        slv_stmt_done(st);
    if (code != SLV_E_NOTFOUND)
        return code;
    if (d1->read_only) { /* the writer will give it one */
        snprintf(d1->identity, sizeof d1->identity, "%0*d", D1_IDENTITY_LEN, 0);
        return SLV_OK;
    }
    snprintf(d1->identity, sizeof d1->identity, "%016llx%016llx",
             (unsigned long long)slv_rand_u64(), (unsigned long long)slv_rand_u64());
    SLV_TRY(set_meta(d1, META_IDENTITY, slv_str_from(d1->identity), err));
    SLV_TRY(slv_d1_info_set(d1, SLV_STR(""), slv_clock_wall_ms(), err));
    *ret_made = true;
    return slv_db_sync(d1->db, err);
}

slv_code slv_d1_info_set(slv_d1 *d1, slv_str name, int64_t created_ms, slv_err *err)
{
    char number[24];

    snprintf(number, sizeof number, "%lld", (long long)created_ms);
    if (name.len > 0)
        SLV_TRY(set_meta(d1, META_NAME, name, err));
    return created_ms ? set_meta(d1, META_CREATED, slv_str_from(number), err) : SLV_OK;
}

slv_code slv_d1_info_get(slv_d1 *d1, slv_arena *arena, slv_d1_info *ret, slv_err *err)
{
    static const char count_tables[] =
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE "
        "'\\_cf\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    sqlite3_stmt *st = NULL;
    slv_d1_info info = {.name = SLV_STR("")};
    slv_code code = get_meta(d1, META_NAME, &st, err);

    if (code == SLV_OK)
        code = slv_arena_dup(arena, slv_stmt_str(st, 0), &info.name);
    slv_stmt_done(st);
    if (code != SLV_OK && code != SLV_E_NOTFOUND)
        return code;
    code = get_meta(d1, META_CREATED, &st, err);
    if (code == SLV_OK)
        info.created_ms = slv_stmt_int(st, 0);
    slv_stmt_done(st);
    if (code != SLV_OK && code != SLV_E_NOTFOUND)
        return code;
    SLV_TRY(slv_db_stmt(d1->db, count_tables, &st, err));
    code = slv_stmt_step(d1->db, st, err);
    if (code == SLV_OK)
        info.tables = (uint32_t)slv_stmt_int(st, 0);
    slv_stmt_done(st);
    SLV_TRY(code);
    info.file_bytes = slv_db_bytes(d1->db);
    *ret = info;
    return SLV_OK;
}

/* ---- the handle ---- */

slv_code slv_d1_open(const char *path, bool create, bool read_only, slv_d1 **ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf file = SLV_BUF(8192);
    SLV_CLEANUP(slv_d1_free) slv_d1 *d1 = slv_new0(slv_d1);
    bool made = false;

    d1->path = slv_strdup(path);
    d1->read_only = read_only;
    d1->own_message = SLV_BUF(1 << 20);
    SLV_TRY(slv_buf_printf(&file, "%s.sqlite", path));
    const char *name = slv_buf_cstr(&file);
    if (!name)
        return slv_fail(err, SLV_E_NOMEM, " ");
    if (!read_only) {
        SLV_CLEANUP(slv_charp_free) char *dir = NULL;

        if (asprintf(&dir, "%s.log", path) < 0)
            return slv_fail(err, SLV_E_NOMEM, " ");
        SLV_TRY(slv_d1_log_open(dir, name, &d1->log, err));
    }
    const slv_db_options options = {
        .schema = &schema,
        .create = create,
        .read_only = read_only,
        .max_bytes = SLV_D1_BYTES_MAX,
        .cache_bytes = CACHE_BYTES,
        .before_checkpoint = d1->log ? slv_d1_log_archive : NULL,
        .before_checkpoint_arg = d1->log,
    };
    SLV_TRY(slv_db_open(name, &options, &d1->db, err));
    SLV_TRY(read_identity(d1, &made, err));
    if (made) { /* its changes() and last_insert_rowid() are the user's: none so far */
        d1->db = slv_db_free(d1->db);
        SLV_TRY(slv_db_open(name, &options, &d1->db, err));
    }
    d1->board = slv_d1_board_ref(path);
    if (d1->log) {
        SLV_TRY(slv_d1_log_attach(d1->log, d1->db, err));
        SLV_TRY(slv_d1_tell(d1, err));
    }
    d1->sql = slv_usersql_new(slv_db_handle(d1->db), NULL);
    *ret = SLV_STEAL(d1);
    return SLV_OK;
}

slv_d1 *slv_d1_free(slv_d1 *d1)
{
    if (d1) {
        d1->sql = slv_usersql_free(d1->sql);
        d1->db = slv_db_free(d1->db);
        d1->log = slv_d1_log_free(d1->log);
        d1->board = slv_d1_board_unref(d1->board);
        slv_buf_done(&d1->own_message);
        free(d1->path);
        free(d1);
    }
    return NULL;
}

slv_code slv_d1_tell(slv_d1 *d1, slv_err *err)
{
    SLV_TRY(slv_d1_log_committed(d1->log, d1->db, slv_clock_wall_ms(), err));
    d1_place place = slv_d1_log_place(d1->log);

    slv_d1_board_write(d1->board, sqlite3_last_insert_rowid(slv_db_handle(d1->db)), place.segment,
                       place.frame);
    return SLV_OK;
}

slv_db *slv_d1_db(slv_d1 *d1)
{
    return d1->db;
}

slv_str slv_d1_message(slv_d1 *d1)
{
    return slv_buf_view(&d1->own_message);
}

slv_code slv_d1_say(slv_d1 *d1, slv_err *err, slv_code code, slv_str text)
{
    slv_buf_reset(&d1->own_message);
    if (slv_buf_append(&d1->own_message, text) != SLV_OK)
        return slv_fail(err, SLV_E_NOMEM, " ");
    return slv_fail(err, code, "%.*s", SLV_STR_ARGS(text));
}

slv_code slv_d1_tell_insights(slv_d1 *d1, const slv_d1_insights_ask *ask, slv_buf *out)
{
    return slv_d1_insights_put(d1->board->insights, ask, out);
}
