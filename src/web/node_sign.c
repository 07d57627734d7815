/* node_sign.c - what is done with keys: signatures, RSA encryption both ways, shared secrets. */
#include <limits.h>

#include <openssl/dsa.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "web/node_pkey_int.h"

#define SIGNATURE_MAX 4096

static bool is_rsa(const slv_pkey *k)
{
    return EVP_PKEY_is_a(k->pkey, "RSA") || EVP_PKEY_is_a(k->pkey, "RSA-PSS");
}

static bool has_rs(const slv_pkey *k)
{
    return EVP_PKEY_is_a(k->pkey, "EC") || EVP_PKEY_is_a(k->pkey, "DSA");
}

/* Bytes of r, and of s. */
static size_t rs_len(const slv_pkey *k)
{
    slv_nodejs_key_details d;

    slv_nodejs_key_details_get(k, &d);
    return ((d.divisor_bits ? d.divisor_bits : d.bits) + 7) / 8;
}

/* Empty when the length is not right, which no key accepts. */
static slv_code to_der(slv_str plain, size_t len, slv_buf *out)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    unsigned char *der = NULL;
    slv_code code = SLV_OK;

    SLV_ASSERT(sig);
    if (plain.len == 2 * len) {
        BIGNUM *r = BN_bin2bn(crypto_bytes(plain), (int)len, NULL);
        BIGNUM *s = BN_bin2bn(crypto_bytes(plain) + len, (int)len, NULL);

        SLV_ASSERT(r && s && ECDSA_SIG_set0(sig, r, s));
        int n = i2d_ECDSA_SIG(sig, &der);
        if (n > 0)
            code = slv_buf_append(out, slv_str_make(der, (size_t)n));
        OPENSSL_free(der);
    }
    ECDSA_SIG_free(sig);
    return code;
}

static slv_code set_rsa(const slv_pkey *k, EVP_PKEY_CTX *ctx, const slv_nodejs_sign *o,
                        slv_err *err)
{
    int padding = o->padding;

    if (!is_rsa(k))
        return SLV_OK;
    if (padding == SLV_NODEJS_PADDING_OWN)
        padding = EVP_PKEY_is_a(k->pkey, "RSA-PSS") ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING;
    if (EVP_PKEY_CTX_set_rsa_padding(ctx, padding) <= 0 ||
        (padding == RSA_PKCS1_PSS_PADDING && o->salt_len != SLV_NODEJS_SALT_OWN &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, o->salt_len) <= 0))
        return slv_fail(err, SLV_E_DENIED, "Failed to set RSA parameters for signature");
    return SLV_OK;
}

static slv_code find_md(slv_str name, const EVP_MD **ret, slv_err *err)
{
    *ret = name.ptr ? slv_nodejs_md(name) : NULL;
    return name.ptr && !*ret
               ? slv_fail(err, SLV_E_DENIED, "Unknown digest: %.*s", SLV_STR_ARGS(name))
               : SLV_OK;
}

static slv_code sign_hashed(const slv_pkey *k, const slv_nodejs_sign *o, const EVP_MD *md,
                            slv_str digest, slv_buf *raw, slv_err *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    size_t len = (size_t)EVP_PKEY_get_size(k->pkey);
    slv_code code = SLV_OK;

    if (EVP_PKEY_is_a(k->pkey, "ED25519") || EVP_PKEY_is_a(k->pkey, "ED448"))
        code = slv_fail(err, SLV_E_DENIED, "Failed to set signature digest");
    else if (!ctx || EVP_PKEY_sign_init(ctx) <= 0)
        code = slv_fail(err, SLV_E_DENIED, "Failed to initialize signing context");
    if (code == SLV_OK)
        code = set_rsa(k, ctx, o, err);
    if (code == SLV_OK && EVP_PKEY_CTX_set_signature_md(ctx, md) <= 0)
        code = slv_fail(err, SLV_E_DENIED, "Failed to set signature digest");
    if (code == SLV_OK)
        code = slv_buf_reserve(raw, len);
    if (code == SLV_OK &&
        EVP_PKEY_sign(ctx, (unsigned char *)raw->ptr, &len, crypto_bytes(digest), digest.len) <= 0)
        code = slv_fail(err, SLV_E_DENIED, "Failed to generate signature");
    if (code == SLV_OK)
        raw->len = len;
    EVP_PKEY_CTX_free(ctx);
    return code;
}

