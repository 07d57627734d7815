/* From the checked tree to the fields, for one environment. */
#include "plat/config.h"

#include <stdio.h>

#include "fmt/json.h"
#include "fmt/suggest.h"
#include "fmt/toml.h"
#include "plat/config_int.h"

typedef struct reader {
    config_walk w;
    const slv_config_options *options;
    slv_node *root, *env; /* env: NULL at the top level */
    slv_config *c;
} reader;

/* ---- environments ---- */

static bool is_empty(const slv_node *n)
{
    return (n->type == SLV_NODE_OBJECT || n->type == SLV_NODE_ARRAY) && n->count == 0;
}

static slv_node *value_in(const slv_node *root, const slv_node *env, const char *name)
{
    const config_key *key = slv_config_key_find(slv_config_keys, slv_str_from(name));
    slv_node *own = slv_node_get(env, name);

    SLV_ASSERT(key);
    if (!env)
        return slv_node_get(root, name);
    if (own && key->scope != CONFIG_TOP)
        return own;
    return key->scope == CONFIG_OWN ? NULL : slv_node_get(root, name);
}

/* The value that is in force for the environment; NULL when there is none. */
static slv_node *in_force(const reader *r, const char *name)
{
    return value_in(r->root, r->env, name);
}

const slv_node *slv_config_value(const slv_config *c, const char *key)
{
    return value_in(c->root, c->env, key);
}

/* Bindings and variables of the top level do not reach an environment, which surprises people. */
static void warn_not_inherited(reader *r)
{
    for (const config_key *k = slv_config_keys; k->name; k++) {
        slv_node *top = slv_node_get(r->root, k->name);

        if (k->scope != CONFIG_OWN || !top || is_empty(top) || slv_node_get(r->env, k->name))
            continue;
        slv_config_warn_at(
            &r->w, r->env,
            "'%s' exists at the top level, but not in 'env.%.*s'; it is not inherited, so "
            "repeat it there",
            k->name, SLV_STR_ARGS(r->options->env));
    }
}

static slv_code unknown_env(reader *r, const slv_node *envs)
{
    const char *words[32];
    char names[256] = "";
    size_t n = 0;

    for (const slv_node *e = envs ? envs->first : NULL; e && n < SLV_ARRAY_LEN(words);
         e = e->next, n++) {
        size_t used = strlen(names);

        snprintf(names + used, sizeof names - used, "%s%.*s", n ? ", " : "", SLV_STR_ARGS(e->key));
    }
    if (n == 0)
        return slv_config_fail(
            &r->w, SLV_E_INVAL, NULL,
            "there is no environment '%.*s'; the configuration has no [env.%.*s] section",
            SLV_STR_ARGS(r->options->env), SLV_STR_ARGS(r->options->env));
    return slv_config_fail(&r->w, SLV_E_INVAL, NULL,
                           "there is no environment '%.*s'; there are: %s",
                           SLV_STR_ARGS(r->options->env), names);
}

static slv_code choose_env(reader *r)
{
    slv_node *envs = slv_node_get(r->root, "env");
    const slv_config_warn warn = r->w.warn;

    for (slv_node *e = envs ? envs->first : NULL; e; e = e->next) {
        /* Errors anywhere, warnings only of what is used. */
        r->w.warn = slv_str_eq(e->key, r->options->env) ? warn : NULL;
        snprintf(r->w.path, sizeof r->w.path, "env.%.*s", SLV_STR_ARGS(e->key));
        if (e->type != SLV_NODE_OBJECT)
            return slv_config_fail(&r->w, SLV_E_INVAL, e, "'%s' must be a table, not %s", r->w.path,
                                   slv_node_type_text(e->type));
        SLV_TRY(slv_config_check_table(&r->w, e, slv_config_keys, true, true));
    }
    r->w.warn = warn;
    r->w.path[0] = '\0';
    if (r->options->env.len == 0)
        return SLV_OK;
    r->env = slv_node_find(envs, r->options->env);
    if (!r->env)
        return unknown_env(r, envs);
    warn_not_inherited(r);
    return SLV_OK;
}

/* ---- fields ---- */

