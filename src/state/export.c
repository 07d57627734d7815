/* One account of a server, as a file. docs/formats/export.md */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"
#include "fmt/json_write.h"
#include "fmt/seal.h"
#include "fmt/sum.h"
#include "fmt/tar.h"
#include "state/name.h"
#include "state/transfer_int.h"
#include "state/tree.h"

#define PIECE ((size_t)1 << 20)
#define WHOLE_MAX ((size_t)64 << 10) /* files that may be rewritten in place are no longer */
#define CATALOG "%40server/catalog"

typedef struct out {
    slv_state *state;
    const slv_export_options *o;
    slv_tree tree;
    slv_err *err;
    slv_arena arena;
    slv_account_row account;
    char *data, *v1, *folder, *aside; /* folder: the account's */
    int root;                         /* v1 */
    SLV_MAP(uint64_t) logs;           /* lengths at the moment, by path below v1 */
    slv_buf rows, sums;
    uint8_t server_key[SLV_STATE_KEY_LEN], key[SLV_SEAL_KEY], salt[SLV_SEAL_SALT];
    /* the archive */
    int fd;
    slv_buf buf;
    slv_transfer_report report;
} out;

static out *of_tree(slv_tree *t)
{
    return slv_container_of(t, out, tree);
}

static bool is_log(slv_str name)
{
    return slv_str_ends(name, SLV_STR(".sqlite-wal"));
}

/* ---- the moment ---- */

static slv_code note_log(slv_tree *t, SLV_UNUSED int dir, const char *name, const struct stat *st)
{
    if (is_log(slv_str_from(name)))
        slv_map_set(&of_tree(t)->logs, slv_buf_view(&t->path), (uint64_t)st->st_size);
    return SLV_OK;
}

static bool of_no_interest(const slv_tree *t, slv_str name)
{
    (void)t;
    return slv_str_is(name, "cache") || slv_str_ends(name, SLV_STR(".sqlite-shm"));
}

/* The path of a folder below v1, and walking it. */
static slv_code walk_below(out *o, const char *folder,
                           slv_code (*file)(slv_tree *, int, const char *, const struct stat *))
{
    o->tree.err = o->err;
    o->tree.file = file;
    o->tree.leave_out = of_no_interest;
    slv_buf_reset(&o->tree.path);
    SLV_TRY(slv_buf_append(&o->tree.path, slv_str_from(folder)));
    return slv_tree_walk(&o->tree, o->root, folder);
}

static slv_code note_logs(out *o)
{
    uint64_t began_ns = slv_clock_mono_ns();
    slv_code code;

    slv_state_freeze(o->state);
    o->report.taken_ms = slv_clock_wall_ms();
    code = walk_below(o, o->folder, note_log);
    if (code == SLV_OK)
        code = walk_below(o, CATALOG, note_log);
    slv_state_thaw(o->state);
    o->report.paused_us = (slv_clock_mono_ns() - began_ns) / 1000;
    return code;
}

/* ---- rows ---- */

