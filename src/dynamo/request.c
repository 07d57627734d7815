/* Requests about single items, queries and scans; keys against their schema. */
#include "dynamo/request.h"

#include "dynamo/request_int.h"

#include "fmt/json.h"

static const char *const operation_names[] = {
#define X(id, name) [SLV_DYN_##id] = name,
    SLV_DYN_OPERATIONS(X)
#undef X
};

const char *slv_dyn_operation_name(slv_dyn_operation op)
{
    return operation_names[op];
}

bool slv_dyn_operation_find(slv_str name, slv_dyn_operation *ret)
{
    for (size_t i = 0; i < SLV_ARRAY_LEN(operation_names); i++)
        if (slv_str_is(name, operation_names[i])) {
            *ret = (slv_dyn_operation)i;
            return true;
        }
    return false;
}

/* ---- expressions ---- */

static const char *const param_names[] = {"ProjectionExpression", "FilterExpression",
                                          "KeyConditionExpression", "UpdateExpression",
                                          "ConditionExpression"};

static slv_code put_given(const slv_node *json, slv_str *rest, slv_buf *out, const char *name)
{
    if (!slv_dyn_member_of(json, name))
        return SLV_OK;
    SLV_TRY(slv_buf_append(out, *rest));
    *rest = SLV_STR(", ");
    return slv_buf_append(out, slv_str_from(name));
}

/* ExpressionAttributeValues without an expression that could use them. */
static slv_code check_values(slv_dyn_scope *sc, const slv_node *json, unsigned params)
{
    const char *absent[4];
    size_t n = 0;

    for (size_t i = 1; i < SLV_ARRAY_LEN(param_names); i++) /* a projection has no values */
        if (params & 1U << i) {
            if (slv_dyn_member_of(json, param_names[i]))
                return SLV_OK;
            absent[n++] = param_names[i];
        }
    if (!n || !slv_dyn_member_of(json, "ExpressionAttributeValues"))
        return SLV_OK;
    return slv_dyn_invalid(sc,
                           "ExpressionAttributeValues can only be specified when using "
                           "expressions: %s%s%s %s null",
                           absent[0], n > 1 ? " and " : "", n > 1 ? absent[1] : "",
                           n > 1 ? "are" : "is");
}

slv_code slv_dyn_mixing_check(slv_dyn_scope *sc, const slv_node *json, unsigned params,
                              const char *const *legacy)
{
    SLV_CLEANUP(slv_buf_done) slv_buf old = SLV_BUF(1024);
    SLV_CLEANUP(slv_buf_done) slv_buf new = SLV_BUF(1024);
    slv_str between_new = SLV_STR(""), between_old = SLV_STR("");
    bool key_alone = slv_dyn_member_of(json, "KeyConditions") &&
                     !slv_dyn_member_of(json, "KeyConditionExpression");

    for (size_t i = 0; i < SLV_ARRAY_LEN(param_names); i++)
        if (params & 1U << i)
            SLV_TRY(put_given(json, &between_new, &new, param_names[i]));
    for (const char *const *l = legacy; *l; l++)
        if (!key_alone || strcmp(*l, "KeyConditions") != 0)
            SLV_TRY(put_given(json, &between_old, &old, *l));

    if (new.len && old.len)
        return slv_dyn_invalid(sc,
                               "Can not use both expression and non-expression parameters in the "
                               "same request: Non-expression parameters: {%.*s} Expression "
                               "parameters: {%.*s}",
                               SLV_STR_ARGS(slv_buf_view(&old)), SLV_STR_ARGS(slv_buf_view(&new)));
    if (!new.len && slv_dyn_member_of(json, "ExpressionAttributeNames"))
        return slv_dyn_invalid(
            sc, "ExpressionAttributeNames can only be specified when using expressions");
    return check_values(sc, json, params);
}

