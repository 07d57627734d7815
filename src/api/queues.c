/*
 * Queues by HTTP: /accounts/:account/queues. A queue is named by its id or by its name. Consumers
 * that pull are kept with the queue; workers that take messages say so in their configuration.
 */
#include "api/queues_int.h"
#include "api/routes.h"
#include "base/clock.h"
#include "base/rand.h"
#include "fmt/json.h"

#define PER_PAGE 100

void slv_queue_rest_free(queue_rest *r)
{
    (void)slv_store_unref(r->store);
    for (size_t i = 0; i < r->names.len; i++)
        free(r->names.items[i]);
    slv_vec_done(&r->names);
    slv_buf_done(&r->out);
    slv_buf_done(&r->consumer);
    slv_arena_done(&r->arena);
    slv_arena_done(&r->producers.arena);
    slv_vec_done(&r->producers.items);
    slv_queue_batch_done(&r->batch);
    slv_queue_batch_done(&r->dead);
    free(r);
}

/* ---- errors ---- */

void slv_queue_rest_fail(queue_rest *r, const slv_err *err)
{
    slv_api_call *call = r->api;
    const slv_err why = *err; /* which may be r's own */

    if (r->gone)
        r->gone(call);
    slv_queue_rest_free(r);
    if (why.code == SLV_E_NOTFOUND)
        slv_api_error(call, 404, QUEUE_NOT_FOUND, "Queue not found");
    else
        slv_api_fail(call, &why, why.code == SLV_E_INVAL ? QUEUE_INVALID : 0);
}

void slv_queue_rest_refuse(queue_rest *r, int status, int code, const char *text)
{
    slv_api_call *call = r->api;

    if (r->gone)
        r->gone(call);
    slv_queue_rest_free(r);
    slv_api_error(call, status, code, "%s", text);
}

void slv_queue_rest_answer(queue_rest *r, slv_code code)
{
    slv_api_call *call = r->api;

    if (code == SLV_OK)
        slv_api_ok(call, slv_buf_view(&r->out));
    else
        slv_api_abort(call);
    slv_queue_rest_free(r);
}

void slv_queue_rest_changed(queue_rest *r)
{
    slv_server *server = slv_api_server(r->api->api);

    if (server)
        slv_server_queue_changed(server, r->api->tenant, slv_str_from(r->name));
}

/* ---- one queue's store ---- */

void slv_queue_rest_call(queue_rest *r, slv_call_kind kind, bool create,
                         slv_code (*run)(slv_call *, void *, slv_err *), void (*then)(slv_call *))
{
    r->call = (slv_call){.kind = kind, .create = create, .run = run, .done = then};
    slv_store_call(r->store, slv_api_loop(r->api->api), &r->call);
}

static void use_store(queue_rest *r, slv_str name)
{
    (void)slv_store_unref(r->store);
    r->store = slv_state_store(slv_api_state(r->api->api), &slv_queue_store, r->api->tenant, name);
    snprintf(r->name, sizeof r->name, "%.*s", SLV_STR_ARGS(name));
}

static slv_code run_settings(slv_call *call, void *service, slv_err *err)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    SLV_TRY(slv_queue_get_settings(service, &r->settings, err));
    return slv_queue_get_consumer(service, &r->consumer, err);
}

