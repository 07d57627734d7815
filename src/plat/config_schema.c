/* Every key of wrangler's configuration file: its type, whether environments inherit it, and its
 * own keys. */
#include <stdio.h>

#include "fmt/suggest.h"
#include "plat/config_int.h"

#define STR(key)                                                                                   \
    {                                                                                              \
        .name = key, .kind = CONFIG_STRING                                                         \
    }
#define STR1(key)                                                                                  \
    {                                                                                              \
        .name = key, .kind = CONFIG_STRING, .required = true                                       \
    }
#define BOOL(key)                                                                                  \
    {                                                                                              \
        .name = key, .kind = CONFIG_BOOL                                                           \
    }
#define NUM(key)                                                                                   \
    {                                                                                              \
        .name = key, .kind = CONFIG_NUMBER                                                         \
    }
#define STRS(key)                                                                                  \
    {                                                                                              \
        .name = key, .kind = CONFIG_STRINGS                                                        \
    }
#define ANY(key)                                                                                   \
    {                                                                                              \
        .name = key, .kind = CONFIG_ANY                                                            \
    }
#define MAP(key)                                                                                   \
    {                                                                                              \
        .name = key, .kind = CONFIG_MAP                                                            \
    }
#define ENUM(key, words)                                                                           \
    {                                                                                              \
        .name = key, .kind = CONFIG_STRING, .one_of = words                                        \
    }
#define TABLE(key, keys)                                                                           \
    {                                                                                              \
        .name = key, .kind = CONFIG_TABLE, .sub = keys                                             \
    }
