#include "objects/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "objects/files_int.h"
#include "store/object_file.h"

#define OPEN_FLAGS SLV_OBJECT_OPEN_FLAGS
#define FACETS_DEPTH 4 /* of folders: facets to the third level, and the last one's log */

slv_code slv_object_io_fail(slv_err *err, const char *what, const char *path)
{
    int code = errno;
    slv_code ret = slv_fail(err, SLV_E_IO, "object: %s %s: %s", what, path, strerror(code));

    if (err)
        err->detail = code;
    return ret;
}

slv_code slv_object_path(const char *folder, slv_str id, const char *suffix,
                         char out[static SLV_ARCHIVE_PATH], slv_err *err)
{
    int n = snprintf(out, SLV_ARCHIVE_PATH, "%s/%.*s%s", folder, SLV_STR_ARGS(id), suffix);

    if (n < 0 || (size_t)n >= SLV_ARCHIVE_PATH)
        return slv_fail(err, SLV_E_LIMIT, "object: the path of the state directory is too long");
    return SLV_OK;
}

static slv_code write_template(int fd, const char *path, slv_err *err)
{
    uint8_t page[SLV_OBJECT_FILE_SIZE];

    slv_object_file_template(page);
    if (pwrite(fd, page, sizeof page, 0) != (ssize_t)sizeof page)
        return slv_object_io_fail(err, "write", path);
    return SLV_OK;
}

