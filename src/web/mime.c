#include "web/mime.h"

#include "fmt/base64.h"
#include "fmt/mime.h"

/*
 * N.mimeParse(text)            the MIME type in its normal form, or undefined when it is none
 * N.mimeExtract(text)          what the Content-Type field value(s) joined by ", " mean:
 *                              [normal form, essence, charset or undefined, boundary or undefined],
 * or undefined N.mimeParam(text, name)      a parameter of one MIME type (name in lower case), or
 * undefined N.dataUrl(href)              [MIME type, Uint8Array], or undefined when the data: URL
 * is malformed N.base64Encode(bytes, mode)  string; mode 0 standard, 1 base64url without padding, 2
 * base64url with padding N.base64Decode(text, mode)   Uint8Array, strictly of that mode; or
 * undefined N.atob(text)                 binary string, forgiving as the web is; or undefined
 * N.btoa(text)                 string; or undefined when a character is above U+00FF
 */

#define TEXT_MAX ((size_t)1 << 30)

/* Throws when the code is about memory; otherwise the text was not what it should be: undefined. */
static JSValueRef refuse(JSContextRef ctx, slv_code code, JSValueRef *exc)
{
    if (code == SLV_E_NOMEM || code == SLV_E_LIMIT)
        return slv_js_throw_range(ctx, exc, "value is too long");
    return slv_js_undefined(ctx);
}

SLV_NATIVE(native_mime_parse)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 * SLV_MIME_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(8 * SLV_MIME_MAX);
    SLV_UNINITIALIZED slv_mime mime;
    SLV_TEXT(text);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &text, exc))
        return NULL;
    slv_code code = slv_mime_parse(text.str, &arena, &mime);
    if (code == SLV_OK)
        code = slv_mime_write(&mime, &out);
    if (code != SLV_OK)
        return refuse(ctx, code, exc);
    return slv_js_string(ctx, slv_buf_view(&out));
}

static JSValueRef param_value(JSContextRef ctx, const slv_mime *mime, slv_str name)
{
    slv_str value = slv_mime_get(mime, name);

    return value.ptr ? slv_js_string(ctx, value) : slv_js_undefined(ctx);
}

SLV_NATIVE(native_mime_extract)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 * SLV_MIME_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(8 * SLV_MIME_MAX);
    SLV_UNINITIALIZED slv_mime mime;
    SLV_TEXT(text);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &text, exc))
        return NULL;
    slv_code code = slv_mime_extract(text.str, &arena, &mime);
    if (code == SLV_OK)
        code = slv_mime_write(&mime, &out);
    if (code != SLV_OK)
        return refuse(ctx, code, exc);
    slv_str essence = slv_str_sub(slv_buf_view(&out), 0, mime.type.len + 1 + mime.subtype.len);
    return SLV_TUPLE(ctx, slv_js_string(ctx, slv_buf_view(&out)), slv_js_string(ctx, essence),
                     param_value(ctx, &mime, SLV_STR("charset")),
                     param_value(ctx, &mime, SLV_STR("boundary")));
}

SLV_NATIVE(native_mime_param)
{
    SLV_CLEANUP(slv_arena_done) slv_arena arena = SLV_ARENA(8 * SLV_MIME_MAX);
    SLV_UNINITIALIZED slv_mime mime;
    SLV_TEXT(text);
    SLV_TEXT(name);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &text, exc) ||
        !slv_js_text_arg(ctx, SLV_ARG(1), &name, exc))
        return NULL;
    slv_code code = slv_mime_parse(text.str, &arena, &mime);
    return code == SLV_OK ? param_value(ctx, &mime, name.str) : refuse(ctx, code, exc);
}

SLV_NATIVE(native_data_url)
{
    SLV_CLEANUP(slv_buf_done) slv_buf type = SLV_BUF(8 * SLV_MIME_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf body = SLV_BUF(TEXT_MAX);
    SLV_TEXT(href);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &href, exc))
        return NULL;
    slv_code code = slv_data_url_parse(href.str, &type, &body);
    if (code != SLV_OK)
        return refuse(ctx, code, exc);
    JSValueRef bytes = slv_js_bytes_take_buf(ctx, &body, exc);
    if (!bytes)
        return NULL;
    return SLV_TUPLE(ctx, slv_js_string(ctx, slv_buf_view(&type)), bytes);
}

SLV_NATIVE(native_base64_encode)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    slv_js_bytes bytes;
    uint32_t mode;

    if (!slv_js_bytes_arg(ctx, SLV_ARG(0), &bytes, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(1), &mode, exc))
        return NULL;
    SLV_ASSERT(mode <= SLV_BASE64_URL_PADDED);
    slv_code code = slv_base64_encode(slv_js_bytes_str(bytes), (slv_base64_mode)mode, &out);
    return code == SLV_OK ? slv_js_string_latin1(ctx, slv_buf_view(&out)) : refuse(ctx, code, exc);
}

#define EITHER_ALPHABET (SLV_BASE64_URL_PADDED + 1)

static JSValueRef decode_either(JSContextRef ctx, slv_str text, JSValueRef *exc)
{
    SLV_CLEANUP(slv_buf_done) slv_buf standard = SLV_BUF(TEXT_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    slv_code code = slv_buf_append(&standard, text);

    for (size_t i = 0; i < standard.len; i++) {
        if (standard.ptr[i] == '-')
            standard.ptr[i] = '+';
        else if (standard.ptr[i] == '_')
            standard.ptr[i] = '/';
    }
    if (code == SLV_OK)
        code = slv_base64_decode_forgiving(slv_buf_view(&standard), &out);
    return code == SLV_OK ? slv_js_bytes_take_buf(ctx, &out, exc) : refuse(ctx, code, exc);
}

SLV_NATIVE(native_base64_decode)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    SLV_TEXT(text);
    uint32_t mode;

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &text, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(1), &mode, exc))
        return NULL;
    if (mode == EITHER_ALPHABET)
        return decode_either(ctx, text.str, exc);
    SLV_ASSERT(mode <= SLV_BASE64_URL_PADDED);
    slv_code code = slv_base64_decode(text.str, (slv_base64_mode)mode, &out);
    return code == SLV_OK ? slv_js_bytes_take_buf(ctx, &out, exc) : refuse(ctx, code, exc);
}

SLV_NATIVE(native_atob)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    SLV_TEXT(text);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &text, exc))
        return NULL;
    slv_code code = slv_base64_decode_forgiving(text.str, &out);
    return code == SLV_OK ? slv_js_string_latin1(ctx, slv_buf_view(&out)) : refuse(ctx, code, exc);
}

SLV_NATIVE(native_btoa)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(TEXT_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);

    if (!slv_js_latin1_arg(ctx, SLV_ARG(0), &bytes, exc))
        return *exc ? NULL : slv_js_undefined(ctx);
    slv_code code = slv_base64_encode(slv_buf_view(&bytes), SLV_BASE64_STD, &out);
    return code == SLV_OK ? slv_js_string_latin1(ctx, slv_buf_view(&out)) : refuse(ctx, code, exc);
}

static const slv_native natives[] = {
    {"mimeParse", native_mime_parse},
    {"mimeExtract", native_mime_extract},
    {"mimeParam", native_mime_param},
    {"dataUrl", native_data_url},
    {"base64Encode", native_base64_encode},
    {"base64Decode", native_base64_decode},
    {"atob", native_atob},
    {"btoa", native_btoa},
};

void slv_web_mime_register(slv_js *js)
{
    slv_js_add_natives(js, natives, SLV_ARRAY_LEN(natives));
}
