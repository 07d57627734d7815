/* Objects of R2 by HTTP: /accounts/:account/r2/buckets/:bucket/objects, as wrangler calls it. */
#include "api/r2_int.h"
#include "api/routes.h"

static slv_code put_object_json(slv_buf *out, const slv_r2_object *o)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"key\":")));
    SLV_TRY(slv_json_put_string(out, o->key));
    SLV_TRY(slv_buf_printf(out, ",\"etag\":\"%.*s\",\"size\":%llu,\"version\":\"%.*s\"",
                           SLV_STR_ARGS(o->etag), (unsigned long long)o->size,
                           SLV_STR_ARGS(o->version)));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"last_modified\":")));
    SLV_TRY(slv_r2_rest_put_time(out, o->uploaded_ms));
    if (o->http.len > 0)
        SLV_TRY(slv_buf_printf(out, ",\"http_metadata\":%.*s", SLV_STR_ARGS(o->http)));
    if (o->custom.len > 0)
        SLV_TRY(slv_buf_printf(out, ",\"custom_metadata\":%.*s", SLV_STR_ARGS(o->custom)));
    return slv_buf_printf(out, ",\"storage_class\":\"%s\"}",
                          o->class == SLV_R2_CLASS_INFREQUENT ? "InfrequentAccess" : "Standard");
}

static slv_code run_put(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = slv_r2_rest_of(call);
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

    r->put.now_ms = slv_r2_rest_now(r);
    if (code == SLV_OK)
        slv_r2_rest_call(r, SLV_CALL_WRITE, true, run_put, slv_r2_rest_ok);
    else
        slv_r2_rest_fail(r, code, &why);
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
    slv_r2_rest_refuse(call->user, 400, R2_BAD, "The body was cut off.");
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
    if (expires.ptr && slv_s3_parse_date(expires, &ms))
        SLV_TRY(slv_buf_printf(&json, "%s\"cacheExpiry\":%lld", json.len == 0 ? "{" : ",",
                               (long long)ms));
    if (json.len > 0)
        SLV_TRY(slv_buf_append_byte(&json, '}'));
    return slv_arena_dup(&r->arena, slv_buf_view(&json), &r->put.http);
}

static void objects_put(slv_api_call *call)
{
    r2_rest *r = slv_r2_rest_new(call);
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
        slv_r2_rest_fail(r, code, &err);
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
    r2_rest *r = slv_r2_rest_of(call);

    return slv_r2_get(service, r->key, &r->get, &r->arena, &r->found, err);
}

static void pull_data(void *user, slv_str bytes, bool fin)
{
    r2_rest *r = user;
    bool more = slv_api_write(r->api, bytes);

    if (fin) {
        slv_api_end(r->api);
        slv_r2_rest_free(r);
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
    slv_r2_rest_free(r);
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
    slv_r2_rest_free(r);
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
            SLV_TRY(slv_s3_put_header(&r->headers, fields[i][1], value));
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
        slv_r2_rest_refuse(r, 500, SLV_API_INTERNAL, "internal error");
        return;
    }
    if (!r->found.reader) {
        slv_api_reply(call, 200, slv_buf_view(&r->headers), r->found.bytes);
        slv_r2_rest_free(r);
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
    r2_rest *r = slv_r2_rest_new(call);

    r->get.now_ms = slv_r2_rest_now(r);
    slv_r2_rest_call(r, SLV_CALL_READ, false, run_get, got);
}

static slv_code run_delete(slv_call *call, void *service, slv_err *err)
{
    r2_rest *r = slv_r2_rest_of(call);

    SLV_TRY(slv_r2_delete(service, r->key, r->put.now_ms, NULL, err));
    SLV_TRY(slv_buf_append(&r->out, SLV_STR("{\"key\":")));
    SLV_TRY(slv_json_put_string(&r->out, r->key));
    return slv_buf_append_byte(&r->out, '}');
}

static void objects_delete(slv_api_call *call)
{
    r2_rest *r = slv_r2_rest_new(call);

    r->put.now_ms = slv_r2_rest_now(r);
    slv_r2_rest_call(r, SLV_CALL_WRITE, false, run_delete, slv_r2_rest_ok);
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
    r2_rest *r = slv_r2_rest_of(call);
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
    slv_r2_rest_free(r);
}

static void objects_list(slv_api_call *call)
{
    uint64_t limit;

    if (!slv_api_query_number(call, "per_page", 1, SLV_R2_LIST_MAX, SLV_R2_LIST_MAX, &limit))
        return;
    r2_rest *r = slv_r2_rest_new(call);
    r->page = (slv_r2_list_options){
        .prefix = slv_api_query(call, "prefix"),
        .delimiter = slv_api_query(call, "delimiter"),
        .cursor = slv_api_query(call, "cursor"),
        .start_after = slv_api_query(call, "start_after"),
        .limit = (uint32_t)limit,
        .http = true,
        .custom = true,
    };
    slv_r2_rest_call(r, SLV_CALL_READ, false, run_list, listed);
}

const slv_api_route slv_api_r2_object_routes[] = {
    {.method = "GET", .pattern = R2_BUCKETS "/:bucket/objects", .handle = objects_list},
    {.method = "GET", .pattern = R2_BUCKETS "/:bucket/objects/*key", .handle = objects_get},
    {.method = "PUT",
     .pattern = R2_BUCKETS "/:bucket/objects/*key",
     .handle = objects_put,
     .streams = true},
    {.method = "DELETE", .pattern = R2_BUCKETS "/:bucket/objects/*key", .handle = objects_delete},
    {0},
};
