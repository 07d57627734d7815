/* Sessions of `tail` and kept logs by REST. */
#include "api/tails.h"

#include <stdlib.h>

#include "api/script_int.h"
#include "base/mem.h"
#include "fmt/json.h"
#include "sight/sight.h"

#define TAIL_NOT_FOUND 10057
#define TAIL_BAD_FILTER 10025
#define TAIL_LIMIT 10059
#define NO_LOGS 10058

/* ---- sessions ---- */

static slv_code put_info(slv_api_call *call, const slv_tail_info *info, bool with_url, slv_buf *out)
{
    const char *base = slv_api_base_url(call->api);
    slv_str host = slv_api_header(call, "host");
    slv_str scheme = slv_api_header(call, "x-forwarded-proto");
    bool tls = slv_str_is(scheme, "https") ||
               (base && slv_str_starts(slv_str_from(base), SLV_STR("https:")));
    char iso[SLV_ISO_LEN + 1];

    slv_trace_iso(info->expires_ms, iso);
    SLV_TRY(slv_buf_printf(out, "{\"id\":\"%s\",\"expires_at\":\"%s\"", info->id, iso));
    if (with_url) {
        SLV_TRY(slv_buf_printf(out, ",\"url\":\"%s://", tls ? "wss" : "ws"));
        /* where the client has found us is where it will find the session */
        for (size_t i = 0; i < host.len; i++) {
            if (host.ptr[i] != '"' && host.ptr[i] != '\\')
                SLV_TRY(slv_buf_append_byte(out, host.ptr[i]));
        }
        SLV_TRY(slv_buf_printf(out, "%s\"", info->path));
    }
    return slv_buf_append_byte(out, '}');
}

void slv_api_tail_open(slv_api_call *call, slv_str dispatch, slv_str worker, slv_str version)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)16 << 10);
    slv_sight *sight = slv_api_sight(call->api);
    const slv_node *body = NULL;
    slv_tail_info info;
    slv_err err = {0};

    if (!sight) {
        slv_api_error(call, 501, NO_LOGS, "Events are not shown here");
        return;
    }
    if (call->body.len > 0 && !(body = slv_api_body_json(call)))
        return;
    const slv_tail_spec spec = {
        .tenant = call->tenant,
        .worker = worker,
        .dispatch = dispatch,
        .version = version,
        .filters = slv_node_is(body, SLV_NODE_ARRAY) ? body : slv_node_get(body, "filters"),
        .peer = call->peer,
    };
    slv_code code = slv_sight_tail_open(sight, &spec, &info, &err);
    if (code == SLV_E_INVAL)
        slv_api_error(call, 400, TAIL_BAD_FILTER, "%s", slv_err_text(&err));
    else if (code != SLV_OK)
        slv_api_error(call, 429, TAIL_LIMIT, "%s", slv_err_text(&err));
    else if (put_info(call, &info, true, &out) != SLV_OK)
        slv_api_error(call, 500, SLV_API_INTERNAL, "The answer is too large");
    else
        slv_api_ok(call, slv_buf_view(&out));
}

void slv_api_tail_close(slv_api_call *call, slv_str worker, slv_str id)
{
    slv_sight *sight = slv_api_sight(call->api);

    if (!sight || slv_sight_tail_close(sight, call->tenant, worker, id) != SLV_OK)
        slv_api_error(call, 404, TAIL_NOT_FOUND, "There is no such tail: '%.*s'", SLV_STR_ARGS(id));
    else
        slv_api_ok(call, SLV_STR_NULL);
}

/* The worker is there. */
static void on_worker(script_rest *r)
{
    slv_api_call *call = r->api;

    slv_api_tail_open(call, r->key.dispatch, r->key.name, SLV_STR_NULL);
    slv_script_free(r);
}

/* Whom the path means. */
static slv_worker_key key_of(const slv_api_call *call)
{
    bool dispatch =
        slv_str_find(slv_str_from(call->route->pattern), SLV_STR("/dispatch/"), 0) != SIZE_MAX;

    return (slv_worker_key){.account = call->tenant,
                            .dispatch = dispatch ? call->params[1] : SLV_STR_NULL,
                            .name = call->params[dispatch ? 2 : 1]};
}

static void open_tail(slv_api_call *call)
{
    slv_worker_key key = key_of(call);

    if (slv_api_catalog(call->api))
        slv_script_read(slv_script_new(call), slv_script_row, on_worker);
    else
        slv_api_tail_open(call, key.dispatch, key.name, SLV_STR_NULL);
}

static void delete_tail(slv_api_call *call)
{
    slv_api_tail_close(call, key_of(call).name, call->params[call->param_count - 1]);
}

typedef struct listing {
    slv_api_call *call;
    slv_buf out;
    slv_code code;
} listing;

static void add_tail(void *arg, const slv_tail_info *info)
{
    listing *l = arg;

    if (l->code == SLV_OK && l->out.len > 1)
        l->code = slv_buf_append_byte(&l->out, ',');
    if (l->code == SLV_OK)
        l->code = put_info(l->call, info, false, &l->out);
}

