/* Checkpoints of an object: its log is left behind whole, and another one takes its place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "objects/files_int.h"
#include "store/wal.h"

static slv_str id_of(const slv_object_files *f)
{
    return slv_str_make(f->id, SLV_OBJECT_FILES_ID);
}

slv_code slv_object_log_dir(const slv_object_files *f, char out[static SLV_ARCHIVE_PATH],
                            slv_err *err)
{
    return slv_object_path(f->folder, id_of(f), ".log", out, err);
}

slv_code slv_object_log_make(const slv_object_files *f, const char *dir, slv_err *err)
{
    if (mkdir(dir, 0700) == 0)
        return slv_object_sync_folder(f->folder, err);
    return errno == EEXIST ? SLV_OK : slv_object_io_fail(err, "make", dir);
}

/* Archived logs are those before the current one; a base may begin with it. */
static void number(slv_object_files *f, const char *dir)
{
    uint32_t wal = slv_archive_highest(dir, "wal", UINT32_MAX);
    uint32_t base = slv_archive_highest(dir, "base", UINT32_MAX);

    f->segment = SLV_MAX(wal + 1, base);
    f->whole = base == 0; /* no checkpoint was ever tried */
}

/* ---- changing logs ---- */

/* The old log under its number, the new one under the name of the log. */
static slv_code change_names(slv_object_files *f, slv_err *err)
{
    char dir[SLV_ARCHIVE_PATH], old[SLV_ARCHIVE_PATH], next[SLV_ARCHIVE_PATH];
    char archived[SLV_ARCHIVE_PATH];

    SLV_TRY(slv_object_log_dir(f, dir, err));
    SLV_TRY(slv_object_path(f->folder, id_of(f), ".sqlite-wal", old, err));
    SLV_TRY(slv_object_path(f->folder, id_of(f), ".sqlite-wal.next", next, err));
    SLV_TRY(slv_object_log_make(f, dir, err));
    slv_archive_name(dir, f->segment, "wal", archived);
    /* A link first: at no moment is there no log, and the old one is archived before it goes. */
    if (link(old, archived) != 0 && errno != EEXIST)
        return slv_object_io_fail(err, "archive", old);
    SLV_TRY(slv_archive_sync(dir, err));
    if (rename(next, old) != 0)
        return slv_object_io_fail(err, "rename", next);
    return slv_object_sync_folder(f->folder, err);
}

static void limit_chain(const slv_object_files *f, const char *dir)
{
    if (f->segment % 64 == 0)
        slv_archive_prune(dir);
}

slv_code slv_object_files_rotate(slv_object_files *f, slv_err *err)
{
    char dir[SLV_ARCHIVE_PATH];

    SLV_TRY(slv_object_log_dir(f, dir, err));
    slv_object_log_flush(f);
    if (fdatasync(f->wal) != 0)
        return slv_object_io_fail(err, "sync", dir);
    SLV_TRY(change_names(f, err));
    (void)close(f->wal);
    f->wal = f->next;
    f->next = -1;
    f->segment++;
    f->whole = true;
    limit_chain(f, dir);
    return SLV_OK;
}

void slv_object_files_drop_next(slv_object_files *f)
{
    char next[SLV_ARCHIVE_PATH];

    if (f->next < 0)
        return;
    (void)close(f->next);
    f->next = -1;
    if (slv_object_path(f->folder, id_of(f), ".sqlite-wal.next", next, NULL) == SLV_OK)
        (void)unlink(next);
}

/* Whether the isolate had gone on to the new log. */
static bool was_changed(int next)
{
    slv_wal_head head;

    return slv_wal_head_read(next, &head);
}

slv_code slv_object_log_settle(slv_object_files *f, slv_err *err)
{
    char dir[SLV_ARCHIVE_PATH], next[SLV_ARCHIVE_PATH];

    SLV_TRY(slv_object_log_dir(f, dir, err));
    number(f, dir);
    SLV_TRY(slv_object_path(f->folder, id_of(f), ".sqlite-wal.next", next, err));
    f->next = open(next, SLV_OBJECT_OPEN_FLAGS);
    if (f->next < 0)
        return errno == ENOENT ? SLV_OK : slv_object_io_fail(err, "open", next);
    if (was_changed(f->next))
        return slv_object_files_rotate(f, err);
    slv_object_files_drop_next(f);
    return SLV_OK;
}

/* ---- before a checkpoint ---- */

slv_code slv_object_log_base(slv_object_files *f, const char *dir, slv_err *err)
{
    char path[SLV_ARCHIVE_PATH], temporary[SLV_ARCHIVE_PATH];

    SLV_TRY(slv_object_log_make(f, dir, err));
    slv_archive_name(dir, f->segment, "base", path);
    slv_archive_name(dir, f->segment, "new", temporary);
    int fd = open(temporary, SLV_OBJECT_OPEN_FLAGS | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return slv_object_io_fail(err, "create", temporary);
    slv_code code = slv_archive_copy(f->db, fd, err);
    if (code == SLV_OK && fsync(fd) != 0)
        code = slv_object_io_fail(err, "sync", temporary);
    (void)close(fd);
    SLV_TRY(code);
    if (rename(temporary, path) != 0)
        return slv_object_io_fail(err, "rename", temporary);
    return slv_archive_sync(dir, err);
}

/* Bases end chains that have become too long. Only before the first checkpoint of a log: after it
 * the database holds parts of that. */
static bool base_is_due(const slv_object_files *f, const char *dir)
{
    uint32_t base = slv_archive_highest(dir, "base", UINT32_MAX);
    struct stat st;

    if (base == 0)
        return true;
    if (!f->whole || base == f->segment)
        return false;
    uint64_t bytes = fstat(f->db, &st) == 0 ? (uint64_t)st.st_size : 0;
    return f->segment - base >= SLV_ARCHIVE_SEGMENTS ||
           slv_archive_bytes(dir, base, f->segment) > SLV_MAX(SLV_ARCHIVE_CHAIN_MIN, 2 * bytes);
}

slv_code slv_object_files_prepare(slv_object_files *f, slv_err *err)
{
    char dir[SLV_ARCHIVE_PATH], next[SLV_ARCHIVE_PATH];

    SLV_TRY(slv_object_log_dir(f, dir, err));
    if (base_is_due(f, dir))
        SLV_TRY(slv_object_log_base(f, dir, err));
    f->whole = false;
    SLV_TRY(slv_object_path(f->folder, id_of(f), ".sqlite-wal.next", next, err));
    f->next = open(next, SLV_OBJECT_OPEN_FLAGS | O_CREAT | O_TRUNC, 0600);
    return f->next < 0 ? slv_object_io_fail(err, "create", next) : SLV_OK;
}

/* ---- times ---- */

void slv_object_log_flush(slv_object_files *f)
{
    char dir[SLV_ARCHIVE_PATH];

    if (f->noted_ms != 0 && f->folder && slv_object_log_dir(f, dir, NULL) == SLV_OK &&
        slv_archive_time_put(dir, &f->times, f->noted, f->noted_ms))
        f->noted_ms = 0;
}

void slv_object_files_note(slv_object_files *f, uint32_t frame, int64_t ms)
{
    if (f->noted_ms != 0 && f->noted_ms / 1000 != ms / 1000)
        slv_object_log_flush(f);
    f->noted = (slv_place){f->segment, frame};
    f->noted_ms = ms;
}
