/*
 * KV by HTTP: /accounts/:account/storage/kv/namespaces. A namespace is there when it has a file:
 * made by name here, or by the first write of a worker that is bound to it by its id.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "api/kv_int.h"
#include "api/routes.h"
#include "base/mem.h"
#include "base/rand.h"
#include "fmt/json.h"
#include "state/kinds.h"

#define ANSWER_MAX ((size_t)64 << 20)
#define ARENA_MAX ((size_t)512 << 20)
#define VALUE_BODY_MAX (SLV_KV_VALUE_MAX + ((size_t)1 << 20)) /* with what a form has around it */
#define BULK_BODY_MAX ((size_t)100 << 20)
#define PER_PAGE_MAX 1000

/* ---- calls ---- */

kv_rest *slv_kv_rest_new(slv_api_call *call)
{
    kv_rest *r = slv_new0(kv_rest);

    r->api = call;
    r->now_ms = slv_loop_wall_ms(slv_api_loop(call->api));
    r->out = SLV_BUF(ANSWER_MAX);
    r->arena = SLV_ARENA(ARENA_MAX);
    r->title = SLV_BUF(SLV_KV_TITLE_MAX);
    r->cursor = SLV_BUF(SLV_KV_CURSOR_MAX);
    r->meta = SLV_BUF(SLV_KV_META_MAX);
    r->entry.fd = -1;
    return r;
}

void slv_kv_rest_free(kv_rest *r)
{
    if (r->entry.fd >= 0)
        (void)close(r->entry.fd);
    for (size_t i = 0; i < r->ids.len; i++)
        free(r->ids.items[i]);
    slv_vec_done(&r->ids);
    slv_vec_done(&r->items);
    slv_vec_done(&r->keys);
    (void)slv_store_unref(r->store);
    slv_arena_done(&r->arena);
    slv_buf_done(&r->out);
    slv_buf_done(&r->title);
    slv_buf_done(&r->cursor);
    slv_buf_done(&r->meta);
    free(r);
}

static void use_store(kv_rest *r, slv_str id)
{
    (void)slv_store_unref(r->store);
    r->store = slv_state_store(slv_api_state(r->api->api), &slv_kv_store, r->api->tenant, id);
}

void slv_kv_rest_open(kv_rest *r)
{
    use_store(r, r->api->params[1]);
}

void slv_kv_rest_call(kv_rest *r, slv_call_kind kind, bool create,
                      slv_code (*run)(slv_call *, void *, slv_err *), void (*then)(slv_call *))
{
    r->call = (slv_call){.kind = kind, .create = create, .run = run, .done = then};
    slv_store_call(r->store, slv_api_loop(r->api->api), &r->call);
}

void slv_kv_rest_fail(kv_rest *r, const slv_err *err)
{
    slv_api_call *call = r->api;
    const slv_err why = *err; /* which may be r's own */
    int status = why.detail >= 400 && why.detail < 500 ? why.detail : 0;

    slv_kv_rest_free(r);
    if (why.code == SLV_E_NOTFOUND)
        slv_api_error(call, 404, KV_NAMESPACE_NOT_FOUND, "namespace not found");
    else if (status)
        slv_api_error(call, status, KV_BAD_REQUEST, "%s", slv_err_text(&why));
    else
        slv_api_fail(call, &why, why.code == SLV_E_INVAL ? KV_BAD_REQUEST : 0);
}

void slv_kv_rest_refuse(kv_rest *r, int status, int code, const char *text)
{
    slv_api_call *call = r->api;

    slv_kv_rest_free(r);
    slv_api_error(call, status, code, "%s", text);
}

void slv_kv_rest_ok(kv_rest *r)
{
    slv_api_ok(r->api, slv_buf_view(&r->out));
    slv_kv_rest_free(r);
}

bool slv_kv_rest_number(const slv_node *n, int64_t *ret)
{
    return slv_node_i64(n, ret) ||
           (slv_node_is(n, SLV_NODE_STRING) && slv_parse_i64(n->text, ret) == SLV_OK);
}

/* What a call on an existing namespace does with its outcome; false: it was answered. */
static bool went_well(kv_rest *r)
{
    if (r->call.code == SLV_OK)
        return true;
    r->call.err.code = r->call.code;
    slv_kv_rest_fail(r, &r->call.err);
    return false;
}

