/*
 * Consumers of queues that are workers, on a server of many workers: rows of the catalog
 * (catalog/consumer.h), put into effect by the host.
 */
#include <inttypes.h>

#include "api/queues_int.h"
#include "catalog/catalog.h"
#include "fmt/json.h"
#include "host/host.h"

#define PRODUCERS_BYTES ((size_t)64 << 20) /* metadata of an account's workers */

/* ---- calls on the catalog ---- */

static void catalog_call(queue_rest *r, slv_call_kind kind,
                         slv_code (*run)(slv_call *, void *, slv_err *), void (*done)(slv_call *))
{
    r->call = (slv_call){.kind = kind, .run = run, .done = done};
    slv_api_catalog_call(r->api, slv_api_catalog(r->api->api), &r->call);
}

static void on_done(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    if (call->code == SLV_OK)
        r->then(r);
    else if (call->code == SLV_E_NOTFOUND)
        slv_queue_rest_refuse(r, 404, QUEUE_NO_WORKER, slv_err_text(&call->err));
    else
        slv_queue_rest_fail(r, &call->err);
}

/* ---- a row as JSON ---- */

static slv_code put_number(slv_buf *out, const char *name, int64_t value, bool *first)
{
    if (value == SLV_CONSUMER_UNSET)
        return SLV_OK;
    SLV_TRY(slv_buf_printf(out, "%s\"%s\":%" PRId64, *first ? "" : ",", name, value));
    *first = false;
    return SLV_OK;
}

static slv_code put_row(const slv_consumer_row *row, slv_buf *out)
{
    bool first = true;

    slv_buf_reset(out);
    SLV_TRY(slv_buf_printf(
        out, "{\"consumer_id\":\"%.*s\",\"type\":\"worker\",\"script\":", SLV_STR_ARGS(row->id)));
    SLV_TRY(slv_json_put_string(out, row->worker));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"script_name\":")));
    SLV_TRY(slv_json_put_string(out, row->worker));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"queue_name\":")));
    SLV_TRY(slv_json_put_string(out, row->queue));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"created_on\":")));
    SLV_TRY(slv_queue_rest_put_time(out, row->created_ms));
    if (row->dead_letter_queue.len > 0) {
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"dead_letter_queue\":")));
        SLV_TRY(slv_json_put_string(out, row->dead_letter_queue));
    }
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"settings\":{")));
    SLV_TRY(put_number(out, "batch_size", row->batch_size, &first));
    SLV_TRY(put_number(out, "max_wait_time_ms", row->wait_ms, &first));
    SLV_TRY(put_number(out, "max_retries", row->retries, &first));
    SLV_TRY(put_number(out, "max_concurrency", row->concurrency, &first));
    SLV_TRY(put_number(out, "retry_delay", row->retry_delay_s, &first));
    return slv_buf_append(out, SLV_STR("}}"));
}

/* ---- reading ---- */

static void add_producer(queue_rest *r, slv_str queue, slv_str worker)
{
    for (size_t i = 0; i < r->producers.items.len; i++) {
        const queue_producer *p = &r->producers.items.items[i];

        if (slv_str_eq(p->queue, queue) && slv_str_eq(p->worker, worker))
            return;
    }
    slv_vec_push(&r->producers.items, ((queue_producer){queue, worker}));
}

static slv_code producers_of(queue_rest *r, slv_catalog *c, const slv_worker_row *row, slv_err *err)
{
    const slv_worker_key key = slv_worker_row_key(row);
    slv_arena *arena = &r->producers.arena;
    slv_deployment_row d;
    slv_version_row v;
    slv_code code = slv_catalog_deployment_current(c, &key, arena, &d, err);

    if (code != SLV_OK)
        return code == SLV_E_NOTFOUND ? SLV_OK : code;
    for (size_t i = 0; i < d.version_count; i++) {
        slv_node *metadata = NULL;

        SLV_TRY(slv_catalog_version_get(c, &key, d.versions[i].version, arena, &v, err));
        if (slv_json_parse(v.metadata, SLV_JSON_STRICT, arena, &metadata, NULL) != SLV_OK)
            continue;
        const slv_node *list = slv_node_get(metadata, "bindings");
        for (const slv_node *b = slv_node_is(list, SLV_NODE_ARRAY) ? list->first : NULL; b;
             b = b->next) {
            if (slv_str_is(slv_node_str(slv_node_get(b, "type")), "queue"))
                add_producer(r, slv_node_str(slv_node_get(b, "queue_name")), row->name);
        }
    }
    return SLV_OK;
}

/* Once for a request, however many queues it lists. */
static slv_code find_producers(queue_rest *r, slv_catalog *c, slv_err *err)
{
    slv_worker_list list = {0};

    if (r->producers.known)
        return SLV_OK;
    r->producers.known = true;
    r->producers.arena = SLV_ARENA(PRODUCERS_BYTES);
    SLV_TRY(
        slv_catalog_worker_list(c, r->api->tenant, SLV_STR_NULL, &r->producers.arena, &list, err));
    for (size_t i = 0; i < list.count; i++)
        SLV_TRY(producers_of(r, c, &list.items[i], err));
    return SLV_OK;
}

