/* Settings of Pages projects: merged, their secrets sealed apart, and what a worker gets of them.
 */
#include <stdio.h>
#include <time.h>

#include "api/pages_int.h"
#include "fmt/json.h"
#include "fmt/json_merge.h"

static const char *const environments[] = {"production", "preview"};

/* ---- trees ---- */

static slv_node *new_node(asset_rest *r, slv_node_type type)
{
    return slv_node_new(&r->arena, type, 0, 0);
}

static slv_node *new_text(asset_rest *r, slv_str text)
{
    slv_node *n = new_node(r, SLV_NODE_STRING);

    if (n)
        n->text = text;
    return n;
}

static slv_code too_large(slv_err *err)
{
    return slv_fail(err, SLV_E_LIMIT, "The settings are too large");
}

static slv_code to_text(asset_rest *r, const slv_node *n, slv_str *ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(PAGES_CONFIG_MAX * 4);

    if (slv_json_put(&text, n) != SLV_OK ||
        slv_arena_dup(&r->arena, slv_buf_view(&text), ret) != SLV_OK)
        return too_large(err);
    return SLV_OK;
}

/* {"production":{"K":"v"},"preview":{}} */
static slv_code read_secrets(asset_rest *r, slv_str sealed, slv_node **ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf plain = SLV_BUF(PAGES_CONFIG_MAX * 4);
    slv_str text = SLV_STR("{\"production\":{},\"preview\":{}}");

    if (sealed.len > 0) {
        SLV_TRY(slv_host_unseal(slv_pages_of(r)->host, sealed, &plain, err));
        if (slv_arena_dup(&r->arena, slv_buf_view(&plain), &text) != SLV_OK)
            return too_large(err);
    }
    return slv_json_parse(text, SLV_JSON_STRICT, &r->arena, ret, err);
}

static slv_code seal_secrets(asset_rest *r, const slv_node *secrets, slv_str *ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf sealed = SLV_BUF(PAGES_CONFIG_MAX * 8);
    slv_str text;

    SLV_TRY(to_text(r, secrets, &text, err));
    if (slv_host_seal(slv_pages_of(r)->host, text, &sealed) != SLV_OK ||
        slv_arena_dup(&r->arena, slv_buf_view(&sealed), ret) != SLV_OK)
        return too_large(err);
    return SLV_OK;
}

/* ---- merging ---- */

/* A variable's value becomes a secret, or stays what it was when none is given. */
static slv_code take_secret(asset_rest *r, slv_node *variable, slv_node *secrets, slv_err *err)
{
    slv_str value = slv_node_str(slv_node_get(variable, "value"));
    slv_node *kept, *empty = new_text(r, SLV_STR(""));

    if (!empty)
        return too_large(err);
    if (value.len > 0) {
        kept = new_text(r, value);
        if (!kept)
            return too_large(err);
        slv_json_set(secrets, variable->key, kept);
    }
    slv_json_set(variable, SLV_STR("value"), empty);
    return SLV_OK;
}

static slv_code split_secrets(asset_rest *r, slv_node *config, slv_node *secrets, slv_err *err)
{
    slv_node *vars = slv_node_get(config, "env_vars");
    const slv_node *next;

    if (!vars || vars->type == SLV_NODE_NULL)
        vars = new_node(r, SLV_NODE_OBJECT);
    if (!slv_node_is(vars, SLV_NODE_OBJECT))
        return slv_asset_refuse(r, err, 400, PAGES_INVALID,
                                "deployment_configs: env_vars must be an object");
    for (slv_node *v = vars->first; v; v = v->next) {
        slv_str type = slv_node_str(slv_node_get(v, "type"));

        if (v->type != SLV_NODE_OBJECT ||
            (type.len > 0 && !slv_str_is(type, "plain_text") && !slv_str_is(type, "secret_text")))
            return slv_asset_refuse(r, err, 400, PAGES_INVALID,
                                    "env_vars: '%.*s' must have the type plain_text or secret_text",
                                    SLV_STR_ARGS(v->key));
        if (slv_str_is(type, "secret_text"))
            SLV_TRY(take_secret(r, v, secrets, err));
    }
    /* What is no secret any more is forgotten. */
    for (const slv_node *s = secrets->first; s; s = next) {
        const slv_node *v = slv_node_find(vars, s->key);

        next = s->next;
        if (!v || !slv_str_is(slv_node_str(slv_node_get(v, "type")), "secret_text"))
            slv_json_set(secrets, s->key, NULL);
    }
    return SLV_OK;
}

