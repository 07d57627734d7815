/* node_pkey.c - keys in the encodings of Node.js: PEM and DER; PKCS #1, PKCS #8, SEC 1, SPKI. */
#define OPENSSL_SUPPRESS_DEPRECATED /* PEM_write_bio_PrivateKey_traditional and its like have no   \
                                       successor */
#include "web/node_pkey.h"

#include <limits.h>
#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "web/node_pkey_int.h"

BIO *slv_nodejs_bio_over(slv_str s)
{
    SLV_ASSERT(s.len <= INT_MAX);
    BIO *bio = BIO_new_mem_buf(crypto_bytes(s), (int)s.len);
    SLV_ASSERT(bio);
    return bio;
}

BIO *slv_nodejs_bio(void)
{
    BIO *bio = BIO_new(BIO_s_mem());

    SLV_ASSERT(bio);
    return bio;
}

slv_code slv_nodejs_bio_take(BIO *bio, slv_buf *out)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    slv_code code = slv_buf_append(out, slv_str_make(data, len > 0 ? (size_t)len : 0));

    BIO_free(bio);
    return code;
}

int slv_nodejs_curve(slv_str name)
{
    char copy[64];

    if (name.len == 0 || name.len >= sizeof copy || memchr(name.ptr, 0, name.len))
        return NID_undef;
    memcpy(copy, name.ptr, name.len);
    copy[name.len] = 0;
    if (strcmp(copy, "secp256r1") == 0)
        return NID_X9_62_prime256v1;
    int nid = EC_curve_nist2nid(copy);
    return nid != NID_undef ? nid : OBJ_sn2nid(copy);
}

slv_pkey *slv_nodejs_wrap(EVP_PKEY *pkey)
{
    slv_pkey_kind kind = SLV_PKEY_OTHER;
    char group[64] = "";
    size_t len = 0;

    if (EVP_PKEY_is_a(pkey, "RSA")) {
        kind = SLV_PKEY_RSA;
    } else if (EVP_PKEY_is_a(pkey, "ED25519")) {
        kind = SLV_PKEY_ED25519;
    } else if (EVP_PKEY_is_a(pkey, "X25519")) {
        kind = SLV_PKEY_X25519;
    } else if (EVP_PKEY_is_a(pkey, "EC") &&
               EVP_PKEY_get_group_name(pkey, group, sizeof group, &len)) {
        int nid = OBJ_sn2nid(group);

        kind = nid == NID_X9_62_prime256v1 ? SLV_PKEY_P256
               : nid == NID_secp384r1      ? SLV_PKEY_P384
               : nid == NID_secp521r1      ? SLV_PKEY_P521
                                           : SLV_PKEY_OTHER;
    }
    return slv_crypto_pkey(pkey, kind);
}

/* ---- reading ---- */

static int give_passphrase(char *to, int size, SLV_UNUSED int writing, void *of)
{
    const slv_str *phrase = of;

    if (!phrase->ptr || phrase->len > (size_t)size)
        return -1;
    memcpy(to, phrase->ptr, phrase->len);
    return (int)phrase->len;
}

/* PKCS #8, encrypted or not. */
static EVP_PKEY *pkcs8_read(slv_str der, slv_str passphrase)
{
    const unsigned char *p = crypto_bytes(der);
    EVP_PKEY *pkey = NULL;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.len);

    if (!info && passphrase.ptr) {
        p = crypto_bytes(der);
        X509_SIG *sealed = d2i_X509_SIG(NULL, &p, (long)der.len);

        if (sealed && passphrase.len <= INT_MAX)
            info = PKCS8_decrypt(sealed, passphrase.len ? passphrase.ptr : "", (int)passphrase.len);
        X509_SIG_free(sealed);
    }
    if (info)
        pkey = EVP_PKCS82PKEY(info);
    PKCS8_PRIV_KEY_INFO_free(info);
    return pkey;
}