/* The database appears whole or not at all: the isolate cannot open one that is half made. */
static slv_code make(const char *folder, slv_str id, const char *path, int *ret_fd, slv_err *err)
{
    char temporary[SLV_ARCHIVE_PATH];

    SLV_TRY(slv_object_path(folder, id, ".new", temporary, err));
    int fd = open(temporary, OPEN_FLAGS | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return slv_object_io_fail(err, "create", temporary);
    slv_code code = write_template(fd, temporary, err);
    if (code == SLV_OK && rename(temporary, path) != 0)
        code = slv_object_io_fail(err, "rename", temporary);
    if (code != SLV_OK) {
        (void)unlink(temporary);
        (void)close(fd);
        return code;
    }
    *ret_fd = fd;
    return SLV_OK;
}

/* A database shorter than its first page was cut by a loss of power before anything of it was
 * acknowledged. */
static slv_code check_length(slv_object_files *f, const char *path, slv_err *err)
{
    struct stat st;

    if (fstat(f->db, &st) != 0 || !S_ISREG(st.st_mode))
        return slv_object_io_fail(err, "look at", path);
    if (st.st_size >= SLV_OBJECT_FILE_SIZE)
        return SLV_OK;
    if (fstat(f->wal, &st) != 0)
        return slv_object_io_fail(err, "look at", path);
    if (st.st_size > 0)
        return slv_fail(err, SLV_E_IO, "object: %s is damaged: it has no first page", path);
    f->fresh = true;
    return write_template(f->db, path, err);
}

slv_code slv_object_sync_folder(const char *path, slv_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return slv_object_io_fail(err, "open", path);
    int failed = fsync(fd);
    (void)close(fd);
    return failed ? slv_object_io_fail(err, "sync", path) : SLV_OK;
}

/* Its own name is synced at once, by whoever makes it. */
static slv_code make_folder(const char *folder, slv_err *err)
{
    char parent[PATH_MAX];

    if (mkdir(folder, 0700) != 0)
        return errno == EEXIST ? SLV_OK : slv_object_io_fail(err, "make", folder);
    if (snprintf(parent, sizeof parent, "%s/..", folder) >= (int)sizeof parent)
        return slv_fail(err, SLV_E_LIMIT, "object: the path of the state directory is too long");
    return slv_object_sync_folder(parent, err);
}

static slv_code open_both(const char *folder, slv_str id, slv_object_files *f, slv_err *err)
{
    char path[SLV_ARCHIVE_PATH], wal[SLV_ARCHIVE_PATH];

    SLV_TRY(slv_object_path(folder, id, ".sqlite", path, err));
    SLV_TRY(slv_object_path(folder, id, ".sqlite-wal", wal, err));
    f->db = open(path, OPEN_FLAGS);
    if (f->db < 0 && errno == ENOENT) {
        SLV_TRY(make_folder(folder, err));
        /* left by a database that is gone: it would be taken for the new one's */
        if (unlink(wal) != 0 && errno != ENOENT)
            return slv_object_io_fail(err, "remove", wal);
        f->fresh = true;
        SLV_TRY(make(folder, id, path, &f->db, err));
    } else if (f->db < 0) {
        return slv_object_io_fail(err, "open", path);
    }
    f->wal = open(wal, OPEN_FLAGS);
    if (f->wal < 0 && errno == ENOENT) {
        f->fresh = true;
        f->wal = open(wal, OPEN_FLAGS | O_CREAT, 0600);
    }
    if (f->wal < 0)
        return slv_object_io_fail(err, "open", wal);
    return check_length(f, path, err);
}

slv_code slv_object_files_open(const char *folder, slv_str id, slv_object_files *ret, slv_err *err)
{
    *ret = (slv_object_files){.db = -1, .wal = -1, .next = -1, .times = -1};
    ret->folder = slv_strdup(folder);
    memcpy(ret->id, id.ptr, SLV_MIN(id.len, (size_t)SLV_OBJECT_FILES_ID));
    slv_code code = open_both(folder, id, ret, err);
    if (code == SLV_OK)
        code = slv_object_log_settle(ret, err);
    if (code == SLV_OK)
        code = slv_object_travel_settle(ret, err);
    if (code != SLV_OK)
        slv_object_files_close(ret);
    return code;
}

void slv_object_files_close(slv_object_files *f)
{
    if (f->db >= 0)
        (void)close(f->db);
    if (f->wal >= 0)
        (void)close(f->wal);
    if (f->next >= 0)
        (void)close(f->next);
    slv_object_log_flush(f);
    if (f->times >= 0)
        (void)close(f->times);
    free(f->folder);
    *f = (slv_object_files){.db = -1, .wal = -1, .next = -1, .times = -1};
}

static slv_code sync_all(slv_object_files *f, uint64_t *ret_wal_bytes, slv_err *err)
{
    struct stat st;

    if (fstat(f->wal, &st) != 0)
        return slv_object_io_fail(err, "look at", f->folder);
    if (st.st_nlink == 0)
        return slv_fail(err, SLV_E_IO, "object: the WAL was removed from %s", f->folder);
    if (f->fresh && fsync(f->db) != 0)
        return slv_object_io_fail(err, "sync", f->folder);
    if (fdatasync(f->wal) != 0)
        return slv_object_io_fail(err, "sync", f->folder);
    if (f->fresh)
        SLV_TRY(slv_object_sync_folder(f->folder, err));
    f->fresh = false;
    *ret_wal_bytes = (uint64_t)st.st_size;
    return SLV_OK;
}

slv_code slv_object_files_sync(slv_object_files *f, uint64_t *ret_wal_bytes, slv_err *err)
{
    if (f->failed)
        return slv_fail(err, SLV_E_IO, "object: an earlier sync failed");
    slv_code code = sync_all(f, ret_wal_bytes, err);
    f->failed = code != SLV_OK;
    return code;
}

/* A folder that has files, and folders of such to that depth: of a class the objects' logs and
 * facets, and theirs. */
static slv_code remove_tree(const char *path, unsigned depth, slv_err *err)
{
    DIR *dir = opendir(path);
    slv_code code = SLV_OK;
    const struct dirent *entry;

    if (!dir)
        return errno == ENOENT ? SLV_OK : slv_object_io_fail(err, "open", path);
    while (code == SLV_OK && (entry = readdir(dir)) != NULL) {
        char inner[SLV_ARCHIVE_PATH];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            continue;
        if (depth > 0 && errno == EISDIR &&
            snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) < (int)sizeof inner)
            code = remove_tree(inner, depth - 1, err);
        else
            code = slv_object_io_fail(err, "remove a file of", path);
    }
    (void)closedir(dir);
    if (code == SLV_OK && rmdir(path) != 0)
        code = slv_object_io_fail(err, "remove", path);
    return code;
}

slv_code slv_object_files_remove(const char *folder, slv_str id, slv_err *err)
{
    static const char *const suffixes[] = {".sqlite", ".sqlite-wal", ".sqlite-wal.next"};
    char path[SLV_ARCHIVE_PATH];

    for (size_t i = 0; i < SLV_ARRAY_LEN(suffixes); i++) {
        SLV_TRY(slv_object_path(folder, id, suffixes[i], path, err));
        if (unlink(path) != 0 && errno != ENOENT)
            return slv_object_io_fail(err, "remove", path);
    }
    SLV_TRY(slv_object_path(folder, id, ".log", path, err));
    SLV_TRY(remove_tree(path, 0, err));
    SLV_TRY(slv_object_path(folder, id, ".facets", path, err));
    SLV_TRY(remove_tree(path, FACETS_DEPTH, err));
    /* It stays removed: a folder that never was has nothing to forget. */
    return access(folder, F_OK) == 0 ? slv_object_sync_folder(folder, err) : SLV_OK;
}

slv_code slv_object_folder_remove(const char *folder, slv_err *err)
{
    return remove_tree(folder, FACETS_DEPTH, err);
}
