/*
 * Queries of a model, by its key or an index. The text is
 *
 *     {"index":"gsi1","field":"userId","pk":"u1","skField":"createdAt","sk":{"$gt":5},"filter":{...},
 *      "limit":20,"backward":true,"count":true,"start":{...}}
 *
 * index absent: the model's own key, of which pk is the text as it is. skField and sk, filter,
 * backward, count, start: as far as they are there.
 */
#include "dynamo/model_int.h"

static bool partition(slv_dyn_maker *m, const slv_dyn_model *model, const slv_node *q, slv_str *ret)
{
    const slv_node *pk = slv_node_get(q, "pk");
    slv_str index = slv_node_str(slv_node_get(q, "index")), part;

    if (!pk || !slv_node_is(pk, SLV_NODE_STRING))
        return false;
    if (index.len == 0) {
        *ret = slv_dyn_tenant_key(m, model, slv_dyn_join(m, model->prefix, SLV_STR("#"), pk->text));
        return true;
    }
    part = pk->text;
    if (!slv_dyn_is_prefix(slv_node_str(slv_node_get(q, "field"))) &&
        !slv_dyn_key_part(m, model, slv_node_str(slv_node_get(q, "field")), pk, &part))
        return false;
    *ret = slv_dyn_tenant_key(
        m, model, slv_dyn_join(m, model->prefix, SLV_STR("#"), index, SLV_STR("#"), part));
    return true;
}

static bool put_part(slv_dyn_params *p, slv_str field, const slv_node *value, slv_str key)
{
    slv_str part;

    if (slv_dyn_is_prefix(field)) {
        if (value->type != SLV_NODE_STRING)
            return false;
        part = value->text;
    } else if (!slv_dyn_key_part(p->m, p->model, field, value, &part)) {
        return false;
    }
    if (part.len == 0)
        return false;
    slv_dyn_make_value(p->m, p->values, key, part);
    return true;
}

/* The text behind "#pk = :pk". */
static bool sort_condition(slv_dyn_params *p, slv_str field, const slv_node *wanted, slv_str *ret)
{
    static const struct {
        const char *name, *text;
    } operators[] = {
        {"$eq", " AND #sk = :sortKeyValue"},
        {"$gt", " AND #sk > :sortKeyValue"},
        {"$gte", " AND #sk >= :sortKeyValue"},
        {"$lt", " AND #sk < :sortKeyValue"},
        {"$lte", " AND #sk <= :sortKeyValue"},
        {"$beginsWith", " AND begins_with(#sk, :sortKeyValue)"},
    };
    slv_str name = SLV_STR("$eq");

    if (wanted->type == SLV_NODE_OBJECT) {
        if (wanted->count != 1)
            return false;
        wanted = wanted->first;
        name = wanted->key;
    }
    if (slv_str_is(name, "$between")) {
        *ret = SLV_STR(" AND #sk BETWEEN :sortKeyStart AND :sortKeyEnd");
        return wanted->type == SLV_NODE_ARRAY && wanted->count == 2 &&
               put_part(p, field, wanted->first, SLV_STR(":sortKeyStart")) &&
               put_part(p, field, wanted->last, SLV_STR(":sortKeyEnd"));
    }
    for (size_t i = 0; i < SLV_ARRAY_LEN(operators); i++) {
        if (!slv_str_is(name, operators[i].name))
            continue;
        *ret = slv_str_from(operators[i].text);
        return put_part(p, field, wanted, SLV_STR(":sortKeyValue"));
    }
    return false;
}

static bool key_condition(slv_dyn_params *p, const slv_node *q, slv_node *request)
{
    slv_str index = slv_node_str(slv_node_get(q, "index")), pk, rest = SLV_STR("");
    const slv_node *sk = slv_node_get(q, "sk");

    if (!partition(p->m, p->model, q, &pk))
        return false;
    slv_dyn_make_text(p->m, p->names, SLV_STR("#pk"),
                      index.len > 0 ? slv_dyn_join(p->m, SLV_STR("_"), index, SLV_STR("_pk"))
                                    : SLV_STR("_pk"));
    slv_dyn_make_value(p->m, p->values, SLV_STR(":pk"), pk);
    if (sk) {
        slv_dyn_make_text(p->m, p->names, SLV_STR("#sk"),
                          index.len > 0 ? slv_dyn_join(p->m, SLV_STR("_"), index, SLV_STR("_sk"))
                                        : SLV_STR("_sk"));
        if (!sort_condition(p, slv_node_str(slv_node_get(q, "skField")), sk, &rest))
            return false;
    }
    slv_dyn_make_text(p->m, request, SLV_STR("KeyConditionExpression"),
                      slv_dyn_join(p->m, SLV_STR("#pk = :pk"), rest));
    if (index.len > 0)
        slv_dyn_make_text(p->m, request, SLV_STR("IndexName"), index);
    return true;
}

static bool is_true(const slv_node *q, const char *name)
{
    const slv_node *n = slv_node_get(q, name);

    return slv_node_is(n, SLV_NODE_BOOL) && n->boolean;
}

static void make_rest(slv_dyn_maker *m, const slv_node *q, slv_node *request)
{
    const slv_node *start = slv_node_get(q, "start"), *limit = slv_node_get(q, "limit");

    slv_dyn_make_in(m, request, SLV_STR("ScanIndexForward"), SLV_NODE_BOOL)->boolean =
        !is_true(q, "backward");
    slv_dyn_make_text(m, request, SLV_STR("ReturnConsumedCapacity"), SLV_STR("TOTAL"));
    if (slv_node_is(limit, SLV_NODE_NUMBER))
        slv_dyn_make_in(m, request, SLV_STR("Limit"), SLV_NODE_NUMBER)->text = limit->text;
    if (is_true(q, "count"))
        slv_dyn_make_text(m, request, SLV_STR("Select"), SLV_STR("COUNT"));
    if (!slv_node_is(start, SLV_NODE_OBJECT))
        return;
    slv_node *key = slv_dyn_make_in(m, request, SLV_STR("ExclusiveStartKey"), SLV_NODE_OBJECT);
    for (const slv_node *n = start->first; n; n = n->next)
        slv_dyn_make_plain(m, key, n->key, n);
}

slv_code slv_dyn_make_query(void *arg, slv_arena *arena, slv_node **ret)
{
    slv_dynamo_task *task = arg;
    slv_dyn_maker m = {.arena = arena};
    SLV_CLEANUP(slv_buf_done) slv_buf text = SLV_BUF(SLV_DYNAMO_BODY_MAX);
    slv_dyn_params p = {.m = &m, .model = &task->model, .text = &text};
    const slv_node *q = task->json, *filter = slv_node_get(q, "filter");
    slv_node *request = *ret = slv_dyn_make(&m, SLV_NODE_OBJECT);

    p.names = slv_dyn_make(&m, SLV_NODE_OBJECT);
    p.values = slv_dyn_make(&m, SLV_NODE_OBJECT);
    slv_dyn_make_text(&m, request, SLV_STR("TableName"), task->model.table);
    if (m.failed || !key_condition(&p, q, request) ||
        (filter && !slv_dyn_make_filter(&p, filter, request, SLV_STR("FilterExpression"))))
        return m.failed ? SLV_E_LIMIT : SLV_E_INVAL;
    slv_dyn_make_params(&p, request);
    make_rest(&m, q, request);
    return slv_dyn_made(&m);
}
