/* The table store: operations on one item, on indexes, on tables. */
#include "dynamo_kit.h"

#define T "\"TableName\":\"things\""
#define KEY(pk, sk) "{\"pk\":{\"S\":\"" pk "\"},\"sk\":{\"N\":\"" sk "\"}}"

static slv_dynamo *with_table(void)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    slv_dynamo *d = dyn_open();

    if (dyn_ask(d, "CreateTable", DYN_MAKE_TABLE, &out) != 200)
        tap_failed(__FILE__, __LINE__, "%s", out.ptr);
    return d;
}

static int put(slv_dynamo *d, const char *members)
{
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    char json[2048];

    (void)snprintf(json, sizeof json, "{" T ",\"Item\":{%s}}", members);
    return dyn_ask(d, "PutItem", json, &out);
}

/* ---- tables ---- */

TEST(dynamo_table_is_described_as_it_was_made)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = dyn_open();

    DYN_HAS(d, "CreateTable", DYN_MAKE_TABLE, "\"TableStatus\":\"CREATING\"");
    DYN_FAILS(d, "CreateTable", DYN_MAKE_TABLE, "ResourceInUseException",
              "Table already exists: things");
    DYN_HAS(d, "DescribeTable", "{" T "}", "\"TableStatus\":\"ACTIVE\"");
    DYN_HAS(d, "DescribeTable", "{" T "}",
            "\"IndexName\":\"by-l\",\"KeySchema\":[{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},"
            "{\"AttributeName\":\"l\",\"KeyType\":\"RANGE\"}],\"Projection\":{\"ProjectionType\":"
            "\"INCLUDE\",\"NonKeyAttributes\":[\"x\"]}");
    DYN_HAS(d, "DescribeTable", "{" T "}",
            "\"TableArn\":\"arn:aws:dynamodb:us-east-1:" SLV_DYNAMO_ACCOUNT ":table/things\"");
    DYN_IS(d, "ListTables", "{}", "{\"TableNames\":[\"things\"]}");
    DYN_FAILS(d, "DescribeTable", "{\"TableName\":\"other\"}", "ResourceNotFoundException",
              "Requested resource not found: Table: other not found");
}

TEST(dynamo_table_that_is_deleted_is_gone_with_its_items)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();
    int64_t next = 1;
    slv_err err = {0};

    CHECK_INT(put(d, "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"},\"g\":{\"S\":\"g\"}"), 200);
    DYN_HAS(d, "DeleteTable", "{" T "}", "\"TableStatus\":\"DELETING\"");
    DYN_FAILS(d, "GetItem", "{" T ",\"Key\":" KEY("a", "1") "}", "ResourceNotFoundException",
              "Requested resource not found");
    DYN_HAS(d, "CreateTable", DYN_MAKE_TABLE, "CREATING");
    DYN_IS(d, "Scan", "{" T "}", "{\"Items\":[],\"Count\":0,\"ScannedCount\":0}");
    for (int i = 0; i < 50 && next != 0; i++) /* rows of the dropped spaces go in pieces */
        CHECK(slv_dynamo_sweep(d, DYN_NOW, &next, &err) == SLV_OK);
    CHECK_INT(next, 0);
    DYN_IS(d, "Scan", "{" T ",\"IndexName\":\"by-g\"}",
           "{\"Items\":[],\"Count\":0,\"ScannedCount\":0}");
}

TEST(dynamo_deletion_protection_protects)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();

    DYN_HAS(d, "UpdateTable", "{" T ",\"DeletionProtectionEnabled\":true}", "UPDATING");
    DYN_FAILS(d, "DeleteTable", "{" T "}", "ValidationException", "protected against deletion");
    DYN_HAS(d, "UpdateTable", "{" T ",\"DeletionProtectionEnabled\":false}", "UPDATING");
    DYN_HAS(d, "DeleteTable", "{" T "}", "DELETING");
}

