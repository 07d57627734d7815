/* The life of a call: head, body, handler, answer. */
#include "api/api.h"

#include <stdio.h>

#include "api/api_int.h"
#include "base/mem.h"
#include "fmt/json.h"

#define GATHER_STEP ((size_t)256 << 10)

/* ---- the router itself ---- */

slv_api *slv_api_new(const slv_api_options *options)
{
    slv_api *api = slv_new0(slv_api);

    api->more_accounts = options->more_accounts;
    api->more_arg = options->more_arg;
    api->order = options->order;
    api->order_arg = options->order_arg;
    api->loop = options->loop;
    api->state = options->state;
    api->server = options->server;
    api->host = options->host;
    api->sight = options->sight;
    api->tenant = options->tenant.len > 0 ? slv_strndup(options->tenant.ptr, options->tenant.len)
                                          : slv_strdup("local");
    api->subdomain = slv_strdup(options->subdomain ? options->subdomain : "local");
    api->base_url = options->base_url ? slv_strdup(options->base_url) : NULL;
    slv_list_init(&api->calls);
    if (options->catalog) {
        api->catalog = slv_store_ref(options->catalog);
        api->auth = slv_auth_new(api);
    }
    return api;
}

slv_api *slv_api_free(slv_api *api)
{
    if (!api)
        return NULL;
    SLV_ASSERT(api->open == 0);
    (void)slv_auth_free(api->auth);
    (void)slv_store_unref(api->catalog);
    free(api->tenant);
    free(api->base_url);
    free(api->subdomain);
    free(api);
    return NULL;
}

slv_loop *slv_api_loop(const slv_api *api)
{
    return api->loop;
}

slv_state *slv_api_state(const slv_api *api)
{
    return api->state;
}

slv_server *slv_api_server(const slv_api *api)
{
    return api->server;
}

slv_sight *slv_api_sight(const slv_api *api)
{
    return api->sight;
}

slv_host *slv_api_host(const slv_api *api)
{
    return api->host;
}

slv_store *slv_api_catalog(const slv_api *api)
{
    return api->catalog;
}

bool slv_api_waits(const slv_api *api)
{
    return api->auth != NULL;
}

const char *slv_api_base_url(const slv_api *api)
{
    return api->base_url;
}

slv_code slv_api_more_accounts(slv_api *api, size_t accounts, slv_err *err)
{
    return api->more_accounts ? api->more_accounts(api->more_arg, accounts, err) : SLV_OK;
}

slv_code slv_api_give_order(slv_api *api, slv_api_order what, slv_err *err)
{
    if (!api->order)
        return slv_fail(err, SLV_E_UNSUPPORTED, "no server runs here");
    return api->order(api->order_arg, what, err);
}

/* Names, addresses and ports: it is written into answers. */
static bool is_host(slv_str host)
{
    for (size_t i = 0; i < host.len; i++)
        if (!slv_is_alpha(host.ptr[i]) && !slv_is_digit(host.ptr[i]) &&
            slv_str_chr(SLV_STR(".:-_[]"), host.ptr[i], 0) == SIZE_MAX)
            return false;
    return host.len > 0 && host.len <= 255;
}

const char *slv_api_call_base_url(slv_api_call *call)
{
    const char *otherwise = call->api->base_url ? call->api->base_url : "";
    slv_str host = slv_api_header(call, "host"), proto = slv_api_header(call, "x-forwarded-proto");
    bool secure = slv_str_is(proto, "https");
    char *url;

    /* A local run answers on a socket, whose clients name no host that leads back here. */
    if (!call->api->auth || call->peer.len == 0 || !is_host(host))
        return otherwise;
    url = slv_arena_try_alloc(call->arena, host.len + 9);
    if (!url)
        return otherwise;
    (void)snprintf(url, host.len + 9, "http%s://%.*s", secure ? "s" : "", SLV_STR_ARGS(host));
    return url;
}

bool slv_api_one_account(slv_api_call *call)
{
    if (call->tenant.len > 0)
        return true;
    slv_api_error(call, 400, SLV_API_BAD_JSON,
                  "It is not said which account is meant: use a token of it");
    return false;
}

const char *slv_api_subdomain(const slv_api *api)
{
    return api->subdomain;
}

size_t slv_api_open_calls(const slv_api *api)
{
    return api->open;
}

/* ---- ending ---- */

static void free_call(slv_api_call *call)
{
    if (call->api->auth)
        slv_auth_over(call);
    slv_list_remove(&call->node);
    call->api->open--;
    slv_buf_done(&call->gathered);
    slv_arena_done(call->arena);
    free(call->arena);
    free(call);
}

