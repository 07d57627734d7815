/*
 * handed.h - what one process tells another of a connection that it hands over, as bytes of one
 * message beside the descriptor (docs/internals/serve.md, "Upgrade").
 *
 * The two are builds of the same program, though not always the same build: the format has a
 * version, which they compare before anything is handed over. All the same the reader believes
 * nothing: lengths, texts and flags are checked.
 *
 * Pure functions; any thread. Limits: a message is SLV_HANDED_MAX bytes at most.
 */
#ifndef SLV_NET_HANDED_H
#define SLV_NET_HANDED_H

#include "base/buf.h"

#define SLV_HANDED_VERSION 1
#define SLV_HANDED_MAX ((size_t)200 << 10) /* as much as a message of a socket may be */

/* Of an HTTP connection that waits for a request, or for the rest of its head. Texts end with a
 * NUL. */
typedef struct slv_handed {
    char peer[46], local[46];             /* the client's address, and ours; empty: none is known */
    char tls_version[16], tls_cipher[64]; /* what the client speaks; empty without TLS */
    uint16_t peer_port, local_port, redirect_port;
    bool secure;      /* the client speaks TLS, or a proxy said so */
    bool fresh;       /* TLS begins with the descriptor's next byte; else the bytes are plain */
    bool h2;          /* the client was told that HTTP/2 follows */
    slv_str received; /* what came of the next request; borrowed */
} slv_handed;

/* Appends. SLV_E_LIMIT. */
SLV_NODISCARD slv_code slv_handed_put(const slv_handed *h, slv_buf *out);
/* SLV_E_PARSE: it is not that. received borrows from bytes. */
SLV_NODISCARD slv_code slv_handed_get(slv_str bytes, slv_handed *ret);

#endif
