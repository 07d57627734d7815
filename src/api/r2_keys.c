/* Access keys of S3 by HTTP: /accounts/:account/r2/credentials. */
#include "api/r2_int.h"
#include "api/routes.h"

static slv_code put_key_json(slv_buf *out, const slv_s3_key *key, bool secret)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"accessKeyId\":")));
    SLV_TRY(slv_json_put_string(out, key->id));
    if (secret) {
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"secretAccessKey\":")));
        SLV_TRY(slv_json_put_string(out, key->secret));
    }
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"name\":")));
    SLV_TRY(slv_json_put_string(out, key->name));
    SLV_TRY(slv_buf_printf(out, ",\"permission\":\"%s-%s\",\"buckets\":[",
                           key->admin ? "admin" : "object",
                           key->write ? "read-write" : "read-only"));
    for (size_t i = 0; i < key->bucket_count; i++) {
        if (i > 0)
            SLV_TRY(slv_buf_append_byte(out, ','));
        SLV_TRY(slv_json_put_string(out, key->buckets[i]));
    }
    SLV_TRY(slv_buf_append(out, SLV_STR("],\"created\":")));
    SLV_TRY(slv_r2_rest_put_time(out, key->created_ms));
    return slv_buf_append_byte(out, '}');
}

static void keys_list(slv_api_call *call)
{
    SLV_CLEANUP(slv_s3_keys_free)
    slv_s3_keys *keys = slv_s3_keys_new(slv_api_state(call->api), call->tenant);
    r2_rest *r = slv_r2_rest_new(call);
    slv_s3_key *items = NULL;
    size_t count = 0;
    slv_err err = {0};
    slv_code code = slv_s3_keys_list(keys, &r->arena, &items, &count, &err);

    if (code == SLV_OK)
        code = slv_buf_append_byte(&r->out, '[');
    for (size_t i = 0; i < count && code == SLV_OK; i++) {
        code = i > 0 ? slv_buf_append_byte(&r->out, ',') : SLV_OK;
        if (code == SLV_OK)
            code = put_key_json(&r->out, &items[i], false);
    }
    if (code == SLV_OK)
        code = slv_buf_append_byte(&r->out, ']');
    if (code == SLV_OK)
        slv_r2_rest_ok(r);
    else
        slv_r2_rest_fail(r, code, &err);
}

static bool read_permission(const slv_node *body, slv_s3_key *key)
{
    slv_str text = slv_node_str(slv_node_get(body, "permission"));

    if (text.len == 0)
        text = slv_node_get(body, "buckets") ? SLV_STR("object-read-write")
                                             : SLV_STR("admin-read-write");
    key->admin = slv_str_starts(text, SLV_STR("admin-"));
    key->write = slv_str_ends(text, SLV_STR("-read-write"));
    return (key->admin || slv_str_starts(text, SLV_STR("object-"))) &&
           (key->write || slv_str_ends(text, SLV_STR("-read-only")));
}

static void keys_create(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    slv_str buckets[SLV_S3_KEY_BUCKETS_MAX];
    slv_s3_key key = {0}, made;
    slv_err err = {0};

    if (!body)
        return;
    r2_rest *r = slv_r2_rest_new(call);
    const slv_node *list = slv_node_get(body, "buckets");
    key.name = slv_node_str(slv_node_get(body, "name"));
    key.buckets = buckets;
    bool good = read_permission(body, &key);
    for (const slv_node *n = list ? list->first : NULL; n; n = n->next) {
        good = good && key.bucket_count < SLV_S3_KEY_BUCKETS_MAX &&
               slv_r2_bucket_name_ok(slv_node_str(n));
        if (good)
            buckets[key.bucket_count++] = slv_node_str(n);
    }
    if (!good || (!key.admin && key.bucket_count == 0) || (key.admin && key.bucket_count > 0)) {
        slv_r2_rest_refuse(r, 400, R2_BAD,
                           "permission is one of admin-read-write, admin-read-only (all buckets), "
                           "object-read-write, object-read-only (of the buckets named)");
        return;
    }
    SLV_CLEANUP(slv_s3_keys_free)
    slv_s3_keys *keys = slv_s3_keys_new(slv_api_state(call->api), call->tenant);
    slv_code code = slv_s3_keys_create(keys, &key, &r->arena, &made, &err);
    if (code == SLV_OK)
        code = put_key_json(&r->out, &made, true);
    if (code == SLV_OK)
        slv_r2_rest_ok(r);
    else
        slv_r2_rest_fail(r, code, &err);
}

static void keys_delete(slv_api_call *call)
{
    SLV_CLEANUP(slv_s3_keys_free)
    slv_s3_keys *keys = slv_s3_keys_new(slv_api_state(call->api), call->tenant);
    slv_err err = {0};
    slv_code code = slv_s3_keys_delete(keys, call->params[1], &err);

    if (code == SLV_OK)
        slv_api_ok(call, SLV_STR("{}"));
    else if (code == SLV_E_NOTFOUND)
        slv_api_error(call, 404, R2_NO_KEY, "There are no such credentials.");
    else
        slv_api_fail(call, &err, 0);
}

#define KEYS "/accounts/:account/r2/credentials"

const slv_api_route slv_api_r2_key_routes[] = {
    {.method = "GET", .pattern = KEYS, .handle = keys_list},
    {.method = "POST", .pattern = KEYS, .handle = keys_create},
    {.method = "DELETE", .pattern = KEYS "/:id", .handle = keys_delete},
    {0},
};
