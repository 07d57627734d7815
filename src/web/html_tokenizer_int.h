/*
 * html_tokenizer_int.h - what the files of the tokenizer share.
 */
#ifndef SLV_WEB_HTML_TOKENIZER_INT_H
#define SLV_WEB_HTML_TOKENIZER_INT_H

#include "web/html_tokenizer.h"

static inline bool slv_html_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* Fills name, identifiers and quirks from what stands between "<!doctype" and ">". ended: the
 * document ends inside of it. */
void slv_html_read_doctype(slv_str text, bool ended, slv_html_token *out);

/*
 * One function for each group of states; a state sees one byte at t->at and either consumes it or
 * hands it on to another state. Positions are relative to the start of the buffer, which begins
 * with the bytes of the token that is being read (t->start). A token is emitted by leaving its
 * bounds in t->out and returning true from the step.
 */
enum {
    ST_TEXT, /* by t->text: DATA, RCDATA, RAWTEXT, PLAINTEXT, CDATA */
    ST_TEXT_LT,
    ST_TEXT_END_OPEN,
    ST_TEXT_END_NAME,
    ST_TAG_OPEN,
    ST_END_TAG_OPEN,
    ST_TAG_NAME,
    ST_BEFORE_ATTR,
    ST_ATTR_NAME,
    ST_AFTER_ATTR_NAME,
    ST_BEFORE_VALUE,
    ST_VALUE_DOUBLE,
    ST_VALUE_SINGLE,
    ST_VALUE_BARE,
    ST_AFTER_VALUE,
    ST_SELF_CLOSING,
    ST_BOGUS_COMMENT,
    ST_MARKUP_DECL,
    ST_COMMENT_START,
    ST_COMMENT_START_DASH,
    ST_COMMENT,
    ST_COMMENT_DASH,
    ST_COMMENT_END,
    ST_COMMENT_END_BANG,
    ST_DOCTYPE,
    ST_SCRIPT,
    ST_SCRIPT_LT,
    ST_SCRIPT_ESCAPE_START,
    ST_SCRIPT_ESCAPE_START_DASH,
    ST_ESCAPED,
    ST_ESCAPED_DASH,
    ST_ESCAPED_DASH_DASH,
    ST_ESCAPED_LT,
    ST_DOUBLE_START,
    ST_DOUBLE,
    ST_DOUBLE_DASH,
    ST_DOUBLE_DASH_DASH,
    ST_DOUBLE_LT,
    ST_DOUBLE_END,
};
typedef uint8_t html_state; /* one of these */

struct slv_html_tokenizer {
    slv_buf buf;
    slv_buf last_start; /* name of the last start tag, lower case */
    size_t start;       /* of the token that is being read */
    size_t at;          /* next byte */
    size_t lt;          /* of the "<" that may begin a tag inside text */
    size_t mark;        /* begin of a name, value or comment text */
    html_state st;
    html_state raw_back; /* text state to return to when an end tag turns out to be none */
    slv_html_text text;
    size_t limit;
    bool ended, allow_cdata, keep_utf8, skip_comments;
    bool is_end_tag, self_closing;
    slv_html_span name;
    slv_html_attr *attrs;
    size_t attr_count, attr_cap;
    slv_html_token out;
};

/* Text up to `end`, if there is any; may_continue: more of it may follow, so that a character is
 * not cut. */
bool slv_html_emit_text(slv_html_tokenizer *t, size_t end, bool may_continue);

/* ---- html_script.c ---- */

bool slv_html_step_script(slv_html_tokenizer *t);
bool slv_html_step_script_escape(slv_html_tokenizer *t, char c);
bool slv_html_in_script_text(html_state st);

#endif