static slv_str text_of(const reader *r, const char *name)
{
    slv_str s = slv_node_str(in_force(r, name));

    return s.ptr ? s : SLV_STR("");
}

static bool bool_of(const reader *r, const char *name)
{
    const slv_node *n = in_force(r, name);

    return n && n->boolean;
}

#define PUSH_STRINGS(vec, node)                                                                    \
    do {                                                                                           \
        const slv_node *node_ = (node);                                                            \
        for (const slv_node *n_ = node_ ? node_->first : NULL; n_; n_ = n_->next)                  \
            slv_vec_push((vec), n_->text);                                                         \
    } while (0)
#define PUSH_PAIRS(vec, node)                                                                      \
    do {                                                                                           \
        const slv_node *node_ = (node);                                                            \
        for (const slv_node *n_ = node_ ? node_->first : NULL; n_; n_ = n_->next)                  \
            slv_vec_push((vec), ((slv_pair){n_->key, n_->text}));                                  \
    } while (0)

static slv_code arena_printf(reader *r, slv_str *ret, const char *fmt, ...) SLV_PRINTF(3, 4);
static slv_code arena_printf(reader *r, slv_str *ret, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return slv_arena_dup(&r->c->arena, slv_str_from(text), ret);
}

static bool name_is_valid(slv_str s)
{
    if (s.len > 255)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!slv_is_alpha(s.ptr[i]) && !slv_is_digit(s.ptr[i]) && s.ptr[i] != '-' &&
            s.ptr[i] != '_')
            return false;
    return true;
}

static slv_code read_name(reader *r)
{
    const slv_node *own = slv_node_get(r->env, "name"), *n = in_force(r, "name");

    r->c->name = text_of(r, "name");
    if (r->env && !own && r->c->name.len > 0)
        SLV_TRY(arena_printf(r, &r->c->name, "%.*s-%.*s", SLV_STR_ARGS(r->c->name),
                             SLV_STR_ARGS(r->options->env)));
    if (!name_is_valid(r->c->name))
        return slv_config_fail(
            &r->w, SLV_E_INVAL, n,
            "'name' may have letters, digits, '-' and '_' only, and 255 of them");
    return SLV_OK;
}

static slv_code whole_number(reader *r, const slv_node *table, const char *key, int64_t min,
                             int64_t max, int64_t *ret)
{
    const slv_node *n = slv_node_get(table, key);
    int64_t v;

    if (!n)
        return SLV_OK;
    if (!slv_node_i64(n, &v) || v < min || v > max)
        return slv_config_fail(&r->w, SLV_E_INVAL, n,
                               "'%.*s.%s' must be a whole number from %lld to %lld",
                               SLV_STR_ARGS(table->key), key, (long long)min, (long long)max);
    *ret = v;
    return SLV_OK;
}

static slv_code read_limits(reader *r)
{
    const slv_node *n = in_force(r, "limits");
    int64_t cpu = r->c->limits.cpu_fetch_ms, subrequests = r->c->limits.subrequests;

    SLV_TRY(whole_number(r, n, "cpu_ms", 1, SLV_LIMIT_CPU_MS_MAX, &cpu));
    SLV_TRY(whole_number(r, n, "subrequests", 1, 10000000, &subrequests));
    r->c->limits.cpu_fetch_ms = (uint32_t)cpu;
    r->c->limits.subrequests = (uint32_t)subrequests;
    return SLV_OK;
}

static slv_code read_observe(reader *r)
{
    const slv_node *streaming = in_force(r, "streaming_tail_consumers");

    if (streaming && !is_empty(streaming))
        slv_config_warn_at(&r->w, streaming,
                           "'streaming_tail_consumers' are not told of events while these run; use "
                           "'tail_consumers', which are told once they are over");
    return slv_observe_read(in_force(r, "tail_consumers"), in_force(r, "observability"),
                            &r->c->arena, &r->c->observe);
}

static slv_code read_dev(reader *r)
{
    const slv_node *n = in_force(r, "dev");
    int64_t port = 0;

    if (!n)
        return SLV_OK;
    SLV_TRY(whole_number(r, n, "port", 0, 65535, &port));
    r->c->dev.port = (uint16_t)port;
    r->c->dev.ip = slv_node_str(slv_node_get(n, "ip"));
    r->c->dev.local_protocol = slv_node_str(slv_node_get(n, "local_protocol"));
    r->c->dev.host = slv_node_str(slv_node_get(n, "host"));
    r->c->dev.dynamodb = slv_node_str(slv_node_get(n, "dynamodb"));
    return SLV_OK;
}

