/*
 * html_rewriter.h - rewriting of HTML while it streams by. Pure C over bytes: it stops at each
 * token that somebody asked for, and goes on when it is told to, so that what happens in between
 * may take any time.
 *
 *     on(selector, …) · feed(bytes) · while ((stop = next()) …) { look, edit } · output() ·
 * feed(bytes) · … · end() · next() …
 *
 * What nobody asked for is copied as it came. Edits follow the rules of HTMLRewriter: content is
 * put before and after a token, or inside of an element right after its start tag and right before
 * its end tag; removed content is read (handlers run) but not written; an element that is never
 * closed keeps no content for its end.
 *
 * Threads: one at a time. Limits: `limit` bytes for unfinished tokens and the stack of open
 * elements together (SLV_E_LIMIT: "The memory limit has been exceeded."); what edits insert counts
 * only against the memory of the caller. Errors: SLV_E_PARSE and SLV_E_INVAL carry the text that
 * people know in err->message; the rewriter is of no use after one from next().
 */
#ifndef SLV_WEB_HTML_REWRITER_H
#define SLV_WEB_HTML_REWRITER_H

#include "web/html_selector.h"
#include "web/html_tree.h"

#define SLV_HTML_HANDLERS_MAX 1024u

typedef enum slv_html_stop {
    SLV_HTML_STOP_NONE, /* feed more */
    SLV_HTML_STOP_ELEMENT,
    SLV_HTML_STOP_END_TAG,
    SLV_HTML_STOP_TEXT,
    SLV_HTML_STOP_COMMENT,
    SLV_HTML_STOP_DOCTYPE,
    SLV_HTML_STOP_DOCUMENT_END,
    SLV_HTML_STOP_DONE, /* all is written */
} slv_html_stop;

/* What a registration wants to see. */
enum {
    SLV_HTML_WANT_ELEMENT = 1,
    SLV_HTML_WANT_COMMENTS = 2,
    SLV_HTML_WANT_TEXT = 4,
    SLV_HTML_WANT_DOCTYPE = 8,
    SLV_HTML_WANT_END = 16,
};

typedef enum slv_html_edit {
    SLV_HTML_BEFORE,
    SLV_HTML_AFTER,
    SLV_HTML_PREPEND,
    SLV_HTML_APPEND,
    SLV_HTML_REPLACE,
    SLV_HTML_SET_INNER,
} slv_html_edit;

typedef struct slv_html_rewriter slv_html_rewriter;

slv_html_rewriter *slv_html_rewriter_new(size_t limit);
slv_html_rewriter *slv_html_rewriter_free(slv_html_rewriter *rw);
SLV_DEFINE_CLEANUP(slv_html_rewriter *, slv_html_rewriter_free);

/* Before the first byte. *ret_handler: numbers from 0 in order of registration. */
SLV_NODISCARD slv_code slv_html_rewriter_on(slv_html_rewriter *rw, slv_str selector, unsigned want,
                                            uint32_t *ret_handler, slv_err *err);
SLV_NODISCARD slv_code slv_html_rewriter_on_document(slv_html_rewriter *rw, unsigned want,
                                                     uint32_t *ret_handler, slv_err *err);
/* The document is UTF-8: text is not cut inside of a character. */
void slv_html_rewriter_set_utf8(slv_html_rewriter *rw, bool utf8);

SLV_NODISCARD slv_code slv_html_rewriter_feed(slv_html_rewriter *rw, slv_str bytes, slv_err *err);
void slv_html_rewriter_end(slv_html_rewriter *rw);
/* Writes the token it stopped at and goes on to the next that somebody wants. */
SLV_NODISCARD slv_code slv_html_rewriter_next(slv_html_rewriter *rw, slv_html_stop *ret,
                                              slv_err *err);
/* What is written so far. The caller takes from it (slv_buf_take, slv_buf_reset). */
slv_buf *slv_html_rewriter_output(slv_html_rewriter *rw);

/* ---- where it stopped; views until next() ---- */

/* Handlers to call, in order: numbers of registrations; for END_TAG the numbers given to
 * on_end_tag(). */
const uint32_t *slv_html_rewriter_calls(const slv_html_rewriter *rw, size_t *ret_count);
/* Tag or doctype name in lower case, as it is by now; ptr NULL: a doctype without. */
slv_str slv_html_rewriter_name(slv_html_rewriter *rw);
slv_html_namespace slv_html_rewriter_namespace(const slv_html_rewriter *rw);
bool slv_html_rewriter_removed(const slv_html_rewriter *rw);
/* Text of a chunk or comment. */
slv_str slv_html_rewriter_text(const slv_html_rewriter *rw);
bool slv_html_rewriter_last_in_text_node(const slv_html_rewriter *rw);
const slv_html_token *slv_html_rewriter_token(const slv_html_rewriter *rw);

size_t slv_html_rewriter_attr_count(const slv_html_rewriter *rw);
/* Name as written, or as set. */
void slv_html_rewriter_attr(const slv_html_rewriter *rw, size_t index, slv_str *ret_name,
                            slv_str *ret_value);
bool slv_html_rewriter_get_attr(const slv_html_rewriter *rw, slv_str name, slv_str *ret_value);
SLV_NODISCARD slv_code slv_html_rewriter_set_attr(slv_html_rewriter *rw, slv_str name,
                                                  slv_str value, slv_err *err);
void slv_html_rewriter_remove_attr(slv_html_rewriter *rw, slv_str name);
/* Of elements and end tags. */
SLV_NODISCARD slv_code slv_html_rewriter_set_name(slv_html_rewriter *rw, slv_str name,
                                                  slv_err *err);
SLV_NODISCARD slv_code slv_html_rewriter_set_comment(slv_html_rewriter *rw, slv_str text,
                                                     slv_err *err);
/* content is escaped unless html. Inside edits of what has no inside do nothing. */
SLV_NODISCARD slv_code slv_html_rewriter_edit(slv_html_rewriter *rw, slv_html_edit edit,
                                              slv_str content, bool html);
void slv_html_rewriter_remove(slv_html_rewriter *rw);
void slv_html_rewriter_remove_keep_content(slv_html_rewriter *rw);
/* The element's end tag is a stop with `call`; the last one given counts. SLV_E_INVAL: "No end
 * tag." */
SLV_NODISCARD slv_code slv_html_rewriter_on_end_tag(slv_html_rewriter *rw, uint32_t call,
                                                    slv_err *err);

#endif