static void on_changed(slv_call *call)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);

    if (went_well(r))
        slv_kv_rest_ok(r);
}

/* ---- namespaces ---- */

static void on_id(void *arg, slv_str id)
{
    kv_rest *r = arg;

    slv_vec_push(&r->ids, slv_strndup(id.ptr, id.len));
}

static bool list_ids(kv_rest *r)
{
    slv_err err = {0};
    slv_code code =
        slv_state_list(slv_api_state(r->api->api), &slv_kv_store, r->api->tenant, on_id, r, &err);

    if (code == SLV_OK)
        return true;
    slv_kv_rest_fail(r, &err);
    return false;
}

/* One without a title goes by its id. */
static slv_code run_title(slv_call *call, void *service, slv_err *err)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);
    slv_code code = slv_kv_title(service, &r->title, err);

    return code == SLV_E_NOTFOUND ? slv_buf_set(&r->title, SLV_STR("")) : code;
}

static slv_code put_namespace(kv_rest *r, slv_str id)
{
    slv_str title = r->title.len > 0 ? slv_buf_view(&r->title) : id;

    SLV_TRY(slv_buf_append(&r->out, SLV_STR("{\"id\":")));
    SLV_TRY(slv_json_put_string(&r->out, id));
    SLV_TRY(slv_buf_append(&r->out, SLV_STR(",\"title\":")));
    SLV_TRY(slv_json_put_string(&r->out, title));
    return slv_buf_append(&r->out, SLV_STR(",\"supports_url_encoding\":true}"));
}

static void list_next(kv_rest *r);

static void on_listed(slv_call *call)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);
    slv_str id = slv_str_from(r->ids.items[r->at++]);
    bool shown = r->at > (r->page - 1) * r->per_page && r->at <= r->page * r->per_page;
    slv_code code = call->code;

    if (code == SLV_OK && shown) {
        if (r->shown++ > 0)
            code = slv_buf_append_byte(&r->out, ',');
        if (code == SLV_OK)
            code = put_namespace(r, id);
    }
    if (code == SLV_OK || code == SLV_E_NOTFOUND) /* it was deleted meanwhile */
        list_next(r);
    else
        slv_kv_rest_fail(r, &call->err);
}

static void list_next(kv_rest *r)
{
    char info[160];

    if (r->at < r->ids.len) {
        use_store(r, slv_str_from(r->ids.items[r->at]));
        slv_kv_rest_call(r, SLV_CALL_READ, false, run_title, on_listed);
        return;
    }
    (void)snprintf(info, sizeof info,
                   "{\"page\":%" PRIu64 ",\"per_page\":%" PRIu64 ",\"count\":%" PRIu64
                   ",\"total_count\":%zu}",
                   r->page, r->per_page, r->shown, r->ids.len);
    if (slv_buf_append_byte(&r->out, ']') == SLV_OK)
        slv_api_ok_info(r->api, slv_buf_view(&r->out), slv_str_from(info));
    else
        slv_api_abort(r->api);
    slv_kv_rest_free(r);
}

static void namespaces_list(slv_api_call *call)
{
    uint64_t page, per_page;

    if (!slv_api_query_number(call, "page", 1, 1000000, 1, &page) ||
        !slv_api_query_number(call, "per_page", 1, PER_PAGE_MAX, 20, &per_page))
        return;
    kv_rest *r = slv_kv_rest_new(call);
    r->page = page;
    r->per_page = per_page;
    if (slv_buf_append_byte(&r->out, '[') == SLV_OK && list_ids(r))
        list_next(r);
}

static void on_read_one(slv_call *call)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);

    if (!went_well(r))
        return;
    if (put_namespace(r, r->api->params[1]) == SLV_OK) {
        slv_kv_rest_ok(r);
    } else {
        slv_api_abort(r->api);
        slv_kv_rest_free(r);
    }
}

static void namespaces_get(slv_api_call *call)
{
    kv_rest *r = slv_kv_rest_new(call);

    slv_kv_rest_open(r);
    slv_kv_rest_call(r, SLV_CALL_READ, false, run_title, on_read_one);
}

/* ---- names: no two namespaces have the same ---- */

static slv_code run_set_title(slv_call *call, void *service, slv_err *err)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);

    SLV_TRY(slv_kv_set_title(service, r->wanted, err));
    return slv_buf_set(&r->title, r->wanted);
}

static void find_title(kv_rest *r);

