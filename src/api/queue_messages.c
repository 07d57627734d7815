/*
 * Messages by HTTP: publishing, and consumers that pull: leases, acknowledgements, and the dead
 * letters of messages that were pulled too often.
 */
#include "api/queues_int.h"
#include "api/routes.h"
#include "fmt/base64.h"
#include "fmt/json.h"

#define PULL_DEFAULT 5
#define RETRIES_DEFAULT 3
#define SETTLE_MAX 1000 /* leases of one call */
#define MESSAGES_BODY_MAX ((size_t)4 << 20)

/* ---- publishing ---- */

static slv_code take_text(queue_rest *r, const slv_node *body, slv_queue_new *m, slv_err *err)
{
    SLV_CLEANUP(slv_buf_done) slv_buf bytes = SLV_BUF(MESSAGES_BODY_MAX);

    if (!slv_node_is(body, SLV_NODE_STRING))
        return slv_fail(err, SLV_E_INVAL, "the body of a message of type %s must be a string",
                        slv_queue_type_name(m->type));
    m->body = body->text;
    if (m->type == SLV_QUEUE_TEXT)
        return SLV_OK;
    if (slv_base64_decode(body->text, SLV_BASE64_STD, &bytes) != SLV_OK)
        return slv_fail(err, SLV_E_INVAL, "the body of a message of type bytes must be base64");
    return slv_arena_dup(r->api->arena, slv_buf_view(&bytes), &m->body);
}

static slv_code take_json(queue_rest *r, const slv_node *body, slv_queue_new *m)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(MESSAGES_BODY_MAX);

    SLV_TRY(slv_json_put(&text, body));
    return slv_arena_dup(r->api->arena, slv_buf_view(&text), &m->body);
}

static slv_code take_delay(const slv_node *n, int64_t *ret, slv_err *err)
{
    if (!n || n->type == SLV_NODE_NULL)
        return SLV_OK;
    if (slv_node_i64(n, ret) && *ret >= 0 && *ret <= SLV_QUEUE_DELAY_MAX)
        return SLV_OK;
    return slv_fail(err, SLV_E_INVAL, "delay_seconds must be a whole number from 0 to %d",
                    SLV_QUEUE_DELAY_MAX);
}

static slv_code take_message(queue_rest *r, const slv_node *n, int64_t delay_s, slv_err *err)
{
    const slv_node *body = slv_node_get(n, "body");
    slv_str type = slv_node_str(slv_node_get(n, "content_type"));
    slv_queue_new m = {.type = SLV_QUEUE_JSON, .delay_s = delay_s};

    if (r->count == SLV_QUEUE_BATCH_MAX)
        return slv_fail(err, SLV_E_LIMIT, "batch message count exceeds limit of %zu",
                        SLV_QUEUE_BATCH_MAX);
    if (!body)
        return slv_fail(err, SLV_E_INVAL, "a message has no body");
    if (type.len > 0 && (!slv_queue_type_parse(type, &m.type) || m.type == SLV_QUEUE_V8))
        return slv_fail(err, SLV_E_INVAL, "content_type must be json, text or bytes");
    SLV_TRY(take_delay(slv_node_get(n, "delay_seconds"), &m.delay_s, err));
    if (m.type == SLV_QUEUE_JSON)
        SLV_TRY(take_json(r, body, &m));
    else
        SLV_TRY(take_text(r, body, &m, err));
    r->messages[r->count++] = m;
    return SLV_OK;
}

static slv_code take_messages(queue_rest *r, slv_err *err)
{
    const slv_node *list = slv_node_get(r->body, "messages");
    int64_t delay = -1;

    if (!list)
        return take_message(r, r->body, -1, err);
    if (list->type != SLV_NODE_ARRAY)
        return slv_fail(err, SLV_E_INVAL, "messages must be an array");
    SLV_TRY(take_delay(slv_node_get(r->body, "delay_seconds"), &delay, err));
    for (const slv_node *n = list->first; n; n = n->next)
        SLV_TRY(take_message(r, n, delay, err));
    return SLV_OK;
}

static slv_code run_send(slv_call *call, void *service, slv_err *err)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    return slv_queue_send(service, r->messages, r->count, r->now_ms, &r->metrics, err);
}

