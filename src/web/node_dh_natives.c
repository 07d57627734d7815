#include "web/node_natives_int.h"
#include "web/node_pkey.h"

/*
 * What failed is thrown. Parts and points are the numbers of web/node_pkey.h.
 *
 * N.nodeDhGroup(name), N.nodeDhOfPrime(prime, generator), N.nodeDhOfSize(bits, generator) handle
 * N.nodeDhVerifyError(handle)          number
 * N.nodeDhGenerate(handle)
 * N.nodeDhGet(handle, part)            Uint8Array
 * N.nodeDhSet(handle, part, bytes)
 * N.nodeDhSecret(handle, bytes)        Uint8Array
 * N.nodeEcdhNew(curve)                 handle
 * N.nodeEcdhGenerate(handle)
 * N.nodeEcdhPublic(handle, point), N.nodeEcdhPrivate(handle)         Uint8Array
 * N.nodeEcdhSetPrivate(handle, bytes)
 * N.nodeEcdhSecret(handle, bytes)      Uint8Array; undefined: no point of the curve
 * N.nodeEcdhConvert(curve, bytes, point)
 */

#define NUMBER_MAX 4096 /* bytes */

static void free_dh(void *d)
{
    slv_nodejs_dh_free(d);
}

static const slv_handle_kind dh_kind = {"Diffie-Hellman", free_dh};

static JSValueRef opened(JSContextRef ctx, slv_code code, slv_nodejs_dh *d, const slv_err *err,
                         JSValueRef *exc)
{
    return code == SLV_OK ? slv_js_handle(ctx, &dh_kind, d, 4096) : node_throw(ctx, code, err, exc);
}

static JSValueRef done(JSContextRef ctx, slv_code code, const slv_err *err, JSValueRef *exc)
{
    return code == SLV_OK ? slv_js_undefined(ctx) : node_throw(ctx, code, err, exc);
}

SLV_NATIVE(native_dh_group)
{
    SLV_TEXT(name);
    slv_nodejs_dh *d = NULL;
    slv_err err = {0};

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &name, exc))
        return NULL;
    slv_code code = slv_nodejs_dh_group(name.str, &d, &err);
    return opened(ctx, code, d, &err, exc);
}

SLV_NATIVE(native_dh_of_prime)
{
    slv_nodejs_dh *d = NULL;
    slv_err err = {0};
    slv_str prime, generator;

    if (!node_bytes(ctx, SLV_ARG(0), &prime, exc) || !node_bytes(ctx, SLV_ARG(1), &generator, exc))
        return NULL;
    slv_code code = slv_nodejs_dh_of_prime(prime, generator, &d, &err);
    return opened(ctx, code, d, &err, exc);
}

SLV_NATIVE(native_dh_of_size)
{
    slv_nodejs_dh *d = NULL;
    slv_err err = {0};
    int32_t bits, generator;

    if (!slv_js_i32_arg(ctx, SLV_ARG(0), &bits, exc) ||
        !slv_js_i32_arg(ctx, SLV_ARG(1), &generator, exc))
        return NULL;
    slv_code code = slv_nodejs_dh_of_size(bits, generator, &d, &err);
    return opened(ctx, code, d, &err, exc);
}

SLV_NATIVE(native_dh_verify_error)
{
    const slv_nodejs_dh *d = slv_js_handle_arg(ctx, SLV_ARG(0), &dh_kind, exc);

    return d ? slv_js_num(ctx, slv_nodejs_dh_verify_error(d)) : NULL;
}

SLV_NATIVE(native_dh_generate)
{
    slv_nodejs_dh *d = slv_js_handle_arg(ctx, SLV_ARG(0), &dh_kind, exc);
    slv_err err = {0};

    return d ? done(ctx, slv_nodejs_dh_generate(d, &err), &err, exc) : NULL;
}

static bool part_arg(JSContextRef ctx, JSValueRef v, slv_nodejs_dh_part *ret, JSValueRef *exc)
{
    uint32_t part;

    if (!slv_js_u32_arg(ctx, v, &part, exc))
        return false;
    SLV_ASSERT(part <= SLV_NODEJS_DH_PRIVATE);
    *ret = (slv_nodejs_dh_part)part;
    return true;
}

SLV_NATIVE(native_dh_get)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(NUMBER_MAX);
    const slv_nodejs_dh *d = slv_js_handle_arg(ctx, SLV_ARG(0), &dh_kind, exc);
    slv_nodejs_dh_part part;
    slv_err err = {0};

    if (!d || !part_arg(ctx, SLV_ARG(1), &part, exc))
        return NULL;
    return node_made(ctx, slv_nodejs_dh_get(d, part, &out, &err), &out, &err, exc);
}

SLV_NATIVE(native_dh_set)
{
    slv_nodejs_dh *d = slv_js_handle_arg(ctx, SLV_ARG(0), &dh_kind, exc);
    slv_nodejs_dh_part part;
    slv_err err = {0};
    slv_str bytes;

    if (!d || !part_arg(ctx, SLV_ARG(1), &part, exc) || !node_bytes(ctx, SLV_ARG(2), &bytes, exc))
        return NULL;
    return done(ctx, slv_nodejs_dh_set(d, part, bytes, &err), &err, exc);
}

