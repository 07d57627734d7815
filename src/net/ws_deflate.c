#include "net/ws_deflate.h"

#include <zlib.h>

#include "base/mem.h"

struct slv_deflater {
    z_stream z;
    int window_bits;
};

struct slv_inflater {
    z_stream z;
    size_t tail; /* bytes of the added tail that were read */
};

/* Each loop is a thread: a spare of each for the whole loop. */
static __thread slv_deflater *spare_deflater;
static __thread slv_inflater *spare_inflater;

slv_deflater *slv_deflater_get(int window_bits)
{
    slv_deflater *d = spare_deflater;

    if (d && d->window_bits == window_bits) {
        spare_deflater = NULL;
        return d;
    }
    d = slv_new0(slv_deflater);
    d->window_bits = window_bits;
    SLV_ASSERT(deflateInit2(&d->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -window_bits, 8,
                            Z_DEFAULT_STRATEGY) == Z_OK);
    return d;
}

slv_code slv_deflater_add(slv_deflater *d, slv_str piece, bool fin, slv_buf *out)
{
    d->z.next_in = (Bytef *)(size_t)piece.ptr;
    d->z.avail_in = (uInt)piece.len;
    do {
        size_t room = SLV_MAX(piece.len / 2 + 64, (size_t)1024);

        SLV_TRY(slv_buf_reserve(out, room));
        d->z.next_out = (Bytef *)out->ptr + out->len;
        d->z.avail_out = (uInt)room;
        /* Z_BUF_ERROR only says that there was nothing left to do */
        (void)deflate(&d->z, fin ? Z_SYNC_FLUSH : Z_NO_FLUSH);
        out->len += room - d->z.avail_out;
    } while (d->z.avail_out == 0);
    if (fin) {
        SLV_ASSERT(out->len >= 4);
        out->len -= 4;
    }
    return SLV_OK;
}

slv_deflater *slv_deflater_put(slv_deflater *d)
{
    if (!d)
        return NULL;
    if (!spare_deflater && deflateReset(&d->z) == Z_OK) {
        spare_deflater = d;
        return NULL;
    }
    deflateEnd(&d->z);
    free(d);
    return NULL;
}

slv_inflater *slv_inflater_get(void)
{
    slv_inflater *f = spare_inflater;

    if (f) {
        spare_inflater = NULL;
        return f;
    }
    f = slv_new0(slv_inflater);
    SLV_ASSERT(inflateInit2(&f->z, -15) == Z_OK);
    return f;
}

static slv_code inflate_some(slv_inflater *f, const char *in, size_t len, size_t *ret_used)
{
    int rc;

    f->z.next_in = (Bytef *)(size_t)in;
    f->z.avail_in = (uInt)len;
    rc = inflate(&f->z, Z_SYNC_FLUSH);
    *ret_used = len - f->z.avail_in;
    /* A stream that ended may be followed by another block of nothing; the RFC allows a final
     * block. */
    if (rc == Z_STREAM_END)
        rc = inflateReset(&f->z);
    return rc == Z_OK || rc == Z_BUF_ERROR ? SLV_OK : SLV_E_PARSE;
}

slv_code slv_inflater_run(slv_inflater *f, slv_str in, bool fin, char *out, size_t cap,
                          size_t *ret_used, size_t *ret_len)
{
    static const char tail[4] = {0, 0, (char)0xff, (char)0xff};
    size_t used;

    *ret_used = 0;
    f->z.next_out = (Bytef *)out;
    f->z.avail_out = (uInt)cap;
    while (*ret_used < in.len && f->z.avail_out > 0) {
        SLV_TRY(inflate_some(f, in.ptr + *ret_used, in.len - *ret_used, &used));
        *ret_used += used;
        if (used == 0)
            break;
    }
    if (fin && *ret_used == in.len && f->z.avail_out > 0) {
        SLV_TRY(inflate_some(f, tail + f->tail, sizeof tail - f->tail, &used));
        f->tail += used;
    } else if (in.len == 0 && f->z.avail_out > 0) {
        SLV_TRY(inflate_some(f, "", 0, &used)); /* output that waits in the stream */
    }
    *ret_len = cap - f->z.avail_out;
    return SLV_OK;
}

slv_inflater *slv_inflater_put(slv_inflater *f)
{
    if (!f)
        return NULL;
    f->tail = 0;
    if (!spare_inflater && inflateReset(&f->z) == Z_OK) {
        spare_inflater = f;
        return NULL;
    }
    inflateEnd(&f->z);
    free(f);
    return NULL;
}

void slv_ws_deflate_trim(void)
{
    if (spare_deflater) {
        deflateEnd(&spare_deflater->z);
        free(spare_deflater);
        spare_deflater = NULL;
    }
    if (spare_inflater) {
        inflateEnd(&spare_inflater->z);
        free(spare_inflater);
        spare_inflater = NULL;
    }
}
