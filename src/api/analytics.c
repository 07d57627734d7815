/*
 * What workers have counted, in SQL: /accounts/:account/analytics_engine/sql, the question in the
 * body of a POST or in `query`. SHOW TABLES names the datasets.
 */
#include "meter/analytics.h"
#include "api/api.h"
#include "api/routes.h"
#include "base/mem.h"
#include "fmt/json.h"
#include "state/kinds.h"

#define BAD_QUESTION 10400

typedef struct ask {
    slv_api_call *api;
    slv_call call;
    slv_store *store;
    slv_str dataset, sql;
    int64_t now_ms;
    slv_buf out;
} ask;

static void ask_free(ask *a)
{
    (void)slv_store_unref(a->store);
    slv_buf_done(&a->out);
    free(a);
}

static slv_code run_ask(slv_call *call, void *service, slv_err *err)
{
    ask *a = slv_container_of(call, ask, call);

    return slv_analytics_query(service, a->dataset, a->sql, a->now_ms, &a->out, err);
}

static void on_answer(slv_call *call)
{
    ask *a = slv_container_of(call, ask, call);

    if (call->code == SLV_OK)
        slv_api_reply(a->api, 200, SLV_STR("content-type:application/json\n"),
                      slv_buf_view(&a->out));
    else if (call->code == SLV_E_NOTFOUND)
        slv_api_error(a->api, 404, BAD_QUESTION, "unknown table: %.*s", SLV_STR_ARGS(a->dataset));
    else if (call->code == SLV_E_INVAL || call->code == SLV_E_LIMIT)
        slv_api_error(a->api, 400, BAD_QUESTION, "%s", slv_err_text(&call->err));
    else
        slv_api_fail(a->api, &call->err, 0);
    ask_free(a);
}

static bool is_show_tables(slv_str sql)
{
    slv_str rest = slv_str_trim(sql);

    while (rest.len > 0 && rest.ptr[rest.len - 1] == ';')
        rest = slv_str_trim(slv_str_sub(rest, 0, rest.len - 1));
    return rest.len >= 11 && slv_str_eq_nocase(slv_str_sub(rest, 0, 4), SLV_STR("show")) &&
           slv_str_eq_nocase(slv_str_trim(slv_str_skip(rest, 4)), SLV_STR("tables"));
}

typedef struct names {
    slv_buf *out;
    size_t count;
    slv_code code;
} names;

static void on_dataset(void *arg, slv_str id)
{
    names *n = arg;

    if (n->code == SLV_OK)
        n->code = slv_buf_append(n->out,
                                 n->count++ ? SLV_STR(",{\"dataset\":") : SLV_STR("{\"dataset\":"));
    if (n->code == SLV_OK)
        n->code = slv_json_put_string(n->out, id);
    if (n->code == SLV_OK)
        n->code = slv_buf_append_byte(n->out, '}');
}

static void show_tables(ask *a)
{
    names n = {.out = &a->out};
    slv_err err = {0};

    n.code = slv_buf_append(
        &a->out, SLV_STR("{\"meta\":[{\"name\":\"dataset\",\"type\":\"String\"}],\"data\":["));
    slv_code code = slv_state_list(slv_api_state(a->api->api), &slv_analytics_store, a->api->tenant,
                                   on_dataset, &n, &err);
    if (code == SLV_OK)
        code = n.code;
    if (code == SLV_OK)
        code = slv_buf_printf(&a->out, "],\"rows\":%zu,\"rows_before_limit_at_least\":%zu}",
                              n.count, n.count);
    if (code == SLV_OK)
        slv_api_reply(a->api, 200, SLV_STR("content-type:application/json\n"),
                      slv_buf_view(&a->out));
    else
        slv_api_fail(a->api, &err, 0);
    ask_free(a);
}

static void analytics_sql(slv_api_call *call)
{
    slv_str query = slv_api_query(call, "query");
    ask *a = slv_new0(ask);

    a->api = call;
    a->sql = query.ptr ? query : call->body;
    a->out = SLV_BUF(SLV_ANALYTICS_ANSWER_MAX);
    a->now_ms = slv_loop_wall_ms(slv_api_loop(call->api));
    a->dataset = slv_analytics_dataset_of(a->sql);
    if (is_show_tables(a->sql)) {
        show_tables(a);
        return;
    }
    if (a->dataset.len == 0) {
        slv_api_error(call, 400, BAD_QUESTION, "the question names no dataset: FROM is missing");
        ask_free(a);
        return;
    }
    a->store =
        slv_state_store(slv_api_state(call->api), &slv_analytics_store, call->tenant, a->dataset);
    a->call = (slv_call){.kind = SLV_CALL_READ, .run = run_ask, .done = on_answer};
    slv_store_call(a->store, slv_api_loop(call->api), &a->call);
}

const slv_api_route slv_api_analytics_routes[] = {
    {.method = "POST",
     .pattern = "/accounts/:account/analytics_engine/sql",
     .handle = analytics_sql,
     .body_max = SLV_ANALYTICS_SQL_MAX},
    {.method = "GET",
     .pattern = "/accounts/:account/analytics_engine/sql",
     .handle = analytics_sql},
    {0},
};
