#include "web/crypto_natives.h"

#include <stdio.h>

#include "base/rand.h"
#include "web/crypto.h"

/*
 * Numbers are those of web/crypto.h (slv_digest_id, slv_pkey_kind, slv_scheme). What is
 * cryptographically wrong gives undefined; JavaScript has the texts.
 *
 * N.randomFill(view)                              fills it
 * N.randomUUID()
 * N.digest(id, bytes)                             Uint8Array
 * N.digestNew(id), N.digestUpdate(handle, bytes), N.digestFinal(handle)
 * N.hmac(id, key, bytes)                          Uint8Array
 * N.timingSafeEqual(a, b)
 * N.hkdf(id, key, salt, info, len)                Uint8Array or undefined
 * N.pbkdf2(id, key, salt, iterations, len)
 * N.aesCbc(encrypt, key, iv, bytes)               Uint8Array or undefined
 * N.aesCtr(key, counter, bits, bytes)
 * N.aesGcm(encrypt, key, iv, aad, tagLength, bytes)
 * N.aesKw(wrap, key, bytes)
 * N.keyGenerate(kind, bits, exponent)             handle or undefined
 * N.keyDecode(kind, isPrivate, der)               handle; or a number: above 0 trailing bytes, 0
 * malformed, -1 another kind N.keyFromRaw(kind, bytes)                       handle or undefined
 * N.keyFromParts(kind, part, part ...)            handle or undefined; parts as
 * slv_pkey_from_parts, undefined: absent N.keyEncode(handle, isPrivate) Uint8Array: PKCS #8 or SPKI
 * N.keyRaw(handle)
 * N.keyPart(handle, index)                        Uint8Array or undefined
 * N.keyBits(handle)
 * N.keySign(handle, scheme, hash, salt, bytes)    Uint8Array or undefined
 * N.keyVerify(handle, scheme, hash, salt, signature, bytes)
 * N.keyOaep(handle, encrypt, hash, label, bytes)  Uint8Array or undefined
 * N.keyDerive(handle, peer)                       Uint8Array or undefined
 */

#define OUT_MAX ((size_t)1 << 31)

/* Bytes made, or undefined when the operation refused. */
static JSValueRef result(JSContextRef ctx, slv_code code, slv_buf *out, JSValueRef *exc)
{
    if (code == SLV_E_NOMEM)
        return slv_js_throw_range(ctx, exc, "Out of memory");
    return code == SLV_OK ? slv_js_bytes_take_buf(ctx, out, exc) : slv_js_undefined(ctx);
}

static bool str_arg(JSContextRef ctx, JSValueRef v, slv_str *ret, JSValueRef *exc)
{
    slv_js_bytes bytes;

    if (!slv_js_bytes_arg(ctx, v, &bytes, exc))
        return false;
    *ret = slv_js_bytes_str(bytes);
    return true;
}

/* The same, undefined being no bytes. */
static bool optional_arg(JSContextRef ctx, JSValueRef v, slv_str *ret, JSValueRef *exc)
{
    *ret = SLV_STR_NULL;
    return JSValueIsUndefined(ctx, v) || str_arg(ctx, v, ret, exc);
}

/* Our own JavaScript gives the numbers, so a wrong one is a bug of ours. */
static bool number_arg(JSContextRef ctx, JSValueRef v, uint32_t most, uint32_t *ret,
                       JSValueRef *exc)
{
    if (!slv_js_u32_arg(ctx, v, ret, exc))
        return false;
    SLV_ASSERT(*ret <= most);
    return true;
}

static bool hash_arg(JSContextRef ctx, JSValueRef v, slv_digest_id *ret, JSValueRef *exc)
{
    uint32_t id;

    if (!number_arg(ctx, v, SLV_DIGEST_SHA512, &id, exc))
        return false;
    *ret = (slv_digest_id)id;
    return true;
}

SLV_NATIVE(native_random_fill)
{
    slv_js_bytes view;

    if (!slv_js_bytes_arg(ctx, SLV_ARG(0), &view, exc))
        return NULL;
    if (view.len > 0)
        slv_rand_bytes(view.ptr, view.len);
    return slv_js_undefined(ctx);
}

SLV_NATIVE(native_random_uuid)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    char text[36];
    size_t n = 0;

    slv_rand_bytes(bytes, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[n++] = '-';
        text[n++] = digits[bytes[i] >> 4];
        text[n++] = digits[bytes[i] & 15];
    }
    return slv_js_string_latin1(ctx, slv_str_make(text, n));
}

/* ---- digests ---- */

static void free_digest(void *d)
{
    slv_digest_free(d);
}

static const slv_handle_kind digest_kind = {"digest", free_digest};

