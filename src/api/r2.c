/*
 * R2 by HTTP: /accounts/:account/r2/buckets and what is in them, as wrangler calls it; access keys
 * of S3 under /r2/credentials. A bucket is there when it has a file: made here, through S3, or by
 * the first write of a worker that is bound to it.
 */
#include <stdio.h>

#include "api/routes.h"
#include "api/s3_int.h"
#include "base/vec.h"

#define R2_NOT_FOUND 10006
#define R2_EXISTS 10004
#define R2_NOT_EMPTY 10008
#define R2_NO_KEY 10007
#define R2_BAD 10005

typedef struct r2_rest r2_rest;
struct r2_rest {
    slv_api_call *api;
    slv_call call;
    slv_store *store;
    slv_arena arena;
    slv_buf out, headers;
    slv_str bucket, key, value;
    const char *setting;
    void (*then)(r2_rest *r);
    bool existed;
    slv_r2_push *push;
    slv_r2_pull *pull;
    slv_r2_put_options put;
    slv_r2_get_options get;
    slv_r2_found found;
    slv_r2_list_options page;
    size_t owed;
};

static void rest_free(r2_rest *r)
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

static r2_rest *rest_new(slv_api_call *call)
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

static int64_t now_of(const r2_rest *r)
{
    return slv_loop_wall_ms(slv_api_loop(r->api->api));
}

/* ---- ends ---- */

static void refuse(r2_rest *r, int status, int code, const char *text)
{
    slv_api_call *call = r->api;

    rest_free(r);
    slv_api_error(call, status, code, "%s", text);
}

static void fail(r2_rest *r, slv_code code, const slv_err *err)
{
    int number = slv_r2_error_number(err);
    slv_err why = *err;

    if (code == SLV_E_NOTFOUND && err->detail == 0)
        refuse(r, 404, R2_NOT_FOUND, slv_r2_error_text(SLV_R2_NO_SUCH_BUCKET));
    else if (number != SLV_R2_INTERNAL)
        refuse(r, slv_r2_error_status(number), number, slv_err_text(&why));
    else {
        slv_api_call *call = r->api;

        why.code = code;
        rest_free(r);
        slv_api_fail(call, &why, 0);
    }
}

static void ok(r2_rest *r)
{
    slv_api_ok(r->api, slv_buf_view(&r->out));
    rest_free(r);
}

static void ok_empty(r2_rest *r)
{
    slv_api_ok(r->api, SLV_STR("{}"));
    rest_free(r);
}

static void on_done(slv_call *call)
{
    r2_rest *r = slv_container_of(call, r2_rest, call);
    slv_err err = call->err;

    if (call->code == SLV_OK)
        r->then(r);
    else
        fail(r, call->code, &err);
}

static void run_call(r2_rest *r, slv_call_kind kind, bool create,
                     slv_code (*run)(slv_call *, void *, slv_err *), void (*then)(r2_rest *r))
{
    r->then = then;
    r->call = (slv_call){.kind = kind, .create = create, .run = run, .done = on_done};
    slv_store_call(r->store, slv_api_loop(r->api->api), &r->call);
}

static r2_rest *of_call(slv_call *call)
{
    return slv_container_of(call, r2_rest, call);
}

static slv_code put_iso(slv_buf *out, int64_t ms)
{
    SLV_CLEANUP(slv_buf_done) slv_buf xml = SLV_BUF(100);

    SLV_TRY(s3_put_time_xml(&xml, "t", ms));
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
        SLV_TRY(put_iso(&r->out,
                        s3_bucket_created_ms(slv_api_state(r->api->api), r->api->tenant, name)));
        SLV_TRY(slv_buf_append_byte(&r->out, '}'));
    }
    return slv_buf_append(&r->out, SLV_STR("]}"));
}

static void buckets_list(slv_api_call *call)
{
    r2_rest *r = rest_new(call);
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
        ok(r);
    else
        fail(r, code, &err);
}

