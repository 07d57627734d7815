/* url_fuzz.c - any bytes: what parses must serialise to something that parses to itself; setters
 * never break that. */
#include "base/err.h"
#include "fmt/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_stable(const slv_url *url)
{
    SLV_CLEANUP(slv_url_done) slv_url again = SLV_URL_INIT;

    SLV_ASSERT(slv_url_parse(slv_buf_view(&url->href), NULL, &again) == SLV_OK);
    SLV_ASSERT(slv_str_eq(slv_buf_view(&again.href), slv_buf_view(&url->href)));
    SLV_ASSERT(memcmp(&again.at, &url->at, sizeof again.at) == 0);
}

/* The first byte chooses what is done; the rest is split at the first NUL into URL and base or
 * value. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_url_done) slv_url url = SLV_URL_INIT;
    SLV_CLEANUP(slv_url_done) slv_url base = SLV_URL_INIT;
    SLV_CLEANUP(slv_buf_done) slv_buf origin = SLV_BUF(SLV_URL_MAX);

    if (size < 1)
        return 0;
    slv_str rest = slv_str_make(data + 1, size - 1);
    size_t nul = SLV_MIN(slv_str_chr(rest, '\0', 0), rest.len);
    slv_str first = slv_str_sub(rest, 0, nul), second = slv_str_skip(rest, nul + 1);
    bool has_base = data[0] >= 128 && slv_url_parse(second, NULL, &base) == SLV_OK;

    if (slv_url_parse(first, has_base ? &base : NULL, &url) != SLV_OK)
        return 0;
    check_stable(&url);
    SLV_ASSERT(slv_url_origin(&url, &origin) == SLV_OK);
    if (slv_url_set(&url, (slv_url_part)(data[0] % (SLV_URL_HASH + 1)), second) == SLV_OK)
        (void)slv_url_host(&url);
    return 0;
}
