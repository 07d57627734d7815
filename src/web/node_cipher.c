/* node_cipher.c - ciphers by name, in pieces: Cipheriv and Decipheriv. */
#include <limits.h>
#include <stdio.h>

#include <openssl/core_names.h>
#include <openssl/objects.h>

#include "base/mem.h"
#include "web/crypto_int.h"
#include "web/node_crypto_int.h"

/* What OpenSSL's default provider has and Node.js lists. Sorted. */
static const char *const cipher_names[] = {
    "aes-128-cbc",      "aes-128-ccm",       "aes-128-cfb",      "aes-128-cfb1",
    "aes-128-cfb8",     "aes-128-ctr",       "aes-128-ecb",      "aes-128-gcm",
    "aes-128-ocb",      "aes-128-ofb",       "aes-192-cbc",      "aes-192-ccm",
    "aes-192-cfb",      "aes-192-cfb1",      "aes-192-cfb8",     "aes-192-ctr",
    "aes-192-ecb",      "aes-192-gcm",       "aes-192-ocb",      "aes-192-ofb",
    "aes-256-cbc",      "aes-256-ccm",       "aes-256-cfb",      "aes-256-cfb1",
    "aes-256-cfb8",     "aes-256-ctr",       "aes-256-ecb",      "aes-256-gcm",
    "aes-256-ocb",      "aes-256-ofb",       "aes128-wrap",      "aes192-wrap",
    "aes256-wrap",      "aria-128-cbc",      "aria-128-ctr",     "aria-128-gcm",
    "aria-192-cbc",     "aria-192-ctr",      "aria-192-gcm",     "aria-256-cbc",
    "aria-256-ctr",     "aria-256-gcm",      "camellia-128-cbc", "camellia-128-ctr",
    "camellia-192-cbc", "camellia-192-ctr",  "camellia-256-cbc", "camellia-256-ctr",
    "chacha20",         "chacha20-poly1305", "des-ede",          "des-ede-cbc",
    "des-ede3",         "des-ede3-cbc",      "des-ede3-cfb",     "des-ede3-ofb",
    "sm4-cbc",          "sm4-ctr",           "sm4-ecb",
};

/* Other spellings, and what they stand for. */
static const struct {
    const char *name, *is;
} aliases[] = {
    {"aes128", "aes-128-cbc"},         {"aes192", "aes-192-cbc"},
    {"aes256", "aes-256-cbc"},         {"id-aes128-gcm", "aes-128-gcm"},
    {"id-aes192-gcm", "aes-192-gcm"},  {"id-aes256-gcm", "aes-256-gcm"},
    {"id-aes128-ccm", "aes-128-ccm"},  {"id-aes192-ccm", "aes-192-ccm"},
    {"id-aes256-ccm", "aes-256-ccm"},  {"id-aes128-wrap", "aes128-wrap"},
    {"id-aes192-wrap", "aes192-wrap"}, {"id-aes256-wrap", "aes256-wrap"},
    {"aes-128-cfb128", "aes-128-cfb"}, {"aes-192-cfb128", "aes-192-cfb"},
    {"aes-256-cfb128", "aes-256-cfb"}, {"des3", "des-ede3-cbc"},
    {"des-ede-ecb", "des-ede"},        {"des-ede3-ecb", "des-ede3"},
};

size_t slv_nodejs_cipher_names(const char *const **ret)
{
    *ret = cipher_names;
    return SLV_ARRAY_LEN(cipher_names);
}

static const char *canonical(slv_str name)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(aliases); i++)
        if (slv_str_eq_nocase(name, slv_str_from(aliases[i].name)))
            return aliases[i].is;
    for (size_t i = 0; i < SLV_ARRAY_LEN(cipher_names); i++)
        if (slv_str_eq_nocase(name, slv_str_from(cipher_names[i])))
            return cipher_names[i];
    return NULL;
}