static void on_name(void *arg, slv_str id)
{
    queue_rest *r = arg;

    slv_vec_push(&r->names, slv_strndup(id.ptr, id.len));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static slv_code list_names(queue_rest *r, slv_err *err)
{
    SLV_TRY(slv_state_list(slv_api_state(r->api->api), &slv_queue_store, r->api->tenant, on_name, r,
                           err));
    qsort(r->names.items, r->names.len, sizeof r->names.items[0], by_name);
    return SLV_OK;
}

queue_rest *slv_queue_rest_new(slv_api_call *call)
{
    queue_rest *r = slv_new0(queue_rest);

    r->api = call;
    r->now_ms = slv_loop_wall_ms(slv_api_loop(call->api));
    r->out = SLV_BUF((size_t)64 << 20);
    r->consumer = SLV_BUF(SLV_QUEUE_CONSUMER_MAX + 1);
    r->arena = SLV_ARENA((size_t)64 << 10);
    return r;
}

/* ---- finding one by id or name ---- */

static void find_next(queue_rest *r);

static void on_candidate(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    if (call->code == SLV_OK &&
        (slv_str_is(r->wanted, r->settings.id) || slv_str_is(r->wanted, r->name)))
        r->found(r);
    else if (call->code == SLV_OK || call->code == SLV_E_NOTFOUND)
        find_next(r);
    else
        slv_queue_rest_fail(r, &call->err);
}

static void find_next(queue_rest *r)
{
    if (r->at == r->names.len) {
        slv_queue_rest_refuse(r, 404, QUEUE_NOT_FOUND, "Queue not found");
        return;
    }
    use_store(r, slv_str_from(r->names.items[r->at++]));
    slv_queue_rest_call(r, SLV_CALL_READ, false, run_settings, on_candidate);
}

/* The one of that name alone, when there is one: ids have another form. */
static void keep_named(queue_rest *r)
{
    for (size_t i = 0; i < r->names.len; i++) {
        if (!slv_str_is(r->wanted, r->names.items[i]))
            continue;
        char *name = r->names.items[i];
        r->names.items[i] = r->names.items[0];
        r->names.items[0] = name;
        return;
    }
}

void slv_queue_rest_find(slv_api_call *call, void (*found)(queue_rest *r))
{
    slv_queue_rest_find_named(call, call->params[1], found, NULL);
}

void slv_queue_rest_find_named(slv_api_call *call, slv_str wanted, void (*found)(queue_rest *r),
                               void (*gone)(slv_api_call *call))
{
    queue_rest *r = slv_queue_rest_new(call);
    slv_err err = {0};

    r->wanted = wanted;
    r->found = found;
    r->gone = gone;
    if (list_names(r, &err) != SLV_OK) {
        slv_queue_rest_fail(r, &err);
        return;
    }
    keep_named(r);
    find_next(r);
}

/* ---- a queue as JSON ---- */

slv_code slv_queue_rest_put_time(slv_buf *out, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[40];

    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
    return slv_buf_printf(out, "\"%s.%03dZ\"", text, (int)(ms % 1000));
}

static slv_code put_producers(queue_rest *r, slv_buf *out)
{
    unsigned count = 0;

    SLV_TRY(slv_buf_append(out, SLV_STR(",\"producers\":[")));
    for (size_t i = 0; i < r->producers.items.len; i++) {
        const queue_producer *p = &r->producers.items.items[i];

        if (!slv_str_is(p->queue, r->name))
            continue;
        SLV_TRY(slv_buf_printf(out, "%s{\"type\":\"worker\",\"script\":", count++ ? "," : ""));
        SLV_TRY(slv_json_put_string(out, p->worker));
        SLV_TRY(slv_buf_append_byte(out, '}'));
    }
    return slv_buf_printf(out, "],\"producers_total_count\":%u,\"consumers\":[", count);
}

static slv_code put_queue(queue_rest *r, slv_buf *out)
{
    const slv_queue_settings *s = &r->settings;

    SLV_TRY(slv_buf_printf(out, "{\"queue_id\":\"%s\",\"queue_name\":", s->id));
    SLV_TRY(slv_json_put_string(out, slv_str_from(r->name)));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"created_on\":")));
    SLV_TRY(slv_queue_rest_put_time(out, s->created_ms));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"modified_on\":")));
    SLV_TRY(slv_queue_rest_put_time(out, s->modified_ms));
    SLV_TRY(slv_buf_printf(out,
                           ",\"settings\":{\"delivery_delay\":%lld,"
                           "\"message_retention_period\":%lld,\"delivery_paused\":%s}",
                           (long long)s->delay_s, (long long)s->retention_s,
                           s->paused ? "true" : "false"));
    SLV_TRY(put_producers(r, out));
    SLV_TRY(slv_buf_append(out, slv_buf_view(&r->consumer)));
    return slv_buf_printf(out, "],\"consumers_total_count\":%d}", r->consumer.len > 0);
}