static slv_code run_create(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = of_call(call);
    slv_str known;
    char now[24];

    SLV_TRY(slv_r2_setting(service, "created", &r->arena, &known, err));
    r->existed = known.len > 0;
    if (r->existed)
        return SLV_OK;
    (void)snprintf(now, sizeof now, "%lld", (long long)now_of(r));
    SLV_TRY(slv_r2_setting_set(service, "location", r->key, err));
    SLV_TRY(slv_r2_setting_set(service, "storageClass", r->value, err));
    return slv_r2_setting_set(service, "created", slv_str_from(now), err);
}

static void created(r2_rest *r)
{
    if (r->existed) {
        refuse(r, 409, R2_EXISTS, "The bucket you tried to create already exists, and you own it.");
        return;
    }
    if (slv_buf_append(&r->out, SLV_STR("{\"name\":")) != SLV_OK ||
        slv_json_put_string(&r->out, r->bucket) != SLV_OK ||
        slv_buf_append(&r->out, SLV_STR(",\"creation_date\":")) != SLV_OK ||
        put_iso(&r->out, now_of(r)) != SLV_OK || slv_buf_append_byte(&r->out, '}') != SLV_OK)
        refuse(r, 500, SLV_API_INTERNAL, "internal error");
    else
        ok(r);
}

static void buckets_create(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    slv_str class;
    slv_r2_class parsed;

    if (!body)
        return;
    r2_rest *r = rest_new(call);
    r->bucket = slv_node_str(slv_node_get(body, "name"));
    r->key = slv_node_str(slv_node_get(body, "locationHint"));
    class = slv_node_str(slv_node_get(body, "storageClass"));
    if (!slv_r2_bucket_name_ok(r->bucket)) {
        refuse(r, 400, R2_BAD, "The specified bucket name is not valid.");
        return;
    }
    if (!slv_r2_class_parse(class, &parsed)) {
        refuse(r, 400, R2_BAD, "The specified storage class is not valid.");
        return;
    }
    r->value = class;
    r->store = slv_state_store(slv_api_state(call->api), &slv_r2_store, call->tenant, r->bucket);
    run_call(r, SLV_CALL_WRITE, true, run_create, created);
}

static slv_code run_info(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = of_call(call);
    uint64_t objects, bytes;
    slv_str text;
    slv_buf *out = &r->out;

    SLV_TRY(slv_r2_usage(service, &objects, &bytes, err));
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"name\":")));
    SLV_TRY(slv_json_put_string(out, r->bucket));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"creation_date\":")));
    SLV_TRY(
        put_iso(out, s3_bucket_created_ms(slv_api_state(r->api->api), r->api->tenant, r->bucket)));
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
    run_call(rest_new(call), SLV_CALL_READ, false, run_info, ok);
}

static slv_code run_empty(slv_call *call, void *service, slv_err *err)
{
    uint64_t objects, bytes;
    r2_rest *r = of_call(call);

    SLV_TRY(slv_r2_usage(service, &objects, &bytes, err));
    r->existed = objects > 0;
    return SLV_OK;
}

static void destroy(r2_rest *r)
{
    if (r->existed) {
        refuse(r, 409, R2_NOT_EMPTY, "The bucket you tried to delete is not empty.");
        return;
    }
    r->then = ok_empty;
    r->call = (slv_call){.done = on_done};
    slv_store_destroy(r->store, slv_api_loop(r->api->api), &r->call);
}

static void buckets_delete(slv_api_call *call)
{
    run_call(rest_new(call), SLV_CALL_WRITE, false, run_empty, destroy);
}

static slv_code run_set(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = of_call(call);

    return slv_r2_setting_set(service, r->setting, r->value, err);
}

static void buckets_patch(slv_api_call *call)
{
    r2_rest *r = rest_new(call);
    slv_r2_class class;

    r->value = slv_api_header(call, "cf-r2-storage-class");
    if (r->value.len == 0 || !slv_r2_class_parse(r->value, &class)) {
        refuse(r, 400, R2_BAD, "The specified storage class is not valid.");
        return;
    }
    r->setting = "storageClass";
    run_call(r, SLV_CALL_WRITE, false, run_set, ok_empty);
}