/* The host of a route pattern without its wildcards; empty when any host is meant. */
static slv_code route_host(reader *r, const slv_node *route)
{
    slv_str s =
        route->type == SLV_NODE_STRING ? route->text : slv_node_str(slv_node_get(route, "pattern"));
    size_t scheme = slv_str_find(s, SLV_STR("://"), 0);
    SLV_CLEANUP(slv_buf_done) slv_buf host = SLV_BUF(1024);

    if (scheme != SIZE_MAX)
        s = slv_str_skip(s, scheme + 3);
    s = slv_str_sub(s, 0, slv_str_chr(s, '/', 0));
    for (size_t i = 0; i < s.len && i < 255; i++) {
        if (s.ptr[i] == '*')
            i += i + 1 < s.len && s.ptr[i + 1] == '.';
        else
            SLV_TRY(slv_buf_append_byte(&host, s.ptr[i]));
    }
    return slv_arena_dup(&r->c->arena, slv_buf_view(&host), &r->c->route_host);
}

static slv_code read_routes(reader *r)
{
    const slv_node *route = in_force(r, "route"), *routes = in_force(r, "routes");

    if (route)
        return route_host(r, route);
    return routes && routes->first ? route_host(r, routes->first) : SLV_OK;
}

static void read_build(reader *r)
{
    const slv_node *n = in_force(r, "build"), *dirs = slv_node_get(n, "watch_dir");

    r->c->build.command = slv_node_str(slv_node_get(n, "command"));
    r->c->build.cwd = slv_node_str(slv_node_get(n, "cwd"));
    if (slv_node_is(dirs, SLV_NODE_STRING))
        slv_vec_push(&r->c->build.watch_dirs, dirs->text);
    else
        PUSH_STRINGS(&r->c->build.watch_dirs, dirs);
}

/* ---- rules ---- */

static const slv_str default_text_globs[] = {{"**/*.txt", 8}, {"**/*.html", 9}, {"**/*.sql", 8}};
static const slv_str default_data_globs[] = {{"**/*.bin", 8}};
static const slv_str default_wasm_globs[] = {{"**/*.wasm", 9}, {"**/*.wasm?module", 16}};

static bool rule_type(slv_str name, slv_rule_type *ret)
{
    static const struct {
        const char *name;
        slv_rule_type type;
    } types[] = {{"ESModule", SLV_RULE_ESM},
                 {"CommonJS", SLV_RULE_CJS},
                 {"CompiledWasm", SLV_RULE_WASM},
                 {"Text", SLV_RULE_TEXT},
                 {"Data", SLV_RULE_DATA}};

    for (size_t i = 0; i < SLV_ARRAY_LEN(types); i++)
        if (slv_str_is(name, types[i].name)) {
            *ret = types[i].type;
            return true;
        }
    return false;
}

/* A rule ends its type unless it says fallthrough; what follows of that type is ignored. */
static void add_rule(reader *r, slv_rule rule, bool fallthrough,
                     bool closed[static SLV_RULE_DATA + 1])
{
    rule.ignored = closed[rule.type];
    if (!fallthrough)
        closed[rule.type] = true;
    slv_vec_push(&r->c->rules, rule);
}