SLV_NATIVE(native_digest)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_DIGEST_MAX);
    slv_digest_id id;
    slv_str bytes;

    if (!hash_arg(ctx, SLV_ARG(0), &id, exc) || !str_arg(ctx, SLV_ARG(1), &bytes, exc))
        return NULL;
    return result(ctx, slv_digest_all(id, bytes, &out), &out, exc);
}

SLV_NATIVE(native_digest_new)
{
    uint32_t id;

    if (!number_arg(ctx, SLV_ARG(0), SLV_DIGEST_CRC64NVME, &id, exc))
        return NULL;
    return slv_js_handle(ctx, &digest_kind, slv_digest_new((slv_digest_id)id), 512);
}

SLV_NATIVE(native_digest_update)
{
    slv_digest *d = slv_js_handle_arg(ctx, SLV_ARG(0), &digest_kind, exc);
    slv_str bytes;

    if (!d || !str_arg(ctx, SLV_ARG(1), &bytes, exc))
        return NULL;
    return slv_js_bool(ctx, slv_digest_update(d, bytes) == SLV_OK);
}

SLV_NATIVE(native_digest_final)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_DIGEST_MAX);
    slv_digest *d = slv_js_handle_arg(ctx, SLV_ARG(0), &digest_kind, exc);

    if (!d)
        return NULL;
    slv_code code = slv_digest_final(d, &out);
    slv_js_handle_close(ctx, SLV_ARG(0), &digest_kind);
    return result(ctx, code, &out, exc);
}

SLV_NATIVE(native_hmac)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_DIGEST_MAX);
    slv_digest_id id;
    slv_str key, bytes;

    if (!hash_arg(ctx, SLV_ARG(0), &id, exc) || !str_arg(ctx, SLV_ARG(1), &key, exc) ||
        !str_arg(ctx, SLV_ARG(2), &bytes, exc))
        return NULL;
    return result(ctx, slv_hmac(id, key, bytes, &out), &out, exc);
}

SLV_NATIVE(native_timing_safe_equal)
{
    slv_str a, b;

    if (!str_arg(ctx, SLV_ARG(0), &a, exc) || !str_arg(ctx, SLV_ARG(1), &b, exc))
        return NULL;
    return slv_js_bool(ctx, slv_bytes_equal(a, b));
}

/* ---- key derivation ---- */

SLV_NATIVE(native_hkdf)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(OUT_MAX);
    slv_kdf_options o = {0};
    uint32_t len;

    if (!hash_arg(ctx, SLV_ARG(0), &o.hash, exc) || !str_arg(ctx, SLV_ARG(1), &o.key, exc) ||
        !str_arg(ctx, SLV_ARG(2), &o.salt, exc) || !str_arg(ctx, SLV_ARG(3), &o.info, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(4), &len, exc))
        return NULL;
    o.len = len;
    return result(ctx, slv_hkdf(o, &out), &out, exc);
}

SLV_NATIVE(native_pbkdf2)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(OUT_MAX);
    slv_kdf_options o = {0};
    uint32_t len;

    if (!hash_arg(ctx, SLV_ARG(0), &o.hash, exc) || !str_arg(ctx, SLV_ARG(1), &o.key, exc) ||
        !str_arg(ctx, SLV_ARG(2), &o.salt, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(3), &o.iterations, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(4), &len, exc))
        return NULL;
    o.len = len;
    return result(ctx, slv_pbkdf2(o, &out), &out, exc);
}

/* ---- AES ---- */

SLV_NATIVE(native_aes_cbc)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(OUT_MAX);
    bool encrypt = JSValueToBoolean(ctx, SLV_ARG(0));
    slv_str key, iv, in;

    if (!str_arg(ctx, SLV_ARG(1), &key, exc) || !str_arg(ctx, SLV_ARG(2), &iv, exc) ||
        !str_arg(ctx, SLV_ARG(3), &in, exc))
        return NULL;
    return result(ctx, slv_aes_cbc(encrypt, key, iv, in, &out), &out, exc);
}

SLV_NATIVE(native_aes_ctr)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(OUT_MAX);
    slv_str key, counter, in;
    uint32_t bits;

    if (!str_arg(ctx, SLV_ARG(0), &key, exc) || !str_arg(ctx, SLV_ARG(1), &counter, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(2), &bits, exc) || !str_arg(ctx, SLV_ARG(3), &in, exc))
        return NULL;
    return result(ctx, slv_aes_ctr(key, counter, bits, in, &out), &out, exc);
}

SLV_NATIVE(native_aes_gcm)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(OUT_MAX);
    bool encrypt = JSValueToBoolean(ctx, SLV_ARG(0));
    slv_gcm_options o = {0};
    uint32_t tag_len;
    slv_str in;

    if (!str_arg(ctx, SLV_ARG(1), &o.key, exc) || !str_arg(ctx, SLV_ARG(2), &o.iv, exc) ||
        !optional_arg(ctx, SLV_ARG(3), &o.aad, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(4), &tag_len, exc) || !str_arg(ctx, SLV_ARG(5), &in, exc))
        return NULL;
    o.tag_len = tag_len;
    return result(ctx, slv_aes_gcm(encrypt, o, in, &out), &out, exc);
}

