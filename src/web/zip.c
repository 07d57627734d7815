#include "web/zip.h"

#define ZLIB_CONST 1 /* next_in is const */
#include <limits.h>
#include <zlib.h>

#include "base/mem.h"

#define STEP ((size_t)64 << 10) /* how much room out is given at a time */

struct slv_zip {
    z_stream z;
    bool compress, failed, ended;
};

slv_zip *slv_zip_new(slv_zip_format format, bool compress)
{
    static const int window_bits[] = {MAX_WBITS + 16, MAX_WBITS, -MAX_WBITS};
    slv_zip *zip = slv_new0(slv_zip);
    int bits = window_bits[format];
    int rc;

    zip->compress = compress;
    if (compress)
        rc = deflateInit2(&zip->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY);
    else
        rc = inflateInit2(&zip->z, bits);
    SLV_ASSERT(rc == Z_OK); /* anything else is a lack of memory or a wrong library */
    return zip;
}

slv_zip *slv_zip_free(slv_zip *zip)
{
    if (zip) {
        if (zip->compress)
            (void)deflateEnd(&zip->z);
        else
            (void)inflateEnd(&zip->z);
        free(zip);
    }
    return NULL;
}

slv_code slv_zip_run(slv_zip *zip, slv_str in, bool finish, slv_buf *out, slv_zip_result *ret)
{
    static const unsigned char nothing[1] = {0};
    size_t start = out->len;
    int rc = Z_OK;

    if (zip->failed)
        return SLV_E_PARSE;
    size_t len = SLV_MIN(in.len, (size_t)UINT_MAX);
    zip->z.next_in = len > 0 ? (const unsigned char *)in.ptr : nothing;
    zip->z.avail_in = (unsigned)len;
    *ret = (slv_zip_result){.ended = zip->ended};
    while (!zip->ended) {
        if (out->len - start >= SLV_ZIP_OUT_MAX) {
            ret->more = true;
            break;
        }
        SLV_TRY(slv_buf_reserve(out, STEP));
        zip->z.next_out = (unsigned char *)out->ptr + out->len;
        zip->z.avail_out = (unsigned)STEP;
        if (zip->compress)
            rc = deflate(&zip->z, finish && len == in.len ? Z_FINISH : Z_NO_FLUSH);
        else
            rc = inflate(&zip->z, Z_NO_FLUSH);
        out->len += STEP - zip->z.avail_out;
        if (rc == Z_STREAM_END)
            zip->ended = ret->ended = true;
        else if (rc == Z_BUF_ERROR || (rc == Z_OK && zip->z.avail_out > 0))
            break; /* wants more input */
        else if (rc != Z_OK) {
            zip->failed = true;
            return rc == Z_MEM_ERROR ? SLV_E_NOMEM : SLV_E_PARSE;
        }
    }
    ret->consumed = len - zip->z.avail_in;
    if (len < in.len && ret->consumed == len && !zip->ended)
        ret->more = true;
    return SLV_OK;
}