SLV_NATIVE(native_dh_secret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(NUMBER_MAX);
    slv_nodejs_dh *d = slv_js_handle_arg(ctx, SLV_ARG(0), &dh_kind, exc);
    slv_err err = {0};
    slv_str peer;

    if (!d || !node_bytes(ctx, SLV_ARG(1), &peer, exc))
        return NULL;
    return node_made(ctx, slv_nodejs_dh_secret(d, peer, &out, &err), &out, &err, exc);
}

/* ---- ECDH ---- */

static void free_ecdh(void *e)
{
    slv_nodejs_ecdh_free(e);
}

static const slv_handle_kind ecdh_kind = {"ECDH", free_ecdh};

static bool point_arg(JSContextRef ctx, JSValueRef v, slv_nodejs_point *ret, JSValueRef *exc)
{
    uint32_t point;

    if (!slv_js_u32_arg(ctx, v, &point, exc))
        return false;
    SLV_ASSERT(point == SLV_NODEJS_COMPRESSED || point == SLV_NODEJS_UNCOMPRESSED ||
               point == SLV_NODEJS_HYBRID);
    *ret = (slv_nodejs_point)point;
    return true;
}

SLV_NATIVE(native_ecdh_new)
{
    SLV_TEXT(curve);
    slv_nodejs_ecdh *e = NULL;
    slv_err err = {0};

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &curve, exc))
        return NULL;
    slv_code code = slv_nodejs_ecdh_new(curve.str, &e, &err);
    return code == SLV_OK ? slv_js_handle(ctx, &ecdh_kind, e, 2048)
                          : node_throw(ctx, code, &err, exc);
}

SLV_NATIVE(native_ecdh_generate)
{
    slv_nodejs_ecdh *e = slv_js_handle_arg(ctx, SLV_ARG(0), &ecdh_kind, exc);
    slv_err err = {0};

    return e ? done(ctx, slv_nodejs_ecdh_generate(e, &err), &err, exc) : NULL;
}

SLV_NATIVE(native_ecdh_public)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(NUMBER_MAX);
    const slv_nodejs_ecdh *e = slv_js_handle_arg(ctx, SLV_ARG(0), &ecdh_kind, exc);
    slv_nodejs_point point;
    slv_err err = {0};

    if (!e || !point_arg(ctx, SLV_ARG(1), &point, exc))
        return NULL;
    return node_made(ctx, slv_nodejs_ecdh_public(e, point, &out, &err), &out, &err, exc);
}

SLV_NATIVE(native_ecdh_private)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(NUMBER_MAX);
    const slv_nodejs_ecdh *e = slv_js_handle_arg(ctx, SLV_ARG(0), &ecdh_kind, exc);
    slv_err err = {0};

    return e ? node_made(ctx, slv_nodejs_ecdh_private(e, &out, &err), &out, &err, exc) : NULL;
}

SLV_NATIVE(native_ecdh_set_private)
{
    slv_nodejs_ecdh *e = slv_js_handle_arg(ctx, SLV_ARG(0), &ecdh_kind, exc);
    slv_err err = {0};
    slv_str bytes;

    if (!e || !node_bytes(ctx, SLV_ARG(1), &bytes, exc))
        return NULL;
    return done(ctx, slv_nodejs_ecdh_set_private(e, bytes, &err), &err, exc);
}

SLV_NATIVE(native_ecdh_secret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(NUMBER_MAX);
    const slv_nodejs_ecdh *e = slv_js_handle_arg(ctx, SLV_ARG(0), &ecdh_kind, exc);
    slv_err err = {0};
    slv_str peer;

    if (!e || !node_bytes(ctx, SLV_ARG(1), &peer, exc))
        return NULL;
    slv_code code = slv_nodejs_ecdh_secret(e, peer, &out, &err);
    return code == SLV_E_PARSE ? slv_js_undefined(ctx) : node_made(ctx, code, &out, &err, exc);
}

SLV_NATIVE(native_ecdh_convert)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(NUMBER_MAX);
    SLV_TEXT(curve);
    slv_nodejs_point point;
    slv_err err = {0};
    slv_str bytes;

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &curve, exc) ||
        !node_bytes(ctx, SLV_ARG(1), &bytes, exc) || !point_arg(ctx, SLV_ARG(2), &point, exc))
        return NULL;
    return node_made(ctx, slv_nodejs_ecdh_convert(curve.str, bytes, point, &out, &err), &out, &err,
                     exc);
}

static const slv_native natives[] = {
    {"nodeDhGroup", native_dh_group},
    {"nodeDhOfPrime", native_dh_of_prime},
    {"nodeDhOfSize", native_dh_of_size},
    {"nodeDhVerifyError", native_dh_verify_error},
    {"nodeDhGenerate", native_dh_generate},
    {"nodeDhGet", native_dh_get},
    {"nodeDhSet", native_dh_set},
    {"nodeDhSecret", native_dh_secret},
    {"nodeEcdhNew", native_ecdh_new},
    {"nodeEcdhGenerate", native_ecdh_generate},
    {"nodeEcdhPublic", native_ecdh_public},
    {"nodeEcdhPrivate", native_ecdh_private},
    {"nodeEcdhSetPrivate", native_ecdh_set_private},
    {"nodeEcdhSecret", native_ecdh_secret},
    {"nodeEcdhConvert", native_ecdh_convert},
};

void slv_web_node_dh_register(slv_js *js)
{
    slv_js_add_natives(js, natives, SLV_ARRAY_LEN(natives));
}
