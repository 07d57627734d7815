/* Batches and transactions: requests about several items. */
#include "dynamo/request_int.h"

/* The parameters that a batch's table, or an element of a transaction, has of its own. */
static slv_code read_element(slv_dyn_scope *sc, const slv_node *json, unsigned params,
                             const char *const *legacy, slv_dyn_item_request *ret)
{
    slv_dyn_expressions e;

    SLV_TRY(slv_dyn_mixing_check(sc, json, params, legacy));
    SLV_TRY(slv_dyn_attributes_to_get_parse(sc, json, &ret->projection));
    ret->has_projection = slv_dyn_member_of(json, "AttributesToGet") != NULL;
    SLV_TRY(slv_dyn_expressions_parse(sc, json, params, &e));
    if (e.has_projection) {
        ret->has_projection = true;
        ret->projection = e.projection;
    }
    ret->has_update = e.has_update;
    ret->update = e.update;
    ret->condition = e.condition;
    return SLV_OK;
}

/* ---- BatchGetItem ---- */

static slv_code check_duplicates(slv_dyn_scope *sc, const slv_dyn_item_request *items, uint32_t n)
{
    for (uint32_t i = 0; i + 1 < n; i++)
        if (slv_dyn_value_eq(&items[i].key, &items[n - 1].key))
            return slv_dyn_invalid(sc, "Provided list of item keys contains duplicates");
    return SLV_OK;
}

static slv_code read_batch_get_table(slv_dyn_scope *sc, const slv_node *json, uint32_t *total,
                                     slv_dyn_batch_table *ret)
{
    static const char *const legacy[] = {"AttributesToGet", NULL};
    const slv_node *keys = slv_dyn_member_of(json, "Keys");
    slv_dyn_item_request all = {.kind = SLV_DYN_ITEM_GET};

    SLV_TRY(read_element(sc, json, SLV_DYN_PARAM_PROJECTION, legacy, &all));
    all.table = ret->table = slv_dyn_table_name(json->key);
    all.consistent = slv_dyn_node_bool(slv_node_get(json, "ConsistentRead"));
    ret->json = json;
    SLV_DYN_NEW_N(sc, &ret->items, keys->count);
    for (const slv_node *k = keys->first; k; k = k->next) {
        slv_dyn_item_request *item = &ret->items[ret->count++];

        *item = all;
        SLV_TRY(slv_dyn_item_parse(sc, k, &item->key));
        SLV_TRY(check_duplicates(sc, ret->items, ret->count));
        if (++*total > SLV_DYN_BATCH_GET_MAX)
            return slv_dyn_invalid(sc, "Too many items requested for the BatchGetItem call");
    }
    return SLV_OK;
}

/* ---- BatchWriteItem ---- */

static slv_code read_write(slv_dyn_scope *sc, const slv_node *json, slv_str table,
                           slv_dyn_item_request *ret)
{
    const slv_node *put = slv_dyn_member_of(json, "PutRequest");
    const slv_node *delete = slv_dyn_member_of(json, "DeleteRequest");

    *ret = (slv_dyn_item_request){.table = table};
    if (!put == !delete)
        return slv_dyn_invalid(sc, "Supplied AttributeValue has more than one datatypes set, must "
                                   "contain exactly one of the supported datatypes");
    if (delete) {
        ret->kind = SLV_DYN_ITEM_DELETE;
        return slv_dyn_item_parse(sc, slv_dyn_member_of(delete, "Key"), &ret->key);
    }
    ret->kind = SLV_DYN_ITEM_PUT;
    SLV_TRY(slv_dyn_item_parse(sc, slv_dyn_member_of(put, "Item"), &ret->item));
    return slv_dyn_item_size_check(sc, &ret->item);
}

static slv_code read_batch_write_table(slv_dyn_scope *sc, const slv_node *json, uint32_t *total,
                                       slv_dyn_batch_table *ret)
{
    ret->json = json;
    ret->table = slv_dyn_table_name(json->key);
    SLV_DYN_NEW_N(sc, &ret->items, json->count);
    for (const slv_node *n = json->first; n; n = n->next) {
        SLV_TRY(read_write(sc, n, ret->table, &ret->items[ret->count++]));
        if (++*total > SLV_DYN_BATCH_WRITE_MAX)
            return slv_dyn_invalid(sc, "Too many items requested for the BatchWriteItem call");
    }
    return SLV_OK;
}

