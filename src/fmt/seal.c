#include "fmt/seal.h"

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/rand.h"
#include "fmt/sum.h"

#define TEXT_HEAD 4
#define SCRYPT_MEMORY (UINT64_C(64) << 20)

void slv_seal_init(slv_seal *s, const uint8_t key[SLV_SEAL_KEY], const uint8_t salt[SLV_SEAL_SALT])
{
    static const char label[14] = "selvage seal 1";
    char text[sizeof label + SLV_SEAL_SALT];

    memcpy(text, label, sizeof label);
    memcpy(text + sizeof label, salt, SLV_SEAL_SALT);
    slv_hmac_sha256(slv_str_make(key, SLV_SEAL_KEY), slv_str_make(text, sizeof text), s->key);
}

static void nonce_of(uint64_t number, uint8_t nonce[12])
{
    memset(nonce, 0, 4);
    for (int i = 0; i < 8; i++)
        nonce[4 + i] = (uint8_t)(number >> (56 - 8 * i));
}

void slv_seal_chunk(const slv_seal *s, uint64_t number, slv_str plain, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t nonce[12];
    int n = 0, last = 0;

    nonce_of(number, nonce);
    SLV_ASSERT(ctx && plain.len <= SLV_SEAL_CHUNK &&
               EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, s->key, nonce) == 1 &&
               EVP_EncryptUpdate(ctx, out, &n, (const uint8_t *)plain.ptr, (int)plain.len) == 1 &&
               EVP_EncryptFinal_ex(ctx, out + n, &last) == 1 && (size_t)n == plain.len &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SLV_SEAL_TAG, out + n) == 1);
    EVP_CIPHER_CTX_free(ctx);
}

slv_code slv_seal_open(const slv_seal *s, uint64_t number, slv_str sealed, uint8_t *out)
{
    uint8_t nonce[12], tag[SLV_SEAL_TAG];
    int n = 0, last = 0;

    if (sealed.len < SLV_SEAL_TAG || sealed.len > SLV_SEAL_CHUNK + SLV_SEAL_TAG)
        return SLV_E_DENIED;
    size_t len = sealed.len - SLV_SEAL_TAG;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    nonce_of(number, nonce);
    memcpy(tag, sealed.ptr + len, SLV_SEAL_TAG);
    SLV_ASSERT(ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, s->key, nonce) == 1 &&
               EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, SLV_SEAL_TAG, tag) == 1 &&
               EVP_DecryptUpdate(ctx, out, &n, (const uint8_t *)sealed.ptr, (int)len) == 1);
    bool good = EVP_DecryptFinal_ex(ctx, out + n, &last) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good ? SLV_OK : SLV_E_DENIED;
}

/* ---- texts ---- */

slv_code slv_seal_text(const uint8_t key[SLV_SEAL_KEY], slv_str plain, slv_buf *out)
{
    uint8_t salt[SLV_SEAL_SALT], chunk[SLV_SEAL_CHUNK + SLV_SEAL_TAG];
    SLV_CLEANUP(slv_buf_done) slv_buf all = SLV_BUF(plain.len + TEXT_HEAD);
    slv_seal seal;
    uint64_t number = 0;

    SLV_TRY(slv_buf_append_u32(&all, (uint32_t)plain.len));
    SLV_TRY(slv_buf_append(&all, plain));
    slv_rand_bytes(salt, sizeof salt);
    slv_seal_init(&seal, key, salt);
    SLV_TRY(slv_buf_append(out, slv_str_make((const char *)salt, sizeof salt)));
    for (size_t at = 0; at < all.len; at += SLV_SEAL_CHUNK) {
        slv_str piece = slv_str_sub(slv_buf_view(&all), at, SLV_MIN(at + SLV_SEAL_CHUNK, all.len));

        slv_seal_chunk(&seal, number++, piece, chunk);
        SLV_TRY(slv_buf_append(out, slv_str_make((const char *)chunk, piece.len + SLV_SEAL_TAG)));
    }
    return SLV_OK;
}

slv_code slv_unseal_text(const uint8_t key[SLV_SEAL_KEY], slv_str sealed, slv_buf *out)
{
    uint8_t chunk[SLV_SEAL_CHUNK];
    SLV_CLEANUP(slv_buf_done) slv_buf all = SLV_BUF(sealed.len);
    slv_seal seal;
    uint64_t number = 0;

    if (sealed.len < SLV_SEAL_SALT + SLV_SEAL_TAG + TEXT_HEAD)
        return SLV_E_DENIED;
    slv_seal_init(&seal, key, (const uint8_t *)sealed.ptr);
    sealed = slv_str_skip(sealed, SLV_SEAL_SALT);
    while (sealed.len > 0) {
        slv_str piece = slv_str_sub(sealed, 0, SLV_MIN(SLV_SEAL_CHUNK + SLV_SEAL_TAG, sealed.len));

        if (piece.len <= SLV_SEAL_TAG || slv_seal_open(&seal, number++, piece, chunk) != SLV_OK)
            return SLV_E_DENIED;
        SLV_TRY(slv_buf_append(&all, slv_str_make((const char *)chunk, piece.len - SLV_SEAL_TAG)));
        sealed = slv_str_skip(sealed, piece.len);
    }
    slv_reader r = slv_reader_make(slv_buf_view(&all));
    slv_str plain = slv_read_str(&r);
    if (!slv_reader_end(&r))
        return SLV_E_DENIED;
    return slv_buf_append(out, plain);
}

slv_code slv_seal_key_of(slv_str passphrase, const uint8_t salt[SLV_SEAL_SALT],
                         uint8_t key[SLV_SEAL_KEY])
{
    return EVP_PBE_scrypt(passphrase.ptr ? passphrase.ptr : "", passphrase.len, salt, SLV_SEAL_SALT,
                          UINT64_C(1) << SLV_SEAL_SCRYPT_LOG2, 8, 1, SCRYPT_MEMORY, key,
                          SLV_SEAL_KEY) == 1
               ? SLV_OK
               : SLV_E_NOMEM;
}
