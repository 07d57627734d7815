/* One account of a server, from a file. docs/formats/export.md */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "fmt/json.h"
#include "fmt/seal.h"
#include "fmt/sum.h"
#include "fmt/tar.h"
#include "state/name.h"
#include "state/transfer_int.h"
#include "state/tree.h"

#define PIECE ((size_t)1 << 20)
#define MARK ".import" /* in a folder whose account is not in the catalog yet */
#define SQLITE_MAGIC SLV_STR("SQLite format 3")

typedef enum part {
    PART_NONE,
    PART_HEAD,
    PART_ROWS,
    PART_KEYS,
    PART_DATA,
    PART_SUMS,
    PART_MAC,
} part;

struct slv_import {
    slv_state *state;
    char *from, *data, *aside, *place; /* place: where it lies now, once it is put there */
    slv_import_head head;
    slv_arena arena;
    slv_buf head_text, rows, keys, sums, mac;
    uint8_t server_key[SLV_STATE_KEY_LEN], key[SLV_SEAL_KEY];
    slv_str passphrase;
    bool opened, without_keys, kept;
    slv_transfer_report report;
    /* reading */
    slv_tar_reader tar;
    part at;      /* what is being read */
    part last;    /* what was read before */
    char *name;   /* of the entry */
    int root, fd; /* aside; the file */
    uint64_t size, got;
    uint8_t magic[16];
    int64_t mtime_ns;
    slv_sum sum;
};

/* ---- the beginning ---- */

static slv_code take_head(slv_import *m, slv_err *err)
{
    const slv_node *account, *what;
    uint8_t salt[SLV_SEAL_SALT];
    int64_t format = 0, catalog = 0;
    slv_node *root = NULL;
    char check[65];

    if (slv_json_parse(slv_buf_view(&m->head_text), SLV_JSON_STRICT, &m->arena, &root, err) !=
        SLV_OK)
        return SLV_E_PARSE;
    what = slv_node_get(root, "what");
    if (!slv_str_is(slv_node_str(what), SLV_TRANSFER_WHAT) ||
        !slv_node_i64(slv_node_get(root, "format"), &format) ||
        !slv_node_i64(slv_node_get(root, "catalog"), &catalog))
        return slv_fail(err, SLV_E_PARSE, "it is not an export");
    if (format != SLV_EXPORT_FORMAT || catalog > (int64_t)slv_catalog_format())
        return slv_fail(err, SLV_E_STATE,
                        "it is of a newer selvage (format %lld.%lld; this one "
                        "knows %d.%u)",
                        (long long)format, (long long)catalog, SLV_EXPORT_FORMAT,
                        slv_catalog_format());
    account = slv_node_get(root, "account");
    m->head.account = (slv_account_row){.id = slv_node_str(slv_node_get(account, "id")),
                                        .name = slv_node_str(slv_node_get(account, "name")),
                                        .email = slv_node_str(slv_node_get(account, "email"))};
    if (!slv_catalog_account_id_ok(m->head.account.id) ||
        !slv_node_i64(slv_node_get(account, "created"), &m->head.account.created_ms) ||
        !slv_node_i64(slv_node_get(root, "taken"), &m->head.taken_ms) ||
        !slv_hex_get(slv_node_str(slv_node_get(root, "salt")), salt, sizeof salt))
        return slv_fail(err, SLV_E_PARSE, "it does not say which account it is of");
    SLV_TRY(slv_seal_key_of(m->passphrase, salt, m->key));
    slv_transfer_check(m->key, check);
    if (!slv_secret_eq(slv_node_str(slv_node_get(root, "check")), slv_str_from(check)))
        return slv_fail(err, SLV_E_DENIED, "the passphrase is not the one that it was made with");
    m->opened = true;
    return SLV_OK;
}

/* ---- entries ---- */