/* ---- rules for browsers ---- */

static slv_code run_cors(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = of_call(call);

    return slv_r2_setting(service, "cors", &r->arena, &r->value, err);
}

static void cors_found(r2_rest *r)
{
    if (r->value.len == 0)
        refuse(r, 404, 10059, "The CORS configuration does not exist.");
    else if (slv_buf_printf(&r->out, "{\"rules\":%.*s}", SLV_STR_ARGS(r->value)) != SLV_OK)
        refuse(r, 500, SLV_API_INTERNAL, "internal error");
    else
        ok(r);
}

static void cors_get(slv_api_call *call)
{
    run_call(rest_new(call), SLV_CALL_READ, false, run_cors, cors_found);
}

static void cors_put(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)1 << 20);

    if (!body)
        return;
    r2_rest *r = rest_new(call);
    const slv_node *rules = slv_node_get(body, "rules");
    bool good = slv_node_is(rules, SLV_NODE_ARRAY);
    for (const slv_node *rule = good ? rules->first : NULL; rule; rule = rule->next) {
        const slv_node *allowed = slv_node_get(rule, "allowed");

        good = good && slv_node_is(slv_node_get(allowed, "origins"), SLV_NODE_ARRAY) &&
               slv_node_is(slv_node_get(allowed, "methods"), SLV_NODE_ARRAY);
    }
    if (!good || slv_json_put(&json, rules) != SLV_OK ||
        slv_arena_dup(&r->arena, slv_buf_view(&json), &r->value) != SLV_OK) {
        refuse(r, 400, 10040,
               "The CORS policy must be {\"rules\": [{\"allowed\": {\"origins\": [...], "
               "\"methods\": [...]}}]}.");
        return;
    }
    r->setting = "cors";
    run_call(r, SLV_CALL_WRITE, false, run_set, ok_empty);
}

static void cors_delete(slv_api_call *call)
{
    r2_rest *r = rest_new(call);

    r->setting = "cors";
    run_call(r, SLV_CALL_WRITE, false, run_set, ok_empty);
}

/* ---- objects ---- */

static slv_code put_object_json(slv_buf *out, const slv_r2_object *o)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"key\":")));
    SLV_TRY(slv_json_put_string(out, o->key));
    SLV_TRY(slv_buf_printf(out, ",\"etag\":\"%.*s\",\"size\":%llu,\"version\":\"%.*s\"",
                           SLV_STR_ARGS(o->etag), (unsigned long long)o->size,
                           SLV_STR_ARGS(o->version)));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"last_modified\":")));
    SLV_TRY(put_iso(out, o->uploaded_ms));
    if (o->http.len > 0)
        SLV_TRY(slv_buf_printf(out, ",\"http_metadata\":%.*s", SLV_STR_ARGS(o->http)));
    if (o->custom.len > 0)
        SLV_TRY(slv_buf_printf(out, ",\"custom_metadata\":%.*s", SLV_STR_ARGS(o->custom)));
    return slv_buf_printf(out, ",\"storage_class\":\"%s\"}",
                          o->class == SLV_R2_CLASS_INFREQUENT ? "InfrequentAccess" : "Standard");
}

static slv_code run_put(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = of_call(call);
    slv_r2_upload *up;

    SLV_TRY(slv_r2_push_upload(r->push, service, &up, err));
    SLV_TRY(slv_r2_put(service, r->key, up, &r->put, &r->arena, &r->found.object, err));
    return put_object_json(&r->out, &r->found.object);
}

static void push_taken(void *user, size_t n)
{
    slv_api_credit(((r2_rest *)user)->api, n);
}

static void push_done(void *user, slv_code code, const slv_err *err)
{
    r2_rest *r = user;
    slv_err why = *err;

    r->put.now_ms = now_of(r);
    if (code == SLV_OK)
        run_call(r, SLV_CALL_WRITE, true, run_put, ok);
    else
        fail(r, code, &why);
}