static slv_code put_sent(queue_rest *r)
{
    SLV_TRY(slv_buf_append(&r->out, SLV_STR("{\"metadata\":{\"metrics\":")));
    SLV_TRY(slv_queue_rest_put_metrics(&r->out, &r->metrics));
    return slv_buf_append(&r->out, SLV_STR("}}"));
}

static void on_sent(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    if (call->code != SLV_OK) {
        slv_queue_rest_fail(r, &call->err);
        return;
    }
    slv_queue_rest_changed(r);
    slv_queue_rest_answer(r, put_sent(r));
}

static void send_found(queue_rest *r)
{
    slv_err err = {0};

    r->body = r->api->user;
    if (take_messages(r, &err) != SLV_OK)
        slv_queue_rest_fail(r, &err);
    else
        slv_queue_rest_call(r, SLV_CALL_WRITE, false, run_send, on_sent);
}

static void with_body(slv_api_call *call, void (*found)(queue_rest *r))
{
    static const slv_node nothing = {.type = SLV_NODE_OBJECT};

    /* Pulling with every default needs no body. */
    call->user = call->body.len > 0 ? slv_api_body_json(call) : (void *)(size_t)&nothing;
    if (call->user)
        slv_queue_rest_find(call, found);
}

static void post_messages(slv_api_call *call)
{
    with_body(call, send_found);
}

/* ---- pulling ---- */

/* What the queue's consumer says: 0 and empty where it says nothing. */
typedef struct consumer_settings {
    int64_t visibility_ms, retries, retry_delay_s, batch_size;
    slv_str dead_letter_queue;
} consumer_settings;

static consumer_settings settings_of(queue_rest *r)
{
    consumer_settings s = {.visibility_ms = SLV_QUEUE_LEASE_MS,
                           .retries = RETRIES_DEFAULT,
                           .batch_size = PULL_DEFAULT};
    slv_node *root = NULL;
    const slv_node *n;

    if (r->consumer.len == 0 || slv_json_parse(slv_buf_view(&r->consumer), SLV_JSON_STRICT,
                                               r->api->arena, &root, NULL) != SLV_OK)
        return s;
    s.dead_letter_queue = slv_node_str(slv_node_get(root, "dead_letter_queue"));
    n = slv_node_get(root, "settings");
    (void)slv_node_i64(slv_node_get(n, "visibility_timeout_ms"), &s.visibility_ms);
    (void)slv_node_i64(slv_node_get(n, "max_retries"), &s.retries);
    (void)slv_node_i64(slv_node_get(n, "retry_delay"), &s.retry_delay_s);
    (void)slv_node_i64(slv_node_get(n, "batch_size"), &s.batch_size);
    return s;
}

static slv_code put_body(slv_buf *out, const slv_queue_message *m)
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(m->body.len * 2 + 16);

    if (m->type == SLV_QUEUE_TEXT)
        return slv_json_put_string(out, m->body);
    SLV_TRY(slv_base64_encode(m->body, SLV_BASE64_STD, &text));
    return slv_json_put_string(out, slv_buf_view(&text));
}

static slv_code put_message(slv_buf *out, const slv_queue_message *m)
{
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"body\":")));
    SLV_TRY(put_body(out, m));
    return slv_buf_printf(out,
                          ",\"id\":\"%s\",\"timestamp_ms\":%lld,\"attempts\":%u,"
                          "\"lease_id\":\"%s\",\"metadata\":{\"CF-Content-Type\":\"%s\"}}",
                          m->id, (long long)m->timestamp_ms, m->attempts, m->lease,
                          slv_queue_type_name(m->type));
}

static slv_code put_pulled(queue_rest *r)
{
    SLV_TRY(slv_buf_printf(&r->out, "{\"message_backlog_count\":%llu,\"messages\":[",
                           (unsigned long long)r->batch.left.count));
    for (size_t i = 0; i < r->batch.messages.len; i++) {
        if (i > 0)
            SLV_TRY(slv_buf_append_byte(&r->out, ','));
        SLV_TRY(put_message(&r->out, &r->batch.messages.items[i]));
    }
    return slv_buf_append(&r->out, SLV_STR("]}"));
}

