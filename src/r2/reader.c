#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/mem.h"
#include "r2/r2_int.h"

#define NO_CHUNK UINT64_MAX

slv_r2_reader *slv_r2_reader_new(slv_r2_files *files, const uint8_t *ssec_key, int64_t now_ms)
{
    slv_r2_reader *r = slv_new0(slv_r2_reader);

    r->files = slv_r2_files_ref(files);
    r->since_ms = now_ms;
    r->fd = -1;
    r->plain = SLV_BUF(SLV_SEAL_CHUNK);
    r->raw = SLV_BUF(SLV_SEAL_CHUNK + SLV_SEAL_TAG);
    if (ssec_key) {
        r->sealed = true;
        memcpy(r->key, ssec_key, SLV_SEAL_KEY);
    }
    slv_r2_files_lock();
    slv_list_push(&files->readers, &r->node);
    slv_r2_files_unlock();
    return r;
}

static void close_piece(slv_r2_reader *r)
{
    if (r->fd >= 0)
        (void)close(r->fd);
    r->fd = -1;
    r->piece_open = false;
    r->chunk = NO_CHUNK;
}

slv_r2_reader *slv_r2_reader_free(slv_r2_reader *r)
{
    if (!r)
        return NULL;
    slv_r2_files_lock();
    slv_list_remove(&r->node);
    slv_r2_files_unlock();
    close_piece(r);
    for (size_t i = 0; i < r->pieces.len; i++)
        free(r->pieces.items[i].bytes);
    slv_vec_done(&r->pieces);
    slv_buf_done(&r->plain);
    slv_buf_done(&r->raw);
    (void)slv_r2_files_unref(r->files);
    free(r);
    return NULL;
}

void slv_r2_reader_add(slv_r2_reader *r, const slv_r2_piece *piece)
{
    slv_vec_push(&r->pieces, *piece);
}

uint64_t slv_r2_reader_left(const slv_r2_reader *r)
{
    return r->left;
}

bool slv_r2_reader_take_file(slv_r2_reader *r, int *ret_fd, uint64_t *ret_offset,
                             uint64_t *ret_length)
{
    if (r->sealed || r->fd < 0 || r->left > r->pieces.items[r->at].size - r->within)
        return false;
    *ret_fd = r->fd;
    *ret_offset = r->within;
    *ret_length = r->left;
    r->fd = -1;
    r->left = 0;
    return true;
}

/* Exactly n bytes of the piece as it is stored. */
static slv_code read_at(slv_r2_reader *r, uint64_t offset, void *out, size_t n, slv_err *err)
{
    const slv_r2_piece *piece = &r->pieces.items[r->at];
    char *to = out;

    if (piece->bytes) {
        uint64_t stored = r->sealed ? slv_seal_len(piece->size) : piece->size;

        if (offset > stored || n > stored - offset)
            return slv_fail(err, SLV_E_IO, "r2: content is shorter than its row says");
        memcpy(out, piece->bytes + offset, n);
        return SLV_OK;
    }
    while (n > 0) {
        ssize_t got = pread(r->fd, to, n, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return slv_fail_errno(err, SLV_E_IO, "r2: reading content");
        if (got == 0)
            return slv_fail(err, SLV_E_IO, "r2: content is shorter than its row says");
        to += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return SLV_OK;
}

static slv_code open_piece(slv_r2_reader *r, slv_err *err)
{
    const slv_r2_piece *piece = &r->pieces.items[r->at];
    uint8_t salt[SLV_SEAL_SALT];

    if (piece->place.file)
        SLV_TRY(slv_blob_open(r->files->blobs, slv_str_from(piece->place.blob.text), &r->fd, err));
    else if (!piece->bytes)
        return slv_fail(err, SLV_E_IO, "r2: the content of an object is missing");
    r->piece_open = true;
    r->chunk = NO_CHUNK;
    if (!r->sealed)
        return SLV_OK;
    SLV_TRY(read_at(r, 0, salt, sizeof salt, err));
    slv_seal_init(&r->seal, r->key, salt);
    return SLV_OK;
}

slv_code slv_r2_reader_start(slv_r2_reader *r, uint64_t offset, uint64_t length, slv_err *err)
{
    while (r->at < r->pieces.len && offset >= r->pieces.items[r->at].size) {
        offset -= r->pieces.items[r->at].size;
        r->at++;
    }
    r->within = offset;
    r->left = length;
    if (length == 0)
        return SLV_OK;
    if (r->at == r->pieces.len)
        return slv_fail(err, SLV_E_IO, "r2: an object has less content than its size");
    return open_piece(r, err);
}

/* The chunk that `within` lies in, decrypted. */
static slv_code load_chunk(slv_r2_reader *r, slv_err *err)
{
    uint64_t number = r->within / SLV_SEAL_CHUNK;
    uint64_t rest = r->pieces.items[r->at].size - number * SLV_SEAL_CHUNK;
    size_t n = (size_t)SLV_MIN(rest, (uint64_t)SLV_SEAL_CHUNK);

    if (r->chunk == number)
        return SLV_OK;
    slv_buf_reset(&r->raw);
    slv_buf_reset(&r->plain);
    SLV_TRY(slv_buf_reserve(&r->raw, n + SLV_SEAL_TAG));
    SLV_TRY(slv_buf_reserve(&r->plain, n));
    SLV_TRY(read_at(r, slv_seal_at(number), r->raw.ptr, n + SLV_SEAL_TAG, err));
    if (slv_seal_open(&r->seal, number, slv_str_make(r->raw.ptr, n + SLV_SEAL_TAG),
                      (uint8_t *)r->plain.ptr) != SLV_OK)
        return slv_r2_fail(err, SLV_R2_WRONG_KEY);
    r->plain.len = n;
    r->chunk = number;
    return SLV_OK;
}

/* At least one byte of the piece, n at most. */
static slv_code read_some(slv_r2_reader *r, char *out, size_t n, size_t *ret, slv_err *err)
{
    if (!r->sealed) {
        *ret = n;
        return read_at(r, r->within, out, n, err);
    }
    SLV_TRY(load_chunk(r, err));
    size_t from = (size_t)(r->within % SLV_SEAL_CHUNK);
    *ret = SLV_MIN(n, r->plain.len - from);
    memcpy(out, r->plain.ptr + from, *ret);
    return SLV_OK;
}

slv_code slv_r2_reader_read(slv_r2_reader *r, void *out, size_t max, size_t *ret_n, slv_err *err)
{
    size_t done = 0, n;

    while (done < max && r->left > 0) {
        const slv_r2_piece *piece = r->at < r->pieces.len ? &r->pieces.items[r->at] : NULL;

        if (!piece)
            return slv_fail(err, SLV_E_IO, "r2: an object has less content than its size");
        if (r->within == piece->size) {
            close_piece(r);
            r->at++;
            r->within = 0;
            continue;
        }
        if (!r->piece_open)
            SLV_TRY(open_piece(r, err));
        uint64_t most = SLV_MIN(piece->size - r->within, r->left);

        most = SLV_MIN(most, (uint64_t)(max - done));
        SLV_TRY(read_some(r, (char *)out + done, (size_t)most, &n, err));
        done += n;
        r->within += n;
        r->left -= n;
    }
    *ret_n = done;
    return SLV_OK;
}