EVP_CIPHER *slv_nodejs_evp_cipher(slv_str name)
{
    const char *known = canonical(name);

    slv_crypto_fetch();
    return known ? EVP_CIPHER_fetch(NULL, known, NULL) : NULL;
}

static const char *mode_name(const EVP_CIPHER *cipher)
{
    switch (EVP_CIPHER_get_mode(cipher)) {
    case EVP_CIPH_ECB_MODE:
        return "ecb";
    case EVP_CIPH_CBC_MODE:
        return "cbc";
    case EVP_CIPH_CFB_MODE:
        return "cfb";
    case EVP_CIPH_OFB_MODE:
        return "ofb";
    case EVP_CIPH_CTR_MODE:
        return "ctr";
    case EVP_CIPH_GCM_MODE:
        return "gcm";
    case EVP_CIPH_CCM_MODE:
        return "ccm";
    case EVP_CIPH_OCB_MODE:
        return "ocb";
    case EVP_CIPH_WRAP_MODE:
        return "wrap";
    default:
        return "stream";
    }
}

static bool lengths_fit(const EVP_CIPHER *cipher, int64_t key_len, int64_t iv_len)
{
    int mode = EVP_CIPHER_get_mode(cipher);

    if (key_len >= 0 && key_len != EVP_CIPHER_get_key_length(cipher))
        return false;
    if (iv_len < 0)
        return true;
    if (mode == EVP_CIPH_CCM_MODE)
        return iv_len >= 7 && iv_len <= 13;
    if (mode == EVP_CIPH_GCM_MODE)
        return iv_len >= 1 && iv_len <= CRYPTO_GCM_IV_MAX;
    if (mode == EVP_CIPH_OCB_MODE)
        return iv_len >= 1 && iv_len <= 15;
    return iv_len == EVP_CIPHER_get_iv_length(cipher);
}

static slv_code describe(const char *name, int64_t key_len, int64_t iv_len,
                         slv_nodejs_cipher_info *ret)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    slv_code code = SLV_E_NOTFOUND;

    if (cipher && lengths_fit(cipher, key_len, iv_len)) {
        const char *shown = OBJ_nid2sn(EVP_CIPHER_get_nid(cipher));

        if (EVP_CIPHER_get_nid(cipher) == NID_chacha20_poly1305) /* as the platform spells it */
            shown = name;

        snprintf(ret->name, sizeof ret->name, "%s", shown ? shown : name);
        ret->mode = mode_name(cipher);
        ret->nid = EVP_CIPHER_get_nid(cipher);
        ret->block_len = (unsigned)EVP_CIPHER_get_block_size(cipher);
        ret->iv_len = iv_len >= 0 ? (unsigned)iv_len : (unsigned)EVP_CIPHER_get_iv_length(cipher);
        ret->key_len = (unsigned)EVP_CIPHER_get_key_length(cipher);
        code = SLV_OK;
    }
    EVP_CIPHER_free(cipher);
    return code;
}

slv_code slv_nodejs_cipher_find(slv_str name, int nid, int64_t key_len, int64_t iv_len,
                                slv_nodejs_cipher_info *ret)
{
    const char *known = NULL;

    slv_crypto_fetch();
    if (name.ptr)
        known = canonical(name);
    for (size_t i = 0; !name.ptr && !known && i < SLV_ARRAY_LEN(cipher_names); i++) {
        slv_nodejs_cipher_info info;

        if (describe(cipher_names[i], -1, -1, &info) == SLV_OK && info.nid == nid)
            known = cipher_names[i];
    }
    return known ? describe(known, key_len, iv_len, ret) : SLV_E_NOTFOUND;
}

/* ---- one in use ---- */

#define TAG_MAX 16
#define TAG_UNSAID (-1)

struct slv_nodejs_cipher {
    EVP_CIPHER_CTX *ctx; /* NULL once finished */
    bool encrypt, aead, chacha;
    int mode;
    int64_t tag_len;
    size_t message_max; /* of CCM */
    unsigned char tag[TAG_MAX];
    bool has_tag, tag_passed, failed;
};

