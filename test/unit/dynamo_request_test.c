/* Requests to the table store: what is refused and in which words, and what is read of those that
 * are not. */
#include "dynamo/request.h"
#include "support/tap.h"

#define ARENA ((size_t)16 << 20)

static void fails(slv_dyn_operation op, const char *body, slv_dyn_error e, const char *want)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_request r;

    if (slv_dyn_request_parse(&sc, op, slv_str_from(body), &r) != SLV_E_INVAL) {
        tap_failed(__FILE__, __LINE__, "accepted: %s", body);
        return;
    }
    CHECK_STR(sc.message, slv_str_from(want));
    CHECK_INT(sc.error, e);
}

#define INVALID SLV_DYN_ERROR_VALIDATION
#define SHAPE SLV_DYN_ERROR_SERIALIZATION
#define ONE "1 validation error detected: "
#define FAILED " failed to satisfy constraint: Member must "

TEST(shapes_are_checked_first)
{
    fails(SLV_DYN_GET_ITEM, "{", SHAPE, "");
    fails(SLV_DYN_GET_ITEM, "{\"TableName\":1}", SHAPE,
          "NUMBER_VALUE cannot be converted to String");
    fails(SLV_DYN_GET_ITEM, "{\"TableName\":1.5}", SHAPE,
          "DECIMAL_VALUE cannot be converted to String");
    fails(SLV_DYN_GET_ITEM, "{\"TableName\":\"!\",\"Key\":[]}", SHAPE,
          "Unrecognized collection type java.util.Map<java.lang.String, "
          "com.amazonaws.dynamodb.v20120810.AttributeValue>");
    fails(SLV_DYN_GET_ITEM, "{\"ConsistentRead\":\"maybe\"}", SHAPE,
          "Unexpected token received from parser");
    fails(SLV_DYN_QUERY, "{\"Limit\":\"5\"}", SHAPE, "STRING_VALUE cannot be converted to Integer");
    fails(SLV_DYN_QUERY, "{\"QueryFilter\":{\"a\":1}}", SHAPE, "Unexpected value type in payload");
    fails(SLV_DYN_CREATE_TABLE, "{\"ProvisionedThroughput\":[]}", SHAPE,
          "Unrecognized collection type class "
          "com.amazonaws.dynamodb.v20120810.ProvisionedThroughput");
    fails(SLV_DYN_PUT_ITEM, "{\"Item\":{\"a\":{\"L\":{}}}}", SHAPE,
          "Start of structure or map found where not expected");
}

