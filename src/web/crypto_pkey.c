/* crypto_pkey.c - keys of RSA, the NIST curves and the 25519 ones: made, read, written. */
#include <limits.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "web/crypto_int.h"

static const struct {
    const char *type, *group;
    size_t len; /* of a coordinate, or of a raw key */
} kinds[] = {
    [SLV_PKEY_RSA] = {"RSA", NULL, 0},          [SLV_PKEY_P256] = {"EC", "P-256", 32},
    [SLV_PKEY_P384] = {"EC", "P-384", 48},      [SLV_PKEY_P521] = {"EC", "P-521", 66},
    [SLV_PKEY_ED25519] = {"ED25519", NULL, 32}, [SLV_PKEY_X25519] = {"X25519", NULL, 32},
    [SLV_PKEY_OTHER] = {"", NULL, 0},
};

size_t slv_crypto_field_len(slv_pkey_kind kind)
{
    return kinds[kind].len;
}

slv_pkey *slv_crypto_pkey(EVP_PKEY *pkey, slv_pkey_kind kind)
{
    slv_pkey *k = slv_new0(slv_pkey);

    k->pkey = pkey;
    k->kind = kind;
    return k;
}

slv_pkey *slv_pkey_free(slv_pkey *k)
{
    if (k) {
        EVP_PKEY_free(k->pkey);
        free(k);
    }
    return NULL;
}

slv_pkey_kind slv_pkey_kind_of(const slv_pkey *k)
{
    return k->kind;
}

unsigned slv_pkey_bits(const slv_pkey *k)
{
    return (unsigned)EVP_PKEY_get_bits(k->pkey);
}

static EVP_PKEY_CTX *new_ctx(slv_pkey_kind kind)
{
    slv_crypto_fetch();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kinds[kind].type, NULL);

    SLV_ASSERT(ctx);
    return ctx;
}

static bool generate_rsa(EVP_PKEY_CTX *ctx, unsigned bits, uint32_t exponent)
{
    BIGNUM *e = BN_new();
    bool ok = e && BN_set_word(e, exponent) &&
              EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) > 0 &&
              EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) > 0;

    BN_free(e);
    return ok;
}

slv_code slv_pkey_generate(slv_pkey_kind kind, unsigned bits, uint32_t exponent, slv_pkey **ret)
{
    EVP_PKEY_CTX *ctx = new_ctx(kind);
    EVP_PKEY *pkey = NULL;

    bool ok = EVP_PKEY_keygen_init(ctx) > 0;
    if (kind == SLV_PKEY_RSA)
        ok = ok && bits <= INT_MAX && generate_rsa(ctx, bits, exponent);
    else if (kinds[kind].group)
        ok = ok && EVP_PKEY_CTX_set_group_name(ctx, kinds[kind].group) > 0;
    ok = ok && EVP_PKEY_generate(ctx, &pkey) > 0;
    EVP_PKEY_CTX_free(ctx);
    if (!ok)
        return SLV_E_INVAL;
    *ret = slv_crypto_pkey(pkey, kind);
    return SLV_OK;
}

static bool is_kind(EVP_PKEY *pkey, slv_pkey_kind kind)
{
    char group[32] = "";
    size_t len = 0;

    if (!EVP_PKEY_is_a(pkey, kinds[kind].type))
        return false;
    if (!kinds[kind].group)
        return true;
    if (!EVP_PKEY_get_group_name(pkey, group, sizeof group, &len))
        return false;
    int nid = OBJ_sn2nid(group);
    return nid != NID_undef && nid == EC_curve_nist2nid(kinds[kind].group);
}

static bool public_check(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool ok = ctx && EVP_PKEY_public_check(ctx) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* Takes pkey. */
static slv_code accept(EVP_PKEY *pkey, slv_pkey_kind kind, slv_pkey **ret)
{
    if (!pkey)
        return SLV_E_PARSE;
    if (!is_kind(pkey, kind) || (crypto_is_ec(kind) && !public_check(pkey))) {
        slv_code code = is_kind(pkey, kind) ? SLV_E_PARSE : SLV_E_UNSUPPORTED;

        EVP_PKEY_free(pkey);
        return code;
    }
    if (crypto_is_ec(kind)) /* whatever form it came in, it is written uncompressed */
        (void)EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                             OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
    *ret = slv_crypto_pkey(pkey, kind);
    return SLV_OK;
}

slv_code slv_pkey_from_spki(slv_pkey_kind kind, slv_str der, slv_pkey **ret, size_t *ret_trailing)
{
    const unsigned char *p = crypto_bytes(der);

    slv_crypto_fetch();
    if (der.len > LONG_MAX)
        return SLV_E_PARSE;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &p, (long)der.len);
    *ret_trailing = der.len - (size_t)(p - crypto_bytes(der));
    return accept(pkey, kind, ret);
}

slv_code slv_pkey_from_pkcs8(slv_pkey_kind kind, slv_str der, slv_pkey **ret, size_t *ret_trailing)
{
    const unsigned char *p = crypto_bytes(der);

    slv_crypto_fetch();
    if (der.len > LONG_MAX)
        return SLV_E_PARSE;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.len);
    *ret_trailing = der.len - (size_t)(p - crypto_bytes(der));
    EVP_PKEY *pkey = info ? EVP_PKCS82PKEY(info) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    return accept(pkey, kind, ret);
}