TEST(dynamo_names_of_tables_come_in_pages)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = dyn_open();
    char json[400];

    for (int i = 0; i < 5; i++) {
        (void)snprintf(json, sizeof json,
                       "{\"TableName\":\"tab%d\",\"AttributeDefinitions\":[{\"AttributeName\":"
                       "\"a\",\"AttributeType\":\"S\"}],\"KeySchema\":[{\"AttributeName\":\"a\","
                       "\"KeyType\":\"HASH\"}],\"BillingMode\":\"PAY_PER_REQUEST\"}",
                       i);
        DYN_HAS(d, "CreateTable", json, "CREATING");
    }
    DYN_IS(d, "ListTables", "{\"Limit\":2}",
           "{\"TableNames\":[\"tab0\",\"tab1\"],\"LastEvaluatedTableName\":\"tab1\"}");
    DYN_IS(d, "ListTables", "{\"Limit\":3,\"ExclusiveStartTableName\":\"tab1\"}",
           "{\"TableNames\":[\"tab2\",\"tab3\",\"tab4\"]}");
}

/* ---- one item ---- */

TEST(dynamo_item_is_what_was_put_last)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();

    DYN_IS(d, "GetItem", "{" T ",\"Key\":" KEY("a", "1") "}", "{}");
    CHECK_INT(put(d, "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"},\"v\":{\"S\":\"one\"}"), 200);
    CHECK_INT(put(d, "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1.0\"},\"v\":{\"S\":\"two\"}"), 200);
    DYN_IS(d, "GetItem", "{" T ",\"Key\":" KEY("a", "01") "}",
           "{\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"},\"v\":{\"S\":\"two\"}}}");
    DYN_IS(d, "DeleteItem", "{" T ",\"Key\":" KEY("a", "1") ",\"ReturnValues\":\"ALL_OLD\"}",
           "{\"Attributes\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"},\"v\":{\"S\":\"two\"}}}");
    DYN_IS(d, "DeleteItem", "{" T ",\"Key\":" KEY("a", "1") ",\"ReturnValues\":\"ALL_OLD\"}", "{}");
    DYN_IS(d, "GetItem", "{" T ",\"Key\":" KEY("a", "1") "}", "{}");
}

TEST(dynamo_condition_that_fails_changes_nothing_and_can_show_the_item)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();

    CHECK_INT(put(d, "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"},\"v\":{\"N\":\"5\"}"), 200);
    DYN_FAILS(d, "PutItem",
              "{" T
              ",\"Item\":" KEY("a", "1") ",\"ConditionExpression\":\"attribute_not_exists(pk)\"}",
              "ConditionalCheckFailedException", "The conditional request failed");
    DYN_FAILS(
        d, "UpdateItem",
        "{" T ",\"Key\":" KEY(
            "a", "1") ",\"UpdateExpression\":\"SET v = :n\",\"ConditionExpression\":\"v > :n\","
                      "\"ExpressionAttributeValues\":{\":n\":{\"N\":\"9\"}},"
                      "\"ReturnValuesOnConditionCheckFailure\":\"ALL_OLD\"}",
        "ConditionalCheckFailedException",
        "\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"},\"v\":{\"N\":\"5\"}}");
    DYN_HAS(d, "GetItem", "{" T ",\"Key\":" KEY("a", "1") "}", "\"v\":{\"N\":\"5\"}");
}

TEST(dynamo_update_returns_what_was_asked_for)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();
    static const char base[] = "{" T ",\"Key\":" KEY(
        "a", "1") ",\"UpdateExpression\":\"SET n = if_not_exists(n, :z) + :o\","
                  "\"ExpressionAttributeValues\":{\":z\":{\"N\":\"0\"},\":o\":{\"N\":"
                  "\"1\"}},\"ReturnValues\":\"%s\"}";
    char json[600];

    (void)snprintf(json, sizeof json, base, "UPDATED_OLD");
    DYN_IS(d, "UpdateItem", json, "{}");
    (void)snprintf(json, sizeof json, base, "UPDATED_OLD");
    DYN_IS(d, "UpdateItem", json, "{\"Attributes\":{\"n\":{\"N\":\"1\"}}}");
    (void)snprintf(json, sizeof json, base, "UPDATED_NEW");
    DYN_IS(d, "UpdateItem", json, "{\"Attributes\":{\"n\":{\"N\":\"3\"}}}");
    (void)snprintf(json, sizeof json, base, "ALL_OLD");
    DYN_IS(d, "UpdateItem", json,
           "{\"Attributes\":{\"n\":{\"N\":\"3\"},\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"}}}");
    (void)snprintf(json, sizeof json, base, "ALL_NEW");
    DYN_IS(d, "UpdateItem", json,
           "{\"Attributes\":{\"n\":{\"N\":\"5\"},\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"}}}");
}

