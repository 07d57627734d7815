/*
 * html_natives.c - HTMLRewriter's engine for jslib/htmlrewriter.js.
 *
 * Text crosses as strings when the document is UTF-8, else as bytes in the document's encoding:
 * JavaScript decodes and encodes them.
 */
#include "web/html_natives.h"

#include "base/mem.h"
#include "web/html_rewriter.h"

#define HTML_MEMORY_MAX ((size_t)3 << 20)
#define HTML_TEXT_MAX ((size_t)512 << 20)

typedef struct html {
    slv_html_rewriter *rw;
    bool utf8;
} html;

static void html_free(void *ptr)
{
    html *h = ptr;

    slv_html_rewriter_free(h->rw);
    free(h);
}

static const slv_handle_kind html_kind = {"HTMLRewriter", html_free};

static html *arg_html(JSContextRef ctx, JSValueRef v, JSValueRef *exc)
{
    return slv_js_handle_arg(ctx, v, &html_kind, exc);
}

static JSValueRef throw_parser(JSContextRef ctx, JSValueRef *exc, slv_code code, const slv_err *err)
{
    return slv_js_throw_type(ctx, exc, "Parser error: %s",
                             err->message[0] ? err->message : slv_code_text(code));
}

/* Text of the document's encoding, from a string or bytes. */
static bool text_arg(JSContextRef ctx, JSValueRef v, slv_buf *out, JSValueRef *exc)
{
    slv_js_bytes bytes;

    if (!JSValueIsObject(ctx, v))
        return slv_js_append_arg(ctx, v, out, exc);
    if (!slv_js_bytes_arg(ctx, v, &bytes, exc))
        return false;
    return slv_buf_append(out, slv_js_bytes_str(bytes)) == SLV_OK;
}

static JSValueRef text_value(JSContextRef ctx, const html *h, slv_str text, JSValueRef *exc)
{
    return h->utf8 ? slv_js_string(ctx, text) : slv_js_bytes_copy(ctx, text, exc);
}

/* htmlNew(utf8) -> handle */
SLV_NATIVE(html_new)
{
    html *h = slv_new0(html);

    h->rw = slv_html_rewriter_new(HTML_MEMORY_MAX);
    h->utf8 = JSValueToBoolean(ctx, SLV_ARG(0));
    slv_html_rewriter_set_utf8(h->rw, h->utf8);
    return slv_js_handle(ctx, &html_kind, h, 4096);
}

/* htmlClose(handle) */
SLV_NATIVE(html_close)
{
    slv_js_handle_close(ctx, SLV_ARG(0), &html_kind);
    return slv_js_undefined(ctx);
}

/* htmlOn(handle, selector or null for the document, want) -> number of the registration */
SLV_NATIVE(html_on)
{
    html *h = arg_html(ctx, SLV_ARG(0), exc);
    SLV_TEXT(selector);
    slv_err err = {0};
    uint32_t want, number;
    slv_code code;

    if (!h || !slv_js_u32_arg(ctx, SLV_ARG(2), &want, exc))
        return NULL;
    if (JSValueIsNull(ctx, SLV_ARG(1))) {
        code = slv_html_rewriter_on_document(h->rw, want, &number, &err);
    } else {
        if (!slv_js_text_arg(ctx, SLV_ARG(1), &selector, exc))
            return NULL;
        code = slv_html_rewriter_on(h->rw, selector.str, want, &number, &err);
    }
    return code == SLV_OK ? slv_js_num(ctx, number) : throw_parser(ctx, exc, code, &err);
}

/* htmlCheck(selector): throws what is wrong with it */
SLV_NATIVE(html_check)
{
    SLV_CLEANUP(slv_html_selectors_free) slv_html_selectors *s = slv_html_selectors_new();
    SLV_TEXT(selector);
    slv_err err = {0};

    if (!slv_js_text_arg(ctx, SLV_ARG(0), &selector, exc))
        return NULL;
    slv_code code = slv_html_selectors_add(s, selector.str, 0, &err);
    return code == SLV_OK ? slv_js_undefined(ctx) : throw_parser(ctx, exc, code, &err);
}

/* htmlFeed(handle, bytes); htmlFeed(handle): the end */
SLV_NATIVE(html_feed)
{
    html *h = arg_html(ctx, SLV_ARG(0), exc);
    slv_js_bytes bytes;
    slv_err err = {0};

    if (!h)
        return NULL;
    if (argc < 2) {
        slv_html_rewriter_end(h->rw);
        return slv_js_undefined(ctx);
    }
    if (!slv_js_bytes_arg(ctx, argv[1], &bytes, exc))
        return NULL;
    slv_code code = slv_html_rewriter_feed(h->rw, slv_js_bytes_str(bytes), &err);
    return code == SLV_OK ? slv_js_undefined(ctx) : throw_parser(ctx, exc, code, &err);
}

