/* Static files that nothing names any more. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "fmt/json.h"
#include "host/asset_store_int.h"

#define TMP_GRACE_S 7200
#define KEY_MAX ((size_t)4 << 10)

static slv_code put_key(slv_str account, slv_str hash, slv_buf *out)
{
    return slv_buf_printf(out, "%.*s/%.*s", SLV_STR_ARGS(account), SLV_STR_ARGS(hash));
}

void slv_asset_came(slv_asset_store *s, slv_str account, slv_str hash)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(KEY_MAX);

    if (s->sweeping && put_key(account, hash, &key) == SLV_OK)
        slv_map_set(&s->fresh, slv_buf_view(&key), true);
}

void slv_asset_sweep_begin(slv_asset_store *s)
{
    SLV_ASSERT(pthread_mutex_lock(&s->lock) == 0);
    s->sweeping = true;
    SLV_ASSERT(pthread_mutex_unlock(&s->lock) == 0);
}

/* "xx/HASH" and what was made of it ("HASH.gz" ...). */
static void remove_files(int dir, slv_str hash)
{
    static const char *const ends[] = {"", ".gz", ".br"};
    char name[SLV_ASSET_HASH + 16];

    for (size_t i = 0; i < SLV_ARRAY_LEN(ends); i++) {
        (void)snprintf(name, sizeof name, "%.2s/%.*s%s", hash.ptr, (int)SLV_ASSET_HASH, hash.ptr,
                       ends[i]);
        (void)unlinkat(dir, name, 0);
    }
}

void slv_asset_sweep_remove(slv_asset_store *s, slv_str account, slv_str hash)
{
    SLV_CLEANUP(slv_buf_done) slv_buf key = SLV_BUF(KEY_MAX);
    int dir;

    if (!slv_assets_hash_valid(hash) || put_key(account, hash, &key) != SLV_OK ||
        slv_asset_dir_open(s, account, false, &dir, NULL, NULL) != SLV_OK)
        return;
    SLV_ASSERT(pthread_mutex_lock(&s->lock) == 0);
    if (!slv_map_get(&s->fresh, slv_buf_view(&key)))
        remove_files(dir, hash);
    SLV_ASSERT(pthread_mutex_unlock(&s->lock) == 0);
    (void)close(dir);
}

/* Uploads that were never ended: of one account. */
static void sweep_tmp(const slv_asset_store *s, const char *account, int64_t now_ms)
{
    SLV_CLEANUP(slv_charp_free) char *path = NULL;
    const struct dirent *e;
    DIR *d;

    if (asprintf(&path, "%s/%s/assets/" SLV_ASSET_TMP, s->dir, account) < 0)
        return;
    d = opendir(path);
    while (d && (e = readdir(d))) {
        struct stat st;

        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            st.st_mtim.tv_sec < now_ms / 1000 - TMP_GRACE_S)
            (void)unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        (void)closedir(d);
}

void slv_asset_sweep_end(slv_asset_store *s, int64_t now_ms)
{
    DIR *d = opendir(s->dir);
    const struct dirent *e;

    while (d && (e = readdir(d)))
        if (e->d_name[0] != '.' && e->d_name[0] != '@')
            sweep_tmp(s, e->d_name, now_ms);
    if (d)
        (void)closedir(d);
    SLV_ASSERT(pthread_mutex_lock(&s->lock) == 0);
    s->sweeping = false;
    slv_map_done(&s->fresh);
    s->fresh = (__typeof__(s->fresh)){0};
    SLV_ASSERT(pthread_mutex_unlock(&s->lock) == 0);
}

/* ---- what is named ---- */

slv_code slv_asset_named_by(const slv_asset_store *s, slv_str account, slv_str manifest,
                            void (*each)(void *arg, slv_str account, slv_str hash), void *arg,
                            slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(SLV_ASSET_MANIFEST_MAX * 8);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_ASSET_MANIFEST_MAX);
    slv_node *root;

    each(arg, account, manifest);
    SLV_TRY(slv_asset_manifest_get(s, account, manifest, &text, err));
    SLV_TRY(slv_json_parse(slv_buf_view(&text), SLV_JSON_STRICT, &arena, &root, err));
    for (const slv_node *n = root->first; n; n = n->next)
        each(arg, account, slv_node_str(slv_node_get(n, "hash")));
    return SLV_OK;
}

slv_code slv_asset_named(const slv_asset_store *s, slv_str account, slv_str assets_json,
                         void (*each)(void *arg, slv_str account, slv_str hash), void *arg,
                         slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)64 << 20);
    slv_node *row;

    SLV_TRY(slv_json_parse(assets_json, SLV_JSON_STRICT, &arena, &row, err));
    return slv_asset_named_by(s, account, slv_node_str(slv_node_get(row, "manifest")), each, arg,
                              err);
}
