/* Header blocks of requests and responses, as a cache judges them; a NUL parts the two. */
#include "cache/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW ((int64_t)1800000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_buf_done) slv_buf kept = SLV_BUF(1 << 20), out = SLV_BUF(1 << 22);
    slv_str text = slv_str_make(data, size);
    size_t nul = slv_str_chr(text, '\0', 0);
    slv_str request = slv_str_sub(text, 0, nul == SIZE_MAX ? size : nul);
    slv_str response = nul == SIZE_MAX ? SLV_STR("") : slv_str_skip(text, nul + 1);
    uint64_t length = size % 100;
    slv_cache_verdict verdict;
    slv_cache_plan plan;
    int64_t date;

    if (slv_cache_date_parse(text, &date) == SLV_OK) {
        char again[30];

        slv_cache_date_format(date, again);
        SLV_ASSERT(slv_cache_date_parse(slv_str_from(again), &date) == SLV_OK);
    }
    if (slv_cache_judge(request, 200, response, (int64_t)length, NOW, &verdict, &kept) != SLV_OK)
        return 0;
    SLV_ASSERT(!verdict.store || verdict.expires_ms >= NOW);
    SLV_ASSERT(verdict.store || kept.len == 0);
    (void)slv_cache_refused(request, response);
    slv_cache_plan_match(request, 200, response, length, &plan);
    SLV_ASSERT(plan.range_count <= SLV_CACHE_RANGES_MAX);
    SLV_ASSERT((plan.status == 206) == (plan.range_count > 0));
    for (size_t i = 0; i < plan.range_count; i++)
        SLV_ASSERT(plan.ranges[i].from <= plan.ranges[i].to && plan.ranges[i].to < length);
    SLV_ASSERT(slv_cache_answer_headers(&plan, slv_buf_view(&kept), length, 5, SLV_STR("b"),
                                        &out) == SLV_OK);
    return 0;
}
