/*
 * policy_int.h - fields and their parts. Private to cache.
 */
#ifndef SLV_CACHE_POLICY_INT_H
#define SLV_CACHE_POLICY_INT_H

#include "cache/policy.h"

/* The next field of a block; false at its end. What has no colon is skipped. */
bool slv_cache_next_field(slv_str *block, slv_str *ret_name, slv_str *ret_value);
/* The next item of a comma-separated list, quotes respected, trimmed; false at its end. */
bool slv_cache_next_item(slv_str *list, slv_str *ret_item);

#endif
