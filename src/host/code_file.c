/*
 * The file, integers little-endian:
 *
 *      0  8 bytes    "SLVCODE\n"
 *      8  u32        version of the form: 1
 *     12  u32        number of parts
 *     16  u64        length of the file
 *     24  u64        length of head: header, table and strings
 *     32  32 bytes   SHA-256 of the head, in which these 32 bytes are zero
 *     64  32 bytes   SHA-256 of what follows the head
 *     96  table: for each part
 *           u8 kind, u8 type, u8 flags, u8 0
 *           u32 length of name, u32 length of note, u32 0
 *           u64 offset in the file, u64 length
 *         strings: name and note of each part, in order
 *         the bytes of the parts, each from a multiple of 16 on
 */
#include "host/code_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/rand.h"
#include "fmt/sum.h"

#define MAGIC "SLVCODE\n"
#define FORM 1u
#define HEADER ((size_t)96)
#define HEAD_SUM_AT ((size_t)32)
#define BODY_SUM_AT ((size_t)64)
#define SUM ((size_t)32)
#define ROW ((size_t)32)
#define ALIGN ((size_t)16)
#define TMP_PREFIX "tmp-"

struct slv_code_file {
    atomic_uint refs;
    slv_str text;
    bool mapped;
    slv_code_part *parts;
    size_t count;
};

/* ---- writing ---- */

static size_t aligned(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static slv_code put_head(const slv_code_part *parts, size_t count, size_t head, slv_buf *out)
{
    static const char zeroes[2 * SUM];
    size_t at = aligned(head), total = at;

    for (size_t i = 0; i < count; i++)
        total = aligned(total) + parts[i].bytes.len;
    SLV_TRY(slv_buf_append(out, SLV_STR(MAGIC)));
    SLV_TRY(slv_buf_append_u32(out, FORM));
    SLV_TRY(slv_buf_append_u32(out, (uint32_t)count));
    SLV_TRY(slv_buf_append_u64(out, total));
    SLV_TRY(slv_buf_append_u64(out, head));
    SLV_TRY(slv_buf_append(out, slv_str_make(zeroes, sizeof zeroes)));
    for (size_t i = 0; i < count; i++) {
        const slv_code_part *p = &parts[i];

        at = aligned(at);
        SLV_TRY(slv_buf_append_u8(out, (uint8_t)p->kind));
        SLV_TRY(slv_buf_append_u8(out, p->type));
        SLV_TRY(slv_buf_append_u8(out, p->flags));
        SLV_TRY(slv_buf_append_u8(out, 0));
        SLV_TRY(slv_buf_append_u32(out, (uint32_t)p->name.len));
        SLV_TRY(slv_buf_append_u32(out, (uint32_t)p->note.len));
        SLV_TRY(slv_buf_append_u32(out, 0));
        SLV_TRY(slv_buf_append_u64(out, at));
        SLV_TRY(slv_buf_append_u64(out, p->bytes.len));
        at += p->bytes.len;
    }
    for (size_t i = 0; i < count; i++) {
        SLV_TRY(slv_buf_append(out, parts[i].name));
        SLV_TRY(slv_buf_append(out, parts[i].note));
    }
    return SLV_OK;
}

static slv_code pad(slv_buf *out)
{
    while (out->len % ALIGN)
        SLV_TRY(slv_buf_append_byte(out, 0));
    return SLV_OK;
}

static void set_sums(slv_buf *out, size_t head)
{
    uint8_t sum[SLV_SUM_MAX];

    slv_sum_of(SLV_SUM_SHA256, slv_str_skip(slv_buf_view(out), head), sum);
    memcpy(out->ptr + BODY_SUM_AT, sum, SUM);
    slv_sum_of(SLV_SUM_SHA256, slv_str_sub(slv_buf_view(out), 0, head), sum);
    memcpy(out->ptr + HEAD_SUM_AT, sum, SUM);
}

slv_code slv_code_file_put(const slv_code_part *parts, size_t count, slv_buf *out, slv_err *err)
{
    size_t head = HEADER + count * ROW, start = out->len;
    slv_code code;

    SLV_ASSERT(start == 0);
    if (count > SLV_CODE_PARTS_MAX)
        return slv_fail(err, SLV_E_LIMIT, "the worker has %zu modules; %u are allowed", count,
                        SLV_CODE_PARTS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].name.len > UINT16_MAX || parts[i].note.len > UINT16_MAX)
            return slv_fail(err, SLV_E_LIMIT, "the name of a module has more than %d bytes",
                            UINT16_MAX);
        head += parts[i].name.len + parts[i].note.len;
    }
    code = put_head(parts, count, head, out);
    for (size_t i = 0; code == SLV_OK && i < count; i++) {
        code = pad(out);
        if (code == SLV_OK)
            code = slv_buf_append(out, parts[i].bytes);
    }
    if (code == SLV_OK && count == 0)
        code = pad(out);
    if (code != SLV_OK || out->len > SLV_CODE_FILE_MAX)
        return slv_fail(err, SLV_E_LIMIT, "the worker's code is too large to be kept");
    set_sums(out, head);
    return SLV_OK;
}

