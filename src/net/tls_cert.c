/* Chains with their keys: from PEM, or made here. */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/mem.h"
#include "base/rand.h"
#include "net/tls_int.h"

#define SELF_SIGNED_DAYS 30
#define NAMES_MAX 1000 /* of one certificate */

static slv_code use_pem(SSL_CTX *ctx, slv_str chain, slv_str key, slv_err *err)
{
    BIO *chain_bio = BIO_new_mem_buf(chain.ptr, (int)chain.len),
        *key_bio = BIO_new_mem_buf(key.ptr, (int)key.len);
    X509 *leaf = chain_bio ? PEM_read_bio_X509(chain_bio, NULL, NULL, NULL) : NULL, *ca;
    EVP_PKEY *pkey = key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL) : NULL;
    slv_code code = SLV_OK;

    if (!leaf || SSL_CTX_use_certificate(ctx, leaf) != 1)
        code = slv_tls_fail(err, SLV_E_PARSE, "the certificate cannot be read as PEM");
    else if (!pkey)
        code = slv_tls_fail(err, SLV_E_PARSE, "the private key cannot be read as PEM");
    else if (SSL_CTX_use_PrivateKey(ctx, pkey) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        code = slv_tls_fail(err, SLV_E_INVAL, "the private key does not belong to the certificate");
    while (code == SLV_OK && (ca = PEM_read_bio_X509(chain_bio, NULL, NULL, NULL)))
        if (SSL_CTX_add0_chain_cert(ctx, ca) != 1) {
            X509_free(ca);
            code = slv_tls_fail(err, SLV_E_PARSE, "the certificate chain cannot be used");
        }
    ERR_clear_error(); /* the end of the chain counts as an error there */
    X509_free(leaf);
    EVP_PKEY_free(pkey);
    BIO_free(chain_bio);
    BIO_free(key_bio);
    return code;
}

/* ---- what a leaf says ---- */

static bool add_name(slv_tls_cert *cert, const unsigned char *text, int len)
{
    slv_str name = slv_str_make(text, len > 0 ? (size_t)len : 0);
    char *copy;

    if (name.len == 0 || memchr(name.ptr, 0, name.len) || cert->name_count == NAMES_MAX)
        return false;
    copy = slv_strndup(name.ptr, name.len);
    for (char *p = copy; *p; p++)
        *p = slv_ascii_lower(*p);
    cert->names = slv_realloc(cert->names, (cert->name_count + 1) * sizeof *cert->names);
    cert->names[cert->name_count++] = copy;
    return true;
}

static void read_names(slv_tls_cert *cert, X509 *leaf)
{
    GENERAL_NAMES *list = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    X509_NAME *subject = X509_get_subject_name(leaf);
    int at;

    for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(list, i);

        if (name->type == GEN_DNS)
            (void)add_name(cert, ASN1_STRING_get0_data(name->d.dNSName),
                           ASN1_STRING_length(name->d.dNSName));
    }
    at = list ? -1 : X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    GENERAL_NAMES_free(list);
    if (at >= 0) {
        const ASN1_STRING *text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));

        (void)add_name(cert, ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
    }
    ERR_clear_error();
}

static int64_t time_ms(const ASN1_TIME *time)
{
    struct tm tm;

    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

static void describe(slv_tls_cert *cert)
{
    X509 *leaf = SSL_CTX_get0_certificate(cert->ctx);

    read_names(cert, leaf);
    cert->not_before_ms = time_ms(X509_get0_notBefore(leaf));
    cert->not_after_ms = time_ms(X509_get0_notAfter(leaf));
}

static slv_tls_cert *cert_new(void)
{
    slv_tls_cert *cert = slv_new0(slv_tls_cert);

    atomic_init(&cert->refs, 1);
    cert->ctx = slv_tls_server_ctx();
    return cert;
}

slv_code slv_tls_cert_pem(slv_str chain, slv_str key, slv_tls_cert **ret_cert, slv_err *err)
{
    SLV_CLEANUP(slv_tls_cert_unref) slv_tls_cert *cert = cert_new();

    if (!cert->ctx)
        return slv_tls_fail(err, SLV_E_NOMEM, "TLS");
    SLV_TRY(use_pem(cert->ctx, chain, key, err));
    describe(cert);
    *ret_cert = SLV_STEAL(cert);
    return SLV_OK;
}

slv_tls_cert *slv_tls_cert_ref(slv_tls_cert *cert)
{
    atomic_fetch_add_explicit(&cert->refs, 1, memory_order_relaxed);
    return cert;
}

slv_tls_cert *slv_tls_cert_unref(slv_tls_cert *cert)
{
    if (!cert || atomic_fetch_sub_explicit(&cert->refs, 1, memory_order_acq_rel) > 1)
        return NULL;
    for (size_t i = 0; i < cert->name_count; i++)
        free(cert->names[i]);
    free(cert->names);
    SSL_CTX_free(cert->ctx);
    free(cert);
    return NULL;
}

size_t slv_tls_cert_name_count(const slv_tls_cert *cert)
{
    return cert->name_count;
}

slv_str slv_tls_cert_name(const slv_tls_cert *cert, size_t i)
{
    return slv_str_from(cert->names[i]);
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

bool slv_tls_cert_covers(const slv_tls_cert *cert, slv_str host)
{
    for (size_t i = 0; i < cert->name_count; i++)
        if (matches(slv_str_from(cert->names[i]), host))
            return true;
    return false;
}

int64_t slv_tls_cert_not_before_ms(const slv_tls_cert *cert)
{
    return cert->not_before_ms;
}

int64_t slv_tls_cert_not_after_ms(const slv_tls_cert *cert)
{
    return cert->not_after_ms;
}

/* ---- one of our own ---- */

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
            if (!slv_is_digit(*p) && !slv_is_alpha(*p) && !strchr("-._*:", *p))
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

slv_code slv_tls_cert_self_signed(const slv_str *names, size_t count, slv_tls_cert **ret_cert,
                                  slv_err *err)
{
    SLV_CLEANUP(slv_tls_cert_unref) slv_tls_cert *cert = cert_new();
    SLV_CLEANUP(slv_buf_done) slv_buf alt = SLV_BUF(16 << 10);
    EVP_PKEY *key = NULL;
    X509 *leaf = NULL;
    bool ok;

    SLV_TRY(alt_names(names, count, &alt, err));
    key = EVP_EC_gen("P-256");
    leaf = X509_new();
    ok = cert->ctx && key && leaf && fill_certificate(leaf, key, slv_buf_cstr(&alt)) &&
         SSL_CTX_use_certificate(cert->ctx, leaf) == 1 &&
         SSL_CTX_use_PrivateKey(cert->ctx, key) == 1;
    X509_free(leaf);
    EVP_PKEY_free(key);
    if (!ok)
        return slv_tls_fail(err, SLV_E_IO, "cannot make a certificate");
    describe(cert);
    *ret_cert = SLV_STEAL(cert);
    return SLV_OK;
}
