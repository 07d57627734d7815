#include "base/mem.h"
#include "base/rand.h"
#include "r2/r2_int.h"

typedef struct sum_state {
    slv_sum sum;
    bool on, kept, expected;
    uint8_t value[SLV_SUM_MAX], want[SLV_SUM_MAX];
} sum_state;

struct slv_r2_upload {
    slv_r2_files *files;
    slv_blob_writer *writer; /* content is on its way to a file */
    slv_buf held;            /* plain content: all of it, or less than a chunk of what is sealed */
    slv_buf sealed;          /* a chunk as it is stored, or all of a small sealed content */
    uint64_t size, chunks;
    bool seals, finished, has_blob, taken;
    slv_seal seal;
    uint8_t salt[SLV_SEAL_SALT];
    char key_md5[32];
    slv_blob_id blob;
    sum_state sums[SLV_SUM_KINDS];
};

static const char *const sum_names[SLV_SUM_KINDS] = {"md5",    "sha1",  "sha256", "sha384",
                                                     "sha512", "crc32", "crc32c", "crc64nvme"};

slv_r2_upload *slv_r2_upload_new(slv_r2_files *files, const slv_r2_upload_options *options)
{
    slv_r2_upload *up = slv_new0(slv_r2_upload);
    uint32_t kept = (options ? options->sums : 0) | 1u << SLV_SUM_MD5;
    uint32_t sums = kept | (options ? options->checks : 0);

    up->files = slv_r2_files_ref(files);
    up->held = SLV_BUF(SLV_R2_INLINE_MAX);
    up->sealed = SLV_BUF(SLV_SEAL_SALT + SLV_SEAL_CHUNK + SLV_SEAL_TAG);
    for (slv_sum_kind kind = 0; kind < SLV_SUM_KINDS; kind++) {
        up->sums[kind].on = sums >> kind & 1;
        up->sums[kind].kept = kept >> kind & 1;
        if (up->sums[kind].on)
            slv_sum_init(&up->sums[kind].sum, kind);
    }
    if (options && options->ssec_key) {
        uint8_t md5[SLV_SUM_MAX];

        slv_rand_bytes(up->salt, sizeof up->salt);
        slv_seal_init(&up->seal, options->ssec_key, up->salt);
        slv_sum_of(SLV_SUM_MD5, slv_str_make(options->ssec_key, SLV_SEAL_KEY), md5);
        slv_hex_put(slv_str_make(md5, 16), up->key_md5);
        up->seals = true;
    }
    return up;
}

slv_r2_upload *slv_r2_upload_free(slv_r2_upload *up)
{
    if (!up)
        return NULL;
    (void)slv_blob_abort(up->writer);
    if (up->has_blob && !up->taken) /* what stays is found by the next start's sweep */
        (void)!slv_blob_remove(up->files->blobs, slv_str_from(up->blob.text), NULL);
    for (slv_sum_kind kind = 0; kind < SLV_SUM_KINDS; kind++)
        slv_sum_done(&up->sums[kind].sum);
    slv_buf_done(&up->held);
    slv_buf_done(&up->sealed);
    (void)slv_r2_files_unref(up->files);
    free(up);
    return NULL;
}

/* Chunk after chunk as it is stored, the salt before the first. */
static slv_code seal_held(slv_r2_upload *up)
{
    if (up->chunks == 0 && up->sealed.len == 0)
        SLV_TRY(slv_buf_append(&up->sealed, slv_str_make(up->salt, sizeof up->salt)));
    SLV_TRY(slv_buf_reserve(&up->sealed, up->held.len + SLV_SEAL_TAG));
    slv_seal_chunk(&up->seal, up->chunks++, slv_buf_view(&up->held),
                   (uint8_t *)up->sealed.ptr + up->sealed.len);
    up->sealed.len += up->held.len + SLV_SEAL_TAG;
    slv_buf_reset(&up->held);
    return SLV_OK;
}

/* What is held goes to the file, sealed if it must be. */
static slv_code spill(slv_r2_upload *up, slv_err *err)
{
    if (!up->writer)
        SLV_TRY(slv_blob_begin(up->files->blobs, &up->writer, err));
    if (!up->seals) {
        SLV_TRY(slv_blob_append(up->writer, slv_buf_view(&up->held), err));
        slv_buf_reset(&up->held);
        return SLV_OK;
    }
    if (up->held.len == 0)
        return SLV_OK;
    SLV_TRY(seal_held(up));
    SLV_TRY(slv_blob_append(up->writer, slv_buf_view(&up->sealed), err));
    slv_buf_reset(&up->sealed);
    return SLV_OK;
}

