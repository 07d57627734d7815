/* HTTP/1 heads and chunked bodies: whatever comes, results stay inside the bytes, and pieces parse
 * as the whole does. */
#include "net/http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(slv_http1_slice s, uint32_t end)
{
    SLV_ASSERT(s.off <= end && s.len <= end - s.off);
}

static slv_code head_in_steps(slv_http1_head *h, slv_str in, size_t step)
{
    for (size_t n = step; n < in.len; n += step) {
        slv_code code = slv_http1_head_parse(h, slv_str_sub(in, 0, n));

        if (code != SLV_E_AGAIN)
            return code;
    }
    return slv_http1_head_parse(h, in);
}

static void heads(slv_str in, bool response, size_t step)
{
    static slv_http1_field one[SLV_HTTP1_HEADERS_MAX], two[SLV_HTTP1_HEADERS_MAX];
    slv_http1_head whole, split;
    slv_code code;

    slv_http1_head_init(&whole, response, one);
    slv_http1_head_init(&split, response, two);
    code = slv_http1_head_parse(&whole, in);
    SLV_ASSERT(code == head_in_steps(&split, in, step));
    SLV_ASSERT(whole.error == split.error && whole.error_status == split.error_status);
    if (code != SLV_OK)
        return;
    SLV_ASSERT(whole.length == split.length && whole.length <= in.len &&
               whole.field_count == split.field_count && whole.framing == split.framing &&
               whole.flags == split.flags);
    inside(whole.method, whole.length);
    inside(whole.target, whole.length);
    inside(whole.reason, whole.length);
    for (uint32_t i = 0; i < whole.field_count; i++) {
        inside(one[i].name, whole.length);
        inside(one[i].value, whole.length);
        SLV_ASSERT(memcmp(&one[i], &two[i], sizeof one[i]) == 0);
        SLV_ASSERT(slv_http1_is_token(slv_http1_text(one[i].name, in.ptr)));
        SLV_ASSERT(slv_http1_is_field_value(slv_http1_text(one[i].value, in.ptr)));
    }
}

/* Total of body bytes, and where the body ended. */
static slv_code chunks_in_steps(slv_str in, size_t step, size_t *ret_bytes, size_t *ret_end,
                                const char **ret_error)
{
    slv_http1_chunks c;
    size_t at = 0;

    slv_http1_chunks_init(&c);
    *ret_bytes = 0;
    while (at < in.len && !c.done) {
        slv_str piece = slv_str_sub(in, at, at + step), body;
        size_t used;
        slv_code code = slv_http1_chunks_next(&c, piece, step, &used, &body);

        *ret_error = c.error;
        if (code != SLV_OK)
            return code;
        SLV_ASSERT(used > 0 && used <= piece.len && body.len <= used);
        at += used;
        *ret_bytes += body.len;
    }
    *ret_end = at;
    return c.done ? SLV_OK : SLV_E_AGAIN;
}

static void chunks(slv_str in, size_t step)
{
    size_t bytes[2], ends[2] = {0, 0};
    const char *errors[2] = {NULL, NULL};
    slv_code code = chunks_in_steps(in, in.len + 1, &bytes[0], &ends[0], &errors[0]);

    SLV_ASSERT(code == chunks_in_steps(in, step, &bytes[1], &ends[1], &errors[1]));
    SLV_ASSERT(bytes[0] == bytes[1] && ends[0] == ends[1] && errors[0] == errors[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t step;
    slv_str in;

    if (size < 2)
        return 0;
    step = 1 + data[0] % 32;
    in = slv_str_make(data + 1, size - 1);
    heads(in, false, step);
    heads(in, true, step);
    chunks(in, step);
    return 0;
}
