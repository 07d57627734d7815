/* What leads to a worker: its host, routes, custom domains, crons, queues. */
#include <stdio.h>

#include "cli/deploy_int.h"
#include "cli/term.h"
#include "fmt/json_write.h"

typedef struct triggers {
    slv_deploy *d;
    const slv_node *routes; /* an array, or one route */
    size_t domains, patterns;
} triggers;

/* ---- its host ---- */

static bool flag(const slv_deploy *d, const char *key, bool otherwise)
{
    const slv_node *n = slv_config_value(&d->project.config, key);

    return n ? n->boolean : otherwise;
}

static slv_code set_host(triggers *t, slv_err *err)
{
    slv_deploy *d = t->d;
    bool enabled = flag(d, "workers_dev", t->domains + t->patterns == 0);
    slv_json_writer w = SLV_JSON_WRITER(&d->json);
    slv_node *result;

    slv_json_open(&w, '{');
    slv_json_put_bool(&w, "enabled", enabled);
    slv_json_put_bool(&w, "previews_enabled", flag(d, "preview_urls", enabled));
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    SLV_TRY(slv_deploy_path(d, "/subdomain"));
    SLV_TRY(slv_deploy_call(d, "POST", &result, err));
    if (enabled) {
        slv_str url = slv_node_str(slv_node_get(result, "url"));

        if (url.len > 0)
            printf("  %.*s\n", SLV_STR_ARGS(url));
    }
    return SLV_OK;
}

/* ---- routes ---- */

static bool is_domain(const slv_node *route)
{
    const slv_node *n = slv_node_get(route, "custom_domain");

    return n && n->boolean;
}

static slv_str pattern_of(const slv_node *route)
{
    return route->type == SLV_NODE_STRING ? route->text
                                          : slv_node_str(slv_node_get(route, "pattern"));
}

static const slv_node *first_route(const triggers *t)
{
    return slv_node_is(t->routes, SLV_NODE_ARRAY) ? t->routes->first : t->routes;
}

static const slv_node *next_route(const triggers *t, const slv_node *route)
{
    return slv_node_is(t->routes, SLV_NODE_ARRAY) ? route->next : NULL;
}

static void count_routes(triggers *t)
{
    for (const slv_node *n = first_route(t); n; n = next_route(t, n)) {
        if (is_domain(n))
            t->domains++;
        else
            t->patterns++;
    }
}

static void put_zone(slv_json_writer *w, const slv_node *route)
{
    slv_json_put_node(w, "zone_id", slv_node_get(route, "zone_id"));
    slv_json_put_node(w, "zone_name", slv_node_get(route, "zone_name"));
}

static slv_code send_routes(triggers *t, slv_err *err)
{
    slv_json_writer w = SLV_JSON_WRITER(&t->d->json);
    slv_node *result;

    if (!t->routes)
        return SLV_OK;
    slv_json_open(&w, '[');
    for (const slv_node *n = first_route(t); n; n = next_route(t, n)) {
        if (is_domain(n))
            continue;
        slv_json_open(&w, '{');
        slv_json_put_text(&w, "pattern", pattern_of(n));
        put_zone(&w, n);
        slv_json_close(&w, '}');
        printf("  %.*s\n", SLV_STR_ARGS(pattern_of(n)));
    }
    slv_json_close(&w, ']');
    SLV_TRY(w.code);
    SLV_TRY(slv_deploy_path(t->d, "/routes"));
    return slv_deploy_call(t->d, "PUT", &result, err);
}

static slv_code send_domains(triggers *t, slv_err *err)
{
    slv_json_writer w = SLV_JSON_WRITER(&t->d->json);
    slv_node *result;

    if (t->domains == 0)
        return SLV_OK;
    slv_json_open(&w, '{');
    slv_json_put_bool(&w, "override_scope", true);
    slv_json_put_bool(&w, "override_existing_origin", true);
    slv_json_put_bool(&w, "override_existing_dns_record", true);
    slv_json_key(&w, "origins");
    slv_json_open(&w, '[');
    for (const slv_node *n = first_route(t); n; n = next_route(t, n)) {
        if (!is_domain(n))
            continue;
        slv_json_open(&w, '{');
        slv_json_put_text(&w, "hostname", pattern_of(n));
        put_zone(&w, n);
        slv_json_close(&w, '}');
        printf("  %.*s (custom domain)\n", SLV_STR_ARGS(pattern_of(n)));
    }
    slv_json_close(&w, ']');
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    SLV_TRY(slv_deploy_path(t->d, "/domains/records"));
    return slv_deploy_call(t->d, "PUT", &result, err);
}

/* ---- crons ---- */

static slv_code send_crons(triggers *t, slv_err *err)
{
    const slv_node *table = slv_config_value(&t->d->project.config, "triggers");
    const slv_node *crons = slv_node_get(table, "crons");
    slv_json_writer w = SLV_JSON_WRITER(&t->d->json);
    slv_node *result;

    if (!crons)
        return SLV_OK;
    slv_json_open(&w, '[');
    for (const slv_node *n = crons->first; n; n = n->next) {
        slv_json_open(&w, '{');
        slv_json_put_node(&w, "cron", n);
        slv_json_close(&w, '}');
        printf("  schedule: %.*s\n", SLV_STR_ARGS(n->text));
    }
    slv_json_close(&w, ']');
    SLV_TRY(w.code);
    SLV_TRY(slv_deploy_path(t->d, "/schedules"));
    return slv_deploy_call(t->d, "PUT", &result, err);
}

