/* Requests from their text to their answer, and the pieces that answers are made of. */
#include <stdio.h>

#include "dynamo/store_int.h"
#include "fmt/json.h"

/* Answers hold up to a page of 1 MB, or 16 MB of a batch, whose JSON is larger than what it says.
 */
#define ANSWER_MAX ((size_t)96 << 20)
#define RUN_MAX SLV_DYNAMO_MEMORY_MAX

typedef struct operation {
    slv_dyn_run_fn run;
    bool writes, creates;
    bool small; /* may read little */
    bool free;  /* of tables */
} operation;

static const operation operations[SLV_DYN_OPERATION_COUNT] = {
    [SLV_DYN_BATCH_GET_ITEM] = {.run = slv_dyn_run_batch_get, .small = true},
    [SLV_DYN_BATCH_WRITE_ITEM] = {.run = slv_dyn_run_batch_write, .writes = true},
    [SLV_DYN_CREATE_TABLE] = {.run = slv_dyn_run_create_table, .writes = true, .creates = true},
    [SLV_DYN_DELETE_ITEM] = {.run = slv_dyn_run_write, .writes = true},
    [SLV_DYN_DELETE_TABLE] = {.run = slv_dyn_run_delete_table, .writes = true},
    [SLV_DYN_DESCRIBE_CONTINUOUS_BACKUPS] = {.run = slv_dyn_run_backups, .small = true},
    [SLV_DYN_DESCRIBE_ENDPOINTS] = {.run = slv_dyn_run_endpoints, .free = true},
    [SLV_DYN_DESCRIBE_LIMITS] = {.run = slv_dyn_run_limits, .free = true},
    [SLV_DYN_DESCRIBE_TABLE] = {.run = slv_dyn_run_describe_table, .small = true},
    [SLV_DYN_DESCRIBE_TIME_TO_LIVE] = {.run = slv_dyn_run_describe_ttl, .small = true},
    [SLV_DYN_GET_ITEM] = {.run = slv_dyn_run_get, .small = true},
    [SLV_DYN_LIST_TABLES] = {.run = slv_dyn_run_list_tables, .small = true},
    [SLV_DYN_LIST_TAGS] = {.run = slv_dyn_run_list_tags, .small = true},
    [SLV_DYN_PUT_ITEM] = {.run = slv_dyn_run_write, .writes = true},
    [SLV_DYN_QUERY] = {.run = slv_dyn_run_query, .small = true},
    [SLV_DYN_SCAN] = {.run = slv_dyn_run_scan},
    [SLV_DYN_TAG_RESOURCE] = {.run = slv_dyn_run_tag, .writes = true},
    [SLV_DYN_TRANSACT_GET_ITEMS] = {.run = slv_dyn_run_transact_get, .small = true},
    [SLV_DYN_TRANSACT_WRITE_ITEMS] = {.run = slv_dyn_run_transact_write, .writes = true},
    [SLV_DYN_UNTAG_RESOURCE] = {.run = slv_dyn_run_untag, .writes = true},
    [SLV_DYN_UPDATE_ITEM] = {.run = slv_dyn_run_write, .writes = true},
    [SLV_DYN_UPDATE_TABLE] = {.run = slv_dyn_run_update_table, .writes = true},
    [SLV_DYN_UPDATE_TIME_TO_LIVE] = {.run = slv_dyn_run_update_ttl, .writes = true},
};

/* ---- errors ---- */

static slv_code put_error(slv_buf *out, slv_dyn_error e, slv_str message)
{
    SLV_TRY(slv_buf_printf(out, "{\"__type\":\"%s\"", slv_dyn_error_type(e)));
    if (message.len > 0) {
        SLV_TRY(slv_buf_printf(out, ",\"%s\":", slv_dyn_error_member(e)));
        SLV_TRY(slv_json_put_string(out, message));
    }
    return slv_buf_append_byte(out, '}');
}

