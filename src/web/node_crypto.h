/*
 * node_crypto.h - what is behind node:crypto besides keys: digests, HMAC, ciphers and key
 * derivation by the names that Node.js has for them, primes. On OpenSSL 3. No engine.
 *
 * Any thread; one object is used by one thread at a time. Which digests there are is a list of
 * ours: what the platform has, and what OpenSSL adds to that. An error's message is the text that
 * JavaScript throws; SLV_E_INVAL is thrown as a TypeError, SLV_E_LIMIT as a RangeError,
 * SLV_E_DENIED as an Error. SLV_E_NOTFOUND: there is no algorithm of that name.
 */
#ifndef SLV_WEB_NODE_CRYPTO_H
#define SLV_WEB_NODE_CRYPTO_H

#include "base/buf.h"

/* Outputs longer than this are refused. */
#define SLV_NODEJS_OUT_MAX ((size_t)1 << 30)

/* ---- digests ---- */

typedef struct slv_nodejs_hash slv_nodejs_hash;

#define SLV_NODEJS_HASH_OWN SIZE_MAX /* the digest's own length */
/* len: bytes of the result, free for SHAKE only (SLV_E_DENIED). */
SLV_NODISCARD slv_code slv_nodejs_hash_new(slv_str name, size_t len, slv_nodejs_hash **ret,
                                           slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_hmac_new(slv_str name, slv_str key, slv_nodejs_hash **ret);
/* The state so far under a new length; not of an HMAC. */
SLV_NODISCARD slv_code slv_nodejs_hash_copy(const slv_nodejs_hash *h, size_t len,
                                            slv_nodejs_hash **ret, slv_err *err);
slv_nodejs_hash *slv_nodejs_hash_free(slv_nodejs_hash *h);
SLV_DEFINE_CLEANUP(slv_nodejs_hash *, slv_nodejs_hash_free);
SLV_NODISCARD slv_code slv_nodejs_hash_update(slv_nodejs_hash *h, slv_str bytes);
/* Once; nothing may follow. */
SLV_NODISCARD slv_code slv_nodejs_hash_final(slv_nodejs_hash *h, slv_buf *out);

/* ---- key derivation ---- */

typedef struct slv_nodejs_kdf {
    slv_str hash; /* not for scrypt */
    slv_str key, salt;
    slv_str info;        /* HKDF */
    uint32_t iterations; /* PBKDF2 */
    uint64_t n, maxmem;  /* scrypt */
    uint32_t r, p;
    size_t len;
} slv_nodejs_kdf;
SLV_NODISCARD slv_code slv_nodejs_hkdf(const slv_nodejs_kdf *o, slv_buf *out);
SLV_NODISCARD slv_code slv_nodejs_pbkdf2(const slv_nodejs_kdf *o, slv_buf *out);
SLV_NODISCARD slv_code slv_nodejs_scrypt(const slv_nodejs_kdf *o, slv_buf *out);

/* ---- ciphers ---- */

typedef struct slv_nodejs_cipher_info {
    char name[48];    /* as the platform writes it */
    const char *mode; /* "cbc", "gcm" …, "stream" */
    int nid;
    unsigned block_len; /* 1: none */
    unsigned iv_len, key_len;
} slv_nodejs_cipher_info;

/* By name, or by number when name.ptr is NULL. key_len and iv_len: -1, or what the caller would
 * use. */
SLV_NODISCARD slv_code slv_nodejs_cipher_find(slv_str name, int nid, int64_t key_len,
                                              int64_t iv_len, slv_nodejs_cipher_info *ret);
/* Every name, sorted, as views of static memory; how many. */
size_t slv_nodejs_cipher_names(const char *const **ret);

typedef struct slv_nodejs_cipher slv_nodejs_cipher;
typedef struct slv_nodejs_cipher_options {
    bool encrypt;
    slv_str name, key;
    slv_str iv;      /* ptr NULL: none */
    int64_t tag_len; /* -1: not said */
} slv_nodejs_cipher_options;
SLV_NODISCARD slv_code slv_nodejs_cipher_new(const slv_nodejs_cipher_options *o,
                                             slv_nodejs_cipher **ret, slv_err *err);
slv_nodejs_cipher *slv_nodejs_cipher_free(slv_nodejs_cipher *c);
SLV_DEFINE_CLEANUP(slv_nodejs_cipher *, slv_nodejs_cipher_free);
SLV_NODISCARD slv_code slv_nodejs_cipher_update(slv_nodejs_cipher *c, slv_str in, slv_buf *out,
                                                slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_cipher_final(slv_nodejs_cipher *c, slv_buf *out, slv_err *err);
/* plaintext_len: -1, or the length that CCM must know before. */
SLV_NODISCARD slv_code slv_nodejs_cipher_aad(slv_nodejs_cipher *c, slv_str aad,
                                             int64_t plaintext_len, slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_cipher_padding(slv_nodejs_cipher *c, bool on, slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_cipher_set_tag(slv_nodejs_cipher *c, slv_str tag, slv_err *err);
/* Empty when it was taken before. */
SLV_NODISCARD slv_code slv_nodejs_cipher_tag(slv_nodejs_cipher *c, slv_buf *out, slv_err *err);

/* ---- primes ---- */

#define SLV_NODEJS_PRIME_BITS_MAX 8192

/* add and rem: big-endian numbers; ptr NULL: none. */
SLV_NODISCARD slv_code slv_nodejs_prime(uint32_t bits, bool safe, slv_str add, slv_str rem,
                                        slv_buf *out, slv_err *err);
SLV_NODISCARD slv_code slv_nodejs_prime_check(slv_str number, uint32_t checks, bool *ret,
                                              slv_err *err);

#endif