static slv_code today(asset_rest *r, slv_node **ret)
{
    time_t now = (time_t)(r->now_ms / 1000);
    struct tm tm;
    char text[16];
    slv_str date;

    strftime(text, sizeof text, "%Y-%m-%d", gmtime_r(&now, &tm));
    SLV_TRY(slv_arena_dup(&r->arena, slv_str_from(text), &date));
    *ret = new_text(r, date);
    return *ret ? SLV_OK : SLV_E_LIMIT;
}

static slv_code complete_config(asset_rest *r, slv_node *config, slv_err *err)
{
    slv_node *date, *flags;

    if (!slv_node_get(config, "compatibility_date")) {
        if (today(r, &date) != SLV_OK)
            return too_large(err);
        slv_json_set(config, SLV_STR("compatibility_date"), date);
    }
    if (!slv_node_get(config, "compatibility_flags")) {
        if (!(flags = new_node(r, SLV_NODE_ARRAY)))
            return too_large(err);
        slv_json_set(config, SLV_STR("compatibility_flags"), flags);
    }
    if (!slv_node_get(config, "env_vars")) {
        if (!(flags = new_node(r, SLV_NODE_OBJECT)))
            return too_large(err);
        slv_json_set(config, SLV_STR("env_vars"), flags);
    }
    return SLV_OK;
}

slv_code slv_pages_configs_merge(asset_rest *r, slv_pages_project *row, const slv_node *patch,
                                 slv_err *err)
{
    slv_node *configs, *secrets, *before;

    SLV_TRY(slv_json_parse(row->configs.len > 0 ? row->configs : SLV_STR("{}"), SLV_JSON_STRICT,
                           &r->arena, &before, err));
    SLV_TRY(read_secrets(r, row->secrets, &secrets, err));
    if (patch && patch->type != SLV_NODE_NULL && patch->type != SLV_NODE_OBJECT)
        return slv_asset_refuse(r, err, 400, PAGES_INVALID, "deployment_configs must be an object");
    configs = before;
    if (slv_node_is(patch, SLV_NODE_OBJECT) &&
        slv_json_merge(before, patch, &r->arena, &configs) != SLV_OK)
        return too_large(err);
    for (size_t i = 0; i < SLV_ARRAY_LEN(environments); i++) {
        slv_str name = slv_str_from(environments[i]);
        slv_node *config = slv_node_find(configs, name), *own = slv_node_find(secrets, name);

        if (!slv_node_is(config, SLV_NODE_OBJECT)) {
            if (!(config = new_node(r, SLV_NODE_OBJECT)))
                return too_large(err);
            slv_json_set(configs, name, config);
        }
        if (!own) {
            if (!(own = new_node(r, SLV_NODE_OBJECT)))
                return too_large(err);
            slv_json_set(secrets, name, own);
        }
        SLV_TRY(complete_config(r, config, err));
        SLV_TRY(split_secrets(r, config, own, err));
    }
    SLV_TRY(to_text(r, configs, &row->configs, err));
    if (row->configs.len > PAGES_CONFIG_MAX)
        return too_large(err);
    return seal_secrets(r, secrets, &row->secrets, err);
}

/* ---- bindings of a worker ---- */