static slv_code read_rules(reader *r)
{
    const slv_node *rules = in_force(r, "rules");
    bool closed[SLV_RULE_DATA + 1] = {false};

    for (const slv_node *n = rules ? rules->first : NULL; n; n = n->next) {
        const slv_node *type = slv_node_get(n, "type"), *globs = slv_node_get(n, "globs");
        const slv_node *fallthrough = slv_node_get(n, "fallthrough");
        slv_rule rule = {.glob_count = globs->count};
        slv_str *copy = slv_arena_try_alloc0(&r->c->arena, (globs->count + 1) * sizeof *copy);
        size_t i = 0;

        if (!copy)
            return slv_config_fail(&r->w, SLV_E_LIMIT, n, "the file is too large");
        if (!rule_type(type->text, &rule.type))
            return slv_config_fail(&r->w, SLV_E_UNSUPPORTED, type,
                                   "modules of type %.*s are not supported by selvage",
                                   SLV_STR_ARGS(type->text));
        for (const slv_node *g = globs->first; g; g = g->next)
            copy[i++] = g->text;
        rule.globs = copy;
        add_rule(r, rule, fallthrough && fallthrough->boolean, closed);
    }
    add_rule(r,
             (slv_rule){SLV_RULE_TEXT, default_text_globs, SLV_ARRAY_LEN(default_text_globs), false,
                        true},
             false, closed);
    add_rule(r,
             (slv_rule){SLV_RULE_DATA, default_data_globs, SLV_ARRAY_LEN(default_data_globs), false,
                        true},
             false, closed);
    add_rule(r,
             (slv_rule){SLV_RULE_WASM, default_wasm_globs, SLV_ARRAY_LEN(default_wasm_globs), false,
                        true},
             false, closed);
    return SLV_OK;
}

/* ---- bindings ---- */

static slv_code json_text(reader *r, const slv_node *n, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(SLV_CONFIG_MAX);

    if (slv_json_put(&b, n) != SLV_OK ||
        slv_arena_dup(&r->c->arena, slv_buf_view(&b), ret) != SLV_OK)
        return slv_config_fail(&r->w, SLV_E_LIMIT, n, "'%.*s' is too large", SLV_STR_ARGS(n->key));
    return SLV_OK;
}

static slv_code add_binding(reader *r, const slv_node *at, slv_binding b)
{
    if (slv_config_binding(r->c, b.name))
        return slv_config_fail(&r->w, SLV_E_INVAL, at, "the binding name '%.*s' is used twice",
                               SLV_STR_ARGS(b.name));
    slv_vec_push(&r->c->bindings, b);
    return SLV_OK;
}

static slv_code read_vars(reader *r)
{
    const slv_node *vars = in_force(r, "vars");

    for (const slv_node *n = vars ? vars->first : NULL; n; n = n->next) {
        slv_binding b = {.name = n->key, .type = SLV_BINDING_TEXT, .text = n->text};

        if (n->type != SLV_NODE_STRING) {
            b.type = SLV_BINDING_JSON;
            SLV_TRY(json_text(r, n, &b.text));
        }
        if (b.text.len > r->c->limits.variable_bytes)
            slv_config_warn_at(&r->w, n,
                               "the variable '%.*s' has %zu bytes; a deployment allows %u",
                               SLV_STR_ARGS(n->key), b.text.len, r->c->limits.variable_bytes);
        SLV_TRY(add_binding(r, n, b));
    }
    return SLV_OK;
}

static slv_code read_services(reader *r)
{
    const slv_node *list = in_force(r, "services");

    for (const slv_node *n = list ? list->first : NULL; n; n = n->next) {
        slv_str env = slv_node_str(slv_node_get(n, "environment"));
        const slv_node *props = slv_node_get(n, "props");
        slv_binding b = {
            .name = slv_node_str(slv_node_get(n, "binding")),
            .type = SLV_BINDING_SERVICE,
            .service = slv_node_str(slv_node_get(n, "service")),
            .entrypoint = slv_node_str(slv_node_get(n, "entrypoint")),
        };

        if (b.service.len == 0)
            return slv_config_fail(&r->w, SLV_E_INVAL, n, "'service' must name a worker");
        if (env.len > 0)
            SLV_TRY(arena_printf(r, &b.service, "%.*s-%.*s", SLV_STR_ARGS(b.service),
                                 SLV_STR_ARGS(env)));
        if (props)
            SLV_TRY(json_text(r, props, &b.props));
        SLV_TRY(add_binding(r, n, b));
    }
    return SLV_OK;
}

/* What says which resource a binding stands for: the first of `ids` that is given, else the
 * binding's own name. Local runs prefer the preview's. */
typedef struct resource_kind {
    const char *key,
        *list;        /* list: key of the table that holds the items; NULL: the value itself */
    const char *name; /* key of the binding's name */
    slv_binding_type type;
    const char *ids[3];
} resource_kind;

