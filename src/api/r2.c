/*
 * Buckets of R2 by HTTP: /accounts/:account/r2/buckets, as wrangler calls it. A bucket is there
 * when it has a file: made here, through S3, or by the first write of a worker that is bound to it.
 */
#include <stdio.h>

#include "api/r2_int.h"
#include "api/routes.h"
#include "base/vec.h"

void slv_r2_rest_free(r2_rest *r)
{
    (void)slv_r2_push_free(r->push);
    (void)slv_r2_pull_free(r->pull);
    (void)slv_r2_reader_free(r->found.reader);
    (void)slv_store_unref(r->store);
    slv_arena_done(&r->arena);
    slv_buf_done(&r->out);
    slv_buf_done(&r->headers);
    free(r);
}

r2_rest *slv_r2_rest_new(slv_api_call *call)
{
    r2_rest *r = slv_new0(r2_rest);

    r->api = call;
    r->arena = SLV_ARENA((size_t)4 << 20);
    r->out = SLV_BUF((size_t)16 << 20);
    r->headers = SLV_BUF((size_t)256 << 10);
    if (call->param_count > 1) {
        r->bucket = call->params[1];
        r->store =
            slv_state_store(slv_api_state(call->api), &slv_r2_store, call->tenant, r->bucket);
    }
    if (call->param_count > 2)
        r->key = call->params[2];
    return r;
}

int64_t slv_r2_rest_now(const r2_rest *r)
{
    return slv_loop_wall_ms(slv_api_loop(r->api->api));
}

/* ---- ends ---- */

void slv_r2_rest_refuse(r2_rest *r, int status, int code, const char *text)
{
    slv_api_call *call = r->api;

    slv_r2_rest_free(r);
    slv_api_error(call, status, code, "%s", text);
}

void slv_r2_rest_fail(r2_rest *r, slv_code code, const slv_err *err)
{
    int number = slv_r2_error_number(err);
    slv_err why = *err;

    if (code == SLV_E_NOTFOUND && err->detail == 0)
        slv_r2_rest_refuse(r, 404, R2_NOT_FOUND, slv_r2_error_text(SLV_R2_NO_SUCH_BUCKET));
    else if (number != SLV_R2_INTERNAL)
        slv_r2_rest_refuse(r, slv_r2_error_status(number), number, slv_err_text(&why));
    else {
        slv_api_call *call = r->api;

        why.code = code;
        slv_r2_rest_free(r);
        slv_api_fail(call, &why, 0);
    }
}

void slv_r2_rest_ok(r2_rest *r)
{
    slv_api_ok(r->api, slv_buf_view(&r->out));
    slv_r2_rest_free(r);
}

void slv_r2_rest_ok_empty(r2_rest *r)
{
    slv_api_ok(r->api, SLV_STR("{}"));
    slv_r2_rest_free(r);
}

static void on_done(slv_call *call)
{
    r2_rest *r = slv_r2_rest_of(call);
    slv_err err = call->err;

    if (call->code == SLV_OK)
        r->then(r);
    else
        slv_r2_rest_fail(r, call->code, &err);
}

void slv_r2_rest_call(r2_rest *r, slv_call_kind kind, bool create,
                      slv_code (*run)(slv_call *, void *, slv_err *), void (*then)(r2_rest *r))
{
    r->then = then;
    r->call = (slv_call){.kind = kind, .create = create, .run = run, .done = on_done};
    slv_store_call(r->store, slv_api_loop(r->api->api), &r->call);
}

slv_code slv_r2_rest_put_time(slv_buf *out, int64_t ms)
{
    SLV_CLEANUP(slv_buf_done) slv_buf xml = SLV_BUF(100);

    SLV_TRY(slv_s3_put_time_xml(&xml, "t", ms));
    return slv_json_put_string(out, slv_str_sub(slv_buf_view(&xml), 3, xml.len - 4));
}

/* ---- buckets ---- */

typedef struct names {
    SLV_VEC(char *) items;
} names;

static void on_name(void *arg, slv_str id)
{
    names *n = arg;

    slv_vec_push(&n->items, slv_strndup(id.ptr, id.len));
}

static slv_code put_names(r2_rest *r, const names *n)
{
    SLV_TRY(slv_buf_append(&r->out, SLV_STR("{\"buckets\":[")));
    for (size_t i = 0; i < n->items.len; i++) {
        slv_str name = slv_str_from(n->items.items[i]);

        SLV_TRY(slv_buf_append(&r->out, i == 0 ? SLV_STR("{\"name\":") : SLV_STR(",{\"name\":")));
        SLV_TRY(slv_json_put_string(&r->out, name));
        SLV_TRY(slv_buf_append(&r->out, SLV_STR(",\"creation_date\":")));
        SLV_TRY(slv_r2_rest_put_time(
            &r->out, slv_s3_bucket_created_ms(slv_api_state(r->api->api), r->api->tenant, name)));
        SLV_TRY(slv_buf_append_byte(&r->out, '}'));
    }
    return slv_buf_append(&r->out, SLV_STR("]}"));
}