static slv_code copy_to(const out *o, const char *from, const char *to, uint64_t bytes)
{
    SLV_CLEANUP(slv_charp_free) char *target = slv_path_join(o->aside, slv_str_from(to));
    int in = openat(o->root, from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int fd = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    SLV_CLEANUP(slv_free) void *piece = slv_alloc(PIECE);
    bool ok = in >= 0 && fd >= 0;
    ssize_t n = 1;

    while (ok && bytes > 0 && n > 0) {
        n = read(in, piece, (size_t)SLV_MIN(bytes, (uint64_t)PIECE));
        ok = n >= 0 && write(fd, piece, (size_t)n) == n;
        bytes -= (uint64_t)SLV_MAX(n, (ssize_t)0);
    }
    if (in >= 0)
        (void)close(in);
    if (fd >= 0)
        (void)close(fd);
    return ok ? SLV_OK : slv_fail_errno(o->err, SLV_E_IO, "cannot copy the catalog");
}

static slv_code reseal(void *arg, slv_str sealed, slv_buf *text, slv_err *err)
{
    const out *o = arg;
    SLV_CLEANUP(slv_buf_done) slv_buf plain = SLV_BUF(sealed.len);

    if (slv_unseal_text(o->server_key, sealed, &plain) != SLV_OK)
        return slv_fail(err, SLV_E_DENIED,
                        "secrets cannot be opened: the server's key is not the one that they were "
                        "sealed with");
    return slv_seal_text(o->key, slv_buf_view(&plain), text);
}

/* The catalog goes on meanwhile: a copy of it as it was is asked. */
static slv_code read_rows(out *o)
{
    const slv_catalog_reseal how = {reseal, o};
    const uint64_t *log = slv_map_get(&o->logs, SLV_STR(CATALOG "/catalog.sqlite-wal"));
    SLV_CLEANUP(slv_charp_free) char *path = slv_path_join(o->aside, SLV_STR("catalog"));
    SLV_CLEANUP(slv_catalog_free) slv_catalog *c = NULL;
    const slv_catalog_options options = {0};

    SLV_TRY(copy_to(o, CATALOG "/catalog.sqlite", "catalog.sqlite", UINT64_MAX));
    if (log)
        SLV_TRY(copy_to(o, CATALOG "/catalog.sqlite-wal", "catalog.sqlite-wal", *log));
    SLV_TRY(slv_catalog_open(path, &options, &c, o->err));
    SLV_TRY(slv_catalog_account_get(c, o->account.id, &o->arena, &o->account, o->err));
    return slv_catalog_export(c, o->account.id, &how, &o->rows, o->err);
}

/* ---- the archive ---- */

static slv_code flush(out *o)
{
    slv_str left = slv_buf_view(&o->buf);

    while (left.len > 0) {
        ssize_t n = write(o->fd, left.ptr, left.len);

        if (n <= 0)
            return slv_fail_errno(o->err, SLV_E_IO, "cannot write %s", o->o->to);
        left = slv_str_skip(left, (size_t)n);
    }
    slv_buf_reset(&o->buf);
    return SLV_OK;
}

static slv_code begin_entry(out *o, slv_str name, uint64_t size, int64_t mtime_ns)
{
    const slv_tar_entry entry = {.name = name, .size = size, .mtime_ns = mtime_ns};

    if (slv_tar_put_head(&entry, &o->buf) != SLV_OK)
        return slv_fail(o->err, SLV_E_LIMIT, "the name of %.*s is too long", SLV_STR_ARGS(name));
    return flush(o);
}

static slv_code end_entry(out *o, slv_str name, uint64_t size, slv_sum *sum)
{
    static const char zeroes[SLV_TAR_BLOCK];
    uint8_t digest[SLV_SUM_MAX];

    slv_sum_end(sum, digest);
    if (slv_transfer_put_sum(&o->sums, digest, name) != SLV_OK)
        return slv_fail(o->err, SLV_E_LIMIT, "the account has too many files");
    SLV_TRY(slv_buf_append(&o->buf, slv_str_make(zeroes, slv_tar_padding(size))));
    return flush(o);
}

static slv_code put_text(out *o, const char *name, slv_str text)
{
    SLV_CLEANUP(slv_sum_done) slv_sum sum = {0};

    slv_sum_init(&sum, SLV_SUM_SHA256);
    SLV_TRY(begin_entry(o, slv_str_from(name), text.len, o->report.taken_ms * 1000000));
    for (size_t at = 0; at < text.len; at += PIECE) {
        slv_str piece = slv_str_sub(text, at, SLV_MIN(at + PIECE, text.len));

        slv_sum_add(&sum, piece);
        SLV_TRY(slv_buf_append(&o->buf, piece));
        SLV_TRY(flush(o));
    }
    return end_entry(o, slv_str_from(name), text.len, &sum);
}

static slv_code put_head(out *o)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_TRANSFER_HEAD_MAX);
    slv_json_writer w = SLV_JSON_WRITER(&text);
    char hex[2 * 32 + 1] = "";

    slv_json_open(&w, '{');
    slv_json_put_text(&w, "what", SLV_STR(SLV_TRANSFER_WHAT));
    slv_json_put_number(&w, "format", SLV_EXPORT_FORMAT);
    slv_json_put_number(&w, "catalog", slv_catalog_format());
    slv_json_put_number(&w, "taken", o->report.taken_ms);
    slv_json_key(&w, "account");
    slv_json_open(&w, '{');
    slv_json_put_text(&w, "id", o->account.id);
    slv_json_put_text(&w, "name", o->account.name);
    slv_json_put_text(&w, "email", o->account.email);
    slv_json_put_number(&w, "created", o->account.created_ms);
    slv_json_close(&w, '}');
    slv_hex_put(slv_str_make(o->salt, sizeof o->salt), hex);
    slv_json_put_text(&w, "salt", slv_str_make(hex, 2 * sizeof o->salt));
    slv_transfer_check(o->key, hex);
    slv_json_put_text(&w, "check", slv_str_make(hex, 64));
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    SLV_TRY(slv_buf_append_byte(&text, '\n'));
    return put_text(o, SLV_TRANSFER_HEAD, slv_buf_view(&text));
}

/* ---- files ---- */