static slv_code folder_of(const char *state_dir, slv_str account, slv_buf *out)
{
    SLV_TRY(slv_buf_printf(out, "%s/%.*s/versions", state_dir, SLV_STR_ARGS(account)));
    return slv_buf_cstr(out) ? SLV_OK : SLV_E_NOMEM;
}

static slv_code fail_io(slv_err *err, const char *what, const char *path)
{
    return slv_fail(err, SLV_E_IO, "%s %s: %s", what, path, strerror(errno));
}

static slv_code sync_dir(const char *path, slv_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int bad = fd < 0 || fsync(fd) != 0;
    slv_code code = bad ? fail_io(err, "cannot sync", path) : SLV_OK;

    if (fd >= 0)
        (void)close(fd);
    return code;
}

/* Folder and its parent, each durable in what holds it. */
static slv_code make_folder(const char *state_dir, slv_str account, slv_buf *ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf parent = SLV_BUF(64 << 10);

    SLV_TRY(slv_buf_printf(&parent, "%s/%.*s", state_dir, SLV_STR_ARGS(account)));
    if (!slv_buf_cstr(&parent))
        return SLV_E_NOMEM;
    SLV_TRY(folder_of(state_dir, account, ret));
    if (mkdir(parent.ptr, 0700) == 0)
        SLV_TRY(sync_dir(state_dir, err));
    else if (errno != EEXIST)
        return fail_io(err, "cannot make", parent.ptr);
    if (mkdir(ret->ptr, 0700) == 0)
        SLV_TRY(sync_dir(parent.ptr, err));
    else if (errno != EEXIST)
        return fail_io(err, "cannot make", ret->ptr);
    return SLV_OK;
}

static slv_code write_all(int fd, slv_str text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return SLV_E_IO;
        text = slv_str_skip(text, (size_t)n);
    }
    return SLV_OK;
}