slv_code slv_r2_upload_write(slv_r2_upload *up, slv_str bytes, slv_err *err)
{
    SLV_ASSERT(!up->finished);
    if (bytes.len > SLV_R2_PART_MAX - up->size)
        return slv_r2_fail(err, SLV_R2_TOO_LARGE);
    up->size += bytes.len;
    for (slv_sum_kind kind = 0; kind < SLV_SUM_KINDS; kind++) {
        if (up->sums[kind].on)
            slv_sum_add(&up->sums[kind].sum, bytes);
    }
    while (bytes.len > 0) {
        if (up->writer && !up->seals)
            return slv_blob_append(up->writer, bytes, err);
        size_t n = SLV_MIN(bytes.len, SLV_R2_INLINE_MAX - up->held.len);

        SLV_TRY(slv_buf_append(&up->held, slv_str_sub(bytes, 0, n)));
        bytes = slv_str_skip(bytes, n);
        if (bytes.len > 0)
            SLV_TRY(spill(up, err));
    }
    return SLV_OK;
}

void slv_r2_upload_expect(slv_r2_upload *up, slv_sum_kind kind, slv_str sum)
{
    sum_state *s = &up->sums[kind];

    SLV_ASSERT(s->on && sum.len == slv_sum_len(kind));
    s->expected = true;
    memcpy(s->want, sum.ptr, sum.len);
}

static slv_code bad_digest(slv_err *err, slv_sum_kind kind, const sum_state *s)
{
    static const char *const shown[SLV_SUM_KINDS] = {"MD5",     "SHA-1", "SHA-256", "SHA-384",
                                                     "SHA-512", "CRC32", "CRC32C",  "CRC64NVME"};
    char want[2 * SLV_SUM_MAX], got[2 * SLV_SUM_MAX];
    size_t len = slv_sum_len(kind);

    slv_hex_put(slv_str_make(s->want, len), want);
    slv_hex_put(slv_str_make(s->value, len), got);
    slv_code code =
        slv_fail(err, SLV_E_INVAL,
                 "The %s checksum you specified did not match what we received.\nYou provided a %s "
                 "checksum with value: %.*s\nActual %s was: %.*s",
                 shown[kind], shown[kind], (int)(2 * len), want, shown[kind], (int)(2 * len), got);

    if (err)
        err->detail = SLV_R2_BAD_DIGEST;
    return code;
}

slv_code slv_r2_upload_finish(slv_r2_upload *up, slv_err *err)
{
    SLV_ASSERT(!up->finished);
    for (slv_sum_kind kind = 0; kind < SLV_SUM_KINDS; kind++) {
        sum_state *s = &up->sums[kind];

        if (!s->on)
            continue;
        slv_sum_end(&s->sum, s->value);
        if (s->expected && memcmp(s->value, s->want, slv_sum_len(kind)) != 0)
            return bad_digest(err, kind, s);
    }
    if (up->writer) {
        if (up->seals)
            SLV_TRY(spill(up, err));
        SLV_TRY(slv_blob_finish(SLV_STEAL(up->writer), &up->blob, err));
        up->has_blob = true;
    } else if (up->seals && up->size > 0) {
        SLV_TRY(seal_held(up));
    }
    up->finished = true;
    return SLV_OK;
}

uint64_t slv_r2_upload_size(const slv_r2_upload *up)
{
    return up->size;
}

slv_str slv_r2_upload_sum(const slv_r2_upload *up, slv_sum_kind kind)
{
    if (!up->finished || !up->sums[kind].on)
        return SLV_STR_NULL;
    return slv_str_make(up->sums[kind].value, slv_sum_len(kind));
}

slv_str slv_r2_upload_ssec(const slv_r2_upload *up)
{
    return up->seals ? slv_str_make(up->key_md5, sizeof up->key_md5) : SLV_STR_NULL;
}

slv_code slv_r2_upload_checksums(const slv_r2_upload *up, slv_arena *arena, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1024);

    for (slv_sum_kind kind = 0; kind < SLV_SUM_KINDS; kind++) {
        if (!up->sums[kind].kept)
            continue;
        SLV_TRY(slv_buf_printf(&out, "%s\"%s\":\"", out.len == 0 ? "{" : ",", sum_names[kind]));
        SLV_TRY(slv_hex_append(&out, slv_r2_upload_sum(up, kind)));
        SLV_TRY(slv_buf_append_byte(&out, '"'));
    }
    SLV_TRY(slv_buf_append_byte(&out, '}'));
    return slv_arena_dup(arena, slv_buf_view(&out), ret);
}

slv_code slv_r2_upload_place(slv_r2_upload *up, slv_r2 *r2, slv_r2_place *ret, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_ASSERT(up->finished && up->files == r2->files && !up->taken);
    *ret = (slv_r2_place){0};
    if (up->has_blob) {
        ret->file = true;
        ret->blob = up->blob;
        return SLV_OK;
    }
    if (up->size == 0)
        return SLV_OK;
    SLV_TRY(slv_db_stmt(r2->db, "INSERT INTO bodies(bytes) VALUES(?1)", &st, err));
    slv_stmt_bind_blob(st, 1, slv_buf_view(up->seals ? &up->sealed : &up->held));
    slv_code code = slv_stmt_step(r2->db, st, err);
    slv_stmt_done(st);
    if (code != SLV_OK && code != SLV_E_NOTFOUND)
        return code;
    ret->row = true;
    ret->id = sqlite3_last_insert_rowid(slv_db_handle(r2->db));
    return SLV_OK;
}

void slv_r2_upload_taken(slv_r2_upload *up)
{
    up->taken = true;
}
