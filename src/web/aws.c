#include "web/aws.h"

#include "fmt/sigv4_client.h"

#define VALUE_MAX ((size_t)256 << 10)

/*
 * N.awsAuthorization(method, path, headers, body, accessKey, secret, date, region, service)
 *   The value of Authorization of a request without query. headers: lines "name:value\n", sorted by
 *   lower-case name; all are signed. body: a string.
 */
SLV_NATIVE(native_authorization)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(VALUE_MAX);
    SLV_TEXT(method);
    SLV_TEXT(path);
    SLV_TEXT(headers);
    SLV_TEXT(body);
    SLV_TEXT(access_key);
    SLV_TEXT(secret);
    SLV_TEXT(date);
    SLV_TEXT(region);
    SLV_TEXT(service);
    slv_js_text *const texts[] = {&method, &path, &headers, &body,   &access_key,
                                  &secret, &date, &region,  &service};
    slv_err err = {0};

    for (size_t i = 0; i < SLV_ARRAY_LEN(texts); i++)
        if (!slv_js_text_arg(ctx, SLV_ARG(i), texts[i], exc))
            return NULL;
    slv_sigv4_request request = {.method = method.str, .path = path.str, .headers = headers.str};
    slv_sigv4_signer signer = {.access_key = access_key.str,
                               .secret = secret.str,
                               .region = region.str,
                               .service = service.str,
                               .amz_date = date.str};

    if (slv_sigv4_authorize(&request, &signer, body.str, &out, &err) != SLV_OK)
        return slv_js_throw_range(ctx, exc, "%s", slv_err_text(&err));
    return slv_js_string(ctx, slv_buf_view(&out));
}

static const slv_native natives[] = {{"awsAuthorization", native_authorization}};

void slv_web_aws_register(slv_js *js)
{
    slv_js_add_natives(js, natives, SLV_ARRAY_LEN(natives));
}