static slv_code put_sealed(out *o, slv_str name, int dir, const char *file)
{
    SLV_CLEANUP(slv_buf_done) slv_buf plain = SLV_BUF(SLV_TRANSFER_KEYS_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf sealed = SLV_BUF(2 * SLV_TRANSFER_KEYS_MAX);
    SLV_CLEANUP(slv_charp_free) char *entry = NULL;
    int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = 1;

    if (fd < 0)
        return errno == ENOENT ? SLV_OK : slv_tree_fail(&o->tree, "cannot open");
    while (n > 0 && slv_buf_reserve(&plain, 4096) == SLV_OK) {
        n = read(fd, plain.ptr + plain.len, 4096);
        plain.len += (size_t)SLV_MAX(n, (ssize_t)0);
    }
    (void)close(fd);
    if (n != 0)
        return slv_tree_fail(&o->tree, "cannot read");
    SLV_TRY(slv_seal_text(o->key, slv_buf_view(&plain), &sealed));
    if (asprintf(&entry, SLV_TRANSFER_SEALED "%.*s", SLV_STR_ARGS(name)) < 0)
        abort();
    return put_text(o, entry, slv_buf_view(&sealed));
}

static slv_code put_bytes(out *o, int in, uint64_t bytes, slv_sum *sum)
{
    while (bytes > 0) {
        SLV_TRY(slv_buf_reserve(&o->buf, PIECE));
        ssize_t n = read(in, o->buf.ptr, (size_t)SLV_MIN(bytes, (uint64_t)PIECE));

        if (n <= 0)
            return slv_tree_fail(&o->tree, n < 0 ? "cannot read" : "it became shorter:");
        slv_sum_add(sum, slv_str_make(o->buf.ptr, (size_t)n));
        o->buf.len = (size_t)n;
        bytes -= (uint64_t)n;
        SLV_TRY(flush(o));
    }
    return SLV_OK;
}

/* What is short may be written anew while we read: its length is what was read. */
static slv_code put_short(out *o, slv_str name, int in, const struct stat *st, uint64_t *ret)
{
    SLV_CLEANUP(slv_sum_done) slv_sum sum = {0};
    char text[WHOLE_MAX];
    size_t len = 0;
    ssize_t n = 1;

    while (n > 0 && len < sizeof text) {
        n = read(in, text + len, sizeof text - len);
        len += (size_t)SLV_MAX(n, (ssize_t)0);
    }
    if (n < 0)
        return slv_tree_fail(&o->tree, "cannot read");
    slv_sum_init(&sum, SLV_SUM_SHA256);
    slv_sum_add(&sum, slv_str_make(text, len));
    *ret = len;
    SLV_TRY(
        begin_entry(o, name, len, (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec));
    SLV_TRY(slv_buf_append(&o->buf, slv_str_make(text, len)));
    return end_entry(o, name, len, &sum);
}

static slv_code put_long(out *o, slv_str name, int in, const struct stat *st, uint64_t bytes)
{
    SLV_CLEANUP(slv_sum_done) slv_sum sum = {0};

    slv_sum_init(&sum, SLV_SUM_SHA256);
    SLV_TRY(begin_entry(o, name, bytes,
                        (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec));
    SLV_TRY(put_bytes(o, in, bytes, &sum));
    return end_entry(o, name, bytes, &sum);
}

static slv_code put_file(slv_tree *t, int dir, const char *name, const struct stat *st)
{
    out *o = of_tree(t);
    slv_str below = slv_str_skip(slv_buf_view(&t->path), strlen(o->folder) + 1);
    SLV_CLEANUP(slv_charp_free) char *entry = NULL;
    uint64_t bytes = (uint64_t)st->st_size;
    slv_code code;

    if (slv_transfer_is_keys(below))
        return put_sealed(o, below, dir, name);
    if (!slv_transfer_is_data(below))
        return SLV_OK;
    if (is_log(below)) {
        const uint64_t *noted = slv_map_get(&o->logs, slv_buf_view(&t->path));

        if (!noted)
            return SLV_OK; /* of a store that did not exist */
        bytes = *noted;
    }
    int in = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (in < 0)
        return errno == ENOENT ? SLV_OK : slv_tree_fail(t, "cannot open");
    if (asprintf(&entry, SLV_TRANSFER_DATA "%.*s", SLV_STR_ARGS(below)) < 0)
        abort();
    code = bytes < WHOLE_MAX && !is_log(below) && !slv_str_ends(below, SLV_STR(".sqlite"))
               ? put_short(o, slv_str_from(entry), in, st, &bytes)
               : put_long(o, slv_str_from(entry), in, st, bytes);
    (void)close(in);
    o->report.files++;
    o->report.bytes += bytes;
    return code;
}

static slv_code put_all(out *o)
{
    uint8_t mac[32];
    char hex[65];

    SLV_TRY(put_head(o));
    SLV_TRY(put_text(o, SLV_TRANSFER_ROWS, slv_buf_view(&o->rows)));
    SLV_TRY(walk_below(o, o->folder, put_file));
    slv_hmac_sha256(slv_str_make(o->key, sizeof o->key), slv_buf_view(&o->sums), mac);
    slv_hex_put(slv_str_make(mac, sizeof mac), hex);
    hex[64] = '\n';
    /* what follows is not in the sums */
    SLV_CLEANUP(slv_buf_done) slv_buf sums = o->sums;
    o->sums = SLV_BUF(SLV_TRANSFER_SUMS_MAX);
    SLV_TRY(put_text(o, SLV_TRANSFER_SUMS, slv_buf_view(&sums)));
    SLV_TRY(put_text(o, SLV_TRANSFER_MAC, slv_str_make(hex, 65)));
    SLV_TRY(slv_tar_put_end(&o->buf));
    return flush(o);
}

static slv_code write_archive(out *o)
{
    SLV_CLEANUP(slv_charp_free) char *partial = NULL;
    slv_code code;

    if (asprintf(&partial, "%s.partial", o->o->to) < 0)
        abort();
    o->fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (o->fd < 0)
        return slv_fail_errno(o->err, SLV_E_IO, "cannot make %s", partial);
    code = put_all(o);
    if (code == SLV_OK && fsync(o->fd) != 0)
        code = slv_fail_errno(o->err, SLV_E_IO, "cannot sync %s", partial);
    (void)close(o->fd);
    if (code == SLV_OK && renameat2(AT_FDCWD, partial, AT_FDCWD, o->o->to, RENAME_NOREPLACE) != 0)
        code = slv_fail_errno(o->err, errno == EEXIST ? SLV_E_EXISTS : SLV_E_IO,
                              "cannot rename %s to %s", partial, o->o->to);
    if (code == SLV_OK)
        return slv_tree_sync_name(o->o->to, o->err);
    (void)unlink(partial);
    return code;
}

/* ---- all of it ---- */

static slv_code prepare(out *o)
{
    SLV_CLEANUP(slv_buf_done) slv_buf folder = SLV_BUF(4096);

    if (access(o->o->to, F_OK) == 0)
        return slv_fail(o->err, SLV_E_EXISTS, "%s exists", o->o->to);
    SLV_TRY(slv_state_key(o->data, o->server_key, o->err));
    slv_rand_bytes(o->salt, sizeof o->salt);
    SLV_TRY(slv_seal_key_of(o->o->passphrase, o->salt, o->key));
    SLV_TRY(slv_transfer_aside(o->data, &o->aside, o->err));
    SLV_TRY(slv_name_encode(o->account.id, &folder));
    o->folder = slv_strndup(folder.ptr, folder.len);
    o->root = open(o->v1, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return o->root >= 0 ? SLV_OK : slv_fail_errno(o->err, SLV_E_IO, "%s", o->v1);
}

static slv_code run(out *o)
{
    slv_code code;

    SLV_TRY(prepare(o));
    SLV_TRY(slv_state_hold(o->state, o->err));
    code = note_logs(o);
    if (code == SLV_OK)
        code = read_rows(o);
    if (code == SLV_OK)
        code = write_archive(o);
    slv_state_release(o->state);
    return code;
}

slv_code slv_state_export(slv_state *state, const slv_export_options *options,
                          slv_transfer_report *ret, slv_err *err)
{
    out o = {.state = state,
             .o = options,
             .err = err,
             .tree.path = SLV_BUF(SLV_TREE_PATH_BYTES),
             .arena = SLV_ARENA((size_t)1 << 20),
             .v1 = slv_strdup(slv_state_dir(state)),
             .data = slv_path_dir(slv_state_dir(state)),
             .account.id = options->account,
             .root = -1,
             .rows = SLV_BUF(SLV_TRANSFER_ROWS_MAX),
             .sums = SLV_BUF(SLV_TRANSFER_SUMS_MAX),
             .buf = SLV_BUF(4 * PIECE)};
    slv_code code = run(&o);

    if (o.aside)
        slv_tree_remove(o.aside, NULL);
    if (o.root >= 0)
        (void)close(o.root);
    explicit_bzero(o.key, sizeof o.key);
    explicit_bzero(o.server_key, sizeof o.server_key);
    slv_map_done(&o.logs);
    slv_buf_done(&o.tree.path);
    slv_buf_done(&o.rows);
    slv_buf_done(&o.sums);
    slv_buf_done(&o.buf);
    slv_arena_done(&o.arena);
    free(o.v1);
    free(o.data);
    free(o.folder);
    free(o.aside);
    *ret = o.report;
    return code;
}
