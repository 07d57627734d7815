/*
 * node_zlib.h - what is behind node:zlib: zlib's seven modes, brotli and Zstandard, piece by piece,
 * with every parameter that Node.js lets a program set. No engine. (web/zip.h is the simpler form
 * of the web's streams.)
 *
 * One thread at a time. Modes, flushes and parameter numbers are those of the libraries, which are
 * Node's.
 */
#ifndef SLV_WEB_NODE_ZLIB_H
#define SLV_WEB_NODE_ZLIB_H

#include "base/buf.h"

typedef enum slv_nodejs_zip_mode { /* as zlib.constants has them */
                                   SLV_NODEJS_DEFLATE = 1,
                                   SLV_NODEJS_INFLATE,
                                   SLV_NODEJS_GZIP,
                                   SLV_NODEJS_GUNZIP,
                                   SLV_NODEJS_DEFLATE_RAW,
                                   SLV_NODEJS_INFLATE_RAW,
                                   SLV_NODEJS_UNZIP,
                                   SLV_NODEJS_BROTLI_DECODE,
                                   SLV_NODEJS_BROTLI_ENCODE,
                                   SLV_NODEJS_ZSTD_ENCODE,
                                   SLV_NODEJS_ZSTD_DECODE,
} slv_nodejs_zip_mode;

/* What went wrong: message and code are what the program sees. */
typedef struct slv_nodejs_zip_error {
    const char *message, *code;
    int errnum;
    char text[128]; /* where message or code may lie */
} slv_nodejs_zip_error;

typedef struct slv_nodejs_zip slv_nodejs_zip;

typedef struct slv_nodejs_zlib_options {
    int window_bits, level, mem_level, strategy; /* within the library's ranges */
    slv_str dictionary;                          /* copied */
} slv_nodejs_zlib_options;
slv_nodejs_zip *slv_nodejs_zip_zlib(slv_nodejs_zip_mode mode, const slv_nodejs_zlib_options *o);
/* Of brotli and Zstandard. pledged: the length of the input of an encoder of Zstandard, UINT64_MAX
   when unknown. NULL: refused, *ret_error says why. */
slv_nodejs_zip *slv_nodejs_zip_new(slv_nodejs_zip_mode mode, uint64_t pledged,
                                   slv_nodejs_zip_error *ret_error);
/* A parameter of brotli or Zstandard, before anything was written. */
bool slv_nodejs_zip_set(slv_nodejs_zip *z, int key, int value, slv_nodejs_zip_error *ret_error);
slv_nodejs_zip *slv_nodejs_zip_free(slv_nodejs_zip *z);
SLV_DEFINE_CLEANUP(slv_nodejs_zip *, slv_nodejs_zip_free);

typedef struct slv_nodejs_zip_io {
    const uint8_t *in;
    size_t in_len; /* consumed bytes are taken off both ends of the pair */
    uint8_t *out;
    size_t out_len; /* room; likewise */
} slv_nodejs_zip_io;
/* False: *ret_error. Nothing of io is kept. */
bool slv_nodejs_zip_write(slv_nodejs_zip *z, int flush, slv_nodejs_zip_io *io,
                          slv_nodejs_zip_error *ret_error);
/* The data is complete. */
bool slv_nodejs_zip_ended(const slv_nodejs_zip *z);
bool slv_nodejs_zip_reset(slv_nodejs_zip *z, slv_nodejs_zip_error *ret_error);
/* Of zlib's compressors; nothing for others. */
bool slv_nodejs_zip_params(slv_nodejs_zip *z, int level, int strategy,
                           slv_nodejs_zip_error *ret_error);
/* All of `in` at once; at most `max` bytes come out (SLV_E_LIMIT). SLV_E_PARSE: *ret_error. */
SLV_NODISCARD slv_code slv_nodejs_zip_all(slv_nodejs_zip *z, int flush, slv_str in, size_t max,
                                          slv_buf *out, slv_nodejs_zip_error *ret_error);

uint32_t slv_nodejs_crc32(slv_str bytes, uint32_t value);

#endif
