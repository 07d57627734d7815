/*
 * form.h - in which form a client gets a file: a range of it, or its bytes packed by gzip or
 * brotli. Pure functions; any thread.
 *
 * Rule: RFC 9110, sections 12.5.3 (Accept-Encoding), 13.1.5 (If-Range), 14 (ranges); which types
 * are worth packing is the platform's own list.
 */
#ifndef SLV_ASSETS_FORM_H
#define SLV_ASSETS_FORM_H

#include "base/str.h"

typedef enum slv_coding {
    SLV_CODING_NONE,
    SLV_CODING_GZIP,
    SLV_CODING_BR,
    SLV_CODINGS,
} slv_coding;

slv_str slv_coding_name(slv_coding c);   /* "gzip"; empty for NONE */
slv_str slv_coding_suffix(slv_coding c); /* ".gz" */

#define SLV_PACK_MIN ((uint64_t)512) /* smaller files are not worth it */

/* Whether bytes of that Content-Type and size are packed at all. */
bool slv_form_packs(slv_str type, uint64_t size);
/* The one that the client wants most, of those that `have` says (bits 1 << coding): by weight;
 * brotli before gzip where they weigh the same; NONE when plain bytes weigh more, or when it names
 * neither ("*" gets plain bytes). */
slv_coding slv_form_coding(slv_str accept, unsigned have);

typedef enum slv_ranged {
    SLV_RANGE_ALL,  /* no range, several, or none that can be read: the whole file, 200 */
    SLV_RANGE_PART, /* 206 */
    SLV_RANGE_NONE, /* nothing of it is there: 416 */
} slv_ranged;

/* size: of the file. if_range: the field, or empty; etag: 32 digits of the file's strong tag. */
slv_ranged slv_form_range(slv_str range, slv_str if_range, slv_str etag, uint64_t size,
                          uint64_t *ret_from, uint64_t *ret_length);

#endif