static part part_of(slv_str name)
{
    static const struct {
        const char *name;
        part at;
    } names[] = {{SLV_TRANSFER_HEAD, PART_HEAD},
                 {SLV_TRANSFER_ROWS, PART_ROWS},
                 {SLV_TRANSFER_SUMS, PART_SUMS},
                 {SLV_TRANSFER_MAC, PART_MAC}};

    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++)
        if (slv_str_is(name, names[i].name))
            return names[i].at;
    if (slv_str_starts(name, SLV_STR(SLV_TRANSFER_SEALED)) &&
        slv_transfer_is_keys(slv_str_skip(name, strlen(SLV_TRANSFER_SEALED))))
        return PART_KEYS;
    if (slv_str_starts(name, SLV_STR(SLV_TRANSFER_DATA)) &&
        slv_transfer_is_data(slv_str_skip(name, strlen(SLV_TRANSFER_DATA))))
        return PART_DATA;
    return PART_NONE;
}

static bool may_follow(part before, part at)
{
    switch (at) {
    case PART_HEAD:
        return before == PART_NONE;
    case PART_ROWS:
        return before == PART_HEAD;
    case PART_KEYS:
    case PART_DATA:
    case PART_SUMS:
        return before == PART_ROWS || before == PART_KEYS || before == PART_DATA;
    case PART_MAC:
        return before == PART_SUMS;
    case PART_NONE:
    default:
        return false;
    }
}

static slv_buf *text_of(slv_import *m)
{
    switch (m->at) {
    case PART_HEAD:
        return &m->head_text;
    case PART_ROWS:
        return &m->rows;
    case PART_KEYS:
        return &m->keys;
    case PART_MAC:
        return &m->mac;
    case PART_NONE:
    case PART_DATA:
    case PART_SUMS:
    default:
        return NULL;
    }
}

/* Folders above a file, one after the other. */
static slv_code make_folders(const slv_import *m, char *path, slv_err *err)
{
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        bool ok;

        *slash = 0;
        ok = mkdirat(m->root, path, 0700) == 0 || errno == EEXIST;
        *slash = '/';
        if (!ok)
            return slv_fail_errno(err, SLV_E_IO, "cannot make the folder of '%s'", m->name);
    }
    return SLV_OK;
}

/* Below a folder of our own, in which no link is ever made. */
static slv_code make_file(slv_import *m, const char *below, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *path = slv_strdup(below);

    SLV_TRY(make_folders(m, path, err));
    m->fd = openat(m->root, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (m->fd >= 0)
        return SLV_OK;
    if (errno == EEXIST || errno == EISDIR || errno == ENOTDIR)
        return slv_fail(err, SLV_E_PARSE, "the entry '%s' is there twice", m->name);
    return slv_fail_errno(err, SLV_E_IO, "cannot make the file of '%s'", m->name);
}

static slv_code on_begin(void *arg, const slv_tar_entry *entry, slv_err *err)
{
    slv_import *m = arg;

    free(m->name);
    m->name = slv_strndup(entry->name.ptr, entry->name.len);
    m->at = part_of(entry->name);
    if (m->at == PART_NONE || !may_follow(m->last, m->at))
        return m->last == PART_NONE
                   ? slv_fail(err, SLV_E_PARSE, "it is not an export: it begins with '%s'", m->name)
                   : slv_fail(err, SLV_E_PARSE, "the entry '%s' does not belong there", m->name);
    m->size = entry->size;
    m->mtime_ns = entry->mtime_ns;
    m->got = 0;
    slv_sum_init(&m->sum, SLV_SUM_SHA256);
    if (m->at == PART_DATA)
        return make_file(m, m->name + strlen(SLV_TRANSFER_DATA), err);
    if (m->at == PART_SUMS && entry->size != m->sums.len)
        return slv_fail(err, SLV_E_PARSE,
                        "'%s' is not of these entries: some are missing, or too "
                        "many",
                        m->name);
    if (text_of(m)) {
        slv_buf_reset(text_of(m));
        if (entry->size > text_of(m)->limit)
            return slv_fail(err, SLV_E_PARSE, "the entry '%s' has %llu bytes", m->name,
                            (unsigned long long)entry->size);
    }
    return SLV_OK;
}

/* Our own sums have a line for each entry that was read: where they differ stands which it is. */
static slv_code compare_sums(const slv_import *m, slv_str bytes, slv_err *err)
{
    slv_str ours = slv_buf_view(&m->sums);
    size_t at = (size_t)m->got, line, end;

    if (slv_str_eq(slv_str_sub(ours, at, at + bytes.len), bytes))
        return SLV_OK;
    for (size_t i = 0; i < bytes.len && bytes.ptr[i] == ours.ptr[at]; i++)
        at++;
    line = slv_str_rchr(slv_str_sub(ours, 0, at), '\n');
    line = line == SIZE_MAX ? 0 : line + 1;
    end = slv_str_chr(ours, '\n', line);
    return slv_fail(err, SLV_E_PARSE, "the entry '%.*s' is damaged",
                    SLV_STR_ARGS(slv_str_sub(ours, SLV_MIN(line + 66, end), end)));
}

static slv_code on_data(void *arg, slv_str bytes, slv_err *err)
{
    slv_import *m = arg;

    if (m->at == PART_SUMS)
        SLV_TRY(compare_sums(m, bytes, err));
    if (m->got < sizeof m->magic)
        memcpy(m->magic + m->got, bytes.ptr, SLV_MIN(bytes.len, sizeof m->magic - (size_t)m->got));
    m->got += bytes.len;
    slv_sum_add(&m->sum, bytes);
    if (text_of(m))
        return slv_buf_append(text_of(m), bytes);
    while (m->at == PART_DATA && bytes.len > 0) {
        ssize_t n = write(m->fd, bytes.ptr, bytes.len);

        if (n <= 0)
            return slv_fail_errno(err, SLV_E_IO, "cannot write the file of '%s'", m->name);
        bytes = slv_str_skip(bytes, (size_t)n);
    }
    return SLV_OK;
}

/* Times matter to archives of databases, which know their file by it. */
static slv_code end_file(slv_import *m, slv_err *err)
{
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = m->mtime_ns / 1000000000, .tv_nsec = m->mtime_ns % 1000000000}};
    bool ok = futimens(m->fd, times) == 0;

    ok &= close(m->fd) == 0;
    m->fd = -1;
    if (!ok)
        return slv_fail_errno(err, SLV_E_IO, "cannot write the file of '%s'", m->name);
    if (m->got > 0 && slv_str_ends(slv_str_from(m->name), SLV_STR(".sqlite")) &&
        !slv_str_eq(slv_str_make(m->magic, 15), SQLITE_MAGIC))
        return slv_fail(err, SLV_E_PARSE, "the entry '%s' is no database", m->name);
    m->report.files++;
    m->report.bytes += m->got;
    return SLV_OK;
}