static slv_code run_get(slv_call *call, void *service, slv_err *err)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    SLV_TRY(find_producers(r, service, err));
    if (r->consumer.len > 0) /* one that pulls */
        return SLV_OK;
    slv_code code = slv_catalog_consumer_get(service, r->api->tenant, slv_str_from(r->name),
                                             &r->arena, &r->row, err);

    if (code == SLV_E_NOTFOUND)
        return SLV_OK;
    if (code == SLV_OK)
        code = put_row(&r->row, &r->consumer);
    return code;
}

void slv_queue_rest_consumer(queue_rest *r, void (*then)(queue_rest *r))
{
    r->row = (slv_consumer_row){0};
    slv_arena_reset(&r->arena);
    if ((r->consumer.len > 0 && r->producers.known) || !slv_api_catalog(r->api->api)) {
        then(r);
        return;
    }
    r->then = then;
    catalog_call(r, SLV_CALL_READ, run_get, on_done);
}

/* ---- writing ---- */

static void apply(queue_rest *r, slv_str worker)
{
    slv_host *host = slv_api_host(r->api->api);

    if (host && worker.len > 0)
        slv_host_refresh(host, r->api->tenant, worker, SLV_STR(""), NULL, NULL);
}

typedef struct worker_setting {
    const char *name;
    int64_t min, max;
} worker_setting;

static const worker_setting settings[] = {
    {"batch_size", 1, 100},      {"max_wait_time_ms", 0, 60000},          {"max_retries", 0, 100},
    {"max_concurrency", 1, 250}, {"retry_delay", 0, SLV_QUEUE_DELAY_MAX},
};

static slv_code read_settings(const slv_node *given, slv_consumer_row *row, slv_err *err)
{
    int64_t *const to[] = {&row->batch_size, &row->wait_ms, &row->retries, &row->concurrency,
                           &row->retry_delay_s};

    for (size_t i = 0; i < SLV_ARRAY_LEN(settings); i++) {
        const worker_setting *s = &settings[i];
        const slv_node *n = slv_node_get(given, s->name);

        *to[i] = SLV_CONSUMER_UNSET;
        if (!n || n->type == SLV_NODE_NULL)
            continue;
        if (!slv_node_i64(n, to[i]) || *to[i] < s->min || *to[i] > s->max)
            return slv_fail(err, SLV_E_INVAL,
                            "%s must be a whole number from %" PRId64 " to %" PRId64, s->name,
                            s->min, s->max);
    }
    return SLV_OK;
}

static slv_code run_put(slv_call *call, void *service, slv_err *err)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    SLV_TRY(slv_catalog_consumer_put(service, r->api->tenant, &r->row, err));
    return put_row(&r->row, &r->out);
}

static void put_done(queue_rest *r)
{
    apply(r, r->row.worker);
    if (!slv_str_eq(r->worker_before, r->row.worker))
        apply(r, r->worker_before);
    slv_queue_rest_answer(r, SLV_OK);
}

static slv_str script_of(const slv_node *body)
{
    static const char *const names[] = {"script_name", "script", "service"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(names); i++) {
        slv_str name = slv_node_str(slv_node_get(body, names[i]));

        if (name.len > 0)
            return name;
    }
    return SLV_STR_NULL;
}

void slv_queue_rest_put_worker(queue_rest *r, slv_str id)
{
    slv_err err = {0};
    const slv_consumer_row before = r->row;

    r->worker_before = before.worker;
    r->row = (slv_consumer_row){
        .queue = slv_str_from(r->name),
        .id = id,
        .worker = script_of(r->body),
        .dead_letter_queue = slv_node_str(slv_node_get(r->body, "dead_letter_queue")),
        .created_ms = before.created_ms > 0 ? before.created_ms : r->now_ms,
    };
    if (r->row.worker.len == 0)
        r->row.worker = before.worker;
    if (r->row.worker.len == 0) {
        slv_queue_rest_refuse(r, 400, QUEUE_BAD_CONSUMER,
                              "script_name must name the worker that takes the messages");
        return;
    }
    if (read_settings(slv_node_get(r->body, "settings"), &r->row, &err) != SLV_OK) {
        slv_queue_rest_refuse(r, 400, QUEUE_BAD_CONSUMER, slv_err_text(&err));
        return;
    }
    r->then = put_done;
    catalog_call(r, SLV_CALL_WRITE, run_put, on_done);
}

static slv_code run_remove(slv_call *call, void *service, slv_err *err)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    return slv_catalog_consumer_remove(service, r->api->tenant, slv_str_from(r->name), err);
}

static void on_removed(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    if (call->code != SLV_OK) {
        slv_queue_rest_fail(r, &call->err);
        return;
    }
    apply(r, r->row.worker);
    r->then(r);
}

void slv_queue_rest_remove_worker(queue_rest *r, void (*then)(queue_rest *r))
{
    if (r->row.id.len == 0) {
        then(r);
        return;
    }
    r->then = then;
    catalog_call(r, SLV_CALL_WRITE, run_remove, on_removed);
}
