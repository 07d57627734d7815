/* crypto_cipher.c - AES in the modes of WebCrypto. */
#include <limits.h>

#include "web/crypto_int.h"

#define BLOCK 16

/* One context for each call: they are cheap next to what they do, and no key stays behind. */
static EVP_CIPHER_CTX *new_ctx(void)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    SLV_ASSERT(ctx);
    return ctx;
}

/* Feeds in to ctx and appends what comes out; the library counts in int. */
static bool update(EVP_CIPHER_CTX *ctx, slv_str in, slv_buf *out)
{
    while (in.len > 0) {
        slv_str part = slv_str_sub(in, 0, (size_t)INT_MAX / 2);
        int n = 0;

        if (slv_buf_reserve(out, part.len + BLOCK) != SLV_OK ||
            !EVP_CipherUpdate(ctx, (unsigned char *)out->ptr + out->len, &n, crypto_bytes(part),
                              (int)part.len))
            return false;
        out->len += (size_t)n;
        in = slv_str_skip(in, part.len);
    }
    return true;
}

static bool finish(EVP_CIPHER_CTX *ctx, slv_buf *out)
{
    int n = 0;

    if (slv_buf_reserve(out, BLOCK) != SLV_OK ||
        !EVP_CipherFinal_ex(ctx, (unsigned char *)out->ptr + out->len, &n))
        return false;
    out->len += (size_t)n;
    return true;
}

/* Nothing of an output whose check failed is given. */
static slv_code ended(EVP_CIPHER_CTX *ctx, bool ok, slv_buf *out, size_t start)
{
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        if (out->len > start)
            memset(out->ptr + start, 0, out->len - start);
        out->len = start;
    }
    return ok ? SLV_OK : SLV_E_DENIED;
}

slv_code slv_aes_cbc(bool encrypt, slv_str key, slv_str iv, slv_str in, slv_buf *out)
{
    const EVP_CIPHER *cipher = slv_crypto_aes(CRYPTO_CBC, key.len);
    size_t start = out->len;

    if (!cipher || iv.len != BLOCK)
        return SLV_E_INVAL;
    EVP_CIPHER_CTX *ctx = new_ctx();
    bool ok = EVP_CipherInit_ex2(ctx, cipher, crypto_bytes(key), crypto_bytes(iv), encrypt, NULL) &&
              update(ctx, in, out) && finish(ctx, out);
    return ended(ctx, ok, out, start);
}