/* All others have been asked: the name is free. */
static void take_title(kv_rest *r)
{
    bool fresh = r->api->param_count < 2;
    char id[33];

    if (fresh) {
        (void)snprintf(id, sizeof id, "%016" PRIx64 "%016" PRIx64, slv_rand_u64(), slv_rand_u64());
        if (slv_arena_dup(&r->arena, slv_str_from(id), &r->api->params[1]) != SLV_OK) {
            slv_kv_rest_refuse(r, 500, SLV_API_INTERNAL, "out of memory");
            return;
        }
    }
    slv_kv_rest_open(r);
    slv_kv_rest_call(r, SLV_CALL_WRITE, fresh, run_set_title, on_read_one);
}

static void on_title_seen(slv_call *call)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);
    slv_str id = slv_str_from(r->ids.items[r->at++]);
    bool self = r->api->param_count > 1 && slv_str_eq(id, r->api->params[1]);
    slv_str title = r->title.len > 0 ? slv_buf_view(&r->title) : id;

    if (call->code == SLV_OK && !self && slv_str_eq(title, r->wanted))
        slv_kv_rest_refuse(r, 400, KV_TITLE_EXISTS,
                           "a namespace with this account ID and title already exists");
    else
        find_title(r);
}

static void find_title(kv_rest *r)
{
    if (r->at == r->ids.len) {
        take_title(r);
        return;
    }
    use_store(r, slv_str_from(r->ids.items[r->at]));
    slv_kv_rest_call(r, SLV_CALL_READ, false, run_title, on_title_seen);
}

static void set_title(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);

    if (!body)
        return;
    slv_str title = slv_node_str(slv_node_get(body, "title"));
    if (title.len == 0 || title.len > SLV_KV_TITLE_MAX) {
        slv_api_error(call, 400, KV_BAD_REQUEST, "title: 1 to %zu bytes are wanted",
                      SLV_KV_TITLE_MAX);
        return;
    }
    kv_rest *r = slv_kv_rest_new(call);
    r->wanted = title; /* in the call's arena, or its body */
    if (list_ids(r))
        find_title(r);
}

static void on_destroyed(slv_call *call)
{
    on_changed(call);
}

static void namespaces_delete(slv_api_call *call)
{
    kv_rest *r = slv_kv_rest_new(call);

    if (!list_ids(r))
        return;
    for (size_t i = 0; i < r->ids.len; i++) {
        if (!slv_str_is(call->params[1], r->ids.items[i]))
            continue;
        slv_kv_rest_open(r);
        r->call = (slv_call){.done = on_destroyed};
        slv_store_destroy(r->store, slv_api_loop(call->api), &r->call);
        return;
    }
    slv_kv_rest_refuse(r, 404, KV_NAMESPACE_NOT_FOUND, "namespace not found");
}

/* ---- keys ---- */

static slv_code run_keys(slv_call *call, void *service, slv_err *err)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);

    return slv_kv_list(service, &r->query, r->now_ms, &r->out, &r->cursor, &r->more, err);
}

static void on_keys(slv_call *call)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);
    SLV_CLEANUP(slv_buf_done) slv_buf info = SLV_BUF(SLV_KV_CURSOR_MAX * 2);
    size_t count = 0;

    if (call->code == SLV_E_NOTFOUND) { /* nothing was written yet */
        call->code = slv_buf_set(&r->out, SLV_STR("[]"));
    }
    if (!went_well(r))
        return;
    for (size_t at = 0;
         (at = slv_str_find(slv_buf_view(&r->out), SLV_STR("{\"name\":"), at)) != SIZE_MAX; at++)
        count++;
    if (slv_buf_printf(&info, "{\"count\":%zu,\"cursor\":\"%.*s\"}", count,
                       SLV_STR_ARGS(slv_buf_view(&r->cursor))) == SLV_OK)
        slv_api_ok_info(r->api, slv_buf_view(&r->out), slv_buf_view(&info));
    else
        slv_api_abort(r->api);
    slv_kv_rest_free(r);
}

static void keys_list(slv_api_call *call)
{
    uint64_t limit;

    if (!slv_api_query_number(call, "limit", 10, SLV_KV_LIST_MAX, SLV_KV_LIST_MAX, &limit))
        return;
    kv_rest *r = slv_kv_rest_new(call);
    r->query = (slv_kv_query){.prefix = slv_api_query(call, "prefix"),
                              .cursor = slv_api_query(call, "cursor"),
                              .limit = (uint32_t)limit};
    slv_kv_rest_open(r);
    slv_kv_rest_call(r, SLV_CALL_READ, false, run_keys, on_keys);
}

