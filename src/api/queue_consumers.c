/*
 * Consumers of queues by HTTP. Those that pull are kept with the queue. A worker is one by a row of
 * the server's catalog (queue_workers.c); in `dev` it is one because its configuration says so, and
 * is neither made nor removed here.
 */
#include <inttypes.h>

#include "api/queues_int.h"
#include "api/routes.h"
#include "base/rand.h"
#include "fmt/json.h"

/* ---- the consumer as JSON ---- */

typedef struct setting {
    const char *name;
    int64_t min, max;
} setting;

static const setting settings[] = {
    {"batch_size", 1, 100},
    {"max_retries", 0, 100},
    {"visibility_timeout_ms", 0, SLV_QUEUE_LEASE_MAX_MS},
    {"retry_delay", 0, SLV_QUEUE_DELAY_MAX},
};

static slv_code put_settings(slv_buf *out, const slv_node *given, slv_err *err)
{
    bool first = true;

    for (size_t i = 0; i < SLV_ARRAY_LEN(settings); i++) {
        const slv_node *n = slv_node_get(given, settings[i].name);
        int64_t value;

        if (!n || n->type == SLV_NODE_NULL)
            continue;
        if (!slv_node_i64(n, &value) || value < settings[i].min || value > settings[i].max)
            return slv_fail(err, SLV_E_INVAL,
                            "%s must be a whole number from %" PRId64 " to %" PRId64,
                            settings[i].name, settings[i].min, settings[i].max);
        SLV_TRY(
            slv_buf_printf(out, "%s\"%s\":%" PRId64, first ? "" : ",", settings[i].name, value));
        first = false;
    }
    return SLV_OK;
}

static slv_code put_consumer(queue_rest *r, slv_str id, slv_buf *out, slv_err *err)
{
    slv_str dead = slv_node_str(slv_node_get(r->body, "dead_letter_queue"));

    slv_buf_reset(out);
    SLV_TRY(slv_buf_printf(
        out, "{\"consumer_id\":\"%.*s\",\"type\":\"http_pull\",\"queue_name\":", SLV_STR_ARGS(id)));
    SLV_TRY(slv_json_put_string(out, slv_str_from(r->name)));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"created_on\":")));
    SLV_TRY(slv_queue_rest_put_time(out, r->now_ms));
    if (dead.len > 0) {
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"dead_letter_queue\":")));
        SLV_TRY(slv_json_put_string(out, dead));
    }
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"settings\":{")));
    SLV_TRY(put_settings(out, slv_node_get(r->body, "settings"), err));
    return slv_buf_append(out, SLV_STR("}}"));
}

static slv_str consumer_id(queue_rest *r)
{
    slv_node *root = NULL;

    if (r->consumer.len == 0 || slv_json_parse(slv_buf_view(&r->consumer), SLV_JSON_STRICT,
                                               r->api->arena, &root, NULL) != SLV_OK)
        return SLV_STR_NULL;
    return slv_node_str(slv_node_get(root, "consumer_id"));
}

/* ---- writing ---- */

static slv_code run_write(slv_call *call, void *service, slv_err *err)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    return slv_queue_set_consumer(service, slv_buf_view(&r->out), r->now_ms, err);
}

static void on_written(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    if (call->code != SLV_OK) {
        slv_queue_rest_fail(r, &call->err);
        return;
    }
    slv_queue_rest_changed(r);
    slv_queue_rest_answer(r, SLV_OK);
}

static bool is_worker(const slv_node *body)
{
    return !slv_str_is(slv_node_str(slv_node_get(body, "type")), "http_pull");
}

static void write_consumer(queue_rest *r, slv_str id)
{
    if (is_worker(r->body)) {
        slv_queue_rest_put_worker(r, id);
        return;
    }
    slv_err err = {0};
    slv_code code = put_consumer(r, id, &r->out, &err);
    slv_api_call *call = r->api;

    if (code == SLV_OK) {
        slv_queue_rest_call(r, SLV_CALL_WRITE, false, run_write, on_written);
        return;
    }
    slv_queue_rest_free(r);
    slv_api_error(call, 400, QUEUE_BAD_CONSUMER, "%s", slv_err_text(&err));
}

static void add_looked(queue_rest *r)
{
    char id[SLV_QUEUE_ID_LEN + 1];
    slv_str kept;

    r->body = r->api->user;
    if (r->consumer.len > 0) {
        slv_queue_rest_refuse(r, 409, QUEUE_CONSUMER_EXISTS, "Queue already has a consumer");
        return;
    }
    snprintf(id, sizeof id, "%016" PRIx64 "%016" PRIx64, slv_rand_u64(), slv_rand_u64());
    if (slv_arena_dup(r->api->arena, slv_str_from(id), &kept) != SLV_OK) {
        slv_queue_rest_answer(r, SLV_E_LIMIT);
        return;
    }
    write_consumer(r, kept);
}

