/* node_keygen.c - keys generated with the options of Node.js. */
#include <limits.h>
#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "web/node_pkey_int.h"

static EVP_PKEY_CTX *context(const char *type)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    SLV_ASSERT(ctx);
    return ctx;
}

static bool set_rsa(EVP_PKEY_CTX *ctx, const slv_nodejs_keygen *o)
{
    BIGNUM *e = BN_new();
    bool ok = e && BN_set_word(e, o->exponent) &&
              EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)o->bits) > 0 &&
              EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) > 0;

    BN_free(e);
    return ok;
}

static slv_code set_pss(EVP_PKEY_CTX *ctx, const slv_nodejs_keygen *o, slv_err *err)
{
    const EVP_MD *md = o->hash.ptr ? slv_nodejs_md(o->hash) : NULL;
    const EVP_MD *mgf1 = o->mgf1.ptr ? slv_nodejs_md(o->mgf1) : md;

    if ((o->hash.ptr && !md) || (o->mgf1.ptr && !mgf1))
        return slv_fail(err, SLV_E_DENIED, "Unsupported hash algorithm");
    if (md && EVP_PKEY_CTX_set_rsa_pss_keygen_md(ctx, md) <= 0)
        return slv_fail(err, SLV_E_DENIED, "Failed to set hash algorithm");
    if (mgf1 && EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md(ctx, mgf1) <= 0)
        return slv_fail(err, SLV_E_DENIED, "Failed to set MGF1 hash algorithm");
    int64_t salt = o->salt_len < 0 && md ? EVP_MD_get_size(md) : o->salt_len;
    if (salt >= 0 &&
        (salt > INT_MAX || EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(ctx, (int)salt) <= 0))
        return slv_fail(err, SLV_E_DENIED, "Failed to set salt length");
    return SLV_OK;
}

static slv_code set_options(EVP_PKEY_CTX *ctx, const slv_nodejs_keygen *o, slv_err *err)
{
    if (slv_str_is(o->type, "rsa") || slv_str_is(o->type, "rsa-pss")) {
        if (!set_rsa(ctx, o))
            return slv_fail(err, SLV_E_DENIED, "Failed to set modulus length");
        return slv_str_is(o->type, "rsa") ? SLV_OK : set_pss(ctx, o, err);
    }
    if (slv_str_is(o->type, "ec")) {
        int nid = slv_nodejs_curve(o->curve);

        if (nid == NID_undef || EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, nid) <= 0)
            return slv_fail(err, SLV_E_DENIED, "Invalid or unsupported curve");
        if (EVP_PKEY_CTX_set_ec_param_enc(ctx, o->explicit_curve ? OPENSSL_EC_EXPLICIT_CURVE
                                                                 : OPENSSL_EC_NAMED_CURVE) <= 0)
            return slv_fail(err, SLV_E_DENIED, "Failed to initialize key");
    }
    return SLV_OK;
}

/* A key over parameters; takes both. */
static slv_code from_parameters(EVP_PKEY *params, slv_pkey **ret, slv_err *err)
{
    EVP_PKEY_CTX *ctx = params ? EVP_PKEY_CTX_new_from_pkey(NULL, params, NULL) : NULL;
    EVP_PKEY *pkey = NULL;
    bool ok = ctx && EVP_PKEY_keygen_init(ctx) > 0 && EVP_PKEY_generate(ctx, &pkey) > 0;

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(params);
    if (!ok)
        return slv_fail(err, SLV_E_DENIED, "Failed to generate key");
    *ret = slv_nodejs_wrap(pkey);
    return SLV_OK;
}

static EVP_PKEY *dsa_parameters(const slv_nodejs_keygen *o)
{
    EVP_PKEY_CTX *ctx = context("DSA");
    EVP_PKEY *params = NULL;
    bool ok = EVP_PKEY_paramgen_init(ctx) > 0 &&
              EVP_PKEY_CTX_set_dsa_paramgen_bits(ctx, (int)o->bits) > 0 &&
              (o->divisor_bits < 0 ||
               EVP_PKEY_CTX_set_dsa_paramgen_q_bits(ctx, (int)o->divisor_bits) > 0) &&
              EVP_PKEY_paramgen(ctx, &params) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok ? params : NULL;
}