TEST(constraints_are_told_together)
{
    fails(SLV_DYN_PUT_ITEM, "{\"Item\":{}}", INVALID,
          ONE "Value null at 'tableName'" FAILED "not be null");
    fails(SLV_DYN_PUT_ITEM, "{\"TableName\":\"\",\"Item\":{}}", INVALID,
          ONE "Value '' at 'tableName'" FAILED "have length greater than or equal to 1");
    fails(SLV_DYN_PUT_ITEM, "{\"TableName\":\"bad table!@#\",\"Item\":{}}", INVALID,
          ONE "Value 'bad table!@#' at 'tableName'" FAILED
              "satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
    fails(SLV_DYN_DELETE_ITEM,
          "{\"TableName\":\"abc\",\"Key\":{},\"ReturnValues\":\"x\",\"ReturnConsumedCapacity\":"
          "\"y\"}",
          INVALID,
          "2 validation errors detected: Value 'y' at 'returnConsumedCapacity'" FAILED
          "satisfy enum value set: [INDEXES, TOTAL, NONE]; Value 'x' at 'returnValues'" FAILED
          "satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]");
    fails(SLV_DYN_QUERY, "{\"TableName\":\"abc\",\"Limit\":0}", INVALID,
          ONE "Value at 'Limit'" FAILED "have value greater than or equal to 1");
    fails(SLV_DYN_SCAN, "{\"TableName\":\"abc\",\"Limit\":0}", INVALID,
          ONE "Value '0' at 'limit'" FAILED "have value greater than or equal to 1");
    fails(SLV_DYN_SCAN, "{\"TableName\":\"abc\",\"TotalSegments\":1000001,\"Segment\":1000000}",
          INVALID,
          "2 validation errors detected: Value '1000001' at 'totalSegments'" FAILED
          "have value less than or equal to 1000000; Value '1000000' at 'segment'" FAILED
          "have value less than or equal to 999999");
    fails(SLV_DYN_TRANSACT_WRITE_ITEMS, "{\"TransactItems\":[]}", INVALID,
          ONE "Value '[]' at 'transactItems'" FAILED "have length greater than or equal to 1");
    fails(SLV_DYN_TRANSACT_WRITE_ITEMS,
          "{\"TransactItems\":[{\"Update\":{\"TableName\":\"abc\",\"Key\":{}}}]}", INVALID,
          ONE "Value null at 'transactItems.1.member.update.updateExpression'" FAILED
              "not be null");
    fails(SLV_DYN_CREATE_TABLE,
          "{\"TableName\":\"abc\",\"AttributeDefinitions\":[],\"KeySchema\":[{\"AttributeName\":"
          "\"a\",\"KeyType\":\"X\"}]}",
          INVALID,
          ONE "Value 'X' at 'keySchema.1.member.keyType'" FAILED
              "satisfy enum value set: [HASH, RANGE]");
}

TEST(table_names_of_operations_on_tables_have_rules_of_their_own)
{
    static const slv_dyn_operation ops[] = {SLV_DYN_CREATE_TABLE, SLV_DYN_DELETE_TABLE,
                                            SLV_DYN_DESCRIBE_TABLE, SLV_DYN_UPDATE_TABLE,
                                            SLV_DYN_DESCRIBE_TIME_TO_LIVE};

    for (size_t i = 0; i < SLV_ARRAY_LEN(ops); i++) {
        fails(ops[i], "{}", INVALID,
              "The parameter 'TableName' is required but was not present in the request");
        fails(ops[i], "{\"TableName\":\"ab\"}", INVALID,
              "TableName must be at least 3 characters long and at most 255 characters long");
    }
    fails(SLV_DYN_CREATE_TABLE,
          "{\"TableName\":\"ab\",\"AttributeDefinitions\":[{\"AttributeName\":\"a\","
          "\"AttributeType\":\"S\"}],\"KeySchema\":[{\"AttributeName\":\"a\",\"KeyType\":\"HASH\"}"
          "]}",
          INVALID, ONE "Value 'ab' at 'tableName'" FAILED "have length greater than or equal to 3");
}

TEST(expressions_and_what_they_replaced_exclude_each_other)
{
    fails(SLV_DYN_UPDATE_ITEM,
          "{\"TableName\":\"abc\",\"Key\":{},\"UpdateExpression\":\"\",\"AttributeUpdates\":{},"
          "\"Expected\":{}}",
          INVALID,
          "Can not use both expression and non-expression parameters in the same request: "
          "Non-expression parameters: {AttributeUpdates, Expected} Expression parameters: "
          "{UpdateExpression}");
    fails(SLV_DYN_QUERY,
          "{\"TableName\":\"abc\",\"KeyConditions\":{},\"ConditionalOperator\":\"OR\","
          "\"FilterExpression\":\"\"}",
          INVALID,
          "Can not use both expression and non-expression parameters in the same request: "
          "Non-expression parameters: {ConditionalOperator} Expression parameters: "
          "{FilterExpression}");
    fails(SLV_DYN_PUT_ITEM,
          "{\"TableName\":\"abc\",\"Item\":{},\"ExpressionAttributeNames\":{\"#a\":\"a\"}}",
          INVALID, "ExpressionAttributeNames can only be specified when using expressions");
    fails(SLV_DYN_UPDATE_ITEM,
          "{\"TableName\":\"abc\",\"Key\":{},\"ExpressionAttributeValues\":{\":a\":{\"S\":\"\"}}}",
          INVALID,
          "ExpressionAttributeValues can only be specified when using expressions: "
          "UpdateExpression and ConditionExpression are null");
}

#define EXPECTED(members) "{\"TableName\":\"abc\",\"Item\":{},\"Expected\":{\"a\":{" members "}}}"
#define PARAMS "One or more parameter values were invalid: "

TEST(legacy_conditions_have_rules)
{
    slv_dyn_operation put = SLV_DYN_PUT_ITEM;

    fails(put, EXPECTED(""), INVALID,
          PARAMS "Value must be provided when Exists is null for Attribute: a");
    fails(put, EXPECTED("\"Exists\":false,\"Value\":{\"S\":\"\"}"), INVALID,
          PARAMS "Value cannot be used when Exists is false for Attribute: a");
    fails(put, EXPECTED("\"AttributeValueList\":[]"), INVALID,
          PARAMS "AttributeValueList can only be used with a ComparisonOperator for Attribute: a");
    fails(put, EXPECTED("\"AttributeValueList\":[],\"Value\":{\"S\":\"\"}"), INVALID,
          PARAMS "Value and AttributeValueList cannot be used together for Attribute: a");
    fails(put, EXPECTED("\"ComparisonOperator\":\"EQ\",\"Exists\":true"), INVALID,
          PARAMS "Exists and ComparisonOperator cannot be used together for Attribute: a");
    fails(put, EXPECTED("\"ComparisonOperator\":\"EQ\""), INVALID,
          PARAMS "Value or AttributeValueList must be used with ComparisonOperator: EQ for "
                 "Attribute: a");
    fails(put,
          EXPECTED("\"ComparisonOperator\":\"BETWEEN\",\"AttributeValueList\":[{\"N\":\"1\"}]"),
          INVALID, PARAMS "Invalid number of argument(s) for the BETWEEN ComparisonOperator");
    fails(
        put,
        EXPECTED("\"ComparisonOperator\":\"BETWEEN\",\"AttributeValueList\":[{\"N\":\"2\"},{\"N\":"
                 "\"1\"}]"),
        INVALID,
        "The BETWEEN condition was provided a range where the lower bound is greater than the "
        "upper bound");
    fails(SLV_DYN_SCAN, "{\"TableName\":\"abc\",\"ConditionalOperator\":\"OR\"}", INVALID,
          "ConditionalOperator cannot be used without Filter or Expected");
    fails(SLV_DYN_SCAN,
          "{\"TableName\":\"abc\",\"ScanFilter\":{\"a\":{\"ComparisonOperator\":\"LT\","
          "\"AttributeValueList\":[{\"SS\":[\"a\"]}]}}}",
          INVALID, PARAMS "ComparisonOperator LT is not valid for SS AttributeValue type");
    fails(SLV_DYN_GET_ITEM,
          "{\"TableName\":\"abc\",\"Key\":{},\"AttributesToGet\":[\"a\",\"b\",\"a\"]}", INVALID,
          PARAMS "Duplicate value in attribute name: a");
    fails(SLV_DYN_UPDATE_ITEM,
          "{\"TableName\":\"abc\",\"Key\":{},\"AttributeUpdates\":{\"a\":{\"Action\":\"DELETE\","
          "\"Value\":{\"S\":\"\"}}}}",
          INVALID, PARAMS "DELETE action with value is not supported for the type S");
}

TEST(queries_and_scans_have_rules)
{
    fails(SLV_DYN_QUERY, "{\"TableName\":\"abc\"}", INVALID,
          "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
          "request.");
    fails(SLV_DYN_QUERY, "{\"TableName\":\"abc\",\"ExclusiveStartKey\":{\"a\":{}}}", INVALID,
          "The provided starting key is invalid: Supplied AttributeValue is empty, must contain "
          "exactly one of the supported datatypes");
    fails(SLV_DYN_QUERY, "{\"TableName\":\"abc\",\"ExclusiveStartKey\":{\"a\":{\"N\":\"x\"}}}",
          INVALID, "The parameter cannot be converted to a numeric value: x");
    fails(SLV_DYN_SCAN, "{\"TableName\":\"abc\",\"Segment\":5,\"TotalSegments\":5}", INVALID,
          "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
          "Segment: 5 is not less than TotalSegments: 5");
    fails(SLV_DYN_SCAN,
          "{\"TableName\":\"abc\",\"Select\":\"COUNT\",\"ProjectionExpression\":\"a\"}", INVALID,
          "Cannot specify the ProjectionExpression when choosing to get only the Count");
    fails(SLV_DYN_SCAN, "{\"TableName\":\"abc\",\"Select\":\"SPECIFIC_ATTRIBUTES\"}", INVALID,
          "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
          "SPECIFIC_ATTRIBUTES");
    fails(SLV_DYN_SCAN, "{\"TableName\":\"abc\",\"Select\":\"ALL_PROJECTED_ATTRIBUTES\"}", INVALID,
          "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName");
}

TEST(groups_have_rules)
{
    fails(SLV_DYN_BATCH_GET_ITEM, "{\"RequestItems\":{}}", INVALID,
          "The requestItems parameter is required for BatchGetItem");
    fails(SLV_DYN_BATCH_GET_ITEM,
          "{\"RequestItems\":{\"abc\":{\"Keys\":[{\"a\":{\"N\":\"1\"}},{\"a\":{\"N\":\"1.0\"}}]}}}",
          INVALID, "Provided list of item keys contains duplicates");
    fails(SLV_DYN_BATCH_WRITE_ITEM, "{\"RequestItems\":{\"abc\":[{}]}}", INVALID,
          "Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
          "the supported datatypes");
    fails(SLV_DYN_TRANSACT_WRITE_ITEMS, "{\"TransactItems\":[{}]}", INVALID,
          "TransactItems can only contain one of Check, Put, Update or Delete");
}

/* n times text with commas between start and end. */
static const char *list(slv_buf *b, const char *start, const char *text, int n, const char *end)
{
    slv_buf_reset(b);
    if (slv_buf_append(b, slv_str_from(start)) != SLV_OK)
        return "";
    for (int i = 0; i < n; i++) {
        if (i && slv_buf_append_byte(b, ',') != SLV_OK)
            return "";
        if (slv_buf_printf(b, "%s%d\"}}}}", text, i) != SLV_OK)
            return "";
    }
    return slv_buf_append(b, slv_str_from(end)) == SLV_OK ? slv_buf_cstr(b) : "";
}

static bool accepts(slv_dyn_operation op, const char *body)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_request r;

    return slv_dyn_request_parse(&sc, op, slv_str_from(body), &r) == SLV_OK;
}