static void answer_queue(queue_rest *r)
{
    slv_queue_rest_answer(r, put_queue(r, &r->out));
}

static void on_read_again(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    if (call->code == SLV_OK)
        slv_queue_rest_consumer(r, answer_queue);
    else
        slv_queue_rest_fail(r, &call->err);
}

/* ---- GET /queues ---- */

static bool is_asked_for(const slv_api_call *call, const char *name)
{
    slv_str wanted = slv_api_query_item(call, "name", 0);

    for (size_t i = 1; wanted.ptr; i++) {
        if (slv_str_is(wanted, name))
            return true;
        wanted = slv_api_query_item(call, "name", i);
    }
    return slv_api_query(call, "name").ptr == NULL;
}

static void list_next(queue_rest *r);

static void finish_list(queue_rest *r)
{
    SLV_CLEANUP(slv_buf_done) slv_buf info = SLV_BUF(256);
    slv_api_call *call = r->api;
    slv_code code = slv_buf_append_byte(&r->out, ']');

    if (code == SLV_OK)
        code = slv_buf_printf(&info,
                              "{\"page\":%llu,\"per_page\":%d,\"count\":%zu,\"total_count\":%zu,"
                              "\"total_pages\":%zu}",
                              (unsigned long long)r->page, PER_PAGE, r->listed, r->total,
                              (r->total + PER_PAGE - 1) / PER_PAGE);
    if (code == SLV_OK)
        slv_api_ok_info(call, slv_buf_view(&r->out), slv_buf_view(&info));
    else
        slv_api_abort(call);
    slv_queue_rest_free(r);
}

static void put_listed(queue_rest *r)
{
    slv_code code = SLV_OK;

    if (r->listed++ > 0)
        code = slv_buf_append_byte(&r->out, ',');
    if (code == SLV_OK)
        code = put_queue(r, &r->out);
    if (code != SLV_OK)
        slv_queue_rest_answer(r, code);
    else
        list_next(r);
}

static void on_listed(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    if (call->code == SLV_OK)
        slv_queue_rest_consumer(r, put_listed);
    else if (call->code == SLV_E_NOTFOUND)
        list_next(r);
    else
        slv_queue_rest_fail(r, &call->err);
}

static void list_next(queue_rest *r)
{
    while (r->at < r->names.len) {
        const char *name = r->names.items[r->at++];
        size_t place;

        if (!is_asked_for(r->api, name))
            continue;
        place = r->total++;
        if (place < (r->page - 1) * PER_PAGE || place >= r->page * PER_PAGE)
            continue;
        use_store(r, slv_str_from(name));
        slv_queue_rest_call(r, SLV_CALL_READ, false, run_settings, on_listed);
        return;
    }
    finish_list(r);
}

static void get_queues(slv_api_call *call)
{
    queue_rest *r;
    uint64_t page;
    slv_err err = {0};

    if (!slv_api_query_number(call, "page", 1, 1000000, 1, &page))
        return;
    r = slv_queue_rest_new(call);
    r->page = page;
    if (list_names(r, &err) != SLV_OK || slv_buf_append_byte(&r->out, '[') != SLV_OK) {
        slv_queue_rest_fail(r, &err);
        return;
    }
    list_next(r);
}

/* ---- making, changing, removing ---- */

