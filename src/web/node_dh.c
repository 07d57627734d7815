/* node_dh.c - Diffie-Hellman with numbers, and ECDH with points: the classes of those names. */
#define OPENSSL_SUPPRESS_DEPRECATED /* DH's checks have no other form that tells what failed */
#include <limits.h>
#include <stdio.h>

#include <openssl/dh.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "base/mem.h"
#include "web/node_pkey_int.h"

struct slv_nodejs_dh {
    DH *dh;
    int verify_error;
};

slv_nodejs_dh *slv_nodejs_dh_free(slv_nodejs_dh *d)
{
    if (d) {
        DH_free(d->dh);
        free(d);
    }
    return NULL;
}

int slv_nodejs_dh_verify_error(const slv_nodejs_dh *d)
{
    return d->verify_error;
}

/* Takes dh. */
static slv_code opened(DH *dh, slv_nodejs_dh **ret, slv_err *err)
{
    SLV_CLEANUP(slv_nodejs_dh_free) slv_nodejs_dh *d = slv_new0(slv_nodejs_dh);

    d->dh = dh;
    if (!DH_check(dh, &d->verify_error)) {
        ERR_clear_error();
        return slv_fail(err, SLV_E_DENIED, "DiffieHellman init failed");
    }
    *ret = SLV_STEAL(d);
    return SLV_OK;
}

/* Takes p and g. */
static DH *with_numbers(BIGNUM *p, BIGNUM *g)
{
    DH *dh = DH_new();

    SLV_ASSERT(dh && p && g && DH_set0_pqg(dh, p, NULL, g));
    return dh;
}

static BIGNUM *word(unsigned long n)
{
    BIGNUM *bn = BN_new();

    SLV_ASSERT(bn && BN_set_word(bn, n));
    return bn;
}

slv_code slv_nodejs_dh_group(slv_str name, slv_nodejs_dh **ret, slv_err *err)
{
    static const struct {
        const char *name;
        BIGNUM *(*prime)(BIGNUM *);
    } groups[] = {
        {"modp14", BN_get_rfc3526_prime_2048}, {"modp15", BN_get_rfc3526_prime_3072},
        {"modp16", BN_get_rfc3526_prime_4096}, {"modp17", BN_get_rfc3526_prime_6144},
        {"modp18", BN_get_rfc3526_prime_8192},
    };

    slv_crypto_fetch();
    for (size_t i = 0; i < SLV_ARRAY_LEN(groups); i++)
        if (slv_str_eq_nocase(name, slv_str_from(groups[i].name))) {
            *ret = slv_new0(slv_nodejs_dh); /* these primes need no check */
            (*ret)->dh = with_numbers(groups[i].prime(NULL), word(2));
            return SLV_OK;
        }
    return slv_fail(err, SLV_E_DENIED,
                    "Failed to init DiffieHellmanGroup: invalid group. Only groups {modp14, "
                    "modp15, modp16, modp17, "
                    "modp18} are supported.");
}

static BIGNUM *number(slv_str bytes)
{
    BIGNUM *bn = BN_bin2bn(crypto_bytes(bytes), (int)bytes.len, NULL);

    SLV_ASSERT(bn);
    return bn;
}

slv_code slv_nodejs_dh_of_prime(slv_str prime, slv_str generator, slv_nodejs_dh **ret, slv_err *err)
{
    slv_crypto_fetch();
    if (prime.len > SLV_NODEJS_DH_BITS_MAX / 8)
        return slv_fail(err, SLV_E_LIMIT, "DiffieHellman init failed: key is too large");
    if (prime.len == 0)
        return slv_fail(err, SLV_E_DENIED, "DiffieHellman init failed: invalid key");
    if (generator.len > SLV_NODEJS_DH_BITS_MAX / 8)
        return slv_fail(err, SLV_E_LIMIT, "DiffieHellman init failed: generator is too large");
    if (generator.len == 0)
        return slv_fail(err, SLV_E_DENIED, "DiffieHellman init failed: invalid generator");
    BIGNUM *p = number(prime), *g = number(generator);
    bool small = BN_is_zero(g) || BN_is_one(g);
    if (small || !BN_is_odd(p) || BN_ucmp(g, p) >= 0) {
        BN_free(p);
        BN_free(g);
        return small ? slv_fail(err, SLV_E_DENIED, "DiffieHellman init failed: invalid generator")
                     : slv_fail(err, SLV_E_DENIED,
                                "DiffieHellman init failed: Invalid DH prime generated");
    }
    return opened(with_numbers(p, g), ret, err);
}