slv_nodejs_cipher *slv_nodejs_cipher_free(slv_nodejs_cipher *c)
{
    if (c) {
        EVP_CIPHER_CTX_free(c->ctx);
        free(c);
    }
    return NULL;
}

static bool gcm_tag_ok(int64_t len)
{
    return len == 4 || len == 8 || (len >= 12 && len <= 16);
}

/* How long the tag will be, and what CCM needs before the key. */
static slv_code prepare_aead(slv_nodejs_cipher *c, const slv_nodejs_cipher_options *o, slv_err *err)
{
    if (EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)o->iv.len, NULL) <= 0)
        return slv_fail(err, SLV_E_DENIED, "Invalid initialization vector");
    if (c->mode == EVP_CIPH_GCM_MODE) {
        if (c->tag_len != TAG_UNSAID && !gcm_tag_ok(c->tag_len))
            return slv_fail(err, SLV_E_DENIED, "Invalid authentication tag length");
        return SLV_OK;
    }
    if (c->tag_len == TAG_UNSAID) {
        if (!c->chacha)
            return slv_fail(err, SLV_E_DENIED, "The auth tag length is required for cipher %.*s",
                            SLV_STR_ARGS(o->name));
        c->tag_len = TAG_MAX;
    }
    if (c->tag_len > TAG_MAX || (c->tag_len == 0) ||
        (!c->chacha &&
         EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_SET_TAG, (int)c->tag_len, NULL) <= 0))
        return slv_fail(err, SLV_E_DENIED, "Invalid authentication tag length");
    if (c->mode == EVP_CIPH_CCM_MODE) {
        if (o->iv.len < 7 || o->iv.len > 13)
            return slv_fail(err, SLV_E_DENIED, "Invalid authentication tag length");
        c->message_max = o->iv.len == 12 ? 0xFFFFFF : o->iv.len == 13 ? 0xFFFF : INT_MAX;
    }
    return SLV_OK;
}

static slv_code open_cipher(slv_nodejs_cipher *c, const EVP_CIPHER *cipher,
                            const slv_nodejs_cipher_options *o, slv_err *err)
{
    size_t iv_len = (size_t)EVP_CIPHER_get_iv_length(cipher);

    c->mode = EVP_CIPHER_get_mode(cipher);
    c->chacha = EVP_CIPHER_get_nid(cipher) == NID_chacha20_poly1305;
    c->aead = c->chacha || c->mode == EVP_CIPH_GCM_MODE || c->mode == EVP_CIPH_CCM_MODE ||
              c->mode == EVP_CIPH_OCB_MODE;
    if ((iv_len > 0 && o->iv.len == 0) || (!c->aead && o->iv.len != iv_len) ||
        o->iv.len > CRYPTO_GCM_IV_MAX || (c->chacha && o->iv.len > 12))
        return slv_fail(err, SLV_E_DENIED, "Invalid initialization vector");
    if (c->mode == EVP_CIPH_WRAP_MODE)
        EVP_CIPHER_CTX_set_flags(c->ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (!EVP_CipherInit_ex2(c->ctx, cipher, NULL, NULL, c->encrypt, NULL))
        return slv_fail(err, SLV_E_DENIED, "Failed to initialize cipher/decipher context");
    if (c->aead)
        SLV_TRY(prepare_aead(c, o, err));
    if (o->key.len != (size_t)EVP_CIPHER_get_key_length(cipher))
        return slv_fail(err, SLV_E_DENIED, "Invalid key length");
    if (!EVP_CipherInit_ex2(c->ctx, NULL, crypto_bytes(o->key), crypto_bytes(o->iv), c->encrypt,
                            NULL))
        return slv_fail(err, SLV_E_DENIED, "Failed to initialize cipher/cipher context");
    return SLV_OK;
}

slv_code slv_nodejs_cipher_new(const slv_nodejs_cipher_options *o, slv_nodejs_cipher **ret,
                               slv_err *err)
{
    SLV_CLEANUP(slv_nodejs_cipher_free) slv_nodejs_cipher *c = slv_new0(slv_nodejs_cipher);
    EVP_CIPHER *cipher = slv_nodejs_evp_cipher(o->name);

    if (!cipher)
        return slv_fail(err, SLV_E_DENIED, "Unknown or unsupported cipher: %.*s",
                        SLV_STR_ARGS(o->name));
    c->encrypt = o->encrypt;
    c->tag_len = o->tag_len;
    c->ctx = EVP_CIPHER_CTX_new();
    SLV_ASSERT(c->ctx);
    slv_code code = open_cipher(c, cipher, o, err);
    EVP_CIPHER_free(cipher); /* the context holds it */
    if (code == SLV_OK)
        *ret = SLV_STEAL(c);
    return code;
}

static slv_code check_open(const slv_nodejs_cipher *c, slv_err *err)
{
    return c->ctx
               ? SLV_OK
               : slv_fail(err, SLV_E_DENIED, "Cipher/decipher context has already been finalized");
}

/* The tag goes to the library when the first data is about to be checked. */
static slv_code pass_tag(slv_nodejs_cipher *c, bool required, slv_err *err)
{
    if (c->encrypt || !c->aead || c->tag_passed)
        return SLV_OK;
    if (!c->has_tag)
        return required ? slv_fail(err, SLV_E_DENIED, "No auth tag provided") : SLV_OK;
    c->tag_passed = true;
    if (EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_SET_TAG, (int)c->tag_len, c->tag) <= 0)
        return slv_fail(err, SLV_E_DENIED, "Failed to set auth tag");
    return SLV_OK;
}

