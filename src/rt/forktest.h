/* forktest.h - a zygote's start-up self-test: children of a fork run JavaScript, collect, run wasm,
 * and differ in randomness. */
#ifndef SLV_RT_FORKTEST_H
#define SLV_RT_FORKTEST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct slv_rt slv_rt;

/* Only while this process has one thread. Blocks up to 15 s. False: why says what went wrong. */
bool slv_forktest(slv_rt *rt, char *why, size_t size);

#endif
