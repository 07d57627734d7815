/*
 * routes.h - the `_routes.json` file of Pages: which requests are for the Functions, all others
 * being for the static files. Rules never change; any thread.
 *
 * A rule is a path in which `*` stands for anything; "/foo" is "/foo/" too, and "/foo/" followed by
 * a star is "/foo" too.
 *
 * Limits: SLV_ROUTES_RULES_MAX rules together, SLV_ROUTES_RULE_MAX characters each.
 * Rule: platform specification 10.4.
 */
#ifndef SLV_ASSETS_ROUTES_H
#define SLV_ASSETS_ROUTES_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define SLV_ROUTES_RULES_MAX 100u
#define SLV_ROUTES_RULE_MAX 100u

typedef struct slv_routes {
    const slv_str *include, *exclude;
    size_t include_count, exclude_count;
} slv_routes;

/* Reads the text, in the arena. SLV_E_PARSE: what is wrong with it. Empty text: everything is for
 * the Functions. */
SLV_NODISCARD slv_code slv_routes_parse(slv_str text, slv_arena *arena, slv_routes *ret,
                                        slv_err *err);
/* Whether the Functions get a request for the path, as it stands in the URL. */
bool slv_routes_match(const slv_routes *r, slv_str path);

#endif
