/*
 * POST /graphql: the few questions that wrangler asks of the analytics API, told by what they ask
 * for. There is no GraphQL here: the query's text gives the limit and the order, its variables the
 * filter. What is not known is answered with nothing in it.
 *
 *     d1QueriesAdaptiveGroups     what statements of a database cost     (d1 insights)
 *     d1AnalyticsAdaptiveGroups   sums of an hour                        (d1 info)
 */
#include <stdlib.h>
#include <time.h>

#include "api/api_int.h"
#include "api/d1_int.h"
#include "api/routes.h"
#include "base/mem.h"
#include "d1/insights.h"
#include "fmt/json.h"

#define LIMIT_MAX 10000

typedef struct question {
    slv_api_call *api;
    slv_d1_call d;
    slv_store *store;
    slv_d1_json json;
    slv_buf message;
    const char *group; /* NULL: a call of our own, answered in the envelope */
} question;

static void question_free(question *q)
{
    (void)slv_store_unref(q->store);
    slv_d1_json_done(&q->json);
    slv_buf_done(&q->message);
    free(q);
}

/* What a GraphQL endpoint answers has no envelope. */
static void answer(slv_api_call *call, const char *group, slv_str rows)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)64 << 20);
    slv_code code = slv_buf_append(&out, SLV_STR("{\"data\":{\"viewer\":{\"accounts\":[{"));

    if (code == SLV_OK && group)
        code = slv_buf_printf(&out, "\"%s\":", group);
    if (code == SLV_OK && group)
        code = slv_buf_append(&out, rows);
    if (code == SLV_OK)
        code = slv_buf_append(&out, SLV_STR("}]}},\"errors\":null}"));
    if (code == SLV_OK)
        slv_api_reply(call, 200, SLV_STR("content-type:application/json\n"), slv_buf_view(&out));
    else
        slv_api_abort(call);
}

static void on_told(slv_call *call)
{
    question *q = slv_container_of(call, question, d.call);
    slv_str rows = call->code == SLV_E_NOTFOUND ? SLV_STR("[]") : slv_buf_view(&q->json.out);

    if (call->code != SLV_OK && call->code != SLV_E_NOTFOUND)
        slv_api_fail(q->api, &call->err, 0);
    else if (q->group)
        answer(q->api, q->group, rows);
    else
        slv_api_ok(q->api, rows);
    question_free(q);
}

static void ask_store(slv_api_call *call, const char *group, const slv_d1_insights_ask *ask,
                      slv_store *store_take)
{
    question *q = slv_new0(question);

    q->api = call;
    q->group = group;
    q->message = SLV_BUF((size_t)64 << 10);
    slv_d1_json_init(&q->json, false);
    q->d.ask = (slv_d1_ask){
        .kind = SLV_D1_ASK_INSIGHTS, .insights = *ask, .message = &q->message, .out = &q->json};
    q->store = store_take;
    slv_d1_call_make(&q->d, q->store, slv_api_loop(call->api), SLV_CALL_READ, false, on_told);
}

/* ---- reading the question ---- */

static const char *const groups[] = {"d1QueriesAdaptiveGroups", "d1AnalyticsAdaptiveGroups"};

static const char *group_of(slv_str text)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(groups); i++) {
        if (slv_str_find(text, slv_str_from(groups[i]), 0) != SIZE_MAX)
            return groups[i];
    }
    return NULL;
}

