#include "web/crypto_natives.h"
#include "web/node_natives_int.h"
#include "web/node_pkey.h"

/*
 * Keys are the handles of web/crypto_natives.h, shared with WebCrypto; encodings, points, fields
 * and checks are the numbers of web/node_pkey.h. What failed is thrown.
 *
 * N.nodeKeyRead(isPrivate, bytes, pem, encoding, passphrase)                   handle
 * N.nodeKeyWrite(handle, isPrivate, pem, encoding, cipher, passphrase)         Uint8Array
 * N.nodeKeyType(handle)                string or undefined
 * N.nodeKeyKind(handle)                slv_pkey_kind
 * N.nodeKeyDetails(handle)             [bits, divisor bits, curve, hash, mgf1, salt length,
 * exponent or undefined] N.nodeKeyEqual(handle, handle) N.nodeKeyMake(type, bits, exponent, curve,
 * explicit, hash, mgf1, salt length, divisor bits, group, prime, generator) N.nodeSign(handle,
 * hash, padding, salt length, p1363, prehashed, bytes)      Uint8Array N.nodeVerify(handle, hash,
 * padding, salt length, p1363, prehashed, bytes, signature)   boolean N.nodeRsa(handle, what,
 * padding, hash, label, bytes)                         Uint8Array N.nodeAgree(own, peer) Uint8Array
 * N.nodeX509Read(bytes)                handle or undefined
 * N.nodeX509Bytes(handle, field), N.nodeX509Text(handle, field)                or undefined
 * N.nodeX509IsCa(handle), N.nodeX509Key(handle)
 * N.nodeX509Match(handle, check, name, flags)     the name; undefined: no match; null: malformed
 * N.nodeX509IssuedBy(handle, issuer), N.nodeX509SignedBy(handle, key), N.nodeX509IsOf(handle, key)
 * N.nodeSpkac(0, bytes) boolean, (1, bytes) key as PEM or undefined, (2, bytes) challenge or
 * undefined
 */

#define KEY_MAX ((size_t)1 << 20) /* encoded */

static slv_pkey *key_arg(JSContextRef ctx, JSValueRef v, JSValueRef *exc)
{
    return slv_js_handle_arg(ctx, v, &slv_web_pkey_kind, exc);
}

static JSValueRef made_key(JSContextRef ctx, slv_code code, slv_pkey *k, const slv_err *err,
                           JSValueRef *exc)
{
    return code == SLV_OK ? slv_js_handle(ctx, &slv_web_pkey_kind, k, 2048)
                          : node_throw(ctx, code, err, exc);
}

SLV_NATIVE(native_key_read)
{
    slv_nodejs_form form = {.pem = JSValueToBoolean(ctx, SLV_ARG(2))};
    slv_pkey *k = NULL;
    slv_err err = {0};
    uint32_t encoding;
    slv_str bytes;

    if (!node_bytes(ctx, SLV_ARG(1), &bytes, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(3), &encoding, exc) ||
        !node_bytes(ctx, SLV_ARG(4), &form.passphrase, exc))
        return NULL;
    SLV_ASSERT(encoding <= SLV_NODEJS_ANY);
    form.encoding = (slv_nodejs_encoding)encoding;
    slv_code code = JSValueToBoolean(ctx, SLV_ARG(0))
                        ? slv_nodejs_private_read(bytes, &form, &k, &err)
                        : slv_nodejs_public_read(bytes, &form, &k, &err);
    return made_key(ctx, code, k, &err, exc);
}

SLV_NATIVE(native_key_write)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(KEY_MAX);
    SLV_TEXT(cipher);
    const slv_pkey *k = key_arg(ctx, SLV_ARG(0), exc);
    slv_nodejs_form form = {.pem = JSValueToBoolean(ctx, SLV_ARG(2))};
    slv_err err = {0};
    uint32_t encoding;

    if (!k || !slv_js_u32_arg(ctx, SLV_ARG(3), &encoding, exc) ||
        !node_text(ctx, SLV_ARG(4), &cipher, &form.cipher, exc) ||
        !node_bytes(ctx, SLV_ARG(5), &form.passphrase, exc))
        return NULL;
    SLV_ASSERT(encoding < SLV_NODEJS_ANY);
    form.encoding = (slv_nodejs_encoding)encoding;
    slv_code code = JSValueToBoolean(ctx, SLV_ARG(1))
                        ? slv_nodejs_private_write(k, &form, &out, &err)
                        : slv_nodejs_public_write(k, &form, &out, &err);
    return node_made(ctx, code, &out, &err, exc);
}