/* ---- queues ---- */

static void put_seconds(slv_json_writer *w, const char *key, const slv_node *n)
{
    int64_t v;

    if (n && slv_node_i64(n, &v))
        slv_json_put_number(w, key, v * 1000);
}

static void put_consumer(const slv_deploy *d, slv_json_writer *w, const slv_node *n)
{
    slv_str type = slv_node_str(slv_node_get(n, "type"));
    bool pull = slv_str_is(type, "http_pull");

    slv_json_open(w, '{');
    slv_json_put_text(w, "type", pull ? type : SLV_STR("worker"));
    if (!pull) {
        slv_json_put_text(w, "script_name", slv_str_from(d->project.name));
        slv_json_put_text(w, "environment_name", SLV_STR(""));
    }
    slv_json_put_node(w, "dead_letter_queue", slv_node_get(n, "dead_letter_queue"));
    slv_json_key(w, "settings");
    slv_json_open(w, '{');
    slv_json_put_node(w, "batch_size", slv_node_get(n, "max_batch_size"));
    slv_json_put_node(w, "max_retries", slv_node_get(n, "max_retries"));
    put_seconds(w, "max_wait_time_ms", slv_node_get(n, "max_batch_timeout"));
    slv_json_put_node(w, "max_concurrency", slv_node_get(n, "max_concurrency"));
    slv_json_put_node(w, "retry_delay", slv_node_get(n, "retry_delay"));
    slv_json_put_node(w, "visibility_timeout_ms", slv_node_get(n, "visibility_timeout_ms"));
    slv_json_close(w, '}');
    slv_json_close(w, '}');
}

/* The consumer of the queue that is the worker's own, or the pulling one; empty: none. */
static slv_str consumer_id(const slv_deploy *d, const slv_node *queue, bool pull)
{
    const slv_node *list = slv_node_get(queue, "consumers");

    for (const slv_node *n = list ? list->first : NULL; n; n = n->next) {
        bool pulls = slv_str_is(slv_node_str(slv_node_get(n, "type")), "http_pull");
        slv_str script = slv_node_str(slv_node_get(n, "script"));

        if (pull ? pulls : !pulls && slv_str_is(script, d->project.name))
            return slv_node_str(slv_node_get(n, "consumer_id"));
    }
    return SLV_STR("");
}

static slv_code send_consumer(triggers *t, const slv_node *n, slv_err *err)
{
    slv_deploy *d = t->d;
    slv_str name = slv_node_str(slv_node_get(n, "queue")), old;
    slv_json_writer w = SLV_JSON_WRITER(&d->json);
    slv_node *list, *result;

    slv_buf_reset(&d->path);
    SLV_TRY(slv_buf_append(&d->path, SLV_STR("/queues?page=1&name=")));
    SLV_TRY(slv_rest_put_escaped(&d->path, name));
    SLV_TRY(slv_deploy_call(d, "GET", &list, err));
    if (!list || !list->first)
        return slv_fail(err, SLV_E_NOTFOUND,
                        "there is no queue '%.*s' on the server; 'selvage queues create %.*s "
                        "--remote' makes it",
                        SLV_STR_ARGS(name), SLV_STR_ARGS(name));
    old =
        consumer_id(d, list->first, slv_str_is(slv_node_str(slv_node_get(n, "type")), "http_pull"));
    put_consumer(d, &w, n);
    SLV_TRY(w.code);
    slv_buf_reset(&d->path);
    SLV_TRY(slv_buf_printf(&d->path, "/queues/%.*s/consumers%s%.*s",
                           SLV_STR_ARGS(slv_node_str(slv_node_get(list->first, "queue_id"))),
                           old.len > 0 ? "/" : "", SLV_STR_ARGS(old)));
    SLV_TRY(slv_deploy_call(d, old.len > 0 ? "PUT" : "POST", &result, err));
    printf("  Consumer for %.*s\n", SLV_STR_ARGS(name));
    return SLV_OK;
}

static slv_code send_consumers(triggers *t, slv_err *err)
{
    const slv_node *queues = slv_config_value(&t->d->project.config, "queues");
    const slv_node *list = slv_node_get(queues, "consumers");

    for (const slv_node *n = list ? list->first : NULL; n; n = n->next)
        SLV_TRY(send_consumer(t, n, err));
    return SLV_OK;
}

slv_code slv_deploy_triggers(slv_deploy *d, slv_err *err)
{
    triggers t = {.d = d};

    t.routes = slv_config_value(&d->project.config, "routes");
    if (!t.routes)
        t.routes = slv_config_value(&d->project.config, "route");
    count_routes(&t);
    printf("Deployed %s triggers\n", d->project.name);
    SLV_TRY(set_host(&t, err));
    SLV_TRY(send_routes(&t, err));
    SLV_TRY(send_domains(&t, err));
    SLV_TRY(send_crons(&t, err));
    return send_consumers(&t, err);
}
