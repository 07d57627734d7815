#include "host/asset_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "fmt/base64.h"
#include "fmt/sum.h"
#include "host/asset_store_int.h"
#include "state/name.h"

#define ASSETS "assets"
#define MANIFEST_EXTENSION SLV_STR("manifest")
#define PATH_MAX_BYTES ((size_t)8 << 10)

slv_asset_store *slv_asset_store_new(const char *state_dir, slv_str secret_key)
{
    slv_asset_store *s = slv_new0(slv_asset_store);

    s->dir = slv_strdup(state_dir);
    SLV_ASSERT(pthread_mutex_init(&s->lock, NULL) == 0);
    slv_hmac_sha256(secret_key, SLV_STR("selvage asset tokens 1"), s->key);
    return s;
}

slv_asset_store *slv_asset_store_free(slv_asset_store *s)
{
    if (!s)
        return NULL;
    slv_map_done(&s->fresh);
    (void)pthread_mutex_destroy(&s->lock);
    free(s->dir);
    free(s);
    return NULL;
}

/* ---- places ---- */

static slv_code account_dir(const slv_asset_store *s, slv_str account, slv_buf *out)
{
    SLV_TRY(slv_buf_printf(out, "%s/", s->dir));
    return slv_name_encode(account, out);
}

slv_code slv_asset_dir(const slv_asset_store *s, slv_str account, slv_buf *out)
{
    SLV_TRY(account_dir(s, account, out));
    return slv_buf_append(out, SLV_STR("/" ASSETS));
}

slv_code slv_asset_path(const slv_asset_store *s, slv_str account, slv_str hash, slv_buf *out)
{
    SLV_TRY(slv_asset_dir(s, account, out));
    return slv_buf_printf(out, "/%.*s/%.*s", SLV_STR_ARGS(slv_str_sub(hash, 0, 2)),
                          SLV_STR_ARGS(hash));
}

/* Makes DIR/name when it is absent, its entry durable. */
static slv_code make_dir(const char *path, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *up = slv_path_dir(path);
    slv_code code = SLV_OK;

    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? SLV_OK : slv_fail_errno(err, SLV_E_IO, "%s", path);
    int fd = open(up, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        code = slv_fail_errno(err, SLV_E_IO, "%s", up);
    if (fd >= 0)
        (void)close(fd);
    return code;
}

static slv_code make_dirs(const slv_asset_store *s, slv_str account, const char *dir, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_MAX_BYTES);

    SLV_TRY(account_dir(s, account, &path));
    if (!slv_buf_cstr(&path))
        return SLV_E_LIMIT;
    SLV_TRY(make_dir(path.ptr, err));
    SLV_TRY(make_dir(dir, err));
    slv_buf_reset(&path);
    SLV_TRY(slv_buf_printf(&path, "%s/" SLV_ASSET_TMP, dir));
    return slv_buf_cstr(&path) ? make_dir(path.ptr, err) : SLV_E_LIMIT;
}

slv_code slv_asset_dir_open(const slv_asset_store *s, slv_str account, bool create, int *ret_fd,
                            char **ret_path, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_MAX_BYTES);

    SLV_TRY(slv_asset_dir(s, account, &path));
    if (!slv_buf_cstr(&path))
        return SLV_E_LIMIT;
    if (create)
        SLV_TRY(make_dirs(s, account, path.ptr, err));
    *ret_fd = open(path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret_fd < 0)
        return slv_fail_errno(err, errno == ENOENT ? SLV_E_NOTFOUND : SLV_E_IO, "%s", path.ptr);
    if (ret_path)
        *ret_path = slv_strdup(path.ptr);
    return SLV_OK;
}

slv_code slv_asset_size(const slv_asset_store *s, slv_str account, slv_str hash, uint64_t *ret,
                        slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_MAX_BYTES);
    struct stat st;

    SLV_TRY(slv_asset_path(s, account, hash, &path));
    if (!slv_buf_cstr(&path))
        return SLV_E_LIMIT;
    if (stat(path.ptr, &st) != 0)
        return slv_fail_errno(err, errno == ENOENT || errno == ENOTDIR ? SLV_E_NOTFOUND : SLV_E_IO,
                              "%s", path.ptr);
    *ret = (uint64_t)st.st_size;
    return SLV_OK;
}

slv_code slv_asset_verify(const slv_asset_store *s, slv_str account, slv_str hash,
                          slv_str extension, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_MAX_BYTES);
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF((size_t)SLV_ASSETS_FILE_MAX);
    char found[SLV_ASSET_HASH + 1];

    SLV_TRY(slv_asset_path(s, account, hash, &path));
    if (!slv_buf_cstr(&path))
        return SLV_E_LIMIT;
    SLV_TRY(slv_file_read(path.ptr, &bytes, err));
    SLV_TRY(slv_assets_hash(slv_buf_view(&bytes), extension, found));
    if (slv_str_is(hash, found))
        return SLV_OK;
    return slv_fail(err, SLV_E_DENIED, "the content of file %.*s has the hash %s",
                    SLV_STR_ARGS(hash), found);
}

/* ---- manifests ---- */

slv_code slv_asset_manifest_put(slv_asset_store *s, slv_str account, slv_str text,
                                char ret_hash[SLV_ASSET_HASH + 1], slv_err *err)
{
    SLV_CLEANUP(slv_asset_batch_free) slv_asset_batch *b = NULL;
    SLV_CLEANUP(slv_buf_done) slv_buf base64 = SLV_BUF(text.len / 3 * 4 + 16);
    uint64_t size;

    if (text.len > SLV_ASSETS_FILE_MAX)
        return slv_fail(err, SLV_E_LIMIT, "the manifest is larger than %llu MiB",
                        (unsigned long long)(SLV_ASSETS_FILE_MAX >> 20));
    SLV_TRY(slv_assets_hash(text, MANIFEST_EXTENSION, ret_hash));
    if (slv_asset_size(s, account, slv_str_from(ret_hash), &size, NULL) == SLV_OK)
        return SLV_OK;
    SLV_TRY(slv_base64_encode(text, SLV_BASE64_STD, &base64));
    SLV_TRY(slv_asset_batch_new(s, account, &b, err));
    SLV_TRY(slv_asset_begin(b, err));
    SLV_TRY(slv_asset_text(b, slv_buf_view(&base64), err));
    SLV_TRY(slv_asset_end(b, slv_str_from(ret_hash), &size, err));
    return slv_asset_commit(b, err);
}

slv_code slv_asset_manifest_get(const slv_asset_store *s, slv_str account, slv_str hash,
                                slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(PATH_MAX_BYTES);

    if (!slv_assets_hash_valid(hash))
        return slv_fail(err, SLV_E_INVAL, "'%.*s' is no name of a manifest", SLV_STR_ARGS(hash));
    SLV_TRY(slv_asset_path(s, account, hash, &path));
    return slv_buf_cstr(&path) ? slv_file_read(path.ptr, out, err) : SLV_E_LIMIT;
}