slv_code slv_dyn_expressions_parse(slv_dyn_scope *sc, const slv_node *json, unsigned params,
                                   slv_dyn_expressions *ret)
{
    const slv_node *update = slv_dyn_member_of(json, "UpdateExpression");
    const slv_node *condition = slv_dyn_member_of(json, "ConditionExpression");
    const slv_node *key = slv_dyn_member_of(json, "KeyConditionExpression");
    const slv_node *filter = slv_dyn_member_of(json, "FilterExpression");
    const slv_node *projection = slv_dyn_member_of(json, "ProjectionExpression");

    *ret = (slv_dyn_expressions){.key = NULL};
    /* where only a projection may stand, there is no such parameter as values */
    SLV_TRY(slv_dyn_subst_init(sc, slv_dyn_member_of(json, "ExpressionAttributeNames"),
                               params == SLV_DYN_PARAM_PROJECTION
                                   ? NULL
                                   : slv_dyn_member_of(json, "ExpressionAttributeValues"),
                               &ret->subst));
    if (params & SLV_DYN_PARAM_UPDATE && update) {
        ret->has_update = true;
        SLV_TRY(slv_dyn_update_parse(sc, &ret->subst, update->text, &ret->update));
    }
    if (params & SLV_DYN_PARAM_CONDITION && condition)
        SLV_TRY(slv_dyn_condition_parse(sc, &ret->subst, "ConditionExpression", condition->text,
                                        &ret->condition));
    if (params & SLV_DYN_PARAM_KEY && key)
        SLV_TRY(slv_dyn_condition_parse(sc, &ret->subst, "KeyConditionExpression", key->text,
                                        &ret->key));
    if (params & SLV_DYN_PARAM_FILTER && filter)
        SLV_TRY(slv_dyn_condition_parse(sc, &ret->subst, "FilterExpression", filter->text,
                                        &ret->filter));
    if (params & SLV_DYN_PARAM_PROJECTION && projection) {
        ret->has_projection = true;
        SLV_TRY(slv_dyn_projection_parse(sc, &ret->subst, projection->text, &ret->projection));
    }
    return slv_dyn_subst_check_used(sc, &ret->subst);
}

/* ---- what many operations have ---- */

static slv_dyn_return_values return_values(const slv_node *json)
{
    slv_str s = slv_dyn_string_of(json, "ReturnValues");

    if (slv_str_is(s, "ALL_OLD"))
        return SLV_DYN_RETURN_ALL_OLD;
    if (slv_str_is(s, "UPDATED_OLD"))
        return SLV_DYN_RETURN_UPDATED_OLD;
    if (slv_str_is(s, "ALL_NEW"))
        return SLV_DYN_RETURN_ALL_NEW;
    return slv_str_is(s, "UPDATED_NEW") ? SLV_DYN_RETURN_UPDATED_NEW : SLV_DYN_RETURN_NONE;
}

static void read_common(slv_dyn_request *r)
{
    slv_str capacity = slv_dyn_string_of(r->json, "ReturnConsumedCapacity");

    r->table = slv_dyn_table_name(slv_dyn_string_of(r->json, "TableName"));
    r->capacity = slv_str_is(capacity, "TOTAL")     ? SLV_DYN_CAPACITY_TOTAL
                  : slv_str_is(capacity, "INDEXES") ? SLV_DYN_CAPACITY_INDEXES
                                                    : SLV_DYN_CAPACITY_NONE;
    r->collection_metrics =
        slv_str_is(slv_dyn_string_of(r->json, "ReturnItemCollectionMetrics"), "SIZE");
    r->consistent = slv_dyn_node_bool(slv_node_get(r->json, "ConsistentRead"));
    r->item.table = r->table;
    r->item.consistent = r->consistent;
    r->item.returns = return_values(r->json);
    r->item.return_old_on_failure =
        slv_str_is(slv_dyn_string_of(r->json, "ReturnValuesOnConditionCheckFailure"), "ALL_OLD");
}

static slv_code read_key(slv_dyn_scope *sc, slv_dyn_request *r)
{
    return slv_dyn_item_parse(sc, slv_dyn_member_of(r->json, "Key"), &r->item.key);
}

