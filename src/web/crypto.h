/*
 * crypto.h - the operations behind WebCrypto, on OpenSSL 3: digests, HMAC, key derivation, AES, and
 * keys of RSA, the NIST curves and the 25519 ones. No engine; names, usages and error texts are
 * JavaScript's (jslib/crypto*.js).
 *
 * Any thread; a slv_digest is used by one at a time, a slv_pkey may be shared. Algorithms are
 * fetched once. Outputs are appended to a slv_buf, or freshly made objects. SLV_E_INVAL: the
 * parameters or key are not right. SLV_E_DENIED: the cryptographic check failed (tag, padding,
 * signature) or the library refused. SLV_E_PARSE: encoded keys that are not.
 */
#ifndef SLV_WEB_CRYPTO_H
#define SLV_WEB_CRYPTO_H

#include "base/buf.h"

/* ---- digests ---- */

typedef enum slv_digest_id {
    SLV_DIGEST_MD5,
    SLV_DIGEST_SHA1,
    SLV_DIGEST_SHA256,
    SLV_DIGEST_SHA384,
    SLV_DIGEST_SHA512,
    /* checksums, which only the stream form offers */
    SLV_DIGEST_CRC32,
    SLV_DIGEST_CRC32C,
    SLV_DIGEST_CRC64NVME,
} slv_digest_id;

#define SLV_DIGEST_MAX 64 /* bytes of the longest */

typedef struct slv_digest slv_digest;
slv_digest *slv_digest_new(slv_digest_id id);
slv_digest *slv_digest_free(slv_digest *d);
SLV_DEFINE_CLEANUP(slv_digest *, slv_digest_free);
SLV_NODISCARD slv_code slv_digest_update(slv_digest *d, slv_str bytes);
/* Once; nothing may follow. */
SLV_NODISCARD slv_code slv_digest_final(slv_digest *d, slv_buf *out);
SLV_NODISCARD slv_code slv_digest_all(slv_digest_id id, slv_str bytes, slv_buf *out);

SLV_NODISCARD slv_code slv_hmac(slv_digest_id id, slv_str key, slv_str bytes, slv_buf *out);
/* Time does not depend on where they differ. */
bool slv_bytes_equal(slv_str a, slv_str b);

typedef struct slv_kdf_options {
    slv_digest_id hash;
    slv_str key, salt;
    slv_str info;        /* HKDF */
    uint32_t iterations; /* PBKDF2; at least 1 */
    size_t len;          /* bytes wanted; 0 gives none */
} slv_kdf_options;
SLV_NODISCARD slv_code slv_hkdf(slv_kdf_options options, slv_buf *out);
SLV_NODISCARD slv_code slv_pbkdf2(slv_kdf_options options, slv_buf *out);

/* ---- AES; keys of 16, 24 or 32 bytes ---- */

SLV_NODISCARD slv_code slv_aes_cbc(bool encrypt, slv_str key, slv_str iv, slv_str in, slv_buf *out);
/* counter_bits: how many of the block's last bits count up (1 to 128). SLV_E_LIMIT: blocks would
 * repeat. */
SLV_NODISCARD slv_code slv_aes_ctr(slv_str key, slv_str counter, unsigned counter_bits, slv_str in,
                                   slv_buf *out);
typedef struct slv_gcm_options {
    slv_str key, iv, aad;
    size_t tag_len; /* bytes */
} slv_gcm_options;
/* The tag stands behind the ciphertext. */
SLV_NODISCARD slv_code slv_aes_gcm(bool encrypt, slv_gcm_options options, slv_str in, slv_buf *out);
/* RFC 3394. */
SLV_NODISCARD slv_code slv_aes_kw(bool wrap, slv_str key, slv_str in, slv_buf *out);

/* ---- keys ---- */

typedef enum slv_pkey_kind {
    SLV_PKEY_RSA,
    SLV_PKEY_P256,
    SLV_PKEY_P384,
    SLV_PKEY_P521,
    SLV_PKEY_ED25519,
    SLV_PKEY_X25519,
    SLV_PKEY_OTHER, /* what only node:crypto has; not for the functions below that take a kind */
} slv_pkey_kind;