/* What is said to be PKCS #1 or SEC 1 may be another encoding after all. */
static EVP_PKEY *private_der(slv_str der, slv_nodejs_encoding encoding, slv_str passphrase)
{
    const unsigned char *p = crypto_bytes(der);
    EVP_PKEY *pkey = NULL;

    if (encoding == SLV_NODEJS_PKCS1 || encoding == SLV_NODEJS_ANY)
        pkey = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &p, (long)der.len);
    p = crypto_bytes(der);
    if (!pkey && (encoding == SLV_NODEJS_SEC1 || encoding == SLV_NODEJS_ANY))
        pkey = d2i_PrivateKey(EVP_PKEY_EC, NULL, &p, (long)der.len);
    p = crypto_bytes(der);
    if (!pkey && encoding == SLV_NODEJS_SEC1)
        pkey = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &p, (long)der.len);
    return pkey ? pkey : pkcs8_read(der, passphrase);
}

static EVP_PKEY *public_der(slv_str der, slv_nodejs_encoding encoding)
{
    const unsigned char *p = crypto_bytes(der);

    if (encoding == SLV_NODEJS_PKCS1)
        return d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)der.len);
    return d2i_PUBKEY(NULL, &p, (long)der.len);
}

static EVP_PKEY *certificate_der(slv_str der)
{
    const unsigned char *p = crypto_bytes(der);
    X509 *cert = d2i_X509(NULL, &p, (long)der.len);
    EVP_PKEY *pkey = cert ? X509_get_pubkey(cert) : NULL;

    X509_free(cert);
    return pkey;
}

static bool label_is(const char *label, const char *what)
{
    return strcmp(label, what) == 0;
}

/* One block of PEM, by what it says it is. */
static EVP_PKEY *pem_block(const char *label, slv_str der, slv_str passphrase, bool want_private)
{
    const unsigned char *p = crypto_bytes(der);

    if (label_is(label, PEM_STRING_PKCS8) || label_is(label, PEM_STRING_PKCS8INF))
        return pkcs8_read(der, passphrase);
    if (label_is(label, PEM_STRING_RSA))
        return private_der(der, SLV_NODEJS_PKCS1, passphrase);
    if (label_is(label, PEM_STRING_ECPRIVATEKEY))
        return private_der(der, SLV_NODEJS_SEC1, passphrase);
    if (label_is(label, PEM_STRING_DSA))
        return d2i_PrivateKey(EVP_PKEY_DSA, NULL, &p, (long)der.len);
    if (want_private)
        return NULL;
    if (label_is(label, PEM_STRING_PUBLIC))
        return public_der(der, SLV_NODEJS_SPKI);
    if (label_is(label, PEM_STRING_RSA_PUBLIC))
        return public_der(der, SLV_NODEJS_PKCS1);
    if (label_is(label, PEM_STRING_X509) || label_is(label, PEM_STRING_X509_OLD) ||
        label_is(label, PEM_STRING_X509_TRUSTED))
        return certificate_der(der);
    return NULL;
}

/* The first block of PEM that is such a key ("EC PARAMETERS" often stands before one). */
static EVP_PKEY *pem_read(slv_str text, slv_str passphrase, bool want_private)
{
    BIO *bio = slv_nodejs_bio_over(text);
    EVP_PKEY *pkey = NULL;
    char *label, *header;
    unsigned char *der;
    long len;

    while (!pkey && PEM_read_bio(bio, &label, &header, &der, &len)) {
        EVP_CIPHER_INFO sealed;
        bool open = PEM_get_EVP_CIPHER_INFO(header, &sealed) &&
                    PEM_do_header(&sealed, der, &len, give_passphrase, &passphrase);

        if (open && len >= 0)
            pkey = pem_block(label, slv_str_make(der, (size_t)len), passphrase, want_private);
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)(len > 0 ? len : 0));
    }
    BIO_free(bio);
    return pkey;
}

static EVP_PKEY *private_any(slv_str bytes, const slv_nodejs_form *form)
{
    if (form->pem)
        return pem_read(bytes, form->passphrase, true);
    return private_der(bytes, form->encoding, form->passphrase);
}

static slv_code taken(EVP_PKEY *pkey, const char *what, slv_pkey **ret, slv_err *err)
{
    ERR_clear_error();
    if (!pkey)
        return slv_fail(err, SLV_E_DENIED, "Failed to parse %s key", what);
    *ret = slv_nodejs_wrap(pkey);
    return SLV_OK;
}

slv_code slv_nodejs_private_read(slv_str bytes, const slv_nodejs_form *form, slv_pkey **ret,
                                 slv_err *err)
{
    slv_crypto_fetch();
    return taken(bytes.len <= SLV_NODEJS_ENCODED_MAX ? private_any(bytes, form) : NULL, "private",
                 ret, err);
}

