/* The state directory on disk: its lock, folders, and the removal of a store. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "state/name.h"
#include "state/state_int.h"
#include "state/tree.h"

#define PATH_BYTES ((size_t)8192)
#define LOCK_STEP_MS 20u
#define DIR_LEVELS 3    /* PROJECT: .selvage/state/v1 */
#define FOLDER_LEVELS 2 /* v1: TENANT/KIND */
/* Folders within a store are not nested deeper. */
#define REMOVE_DEPTH 4

static slv_code sync_dir(const char *path, slv_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    slv_code code = SLV_OK;

    if (fd < 0 || fsync(fd) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "%s", path);
    if (fd >= 0)
        close(fd);
    return code;
}

/* The part before the last slash; "." when there is none. */
static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return slv_strdup(".");
    return slv_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Makes the folder and those above it where they are missing, and makes the last `levels` names of
 * path durable, whoever made them: an earlier try may have failed after the making. */
static slv_code make_dirs(const char *path, int levels, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *up = parent_of(path);
    bool top = strcmp(up, path) == 0;
    bool missing = mkdir(path, 0700) != 0 && errno == ENOENT;

    if (!top && (missing || levels > 1))
        SLV_TRY(make_dirs(up, levels - 1, err));
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST)
        return slv_fail_errno(err, SLV_E_IO, "cannot make the folder %s", path);
    return missing || levels > 0 ? sync_dir(up, err) : SLV_OK;
}

/* ---- the lock ---- */

static slv_code held_by_other(const char *dir, int fd, slv_err *err)
{
    char text[32] = {0};
    uint64_t pid = 0;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);

    if (n > 0 && slv_parse_u64(slv_str_trim(slv_str_make(text, (size_t)n)), &pid) == SLV_OK)
        return slv_fail(err, SLV_E_STATE,
                        "%s is in use by process %llu (another 'selvage dev'?); stop it, or give "
                        "this one a directory of its own with --persist-to",
                        dir, (unsigned long long)pid);
    return slv_fail(err, SLV_E_STATE, "%s is in use by another process", dir);
}

static slv_code take_lock(const char *dir, const char *path, unsigned wait_ms, int *ret_fd,
                          slv_err *err)
{
    const struct timespec pause = {0, LOCK_STEP_MS * 1000000L};
    char pid[24];
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    unsigned waited_ms = 0;

    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", path);
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        slv_code code = errno != EWOULDBLOCK && errno != EINTR
                            ? slv_fail_errno(err, SLV_E_IO, "cannot lock %s", path)
                        : waited_ms >= wait_ms ? held_by_other(dir, fd, err)
                                               : SLV_OK;
        if (code != SLV_OK) {
            close(fd);
            return code;
        }
        (void)nanosleep(&pause, NULL);
        waited_ms += LOCK_STEP_MS;
    }
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)len, 0) != len) {
        slv_code code = slv_fail_errno(err, SLV_E_IO, "%s", path);

        close(fd);
        return code;
    }
    *ret_fd = fd;
    return SLV_OK;
}

slv_code slv_state_dir_open_(const char *dir, unsigned wait_ms, int *ret_lock, char **ret_v1,
                             slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *v1 = NULL;
    SLV_CLEANUP(slv_charp_free) char *lock = NULL;
    SLV_CLEANUP(slv_charp_free) char *aside = NULL;
    int fd = -1;

    if (asprintf(&v1, "%s/v1", dir) < 0 || asprintf(&lock, "%s/lock", dir) < 0)
        return slv_fail(err, SLV_E_NOMEM, "out of memory");
    SLV_TRY(make_dirs(v1, DIR_LEVELS, err));
    SLV_TRY(take_lock(dir, lock, wait_ms, &fd, err));
    if (asprintf(&aside, "%s/" SLV_STATE_ASIDE, dir) < 0 || slv_tree_remove(aside, err) != SLV_OK) {
        close(fd);
        return SLV_E_IO;
    }
    *ret_lock = fd;
    *ret_v1 = SLV_STEAL(v1);
    return SLV_OK;
}