static const resource_kind resource_kinds[] = {
    {"kv_namespaces", NULL, "binding", SLV_BINDING_KV, {"preview_id", "id"}},
    {"secrets_store_secrets", NULL, "binding", SLV_BINDING_KV, {"store_id"}},
    {"r2_buckets", NULL, "binding", SLV_BINDING_R2, {"preview_bucket_name", "bucket_name"}},
    {"d1_databases", NULL, "binding", SLV_BINDING_D1, {"preview_database_id", "database_id"}},
    {"durable_objects", "bindings", "name", SLV_BINDING_OBJECTS, {"class_name"}},
    {"queues", "producers", "binding", SLV_BINDING_QUEUE, {"queue"}},
    {"ratelimits", NULL, "name", SLV_BINDING_RATELIMIT, {"namespace_id"}},
    {"analytics_engine_datasets", NULL, "binding", SLV_BINDING_ANALYTICS, {"dataset"}},
    {"send_email", NULL, "name", SLV_BINDING_EMAIL, {NULL}},
    {"worker_loaders", NULL, "binding", SLV_BINDING_LOADER, {NULL}},
    {"dispatch_namespaces", NULL, "binding", SLV_BINDING_DISPATCH, {"namespace"}},
};

static slv_code read_resource(reader *r, const resource_kind *kind, const slv_node *item)
{
    slv_binding b = {.name = slv_node_str(slv_node_get(item, kind->name)), .type = kind->type};

    for (size_t i = 0; i < SLV_ARRAY_LEN(kind->ids) && kind->ids[i] && b.id.len == 0; i++)
        b.id = slv_node_str(slv_node_get(item, kind->ids[i]));
    if (b.id.len == 0)
        b.id = b.name;
    if (kind->type == SLV_BINDING_OBJECTS) {
        slv_str env = slv_node_str(slv_node_get(item, "environment"));

        b.service = slv_node_str(slv_node_get(item, "script_name"));
        if (env.len > 0 && b.service.len > 0)
            SLV_TRY(arena_printf(r, &b.service, "%.*s-%.*s", SLV_STR_ARGS(b.service),
                                 SLV_STR_ARGS(env)));
    }
    if (slv_node_get(item, "secret_name"))
        SLV_TRY(arena_printf(r, &b.id, SLV_SECRETS_STORE_PREFIX "%.*s", SLV_STR_ARGS(b.id)));
    SLV_TRY(json_text(r, item, &b.options));
    return add_binding(r, item, b);
}

static slv_code read_resources(reader *r)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(resource_kinds); i++) {
        const resource_kind *kind = &resource_kinds[i];
        const config_key *key = slv_config_key_find(slv_config_keys, slv_str_from(kind->key));
        const slv_node *list = in_force(r, kind->key);

        if (key->unsupported)
            continue; /* read_unsupported speaks of it */
        if (kind->list)
            list = slv_node_get(list, kind->list);
        if (slv_node_is(list, SLV_NODE_OBJECT))
            SLV_TRY(read_resource(r, kind, list));
        for (const slv_node *n = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; n;
             n = n->next)
            SLV_TRY(read_resource(r, kind, n));
    }
    return SLV_OK;
}

static slv_code add_absent(reader *r, const config_key *key, const slv_node *item)
{
    slv_str name = slv_node_str(slv_node_get(item, key->binding_name));
    slv_binding b = {
        .name = name, .type = SLV_BINDING_UNSUPPORTED, .text = slv_str_from(key->name)};

    return name.len > 0 ? add_binding(r, item, b) : SLV_OK;
}

static slv_code add_absent_list(reader *r, const config_key *key, const slv_node *value)
{
    const slv_node *list = value;

    if (!key->binding_name)
        return SLV_OK;
    if (key->binding_list)
        list = slv_node_get(value, key->binding_list);
    if (slv_node_is(list, SLV_NODE_OBJECT))
        return add_absent(r, key, list);
    for (const slv_node *n = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; n; n = n->next)
        SLV_TRY(add_absent(r, key, n));
    return SLV_OK;
}

