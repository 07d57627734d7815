/* Static files on their way to the disk: hashed and decoded as they come, durable together. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/vec.h"
#include "fmt/base64.h"
#include "fmt/blake3.h"
#include "fmt/sum.h"
#include "host/asset_store_int.h"

/* From so many files on, the file system as a whole is synced instead of each. */
#define SYNC_ALL_FROM 16
#define PIECE ((size_t)64 << 10) /* decoded together; a multiple of 4 */

typedef struct entry {
    char hash[SLV_ASSET_HASH + 1];
    char tmp[SLV_ASSET_TMP_NAME];
    slv_blake3 sum; /* of the base64 text */
} entry;

struct slv_asset_batch {
    slv_asset_store *store;
    char *account;
    int dir; /* of the account's files */
    char *path;
    SLV_VEC(entry) entries;
    /* the file under way */
    int fd;
    char tmp[SLV_ASSET_TMP_NAME];
    slv_blake3 sum;
    uint64_t size;
    char quad[4]; /* characters that do not make a group yet */
    uint8_t quad_len;
    bool padded; /* nothing may follow */
    slv_buf plain;
};

slv_code slv_asset_batch_new(slv_asset_store *s, slv_str account, slv_asset_batch **ret,
                             slv_err *err)
{
    SLV_CLEANUP(slv_asset_batch_free) slv_asset_batch *b = slv_new0(slv_asset_batch);

    b->store = s;
    b->account = slv_strndup(account.ptr, account.len);
    b->fd = -1;
    b->plain = SLV_BUF(PIECE);
    b->dir = -1;
    SLV_TRY(slv_asset_dir_open(s, account, true, &b->dir, &b->path, err));
    *ret = SLV_STEAL(b);
    return SLV_OK;
}

static void drop_current(slv_asset_batch *b)
{
    if (b->fd < 0)
        return;
    (void)close(b->fd);
    (void)unlinkat(b->dir, b->tmp, 0);
    b->fd = -1;
}

slv_asset_batch *slv_asset_batch_free(slv_asset_batch *b)
{
    if (!b)
        return NULL;
    drop_current(b);
    for (size_t i = 0; i < b->entries.len; i++)
        if (b->entries.items[i].tmp[0])
            (void)unlinkat(b->dir, b->entries.items[i].tmp, 0);
    slv_vec_done(&b->entries);
    slv_buf_done(&b->plain);
    if (b->dir >= 0)
        (void)close(b->dir);
    free(b->path);
    free(b->account);
    free(b);
    return NULL;
}

static slv_code io(const slv_asset_batch *b, const char *name, slv_err *err)
{
    return slv_fail_errno(err, SLV_E_IO, "%s/%s", b->path, name);
}