slv_code slv_code_file_write(const char *state_dir, slv_str account, slv_str text,
                             char ret_name[SLV_CODE_NAME + 1], slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf folder = SLV_BUF(64 << 10);
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(64 << 10);
    SLV_CLEANUP(slv_buf_done) slv_buf tmp = SLV_BUF(64 << 10);
    uint8_t sum[SLV_SUM_MAX];
    struct stat st;

    slv_sum_of(SLV_SUM_SHA256, text, sum);
    slv_hex_put(slv_str_make((const char *)sum, SUM), ret_name);
    ret_name[SLV_CODE_NAME] = '\0';
    SLV_TRY(make_folder(state_dir, account, &folder, err));
    SLV_TRY(slv_buf_printf(&path, "%s/%s", folder.ptr, ret_name));
    SLV_TRY(slv_buf_printf(&tmp, "%s/" TMP_PREFIX "%016llx", folder.ptr,
                           (unsigned long long)slv_rand_u64()));
    if (!slv_buf_cstr(&path) || !slv_buf_cstr(&tmp))
        return SLV_E_NOMEM;
    if (stat(path.ptr, &st) == 0 && (size_t)st.st_size == text.len) {
        (void)utimensat(AT_FDCWD, path.ptr, NULL, 0); /* not to be swept before it is named */
        return sync_dir(folder.ptr, err);
    }
    int fd = open(tmp.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_io(err, "cannot make", tmp.ptr);
    bool bad = write_all(fd, text) != SLV_OK || fsync(fd) != 0;
    bad = close(fd) != 0 || bad;
    if (bad || rename(tmp.ptr, path.ptr) != 0) {
        slv_code code = fail_io(err, "cannot write", tmp.ptr);

        (void)unlink(tmp.ptr);
        return code;
    }
    return sync_dir(folder.ptr, err);
}

/* ---- reading ---- */

static slv_code damaged(slv_err *err)
{
    return slv_fail(err, SLV_E_PARSE, "the code file of the version is damaged");
}

static bool sum_is(slv_str head, slv_str rest, const char *expected)
{
    static const char zeroes[SUM];
    uint8_t sum[SLV_SUM_MAX];
    slv_sum s;

    slv_sum_init(&s, SLV_SUM_SHA256);
    if (head.len > 0) { /* with its own sum as zeroes */
        slv_sum_add(&s, slv_str_sub(head, 0, HEAD_SUM_AT));
        slv_sum_add(&s, slv_str_make(zeroes, SUM));
        slv_sum_add(&s, slv_str_skip(head, HEAD_SUM_AT + SUM));
    }
    slv_sum_add(&s, rest);
    slv_sum_end(&s, sum);
    return memcmp(sum, expected, SUM) == 0;
}

static bool part_ok(const slv_code_part *p, size_t i)
{
    switch (p->kind) {
    case SLV_CODE_SCRIPT:
        return i == 0 && p->flags <= SLV_CODE_SERVICE_WORKER;
    case SLV_CODE_MAP:
        return i == 1 && p->flags == 0;
    case SLV_CODE_MODULE:
        return i > 0 && p->type <= SLV_MODULE_JSON && p->flags == 0;
    case SLV_CODE_UPLOAD:
        return p->flags == 0;
    }
    return false;
}

static slv_code read_table(slv_code_file *f, size_t head, slv_err *err)
{
    slv_reader rows = slv_reader_make(slv_str_sub(f->text, HEADER, HEADER + f->count * ROW));
    slv_reader names = slv_reader_make(slv_str_sub(f->text, HEADER + f->count * ROW, head));
    uint64_t end = head;

    for (size_t i = 0; i < f->count; i++) {
        slv_code_part *p = &f->parts[i];

        p->kind = (slv_code_kind)slv_read_u8(&rows);
        p->type = slv_read_u8(&rows);
        p->flags = slv_read_u8(&rows);
        uint8_t zero = slv_read_u8(&rows);
        uint32_t name = slv_read_u32(&rows), note = slv_read_u32(&rows);
        uint32_t zero2 = slv_read_u32(&rows);
        uint64_t at = slv_read_u64(&rows), len = slv_read_u64(&rows);

        p->name = slv_read_bytes(&names, name);
        p->note = slv_read_bytes(&names, note);
        if (rows.bad || names.bad || zero || zero2 || !part_ok(p, i) || at < end ||
            at > f->text.len || len > f->text.len - at)
            return damaged(err);
        p->bytes = slv_str_sub(f->text, (size_t)at, (size_t)(at + len));
        end = at + len;
    }
    return names.rest.len == 0 ? SLV_OK : damaged(err);
}

static slv_code check(slv_code_file *f, bool verify, slv_err *err)
{
    slv_reader r = slv_reader_make(f->text);
    slv_str magic = slv_read_bytes(&r, sizeof MAGIC - 1);
    uint32_t form = slv_read_u32(&r), count = slv_read_u32(&r);
    uint64_t total = slv_read_u64(&r), head = slv_read_u64(&r);

    if (f->text.len < HEADER || !slv_str_is(magic, MAGIC))
        return damaged(err);
    if (form != FORM)
        return slv_fail(err, SLV_E_UNSUPPORTED,
                        "the code file has form %u; this program knows form %u", form, FORM);
    if (total != f->text.len || count > SLV_CODE_PARTS_MAX || head > f->text.len ||
        head < HEADER + count * ROW ||
        !sum_is(slv_str_sub(f->text, 0, (size_t)head), SLV_STR_NULL, f->text.ptr + HEAD_SUM_AT))
        return damaged(err);
    if (verify &&
        !sum_is(SLV_STR_NULL, slv_str_skip(f->text, (size_t)head), f->text.ptr + BODY_SUM_AT))
        return damaged(err);
    f->count = count;
    f->parts = slv_alloc0((count + 1) * sizeof *f->parts);
    return read_table(f, (size_t)head, err);
}

slv_code slv_code_file_parse(slv_str text, bool verify, slv_code_file **ret, slv_err *err)
{
    SLV_CLEANUP(slv_code_file_unref) slv_code_file *f = slv_new0(slv_code_file);

    atomic_init(&f->refs, 1);
    f->text = text;
    SLV_TRY(check(f, verify, err));
    *ret = SLV_STEAL(f);
    return SLV_OK;
}

static bool name_ok(slv_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (slv_hex_value(name.ptr[i]) < 0)
            return false;
    }
    return name.len == SLV_CODE_NAME;
}

