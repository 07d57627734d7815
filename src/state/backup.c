#include "state/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "fmt/json.h"
#include "state/transfer_int.h"
#include "state/tree.h"

#define PIECE ((size_t)1 << 20)
#define MANIFEST_MAX ((size_t)1 << 20)

typedef struct copy {
    slv_tree tree;
    int from, to;           /* directories */
    SLV_MAP(uint64_t) logs; /* their lengths at the moment, by path */
    bool noted;             /* logs counts: what is not in it did not exist */
    slv_backup_report report;
    slv_err *err;
} copy;

static copy *of_tree(slv_tree *t)
{
    return slv_container_of(t, copy, tree);
}

static bool is_log(slv_str name)
{
    return slv_str_ends(name, SLV_STR(".sqlite-wal"));
}

/* Of the process that runs, or of SQLite's that does. */
static bool is_left_out(const slv_tree *t, slv_str name)
{
    return slv_str_ends(name, SLV_STR(".sqlite-shm")) ||
           (t->path.len == 0 &&
            (slv_str_is(name, "lock") || slv_str_is(name, "serve.pid") ||
             slv_str_is(name, SLV_STATE_ASIDE) ||
             slv_str_starts(name, SLV_STR(SLV_STATE_REPLACED)) ||
             slv_str_starts(name, SLV_STR(SLV_RESTORE_READY)) ||
             slv_str_starts(name, SLV_STR(SLV_RESTORE_FAILED)) ||
             slv_str_is(name, SLV_RESTORE_TRIAL) || slv_str_is(name, SLV_BACKUP_MANIFEST)));
}

static slv_code fail(const copy *c, const char *what)
{
    return slv_tree_fail(&c->tree, what);
}

static slv_code walk(copy *c, slv_code (*file)(slv_tree *, int, const char *, const struct stat *),
                     slv_code (*folder)(slv_tree *))
{
    c->tree.err = c->err;
    c->tree.leave_out = is_left_out;
    c->tree.file = file;
    c->tree.folder = folder;
    return slv_tree_walk(&c->tree, c->from, ".");
}

/* ---- the moment ---- */

static slv_code note_log(slv_tree *t, SLV_UNUSED int dir, const char *name, const struct stat *st)
{
    if (is_log(slv_str_from(name)))
        slv_map_set(&of_tree(t)->logs, slv_buf_view(&t->path), (uint64_t)st->st_size);
    return SLV_OK;
}

static slv_code note_logs(copy *c, slv_state *state)
{
    uint64_t began_ns = slv_clock_mono_ns();
    slv_code code;

    slv_state_freeze(state);
    c->report.taken_ms = slv_clock_wall_ms();
    code = walk(c, note_log, NULL);
    slv_state_thaw(state);
    c->noted = true;
    c->report.paused_us = (slv_clock_mono_ns() - began_ns) / 1000;
    return code;
}

/* ---- copying ---- */

static slv_code copy_bytes(const copy *c, int in, int out, uint64_t n)
{
    while (n > 0) {
        ssize_t got = copy_file_range(in, NULL, out, NULL, SLV_MIN(n, (uint64_t)1 << 30), 0);

        if (got > 0) {
            n -= (uint64_t)got;
            continue;
        }
        if (got == 0)
            return SLV_OK; /* it became shorter: not a file that only grows */
        if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
            return fail(c, "cannot copy");
        break;
    }
    SLV_CLEANUP(slv_free) void *piece = n > 0 ? slv_alloc(PIECE) : NULL;

    while (n > 0) {
        ssize_t got = read(in, piece, SLV_MIN(n, PIECE));

        if (got == 0)
            return SLV_OK;
        if (got < 0 || write(out, piece, (size_t)got) != got)
            return fail(c, "cannot copy");
        n -= (uint64_t)got;
    }
    return SLV_OK;
}

static slv_code copy_file(slv_tree *t, int dir, const char *name, const struct stat *st)
{
    copy *c = of_tree(t);
    uint64_t bytes = (uint64_t)st->st_size;
    slv_code code = SLV_OK;
    int in, out;

    if (c->noted && is_log(slv_str_from(name))) {
        const uint64_t *noted = slv_map_get(&c->logs, slv_buf_view(&t->path));

        if (!noted)
            return SLV_OK;
        bytes = *noted;
    }
    in = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0)
        return errno == ENOENT ? SLV_OK : fail(c, "cannot open");
    out = openat(c->to, slv_buf_cstr(&t->path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                 st->st_mode & 0777);
    if (out < 0)
        code = fail(c, "cannot make the copy of");
    if (code == SLV_OK)
        code = copy_bytes(c, in, out, bytes);
    if (out >= 0 && close(out) != 0 && code == SLV_OK)
        code = fail(c, "cannot copy");
    (void)close(in);
    c->report.files++;
    c->report.bytes += bytes;
    return code;
}