slv_code slv_dyn_item_size_check(slv_dyn_scope *sc, const slv_dyn_value *item)
{
    if (slv_dyn_item_size(item) <= SLV_DYN_ITEM_MAX)
        return SLV_OK;
    return slv_dyn_invalid(sc, "Item size has exceeded the maximum allowed size");
}

/* ---- GetItem, PutItem, DeleteItem, UpdateItem ---- */

static slv_code read_get(slv_dyn_scope *sc, slv_dyn_request *r)
{
    static const char *const legacy[] = {"AttributesToGet", NULL};
    slv_dyn_expressions e;

    r->item.kind = SLV_DYN_ITEM_GET;
    SLV_TRY(slv_dyn_mixing_check(sc, r->json, SLV_DYN_PARAM_PROJECTION, legacy));
    SLV_TRY(read_key(sc, r));
    SLV_TRY(slv_dyn_attributes_to_get_parse(sc, r->json, &r->item.projection));
    r->item.has_projection = slv_dyn_member_of(r->json, "AttributesToGet") != NULL;
    SLV_TRY(slv_dyn_expressions_parse(sc, r->json, SLV_DYN_PARAM_PROJECTION, &e));
    if (e.has_projection) {
        r->item.has_projection = true;
        r->item.projection = e.projection;
    }
    return SLV_OK;
}

/* Expected, or ConditionExpression. */
static slv_code read_condition(slv_dyn_scope *sc, slv_dyn_request *r)
{
    slv_dyn_expressions e;

    SLV_TRY(slv_dyn_expected_parse(sc, r->json, &r->item.condition));
    SLV_TRY(slv_dyn_expressions_parse(sc, r->json, SLV_DYN_PARAM_CONDITION, &e));
    if (e.condition)
        r->item.condition = e.condition;
    return SLV_OK;
}

static slv_code check_old_only(slv_dyn_scope *sc, const slv_dyn_request *r)
{
    if (r->item.returns == SLV_DYN_RETURN_NONE || r->item.returns == SLV_DYN_RETURN_ALL_OLD)
        return SLV_OK;
    return slv_dyn_invalid(sc, "ReturnValues can only be ALL_OLD or NONE");
}

static slv_code read_put(slv_dyn_scope *sc, slv_dyn_request *r)
{
    static const char *const legacy[] = {"Expected", NULL};

    r->item.kind = SLV_DYN_ITEM_PUT;
    SLV_TRY(slv_dyn_mixing_check(sc, r->json, SLV_DYN_PARAM_CONDITION, legacy));
    SLV_TRY(slv_dyn_item_parse(sc, slv_dyn_member_of(r->json, "Item"), &r->item.item));
    SLV_TRY(check_old_only(sc, r));
    SLV_TRY(slv_dyn_item_size_check(sc, &r->item.item));
    return read_condition(sc, r);
}

static slv_code read_delete(slv_dyn_scope *sc, slv_dyn_request *r)
{
    static const char *const legacy[] = {"Expected", NULL};

    r->item.kind = SLV_DYN_ITEM_DELETE;
    SLV_TRY(slv_dyn_mixing_check(sc, r->json, SLV_DYN_PARAM_CONDITION, legacy));
    SLV_TRY(read_key(sc, r));
    SLV_TRY(check_old_only(sc, r));
    return read_condition(sc, r);
}

static slv_code read_update(slv_dyn_scope *sc, slv_dyn_request *r)
{
    static const char *const legacy[] = {"AttributeUpdates", "Expected", NULL};
    slv_dyn_expressions e;

    r->item.kind = SLV_DYN_ITEM_UPDATE;
    SLV_TRY(
        slv_dyn_mixing_check(sc, r->json, SLV_DYN_PARAM_UPDATE | SLV_DYN_PARAM_CONDITION, legacy));
    SLV_TRY(read_key(sc, r));
    SLV_TRY(slv_dyn_attribute_updates_parse(sc, r->json, &r->item.update));
    r->item.has_update = slv_dyn_member_of(r->json, "AttributeUpdates") != NULL;
    SLV_TRY(slv_dyn_expected_parse(sc, r->json, &r->item.condition));
    SLV_TRY(
        slv_dyn_expressions_parse(sc, r->json, SLV_DYN_PARAM_UPDATE | SLV_DYN_PARAM_CONDITION, &e));
    if (e.condition)
        r->item.condition = e.condition;
    if (e.has_update) {
        r->item.has_update = true;
        r->item.update = e.update;
    }
    return SLV_OK;
}

