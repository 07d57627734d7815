#include "fmt/seal.h"

#include <openssl/evp.h>

#include "fmt/sum.h"

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
