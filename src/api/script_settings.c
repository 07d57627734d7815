/*
 * Settings by HTTP. Those of a version (bindings, compatibility, limits ...) make a new version
 * when they change; those of the worker itself (logs, tail consumers, tags) are its row's.
 */
#include "api/routes.h"
#include "api/script_int.h"
#include "fmt/json.h"

/* ---- GET settings ---- */

static void put_member(slv_json_writer *w, const slv_node *from, const char *key)
{
    slv_json_put_node(w, key, slv_node_get(from, key));
}

static void put_worker_settings(slv_json_writer *w, const slv_node *settings)
{
    const slv_node *logpush = slv_node_get(settings, "logpush");

    slv_json_put_bool(w, "logpush", logpush && logpush->boolean);
    slv_json_key(w, "tail_consumers");
    slv_json_node(w, slv_node_get(settings, "tail_consumers"));
    slv_json_key(w, "tags");
    slv_json_node(w, slv_node_get(settings, "tags"));
    put_member(w, settings, "observability");
}

static void put_settings(script_rest *r, slv_str metadata)
{
    slv_json_writer *w = &r->json;
    const slv_node *meta = slv_script_parse(metadata, &r->arena);

    slv_json_open(w, '{');
    slv_json_key(w, "bindings");
    slv_script_put_bindings(w, meta);
    put_member(w, meta, "compatibility_date");
    slv_json_key(w, "compatibility_flags");
    if (slv_node_get(meta, "compatibility_flags"))
        slv_json_node(w, slv_node_get(meta, "compatibility_flags"));
    else
        slv_json_raw(w, SLV_STR("[]"));
    slv_json_put_text(w, "usage_model", SLV_STR("standard"));
    put_member(w, meta, "limits");
    slv_json_key(w, "placement");
    if (slv_node_get(meta, "placement"))
        slv_json_node(w, slv_node_get(meta, "placement"));
    else
        slv_json_raw(w, SLV_STR("{}"));
    slv_json_put_some(w, "migration_tag", r->row.migration_tag);
    put_worker_settings(w, slv_script_parse(r->row.settings, &r->arena));
    slv_json_close(w, '}');
}

static slv_code work_settings(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_code code;

    SLV_TRY(slv_script_row(r, c, err));
    code = slv_catalog_version_latest(c, &r->key, false, &r->arena, &r->previous, err);
    if (code != SLV_E_NOTFOUND)
        SLV_TRY(code);
    put_settings(r, code == SLV_OK ? r->previous.metadata : SLV_STR("{}"));
    return SLV_OK;
}

static void get_settings(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_settings, NULL);
}

/* ---- GET bindings ---- */

static slv_code work_bindings(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_code code;

    SLV_TRY(slv_script_row(r, c, err));
    code = slv_catalog_version_latest(c, &r->key, false, &r->arena, &r->previous, err);
    if (code != SLV_E_NOTFOUND)
        SLV_TRY(code);
    slv_script_put_bindings(
        &r->json, code == SLV_OK ? slv_script_parse(r->previous.metadata, &r->arena) : NULL);
    return SLV_OK;
}

static void get_bindings(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_bindings, NULL);
}

/* ---- PATCH settings ---- */

/* A binding of the request that says no more than its name and type means the one that is there. */
static bool stays(const slv_node *binding, const slv_node *before)
{
    const slv_node *was = slv_script_binding(before, slv_node_str(slv_node_get(binding, "name")));

    return binding->count == 2 && was &&
           slv_str_eq(slv_node_str(slv_node_get(binding, "type")),
                      slv_node_str(slv_node_get(was, "type")));
}

/* The request's bindings are all that there are: those that are not among them go. */
static size_t changes_of(const slv_node *list, const slv_node *before, script_change *changes)
{
    const slv_node *old = slv_node_get(before, "bindings");
    size_t n = 0;

    for (const slv_node *b = slv_node_is(old, SLV_NODE_ARRAY) ? old->first : NULL; b; b = b->next) {
        bool kept = false;

        for (const slv_node *g = list->first; g && !kept; g = g->next)
            kept = slv_str_eq(slv_node_str(slv_node_get(g, "name")),
                              slv_node_str(slv_node_get(b, "name")));
        if (!kept)
            changes[n++] = (script_change){slv_node_str(slv_node_get(b, "name")), NULL};
    }
    for (const slv_node *g = list->first; g; g = g->next)
        if (!stays(g, before))
            changes[n++] = (script_change){slv_node_str(slv_node_get(g, "name")), g};
    return n;
}