static slv_code copy_folder(slv_tree *t)
{
    const copy *c = of_tree(t);

    if (mkdirat(c->to, slv_buf_cstr(&t->path), 0700) != 0 && errno != EEXIST)
        return fail(c, "cannot make the directory");
    return SLV_OK;
}

static slv_code write_manifest(const copy *c)
{
    char text[256];
    int n = snprintf(text, sizeof text,
                     "{\"format\":%d,\"taken\":%lld,\"files\":%llu,\"bytes\":%llu}\n",
                     SLV_BACKUP_FORMAT, (long long)c->report.taken_ms,
                     (unsigned long long)c->report.files, (unsigned long long)c->report.bytes);
    int fd = openat(c->to, SLV_BACKUP_MANIFEST, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text, (size_t)n) == n;

    if (fd >= 0)
        ok &= close(fd) == 0;
    return ok ? SLV_OK : slv_fail_errno(c->err, SLV_E_IO, "cannot write " SLV_BACKUP_MANIFEST);
}

/* ---- where it goes ---- */

/* Everything below c->from; c->to is opened, and path_partial becomes path. */
static slv_code copy_all(copy *c, const char *partial, const char *path)
{
    slv_code code;

    c->to = open(partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->to < 0)
        return slv_fail_errno(c->err, SLV_E_IO, "cannot open %s", partial);
    code = walk(c, copy_file, copy_folder);
    if (code == SLV_OK && c->noted)
        code = write_manifest(c);
    if (code == SLV_OK && syncfs(c->to) != 0)
        code = slv_fail_errno(c->err, SLV_E_IO, "cannot sync %s", partial);
    (void)close(c->to);
    if (code == SLV_OK && rename(partial, path) != 0)
        code = slv_fail_errno(c->err, SLV_E_IO, "cannot rename %s to %s", partial, path);
    return code == SLV_OK ? slv_tree_sync_name(path, c->err) : code;
}

static slv_code make_partial(const char *to, char **ret, slv_err *err)
{
    if (access(to, F_OK) == 0 && rmdir(to) != 0)
        return slv_fail(err, SLV_E_EXISTS, "%s exists; name a directory that does not", to);
    if (asprintf(ret, "%s.partial", to) < 0)
        abort();
    SLV_TRY(slv_tree_remove(*ret, err));
    if (mkdir(*ret, 0700) != 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot make %s", *ret);
    return SLV_OK;
}

static slv_code run(copy *c, slv_state *state, const char *from, const char *to)
{
    SLV_CLEANUP(slv_charp_free) char *partial = NULL;
    slv_code code;

    SLV_TRY(make_partial(to, &partial, c->err));
    c->from = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->from < 0)
        code = slv_fail_errno(c->err, SLV_E_IO, "cannot open %s", from);
    else
        code = state ? note_logs(c, state) : SLV_OK;
    if (code == SLV_OK)
        code = copy_all(c, partial, to);
    if (c->from >= 0)
        (void)close(c->from);
    if (code != SLV_OK)
        slv_tree_remove(partial, NULL);
    slv_buf_done(&c->tree.path);
    slv_map_done(&c->logs);
    return code;
}

slv_code slv_state_backup(slv_state *state, const char *to, slv_backup_report *ret, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *from = slv_path_dir(slv_state_dir(state));
    copy c = {.tree.path = SLV_BUF(SLV_TREE_PATH_BYTES), .err = err};
    slv_code code;

    SLV_TRY(slv_state_hold(state, err));
    code = run(&c, state, from, to);
    slv_state_release(state);
    *ret = c.report;
    return code;
}

/* ---- back ---- */