TEST(dynamo_keys_are_checked_against_the_schema)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();

    DYN_FAILS(d, "GetItem", "{" T ",\"Key\":{\"pk\":{\"S\":\"a\"}}}", "ValidationException",
              "The provided key element does not match the schema");
    DYN_FAILS(d, "PutItem", "{" T ",\"Item\":{\"pk\":{\"S\":\"a\"}}}", "ValidationException",
              "Missing the key sk in the item");
    DYN_FAILS(d, "PutItem",
              "{" T ",\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"},\"g\":{\"N\":\"1\"}}}",
              "ValidationException", "IndexName: by-g");
    DYN_FAILS(
        d, "UpdateItem",
        "{" T ",\"Key\":" KEY(
            "a",
            "1") ",\"UpdateExpression\":\"SET sk = :v\",\"ExpressionAttributeValues\":{\":v\":{"
                 "\"N\":\"2\"}}}",
        "ValidationException", "This attribute is part of the key");
}

/* At 400 KB, and one byte past it. */
TEST(dynamo_item_has_400_kb)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();
    SLV_CLEANUP(slv_buf_done) slv_buf json = SLV_BUF((size_t)1 << 20), out = SLV_BUF(4096);
    /* "pk" "a" "sk" (number 1: 2 bytes) "v" */
    const size_t rest = 2 + 1 + 2 + 2 + 1;

    for (size_t over = 0; over < 2; over++) {
        slv_buf_reset(&json);
        CHECK(slv_buf_append(&json, SLV_STR("{" T ",\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":"
                                            "\"1\"},\"v\":{\"S\":\"")) == SLV_OK);
        for (size_t i = 0; i < 400 * 1024 - rest + over; i++)
            CHECK(slv_buf_append_byte(&json, 'x') == SLV_OK);
        CHECK(slv_buf_append(&json, SLV_STR("\"}}}")) == SLV_OK);
        CHECK_INT(dyn_ask(d, "PutItem", slv_buf_cstr(&json), &out), over ? 400 : 200);
    }
    CHECK(strstr(out.ptr, "Item size has exceeded the maximum allowed size") != NULL);
    DYN_FAILS(d, "UpdateItem",
              "{" T ",\"Key\":" KEY("a", "1") ",\"UpdateExpression\":\"SET w = "
                                              ":v\",\"ExpressionAttributeValues\":{\":v\":{\"S\":"
                                              "\"y\"}}}",
              "ValidationException", "Item size to update has exceeded the maximum allowed size");
}

/* ---- capacity ---- */