slv_code slv_nodejs_dh_of_size(int32_t bits, int32_t generator, slv_nodejs_dh **ret, slv_err *err)
{
    slv_crypto_fetch();
    if (bits > SLV_NODEJS_DH_BITS_MAX)
        return slv_fail(err, SLV_E_LIMIT,
                        "DiffieHellman init failed: requested prime size too large");
    DH *dh = DH_new();
    SLV_ASSERT(dh);
    if (!DH_generate_parameters_ex(dh, bits, generator, NULL)) {
        DH_free(dh);
        ERR_clear_error();
        return slv_fail(err, SLV_E_DENIED,
                        "DiffieHellman init failed: could not generate parameters");
    }
    return opened(dh, ret, err);
}

slv_code slv_nodejs_dh_generate(slv_nodejs_dh *d, slv_err *err)
{
    bool ok = DH_generate_key(d->dh) == 1;

    ERR_clear_error();
    return ok ? SLV_OK : slv_fail(err, SLV_E_DENIED, "Error while generating DiffieHellman keys");
}

static slv_code put(const BIGNUM *n, slv_buf *out)
{
    size_t len = (size_t)BN_num_bytes(n);

    SLV_TRY(slv_buf_reserve(out, len ? len : 1));
    out->len += (size_t)BN_bn2bin(n, (unsigned char *)out->ptr + out->len);
    return SLV_OK;
}

slv_code slv_nodejs_dh_get(const slv_nodejs_dh *d, slv_nodejs_dh_part part, slv_buf *out,
                           slv_err *err)
{
    const BIGNUM *n = NULL;

    switch (part) {
    case SLV_NODEJS_DH_PRIME:
        n = DH_get0_p(d->dh);
        break;
    case SLV_NODEJS_DH_GENERATOR:
        n = DH_get0_g(d->dh);
        break;
    case SLV_NODEJS_DH_PUBLIC:
        n = DH_get0_pub_key(d->dh);
        break;
    case SLV_NODEJS_DH_PRIVATE:
        n = DH_get0_priv_key(d->dh);
        break;
    }
    if (!n)
        return slv_fail(err, SLV_E_DENIED,
                        part == SLV_NODEJS_DH_PUBLIC ? "No public key" : "No private key");
    return put(n, out);
}

/* What is wrong with a peer's number; texts differ in where they arise. */
static slv_code check_public(const slv_nodejs_dh *d, const BIGNUM *n, const char *where,
                             const char *key, const char *whose, slv_err *err)
{
    int found = 0;

    if (!DH_check_pub_key(d->dh, n, &found))
        return slv_fail(err, SLV_E_DENIED,
                        "DiffieHellman %s failed: could not validate %spublic key", where, whose);
    if (found & DH_CHECK_PUBKEY_TOO_SMALL)
        return slv_fail(err, SLV_E_LIMIT, "DiffieHellman %s failed: %s is too small", where, key);
    if (found & DH_CHECK_PUBKEY_TOO_LARGE)
        return slv_fail(err, SLV_E_LIMIT, "DiffieHellman %s failed: %s is too large", where, key);
    if (found)
        return slv_fail(err, SLV_E_DENIED, "DiffieHellman %s failed: invalid %spublic key", where,
                        whose);
    return SLV_OK;
}