int slv_dynamo_put_error(const char *error, slv_str message, slv_buf *out)
{
    static const slv_dyn_error all[] = {
#define X(id, prefix, name, status) SLV_DYN_ERROR_##id,
        SLV_DYN_ERRORS(X)
#undef X
    };
    slv_dyn_error e = SLV_DYN_ERROR_INTERNAL;

    for (size_t i = 0; i < SLV_ARRAY_LEN(all); i++)
        if (strcmp(slv_dyn_error_name(all[i]), error) == 0)
            e = all[i];
    slv_buf_reset(out);
    if (put_error(out, e, message) != SLV_OK)
        slv_buf_reset(out);
    return slv_dyn_error_status(e);
}

static void answer_error(slv_dynamo_request *r, slv_dyn_error e, slv_str message)
{
    slv_buf_reset(&r->out);
    r->status = slv_dyn_error_status(e);
    if (put_error(&r->out, e, message) != SLV_OK)
        slv_buf_reset(&r->out); /* a status without words */
}

static void answer_memory(slv_dynamo_request *r)
{
    answer_error(r, SLV_DYN_ERROR_INTERNAL, SLV_STR("The request takes too much memory."));
}

/* ---- requests ---- */

/* A request of nothing yet, which is answered. */
static slv_dynamo_request *begin(const slv_dynamo_origin *origin)
{
    slv_dynamo_request *r = slv_new0(slv_dynamo_request);

    r->arena = SLV_ARENA(RUN_MAX);
    r->work = SLV_ARENA(RUN_MAX);
    r->out = SLV_BUF(ANSWER_MAX);
    r->scope = SLV_DYN_SCOPE(&r->arena);
    r->now_ms = origin->now_ms;
    r->done = true;
    return r;
}

/* code: of reading it. */
static slv_dynamo_request *ready(slv_dynamo_request *r, slv_code code)
{
    if (code == SLV_E_INVAL && r->scope.error != SLV_DYN_ERROR_NONE)
        answer_error(r, r->scope.error, r->scope.message);
    else if (code != SLV_OK)
        answer_memory(r);
    else
        r->done = false;
    if (!r->done && operations[r->op].free) {
        if (slv_dynamo_run(NULL, r, NULL) != SLV_OK)
            answer_memory(r);
        r->done = true;
    }
    return r;
}

static slv_code set_region(slv_dynamo_request *r, slv_str region)
{
    if (region.len > 0)
        return slv_arena_dup(&r->arena, region, &r->region);
    r->region = SLV_STR("us-east-1");
    return SLV_OK;
}

slv_dynamo_request *slv_dynamo_request_new(slv_str name, slv_str json,
                                           const slv_dynamo_origin *origin)
{
    slv_dynamo_request *r = begin(origin);
    slv_str body = {0};

    r->known = slv_dyn_operation_find(name, &r->op);
    if (!r->known) {
        answer_error(r, SLV_DYN_ERROR_UNKNOWN_OPERATION, SLV_STR_NULL);
        return r;
    }
    slv_code code = slv_arena_dup(&r->arena, json, &body);
    if (code == SLV_OK)
        code = set_region(r, origin->region);
    if (code == SLV_OK)
        code = slv_dyn_request_parse(&r->scope, r->op, body, &r->req);
    return ready(r, code);
}

slv_dynamo_request *slv_dyn_request_plain(slv_dyn_operation op, slv_dyn_make_fn make, void *arg,
                                          const slv_dynamo_origin *origin)
{
    slv_dynamo_request *r = begin(origin);
    slv_node *json = NULL;

    r->known = true;
    r->op = op;
    r->is_plain = true;
    slv_code code = set_region(r, origin->region);
    if (code == SLV_OK)
        code = make(arg, &r->arena, &json);
    if (code == SLV_OK)
        code = slv_dyn_request_read(&r->scope, r->op, json, &r->req);
    else if (code == SLV_E_INVAL)
        return slv_dynamo_request_free(r);
    return ready(r, code);
}

slv_dynamo_request *slv_dynamo_request_free(slv_dynamo_request *r)
{
    if (r) {
        slv_arena_done(&r->arena);
        slv_arena_done(&r->work);
        slv_buf_done(&r->out);
        free(r);
    }
    return NULL;
}

