/* An upload of a worker from outside: the form, its metadata, a change composed from it, and route
 * patterns. Input: the body of a form with the boundary "b"; its first line is also a pattern. */
#include <stdlib.h>

#include "api/api_int.h"
#include "api/carrier.h"
#include "api/script_int.h"
#include "fmt/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_credit(void *arg, size_t n)
{
    (void)arg;
    (void)n;
}

static void on_begin(void *arg, int status, slv_str headers, int64_t length)
{
    (void)arg;
    (void)headers;
    (void)length;
    SLV_ASSERT(status >= 400 && status < 500);
}

static bool on_write(void *arg, slv_str bytes)
{
    (void)arg;
    (void)bytes;
    return true;
}

static void on_end(void *arg)
{
    *(bool *)arg = true;
}

static const slv_api_carrier carrier = {on_credit, on_begin, on_write, on_end, on_end};

/* A call without a router: what it answers goes nowhere. */
static slv_api_call *new_call(slv_api *api, bool *over, slv_str body)
{
    static const slv_api_route route = {.method = "PUT", .pattern = ""};
    slv_api_call *call = slv_new0(slv_api_call);

    call->api = api;
    call->carrier = &carrier;
    call->carried = over;
    call->route = &route;
    call->headers = SLV_STR("content-type:multipart/form-data; boundary=b\n");
    call->body = body;
    call->arena = slv_new0(slv_arena);
    *call->arena = SLV_ARENA((size_t)64 << 20);
    slv_list_push(&api->calls, &call->node);
    api->open++;
    return call;
}

static script_rest *new_rest(slv_api_call *call)
{
    script_rest *r = slv_new0(script_rest);

    r->api = call;
    r->arena = SLV_ARENA((size_t)64 << 20);
    r->metadata_arena = SLV_ARENA((size_t)64 << 20);
    r->metadata_text = SLV_BUF(SCRIPT_METADATA_MAX * 2);
    r->out = SLV_BUF((size_t)64 << 20);
    r->json = SLV_JSON_WRITER(&r->out);
    r->key.name = SLV_STR("shop");
    return r;
}

/* What was uploaded as the version before, and changes upon it. */
static void compose(script_rest *r)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SCRIPT_METADATA_MAX * 8);
    const slv_node *env = slv_node_get(r->metadata, "env");
    size_t n = 0, count = env ? env->count : 0;
    script_change *changes = slv_arena_try_alloc0(&r->arena, (count + 1) * sizeof *changes);

    SLV_ASSERT(changes && slv_json_put(&text, r->metadata) == SLV_OK);
    r->previous.metadata = slv_buf_view(&text);
    if (slv_script_env_changes(env, &r->arena, changes, &n) != SLV_OK ||
        slv_script_compose(r, changes, n, slv_script_only(r->metadata, "limits", &r->arena)) !=
            SLV_OK)
        return;
    SLV_ASSERT(slv_node_is(slv_node_get(r->metadata, "bindings"), SLV_NODE_ARRAY));
    SLV_ASSERT(slv_node_is(slv_node_get(r->metadata, "keep_assets"), SLV_NODE_BOOL));
    slv_script_put_bindings(&r->json, r->metadata);
    SLV_ASSERT(r->json.code == SLV_OK);
}

static void upload(slv_api *api, slv_str body)
{
    bool over = false;
    slv_api_call *call = new_call(api, &over, body);
    script_rest *r = new_rest(call);

    if (!slv_script_take_upload(r)) {
        SLV_ASSERT(over);
        return;
    }
    SLV_ASSERT(!over && slv_node_is(r->metadata, SLV_NODE_OBJECT));
    for (size_t i = 0; i < r->part_count; i++)
        SLV_ASSERT(r->parts[i].name.len > 0);
    compose(r);
    slv_script_error(r, 400, SCRIPT_INVALID, "%s", "");
    SLV_ASSERT(over);
}

static void pattern(slv_str text)
{
    slv_str host, path;

    if (slv_route_pattern_check(text, &host, &path, NULL) != SLV_OK)
        return;
    SLV_ASSERT(host.len > 0 && host.len + path.len <= text.len);
    SLV_ASSERT(path.len == 0 || path.ptr[0] == '/');
    SLV_ASSERT(slv_str_chr(host, '*', 1) == SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slv_str body = slv_str_make(data, size), line;
    slv_api api = {0};

    slv_list_init(&api.calls);
    line = slv_str_sub(body, 0, slv_str_chr(body, '\n', 0));
    pattern(line);
    if (slv_route_domain_check(line, NULL) == SLV_OK)
        SLV_ASSERT(slv_route_pattern_check(line, NULL, NULL, NULL) == SLV_OK);
    upload(&api, body);
    SLV_ASSERT(api.open == 0);
    return 0;
}