static void list_tails(slv_api_call *call)
{
    listing l = {.call = call, .out = SLV_BUF((size_t)64 << 10)};
    slv_sight *sight = slv_api_sight(call->api);
    slv_worker_key key = key_of(call);

    l.code = slv_buf_append_byte(&l.out, '[');
    if (sight)
        slv_sight_tail_each(sight, call->tenant, key.dispatch, key.name, add_tail, &l);
    if (l.code == SLV_OK)
        l.code = slv_buf_append_byte(&l.out, ']');
    if (l.code == SLV_OK)
        slv_api_ok(call, slv_buf_view(&l.out));
    else
        slv_api_error(call, 500, SLV_API_INTERNAL, "The answer is too large");
    slv_buf_done(&l.out);
}

/* ---- kept logs ---- */

/* The array, newest first. */
static slv_code put_lines(slv_buf *out, const slv_kept *found)
{
    slv_str rest = slv_buf_view(&found->lines), line;
    bool first = true;

    SLV_TRY(slv_buf_append_byte(out, '['));
    while (slv_str_split(&rest, '\n', &line)) {
        if (line.len == 0)
            continue;
        if (!first)
            SLV_TRY(slv_buf_append_byte(out, ','));
        first = false;
        SLV_TRY(slv_buf_append(out, line));
    }
    return slv_buf_append_byte(out, ']');
}

static void on_found(void *arg, const slv_kept *found, const slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF(SLV_KEEP_FOUND_BYTES + 4096);
    SLV_CLEANUP(slv_buf_done) slv_buf info = SLV_BUF(128);
    slv_api_call *call = arg;

    if (err)
        slv_api_fail(call, err, NO_LOGS);
    else if (put_lines(&out, found) != SLV_OK ||
             slv_buf_printf(&info, "{\"count\":%zu,\"more\":%s}", found->count,
                            found->more ? "true" : "false") != SLV_OK)
        slv_api_error(call, 500, SLV_API_INTERNAL, "The answer is too large");
    else
        slv_api_ok_info(call, slv_buf_view(&out), slv_buf_view(&info));
}

static void get_logs(slv_api_call *call)
{
    static const slv_err none = {.code = SLV_E_NOTFOUND, .message = "no logs are kept here"};
    slv_str level = slv_api_query(call, "level");
    slv_sight *sight = slv_api_sight(call->api);
    uint64_t since, until, limit;

    if (!slv_api_query_number(call, "since", 0, INT64_MAX / 2, 0, &since) ||
        !slv_api_query_number(call, "until", 0, INT64_MAX / 2, 0, &until) ||
        !slv_api_query_number(call, "limit", 1, SLV_KEEP_FOUND_MAX, 100, &limit))
        return;
    if (level.len > 0 && slv_keep_level(level) < 0) {
        slv_api_error(call, 400, TAIL_BAD_FILTER,
                      "'level' must be debug, info, log, warn or error, not '%.*s'",
                      SLV_STR_ARGS(level));
        return;
    }
    const slv_keep_query query = {
        .worker = slv_api_query(call, "worker"),
        .since_ms = (int64_t)since,
        .until_ms = (int64_t)until,
        .level = level.len > 0 ? slv_keep_level(level) : 0,
        .type = slv_api_query(call, "type"),
        .event = slv_api_query(call, "event"),
        .outcome = slv_api_query(call, "outcome"),
        .search = slv_api_query(call, "search"),
        .request = slv_api_query(call, "request"),
        .limit = (uint32_t)limit,
    };
    if (sight)
        slv_sight_logs(sight, call->tenant, &query, on_found, call);
    else
        slv_api_fail(call, &none, NO_LOGS);
}

#define SCRIPT "/accounts/:account/workers/scripts/:script/tails"
#define DISPATCH "/accounts/:account/workers/dispatch/namespaces/:namespace/scripts/:script/tails"

#define SERVICE "/accounts/:account/workers/services/:script/environments/:environment/tails"

const slv_api_route slv_api_tail_routes[] = {
    {.method = "POST", .pattern = SCRIPT, .handle = open_tail},
    {.method = "GET", .pattern = SCRIPT, .handle = list_tails},
    {.method = "DELETE", .pattern = SCRIPT "/:tail", .handle = delete_tail},
    {.method = "POST", .pattern = SERVICE, .handle = open_tail},
    {.method = "DELETE", .pattern = SERVICE "/:tail", .handle = delete_tail},
    {.method = "POST", .pattern = DISPATCH, .handle = open_tail},
    {.method = "GET", .pattern = DISPATCH, .handle = list_tails},
    {.method = "DELETE", .pattern = DISPATCH "/:tail", .handle = delete_tail},
    {.method = "GET",
     .pattern = "/accounts/:account/workers/observability/logs",
     .handle = get_logs},
    {.method = NULL},
};