/* ---- Query, Scan ---- */

/* Some errors are told as they are, others with what they are about. */
static bool told_plainly(slv_str message)
{
    static const char *const words[] = {"contains duplicates", "number set", "numeric value",
                                        "significant digits", "number with magnitude"};

    for (size_t i = 0; i < SLV_ARRAY_LEN(words); i++)
        if (slv_str_find(message, slv_str_from(words[i]), 0) != SIZE_MAX)
            return true;
    return false;
}

static slv_code read_start_key(slv_dyn_scope *sc, slv_dyn_request *r)
{
    const slv_node *json = slv_dyn_member_of(r->json, "ExclusiveStartKey");
    slv_code code;

    if (!json)
        return SLV_OK;
    r->has_start_key = true;
    code = slv_dyn_item_parse(sc, json, &r->start_key);
    if (code == SLV_E_INVAL && !told_plainly(sc->message)) {
        slv_str text = sc->message;

        return slv_dyn_invalid(sc, "The provided starting key is invalid: %.*s",
                               SLV_STR_ARGS(text));
    }
    return code;
}

static void read_range(slv_dyn_request *r)
{
    const slv_node *limit = slv_dyn_member_of(r->json, "Limit");
    const slv_node *index = slv_dyn_member_of(r->json, "IndexName");
    const slv_node *forward = slv_dyn_member_of(r->json, "ScanIndexForward");
    slv_str select = slv_dyn_string_of(r->json, "Select");
    int64_t v;

    if (limit)
        r->limit = slv_node_i64(limit, &v) ? (uint64_t)v : UINT32_MAX;
    if (index)
        r->index = index->text;
    r->backward = forward && !slv_dyn_node_bool(forward);
    r->select = slv_str_is(select, "ALL_ATTRIBUTES") ? SLV_DYN_SELECT_ALL_ATTRIBUTES
                : slv_str_is(select, "ALL_PROJECTED_ATTRIBUTES")
                    ? SLV_DYN_SELECT_ALL_PROJECTED_ATTRIBUTES
                : slv_str_is(select, "SPECIFIC_ATTRIBUTES") ? SLV_DYN_SELECT_SPECIFIC_ATTRIBUTES
                : slv_str_is(select, "COUNT")               ? SLV_DYN_SELECT_COUNT
                                                            : SLV_DYN_SELECT_DEFAULT;
}

static slv_code check_select(slv_dyn_scope *sc, const slv_dyn_request *r)
{
    slv_str select = slv_dyn_string_of(r->json, "Select");
    bool projection = r->has_projection;

    if (!select.len)
        return SLV_OK;
    if (projection && r->select != SLV_DYN_SELECT_SPECIFIC_ATTRIBUTES)
        return slv_dyn_invalid(
            sc, "Cannot specify the %s when choosing to get %.*s",
            r->projection_legacy ? "AttributesToGet" : "ProjectionExpression",
            SLV_STR_ARGS(r->select == SLV_DYN_SELECT_COUNT ? SLV_STR("only the Count") : select));
    if (!projection && r->select == SLV_DYN_SELECT_SPECIFIC_ATTRIBUTES)
        return slv_dyn_invalid(sc,
                               "%sMust specify the AttributesToGet or ProjectionExpression when "
                               "choosing to get SPECIFIC_ATTRIBUTES",
                               r->op == SLV_DYN_QUERY ? "1 validation error detected: " : "");
    if (!r->index.ptr && r->select == SLV_DYN_SELECT_ALL_PROJECTED_ATTRIBUTES)
        return slv_dyn_invalid(
            sc, "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName");
    return SLV_OK;
}

