/*
 * html_rewriter_int.h - what html_rewriter.c (the way of the tokens) and html_edit.c (looking at
 * one and changing it) share.
 */
#ifndef SLV_WEB_HTML_REWRITER_INT_H
#define SLV_WEB_HTML_REWRITER_INT_H

#include "base/arena.h"
#include "base/mem.h"
#include "base/vec.h"
#include "web/html_rewriter.h"

#define HTML_CONTENT_MAX ((size_t)1 << 31)
/* What will happen at the end tag of an element. */
typedef struct end_edits {
    slv_buf before, after, name;
    bool removed, has_call;
    uint32_t call;
} end_edits;

/* An open element. */
typedef struct open_el {
    size_t name_at; /* of its lower-case name in rw->names */
    uint32_t children;
    uint32_t types_at;   /* its counters in rw->types */
    uint32_t matched_at; /* the registrations that it matched, in rw->matched */
    bool content_removed;
    end_edits *end;
} open_el;

/* Children of one type seen so far, for :nth-of-type(). */
typedef struct type_count {
    uint32_t depth;
    uint32_t count;
    uint64_t hash;
} type_count;

typedef struct registration {
    unsigned want;
    uint32_t open; /* elements open now that matched it */
    bool document;
} registration;

typedef struct attr_edit {    /* the attributes of a tag once one was changed */
    slv_str name, value, raw; /* raw.ptr NULL: was set */
} attr_edit;

struct slv_html_rewriter {
    slv_html_tokenizer *tokenizer;
    slv_html_selectors *selectors;
    slv_html_tree tree;
    size_t limit;
    SLV_VEC(registration) regs;
    SLV_VEC(open_el) stack;
    SLV_VEC(uint64_t)
    bits; /* for each level, the document's first: `words` for descendants, `words` for children */
    SLV_VEC(type_count) types;
    SLV_VEC(uint32_t) matched;
    slv_buf names;
    size_t words;
    uint32_t root_children;
    uint32_t removed_depth; /* open elements whose content is removed */
    bool started, text_open;

    slv_html_stop stop; /* where it stands; NONE between tokens */
    slv_html_token token;
    SLV_VEC(uint32_t) calls;
    slv_arena arena; /* of the token */
    slv_buf before, after, replacement, name, lower;
    bool removed, renamed, has_content, inside_edited, content_removed, last_text;
    SLV_VEC(attr_edit) attrs;
    bool attrs_edited;
    end_edits *end;              /* of the element it stopped at */
    SLV_VEC(end_edits *) ending; /* of elements that the end tag closes, innermost first */
    size_t ending_at;
    slv_buf out;
};

#endif
