#include "net/acme_int.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fmt/base64.h"
#include "fmt/sum.h"
#include "net/tls_int.h"

#define COORDINATE 32
#define TEXT_MAX ((size_t)256 << 10)

slv_code slv_acme_key_new(EVP_PKEY **ret, slv_err *err)
{
    *ret = EVP_EC_gen("P-256");
    return *ret ? SLV_OK : slv_tls_fail(err, SLV_E_IO, "cannot make a key");
}

slv_code slv_acme_key_to_pem(EVP_PKEY *key, slv_buf *out, slv_err *err)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *pem = NULL;
    slv_code code = SLV_OK;

    if (!bio || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
        code = slv_tls_fail(err, SLV_E_NOMEM, "cannot write the key");
    } else {
        long len = BIO_get_mem_data(bio, &pem);

        code = slv_buf_append(out, slv_str_make(pem, (size_t)len));
    }
    BIO_free(bio);
    return code;
}

slv_code slv_acme_key_from_pem(slv_str pem, EVP_PKEY **ret, slv_err *err)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    char group[32] = "";

    *ret = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (!*ret)
        return slv_tls_fail(err, SLV_E_PARSE, "the account's key cannot be read as PEM");
    if (EVP_PKEY_get_base_id(*ret) != EVP_PKEY_EC ||
        EVP_PKEY_get_group_name(*ret, group, sizeof group, NULL) != 1 ||
        strcmp(group, "prime256v1") != 0) {
        EVP_PKEY_free(*ret);
        *ret = NULL;
        return slv_fail(err, SLV_E_INVAL, "the account's key is not one for ES256 (P-256)");
    }
    return SLV_OK;
}

static slv_code put_coordinate(EVP_PKEY *key, const char *name, slv_buf *out, slv_err *err)
{
    unsigned char bytes[COORDINATE];
    BIGNUM *n = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, name, &n) == 1 &&
              BN_bn2binpad(n, bytes, sizeof bytes) == (int)sizeof bytes;

    BN_free(n);
    if (!ok)
        return slv_tls_fail(err, SLV_E_IO, "cannot read the public key");
    return slv_base64_encode(slv_str_make(bytes, sizeof bytes), SLV_BASE64_URL, out);
}

slv_code slv_acme_key_jwk(EVP_PKEY *key, slv_buf *out, slv_err *err)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"")));
    SLV_TRY(put_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, out, err));
    SLV_TRY(slv_buf_append(out, SLV_STR("\",\"y\":\"")));
    SLV_TRY(put_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, out, err));
    return slv_buf_append(out, SLV_STR("\"}"));
}

slv_code slv_acme_thumbprint(slv_str jwk, char out[48])
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(64);
    uint8_t sum[SLV_SUM_MAX];

    slv_sum_of(SLV_SUM_SHA256, jwk, sum);
    SLV_TRY(slv_base64_encode(slv_str_make(sum, 32), SLV_BASE64_URL, &text));
    memcpy(out, text.ptr, text.len);
    out[text.len] = 0;
    return SLV_OK;
}

/* r and s side by side, as JWS wants them, of what OpenSSL wraps in DER. */
static slv_code es256(EVP_PKEY *key, slv_str text, uint8_t out[2 * COORDINATE], slv_err *err)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char der[128];
    const unsigned char *p = der;
    size_t len = sizeof der;
    ECDSA_SIG *sig = NULL;
    bool ok = md && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestSign(md, der, &len, (const unsigned char *)text.ptr, text.len) == 1 &&
              (sig = d2i_ECDSA_SIG(NULL, &p, (long)len)) &&
              BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, COORDINATE) == COORDINATE &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + COORDINATE, COORDINATE) == COORDINATE;

    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(md);
    return ok ? SLV_OK : slv_tls_fail(err, SLV_E_IO, "cannot sign");
}

static slv_code put_header(slv_str jwk, slv_str kid, slv_str nonce, slv_str url, slv_buf *out)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"alg\":\"ES256\",")));
    if (kid.len > 0) {
        SLV_TRY(slv_buf_append(out, SLV_STR("\"kid\":")));
        SLV_TRY(slv_json_put_string(out, kid));
    } else {
        SLV_TRY(slv_buf_append(out, SLV_STR("\"jwk\":")));
        SLV_TRY(slv_buf_append(out, jwk));
    }
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"nonce\":")));
    SLV_TRY(slv_json_put_string(out, nonce));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"url\":")));
    SLV_TRY(slv_json_put_string(out, url));
    return slv_buf_append_byte(out, '}');
}

slv_code slv_acme_sign(EVP_PKEY *key, slv_str jwk, slv_str kid, slv_str nonce, slv_str url,
                       slv_str payload, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf header = SLV_BUF(TEXT_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(TEXT_MAX);
    uint8_t signature[2 * COORDINATE];
    size_t dot;

    SLV_TRY(put_header(jwk, kid, nonce, url, &header));
    SLV_TRY(slv_base64_encode(slv_buf_view(&header), SLV_BASE64_URL, &text));
    dot = text.len;
    SLV_TRY(slv_buf_append_byte(&text, '.'));
    SLV_TRY(slv_base64_encode(payload, SLV_BASE64_URL, &text));
    SLV_TRY(es256(key, slv_buf_view(&text), signature, err));
    SLV_TRY(slv_buf_printf(out, "{\"protected\":\"%.*s\",\"payload\":\"%.*s\",\"signature\":\"",
                           (int)dot, text.ptr, (int)(text.len - dot - 1), text.ptr + dot + 1));
    SLV_TRY(slv_base64_encode(slv_str_make(signature, sizeof signature), SLV_BASE64_URL, out));
    return slv_buf_append(out, SLV_STR("\"}"));
}

static bool add_names(X509_REQ *req, slv_str host)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    STACK_OF(X509_EXTENSION) *list = NULL;
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    bool ok = names && name && text && ASN1_STRING_set(text, host.ptr, (int)host.len) == 1;

    if (ok) {
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
        text = NULL;
        ok = sk_GENERAL_NAME_push(names, name) > 0;
        name = ok ? NULL : name;
    }
    ok = ok && X509V3_add1_i2d(&list, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1 &&
         X509_REQ_add_extensions(req, list) == 1;
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    ASN1_IA5STRING_free(text);
    GENERAL_NAME_free(name);
    sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
    return ok;
}

slv_code slv_acme_csr(EVP_PKEY *key, slv_str host, slv_buf *out, slv_err *err)
{
    X509_REQ *req = X509_REQ_new();
    unsigned char *der = NULL;
    int len = -1;
    slv_code code;

    if (req && X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 &&
        X509_REQ_set_pubkey(req, key) == 1 && add_names(req, host) &&
        X509_REQ_sign(req, key, EVP_sha256()) > 0)
        len = i2d_X509_REQ(req, &der);
    X509_REQ_free(req);
    if (len <= 0)
        return slv_tls_fail(err, SLV_E_IO, "cannot write the certificate request");
    code = slv_buf_append(out, slv_str_make(der, (size_t)len));
    OPENSSL_free(der);
    return code;
}
