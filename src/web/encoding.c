#include "web/encoding.h"

#include "base/utf8.h"
#include "fmt/charset.h"

/*
 * N.utf8Encode(string)               Uint8Array
 * N.utf8EncodeInto(string, view)     [units read, bytes written]; never part of a character
 * N.utf8Decode(bytes, flags)         string; 1: undefined when malformed, 2: without a byte order
 * mark in front N.latin1Decode(bytes)              each byte as one character N.charsetFind(label)
 * number, or undefined N.charsetName(number) N.decoderNew(number, flags)        handle; 1: fatal,
 * 2: without a byte order mark in front N.decoderRun(handle, bytes, flush) string, or undefined
 * when malformed and fatal
 */

#define TEXT_MAX ((size_t)1 << 31)

enum { FATAL = 1, DROP_BOM = 2 };

static JSValueRef too_long(JSContextRef ctx, JSValueRef *exc)
{
    return slv_js_throw_range(ctx, exc, "Out of memory");
}

SLV_NATIVE(native_utf8_encode)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    SLV_UNITS(units);

    if (!slv_js_units_arg(ctx, SLV_ARG(0), &units, exc))
        return NULL;
    if (slv_utf16_to_utf8(units.ptr, units.len, &out) != SLV_OK)
        return too_long(ctx, exc);
    return slv_js_bytes_take_buf(ctx, &out, exc);
}

/* One character at units[*i] as UTF-8; *i moves behind it. */
static size_t put_char(const uint16_t *units, size_t n, size_t *i, char out[4])
{
    uint32_t cp = units[(*i)++];

    if (cp >= 0xD800 && cp <= 0xDFFF) {
        bool pair = cp < 0xDC00 && *i < n && units[*i] >= 0xDC00 && units[*i] <= 0xDFFF;

        cp = pair ? 0x10000 + ((cp - 0xD800) << 10) + (units[*i] - 0xDC00u) : 0xFFFD;
        *i += pair;
    }
    return slv_utf8_put(cp, out);
}

SLV_NATIVE(native_utf8_encode_into)
{
    SLV_UNITS(units);
    slv_js_bytes to;
    size_t read = 0, written = 0;

    if (!slv_js_units_arg(ctx, SLV_ARG(0), &units, exc) ||
        !slv_js_bytes_arg(ctx, SLV_ARG(1), &to, exc))
        return NULL;
    while (read < units.len && written < to.len) {
        size_t next = read;
        char bytes[4];

        if (units.ptr[read] < 0x80) {
            to.ptr[written++] = (uint8_t)units.ptr[read++];
            continue;
        }
        size_t n = put_char(units.ptr, units.len, &next, bytes);
        if (n > to.len - written)
            break;
        memcpy(to.ptr + written, bytes, n);
        written += n;
        read = next;
    }
    return SLV_TUPLE(ctx, slv_js_num(ctx, (double)read), slv_js_num(ctx, (double)written));
}

SLV_NATIVE(native_utf8_decode)
{
    uint32_t flags = 0;
    slv_js_bytes bytes;

    if (!slv_js_bytes_arg(ctx, SLV_ARG(0), &bytes, exc) ||
        (argc > 1 && !slv_js_u32_arg(ctx, argv[1], &flags, exc)))
        return NULL;
    slv_str s = slv_js_bytes_str(bytes);
    if (flags & FATAL && !slv_utf8_valid(s))
        return slv_js_undefined(ctx);
    if (flags & DROP_BOM && slv_str_starts(s, SLV_STR("\xef\xbb\xbf")))
        s = slv_str_skip(s, 3);
    return slv_js_string(ctx, s);
}

SLV_NATIVE(native_latin1_decode)
{
    slv_js_bytes bytes;

    if (!slv_js_bytes_arg(ctx, SLV_ARG(0), &bytes, exc))
        return NULL;
    return slv_js_string_latin1(ctx, slv_js_bytes_str(bytes));
}

SLV_NATIVE(native_charset_find)
{
    SLV_TEXT(label);
    slv_charset charset;

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &label, exc))
        return NULL;
    return slv_charset_find(label.str, &charset) ? slv_js_num(ctx, charset) : slv_js_undefined(ctx);
}

static bool charset_arg(JSContextRef ctx, JSValueRef v, slv_charset *ret, JSValueRef *exc)
{
    uint32_t number;

    if (!slv_js_u32_arg(ctx, v, &number, exc))
        return false;
    SLV_ASSERT(number <= SLV_CHARSET_X_MAC_CYRILLIC);
    *ret = (slv_charset)number;
    return true;
}

SLV_NATIVE(native_charset_name)
{
    slv_charset charset;

    if (!charset_arg(ctx, SLV_ARG(0), &charset, exc))
        return NULL;
    return slv_js_string(ctx, slv_str_from(slv_charset_name(charset)));
}

static void free_decoder(void *d)
{
    slv_charset_decoder_free(d);
}

static const slv_handle_kind decoder_kind = {"decoder", free_decoder};

SLV_NATIVE(native_decoder_new)
{
    slv_charset charset;
    uint32_t flags;

    if (!charset_arg(ctx, SLV_ARG(0), &charset, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(1), &flags, exc))
        return NULL;
    slv_charset_decoder_options options = {.fatal = flags & FATAL,
                                           .ignore_bom = !(flags & DROP_BOM)};
    return slv_js_handle(ctx, &decoder_kind, slv_charset_decoder_new(charset, options), 512);
}

SLV_NATIVE(native_decoder_run)
{
    SLV_CLEANUP(slv_buf_done) slv_buf units = SLV_BUF(TEXT_MAX);
    slv_charset_decoder *d = slv_js_handle_arg(ctx, SLV_ARG(0), &decoder_kind, exc);
    slv_js_bytes bytes = {NULL, 0};

    if (!d ||
        (!JSValueIsUndefined(ctx, SLV_ARG(1)) && !slv_js_bytes_arg(ctx, SLV_ARG(1), &bytes, exc)))
        return NULL;
    slv_code code = slv_charset_decoder_run(d, slv_js_bytes_str(bytes),
                                            JSValueToBoolean(ctx, SLV_ARG(2)), &units);
    if (code == SLV_E_PARSE)
        return slv_js_undefined(ctx);
    if (code != SLV_OK)
        return too_long(ctx, exc);
    return slv_js_string_units(ctx, (const uint16_t *)(const void *)units.ptr, units.len / 2);
}

static const slv_native natives[] = {
    {"utf8Encode", native_utf8_encode},   {"utf8EncodeInto", native_utf8_encode_into},
    {"utf8Decode", native_utf8_decode},   {"latin1Decode", native_latin1_decode},
    {"charsetFind", native_charset_find}, {"charsetName", native_charset_name},
    {"decoderNew", native_decoder_new},   {"decoderRun", native_decoder_run},
};

void slv_web_encoding_register(slv_js *js)
{
    slv_js_add_natives(js, natives, SLV_ARRAY_LEN(natives));
}
