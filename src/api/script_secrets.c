/*
 * Secrets by HTTP. Each change makes a version with the code of the one before, deployed at once;
 * several that come together are each in the next version: none is lost.
 */
#include "api/routes.h"
#include "api/script_int.h"
#include "fmt/json.h"

#define BODY_MAX ((size_t)2 << 20)

/* ---- GET secrets ---- */

static void put_secret(slv_json_writer *w, const slv_node *binding)
{
    slv_json_open(w, '{');
    slv_json_put_node(w, "name", slv_node_get(binding, "name"));
    slv_json_put_node(w, "type", slv_node_get(binding, "type"));
    slv_json_close(w, '}');
}

static slv_code latest_metadata(script_rest *r, slv_catalog *c, const slv_node **ret, slv_err *err)
{
    slv_code code;

    SLV_TRY(slv_script_row(r, c, err));
    code = slv_catalog_version_latest(c, &r->key, false, &r->arena, &r->previous, err);
    if (code != SLV_E_NOTFOUND)
        SLV_TRY(code);
    *ret = code == SLV_OK ? slv_script_parse(r->previous.metadata, &r->arena) : NULL;
    return SLV_OK;
}

static slv_code work_list(script_rest *r, slv_catalog *c, slv_err *err)
{
    const slv_node *metadata = NULL, *list;

    SLV_TRY(latest_metadata(r, c, &metadata, err));
    list = slv_node_get(metadata, "bindings");
    slv_json_open(&r->json, '[');
    for (const slv_node *b = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; b; b = b->next)
        if (slv_script_is_secret(b))
            put_secret(&r->json, b);
    slv_json_close(&r->json, ']');
    return SLV_OK;
}

static void get_secrets(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_list, NULL);
}

static slv_code no_secret(script_rest *r, slv_err *err)
{
    return slv_script_refuse(r, err, 404, SCRIPT_SECRET_NOT_FOUND,
                             "Binding '%.*s' was not found on Worker '%.*s'", SLV_STR_ARGS(r->name),
                             SLV_STR_ARGS(r->key.name));
}

static slv_code work_one(script_rest *r, slv_catalog *c, slv_err *err)
{
    const slv_node *metadata = NULL, *binding;

    SLV_TRY(latest_metadata(r, c, &metadata, err));
    binding = slv_script_binding(metadata, r->name);
    if (!binding || !slv_script_is_secret(binding))
        return no_secret(r, err);
    put_secret(&r->json, binding);
    return SLV_OK;
}

static void get_secret(slv_api_call *call)
{
    script_rest *r = slv_script_new(call);

    r->name = call->params[call->param_count - 1];
    slv_script_read(r, work_one, NULL);
}

/* ---- changes ---- */

static void revise(script_rest *r, bool (*compose)(script_rest *r), void (*finish)(script_rest *r))
{
    r->compose = compose;
    r->finish = finish;
    r->keep_code = true;
    r->deploy = true;
    r->needs_latest = true;
    r->triggered_by = "secret";
    slv_script_build(r);
}

static bool composed(script_rest *r, const script_change *changes, size_t count)
{
    if (slv_script_compose(r, changes, count, NULL) == SLV_OK)
        return true;
    slv_script_error(r, 413, SCRIPT_TOO_LARGE, "The Worker's metadata would have more than 1 MB");
    return false;
}

static bool check_secret(script_rest *r, const slv_node *secret, const char *where)
{
    const slv_node *name = slv_node_get(secret, "name"), *text = slv_node_get(secret, "text"),
                   *type = slv_node_get(secret, "type");

    if (!slv_node_is(name, SLV_NODE_STRING) || name->text.len == 0)
        slv_script_error(r, 400, SCRIPT_INVALID, "%sname must be a string that is not empty",
                         where);
    else if (!slv_node_is(text, SLV_NODE_STRING))
        slv_script_error(r, 400, SCRIPT_INVALID, "%stext must be a string", where);
    else if (text->text.len > SCRIPT_VAR_MAX)
        slv_script_error(r, 400, SCRIPT_INVALID, "%stext of '%.*s' has more than %zu bytes", where,
                         SLV_STR_ARGS(name->text), SCRIPT_VAR_MAX);
    else if (type && !slv_str_is(slv_node_str(type), "secret_text"))
        slv_script_error(r, 400, SCRIPT_INVALID, "%stype must be \"secret_text\"", where);
    else
        return true;
    return false;
}

/* A variable of the name is no secret that could be written over. */
static bool name_is_free(script_rest *r, slv_str name)
{
    const slv_node *binding =
        slv_script_binding(slv_script_parse(r->previous.metadata, &r->arena), name);

    if (!binding || slv_script_is_secret(binding))
        return true;
    slv_script_error(r, 400, 10053,
                     "Binding name '%.*s' already in use. Please use a different "
                     "name and try again.",
                     SLV_STR_ARGS(name));
    return false;
}

static bool compose_put(script_rest *r)
{
    const script_change change = {slv_node_str(slv_node_get(r->body, "name")), r->over};

    return name_is_free(r, change.name) && composed(r, &change, 1);
}

static void finish_put(script_rest *r)
{
    put_secret(&r->json, r->over);
    slv_script_apply(r);
}

