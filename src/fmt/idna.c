/*
 * idna.c - "domain to ASCII" of the URL standard on ICU's UTS #46: CheckHyphens and VerifyDnsLength
 * off, CheckBidi and CheckJoiners on, no transitional processing, and not strict.
 */
#include <pthread.h>
#include <unicode/uidna.h>

#include "base/utf8.h"
#include "fmt/url.h"

/* What ICU reports but the standard does not mind. */
#define IGNORED_ERRORS                                                                             \
    (UIDNA_ERROR_EMPTY_LABEL | UIDNA_ERROR_LABEL_TOO_LONG | UIDNA_ERROR_DOMAIN_NAME_TOO_LONG |     \
     UIDNA_ERROR_LEADING_HYPHEN | UIDNA_ERROR_TRAILING_HYPHEN | UIDNA_ERROR_HYPHEN_3_4)

static const UIDNA *idna;

static void open_idna(void)
{
    UErrorCode status = U_ZERO_ERROR;

    idna = uidna_openUTS46(UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ |
                               UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE,
                           &status);
    SLV_ASSERT(U_SUCCESS(status)); /* its data is part of the library */
}

/* To what Unicode 17 maps a character that Unicode 15.0 mapped otherwise or refused; 0: it is
 * ignored. */
static uint32_t newer_mapping(uint32_t cp)
{
    static const struct {
        uint32_t from, to;
    } singles[] = {{0x4C0, 0x4CF},    {0x1E9E, 0xDF},    {0x2132, 0x214E},   {0x2183, 0x2184},
                   {0x2F868, 0x36FC}, {0x2F874, 0x5F53}, {0x2F91F, 0x243AB}, {0x2F95F, 0x7AEE},
                   {0x2F9BF, 0x45D7}, {0x115F, 0},       {0x1160, 0},        {0x17B4, 0},
                   {0x17B5, 0},       {0x180E, 0},       {0x3164, 0},        {0xFFA0, 0}};

    if (cp >= 0x10A0 && cp <= 0x10C5)
        return cp - 0x10A0 + 0x2D00; /* Georgian capitals */
    if ((cp >= 0x2061 && cp <= 0x2063) || (cp >= 0x206A && cp <= 0x206F) ||
        (cp >= 0x1D173 && cp <= 0x1D17A))
        return 0;
    for (size_t i = 0; i < SLV_ARRAY_LEN(singles); i++)
        if (singles[i].from == cp)
            return singles[i].to;
    return cp;
}

static slv_code map_newer(slv_str domain, slv_buf *out)
{
    for (size_t i = 0; i < domain.len;) {
        bool malformed;
        char bytes[4];
        uint32_t cp = newer_mapping(slv_utf8_next(domain, &i, &malformed));

        if (cp != 0 || domain.ptr[i - 1] == '\0')
            SLV_TRY(slv_buf_append(out, slv_str_make(bytes, slv_utf8_put(cp, bytes))));
    }
    return SLV_OK;
}

static slv_code to_ascii(slv_str domain, slv_buf *ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    UErrorCode status = U_ZERO_ERROR;

    SLV_ASSERT(pthread_once(&once, open_idna) == 0);
    if (domain.len > INT32_MAX / 8)
        return SLV_E_LIMIT;
    slv_buf_reset(ret);
    SLV_TRY(slv_buf_reserve(ret, domain.len + 64));
    int32_t n = uidna_nameToASCII_UTF8(idna, domain.ptr, (int32_t)domain.len, ret->ptr,
                                       (int32_t)ret->cap, &info, &status);
    if (status == U_BUFFER_OVERFLOW_ERROR) {
        info = (UIDNAInfo)UIDNA_INFO_INITIALIZER;
        status = U_ZERO_ERROR;
        SLV_TRY(slv_buf_reserve(ret, (size_t)n));
        n = uidna_nameToASCII_UTF8(idna, domain.ptr, (int32_t)domain.len, ret->ptr,
                                   (int32_t)ret->cap, &info, &status);
    }
    if (U_FAILURE(status))
        return status == U_MEMORY_ALLOCATION_ERROR ? SLV_E_NOMEM : SLV_E_PARSE;
    if (info.errors & ~(uint32_t)IGNORED_ERRORS)
        return SLV_E_PARSE;
    ret->len = (size_t)n;
    return SLV_OK;
}

slv_code slv_url_domain_to_ascii(slv_str domain, slv_buf *ret)
{
    if (slv_utf8_ascii(
            domain)) { /* the standard takes it as it is, also when it only claims to be punycode */
        SLV_TRY(slv_buf_set(ret, domain));
        for (size_t i = 0; i < ret->len; i++)
            ret->ptr[i] = slv_ascii_lower(ret->ptr[i]);
    } else {
        SLV_CLEANUP(slv_buf_done) slv_buf mapped = SLV_BUF(SLV_URL_MAX * 3);

        SLV_TRY(map_newer(domain, &mapped));
        SLV_TRY(to_ascii(slv_buf_view(&mapped), ret));
    }
    return ret->len > 0 ? SLV_OK : SLV_E_PARSE;
}