TEST(dynamo_capacity_counts_indexes)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();
    static const char item[] =
        "{" T ",\"ReturnConsumedCapacity\":\"INDEXES\",\"Item\":{\"pk\":{\"S\":\"a\"},\"sk\":{"
        "\"N\":\"1\"},\"g\":{\"S\":\"%s\"},\"l\":{\"S\":\"l\"}}}";
    char json[400];

    (void)snprintf(json, sizeof json, item, "g1");
    DYN_IS(d, "PutItem", json,
           "{\"ConsumedCapacity\":{\"TableName\":\"things\",\"CapacityUnits\":3.0,\"Table\":{"
           "\"CapacityUnits\":1.0},\"LocalSecondaryIndexes\":{\"by-l\":{\"CapacityUnits\":1.0}},"
           "\"GlobalSecondaryIndexes\":{\"by-g\":{\"CapacityUnits\":1.0}}}}");
    /* what an index keeps is as it was: nothing is written there */
    DYN_IS(d, "PutItem", json,
           "{\"ConsumedCapacity\":{\"TableName\":\"things\",\"CapacityUnits\":1.0,\"Table\":{"
           "\"CapacityUnits\":1.0}}}");
    /* another key: removed here, added there */
    (void)snprintf(json, sizeof json, item, "g2");
    DYN_HAS(d, "PutItem", json, "\"GlobalSecondaryIndexes\":{\"by-g\":{\"CapacityUnits\":2.0}}");
    DYN_HAS(d, "GetItem", "{" T ",\"Key\":" KEY("a", "1") ",\"ReturnConsumedCapacity\":\"TOTAL\"}",
            "\"CapacityUnits\":0.5}");
    DYN_HAS(d, "GetItem",
            "{" T ",\"ConsistentRead\":true,\"Key\":" KEY(
                "a", "1") ",\"ReturnConsumedCapacity\":\"TOTAL\"}",
            "\"CapacityUnits\":1.0}");
}

TEST(dynamo_item_collections_are_told)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();

    DYN_IS(d, "PutItem",
           "{" T ",\"ReturnItemCollectionMetrics\":\"SIZE\",\"Item\":" KEY("a", "1") "}",
           "{\"ItemCollectionMetrics\":{\"ItemCollectionKey\":{\"pk\":{\"S\":\"a\"}},"
           "\"SizeEstimateRangeGB\":[0.0,1.0]}}");
}

/* ---- indexes ---- */

TEST(dynamo_index_follows_every_write)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();
    static const char query[] =
        "{" T ",\"IndexName\":\"by-g\",\"Select\":\"COUNT\",\"KeyConditionExpression\":\"g = :g\","
        "\"ExpressionAttributeValues\":{\":g\":{\"S\":\"x\"}}}";

    CHECK_INT(put(d, "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"},\"g\":{\"S\":\"x\"}"), 200);
    CHECK_INT(put(d, "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"2\"},\"g\":{\"S\":\"x\"}"), 200);
    CHECK_INT(put(d, "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"3\"}"), 200); /* sparse */
    DYN_IS(d, "Query", query, "{\"Count\":2,\"ScannedCount\":2}");
    DYN_HAS(d, "UpdateItem", "{" T ",\"Key\":" KEY("a", "1") ",\"UpdateExpression\":\"REMOVE g\"}",
            "{}");
    DYN_IS(d, "Query", query, "{\"Count\":1,\"ScannedCount\":1}");
    DYN_HAS(d, "DeleteItem", "{" T ",\"Key\":" KEY("a", "2") "}", "{}");
    DYN_IS(d, "Query", query, "{\"Count\":0,\"ScannedCount\":0}");
    DYN_HAS(d, "DescribeTable", "{" T "}",
            "\"IndexSizeBytes\":0,\"ItemCount\":0,\"IndexArn\":\"arn:aws:dynamodb:us-east-"
            "1:" SLV_DYNAMO_ACCOUNT ":table/things/index/by-g\"");
}

TEST(dynamo_projections_of_indexes)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();

    CHECK_INT(put(d, "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"},\"g\":{\"S\":\"x\"},\"l\":{\"S\":"
                     "\"l\"},\"x\":{\"S\":\"X\"},\"y\":{\"S\":\"Y\"}"),
              200);
    DYN_IS(d, "Scan", "{" T ",\"IndexName\":\"by-g\"}",
           "{\"Items\":[{\"g\":{\"S\":\"x\"},\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"}}],\"Count\":"
           "1,\"ScannedCount\":1}");
    DYN_IS(d, "Scan", "{" T ",\"IndexName\":\"by-l\"}",
           "{\"Items\":[{\"l\":{\"S\":\"l\"},\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"},\"x\":{"
           "\"S\":\"X\"}}],\"Count\":1,\"ScannedCount\":1}");
    /* a local index reads the table for what it does not have; a global one does not */
    DYN_HAS(d, "Scan", "{" T ",\"IndexName\":\"by-l\",\"ProjectionExpression\":\"y\"}",
            "[{\"y\":{\"S\":\"Y\"}}]");
    DYN_FAILS(d, "Scan", "{" T ",\"IndexName\":\"by-g\",\"Select\":\"ALL_ATTRIBUTES\"}",
              "ValidationException", "its projection type is not ALL");
    DYN_FAILS(d, "Scan", "{" T ",\"IndexName\":\"by-g\",\"ConsistentRead\":true}",
              "ValidationException",
              "Consistent reads are not supported on global secondary indexes");
    DYN_FAILS(d, "Scan", "{" T ",\"IndexName\":\"by-z\"}", "ValidationException",
              "The table does not have the specified index: by-z");
}