TEST(batches_hold_twenty_five_writes_and_items_400_kilobytes)
{
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF((size_t)4 << 20);
    const char *start = "{\"RequestItems\":{\"abc\":[";
    const char *one = "{\"PutRequest\":{\"Item\":{\"a\":{\"S\":\"";

    CHECK(accepts(SLV_DYN_BATCH_WRITE_ITEM, list(&b, start, one, 25, "]}}")));
    CHECK(!accepts(SLV_DYN_BATCH_WRITE_ITEM, list(&b, start, one, 26, "]}}")));
    for (size_t over = 0; over < 2; over++) {
        slv_buf_reset(&b);
        CHECK(slv_buf_append(&b, SLV_STR("{\"TableName\":\"abc\",\"Item\":{\"a\":{\"S\":\"")) ==
              SLV_OK);
        for (size_t i = 0; i < SLV_DYN_ITEM_MAX - 1 + over; i++)
            CHECK(slv_buf_append_byte(&b, 'x') == SLV_OK);
        CHECK(slv_buf_append(&b, SLV_STR("\"}}}")) == SLV_OK);
        if (over)
            fails(SLV_DYN_PUT_ITEM, slv_buf_cstr(&b), INVALID,
                  "Item size has exceeded the maximum allowed size");
        else
            CHECK(accepts(SLV_DYN_PUT_ITEM, slv_buf_cstr(&b)));
    }
}

