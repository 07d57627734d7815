/* Many entries of a namespace in one call: all of them are written, or none. */
#include <inttypes.h>
#include <unistd.h>

#include "api/kv_int.h"
#include "base/mem.h"
#include "fmt/base64.h"
#include "fmt/json.h"

/* The body as an array. False: the call was ended. */
static bool parse_array(kv_rest *r, size_t most, slv_node **ret)
{
    slv_err err = {0};

    if (slv_json_parse(r->api->body, SLV_JSON_STRICT, &r->arena, ret, &err) != SLV_OK) {
        slv_kv_rest_refuse(r, 400, SLV_API_BAD_JSON, slv_err_text(&err));
        return false;
    }
    if (slv_node_is(*ret, SLV_NODE_ARRAY) && (*ret)->count <= most)
        return true;
    slv_kv_rest_refuse(r, 400, KV_BAD_REQUEST, "an array of at most 10000 items is wanted");
    return false;
}

/* ---- put ---- */

static slv_code read_value(kv_rest *r, const slv_node *n, slv_kv_put_args *put, slv_err *err)
{
    const slv_node *base64 = slv_node_get(n, "base64"), *value = slv_node_get(n, "value");
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(SLV_KV_VALUE_MAX + 3);

    if (!slv_node_is(value, SLV_NODE_STRING))
        return slv_fail(err, SLV_E_INVAL, "value: a string is wanted");
    put->value = value->text;
    if (!slv_node_is(base64, SLV_NODE_BOOL) || !base64->boolean)
        return SLV_OK;
    if (slv_base64_decode_forgiving(value->text, &bytes) != SLV_OK)
        return slv_fail(err, SLV_E_INVAL, "value: it is no base64, or too large");
    return slv_arena_dup(&r->arena, slv_buf_view(&bytes), &put->value);
}

static slv_code read_metadata(kv_rest *r, const slv_node *n, slv_kv_put_args *put)
{
    const slv_node *metadata = slv_node_get(n, "metadata");
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF(16 * SLV_KV_META_MAX);

    if (!metadata || metadata->type == SLV_NODE_NULL)
        return SLV_OK;
    SLV_TRY(slv_json_put(&json, metadata));
    return slv_arena_dup(&r->arena, slv_buf_view(&json), &put->meta);
}

static slv_code read_item(kv_rest *r, const slv_node *n, slv_kv_put_args *put, slv_err *err)
{
    slv_kv_life life = {0};

    put->key = slv_node_str(slv_node_get(n, "key"));
    put->now_ms = r->now_ms;
    SLV_TRY(slv_kv_check_key(put->key, err));
    SLV_TRY(read_value(r, n, put, err));
    if (read_metadata(r, n, put) != SLV_OK)
        return slv_fail(err, SLV_E_LIMIT, "metadata: it is too large");
    SLV_TRY(slv_kv_check_meta(put->meta, err));
    life.has_expiration = slv_kv_rest_number(slv_node_get(n, "expiration"), &life.expiration_s);
    life.has_ttl = slv_kv_rest_number(slv_node_get(n, "expiration_ttl"), &life.ttl_s);
    SLV_TRY(slv_kv_check_life(&life, r->now_ms, &put->expires_s, err));
    return slv_kv_check_size(put->value.len, err);
}

static slv_code run_put(slv_call *call, void *service, slv_err *err)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);

    for (size_t i = 0; i < r->items.len; i++)
        SLV_TRY(slv_kv_put(service, &r->items.items[i].put, err));
    return SLV_OK;
}

static void on_done(slv_call *call)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);
    size_t count = r->items.len + r->keys.len;

    if (call->code != SLV_OK && call->code != SLV_E_NOTFOUND) {
        call->err.code = call->code;
        slv_kv_rest_fail(r, &call->err);
    } else if (slv_buf_printf(&r->out, "{\"successful_key_count\":%zu,\"unsuccessful_keys\":[]}",
                              count) == SLV_OK) {
        slv_kv_rest_ok(r);
    } else {
        slv_api_abort(r->api);
        slv_kv_rest_free(r);
    }
}

void slv_kv_rest_bulk_put(slv_api_call *call)
{
    kv_rest *r = slv_kv_rest_new(call);
    slv_node *array;
    slv_err err = {0};

    if (!parse_array(r, SLV_KV_BULK_PUT_MAX, &array))
        return;
    for (const slv_node *n = array->first; n; n = n->next) {
        kv_item item = {0};

        if (read_item(r, n, &item.put, &err) != SLV_OK) {
            slv_kv_rest_fail(r, &err);
            return;
        }
        slv_vec_push(&r->items, item);
    }
    slv_kv_rest_open(r);
    slv_kv_rest_call(r, SLV_CALL_WRITE, true, run_put, on_done);
}

/* ---- delete ---- */

/* Strings, or objects with a name, as a list gives them. False: the call was ended. */
static bool read_keys(kv_rest *r, const slv_node *array)
{
    slv_err err = {0};

    for (const slv_node *n = array ? array->first : NULL; n; n = n->next) {
        slv_str key = slv_node_is(n, SLV_NODE_OBJECT) ? slv_node_str(slv_node_get(n, "name"))
                                                      : slv_node_str(n);

        if (slv_kv_check_key(key, &err) != SLV_OK) {
            slv_kv_rest_fail(r, &err);
            return false;
        }
        slv_vec_push(&r->keys, key);
    }
    return true;
}

