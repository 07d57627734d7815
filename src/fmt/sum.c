#include "fmt/sum.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>

#define BLOCK ((size_t)64) /* of SHA-256 */

static EVP_MD *mds[SLV_SUM_SHA512 + 1];
static uint32_t crc32_table[2][8][256];
static uint64_t crc64_table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const size_t lengths[SLV_SUM_KINDS] = {16, 20, 32, 48, 64, 4, 4, 8};

/* Tables for eight bytes at once; the polynomials are reflected. */
static void make_tables(void)
{
    static const uint32_t polynomials[2] = {0xEDB88320u, 0x82F63B78u};

    for (unsigned i = 0; i < 256; i++) {
        uint64_t wide = i;

        for (int bit = 0; bit < 8; bit++)
            wide = wide & 1 ? wide >> 1 ^ UINT64_C(0x9A6C9329AC4BC9B5) : wide >> 1;
        crc64_table[0][i] = wide;
        for (int t = 0; t < 2; t++) {
            uint32_t c = i;

            for (int bit = 0; bit < 8; bit++)
                c = c & 1 ? c >> 1 ^ polynomials[t] : c >> 1;
            crc32_table[t][0][i] = c;
        }
    }
    for (int slice = 1; slice < 8; slice++) {
        for (unsigned i = 0; i < 256; i++) {
            uint64_t wide = crc64_table[slice - 1][i];

            crc64_table[slice][i] = crc64_table[0][wide & 255] ^ wide >> 8;
            for (int t = 0; t < 2; t++) {
                uint32_t c = crc32_table[t][slice - 1][i];

                crc32_table[t][slice][i] = crc32_table[t][0][c & 255] ^ c >> 8;
            }
        }
    }
}

static void prepare(void)
{
    static const char *const names[] = {"MD5", "SHA1", "SHA2-256", "SHA2-384", "SHA2-512"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++)
        SLV_ASSERT((mds[i] = EVP_MD_fetch(NULL, names[i], NULL)) != NULL);
    make_tables();
}

static void ready(void)
{
    SLV_ASSERT(pthread_once(&once, prepare) == 0);
}

static uint32_t crc32_add(int table, uint32_t crc, slv_str bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    size_t n = bytes.len;

    for (; n >= 8; n -= 8, p += 8) {
        uint32_t low, high;

        memcpy(&low, p, 4);
        memcpy(&high, p + 4, 4);
        low ^= crc;
        crc = crc32_table[table][7][low & 255] ^ crc32_table[table][6][low >> 8 & 255] ^
              crc32_table[table][5][low >> 16 & 255] ^ crc32_table[table][4][low >> 24] ^
              crc32_table[table][3][high & 255] ^ crc32_table[table][2][high >> 8 & 255] ^
              crc32_table[table][1][high >> 16 & 255] ^ crc32_table[table][0][high >> 24];
    }
    for (; n > 0; n--, p++)
        crc = crc32_table[table][0][(crc ^ *p) & 255] ^ crc >> 8;
    return crc;
}

static uint64_t crc64_add(uint64_t crc, slv_str bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    size_t n = bytes.len;

    for (; n >= 8; n -= 8, p += 8) {
        uint64_t w;

        memcpy(&w, p, 8);
        w ^= crc;
        crc = 0;
        for (int i = 0; i < 8; i++)
            crc ^= crc64_table[7 - i][w >> (8 * i) & 255];
    }
    for (; n > 0; n--, p++)
        crc = crc64_table[0][(crc ^ *p) & 255] ^ crc >> 8;
    return crc;
}

size_t slv_sum_len(slv_sum_kind kind)
{
    return lengths[kind];
}

void slv_sum_init(slv_sum *s, slv_sum_kind kind)
{
    ready();
    *s = (slv_sum){.kind = kind, .crc = UINT64_MAX};
    if (kind > SLV_SUM_SHA512)
        return;
    s->md = EVP_MD_CTX_new();
    SLV_ASSERT(s->md && EVP_DigestInit_ex(s->md, mds[kind], NULL) == 1);
}

void slv_sum_add(slv_sum *s, slv_str bytes)
{
    if (bytes.len == 0)
        return;
    if (s->kind == SLV_SUM_CRC64NVME)
        s->crc = crc64_add(s->crc, bytes);
    else if (s->kind >= SLV_SUM_CRC32)
        s->crc = crc32_add(s->kind == SLV_SUM_CRC32C, (uint32_t)s->crc, bytes);
    else
        SLV_ASSERT(EVP_DigestUpdate(s->md, bytes.ptr, bytes.len) == 1);
}