static slv_code end_keys(slv_import *m, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf plain = SLV_BUF(SLV_TRANSFER_KEYS_MAX);
    slv_code code;

    if (m->without_keys)
        return SLV_OK;
    if (slv_unseal_text(m->key, slv_buf_view(&m->keys), &plain) != SLV_OK)
        return slv_fail(err, SLV_E_DENIED, "the entry '%s' is damaged", m->name);
    code = make_file(m, m->name + strlen(SLV_TRANSFER_SEALED), err);
    if (code == SLV_OK && write(m->fd, plain.ptr, plain.len) != (ssize_t)plain.len)
        code = slv_fail_errno(err, SLV_E_IO, "cannot write the file of '%s'", m->name);
    if (m->fd >= 0)
        (void)close(m->fd);
    m->fd = -1;
    explicit_bzero(plain.ptr, plain.len);
    return code;
}

static slv_code end_mac(const slv_import *m, slv_err *err)
{
    uint8_t mac[32];
    char hex[65];

    slv_hmac_sha256(slv_str_make(m->key, sizeof m->key), slv_buf_view(&m->sums), mac);
    slv_hex_put(slv_str_make(mac, sizeof mac), hex);
    hex[64] = '\n';
    if (!slv_secret_eq(slv_buf_view(&m->mac), slv_str_make(hex, sizeof hex)))
        return slv_fail(err, SLV_E_DENIED,
                        "the signature does not hold: something was changed "
                        "after it was made");
    return SLV_OK;
}

static slv_code on_end(void *arg, slv_err *err)
{
    slv_import *m = arg;
    uint8_t digest[SLV_SUM_MAX];

    slv_sum_end(&m->sum, digest);
    if (m->at != PART_SUMS && m->at != PART_MAC &&
        slv_transfer_put_sum(&m->sums, digest, slv_str_from(m->name)) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "it has too many entries");
    m->last = m->at;
    switch (m->at) {
    case PART_HEAD:
        return m->opened ? SLV_OK : take_head(m, err);
    case PART_KEYS:
        return end_keys(m, err);
    case PART_DATA:
        return end_file(m, err);
    case PART_MAC:
        return end_mac(m, err);
    case PART_NONE:
    case PART_ROWS:
    case PART_SUMS:
    default:
        return SLV_OK;
    }
}