/* Those of one table that are in force, in the order of the file. */
static slv_code read_unsupported(reader *r, const slv_node *table)
{
    for (const slv_node *n = table ? table->first : NULL; n; n = n->next) {
        const config_key *key = slv_config_key_find(slv_config_keys, n->key);

        if (!key || !key->unsupported || in_force(r, key->name) != n || is_empty(n))
            continue;
        if (!r->options->allow_unsupported)
            return slv_config_fail(
                &r->w, SLV_E_UNSUPPORTED, n,
                "'%s' is not supported by this version of selvage; --allow-unsupported runs the "
                "worker without it",
                key->name);
        slv_config_warn_at(
            &r->w, n, "'%s' is not supported by this version of selvage; every use of it throws",
            key->name);
        SLV_TRY(add_absent_list(r, key, n));
    }
    return SLV_OK;
}

static slv_code read_bindings(reader *r)
{
    SLV_TRY(read_vars(r));
    SLV_TRY(read_services(r));
    SLV_TRY(read_resources(r));
    SLV_TRY(slv_config_read_assets(&r->w, in_force(r, "assets"), r->c));
    if (r->c->assets.binding.len > 0)
        SLV_TRY(
            add_binding(r, in_force(r, "assets"),
                        (slv_binding){.name = r->c->assets.binding, .type = SLV_BINDING_ASSETS}));
    SLV_TRY(slv_config_read_consumers(&r->w, in_force(r, "queues"), r->c));
    SLV_TRY(
        slv_config_read_classes(&r->w, in_force(r, "migrations"), in_force(r, "exports"), r->c));
    SLV_TRY(read_unsupported(r, r->root));
    SLV_TRY(read_unsupported(r, r->env));
    r->c->version_metadata = slv_node_str(slv_node_get(in_force(r, "version_metadata"), "binding"));
    if (r->c->bindings.len > r->c->limits.bindings)
        return slv_config_fail(&r->w, SLV_E_LIMIT, NULL, "%zu bindings; %u are allowed",
                               r->c->bindings.len, r->c->limits.bindings);
    return SLV_OK;
}

/* ---- */

static slv_code read_all(reader *r)
{
    slv_config *c = r->c;
    const slv_node *secrets = in_force(r, "secrets");

    SLV_TRY(read_name(r));
    c->main = text_of(r, "main");
    c->compatibility_date = text_of(r, "compatibility_date");
    PUSH_STRINGS(&c->compatibility_flags, in_force(r, "compatibility_flags"));
    c->base_dir = text_of(r, "base_dir");
    c->tsconfig = text_of(r, "tsconfig");
    c->jsx_factory = text_of(r, "jsx_factory");
    c->jsx_fragment = text_of(r, "jsx_fragment");
    c->no_bundle = bool_of(r, "no_bundle");
    c->minify = bool_of(r, "minify");
    c->keep_names = in_force(r, "keep_names") ? bool_of(r, "keep_names") : true;
    c->find_additional_modules = bool_of(r, "find_additional_modules");
    c->preserve_file_names = bool_of(r, "preserve_file_names");
    PUSH_PAIRS(&c->define, in_force(r, "define"));
    PUSH_PAIRS(&c->alias, in_force(r, "alias"));
    PUSH_PAIRS(&c->wasm_modules, in_force(r, "wasm_modules"));
    PUSH_PAIRS(&c->text_blobs, in_force(r, "text_blobs"));
    PUSH_PAIRS(&c->data_blobs, in_force(r, "data_blobs"));
    PUSH_STRINGS(&c->crons, slv_node_get(in_force(r, "triggers"), "crons"));
    c->has_secrets = secrets != NULL;
    PUSH_STRINGS(&c->required_secrets, slv_node_get(secrets, "required"));
    read_build(r);
    SLV_TRY(read_routes(r));
    SLV_TRY(read_dev(r));
    SLV_TRY(read_limits(r));
    SLV_TRY(read_observe(r));
    SLV_TRY(read_rules(r));
    return read_bindings(r);
}

