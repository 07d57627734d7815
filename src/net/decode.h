/*
 * decode.h - content codings of response bodies: gzip, deflate (zlib or raw), br, and chains of
 * them. One thread.
 */
#ifndef SLV_NET_DECODE_H
#define SLV_NET_DECODE_H

#include "base/str.h"

#define SLV_DECODE_CHAIN_MAX 4

typedef struct slv_decoder slv_decoder;

/* For a Content-Encoding value. NULL when there is nothing to decode: no coding, identity, one that
 * is not known, or too many. */
slv_decoder *slv_decoder_new(slv_str encoding);
slv_decoder *slv_decoder_free(slv_decoder *d); /* accepts NULL, returns NULL */
/* Decodes into out[cap]. *ret_used of in was read; *ret_len came out: when that is cap there may be
   more without further input. last: in is all that follows. SLV_E_PROTOCOL for malformed or cut
   data. */
SLV_NODISCARD slv_code slv_decoder_run(slv_decoder *d, slv_str in, bool last, char *out, size_t cap,
                                       size_t *ret_used, size_t *ret_len, slv_err *err);

#endif