static bool compose_settings(script_rest *r)
{
    const slv_node *list = slv_node_get(r->body, "bindings");
    const slv_node *before = slv_script_parse(r->previous.metadata, &r->arena),
                   *old = slv_node_get(before, "bindings");
    script_change *changes = NULL;
    size_t n = 0;

    if (slv_node_is(list, SLV_NODE_ARRAY)) {
        changes = slv_arena_try_alloc0(&r->arena, (list->count + (old ? old->count : 0) + 1) *
                                                      sizeof *changes);
        if (changes)
            n = changes_of(list, before, changes);
    }
    if (slv_script_compose(r, changes, n, r->body) == SLV_OK)
        return true;
    slv_script_error(r, 413, SCRIPT_TOO_LARGE, "The Worker's metadata would have more than 1 MB");
    return false;
}

static void finish_settings(script_rest *r)
{
    put_settings(r, r->added.metadata);
    slv_script_apply(r);
}

/* The field "settings" of a form, or the body itself. */
static bool take_settings(script_rest *r)
{
    slv_api_call *call = r->api;
    slv_str text = call->body;
    slv_api_part part;
    slv_err err = {0};
    size_t at = 0;

    if (slv_api_is_multipart(call)) {
        text = SLV_STR_NULL;
        while (slv_api_next_part(call, &at, &part))
            if (slv_str_is(part.name, "settings"))
                text = part.body;
        if (!text.ptr) {
            slv_script_error(r, 400, SCRIPT_INVALID, "The form has no field \"settings\"");
            return false;
        }
    }
    if (slv_json_parse(text, SLV_JSON_STRICT, call->arena, &r->body, &err) != SLV_OK) {
        slv_script_error(r, 400, SCRIPT_INVALID, "settings are no JSON: %s", slv_err_text(&err));
        return false;
    }
    if (r->body->type != SLV_NODE_OBJECT) {
        slv_script_error(r, 400, SCRIPT_INVALID, "settings must be an object");
        return false;
    }
    r->metadata = r->body;
    return slv_script_check_metadata(r);
}

static bool makes_version(const slv_node *body)
{
    for (const slv_node *m = body->first; m; m = m->next)
        if (!slv_str_is(m->key, "logpush") && !slv_str_is(m->key, "tail_consumers") &&
            !slv_str_is(m->key, "observability") && !slv_str_is(m->key, "tags") &&
            !slv_str_is(m->key, "usage_model"))
            return true;
    return false;
}

static slv_code change_row(script_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_TRY(slv_script_row(r, c, err));
    r->row.modified_ms = r->now_ms;
    SLV_TRY(slv_script_merge_settings(r, &r->row.settings));
    return slv_catalog_worker_put(c, &r->row, err);
}

static slv_code work_row_settings(script_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_TRY(change_row(r, c, err));
    return work_settings(r, c, err);
}

static void patch_settings(slv_api_call *call)
{
    script_rest *r = slv_script_new(call);

    if (!take_settings(r) || !slv_script_check_settings(r, r->body))
        return;
    r->settings = r->body;
    if (!makes_version(r->body)) {
        slv_script_write(r, work_row_settings, slv_script_apply);
        return;
    }
    r->compose = compose_settings;
    r->finish = finish_settings;
    r->keep_code = true;
    r->deploy = true;
    r->needs_latest = true;
    r->triggered_by = "secret";
    slv_script_build(r);
}

/* ---- script-settings: those of the worker itself ---- */

static slv_code work_script_settings(script_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_TRY(slv_script_row(r, c, err));
    slv_json_open(&r->json, '{');
    put_worker_settings(&r->json, slv_script_parse(r->row.settings, &r->arena));
    slv_json_close(&r->json, '}');
    return SLV_OK;
}

static void get_script_settings(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_script_settings, NULL);
}