slv_code slv_nodejs_dh_set(slv_nodejs_dh *d, slv_nodejs_dh_part part, slv_str bytes, slv_err *err)
{
    bool is_public = part == SLV_NODEJS_DH_PUBLIC;

    if (bytes.len > SLV_NODEJS_DH_BITS_MAX / 8)
        return slv_fail(err, SLV_E_LIMIT, "DiffieHellman %s failed: key is too large",
                        is_public ? "setPublicKey()" : "setPrivateKey()");
    BIGNUM *n = number(bytes);
    if (is_public) {
        slv_code code = check_public(d, n, "setPublicKey()", "key", "", err);

        if (code != SLV_OK) {
            BN_free(n);
            return code;
        }
    }
    SLV_ASSERT(DH_set0_key(d->dh, is_public ? n : NULL, is_public ? NULL : n));
    return SLV_OK;
}

slv_code slv_nodejs_dh_secret(slv_nodejs_dh *d, slv_str peer, slv_buf *out, slv_err *err)
{
    if (peer.len > SLV_NODEJS_DH_BITS_MAX / 8)
        return slv_fail(err, SLV_E_LIMIT, "DiffieHellman computeSecret() failed: key is too large");
    if (peer.len == 0)
        return slv_fail(err, SLV_E_DENIED, "DiffieHellman computeSecret() failed: invalid key");
    BIGNUM *n = number(peer);
    slv_code code = check_public(d, n, "computeSecret()", "Supplied key", "peer ", err);
    size_t len = (size_t)DH_size(d->dh);
    if (code == SLV_OK)
        code = slv_buf_reserve(out, len);
    if (code == SLV_OK && DH_compute_key_padded((unsigned char *)out->ptr + out->len, n, d->dh) < 0)
        code = slv_fail(err, SLV_E_DENIED,
                        "DiffieHellman computeSecret() failed: error computing shared secret");
    if (code == SLV_OK)
        out->len += len;
    BN_free(n);
    ERR_clear_error();
    return code;
}

/* ---- ECDH ---- */

struct slv_nodejs_ecdh {
    EC_GROUP *group;
    BIGNUM *own;
    EC_POINT *point; /* own times the generator */
};

slv_nodejs_ecdh *slv_nodejs_ecdh_free(slv_nodejs_ecdh *e)
{
    if (e) {
        BN_clear_free(e->own);
        EC_POINT_free(e->point);
        EC_GROUP_free(e->group);
        free(e);
    }
    return NULL;
}

slv_code slv_nodejs_ecdh_new(slv_str curve, slv_nodejs_ecdh **ret, slv_err *err)
{
    int nid = slv_nodejs_curve(curve);

    slv_crypto_fetch();
    EC_GROUP *group = nid != NID_undef ? EC_GROUP_new_by_curve_name(nid) : NULL;
    ERR_clear_error();
    if (!group)
        return slv_fail(err, SLV_E_DENIED, "Invalid curve");
    *ret = slv_new0(slv_nodejs_ecdh);
    (*ret)->group = group;
    return SLV_OK;
}

/* Takes n. */
static void take_private(slv_nodejs_ecdh *e, BIGNUM *n)
{
    EC_POINT *point = EC_POINT_new(e->group);

    SLV_ASSERT(point && EC_POINT_mul(e->group, point, n, NULL, NULL, NULL));
    BN_clear_free(e->own);
    EC_POINT_free(e->point);
    e->own = n;
    e->point = point;
}

slv_code slv_nodejs_ecdh_generate(slv_nodejs_ecdh *e, slv_err *err)
{
    BIGNUM *n = BN_secure_new();

    SLV_ASSERT(n);
    do {
        if (!BN_priv_rand_range_ex(n, EC_GROUP_get0_order(e->group), 0, NULL)) {
            BN_clear_free(n);
            return slv_fail(err, SLV_E_DENIED, "Failed to generate ECDH key");
        }
    } while (BN_is_zero(n));
    take_private(e, n);
    return SLV_OK;
}

