#include "assets/pack.h"

#include <brotli/encode.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/mem.h"

#define PIECE ((size_t)64 << 10)
#define BROTLI_BEST_MAX ((uint64_t)1 << 20) /* larger files take too long at the best quality */
#define BROTLI_LARGE 7

typedef struct packer {
    slv_coding coding;
    const atomic_bool *stop;
    int in, out;
    uint64_t size, most, written;
    BrotliEncoderState *brotli;
    z_stream z;
    bool z_on;
    uint8_t *from, *to;
    slv_err *err;
} packer;

static void packer_done(packer *p)
{
    if (p->brotli)
        BrotliEncoderDestroyInstance(p->brotli);
    if (p->z_on)
        (void)deflateEnd(&p->z);
    if (p->in >= 0)
        (void)close(p->in);
    if (p->out >= 0)
        (void)close(p->out);
    free(p->from);
    free(p->to);
}
SLV_DEFINE_CLEANUP_DONE(packer, packer_done);

static slv_code put(packer *p, size_t n)
{
    const uint8_t *at = p->to;

    p->written += n;
    if (p->written > p->most)
        return SLV_E_LIMIT;
    while (n > 0) {
        ssize_t done = write(p->out, at, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return slv_fail_errno(p->err, SLV_E_IO, "cannot write a packed file");
        at += done;
        n -= (size_t)done;
    }
    return SLV_OK;
}

static slv_code feed_brotli(packer *p, size_t n, bool last)
{
    BrotliEncoderOperation op = last ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_PROCESS;
    const uint8_t *next = p->from;
    bool more;

    do {
        uint8_t *to = p->to;
        size_t room = PIECE;

        if (!BrotliEncoderCompressStream(p->brotli, op, &n, &next, &room, &to, NULL))
            return slv_fail(p->err, SLV_E_NOMEM, "brotli failed");
        SLV_TRY(put(p, PIECE - room));
        more = n > 0 || BrotliEncoderHasMoreOutput(p->brotli) ||
               (last && !BrotliEncoderIsFinished(p->brotli));
    } while (more);
    return SLV_OK;
}

static slv_code feed_gzip(packer *p, size_t n, bool last)
{
    int rc;

    p->z.next_in = p->from;
    p->z.avail_in = (uInt)n;
    do {
        p->z.next_out = p->to;
        p->z.avail_out = (uInt)PIECE;
        rc = deflate(&p->z, last ? Z_FINISH : Z_NO_FLUSH);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return slv_fail(p->err, SLV_E_NOMEM, "gzip failed");
        SLV_TRY(put(p, PIECE - p->z.avail_out));
    } while (p->z.avail_out == 0 || (last && rc != Z_STREAM_END));
    return SLV_OK;
}

static slv_code start(packer *p)
{
    p->from = slv_alloc(PIECE);
    p->to = slv_alloc(PIECE);
    if (p->coding == SLV_CODING_GZIP) {
        p->z_on = deflateInit2(&p->z, 9, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK;
        return p->z_on ? SLV_OK : slv_fail(p->err, SLV_E_NOMEM, "gzip failed");
    }
    p->brotli = BrotliEncoderCreateInstance(NULL, NULL, NULL);
    if (!p->brotli)
        return slv_fail(p->err, SLV_E_NOMEM, "brotli failed");
    (void)BrotliEncoderSetParameter(p->brotli, BROTLI_PARAM_QUALITY,
                                    p->size <= BROTLI_BEST_MAX ? BROTLI_MAX_QUALITY : BROTLI_LARGE);
    (void)BrotliEncoderSetParameter(p->brotli, BROTLI_PARAM_LGWIN, BROTLI_DEFAULT_WINDOW);
    (void)BrotliEncoderSetParameter(p->brotli, BROTLI_PARAM_SIZE_HINT,
                                    (uint32_t)SLV_MIN(p->size, (uint64_t)UINT32_MAX));
    return SLV_OK;
}

static slv_code run(packer *p)
{
    bool last = false;

    while (!last) {
        ssize_t n = read(p->in, p->from, PIECE);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return slv_fail_errno(p->err, SLV_E_IO, "cannot read a file to pack");
        if (atomic_load_explicit(p->stop, memory_order_relaxed))
            return SLV_E_CANCELED;
        last = n == 0;
        if (p->coding == SLV_CODING_BR)
            SLV_TRY(feed_brotli(p, (size_t)n, last));
        else
            SLV_TRY(feed_gzip(p, (size_t)n, last));
    }
    return SLV_OK;
}

slv_code slv_pack_file(const char *from, const char *to, slv_coding coding, const atomic_bool *stop,
                       uint64_t *ret_size, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf fresh = SLV_BUF((size_t)64 << 10);
    SLV_CLEANUP(packer_done)
    packer p = {.coding = coding, .stop = stop, .in = -1, .out = -1, .err = err};
    struct stat st;
    slv_code code;

    SLV_TRY(slv_buf_printf(&fresh, "%s.new", to));
    p.in = open(from, O_RDONLY | O_CLOEXEC);
    if (p.in < 0 || fstat(p.in, &st) != 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot read %s", from);
    p.size = (uint64_t)st.st_size;
    p.most = p.size - p.size / 8;
    SLV_TRY(start(&p));
    p.out = open(slv_buf_cstr(&fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (p.out < 0)
        return slv_fail_errno(err, SLV_E_IO, "cannot write %s", slv_buf_cstr(&fresh));
    code = run(&p);
    /* Nobody is told that it is there before it is whole; after a power cut it is made again, so
     * that it need only not be taken for whole when it is not. */
    if (code == SLV_OK && (fdatasync(p.out) != 0 || rename(slv_buf_cstr(&fresh), to) != 0))
        code = slv_fail_errno(err, SLV_E_IO, "cannot write %s", to);
    if (code != SLV_OK)
        (void)unlink(slv_buf_cstr(&fresh));
    *ret_size = p.written;
    return code;
}
