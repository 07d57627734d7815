/*
 * redirects.h - the `_redirects` file: rules "FROM TO [STATUS]", one in a line, the first that
 * matches counts. Private to assets.
 *
 * Lines that are no rules, and rules past the limits, are left out and named in the warnings. Any
 * thread; rules never change.
 *
 * Limits: SLV_REDIRECTS_STATIC_MAX rules without a pattern, SLV_REDIRECTS_DYNAMIC_MAX others (from
 * the first pattern on every rule counts as one), 2,000 bytes a line.
 * Rule: platform specification 10.2.
 */
#ifndef SLV_ASSETS_REDIRECTS_H
#define SLV_ASSETS_REDIRECTS_H

#include "assets/pattern.h"
#include "base/map.h"
#include "base/vec.h"

#define SLV_REDIRECTS_STATIC_MAX 2000
#define SLV_REDIRECTS_DYNAMIC_MAX 100

typedef struct slv_redirect {
    slv_str from, to; /* in the arena */
    uint16_t status;  /* 200: served in place */
    slv_pattern pattern;
} slv_redirect;

typedef struct slv_redirects {
    SLV_MAP(uint32_t) exact; /* path -> rule */
    SLV_VEC(slv_redirect) rules;
    size_t dynamic; /* rules from there on have patterns */
} slv_redirects;

/* A zeroed *ret; loops: whether "/index.html" leads to "/" again, so that a rule from there to it
 * never ends (html_handling is not "none"). */
SLV_NODISCARD slv_code slv_redirects_parse(slv_str text, bool loops, slv_arena *arena,
                                           slv_redirects *ret, slv_buf *warnings);
void slv_redirects_done(slv_redirects *r);
/* The rule for a path, and in `to` where it leads ("/path?query#part", or a whole URL); NULL: none.
 */
const slv_redirect *slv_redirects_find(const slv_redirects *r, slv_str path, slv_buf *to);

#endif
