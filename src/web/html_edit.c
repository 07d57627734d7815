#include "web/html_rewriter_int.h"

/* ---- looking ---- */

const uint32_t *slv_html_rewriter_calls(const slv_html_rewriter *rw, size_t *ret_count)
{
    *ret_count = rw->calls.len;
    return rw->calls.items;
}

slv_str slv_html_rewriter_name(slv_html_rewriter *rw)
{
    slv_str name = rw->renamed ? slv_buf_view(&rw->name) : rw->token.name;

    if (!name.ptr || slv_buf_set(&rw->lower, name) != SLV_OK)
        return SLV_STR_NULL;
    for (size_t i = 0; i < rw->lower.len; i++)
        rw->lower.ptr[i] = slv_ascii_lower(rw->lower.ptr[i]);
    return slv_buf_view(&rw->lower);
}

slv_html_namespace slv_html_rewriter_namespace(const slv_html_rewriter *rw)
{
    return slv_html_tree_namespace(&rw->tree);
}

bool slv_html_rewriter_removed(const slv_html_rewriter *rw)
{
    return rw->removed;
}

slv_str slv_html_rewriter_text(const slv_html_rewriter *rw)
{
    if (rw->stop == SLV_HTML_STOP_COMMENT)
        return rw->renamed ? slv_buf_view(&rw->name) : rw->token.data;
    return rw->last_text ? SLV_STR("") : rw->token.raw;
}

bool slv_html_rewriter_last_in_text_node(const slv_html_rewriter *rw)
{
    return rw->last_text;
}

const slv_html_token *slv_html_rewriter_token(const slv_html_rewriter *rw)
{
    return &rw->token;
}

size_t slv_html_rewriter_attr_count(const slv_html_rewriter *rw)
{
    return rw->attrs_edited ? rw->attrs.len : rw->token.attr_count;
}

void slv_html_rewriter_attr(const slv_html_rewriter *rw, size_t index, slv_str *ret_name,
                            slv_str *ret_value)
{
    if (rw->attrs_edited) {
        *ret_name = rw->attrs.items[index].name;
        *ret_value = rw->attrs.items[index].value;
        return;
    }
    *ret_name = slv_html_part(&rw->token, rw->token.attrs[index].name);
    *ret_value = slv_html_part(&rw->token, rw->token.attrs[index].value);
}

static size_t find_attr(const slv_html_rewriter *rw, slv_str name)
{
    slv_str have, value;

    for (size_t i = 0; i < slv_html_rewriter_attr_count(rw); i++) {
        slv_html_rewriter_attr(rw, i, &have, &value);
        if (slv_str_eq_nocase(have, name))
            return i;
    }
    return SIZE_MAX;
}

bool slv_html_rewriter_get_attr(const slv_html_rewriter *rw, slv_str name, slv_str *ret_value)
{
    size_t i = find_attr(rw, name);
    slv_str have;

    if (i == SIZE_MAX)
        return false;
    slv_html_rewriter_attr(rw, i, &have, ret_value);
    return true;
}

/* ---- editing ---- */

static void edit_attrs(slv_html_rewriter *rw)
{
    if (rw->attrs_edited)
        return;
    for (size_t i = 0; i < rw->token.attr_count; i++) {
        attr_edit a = {.raw = slv_html_part(&rw->token, rw->token.attrs[i].raw)};
        slv_html_rewriter_attr(rw, i, &a.name, &a.value);
        slv_vec_push(&rw->attrs, a);
    }
    rw->attrs_edited = true;
}

static slv_code check_name(slv_str name, const char *forbidden, const char *what, slv_err *err)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] && strchr(forbidden, name.ptr[i]))
            return slv_fail(err, SLV_E_INVAL, "`%c` character is forbidden in the %s", name.ptr[i],
                            what);
    }
    return SLV_OK;
}

slv_code slv_html_rewriter_set_attr(slv_html_rewriter *rw, slv_str name, slv_str value,
                                    slv_err *err)
{
    attr_edit a = {.raw = SLV_STR_NULL};

    if (!name.len)
        return slv_fail(err, SLV_E_INVAL, "Attribute name can't be empty.");
    SLV_TRY(check_name(name, " \n\r\t\f/>=", "attribute name", err));
    size_t i = find_attr(rw, name);
    SLV_TRY(slv_arena_dup(&rw->arena, value, &a.value));
    edit_attrs(rw);
    if (i != SIZE_MAX) {
        rw->attrs.items[i].value = a.value;
        rw->attrs.items[i].raw = SLV_STR_NULL;
        return SLV_OK;
    }
    SLV_TRY(slv_arena_dup(&rw->arena, name, &a.name));
    for (size_t k = 0; k < a.name.len; k++)
        ((char *)(size_t)a.name.ptr)[k] = slv_ascii_lower(a.name.ptr[k]);
    slv_vec_push(&rw->attrs, a);
    return SLV_OK;
}

void slv_html_rewriter_remove_attr(slv_html_rewriter *rw, slv_str name)
{
    size_t i = find_attr(rw, name);

    if (i == SIZE_MAX)
        return;
    edit_attrs(rw);
    memmove(rw->attrs.items + i, rw->attrs.items + i + 1,
            (rw->attrs.len - i - 1) * sizeof *rw->attrs.items);
    rw->attrs.len--;
}

