#include <math.h>

#include "web/crypto_natives.h"
#include "web/node_crypto.h"
#include "web/node_natives_int.h"

/*
 * Names are what the program wrote; what has no such algorithm gives undefined.
 *
 * N.nodeHashNew(name, length)              handle; length undefined: the digest's own
 * N.nodeHashCopy(handle, length)
 * N.nodeHmacNew(name, key)                 handle
 * N.nodeHashUpdate(handle, bytes), N.nodeHashText(handle, string): its UTF-8
 * N.nodeHashFinal(handle)                  Uint8Array; the handle is closed
 * N.nodeHkdf(hash, key, salt, info, length), N.nodePbkdf2(hash, key, salt, iterations, length)
 * N.nodeScrypt(key, salt, n, r, p, maxmem, length)
 *     Uint8Array; undefined: no such hash; null: too long; false: the parameters are refused
 * N.nodeCipherInfo(name or number, keyLength, ivLength)
 *     [name, mode, nid, block, iv, key]; lengths undefined: the cipher's own
 * N.nodeCipherNames()                      array
 * N.nodeCipherNew(encrypt, name, key, iv, tagLength)     handle; iv undefined: none
 * N.nodeCipherUpdate(handle, bytes), N.nodeCipherFinal(handle)        Uint8Array
 * N.nodeCipherAad(handle, bytes, plaintextLength), N.nodeCipherPadding(handle, on)
 * N.nodeCipherSetTag(handle, bytes), N.nodeCipherTag(handle)
 * N.nodePrime(bits, safe, add, rem)        Uint8Array
 * N.nodePrimeCheck(bytes, checks)          boolean
 */

static void free_hash(void *h)
{
    slv_nodejs_hash_free(h);
}

static const slv_handle_kind hash_kind = {"digest", free_hash};

#define HASH_BYTES 512 /* what one weighs */

static bool length_arg(JSContextRef ctx, JSValueRef v, size_t *ret, JSValueRef *exc)
{
    double n;

    if (!node_number(ctx, v, -1, &n, exc))
        return false;
    *ret = n < 0 ? SLV_NODEJS_HASH_OWN : (size_t)n;
    return true;
}

SLV_NATIVE(native_hash_new)
{
    SLV_TEXT(name);
    slv_nodejs_hash *h = NULL;
    slv_err err = {0};
    size_t len;

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &name, exc) || !length_arg(ctx, SLV_ARG(1), &len, exc))
        return NULL;
    slv_code code = slv_nodejs_hash_new(name.str, len, &h, &err);
    if (code == SLV_E_NOTFOUND)
        return slv_js_undefined(ctx);
    return code == SLV_OK ? slv_js_handle(ctx, &hash_kind, h, HASH_BYTES)
                          : node_throw(ctx, code, &err, exc);
}

SLV_NATIVE(native_hash_copy)
{
    slv_nodejs_hash *from = slv_js_handle_arg(ctx, SLV_ARG(0), &hash_kind, exc), *h = NULL;
    slv_err err = {0};
    size_t len;

    if (!from || !length_arg(ctx, SLV_ARG(1), &len, exc))
        return NULL;
    slv_code code = slv_nodejs_hash_copy(from, len, &h, &err);
    return code == SLV_OK ? slv_js_handle(ctx, &hash_kind, h, HASH_BYTES)
                          : node_throw(ctx, code, &err, exc);
}

SLV_NATIVE(native_hmac_new)
{
    SLV_TEXT(name);
    slv_nodejs_hash *h = NULL;
    slv_err err = {0};
    slv_str key;

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &name, exc) || !node_bytes(ctx, SLV_ARG(1), &key, exc))
        return NULL;
    slv_code code = slv_nodejs_hmac_new(name.str, key, &h);
    if (code == SLV_E_NOTFOUND)
        return slv_js_undefined(ctx);
    return code == SLV_OK ? slv_js_handle(ctx, &hash_kind, h, 2 * HASH_BYTES)
                          : node_throw(ctx, code, &err, exc);
}