bool slv_dynamo_request_done(const slv_dynamo_request *r)
{
    return r->done;
}

bool slv_dynamo_request_writes(const slv_dynamo_request *r)
{
    return r->known && operations[r->op].writes;
}

bool slv_dynamo_request_creates(const slv_dynamo_request *r)
{
    return r->known && operations[r->op].creates;
}

bool slv_dynamo_request_small(const slv_dynamo_request *r)
{
    return r->known && operations[r->op].small;
}

slv_str slv_dynamo_request_operation(const slv_dynamo_request *r)
{
    return r->known ? slv_str_from(slv_dyn_operation_name(r->op)) : SLV_STR("");
}

bool slv_dynamo_operation_known(slv_str name)
{
    slv_dyn_operation op;

    return slv_dyn_operation_find(name, &op);
}

void slv_dynamo_request_tables(const slv_dynamo_request *r, void (*fn)(void *arg, slv_str name),
                               void *arg)
{
    if (!r->known)
        return;
    if (r->req.table.len > 0)
        fn(arg, r->req.table);
    for (uint32_t i = 0; i < r->req.batch_count; i++)
        fn(arg, r->req.batch[i].table);
    for (uint32_t i = 0; i < r->req.transact_count; i++) {
        bool first = true;

        for (uint32_t k = 0; k < i; k++)
            first = first && !slv_str_eq(r->req.transact[k].table, r->req.transact[i].table);
        if (first)
            fn(arg, r->req.transact[i].table);
    }
}

static slv_code step_over(slv_dynamo *d, const char *sql, slv_err *err)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(d->db, sql, &st, err));
    return slv_stmt_run(d->db, st, err);
}

/* All that a reader sees is of one moment; the writer has its transaction anyway. */
static slv_code run_in_snapshot(slv_dyn_run *x)
{
    slv_dyn_run_fn fn = operations[x->r->op].run;

    if (!x->d || !x->d->read_only)
        return fn(x);
    SLV_TRY(step_over(x->d, "BEGIN", x->err));
    slv_code code = fn(x);
    if (step_over(x->d, "COMMIT", NULL) != SLV_OK)
        slv_db_rollback(x->d->db);
    return code;
}

static slv_code run(slv_dynamo *d, slv_dynamo_request *r, size_t budget, slv_err *err)
{
    slv_dyn_scope scope;

    slv_arena_reset(&r->work);
    slv_buf_reset(&r->out);
    r->budget = budget;
    r->plain = (slv_dyn_plain){0};
    r->status = 200;
    scope = SLV_DYN_SCOPE(&r->work);
    slv_dyn_run x = {
        .d = d, .r = r, .req = &r->req, .sc = &scope, .out = &r->out, .err = err, .read = 0};
    slv_code code = run_in_snapshot(&x);
    if (code == SLV_OK)
        return SLV_OK;
    if (code == SLV_E_INVAL && scope.error != SLV_DYN_ERROR_NONE) {
        answer_error(r, scope.error, scope.message);
        return SLV_OK;
    }
    return code;
}

slv_code slv_dynamo_run(slv_dynamo *d, slv_dynamo_request *r, slv_err *err)
{
    return run(d, r, 0, err);
}

slv_code slv_dynamo_run_small(slv_dynamo *d, slv_dynamo_request *r, slv_err *err)
{
    return run(d, r, SLV_DYNAMO_SMALL_BYTES, err);
}

/* As if it had looked into an empty file. */
static void answer_no_file(slv_dynamo_request *r)
{
    slv_dyn_scope scope;

    slv_buf_reset(&r->out);
    scope = SLV_DYN_SCOPE(&r->work);
    slv_dyn_run x = {.r = r, .req = &r->req, .sc = &scope, .out = &r->out};
    slv_code code = operations[r->op].run(&x);
    r->status = 200;
    if (code == SLV_E_INVAL && scope.error != SLV_DYN_ERROR_NONE)
        answer_error(r, scope.error, scope.message);
    else if (code != SLV_OK)
        answer_memory(r);
}

