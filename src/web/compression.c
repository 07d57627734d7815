#include "web/compression.h"

#include "web/zip.h"

/*
 * N.zipNew(format, compress)        handle; formats as slv_zip_format
 * N.zipRun(handle, bytes, finish)   [Uint8Array, bytes consumed, more, ended] as slv_zip_result, or
 * undefined when the data is malformed N.zipClose(handle)                gives the memory back now
 */

/* What a stream in either direction holds, near enough for the collector. */
#define STATE_BYTES ((size_t)256 << 10)

static void free_zip(void *zip)
{
    slv_zip_free(zip);
}

static const slv_handle_kind zip_kind = {"compression stream", free_zip};

SLV_NATIVE(native_zip_new)
{
    uint32_t format;

    if (!slv_js_u32_arg(ctx, SLV_ARG(0), &format, exc))
        return NULL;
    SLV_ASSERT(format <= SLV_ZIP_BROTLI);
    slv_zip *zip = slv_zip_new((slv_zip_format)format, JSValueToBoolean(ctx, SLV_ARG(1)));
    return slv_js_handle(ctx, &zip_kind, zip, STATE_BYTES);
}

SLV_NATIVE(native_zip_run)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_ZIP_OUT_MAX * 2);
    slv_zip *zip = slv_js_handle_arg(ctx, SLV_ARG(0), &zip_kind, exc);
    slv_zip_result result;
    slv_js_bytes bytes;

    if (!zip || !slv_js_bytes_arg(ctx, SLV_ARG(1), &bytes, exc))
        return NULL;
    slv_code code =
        slv_zip_run(zip, slv_js_bytes_str(bytes), JSValueToBoolean(ctx, SLV_ARG(2)), &out, &result);
    if (code == SLV_E_PARSE)
        return slv_js_undefined(ctx);
    if (code != SLV_OK)
        return slv_js_throw_range(ctx, exc, "Out of memory");
    JSValueRef chunk = slv_js_bytes_copy(ctx, slv_buf_view(&out), exc);
    if (!chunk)
        return NULL;
    return SLV_TUPLE(ctx, chunk, slv_js_num(ctx, (double)result.consumed),
                     slv_js_bool(ctx, result.more), slv_js_bool(ctx, result.ended));
}

SLV_NATIVE(native_zip_close)
{
    slv_js_handle_close(ctx, SLV_ARG(0), &zip_kind);
    return slv_js_undefined(ctx);
}

static const slv_native natives[] = {
    {"zipNew", native_zip_new},
    {"zipRun", native_zip_run},
    {"zipClose", native_zip_close},
};

void slv_web_compression_register(slv_js *js)
{
    slv_js_add_natives(js, natives, SLV_ARRAY_LEN(natives));
}
