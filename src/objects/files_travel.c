/*
 * Bookmarks of an object, and the way back to one. Where to go is a file beside the archive, so
 * that the next open goes there whatever happens in between; each step of it can be taken again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "objects/files_int.h"
#include "store/wal.h"

#define IDENTITY_LEN 32

static slv_str id_of(const slv_object_files *f)
{
    return slv_str_make(f->id, SLV_OBJECT_FILES_ID);
}

/* ---- bookmarks ---- */

static void write_bookmark(const slv_object_files *f, slv_place place,
                           char out[static SLV_OBJECT_BOOKMARK_LEN + 1])
{
    snprintf(out, SLV_OBJECT_BOOKMARK_LEN + 1, "%08x-%08x-%08x-%.*s", place.segment, place.frame,
             0u, IDENTITY_LEN, f->id);
}

static slv_code read_bookmark(const slv_object_files *f, slv_str text, slv_place *ret, slv_err *err)
{
    uint64_t segment = 0, frame = 0;

    if (text.len != SLV_OBJECT_BOOKMARK_LEN || text.ptr[8] != '-' || text.ptr[17] != '-' ||
        text.ptr[26] != '-' || slv_parse_hex_u64(slv_str_sub(text, 0, 8), &segment) != SLV_OK ||
        slv_parse_hex_u64(slv_str_sub(text, 9, 17), &frame) != SLV_OK || segment == 0)
        return slv_fail(err, SLV_E_INVAL, "The bookmark is malformed.");
    if (memcmp(text.ptr + 27, f->id, IDENTITY_LEN) != 0)
        return slv_fail(err, SLV_E_INVAL, "The bookmark is of another Durable Object.");
    *ret = (slv_place){(uint32_t)segment, (uint32_t)frame};
    return SLV_OK;
}

slv_code slv_object_log_frames(const slv_object_files *f, uint32_t *ret, slv_err *err)
{
    SLV_CLEANUP(slv_free) void *memory = slv_alloc(sizeof(slv_wal_reader));
    slv_wal_reader *r = memory;

    *ret = slv_wal_begin(r, f->wal) ? slv_wal_committed(r) : 0;
    return r->failed ? slv_fail_errno(err, SLV_E_IO, "object: a log cannot be read") : SLV_OK;
}

slv_code slv_object_files_bookmark(slv_object_files *f,
                                   char out[static SLV_OBJECT_BOOKMARK_LEN + 1], slv_err *err)
{
    uint32_t frames;

    SLV_TRY(slv_object_log_frames(f, &frames, err));
    write_bookmark(f, (slv_place){f->segment, frames}, out);
    return SLV_OK;
}

slv_code slv_object_files_bookmark_at(slv_object_files *f, int64_t ms,
                                      char out[static SLV_OBJECT_BOOKMARK_LEN + 1], slv_err *err)
{
    char dir[SLV_ARCHIVE_PATH];
    slv_place place = {0};

    SLV_TRY(slv_object_log_dir(f, dir, err));
    bool found = slv_archive_time_find(dir, ms, &place);
    if (f->noted_ms != 0 && f->noted_ms <= ms) {
        place = f->noted;
        found = true;
    }
    if (!found)
        return slv_fail(err, SLV_E_NOTFOUND, "No bookmark is known for that time.");
    write_bookmark(f, place, out);
    return SLV_OK;
}

/* ---- the database as it was ---- */

