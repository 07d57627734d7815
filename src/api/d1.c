/*
 * D1 by HTTP, as wrangler calls it: the table of routes, and queries.
 */
#include <stdlib.h>

#include "api/d1_int.h"
#include "api/routes.h"
#include "base/mem.h"
#include "base/vec.h"
#include "store/sqlsplit.h"

#define QUERY_BODY_MAX ((size_t)32 << 20)
#define STATEMENTS_MAX 100000

void slv_api_d1_fail(slv_api_call *call, slv_code code, const slv_err *err, slv_str message)
{
    if (code == SLV_E_IO || code == SLV_E_NOMEM || message.len == 0)
        slv_api_fail(call, err, 0);
    else
        slv_api_error(call, 400, SLV_API_D1_FAILED, "%.*s", SLV_STR_ARGS(message));
}

typedef struct query {
    slv_api_call *api;
    slv_d1_call d;
    slv_store *store;
    SLV_VEC(slv_d1_statement) statements;
    slv_d1_json json;
    slv_buf message;
    atomic_bool stop;
} query;

static void query_free(query *q)
{
    (void)slv_store_unref(q->store);
    slv_vec_done(&q->statements);
    slv_d1_json_done(&q->json);
    slv_buf_done(&q->message);
    free(q);
}

static void call_store(query *q, slv_call_kind kind);

static void on_gone(slv_api_call *call)
{
    query *q = call->user;

    atomic_store_explicit(&q->stop, true, memory_order_relaxed);
    slv_store_cancel(&q->d.call);
}

static void on_done(slv_call *call)
{
    query *q = slv_container_of(call, query, d.call);

    if (call->kind == SLV_CALL_READ &&
        (call->code == SLV_E_STATE || call->code == SLV_E_NOTFOUND)) {
        call_store(q, SLV_CALL_SOLO);
        return;
    }
    if (call->code == SLV_OK)
        slv_api_ok(q->api, slv_buf_view(&q->json.out));
    else
        slv_api_d1_fail(q->api, call->code, &call->err, slv_buf_view(&q->message));
    query_free(q);
}

static void call_store(query *q, slv_call_kind kind)
{
    q->d.ask = (slv_d1_ask){.kind = SLV_D1_ASK_JSON,
                            .stop = &q->stop,
                            .statements = q->statements.items,
                            .count = q->statements.len,
                            .message = &q->message,
                            .out = &q->json};
    slv_d1_call_make(&q->d, q->store, slv_api_loop(q->api->api), kind, kind == SLV_CALL_SOLO,
                     on_done);
}

/* Parameters of the REST call: strings, numbers, null, booleans. */
static slv_code read_params(slv_arena *arena, const slv_node *list, slv_d1_statement *s,
                            slv_err *err)
{
    if (!list || list->type == SLV_NODE_NULL || list->count == 0)
        return SLV_OK;
    slv_d1_value *values = list->type == SLV_NODE_ARRAY
                               ? slv_arena_try_alloc0(arena, list->count * sizeof *values)
                               : NULL;
    if (!values)
        return slv_fail(err, SLV_E_INVAL, "params must be an array");
    for (const slv_node *n = list->first; n; n = n->next) {
        slv_d1_value *v = &values[s->param_count++];

        switch (n->type) {
        case SLV_NODE_NULL:
            break;
        case SLV_NODE_BOOL:
            *v = (slv_d1_value){.kind = SLV_D1_NUMBER, .number = n->boolean};
            break;
        case SLV_NODE_NUMBER:
            v->kind = SLV_D1_NUMBER;
            if (!slv_node_f64(n, &v->number))
                return slv_fail(err, SLV_E_INVAL, "a parameter is out of range");
            break;
        case SLV_NODE_STRING:
            *v = (slv_d1_value){.kind = SLV_D1_TEXT, .bytes = n->text};
            break;
        case SLV_NODE_ARRAY:
        case SLV_NODE_OBJECT:
            return slv_fail(err, SLV_E_INVAL, "a parameter is a string, a number or null");
        }
    }
    s->params = values;
    return SLV_OK;
}

