#include "web/html_tokenizer_int.h"

typedef struct cursor {
    slv_str s;
    size_t at;
    bool ended; /* the document ends inside of it */
} cursor;

static void skip_space(cursor *c)
{
    while (c->at < c->s.len && slv_html_is_space(c->s.ptr[c->at]))
        c->at++;
}

/* A quoted identifier. False when there is none or it is cut short; then *quirks. */
static bool read_id(cursor *c, slv_str *ret, bool *quirks)
{
    skip_space(c);
    if (c->at >= c->s.len || (c->s.ptr[c->at] != '"' && c->s.ptr[c->at] != '\'')) {
        *quirks = true;
        return false;
    }
    char quote = c->s.ptr[c->at++];
    size_t end = slv_str_chr(c->s, quote, c->at);
    if (end == SIZE_MAX) {
        *quirks = true;
        *ret = slv_str_skip(c->s, c->at);
        c->at = c->s.len;
        return false;
    }
    *ret = slv_str_sub(c->s, c->at, end);
    c->at = end + 1;
    return true;
}

static void read_parts(cursor *c, slv_html_token *out)
{
    size_t from;

    skip_space(c);
    if (c->at >= c->s.len) {
        out->force_quirks = true;
        return;
    }
    from = c->at;
    while (c->at < c->s.len && !slv_html_is_space(c->s.ptr[c->at]))
        c->at++;
    out->name = slv_str_sub(c->s, from, c->at);
    skip_space(c);
    if (c->at >= c->s.len) {
        out->force_quirks = c->ended;
        return;
    }
    slv_str word = slv_str_sub(c->s, c->at, c->at + 6);
    bool is_public = slv_str_eq_nocase(word, SLV_STR("public"));
    if (!is_public && !slv_str_eq_nocase(word, SLV_STR("system"))) {
        out->force_quirks = true;
        return;
    }
    c->at += 6;
    if (is_public) {
        if (!read_id(c, &out->public_id, &out->force_quirks))
            return;
        skip_space(c);
        if (c->at >= c->s.len) {
            out->force_quirks = c->ended;
            return;
        }
    }
    if (!read_id(c, &out->system_id, &out->force_quirks))
        return;
    skip_space(c);
    if (c->at >= c->s.len)
        out->force_quirks = c->ended; /* anything else that follows is ignored */
}

void slv_html_read_doctype(slv_str text, bool ended, slv_html_token *out)
{
    cursor c = {text, 0, ended};

    read_parts(&c, out);
}