static void add_found(queue_rest *r)
{
    slv_queue_rest_consumer(r, add_looked);
}

static bool is_possible(slv_api_call *call, const slv_node *body)
{
    slv_str type = slv_node_str(slv_node_get(body, "type"));

    if (slv_str_is(type, "http_pull") || (slv_api_catalog(call->api) && slv_str_is(type, "worker")))
        return true;
    if (slv_str_is(type, "worker"))
        slv_api_error(call, 400, QUEUE_BAD_CONSUMER,
                      "Only consumers of type http_pull can be added here; a worker takes messages "
                      "when its configuration has the queue in [[queues.consumers]]");
    else
        slv_api_error(call, 400, QUEUE_BAD_CONSUMER, "type must be \"worker\" or \"http_pull\"");
    return false;
}

static void post_consumer(slv_api_call *call)
{
    call->user = slv_api_body_json(call);
    if (call->user && is_possible(call, call->user))
        slv_queue_rest_find(call, add_found);
}

static bool is_known(queue_rest *r)
{
    slv_str id = consumer_id(r);

    if (id.len > 0 && slv_str_eq(id, r->api->params[2]))
        return true;
    slv_queue_rest_refuse(r, 404, QUEUE_CONSUMER_NOT_FOUND, "Consumer not found");
    return false;
}

static void put_looked(queue_rest *r)
{
    slv_str id = consumer_id(r);

    r->body = r->api->user;
    if (!is_known(r))
        return;
    if (is_worker(r->body) == (r->row.id.len > 0))
        write_consumer(r, id);
    else
        slv_queue_rest_refuse(r, 400, QUEUE_BAD_CONSUMER,
                              "A consumer stays of its type; remove it and add another");
}

static void put_found(queue_rest *r)
{
    slv_queue_rest_consumer(r, put_looked);
}

static void put_route(slv_api_call *call)
{
    call->user = slv_api_body_json(call);
    if (call->user && is_possible(call, call->user))
        slv_queue_rest_find(call, put_found);
}

static void removed(queue_rest *r)
{
    slv_queue_rest_answer(r, SLV_OK);
}

static void delete_looked(queue_rest *r)
{
    if (!is_known(r))
        return;
    if (r->row.id.len > 0)
        slv_queue_rest_remove_worker(r, removed);
    else
        slv_queue_rest_call(r, SLV_CALL_WRITE, false, run_write, on_written);
}

static void delete_found(queue_rest *r)
{
    slv_queue_rest_consumer(r, delete_looked);
}

static void delete_route(slv_api_call *call)
{
    slv_queue_rest_find(call, delete_found);
}

/* ---- reading ---- */

static void get_looked(queue_rest *r)
{
    slv_code code = slv_buf_append_byte(&r->out, '[');

    if (code == SLV_OK)
        code = slv_buf_append(&r->out, slv_buf_view(&r->consumer));
    if (code == SLV_OK)
        code = slv_buf_append_byte(&r->out, ']');
    slv_queue_rest_answer(r, code);
}

static void get_found(queue_rest *r)
{
    slv_queue_rest_consumer(r, get_looked);
}

static void get_route(slv_api_call *call)
{
    slv_queue_rest_find(call, get_found);
}

/* ---- event subscriptions ---- */

static void refuse_subscription(slv_api_call *call)
{
    slv_api_error(
        call, 501, QUEUE_INVALID,
        "Event subscriptions are not available: there are no events of other products here. "
        "Changes of R2 buckets come by bucket notifications.");
}

static void no_subscriptions(slv_api_call *call)
{
    slv_api_ok_info(call, SLV_STR("[]"),
                    SLV_STR("{\"page\":1,\"per_page\":20,\"count\":0,\"total_count\":0}"));
}

#define SUBSCRIPTIONS "/accounts/:account/event_subscriptions/subscriptions"
#define CONSUMERS "/accounts/:account/queues/:queue/consumers"

const slv_api_route slv_api_queue_consumer_routes[] = {
    {"GET", CONSUMERS, get_route, 0, false, SLV_API_TOKEN},
    {"POST", CONSUMERS, post_consumer, 0, false, SLV_API_TOKEN},
    {"PUT", CONSUMERS "/:consumer", put_route, 0, false, SLV_API_TOKEN},
    {"DELETE", CONSUMERS "/:consumer", delete_route, 0, false, SLV_API_TOKEN},
    {"GET", SUBSCRIPTIONS, no_subscriptions, 0, false, SLV_API_TOKEN},
    {"POST", SUBSCRIPTIONS, refuse_subscription, 0, false, SLV_API_TOKEN},
    {0},
};
