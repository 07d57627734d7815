/*
 * ratelimit.h - how often a key was used in the window of now: counters in memory.
 *
 * Windows are fixed and aligned to the clock: of 60 s, each begins with a minute. Counting is
 * permissive: keys beyond SLV_RATELIMIT_KEYS_MAX in one window of one namespace are not counted.
 * Counters are of one process and gone with it.
 *
 * Threading: any thread; one lock inside.
 */
#ifndef SLV_METER_RATELIMIT_H
#define SLV_METER_RATELIMIT_H

#include "base/str.h"

#define SLV_RATELIMIT_KEYS_MAX ((size_t)100000)
#define SLV_RATELIMIT_NAMESPACES_MAX ((size_t)10000)
#define SLV_RATELIMIT_KEY_MAX ((size_t)4096) /* of longer ones the beginning counts */

typedef struct slv_ratelimits slv_ratelimits;

slv_ratelimits *slv_ratelimits_new(void);
/* Accepts NULL, returns NULL. */
slv_ratelimits *slv_ratelimits_free(slv_ratelimits *all);

typedef struct slv_ratelimit_use {
    slv_str tenant, id, key;
    double limit;      /* uses of one window */
    uint32_t period_s; /* 10 or 60 */
    int64_t now_ms;
} slv_ratelimit_use;
/* Counts one use. False: the limit was reached before, and nothing was counted. */
bool slv_ratelimit_take(slv_ratelimits *all, const slv_ratelimit_use *use);

#endif
