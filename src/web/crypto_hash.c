/* crypto_hash.c - digests, checksums, HMAC and key derivation. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/mem.h"
#include "web/crypto_int.h"

struct slv_digest {
    slv_digest_id id;
    EVP_MD_CTX *ctx;       /* NULL for a checksum */
    uint64_t crc;          /* inverted, as it is kept while running */
    const uint64_t *table; /* of the checksum */
};

/* Reversed polynomials. */
static uint64_t polynomial(slv_digest_id id)
{
    if (id == SLV_DIGEST_CRC32)
        return 0xEDB88320;
    return id == SLV_DIGEST_CRC32C ? 0x82F63B78 : 0x9A6C9329AC4BC9B5;
}

static const uint64_t *crc_table(slv_digest_id id)
{
    static _Thread_local uint64_t tables[3][256];
    uint64_t *table = tables[id - SLV_DIGEST_CRC32];

    if (table[1] == 0) {
        for (unsigned i = 0; i < 256; i++) {
            uint64_t value = i;

            for (int bit = 0; bit < 8; bit++)
                value = value & 1 ? value >> 1 ^ polynomial(id) : value >> 1;
            table[i] = value;
        }
    }
    return table;
}

slv_digest *slv_digest_new(slv_digest_id id)
{
    slv_digest *d = slv_new0(slv_digest);

    d->id = id;
    if (id >= SLV_DIGEST_CRC32) {
        d->crc = id == SLV_DIGEST_CRC64NVME ? UINT64_MAX : UINT32_MAX;
        d->table = crc_table(id);
        return d;
    }
    d->ctx = EVP_MD_CTX_new();
    SLV_ASSERT(d->ctx && EVP_DigestInit_ex2(d->ctx, slv_crypto_md(id), NULL));
    return d;
}

slv_digest *slv_digest_free(slv_digest *d)
{
    if (d) {
        EVP_MD_CTX_free(d->ctx);
        free(d);
    }
    return NULL;
}

slv_code slv_digest_update(slv_digest *d, slv_str bytes)
{
    if (d->ctx)
        return EVP_DigestUpdate(d->ctx, crypto_bytes(bytes), bytes.len) ? SLV_OK : SLV_E_DENIED;
    for (size_t i = 0; i < bytes.len; i++)
        d->crc = d->table[(d->crc ^ (unsigned char)bytes.ptr[i]) & 0xFF] ^ d->crc >> 8;
    return SLV_OK;
}

slv_code slv_digest_final(slv_digest *d, slv_buf *out)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (d->ctx) {
        if (!EVP_DigestFinal_ex(d->ctx, bytes, &len))
            return SLV_E_DENIED;
    } else {
        uint64_t value = ~d->crc;

        len = d->id == SLV_DIGEST_CRC64NVME ? 8 : 4;
        for (unsigned i = 0; i < len; i++)
            bytes[i] = (unsigned char)(value >> (8 * (len - 1 - i)));
    }
    return slv_buf_append(out, slv_str_make(bytes, len));
}

slv_code slv_digest_all(slv_digest_id id, slv_str bytes, slv_buf *out)
{
    SLV_CLEANUP(slv_digest_free) slv_digest *d = slv_digest_new(id);

    SLV_TRY(slv_digest_update(d, bytes));
    return slv_digest_final(d, out);
}

/* H(pad || bytes) into out. */
static bool padded_hash(EVP_MD_CTX *ctx, const EVP_MD *md, const unsigned char *pad, slv_str bytes,
                        unsigned char out[SLV_DIGEST_MAX])
{
    return EVP_DigestInit_ex2(ctx, md, NULL) &&
           EVP_DigestUpdate(ctx, pad, (size_t)EVP_MD_get_block_size(md)) &&
           EVP_DigestUpdate(ctx, crypto_bytes(bytes), bytes.len) &&
           EVP_DigestFinal_ex(ctx, out, NULL);
}

/* RFC 2104 over the digests: for short texts the library's own spends more on looking the digest up
   again than on hashing. */
