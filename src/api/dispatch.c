/* Dispatch namespaces by HTTP. The workers in them are uploaded as others are (upload.c). */
#include "api/routes.h"
#include "api/script_int.h"

static void put_namespace(slv_json_writer *w, const slv_namespace_row *n)
{
    slv_json_open(w, '{');
    slv_json_put_text(w, "namespace_id", n->id);
    slv_json_put_text(w, "namespace_name", n->name);
    slv_script_put_time(w, "created_on", n->created_ms);
    slv_json_put_text(w, "created_by", n->author);
    slv_script_put_time(w, "modified_on", n->modified_ms);
    slv_json_put_text(w, "modified_by", n->author);
    slv_json_put_number(w, "script_count", (int64_t)n->workers);
    slv_json_put_bool(w, "trusted_workers", false);
    slv_json_close(w, '}');
}

static slv_code failed(script_rest *r, slv_code code, slv_err *err)
{
    if (code == SLV_E_NOTFOUND)
        return slv_script_refuse(r, err, 404, SCRIPT_NAMESPACE_NOT_FOUND, "%s", slv_err_text(err));
    if (code == SLV_E_EXISTS)
        return slv_script_refuse(r, err, 409, SCRIPT_NAMESPACE_EXISTS, "%s", slv_err_text(err));
    if (code == SLV_E_INVAL)
        return slv_script_refuse(r, err, 400, SCRIPT_BAD_NAME, "%s", slv_err_text(err));
    return code;
}

static slv_code work_list(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_namespace_list list = {0};

    SLV_TRY(slv_catalog_namespace_list(c, r->key.account, &r->arena, &list, err));
    slv_json_open(&r->json, '[');
    for (size_t i = 0; i < list.count; i++)
        put_namespace(&r->json, &list.items[i]);
    slv_json_close(&r->json, ']');
    return SLV_OK;
}

static void get_namespaces(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_list, NULL);
}

static slv_code put_by_name(script_rest *r, slv_catalog *c, slv_str name, slv_err *err)
{
    slv_namespace_row row;

    SLV_TRY(
        failed(r, slv_catalog_namespace_get(c, r->key.account, name, &r->arena, &row, err), err));
    put_namespace(&r->json, &row);
    return SLV_OK;
}

static slv_code work_one(script_rest *r, slv_catalog *c, slv_err *err)
{
    return put_by_name(r, c, r->key.dispatch, err);
}

static void get_namespace(slv_api_call *call)
{
    slv_script_read(slv_script_new(call), work_one, NULL);
}

static slv_code work_add(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_namespace_row row = {.account = r->key.account,
                             .name = r->name,
                             .author = slv_script_author(r),
                             .created_ms = r->now_ms,
                             .modified_ms = r->now_ms};

    slv_script_uuid(r->version_id);
    row.id = slv_str_from(r->version_id);
    SLV_TRY(failed(r, slv_catalog_namespace_add(c, &row, err), err));
    put_namespace(&r->json, &row);
    return SLV_OK;
}

static slv_code work_rename(script_rest *r, slv_catalog *c, slv_err *err)
{
    SLV_TRY(
        slv_catalog_worker_list(c, r->key.account, r->key.dispatch, &r->arena, &r->touched, err));
    SLV_TRY(failed(
        r,
        slv_catalog_namespace_rename(c, r->key.account, r->key.dispatch, r->name, r->now_ms, err),
        err));
    return put_by_name(r, c, r->name, err);
}

static void with_name(slv_api_call *call, script_work work, void (*then)(script_rest *r))
{
    slv_node *body = slv_api_body_json(call);
    const slv_node *name = slv_node_get(body, "name");
    script_rest *r;

    if (!body)
        return;
    r = slv_script_new(call);
    if (!slv_node_is(name, SLV_NODE_STRING)) {
        slv_script_error(r, 400, SCRIPT_BAD_NAME, "name must be a string");
        return;
    }
    r->name = name->text;
    slv_script_write(r, work, then);
}

static void post_namespace(slv_api_call *call)
{
    with_name(call, work_add, NULL);
}

/* Its workers are put into effect anew one by one: gone under the old name, there under the new. */
static void put_renamed(slv_api_call *call)
{
    with_name(call, work_rename, slv_script_apply_namespace);
}

/* Which workers there were, for the host. */
static slv_code work_delete(script_rest *r, slv_catalog *c, slv_err *err)
{
    slv_code code =
        slv_catalog_worker_list(c, r->key.account, r->key.dispatch, &r->arena, &r->touched, err);

    SLV_TRY(code);
    return failed(r, slv_catalog_namespace_delete(c, r->key.account, r->key.dispatch, err), err);
}

static void delete_namespace(slv_api_call *call)
{
    slv_script_write(slv_script_new(call), work_delete, slv_script_apply_namespace);
}

#define SPACES "/accounts/:account/workers/dispatch/namespaces"

const slv_api_route slv_api_dispatch_routes[] = {
    {.method = "GET", .pattern = SPACES, .handle = get_namespaces},
    {.method = "POST", .pattern = SPACES, .handle = post_namespace},
    {.method = "GET", .pattern = SPACES "/:namespace", .handle = get_namespace},
    {.method = "PUT", .pattern = SPACES "/:namespace", .handle = put_renamed},
    {.method = "DELETE", .pattern = SPACES "/:namespace", .handle = delete_namespace},
    {0},
};