SLV_NATIVE(native_hash_update)
{
    slv_nodejs_hash *h = slv_js_handle_arg(ctx, SLV_ARG(0), &hash_kind, exc);
    slv_str bytes;

    if (!h || !node_bytes(ctx, SLV_ARG(1), &bytes, exc))
        return NULL;
    return slv_js_bool(ctx, slv_nodejs_hash_update(h, bytes) == SLV_OK);
}

SLV_NATIVE(native_hash_text)
{
    SLV_TEXT(text);
    slv_nodejs_hash *h = slv_js_handle_arg(ctx, SLV_ARG(0), &hash_kind, exc);

    if (!h || !slv_js_text_arg(ctx, SLV_ARG(1), &text, exc))
        return NULL;
    return slv_js_bool(ctx, slv_nodejs_hash_update(h, text.str) == SLV_OK);
}

SLV_NATIVE(native_hash_final)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_NODEJS_OUT_MAX);
    slv_nodejs_hash *h = slv_js_handle_arg(ctx, SLV_ARG(0), &hash_kind, exc);
    slv_err err = {0};

    if (!h)
        return NULL;
    slv_code code = slv_nodejs_hash_final(h, &out);
    slv_js_handle_close(ctx, SLV_ARG(0), &hash_kind);
    return node_made(ctx, code, &out, &err, exc);
}

/* ---- derivation ---- */

static JSValueRef derived(JSContextRef ctx, slv_code code, slv_buf *out, JSValueRef *exc)
{
    switch ((int)code) {
    case SLV_OK:
        return slv_js_bytes_take_buf(ctx, out, exc);
    case SLV_E_NOTFOUND:
        return slv_js_undefined(ctx);
    case SLV_E_LIMIT:
        return slv_js_null(ctx);
    case SLV_E_NOMEM:
        return slv_js_throw_range(ctx, exc, "Out of memory");
    default:
        return slv_js_bool(ctx, false);
    }
}

static bool len_arg(JSContextRef ctx, JSValueRef v, size_t *ret, JSValueRef *exc)
{
    uint32_t n;

    if (!slv_js_u32_arg(ctx, v, &n, exc))
        return false;
    *ret = n;
    return true;
}

SLV_NATIVE(native_hkdf)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_NODEJS_OUT_MAX);
    SLV_TEXT(name);
    slv_nodejs_kdf o = {0};

    if (!node_text(ctx, SLV_ARG(0), &name, &o.hash, exc) ||
        !node_bytes(ctx, SLV_ARG(1), &o.key, exc) || !node_bytes(ctx, SLV_ARG(2), &o.salt, exc) ||
        !node_bytes(ctx, SLV_ARG(3), &o.info, exc) || !len_arg(ctx, SLV_ARG(4), &o.len, exc))
        return NULL;
    return derived(ctx, slv_nodejs_hkdf(&o, &out), &out, exc);
}

SLV_NATIVE(native_pbkdf2)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_NODEJS_OUT_MAX);
    SLV_TEXT(name);
    slv_nodejs_kdf o = {0};

    if (!node_text(ctx, SLV_ARG(0), &name, &o.hash, exc) ||
        !node_bytes(ctx, SLV_ARG(1), &o.key, exc) || !node_bytes(ctx, SLV_ARG(2), &o.salt, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(3), &o.iterations, exc) ||
        !len_arg(ctx, SLV_ARG(4), &o.len, exc))
        return NULL;
    return derived(ctx, slv_nodejs_pbkdf2(&o, &out), &out, exc);
}

SLV_NATIVE(native_scrypt)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_NODEJS_OUT_MAX);
    slv_nodejs_kdf o = {0};
    double n, maxmem;

    if (!node_bytes(ctx, SLV_ARG(0), &o.key, exc) || !node_bytes(ctx, SLV_ARG(1), &o.salt, exc) ||
        !node_number(ctx, SLV_ARG(2), 0, &n, exc) || !slv_js_u32_arg(ctx, SLV_ARG(3), &o.r, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(4), &o.p, exc) ||
        !node_number(ctx, SLV_ARG(5), 0, &maxmem, exc) || !len_arg(ctx, SLV_ARG(6), &o.len, exc))
        return NULL;
    o.n = (uint64_t)fmax(n, 0);
    o.maxmem = (uint64_t)fmax(maxmem, 0);
    return derived(ctx, slv_nodejs_scrypt(&o, &out), &out, exc);
}