static slv_code run_pull(slv_call *call, void *service, slv_err *err)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    return slv_queue_pull(service, &r->pull, &r->batch, &r->dead, err);
}

static slv_code run_bury(slv_call *call, void *service, slv_err *err)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    for (size_t i = 0; i < r->dead.messages.len; i++) {
        const slv_queue_message *m = &r->dead.messages.items[i];
        const slv_queue_new copy = {.body = m->body,
                                    .type = m->type,
                                    .delay_s = -1,
                                    .id = slv_str_from(m->id),
                                    .timestamp_ms = m->timestamp_ms};

        SLV_TRY(slv_queue_send(service, &copy, 1, r->now_ms, NULL, err));
    }
    return SLV_OK;
}

static slv_code run_remove_dead(slv_call *call, void *service, slv_err *err)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);
    int64_t seqs[SLV_QUEUE_BATCH_MAX];

    for (size_t i = 0; i < r->dead.messages.len; i++)
        seqs[i] = r->dead.messages.items[i].seq;
    return slv_queue_remove(service, seqs, r->dead.messages.len, err);
}

static void answer_pull(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    (void)slv_store_unref(r->dead_store);
    r->dead_store = NULL;
    if (call->code == SLV_OK)
        slv_queue_rest_answer(r, put_pulled(r));
    else
        slv_queue_rest_fail(r, &call->err);
}

static void on_buried(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    if (call->code != SLV_OK) {
        answer_pull(call);
        return;
    }
    slv_server *server = slv_api_server(r->api->api);
    if (server)
        slv_server_queue_changed(server, r->api->tenant, settings_of(r).dead_letter_queue);
    slv_queue_rest_call(r, SLV_CALL_WRITE, false, run_remove_dead, answer_pull);
}

/* Those that were pulled too often go before the rest is answered. */
static void on_pulled(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);
    slv_str dead_letters;

    if (call->code != SLV_OK || r->dead.messages.len == 0) {
        answer_pull(call);
        return;
    }
    dead_letters = settings_of(r).dead_letter_queue;
    if (dead_letters.len == 0) {
        slv_queue_rest_call(r, SLV_CALL_WRITE, false, run_remove_dead, answer_pull);
        return;
    }
    r->dead_store =
        slv_state_store(slv_api_state(r->api->api), &slv_queue_store, r->api->tenant, dead_letters);
    r->call =
        (slv_call){.kind = SLV_CALL_WRITE, .create = true, .run = run_bury, .done = on_buried};
    slv_store_call(r->dead_store, slv_api_loop(r->api->api), &r->call);
}

static slv_code take_pull(queue_rest *r, slv_err *err)
{
    consumer_settings s = settings_of(r);
    const slv_node *n;

    n = slv_node_get(r->body, "batch_size");
    if (n && (!slv_node_i64(n, &s.batch_size) || s.batch_size < 1 ||
              s.batch_size > (int64_t)SLV_QUEUE_BATCH_MAX))
        return slv_fail(err, SLV_E_INVAL, "batch_size must be a whole number from 1 to %zu",
                        SLV_QUEUE_BATCH_MAX);
    n = slv_node_get(r->body, "visibility_timeout_ms");
    if (!n)
        n = slv_node_get(r->body, "visibility_timeout");
    if (n && (!slv_node_i64(n, &s.visibility_ms) || s.visibility_ms < 0 ||
              s.visibility_ms > SLV_QUEUE_LEASE_MAX_MS))
        return slv_fail(err, SLV_E_INVAL,
                        "visibility_timeout_ms must be a whole number from 0 to %lld",
                        (long long)SLV_QUEUE_LEASE_MAX_MS);
    r->pull = (slv_queue_pull_options){
        .now_ms = r->now_ms,
        .lease_ms = s.visibility_ms,
        .max = (size_t)SLV_MIN(s.batch_size, (int64_t)SLV_QUEUE_BATCH_MAX),
        .attempts_max = (uint32_t)s.retries + 1,
    };
    return SLV_OK;
}

static void pull_found(queue_rest *r)
{
    slv_err err = {0};

    r->body = r->api->user;
    if (take_pull(r, &err) != SLV_OK)
        slv_queue_rest_fail(r, &err);
    else
        slv_queue_rest_call(r, SLV_CALL_WRITE, false, run_pull, on_pulled);
}