/* Which members of a setting become which members of a binding. */
static const struct {
    const char *config, *type;
    const char *from[4], *to[4];
} kinds[] = {
    {"kv_namespaces", "kv_namespace", {"namespace_id"}, {"namespace_id"}},
    {"d1_databases", "d1", {"id"}, {"id"}},
    {"r2_buckets", "r2_bucket", {"name", "jurisdiction"}, {"bucket_name", "jurisdiction"}},
    {"durable_object_namespaces",
     "durable_object_namespace",
     {"namespace_id", "class_name", "service", "environment"},
     {"namespace_id", "class_name", "script_name", "environment"}},
    {"queue_producers", "queue", {"name"}, {"queue_name"}},
    {"services",
     "service",
     {"service", "environment", "entrypoint"},
     {"service", "environment", "entrypoint"}},
    {"analytics_engine_datasets", "analytics_engine", {"dataset"}, {"dataset"}},
    {"hyperdrive_bindings", "hyperdrive", {"id"}, {"id"}},
    {"vectorize_bindings", "vectorize", {"index_name"}, {"index_name"}},
    {"mtls_certificates", "mtls_certificate", {"certificate_id"}, {"certificate_id"}},
    {"ai_bindings", "ai", {NULL}, {NULL}},
    {"browsers", "browser", {NULL}, {NULL}},
};

static bool has_binding(const slv_node *list, slv_str name)
{
    for (const slv_node *b = list->first; b; b = b->next)
        if (slv_str_eq(slv_node_str(slv_node_get(b, "name")), name))
            return true;
    return false;
}

/* A binding with members by pairs (NULL ends them); nothing where the name is bound already. */
static slv_code add_binding(asset_rest *r, slv_node *list, slv_str name, const char *type,
                            const char *key, slv_str value, slv_node **ret)
{
    slv_node *b = new_node(r, SLV_NODE_OBJECT), *n = new_text(r, name),
             *t = new_text(r, slv_str_from(type));

    *ret = NULL;
    if (has_binding(list, name))
        return SLV_OK;
    if (!b || !n || !t)
        return SLV_E_LIMIT;
    slv_json_set(b, SLV_STR("name"), n);
    slv_json_set(b, SLV_STR("type"), t);
    if (key) {
        slv_node *v = new_text(r, value);

        if (!v)
            return SLV_E_LIMIT;
        slv_json_set(b, slv_str_from(key), v);
    }
    slv_node_append(list, b);
    *ret = b;
    return SLV_OK;
}

static slv_code add_variables(asset_rest *r, const slv_node *config, const slv_node *secrets,
                              bool only_secrets, slv_node *list)
{
    const slv_node *vars = slv_node_get(config, "env_vars");
    slv_node *b;

    for (const slv_node *v = vars ? vars->first : NULL; v; v = v->next) {
        bool secret = slv_str_is(slv_node_str(slv_node_get(v, "type")), "secret_text");

        if (secret && slv_node_find(secrets, v->key))
            SLV_TRY(add_binding(r, list, v->key, "secret_text", "text",
                                slv_node_str(slv_node_find(secrets, v->key)), &b));
        else if (!secret && !only_secrets)
            SLV_TRY(add_binding(r, list, v->key, "plain_text", "text",
                                slv_node_str(slv_node_get(v, "value")), &b));
    }
    return SLV_OK;
}

static slv_code add_kind(asset_rest *r, const slv_node *config, size_t kind, slv_node *list)
{
    const slv_node *all = slv_node_get(config, kinds[kind].config);

    for (const slv_node *n = slv_node_is(all, SLV_NODE_OBJECT) ? all->first : NULL; n;
         n = n->next) {
        slv_node *b;

        SLV_TRY(add_binding(r, list, n->key, kinds[kind].type, NULL, SLV_STR(""), &b));
        for (size_t i = 0; b && i < SLV_ARRAY_LEN(kinds[kind].from) && kinds[kind].from[i]; i++) {
            const slv_node *from = slv_node_get(n, kinds[kind].from[i]);
            slv_node *copy = from ? slv_json_copy(from, true, &r->arena) : NULL;

            if (from && !copy)
                return SLV_E_LIMIT;
            if (copy && slv_node_str(copy).len > 0)
                slv_json_set(b, slv_str_from(kinds[kind].to[i]), copy);
        }
    }
    return SLV_OK;
}