/* ---- stores ---- */

slv_code slv_state_folder_(const slv_store *store, slv_err *err)
{
    slv_state *state = store->state;
    SLV_CLEANUP(slv_charp_free) char *folder = parent_of(store->path);

    pthread_mutex_lock(&state->lock);
    bool known = slv_map_get(&state->folders, slv_str_from(folder)) != NULL;
    bool removed = slv_state_is_removed_(state, folder);
    pthread_mutex_unlock(&state->lock);
    if (removed)
        return slv_fail(err, SLV_E_NOTFOUND, "the account was deleted");
    if ((known || state->lent) && access(folder, F_OK) == 0)
        return SLV_OK;
    SLV_TRY(make_dirs(folder, FOLDER_LEVELS, err));
    pthread_mutex_lock(&state->lock);
    slv_map_set(&state->folders, slv_str_from(folder), true);
    pthread_mutex_unlock(&state->lock);
    return SLV_OK;
}

slv_code slv_state_folder(slv_state *state, const slv_store_type *type, slv_str tenant_name,
                          slv_buf *out, slv_err *err)
{
    size_t at = out->len;

    SLV_TRY(slv_buf_printf(out, "%s/", state->dir));
    SLV_TRY(slv_name_encode(tenant_name, out));
    SLV_TRY(slv_buf_printf(out, "/%s", type->kind));
    if (!slv_buf_cstr(out))
        return slv_fail(err, SLV_E_NOMEM, "out of memory");
    return make_dirs(out->ptr + at, FOLDER_LEVELS, err);
}

static slv_code remove_tree(int at, const char *name, int depth, slv_err *err)
{
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return SLV_OK;
    if ((errno != EISDIR && errno != EPERM) || depth == REMOVE_DEPTH)
        return slv_fail_errno(err, SLV_E_IO, "cannot remove %s", name);
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    slv_code code = SLV_OK;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return slv_fail_errno(err, SLV_E_IO, "cannot remove %s", name);
    }
    while (code == SLV_OK && (entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            code = remove_tree(fd, entry->d_name, depth + 1, err);
    closedir(dir);
    if (code == SLV_OK && unlinkat(at, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        code = slv_fail_errno(err, SLV_E_IO, "cannot remove %s", name);
    return code;
}

/* Removes everything whose name begins with "ID.". */
static slv_code remove_all(const char *folder, const char *id, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf prefix = SLV_BUF(PATH_BYTES);
    DIR *dir = opendir(folder);
    struct dirent *entry;
    slv_code code = slv_buf_printf(&prefix, "%s.", id);

    if (!dir)
        return errno == ENOENT ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "%s", folder);
    while (code == SLV_OK && (entry = readdir(dir)) != NULL)
        if (slv_str_starts(slv_str_from(entry->d_name), slv_buf_view(&prefix)))
            code = remove_tree(dirfd(dir), entry->d_name, 0, err);
    closedir(dir);
    return code;
}

static slv_code with_suffix(const slv_store *store, const char *suffix, slv_buf *out)
{
    SLV_TRY(slv_buf_printf(out, "%s%s", store->path, suffix));
    return slv_buf_cstr(out) ? SLV_OK : SLV_E_NOMEM;
}

slv_code slv_state_remove_(const slv_store *store, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *folder = parent_of(store->path);
    SLV_CLEANUP(slv_buf_done) slv_buf file = SLV_BUF(PATH_BYTES);

    /* The database goes first and for good: without it, what is left behind by a crash is nobody's
     * and goes when a store of this name is made again. */
    SLV_TRY(with_suffix(store, ".sqlite", &file));
    if (unlink(file.ptr) != 0 && errno != ENOENT)
        return slv_fail_errno(err, SLV_E_IO, "cannot remove %s", file.ptr);
    if (access(folder, F_OK) != 0)
        return SLV_OK;
    SLV_TRY(sync_dir(folder, err));
    SLV_TRY(remove_all(folder, strrchr(store->path, '/') + 1, err));
    return sync_dir(folder, err);
}

slv_code slv_state_prepare_(const slv_store *store, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf file = SLV_BUF(PATH_BYTES);

    SLV_TRY(slv_state_folder_(store, err));
    SLV_TRY(with_suffix(store, ".sqlite", &file));
    if (access(file.ptr, F_OK) == 0)
        return SLV_OK;
    SLV_TRY(slv_state_remove_(store, err));
    if (store->long_id.len == 0)
        return SLV_OK;
    slv_buf_reset(&file);
    SLV_TRY(with_suffix(store, ".name", &file));
    int fd = open(file.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    slv_str id = store->long_id;
    bool ok = fd >= 0 && write(fd, id.ptr, id.len) == (ssize_t)id.len && fsync(fd) == 0;
    slv_code code = ok ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "%s", file.ptr);
    if (fd >= 0)
        close(fd);
    return code;
}

/* ---- listing ---- */

typedef SLV_VEC(slv_buf) names;

static int by_bytes(const void *a, const void *b)
{
    return slv_str_cmp(slv_buf_view(a), slv_buf_view(b));
}

/* The id of a file ENC.sqlite into out. */
static slv_code id_of(const char *folder, slv_str encoded, slv_buf *out)
{
    slv_code code = slv_name_decode(encoded, out);

    if (code != SLV_E_UNSUPPORTED)
        return code;
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_BYTES);
    slv_buf_reset(out);
    SLV_TRY(slv_buf_printf(&path, "%s/%.*s.name", folder, SLV_STR_ARGS(encoded)));
    SLV_TRY(slv_buf_reserve(out, SLV_STORE_ID_MAX));
    if (!slv_buf_cstr(&path))
        return SLV_E_NOMEM;
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out->ptr, SLV_STORE_ID_MAX) : -1;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return SLV_E_PARSE;
    out->len = (size_t)n;
    return SLV_OK;
}