/* ---- values ---- */

static slv_code read_file(int fd, uint64_t size, slv_buf *out, slv_err *err)
{
    SLV_TRY(slv_buf_reserve(out, size));
    while (size > 0) {
        ssize_t n = read(fd, out->ptr + out->len, size);

        if (n <= 0)
            return slv_fail_errno(err, SLV_E_IO, "kv: a content file could not be read");
        out->len += (size_t)n;
        size -= (uint64_t)n;
    }
    return SLV_OK;
}

static slv_code run_get(slv_call *call, void *service, slv_err *err)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);
    slv_code code = slv_kv_get(service, r->key, r->now_ms, &r->entry, err);

    if (code == SLV_E_NOTFOUND)
        return SLV_OK;
    if (code != SLV_OK)
        return code;
    r->found = true;
    code = slv_buf_set(&r->meta, r->entry.meta);
    if (code == SLV_OK)
        code = r->entry.fd >= 0 ? read_file(r->entry.fd, r->entry.size, &r->out, err)
                                : slv_buf_append(&r->out, r->entry.value);
    slv_kv_release(service);
    return code;
}

/* False: there is none, and that was said. */
static bool was_found(kv_rest *r)
{
    if (r->call.code == SLV_E_NOTFOUND)
        r->call.code = SLV_OK;
    if (!went_well(r))
        return false;
    if (r->found)
        return true;
    slv_kv_rest_refuse(r, 404, KV_KEY_NOT_FOUND, "get: 'key not found'");
    return false;
}

static void on_value(slv_call *call)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);
    SLV_CLEANUP(slv_buf_done) slv_buf headers = SLV_BUF(4096);

    if (!was_found(r))
        return;
    slv_code code = slv_buf_append(&headers, SLV_STR("content-type:application/octet-stream\n"));
    if (code == SLV_OK && r->entry.expires_s > 0)
        code = slv_buf_printf(&headers, "expiration:%" PRId64 "\n", r->entry.expires_s);
    if (code == SLV_OK)
        slv_api_reply(r->api, 200, slv_buf_view(&headers), slv_buf_view(&r->out));
    else
        slv_api_abort(r->api);
    slv_kv_rest_free(r);
}

static void on_metadata(slv_call *call)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);

    if (!was_found(r))
        return;
    slv_api_ok(r->api, slv_buf_view(&r->meta));
    slv_kv_rest_free(r);
}

static void read_key(slv_api_call *call, void (*then)(slv_call *))
{
    kv_rest *r = slv_kv_rest_new(call);
    slv_err err = {0};

    r->key = call->params[2];
    if (slv_kv_check_key(r->key, &err) != SLV_OK) {
        slv_kv_rest_fail(r, &err);
        return;
    }
    slv_kv_rest_open(r);
    slv_kv_rest_call(r, SLV_CALL_READ, false, run_get, then);
}

static void values_get(slv_api_call *call)
{
    read_key(call, on_value);
}

static void metadata_get(slv_api_call *call)
{
    read_key(call, on_metadata);
}

static slv_code run_put(slv_call *call, void *service, slv_err *err)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);

    return slv_kv_put(service, &r->items.items[0].put, err);
}

/* The value is the body, or the part of that name; metadata is a part of its own. */
static slv_code read_form(slv_api_call *call, slv_kv_put_args *put, slv_err *err)
{
    slv_api_part part;
    size_t at = 0;

    put->value = call->body;
    if (!slv_api_is_multipart(call))
        return SLV_OK;
    put->value = SLV_STR_NULL;
    while (slv_api_next_part(call, &at, &part)) {
        if (slv_str_is(part.name, "value"))
            put->value = part.body;
        else if (slv_str_is(part.name, "metadata"))
            put->meta = part.body;
    }
    return at == SIZE_MAX ? slv_fail(err, SLV_E_INVAL, "the form is malformed") : SLV_OK;
}