#define KEYS "\"KeySchema\":[{\"AttributeName\":\"a\",\"KeyType\":\"HASH\"}]"
#define ATTRS "\"AttributeDefinitions\":[{\"AttributeName\":\"a\",\"AttributeType\":\"S\"}]"
#define TABLE(more) "{\"TableName\":\"abc\"," KEYS "," ATTRS more "}"
#define ON_DEMAND ",\"BillingMode\":\"PAY_PER_REQUEST\""

TEST(tables_have_rules)
{
    slv_dyn_operation create = SLV_DYN_CREATE_TABLE;

    CHECK(accepts(create, TABLE(ON_DEMAND)));
    fails(create, TABLE(""), INVALID,
          PARAMS "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode "
                 "is PROVISIONED");
    fails(create,
          TABLE(",\"ProvisionedThroughput\":{\"ReadCapacityUnits\":1000000000001,"
                "\"WriteCapacityUnits\":1}"),
          INVALID, "Given value 1000000000001 for ReadCapacityUnits is out of bounds");
    fails(create, TABLE(ON_DEMAND ",\"GlobalSecondaryIndexes\":[]"), INVALID,
          PARAMS "List of GlobalSecondaryIndexes is empty");
    fails(create,
          TABLE(ON_DEMAND ",\"GlobalSecondaryIndexes\":[{\"IndexName\":\"idx\",\"KeySchema\":[{"
                          "\"AttributeName\":\"b\",\"KeyType\":\"HASH\"}],\"Projection\":{}}]"),
          INVALID,
          PARAMS "Some index key attributes are not defined in AttributeDefinitions. Keys: [b], "
                 "AttributeDefinitions: [a]");
    fails(create,
          TABLE(ON_DEMAND ",\"LocalSecondaryIndexes\":[{\"IndexName\":\"idx\"," KEYS
                          ",\"Projection\":{}}]"),
          INVALID,
          PARAMS "Table KeySchema does not have a range key, which is required when specifying a "
                 "LocalSecondaryIndex");
    fails(SLV_DYN_UPDATE_TABLE, "{\"TableName\":\"abc\"}", INVALID,
          "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
          "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required");
    fails(SLV_DYN_UPDATE_TABLE,
          "{\"TableName\":\"abc\",\"GlobalSecondaryIndexUpdates\":[{\"Delete\":{\"IndexName\":"
          "\"idx\"}},{\"Delete\":{\"IndexName\":\"idx\"}}]}",
          INVALID,
          PARAMS "Only one global secondary index update per index is allowed simultaneously. "
                 "Index: idx");
}