slv_code slv_code_file_open(const char *state_dir, slv_str account, slv_str name, bool verify,
                            slv_code_file **ret, slv_err *err)
{
    SLV_CLEANUP(slv_code_file_unref) slv_code_file *f = slv_new0(slv_code_file);
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(64 << 10);
    struct stat st;

    atomic_init(&f->refs, 1);
    if (!name_ok(name))
        return slv_fail(err, SLV_E_NOTFOUND, "'%.*s' is no name of a code file",
                        SLV_STR_ARGS(name));
    SLV_TRY(folder_of(state_dir, account, &path));
    SLV_TRY(slv_buf_printf(&path, "/%.*s", SLV_STR_ARGS(name)));
    if (!slv_buf_cstr(&path))
        return SLV_E_NOMEM;
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return slv_fail(err, errno == ENOENT ? SLV_E_NOTFOUND : SLV_E_IO,
                        "cannot open the code file %s: %s", path.ptr, strerror(errno));
    if (fstat(fd, &st) != 0 || st.st_size < (off_t)HEADER ||
        (uint64_t)st.st_size > SLV_CODE_FILE_MAX) {
        (void)close(fd);
        return damaged(err);
    }
    void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    (void)close(fd);
    if (at == MAP_FAILED)
        return fail_io(err, "cannot map", path.ptr);
    f->mapped = true;
    f->text = slv_str_make(at, (size_t)st.st_size);
    SLV_TRY(check(f, verify, err));
    *ret = SLV_STEAL(f);
    return SLV_OK;
}

slv_code_file *slv_code_file_ref(slv_code_file *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

slv_code_file *slv_code_file_unref(slv_code_file *f)
{
    if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
        return NULL;
    if (f->mapped)
        (void)munmap((void *)(uintptr_t)f->text.ptr, f->text.len);
    free(f->parts);
    free(f);
    return NULL;
}

size_t slv_code_file_count(const slv_code_file *f)
{
    return f->count;
}

const slv_code_part *slv_code_file_part(const slv_code_file *f, size_t i)
{
    SLV_ASSERT(i < f->count);
    return &f->parts[i];
}

const slv_code_part *slv_code_file_first(const slv_code_file *f, slv_code_kind kind)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->parts[i].kind == kind)
            return &f->parts[i];
    }
    return NULL;
}

void slv_code_file_cool(slv_code_file *f)
{
    if (f->mapped)
        (void)madvise((void *)(uintptr_t)f->text.ptr, f->text.len, MADV_DONTNEED);
}

/* ---- sweeping ---- */

slv_code slv_code_file_sweep(const char *state_dir, slv_str account, int64_t before_ms,
                             bool (*named)(void *arg, slv_str name), void *arg, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf folder = SLV_BUF(64 << 10);
    struct dirent *e;
    DIR *dir;

    SLV_TRY(folder_of(state_dir, account, &folder));
    dir = opendir(folder.ptr);
    if (!dir)
        return errno == ENOENT ? SLV_OK : fail_io(err, "cannot read", folder.ptr);
    while ((e = readdir(dir)) != NULL) {
        slv_str name = slv_str_from(e->d_name);
        struct stat st;

        if (!name_ok(name) && !slv_str_starts(name, SLV_STR(TMP_PREFIX)))
            continue;
        if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            (int64_t)st.st_mtim.tv_sec * 1000 >= before_ms || (name_ok(name) && named(arg, name)))
            continue;
        (void)unlinkat(dirfd(dir), e->d_name, 0);
    }
    (void)closedir(dir);
    return SLV_OK;
}
