/* tls_int.h - what the files of TLS share. Private to net. */
#ifndef SLV_NET_TLS_INT_H
#define SLV_NET_TLS_INT_H

#include <openssl/ssl.h>
#include <stdatomic.h>

#include "net/tls.h"

struct slv_tls_cert {
    _Atomic unsigned refs;
    SSL_CTX *ctx; /* a server's context that holds it */
    char **names;
    size_t name_count;
    int64_t not_before_ms, not_after_ms;
};

/* tls.c: a context with everything but a certificate; NULL without memory. */
SSL_CTX *slv_tls_server_ctx(void);
/* With OpenSSL's reason behind `what`. */
slv_code slv_tls_fail(slv_err *err, slv_code code, const char *what);

#endif