static slv_code take_settings(queue_rest *r, const slv_node *body, slv_err *err)
{
    const slv_node *s = slv_node_get(body, "settings"), *n;

    if ((n = slv_node_get(s, "delivery_delay")) && !slv_node_i64(n, &r->settings.delay_s))
        return slv_fail(err, SLV_E_INVAL, "delivery_delay must be a whole number");
    if ((n = slv_node_get(s, "message_retention_period")) &&
        !slv_node_i64(n, &r->settings.retention_s))
        return slv_fail(err, SLV_E_INVAL, "message_retention_period must be a whole number");
    if ((n = slv_node_get(s, "delivery_paused"))) {
        if (n->type != SLV_NODE_BOOL)
            return slv_fail(err, SLV_E_INVAL, "delivery_paused must be true or false");
        r->settings.paused = n->boolean;
    }
    return SLV_OK;
}

/* Creation of a name that a first message has made already takes it over. */
static slv_code run_create(slv_call *call, void *service, slv_err *err)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    SLV_TRY(slv_queue_get_settings(service, &r->settings, err));
    if (r->settings.declared)
        return slv_fail(err, SLV_E_EXISTS, "Queue name '%s' is already taken", r->name);
    r->settings.declared = true;
    SLV_TRY(take_settings(r, r->body, err));
    SLV_TRY(slv_queue_set_settings(service, &r->settings, r->now_ms, err));
    return run_settings(call, service, err);
}

static void on_created(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);
    slv_api_call *api = r->api;

    if (call->code == SLV_E_EXISTS) {
        slv_err err = call->err;

        slv_queue_rest_free(r);
        slv_api_error(api, 409, QUEUE_EXISTS, "%s", slv_err_text(&err));
        return;
    }
    if (call->code == SLV_OK)
        slv_queue_rest_changed(r);
    on_read_again(call);
}

static void post_queue(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    slv_str name = slv_node_str(slv_node_get(body, "queue_name"));
    queue_rest *r;

    if (!body)
        return;
    if (!slv_queue_name_valid(name)) {
        slv_api_error(call, 400, QUEUE_BAD_NAME,
                      "Queue name must have 1 to %zu lower case letters, digits and hyphens, and "
                      "begin and end with a letter or digit",
                      SLV_QUEUE_NAME_MAX);
        return;
    }
    r = slv_queue_rest_new(call);
    r->body = body;
    use_store(r, name);
    slv_queue_rest_call(r, SLV_CALL_WRITE, true, run_create, on_created);
}

static slv_code run_change(slv_call *call, void *service, slv_err *err)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    SLV_TRY(slv_queue_get_settings(service, &r->settings, err));
    SLV_TRY(take_settings(r, r->body, err));
    SLV_TRY(slv_queue_set_settings(service, &r->settings, r->now_ms, err));
    return run_settings(call, service, err);
}

static void on_changed(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    if (call->code == SLV_OK)
        slv_queue_rest_changed(r);
    on_read_again(call);
}

static void change_found(queue_rest *r)
{
    slv_str name = slv_node_str(slv_node_get(r->body, "queue_name"));

    if (name.len > 0 && !slv_str_is(name, r->name)) {
        slv_queue_rest_refuse(r, 400, QUEUE_INVALID, "A queue cannot be renamed");
        return;
    }
    slv_queue_rest_call(r, SLV_CALL_WRITE, false, run_change, on_changed);
}

static void change_with_body(queue_rest *r)
{
    r->body = r->api->user;
    change_found(r);
}

static void change_queue(slv_api_call *call)
{
    call->user = slv_api_body_json(call);
    if (call->user)
        slv_queue_rest_find(call, change_with_body);
}

static void get_found(queue_rest *r)
{
    slv_queue_rest_consumer(r, answer_queue);
}

static void get_queue(slv_api_call *call)
{
    slv_queue_rest_find(call, get_found);
}

static void on_destroyed(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    if (call->code == SLV_OK) {
        slv_queue_rest_changed(r);
        slv_queue_rest_answer(r, SLV_OK);
    } else {
        slv_queue_rest_fail(r, &call->err);
    }
}

