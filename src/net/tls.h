/*
 * tls.h - TLS contexts over OpenSSL: certificates of our listeners, and verification for outgoing
 * connections.
 *
 * Contexts are made on any thread and may be used by several loops at once; free them after the
 * last connection. Protocols 1.2 and 1.3; OpenSSL's default ciphers. ALPN of a server: h2,
 * http/1.1.
 * The certificates of a server may be changed at any time, by any thread: connections keep what
 * they have, and sessions can be resumed across a change.
 * The process must ignore SIGPIPE: OpenSSL writes without asking for errors instead.
 */
#ifndef SLV_NET_TLS_H
#define SLV_NET_TLS_H

#include "base/buf.h"

typedef struct slv_tls_server slv_tls_server;
typedef struct slv_tls_client slv_tls_client;

/* A chain with its key. Never changes; references are counted atomically. */
typedef struct slv_tls_cert slv_tls_cert;

/* PEM texts: a chain, leaf first, and its key. Its names are those that the leaf says (subject
 * alternative names of DNS; the common name where there are none), in lower case. The message names
 * what is wrong. */
SLV_NODISCARD slv_code slv_tls_cert_pem(slv_str chain, slv_str key, slv_tls_cert **ret_cert,
                                        slv_err *err);
/* Made now for these names (host names and addresses), valid from yesterday for 30 days, signed by
 * itself. */
SLV_NODISCARD slv_code slv_tls_cert_self_signed(const slv_str *names, size_t count,
                                                slv_tls_cert **ret_cert, slv_err *err);
slv_tls_cert *slv_tls_cert_ref(slv_tls_cert *cert);
slv_tls_cert *slv_tls_cert_unref(slv_tls_cert *cert);
SLV_DEFINE_CLEANUP(slv_tls_cert *, slv_tls_cert_unref);
size_t slv_tls_cert_name_count(const slv_tls_cert *cert);
slv_str slv_tls_cert_name(const slv_tls_cert *cert, size_t i);
/* True when the leaf is for that host; "*.example.com" stands for one label more. */
bool slv_tls_cert_covers(const slv_tls_cert *cert, slv_str host);
/* Wall-clock milliseconds. */
int64_t slv_tls_cert_not_before_ms(const slv_tls_cert *cert);
int64_t slv_tls_cert_not_after_ms(const slv_tls_cert *cert);

/* A server without certificates: handshakes fail until slv_tls_server_use gives some. */
SLV_NODISCARD slv_code slv_tls_server_new(slv_tls_server **ret_tls, slv_err *err);
/* From now on these, and no others: chosen by SNI, an exact name before a wildcard, the first that
 * has the name before the others; fallback (may be NULL, and need not be among them) serves names
 * that none has. References are taken. */
void slv_tls_server_use(slv_tls_server *tls, slv_tls_cert *fallback, slv_tls_cert *const *certs,
                        size_t count);
/* missing(ctx, name): a client asked for a name that no certificate has. On the thread of the
 * connection; name is lower case and borrowed for the call. Before the first connection. */
void slv_tls_server_on_missing(slv_tls_server *tls, void (*missing)(void *ctx, slv_str name),
                               void *ctx);

/* A server with one certificate. */
SLV_NODISCARD slv_code slv_tls_server_self_signed(const slv_str *names, size_t count,
                                                  slv_tls_server **ret_tls, slv_err *err);
SLV_NODISCARD slv_code slv_tls_server_pem(slv_str chain, slv_str key, slv_tls_server **ret_tls,
                                          slv_err *err);
/* A further certificate, behind those that it has. It becomes the fallback where there is none. */
SLV_NODISCARD slv_code slv_tls_server_add(slv_tls_server *tls, slv_str chain, slv_str key,
                                          slv_err *err);
/* The fallback as PEM, so that a client can be told to trust it. */
SLV_NODISCARD slv_code slv_tls_server_certificate(slv_tls_server *tls, slv_buf *ret_pem,
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
