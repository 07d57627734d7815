#include "api/s3_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "fmt/json.h"
#include "fmt/sum.h"

#define FILE_MAX ((size_t)4 << 20)
#define ID_LEN 32
#define SECRET_LEN 64

struct slv_s3_keys {
    char *folder, *path;
    pthread_mutex_t mutex;
    /* what was read last */
    slv_arena arena;
    slv_s3_key *items;
    size_t count;
    struct timespec changed;
    ino_t inode;
    off_t size;
    bool known;
};

slv_s3_keys *slv_s3_keys_open(slv_state *state, slv_str tenant, const char *file)
{
    slv_s3_keys *keys = slv_new0(slv_s3_keys);

    if (asprintf(&keys->folder, "%s/%.*s", slv_state_dir(state), SLV_STR_ARGS(tenant)) < 0 ||
        asprintf(&keys->path, "%s/%s", keys->folder, file) < 0)
        abort();
    SLV_ASSERT(pthread_mutex_init(&keys->mutex, NULL) == 0);
    keys->arena = SLV_ARENA(2 * FILE_MAX);
    return keys;
}

slv_s3_keys *slv_s3_keys_new(slv_state *state, slv_str tenant)
{
    return slv_s3_keys_open(state, tenant, SLV_S3_KEYS_FILE);
}

slv_s3_keys *slv_s3_keys_free(slv_s3_keys *keys)
{
    if (keys) {
        slv_arena_done(&keys->arena);
        pthread_mutex_destroy(&keys->mutex);
        free(keys->folder);
        free(keys->path);
        free(keys);
    }
    return NULL;
}

/* ---- the file ---- */

static slv_code read_file(int fd, slv_buf *out, slv_err *err)
{
    for (;;) {
        SLV_TRY(slv_buf_reserve(out, 4096));
        ssize_t n = read(fd, out->ptr + out->len, 4096);

        if (n < 0)
            return slv_fail_errno(err, SLV_E_IO, "reading the credentials of S3");
        if (n == 0)
            return SLV_OK;
        out->len += (size_t)n;
    }
}

static slv_code parse_key(const slv_node *n, slv_arena *arena, slv_s3_key *ret)
{
    const slv_node *buckets = slv_node_get(n, "buckets"), *write = slv_node_get(n, "write");
    slv_s3_key key = {.write = write && write->boolean, .admin = !buckets};
    slv_str *names = NULL;

    SLV_TRY(slv_arena_dup(arena, slv_node_str(slv_node_get(n, "accessKeyId")), &key.id));
    SLV_TRY(slv_arena_dup(arena, slv_node_str(slv_node_get(n, "secretAccessKey")), &key.secret));
    SLV_TRY(slv_arena_dup(arena, slv_node_str(slv_node_get(n, "name")), &key.name));
    (void)slv_node_i64(slv_node_get(n, "created"), &key.created_ms);
    if (buckets && buckets->count > 0) {
        names = slv_arena_try_alloc0(arena, buckets->count * sizeof *names);
        if (!names)
            return SLV_E_LIMIT;
        for (const slv_node *b = buckets->first; b; b = b->next)
            SLV_TRY(slv_arena_dup(arena, slv_node_str(b), &names[key.bucket_count++]));
    }
    key.buckets = names;
    *ret = key;
    return SLV_OK;
}

static slv_code parse_file(slv_s3_keys *keys, slv_str text, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena scratch = SLV_ARENA(16 * FILE_MAX);
    slv_node *root;

    SLV_TRY(slv_json_parse(text, SLV_JSON_STRICT, &scratch, &root, err));
    keys->items = slv_arena_try_alloc0(&keys->arena, (root->count + 1) * sizeof *keys->items);
    if (!keys->items)
        return SLV_E_LIMIT;
    for (const slv_node *n = root->first; n; n = n->next) {
        SLV_TRY(parse_key(n, &keys->arena, &keys->items[keys->count]));
        if (keys->items[keys->count].id.len > 0 && keys->items[keys->count].secret.len > 0)
            keys->count++;
    }
    return SLV_OK;
}