/* ---- ciphers ---- */

static void free_cipher(void *c)
{
    slv_nodejs_cipher_free(c);
}

static const slv_handle_kind cipher_kind = {"cipher", free_cipher};

SLV_NATIVE(native_cipher_info)
{
    SLV_TEXT(text);
    slv_str name = SLV_STR_NULL;
    slv_nodejs_cipher_info info;
    int32_t nid = 0;
    double key_len, iv_len;
    bool by_name = JSValueIsString(ctx, SLV_ARG(0));

    if (by_name ? !node_text(ctx, SLV_ARG(0), &text, &name, exc)
                : !slv_js_i32_arg(ctx, SLV_ARG(0), &nid, exc))
        return NULL;
    if (!node_number(ctx, SLV_ARG(1), -1, &key_len, exc) ||
        !node_number(ctx, SLV_ARG(2), -1, &iv_len, exc))
        return NULL;
    if (slv_nodejs_cipher_find(name, nid, (int64_t)key_len, (int64_t)iv_len, &info) != SLV_OK)
        return slv_js_undefined(ctx);
    return SLV_TUPLE(ctx, slv_js_string(ctx, slv_str_from(info.name)),
                     slv_js_string(ctx, slv_str_from(info.mode)), slv_js_num(ctx, info.nid),
                     slv_js_num(ctx, info.block_len), slv_js_num(ctx, info.iv_len),
                     slv_js_num(ctx, info.key_len));
}

SLV_NATIVE(native_cipher_names)
{
    const char *const *names;
    JSValueRef values[128];
    size_t n = slv_nodejs_cipher_names(&names);

    SLV_ASSERT(n <= SLV_ARRAY_LEN(values));
    for (size_t i = 0; i < n; i++)
        values[i] = slv_js_string(ctx, slv_str_from(names[i]));
    return slv_js_array(ctx, n, values);
}

SLV_NATIVE(native_cipher_new)
{
    SLV_TEXT(name);
    slv_nodejs_cipher_options o = {.encrypt = JSValueToBoolean(ctx, SLV_ARG(0))};
    slv_nodejs_cipher *c = NULL;
    slv_err err = {0};
    double tag_len;

    if (!node_text(ctx, SLV_ARG(1), &name, &o.name, exc) ||
        !node_bytes(ctx, SLV_ARG(2), &o.key, exc) || !node_bytes(ctx, SLV_ARG(3), &o.iv, exc) ||
        !node_number(ctx, SLV_ARG(4), -1, &tag_len, exc))
        return NULL;
    o.tag_len = (int64_t)tag_len;
    slv_code code = slv_nodejs_cipher_new(&o, &c, &err);
    return code == SLV_OK ? slv_js_handle(ctx, &cipher_kind, c, 1024)
                          : node_throw(ctx, code, &err, exc);
}

SLV_NATIVE(native_cipher_update)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 31);
    slv_nodejs_cipher *c = slv_js_handle_arg(ctx, SLV_ARG(0), &cipher_kind, exc);
    slv_err err = {0};
    slv_str in;

    if (!c || !node_bytes(ctx, SLV_ARG(1), &in, exc))
        return NULL;
    return node_made(ctx, slv_nodejs_cipher_update(c, in, &out, &err), &out, &err, exc);
}

SLV_NATIVE(native_cipher_final)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(1024);
    slv_nodejs_cipher *c = slv_js_handle_arg(ctx, SLV_ARG(0), &cipher_kind, exc);
    slv_err err = {0};

    return c ? node_made(ctx, slv_nodejs_cipher_final(c, &out, &err), &out, &err, exc) : NULL;
}

static JSValueRef done(JSContextRef ctx, slv_code code, const slv_err *err, JSValueRef *exc)
{
    return code == SLV_OK ? slv_js_undefined(ctx) : node_throw(ctx, code, err, exc);
}