/* The binding that a secret is: its three members alone. */
static const slv_node *binding_of(const slv_node *name, const slv_node *text, slv_arena *arena)
{
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(SCRIPT_METADATA_MAX);
    slv_json_writer w = SLV_JSON_WRITER(&json);
    slv_str kept;

    slv_json_open(&w, '{');
    slv_json_put_node(&w, "name", name);
    slv_json_put_text(&w, "type", SLV_STR("secret_text"));
    slv_json_put_node(&w, "text", text);
    slv_json_close(&w, '}');
    if (w.code != SLV_OK || slv_arena_dup(arena, slv_buf_view(&json), &kept) != SLV_OK)
        return NULL;
    return slv_script_parse(kept, arena);
}

static void put_secrets(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    script_rest *r;

    if (!body)
        return;
    r = slv_script_new(call);
    r->body = body;
    if (!check_secret(r, body, ""))
        return;
    r->over = binding_of(slv_node_get(body, "name"), slv_node_get(body, "text"), call->arena);
    revise(r, compose_put, finish_put);
}

static bool compose_delete(script_rest *r)
{
    const slv_node *binding =
        slv_script_binding(slv_script_parse(r->previous.metadata, &r->arena), r->name);
    const script_change change = {r->name, NULL};
    slv_err err;

    if (binding && slv_script_is_secret(binding))
        return composed(r, &change, 1);
    (void)no_secret(r, &err);
    slv_script_fail(r, &err);
    return false;
}

static void finish_null(script_rest *r)
{
    slv_json_raw(&r->json, SLV_STR("null"));
    slv_script_apply(r);
}

static void delete_secret(slv_api_call *call)
{
    script_rest *r = slv_script_new(call);

    r->name = call->params[call->param_count - 1];
    revise(r, compose_delete, finish_null);
}

/* ---- PATCH secrets-bulk: {"secrets": {NAME: {name, text, type} | null}} ---- */

static bool compose_bulk(script_rest *r)
{
    const slv_node *all = slv_node_get(r->body, "secrets");
    script_change *changes = slv_arena_try_alloc0(&r->arena, (all->count + 1) * sizeof *changes);
    size_t n = 0;

    if (!changes || slv_script_env_changes(all, &r->arena, changes, &n) != SLV_OK) {
        slv_script_error(r, 413, SCRIPT_TOO_LARGE, "secrets are too large");
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (!name_is_free(r, changes[i].name))
            return false;
    return composed(r, changes, n);
}

static bool check_bulk(script_rest *r)
{
    const slv_node *all = slv_node_get(r->body, "secrets");

    if (!slv_node_is(all, SLV_NODE_OBJECT)) {
        slv_script_error(r, 400, SCRIPT_INVALID, "secrets must be an object");
        return false;
    }
    for (const slv_node *m = all->first; m; m = m->next) {
        const slv_node *text = slv_node_get(m, "text"), *type = slv_node_get(m, "type");

        if (m->type == SLV_NODE_NULL)
            continue;
        if (!slv_node_is(text, SLV_NODE_STRING) || text->text.len > SCRIPT_VAR_MAX ||
            (type && !slv_str_is(slv_node_str(type), "secret_text"))) {
            slv_script_error(r, 400, SCRIPT_INVALID,
                             "secrets[\"%.*s\"] must be null or {\"type\":\"secret_text\","
                             "\"text\"} with a text of at most %zu bytes",
                             SLV_STR_ARGS(m->key), SCRIPT_VAR_MAX);
            return false;
        }
    }
    return true;
}

static void finish_bulk(script_rest *r)
{
    const slv_node *list = slv_node_get(slv_script_parse(r->added.metadata, &r->arena), "bindings");

    slv_json_open(&r->json, '[');
    for (const slv_node *b = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; b; b = b->next)
        if (slv_script_is_secret(b))
            put_secret(&r->json, b);
    slv_json_close(&r->json, ']');
    slv_script_apply(r);
}

static void patch_bulk(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    script_rest *r;

    if (!body)
        return;
    r = slv_script_new(call);
    r->body = body;
    if (check_bulk(r))
        revise(r, compose_bulk, finish_bulk);
}

#define ONE "/accounts/:account/workers/scripts/:script"
#define DISPATCHED "/accounts/:account/workers/dispatch/namespaces/:namespace/scripts/:script"

const slv_api_route slv_api_script_secret_routes[] = {
    {.method = "GET", .pattern = ONE "/secrets", .handle = get_secrets},
    {.method = "PUT", .pattern = ONE "/secrets", .handle = put_secrets, .body_max = BODY_MAX},
    {.method = "GET", .pattern = ONE "/secrets/:secret", .handle = get_secret},
    {.method = "DELETE", .pattern = ONE "/secrets/:secret", .handle = delete_secret},
    {.method = "PATCH", .pattern = ONE "/secrets-bulk", .handle = patch_bulk, .body_max = BODY_MAX},
    {.method = "GET", .pattern = DISPATCHED "/secrets", .handle = get_secrets},
    {.method = "PUT",
     .pattern = DISPATCHED "/secrets",
     .handle = put_secrets,
     .body_max = BODY_MAX},
    {.method = "GET", .pattern = DISPATCHED "/secrets/:secret", .handle = get_secret},
    {.method = "DELETE", .pattern = DISPATCHED "/secrets/:secret", .handle = delete_secret},
    {.method = "PATCH",
     .pattern = DISPATCHED "/secrets-bulk",
     .handle = patch_bulk,
     .body_max = BODY_MAX},
    {0},
};