static slv_code sign_whole(const slv_pkey *k, const slv_nodejs_sign *o, const EVP_MD *md,
                           slv_str bytes, slv_buf *raw, slv_err *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    size_t len = (size_t)EVP_PKEY_get_size(k->pkey);
    slv_code code = SLV_OK;

    SLV_ASSERT(ctx);
    if (EVP_DigestSignInit(ctx, &pctx, md, NULL, k->pkey) <= 0)
        code = slv_fail(err, SLV_E_DENIED, "Failed to initialize signing context");
    if (code == SLV_OK)
        code = set_rsa(k, pctx, o, err);
    if (code == SLV_OK)
        code = slv_buf_reserve(raw, len);
    if (code == SLV_OK &&
        EVP_DigestSign(ctx, (unsigned char *)raw->ptr, &len, crypto_bytes(bytes), bytes.len) <= 0)
        code = slv_fail(err, SLV_E_DENIED, "Failed to generate signature");
    if (code == SLV_OK)
        raw->len = len;
    EVP_MD_CTX_free(ctx);
    return code;
}

slv_code slv_nodejs_key_sign(const slv_pkey *k, const slv_nodejs_sign *o, bool prehashed,
                             slv_str bytes, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF(SIGNATURE_MAX);
    const EVP_MD *md;

    SLV_TRY(find_md(o->hash, &md, err));
    slv_code code = prehashed ? sign_hashed(k, o, md, bytes, &raw, err)
                              : sign_whole(k, o, md, bytes, &raw, err);
    if (code == SLV_OK)
        code = o->p1363 && has_rs(k) ? slv_crypto_put_plain(slv_buf_view(&raw), rs_len(k), out)
                                     : slv_buf_append(out, slv_buf_view(&raw));
    ERR_clear_error();
    return code;
}

static slv_code verify_hashed(const slv_pkey *k, const slv_nodejs_sign *o, const EVP_MD *md,
                              slv_str digest, slv_str signature, bool *ret, slv_err *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    slv_code code = SLV_OK;

    if (EVP_PKEY_is_a(k->pkey, "ED25519") || EVP_PKEY_is_a(k->pkey, "ED448"))
        code = slv_fail(err, SLV_E_DENIED, "Unsupported operation for this key");
    else if (!ctx || EVP_PKEY_verify_init(ctx) <= 0)
        code = slv_fail(err, SLV_E_DENIED, "Failed to initialize key for verification");
    if (code == SLV_OK)
        code = set_rsa(k, ctx, o, err);
    if (code == SLV_OK && EVP_PKEY_CTX_set_signature_md(ctx, md) <= 0)
        code =
            slv_fail(err, SLV_E_DENIED, "Failed to set digest context for signature verification");
    if (code == SLV_OK)
        *ret = EVP_PKEY_verify(ctx, crypto_bytes(signature), signature.len, crypto_bytes(digest),
                               digest.len) == 1;
    EVP_PKEY_CTX_free(ctx);
    return code;
}

static slv_code verify_whole(const slv_pkey *k, const slv_nodejs_sign *o, const EVP_MD *md,
                             slv_str bytes, slv_str signature, bool *ret, slv_err *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    slv_code code = SLV_OK;

    SLV_ASSERT(ctx);
    if (EVP_DigestVerifyInit(ctx, &pctx, md, NULL, k->pkey) <= 0)
        code = slv_fail(err, SLV_E_DENIED, "Failed to initialize verification context");
    if (code == SLV_OK)
        code = set_rsa(k, pctx, o, err);
    if (code == SLV_OK)
        *ret = EVP_DigestVerify(ctx, crypto_bytes(signature), signature.len, crypto_bytes(bytes),
                                bytes.len) == 1;
    EVP_MD_CTX_free(ctx);
    return code;
}

slv_code slv_nodejs_key_verify(const slv_pkey *k, const slv_nodejs_sign *o, bool prehashed,
                               slv_str bytes, slv_str signature, bool *ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf der = SLV_BUF(SIGNATURE_MAX);
    const EVP_MD *md;

    SLV_TRY(find_md(o->hash, &md, err));
    if (o->p1363 && has_rs(k)) {
        SLV_TRY(to_der(signature, rs_len(k), &der));
        signature = slv_buf_view(&der);
    }
    slv_code code = prehashed ? verify_hashed(k, o, md, bytes, signature, ret, err)
                              : verify_whole(k, o, md, bytes, signature, ret, err);
    ERR_clear_error();
    return code;
}

/* ---- RSA as a cipher ---- */

typedef int crypt_fn(EVP_PKEY_CTX *, unsigned char *, size_t *, const unsigned char *, size_t);

