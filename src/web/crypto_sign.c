/* crypto_sign.c - what is done with keys: signatures, RSA-OAEP, shared secrets. */
#include <limits.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

#include "web/crypto_int.h"

#define FIELD_MAX 66 /* bytes of the longest coordinate */

static bool prepare(EVP_MD_CTX *ctx, const slv_pkey *k, slv_sign_options o, bool sign)
{
    const EVP_MD *md = o.scheme == SLV_SCHEME_EDDSA ? NULL : slv_crypto_md(o.hash);
    EVP_PKEY_CTX *pctx = NULL;

    if (!(sign ? EVP_DigestSignInit(ctx, &pctx, md, NULL, k->pkey)
               : EVP_DigestVerifyInit(ctx, &pctx, md, NULL, k->pkey)))
        return false;
    if (o.scheme == SLV_SCHEME_PKCS1)
        return EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PADDING) > 0;
    if (o.scheme != SLV_SCHEME_PSS)
        return true;
    return o.salt_len <= INT_MAX && EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, (int)o.salt_len) > 0;
}

slv_code slv_crypto_put_plain(slv_str der, size_t len, slv_buf *out)
{
    const unsigned char *p = crypto_bytes(der);
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)der.len);
    slv_code code = sig ? slv_buf_reserve(out, 2 * len) : SLV_E_DENIED;

    if (code == SLV_OK) {
        unsigned char *to = (unsigned char *)out->ptr + out->len;

        if (BN_bn2binpad(ECDSA_SIG_get0_r(sig), to, (int)len) < 0 ||
            BN_bn2binpad(ECDSA_SIG_get0_s(sig), to + len, (int)len) < 0)
            code = SLV_E_DENIED;
        else
            out->len += 2 * len;
    }
    ECDSA_SIG_free(sig);
    return code;
}

slv_code slv_pkey_sign(const slv_pkey *k, slv_sign_options o, slv_str bytes, slv_buf *out)
{
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF(8192);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t len = 0;

    SLV_ASSERT(ctx);
    bool ok =
        prepare(ctx, k, o, true) &&
        EVP_DigestSign(ctx, NULL, &len, crypto_bytes(bytes), bytes.len) > 0 &&
        slv_buf_reserve(&raw, len) == SLV_OK &&
        EVP_DigestSign(ctx, (unsigned char *)raw.ptr, &len, crypto_bytes(bytes), bytes.len) > 0;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        return SLV_E_DENIED;
    raw.len = len;
    if (o.scheme == SLV_SCHEME_ECDSA)
        return slv_crypto_put_plain(slv_buf_view(&raw), slv_crypto_field_len(k->kind), out);
    return slv_buf_append(out, slv_buf_view(&raw));
}

/* The DER of a plain signature; 0 when it has not the curve's length. Takes room for any. */
static size_t plain_to_der(slv_str plain, size_t len, unsigned char der[2 * FIELD_MAX + 32])
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = NULL, *s = NULL;
    int n = 0;

    SLV_ASSERT(sig);
    if (plain.len == 2 * len) {
        r = BN_bin2bn(crypto_bytes(plain), (int)len, NULL);
        s = BN_bin2bn(crypto_bytes(plain) + len, (int)len, NULL);
    }
    if (r && s && ECDSA_SIG_set0(sig, r, s)) {
        unsigned char *p = der;

        n = i2d_ECDSA_SIG(sig, &p);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(sig);
    return n > 0 ? (size_t)n : 0;
}

bool slv_pkey_verify(const slv_pkey *k, slv_sign_options o, slv_str signature, slv_str bytes)
{
    unsigned char der[2 * FIELD_MAX + 32];
    EVP_MD_CTX *ctx;

    if (o.scheme == SLV_SCHEME_ECDSA) {
        size_t n = plain_to_der(signature, slv_crypto_field_len(k->kind), der);

        if (n == 0)
            return false;
        signature = slv_str_make(der, n);
    }
    ctx = EVP_MD_CTX_new();
    SLV_ASSERT(ctx);
    bool ok =
        prepare(ctx, k, o, false) && EVP_DigestVerify(ctx, crypto_bytes(signature), signature.len,
                                                      crypto_bytes(bytes), bytes.len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool oaep_prepare(EVP_PKEY_CTX *ctx, bool encrypt, slv_digest_id hash, slv_str label)
{
    if ((encrypt ? EVP_PKEY_encrypt_init(ctx) : EVP_PKEY_decrypt_init(ctx)) <= 0 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(ctx, slv_crypto_md(hash)) <= 0 ||
        EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, slv_crypto_md(hash)) <= 0)
        return false;
    if (label.len == 0)
        return true;
    unsigned char *copy = label.len <= INT_MAX ? OPENSSL_memdup(label.ptr, label.len) : NULL;
    if (copy && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, (int)label.len) > 0)
        return true;
    OPENSSL_free(copy);
    return false;
}

slv_code slv_rsa_oaep(const slv_pkey *k, bool encrypt, slv_digest_id hash, slv_str label,
                      slv_str in, slv_buf *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
    int (*run)(EVP_PKEY_CTX *, unsigned char *, size_t *, const unsigned char *, size_t) =
        encrypt ? EVP_PKEY_encrypt : EVP_PKEY_decrypt;
    size_t len = (size_t)EVP_PKEY_get_size(k->pkey);

    SLV_ASSERT(ctx);
    bool ok = slv_buf_reserve(out, len) == SLV_OK && oaep_prepare(ctx, encrypt, hash, label) &&
              run(ctx, (unsigned char *)out->ptr + out->len, &len, crypto_bytes(in), in.len) > 0;
    EVP_PKEY_CTX_free(ctx);
    if (!ok)
        return SLV_E_DENIED;
    out->len += len;
    return SLV_OK;
}

slv_code slv_pkey_derive(const slv_pkey *own, const slv_pkey *peer, slv_buf *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own->pkey, NULL);
    size_t len = FIELD_MAX;

    SLV_ASSERT(ctx);
    bool ok = own->kind == peer->kind && slv_buf_reserve(out, FIELD_MAX) == SLV_OK &&
              EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, peer->pkey) > 0 &&
              EVP_PKEY_derive(ctx, (unsigned char *)out->ptr + out->len, &len) > 0;
    EVP_PKEY_CTX_free(ctx);
    if (!ok)
        return SLV_E_DENIED;
    out->len += len;
    return SLV_OK;
}