static slv_code query_number(slv_api_call *call, const char *name, bool *ret_has, int64_t *ret,
                             slv_err *err)
{
    slv_str text = slv_api_query(call, name);

    *ret_has = text.ptr != NULL;
    if (!text.ptr || slv_parse_i64(text, ret) == SLV_OK)
        return SLV_OK;
    return slv_fail(err, SLV_E_INVAL, "Invalid %s of %.*s. Please specify integer greater than 0.",
                    name, SLV_STR_ARGS(text));
}

static slv_code read_put(kv_rest *r, slv_kv_put_args *put, slv_err *err)
{
    slv_kv_life life = {0};

    put->key = r->api->params[2];
    put->now_ms = r->now_ms;
    SLV_TRY(slv_kv_check_key(put->key, err));
    SLV_TRY(query_number(r->api, "expiration", &life.has_expiration, &life.expiration_s, err));
    SLV_TRY(query_number(r->api, "expiration_ttl", &life.has_ttl, &life.ttl_s, err));
    SLV_TRY(slv_kv_check_life(&life, r->now_ms, &put->expires_s, err));
    SLV_TRY(read_form(r->api, put, err));
    SLV_TRY(slv_kv_check_meta(put->meta, err));
    return slv_kv_check_size(put->value.len, err);
}

static void values_put(slv_api_call *call)
{
    kv_rest *r = slv_kv_rest_new(call);
    kv_item item = {0};
    slv_err err = {0};

    if (read_put(r, &item.put, &err) != SLV_OK) {
        slv_kv_rest_fail(r, &err);
        return;
    }
    slv_vec_push(&r->items, item);
    slv_kv_rest_open(r);
    slv_kv_rest_call(r, SLV_CALL_WRITE, true, run_put, on_changed);
}

static slv_code run_delete(slv_call *call, void *service, slv_err *err)
{
    kv_rest *r = slv_container_of(call, kv_rest, call);

    return slv_kv_delete(service, r->key, err);
}

static void on_deleted(slv_call *call)
{
    if (call->code == SLV_E_NOTFOUND) /* what is not there is as good as deleted */
        call->code = SLV_OK;
    on_changed(call);
}

static void values_delete(slv_api_call *call)
{
    kv_rest *r = slv_kv_rest_new(call);
    slv_err err = {0};

    r->key = call->params[2];
    if (slv_kv_check_key(r->key, &err) != SLV_OK) {
        slv_kv_rest_fail(r, &err);
        return;
    }
    slv_kv_rest_open(r);
    slv_kv_rest_call(r, SLV_CALL_WRITE, false, run_delete, on_deleted);
}

#define NAMESPACES "/accounts/:account/storage/kv/namespaces"

const slv_api_route slv_api_kv_routes[] = {
    {.method = "GET", .pattern = NAMESPACES, .handle = namespaces_list},
    {.method = "POST", .pattern = NAMESPACES, .handle = set_title},
    {.method = "GET", .pattern = NAMESPACES "/:ns", .handle = namespaces_get},
    {.method = "PUT", .pattern = NAMESPACES "/:ns", .handle = set_title},
    {.method = "DELETE", .pattern = NAMESPACES "/:ns", .handle = namespaces_delete},
    {.method = "GET", .pattern = NAMESPACES "/:ns/keys", .handle = keys_list},
    {.method = "GET", .pattern = NAMESPACES "/:ns/values/:key", .handle = values_get},
    {.method = "PUT",
     .pattern = NAMESPACES "/:ns/values/:key",
     .handle = values_put,
     .body_max = VALUE_BODY_MAX},
    {.method = "DELETE", .pattern = NAMESPACES "/:ns/values/:key", .handle = values_delete},
    {.method = "GET", .pattern = NAMESPACES "/:ns/metadata/:key", .handle = metadata_get},
    {.method = "PUT",
     .pattern = NAMESPACES "/:ns/bulk",
     .handle = slv_kv_rest_bulk_put,
     .body_max = BULK_BODY_MAX},
    {.method = "DELETE",
     .pattern = NAMESPACES "/:ns/bulk",
     .handle = slv_kv_rest_bulk_delete,
     .body_max = BULK_BODY_MAX},
    {.method = "POST",
     .pattern = NAMESPACES "/:ns/bulk/delete",
     .handle = slv_kv_rest_bulk_delete,
     .body_max = BULK_BODY_MAX},
    {.method = "POST", .pattern = NAMESPACES "/:ns/bulk/get", .handle = slv_kv_rest_bulk_get},
    {0},
};
