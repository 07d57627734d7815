/* mime_fuzz.c - MIME types, Content-Type lists, data: URLs and base64 of any bytes. */
#include "base/err.h"
#include "fmt/base64.h"
#include "fmt/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf one = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf two = SLV_BUF(1 << 20);
    slv_str in = slv_str_make(data, size);
    slv_mime mime;

    if (slv_mime_extract(in, &arena, &mime) == SLV_OK && slv_mime_write(&mime, &one) == SLV_OK) {
        /* what is written reads as the same again */
        SLV_ASSERT(slv_mime_parse(slv_buf_view(&one), &arena, &mime) == SLV_OK);
        SLV_ASSERT(slv_mime_write(&mime, &two) == SLV_OK);
        SLV_ASSERT(slv_str_eq(slv_buf_view(&one), slv_buf_view(&two)));
    }
    if (slv_data_url_parse(in, &one, &two) != SLV_OK)
        slv_buf_reset(&two);
    slv_buf_reset(&one);
    slv_buf_reset(&two);
    for (int mode = SLV_BASE64_STD; mode <= SLV_BASE64_URL_PADDED; mode++) {
        if (slv_base64_decode(in, (slv_base64_mode)mode, &one) == SLV_OK) {
            SLV_ASSERT(slv_base64_encode(slv_buf_view(&one), (slv_base64_mode)mode, &two) ==
                       SLV_OK);
            SLV_ASSERT(slv_str_eq(slv_buf_view(&two), in));
        }
        slv_buf_reset(&one);
        slv_buf_reset(&two);
    }
    return slv_base64_decode_forgiving(in, &one) == SLV_OK && one.len > in.len;
}