TEST(dynamo_index_made_later_takes_over_what_is_there)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();
    SLV_CLEANUP(slv_buf_done) slv_buf out = SLV_BUF((size_t)1 << 20);
    char item[200];
    int64_t next = 1;
    slv_err err = {0};

    for (int i = 0; i < 2500; i++) {
        (void)snprintf(item, sizeof item,
                       "\"pk\":{\"S\":\"p%d\"},\"sk\":{\"N\":\"%d\"},\"h\":{\"S\":\"h%d\"}", i % 7,
                       i, i % 3);
        CHECK_INT(put(d, item), 200);
    }
    DYN_HAS(d, "UpdateTable",
            "{" T ",\"AttributeDefinitions\":[{\"AttributeName\":\"h\",\"AttributeType\":\"S\"}],"
            "\"GlobalSecondaryIndexUpdates\":[{\"Create\":{\"IndexName\":\"by-h\",\"KeySchema\":[{"
            "\"AttributeName\":\"h\",\"KeyType\":\"HASH\"}],\"Projection\":{\"ProjectionType\":"
            "\"ALL\"}}}]}",
            "\"IndexStatus\":\"CREATING\",\"Backfilling\":true");
    DYN_FAILS(d, "Scan", "{" T ",\"IndexName\":\"by-h\"}", "ValidationException",
              "Cannot read from backfilling global secondary index: by-h");
    /* writes meanwhile are not lost, nor counted twice */
    CHECK_INT(put(d, "\"pk\":{\"S\":\"p0\"},\"sk\":{\"N\":\"0\"}"), 200);
    CHECK_INT(put(d, "\"pk\":{\"S\":\"p1\"},\"sk\":{\"N\":\"1\"},\"h\":{\"S\":\"h2\"}"), 200);
    CHECK_INT(put(d, "\"pk\":{\"S\":\"new\"},\"sk\":{\"N\":\"1\"},\"h\":{\"S\":\"h1\"}"), 200);
    for (int i = 0; i < 50 && next != 0; i++)
        CHECK(slv_dynamo_sweep(d, DYN_NOW, &next, &err) == SLV_OK);
    DYN_HAS(d, "Scan", "{" T ",\"IndexName\":\"by-h\",\"Select\":\"COUNT\"}",
            "\"Count\":2500,\"ScannedCount\":2500}");
    CHECK_INT(dyn_ask(d, "DescribeTable", "{" T "}", &out), 200);
    CHECK(strstr(out.ptr, "\"ItemCount\":2500,\"IndexArn\"") != NULL);
    DYN_HAS(d, "UpdateTable",
            "{" T ",\"GlobalSecondaryIndexUpdates\":[{\"Delete\":{\"IndexName\":\"by-h\"}}]}",
            "UPDATING");
    DYN_FAILS(d, "Scan", "{" T ",\"IndexName\":\"by-h\"}", "ValidationException",
              "does not have the specified index");
}

/* ---- time to live ---- */

