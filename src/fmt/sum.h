/*
 * sum.h - digests and checksums of bytes that come in pieces, and HMAC-SHA256.
 *
 * MD5 and SHA by OpenSSL; CRC-32 (IEEE), CRC-32C (Castagnoli) and CRC-64/NVME by tables. CRCs are
 * big-endian bytes, as S3 writes them. A slv_sum is used by one thread at a time; everything else
 * from any thread.
 */
#ifndef SLV_FMT_SUM_H
#define SLV_FMT_SUM_H

#include "base/buf.h"

typedef enum slv_sum_kind {
    SLV_SUM_MD5,
    SLV_SUM_SHA1,
    SLV_SUM_SHA256,
    SLV_SUM_SHA384,
    SLV_SUM_SHA512,
    SLV_SUM_CRC32,
    SLV_SUM_CRC32C,
    SLV_SUM_CRC64NVME,
    SLV_SUM_KINDS,
} slv_sum_kind;

#define SLV_SUM_MAX ((size_t)64) /* bytes of the longest */

typedef struct slv_sum {
    slv_sum_kind kind;
    uint64_t crc;
    void *md; /* EVP_MD_CTX */
} slv_sum;

size_t slv_sum_len(slv_sum_kind kind); /* in bytes */

/* A zeroed slv_sum may be given to done, nothing else. */
void slv_sum_init(slv_sum *s, slv_sum_kind kind);
void slv_sum_add(slv_sum *s, slv_str bytes);
/* Writes slv_sum_len(kind) bytes and releases s, which may be initialised again. */
void slv_sum_end(slv_sum *s, uint8_t out[SLV_SUM_MAX]);
void slv_sum_done(slv_sum *s);
SLV_DEFINE_CLEANUP_DONE(slv_sum, slv_sum_done);

/* What a CRC of two runs of bytes is, from that of each: `first` becomes it. Both are written as
 * slv_sum_end writes them. False for digests, which cannot be joined. */
bool slv_sum_join(slv_sum_kind kind, uint8_t first[SLV_SUM_MAX], const uint8_t second[SLV_SUM_MAX],
                  uint64_t second_len);

/* All at once. */
void slv_sum_of(slv_sum_kind kind, slv_str bytes, uint8_t out[SLV_SUM_MAX]);
void slv_hmac_sha256(slv_str key, slv_str bytes, uint8_t out[32]);

/* Lower-case digits, 2 * bytes.len of them; no NUL. */
void slv_hex_put(slv_str bytes, char *out);
SLV_NODISCARD slv_code slv_hex_append(slv_buf *out, slv_str bytes);
/* text must be 2 * len digits of either case: false otherwise. */
bool slv_hex_get(slv_str text, uint8_t *out, size_t len);
/* Takes as long whatever stands in them. */
bool slv_secret_eq(slv_str a, slv_str b);

#endif
