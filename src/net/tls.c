#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/rand.h"

#define SELF_SIGNED_DAYS 30

typedef struct named_ctx {
    struct named_ctx *next;
    SSL_CTX *ctx;
    char *pattern;
} named_ctx;

struct slv_tls_server {
    SSL_CTX *ctx; /* with the first certificate */
    named_ctx *named;
};

struct slv_tls_client {
    SSL_CTX *ctx;
};

static slv_code tls_fail(slv_err *err, slv_code code, const char *what)
{
    unsigned long e = ERR_peek_last_error();
    const char *reason = e ? ERR_reason_error_string(e) : NULL;

    code = slv_fail(err, code, "%s: %s", what, reason ? reason : "OpenSSL failed");
    ERR_clear_error();
    return code;
}

/* Of the protocols that the client offers, h2 or http/1.1; a client that offers only others is told
 * so.
 */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool matches(slv_str pattern, slv_str name)
{
    size_t dot;

    if (!slv_str_starts(pattern, SLV_STR("*.")))
        return slv_str_eq_nocase(pattern, name);
    dot = slv_str_chr(name, '.', 0);
    return dot != SIZE_MAX && dot > 0 &&
           slv_str_eq_nocase(slv_str_skip(pattern, 1), slv_str_skip(name, dot));
}

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    slv_tls_server *tls = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    (void)alert;
    for (named_ctx *n = tls->named; name && n; n = n->next)
        if (matches(slv_str_from(n->pattern), slv_str_from(name))) {
            SSL_set_SSL_CTX(ssl, n->ctx);
            break;
        }
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *server_ctx(slv_tls_server *tls)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (!ctx)
        return NULL;
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    /* Many clients leave without close_notify; HTTP's own framing tells what is complete. */
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(ctx, tls);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"selvage", 7);
    return ctx;
}

/* Certificates from PEM.
 * --------------------------------------------------------------------------------------------- */

static slv_code use_pem(SSL_CTX *ctx, slv_str chain, slv_str key, slv_err *err)
{
    BIO *chain_bio = BIO_new_mem_buf(chain.ptr, (int)chain.len),
        *key_bio = BIO_new_mem_buf(key.ptr, (int)key.len);
    X509 *leaf = chain_bio ? PEM_read_bio_X509(chain_bio, NULL, NULL, NULL) : NULL, *ca;
    EVP_PKEY *pkey = key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL) : NULL;
    slv_code code = SLV_OK;

    if (!leaf || SSL_CTX_use_certificate(ctx, leaf) != 1)
        code = tls_fail(err, SLV_E_PARSE, "the certificate cannot be read as PEM");
    else if (!pkey)
        code = tls_fail(err, SLV_E_PARSE, "the private key cannot be read as PEM");
    else if (SSL_CTX_use_PrivateKey(ctx, pkey) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        code = tls_fail(err, SLV_E_INVAL, "the private key does not belong to the certificate");
    while (code == SLV_OK && (ca = PEM_read_bio_X509(chain_bio, NULL, NULL, NULL)))
        if (SSL_CTX_add0_chain_cert(ctx, ca) != 1) {
            X509_free(ca);
            code = tls_fail(err, SLV_E_PARSE, "the certificate chain cannot be used");
        }
    ERR_clear_error(); /* the end of the chain counts as an error there */
    X509_free(leaf);
    EVP_PKEY_free(pkey);
    BIO_free(chain_bio);
    BIO_free(key_bio);
    return code;
}

slv_code slv_tls_server_pem(slv_str chain, slv_str key, slv_tls_server **ret_tls, slv_err *err)
{
    SLV_CLEANUP(slv_tls_server_free) slv_tls_server *tls = slv_new0(slv_tls_server);

    tls->ctx = server_ctx(tls);
    if (!tls->ctx)
        return tls_fail(err, SLV_E_NOMEM, "TLS");
    SLV_TRY(use_pem(tls->ctx, chain, key, err));
    *ret_tls = SLV_STEAL(tls);
    return SLV_OK;
}

slv_code slv_tls_server_add(slv_tls_server *tls, slv_str pattern, slv_str chain, slv_str key,
                            slv_err *err)
{
    SSL_CTX *ctx = server_ctx(tls);
    named_ctx *n;
    slv_code code;

    if (!ctx)
        return tls_fail(err, SLV_E_NOMEM, "TLS");
    code = use_pem(ctx, chain, key, err);
    if (code != SLV_OK) {
        SSL_CTX_free(ctx);
        return code;
    }
    n = slv_new0(named_ctx);
    n->ctx = ctx;
    n->pattern = slv_strndup(pattern.ptr, pattern.len);
    n->next = tls->named;
    tls->named = n;
    return SLV_OK;
}

