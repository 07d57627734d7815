#include "store/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"

/* A file that is being written is DIR/tmp/ID. */
#define TMP_DIR "tmp"
/* "xx/" or "tmp/", the id, NUL. */
#define NAME_MAX_LEN (sizeof TMP_DIR "/" + SLV_BLOB_ID_LEN)

struct slv_blobs {
    int dir;
    char *path;
};

struct slv_blob_writer {
    slv_blobs *blobs;
    int fd;
    slv_blob_id id;
};

static void tmp_name(char out[NAME_MAX_LEN], const char *id)
{
    (void)snprintf(out, NAME_MAX_LEN, "%s/%s", TMP_DIR, id);
}

static void final_name(char out[NAME_MAX_LEN], const char *id)
{
    (void)snprintf(out, NAME_MAX_LEN, "%.2s/%s", id, id);
}

static bool is_id(slv_str id)
{
    if (id.len != SLV_BLOB_ID_LEN)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (!slv_is_digit(id.ptr[i]) && !(id.ptr[i] >= 'a' && id.ptr[i] <= 'f'))
            return false;
    return true;
}

static slv_code sync_dir_at(const slv_blobs *blobs, const char *name, slv_err *err)
{
    int fd = openat(blobs->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    slv_code code = SLV_OK;

    if (fd < 0 || fsync(fd) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "blob: %s/%s", blobs->path, name);
    if (fd >= 0)
        close(fd);
    return code;
}

/* Makes DIR/name when it is absent; its own name is durable then. */
static slv_code make_dir(const slv_blobs *blobs, const char *name, slv_err *err)
{
    if (mkdirat(blobs->dir, name, 0700) == 0)
        return sync_dir_at(blobs, ".", err);
    if (errno == EEXIST)
        return SLV_OK;
    return slv_fail_errno(err, SLV_E_IO, "blob: %s/%s", blobs->path, name);
}

slv_code slv_blobs_open(const char *dir, slv_blobs **ret, slv_err *err)
{
    SLV_CLEANUP(slv_blobs_free) slv_blobs *blobs = slv_new0(slv_blobs);

    blobs->dir = -1;
    blobs->path = slv_strdup(dir);
    if (mkdir(dir, 0700) == 0) {
        SLV_CLEANUP(slv_charp_free) char *up = NULL;

        if (asprintf(&up, "%s/..", dir) < 0)
            return slv_fail(err, SLV_E_NOMEM, "blob: out of memory");
        int fd = open(up, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        bool synced = fd >= 0 && fsync(fd) == 0;
        if (!synced)
            (void)slv_fail_errno(err, SLV_E_IO, "blob: %s", up);
        if (fd >= 0)
            close(fd);
        if (!synced)
            return SLV_E_IO;
    } else if (errno != EEXIST) {
        return slv_fail_errno(err, SLV_E_IO, "blob: %s", dir);
    }
    blobs->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (blobs->dir < 0)
        return slv_fail_errno(err, SLV_E_IO, "blob: %s", dir);
    SLV_TRY(make_dir(blobs, TMP_DIR, err));
    *ret = SLV_STEAL(blobs);
    return SLV_OK;
}

slv_blobs *slv_blobs_free(slv_blobs *blobs)
{
    if (!blobs)
        return NULL;
    if (blobs->dir >= 0)
        close(blobs->dir);
    free(blobs->path);
    free(blobs);
    return NULL;
}

/* ---- writing ---- */

slv_code slv_blob_begin(slv_blobs *blobs, slv_blob_writer **ret, slv_err *err)
{
    static const char digits[] = "0123456789abcdef";
    SLV_CLEANUP(slv_blob_abort) slv_blob_writer *w = slv_new0(slv_blob_writer);
    unsigned char random[SLV_BLOB_ID_LEN / 2];
    char name[NAME_MAX_LEN];

    slv_rand_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++) {
        w->id.text[2 * i] = digits[random[i] >> 4];
        w->id.text[2 * i + 1] = digits[random[i] & 15];
    }
    w->blobs = blobs;
    tmp_name(name, w->id.text);
    w->fd = openat(blobs->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (w->fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "blob: %s/%s", blobs->path, name);
    *ret = SLV_STEAL(w);
    return SLV_OK;
}

slv_code slv_blob_append(slv_blob_writer *w, slv_str bytes, slv_err *err)
{
    while (bytes.len > 0) {
        ssize_t n = write(w->fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return slv_fail_errno(err, SLV_E_IO, "blob: write");
        bytes = slv_str_skip(bytes, (size_t)n);
    }
    return SLV_OK;
}

slv_blob_writer *slv_blob_abort(slv_blob_writer *w)
{
    char name[NAME_MAX_LEN];

    if (!w)
        return NULL;
    if (w->fd >= 0) {
        close(w->fd);
        tmp_name(name, w->id.text);
        unlinkat(w->blobs->dir, name, 0);
    }
    free(w);
    return NULL;
}

slv_code slv_blob_finish(slv_blob_writer *w_taken, slv_blob_id *ret_id, slv_err *err)
{
    SLV_CLEANUP(slv_blob_abort) slv_blob_writer *w = w_taken;
    const slv_blobs *blobs = w->blobs;
    char from[NAME_MAX_LEN], to[NAME_MAX_LEN], fan[3] = {w->id.text[0], w->id.text[1], 0};

    if (fsync(w->fd) != 0)
        return slv_fail_errno(err, SLV_E_IO, "blob: sync");
    tmp_name(from, w->id.text);
    final_name(to, w->id.text);
    SLV_TRY(make_dir(blobs, fan, err));
    if (renameat(blobs->dir, from, blobs->dir, to) != 0)
        return slv_fail_errno(err, SLV_E_IO, "blob: rename to %s/%s", blobs->path, to);
    if (sync_dir_at(blobs, fan, err) != SLV_OK) {
        unlinkat(blobs->dir, to, 0);
        return SLV_E_IO;
    }
    *ret_id = w->id;
    return SLV_OK;
}

/* ---- reading and removing ---- */

slv_code slv_blob_open(slv_blobs *blobs, slv_str id, int *ret_fd, slv_err *err)
{
    char name[NAME_MAX_LEN];

    if (!is_id(id))
        return slv_fail(err, SLV_E_NOTFOUND, "blob: no such content");
    (void)snprintf(name, sizeof name, "%.2s/%.*s", id.ptr, SLV_STR_ARGS(id));
    int fd = openat(blobs->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return slv_fail_errno(err, errno == ENOENT ? SLV_E_NOTFOUND : SLV_E_IO, "blob: %s/%s",
                              blobs->path, name);
    *ret_fd = fd;
    return SLV_OK;
}

slv_code slv_blob_remove(slv_blobs *blobs, slv_str id, slv_err *err)
{
    char name[NAME_MAX_LEN];

    if (!is_id(id))
        return SLV_OK;
    (void)snprintf(name, sizeof name, "%.2s/%.*s", id.ptr, SLV_STR_ARGS(id));
    if (unlinkat(blobs->dir, name, 0) != 0 && errno != ENOENT)
        return slv_fail_errno(err, SLV_E_IO, "blob: %s/%s", blobs->path, name);
    return SLV_OK;
}

typedef struct sweep {
    slv_blobs *blobs;
    int64_t before_ms;
    bool (*named)(void *arg, slv_str id);
    void *arg;
} sweep;

static slv_code sweep_dir(const sweep *s, const char *name, slv_err *err)
{
    bool unfinished = strcmp(name, TMP_DIR) == 0;
    int fd = openat(s->blobs->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return slv_fail_errno(err, SLV_E_IO, "blob: %s/%s", s->blobs->path, name);
    }
    while ((entry = readdir(dir)) != NULL) {
        slv_str id = slv_str_from(entry->d_name);
        struct stat st;

        if (!is_id(id) || fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        /* The change time: a rename to the final name renews it, so a blob that took long to
         * write has its whole grace period for the row that names it. */
        int64_t age_from = (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
        if (age_from < s->before_ms && (unfinished || !s->named(s->arg, id)))
            (void)unlinkat(fd, entry->d_name, 0);
    }
    closedir(dir);
    return SLV_OK;
}

slv_code slv_blobs_sweep(slv_blobs *blobs, int64_t before_ms, bool (*named)(void *arg, slv_str id),
                         void *arg, slv_err *err)
{
    const sweep s = {blobs, before_ms, named, arg};
    int fd = openat(blobs->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *entry;
    slv_code code = SLV_OK;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return slv_fail_errno(err, SLV_E_IO, "blob: %s", blobs->path);
    }
    while (code == SLV_OK && (entry = readdir(dir)) != NULL) {
        bool fan = slv_hex_value(entry->d_name[0]) >= 0 && slv_hex_value(entry->d_name[1]) >= 0 &&
                   entry->d_name[2] == '\0';

        if (fan || strcmp(entry->d_name, TMP_DIR) == 0)
            code = sweep_dir(&s, entry->d_name, err);
    }
    closedir(dir);
    return code;
}