slv_code slv_hmac(slv_digest_id id, slv_str key, slv_str bytes, slv_buf *out)
{
    const EVP_MD *md = slv_crypto_md(id);
    size_t block = (size_t)EVP_MD_get_block_size(md), len = (size_t)EVP_MD_get_size(md);
    unsigned char short_key[SLV_DIGEST_MAX], inner[SLV_DIGEST_MAX], pad[128] = {0};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = true;

    SLV_ASSERT(ctx && block <= sizeof pad);
    if (key.len > block) {
        ok = EVP_DigestInit_ex2(ctx, md, NULL) && EVP_DigestUpdate(ctx, key.ptr, key.len) &&
             EVP_DigestFinal_ex(ctx, short_key, NULL);
        key = slv_str_make(short_key, len);
    }
    if (key.len > 0)
        memcpy(pad, key.ptr, key.len);
    for (size_t i = 0; i < block; i++)
        pad[i] ^= 0x36;
    ok = ok && padded_hash(ctx, md, pad, bytes, inner);
    for (size_t i = 0; i < block; i++)
        pad[i] ^= 0x36 ^ 0x5C;
    ok = ok && padded_hash(ctx, md, pad, slv_str_make(inner, len), inner);
    EVP_MD_CTX_free(ctx);
    slv_code code = ok ? slv_buf_append(out, slv_str_make(inner, len)) : SLV_E_DENIED;
    OPENSSL_cleanse(pad, sizeof pad);
    OPENSSL_cleanse(short_key, sizeof short_key);
    return code;
}

bool slv_bytes_equal(slv_str a, slv_str b)
{
    return a.len == b.len && CRYPTO_memcmp(crypto_bytes(a), crypto_bytes(b), a.len) == 0;
}

/* The digest by name, which the library takes as a writable string. */
static OSSL_PARAM digest_param(slv_digest_id id, char name[16])
{
    size_t len = strlen(slv_crypto_md_name(id));

    SLV_ASSERT(len < 16);
    memcpy(name, slv_crypto_md_name(id), len + 1);
    return OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0);
}

static OSSL_PARAM octets(const char *name, slv_str s)
{
    return OSSL_PARAM_construct_octet_string(name, (void *)(size_t)crypto_bytes(s), s.len);
}

static slv_code derive(EVP_KDF *kdf, const OSSL_PARAM params[], size_t len, slv_buf *out)
{
    if (len == 0)
        return SLV_OK;
    SLV_TRY(slv_buf_reserve(out, len));
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    SLV_ASSERT(ctx);
    int ok = EVP_KDF_derive(ctx, (unsigned char *)out->ptr + out->len, len, params);
    EVP_KDF_CTX_free(ctx);
    if (ok <= 0)
        return SLV_E_DENIED;
    out->len += len;
    return SLV_OK;
}

slv_code slv_hkdf(slv_kdf_options o, slv_buf *out)
{
    char name[16];

    const OSSL_PARAM params[] = {
        digest_param(o.hash, name),          octets(OSSL_KDF_PARAM_KEY, o.key),
        octets(OSSL_KDF_PARAM_SALT, o.salt), octets(OSSL_KDF_PARAM_INFO, o.info),
        OSSL_PARAM_construct_end(),
    };
    if (o.len > 255u * (size_t)EVP_MD_get_size(slv_crypto_md(o.hash)))
        return SLV_E_DENIED;
    return derive(slv_crypto_hkdf(), params, o.len, out);
}

slv_code slv_pbkdf2(slv_kdf_options o, slv_buf *out)
{
    char name[16];
    unsigned iterations = o.iterations;
    int pkcs5 = 1; /* no lower bounds of the library's own */

    const OSSL_PARAM params[] = {
        digest_param(o.hash, name),
        octets(OSSL_KDF_PARAM_PASSWORD, o.key),
        octets(OSSL_KDF_PARAM_SALT, o.salt),
        OSSL_PARAM_construct_uint(OSSL_KDF_PARAM_ITER, &iterations),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_PKCS5, &pkcs5),
        OSSL_PARAM_construct_end(),
    };
    return derive(slv_crypto_pbkdf2(), params, o.len, out);
}