static const slv_tar_ops ops = {on_begin, on_data, on_end};

/* Up to the end, or up to the end of the head. */
static slv_code read_archive(slv_import *m, bool head_only, slv_err *err)
{
    SLV_CLEANUP(slv_free) void *piece = slv_alloc(PIECE);
    int in = open(m->from, O_RDONLY | O_CLOEXEC);
    slv_err why = {0};
    slv_code code = SLV_OK;
    ssize_t n = 1;

    if (in < 0)
        return slv_fail_errno(err, errno == ENOENT ? SLV_E_NOTFOUND : SLV_E_IO, "cannot open %s",
                              m->from);
    m->at = m->last = PART_NONE;
    m->sums.len = 0;
    slv_tar_reader_init(&m->tar, &ops, m);
    while (code == SLV_OK && n > 0 && !(head_only && m->last == PART_HEAD)) {
        n = read(in, piece, head_only ? SLV_TAR_BLOCK : PIECE);
        if (n < 0)
            code = slv_fail_errno(&why, SLV_E_IO, "cannot read it");
        else if (n > 0)
            code = slv_tar_reader_add(&m->tar, slv_str_make(piece, (size_t)n), &why);
    }
    if (code == SLV_OK && m->last != (head_only ? PART_HEAD : PART_MAC))
        code = slv_tar_reader_end(&m->tar, &why);
    if (code == SLV_OK && m->last != (head_only ? PART_HEAD : PART_MAC))
        code = slv_fail(&why, SLV_E_PARSE, "it ends without a signature");
    slv_tar_reader_done(&m->tar);
    slv_sum_done(&m->sum);
    (void)close(in);
    return code == SLV_OK ? code : slv_fail(err, code, "%s: %s", m->from, slv_err_text(&why));
}

/* ---- its life ---- */

slv_code slv_import_open(slv_state *state, const char *from, slv_str passphrase, slv_import **ret,
                         slv_err *err)
{
    SLV_CLEANUP(slv_import_free) slv_import *m = slv_new0(slv_import);

    m->state = state;
    m->from = slv_strdup(from);
    m->data = slv_path_dir(slv_state_dir(state));
    m->root = m->fd = -1;
    m->arena = SLV_ARENA((size_t)1 << 20);
    m->head_text = SLV_BUF(SLV_TRANSFER_HEAD_MAX);
    m->rows = SLV_BUF(SLV_TRANSFER_ROWS_MAX);
    m->keys = SLV_BUF(2 * SLV_TRANSFER_KEYS_MAX);
    m->sums = SLV_BUF(SLV_TRANSFER_SUMS_MAX);
    m->mac = SLV_BUF(128);
    m->passphrase = passphrase;
    SLV_TRY(slv_state_key(m->data, m->server_key, err));
    SLV_TRY(read_archive(m, true, err));
    m->passphrase = SLV_STR_NULL; /* the caller's */
    *ret = SLV_STEAL(m);
    return SLV_OK;
}

slv_import *slv_import_free(slv_import *m)
{
    if (!m)
        return NULL;
    if (m->place && !m->kept)
        slv_tree_remove(m->place, NULL);
    if (m->aside)
        slv_tree_remove(m->aside, NULL);
    if (m->root >= 0)
        (void)close(m->root);
    if (m->fd >= 0)
        (void)close(m->fd);
    explicit_bzero(m->key, sizeof m->key);
    explicit_bzero(m->server_key, sizeof m->server_key);
    slv_buf_done(&m->head_text);
    slv_buf_done(&m->rows);
    slv_buf_done(&m->keys);
    slv_buf_done(&m->sums);
    slv_buf_done(&m->mac);
    slv_arena_done(&m->arena);
    free(m->from);
    free(m->data);
    free(m->aside);
    free(m->place);
    free(m->name);
    free(m);
    return NULL;
}

const slv_import_head *slv_import_head_of(const slv_import *m)
{
    return &m->head;
}

