/*
 * base64.h - base64 and base64url (RFC 4648), strict and as the web forgives it. Any thread.
 */
#ifndef SLV_FMT_BASE64_H
#define SLV_FMT_BASE64_H

#include "base/buf.h"

typedef enum slv_base64_mode {
    SLV_BASE64_STD,        /* + and /, padded */
    SLV_BASE64_URL,        /* - and _, not padded (JWK, JWT) */
    SLV_BASE64_URL_PADDED, /* - and _, padded */
} slv_base64_mode;

/* Both append. Decoding is strict: the mode's alphabet and padding, no white space, unused bits
   zero; SLV_E_PARSE otherwise. */
SLV_NODISCARD slv_code slv_base64_encode(slv_str bytes, slv_base64_mode mode, slv_buf *out);
SLV_NODISCARD slv_code slv_base64_decode(slv_str text, slv_base64_mode mode, slv_buf *out);
/* The "forgiving-base64 decode" of the Infra standard: ASCII white space is skipped, padding may be
   left out, unused bits are ignored. Appends. SLV_E_PARSE otherwise. */
SLV_NODISCARD slv_code slv_base64_decode_forgiving(slv_str text, slv_buf *out);

#endif