void slv_api_begin(slv_api_call *call, int status, slv_str headers, int64_t length)
{
    SLV_ASSERT(!call->begun);
    call->begun = true;
    call->status = status;
    if (!call->gone)
        call->carrier->begin(call->carried, status, headers, length);
}

bool slv_api_write(slv_api_call *call, slv_str bytes)
{
    return call->gone || bytes.len == 0 || call->carrier->write(call->carried, bytes);
}

void slv_api_end(slv_api_call *call)
{
    if (!call->gone)
        call->carrier->end(call->carried);
    free_call(call);
}

void slv_api_abort(slv_api_call *call)
{
    if (!call->gone && call->begun) {
        call->carrier->abort(call->carried);
    } else if (!call->gone) {
        call->carrier->begin(call->carried, 500, SLV_STR(""), 0);
        call->carrier->end(call->carried);
    }
    free_call(call);
}

void slv_api_reply(slv_api_call *call, int status, slv_str headers, slv_str body)
{
    slv_api_begin(call, status, headers, (int64_t)body.len);
    slv_api_write(call, body);
    slv_api_end(call);
}

/* ---- envelopes ---- */

#define JSON_HEADERS SLV_STR("content-type:application/json\n")

void slv_api_ok_info(slv_api_call *call, slv_str result_json, slv_str info_json)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(result_json.len + info_json.len + 256);
    slv_str result = result_json.len > 0 ? result_json : SLV_STR("null");
    slv_code code = slv_buf_append(&out, SLV_STR("{\"success\":true,\"errors\":[],\"messages\":[]"
                                                 ",\"result\":"));

    if (code == SLV_OK)
        code = slv_buf_append(&out, result);
    if (code == SLV_OK && info_json.len > 0)
        code = slv_buf_append(&out, SLV_STR(",\"result_info\":"));
    if (code == SLV_OK)
        code = slv_buf_append(&out, info_json);
    if (code == SLV_OK)
        code = slv_buf_append_byte(&out, '}');
    if (code != SLV_OK) {
        slv_api_abort(call);
        return;
    }
    slv_api_reply(call, 200, JSON_HEADERS, slv_buf_view(&out));
}

void slv_api_ok(slv_api_call *call, slv_str result_json)
{
    slv_api_ok_info(call, result_json, SLV_STR(""));
}

static void put_error(slv_api_call *call, int status, int code, slv_str message)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(message.len * 6 + 256);

    if (slv_buf_printf(&out, "{\"success\":false,\"errors\":[{\"code\":%d,\"message\":", code) !=
            SLV_OK ||
        slv_json_put_string(&out, message) != SLV_OK ||
        slv_buf_append(&out, SLV_STR("}],\"messages\":[],\"result\":null}")) != SLV_OK) {
        slv_api_abort(call);
        return;
    }
    slv_api_reply(call, status, JSON_HEADERS, slv_buf_view(&out));
}

void slv_api_error(slv_api_call *call, int status, int code, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    put_error(call, status, code,
              slv_str_make(text, n < 0                  ? 0
                                 : n < (int)sizeof text ? (size_t)n
                                                        : sizeof text - 1));
}

static int status_of(slv_code code)
{
    switch (code) {
    case SLV_E_INVAL:
    case SLV_E_PARSE:
    case SLV_E_UNSUPPORTED:
        return 400;
    case SLV_E_DENIED:
        return 403;
    case SLV_E_NOTFOUND:
        return 404;
    case SLV_E_EXISTS:
    case SLV_E_STATE:
        return 409;
    case SLV_E_LIMIT:
        return 413;
    case SLV_E_AGAIN:
        return 429;
    case SLV_E_TIMEOUT:
        return 504;
    case SLV_OK:
    case SLV_E_IO:
    case SLV_E_CANCELED:
    case SLV_E_CLOSED:
    case SLV_E_PROTOCOL:
    case SLV_E_NOMEM:
    case SLV_E_JS:
        break;
    }
    return 500;
}

void slv_api_fail(slv_api_call *call, const slv_err *err, int code)
{
    put_error(call, status_of(err->code), code ? code : SLV_API_INTERNAL,
              slv_str_from(slv_err_text(err)));
}

/* ---- beginning ---- */

static void too_large(slv_api_call *call)
{
    slv_api_error(call, 413, SLV_API_TOO_LARGE, "The request's body is larger than %zu bytes",
                  call->gathered.limit);
}

static void handle(slv_api_call *call, slv_str body)
{
    call->body = body;
    call->handled = true;
    call->route->handle(call);
}

