/* An aws-chunked body: however it is cut, the same bytes come out and the same is said of it. */
#include "fmt/awschunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static slv_code decode(slv_str body, size_t step, bool sign, slv_buf *out, bool *ret_ended)
{
    SLV_CLEANUP(slv_awschunk_done) slv_awschunk c;
    static const uint8_t key[32] = {1};
    const slv_awschunk_options options = {.trailers = true,
                                          .key = sign ? key : NULL,
                                          .amz_date = SLV_STR("20130524T000000Z"),
                                          .scope = SLV_STR("20130524/auto/s3/aws4_request"),
                                          .signature = SLV_STR("0")};

    SLV_ASSERT(slv_awschunk_init(&c, &options) == SLV_OK);
    for (size_t at = 0; at < body.len; at += step) {
        slv_str piece = slv_str_sub(body, at, at + step), bytes;

        while (piece.len > 0) {
            SLV_TRY(slv_awschunk_feed(&c, &piece, &bytes));
            SLV_TRY(slv_buf_append(out, bytes));
        }
    }
    *ret_ended = slv_awschunk_ended(&c);
    return SLV_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int sign = 0; sign < 2; sign++) {
        SLV_CLEANUP(slv_buf_done) slv_buf whole = SLV_BUF(size + 1), pieces = SLV_BUF(size + 1);
        bool a = false, b = false;
        slv_code one = decode(slv_str_make(data, size), size + 1, sign, &whole, &a);
        slv_code two = decode(slv_str_make(data, size), 1 + size / 7, sign, &pieces, &b);

        SLV_ASSERT(one == two);
        SLV_ASSERT(one != SLV_OK ||
                   (a == b && slv_str_eq(slv_buf_view(&whole), slv_buf_view(&pieces))));
    }
    return 0;
}
