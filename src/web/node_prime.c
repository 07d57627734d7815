/* node_prime.c - primes. */
#include <limits.h>

#include <openssl/bn.h>

#include "web/crypto_int.h"
#include "web/node_crypto_int.h"

static BIGNUM *number(slv_str bytes)
{
    return bytes.ptr && bytes.len <= INT_MAX ? BN_bin2bn(crypto_bytes(bytes), (int)bytes.len, NULL)
                                             : NULL;
}

/* Numbers for which a wrong pair would never find a prime. */
static slv_code check_add(const BIGNUM *add, const BIGNUM *rem, uint32_t bits, slv_err *err)
{
    if (!add)
        return SLV_OK;
    if (rem && BN_cmp(add, rem) != 1)
        return slv_fail(err, SLV_E_LIMIT, "options.rem must be smaller than options.add");
    if ((uint32_t)BN_num_bits(add) > bits)
        return slv_fail(err, SLV_E_LIMIT,
                        "options.add must not be bigger than size of the requested prime");
    return SLV_OK;
}

slv_code slv_nodejs_prime(uint32_t bits, bool safe, slv_str add_bytes, slv_str rem_bytes,
                          slv_buf *out, slv_err *err)
{
    BIGNUM *add, *rem, *prime = NULL;
    slv_code code = SLV_OK;

    slv_crypto_fetch();
    if (bits > SLV_NODEJS_PRIME_BITS_MAX)
        return slv_fail(err, SLV_E_LIMIT, "generatePrime size exceeds maximum (%d bits)",
                        SLV_NODEJS_PRIME_BITS_MAX);
    if (add_bytes.len > SLV_NODEJS_PRIME_BITS_MAX / 8 ||
        rem_bytes.len > SLV_NODEJS_PRIME_BITS_MAX / 8)
        return slv_fail(err, SLV_E_LIMIT,
                        "options.add must not be bigger than size of the requested prime");
    add = number(add_bytes);
    rem = number(rem_bytes);
    prime = BN_new();
    SLV_ASSERT(prime);
    code = check_add(add, rem, bits, err);
    if (code == SLV_OK && add && BN_is_zero(add))
        code = slv_fail(err, SLV_E_DENIED, "Error while generating prime");
    if (code == SLV_OK && !BN_generate_prime_ex(prime, (int)bits, safe, add, rem, NULL))
        code = slv_fail(err, SLV_E_DENIED, "Error while generating prime");
    size_t len = ((size_t)bits + 7) / 8;
    if (code == SLV_OK)
        code = slv_buf_reserve(out, len);
    if (code == SLV_OK && BN_bn2binpad(prime, (unsigned char *)out->ptr + out->len, (int)len) < 0)
        code = slv_fail(err, SLV_E_DENIED, "Error while generating prime");
    if (code == SLV_OK)
        out->len += len;
    BN_free(add);
    BN_free(rem);
    BN_clear_free(prime);
    return code;
}

slv_code slv_nodejs_prime_check(slv_str bytes, uint32_t checks, bool *ret, slv_err *err)
{
    BIGNUM *candidate;
    int is;

    slv_crypto_fetch();
    if (checks > 64) /* more rounds prove nothing more */
        return slv_fail(err, SLV_E_LIMIT, "Invalid number of checks");
    if (bytes.len > SLV_NODEJS_PRIME_BITS_MAX / 8)
        return slv_fail(err, SLV_E_LIMIT, "checkPrime candidate exceeds maximum size");
    candidate = BN_bin2bn(crypto_bytes(bytes), (int)bytes.len, NULL);
    SLV_ASSERT(candidate);
    is = BN_check_prime(candidate, NULL, NULL);
    BN_free(candidate);
    if (is < 0)
        return slv_fail(err, SLV_E_DENIED, "Error while checking prime");
    *ret = is == 1;
    return SLV_OK;
}
