/* keys_fuzz.c - keys from strangers: SPKI, PKCS #8, raw, and the numbers of a JWK. What is read
 * must write and read again. */
#include "base/err.h"
#include "web/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_encodes(slv_pkey_kind kind, const slv_pkey *k, bool is_private)
{
    SLV_CLEANUP(slv_buf_done) slv_buf der = SLV_BUF(1 << 20);
    SLV_CLEANUP(slv_pkey_free) slv_pkey *again = NULL;
    size_t trailing = 0;

    if ((is_private ? slv_pkey_pkcs8(k, &der) : slv_pkey_spki(k, &der)) != SLV_OK)
        return;
    slv_code code = is_private ? slv_pkey_from_pkcs8(kind, slv_buf_view(&der), &again, &trailing)
                               : slv_pkey_from_spki(kind, slv_buf_view(&der), &again, &trailing);
    SLV_ASSERT(code == SLV_OK && trailing == 0);
}

static void use(slv_pkey_kind kind, const slv_pkey *k)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1 << 20);
    slv_sign_options o = {kind == SLV_PKEY_RSA ? SLV_SCHEME_PKCS1 : SLV_SCHEME_ECDSA,
                          SLV_DIGEST_SHA256, 0};

    for (unsigned i = 0; i < SLV_PKEY_PARTS; i++)
        if (slv_pkey_part(k, i, &out) != SLV_OK)
            slv_buf_reset(&out);
    if (kind <= SLV_PKEY_P521 && slv_pkey_bits(k) <= 4096)
        (void)slv_pkey_verify(k, o, SLV_STR("signature"), SLV_STR("message"));
}

/* The first byte says what the rest is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_pkey_free) slv_pkey *k = NULL;
    size_t trailing = 0;

    if (size < 2 || size > 4096)
        return 0;
    slv_pkey_kind kind = (slv_pkey_kind)(data[0] % 6);
    slv_str rest = slv_str_make(data + 1, size - 1);
    slv_code code = SLV_E_PARSE;
    bool is_private = false;
    switch (data[0] / 6 % 4) {
    case 0:
        code = slv_pkey_from_spki(kind, rest, &k, &trailing);
        break;
    case 1:
        is_private = true;
        code = slv_pkey_from_pkcs8(kind, rest, &k, &trailing);
        break;
    case 2:
        code = slv_pkey_from_raw(kind, rest, &k);
        break;
    default: {
        slv_str parts[SLV_PKEY_PARTS] = {{NULL, 0}};

        for (unsigned i = 0; i < SLV_PKEY_PARTS && rest.len > 0; i++) {
            size_t len = SLV_MIN((size_t)(unsigned char)rest.ptr[0], rest.len - 1);

            parts[i] = slv_str_sub(rest, 1, 1 + len);
            rest = slv_str_skip(rest, 1 + len);
        }
        code = slv_pkey_from_parts(kind, parts, &k);
        break;
    }
    }
    if (code == SLV_OK) {
        use(kind, k);
        check_encodes(kind, k, is_private);
    }
    return 0;
}