static void post_pull(slv_api_call *call)
{
    with_body(call, pull_found);
}

/* ---- acknowledging ---- */

static slv_code settle_one(queue_rest *r, slv_queue *q, const slv_node *n, bool ack,
                           int64_t otherwise_s, slv_err *err)
{
    slv_str lease = slv_node_str(slv_node_get(n, "lease_id"));
    int64_t delay = otherwise_s;
    slv_code code;

    if (!ack)
        SLV_TRY(take_delay(slv_node_get(n, "delay_seconds"), &delay, err));
    code = slv_queue_settle(q, lease, ack, r->now_ms + delay * 1000, err);
    if (code == SLV_E_NOTFOUND) {
        r->unknown++;
        return SLV_OK;
    }
    if (code == SLV_OK && ack)
        r->acked++;
    else if (code == SLV_OK)
        r->retried++;
    return code;
}

static slv_code run_settle(slv_call *call, void *service, slv_err *err)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);
    const slv_node *acks = slv_node_get(r->body, "acks"),
                   *retries = slv_node_get(r->body, "retries");
    int64_t delay = settings_of(r).retry_delay_s;

    for (const slv_node *n = acks ? acks->first : NULL; n; n = n->next)
        SLV_TRY(settle_one(r, service, n, true, 0, err));
    for (const slv_node *n = retries ? retries->first : NULL; n; n = n->next)
        SLV_TRY(settle_one(r, service, n, false, delay, err));
    return SLV_OK;
}

static slv_code put_settled(queue_rest *r)
{
    SLV_TRY(slv_buf_printf(&r->out, "{\"ackCount\":%zu,\"retryCount\":%zu,\"warnings\":[", r->acked,
                           r->retried));
    if (r->unknown > 0)
        SLV_TRY(slv_buf_printf(&r->out, "\"%zu lease%s of no message that waits\"", r->unknown,
                               r->unknown == 1 ? " is" : "s are"));
    return slv_buf_append(&r->out, SLV_STR("]}"));
}

static void on_settled(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    if (call->code != SLV_OK) {
        slv_queue_rest_fail(r, &call->err);
        return;
    }
    slv_queue_rest_changed(r);
    slv_queue_rest_answer(r, put_settled(r));
}

static slv_code check_leases(const slv_node *list, const char *name, slv_err *err)
{
    if (!list || list->type == SLV_NODE_NULL)
        return SLV_OK;
    if (list->type != SLV_NODE_ARRAY)
        return slv_fail(err, SLV_E_INVAL, "%s must be an array", name);
    if (list->count > SETTLE_MAX)
        return slv_fail(err, SLV_E_LIMIT, "%s has %zu items; %d are allowed", name, list->count,
                        SETTLE_MAX);
    for (const slv_node *n = list->first; n; n = n->next)
        if (!slv_node_is(slv_node_get(n, "lease_id"), SLV_NODE_STRING))
            return slv_fail(err, SLV_E_INVAL, "an item of %s has no lease_id", name);
    return SLV_OK;
}

static void settle_found(queue_rest *r)
{
    slv_err err = {0};
    slv_code code;

    r->body = r->api->user;
    code = check_leases(slv_node_get(r->body, "acks"), "acks", &err);
    if (code == SLV_OK)
        code = check_leases(slv_node_get(r->body, "retries"), "retries", &err);
    if (code != SLV_OK)
        slv_queue_rest_fail(r, &err);
    else
        slv_queue_rest_call(r, SLV_CALL_WRITE, false, run_settle, on_settled);
}

static void post_ack(slv_api_call *call)
{
    with_body(call, settle_found);
}

#define MESSAGES "/accounts/:account/queues/:queue/messages"

const slv_api_route slv_api_queue_message_routes[] = {
    {"POST", MESSAGES, post_messages, MESSAGES_BODY_MAX, false, SLV_API_TOKEN},
    {"POST", MESSAGES "/batch", post_messages, MESSAGES_BODY_MAX, false, SLV_API_TOKEN},
    {"POST", MESSAGES "/pull", post_pull, 0, false, SLV_API_TOKEN},
    {"POST", MESSAGES "/ack", post_ack, 0, false, SLV_API_TOKEN},
    {0},
};
