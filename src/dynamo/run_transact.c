/* TransactGetItems and TransactWriteItems. All is looked at before anything is written, so a
 * transaction that is cancelled has written nothing; writers come one after the other, so there is
 * no other to conflict with. */
#include "dynamo/store_int.h"
#include "fmt/json.h"
#include "fmt/sum.h"

#define TRANSACTION_BYTES ((size_t)4 << 20)
#define TOKEN_HASH 32

typedef struct reason {
    const char *code; /* NULL: none */
    slv_str message;
    const slv_dyn_value *item;
} reason;

/* What was wrong with one item becomes its reason; what was wrong with all stays an error. */
static slv_code catch_reason(slv_dyn_run *x, slv_code code, reason *ret)
{
    if (code != SLV_E_INVAL || x->sc->error != SLV_DYN_ERROR_VALIDATION)
        return code;
    *ret = (reason){.code = "ValidationError", .message = x->sc->message};
    x->sc->error = SLV_DYN_ERROR_NONE;
    return SLV_OK;
}

static slv_code put_reason(slv_dyn_run *x, const reason *why)
{
    SLV_TRY(slv_dyn_put_comma(x->out));
    SLV_TRY(slv_buf_printf(x->out, "{\"Code\":\"%s\"", why->code ? why->code : "None"));
    if (why->item) {
        SLV_TRY(slv_dyn_put_name(x->out, "Item"));
        SLV_TRY(slv_dyn_item_put_json(why->item, x->out));
    }
    if (why->code) {
        SLV_TRY(slv_dyn_put_name(x->out, "Message"));
        SLV_TRY(slv_json_put_string(x->out, why->message));
    }
    return slv_buf_append_byte(x->out, '}');
}

static slv_code answer_canceled(slv_dyn_run *x, const reason *reasons, uint32_t count)
{
    slv_buf_reset(x->out);
    x->r->status = slv_dyn_error_status(SLV_DYN_ERROR_CANCELED);
    SLV_TRY(slv_buf_printf(x->out, "{\"__type\":\"%s\",\"CancellationReasons\":[",
                           slv_dyn_error_type(SLV_DYN_ERROR_CANCELED)));
    for (uint32_t i = 0; i < count; i++)
        SLV_TRY(put_reason(x, &reasons[i]));
    SLV_TRY(slv_buf_append(x->out, SLV_STR("],\"Message\":\"Transaction cancelled, please refer "
                                           "cancellation reasons for specific reasons [")));
    for (uint32_t i = 0; i < count; i++)
        SLV_TRY(slv_buf_printf(x->out, "%s%s", i > 0 ? ", " : "",
                               reasons[i].code ? reasons[i].code : "None"));
    return slv_buf_append(x->out, SLV_STR("]\"}"));
}

static bool any_reason(const reason *reasons, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (reasons[i].code)
            return true;
    return false;
}

/* ---- capacity, added up for each table ---- */

typedef struct sums {
    slv_dyn_consumed *items;
    uint32_t count;
} sums;

static slv_dyn_consumed *sum_of(sums *s, const slv_dyn_table *t, bool reads)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->items[i].t == t)
            return &s->items[i];
    s->items[s->count] = (slv_dyn_consumed){.t = t, .reads = reads, .writes = !reads};
    return &s->items[s->count++];
}

static slv_code put_sums(slv_dyn_run *x, const sums *s)
{
    if (x->req->capacity == SLV_DYN_CAPACITY_NONE)
        return SLV_OK;
    SLV_TRY(slv_dyn_put_name(x->out, "ConsumedCapacity"));
    SLV_TRY(slv_buf_append_byte(x->out, '['));
    for (uint32_t i = 0; i < s->count; i++) {
        SLV_TRY(slv_dyn_put_comma(x->out));
        SLV_TRY(slv_dyn_put_consumed(x->out, &s->items[i],
                                     x->req->capacity == SLV_DYN_CAPACITY_INDEXES));
    }
    return slv_buf_append_byte(x->out, ']');
}

/* ---- TransactGetItems ---- */