static JSValueRef text_or_undefined(JSContextRef ctx, const char *text)
{
    return text && text[0] ? slv_js_string(ctx, slv_str_from(text)) : slv_js_undefined(ctx);
}

SLV_NATIVE(native_key_type)
{
    const slv_pkey *k = key_arg(ctx, SLV_ARG(0), exc);

    return k ? text_or_undefined(ctx, slv_nodejs_key_type(k)) : NULL;
}

SLV_NATIVE(native_key_kind)
{
    const slv_pkey *k = key_arg(ctx, SLV_ARG(0), exc);

    return k ? slv_js_num(ctx, (double)slv_pkey_kind_of(k)) : NULL;
}

SLV_NATIVE(native_key_details)
{
    SLV_CLEANUP(slv_buf_done) slv_buf e = SLV_BUF(4096);
    const slv_pkey *k = key_arg(ctx, SLV_ARG(0), exc);
    slv_nodejs_key_details d;
    JSValueRef exponent = slv_js_undefined(ctx);

    if (!k)
        return NULL;
    slv_nodejs_key_details_get(k, &d);
    if (slv_nodejs_key_exponent(k, &e) == SLV_OK)
        exponent = slv_js_bytes_take_buf(ctx, &e, exc);
    if (!exponent)
        return NULL;
    return SLV_TUPLE(ctx, slv_js_num(ctx, d.bits), slv_js_num(ctx, d.divisor_bits),
                     text_or_undefined(ctx, d.curve), text_or_undefined(ctx, d.hash),
                     text_or_undefined(ctx, d.mgf1), slv_js_num(ctx, d.salt_len), exponent);
}

SLV_NATIVE(native_key_equal)
{
    const slv_pkey *a = key_arg(ctx, SLV_ARG(0), exc),
                   *b = a ? key_arg(ctx, SLV_ARG(1), exc) : NULL;

    return b ? slv_js_bool(ctx, slv_nodejs_key_equal(a, b)) : NULL;
}

SLV_NATIVE(native_key_make)
{
    SLV_TEXT(type);
    SLV_TEXT(curve);
    SLV_TEXT(hash);
    SLV_TEXT(mgf1);
    SLV_TEXT(group);
    slv_nodejs_keygen o = {.explicit_curve = JSValueToBoolean(ctx, SLV_ARG(4))};
    double salt, divisor, generator;
    slv_pkey *k = NULL;
    slv_err err = {0};

    if (!node_text(ctx, SLV_ARG(0), &type, &o.type, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(1), &o.bits, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(2), &o.exponent, exc) ||
        !node_text(ctx, SLV_ARG(3), &curve, &o.curve, exc) ||
        !node_text(ctx, SLV_ARG(5), &hash, &o.hash, exc) ||
        !node_text(ctx, SLV_ARG(6), &mgf1, &o.mgf1, exc) ||
        !node_number(ctx, SLV_ARG(7), -1, &salt, exc) ||
        !node_number(ctx, SLV_ARG(8), -1, &divisor, exc) ||
        !node_text(ctx, SLV_ARG(9), &group, &o.group, exc) ||
        !node_bytes(ctx, SLV_ARG(10), &o.prime, exc) ||
        !node_number(ctx, SLV_ARG(11), 2, &generator, exc))
        return NULL;
    o.salt_len = (int64_t)salt;
    o.divisor_bits = (int64_t)divisor;
    o.generator = (uint32_t)generator;
    slv_code code = slv_nodejs_key_generate(&o, &k, &err);
    return made_key(ctx, code, k, &err, exc);
}

/* Arguments 1 to 4 of sign and verify. */
static bool sign_args(JSContextRef ctx, const JSValueRef argv[], size_t argc, slv_js_text *hash,
                      slv_nodejs_sign *ret, JSValueRef *exc)
{
    double padding, salt;

    *ret = (slv_nodejs_sign){.p1363 = JSValueToBoolean(ctx, SLV_ARG(4))};
    if (!node_text(ctx, SLV_ARG(1), hash, &ret->hash, exc) ||
        !node_number(ctx, SLV_ARG(2), SLV_NODEJS_PADDING_OWN, &padding, exc) ||
        !node_number(ctx, SLV_ARG(3), (double)SLV_NODEJS_SALT_OWN, &salt, exc))
        return false;
    ret->padding = (int)padding;
    ret->salt_len = (int)salt;
    return true;
}

SLV_NATIVE(native_sign)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(8192);
    SLV_TEXT(hash);
    const slv_pkey *k = key_arg(ctx, SLV_ARG(0), exc);
    slv_nodejs_sign o;
    slv_err err = {0};
    slv_str bytes;

    if (!k || !sign_args(ctx, argv, argc, &hash, &o, exc) ||
        !node_bytes(ctx, SLV_ARG(6), &bytes, exc))
        return NULL;
    slv_code code =
        slv_nodejs_key_sign(k, &o, JSValueToBoolean(ctx, SLV_ARG(5)), bytes, &out, &err);
    return node_made(ctx, code, &out, &err, exc);
}

