/*
 * html_tokenizer.h - the WHATWG tokenizer over pieces of a document, for rewriting: every byte of
 * the document belongs to exactly one token, so that tokens nobody touches can be copied as they
 * came.
 *
 *     feed(bytes) · next() until AGAIN · feed(bytes) · … · end() · next() until a token of kind END
 *
 * Differences from the standard, all of them because a rewriter must be able to give back what it
 * read: character references are not decoded, CR and NUL are not replaced, names keep their case,
 * duplicate attributes are kept, and what the standard drops (`</>`, a tag that the document ends
 * in) is a token of kind MARKUP. Bytes are of any encoding in which ASCII bytes stand for ASCII.
 *
 * Threads: one at a time. Limits: a token that is unfinished at the end of a piece is held, at most
 * `limit` bytes of it, else SLV_E_LIMIT; at most SLV_HTML_ATTRS_MAX attributes a tag. Tokens borrow
 * from the tokenizer until the next call. Rule:
 * https://html.spec.whatwg.org/multipage/parsing.html#tokenization
 */
#ifndef SLV_WEB_HTML_TOKENIZER_H
#define SLV_WEB_HTML_TOKENIZER_H

#include "base/buf.h"
#include "base/str.h"

#define SLV_HTML_ATTRS_MAX 65536u

typedef enum slv_html_kind {
    SLV_HTML_TEXT,
    SLV_HTML_START_TAG,
    SLV_HTML_END_TAG,
    SLV_HTML_COMMENT,
    SLV_HTML_DOCTYPE,
    SLV_HTML_MARKUP, /* bytes that are no token in the standard */
    SLV_HTML_END,    /* of the document; no bytes */
} slv_html_kind;

/* What text is made of: decides what ends it. */
typedef enum slv_html_text {
    SLV_HTML_DATA,
    SLV_HTML_RCDATA,  /* title, textarea: until their end tag; character references count */
    SLV_HTML_RAWTEXT, /* style, iframe, …: until their end tag */
    SLV_HTML_SCRIPT,
    SLV_HTML_PLAINTEXT,
    SLV_HTML_CDATA, /* inside <![CDATA[ ]]> of foreign content */
} slv_html_text;

/* Bytes [from, to) of the token. */
typedef struct slv_html_span {
    uint32_t from, to;
} slv_html_span;

typedef struct slv_html_attr {
    slv_html_span name, value; /* value without quotes; empty when there is none */
    slv_html_span raw;         /* name, "=", quotes and all */
} slv_html_attr;

typedef struct slv_html_token {
    slv_html_kind kind;
    slv_str raw;        /* all its bytes */
    slv_html_text text; /* of TEXT */
    slv_str name;       /* of tags and doctypes, as written; ptr NULL: the doctype has none */
    slv_str data;       /* of comments */
    slv_str public_id, system_id; /* of doctypes; ptr NULL: none */
    bool force_quirks, self_closing;
    const slv_html_attr *attrs; /* of start tags (those of end tags are forgotten) */
    size_t attr_count;
} slv_html_token;

static inline slv_str slv_html_part(const slv_html_token *t, slv_html_span s)
{
    return slv_str_make(t->raw.ptr + s.from, s.to - s.from);
}

typedef struct slv_html_tokenizer slv_html_tokenizer;

slv_html_tokenizer *slv_html_tokenizer_new(size_t limit);
slv_html_tokenizer *slv_html_tokenizer_free(slv_html_tokenizer *t);
SLV_DEFINE_CLEANUP(slv_html_tokenizer *, slv_html_tokenizer_free);

/* Takes a copy. Only after next() gave AGAIN, or at first. */
SLV_NODISCARD slv_code slv_html_tokenizer_feed(slv_html_tokenizer *t, slv_str bytes);
/* No more bytes follow. */
void slv_html_tokenizer_end(slv_html_tokenizer *t);
/* SLV_OK with a token; SLV_E_AGAIN: feed more; SLV_E_LIMIT. Text comes in as many tokens as there
   are pieces; one that ends inside a UTF-8 sequence is held back by up to 3 bytes when `utf8` was
   asked for. */
SLV_NODISCARD slv_code slv_html_tokenizer_next(slv_html_tokenizer *t, slv_html_token *ret);

/* What the tree builder tells the tokenizer, right after the start tag that is the reason: how the
   following text is read. The end tag that ends it is that of the start tag just seen. */
void slv_html_tokenizer_set_text(slv_html_tokenizer *t, slv_html_text text);
/* Whether <![CDATA[ is a section (foreign content) or a comment. */
void slv_html_tokenizer_allow_cdata(slv_html_tokenizer *t, bool allow);
void slv_html_tokenizer_keep_utf8_whole(slv_html_tokenizer *t, bool keep);
/* Nobody wants comments: they come as MARKUP, in pieces, and need not be held. */
void slv_html_tokenizer_skip_comments(slv_html_tokenizer *t, bool skip);
/* For tests: the name of "the last start tag". */
SLV_NODISCARD slv_code slv_html_tokenizer_set_last_start_tag(slv_html_tokenizer *t, slv_str name);
/* Bytes that it holds. */
size_t slv_html_tokenizer_held(const slv_html_tokenizer *t);

#endif