static slv_code copy_base(const slv_object_files *f, const char *dir, uint32_t base, int to,
                          slv_err *err)
{
    char path[SLV_ARCHIVE_PATH];

    if (base == 0)
        return slv_archive_copy(f->db, to, err);
    slv_archive_name(dir, base, "base", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return slv_object_io_fail(err, "open", path);
    slv_code code = slv_archive_copy(fd, to, err);
    (void)close(fd);
    return code;
}

static slv_code rebuild(const slv_object_files *f, const char *dir, slv_place place, int to,
                        slv_err *err)
{
    uint32_t base = slv_archive_highest(dir, "base", place.segment);
    uint32_t from = base ? base : place.segment;
    char path[SLV_ARCHIVE_PATH];

    if (place.segment > f->segment || (base == 0 && place.segment != f->segment))
        return slv_fail(err, SLV_E_NOTFOUND, "The bookmark is not kept.");
    SLV_TRY(copy_base(f, dir, base, to, err));
    for (uint32_t s = from; s <= place.segment; s++) {
        bool live = s == f->segment;
        slv_code code;

        slv_archive_name(dir, s, "wal", path);
        int fd = live ? f->wal : open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 && s < place.segment)
            return slv_fail(err, SLV_E_NOTFOUND, "The bookmark is not kept.");
        code = slv_wal_apply(fd, to, s == place.segment ? place.frame : UINT32_MAX, err);
        if (!live && fd >= 0)
            (void)close(fd);
        SLV_TRY(code);
    }
    return SLV_OK;
}