slv_code slv_nodejs_public_read(slv_str bytes, const slv_nodejs_form *form, slv_pkey **ret,
                                slv_err *err)
{
    EVP_PKEY *pkey = NULL;

    slv_crypto_fetch();
    if (bytes.len > SLV_NODEJS_ENCODED_MAX)
        return taken(NULL, "public", ret, err);
    if (form->pem) {
        pkey = pem_read(bytes, form->passphrase, false);
    } else {
        if (form->encoding == SLV_NODEJS_PKCS1 || form->encoding == SLV_NODEJS_ANY)
            pkey = public_der(bytes, SLV_NODEJS_PKCS1);
        if (!pkey && form->encoding != SLV_NODEJS_PKCS1)
            pkey = public_der(bytes, SLV_NODEJS_SPKI);
        if (!pkey)
            pkey = private_any(bytes, form);
    }
    return taken(pkey, "public", ret, err);
}

/* ---- writing ---- */

static bool is_rsa(const slv_pkey *k)
{
    return EVP_PKEY_is_a(k->pkey, "RSA") || EVP_PKEY_is_a(k->pkey, "RSA-PSS");
}

static slv_code check_encoding(const slv_pkey *k, slv_nodejs_encoding encoding, slv_err *err)
{
    if (encoding == SLV_NODEJS_PKCS1 && !is_rsa(k))
        return slv_fail(err, SLV_E_DENIED, "PKCS1 can only be used for RSA keys");
    if (encoding == SLV_NODEJS_SEC1 && !EVP_PKEY_is_a(k->pkey, "EC"))
        return slv_fail(err, SLV_E_DENIED, "SEC1 can only be used for EC keys");
    return SLV_OK;
}

static slv_code written(BIO *bio, bool ok, slv_buf *out, slv_err *err)
{
    slv_code code = slv_nodejs_bio_take(bio, out);

    ERR_clear_error();
    return ok ? code : slv_fail(err, SLV_E_DENIED, "Failed to export key");
}

slv_code slv_nodejs_public_write(const slv_pkey *k, const slv_nodejs_form *form, slv_buf *out,
                                 slv_err *err)
{
    SLV_TRY(check_encoding(k, form->encoding, err));
    BIO *bio = slv_nodejs_bio();
    bool ok;

    if (form->encoding == SLV_NODEJS_PKCS1) {
        unsigned char *der = NULL;
        int len = i2d_PublicKey(k->pkey, &der);

        ok = len > 0 && (form->pem ? PEM_write_bio(bio, PEM_STRING_RSA_PUBLIC, "", der, len) > 0
                                   : BIO_write(bio, der, len) == len);
        OPENSSL_free(der);
    } else {
        ok = form->encoding == SLV_NODEJS_SPKI &&
             (form->pem ? PEM_write_bio_PUBKEY(bio, k->pkey) : i2d_PUBKEY_bio(bio, k->pkey)) == 1;
    }
    return written(bio, ok, out, err);
}

static bool private_plain(BIO *bio, const slv_pkey *k, const slv_nodejs_form *form,
                          const EVP_CIPHER *cipher)
{
    /* a passphrase alone encrypts nothing */
    const char *phrase = cipher ? (form->passphrase.len ? form->passphrase.ptr : "") : NULL;
    int len = cipher ? (int)form->passphrase.len : 0;

    if (form->encoding == SLV_NODEJS_PKCS8) {
        if (form->pem)
            return PEM_write_bio_PKCS8PrivateKey(bio, k->pkey, cipher, phrase, len, NULL, NULL) ==
                   1;
        return i2d_PKCS8PrivateKey_bio(bio, k->pkey, cipher, phrase, len, NULL, NULL) == 1;
    }
    if (form->encoding == SLV_NODEJS_SPKI)
        return false;
    if (form->pem)
        return PEM_write_bio_PrivateKey_traditional(
                   bio, k->pkey, cipher, (unsigned char *)(size_t)phrase, len, NULL, NULL) == 1;
    return !cipher && i2d_PrivateKey_bio(bio, k->pkey) == 1; /* DER of these cannot be encrypted */
}

