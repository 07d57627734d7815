/* Deployments by HTTP: which versions answer, now and before. */
#include "api/routes.h"
#include "api/script_int.h"
#include "fmt/json.h"

#define LISTED 10 /* as many as wrangler shows */

/* ---- GET deployments ---- */

static slv_code work_list(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_deployment_list list;

    SLV_TRY(slv_script_row(r, c, err));
    SLV_TRY(slv_catalog_deployment_list(c, &r->key, LISTED, &r->arena, &list, err));
    slv_json_open(&r->json, '{');
    slv_json_key(&r->json, "deployments");
    slv_json_open(&r->json, '[');
    for (size_t i = 0; i < list.count; i++)
        slv_script_put_deployment(&r->json, &list.items[i]);
    slv_json_close(&r->json, ']');
    slv_json_close(&r->json, '}');
    return SLV_OK;
}

static void get_deployments(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_list, NULL);
}

static slv_code work_one(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_deployment_list list;

    SLV_TRY(slv_script_row(r, c, err));
    SLV_TRY(slv_catalog_deployment_list(c, &r->key, 0, &r->arena, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        if (!slv_str_eq(list.items[i].id, r->name))
            continue;
        slv_script_put_deployment(&r->json, &list.items[i]);
        return SLV_OK;
    }
    return slv_script_refuse(r, err, 404, SCRIPT_BAD_DEPLOYMENT, "Deployment '%.*s' was not found",
                             SLV_STR_ARGS(r->name));
}

static void get_deployment(slv_api_call *call)
{
    script_rest *r = slv_script_new(call);

    r->name = call->params[2];
    slv_script_read(r, work_one, NULL);
}

/* ---- POST deployments ---- */

static bool bad(script_rest *r, const char *what)
{
    slv_script_error(r, 400, SCRIPT_BAD_DEPLOYMENT, "%s", what);
    return false;
}

static bool take_versions(script_rest *r, slv_deployment_row *d)
{
    const slv_node *list = slv_node_get(r->body, "versions"),
                   *strategy = slv_node_get(r->body, "strategy");
    size_t i = 0;

    if (strategy && !slv_str_is(slv_node_str(strategy), "percentage"))
        return bad(r, "strategy must be \"percentage\"");
    if (!slv_node_is(list, SLV_NODE_ARRAY))
        return bad(r, "versions must be an array of {version_id, percentage}");
    if (list->count == 0 || list->count > SLV_CATALOG_SPLIT_MAX)
        return bad(r, "versions must have 1 or 2 items");
    for (const slv_node *v = list->first; v; v = v->next, i++) {
        const slv_node *id = slv_node_get(v, "version_id");

        if (!slv_node_is(id, SLV_NODE_STRING)) {
            slv_script_error(r, 400, SCRIPT_BAD_DEPLOYMENT,
                             "versions[%zu].version_id must be a string", i);
            return false;
        }
        d->versions[i].version = id->text;
        if (!slv_node_f64(slv_node_get(v, "percentage"), &d->versions[i].percentage)) {
            slv_script_error(r, 400, SCRIPT_BAD_DEPLOYMENT,
                             "versions[%zu].percentage must be a number from 0 to 100", i);
            return false;
        }
    }
    d->version_count = list->count;
    return true;
}

static bool check_annotations(script_rest *r)
{
    const slv_node *given = slv_node_get(r->body, "annotations");

    if (given && given->type != SLV_NODE_OBJECT && given->type != SLV_NODE_NULL)
        return bad(r, "annotations must be an object");
    for (const slv_node *m = given ? given->first : NULL; m; m = m->next) {
        if (slv_str_is(m->key, "workers/triggered_by"))
            r->triggered_by = ""; /* the client says it */
        if (m->type == SLV_NODE_STRING)
            continue;
        slv_script_error(r, 400, SCRIPT_BAD_DEPLOYMENT, "annotations[\"%.*s\"] must be a string",
                         SLV_STR_ARGS(m->key));
        return false;
    }
    return true;
}

static slv_code put_annotations(script_rest *r, const char *triggered_by, slv_str *ret,
                                slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(16 << 10);
    slv_json_writer w = SLV_JSON_WRITER(&text);
    const slv_node *given = slv_node_get(r->body, "annotations");

    slv_json_open(&w, '{');
    for (const slv_node *m = slv_node_is(given, SLV_NODE_OBJECT) ? given->first : NULL; m;
         m = m->next) {
        slv_json_key_str(&w, m->key);
        slv_json_node(&w, m);
    }
    if (!r->triggered_by)
        slv_json_put_text(&w, "workers/triggered_by", slv_str_from(triggered_by));
    slv_json_close(&w, '}');
    if (w.code != SLV_OK)
        return slv_script_refuse(r, err, 400, SCRIPT_BAD_DEPLOYMENT,
                                 "annotations have more than 16 KB together");
    return slv_arena_dup(&r->arena, slv_buf_view(&text), ret);
}

/* Names of secrets that one version has and the other has not; all of the first when there are no
 * such: then it is values that differ. */
static slv_code put_changed(script_rest *r, const slv_version_row *now, const slv_version_row *then,
                            bool differing, slv_buf *out)
{
    const slv_node *other = slv_script_parse(then->metadata, &r->arena),
                   *list = slv_node_get(slv_script_parse(now->metadata, &r->arena), "bindings");

    for (const slv_node *b = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; b;
         b = b->next) {
        slv_str name = slv_node_str(slv_node_get(b, "name"));

        if (!slv_script_is_secret(b))
            continue;
        if (differing && slv_script_is_secret(slv_script_binding(other, name)))
            continue;
        SLV_TRY(slv_buf_printf(out, "%s%.*s", out->len > 0 ? ", " : "", SLV_STR_ARGS(name)));
    }
    return SLV_OK;
}

/* wrangler shows what follows the colon, split at the commas, and asks. */
static slv_code secrets_changed(script_rest *r, const slv_version_row *now,
                                const slv_version_row *then, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf names = SLV_BUF(256);
    slv_code code = put_changed(r, now, then, true, &names);

    if (code == SLV_OK)
        code = put_changed(r, then, now, true, &names);
    if (code == SLV_OK && names.len == 0)
        code = put_changed(r, now, then, false, &names);
    if (code == SLV_E_LIMIT)
        code = slv_buf_append(&names, SLV_STR(""));
    SLV_TRY(code);
    return slv_script_refuse(r, err, 400, SCRIPT_SECRETS_CHANGED,
                             "The following secrets have changed: %.*s",
                             SLV_STR_ARGS(slv_buf_view(&names)));
}

/* Going back to a version with other secrets takes those along: that is asked about first. */
static slv_code check_back(script_rest *r, slv_catalog *c, slv_deployment_row *d, slv_err *err)
{
    slv_version_row now, v;

    if (!r->has_current)
        return SLV_OK;
    SLV_TRY(
        slv_catalog_version_get(c, &r->key, r->current.versions[0].version, &r->arena, &now, err));
    for (size_t i = 0; i < d->version_count; i++) {
        slv_code code =
            slv_catalog_version_get(c, &r->key, d->versions[i].version, &r->arena, &v, err);

        if (code == SLV_E_NOTFOUND)
            continue; /* slv_catalog_deploy says so */
        SLV_TRY(code);
        if (v.number >= now.number)
            continue;
        if (v.secrets_since != now.secrets_since && !r->force)
            return secrets_changed(r, &now, &v, err);
        if (d->version_count == 1 && !r->triggered_by)
            SLV_TRY(put_annotations(r, "rollback", &d->annotations, err));
    }
    return SLV_OK;
}

static slv_code work_deploy(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_deployment_row *d = r->api->user;
    slv_code code;

    SLV_TRY(slv_script_row(r, c, err));
    SLV_TRY(put_annotations(r, "deployment", &d->annotations, err));
    code = slv_catalog_deployment_current(c, &r->key, &r->arena, &r->current, err);
    r->has_current = code == SLV_OK;
    if (code != SLV_E_NOTFOUND)
        SLV_TRY(code);
    SLV_TRY(check_back(r, c, d, err));
    code = slv_catalog_deploy(c, d, err);
    if (code == SLV_E_INVAL)
        return slv_script_refuse(r, err, 400, SCRIPT_BAD_DEPLOYMENT, "%s", slv_err_text(err));
    SLV_TRY(code);
    slv_script_put_deployment(&r->json, d);
    return SLV_OK;
}

static void post_deployment(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    slv_deployment_row *d;
    script_rest *r;

    if (!body)
        return;
    r = slv_script_new(call);
    r->body = body;
    r->force = slv_str_is(slv_api_query(call, "force"), "true");
    d = slv_arena_try_alloc0(call->arena, sizeof *d);
    if (!d) {
        slv_script_error(r, 413, SLV_API_TOO_LARGE, "The request is too large");
        return;
    }
    slv_script_uuid(r->deployment_id);
    *d = (slv_deployment_row){.id = slv_str_from(r->deployment_id),
                              .account = r->key.account,
                              .worker = r->key.name,
                              .created_ms = r->now_ms,
                              .source = SLV_STR("wrangler"),
                              .author = slv_script_author(r)};
    if (!take_versions(r, d) || !check_annotations(r))
        return;
    call->user = d;
    slv_script_write(r, work_deploy, slv_script_apply);
}

#define DEPLOYMENTS "/accounts/:account/workers/scripts/:script/deployments"

const slv_api_route slv_api_deployment_routes[] = {
    {.method = "GET", .pattern = DEPLOYMENTS, .handle = get_deployments},
    {.method = "POST", .pattern = DEPLOYMENTS, .handle = post_deployment},
    {.method = "GET", .pattern = DEPLOYMENTS "/:deployment", .handle = get_deployment},
    {.method = "GET",
     .pattern = "/accounts/:account/workers/deployments/by-script/:script",
     .handle = get_deployments},
    {0},
};
