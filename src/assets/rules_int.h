/*
 * rules_int.h - what the parsers of `_headers` and `_redirects` share. Private to assets.
 */
#ifndef SLV_ASSETS_RULES_INT_H
#define SLV_ASSETS_RULES_INT_H

#include "base/arena.h"
#include "base/buf.h"

#define SLV_RULE_LINE_MAX ((size_t)2000)

/* "FILE:LINE: MESSAGE" for each line that was left out, with the line itself; ends with a newline.
 */
SLV_NODISCARD slv_code slv_rule_warn(slv_buf *warnings, const char *file, unsigned line,
                                     slv_str text, const char *fmt, ...) SLV_PRINTF(5, 6);

/* The next line that says something: neither empty nor a comment, trimmed; it is taken off the
 * text, and *number counts the lines. One that is too long is warned about and passed over. *ret is
 * SLV_STR_NULL at the end. */
SLV_NODISCARD slv_code slv_rule_next(slv_str *text, const char *file, unsigned *number,
                                     slv_str *ret, slv_buf *warnings);

enum {
    SLV_RULE_RELATIVE = 1, /* no https://host */
    SLV_RULE_NO_PORT = 2,
    SLV_RULE_REST = 4, /* query and fragment are kept */
};
/* A URL of a rule in normal form, "/path" or "https://host/path", in the arena. SLV_E_PARSE: *why
 * says what is wrong with it. */
SLV_NODISCARD slv_code slv_rule_url(slv_str token, unsigned bits, slv_arena *arena, slv_str *ret,
                                    const char **ret_why);
/* Begins with https:// and a host. */
bool slv_rule_has_host(slv_str url);

#endif
