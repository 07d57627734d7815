/* The [assets] table. */
#include "plat/config_int.h"

static slv_html_handling html_handling(slv_str name)
{
    return slv_str_is(name, "force-trailing-slash")  ? SLV_HTML_FORCE_TRAILING_SLASH
           : slv_str_is(name, "drop-trailing-slash") ? SLV_HTML_DROP_TRAILING_SLASH
           : slv_str_is(name, "none")                ? SLV_HTML_NONE
                                                     : SLV_HTML_AUTO_TRAILING_SLASH;
}

static slv_not_found_handling not_found_handling(slv_str name)
{
    return slv_str_is(name, "404-page")                  ? SLV_NOT_FOUND_404_PAGE
           : slv_str_is(name, "single-page-application") ? SLV_NOT_FOUND_SINGLE_PAGE
                                                         : SLV_NOT_FOUND_NONE;
}

static slv_code read_worker_first(config_walk *w, const slv_node *n, slv_config *c)
{
    slv_assets_config *a = &c->assets;
    slv_err err = {0};

    if (slv_node_is(n, SLV_NODE_BOOL))
        a->worker_first = n->boolean;
    if (!slv_node_is(n, SLV_NODE_ARRAY))
        return SLV_OK;
    slv_str *rules = slv_arena_try_alloc(&c->arena, (n->count + 1) * sizeof *rules);
    if (!rules)
        return SLV_E_LIMIT;
    for (const slv_node *rule = n->first; rule; rule = rule->next)
        rules[a->worker_rule_count++] = rule->text;
    a->worker_rules = rules;
    if (a->worker_rule_count == 0)
        return slv_config_fail(w, SLV_E_INVAL, n,
                               "'assets.run_worker_first' must have at least one rule");
    if (slv_assets_check(a, &err) != SLV_OK)
        return slv_config_fail(w, SLV_E_INVAL, n, "%s", slv_err_text(&err));
    return SLV_OK;
}

slv_code slv_config_read_assets(config_walk *w, const slv_node *n, slv_config *c)
{
    slv_assets_config *a = &c->assets;

    if (!n)
        return SLV_OK;
    a->directory = slv_node_str(slv_node_get(n, "directory"));
    a->binding = slv_node_str(slv_node_get(n, "binding"));
    a->html = html_handling(slv_node_str(slv_node_get(n, "html_handling")));
    a->not_found = not_found_handling(slv_node_str(slv_node_get(n, "not_found_handling")));
    return read_worker_first(w, slv_node_get(n, "run_worker_first"), c);
}