slv_code slv_nodejs_cipher_update(slv_nodejs_cipher *c, slv_str in, slv_buf *out, slv_err *err)
{
    int n = 0;

    SLV_TRY(check_open(c, err));
    if (in.len > INT_MAX - 64)
        return slv_fail(err, SLV_E_DENIED, "Data too large");
    if (c->mode == EVP_CIPH_CCM_MODE && in.len > c->message_max)
        return slv_fail(err, SLV_E_DENIED, "Invalid message length");
    /* only CCM and OCB need the tag before the data; the others may be given it until final() */
    SLV_TRY(pass_tag(c, c->mode == EVP_CIPH_CCM_MODE || c->mode == EVP_CIPH_OCB_MODE, err));
    SLV_TRY(slv_buf_reserve(out, in.len + 2 * EVP_MAX_BLOCK_LENGTH));
    if (!EVP_CipherUpdate(c->ctx, (unsigned char *)out->ptr + out->len, &n, crypto_bytes(in),
                          (int)in.len)) {
        c->failed = true; /* final() tells */
        if (c->mode == EVP_CIPH_WRAP_MODE)
            return slv_fail(err, SLV_E_DENIED, "Failed to process data");
        return SLV_OK;
    }
    out->len += (size_t)(n > 0 ? n : 0);
    return SLV_OK;
}

/* What only the end shows. */
static bool finish(slv_nodejs_cipher *c, slv_buf *out)
{
    int n = 0;

    if (c->mode == EVP_CIPH_CCM_MODE && !c->encrypt)
        return !c->failed;
    if (c->failed || !EVP_CipherFinal_ex(c->ctx, (unsigned char *)out->ptr + out->len, &n))
        return false;
    out->len += (size_t)(n > 0 ? n : 0);
    if (!c->encrypt || !c->aead)
        return true;
    if (c->tag_len == TAG_UNSAID)
        c->tag_len = TAG_MAX;
    c->has_tag = EVP_CIPHER_CTX_ctrl(c->ctx, EVP_CTRL_AEAD_GET_TAG, (int)c->tag_len, c->tag) > 0;
    return c->has_tag;
}

