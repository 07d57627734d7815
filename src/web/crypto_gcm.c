/*
 * crypto_gcm.c - AES-GCM with nonces that are too long for OpenSSL (above 128 bytes): SP 800-38D
 * over AES-CTR, with a plain constant-time GHASH. Slow, seldom used, and held to the same vectors
 * as the fast way.
 */
#include "web/crypto_int.h"

#define BLOCK 16

typedef struct ghash {
    uint64_t h[2], x[2];
} ghash;

static uint64_t load(const unsigned char *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

static void store(unsigned char *p, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        p[i] = (unsigned char)v;
}

/* x = (x + block) * h in GF(2^128), bits mirrored as GCM has them. */
static void add_block(ghash *g, uint64_t high, uint64_t low)
{
    uint64_t z[2] = {0, 0}, v[2] = {g->h[0], g->h[1]};
    uint64_t x[2] = {g->x[0] ^ high, g->x[1] ^ low};

    for (unsigned i = 0; i < 128; i++) {
        uint64_t take = 0 - (x[i / 64] >> (63 - i % 64) & 1), carry = 0 - (v[1] & 1);

        z[0] ^= v[0] & take;
        z[1] ^= v[1] & take;
        v[1] = v[1] >> 1 | v[0] << 63;
        v[0] = v[0] >> 1 ^ (carry & 0xE100000000000000);
    }
    g->x[0] = z[0];
    g->x[1] = z[1];
}

/* The last block is filled up with zeros. */
static void add_bytes(ghash *g, slv_str s)
{
    while (s.len > 0) {
        unsigned char block[BLOCK] = {0};
        size_t n = SLV_MIN(s.len, (size_t)BLOCK);

        memcpy(block, s.ptr, n);
        add_block(g, load(block), load(block + 8));
        s = slv_str_skip(s, n);
    }
}

/* The block cipher itself: one block of key stream. */
static slv_code encrypt_block(slv_str key, const unsigned char in[BLOCK], unsigned char out[BLOCK])
{
    static const unsigned char zeros[BLOCK] = {0};
    SLV_CLEANUP(slv_buf_done) slv_buf stream = SLV_BUF(2 * BLOCK);

    SLV_TRY(slv_aes_ctr(key, slv_str_make(in, BLOCK), 128, slv_str_make(zeros, BLOCK), &stream));
    memcpy(out, stream.ptr, BLOCK);
    return SLV_OK;
}

slv_code slv_crypto_gcm_long_iv(bool encrypt, slv_gcm_options o, slv_str in, slv_buf *out)
{
    unsigned char hash_key[BLOCK] = {0}, first[BLOCK], mask[BLOCK], tag[BLOCK];
    slv_str given = slv_str_skip(in, in.len - o.tag_len); /* when decrypting */
    size_t start = out->len;
    ghash g = {{0}, {0}};

    SLV_TRY(encrypt_block(o.key, hash_key, hash_key));
    g.h[0] = load(hash_key);
    g.h[1] = load(hash_key + 8);
    add_bytes(&g, o.iv);
    add_block(&g, 0, (uint64_t)o.iv.len * 8);
    store(first, g.x[0]);
    store(first + 8, g.x[1]);
    SLV_TRY(encrypt_block(o.key, first, mask));
    for (int i = BLOCK - 1; i >= BLOCK - 4 && ++first[i] == 0; i--)
        ; /* the counter is 32 bits */
    if (!encrypt)
        in.len -= o.tag_len;
    SLV_TRY(slv_aes_ctr(o.key, slv_str_make(first, BLOCK), 32, in, out));
    slv_str made = slv_str_skip(slv_buf_view(out), start);
    g.x[0] = g.x[1] = 0;
    add_bytes(&g, o.aad);
    add_bytes(&g, encrypt ? made : in);
    add_block(&g, (uint64_t)o.aad.len * 8, (uint64_t)in.len * 8);
    store(tag, g.x[0] ^ load(mask));
    store(tag + 8, g.x[1] ^ load(mask + 8));
    if (encrypt)
        return slv_buf_append(out, slv_str_make(tag, o.tag_len));
    if (slv_bytes_equal(slv_str_make(tag, o.tag_len), given))
        return SLV_OK;
    memset(out->ptr + start, 0, out->len - start);
    out->len = start;
    return SLV_E_DENIED;
}