/* No item twice. A key that does not fit its table is told later, with its place. */
static slv_code check_distinct(slv_dyn_run *x)
{
    const slv_dyn_item_request *all = x->req->transact;

    for (uint32_t i = 0; i < x->req->transact_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (slv_str_eq(all[i].table, all[j].table) &&
                slv_dyn_value_eq(&all[i].key, &all[j].key))
                return slv_dyn_invalid(
                    x->sc, "Transaction request cannot include multiple operations on one item");
    return SLV_OK;
}

static slv_code get_one(slv_dyn_run *x, const slv_dyn_item_request *item, const slv_dyn_table *t,
                        size_t *ret_size)
{
    bool found;

    SLV_TRY(slv_dyn_put_comma(x->out));
    SLV_TRY(slv_buf_append_byte(x->out, '{'));
    SLV_TRY(slv_dyn_get_put(x, t, item, "Item", &found, ret_size));
    return slv_buf_append_byte(x->out, '}');
}

slv_code slv_dyn_run_transact_get(slv_dyn_run *x)
{
    uint32_t count = x->req->transact_count;
    const slv_dyn_table *t;
    reason *reasons;
    sums used = {0};
    size_t total = 0;

    SLV_DYN_NEW_N(x->sc, &reasons, count + 1);
    SLV_DYN_NEW_N(x->sc, &used.items, count + 1);
    SLV_TRY(check_distinct(x));
    SLV_TRY(slv_buf_append(x->out, SLV_STR("{\"Responses\":[")));
    for (uint32_t i = 0; i < count; i++) {
        const slv_dyn_item_request *item = &x->req->transact[i];
        size_t size = 0;

        SLV_TRY(slv_dyn_run_table(x, item->table, &t));
        SLV_TRY(catch_reason(x, get_one(x, item, t, &size), &reasons[i]));
        total += size;
        sum_of(&used, t, true)->table += slv_dyn_units_of(size, 4096) * 4;
    }
    if (any_reason(reasons, count))
        return answer_canceled(x, reasons, count);
    if (total > TRANSACTION_BYTES)
        return slv_dyn_invalid(x->sc, "Transaction response size cannot exceed 4 MB");
    SLV_TRY(slv_buf_append_byte(x->out, ']'));
    SLV_TRY(put_sums(x, &used));
    return slv_buf_append_byte(x->out, '}');
}

/* ---- tokens ---- */

static slv_code hash_request(slv_dyn_run *x, uint8_t out[static TOKEN_HASH])
{
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_DYNAMO_BODY_MAX * 8);
    uint8_t sum[SLV_SUM_MAX];

    SLV_TRY(slv_json_put(&text, slv_node_get(x->req->json, "TransactItems")));
    slv_sum_of(SLV_SUM_SHA256, slv_buf_view(&text), sum);
    memcpy(out, sum, TOKEN_HASH);
    return SLV_OK;
}

/* *ret_known: the same request was made with this token, and is done. */
static slv_code look_at_token(slv_dyn_run *x, slv_str hash, bool *ret_known)
{
    sqlite3_stmt *st;
    bool same = false;

    SLV_TRY(
        slv_db_stmt(x->d->db, "SELECT hash FROM token WHERE token = ?1 AND at > ?2", &st, x->err));
    slv_stmt_bind_text(st, 1, x->req->client_token);
    slv_stmt_bind_int(st, 2, x->r->now_ms - SLV_DYNAMO_TOKEN_MS);
    slv_code code = slv_stmt_step(x->d->db, st, x->err);
    if (code == SLV_OK)
        same = slv_str_eq(slv_stmt_str(st, 0), hash);
    slv_stmt_done(st);
    *ret_known = code == SLV_OK;
    if (code == SLV_OK && !same)
        return slv_dyn_fail(x->sc, SLV_DYN_ERROR_TOKEN_MISMATCH,
                            "The request uses the same client token as a previous, but "
                            "non-identical request. Do not reuse a client token with different "
                            "requests, unless the requests are identical");
    return code == SLV_E_NOTFOUND ? SLV_OK : code;
}

static slv_code keep_token(slv_dyn_run *x, slv_str hash)
{
    sqlite3_stmt *st;

    SLV_TRY(slv_db_stmt(
        x->d->db, "INSERT OR REPLACE INTO token(token, at, hash) VALUES(?1, ?2, ?3)", &st, x->err));
    slv_stmt_bind_text(st, 1, x->req->client_token);
    slv_stmt_bind_int(st, 2, x->r->now_ms);
    slv_stmt_bind_blob(st, 3, hash);
    return slv_stmt_run(x->d->db, st, x->err);
}

/* A request that is repeated takes what it takes to see that it was done. */
static slv_code answer_repeated(slv_dyn_run *x)
{
    uint32_t count = x->req->transact_count;
    sums used = {0};

    SLV_DYN_NEW_N(x->sc, &used.items, count + 1);
    SLV_TRY(slv_buf_append_byte(x->out, '{'));
    for (uint32_t i = 0; i < count; i++) {
        const slv_dyn_item_request *item = &x->req->transact[i];
        const slv_dyn_table *t;
        slv_dyn_place at;
        slv_dyn_value *v;

        SLV_TRY(slv_dyn_run_table(x, item->table, &t));
        SLV_TRY(slv_dyn_place_of(x->sc->arena, &t->keys,
                                 item->kind == SLV_DYN_ITEM_PUT ? &item->item : &item->key, &at));
        SLV_TRY(slv_dyn_item_read(x->d, x->sc, t, &at, &v, x->err));
        sum_of(&used, t, true)->table += slv_dyn_units_of(v ? slv_dyn_item_size(v) : 0, 4096) * 4;
    }
    SLV_TRY(put_sums(x, &used));
    return slv_buf_append_byte(x->out, '}');
}

