#include "fmt/blake3.h"

#define BLOCK 64
#define CHUNK_BLOCKS 16

enum {
    CHUNK_START = 1,
    CHUNK_END = 2,
    PARENT = 4,
    ROOT = 8,
};

static const uint32_t iv[8] = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                               0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};

/* Which message word each round takes: each row is the one above, permuted. */
static const uint8_t schedule[7][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
    {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},
    {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
    {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},
    {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
    {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13},
};

static inline uint32_t turn(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static inline uint32_t load(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

#define MIX(a, b, c, d, x, y)                                                                      \
    do {                                                                                           \
        v[a] += v[b] + (x);                                                                        \
        v[d] = turn(v[d] ^ v[a], 16);                                                              \
        v[c] += v[d];                                                                              \
        v[b] = turn(v[b] ^ v[c], 12);                                                              \
        v[a] += v[b] + (y);                                                                        \
        v[d] = turn(v[d] ^ v[a], 8);                                                               \
        v[c] += v[d];                                                                              \
        v[b] = turn(v[b] ^ v[c], 7);                                                               \
    } while (0)

/* The first half of the output: a chaining value, or the hash. */
static void compress(const uint32_t cv[8], const uint8_t block[BLOCK], uint64_t counter,
                     uint32_t len, uint32_t flags, uint32_t out[8])
{
    uint32_t m[16];
    uint32_t v[16] = {cv[0],
                      cv[1],
                      cv[2],
                      cv[3],
                      cv[4],
                      cv[5],
                      cv[6],
                      cv[7],
                      iv[0],
                      iv[1],
                      iv[2],
                      iv[3],
                      (uint32_t)counter,
                      (uint32_t)(counter >> 32),
                      len,
                      flags};

    for (int i = 0; i < 16; i++)
        m[i] = load(block + i * 4);
    for (int r = 0; r < 7; r++) {
        const uint8_t *s = schedule[r];

        MIX(0, 4, 8, 12, m[s[0]], m[s[1]]);
        MIX(1, 5, 9, 13, m[s[2]], m[s[3]]);
        MIX(2, 6, 10, 14, m[s[4]], m[s[5]]);
        MIX(3, 7, 11, 15, m[s[6]], m[s[7]]);
        MIX(0, 5, 10, 15, m[s[8]], m[s[9]]);
        MIX(1, 6, 11, 12, m[s[10]], m[s[11]]);
        MIX(2, 7, 8, 13, m[s[12]], m[s[13]]);
        MIX(3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++)
        out[i] = v[i] ^ v[i + 8];
}

static void put_words(const uint32_t words[8], uint8_t *out)
{
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 4; k++)
            out[i * 4 + k] = (uint8_t)(words[i] >> (8 * k));
}

static void join(const uint32_t left[8], const uint32_t right[8], uint32_t flags, uint32_t out[8])
{
    uint8_t block[BLOCK];

    put_words(left, block);
    put_words(right, block + 32);
    compress(iv, block, 0, BLOCK, PARENT | flags, out);
}

static void begin_chunk(slv_blake3 *b)
{
    memcpy(b->cv, iv, sizeof iv);
    b->blocks = b->block_len = 0;
}

void slv_blake3_init(slv_blake3 *b)
{
    b->chunk = 0;
    b->depth = 0;
    begin_chunk(b);
}

/* A chunk is complete and another follows: subtrees of equal size join. */
static void push_chunk(slv_blake3 *b)
{
    uint32_t cv[8];

    compress(b->cv, b->block, b->chunk, BLOCK, CHUNK_END, cv);
    b->chunk++;
    for (uint64_t n = b->chunk; (n & 1) == 0; n >>= 1) {
        b->depth--;
        join(b->stack[b->depth], cv, 0, cv);
    }
    memcpy(b->stack[b->depth++], cv, sizeof cv);
    begin_chunk(b);
}

/* The block is full and is not the last. */
static void flush_block(slv_blake3 *b)
{
    if (b->blocks + 1 == CHUNK_BLOCKS) {
        push_chunk(b);
        return;
    }
    compress(b->cv, b->block, b->chunk, BLOCK, b->blocks == 0 ? CHUNK_START : 0, b->cv);
    b->blocks++;
    b->block_len = 0;
}

void slv_blake3_add(slv_blake3 *b, slv_str bytes)
{
    while (bytes.len > 0) {
        if (b->block_len == BLOCK)
            flush_block(b);
        size_t n = BLOCK - (size_t)b->block_len;
        if (n > bytes.len)
            n = bytes.len;
        memcpy(b->block + b->block_len, bytes.ptr, n);
        b->block_len = (uint8_t)(b->block_len + n);
        bytes = slv_str_skip(bytes, n);
    }
}

void slv_blake3_end(const slv_blake3 *b, uint8_t out[SLV_BLAKE3_LEN])
{
    uint8_t block[BLOCK] = {0};
    uint32_t cv[8];
    uint32_t flags = CHUNK_END | (b->blocks == 0 ? (uint32_t)CHUNK_START : 0);
    unsigned depth = b->depth;

    memcpy(block, b->block, b->block_len);
    compress(b->cv, block, b->chunk, b->block_len, flags | (depth == 0 ? (uint32_t)ROOT : 0), cv);
    while (depth > 0) {
        depth--;
        join(b->stack[depth], cv, depth == 0 ? ROOT : 0, cv);
    }
    put_words(cv, out);
}