static slv_code set_oaep(EVP_PKEY_CTX *ctx, const slv_nodejs_rsa_options *o, slv_err *err)
{
    const EVP_MD *md = slv_nodejs_md(o->hash);

    if (!md)
        return slv_fail(err, SLV_E_DENIED, "Unsupported hash digest");
    if (EVP_PKEY_CTX_set_rsa_padding(ctx, o->padding) <= 0)
        return slv_fail(err, SLV_E_DENIED, "Failed to set the padding");
    if (o->padding == RSA_PKCS1_OAEP_PADDING) {
        if (EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) <= 0)
            return slv_fail(err, SLV_E_DENIED, "Failed to set the digest");
        if (EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) <= 0)
            return slv_fail(err, SLV_E_DENIED, "Failed to set the mgf1 digest");
    }
    if (o->label.ptr && o->padding != RSA_PKCS1_OAEP_PADDING)
        return slv_fail(err, SLV_E_DENIED, "Failed to set the OAEP label");
    if (o->label.len == 0)
        return SLV_OK;
    unsigned char *copy =
        o->label.len <= INT_MAX ? OPENSSL_memdup(o->label.ptr, o->label.len) : NULL;
    if (copy && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, (int)o->label.len) > 0)
        return SLV_OK;
    OPENSSL_free(copy);
    return slv_fail(err, SLV_E_DENIED, "Failed to set the OAEP label");
}

static slv_code crypt(const slv_pkey *k, slv_nodejs_rsa what, EVP_PKEY_CTX *ctx,
                      const slv_nodejs_rsa_options *o, slv_str in, slv_buf *out, slv_err *err)
{
    static const struct {
        int (*init)(EVP_PKEY_CTX *);
        crypt_fn *run;
        bool oaep;
        const char *failed;
    } ways[] = {
        [SLV_NODEJS_PUBLIC_ENCRYPT] = {EVP_PKEY_encrypt_init, EVP_PKEY_encrypt, true, "encryption"},
        [SLV_NODEJS_PRIVATE_DECRYPT] = {EVP_PKEY_decrypt_init, EVP_PKEY_decrypt, true,
                                        "decryption"},
        [SLV_NODEJS_PRIVATE_ENCRYPT] = {EVP_PKEY_sign_init, EVP_PKEY_sign, false, "encryption"},
        [SLV_NODEJS_PUBLIC_DECRYPT] = {EVP_PKEY_verify_recover_init, EVP_PKEY_verify_recover, false,
                                       "decryption"},
    };
    size_t len = (size_t)EVP_PKEY_get_size(k->pkey);

    if (ways[what].init(ctx) <= 0)
        return slv_fail(err, SLV_E_DENIED, "Failed to init for %s", ways[what].failed);
    if (ways[what].oaep)
        SLV_TRY(set_oaep(ctx, o, err));
    else if (EVP_PKEY_CTX_set_rsa_padding(ctx, o->padding) <= 0)
        return slv_fail(err, SLV_E_DENIED, "Failed to set the padding");
    SLV_TRY(slv_buf_reserve(out, len));
    if (ways[what].run(ctx, (unsigned char *)out->ptr + out->len, &len, crypto_bytes(in), in.len) <=
        0)
        return slv_fail(err, SLV_E_DENIED, "Failed to cipher/decipher");
    out->len += len;
    return SLV_OK;
}

slv_code slv_nodejs_key_rsa(const slv_pkey *k, slv_nodejs_rsa what, const slv_nodejs_rsa_options *o,
                            slv_str in, slv_buf *out, slv_err *err)
{
    if (!is_rsa(k))
        return slv_fail(err, SLV_E_DENIED, "publicEncrypt() currently only supports RSA keys");
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    SLV_ASSERT(ctx);
    slv_code code = crypt(k, what, ctx, o, in, out, err);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return code;
}

slv_code slv_nodejs_key_agree(const slv_pkey *own, const slv_pkey *peer, slv_buf *out, slv_err *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own->pkey, NULL);
    size_t len = 0;

    SLV_ASSERT(ctx);
    bool ok = EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, peer->pkey) > 0;
    if (ok && EVP_PKEY_is_a(own->pkey, "DH"))
        ok = EVP_PKEY_CTX_set_dh_pad(ctx, 1) > 0;
    ok = ok && EVP_PKEY_derive(ctx, NULL, &len) > 0 && slv_buf_reserve(out, len) == SLV_OK &&
         EVP_PKEY_derive(ctx, (unsigned char *)out->ptr + out->len, &len) > 0;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    if (!ok)
        return slv_fail(err, SLV_E_DENIED, "Failed to derive shared diffie-hellman secret");
    out->len += len;
    return SLV_OK;
}