static bool ctr_run(const EVP_CIPHER *cipher, slv_str key, const unsigned char counter[BLOCK],
                    slv_str in, slv_buf *out)
{
    EVP_CIPHER_CTX *ctx = new_ctx();
    bool ok = EVP_CipherInit_ex2(ctx, cipher, crypto_bytes(key), counter, 1, NULL) &&
              update(ctx, in, out);

    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

/* Blocks that are left until the counting bits are all zero again; UINT64_MAX when no input is that
 * long. */
static uint64_t blocks_to_wrap(const unsigned char counter[BLOCK], unsigned bits)
{
    uint64_t low = 0;

    for (int i = 8; i < BLOCK; i++)
        low = low << 8 | counter[i];
    if (bits < 64)
        return ((uint64_t)1 << bits) - (low & (((uint64_t)1 << bits) - 1));
    for (unsigned bit = 64; bit < bits; bit++)
        if (!(counter[BLOCK - 1 - bit / 8] >> bit % 8 & 1))
            return UINT64_MAX;
    return low == 0 ? UINT64_MAX : 0 - low;
}

slv_code slv_aes_ctr(slv_str key, slv_str counter, unsigned bits, slv_str in, slv_buf *out)
{
    const EVP_CIPHER *cipher = slv_crypto_aes(CRYPTO_CTR, key.len);
    size_t start = out->len;
    unsigned char block[BLOCK];

    if (!cipher || counter.len != BLOCK || bits < 1 || bits > 128)
        return SLV_E_INVAL;
    memcpy(block, counter.ptr, BLOCK);
    uint64_t blocks = (uint64_t)in.len / BLOCK + (in.len % BLOCK != 0);
    if (bits < 60 && blocks > (uint64_t)1 << bits)
        return SLV_E_LIMIT;
    uint64_t left = blocks_to_wrap(block, bits);
    bool ok;
    if (blocks <= left) {
        ok = ctr_run(cipher, key, block, in, out);
    } else {
        /* OpenSSL counts over the whole block: run to the wrap, then on from zero */
        size_t first = (size_t)left * BLOCK;

        ok = ctr_run(cipher, key, block, slv_str_sub(in, 0, first), out);
        for (unsigned bit = 0; bit < bits; bit++)
            block[BLOCK - 1 - bit / 8] &= (unsigned char)~(1u << bit % 8);
        ok = ok && ctr_run(cipher, key, block, slv_str_skip(in, first), out);
    }
    if (!ok)
        out->len = start;
    return ok ? SLV_OK : SLV_E_DENIED;
}

static bool gcm_init(EVP_CIPHER_CTX *ctx, bool encrypt, const EVP_CIPHER *cipher, slv_gcm_options o)
{
    slv_str aad = o.aad;

    if (o.iv.len == 0 || o.iv.len > INT_MAX ||
        !EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, NULL) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)o.iv.len, NULL) <= 0 ||
        !EVP_CipherInit_ex2(ctx, NULL, crypto_bytes(o.key), crypto_bytes(o.iv), encrypt, NULL))
        return false;
    while (aad.len > 0) {
        slv_str part = slv_str_sub(aad, 0, (size_t)INT_MAX / 2);
        int n;

        if (!EVP_CipherUpdate(ctx, NULL, &n, crypto_bytes(part), (int)part.len))
            return false;
        aad = slv_str_skip(aad, part.len);
    }
    return true;
}

slv_code slv_aes_gcm(bool encrypt, slv_gcm_options o, slv_str in, slv_buf *out)
{
    const EVP_CIPHER *cipher = slv_crypto_aes(CRYPTO_GCM, o.key.len);
    size_t start = out->len;
    unsigned char tag[BLOCK] = {0};

    if (!cipher || o.tag_len < 4 || o.tag_len > BLOCK || (!encrypt && in.len < o.tag_len))
        return SLV_E_INVAL;
    if (o.iv.len > CRYPTO_GCM_IV_MAX)
        return slv_crypto_gcm_long_iv(encrypt, o, in, out);
    EVP_CIPHER_CTX *ctx = new_ctx();
    bool ok = gcm_init(ctx, encrypt, cipher, o);
    if (!encrypt) {
        memcpy(tag, in.ptr + in.len - o.tag_len, o.tag_len);
        in.len -= o.tag_len;
        ok = ok && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)o.tag_len, tag) > 0;
    }
    ok = ok && update(ctx, in, out) && finish(ctx, out);
    if (encrypt)
        ok = ok && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)o.tag_len, tag) > 0 &&
             slv_buf_append(out, slv_str_make(tag, o.tag_len)) == SLV_OK;
    return ended(ctx, ok, out, start);
}

slv_code slv_aes_kw(bool wrap, slv_str key, slv_str in, slv_buf *out)
{
    const EVP_CIPHER *cipher = slv_crypto_aes(CRYPTO_KW, key.len);
    size_t start = out->len;
    int n = 0;

    if (!cipher || in.len % 8 != 0 || in.len < (wrap ? 16u : 24u) || in.len > INT_MAX / 2)
        return SLV_E_INVAL;
    SLV_TRY(slv_buf_reserve(out, in.len + BLOCK));
    EVP_CIPHER_CTX *ctx = new_ctx();
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    bool ok = EVP_CipherInit_ex2(ctx, cipher, crypto_bytes(key), NULL, wrap, NULL) &&
              EVP_CipherUpdate(ctx, (unsigned char *)out->ptr + out->len, &n, crypto_bytes(in),
                               (int)in.len) &&
              n > 0;
    if (ok)
        out->len += (size_t)n;
    return ended(ctx, ok, out, start);
}