#define TABLES(key, keys)                                                                          \
    {                                                                                              \
        .name = key, .kind = CONFIG_TABLES, .sub = keys                                            \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define KEYS static const config_key

KEYS route_keys[] = {STR1("pattern"),
                     STR("zone_id"),
                     STR("zone_name"),
                     BOOL("custom_domain"),
                     BOOL("enabled"),
                     BOOL("previews_enabled"),
                     END};
KEYS migration_rename_keys[] = {STR1("from"), STR1("to"), END};
KEYS migration_transfer_keys[] = {STR1("from"), STR1("from_script"), STR1("to"), END};
KEYS migration_keys[] = {STR1("tag"),
                         STRS("new_classes"),
                         STRS("new_sqlite_classes"),
                         STRS("deleted_classes"),
                         TABLES("renamed_classes", migration_rename_keys),
                         TABLES("transferred_classes", migration_transfer_keys),
                         END};
KEYS trigger_keys[] = {STRS("crons"), ANY("events"), END};
KEYS limit_keys[] = {NUM("cpu_ms"), NUM("subrequests"), END};
KEYS rule_keys[] = {
    {.name = "type",
     .kind = CONFIG_STRING,
     .required = true,
     .one_of = "ESModule|CommonJS|CompiledWasm|Text|Data|PythonModule|PythonRequirement"},
    {.name = "globs", .kind = CONFIG_STRINGS, .required = true},
    BOOL("fallthrough"),
    END,
};
KEYS build_keys[] = {
    STR("command"), STR("cwd"), {.name = "watch_dir", .kind = CONFIG_STRING_OR_STRINGS}, END};
KEYS placement_keys[] = {ENUM("mode", "off|smart|targeted"),
                         STR("hint"),
                         STR("region"),
                         STR("host"),
                         STR("hostname"),
                         END};
KEYS asset_keys[] = {
    STR("directory"),
    STR("binding"),
    ENUM("html_handling", "auto-trailing-slash|force-trailing-slash|drop-trailing-slash|none"),
    ENUM("not_found_handling", "single-page-application|404-page|none"),
    {.name = "run_worker_first", .kind = CONFIG_BOOL_OR_STRINGS},
    END,
};
KEYS observability_log_keys[] = {BOOL("enabled"),         NUM("head_sampling_rate"),
                                 BOOL("invocation_logs"), BOOL("persist"),
                                 STRS("destinations"),    END};
KEYS observability_trace_keys[] = {BOOL("enabled"), NUM("head_sampling_rate"), BOOL("persist"),
                                   STRS("destinations"), END};
KEYS observability_keys[] = {BOOL("enabled"), NUM("head_sampling_rate"),
                             TABLE("logs", observability_log_keys),
                             TABLE("traces", observability_trace_keys), END};
KEYS cache_keys[] = {BOOL("enabled"), BOOL("cross_version_cache"), END};
KEYS logfwdr_binding_keys[] = {STR1("name"), STR1("destination"), END};
KEYS logfwdr_keys[] = {TABLES("bindings", logfwdr_binding_keys), ANY("schema"), END};
KEYS python_keys[] = {STRS("exclude"), END};

KEYS secret_keys[] = {STRS("required"), END};
KEYS object_binding_keys[] = {STR1("name"), STR1("class_name"), STR("script_name"),
                              STR("environment"), END};
KEYS object_keys[] = {TABLES("bindings", object_binding_keys), END};
KEYS kv_keys[] = {STR1("binding"), STR("id"), STR("preview_id"), BOOL("remote"), END};
KEYS r2_keys[] = {STR1("binding"),
                  STR("bucket_name"),
                  STR("preview_bucket_name"),
                  STR("jurisdiction"),
                  BOOL("remote"),
                  BOOL("local_dev"),
                  END};
KEYS d1_keys[] = {STR1("binding"),
                  STR("database_name"),
                  STR("database_id"),
                  STR("preview_database_id"),
                  STR("migrations_table"),
                  STR("migrations_dir"),
                  STR("migrations_pattern"),
                  STR("database_internal_env"),
                  BOOL("remote"),
                  END};
KEYS producer_keys[] = {STR1("binding"), STR1("queue"), NUM("delivery_delay"), BOOL("remote"), END};
KEYS consumer_keys[] = {STR1("queue"),          ENUM("type", "worker|http_pull"),
                        NUM("max_batch_size"),  NUM("max_batch_timeout"),
                        NUM("max_retries"),     STR("dead_letter_queue"),
                        ANY("max_concurrency"), NUM("visibility_timeout_ms"),
                        NUM("retry_delay"),     END};
KEYS queue_keys[] = {TABLES("producers", producer_keys), TABLES("consumers", consumer_keys), END};
KEYS service_keys[] = {STR1("binding"),
                       STR1("service"),
                       STR("environment"),
                       STR("entrypoint"),
                       MAP("props"),
                       BOOL("remote"),
                       END};
KEYS workflow_limit_keys[] = {NUM("steps"), END};
KEYS workflow_keys[] = {STR1("binding"),    STR1("name"),
                        STR1("class_name"), STR("script_name"),
                        BOOL("remote"),     TABLE("limits", workflow_limit_keys),
                        ANY("schedules"),   END};
KEYS hyperdrive_keys[] = {STR1("binding"), STR1("id"), STR("localConnectionString"), END};
KEYS analytics_keys[] = {STR1("binding"), STR("dataset"), END};
KEYS outbound_keys[] = {STR1("service"), STR("environment"), STRS("parameters"), END};
KEYS dispatch_keys[] = {STR1("binding"), STR1("namespace"), TABLE("outbound", outbound_keys),
                        BOOL("remote"), END};
KEYS ratelimit_simple_keys[] = {NUM("limit"), NUM("period"), END};
KEYS ratelimit_keys[] = {STR1("name"), STR1("namespace_id"), TABLE("simple", ratelimit_simple_keys),
                         END};
KEYS email_keys[] = {STR1("name"),
                     STR("destination_address"),
                     STRS("allowed_destination_addresses"),
                     STRS("allowed_sender_addresses"),
                     BOOL("remote"),
                     END};
KEYS mtls_keys[] = {STR1("binding"), STR1("certificate_id"), BOOL("remote"), END};
KEYS only_binding_keys[] = {STR1("binding"), BOOL("remote"), BOOL("staging"), END};
KEYS tail_keys[] = {STR1("service"), STR("environment"), END};
KEYS secret_store_keys[] = {STR1("binding"), STR1("store_id"), STR1("secret_name"), END};
KEYS vectorize_keys[] = {STR1("binding"), STR1("index_name"), BOOL("remote"), END};
KEYS pipeline_keys[] = {STR1("binding"), STR1("pipeline"), BOOL("remote"), END};
KEYS named_binding_keys[] = {
    STR1("binding"),  ANY("namespace"),  ANY("instance_name"), ANY("app_id"),  ANY("service_id"),
    ANY("tunnel_id"), ANY("network_id"), ANY("enable_timer"),  BOOL("remote"), END};
KEYS unsafe_binding_keys[] = {STR1("name"), STR1("type"), ANY("dev"), END};
KEYS dev_keys[] = {STR("ip"),
                   NUM("port"),
                   NUM("inspector_port"),
                   STR("inspector_ip"),
                   ENUM("local_protocol", "http|https"),
                   ENUM("upstream_protocol", "http|https"),
                   STR("host"),
                   BOOL("enable_containers"),
                   ANY("container_engine"),
                   BOOL("generate_types"),
                   ENUM("dynamodb", "local|verify|remote"), /* ours */
                   END};
KEYS site_keys[] = {STR1("bucket"), STR("entry-point"), STRS("include"), STRS("exclude"), END};

#define TOP(key, type)                                                                             \
    {                                                                                              \
        .name = key, .kind = type, .scope = CONFIG_TOP                                             \
    }
#define INHERIT(key, type)                                                                         \
    {                                                                                              \
        .name = key, .kind = type, .scope = CONFIG_INHERIT                                         \
    }
#define INHERIT_TABLE(key, type, keys)                                                             \
    {                                                                                              \
        .name = key, .kind = type, .scope = CONFIG_INHERIT, .sub = keys                            \
    }
#define OWN(key, type, keys)                                                                       \
    {                                                                                              \
        .name = key, .kind = type, .scope = CONFIG_OWN, .sub = keys                                \
    }
/* Kinds of bindings that have no service behind them in this version. */
#define ABSENT(key, type, keys, name_key, list)                                                    \
    {                                                                                              \
        .name = key, .kind = type, .scope = CONFIG_OWN, .sub = keys, .binding_name = name_key,     \
        .binding_list = list, .unsupported = true                                                  \
    }

const config_key slv_config_keys[] = {
    TOP("$schema", CONFIG_STRING),
    TOP("env", CONFIG_MAP),
    TOP("keep_vars", CONFIG_BOOL),
    TOP("send_metrics", CONFIG_BOOL),
    TOP("legacy_env", CONFIG_BOOL),
    TOP("dependencies_instrumentation", CONFIG_ANY),
    {.name = "site",
     .kind = CONFIG_TABLE,
     .scope = CONFIG_TOP,
     .sub = site_keys,
     .unsupported = true},
    TOP("wasm_modules", CONFIG_STRING_MAP),
    TOP("text_blobs", CONFIG_STRING_MAP),
    TOP("data_blobs", CONFIG_STRING_MAP),
    TOP("alias", CONFIG_STRING_MAP),
    TOP("addresses", CONFIG_ANY),
    {.name = "dev", .kind = CONFIG_TABLE, .scope = CONFIG_TOP, .sub = dev_keys},
    TOP("pages_build_output_dir", CONFIG_STRING),
    /* What builds write into configurations that they make. */
    TOP("configPath", CONFIG_STRING),
    TOP("userConfigPath", CONFIG_STRING),
    TOP("topLevelName", CONFIG_STRING),
    TOP("definedEnvironments", CONFIG_STRINGS),
    TOP("targetEnvironment", CONFIG_ANY),

    INHERIT("name", CONFIG_STRING),
    INHERIT("account_id", CONFIG_STRING),
    INHERIT("main", CONFIG_STRING),
    INHERIT("compatibility_date", CONFIG_STRING),
    INHERIT("compatibility_flags", CONFIG_STRINGS),
    INHERIT("find_additional_modules", CONFIG_BOOL),
    INHERIT("preserve_file_names", CONFIG_BOOL),
    INHERIT("base_dir", CONFIG_STRING),
    INHERIT("workers_dev", CONFIG_BOOL),
    INHERIT("preview_urls", CONFIG_BOOL),
    INHERIT_TABLE("route", CONFIG_ROUTE, route_keys),
    INHERIT_TABLE("routes", CONFIG_ROUTES, route_keys),
    INHERIT("tsconfig", CONFIG_STRING),
    INHERIT("jsx_factory", CONFIG_STRING),
    INHERIT("jsx_fragment", CONFIG_STRING),
    INHERIT_TABLE("migrations", CONFIG_TABLES, migration_keys),
    INHERIT("exports", CONFIG_ANY),
    INHERIT_TABLE("triggers", CONFIG_TABLE, trigger_keys),
    INHERIT_TABLE("limits", CONFIG_TABLE, limit_keys),
    INHERIT_TABLE("rules", CONFIG_TABLES, rule_keys),
    INHERIT_TABLE("build", CONFIG_TABLE, build_keys),
    INHERIT("no_bundle", CONFIG_BOOL),
    INHERIT("minify", CONFIG_BOOL),
    INHERIT("keep_names", CONFIG_BOOL),
    INHERIT("first_party_worker", CONFIG_BOOL),
    INHERIT_TABLE("logfwdr", CONFIG_TABLE, logfwdr_keys),
    INHERIT("logpush", CONFIG_BOOL),
    INHERIT("upload_source_maps", CONFIG_BOOL),
    INHERIT_TABLE("placement", CONFIG_TABLE, placement_keys),
    INHERIT_TABLE("assets", CONFIG_TABLE, asset_keys),
    INHERIT_TABLE("observability", CONFIG_TABLE, observability_keys),
    INHERIT("access", CONFIG_ANY),
    INHERIT_TABLE("cache", CONFIG_TABLE, cache_keys),
    {.name = "compliance_region",
     .kind = CONFIG_STRING,
     .scope = CONFIG_INHERIT,
     .one_of = "public|fedramp_high"},
    INHERIT_TABLE("python_modules", CONFIG_TABLE, python_keys),
    INHERIT("previews", CONFIG_ANY),

    OWN("define", CONFIG_STRING_MAP, NULL),
    OWN("vars", CONFIG_MAP, NULL),
    OWN("secrets", CONFIG_TABLE, secret_keys),
    OWN("services", CONFIG_TABLES, service_keys),
    OWN("version_metadata", CONFIG_TABLE, only_binding_keys),
    OWN("tail_consumers", CONFIG_TABLES, tail_keys),
    OWN("streaming_tail_consumers", CONFIG_TABLES, tail_keys),
    OWN("durable_objects", CONFIG_TABLE, object_keys),
    OWN("kv_namespaces", CONFIG_TABLES, kv_keys),
    OWN("r2_buckets", CONFIG_TABLES, r2_keys),
    OWN("d1_databases", CONFIG_TABLES, d1_keys),
    OWN("queues", CONFIG_TABLE, queue_keys),
    ABSENT("workflows", CONFIG_TABLES, workflow_keys, "binding", NULL),
    ABSENT("hyperdrive", CONFIG_TABLES, hyperdrive_keys, "binding", NULL),
    OWN("analytics_engine_datasets", CONFIG_TABLES, analytics_keys),
    OWN("dispatch_namespaces", CONFIG_TABLES, dispatch_keys),
    OWN("ratelimits", CONFIG_TABLES, ratelimit_keys),
    OWN("send_email", CONFIG_TABLES, email_keys),
    ABSENT("mtls_certificates", CONFIG_TABLES, mtls_keys, "binding", NULL),
    OWN("secrets_store_secrets", CONFIG_TABLES, secret_store_keys),
    ABSENT("vectorize", CONFIG_TABLES, vectorize_keys, "binding", NULL),
    ABSENT("ai", CONFIG_TABLE, only_binding_keys, "binding", NULL),
    ABSENT("browser", CONFIG_TABLE, only_binding_keys, "binding", NULL),
    ABSENT("images", CONFIG_TABLE, only_binding_keys, "binding", NULL),
    ABSENT("media", CONFIG_TABLE, only_binding_keys, "binding", NULL),
    ABSENT("stream", CONFIG_TABLE, only_binding_keys, "binding", NULL),
    ABSENT("websearch", CONFIG_TABLE, only_binding_keys, "binding", NULL),
    ABSENT("pipelines", CONFIG_TABLES, pipeline_keys, "binding", NULL),
    OWN("worker_loaders", CONFIG_TABLES, only_binding_keys),
    ABSENT("containers", CONFIG_ANY, NULL, NULL, NULL),
    ABSENT("cloudchamber", CONFIG_ANY, NULL, NULL, NULL),
    ABSENT("vpc_services", CONFIG_TABLES, named_binding_keys, "binding", NULL),
    ABSENT("vpc_networks", CONFIG_TABLES, named_binding_keys, "binding", NULL),
    ABSENT("connect", CONFIG_ANY, NULL, NULL, NULL),
    ABSENT("artifacts", CONFIG_TABLES, named_binding_keys, "binding", NULL),
    ABSENT("ai_search", CONFIG_TABLES, named_binding_keys, "binding", NULL),
    ABSENT("ai_search_namespaces", CONFIG_TABLES, named_binding_keys, "binding", NULL),
    ABSENT("agent_memory", CONFIG_TABLES, named_binding_keys, "binding", NULL),
    ABSENT("flagship", CONFIG_TABLES, named_binding_keys, "binding", NULL),
    ABSENT("unsafe", CONFIG_ANY, unsafe_binding_keys, "name", "bindings"),
    ABSENT("unsafe_hello_world", CONFIG_TABLES, named_binding_keys, "binding", NULL),
    END,
};

const config_key *slv_config_key_find(const config_key *keys, slv_str name)
{
    for (; keys->name; keys++)
        if (slv_str_is(name, keys->name))
            return keys;
    return NULL;
}

/* ---- messages ---- */

void slv_config_warn_at(config_walk *w, const slv_node *at, const char *fmt, ...)
{
    char text[512], line[768];
    va_list ap;

    if (!w->warn)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (at && at->key_line)
        snprintf(line, sizeof line, "%s:%u:%u: %s", w->file, at->key_line, at->key_col, text);
    else
        snprintf(line, sizeof line, "%s: %s", w->file, text);
    w->warn(w->warn_arg, line);
}

slv_code slv_config_fail(config_walk *w, slv_code code, const slv_node *at, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (at && at->line)
        return slv_fail(w->err, code, "%s:%u:%u: %s", w->file, at->line, at->col, text);
    return slv_fail(w->err, code, "%s: %s", w->file, text);
}

/* ---- checking ---- */

static size_t path_push(config_walk *w, const char *sep, slv_str name)
{
    size_t was = strlen(w->path);

    snprintf(w->path + was, sizeof w->path - was, "%s%.*s", was ? sep : "", SLV_STR_ARGS(name));
    return was;
}

static size_t path_push_index(config_walk *w, size_t i)
{
    size_t was = strlen(w->path);

    snprintf(w->path + was, sizeof w->path - was, "[%zu]", i);
    return was;
}

static slv_code expected(config_walk *w, const slv_node *n, const char *what)
{
    return slv_config_fail(w, SLV_E_INVAL, n, "'%s' must be %s, not %s", w->path, what,
                           slv_node_type_text(n->type));
}

static slv_code check_strings(config_walk *w, const slv_node *n)
{
    size_t i = 0;

    for (const slv_node *item = n->first; item; item = item->next, i++) {
        size_t was = path_push_index(w, i);

        if (item->type != SLV_NODE_STRING)
            return expected(w, item, "a string");
        w->path[was] = '\0';
    }
    return SLV_OK;
}

static slv_code check_string_map(config_walk *w, const slv_node *n)
{
    for (const slv_node *item = n->first; item; item = item->next) {
        size_t was = path_push(w, ".", item->key);

        if (item->type != SLV_NODE_STRING)
            return expected(w, item, "a string");
        w->path[was] = '\0';
    }
    return SLV_OK;
}

static slv_code check_one_of(config_walk *w, const slv_node *n, const char *words)
{
    slv_str rest = slv_str_from(words), word;

    while (slv_str_split(&rest, '|', &word))
        if (slv_str_eq(word, n->text))
            return SLV_OK;
    return slv_config_fail(w, SLV_E_INVAL, n, "'%s' must be one of %s, not \"%.*s\"", w->path,
                           words, SLV_STR_ARGS(n->text));
}

/* What people write as [env.x.d1_databases] for [[env.x.d1_databases]]. */
static slv_code wrap_single_table(config_walk *w, slv_node *n)
{
    slv_node *item = slv_node_new(w->arena, SLV_NODE_OBJECT, n->line, n->col);

    if (!item)
        return slv_config_fail(w, SLV_E_LIMIT, n, "the file is too large");
    slv_config_warn_at(
        w, n,
        "'%s' should be an array of tables ([[%s]]); the single table is taken as its only item",
        w->path, w->path);
    item->first = n->first;
    item->last = n->last;
    item->count = n->count;
    n->type = SLV_NODE_ARRAY;
    n->first = n->last = item;
    n->count = 1;
    return SLV_OK;
}

static slv_code check_tables(config_walk *w, slv_node *n, const config_key *sub, bool strings_too)
{
    size_t i = 0;

    if (n->type == SLV_NODE_OBJECT)
        SLV_TRY(wrap_single_table(w, n));
    if (n->type != SLV_NODE_ARRAY)
        return expected(w, n, strings_too ? "an array" : "an array of tables");
    for (slv_node *item = n->first; item; item = item->next, i++) {
        size_t was = path_push_index(w, i);

        if (item->type == SLV_NODE_OBJECT)
            SLV_TRY(slv_config_check_table(w, item, sub, false, false));
        else if (!strings_too || item->type != SLV_NODE_STRING)
            return expected(w, item, strings_too ? "a string or a table" : "a table");
        w->path[was] = '\0';
    }
    return SLV_OK;
}

static slv_code check_scalar(config_walk *w, const slv_node *n, slv_node_type type,
                             const char *what)
{
    return n->type == type ? SLV_OK : expected(w, n, what);
}

static slv_code check_value(config_walk *w, slv_node *n, const config_key *key)
{
    switch (key->kind) {
    case CONFIG_ANY:
        return SLV_OK;
    case CONFIG_STRING:
        SLV_TRY(check_scalar(w, n, SLV_NODE_STRING, "a string"));
        return key->one_of ? check_one_of(w, n, key->one_of) : SLV_OK;
    case CONFIG_BOOL:
        return check_scalar(w, n, SLV_NODE_BOOL, "true or false");
    case CONFIG_NUMBER:
        return check_scalar(w, n, SLV_NODE_NUMBER, "a number");
    case CONFIG_STRINGS:
        SLV_TRY(check_scalar(w, n, SLV_NODE_ARRAY, "an array of strings"));
        return check_strings(w, n);
    case CONFIG_TABLE:
        SLV_TRY(check_scalar(w, n, SLV_NODE_OBJECT, "a table"));
        return slv_config_check_table(w, n, key->sub, false, false);
    case CONFIG_TABLES:
        return check_tables(w, n, key->sub, false);
    case CONFIG_MAP:
        return check_scalar(w, n, SLV_NODE_OBJECT, "a table");
    case CONFIG_STRING_MAP:
        SLV_TRY(check_scalar(w, n, SLV_NODE_OBJECT, "a table of strings"));
        return check_string_map(w, n);
    case CONFIG_BOOL_OR_STRINGS:
        if (n->type == SLV_NODE_BOOL)
            return SLV_OK;
        SLV_TRY(check_scalar(w, n, SLV_NODE_ARRAY, "true, false or an array of strings"));
        return check_strings(w, n);
    case CONFIG_STRING_OR_STRINGS:
        if (n->type == SLV_NODE_STRING)
            return SLV_OK;
        SLV_TRY(check_scalar(w, n, SLV_NODE_ARRAY, "a string or an array of strings"));
        return check_strings(w, n);
    case CONFIG_ROUTE:
        if (n->type == SLV_NODE_STRING)
            return SLV_OK;
        SLV_TRY(check_scalar(w, n, SLV_NODE_OBJECT, "a string or a table"));
        return slv_config_check_table(w, n, key->sub, false, false);
    case CONFIG_ROUTES:
        return check_tables(w, n, key->sub, true);
    }
    SLV_UNREACHABLE();
}

static void warn_unknown(config_walk *w, const slv_node *member, const config_key *keys)
{
    const char *words[160];
    const char *near;
    size_t n = 0;

    for (const config_key *k = keys; k->name && n < SLV_ARRAY_LEN(words); k++)
        words[n++] = k->name;
    near = slv_suggest(member->key, words, n);
    if (near)
        slv_config_warn_at(w, member, "unknown key '%s'; did you mean '%s'?", w->path, near);
    else
        slv_config_warn_at(w, member, "unknown key '%s'", w->path);
}

static slv_code check_required(config_walk *w, const slv_node *table, const config_key *keys)
{
    for (; keys->name; keys++)
        if (keys->required && !slv_node_get(table, keys->name))
            return slv_config_fail(w, SLV_E_INVAL, table, "'%s' needs a '%s'", w->path, keys->name);
    return SLV_OK;
}

slv_code slv_config_check_table(config_walk *w, slv_node *table, const config_key *keys,
                                bool first_level, bool in_env)
{
    for (slv_node *member = table->first; member; member = member->next) {
        const config_key *key = slv_config_key_find(keys, member->key);
        size_t was = path_push(w, ".", member->key);

        if (!key)
            warn_unknown(w, member, keys);
        else if (first_level && in_env && key->scope == CONFIG_TOP)
            slv_config_warn_at(w, member,
                               "'%s' belongs to the top level and has no effect in an environment",
                               w->path);
        else
            SLV_TRY(check_value(w, member, key));
        w->path[was] = '\0';
    }
    return check_required(w, table, keys);
}