static EVP_PKEY *dh_by_size(const slv_nodejs_keygen *o)
{
    EVP_PKEY_CTX *ctx = context("DH");
    EVP_PKEY *params = NULL;
    bool ok = EVP_PKEY_paramgen_init(ctx) > 0 &&
              EVP_PKEY_CTX_set_dh_paramgen_prime_len(ctx, (int)o->bits) > 0 &&
              EVP_PKEY_CTX_set_dh_paramgen_generator(ctx, (int)o->generator) > 0 &&
              EVP_PKEY_paramgen(ctx, &params) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok ? params : NULL;
}

static EVP_PKEY *dh_by_prime(const slv_nodejs_keygen *o)
{
    BIGNUM *p = BN_bin2bn(crypto_bytes(o->prime), (int)o->prime.len, NULL), *g = BN_new();
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = context("DH");
    EVP_PKEY *pkey = NULL;

    if (p && g && build && BN_set_word(g, o->generator) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_FFC_P, p) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_FFC_G, g) &&
        (params = OSSL_PARAM_BLD_to_param(build)) != NULL && EVP_PKEY_fromdata_init(ctx) > 0)
        (void)EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEY_PARAMETERS, params);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(p);
    BN_free(g);
    return pkey;
}

static slv_code generate_dh(const slv_nodejs_keygen *o, slv_pkey **ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf prime = SLV_BUF(SLV_NODEJS_DH_BITS_MAX);
    slv_nodejs_keygen with = *o;

    if (o->group.ptr) {
        SLV_CLEANUP(slv_nodejs_dh_free) slv_nodejs_dh *d = NULL;

        if (slv_nodejs_dh_group(o->group, &d, NULL) != SLV_OK ||
            slv_nodejs_dh_get(d, SLV_NODEJS_DH_PRIME, &prime, NULL) != SLV_OK)
            return slv_fail(err, SLV_E_DENIED, "Invalid or unsupported group");
        with.prime = slv_buf_view(&prime);
        with.generator = 2;
    }
    if (with.prime.ptr) {
        if (with.prime.len > SLV_NODEJS_PRIME_BITS_MAX / 8)
            return slv_fail(err, SLV_E_LIMIT, "DH prime exceeds maximum size");
        return from_parameters(dh_by_prime(&with), ret, err);
    }
    if (o->bits > SLV_NODEJS_PRIME_BITS_MAX)
        return slv_fail(err, SLV_E_LIMIT, "DH prime exceeds maximum size");
    return from_parameters(dh_by_size(o), ret, err);
}

static slv_code generate(const slv_nodejs_keygen *o, slv_pkey **ret, slv_err *err)
{
    static const struct {
        const char *node, *library;
    } types[] = {
        {"rsa", "RSA"},     {"rsa-pss", "RSA-PSS"}, {"ec", "EC"},     {"ed25519", "ED25519"},
        {"ed448", "ED448"}, {"x25519", "X25519"},   {"x448", "X448"},
    };
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *pkey = NULL;

    for (size_t i = 0; i < SLV_ARRAY_LEN(types); i++)
        if (slv_str_is(o->type, types[i].node))
            ctx = context(types[i].library);
    SLV_ASSERT(ctx);
    slv_code code = EVP_PKEY_keygen_init(ctx) > 0
                        ? set_options(ctx, o, err)
                        : slv_fail(err, SLV_E_DENIED, "Failed to initialize keygen context");
    if (code == SLV_OK && EVP_PKEY_generate(ctx, &pkey) <= 0)
        code = slv_fail(err, SLV_E_DENIED, "Failed to generate key");
    EVP_PKEY_CTX_free(ctx);
    if (code == SLV_OK)
        *ret = slv_nodejs_wrap(pkey);
    return code;
}

slv_code slv_nodejs_key_generate(const slv_nodejs_keygen *o, slv_pkey **ret, slv_err *err)
{
    slv_code code;

    slv_crypto_fetch();
    if (slv_str_is(o->type, "dh")) {
        code = generate_dh(o, ret, err);
    } else if (o->bits > SLV_NODEJS_RSA_BITS_MAX) {
        code = slv_fail(err, SLV_E_LIMIT, "RSA modulusLength exceeds maximum (%d)",
                        SLV_NODEJS_RSA_BITS_MAX);
    } else if (slv_str_is(o->type, "dsa")) {
        code = from_parameters(dsa_parameters(o), ret, err);
    } else {
        code = generate(o, ret, err);
    }
    ERR_clear_error();
    return code;
}