static void take_projection(slv_dyn_request *r, const slv_dyn_expressions *e)
{
    if (!e->has_projection)
        return;
    r->has_projection = true;
    r->projection_legacy = false;
    r->projection = e->projection;
}

static slv_code read_attributes_to_get(slv_dyn_scope *sc, slv_dyn_request *r)
{
    r->has_projection = r->projection_legacy = slv_dyn_member_of(r->json, "AttributesToGet");
    return slv_dyn_attributes_to_get_parse(sc, r->json, &r->projection);
}

static slv_code read_query(slv_dyn_scope *sc, slv_dyn_request *r)
{
    static const char *const legacy[] = {"AttributesToGet", "QueryFilter", "ConditionalOperator",
                                         "KeyConditions", NULL};
    unsigned params = SLV_DYN_PARAM_PROJECTION | SLV_DYN_PARAM_FILTER | SLV_DYN_PARAM_KEY;
    slv_dyn_expressions e;

    read_range(r);
    SLV_TRY(slv_dyn_mixing_check(sc, r->json, params, legacy));
    SLV_TRY(slv_dyn_filter_parse(sc, r->json, "QueryFilter", &r->filter));
    SLV_TRY(read_attributes_to_get(sc, r));
    SLV_TRY(read_start_key(sc, r));
    if (!slv_dyn_member_of(r->json, "KeyConditions") &&
        !slv_dyn_member_of(r->json, "KeyConditionExpression"))
        return slv_dyn_invalid(sc, "Either the KeyConditions or KeyConditionExpression parameter "
                                   "must be specified in the request.");
    SLV_TRY(slv_dyn_expressions_parse(sc, r->json, params, &e));
    take_projection(r, &e);
    if (e.filter)
        r->filter = e.filter;
    SLV_TRY(e.key ? slv_dyn_key_conds_from(sc, e.key, &r->key_conds)
                  : slv_dyn_key_conditions_parse(sc, r->json, &r->key_conds));
    return check_select(sc, r);
}

static slv_code read_segments(slv_dyn_scope *sc, slv_dyn_request *r)
{
    const slv_node *segment = slv_dyn_member_of(r->json, "Segment");
    const slv_node *total = slv_dyn_member_of(r->json, "TotalSegments");
    int64_t i = 0, n = 0;

    if (segment && !total)
        return slv_dyn_invalid(sc, "The TotalSegments parameter is required but was not present in "
                                   "the request when Segment parameter is present");
    if (!total)
        return SLV_OK;
    if (!segment)
        return slv_dyn_invalid(sc, "The Segment parameter is required but was not present in the "
                                   "request when parameter TotalSegments is present");
    if (!slv_node_i64(segment, &i) || !slv_node_i64(total, &n) || i >= n)
        return slv_dyn_invalid(
            sc,
            "The Segment parameter is zero-based and must be less than parameter "
            "TotalSegments: Segment: %lld is not less than TotalSegments: %lld",
            (long long)i, (long long)n);
    r->parallel = true;
    r->segment = (uint32_t)i;
    r->total_segments = (uint32_t)n;
    return SLV_OK;
}

static slv_code read_scan(slv_dyn_scope *sc, slv_dyn_request *r)
{
    static const char *const legacy[] = {"AttributesToGet", "ScanFilter", "ConditionalOperator",
                                         NULL};
    unsigned params = SLV_DYN_PARAM_PROJECTION | SLV_DYN_PARAM_FILTER;
    slv_dyn_expressions e;

    read_range(r);
    SLV_TRY(slv_dyn_mixing_check(sc, r->json, params, legacy));
    SLV_TRY(read_attributes_to_get(sc, r));
    SLV_TRY(slv_dyn_filter_parse(sc, r->json, "ScanFilter", &r->filter));
    SLV_TRY(read_start_key(sc, r));
    SLV_TRY(read_segments(sc, r));
    SLV_TRY(slv_dyn_expressions_parse(sc, r->json, params, &e));
    take_projection(r, &e);
    if (e.filter)
        r->filter = e.filter;
    return check_select(sc, r);
}