static JSValueRef optional(JSContextRef ctx, const html *h, slv_str s, JSValueRef *exc)
{
    return s.ptr ? text_value(ctx, h, s, exc) : slv_js_null(ctx);
}

/* htmlNext(handle) -> kind, or [kind, a, b, c, handler, …]: name and namespace of elements, name of
   end tags, text and whether it is the last of chunks, text of comments, name and identifiers of
   doctypes */
SLV_NATIVE(html_next)
{
    html *h = arg_html(ctx, SLV_ARG(0), exc);
    JSValueRef values[4 + SLV_HTML_HANDLERS_MAX];
    slv_html_stop stop;
    slv_err err = {0};
    size_t count;

    if (!h)
        return NULL;
    slv_code code = slv_html_rewriter_next(h->rw, &stop, &err);
    if (code != SLV_OK)
        return throw_parser(ctx, exc, code, &err);
    if (stop == SLV_HTML_STOP_NONE || stop == SLV_HTML_STOP_DONE)
        return slv_js_num(ctx, stop);

    values[0] = slv_js_num(ctx, stop);
    values[1] = values[2] = values[3] = slv_js_null(ctx);
    if (stop == SLV_HTML_STOP_ELEMENT || stop == SLV_HTML_STOP_END_TAG) {
        values[1] = text_value(ctx, h, slv_html_rewriter_name(h->rw), exc);
        values[2] = slv_js_num(ctx, slv_html_rewriter_namespace(h->rw));
    } else if (stop == SLV_HTML_STOP_TEXT || stop == SLV_HTML_STOP_COMMENT) {
        values[1] = text_value(ctx, h, slv_html_rewriter_text(h->rw), exc);
        values[2] = slv_js_bool(ctx, slv_html_rewriter_last_in_text_node(h->rw));
    } else if (stop == SLV_HTML_STOP_DOCTYPE) {
        const slv_html_token *t = slv_html_rewriter_token(h->rw);
        values[1] = optional(ctx, h, slv_html_rewriter_name(h->rw), exc);
        values[2] = optional(ctx, h, t->public_id, exc);
        values[3] = optional(ctx, h, t->system_id, exc);
    }
    if (!values[1] || !values[2] || !values[3])
        return NULL;
    const uint32_t *calls = slv_html_rewriter_calls(h->rw, &count);
    for (size_t i = 0; i < count && i < SLV_HTML_HANDLERS_MAX; i++)
        values[4 + i] = slv_js_num(ctx, calls[i]);
    return slv_js_array(ctx, 4 + count, values);
}

/* htmlOutput(handle) -> what was written since the last call, or undefined */
SLV_NATIVE(html_output)
{
    html *h = arg_html(ctx, SLV_ARG(0), exc);

    if (!h)
        return NULL;
    slv_buf *out = slv_html_rewriter_output(h->rw);
    return out->len ? slv_js_bytes_take_buf(ctx, out, exc) : slv_js_undefined(ctx);
}

/* htmlEdit(handle, edit, content, html) */
SLV_NATIVE(html_edit)
{
    html *h = arg_html(ctx, SLV_ARG(0), exc);
    SLV_CLEANUP(slv_buf_done) slv_buf content = SLV_BUF(HTML_TEXT_MAX);
    uint32_t edit;

    if (!h || !slv_js_u32_arg(ctx, SLV_ARG(1), &edit, exc) ||
        !text_arg(ctx, SLV_ARG(2), &content, exc))
        return NULL;
    SLV_ASSERT(edit <= SLV_HTML_SET_INNER);
    slv_code code = slv_html_rewriter_edit(h->rw, (slv_html_edit)edit, slv_buf_view(&content),
                                           JSValueToBoolean(ctx, SLV_ARG(3)));
    if (code != SLV_OK)
        return slv_js_throw_range(ctx, exc, "Out of memory");
    return slv_js_undefined(ctx);
}

/* htmlRemove(handle, keepContent) */
SLV_NATIVE(html_remove)
{
    html *h = arg_html(ctx, SLV_ARG(0), exc);

    if (!h)
        return NULL;
    if (JSValueToBoolean(ctx, SLV_ARG(1)))
        slv_html_rewriter_remove_keep_content(h->rw);
    else
        slv_html_rewriter_remove(h->rw);
    return slv_js_undefined(ctx);
}

/* htmlRemoved(handle) */
SLV_NATIVE(html_removed)
{
    html *h = arg_html(ctx, SLV_ARG(0), exc);

    return h ? slv_js_bool(ctx, slv_html_rewriter_removed(h->rw)) : NULL;
}

/* htmlName(handle, name): tag name of an element or end tag; htmlName(handle): what it is now */
SLV_NATIVE(html_name)
{
    html *h = arg_html(ctx, SLV_ARG(0), exc);
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(HTML_TEXT_MAX);
    slv_err err = {0};

    if (!h)
        return NULL;
    if (argc < 2)
        return text_value(ctx, h, slv_html_rewriter_name(h->rw), exc);
    if (!text_arg(ctx, argv[1], &name, exc))
        return NULL;
    slv_code code = slv_html_rewriter_set_name(h->rw, slv_buf_view(&name), &err);
    return code == SLV_OK ? slv_js_undefined(ctx) : throw_parser(ctx, exc, code, &err);
}

