#include "api/dynamo.h"

#include "api/dynamo_int.h"
#include "fmt/json.h"
#include "net/server.h"

#define DRAIN_MAX (4 * SLV_DYNAMO_BODY_MAX)
#define BODY_CREDIT ((size_t)256 << 10)
#define JSON_1_0 "application/x-amz-json-1.0"

slv_dynamo_http *slv_dynamo_http_new(const slv_dynamo_http_options *options)
{
    slv_dynamo_http *http = slv_new0(slv_dynamo_http);

    http->face = options->face;
    http->verify = options->verify;
    http->any_page = options->any_page;
    http->keys = slv_s3_keys_open(slv_dynamo_face_state(http->face),
                                  slv_dynamo_face_tenant(http->face), SLV_DYNAMO_KEYS_FILE);
    if (options->many)
        http->ring = slv_keyring_new(slv_dynamo_face_state(http->face), SLV_DYNAMO_KEYS_FILE);
    return http;
}

slv_dynamo_http *slv_dynamo_http_free(slv_dynamo_http *http)
{
    if (http) {
        for (size_t i = 0; i < http->extra.len; i++) {
            free((void *)(size_t)http->extra.items[i].id.ptr);
            free((void *)(size_t)http->extra.items[i].secret.ptr);
        }
        slv_vec_done(&http->extra);
        (void)slv_s3_keys_free(http->keys);
        (void)slv_keyring_free(http->ring);
        free(http);
    }
    return NULL;
}

void slv_dynamo_http_add_key(slv_dynamo_http *http, slv_str id, slv_str secret)
{
    dynamo_extra_key key = {
        .id = slv_str_make(slv_strndup(id.ptr, id.len), id.len),
        .secret = slv_str_make(slv_strndup(secret.ptr, secret.len), secret.len),
    };

    slv_vec_push(&http->extra, key);
}

/* ---- life ---- */

static void release(dynamo_call *c)
{
    if (c->ex || c->asking)
        return;
    slv_dynamo_ask_end(&c->ask);
    slv_buf_done(&c->body);
    slv_buf_done(&c->out);
    slv_buf_done(&c->head);
    slv_arena_done(&c->arena);
    free(c);
}

static dynamo_call *of_answerer(slv_answerer *a)
{
    return slv_container_of(a, dynamo_call, answerer);
}

static void on_gone(slv_answerer *a)
{
    dynamo_call *c = of_answerer(a);

    c->ex = NULL;
    release(c);
}

slv_str slv_dynamo_header(const dynamo_call *c, const char *name)
{
    const slv_http_header *h = slv_exchange_header(c->ex, slv_str_from(name));

    return h ? h->value : SLV_STR_NULL;
}

/* ---- answers ---- */

static bool is_local_page(slv_str origin)
{
    static const slv_str hosts[] = {{"http://localhost", 16},
                                    {"https://localhost", 17},
                                    {"http://127.0.0.1", 16},
                                    {"https://127.0.0.1", 17},
                                    {"http://[::1]", 12}};

    for (size_t i = 0; i < SLV_ARRAY_LEN(hosts); i++)
        if (slv_str_starts(origin, hosts[i]) &&
            (origin.len == hosts[i].len || origin.ptr[hosts[i].len] == ':'))
            return true;
    return false;
}

static slv_code put_cors(dynamo_call *c)
{
    slv_str origin = slv_dynamo_header(c, "origin");

    if (origin.len == 0 || (!c->http->any_page && !is_local_page(origin)))
        return SLV_OK;
    return slv_buf_append(&c->head, SLV_STR("access-control-allow-origin:*\n"));
}

static void reply(dynamo_call *c, int status, slv_str body)
{
    slv_exchange *ex = c->ex;
    slv_response_head head = {.status = status, .length = (int64_t)body.len};
    char id[52];

    slv_dynamo_request_id(id);
    slv_code code = slv_buf_printf(&c->head, "x-amzn-requestid:%.52s\nx-amz-crc32:%u\n", id,
                                   slv_dynamo_crc32(body));
    if (code == SLV_OK && c->type)
        code = slv_buf_printf(&c->head, "content-type:%s\n", c->type);
    head.headers = slv_buf_view(&c->head);
    c->ex = NULL;
    if (code != SLV_OK || slv_exchange_reply(ex, &head, body, NULL) != SLV_OK)
        slv_exchange_abort(ex);
    release(c);
}

void slv_dynamo_refuse(dynamo_call *c, const char *error, slv_str message)
{
    int status = slv_dynamo_put_error(error, message, &c->out);

    reply(c, status, slv_buf_view(&c->out));
}