void slv_api_credit(slv_api_call *call, size_t n)
{
    if (!call->gone)
        call->carrier->credit(call->carried, n);
}

void slv_api_call_body(slv_api_call *call, slv_str bytes, bool last)
{
    if (call->route->streams) {
        SLV_ASSERT(call->on_body);
        call->on_body(call, bytes, last);
        return;
    }
    if (slv_buf_append(&call->gathered, bytes) != SLV_OK) {
        too_large(call);
        return;
    }
    if (!last) {
        call->carrier->credit(call->carried, bytes.len);
        return;
    }
    handle(call, slv_buf_view(&call->gathered));
}

void slv_api_call_writable(slv_api_call *call)
{
    if (call->on_writable)
        call->on_writable(call);
}

void slv_api_call_gone(slv_api_call *call)
{
    call->gone = true;
    if (!call->handled)
        free_call(call);
    else if (call->on_gone)
        call->on_gone(call);
}

/* Copies the head into the arena: target split into path and query, without the prefix. */
static slv_code take_head(slv_api_call *call, const slv_api_head *head)
{
    slv_str target;
    size_t question;

    SLV_TRY(slv_arena_dup(call->arena, head->method, &call->method));
    SLV_TRY(slv_arena_dup(call->arena, head->target, &target));
    SLV_TRY(slv_arena_dup(call->arena, head->headers, &call->headers));
    SLV_TRY(slv_arena_dup(call->arena, head->peer, &call->peer));
    question = slv_str_chr(target, '?', 0);
    call->path = question == SIZE_MAX ? target : slv_str_sub(target, 0, question);
    call->query = question == SIZE_MAX ? SLV_STR("") : slv_str_skip(target, question + 1);
    /* A base address that ends in a slash gives two. */
    while (slv_str_starts(call->path, SLV_STR("//")))
        call->path = slv_str_skip(call->path, 1);
    if (slv_str_starts(call->path, SLV_STR(SLV_API_PREFIX "/")))
        call->path = slv_str_skip(call->path, strlen(SLV_API_PREFIX));
    else
        call->path = SLV_STR("");
    while (slv_str_starts(call->path, SLV_STR("//")))
        call->path = slv_str_skip(call->path, 1);
    return head->target.len <= SLV_API_PATH_MAX ? SLV_OK : SLV_E_LIMIT;
}

static bool find_route(slv_api_call *call)
{
    bool known;

    call->route = slv_api_match(slv_api_tables, call->method, call->path, call->params,
                                &call->param_count, &known);
    for (size_t i = 0; call->route && i < call->param_count; i++)
        if (slv_api_decode(call->arena, call->params[i], false, &call->params[i]) != SLV_OK)
            call->route = NULL;
    if (call->route)
        return true;
    if (known)
        slv_api_error(call, 405, SLV_API_BAD_METHOD, "Method %.*s is not allowed here",
                      SLV_STR_ARGS(call->method));
    else
        slv_api_error(call, 404, SLV_API_NO_ROUTE,
                      "Could not route to %.*s, perhaps your object identifier is invalid?",
                      SLV_STR_ARGS(call->path));
    return false;
}

void slv_api_admit(slv_api_call *call)
{
    size_t max = call->route->body_max ? call->route->body_max : SLV_API_BODY_MAX;

    call->arena->limit += max * 4; /* a tree of its JSON, too */
    call->gathered.limit = max;
    if (call->route->streams || call->length == 0)
        handle(call, SLV_STR(""));
    else if (call->length > 0 && (uint64_t)call->length > max)
        too_large(call);
    else
        call->carrier->credit(call->carried, GATHER_STEP);
}

void slv_api_call_start(slv_api *api, const slv_api_head *head, const slv_api_carrier *carrier,
                        void *carried, slv_api_call **ret_call)
{
    slv_api_call *call = slv_new0(slv_api_call);

    *ret_call = call;
    call->api = api;
    call->carrier = carrier;
    call->carried = carried;
    call->length = head->length;
    call->tenant = slv_str_from(api->tenant);
    call->arena = slv_new0(slv_arena);
    call->arena->limit = SLV_API_ARENA_MAX;
    slv_list_push(&api->calls, &call->node);
    api->open++;
    if (take_head(call, head) != SLV_OK) {
        slv_api_error(call, 414, SLV_API_TOO_LARGE, "The request's head is too large");
        return;
    }
    if (!find_route(call))
        return;
    if (api->auth)
        slv_auth_check(api->auth, call, head);
    else
        slv_api_admit(call);
}
