/* The server's side: which certificate a client gets, and what is agreed on with it. */
#include "net/tls.h"

#include <openssl/err.h>
#include <pthread.h>

#include "base/map.h"
#include "base/vec.h"
#include "net/tls_int.h"

#define NAME_MAX_LEN 253

struct slv_tls_server {
    SSL_CTX *base; /* what every connection begins with: its ticket keys outlive certificates */
    pthread_mutex_t lock; /* held for what follows */
    SLV_VEC(slv_tls_cert *) certs;
    slv_tls_cert *fallback;
    SLV_MAP(slv_tls_cert *) exact;
    SLV_MAP(slv_tls_cert *) wild; /* "example.com" for "*.example.com" */
    void (*missing)(void *ctx, slv_str name);
    void *missing_ctx;
};

slv_code slv_tls_fail(slv_err *err, slv_code code, const char *what)
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

/* ---- which certificate ---- */

static slv_tls_cert *named(const slv_tls_server *tls, slv_str name)
{
    slv_tls_cert **found = slv_map_get(&tls->exact, name);
    size_t dot = slv_str_chr(name, '.', 0);

    if (!found && dot != SIZE_MAX && dot > 0)
        found = slv_map_get(&tls->wild, slv_str_skip(name, dot + 1));
    return found ? *found : NULL;
}

static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    slv_tls_server *tls = arg;
    slv_str asked = slv_str_from(SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
    char lower[NAME_MAX_LEN];
    slv_tls_cert *cert = NULL;
    bool usable = asked.len > 0 && asked.len <= sizeof lower;

    (void)alert;
    for (size_t i = 0; usable && i < asked.len; i++)
        lower[i] = slv_ascii_lower(asked.ptr[i]);
    pthread_mutex_lock(&tls->lock);
    if (usable)
        cert = named(tls, slv_str_make(lower, asked.len));
    bool missed = usable && !cert;
    if (!cert)
        cert = tls->fallback;
    if (cert)
        SSL_set_SSL_CTX(ssl, cert->ctx); /* takes a reference of its own */
    pthread_mutex_unlock(&tls->lock);
    if (missed && tls->missing)
        tls->missing(tls->missing_ctx, slv_str_make(lower, asked.len));
    return cert ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* ---- contexts ---- */

SSL_CTX *slv_tls_server_ctx(void)
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
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"selvage", 7);
    return ctx;
}

slv_code slv_tls_server_new(slv_tls_server **ret_tls, slv_err *err)
{
    slv_tls_server *tls = slv_new0(slv_tls_server);

    tls->base = slv_tls_server_ctx();
    if (!tls->base) {
        free(tls);
        return slv_tls_fail(err, SLV_E_NOMEM, "TLS");
    }
    pthread_mutex_init(&tls->lock, NULL);
    SSL_CTX_set_tlsext_servername_callback(tls->base, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(tls->base, tls);
    *ret_tls = tls;
    return SLV_OK;
}

static void drop_all(slv_tls_server *tls)
{
    slv_map_done(&tls->exact);
    slv_map_done(&tls->wild);
    while (tls->certs.len > 0)
        slv_tls_cert_unref(slv_vec_pop(&tls->certs));
    tls->fallback = slv_tls_cert_unref(tls->fallback);
}

static void add(slv_tls_server *tls, slv_tls_cert *cert)
{
    slv_vec_push(&tls->certs, slv_tls_cert_ref(cert));
    for (size_t i = 0; i < cert->name_count; i++) {
        slv_str name = slv_str_from(cert->names[i]);

        if (slv_str_starts(name, SLV_STR("*."))) {
            name = slv_str_skip(name, 2);
            if (!slv_map_get(&tls->wild, name))
                slv_map_set(&tls->wild, name, cert);
        } else if (!slv_map_get(&tls->exact, name)) {
            slv_map_set(&tls->exact, name, cert);
        }
    }
}

void slv_tls_server_use(slv_tls_server *tls, slv_tls_cert *fallback, slv_tls_cert *const *certs,
                        size_t count)
{
    pthread_mutex_lock(&tls->lock);
    if (fallback)
        (void)slv_tls_cert_ref(fallback);
    for (size_t i = 0; i < count; i++)
        (void)slv_tls_cert_ref(certs[i]);
    drop_all(tls);
    tls->fallback = fallback;
    for (size_t i = 0; i < count; i++) {
        add(tls, certs[i]);
        slv_tls_cert_unref(certs[i]);
    }
    pthread_mutex_unlock(&tls->lock);
}

void slv_tls_server_on_missing(slv_tls_server *tls, void (*missing)(void *ctx, slv_str name),
                               void *ctx)
{
    tls->missing = missing;
    tls->missing_ctx = ctx;
}

/* Takes cert. */
static slv_code server_of(slv_tls_cert *cert, slv_tls_server **ret_tls, slv_err *err)
{
    slv_code code = slv_tls_server_new(ret_tls, err);

    if (code == SLV_OK)
        slv_tls_server_use(*ret_tls, cert, &cert, 1);
    slv_tls_cert_unref(cert);
    return code;
}

slv_code slv_tls_server_pem(slv_str chain, slv_str key, slv_tls_server **ret_tls, slv_err *err)
{
    slv_tls_cert *cert;

    SLV_TRY(slv_tls_cert_pem(chain, key, &cert, err));
    return server_of(cert, ret_tls, err);
}

slv_code slv_tls_server_self_signed(const slv_str *names, size_t count, slv_tls_server **ret_tls,
                                    slv_err *err)
{
    slv_tls_cert *cert;

    SLV_TRY(slv_tls_cert_self_signed(names, count, &cert, err));
    return server_of(cert, ret_tls, err);
}

slv_code slv_tls_server_add(slv_tls_server *tls, slv_str chain, slv_str key, slv_err *err)
{
    slv_tls_cert *cert;

    SLV_TRY(slv_tls_cert_pem(chain, key, &cert, err));
    pthread_mutex_lock(&tls->lock);
    add(tls, cert);
    if (!tls->fallback)
        tls->fallback = slv_tls_cert_ref(cert);
    pthread_mutex_unlock(&tls->lock);
    slv_tls_cert_unref(cert);
    return SLV_OK;
}

slv_code slv_tls_server_certificate(slv_tls_server *tls, slv_buf *ret_pem, slv_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    slv_code code;
    bool ok;

    pthread_mutex_lock(&tls->lock);
    X509 *cert = tls->fallback ? SSL_CTX_get0_certificate(tls->fallback->ctx) : NULL;
    ok = bio && cert && PEM_write_bio_X509(bio, cert) == 1;
    pthread_mutex_unlock(&tls->lock);
    if (!ok) {
        BIO_free(bio);
        return slv_tls_fail(err, SLV_E_NOMEM, "cannot write the certificate");
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
    drop_all(tls);
    slv_vec_done(&tls->certs);
    SSL_CTX_free(tls->base);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
    return NULL;
}

struct ssl_st *slv_tls_server_accept(slv_tls_server *tls, int fd)
{
    SSL *ssl = SSL_new(tls->base);

    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return ssl;
}