SLV_NATIVE(native_verify)
{
    SLV_TEXT(hash);
    const slv_pkey *k = key_arg(ctx, SLV_ARG(0), exc);
    slv_nodejs_sign o;
    slv_err err = {0};
    slv_str bytes, signature;
    bool is = false;

    if (!k || !sign_args(ctx, argv, argc, &hash, &o, exc) ||
        !node_bytes(ctx, SLV_ARG(6), &bytes, exc) || !node_bytes(ctx, SLV_ARG(7), &signature, exc))
        return NULL;
    slv_code code = slv_nodejs_key_verify(k, &o, JSValueToBoolean(ctx, SLV_ARG(5)), bytes,
                                          signature, &is, &err);
    return code == SLV_OK ? slv_js_bool(ctx, is) : node_throw(ctx, code, &err, exc);
}

SLV_NATIVE(native_rsa)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(8192);
    SLV_TEXT(hash);
    const slv_pkey *k = key_arg(ctx, SLV_ARG(0), exc);
    slv_nodejs_rsa_options o = {0};
    slv_err err = {0};
    uint32_t what;
    slv_str in;

    if (!k || !slv_js_u32_arg(ctx, SLV_ARG(1), &what, exc) ||
        !slv_js_i32_arg(ctx, SLV_ARG(2), &o.padding, exc) ||
        !node_text(ctx, SLV_ARG(3), &hash, &o.hash, exc) ||
        !node_bytes(ctx, SLV_ARG(4), &o.label, exc) || !node_bytes(ctx, SLV_ARG(5), &in, exc))
        return NULL;
    SLV_ASSERT(what <= SLV_NODEJS_PUBLIC_DECRYPT);
    return node_made(ctx, slv_nodejs_key_rsa(k, (slv_nodejs_rsa)what, &o, in, &out, &err), &out,
                     &err, exc);
}

SLV_NATIVE(native_agree)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(8192);
    const slv_pkey *own = key_arg(ctx, SLV_ARG(0), exc),
                   *peer = own ? key_arg(ctx, SLV_ARG(1), exc) : NULL;
    slv_err err = {0};

    return peer ? node_made(ctx, slv_nodejs_key_agree(own, peer, &out, &err), &out, &err, exc)
                : NULL;
}

/* ---- certificates ---- */

static void free_x509(void *c)
{
    slv_nodejs_x509_free(c);
}

static const slv_handle_kind x509_kind = {"certificate", free_x509};

SLV_NATIVE(native_x509_read)
{
    slv_nodejs_x509 *c = NULL;
    slv_str bytes;

    if (!node_bytes(ctx, SLV_ARG(0), &bytes, exc))
        return NULL;
    if (slv_nodejs_x509_read(bytes, &c) != SLV_OK)
        return slv_js_undefined(ctx);
    return slv_js_handle(ctx, &x509_kind, c, 4096 + bytes.len);
}

static bool x509_field(JSContextRef ctx, const JSValueRef argv[], size_t argc, slv_buf *out,
                       bool *ret_found, JSValueRef *exc)
{
    const slv_nodejs_x509 *c = slv_js_handle_arg(ctx, SLV_ARG(0), &x509_kind, exc);
    uint32_t field;

    if (!c || !slv_js_u32_arg(ctx, SLV_ARG(1), &field, exc))
        return false;
    SLV_ASSERT(field <= SLV_NODEJS_X509_ISSUER_PARTS);
    *ret_found = slv_nodejs_x509_get(c, (slv_nodejs_x509_field)field, out) == SLV_OK;
    return true;
}

SLV_NATIVE(native_x509_bytes)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4 * SLV_NODEJS_ENCODED_MAX);
    bool found;

    if (!x509_field(ctx, argv, argc, &out, &found, exc))
        return NULL;
    return found ? slv_js_bytes_take_buf(ctx, &out, exc) : slv_js_undefined(ctx);
}

SLV_NATIVE(native_x509_text)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4 * SLV_NODEJS_ENCODED_MAX);
    bool found;

    if (!x509_field(ctx, argv, argc, &out, &found, exc))
        return NULL;
    return found ? slv_js_string(ctx, slv_buf_view(&out)) : slv_js_undefined(ctx);
}

