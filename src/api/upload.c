/*
 * The way of an upload, and of every change that makes a version: read what there is, build, store
 * it all in one call on the catalog, put it into effect, answer.
 *
 * Building takes time, and somebody else may add a version meanwhile. The call that stores sees it
 * by the worker's tag and count of versions, and the whole begins anew with what is there then: no
 * secret or migration of the other is lost.
 */
#include <stdio.h>

#include "api/routes.h"
#include "api/script_int.h"
#include "fmt/json.h"

#define TRIES_MAX 16u

/* ---- what is there ---- */

static slv_code optional(slv_code code, bool *ret_there)
{
    *ret_there = code == SLV_OK;
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code work_before(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_namespace_row space;

    slv_arena_reset(&r->arena);
    if (r->key.dispatch.len > 0 &&
        slv_catalog_namespace_get(c, r->key.account, r->key.dispatch, &r->arena, &space, err) ==
            SLV_E_NOTFOUND)
        return slv_script_refuse(r, err, 404, SCRIPT_NAMESPACE_NOT_FOUND,
                                 "Dispatch namespace '%.*s' not found",
                                 SLV_STR_ARGS(r->key.dispatch));
    SLV_TRY(optional(slv_catalog_worker_get(c, &r->key, &r->arena, &r->row, err), &r->has_row));
    if (!r->has_row && !r->may_be_new)
        return slv_script_row(r, c, err);
    SLV_TRY(optional(slv_catalog_version_latest(c, &r->key, true, &r->arena, &r->previous, err),
                     &r->has_previous));
    return optional(slv_catalog_deployment_current(c, &r->key, &r->arena, &r->current, err),
                    &r->has_current);
}

/* ---- storing ---- */

static bool is_setting(slv_str key)
{
    return slv_str_is(key, "logpush") || slv_str_is(key, "tail_consumers") ||
           slv_str_is(key, "observability") || slv_str_is(key, "tags");
}

/* Settings of the worker itself: those that are given, and what was there of the others. */
slv_code slv_script_merge_settings(script_rest *r, slv_str *ret)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SCRIPT_METADATA_MAX);
    slv_json_writer w = SLV_JSON_WRITER(&text);
    const slv_node *before = slv_script_parse(r->row.settings, &r->arena);

    slv_json_open(&w, '{');
    for (const slv_node *m = slv_node_is(before, SLV_NODE_OBJECT) ? before->first : NULL; m;
         m = m->next) {
        if (slv_node_find(r->settings, m->key))
            continue;
        /* An upload that is deployed says all but tags, which come by a call of their own. */
        if (r->settings && r->replace_settings && !slv_str_is(m->key, "tags"))
            continue;
        slv_json_key_str(&w, m->key);
        slv_json_node(&w, m);
    }
    for (const slv_node *m = slv_node_is(r->settings, SLV_NODE_OBJECT) ? r->settings->first : NULL;
         m; m = m->next) {
        if (!is_setting(m->key))
            continue;
        slv_json_key_str(&w, m->key);
        slv_json_node(&w, m);
    }
    slv_json_close(&w, '}');
    SLV_TRY(w.code);
    return slv_arena_dup(&r->arena, slv_buf_view(&text), ret);
}

static slv_code put_annotations(script_rest *r, slv_str *ret, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(16 << 10);
    slv_json_writer w = SLV_JSON_WRITER(&text);
    const slv_node *given = slv_node_get(r->metadata, "annotations");

    slv_json_open(&w, '{');
    for (const slv_node *m = slv_node_is(given, SLV_NODE_OBJECT) ? given->first : NULL; m;
         m = m->next) {
        slv_json_key_str(&w, m->key);
        slv_json_node(&w, m);
    }
    if (!slv_node_get(given, "workers/triggered_by"))
        slv_json_put_text(&w, "workers/triggered_by", slv_str_from(r->triggered_by));
    slv_json_close(&w, '}');
    if (w.code != SLV_OK)
        return slv_script_refuse(r, err, 400, SCRIPT_INVALID,
                                 "annotations have more than 16 KB together");
    return slv_arena_dup(&r->arena, slv_buf_view(&text), ret);
}

static size_t count_secrets(const slv_node *metadata)
{
    const slv_node *list = slv_node_get(metadata, "bindings");
    size_t n = 0;

    for (const slv_node *b = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; b; b = b->next)
        n += slv_script_is_secret(b);
    return n;
}

