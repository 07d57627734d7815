#include "support/bucket_rig.h"

#include <dirent.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "support/tap.h"

slv_r2 *open_bucket(const char *name)
{
    SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(4096);
    slv_r2 *r2 = NULL;
    slv_err err = {0};

    if (slv_buf_printf(&path, "%s/%s", tap_tmpdir(), name) != SLV_OK)
        return NULL;
    if (slv_r2_open(slv_buf_cstr(&path), true, false, T0, &r2, &err) != SLV_OK)
        tap_note("open: %s", slv_err_text(&err));
    return r2;
}

slv_r2_upload *fill_ssec(slv_r2 *r2, slv_str bytes, const uint8_t *key)
{
    SLV_CLEANUP(slv_r2_files_unref) slv_r2_files *files = slv_r2_files_of(r2);
    const slv_r2_upload_options options = {.ssec_key = key};
    slv_r2_upload *up = slv_r2_upload_new(files, &options);
    slv_err err = {0};

    for (size_t at = 0, n; at < bytes.len; at += n) { /* in uneven pieces */
        n = SLV_MIN((size_t)(at % 3 == 0 ? 70001 : 33), bytes.len - at);
        if (slv_r2_upload_write(up, slv_str_sub(bytes, at, at + n), &err) != SLV_OK)
            return slv_r2_upload_free(up);
    }
    if (slv_r2_upload_finish(up, &err) != SLV_OK) {
        tap_note("finish: %s", slv_err_text(&err));
        return slv_r2_upload_free(up);
    }
    return up;
}

slv_r2_upload *fill(slv_r2 *r2, slv_str bytes)
{
    return fill_ssec(r2, bytes, NULL);
}

slv_code put_at(slv_r2 *r2, slv_str key, slv_str bytes, const slv_r2_cond *cond, int64_t now_ms,
                slv_err *err)
{
    SLV_CLEANUP(slv_r2_upload_free) slv_r2_upload *up = fill(r2, bytes);
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)1 << 20);
    const slv_r2_put_options options = {.cond = cond, .now_ms = now_ms};
    slv_r2_object o;

    return up ? slv_r2_put(r2, key, up, &options, &arena, &o, err) : SLV_E_IO;
}

slv_code put(slv_r2 *r2, const char *key, slv_str bytes)
{
    slv_err err = {0};
    slv_code code = put_at(r2, slv_str_from(key), bytes, NULL, T0, &err);

    if (code != SLV_OK)
        tap_note("put: %s", slv_err_text(&err));
    return code;
}

slv_code read_all(slv_r2 *r2, slv_str key, const slv_r2_get_options *options, size_t step,
                  slv_buf *out, slv_r2_found *found, slv_err *err)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA((size_t)4 << 20);
    char piece[80000];
    size_t n;

    slv_buf_reset(out);
    SLV_TRY(slv_r2_get(r2, key, options, &arena, found, err));
    if (!found->reader)
        return slv_buf_append(out, found->bytes);
    SLV_CLEANUP(slv_r2_reader_free) slv_r2_reader *reader = SLV_STEAL(found->reader);
    do {
        SLV_TRY(slv_r2_reader_read(reader, piece, SLV_MIN(step, sizeof piece), &n, err));
        SLV_TRY(slv_buf_append(out, slv_str_make(piece, n)));
    } while (n > 0);
    return SLV_OK;
}

char *pattern(size_t len, uint64_t seed)
{
    char *bytes = slv_alloc(len + 1);
    slv_prng prng;

    slv_prng_seed(&prng, seed);
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = slv_prng_next(&prng);

        memcpy(bytes + i, &word, SLV_MIN(len - i, sizeof word));
    }
    return bytes;
}

static size_t count_files(const char *dir)
{
    DIR *d = opendir(dir);
    size_t n = 0;
    struct dirent *e;

    while (d && (e = readdir(d)) != NULL) {
        SLV_CLEANUP(slv_buf_done) slv_buf path = SLV_BUF(8192);
        struct stat st;

        if (e->d_name[0] == '.' || slv_buf_printf(&path, "%s/%s", dir, e->d_name) != SLV_OK ||
            stat(slv_buf_cstr(&path), &st) != 0)
            continue;
        n += S_ISDIR(st.st_mode) ? count_files(slv_buf_cstr(&path)) : 1;
    }
    if (d)
        (void)closedir(d);
    return n;
}

size_t blob_files(const char *bucket)
{
    SLV_CLEANUP(slv_buf_done) slv_buf dir = SLV_BUF(4096);

    return slv_buf_printf(&dir, "%s/%s.blobs", tap_tmpdir(), bucket) == SLV_OK
               ? count_files(slv_buf_cstr(&dir))
               : 0;
}