/* ---- all ---- */

static slv_code read_request(slv_dyn_scope *sc, slv_dyn_request *r)
{
    switch ((int)r->op) {
    case SLV_DYN_GET_ITEM:
        return read_get(sc, r);
    case SLV_DYN_PUT_ITEM:
        return read_put(sc, r);
    case SLV_DYN_DELETE_ITEM:
        return read_delete(sc, r);
    case SLV_DYN_UPDATE_ITEM:
        return read_update(sc, r);
    case SLV_DYN_QUERY:
        return read_query(sc, r);
    case SLV_DYN_SCAN:
        return read_scan(sc, r);
    case SLV_DYN_BATCH_GET_ITEM:
    case SLV_DYN_BATCH_WRITE_ITEM:
    case SLV_DYN_TRANSACT_GET_ITEMS:
    case SLV_DYN_TRANSACT_WRITE_ITEMS:
        return slv_dyn_read_groups(sc, r);
    default:
        return slv_dyn_read_table(sc, r);
    }
}

/* Of the operations on tables: their name has rules of its own, which come first. That a table
   which could be created otherwise has a short name is told as a constraint. */
static slv_code check_table_name(slv_dyn_scope *sc, const slv_dyn_request *r)
{
    const slv_dyn_rule *rule = slv_dyn_rules(r->op);
    const slv_node *name = slv_dyn_member_of(r->json, "TableName");
    bool complete = r->op == SLV_DYN_CREATE_TABLE &&
                    slv_dyn_member_of(r->json, "AttributeDefinitions") &&
                    slv_dyn_member_of(r->json, "KeySchema");

    while (rule->name && strcmp(rule->name, "TableName") != 0)
        rule++;
    if (!rule->name || rule->flags & SLV_DYN_REQUIRED)
        return SLV_OK;
    if (!name)
        return slv_dyn_invalid(sc, "The parameter 'TableName' is required but was not present in "
                                   "the request");
    if (complete || slv_str_starts(name->text, SLV_STR("arn:")) ||
        (name->text.len >= 3 && name->text.len <= 255))
        return SLV_OK;
    return slv_dyn_invalid(sc, "TableName must be at least 3 characters long and at most 255 "
                               "characters long");
}

slv_code slv_dyn_request_read(slv_dyn_scope *sc, slv_dyn_operation op, const slv_node *json,
                              slv_dyn_request *ret)
{
    *ret = (slv_dyn_request){.op = op};
    if (json->type != SLV_NODE_OBJECT)
        return slv_dyn_fail(sc, SLV_DYN_ERROR_SERIALIZATION,
                            json->type == SLV_NODE_ARRAY
                                ? "Unrecognized collection type class "
                                  "com.amazonaws.dynamodb.v20120810.%sInput"
                                : "Unexpected value type in payload%.0s",
                            slv_dyn_operation_name(op));
    ret->json = json;
    SLV_TRY(slv_dyn_shape_check(sc, slv_dyn_rules(op), json));
    SLV_TRY(check_table_name(sc, ret));
    SLV_TRY(slv_dyn_constraints_check(sc, slv_dyn_rules(op), json));
    read_common(ret);
    return read_request(sc, ret);
}

slv_code slv_dyn_request_parse(slv_dyn_scope *sc, slv_dyn_operation op, slv_str body,
                               slv_dyn_request *ret)
{
    slv_node *json = NULL;
    slv_code code = slv_json_parse(body, SLV_JSON_STRICT, sc->arena, &json, NULL);

    *ret = (slv_dyn_request){.op = op};
    if (code != SLV_OK && code != SLV_E_PARSE)
        return code;
    if (code == SLV_E_PARSE)
        return slv_dyn_fail(sc, SLV_DYN_ERROR_SERIALIZATION, "%s", "");
    return slv_dyn_request_read(sc, op, json, ret);
}

/* ---- keys against their schema ---- */