SLV_NATIVE(native_aes_kw)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(OUT_MAX);
    bool wrap = JSValueToBoolean(ctx, SLV_ARG(0));
    slv_str key, in;

    if (!str_arg(ctx, SLV_ARG(1), &key, exc) || !str_arg(ctx, SLV_ARG(2), &in, exc))
        return NULL;
    return result(ctx, slv_aes_kw(wrap, key, in, &out), &out, exc);
}

/* ---- keys ---- */

static void free_key(void *k)
{
    slv_pkey_free(k);
}

const slv_handle_kind slv_web_pkey_kind = {"key", free_key};

static JSValueRef key_value(JSContextRef ctx, slv_pkey *k)
{
    return slv_js_handle(ctx, &slv_web_pkey_kind, k, 2048);
}

static bool kind_arg(JSContextRef ctx, JSValueRef v, slv_pkey_kind *ret, JSValueRef *exc)
{
    uint32_t kind;

    if (!number_arg(ctx, v, SLV_PKEY_X25519, &kind, exc))
        return false;
    *ret = (slv_pkey_kind)kind;
    return true;
}

SLV_NATIVE(native_key_generate)
{
    slv_pkey_kind kind;
    uint32_t bits = 0, exponent = 0;
    slv_pkey *k = NULL;

    if (!kind_arg(ctx, SLV_ARG(0), &kind, exc) || !slv_js_u32_arg(ctx, SLV_ARG(1), &bits, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(2), &exponent, exc))
        return NULL;
    return slv_pkey_generate(kind, bits, exponent, &k) == SLV_OK ? key_value(ctx, k)
                                                                 : slv_js_undefined(ctx);
}

SLV_NATIVE(native_key_decode)
{
    slv_pkey_kind kind;
    slv_str der;
    slv_pkey *k = NULL;
    size_t trailing = 0;

    if (!kind_arg(ctx, SLV_ARG(0), &kind, exc) || !str_arg(ctx, SLV_ARG(2), &der, exc))
        return NULL;
    slv_code code = JSValueToBoolean(ctx, SLV_ARG(1))
                        ? slv_pkey_from_pkcs8(kind, der, &k, &trailing)
                        : slv_pkey_from_spki(kind, der, &k, &trailing);
    if (code == SLV_OK && trailing == 0)
        return key_value(ctx, k);
    slv_pkey_free(k);
    if (code == SLV_E_UNSUPPORTED)
        return slv_js_num(ctx, -1);
    return slv_js_num(ctx, code == SLV_OK ? (double)trailing : 0);
}

SLV_NATIVE(native_key_from_raw)
{
    slv_pkey_kind kind;
    slv_str bytes;
    slv_pkey *k = NULL;

    if (!kind_arg(ctx, SLV_ARG(0), &kind, exc) || !str_arg(ctx, SLV_ARG(1), &bytes, exc))
        return NULL;
    return slv_pkey_from_raw(kind, bytes, &k) == SLV_OK ? key_value(ctx, k) : slv_js_undefined(ctx);
}

SLV_NATIVE(native_key_from_parts)
{
    slv_str parts[SLV_PKEY_PARTS] = {{NULL, 0}};
    slv_pkey_kind kind;
    slv_pkey *k = NULL;

    if (!kind_arg(ctx, SLV_ARG(0), &kind, exc))
        return NULL;
    for (size_t i = 0; i < SLV_PKEY_PARTS; i++) {
        if (!optional_arg(ctx, SLV_ARG(i + 1), &parts[i], exc))
            return NULL;
        if (!parts[i].ptr && !JSValueIsUndefined(ctx, SLV_ARG(i + 1)))
            parts[i] = SLV_STR(""); /* given, and empty */
    }
    return slv_pkey_from_parts(kind, parts, &k) == SLV_OK ? key_value(ctx, k)
                                                          : slv_js_undefined(ctx);
}

SLV_NATIVE(native_key_encode)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    const slv_pkey *k = slv_js_handle_arg(ctx, SLV_ARG(0), &slv_web_pkey_kind, exc);

    if (!k)
        return NULL;
    slv_code code =
        JSValueToBoolean(ctx, SLV_ARG(1)) ? slv_pkey_pkcs8(k, &out) : slv_pkey_spki(k, &out);
    return result(ctx, code, &out, exc);
}

SLV_NATIVE(native_key_raw)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(256);
    const slv_pkey *k = slv_js_handle_arg(ctx, SLV_ARG(0), &slv_web_pkey_kind, exc);

    return k ? result(ctx, slv_pkey_raw(k, &out), &out, exc) : NULL;
}