typedef struct slv_pkey slv_pkey;
slv_pkey *slv_pkey_free(slv_pkey *k);
SLV_DEFINE_CLEANUP(slv_pkey *, slv_pkey_free);

/* bits and exponent for RSA. */
SLV_NODISCARD slv_code slv_pkey_generate(slv_pkey_kind kind, unsigned bits, uint32_t exponent,
                                         slv_pkey **ret);
/* *ret_trailing: bytes behind the encoded key, which the caller refuses. SLV_E_UNSUPPORTED: a key
 * of another kind. */
SLV_NODISCARD slv_code slv_pkey_from_spki(slv_pkey_kind kind, slv_str der, slv_pkey **ret,
                                          size_t *ret_trailing);
SLV_NODISCARD slv_code slv_pkey_from_pkcs8(slv_pkey_kind kind, slv_str der, slv_pkey **ret,
                                           size_t *ret_trailing);
/* A public key: a point of a curve (also compressed), or 32 bytes. */
SLV_NODISCARD slv_code slv_pkey_from_raw(slv_pkey_kind kind, slv_str bytes, slv_pkey **ret);

/* The numbers of a JWK, big-endian. RSA: n e d p q dp dq qi; EC: x y d; 25519: x d. ptr NULL:
   absent. A private key has d; RSA's other five come together or not at all. */
#define SLV_PKEY_PARTS 8
enum { SLV_RSA_N, SLV_RSA_E, SLV_RSA_D, SLV_RSA_P, SLV_RSA_Q, SLV_RSA_DP, SLV_RSA_DQ, SLV_RSA_QI };
enum { SLV_EC_X, SLV_EC_Y, SLV_EC_D };
enum { SLV_OKP_X, SLV_OKP_D };
SLV_NODISCARD slv_code slv_pkey_from_parts(slv_pkey_kind kind, const slv_str parts[SLV_PKEY_PARTS],
                                           slv_pkey **ret);
/* Part i; SLV_E_NOTFOUND when the key has none. Curve numbers have the curve's full length. */
SLV_NODISCARD slv_code slv_pkey_part(const slv_pkey *k, unsigned i, slv_buf *out);
SLV_NODISCARD slv_code slv_pkey_spki(const slv_pkey *k, slv_buf *out);
SLV_NODISCARD slv_code slv_pkey_pkcs8(const slv_pkey *k, slv_buf *out);
/* The public key as slv_pkey_from_raw reads it, points uncompressed. */
SLV_NODISCARD slv_code slv_pkey_raw(const slv_pkey *k, slv_buf *out);
unsigned slv_pkey_bits(const slv_pkey *k);
slv_pkey_kind slv_pkey_kind_of(const slv_pkey *k);

typedef enum slv_scheme {
    SLV_SCHEME_PKCS1,
    SLV_SCHEME_PSS,
    SLV_SCHEME_ECDSA, /* signatures are r and s, each of the curve's length */
    SLV_SCHEME_EDDSA, /* no hash */
} slv_scheme;

typedef struct slv_sign_options {
    slv_scheme scheme;
    slv_digest_id hash;
    unsigned salt_len; /* PSS */
} slv_sign_options;
SLV_NODISCARD slv_code slv_pkey_sign(const slv_pkey *k, slv_sign_options options, slv_str bytes,
                                     slv_buf *out);
/* False when the signature is not right, in whatever way. */
bool slv_pkey_verify(const slv_pkey *k, slv_sign_options options, slv_str signature, slv_str bytes);
SLV_NODISCARD slv_code slv_rsa_oaep(const slv_pkey *k, bool encrypt, slv_digest_id hash,
                                    slv_str label, slv_str in, slv_buf *out);
/* ECDH and X25519: the shared secret. SLV_E_DENIED also for a secret of zeros. */
SLV_NODISCARD slv_code slv_pkey_derive(const slv_pkey *own, const slv_pkey *peer, slv_buf *out);

#endif