/* Reads the file unless it is the one that was read last. Under the mutex. */
static slv_code refresh(slv_s3_keys *keys, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(FILE_MAX);
    struct stat st;
    int fd;

    if (stat(keys->path, &st) != 0) {
        slv_arena_reset(&keys->arena);
        keys->count = 0;
        keys->known = false;
        return SLV_OK;
    }
    if (keys->known && st.st_ino == keys->inode && st.st_size == keys->size &&
        st.st_mtim.tv_sec == keys->changed.tv_sec && st.st_mtim.tv_nsec == keys->changed.tv_nsec)
        return SLV_OK;
    fd = open(keys->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", keys->path);
    slv_arena_reset(&keys->arena);
    keys->count = 0;
    keys->known = false;
    slv_code code = fstat(fd, &st) == 0 ? read_file(fd, &text, err) : SLV_E_IO;
    close(fd);
    if (code == SLV_OK)
        code = parse_file(keys, slv_buf_view(&text), err);
    if (code != SLV_OK) {
        keys->count = 0;
        return code;
    }
    keys->inode = st.st_ino;
    keys->size = st.st_size;
    keys->changed = st.st_mtim;
    keys->known = true;
    return SLV_OK;
}

static slv_code put_key(slv_buf *out, const slv_s3_key *key, bool first)
{
    SLV_TRY(slv_buf_append(out, first ? SLV_STR("{\"accessKeyId\":")
                                      : SLV_STR(",\n {\"accessKeyId\":")));
    SLV_TRY(slv_json_put_string(out, key->id));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"secretAccessKey\":")));
    SLV_TRY(slv_json_put_string(out, key->secret));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"name\":")));
    SLV_TRY(slv_json_put_string(out, key->name));
    SLV_TRY(slv_buf_printf(out, ",\"write\":%s,\"created\":%lld", key->write ? "true" : "false",
                           (long long)key->created_ms));
    for (size_t i = 0; i < key->bucket_count; i++) {
        SLV_TRY(slv_buf_append(out, i == 0 ? SLV_STR(",\"buckets\":[") : SLV_STR(",")));
        SLV_TRY(slv_json_put_string(out, key->buckets[i]));
    }
    return slv_buf_append(out, key->bucket_count > 0 ? SLV_STR("]}") : SLV_STR("}"));
}

static slv_code write_all(int fd, slv_str text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n < 0)
            return SLV_E_IO;
        text = slv_str_skip(text, (size_t)n);
    }
    return fsync(fd) == 0 ? SLV_OK : SLV_E_IO;
}

/* Everything but `without`, and `added` behind it. */
static slv_code rewrite(slv_s3_keys *keys, const slv_s3_key *added, slv_str without, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(FILE_MAX);
    SLV_CLEANUP(slv_charp_free) char *temporary = NULL;
    bool first = true;

    SLV_TRY(slv_buf_append_byte(&text, '['));
    for (size_t i = 0; i < keys->count; i++) {
        if (slv_str_eq(keys->items[i].id, without))
            continue;
        SLV_TRY(put_key(&text, &keys->items[i], first));
        first = false;
    }
    if (added)
        SLV_TRY(put_key(&text, added, first));
    SLV_TRY(slv_buf_append(&text, SLV_STR("]\n")));
    if (mkdir(keys->folder, 0700) != 0 && errno != EEXIST)
        return slv_fail_errno(err, SLV_E_IO, "%s", keys->folder);
    if (asprintf(&temporary, "%s.new", keys->path) < 0)
        return SLV_E_NOMEM;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", temporary);
    slv_code code = write_all(fd, slv_buf_view(&text));
    close(fd);
    if (code != SLV_OK || rename(temporary, keys->path) != 0)
        return slv_fail_errno(err, SLV_E_IO, "%s", keys->path);
    int dir = open(keys->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
        code = fsync(dir) == 0 ? SLV_OK : SLV_E_IO;
        close(dir);
    }
    return code;
}

/* ---- calls ---- */