/* One text as the statements that it holds; parameters are the last one's. */
static slv_code add_text(query *q, const slv_node *node, slv_err *err)
{
    slv_str text = slv_node_str(slv_node_get(node, "sql")), one;
    slv_d1_statement last = {0};

    if (!text.ptr)
        return slv_fail(err, SLV_E_INVAL, "sql must be a string");
    SLV_TRY(read_params(q->api->arena, slv_node_get(node, "params"), &last, err));
    size_t before = q->statements.len;
    while (slv_sqlsplit_next(&text, &one)) {
        if (q->statements.len == STATEMENTS_MAX)
            return slv_fail(err, SLV_E_LIMIT, "more than %d statements", STATEMENTS_MAX);
        slv_vec_push(&q->statements, ((slv_d1_statement){.sql = one}));
    }
    if (q->statements.len > before) {
        slv_d1_statement *s = &q->statements.items[q->statements.len - 1];

        s->params = last.params;
        s->param_count = last.param_count;
    }
    return SLV_OK;
}

static void query_found(slv_api_call *call, slv_store *store, slv_str id)
{
    slv_node *body = slv_api_body_json(call);
    slv_err err = {0};
    slv_code code = SLV_OK;

    (void)id;
    if (!body) {
        (void)slv_store_unref(store);
        return;
    }
    query *q = slv_new0(query);
    q->api = call;
    q->store = store;
    q->message = SLV_BUF(1 << 20);
    slv_d1_json_init(&q->json, slv_str_ends(call->path, SLV_STR("/raw")));
    const slv_node *batch = slv_node_get(body, "batch");
    if (slv_node_is(body, SLV_NODE_ARRAY))
        batch = body;
    if (!slv_node_is(batch, SLV_NODE_ARRAY))
        code = add_text(q, body, &err);
    else
        for (const slv_node *n = batch->first; n && code == SLV_OK; n = n->next)
            code = add_text(q, n, &err);
    if (code != SLV_OK) {
        slv_api_error(call, 400, SLV_API_D1_FAILED, "%s", slv_err_text(&err));
        query_free(q);
        return;
    }
    call->user = q;
    call->on_gone = on_gone;
    call_store(q, slv_d1_looks_read(q->statements.items, q->statements.len) ? SLV_CALL_READ
                                                                            : SLV_CALL_SOLO);
}

static void handle_query(slv_api_call *call)
{
    slv_api_d1_find(call, query_found);
}

#define DATABASES "/accounts/:account/d1/database"

const slv_api_route slv_api_d1_routes[] = {
    {.method = "GET", .pattern = DATABASES, .handle = slv_api_d1_list},
    {.method = "POST", .pattern = DATABASES, .handle = slv_api_d1_create},
    {.method = "GET", .pattern = DATABASES "/:id", .handle = slv_api_d1_get},
    {.method = "DELETE", .pattern = DATABASES "/:id", .handle = slv_api_d1_delete},
    {.method = "POST",
     .pattern = DATABASES "/:id/query",
     .handle = handle_query,
     .body_max = QUERY_BODY_MAX},
    {.method = "POST",
     .pattern = DATABASES "/:id/raw",
     .handle = handle_query,
     .body_max = QUERY_BODY_MAX},
    {.method = "POST", .pattern = DATABASES "/:id/import", .handle = slv_api_d1_import},
    {.method = "PUT",
     .pattern = DATABASES "/:id/upload/:etag",
     .handle = slv_api_d1_upload,
     .streams = true,
     .access = SLV_API_GRANT},
    {.method = "POST", .pattern = DATABASES "/:id/export", .handle = slv_api_d1_export},
    {.method = "GET",
     .pattern = DATABASES "/:id/dump",
     .handle = slv_api_d1_dump,
     .access = SLV_API_GRANT},
    {.method = "GET",
     .pattern = DATABASES "/:id/time_travel/bookmark",
     .handle = slv_api_d1_travel},
    {.method = "POST",
     .pattern = DATABASES "/:id/time_travel/restore",
     .handle = slv_api_d1_travel},
    {0},
};
