/*
 * recode_int.h - responses whose coding (gzip, br ...) their client does not take are decoded on
 * their way out.
 *
 * Workers see "accept-encoding: br, gzip" whatever the client takes, as on the platform; so it is
 * here that a client gets what it can read. A client that says nothing gets what there is.
 */
#ifndef SLV_EDGE_RECODE_INT_H
#define SLV_EDGE_RECODE_INT_H

#include "edge/body_int.h"
#include "net/exchange.h"

#define SLV_RECODE_MAX ((size_t)64 << 20) /* of a body that came whole, decoded */

/* True when the body must be decoded: *ret_coding borrows from headers. */
bool slv_recode_wanted(const slv_exchange *ex, slv_str headers, slv_str *ret_coding);
/* The header block without Content-Encoding. */
SLV_NODISCARD slv_code slv_recode_headers(slv_str headers, slv_buf *out);
/* SLV_E_PROTOCOL: it is not what it says; SLV_E_LIMIT. */
SLV_NODISCARD slv_code slv_recode_whole(slv_str coding, slv_str body, slv_buf *out);
/* A source of what src sends, decoded. NULL when the coding is not known after all. */
slv_source *slv_recode_source(slv_str coding, slv_source *src);

#endif
