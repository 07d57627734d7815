#include "fmt/sigv4_client.h"

#include "fmt/sum.h"

#define TEXT_MAX ((size_t)256 << 10)

static void put_hex(const uint8_t *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
}

/* "content-type;host;x-amz-date" */
static slv_code signed_names(slv_str headers, slv_buf *out, slv_err *err)
{
    slv_str line, before = SLV_STR_NULL;

    while (headers.len > 0 && slv_str_split(&headers, '\n', &line)) {
        slv_str name = slv_str_sub(line, 0, slv_str_chr(line, ':', 0));

        if (line.len == 0)
            continue;
        if (before.ptr && slv_str_cmp(before, name) >= 0)
            return slv_fail(err, SLV_E_INVAL, "the header %.*s is not in its place",
                            SLV_STR_ARGS(name));
        if (before.ptr)
            SLV_TRY(slv_buf_append_byte(out, ';'));
        SLV_TRY(slv_buf_append(out, name));
        before = name;
    }
    return SLV_OK;
}

slv_code slv_sigv4_authorize(const slv_sigv4_request *request, const slv_sigv4_signer *signer,
                             slv_str body, slv_buf *out, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf names = SLV_BUF(TEXT_MAX), canonical = SLV_BUF(TEXT_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf to_sign = SLV_BUF(TEXT_MAX);
    slv_sigv4_auth auth = {.access_key = signer->access_key,
                           .date = slv_str_sub(signer->amz_date, 0, 8),
                           .region = signer->region,
                           .service = signer->service,
                           .amz_date = signer->amz_date};
    uint8_t hash[SLV_SUM_MAX], key[32];
    char hex[64], signature[64];
    int64_t ms;

    if (slv_sigv4_time(signer->amz_date, &ms) != SLV_OK)
        return slv_fail(err, SLV_E_INVAL, "the date of a signature is malformed");
    SLV_TRY(signed_names(request->headers, &names, err));
    auth.signed_headers = slv_buf_view(&names);
    slv_sum_of(SLV_SUM_SHA256, body, hash);
    put_hex(hash, 32, hex);
    SLV_TRY(slv_sigv4_canonical(request, &auth, SLV_SIGV4_PATH_NORMAL, slv_str_make(hex, 64),
                                &canonical, err));
    SLV_TRY(slv_sigv4_string_to_sign(&auth, slv_buf_view(&canonical), &to_sign));
    slv_sigv4_key(signer->secret, auth.date, auth.region, auth.service, key);
    slv_sigv4_sign(key, slv_buf_view(&to_sign), signature);
    return slv_buf_printf(out,
                          "AWS4-HMAC-SHA256 Credential=%.*s/%.*s/%.*s/%.*s/aws4_request, "
                          "SignedHeaders=%.*s, Signature=%.64s",
                          SLV_STR_ARGS(auth.access_key), SLV_STR_ARGS(auth.date),
                          SLV_STR_ARGS(auth.region), SLV_STR_ARGS(auth.service),
                          SLV_STR_ARGS(auth.signed_headers), signature);
}