static slv_code work_patch(script_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_TRY(change_row(r, c, err));
    return work_script_settings(r, c, err);
}

static bool wrong(script_rest *r, const char *what)
{
    slv_script_error(r, 400, SCRIPT_INVALID, "%s", what);
    return false;
}

static bool check_tags(script_rest *r, const slv_node *tags)
{
    if (!tags || tags->type == SLV_NODE_NULL)
        return true;
    if (tags->type != SLV_NODE_ARRAY)
        return wrong(r, "tags must be an array of strings");
    for (const slv_node *t = tags->first; t; t = t->next)
        if (t->type != SLV_NODE_STRING || t->text.len > 1024)
            return wrong(r, "tags must be an array of strings of at most 1,024 bytes");
    return true;
}

static bool check_consumers(script_rest *r, const slv_node *list)
{
    size_t i = 0;

    if (!list || list->type == SLV_NODE_NULL)
        return true;
    if (list->type != SLV_NODE_ARRAY)
        return wrong(r, "tail_consumers must be an array of {service}");
    for (const slv_node *t = list->first; t; t = t->next, i++) {
        if (slv_node_str(slv_node_get(t, "service")).len > 0)
            continue;
        slv_script_error(r, 400, SCRIPT_INVALID,
                         "tail_consumers[%zu].service must be a string that is not empty", i);
        return false;
    }
    return true;
}

bool slv_script_check_settings(script_rest *r, const slv_node *settings)
{
    const slv_node *logpush = slv_node_get(settings, "logpush"),
                   *seen = slv_node_get(settings, "observability");

    if (logpush && logpush->type != SLV_NODE_BOOL && logpush->type != SLV_NODE_NULL)
        return wrong(r, "logpush must be true or false");
    if (seen && seen->type != SLV_NODE_OBJECT && seen->type != SLV_NODE_NULL)
        return wrong(r, "observability must be an object");
    return check_tags(r, slv_node_get(settings, "tags")) &&
           check_consumers(r, slv_node_get(settings, "tail_consumers"));
}

static void patch_script_settings(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    script_rest *r;

    if (!body)
        return;
    r = slv_script_new(call);
    r->body = body;
    if (body->type != SLV_NODE_OBJECT) {
        slv_script_error(r, 400, SCRIPT_INVALID, "The body must be an object");
        return;
    }
    if (!slv_script_check_settings(r, body))
        return;
    r->settings = body;
    slv_script_write(r, work_patch, slv_script_apply);
}

#define ONE "/accounts/:account/workers/scripts/:script"
#define SERVICE "/accounts/:account/workers/services/:script/environments/:environment"
#define DISPATCHED "/accounts/:account/workers/dispatch/namespaces/:namespace/scripts/:script"

const slv_api_route slv_api_script_setting_routes[] = {
    {.method = "GET", .pattern = ONE "/settings", .handle = get_settings},
    {.method = "PATCH",
     .pattern = ONE "/settings",
     .handle = patch_settings,
     .body_max = (size_t)4 << 20},
    {.method = "GET", .pattern = ONE "/bindings", .handle = get_bindings},
    {.method = "GET", .pattern = ONE "/script-settings", .handle = get_script_settings},
    {.method = "PATCH", .pattern = ONE "/script-settings", .handle = patch_script_settings},
    {.method = "GET", .pattern = SERVICE "/settings", .handle = get_settings},
    {.method = "PATCH",
     .pattern = SERVICE "/settings",
     .handle = patch_settings,
     .body_max = (size_t)4 << 20},
    {.method = "GET", .pattern = SERVICE "/bindings", .handle = get_bindings},
    {.method = "GET", .pattern = DISPATCHED "/settings", .handle = get_settings},
    {.method = "PATCH",
     .pattern = DISPATCHED "/settings",
     .handle = patch_settings,
     .body_max = (size_t)4 << 20},
    {.method = "GET", .pattern = DISPATCHED "/bindings", .handle = get_bindings},
    {.method = "GET", .pattern = DISPATCHED "/script-settings", .handle = get_script_settings},
    {.method = "PATCH", .pattern = DISPATCHED "/script-settings", .handle = patch_script_settings},
    {0},
};