static void answer_options(dynamo_call *c)
{
    slv_str headers = slv_dynamo_header(c, "access-control-request-headers");
    slv_str method = slv_dynamo_header(c, "access-control-request-method");
    bool allowed = c->head.len > 0; /* put_cors said so */
    slv_exchange *ex = c->ex;
    slv_response_head head = {.status = 200};
    slv_code code = SLV_OK;
    char id[52];

    if (allowed && headers.ptr)
        code =
            slv_buf_printf(&c->head, "access-control-allow-headers:%.*s\n", SLV_STR_ARGS(headers));
    if (code == SLV_OK && allowed && method.ptr)
        code =
            slv_buf_printf(&c->head, "access-control-allow-methods:%.*s\n", SLV_STR_ARGS(method));
    slv_dynamo_request_id(id);
    if (code == SLV_OK)
        code =
            slv_buf_printf(&c->head, "access-control-max-age:172800\nx-amzn-requestid:%.52s\n", id);
    head.headers = slv_buf_view(&c->head);
    c->ex = NULL;
    if (code != SLV_OK || slv_exchange_reply(ex, &head, SLV_STR(""), NULL) != SLV_OK)
        slv_exchange_abort(ex);
    release(c);
}

static void answer_log(dynamo_call *c, bool clear)
{
    if (clear) {
        slv_dynamo_face_clear_log(c->http->face);
    } else if (slv_dynamo_face_log(c->http->face, &c->out) != SLV_OK) {
        slv_dynamo_refuse(c, "InternalServerError", SLV_STR("The log is too long."));
        return;
    }
    c->type = "application/json";
    reply(c, 200, clear ? SLV_STR("{}") : slv_buf_view(&c->out));
}

static void answer_health(dynamo_call *c)
{
    reply(c, 200, SLV_STR("healthy: dynamodb.us-east-1.amazonaws.com "));
}

static void answer_unknown(dynamo_call *c)
{
    reply(c, 404, SLV_STR("<UnknownOperationException/>\n"));
}

/* ---- the request ---- */

static void send_answer(dynamo_call *c)
{
    int status;
    slv_str body;

    slv_dynamo_request_answer(c->ask.request, &status, &body);
    reply(c, status, body);
}

static void on_asked(slv_dynamo_ask *ask)
{
    dynamo_call *c = slv_container_of(ask, dynamo_call, ask);

    c->asking = false;
    if (c->ex)
        send_answer(c);
    else
        release(c);
}

/* What is no JSON is told before anything else that may be wrong. */
static bool is_json(dynamo_call *c, slv_str body)
{
    slv_err err;
    slv_node *root;

    if (body.len == 0 ||
        slv_json_parse(body, SLV_JSON_STRICT, &c->arena, &root, &err) != SLV_E_PARSE)
        return true;
    slv_dynamo_refuse(c, "SerializationException", SLV_STR_NULL);
    return false;
}

static bool has_form(const dynamo_call *c)
{
    slv_str auth = slv_dynamo_header(c, "authorization");

    return slv_str_starts(auth, SLV_STR("AWS4-")) ||
           slv_str_find(c->query, SLV_STR("X-Amz-Algorithm"), 0) != SIZE_MAX;
}

static void judge(dynamo_call *c, slv_str body)
{
    slv_str type = slv_dynamo_header(c, "content-type"), operation;
    slv_str target = slv_dynamo_header(c, "x-amz-target");

    type = slv_str_trim(slv_str_sub(type, 0, slv_str_chr(type, ';', 0)));
    if (!slv_str_is(c->ex->head.method, "POST") ||
        (body.len > 0 && !slv_str_is(type, "application/json") && !slv_str_is(type, JSON_1_0))) {
        answer_unknown(c);
        return;
    }
    c->type = slv_str_is(type, JSON_1_0) ? JSON_1_0 : "application/json";
    bool known =
        slv_dynamo_target_operation(target, &operation) && slv_dynamo_operation_known(operation);
    if ((!known || !has_form(c)) && !is_json(c, body))
        return;
    if (!known) {
        slv_dynamo_refuse(c, "UnknownOperationException", SLV_STR_NULL);
        return;
    }
    if (!slv_dynamo_authenticate(c, body))
        return;
    if (body.len == 0) {
        slv_dynamo_refuse(c, "SerializationException", SLV_STR_NULL);
        return;
    }
    c->asking = true;
    c->ask.done = on_asked;
    if (slv_dynamo_ask_start(&c->ask, c->face, c->loop, operation, body, c->region)) {
        c->asking = false;
        send_answer(c);
    }
}

static void too_large(dynamo_call *c)
{
    slv_exchange *ex = c->ex;
    const slv_response_head head = {.status = 413, .length = -1};

    c->ex = NULL;
    if (slv_exchange_respond(ex, &head, NULL) == SLV_OK)
        slv_exchange_end(ex);
    else
        slv_exchange_abort(ex);
    release(c);
}

/* What is too much is read to its end before that is said, within reason: a client that is still
 * sending would not read the answer. */