static void collect(const char *folder, DIR *dir, names *out)
{
    const slv_str suffix = SLV_STR(".sqlite");
    struct dirent *entry;

    while ((entry = readdir(dir)) != NULL) {
        slv_str file = slv_str_from(entry->d_name);
        slv_buf id = SLV_BUF(SLV_STORE_ID_MAX + 1);

        if (!slv_str_ends(file, suffix))
            continue;
        if (id_of(folder, slv_str_sub(file, 0, file.len - suffix.len), &id) == SLV_OK)
            slv_vec_push(out, id);
        else
            slv_buf_done(&id); /* a file that somebody put there */
    }
}

slv_code slv_state_list(slv_state *state, const slv_store_type *type, slv_str tenant_name,
                        slv_state_each each, void *arg, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf folder = SLV_BUF(PATH_BYTES);
    names found = {0};

    SLV_TRY(slv_buf_printf(&folder, "%s/", state->dir));
    SLV_TRY(slv_name_encode(tenant_name, &folder));
    SLV_TRY(slv_buf_printf(&folder, "/%s", type->kind));
    if (!slv_buf_cstr(&folder))
        return slv_fail(err, SLV_E_NOMEM, "out of memory");
    DIR *dir = opendir(folder.ptr);
    if (!dir)
        return errno == ENOENT ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "%s", folder.ptr);
    collect(folder.ptr, dir, &found);
    closedir(dir);
    if (found.len > 1)
        qsort(found.items, found.len, sizeof found.items[0], by_bytes);
    for (size_t i = 0; i < found.len; i++) {
        each(arg, slv_buf_view(&found.items[i]));
        slv_buf_done(&found.items[i]);
    }
    slv_vec_done(&found);
    return SLV_OK;
}