void slv_import_without_keys(slv_import *m)
{
    m->without_keys = true;
}

slv_str slv_import_rows(const slv_import *m)
{
    return slv_buf_view(&m->rows);
}

const slv_transfer_report *slv_import_report(const slv_import *m)
{
    return &m->report;
}

static slv_code reseal(void *arg, slv_str sealed, slv_buf *text, slv_err *err)
{
    const slv_import *m = arg;
    SLV_CLEANUP(slv_buf_done) slv_buf plain = SLV_BUF(sealed.len);

    if (slv_unseal_text(m->key, sealed, &plain) != SLV_OK)
        return slv_fail(err, SLV_E_DENIED, "a sealed value is damaged");
    return slv_seal_text(m->server_key, slv_buf_view(&plain), text);
}

slv_catalog_reseal slv_import_reseal(slv_import *m)
{
    return (slv_catalog_reseal){reseal, m};
}

/* ---- aside, and in place ---- */

slv_code slv_import_read(slv_import *m, slv_err *err)
{
    int fd;

    SLV_TRY(slv_transfer_aside(m->data, &m->aside, err));
    m->root = open(m->aside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m->root < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", m->aside);
    SLV_TRY(read_archive(m, false, err));
    fd = openat(m->root, MARK, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || close(fd) != 0 || syncfs(m->root) != 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot sync %s", m->aside);
    return SLV_OK;
}

static slv_code folder_of(const slv_import *m, slv_str account, char **ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(4096);

    SLV_TRY(slv_name_encode(account, &name));
    if (asprintf(ret, "%s/%.*s", slv_state_dir(m->state), SLV_STR_ARGS(slv_buf_view(&name))) < 0)
        abort();
    return SLV_OK;
}

slv_code slv_import_place(slv_import *m, slv_str account, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *place = NULL;

    SLV_ASSERT(m->aside && !m->place);
    SLV_TRY(folder_of(m, account, &place));
    slv_state_revive_tenant(m->state, account);
    (void)rmdir(place); /* of an account that never stored anything */
    if (renameat2(AT_FDCWD, m->aside, AT_FDCWD, place, RENAME_NOREPLACE) != 0)
        return errno == EEXIST
                   ? slv_fail(err, SLV_E_EXISTS, "%s is there, without an account: move it away",
                              place)
                   : slv_fail_errno(err, SLV_E_IO, "cannot rename %s to %s", m->aside, place);
    free(m->aside);
    m->aside = NULL;
    m->place = SLV_STEAL(place);
    return slv_tree_sync_name(m->place, err);
}

void slv_import_keep(slv_import *m)
{
    SLV_CLEANUP(slv_charp_free) char *mark = slv_path_join(m->place, SLV_STR(MARK));

    m->kept = true;
    (void)unlink(mark); /* else the next start does */
}

slv_code slv_import_settle(slv_state *state, bool (*known)(void *arg, slv_str account), void *arg,
                           slv_err *err)
{
    const char *v1 = slv_state_dir(state);
    DIR *dir = opendir(v1);
    const struct dirent *e;
    slv_code code = SLV_OK;

    if (!dir)
        return slv_fail_errno(err, SLV_E_IO, "%s", v1);
    while (code == SLV_OK && (e = readdir(dir)) != NULL) {
        SLV_CLEANUP(slv_buf_done) slv_buf account = SLV_BUF(1024);
        SLV_CLEANUP(slv_charp_free) char *mark = NULL;
        SLV_CLEANUP(slv_charp_free) char *folder = slv_path_join(v1, slv_str_from(e->d_name));

        if (asprintf(&mark, "%s/" MARK, folder) < 0)
            abort();
        if (e->d_name[0] == '.' || access(mark, F_OK) != 0 ||
            slv_name_decode(slv_str_from(e->d_name), &account) != SLV_OK)
            continue;
        if (known(arg, slv_buf_view(&account))) {
            (void)unlink(mark);
        } else {
            slv_log(SLV_LOG_WARN, "an import of the account %.*s was cut short: what it left goes",
                    SLV_STR_ARGS(slv_buf_view(&account)));
            code = slv_tree_remove(folder, err);
        }
    }
    (void)closedir(dir);
    return code;
}
