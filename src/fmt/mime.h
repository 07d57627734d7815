/*
 * mime.h - MIME types as the WHATWG MIME sniffing standard parses and writes them, the combined
 * Content-Type of fetch, and data: URLs. Any thread.
 *
 * Limits: SLV_MIME_MAX bytes of input, SLV_MIME_PARAMS_MAX parameters (later ones are ignored).
 */
#ifndef SLV_FMT_MIME_H
#define SLV_FMT_MIME_H

#include "base/arena.h"
#include "base/buf.h"

#define SLV_MIME_MAX ((size_t)1 << 20)
#define SLV_MIME_PARAMS_MAX 64

typedef struct slv_mime_param {
    slv_str name, value; /* the name is in lower case */
} slv_mime_param;

typedef struct slv_mime {
    slv_str type, subtype; /* in lower case */
    slv_mime_param params[SLV_MIME_PARAMS_MAX];
    size_t n_params;
} slv_mime;

/* Parses input, which is UTF-8 of a byte string: characters above U+00FF are never valid. The
   strings of *ret live in the arena or borrow from input. SLV_E_PARSE when it is no MIME type. */
SLV_NODISCARD slv_code slv_mime_parse(slv_str input, slv_arena *arena, slv_mime *ret);
/* Appends type/subtype;name=value, quoted where needed. */
SLV_NODISCARD slv_code slv_mime_write(const slv_mime *mime, slv_buf *out);
/* The value of a parameter (name in lower case); ptr NULL when absent. */
slv_str slv_mime_get(const slv_mime *mime, slv_str name);
/* Sets a parameter, keeping its place when it exists. name and value are borrowed. */
SLV_NODISCARD slv_code slv_mime_set(slv_mime *mime, slv_str name, slv_str value);
/* fetch's "extract a MIME type": value is every Content-Type field joined by ", ". SLV_E_PARSE when
 * there is none. */
SLV_NODISCARD slv_code slv_mime_extract(slv_str value, slv_arena *arena, slv_mime *ret);
/* True when type/subtype is essence (in lower case). */
bool slv_mime_is(const slv_mime *mime, slv_str essence);
/* fetch's data: URL processor. url is a serialised data: URL without its fragment, or with it (it
   is ignored). ret_type and ret_body are replaced. SLV_E_PARSE when it is no data: URL. */
SLV_NODISCARD slv_code slv_data_url_parse(slv_str url, slv_buf *ret_type, slv_buf *ret_body);

#endif
