#include "cli/metadata.h"

#include "fmt/json_write.h"

const slv_provided_kind slv_provided_kinds[SLV_PROVIDED_KINDS] = {
    {"kv_namespaces", "id", "kv_namespace"},
    {"d1_databases", "database_id", "d1"},
    {"r2_buckets", "bucket_name", "r2_bucket"},
};

/* A table of the configuration whose items are bindings, and which of their keys are sent as what.
 */
typedef struct kind {
    const char *key, *list; /* list: where the items stand in the table; NULL: it is them */
    const char *name;       /* key of the binding's name */
    const char *type;       /* as the API calls it */
    struct {
        const char *from, *to;
    } fields[4];
} kind;

static const kind kinds[] = {
    {"kv_namespaces", NULL, "binding", "kv_namespace", {{"id", "namespace_id"}}},
    {"secrets_store_secrets",
     NULL,
     "binding",
     "secrets_store_secret",
     {{"store_id", "store_id"}, {"secret_name", "secret_name"}}},
    {"d1_databases", NULL, "binding", "d1", {{"database_id", "id"}}},
    {"r2_buckets",
     NULL,
     "binding",
     "r2_bucket",
     {{"bucket_name", "bucket_name"}, {"jurisdiction", "jurisdiction"}}},
    {"queues",
     "producers",
     "binding",
     "queue",
     {{"queue", "queue_name"}, {"delivery_delay", "delivery_delay"}}},
    {"durable_objects",
     "bindings",
     "name",
     "durable_object_namespace",
     {{"class_name", "class_name"},
      {"script_name", "script_name"},
      {"environment", "environment"}}},
    {"services",
     NULL,
     "binding",
     "service",
     {{"service", "service"},
      {"environment", "environment"},
      {"entrypoint", "entrypoint"},
      {"props", "props"}}},
    {"analytics_engine_datasets", NULL, "binding", "analytics_engine", {{"dataset", "dataset"}}},
    {"ratelimits",
     NULL,
     "name",
     "ratelimit",
     {{"namespace_id", "namespace_id"}, {"simple", "simple"}}},
    {"send_email",
     NULL,
     "name",
     "send_email",
     {{"destination_address", "destination_address"},
      {"allowed_destination_addresses", "allowed_destination_addresses"},
      {"allowed_sender_addresses", "allowed_sender_addresses"}}},
    {"worker_loaders", NULL, "binding", "worker_loader", {{NULL, NULL}}},
    {"version_metadata", NULL, "binding", "version_metadata", {{NULL, NULL}}},
};

/* ---- bindings ---- */

static void open_binding(slv_json_writer *w, slv_str name, const char *type)
{
    slv_json_open(w, '{');
    slv_json_put_text(w, "name", name);
    slv_json_put_text(w, "type", slv_str_from(type));
}

static const slv_provision *provision_of(const slv_metadata *m, slv_str name)
{
    for (size_t i = 0; i < m->provision_count; i++)
        if (slv_str_eq(m->provisions[i].name, name))
            return &m->provisions[i];
    return NULL;
}

static void put_resource(const slv_metadata *m, slv_json_writer *w, const kind *k,
                         const slv_node *item)
{
    slv_str name = slv_node_str(slv_node_get(item, k->name));
    const slv_provision *given = provision_of(m, name);

    if (given && given->id.len == 0) {
        open_binding(w, name, "inherit");
        slv_json_close(w, '}');
        return;
    }
    open_binding(w, name, k->type);
    for (size_t i = 0; i < SLV_ARRAY_LEN(k->fields) && k->fields[i].from; i++) {
        const slv_node *v = slv_node_get(item, k->fields[i].from);

        if (given && i == 0)
            slv_json_put_text(w, k->fields[i].to, given->id);
        else
            slv_json_put_node(w, k->fields[i].to, v);
    }
    /* A dataset is called as its binding where nothing else is said. */
    if (strcmp(k->type, "analytics_engine") == 0 && !slv_node_get(item, "dataset"))
        slv_json_put_text(w, "dataset", name);
    slv_json_close(w, '}');
}

static void put_resources(const slv_metadata *m, slv_json_writer *w)
{
    const slv_config *c = &m->project->config;

    for (size_t i = 0; i < SLV_ARRAY_LEN(kinds); i++) {
        const slv_node *list = slv_config_value(c, kinds[i].key);

        if (kinds[i].list)
            list = slv_node_get(list, kinds[i].list);
        if (slv_node_is(list, SLV_NODE_OBJECT))
            put_resource(m, w, &kinds[i], list);
        for (const slv_node *n = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; n;
             n = n->next)
            put_resource(m, w, &kinds[i], n);
    }
}