void slv_dynamo_request_fail(slv_dynamo_request *r, slv_code code)
{
    if (code == SLV_E_NOTFOUND)
        answer_no_file(r);
    else if (code == SLV_E_AGAIN)
        answer_error(r, SLV_DYN_ERROR_THROUGHPUT,
                     SLV_STR("The level of configured provisioned throughput for the table was "
                             "exceeded. Consider increasing your provisioning level with the "
                             "UpdateTable API."));
    else
        answer_error(r, SLV_DYN_ERROR_INTERNAL, SLV_STR("Internal server error"));
}

void slv_dynamo_request_answer(const slv_dynamo_request *r, int *ret_status, slv_str *ret_body)
{
    *ret_status = r->status;
    *ret_body = slv_buf_view(&r->out);
}

/* ---- what runs share ---- */

slv_code slv_dyn_run_table(slv_dyn_run *x, slv_str name, const slv_dyn_table **ret)
{
    slv_code code = x->d ? slv_dyn_catalog_find(x->d, name, ret, x->err) : SLV_E_NOTFOUND;

    if (code == SLV_E_NOTFOUND)
        return slv_dyn_fail(x->sc, SLV_DYN_ERROR_NOT_FOUND, "Requested resource not found");
    return code;
}

slv_code slv_dyn_run_reads(slv_dyn_run *x, size_t bytes)
{
    x->read += bytes;
    return x->r->budget > 0 && x->read > x->r->budget ? SLV_E_AGAIN : SLV_OK;
}

slv_code slv_dyn_run_place(slv_dyn_run *x, const slv_dyn_table *t, const slv_dyn_value *key,
                           slv_dyn_place *ret)
{
    SLV_TRY(
        slv_dyn_key_check(x->sc, key, &t->keys.hash, t->keys.has_range ? &t->keys.range : NULL));
    return slv_dyn_place_of(x->sc->arena, &t->keys, key, ret);
}

/* ---- pieces ---- */

slv_code slv_dyn_run_put_item(slv_dyn_run *x, const slv_dyn_value *item)
{
    return x->r->is_plain ? slv_dyn_item_put_plain(item, &x->r->plain, x->out)
                          : slv_dyn_item_put_json(item, x->out);
}

slv_code slv_dyn_run_put_bytes(slv_dyn_run *x, slv_str bytes)
{
    return x->r->is_plain ? slv_dyn_item_bytes_put_plain(bytes, &x->r->plain, x->out)
                          : slv_dyn_item_bytes_put_json(bytes, x->out);
}

slv_code slv_dyn_put_comma(slv_buf *out)
{
    char last = out->len > 0 ? out->ptr[out->len - 1] : '{';

    return last == '{' || last == '[' ? SLV_OK : slv_buf_append_byte(out, ',');
}

slv_code slv_dyn_put_name(slv_buf *out, const char *name)
{
    SLV_TRY(slv_dyn_put_comma(out));
    return slv_buf_printf(out, "\"%s\":", name);
}

slv_code slv_dyn_put_units(slv_buf *out, int64_t halves)
{
    return slv_buf_printf(out, "%lld.%d", (long long)(halves / 2), halves % 2 ? 5 : 0);
}