static slv_code run_delete(slv_call *call, void *service, slv_err *err)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);

    for (size_t i = 0; i < r->keys.len; i++)
        SLV_TRY(slv_kv_delete(service, r->keys.items[i], err));
    return SLV_OK;
}

void slv_kv_rest_bulk_delete(slv_api_call *call)
{
    kv_rest *r = slv_kv_rest_new(call);
    slv_node *array;

    if (!parse_array(r, SLV_KV_BULK_PUT_MAX, &array) || !read_keys(r, array))
        return;
    slv_kv_rest_open(r);
    slv_kv_rest_call(r, SLV_CALL_WRITE, false, run_delete, on_done);
}

/* ---- get ---- */

static slv_code put_text(kv_rest *r, slv_str text)
{
    slv_arena arena = SLV_ARENA((size_t)256 << 20);
    slv_node *tree;
    slv_code code;

    if (!r->json)
        return slv_json_put_string(&r->out, text);
    code = slv_json_parse(text, SLV_JSON_STRICT, &arena, &tree, NULL);
    if (code == SLV_OK)
        code = slv_json_put(&r->out, tree);
    slv_arena_done(&arena);
    return code;
}

static slv_code put_value(kv_rest *r, const slv_kv_entry *e, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(SLV_KV_VALUE_MAX);
    slv_str text = e->value;

    if (e->fd >= 0) {
        SLV_TRY(slv_buf_reserve(&bytes, e->size));
        ssize_t n = pread(e->fd, bytes.ptr, e->size, 0);

        if (n < 0 || (uint64_t)n != e->size)
            return slv_fail_errno(err, SLV_E_IO, "kv: a content file could not be read");
        text = slv_str_make(bytes.ptr, (size_t)n);
    }
    if (r->with_metadata)
        SLV_TRY(slv_buf_append(&r->out, SLV_STR("{\"value\":")));
    slv_code code = put_text(r, text);
    if (code == SLV_E_PARSE) {
        code = slv_fail(err, SLV_E_INVAL,
                        "At least one of the requested keys corresponds to a non-json value");
        if (err)
            err->detail = 400;
    }
    SLV_TRY(code);
    if (!r->with_metadata)
        return SLV_OK;
    SLV_TRY(slv_buf_append(&r->out, SLV_STR(",\"metadata\":")));
    SLV_TRY(slv_buf_append(&r->out, e->meta.len > 0 ? e->meta : SLV_STR("null")));
    return slv_buf_append_byte(&r->out, '}');
}

static slv_code put_key(kv_rest *r, slv_kv *kv, slv_str key, bool first, slv_err *err)
{
    slv_kv_entry e = {.fd = -1};

    SLV_TRY(slv_buf_append(&r->out, first ? SLV_STR("") : SLV_STR(",")));
    SLV_TRY(slv_json_put_string(&r->out, key));
    SLV_TRY(slv_buf_append_byte(&r->out, ':'));
    slv_code code = kv ? slv_kv_get(kv, key, r->now_ms, &e, err) : SLV_E_NOTFOUND;
    if (code == SLV_E_NOTFOUND)
        return slv_buf_append(&r->out, SLV_STR("null"));
    SLV_TRY(code);
    code = put_value(r, &e, err);
    if (e.fd >= 0)
        (void)close(e.fd);
    slv_kv_release(kv);
    return code;
}

/* kv NULL: there is no such namespace, and so none of the keys. */
static slv_code put_all(kv_rest *r, slv_kv *kv, slv_err *err)
{
    slv_buf_reset(&r->out);
    SLV_TRY(slv_buf_append(&r->out, SLV_STR("{\"values\":{")));
    for (size_t i = 0; i < r->keys.len; i++)
        SLV_TRY(put_key(r, kv, r->keys.items[i], i == 0, err));
    return slv_buf_append(&r->out, SLV_STR("}}"));
}

static slv_code run_get(slv_call *call, void *service, slv_err *err)
{
    return put_all(slv_container_of(call, kv_rest, call), service, err);
}

static void on_got(slv_call *call)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);

    if (call->code == SLV_E_NOTFOUND)
        call->code = put_all(r, NULL, &call->err);
    if (call->code == SLV_OK) {
        slv_kv_rest_ok(r);
    } else {
        call->err.code = call->code;
        slv_kv_rest_fail(r, &call->err);
    }
}

void slv_kv_rest_bulk_get(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);

    if (!body)
        return;
    kv_rest *r = slv_kv_rest_new(call);
    const slv_node *keys = slv_node_get(body, "keys"), *with = slv_node_get(body, "withMetadata");
    slv_str type = slv_node_str(slv_node_get(body, "type"));
    r->json = slv_str_is(type, "json");
    r->with_metadata = slv_node_is(with, SLV_NODE_BOOL) && with->boolean;
    if (!slv_node_is(keys, SLV_NODE_ARRAY) || keys->count == 0)
        slv_kv_rest_refuse(r, 400, KV_BAD_REQUEST, "You must request a minimum of 1 key");
    else if (keys->count > SLV_KV_BULK_MAX)
        slv_kv_rest_refuse(r, 400, KV_BAD_REQUEST, "You can request a maximum of 100 keys");
    else if (type.len > 0 && !r->json && !slv_str_is(type, "text"))
        slv_kv_rest_refuse(r, 400, KV_BAD_REQUEST, "type: \"text\" or \"json\" is wanted");
    else if (read_keys(r, keys)) {
        slv_kv_rest_open(r);
        slv_kv_rest_call(r, SLV_CALL_READ, false, run_get, on_got);
    }
}