/* Whether the version has exactly the secrets of the one before: none was given, none is gone. */
static bool same_secrets(script_rest *r)
{
    const slv_node *given = slv_node_get(r->metadata, "bindings");
    size_t before, after;

    if (!r->has_previous)
        return false;
    for (const slv_node *b = slv_node_is(given, SLV_NODE_ARRAY) ? given->first : NULL; b;
         b = b->next)
        if (slv_script_is_secret(b))
            return false;
    before = count_secrets(slv_script_parse(r->previous.metadata, &r->arena));
    after = count_secrets(slv_script_parse(r->built->version.metadata, &r->arena));
    return before == after;
}

static slv_code put_row(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_worker_row now, *row = &r->row;
    slv_str tag;
    char hex[33];
    bool there;

    SLV_TRY(optional(slv_catalog_worker_get(c, &r->key, &r->arena, &now, err), &there));
    if (there != r->has_row ||
        (there && (!slv_str_eq(now.tag, row->tag) || now.version_count != row->version_count)))
        return slv_fail(err, SLV_E_AGAIN, "the Worker has changed meanwhile");
    if (there) {
        *row = now; /* with what other calls changed of it: crons, settings */
    } else {
        slv_script_hex_id(hex);
        SLV_TRY(slv_arena_dup(&r->arena, slv_str_from(hex), &tag));
        *row = (slv_worker_row){.account = r->key.account,
                                .dispatch = r->key.dispatch,
                                .name = r->key.name,
                                .tag = tag,
                                .crons = SLV_STR("[]"),
                                .settings = SLV_STR("{}"),
                                .created_ms = r->now_ms};
    }
    row->objects = r->built->objects;
    row->migration_tag = r->built->migration_tag;
    row->modified_ms = r->now_ms;
    if (r->settings)
        SLV_TRY(slv_script_merge_settings(r, &row->settings));
    return slv_catalog_worker_put(c, row, err);
}

/* What a service binding names must be there, or be the worker itself. */
static slv_code check_services(script_rest *r, slv_catalog *c, slv_err *err)
{
    const slv_node *list = slv_node_get(r->metadata, "bindings");

    for (const slv_node *n = list ? list->first : NULL; n; n = n->next) {
        const slv_worker_key key = {.account = r->key.account,
                                    .name = slv_node_str(slv_node_get(n, "service"))};
        slv_worker_row row;
        slv_code code;

        if (!slv_str_is(slv_node_str(slv_node_get(n, "type")), "service") ||
            slv_str_eq(key.name, r->key.name))
            continue;
        code = slv_catalog_worker_get(c, &key, &r->arena, &row, err);
        if (code == SLV_E_NOTFOUND)
            return slv_script_refuse(r, err, 400, SCRIPT_SERVICE_NOT_FOUND,
                                     "Could not resolve service binding '%.*s'. Target script "
                                     "'%.*s' not found.",
                                     SLV_STR_ARGS(slv_node_str(slv_node_get(n, "name"))),
                                     SLV_STR_ARGS(key.name));
        SLV_TRY(code);
    }
    return SLV_OK;
}

static slv_code work_store(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_version_row *v = &r->added;
    slv_deployment_row d;

    SLV_TRY(check_services(r, c, err));
    SLV_TRY(put_row(r, c, err));
    slv_script_uuid(r->version_id);
    *v = r->built->version;
    v->id = slv_str_from(r->version_id);
    v->account = r->key.account;
    v->dispatch = r->key.dispatch;
    v->worker = r->key.name;
    v->created_ms = r->now_ms;
    v->source = SLV_STR("wrangler");
    v->author = slv_script_author(r);
    v->alias =
        slv_node_str(slv_node_get(slv_node_get(r->metadata, "annotations"), "workers/alias"));
    v->secrets_since = same_secrets(r) ? r->previous.secrets_since : 0;
    v->deployable = true;
    SLV_TRY(put_annotations(r, &v->annotations, err));
    SLV_TRY(slv_catalog_version_add(c, v, err));
    r->row.version_count = v->number;
    if (!r->deploy)
        return SLV_OK;
    slv_script_uuid(r->deployment_id);
    d = (slv_deployment_row){.id = slv_str_from(r->deployment_id),
                             .account = v->account,
                             .worker = v->worker,
                             .dispatch = v->dispatch,
                             .created_ms = r->now_ms,
                             .source = v->source,
                             .author = v->author,
                             .annotations = v->annotations,
                             .versions = {{v->id, 100}},
                             .version_count = 1};
    return slv_catalog_deploy(c, &d, err);
}

static void on_stored(script_rest *r)
{
    r->again = NULL;
    r->finish(r);
}

static void begin_anew(script_rest *r)
{
    r->built = slv_built_free(r->built);
    slv_script_build(r);
}

/* ---- building ---- */

static void on_built(void *arg, slv_built *result, const slv_build_error *error)
{
    script_rest *r = arg;

    if (!result) {
        slv_script_error(r, error->status, error->code, "%.*s", SLV_STR_ARGS(error->message));
        return;
    }
    r->built = result;
    r->again = ++r->tries < TRIES_MAX ? begin_anew : NULL;
    slv_script_write(r, work_store, on_stored);
}