static void buckets_list(slv_api_call *call)
{
    r2_rest *r = slv_r2_rest_new(call);
    names n = {0};
    slv_err err = {0};
    slv_code code =
        slv_state_list(slv_api_state(call->api), &slv_r2_store, call->tenant, on_name, &n, &err);

    if (code == SLV_OK)
        code = put_names(r, &n);
    for (size_t i = 0; i < n.items.len; i++)
        free(n.items.items[i]);
    slv_vec_done(&n.items);
    if (code == SLV_OK)
        slv_r2_rest_ok(r);
    else
        slv_r2_rest_fail(r, code, &err);
}

static slv_code run_create(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = slv_r2_rest_of(call);
    slv_str known;
    char now[24];

    SLV_TRY(slv_r2_setting(service, "created", &r->arena, &known, err));
    r->existed = known.len > 0;
    if (r->existed)
        return SLV_OK;
    (void)snprintf(now, sizeof now, "%lld", (long long)slv_r2_rest_now(r));
    SLV_TRY(slv_r2_setting_set(service, "location", r->key, err));
    SLV_TRY(slv_r2_setting_set(service, "storageClass", r->value, err));
    return slv_r2_setting_set(service, "created", slv_str_from(now), err);
}

static void created(r2_rest *r)
{
    if (r->existed) {
        slv_r2_rest_refuse(r, 409, R2_EXISTS,
                           "The bucket you tried to create already exists, and you own it.");
        return;
    }
    if (slv_buf_append(&r->out, SLV_STR("{\"name\":")) != SLV_OK ||
        slv_json_put_string(&r->out, r->bucket) != SLV_OK ||
        slv_buf_append(&r->out, SLV_STR(",\"creation_date\":")) != SLV_OK ||
        slv_r2_rest_put_time(&r->out, slv_r2_rest_now(r)) != SLV_OK ||
        slv_buf_append_byte(&r->out, '}') != SLV_OK)
        slv_r2_rest_refuse(r, 500, SLV_API_INTERNAL, "internal error");
    else
        slv_r2_rest_ok(r);
}

static void buckets_create(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    slv_str class;
    slv_r2_class parsed;

    if (!body)
        return;
    r2_rest *r = slv_r2_rest_new(call);
    r->bucket = slv_node_str(slv_node_get(body, "name"));
    r->key = slv_node_str(slv_node_get(body, "locationHint"));
    class = slv_node_str(slv_node_get(body, "storageClass"));
    if (!slv_r2_bucket_name_ok(r->bucket)) {
        slv_r2_rest_refuse(r, 400, R2_BAD, "The specified bucket name is not valid.");
        return;
    }
    if (!slv_r2_class_parse(class, &parsed)) {
        slv_r2_rest_refuse(r, 400, R2_BAD, "The specified storage class is not valid.");
        return;
    }
    r->value = class;
    r->store = slv_state_store(slv_api_state(call->api), &slv_r2_store, call->tenant, r->bucket);
    slv_r2_rest_call(r, SLV_CALL_WRITE, true, run_create, created);
}

static slv_code run_info(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = slv_r2_rest_of(call);
    uint64_t objects, bytes;
    slv_str text;
    slv_buf *out = &r->out;

    SLV_TRY(slv_r2_usage(service, &objects, &bytes, err));
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"name\":")));
    SLV_TRY(slv_json_put_string(out, r->bucket));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"creation_date\":")));
    SLV_TRY(slv_r2_rest_put_time(
        out, slv_s3_bucket_created_ms(slv_api_state(r->api->api), r->api->tenant, r->bucket)));
    SLV_TRY(slv_r2_setting(service, "location", &r->arena, &text, err));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"location\":")));
    SLV_TRY(slv_json_put_string(out, text.len > 0 ? text : SLV_STR("local")));
    SLV_TRY(slv_r2_setting(service, "storageClass", &r->arena, &text, err));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"storage_class\":")));
    SLV_TRY(slv_json_put_string(out, text.len > 0 ? text : SLV_STR("Standard")));
    return slv_buf_printf(out, ",\"object_count\":%llu,\"bucket_size\":%llu}",
                          (unsigned long long)objects, (unsigned long long)bytes);
}

static void buckets_info(slv_api_call *call)
{
    slv_r2_rest_call(slv_r2_rest_new(call), SLV_CALL_READ, false, run_info, slv_r2_rest_ok);
}