SLV_NATIVE(native_x509_is_ca)
{
    const slv_nodejs_x509 *c = slv_js_handle_arg(ctx, SLV_ARG(0), &x509_kind, exc);

    return c ? slv_js_bool(ctx, slv_nodejs_x509_is_ca(c)) : NULL;
}

SLV_NATIVE(native_x509_key)
{
    const slv_nodejs_x509 *c = slv_js_handle_arg(ctx, SLV_ARG(0), &x509_kind, exc);
    slv_pkey *k = c ? slv_nodejs_x509_key(c) : NULL;

    if (!c)
        return NULL;
    return k ? slv_js_handle(ctx, &slv_web_pkey_kind, k, 2048) : slv_js_undefined(ctx);
}

SLV_NATIVE(native_x509_match)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(4096);
    SLV_TEXT(name);
    const slv_nodejs_x509 *c = slv_js_handle_arg(ctx, SLV_ARG(0), &x509_kind, exc);
    uint32_t what, flags;

    if (!c || !slv_js_u32_arg(ctx, SLV_ARG(1), &what, exc) ||
        !slv_js_text_arg(ctx, SLV_ARG(2), &name, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(3), &flags, exc))
        return NULL;
    SLV_ASSERT(what <= SLV_NODEJS_CHECK_IP);
    slv_code code = slv_nodejs_x509_match(c, (slv_nodejs_x509_check)what, name.str, flags, &out);
    if (code == SLV_OK)
        return slv_js_string(ctx, slv_buf_view(&out));
    return code == SLV_E_NOTFOUND ? slv_js_undefined(ctx) : slv_js_null(ctx);
}

SLV_NATIVE(native_x509_issued_by)
{
    const slv_nodejs_x509 *c = slv_js_handle_arg(ctx, SLV_ARG(0), &x509_kind, exc);
    const slv_nodejs_x509 *issuer = c ? slv_js_handle_arg(ctx, SLV_ARG(1), &x509_kind, exc) : NULL;

    return issuer ? slv_js_bool(ctx, slv_nodejs_x509_issued_by(c, issuer)) : NULL;
}

SLV_NATIVE(native_x509_signed_by)
{
    const slv_nodejs_x509 *c = slv_js_handle_arg(ctx, SLV_ARG(0), &x509_kind, exc);
    const slv_pkey *k = c ? key_arg(ctx, SLV_ARG(1), exc) : NULL;

    return k ? slv_js_bool(ctx, slv_nodejs_x509_signed_by(c, k)) : NULL;
}

SLV_NATIVE(native_x509_is_of)
{
    const slv_nodejs_x509 *c = slv_js_handle_arg(ctx, SLV_ARG(0), &x509_kind, exc);
    const slv_pkey *k = c ? key_arg(ctx, SLV_ARG(1), exc) : NULL;

    return k ? slv_js_bool(ctx, slv_nodejs_x509_is_of(c, k)) : NULL;
}

SLV_NATIVE(native_spkac)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(KEY_MAX * 2);
    uint32_t what;
    slv_str text;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &what, exc) || !node_bytes(ctx, SLV_ARG(1), &text, exc))
        return NULL;
    if (what == 0)
        return slv_js_bool(ctx, slv_nodejs_spkac_verify(text));
    slv_code code =
        what == 1 ? slv_nodejs_spkac_key(text, &out) : slv_nodejs_spkac_challenge(text, &out);
    return code == SLV_OK ? slv_js_bytes_take_buf(ctx, &out, exc) : slv_js_undefined(ctx);
}

static const slv_native natives[] = {
    {"nodeKeyRead", native_key_read},
    {"nodeKeyWrite", native_key_write},
    {"nodeKeyType", native_key_type},
    {"nodeKeyKind", native_key_kind},
    {"nodeKeyDetails", native_key_details},
    {"nodeKeyEqual", native_key_equal},
    {"nodeKeyMake", native_key_make},
    {"nodeSign", native_sign},
    {"nodeVerify", native_verify},
    {"nodeRsa", native_rsa},
    {"nodeAgree", native_agree},
    {"nodeX509Read", native_x509_read},
    {"nodeX509Bytes", native_x509_bytes},
    {"nodeX509Text", native_x509_text},
    {"nodeX509IsCa", native_x509_is_ca},
    {"nodeX509Key", native_x509_key},
    {"nodeX509Match", native_x509_match},
    {"nodeX509IssuedBy", native_x509_issued_by},
    {"nodeX509SignedBy", native_x509_signed_by},
    {"nodeX509IsOf", native_x509_is_of},
    {"nodeSpkac", native_spkac},
};

void slv_web_node_pkey_register(slv_js *js)
{
    slv_js_add_natives(js, natives, SLV_ARRAY_LEN(natives));
}
