#include "base/rand.h"

#include <errno.h>
#include <sys/random.h>

#include "base/err.h"

void slv_rand_bytes(void *out, size_t len)
{
    char *p = out;

    while (len > 0) {
        ssize_t n = getrandom(p, len > 256 ? 256 : len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        SLV_ASSERT(n > 0);
        p += n;
        len -= (size_t)n;
    }
}

uint64_t slv_rand_u64(void)
{
    uint64_t v;

    slv_rand_bytes(&v, sizeof v);
    return v;
}

void slv_prng_seed(slv_prng *p, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15ULL;
        uint64_t z = seed;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
        p->s[i] = z ^ z >> 31;
    }
}

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

uint64_t slv_prng_next(slv_prng *p)
{
    uint64_t *s = p->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t slv_prng_below(slv_prng *p, uint64_t n)
{
    SLV_ASSERT(n > 0);
    return slv_prng_next(p) % n;
}