/* A key from parameters; takes build. */
static EVP_PKEY *from_params(slv_pkey_kind kind, OSSL_PARAM_BLD *build, bool ok, int selection)
{
    OSSL_PARAM *params = ok ? OSSL_PARAM_BLD_to_param(build) : NULL;
    EVP_PKEY_CTX *ctx = new_ctx(kind);
    EVP_PKEY *pkey = NULL;

    if (params && EVP_PKEY_fromdata_init(ctx) > 0 &&
        EVP_PKEY_fromdata(ctx, &pkey, selection, params) <= 0)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

slv_code slv_pkey_from_raw(slv_pkey_kind kind, slv_str bytes, slv_pkey **ret)
{
    EVP_PKEY *pkey;

    slv_crypto_fetch();
    if (bytes.len == 0 || bytes.len > 256)
        return SLV_E_PARSE;
    if (!crypto_is_ec(kind)) {
        pkey = bytes.len == kinds[kind].len
                   ? EVP_PKEY_new_raw_public_key_ex(NULL, kinds[kind].type, NULL,
                                                    crypto_bytes(bytes), bytes.len)
                   : NULL;
        return accept(pkey, kind, ret);
    }
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    SLV_ASSERT(build);
    bool ok =
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, kinds[kind].group, 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, bytes.ptr, bytes.len);
    return accept(from_params(kind, build, ok, EVP_PKEY_PUBLIC_KEY), kind, ret);
}

/* ---- by numbers ---- */

static const char *const rsa_names[SLV_PKEY_PARTS] = {
    OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,           OSSL_PKEY_PARAM_RSA_D,
    OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,     OSSL_PKEY_PARAM_RSA_EXPONENT1,
    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};

/* All of the numbers behind d, or none; and none without d. */
static bool complete(BIGNUM *const n[SLV_PKEY_PARTS])
{
    unsigned given = 0;

    for (unsigned i = SLV_RSA_P; i <= SLV_RSA_QI; i++)
        given += n[i] != NULL;
    return given == 0 || (given == 5 && n[SLV_RSA_D]);
}

/* The primes must make the modulus: everything else follows from numbers that the owner chose. */
static bool primes_match(BIGNUM *const n[SLV_PKEY_PARTS])
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *product = BN_new();
    bool same =
        !n[SLV_RSA_P] || (ctx && product && BN_mul(product, n[SLV_RSA_P], n[SLV_RSA_Q], ctx) &&
                          BN_cmp(product, n[SLV_RSA_N]) == 0);

    BN_free(product);
    BN_CTX_free(ctx);
    return same;
}

static slv_code rsa_from_parts(const slv_str parts[SLV_PKEY_PARTS], slv_pkey **ret)
{
    slv_crypto_fetch();
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *numbers[SLV_PKEY_PARTS] = {NULL};
    bool ok = true;

    SLV_ASSERT(build);
    for (unsigned i = 0; i < SLV_PKEY_PARTS && ok; i++) {
        if (!parts[i].ptr)
            continue;
        ok = parts[i].len <= 4096;
        numbers[i] =
            ok ? BN_bin2bn(crypto_bytes(parts[i]), (int)parts[i].len, BN_secure_new()) : NULL;
        ok = numbers[i] && !BN_is_zero(numbers[i]) &&
             OSSL_PARAM_BLD_push_BN(build, rsa_names[i], numbers[i]);
    }
    ok = ok && numbers[SLV_RSA_N] && numbers[SLV_RSA_E] && complete(numbers) &&
         primes_match(numbers);
    int selection = numbers[SLV_RSA_D] ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    EVP_PKEY *pkey = from_params(SLV_PKEY_RSA, build, ok, selection);
    for (unsigned i = 0; i < SLV_PKEY_PARTS; i++)
        BN_clear_free(numbers[i]);
    return accept(pkey, SLV_PKEY_RSA, ret);
}

/* The point must belong to the private number. */
static bool pair_check(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool ok = ctx && EVP_PKEY_private_check(ctx) > 0 && EVP_PKEY_pairwise_check(ctx) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static slv_code ec_from_parts(slv_pkey_kind kind, const slv_str parts[SLV_PKEY_PARTS],
                              slv_pkey **ret)
{
    size_t len = kinds[kind].len;
    slv_str x = parts[SLV_EC_X], y = parts[SLV_EC_Y], d = parts[SLV_EC_D];
    unsigned char point[1 + 2 * 66] = {4};
    BIGNUM *number = NULL;

    if (!x.ptr || !y.ptr || x.len != len || y.len != len || (d.ptr && d.len != len))
        return SLV_E_PARSE;
    memcpy(point + 1, x.ptr, len);
    memcpy(point + 1 + len, y.ptr, len);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    SLV_ASSERT(build);
    bool ok =
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, kinds[kind].group, 0) &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * len);
    if (d.ptr) {
        number = BN_bin2bn(crypto_bytes(d), (int)d.len, BN_secure_new());
        ok = ok && number && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, number);
    }
    EVP_PKEY *pkey = from_params(kind, build, ok, d.ptr ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY);
    BN_clear_free(number);
    if (pkey && d.ptr && !pair_check(pkey)) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    return accept(pkey, kind, ret);
}

