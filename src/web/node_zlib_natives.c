#include "web/node_natives_int.h"
#include "web/node_zlib.h"

/*
 * What went wrong is an array [message, code, errno]; JavaScript makes the error.
 *
 * N.nodeZlib(mode, windowBits, level, memLevel, strategy, dictionary)      handle
 * N.nodeZip(mode, pledged, params)      handle or what went wrong; params: Int32Array of key,
 * value, key, value … N.nodeZipWrite(handle, flush, input, from, length, output, from, length,
 * state) undefined, or what went wrong; state (a Uint32Array) [0] room left in output, [1] input
 * left N.nodeZipAll(handle, flush, bytes, most)    Uint8Array; undefined: more than `most`; or what
 * went wrong N.nodeZipEnded(handle), N.nodeZipReset(handle), N.nodeZipParams(handle, level,
 * strategy), N.nodeZipClose(handle) N.nodeCrc32(bytes, value)
 */

#define STATE_BYTES ((size_t)256 << 10) /* what one holds, near enough for the collector */
#define OUT_MAX ((size_t)1 << 32)

static void free_zip(void *z)
{
    slv_nodejs_zip_free(z);
}

static const slv_handle_kind zip_kind = {"zlib stream", free_zip};

static JSValueRef wrong(JSContextRef ctx, const slv_nodejs_zip_error *e)
{
    return SLV_TUPLE(ctx, slv_js_string(ctx, slv_str_from(e->message)),
                     slv_js_string(ctx, slv_str_from(e->code)), slv_js_num(ctx, e->errnum));
}

static JSValueRef ok_or_wrong(JSContextRef ctx, bool ok, const slv_nodejs_zip_error *e)
{
    return ok ? slv_js_undefined(ctx) : wrong(ctx, e);
}

SLV_NATIVE(native_zlib)
{
    slv_nodejs_zlib_options o = {0};
    uint32_t mode;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &mode, exc) ||
        !slv_js_i32_arg(ctx, SLV_ARG(1), &o.window_bits, exc) ||
        !slv_js_i32_arg(ctx, SLV_ARG(2), &o.level, exc) ||
        !slv_js_i32_arg(ctx, SLV_ARG(3), &o.mem_level, exc) ||
        !slv_js_i32_arg(ctx, SLV_ARG(4), &o.strategy, exc) ||
        !node_bytes(ctx, SLV_ARG(5), &o.dictionary, exc))
        return NULL;
    SLV_ASSERT(mode >= SLV_NODEJS_DEFLATE && mode <= SLV_NODEJS_UNZIP);
    return slv_js_handle(ctx, &zip_kind, slv_nodejs_zip_zlib((slv_nodejs_zip_mode)mode, &o),
                         STATE_BYTES);
}

SLV_NATIVE(native_zip)
{
    slv_nodejs_zip_error e;
    slv_js_bytes params = {0};
    double pledged;
    uint32_t mode;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &mode, exc) ||
        !node_number(ctx, SLV_ARG(1), -1, &pledged, exc) ||
        !slv_js_bytes_arg(ctx, SLV_ARG(2), &params, exc))
        return NULL;
    SLV_ASSERT(mode >= SLV_NODEJS_BROTLI_DECODE && mode <= SLV_NODEJS_ZSTD_DECODE &&
               params.len % 8 == 0);
    SLV_CLEANUP(slv_nodejs_zip_free)
    slv_nodejs_zip *z = slv_nodejs_zip_new((slv_nodejs_zip_mode)mode,
                                           pledged < 0 ? UINT64_MAX : (uint64_t)pledged, &e);
    if (!z)
        return wrong(ctx, &e);
    for (size_t at = 0; at < params.len; at += 8) {
        int32_t pair[2];

        memcpy(pair, params.ptr + at, sizeof pair);
        if (!slv_nodejs_zip_set(z, pair[0], pair[1], &e))
            return wrong(ctx, &e);
    }
    return slv_js_handle(ctx, &zip_kind, SLV_STEAL(z), STATE_BYTES);
}

/* A window of a view, which JavaScript has kept inside. */
static bool window(JSContextRef ctx, const JSValueRef args[3], uint8_t **ret, size_t *ret_len,
                   JSValueRef *exc)
{
    slv_js_bytes bytes;
    uint32_t from, len;

    if (!slv_js_bytes_arg(ctx, args[0], &bytes, exc) || !slv_js_u32_arg(ctx, args[1], &from, exc) ||
        !slv_js_u32_arg(ctx, args[2], &len, exc))
        return false;
    if (from > bytes.len || len > bytes.len - from) {
        slv_js_throw_range(ctx, exc, "Access is not within bounds");
        return false;
    }
    *ret = bytes.ptr + from;
    *ret_len = len;
    return true;
}

