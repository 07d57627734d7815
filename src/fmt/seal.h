/*
 * seal.h - content encrypted in chunks, so that any part of it can be read and none be changed.
 *
 * The form: a salt of 16 random bytes, then chunks of 64 KiB of content (the last may be shorter),
 * each followed by its tag of 16 bytes: AES-256-GCM under HMAC-SHA256(key, "selvage seal 1" salt)
 * with the chunk's number (u64, big-endian, behind four zeroes) as nonce. Content of n bytes is
 * slv_seal_len(n) long; empty content is the salt alone. How long the content is must be known
 * from elsewhere: that is what tells that chunks are missing at the end.
 *
 * A slv_seal is used by one thread at a time.
 */
#ifndef SLV_FMT_SEAL_H
#define SLV_FMT_SEAL_H

#include "base/buf.h"

#define SLV_SEAL_KEY ((size_t)32)
#define SLV_SEAL_SALT ((size_t)16)
#define SLV_SEAL_CHUNK ((size_t)64 << 10)
#define SLV_SEAL_TAG ((size_t)16)

typedef struct slv_seal {
    uint8_t key[32];
} slv_seal;

static inline uint64_t slv_seal_len(uint64_t n)
{
    return SLV_SEAL_SALT + n + (n + SLV_SEAL_CHUNK - 1) / SLV_SEAL_CHUNK * SLV_SEAL_TAG;
}
/* Where chunk `number` begins. */
static inline uint64_t slv_seal_at(uint64_t number)
{
    return SLV_SEAL_SALT + number * (SLV_SEAL_CHUNK + SLV_SEAL_TAG);
}

void slv_seal_init(slv_seal *s, const uint8_t key[SLV_SEAL_KEY], const uint8_t salt[SLV_SEAL_SALT]);
/* plain: at most SLV_SEAL_CHUNK. Writes plain.len + SLV_SEAL_TAG bytes. */
void slv_seal_chunk(const slv_seal *s, uint64_t number, slv_str plain, uint8_t *out);
/* Writes sealed.len - SLV_SEAL_TAG bytes. SLV_E_DENIED: another key, or not what was sealed. */
SLV_NODISCARD slv_code slv_seal_open(const slv_seal *s, uint64_t number, slv_str sealed,
                                     uint8_t *out);

/* ---- texts, and keys that people choose ---- */

/* Appends a sealed form that knows its length: a salt, and in chunks u32 length and the text. */
SLV_NODISCARD slv_code slv_seal_text(const uint8_t key[SLV_SEAL_KEY], slv_str plain, slv_buf *out);
/* Appends the text. SLV_E_DENIED, without a message: another key's, or damaged. */
SLV_NODISCARD slv_code slv_unseal_text(const uint8_t key[SLV_SEAL_KEY], slv_str sealed,
                                       slv_buf *out);
/* A key of a passphrase: scrypt with N = 2^SLV_SEAL_SCRYPT_LOG2, r = 8, p = 1; 32 MiB of memory and
 * a tenth of a second. SLV_E_NOMEM. */
#define SLV_SEAL_SCRYPT_LOG2 15
SLV_NODISCARD slv_code slv_seal_key_of(slv_str passphrase, const uint8_t salt[SLV_SEAL_SALT],
                                       uint8_t key[SLV_SEAL_KEY]);

#endif