static slv_code parse_text(slv_str text, const slv_config_options *options, slv_config *c,
                           slv_node **ret, slv_err *err)
{
    bool toml = slv_str_ends(slv_str_from(options->file), SLV_STR(".toml"));
    slv_err inner = {0};
    slv_code code;

    if (text.len > SLV_CONFIG_MAX)
        return slv_fail(err, SLV_E_LIMIT, "%s: %zu bytes; %zu are allowed", options->file, text.len,
                        SLV_CONFIG_MAX);
    code = toml ? slv_toml_parse(text, &c->arena, ret, &inner)
                : slv_json_parse(text, SLV_JSON_COMMENTS, &c->arena, ret, &inner);
    if (code != SLV_OK)
        return slv_fail(err, code, "%s:%s", options->file, slv_err_text(&inner));
    return SLV_OK;
}

void slv_config_default(slv_config *ret)
{
    static const slv_config_options options = {.file = "wrangler.json"};

    SLV_ASSERT(slv_config_parse(SLV_STR("{}"), &options, ret, NULL) == SLV_OK);
}

slv_code slv_config_parse(slv_str text, const slv_config_options *options, slv_config *ret,
                          slv_err *err)
{
    reader r = {.options = options, .c = ret};
    slv_str copy;

    *ret = (slv_config){.arena = SLV_ARENA(16 * SLV_CONFIG_MAX), .limits = SLV_LIMITS_DEFAULT};
    r.w = (config_walk){.arena = &ret->arena,
                        .file = options->file,
                        .warn = options->warn,
                        .warn_arg = options->warn_arg,
                        .err = err};
    SLV_TRY(slv_arena_dup(&ret->arena, text, &copy)); /* strings of the tree point into it */
    SLV_TRY(parse_text(copy, options, ret, &r.root, err));
    SLV_ASSERT(r.root);
    if (r.root->type != SLV_NODE_OBJECT)
        return slv_config_fail(&r.w, SLV_E_INVAL, r.root,
                               "the configuration must be a table, not %s",
                               slv_node_type_text(r.root->type));
    SLV_TRY(slv_config_check_table(&r.w, r.root, slv_config_keys, true, false));
    SLV_TRY(choose_env(&r));
    ret->root = r.root;
    ret->env = r.env;
    return read_all(&r);
}

void slv_config_done(slv_config *c)
{
    slv_vec_done(&c->compatibility_flags);
    slv_vec_done(&c->rules);
    slv_vec_done(&c->build.watch_dirs);
    slv_vec_done(&c->define);
    slv_vec_done(&c->alias);
    slv_vec_done(&c->wasm_modules);
    slv_vec_done(&c->text_blobs);
    slv_vec_done(&c->data_blobs);
    slv_vec_done(&c->crons);
    slv_vec_done(&c->consumers);
    slv_vec_done(&c->classes);
    slv_vec_done(&c->object_steps);
    slv_vec_done(&c->bindings);
    slv_vec_done(&c->required_secrets);
    slv_arena_done(&c->arena);
}

slv_binding *slv_config_binding(slv_config *c, slv_str name)
{
    for (size_t i = 0; i < c->bindings.len; i++)
        if (slv_str_eq(c->bindings.items[i].name, name))
            return &c->bindings.items[i];
    return NULL;
}

slv_code slv_config_set_text(slv_config *c, slv_str name, slv_binding_type type, slv_str text)
{
    slv_binding *old = slv_config_binding(c, name);
    slv_binding b = {.type = type};

    SLV_TRY(slv_arena_dup(&c->arena, name, &b.name));
    SLV_TRY(slv_arena_dup(&c->arena, text, &b.text));
    if (old)
        *old = b;
    else
        slv_vec_push(&c->bindings, b);
    return SLV_OK;
}

slv_code slv_config_set_secrets(slv_config *c, const slv_node *object)
{
    if (!c->has_secrets) {
        for (const slv_node *n = object->first; n; n = n->next)
            SLV_TRY(slv_config_set_text(c, n->key, SLV_BINDING_SECRET, n->text));
        return SLV_OK;
    }
    for (size_t i = 0; i < c->required_secrets.len; i++) {
        const slv_node *n = slv_node_find(object, c->required_secrets.items[i]);

        if (n)
            SLV_TRY(slv_config_set_text(c, n->key, SLV_BINDING_SECRET, n->text));
    }
    return SLV_OK;
}