/* Into a file that appears whole. */
static slv_code rebuild_file(const slv_object_files *f, const char *dir, slv_place place,
                             const char *path, slv_err *err)
{
    char temporary[SLV_ARCHIVE_PATH + 16];

    snprintf(temporary, sizeof temporary, "%s.part", path);
    int fd = open(temporary, SLV_OBJECT_OPEN_FLAGS | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return slv_object_io_fail(err, "create", temporary);
    slv_code code = rebuild(f, dir, place, fd, err);
    if (code == SLV_OK && fsync(fd) != 0)
        code = slv_object_io_fail(err, "sync", temporary);
    (void)close(fd);
    if (code == SLV_OK && rename(temporary, path) != 0)
        code = slv_object_io_fail(err, "rename", temporary);
    if (code != SLV_OK)
        (void)unlink(temporary);
    return code;
}

/* ---- going back ---- */

slv_code slv_object_files_restore(slv_object_files *f, slv_str bookmark,
                                  char ret_undo[static SLV_OBJECT_BOOKMARK_LEN + 1], slv_err *err)
{
    char dir[SLV_ARCHIVE_PATH], path[SLV_ARCHIVE_PATH + 16], trial[SLV_ARCHIVE_PATH + 16];
    slv_place place = {0};

    SLV_TRY(read_bookmark(f, bookmark, &place, err));
    SLV_TRY(slv_object_log_dir(f, dir, err));
    SLV_TRY(slv_object_log_make(f, dir, err));
    snprintf(trial, sizeof trial, "%s/trial", dir); /* that it can be done is known now */
    slv_code code = rebuild_file(f, dir, place, trial, err);
    (void)unlink(trial);
    SLV_TRY(code);
    snprintf(path, sizeof path, "%s/restore", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return slv_object_io_fail(err, "create", path);
    if (write(fd, bookmark.ptr, bookmark.len) != (ssize_t)bookmark.len || fsync(fd) != 0)
        code = slv_object_io_fail(err, "write", path);
    (void)close(fd);
    SLV_TRY(code);
    /* All of the log that is being written, whatever follows. */
    write_bookmark(f, (slv_place){f->segment, UINT32_MAX}, ret_undo);
    f->restoring = true;
    return slv_archive_sync(dir, err);
}

/* What is there now stays reachable: its log is archived, and the old database is the base of it.
 */
static slv_code keep_present(slv_object_files *f, const char *dir, slv_err *err)
{
    char wal[SLV_ARCHIVE_PATH], archived[SLV_ARCHIVE_PATH];

    if (slv_archive_highest(dir, "base", UINT32_MAX) == 0)
        SLV_TRY(slv_object_log_base(f, dir, err));
    SLV_TRY(slv_object_path(f->folder, id_of(f), ".sqlite-wal", wal, err));
    slv_archive_name(dir, f->segment, "wal", archived);
    if (link(wal, archived) != 0 && errno != EEXIST)
        return slv_object_io_fail(err, "archive", wal);
    return slv_archive_sync(dir, err);
}

/* An empty log, then the database of the past: with the old log it would be neither. */
static slv_code put_in_place(slv_object_files *f, const char *base, slv_err *err)
{
    char path[SLV_ARCHIVE_PATH], wal[SLV_ARCHIVE_PATH], temporary[SLV_ARCHIVE_PATH];

    SLV_TRY(slv_object_path(f->folder, id_of(f), ".sqlite", path, err));
    SLV_TRY(slv_object_path(f->folder, id_of(f), ".sqlite-wal", wal, err));
    SLV_TRY(slv_object_path(f->folder, id_of(f), ".new", temporary, err));
    int from = open(base, O_RDONLY | O_CLOEXEC);
    int to = open(temporary, SLV_OBJECT_OPEN_FLAGS | O_CREAT | O_TRUNC, 0600);
    slv_code code = from >= 0 && to >= 0 ? slv_archive_copy(from, to, err)
                                         : slv_object_io_fail(err, "open", base);
    if (code == SLV_OK && fsync(to) != 0)
        code = slv_object_io_fail(err, "sync", temporary);
    if (from >= 0)
        (void)close(from);
    if (code != SLV_OK && to >= 0)
        (void)close(to);
    SLV_TRY(code);
    (void)close(f->wal);
    (void)unlink(wal);
    f->wal = open(wal, SLV_OBJECT_OPEN_FLAGS | O_CREAT, 0600);
    if (f->wal < 0)
        code = slv_object_io_fail(err, "create", wal);
    if (code == SLV_OK)
        code = slv_object_sync_folder(f->folder, err);
    if (code == SLV_OK && rename(temporary, path) != 0)
        code = slv_object_io_fail(err, "rename", temporary);
    if (code == SLV_OK)
        code = slv_object_sync_folder(f->folder, err);
    if (code != SLV_OK) {
        (void)close(to);
        return code;
    }
    (void)close(f->db);
    f->db = to;
    return SLV_OK;
}

/* The database of the past as the base of the next segment; then the intent says that it is there.
 */
static slv_code make_past(slv_object_files *f, const char *dir, const char *intent,
                          const char *ready, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)1 << 20);
    char base[SLV_ARCHIVE_PATH];
    slv_place place = {0};

    SLV_TRY(slv_file_read(intent, &text, err));
    SLV_TRY(read_bookmark(f, slv_buf_view(&text), &place, err));
    SLV_TRY(keep_present(f, dir, err));
    slv_archive_name(dir, f->segment + 1, "base", base);
    SLV_TRY(rebuild_file(f, dir, place, base, err));
    SLV_TRY(slv_archive_sync(dir, err));
    if (rename(intent, ready) != 0)
        return slv_object_io_fail(err, "rename", intent);
    f->segment++;
    return slv_archive_sync(dir, err);
}

slv_code slv_object_travel_settle(slv_object_files *f, slv_err *err)
{
    char dir[SLV_ARCHIVE_PATH], intent[SLV_ARCHIVE_PATH + 16], ready[SLV_ARCHIVE_PATH + 16];
    char base[SLV_ARCHIVE_PATH];

    SLV_TRY(slv_object_log_dir(f, dir, err));
    snprintf(intent, sizeof intent, "%s/restore", dir);
    snprintf(ready, sizeof ready, "%s/restored", dir);
    if (slv_file_exists(intent))
        SLV_TRY(make_past(f, dir, intent, ready, err));
    else if (!slv_file_exists(ready))
        return SLV_OK;
    slv_archive_name(dir, slv_archive_highest(dir, "base", UINT32_MAX), "base", base);
    SLV_TRY(put_in_place(f, base, err));
    f->whole = true;
    if (unlink(ready) != 0)
        return slv_object_io_fail(err, "remove", ready);
    return slv_archive_sync(dir, err);
}