static slv_code run_empty(slv_call *call, void *service, slv_err *err)
{
    uint64_t objects, bytes;
    r2_rest *r = slv_r2_rest_of(call);

    SLV_TRY(slv_r2_usage(service, &objects, &bytes, err));
    r->existed = objects > 0;
    return SLV_OK;
}

static void destroy(r2_rest *r)
{
    if (r->existed) {
        slv_r2_rest_refuse(r, 409, R2_NOT_EMPTY, "The bucket you tried to delete is not empty.");
        return;
    }
    r->then = slv_r2_rest_ok_empty;
    r->call = (slv_call){.done = on_done};
    slv_store_destroy(r->store, slv_api_loop(r->api->api), &r->call);
}

static void buckets_delete(slv_api_call *call)
{
    slv_r2_rest_call(slv_r2_rest_new(call), SLV_CALL_WRITE, false, run_empty, destroy);
}

static slv_code run_set(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = slv_r2_rest_of(call);

    return slv_r2_setting_set(service, r->setting, r->value, err);
}

static void buckets_patch(slv_api_call *call)
{
    r2_rest *r = slv_r2_rest_new(call);
    slv_r2_class class;

    r->value = slv_api_header(call, "cf-r2-storage-class");
    if (r->value.len == 0 || !slv_r2_class_parse(r->value, &class)) {
        slv_r2_rest_refuse(r, 400, R2_BAD, "The specified storage class is not valid.");
        return;
    }
    r->setting = "storageClass";
    slv_r2_rest_call(r, SLV_CALL_WRITE, false, run_set, slv_r2_rest_ok_empty);
}

/* ---- rules for browsers ---- */

static slv_code run_cors(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = slv_r2_rest_of(call);

    return slv_r2_setting(service, "cors", &r->arena, &r->value, err);
}

static void cors_found(r2_rest *r)
{
    if (r->value.len == 0)
        slv_r2_rest_refuse(r, 404, 10059, "The CORS configuration does not exist.");
    else if (slv_buf_printf(&r->out, "{\"rules\":%.*s}", SLV_STR_ARGS(r->value)) != SLV_OK)
        slv_r2_rest_refuse(r, 500, SLV_API_INTERNAL, "internal error");
    else
        slv_r2_rest_ok(r);
}

static void cors_get(slv_api_call *call)
{
    slv_r2_rest_call(slv_r2_rest_new(call), SLV_CALL_READ, false, run_cors, cors_found);
}

static void cors_put(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)1 << 20);

    if (!body)
        return;
    r2_rest *r = slv_r2_rest_new(call);
    const slv_node *rules = slv_node_get(body, "rules");
    bool good = slv_node_is(rules, SLV_NODE_ARRAY);
    for (const slv_node *rule = good ? rules->first : NULL; rule; rule = rule->next) {
        const slv_node *allowed = slv_node_get(rule, "allowed");

        good = good && slv_node_is(slv_node_get(allowed, "origins"), SLV_NODE_ARRAY) &&
               slv_node_is(slv_node_get(allowed, "methods"), SLV_NODE_ARRAY);
    }
    if (!good || slv_json_put(&json, rules) != SLV_OK ||
        slv_arena_dup(&r->arena, slv_buf_view(&json), &r->value) != SLV_OK) {
        slv_r2_rest_refuse(
            r, 400, 10040,
            "The CORS policy must be {\"rules\": [{\"allowed\": {\"origins\": [...], "
            "\"methods\": [...]}}]}.");
        return;
    }
    r->setting = "cors";
    slv_r2_rest_call(r, SLV_CALL_WRITE, false, run_set, slv_r2_rest_ok_empty);
}

static void cors_delete(slv_api_call *call)
{
    r2_rest *r = slv_r2_rest_new(call);

    r->setting = "cors";
    slv_r2_rest_call(r, SLV_CALL_WRITE, false, run_set, slv_r2_rest_ok_empty);
}

const slv_api_route slv_api_r2_routes[] = {
    {.method = "GET", .pattern = R2_BUCKETS, .handle = buckets_list},
    {.method = "POST", .pattern = R2_BUCKETS, .handle = buckets_create},
    {.method = "GET", .pattern = R2_BUCKETS "/:bucket", .handle = buckets_info},
    {.method = "PATCH", .pattern = R2_BUCKETS "/:bucket", .handle = buckets_patch},
    {.method = "DELETE", .pattern = R2_BUCKETS "/:bucket", .handle = buckets_delete},
    {.method = "GET", .pattern = R2_BUCKETS "/:bucket/cors", .handle = cors_get},
    {.method = "PUT", .pattern = R2_BUCKETS "/:bucket/cors", .handle = cors_put},
    {.method = "DELETE", .pattern = R2_BUCKETS "/:bucket/cors", .handle = cors_delete},
    {0},
};
