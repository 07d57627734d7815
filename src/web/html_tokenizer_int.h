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

#endif