SLV_NATIVE(native_key_part)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(8192);
    const slv_pkey *k = slv_js_handle_arg(ctx, SLV_ARG(0), &slv_web_pkey_kind, exc);
    uint32_t i;

    if (!k || !slv_js_u32_arg(ctx, SLV_ARG(1), &i, exc))
        return NULL;
    return result(ctx, slv_pkey_part(k, i, &out), &out, exc);
}

SLV_NATIVE(native_key_bits)
{
    const slv_pkey *k = slv_js_handle_arg(ctx, SLV_ARG(0), &slv_web_pkey_kind, exc);

    return k ? slv_js_num(ctx, slv_pkey_bits(k)) : NULL;
}

static bool sign_args(JSContextRef ctx, const JSValueRef argv[], slv_sign_options *o,
                      JSValueRef *exc)
{
    uint32_t scheme, salt;

    if (!number_arg(ctx, argv[1], SLV_SCHEME_EDDSA, &scheme, exc) ||
        !hash_arg(ctx, argv[2], &o->hash, exc) || !slv_js_u32_arg(ctx, argv[3], &salt, exc))
        return false;
    o->scheme = (slv_scheme)scheme;
    o->salt_len = salt;
    return true;
}

SLV_NATIVE(native_key_sign)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(8192);
    const slv_pkey *k = slv_js_handle_arg(ctx, SLV_ARG(0), &slv_web_pkey_kind, exc);
    slv_sign_options o;
    slv_str bytes;

    SLV_ASSERT(argc == 5);
    if (!k || !sign_args(ctx, argv, &o, exc) || !str_arg(ctx, argv[4], &bytes, exc))
        return NULL;
    return result(ctx, slv_pkey_sign(k, o, bytes, &out), &out, exc);
}

SLV_NATIVE(native_key_verify)
{
    const slv_pkey *k = slv_js_handle_arg(ctx, SLV_ARG(0), &slv_web_pkey_kind, exc);
    slv_sign_options o;
    slv_str signature, bytes;

    SLV_ASSERT(argc == 6);
    if (!k || !sign_args(ctx, argv, &o, exc) || !str_arg(ctx, argv[4], &signature, exc) ||
        !str_arg(ctx, argv[5], &bytes, exc))
        return NULL;
    return slv_js_bool(ctx, slv_pkey_verify(k, o, signature, bytes));
}

SLV_NATIVE(native_key_oaep)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(8192);
    const slv_pkey *k = slv_js_handle_arg(ctx, SLV_ARG(0), &slv_web_pkey_kind, exc);
    bool encrypt = JSValueToBoolean(ctx, SLV_ARG(1));
    slv_digest_id hash;
    slv_str label, in;

    if (!k || !hash_arg(ctx, SLV_ARG(2), &hash, exc) ||
        !optional_arg(ctx, SLV_ARG(3), &label, exc) || !str_arg(ctx, SLV_ARG(4), &in, exc))
        return NULL;
    return result(ctx, slv_rsa_oaep(k, encrypt, hash, label, in, &out), &out, exc);
}

SLV_NATIVE(native_key_derive)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(256);
    const slv_pkey *own = slv_js_handle_arg(ctx, SLV_ARG(0), &slv_web_pkey_kind, exc);
    const slv_pkey *peer = own ? slv_js_handle_arg(ctx, SLV_ARG(1), &slv_web_pkey_kind, exc) : NULL;

    return peer ? result(ctx, slv_pkey_derive(own, peer, &out), &out, exc) : NULL;
}

static const slv_native natives[] = {
    {"randomFill", native_random_fill},
    {"randomUUID", native_random_uuid},
    {"digest", native_digest},
    {"digestNew", native_digest_new},
    {"digestUpdate", native_digest_update},
    {"digestFinal", native_digest_final},
    {"hmac", native_hmac},
    {"timingSafeEqual", native_timing_safe_equal},
    {"hkdf", native_hkdf},
    {"pbkdf2", native_pbkdf2},
    {"aesCbc", native_aes_cbc},
    {"aesCtr", native_aes_ctr},
    {"aesGcm", native_aes_gcm},
    {"aesKw", native_aes_kw},
    {"keyGenerate", native_key_generate},
    {"keyDecode", native_key_decode},
    {"keyFromRaw", native_key_from_raw},
    {"keyFromParts", native_key_from_parts},
    {"keyEncode", native_key_encode},
    {"keyRaw", native_key_raw},
    {"keyPart", native_key_part},
    {"keyBits", native_key_bits},
    {"keySign", native_key_sign},
    {"keyVerify", native_key_verify},
    {"keyOaep", native_key_oaep},
    {"keyDerive", native_key_derive},
};

void slv_web_crypto_register(slv_js *js)
{
    slv_js_add_natives(js, natives, SLV_ARRAY_LEN(natives));
}