static bool is_name(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* What stands after "name:" in the arguments of the group. */
static slv_str argument(slv_str text, const char *group, const char *name)
{
    size_t at = slv_str_find(text, slv_str_from(group), 0);
    size_t end = at == SIZE_MAX ? at : slv_str_chr(text, ')', at);

    if (end == SIZE_MAX)
        return SLV_STR_NULL;
    slv_str list = slv_str_sub(text, at, end);
    at = slv_str_find(list, slv_str_from(name), 0);
    if (at == SIZE_MAX)
        return SLV_STR_NULL;
    at += strlen(name);
    while (at < list.len && (list.ptr[at] == ' ' || list.ptr[at] == ':' || list.ptr[at] == '['))
        at++;
    size_t from = at;
    while (at < list.len && is_name(list.ptr[at]))
        at++;
    return slv_str_sub(list, from, at);
}

static bool read_order(slv_str text, slv_d1_insights_ask *ask)
{
    static const struct {
        const char *name;
        slv_d1_insight_order order;
    } fields[] = {{"queryDurationMs_", SLV_D1_BY_TIME},
                  {"rowsRead_", SLV_D1_BY_READS},
                  {"rowsWritten_", SLV_D1_BY_WRITES},
                  {"rowsReturned_", SLV_D1_BY_RETURNED},
                  {"count_", SLV_D1_BY_COUNT}};

    if (text.len == 0)
        return true;
    if (slv_str_starts(text, SLV_STR("sum_")) || slv_str_starts(text, SLV_STR("avg_"))) {
        ask->average = text.ptr[0] == 'a';
        text = slv_str_skip(text, 4);
    }
    for (size_t i = 0; i < SLV_ARRAY_LEN(fields); i++) {
        slv_str name = slv_str_from(fields[i].name);

        if (!slv_str_starts(text, name))
            continue;
        ask->order = fields[i].order;
        ask->ascending = slv_str_is(slv_str_skip(text, name.len), "ASC");
        return ask->ascending || slv_str_is(slv_str_skip(text, name.len), "DESC");
    }
    return false;
}

/* A member of the filter, also where it stands in its "AND". */
static slv_str filter_member(const slv_node *filter, const char *name)
{
    slv_str found = slv_node_str(slv_node_get(filter, name));
    const slv_node *all = slv_node_get(filter, "AND");

    for (const slv_node *n = all ? all->first : NULL; n && found.len == 0; n = n->next)
        found = slv_node_str(slv_node_get(n, name));
    return found;
}

/* "2026-01-31T12:34:56.789Z"; what follows the seconds is passed over. */
static bool read_time(slv_str text, int64_t *ret_ms)
{
    char copy[32];
    struct tm tm = {0};

    if (text.len < 10 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (!strptime(copy, text.len > 10 ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d", &tm))
        return false;
    *ret_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

static bool read_times(const slv_node *filter, slv_d1_insights_ask *ask)
{
    static const char *const from[] = {"datetimeHour_geq", "datetime_geq", "date_geq"};
    static const char *const to[] = {"datetimeHour_leq", "datetime_leq", "date_leq"};

    ask->to_ms = INT64_MAX / 2;
    for (size_t i = 0; i < SLV_ARRAY_LEN(from); i++) {
        slv_str a = filter_member(filter, from[i]), b = filter_member(filter, to[i]);

        if ((a.len > 0 && !read_time(a, &ask->from_ms)) ||
            (b.len > 0 && !read_time(b, &ask->to_ms)))
            return false;
    }
    return true;
}

static bool read_question(slv_api_call *call, const slv_node *body, const char *group,
                          slv_d1_insights_ask *ask, slv_str *ret_id)
{
    slv_str text = slv_node_str(slv_node_get(body, "query"));
    const slv_node *filter = slv_node_get(slv_node_get(body, "variables"), "filter");
    slv_str limit = argument(text, group, "limit");
    uint64_t n = LIMIT_MAX;

    *ask = (slv_d1_insights_ask){.totals = group == groups[1]};
    *ret_id = filter_member(filter, "databaseId");
    if ((limit.len > 0 && slv_parse_u64(limit, &n) != SLV_OK) || ret_id->len == 0 ||
        !read_order(argument(text, group, "orderBy"), ask) || !read_times(filter, ask)) {
        slv_api_error(call, 400, SLV_API_BAD_JSON,
                      "%s: filter must have databaseId and times as ISO 8601, orderBy one of "
                      "sum_, avg_ and queryDurationMs, rowsRead, rowsWritten or rowsReturned, or "
                      "count, then _ASC or _DESC",
                      group);
        return false;
    }
    ask->limit = (uint32_t)SLV_MIN(n, (uint64_t)LIMIT_MAX);
    return true;
}

static void post_graphql(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    slv_d1_insights_ask ask;
    slv_str id;

    if (!body || !slv_api_one_account(call))
        return;
    const char *group = group_of(slv_node_str(slv_node_get(body, "query")));
    if (!group) {
        answer(call, NULL, SLV_STR_NULL);
        return;
    }
    if (!read_question(call, body, group, &ask, &id))
        return;
    ask_store(call, group, &ask,
              slv_state_store(slv_api_state(call->api), &slv_d1_store, call->tenant, id));
}

/* ---- the same as a call of our own ---- */

static void insights_found(slv_api_call *call, slv_store *store, slv_str id)
{
    slv_d1_insights_ask ask = {0};
    uint64_t from, to, limit;

    (void)id;
    if (!slv_api_query_number(call, "from", 0, INT64_MAX, 0, &from) ||
        !slv_api_query_number(call, "to", 0, INT64_MAX, INT64_MAX / 2, &to) ||
        !slv_api_query_number(call, "limit", 1, LIMIT_MAX, 5, &limit)) {
        (void)slv_store_unref(store);
        return;
    }
    if (!read_order(slv_api_query(call, "order"), &ask)) {
        (void)slv_store_unref(store);
        slv_api_error(call, 400, SLV_API_BAD_JSON, "order is not known");
        return;
    }
    ask.from_ms = (int64_t)from;
    ask.to_ms = (int64_t)to;
    ask.limit = (uint32_t)limit;
    ask_store(call, NULL, &ask, store);
}

static void get_insights(slv_api_call *call)
{
    slv_api_d1_find(call, insights_found);
}

const slv_api_route slv_api_graphql_routes[] = {
    {"POST", "/graphql", post_graphql, 0, false, SLV_API_TOKEN},
    {"GET", "/accounts/:account/d1/database/:id/insights", get_insights, 0, false, SLV_API_TOKEN},
    {0},
};
