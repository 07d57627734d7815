/* The client's side: whom outgoing connections trust. */
#include <arpa/inet.h>

#include "base/mem.h"
#include "net/tls_int.h"

struct slv_tls_client {
    SSL_CTX *ctx;
};

slv_code slv_tls_client_new(const char *ca_file, slv_tls_client **ret_tls, slv_err *err)
{
    SLV_CLEANUP(slv_tls_client_free) slv_tls_client *tls = slv_new0(slv_tls_client);

    tls->ctx = SSL_CTX_new(TLS_client_method());
    if (!tls->ctx)
        return slv_tls_fail(err, SLV_E_NOMEM, "TLS");
    SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                   SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(tls->ctx, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
    if (ca_file ? SSL_CTX_load_verify_file(tls->ctx, ca_file) != 1
                : SSL_CTX_set_default_verify_paths(tls->ctx) != 1)
        return slv_tls_fail(err, SLV_E_IO, "cannot read the trusted certificates");
    *ret_tls = SLV_STEAL(tls);
    return SLV_OK;
}

slv_tls_client *slv_tls_client_free(slv_tls_client *tls)
{
    if (tls) {
        SSL_CTX_free(tls->ctx);
        free(tls);
    }
    return NULL;
}

struct ssl_st *slv_tls_client_connect(slv_tls_client *tls, int fd, slv_str host, slv_err *err)
{
    SLV_CLEANUP(slv_charp_free) char *name = slv_strndup(host.ptr, host.len);
    SSL *ssl = SSL_new(tls->ctx);
    unsigned char address[16];
    bool ok = ssl && SSL_set_fd(ssl, fd) == 1;

    if (ok && (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1))
        ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    else if (ok)
        ok = SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
    if (!ok) {
        SSL_free(ssl);
        (void)slv_tls_fail(err, SLV_E_IO, "TLS");
        return NULL;
    }
    SSL_set_connect_state(ssl);
    return ssl;
}
