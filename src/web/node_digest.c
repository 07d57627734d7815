/* node_digest.c - digests and HMAC by name, and the key derivations over them. */
#define OPENSSL_SUPPRESS_DEPRECATED /* MD4, which the library has only in this form without a file \
                                       to load */
#include <ctype.h>
#include <pthread.h>
#include <strings.h>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/md4.h>

#include "base/mem.h"
#include "web/crypto_int.h"
#include "web/node_crypto_int.h"

/* Names that Node.js users write, in whatever case, and the library's. The platform has all up to
 * sha512-256; RIPEMD-160 it refuses, and so do we. */
static const struct {
    const char *name, *library;
} names[] = {
    {"md4", NULL},
    {"md5", "MD5"},
    {"rsa-md5", "MD5"},
    {"ssl3-md5", "MD5"},
    {"sha1", "SHA1"},
    {"sha-1", "SHA1"},
    {"rsa-sha1", "SHA1"},
    {"rsa-sha1-2", "SHA1"},
    {"dsa-sha", "SHA1"},
    {"dsa-sha1", "SHA1"},
    {"ecdsa-with-sha1", "SHA1"},
    {"ssl3-sha1", "SHA1"},
    {"sha224", "SHA2-224"},
    {"sha-224", "SHA2-224"},
    {"rsa-sha224", "SHA2-224"},
    {"sha256", "SHA2-256"},
    {"sha-256", "SHA2-256"},
    {"rsa-sha256", "SHA2-256"},
    {"sha384", "SHA2-384"},
    {"sha-384", "SHA2-384"},
    {"rsa-sha384", "SHA2-384"},
    {"sha512", "SHA2-512"},
    {"sha-512", "SHA2-512"},
    {"rsa-sha512", "SHA2-512"},
    {"md5-sha1", "MD5-SHA1"},
    {"sha512-256", "SHA2-512/256"},
    {"sha-512/256", "SHA2-512/256"},
    {"rsa-sha512/256", "SHA2-512/256"},
    {"sha512-224", "SHA2-512/224"},
    {"sha-512/224", "SHA2-512/224"},
    {"rsa-sha512/224", "SHA2-512/224"},
    {"sha3-224", "SHA3-224"},
    {"sha3-256", "SHA3-256"},
    {"sha3-384", "SHA3-384"},
    {"sha3-512", "SHA3-512"},
    {"shake128", "SHAKE-128"},
    {"shake256", "SHAKE-256"},
    {"blake2b512", "BLAKE2B-512"},
    {"blake2s256", "BLAKE2S-256"},
    {"sm3", "SM3"},
    {"md5withrsaencryption", "MD5"},
    {"sha1withrsaencryption", "SHA1"},
    {"sha224withrsaencryption", "SHA2-224"},
    {"sha256withrsaencryption", "SHA2-256"},
    {"sha384withrsaencryption", "SHA2-384"},
    {"sha512withrsaencryption", "SHA2-512"},
};

static int md4_init(EVP_MD_CTX *ctx)
{
    return MD4_Init(EVP_MD_CTX_md_data(ctx));
}

static int md4_update(EVP_MD_CTX *ctx, const void *data, size_t len)
{
    return MD4_Update(EVP_MD_CTX_md_data(ctx), data, len);
}

static int md4_final(EVP_MD_CTX *ctx, unsigned char *out)
{
    return MD4_Final(out, EVP_MD_CTX_md_data(ctx));
}

static EVP_MD *make_md4(void)
{
    EVP_MD *md = EVP_MD_meth_new(NID_md4, NID_undef);

    SLV_ASSERT(md && EVP_MD_meth_set_result_size(md, MD4_DIGEST_LENGTH) &&
               EVP_MD_meth_set_input_blocksize(md, MD4_CBLOCK) &&
               EVP_MD_meth_set_app_datasize(md, sizeof(MD4_CTX)) &&
               EVP_MD_meth_set_init(md, md4_init) && EVP_MD_meth_set_update(md, md4_update) &&
               EVP_MD_meth_set_final(md, md4_final));
    return md;
}

/* Fetched when first asked for. */
static EVP_MD *fetched[SLV_ARRAY_LEN(names)];
static pthread_mutex_t fetched_lock = PTHREAD_MUTEX_INITIALIZER;

