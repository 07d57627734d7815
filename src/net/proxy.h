/*
 * proxy.h - the header of the PROXY protocol, versions 1 (text) and 2 (binary), with which a load
 * balancer tells whose connection it passes on. A pure function over bytes; any thread.
 *
 * Strict: one blank between words, addresses of the family that is named, ports without leading
 * zeros, CRLF; known commands and families, lengths that add up, CRC32C where it is given. What
 * does not begin as a header is none: there is no guessing whether one was meant.
 * Rule: "The PROXY protocol", versions 1 & 2 (HAProxy), sections 2.1 and 2.2.
 */
#ifndef SLV_NET_PROXY_H
#define SLV_NET_PROXY_H

#include "base/str.h"

#define SLV_PROXY_LINE_MAX ((size_t)107)    /* of version 1, CRLF included */
#define SLV_PROXY_HEADER_MAX ((size_t)4096) /* of version 2, additions included */

typedef struct slv_proxy_header {
    size_t length; /* bytes of the header */
    bool known;    /* the addresses were told; else those of the connection count */
    bool tls;      /* the client speaks TLS to the balancer */
    char peer[46], local[46];
    uint16_t peer_port, local_port;
} slv_proxy_header;

/* data: what came so far. SLV_E_AGAIN: every byte of it belongs to a header, and more is needed.
 * SLV_E_PARSE, SLV_E_LIMIT: *ret_why says what is wrong. */
SLV_NODISCARD slv_code slv_proxy_parse(slv_str data, slv_proxy_header *ret, const char **ret_why);

#endif