/* htmlComment(handle, text) */
SLV_NATIVE(html_comment)
{
    html *h = arg_html(ctx, SLV_ARG(0), exc);
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(HTML_TEXT_MAX);
    slv_err err = {0};

    if (!h || !text_arg(ctx, SLV_ARG(1), &text, exc))
        return NULL;
    slv_code code = slv_html_rewriter_set_comment(h->rw, slv_buf_view(&text), &err);
    return code == SLV_OK ? slv_js_undefined(ctx) : throw_parser(ctx, exc, code, &err);
}

/* htmlGetAttr(handle, name) -> value or null */
SLV_NATIVE(html_get_attr)
{
    html *h = arg_html(ctx, SLV_ARG(0), exc);
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(HTML_TEXT_MAX);
    slv_str value;

    if (!h || !text_arg(ctx, SLV_ARG(1), &name, exc))
        return NULL;
    if (!slv_html_rewriter_get_attr(h->rw, slv_buf_view(&name), &value))
        return slv_js_null(ctx);
    return text_value(ctx, h, value, exc);
}

/* htmlSetAttr(handle, name, value); htmlSetAttr(handle, name): takes it away */
SLV_NATIVE(html_set_attr)
{
    html *h = arg_html(ctx, SLV_ARG(0), exc);
    SLV_CLEANUP(slv_buf_done) slv_buf name = SLV_BUF(HTML_TEXT_MAX);
    SLV_CLEANUP(slv_buf_done) slv_buf value = SLV_BUF(HTML_TEXT_MAX);
    slv_err err = {0};

    if (!h || !text_arg(ctx, SLV_ARG(1), &name, exc))
        return NULL;
    if (argc < 3) {
        slv_html_rewriter_remove_attr(h->rw, slv_buf_view(&name));
        return slv_js_undefined(ctx);
    }
    if (!text_arg(ctx, argv[2], &value, exc))
        return NULL;
    slv_code code =
        slv_html_rewriter_set_attr(h->rw, slv_buf_view(&name), slv_buf_view(&value), &err);
    return code == SLV_OK ? slv_js_undefined(ctx) : throw_parser(ctx, exc, code, &err);
}

/* htmlAttr(handle, index) -> [name, value], or undefined past the last */
SLV_NATIVE(html_attr)
{
    html *h = arg_html(ctx, SLV_ARG(0), exc);
    SLV_CLEANUP(slv_buf_done) slv_buf lower = SLV_BUF(HTML_TEXT_MAX);
    slv_str name, value;
    uint32_t index;

    if (!h || !slv_js_u32_arg(ctx, SLV_ARG(1), &index, exc))
        return NULL;
    if (index >= slv_html_rewriter_attr_count(h->rw))
        return slv_js_undefined(ctx);
    slv_html_rewriter_attr(h->rw, index, &name, &value);
    if (slv_buf_append(&lower, name) != SLV_OK)
        return slv_js_throw_range(ctx, exc, "Out of memory");
    for (size_t i = 0; i < lower.len; i++)
        lower.ptr[i] = slv_ascii_lower(lower.ptr[i]);
    JSValueRef n = text_value(ctx, h, slv_buf_view(&lower), exc);
    JSValueRef v = n ? text_value(ctx, h, value, exc) : NULL;
    return v ? SLV_TUPLE(ctx, n, v) : NULL;
}

/* htmlOnEndTag(handle, number) */
SLV_NATIVE(html_on_end_tag)
{
    html *h = arg_html(ctx, SLV_ARG(0), exc);
    slv_err err = {0};
    uint32_t number;

    if (!h || !slv_js_u32_arg(ctx, SLV_ARG(1), &number, exc))
        return NULL;
    slv_code code = slv_html_rewriter_on_end_tag(h->rw, number, &err);
    return code == SLV_OK ? slv_js_undefined(ctx) : throw_parser(ctx, exc, code, &err);
}

static const slv_native html_natives[] = {
    {"htmlNew", html_new},
    {"htmlClose", html_close},
    {"htmlOn", html_on},
    {"htmlCheck", html_check},
    {"htmlFeed", html_feed},
    {"htmlNext", html_next},
    {"htmlOutput", html_output},
    {"htmlEdit", html_edit},
    {"htmlRemove", html_remove},
    {"htmlRemoved", html_removed},
    {"htmlName", html_name},
    {"htmlComment", html_comment},
    {"htmlGetAttr", html_get_attr},
    {"htmlSetAttr", html_set_attr},
    {"htmlAttr", html_attr},
    {"htmlOnEndTag", html_on_end_tag},
};

void slv_web_html_register(slv_js *js)
{
    slv_js_add_natives(js, html_natives, SLV_ARRAY_LEN(html_natives));
}