SLV_NATIVE(native_zip_write)
{
    slv_nodejs_zip *z = slv_js_handle_arg(ctx, SLV_ARG(0), &zip_kind, exc);
    slv_nodejs_zip_io io = {0};
    slv_nodejs_zip_error e;
    slv_js_bytes state;
    uint8_t *in = NULL;
    int32_t flush;

    SLV_ASSERT(argc == 9);
    if (!z || !slv_js_i32_arg(ctx, argv[1], &flush, exc) ||
        !window(ctx, argv + 2, &in, &io.in_len, exc) ||
        !window(ctx, argv + 5, &io.out, &io.out_len, exc) ||
        !slv_js_bytes_arg(ctx, argv[8], &state, exc))
        return NULL;
    if (state.len < 2 * sizeof(uint32_t))
        return slv_js_throw_error(ctx, exc, "Invalid write result buffer");
    io.in = in;
    bool ok = slv_nodejs_zip_write(z, flush, &io, &e);
    uint32_t left[2] = {(uint32_t)io.out_len, (uint32_t)io.in_len};
    memcpy(state.ptr, left, sizeof left);
    return ok_or_wrong(ctx, ok, &e);
}

SLV_NATIVE(native_zip_all)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(OUT_MAX);
    slv_nodejs_zip *z = slv_js_handle_arg(ctx, SLV_ARG(0), &zip_kind, exc);
    slv_nodejs_zip_error e;
    int32_t flush;
    double most;
    slv_str in;

    if (!z || !slv_js_i32_arg(ctx, SLV_ARG(1), &flush, exc) ||
        !node_bytes(ctx, SLV_ARG(2), &in, exc) || !node_number(ctx, SLV_ARG(3), 0, &most, exc))
        return NULL;
    slv_code code =
        slv_nodejs_zip_all(z, flush, in, most < (double)OUT_MAX ? (size_t)most : OUT_MAX, &out, &e);
    if (code == SLV_E_PARSE)
        return wrong(ctx, &e);
    if (code == SLV_E_NOMEM)
        return slv_js_throw_range(ctx, exc, "Out of memory");
    return code == SLV_OK ? slv_js_bytes_take_buf(ctx, &out, exc) : slv_js_undefined(ctx);
}

SLV_NATIVE(native_zip_ended)
{
    const slv_nodejs_zip *z = slv_js_handle_arg(ctx, SLV_ARG(0), &zip_kind, exc);

    return z ? slv_js_bool(ctx, slv_nodejs_zip_ended(z)) : NULL;
}

SLV_NATIVE(native_zip_reset)
{
    slv_nodejs_zip *z = slv_js_handle_arg(ctx, SLV_ARG(0), &zip_kind, exc);
    slv_nodejs_zip_error e;

    return z ? ok_or_wrong(ctx, slv_nodejs_zip_reset(z, &e), &e) : NULL;
}

SLV_NATIVE(native_zip_params)
{
    slv_nodejs_zip *z = slv_js_handle_arg(ctx, SLV_ARG(0), &zip_kind, exc);
    slv_nodejs_zip_error e;
    int32_t level, strategy;

    if (!z || !slv_js_i32_arg(ctx, SLV_ARG(1), &level, exc) ||
        !slv_js_i32_arg(ctx, SLV_ARG(2), &strategy, exc))
        return NULL;
    return ok_or_wrong(ctx, slv_nodejs_zip_params(z, level, strategy, &e), &e);
}

SLV_NATIVE(native_zip_close)
{
    slv_js_handle_close(ctx, SLV_ARG(0), &zip_kind);
    return slv_js_undefined(ctx);
}

SLV_NATIVE(native_crc32)
{
    uint32_t value;
    slv_str bytes;

    if (!node_bytes(ctx, SLV_ARG(0), &bytes, exc) || !slv_js_u32_arg(ctx, SLV_ARG(1), &value, exc))
        return NULL;
    return slv_js_num(ctx, slv_nodejs_crc32(bytes, value));
}

static const slv_native natives[] = {
    {"nodeZlib", native_zlib},
    {"nodeZip", native_zip},
    {"nodeZipWrite", native_zip_write},
    {"nodeZipAll", native_zip_all},
    {"nodeZipEnded", native_zip_ended},
    {"nodeZipReset", native_zip_reset},
    {"nodeZipParams", native_zip_params},
    {"nodeZipClose", native_zip_close},
    {"nodeCrc32", native_crc32},
};

void slv_web_node_zlib_register(slv_js *js)
{
    slv_js_add_natives(js, natives, SLV_ARRAY_LEN(natives));
}
