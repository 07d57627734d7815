#include "fmt/jwt.h"

#include "fmt/base64.h"
#include "fmt/json.h"
#include "fmt/sum.h"

#define HEADER SLV_STR("{\"alg\":\"HS256\",\"typ\":\"JWT\"}")

slv_code slv_jwt_put(slv_str key, slv_str claims_json, slv_buf *out)
{
    size_t from = out->len;
    uint8_t mac[32];

    SLV_TRY(slv_base64_encode(HEADER, SLV_BASE64_URL, out));
    SLV_TRY(slv_buf_append_byte(out, '.'));
    SLV_TRY(slv_base64_encode(claims_json, SLV_BASE64_URL, out));
    slv_hmac_sha256(key, slv_str_skip(slv_buf_view(out), from), mac);
    SLV_TRY(slv_buf_append_byte(out, '.'));
    return slv_base64_encode(slv_str_make(mac, sizeof mac), SLV_BASE64_URL, out);
}

/* The algorithm is ours to say: a header that names another one has no say in it. */
static slv_code check_signature(slv_str key, slv_str signed_part, slv_str signature)
{
    SLV_CLEANUP(slv_buf_done) slv_buf given = SLV_BUF((size_t)64);
    uint8_t mac[32];

    if (slv_base64_decode(signature, SLV_BASE64_URL, &given) != SLV_OK)
        return SLV_E_PARSE;
    slv_hmac_sha256(key, signed_part, mac);
    return slv_secret_eq(slv_buf_view(&given), slv_str_make(mac, sizeof mac)) ? SLV_OK
                                                                              : SLV_E_DENIED;
}

slv_code slv_jwt_check(slv_str key, slv_str token, int64_t now_s, slv_arena *arena,
                       slv_node **ret_claims)
{
    SLV_CLEANUP(slv_buf_done) slv_buf claims = SLV_BUF(SLV_JWT_MAX);
    size_t last = slv_str_rchr(token, '.'), first = slv_str_chr(token, '.', 0);
    slv_node *root;
    slv_str text;
    int64_t exp;

    if (token.len > SLV_JWT_MAX || last == SIZE_MAX || first == last)
        return SLV_E_PARSE;
    SLV_TRY(check_signature(key, slv_str_sub(token, 0, last), slv_str_skip(token, last + 1)));
    if (slv_base64_decode(slv_str_sub(token, first + 1, last), SLV_BASE64_URL, &claims) != SLV_OK)
        return SLV_E_PARSE;
    SLV_TRY(slv_arena_dup(arena, slv_buf_view(&claims), &text));
    SLV_TRY(slv_json_parse(text, SLV_JSON_STRICT, arena, &root, NULL));
    if (!slv_node_i64(slv_node_get(root, "exp"), &exp))
        return SLV_E_DENIED;
    if (exp <= now_s)
        return SLV_E_TIMEOUT;
    *ret_claims = root;
    return SLV_OK;
}