const EVP_MD *slv_nodejs_md(slv_str name)
{
    const EVP_MD *md = NULL;

    slv_crypto_fetch();
    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++) {
        if (!slv_str_eq_nocase(name, slv_str_from(names[i].name)))
            continue;
        SLV_ASSERT(pthread_mutex_lock(&fetched_lock) == 0);
        if (!fetched[i])
            fetched[i] = names[i].library ? EVP_MD_fetch(NULL, names[i].library, NULL) : make_md4();
        md = fetched[i];
        SLV_ASSERT(pthread_mutex_unlock(&fetched_lock) == 0);
        break;
    }
    return md;
}

/* An HMAC is two digests, the second over the first one's result. */
struct slv_nodejs_hash {
    EVP_MD_CTX *ctx;
    EVP_MD_CTX *outer; /* of an HMAC */
    size_t len;
};

static EVP_MD_CTX *new_ctx(const EVP_MD *md)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    SLV_ASSERT(ctx && EVP_DigestInit_ex2(ctx, md, NULL));
    return ctx;
}

slv_nodejs_hash *slv_nodejs_hash_free(slv_nodejs_hash *h)
{
    if (h) {
        EVP_MD_CTX_free(h->ctx);
        EVP_MD_CTX_free(h->outer);
        free(h);
    }
    return NULL;
}

static bool is_xof(const EVP_MD *md)
{
    return (EVP_MD_get_flags(md) & EVP_MD_FLAG_XOF) != 0;
}

static slv_code check_len(const EVP_MD *md, size_t *len, slv_err *err)
{
    size_t own = (size_t)EVP_MD_get_size(md);

    if (*len == SLV_NODEJS_HASH_OWN)
        *len = own;
    if (*len != own && !is_xof(md))
        return slv_fail(err, SLV_E_DENIED, "invalid digest size");
    if (*len > SLV_NODEJS_OUT_MAX)
        return slv_fail(err, SLV_E_LIMIT, "Memory limit exceeded");
    return SLV_OK;
}

slv_code slv_nodejs_hash_new(slv_str name, size_t len, slv_nodejs_hash **ret, slv_err *err)
{
    const EVP_MD *md = slv_nodejs_md(name);

    if (!md)
        return slv_fail(err, SLV_E_NOTFOUND, "Digest method not supported");
    SLV_TRY(check_len(md, &len, err));
    *ret = slv_new0(slv_nodejs_hash);
    (*ret)->ctx = new_ctx(md);
    (*ret)->len = len;
    return SLV_OK;
}

slv_code slv_nodejs_hash_copy(const slv_nodejs_hash *h, size_t len, slv_nodejs_hash **ret,
                              slv_err *err)
{
    const EVP_MD *md = EVP_MD_CTX_get0_md(h->ctx);

    SLV_ASSERT(!h->outer);
    SLV_TRY(check_len(md, &len, err));
    *ret = slv_new0(slv_nodejs_hash);
    (*ret)->ctx = EVP_MD_CTX_new();
    SLV_ASSERT((*ret)->ctx && EVP_MD_CTX_copy_ex((*ret)->ctx, h->ctx));
    (*ret)->len = len;
    return SLV_OK;
}

#define BLOCK_MAX 168 /* SHAKE-128's */

slv_code slv_nodejs_hmac_new(slv_str name, slv_str key, slv_nodejs_hash **ret)
{
    const EVP_MD *md = slv_nodejs_md(name);
    unsigned char pad[BLOCK_MAX] = {0}, short_key[EVP_MAX_MD_SIZE];
    size_t block;

    if (!md || is_xof(md))
        return SLV_E_NOTFOUND;
    block = (size_t)EVP_MD_get_block_size(md);
    SLV_ASSERT(block <= sizeof pad);
    if (key.len > block) {
        unsigned n = 0;

        if (!EVP_Digest(crypto_bytes(key), key.len, short_key, &n, md, NULL))
            return SLV_E_DENIED;
        key = slv_str_make(short_key, n);
    }
    if (key.len > 0)
        memcpy(pad, key.ptr, key.len);
    *ret = slv_new0(slv_nodejs_hash);
    (*ret)->len = (size_t)EVP_MD_get_size(md);
    for (size_t i = 0; i < block; i++)
        pad[i] ^= 0x36;
    (*ret)->ctx = new_ctx(md);
    SLV_ASSERT(EVP_DigestUpdate((*ret)->ctx, pad, block));
    for (size_t i = 0; i < block; i++)
        pad[i] ^= 0x36 ^ 0x5C;
    (*ret)->outer = new_ctx(md);
    SLV_ASSERT(EVP_DigestUpdate((*ret)->outer, pad, block));
    OPENSSL_cleanse(pad, sizeof pad);
    OPENSSL_cleanse(short_key, sizeof short_key);
    return SLV_OK;
}