static void put_body(slv_api_call *call, slv_str bytes, bool last)
{
    r2_rest *r = call->user;

    slv_r2_push_write(r->push, bytes);
    if (last)
        slv_r2_push_end(r->push);
}

static void put_gone(slv_api_call *call)
{
    refuse(call->user, 400, R2_BAD, "The body was cut off.");
}

static slv_code put_member(slv_buf *out, const char *name, slv_str value)
{
    SLV_TRY(slv_buf_printf(out, "%s\"%s\":", out->len == 0 ? "{" : ",", name));
    return slv_json_put_string(out, value);
}

static slv_code read_http(r2_rest *r)
{
    static const char *const fields[][2] = {{"contentType", "content-type"},
                                            {"contentLanguage", "content-language"},
                                            {"contentDisposition", "content-disposition"},
                                            {"contentEncoding", "content-encoding"},
                                            {"cacheControl", "cache-control"}};
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)128 << 10);
    slv_str expires = slv_api_header(r->api, "expires");
    int64_t ms;

    for (size_t i = 0; i < SLV_ARRAY_LEN(fields); i++) {
        slv_str value = slv_api_header(r->api, fields[i][1]);

        if (value.ptr)
            SLV_TRY(put_member(&json, fields[i][0], value));
    }
    if (expires.ptr && s3_parse_date(expires, &ms))
        SLV_TRY(slv_buf_printf(&json, "%s\"cacheExpiry\":%lld", json.len == 0 ? "{" : ",",
                               (long long)ms));
    if (json.len > 0)
        SLV_TRY(slv_buf_append_byte(&json, '}'));
    return slv_arena_dup(&r->arena, slv_buf_view(&json), &r->put.http);
}

static void objects_put(slv_api_call *call)
{
    r2_rest *r = rest_new(call);
    slv_str class = slv_api_header(call, "cf-r2-storage-class");
    slv_err err = {0};
    const slv_r2_push_options options = {
        .state = slv_api_state(call->api),
        .loop = slv_api_loop(call->api),
        .store = r->store,
        .user = r,
        .taken = push_taken,
        .done = push_done,
    };

    slv_code code = slv_r2_check_key(r->key, &err);
    if (code == SLV_OK && r->key.len == 0)
        code = slv_r2_fail(&err, SLV_R2_BAD_NAME);
    if (code == SLV_OK && (!slv_r2_class_parse(class, &r->put.class) || read_http(r) != SLV_OK))
        code = slv_r2_fail(&err, SLV_R2_BAD_ARGUMENT);
    if (code != SLV_OK) {
        fail(r, code, &err);
        return;
    }
    r->push = slv_r2_push_new(&options);
    call->user = r;
    call->on_body = put_body;
    call->on_gone = put_gone;
    if (call->length == 0)
        slv_r2_push_end(r->push);
    else
        slv_api_credit(call, SLV_R2_WINDOW);
}

static slv_code run_get(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = of_call(call);

    return slv_r2_get(service, r->key, &r->get, &r->arena, &r->found, err);
}

static void pull_data(void *user, slv_str bytes, bool fin)
{
    r2_rest *r = user;
    bool more = slv_api_write(r->api, bytes);

    if (fin) {
        slv_api_end(r->api);
        rest_free(r);
    } else if (more) {
        slv_r2_pull_more(r->pull, bytes.len);
    } else {
        r->owed += bytes.len;
    }
}

static void pull_fail(void *user, const slv_err *err)
{
    r2_rest *r = user;

    (void)err;
    slv_api_abort(r->api);
    rest_free(r);
}

static void get_writable(slv_api_call *call)
{
    r2_rest *r = call->user;
    size_t owed = r->owed;

    r->owed = 0;
    slv_r2_pull_more(r->pull, owed);
}

