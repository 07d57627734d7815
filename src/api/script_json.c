/* Rows of the catalog as the control API shows them. */
#include <stdio.h>
#include <time.h>

#include "api/script_int.h"
#include "fmt/json.h"

void slv_script_put_time(slv_json_writer *w, const char *key, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[40], whole[64];

    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
    snprintf(whole, sizeof whole, "%s.%03dZ", text, (int)(ms % 1000));
    slv_json_put_text(w, key, slv_str_from(whole));
}

slv_node *slv_script_parse(slv_str json, slv_arena *arena)
{
    slv_node *root = NULL;

    if (json.len == 0 || slv_json_parse(json, SLV_JSON_STRICT, arena, &root, NULL) != SLV_OK)
        return NULL;
    return root;
}

bool slv_script_is_secret(const slv_node *binding)
{
    slv_str type = slv_node_str(slv_node_get(binding, "type"));

    return slv_str_is(type, "secret_text") || slv_str_is(type, "secret_key");
}

/* Secrets stand in metadata by name and type alone; should a value ever be there, it stays there.
 */
void slv_script_put_bindings(slv_json_writer *w, const slv_node *metadata)
{
    const slv_node *list = slv_node_get(metadata, "bindings");

    slv_json_open(w, '[');
    for (const slv_node *b = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; b;
         b = b->next) {
        bool secret = slv_script_is_secret(b);

        slv_json_open(w, '{');
        for (const slv_node *m = b->first; m; m = m->next) {
            if (secret && !slv_str_is(m->key, "name") && !slv_str_is(m->key, "type"))
                continue;
            slv_json_key_str(w, m->key);
            slv_json_node(w, m);
        }
        slv_json_close(w, '}');
    }
    slv_json_close(w, ']');
}

static bool has_members(slv_str json)
{
    return json.len > 2; /* more than "{}" */
}

void slv_script_put_version(slv_json_writer *w, const slv_version_row *v, slv_arena *arena)
{
    const slv_node *meta = slv_script_parse(v->metadata, arena);
    const slv_node *placement = slv_node_get(slv_node_get(meta, "placement"), "mode");

    slv_json_open(w, '{');
    slv_json_put_text(w, "id", v->id);
    slv_json_put_number(w, "number", (int64_t)v->number);
    slv_json_key(w, "metadata");
    slv_json_open(w, '{');
    slv_script_put_time(w, "created_on", v->created_ms);
    slv_script_put_time(w, "modified_on", v->created_ms);
    slv_json_put_text(w, "source", v->source);
    slv_json_put_text(w, "author_id", v->account);
    slv_json_put_text(w, "author_email", v->author);
    slv_json_put_bool(w, "has_preview", v->dispatch.len == 0 && v->deployable);
    slv_json_close(w, '}');
    if (has_members(v->annotations))
        slv_json_put_raw(w, "annotations", v->annotations);
    slv_json_key(w, "resources");
    slv_json_open(w, '{');
    slv_json_key(w, "bindings");
    slv_script_put_bindings(w, meta);
    slv_json_key(w, "script");
    slv_json_open(w, '{');
    slv_json_put_text(w, "etag", v->etag);
    slv_json_put_raw(w, "handlers", v->handlers);
    slv_json_put_text(w, "last_deployed_from", v->source);
    slv_json_put_node(w, "placement_mode", placement);
    slv_json_close(w, '}');
    slv_json_key(w, "script_runtime");
    slv_json_open(w, '{');
    slv_json_put_node(w, "compatibility_date", slv_node_get(meta, "compatibility_date"));
    slv_json_put_node(w, "compatibility_flags", slv_node_get(meta, "compatibility_flags"));
    slv_json_put_text(w, "usage_model", SLV_STR("standard"));
    slv_json_key(w, "limits");
    if (slv_node_is(slv_node_get(meta, "limits"), SLV_NODE_OBJECT))
        slv_json_node(w, slv_node_get(meta, "limits"));
    else
        slv_json_raw(w, SLV_STR("{}"));
    slv_json_close(w, '}');
    slv_json_close(w, '}');
    slv_json_put_number(w, "startup_time_ms", v->startup_ms);
    slv_json_close(w, '}');
}

void slv_script_put_deployment(slv_json_writer *w, const slv_deployment_row *d)
{
    slv_json_open(w, '{');
    slv_json_put_text(w, "id", d->id);
    slv_json_put_text(w, "source", d->source);
    slv_json_put_text(w, "strategy", SLV_STR("percentage"));
    slv_json_put_text(w, "author_email", d->author);
    if (has_members(d->annotations))
        slv_json_put_raw(w, "annotations", d->annotations);
    slv_script_put_time(w, "created_on", d->created_ms);
    slv_json_key(w, "versions");
    slv_json_open(w, '[');
    for (size_t i = 0; i < d->version_count; i++) {
        char percent[32];

        snprintf(percent, sizeof percent, "%.10g", d->versions[i].percentage);
        slv_json_open(w, '{');
        slv_json_put_text(w, "version_id", d->versions[i].version);
        slv_json_put_raw(w, "percentage", slv_str_from(percent));
        slv_json_close(w, '}');
    }
    slv_json_close(w, ']');
    slv_json_close(w, '}');
}

static void put_version_members(slv_json_writer *w, const slv_version_row *v, slv_arena *arena)
{
    const slv_node *meta = slv_script_parse(v->metadata, arena);
    const slv_node *main = slv_node_get(meta, "main_module");

    slv_json_put_text(w, "etag", v->etag);
    slv_json_put_raw(w, "handlers", v->handlers);
    slv_json_put_bool(w, "has_assets", v->assets.len > 0);
    slv_json_put_bool(w, "has_modules", main != NULL);
    slv_json_put_node(w, "entry_point", main);
    slv_json_put_node(w, "compatibility_date", slv_node_get(meta, "compatibility_date"));
    slv_json_put_node(w, "compatibility_flags", slv_node_get(meta, "compatibility_flags"));
    slv_json_put_node(w, "placement", slv_node_get(meta, "placement"));
    slv_json_put_number(w, "startup_time_ms", v->startup_ms);
}

void slv_script_put_worker(slv_json_writer *w, const slv_worker_row *row,
                           const slv_version_row *latest, slv_arena *arena)
{
    const slv_node *settings = slv_script_parse(row->settings, arena);
    const slv_node *logpush = slv_node_get(settings, "logpush"),
                   *tails = slv_node_get(settings, "tail_consumers"),
                   *tags = slv_node_get(settings, "tags");

    slv_json_put_text(w, "id", row->name);
    slv_json_put_text(w, "tag", row->tag);
    slv_json_key(w, "tags");
    slv_json_node(w, tags);
    slv_json_put_some(w, "migration_tag", row->migration_tag);
    slv_json_put_some(w, "dispatch_namespace", row->dispatch);
    slv_script_put_time(w, "created_on", row->created_ms);
    slv_script_put_time(w, "modified_on", row->modified_ms);
    slv_json_put_text(w, "last_deployed_from", SLV_STR("wrangler"));
    slv_json_put_text(w, "usage_model", SLV_STR("standard"));
    slv_json_key(w, "logpush");
    if (logpush)
        slv_json_node(w, logpush);
    else
        slv_json_bool(w, false);
    slv_json_key(w, "tail_consumers");
    slv_json_node(w, tails);
    slv_json_put_node(w, "observability", slv_node_get(settings, "observability"));
    if (latest)
        put_version_members(w, latest, arena);
}