static slv_code copy_key(const slv_s3_key *from, slv_arena *arena, slv_s3_key *ret)
{
    slv_s3_key key = *from;
    slv_str *names = NULL;

    SLV_TRY(slv_arena_dup(arena, from->id, &key.id));
    SLV_TRY(slv_arena_dup(arena, from->secret, &key.secret));
    SLV_TRY(slv_arena_dup(arena, from->name, &key.name));
    if (from->bucket_count > 0) {
        names = slv_arena_try_alloc0(arena, from->bucket_count * sizeof *names);
        if (!names)
            return SLV_E_LIMIT;
        for (size_t i = 0; i < from->bucket_count; i++)
            SLV_TRY(slv_arena_dup(arena, from->buckets[i], &names[i]));
    }
    key.buckets = names;
    *ret = key;
    return SLV_OK;
}

static slv_code find(slv_s3_keys *keys, slv_str id, slv_arena *arena, slv_s3_key *ret, slv_err *err)
{
    SLV_TRY(refresh(keys, err));
    for (size_t i = 0; i < keys->count; i++) {
        if (slv_str_eq(keys->items[i].id, id))
            return ret ? copy_key(&keys->items[i], arena, ret) : SLV_OK;
    }
    return SLV_E_NOTFOUND;
}

slv_code slv_s3_keys_find(slv_s3_keys *keys, slv_str id, slv_arena *arena, slv_s3_key *ret,
                          slv_err *err)
{
    SLV_ASSERT(pthread_mutex_lock(&keys->mutex) == 0);
    slv_code code = find(keys, id, arena, ret, err);
    SLV_ASSERT(pthread_mutex_unlock(&keys->mutex) == 0);
    return code;
}

static slv_code list(slv_s3_keys *keys, slv_arena *arena, slv_s3_key **ret, size_t *ret_count,
                     slv_err *err)
{
    SLV_TRY(refresh(keys, err));
    slv_s3_key *items = slv_arena_try_alloc0(arena, (keys->count + 1) * sizeof *items);
    if (!items)
        return SLV_E_LIMIT;
    for (size_t i = 0; i < keys->count; i++)
        SLV_TRY(copy_key(&keys->items[i], arena, &items[i]));
    *ret = items;
    *ret_count = keys->count;
    return SLV_OK;
}

slv_code slv_s3_keys_list(slv_s3_keys *keys, slv_arena *arena, slv_s3_key **ret, size_t *ret_count,
                          slv_err *err)
{
    SLV_ASSERT(pthread_mutex_lock(&keys->mutex) == 0);
    slv_code code = list(keys, arena, ret, ret_count, err);
    SLV_ASSERT(pthread_mutex_unlock(&keys->mutex) == 0);
    return code;
}

slv_code slv_s3_keys_create(slv_s3_keys *keys, const slv_s3_key *like, slv_arena *arena,
                            slv_s3_key *ret, slv_err *err)
{
    uint8_t random[ID_LEN / 2 + SECRET_LEN / 2];
    char text[ID_LEN + SECRET_LEN];
    slv_s3_key key = *like;

    slv_rand_bytes(random, sizeof random);
    slv_hex_put(slv_str_make(random, sizeof random), text);
    key.id = slv_str_make(text, ID_LEN);
    key.secret = slv_str_make(text + ID_LEN, SECRET_LEN);
    key.created_ms = slv_clock_wall_ms();
    SLV_TRY(copy_key(&key, arena, ret));
    SLV_ASSERT(pthread_mutex_lock(&keys->mutex) == 0);
    slv_code code = refresh(keys, err);
    if (code == SLV_OK && keys->count >= SLV_S3_KEYS_MAX)
        code = slv_fail(err, SLV_E_LIMIT, "there are %zu credentials already", keys->count);
    if (code == SLV_OK)
        code = rewrite(keys, &key, SLV_STR_NULL, err);
    SLV_ASSERT(pthread_mutex_unlock(&keys->mutex) == 0);
    return code;
}

slv_code slv_s3_keys_delete(slv_s3_keys *keys, slv_str id, slv_err *err)
{
    SLV_ASSERT(pthread_mutex_lock(&keys->mutex) == 0);
    slv_code code = find(keys, id, NULL, NULL, err);
    if (code == SLV_OK)
        code = rewrite(keys, NULL, id, err);
    SLV_ASSERT(pthread_mutex_unlock(&keys->mutex) == 0);
    return code;
}
