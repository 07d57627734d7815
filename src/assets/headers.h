/*
 * headers.h - the `_headers` file: a path, then indented "Name: value" lines that responses to it
 * get, and "! Name" lines that take a field away. Private to assets.
 *
 * Every rule that matches applies, in order: a rule's first value of a name replaces what the
 * response had, later rules' values of it are added. Lines that are no rules are left out and named
 * in the warnings. Any thread; rules never change.
 *
 * Limits: SLV_HEADERS_RULES_MAX rules, 2,000 bytes a line.
 * Rule: platform specification 10.3.
 */
#ifndef SLV_ASSETS_HEADERS_H
#define SLV_ASSETS_HEADERS_H

#include "assets/pattern.h"
#include "base/vec.h"

#define SLV_HEADERS_RULES_MAX 100

typedef struct slv_header_field {
    slv_str name, value; /* the name in lower case */
} slv_header_field;

typedef SLV_VEC(slv_header_field) slv_header_list;

typedef struct slv_header_rule {
    slv_str path;
    slv_pattern pattern;
    slv_header_list set;
    SLV_VEC(slv_str) unset;
} slv_header_rule;

typedef struct slv_header_rules {
    SLV_VEC(slv_header_rule) rules;
} slv_header_rules;

/* A zeroed *ret. */
SLV_NODISCARD slv_code slv_header_rules_parse(slv_str text, slv_arena *arena, slv_header_rules *ret,
                                              slv_buf *warnings);
void slv_header_rules_done(slv_header_rules *r);
/* Changes fields, whose new strings live in arena. host is without a port. */
SLV_NODISCARD slv_code slv_header_rules_apply(const slv_header_rules *r, slv_str host, slv_str path,
                                              slv_header_list *fields, slv_arena *arena);

#endif