static void get_gone(slv_api_call *call)
{
    r2_rest *r = call->user;

    slv_api_abort(call);
    rest_free(r);
}

static slv_code put_get_headers(r2_rest *r)
{
    static const char *const fields[][2] = {{"contentType", "content-type"},
                                            {"contentLanguage", "content-language"},
                                            {"contentDisposition", "content-disposition"},
                                            {"contentEncoding", "content-encoding"},
                                            {"cacheControl", "cache-control"}};
    const slv_r2_object *o = &r->found.object;
    slv_node *http = NULL;

    if (o->http.len > 0)
        SLV_TRY(slv_json_parse(o->http, SLV_JSON_STRICT, &r->arena, &http, NULL));
    for (size_t i = 0; i < SLV_ARRAY_LEN(fields); i++) {
        slv_str value = slv_node_str(slv_node_get(http, fields[i][0]));

        if (i == 0 && value.len == 0)
            value = SLV_STR("application/octet-stream");
        if (value.len > 0)
            SLV_TRY(s3_put_header(&r->headers, fields[i][1], value));
    }
    return slv_buf_printf(&r->headers, "etag:\"%.*s\"\n", SLV_STR_ARGS(o->etag));
}

static void got(r2_rest *r)
{
    slv_api_call *call = r->api;
    const slv_r2_pull_options options = {.state = slv_api_state(call->api),
                                         .loop = slv_api_loop(call->api),
                                         .user = r,
                                         .data = pull_data,
                                         .fail = pull_fail};

    if (put_get_headers(r) != SLV_OK) {
        refuse(r, 500, SLV_API_INTERNAL, "internal error");
        return;
    }
    if (!r->found.reader) {
        slv_api_reply(call, 200, slv_buf_view(&r->headers), r->found.bytes);
        rest_free(r);
        return;
    }
    call->user = r;
    call->on_writable = get_writable;
    call->on_gone = get_gone;
    slv_api_begin(call, 200, slv_buf_view(&r->headers), (int64_t)r->found.length);
    r->pull = slv_r2_pull_new_take(&options, SLV_STEAL(r->found.reader));
    slv_r2_pull_more(r->pull, SLV_R2_WINDOW);
}

static void objects_get(slv_api_call *call)
{
    r2_rest *r = rest_new(call);

    r->get.now_ms = now_of(r);
    run_call(r, SLV_CALL_READ, false, run_get, got);
}

static slv_code run_delete(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = of_call(call);

    SLV_TRY(slv_r2_delete(service, r->key, r->put.now_ms, NULL, err));
    SLV_TRY(slv_buf_append(&r->out, SLV_STR("{\"key\":")));
    SLV_TRY(slv_json_put_string(&r->out, r->key));
    return slv_buf_append_byte(&r->out, '}');
}

static void objects_delete(slv_api_call *call)
{
    r2_rest *r = rest_new(call);

    r->put.now_ms = now_of(r);
    run_call(r, SLV_CALL_WRITE, false, run_delete, ok);
}

typedef struct listing {
    r2_rest *r;
    slv_buf prefixes;
    bool some;
} listing;

static slv_code list_object(void *arg, const slv_r2_object *o)
{
    listing *l = arg;

    if (l->some)
        SLV_TRY(slv_buf_append_byte(&l->r->out, ','));
    l->some = true;
    return put_object_json(&l->r->out, o);
}

static slv_code list_prefix(void *arg, slv_str prefix)
{
    listing *l = arg;

    if (l->prefixes.len > 0)
        SLV_TRY(slv_buf_append_byte(&l->prefixes, ','));
    return slv_json_put_string(&l->prefixes, prefix);
}