static void destroy_store(queue_rest *r)
{
    r->call = (slv_call){.done = on_destroyed};
    slv_store_destroy(r->store, slv_api_loop(r->api->api), &r->call);
}

static void drop_consumer(queue_rest *r)
{
    slv_queue_rest_remove_worker(r, destroy_store);
}

static void destroy_found(queue_rest *r)
{
    slv_queue_rest_consumer(r, drop_consumer);
}

static void delete_queue(slv_api_call *call)
{
    slv_queue_rest_find(call, destroy_found);
}

/* ---- purge ---- */

static slv_code run_purge(slv_call *call, void *service, slv_err *err)
{
    (void)call;
    return slv_queue_purge(service, err);
}

static slv_code put_purge(queue_rest *r)
{
    SLV_TRY(slv_buf_append(&r->out, SLV_STR("{\"started_at\":")));
    SLV_TRY(slv_queue_rest_put_time(&r->out, r->now_ms));
    return slv_buf_append(&r->out, SLV_STR(",\"complete\":true}"));
}

static void on_purged(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    if (call->code != SLV_OK) {
        slv_queue_rest_fail(r, &call->err);
        return;
    }
    slv_queue_rest_changed(r);
    slv_queue_rest_answer(r, put_purge(r));
}

static void purge_found(queue_rest *r)
{
    slv_queue_rest_call(r, SLV_CALL_WRITE, false, run_purge, on_purged);
}

static void post_purge(slv_api_call *call)
{
    slv_node *body = slv_api_body_json(call);
    const slv_node *sure = slv_node_get(body, "delete_messages_permanently");

    if (!body)
        return;
    if (!slv_node_is(sure, SLV_NODE_BOOL) || !sure->boolean) {
        slv_api_error(call, 400, QUEUE_INVALID,
                      "delete_messages_permanently must be true to purge a queue");
        return;
    }
    slv_queue_rest_find(call, purge_found);
}

/* ---- metrics ---- */

static slv_code run_metrics(slv_call *call, void *service, slv_err *err)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    return slv_queue_get_metrics(service, &r->metrics, err);
}

slv_code slv_queue_rest_put_metrics(slv_buf *out, const slv_queue_metrics *m)
{
    return slv_buf_printf(out,
                          "{\"backlog_count\":%llu,\"backlog_bytes\":%llu,"
                          "\"oldest_message_timestamp_ms\":%lld}",
                          (unsigned long long)m->count, (unsigned long long)m->bytes,
                          (long long)m->oldest_ms);
}

static void on_metrics(slv_call *call)
{
    queue_rest *r = slv_container_of(call, queue_rest, call);

    if (call->code == SLV_OK)
        slv_queue_rest_answer(r, slv_queue_rest_put_metrics(&r->out, &r->metrics));
    else
        slv_queue_rest_fail(r, &call->err);
}

static void metrics_found(queue_rest *r)
{
    slv_queue_rest_call(r, SLV_CALL_READ, false, run_metrics, on_metrics);
}

static void get_metrics(slv_api_call *call)
{
    slv_queue_rest_find(call, metrics_found);
}

/* ---- */

#define ONE "/accounts/:account/queues/:queue"

const slv_api_route slv_api_queue_routes[] = {
    {"GET", "/accounts/:account/queues", get_queues, 0, false, SLV_API_TOKEN},
    {"POST", "/accounts/:account/queues", post_queue, 0, false, SLV_API_TOKEN},
    {"GET", ONE, get_queue, 0, false, SLV_API_TOKEN},
    {"PATCH", ONE, change_queue, 0, false, SLV_API_TOKEN},
    {"PUT", ONE, change_queue, 0, false, SLV_API_TOKEN},
    {"DELETE", ONE, delete_queue, 0, false, SLV_API_TOKEN},
    {"POST", ONE "/purge", post_purge, 0, false, SLV_API_TOKEN},
    {"GET", ONE "/metrics", get_metrics, 0, false, SLV_API_TOKEN},
    {0},
};
