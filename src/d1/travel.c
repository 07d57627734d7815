/*
 * Time Travel: bookmarks, and the way back to one.
 *
 * A restore is a write like any other: the old pages become a new commit, so that it can be undone
 * by the bookmark from before, and readers see either state whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "d1/d1_int.h"

void slv_d1_bookmark(slv_d1 *d1, char out[static SLV_D1_BOOKMARK_LEN + 1])
{
    int64_t row;
    uint32_t segment, frame;

    slv_d1_board_read(d1->board, &row, &segment, &frame);
    snprintf(out, SLV_D1_BOOKMARK_LEN + 1, "%08x-%08x-%08x-%s", segment, frame, 0u, d1->identity);
}

static slv_code parse_bookmark(slv_d1 *d1, slv_str text, d1_place *ret, slv_err *err)
{
    uint64_t segment = 0, frame = 0;

    if (text.len != SLV_D1_BOOKMARK_LEN || text.ptr[8] != '-' || text.ptr[17] != '-' ||
        text.ptr[26] != '-' || slv_parse_hex_u64(slv_str_sub(text, 0, 8), &segment) != SLV_OK ||
        slv_parse_hex_u64(slv_str_sub(text, 9, 17), &frame) != SLV_OK)
        return slv_d1_say(d1, err, SLV_E_INVAL, SLV_STR("The bookmark is malformed."));
    if (!slv_str_is(slv_str_skip(text, 27), d1->identity))
        return slv_d1_say(d1, err, SLV_E_INVAL, SLV_STR("The bookmark is of another database."));
    *ret = (d1_place){(uint32_t)segment, (uint32_t)frame};
    return SLV_OK;
}

slv_code slv_d1_bookmark_at(slv_d1 *d1, int64_t ms, char out[static SLV_D1_BOOKMARK_LEN + 1],
                            slv_err *err)
{
    d1_place place;
    slv_code code = slv_d1_log_at(d1->log, ms, &place, err);

    slv_buf_reset(&d1->own_message);
    if (code != SLV_OK)
        return slv_d1_say(d1, err, code, SLV_STR("No bookmark is known for that time."));
    snprintf(out, SLV_D1_BOOKMARK_LEN + 1, "%08x-%08x-%08x-%s", place.segment, place.frame, 0u,
             d1->identity);
    return SLV_OK;
}

/* Replaces all pages by those of the file. */
static slv_code replace(slv_d1 *d1, const char *path, slv_err *err)
{
    sqlite3 *old = NULL;
    sqlite3_backup *backup = NULL;
    slv_code code = SLV_OK;
    int rc = sqlite3_open_v2(path, &old, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc == SQLITE_OK)
        backup = sqlite3_backup_init(slv_db_handle(d1->db), "main", old, "main");
    if (!backup)
        code = slv_fail(err, SLV_E_IO, "time travel: %s", old ? sqlite3_errmsg(old) : "no memory");
    else if (sqlite3_backup_step(backup, -1) != SQLITE_DONE)
        code = slv_db_fail(d1->db, err, "time travel");
    if (backup && sqlite3_backup_finish(backup) != SQLITE_OK && code == SLV_OK)
        code = slv_db_fail(d1->db, err, "time travel");
    (void)sqlite3_close(old);
    return code;
}

static slv_code go_back(slv_d1 *d1, d1_place place, const char *path, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 16);
    slv_d1_info info;
    slv_err why = {0};

    SLV_TRY(slv_d1_info_get(d1, &arena, &info, err));
    slv_code code = slv_d1_log_rebuild(d1->log, d1->db, place, path, &why);
    if (code != SLV_OK)
        return slv_d1_say(d1, err, code, slv_str_from(slv_err_text(&why)));
    SLV_TRY(replace(d1, path, err));
    /* Its name is today's. This commit also tells the handle that there is something to sync. */
    SLV_TRY(slv_db_begin(d1->db, err));
    code = slv_d1_info_set(d1, info.name, info.created_ms ? info.created_ms : 1, err);
    if (code == SLV_OK)
        code = slv_db_commit(d1->db, err);
    if (code != SLV_OK)
        slv_db_rollback(d1->db);
    return code;
}

slv_code slv_d1_restore(slv_d1 *d1, slv_str bookmark, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *path = NULL;
    d1_place place = {0};

    slv_buf_reset(&d1->own_message);
    SLV_TRY(parse_bookmark(d1, bookmark, &place, err));
    if (asprintf(&path, "%s.restore", d1->path) < 0)
        return slv_fail(err, SLV_E_NOMEM, " ");
    slv_code code = go_back(d1, place, path, err);
    (void)unlink(path);
    slv_code told = slv_d1_tell(d1, code == SLV_OK ? err : NULL);
    return code == SLV_OK ? told : code;
}
