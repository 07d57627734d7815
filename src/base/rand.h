/*
 * rand.h - randomness from the kernel (getrandom). Any thread. Nothing is buffered, so a fork
 * shares nothing.
 */
#ifndef SLV_BASE_RAND_H
#define SLV_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

void slv_rand_bytes(void *out, size_t len);
uint64_t slv_rand_u64(void);

/* Deterministic generator for tests and jitter (xoshiro256**): never for secrets. */
typedef struct slv_prng {
    uint64_t s[4];
} slv_prng;
void slv_prng_seed(slv_prng *p, uint64_t seed);
uint64_t slv_prng_next(slv_prng *p);
/* 0 <= result < n, n > 0. */
uint64_t slv_prng_below(slv_prng *p, uint64_t n);

#endif