slv_code slv_asset_begin(slv_asset_batch *b, slv_err *err)
{
    drop_current(b);
    (void)snprintf(b->tmp, sizeof b->tmp, SLV_ASSET_TMP "/%016llx%016llx",
                   (unsigned long long)slv_rand_u64(), (unsigned long long)slv_rand_u64());
    b->fd = openat(b->dir, b->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (b->fd < 0)
        return io(b, b->tmp, err);
    slv_blake3_init(&b->sum);
    b->size = b->quad_len = 0;
    b->padded = false;
    return SLV_OK;
}

static slv_code put(slv_asset_batch *b, slv_str bytes, slv_err *err)
{
    b->size += bytes.len;
    if (b->size > SLV_ASSETS_FILE_MAX)
        return slv_fail(err, SLV_E_LIMIT, "a file has more than %llu MiB",
                        (unsigned long long)(SLV_ASSETS_FILE_MAX >> 20));
    while (bytes.len > 0) {
        ssize_t n = write(b->fd, bytes.ptr, bytes.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io(b, b->tmp, err);
        bytes = slv_str_skip(bytes, (size_t)n);
    }
    return SLV_OK;
}

/* text: whole groups. */
static slv_code decode(slv_asset_batch *b, slv_str text, slv_err *err)
{
    if (text.len == 0)
        return SLV_OK;
    slv_buf_reset(&b->plain);
    if (b->padded || slv_base64_decode(text, SLV_BASE64_STD, &b->plain) != SLV_OK)
        return slv_fail(err, SLV_E_PARSE, "a file's content is no base64");
    b->padded = text.ptr[text.len - 1] == '=';
    return put(b, slv_buf_view(&b->plain), err);
}

slv_code slv_asset_text(slv_asset_batch *b, slv_str base64, slv_err *err)
{
    slv_blake3_add(&b->sum, base64);
    while (b->quad_len > 0 && b->quad_len < 4 && base64.len > 0) {
        b->quad[b->quad_len++] = base64.ptr[0];
        base64 = slv_str_skip(base64, 1);
    }
    if (b->quad_len == 4) {
        b->quad_len = 0;
        SLV_TRY(decode(b, slv_str_make(b->quad, 4), err));
    }
    while (base64.len >= 4) {
        size_t n = base64.len < PIECE ? base64.len & ~(size_t)3 : PIECE;

        SLV_TRY(decode(b, slv_str_sub(base64, 0, n), err));
        base64 = slv_str_skip(base64, n);
    }
    if (base64.len > 0) {
        memcpy(b->quad, base64.ptr, base64.len);
        b->quad_len = (uint8_t)base64.len;
    }
    return SLV_OK;
}

slv_code slv_asset_end(slv_asset_batch *b, slv_str hash, uint64_t *ret_size, slv_err *err)
{
    entry e = {.sum = b->sum};
    int fd = b->fd;

    if (b->quad_len > 0)
        return slv_fail(err, SLV_E_PARSE, "a file's content is no base64");
    if (!slv_assets_hash_valid(hash))
        return slv_fail(err, SLV_E_INVAL, "'%.*s' is no hash of a file: 32 hexadecimal digits",
                        SLV_STR_ARGS(slv_str_sub(hash, 0, 64)));
    memcpy(e.hash, hash.ptr, SLV_ASSET_HASH);
    memcpy(e.tmp, b->tmp, sizeof e.tmp);
    *ret_size = b->size;
    b->fd = -1;
    /* The disk may begin; the sync comes for all of them. */
    (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
    slv_vec_push(&b->entries, e);
    return close(fd) == 0 ? SLV_OK : io(b, e.tmp, err);
}

size_t slv_asset_batch_count(const slv_asset_batch *b)
{
    return b->entries.len;
}

slv_str slv_asset_batch_hash(const slv_asset_batch *b, size_t i)
{
    return slv_str_make(b->entries.items[i].hash, SLV_ASSET_HASH);
}

bool slv_asset_batch_is(const slv_asset_batch *b, size_t i, slv_str extension)
{
    slv_blake3 sum = b->entries.items[i].sum;
    uint8_t out[SLV_BLAKE3_LEN];
    char hex[SLV_ASSET_HASH];

    slv_blake3_add(&sum, extension);
    slv_blake3_end(&sum, out);
    slv_hex_put(slv_str_make(out, SLV_ASSET_HASH / 2), hex);
    return memcmp(hex, b->entries.items[i].hash, SLV_ASSET_HASH) == 0;
}

void slv_asset_batch_drop(slv_asset_batch *b, size_t i)
{
    (void)unlinkat(b->dir, b->entries.items[i].tmp, 0);
    b->entries.items[i].tmp[0] = '\0';
}

/* ---- durable ---- */

static slv_code sync_name(const slv_asset_batch *b, const char *name, bool data, slv_err *err)
{
    int fd = openat(b->dir, name, O_RDONLY | O_CLOEXEC);
    slv_code code = SLV_OK;

    if (fd < 0 || (data ? fdatasync(fd) : fsync(fd)) != 0)
        code = io(b, name, err);
    if (fd >= 0)
        (void)close(fd);
    return code;
}

static slv_code sync_all(const slv_asset_batch *b, slv_err *err)
{
    return syncfs(b->dir) == 0 ? SLV_OK : io(b, ".", err);
}

/* "ab/abcdef..." and its folder, which is made. */
static slv_code place(const slv_asset_batch *b, const entry *e, char out[SLV_ASSET_HASH + 4],
                      slv_err *err)
{
    char folder[3] = {e->hash[0], e->hash[1], '\0'};

    (void)snprintf(out, SLV_ASSET_HASH + 4, "%s/%s", folder, e->hash);
    if (mkdirat(b->dir, folder, 0700) == 0)
        return sync_name(b, ".", false, err);
    return errno == EEXIST ? SLV_OK : io(b, folder, err);
}

/* Into its place; a sweep that is under way leaves it there. */
static slv_code move(slv_asset_batch *b, const entry *e, const char *name, slv_err *err)
{
    slv_code code = SLV_OK;

    SLV_ASSERT(pthread_mutex_lock(&b->store->lock) == 0);
    if (renameat(b->dir, e->tmp, b->dir, name) != 0)
        code = io(b, name, err);
    else
        slv_asset_came(b->store, slv_str_from(b->account), slv_str_from(e->hash));
    SLV_ASSERT(pthread_mutex_unlock(&b->store->lock) == 0);
    return code;
}

static slv_code rename_all(slv_asset_batch *b, bool each, slv_err *err)
{
    char name[SLV_ASSET_HASH + 4];

    while (b->entries.len > 0) {
        const entry *e = &b->entries.items[b->entries.len - 1];

        if (e->tmp[0]) {
            SLV_TRY(place(b, e, name, err));
            SLV_TRY(move(b, e, name, err));
            name[2] = '\0'; /* the folder */
            if (each)
                SLV_TRY(sync_name(b, name, false, err));
        }
        b->entries.len--;
    }
    return SLV_OK;
}

slv_code slv_asset_commit(slv_asset_batch *b, slv_err *err)
{
    bool each = b->entries.len < SYNC_ALL_FROM;

    for (size_t i = 0; each && i < b->entries.len; i++)
        if (b->entries.items[i].tmp[0])
            SLV_TRY(sync_name(b, b->entries.items[i].tmp, true, err));
    if (!each)
        SLV_TRY(sync_all(b, err));
    SLV_TRY(rename_all(b, each, err));
    return each ? SLV_OK : sync_all(b, err);
}