/* ---- TransactWriteItems ---- */

static bool same_item(const slv_dyn_change *a, const slv_dyn_change *b)
{
    return a->t == b->t && a->at.h.len > 0 && slv_dyn_place_eq(&a->at, &b->at);
}

static slv_code plan_all(slv_dyn_run *x, slv_dyn_change *changes, reason *reasons)
{
    size_t total = 0;

    for (uint32_t i = 0; i < x->req->transact_count; i++) {
        slv_dyn_change *c = &changes[i];

        SLV_TRY(catch_reason(x, slv_dyn_change_plan(x, &x->req->transact[i], c), &reasons[i]));
        for (uint32_t j = 0; j < i; j++)
            if (same_item(&changes[j], c))
                return slv_dyn_invalid(
                    x->sc, "Transaction request cannot include multiple operations on one item");
        if (c->failed)
            reasons[i] = (reason){
                .code = "ConditionalCheckFailed",
                .message = SLV_STR("The conditional request failed"),
                .item = c->item->return_old_on_failure ? c->before : NULL,
            };
        total += c->after ? slv_dyn_item_size(c->after) : 0;
    }
    if (total > TRANSACTION_BYTES)
        return slv_dyn_invalid(x->sc, "Transaction request size cannot exceed 4 MB");
    return SLV_OK;
}

static slv_code make_all(slv_dyn_run *x, slv_dyn_change *changes, sums *used)
{
    for (uint32_t i = 0; i < x->req->transact_count; i++) {
        slv_dyn_change *c = &changes[i];

        if (c->write)
            SLV_TRY(slv_dyn_change_make(x, c));
        else
            c->units.table = slv_dyn_units_of(c->before ? slv_dyn_item_size(c->before) : 0, 1024);
        slv_dyn_consumed_add(sum_of(used, c->t, false), &c->units, 4);
    }
    return SLV_OK;
}

static slv_code put_metrics(slv_dyn_run *x, const slv_dyn_change *changes)
{
    uint32_t count = x->req->transact_count;

    SLV_TRY(slv_dyn_put_name(x->out, "ItemCollectionMetrics"));
    SLV_TRY(slv_buf_append_byte(x->out, '{'));
    for (uint32_t i = 0; i < count; i++) {
        bool first = slv_dyn_has_collections(changes[i].t);

        for (uint32_t j = 0; j < i; j++)
            first = first && changes[j].t != changes[i].t;
        if (!first)
            continue;
        SLV_TRY(slv_dyn_put_comma(x->out));
        SLV_TRY(slv_json_put_string(x->out, changes[i].t->name));
        SLV_TRY(slv_buf_append(x->out, SLV_STR(":[")));
        for (uint32_t j = i; j < count; j++) {
            const slv_dyn_change *c = &changes[j];

            if (c->t != changes[i].t || !c->write)
                continue;
            SLV_TRY(slv_dyn_put_comma(x->out));
            SLV_TRY(slv_dyn_put_collection(x, c->t, &c->at, c->after ? c->after : &c->item->key,
                                           x->out));
        }
        SLV_TRY(slv_buf_append_byte(x->out, ']'));
    }
    return slv_buf_append_byte(x->out, '}');
}

slv_code slv_dyn_run_transact_write(slv_dyn_run *x)
{
    uint32_t count = x->req->transact_count;
    uint8_t hash[TOKEN_HASH];
    slv_str token_hash = slv_str_make(hash, sizeof hash);
    slv_dyn_change *changes;
    reason *reasons;
    sums used = {0};
    bool known = false;

    if (x->req->client_token.ptr && x->d) {
        SLV_TRY(hash_request(x, hash));
        SLV_TRY(look_at_token(x, token_hash, &known));
        if (known)
            return answer_repeated(x);
    }
    SLV_DYN_NEW_N(x->sc, &changes, count + 1);
    SLV_DYN_NEW_N(x->sc, &reasons, count + 1);
    SLV_DYN_NEW_N(x->sc, &used.items, count + 1);
    SLV_TRY(plan_all(x, changes, reasons));
    if (any_reason(reasons, count))
        return answer_canceled(x, reasons, count);
    SLV_TRY(make_all(x, changes, &used));
    if (x->req->client_token.ptr && x->d)
        SLV_TRY(keep_token(x, token_hash));
    SLV_TRY(slv_buf_append_byte(x->out, '{'));
    if (x->req->collection_metrics)
        SLV_TRY(put_metrics(x, changes));
    SLV_TRY(put_sums(x, &used));
    return slv_buf_append_byte(x->out, '}');
}