static void put_dispatchers(const slv_config *c, slv_json_writer *w)
{
    const slv_node *list = slv_config_value(c, "dispatch_namespaces");

    for (const slv_node *n = list ? list->first : NULL; n; n = n->next) {
        const slv_node *out = slv_node_get(n, "outbound"),
                       *params = slv_node_get(out, "parameters");

        open_binding(w, slv_node_str(slv_node_get(n, "binding")), "dispatch_namespace");
        slv_json_put_node(w, "namespace", slv_node_get(n, "namespace"));
        if (out) {
            slv_json_key(w, "outbound");
            slv_json_open(w, '{');
            slv_json_key(w, "worker");
            slv_json_open(w, '{');
            slv_json_put_node(w, "service", slv_node_get(out, "service"));
            slv_json_put_node(w, "environment", slv_node_get(out, "environment"));
            slv_json_close(w, '}');
            slv_json_key(w, "params");
            slv_json_open(w, '[');
            for (const slv_node *p = params ? params->first : NULL; p; p = p->next) {
                slv_json_open(w, '{');
                slv_json_put_node(w, "name", p);
                slv_json_close(w, '}');
            }
            slv_json_close(w, ']');
            slv_json_close(w, '}');
        }
        slv_json_close(w, '}');
    }
}

/* Variables as they stand in the project: those of --var too. */
static void put_variables(const slv_config *c, slv_json_writer *w)
{
    for (size_t i = 0; i < c->bindings.len; i++) {
        const slv_binding *b = &c->bindings.items[i];

        if (b->type == SLV_BINDING_TEXT) {
            open_binding(w, b->name, "plain_text");
            slv_json_put_text(w, "text", b->text);
            slv_json_close(w, '}');
        } else if (b->type == SLV_BINDING_JSON) {
            open_binding(w, b->name, "json");
            slv_json_put_raw(w, "json", b->text);
            slv_json_close(w, '}');
        }
    }
}

static void put_parts(const slv_pair *list, size_t n, const char *type, slv_json_writer *w)
{
    for (size_t i = 0; i < n; i++) {
        open_binding(w, list[i].key, type);
        slv_json_put_text(w, "part", list[i].key);
        slv_json_close(w, '}');
    }
}

static void put_bindings(const slv_metadata *m, slv_json_writer *w)
{
    const slv_config *c = &m->project->config;

    slv_json_key(w, "bindings");
    slv_json_open(w, '[');
    put_variables(c, w);
    put_resources(m, w);
    put_dispatchers(c, w);
    if (c->assets.binding.len > 0) {
        open_binding(w, c->assets.binding, "assets");
        slv_json_close(w, '}');
    }
    put_parts(c->wasm_modules.items, c->wasm_modules.len, "wasm_module", w);
    put_parts(c->text_blobs.items, c->text_blobs.len, "text_blob", w);
    put_parts(c->data_blobs.items, c->data_blobs.len, "data_blob", w);
    for (size_t i = 0; i < m->secret_count; i++) {
        open_binding(w, m->secrets[i].key, "secret_text");
        slv_json_put_text(w, "text", m->secrets[i].value);
        slv_json_close(w, '}');
    }
    slv_json_close(w, ']');
}

/* ---- migrations ---- */

/* The first that the server has not made yet; NULL: none. SLV_E_INVAL: its tag is not among them.
 */
static const slv_node *pending(const slv_metadata *m)
{
    const slv_node *list = slv_config_value(&m->project->config, "migrations");
    const slv_node *first = list ? list->first : NULL;

    for (const slv_node *n = first; n && m->migration_tag.len > 0; n = n->next)
        if (slv_str_eq(slv_node_str(slv_node_get(n, "tag")), m->migration_tag))
            return n->next;
    return first;
}

bool slv_metadata_migrates(const slv_metadata *m)
{
    return pending(m) != NULL;
}

