/*
 * tls.h - TLS contexts over OpenSSL: certificates of our listeners, and verification for outgoing
 * connections.
 *
 * Contexts are made on any thread and may be used by several loops at once; free them after the
 * last connection. Protocols 1.2 and 1.3; OpenSSL's default ciphers. ALPN of a server: h2,
 * http/1.1.
 * The process must ignore SIGPIPE: OpenSSL writes without asking for errors instead.
 */
#ifndef SLV_NET_TLS_H
#define SLV_NET_TLS_H

#include "base/buf.h"

typedef struct slv_tls_server slv_tls_server;
typedef struct slv_tls_client slv_tls_client;

/* A certificate made now for these names (host names and addresses), valid from yesterday for 30
 * days, signed by itself. */
SLV_NODISCARD slv_code slv_tls_server_self_signed(const slv_str *names, size_t count,
                                                  slv_tls_server **ret_tls, slv_err *err);
/* PEM texts: a chain, leaf first, and its key. The message names what is wrong. */
SLV_NODISCARD slv_code slv_tls_server_pem(slv_str chain, slv_str key, slv_tls_server **ret_tls,
                                          slv_err *err);
/* A further certificate, chosen by SNI: pattern is a host name, or "*.example.com" for one label
   more. The first certificate serves all other names. */
SLV_NODISCARD slv_code slv_tls_server_add(slv_tls_server *tls, slv_str pattern, slv_str chain,
                                          slv_str key, slv_err *err);
/* The first certificate as PEM, so that a client can be told to trust it. */
SLV_NODISCARD slv_code slv_tls_server_certificate(const slv_tls_server *tls, slv_buf *ret_pem,
                                                  slv_err *err);
slv_tls_server *slv_tls_server_free(slv_tls_server *tls);
SLV_DEFINE_CLEANUP(slv_tls_server *, slv_tls_server_free);

/* Verifies against ca_file, or the system's store when NULL (SSL_CERT_FILE and SSL_CERT_DIR are
 * honoured). */
SLV_NODISCARD slv_code slv_tls_client_new(const char *ca_file, slv_tls_client **ret_tls,
                                          slv_err *err);
slv_tls_client *slv_tls_client_free(slv_tls_client *tls);
SLV_DEFINE_CLEANUP(slv_tls_client *, slv_tls_client_free);

/* For net alone: a connection's side of TLS on a connected socket; NULL without memory. host: name
 * or address to verify. */
struct ssl_st *slv_tls_server_accept(slv_tls_server *tls, int fd);
struct ssl_st *slv_tls_client_connect(slv_tls_client *tls, int fd, slv_str host, slv_err *err);

#endif
