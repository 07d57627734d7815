/*
 * crypto_int.h - what the crypto*.c files share: algorithms that were fetched once. Private to
 * them.
 */
#ifndef SLV_WEB_CRYPTO_INT_H
#define SLV_WEB_CRYPTO_INT_H

#include <openssl/evp.h>

#include "web/crypto.h"

/* Everything below calls it; what uses the library without them must. */
void slv_crypto_fetch(void);
/* NULL for the checksums. */
const EVP_MD *slv_crypto_md(slv_digest_id id);
const char *slv_crypto_md_name(slv_digest_id id);
EVP_KDF *slv_crypto_hkdf(void);
EVP_KDF *slv_crypto_pbkdf2(void);
typedef enum crypto_mode {
    CRYPTO_CBC,
    CRYPTO_CTR,
    CRYPTO_GCM,
    CRYPTO_KW,
    CRYPTO_MODES
} crypto_mode;
/* NULL when the key has no length of AES. */
const EVP_CIPHER *slv_crypto_aes(crypto_mode mode, size_t key_len);

/* What OpenSSL takes as a nonce of GCM at most, and what does the rest. Arguments are checked. */
#define CRYPTO_GCM_IV_MAX 128
SLV_NODISCARD slv_code slv_crypto_gcm_long_iv(bool encrypt, slv_gcm_options o, slv_str in,
                                              slv_buf *out);

struct slv_pkey {
    EVP_PKEY *pkey;
    slv_pkey_kind kind;
};
/* Takes pkey. */
slv_pkey *slv_crypto_pkey(EVP_PKEY *pkey, slv_pkey_kind kind);
/* Bytes of a coordinate; 0 for other kinds. */
size_t slv_crypto_field_len(slv_pkey_kind kind);
/* r and s of a signature by ECDSA or DSA (the same DER: two numbers), each of len bytes.
 * SLV_E_DENIED when it is none, or longer. */
SLV_NODISCARD slv_code slv_crypto_put_plain(slv_str der, size_t len, slv_buf *out);

static inline bool crypto_is_ec(slv_pkey_kind kind)
{
    return kind >= SLV_PKEY_P256 && kind <= SLV_PKEY_P521;
}

static inline const unsigned char *crypto_bytes(slv_str s)
{
    static const unsigned char nothing[1] = {0};

    return s.len > 0 ? (const unsigned char *)s.ptr : nothing;
}

#endif
