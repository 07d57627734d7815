/* Access keys of the table store by HTTP: /accounts/:account/dynamodb/credentials. */
#include "api/dynamo.h"
#include "api/routes.h"
#include "base/mem.h"
#include "fmt/json.h"

#define NO_KEY 10007
#define TEXT_MAX ((size_t)1 << 20)

static slv_s3_keys *open_keys(const slv_api_call *call)
{
    return slv_s3_keys_open(slv_api_state(call->api), call->tenant, SLV_DYNAMO_KEYS_FILE);
}

static slv_code put_key(slv_buf *out, const slv_s3_key *key, bool secret)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"accessKeyId\":")));
    SLV_TRY(slv_json_put_string(out, key->id));
    if (secret) {
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"secretAccessKey\":")));
        SLV_TRY(slv_json_put_string(out, key->secret));
    }
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"name\":")));
    SLV_TRY(slv_json_put_string(out, key->name));
    return slv_buf_printf(out, ",\"created\":%lld}", (long long)key->created_ms);
}

static void finish(slv_api_call *call, slv_code code, const slv_err *err, const slv_buf *out)
{
    if (code == SLV_OK)
        slv_api_ok(call, slv_buf_view(out));
    else
        slv_api_fail(call, err, 0);
}

static void keys_list(slv_api_call *call)
{
    SLV_CLEANUP(slv_s3_keys_free) slv_s3_keys *keys = open_keys(call);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    slv_s3_key *items = NULL;
    size_t count = 0;
    slv_err err = {0};
    slv_code code = slv_s3_keys_list(keys, call->arena, &items, &count, &err);

    if (code == SLV_OK)
        code = slv_buf_append_byte(&out, '[');
    for (size_t i = 0; i < count && code == SLV_OK; i++) {
        code = i > 0 ? slv_buf_append_byte(&out, ',') : SLV_OK;
        if (code == SLV_OK)
            code = put_key(&out, &items[i], false);
    }
    if (code == SLV_OK)
        code = slv_buf_append_byte(&out, ']');
    finish(call, code, &err, &out);
}

static void keys_create(slv_api_call *call)
{
    SLV_CLEANUP(slv_s3_keys_free) slv_s3_keys *keys = open_keys(call);
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(TEXT_MAX);
    slv_s3_key like = {.write = true, .admin = true}, made;
    slv_node *body = slv_api_body_json(call);
    slv_err err = {0};

    if (!body)
        return;
    like.name = slv_node_str(slv_node_get(body, "name"));
    slv_code code = slv_s3_keys_create(keys, &like, call->arena, &made, &err);
    if (code == SLV_OK)
        code = put_key(&out, &made, true);
    finish(call, code, &err, &out);
}

static void keys_delete(slv_api_call *call)
{
    SLV_CLEANUP(slv_s3_keys_free) slv_s3_keys *keys = open_keys(call);
    slv_err err = {0};
    slv_code code = slv_s3_keys_delete(keys, call->params[1], &err);

    if (code == SLV_OK)
        slv_api_ok(call, SLV_STR("{}"));
    else if (code == SLV_E_NOTFOUND)
        slv_api_error(call, 404, NO_KEY, "There are no such credentials.");
    else
        slv_api_fail(call, &err, 0);
}

#define KEYS "/accounts/:account/dynamodb/credentials"

const slv_api_route slv_api_dynamo_routes[] = {
    {.method = "GET", .pattern = KEYS, .handle = keys_list},
    {.method = "POST", .pattern = KEYS, .handle = keys_create},
    {.method = "DELETE", .pattern = KEYS "/:id", .handle = keys_delete},
    {0},
};
