#include "base/mem.h"
#include "r2/r2_int.h"

#define GARBAGE_MAX 256 /* files that one piece of work removes */
#define UPLOADS_MAX 16
#define SOON_MS 50
/* Clocks of files may be this much behind ours. */
#define CLOCK_SLACK_MS 50

/* Garbage of this time and before is in nobody's hands. */
static int64_t free_before(slv_r2 *r2, int64_t now_ms)
{
    int64_t oldest = now_ms;

    slv_r2_files_lock();
    SLV_LIST_EACH (node, &r2->files->readers) {
        const slv_r2_reader *r = slv_container_of(node, slv_r2_reader, node);

        oldest = SLV_MIN(oldest, r->since_ms);
    }
    slv_r2_files_unlock();
    return oldest - SLV_R2_GRACE_MS;
}

/* The file goes first: when only that survives a crash, the row is found again. */
static slv_code remove_file(slv_r2 *r2, slv_str id, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_blob_remove(r2->files->blobs, id, err));
    SLV_TRY(slv_db_stmt(r2->db, "DELETE FROM garbage WHERE file=?1", &st, err));
    slv_stmt_bind_text(st, 1, id);
    slv_code code = slv_stmt_step(r2->db, st, err);
    slv_stmt_done(st);
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code sweep_garbage(slv_r2 *r2, int64_t now_ms, int64_t *next_ms, slv_err *err)
{
    SLV_VEC(slv_blob_id) due = {0};
    sqlite3_stmt *st;
    slv_code code;

    SLV_TRY(
        slv_db_stmt(r2->db, "SELECT file,since FROM garbage ORDER BY since LIMIT ?1", &st, err));
    int64_t before = free_before(r2, now_ms);
    slv_stmt_bind_int(st, 1, GARBAGE_MAX);
    while ((code = slv_stmt_step(r2->db, st, err)) == SLV_OK) {
        slv_blob_id id = {0};
        slv_str text = slv_stmt_str(st, 0);

        if (slv_stmt_int(st, 1) > before) {
            *next_ms = now_ms + SLV_R2_GRACE_MS;
            code = SLV_E_NOTFOUND;
            break;
        }
        memcpy(id.text, text.ptr, SLV_MIN(text.len, SLV_BLOB_ID_LEN));
        slv_vec_push(&due, id);
    }
    slv_stmt_done(st);
    code = code == SLV_E_NOTFOUND ? SLV_OK : code;
    for (size_t i = 0; i < due.len && code == SLV_OK; i++)
        code = remove_file(r2, slv_str_from(due.items[i].text), err);
    if (due.len == GARBAGE_MAX)
        *next_ms = now_ms + SOON_MS;
    slv_vec_done(&due);
    return code;
}

/* Uploads that nobody completed, and the memory of those that somebody did. */
static slv_code sweep_uploads(slv_r2 *r2, int64_t now_ms, int64_t *next_ms, slv_err *err)
{
    int64_t before = now_ms - SLV_R2_UPLOAD_LIFE_MS;
    sqlite3_stmt *st;

    for (int i = 0;; i++) {
        char id[SLV_R2_UPLOAD_ID_MAX];
        size_t len = 0;
        bool open = false;

        SLV_TRY(slv_db_stmt(r2->db, "SELECT id,state,began FROM uploads ORDER BY began LIMIT 1",
                            &st, err));
        slv_code code = slv_stmt_step(r2->db, st, err);
        int64_t began = code == SLV_OK ? slv_stmt_int(st, 2) : 0;
        if (code == SLV_OK) {
            slv_str text = slv_stmt_str(st, 0);

            len = SLV_MIN(text.len, sizeof id);
            memcpy(id, text.ptr, len);
            open = slv_stmt_int(st, 1) == 0;
        }
        slv_stmt_done(st);
        if (code != SLV_OK)
            return code == SLV_E_NOTFOUND ? SLV_OK : code;
        if (began > before || i == UPLOADS_MAX) {
            int64_t at = i == UPLOADS_MAX ? now_ms + SOON_MS : began + SLV_R2_UPLOAD_LIFE_MS + 1;

            *next_ms = *next_ms == 0 ? at : SLV_MIN(*next_ms, at);
            return SLV_OK;
        }
        if (open)
            SLV_TRY(slv_r2_parts_drop(r2, slv_str_make(id, len), now_ms, err));
        SLV_TRY(slv_db_stmt(r2->db, "DELETE FROM uploads WHERE id=?1", &st, err));
        slv_stmt_bind_text(st, 1, slv_str_make(id, len));
        code = slv_stmt_step(r2->db, st, err);
        slv_stmt_done(st);
        if (code != SLV_E_NOTFOUND)
            return code;
    }
}

static bool named_by(slv_r2 *r2, const char *sql, slv_str id)
{
    sqlite3_stmt *st;
    slv_code code = slv_db_stmt(r2->db, sql, &st, NULL);

    if (code != SLV_OK)
        return true; /* kept: better too much than too little */
    slv_stmt_bind_text(st, 1, id);
    code = slv_stmt_step(r2->db, st, NULL);
    slv_stmt_done(st);
    return code != SLV_E_NOTFOUND;
}

static bool is_named(void *arg, slv_str id)
{
    slv_r2 *r2 = arg;

    return named_by(r2, "SELECT 1 FROM objects WHERE body=?1 AND typeof(body)='text'", id) ||
           named_by(r2, "SELECT 1 FROM parts WHERE body=?1 AND typeof(body)='text'", id) ||
           named_by(r2, "SELECT 1 FROM garbage WHERE file=?1", id);
}

slv_code slv_r2_sweep(slv_r2 *r2, int64_t now_ms, int64_t *ret_next_ms, slv_err *err)
{
    int64_t next_ms = 0;

    /* what a process that died had written before any row named it */
    if (!r2->files->swept) {
        SLV_TRY(slv_blobs_sweep(r2->files->blobs, r2->files->since_ms - CLOCK_SLACK_MS, is_named,
                                r2, err));
        r2->files->swept = true;
    }
    SLV_TRY(sweep_garbage(r2, now_ms, &next_ms, err));
    SLV_TRY(sweep_uploads(r2, now_ms, &next_ms, err));
    SLV_TRY(slv_r2_lifecycle_(r2, now_ms, &next_ms, err));
    *ret_next_ms = next_ms;
    return SLV_OK;
}
