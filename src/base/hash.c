#include "base/hash.h"

#include <pthread.h>

#include "base/rand.h"

static uint8_t process_key[16];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint64_t load64(const char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v); /* little-endian hosts only, as meson.build checks */
    return v;
}

static inline uint64_t rotl(uint64_t v, unsigned n)
{
    return v << n | v >> (64 - n);
}

#define ROUND()                                                                                    \
    do {                                                                                           \
        v0 += v1;                                                                                  \
        v1 = rotl(v1, 13) ^ v0;                                                                    \
        v0 = rotl(v0, 32);                                                                         \
        v2 += v3;                                                                                  \
        v3 = rotl(v3, 16) ^ v2;                                                                    \
        v0 += v3;                                                                                  \
        v3 = rotl(v3, 21) ^ v0;                                                                    \
        v2 += v1;                                                                                  \
        v1 = rotl(v1, 17) ^ v2;                                                                    \
        v2 = rotl(v2, 32);                                                                         \
    } while (0)

uint64_t slv_siphash13(const uint8_t key[16], slv_str s)
{
    uint64_t k0 = load64((const char *)key), k1 = load64((const char *)key + 8);
    uint64_t v0 = k0 ^ 0x736f6d6570736575ULL, v1 = k1 ^ 0x646f72616e646f6dULL;
    uint64_t v2 = k0 ^ 0x6c7967656e657261ULL, v3 = k1 ^ 0x7465646279746573ULL;
    uint64_t last = (uint64_t)s.len << 56;
    size_t i = 0;

    for (; i + 8 <= s.len; i += 8) {
        uint64_t m = load64(s.ptr + i);

        v3 ^= m;
        ROUND();
        v0 ^= m;
    }
    for (unsigned shift = 0; i < s.len; i++, shift += 8)
        last |= (uint64_t)(unsigned char)s.ptr[i] << shift;
    v3 ^= last;
    ROUND();
    v0 ^= last;
    v2 ^= 0xff;
    ROUND();
    ROUND();
    ROUND();
    return v0 ^ v1 ^ v2 ^ v3;
}

void slv_hash_reseed(void)
{
    slv_rand_bytes(process_key, sizeof process_key);
}

uint64_t slv_hash(slv_str s)
{
    (void)pthread_once(&once, slv_hash_reseed);
    return slv_siphash13(process_key, s);
}
