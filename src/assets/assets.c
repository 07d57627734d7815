#include "assets/assets.h"

#include "assets/assets_int.h"

slv_assets *slv_assets_new(const slv_assets_config *config)
{
    slv_assets *a = slv_new0(slv_assets);
    slv_str routes;

    a->refs = 1;
    a->arena = SLV_ARENA(SLV_ASSETS_MEMORY);
    a->config = *config;
    a->config.directory = a->config.binding = SLV_STR_NULL; /* only who made it needs them */
    a->config.worker_rules = NULL;
    a->config.worker_rule_count = 0;
    slv_str *rules = slv_arena_try_alloc(&a->arena, config->worker_rule_count * sizeof *rules + 1);
    for (size_t i = 0; rules && i < config->worker_rule_count; i++)
        if (slv_arena_dup(&a->arena, config->worker_rules[i], &rules[i]) == SLV_OK)
            a->config.worker_rule_count++;
    a->config.worker_rules = rules;
    a->config.routes = SLV_STR_NULL;
    /* Whoever made the configuration has seen to it that they are right. */
    if (slv_arena_dup(&a->arena, config->routes, &routes) != SLV_OK ||
        slv_routes_parse(routes, &a->arena, &a->routes, NULL) != SLV_OK)
        a->routes = (slv_routes){0};
    return a;
}

slv_assets *slv_assets_ref(slv_assets *a)
{
    a->refs++;
    return a;
}

slv_assets *slv_assets_unref(slv_assets *a)
{
    if (a && --a->refs == 0) {
        slv_redirects_done(&a->redirects);
        slv_header_rules_done(&a->headers);
        slv_map_done(&a->index);
        slv_vec_done(&a->files);
        slv_arena_done(&a->arena);
        free(a);
    }
    return NULL;
}

slv_code slv_assets_add(slv_assets *a, const slv_asset *asset)
{
    slv_asset kept = *asset;

    SLV_TRY(slv_arena_dup(&a->arena, asset->path, &kept.path));
    SLV_TRY(slv_arena_dup(&a->arena, asset->file, &kept.file));
    SLV_TRY(slv_arena_dup(&a->arena, asset->type, &kept.type));
    slv_map_set(&a->index, kept.path, (uint32_t)a->files.len);
    slv_vec_push(&a->files, kept);
    return SLV_OK;
}

slv_code slv_assets_add_rules(slv_assets *a, slv_str headers, slv_str redirects, slv_buf *warnings)
{
    slv_str text;

    SLV_TRY(slv_arena_dup(&a->arena, headers, &text));
    SLV_TRY(slv_header_rules_parse(text, &a->arena, &a->headers, warnings));
    SLV_TRY(slv_arena_dup(&a->arena, redirects, &text));
    return slv_redirects_parse(text, a->config.html != SLV_HTML_NONE, &a->arena, &a->redirects,
                               warnings);
}

size_t slv_assets_count(const slv_assets *a)
{
    return a->files.len;
}

const slv_asset *slv_assets_at(const slv_assets *a, size_t i)
{
    return &a->files.items[i];
}

bool slv_assets_has_worker(const slv_assets *a)
{
    return a->config.has_worker;
}

bool slv_assets_immutable(const slv_assets *a)
{
    return a->immutable;
}

const slv_asset *slv_assets_get(const slv_assets *a, slv_str path)
{
    const uint32_t *at = slv_map_get(&a->index, path);

    return at ? &a->files.items[*at] : NULL;
}

/* ---- run_worker_first ---- */

static slv_code bad_rule(slv_err *err, slv_str rule, const char *why)
{
    return slv_fail(err, SLV_E_PARSE, "assets.run_worker_first: '%.*s': %s", SLV_STR_ARGS(rule),
                    why);
}

static bool is_negative(slv_str rule)
{
    return rule.len > 0 && rule.ptr[0] == '!';
}

static slv_code check_against(slv_str rule, slv_str other, slv_err *err)
{
    if (is_negative(rule) != is_negative(other))
        return SLV_OK;
    if (slv_str_eq(rule, other))
        return bad_rule(err, rule, "rule is a duplicate; rules must be unique");
    if (slv_str_ends(other, SLV_STR("*")) &&
        slv_str_starts(rule, slv_str_sub(other, 0, other.len - 1)))
        return slv_fail(err, SLV_E_PARSE,
                        "assets.run_worker_first: '%.*s': rule '%.*s' makes it redundant",
                        SLV_STR_ARGS(rule), SLV_STR_ARGS(other));
    return SLV_OK;
}

slv_code slv_assets_check(const slv_assets_config *c, slv_err *err)
{
    size_t positive = 0;

    if (c->worker_rule_count > SLV_ASSETS_RULES_MAX)
        return slv_fail(err, SLV_E_PARSE,
                        "assets.run_worker_first: %zu rules provided exceeds max of %u",
                        c->worker_rule_count, SLV_ASSETS_RULES_MAX);
    for (size_t i = 0; i < c->worker_rule_count; i++) {
        slv_str rule = c->worker_rules[i];

        if (is_negative(rule) && !slv_str_starts(rule, SLV_STR("!/")))
            return bad_rule(err, rule, "negative rules must start with '!/'");
        if (!is_negative(rule) && !slv_str_starts(rule, SLV_STR("/")))
            return bad_rule(err, rule, "rules must start with '/' or '!/'");
        if (rule.len > SLV_ASSETS_RULE_MAX)
            return bad_rule(err, rule, "all rules must be less than 100 characters in length");
        for (size_t k = 0; k < c->worker_rule_count; k++)
            if (k != i)
                SLV_TRY(check_against(rule, c->worker_rules[k], err));
        positive += !is_negative(rule);
    }
    if (c->worker_rule_count > 0 && positive == 0)
        return slv_fail(err, SLV_E_PARSE,
                        "assets.run_worker_first: only negative rules were provided; must provide "
                        "at least 1 non-negative rule");
    return SLV_OK;
}
