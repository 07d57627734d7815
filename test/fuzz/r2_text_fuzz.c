/* Range and If-Match fields as strangers send them. */
#include "r2/r2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_buf_done) slv_buf tags = SLV_BUF(2 * size + 16);
    slv_str text = slv_str_make(data, size);
    static const uint64_t sizes[] = {0, 1, 10, UINT64_C(5363466240)};
    const slv_r2_object object = {.etag = SLV_STR("abc")};

    for (size_t i = 0; i < SLV_ARRAY_LEN(sizes); i++) {
        for (int strict = 0; strict < 2; strict++) {
            const slv_r2_range range = {
                .kind = SLV_R2_RANGE_HEADER, .header = text, .strict = strict};
            uint64_t offset, length;
            bool partial;
            slv_err err;

            if (slv_r2_range_resolve(&range, sizes[i], &offset, &length, &partial, &err) != SLV_OK)
                continue;
            SLV_ASSERT(offset <= sizes[i] && length <= sizes[i] - offset);
            SLV_ASSERT(partial || (offset == 0 && length == sizes[i]));
        }
    }
    if (!slv_r2_cond_tags(text, &tags))
        return 0;
    const slv_r2_cond match = {.has_match = true, .match = slv_buf_view(&tags)};
    const slv_r2_cond none = {.has_none = true, .none = slv_buf_view(&tags)};
    SLV_ASSERT(!slv_r2_cond_holds(&match, &object) || !slv_r2_cond_holds(&none, &object));
    return 0;
}
