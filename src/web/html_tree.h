/*
 * html_tree.h - what a tokenizer must be told by a tree builder, found out without building a tree:
 * in which namespace a tag stands, and how the text after it is read.
 *
 * It follows start and end tags one by one. Where only a real tree could tell (a <title> inside of
 * <select>), the document is refused rather than misread: SLV_E_PARSE with the text that people
 * know.
 *
 * Threads: one at a time. Limit: namespaces nested SLV_HTML_NAMESPACE_DEPTH deep; deeper ones are
 * taken for the last.
 */
#ifndef SLV_WEB_HTML_TREE_H
#define SLV_WEB_HTML_TREE_H

#include "web/html_tokenizer.h"

#define SLV_HTML_NAMESPACE_DEPTH 256u

typedef enum slv_html_namespace {
    SLV_HTML_NS_HTML,
    SLV_HTML_NS_SVG,
    SLV_HTML_NS_MATHML,
} slv_html_namespace;

typedef struct slv_html_tree {
    uint8_t stack[SLV_HTML_NAMESPACE_DEPTH];
    uint32_t depth; /* of the stack; 0: HTML */
    uint8_t doubt;  /* inside of select, template in select, frameset */
    uint32_t templates;
} slv_html_tree;

static inline slv_html_namespace slv_html_tree_namespace(const slv_html_tree *t)
{
    return t->depth ? (slv_html_namespace)t->stack[t->depth - 1] : SLV_HTML_NS_HTML;
}

/* Follows a start tag and tells the tokenizer. */
SLV_NODISCARD slv_code slv_html_tree_start(slv_html_tree *t, const slv_html_token *tag,
                                           slv_html_tokenizer *tokenizer, slv_err *err);
void slv_html_tree_end(slv_html_tree *t, slv_str name, slv_html_tokenizer *tokenizer);
/* Elements that have no content in HTML. */
bool slv_html_is_void(slv_str name);

#endif
