#include "web/url.h"

#include "fmt/url.h"

/*
 * N.urlOffsets()               Uint8Array over the ten 32-bit numbers that the calls below fill:
 * the offsets of slv_url_offsets in their order, the scheme, and flags (1: has a host, 2: opaque
 * path). An href is ASCII, so offsets of bytes are positions in the string. N.urlParse(input, base)
 * href, or undefined when it is no URL; base may be undefined N.urlSet(href, part, value)  the new
 * href, or undefined when part 0 (href) is no URL; parts as slv_url_part N.urlOrigin(href)
 * serialised origin N.urlEncode(text, set)       percent-encoded by a set of slv_url_set_id
 * N.urlHost(text, special)     a host in its normal form, or undefined
 * N.formEncode(text)           one name or value of application/x-www-form-urlencoded
 * N.formDecode(text)
 */

/* Memory of a longer URL is not kept for the next one. */
#define KEPT_MAX ((size_t)64 << 10)

/* There is one engine in the process and one thread in it: results are handed over in place, and
 * memory is used again. */
static struct {
    uint32_t numbers[10];
    slv_url url, base;
} shared;

static void keep_offsets(const slv_url *url)
{
    memcpy(shared.numbers, &url->at, sizeof url->at);
    shared.numbers[8] = url->scheme;
    shared.numbers[9] = (url->has_host ? 1u : 0u) | (url->opaque_path ? 2u : 0u);
}
_Static_assert(sizeof(slv_url_offsets) == 8 * sizeof(uint32_t),
               "the layout that jslib/url.js reads");

static void keep_memory(SLV_UNUSED void *ptr, SLV_UNUSED void *arg)
{
}

SLV_NATIVE(native_url_offsets)
{
    return slv_js_bytes_take_with(ctx, shared.numbers, sizeof shared.numbers, keep_memory, NULL,
                                  exc);
}

/* The href of shared.url; the argument itself when it already is the same, which spares making a
 * string. */
static JSValueRef href_value(JSContextRef ctx, JSValueRef given, slv_str text)
{
    slv_str href = slv_buf_view(&shared.url.href);

    keep_offsets(&shared.url);
    JSValueRef value = JSValueIsString(ctx, given) && slv_str_eq(href, text)
                           ? given
                           : slv_js_string_latin1(ctx, href);
    if (shared.url.href.cap > KEPT_MAX)
        slv_buf_done(&shared.url.href);
    return value;
}

static JSValueRef url_failure(JSContextRef ctx, slv_code code, JSValueRef *exc)
{
    if (code == SLV_E_LIMIT || code == SLV_E_NOMEM)
        return slv_js_throw_range(ctx, exc, "URL is too long");
    return slv_js_undefined(ctx);
}

SLV_NATIVE(native_url_parse)
{
    SLV_TEXT(input);
    SLV_TEXT(base);
    bool has_base = argc > 1 && !JSValueIsUndefined(ctx, argv[1]);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &input, exc))
        return NULL;
    if (has_base) {
        if (!slv_js_text_arg(ctx, argv[1], &base, exc))
            return NULL;
        slv_code code = slv_url_parse(base.str, NULL, &shared.base);
        if (code != SLV_OK)
            return url_failure(ctx, code, exc);
    }
    slv_code code = slv_url_parse(input.str, has_base ? &shared.base : NULL, &shared.url);
    if (code != SLV_OK)
        return url_failure(ctx, code, exc);
    return href_value(ctx, SLV_ARG(0), input.str);
}

SLV_NATIVE(native_url_set)
{
    SLV_TEXT(href);
    SLV_TEXT(value);
    uint32_t part;

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &href, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(1), &part, exc) ||
        !slv_js_text_arg(ctx, SLV_ARG(2), &value, exc))
        return NULL;
    SLV_ASSERT(part <= SLV_URL_HASH);
    slv_code code = slv_url_parse(href.str, NULL, &shared.url);
    if (code == SLV_OK)
        code = slv_url_set(&shared.url, (slv_url_part)part, value.str);
    if (code != SLV_OK)
        return url_failure(ctx, code, exc);
    return href_value(ctx, SLV_ARG(0), href.str);
}

SLV_NATIVE(native_url_origin)
{
    SLV_CLEANUP(slv_buf_done) slv_buf origin = SLV_BUF(SLV_URL_MAX);
    SLV_TEXT(href);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &href, exc))
        return NULL;
    slv_code code = slv_url_parse(href.str, NULL, &shared.url);
    if (code == SLV_OK)
        code = slv_url_origin(&shared.url, &origin);
    if (code != SLV_OK)
        return url_failure(ctx, code, exc);
    return slv_js_string_latin1(ctx, slv_buf_view(&origin));
}

SLV_NATIVE(native_url_encode)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_URL_MAX * 3);
    SLV_TEXT(text);
    uint32_t set;

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &text, exc) ||
        !slv_js_u32_arg(ctx, SLV_ARG(1), &set, exc))
        return NULL;
    SLV_ASSERT(set <= SLV_URL_SET_FORM);
    if (slv_url_percent_encode(text.str, (slv_url_set_id)set, &out) != SLV_OK)
        return slv_js_throw_range(ctx, exc, "URL is too long");
    return slv_js_string_latin1(ctx, slv_buf_view(&out));
}

SLV_NATIVE(native_url_host)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_URL_MAX);
    SLV_TEXT(text);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &text, exc))
        return NULL;
    slv_code code = slv_url_parse_host(text.str, JSValueToBoolean(ctx, SLV_ARG(1)), &out);
    if (code != SLV_OK)
        return url_failure(ctx, code, exc);
    return slv_js_string_latin1(ctx, slv_buf_view(&out));
}

/* A form may be as large as a body. */
#define FORM_MAX ((size_t)512 << 20)

SLV_NATIVE(native_form_encode)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(FORM_MAX);
    SLV_TEXT(text);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &text, exc))
        return NULL;
    if (slv_form_encode(text.str, &out) != SLV_OK)
        return slv_js_throw_range(ctx, exc, "form is too long");
    return slv_js_string_latin1(ctx, slv_buf_view(&out));
}

SLV_NATIVE(native_form_decode)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(FORM_MAX);
    SLV_TEXT(text);

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &text, exc))
        return NULL;
    if (slv_form_decode(text.str, &out) != SLV_OK)
        return slv_js_throw_range(ctx, exc, "form is too long");
    return slv_js_string(ctx, slv_buf_view(&out));
}

static const slv_native natives[] = {
    {"urlOffsets", native_url_offsets}, {"urlParse", native_url_parse},
    {"urlSet", native_url_set},         {"urlOrigin", native_url_origin},
    {"urlEncode", native_url_encode},   {"urlHost", native_url_host},
    {"formEncode", native_form_encode}, {"formDecode", native_form_decode},
};

void slv_web_url_register(slv_js *js)
{
    shared.url = shared.base = SLV_URL_INIT;
    slv_js_add_natives(js, natives, SLV_ARRAY_LEN(natives));
}