static slv_code run_list(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = of_call(call);
    listing l = {.r = r, .prefixes = SLV_BUF((size_t)4 << 20)};
    const slv_r2_list_to to = {&l, list_object, list_prefix};
    SLV_CLEANUP(slv_buf_done) slv_buf cursor = SLV_BUF((size_t)16 << 10);
    slv_code code = slv_buf_append_byte(&r->out, '[');

    if (code == SLV_OK)
        code = slv_r2_list(service, &r->page, &to, &cursor, err);
    if (code == SLV_OK)
        code = slv_buf_append_byte(&r->out, ']');
    if (code == SLV_OK)
        code =
            slv_buf_printf(&r->headers,
                           "{\"cursor\":\"%.*s\",\"is_truncated\":%s,\"per_page\":%u,"
                           "\"delimited\":[%.*s]}",
                           SLV_STR_ARGS(slv_buf_view(&cursor)), cursor.len > 0 ? "true" : "false",
                           r->page.limit, SLV_STR_ARGS(slv_buf_view(&l.prefixes)));
    slv_buf_done(&l.prefixes);
    return code;
}

static void listed(r2_rest *r)
{
    slv_api_ok_info(r->api, slv_buf_view(&r->out), slv_buf_view(&r->headers));
    rest_free(r);
}

static void objects_list(slv_api_call *call)
{
    uint64_t limit;

    if (!slv_api_query_number(call, "per_page", 1, SLV_R2_LIST_MAX, SLV_R2_LIST_MAX, &limit))
        return;
    r2_rest *r = rest_new(call);
    r->page = (slv_r2_list_options){
        .prefix = slv_api_query(call, "prefix"),
        .delimiter = slv_api_query(call, "delimiter"),
        .cursor = slv_api_query(call, "cursor"),
        .start_after = slv_api_query(call, "start_after"),
        .limit = (uint32_t)limit,
        .http = true,
        .custom = true,
    };
    run_call(r, SLV_CALL_READ, false, run_list, listed);
}

/* ---- access keys of S3 ---- */

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
    SLV_TRY(put_iso(out, key->created_ms));
    return slv_buf_append_byte(out, '}');
}

static void keys_list(slv_api_call *call)
{
    SLV_CLEANUP(slv_s3_keys_free)
    slv_s3_keys *keys = slv_s3_keys_new(slv_api_state(call->api), call->tenant);
    r2_rest *r = rest_new(call);
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
        ok(r);
    else
        fail(r, code, &err);
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
    r2_rest *r = rest_new(call);
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
        refuse(r, 400, R2_BAD,
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
        ok(r);
    else
        fail(r, code, &err);
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

#define BUCKETS "/accounts/:account/r2/buckets"
#define KEYS "/accounts/:account/r2/credentials"

const slv_api_route slv_api_r2_routes[] = {
    {.method = "GET", .pattern = BUCKETS, .handle = buckets_list},
    {.method = "POST", .pattern = BUCKETS, .handle = buckets_create},
    {.method = "GET", .pattern = BUCKETS "/:bucket", .handle = buckets_info},
    {.method = "PATCH", .pattern = BUCKETS "/:bucket", .handle = buckets_patch},
    {.method = "DELETE", .pattern = BUCKETS "/:bucket", .handle = buckets_delete},
    {.method = "GET", .pattern = BUCKETS "/:bucket/cors", .handle = cors_get},
    {.method = "PUT", .pattern = BUCKETS "/:bucket/cors", .handle = cors_put},
    {.method = "DELETE", .pattern = BUCKETS "/:bucket/cors", .handle = cors_delete},
    {.method = "GET", .pattern = BUCKETS "/:bucket/objects", .handle = objects_list},
    {.method = "GET", .pattern = BUCKETS "/:bucket/objects/*key", .handle = objects_get},
    {.method = "PUT",
     .pattern = BUCKETS "/:bucket/objects/*key",
     .handle = objects_put,
     .streams = true},
    {.method = "DELETE", .pattern = BUCKETS "/:bucket/objects/*key", .handle = objects_delete},
    {.method = "GET", .pattern = KEYS, .handle = keys_list},
    {.method = "POST", .pattern = KEYS, .handle = keys_create},
    {.method = "DELETE", .pattern = KEYS "/:id", .handle = keys_delete},
    {0},
};
