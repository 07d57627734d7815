/*
 * zip.h - streaming compression and decompression of gzip, deflate (zlib), raw deflate and
 * brotli. No engine.
 *
 * A slv_zip is used by one thread at a time. A call gives at most SLV_ZIP_OUT_MAX bytes, so that a
 * small input that unpacks to very much cannot take the memory at once: call again while more is
 * said to be there. A stream that failed or ended takes nothing more.
 */
#ifndef SLV_WEB_ZIP_H
#define SLV_WEB_ZIP_H

#include "base/buf.h"

#define SLV_ZIP_OUT_MAX ((size_t)1 << 20)

typedef enum slv_zip_format {
    SLV_ZIP_GZIP,
    SLV_ZIP_DEFLATE, /* zlib's wrapper */
    SLV_ZIP_DEFLATE_RAW,
    SLV_ZIP_BROTLI,
} slv_zip_format;

typedef struct slv_zip slv_zip;

slv_zip *slv_zip_new(slv_zip_format format, bool compress);
slv_zip *slv_zip_free(slv_zip *z);
SLV_DEFINE_CLEANUP(slv_zip *, slv_zip_free);

typedef struct slv_zip_result {
    size_t consumed; /* bytes of the input; the rest is to be given again, or is trailing data when
                        `ended` */
    bool more;  /* out is full: call again, with the rest of the input, before there is new input */
    bool ended; /* the compressed data is complete */
} slv_zip_result;

/* Appends to out (room for SLV_ZIP_OUT_MAX more is needed). finish: no input follows (compression
   only). SLV_E_PARSE: the data is malformed. */
SLV_NODISCARD slv_code slv_zip_run(slv_zip *z, slv_str in, bool finish, slv_buf *out,
                                   slv_zip_result *ret);

#endif
