/*
 * policy.h - which responses a shared cache keeps and for how long, and what a request gets of one
 * that is kept (RFC 9111 and 9110, as far as the platform follows them). Pure; any thread.
 *
 * Header blocks are runs of name ":" value "\n"; names in any case. Both sides come from strangers.
 */
#ifndef SLV_CACHE_POLICY_H
#define SLV_CACHE_POLICY_H

#include "base/buf.h"

/* "Mon, 01 Jan 2024 00:00:00 GMT" and nothing else. SLV_E_PARSE. */
SLV_NODISCARD slv_code slv_cache_date_parse(slv_str text, int64_t *ret_s);
void slv_cache_date_format(int64_t s, char out[static 30]);

/* The first field of that name; ptr NULL: there is none. */
slv_str slv_cache_field(slv_str block, const char *name);

typedef struct slv_cache_verdict {
    bool store;         /* else it is not cacheable, and an entry that is there stays */
    int64_t expires_ms; /* at or before now: what is there goes, nothing is kept */
    int64_t age_s;
} slv_cache_verdict;
/* What becomes of a response that is put. With store, the headers to keep are appended to kept:
 * without those of one connection, without Set-Cookie where "private=Set-Cookie" allows that, names
 * in lower case, Date anew. length: of the body, -1 unknown. */
SLV_NODISCARD slv_code slv_cache_judge(slv_str request, uint16_t status, slv_str response,
                                       int64_t length, int64_t now_ms, slv_cache_verdict *ret,
                                       slv_buf *kept);

#define SLV_CACHE_RANGES_MAX 16 /* more than that is answered with the whole */

typedef struct slv_cache_range {
    uint64_t from, to; /* inclusive */
} slv_cache_range;

typedef struct slv_cache_plan {
    uint16_t status; /* the stored one, 206, 304 or 416 */
    size_t range_count;
    slv_cache_range ranges[SLV_CACHE_RANGES_MAX];
} slv_cache_plan;
/* What a request with these headers gets of an entry. */
void slv_cache_plan_match(slv_str request, uint16_t status, slv_str response, uint64_t size,
                          slv_cache_plan *ret);
/* True when the entry is coded in a way that the request says it does not take, and varies by that.
 */
bool slv_cache_refused(slv_str request, slv_str response);
/* Appends the headers of the answer. boundary: of the parts when there is more than one range. */
SLV_NODISCARD slv_code slv_cache_answer_headers(const slv_cache_plan *plan, slv_str response,
                                                uint64_t size, int64_t age_s, slv_str boundary,
                                                slv_buf *out);

#endif