static slv_code fail_schema(slv_dyn_scope *sc)
{
    return slv_dyn_invalid(sc, "The provided key element does not match the schema");
}

static slv_code fail_empty(slv_dyn_scope *sc, const char *start, const slv_dyn_key_attr *attr)
{
    return slv_dyn_invalid(sc,
                           "One or more parameter values %s The AttributeValue for a key attribute "
                           "cannot contain an empty %s value. Key: %.*s",
                           start, attr->type == SLV_DYN_S ? "string" : "binary",
                           SLV_STR_ARGS(attr->name));
}

static slv_code check_key_attr(slv_dyn_scope *sc, const slv_dyn_value *key,
                               const slv_dyn_key_attr *attr, bool hash)
{
    const slv_dyn_value *v = slv_dyn_value_get(key, attr->name);

    if (!v || v->type != attr->type)
        return fail_schema(sc);
    if (v->type != SLV_DYN_N && !v->bytes.len)
        return fail_empty(sc, "were invalid:", attr);
    return slv_dyn_key_size_check(sc, v, hash);
}

slv_code slv_dyn_key_check(slv_dyn_scope *sc, const slv_dyn_value *key,
                           const slv_dyn_key_attr *hash, const slv_dyn_key_attr *range)
{
    if (key->count != (range ? 2U : 1U))
        return fail_schema(sc);
    SLV_TRY(check_key_attr(sc, key, hash, true));
    return range ? check_key_attr(sc, key, range, false) : SLV_OK;
}

static slv_code check_item_attr(slv_dyn_scope *sc, const slv_dyn_value *item,
                                const slv_dyn_key_attr *attr, bool hash)
{
    const slv_dyn_value *v = slv_dyn_value_get(item, attr->name);

    if (!v)
        return slv_dyn_invalid(sc,
                               "One or more parameter values were invalid: Missing the key %.*s in "
                               "the item",
                               SLV_STR_ARGS(attr->name));
    if (v->type != attr->type)
        return slv_dyn_invalid(sc,
                               "One or more parameter values were invalid: Type mismatch for key "
                               "%.*s expected: %s actual: %s",
                               SLV_STR_ARGS(attr->name), slv_dyn_type_name(attr->type),
                               slv_dyn_type_name((slv_dyn_type)v->type));
    if (v->type != SLV_DYN_N && !v->bytes.len)
        return fail_empty(sc, "are not valid.", attr);
    return slv_dyn_key_size_check(sc, v, hash);
}

slv_code slv_dyn_item_check(slv_dyn_scope *sc, const slv_dyn_value *item,
                            const slv_dyn_key_attr *hash, const slv_dyn_key_attr *range)
{
    SLV_TRY(check_item_attr(sc, item, hash, true));
    return range ? check_item_attr(sc, item, range, false) : SLV_OK;
}

slv_code slv_dyn_index_key_check(slv_dyn_scope *sc, const slv_dyn_value *item,
                                 const slv_dyn_key_attr *attr, slv_str index_name)
{
    const slv_dyn_value *v = slv_dyn_value_get(item, attr->name);

    if (!v)
        return SLV_OK;
    if (v->type != attr->type)
        return slv_dyn_invalid(sc,
                               "One or more parameter values were invalid: Type mismatch for Index "
                               "Key %.*s Expected: %s Actual: %s IndexName: %.*s",
                               SLV_STR_ARGS(attr->name), slv_dyn_type_name(attr->type),
                               slv_dyn_type_name((slv_dyn_type)v->type), SLV_STR_ARGS(index_name));
    if (v->type != SLV_DYN_N && !v->bytes.len)
        return slv_dyn_invalid(
            sc,
            "One or more parameter values are not valid. A value specified for a "
            "secondary index key is not supported. The AttributeValue for a key "
            "attribute cannot contain an empty %s value. IndexName: %.*s, "
            "IndexKey: %.*s",
            v->type == SLV_DYN_S ? "string" : "binary", SLV_STR_ARGS(index_name),
            SLV_STR_ARGS(attr->name));
    return SLV_OK;
}