/* ---- what is read ---- */

TEST(a_query_is_read)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_request r;

    CHECK(slv_dyn_request_parse(
              &sc, SLV_DYN_QUERY,
              SLV_STR("{\"TableName\":\"arn:aws:dynamodb:us-east-1:1:table/abc\",\"IndexName\":"
                      "\"idx\",\"KeyConditionExpression\":\"a = :a AND b > :b\","
                      "\"FilterExpression\":\"c = :a\",\"ProjectionExpression\":\"a, c.d\","
                      "\"ExpressionAttributeValues\":{\":a\":{\"S\":\"x\"},\":b\":{\"N\":\"1\"}},"
                      "\"Limit\":7,\"ScanIndexForward\":false,\"ConsistentRead\":true,"
                      "\"ReturnConsumedCapacity\":\"INDEXES\",\"ExclusiveStartKey\":{\"a\":{\"S\":"
                      "\"x\"}}}"),
              &r) == SLV_OK);
    CHECK_STR(r.table, SLV_STR("abc"));
    CHECK_STR(r.index, SLV_STR("idx"));
    CHECK_INT(r.key_conds.count, 2);
    CHECK(r.filter && r.has_projection && !r.projection_legacy);
    CHECK_INT(r.projection.count, 2);
    CHECK_INT(r.limit, 7);
    CHECK(r.backward && r.consistent && r.has_start_key);
    CHECK_INT(r.capacity, SLV_DYN_CAPACITY_INDEXES);
    CHECK_INT(r.start_key.count, 1);
}