void slv_sum_end(slv_sum *s, uint8_t out[SLV_SUM_MAX])
{
    size_t len = lengths[s->kind];
    uint64_t v = ~s->crc;

    if (s->kind > SLV_SUM_SHA512) {
        for (size_t i = 0; i < len; i++)
            out[i] = (uint8_t)(v >> 8 * (len - 1 - i));
    } else {
        SLV_ASSERT(EVP_DigestFinal_ex(s->md, out, NULL) == 1);
    }
    slv_sum_done(s);
}

void slv_sum_done(slv_sum *s)
{
    EVP_MD_CTX_free(s->md);
    s->md = NULL;
}

void slv_sum_of(slv_sum_kind kind, slv_str bytes, uint8_t out[SLV_SUM_MAX])
{
    slv_sum s;

    slv_sum_init(&s, kind);
    slv_sum_add(&s, bytes);
    slv_sum_end(&s, out);
}

/* RFC 2104. */
void slv_hmac_sha256(slv_str key, slv_str bytes, uint8_t out[32])
{
    uint8_t pad[BLOCK] = {0}, digest[SLV_SUM_MAX];
    slv_sum s;

    if (key.len > BLOCK) {
        slv_sum_of(SLV_SUM_SHA256, key, digest);
        memcpy(pad, digest, 32);
    } else if (key.len > 0) {
        memcpy(pad, key.ptr, key.len);
    }
    for (size_t i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36;
    slv_sum_init(&s, SLV_SUM_SHA256);
    slv_sum_add(&s, slv_str_make(pad, BLOCK));
    slv_sum_add(&s, bytes);
    slv_sum_end(&s, digest);
    for (size_t i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    slv_sum_init(&s, SLV_SUM_SHA256);
    slv_sum_add(&s, slv_str_make(pad, BLOCK));
    slv_sum_add(&s, slv_str_make(digest, 32));
    slv_sum_end(&s, digest);
    memcpy(out, digest, 32);
    OPENSSL_cleanse(pad, sizeof pad);
}

void slv_hex_put(slv_str bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.len; i++) {
        out[2 * i] = digits[(unsigned char)bytes.ptr[i] >> 4];
        out[2 * i + 1] = digits[bytes.ptr[i] & 15];
    }
}

slv_code slv_hex_append(slv_buf *out, slv_str bytes)
{
    SLV_TRY(slv_buf_reserve(out, 2 * bytes.len));
    slv_hex_put(bytes, out->ptr + out->len);
    out->len += 2 * bytes.len;
    return SLV_OK;
}

bool slv_hex_get(slv_str text, uint8_t *out, size_t len)
{
    if (text.len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = slv_hex_value(text.ptr[2 * i]), low = slv_hex_value(text.ptr[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool slv_secret_eq(slv_str a, slv_str b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ---- joining ---- */

/* One step of the register for each bit of its width: matrices over GF(2), a column in each word.
 */
typedef struct steps {
    uint64_t column[64];
} steps;

static uint64_t times(const steps *m, uint64_t v)
{
    uint64_t sum = 0;

    for (size_t i = 0; v; i++, v >>= 1)
        sum ^= v & 1 ? m->column[i] : 0;
    return sum;
}

static steps twice(const steps *m, size_t width)
{
    steps out = {{0}};

    for (size_t i = 0; i < width; i++)
        out.column[i] = times(m, m->column[i]);
    return out;
}

bool slv_sum_join(slv_sum_kind kind, uint8_t first[SLV_SUM_MAX], const uint8_t second[SLV_SUM_MAX],
                  uint64_t second_len)
{
    const uint64_t polynomial = kind == SLV_SUM_CRC32    ? UINT64_C(0xedb88320)
                                : kind == SLV_SUM_CRC32C ? UINT64_C(0x82f63b78)
                                                         : UINT64_C(0x9a6c9329ac4bc9b5);
    const size_t len = slv_sum_len(kind), width = 8 * len;
    uint64_t value = 0;
    steps m = {{0}};

    if (kind != SLV_SUM_CRC32 && kind != SLV_SUM_CRC32C && kind != SLV_SUM_CRC64NVME)
        return false;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | first[i];
    m.column[0] = polynomial; /* one bit of zeros */
    for (size_t i = 1; i < width; i++)
        m.column[i] = UINT64_C(1) << (i - 1);
    for (int i = 0; i < 3; i++) /* eight of them */
        m = twice(&m, width);
    for (uint64_t n = second_len; n; n >>= 1) {
        if (n & 1)
            value = times(&m, value);
        m = twice(&m, width);
    }
    for (size_t i = 0; i < len; i++)
        first[i] = (uint8_t)((uint8_t)(value >> (8 * (len - 1 - i))) ^ second[i]);
    return true;
}