slv_code slv_dyn_put_time(slv_buf *out, int64_t ms)
{
    return slv_buf_printf(out, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
}

void slv_dyn_consumed_add(slv_dyn_consumed *c, const slv_dyn_written *units, int64_t factor)
{
    c->table += units->table * factor;
    for (size_t i = 0; i < c->t->index_count; i++) {
        c->index[i] += units->index[i] * 2; /* in halves: a transaction costs the table twice */
        c->touched[i] = c->touched[i] || units->index[i] > 0;
    }
}

static slv_code put_indexes(slv_buf *out, const slv_dyn_consumed *c, bool global)
{
    bool any = false;

    for (size_t i = 0; i < c->t->index_count; i++) {
        const slv_dyn_index *x = &c->t->indexes[i];

        if (x->global != global || !c->touched[i])
            continue;
        if (!any)
            SLV_TRY(slv_buf_append(out, global ? SLV_STR(",\"GlobalSecondaryIndexes\":{")
                                               : SLV_STR(",\"LocalSecondaryIndexes\":{")));
        any = true;
        SLV_TRY(slv_dyn_put_comma(out));
        SLV_TRY(slv_json_put_string(out, x->name));
        SLV_TRY(slv_buf_append(out, SLV_STR(":{\"CapacityUnits\":")));
        SLV_TRY(slv_dyn_put_units(out, c->index[i]));
        SLV_TRY(slv_buf_append_byte(out, '}'));
    }
    return any ? slv_buf_append_byte(out, '}') : SLV_OK;
}

static slv_code put_kind(slv_buf *out, const slv_dyn_consumed *c, int64_t halves)
{
    if (c->reads)
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"ReadCapacityUnits\":")));
    else if (c->writes)
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"WriteCapacityUnits\":")));
    return c->reads || c->writes ? slv_dyn_put_units(out, halves) : SLV_OK;
}

slv_code slv_dyn_put_consumed(slv_buf *out, const slv_dyn_consumed *c, bool detail)
{
    int64_t sum = c->table;

    for (size_t i = 0; i < c->t->index_count; i++)
        sum += c->index[i];
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"TableName\":")));
    SLV_TRY(slv_json_put_string(out, c->t->name));
    SLV_TRY(slv_buf_append(out, SLV_STR(",\"CapacityUnits\":")));
    SLV_TRY(slv_dyn_put_units(out, sum));
    SLV_TRY(put_kind(out, c, sum));
    if (detail) {
        SLV_TRY(slv_buf_append(out, SLV_STR(",\"Table\":{\"CapacityUnits\":")));
        SLV_TRY(slv_dyn_put_units(out, c->table));
        SLV_TRY(put_kind(out, c, c->table));
        SLV_TRY(slv_buf_append_byte(out, '}'));
        SLV_TRY(put_indexes(out, c, false));
        SLV_TRY(put_indexes(out, c, true));
    }
    return slv_buf_append_byte(out, '}');
}

bool slv_dyn_has_collections(const slv_dyn_table *t)
{
    return t->index_count > 0 && !t->indexes[0].global; /* local ones stand first */
}

static slv_code sum_of(slv_dyn_run *x, const char *sql, int64_t space, slv_str h, int64_t *sum)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(x->d->db, sql, &st, x->err));
    slv_stmt_bind_int(st, 1, space);
    slv_stmt_bind_blob(st, 2, h);
    slv_code code = slv_stmt_step(x->d->db, st, x->err);
    if (code == SLV_OK)
        *sum += slv_stmt_int(st, 0);
    slv_stmt_done(st);
    return code;
}

slv_code slv_dyn_put_collection(slv_dyn_run *x, const slv_dyn_table *t, const slv_dyn_place *at,
                                const slv_dyn_value *item, slv_buf *out)
{
    const slv_dyn_value *hash = slv_dyn_value_get(item, t->keys.hash.name);
    int64_t bytes = 0;

    SLV_TRY(sum_of(x, "SELECT total(size) FROM item WHERE space = ?1 AND h = ?2", t->space, at->h,
                   &bytes));
    for (size_t i = 0; i < t->index_count && !t->indexes[i].global; i++)
        SLV_TRY(sum_of(x, "SELECT total(size) FROM entry WHERE space = ?1 AND h = ?2",
                       t->indexes[i].space, at->h, &bytes));
    SLV_TRY(slv_buf_append(out, SLV_STR("{\"ItemCollectionKey\":{")));
    SLV_TRY(slv_json_put_string(out, t->keys.hash.name));
    SLV_TRY(slv_buf_append_byte(out, ':'));
    SLV_TRY(slv_dyn_value_put_json(hash, out));
    return slv_buf_printf(out, "},\"SizeEstimateRangeGB\":[%lld.0,%lld.0]}",
                          (long long)(bytes >> 30), (long long)(bytes >> 30) + 1);
}
