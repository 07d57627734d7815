#include "daemon/restored.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "state/backup.h"

#define TRIAL SLV_RESTORE_TRIAL

static slv_code sync_dir(const char *path, slv_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        (void)close(fd);
    return ok ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "cannot sync %s", path);
}

/* DIR/name makes room: what is there goes to `out`. When that has one already, we were cut short
 * behind it, and what is there can only be an empty folder that was made since. */
static slv_code move_out(const char *dir, const char *out, const char *name, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *from = slv_path_join(dir, slv_str_from(name));
    SLV_CLEANUP(slv_charp_free) char *to = slv_path_join(out, slv_str_from(name));

    if (access(from, F_OK) != 0)
        return SLV_OK;
    if (access(to, F_OK) == 0 ? rmdir(from) == 0 : rename(from, to) == 0)
        return SLV_OK;
    return slv_fail_errno(err, SLV_E_IO, "cannot move %s to %s", from, to);
}

/* Everything in `in` takes its place in dir. Again and again, until `in` is empty and gone. */
static slv_code exchange(const char *dir, const char *in, const char *out, slv_err *err)
{
    DIR *d = opendir(in);
    const struct dirent *e;
    slv_code code = SLV_OK;

    if (!d)
        return slv_fail_errno(err, SLV_E_IO, "%s", in);
    if (mkdir(out, 0700) != 0 && errno != EEXIST)
        code = slv_fail_errno(err, SLV_E_IO, "cannot make %s", out);
    while (code == SLV_OK && (e = readdir(d)) != NULL) {
        SLV_CLEANUP(slv_charp_free) char *from = slv_path_join(in, slv_str_from(e->d_name));
        SLV_CLEANUP(slv_charp_free) char *to = slv_path_join(dir, slv_str_from(e->d_name));

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        code = move_out(dir, out, e->d_name, err);
        if (code == SLV_OK && rename(from, to) != 0)
            code = slv_fail_errno(err, SLV_E_IO, "cannot move %s to %s", from, to);
    }
    (void)closedir(d);
    if (code == SLV_OK)
        code = sync_dir(out, err);
    if (code == SLV_OK)
        code = sync_dir(dir, err);
    if (code == SLV_OK && rmdir(in) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "%s", in);
    return code;
}

static char *name_of(const char *dir, const char *prefix, const char *id)
{
    char *path;

    if (asprintf(&path, "%s/%s%s", dir, prefix, id) < 0)
        abort();
    return path;
}

/* The first line is the id, each further byte a try. */
static slv_code write_trial(const char *path, const char *text, int flags, slv_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    size_t len = strlen(text);
    bool ok = fd >= 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;

    if (fd >= 0)
        (void)close(fd);
    return ok ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "%s", path);
}

static slv_code swap_in(const char *dir, const char *id, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *in = name_of(dir, SLV_RESTORE_READY, id);
    SLV_CLEANUP(slv_charp_free) char *out = name_of(dir, SLV_STATE_REPLACED, id);
    SLV_CLEANUP(slv_charp_free) char *trial = name_of(dir, TRIAL, "");
    char line[128];

    (void)snprintf(line, sizeof line, "%.100s\n", id);
    SLV_TRY(write_trial(trial, line, O_TRUNC, err));
    SLV_TRY(sync_dir(dir, err));
    SLV_TRY(exchange(dir, in, out, err));
    slv_log(SLV_LOG_WARN, "the data was restored; what it replaced is in %s until you remove it",
            out);
    return SLV_OK;
}

static slv_code swap_back(const char *dir, const char *id, const char *trial, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *in = name_of(dir, SLV_STATE_REPLACED, id);
    SLV_CLEANUP(slv_charp_free) char *out = name_of(dir, SLV_RESTORE_FAILED, id);

    if (access(in, F_OK) == 0)
        SLV_TRY(exchange(dir, in, out, err));
    slv_log(SLV_LOG_ERROR,
            "no server could be started on what was restored: it is in %s, and the "
            "data is what it was before",
            out);
    return unlink(trial) == 0 ? sync_dir(dir, err) : slv_fail_errno(err, SLV_E_IO, "%s", trial);
}

/* The id of the copy that waits, malloc()ed; NULL: none does. */
static char *find_ready(const char *dir)
{
    static const slv_str prefix = SLV_STR(SLV_RESTORE_READY);
    DIR *d = opendir(dir);
    const struct dirent *e;
    char *id = NULL;

    while (d && !id && (e = readdir(d)) != NULL) {
        slv_str name = slv_str_from(e->d_name);

        if (slv_str_starts(name, prefix) && name.len < 100)
            id = slv_strdup(e->d_name + prefix.len);
    }
    if (d)
        (void)closedir(d);
    return id;
}

static slv_code settle_trial(const char *dir, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *trial = name_of(dir, TRIAL, "");
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF((size_t)1 << 20);
    SLV_CLEANUP(slv_charp_free) char *id = NULL;
    slv_str rest, first;

    if (access(trial, F_OK) != 0)
        return SLV_OK;
    SLV_TRY(slv_file_read(trial, &text, err));
    rest = slv_buf_view(&text);
    if (!slv_str_split(&rest, '\n', &first) || first.len == 0 ||
        slv_str_chr(first, '/', 0) != SIZE_MAX)
        return unlink(trial) == 0 ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "%s", trial);
    if (rest.ptr && rest.len >= SLV_RESTORED_TRIES) {
        id = slv_strndup(first.ptr, first.len);
        return swap_back(dir, id, trial, err);
    }
    return write_trial(trial, ".", O_APPEND, err);
}

slv_code slv_restored_settle(const char *dir, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *id = find_ready(dir);

    if (id)
        SLV_TRY(swap_in(dir, id, err));
    return settle_trial(dir, err);
}

void slv_restored_done(const char *dir)
{
    SLV_CLEANUP(slv_charp_free) char *trial = name_of(dir, TRIAL, "");

    (void)unlink(trial);
}