slv_code slv_nodejs_private_write(const slv_pkey *k, const slv_nodejs_form *form, slv_buf *out,
                                  slv_err *err)
{
    EVP_CIPHER *cipher = NULL;

    SLV_TRY(check_encoding(k, form->encoding, err));
    if (form->passphrase.len > 1024)
        return slv_fail(err, SLV_E_DENIED, "Failed to export key");
    if (form->cipher.ptr) {
        cipher = slv_nodejs_evp_cipher(form->cipher);
        if (!cipher)
            return slv_fail(err, SLV_E_DENIED, "Unknown cipher: %.*s", SLV_STR_ARGS(form->cipher));
    }
    BIO *bio = slv_nodejs_bio();
    bool ok = private_plain(bio, k, form, cipher);
    EVP_CIPHER_free(cipher);
    return written(bio, ok, out, err);
}

/* ---- what a key is ---- */

const char *slv_nodejs_key_type(const slv_pkey *k)
{
    static const struct {
        const char *library, *node;
    } types[] = {
        {"RSA", "rsa"},       {"RSA-PSS", "rsa-pss"}, {"DSA", "dsa"},         {"DH", "dh"},
        {"DHX", "dh"},        {"EC", "ec"},           {"ED25519", "ed25519"}, {"ED448", "ed448"},
        {"X25519", "x25519"}, {"X448", "x448"},
    };

    for (size_t i = 0; i < SLV_ARRAY_LEN(types); i++)
        if (EVP_PKEY_is_a(k->pkey, types[i].library))
            return types[i].node;
    return NULL;
}

/* A digest's name as Node.js writes it. */
static void hash_name(const slv_pkey *k, const char *param, char to[24])
{
    char name[24] = "";
    const char *from = name;
    size_t len = 0;

    to[0] = 0;
    if (!EVP_PKEY_get_utf8_string_param(k->pkey, param, name, sizeof name, &len))
        return;
    const EVP_MD *md = EVP_get_digestbyname(name);
    if (md)
        from = OBJ_nid2ln(EVP_MD_get_type(md));
    snprintf(to, 24, "%s", from ? from : name);
}

void slv_nodejs_key_details_get(const slv_pkey *k, slv_nodejs_key_details *ret)
{
    BIGNUM *q = NULL;
    size_t len = 0;

    *ret = (slv_nodejs_key_details){.salt_len = -1};
    ret->bits = (unsigned)EVP_PKEY_get_bits(k->pkey);
    if (EVP_PKEY_is_a(k->pkey, "EC")) {
        if (!EVP_PKEY_get_group_name(k->pkey, ret->curve, sizeof ret->curve, &len))
            ret->curve[0] = 0;
    } else if (EVP_PKEY_is_a(k->pkey, "DSA")) {
        if (EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_FFC_Q, &q))
            ret->divisor_bits = (unsigned)BN_num_bits(q);
        BN_free(q);
    } else if (EVP_PKEY_is_a(k->pkey, "RSA-PSS")) {
        int salt = -1;

        hash_name(k, OSSL_PKEY_PARAM_RSA_DIGEST, ret->hash);
        if (ret->hash[0]) {
            hash_name(k, OSSL_PKEY_PARAM_MGF1_DIGEST, ret->mgf1);
            if (!ret->mgf1[0])
                memcpy(ret->mgf1, ret->hash, sizeof ret->mgf1);
            if (EVP_PKEY_get_int_param(k->pkey, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &salt))
                ret->salt_len = salt;
        }
    }
    ERR_clear_error();
}

slv_code slv_nodejs_key_exponent(const slv_pkey *k, slv_buf *out)
{
    BIGNUM *e = NULL;
    slv_code code = SLV_E_NOTFOUND;

    if (is_rsa(k) && EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_RSA_E, &e)) {
        size_t len = (size_t)BN_num_bytes(e);

        code = slv_buf_reserve(out, len);
        if (code == SLV_OK)
            out->len += (size_t)BN_bn2bin(e, (unsigned char *)out->ptr + out->len);
    }
    BN_free(e);
    return code;
}

bool slv_nodejs_key_equal(const slv_pkey *a, const slv_pkey *b)
{
    bool same = EVP_PKEY_eq(a->pkey, b->pkey) == 1;

    ERR_clear_error();
    return same;
}