static bool latest_is_deployed(const script_rest *r)
{
    return r->has_current && r->has_previous && r->current.version_count == 1 &&
           slv_str_eq(r->current.versions[0].version, r->previous.id);
}

static void on_before(script_rest *r)
{
    slv_upload upload;

    if (r->needs_latest && !latest_is_deployed(r)) {
        slv_script_error(r, 400, SCRIPT_SECRET_LATEST,
                         "Secret edit failed. You attempted to modify a secret, but the latest "
                         "version of your Worker isn't currently deployed. Please ensure that the "
                         "latest version of your Worker is fully deployed before modifying "
                         "secrets.");
        return;
    }
    if (r->compose && !r->compose(r))
        return;
    upload = (slv_upload){
        .account = r->key.account,
        .worker = r->key.name,
        .dispatch = r->key.dispatch,
        .metadata = r->metadata,
        .parts = r->parts,
        .part_count = r->part_count,
        .previous = r->has_previous ? &r->previous : NULL,
        .row = r->has_row ? &r->row : NULL,
        .inherit_strict = slv_str_is(slv_api_query(r->api, "bindings_inherit"), "strict"),
        .keep_code = r->keep_code,
    };
    r->upload = upload;
    slv_host_build(slv_api_host(r->api->api), &r->upload, on_built, r);
}

void slv_script_build(script_rest *r)
{
    if (!slv_api_host(r->api->api)) {
        slv_script_error(r, 400, SCRIPT_INVALID,
                         "No Workers are hosted here: `selvage serve` hosts them");
        return;
    }
    slv_script_read(r, work_before, on_before);
}

/* ---- PUT scripts/:script, and in a dispatch namespace ---- */

static void finish_put(script_rest *r)
{
    slv_json_writer *w = &r->json;

    slv_json_open(w, '{');
    slv_script_put_worker(w, &r->row, &r->added, &r->arena);
    slv_json_put_text(w, "deployment_id", r->added.id);
    slv_json_close(w, '}');
    slv_script_apply(r);
}

static void put_script(slv_api_call *call)
{
    script_rest *r = slv_script_new_named(call);

    if (!r || !slv_script_take_upload(r))
        return;
    r->may_be_new = true;
    r->deploy = true;
    r->settings = r->metadata;
    r->replace_settings = true;
    r->triggered_by = "upload";
    r->finish = finish_put;
    slv_script_build(r);
}

/* ---- PUT scripts/:script/content: new code, everything else as it was ---- */

static bool compose_content(script_rest *r)
{
    if (slv_script_compose(r, NULL, 0, r->body) == SLV_OK)
        return true;
    slv_script_error(r, 400, SCRIPT_INVALID, "metadata is too large");
    return false;
}

static void put_content(slv_api_call *call)
{
    script_rest *r = slv_script_new_named(call);

    if (!r || !slv_script_take_upload(r))
        return;
    r->body = r->metadata;
    r->compose = compose_content;
    r->deploy = true;
    r->triggered_by = "upload";
    r->finish = finish_put;
    slv_script_build(r);
}

/* ---- POST scripts/:script/versions ---- */

static void finish_version(script_rest *r)
{
    slv_script_put_version(&r->json, &r->added, &r->arena);
    slv_script_apply(r);
}

static void post_version(slv_api_call *call)
{
    script_rest *r = slv_script_new_named(call);

    if (!r || !slv_script_take_upload(r))
        return;
    r->may_be_new = true;
    r->triggered_by = "version_upload";
    r->finish = finish_version;
    slv_script_build(r);
}

#define ONE "/accounts/:account/workers/scripts/:script"
#define DISPATCHED "/accounts/:account/workers/dispatch/namespaces/:namespace/scripts/:script"

const slv_api_route slv_api_upload_routes[] = {
    {.method = "PUT", .pattern = ONE, .handle = put_script, .body_max = SCRIPT_UPLOAD_MAX},
    {.method = "PUT",
     .pattern = ONE "/content",
     .handle = put_content,
     .body_max = SCRIPT_UPLOAD_MAX},
    {.method = "POST",
     .pattern = ONE "/versions",
     .handle = post_version,
     .body_max = SCRIPT_UPLOAD_MAX},
    {.method = "PUT", .pattern = DISPATCHED, .handle = put_script, .body_max = SCRIPT_UPLOAD_MAX},
    {.method = "PUT",
     .pattern = DISPATCHED "/content",
     .handle = put_content,
     .body_max = SCRIPT_UPLOAD_MAX},
    {0},
};
