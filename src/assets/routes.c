#include "assets/routes.h"

#include "fmt/glob.h"
#include "fmt/json.h"

static const slv_str everything[] = {{"/*", 2}};

/* ---- reading ---- */

static slv_code check_rule(slv_str rule, const char *list, slv_err *err)
{
    if (!slv_str_starts(rule, SLV_STR("/")))
        return slv_fail(err, SLV_E_PARSE, "_routes.json: %s: '%.*s' does not begin with a slash",
                        list, SLV_STR_ARGS(slv_str_sub(rule, 0, 128)));
    if (rule.len > SLV_ROUTES_RULE_MAX)
        return slv_fail(err, SLV_E_PARSE, "_routes.json: %s: '%.*s...' has more than %u characters",
                        list, SLV_STR_ARGS(slv_str_sub(rule, 0, 32)), SLV_ROUTES_RULE_MAX);
    return SLV_OK;
}

/* What "/x/" and a star cover must not be named again. */
static slv_code check_overlaps(const slv_str *rules, size_t count, const char *list, slv_err *err)
{
    for (size_t i = 0; i < count; i++) {
        slv_str wide = rules[i];

        if (!slv_str_ends(wide, SLV_STR("/*")))
            continue;
        for (size_t k = 0; k < count; k++)
            if (!slv_str_eq(rules[k], wide) &&
                slv_str_starts(rules[k], slv_str_sub(wide, 0, wide.len - 1)))
                return slv_fail(err, SLV_E_PARSE, "_routes.json: %s: '%.*s' covers '%.*s'", list,
                                SLV_STR_ARGS(wide), SLV_STR_ARGS(rules[k]));
    }
    return SLV_OK;
}

static slv_code read_list(const slv_node *root, const char *name, slv_arena *arena,
                          const slv_str **ret, size_t *ret_count, slv_err *err)
{
    const slv_node *list = slv_node_get(root, name);
    slv_str *rules;
    size_t n = 0;

    if (!slv_node_is(list, SLV_NODE_ARRAY))
        return slv_fail(err, SLV_E_PARSE, "_routes.json: %s must be a list of paths", name);
    rules = slv_arena_try_alloc(arena, list->count * sizeof *rules + 1);
    if (!rules)
        return slv_fail(err, SLV_E_LIMIT, "_routes.json is too large");
    for (const slv_node *i = list->first; i; i = i->next) {
        if (i->type != SLV_NODE_STRING)
            return slv_fail(err, SLV_E_PARSE, "_routes.json: %s must be a list of paths", name);
        SLV_TRY(check_rule(i->text, name, err));
        rules[n++] = i->text;
    }
    SLV_TRY(check_overlaps(rules, n, name, err));
    *ret = rules;
    *ret_count = n;
    return SLV_OK;
}

slv_code slv_routes_parse(slv_str text, slv_arena *arena, slv_routes *ret, slv_err *err)
{
    slv_node *root = NULL;
    int64_t version;

    *ret = (slv_routes){.include = everything, .include_count = 1};
    if (text.len == 0)
        return SLV_OK;
    if (slv_json_parse(text, SLV_JSON_STRICT, arena, &root, err) != SLV_OK) {
        const slv_err why = err ? *err : (slv_err){0};

        return slv_fail(err, SLV_E_PARSE, "_routes.json:%s", slv_err_text(&why));
    }
    if (!slv_node_i64(slv_node_get(root, "version"), &version) || version != 1)
        return slv_fail(err, SLV_E_PARSE, "_routes.json: version must be 1");
    SLV_TRY(read_list(root, "include", arena, &ret->include, &ret->include_count, err));
    SLV_TRY(read_list(root, "exclude", arena, &ret->exclude, &ret->exclude_count, err));
    if (ret->include_count == 0)
        return slv_fail(err, SLV_E_PARSE, "_routes.json: include must have at least one path");
    if (ret->include_count + ret->exclude_count > SLV_ROUTES_RULES_MAX)
        return slv_fail(err, SLV_E_PARSE, "_routes.json has %zu rules; %u are allowed",
                        ret->include_count + ret->exclude_count, SLV_ROUTES_RULES_MAX);
    return SLV_OK;
}

/* ---- matching ---- */

/* The rule's first `len` characters followed by `end`. */
static bool matches(slv_str rule, size_t len, slv_str end, slv_str path)
{
    char text[SLV_ROUTES_RULE_MAX + 4];

    memcpy(text, rule.ptr, len);
    memcpy(text + len, end.ptr, end.len);
    return slv_glob_match(slv_str_make(text, len + end.len), path, SLV_GLOB_IMPORT);
}

static bool rule_matches(slv_str rule, slv_str path)
{
    if (slv_str_is(rule, "/") || slv_str_is(rule, "/*"))
        return matches(rule, rule.len, SLV_STR(""), path);
    if (slv_str_ends(rule, SLV_STR("/*")))
        return matches(rule, rule.len, SLV_STR(""), path) ||
               matches(rule, rule.len - 2, SLV_STR(""), path);
    if (slv_str_ends(rule, SLV_STR("*")))
        return matches(rule, rule.len, SLV_STR(""), path);
    if (slv_str_ends(rule, SLV_STR("/")))
        return matches(rule, rule.len, SLV_STR(""), path) ||
               matches(rule, rule.len - 1, SLV_STR(""), path);
    return matches(rule, rule.len, SLV_STR(""), path) ||
           matches(rule, rule.len, SLV_STR("/"), path);
}

static bool any_matches(const slv_str *rules, size_t count, slv_str path)
{
    for (size_t i = 0; i < count; i++)
        if (rule_matches(rules[i], path))
            return true;
    return false;
}

bool slv_routes_match(const slv_routes *r, slv_str path)
{
    return !any_matches(r->exclude, r->exclude_count, path) &&
           any_matches(r->include, r->include_count, path);
}
