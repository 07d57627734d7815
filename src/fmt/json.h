/*
 * json.h - JSON (RFC 8259) to a tree and back; optionally with what configuration files add:
 * comments and trailing commas.
 *
 * Strict otherwise: UTF-8 must be valid, control characters in strings are errors, a byte order
 * mark in front is skipped. Escaped lone surrogates become U+FFFD. Numbers keep their text (no
 * precision is lost). Any thread.
 *
 * Limits: SLV_JSON_DEPTH_MAX levels; memory by the arena (SLV_E_LIMIT). Errors are SLV_E_PARSE with
 * "LINE:COL: what was expected".
 */
#ifndef SLV_FMT_JSON_H
#define SLV_FMT_JSON_H

#include "fmt/doc.h"

#define SLV_JSON_DEPTH_MAX 200

typedef enum slv_json_dialect {
    SLV_JSON_STRICT,
    SLV_JSON_COMMENTS, /* comments and trailing commas */
} slv_json_dialect;

SLV_NODISCARD slv_code slv_json_parse(slv_str text, slv_json_dialect dialect, slv_arena *arena,
                                      slv_node **ret, slv_err *err);

/* Appends text as a JSON string with its quotes. Malformed UTF-8 becomes U+FFFD; U+2028 and U+2029
   are escaped, so that the result is a JavaScript string literal as well. */
SLV_NODISCARD slv_code slv_json_put_string(slv_buf *out, slv_str text);
/* Appends the tree, without white space. nan and inf become null, as JSON.stringify does. */
SLV_NODISCARD slv_code slv_json_put(slv_buf *out, const slv_node *node);

#endif