slv_code slv_nodejs_hash_update(slv_nodejs_hash *h, slv_str bytes)
{
    return EVP_DigestUpdate(h->ctx, crypto_bytes(bytes), bytes.len) ? SLV_OK : SLV_E_DENIED;
}

slv_code slv_nodejs_hash_final(slv_nodejs_hash *h, slv_buf *out)
{
    unsigned char inner[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (h->outer) {
        if (!EVP_DigestFinal_ex(h->ctx, inner, &n) || !EVP_DigestUpdate(h->outer, inner, n) ||
            !EVP_DigestFinal_ex(h->outer, inner, &n))
            return SLV_E_DENIED;
        return slv_buf_append(out, slv_str_make(inner, n));
    }
    if (h->len == 0)
        return SLV_OK;
    SLV_TRY(slv_buf_reserve(out, h->len));
    unsigned char *to = (unsigned char *)out->ptr + out->len;
    if (is_xof(EVP_MD_CTX_get0_md(h->ctx)) ? !EVP_DigestFinalXOF(h->ctx, to, h->len)
                                           : !EVP_DigestFinal_ex(h->ctx, to, &n))
        return SLV_E_DENIED;
    out->len += h->len;
    return SLV_OK;
}

/* ---- derivation ---- */

static OSSL_PARAM octets(const char *name, slv_str s)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(size_t)crypto_bytes(s), s.len);
}

/* The library looks the digest up again, by name: MD4 it does not find. */
static OSSL_PARAM digest(const EVP_MD *md)
{
    return OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                            (char *)(size_t)EVP_MD_get0_name(md), 0);
}

static slv_code derive(EVP_KDF *kdf, const OSSL_PARAM params[], size_t len, slv_buf *out)
{
    if (len == 0)
        return SLV_OK;
    SLV_TRY(slv_buf_reserve(out, len));
    EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    bool ok = ctx && EVP_KDF_derive(ctx, (unsigned char *)out->ptr + out->len, len, params) > 0;
    EVP_KDF_CTX_free(ctx);
    if (!ok)
        return SLV_E_DENIED;
    out->len += len;
    return SLV_OK;
}

slv_code slv_nodejs_hkdf(const slv_nodejs_kdf *o, slv_buf *out)
{
    const EVP_MD *md = slv_nodejs_md(o->hash);

    if (!md || is_xof(md))
        return SLV_E_NOTFOUND;
    if (o->len > 255u * (size_t)EVP_MD_get_size(md))
        return SLV_E_LIMIT;
    const OSSL_PARAM params[] = {
        digest(md),
        octets(OSSL_KDF_PARAM_KEY, o->key),
        octets(OSSL_KDF_PARAM_SALT, o->salt),
        octets(OSSL_KDF_PARAM_INFO, o->info),
        OSSL_PARAM_construct_end(),
    };
    return derive(slv_crypto_hkdf(), params, o->len, out);
}

slv_code slv_nodejs_pbkdf2(const slv_nodejs_kdf *o, slv_buf *out)
{
    const EVP_MD *md = slv_nodejs_md(o->hash);
    unsigned iterations = o->iterations;
    int pkcs5 = 1; /* no lower bounds of the library's own */

    if (!md || is_xof(md))
        return SLV_E_NOTFOUND;
    if (o->len >
        255u * (size_t)EVP_MD_get_size(md)) /* the platform's bound, for both derivations */
        return SLV_E_LIMIT;
    const OSSL_PARAM params[] = {
        digest(md),
        octets(OSSL_KDF_PARAM_PASSWORD, o->key),
        octets(OSSL_KDF_PARAM_SALT, o->salt),
        OSSL_PARAM_construct_uint(OSSL_KDF_PARAM_ITER, &iterations),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &pkcs5),
        OSSL_PARAM_construct_end(),
    };
    return derive(slv_crypto_pbkdf2(), params, o->len, out);
}

slv_code slv_nodejs_scrypt(const slv_nodejs_kdf *o, slv_buf *out)
{
    if (o->len > SLV_NODEJS_OUT_MAX)
        return SLV_E_LIMIT;
    SLV_TRY(slv_buf_reserve(out, o->len ? o->len : 1));
    /* a length of 0 still checks the parameters */
    if (EVP_PBE_scrypt((const char *)crypto_bytes(o->key), o->key.len, crypto_bytes(o->salt),
                       o->salt.len, o->n, o->r, o->p, o->maxmem,
                       o->len ? (unsigned char *)out->ptr + out->len : NULL, o->len) != 1)
        return SLV_E_DENIED;
    out->len += o->len;
    return SLV_OK;
}