static void on_body(slv_answerer *a, slv_str bytes, bool last)
{
    dynamo_call *c = of_answerer(a);

    c->taken += bytes.len;
    if (c->taken > SLV_DYNAMO_BODY_MAX)
        slv_buf_done(&c->body);
    else if (slv_buf_append(&c->body, bytes) != SLV_OK)
        c->taken = DRAIN_MAX;
    if (c->taken >= DRAIN_MAX || (last && c->taken > SLV_DYNAMO_BODY_MAX))
        too_large(c);
    else if (last)
        judge(c, slv_buf_view(&c->body));
    else if (bytes.len > 0)
        slv_exchange_credit(c->ex, bytes.len);
}

static void start(dynamo_call *c, slv_str prefix)
{
    slv_str target = c->ex->head.path, body;
    size_t question = slv_str_chr(target, '?', 0);
    slv_str method = c->ex->head.method, below;

    c->path = slv_str_sub(target, 0, question);
    c->query = question == SIZE_MAX ? SLV_STR_NULL : slv_str_skip(target, question + 1);
    below = slv_str_skip(c->path, prefix.len);
    if (put_cors(c) != SLV_OK) {
        too_large(c);
    } else if (slv_str_is(method, "OPTIONS") && slv_dynamo_header(c, "origin").len > 0) {
        answer_options(c);
    } else if (slv_str_is(below, "/log") && !c->http->ring &&
               (slv_str_is(method, "GET") || slv_str_is(method, "DELETE"))) {
        answer_log(c, slv_str_is(method, "DELETE"));
    } else if (slv_str_is(method, "GET")) {
        answer_health(c);
    } else if (!c->ex->head.has_body) {
        judge(c, SLV_STR(""));
    } else if (slv_exchange_take_body(c->ex, &body)) {
        if (body.len > SLV_DYNAMO_BODY_MAX)
            too_large(c);
        else
            judge(c, body);
    } else {
        slv_exchange_credit(c->ex, BODY_CREDIT);
    }
}

static void take(slv_dynamo_http *http, slv_loop *loop, slv_exchange *ex, slv_str prefix)
{
    dynamo_call *c = slv_new0(dynamo_call);

    c->http = http;
    c->face = http->face;
    c->loop = loop;
    c->ex = ex;
    c->answerer = (slv_answerer){on_body, NULL, on_gone};
    c->arena = SLV_ARENA(SLV_DYNAMO_BODY_MAX * 16);
    c->body = SLV_BUF(SLV_DYNAMO_BODY_MAX);
    c->out = SLV_BUF((size_t)4 << 20);
    c->head = SLV_BUF((size_t)64 << 10);
    ex->user = &c->answerer;
    start(c, prefix);
}

bool slv_dynamo_http_take(void *arg, slv_loop *loop, slv_exchange *ex)
{
    static const slv_str prefix = {SLV_DYNAMO_PATH, sizeof SLV_DYNAMO_PATH - 1};
    slv_str path = ex->head.path;

    if (!slv_str_starts(path, prefix) ||
        (path.len > prefix.len && path.ptr[prefix.len] != '/' && path.ptr[prefix.len] != '?'))
        return false;
    take(arg, loop, ex, prefix);
    return true;
}

void slv_dynamo_http_take_host(slv_dynamo_http *http, slv_loop *loop, slv_exchange *ex)
{
    take(http, loop, ex, SLV_STR_NULL);
}

/* ---- a listener of its own ---- */

struct slv_dynamo_listener {
    slv_dynamo_http *http;
    slv_loop *loop;
    slv_http_server *server;
};

static void listener_request(void *ctx, slv_exchange *ex)
{
    slv_dynamo_listener *l = ctx;

    take(l->http, l->loop, ex, SLV_STR_NULL);
}

static void listener_body(slv_exchange *ex, slv_str bytes, bool last)
{
    on_body(ex->user, bytes, last);
}

static void listener_gone(slv_exchange *ex, slv_gone_reason reason)
{
    (void)reason;
    on_gone(ex->user);
}

static void listener_writable(slv_exchange *ex)
{
    (void)ex; /* answers are written whole */
}

static const slv_exchange_handlers listener_handlers = {
    .request = listener_request,
    .body = listener_body,
    .writable = listener_writable,
    .gone = listener_gone,
};

slv_code slv_dynamo_http_listen(slv_dynamo_http *http, slv_loop *loop, slv_str host, uint16_t port,
                                slv_dynamo_listener **ret, uint16_t *ret_port, slv_err *err)
{
    slv_dynamo_listener *l = slv_new0(slv_dynamo_listener);
    const slv_http_options options = {.handlers = &listener_handlers, .ctx = l};
    const slv_listen_options listen = {.host = host, .port = port};

    l->http = http;
    l->loop = loop;
    l->server = slv_http_server_new(loop, &options);
    slv_code code = slv_http_server_listen(l->server, &listen, err);
    if (code != SLV_OK) {
        (void)slv_dynamo_listener_free(l);
        return code;
    }
    *ret_port = slv_http_server_port(l->server);
    *ret = l;
    return SLV_OK;
}

slv_dynamo_listener *slv_dynamo_listener_free(slv_dynamo_listener *l)
{
    if (l) {
        (void)slv_http_server_free(l->server);
        free(l);
    }
    return NULL;
}