static void put_migrations(const slv_metadata *m, slv_json_writer *w)
{
    static const char *const changes[] = {"new_classes", "new_sqlite_classes", "renamed_classes",
                                          "deleted_classes", "transferred_classes"};
    const slv_node *first = pending(m), *last = first;

    if (!first)
        return;
    while (last->next)
        last = last->next;
    slv_json_key(w, "migrations");
    slv_json_open(w, '{');
    slv_json_put_some(w, "old_tag", m->migration_tag);
    slv_json_put_node(w, "new_tag", slv_node_get(last, "tag"));
    slv_json_key(w, "steps");
    slv_json_open(w, '[');
    for (const slv_node *n = first; n; n = n->next) {
        slv_json_open(w, '{');
        for (size_t i = 0; i < SLV_ARRAY_LEN(changes); i++)
            slv_json_put_node(w, changes[i], slv_node_get(n, changes[i]));
        slv_json_close(w, '}');
    }
    slv_json_close(w, ']');
    slv_json_close(w, '}');
}

/* ---- the rest ---- */

static void put_assets(const slv_metadata *m, slv_json_writer *w)
{
    const slv_node *a = slv_config_value(&m->project->config, "assets");

    if (m->assets_jwt.len == 0)
        return;
    slv_json_key(w, "assets");
    slv_json_open(w, '{');
    slv_json_put_text(w, "jwt", m->assets_jwt);
    slv_json_key(w, "config");
    slv_json_open(w, '{');
    slv_json_put_node(w, "html_handling", slv_node_get(a, "html_handling"));
    slv_json_put_node(w, "not_found_handling", slv_node_get(a, "not_found_handling"));
    slv_json_put_node(w, "run_worker_first", slv_node_get(a, "run_worker_first"));
    slv_json_put_some(w, "_headers", m->headers_text);
    slv_json_put_some(w, "_redirects", m->redirects_text);
    slv_json_close(w, '}');
    slv_json_close(w, '}');
}

static void put_annotations(const slv_metadata *m, slv_json_writer *w)
{
    if (!m->message && !m->tag && !m->alias)
        return;
    slv_json_key(w, "annotations");
    slv_json_open(w, '{');
    slv_json_put_some(w, "workers/message", slv_str_from(m->message ? m->message : ""));
    slv_json_put_some(w, "workers/tag", slv_str_from(m->tag ? m->tag : ""));
    slv_json_put_some(w, "workers/alias", slv_str_from(m->alias ? m->alias : ""));
    slv_json_close(w, '}');
}

static void put_kept(const slv_metadata *m, slv_json_writer *w)
{
    if (!m->keep_vars && !m->keep_secrets)
        return;
    slv_json_key(w, "keep_bindings");
    slv_json_open(w, '[');
    if (m->keep_vars) {
        slv_json_text(w, SLV_STR("plain_text"));
        slv_json_text(w, SLV_STR("json"));
    }
    slv_json_text(w, SLV_STR("secret_text"));
    slv_json_text(w, SLV_STR("secret_key"));
    slv_json_close(w, ']');
}

static void put_compatibility(const slv_project *p, slv_json_writer *w)
{
    const slv_project_options *o = p->options;

    slv_json_put_some(w, "compatibility_date", slv_str_from(p->compat.date));
    slv_json_key(w, "compatibility_flags");
    slv_json_open(w, '[');
    for (size_t i = 0; i < o->compatibility_flag_count; i++)
        slv_json_text(w, slv_str_from(o->compatibility_flags[i]));
    for (size_t i = 0; o->compatibility_flag_count == 0 && i < p->config.compatibility_flags.len;
         i++)
        slv_json_text(w, p->config.compatibility_flags.items[i]);
    slv_json_close(w, ']');
}

slv_code slv_metadata_write(const slv_metadata *m, slv_buf *out, slv_err *err)
{
    static const char *const same[] = {"observability", "tail_consumers", "logpush", "placement",
                                       "limits"};
    const slv_config *c = &m->project->config;
    slv_json_writer w = SLV_JSON_WRITER(out);

    slv_buf_reset(out);
    slv_json_open(&w, '{');
    slv_json_put_some(&w, m->service_worker ? "body_part" : "main_module", m->main_name);
    if (m->main_name.len > 0)
        put_bindings(m, &w);
    put_compatibility(m->project, &w);
    put_migrations(m, &w);
    put_assets(m, &w);
    put_annotations(m, &w);
    put_kept(m, &w);
    for (size_t i = 0; i < SLV_ARRAY_LEN(same); i++)
        slv_json_put_node(&w, same[i], slv_config_value(c, same[i]));
    slv_json_close(&w, '}');
    return w.code == SLV_OK ? SLV_OK : slv_fail(err, w.code, "the configuration is too large");
}