static end_edits *want_end(slv_html_rewriter *rw)
{
    if (!rw->end) {
        rw->end = slv_new0(end_edits);
        rw->end->before = rw->end->after = rw->end->name = SLV_BUF(HTML_CONTENT_MAX);
    }
    return rw->end;
}

slv_code slv_html_rewriter_set_name(slv_html_rewriter *rw, slv_str name, slv_err *err)
{
    if (!name.len)
        return slv_fail(err, SLV_E_INVAL, "Tag name can't be empty.");
    if (!slv_is_alpha(name.ptr[0]))
        return slv_fail(
            err, SLV_E_INVAL,
            "The first character of the tag name should be an ASCII alphabetical character.");
    SLV_TRY(check_name(name, " \n\r\t\f/>", "tag name", err));
    if (rw->stop == SLV_HTML_STOP_ELEMENT && rw->has_content)
        SLV_TRY(slv_buf_set(&want_end(rw)->name, name));
    rw->renamed = true;
    return slv_buf_set(&rw->name, name);
}

slv_code slv_html_rewriter_set_comment(slv_html_rewriter *rw, slv_str text, slv_err *err)
{
    if (slv_str_find(text, SLV_STR("-->"), 0) != SIZE_MAX)
        return slv_fail(err, SLV_E_INVAL,
                        "Comment text shouldn't contain comment closing sequence (`-->`).");
    rw->renamed = true;
    return slv_buf_set(&rw->name, text);
}

static slv_code add_content(slv_buf *to, slv_str content, bool html, bool in_front)
{
    size_t before = to->len;

    if (html) {
        SLV_TRY(slv_buf_append(to, content));
    } else {
        for (size_t i = 0; i < content.len; i++) {
            char c = content.ptr[i];

            if (c == '<' || c == '>' || c == '&')
                SLV_TRY(slv_buf_append(to, c == '<'   ? SLV_STR("&lt;")
                                           : c == '>' ? SLV_STR("&gt;")
                                                      : SLV_STR("&amp;")));
            else
                SLV_TRY(slv_buf_append_byte(to, c));
        }
    }
    if (in_front && before) { /* rotate what was appended to the front */
        size_t added = to->len - before;
        SLV_CLEANUP(slv_buf_done) slv_buf copy = SLV_BUF(HTML_CONTENT_MAX);

        SLV_TRY(slv_buf_append(&copy, slv_str_make(to->ptr + before, added)));
        memmove(to->ptr + added, to->ptr, before);
        if (added)
            memcpy(to->ptr, copy.ptr, added);
    }
    return SLV_OK;
}

/* The content of the element goes; what was put inside before goes too. */
static void remove_content(slv_html_rewriter *rw)
{
    slv_buf_reset(&rw->after);
    if (rw->end)
        slv_buf_reset(&rw->end->before);
    rw->content_removed = true;
}

slv_code slv_html_rewriter_edit(slv_html_rewriter *rw, slv_html_edit edit, slv_str content,
                                bool html)
{
    bool element = rw->stop == SLV_HTML_STOP_ELEMENT && rw->has_content;
    bool inside = edit == SLV_HTML_PREPEND || edit == SLV_HTML_APPEND || edit == SLV_HTML_SET_INNER;

    if (inside && rw->stop == SLV_HTML_STOP_ELEMENT) {
        if (!element)
            return SLV_OK;
        rw->inside_edited = true;
    }
    switch (edit) {
    case SLV_HTML_BEFORE:
        return add_content(&rw->before, content, html, false);
    case SLV_HTML_AFTER:
        return add_content(element ? &want_end(rw)->after : &rw->after, content, html, true);
    case SLV_HTML_PREPEND:
        return add_content(&rw->after, content, html, true);
    case SLV_HTML_APPEND: /* on the end of the document: after what there is */
        return add_content(element ? &want_end(rw)->before : &rw->after, content, html, false);
    case SLV_HTML_REPLACE:
        rw->removed = true;
        slv_buf_reset(&rw->replacement);
        if (element) {
            remove_content(rw);
            want_end(rw)->removed = true;
        }
        return add_content(&rw->replacement, content, html, false);
    case SLV_HTML_SET_INNER:
        remove_content(rw);
        return add_content(&rw->after, content, html, false);
    }
    return SLV_OK;
}

void slv_html_rewriter_remove(slv_html_rewriter *rw)
{
    rw->removed = true;
    if (rw->stop == SLV_HTML_STOP_ELEMENT && rw->has_content) {
        remove_content(rw);
        want_end(rw)->removed = true;
    }
}

void slv_html_rewriter_remove_keep_content(slv_html_rewriter *rw)
{
    rw->removed = true;
    if (rw->stop == SLV_HTML_STOP_ELEMENT && rw->has_content)
        want_end(rw)->removed = true;
}

slv_code slv_html_rewriter_on_end_tag(slv_html_rewriter *rw, uint32_t call, slv_err *err)
{
    if (!rw->has_content)
        return slv_fail(err, SLV_E_INVAL, "No end tag.");
    want_end(rw)->has_call = true;
    rw->end->call = call;
    return SLV_OK;
}