/* What a deployment knows of itself. */
static slv_code add_own(asset_rest *r, slv_node *list)
{
    SLV_CLEANUP(slv_buf_done) slv_buf url = SLV_BUF((size_t)4 << 10);
    pages_rest *p = slv_pages_of(r);
    slv_node *trigger = NULL, *b;
    slv_str text;

    SLV_TRY(add_binding(r, list, SLV_STR("ASSETS"), "assets", NULL, SLV_STR(""), &b));
    SLV_TRY(slv_json_parse(p->deployment.trigger, SLV_JSON_STRICT, &r->arena, &trigger, NULL));
    SLV_TRY(slv_host_pages_url(p->host, p->project.subdomain, slv_str_sub(p->deployment.id, 0, 8),
                               &url));
    SLV_TRY(slv_arena_dup(&r->arena, slv_buf_view(&url), &text));
    SLV_TRY(add_binding(r, list, SLV_STR("CF_PAGES"), "plain_text", "text", SLV_STR("1"), &b));
    SLV_TRY(add_binding(r, list, SLV_STR("CF_PAGES_BRANCH"), "plain_text", "text",
                        slv_node_str(slv_node_get(trigger, "branch")), &b));
    SLV_TRY(add_binding(r, list, SLV_STR("CF_PAGES_COMMIT_SHA"), "plain_text", "text",
                        slv_node_str(slv_node_get(trigger, "commit_hash")), &b));
    return add_binding(r, list, SLV_STR("CF_PAGES_URL"), "plain_text", "text", text, &b);
}

static slv_code copy_member(asset_rest *r, slv_node *to, const slv_node *from, const char *key)
{
    const slv_node *n = slv_node_get(from, key);
    slv_node *copy = n && n->type != SLV_NODE_NULL ? slv_json_copy(n, true, &r->arena) : NULL;

    if (copy)
        slv_json_set(to, slv_str_from(key), copy);
    return copy || !n || n->type == SLV_NODE_NULL ? SLV_OK : SLV_E_LIMIT;
}

static slv_code compose(asset_rest *r, const slv_node *uploaded, const slv_node *config,
                        const slv_node *secrets, slv_node *meta)
{
    static const char *const settings[] = {"compatibility_date", "compatibility_flags", "placement",
                                           "limits"};
    bool own = slv_node_get(uploaded, "bindings") || slv_node_get(uploaded, "compatibility_date");
    slv_node *list;

    if (own && slv_node_is(slv_node_get(uploaded, "bindings"), SLV_NODE_ARRAY))
        list = slv_json_copy(slv_node_get(uploaded, "bindings"), true, &r->arena);
    else
        list = new_node(r, SLV_NODE_ARRAY);
    if (!list)
        return SLV_E_LIMIT;
    SLV_TRY(copy_member(r, meta, uploaded, "main_module"));
    for (size_t i = 0; i < SLV_ARRAY_LEN(settings); i++)
        SLV_TRY(copy_member(r, meta, own ? uploaded : config, settings[i]));
    SLV_TRY(add_variables(r, config, secrets, own, list));
    for (size_t i = 0; !own && i < SLV_ARRAY_LEN(kinds); i++)
        SLV_TRY(add_kind(r, config, i, list));
    SLV_TRY(add_own(r, list));
    slv_json_set(meta, SLV_STR("bindings"), list);
    return SLV_OK;
}

slv_code slv_pages_metadata(asset_rest *r, const slv_node *uploaded, slv_node **ret, slv_err *err)
{
    pages_rest *p = slv_pages_of(r);
    const char *environment = environments[p->deployment.production ? 0 : 1];
    slv_node *configs = NULL, *secrets = NULL, *meta = new_node(r, SLV_NODE_OBJECT);

    SLV_TRY(slv_json_parse(p->project.configs, SLV_JSON_STRICT, &r->arena, &configs, err));
    SLV_TRY(read_secrets(r, p->project.secrets, &secrets, err));
    if (!meta || compose(r, uploaded, slv_node_get(configs, environment),
                         slv_node_get(secrets, environment), meta) != SLV_OK)
        return too_large(err);
    *ret = meta;
    return SLV_OK;
}
