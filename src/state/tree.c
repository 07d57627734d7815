#include "state/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define OPEN_MAX 32

slv_code slv_tree_fail(const slv_tree *t, const char *what)
{
    return slv_fail_errno(t->err, SLV_E_IO, "%s %.*s", what, SLV_STR_ARGS(slv_buf_view(&t->path)));
}

static slv_code walk(slv_tree *t, int parent, const char *name, int depth);

static slv_code walk_entry(slv_tree *t, int dir, const char *name, int depth)
{
    size_t before = t->path.len;
    struct stat st;
    slv_code code = SLV_OK;

    if (t->leave_out && t->leave_out(t, slv_str_from(name)))
        return SLV_OK;
    if (slv_buf_printf(&t->path, "%s%s", before > 0 ? "/" : "", name) != SLV_OK ||
        depth > SLV_TREE_DEPTH_MAX)
        return slv_fail(t->err, SLV_E_LIMIT, "the directory is too deep: %s", name);
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        code = errno == ENOENT ? SLV_OK : slv_tree_fail(t, "cannot look at");
    else if (S_ISDIR(st.st_mode))
        code = walk(t, dir, name, depth + 1);
    else if (S_ISREG(st.st_mode))
        code = t->file(t, dir, name, &st);
    t->path.len = before;
    return code;
}

static slv_code walk(slv_tree *t, int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;
    slv_code code = SLV_OK;

    if (!dir) {
        bool gone = fd < 0 && errno == ENOENT;

        if (fd >= 0)
            (void)close(fd);
        return gone ? SLV_OK : slv_tree_fail(t, "cannot read the directory");
    }
    if (t->folder && t->path.len > 0)
        code = t->folder(t);
    while (code == SLV_OK && (e = readdir(dir)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            code = walk_entry(t, fd, e->d_name, depth);
    (void)closedir(dir);
    return code;
}

slv_code slv_tree_walk(slv_tree *t, int at, const char *name)
{
    return walk(t, at, name, 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

slv_code slv_tree_remove(const char *path, slv_err *err)
{
    if (nftw(path, remove_one, OPEN_MAX, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return slv_fail_errno(err, SLV_E_IO, "cannot remove %s", path);
    return SLV_OK;
}

slv_code slv_tree_sync_name(const char *path, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *above = slv_path_dir(path);
    int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        (void)close(fd);
    return ok ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "cannot sync %s", above);
}