static slv_code okp_from_parts(slv_pkey_kind kind, const slv_str parts[SLV_PKEY_PARTS],
                               slv_pkey **ret)
{
    slv_str x = parts[SLV_OKP_X], d = parts[SLV_OKP_D];
    SLV_CLEANUP(slv_buf_done) slv_buf raw = SLV_BUF(64);
    SLV_CLEANUP(slv_pkey_free) slv_pkey *k = NULL;

    slv_crypto_fetch();
    if (!x.ptr || x.len != 32 || (d.ptr && d.len != 32))
        return SLV_E_PARSE;
    if (!d.ptr)
        return slv_pkey_from_raw(kind, x, ret);
    SLV_TRY(accept(
        EVP_PKEY_new_raw_private_key_ex(NULL, kinds[kind].type, NULL, crypto_bytes(d), d.len), kind,
        &k));
    SLV_TRY(slv_pkey_raw(k, &raw));
    if (!slv_str_eq(slv_buf_view(&raw), x))
        return SLV_E_PARSE;
    *ret = SLV_STEAL(k);
    return SLV_OK;
}

slv_code slv_pkey_from_parts(slv_pkey_kind kind, const slv_str parts[SLV_PKEY_PARTS],
                             slv_pkey **ret)
{
    if (kind == SLV_PKEY_RSA)
        return rsa_from_parts(parts, ret);
    return crypto_is_ec(kind) ? ec_from_parts(kind, parts, ret) : okp_from_parts(kind, parts, ret);
}

static slv_code put_number(EVP_PKEY *pkey, const char *name, size_t len, slv_buf *out)
{
    BIGNUM *n = NULL;

    if (!EVP_PKEY_get_bn_param(pkey, name, &n))
        return SLV_E_NOTFOUND;
    if (len == 0)
        len = (size_t)BN_num_bytes(n);
    slv_code code = slv_buf_reserve(out, len);
    if (code == SLV_OK && BN_bn2binpad(n, (unsigned char *)out->ptr + out->len, (int)len) < 0)
        code = SLV_E_INVAL;
    if (code == SLV_OK)
        out->len += len;
    BN_clear_free(n);
    return code;
}

static slv_code put_raw(EVP_PKEY *pkey, bool private, slv_buf *out)
{
    size_t len = 32;

    SLV_TRY(slv_buf_reserve(out, len));
    unsigned char *to = (unsigned char *)out->ptr + out->len;
    if (!(private ? EVP_PKEY_get_raw_private_key(pkey, to, &len)
                  : EVP_PKEY_get_raw_public_key(pkey, to, &len)))
        return SLV_E_NOTFOUND;
    out->len += len;
    return SLV_OK;
}

slv_code slv_pkey_part(const slv_pkey *k, unsigned i, slv_buf *out)
{
    static const char *const ec_names[] = {OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PKEY_PARAM_EC_PUB_Y,
                                           OSSL_PKEY_PARAM_PRIV_KEY};

    if (k->kind == SLV_PKEY_RSA)
        return i < SLV_PKEY_PARTS ? put_number(k->pkey, rsa_names[i], 0, out) : SLV_E_NOTFOUND;
    if (crypto_is_ec(k->kind))
        return i <= SLV_EC_D ? put_number(k->pkey, ec_names[i], kinds[k->kind].len, out)
                             : SLV_E_NOTFOUND;
    return i <= SLV_OKP_D ? put_raw(k->pkey, i == SLV_OKP_D, out) : SLV_E_NOTFOUND;
}

/* Takes what the library allocated. */
static slv_code put_der(unsigned char *der, int len, slv_buf *out)
{
    slv_code code = len > 0 ? slv_buf_append(out, slv_str_make(der, (size_t)len)) : SLV_E_INVAL;

    if (len > 0)
        OPENSSL_clear_free(der, (size_t)len);
    return code;
}

slv_code slv_pkey_spki(const slv_pkey *k, slv_buf *out)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(k->pkey, &der);

    return put_der(der, len, out);
}

slv_code slv_pkey_pkcs8(const slv_pkey *k, slv_buf *out)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(k->pkey);
    unsigned char *der = NULL;
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;

    PKCS8_PRIV_KEY_INFO_free(info);
    return put_der(der, len, out);
}

slv_code slv_pkey_raw(const slv_pkey *k, slv_buf *out)
{
    if (k->kind == SLV_PKEY_RSA)
        return SLV_E_INVAL;
    if (!crypto_is_ec(k->kind))
        return put_raw(k->pkey, false, out);
    SLV_TRY(slv_buf_append_byte(out, 4));
    SLV_TRY(slv_pkey_part(k, SLV_EC_X, out));
    return slv_pkey_part(k, SLV_EC_Y, out);
}
