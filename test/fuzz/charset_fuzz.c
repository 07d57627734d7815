/* charset_fuzz.c - any bytes through any decoder, at once and byte by byte, which must agree. */
#include "base/err.h"
#include "fmt/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_buf_done) slv_buf whole = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_buf_done) slv_buf parts = SLV_BUF(1 << 20);
    slv_charset charset;

    if (size < 1 || size > 10000)
        return 0;
    charset = (slv_charset)(data[0] % (SLV_CHARSET_X_MAC_CYRILLIC + 1));
    slv_charset_decoder_options options = {.fatal = false, .ignore_bom = data[0] >= 128};
    SLV_CLEANUP(slv_charset_decoder_free)
    slv_charset_decoder *d = slv_charset_decoder_new(charset, options);
    slv_str bytes = slv_str_make(data + 1, size - 1);
    SLV_ASSERT(slv_charset_decoder_run(d, bytes, true, &whole) == SLV_OK);
    for (size_t i = 0; i < bytes.len; i++)
        SLV_ASSERT(slv_charset_decoder_run(d, slv_str_sub(bytes, i, i + 1), false, &parts) ==
                   SLV_OK);
    SLV_ASSERT(slv_charset_decoder_run(d, SLV_STR(""), true, &parts) == SLV_OK);
    SLV_ASSERT(slv_str_eq(slv_buf_view(&whole), slv_buf_view(&parts)));
    return 0;
}
