/*
 * pattern.h - the patterns of `_headers` and `_redirects`: paths (or https://host/path) in which
 * one `*` stands for anything and `:name` for one piece of the path. Private to assets.
 *
 * Matching is greedy from the left and tries again with less, as a regular expression would; what
 * needs more than SLV_PATTERN_STEPS_MAX steps does not match, so that rules of a tenant cannot hold
 * up the loop. Any thread; a pattern never changes.
 *
 * Limits: SLV_PATTERN_PARTS_MAX parts (SLV_E_LIMIT). SLV_E_PARSE: a second `*`, or a name twice.
 * Rule: Cloudflare's documentation of both files.
 */
#ifndef SLV_ASSETS_PATTERN_H
#define SLV_ASSETS_PATTERN_H

#include "base/arena.h"
#include "base/buf.h"

#define SLV_PATTERN_PARTS_MAX 64
#define SLV_PATTERN_STEPS_MAX 100000u

typedef enum slv_pattern_kind {
    SLV_PATTERN_TEXT,
    SLV_PATTERN_SPLAT, /* anything, nothing included */
    SLV_PATTERN_PIECE, /* at least one character, none of them "/" */
    SLV_PATTERN_LABEL, /* of a host: nor "." */
} slv_pattern_kind;

typedef struct slv_pattern_part {
    slv_pattern_kind kind;
    slv_str text; /* or the name: "splat" for `*` */
} slv_pattern_part;

typedef struct slv_pattern {
    const slv_pattern_part *parts;
    size_t count;
    bool with_host; /* it begins with https:// and is matched against host and path */
} slv_pattern;

typedef struct slv_pattern_match {
    slv_str values[SLV_PATTERN_PARTS_MAX]; /* by part; of texts the text itself */
} slv_pattern_match;

/* rule is borrowed for as long as the pattern; parts live in arena. */
SLV_NODISCARD slv_code slv_pattern_parse(slv_str rule, slv_arena *arena, slv_pattern *ret);
/* The values borrow from text. */
bool slv_pattern_run(const slv_pattern *p, slv_str text, slv_pattern_match *ret);
/* Appends text with every :name of the pattern replaced by what it stood for. */
SLV_NODISCARD slv_code slv_pattern_fill(const slv_pattern *p, const slv_pattern_match *m,
                                        slv_str text, slv_buf *out);
/* Whether a rule has a `*` or a `:name`. */
bool slv_pattern_is_dynamic(slv_str rule);

#endif