/* A certificate of our own.
 * -------------------------------------------------------------------------------------------- */

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;
    bool ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = ext && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

/* "DNS:a,IP:b" of the names. SLV_E_INVAL for a name that would mean something else there. */
static slv_code alt_names(const slv_str *names, size_t count, slv_buf *out, slv_err *err)
{
    for (size_t i = 0; i < count; i++) {
        SLV_CLEANUP(slv_charp_free) char *name = slv_strndup(names[i].ptr, names[i].len);
        unsigned char address[16];
        bool ip = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;

        for (const char *p = name; *p; p++)
            if (!slv_is_digit(*p) && !slv_is_alpha(*p) && !memchr("-._*:", *p, 5))
                return slv_fail(err, SLV_E_INVAL, "\"%s\" is no host name", name);
        SLV_TRY(slv_buf_printf(out, "%s%s:%s", i ? "," : "", ip ? "IP" : "DNS", name));
    }
    return SLV_OK;
}

static bool fill_certificate(X509 *cert, EVP_PKEY *key, const char *alt)
{
    X509_NAME *subject = X509_get_subject_name(cert);

    return X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), slv_rand_u64() >> 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -86400L) &&
           X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * SELF_SIGNED_DAYS) &&
           X509_set_pubkey(cert, key) == 1 &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"selvage dev", -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, subject) == 1 &&
           add_extension(cert, NID_subject_alt_name, alt) &&
           add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(cert, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
           add_extension(cert, NID_ext_key_usage, "serverAuth") &&
           add_extension(cert, NID_subject_key_identifier, "hash") &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

slv_code slv_tls_server_self_signed(const slv_str *names, size_t count, slv_tls_server **ret_tls,
                                    slv_err *err)
{
    SLV_CLEANUP(slv_tls_server_free) slv_tls_server *tls = slv_new0(slv_tls_server);
    SLV_CLEANUP(slv_buf_done) slv_buf alt = SLV_BUF(16 << 10);
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    bool ok;

    SLV_TRY(alt_names(names, count, &alt, err));
    tls->ctx = server_ctx(tls);
    key = EVP_EC_gen("P-256");
    cert = X509_new();
    ok = tls->ctx && key && cert && fill_certificate(cert, key, slv_buf_cstr(&alt)) &&
         SSL_CTX_use_certificate(tls->ctx, cert) == 1 && SSL_CTX_use_PrivateKey(tls->ctx, key) == 1;
    X509_free(cert);
    EVP_PKEY_free(key);
    if (!ok)
        return tls_fail(err, SLV_E_IO, "cannot make a certificate");
    *ret_tls = SLV_STEAL(tls);
    return SLV_OK;
}

slv_code slv_tls_server_certificate(const slv_tls_server *tls, slv_buf *ret_pem, slv_err *err)
{
    X509 *cert = SSL_CTX_get0_certificate(tls->ctx);
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    slv_code code;

    if (!bio || PEM_write_bio_X509(bio, cert) != 1) {
        BIO_free(bio);
        return tls_fail(err, SLV_E_NOMEM, "cannot write the certificate");
    }
    long len = BIO_get_mem_data(bio, &pem);
    code = slv_buf_append(ret_pem, slv_str_make(pem, (size_t)len));
    BIO_free(bio);
    return code;
}

slv_tls_server *slv_tls_server_free(slv_tls_server *tls)
{
    if (!tls)
        return NULL;
    while (tls->named) {
        named_ctx *n = tls->named;

        tls->named = n->next;
        SSL_CTX_free(n->ctx);
        free(n->pattern);
        free(n);
    }
    SSL_CTX_free(tls->ctx);
    free(tls);
    return NULL;
}

struct ssl_st *slv_tls_server_accept(slv_tls_server *tls, int fd)
{
    SSL *ssl = SSL_new(tls->ctx);

    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return ssl;
}

/* The client's side.
 * ---------------------------------------------------------------------------------------------------
 */

slv_code slv_tls_client_new(const char *ca_file, slv_tls_client **ret_tls, slv_err *err)
{
    SLV_CLEANUP(slv_tls_client_free) slv_tls_client *tls = slv_new0(slv_tls_client);

    tls->ctx = SSL_CTX_new(TLS_client_method());
    if (!tls->ctx)
        return tls_fail(err, SLV_E_NOMEM, "TLS");
    SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                   SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(tls->ctx, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
    if (ca_file ? SSL_CTX_load_verify_file(tls->ctx, ca_file) != 1
                : SSL_CTX_set_default_verify_paths(tls->ctx) != 1)
        return tls_fail(err, SLV_E_IO, "cannot read the trusted certificates");
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
        (void)tls_fail(err, SLV_E_IO, "TLS");
        return NULL;
    }
    SSL_set_connect_state(ssl);
    return ssl;
}