static slv_code put_point(const EC_GROUP *group, const EC_POINT *point, slv_nodejs_point form,
                          slv_buf *out)
{
    size_t len = EC_POINT_point2oct(group, point, (point_conversion_form_t)form, NULL, 0, NULL);

    SLV_TRY(slv_buf_reserve(out, len ? len : 1));
    if (len == 0 || !EC_POINT_point2oct(group, point, (point_conversion_form_t)form,
                                        (unsigned char *)out->ptr + out->len, len, NULL))
        return SLV_E_DENIED;
    out->len += len;
    return SLV_OK;
}

slv_code slv_nodejs_ecdh_public(const slv_nodejs_ecdh *e, slv_nodejs_point form, slv_buf *out,
                                slv_err *err)
{
    if (!e->point)
        return slv_fail(err, SLV_E_DENIED, "Failed to get ECDH public key");
    return put_point(e->group, e->point, form, out);
}

static size_t field_len(const slv_nodejs_ecdh *e)
{
    return ((size_t)EC_GROUP_get_degree(e->group) + 7) / 8;
}

slv_code slv_nodejs_ecdh_private(const slv_nodejs_ecdh *e, slv_buf *out, slv_err *err)
{
    if (!e->own)
        return slv_fail(err, SLV_E_DENIED, "Failed to get ECDH private key");
    return put(e->own, out);
}

slv_code slv_nodejs_ecdh_set_private(slv_nodejs_ecdh *e, slv_str bytes, slv_err *err)
{
    BIGNUM *n = bytes.len <= 128 ? number(bytes) : NULL;

    if (!n || BN_is_zero(n) || BN_cmp(n, EC_GROUP_get0_order(e->group)) >= 0) {
        BN_clear_free(n);
        return slv_fail(err, SLV_E_DENIED, "Private key is not valid for specified curve.");
    }
    take_private(e, n);
    return SLV_OK;
}

static EC_POINT *read_point(const EC_GROUP *group, slv_str bytes)
{
    EC_POINT *point = EC_POINT_new(group);

    SLV_ASSERT(point);
    if (bytes.len > 0 && EC_POINT_oct2point(group, point, crypto_bytes(bytes), bytes.len, NULL) &&
        !EC_POINT_is_at_infinity(group, point))
        return point;
    EC_POINT_free(point);
    ERR_clear_error();
    return NULL;
}

slv_code slv_nodejs_ecdh_secret(const slv_nodejs_ecdh *e, slv_str peer, slv_buf *out, slv_err *err)
{
    if (!e->own)
        return slv_fail(err, SLV_E_DENIED, "Invalid keypair");
    EC_POINT *point = read_point(e->group, peer);
    if (!point)
        return slv_fail(err, SLV_E_PARSE, "Failed to set point");
    BIGNUM *x = BN_secure_new();
    size_t len = field_len(e);
    slv_code code = slv_buf_reserve(out, len);
    if (code == SLV_OK && (!x || !EC_POINT_mul(e->group, point, NULL, point, e->own, NULL) ||
                           !EC_POINT_get_affine_coordinates(e->group, point, x, NULL, NULL) ||
                           BN_bn2binpad(x, (unsigned char *)out->ptr + out->len, (int)len) < 0))
        code = slv_fail(err, SLV_E_DENIED, "Failed to compute ECDH key");
    if (code == SLV_OK)
        out->len += len;
    BN_clear_free(x);
    EC_POINT_clear_free(point);
    ERR_clear_error();
    return code;
}

slv_code slv_nodejs_ecdh_convert(slv_str curve, slv_str bytes, slv_nodejs_point form, slv_buf *out,
                                 slv_err *err)
{
    SLV_CLEANUP(slv_nodejs_ecdh_free) slv_nodejs_ecdh *e = NULL;

    SLV_TRY(slv_nodejs_ecdh_new(curve, &e, err));
    SLV_ASSERT(e);
    if (bytes.len == 0)
        return SLV_OK;
    EC_POINT *point = read_point(e->group, bytes);
    if (!point)
        return slv_fail(err, SLV_E_DENIED, "Failed to set point");
    slv_code code = put_point(e->group, point, form, out);
    EC_POINT_free(point);
    return code;
}