SLV_NATIVE(native_cipher_aad)
{
    slv_nodejs_cipher *c = slv_js_handle_arg(ctx, SLV_ARG(0), &cipher_kind, exc);
    slv_err err = {0};
    double plaintext_len;
    slv_str aad;

    if (!c || !node_bytes(ctx, SLV_ARG(1), &aad, exc) ||
        !node_number(ctx, SLV_ARG(2), -1, &plaintext_len, exc))
        return NULL;
    return done(ctx, slv_nodejs_cipher_aad(c, aad, (int64_t)plaintext_len, &err), &err, exc);
}

SLV_NATIVE(native_cipher_padding)
{
    slv_nodejs_cipher *c = slv_js_handle_arg(ctx, SLV_ARG(0), &cipher_kind, exc);
    slv_err err = {0};

    return c ? done(ctx, slv_nodejs_cipher_padding(c, JSValueToBoolean(ctx, SLV_ARG(1)), &err),
                    &err, exc)
             : NULL;
}

SLV_NATIVE(native_cipher_set_tag)
{
    slv_nodejs_cipher *c = slv_js_handle_arg(ctx, SLV_ARG(0), &cipher_kind, exc);
    slv_err err = {0};
    slv_str tag;

    if (!c || !node_bytes(ctx, SLV_ARG(1), &tag, exc))
        return NULL;
    return done(ctx, slv_nodejs_cipher_set_tag(c, tag, &err), &err, exc);
}

SLV_NATIVE(native_cipher_tag)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(64);
    slv_nodejs_cipher *c = slv_js_handle_arg(ctx, SLV_ARG(0), &cipher_kind, exc);
    slv_err err = {0};

    return c ? node_made(ctx, slv_nodejs_cipher_tag(c, &out, &err), &out, &err, exc) : NULL;
}

/* ---- primes ---- */

SLV_NATIVE(native_prime)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_NODEJS_PRIME_BITS_MAX);
    slv_err err = {0};
    slv_str add, rem;
    uint32_t bits;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &bits, exc) || !node_bytes(ctx, SLV_ARG(2), &add, exc) ||
        !node_bytes(ctx, SLV_ARG(3), &rem, exc))
        return NULL;
    slv_code code = slv_nodejs_prime(bits, JSValueToBoolean(ctx, SLV_ARG(1)), add, rem, &out, &err);
    return node_made(ctx, code, &out, &err, exc);
}

SLV_NATIVE(native_prime_check)
{
    slv_err err = {0};
    uint32_t checks;
    slv_str bytes;
    bool is = false;

    if (!node_bytes(ctx, SLV_ARG(0), &bytes, exc) || !slv_js_u32_arg(ctx, SLV_ARG(1), &checks, exc))
        return NULL;
    slv_code code = slv_nodejs_prime_check(bytes, checks, &is, &err);
    return code == SLV_OK ? slv_js_bool(ctx, is) : node_throw(ctx, code, &err, exc);
}

static const slv_native natives[] = {
    {"nodeHashNew", native_hash_new},
    {"nodeHashCopy", native_hash_copy},
    {"nodeHmacNew", native_hmac_new},
    {"nodeHashUpdate", native_hash_update},
    {"nodeHashText", native_hash_text},
    {"nodeHashFinal", native_hash_final},
    {"nodeHkdf", native_hkdf},
    {"nodePbkdf2", native_pbkdf2},
    {"nodeScrypt", native_scrypt},
    {"nodeCipherInfo", native_cipher_info},
    {"nodeCipherNames", native_cipher_names},
    {"nodeCipherNew", native_cipher_new},
    {"nodeCipherUpdate", native_cipher_update},
    {"nodeCipherFinal", native_cipher_final},
    {"nodeCipherAad", native_cipher_aad},
    {"nodeCipherPadding", native_cipher_padding},
    {"nodeCipherSetTag", native_cipher_set_tag},
    {"nodeCipherTag", native_cipher_tag},
    {"nodePrime", native_prime},
    {"nodePrimeCheck", native_prime_check},
};

void slv_web_node_crypto_register(slv_js *js)
{
    slv_js_add_natives(js, natives, SLV_ARRAY_LEN(natives));
}