static slv_code read_batch(slv_dyn_scope *sc, slv_dyn_request *r)
{
    const slv_node *map = slv_dyn_member_of(r->json, "RequestItems");
    bool get = r->op == SLV_DYN_BATCH_GET_ITEM;
    uint32_t total = 0;

    if (!map || !map->first)
        return slv_dyn_invalid(sc, "The requestItems parameter is required for %s",
                               slv_dyn_operation_name(r->op));
    SLV_DYN_NEW_N(sc, &r->batch, map->count);
    for (const slv_node *n = map->first; n; n = n->next) {
        slv_dyn_batch_table *t = &r->batch[r->batch_count];

        if (n->type == SLV_NODE_NULL)
            continue;
        r->batch_count++;
        SLV_TRY(get ? read_batch_get_table(sc, n, &total, t)
                    : read_batch_write_table(sc, n, &total, t));
    }
    return SLV_OK;
}

/* ---- transactions ---- */

typedef struct transact_row {
    const char *name;
    slv_dyn_item_kind kind;
    unsigned params;
} transact_row;

static const transact_row transact_rows[] = {
    {"ConditionCheck", SLV_DYN_ITEM_CHECK, SLV_DYN_PARAM_CONDITION},
    {"Put", SLV_DYN_ITEM_PUT, SLV_DYN_PARAM_CONDITION},
    {"Delete", SLV_DYN_ITEM_DELETE, SLV_DYN_PARAM_CONDITION},
    {"Update", SLV_DYN_ITEM_UPDATE, SLV_DYN_PARAM_UPDATE | SLV_DYN_PARAM_CONDITION},
    {"Get", SLV_DYN_ITEM_GET, SLV_DYN_PARAM_PROJECTION},
};

static slv_code read_transact(slv_dyn_scope *sc, const slv_node *json, const transact_row *row,
                              slv_dyn_item_request *ret)
{
    static const char *const legacy[] = {NULL};

    *ret = (slv_dyn_item_request){.kind = row->kind};
    ret->table = slv_dyn_table_name(slv_dyn_string_of(json, "TableName"));
    ret->return_old_on_failure =
        slv_str_is(slv_dyn_string_of(json, "ReturnValuesOnConditionCheckFailure"), "ALL_OLD");
    if (row->kind == SLV_DYN_ITEM_PUT) {
        SLV_TRY(slv_dyn_item_parse(sc, slv_dyn_member_of(json, "Item"), &ret->item));
        SLV_TRY(slv_dyn_item_size_check(sc, &ret->item));
    } else {
        SLV_TRY(slv_dyn_item_parse(sc, slv_dyn_member_of(json, "Key"), &ret->key));
    }
    return read_element(sc, json, row->params, legacy, ret);
}

static slv_code read_transaction(slv_dyn_scope *sc, slv_dyn_request *r)
{
    const slv_node *list = slv_dyn_member_of(r->json, "TransactItems");
    const slv_node *token = slv_dyn_member_of(r->json, "ClientRequestToken");

    if (token)
        r->client_token = token->text;
    SLV_DYN_NEW_N(sc, &r->transact, list->count);
    for (const slv_node *n = list->first; n; n = n->next) {
        const transact_row *row = NULL;
        uint32_t given = 0;

        for (size_t i = 0; i < SLV_ARRAY_LEN(transact_rows); i++)
            if (slv_dyn_member_of(n, transact_rows[i].name)) {
                row = &transact_rows[i];
                given++;
            }
        if (given != 1 || (row->kind == SLV_DYN_ITEM_GET) != (r->op == SLV_DYN_TRANSACT_GET_ITEMS))
            return slv_dyn_invalid(sc, "TransactItems can only contain one of Check, Put, Update "
                                       "or Delete");
        SLV_TRY(read_transact(sc, slv_dyn_member_of(n, row->name), row,
                              &r->transact[r->transact_count++]));
    }
    return SLV_OK;
}

slv_code slv_dyn_read_groups(slv_dyn_scope *sc, slv_dyn_request *r)
{
    if (r->op == SLV_DYN_BATCH_GET_ITEM || r->op == SLV_DYN_BATCH_WRITE_ITEM)
        return read_batch(sc, r);
    return read_transaction(sc, r);
}