slv_code slv_backup_read(const char *dir, slv_backup_report *ret, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(dir, SLV_STR(SLV_BACKUP_MANIFEST));
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(MANIFEST_MAX);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(4 * MANIFEST_MAX);
    int64_t format = 0, files = 0, bytes = 0;
    slv_node *root;

    *ret = (slv_backup_report){0};
    if (slv_file_read(path, &text, NULL) != SLV_OK)
        return slv_fail(err, SLV_E_NOTFOUND, "%s is no backup: it has no " SLV_BACKUP_MANIFEST,
                        dir);
    if (slv_json_parse(slv_buf_view(&text), SLV_JSON_STRICT, &arena, &root, err) != SLV_OK ||
        !slv_node_i64(slv_node_get(root, "format"), &format) ||
        !slv_node_i64(slv_node_get(root, "taken"), &ret->taken_ms) ||
        !slv_node_i64(slv_node_get(root, "files"), &files) ||
        !slv_node_i64(slv_node_get(root, "bytes"), &bytes))
        return slv_fail(err, SLV_E_PARSE, "%s is not what a backup says of itself", path);
    if (format != SLV_BACKUP_FORMAT)
        return slv_fail(err, SLV_E_STATE, "%s is of format %lld; this program knows %d", dir,
                        (long long)format, SLV_BACKUP_FORMAT);
    ret->files = (uint64_t)files;
    ret->bytes = (uint64_t)bytes;
    return SLV_OK;
}

slv_code slv_backup_restore(const char *from, const char *to, slv_backup_report *ret, slv_err *err)
{
    copy c = {.tree.path = SLV_BUF(SLV_TREE_PATH_BYTES), .err = err};
    slv_backup_report taken;
    slv_code code;

    SLV_TRY(slv_backup_read(from, &taken, err));
    c.report.taken_ms = taken.taken_ms;
    code = run(&c, NULL, from, to);
    *ret = c.report;
    if (code == SLV_OK && (c.report.files != taken.files || c.report.bytes != taken.bytes))
        return slv_fail(
            err, SLV_E_IO, "%s has %llu files of %llu bytes together, and should have %llu of %llu",
            from, (unsigned long long)c.report.files, (unsigned long long)c.report.bytes,
            (unsigned long long)taken.files, (unsigned long long)taken.bytes);
    return code;
}

static bool one_waits(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    bool found = false;

    while (d && !found && (e = readdir(d)) != NULL)
        found = slv_str_starts(slv_str_from(e->d_name), SLV_STR(SLV_RESTORE_READY));
    if (d)
        (void)closedir(d);
    return found;
}

static bool is_used(const char *dir, const char *id)
{
    static const char *const prefixes[] = {SLV_RESTORE_READY, SLV_STATE_REPLACED,
                                           SLV_RESTORE_FAILED};
    bool used = false;

    for (size_t i = 0; i < SLV_ARRAY_LEN(prefixes); i++) {
        SLV_CLEANUP(slv_charp_free) char *path = NULL;

        if (asprintf(&path, "%s/%s%s", dir, prefixes[i], id) < 0)
            abort();
        used = used || access(path, F_OK) == 0;
    }
    return used;
}

/* The time, and a number where that second has had one already. */
static char *new_id(const char *dir)
{
    time_t now = (time_t)(slv_clock_wall_ms() / 1000);
    struct tm tm;
    char *id = NULL;

    (void)gmtime_r(&now, &tm);
    for (unsigned n = 1; !id || is_used(dir, id); n++) {
        free(id);
        if (asprintf(&id, "%04d%02d%02d-%02d%02d%02d-%u", tm.tm_year + 1900, tm.tm_mon + 1,
                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, n) < 0)
            abort();
    }
    return id;
}

slv_code slv_backup_stage(slv_state *state, const char *from, slv_backup_report *ret, char **ret_id,
                          slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *dir = slv_path_dir(slv_state_dir(state));
    SLV_CLEANUP(slv_charp_free) char *aside = NULL;
    SLV_CLEANUP(slv_charp_free) char *made = NULL;
    SLV_CLEANUP(slv_charp_free) char *ready = NULL;
    SLV_CLEANUP(slv_charp_free) char *id = NULL;
    slv_code code;

    if (one_waits(dir))
        return slv_fail(err, SLV_E_AGAIN, "another copy takes its place already");
    SLV_TRY(slv_transfer_aside(dir, &aside, err));
    id = new_id(dir);
    if (asprintf(&made, "%s/copy", aside) < 0 ||
        asprintf(&ready, "%s/" SLV_RESTORE_READY "%s", dir, id) < 0)
        abort();
    code = slv_backup_restore(from, made, ret, err);
    if (code == SLV_OK && rename(made, ready) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "cannot rename %s to %s", made, ready);
    if (code == SLV_OK)
        code = slv_tree_sync_name(ready, err);
    slv_tree_remove(aside, NULL);
    if (code == SLV_OK)
        *ret_id = SLV_STEAL(id);
    return code;
}