TEST(a_transaction_is_read_in_its_order)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_request r;

    CHECK(slv_dyn_request_parse(
              &sc, SLV_DYN_TRANSACT_WRITE_ITEMS,
              SLV_STR("{\"ClientRequestToken\":\"t\",\"TransactItems\":[{\"ConditionCheck\":{"
                      "\"TableName\":\"abc\",\"Key\":{\"a\":{\"S\":\"1\"}},\"ConditionExpression\":"
                      "\"attribute_exists(a)\"}},{\"Put\":{\"TableName\":\"abd\",\"Item\":{\"a\":{"
                      "\"S\":\"2\"}},\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}},{"
                      "\"Update\":{\"TableName\":\"abc\",\"Key\":{\"a\":{\"S\":\"3\"}},"
                      "\"UpdateExpression\":\"REMOVE b\"}},{\"Delete\":{\"TableName\":\"abc\","
                      "\"Key\":{\"a\":{\"S\":\"4\"}}}}]}"),
              &r) == SLV_OK);
    CHECK_INT(r.transact_count, 4);
    CHECK_STR(r.client_token, SLV_STR("t"));
    CHECK(r.transact[0].kind == SLV_DYN_ITEM_CHECK && r.transact[0].condition);
    CHECK(r.transact[1].kind == SLV_DYN_ITEM_PUT && r.transact[1].return_old_on_failure);
    CHECK_STR(r.transact[1].table, SLV_STR("abd"));
    CHECK(r.transact[2].kind == SLV_DYN_ITEM_UPDATE && r.transact[2].update.count == 1);
    CHECK(r.transact[3].kind == SLV_DYN_ITEM_DELETE && !r.transact[3].condition);
}

static bool expected_says(const char *expected, const char *how)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    SLV_CLEANUP(slv_buf_done) slv_buf b = SLV_BUF(10000);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_request r;

    /* the item that is put is also the one that is tested */
    if (slv_buf_printf(&b,
                       "{\"TableName\":\"abc\",\"Item\":{\"n\":{\"N\":\"5\"},\"s\":{\"S\":\"abc\"},"
                       "\"t\":{\"SS\":[\"x\"]}},\"Expected\":%s%s}",
                       expected, how) != SLV_OK ||
        slv_dyn_request_parse(&sc, SLV_DYN_PUT_ITEM, slv_buf_view(&b), &r) != SLV_OK) {
        tap_failed(__FILE__, __LINE__, "%s: %.*s", expected, SLV_STR_ARGS(sc.message));
        return false;
    }
    return slv_dyn_expr_test(r.item.condition, &r.item.item);
}

#define TEST1(name, op, list)                                                                      \
    "{\"" name "\":{\"ComparisonOperator\":\"" op "\",\"AttributeValueList\":[" list "]}}"

TEST(legacy_conditions_say_what_they_said)
{
    CHECK(expected_says(TEST1("n", "EQ", "{\"N\":\"5.0\"}"), ""));
    CHECK(!expected_says(TEST1("n", "NE", "{\"N\":\"5\"}"), ""));
    CHECK(expected_says(TEST1("n", "BETWEEN", "{\"N\":\"1\"},{\"N\":\"5\"}"), ""));
    CHECK(expected_says(TEST1("n", "IN", "{\"N\":\"1\"},{\"N\":\"5\"}"), ""));
    CHECK(expected_says(TEST1("s", "BEGINS_WITH", "{\"S\":\"ab\"}"), ""));
    CHECK(expected_says(TEST1("t", "CONTAINS", "{\"S\":\"x\"}"), ""));
    CHECK(!expected_says(TEST1("t", "NOT_CONTAINS", "{\"S\":\"x\"}"), ""));
    CHECK(expected_says(TEST1("zz", "NULL", ""), ""));
    CHECK(expected_says(TEST1("n", "NOT_NULL", ""), ""));
    CHECK(expected_says("{\"zz\":{\"Exists\":false},\"n\":{\"Value\":{\"N\":\"5\"}}}", ""));
    CHECK(!expected_says("{\"n\":{\"Exists\":false},\"s\":{\"Value\":{\"S\":\"abc\"}}}", ""));
    CHECK(expected_says("{\"n\":{\"Exists\":false},\"s\":{\"Value\":{\"S\":\"abc\"}}}",
                        ",\"ConditionalOperator\":\"OR\""));
}

TEST(every_operation_has_a_name_and_a_shape)
{
    for (int op = 0; op < SLV_DYN_OPERATION_COUNT; op++) {
        SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
        slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
        slv_dyn_operation found;
        slv_dyn_request r;

        CHECK(slv_dyn_operation_find(slv_str_from(slv_dyn_operation_name((slv_dyn_operation)op)),
                                     &found));
        CHECK_INT(found, op);
        slv_code code = slv_dyn_request_parse(&sc, found, SLV_STR("{}"), &r);
        CHECK(code == SLV_OK || (code == SLV_E_INVAL && sc.message.len));
    }
    slv_dyn_operation none;
    CHECK(!slv_dyn_operation_find(SLV_STR("GetItems"), &none));
    CHECK(!slv_dyn_operation_find(SLV_STR("GetIte"), &none));
}