slv_code slv_nodejs_cipher_final(slv_nodejs_cipher *c, slv_buf *out, slv_err *err)
{
    SLV_TRY(check_open(c, err));
    SLV_TRY(pass_tag(c, true, err));
    SLV_TRY(slv_buf_reserve(out, 2 * EVP_MAX_BLOCK_LENGTH));
    if (!finish(c, out))
        return slv_fail(err, SLV_E_DENIED, "Authentication failed");
    EVP_CIPHER_CTX_free(c->ctx);
    c->ctx = NULL;
    return SLV_OK;
}

slv_code slv_nodejs_cipher_aad(slv_nodejs_cipher *c, slv_str aad, int64_t plaintext_len,
                               slv_err *err)
{
    int n = 0;

    SLV_TRY(check_open(c, err));
    if (!c->aead)
        return slv_fail(err, SLV_E_DENIED, "Cipher does not support authenticated mode");
    if (aad.len > INT_MAX)
        return slv_fail(err, SLV_E_DENIED, "Failed to set AAD");
    if (c->mode == EVP_CIPH_CCM_MODE) {
        if (plaintext_len < 0)
            return slv_fail(err, SLV_E_DENIED,
                            "options.plaintextLength is required for CCM mode with AAD");
        if ((uint64_t)plaintext_len > c->message_max)
            return slv_fail(err, SLV_E_DENIED, "Data too large");
        SLV_TRY(pass_tag(c, true, err));
        if (!EVP_CipherUpdate(c->ctx, NULL, &n, NULL, (int)plaintext_len))
            return slv_fail(err, SLV_E_DENIED, "Failed to set plaintext length");
    }
    if (!EVP_CipherUpdate(c->ctx, NULL, &n, crypto_bytes(aad), (int)aad.len))
        return slv_fail(err, SLV_E_DENIED, "Failed to set AAD");
    return SLV_OK;
}

slv_code slv_nodejs_cipher_padding(slv_nodejs_cipher *c, bool on, slv_err *err)
{
    SLV_TRY(check_open(c, err));
    return EVP_CIPHER_CTX_set_padding(c->ctx, on)
               ? SLV_OK
               : slv_fail(err, SLV_E_DENIED, "Failed to set autopadding");
}

slv_code slv_nodejs_cipher_set_tag(slv_nodejs_cipher *c, slv_str tag, slv_err *err)
{
    SLV_TRY(check_open(c, err));
    if (!c->aead)
        return slv_fail(err, SLV_E_DENIED, "Cipher does not support authenticated mode");
    if (c->encrypt)
        return slv_fail(err, SLV_E_DENIED, "Setting auth tag only support in decipher mode");
    if (c->has_tag)
        return slv_fail(err, SLV_E_DENIED, "Auth tag is already set");
    bool fits = c->mode == EVP_CIPH_GCM_MODE
                    ? gcm_tag_ok((int64_t)tag.len) &&
                          (c->tag_len == TAG_UNSAID || c->tag_len == (int64_t)tag.len)
                    : c->tag_len == (int64_t)tag.len;
    if (!fits)
        return slv_fail(err, SLV_E_DENIED, "Invalid authentication tag length");
    c->tag_len = (int64_t)tag.len;
    memcpy(c->tag, tag.ptr, tag.len);
    c->has_tag = true;
    return SLV_OK;
}

slv_code slv_nodejs_cipher_tag(slv_nodejs_cipher *c, slv_buf *out, slv_err *err)
{
    if (c->ctx)
        return slv_fail(err, SLV_E_DENIED,
                        "Auth tag is only available once cipher context has been finalized");
    if (!c->encrypt)
        return slv_fail(err, SLV_E_DENIED, "Getting the auth tag is only support for cipher");
    if (!c->has_tag)
        return SLV_OK;
    return slv_buf_append(out, slv_str_make(c->tag, (size_t)c->tag_len));
}