TEST(dynamo_items_end_when_their_time_is_over)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();
    int64_t next = 0;
    slv_err err = {0};

    CHECK_INT(put(d, "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"1\"},\"g\":{\"S\":\"x\"},\"end\":{\"N\":"
                     "\"1800000010\"}"),
              200);
    DYN_HAS(d, "UpdateTimeToLive",
            "{" T ",\"TimeToLiveSpecification\":{\"Enabled\":true,\"AttributeName\":\"end\"}}",
            "\"Enabled\":true,\"AttributeName\":\"end\"");
    DYN_FAILS(d, "UpdateTimeToLive",
              "{" T ",\"TimeToLiveSpecification\":{\"Enabled\":true,\"AttributeName\":\"end\"}}",
              "ValidationException", "TimeToLive is already enabled");
    DYN_IS(d, "DescribeTimeToLive", "{" T "}",
           "{\"TimeToLiveDescription\":{\"TimeToLiveStatus\":\"ENABLED\",\"AttributeName\":\"end\"}"
           "}");
    CHECK_INT(put(d, "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"2\"},\"end\":{\"S\":\"1\"}"), 200);
    CHECK_INT(put(d, "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"3\"},\"end\":{\"N\":\"1000\"}"), 200);
    CHECK_INT(put(d, "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"4\"},\"end\":{\"N\":\"1800000020\"}"),
              200);
    CHECK(slv_dynamo_sweep(d, DYN_NOW + 9999, &next, &err) == SLV_OK);
    CHECK_INT(next, DYN_NOW + 10000);
    DYN_HAS(d, "Scan", "{" T ",\"Select\":\"COUNT\"}", "\"Count\":4");
    CHECK(slv_dynamo_sweep(d, DYN_NOW + 10000, &next, &err) == SLV_OK);
    DYN_IS(d, "GetItem", "{" T ",\"Key\":" KEY("a", "1") "}", "{}");
    DYN_HAS(d, "Scan", "{" T ",\"IndexName\":\"by-g\",\"Select\":\"COUNT\"}", "\"Count\":0");
    /* a later end replaces an earlier one; what should have ended decades ago stays, as on AWS */
    CHECK_INT(put(d, "\"pk\":{\"S\":\"a\"},\"sk\":{\"N\":\"4\"},\"end\":{\"N\":\"1800000900\"}"),
              200);
    CHECK(slv_dynamo_sweep(d, DYN_NOW + 30000, &next, &err) == SLV_OK);
    DYN_HAS(d, "Scan", "{" T ",\"Select\":\"COUNT\"}", "\"Count\":3");
}

TEST(dynamo_tags_of_tables)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();
#define ARN "\"ResourceArn\":\"arn:aws:dynamodb:us-east-1:" SLV_DYNAMO_ACCOUNT ":table/things\""

    DYN_IS(d, "TagResource",
           "{" ARN ",\"Tags\":[{\"Key\":\"b\",\"Value\":\"2\"},{\"Key\":\"a\",\"Value\":\"1\"}]}",
           "");
    DYN_IS(d, "TagResource", "{" ARN ",\"Tags\":[{\"Key\":\"a\",\"Value\":\"3\"}]}", "");
    DYN_IS(d, "ListTagsOfResource", "{" ARN "}",
           "{\"Tags\":[{\"Key\":\"a\",\"Value\":\"3\"},{\"Key\":\"b\",\"Value\":\"2\"}]}");
    DYN_IS(d, "UntagResource", "{" ARN ",\"TagKeys\":[\"a\"]}", "");
    DYN_IS(d, "ListTagsOfResource", "{" ARN "}", "{\"Tags\":[{\"Key\":\"b\",\"Value\":\"2\"}]}");
}

TEST(dynamo_what_clients_ask_besides)
{
    SLV_CLEANUP(slv_dynamo_free) slv_dynamo *d = with_table();

    DYN_HAS(d, "DescribeEndpoints", "{}", "dynamodb.us-east-1.amazonaws.com");
    DYN_HAS(d, "DescribeLimits", "{}", "TableMaxReadCapacityUnits");
    DYN_HAS(d, "DescribeContinuousBackups", "{" T "}", "ContinuousBackupsStatus");
    DYN_FAILS(d, "Nonsense", "{}", "UnknownOperationException", "");
}

TAP_MAIN()