TEST(memory_that_runs_out_is_told_apart_from_a_bad_request)
{
    static const char body[] =
        "{\"TableName\":\"abc\",\"Key\":{\"a\":{\"S\":\"1\"}},\"UpdateExpression\":\"SET b = "
        "list_append(c, :l), d.e[3] = :n REMOVE f\",\"ConditionExpression\":\"size(a) > :n AND b "
        "IN (:n, :l)\",\"ExpressionAttributeValues\":{\":l\":{\"L\":[{\"S\":\"x\"}]},\":n\":{\"N\":"
        "\"1\"}}}";
    bool done = false;

    for (size_t limit = 16; !done; limit += 16) {
        SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(limit);
        slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
        slv_dyn_request r;
        slv_code code = slv_dyn_request_parse(&sc, SLV_DYN_UPDATE_ITEM, slv_str_from(body), &r);

        CHECK(code == SLV_OK || code == SLV_E_LIMIT);
        CHECK(limit < 1 << 20);
        done = code == SLV_OK;
    }
}

TEST(keys_are_checked_against_their_schema)
{
    SLV_CLEANUP(slv_arena_done) slv_arena a = SLV_ARENA(ARENA);
    slv_dyn_scope sc = SLV_DYN_SCOPE(&a);
    slv_dyn_key_attr hash = {SLV_STR("a"), SLV_DYN_S}, range = {SLV_STR("b"), SLV_DYN_B};
    char text[2049] = {0};
    slv_dyn_member m[2] = {{SLV_STR("a"), {.type = SLV_DYN_S}},
                           {SLV_STR("b"), {.type = SLV_DYN_B}}};
    slv_dyn_value key = {.type = SLV_DYN_M, .count = 2, .members = m};

    m[0].value.bytes = slv_str_make(text, 2048);
    m[1].value.bytes = slv_str_make(text, 1024);
    CHECK(slv_dyn_key_check(&sc, &key, &hash, &range) == SLV_OK);
    CHECK(slv_dyn_item_check(&sc, &key, &hash, &range) == SLV_OK);
    m[0].value.bytes.len++;
    CHECK(slv_dyn_key_check(&sc, &key, &hash, &range) == SLV_E_INVAL);
    CHECK_STR(sc.message, SLV_STR(PARAMS "Size of hashkey has exceeded the maximum size limit "
                                         "of2048 bytes"));
    m[0].value.bytes.len = 1;
    m[1].value.bytes.len++;
    CHECK(slv_dyn_key_check(&sc, &key, &hash, &range) == SLV_E_INVAL);
    CHECK_STR(sc.message, SLV_STR(PARAMS "Aggregated size of all range keys has exceeded the size "
                                         "limit of 1024 bytes"));
    m[1].value.bytes.len = 0;
    CHECK(slv_dyn_item_check(&sc, &key, &hash, &range) == SLV_E_INVAL);
    CHECK_STR(sc.message,
              SLV_STR("One or more parameter values are not valid. The AttributeValue for a key "
                      "attribute cannot contain an empty binary value. Key: b"));
    CHECK(slv_dyn_key_check(&sc, &key, &hash, NULL) == SLV_E_INVAL);
    CHECK_STR(sc.message, SLV_STR("The provided key element does not match the schema"));
    m[1].value.type = SLV_DYN_S;
    CHECK(slv_dyn_item_check(&sc, &key, &hash, &range) == SLV_E_INVAL);
    CHECK_STR(sc.message, SLV_STR(PARAMS "Type mismatch for key b expected: B actual: S"));
    CHECK(slv_dyn_index_key_check(&sc, &key, &range, SLV_STR("idx")) == SLV_E_INVAL);
    CHECK_STR(sc.message, SLV_STR(PARAMS "Type mismatch for Index Key b Expected: B Actual: S "
                                         "IndexName: idx"));
}

TAP_MAIN()
