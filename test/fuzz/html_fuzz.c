/* The input: a byte that gives the size of pieces, a selector, a line end, a document. */
#include <stdlib.h>

#include "web/html_rewriter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Edits that are refused are as welcome as others. */
static void ignore(slv_code code)
{
    (void)code;
}

static void edit(slv_html_rewriter *rw, uint8_t how)
{
    slv_str text;

    (void)slv_html_rewriter_name(rw);
    for (size_t i = 0; i < slv_html_rewriter_attr_count(rw); i++) {
        slv_str value;
        slv_html_rewriter_attr(rw, i, &text, &value);
    }
    if (how & 1)
        ignore(slv_html_rewriter_edit(rw, (slv_html_edit)(how % 6), SLV_STR("<x>"), how & 2));
    if (how & 4)
        ignore(slv_html_rewriter_set_attr(rw, SLV_STR("b"), SLV_STR("\""), NULL));
    if (how & 8)
        slv_html_rewriter_remove_attr(rw, SLV_STR("b"));
    if (how & 16)
        slv_html_rewriter_remove(rw);
    if (how & 32)
        ignore(slv_html_rewriter_on_end_tag(rw, 7, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SLV_CLEANUP(slv_html_rewriter_free) slv_html_rewriter *rw = slv_html_rewriter_new(1 << 16);
    slv_str selector, rest = slv_str_make(data, size);
    slv_html_stop stop;
    uint32_t handler;
    uint8_t how = size ? data[0] : 0;
    size_t piece = 1 + how % 9, at = 0;

    rest = slv_str_skip(rest, 1);
    if (!rest.len || !slv_str_split(&rest, '\n', &selector) || !rest.ptr)
        return 0;
    slv_html_rewriter_set_utf8(rw, how & 64);
    if (slv_html_rewriter_on(rw, selector, 7, &handler, NULL) != SLV_OK)
        return 0;
    if (slv_html_rewriter_on_document(rw, how & 30, &handler, NULL) != SLV_OK)
        return 0;
    for (;;) {
        if (slv_html_rewriter_next(rw, &stop, NULL) != SLV_OK || stop == SLV_HTML_STOP_DONE)
            return 0;
        if (stop == SLV_HTML_STOP_ELEMENT) {
            edit(rw, how);
        } else if (stop == SLV_HTML_STOP_NONE && at < rest.len) {
            if (slv_html_rewriter_feed(rw, slv_str_sub(rest, at, at + piece), NULL) != SLV_OK)
                return 0;
            at += piece;
        } else if (stop == SLV_HTML_STOP_NONE) {
            slv_html_rewriter_end(rw);
        }
        how = (uint8_t)(how * 5 + 1);
    }
}
